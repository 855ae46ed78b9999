// SPDX-License-Identifier: BSD-3-Clause
// The queue of changes and how one ends.
// Thread: the loop's.
#include "serve_change_int.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core_link.h"
#include "core_loop.h"
#include "log.h"
#include "panic.h"
#include "text.h"

LOG_COMPONENT("config");

void serve_change_free(struct change *ch)
{
	serve_child_kill(ch->child);
	serve_revision_free(ch->cand);
	serve_revision_free(ch->whole);
	json_decref(ch->keep);
	free(ch->text.p);
	free(ch->label.p);
	free(ch->local.p);
	free(ch->name);
	free(ch->dir);
	free(ch);
}

static const char *change_name(const struct change *ch)
{
	static const char *const names[] = {
		[KIND_CONFIG] = "commit",
		[KIND_RULE_ADD] = "rule added",
		[KIND_RULE_DEL] = "rule deleted",
		[KIND_POLICY] = "policies",
		[KIND_WHOLE] = "import",
		[KIND_BACK] = "back",
		[KIND_START] = "start",
		[KIND_RESYNC] = "data plane attached",
	};

	return ch->revert ? "revert" : names[ch->kind];
}

// Tells who waits and goes on with the queue. Frees the change.
void serve_change_end(struct change *ch, const struct serve_change_result *res)
{
	struct serve_changes *c = ch->owner;

	if (ch->done != NULL)
		ch->done(ch->arg, res);
	ASSERT(c->active == ch);
	c->active = NULL;
	serve_change_free(ch);
	(void)core_timer_once(c->next, 0); // fails without memory: the next submit tries again
}

void serve_change_take(
	struct serve_changes *c, struct serve_revision *r, enum serve_origin o, bool keep)
{
	if (keep) {
		serve_revision_free(c->back);
		c->back = c->current;
		c->back_origin = c->origin;
	} else {
		serve_revision_free(c->current);
	}
	c->current = r;
	c->origin = o;
	if (r->version > c->high)
		c->high = r->version;
	if (c->taken != NULL)
		c->taken(c->arg, r);
}

struct change *serve_change_new(struct serve_changes *c, enum kind kind)
{
	struct change *ch = calloc(1, sizeof(*ch));

	if (ch == NULL)
		return NULL;
	ch->owner = c;
	ch->kind = kind;
	err_init(&ch->err);
	return ch;
}

void serve_change_queue(struct change *ch)
{
	struct serve_changes *c = ch->owner;

	if (ch->kind == KIND_START || ch->kind == KIND_RESYNC || ch->kind == KIND_BACK)
		TAILQ_INSERT_HEAD(&c->queue, ch, link);
	else
		TAILQ_INSERT_TAIL(&c->queue, ch, link);
	c->queued++;
	if (c->active == NULL)
		(void)core_timer_once(
			c->next, 0); // fails without memory: the next submit tries again
}

__attribute__((format(printf, 3, 4))) void serve_change_fail(
	struct change *ch, int code, const char *fmt, ...)
{
	struct serve_changes *c = ch->owner;
	char why[ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap); // cut where longer
	va_end(ap);
	if (ch->stored)
		serve_revision_unstore(ch->cand->version, c->store);
	LOG(WARNING, "%s: nothing changed: %s", change_name(ch), why);
	if (code == API_RPC_ERR_CONFIG) {
		for (unsigned i = 0; i < ch->err.kept; i++)
			LOG(WARNING, "%s", ch->err.text[i]);
	}
	if (ch->kind == KIND_START || ch->kind == KIND_RESYNC) {
		c->errors = ch->err;
		if (ch->err.kept == 0)
			err_add(&c->errors, "%s", why);
	}
	if (ch->kind == KIND_START)
		serve_change_fallback(c);
	if (ch->kind == KIND_RESYNC && code == API_RPC_ERR_REFUSED)
		(void)core_timer_once(c->retry, RESYNC_RETRY_MS); // else the next attach does it
	serve_change_end(ch,
		&(struct serve_change_result){
			.code = code, .why = why, .err = &ch->err, .rule = ch->rule.id});
}

// What the head says once the candidate is in force.
static void head_next(const struct change *ch, struct serve_head *head)
{
	const struct serve_changes *c = ch->owner;
	const struct api_hello *hello = core_link_hello(c->link);

	*head = c->head;
	if (head->back != 0)
		serve_head_unconfirmed_add(head, c->head.revision);
	head->revision = ch->cand->version;
	head->high = c->high > ch->cand->version ? c->high : ch->cand->version;
	head->boot = hello == NULL ? 0 : hello->boot;
	head->file_hash = ch->file_hash;
	head->rules_hash = ch->rules_hash;
	head->back = ch->confirm_s == 0 ? 0 : c->current->version;
	head->confirm_s = ch->confirm_s;
	head->until_s = ch->confirm_s == 0 ? 0 : time(NULL) + ch->confirm_s;
}

static void done_log(const struct change *ch, const struct serve_revision *r, bool pending)
{
	LOG(NOTICE, "%s: revision %" PRIu64 " by %s (+%" PRIu32 " -%" PRIu32 " lines) is %s%s",
		change_name(ch), r->version, r->author, r->plus, r->minus,
		pending ? "stored; it takes force when a data plane attaches" : "in force",
		ch->confirm_s > 0 ? "; it waits to be confirmed" : "");
}

void serve_change_done(struct change *ch, bool pending)
{
	struct serve_changes *c = ch->owner;
	struct serve_revision *r = ch->cand;
	struct serve_head head;
	int rc = ch->store_rc;

	head_next(ch, &head);
	if (rc == 0)
		rc = serve_head_save(&head, c->store);
	if (rc != 0 && ch->kind != KIND_START) {
		serve_change_undo(ch, rc);
		return;
	}
	if (rc != 0) { // better in force and not stored than nothing at all
		LOG(ERR, "%s: revision %" PRIu64 " is in force but not stored: %s",
			change_name(ch), r->version, strerror(-rc));
	} else {
		c->head = head;
		serve_history_add(&c->history, r, &head, c->store);
	}
	if (ch->local.p != NULL || r->local.p == NULL) {
		free(c->local.p);
		c->local = ch->local;
		ch->local = (struct serve_text){0};
	}
	if (!ch->last_good)
		err_init(&c->errors);
	ch->cand = NULL;
	if (ch->confirm_s == 0) {
		serve_revision_free(c->back);
		c->back = NULL;
	}
	serve_change_take(c, r, ch->last_good ? SERVE_ORIGIN_LAST_GOOD : SERVE_ORIGIN_COMMITTED,
		ch->confirm_s > 0);
	if (ch->confirm_s > 0)
		serve_confirm_wait(c, ch->confirm_s);
	done_log(ch, r, pending);
	serve_change_end(ch,
		&(struct serve_change_result){.err = &ch->err,
			.revision = r->version,
			.rule = ch->rule.id,
			.index = ch->index,
			.pending = pending,
			.until_s = c->head.until_s});
}

// May this change run now?
static bool change_is_allowed(struct change *ch)
{
	struct serve_changes *c = ch->owner;
	bool forth = ch->kind == KIND_CONFIG || ch->kind == KIND_RULE_ADD ||
		ch->kind == KIND_RULE_DEL || ch->kind == KIND_POLICY ||
		(ch->kind == KIND_WHOLE && !ch->revert);

	if (forth && c->head.back != 0) {
		serve_change_fail(ch, API_RPC_ERR_BUSY,
			"revision %" PRIu64 " waits to be confirmed: confirm it or revert first",
			c->head.revision);
		return false;
	}
	if (ch->confirm_s > 0 && (c->current == NULL || c->current->text.p == NULL ||
					 c->current->version != c->head.revision)) {
		serve_change_fail(ch, API_RPC_ERR_NOT_FOUND,
			"there is no stored revision to go back to: commit without confirmation");
		return false;
	}
	return true;
}

static void changes_next(struct serve_changes *c)
{
	struct change *ch = TAILQ_FIRST(&c->queue);

	if (c->active != NULL || ch == NULL)
		return;
	TAILQ_REMOVE(&c->queue, ch, link);
	c->queued--;
	c->active = ch;
	if (!change_is_allowed(ch))
		return;
	if (ch->kind == KIND_RESYNC)
		serve_change_resync(ch);
	else if (ch->kind == KIND_BACK)
		serve_change_back(ch);
	else if (ch->kind == KIND_RULE_ADD || ch->kind == KIND_RULE_DEL)
		serve_change_rule(ch);
	else if (ch->kind == KIND_POLICY)
		serve_change_policy(ch);
	else
		serve_change_config(ch);
}

static void on_next(void *arg)
{
	changes_next(arg);
}

static void on_retry(void *arg)
{
	struct serve_changes *c = arg;

	if (core_link_is_attached(c->link))
		serve_changes_attached(c, core_link_hello(c->link));
}

// Life.

struct serve_changes *serve_changes_new(const struct serve_changes_conf *conf)
{
	struct serve_changes *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	TAILQ_INIT(&c->queue);
	err_init(&c->errors);
	c->loop = conf->loop;
	c->store = conf->store;
	c->boot = conf->boot;
	c->taken = conf->taken;
	c->arg = conf->arg;
	c->file = realpath(conf->file, NULL);
	if (c->file == NULL)
		c->file = strdup(conf->file);
	c->dir = c->file == NULL ? NULL : strdup(c->file);
	c->next = core_timer_new(conf->loop, on_next, c);
	c->retry = core_timer_new(conf->loop, on_retry, c);
	c->confirm = core_timer_new(conf->loop, serve_confirm_expired, c);
	if (c->dir == NULL || c->next == NULL || c->retry == NULL || c->confirm == NULL) {
		serve_changes_free(c);
		return NULL;
	}
	(void)text_folder(c->dir);
	return c;
}

void serve_changes_free(struct serve_changes *c)
{
	struct serve_change_result gone = {
		.code = API_RPC_ERR_INTERNAL, .why = "the control plane stops"};
	struct change *ch;

	if (c == NULL)
		return;
	if (c->active != NULL) {
		TAILQ_INSERT_HEAD(&c->queue, c->active, link);
		if (c->active->stored)
			serve_revision_unstore(c->active->cand->version, c->store);
	}
	while ((ch = TAILQ_FIRST(&c->queue)) != NULL) {
		TAILQ_REMOVE(&c->queue, ch, link);
		gone.err = &ch->err;
		if (ch->done != NULL)
			ch->done(ch->arg, &gone);
		serve_change_free(ch);
	}
	core_timer_free(c->next);
	core_timer_free(c->retry);
	core_timer_free(c->confirm);
	serve_revision_free(c->back);
	serve_revision_free(c->current);
	serve_revision_free(c->fallback);
	free(c->local.p);
	free(c->file);
	free(c->dir);
	free(c);
}

void serve_changes_attached(struct serve_changes *c, const struct api_hello *hello)
{
	struct change *ch = TAILQ_FIRST(&c->queue);

	(void)hello; // looked at when its turn comes
	c->confirmed = 0;
	if (ch != NULL && ch->kind == KIND_RESYNC)
		return;
	ch = serve_change_new(c, KIND_RESYNC);
	if (ch != NULL)
		serve_change_queue(ch);
	else
		(void)core_timer_once(c->retry, RESYNC_RETRY_MS); // fails without memory, like this
}

static int rule_copy(struct change *ch, const struct cfg_rule *rule)
{
	const char *text = rule->text != NULL ? rule->text : "";
	const char *label = rule->label != NULL ? rule->label : "";

	ch->rule = *rule;
	if (serve_text_set(&ch->text, text, strlen(text)) != 0 ||
		serve_text_set(&ch->label, label, strlen(label)) != 0)
		return -ENOMEM;
	ch->rule.text = ch->text.p;
	ch->rule.label = ch->label.p;
	return 0;
}

// Copies text, cut where it is longer, but never amid a character.
static void line_copy(char *out, size_t cap, const char *in)
{
	size_t n;

	if (text_copy(out, cap, in) < cap)
		return;
	n = cap - 1;
	while (n > 0 && (in[n] & 0xc0) == 0x80)
		n--;
	out[n] = '\0';
}

static int request_copy(struct change *ch, const struct serve_change_req *req)
{
	int rc = 0;

	line_copy(ch->author, sizeof(ch->author), req->author);
	line_copy(ch->comment, sizeof(ch->comment), req->comment);
	ch->revert = req->revert;
	ch->confirm_s = req->confirm_s;
	if (req->kind == SERVE_CHANGE_POLICY) {
		ch->edit = *req->edit;
		ch->keep = json_incref(req->keep);
	}
	if (req->kind == SERVE_CHANGE_RULE_ADD || req->kind == SERVE_CHANGE_RULE_DEL)
		rc = rule_copy(ch, req->rule);
	else if (req->text != NULL)
		rc = serve_text_set(&ch->text, req->text, req->n);
	if (req->name != NULL)
		ch->name = strdup(req->name);
	if (req->dir != NULL)
		ch->dir = strdup(req->dir);
	if ((req->name != NULL && ch->name == NULL) || (req->dir != NULL && ch->dir == NULL))
		rc = -ENOMEM;
	return rc;
}

int serve_changes_submit(struct serve_changes *c, const struct serve_change_req *req,
	serve_change_cb done, void *arg)
{
	struct change *ch = NULL;

	if (c->queued < SERVE_QUEUE_MAX)
		ch = serve_change_new(c, (enum kind)req->kind);
	if (ch == NULL) {
		serve_revision_free(req->whole);
		return c->queued < SERVE_QUEUE_MAX ? -ENOMEM : -EBUSY;
	}
	ch->done = done;
	ch->arg = arg;
	ch->whole = req->whole;
	if (request_copy(ch, req) != 0) {
		serve_change_free(ch);
		return -ENOMEM;
	}
	serve_change_queue(ch);
	return 0;
}

// Looking at it.

const char *serve_origin_name(enum serve_origin o)
{
	static const char *const names[] = {
		[SERVE_ORIGIN_NONE] = "none",
		[SERVE_ORIGIN_COMMITTED] = "committed",
		[SERVE_ORIGIN_LAST_GOOD] = "last_good",
		[SERVE_ORIGIN_PASS_ALL] = "pass_everything",
	};

	return names[o];
}

enum serve_origin serve_changes_origin(const struct serve_changes *c)
{
	return c->origin;
}

const struct serve_revision *serve_changes_current(const struct serve_changes *c)
{
	return c->current;
}

void serve_changes_warn_restart(
	const struct serve_changes *c, const struct serve_revision *r, struct err_list *err)
{
	cfg_warn_restart(c->boot, r->cfg, err);
}

bool serve_changes_busy(const struct serve_changes *c)
{
	return c->active != NULL || c->queued > 0;
}

const struct err_list *serve_changes_errors(const struct serve_changes *c)
{
	return &c->errors;
}

const char *serve_changes_file(const struct serve_changes *c)
{
	return c->file;
}

const char *serve_changes_dir(const struct serve_changes *c)
{
	return c->dir;
}

const struct serve_history *serve_changes_history(const struct serve_changes *c)
{
	return &c->history;
}

const struct serve_head *serve_changes_head(const struct serve_changes *c)
{
	return &c->head;
}

struct serve_revision *serve_changes_load(
	struct serve_changes *c, uint64_t revision, struct err_list *err, const char **why)
{
	struct serve_revision *r;

	if (revision == 0)
		revision = c->head.revision;
	*why = "there is no such revision, or it is no longer kept";
	if (revision == 0 || serve_history_find(&c->history, revision) == NULL)
		return NULL;
	r = serve_revision_load(revision, c->store, why);
	if (r != NULL)
		(void)serve_revision_parse(r, false, err); // the texts are there all the same
	return r;
}

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

#include "core_link.h"
#include "core_loop.h"
#include "log.h"
#include "panic.h"
#include "text.h"

LOG_COMPONENT("config");

enum { RESYNC_RETRY_MS = 5000 };

void serve_change_free(struct change *ch)
{
	serve_child_kill(ch->child);
	serve_revision_free(ch->cand);
	free(ch->text.p);
	free(ch->label.p);
	free(ch->name);
	free(ch->dir);
	free(ch);
}

static const char *kind_name(enum kind k)
{
	static const char *const names[] = {
		[KIND_CONFIG] = "commit",
		[KIND_RULE_ADD] = "rule added",
		[KIND_RULE_DEL] = "rule deleted",
		[KIND_START] = "start",
		[KIND_RESYNC] = "data plane attached",
	};

	return names[k];
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

void serve_change_take(struct serve_changes *c, struct serve_revision *r, enum serve_origin o)
{
	serve_revision_free(c->current);
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

	if (ch->kind == KIND_START || ch->kind == KIND_RESYNC)
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
	serve_store_abort(c->store);
	LOG(WARNING, "%s: nothing changed: %s", kind_name(ch->kind), why);
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

void serve_change_done(struct change *ch, bool pending)
{
	struct serve_changes *c = ch->owner;
	struct serve_revision *r = ch->cand;
	enum serve_origin origin = SERVE_ORIGIN_COMMITTED;
	int rc = serve_store_commit(c->store);

	if (rc != 0) { // the data plane has it: going back would be a second change
		LOG(ERR, "%s: revision %" PRIu64 " is in force but not stored: %s",
			kind_name(ch->kind), r->version, strerror(-rc));
		err_warn_at(&ch->err, NULL, 0, 0, "in force, but not stored; %s", strerror(-rc));
	}
	if (serve_text_set(&c->local, r->local.p != NULL ? r->local.p : "", r->local.n) != 0)
		LOG(ERR, "out of memory: the next change may lack rule changes");
	if (ch->last_good)
		origin = SERVE_ORIGIN_LAST_GOOD;
	else
		err_init(&c->errors);
	ch->cand = NULL;
	serve_change_take(c, r, origin);
	LOG(NOTICE, "%s: revision %" PRIu64 " by %s is %s", kind_name(ch->kind), r->version,
		r->author,
		pending ? "stored; it takes force when a data plane attaches" : "in force");
	serve_change_end(ch,
		&(struct serve_change_result){.err = &ch->err,
			.revision = r->version,
			.rule = ch->rule.id,
			.pending = pending});
}

static void changes_next(struct serve_changes *c)
{
	struct change *ch = TAILQ_FIRST(&c->queue);

	if (c->active != NULL || ch == NULL)
		return;
	TAILQ_REMOVE(&c->queue, ch, link);
	c->queued--;
	c->active = ch;
	if (ch->kind == KIND_RESYNC)
		serve_change_resync(ch);
	else if (ch->kind == KIND_CONFIG || ch->kind == KIND_START)
		serve_change_config(ch);
	else
		serve_change_rule(ch);
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
	if (c->dir == NULL || c->next == NULL || c->retry == NULL) {
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
		serve_store_abort(c->store);
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

int serve_changes_submit(struct serve_changes *c, const struct serve_change_req *req,
	serve_change_cb done, void *arg)
{
	struct change *ch;
	int rc = 0;

	if (c->queued >= SERVE_QUEUE_MAX)
		return -EBUSY;
	ch = serve_change_new(c, (enum kind)req->kind);
	if (ch == NULL)
		return -ENOMEM;
	ch->done = done;
	ch->arg = arg;
	(void)text_copy(ch->author, sizeof(ch->author), req->author); // cut where longer
	(void)text_copy(ch->comment, sizeof(ch->comment), req->comment);
	if (req->kind != SERVE_CHANGE_CONFIG)
		rc = rule_copy(ch, req->rule);
	else if (req->text != NULL)
		rc = serve_text_set(&ch->text, req->text, req->n);
	if (req->name != NULL)
		ch->name = strdup(req->name);
	if (req->dir != NULL)
		ch->dir = strdup(req->dir);
	if (rc != 0 || (req->name != NULL && ch->name == NULL) ||
		(req->dir != NULL && ch->dir == NULL)) {
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

const char *serve_changes_rules_path(const struct serve_changes *c)
{
	return serve_store_path(c->store, SERVE_FILE_RULES);
}

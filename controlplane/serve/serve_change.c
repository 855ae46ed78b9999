// SPDX-License-Identifier: BSD-3-Clause
// The queue of changes and the steps of the one under way. A step ends in the next step, in
// change_fail or in change_done; those two take the next change from the queue.
// Thread: the loop's.
#include "serve_change.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

#include "core_link.h"
#include "core_loop.h"
#include "log.h"
#include "panic.h"
#include "serve_child.h"
#include "text.h"

LOG_COMPONENT("config");

enum { RESYNC_RETRY_MS = 5000 };
static const uint64_t VERSION_MAX = UINT64_C(1) << 53; // beyond it JSON readers lose digits

enum kind {
	KIND_CONFIG = SERVE_CHANGE_CONFIG,
	KIND_RULE_ADD = SERVE_CHANGE_RULE_ADD,
	KIND_RULE_DEL = SERVE_CHANGE_RULE_DEL,
	KIND_START,  // a configuration, and what to do without it
	KIND_RESYNC, // the revision in force to a data plane that lacks it
};

struct change {
	TAILQ_ENTRY(change) link;
	struct serve_changes *owner;
	enum kind kind;
	bool last_good;                   // START: text of the last good revision
	struct serve_text text, label;    // configuration; rule text and label
	char *name, *dir;
	char author[SERVE_AUTHOR_MAX], comment[SERVE_COMMENT_MAX];
	struct cfg_rule rule;
	struct serve_revision *cand;
	struct serve_child *child;
	struct err_list err;
	serve_change_cb done;
	void *arg;
};

struct serve_changes {
	struct core_loop *loop;
	struct core_link *link;
	struct serve_store *store;
	char *file, *dir;
	void (*taken)(void *arg, const struct serve_revision *r);
	void *arg;
	struct core_timer *next;          // takes the next change outside the last one's stack
	struct core_timer *retry;         // a resync that failed
	struct serve_revision *current;
	struct serve_revision *fallback;  // at start: text of the last good revision, not compiled
	enum serve_origin origin;
	struct serve_text local;          // rules added at run time, as stored
	uint64_t high;                    // highest revision number seen
	uint64_t confirmed;               // last revision this attachment took, 0 = none yet
	struct change *active;
	unsigned queued;
	TAILQ_HEAD(, change) queue;
	struct err_list errors;
};

static void changes_next(struct serve_changes *c);

static void change_free(struct change *ch)
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
static void change_end(struct change *ch, const struct serve_change_result *res)
{
	struct serve_changes *c = ch->owner;

	if (ch->done != NULL)
		ch->done(ch->arg, res);
	ASSERT(c->active == ch);
	c->active = NULL;
	change_free(ch);
	(void)core_timer_once(c->next, 0); // fails without memory: the next submit tries again
}

static void revision_take(struct serve_changes *c, struct serve_revision *r, enum serve_origin o)
{
	serve_revision_free(c->current);
	c->current = r;
	c->origin = o;
	if (r->version > c->high)
		c->high = r->version;
	if (c->taken != NULL)
		c->taken(c->arg, r);
}

static struct change *change_new(struct serve_changes *c, enum kind kind)
{
	struct change *ch = calloc(1, sizeof(*ch));

	if (ch == NULL)
		return NULL;
	ch->owner = c;
	ch->kind = kind;
	err_init(&ch->err);
	return ch;
}

static void change_queue(struct change *ch)
{
	struct serve_changes *c = ch->owner;

	if (ch->kind == KIND_START || ch->kind == KIND_RESYNC)
		TAILQ_INSERT_HEAD(&c->queue, ch, link);
	else
		TAILQ_INSERT_TAIL(&c->queue, ch, link);
	c->queued++;
	if (c->active == NULL)
		(void)core_timer_once(c->next, 0); // fails without memory: the next submit tries again
}

// At start: what the file could not give.

struct source { const struct serve_text *text; const char *name, *dir, *author, *comment; bool last_good; };

static int start_text(struct serve_changes *c, const struct source *src)
{
	struct change *ch = change_new(c, KIND_START);

	if (ch == NULL)
		return -ENOMEM;
	ch->last_good = src->last_good;
	ch->name = strdup(src->name);
	ch->dir = strdup(src->dir);
	if (ch->name == NULL || ch->dir == NULL ||
		serve_text_set(&ch->text, src->text->p, src->text->n) != 0) {
		change_free(ch);
		return -ENOMEM;
	}
	(void)text_copy(ch->author, sizeof(ch->author), src->author);    // both fit
	(void)text_copy(ch->comment, sizeof(ch->comment), src->comment);
	change_queue(ch);
	return 0;
}

static void pass_everything(struct serve_changes *c)
{
	struct serve_revision *r = serve_revision_new();
	struct err_list err;
	uint8_t *bytes;
	size_t n;

	err_init(&err);
	if (r == NULL)
		return;
	r->version = c->high + 1;
	r->made_s = time(NULL);
	if (compile_empty(r->version, r->made_s, &bytes, &n) != 0 ||
		serve_revision_image(r, bytes, n, &err) != 0) {
		LOG(ERR, "start: no image at all: %s", err.kept > 0 ? err.text[0] : "out of memory");
		serve_revision_free(r);
		return;
	}
	revision_take(c, r, SERVE_ORIGIN_PASS_ALL);
	LOG(ERR, "start: no usable configuration: a data plane without a policy gets one that PASSES "
		 "EVERYTHING UNREAD");
	// A data plane that has a policy keeps it: it is the last good one.
	if (core_link_is_attached(c->link))
		serve_changes_attached(c, core_link_hello(c->link));
}

static void start_fallback(struct serve_changes *c)
{
	struct serve_revision *old = c->fallback;

	if (c->current != NULL) {
		LOG(ERR, "start: the last good revision %" PRIu64 " stays in force", c->current->version);
		return;
	}
	c->fallback = NULL;
	if (old == NULL || start_text(c, &(struct source){&old->text, old->name, old->dir, old->author,
					   old->comment, true}) != 0)
		pass_everything(c);
	serve_revision_free(old);
}

__attribute__((format(printf, 3, 4))) static void change_fail(struct change *ch, int code,
	const char *fmt, ...)
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
		start_fallback(c);
	if (ch->kind == KIND_RESYNC && code == API_RPC_ERR_REFUSED)
		(void)core_timer_once(c->retry, RESYNC_RETRY_MS); // else the next attach does it
	change_end(ch, &(struct serve_change_result){
		.code = code, .why = why, .err = &ch->err, .rule = ch->rule.id});
}

static void change_done(struct change *ch, bool pending)
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
	revision_take(c, r, origin);
	LOG(NOTICE, "%s: revision %" PRIu64 " by %s is %s", kind_name(ch->kind), r->version, r->author,
		pending ? "stored; it takes force when a data plane attaches" : "in force");
	change_end(ch, &(struct serve_change_result){
		.err = &ch->err, .revision = r->version, .rule = ch->rule.id, .pending = pending});
}

// The data plane.

// A policy image names ports by number: the running data plane must have the same ones.
static bool ports_fit(const struct serve_changes *c, const struct serve_revision *r,
	struct err_list *err)
{
	const struct core_stats *stats = core_link_stats(c->link);
	const struct cfg_dataplane *dp;
	struct api_port_stats port;
	uint32_t n;

	if (stats == NULL || r->cfg == NULL)
		return true;
	dp = &r->cfg->dataplane;
	n = core_stats_ports(stats);
	for (uint32_t i = 0; i < n && n == dp->nports; i++) {
		if (core_stats_port(stats, i, &port) == 0 && strcmp(port.name, dp->ports[i].name) == 0)
			continue;
		err_at(err, dp->ports[i].at.file, dp->ports[i].at.line, dp->ports[i].at.col,
			"dataplane.ports: %s; the running data plane has another port in this place: "
			"restart it first", dp->ports[i].name);
		return false;
	}
	if (n != dp->nports)
		err_at(err, dp->at.file, dp->at.line, dp->at.col,
			"dataplane.ports: %" PRIu32 " ports; the running data plane has %" PRIu32
			": restart it first", dp->nports, n);
	return n == dp->nports;
}

static void push_fail(struct change *ch, int status, const char *text)
{
	// At start a data plane that goes changes nothing about the revision: it is pending.
	if (ch->kind == KIND_START && (status == -ENOTCONN || status == -ETIMEDOUT))
		change_done(ch, true);
	else if (status == -ENOTCONN)
		change_fail(ch, API_RPC_ERR_DETACHED, "the data plane went before it confirmed");
	else if (status == -ETIMEDOUT)
		change_fail(ch, API_RPC_ERR_TIMEOUT, "the data plane did not answer in time");
	else
		change_fail(ch, API_RPC_ERR_REFUSED, "the data plane refused the image: %s",
			*text != '\0' ? text : strerror(-status));
}

static void on_pushed(void *arg, int status, const char *text)
{
	struct change *ch = arg;
	struct serve_changes *c = ch->owner;
	const struct api_hello *hello = core_link_hello(c->link);

	if (status != 0) {
		push_fail(ch, status, text);
		return;
	}
	c->confirmed = (ch->kind == KIND_RESYNC ? c->current : ch->cand)->version;
	if (ch->kind == KIND_RESYNC) {
		c->current->boot = hello == NULL ? 0 : hello->boot;
		// So that the next start knows that this data plane has it. Without: one push too many.
		if (c->current->text.p != NULL && serve_revision_note(c->current, c->store) != 0)
			LOG(WARNING, "revision %" PRIu64 ": cannot note that it is in force", c->current->version);
		if (c->origin == SERVE_ORIGIN_COMMITTED)
			err_init(&c->errors);
		LOG(NOTICE, "revision %" PRIu64 " is in force in the data plane", c->current->version);
		change_end(ch, &(struct serve_change_result){.err = &ch->err});
		return;
	}
	ch->cand->boot = hello == NULL ? 0 : hello->boot;
	change_done(ch, false);
}

static void change_push(struct change *ch, const struct serve_revision *r)
{
	struct serve_changes *c = ch->owner;
	int rc;

	if (!ports_fit(c, r, &ch->err)) {
		change_fail(ch, API_RPC_ERR_CONFIG, "the running data plane has other ports");
		return;
	}
	rc = core_link_image_push(c->link, r->image, r->image_bytes, r->version, on_pushed, ch);
	if (rc == 0) {
		if (r->version > c->high) // used up, whatever becomes of it
			c->high = r->version;
		return;
	}
	if (rc == -ENOTCONN && ch->kind != KIND_RESYNC)
		change_done(ch, true);
	else if (rc == -EFBIG)
		push_fail(ch, rc, "it is larger than dataplane.image_max_mb");
	else
		push_fail(ch, rc, "");
}

// Texts to image.

static void candidate_push(struct change *ch, uint8_t *bytes, size_t n)
{
	struct serve_changes *c = ch->owner;
	int rc;

	if (serve_revision_image(ch->cand, bytes, n, &ch->err) != 0) {
		change_fail(ch, API_RPC_ERR_INTERNAL, "the compiled image does not verify: %s",
			ch->err.kept > 0 ? ch->err.text[ch->err.kept - 1] : "");
		return;
	}
	if (core_link_is_attached(c->link)) // what the head file will say once this is confirmed
		ch->cand->boot = core_link_hello(c->link)->boot;
	ch->cand->made_of = serve_revision_hash(ch->cand);
	rc = serve_revision_prepare(ch->cand, c->store);
	if (rc != 0) {
		change_fail(ch, API_RPC_ERR_INTERNAL, "control.state_dir: cannot store: %s",
			strerror(-rc));
		return;
	}
	change_push(ch, ch->cand);
}

static void on_compiled(void *arg, struct compile_job *job, int rc, struct err_list *err)
{
	struct change *ch = arg;
	uint8_t *bytes;
	size_t n;

	ch->child = NULL; // freed behind this callback
	serve_errors_add(&ch->err, err);
	if (rc == 1 && compile_take(job, &bytes, &n) == 0)
		candidate_push(ch, bytes, n);
	else if (rc == -EINVAL)
		change_fail(ch, API_RPC_ERR_CONFIG, "bad rules or configuration");
	else
		change_fail(ch, API_RPC_ERR_INTERNAL, "the compilation failed: %s",
			err->kept > 0 ? err->text[0] : strerror(rc < 0 ? -rc : EIO));
}

static void candidate_compile(struct change *ch)
{
	struct serve_changes *c = ch->owner;
	struct serve_revision *r = ch->cand;
	const struct cfg_ruleset *sets[2];
	struct compile_input in = {.cfg = r->cfg, .rulesets = sets};
	struct compile_job *job;

	if (r->shipped_rules != NULL)
		sets[in.nrulesets++] = r->shipped_rules;
	if (r->local_rules != NULL)
		sets[in.nrulesets++] = r->local_rules;
	in.version = r->version = c->high + 1;
	in.made_s = r->made_s = time(NULL);
	job = compile_start(&in, &ch->err);
	if (job == NULL) {
		change_fail(ch, API_RPC_ERR_INTERNAL, "the compilation cannot start: %s",
			ch->err.kept > 0 ? ch->err.text[0] : "out of memory");
		return;
	}
	ch->child = serve_child_watch(core_loop_base(c->loop), job, on_compiled, ch);
	if (ch->child == NULL)
		change_fail(ch, API_RPC_ERR_INTERNAL, "out of memory");
}

static uint64_t file_hash_now(const struct serve_changes *c)
{
	char *bytes;
	uint64_t hash;
	size_t n;

	if (serve_file_read(c->file, &bytes, &n) != 0)
		return 0;
	hash = serve_text_hash(bytes, n);
	free(bytes);
	return hash;
}

// A candidate with the texts of a configuration and of the rules added at run time.
static int candidate_texts(struct change *ch)
{
	struct serve_changes *c = ch->owner;
	struct serve_revision *r = ch->cand = serve_revision_new();
	int rc = 0;

	if (r == NULL)
		return -ENOMEM;
	r->file_hash = ch->last_good ? 0 : file_hash_now(c); // 0: the file is tried again next time
	(void)text_copy(r->author, sizeof(r->author), ch->author);    // both fit
	(void)text_copy(r->comment, sizeof(r->comment), ch->comment);
	if (ch->kind == KIND_RULE_ADD || ch->kind == KIND_RULE_DEL)
		rc = serve_text_set(&r->text, c->current->text.p, c->current->text.n);
	else if (ch->text.p == NULL)
		rc = serve_file_read(c->file, &r->text.p, &r->text.n);
	else
		rc = serve_text_set(&r->text, ch->text.p, ch->text.n);
	if (rc == 0 && c->local.p != NULL)
		rc = serve_text_set(&r->local, c->local.p, c->local.n);
	r->name = strdup(ch->name != NULL ? ch->name : c->file);
	r->dir = strdup(ch->dir != NULL ? ch->dir : c->dir);
	return r->name == NULL || r->dir == NULL ? -ENOMEM : rc;
}

static void config_begin(struct change *ch)
{
	struct serve_changes *c = ch->owner;
	int rc = candidate_texts(ch);

	if (rc != 0) {
		err_add(&ch->err, "%s: %s", ch->name != NULL ? ch->name : c->file, strerror(-rc));
		change_fail(ch, API_RPC_ERR_CONFIG, "%s", ch->err.text[0]);
		return;
	}
	rc = serve_revision_parse(ch->cand, true, serve_changes_rules_path(c), &ch->err);
	if (rc != 0)
		change_fail(ch, API_RPC_ERR_CONFIG, "bad configuration or rules");
	else
		candidate_compile(ch);
}

static bool rule_is_shipped(const struct serve_revision *r, uint32_t id)
{
	for (uint32_t i = 0; r->shipped_rules != NULL && i < r->shipped_rules->n; i++) {
		if (r->shipped_rules->rules[i].id == id)
			return true;
	}
	return false;
}

// New text of the rules added at run time in *out; false where the change has ended.
static bool rules_text(struct change *ch, struct serve_text *out)
{
	struct serve_revision *cur = ch->owner->current;
	int rc;

	if (ch->kind == KIND_RULE_ADD) {
		if (ch->rule.id == 0)
			ch->rule.id = serve_rules_next_id(cur);
		rc = serve_rules_with(cur->local_rules, &ch->rule, out, &ch->err);
	} else {
		rc = serve_rules_without(cur->local_rules, ch->rule.id, out);
	}
	if (rc == 0)
		return true;
	if (rc == -EINVAL)
		change_fail(ch, API_RPC_ERR_CONFIG, "bad rule");
	else if (rc == -ENOENT && rule_is_shipped(cur, ch->rule.id))
		change_fail(ch, API_RPC_ERR_NOT_FOUND, "rule %" PRIu32 " was not added at run time: it is "
			"in %s", ch->rule.id, cur->cfg->rules.file);
	else if (rc == -ENOENT)
		change_fail(ch, API_RPC_ERR_NOT_FOUND, "no rule %" PRIu32, ch->rule.id);
	else
		change_fail(ch, API_RPC_ERR_INTERNAL, "%s", strerror(-rc));
	return false;
}

static void rule_begin(struct change *ch)
{
	struct serve_changes *c = ch->owner;
	struct serve_revision *cur = c->current;
	struct serve_text local;
	int rc;

	if (cur == NULL || cur->cfg == NULL) {
		change_fail(ch, API_RPC_ERR_CONFIG, "no usable configuration is in force");
		return;
	}
	if (!rules_text(ch, &local))
		return;
	ch->name = strdup(cur->name);
	ch->dir = strdup(cur->dir);
	rc = ch->name == NULL || ch->dir == NULL ? -ENOMEM : candidate_texts(ch);
	if (rc == 0 && cur->shipped.p != NULL) // as in force, whatever the file says meanwhile
		rc = serve_text_set(&ch->cand->shipped, cur->shipped.p, cur->shipped.n);
	if (rc != 0) {
		free(local.p);
		change_fail(ch, API_RPC_ERR_INTERNAL, "%s", strerror(-rc));
		return;
	}
	free(ch->cand->local.p);
	ch->cand->local = local;
	ch->cand->file_hash = cur->file_hash; // says nothing about the file
	if (serve_revision_parse(ch->cand, false, serve_changes_rules_path(c), &ch->err) != 0)
		change_fail(ch, API_RPC_ERR_CONFIG, "bad rule");
	else
		candidate_compile(ch);
}

// Does the data plane have the revision in force: since it attached, or since before? A number alone
// doesn't tell, for another state directory has the same numbers.
static bool has_revision(const struct serve_changes *c, const struct api_hello *hello)
{
	return c->confirmed == c->current->version ||
		(hello->image_version == c->current->version && hello->boot == c->current->boot);
}

static void resync_begin(struct change *ch)
{
	struct serve_changes *c = ch->owner;
	const struct api_hello *hello = core_link_hello(c->link);
	struct serve_revision *cur = c->current;
	bool has, keep;

	if (hello != NULL && hello->image_version > c->high && hello->image_version < VERSION_MAX)
		c->high = hello->image_version;
	has = hello != NULL && cur != NULL && has_revision(c, hello);
	keep = hello != NULL && c->origin == SERVE_ORIGIN_PASS_ALL && hello->image_version != 0;
	if (hello == NULL || cur == NULL || has || keep)
		change_end(ch, &(struct serve_change_result){.err = &ch->err});
	else
		change_push(ch, cur);
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
		resync_begin(ch);
	else if (ch->kind == KIND_CONFIG || ch->kind == KIND_START)
		config_begin(ch);
	else
		rule_begin(ch);
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
	char *slash;

	if (c == NULL)
		return NULL;
	TAILQ_INIT(&c->queue);
	err_init(&c->errors);
	c->loop = conf->loop;
	c->store = conf->store;
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
	slash = strrchr(c->dir, '/');
	if (slash != NULL)
		slash[slash == c->dir] = '\0';
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
		change_free(ch);
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

// What is stored, parsed. Takes it into force at once where its image is made of exactly what is
// there now; true then.
static bool start_stored(struct serve_changes *c, struct serve_revision *old, bool wanted)
{
	struct err_list err;
	bool whole;

	err_init(&err);
	whole = serve_revision_parse(old, true, serve_changes_rules_path(c), &err) == 0 &&
		old->pol != NULL && serve_revision_hash(old) == old->made_of;
	c->high = old->version;
	if (old->pol != NULL)
		revision_take(c, old, whole && wanted ? SERVE_ORIGIN_COMMITTED : SERVE_ORIGIN_LAST_GOOD);
	else
		c->fallback = old;
	return whole && wanted;
}

int serve_changes_start(struct serve_changes *c, struct core_link *link, struct err_list *err)
{
	struct serve_text file = {0};
	struct serve_revision *old;
	bool wanted = false;
	int rc;

	c->link = link;
	rc = serve_store_read(c->store, SERVE_FILE_RULES, &c->local.p, &c->local.n);
	if (rc != 0 && rc != -ENOENT) {
		err_add(err, "%s: %s", serve_changes_rules_path(c), strerror(-rc));
		return rc;
	}
	rc = serve_file_read(c->file, &file.p, &file.n);
	if (rc != 0) {
		err_add(err, "%s: %s", c->file, strerror(-rc));
		return rc;
	}
	old = serve_revision_load(c->store);
	if (old != NULL) {
		// A file that is as it was when this was committed is older than what was committed.
		wanted = old->file_hash == serve_text_hash(file.p, file.n);
		if (c->local.p != NULL)
			rc = serve_text_set(&old->local, c->local.p, c->local.n);
		if (rc == 0 && start_stored(c, old, wanted)) {
			LOG(NOTICE, "start: revision %" PRIu64 " by %s", old->version, old->author);
			free(file.p);
			return 0;
		}
	}
	if (rc == 0 && wanted)
		rc = start_text(c, &(struct source){&old->text, old->name, old->dir, old->author,
			old->comment, false});
	else if (rc == 0)
		rc = start_text(c, &(struct source){&file, c->file, c->dir, "start", "", false});
	free(file.p);
	if (old != c->current && old != c->fallback)
		serve_revision_free(old);
	if (rc != 0)
		err_add(err, "%s: %s", c->file, strerror(-rc));
	return rc;
}

void serve_changes_attached(struct serve_changes *c, const struct api_hello *hello)
{
	struct change *ch = TAILQ_FIRST(&c->queue);

	(void)hello; // looked at when its turn comes
	c->confirmed = 0;
	if (ch != NULL && ch->kind == KIND_RESYNC)
		return;
	ch = change_new(c, KIND_RESYNC);
	if (ch != NULL)
		change_queue(ch);
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
	ch = change_new(c, (enum kind)req->kind);
	if (ch == NULL)
		return -ENOMEM;
	ch->done = done;
	ch->arg = arg;
	(void)text_copy(ch->author, sizeof(ch->author), req->author);    // cut where longer
	(void)text_copy(ch->comment, sizeof(ch->comment), req->comment);
	if (req->kind != SERVE_CHANGE_CONFIG)
		rc = rule_copy(ch, req->rule);
	else if (req->text != NULL)
		rc = serve_text_set(&ch->text, req->text, req->n);
	if (req->name != NULL)
		ch->name = strdup(req->name);
	if (req->dir != NULL)
		ch->dir = strdup(req->dir);
	if (rc != 0 || (req->name != NULL && ch->name == NULL) || (req->dir != NULL && ch->dir == NULL)) {
		change_free(ch);
		return -ENOMEM;
	}
	change_queue(ch);
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

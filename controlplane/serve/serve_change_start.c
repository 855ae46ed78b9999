// SPDX-License-Identifier: BSD-3-Clause
// What a start finds: the last committed revision where the file is as it was then, else the file,
// else the last good revision, else the one before it and so on, else an image that passes everything.
// Thread: the loop's.
#include "serve_change_int.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core_link.h"
#include "log.h"
#include "text.h"

LOG_COMPONENT("config");

// Sets out for a configuration: the text of the file, or all of a stored revision (taken).
static int start_change(struct serve_changes *c, const struct serve_text *file,
	struct serve_revision *whole, bool last_good, bool read_rules)
{
	struct change *ch = serve_change_new(c, KIND_START);
	int rc = 0;

	if (ch == NULL) {
		serve_revision_free(whole);
		return -ENOMEM;
	}
	ch->whole = whole;
	ch->last_good = last_good;
	ch->read_rules = read_rules;
	if (file != NULL)
		rc = serve_text_set(&ch->text, file->p, file->n);
	if (rc != 0) {
		serve_change_free(ch);
		return rc;
	}
	(void)text_copy(ch->author, sizeof(ch->author),
		whole == NULL ? "start" : whole->author); // both fit
	(void)text_copy(ch->comment, sizeof(ch->comment), whole == NULL ? "" : whole->comment);
	serve_change_queue(ch);
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
		LOG(ERR, "start: no image at all: %s",
			err.kept > 0 ? err.text[0] : "out of memory");
		serve_revision_free(r);
		return;
	}
	serve_change_take(c, r, SERVE_ORIGIN_PASS_ALL, false);
	LOG(ERR,
		"start: no usable configuration: a data plane without a policy gets one that "
		"PASSES EVERYTHING UNREAD");
	// A data plane that has a policy keeps it: it is the last good one.
	if (core_link_is_attached(c->link))
		serve_changes_attached(c, core_link_hello(c->link));
}

void serve_change_fallback(struct serve_changes *c)
{
	struct serve_revision *old = c->fallback;
	const struct serve_history_row *before;
	const char *why;

	if (c->current != NULL) {
		LOG(ERR, "start: the last good revision %" PRIu64 " stays in force",
			c->current->version);
		return;
	}
	c->fallback = NULL;
	if (old != NULL) { // and the one before it, should this one not be usable any more
		before = serve_history_before(&c->history, old->version);
		if (before != NULL)
			c->fallback = serve_revision_load(before->revision, c->store, &why);
		LOG(ERR, "start: trying the last good revision %" PRIu64, old->version);
	}
	if (old == NULL || start_change(c, NULL, old, true, false) != 0)
		pass_everything(c);
}

// What the state directory says: head and revisions. 0 or -errno.
static int state_read(struct serve_changes *c, struct err_list *err)
{
	int rc = serve_head_load(&c->head, c->store), listed;

	if (rc != 0 && rc != -ENOENT)
		LOG(ERR, "revision.json: %s: the newest revision that is whole counts",
			rc == -EINVAL ? "is torn or not ours" : strerror(-rc));
	listed = serve_history_scan(&c->history, c->store, rc == 0 ? &c->head : NULL);
	if (listed != 0) {
		err_add(err, "control.state_dir: %s", strerror(-listed));
		return listed;
	}
	c->high = c->head.high;
	if (c->history.n > 0 && c->history.row[c->history.n - 1].revision > c->high)
		c->high = c->history.row[c->history.n - 1].revision;
	return 0;
}

// The time of a revision that had to be confirmed is over: the head goes back.
static void head_expire(struct serve_changes *c)
{
	struct serve_head head = c->head;
	struct serve_revision *back;
	struct err_list err;
	const char *why;

	err_init(&err);
	back = serve_revision_load(head.back, c->store, &why);
	if (back == NULL) {
		LOG(ERR, "start: revision %" PRIu64 " was not confirmed, but it stays: the file of "
			 "revision %" PRIu64 " %s",
			head.revision, head.back, why);
		head.back = 0;
	} else {
		LOG(ERR, "start: revision %" PRIu64 " was not confirmed in time: back to %" PRIu64,
			head.revision, head.back);
		serve_head_unconfirmed_add(&head, head.revision);
		head.revision = head.back;
		head.back = 0;
		head.boot = 0;
		if (serve_revision_parse(back, false, &err) == 0)
			(void)serve_lists_hash(back->cfg, &head.rules_hash); // 0: read anew
	}
	serve_revision_free(back);
	c->head = head;
	if (serve_head_save(&head, c->store) != 0)
		LOG(ERR, "start: going back could not be stored");
}

// A revision that waits to be confirmed goes on waiting, or its time is over.
static void confirm_resume(struct serve_changes *c)
{
	int64_t left = c->head.until_s - time(NULL);
	struct err_list err;
	const char *why;

	if (c->head.back == 0)
		return;
	if (left > c->head.confirm_s) // the clock was set back
		left = c->head.confirm_s;
	if (left <= 0) {
		head_expire(c);
		return;
	}
	err_init(&err);
	c->back = serve_revision_load(c->head.back, c->store, &why);
	if (c->back != NULL && serve_revision_parse(c->back, false, &err) != 0)
		LOG(WARNING, "revision %" PRIu64 ": %s", c->head.back, err.text[0]);
	c->back_origin = SERVE_ORIGIN_COMMITTED;
	serve_confirm_wait(c, (uint32_t)left);
	LOG(WARNING, "start: revision %" PRIu64 " waits to be confirmed, for %" PRId64 " s",
		c->head.revision, left);
}

// The revision the head names, or else the newest that is whole; NULL where there is none.
static struct serve_revision *last_good(struct serve_changes *c)
{
	const struct serve_history_row *row = NULL;
	const char *why;

	if (c->head.revision != 0)
		row = serve_history_find(&c->history, c->head.revision);
	if (row == NULL && c->head.revision != 0)
		LOG(ERR, "start: revision %" PRIu64 " is not there whole: the one before it counts",
			c->head.revision);
	if (row == NULL)
		row = serve_history_before(&c->history, c->head.revision);
	return row == NULL ? NULL : serve_revision_load(row->revision, c->store, &why);
}

// Takes what is stored into force at once where its image is whole. Returns whether it is all there
// is to do: it is what the files say, too.
static bool start_stored(struct serve_changes *c, struct serve_revision *old, bool wanted,
	bool *same_rules)
{
	struct err_list err;
	uint64_t rules_hash;
	bool parsed;

	err_init(&err);
	parsed = serve_revision_parse(old, false, &err) == 0;
	*same_rules = parsed &&
		(serve_lists_hash(old->cfg, &rules_hash) != 0 ||
			rules_hash == c->head.rules_hash);
	wanted = wanted && parsed && *same_rules && old->pol != NULL;
	if (old->pol != NULL)
		serve_change_take(
			c, old, wanted ? SERVE_ORIGIN_COMMITTED : SERVE_ORIGIN_LAST_GOOD, false);
	else
		c->fallback = old;
	return wanted;
}

// Sets out for the stored revision where the file is as it was then, else for the file.
static int start_choose(struct serve_changes *c, const struct serve_text *file, bool wanted)
{
	struct serve_revision *old = last_good(c), *again;
	const char *why;
	bool same_rules;

	if (old == NULL)
		return start_change(c, file, NULL, false, false);
	if (old->local.p != NULL && serve_text_set(&c->local, old->local.p, old->local.n) != 0) {
		serve_revision_free(old);
		return -ENOMEM;
	}
	wanted = wanted && old->version == c->head.revision;
	if (start_stored(c, old, wanted, &same_rules)) {
		LOG(NOTICE, "start: revision %" PRIu64 " by %s", old->version, old->author);
		return 0;
	}
	if (!wanted)
		return start_change(c, file, NULL, false, false);
	again = serve_revision_load(old->version, c->store, &why);
	return again == NULL ? -ENOMEM : start_change(c, NULL, again, false, !same_rules);
}

int serve_changes_start(struct serve_changes *c, struct core_link *link, struct err_list *err)
{
	struct serve_text file = {0};
	bool wanted;
	int rc;

	c->link = link;
	rc = state_read(c, err);
	if (rc != 0)
		return rc;
	rc = serve_file_read(c->file, &file.p, &file.n);
	if (rc == 0) {
		// A file that is as it was when this was committed is older than what was committed.
		wanted = c->head.file_hash == serve_text_hash(file.p, file.n);
		confirm_resume(c);
		rc = start_choose(c, &file, wanted);
		free(file.p);
	}
	if (rc != 0)
		err_add(err, "%s: %s", c->file, strerror(-rc));
	return rc;
}

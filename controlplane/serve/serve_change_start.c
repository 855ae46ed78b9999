// SPDX-License-Identifier: BSD-3-Clause
// What a start finds: the last committed revision where the file is as it was then, else the file,
// else the last good revision, else an image that passes everything.
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

struct source {
	const struct serve_text *text;
	const char *name, *dir, *author, *comment;
	bool last_good;
};

static int start_text(struct serve_changes *c, const struct source *src)
{
	struct change *ch = serve_change_new(c, KIND_START);

	if (ch == NULL)
		return -ENOMEM;
	ch->last_good = src->last_good;
	ch->name = strdup(src->name);
	ch->dir = strdup(src->dir);
	if (ch->name == NULL || ch->dir == NULL ||
		serve_text_set(&ch->text, src->text->p, src->text->n) != 0) {
		serve_change_free(ch);
		return -ENOMEM;
	}
	(void)text_copy(ch->author, sizeof(ch->author), src->author); // both fit
	(void)text_copy(ch->comment, sizeof(ch->comment), src->comment);
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
	serve_change_take(c, r, SERVE_ORIGIN_PASS_ALL);
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

	if (c->current != NULL) {
		LOG(ERR, "start: the last good revision %" PRIu64 " stays in force",
			c->current->version);
		return;
	}
	c->fallback = NULL;
	if (old == NULL ||
		start_text(c,
			&(struct source){&old->text, old->name, old->dir, old->author, old->comment,
				true}) != 0)
		pass_everything(c);
	serve_revision_free(old);
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
		serve_change_take(
			c, old, whole && wanted ? SERVE_ORIGIN_COMMITTED : SERVE_ORIGIN_LAST_GOOD);
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
		rc = start_text(c,
			&(struct source){
				&old->text, old->name, old->dir, old->author, old->comment, false});
	else if (rc == 0)
		rc = start_text(c, &(struct source){&file, c->file, c->dir, "start", "", false});
	free(file.p);
	if (old != c->current && old != c->fallback)
		serve_revision_free(old);
	if (rc != 0)
		err_add(err, "%s: %s", c->file, strerror(-rc));
	return rc;
}

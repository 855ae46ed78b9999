// SPDX-License-Identifier: BSD-3-Clause
// A revision that has to be confirmed, and going back from it. The one before is kept whole with its
// image, so that going back neither compiles nor can fail: it is in force here and in the head even
// where the data plane is gone or refuses, and is handed over as soon as that can be done.
// Thread: the loop's.
#include "serve_change_int.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core_link.h"
#include "core_loop.h"
#include "log.h"
#include "text.h"

LOG_COMPONENT("config");

enum { AGAIN_S = 60 };

void serve_confirm_wait(struct serve_changes *c, uint32_t wait_s)
{
	c->deadline_us = core_now_us() + (uint64_t)wait_s * 1000000;
	if (core_timer_once(c->confirm, wait_s * 1000) != 0)
		LOG(ERR, "revision %" PRIu64 ": no timer: going back waits for the next start",
			c->head.revision);
}

void serve_confirm_expired(void *arg)
{
	struct serve_changes *c = arg;
	struct change *ch;

	if (c->head.back == 0 || core_now_us() < c->deadline_us)
		return; // confirmed, or armed anew
	LOG(ERR, "revision %" PRIu64 ": not confirmed in time: going back to %" PRIu64,
		c->head.revision, c->head.back);
	serve_confirm_wait(c, AGAIN_S); // should it fail
	ch = serve_change_new(c, KIND_BACK);
	if (ch == NULL)
		return;
	(void)text_copy(ch->author, sizeof(ch->author), "mailweir"); // both fit
	(void)text_copy(ch->comment, sizeof(ch->comment), "not confirmed in time");
	serve_change_queue(ch);
}

void serve_change_back(struct change *ch)
{
	struct serve_changes *c = ch->owner;
	const char *why;

	if (c->head.back == 0) {
		serve_change_fail(ch, API_RPC_ERR_NOT_FOUND, "no revision waits to be confirmed");
		return;
	}
	if (c->back != NULL && c->back->pol != NULL) {
		serve_change_push(ch, c->back);
		return;
	}
	// Its image is lost: it becomes a revision of its own.
	ch->whole = serve_revision_load(c->head.back, c->store, &why);
	if (ch->whole == NULL)
		serve_change_fail(ch, API_RPC_ERR_INTERNAL, "revision %" PRIu64 ": the file %s",
			c->head.back, why);
	else
		serve_change_config(ch);
}

// What the head says once the old revision is in force again.
static void head_back(const struct serve_changes *c, struct serve_head *head)
{
	const struct api_hello *hello = core_link_hello(c->link);
	const struct cfg *cfg = c->back->cfg;

	*head = c->head;
	serve_head_unconfirmed_add(head, c->head.revision);
	head->revision = c->back->version;
	head->back = 0;
	head->until_s = 0;
	head->confirm_s = 0;
	head->boot = hello == NULL ? 0 : hello->boot;
	// The file may well hold what was not confirmed: it counts as old until it changes.
	if (serve_path_hash(c->file, &head->file_hash) != 0)
		head->file_hash = c->head.file_hash;
	if (serve_lists_hash(cfg, &head->rules_hash) != 0)
		head->rules_hash = c->head.rules_hash;
}

void serve_change_back_done(struct change *ch, bool pending)
{
	struct serve_changes *c = ch->owner;
	struct serve_revision *back = c->back;
	struct serve_text local = {0};
	struct serve_head head;
	int rc;

	head_back(c, &head);
	rc = serve_head_save(&head, c->store);
	if (rc != 0) { // what is in force is what counts: the next start goes back once more
		LOG(ERR, "back: revision %" PRIu64 " is in force but that is not stored: %s",
			head.revision, strerror(-rc));
		err_warn_at(&ch->err, NULL, 0, 0, "in force, but not stored; %s", strerror(-rc));
	}
	c->head = head;
	if (back->local.p == NULL || serve_text_set(&local, back->local.p, back->local.n) == 0) {
		free(c->local.p);
		c->local = local;
	}
	c->back = NULL;
	serve_change_take(c, back, c->back_origin, false);
	serve_history_tidy(&head, c->store);
	if (pending && core_link_is_attached(c->link))
		(void)core_timer_once(c->retry, RESYNC_RETRY_MS); // else the next attach does it
	LOG(NOTICE, "back: revision %" PRIu64 " is in force again, by %s%s", back->version,
		ch->author, pending ? "; a data plane gets it as soon as it can" : "");
	serve_change_end(ch,
		&(struct serve_change_result){
			.err = &ch->err, .revision = back->version, .pending = pending});
}

int serve_changes_confirm(struct serve_changes *c, uint64_t revision)
{
	struct serve_head head = c->head;
	int rc;

	if (head.back == 0 || (revision != 0 && revision != head.revision))
		return -ENOENT;
	if (c->active != NULL && (c->active->kind == KIND_BACK || c->active->revert))
		return -EBUSY;
	head.back = 0;
	head.until_s = 0;
	head.confirm_s = 0;
	rc = serve_head_save(&head, c->store);
	if (rc != 0)
		return rc;
	c->head = head;
	serve_revision_free(c->back);
	c->back = NULL;
	serve_history_tidy(&head, c->store);
	LOG(NOTICE, "revision %" PRIu64 " is confirmed", head.revision);
	return 0;
}

// SPDX-License-Identifier: BSD-3-Clause
// From an image to the data plane, and what its answer means.
// Thread: the loop's.
#include "serve_change_int.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "compile.h"
#include "core_link.h"
#include "core_loop.h"
#include "log.h"

LOG_COMPONENT("config");

static const uint64_t VERSION_MAX = UINT64_C(1) << 53; // beyond it JSON readers lose digits

bool serve_changes_ports_fit(
	const struct serve_changes *c, const struct serve_revision *r, struct err_list *err)
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
		if (core_stats_port(stats, i, &port) == 0 &&
			strcmp(port.name, dp->ports[i].name) == 0)
			continue;
		err_at(err, dp->ports[i].at.file, dp->ports[i].at.line, dp->ports[i].at.col,
			"dataplane.ports: %s; the running data plane has another port in this "
			"place: restart it first",
			dp->ports[i].name);
		return false;
	}
	if (n != dp->nports)
		err_at(err, dp->at.file, dp->at.line, dp->at.col,
			"dataplane.ports: %" PRIu32 " ports; the running data plane has %" PRIu32
			": restart it first",
			dp->nports, n);
	return n == dp->nports;
}

// The image of a revision, or what it is held back for. As core_link_image_push, and -ENOMEM.
static int image_push(struct serve_changes *c, const struct serve_revision *r,
	void (*done)(void *arg, int status, const char *text), struct change *ch)
{
	uint64_t version = r->version > c->high ? r->version : c->high;
	uint8_t *bytes;
	size_t n;
	int rc;

	c->pushed_held = c->held;
	if (!c->held)
		return core_link_image_push(
			c->link, r->image, r->image_bytes, r->version, done, ch);
	rc = compile_empty(++version, time(NULL), &bytes, &n);
	if (rc != 0)
		return rc;
	rc = core_link_image_push(c->link, bytes, n, version, done, ch);
	free(bytes); // copied
	if (rc == 0)
		c->high = version;
	return rc;
}

static void push_fail(struct change *ch, int status, const char *text)
{
	// Going back goes on without the data plane, which gets it as soon as it can. At start a
	// data plane that goes changes nothing about the revision: it is pending.
	if (ch->kind == KIND_BACK && ch->cand == NULL)
		serve_change_back_done(ch, true);
	else if (ch->kind == KIND_START && (status == -ENOTCONN || status == -ETIMEDOUT))
		serve_change_done(ch, true);
	else if (status == -ENOTCONN)
		serve_change_fail(
			ch, API_RPC_ERR_DETACHED, "the data plane went before it confirmed");
	else if (status == -ETIMEDOUT)
		serve_change_fail(ch, API_RPC_ERR_TIMEOUT, "the data plane did not answer in time");
	else
		serve_change_fail(ch, API_RPC_ERR_REFUSED, "the data plane refused the image: %s",
			*text != '\0' ? text : strerror(-status));
}

static void resync_done(struct change *ch)
{
	struct serve_changes *c = ch->owner;
	const struct api_hello *hello = core_link_hello(c->link);
	struct serve_head head = c->head;

	head.boot = hello == NULL ? 0 : hello->boot;
	c->confirmed = c->current->version;
	// So that the next start knows that this data plane has it. Without: one push too many.
	if (head.revision == c->current->version) {
		if (serve_head_save(&head, c->store) == 0)
			c->head = head;
		else
			LOG(WARNING, "revision %" PRIu64 ": cannot note that it is in force",
				c->current->version);
	}
	if (c->origin == SERVE_ORIGIN_COMMITTED)
		err_init(&c->errors);
	if (c->held)
		LOG(ERR,
			"the data plane forwards new connections UNREAD in place of revision %" PRIu64,
			c->current->version);
	else
		LOG(NOTICE, "revision %" PRIu64 " is in force in the data plane",
			c->current->version);
	serve_change_end(ch, &(struct serve_change_result){.err = &ch->err});
}

static void on_pushed(void *arg, int status, const char *text)
{
	struct change *ch = arg;
	struct serve_changes *c = ch->owner;

	if (status == 0)
		c->renew = c->pushed_held != c->held;
	if (status != 0) {
		push_fail(ch, status, text);
	} else if (ch->kind == KIND_RESYNC) {
		resync_done(ch);
	} else if (ch->cand == NULL) {
		c->confirmed = c->back->version;
		serve_change_back_done(ch, false);
	} else {
		c->confirmed = ch->cand->version;
		serve_change_done(ch, false);
	}
}

static void undo_fail(struct change *ch)
{
	serve_change_fail(ch, API_RPC_ERR_INTERNAL, "control.state_dir: cannot store: %s",
		strerror(-ch->store_rc));
}

static void on_undone(void *arg, int status, const char *text)
{
	struct change *ch = arg;
	struct serve_changes *c = ch->owner;

	if (status == 0) {
		c->confirmed = c->current->version;
	} else {
		LOG(ERR, "revision %" PRIu64 ": the data plane has a later one and does not take it back: %s",
			c->current->version, *text != '\0' ? text : strerror(-status));
		c->confirmed = 0;
		(void)core_timer_once(c->retry, RESYNC_RETRY_MS); // else the next attach does it
	}
	undo_fail(ch);
}

void serve_change_undo(struct change *ch, int rc)
{
	struct serve_changes *c = ch->owner;

	ch->store_rc = rc;
	if (c->confirmed != ch->cand->version || c->current == NULL) {
		undo_fail(ch); // no data plane has it
		return;
	}
	rc = image_push(c, c->current, on_undone, ch);
	if (rc != 0)
		on_undone(ch, rc, "");
}

void serve_change_push(struct change *ch, const struct serve_revision *r)
{
	struct serve_changes *c = ch->owner;
	int rc;

	if (!serve_changes_ports_fit(c, r, &ch->err)) {
		if (ch->kind == KIND_BACK && ch->cand == NULL)
			serve_change_back_done(ch, true);
		else
			serve_change_fail(
				ch, API_RPC_ERR_CONFIG, "the running data plane has other ports");
		return;
	}
	rc = image_push(c, r, on_pushed, ch);
	if (rc == 0) {
		if (r->version > c->high) // used up, whatever becomes of it
			c->high = r->version;
		return;
	}
	if (rc == -ENOTCONN && ch->kind != KIND_RESYNC && ch->cand != NULL)
		serve_change_done(ch, true);
	else if (rc == -EFBIG)
		push_fail(ch, rc, "it is larger than dataplane.image_max_mb");
	else
		push_fail(ch, rc, "");
}

// Does the data plane have the revision in force: since it attached, or since before? A number alone
// doesn't tell, for another state directory has the same numbers.
static bool has_revision(const struct serve_changes *c, const struct api_hello *hello)
{
	return c->confirmed == c->current->version ||
		(hello->image_version == c->current->version &&
			c->head.revision == c->current->version && hello->boot == c->head.boot);
}

void serve_change_resync(struct change *ch)
{
	struct serve_changes *c = ch->owner;
	const struct api_hello *hello = core_link_hello(c->link);
	struct serve_revision *cur = c->current;
	bool has, keep;

	if (hello != NULL && hello->image_version > c->high && hello->image_version < VERSION_MAX)
		c->high = hello->image_version;
	has = hello != NULL && cur != NULL && !c->renew && has_revision(c, hello);
	keep = hello != NULL && c->origin == SERVE_ORIGIN_PASS_ALL && hello->image_version != 0 &&
		!c->renew;
	if (hello == NULL || cur == NULL || has || keep)
		serve_change_end(ch, &(struct serve_change_result){.err = &ch->err});
	else
		serve_change_push(ch, cur);
}

void serve_changes_hold(struct serve_changes *c, bool held)
{
	if (c->held == held)
		return;
	c->held = held;
	c->renew = true;
	if (c->link != NULL && core_link_is_attached(c->link))
		serve_changes_attached(c, core_link_hello(c->link));
}

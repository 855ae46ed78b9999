// SPDX-License-Identifier: BSD-3-Clause
// Commands of the control plane, each copied out of the ring, checked field by field, then obeyed.
// Two kinds of wrong: what an honest control plane may ask at a bad moment is answered with an
// error; what none would ever send is a fault, and ends the attachment.
// Thread: manager.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "eng_drain.h"
#include "lnk_int.h"
#include "log.h"
#include "pol_image.h"
#include "text.h"

LOG_COMPONENT("link");

enum {
	COMMANDS_A_TURN = 16,
	ROWS_A_TURN = 512,
	ROWS_MAX = 100000, // of one answer
	ANSWERS_KEPT = 64, // events that flow rows leave free: one answer a command in the ring
	RETIRED_MAX = 64,  // images still in use by open messages while another one comes
};
_Static_assert((int)ANSWERS_KEPT >= (int)API_RING_COMMANDS, "rows never keep an answer out");

// The caller has seen to it that there is room, so that a full ring is a fault like any other.
static void event_put(struct lnk *l, const struct api_event *e)
{
	int rc = api_ring_put(&l->region->event, e);

	if (rc < 0 && l->fault == NULL)
		l->fault = rc == -EPROTO ? "its end of the event ring makes no sense"
					 : "it sends commands and takes no answers";
	l->ring_bell = true;
}

static uint32_t events_free(struct lnk *l)
{
	return API_RING_EVENTS - api_ring_used(&l->region->event);
}

static void ack(struct lnk *l, uint32_t seq, int status, const char *text)
{
	struct api_event e = {.kind = API_EVT_ACK, .seq = seq, .status = status};

	(void)text_copy(e.text, sizeof(e.text), text); // cut is fine
	event_put(l, &e);
}

static void flows_end(struct lnk *l, uint32_t seq, int status)
{
	const struct api_event e = {.kind = API_EVT_FLOWS_END, .seq = seq, .status = status};

	event_put(l, &e);
}

// A private copy of what lies in a slot, for that may change while we read it. NULL with the reason in
// *err; the caller's to free.
static struct pol_head *slot_copy(struct lnk *l, const struct api_command *c, struct err_list *err)
{
	struct pol_head *copy = aligned_alloc(64, (c->image.bytes + 63) & ~UINT64_C(63));

	if (copy == NULL) {
		err_add(err, "image: out of memory");
		return NULL;
	}
	memcpy(copy, l->region->mem + l->region->hello.slot_off[c->image.slot], c->image.bytes);
	if (c->image.bytes < sizeof(*copy))
		err_add(err, "image: %llu bytes are too few", (unsigned long long)c->image.bytes);
	else if (copy->version != c->image.version)
		err_add(err, "image: it is version %llu, the command says %llu",
			(unsigned long long)copy->version, (unsigned long long)c->image.version);
	else
		return copy;
	free(copy);
	return NULL;
}

static struct eng_image *image_make(
	struct lnk *l, const struct api_command *c, struct err_list *err)
{
	struct pol_head *copy = slot_copy(l, c, err);
	struct eng_image *img = NULL;

	if (copy != NULL)
		img = eng_image_new(l->conf.eng, copy, c->image.bytes, err);
	free(copy);
	return img;
}

static bool image_in_range(struct lnk *l, const struct api_command *c)
{
	if (c->image.slot < API_SLOTS && c->image.spare == 0 &&
		c->image.bytes <= l->region->hello.slot_bytes)
		return true;
	l->fault = "an image command out of range";
	return false;
}

static void image_refused(
	struct lnk *l, const struct api_command *c, const char *what, const struct err_list *err)
{
	const char *why = err->kept > 0 ? err->text[0] : "no reason given";

	lnk_stats_count(&l->stats.head->image_refused);
	LOG(WARNING, "%s %llu: refused: %s", what, (unsigned long long)c->image.version, why);
	ack(l, c->seq, -EINVAL, why);
}

void lnk_shadow_end(struct lnk *l, const char *why)
{
	const uint64_t version = eng_shadow_version(l->conf.eng);

	if (version == 0)
		return;
	eng_shadow_end(l->conf.eng);
	lnk_stats_set(&l->stats.head->shadow_version, 0);
	LOG(NOTICE, "candidate %llu: over: %s", (unsigned long long)version, why);
}

static void image_take(struct lnk *l, const struct api_command *c)
{
	struct api_stats *head = l->stats.head;
	struct eng_image *img = NULL;
	struct err_list err;

	if (!image_in_range(l, c))
		return;
	if (c->image.bytes == 0) {
		l->fault = "an image command out of range";
		return;
	}
	if (eng_image_reap(l->conf.eng) >= RETIRED_MAX) {
		ack(l, c->seq, -EBUSY, "too many earlier images are still in use");
		return;
	}
	err_init(&err);
	img = image_make(l, c, &err);
	if (img == NULL) {
		image_refused(l, c, "image", &err);
		return;
	}
	lnk_shadow_end(l, "another image comes into force");
	lnk_counts_close(l);
	eng_image_swap(l->conf.eng, img);
	lnk_stats_count(&head->image_swaps);
	lnk_stats_set(&head->image_version, eng_image_version(l->conf.eng));
	LOG(NOTICE, "image %llu: in force: %llu bytes", (unsigned long long)c->image.version,
		(unsigned long long)c->image.bytes);
	ack(l, c->seq, 0, "");
}

// A candidate, or the end of one.
static void shadow_take(struct lnk *l, const struct api_command *c)
{
	struct pol_head *copy;
	struct err_list err;
	bool begun;

	if (!image_in_range(l, c))
		return;
	if (c->image.bytes == 0) {
		lnk_shadow_end(l, "asked to");
		ack(l, c->seq, 0, "");
		return;
	}
	err_init(&err);
	copy = slot_copy(l, c, &err);
	begun = copy != NULL && eng_shadow_begin(l->conf.eng, copy, c->image.bytes, &err) == 0;
	free(copy);
	if (!begun) {
		image_refused(l, c, "candidate", &err);
		return;
	}
	lnk_stats_set(&l->stats.head->shadow_version, eng_shadow_version(l->conf.eng));
	LOG(NOTICE, "candidate %llu: runs beside image %llu", (unsigned long long)c->image.version,
		(unsigned long long)eng_image_version(l->conf.eng));
	ack(l, c->seq, 0, "");
}

// They are taken in later turns, and answered then.
static void counts_take(struct lnk *l, const struct api_command *c)
{
	int rc = lnk_counts_begin(l, c);

	if (rc < 0)
		ack(l, c->seq, rc, "limits count already");
}

// All workers are asked at once: one that sleeps answers when it wakes.
static void flows_begin(struct lnk *l, const struct api_command *c)
{
	struct lnk_flows *f = &l->flows;
	uint32_t max = c->flows.max < ROWS_MAX ? c->flows.max : ROWS_MAX;

	if (c->flows.spare != 0) {
		l->fault = "a flows command out of range";
		return;
	}
	if (f->active) { // of ours, or the rest of one whose asker went
		ack(l, c->seq, -EBUSY, "another list of flows is under way");
		return;
	}
	*f = (struct lnk_flows){.active = true, .seq = c->seq, .left = max};
	for (uint16_t w = 0; w < l->conf.workers && max > 0; w++) {
		int rc = eng_flows_ask(l->conf.eng, w, max);

		if (rc == 0)
			f->asked |= UINT64_C(1) << w;
		else
			f->status = rc;
	}
}

void lnk_drain_tell(struct lnk *l)
{
	const struct eng_drain *d = eng_drain_of(l->conf.eng);
	struct api_stats *head = l->stats.head;
	uint64_t left;

	LNK_SAME(ENG_DRAIN_WAITS, API_DRAIN_WAITS);
	LNK_SAME(ENG_DRAIN_LETS, API_DRAIN_LETS);
	LNK_SAME(ENG_DRAIN_RESETS, API_DRAIN_RESETS);
	LNK_SAME(ENG_DRAIN_OVER, API_DRAIN_OVER);
	LNK_SAME(ENG_HEALTH_DOWN, API_HEALTH_DOWN);
	LNK_SAME(ENG_HEALTH_UP, API_HEALTH_UP);
	if (!eng_drain_left(l->conf.eng, &left))
		left = UINT64_MAX;
	lnk_stats_set(&head->drain_phase,
		(uint64_t)atomic_load_explicit(&d->phase, memory_order_relaxed));
	lnk_stats_set(&head->drain_refuse, atomic_load_explicit(&d->refuse, memory_order_relaxed));
	lnk_stats_set(&head->drain_since_us, d->since_us);
	lnk_stats_set(&head->drain_until_us, d->until_us);
	lnk_stats_set(&head->drain_left, left);
	lnk_stats_set(&head->health, (uint64_t)eng_health_state(l->conf.eng));
}

static void drain_take(struct lnk *l, const struct api_command *c)
{
	const bool on = c->drain.on != 0;

	if (c->drain.on > 1 || c->drain.refuse > 1 ||
		c->drain.wait_ms > API_DRAIN_WAIT_MAX_S * UINT64_C(1000) ||
		(!on && (c->drain.refuse != 0 || c->drain.wait_ms != 0))) {
		l->fault = "a drain command out of range";
		return;
	}
	if (on)
		eng_drain_begin(l->conf.eng, c->drain.refuse != 0, c->drain.wait_ms, l->now_us);
	else
		eng_drain_end(l->conf.eng);
	lnk_drain_tell(l); // who is answered finds it so
	if (on)
		LOG(NOTICE, "drain: new connections %s, deadline %llu s",
			c->drain.refuse != 0 ? "are refused" : "pass unread",
			(unsigned long long)(c->drain.wait_ms / 1000));
	else
		LOG(NOTICE, "drain: ended: new connections are read");
	ack(l, c->seq, 0, "");
}

static void obey(struct lnk *l, const struct api_command *c)
{
	switch (c->kind) {
	case API_CMD_IMAGE:
		image_take(l, c);
		break;
	case API_CMD_SHADOW:
		shadow_take(l, c);
		break;
	case API_CMD_FLOWS:
		flows_begin(l, c);
		break;
	case API_CMD_COUNTS:
		counts_take(l, c);
		break;
	case API_CMD_DRAIN:
		drain_take(l, c);
		break;
	case API_CMD_PING:
		ack(l, c->seq, 0, "");
		break;
	default:
		l->fault = "a command of no kind";
		break;
	}
}

bool lnk_commands(struct lnk *l)
{
	if (l->counts.active) {
		if (!lnk_counts_turn(l))
			return l->fault == NULL;
		ack(l, l->counts.seq, 0, "");
	}
	for (unsigned i = 0; i < COMMANDS_A_TURN && !l->counts.active; i++) {
		struct api_command c;
		int rc;

		// An answer each needs room; who takes none is not obeyed.
		if (events_free(l) == 0 && !l->region->event.broken)
			return false;
		rc = api_ring_take(&l->region->command, &c);
		if (rc == -EPROTO || l->region->event.broken)
			l->fault = "its end of a ring makes no sense";
		else if (rc == 0)
			obey(l, &c);
		if (rc < 0 || l->fault != NULL)
			return false;
	}
	return true;
}

static void row_put(struct lnk *l, const struct eng_flow_row *row)
{
	struct api_event e = {.kind = API_EVT_FLOW, .seq = l->flows.seq};

	lnk_flow_fill(&e.flow, row, l->flows.worker);
	event_put(l, &e);
	l->flows.left--;
}

bool lnk_flows_turn(struct lnk *l)
{
	struct lnk_flows *f = &l->flows;

	for (unsigned i = 0; i < ROWS_A_TURN && l->fault == NULL; i++) {
		struct eng_flow_row row;
		int rc = -ENOENT;

		if (!f->deaf && events_free(l) <= ANSWERS_KEPT)
			return false; // the control plane is behind
		if (f->worker == l->conf.workers) {
			f->active = false;
			if (!f->deaf)
				flows_end(l, f->seq, f->status);
			return false;
		}
		if (f->asked >> f->worker & 1)
			rc = eng_flows_take(l->conf.eng, f->worker, &row);
		if (rc == -EAGAIN)
			return false; // this worker has not come to it
		if (rc < 0)
			f->worker++;
		else if (!f->deaf && f->left > 0)
			row_put(l, &row);
	}
	return l->fault == NULL;
}

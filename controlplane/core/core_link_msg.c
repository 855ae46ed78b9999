// SPDX-License-Identifier: BSD-3-Clause
// Messages of the link: what comes in is copied, checked, then handed on; what goes out waits for
// its answer here. A message that makes no sense is counted and dropped; a ring that makes no sense
// ends the attachment (the life of it is core_link.c).
// Thread: the loop's.
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "core_link_int.h"

enum { // messages a lap, so that sockets and timers have their turn between two laps
	LAP_OUTCOMES = 512,
	LAP_RECORDS = 256,
	LAP_ASKS = 128,
	LAP_EVENTS = 512,
};

// An answer's status is 0 or -errno.
static bool is_status(int32_t status)
{
	return status <= 0 && status > -4096;
}

static struct core_link_pending *pending_of(struct core_link *l, uint32_t seq)
{
	for (unsigned i = 0; i < CORE_ASK_COUNT; i++)
		if (l->pending[i].busy && l->pending[i].seq == seq)
			return &l->pending[i];
	return NULL;
}

// Frees the place before the callback, which may ask again.
static void pending_end(struct core_link_pending *p, int status, const char *text)
{
	struct core_link_pending ended = *p;

	*p = (struct core_link_pending){0};
	if (ended.done != NULL)
		ended.done(ended.arg, status, text);
}

static bool is_flow(const struct core_link *l, const struct api_flow *f)
{
	return f->lane < API_LANE_COUNT && f->state < API_FLOW_STATE_COUNT &&
		f->worker < l->region.hello.workers;
}

// False where the event makes no sense. One that answers nothing we wait for came too late: fine.
static bool event_take(struct core_link *l, struct api_event *e)
{
	struct core_link_pending *p = pending_of(l, e->seq);
	struct core_link_pending *flows = &l->pending[CORE_ASK_FLOWS];

	switch (e->kind) {
	case API_EVT_ACK:
		if (!is_status(e->status) || (p == flows && e->status == 0))
			return false;
		e->text[sizeof(e->text) - 1] = '\0';
		if (p != NULL)
			pending_end(p, e->status, e->text);
		return true;
	case API_EVT_FLOW:
		if (!is_flow(l, &e->flow))
			return false;
		if (p == NULL)
			return true;
		if (p != flows || p->rows_left == 0)
			return false;
		p->rows_left--;
		p->row(p->arg, &e->flow);
		return true;
	case API_EVT_FLOWS_END:
		if (!is_status(e->status) || (p != NULL && p != flows))
			return false;
		if (p != NULL)
			pending_end(p, e->status, e->status == 0 ? "" : strerror(-e->status));
		return true;
	default:
		return false;
	}
}

static bool is_outcome(const struct api_outcome *o)
{
	return o->kind > API_OUT_NONE && o->kind < API_OUT_COUNT && o->count > 0;
}

static bool is_decision(const struct api_decision *d, uint32_t names)
{
	return d->does < API_DOES_COUNT && (d->reason == 0xffff || d->reason < names);
}

// Checks a record and ends its texts.
static bool record_check(const struct core_link *l, struct api_record *r, uint32_t worker)
{
	uint32_t names = core_stats_names(l->region.stats);

	if (r->worker != worker)
		return false;
	switch (r->kind) {
	case API_REC_SESSION:
		return r->session_end.lane < API_LANE_COUNT && r->session_end.tls <= 1 &&
			r->session_end.auth <= 1 &&
			(r->session_end.reason == 0xffff || r->session_end.reason < names);
	case API_REC_MESSAGE:
		r->message.helo[sizeof(r->message.helo) - 1] = '\0';
		r->message.from[sizeof(r->message.from) - 1] = '\0';
		r->message.to[sizeof(r->message.to) - 1] = '\0';
		return r->message.verdict < API_VERDICT_COUNT && r->message.bdat <= 1 &&
			r->message.has_subject <= 1 && r->message.subject_len <= API_SUBJECT_MAX;
	case API_REC_REFUSAL:
		return r->refusal.reason == 0xffff || r->refusal.reason < names;
	case API_REC_SHADOW:
		return r->shadow.stage < API_STAGE_COUNT && is_decision(&r->shadow.live, names) &&
			is_decision(&r->shadow.shadow, names);
	default:
		return false;
	}
}

static int one_event(struct core_link *l, struct api_ring *ring, uint32_t)
{
	struct api_event e;
	int rc = api_ring_take(ring, &e);

	if (rc == 0 && !event_take(l, &e))
		l->counts.absurd++;
	return rc;
}

static int one_outcome(struct core_link *l, struct api_ring *ring, uint32_t)
{
	struct api_outcome o;
	int rc = api_ring_take(ring, &o);

	if (rc < 0)
		return rc;
	if (!is_outcome(&o)) {
		l->counts.absurd++;
		return 0;
	}
	l->counts.outcomes++;
	if (l->conf.ops.outcome != NULL)
		l->conf.ops.outcome(l->conf.arg, &o);
	return 0;
}

static int one_record(struct core_link *l, struct api_ring *ring, uint32_t worker)
{
	struct api_record r;
	int rc = api_ring_take(ring, &r);

	if (rc < 0)
		return rc;
	if (!record_check(l, &r, worker)) {
		l->counts.absurd++;
		return 0;
	}
	l->counts.records++;
	if (l->conf.ops.record != NULL)
		l->conf.ops.record(l->conf.arg, &r);
	return 0;
}

static bool is_ask(const struct api_ask *q)
{
	return q->kind > API_ASK_NONE && q->kind < API_ASK_COUNT && q->name_len > 0 &&
		q->name_len <= sizeof(q->name) && q->otherwise < API_FIND_COUNT;
}

static int one_ask(struct core_link *l, struct api_ring *ring, uint32_t worker)
{
	struct api_ask q;
	int rc = api_ring_take(ring, &q);

	if (rc < 0)
		return rc;
	if (!is_ask(&q)) {
		l->counts.absurd++;
		return 0;
	}
	l->counts.asks++;
	l->asked_us = core_now_us();
	if (l->conf.ops.ask != NULL)
		l->conf.ops.ask(l->conf.arg, worker, &q);
	return 0;
}

// Takes at most `most` elements of a ring, each by `one`. True if it stopped before the end.
static bool ring_drain(struct core_link *l, struct api_ring *ring, uint32_t worker, unsigned most,
	int (*one)(struct core_link *l, struct api_ring *ring, uint32_t worker))
{
	for (unsigned i = 0; i < most; i++) {
		int rc = one(l, ring, worker);

		if (rc == -EPROTO && l->doomed == NULL)
			l->doomed = "the data plane's ring makes no sense";
		if (rc < 0)
			return false;
	}
	return true;
}

bool core_link_drain(struct core_link *l, unsigned laps)
{
	struct core_region *r = &l->region;
	bool more = true;

	for (unsigned lap = 0; lap < laps && more; lap++) {
		more = ring_drain(l, &r->event, 0, LAP_EVENTS, one_event);
		for (uint32_t w = 0; w < r->hello.workers; w++) {
			more |= ring_drain(l, &r->outcome[w], w, LAP_OUTCOMES, one_outcome);
			more |= ring_drain(l, &r->record[w], w, LAP_RECORDS, one_record);
			more |= ring_drain(l, &r->ask[w], w, LAP_ASKS, one_ask);
		}
	}
	return more;
}

// Does it name a slot, or rows, which the data plane reads until it answers?
static bool has_slot(enum core_link_ask ask)
{
	return ask == CORE_ASK_IMAGE || ask == CORE_ASK_SHADOW || ask == CORE_ASK_COUNTS;
}

void core_link_expire(struct core_link *l, uint64_t now_us)
{
	for (unsigned i = 0; i < CORE_ASK_COUNT; i++) {
		if (!l->pending[i].busy || now_us < l->pending[i].until_us)
			continue;
		// The slot of an image without an answer may still be read: only a new attachment
		// has a slot that is surely ours.
		if (has_slot(i) && l->doomed == NULL)
			l->doomed = "the data plane did not answer an image or counts in time";
		pending_end(&l->pending[i], -ETIMEDOUT, "no answer in time");
	}
}

void core_link_abandon(struct core_link *l)
{
	for (unsigned i = 0; i < CORE_ASK_COUNT; i++)
		if (l->pending[i].busy)
			pending_end(&l->pending[i], -ENOTCONN, "the data plane went");
}

static int can_ask(const struct core_link *l, enum core_link_ask ask)
{
	if (l->state != CORE_LINK_ATTACHED || l->doomed != NULL)
		return -ENOTCONN;
	return l->pending[ask].busy ? -EBUSY : 0;
}

// Sends the command and rings the bell. On success *p holds its place.
static int ask(struct core_link *l, enum core_link_ask ask, struct api_command *c,
	const struct core_link_pending *p)
{
	uint32_t ms = has_slot(ask) ? l->conf.image_ms : l->conf.answer_ms;
	int rc;

	c->seq = l->seq + 1;
	rc = api_ring_put(&l->region.command, c);
	if (rc == -EPROTO) {
		l->doomed = "the data plane's ring makes no sense";
		return -ENOTCONN;
	}
	if (rc < 0)
		return rc;
	l->seq++;
	l->pending[ask] = *p;
	l->pending[ask].busy = true;
	l->pending[ask].seq = l->seq;
	l->pending[ask].until_us = core_now_us() + ms * UINT64_C(1000);
	// A full socket has bells enough in it; a dead one is noticed where it is read.
	(void)send(l->fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	return 0;
}

int core_link_answer(struct core_link *l, uint32_t worker, const struct api_answer *a)
{
	int rc;

	if (l->state != CORE_LINK_ATTACHED || l->doomed != NULL ||
		worker >= l->region.hello.workers)
		return -ENOTCONN;
	rc = api_ring_put(&l->region.answer[worker], a);
	if (rc == -EPROTO) {
		l->doomed = "the data plane's ring makes no sense";
		return -ENOTCONN;
	}
	if (rc == 0)
		l->counts.answers++;
	else
		l->counts.answers_lost++;
	return rc;
}

struct pushed { // an image on its way
	uint32_t slot;
	const void *bytes;
	uint64_t n, version;
};

static int push(struct core_link *l, enum core_link_ask as, struct api_command *c,
	const struct pushed *img, const struct core_link_pending *p)
{
	int rc = can_ask(l, as);

	if (rc < 0)
		return rc;
	if (img->n > l->region.hello.slot_bytes)
		return -EFBIG;
	c->image.slot = img->slot;
	c->image.bytes = img->n;
	c->image.version = img->version;
	if (img->n > 0)
		memcpy(l->region.mem + l->region.hello.slot_off[img->slot], img->bytes, img->n);
	return ask(l, as, c, p);
}

int core_link_image_push(struct core_link *l, const void *bytes, uint64_t n, uint64_t version,
	core_link_done_cb done, void *arg)
{
	// Every slot is free: the last image was answered, or this attachment has seen none.
	const uint32_t slot = (l->slot + 1) % API_SLOT_SHADOW;
	int rc = push(l, CORE_ASK_IMAGE, &(struct api_command){.kind = API_CMD_IMAGE},
		&(struct pushed){slot, bytes, n, version},
		&(struct core_link_pending){.done = done, .arg = arg});

	if (rc == 0)
		l->slot = slot;
	return rc;
}

int core_link_shadow_push(struct core_link *l, const void *bytes, uint64_t n, uint64_t version,
	core_link_done_cb done, void *arg)
{
	return push(l, CORE_ASK_SHADOW, &(struct api_command){.kind = API_CMD_SHADOW},
		&(struct pushed){API_SLOT_SHADOW, bytes, n, version},
		&(struct core_link_pending){.done = done, .arg = arg});
}

int core_link_counts_push(struct core_link *l, const uint8_t secret[API_CELLS_SECRET],
	const struct api_count *rows, uint64_t n, core_link_done_cb done, void *arg)
{
	const struct core_link_pending p = {.done = done, .arg = arg};
	struct api_command c = {.kind = API_CMD_COUNTS};
	int rc = can_ask(l, CORE_ASK_COUNTS);

	if (rc < 0)
		return rc;
	if (n > core_link_counts_room(l))
		return -EFBIG;
	c.counts.rows = n;
	memcpy(c.counts.secret, secret, sizeof(c.counts.secret));
	if (n > 0)
		memcpy(l->region.mem + l->region.hello.counts_off, rows, n * sizeof(*rows));
	return ask(l, CORE_ASK_COUNTS, &c, &p);
}

int core_link_flows_ask(
	struct core_link *l, uint32_t max, core_link_flow_cb row, core_link_done_cb done, void *arg)
{
	const struct core_link_pending p = {.row = row, .done = done, .arg = arg, .rows_left = max};
	struct api_command c = {.kind = API_CMD_FLOWS};
	int rc = can_ask(l, CORE_ASK_FLOWS);

	if (rc < 0)
		return rc;
	c.flows.max = max;
	return ask(l, CORE_ASK_FLOWS, &c, &p);
}

int core_link_ping(struct core_link *l, core_link_done_cb done, void *arg)
{
	const struct core_link_pending p = {.done = done, .arg = arg};
	struct api_command c = {.kind = API_CMD_PING};
	int rc = can_ask(l, CORE_ASK_PING);

	return rc < 0 ? rc : ask(l, CORE_ASK_PING, &c, &p);
}

int core_link_drain_ask(struct core_link *l, bool on, bool refuse, uint32_t wait_s,
	core_link_done_cb done, void *arg)
{
	const struct core_link_pending p = {.done = done, .arg = arg};
	struct api_command c = {.kind = API_CMD_DRAIN};
	int rc = can_ask(l, CORE_ASK_DRAIN);

	if (rc < 0)
		return rc;
	c.drain.on = on;
	c.drain.refuse = on && refuse;
	c.drain.wait_ms = on ? wait_s * UINT64_C(1000) : 0;
	return ask(l, CORE_ASK_DRAIN, &c, &p);
}

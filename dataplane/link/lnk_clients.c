// SPDX-License-Identifier: BSD-3-Clause
// What the control plane says of clients: two rings, of which a bounded number is taken a turn; each message is
// copied, checked field by field, then written into the engine's table. What no honest control plane would send
// is a fault, and ends the attachment. Durations become seconds of the workers' clock here, so that nobody's wall
// clock matters.
// A walk (BEGIN .. SWEEP) sweeps in slices, behind the attachment that asked for it, too. A SWEEP of another walk
// than the last is passed over: it was meant for a data plane before us.
// Where too much waits in the table for the workers, a message waits here, and those behind it in the ring.
// Thread: manager.
#include <errno.h>

#include "lnk_int.h"
#include "tbl_clients.h"

enum {
	MESSAGES_A_TURN = 256, // of each ring
	SLICE = 1024,          // entries that a sweep looks at
	SOON_MS = 1,           // the workers pass a boundary
};

LNK_SAME(API_FACT_LISTED, TBL_LISTED);
LNK_SAME(API_FACT_EXEMPT, TBL_EXEMPT);

static void walk_begin(struct lnk_walk *w, uint32_t epoch)
{
	*w = (struct lnk_walk){.epoch = epoch, .begun = true};
}

// Is it the end of the walk under way?
static bool walk_ends(struct lnk_walk *w, uint32_t epoch)
{
	if (!w->begun || w->epoch != epoch)
		return false;
	w->begun = false;
	w->sweeps = true;
	return true;
}

// ---- bindings

static bool is_prefix(const struct addr *addr, uint8_t len)
{
	return tbl_prefix_is_canonical(&(struct prefix){*addr, len});
}

static bool is_binding(const struct api_binding *b)
{
	if (b->spare != 0)
		return false;
	switch (b->kind) {
	case API_BIND_SET:
		if (b->endpoint == 0)
			return false;
		// fall through
	case API_BIND_CLEAR:
		return is_prefix(&b->addr, b->len) && b->port_first <= b->port_last &&
			b->shared <= 1;
	case API_BIND_BEGIN:
	case API_BIND_SWEEP:
		return true;
	default:
		return false;
	}
}

static struct tbl_binding binding_of(const struct api_binding *b)
{
	return (struct tbl_binding){.prefix = {b->addr, b->len},
		.context = b->context,
		.vlan = b->vlan,
		.port_first = b->port_first,
		.port_last = b->port_last,
		.shared = b->shared != 0,
		.endpoint = b->endpoint};
}

// 0; -EAGAIN: later.
static int binding_obey(struct lnk *l, struct tbl_clients *t, const struct api_binding *b)
{
	const struct tbl_binding said = binding_of(b);
	int rc = 0;

	switch (b->kind) {
	case API_BIND_SET:
		rc = tbl_binding_set(t, &said); // one that finds no room is counted there
		break;
	case API_BIND_CLEAR:
		rc = tbl_binding_clear(t, &said);
		break;
	case API_BIND_BEGIN:
		walk_begin(&l->clients.bindings, b->epoch);
		tbl_bindings_begin(t);
		break;
	default:
		(void)walk_ends(&l->clients.bindings, b->epoch);
		break;
	}
	return rc == -EAGAIN ? rc : 0;
}

// ---- facts

static bool is_fact(const struct api_fact *f)
{
	if (f->spare != 0 || (f->flags & ~(uint32_t)(API_FACT_LISTED | API_FACT_EXEMPT)) != 0)
		return false;
	switch (f->kind) {
	case API_FACT_ENDPOINT:
		return f->endpoint != 0;
	case API_FACT_SENDER:
		return is_prefix(&f->addr, f->len) && f->score <= API_SCORE_MAX &&
			f->blocked_s == 0;
	case API_FACT_BEGIN:
	case API_FACT_SWEEP:
		return true;
	default:
		return false;
	}
}

static uint32_t until(uint64_t now_s, uint32_t s)
{
	if (s == 0)
		return 0;
	return now_s + s < UINT32_MAX ? (uint32_t)(now_s + s) : UINT32_MAX;
}

// 0; -EAGAIN: later.
static int fact_obey(struct lnk *l, struct tbl_clients *t, const struct api_fact *f)
{
	const uint64_t now_s = lnk_clock_us(l) / 1000000;
	const struct tbl_endpoint endpoint = {.key = f->endpoint,
		.blocked_until_s = until(now_s, f->blocked_s),
		.auth_until_s = until(now_s, f->auth_s),
		.flags = (uint8_t)f->flags};
	const struct tbl_sender sender = {.prefix = {f->addr, f->len},
		.context = f->context,
		.vlan = f->vlan,
		.score = f->score,
		.flags = (uint8_t)f->flags,
		.auth_until_s = until(now_s, f->auth_s)};
	int rc = 0;

	switch (f->kind) {
	case API_FACT_ENDPOINT:
		rc = tbl_endpoint_set(t, &endpoint); // one that finds no room is counted there
		break;
	case API_FACT_SENDER:
		rc = tbl_sender_set(t, &sender); // likewise
		break;
	case API_FACT_BEGIN:
		walk_begin(&l->clients.facts, f->epoch);
		tbl_facts_begin(t);
		break;
	default:
		(void)walk_ends(&l->clients.facts, f->epoch);
		break;
	}
	return rc == -EAGAIN ? rc : 0;
}

// ---- a turn

// Milliseconds until there is more to do, as lnk_poll returns them.
static int bindings_turn(struct lnk *l, struct tbl_clients *t)
{
	struct lnk_clients *c = &l->clients;

	for (unsigned i = 0; i < MESSAGES_A_TURN; i++) {
		int rc = c->binding_waits ? 0 : api_ring_take(&l->region->binding, &c->binding);

		if (rc == -EPROTO)
			l->fault = "its end of the binding ring makes no sense";
		else if (rc == 0 && !is_binding(&c->binding))
			l->fault = "a binding out of range";
		if (rc < 0 || l->fault != NULL)
			return LNK_REST_MS;
		c->binding_waits = t != NULL && binding_obey(l, t, &c->binding) == -EAGAIN;
		if (c->binding_waits)
			return SOON_MS;
	}
	return 0;
}

static int facts_turn(struct lnk *l, struct tbl_clients *t)
{
	struct lnk_clients *c = &l->clients;

	for (unsigned i = 0; i < MESSAGES_A_TURN; i++) {
		int rc = c->fact_waits ? 0 : api_ring_take(&l->region->fact, &c->fact);

		if (rc == -EPROTO)
			l->fault = "its end of the fact ring makes no sense";
		else if (rc == 0 && !is_fact(&c->fact))
			l->fault = "a fact out of range";
		if (rc < 0 || l->fault != NULL)
			return LNK_REST_MS;
		c->fact_waits = t != NULL && fact_obey(l, t, &c->fact) == -EAGAIN;
		if (c->fact_waits)
			return SOON_MS;
	}
	return 0;
}

int lnk_clients_turn(struct lnk *l)
{
	struct tbl_clients *t = eng_clients(l->conf.eng);
	const int bindings_ms = bindings_turn(l, t);
	const int facts_ms = l->fault == NULL ? facts_turn(l, t) : LNK_REST_MS;

	return bindings_ms < facts_ms ? bindings_ms : facts_ms;
}

int lnk_clients_sweep(struct lnk *l)
{
	struct tbl_clients *t = eng_clients(l->conf.eng);
	struct lnk_clients *c = &l->clients;

	if (t == NULL)
		return LNK_REST_MS;
	const uint32_t waited = tbl_clients_waiting(t);
	if (c->bindings.sweeps)
		c->bindings.sweeps = tbl_bindings_sweep(t, SLICE);
	if (c->facts.sweeps)
		c->facts.sweeps = tbl_facts_sweep(t, SLICE);
	if (!c->bindings.sweeps && !c->facts.sweeps)
		return LNK_REST_MS;
	// With much to take back the workers have to pass first.
	return waited + SLICE < (uint32_t)TBL_WAIT_MAX ? 0 : SOON_MS;
}

void lnk_clients_reset(struct lnk *l)
{
	l->clients.binding_waits = l->clients.fact_waits = false;
	l->clients.bindings.begun = l->clients.facts.begun = false;
}

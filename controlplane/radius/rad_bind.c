// SPDX-License-Identifier: BSD-3-Clause
// Which of two sessions has an address is decided by what happened later (arrival less Acct-Delay-Time); where
// the one that lost it goes on with Interims, both have it: such a binding is shared, until one of them ends.
// A NAS that restarts makes all its bindings those of a generation that is over; they are found dead as the tick
// comes by. What a NAS's own clock says is older than what it has said of that binding, or of its restarts, was
// recorded and sent again: it changes nothing.
// Thread: one.
#include "rad_bind.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "rad_endpoint.h"
#include "rad_nas.h"

enum {
	DELAY_MAX_S = 86400,
	SKEW_S = 1, // between two cards of a NAS, each with a clock that shows whole seconds
};

struct rad_bind {
	struct rad_bind_conf conf;
	rad_change_cb changed;
	void *arg;
	struct rad_cells cells;
	struct rad_nases nas;
	uint32_t hand; // where the tick goes on
	struct rad_endpoints endpoints;
	struct rad_bind_counts counts;
};

uint64_t rad_bind_bytes(const struct rad_bind_conf *conf)
{
	return rad_cells_bytes(conf->bindings) + rad_endpoints_bytes(conf->endpoints) +
		rad_nas_bytes(conf->nas);
}

static void nas_gone(void *arg, const struct rad_nas *n)
{
	struct rad_bind *b = arg;

	b->counts.nas_forgotten++;
	if (n->era > 0 && b->conf.nas_era != NULL)
		b->conf.nas_era(b->conf.row_arg, n->id, 0);
}

struct rad_bind *rad_bind_new(const struct rad_bind_conf *conf, rad_change_cb changed, void *arg)
{
	struct rad_bind *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	*b = (struct rad_bind){.conf = *conf, .changed = changed, .arg = arg};
	if (rad_cells_open(&b->cells, conf->bindings, conf->key) &&
		rad_nas_open(&b->nas, conf->nas, nas_gone, b) &&
		rad_endpoints_open(&b->endpoints, conf->endpoints, conf->id_key))
		return b;
	rad_bind_free(b);
	return NULL;
}

void rad_bind_free(struct rad_bind *b)
{
	if (b == NULL)
		return;
	rad_endpoints_close(&b->endpoints);
	rad_nas_close(&b->nas);
	rad_cells_close(&b->cells);
	free(b);
}

// ---- NAS

static void nas_went(struct rad_bind *b, struct rad_nas *n)
{
	n->era++;
	n->went = true;
	if (b->conf.nas_era != NULL)
		b->conf.nas_era(b->conf.row_arg, n->id, n->era);
}

static bool is_over(const struct rad_bind *b, const struct rad_cell *c) // with its NAS
{
	return b->nas.cell[c->nas].era != c->nas_era;
}

static void forget(struct rad_bind *b, struct rad_cell *c)
{
	rad_nas_drop(&b->nas, c->nas);
	rad_cell_free(&b->cells, c);
}

// ---- its state, told and stored

static struct rad_bound bound_of(const struct rad_bind *b, const struct rad_cell *c)
{
	if (c->state != RAD_CELL_LIVE)
		return (struct rad_bound){.endpoint = RAD_NONE};
	const struct span id = rad_endpoint_id(&b->endpoints, c->endpoint);
	return (struct rad_bound){
		.endpoint = c->endpoint,
		.key = hash_name(b->conf.id_key, id.p, id.n),
		.shared = c->shared,
	};
}

static void tell(struct rad_bind *b, const struct rad_cell *c)
{
	const struct rad_key k = rad_cell_key(c);

	b->changed(b->arg, &k, bound_of(b, c));
}

static void store(struct rad_bind *b, struct rad_cell *c, enum rad_row_has has)
{
	c->unstored_s = 0;
	c->row_owed = false;
	if (b->conf.row == NULL)
		return;
	b->conf.row(b->conf.row_arg,
		&(struct rad_row){.key = rad_cell_key(c),
			.has = has,
			.shared = c->shared,
			.session = c->session,
			.nas = b->nas.cell[c->nas].id,
			.nas_era = c->nas_era,
			.before = c->before,
			.before_over = c->before_over,
			.at_s = c->at_s,
			.seen_s = c->seen_s,
			.event_s = c->event_s,
			.id = has == RAD_ROW_LIVE ? rad_endpoint_id(&b->endpoints, c->endpoint)
						  : (struct span){0}});
}

// It goes on as it was.
static void refresh(struct rad_bind *b, struct rad_cell *c, uint32_t event_s, uint32_t now_s)
{
	const uint32_t unstored_s = c->unstored_s + (now_s - c->seen_s);

	b->counts.kept++;
	c->seen_s = now_s;
	c->unstored_s = unstored_s < UINT16_MAX ? (uint16_t)unstored_s : UINT16_MAX;
	c->event_s = event_s > c->event_s ? event_s : c->event_s;
	if (unstored_s >= b->conf.refresh_s)
		store(b, c, RAD_ROW_LIVE);
}

// Its row is owed.
static void end_unstored(struct rad_bind *b, struct rad_cell *c, uint32_t when_s, uint64_t *count)
{
	const uint32_t endpoint = c->endpoint;

	++*count;
	b->counts.bindings--;
	c->state = RAD_CELL_ENDED;
	c->at_s = when_s;
	c->endpoint = RAD_NONE;
	c->shared = false;
	c->row_owed = true;
	tell(b, c);
	rad_endpoint_drop(&b->endpoints, endpoint);
}

static void end(struct rad_bind *b, struct rad_cell *c, uint32_t when_s, uint64_t *count)
{
	end_unstored(b, c, when_s, count);
	store(b, c, RAD_ROW_ENDED);
}

// ---- blocks of ports in the way of one

// Does somebody have some of its ports since later than that?
static bool is_taken_since(const struct rad_bind *b, const struct rad_key *k, uint32_t when_s)
{
	const struct rad_cell *c;
	struct rad_overlap at = {0};

	while ((c = rad_overlap_next(&b->cells, k, &at)) != NULL)
		if (c->state == RAD_CELL_LIVE && !is_over(b, c) && c->at_s > when_s)
			return true;
	return false;
}

// Ends all that have some of its ports: as many as a NAS gave before it changed the size of its blocks, so that
// their rows are left to the tick; without them the later one counts (rad_bind_restore). Returns the last
// session of another, 0: there was none.
static uint64_t ports_clear(
	struct rad_bind *b, const struct rad_key *k, uint64_t session, uint32_t when_s)
{
	struct rad_cell *c;
	struct rad_overlap at = {0};
	uint64_t other = 0;

	while ((c = rad_overlap_next(&b->cells, k, &at)) != NULL) {
		if (c->state != RAD_CELL_LIVE)
			continue;
		if (is_over(b, c)) {
			end_unstored(b, c, c->at_s, &b->counts.cleared);
			continue;
		}
		other = c->session == session ? other : c->session;
		end_unstored(b, c, when_s, &b->counts.displaced);
	}
	return other;
}

// ---- what happens to one binding

struct news { // a record, as it is taken
	const struct rad_account *a;
	const struct rad_context *context;
	uint32_t nas;     // its place
	uint32_t event_s; // by a clock that is to be believed; 0 = none
	uint32_t when_s, now_s;
};

static struct rad_nas *nas_of(struct rad_bind *b, const struct news *n)
{
	return &b->nas.cell[n->nas];
}

// Did the same NAS say later, by its own clock, what is known of that binding?
static bool is_before(struct rad_bind *b, const struct rad_cell *c, const struct news *n)
{
	return n->event_s != 0 && c->nas == n->nas && c->event_s > n->event_s + SKEW_S &&
		rad_clock_has(&nas_of(b, n)->clock, c->event_s, n->now_s);
}

// May a binding go over to that NAS, or begin with it?
static bool has_share(const struct rad_bind *b, const struct rad_cell *c, const struct news *n)
{
	const uint16_t share = n->context->share;

	return share == 0 || n->context->most == 0 ||
		(c != NULL && b->nas.cell[c->nas].share == share) ||
		b->nas.share[share].cells < n->context->most;
}

static void nas_give(struct rad_bind *b, struct rad_cell *c, uint32_t nas)
{
	if (c->nas != nas) {
		rad_nas_hold(&b->nas, nas);
		rad_nas_drop(&b->nas, c->nas);
	}
	c->nas = (uint16_t)nas;
	c->nas_era = b->nas.cell[nas].era;
}

// The session has it now.
static enum rad_fate bind(struct rad_bind *b, struct rad_cell *c, const struct news *n)
{
	const struct rad_account *a = n->a;
	const uint32_t endpoint = rad_endpoint_hold(&b->endpoints, a->id), old = c->endpoint;
	const bool live = c->state == RAD_CELL_LIVE,
		   changed = !live || old != endpoint || c->shared;
	uint64_t other = 0;

	if (endpoint == RAD_INDEX_NONE)
		return RAD_FULL;
	if (!live) {
		const struct rad_key k = rad_cell_key(c);

		other = ports_clear(b, &k, a->session, n->when_s);
		b->counts.begun++;
		b->counts.bindings++;
	} else if (old != endpoint) {
		b->counts.moved++;
	} else {
		b->counts.kept++;
	}
	if (c->session != a->session) {
		c->before = live ? (uint32_t)c->session : 0;
		c->before_over = false;
	}
	nas_give(b, c, n->nas);
	c->session = a->session;
	c->endpoint = endpoint;
	c->at_s = n->when_s;
	c->seen_s = n->now_s;
	c->event_s = n->event_s;
	c->state = RAD_CELL_LIVE;
	// Who goes on where another has some of the ports did not just get them: both may have them.
	c->shared = other != 0 && a->status == RAD_INTERIM;
	b->counts.shared += c->shared;
	if (changed)
		tell(b, c);
	store(b, c, RAD_ROW_LIVE);
	if (live)
		rad_endpoint_drop(&b->endpoints, old);
	return RAD_DONE;
}

// An Interim of the session that had it before: it has it still.
static void share(struct rad_bind *b, struct rad_cell *c, const struct news *n)
{
	if (c->shared) {
		refresh(b, c, n->event_s, n->now_s);
		return;
	}
	c->seen_s = n->now_s;
	c->shared = true;
	b->counts.shared++;
	tell(b, c);
	store(b, c, RAD_ROW_LIVE);
}

// A Stop of another session than the one that has it: that one has it alone again, where the other was who else
// had it.
static void other_ends(struct rad_bind *b, struct rad_cell *c, const struct rad_account *a)
{
	b->counts.others++;
	if (c == NULL || c->state != RAD_CELL_LIVE || c->before != (uint32_t)a->session)
		return;
	if (c->before_over && !c->shared)
		return; // it is known
	const bool shared = c->shared;

	c->before_over = true;
	c->shared = false;
	if (shared)
		tell(b, c);
	store(b, c,
		RAD_ROW_LIVE); // else a late Interim of the other would share it behind a restart
}

static enum rad_fate stop(struct rad_bind *b, struct rad_cell *c, const struct news *n)
{
	if (c == NULL || c->state != RAD_CELL_LIVE || c->session != n->a->session) {
		other_ends(b, c, n->a);
		return RAD_DONE;
	}
	if (is_before(b, c, n))
		return RAD_OLD;
	c->event_s = n->event_s > c->event_s ? n->event_s : c->event_s;
	end(b, c, n->when_s > c->at_s ? n->when_s : c->at_s, &b->counts.ended);
	return RAD_DONE;
}

static enum rad_fate stale(struct rad_bind *b)
{
	b->counts.stale++;
	return RAD_DONE;
}

// A Start or Interim about a binding that there is.
static enum rad_fate go_on(struct rad_bind *b, struct rad_cell *c, const struct news *n)
{
	const struct rad_account *a = n->a;
	const bool same = c->session == a->session, live = c->state == RAD_CELL_LIVE;

	if (is_before(b, c, n))
		return RAD_OLD;
	if (live && same && rad_endpoint_find(&b->endpoints, a->id) == c->endpoint) {
		c->at_s = n->when_s > c->at_s ? n->when_s : c->at_s;
		refresh(b, c, n->event_s, n->now_s);
		return RAD_DONE;
	}
	if (n->when_s < c->at_s || (!live && same))
		return stale(b);
	if (live && !same && c->before == (uint32_t)a->session) {
		if (a->status != RAD_INTERIM || c->before_over)
			return stale(b); // its Start, late; or it is over
		share(b, c, n);
		return RAD_DONE;
	}
	return has_share(b, c, n) ? bind(b, c, n) : RAD_SHARE_FULL;
}

static enum rad_fate begin(
	struct rad_bind *b, const struct rad_key *k, uint32_t hash, const struct news *n)
{
	struct rad_cell *c;

	if (!has_share(b, NULL, n))
		return RAD_SHARE_FULL;
	c = rad_cell_make(&b->cells, k, hash);
	if (c == NULL)
		return RAD_FULL;
	c->nas = (uint16_t)n->nas;
	rad_nas_hold(&b->nas, n->nas);
	const enum rad_fate fate = bind(b, c, n);
	if (fate != RAD_DONE)
		forget(b, c);
	return fate;
}

static enum rad_fate one_take(struct rad_bind *b, const struct rad_key *k, const struct news *n)
{
	const uint32_t hash = rad_key_hash(&b->cells, k);
	struct rad_cell *c = rad_cell_find(&b->cells, k, hash);
	const bool live = c != NULL && c->state == RAD_CELL_LIVE;

	if (live && is_over(b, c))
		end(b, c, c->at_s, &b->counts.cleared);
	if (n->a->status == RAD_STOP)
		return stop(b, c, n);
	if (c != NULL && c->state == RAD_CELL_ENDED && is_over(b, c))
		c->session = 0; // its NAS knows nothing of it any more and may give its id again
	if ((c == NULL || c->state == RAD_CELL_ENDED) && is_taken_since(b, k, n->when_s))
		return stale(b);
	return c == NULL ? begin(b, k, hash, n) : go_on(b, c, n);
}

// ---- what is offered

// By its NAS's own clock: may it be of now? Its time is believed in *event_s, 0: it has none to be believed.
static bool is_of_now(
	struct rad_nas *nas, const struct rad_account *a, uint32_t now_s, uint32_t *event_s)
{
	const uint32_t went_s = nas->went_event_s;

	*event_s = 0;
	if (a->event_s == 0)
		return true;
	switch (rad_clock_take(&nas->clock, a->event_s, a->delay_s, now_s)) {
	case RAD_CLOCK_LATE:
		return false;
	case RAD_CLOCK_EARLY:
		return true;
	case RAD_CLOCK_GOOD:
		break;
	}
	*event_s = a->event_s;
	if (went_s == 0 || !rad_clock_has(&nas->clock, went_s, now_s))
		return true;
	return a->naddress > 0 ? a->event_s >= went_s : a->event_s > went_s;
}

static enum rad_fate addresses_take(struct rad_bind *b, const struct news *n)
{
	enum rad_fate worst = RAD_DONE;

	for (unsigned i = 0; i < n->a->naddress && worst < RAD_FULL; i++) {
		const struct rad_key k = {
			.prefix = n->a->address[i],
			.port_first = n->a->port_first,
			.port_last = n->a->port_last,
			.context = n->context->key,
			.vlan = n->context->vlan,
		};
		const enum rad_fate fate = one_take(b, &k, n);
		worst = fate > worst ? fate : worst;
	}
	return worst;
}

static enum rad_fate counted(struct rad_bind *b, enum rad_fate fate)
{
	b->counts.full += fate == RAD_FULL;
	b->counts.share += fate == RAD_SHARE_FULL;
	b->counts.old += fate == RAD_OLD;
	return fate;
}

enum rad_fate rad_bind_take(
	struct rad_bind *b, const struct rad_account *a, struct rad_context context, uint32_t now_s)
{
	const uint32_t delay = a->delay_s < DELAY_MAX_S ? a->delay_s : DELAY_MAX_S;
	struct news n = {
		.a = a,
		.context = &context,
		.nas = rad_nas_take(&b->nas, a->nas),
		.when_s = now_s > delay ? now_s - delay : 0,
		.now_s = now_s,
	};

	if (n.nas == RAD_NONE)
		return counted(b, RAD_FULL);
	rad_nas_belongs(&b->nas, n.nas, context.share);
	struct rad_nas *nas = nas_of(b, &n);
	if (!is_of_now(nas, a, now_s, &n.event_s))
		return counted(b, RAD_OLD);
	if (a->status == RAD_ON || a->status == RAD_OFF) {
		nas->went_event_s = n.event_s;
		nas_went(b, nas);
	}
	return counted(b, addresses_take(b, &n));
}

void rad_bind_shares_begin(struct rad_bind *b)
{
	rad_shares_begin(&b->nas);
}

uint16_t rad_bind_share(struct rad_bind *b, uint64_t tag)
{
	return rad_share_take(&b->nas, tag);
}

uint32_t rad_bind_share_used(const struct rad_bind *b, uint16_t share)
{
	return share == 0 ? 0 : b->nas.share[share].cells;
}

static void look(struct rad_bind *b, struct rad_cell *c, uint32_t now_s)
{
	if (c->state == RAD_CELL_LIVE && is_over(b, c))
		end(b, c, c->at_s, &b->counts.cleared);
	else if (c->state == RAD_CELL_LIVE && b->conf.idle_s > 0 &&
		now_s - c->seen_s > b->conf.idle_s)
		end(b, c, now_s, &b->counts.idle);
	else if (c->row_owed)
		store(b, c, RAD_ROW_ENDED);
	else if (c->state == RAD_CELL_ENDED && now_s - c->at_s > b->conf.keep_s) {
		store(b, c, RAD_ROW_GONE);
		forget(b, c);
	}
}

void rad_bind_tick(struct rad_bind *b, uint32_t now_s, uint32_t budget)
{
	for (uint32_t i = 0; i < budget && i < b->cells.fresh; i++) {
		if (b->hand >= b->cells.fresh)
			b->hand = 0;
		look(b, &b->cells.cell[b->hand++], now_s);
	}
}

struct rad_bound rad_bind_find(const struct rad_bind *b, const struct rad_key *key)
{
	const struct rad_cell *c = rad_cell_find(&b->cells, key, rad_key_hash(&b->cells, key));

	if (c == NULL || c->state != RAD_CELL_LIVE || is_over(b, c))
		return (struct rad_bound){.endpoint = RAD_NONE};
	return bound_of(b, c);
}

struct span rad_bind_id(const struct rad_bind *b, uint32_t endpoint)
{
	return rad_endpoint_id(&b->endpoints, endpoint);
}

uint32_t rad_bind_endpoint(const struct rad_bind *b, struct span id)
{
	return rad_endpoint_find(&b->endpoints, id);
}

struct span rad_bind_id_keyed(const struct rad_bind *b, uint64_t key)
{
	const uint32_t n = rad_endpoint_keyed(&b->endpoints, key);

	return n == RAD_INDEX_NONE ? (struct span){0} : rad_endpoint_id(&b->endpoints, n);
}

bool rad_bind_walk(
	const struct rad_bind *b, uint32_t *at, uint32_t budget, rad_walk_cb each, void *arg)
{
	for (; *at < b->cells.fresh && budget > 0; ++*at, budget--) {
		const struct rad_cell *c = &b->cells.cell[*at];
		const struct rad_key k = rad_cell_key(c);

		if (c->state == RAD_CELL_LIVE && !is_over(b, c) && !each(arg, &k, bound_of(b, c)))
			break;
	}
	return *at >= b->cells.fresh;
}

// ---- what outlives a process

bool rad_bind_restore_nas(struct rad_bind *b, uint64_t nas, uint32_t era)
{
	const bool known = rad_nas_find(&b->nas, nas) != RAD_INDEX_NONE;
	const uint32_t n = rad_nas_take(&b->nas, nas);

	if (n == RAD_INDEX_NONE)
		return false;
	b->nas.cell[n].restored = era;
	if (!known)
		b->nas.cell[n].era = era;
	return true;
}

// Of two that have the same ports, one of which ended without a row, the later counts; where it is not known
// which that is, neither alone. false: `row` is the one that ended.
static bool ports_restore(struct rad_bind *b, const struct rad_row *row, bool *shared)
{
	struct rad_cell *c;
	struct rad_overlap at = {0};

	if (is_taken_since(b, &row->key, row->at_s))
		return false;
	while ((c = rad_overlap_next(&b->cells, &row->key, &at)) != NULL)
		*shared = *shared ||
			(c->state == RAD_CELL_LIVE && !is_over(b, c) && c->at_s == row->at_s);
	(void)ports_clear(b, &row->key, row->session, row->at_s); // they are not told apart here
	return true;
}

bool rad_bind_restore(struct rad_bind *b, const struct rad_row *row, uint32_t now_s)
{
	const uint32_t hash = rad_key_hash(&b->cells, &row->key),
		       nas = rad_nas_take(&b->nas, row->nas);

	if (rad_cell_find(&b->cells, &row->key, hash) != NULL)
		return true; // what is known is newer
	struct rad_cell *c = nas == RAD_NONE ? NULL : rad_cell_make(&b->cells, &row->key, hash);
	if (c == NULL)
		return false;
	struct rad_nas *n = &b->nas.cell[nas];
	const bool over = n->went || row->nas_era != n->restored;
	rad_nas_hold(&b->nas, nas);
	c->session = row->session;
	c->before = row->before;
	c->before_over = row->before_over;
	c->nas = (uint16_t)nas;
	c->nas_era = over ? n->era - 1 : n->era;
	c->at_s = row->at_s < now_s ? row->at_s : now_s; // clocks are set
	c->seen_s = row->seen_s < now_s ? row->seen_s : now_s;
	c->event_s = row->event_s;
	if (row->event_s != 0 && !n->went)
		rad_clock_restore(&n->clock, row->event_s, c->seen_s, now_s);
	if (row->has != RAD_ROW_LIVE)
		return true;
	bool shared = row->shared;
	if (!over && !ports_restore(b, row, &shared))
		return true;
	c->endpoint = rad_endpoint_hold(&b->endpoints, row->id);
	if (c->endpoint == RAD_NONE) {
		forget(b, c);
		return false;
	}
	c->state = RAD_CELL_LIVE;
	c->shared = shared;
	b->counts.bindings++;
	if (!over)
		tell(b, c);
	return true;
}

bool rad_bind_say(struct rad_bind *b, uint32_t *at, uint32_t budget)
{
	for (uint32_t i = 0; *at == 0 && b->conf.nas_era != NULL && i < b->nas.fresh; i++)
		if (b->nas.cell[i].era > 0)
			b->conf.nas_era(b->conf.row_arg, b->nas.cell[i].id, b->nas.cell[i].era);
	for (; *at < b->cells.fresh && budget > 0; ++*at, budget--) {
		struct rad_cell *c = &b->cells.cell[*at];

		if (c->state != RAD_CELL_FREE)
			store(b, c, c->state == RAD_CELL_LIVE ? RAD_ROW_LIVE : RAD_ROW_ENDED);
	}
	return *at >= b->cells.fresh;
}

bool rad_bind_of(const struct rad_bind *b, uint32_t endpoint, uint32_t *at, uint32_t budget,
	struct rad_key *out, uint32_t cap, uint32_t *n)
{
	const uint32_t held = b->endpoints.cell[endpoint].held; // once a binding

	for (; *at < b->cells.fresh && budget > 0 && *n < cap && *n < held; ++*at, budget--) {
		const struct rad_cell *c = &b->cells.cell[*at];

		if (c->state == RAD_CELL_LIVE && c->endpoint == endpoint && !is_over(b, c))
			out[(*n)++] = rad_cell_key(c);
	}
	return *at >= b->cells.fresh || *n >= cap || *n >= held;
}

struct rad_bind_counts rad_bind_counts(const struct rad_bind *b)
{
	struct rad_bind_counts c = b->counts;

	c.endpoints = b->endpoints.used;
	c.nas = b->nas.fresh;
	return c;
}

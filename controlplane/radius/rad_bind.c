// SPDX-License-Identifier: BSD-3-Clause
// Which of two sessions has an address is decided by what happened later (arrival less Acct-Delay-Time); where
// the one that lost it goes on with Interims, both have it: such a binding is shared, until one of them ends.
// A NAS that restarts makes all its bindings those of a generation that is over; they are found dead as the tick
// comes by.
// Thread: one.
#include "rad_bind.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "rad_endpoint.h"
#include "rad_index.h"

enum { DELAY_MAX_S = 86400 };

enum state { STATE_FREE, STATE_LIVE, STATE_ENDED };

struct binding {
	struct addr addr;
	uint64_t session;
	uint32_t before;  // the session that had the address before, its low bits
	uint32_t nas;     // its place
	uint32_t nas_era; // of that NAS when it was bound
	union {
		uint32_t endpoint; // held while live
		uint32_t next;     // free
	};
	uint32_t at_s;     // when what is known of it happened
	uint32_t seen_s;   // last news
	uint32_t stored_s; // its row was given
	uint32_t context;
	uint16_t port_first, port_last, vlan;
	uint8_t len;
	uint8_t state : 6;    // enum state
	bool before_over : 1; // the session before has ended since
	bool shared : 1;
};
_Static_assert(sizeof(struct binding) == 64, "a cache line");

struct nas {
	uint64_t id;
	uint32_t era;      // one more each time it went on or off
	uint32_t restored; // its era by what outlived another process
	bool went;         // on or off, in this process
};

struct rad_bind {
	struct rad_bind_conf conf;
	rad_change_cb changed;
	void *arg;
	struct binding *cell;
	struct rad_index index, nas_index;
	uint32_t fresh, free, hand; // cells never used from `fresh` on; where the tick goes on
	struct nas *nas;
	uint32_t nnas;
	struct rad_endpoints endpoints;
	struct rad_bind_counts counts;
};

uint64_t rad_bind_bytes(const struct rad_bind_conf *conf)
{
	return (uint64_t)conf->bindings * sizeof(struct binding) + rad_index_bytes(conf->bindings) +
		rad_endpoints_bytes(conf->endpoints) + conf->nas * sizeof(struct nas) +
		rad_index_bytes(conf->nas);
}

struct rad_bind *rad_bind_new(const struct rad_bind_conf *conf, rad_change_cb changed, void *arg)
{
	struct rad_bind *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	*b = (struct rad_bind){.conf = *conf, .changed = changed, .arg = arg, .free = RAD_NONE};
	b->cell = calloc(conf->bindings, sizeof(b->cell[0]));
	b->nas = calloc(conf->nas, sizeof(b->nas[0]));
	if (rad_index_open(&b->index, conf->bindings) && rad_index_open(&b->nas_index, conf->nas) &&
		rad_endpoints_open(&b->endpoints, conf->endpoints, conf->id_key) &&
		b->cell != NULL && b->nas != NULL)
		return b;
	rad_bind_free(b);
	return NULL;
}

void rad_bind_free(struct rad_bind *b)
{
	if (b == NULL)
		return;
	rad_endpoints_close(&b->endpoints);
	rad_index_close(&b->nas_index);
	rad_index_close(&b->index);
	free(b->nas);
	free(b->cell);
	free(b);
}

// ---- keys

static uint32_t key_hash(const struct rad_bind *b, const struct rad_key *k)
{
	uint8_t octets[sizeof(k->prefix.addr) + 11];

	memcpy(octets, &k->prefix.addr, sizeof(k->prefix.addr));
	octets[16] = k->prefix.len;
	memcpy(octets + 17, &k->context, 4);
	memcpy(octets + 21, &k->vlan, 2);
	memcpy(octets + 23, &k->port_first, 2);
	memcpy(octets + 25, &k->port_last, 2);
	return (uint32_t)hash_siphash(b->conf.key, octets, sizeof(octets));
}

static struct rad_key key_of(const struct binding *c)
{
	return (struct rad_key){
		.prefix = {.addr = c->addr, .len = c->len},
		.port_first = c->port_first,
		.port_last = c->port_last,
		.context = c->context,
		.vlan = c->vlan,
	};
}

static bool is_key(const struct binding *c, const struct rad_key *k)
{
	return addr_eq(&c->addr, &k->prefix.addr) && c->len == k->prefix.len &&
		c->context == k->context && c->vlan == k->vlan && c->port_first == k->port_first &&
		c->port_last == k->port_last;
}

static uint32_t cell_hash(const void *arg, uint32_t number)
{
	const struct rad_bind *b = arg;
	const struct rad_key k = key_of(&b->cell[number]);

	return key_hash(b, &k);
}

static struct binding *cell_find(const struct rad_bind *b, const struct rad_key *k, uint32_t hash)
{
	uint32_t at = hash, n;

	while ((n = rad_index_next(&b->index, &at)) != RAD_INDEX_NONE)
		if (is_key(&b->cell[n], k))
			return &b->cell[n];
	return NULL;
}

// A cell of that key, nobody's. NULL: no room.
static struct binding *cell_make(struct rad_bind *b, const struct rad_key *k, uint32_t hash)
{
	uint32_t n = b->free != RAD_NONE ? b->free : b->fresh;

	if (n == b->conf.bindings)
		return NULL;
	if (n == b->free)
		b->free = b->cell[n].next;
	else
		b->fresh++;
	b->cell[n] = (struct binding){
		.addr = k->prefix.addr,
		.len = k->prefix.len,
		.context = k->context,
		.vlan = k->vlan,
		.port_first = k->port_first,
		.port_last = k->port_last,
		.endpoint = RAD_NONE,
		.state = STATE_ENDED,
	};
	rad_index_add(&b->index, hash, n);
	return &b->cell[n];
}

static void cell_free(struct rad_bind *b, struct binding *c)
{
	const uint32_t n = (uint32_t)(c - b->cell);

	rad_index_del(&b->index, cell_hash(b, n), n, cell_hash, b);
	c->state = STATE_FREE;
	c->next = b->free;
	b->free = n;
}

// ---- NAS

static uint32_t nas_hash(const void *arg, uint32_t number)
{
	const struct rad_bind *b = arg;

	return (uint32_t)b->nas[number].id; // a keyed hash itself
}

static uint32_t nas_find(struct rad_bind *b, uint64_t id)
{
	uint32_t at = (uint32_t)id, n;

	while ((n = rad_index_next(&b->nas_index, &at)) != RAD_INDEX_NONE)
		if (b->nas[n].id == id)
			return n;
	if (b->nnas == b->conf.nas)
		return RAD_NONE;
	b->nas[b->nnas].id = id;
	rad_index_add(&b->nas_index, nas_hash(b, b->nnas), b->nnas);
	return b->nnas++;
}

static void nas_went(struct rad_bind *b, struct nas *n)
{
	n->era++;
	n->went = true;
	if (b->conf.nas_era != NULL)
		b->conf.nas_era(b->conf.row_arg, n->id, n->era);
}

static bool is_over(const struct rad_bind *b, const struct binding *c) // with its NAS
{
	return b->nas[c->nas].era != c->nas_era;
}

// ---- what happens to one binding

static struct rad_bound bound_of(const struct rad_bind *b, const struct binding *c)
{
	if (c->state != STATE_LIVE)
		return (struct rad_bound){.endpoint = RAD_NONE};
	const struct span id = rad_endpoint_id(&b->endpoints, c->endpoint);
	return (struct rad_bound){
		.endpoint = c->endpoint,
		.key = hash_name(b->conf.id_key, id.p, id.n),
		.shared = c->shared,
	};
}

static void tell(struct rad_bind *b, const struct binding *c)
{
	const struct rad_key k = key_of(c);

	b->changed(b->arg, &k, bound_of(b, c));
}

static void store(struct rad_bind *b, struct binding *c, enum rad_row_has has, uint32_t now_s)
{
	c->stored_s = now_s;
	if (b->conf.row == NULL)
		return;
	b->conf.row(b->conf.row_arg,
		&(struct rad_row){.key = key_of(c),
			.has = has,
			.shared = c->shared,
			.session = c->session,
			.nas = b->nas[c->nas].id,
			.nas_era = c->nas_era,
			.before = c->before,
			.at_s = c->at_s,
			.seen_s = c->seen_s,
			.id = has == RAD_ROW_LIVE ? rad_endpoint_id(&b->endpoints, c->endpoint)
						  : (struct span){0}});
}

// It goes on as it was.
static void refresh(struct rad_bind *b, struct binding *c, uint32_t now_s)
{
	b->counts.kept++;
	c->seen_s = now_s;
	if (now_s - c->stored_s >= b->conf.refresh_s)
		store(b, c, RAD_ROW_LIVE, now_s);
}

static void end(
	struct rad_bind *b, struct binding *c, uint32_t when_s, uint32_t now_s, uint64_t *count)
{
	const uint32_t endpoint = c->endpoint;

	++*count;
	b->counts.bindings--;
	c->state = STATE_ENDED;
	c->at_s = when_s;
	c->endpoint = RAD_NONE;
	c->shared = false;
	tell(b, c);
	store(b, c, RAD_ROW_ENDED, now_s);
	rad_endpoint_drop(&b->endpoints, endpoint);
}

// The session has it now. false: no room for its endpoint.
static bool bind(struct rad_bind *b, struct binding *c, const struct rad_account *a, uint32_t nas,
	uint32_t when_s, uint32_t now_s)
{
	const uint32_t endpoint = rad_endpoint_hold(&b->endpoints, a->id), old = c->endpoint;
	const bool live = c->state == STATE_LIVE, changed = !live || old != endpoint || c->shared;

	if (endpoint == RAD_INDEX_NONE)
		return false;
	if (!live) {
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
	c->session = a->session;
	c->nas = nas;
	c->nas_era = b->nas[nas].era;
	c->endpoint = endpoint;
	c->at_s = when_s;
	c->seen_s = now_s;
	c->state = STATE_LIVE;
	c->shared = false;
	if (changed)
		tell(b, c);
	store(b, c, RAD_ROW_LIVE, now_s);
	if (live)
		rad_endpoint_drop(&b->endpoints, old);
	return true;
}

// An Interim of the session that had it before: it has it still.
static void share(struct rad_bind *b, struct binding *c, uint32_t now_s)
{
	if (c->shared) {
		refresh(b, c, now_s);
		return;
	}
	c->seen_s = now_s;
	c->shared = true;
	b->counts.shared++;
	tell(b, c);
	store(b, c, RAD_ROW_LIVE, now_s);
}

// A Stop of another session than the one that has it: that one has it alone again, where the other was who else
// had it.
static void other_ends(
	struct rad_bind *b, struct binding *c, const struct rad_account *a, uint32_t now_s)
{
	b->counts.others++;
	if (c == NULL || c->state != STATE_LIVE || c->before != (uint32_t)a->session)
		return;
	c->before_over = true;
	if (!c->shared)
		return;
	c->shared = false;
	tell(b, c);
	store(b, c, RAD_ROW_LIVE, now_s);
}

// A Start or Interim about a binding that there is. false: no room.
static bool news(struct rad_bind *b, struct binding *c, const struct rad_account *a, uint32_t nas,
	uint32_t when_s, uint32_t now_s)
{
	const bool same = c->session == a->session, live = c->state == STATE_LIVE;

	if (live && same && rad_endpoint_find(&b->endpoints, a->id) == c->endpoint) {
		c->at_s = when_s > c->at_s ? when_s : c->at_s;
		refresh(b, c, now_s);
		return true;
	}
	if (when_s < c->at_s || (!live && same)) {
		b->counts.stale++;
		return true;
	}
	if (live && !same && c->before == (uint32_t)a->session) {
		if (a->status == RAD_INTERIM && !c->before_over)
			share(b, c, now_s);
		else
			b->counts.stale++; // its Start, late; or it is over
		return true;
	}
	return bind(b, c, a, nas, when_s, now_s);
}

static bool one_take(struct rad_bind *b, const struct rad_account *a, const struct rad_key *k,
	uint32_t nas, uint32_t when_s, uint32_t now_s)
{
	const uint32_t hash = key_hash(b, k);
	struct binding *c = cell_find(b, k, hash);
	const bool live = c != NULL && c->state == STATE_LIVE;

	if (live && is_over(b, c))
		end(b, c, c->at_s, now_s, &b->counts.cleared);
	if (a->status == RAD_STOP) {
		if (c != NULL && c->state == STATE_LIVE && c->session == a->session)
			end(b, c, when_s > c->at_s ? when_s : c->at_s, now_s, &b->counts.ended);
		else
			other_ends(b, c, a, now_s);
		return true;
	}
	if (c != NULL && c->state == STATE_ENDED && is_over(b, c))
		c->session = 0; // its NAS knows nothing of it any more and may give its id again
	const bool made = c == NULL;
	if (made)
		c = cell_make(b, k, hash);
	if (c == NULL)
		return false;
	const bool ok =
		made ? bind(b, c, a, nas, when_s, now_s) : news(b, c, a, nas, when_s, now_s);
	if (!ok && made)
		cell_free(b, c);
	return ok;
}

// ---- what is offered

bool rad_bind_take(
	struct rad_bind *b, const struct rad_account *a, struct rad_context context, uint32_t now_s)
{
	const uint32_t delay = a->delay_s < DELAY_MAX_S ? a->delay_s : DELAY_MAX_S;
	const uint32_t when_s = now_s > delay ? now_s - delay : 0, nas = nas_find(b, a->nas);
	bool ok = nas != RAD_NONE;

	if (ok && (a->status == RAD_ON || a->status == RAD_OFF))
		nas_went(b, &b->nas[nas]);
	for (unsigned i = 0; ok && i < a->naddress; i++) {
		const struct rad_key k = {
			.prefix = a->address[i],
			.port_first = a->port_first,
			.port_last = a->port_last,
			.context = context.key,
			.vlan = context.vlan,
		};
		ok = one_take(b, a, &k, nas, when_s, now_s);
	}
	b->counts.full += !ok;
	return ok;
}

static void look(struct rad_bind *b, struct binding *c, uint32_t now_s)
{
	if (c->state == STATE_LIVE && is_over(b, c))
		end(b, c, c->at_s, now_s, &b->counts.cleared);
	else if (c->state == STATE_LIVE && b->conf.idle_s > 0 && now_s - c->seen_s > b->conf.idle_s)
		end(b, c, now_s, now_s, &b->counts.idle);
	else if (c->state == STATE_ENDED && now_s - c->at_s > b->conf.keep_s) {
		store(b, c, RAD_ROW_GONE, now_s);
		cell_free(b, c);
	}
}

void rad_bind_tick(struct rad_bind *b, uint32_t now_s, uint32_t budget)
{
	for (uint32_t i = 0; i < budget && i < b->fresh; i++) {
		if (b->hand >= b->fresh)
			b->hand = 0;
		look(b, &b->cell[b->hand++], now_s);
	}
}

struct rad_bound rad_bind_find(const struct rad_bind *b, const struct rad_key *key)
{
	const struct binding *c = cell_find(b, key, key_hash(b, key));

	if (c == NULL || c->state != STATE_LIVE || is_over(b, c))
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
	for (; *at < b->fresh && budget > 0; ++*at, budget--) {
		const struct binding *c = &b->cell[*at];
		const struct rad_key k = key_of(c);

		if (c->state == STATE_LIVE && !is_over(b, c) && !each(arg, &k, bound_of(b, c)))
			break;
	}
	return *at >= b->fresh;
}

// ---- what outlives a process

bool rad_bind_restore_nas(struct rad_bind *b, uint64_t nas, uint32_t era)
{
	const uint32_t before = b->nnas, n = nas_find(b, nas);

	if (n == RAD_NONE)
		return false;
	b->nas[n].restored = era;
	if (n == before) // unknown until now
		b->nas[n].era = era;
	return true;
}

bool rad_bind_restore(struct rad_bind *b, const struct rad_row *row, uint32_t now_s)
{
	const uint32_t hash = key_hash(b, &row->key), nas = nas_find(b, row->nas);

	if (cell_find(b, &row->key, hash) != NULL)
		return true; // what is known is newer
	struct binding *c = nas == RAD_NONE ? NULL : cell_make(b, &row->key, hash);
	if (c == NULL)
		return false;
	const struct nas *n = &b->nas[nas];
	const bool over = n->went || row->nas_era != n->restored;
	c->session = row->session;
	c->before = row->before;
	c->nas = nas;
	c->nas_era = over ? n->era - 1 : n->era;
	c->at_s = row->at_s < now_s ? row->at_s : now_s; // clocks are set
	c->seen_s = row->seen_s < now_s ? row->seen_s : now_s;
	c->stored_s = c->seen_s;
	if (row->has != RAD_ROW_LIVE)
		return true;
	c->endpoint = rad_endpoint_hold(&b->endpoints, row->id);
	if (c->endpoint == RAD_NONE) {
		cell_free(b, c);
		return false;
	}
	c->state = STATE_LIVE;
	c->shared = row->shared;
	b->counts.bindings++;
	if (!over)
		tell(b, c);
	return true;
}

bool rad_bind_say(struct rad_bind *b, uint32_t *at, uint32_t budget, uint32_t now_s)
{
	for (uint32_t i = 0; *at == 0 && b->conf.nas_era != NULL && i < b->nnas; i++)
		if (b->nas[i].era > 0)
			b->conf.nas_era(b->conf.row_arg, b->nas[i].id, b->nas[i].era);
	for (; *at < b->fresh && budget > 0; ++*at, budget--) {
		struct binding *c = &b->cell[*at];

		if (c->state != STATE_FREE)
			store(b, c, c->state == STATE_LIVE ? RAD_ROW_LIVE : RAD_ROW_ENDED, now_s);
	}
	return *at >= b->fresh;
}

bool rad_bind_of(const struct rad_bind *b, uint32_t endpoint, uint32_t *at, uint32_t budget,
	struct rad_key *out, uint32_t cap, uint32_t *n)
{
	const uint32_t held = b->endpoints.cell[endpoint].held; // once a binding

	for (; *at < b->fresh && budget > 0 && *n < cap && *n < held; ++*at, budget--) {
		const struct binding *c = &b->cell[*at];

		if (c->state == STATE_LIVE && c->endpoint == endpoint && !is_over(b, c))
			out[(*n)++] = key_of(c);
	}
	return *at >= b->fresh || *n >= cap || *n >= held;
}

struct rad_bind_counts rad_bind_counts(const struct rad_bind *b)
{
	struct rad_bind_counts c = b->counts;

	c.endpoints = b->endpoints.used;
	return c;
}

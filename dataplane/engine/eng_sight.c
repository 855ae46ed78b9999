// SPDX-License-Identifier: BSD-3-Clause
// How many hosts are behind an address, at least: of each client and server some faces are kept, by kinds of
// TTLs and, apart, by clocks of timestamps (RFC 7323). A host has one TTL, and one clock: systems offset it by
// the two addresses, or by nothing; where they do it for each connection, a clock is never seen twice and says
// nothing. So faces count that came again and again, and only where they take turns: an address that passes
// from one host to the next shows one behind the other.
// Thread: the worker; eng_sight_tell any that owns what it writes.
#include "eng_sight.h"

#include <stdatomic.h>

#include <rte_malloc.h>

#include "eng_half.h"
#include "eng_int.h"
#include "eng_net.h"

enum {
	FACES = 4,
	WAYS = 4,
	SETS = 256,
	FORGET_MS = 600000, // since a face was last seen
	SEEN_OFTEN = 3,     // times, for a face to count; and turns that they take
	CLOCK_SLACK = 1000, // ticks: SYNs may overtake one another, and clocks are not exact
};

struct face {
	uint32_t ts, seen_ms;
	uint8_t kind; // of TTL; 0: no face
	uint8_t seen; // times, up to 255
};

struct faces {
	uint8_t last;  // place
	uint8_t turns; // up to 255
	struct face face[FACES];
};

struct watched {
	uint64_t tag; // 0: free
	uint32_t seen_ms;
	struct faces kinds, clocks;
};

struct eng_watch {
	struct watched at[SETS][WAYS];
};

bool eng_sight_new(struct eng_worker *w, int socket)
{
	w->own_sight = rte_zmalloc_socket(
		"sight", sizeof(*w->own_sight), RTE_CACHE_LINE_SIZE, socket);
	w->watch = rte_zmalloc_socket("clients", sizeof(*w->watch), RTE_CACHE_LINE_SIZE, socket);
	w->sight = w->own_sight;
	return w->own_sight != NULL && w->watch != NULL;
}

void eng_sight_free(struct eng_worker *w)
{
	rte_free(w->own_sight);
	rte_free(w->watch);
}

uint64_t eng_sight_bytes(void)
{
	return sizeof(struct eng_sight) + sizeof(struct eng_watch);
}

void eng_sight_bind(struct eng_worker *w, struct eng_sight *mem)
{
	w->sight = mem;
}

void eng_sight_net_bind(struct eng *e, struct eng_sight_net *mem)
{
	if (e->net != NULL)
		e->net->sight = mem;
}

// ---- telling

void eng_sight_tell(struct eng_sight_ends *out, const struct eng_sight_ends *what)
{
	_Atomic uint64_t *to = (_Atomic uint64_t *)(void *)out;
	uint64_t from[sizeof(*what) / 8], turn;

	_Static_assert(sizeof(*what) % 8 == 0 && offsetof(struct eng_sight_ends, turn) == 0,
		"words, the first is the turn");
	memcpy(from, what, sizeof(from));
	turn = atomic_load_explicit(&to[0], memory_order_relaxed); // ours alone
	atomic_store_explicit(&to[0], turn + 1, memory_order_relaxed);
	// Pairs with the reader's acquire fence: who saw a new word sees the odd turn, too.
	atomic_thread_fence(memory_order_release);
	for (unsigned i = 1; i < sizeof(from) / 8; i++)
		atomic_store_explicit(&to[i], from[i], memory_order_relaxed);
	// Pairs with the reader's first load: who sees this turn sees its words.
	atomic_store_explicit(&to[0], turn + 2, memory_order_release);
}

static struct eng_sight_ends ends_of(
	const struct flow_key *key, uint16_t in_port, uint16_t vlan, uint32_t value)
{
	return (struct eng_sight_ends){.client = key->client,
		.server = key->server,
		.client_port = key->client_port,
		.server_port = key->server_port,
		.in_port = in_port,
		.vlan = vlan,
		.value = value};
}

void eng_sight_one_way(
	struct eng_worker *w, const struct flow_key *key, uint16_t in_port, uint16_t vlan)
{
	const struct eng_sight_ends what = ends_of(key, in_port, vlan, 0);

	w->sight->port[in_port].one_way++;
	eng_sight_tell(&w->sight->one_way, &what);
}

void eng_sight_alone(
	struct eng_worker *w, const struct flow_key *key, const struct eng_meta *meta)
{
	const struct eng_sight_ends what =
		ends_of(key, meta->in_port, eng_vlan_of(&meta->view), 0);

	w->sight->port[meta->in_port].alone++;
	eng_sight_tell(&w->sight->alone, &what);
}

// ---- several hosts

static uint64_t mix(uint64_t h) // the finalizer of MurmurHash3
{
	h ^= h >> 33;
	h *= UINT64_C(0xff51afd7ed558ccd);
	h ^= h >> 33;
	h *= UINT64_C(0xc4ceb9fe1a85ec53);
	return h ^ h >> 33;
}

// Not keyed: who aims at a set pushes others out of it, and is told of at most.
static uint64_t tag_of(const struct flow_key *key)
{
	uint64_t w[4], h = key->context;

	memcpy(w, &key->client, 16);
	memcpy(w + 2, &key->server, 16);
	for (unsigned i = 0; i < 4; i++)
		h = mix(h ^ w[i]);
	return h | 1;
}

// Which first value it comes from: 32, 64, 128 or 255.
static uint8_t ttl_kind(uint8_t ttl)
{
	return ttl <= 32 ? 1 : ttl <= 64 ? 2 : ttl <= 128 ? 3 : 4;
}

// Ticks are of 1 ms or longer (RFC 7323 5.4).
static bool clock_fits(const struct face *f, uint32_t ts, uint32_t now_ms)
{
	const uint32_t passed = now_ms - f->seen_ms, ahead = ts - f->ts;

	return ahead + CLOCK_SLACK <= passed + passed / 8 + 2 * CLOCK_SLACK;
}

static struct watched *watched_of(struct eng_watch *t, uint64_t tag, uint32_t now_ms)
{
	struct watched *set = t->at[tag >> 32 & (SETS - 1)], *out = &set[0];

	for (unsigned i = 0; i < WAYS; i++) {
		if (set[i].tag == tag)
			return &set[i];
		if (out->tag != 0 &&
			(set[i].tag == 0 || now_ms - set[i].seen_ms > now_ms - out->seen_ms))
			out = &set[i];
	}
	*out = (struct watched){.tag = tag};
	return out;
}

// Which of two gives its place to a new face: none is best, else who was seen less, else who came longer ago. So
// what shows itself once leaves room for what comes again.
static const struct face *poorer(const struct face *a, const struct face *b, uint32_t now_ms)
{
	if (a->kind == 0 || b->kind == 0)
		return a->kind == 0 ? a : b;
	if (a->seen != b->seen)
		return a->seen < b->seen ? a : b;
	return now_ms - a->seen_ms >= now_ms - b->seen_ms ? a : b;
}

// The face that a SYN shows, or the place for a new one. `ts` counts where faces are of clocks.
static struct face *face_of(
	struct faces *x, bool clocks, uint8_t kind, uint32_t ts, uint32_t now_ms)
{
	struct face *out = &x->face[0];

	for (unsigned i = 0; i < FACES; i++) {
		struct face *f = &x->face[i];

		if (f->kind != 0 && now_ms - f->seen_ms > FORGET_MS)
			*f = (struct face){0};
		if (f->kind == kind && (!clocks || clock_fits(f, ts, now_ms)))
			return f;
		if (poorer(out, f, now_ms) == f)
			out = f;
	}
	*out = (struct face){.kind = kind};
	return out;
}

static void up(uint8_t *n)
{
	*n = (uint8_t)(*n + (*n < UINT8_MAX));
}

// How many, with this one.
static uint32_t hosts_of(struct faces *x, bool clocks, uint8_t kind, uint32_t ts, uint32_t now_ms)
{
	struct face *f = face_of(x, clocks, kind, ts, now_ms);
	const uint8_t at = (uint8_t)(f - x->face);
	uint32_t n = 0;

	if (f->seen > 0 && at != x->last)
		up(&x->turns);
	up(&f->seen);
	f->ts = ts;
	f->seen_ms = now_ms;
	x->last = at;
	for (unsigned i = 0; i < FACES; i++)
		n += x->face[i].seen >= SEEN_OFTEN;
	return x->turns >= SEEN_OFTEN ? n : 1;
}

void eng_sight_syn(struct eng_worker *w, const struct flow_key *key, const struct eng_meta *meta,
	const struct eng_syn *syn, uint8_t ttl)
{
	const uint32_t now_ms = w->smtp->now_ms, mss = syn->options.mss;
	struct eng_sight_ends what = ends_of(key, meta->in_port, eng_vlan_of(&meta->view), mss);
	const uint64_t tag = tag_of(key);
	struct watched *x = watched_of(w->watch, tag, now_ms);
	const uint8_t kind = ttl_kind(ttl);
	uint32_t hosts = hosts_of(&x->kinds, false, kind, 0, now_ms);

	if (syn->options.has_ts) {
		uint32_t clocks = hosts_of(&x->clocks, true, kind, syn->ts_val, now_ms);

		hosts = clocks > hosts ? clocks : hosts;
	}
	x->seen_ms = now_ms;
	if (mss >= ENG_PROBE_MSS_MIN && mss <= ENG_PROBE_MSS_MAX)
		eng_sight_tell(&w->sight->probe[mss % ENG_SIGHT_PROBES], &what);
	what.value = hosts;
	if (hosts > 1)
		eng_sight_tell(&w->sight->hosts[tag >> 40 & (ENG_SIGHT_HOSTS - 1)], &what);
}

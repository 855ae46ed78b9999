// SPDX-License-Identifier: BSD-3-Clause
// The clients' table as a whole: its memory, what a worker finds in it, and what waits until no worker looks at
// it any more: places of prefixes that went, and records that others took the place of. The manager retires what
// waits, sees every worker pass a burst boundary, and reclaims it, in batches.
// Thread: each function says whose it is, in tbl_clients.h.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_malloc.h>

#include "tbl_clients_int.h"

static bool is_valid(const struct tbl_clients_conf *conf)
{
	return conf->bindings <= TBL_BINDINGS_MAX && conf->senders <= TBL_BINDINGS_MAX &&
		conf->endpoints <= TBL_ENDPOINTS_MAX;
}

uint64_t tbl_clients_bytes(const struct tbl_clients_conf *conf)
{
	return sizeof(struct tbl_clients) + tbl_prefixes_bytes(conf->bindings, TBL_WAIT_MAX) +
		tbl_prefixes_bytes(conf->senders, TBL_WAIT_MAX) +
		tbl_endpoints_bytes(conf->endpoints);
}

struct tbl_clients *tbl_clients_new(const struct tbl_clients_conf *conf)
{
	char name[RTE_HASH_NAMESIZE];
	struct tbl_clients *c;

	if (!is_valid(conf)) {
		errno = EINVAL;
		return NULL;
	}
	c = rte_zmalloc_socket("clients", sizeof(*c), RTE_CACHE_LINE_SIZE, conf->socket);
	if (c == NULL) {
		errno = ENOMEM;
		return NULL;
	}
	c->bytes = tbl_clients_bytes(conf);
	(void)snprintf(name, sizeof(name), "%s_b", conf->name);
	int rc = tbl_prefixes_parts_new(
		&c->bindings, name, conf->bindings, TBL_WAIT_MAX, conf->socket);
	if (rc == 0) {
		(void)snprintf(name, sizeof(name), "%s_s", conf->name);
		rc = tbl_prefixes_parts_new(
			&c->senders, name, conf->senders, TBL_WAIT_MAX, conf->socket);
	}
	if (rc == 0)
		rc = tbl_endpoints_parts_new(&c->endpoints, conf->endpoints, conf->socket);
	if (rc < 0) {
		tbl_clients_free(c);
		errno = -rc;
		return NULL;
	}
	return c;
}

// Every record that a prefix has.
static void records_free(struct tbl_clients *c)
{
	for (uint32_t at = 0; at < c->bindings.places; at++) {
		uint64_t value;

		if (c->bindings.mark == NULL || c->bindings.mark[at] == 0)
			continue;
		(void)tbl_prefixes_find(&c->bindings, tbl_prefixes_at(&c->bindings, at), &value);
		if (tbl_value_is_record(value))
			tbl_blocks_free(c, tbl_value_record(value));
	}
}

void tbl_clients_free(struct tbl_clients *c)
{
	if (c == NULL)
		return;
	tbl_clients_retire(c);
	tbl_clients_reclaim(c);
	records_free(c);
	tbl_prefixes_parts_free(&c->bindings);
	tbl_prefixes_parts_free(&c->senders);
	tbl_endpoints_parts_free(&c->endpoints);
	rte_free(c);
}

// ---- workers

// Who has that port. NULL: nobody.
static const struct tbl_block *block_at(const struct tbl_blocks *r, uint16_t port)
{
	uint32_t low = 0, high = r->n;

	while (low < high) { // the first that does not end before it
		const uint32_t middle = (low + high) / 2;

		if (r->block[middle].last < port)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < r->n && r->block[low].first <= port)
		return &r->block[low];
	return r->all.endpoint == TBL_ENDPOINT_NONE ? NULL : &r->all;
}

// False: that prefix has nobody on this port.
static inline bool binding_take(uint64_t value, uint16_t port, struct tbl_client *out)
{
	if (!tbl_value_is_record(value)) {
		out->endpoint = tbl_value_endpoint(value);
		out->shared = tbl_value_shared(value);
		return true;
	}
	const struct tbl_block *k = block_at(tbl_value_record(value), port);
	if (k == NULL)
		return false;
	out->endpoint = k->endpoint;
	out->shared = k->shared;
	return true;
}

static inline void sender_take(uint64_t value, struct tbl_client *out)
{
	const uint8_t score = (uint8_t)value;
	const uint32_t auth_until_s = (uint32_t)(value >> 32);

	out->score = score > out->score ? score : out->score;
	out->flags |= (uint8_t)(value >> 8);
	if (auth_until_s > out->auth_until_s)
		out->auth_until_s = auth_until_s;
}

static void bindings_find(const struct tbl_clients *c, const struct tbl_client_key *keys,
	uint32_t which, struct tbl_client *out)
{
	struct tbl_prefix_lengths lengths = tbl_prefix_lengths(&c->bindings);
	uint64_t values[TBL_CLIENTS_BULK];

	while (which != 0 && tbl_prefix_lengths_any(&lengths)) {
		uint32_t hits = tbl_prefixes_look(&c->bindings, &lengths, keys, which, values);

		for (; hits != 0; hits &= hits - 1) {
			const unsigned i = (unsigned)__builtin_ctz(hits);

			if (binding_take(values[i], keys[i].port, &out[i]))
				which &= ~(UINT32_C(1) << i);
		}
	}
}

static void senders_find(const struct tbl_clients *c, const struct tbl_client_key *keys,
	uint32_t which, struct tbl_client *out)
{
	struct tbl_prefix_lengths lengths = tbl_prefix_lengths(&c->senders);
	uint64_t values[TBL_CLIENTS_BULK];

	while (tbl_prefix_lengths_any(&lengths)) {
		uint32_t hits = tbl_prefixes_look(&c->senders, &lengths, keys, which, values);

		for (; hits != 0; hits &= hits - 1) {
			const unsigned i = (unsigned)__builtin_ctz(hits);

			sender_take(values[i], &out[i]);
		}
	}
}

void tbl_clients_find_bulk(const struct tbl_clients *c, const struct tbl_client_key *keys,
	unsigned n, struct tbl_client *out)
{
	const uint32_t all = n < TBL_CLIENTS_BULK ? (UINT32_C(1) << n) - 1 : UINT32_MAX;

	_Static_assert(TBL_CLIENTS_BULK == 32, "a bit each");
	for (unsigned i = 0; i < n; i++)
		out[i] = (struct tbl_client){.endpoint = TBL_ENDPOINT_NONE};
	bindings_find(c, keys, all, out);
	senders_find(c, keys, all, out);
}

void tbl_clients_find(
	const struct tbl_clients *c, const struct tbl_client_key *key, struct tbl_client *out)
{
	tbl_clients_find_bulk(c, key, 1, out);
}

// ---- what waits

int tbl_clients_full(struct tbl_clients *c)
{
	atomic_fetch_add_explicit(&c->full, 1, memory_order_relaxed);
	return -ENOSPC;
}

bool tbl_wait_has_room(const struct tbl_clients *c, unsigned n)
{
	return c->nwaiting + n <= TBL_WAIT_MAX && c->waiting_bytes <= TBL_WAIT_BYTES;
}

void tbl_wait_place(struct tbl_clients *c, bool is_sender, int32_t place)
{
	c->waiting[c->nwaiting++] = (struct tbl_waiting){
		.what = is_sender ? TBL_WAIT_SENDER : TBL_WAIT_BINDING, .place = place};
}

void tbl_wait_record(struct tbl_clients *c, struct tbl_blocks *record)
{
	c->waiting[c->nwaiting++] = (struct tbl_waiting){.what = TBL_WAIT_RECORD, .record = record};
	c->waiting_bytes += tbl_blocks_bytes(record->n);
}

uint32_t tbl_clients_waiting(const struct tbl_clients *c)
{
	return c->nwaiting;
}

void tbl_clients_retire(struct tbl_clients *c)
{
	c->nretired = c->nwaiting;
}

static void waiting_end(struct tbl_clients *c, const struct tbl_waiting *w)
{
	switch (w->what) {
	case TBL_WAIT_BINDING:
		tbl_prefixes_place_free(&c->bindings, w->place);
		break;
	case TBL_WAIT_SENDER:
		tbl_prefixes_place_free(&c->senders, w->place);
		break;
	case TBL_WAIT_RECORD:
		c->waiting_bytes -= tbl_blocks_bytes(w->record->n);
		tbl_blocks_free(c, w->record);
		break;
	}
}

void tbl_clients_reclaim(struct tbl_clients *c)
{
	for (uint32_t i = 0; i < c->nretired; i++)
		waiting_end(c, &c->waiting[i]);
	c->nwaiting -= c->nretired;
	memmove(c->waiting, c->waiting + c->nretired, c->nwaiting * sizeof(c->waiting[0]));
	c->nretired = 0;
}

void tbl_clients_counts(const struct tbl_clients *c, struct tbl_clients_counts *out)
{
	*out = (struct tbl_clients_counts){
		.bindings = atomic_load_explicit(&c->bound, memory_order_relaxed),
		.endpoints = atomic_load_explicit(&c->endpoints.used, memory_order_relaxed),
		.senders = atomic_load_explicit(&c->senders.used, memory_order_relaxed),
		.bindings_max = c->bindings.most,
		.endpoints_max = c->endpoints.most,
		.senders_max = c->senders.most,
		.full = atomic_load_explicit(&c->full, memory_order_relaxed),
		.bytes = c->bytes + atomic_load_explicit(&c->heap, memory_order_relaxed),
	};
}

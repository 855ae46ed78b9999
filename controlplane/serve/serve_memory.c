// SPDX-License-Identifier: BSD-3-Clause
// Rows of the store (serve_memory.h). What is counted goes in as octets of its owner's own form, lists and
// blocks in columns, too, where people may read them. Thread: the loop's.
#include "serve_memory.h"

#include <errno.h>
#include <string.h>

#include "serve_int.h"

static uint8_t list_of(uint8_t state)
{
	return state == REP_MANUAL    ? STO_LIST_BLOCK
		: state == REP_EXEMPT ? STO_LIST_EXEMPT
				      : STO_LIST_NONE;
}

static void note_put(struct sto_known *k, const struct rep_saved_note *n)
{
	k->list_s = n->since_s;
	k->until_s = n->until_s;
	k->comment = n->comment;
}

static uint32_t second_of(int64_t s)
{
	return s < 0 ? 0 : s > UINT32_MAX ? UINT32_MAX : (uint32_t)s;
}

static struct rep_saved_note note_of(const struct sto_known *k)
{
	return (struct rep_saved_note){
		.since_s = second_of(k->list_s),
		.until_s = second_of(k->until_s),
		.comment = k->comment,
	};
}

static void auth_put(struct sto_known *k, const struct rep_auth *a)
{
	k->auth_s = a->until_s == 0 ? 0 : (int64_t)a->until_s - a->for_s;
	k->auth_until_s = a->until_s;
	k->auth_failures = a->failed;
}

// Without a file, rows are lost, and all are asked for when it is back.
static int taken(int rc)
{
	return rc == -EAGAIN ? rc : 0;
}

int serve_memory_endpoint(void *arg, const struct rep_endpoint_saved *row, bool gone)
{
	const struct serve *s = arg;
	uint8_t octets[REP_PACK_MAX];
	struct sto_endpoint out = {.key = row->key, .id = {.p = row->id, .n = row->id_len}};

	if (gone)
		return taken(sto_endpoint_del(s->sto, row->key, NULL));
	out.known.list = list_of(row->state);
	if (row->state == REP_AUTO) {
		out.known.block_s = (int64_t)row->until_s - row->for_s;
		out.known.block_until_s = row->until_s;
	}
	note_put(&out.known, &row->note);
	auth_put(&out.known, &row->auth);
	out.known.windows = (struct span){.p = octets, .n = rep_endpoint_pack(row, octets)};
	return taken(sto_endpoint_put(s->sto, &out, NULL));
}

int serve_memory_sender(void *arg, const struct rep_sender_saved *row, bool gone)
{
	const struct serve *s = arg;
	uint8_t octets[REP_PACK_MAX];
	struct sto_sender out = {
		.prefix = row->key.prefix, .context = row->key.context, .vlan = row->key.vlan};

	if (gone)
		return taken(sto_sender_del(s->sto, &out, NULL));
	out.known.list = list_of(row->state);
	note_put(&out.known, &row->note);
	auth_put(&out.known, &row->auth);
	out.known.windows = (struct span){.p = octets, .n = rep_sender_pack(row, octets)};
	return taken(sto_sender_put(s->sto, &out, NULL));
}

void serve_memory_saved(void *arg)
{
	struct serve *s = arg;
	const uint32_t era = sto_era(s->sto);

	if (era != s->said_era) {
		s->said_era = era;
		s->saying = true;
		serve_reputation_save_all(s->reputation);
	} else if (s->saying) {
		const int e = sto_said(s->sto, STO_ENDPOINTS, era);
		const int of_senders = sto_said(s->sto, STO_SENDERS, era);

		s->saying = e == -EAGAIN || of_senders == -EAGAIN;
	}
}

void serve_memory_endpoint_load(void *arg, const struct sto_endpoint *row)
{
	const struct serve *s = arg;
	struct rep_endpoint_saved out = {.key = row->key};

	if (row->id.n > REP_ID_MAX || rep_endpoint_unpack(row->known.windows, &out) != 0)
		return;
	if (row->id.n > 0)
		memcpy(out.id, row->id.p, row->id.n);
	out.id_len = (uint8_t)row->id.n;
	out.state = row->known.list == STO_LIST_BLOCK ? REP_MANUAL
		: row->known.list == STO_LIST_EXEMPT  ? REP_EXEMPT
		: row->known.block_until_s != 0       ? REP_AUTO
						      : REP_NONE;
	out.note = note_of(&row->known);
	serve_reputation_restore_endpoint(s->reputation, &out);
}

void serve_memory_sender_load(void *arg, const struct sto_sender *row)
{
	const struct serve *s = arg;
	struct rep_sender_saved out = {
		.key = {.prefix = row->prefix, .context = row->context, .vlan = row->vlan}};

	if (rep_sender_unpack(row->known.windows, &out) != 0)
		return;
	out.state = row->known.list == STO_LIST_BLOCK ? REP_MANUAL
		: row->known.list == STO_LIST_EXEMPT  ? REP_EXEMPT
						      : REP_NONE;
	out.note = note_of(&row->known);
	serve_reputation_restore_sender(s->reputation, &out);
}

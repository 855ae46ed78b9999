// SPDX-License-Identifier: BSD-3-Clause
// Senders as the manager says them: what is known of a prefix is its value itself. The sweep of all facts is
// here, too: endpoints first.
// Thread: the manager.
#include <errno.h>

#include "tbl_clients_int.h"

enum { SCORE_MAX = 100 };

static void sender_clear(struct tbl_clients *c, const struct tbl_prefix_key *key)
{
	tbl_wait_place(c, true, tbl_prefixes_remove(&c->senders, key));
}

int tbl_sender_set(struct tbl_clients *c, const struct tbl_sender *s)
{
	const struct tbl_prefix_key key = tbl_prefix_key(&s->prefix, s->context, s->vlan);
	const uint64_t value = tbl_sender_value(s->score, s->flags, s->auth_until_s);
	struct tbl_prefixes *t = &c->senders;
	uint64_t old;
	int32_t at;

	if (!tbl_prefix_is_canonical(&s->prefix) || s->score > SCORE_MAX ||
		(s->flags & ~(TBL_LISTED | TBL_EXEMPT)) != 0)
		return -EINVAL;
	if (!tbl_wait_has_room(c, 1))
		return -EAGAIN;
	at = tbl_prefixes_find(t, &key, &old);
	if (at < 0) {
		if (value == 0)
			return 0;
		return tbl_prefixes_add(t, &key, value) < 0 ? tbl_clients_full(c) : 0;
	}
	if (value == 0) {
		sender_clear(c, &key);
		return 0;
	}
	t->mark[at] = t->round;
	if (value != old)
		tbl_prefixes_replace(t, &key, value);
	return 0;
}

static bool senders_sweep(struct tbl_clients *c, uint32_t slice)
{
	struct tbl_prefixes *t = &c->senders;

	for (; t->hand < t->places && slice > 0; t->hand++, slice--) {
		if (t->mark[t->hand] == 0 || t->mark[t->hand] == t->round)
			continue;
		if (!tbl_wait_has_room(c, 1))
			return true;
		const struct tbl_prefix_key key = *tbl_prefixes_at(t, t->hand);
		sender_clear(c, &key);
	}
	return t->hand < t->places;
}

void tbl_facts_begin(struct tbl_clients *c)
{
	tbl_prefixes_begin(&c->senders);
	tbl_endpoints_begin(&c->endpoints);
}

bool tbl_facts_sweep(struct tbl_clients *c, uint32_t slice)
{
	return tbl_endpoints_sweep(&c->endpoints, &slice) || senders_sweep(c, slice);
}

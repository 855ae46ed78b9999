// SPDX-License-Identifier: BSD-3-Clause
// SYN-ACKs of ours that nobody acknowledged yet. A client whose acknowledgement was lost waits for a
// greeting and never speaks: only a repeat brings it to say it again (RFC 9293 3.8.1). They stand in a
// row, each for a second, so the first is always the next; repeats leave after 1, 3 and 7 s. With a
// full row, as in a flood, there are none.
// Thread: the worker.
#include <rte_malloc.h>

#include "eng_half.h"
#include "seq.h"

enum {
	SECOND_MS = 1000,
	SECONDS = 7, // then it is forgotten
	A_TURN = 16,
	UNHEARD_MAX = 1 << 14,
};

struct unheard {
	uint32_t cell; // of the half-open table
	uint32_t isn, due_ms;
	uint32_t seconds; // that it has stood
};

struct eng_unheard {
	uint32_t head, tail, mask;
	struct unheard row[];
};

static uint32_t room(uint32_t flows)
{
	uint32_t n = eng_half_max(flows);

	return n < UNHEARD_MAX ? n : UNHEARD_MAX;
}

uint64_t eng_unheard_bytes(uint32_t flows)
{
	return sizeof(struct eng_unheard) + room(flows) * sizeof(struct unheard);
}

struct eng_unheard *eng_unheard_new(uint32_t flows, int socket)
{
	struct eng_unheard *u = rte_zmalloc_socket("unheard", eng_unheard_bytes(flows), 64, socket);

	if (u != NULL)
		u->mask = room(flows) - 1;
	return u;
}

static void put(struct eng_unheard *u, struct unheard one, uint32_t now_ms)
{
	if (u->tail - u->head > u->mask)
		return;
	one.due_ms = now_ms + SECOND_MS;
	u->row[u->tail++ & u->mask] = one;
}

void eng_unheard_add(struct eng_worker *w, const struct eng_half *h)
{
	struct eng_smtp *p = w->smtp;

	put(p->unheard,
		(struct unheard){.cell = flow_half_cell(p->half, &h->half), .isn = h->server.isn},
		p->now_ms);
}

// Who waits still: the same connection, not acknowledged. NULL: nobody.
static const struct eng_half *waiting(const struct eng_smtp *p, const struct unheard *one)
{
	struct flow_half *half = flow_half_at(p->half, one->cell);
	const struct eng_half *h = half == NULL ? NULL : eng_half_of(half);

	return h != NULL && h->lane == ENG_LANE_ANSWER && h->server.isn == one->isn ? h : NULL;
}

void eng_unheard_tick(struct eng_worker *w)
{
	struct eng_smtp *p = w->smtp;
	struct eng_unheard *u = p->unheard;

	for (unsigned i = 0; i < A_TURN && u->head != u->tail; i++) {
		struct unheard one = u->row[u->head & u->mask];

		if (seq_lt(p->now_ms, one.due_ms))
			return;
		u->head++;
		const struct eng_half *h = waiting(p, &one);
		if (h == NULL)
			continue;
		one.seconds++;
		if ((one.seconds & (one.seconds + 1)) == 0) // 1, 3, 7
			eng_cookie_syn_ack_again(w, h);
		if (one.seconds < SECONDS)
			put(u, one, p->now_ms);
	}
}

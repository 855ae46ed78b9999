// SPDX-License-Identifier: BSD-3-Clause
// The wheel: one list a millisecond, ids linked by arrays. Thread: one.
#include "gen_wheel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "seq.h"

int gen_wheel_new(struct gen_wheel *w, uint32_t ids)
{
	*w = (struct gen_wheel){
		.next = calloc(ids, sizeof(uint32_t)),
		.prev = calloc(ids, sizeof(uint32_t)),
		.at = calloc(ids, sizeof(uint32_t)),
	};
	memset(w->slot, 0xff, sizeof(w->slot));
	if (w->next != NULL && w->prev != NULL && w->at != NULL)
		return 0;
	gen_wheel_free(w);
	return -ENOMEM;
}

void gen_wheel_free(struct gen_wheel *w)
{
	free(w->next);
	free(w->prev);
	free(w->at);
	w->next = w->prev = w->at = NULL;
}

static void unlink_id(struct gen_wheel *w, uint32_t id)
{
	uint32_t next = w->next[id], prev = w->prev[id];

	if (prev == GEN_WHEEL_NONE)
		w->slot[w->at[id] % GEN_WHEEL_SLOTS] = next;
	else
		w->next[prev] = next;
	if (next != GEN_WHEEL_NONE)
		w->prev[next] = prev;
	w->at[id] = 0;
}

void gen_wheel_arm(struct gen_wheel *w, uint32_t id, uint32_t ms)
{
	if (!seq_lt(w->now, ms))
		ms = w->now + 1;
	if (ms - w->now >= GEN_WHEEL_SLOTS)
		ms = w->now + GEN_WHEEL_SLOTS - 1;
	if (w->at[id] != 0) {
		if (!seq_lt(ms, w->at[id]))
			return;
		unlink_id(w, id);
	}
	ms = ms == 0 ? 1 : ms; // 0 says: not in the wheel
	uint32_t *slot = &w->slot[ms % GEN_WHEEL_SLOTS];
	w->at[id] = ms;
	w->prev[id] = GEN_WHEEL_NONE;
	w->next[id] = *slot;
	if (*slot != GEN_WHEEL_NONE)
		w->prev[*slot] = id;
	*slot = id;
}

uint32_t gen_wheel_next(struct gen_wheel *w, uint32_t ms)
{
	while (seq_lt(w->now, ms)) {
		uint32_t id = w->slot[(w->now + 1) % GEN_WHEEL_SLOTS];

		if (id != GEN_WHEEL_NONE) {
			unlink_id(w, id);
			return id;
		}
		w->now++;
	}
	return GEN_WHEEL_NONE;
}

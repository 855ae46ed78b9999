// SPDX-License-Identifier: BSD-3-Clause
// Inside the engine: a worker's fragments. Thread: the owner.
#pragma once

#include "eng_int.h"
#include "flow_frag.h"

struct eng_frags {
	struct flow_frags *sets;
	uint8_t frame[UINT16_MAX + 1]; // the first fragment of what is put together
	uint8_t part[UINT16_MAX + 1];  // all parts behind one another
};

// eng_join.c: a whole set of a picked-up port is handed on as segments; it is gone then.
void eng_frag_join(struct eng_worker *w, struct flow_frag *f);

// SPDX-License-Identifier: BSD-3-Clause
// A connection for tests of stream/: opened, with a pool of its own, and short words for segments.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "stream.h"

enum { F_FIN = 1, F_SYN = 2, F_RST = 4, F_PSH = 8, F_ACK = 16 };
#ifndef POOL_SLABS
#define POOL_SLABS 64
#endif
enum { CLIENT_ISN = 1000, SERVER_ISN = 9000, POOL = POOL_SLABS };

struct fixture {
	struct stream st;
	struct stream_pool pool;
	struct stream_slab *slabs;
	uint32_t stack[POOL];
	uint32_t now_ms;
};

static inline void fixture_open_at(struct fixture *f, uint32_t client_isn, uint32_t server_isn)
{
	struct stream_syn syn = {.mss = 1460, .has_wscale = true, .wscale = 7};
	f->slabs = calloc(POOL, sizeof(*f->slabs));
	stream_pool_init(&f->pool, f->slabs, f->stack, POOL, (const uint8_t *)"a key of the test");
	stream_open(&f->st, client_isn, 64240, &syn);
	assert_true(stream_accept(&f->st, server_isn, client_isn + 1, 65160, &syn));
	f->now_ms = 5000;
}

static inline int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	fixture_open_at(f, CLIENT_ISN, SERVER_ISN);
	*state = f;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;
	stream_close(&f->st, &f->pool);
	assert_int_equal(f->pool.nfree, POOL); // every slab came back
	free(f->slabs);
	free(f);
	return 0;
}

// A segment of `side` whose first byte has the offset `off` in its stream; acknowledges all that left.
static inline struct stream_seg seg_of(
	const struct fixture *f, enum stream_side side, uint32_t off, const char *text)
{
	uint32_t isn = side == STREAM_CLIENT ? CLIENT_ISN : SERVER_ISN;
	return (struct stream_seg){
		.side = side,
		.flags = F_ACK,
		.window = 500,
		.seq = isn + 1 + off,
		.ack = f->st.half[!side].sent,
		.now_ms = f->now_ms,
		.payload = span_str(text),
	};
}

// Takes a segment, reads and releases everything, and says what becomes of it.
static inline struct stream_act pass(struct fixture *f, struct stream_seg *seg)
{
	struct stream_act act;
	enum stream_in in = stream_input(&f->st, &f->pool, seg);
	stream_consume(&f->st, seg->side, f->st.half[seg->side].nxt - f->st.half[seg->side].read);
	stream_release(&f->st, seg->side);
	stream_dispose(&f->st, &f->pool, seg, in, &act);
	return act;
}

static inline void assert_bytes(struct fixture *f, const struct stream_act *act, const char *text)
{
	uint8_t buf[4096];
	assert_int_equal(act->len, strlen(text));
	stream_copy(&f->st, &f->pool, act->side, act->seq, act->len, buf);
	assert_memory_equal(buf, text, act->len);
}

// SPDX-License-Identifier: BSD-3-Clause
// The picked-up flows of one worker: what the steer stage or another worker's inbox hands over, and
// when its turn must call.
// Thread: the worker.
#pragma once

#include <stdint.h>

#include "eng_worker.h"

#define ENG_ROWS_END UINT32_MAX

struct eng_smtp *eng_smtp_new(
	struct eng_worker *w, const struct eng_conf *conf, struct err_list *err);
void eng_smtp_free(struct eng_smtp *s);

// The time of what follows: before segments of a turn.
void eng_smtp_clock(struct eng_worker *w, uint64_t now_us);
// w->image is another one than that of the turn before.
void eng_smtp_image_taken(struct eng_worker *w, uint64_t now_us);
// A TCP segment that is going to be read (eng_meta filled up to its view): its key and their hash are
// set, and the index's line is asked for. When it is soon its turn (an ICMP error may be in the same
// queue): its flow's memory. When it is next: what its flow points to.
void eng_smtp_segment_prepare(const struct eng_worker *w, struct rte_mbuf *m);
void eng_smtp_segment_prefetch(const struct eng_worker *w, struct rte_mbuf *m);
void eng_smtp_segment_follow(const struct eng_worker *w, const struct rte_mbuf *m);
// One picked-up TCP segment (eng_meta filled: in_port, view, context, to_client), or an ICMP error
// that quotes one (to_client: by the segment). Consumes `m`.
void eng_smtp_packet_consume(struct eng_worker *w, struct rte_mbuf *m);
// Timers and a bounded slice of ageing. Returns the number of things done.
uint32_t eng_smtp_tick(struct eng_worker *w, uint64_t now_us);
// Microseconds until eng_smtp_tick has something to do, at most `max_us`.
uint32_t eng_smtp_wait_us(const struct eng_worker *w, uint64_t now_us, uint32_t max_us);
// Rows for flows.list: stores up to `max` rows beginning at *cursor and moves it, to ENG_ROWS_END
// behind the last. Looks at a bounded number of cells, so there may be 0 rows before the end.
uint32_t eng_smtp_rows(struct eng_worker *w, uint32_t *cursor, struct eng_flow_row *rows,
	uint32_t max, uint64_t now_us);

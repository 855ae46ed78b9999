// SPDX-License-Identifier: BSD-3-Clause
// Whole sessions, many at a time, each at another point of its course: from SYN to both FINs, one recipient, a
// message of 4 kB, no pipelining, as many packets as such a session has on an Ethernet. Each burst is of
// sessions drawn at random, so a packet's flow was not looked at for as many packets as there are sessions. A
// session that is over begins again on the same addresses, which ends what was left of it: as many are held all
// the time.
// Thread: one.
#pragma once

#include "bench_world.h"

struct bench_mix;

// `n` sessions in a world of `b` whose tables have room for them; they are run until each has been through
// once. NULL: no memory.
struct bench_mix *bench_mix_new(struct bench *b, uint32_t n, enum bench_net net);
// The same with other addresses: connections from number `first` on.
struct bench_mix *bench_mix_new_at(struct bench *b, uint32_t first, uint32_t n, enum bench_net net);
void bench_mix_free(struct bench_mix *m);
// About so many frames more, in bursts of `burst` (ENG_BURST at most); b->cycles and b->frames grow.
void bench_mix_run(struct bench_mix *m, uint64_t frames, uint16_t burst);
uint64_t bench_mix_ended(const struct bench_mix *m); // sessions that are over
unsigned bench_mix_packets(void);                    // of a session

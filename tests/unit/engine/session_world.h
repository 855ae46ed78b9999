// SPDX-License-Identifier: BSD-3-Clause
// A world of two ports for tests of whole sessions: a real engine with one worker in pair mode, a
// clock of our own, and the small TCP ends of session_ends.h.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "eng_int.h"
#include "session_ends.h"

enum { RECORDS_MAX = 32 };

struct world {
	struct eng *eng;
	struct eng_worker *w;
	uint64_t now_us;
	uint64_t done; // what eng_turn said it did, summed up
	struct seen seen[SEEN_MAX];
	unsigned nseen;
	struct eng_record records[RECORDS_MAX];
	unsigned nrecords;
	struct eng_parted
		parted[RECORDS_MAX]; // of records of kind shadow, which are not in `records`
	struct eng_who parted_who[RECORDS_MAX];
	unsigned nparted;
	bool deaf;     // takes no records
	char helo[64]; // of the last one
	size_t helo_n;
	char subject[128]; // of the last message
	size_t subject_n;
	bool has_subject;
	uint32_t outcomes[8];              // by kind
	struct eng_outcome outcome;        // the last one
	void (*spoil)(struct rte_mbuf *m); // what happens to the next frame on its way in
	uint16_t vlan;                     // of what is dialled from now on; 0 = untagged
};

extern struct world world;
extern struct rte_mempool *world_pool; // of all frames

// EAL, pool and image of all cases; the engine of one case.
int world_start(void **state);
int world_stop(void **state);
int world_new(void **state);
// The same with other sizes.
int world_new_sized(uint32_t flows, uint32_t messages, uint32_t slabs);
// The same in which clients may be known: so many bindings, endpoints and senders.
int world_new_knowing(uint32_t clients);
// Brings another configuration into force: `rest` is all but its dataplane: and pickup:.
void world_use(const char *rest, uint64_t version);
// The same with other rules.
void world_use_rules(const char *rest, const char *rules, uint64_t version);
// Runs such a configuration as a candidate beside what is in force.
void world_shadow(const char *rest, const char *rules, uint64_t version);
// Notes levels that are none any more when the case ends, for what all tests together have brought about.
void world_look(void);
// Lets every deadline pass, then looks that nothing is left: flows, slabs, messages, buffers.
int world_end(void **state);

uint64_t counter(enum eng_reason r);
// Lets time pass, waking when the worker asks for it.
void pass_ms(uint64_t ms);

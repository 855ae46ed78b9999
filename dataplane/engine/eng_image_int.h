// SPDX-License-Identifier: BSD-3-Clause
// The prepared image as eng_image.c makes it and eng_scan.c uses it. Every worker has its own
// scratch, its own blocks of stream memory and its own scans; all of it is taken when the image is
// made, so that scanning never allocates.
//
// Blocks: a scan has at most one stream open at a time (the header's is closed before the body's is
// opened), and one more is open within a call (a value's, or the copy of a peek). So scans + 1
// blocks never run out, and only eng_scan_open can fail.
#pragma once

#include <hs/hs.h>

#include "eng_image.h"
#include "eng_scan.h"

struct eng_block { // a free block's first word
	struct eng_block *next;
};

struct eng_scan { // one message
	struct eng_image *image;
	struct eng_image_worker *own;
	hs_stream_t *stream;  // the header's, then the body's; NULL before the first byte of either
	struct eng_scan *next; // free list
	uint64_t cycles;      // inside Hyperscan
	struct eng_scan_result found;
	uint32_t matches;     // callbacks so far
	uint32_t groups;      // of rules that count
	uint16_t worker;
	bool in_body;
	uint8_t full;         // 1 = so many rules matched that the rest is not looked at
	uint64_t seen[];      // a bit a rule
};

struct eng_image_worker { // of one worker, on cache lines of its own
	_Alignas(64) _Atomic uint32_t uses; // w: worker, r: manager
	hs_scratch_t *scratch;
	struct eng_block *blocks;  // last in, first out: the warm one
	struct eng_scan *scans;
	void *block_memory, *scan_memory;
	uint64_t block_bytes;
};

struct eng_image {
	const struct pol_image *policy;
	hs_database_t *db[POL_SCOPE_COUNT]; // NULL where the scope has no rules
	struct eng_image_worker *own[ENG_WORKERS_MAX];
	uint32_t rules;
	uint32_t seen_words;                // of eng_scan.seen
	double ns_per_cycle;
	uint16_t workers;
	void *bytes;                        // the copy of the image
	struct eng_pick pick;
};

// eng_scan.c: what hs_set_stream_allocator gets; takes from and gives to the calling worker's
// blocks.
void *eng_scan_block_get(size_t n);
void eng_scan_block_put(void *p);

// SPDX-License-Identifier: BSD-3-Clause
// A candidate's run as its two files see it. Thread: the loop's.
#pragma once

#include "serve_child.h"
#include "serve_int.h"
#include "serve_revision.h"
#include "serve_shadow.h"

enum {
	SHADOW_ROWS_MAX = 256, // kinds of differences; what comes beyond is one row
	SHADOW_LAST_MAX = 100, // sessions told one by one
	SHADOW_WHY_MAX = 128,
};

enum shadow_count { // counters of the data plane
	SHADOW_COUNT_COMPARED,
	SHADOW_COUNT_DIFFERENT,
	SHADOW_COUNT_NOT_FOLLOWED,
	SHADOW_COUNT_LOST,
	SHADOW_COUNTS
};

struct shadow_row { // differences of one kind
	char stage[16], did[24], reason[48], would[24], would_reason[48];
	uint64_t count;
};

struct shadow_start { // a candidate on its way
	struct serve_shadow *owner;
	struct serve_call *call;
	struct serve_child *child;
	struct serve_revision *rev;
	struct shadow_run *run; // what it becomes
	uint32_t minutes;
	bool pushed;
	struct err_list err;
};

struct shadow_run {
	struct serve_revision *rev; // NULL: none ever did
	bool runs;
	uint64_t boot; // of the data plane that has its counters
	int64_t since_s, until_s, over_s;
	char why[SHADOW_WHY_MAX];       // it is over
	uint64_t before[SHADOW_COUNTS]; // what the data plane had counted
	uint64_t now[SHADOW_COUNTS];    // when last looked
	struct shadow_row row[SHADOW_ROWS_MAX];
	uint32_t rows;
	uint64_t rows_lost, told;      // differences of kinds beyond those; of all
	json_t *last[SHADOW_LAST_MAX]; // ring
	uint32_t head;
	json_t *warnings;
};

struct serve_shadow {
	struct serve *s;
	struct core_timer *timer;
	uint64_t deadline_us;
	uint64_t version;           // of the last candidate
	struct shadow_start *start; // NULL: none is on its way
	struct serve_call *stop;    // waits for the data plane to let go; NULL: nobody
	struct shadow_run *run;     // the one that runs, or the last that did; never NULL
};

// serve_shadow_report.c
// What the data plane has counted so far; false where none is there.
bool serve_shadow_counts(const struct serve *s, uint64_t counts[SHADOW_COUNTS]);
// Looks at the counters once more; and whether the data plane has it still.
void serve_shadow_count(struct serve_shadow *sh);
void serve_shadow_look(struct serve_shadow *sh);
void serve_shadow_run_free(struct shadow_run *run); // NULL is fine
json_t *serve_shadow_json(struct serve_shadow *sh);

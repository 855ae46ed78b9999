// SPDX-License-Identifier: BSD-3-Clause
// The head of the state directory: which revision is in force, and what it waits for. It is one small
// file, replaced whole: writing it is what decides a change.
// Thread: the loop's.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "serve_store.h"

enum { SERVE_UNCONFIRMED_MAX = 100 };

struct serve_head {
	uint64_t revision; // in force; 0 = no head yet
	uint64_t high;     // highest number ever used
	uint64_t boot;     // of the data plane that confirmed it, 0 = none yet
	uint64_t
		file_hash; // of the file given at start, when this took force; 0 = it counts as new
	uint64_t rules_hash;   // of rules.file and lists on disk then; 0 = none
	uint64_t back;         // not confirmed yet: the revision to go back to; 0 = nothing waits
	int64_t until_s;       // then, seconds since 1970
	uint32_t confirm_s;    // how long that was
	uint32_t nunconfirmed; // revisions that ended so, oldest first
	uint64_t unconfirmed[SERVE_UNCONFIRMED_MAX];
};

// 0; -ENOENT where there is none; -EINVAL where it is torn or not ours; -errno.
int serve_head_load(struct serve_head *h, struct serve_store *st);
// 0 or -errno; then the old one is in its place, unless that fails, too.
int serve_head_save(const struct serve_head *h, struct serve_store *st);
bool serve_head_was_unconfirmed(const struct serve_head *h, uint64_t revision);
// Adds a revision to those that were not confirmed; the oldest one leaves where they are too many.
void serve_head_unconfirmed_add(struct serve_head *h, uint64_t revision);

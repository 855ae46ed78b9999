// SPDX-License-Identifier: BSD-3-Clause
// The revisions that are kept, without their texts: the state directory as it was read at start,
// and what came and went since. What is there but torn or not ours is left alone, told once, and
// counts as not there.
// Thread: the loop's.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "serve_revision.h"

enum { SERVE_HISTORY_MAX = 100 }; // revisions kept; then the oldest goes with each new one

struct serve_history_row {
	uint64_t revision, from;
	int64_t made_s;
	uint32_t plus, minus;
	char author[SERVE_AUTHOR_MAX], comment[SERVE_COMMENT_MAX];
};

struct serve_history {
	struct serve_history_row row[SERVE_HISTORY_MAX + 1]; // oldest first
	unsigned n;
};

struct serve_head;

// Reads what is there. `head` is what the state directory says is in force, NULL where it says
// nothing: with it, what a killed process left behind its number is removed. 0 or -errno.
int serve_history_scan(
	struct serve_history *h, struct serve_store *st, const struct serve_head *head);
// A revision took force: adds it, removes images that are no longer wanted and what is too old;
// never a revision that the head names.
void serve_history_add(struct serve_history *h, const struct serve_revision *r,
	const struct serve_head *head, struct serve_store *st);
// Removes all images but those the head names.
void serve_history_tidy(const struct serve_head *head, struct serve_store *st);
// NULL where there is none of that number.
const struct serve_history_row *serve_history_find(
	const struct serve_history *h, uint64_t revision);
// The newest one below `revision`, 0 = of all; NULL where there is none.
const struct serve_history_row *serve_history_before(
	const struct serve_history *h, uint64_t revision);

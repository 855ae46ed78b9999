// SPDX-License-Identifier: BSD-3-Clause
// What the methods of endpoints and of senders share. Thread: the loop's.
#pragma once

#include "serve_csv.h"
#include "serve_int.h"
#include "serve_reputation.h"

enum {
	KNOWN_PAGE = 100,      // rows of a page unless asked for more
	KNOWN_PAGE_MAX = 1000, // and at most
	KNOWN_EXPORT_MAX = 10000,
	KNOWN_TOP = 20,
};

// The word of a filter: a list, or "login" for blocked logins, or "any". False after the call was answered.
bool serve_known_state(struct serve_call *call, const char *word, struct rep_filter *f);
// Scores from min to max (0: any) into f. False after the call was answered: nothing is between them.
bool serve_known_scores(struct serve_call *call, int64_t min, int64_t max, struct rep_filter *f);
// Where to go on; "" or NULL = at the beginning. False after the call was answered.
bool serve_known_cursor(struct serve_call *call, const char *text, uint32_t *next);
json_t *serve_known_cursor_json(uint32_t next); // null at the end
// When a block ends that is `left_s` from being over; null for 0.
json_t *serve_known_until(const struct serve_reputation *r, uint32_t left_s);

// Notes what an operator did.
void serve_known_audit(struct serve *s, struct serve_call *call, const char *verb,
	const char *object, const char *comment);

// Export: which list, and where in it.
struct serve_known_export {
	enum rep_state state; // REP_STATE_COUNT = done
	uint32_t next;
};
bool serve_known_export_take(
	struct serve_call *call, const char *cursor, struct serve_known_export *x);
json_t *serve_known_export_json(const struct serve_known_export *x);

// Import: columns by their names in the first line.
enum serve_column {
	COLUMN_ID,
	COLUMN_CONTEXT,
	COLUMN_VLAN,
	COLUMN_LIST,
	COLUMN_UNTIL,
	COLUMN_COUNT
};
struct serve_known_row {
	const char *text[COLUMN_COUNT]; // "" where there is no such column
	enum rep_state list;
	int64_t until_s; // of the wall clock
	unsigned line;
};
// Calls `each` for every line, with `arg`; it adds errors to *err. `name` of the column of ids.
struct serve_known_import {
	const char *text, *file, *id;
	bool senders;
	void (*each)(void *arg, const struct serve_known_row *row, struct err_list *err);
	void *arg;
	uint32_t rows;
};
void serve_known_import(struct serve_known_import *im, struct err_list *err);

// The highest scores, in as many turns of the loop as it takes; `show` makes the answer of the numbers.
typedef json_t *(*serve_known_show_cb)(struct serve *s, uint32_t number);
void serve_known_top(struct serve *s, struct serve_call *call, bool senders,
	const struct rep_filter *f, uint32_t most, serve_known_show_cb show);
void serve_known_stop(struct serve *s); // ends what is under way; for serve_free
void serve_audit_stop(struct serve *s); // likewise

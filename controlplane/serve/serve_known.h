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
	KNOWN_FOR_MAX = 10 * 366 * 86400, // seconds that an operator's list may last
};

// Endpoints, or senders.
struct serve_known_kind {
	const char *noun; // of methods and results
	const char *head; // of an export
	// rep.h's, of the table that there is.
	uint32_t (*page)(struct serve *s, const struct rep_filter *f, uint32_t *next,
		uint32_t *numbers, uint32_t cap);
	bool (*top)(struct serve *s, const struct rep_filter *f, struct rep_top *top);
	json_t *(*show)(struct serve *s, uint32_t number);        // a row
	void (*put)(struct serve *s, FILE *f, const json_t *row); // a row's line of an export
	uint32_t (*room)(struct serve *s);
	const char *sized_by; // which key
};

// The list of that name; a number below REP_NOBODY. false: it is none.
bool serve_known_word(const char *word, enum rep_state *out);
bool serve_known_number(const char *text, uint32_t *out);
// The word of a filter: a list, or "login" for blocked logins, or "any". False after the call was answered.
bool serve_known_state(struct serve_call *call, const char *word, struct rep_filter *f);
// Scores from min to max (0: any) into f. False after the call was answered: nothing is between them.
bool serve_known_scores(struct serve_call *call, int64_t min, int64_t max, struct rep_filter *f);
// Answers with a page from `cursor` on ("" or NULL: the beginning): those that `keep` (NULL: all) keeps.
void serve_known_page(struct serve *s, struct serve_call *call, const struct serve_known_kind *k,
	const struct rep_filter *f, const char *cursor, int64_t count,
	bool (*keep)(struct serve *s, uint32_t number, const void *arg), const void *arg);
// When a block ends that is `left_s` from being over; null for 0.
json_t *serve_known_until(const struct serve_reputation *r, uint32_t left_s);

// How and why an operator lists one: the parameters comment, for_s (0 = for good). False after the call was
// answered.
bool serve_known_listing(struct serve_call *call, const struct serve_reputation *r,
	const char *comment, int64_t for_s, struct rep_listing *to);
// Adds what an operator's list says to a row (NULL is fine): since, comment, until and left_s.
void serve_known_note(const struct serve_reputation *r, json_t *row, uint32_t since_s,
	uint32_t left_s, struct span comment);
// Notes what an operator did.
void serve_known_audit(struct serve *s, struct serve_call *call, const char *verb,
	const char *object, const char *comment);

// The whole of *.export, but that there is a table.
void serve_known_export(
	struct serve *s, struct serve_call *call, json_t *params, const struct serve_known_kind *k);

// A field of an export: a text of the row, empty where it is null or the row is NULL.
void serve_known_put(FILE *f, const json_t *row, const char *name, bool first);

// Import: columns by their names in the first line.
enum serve_column {
	COLUMN_ID,
	COLUMN_CONTEXT,
	COLUMN_VLAN,
	COLUMN_LIST,
	COLUMN_UNTIL,
	COLUMN_COMMENT,
	COLUMN_KEY,
	COLUMN_COUNT
};
struct serve_known_row {
	const char *text[COLUMN_COUNT]; // "" where there is no such column
	struct rep_listing to;          // by the tables' clock
	bool over;                      // that ended before now
	unsigned line;
};
// `each` gets every line, with `arg`, and adds errors to *err; once to be looked at, and, if there was no
// error, once to be done (`apply`).
struct serve_known_import {
	struct serve *s;
	const struct serve_known_kind *kind;
	const char *text, *file, *id; // `id`: name of the column of ids
	bool senders;
	void (*each)(struct serve_known_import *im, const struct serve_known_row *row,
		struct err_list *err);
	void *arg;
	bool apply;
	uint32_t rows, made; // lines; entries that there are not yet, at most, which `each` counts
	uint32_t lost;       // lines that were not taken, of a file without errors
};
// Notes that a line was not taken: rc of rep_endpoint_set or rep_sender_set, not 0.
void serve_known_lost(struct serve_known_import *im, const struct serve_known_row *row, int rc,
	struct err_list *err);
// The whole of *.import, but that there is a table: kind, id, senders, each and arg are set.
void serve_known_import(
	struct serve *s, struct serve_call *call, json_t *params, struct serve_known_import *im);

// The whole of *.top, but that there is a table: the highest scores, in as many turns of the loop as it takes.
void serve_known_top(
	struct serve *s, struct serve_call *call, json_t *params, const struct serve_known_kind *k);
void serve_known_stop(struct serve *s); // ends what is under way; for serve_free
void serve_audit_stop(struct serve *s); // likewise

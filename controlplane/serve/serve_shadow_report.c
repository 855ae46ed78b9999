// SPDX-License-Identifier: BSD-3-Clause
// What a candidate would have decided differently: counters of the data plane, a table of the kinds of
// differences, the latest sessions one by one, and what was not compared at all, so that nothing that
// nobody looked at passes for equal.
// Thread: the loop's.
#include "serve_shadow_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api_names.h"
#include "core_link.h"
#include "serve_line.h"
#include "text.h"

// What the data plane does not compare; also in docs/operations.md.
static const char *const not_compared[] = {
	"connections that were open before the candidate came, and what they hold or sent: limits of "
	"connections, messages and recipients whose number, minutes or profile is another than in force count "
	"from then, and only sessions that have not yet differed; the others count for both",
	"connections to TCP ports that only the candidate picks up; of those that a policy in force drops all but "
	"64 a second and worker, which are not followed",
	"how long commands would wait for the DNS; a session whose domain finds no place among the candidate's "
	"questions (8 a worker at a time) is not followed",
	"idle times longer than in force: that a session was closed is told, not what it would have done then; of a "
	"shorter one, a silence that ends within about a second behind it",
	"how fast commands sent in one group go on (pipelining: loose)",
	"what only the candidate would do at a possible end of data amid a message; a session that is cut "
	"there is not followed",
	"messages a clock hour of a sender over throttle_at, where the candidate has other numbers: a session that is "
	"throttled in force is not followed, what only the candidate would throttle is not told; and what a reputation "
	"only monitors",
	"anything behind the first difference of a session, and in TLS",
	"the wording of replies, and names: decisions are alike where they do the same with the same code",
};

bool serve_shadow_counts(const struct serve *s, uint64_t counts[SHADOW_COUNTS])
{
	static const char *const names[SHADOW_COUNTS] = {
		[SHADOW_COUNT_COMPARED] = "shadow_compared",
		[SHADOW_COUNT_DIFFERENT] = "shadow_different",
		[SHADOW_COUNT_NOT_FOLLOWED] = "shadow_not_followed",
		[SHADOW_COUNT_LOST] = "shadow_records_lost",
	};
	const struct core_stats *stats = core_link_stats(s->link);

	if (stats == NULL)
		return false;
	for (unsigned i = 0; i < SHADOW_COUNTS; i++) {
		const uint32_t at = core_stats_find(stats, names[i]);
		counts[i] = at == core_stats_names(stats) ? 0 : core_stats_sum(stats, at);
	}
	return true;
}

void serve_shadow_count(struct serve_shadow *sh)
{
	const struct api_hello *hello = core_link_hello(sh->s->link);

	if (sh->run->rev != NULL && hello != NULL && hello->boot == sh->run->boot)
		(void)serve_shadow_counts(sh->s, sh->run->now); // there is one
}

void serve_shadow_look(struct serve_shadow *sh)
{
	const struct core_stats *stats = core_link_stats(sh->s->link);
	struct shadow_run *run = sh->run;
	struct api_stats head;

	serve_shadow_count(sh);
	if (!run->runs || stats == NULL)
		return;
	core_stats_head(stats, &head);
	if (head.shadow_version != run->rev->version)
		serve_shadow_over(sh, "another image came into force in the data plane");
}

void serve_shadow_run_free(struct shadow_run *run)
{
	if (run == NULL)
		return;
	serve_revision_free(run->rev);
	json_decref(run->warnings);
	for (unsigned i = 0; i < SHADOW_LAST_MAX; i++)
		json_decref(run->last[i]);
	free(run);
}

// ---- differences

// "refuse 550", "pass"
static void does_text(const struct api_decision *d, char *out, size_t cap)
{
	if (d->code != 0)
		(void)snprintf(out, cap, "%s %u", api_does_name(d->does), d->code); // it fits
	else
		(void)text_copy(out, cap, api_does_name(d->does)); // likewise
}

static bool same_kind(const struct shadow_row *a, const struct shadow_row *b)
{
	return strcmp(a->stage, b->stage) == 0 && strcmp(a->did, b->did) == 0 &&
		strcmp(a->reason, b->reason) == 0 && strcmp(a->would, b->would) == 0 &&
		strcmp(a->would_reason, b->would_reason) == 0;
}

static void row_count(struct shadow_run *run, const struct shadow_row *row)
{
	for (uint32_t i = 0; i < run->rows; i++) {
		if (same_kind(&run->row[i], row)) {
			run->row[i].count++;
			return;
		}
	}
	if (run->rows == SHADOW_ROWS_MAX) {
		run->rows_lost++;
		return;
	}
	run->row[run->rows] = *row;
	run->row[run->rows++].count = 1;
}

void serve_shadow_note(
	struct serve_shadow *sh, const struct api_record *r, const struct serve_event_names *names)
{
	struct shadow_run *run = sh->run;
	struct shadow_row row = {0};
	struct serve_line line;
	json_t **place = &run->last[run->head % SHADOW_LAST_MAX];

	// Records that still come when it is over are its own, too.
	if (run->rev == NULL || r->shadow.candidate != run->rev->version)
		return;
	(void)text_copy(row.stage, sizeof(row.stage), api_stage_name(r->shadow.stage)); // all fit
	does_text(&r->shadow.live, row.did, sizeof(row.did));
	does_text(&r->shadow.shadow, row.would, sizeof(row.would));
	if (names->reason != NULL)
		(void)text_copy(row.reason, sizeof(row.reason), names->reason);
	if (names->candidate.reason != NULL)
		(void)text_copy(
			row.would_reason, sizeof(row.would_reason), names->candidate.reason);
	row_count(run, &row);
	run->told++;
	serve_event_line(&line, r, names);
	json_decref(*place);
	*place = line.cut ? NULL : json_loadb(line.text, line.n, 0, NULL); // else one less
	run->head++;
}

// ---- as JSON

static json_t *text_or_null(const char *text)
{
	return serve_json_text(*text == '\0' ? NULL : text);
}

static json_t *rows_json(const struct shadow_run *run)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < run->rows; i++) {
		const struct shadow_row *row = &run->row[i];

		(void)json_array_append_new(list,
			json_pack("{s:s,s:o,s:s,s:o,s:s,s:o}", "stage", row->stage, "count",
				serve_json_u64(row->count), "did", row->did, "reason",
				text_or_null(row->reason), "would", row->would, "would_reason",
				text_or_null(row->would_reason))); // else one less
	}
	return list;
}

// Newest first.
static json_t *last_json(const struct shadow_run *run)
{
	json_t *list = json_array();

	for (uint32_t i = 1; i <= SHADOW_LAST_MAX && i <= run->head; i++) {
		json_t *one = run->last[(run->head - i) % SHADOW_LAST_MAX];
		if (one != NULL)
			(void)json_array_append(list, one); // else one less
	}
	return list;
}

static json_t *not_compared_json(void)
{
	json_t *list = json_array();

	for (size_t i = 0; i < sizeof(not_compared) / sizeof(not_compared[0]); i++)
		(void)json_array_append_new(list, json_string(not_compared[i])); // else one less
	return list;
}

static uint64_t since(const struct shadow_run *run, enum shadow_count which)
{
	return run->now[which] > run->before[which] ? run->now[which] - run->before[which] : 0;
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

json_t *serve_shadow_json(struct serve_shadow *sh)
{
	struct shadow_run *run = sh->run;
	const struct serve_revision *r = run->rev;
	uint64_t compared, different, not_followed;
	const char *state = "none";

	serve_shadow_look(sh);
	if (run->runs)
		state = "running";
	else if (r != NULL)
		state = "over";
	compared = since(run, SHADOW_COUNT_COMPARED);
	different = since(run, SHADOW_COUNT_DIFFERENT);
	not_followed = since(run, SHADOW_COUNT_NOT_FOLLOWED);
	return json_pack(
		"{s:s,s:b,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:O?}",
		"state", state, "starting", sh->start != NULL, "candidate",
		r == NULL ? json_null() : serve_json_u64(r->version), "file",
		serve_json_text(r == NULL ? NULL : r->name), "revision",
		r == NULL || r->from == 0 ? json_null() : serve_json_u64(r->from), "author",
		serve_json_text(r == NULL ? NULL : r->author), "since",
		serve_json_time(run->since_s), "until", serve_json_time(run->until_s), "over",
		serve_json_time(run->over_s), "why", text_or_null(run->why), "compared",
		serve_json_u64(compared), "same",
		serve_json_u64(less(compared, different + not_followed)), "different",
		serve_json_u64(different), "not_followed", serve_json_u64(not_followed), "not_told",
		serve_json_u64(less(different, run->told) + run->rows_lost), "differences",
		rows_json(run), "sessions", last_json(run), "not_compared", not_compared_json(),
		"warnings", run->warnings);
}

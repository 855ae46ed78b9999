// SPDX-License-Identifier: BSD-3-Clause
// Replays SMTP dialogues written as text (see README.md) through smtp_feed the way the engine
// does: unread bytes are kept and shown again. Each dialogue runs whole, cut at every offset of
// its bytes, and byte by byte, with room for many events and for as few as allowed; the events
// have to be the written ones each time. Prints TAP. With --print it writes the file again with
// the events that come, for a person to judge.

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smtp.h"
#include "transcript.h"

enum { EVENTS_MANY = 64, EVENTS_FEW = 4 };

struct player {
	struct smtp smtp;
	struct bytes unread[2];  // by enum smtp_side
	struct bytes log;        // event lines, canonical
	struct bytes data;       // DATA text not yet written
	bool stopped;
	size_t room;
	const char *broken;      // a promise of smtp.h that did not hold
};

// Events as text -------------------------------------------------------------------------------

static const char *const flag_names[] = {
	"BARE_LF", "BARE_CR", "NUL", "BLANKS", "8BIT", "SYNTAX", "STATE", "PIPELINED", "UNOFFERED",
	"LAST",
};

static void put(struct bytes *b, const char *text)
{
	bytes_add(b, text, strlen(text));
}

static void put_number(struct bytes *b, uint64_t n)
{
	char text[24];

	(void)snprintf(text, sizeof(text), " %llu", (unsigned long long)n);
	put(b, text);
}

static void put_text(struct bytes *b, struct span text)
{
	if (text.n > 0)
		put(b, " ");
	bytes_add(b, text.p, text.n);
}

static void put_flags(struct bytes *b, uint16_t flags)
{
	const char *before = " +";

	for (size_t i = 0; i < sizeof(flag_names) / sizeof(flag_names[0]); i++) {
		if ((flags >> i & 1) == 0)
			continue;
		put(b, before);
		put(b, flag_names[i]);
		before = ",";
	}
}

static void log_line(struct player *p, const struct bytes *raw)
{
	bytes_add_escaped(&p->log, (struct span){raw->p, raw->n});
	bytes_add(&p->log, "\n", 1);
}

static void log_data(struct player *p)
{
	struct bytes raw = {0};

	if (p->data.n == 0)
		return;
	put(&raw, "DATA");
	put_text(&raw, (struct span){p->data.p, p->data.n});
	log_line(p, &raw);
	bytes_free(&raw);
	p->data.n = 0;
}

static void put_path(struct bytes *b, struct span path)
{
	if (path.p == NULL)
		return;
	put(b, " path=<");
	bytes_add(b, path.p, path.n);
	put(b, ">");
}

static void log_event(struct player *p, const struct smtp_event *e)
{
	struct bytes raw = {0};

	if (e->kind == SMTP_EV_DATA) {
		bytes_add(&p->data, e->text.p, e->text.n);
		return;
	}
	log_data(p);
	put(&raw, smtp_ev_name(e->kind));
	if (e->code != 0)
		put_number(&raw, e->code);
	if (e->verb != SMTP_VERB_NONE && e->kind != SMTP_EV_AUTH && e->kind != SMTP_EV_AUTH_LINE &&
	    e->kind != SMTP_EV_KEYWORD) {
		put(&raw, " ");
		put(&raw, smtp_verb_name(e->verb));
	}
	if (e->kind == SMTP_EV_DESYNC) {
		put(&raw, " ");
		put(&raw, smtp_desync_name(e->why));
	}
	if (e->kind == SMTP_EV_POSSIBLE_END)
		put_number(&raw, e->count);
	if (e->kind == SMTP_EV_CHUNK || e->kind == SMTP_EV_DATA_END)
		put_number(&raw, e->octets);
	put_flags(&raw, e->flags);
	put_path(&raw, e->path);
	put_text(&raw, e->text);
	log_line(p, &raw);
	bytes_free(&raw);
}

// Playing --------------------------------------------------------------------------------------

static bool lies_in(struct span part, struct span whole)
{
	return part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

static void check_event(struct player *p, const struct smtp_event *e, enum smtp_side fed,
	struct span in)
{
	if ((uint64_t)e->off + e->len > in.n)
		p->broken = "an event lies outside the input";
	if (!lies_in(e->text, in) || !lies_in(e->path, in))
		p->broken = "an event's text lies outside the input";
	if (e->side != fed)
		p->broken = "an event names the wrong side";
	if (p->stopped)
		p->broken = "an event came after DESYNC";
	if (e->kind == SMTP_EV_DESYNC)
		p->stopped = true;
}

static bool feed(struct player *p, enum smtp_side side)
{
	struct bytes *unread = &p->unread[side];
	struct smtp_event ev[EVENTS_MANY];
	size_t count = 0;

	// An exact copy, so that a sanitizer sees a read past the span.
	struct bytes copy = {0};
	bytes_add(&copy, unread->p, unread->n);
	struct span in = {copy.p, copy.n};
	size_t used = smtp_feed(&p->smtp, side, in, ev, p->room, &count);

	if (used > in.n || count > p->room)
		p->broken = "more consumed or told than there was room for";
	for (size_t i = 0; i < count && p->broken == NULL; i++) {
		check_event(p, &ev[i], side, in);
		log_event(p, &ev[i]);
	}
	bytes_free(&copy);
	bytes_cut(unread, used);
	return p->broken == NULL && used > 0 && unread->n > 0;
}

static void deliver(struct player *p, enum smtp_side side, struct span bytes)
{
	bytes_add(&p->unread[side], bytes.p, bytes.n);
	while (feed(p, side))
		;
	if (side == SMTP_SERVER) // a reply may have opened the gate
		while (feed(p, SMTP_CLIENT))
			;
}

static const char *state_name(const struct player *p)
{
	if (p->stopped)
		return "stopped";
	if (smtp_is_opaque(&p->smtp))
		return "opaque";
	if (smtp_in_message(&p->smtp))
		return "message";
	return smtp_is_gated(&p->smtp) ? "gated" : "open";
}

// `cut`: offset among all bytes of the dialogue where a delivery is cut in two, CUT_NOWHERE or
// CUT_EVERYWHERE.
#define CUT_NOWHERE SIZE_MAX
#define CUT_EVERYWHERE (SIZE_MAX - 1)

static void play_run(struct player *p, enum smtp_side side, struct span run, size_t at, size_t cut)
{
	if (cut == CUT_EVERYWHERE) {
		for (size_t i = 0; i < run.n; i++)
			deliver(p, side, span_sub(run, i, 1));
	} else if (cut > at && cut < at + run.n) {
		deliver(p, side, span_sub(run, 0, cut - at));
		deliver(p, side, span_from(run, cut - at));
	} else {
		deliver(p, side, run);
	}
}

// Plays a dialogue into p->log; ends[i] = length of the log after step i, if wanted.
static void play(struct player *p, const struct dialogue *d, size_t cut, size_t room, size_t *ends)
{
	size_t at = 0;

	p->log.n = p->data.n = p->unread[0].n = p->unread[1].n = 0;
	p->stopped = false;
	p->broken = NULL;
	p->room = room;
	smtp_init(&p->smtp, &d->limits);
	for (size_t i = 0; i < d->steps_n; i++) {
		const struct step *step = &d->steps[i];
		struct span run = {step->bytes.p, step->bytes.n};

		if (i < d->before_n) {
			deliver(p, step->kind == STEP_CLIENT ? SMTP_CLIENT : SMTP_SERVER, run);
			p->log.n = 0;
			continue;
		}
		if (step->kind == STEP_MASK) {
			smtp_mask(&p->smtp, step->mask);
		} else {
			play_run(p, step->kind == STEP_CLIENT ? SMTP_CLIENT : SMTP_SERVER, run, at, cut);
			at += run.n;
		}
		log_data(p);
		if (ends != NULL)
			ends[i] = p->log.n;
		bytes_add(&p->log, STEP_MARK, strlen(STEP_MARK));
	}
	char end[80];

	(void)snprintf(end, sizeof(end), "%s client=%zu server=%zu\n", state_name(p),
		p->unread[SMTP_CLIENT].n, p->unread[SMTP_SERVER].n);
	put(&p->log, end);
}

// Checking -------------------------------------------------------------------------------------

static bool check_play(struct player *p, const struct dialogue *d, size_t cut, size_t room)
{
	play(p, d, cut, room, NULL);
	if (p->broken == NULL && p->log.n == d->expected.n &&
	    memcmp(p->log.p, d->expected.p, p->log.n) == 0)
		return true;
	if (cut == CUT_NOWHERE)
		printf("# whole:");
	else if (cut == CUT_EVERYWHERE)
		printf("# byte by byte:");
	else
		printf("# cut at byte %zu:", cut);
	printf(" %s\n", p->broken != NULL ? p->broken : "the events differ");
	printf("# expected:\n");
	bytes_print(&d->expected, "#   ");
	printf("# seen:\n");
	bytes_print(&p->log, "#   ");
	return false;
}

static bool check_dialogue(struct player *p, const struct dialogue *d)
{
	size_t total = 0;

	for (size_t i = d->before_n; i < d->steps_n; i++)
		total += d->steps[i].bytes.n;
	if (!check_play(p, d, CUT_NOWHERE, EVENTS_MANY) || !check_play(p, d, CUT_NOWHERE, EVENTS_FEW) ||
	    !check_play(p, d, CUT_EVERYWHERE, EVENTS_FEW))
		return false;
	for (size_t cut = 1; cut < total; cut++)
		if (!check_play(p, d, cut, EVENTS_FEW))
			return false;
	return true;
}

static void print_dialogue(struct player *p, const struct dialogue *d)
{
	size_t *ends = calloc(d->steps_n + 1, sizeof(*ends));
	size_t line = 0, from = 0;
	static const char quiet_end[] = "open client=0 server=0\n";

	if (ends == NULL)
		die("calloc", 0, "out of memory");
	play(p, d, CUT_NOWHERE, EVENTS_MANY, ends);
	for (size_t i = d->before_n; i < d->steps_n; i++) {
		for (; line < d->steps[i].source_end; line++)
			printf("%s\n", d->source[line]);
		bytes_print(&(struct bytes){.p = p->log.p + from, .n = ends[i] - from}, "E: ");
		from = ends[i] + strlen(STEP_MARK);
	}
	for (; line < d->source_n; line++)
		printf("%s\n", d->source[line]);
	if (p->log.n - from != strlen(quiet_end) || memcmp(p->log.p + from, quiet_end, p->log.n - from) != 0)
		bytes_print(&(struct bytes){.p = p->log.p + from, .n = p->log.n - from}, "Z: ");
	if (p->broken != NULL)
		printf("# BROKEN: %s\n", p->broken);
	free(ends);
}

int main(int argc, char **argv)
{
	bool print = argc > 1 && strcmp(argv[1], "--print") == 0;
	struct player p = {0};
	struct dialogue d;
	size_t number = 0, failed = 0;

	for (int i = print ? 2 : 1; i < argc; i++) {
		struct transcript t;

		transcript_open(&t, argv[i]);
		while (transcript_next(&t, &d)) {
			bool ok = true;

			if (print)
				print_dialogue(&p, &d);
			else
				ok = check_dialogue(&p, &d);
			if (!print)
				printf("%sok %zu - %s\n", ok ? "" : "not ", ++number, d.name);
			failed += !ok;
			dialogue_free(&d);
		}
		if (print)
			transcript_tail(&t);
		transcript_close(&t);
	}
	if (!print)
		printf("1..%zu\n", number);
	for (int side = 0; side < 2; side++)
		bytes_free(&p.unread[side]);
	bytes_free(&p.log);
	bytes_free(&p.data);
	return failed > 0 || (!print && number == 0);
}

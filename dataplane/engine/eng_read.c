// SPDX-License-Identifier: BSD-3-Clause
// What an inspected connection has retained is read: the contiguous bytes of each side go to smtp/, its
// events are judged (eng_events.c), the changes they ask for are made, and what was judged is released.
// Behind STARTTLS nothing is read but whether TLS begins. What leaves then is eng_inspect.c's.
// Thread: the worker.
#include "eng_session.h"
#include "seq.h"

enum tls { TLS_YES, TLS_NO, TLS_WAIT };

// What a run of unread bytes has come to.
enum step {
	STEP_ON,   // some of it was taken
	STEP_MORE, // it goes on behind it, or is still to come
	STEP_CUT,  // the session was cut
};

struct reading { // one side, as far as it goes
	struct eng_session *s;
	enum stream_side side;
	uint32_t settled, last; // ends of the last two replies
};

// Behind the 220 to STARTTLS a client speaks TLS (RFC 3207 4) or is up to something: its first
// bytes are a record with a ClientHello (RFC 8446 4, 5.1).
static enum tls tls_begins(struct span in)
{
	enum { RECORD_HANDSHAKE = 22, MAJOR = 3, CLIENT_HELLO = 1, HEAD = 6 };

	if ((in.n > 0 && in.p[0] != RECORD_HANDSHAKE) || (in.n > 1 && in.p[1] != MAJOR) ||
		(in.n >= HEAD && in.p[5] != CLIENT_HELLO))
		return TLS_NO;
	return in.n >= HEAD ? TLS_YES : TLS_WAIT;
}

static enum step opaque_step(struct eng_worker *w, struct reading *r, struct span in)
{
	struct eng_session *s = r->s;
	enum tls tls = r->side == STREAM_CLIENT && !s->tls_seen ? tls_begins(in) : TLS_YES;

	if (tls == TLS_WAIT)
		return STEP_MORE;
	if (tls == TLS_NO) {
		eng_reset_both(w, s, ACT_TLS_NOT_TLS);
		s->dialog = ENG_DIALOG_OVER;
		return STEP_CUT;
	}
	s->tls_seen |= r->side == STREAM_CLIENT;
	stream_consume(&s->flow.stream, r->side, (uint32_t)in.n);
	return STEP_ON;
}

// A reply that can't be understood cuts the session; whole replies before it, though they came with
// it, are true, or ours, and go to the client first.
static void release_settled(struct eng_worker *w, struct eng_session *s, uint32_t upto)
{
	struct stream *st = &s->flow.stream;
	struct stream_half *h = &st->half[STREAM_SERVER];
	uint32_t end = stream_in_seq(st, &w->smtp->pool, STREAM_SERVER, upto);

	if (seq_le(upto, h->rel))
		return;
	if (w->smtp->nchanges > 0 && !eng_changes_make(w, s, STREAM_SERVER))
		return; // cut
	h->rel = stream_out_seq(st, &w->smtp->pool, STREAM_SERVER, end);
	eng_pump(w, s);
}

void eng_settle(struct eng_worker *w, struct eng_session *s)
{
	struct eng_smtp *p = w->smtp;

	s->tarpit = false;
	if (p->judging == s) {
		release_settled(w, s, p->settled);
		return;
	}
	stream_release(&s->flow.stream, STREAM_SERVER);
	eng_pump(w, s);
}

// What of the client's bytes may be read at once: a command whose domain is looked up comes alone, so what
// lies behind a chunk is not read with it. false: it waits.
static bool client_may(struct eng_worker *w, struct eng_session *s, struct span *in)
{
	uint64_t rest;

	if (!smtp_in_message(&s->smtp))
		return eng_ask_line(w, s, in);
	if (smtp_in_chunk(&s->smtp, &rest) && s->smtp.chunk_left < in->n)
		*in = span_sub(*in, 0, (size_t)s->smtp.chunk_left);
	return true;
}

static enum step smtp_step(struct eng_worker *w, struct reading *r, struct span in)
{
	struct eng_session *s = r->s;
	const uint32_t base = s->flow.stream.half[r->side].read;
	struct smtp_event ev[ENG_EVENTS];
	bool begun = s->smtp.reply_open, recipient;
	size_t count = 0;

	if (r->side == STREAM_CLIENT && !client_may(w, s, &in))
		return STEP_MORE;
	if (!begun) // what was told and changed by earlier calls moved what lies here
		r->settled = r->last = base;
	size_t n = smtp_feed(&s->smtp, (enum smtp_side)r->side, in, ev, ENG_EVENTS, &count);

	if (n == 0 && count == 0)
		return STEP_MORE;
	stream_consume(&s->flow.stream, r->side, (uint32_t)n);
	w->smtp->judging = r->side == STREAM_SERVER ? s : NULL;
	w->smtp->chunk_refused = false;
	w->smtp->settled = r->last;
	for (size_t i = 0; i < count; i++) {
		if (ev[i].kind == SMTP_EV_REPLY) {
			r->settled = r->last;
			r->last = base + ev[i].off + ev[i].len;
			// One whose first lines were told has to end.
			w->smtp->settled = begun && !eng_is_ours(ev[i].verb, &recipient)
				? r->last
				: r->settled;
			begun = false;
		} else if (ev[i].kind == SMTP_EV_DESYNC && r->side == STREAM_SERVER) {
			release_settled(
				w, s, seq_lt(base + ev[i].off, r->last) ? r->settled : r->last);
		}
		if (!eng_event(w, s, &ev[i], base, in)) {
			w->smtp->nchanges = 0;
			w->smtp->judging = NULL;
			return STEP_CUT;
		}
	}
	w->smtp->settled = base; // should its changes fail nothing of this call is true
	bool made = w->smtp->nchanges == 0 || eng_changes_make(w, s, r->side);
	w->smtp->judging = NULL;
	return made && eng_replies_due(w, s) ? STEP_ON : STEP_CUT;
}

// Reads one side as far as it goes: STEP_ON where that was any way. `first` may be given where it is what
// stream_unread would say first.
static enum step read_side(
	struct eng_worker *w, struct eng_session *s, enum stream_side side, struct span first)
{
	struct eng_smtp *p = w->smtp;
	struct stream *st = &s->flow.stream;
	const struct stream_half *h = &st->half[side];
	struct reading r = {.s = s, .side = side, .settled = h->read, .last = h->read};
	enum step all = STEP_MORE;
	bool whole = false;

	for (struct span in = first; h->read != h->nxt; in.n = 0) {
		if (in.n == 0)
			in = stream_unread(st, &p->pool, side, whole, p->line, sizeof(p->line));
		if (in.n == 0)
			return all;
		enum step step =
			smtp_is_opaque(&s->smtp) ? opaque_step(w, &r, in) : smtp_step(w, &r, in);
		if (step == STEP_CUT)
			return STEP_CUT;
		if (step == STEP_ON)
			all = STEP_ON;
		else if (whole || in.n == h->nxt - h->read)
			return all;
		whole = step == STEP_MORE; // it goes on in the next slab
	}
	return all;
}

static bool has_unread(const struct stream *st, enum stream_side side)
{
	return st->half[side].nxt != st->half[side].read;
}

bool eng_read_straight(struct eng_worker *w, struct eng_session *s, const struct stream_seg *seg)
{
	const struct stream_half *h = &s->flow.stream.half[seg->side];
	const struct span none = {0};

	return read_side(w, s, seg->side, h->read == seg->at ? seg->kept : none) != STEP_CUT;
}

bool eng_read(struct eng_worker *w, struct eng_session *s)
{
	static const enum stream_side order[] = {STREAM_SERVER, STREAM_CLIENT};
	struct stream *st = &s->flow.stream;
	bool progress;

	if (!eng_replies_due(w, s)) // that found no room before
		return false;
	do {
		progress = false;
		for (int i = 0; i < STREAM_SIDES; i++) {
			enum step step = has_unread(st, order[i])
				? read_side(w, s, order[i], (struct span){0})
				: STEP_MORE;
			if (step == STEP_CUT)
				return false;
			progress |= step == STEP_ON;
			if (order[i] == STREAM_CLIENT || !s->tarpit)
				stream_release(st, order[i]);
		}
	} while (progress && (has_unread(st, STREAM_SERVER) || has_unread(st, STREAM_CLIENT)));
	return true;
}

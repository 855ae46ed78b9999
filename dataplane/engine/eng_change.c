// SPDX-License-Identifier: BSD-3-Clause
// Commands that must not reach the server, and the replies to them. In the place of such a command
// the server gets a NOOP of the same length, so it owes a reply as before and replies stay in order,
// one for one; whatever it says to that NOOP, but 421, is replaced by ours. The octets of a chunk whose
// BDAT went so are taken out. At most 5 a session: Exim closes at the 11th NOOP, Postfix under stress
// counts junk early.
// A change of length is noted while events are judged and made when all of a call are, from the last
// to the first, because the events speak of places in the bytes as they were.
// Thread: the worker.
#include "eng_session.h"
#include "panic.h"

enum { SUBSTITUTES_MAX = 5 };

// Replies of ours, by enum eng_refusal: SMTP_VERB_OURS + n awaits one.
static const char *const refusals[] = {
	[ENG_REFUSE_UNAVAILABLE] = "502 5.5.1 Command not available\r\n",
	[ENG_REFUSE_TLS] = "502 5.5.1 STARTTLS not available\r\n",
	[ENG_REFUSE_CHUNK] = "502 5.5.1 BDAT not offered\r\n",
	[ENG_REFUSE_CHUNK_FAILED] = "503 5.5.1 A chunk before was refused, RSET first\r\n",
};
_Static_assert(sizeof(refusals) / sizeof(refusals[0]) == ENG_REFUSAL_COUNT, "a reply each");
_Static_assert(SMTP_VERB_OURS + ENG_REFUSAL_COUNT <= SMTP_VERB_OURS_LAST + 1, "a verb each");

static void change_note(struct eng_smtp *p, uint32_t seq, uint32_t n, struct span text)
{
	ASSERT(p->nchanges < ENG_CHANGES_MAX); // one an event, and one behind them
	p->change[p->nchanges++] = (struct eng_change){.seq = seq, .n = n, .text = text};
}

// NOOP, and blanks up to the line's end.
static void line_blank(struct eng_worker *w, struct eng_session *s, uint32_t seq, struct span line)
{
	static const uint8_t noop[] = "NOOP                            ";
	size_t end = line.n, at = 0;

	while (end > 0 && (line.p[end - 1] == '\n' || line.p[end - 1] == '\r'))
		end--;
	while (at < end) {
		size_t from = at == 0 ? 0 : 4, take = sizeof(noop) - 1 - from;
		take = end - at < take ? end - at : take;
		stream_edit(&s->flow.stream, &w->smtp->pool, STREAM_CLIENT, seq + (uint32_t)at,
			noop + from, (uint32_t)take);
		at += take;
	}
}

// One more, if the session may have it. false: it was cut.
static bool substitute_count(struct eng_worker *w, struct eng_session *s)
{
	if (s->substitutes == SUBSTITUTES_MAX) {
		eng_cut(w, s, 421, ENG_TEXT_LIMIT, 0, false, ACT_SUBSTITUTE_LIMIT);
		return false;
	}
	s->substitutes++;
	eng_count(w, ACT_SUBSTITUTED);
	return true;
}

bool eng_refuse_command(struct eng_worker *w, struct eng_session *s, const struct smtp_event *ev,
	uint32_t base, struct span in, enum eng_refusal why)
{
	if (!substitute_count(w, s))
		return false;
	line_blank(w, s, base + ev->off, span_sub(in, ev->off, ev->len));
	smtp_substitute(&s->smtp, ev, (enum smtp_verb)(SMTP_VERB_OURS + why));
	return true;
}

bool eng_refuse_chunk(struct eng_worker *w, struct eng_session *s, const struct smtp_event *ev,
	uint32_t base, struct span in)
{
	enum eng_refusal why =
		ev->why == SMTP_DESYNC_BDAT_FAILED ? ENG_REFUSE_CHUNK_FAILED : ENG_REFUSE_CHUNK;
	struct span line = span_from(in, ev->off);
	size_t n = smtp_refuse_chunk(&s->smtp, line, (enum smtp_verb)(SMTP_VERB_OURS + why));

	if (n == 0 || !substitute_count(w, s))
		return false;
	line_blank(w, s, base + ev->off, span_sub(line, 0, n));
	stream_consume(&s->flow.stream, STREAM_CLIENT, (uint32_t)n);
	return true;
}

void eng_skip(struct eng_worker *w, const struct smtp_event *ev, uint32_t base)
{
	change_note(w->smtp, base + ev->off, ev->len, (struct span){0});
}

void eng_reply_ours(struct eng_worker *w, const struct smtp_event *ev, uint32_t base)
{
	if (ev->code == 421) // the server closes: that is news
		return;
	bool last = ev->kind == SMTP_EV_REPLY;
	struct span text = span_str(refusals[ev->verb - SMTP_VERB_OURS]);

	change_note(w->smtp, base + ev->off, ev->len, last ? text : (struct span){0});
	if (last)
		eng_count(w, ACT_REPLY_REPLACED);
}

bool eng_changes_make(struct eng_worker *w, struct eng_session *s, enum stream_side side)
{
	struct eng_smtp *p = w->smtp;
	struct stream_act act;
	bool any_ack = false, ack;
	int rc = 0;

	while (p->nchanges > 0 && rc == 0) {
		const struct eng_change *c = &p->change[--p->nchanges];
		rc = stream_replace(&s->flow.stream, &p->pool, side, c->seq, c->n, c->text, &ack);
		any_ack |= rc == 0 && ack;
	}
	p->nchanges = 0;
	if (rc != 0) {
		eng_cut(w, s, 421, ENG_TEXT_MEMORY, 0, false, ACT_CHANGE_REFUSED);
		return false;
	}
	if (any_ack) {
		stream_ack(&s->flow.stream, &p->pool, side, &act);
		eng_emit_consume(w, s, &act, NULL);
	}
	return true;
}

// ---- translate: nothing is read any more, but the two ends count differently for ever

bool eng_translate_begin(struct eng_session *s)
{
	struct stream *st = &s->flow.stream;

	if (!st->shifted)
		return false;
	s->flow.lane = ENG_LANE_TRANSLATE;
	return true;
}

void eng_translate_consume(struct eng_worker *w, struct eng_session *s, struct rte_mbuf *m,
	const struct stream_seg *seg)
{
	const struct stream *st = &s->flow.stream;
	struct wire_view *v = &eng_meta_of(m)->view;

	wire_tcp_shift(rte_pktmbuf_mtod(m, uint8_t *), v, st->half[seg->side].delta,
		0 - st->half[!seg->side].delta);
	eng_count(w, ACT_TRANSLATED);
	eng_open_pass_consume(w, s, m, seg);
}

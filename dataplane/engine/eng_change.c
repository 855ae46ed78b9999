// SPDX-License-Identifier: BSD-3-Clause
// Changes of length: noted while events are judged and made when all of a call are, from the last to the
// first, because the events speak of places in the bytes as they were. And the lane of connections that are
// not read any more but count differently for ever.
// Thread: the worker.
#include "eng_session.h"
#include "panic.h"

void eng_change_note(struct eng_smtp *p, uint32_t seq, uint32_t n, struct span text)
{
	ASSERT(p->nchanges < ENG_CHANGES_MAX); // one an event, and one behind them
	p->change[p->nchanges++] = (struct eng_change){.seq = seq, .n = n, .text = text};
}

void eng_skip(struct eng_worker *w, const struct smtp_event *ev, uint32_t base)
{
	eng_change_note(w->smtp, base + ev->off, ev->len, (struct span){0});
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

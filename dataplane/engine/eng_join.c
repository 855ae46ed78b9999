// SPDX-License-Identifier: BSD-3-Clause
// A whole set of fragments becomes segments: verified over the whole, with the headers of the first
// one, and no larger than the fragments were, for the largest of them is a measure of the path behind
// us; nor smaller than what every path takes. Everything behind works on ordinary segments.
// Thread: the owner.
#include "eng_frag.h"
#include "eng_session.h"
#include "wire_field.h"

enum {
	SAFE_V4_BYTES = 576,  // IP packets that every path takes (RFC 791 3.1)
	SAFE_V6_BYTES = 1280, // RFC 8200 5
	ECN_CE = 3,
};

struct joined {                 // a whole segment, in the worker's memory
	struct span frame, tcp; // its first fragment; from the TCP header on
	struct wire_view view;  // of that fragment
	struct wire_frag_first first;
	uint16_t in_port;
	uint16_t packet_max; // bytes of the largest fragment with its IP header
	bool ce;
};

// The parts of a whole set, copied behind one another.
static void join_parts(const struct eng_frags *fr, const struct flow_frag *f, struct joined *j,
	uint8_t *frame, uint8_t *part)
{
	*j = (struct joined){0};
	for (unsigned i = 0; i < f->nheld; i++) {
		const struct flow_frag_held *h = &f->held[i];

		flow_frag_copy(fr->sets, f, i, h->part_off, h->place.len, part + h->place.off);
		j->ce |= h->place.ce;
		j->packet_max = RTE_MAX(j->packet_max, h->l3_len);
		if (h->place.off == 0) {
			flow_frag_copy(fr->sets, f, i, 0, h->bytes, frame);
			j->frame = (struct span){.p = frame, .n = h->bytes};
			j->in_port = h->in_port;
		}
	}
	wire_parse(j->frame, &j->view);
	wire_frag_first(j->frame, &j->view, &j->first);
	j->tcp = span_from((struct span){.p = part, .n = f->set.end},
		(size_t)(j->first.tcp_off - j->view.payload_off));
}

// RFC 3168 5.3: congestion that one fragment has met, the whole has met.
static void mark_ce(uint8_t *ip, uint8_t family)
{
	unsigned shift =
		family == 4 ? 0 : 4; // the second byte ends the TOS, or holds its lower half

	if ((ip[1] >> shift & ECN_CE) != 0)
		ip[1] |= (uint8_t)(ECN_CE << shift);
}

static uint16_t piece_max(const struct joined *j, const struct rte_mbuf *m, size_t head)
{
	size_t safe = j->view.family == 4 ? SAFE_V4_BYTES : SAFE_V6_BYTES;
	size_t packet = RTE_MAX(j->packet_max, safe), l3 = head - j->view.l3_off;
	size_t room = RTE_MIN((size_t)rte_pktmbuf_tailroom(m), (size_t)UINT16_MAX) - head;

	// Even headers as long as a fragment leave a little for payload.
	return (uint16_t)RTE_MIN(packet > l3 + safe / 4 ? packet - l3 : safe / 4, room);
}

// Flags and urgent pointer of a piece at offset `at` of a payload.
static void piece_flags(uint8_t *tcp, struct wire_view *v, uint32_t at, bool last)
{
	uint16_t urgent = wire_get16(tcp + 18);

	if (!last)
		v->tcp_flags &= (uint8_t) ~(TCP_FIN | TCP_PSH);
	if (at > 0)
		v->tcp_flags &= (uint8_t)~TCP_CWR;
	if ((v->tcp_flags & TCP_URG) != 0 && urgent <= at)
		v->tcp_flags &= (uint8_t)~TCP_URG;
	wire_put16(tcp + 18, (v->tcp_flags & TCP_URG) != 0 ? urgent - at : urgent);
	tcp[13] = v->tcp_flags;
}

// Makes piece number `n` of what was put together, with the payload from *at on; moves *at. NULL,
// counted, where there is no buffer, or where more extension headers come together, before and behind
// the Fragment header, than are followed.
static struct rte_mbuf *piece_new(
	struct eng_worker *w, const struct joined *j, unsigned n, uint32_t *at)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(w->eng->conf.pool);
	struct span payload = span_from(j->tcp, (size_t)(j->first.payload_off - j->first.tcp_off));
	struct wire_view *v;
	uint16_t max, len;
	uint8_t *p;
	size_t head;

	if (m == NULL) {
		eng_count(w, DROP_NO_MBUF);
		return NULL;
	}
	p = rte_pktmbuf_mtod(m, uint8_t *);
	head = wire_frag_head(p, rte_pktmbuf_tailroom(m), j->frame, &j->view, &j->first);
	v = &eng_meta_of(m)->view;
	wire_parse((struct span){.p = p, .n = head}, v);
	max = head == 0 ? 0 : piece_max(j, m, head);
	if (v->proto != WIRE_TCP || max == 0) {
		eng_drop(w, m, DROP_FRAG_HEADER);
		return NULL;
	}
	len = (uint16_t)RTE_MIN(payload.n - *at, (size_t)max);
	memcpy(p + head, payload.p + *at, len);
	if (j->ce)
		mark_ce(p + v->l3_off, v->family);
	if (v->family == 4) // none that is cut further shares another's id
		wire_put16(p + v->l3_off + 4, wire_get16(p + v->l3_off + 4) + n);
	v->seq += *at;
	wire_put32(p + v->l4_off + 4, v->seq);
	piece_flags(p + v->l4_off, v, *at, *at + len == payload.n);
	eng_trim_payload(m, v, len);
	m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	*at += len;
	return m;
}

// A whole set is handed on. SYN and RST come with the first piece alone: what a SYN carries never
// leaves, what a reset carries means nothing.
void eng_frag_join(struct eng_worker *w, struct flow_frag *f)
{
	struct eng_frags *fr = w->frags;
	struct joined j;
	uint32_t at = 0;
	bool alone;
	size_t n;

	join_parts(fr, f, &j, fr->frame, fr->part);
	eng_count_n(w, ACT_FRAG_JOINED, f->nheld);
	flow_frag_remove(fr->sets, f);
	if (!wire_frag_csum_ok(j.frame, &j.view, j.tcp)) {
		eng_count(w, DROP_TCP_CHECKSUM);
		return;
	}
	n = j.tcp.n - (size_t)(j.first.payload_off - j.first.tcp_off);
	alone = (j.tcp.p[13] & (TCP_SYN | TCP_RST)) != 0;
	for (unsigned i = 0; i == 0 || (at < n && !alone); i++) {
		struct rte_mbuf *m = piece_new(w, &j, i, &at);

		if (m == NULL)
			return;
		eng_steer_segment_consume(w, j.in_port, m);
	}
}

// SPDX-License-Identifier: BSD-3-Clause
// One set of IP fragments as places: accepted, repeated, overlapping, whole. Overlap is told and
// never resolved: receivers differ in whose bytes win (RFC 5722 forbids it for IPv6, RFC 8900 3.7
// tells why). What is refused and what becomes of it is the engine's.
// Thread: any; no state.
#include "wire_frag.h"

#include "wire_int.h"

enum {
	V6_FRAG_LEN = 8,
	IP_BYTES_MAX = 65535, // IPv4: with its header; IPv6: behind the fixed header
	V4_DF = 0x4000,
	V4_MF = 0x2000,
	ECN_CE = 3,
};

bool wire_frag_is_tcp(const struct wire_view *v)
{
	return v->ip_proto == WIRE_IPPROTO_TCP ||
		(v->family == 6 && wire_is_extension(v->ip_proto));
}

void wire_frag_read(struct span frame, const struct wire_view *v, struct wire_frag *f)
{
	const uint8_t *ip = frame.p + v->l3_off;
	unsigned head = (unsigned)(v->l4_off - v->l3_off);

	*f = (struct wire_frag){.len = v->payload_len};
	if (v->family == 4) {
		unsigned field = wire_get16(ip + 6);

		f->id = wire_get16(ip + 4);
		f->off = (uint16_t)((field & 0x1fff) * 8);
		f->more = (field & V4_MF) != 0;
		f->room = (uint16_t)(IP_BYTES_MAX - head);
		f->ce = (ip[1] & ECN_CE) == ECN_CE;
		return;
	}
	const uint8_t *h = frame.p + v->l4_off - V6_FRAG_LEN;
	f->id = wire_get32(h + 4);
	f->off = wire_get16(h + 2) & 0xfff8;
	f->more = (h[3] & 1) != 0;
	f->room = (uint16_t)(IP_BYTES_MAX - (head - WIRE_IP6_LEN - V6_FRAG_LEN));
	f->ce = (wire_get16(ip) >> 4 & ECN_CE) == ECN_CE;
}

static void tcp_read(struct span part, unsigned off, struct wire_frag_first *f)
{
	enum { PORTS_LEN = 4 };
	const uint8_t *h = part.p + off;
	unsigned len;

	if (part.n - off < PORTS_LEN)
		return;
	f->upper = WIRE_FRAG_TCP;
	f->tcp_off = (uint16_t)off;
	f->sport = wire_get16(h);
	f->dport = wire_get16(h + 2);
	if (part.n - off < WIRE_TCP_LEN)
		return;
	len = (unsigned)(h[12] >> 4) * 4;
	if (len < WIRE_TCP_LEN || len > part.n - off)
		return;
	f->whole = true;
	f->payload_off = (uint16_t)(off + len);
}

void wire_frag_first(struct span frame, const struct wire_view *v, struct wire_frag_first *f)
{
	struct span part = span_sub(frame, 0, (size_t)v->payload_off + v->payload_len);
	uint8_t proto = v->ip_proto;
	unsigned off = v->payload_off;

	*f = (struct wire_frag_first){.upper = WIRE_FRAG_HIDDEN};
	for (unsigned i = 0; v->family == 6 && wire_is_extension(proto); i++) {
		const uint8_t *h = part.p + off;

		// A fragment in a fragment shows nothing, either.
		if (i == WIRE_EXT_MAX || proto == WIRE_IPPROTO_FRAGMENT || part.n - off < 8 ||
			wire_extension_len(proto, h) > part.n - off)
			return;
		off += wire_extension_len(proto, h);
		proto = h[0];
	}
	if (proto == WIRE_IPPROTO_TCP)
		tcp_read(part, off, f);
	else
		f->upper = WIRE_FRAG_OTHER;
}

static enum wire_frag_edge place_check(const struct wire_frag_set *s, const struct wire_frag *f)
{
	unsigned end = (unsigned)f->off + f->len;

	if (f->len == 0 || (f->more && f->len % 8 != 0))
		return WIRE_FRAG_LENGTH;
	if (end > f->room)
		return WIRE_FRAG_LONG;
	if (s->has_end && (end > s->end || !f->more))
		return WIRE_FRAG_LENGTH;
	for (unsigned i = 0; !f->more && i < s->n; i++)
		if ((unsigned)s->part[i].off + s->part[i].len > end)
			return WIRE_FRAG_LENGTH;
	return s->n == WIRE_FRAGS_MAX ? WIRE_FRAG_MANY : WIRE_FRAG_NEW;
}

enum wire_frag_edge wire_frag_add(
	struct wire_frag_set *s, const struct wire_frag *f, unsigned *same)
{
	enum wire_frag_edge edge;

	for (unsigned i = 0; i < s->n; i++) {
		const struct wire_frag_part *p = &s->part[i];

		if (p->off == f->off && p->len == f->len && p->more == f->more) {
			*same = i;
			return WIRE_FRAG_REPEAT;
		}
		if (f->off < (unsigned)p->off + p->len && p->off < (unsigned)f->off + f->len)
			return WIRE_FRAG_OVERLAP;
	}
	edge = place_check(s, f);
	if (edge != WIRE_FRAG_NEW)
		return edge;
	s->part[s->n++] = (struct wire_frag_part){.off = f->off, .len = f->len, .more = f->more};
	s->bytes += f->len;
	if (!f->more) {
		s->has_end = true;
		s->end = (uint16_t)(f->off + f->len);
	}
	return WIRE_FRAG_NEW;
}

bool wire_frag_is_whole(const struct wire_frag_set *s)
{
	return s->has_end && s->bytes == s->end; // nothing overlaps and nothing lies behind the end
}

static size_t head_v4(uint8_t *buf, struct span frame, const struct wire_view *v, size_t n)
{
	uint8_t *ip = buf + v->l3_off;

	memcpy(buf, frame.p, n);
	wire_put16(ip + 2, (unsigned)(n - v->l3_off));
	wire_put16(ip + 6, wire_get16(ip + 6) & V4_DF);
	return n;
}

// Where the number of the Fragment header stands: in the fixed header or in the one before it.
static unsigned next_field_of_fragment(const uint8_t *p, const struct wire_view *v)
{
	unsigned field = v->l3_off + 6u, off = v->l3_off + WIRE_IP6_LEN;

	while (off < v->l4_off - (unsigned)V6_FRAG_LEN) { // wire_parse has been this way
		unsigned len = wire_extension_len(p[field], p + off);

		field = off;
		off += len;
	}
	return field;
}

static size_t head_v6(uint8_t *buf, struct span frame, const struct wire_view *v, size_t n)
{
	unsigned frag = v->l4_off - (unsigned)V6_FRAG_LEN;

	memcpy(buf, frame.p, frag);
	memcpy(buf + frag, frame.p + v->l4_off, n - v->l4_off);
	buf[next_field_of_fragment(frame.p, v)] = frame.p[frag];
	n -= V6_FRAG_LEN;
	wire_put16(buf + v->l3_off + 4, (unsigned)(n - v->l3_off - WIRE_IP6_LEN));
	return n;
}

size_t wire_frag_head(uint8_t *buf, size_t cap, struct span frame, const struct wire_view *v,
	const struct wire_frag_first *f)
{
	size_t n = f->payload_off;

	if (!f->whole || n > cap)
		return 0;
	n = v->family == 4 ? head_v4(buf, frame, v, n) : head_v6(buf, frame, v, n);
	if (v->flags & WIRE_F_PPPOE) // RFC 2516 4: the PPP protocol counts
		wire_put16(buf + v->l3_off - 4, (unsigned)(n - v->l3_off + 2));
	return n;
}

bool wire_frag_csum_ok(struct span frame, const struct wire_view *v, struct span tcp)
{
	// A view whose lengths give the segment's, for the pseudo header.
	struct wire_view whole = {.family = v->family,
		.l3_off = v->l3_off,
		.l4_off = v->l3_off,
		.l3_len = (uint16_t)tcp.n};

	return wire_sum_fold(wire_sum(wire_sum_pseudo(frame.p, &whole), tcp.p, tcp.n)) == 0xffff;
}

// SPDX-License-Identifier: BSD-3-Clause
// IP fragments. Odd first byte: the rest is a frame; what a fragment says of itself stays inside it,
// and the headers that are left of a first one parse as a segment without payload. Even: the rest
// are places, 5 bytes each, taken by a set and by a slow model that paints every byte.
#include "fuzz.h"
#include "wire_frag.h"
#include "wire_tcp.h"

enum { STEPS_MAX = 24 }; // the model is slow

static void head_check(struct span frame, const struct wire_view *v)
{
	struct wire_frag_first first;
	struct wire_view head;
	struct addr a[4];
	uint8_t *buf;
	size_t n;

	wire_frag_first(frame, v, &first);
	if (first.upper == WIRE_FRAG_HIDDEN)
		CHECK(!first.whole);
	if (!first.whole)
		return;
	CHECK(first.upper == WIRE_FRAG_TCP && first.tcp_off >= v->payload_off);
	CHECK(first.payload_off >= first.tcp_off + 20);
	CHECK(first.payload_off <= v->payload_off + v->payload_len);
	buf = malloc(first.payload_off);
	if (buf == NULL)
		abort();
	CHECK(wire_frag_head(buf, first.payload_off - 1u, frame, v, &first) == 0);
	n = wire_frag_head(buf, first.payload_off, frame, v, &first);
	CHECK(n > 0 && n <= first.payload_off);
	wire_parse((struct span){buf, n}, &head);
	// An extension header behind the Fragment header may be the ninth, and is then too deep.
	if (head.proto != WIRE_TCP) {
		CHECK((head.flags & WIRE_F_DEEP) != 0);
	} else {
		CHECK(head.payload_off == n && head.payload_len == 0);
		CHECK(head.sport == first.sport && head.dport == first.dport);
		wire_addrs(frame, v, &a[0], &a[1]);
		wire_addrs((struct span){buf, n}, &head, &a[2], &a[3]);
		CHECK(addr_eq(&a[0], &a[2]) && addr_eq(&a[1], &a[3]));
		wire_ip_csum_set(buf, n, &head);
		wire_tcp_csum_set(buf, n, &head);
		CHECK(wire_frag_csum_ok((struct span){buf, n}, &head,
			span_from((struct span){buf, n}, head.l4_off)));
	}
	free(buf);
}

static void frame_check(struct span in)
{
	struct span frame = {copy_of(in, 0), in.n};
	struct wire_frag place;
	struct wire_view v;

	wire_parse(frame, &v);
	if (v.proto == WIRE_FRAGMENT) {
		wire_frag_read(frame, &v, &place);
		CHECK(place.len == v.payload_len && place.off % 8 == 0);
		CHECK((place.off == 0) == ((v.flags & WIRE_F_FRAG_FIRST) != 0));
		CHECK(place.off != 0 || place.more);
		if (wire_frag_is_tcp(&v))
			head_check(frame, &v);
	}
	free((void *)(uintptr_t)frame.p);
}

struct model {
	uint8_t painted[1 << 17]; // 1 + number of the fragment that has the byte
	unsigned n, end, top;     // nothing is painted from top on
	bool has_end;
};

static const uint8_t NOTHING[1 << 17];

static bool model_takes(const struct model *m, const struct wire_frag *f)
{
	unsigned end = (unsigned)f->off + f->len;

	if (memcmp(m->painted + f->off, NOTHING, f->len) != 0)
		return false;
	if (!f->more && end < m->top && memcmp(m->painted + end, NOTHING, m->top - end) != 0)
		return false;
	return f->len > 0 && end <= f->room && (!f->more || f->len % 8 == 0) &&
		!(m->has_end && (end > m->end || !f->more)) && m->n < WIRE_FRAGS_MAX;
}

static bool model_is_whole(const struct model *m)
{
	return m->has_end && memchr(m->painted, 0, m->end) == NULL;
}

static void set_check(struct span in)
{
	static struct model m;
	struct wire_frag_set set = {.n = 0};

	memset(m.painted, 0, m.top);
	m.n = m.end = m.top = 0;
	m.has_end = false;
	for (unsigned i = 0; i < STEPS_MAX && in.n > 0; i++) {
		uint8_t how = take8(&in);
		uint32_t v = take32(&in);
		struct wire_frag f = {.off = (uint16_t)(v >> 16 & (how & 8 ? 0xfff8 : 0x1f8)),
			.len = (uint16_t)(how & 2 ? v : v & 0x1f8),
			.room = how & 4 ? 65515 : 65535,
			.more = (how & 1) != 0};
		unsigned same = 0;
		bool takes = model_takes(&m, &f);
		enum wire_frag_edge edge = wire_frag_add(&set, &f, &same);

		CHECK((edge == WIRE_FRAG_NEW) == takes);
		if (edge == WIRE_FRAG_REPEAT)
			CHECK(same < set.n && set.part[same].off == f.off &&
				set.part[same].len == f.len);
		if (takes) {
			memset(m.painted + f.off, (int)++m.n, f.len);
			if (m.top < (unsigned)f.off + f.len)
				m.top = (unsigned)f.off + f.len;
			if (!f.more) {
				m.has_end = true;
				m.end = (unsigned)f.off + f.len;
			}
		}
		CHECK(set.n == m.n && wire_frag_is_whole(&set) == model_is_whole(&m));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = {data, size};

	if (take8(&in) & 1)
		frame_check(in);
	else
		set_check(in);
	return 0;
}

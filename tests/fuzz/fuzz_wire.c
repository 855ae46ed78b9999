// SPDX-License-Identifier: BSD-3-Clause
// Any frame: the view stays inside it; a TCP packet can be summed, stripped and answered, and the
// answer parses back; the numbers that an ICMP error quotes can be changed. The input is the frame.
#include "fuzz.h"
#include "wire_icmp.h"
#include "wire_parse.h"
#include "wire_tcp.h"

static void view_check(struct span frame, const struct wire_view *v)
{
	CHECK(v->proto < WIRE_PROTO_COUNT);
	CHECK(v->ntags <= WIRE_TAGS_MAX);
	CHECK(v->family == 0 || v->family == 4 || v->family == 6);
	CHECK((size_t)v->l3_off + v->l3_len <= frame.n);
	CHECK((size_t)v->payload_off + v->payload_len <= frame.n);
	if (v->proto == WIRE_OTHER || v->proto == WIRE_BROKEN)
		return;
	CHECK(v->family != 0 && v->l3_off >= 14 && v->l3_off <= WIRE_L2_MAX);
	CHECK(v->l4_off > v->l3_off && v->payload_off >= v->l4_off);
	CHECK(v->payload_off + v->payload_len <= v->l3_off + v->l3_len);
	if (v->proto == WIRE_TCP)
		CHECK(v->payload_off + v->payload_len == v->l3_off + v->l3_len);
}

static void strip_check(uint8_t *p, size_t n, const struct wire_view *v)
{
	struct wire_tcp_opts o;
	struct wire_view again;

	wire_tcp_csum_set(p, n, v);
	CHECK(wire_tcp_csum_ok((struct span){p, n}, v));
	(void)wire_tcp_options_strip(p, v);
	CHECK(wire_tcp_csum_ok((struct span){p, n}, v));
	CHECK(wire_tcp_options_strip(p, v) == 0);
	wire_tcp_options((struct span){p, n}, v, &o);
	CHECK(!o.malformed && !o.has_other && !o.has_md5);
	CHECK(o.wscale <= 14 && o.nsack <= WIRE_SACK_MAX);
	wire_ip_csum_set(p, n, v);
	wire_parse((struct span){p, n}, &again);
	CHECK(memcmp(&again, v, sizeof(again)) == 0);
}

static void answer_check(struct span frame, const struct wire_view *v)
{
	struct wire_tcp_out out = {
		.seq = v->ack,
		.ack = v->seq,
		.window = v->window,
		.flags = v->tcp_flags,
		.has_ts = (v->seq & 1) != 0,
		.ts_val = v->seq,
		.ts_ecr = v->ack,
		.mss = (uint16_t)(v->ack & 0xfff),
		.payload = span_sub(frame, v->payload_off, v->payload_len),
	};
	struct addr src, dst, src0, dst0;
	struct wire_tcp_opts o;
	struct wire_view again;
	struct wire_tmpl t;
	size_t cap = frame.n + 64, n;
	uint8_t *buf = malloc(cap);

	if (buf == NULL)
		abort();
	wire_tmpl_set(&t, frame, v);
	n = wire_tcp_build(buf, cap, &t, &out);
	if (n == 0) { // only where 16 bits of length don't hold it
		CHECK(frame.n > UINT16_MAX - 64);
		free(buf);
		return;
	}
	wire_parse((struct span){buf, n}, &again);
	CHECK(again.proto == WIRE_TCP && again.family == v->family && again.ntags == v->ntags);
	CHECK(again.sport == v->sport && again.dport == v->dport);
	CHECK(again.seq == out.seq && again.ack == out.ack && again.tcp_flags == out.flags);
	CHECK(span_eq(span_sub((struct span){buf, n}, again.payload_off, again.payload_len),
		out.payload));
	CHECK(wire_tcp_csum_ok((struct span){buf, n}, &again));
	wire_addrs(frame, v, &src0, &dst0);
	wire_addrs((struct span){buf, n}, &again, &src, &dst);
	CHECK(addr_eq(&src, &src0) && addr_eq(&dst, &dst0));
	wire_tcp_options((struct span){buf, n}, &again, &o);
	CHECK(o.has_ts == out.has_ts && o.has_mss == (out.mss != 0) && !o.malformed);
	CHECK(wire_tcp_build(buf, n - 1, &t, &out) == 0);
	free(buf);
}

static void quote_check(struct span frame, const struct wire_view *v)
{
	struct wire_quote q, again;
	uint8_t *p = copy_of(frame, 0);
	struct span copy = {p, frame.n};
	bool right = wire_icmp_csum_ok(copy, v);

	if (wire_icmp_quote(copy, v, &q)) {
		CHECK(q.tcp_off >= v->payload_off && q.tcp_len >= 8);
		CHECK(q.tcp_off + q.tcp_len == v->payload_off + v->payload_len);
		wire_icmp_quote_set(p, v, &q, q.seq + 0x10001, q.ack - 1);
		CHECK(wire_icmp_quote(copy, v, &again));
		CHECK(again.seq == q.seq + 0x10001 && again.ack == (q.has_ack ? q.ack - 1 : 0));
		CHECK(!right || wire_icmp_csum_ok(copy, v));
	}
	free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span frame = {copy_of((struct span){data, size}, 0), size};
	struct wire_tcp_opts o;
	struct wire_view v;
	struct addr src, dst;
	uint8_t *p;

	wire_parse(frame, &v);
	view_check(frame, &v);
	if (v.family != 0)
		wire_addrs(frame, &v, &src, &dst);
	if (v.proto == WIRE_TCP) {
		wire_tcp_options(frame, &v, &o);
		(void)wire_tcp_csum_ok(frame, &v);
		answer_check(frame, &v);
		p = copy_of(frame, 0);
		strip_check(p, size, &v);
		free(p);
	}
	if (v.proto == WIRE_ICMP)
		quote_check(frame, &v);
	free((void *)(uintptr_t)frame.p);
	return 0;
}

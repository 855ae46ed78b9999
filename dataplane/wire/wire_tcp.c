// SPDX-License-Identifier: BSD-3-Clause
// TCP options: read into a struct, and blanked where an inspected flow must not carry them.
// A kind we know with a length that its RFC does not give it is "other": no receiver agrees with
// the next about such an option, so it does not survive the stripping either.
// Thread: any; no state.
#include "wire_tcp.h"

#include "tcp_flags.h"
#include "wire_int.h"

enum { // option kinds (IANA, TCP parameters)
	OPT_END = 0,
	OPT_NOP = 1,
	OPT_MSS = 2,
	OPT_WSCALE = 3,
	OPT_SACK_OK = 4,
	OPT_SACK = 5,
	OPT_TS = 8,
	OPT_MD5 = 19,
	OPT_AO = 29,
};

enum { WSCALE_MAX = 14 }; // RFC 7323 2.3

// Next option at p[*i] in `n` bytes: its length, or 0 at the end; *bad where it doesn't fit.
static unsigned option_next(const uint8_t *p, unsigned n, unsigned i, bool *bad)
{
	if (i >= n || p[i] == OPT_END)
		return 0;
	if (p[i] == OPT_NOP)
		return 1;
	if (n - i < 2 || p[i + 1] < 2 || p[i + 1] > n - i) {
		*bad = true;
		return 0;
	}
	return p[i + 1];
}

static bool is_sack_len(unsigned len)
{
	return len > 2 && (len - 2) % 8 == 0 && (len - 2) / 8 <= WIRE_SACK_MAX;
}

// Known to us and of the length its RFC says; these survive the stripping.
static bool is_kept(uint8_t kind, unsigned len)
{
	switch (kind) {
	case OPT_NOP:
		return true;
	case OPT_MSS:
		return len == 4;
	case OPT_WSCALE:
		return len == 3;
	case OPT_SACK_OK:
		return len == 2;
	case OPT_SACK:
		return is_sack_len(len);
	case OPT_TS:
		return len == 10;
	default:
		return false;
	}
}

static void option_read(const uint8_t *p, unsigned len, struct wire_tcp_opts *o)
{
	if (p[0] == OPT_MD5 || p[0] == OPT_AO) {
		o->has_md5 = true;
		return;
	}
	if (!is_kept(p[0], len)) {
		o->has_other = true;
		return;
	}
	switch (p[0]) {
	case OPT_MSS:
		o->has_mss = true;
		o->mss = wire_get16(p + 2);
		break;
	case OPT_WSCALE:
		o->has_wscale = true;
		o->wscale = p[2] > WSCALE_MAX ? WSCALE_MAX : p[2];
		break;
	case OPT_SACK_OK:
		o->sack_ok = true;
		break;
	case OPT_SACK:
		o->nsack = (uint8_t)((len - 2) / 8);
		for (unsigned k = 0; k < o->nsack; k++) {
			o->sack[k].left = wire_get32(p + 2 + 8 * k);
			o->sack[k].right = wire_get32(p + 6 + 8 * k);
		}
		break;
	case OPT_TS:
		o->has_ts = true;
		o->ts_val = wire_get32(p + 2);
		o->ts_ecr = wire_get32(p + 6);
		break;
	default: // NOP
		break;
	}
}

void wire_tcp_options(struct span frame, const struct wire_view *v, struct wire_tcp_opts *o)
{
	const uint8_t *p = frame.p + v->l4_off + WIRE_TCP_LEN;
	unsigned n = (unsigned)v->payload_off - v->l4_off - WIRE_TCP_LEN, i = 0, len;

	*o = (struct wire_tcp_opts){0};
	while ((len = option_next(p, n, i, &o->malformed)) != 0) {
		option_read(p + i, len, o);
		i += len;
	}
}

bool wire_tcp_timestamps(struct span frame, const struct wire_view *v, uint32_t *val, uint32_t *ecr)
{
	static const uint8_t usual[4] = {OPT_NOP, OPT_NOP, OPT_TS, 10};
	const uint8_t *p = frame.p + v->l4_off + WIRE_TCP_LEN;

	// Nearly all segments of a connection that has them carry nothing else.
	if (v->payload_off - v->l4_off == WIRE_TCP_LEN + 12 &&
		memcmp(p, usual, sizeof(usual)) == 0) {
		*val = wire_get32(p + 4);
		*ecr = wire_get32(p + 8);
		return true;
	}
	struct wire_tcp_opts opts;
	wire_tcp_options(frame, v, &opts);
	*val = opts.ts_val;
	*ecr = opts.ts_ecr;
	return opts.has_ts;
}

void wire_tcp_sack_set(uint8_t *frame, const struct wire_view *v, const struct wire_tcp_opts *o)
{
	uint8_t *p = frame + v->l4_off + WIRE_TCP_LEN;
	unsigned n = (unsigned)v->payload_off - v->l4_off - WIRE_TCP_LEN, i = 0, len;
	unsigned blocks = o->nsack;
	bool bad = false;

	for (; (len = option_next(p, n, i, &bad)) != 0; i += len) {
		if (p[i] != OPT_SACK || !is_sack_len(len))
			continue;
		if (blocks > (len - 2) / 8)
			blocks = (len - 2) / 8;
		unsigned kept = blocks == 0 ? 0 : 2 + 8 * blocks;
		memset(p + i + kept, OPT_NOP, len - kept);
		if (kept > 0)
			p[i + 1] = (uint8_t)kept;
		for (unsigned k = 0; k < blocks; k++) {
			wire_put32(p + i + 2 + 8 * k, o->sack[k].left);
			wire_put32(p + i + 6 + 8 * k, o->sack[k].right);
		}
		blocks = 0; // a second SACK option is nobody's: blanked
	}
}

static void sack_shift(uint8_t *p, unsigned n, uint32_t dack)
{
	unsigned i = 0, len;
	bool bad = false;

	for (; (len = option_next(p, n, i, &bad)) != 0; i += len) {
		for (unsigned k = 2; p[i] == OPT_SACK && is_sack_len(len) && k < len; k += 4)
			wire_put32(p + i + k, wire_get32(p + i + k) + dack);
	}
}

void wire_tcp_shift(uint8_t *frame, const struct wire_view *v, uint32_t dseq, uint32_t dack)
{
	uint8_t *tcp = frame + v->l4_off;
	const unsigned n = (unsigned)v->payload_off - v->l4_off;
	uint16_t before = wire_sum_fold(wire_sum(0, tcp, n)), csum;

	wire_put32(tcp + 4, v->seq + dseq);
	if (v->tcp_flags & TCP_ACK)
		wire_put32(tcp + 8, v->ack + dack);
	sack_shift(tcp + WIRE_TCP_LEN, n - WIRE_TCP_LEN, dack);
	memcpy(&csum, tcp + WIRE_TCP_CSUM, sizeof(csum));
	csum = wire_csum_update16(csum, before, wire_sum_fold(wire_sum(0, tcp, n)));
	memcpy(tcp + WIRE_TCP_CSUM, &csum, sizeof(csum));
}

unsigned wire_tcp_options_strip(uint8_t *frame, const struct wire_view *v)
{
	uint8_t *p = frame + v->l4_off + WIRE_TCP_LEN;
	uint8_t *field = frame + v->l4_off + WIRE_TCP_CSUM;
	unsigned n = (unsigned)v->payload_off - v->l4_off - WIRE_TCP_LEN, i = 0, len, blanked = 0;
	uint16_t before = wire_sum_fold(wire_sum(0, p, n)), csum;
	bool bad = false;

	while ((len = option_next(p, n, i, &bad)) != 0) {
		if (!is_kept(p[i], len)) {
			memset(p + i, OPT_NOP, len);
			blanked += len;
		}
		i += len;
	}
	if (bad) { // from here on receivers read what they like: let them all read nothing
		memset(p + i, OPT_NOP, n - i);
		blanked += n - i;
	}
	if (blanked == 0)
		return 0;
	memcpy(&csum, field, sizeof(csum));
	csum = wire_csum_update16(csum, before, wire_sum_fold(wire_sum(0, p, n)));
	memcpy(field, &csum, sizeof(csum));
	return blanked;
}

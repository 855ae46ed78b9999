// SPDX-License-Identifier: BSD-3-Clause
// Lengths are proved once, by rad_packet_read; what walks afterwards relies on it.
// Thread: any.
#include "rad_packet.h"

#include <string.h>

enum { ATTR_HEAD = 2, VENDOR_ID = 4 };

static uint16_t get_16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get_32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

// Are these octets attributes, one behind the other?
static bool is_whole(struct span attrs)
{
	while (attrs.n > 0) {
		if (attrs.n < ATTR_HEAD || attrs.p[1] < ATTR_HEAD || attrs.p[1] > attrs.n)
			return false;
		attrs = span_from(attrs, attrs.p[1]);
	}
	return true;
}

enum rad_bad rad_packet_read(struct span datagram, struct rad_packet *out)
{
	if (datagram.n < RAD_HEAD)
		return RAD_SHORT;
	size_t n = get_16(datagram.p + 2);
	if (n < RAD_HEAD || n > RAD_PACKET_MAX)
		return RAD_LONG;
	if (n > datagram.n)
		return RAD_SHORT;
	const struct span attrs = span_sub(datagram, RAD_HEAD, n - RAD_HEAD);
	if (!is_whole(attrs))
		return RAD_ATTRIBUTE;
	*out = (struct rad_packet){
		.code = datagram.p[0],
		.id = datagram.p[1],
		.whole = span_sub(datagram, 0, n),
		.attrs = attrs,
	};
	return RAD_GOOD;
}

struct span rad_packet_auth(const struct rad_packet *p)
{
	return span_sub(p->whole, RAD_HEAD - RAD_AUTH, RAD_AUTH);
}

void rad_walk_begin(struct rad_walk *w, const struct rad_packet *p)
{
	*w = (struct rad_walk){.rest = p->attrs};
}

static void attr_take(struct span *from, struct rad_attr *out)
{
	*out = (struct rad_attr){
		.type = from->p[0],
		.value = span_sub(*from, ATTR_HEAD, from->p[1] - (size_t)ATTR_HEAD),
	};
	*from = span_from(*from, from->p[1]);
}

bool rad_walk_next(struct rad_walk *w, struct rad_attr *out)
{
	if (w->inner.n == 0) {
		if (w->rest.n == 0)
			return false;
		attr_take(&w->rest, out);
		if (out->type != RAD_VENDOR_SPECIFIC || out->value.n < VENDOR_ID)
			return true;
		out->vendor = w->vendor = get_32(out->value.p);
		out->value = span_from(out->value, VENDOR_ID);
		out->type = 0;
		if (out->value.n == 0 || !is_whole(out->value))
			return true;
		w->inner = out->value;
	}
	attr_take(&w->inner, out);
	out->vendor = w->vendor;
	return true;
}

struct span rad_packet_find(const struct rad_packet *p, uint8_t type)
{
	struct span rest = p->attrs;
	struct rad_attr a;

	while (rest.n > 0) {
		attr_take(&rest, &a);
		if (a.type == type)
			return a.value;
	}
	return (struct span){0};
}

bool rad_number(struct span value, uint32_t *out)
{
	if (value.n != sizeof(*out))
		return false;
	*out = get_32(value.p);
	return true;
}

// All of a request's Proxy-States fit: they did in the request, which had a status as well; a
// Message-Authenticator of 18 octets may be one too much.
static size_t put(uint8_t *buf, size_t at, uint8_t type, struct span value)
{
	if (at + ATTR_HEAD + value.n > RAD_PACKET_MAX)
		return at;
	buf[at] = type;
	buf[at + 1] = (uint8_t)(ATTR_HEAD + value.n);
	if (value.n > 0)
		memcpy(buf + at + ATTR_HEAD, value.p, value.n);
	return at + ATTR_HEAD + value.n;
}

size_t rad_answer(const struct rad_packet *p, uint8_t code, bool sealed, uint8_t *buf)
{
	static const uint8_t zeros[RAD_AUTH];
	struct span rest = p->attrs;
	size_t at = RAD_HEAD;
	struct rad_attr a;

	buf[0] = code;
	buf[1] = p->id;
	memcpy(buf + RAD_HEAD - RAD_AUTH, rad_packet_auth(p).p, RAD_AUTH);
	if (sealed)
		at = put(buf, at, RAD_MESSAGE_AUTHENTICATOR, (struct span){zeros, sizeof(zeros)});
	while (rest.n > 0) {
		attr_take(&rest, &a);
		if (a.type == RAD_PROXY_STATE)
			at = put(buf, at, a.type, a.value);
	}
	buf[2] = (uint8_t)(at >> 8);
	buf[3] = (uint8_t)at;
	return at;
}

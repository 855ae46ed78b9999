// SPDX-License-Identifier: BSD-3-Clause
// One walk over the attributes finds all of them; the first of a kind counts, as RFC 2866 5.13 has at most
// one of each here, but for prefixes.
// Thread: any.
#include "rad_account.h"

#include <string.h>

#include "hash.h"

enum {
	ACCT_DELAY_TIME = 41,
	EVENT_TIMESTAMP = 55,
	NAS_IP_ADDRESS = 4,
	NAS_IDENTIFIER = 32,
	NAS_IPV6_ADDRESS = 95
};
enum { V4 = 4, V6 = 16, PREFIX_HEAD = 2, V4_BITS_BEFORE = 96 };

enum { YEAR_2020 = 1577836800 }; // a clock that is behind it was never set

struct found { // in a packet
	struct span status, session, delay, event;
	struct span nas[3]; // what a NAS calls itself
	struct span id, address[RAD_ADDRESSES_MAX], port_first, port_last;
};

static bool is_ref(const struct rad_ref *ref, const struct rad_attr *a)
{
	return ref->type != 0 && ref->type == a->type && ref->vendor == a->vendor;
}

static void first(struct span *place, const struct rad_attr *a)
{
	if (place->p == NULL)
		*place = a->value;
}

static void standard_find(struct found *f, const struct rad_attr *a)
{
	switch (a->type) {
	case RAD_ACCT_STATUS_TYPE:
		first(&f->status, a);
		break;
	case RAD_ACCT_SESSION_ID:
		first(&f->session, a);
		break;
	case ACCT_DELAY_TIME:
		first(&f->delay, a);
		break;
	case EVENT_TIMESTAMP:
		first(&f->event, a);
		break;
	case NAS_IP_ADDRESS:
		first(&f->nas[0], a);
		break;
	case NAS_IDENTIFIER:
		first(&f->nas[1], a);
		break;
	case NAS_IPV6_ADDRESS:
		first(&f->nas[2], a);
		break;
	default:
		break;
	}
}

static void find(const struct rad_packet *p, const struct rad_form *form, struct found *f)
{
	struct rad_walk w;
	struct rad_attr a;

	for (rad_walk_begin(&w, p); rad_walk_next(&w, &a);) {
		if (a.vendor == 0)
			standard_find(f, &a);
		if (is_ref(&form->id, &a))
			first(&f->id, &a);
		for (size_t i = 0; i < RAD_ADDRESSES_MAX; i++)
			if (is_ref(&form->address[i], &a))
				first(&f->address[i], &a);
		if (is_ref(&form->port_first, &a))
			first(&f->port_first, &a);
		if (is_ref(&form->port_last, &a))
			first(&f->port_last, &a);
	}
}

// Length and octets of each, so that no two lists hash the same text.
static uint64_t hash_of(const uint8_t key[16], uint64_t begin, const struct span *parts, size_t n)
{
	uint8_t buf[sizeof(begin) + 3 * (1 + RAD_VALUE_MAX)];
	size_t at = sizeof(begin);

	memcpy(buf, &begin, sizeof(begin));
	for (size_t i = 0; i < n; i++) {
		buf[at++] = (uint8_t)parts[i].n;
		if (parts[i].n > 0)
			memcpy(buf + at, parts[i].p, parts[i].n);
		at += parts[i].n;
	}
	return hash_siphash(key, buf, at);
}

static bool is_text(struct span id)
{
	for (size_t i = 0; i < id.n; i++)
		if (id.p[i] < 0x20 || id.p[i] == 0x7f)
			return false;
	return true;
}

static bool v4_take(struct span value, bool reversed, struct prefix *out)
{
	uint8_t b[V4];

	if (value.n != V4)
		return false;
	for (size_t i = 0; i < V4; i++)
		b[i] = value.p[reversed ? V4 - 1 - i : i];
	// "This" network, loopback, multicast and beyond: of these are also the two that say that the NAS or
	// the user is to choose (RFC 2865 5.8).
	if (b[0] == 0 || b[0] == 127 || b[0] >= 224)
		return false;
	*out = (struct prefix){.addr = addr_from_v4(b), .len = 128};
	return true;
}

static bool is_usable(const struct prefix *p)
{
	// What a registry gives to a whole carrier is no subscriber's; nor are the forms of other addresses
	// (RFC 4291 2.5), which lie in the first 64 bits of zeros.
	enum { SHORTEST = 32, FORMS = 8 };
	static const struct addr none;

	return p->len >= SHORTEST && memcmp(&p->addr, &none, FORMS) != 0 && p->addr.b[0] != 0xff &&
		(p->addr.b[0] != 0xfe || (p->addr.b[1] & 0xc0) != 0x80);
}

static bool v6_take(struct span value, struct prefix *out)
{
	if (value.n != V6)
		return false;
	*out = (struct prefix){.addr = addr_from_v6(value.p), .len = 128};
	return is_usable(out);
}

// RFC 3162 2.3: a reserved octet, the length, as many octets as that needs or more. Bits beyond the length are
// to be zero; where they are not the prefix is meant all the same.
static bool prefix_take(struct span value, struct prefix *out)
{
	if (value.n < PREFIX_HEAD || value.n > PREFIX_HEAD + V6 || value.p[1] > 128)
		return false;
	const size_t bits = value.p[1], whole = bits / 8, given = value.n - PREFIX_HEAD;
	if (given < (bits + 7) / 8)
		return false;
	*out = (struct prefix){.len = (uint8_t)bits};
	memcpy(out->addr.b, value.p + PREFIX_HEAD, whole);
	if (bits % 8 != 0)
		out->addr.b[whole] =
			value.p[PREFIX_HEAD + whole] & (uint8_t)(0xff << (8 - bits % 8));
	return is_usable(out);
}

static bool address_take(
	const struct rad_ref *ref, struct span value, bool reversed, struct prefix *out)
{
	switch ((enum rad_kind)ref->kind) {
	case RAD_KIND_ADDR_V4:
		return v4_take(value, reversed, out);
	case RAD_KIND_ADDR_V6:
		return v6_take(value, out);
	case RAD_KIND_PREFIX:
		return prefix_take(value, out);
	case RAD_KIND_TEXT:
	case RAD_KIND_NUMBER:
		break;
	}
	return false;
}

static enum rad_lack addresses_take(
	const struct found *f, const struct rad_form *form, struct rad_account *out)
{
	for (size_t i = 0; i < RAD_ADDRESSES_MAX; i++) {
		if (f->address[i].p == NULL)
			continue;
		if (!address_take(&form->address[i], f->address[i], form->host_order,
			    &out->address[out->naddress]))
			return RAD_ABSURD;
		out->naddress++;
	}
	return out->naddress > 0 ? RAD_TAKEN : RAD_NO_ADDRESS;
}

static bool ports_take(const struct found *f, struct rad_account *out)
{
	uint32_t from = 0, to = UINT16_MAX;

	if ((f->port_first.p != NULL && !rad_number(f->port_first, &from)) ||
		(f->port_last.p != NULL && !rad_number(f->port_last, &to)))
		return false;
	if (from > to || to > UINT16_MAX)
		return false;
	out->port_first = (uint16_t)from;
	out->port_last = (uint16_t)to;
	return true;
}

static enum rad_lack session_read(const struct found *f, const struct rad_form *form,
	const uint8_t key[16], struct rad_account *out)
{
	if (f->session.n == 0)
		return RAD_NO_SESSION;
	if (f->id.n == 0 && out->status != RAD_STOP) // whose end it is its Start said
		return RAD_NO_ID;
	if (!is_text(f->id) || !ports_take(f, out))
		return RAD_ABSURD;
	out->session = hash_of(key, out->nas, &f->session, 1);
	out->id = f->id;
	return addresses_take(f, form, out);
}

enum rad_lack rad_account_read(const struct rad_packet *p, const struct rad_form *form,
	const uint8_t key[16], uint64_t client, struct rad_account *out)
{
	struct rad_account a = {.port_last = UINT16_MAX};
	struct found f = {0};
	enum rad_lack lack = RAD_TAKEN;

	find(p, form, &f);
	if (f.status.p == NULL || !rad_number(f.status, &a.status))
		return RAD_NO_STATUS;
	if (f.delay.p != NULL && !rad_number(f.delay, &a.delay_s))
		return RAD_ABSURD;
	if (f.event.p == NULL || !rad_number(f.event, &a.event_s) || a.event_s < YEAR_2020)
		a.event_s = 0;
	a.nas = hash_of(key, client, f.nas, sizeof(f.nas) / sizeof(f.nas[0]));
	switch (a.status) {
	case RAD_START:
	case RAD_STOP:
	case RAD_INTERIM:
		lack = session_read(&f, form, key, &a);
		break;
	case RAD_ON:
	case RAD_OFF:
		break;
	default:
		return RAD_IGNORED;
	}
	if (lack == RAD_TAKEN)
		*out = a;
	return lack;
}

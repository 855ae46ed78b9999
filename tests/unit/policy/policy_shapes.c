// SPDX-License-Identifier: BSD-3-Clause
// Lists of policies and connections for them. Thread: any.
#include "policy_shapes.h"

#include <string.h>

static uint32_t draw(uint64_t *state, uint32_t below)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*state >> 33) % below;
}

static struct prefix v4(uint32_t a, unsigned len)
{
	struct prefix p = {.len = (uint8_t)(96 + len)};
	uint32_t net = len == 0 ? 0 : a & UINT32_MAX << (32 - len);
	const uint8_t b[4] = {
		(uint8_t)(net >> 24), (uint8_t)(net >> 16), (uint8_t)(net >> 8), (uint8_t)net};

	p.addr = addr_from_v4(b);
	return p;
}

// 2001:db8:: with 32 bits behind the first `at` bytes.
static struct prefix v6(uint32_t a, unsigned at, unsigned len)
{
	struct prefix p = {.addr.b = {0x20, 0x01, 0x0d, 0xb8}, .len = (uint8_t)len};

	for (unsigned i = 0; i < 4; i++)
		p.addr.b[at + i] = (uint8_t)(a >> (24 - 8 * i));
	for (unsigned bit = len; bit < 128; bit++)
		p.addr.b[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
	return p;
}

static struct pol_policy carrier_policy(uint32_t i, uint32_t n, uint64_t *seed)
{
	struct pol_policy p = any_policy();

	if (i + 1 == n)
		return p;
	p.source = i % 8 == 0 ? v6(i * 2654435761u, 4, 48) : v4(0x0a000000 | i << 8, 24);
	if (i % 10 == 0)
		p.destination = v4(0xc0000200 | draw(seed, 256), 32);
	if (i % 3 == 0)
		p.port_lo = p.port_hi = 25;
	if (i % 7 == 0)
		p.vlan_lo = p.vlan_hi = (uint16_t)(100 + i % 64);
	if (i % 2 == 0)
		p.ingress = 1;
	p.context = i % 16 == 0 ? (uint16_t)draw(seed, 4) : POL_ANY;
	p.enabled = i % 50 != 3;
	return p;
}

static struct pol_policy tangle_policy(uint64_t *seed)
{
	struct pol_policy p = any_policy();
	uint32_t bits = draw(seed, 3) * 8 + draw(seed, 9);

	p.source = draw(seed, 4) == 0 ? (struct prefix){0} : v4(draw(seed, 1 << 30), bits);
	p.destination = draw(seed, 4) == 0
		? v6(draw(seed, 1 << 30), draw(seed, 13), draw(seed, 129))
		: v4(draw(seed, 1 << 12) << 20, draw(seed, 13));
	if (p.destination.len < 32) // host bits: 2001:db8 is longer
		p.destination = (struct prefix){0};
	p.enabled = draw(seed, 8) != 0;
	p.context = draw(seed, 2) == 0 ? POL_ANY : (uint16_t)draw(seed, 4);
	p.ingress = draw(seed, 2) == 0 ? 0 : draw(seed, 1 << 30);
	if (draw(seed, 2) == 0) {
		p.vlan_lo = (uint16_t)draw(seed, POL_VID_MAX + 1);
		p.vlan_hi =
			(uint16_t)(p.vlan_lo + draw(seed, (uint32_t)POL_VID_MAX + 1 - p.vlan_lo));
	}
	p.port_lo = (uint16_t)draw(seed, 65536);
	p.port_hi = (uint16_t)(p.port_lo + draw(seed, 65536u - p.port_lo));
	return p;
}

struct pol_policy shape_policy(enum shape s, uint32_t i, uint32_t n, uint64_t *seed)
{
	struct pol_policy p = any_policy();

	switch (s) {
	case SHAPE_CLIENTS:
		p.source = v4(0x0a000000 + i * 2654435761u % 0xffffff, 32);
		break;
	case SHAPE_CLIENTS6:
		p.source = v6(i * 2654435761u, 4, 64);
		break;
	case SHAPE_HOSTS6:
		p.source = v6(i * 2654435761u, 12, 128);
		break;
	case SHAPE_CARRIER:
		return carrier_policy(i, n, seed);
	case SHAPE_NESTED:
		p.source = v6(0xffffffff, 4, 128 - i % 129 >= 32 ? 128 - i % 129 : 32);
		p.destination = i < n / 2 ? v4(i, 32) : (struct prefix){0};
		break;
	case SHAPE_GRID:
		p.source = v4(0x0a000000 | i % 100 << 8, 24);
		p.destination = v4(0xc6000000 | i / 100 << 8, 24);
		break;
	case SHAPE_STAIRS:
		p.port_lo = (uint16_t)(i % 7);
		p.port_hi = (uint16_t)(20000 + i);
		p.source = v4(0x0a000000 | i << 4, 28);
		p.vlan_lo = 0;
		p.vlan_hi = (uint16_t)(i % (POL_VID_MAX + 1));
		break;
	case SHAPE_WEAVE:
		if (i % 2 == 0)
			p.destination = v4(0xc6000000 | i, 32);
		else
			p.source = v4(0x0a000000 | i, 32);
		break;
	default:
		return tangle_policy(seed);
	}
	return p;
}

// One more or one less, as a number of 128 bits.
static void addr_step(struct addr *a, bool up)
{
	for (unsigned i = 16; i-- > 0;) {
		a->b[i] = (uint8_t)(a->b[i] + (up ? 1 : -1));
		if (a->b[i] != (up ? 0 : 0xff))
			return;
	}
}

static struct addr addr_in(const struct prefix *p, uint64_t *seed)
{
	struct addr a = p->addr;
	uint32_t kind = draw(seed, 8);

	if (p->len == 0 && kind < 6) // mostly an address that may be somebody's
		return v4(0x0a000000 | draw(seed, 1 << 24), 32).addr;
	for (unsigned bit = p->len; bit < 128 && kind != 0; bit++) {
		if (kind == 1 || draw(seed, 2) != 0)
			a.b[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	}
	if (kind == 0 && draw(seed, 4) == 0)
		addr_step(&a, false);
	if (kind == 1 && draw(seed, 4) == 0)
		addr_step(&a, true);
	return a;
}

static uint16_t in_range(uint16_t lo, uint16_t hi, uint64_t *seed)
{
	switch (draw(seed, 8)) {
	case 0:
		return lo;
	case 1:
		return hi;
	case 2:
		return (uint16_t)(lo - (lo > 0));
	case 3:
		return (uint16_t)(hi + (hi < UINT16_MAX));
	default:
		return (uint16_t)(lo + draw(seed, (uint32_t)hi - lo + 1));
	}
}

struct pol_key shape_key(const struct pol_policy *p, uint64_t *seed)
{
	struct pol_key k = {.source = addr_in(&p->source, seed),
		.destination = addr_in(&p->destination, seed),
		.context = p->context == POL_ANY ? (uint16_t)draw(seed, 5) : p->context,
		.ingress = (uint16_t)draw(seed, POL_PORTS_MAX + 2),
		.port = in_range(p->port_lo, p->port_hi, seed)};

	if (k.context == 4)
		k.context = POL_ANY;
	if (p->ingress != 0 && draw(seed, 4) != 0)
		k.ingress = (uint16_t)__builtin_ctz(p->ingress);
	k.vlan = p->vlan_lo == POL_ANY ? (uint16_t)draw(seed, POL_VID_MAX + 1)
				       : in_range(p->vlan_lo, p->vlan_hi, seed);
	if (k.vlan > POL_VID_MAX)
		k.vlan = POL_VID_MAX;
	return k;
}

const char *shape_name(enum shape s)
{
	static const char *const names[] = {
		[SHAPE_CLIENTS] = "clients",
		[SHAPE_CLIENTS6] = "clients6",
		[SHAPE_HOSTS6] = "hosts6",
		[SHAPE_CARRIER] = "carrier",
		[SHAPE_NESTED] = "nested",
		[SHAPE_GRID] = "grid",
		[SHAPE_STAIRS] = "stairs",
		[SHAPE_WEAVE] = "weave",
		[SHAPE_TANGLE] = "tangle",
	};
	_Static_assert(sizeof(names) / sizeof(names[0]) == SHAPE_COUNT, "a name each");

	return names[s];
}

// SPDX-License-Identifier: BSD-3-Clause
// Addresses and prefixes: text to bytes and back, and the mask arithmetic.
// inet_pton(3) is the judge of what an address is (no shorthand such as "10.1", no leading
// zeros), inet_ntop(3) of the canonical text (RFC 5952).
// Thread: any; no state.
#include "addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

static const uint8_t V4_LEAD[12] = {[10] = 0xff, [11] = 0xff};

enum { V4_LEAD_BITS = 8 * sizeof(V4_LEAD), ALL_BITS = 128 };

bool addr_is_v4(const struct addr *a)
{
	return memcmp(a->b, V4_LEAD, sizeof(V4_LEAD)) == 0;
}

bool addr_is_link_local(const struct addr *a)
{
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

bool addr_eq(const struct addr *a, const struct addr *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

int addr_parse(const char *text, struct addr *out)
{
	uint8_t v4[4], v6[16];

	if (inet_pton(AF_INET, text, v4) == 1) {
		*out = addr_from_v4(v4);
		return 0;
	}
	if (inet_pton(AF_INET6, text, v6) == 1) {
		*out = addr_from_v6(v6);
		return 0;
	}
	return -EINVAL;
}

char *addr_format(const struct addr *a, char *buf, size_t cap)
{
	char text[ADDR_TEXT_MAX];

	if (addr_is_v4(a))
		(void)inet_ntop(AF_INET, a->b + sizeof(V4_LEAD), text, sizeof(text));
	else // the buffer holds the longest text there is: it cannot fail
		(void)inet_ntop(AF_INET6, a->b, text, sizeof(text));
	(void)text_copy(buf, cap, text); // cut where the caller chose so
	return buf;
}

static bool has_host_bits(const struct prefix *p)
{
	unsigned byte = p->len / 8;

	if (byte < sizeof(p->addr.b) && (p->addr.b[byte] & (0xff >> (p->len % 8))) != 0)
		return true;
	for (byte++; byte < sizeof(p->addr.b); byte++) {
		if (p->addr.b[byte] != 0)
			return true;
	}
	return false;
}

// One to three digits without sign, blanks or leading zeros; -EINVAL, or -ERANGE over `max`.
static int length_parse(const char *text, unsigned max, unsigned *out)
{
	unsigned n = 0;
	size_t i;

	for (i = 0; text[i] >= '0' && text[i] <= '9'; i++) {
		n = n * 10 + (unsigned)(text[i] - '0');
		if (n > max)
			return -ERANGE;
	}
	if (i == 0 || text[i] != '\0' || (i > 1 && text[0] == '0'))
		return -EINVAL;
	*out = n;
	return 0;
}

int prefix_parse(const char *text, struct prefix *out)
{
	char host[ADDR_TEXT_MAX];
	struct prefix p = {0};
	const char *slash;
	unsigned len, lead;
	int rc;

	if (strcmp(text, "any") == 0) {
		*out = p;
		return 0;
	}
	slash = strchr(text, '/');
	len = (unsigned)(slash == NULL ? strlen(text) : (size_t)(slash - text));
	if (len >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, len);
	host[len] = '\0';
	rc = addr_parse(host, &p.addr);
	if (rc != 0)
		return rc;
	p.len = ALL_BITS;
	if (slash != NULL) {
		// A dotted text counts its own 32 bits, whatever the inner form is.
		lead = strchr(host, ':') == NULL ? V4_LEAD_BITS : 0;
		rc = length_parse(slash + 1, ALL_BITS - lead, &len);
		if (rc != 0)
			return rc;
		p.len = (uint8_t)(lead + len);
	}
	if (has_host_bits(&p))
		return -EDOM;
	*out = p;
	return 0;
}

char *prefix_format(const struct prefix *p, char *buf, size_t cap)
{
	char host[ADDR_TEXT_MAX];
	unsigned lead = p->len >= V4_LEAD_BITS && addr_is_v4(&p->addr) ? V4_LEAD_BITS : 0;

	if (cap == 0)
		return buf;
	if (p->len == 0)
		(void)text_copy(buf, cap, "any");
	else // cut to `cap` by contract
		(void)snprintf(buf, cap, "%s/%u", addr_format(&p->addr, host, sizeof(host)),
			p->len - lead);
	return buf;
}

bool prefix_has(const struct prefix *p, const struct addr *a)
{
	unsigned whole = p->len / 8, rest = p->len % 8;
	uint8_t mask = (uint8_t) ~(0xff >> rest);

	if (memcmp(p->addr.b, a->b, whole) != 0)
		return false;
	return rest == 0 || ((p->addr.b[whole] ^ a->b[whole]) & mask) == 0;
}

bool addr_is_edge(const struct addr *a, uint8_t len)
{
	bool zeros = true, ones = true;

	for (unsigned bit = len; bit < 128; bit++) {
		bool set = (a->b[bit / 8] >> (7 - bit % 8) & 1) != 0;

		zeros = zeros && !set;
		ones = ones && set;
	}
	return zeros || (ones && addr_is_v4(a));
}

bool addr_is_nobodys(const struct addr *a)
{
	static const uint8_t none[15];

	if (addr_is_v4(a))
		return a->b[12] == 0 || a->b[12] == 127;
	return memcmp(a->b, none, sizeof(none)) == 0 && a->b[15] <= 1;
}

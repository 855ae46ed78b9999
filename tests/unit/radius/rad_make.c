// SPDX-License-Identifier: BSD-3-Clause
#include "rad_make.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>

#include <cmocka.h>

void made_begin(struct made *m, uint8_t code, uint8_t id)
{
	*m = (struct made){.n = RAD_HEAD, .b = {code, id, 0, RAD_HEAD}};
}

void made_add(struct made *m, uint8_t type, const void *value, size_t n)
{
	m->b[m->n] = type;
	m->b[m->n + 1] = (uint8_t)(n + 2);
	memcpy(m->b + m->n + 2, value, n);
	m->n += n + 2;
	m->b[2] = (uint8_t)(m->n >> 8);
	m->b[3] = (uint8_t)m->n;
}

void made_text(struct made *m, uint8_t type, const char *text)
{
	made_add(m, type, text, strlen(text));
}

void made_number(struct made *m, uint8_t type, uint32_t value)
{
	const uint32_t wire = htonl(value);

	made_add(m, type, &wire, sizeof(wire));
}

void made_v4(struct made *m, uint8_t type, const char *address)
{
	uint8_t b[4];

	assert_int_equal(inet_pton(AF_INET, address, b), 1);
	made_add(m, type, b, sizeof(b));
}

void made_v6(struct made *m, uint8_t type, const char *address)
{
	uint8_t b[16];

	assert_int_equal(inet_pton(AF_INET6, address, b), 1);
	made_add(m, type, b, sizeof(b));
}

void made_prefix(struct made *m, uint8_t type, const char *prefix)
{
	char address[64];
	unsigned bits;
	uint8_t b[18] = {0};

	assert_int_equal(sscanf(prefix, "%63[^/]/%u", address, &bits), 2);
	b[1] = (uint8_t)bits;
	assert_int_equal(inet_pton(AF_INET6, address, b + 2), 1);
	made_add(m, type, b, sizeof(b));
}

void made_vendor(struct made *m, uint32_t vendor, uint8_t type, const void *value, size_t n)
{
	const uint32_t wire = htonl(vendor);
	uint8_t b[RAD_VALUE_MAX];

	memcpy(b, &wire, sizeof(wire));
	b[4] = type;
	b[5] = (uint8_t)(n + 2);
	memcpy(b + 6, value, n);
	made_add(m, RAD_VENDOR_SPECIFIC, b, n + 6);
}

struct span made_span(const struct made *m)
{
	return (struct span){m->b, m->n};
}

void made_read(const struct made *m, struct rad_packet *out)
{
	assert_int_equal(rad_packet_read(made_span(m), out), RAD_GOOD);
}

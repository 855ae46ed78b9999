// SPDX-License-Identifier: BSD-3-Clause
// What may be asked: nothing but names leaves for the DNS.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dns.h"
#include "dns_server.h"

struct seen {
	unsigned told;
	enum dns_found found;
};

static void on_done(void *arg, enum dns_found found, uint32_t)
{
	struct seen *s = arg;

	s->told++;
	s->found = found;
}

#define L63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define BYTES(text)                    \
	{                              \
		text, sizeof(text) - 1 \
	}

static void bytes_that_are_no_name_are_absent_and_not_asked_for(void **state)
{
	static const struct {
		const char *p;
		size_t n;
	} bad[] = {
		BYTES(""),
		BYTES("."),
		BYTES(".."),
		BYTES(".a.example"),
		BYTES("a..example"),
		BYTES("a.example.."),
		BYTES("a b.example"),
		BYTES("a\nb.example"),
		BYTES("a\0b.example"),
		BYTES("mx.example\0"),
		BYTES("a\\046b.example"),
		BYTES("a/b.example"),
		BYTES("[192.0.2.1]"),
		BYTES("a" L63 ".example"),
		BYTES(L63 "." L63 "." L63 "." L63),
		BYTES("\xff\xfe.example"),
		BYTES("\xc3.example"),
		BYTES("\xc3\xa4\0.example"),
		BYTES("\xe3\x80\x82\xe3\x80\x82.example"),
	};
	struct core_loop *loop = core_loop_new();
	struct err_list err;
	struct server server;
	struct dns *d;

	(void)state;
	server_open(&server);
	err_init(&err);
	d = dns_new(loop, &(struct dns_conf){.servers = server.servers}, &err);
	assert_non_null(d);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct seen s = {0};

		dns_ask(d, (struct span){.p = (const uint8_t *)bad[i].p, .n = bad[i].n}, 1, on_done,
			&s);
		if (s.told != 1 || s.found != DNS_ABSENT)
			fail_msg("case %zu: %s", i, bad[i].p);
	}
	assert_int_equal(dns_counts(d)->invalid, sizeof(bad) / sizeof(bad[0]));
	assert_int_equal(dns_counts(d)->queries, 0);
	dns_free(d);
	core_loop_free(loop);
	server_close(&server);
}

static void long_and_odd_names_are_names(void **state)
{
	static const char *const good[] = {
		L63 "." L63 "." L63
		    ".aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"_dmarc.example",
		"localhost",
		"1.2.3.4",
		"xn--e1afmkfd.example",
		("B\xc3\xbc"
		 "cher.example"),
	};
	struct core_loop *loop = core_loop_new();
	struct err_list err;
	struct server server;
	struct dns *d;

	(void)state;
	server_open(&server);
	err_init(&err);
	d = dns_new(loop, &(struct dns_conf){.servers = server.servers}, &err);
	assert_non_null(d);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct seen s = {0};

		dns_ask(d, span_str(good[i]), 1, on_done, &s);
		if (s.told != 0 || dns_counts(d)->queries != 1)
			fail_msg("%s", good[i]);
		dns_free(d); // the next one begins anew
		assert_int_equal(s.told, 1);
		d = dns_new(loop, &(struct dns_conf){.servers = server.servers}, &err);
		assert_non_null(d);
	}
	dns_free(d);
	core_loop_free(loop);
	server_close(&server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_that_are_no_name_are_absent_and_not_asked_for),
		cmocka_unit_test(long_and_odd_names_are_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

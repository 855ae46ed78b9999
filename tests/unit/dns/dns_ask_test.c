// SPDX-License-Identifier: BSD-3-Clause
// What is told of a domain, whatever its server says, says late or does not say; what is remembered;
// and what a flood of names can take.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dns.h"
#include "dns_server.h"
#include "log.h"

// A question is over by TIMEOUT_MS where nothing else comes; what the server does answer is heard by SOON_MS or ANY_MS,
// also on a machine that stands still for a moment.
enum { TIMEOUT_MS = 150, SOON_MS = 1000, ANY_MS = 20000, TURNS_MAX = 60000 };

struct seen {
	unsigned told;
	enum dns_found found;
	uint32_t ttl_s;
};

struct bench {
	struct server server;
	struct core_loop *loop;
	struct dns *dns;
};

static char logged[256]; // the last line at level info

static void keep(enum log_level level, const char *line, void *)
{
	if (level == LOG_LEVEL_INFO)
		(void)snprintf(logged, sizeof(logged), "%s", line);
}

static void bench_open(struct bench *b, struct dns_conf conf)
{
	struct err_list err;

	log_sink_set(keep, NULL);
	log_level_set(LOG_LEVEL_INFO);
	logged[0] = '\0';
	server_open(&b->server);
	b->loop = core_loop_new();
	assert_non_null(b->loop);
	err_init(&err);
	conf.servers = b->server.servers;
	if (conf.timeout_ms == 0)
		conf.timeout_ms = ANY_MS;
	b->dns = dns_new(b->loop, &conf, &err);
	if (b->dns == NULL)
		fail_msg("%s", err.text[0]);
}

static void bench_close(struct bench *b)
{
	dns_free(b->dns);
	core_loop_free(b->loop);
	server_close(&b->server);
}

static void on_done(void *arg, enum dns_found found, uint32_t ttl_s)
{
	struct seen *s = arg;

	s->told++;
	s->found = found;
	s->ttl_s = ttl_s;
}

static void turn(struct bench *b)
{
	server_serve(&b->server);
	assert_int_equal(core_loop_turn(b->loop, 1), 0);
}

static void until(struct bench *b, const unsigned *count, unsigned want)
{
	for (unsigned i = 0; *count < want; i++) {
		assert_true(i < TURNS_MAX);
		turn(b);
	}
}

static struct seen ask(struct bench *b, const char *name)
{
	struct seen s = {0};

	dns_ask(b->dns, span_str(name), 1, on_done, &s);
	until(b, &s.told, 1);
	assert_int_equal(s.told, 1);
	return s;
}

static void each_kind_of_domain_is_told_apart(void **state)
{
	static const struct {
		const char *name;
		enum dns_found found;
		uint32_t ttl_s; // at most; 0: whatever
	} cases[] = {
		{"mx.example", DNS_EXISTS, 300},
		{"only-a.example", DNS_EXISTS, 300},
		{"only-aaaa.example", DNS_EXISTS, 300},
		{"nothing.example", DNS_ABSENT, 60}, // the SOA's minimum
		{"nomail.example", DNS_NO_MAIL, 300},
		{"nullish.example", DNS_EXISTS, 300},
		{"alias.example", DNS_ABSENT, 300},
		{"nxdomain.example", DNS_ABSENT, 60},
		{"servfail.example", DNS_UNKNOWN, 0},
		{"refused.example", DNS_UNKNOWN, 0},
		{"half.example", DNS_UNKNOWN, 0},
		{"half-good.example", DNS_EXISTS, 300},
		{"silent.example", DNS_UNKNOWN, 0},
		{"garbage.example", DNS_UNKNOWN, 0},
		{"truncated.example", DNS_EXISTS, 300},
		{"wrong-id.example", DNS_UNKNOWN, 0},
		{"spoofed.example", DNS_UNKNOWN, 0},
		{"other-name.example", DNS_UNKNOWN, 0},
		{"brief.example", DNS_EXISTS, 5},
		{"long.example", DNS_EXISTS, 3600},
		{"MX.Example.", DNS_EXISTS, 300},
		{"\xd0\xbf\xd1\x80\xd0\xb8\xd0\xbc\xd0\xb5\xd1\x80.example", DNS_EXISTS, 300},
	};
	struct bench b;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct seen s;

		bench_open(&b,
			(struct dns_conf){
				.timeout_ms = cases[i].found == DNS_UNKNOWN ? TIMEOUT_MS : 0});
		s = ask(&b, cases[i].name);
		if (s.found != cases[i].found || (cases[i].ttl_s > 0 && s.ttl_s > cases[i].ttl_s))
			fail_msg("%s: %d for %u s", cases[i].name, (int)s.found, s.ttl_s);
		if (strncmp(cases[i].name, "truncated", 9) == 0)
			assert_int_equal(b.server.by_tcp, 1);
		bench_close(&b);
	}
}

static void a_name_that_does_not_resolve_is_logged(void **state)
{
	static const struct {
		const char *name, *line; // NULL: nothing is said
	} cases[] = {
		{"mx.example", NULL},
		{"NxDomain.Example", "dns: nxdomain.example: query failed: does not exist"},
		{"nomail.example", "dns: nomail.example: query failed: takes no mail"},
		{"servfail.example", "dns: servfail.example: query failed: cannot be resolved now"},
		{"bad\nname", NULL}, // no name, so none is shown
	};
	struct bench b;

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bench_open(&b, (struct dns_conf){0});
		(void)ask(&b, cases[i].name);
		if (cases[i].line == NULL)
			assert_string_equal(logged, "");
		else if (strstr(logged, cases[i].line) == NULL)
			fail_msg("%s", logged);
		bench_close(&b);
	}
}

static void what_is_known_is_not_asked_again(void **state)
{
	static const char *const names[] = {"mx.example", "nxdomain.example", "silent.example"};
	struct bench b;

	(void)state;
	bench_open(&b, (struct dns_conf){.timeout_ms = SOON_MS});
	for (unsigned i = 0; i < 3; i++) {
		struct seen first = ask(&b, names[i]), again = {0};
		unsigned asked = b.server.asked;

		dns_ask(b.dns, span_str(names[i]), 1, on_done, &again);
		assert_int_equal(again.told, 1); // at once
		assert_int_equal(again.found, first.found);
		turn(&b);
		assert_true(b.server.asked == asked || first.found == DNS_UNKNOWN);
	}
	assert_int_equal(dns_counts(b.dns)->hits, 3);
	bench_close(&b);
}

static void the_same_question_twice_is_one_question(void **state)
{
	struct seen s[8] = {0};
	struct bench b;

	(void)state;
	bench_open(&b, (struct dns_conf){0});
	for (unsigned i = 0; i < 8; i++)
		dns_ask(b.dns, span_str(i % 2 ? "mx.example" : "Mx.Example"), 1, on_done, &s[i]);
	for (unsigned i = 0; i < 8; i++) {
		until(&b, &s[i].told, 1);
		assert_int_equal(s[i].found, DNS_EXISTS);
	}
	assert_int_equal(b.server.asked, 1);
	assert_int_equal(dns_counts(b.dns)->joined, 7);
	assert_int_equal(dns_counts(b.dns)->asked, 0);
	bench_close(&b);
}

static void an_answer_behind_the_deadline_is_kept_for_the_next_one(void **state)
{
	struct seen s;
	struct bench b;

	(void)state;
	bench_open(&b, (struct dns_conf){.timeout_ms = TIMEOUT_MS});
	s = ask(&b, "late.example");
	assert_int_equal(s.found, DNS_UNKNOWN);
	// On a machine that stood still for a moment c-ares' time is up in the same turn, and it may say so first.
	assert_int_equal(dns_counts(b.dns)->timeouts + dns_counts(b.dns)->found[DNS_UNKNOWN], 1);
	server_let_go(&b.server);
	for (unsigned i = 0; dns_counts(b.dns)->asked > 0; i++) {
		assert_true(i < TURNS_MAX);
		turn(&b);
	}
	// c-ares may have given up a moment before: then it is unknown, as long as that is remembered.
	s = ask(&b, "late.example");
	assert_true(s.found == DNS_EXISTS || dns_counts(b.dns)->found[DNS_UNKNOWN] == 1);
	bench_close(&b);
}

static void a_flood_of_names_takes_bounded_memory_and_few_queries(void **state)
{
	struct seen s[200] = {0}, known;
	char name[32];
	struct bench b;

	(void)state;
	bench_open(
		&b, (struct dns_conf){.timeout_ms = SOON_MS, .cache_entries = 16, .asked_max = 4});
	b.server.dead = true;
	for (unsigned i = 0; i < 200; i++) {
		(void)snprintf(name, sizeof(name), "mx.n%u.example", i);
		dns_ask(b.dns, span_str(name), 1, on_done, &s[i]);
	}
	assert_int_equal(dns_counts(b.dns)->asked, 4);
	assert_int_equal(dns_counts(b.dns)->full, 196);
	for (unsigned i = 0; i < 200; i++) {
		until(&b, &s[i].told, 1);
		assert_int_equal(s[i].found, DNS_UNKNOWN);
	}
	b.server.dead = false;
	for (unsigned i = 0; dns_counts(b.dns)->asked > 0; i++) {
		assert_true(i < TURNS_MAX);
		turn(&b);
	}
	for (unsigned i = 0; i < 100; i++) {
		(void)snprintf(name, sizeof(name), "mx.k%u.example", i);
		known = ask(&b, name);
		assert_int_equal(known.found, DNS_EXISTS);
		assert_true(dns_counts(b.dns)->entries <= 16);
	}
	bench_close(&b);
}

static void who_asks_for_slow_names_by_the_thousand_takes_nobody_elses_place(void **state)
{
	struct seen slow[100] = {0}, other = {0}, again = {0};
	char name[32];
	struct bench b;

	(void)state;
	bench_open(&b, (struct dns_conf){.timeout_ms = SOON_MS, .asked_max = 64, .share_max = 16});
	b.server.dead = true;
	for (unsigned i = 0; i < 100; i++) {
		(void)snprintf(name, sizeof(name), "mx.slow%u.example", i % 50);
		dns_ask(b.dns, span_str(name), 7, on_done, &slow[i]);
	}
	assert_int_equal(dns_counts(b.dns)->asked, 16);
	assert_int_equal(dns_counts(b.dns)->full, 84);
	for (unsigned i = 16; i < 100; i++)
		assert_true(slow[i].told == 1 && slow[i].found == DNS_UNKNOWN);
	dns_ask(b.dns, span_str("mx.slow0.example"), 8, on_done, &other);
	assert_int_equal(dns_counts(b.dns)->joined, 1);
	b.server.dead = false;
	assert_int_equal(ask(&b, "mx.example").found, DNS_EXISTS);
	until(&b, &other.told, 1);
	for (unsigned i = 0; i < 16; i++)
		until(&b, &slow[i].told, 1);
	dns_ask(b.dns, span_str("mx.other.example"), 7, on_done, &again); // its share is free again
	until(&b, &again.told, 1);
	assert_int_equal(again.found, DNS_EXISTS);
	bench_close(&b);
}

static void as_many_names_are_remembered_as_the_configuration_says(void **state)
{
	static const struct {
		struct dns_conf conf;
		uint32_t entries;
	} rows[] = {{{.cache_entries = 16}, 16}, {{.cache_entries = 64}, 40}};
	char name[32];
	struct bench b;

	(void)state;
	for (unsigned row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
		bench_open(&b, rows[row].conf);
		for (unsigned i = 0; i < 40; i++) {
			(void)snprintf(name, sizeof(name), "mx.k%u.example", i);
			assert_int_equal(ask(&b, name).found, DNS_EXISTS);
		}
		assert_int_equal(dns_counts(b.dns)->entries, rows[row].entries);
		bench_close(&b);
	}
}

static void who_still_waits_at_the_end_is_told(void **state)
{
	struct seen s[3] = {0};
	struct bench b;

	(void)state;
	bench_open(&b, (struct dns_conf){0});
	dns_ask(b.dns, span_str("silent.example"), 1, on_done, &s[0]);
	dns_ask(b.dns, span_str("silent.example"), 1, on_done, &s[1]);
	dns_ask(b.dns, span_str("half.example"), 1, on_done, &s[2]);
	turn(&b);
	bench_close(&b);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(s[i].told, 1);
		assert_int_equal(s[i].found, DNS_UNKNOWN);
	}
}

static void a_server_that_is_no_address_is_an_error(void **state)
{
	struct core_loop *loop = core_loop_new();
	struct err_list err;

	(void)state;
	err_init(&err);
	assert_null(dns_new(loop, &(struct dns_conf){.servers = "ns.example"}, &err));
	assert_true(err_any(&err));
	core_loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_of_domain_is_told_apart),
		cmocka_unit_test(a_name_that_does_not_resolve_is_logged),
		cmocka_unit_test(what_is_known_is_not_asked_again),
		cmocka_unit_test(the_same_question_twice_is_one_question),
		cmocka_unit_test(an_answer_behind_the_deadline_is_kept_for_the_next_one),
		cmocka_unit_test(a_flood_of_names_takes_bounded_memory_and_few_queries),
		cmocka_unit_test(who_asks_for_slow_names_by_the_thousand_takes_nobody_elses_place),
		cmocka_unit_test(as_many_names_are_remembered_as_the_configuration_says),
		cmocka_unit_test(who_still_waits_at_the_end_is_told),
		cmocka_unit_test(a_server_that_is_no_address_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

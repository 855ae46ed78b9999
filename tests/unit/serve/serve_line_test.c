// SPDX-License-Identifier: BSD-3-Clause
// Event lines are JSON whatever bytes peers sent: each byte, each broken sequence, each field at
// its longest; and they say what docs/events.md says.
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "serve_events.h"
#include "serve_line.h"

#define R "\xef\xbf\xbd" // U+FFFD

static const struct {
	const char *name, *in;
	size_t n;
	const char *out;
} strings[] = {
	{"plain text stays", "abc", 3, "abc"},
	{"nothing is an empty text", "", 0, ""},
	{"quote and backslash survive", "a\"b\\c", 5, "a\"b\\c"},
	{"control characters survive", "\r\n\t\x01\x1f\x7f", 6, "\r\n\t\x01\x1f\x7f"},
	{"two, three and four bytes of UTF-8 stay", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x93\xa7", 9,
		"\xc3\xa4\xe2\x82\xac\xf0\x9f\x93\xa7"},
	{"a lone continuation is replaced", "a\x80z", 3, "a" R "z"},
	{"a cut sequence is replaced byte by byte", "\xe2\x82", 2, R R},
	{"a sequence cut by text is replaced", "\xe2\x82z", 3, R R "z"},
	{"an over-long slash is replaced", "\xc0\xaf", 2, R R},
	{"an over-long sequence of three is replaced", "\xe0\x80\xaf", 3, R R R},
	{"a surrogate is replaced", "\xed\xa0\x80", 3, R R R},
	{"past the last character is replaced", "\xf4\x90\x80\x80", 4, R R R R},
	{"bytes that never occur are replaced", "\xfe\xff", 2, R R},
	{"Latin-1 is replaced where it is no UTF-8", "M\xfcller", 6, "M" R "ller"},
};

static json_t *parse(const struct serve_line *l)
{
	json_t *j = json_loadb(l->text, l->n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);

	assert_false(l->cut);
	assert_null(memchr(l->text, '\n', l->n));
	assert_non_null(j);
	return j;
}

static void bytes_become_valid_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
		struct serve_line l;
		json_t *j;

		serve_line_begin(&l);
		serve_line_bytes(
			&l, "k", (struct span){(const uint8_t *)strings[i].in, strings[i].n});
		serve_line_end(&l);
		j = parse(&l);
		if (strcmp(json_string_value(json_object_get(j, "k")), strings[i].out) != 0)
			fail_msg("%s: %.*s", strings[i].name, (int)l.n, l.text);
		json_decref(j);
	}
}

static void every_pair_of_bytes_gives_a_line_that_parses(void **state)
{
	(void)state;
	for (unsigned v = 0; v <= 0xffff; v++) {
		uint8_t pair[2] = {(uint8_t)(v >> 8), (uint8_t)v};
		struct serve_line l;

		serve_line_begin(&l);
		serve_line_bytes(&l, "k", (struct span){pair, 2});
		serve_line_end(&l);
		json_decref(parse(&l));
	}
}

static void a_line_that_does_not_fit_says_so(void **state)
{
	static uint8_t bytes[SERVE_EVENT_MAX];
	struct serve_line l;

	(void)state;
	serve_line_begin(&l);
	serve_line_bytes(&l, "k", (struct span){bytes, sizeof(bytes)});
	serve_line_u64(&l, "n", 1);
	serve_line_end(&l);
	assert_true(l.cut);
	assert_true(l.n <= sizeof(l.text));
}

static const struct {
	int64_t at_us;
	const char *text;
} times[] = {
	{0, "1970-01-01T00:00:00.000000Z"},
	{INT64_C(1767225599999999), "2025-12-31T23:59:59.999999Z"},
	{INT64_C(1772323200000001), "2026-03-01T00:00:00.000001Z"},
	{INT64_C(253402300799999999), "9999-12-31T23:59:59.999999Z"},
	{INT64_C(253402300800000000), NULL},
	{-1, NULL},
	{INT64_MIN, NULL},
	{INT64_MAX, NULL},
};

static void times_are_rfc_3339_or_null(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		char text[SERVE_TIME_MAX];
		int rc = serve_time_format(times[i].at_us, text);

		assert_int_equal(rc == 0, times[i].text != NULL);
		if (rc == 0)
			assert_string_equal(text, times[i].text);
	}
}

static struct api_record message(void)
{
	struct api_record r = {
		.kind = API_REC_MESSAGE,
		.worker = 1,
		.policy = 0,
		.image_version = 7,
		.at_us = INT64_C(1767225599000000),
		.session = 5,
		.client_port = 40000,
		.server_port = 25,
		.vlan = 12,
		.context = 0,
		.message = {.id = 9,
			.octets = 1234,
			.scan_ns = 45678,
			.recipients = 2,
			.score = 100,
			.threshold = 5,
			.rules = {1000000, 3},
			.rules_total = 2,
			.code = 550,
			.verdict = API_VERDICT_REJECTED,
			.bdat = 1,
			.helo = "mail.example",
			.from = "a@b",
			.to = "c@d"},
	};

	(void)addr_parse("10.77.0.1", &r.client);
	(void)addr_parse("fd77::2", &r.server);
	return r;
}

static void a_message_has_its_documented_fields(void **state)
{
	static const char want[] =
		"{\"time\":\"2025-12-31T23:59:59.000000Z\",\"type\":\"message\",\"session\":\"0000000000005\","
		"\"client\":\"10.77.0.1\",\"client_port\":40000,\"server\":\"fd77::2\",\"server_port\":25,"
		"\"vlan\":12,\"context\":\"default\",\"policy\":\"internal\",\"policy_index\":0,"
		"\"image_version\":7,\"worker\":1,\"helo\":\"mail.example\",\"from\":\"a@b\",\"to\":\"c@d\","
		"\"recipients\":2,\"octets\":1234,\"score\":100,\"threshold\":5,\"rules\":[1000000,3],"
		"\"rules_total\":2,\"verdict\":\"rejected\",\"code\":550,\"id\":\"0000000000009\","
		"\"scan_us\":45,\"bdat\":true}";
	struct api_record r = message();
	struct serve_line l;

	(void)state;
	serve_event_line(&l, &r, &(struct serve_event_names){"internal", "default", NULL});
	assert_int_equal(l.n, sizeof(want) - 1);
	assert_memory_equal(l.text, want, l.n);
}

static void a_session_has_its_documented_fields(void **state)
{
	struct api_record r = message();
	struct serve_line l;
	json_t *j;

	(void)state;
	r.kind = API_REC_SESSION;
	r.session_end.duration_us = 1500000;
	r.session_end.client_bytes = 10;
	r.session_end.server_bytes = 20;
	r.session_end.messages = 3;
	r.session_end.refused = 1;
	r.session_end.lane = API_LANE_INSPECT;
	r.session_end.reason = 4;
	r.session_end.tls = 1;
	r.session_end.auth = 0;
	serve_event_line(&l, &r, &(struct serve_event_names){.reason = "pass_tls"});
	j = parse(&l);
	assert_string_equal(json_string_value(json_object_get(j, "type")), "session");
	assert_int_equal(json_integer_value(json_object_get(j, "duration_us")), 1500000);
	assert_string_equal(json_string_value(json_object_get(j, "lane")), "inspect");
	assert_string_equal(json_string_value(json_object_get(j, "reason")), "pass_tls");
	assert_true(json_is_true(json_object_get(j, "tls")));
	assert_true(json_is_false(json_object_get(j, "auth")));
	assert_true(json_is_null(json_object_get(j, "policy"))); // its image is forgotten
	assert_null(json_object_get(j, "helo"));
	json_decref(j);
}

static void a_record_full_of_rubbish_still_gives_a_line(void **state)
{
	struct api_record r;

	(void)state;
	for (unsigned fill = 0; fill < 256; fill++) {
		for (unsigned kind = 0; kind < API_REC_COUNT + 2; kind++) {
			struct serve_line l;

			memset(&r, (int)fill, sizeof(r));
			r.kind = (uint16_t)kind;
			serve_event_line(&l, &r, &(struct serve_event_names){0});
			json_decref(parse(&l));
		}
	}
}

static void the_longest_record_fits(void **state)
{
	char name[257];
	struct api_record r;
	struct serve_line l;

	(void)state;
	memset(name, 1, sizeof(name) - 1); // six characters each
	name[256] = '\0';
	memset(&r, 0xff, sizeof(r));
	memset(r.message.helo, 1, sizeof(r.message.helo));
	memset(r.message.from, 1, sizeof(r.message.from));
	memset(r.message.to, 1, sizeof(r.message.to));
	r.kind = API_REC_MESSAGE;
	serve_event_line(&l, &r, &(struct serve_event_names){name, name, name});
	json_decref(parse(&l));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_become_valid_text),
		cmocka_unit_test(every_pair_of_bytes_gives_a_line_that_parses),
		cmocka_unit_test(a_line_that_does_not_fit_says_so),
		cmocka_unit_test(times_are_rfc_3339_or_null),
		cmocka_unit_test(a_message_has_its_documented_fields),
		cmocka_unit_test(a_session_has_its_documented_fields),
		cmocka_unit_test(a_record_full_of_rubbish_still_gives_a_line),
		cmocka_unit_test(the_longest_record_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

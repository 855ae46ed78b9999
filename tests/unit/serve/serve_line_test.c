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
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "serve_classify.h"
#include "serve_events.h"
#include "serve_hash.h"
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
	{"controls beyond ASCII survive", "\xc2\x9b\xe2\x80\xa8\xe2\x80\xae\xe2\x81\xa9", 11,
		"\xc2\x9b\xe2\x80\xa8\xe2\x80\xae\xe2\x81\xa9"},
	{"a lone continuation is replaced", "a\x80z", 3, "a" R "z"},
	{"a cut sequence is replaced byte by byte", "\xe2\x82", 2, R R},
	{"a sequence cut by text is replaced", "\xe2\x82z", 3, R R "z"},
	{"an over-long slash is replaced", "\xc0\xaf", 2, R R},
	{"an over-long sequence of three is replaced", "\xe0\x80\xaf", 3, R R R},
	{"a surrogate is replaced", "\xed\xa0\x80", 3, R R R},
	{"past the last character is replaced", "\xf4\x90\x80\x80", 4, R R R R},
	{"a NUL is replaced", "a\0z", 3, "a" R "z"},
	{"bytes that never occur are replaced", "\xfe\xff", 2, R R},
	{"Latin-1 is replaced where it is no UTF-8", "M\xfcller", 6, "M" R "ller"},
};

static json_t *parse(const struct serve_line *l)
{
	json_t *j = json_loadb(l->text, l->n, JSON_REJECT_DUPLICATES, NULL);

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
			.to = "c@d",
			.has_subject = 1,
			.subject_len = 5,
			.subject = "hello, not this"},
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
		"\"image_version\":7,\"worker\":1,\"classifier\":\"content\",\"session_profile\":\"inside\","
		"\"content_profile\":\"spam\",\"endpoint\":\"49170\",\"helo\":\"mail.example\",\"from\":\"a@b\",\"to\":\"c@d\","
		"\"recipients\":2,\"octets\":1234,\"score\":100,\"threshold\":5,\"rules\":[1000000,3],\"rule_labels\":[\"token\",null],"
		"\"rules_total\":2,\"verdict\":\"rejected\",\"code\":550,\"id\":\"0000000000009\","
		"\"scan_us\":45,\"bdat\":true,\"reason\":\"messages_rejected\",\"access_rule\":\"partner\",\"subject\":\"hello\"}";
	struct api_record r = message();
	struct serve_line l;

	(void)state;
	serve_event_line(&l, &r,
		&(struct serve_event_names){.policy = "internal",
			.context = "default",
			.reason = "messages_rejected",
			.session = "inside",
			.content = "spam",
			.rules = {"token"},
			.endpoint = {(const uint8_t *)"49170", 5},
			.access = "partner"});
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

static const struct {
	const char *name;
	const char *octets;
	uint8_t n;
	const char *line; // as the log has it
} subjects[] = {
	{"an empty one is none of its lack", "", 0, ",\"subject\":\"\"}"},
	{"what a terminal obeys is escaped, no neighbour of it",
		"\xc2\x9b"
		"2J\xc2\xa0\xe2\x80\xae\xe2\x80\xad\xe2\x80\xa7\xe2\x80\xa8\xe2\x81\xa6\xe2\x81\xaa",
		24,
		",\"subject\":\"\\u009b2J\xc2\xa0\\u202e\\u202d\xe2\x80\xa7\\u2028\\u2066\xe2\x81\xaa\"}"},
	{"NUL is replaced, ESC, DEL and a line end are escaped", "a\0b\x1b[2J\x7f\r\n", 10,
		",\"subject\":\"a" R "b\\u001b[2J\\u007f\\u000d\\u000a\"}"},
	{"quotes end nothing", "\",\"verdict\":\"clean\\", 19,
		",\"subject\":\"\\\",\\\"verdict\\\":\\\"clean\\\\\"}"},
	{"what is not UTF-8 is replaced, a byte each", "\xff\xc3\xa4\xc3", 4,
		",\"subject\":\"\xef\xbf\xbd\xc3\xa4\xef\xbf\xbd\"}"},
	{"an encoded word stays one", "=?utf-8?q?=41?=", 15, ",\"subject\":\"=?utf-8?q?=41?=\"}"},
};

static void a_subject_stays_inert(void **state)
{
	struct api_record r = message();
	struct serve_line l;
	json_t *j;

	(void)state;
	for (size_t i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
		size_t n = strlen(subjects[i].line);

		r.message.subject_len = subjects[i].n;
		memcpy(r.message.subject, subjects[i].octets, subjects[i].n);
		serve_event_line(&l, &r, &(struct serve_event_names){0});
		if (l.n < n || memcmp(l.text + l.n - n, subjects[i].line, n) != 0)
			fail_msg("%s: %.*s", subjects[i].name, (int)l.n, l.text);
		json_decref(parse(&l));
	}
	r.message.has_subject = 0;
	serve_event_line(&l, &r, &(struct serve_event_names){0});
	j = parse(&l);
	assert_true(json_is_null(json_object_get(j, "subject")));
	json_decref(j);
}

static void a_refusal_tells_the_limit_and_what_passed_it_as_far_as_known(void **)
{
	static const struct {
		uint32_t limit, value;
		bool has_limit, has_value;
	} cases[] = {{0, 0, false, false}, {5, 6, true, true}, {20480, 0, true, false}, {0, 1, true, true}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct api_record r = {.kind = API_REC_REFUSAL,
			.refusal = {.limit = cases[i].limit, .value = cases[i].value}};
		struct serve_line l;
		json_t *j;

		serve_event_line(&l, &r, &(struct serve_event_names){0});
		j = parse(&l);
		assert_int_equal(json_is_integer(json_object_get(j, "limit")), cases[i].has_limit);
		assert_int_equal(json_is_integer(json_object_get(j, "value")), cases[i].has_value);
		json_decref(j);
	}
}

static void what_was_not_refused_is_no_refusal(void **)
{
	static const struct {
		uint16_t code;
		const char *type;
	} cases[] = {{550, "refusal"}, {0, "monitored"}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct api_record r = {
			.kind = API_REC_REFUSAL, .refusal = {.code = cases[i].code}};
		struct serve_line l;
		json_t *j;

		serve_event_line(&l, &r, &(struct serve_event_names){0});
		j = parse(&l);
		assert_string_equal(
			json_string_value(json_object_get(j, "type")), cases[i].type);
		json_decref(j);
	}
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
	char name[257], label[101];
	struct api_record r;
	struct serve_line l;

	(void)state;
	memset(name, 1, sizeof(name) - 1); // six characters each
	name[256] = '\0';
	memset(&r, 0xff, sizeof(r));
	memset(r.message.helo, 1, sizeof(r.message.helo));
	memset(r.message.from, 1, sizeof(r.message.from));
	memset(r.message.to, 1, sizeof(r.message.to));
	memset(r.message.subject, 1, sizeof(r.message.subject));
	r.kind = API_REC_MESSAGE;
	memset(label, '"', sizeof(label) - 1); // two characters each
	label[100] = '\0';
	serve_event_line(&l, &r,
		&(struct serve_event_names){name, name, name, name, name,
			{label, label, label, label, label, label, label, label}, NULL,
			NULL, name});
	json_decref(parse(&l));
}

// By another implementation of HMAC-SHA-256 (Python's). A key of NULL: 131 bytes of 0xaa, as in test
// case 6 of RFC 4231, whose text has capitals, which are none here.
static const struct {
	const char *name, *key;
	size_t n;
	const char *text, *hash;
} hashes[] = {
	{"a key longer than a block of the hash", NULL, 131,
		"test using larger than block-size key - hash key first", "hmac:707eaaac23838de8f9015a7fd7825153"},
	{"a newline at the key's end is none of it", "0123456789abcdef\n", 17, "a@example.net",
		"hmac:db25672349583f054ce83d5b0fdf05e5"},
	{"upper and lower case are one", "0123456789abcdef", 16, "A@Example.NET", "hmac:db25672349583f054ce83d5b0fdf05e5"},
	{"a bounce stays one", "0123456789abcdef", 16, "", ""},
};

static struct serve_hash *hash_of(const char *key, size_t n, mode_t mode, struct err_list *err)
{
	char path[] = "/tmp/mailweir-key-XXXXXX", bytes[131];
	int fd = mkstemp(path);
	struct serve_hash *h;

	memset(bytes, 0xaa, sizeof(bytes));
	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(write(fd, key == NULL ? bytes : key, n), n);
	assert_int_equal(close(fd), 0);
	err_init(err);
	h = serve_hash_open(path, err);
	assert_int_equal(unlink(path), 0);
	return h;
}

static void addresses_become_keyed_hashes(void **state)
{
	struct err_list err;
	char out[SERVE_HASH_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
		struct serve_hash *h = hash_of(hashes[i].key, hashes[i].n, 0640, &err);

		assert_non_null(h);
		(void)serve_hash_text(h, span_str(hashes[i].text), out);
		if (strcmp(out, hashes[i].hash) != 0)
			fail_msg("%s: %s", hashes[i].name, out);
		serve_hash_close(h);
	}
}

static void a_key_that_is_none_is_refused(void **state)
{
	struct err_list err;

	(void)state;
	assert_null(hash_of("0123456789abcde\n", 16, 0600, &err));
	assert_non_null(strstr(err.text[0], "has 15 bytes; a key has 16 to 4096"));
	assert_null(hash_of("0123456789abcdef", 16, 0604, &err));
	assert_non_null(strstr(err.text[0], "others may read it"));
	err_init(&err);
	assert_null(serve_hash_open("/none/such", &err));
	assert_non_null(strstr(err.text[0], "control.event_hash_key: /none/such: No such file"));
}

static void a_hashed_line_has_no_address(void **state)
{
	struct api_record r = message();
	struct err_list err;
	struct serve_hash *h = hash_of("0123456789abcdef", 16, 0600, &err);
	struct serve_line l;
	json_t *j;

	(void)state;
	serve_event_line(&l, &r, &(struct serve_event_names){.hash = h});
	j = parse(&l);
	assert_int_equal(strlen(json_string_value(json_object_get(j, "from"))), 37);
	assert_int_equal(strlen(json_string_value(json_object_get(j, "to"))), 37);
	assert_string_equal(json_string_value(json_object_get(j, "helo")), "mail.example");
	assert_string_equal(json_string_value(json_object_get(j, "subject")), "hello");
	json_decref(j);
	serve_event_line(&l, &r, &(struct serve_event_names){.subject_hash = h});
	j = parse(&l);
	assert_string_equal(json_string_value(json_object_get(j, "from")), "a@b");
	assert_int_equal(strlen(json_string_value(json_object_get(j, "subject"))), 37);
	json_decref(j);
	serve_hash_close(h);
}

static const struct {
	const char *name;
	uint16_t kind;
	uint8_t verdict;
	int32_t score;
	const char *reason, *content, *want;
} classes[] = {
	{"a clean message", API_REC_MESSAGE, API_VERDICT_CLEAN, 0, NULL, "spam", "clean"},
	{"a clean message of a session that was cut later", API_REC_MESSAGE, API_VERDICT_CLEAN, 0,
		"cut_desync", "spam", "clean"},
	{"spam", API_REC_MESSAGE, API_VERDICT_REJECTED, 6, "messages_rejected", "spam", "content"},
	{"spam that is let through", API_REC_MESSAGE, API_VERDICT_MONITORED, 6, NULL, "spam",
		"content"},
	{"spam in a session that ended in TLS", API_REC_MESSAGE, API_VERDICT_MONITORED, 6,
		"pass_tls", "spam", "content"},
	{"an end that some servers would see", API_REC_MESSAGE, API_VERDICT_REJECTED, 0,
		"cut_possible_end", "spam", "protocol"},
	{"no profile", API_REC_MESSAGE, API_VERDICT_UNSCANNED, 0, NULL, NULL, "no_profile"},
	{"a profile, and no memory", API_REC_MESSAGE, API_VERDICT_UNSCANNED, 0, NULL, "spam",
		"resources"},
	{"a client that went", API_REC_MESSAGE, API_VERDICT_ABORTED, 0, NULL, "spam", "aborted"},
	{"a client that stalled", API_REC_MESSAGE, API_VERDICT_ABORTED, 0, "cut_stalled", "spam",
		"resources"},
	{"a refusal", API_REC_REFUSAL, 0, 0, "refused_at_connect", NULL, "policy"},
	{"a limit", API_REC_REFUSAL, 0, 0, "refused_client_rate", NULL, "session_limits"},
	{"a rate", API_REC_REFUSAL, 0, 0, "sender_messages_refused", NULL, "session_limits"},
	{"a sender of ill repute", API_REC_REFUSAL, 0, 0, "sender_reputation_refused_mail", NULL, "reputation"},
	{"three domains", API_REC_REFUSAL, 0, 0, "three_way_refused", NULL, "domain"},
	{"a session that just ended", API_REC_SESSION, 0, 0, NULL, NULL, "none"},
	{"a session in TLS", API_REC_SESSION, 0, 0, "pass_tls", NULL, "encryption"},
	{"a reason of a later version", API_REC_SESSION, 0, 0, "pass_by_moon", NULL, "unknown"},
};

static void each_record_has_one_class(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		struct api_record r = {.kind = classes[i].kind};
		const struct serve_event_names names = {
			.policy = "p", .reason = classes[i].reason, .content = classes[i].content};
		const char *got;

		if (r.kind == API_REC_MESSAGE) {
			r.message.verdict = classes[i].verdict;
			r.message.score = classes[i].score;
			r.message.threshold = 5;
		}
		got = serve_class_name(serve_classify(&r, &names));
		if (strcmp(got, classes[i].want) != 0)
			fail_msg("%s: %s", classes[i].name, got);
	}
}

// What a record can carry: why connections and messages are passed unread, refused, cut or reset.
static bool may_be_a_reason(const char *kind, const char *unit, const char *name)
{
	static const char *const stems[] = {
		"cut_", "reset_", "refused_", "starttls_without", "drop_policy", "endpoint_reputation_refused_",
		"sender_reputation_refused_"};

	if (strcmp(kind, "PASS") == 0)
		return true;
	for (size_t i = 0; i < sizeof(stems) / sizeof(stems[0]); i++)
		if (strncmp(name, stems[i], strlen(stems[i])) == 0)
			return true;
	return strcmp(kind, "ACTION") == 0 && strcmp(unit, "messages") == 0;
}

static void each_reason_has_a_class(void **state)
{
	static const struct {
		const char *kind, *unit, *name;
	} reasons[] = {
#define REASON(symbol, kind, unit, name, help) {#kind, unit, name},
#include "reasons.def"
#undef REASON
	};
	unsigned looked = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (!may_be_a_reason(reasons[i].kind, reasons[i].unit, reasons[i].name))
			continue;
		looked++;
		if (serve_class_of(reasons[i].name) == SERVE_CLASS_UNKNOWN)
			fail_msg("%s: a row in serve_classify.c is missing", reasons[i].name);
	}
	assert_true(looked > 30);
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
		cmocka_unit_test(a_subject_stays_inert),
		cmocka_unit_test(a_refusal_tells_the_limit_and_what_passed_it_as_far_as_known),
		cmocka_unit_test(what_was_not_refused_is_no_refusal),
		cmocka_unit_test(a_record_full_of_rubbish_still_gives_a_line),
		cmocka_unit_test(the_longest_record_fits),
		cmocka_unit_test(addresses_become_keyed_hashes),
		cmocka_unit_test(a_key_that_is_none_is_refused),
		cmocka_unit_test(a_hashed_line_has_no_address),
		cmocka_unit_test(each_record_has_one_class),
		cmocka_unit_test(each_reason_has_a_class),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

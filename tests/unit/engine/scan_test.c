// SPDX-License-Identifier: BSD-3-Clause
// Message scans on a prepared image, with EAL in this process: what is found must not depend on how
// the bytes come, every rule counts once, nothing leaks, an open message keeps its image.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_eal.h>
#include <rte_malloc.h>

#include "compile.h"
#include "eng_header.h"
#include "eng_image.h"
#include "eng_int.h"
#include "eng_scan.h"
#include "pol_build.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { AT_ONCE = 4 };

static struct eng_conf conf = {.workers = 2, .messages = 2 * AT_ONCE, .socket = SOCKET_ID_ANY};
static struct eng_worker workers[2] = {{.id = 0}, {.id = 1}};

static const char RULES[] = "1 body 1 l token-one\n"
			    "2 body 2 il TOKEN two\n"
			    "4 body 4 - three[0-9]+x\n"
			    "8 body 8 - last$\n" // decided by the end
			    "16 header 16 im ^subject:.*cheap\n"
			    "32 header 32 l token-one\n"
			    "64 header 64 - folded\\r\\n\\tline\n"
			    "128 helo 128 l bad.example\n"
			    "256 rcpt 256 l trap@\n"
			    "512 mail 512 - ^spammer@\n"
			    "1024 body 1024 - ^first of the body\n"
			    "2048 header 2048 - \\bword\\b\n"
			    "4096 body -4096 l friend\n";

static void die(const struct err_list *err)
{
	err_print(err, stderr);
	fail_msg("%s", "see above");
}

static struct eng_image *image_of(const char *rules, uint64_t version)
{
	struct cfg_port ports[] = {{.name = "access"}, {.name = "core"}};
	struct cfg cfg = {.dataplane = {.ports = ports, .nports = 2},
		.pickup = {.nports = 1, .ports = (uint16_t[]){25}}};
	const struct cfg_ruleset *set;
	struct eng_image *img;
	struct err_list err;
	uint8_t *bytes;
	size_t n;

	err_init(&err);
	set = cfg_rules_load_text(rules, strlen(rules), "test.rules", &err);
	if (set == NULL)
		die(&err);
	if (compile_image(
		    &(struct compile_input){
			    .cfg = &cfg, .rulesets = &set, .nrulesets = 1, .version = version},
		    &bytes, &n, &err) != 0)
		die(&err);
	img = eng_image_make(&conf, bytes, n, &err);
	if (img == NULL)
		die(&err);
	free(bytes);
	cfg_rules_free((struct cfg_ruleset *)(uintptr_t)set);
	return img;
}

static void piece_feed(struct eng_scan *s, struct eng_header *h, struct span piece)
{
	size_t head = eng_header_read(h, piece);

	eng_scan_header(s, span_sub(piece, 0, head));
	eng_scan_body(s, span_from(piece, head));
}

static void feed(struct eng_scan *s, const char *header, const char *body)
{
	eng_scan_header(s, span_str(header));
	eng_scan_body(s, span_str(body));
}

static int32_t score_of(struct eng_image *img, const char *message, size_t cut)
{
	struct eng_scan *s = eng_scan_open(&workers[0], img, UINT32_MAX);
	struct span whole = span_str(message);
	struct eng_header h = {0};
	struct eng_scan_result r;

	assert_non_null(s);
	piece_feed(s, &h, span_sub(whole, 0, cut));
	piece_feed(s, &h, span_from(whole, cut));
	eng_scan_close(s, &r);
	return r.score;
}

static const struct {
	const char *message;
	int32_t score;
} CASES[] = {
	{"Subject: x\r\n\r\nclean\r\n", 0},
	{"Subject: x\r\n\r\na token-one b\r\n", 1},
	{"Subject: x\r\n\r\ntoken-one token-one\r\ntoken-one\r\n", 1}, // each rule once
	{"Subject: x\r\n\r\ntoken Two, three123x\r\n", 2 + 4},
	{"Subject: Cheap\r\n\r\nx", 16},
	{"X: y\r\nSubject: very CHEAP\r\n\r\nx", 16},
	{"X: token-one\r\n\r\ntoken-onf\r\n", 32}, // header, not body
	{"X: folded\r\n\tline\r\n\r\n", 64},
	{"X: y\r\n\r\nSubject: cheap\r\nfolded\r\n\tline", 0}, // body, not header
	{"\r\ntoken-one\r\n", 1},                              // no header at all
	{"\ntoken-one\n", 1},
	{"X: y\n\nfirst of the body token-one", 1 + 1024}, // LF alone
	{"X: y\r\n\r\nfirst of the body", 1024},
	{"X: y\r\n\r\n first of the body", 0},
	{"X: y\r\n\r\nthis is the last", 8},
	{"X: y\r\n\r\nthis is the last one", 0},
	{"X: a word", 2048}, // ends inside the header
	{"X: a word\r\n", 2048},
	{"X: a words\r\n\r\n", 0},
	{"X: y\r\r\n\r\ntoken-one", 1},
	{"X: y\r\n\r \r\ntoken-one", 32}, // a CR alone does not end the header
	{"X: y\r\r\n\r\r\ntoken-one", 1}, // CRs and LF do
	{"\r", 0},
	{"", 0},
	{"X: y\r\n\r\ntoken-one friend", 1 - 4096},
};

static void a_message_cut_anywhere_is_judged_as_the_whole(void **)
{
	struct eng_image *img = image_of(RULES, 1);

	for (size_t i = 0; i < COUNT(CASES); i++) {
		const char *m = CASES[i].message;

		for (size_t cut = 0; cut <= strlen(m); cut++) {
			if (score_of(img, m, cut) != CASES[i].score)
				fail_msg("message %zu cut at %zu: %d, not %d", i, cut,
					score_of(img, m, cut), CASES[i].score);
		}
	}
	eng_image_free(img);
}

static void a_message_byte_by_byte_is_judged_as_the_whole(void **)
{
	struct eng_image *img = image_of(RULES, 1);

	for (size_t i = 0; i < COUNT(CASES); i++) {
		struct eng_scan *s = eng_scan_open(&workers[0], img, UINT32_MAX);
		struct span m = span_str(CASES[i].message);
		struct eng_header h = {0};
		struct eng_scan_result r;

		for (size_t at = 0; at < m.n; at++)
			piece_feed(s, &h, span_sub(m, at, 1));
		eng_scan_close(s, &r);
		assert_int_equal(r.score, CASES[i].score);
	}
	eng_image_free(img);
}

static void envelope_values_count_with_the_message_and_once(void **)
{
	struct eng_image *img = image_of(RULES, 1);
	struct eng_scan *s = eng_scan_open(&workers[0], img, UINT32_MAX);
	struct eng_scan_result r;

	eng_scan_value(s, POL_SCOPE_HELO, span_str("mail.bad.example"));
	eng_scan_value(s, POL_SCOPE_MAIL, span_str("a-spammer@x"));
	eng_scan_value(s, POL_SCOPE_MAIL, span_str("spammer@x"));
	eng_scan_value(s, POL_SCOPE_RCPT, span_str("trap@x"));
	eng_scan_value(s, POL_SCOPE_RCPT, span_str(""));
	eng_scan_value(s, POL_SCOPE_RCPT, span_str("trap@y"));
	feed(s, "X: y\r\n\r\n", "token-");
	eng_scan_value(s, POL_SCOPE_RCPT, span_str("trap@z")); // an open stream does not mind
	feed(s, "", "one");
	eng_scan_close(s, &r);
	assert_int_equal(r.score, 128 + 512 + 256 + 1);
	assert_int_equal(r.rules_total, 4);
	assert_int_equal(r.rules[0], 128);
	assert_int_equal(r.rules[3], 1);
	assert_int_equal(r.rules[4], 0);
	assert_true(r.scan_ns > 0);
	eng_image_free(img);
}

static void a_peek_sees_what_the_end_would_bring_and_changes_nothing(void **)
{
	struct eng_image *img = image_of(RULES, 1);
	struct eng_scan *s = eng_scan_open(&workers[0], img, UINT32_MAX);
	struct eng_scan_result r;

	assert_true(eng_scan_peek(s, &r));
	assert_int_equal(r.score, 0);
	feed(s, "X: a word", "");
	assert_true(eng_scan_peek(s, &r)); // `\b` at the end
	assert_int_equal(r.score, 2048);
	feed(s, "s\r\n\r\n", "three1");
	assert_true(eng_scan_peek(s, &r)); // the word went on
	assert_int_equal(r.score, 0);
	feed(s, "", "x at last");
	for (unsigned i = 0; i < 10; i++) {
		assert_true(eng_scan_peek(s, &r));
		assert_int_equal(r.score, 4 + 8);
		assert_int_equal(r.rules_total, 2);
	}
	feed(s, "", "ing, and at last");
	assert_true(eng_scan_peek(s, &r));
	assert_int_equal(r.score, 4 + 8);
	eng_scan_close(s, &r);
	assert_int_equal(r.score, 4 + 8);
	assert_int_equal(r.rules_total, 2);
	eng_image_free(img);
}

// Fills the pool of a worker; every scan has a stream open.
static unsigned scans_fill(
	struct eng_image *img, unsigned worker, struct eng_scan *scans[], unsigned max)
{
	unsigned n = 0;

	while (n < max && (scans[n] = eng_scan_open(&workers[worker], img, UINT32_MAX)) != NULL)
		feed(scans[n++], "X: y\r\n\r\n", "token-");
	return n;
}

static void an_empty_pool_gives_null_and_everything_comes_back(void **)
{
	struct eng_image *img = image_of(RULES, 1);
	struct eng_scan *scans[AT_ONCE + 1], *other[AT_ONCE + 1];
	struct eng_scan_result r;

	for (unsigned round = 0; round < 50; round++) {
		assert_int_equal(scans_fill(img, 0, scans, COUNT(scans)), AT_ONCE);
		assert_true(eng_image_is_used(img));
		for (unsigned i = 0; i < AT_ONCE; i++) { // values and peeks still work
			eng_scan_value(scans[i], POL_SCOPE_HELO, span_str("bad.example"));
			feed(scans[i], "", "one last");
			assert_true(eng_scan_peek(scans[i], &r));
			assert_int_equal(r.score, 128 + 1 + 8);
		}
		// Another worker has its own.
		assert_int_equal(scans_fill(img, 1, other, COUNT(other)), AT_ONCE);
		for (unsigned i = 0; i < AT_ONCE; i++) {
			eng_scan_abort(other[i]);
			if (i % 2 == 0) {
				eng_scan_abort(scans[i]);
				continue;
			}
			eng_scan_close(scans[i], &r);
			assert_int_equal(r.score, 128 + 1 + 8);
		}
		assert_false(eng_image_is_used(img));
	}
	eng_image_free(img);
}

static void an_aborted_message_leaves_no_trace_in_the_next(void **)
{
	struct eng_image *img = image_of(RULES, 1);
	struct eng_scan *s = eng_scan_open(&workers[0], img, UINT32_MAX);
	struct eng_scan_result r;

	eng_scan_value(s, POL_SCOPE_HELO, span_str("bad.example"));
	feed(s, "Subject: cheap\r\n\r\n", "token-one");
	eng_scan_abort(s);
	s = eng_scan_open(&workers[0], img, UINT32_MAX);
	feed(s, "X: y\r\n\r\n", "clean");
	eng_scan_close(s, &r);
	assert_int_equal(r.score, 0);
	assert_int_equal(r.rules_total, 0);
	assert_int_equal(r.rules[0], 0);
	eng_image_free(img);
}

static void a_message_ends_on_the_image_it_began_on(void **)
{
	struct eng_image *old = image_of("1 body 10 l before\n", 1);
	struct eng_image *new = image_of("1 body 20 l after\n", 2);
	struct eng_scan *a = eng_scan_open(&workers[0], old, UINT32_MAX), *b;
	struct eng_scan_result r;

	feed(a, "X: y\r\n\r\n", "bef");
	b = eng_scan_open(&workers[0], new, UINT32_MAX);
	feed(b, "X: y\r\n\r\n", "before aft");
	feed(a, "", "ore after");
	feed(b, "", "er");
	assert_true(eng_image_is_used(old));
	eng_scan_close(a, &r);
	assert_int_equal(r.score, 10);
	assert_false(eng_image_is_used(old));
	eng_image_free(old); // its memory goes while the other scans on
	feed(b, "", " and on");
	eng_scan_close(b, &r);
	assert_int_equal(r.score, 20);
	assert_false(eng_image_is_used(new));
	eng_image_free(new);
}

static void uses_of_flows_and_messages_add_up(void **)
{
	struct eng_image *img = image_of(RULES, 1);
	struct eng_scan *s = eng_scan_open(&workers[1], img, UINT32_MAX);

	eng_image_use(img, 0);
	eng_image_use(img, 0);
	eng_scan_abort(s);
	eng_image_unuse(img, 0);
	assert_true(eng_image_is_used(img));
	eng_image_unuse(img, 0);
	assert_false(eng_image_is_used(img));
	eng_image_free(img);
}

static void an_image_without_rules_scans_to_nothing(void **)
{
	struct eng_image *img = image_of("", 9);
	struct eng_scan *s = eng_scan_open(&workers[0], img, UINT32_MAX);
	struct eng_scan_result r;

	eng_scan_value(s, POL_SCOPE_HELO, span_str("bad.example"));
	feed(s, "X: y\r\n\r\n", "token-one");
	assert_true(eng_scan_peek(s, &r));
	eng_scan_close(s, &r);
	assert_int_equal(r.score, 0);
	assert_true(eng_pick_has(eng_image_pick(img), 25));
	assert_false(eng_pick_has(eng_image_pick(img), 26));
	assert_int_equal(pol_head(eng_image_policy(img))->version, 9);
	eng_image_free(img);
}

static void more_matches_than_are_kept_are_still_counted(void **)
{
	char rules[64 * 40], *at = rules, message[64 * 12] = "\r\n";
	struct eng_scan_result r;
	struct eng_image *img;
	struct eng_scan *s;

	for (unsigned i = 1; i <= 40; i++) {
		at += snprintf(at, 64, "%u body 1 l needle%02u\n", i, i);
		(void)snprintf(message + strlen(message), 12, "needle%02u ", i);
	}
	img = image_of(rules, 1);
	s = eng_scan_open(&workers[0], img, UINT32_MAX);
	feed(s, "", message);
	eng_scan_close(s, &r);
	assert_int_equal(r.score, 40);
	assert_int_equal(r.rules_total, 40);
	for (unsigned i = 0; i < ENG_RULES_MAX; i++)
		assert_int_not_equal(r.rules[i], 0);
	eng_image_free(img);
}

static void a_damaged_image_is_refused_and_nothing_is_kept(void **)
{
	struct rte_malloc_socket_stats before, after;
	struct err_list err;
	uint8_t *bytes;
	size_t n;

	assert_int_equal(compile_empty(1, 0, &bytes, &n), 0);
	assert_int_equal(rte_malloc_get_socket_stats(0, &before), 0);
	for (size_t i = 0; i < n; i += 5) {
		err_init(&err);
		bytes[i] ^= 0x10;
		assert_null(eng_image_make(&conf, bytes, n, &err));
		assert_int_equal(err.count, 1);
		bytes[i] ^= 0x10;
	}
	err_init(&err);
	assert_null(eng_image_make(&conf, bytes, n - 1, &err));
	assert_null(eng_image_make(&conf, bytes, 0, &err));
	assert_int_equal(rte_malloc_get_socket_stats(0, &after), 0);
	assert_int_equal(before.alloc_count, after.alloc_count);
	free(bytes);
}

static void a_database_of_another_make_is_named(void **)
{
	static const char WORDS[] =
		"not a Hyperscan database at all, but long enough to be looked at";
	struct pol_build *b = pol_build_new();
	struct pol_rule rule = {.id = 1, .scope = POL_SCOPE_BODY};
	struct err_list err;
	uint8_t *bytes;
	size_t n;

	(void)pol_build_add(b, POL_SEC_RULES, &rule);
	pol_build_database(b, POL_SCOPE_BODY, WORDS, sizeof(WORDS));
	assert_int_equal(pol_build_finish(b, 1, 0, &bytes, &n), 0);
	err_init(&err);
	assert_null(eng_image_make(&conf, bytes, n, &err));
	assert_non_null(strstr(err.text[0], "scope body"));
	pol_build_free(b);
	free(bytes);
}

static void too_little_memory_is_said_and_nothing_is_kept(void **)
{
	struct rte_malloc_socket_stats before, after;
	struct cfg cfg = {0};
	struct eng_conf large = conf;
	struct err_list err;
	uint8_t *bytes;
	size_t n;

	large.messages = 100000000;
	assert_int_equal(compile_image(&(struct compile_input){.cfg = &cfg}, &bytes, &n, &err), 0);
	assert_int_equal(rte_malloc_get_socket_stats(0, &before), 0);
	err_init(&err);
	assert_null(eng_image_make(&large, bytes, n, &err));
	assert_non_null(strstr(err.text[0], "memory"));
	assert_int_equal(rte_malloc_get_socket_stats(0, &after), 0);
	assert_int_equal(before.alloc_count, after.alloc_count);
	free(bytes);
}

static void images_made_and_freed_leave_no_memory_behind(void **)
{
	struct rte_malloc_socket_stats before, after;

	assert_int_equal(rte_malloc_get_socket_stats(0, &before), 0);
	for (unsigned i = 0; i < 20; i++)
		eng_image_free(image_of(RULES, i));
	assert_int_equal(rte_malloc_get_socket_stats(0, &after), 0);
	assert_int_equal(before.alloc_count, after.alloc_count);
	assert_int_equal(before.heap_allocsz_bytes, after.heap_allocsz_bytes);
}

static int eal_start(void **)
{
	char name[] = "scan_test", huge[] = "--no-huge", alone[] = "--no-shconf", m[] = "-m",
	     size[] = "256", pci[] = "--no-pci", telemetry[] = "--no-telemetry",
	     log[] = "--log-level=error", l[] = "-l", core[] = "0";
	char *args[] = {name, huge, alone, m, size, pci, telemetry, log, l, core};

	return rte_eal_init(COUNT(args), args) < 0 ? -1 : 0;
}

static int eal_stop(void **)
{
	return rte_eal_cleanup();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_cut_anywhere_is_judged_as_the_whole),
		cmocka_unit_test(a_message_byte_by_byte_is_judged_as_the_whole),
		cmocka_unit_test(envelope_values_count_with_the_message_and_once),
		cmocka_unit_test(a_peek_sees_what_the_end_would_bring_and_changes_nothing),
		cmocka_unit_test(an_empty_pool_gives_null_and_everything_comes_back),
		cmocka_unit_test(an_aborted_message_leaves_no_trace_in_the_next),
		cmocka_unit_test(a_message_ends_on_the_image_it_began_on),
		cmocka_unit_test(uses_of_flows_and_messages_add_up),
		cmocka_unit_test(an_image_without_rules_scans_to_nothing),
		cmocka_unit_test(more_matches_than_are_kept_are_still_counted),
		cmocka_unit_test(a_damaged_image_is_refused_and_nothing_is_kept),
		cmocka_unit_test(a_database_of_another_make_is_named),
		cmocka_unit_test(too_little_memory_is_said_and_nothing_is_kept),
		cmocka_unit_test(images_made_and_freed_leave_no_memory_behind),
	};

	return cmocka_run_group_tests(tests, eal_start, eal_stop);
}

// SPDX-License-Identifier: BSD-3-Clause
// Words, lists of patterns and access rules: spellings of one address are one word, a list says what
// its patterns say one by one, the first rule that takes a recipient decides, and nothing takes long.
#include "policy_sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pol_access.h"

enum { VERSION = 3, MADE_S = 1234567 };

struct made {
	struct sample bytes;
	const struct pol_image *img;
};

static struct made finish(struct pol_build *b)
{
	static struct err_list err;
	struct made m = {0};

	err_init(&err);
	assert_int_equal(pol_build_finish(b, VERSION, MADE_S, &m.bytes.bytes, &m.bytes.n), 0);
	pol_build_free(b);
	if (pol_verify((struct span){m.bytes.bytes, m.bytes.n}, &m.img, &err) != 0)
		fail_msg("%s", err.text[0]);
	return m;
}

static struct made list_of(const char *const *patterns, uint32_t n)
{
	struct pol_build *b = pol_build_new();

	assert_non_null(b);
	assert_int_equal(pol_build_list(b, VERSION, MADE_S, patterns, n), 0);
	return finish(b);
}

static bool takes(const struct pol_image *img, const char *address)
{
	struct pol_word w;

	pol_word_make(img, span_str(address), &w);
	return pol_list_takes(img, 0, &w);
}

static const struct {
	const char *path, *word; // word NULL: not readable
} WORDS[] = {
	{"a@example.org", "a@example.org"},
	{"A@Example.ORG", "a@example.org"},
	{"a@example.org.", "a@example.org"},
	{"a@example.org...", "a@example.org"},
	{"\"a\"@example.org", "a@example.org"},
	{"\"\\a\"@example.org", "a@example.org"},
	{"\\a@example.org", "a@example.org"},
	{"b\"a\"d@example.org", "bad@example.org"},
	{" a@example.org\t", "a@example.org"},
	{"\"John Doe\"@example.org", "john doe@example.org"},
	{"\"a(b),c;d:<e>\"@example.org", "a(b),c;d:<e>@example.org"},
	{"a\\@b@example.org", "a@b@example.org"},
	{"a@[IPv6:2001:db8::1]", "a@[ipv6:2001:db8::1]"},
	{"\"a\\\"b\"@example.org", "a\"b@example.org"},
	{"\"a\\\\b\"@example.org", "a\\b@example.org"},
	{"\"a@example.com\"@example.org", "a@example.com@example.org"},
	{"user%example.com@example.org", "user%example.com@example.org"},
	{"example.com!user@example.org", "example.com!user@example.org"},
	{"\xc3\x84@example.org", "\xc3\x84@example.org"},
	{"postmaster", "postmaster"},
	{"a@", "a@"},
	{"@example.org", "@example.org"},
	{"a@[192.0.2.1]", "a@[192.0.2.1]"},
	{"", "<>"},
	{"\"\"", "<>"},
	{".", "<>"},
};

static void spellings_of_one_address_are_one_word(void **)
{
	struct made m = list_of(&(const char *){"x@example.org"}, 1);

	for (size_t i = 0; i < COUNT(WORDS); i++) {
		struct pol_word w;

		pol_word_make(m.img, span_str(WORDS[i].path), &w);
		assert_true(w.readable);
		if (w.n != strlen(WORDS[i].word) || memcmp(w.b, WORDS[i].word, w.n) != 0)
			fail_msg("%s became %.*s", WORDS[i].path, w.n, w.b);
	}
	free(m.bytes.bytes);
}

// What a lax server would read another address in.
static const char *const UNREADABLE[] = {"a(b)@example.org", "(b)a@example.org", "a@example.org(b",
	"x <a@example.org", "<a@example.org", "a@example.org>", ",a@example.org",
	"a@example.org,b@c", "g:a@example.org;", "a@example.org;", "a b@example.org",
	"a @example.org", "a@ example.org", "a\x01@example.org", "a\x7f@example.org",
	"a\r@example.org", "\"a@example.org", "a@example.org\\", "@a,@b", "a@example.org@",
	"a@example.org@.", "@[b:a@example.org", "a@example.org@example.com"};

static void what_may_be_read_as_another_address_has_no_form(void **)
{
	struct made m = list_of(&(const char *){"*"}, 1);
	struct pol_word w;

	for (size_t i = 0; i < COUNT(UNREADABLE); i++) {
		pol_word_make(m.img, span_str(UNREADABLE[i]), &w);
		if (w.readable)
			fail_msg("%s is %.*s", UNREADABLE[i], w.n, w.b);
	}
	pol_word_make(m.img, (struct span){(const uint8_t *)"a\0b", 3}, &w);
	assert_false(w.readable);
	free(m.bytes.bytes);
}

static void a_word_too_long_or_with_too_many_dots_or_none_is_not_readable(void **)
{
	struct made m = list_of(&(const char *){"*"}, 1);
	char text[2 * POL_WORD_MAX];
	struct pol_word w;

	memset(text, 'a', sizeof(text));
	pol_word_make(m.img, (struct span){(uint8_t *)text, POL_WORD_MAX}, &w);
	assert_true(w.readable && pol_list_takes(m.img, 0, &w));
	pol_word_make(m.img, (struct span){(uint8_t *)text, POL_WORD_MAX + 1}, &w);
	assert_false(w.readable || pol_list_takes(m.img, 0, &w));
	assert_true(pol_list_takes(m.img, POL_NONE, &w));
	memset(text + 1, '"', POL_WORD_MAX); // left out, so they don't count
	pol_word_make(m.img, (struct span){(uint8_t *)text, POL_WORD_MAX + 1}, &w);
	assert_true(w.readable && w.n == 1);
	memset(text, '.', sizeof(text));
	memcpy(text, "a@", 2);
	text[POL_KEYS_MAX] = 'c'; // whole, @, and 128 dots
	pol_word_make(m.img, (struct span){(uint8_t *)text, POL_KEYS_MAX + 1}, &w);
	assert_true(w.readable && w.nkeys == POL_KEYS_MAX);
	text[POL_KEYS_MAX] = '.';
	text[POL_KEYS_MAX + 1] = 'c';
	pol_word_make(m.img, (struct span){(uint8_t *)text, POL_KEYS_MAX + 2}, &w);
	assert_false(w.readable);
	pol_word_make(m.img, (struct span){NULL, 0}, &w); // no path in its command
	assert_false(w.readable);
	free(m.bytes.bytes);
}

static const struct {
	const char *pattern, *address;
	bool takes;
} GLOBS[] = {
	{"a@example.org", "a@example.org", true},
	{"A@example.org", "a@EXAMPLE.org", true},
	{"a@example.org", "ba@example.org", false},
	{"a@example.org", "a@example.org.uk", false},
	{"*@example.org", "a@example.org", true},
	{"*@example.org", "@example.org", true},
	{"*@example.org", "a@mail.example.org", false},
	{"*@example.org", "a@notexample.org", false},
	{"*@example.org", "a\\@b@example.org", true},
	{"*@example.org", "a@b@example.org", false}, // not readable
	{"*@example.org", "\"x@example.org\"@example.com", false},
	{"*@*.example.org", "a@mail.example.org", true},
	{"*@*.example.org", "a@x.y.example.org", true},
	{"*@*.example.org", "a@example.org", false},
	{"*@*.example.org", "a@notexample.org", false},
	{"*@*.example.org", "a.example.org", false},
	{"*@*.example.org", ".example.org", false},
	{"*@*.org", "a@example.org", true},
	{"news-*@example.org", "news-1@example.org", true},
	{"news-*@example.org", "new@example.org", false},
	{"?@example.org", "a@example.org", true},
	{"?@example.org", "ab@example.org", false},
	{"*", "a@example.org", true},
	{"*", "", true},
	{"*@*", "", false},
	{"<>", "", true},
	{"<>", "a@example.org", false},
	{"*%*@*", "user%example.com@example.org", true},
	{"postmaster", "PostMaster", true},
	{"postmaster", "postmaster@example.org", false},
	{"*a*b*c", "xxaxxbxxc", true},
	{"*a*b*c", "xxaxxcxxb", false},
	{"a*", "a", true},
	{"a?", "a", false},
	{"**@?*.org", "x@y.org", true},
};

static void a_pattern_is_a_glob_over_the_whole_address(void **)
{
	for (size_t i = 0; i < COUNT(GLOBS); i++) {
		struct made m = list_of(&GLOBS[i].pattern, 1);

		if (takes(m.img, GLOBS[i].address) != GLOBS[i].takes)
			fail_msg("%s and %s", GLOBS[i].pattern, GLOBS[i].address);
		free(m.bytes.bytes);
	}
}

static void a_text(uint64_t *seed, const char *letters, char *out, unsigned max)
{
	unsigned n = draw(seed, max);

	for (unsigned i = 0; i < n; i++)
		out[i] = letters[draw(seed, (uint32_t)strlen(letters))];
	out[n] = '\0';
}

// A pattern as config/ lets it pass.
static void a_pattern(uint64_t *seed, char *out)
{
	static const char *const FRONTS[] = {"", "*@", "*@*.", "a@", "*"};

	do {
		(void)snprintf(out, 16, "%s", FRONTS[draw(seed, COUNT(FRONTS))]);
		a_text(seed, draw(seed, 2) ? "ab.@" : "ab.@*?", out + strlen(out), 6);
	} while (out[0] == '\0' || out[0] == '@' || out[strlen(out) - 1] == '.' ||
		(out[0] == '.' && strchr(out, '@') == NULL));
}

// As a pattern's meaning is said, without any haste.
static bool slowly_takes(const char *p, const char *text)
{
	if (*p == '\0')
		return *text == '\0';
	if (*p == '*')
		return slowly_takes(p + 1, text) || (*text != '\0' && slowly_takes(p, text + 1));
	return *text != '\0' && (*p == '?' || *p == *text) && slowly_takes(p + 1, text + 1);
}

static void a_pattern_takes_what_its_meaning_says(void **)
{
	uint64_t seed = 78;
	unsigned taken = 0;

	for (unsigned round = 0; round < 200000; round++) {
		char pattern[16], text[16];

		a_text(&seed, "ab*?*", pattern, 9);
		a_text(&seed, "ab", text, 12);
		const bool want = slowly_takes(pattern, text);
		if (want != pol_pattern_takes(pattern, span_str(text)))
			fail_msg("%s, %s, wanted %d", pattern, text, want);
		taken += want;
	}
	assert_in_range(taken, 20000, 180000);
}

// A spelling in which each at-sign is quoted: all are the address's.
static void quoted(const char *address, char out[32])
{
	for (; *address != '\0'; address++) {
		if (*address == '@')
			*out++ = '\\';
		*out++ = *address;
	}
	*out = '\0';
}

static void a_list_says_what_its_patterns_say_one_by_one(void **)
{
	uint64_t seed = 77;
	unsigned taken = 0;

	for (unsigned round = 0; round < 1500; round++) {
		char text[40][16], address[16], spelled[32];
		const char *patterns[40];
		const uint32_t n = 1 + draw(&seed, 40);
		struct made m;

		for (uint32_t i = 0; i < n; i++) {
			a_pattern(&seed, text[i]);
			patterns[i] = text[i];
		}
		m = list_of(patterns, n);
		for (unsigned k = 0; k < 40; k++) {
			struct pol_word w;
			bool want = false;

			a_text(&seed, "ab.@", address, 9);
			quoted(address, spelled);
			pol_word_make(m.img, span_str(spelled), &w);
			assert_true(w.readable);
			for (uint32_t i = 0; i < n && !want; i++)
				want = pol_pattern_takes(patterns[i], (struct span){w.b, w.n});
			if (want != pol_list_takes(m.img, 0, &w))
				fail_msg("%s, wanted %d, among %u patterns", address, want, n);
			taken += want;
		}
		free(m.bytes.bytes);
	}
	assert_in_range(taken, 10000, 55000); // both answers come often
}

static void a_hundred_thousand_patterns_are_found_and_no_other(void **)
{
	enum { N = 100000 };
	char(*text)[40] = calloc(N, sizeof(*text));
	const char **patterns = calloc(N, sizeof(*patterns));
	char address[64];
	struct made m;

	for (unsigned i = 0; i < N; i++) {
		(void)snprintf(text[i], sizeof(text[i]),
			i % 3 == 0           ? "user%u@example.org"
				: i % 3 == 1 ? "*@domain%u.example"
					     : "*@*.below%u.example",
			i);
		patterns[i] = text[i];
	}
	m = list_of(patterns, N);
	for (unsigned i = 0; i < N; i++) {
		(void)snprintf(address, sizeof(address),
			i % 3 == 0           ? "User%u@example.org"
				: i % 3 == 1 ? "x@domain%u.example"
					     : "x@y.z.below%u.example",
			i);
		assert_true(takes(m.img, address));
		(void)snprintf(address, sizeof(address),
			i % 3 == 0           ? "user%u@example.com"
				: i % 3 == 1 ? "x@y.domain%u.example"
					     : "x@below%u.example",
			i);
		assert_false(takes(m.img, address));
	}
	free(text);
	free(patterns);
	free(m.bytes.bytes);
}

static void no_pattern_and_no_address_takes_long(void **)
{
	enum { GLOBS_N = 256, ROUNDS = 20 };
	char pattern[GLOBS_N][255], address[POL_WORD_MAX + 1];
	const char *patterns[GLOBS_N];
	struct timespec from, to;
	struct pol_word w;
	struct made m;

	for (unsigned i = 0; i < GLOBS_N; i++) {
		for (unsigned k = 0; k < 250; k++)
			pattern[i][k] = k % 2 == 0 ? '*' : 'a';
		(void)snprintf(pattern[i] + 250, 5, "b%u", i);
		patterns[i] = pattern[i];
	}
	m = list_of(patterns, GLOBS_N);
	memset(address, 'a', POL_WORD_MAX);
	address[POL_WORD_MAX] = '\0';
	pol_word_make(m.img, span_str(address), &w);
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	for (unsigned i = 0; i < ROUNDS; i++)
		assert_false(pol_list_takes(m.img, 0, &w));
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	// The bound is 320 times 254 steps a glob; what tries every way would not end at all.
	assert_true(to.tv_sec - from.tv_sec < 30);
	free(m.bytes.bytes);
}

// ---- rules

struct rule {
	const char *client, *helo, *sender, *recipient; // NULL = any
	enum pol_auth auth;
	bool off;
	enum pol_direction direction;
};

static uint32_t one_list(struct pol_build *b, const char *pattern)
{
	return pattern == NULL ? POL_NONE : pol_build_list(b, VERSION, MADE_S, &pattern, 1);
}

static struct made rules_of(const struct rule *rules, uint32_t n)
{
	struct pol_build *b = pol_build_new();
	const struct pol_range server = {
		.lo = sample_addr("192.0.2.0"), .hi = sample_addr("192.0.2.255")};

	(void)pol_build_add(b, POL_SEC_SERVERS, &server); // one
	for (uint32_t i = 0; i < n; i++) {
		struct pol_access r = {.name = pol_build_string(b, "rule"),
			.clients = pol_build_count(b, POL_SEC_CLIENTS),
			.nclients = rules[i].client != NULL,
			.helo = one_list(b, rules[i].helo),
			.sender = one_list(b, rules[i].sender),
			.recipient = one_list(b, rules[i].recipient),
			.direction = (uint8_t)rules[i].direction,
			.auth = (uint8_t)rules[i].auth,
			.enabled = !rules[i].off};

		if (rules[i].client != NULL) {
			struct prefix p = sample_prefix(rules[i].client);

			(void)pol_build_add(b, POL_SEC_CLIENTS, &p); // where .clients says
		}
		assert_int_equal(pol_build_add(b, POL_SEC_ACCESS, &r), i);
	}
	return finish(b);
}

static struct pol_access_key key_of(const struct pol_image *img, const char *client,
	const char *helo, const char *sender, const char *recipient, bool auth)
{
	struct pol_access_key k = {.client = sample_addr(client), .auth = auth};

	pol_word_make(img, span_str(helo), &k.helo);
	pol_word_make(img, span_str(sender), &k.sender);
	pol_word_make(img, span_str(recipient), &k.recipient);
	return k;
}

static uint32_t ask(const struct pol_image *img, const struct pol_access_key *k)
{
	struct pol_access_bits bits;

	pol_access_mail(img, &k->client, &k->server, &k->helo, &k->sender, &bits);
	return pol_access_rcpt(img, &bits, k->auth, &k->recipient);
}

static const struct rule RULES[] = {
	{.client = "10.0.0.0/8", .sender = "bad@example.org", .off = true},
	{.client = "10.0.0.0/8", .sender = "bad@example.org"},
	{.client = "fd77::/64", .recipient = "*@example.com"},
	{.helo = "*.dyn.example.net"},
	{.auth = POL_AUTH_YES, .sender = "*@example.org"},
	{.auth = POL_AUTH_NO, .recipient = "*@closed.example"},
	{.sender = "<>"},
};

static const struct {
	const char *client, *helo, *sender, *recipient;
	bool auth;
	uint32_t found;
	enum pol_access_miss miss; // of rule 1
} ASKED[] = {
	{"10.1.1.1", "h", "bad@example.org", "x@y.example", false, 1, POL_ACCESS_TAKES},
	{"10.1.1.1", "h", "\"BAD\"@Example.org.", "x@y.example", false, 1, POL_ACCESS_TAKES},
	{"11.1.1.1", "h", "bad@example.org", "x@y.example", false, POL_NONE, POL_ACCESS_CLIENT},
	{"10.1.1.1", "h", "good@example.org", "x@y.example", false, POL_NONE, POL_ACCESS_SENDER},
	{"fd77::9", "h", "good@example.org", "x@EXAMPLE.com", false, 2, POL_ACCESS_CLIENT},
	{"10.1.1.1", "a.Dyn.example.net", "x@y.example", "x@y.example", false, 3,
		POL_ACCESS_SENDER},
	{"10.1.1.1", "h", "x@example.org", "x@y.example", true, 4, POL_ACCESS_SENDER},
	{"10.1.1.1", "h", "x@example.org", "x@closed.example", false, 5, POL_ACCESS_SENDER},
	{"10.1.1.1", "h", "x@example.net", "x@closed.example", true, POL_NONE, POL_ACCESS_SENDER},
	{"10.1.1.1", "h", "", "x@y.example", true, 6, POL_ACCESS_SENDER},
};

static void the_first_rule_that_takes_a_recipient_decides(void **)
{
	struct made m = rules_of(RULES, COUNT(RULES));

	for (size_t i = 0; i < COUNT(ASKED); i++) {
		struct pol_access_key k = key_of(m.img, ASKED[i].client, ASKED[i].helo,
			ASKED[i].sender, ASKED[i].recipient, ASKED[i].auth);

		assert_int_equal(ask(m.img, &k), ASKED[i].found);
		assert_int_equal(pol_access_explain(m.img, &k, 0), POL_ACCESS_DISABLED);
		assert_int_equal(pol_access_explain(m.img, &k, 1), ASKED[i].miss);
	}
	free(m.bytes.bytes);
}

// 192.0.2.0/24 are servers of a protected domain.
static void a_rule_of_a_direction_takes_nothing_of_the_other(void **)
{
	static const struct rule rules[] = {
		{.direction = POL_DIRECTION_IN, .recipient = "in@x.example"},
		{.direction = POL_DIRECTION_OUT, .recipient = "*@x.example"},
		{.recipient = "any@y.example"},
	};
	static const struct {
		const char *server, *recipient;
		uint32_t found;
		enum pol_access_miss miss; // of rule 0
	} asked[] = {
		{"192.0.2.1", "in@x.example", 0, POL_ACCESS_TAKES},
		{"192.0.3.1", "in@x.example", 1, POL_ACCESS_DIRECTION},
		{"192.0.2.1", "out@x.example", POL_NONE, POL_ACCESS_RECIPIENT},
		{"192.0.3.1", "out@x.example", 1, POL_ACCESS_DIRECTION},
		{"192.0.2.1", "any@y.example", 2, POL_ACCESS_RECIPIENT},
		{"192.0.3.1", "any@y.example", 2, POL_ACCESS_DIRECTION},
	};
	struct made m = rules_of(rules, COUNT(rules));

	for (size_t i = 0; i < COUNT(asked); i++) {
		struct pol_access_key k =
			key_of(m.img, "10.1.1.1", "h", "a@b.example", asked[i].recipient, true);

		k.server = sample_addr(asked[i].server);
		assert_int_equal(ask(m.img, &k), asked[i].found);
		assert_int_equal(pol_access_explain(m.img, &k, 0), asked[i].miss);
	}
	free(m.bytes.bytes);
}

static void without_rules_everything_is_permitted(void **)
{
	struct made m = rules_of(NULL, 0);
	struct pol_access_key k =
		key_of(m.img, "10.1.1.1", "h", "a@b.example", "c@d.example", true);

	assert_int_equal(ask(m.img, &k), POL_NONE);
	free(m.bytes.bytes);
}

// As many rules as an image may have: what is found is the first that explain says takes it.
static void every_rule_can_decide(void **)
{
	static struct rule rules[POL_ACCESS_MAX];
	static char text[POL_ACCESS_MAX][32];
	struct made m;

	for (unsigned i = 0; i < POL_ACCESS_MAX; i++) {
		(void)snprintf(text[i], sizeof(text[i]), "u%u@example.org", i - i % 2);
		rules[i] = (struct rule){.recipient = text[i], .auth = POL_AUTH_YES + i % 2};
	}
	m = rules_of(rules, POL_ACCESS_MAX);
	for (unsigned i = 0; i < POL_ACCESS_MAX; i++) {
		struct pol_access_key k =
			key_of(m.img, "10.1.1.1", "h", "a@b.example", text[i], i % 2 == 0);
		uint32_t first = 0;

		assert_int_equal(ask(m.img, &k), i);
		while (pol_access_explain(m.img, &k, first) != POL_ACCESS_TAKES)
			first++;
		assert_int_equal(first, i);
	}
	free(m.bytes.bytes);
}

static void names_are_the_words_of_the_configuration(void **)
{
	assert_string_equal(pol_access_action_name(POL_ACCESS_BYPASS), "bypass");
	assert_string_equal(pol_access_action_name(POL_ACCESS_COUNT), "unknown");
	assert_string_equal(pol_access_miss_name(POL_ACCESS_HELO), "helo");
	assert_string_equal(pol_access_miss_name(POL_ACCESS_MISS_COUNT), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spellings_of_one_address_are_one_word),
		cmocka_unit_test(what_may_be_read_as_another_address_has_no_form),
		cmocka_unit_test(a_word_too_long_or_with_too_many_dots_or_none_is_not_readable),
		cmocka_unit_test(a_pattern_is_a_glob_over_the_whole_address),
		cmocka_unit_test(a_pattern_takes_what_its_meaning_says),
		cmocka_unit_test(a_list_says_what_its_patterns_say_one_by_one),
		cmocka_unit_test(a_hundred_thousand_patterns_are_found_and_no_other),
		cmocka_unit_test(no_pattern_and_no_address_takes_long),
		cmocka_unit_test(the_first_rule_that_takes_a_recipient_decides),
		cmocka_unit_test(a_rule_of_a_direction_takes_nothing_of_the_other),
		cmocka_unit_test(without_rules_everything_is_permitted),
		cmocka_unit_test(every_rule_can_decide),
		cmocka_unit_test(names_are_the_words_of_the_configuration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

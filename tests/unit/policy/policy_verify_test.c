// SPDX-License-Identifier: BSD-3-Clause
// The verifier: right images pass, every changed bit is noticed, and with the checksum made right
// again every wrong number is found; whatever passes can be read to its end.
#include "policy_sample.h"

#include "pol_access.h"

#include <stdlib.h>
#include <string.h>

static int verify(const struct sample *s, const struct pol_image **img, char why[ERR_TEXT_MAX])
{
	static struct err_list err;
	int rc;

	err_init(&err);
	rc = pol_verify((struct span){s->bytes, s->n}, img, &err);
	assert_int_equal(rc == 0, err.count == 0);
	if (why != NULL && rc != 0)
		memcpy(why, err.text[0], ERR_TEXT_MAX);
	return rc;
}

static void a_right_image_is_accepted_and_read_back(void **)
{
	struct sample s = sample_new();
	const struct pol_image *img = NULL;

	assert_int_equal(verify(&s, &img, NULL), 0);
	assert_int_equal(pol_head(img)->version, 7);
	assert_int_equal(pol_head(img)->made_s, 1700000000);
	assert_int_equal(pol_count(img, POL_SEC_POLICIES), 3);
	assert_int_equal(pol_count(img, POL_SEC_RULES), 2);
	assert_int_equal(pol_rule_at(img, 1)->id, 101);
	assert_string_equal(pol_string(img, pol_policy_at(img, 0)->name), "internal");
	assert_string_equal(pol_string(img, pol_policy_at(img, 2)->comment), "the carrier's own");
	assert_string_equal(pol_string(img, pol_content_at(img, 0)->text), "No spam");
	assert_int_equal(pol_session_at(img, 0)->idle_ms, 1000);
	assert_int_equal(pol_context_at(img, 0)->ports, 3);
	assert_int_equal(pol_section(img, POL_SEC_DB_BODY).n, 15);
	assert_int_equal(pol_section(img, POL_SEC_DB_HELO).n, 0);
	sample_free(&s);
}

static void the_same_text_is_stored_once(void **)
{
	struct sample s = sample_new();
	const struct pol_image *img = NULL;

	assert_int_equal(verify(&s, &img, NULL), 0);
	assert_int_equal(pol_policy_at(img, 0)->name, pol_session_at(img, 0)->name);
	sample_free(&s);
}

static void many_texts_keep_their_offsets(void **)
{
	struct pol_build *b = pol_build_new();
	uint32_t off[5000];
	char text[16];

	assert_non_null(b);
	for (unsigned i = 0; i < COUNT(off); i++) {
		(void)snprintf(text, sizeof(text), "rule %u", i);
		off[i] = pol_build_string(b, text);
		assert_true(i == 0 || off[i] > off[i - 1]);
	}
	for (unsigned i = 0; i < COUNT(off); i++) {
		(void)snprintf(text, sizeof(text), "rule %u", i);
		assert_int_equal(pol_build_string(b, text), off[i]);
	}
	pol_build_free(b);
}

static void an_image_without_anything_is_accepted(void **)
{
	struct pol_build *b = pol_build_new();
	const struct pol_image *img = NULL;
	struct sample s = {0};

	assert_int_equal(pol_build_finish(b, 1, 0, &s.bytes, &s.n), 0);
	assert_int_equal(verify(&s, &img, NULL), 0);
	assert_false(pol_picks_up(img, 25));
	assert_int_equal(pol_match(img, &(struct pol_key){.port = 25}), POL_NONE);
	pol_build_free(b);
	sample_free(&s);
}

static void every_changed_bit_is_refused(void **)
{
	struct sample s = sample_new();
	const struct pol_image *img = NULL;

	for (size_t i = 0; i < s.n; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			s.bytes[i] ^= (uint8_t)(1 << bit);
			assert_int_not_equal(verify(&s, &img, NULL), 0);
			s.bytes[i] ^= (uint8_t)(1 << bit);
		}
	}
	assert_null(img);
	sample_free(&s);
}

static void every_shorter_or_longer_run_is_refused(void **)
{
	struct sample s = sample_new(), cut;
	const struct pol_image *img = NULL;

	for (size_t n = 0; n < s.n + 128; n++) {
		if (n == s.n)
			continue;
		// Exactly as much memory as is claimed, so that a read past it is caught.
		cut = (struct sample){
			aligned_alloc(POL_ALIGN, (n + POL_ALIGN) & ~(size_t)(POL_ALIGN - 1)), n};
		assert_non_null(cut.bytes);
		memset(cut.bytes, 0, n);
		memcpy(cut.bytes, s.bytes, n < s.n ? n : s.n);
		if (n >= sizeof(struct pol_head)) {
			((struct pol_head *)cut.bytes)->size = n;
			sample_seal(&cut);
		}
		assert_int_not_equal(verify(&cut, &img, NULL), 0);
		sample_free(&cut);
	}
	sample_free(&s);
}

static void memory_that_is_not_aligned_is_refused(void **)
{
	struct sample s = sample_new();
	uint8_t *p = aligned_alloc(POL_ALIGN, s.n + POL_ALIGN);
	const struct pol_image *img = NULL;
	struct sample moved = {p + 8, s.n};

	memcpy(p + 8, s.bytes, s.n);
	assert_int_not_equal(verify(&moved, &img, NULL), 0);
	free(p);
	sample_free(&s);
}

// One field of one record of a section, set to a value it must not have.
#define FIELD(section, record, type, field, number)                                    \
	{                                                                              \
#section " " #record " " #field " = " #number, POL_SEC_##section,      \
			(record) * sizeof(struct type) + offsetof(struct type, field), \
			sizeof(((struct type *)0)->field), number                      \
	}
#define BYTE(section, record, type, field, at, number)                                           \
	{                                                                                        \
#section " " #record " " #field " = " #number, POL_SEC_##section,                \
			(record) * sizeof(struct type) + offsetof(struct type, field) + (at), 1, \
			number                                                                   \
	}

static const struct wrong {
	const char *name;
	enum pol_section sec;
	size_t off, n;
	uint64_t value;
} WRONG[] = {
	FIELD(POLICIES, 0, pol_policy, action, POL_ACTION_COUNT),
	FIELD(POLICIES, 1, pol_policy, action, 255),
	FIELD(POLICIES, 0, pol_policy, enabled, 2),
	FIELD(POLICIES, 0, pol_policy, context, 1),
	FIELD(POLICIES, 0, pol_policy, context, 0xfffe),
	FIELD(POLICIES, 0, pol_policy, stand_in, 1),
	FIELD(POLICIES, 2, pol_policy, stand_in, 2),
	FIELD(POLICIES, 0, pol_policy, vlan_hi, 5),
	FIELD(POLICIES, 0, pol_policy, vlan_lo, 1),
	FIELD(POLICIES, 2, pol_policy, vlan_lo, 21),
	FIELD(POLICIES, 2, pol_policy, vlan_hi, 4096),
	FIELD(POLICIES, 2, pol_policy, port_lo, 26),
	FIELD(POLICIES, 2, pol_policy, session, 1),
	FIELD(POLICIES, 2, pol_policy, content, 1),
	FIELD(POLICIES, 2, pol_policy, content, 0xfffffffe),
	FIELD(POLICIES, 2, pol_policy, name, 0x10000),
	FIELD(POLICIES, 2, pol_policy, comment, 0xffffffff),
	FIELD(POLICIES, 2, pol_policy, spare, 1),
	BYTE(POLICIES, 0, pol_policy, source, 16, 129),
	BYTE(POLICIES, 0, pol_policy, source, 15, 1),        // host bit behind /24
	BYTE(POLICIES, 0, pol_policy, source, 16, 108),      // network bits become host bits
	BYTE(POLICIES, 0, pol_policy, destination, 0, 0x80), // "any" with an address
	FIELD(SESSIONS, 0, pol_session, name, 0x10000),
	FIELD(SESSIONS, 0, pol_session, prevent_encryption, 2),
	FIELD(SESSIONS, 0, pol_session, mask_chunking, 2),
	FIELD(SESSIONS, 0, pol_session, mask_unknown, 2),
	FIELD(SESSIONS, 0, pol_session, strict_lines, 2),
	FIELD(SESSIONS, 0, pol_session, refuse_possible_end, 2),
	FIELD(SESSIONS, 0, pol_session, idle_ms, POL_IDLE_MAX_MS + 1),
	BYTE(SESSIONS, 0, pol_session, list, 0, 3),
	BYTE(SESSIONS, 0, pol_session, list, 15, 0xff),
	FIELD(SESSIONS, 0, pol_session, relaying, POL_RELAYING_COUNT),
	FIELD(SESSIONS, 0, pol_session, pipelining, POL_PIPELINING_COUNT),
	FIELD(SESSIONS, 0, pol_session, syntax_check, 2),
	FIELD(SESSIONS, 0, pol_session, helo_characters, 2),
	FIELD(SESSIONS, 0, pol_session, max_helo, 251),
	FIELD(SESSIONS, 0, pol_session, max_mail, 251),
	FIELD(SESSIONS, 0, pol_session, max_noop, 251),
	FIELD(SESSIONS, 0, pol_session, max_rset, 251),
	FIELD(SESSIONS, 0, pol_session, max_errors, 251),
	FIELD(SESSIONS, 0, pol_session, max_recipient_errors, 251),
	FIELD(SESSIONS, 0, pol_session, errors_free, 251),
	FIELD(SESSIONS, 0, pol_session, error_delay_s, 61),
	FIELD(SESSIONS, 0, pol_session, error_delay_step_s, 61),
	FIELD(SESSIONS, 0, pol_session, max_message_kb, POL_KB_MAX + 1),
	FIELD(SESSIONS, 0, pol_session, max_header_kb, POL_KB_MAX + 1),
	FIELD(SESSIONS, 0, pol_session, check_helo_domain, POL_DOMAIN_RESOLVED),
	FIELD(SESSIONS, 0, pol_session, check_sender_domain, POL_DOMAIN_COUNT),
	FIELD(SESSIONS, 0, pol_session, check_recipient_domain, POL_DOMAIN_RESOLVED),
	FIELD(SESSIONS, 0, pol_session, reject_empty_domain, 2),
	FIELD(SESSIONS, 0, pol_session, blocked, 1),
	FIELD(SESSIONS, 0, pol_session, nblocked, 1),
	FIELD(SESSIONS, 0, pol_session, nblocked, POL_NONE),
	FIELD(SESSIONS, 0, pol_session, total_connections, POL_TOTAL_CONNECTIONS_MAX + 1),
	FIELD(SESSIONS, 0, pol_session, client_connections, POL_CLIENT_CONNECTIONS_MAX + 1),
	FIELD(SESSIONS, 0, pol_session, client_rate, POL_RATE_MAX + 1),
	FIELD(SESSIONS, 0, pol_session, client_rate, 1), // in no minutes
	FIELD(SESSIONS, 0, pol_session, client_rate_min, POL_RATE_MAX_MIN + 1),
	FIELD(SESSIONS, 0, pol_session, client_messages, POL_RATE_MAX + 1),
	FIELD(SESSIONS, 0, pol_session, client_messages, 1), // in no minutes
	FIELD(SESSIONS, 0, pol_session, client_recipients, POL_RATE_MAX + 1),
	FIELD(SESSIONS, 0, pol_session, client_recipients, 1),
	FIELD(SESSIONS, 0, pol_session, sender_messages, POL_RATE_MAX + 1),
	FIELD(SESSIONS, 0, pol_session, sender_messages, 1),
	FIELD(SESSIONS, 0, pol_session, sender_recipients, POL_RATE_MAX + 1),
	FIELD(SESSIONS, 0, pol_session, sender_recipients, 1),
	FIELD(SESSIONS, 0, pol_session, sender_rate_min, POL_RATE_MAX_MIN + 1),
	FIELD(SESSIONS, 0, pol_session, check_three_way, 2),
	FIELD(SESSIONS, 0, pol_session, key, 1), // of another name
	FIELD(SESSIONS, 0, pol_session, spare16, 1),
	FIELD(SESSIONS, 0, pol_session, endpoint_reputation, POL_REPUTATION_COUNT),
	FIELD(SESSIONS, 0, pol_session, endpoint_reputation, POL_REPUTATION_REJECT), // no duration
	FIELD(SESSIONS, 0, pol_session, sender_reputation, POL_REPUTATION_COUNT),
	FIELD(SESSIONS, 0, pol_session, auth_reputation, POL_REPUTATION_COUNT),
	FIELD(SESSIONS, 0, pol_session, refuse_at, POL_REFUSE_COUNT),
	FIELD(SESSIONS, 0, pol_session, throttle_at, POL_SENDER_SCORE_MAX + 1),
	FIELD(SESSIONS, 0, pol_session, tempfail_at, POL_SENDER_SCORE_MAX + 1),
	FIELD(SESSIONS, 0, pol_session, reject_at, POL_SENDER_SCORE_MAX + 1),
	FIELD(SESSIONS, 0, pol_session, throttle_messages, POL_RATE_MAX + 1),
	FIELD(SESSIONS, 0, pol_session, throttle_percent, POL_THROTTLE_PERCENT_MAX + 1),
	FIELD(SESSIONS, 0, pol_session, endpoint_trigger, POL_TRIGGER_MAX + 1),
	FIELD(SESSIONS, 0, pol_session, endpoint_duration_min, POL_DURATION_MAX_MIN + 1),
	FIELD(CONTENTS, 0, pol_content, name, 0x10000),
	FIELD(CONTENTS, 0, pol_content, text, 0x10000),
	FIELD(CONTENTS, 0, pol_content, action, POL_CONTENT_COUNT),
	BYTE(CONTENTS, 0, pol_content, spare8, 0, 1),
	BYTE(CONTENTS, 0, pol_content, spare, 0, 1),
	FIELD(CONTEXTS, 0, pol_context, name, 0x10000),
	FIELD(CONTEXTS, 0, pol_context, by_vlan, 2),
	BYTE(CONTEXTS, 0, pol_context, spare8, 1, 1),
	FIELD(CONTEXTS, 0, pol_context, spare, 1),
	FIELD(PICKUP, 0, pol_pickup, port, 0),
	FIELD(PICKUP, 1, pol_pickup, port, 25),  // twice
	FIELD(PICKUP, 2, pol_pickup, port, 110), // out of order
	BYTE(PICKUP, 1, pol_pickup, spare, 5, 1),
	FIELD(ACCESS, 0, pol_access, name, 0x10000),
	FIELD(ACCESS, 0, pol_access, clients, 1), // and one record of it: outside
	FIELD(ACCESS, 0, pol_access, nclients, 2),
	FIELD(ACCESS, 0, pol_access, nclients, 0xffffffff),
	FIELD(ACCESS, 0, pol_access, helo, 2),
	FIELD(ACCESS, 0, pol_access, sender, 2),
	FIELD(ACCESS, 0, pol_access, recipient, 0xfffffffe),
	FIELD(ACCESS, 0, pol_access, auth, POL_AUTH_COUNT),
	FIELD(ACCESS, 0, pol_access, action, POL_ACCESS_COUNT),
	FIELD(ACCESS, 0, pol_access, enabled, 2),
	FIELD(ACCESS, 0, pol_access, direction, POL_DIRECTION_COUNT),
	BYTE(CLIENTS, 0, prefix, len, 0, 129),
	BYTE(CLIENTS, 0, prefix, addr, 15, 1), // host bit behind /24
	FIELD(LISTS, 0, pol_list, slots, 1),
	FIELD(LISTS, 0, pol_list, nslots, 4),
	FIELD(LISTS, 0, pol_list, nslots, 7),
	FIELD(LISTS, 0, pol_list, nslots, 0x80000000),
	FIELD(LISTS, 0, pol_list, nglobs, 0),
	FIELD(LISTS, 0, pol_list, nglobs, 0xffffffff),
	FIELD(LISTS, 1, pol_list, slots, 0),
	FIELD(LISTS, 1, pol_list, nslots, 1),
	FIELD(LISTS, 1, pol_list, globs, 0),
	FIELD(LISTS, 1, pol_list, nglobs, 0),
	FIELD(GLOBS, 0, pol_glob, text, 0), // ""
	FIELD(GLOBS, 0, pol_glob, text, 0x10000),
	FIELD(GLOBS, 1, pol_glob, text, 1), // no wildcard
	FIELD(RULES, 0, pol_rule, id, 0),
	FIELD(RULES, 0, pol_rule, score, POL_SCORE_MAX + 1),
	FIELD(RULES, 0, pol_rule, score, (uint32_t)(-POL_SCORE_MAX - 1)),
	FIELD(RULES, 0, pol_rule, scope, POL_SCOPE_COUNT),
	FIELD(RULES, 0, pol_rule, scope, POL_SCOPE_HELO), // a scope without a database
	FIELD(RULES, 0, pol_rule, name, 0x10000),
	BYTE(RULES, 0, pol_rule, spare8, 1, 1),
	BYTE(RULES, 0, pol_rule, spare, 7, 1),
	{"first string not empty", POL_SEC_STRINGS, 0, 1, 'x'},
};

static void every_wrong_number_is_refused(void **)
{
	const struct pol_image *img = NULL;
	char why[ERR_TEXT_MAX];

	for (size_t i = 0; i < COUNT(WRONG); i++) {
		struct sample s = sample_new();
		const struct pol_head *h = (const struct pol_head *)s.bytes;

		memcpy(s.bytes + h->sec[WRONG[i].sec].off + WRONG[i].off, &WRONG[i].value,
			WRONG[i].n);
		sample_seal(&s);
		if (verify(&s, &img, why) == 0)
			fail_msg("accepted: %s", WRONG[i].name);
		assert_null(strstr(why, "checksum"));
		sample_free(&s);
	}
}

// Whatever is moved or taken out of a list's hash could not be found any more.
static void every_change_of_a_hash_is_refused(void **)
{
	const struct pol_image *img = NULL;
	struct sample s = sample_new();
	struct pol_head *h = (struct pol_head *)s.bytes;
	struct pol_slot *slots = (struct pol_slot *)(void *)(s.bytes + h->sec[POL_SEC_SLOTS].off);
	uint32_t n = (uint32_t)(h->sec[POL_SEC_SLOTS].len / sizeof(*slots));
	unsigned moved = 0;

	assert_true(n >= 8);
	for (uint32_t i = 0; i < n; i++) {
		for (uint32_t k = 0; k < n; k++) {
			struct pol_slot a = slots[i], b = slots[k];

			if (a.text == 0 || a.text == b.text)
				continue;
			slots[i] = b;
			slots[k] = a;
			sample_seal(&s);
			moved += verify(&s, &img, NULL) != 0;
			slots[i] = a;
			slots[k] = b;
		}
		if (slots[i].text != 0) {
			slots[i].tag ^= 1;
			sample_seal(&s);
			assert_int_not_equal(verify(&s, &img, NULL), 0);
			slots[i].tag ^= 1;
		} else {
			slots[i].tag = 1;
			sample_seal(&s);
			assert_int_not_equal(verify(&s, &img, NULL), 0);
			slots[i].tag = 0;
		}
	}
	assert_true(moved > n); // two that share a home may change places
	h->version++; // hashed with it
	sample_seal(&s);
	assert_int_not_equal(verify(&s, &img, NULL), 0);
	sample_free(&s);
}

static void a_string_section_without_its_last_nul_is_refused(void **)
{
	struct sample s = sample_new();
	struct pol_head *h = (struct pol_head *)s.bytes;
	const struct pol_image *img = NULL;

	s.bytes[h->sec[POL_SEC_STRINGS].off + h->sec[POL_SEC_STRINGS].len - 1] = 'x';
	sample_seal(&s);
	assert_int_not_equal(verify(&s, &img, NULL), 0);
	sample_free(&s);
}

static void a_reply_text_that_could_be_a_second_reply_is_refused(void **)
{
	static const char *const TEXTS[] = {"a\r\n250 ok", "a\nb", "tab\t", "\x80", "\x7f"};
	const struct pol_image *img = NULL;
	char text[POL_TEXT_MAX + 2];

	for (size_t i = 0; i <= COUNT(TEXTS) + 1; i++) {
		struct pol_build *b = pol_build_new();
		struct pol_content c = {0};
		struct sample s = {0};
		size_t n = POL_TEXT_MAX + (i == COUNT(TEXTS)); // one too long, then just right

		memset(text, 'a', n);
		text[n] = '\0';
		c.text = pol_build_string(b, i < COUNT(TEXTS) ? TEXTS[i] : text);
		(void)pol_build_add(b, POL_SEC_CONTENTS, &c); // the only one
		assert_int_equal(pol_build_finish(b, 1, 0, &s.bytes, &s.n), 0);
		assert_int_equal(verify(&s, &img, NULL) == 0, i == COUNT(TEXTS) + 1);
		pol_build_free(b);
		sample_free(&s);
	}
}

static void a_database_without_rules_is_refused(void **)
{
	struct pol_build *b = pol_build_new();
	const struct pol_image *img = NULL;
	struct sample s = {0};

	pol_build_database(b, POL_SCOPE_RCPT, "x", 1);
	assert_int_equal(pol_build_finish(b, 1, 0, &s.bytes, &s.n), 0);
	assert_int_not_equal(verify(&s, &img, NULL), 0);
	pol_build_free(b);
	sample_free(&s);
}

static size_t read_access(const struct pol_image *img)
{
	static struct pol_access_key key;
	struct pol_access_bits bits;
	size_t sum = 0;

	pol_word_make(img, span_str("x@example.net"), &key.helo);
	pol_word_make(img, span_str("\"a\"@a.b.c.d.example.com."), &key.sender);
	pol_word_make(img, span_str("NEWS-1@example.org"), &key.recipient);
	pol_access_mail(img, &key.client, &key.server, &key.helo, &key.sender, &bits);
	sum += pol_access_rcpt(img, &bits, true, &key.recipient);
	for (uint32_t i = 0; i < pol_count(img, POL_SEC_ACCESS); i++)
		sum += pol_access_explain(img, &key, i) +
			strlen(pol_string(img, pol_access_at(img, i)->name));
	for (uint32_t i = 0; i < pol_count(img, POL_SEC_LISTS); i++)
		sum += pol_list_takes(img, i, &key.sender);
	return sum;
}

// Reads everything an accepted image offers; the address sanitizer judges.
static size_t read_all(const struct pol_image *img)
{
	struct pol_key key = {.port = 25, .ingress = 1, .vlan = 15};
	size_t sum = 0;

	for (uint32_t i = 0; i < pol_count(img, POL_SEC_POLICIES); i++) {
		const struct pol_policy *p = pol_policy_at(img, i);

		sum += strlen(pol_string(img, p->name)) + strlen(pol_string(img, p->comment));
		sum += p->session == POL_NONE ? 0 : pol_session_at(img, p->session)->idle_ms;
		sum += p->content == POL_NONE
			? 0
			: strlen(pol_string(img, pol_content_at(img, p->content)->text));
		sum += p->context == POL_ANY ? 0 : pol_context_at(img, p->context)->ports;
		sum += pol_explain(img, &key, i);
		key.source = p->source.addr;
		sum += pol_match(img, &key);
	}
	for (uint32_t i = 0; i < pol_count(img, POL_SEC_RULES); i++)
		sum += strlen(pol_string(img, pol_rule_at(img, i)->name));
	sum += read_access(img);
	for (unsigned sec = 0; sec < POL_SEC_COUNT; sec++) {
		struct span s = pol_section(img, sec);

		for (size_t i = 0; i < s.n; i++)
			sum += s.p[i];
	}
	return sum + pol_picks_up(img, 25) + pol_context_of(img, 1);
}

static void no_wrong_extent_leads_outside(void **)
{
	static const uint64_t VALUES[] = {
		0, 1, 63, 64, 4096, UINT64_MAX, UINT64_MAX - 63, UINT64_MAX / 2, (uint64_t)1 << 32};
	const struct pol_image *img = NULL;
	struct sample s = sample_new();
	struct pol_head *h = (struct pol_head *)s.bytes;

	for (unsigned sec = 0; sec < POL_SEC_COUNT; sec++) {
		for (size_t k = 0; k < COUNT(VALUES) * 2; k++) {
			struct pol_extent was = h->sec[sec];
			uint64_t v = VALUES[k / 2];

			*(k % 2 == 0 ? &h->sec[sec].off : &h->sec[sec].len) = v;
			sample_seal(&s);
			if (verify(&s, &img, NULL) == 0) {
				// Within its block a section may end elsewhere: zeros can be a record.
				assert_int_equal(h->sec[sec].off, was.off);
				assert_int_equal((h->sec[sec].len + POL_ALIGN - 1) / POL_ALIGN,
					(was.len + POL_ALIGN - 1) / POL_ALIGN);
				assert_true(read_all(img) > 0);
			}
			h->sec[sec] = was;
		}
	}
	sample_free(&s);
}

static void random_damage_is_refused_or_harmless(void **)
{
	static const uint8_t EDGES[] = {0, 1, 0x7f, 0x80, 0xff};
	uint64_t seed = 20240514;
	unsigned accepted = 0;

	for (unsigned round = 0; round < 20000; round++) {
		struct sample s = sample_new();
		const struct pol_image *img = NULL;
		unsigned changes = 1 + draw(&seed, 3);

		for (unsigned i = 0; i < changes; i++) {
			uint32_t kind = draw(&seed, COUNT(EDGES) + 2);

			s.bytes[draw(&seed, (uint32_t)s.n)] =
				kind < COUNT(EDGES) ? EDGES[kind] : (uint8_t)draw(&seed, 256);
		}
		sample_seal(&s);
		if (verify(&s, &img, NULL) == 0) {
			accepted++;
			assert_true(read_all(img) > 0);
		}
		sample_free(&s);
	}
	assert_true(accepted > 100); // scores, thresholds, versions: free to change
}

static void names_are_the_words_of_the_configuration(void **)
{
	assert_string_equal(pol_action_name(POL_INSPECT), "inspect");
	assert_string_equal(pol_scope_name(POL_SCOPE_HEADER), "header");
	assert_string_equal(pol_miss_name(POL_MISS_VLAN), "vlan");
	assert_string_equal(pol_scope_name(POL_SCOPE_COUNT), "unknown");
	assert_string_equal(pol_action_name((enum pol_action) - 1), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_right_image_is_accepted_and_read_back),
		cmocka_unit_test(the_same_text_is_stored_once),
		cmocka_unit_test(many_texts_keep_their_offsets),
		cmocka_unit_test(an_image_without_anything_is_accepted),
		cmocka_unit_test(every_changed_bit_is_refused),
		cmocka_unit_test(every_shorter_or_longer_run_is_refused),
		cmocka_unit_test(memory_that_is_not_aligned_is_refused),
		cmocka_unit_test(every_wrong_number_is_refused),
		cmocka_unit_test(every_change_of_a_hash_is_refused),
		cmocka_unit_test(a_string_section_without_its_last_nul_is_refused),
		cmocka_unit_test(a_reply_text_that_could_be_a_second_reply_is_refused),
		cmocka_unit_test(no_wrong_extent_leads_outside),
		cmocka_unit_test(a_database_without_rules_is_refused),
		cmocka_unit_test(random_damage_is_refused_or_harmless),
		cmocka_unit_test(names_are_the_words_of_the_configuration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

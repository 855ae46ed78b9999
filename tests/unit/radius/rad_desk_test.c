// SPDX-License-Identifier: BSD-3-Clause
// What becomes of a datagram: who may send, what is believed, what is answered, what is applied once.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include <cmocka.h>

#include "rad_desk.h"
#include "rad_make.h"

enum {
	NOW = 100000,
	DUPLICATES = 64,
	DUPLICATES_S = 15,
	FRAMED_IP = 8,
	CALLING = 31,
	BINDINGS = 16
};

static struct rad_bind *bind;
static struct rad_desk *desk;
static uint8_t reply[RAD_PACKET_MAX];

static void change_none(void *, const struct rad_key *, struct rad_bound) {}

static struct rad_client client(const char *prefix, const char *secret)
{
	struct rad_client c = {
		.form = {.id = {0, CALLING, RAD_KIND_TEXT},
			.address = {{0, FRAMED_IP, RAD_KIND_ADDR_V4}}},
		.event_time = true,
		.validate = true,
		.respond = true,
	};

	(void)snprintf(c.name, sizeof(c.name), "%s", prefix);
	assert_int_equal(prefix_parse(prefix, &c.prefix), 0);
	c.secret.n = (uint8_t)strlen(secret);
	memcpy(c.secret.octets, secret, strlen(secret));
	return c;
}

static int open_all(void **)
{
	const struct rad_bind_conf bc = {
		.bindings = BINDINGS, .endpoints = BINDINGS, .nas = 4, .key = "0123456789abcde"};
	struct rad_desk_conf dc = {
		.duplicates = DUPLICATES, .duplicates_s = DUPLICATES_S, .key = "edcba9876543210"};
	const struct rad_client c = client("192.0.2.0/24", "s3cret");

	dc.bind = bind = rad_bind_new(&bc, change_none, NULL);
	desk = rad_desk_new(&dc);
	assert_non_null(bind);
	assert_non_null(desk);
	assert_true(rad_desk_clients(desk, &c, 1));
	return 0;
}

static int close_all(void **)
{
	rad_desk_free(desk);
	rad_bind_free(bind);
	return 0;
}

// The request authenticator (RFC 2866 3), by hand.
static void sign(struct made *m, const char *secret)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();

	memset(m->b + 4, 0, RAD_AUTH);
	assert_int_equal(EVP_DigestInit_ex(c, EVP_md5(), NULL), 1);
	assert_int_equal(EVP_DigestUpdate(c, m->b, m->n), 1);
	assert_int_equal(EVP_DigestUpdate(c, secret, strlen(secret)), 1);
	assert_int_equal(EVP_DigestFinal_ex(c, m->b + 4, NULL), 1);
	EVP_MD_CTX_free(c);
}

static void request(struct made *m, uint8_t id, uint32_t status, const char *session,
	const char *who, const char *where)
{
	made_begin(m, RAD_ACCOUNTING_REQUEST, id);
	made_number(m, RAD_ACCT_STATUS_TYPE, status);
	if (session != NULL)
		made_text(m, RAD_ACCT_SESSION_ID, session);
	if (who != NULL)
		made_text(m, CALLING, who);
	if (where != NULL)
		made_v4(m, FRAMED_IP, where);
	sign(m, "s3cret");
}

static size_t send_from(const struct made *m, const char *from, uint32_t now_s)
{
	struct addr f;

	assert_int_equal(addr_parse(from, &f), 0);
	return rad_desk_take(desk, &f, made_span(m), now_s, reply);
}

static size_t send_to_desk(const struct made *m)
{
	return send_from(m, "192.0.2.1", NOW);
}

static uint64_t counted(enum rad_count what)
{
	struct rad_client_counts c;

	assert_true(rad_desk_counts(desk, 0, &c));
	return c.n[what];
}

static void is_at(const char *id, const char *where)
{
	struct rad_key k = {.port_last = UINT16_MAX};

	assert_int_equal(prefix_parse(where, &k.prefix), 0);
	const struct rad_bound got = rad_bind_find(bind, &k);
	if (id == NULL) {
		assert_int_equal(got.endpoint, RAD_NONE);
		return;
	}
	assert_int_not_equal(got.endpoint, RAD_NONE);
	assert_true(span_eq(rad_bind_id(bind, got.endpoint), span_str(id)));
}

static void a_start_is_bound_and_acknowledged(void **)
{
	struct rad_packet p;
	struct made m;

	request(&m, 7, RAD_START, "s1", "alice", "10.0.0.1");
	const size_t n = send_to_desk(&m);
	assert_int_equal(rad_packet_read((struct span){reply, n}, &p), RAD_GOOD);
	assert_int_equal(p.code, RAD_ACCOUNTING_RESPONSE);
	assert_int_equal(p.id, 7);
	is_at("alice", "10.0.0.1");
	assert_int_equal(counted(RAD_COUNT_START), 1);
	assert_int_equal(counted(RAD_COUNT_ANSWERS), 1);
}

static void a_stranger_gets_no_answer(void **)
{
	struct made m;

	request(&m, 7, RAD_START, "s1", "alice", "10.0.0.1");
	assert_int_equal(send_from(&m, "192.0.3.1", NOW), 0);
	assert_int_equal(send_from(&m, "2001:db8::1", NOW), 0);
	assert_int_equal(rad_desk_strangers(desk), 2);
	is_at(NULL, "10.0.0.1");
}

static void a_wrong_secret_is_believed_only_where_nothing_is_validated(void **)
{
	struct rad_client c = client("192.0.2.0/24", "s3cret");
	struct made m;

	request(&m, 7, RAD_START, "s1", "alice", "10.0.0.1");
	sign(&m, "wrong");
	assert_int_equal(send_to_desk(&m), 0);
	is_at(NULL, "10.0.0.1");
	assert_int_equal(counted(RAD_COUNT_FORGED), 1);
	c.validate = false;
	assert_true(rad_desk_clients(desk, &c, 1));
	assert_true(send_to_desk(&m) > 0);
	is_at("alice", "10.0.0.1");
	assert_int_equal(counted(RAD_COUNT_FORGED), 1); // kept over the change
}

static void who_is_not_to_be_answered_is_heard(void **)
{
	struct rad_client c = client("192.0.2.0/24", "s3cret");
	struct made m;

	c.respond = false;
	assert_true(rad_desk_clients(desk, &c, 1));
	request(&m, 7, RAD_START, "s1", "alice", "10.0.0.1");
	assert_int_equal(send_to_desk(&m), 0);
	is_at("alice", "10.0.0.1");
	assert_int_equal(counted(RAD_COUNT_ANSWERS), 0);
}

static void the_longest_prefix_says_who_it_is(void **)
{
	const struct rad_client two[] = {
		client("192.0.2.0/24", "s3cret"), client("192.0.2.9/32", "other")};
	struct made m;

	assert_true(rad_desk_clients(desk, two, 2));
	request(&m, 7, RAD_START, "s1", "alice", "10.0.0.1");
	assert_int_equal(send_from(&m, "192.0.2.9", NOW), 0);
	sign(&m, "other");
	assert_true(send_from(&m, "192.0.2.9", NOW) > 0);
	assert_int_equal(send_from(&m, "192.0.2.8", NOW), 0);
}

// A thousand of many lengths, inside each other: as a walk over all of them would say.
static void of_many_clients_the_longest_prefix_says_who_it_is(void **)
{
	enum { N = 1000, ASKED = 4000 };
	static struct rad_client many[N];
	static uint64_t want[N];
	uint32_t rnd = 1, strangers = 0;
	uint8_t buf[RAD_PACKET_MAX];

	for (uint32_t i = 0; i < N; i++) {
		struct prefix *p = &many[i].prefix;
		char text[64];

		rnd = rnd * 1664525 + 1013904223;
		const uint32_t len = 12 + rnd % 21,
			       bits = (rnd >> 12 & 0xfffff) & ~((1u << (32 - len)) - 1);
		(void)snprintf(text, sizeof(text), "10.%u.%u.%u/%u", bits >> 16 & 0xff,
			bits >> 8 & 0xff, bits & 0xff, len);
		many[i] = client("10.0.0.0/8", "s");
		if (i > 0)
			assert_int_equal(prefix_parse(text, p), 0);
		for (uint32_t j = 0; j < i; j++) // each is there once
			if (many[j].prefix.len == p->len && addr_eq(&many[j].prefix.addr, &p->addr))
				assert_int_equal(prefix_parse("fd00::/8", p), 0);
		(void)snprintf(many[i].name, sizeof(many[i].name), "%u", i);
	}
	assert_true(rad_desk_clients(desk, many, N));
	for (uint32_t k = 0; k < ASKED; k++) {
		const struct rad_client *best = NULL;
		struct addr a;

		rnd = rnd * 1664525 + 1013904223;
		a = addr_from_v4((const uint8_t[4]){
			k % 50 == 0 ? 11 : 10, rnd >> 8 & 0x0f, rnd >> 16, rnd >> 24});
		for (uint32_t i = 0; i < N; i++)
			if (prefix_has(&many[i].prefix, &a) &&
				(best == NULL || many[i].prefix.len > best->prefix.len))
				best = &many[i];
		if (best == NULL)
			strangers++;
		else
			want[best - many]++;
		assert_int_equal(
			rad_desk_take(desk, &a, (struct span){(const uint8_t *)"x", 1}, NOW, buf),
			0);
	}
	for (uint32_t i = 0; i < N; i++) {
		struct rad_client_counts c;

		assert_true(rad_desk_counts(desk, i, &c));
		if (many[i].prefix.len <= 128 && addr_is_v4(&many[i].prefix.addr))
			assert_int_equal(c.n[RAD_COUNT_MALFORMED], want[i]);
	}
	assert_int_equal(rad_desk_strangers(desk), strangers);
}

static void a_retransmission_is_acknowledged_again_and_applied_once(void **)
{
	uint8_t first[RAD_PACKET_MAX];
	struct made start, stop;

	request(&start, 7, RAD_START, "s1", "alice", "10.0.0.1");
	const size_t n = send_to_desk(&start);
	memcpy(first, reply, n);
	request(&stop, 8, RAD_STOP, "s1", "alice", "10.0.0.1");
	assert_true(send_to_desk(&stop) > 0);
	assert_int_equal(send_to_desk(&start), n);
	assert_memory_equal(first, reply, n);
	is_at(NULL, "10.0.0.1");
	assert_int_equal(counted(RAD_COUNT_START), 1);
	assert_int_equal(counted(RAD_COUNT_DUPLICATE), 1);
	// Ports and addresses are anybody's to forge: by another one it is the same record.
	assert_int_equal(send_from(&start, "192.0.2.77", NOW), n);
	assert_int_equal(counted(RAD_COUNT_DUPLICATE), 2);
}

static void duplicates_are_known_for_their_time_and_no_longer(void **)
{
	struct made m, other;

	request(&m, 7, RAD_INTERIM, "s1", "alice", "10.0.0.1");
	assert_true(send_from(&m, "192.0.2.1", NOW) > 0);
	request(&other, 8, RAD_INTERIM, "s2", "bob", "10.0.0.2");
	assert_true(send_from(&other, "192.0.2.1", NOW + DUPLICATES_S) > 0);
	assert_true(send_from(&m, "192.0.2.1", NOW + 2 * DUPLICATES_S - 1) > 0);
	assert_int_equal(counted(RAD_COUNT_DUPLICATE), 1);
	request(&other, 9, RAD_INTERIM, "s2", "bob", "10.0.0.2");
	assert_true(send_from(&other, "192.0.2.1", NOW + 2 * DUPLICATES_S) > 0);
	assert_true(send_from(&m, "192.0.2.1", NOW + 2 * DUPLICATES_S) > 0);
	assert_int_equal(counted(RAD_COUNT_DUPLICATE), 1);
}

static void more_datagrams_than_are_remembered_are_taken_all_the_same(void **)
{
	struct made m;
	char session[16];

	for (unsigned i = 0; i < 20 * DUPLICATES; i++) {
		(void)snprintf(session, sizeof(session), "s%u", i);
		request(&m, (uint8_t)i, RAD_INTERIM, session, "alice", "10.0.0.1");
		assert_true(send_from(&m, "192.0.2.1", NOW) > 0);
	}
	assert_true(send_to_desk(&m) > 0);
	assert_int_equal(counted(RAD_COUNT_DUPLICATE), 1);
}

static void what_cannot_be_used_is_counted_and_answered_where_its_nas_has_no_more_to_say(void **)
{
	static const struct {
		uint32_t status;
		const char *session, *who, *where;
		enum rad_count counted;
		bool answered;
	} rows[] = {
		{RAD_START, "s1", NULL, "10.0.0.1", RAD_COUNT_NO_ID, true},
		{RAD_START, "s1", "alice", NULL, RAD_COUNT_NO_ADDRESS, true},
		{RAD_START, NULL, "alice", "10.0.0.1", RAD_COUNT_NO_SESSION, false},
		{RAD_START, "s1", "alice", "127.0.0.1", RAD_COUNT_ABSURD, false},
		{15, "s1", "alice", "10.0.0.1", RAD_COUNT_IGNORED, true},
		{RAD_ON, NULL, NULL, NULL, RAD_COUNT_ON, true},
		{RAD_OFF, NULL, NULL, NULL, RAD_COUNT_OFF, true},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct made m;

		request(&m, (uint8_t)i, rows[i].status, rows[i].session, rows[i].who,
			rows[i].where);
		assert_int_equal(send_to_desk(&m) > 0, rows[i].answered);
		assert_int_equal(counted(rows[i].counted), 1);
		is_at(NULL, "10.0.0.1");
	}
}

static void packets_that_are_none_of_accounting_are_counted(void **)
{
	struct made m;

	request(&m, 7, RAD_START, "s1", "alice", "10.0.0.1");
	m.b[0] = 1; // Access-Request
	sign(&m, "s3cret");
	assert_int_equal(send_to_desk(&m), 0);
	assert_int_equal(counted(RAD_COUNT_CODE), 1);
	m.n -= 3;
	assert_int_equal(send_to_desk(&m), 0);
	assert_int_equal(counted(RAD_COUNT_MALFORMED), 1);
	made_begin(&m, RAD_STATUS_SERVER, 1); // without its seal
	assert_int_equal(send_to_desk(&m), 0);
	assert_int_equal(counted(RAD_COUNT_FORGED), 1);
}

static void what_finds_no_room_is_not_acknowledged_and_may_come_again(void **)
{
	char session[16], where[16];
	struct made m;

	for (unsigned i = 0; i < BINDINGS; i++) {
		(void)snprintf(session, sizeof(session), "s%u", i);
		(void)snprintf(where, sizeof(where), "10.0.1.%u", i);
		request(&m, (uint8_t)i, RAD_START, session, "alice", where);
		assert_true(send_to_desk(&m) > 0);
	}
	request(&m, 99, RAD_START, "late", "bob", "10.0.0.1");
	assert_int_equal(send_to_desk(&m), 0);
	assert_int_equal(counted(RAD_COUNT_FULL), 1);
	struct made stop;
	request(&stop, 98, RAD_STOP, "s0", "alice", "10.0.1.0");
	assert_true(send_to_desk(&stop) > 0);
	rad_bind_tick(bind, NOW + 1, BINDINGS); // ended ones are not kept here
	assert_true(send_to_desk(&m) > 0);
	is_at("bob", "10.0.0.1");
}

static void what_is_sent_again_later_is_acknowledged_and_changes_nothing(void **)
{
	struct rad_client c = client("192.0.2.0/24", "s3cret");
	struct made m[3];

	for (uint8_t i = 0; i < 3; i++) {
		static const uint32_t status[] = {RAD_START, RAD_STOP, RAD_START};
		static const uint32_t event_s[] = {1700000000, 1700000100, 1700000200};

		made_begin(&m[i], RAD_ACCOUNTING_REQUEST, i);
		made_number(&m[i], RAD_ACCT_STATUS_TYPE, status[i]);
		made_text(&m[i], RAD_ACCT_SESSION_ID, i < 2 ? "s1" : "s2");
		made_text(&m[i], CALLING, i < 2 ? "alice" : "bob");
		made_v4(&m[i], FRAMED_IP, "10.0.0.1");
		made_number(&m[i], 55, event_s[i]);
		sign(&m[i], "s3cret");
		assert_true(send_from(&m[i], "192.0.2.1", NOW + 100u * i) > 0);
	}
	is_at("bob", "10.0.0.1");
	assert_true(send_from(&m[0], "192.0.2.1", NOW + 1000) > 0);
	assert_int_equal(counted(RAD_COUNT_OLD), 1);
	is_at("bob", "10.0.0.1");
	c.event_time = false; // they come in any order, by arrival
	assert_true(rad_desk_clients(desk, &c, 1));
	m[0].b[1] = 9;
	sign(&m[0], "s3cret");
	assert_true(send_from(&m[0], "192.0.2.1", NOW + 2000) > 0);
	is_at("alice", "10.0.0.1");
}

static void a_client_beyond_its_share_is_not_acknowledged(void **)
{
	struct rad_client c[2] = {
		client("192.0.2.0/24", "s3cret"), client("198.51.100.0/24", "s3cret")};
	struct rad_client_counts n;
	struct made m;
	char where[16];

	c[0].context.most = 3;
	assert_true(rad_desk_clients(desk, c, 2));
	for (unsigned i = 0; i < 5; i++) {
		(void)snprintf(where, sizeof(where), "10.0.1.%u", i);
		request(&m, (uint8_t)i, RAD_START, where, "alice", where);
		assert_int_equal(send_to_desk(&m) > 0, i < 3);
	}
	assert_int_equal(counted(RAD_COUNT_SHARE), 2);
	assert_true(rad_desk_counts(desk, 0, &n));
	assert_int_equal(n.bindings, 3);
	assert_int_equal(n.most, 3);
	assert_true(send_from(&m, "198.51.100.1", NOW) > 0); // the other one has its own
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, open_all, close_all)
	const struct CMUnitTest tests[] = {
		CASE(a_start_is_bound_and_acknowledged),
		CASE(a_stranger_gets_no_answer),
		CASE(a_wrong_secret_is_believed_only_where_nothing_is_validated),
		CASE(who_is_not_to_be_answered_is_heard),
		CASE(the_longest_prefix_says_who_it_is),
		CASE(of_many_clients_the_longest_prefix_says_who_it_is),
		CASE(a_retransmission_is_acknowledged_again_and_applied_once),
		CASE(duplicates_are_known_for_their_time_and_no_longer),
		CASE(more_datagrams_than_are_remembered_are_taken_all_the_same),
		CASE(what_cannot_be_used_is_counted_and_answered_where_its_nas_has_no_more_to_say),
		CASE(packets_that_are_none_of_accounting_are_counted),
		CASE(what_is_sent_again_later_is_acknowledged_and_changes_nothing),
		CASE(a_client_beyond_its_share_is_not_acknowledged),
		CASE(what_finds_no_room_is_not_acknowledged_and_may_come_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

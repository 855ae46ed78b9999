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

static size_t send_from(const struct made *m, const char *from, uint16_t port, uint32_t now_s)
{
	struct rad_from f = {.port = port};

	assert_int_equal(addr_parse(from, &f.addr), 0);
	return rad_desk_take(desk, &f, made_span(m), now_s, reply);
}

static size_t send_to_desk(const struct made *m)
{
	return send_from(m, "192.0.2.1", 1812, NOW);
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
	assert_int_equal(send_from(&m, "192.0.3.1", 1812, NOW), 0);
	assert_int_equal(send_from(&m, "2001:db8::1", 1812, NOW), 0);
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
	assert_int_equal(send_from(&m, "192.0.2.9", 1812, NOW), 0);
	sign(&m, "other");
	assert_true(send_from(&m, "192.0.2.9", 1812, NOW) > 0);
	assert_int_equal(send_from(&m, "192.0.2.8", 1812, NOW), 0);
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
	// From another port it is another's; then the end of its session is what speaks against it.
	assert_int_equal(send_from(&start, "192.0.2.1", 1813, NOW), n);
	assert_int_equal(counted(RAD_COUNT_DUPLICATE), 1);
	is_at(NULL, "10.0.0.1");
}

static void duplicates_are_known_for_their_time_and_no_longer(void **)
{
	struct made m, other;

	request(&m, 7, RAD_INTERIM, "s1", "alice", "10.0.0.1");
	assert_true(send_from(&m, "192.0.2.1", 1812, NOW) > 0);
	request(&other, 8, RAD_INTERIM, "s2", "bob", "10.0.0.2");
	assert_true(send_from(&other, "192.0.2.1", 1812, NOW + DUPLICATES_S) > 0);
	assert_true(send_from(&m, "192.0.2.1", 1812, NOW + 2 * DUPLICATES_S - 1) > 0);
	assert_int_equal(counted(RAD_COUNT_DUPLICATE), 1);
	request(&other, 9, RAD_INTERIM, "s2", "bob", "10.0.0.2");
	assert_true(send_from(&other, "192.0.2.1", 1812, NOW + 2 * DUPLICATES_S) > 0);
	assert_true(send_from(&m, "192.0.2.1", 1812, NOW + 2 * DUPLICATES_S) > 0);
	assert_int_equal(counted(RAD_COUNT_DUPLICATE), 1);
}

static void more_datagrams_than_are_remembered_are_taken_all_the_same(void **)
{
	struct made m;
	char session[16];

	for (unsigned i = 0; i < 20 * DUPLICATES; i++) {
		(void)snprintf(session, sizeof(session), "s%u", i);
		request(&m, (uint8_t)i, RAD_INTERIM, session, "alice", "10.0.0.1");
		assert_true(send_from(&m, "192.0.2.1", 1812, NOW) > 0);
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

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, open_all, close_all)
	const struct CMUnitTest tests[] = {
		CASE(a_start_is_bound_and_acknowledged),
		CASE(a_stranger_gets_no_answer),
		CASE(a_wrong_secret_is_believed_only_where_nothing_is_validated),
		CASE(who_is_not_to_be_answered_is_heard),
		CASE(the_longest_prefix_says_who_it_is),
		CASE(a_retransmission_is_acknowledged_again_and_applied_once),
		CASE(duplicates_are_known_for_their_time_and_no_longer),
		CASE(more_datagrams_than_are_remembered_are_taken_all_the_same),
		CASE(what_cannot_be_used_is_counted_and_answered_where_its_nas_has_no_more_to_say),
		CASE(packets_that_are_none_of_accounting_are_counted),
		CASE(what_finds_no_room_is_not_acknowledged_and_may_come_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

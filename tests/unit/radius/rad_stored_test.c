// SPDX-License-Identifier: BSD-3-Clause
// The server with a store behind it: no answer before its record is on disk, a restart goes on where it was,
// a store that is lost or full.
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cmocka.h>

#include "rad_make.h"
#include "rad_server.h"
#include "sto_make.h"

enum { FRAMED_IP = 8, CALLING = 31, WAIT_MS = 60000, NAP_MS = 5, REPEATED_MAX = 20 };

static _Atomic int64_t set_by_s; // how far somebody has set the wall clock

// In the C library's place.
time_t time(time_t *out)
{
	struct timespec now;

	assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
	now.tv_sec += set_by_s;
	if (out != NULL)
		*out = now.tv_sec;
	return now.tv_sec;
}

static int nas = -1; // socket, connected to the server
static struct sto *sto;
static struct rad_server *server;

static void change_none(void *, const struct rad_key *, struct rad_bound) {}

static void nas_restore(void *, const struct sto_nas *row)
{
	assert_true(rad_server_restore_nas(server, row));
}

static void binding_restore(void *, const struct sto_binding *row)
{
	assert_true(rad_server_restore(server, row));
}

static struct rad_client client(const char *name)
{
	struct rad_client c = {
		.form = {.id = {0, CALLING, RAD_KIND_TEXT},
			.address = {{0, FRAMED_IP, RAD_KIND_ADDR_V4}}},
		.secret = {.n = 1, .octets = "x"},
		.context = {.key = 3, .vlan = 4},
		.respond = true,
	};

	(void)snprintf(c.name, sizeof(c.name), "%s", name);
	assert_int_equal(prefix_parse("127.0.0.0/8", &c.prefix), 0);
	return c;
}

// A server on a port that the system chose; its store is not started.
static void server_open(uint32_t queue_bytes, const struct rad_client *clients, uint32_t n)
{
	struct rad_server_conf conf = {.nlisten = 1, .bindings = 5000, .endpoints = 5000};
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t an = sizeof(a);
	struct err_list err;
	const int s = socket(AF_INET, SOCK_DGRAM, 0);

	assert_int_equal(bind(s, (struct sockaddr *)&a, an), 0);
	assert_int_equal(getsockname(s, (struct sockaddr *)&a, &an), 0);
	assert_int_equal(close(s), 0);
	assert_int_equal(addr_parse("127.0.0.1", &conf.listen[0]), 0);
	conf.port[0] = ntohs(a.sin_port);
	sto = sto_open(&(struct sto_conf){
		.file = made_file, .queue_bytes = queue_bytes, .retry_ms = MADE_RETRY_MS});
	assert_non_null(sto);
	conf.store = sto;
	conf.changed = change_none;
	err_init(&err);
	server = rad_server_new(&conf, &err);
	assert_non_null(server);
	assert_int_equal(rad_server_clients(server, clients, n), 0);
	sto_load(sto, &(struct sto_restore){.nas = nas_restore, .binding = binding_restore});
	assert_int_equal(rad_server_start(server), 0);
	nas = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(connect(nas, (struct sockaddr *)&a, sizeof(a)), 0);
}

static void server_close(void)
{
	assert_int_equal(close(nas), 0);
	rad_server_free(server);
	sto_close(sto);
}

static void server_open_plain(void)
{
	const struct rad_client c = client("nas");

	server_open(0, &c, 1);
	assert_int_equal(sto_start(sto), 0);
}

static void ask(
	uint8_t id, uint32_t status, const char *session, const char *who, const char *where)
{
	struct made m;

	made_begin(&m, RAD_ACCOUNTING_REQUEST, id);
	made_number(&m, RAD_ACCT_STATUS_TYPE, status);
	if (session != NULL) {
		made_text(&m, RAD_ACCT_SESSION_ID, session);
		made_text(&m, CALLING, who);
		made_v4(&m, FRAMED_IP, where);
	}
	assert_int_equal(send(nas, m.b, m.n, 0), m.n);
}

static void answered(uint8_t id)
{
	struct pollfd p = {.fd = nas, .events = POLLIN};
	uint8_t buf[RAD_PACKET_MAX];

	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	assert_int_equal(recv(nas, buf, sizeof(buf), 0), RAD_HEAD);
	assert_int_equal(buf[1], id);
}

static bool is_silent(void)
{
	uint8_t buf[RAD_PACKET_MAX];

	return recv(nas, buf, sizeof(buf), MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static void talk(
	uint8_t id, uint32_t status, const char *session, const char *who, const char *where)
{
	ask(id, status, session, who, where);
	answered(id);
}

static bool is_bound(const char *where)
{
	struct rad_key k = {.port_last = UINT16_MAX, .context = 3, .vlan = 4};
	char got[RAD_ID_MAX];
	bool shared;

	assert_int_equal(prefix_parse(where, &k.prefix), 0);
	return rad_server_who(server, &k, got, &shared) > 0;
}

static void who_is(const char *id, const char *where)
{
	struct rad_key k = {.port_last = UINT16_MAX, .context = 3, .vlan = 4};
	char got[RAD_ID_MAX];
	bool shared;

	assert_int_equal(prefix_parse(where, &k.prefix), 0);
	const size_t n = rad_server_who(server, &k, got, &shared);
	assert_int_equal(n, strlen(id));
	assert_memory_equal(got, id, n);
}

static struct rad_server_counts counts_when(bool (*is)(const struct rad_server_counts *c))
{
	struct rad_server_counts c;

	for (int waited = 0;; waited += NAP_MS) {
		rad_server_counts(server, &c);
		if (is(&c))
			return c;
		assert_true(waited < WAIT_MS);
		(void)poll(NULL, 0, NAP_MS); // nothing tells of counts
	}
}

static bool three_wait(const struct rad_server_counts *c)
{
	return c->waiting == 3;
}

static bool two_unstored(const struct rad_server_counts *c)
{
	return c->unstored == 2;
}

static uint32_t asked;

static bool all_were_seen(const struct rad_server_counts *c)
{
	return c->bind.begun + c->unheard == asked;
}

static bool none_waits(const struct rad_server_counts *c)
{
	return c->waiting == 0;
}

static void no_answer_leaves_before_its_record_is_on_disk(void **)
{
	const struct rad_client c = client("nas");

	server_open(0, &c, 1);
	ask(1, RAD_START, "s1", "alice", "10.0.0.1");
	ask(1, RAD_START, "s1", "alice", "10.0.0.1");   // again
	ask(2, RAD_INTERIM, "s1", "alice", "10.0.0.1"); // makes no row; its Start is not on disk
	const struct rad_server_counts n = counts_when(three_wait);
	assert_int_equal(n.bind.begun, 1);
	assert_int_equal(n.bind.kept, 1);
	who_is("alice", "10.0.0.1"); // in force already
	assert_true(is_silent());
	assert_int_equal(sto_start(sto), 0);
	answered(1);
	answered(1);
	answered(2);
	server_close();
}

static void a_restart_goes_on_where_it_was(void **)
{
	server_open_plain();
	talk(1, RAD_START, "s1", "alice", "10.0.0.1");
	talk(2, RAD_START, "s2", "bob", "10.0.0.2");
	talk(3, RAD_START, "s3", "carol", "10.0.0.3");
	talk(4, RAD_STOP, "s3", "carol", "10.0.0.3");
	server_close();
	server_open_plain();
	who_is("alice", "10.0.0.1");
	who_is("bob", "10.0.0.2");
	who_is("", "10.0.0.3");
	talk(5, RAD_STOP, "s9", "alice", "10.0.0.1"); // of another session
	who_is("alice", "10.0.0.1");
	talk(6, RAD_STOP, "s1", "alice", "10.0.0.1"); // its own is known again
	who_is("", "10.0.0.1");
	talk(7, RAD_INTERIM, "s3", "carol", "10.0.0.3"); // it was over before the restart
	who_is("", "10.0.0.3");
	talk(8, RAD_ON, NULL, NULL, NULL);
	server_close();
	server_open_plain();
	who_is("", "10.0.0.2"); // with its NAS
	server_close();
}

// Else a restart would take all of them for idle, or for news of a time to come.
static void what_is_stored_follows_a_clock_that_is_set(void **)
{
	static const int64_t steps_s[] = {48 * 3600, -7 * 3600};
	struct sto_status st;

	server_open_plain();
	talk(1, RAD_START, "s1", "alice", "10.0.0.1");
	for (size_t i = 0; i < sizeof(steps_s) / sizeof(steps_s[0]); i++) {
		set_by_s += steps_s[i];
		sto_status(sto, &st);
		for (int waited = 0; st.rows < 2 + i; waited += NAP_MS) { // nothing tells when
			assert_true(waited < WAIT_MS);
			(void)poll(NULL, 0, NAP_MS);
			sto_status(sto, &st);
		}
	}
	server_close();
	sto_close(made_store()); // folds
	const int64_t behind_s = time(NULL) - made_query("SELECT seen_s FROM bindings");
	assert_in_range(behind_s + 2, 0, 30);
	set_by_s = 0;
}

static void a_nas_is_known_again_whatever_its_place_in_the_list(void **)
{
	struct rad_client two[] = {client("first"), client("second")};

	assert_int_equal(prefix_parse("192.0.2.1", &two[0].prefix), 0);
	server_open(0, two, 2);
	assert_int_equal(sto_start(sto), 0);
	talk(1, RAD_START, "s1", "alice", "10.0.0.1");
	server_close();
	server_open(0, two + 1, 1);
	assert_int_equal(sto_start(sto), 0);
	talk(2, RAD_STOP, "s1", "alice", "10.0.0.1");
	who_is("", "10.0.0.1");
	server_close();
}

static void a_lost_store_is_not_waited_for_and_gets_all_when_it_is_back(void **)
{
	struct sto_status st;

	assert_int_equal(mkdir(made_file, 0700), 0);
	server_open_plain();
	talk(1, RAD_START, "s1", "alice", "10.0.0.1");
	talk(2, RAD_START, "s2", "bob", "10.0.0.2");
	assert_int_equal(counts_when(two_unstored).waiting, 0);
	sto_status(sto, &st);
	assert_int_equal(st.unstored, 2);
	assert_int_equal(rmdir(made_file), 0);
	made_state(sto, STO_WELL);
	while (sto_era(sto) == 0)
		sto_turn(sto);
	for (int waited = 0; st.rows < 2; waited += NAP_MS) { // said again; nothing tells when
		assert_true(waited < WAIT_MS);
		(void)poll(NULL, 0, NAP_MS);
		sto_status(sto, &st);
	}
	talk(3, RAD_STOP, "s2", "bob", "10.0.0.2");
	server_close();
	server_open_plain();
	who_is("alice", "10.0.0.1");
	who_is("", "10.0.0.2");
	server_close();
}

static void what_the_queue_has_no_room_for_is_not_answered_but_when_it_is_repeated(void **)
{
	const struct rad_client c = client("nas");
	struct rad_server_counts n;
	char where[24], who[16];

	server_open(256 << 10, &c, 1);
	asked = 0;
	do {
		(void)snprintf(where, sizeof(where), "10.0.%u.%u", asked / 256, asked % 256);
		(void)snprintf(who, sizeof(who), "id%u", asked);
		ask((uint8_t)asked++, RAD_START, who, who, where);
		rad_server_counts(server, &n);
	} while (n.unheard == 0 && asked < 20000);
	n = counts_when(all_were_seen);
	assert_true(n.unheard > 0);
	assert_true(is_silent());
	assert_int_equal(sto_start(sto), 0);
	(void)counts_when(none_waits);
	while (!is_silent())
		;
	const uint64_t unheard = n.unheard;
	uint64_t repeated = 0;
	for (uint32_t i = 0; i < asked; i++) {
		(void)snprintf(where, sizeof(where), "10.0.%u.%u", i / 256, i % 256);
		(void)snprintf(who, sizeof(who), "id%u", i);
		if (is_bound(where) || repeated++ >= REPEATED_MAX)
			continue;
		talk((uint8_t)i, RAD_START, who, who, where);
		who_is(who, where);
	}
	assert_int_equal(repeated, unheard);
	server_close();
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, made_open, made_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(no_answer_leaves_before_its_record_is_on_disk),
		CASE(a_restart_goes_on_where_it_was),
		CASE(what_is_stored_follows_a_clock_that_is_set),
		CASE(a_nas_is_known_again_whatever_its_place_in_the_list),
		CASE(a_lost_store_is_not_waited_for_and_gets_all_when_it_is_back),
		CASE(what_the_queue_has_no_room_for_is_not_answered_but_when_it_is_repeated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

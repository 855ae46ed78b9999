// SPDX-License-Identifier: BSD-3-Clause
// What is noticed of clients: several hosts behind one address are told from one, whatever its system does with
// TTLs and timestamps, and SYNs with a probe's mark are noted.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "eng_sight.c" // its memory comes from EAL else

static struct eng_worker worker;
static struct eng_sight sight;

static int set_up(void **)
{
	memset(&worker, 0, sizeof(worker));
	memset(&sight, 0, sizeof(sight));
	worker.smtp = calloc(1, sizeof(*worker.smtp));
	worker.watch = calloc(1, sizeof(*worker.watch));
	worker.sight = &sight;
	assert_non_null(worker.smtp);
	assert_non_null(worker.watch);
	worker.smtp->now_ms = 5000;
	return 0;
}

static int tear_down(void **)
{
	free(worker.smtp);
	free(worker.watch);
	return 0;
}

struct host {
	uint8_t ttl;
	bool has_ts;
	uint32_t clock; // ticks ahead of the time
};

static void syn_to(const struct host *h, uint8_t server, uint16_t mss)
{
	static uint16_t port = 1024;
	const uint8_t client4[] = {10, 0, 0, 1}, server4[] = {192, 0, 2, server};
	const struct flow_key key = {.client = addr_from_v4(client4),
		.server = addr_from_v4(server4),
		.client_port = port++,
		.server_port = 25};
	const struct eng_meta meta = {.in_port = 1};
	const struct eng_syn syn = {.ts_val = h->clock + worker.smtp->now_ms,
		.options = {.mss = mss, .has_ts = h->has_ts}};

	eng_sight_syn(&worker, &key, &meta, &syn, h->ttl);
	worker.smtp->now_ms += 700;
}

static uint32_t hosts_told(void)
{
	for (unsigned i = 0; i < ENG_SIGHT_HOSTS; i++)
		if (sight.hosts[i].turn != 0)
			return sight.hosts[i].value;
	return 0;
}

static void one_host_is_one(void **)
{
	const struct host linux_host = {.ttl = 63, .has_ts = true, .clock = 0xfffffff0};

	for (unsigned i = 0; i < 200; i++)
		syn_to(&linux_host, 1, 1460);
	assert_int_equal(hosts_told(), 0);
}

static void two_kinds_of_ttl_are_two_hosts(void **)
{
	const struct host two[] = {{.ttl = 63}, {.ttl = 126}};

	for (unsigned i = 0; i < 12; i++)
		syn_to(&two[i % 2], 1, 1460);
	assert_int_equal(hosts_told(), 2);
}

static void three_clocks_are_three_hosts(void **)
{
	const struct host three[] = {{63, true, 77}, {63, true, 0x80000000}, {63, true, 0x40000000}};

	for (unsigned i = 0; i < 21; i++)
		syn_to(&three[i % 3], 1, 1460);
	assert_int_equal(hosts_told(), 3);
}

static void clocks_seen_once_leave_room_for_hosts_that_come_again(void **)
{
	const struct host host[] = {{63, true, 1000}, {63, true, 2000000000}, {63, true, 90000000}};

	for (unsigned i = 0; i < 8; i++)
		syn_to(&(struct host){63, true, 300000000 + i * 100000000}, 1, 1460);
	for (unsigned i = 0; i < 15; i++)
		syn_to(&host[i % 3], 1, 1460);
	assert_int_equal(hosts_told(), 3);
}

static void a_clock_for_each_connection_is_one_host(void **)
{
	for (unsigned i = 0; i < 500; i++)
		syn_to(&(struct host){63, true, i * 0x9e3779b9u}, 1, 1460);
	assert_int_equal(hosts_told(), 0);
}

static void two_kinds_of_ttl_are_seen_behind_any_clocks(void **)
{
	for (unsigned i = 0; i < 12; i++)
		syn_to(&(struct host){i % 2 == 0 ? 63 : 126, true, i * 0x9e3779b9u}, 1, 1460);
	assert_int_equal(hosts_told(), 2);
}

static void a_clock_for_each_server_is_one_host(void **)
{
	for (unsigned i = 0; i < 200; i++)
		syn_to(&(struct host){63, true, (i % 4) * 0x20000000u}, (uint8_t)(i % 4), 1460);
	assert_int_equal(hosts_told(), 0);
}

static void an_address_that_passes_on_is_one_host(void **)
{
	const struct host before = {63, true, 5}, behind = {126, false, 0};

	for (unsigned i = 0; i < 20; i++)
		syn_to(&before, 1, 1460);
	for (unsigned i = 0; i < 20; i++)
		syn_to(&behind, 1, 1460);
	assert_int_equal(hosts_told(), 0);
}

static void hosts_of_long_ago_are_forgotten(void **)
{
	const struct host two[] = {{.ttl = 63}, {.ttl = 126}};

	for (unsigned i = 0; i < 4; i++) {
		syn_to(&two[i % 2], 1, 1460);
		worker.smtp->now_ms += FORGET_MS;
	}
	for (unsigned i = 0; i < 4; i++)
		syn_to(&two[i % 2], 1, 1460);
	assert_int_equal(hosts_told(), 0);
}

static void many_clients_leave_room_for_one_another(void **)
{
	const struct host two[] = {{.ttl = 63}, {.ttl = 126}};

	for (unsigned i = 0; i < 240; i++) // a dozen to each of twenty servers
		syn_to(&two[i % 2], (uint8_t)(i / 2 % 20), 1460);
	assert_int_equal(hosts_told(), 2);
}

static void a_marked_syn_is_noted_and_no_other(void **)
{
	const struct host h = {.ttl = 63};
	const struct eng_sight_ends *e = &sight.probe[777 % ENG_SIGHT_PROBES];
	char text[ADDR_TEXT_MAX];

	syn_to(&h, 1, 1460);
	syn_to(&h, 1, ENG_PROBE_MSS_MIN - 1);
	syn_to(&h, 1, ENG_PROBE_MSS_MAX + 1);
	for (unsigned i = 0; i < ENG_SIGHT_PROBES; i++)
		assert_int_equal(sight.probe[i].turn, 0);
	syn_to(&h, 9, 777);
	assert_int_equal(e->turn, 2);
	assert_int_equal(e->value, 777);
	assert_int_equal(e->server_port, 25);
	assert_int_equal(e->in_port, 1);
	assert_string_equal(addr_format(&e->client, text, sizeof(text)), "10.0.0.1");
	assert_string_equal(addr_format(&e->server, text, sizeof(text)), "192.0.2.9");
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(one_host_is_one),
		CASE(two_kinds_of_ttl_are_two_hosts),
		CASE(three_clocks_are_three_hosts),
		CASE(clocks_seen_once_leave_room_for_hosts_that_come_again),
		CASE(a_clock_for_each_connection_is_one_host),
		CASE(two_kinds_of_ttl_are_seen_behind_any_clocks),
		CASE(a_clock_for_each_server_is_one_host),
		CASE(an_address_that_passes_on_is_one_host),
		CASE(hosts_of_long_ago_are_forgotten),
		CASE(many_clients_leave_room_for_one_another),
		CASE(a_marked_syn_is_noted_and_no_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

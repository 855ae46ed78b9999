// SPDX-License-Identifier: BSD-3-Clause
// Blocks of ports of one address: a NAS that gives others than before without a word of it leaves nobody behind
// who would be blamed for the new holder.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rad_bind.h"

#define assert_done(fate) assert_int_equal(fate, RAD_DONE)

enum { BINDINGS = 4096, NOW = 100000, KEEP_S = 60 };

static const struct rad_context here = {.key = 3};

struct disk { // rows by their first port
	struct rad_row row[UINT16_MAX + 1];
	char id[UINT16_MAX + 1][16];
	unsigned rows;
};

static struct disk disk;
static struct rad_bind *bind;
static char told[256]; // changes, by first port: "+1024 -2048"

static void row_store(void *, const struct rad_row *row)
{
	struct rad_row *to = &disk.row[row->key.port_first];

	disk.rows++;
	*to = *row;
	memcpy(disk.id[row->key.port_first], row->id.n > 0 ? (const char *)row->id.p : "",
		row->id.n);
	to->id.p = (const uint8_t *)disk.id[row->key.port_first];
}

static void change_note(void *, const struct rad_key *key, struct rad_bound now)
{
	const size_t n = strlen(told);

	(void)snprintf(told + n, sizeof(told) - n, "%s%c%u", n == 0 ? "" : " ",
		now.key == 0 ? '-' : '+', key->port_first);
}

static struct rad_bind *bind_make(void)
{
	const struct rad_bind_conf conf = {.bindings = BINDINGS,
		.endpoints = BINDINGS,
		.nas = 4,
		.keep_s = KEEP_S,
		.row = row_store,
		.key = "0123456789abcde",
		.id_key = "what ids go by"};
	struct rad_bind *b = rad_bind_new(&conf, change_note, NULL);

	assert_non_null(b);
	told[0] = '\0';
	return b;
}

static int bind_open(void **)
{
	disk.rows = 0;
	for (unsigned i = 0; i <= UINT16_MAX; i++)
		disk.row[i].has = RAD_ROW_GONE;
	bind = bind_make();
	return 0;
}

static int bind_close(void **)
{
	rad_bind_free(bind);
	return 0;
}

static struct rad_key key(const char *where, unsigned from, unsigned to)
{
	struct rad_key k = {.port_first = (uint16_t)from,
		.port_last = (uint16_t)to,
		.context = here.key,
		.vlan = here.vlan};

	assert_int_equal(prefix_parse(where, &k.prefix), 0);
	return k;
}

struct said { // by a NAS of an address
	uint32_t status;
	uint64_t session;
	const char *id;
	unsigned from, to;
	uint32_t at_s;
};

static void say_of(const char *where, const struct said *s)
{
	const struct rad_key k = key(where, s->from, s->to);
	const struct rad_account a = {.status = s->status,
		.nas = 1,
		.session = s->session,
		.id = span_str(s->id),
		.naddress = 1,
		.address = {k.prefix},
		.port_first = k.port_first,
		.port_last = k.port_last};

	assert_done(rad_bind_take(bind, &a, here, s->at_s));
}

static void say(uint32_t status, uint64_t session, const char *id, unsigned from, unsigned to,
	uint32_t at_s)
{
	say_of("100.64.0.1", &(struct said){status, session, id, from, to, at_s});
}

static void has(const char *id, unsigned from, unsigned to)
{
	const struct rad_key k = key("100.64.0.1", from, to);
	const struct rad_bound got = rad_bind_find(bind, &k);

	if (id == NULL)
		assert_int_equal(got.endpoint, RAD_NONE);
	else
		assert_true(got.endpoint != RAD_NONE &&
			span_eq(rad_bind_id(bind, got.endpoint), span_str(id)));
}

static bool is_shared(unsigned from, unsigned to)
{
	const struct rad_key k = key("100.64.0.1", from, to);

	return rad_bind_find(bind, &k).shared;
}

static void a_start_with_a_larger_block_ends_those_it_overlaps(void **)
{
	say(RAD_START, 1, "alice", 1024, 1535, NOW);
	say(RAD_START, 2, "bob", 1536, 2047, NOW);
	say(RAD_START, 3, "carol", 2048, 2559, NOW);
	told[0] = '\0';
	say(RAD_START, 4, "dave", 1024, 2047, NOW + 5);
	has("dave", 1024, 2047);
	has(NULL, 1024, 1535);
	has(NULL, 1536, 2047);
	has("carol", 2048, 2559);
	assert_true(
		strcmp(told, "-1024 -1536 +1024") == 0 || strcmp(told, "-1536 -1024 +1024") == 0);
	assert_int_equal(rad_bind_counts(bind).displaced, 2);
	assert_int_equal(rad_bind_counts(bind).bindings, 2);
	assert_int_equal(rad_bind_counts(bind).endpoints, 2);
}

static void a_start_with_a_smaller_block_ends_the_larger_one(void **)
{
	say(RAD_START, 1, "alice", 1024, 20000, NOW);
	say(RAD_START, 2, "bob", 9000, 9511, NOW + 1);
	has(NULL, 1024, 20000);
	has("bob", 9000, 9511);
	say(RAD_STOP, 1, "alice", 1024, 20000, NOW + 2);
	has("bob", 9000, 9511);
}

static void blocks_that_share_a_single_port_overlap(void **)
{
	say(RAD_START, 1, "alice", 1024, 2048, NOW);
	say(RAD_START, 2, "bob", 2048, 3071, NOW + 1);
	has(NULL, 1024, 2048);
	has("bob", 2048, 3071);
	say(RAD_START, 3, "carol", 3072, 4095, NOW + 2);
	has("bob", 2048, 3071);
}

static void all_ports_of_an_address_end_its_blocks_and_a_block_ends_them(void **)
{
	say(RAD_START, 1, "alice", 1024, 2047, NOW);
	say(RAD_START, 2, "bob", 64000, 65535, NOW);
	say(RAD_START, 3, "carol", 0, UINT16_MAX, NOW + 1);
	has(NULL, 1024, 2047);
	has(NULL, 64000, 65535);
	has("carol", 0, UINT16_MAX);
	say(RAD_START, 4, "dave", 1024, 2047, NOW + 2);
	has(NULL, 0, UINT16_MAX);
	has("dave", 1024, 2047);
}

static void other_addresses_and_contexts_keep_theirs(void **)
{
	say_of("100.64.0.2", &(struct said){RAD_START, 1, "alice", 1024, 2047, NOW});
	say(RAD_START, 2, "bob", 1500, 1600, NOW + 1);
	const struct rad_key k = key("100.64.0.2", 1024, 2047);
	assert_int_not_equal(rad_bind_find(bind, &k).endpoint, RAD_NONE);
	assert_int_equal(rad_bind_counts(bind).displaced, 0);
}

static void an_older_start_does_not_end_a_newer_block(void **)
{
	const struct rad_key k = key("100.64.0.1", 1024, 2047);
	struct rad_account late = {.status = RAD_START,
		.nas = 1,
		.session = 2,
		.delay_s = 100,
		.id = span_str("bob"),
		.naddress = 1,
		.address = {k.prefix},
		.port_first = k.port_first,
		.port_last = k.port_last};

	say(RAD_START, 1, "alice", 1024, 1535, NOW);
	assert_done(rad_bind_take(bind, &late, here, NOW + 5));
	has("alice", 1024, 1535);
	has(NULL, 1024, 2047);
	assert_int_equal(rad_bind_counts(bind).stale, 1);
}

static void an_interim_in_the_way_of_another_block_is_shared(void **)
{
	say(RAD_START, 1, "alice", 1024, 1535, NOW);
	say(RAD_INTERIM, 2, "bob", 1024, 2047, NOW + 5);
	has("bob", 1024, 2047);
	assert_true(is_shared(1024, 2047));
	say(RAD_INTERIM, 1, "alice", 1024, 1535, NOW + 6); // its session is over by all we know
	has(NULL, 1024, 1535);
	say(RAD_INTERIM, 3, "carol", 4096, 5119, NOW + 7);
	assert_false(is_shared(4096, 5119));
	say(RAD_INTERIM, 3, "carol", 4096, 6143, NOW + 8); // the same session has more of them now
	has("carol", 4096, 6143);
	assert_false(is_shared(4096, 6143));
	has(NULL, 4096, 5119);
}

static void restore_into_another(void)
{
	static struct disk was;

	was = disk;
	rad_bind_free(bind);
	bind = bind_make();
	for (unsigned i = 0; i <= UINT16_MAX; i++) {
		was.row[i].id.p = (const uint8_t *)was.id[i];
		if (was.row[i].has != RAD_ROW_GONE)
			assert_true(rad_bind_restore(bind, &was.row[i], NOW + 100));
	}
}

static void who_lost_his_ports_has_none_behind_a_restart_either(void **)
{
	for (int ticked = 0; ticked < 2; ticked++) {
		say(RAD_START, 1, "alice", 2048, 2559, NOW);
		say(RAD_START, 2, "bob", 1024, 3071, NOW + 5);
		say(RAD_START, 3, "carol", 3072, 4095, NOW + 5);
		if (ticked)
			rad_bind_tick(bind, NOW + 6, BINDINGS);
		assert_int_equal(disk.row[2048].has, ticked ? RAD_ROW_ENDED : RAD_ROW_LIVE);
		restore_into_another();
		has(NULL, 2048, 2559);
		has("bob", 1024, 3071);
		assert_false(is_shared(1024, 3071));
		has("carol", 3072, 4095);
		(void)bind_close(NULL);
		(void)bind_open(NULL);
	}
}

// At random against a table of ports.
static void at_any_time_a_port_is_of_one_block_at_most(void **)
{
	enum { STEPS = 20000, UNIT = 256, PLACES = 64 };
	struct {
		unsigned from, to;
		uint64_t session;
	} live[PLACES + 1];
	unsigned n = 0;

	srandom(3);
	for (unsigned step = 0; step < STEPS; step++) {
		const unsigned size = 1u << (random() % 5), at = (unsigned)random() % PLACES;
		const unsigned from = at / size * size * UNIT, to = from + size * UNIT - 1;
		unsigned kept = 0;

		if (random() % 3 == 0 && n > 0) {
			const unsigned i = (unsigned)random() % n;

			say(RAD_STOP, live[i].session, "id", live[i].from, live[i].to, NOW + step);
			has(NULL, live[i].from, live[i].to);
			live[i] = live[--n];
			continue;
		}
		say(RAD_START, step + 1, "id", from, to, NOW + step);
		for (unsigned i = 0; i < n; i++)
			if (live[i].to < from || live[i].from > to)
				live[kept++] = live[i];
			else if (live[i].from != from || live[i].to != to)
				has(NULL, live[i].from, live[i].to);
		n = kept;
		live[n].from = from;
		live[n].to = to;
		live[n++].session = step + 1;
		if (random() % 2 == 0)
			rad_bind_tick(bind, NOW + step, BINDINGS);
		assert_int_equal(rad_bind_counts(bind).bindings, n);
		for (unsigned i = 0; i < n; i++)
			has("id", live[i].from, live[i].to);
	}
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, bind_open, bind_close)
	const struct CMUnitTest tests[] = {
		CASE(a_start_with_a_larger_block_ends_those_it_overlaps),
		CASE(a_start_with_a_smaller_block_ends_the_larger_one),
		CASE(blocks_that_share_a_single_port_overlap),
		CASE(all_ports_of_an_address_end_its_blocks_and_a_block_ends_them),
		CASE(other_addresses_and_contexts_keep_theirs),
		CASE(an_older_start_does_not_end_a_newer_block),
		CASE(an_interim_in_the_way_of_another_block_is_shared),
		CASE(who_lost_his_ports_has_none_behind_a_restart_either),
		CASE(at_any_time_a_port_is_of_one_block_at_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

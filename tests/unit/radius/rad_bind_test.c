// SPDX-License-Identifier: BSD-3-Clause
// Who has an address, record by record; and at random against what the changes that were told add up to.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hash.h"
#include "rad_bind.h"
#include "rad_endpoint.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define assert_done(fate) assert_int_equal(fate, RAD_DONE)
#define assert_full(fate) assert_int_equal(fate, RAD_FULL)

enum { BINDINGS = 64, ENDPOINTS = 48, IDLE_S = 3600, KEEP_S = 60, NOW = 100000 };

static const struct rad_context here; // the one of key 0
static struct rad_bind *bind;
static unsigned changes; // told since the last look

static void change_count(void *, const struct rad_key *, struct rad_bound)
{
	changes++;
}

static struct rad_bind *bind_make(rad_change_cb changed, void *arg)
{
	const struct rad_bind_conf conf = {.bindings = BINDINGS,
		.endpoints = ENDPOINTS,
		.nas = 4,
		.idle_s = IDLE_S,
		.keep_s = KEEP_S,
		.key = "0123456789abcde",
		.id_key = "what ids go by"};
	struct rad_bind *b = rad_bind_new(&conf, changed, arg);

	assert_non_null(b);
	return b;
}

static int bind_open(void **)
{
	bind = bind_make(change_count, NULL);
	changes = 0;
	return 0;
}

static int bind_close(void **)
{
	rad_bind_free(bind);
	return 0;
}

static struct prefix address(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(text, &p), 0);
	return p;
}

static struct rad_account record(
	uint32_t status, uint64_t session, const char *id, const char *where)
{
	return (struct rad_account){.status = status,
		.nas = 1,
		.session = session,
		.id = span_str(id),
		.naddress = 1,
		.address = {address(where)},
		.port_last = UINT16_MAX};
}

static enum rad_fate take(
	uint32_t status, uint64_t session, const char *id, const char *where, uint32_t now_s)
{
	const struct rad_account a = record(status, session, id, where);

	return rad_bind_take(bind, &a, here, now_s);
}

static struct rad_bound at(const char *where)
{
	return rad_bind_find(
		bind, &(struct rad_key){.prefix = address(where), .port_last = UINT16_MAX});
}

static void is_at(const char *id, const char *where)
{
	const struct rad_bound got = at(where);

	if (id == NULL) {
		assert_int_equal(got.endpoint, RAD_NONE);
		return;
	}
	assert_int_not_equal(got.endpoint, RAD_NONE);
	assert_true(span_eq(rad_bind_id(bind, got.endpoint), span_str(id)));
	assert_int_equal(rad_bind_endpoint(bind, span_str(id)), got.endpoint);
}

static void a_start_binds_and_a_stop_ends(void **)
{
	assert_done(take(RAD_START, 1, "alice", "10.0.0.1", NOW));
	is_at("alice", "10.0.0.1");
	is_at(NULL, "10.0.0.2");
	assert_int_equal(changes, 1);
	assert_done(take(RAD_STOP, 1, "", "10.0.0.1", NOW + 9));
	is_at(NULL, "10.0.0.1");
	assert_int_equal(changes, 2);
	assert_int_equal(rad_bind_endpoint(bind, span_str("alice")), RAD_NONE);
	assert_int_equal(rad_bind_counts(bind).bindings, 0);
	assert_int_equal(rad_bind_counts(bind).endpoints, 0);
}

static void a_start_for_an_address_in_use_rebinds_it(void **)
{
	take(RAD_START, 1, "alice", "10.0.0.1", NOW);
	take(RAD_START, 2, "bob", "10.0.0.1", NOW + 5);
	is_at("bob", "10.0.0.1");
	assert_int_equal(rad_bind_counts(bind).moved, 1);
	assert_int_equal(rad_bind_counts(bind).endpoints, 1);
}

static void a_stop_of_an_old_session_leaves_the_newer_binding(void **)
{
	take(RAD_START, 1, "alice", "10.0.0.1", NOW);
	take(RAD_START, 2, "bob", "10.0.0.1", NOW + 5);
	take(RAD_STOP, 1, "alice", "10.0.0.1", NOW + 6);
	is_at("bob", "10.0.0.1");
	assert_int_equal(rad_bind_counts(bind).others, 1);
	take(RAD_STOP, 2, "bob", "10.0.0.1", NOW + 7);
	is_at(NULL, "10.0.0.1");
}

static void an_interim_binds_where_the_start_was_lost(void **)
{
	take(RAD_INTERIM, 1, "alice", "10.0.0.1", NOW);
	is_at("alice", "10.0.0.1");
}

static void news_of_the_same_session_change_nothing(void **)
{
	take(RAD_START, 1, "alice", "10.0.0.1", NOW);
	changes = 0;
	for (unsigned i = 1; i < 5; i++)
		take(RAD_INTERIM, 1, "alice", "10.0.0.1", NOW + i);
	assert_int_equal(changes, 0);
	assert_int_equal(rad_bind_counts(bind).kept, 4);
}

static void late_news_of_a_session_that_is_over_do_not_revive_it(void **)
{
	take(RAD_START, 1, "alice", "10.0.0.1", NOW);
	take(RAD_STOP, 1, "alice", "10.0.0.1", NOW + 1);
	take(RAD_INTERIM, 1, "alice", "10.0.0.1", NOW + 2);
	take(RAD_START, 1, "alice", "10.0.0.1", NOW + 3);
	is_at(NULL, "10.0.0.1");
	assert_int_equal(rad_bind_counts(bind).stale, 2);
	take(RAD_START, 2, "bob", "10.0.0.1", NOW + 4);
	is_at("bob", "10.0.0.1");
}

static void what_happened_earlier_does_not_take_an_address_from_who_came_later(void **)
{
	struct rad_account late = record(RAD_START, 1, "alice", "10.0.0.1");

	take(RAD_START, 2, "bob", "10.0.0.1", NOW);
	late.delay_s = 10;
	assert_done(rad_bind_take(bind, &late, here, NOW + 5));
	is_at("bob", "10.0.0.1");
	assert_int_equal(rad_bind_counts(bind).stale, 1);
	late.delay_s = 4;
	assert_done(rad_bind_take(bind, &late, here, NOW + 5));
	is_at("alice", "10.0.0.1");
}

static void an_address_that_two_sessions_go_on_to_have_is_shared(void **)
{
	take(RAD_START, 1, "alice", "10.0.0.1", NOW);
	take(RAD_START, 2, "bob", "10.0.0.1", NOW + 1);
	assert_false(at("10.0.0.1").shared);
	changes = 0;
	take(RAD_INTERIM, 1, "alice", "10.0.0.1", NOW + 2);
	take(RAD_INTERIM, 2, "bob", "10.0.0.1", NOW + 3);
	take(RAD_INTERIM, 1, "alice", "10.0.0.1", NOW + 4);
	assert_true(at("10.0.0.1").shared);
	assert_int_equal(changes, 1);
	assert_int_equal(rad_bind_counts(bind).shared, 1);
	take(RAD_STOP, 2, "bob", "10.0.0.1", NOW + 5);
	assert_false(at("10.0.0.1").shared);
}

static void a_shared_address_is_one_sessions_again_when_the_other_ends(void **)
{
	take(RAD_START, 1, "alice", "10.0.0.1", NOW);
	take(RAD_START, 2, "bob", "10.0.0.1", NOW + 1);
	take(RAD_INTERIM, 1, "alice", "10.0.0.1", NOW + 2); // on its way for long
	assert_true(at("10.0.0.1").shared);
	changes = 0;
	take(RAD_STOP, 3, "carol", "10.0.0.1", NOW + 3);
	assert_true(at("10.0.0.1").shared);
	take(RAD_STOP, 1, "alice", "10.0.0.1", NOW + 4);
	is_at("bob", "10.0.0.1");
	assert_false(at("10.0.0.1").shared);
	assert_int_equal(changes, 1);
	take(RAD_INTERIM, 1, "alice", "10.0.0.1", NOW + 5); // sent before its end
	assert_false(at("10.0.0.1").shared);
	is_at("bob", "10.0.0.1");
}

static void port_blocks_of_an_address_are_bindings_of_their_own(void **)
{
	struct rad_account a = record(RAD_START, 1, "alice", "100.64.0.1"),
			   b = record(RAD_START, 2, "bob", "100.64.0.1");

	a.port_first = 1024, a.port_last = 2047;
	b.port_first = 2048, b.port_last = 3071;
	rad_bind_take(bind, &a, here, NOW);
	rad_bind_take(bind, &b, here, NOW);
	struct rad_key k = {.prefix = address("100.64.0.1"), .port_first = 1024, .port_last = 2047};
	assert_true(
		span_eq(rad_bind_id(bind, rad_bind_find(bind, &k).endpoint), span_str("alice")));
	k.port_first = 2048, k.port_last = 3071;
	assert_true(span_eq(rad_bind_id(bind, rad_bind_find(bind, &k).endpoint), span_str("bob")));
	is_at(NULL, "100.64.0.1");
}

static void contexts_do_not_see_one_another(void **)
{
	const struct rad_account a = record(RAD_START, 1, "alice", "10.0.0.1");

	rad_bind_take(bind, &a, (struct rad_context){.key = 3, .vlan = 7}, NOW);
	is_at(NULL, "10.0.0.1");
	struct rad_key k = {
		.prefix = address("10.0.0.1"), .port_last = UINT16_MAX, .context = 3, .vlan = 7};
	assert_int_not_equal(rad_bind_find(bind, &k).endpoint, RAD_NONE);
	k.vlan = 8;
	assert_int_equal(rad_bind_find(bind, &k).endpoint, RAD_NONE);
}

static void an_endpoint_with_several_addresses_has_one_number(void **)
{
	struct rad_account a = record(RAD_START, 1, "alice", "10.0.0.1");

	a.naddress = 3;
	a.address[1] = address("2001:db8::1");
	a.address[2] = address("2001:db8:1::/56");
	rad_bind_take(bind, &a, here, NOW);
	is_at("alice", "10.0.0.1");
	is_at("alice", "2001:db8::1");
	is_at("alice", "2001:db8:1::/56");
	assert_int_equal(rad_bind_counts(bind).endpoints, 1);
	a.status = RAD_STOP;
	a.naddress = 1;
	rad_bind_take(bind, &a, here, NOW + 1);
	is_at(NULL, "10.0.0.1");
	is_at("alice", "2001:db8::1");
}

static void a_nas_that_restarts_loses_its_bindings_and_no_others(void **)
{
	static const uint32_t status[] = {RAD_ON, RAD_OFF};

	for (size_t i = 0; i < COUNT(status); i++) {
		struct rad_account other = record(RAD_START, 9, "carol", "10.0.0.9"),
				   on = {.status = status[i], .nas = 1};

		other.nas = 2;
		take(RAD_START, 1 + i, "alice", "10.0.0.1", NOW + 100 * i);
		rad_bind_take(bind, &other, here, NOW + 100 * i);
		changes = 0;
		rad_bind_take(bind, &on, here, NOW + 100 * i + 1);
		is_at(NULL, "10.0.0.1"); // at once, though it is told only when the tick comes by
		is_at("carol", "10.0.0.9");
		assert_int_equal(changes, 0);
		rad_bind_tick(bind, NOW + 100 * i + 1, BINDINGS);
		assert_int_equal(changes, 1);
		assert_int_equal(rad_bind_counts(bind).cleared, 1 + i);
	}
}

static void a_session_id_may_come_again_behind_a_restart(void **)
{
	const struct rad_account on = {.status = RAD_ON, .nas = 1};

	take(RAD_START, 1, "alice", "10.0.0.1", NOW);
	rad_bind_take(bind, &on, here, NOW + 1);
	take(RAD_START, 1, "bob", "10.0.0.1", NOW + 2);
	is_at("bob", "10.0.0.1");
	take(RAD_STOP, 1, "bob", "10.0.0.1", NOW + 3);
	rad_bind_take(bind, &on, here, NOW + 4);
	take(RAD_START, 1, "carol", "10.0.0.1", NOW + 5);
	is_at("carol", "10.0.0.1");
}

static void a_binding_without_news_ends(void **)
{
	take(RAD_START, 1, "alice", "10.0.0.1", NOW);
	take(RAD_START, 2, "bob", "10.0.0.2", NOW);
	take(RAD_INTERIM, 2, "bob", "10.0.0.2", NOW + 10);
	rad_bind_tick(bind, NOW + IDLE_S, BINDINGS);
	is_at("alice", "10.0.0.1");
	rad_bind_tick(bind, NOW + IDLE_S + 1, BINDINGS);
	is_at(NULL, "10.0.0.1");
	is_at("bob", "10.0.0.2");
	assert_int_equal(rad_bind_counts(bind).idle, 1);
}

// radius.idle_min: 0.
static void without_an_idle_time_none_ends(void **)
{
	const struct rad_bind_conf conf = {.bindings = BINDINGS,
		.endpoints = ENDPOINTS,
		.nas = 4,
		.idle_s = 0,
		.keep_s = KEEP_S,
		.key = "0123456789abcde",
		.id_key = "what ids go by"};

	rad_bind_free(bind);
	bind = rad_bind_new(&conf, change_count, NULL);
	assert_non_null(bind);
	take(RAD_START, 1, "alice", "10.0.0.1", NOW);
	rad_bind_tick(bind, NOW + 1000 * IDLE_S, BINDINGS);
	is_at("alice", "10.0.0.1");
	assert_int_equal(rad_bind_counts(bind).idle, 0);
}

static void full_tables_refuse_and_take_again_when_there_is_room(void **)
{
	char where[32], id[16];

	for (unsigned i = 0; i < ENDPOINTS; i++) {
		(void)snprintf(where, sizeof(where), "10.0.1.%u", i);
		(void)snprintf(id, sizeof(id), "id%u", i);
		assert_done(take(RAD_START, 10 + i, id, where, NOW));
	}
	assert_full(take(RAD_START, 1, "another", "10.0.0.1", NOW)); // no endpoint
	is_at(NULL, "10.0.0.1");
	assert_full(take(RAD_START, 2, "another", "10.0.1.0", NOW + 1)); // nor for one in use
	is_at("id0", "10.0.1.0");
	for (unsigned i = 0; i < BINDINGS - ENDPOINTS; i++) {
		(void)snprintf(where, sizeof(where), "10.0.2.%u", i);
		assert_done(take(RAD_START, 100 + i, "id0", where, NOW));
	}
	assert_full(take(RAD_START, 3, "id0", "10.0.0.1", NOW)); // no binding
	assert_int_equal(rad_bind_counts(bind).full, 3);
	take(RAD_STOP, 10, "", "10.0.1.0", NOW + 1);
	rad_bind_tick(bind, NOW + KEEP_S + 2, BINDINGS);
	assert_done(take(RAD_START, 4, "id0", "10.0.0.1", NOW + KEEP_S + 3));
	is_at("id0", "10.0.0.1");
}

static void a_nas_too_many_is_refused_and_counted(void **)
{
	struct rad_account a = record(RAD_START, 1, "alice", "10.0.0.1");

	for (a.nas = 1; a.nas <= 4; a.nas++) {
		a.address[0].addr.b[15] = (uint8_t)a.nas;
		assert_done(rad_bind_take(bind, &a, here, NOW));
	}
	assert_full(rad_bind_take(bind, &a, here, NOW));
	assert_int_equal(rad_bind_counts(bind).full, 1);
}

static void ids_of_every_length_are_kept_whole(void **)
{
	char id[RAD_ID_MAX + 1] = "";

	for (size_t n = 1; n <= RAD_ID_MAX; n++) {
		id[n - 1] = (char)('a' + n % 26);
		assert_done(take(RAD_START, 1000 + n, id, "10.0.0.1", NOW + (uint32_t)n));
		is_at(id, "10.0.0.1");
		assert_int_equal(rad_bind_counts(bind).endpoints, 1);
	}
}

// ---- at random

struct pace { // of a walk: who stops it, and how often it was called
	unsigned stop_at, called;
	uint16_t last;
};

static bool pace_step(void *arg, const struct rad_key *key, struct rad_bound now)
{
	struct pace *p = arg;

	assert_int_not_equal(now.endpoint, RAD_NONE);
	p->last = key->prefix.addr.b[15];
	return ++p->called != p->stop_at;
}

static void a_walk_goes_on_where_it_stopped(void **)
{
	struct pace p = {.stop_at = 2};
	uint32_t at = 0;

	for (unsigned i = 1; i <= 4; i++) {
		char where[16], id[8];

		(void)snprintf(where, sizeof(where), "10.0.0.%u", i);
		(void)snprintf(id, sizeof(id), "id%u", i);
		const struct rad_account a = record(RAD_START, i, id, where);
		assert_done(rad_bind_take(bind, &a, here, NOW));
	}
	assert_false(rad_bind_walk(bind, &at, 100, pace_step, &p));
	assert_int_equal(p.last, 2);
	assert_false(rad_bind_walk(bind, &at, 1, pace_step, &p)); // the same once more
	assert_int_equal(p.last, 2);
	assert_false(rad_bind_walk(bind, &at, 1, pace_step, &p));
	assert_int_equal(p.last, 3);
	assert_true(rad_bind_walk(bind, &at, 100, pace_step, &p));
	assert_int_equal(p.last, 4);
	assert_int_equal(p.called, 5);
}

static uint64_t key_of(const char *id)
{
	return hash_name((const uint8_t *)"what ids go by\0", id, strlen(id));
}

static void an_id_is_known_by_its_key_also_behind_its_end(void **)
{
	const struct rad_account a = record(RAD_START, 1, "alice", "10.0.0.1"),
				 z = record(RAD_STOP, 1, "alice", "10.0.0.1");

	assert_int_equal(rad_bind_id_keyed(bind, key_of("alice")).n, 0);
	assert_done(rad_bind_take(bind, &a, here, NOW));
	assert_true(span_eq(rad_bind_id_keyed(bind, key_of("alice")), span_str("alice")));
	assert_done(rad_bind_take(bind, &z, here, NOW));
	assert_true(span_eq(rad_bind_id_keyed(bind, key_of("alice")), span_str("alice")));
	assert_int_equal(rad_bind_counts(bind).endpoints, 0);
	assert_int_equal(rad_bind_endpoint(bind, span_str("alice")), RAD_NONE);
}

static void who_was_let_go_first_makes_room(void **)
{
	char id[ENDPOINTS + 1][64];

	for (unsigned i = 0; i <= ENDPOINTS; i++) { // some too long to lie in a cell
		(void)snprintf(id[i], sizeof(id[i]), "%0*u", i % 2 == 0 ? 50 : 5, i);
		const struct rad_account a = record(RAD_START, i, id[i], "10.0.0.1");
		const struct rad_account z = record(RAD_STOP, i, id[i], "10.0.0.1");
		assert_done(rad_bind_take(bind, &a, here, NOW + i));
		assert_done(rad_bind_take(bind, &z, here, NOW + i));
	}
	assert_int_equal(rad_bind_id_keyed(bind, key_of(id[0])).n, 0);
	for (unsigned i = 1; i <= ENDPOINTS; i++)
		assert_true(span_eq(rad_bind_id_keyed(bind, key_of(id[i])), span_str(id[i])));
	const struct rad_account again = record(RAD_START, 100, id[1], "10.0.0.1");
	assert_done(rad_bind_take(bind, &again, here, NOW + 100)); // remembered, and held again
	assert_int_equal(rad_bind_counts(bind).endpoints, 1);
	assert_true(span_eq(rad_bind_id_keyed(bind, key_of(id[1])), span_str(id[1])));
}

enum { PLACES = 24, IDS = 40, STEPS = 200000 };

struct mirror { // what was told, by place
	char where[PLACES][16];
	struct prefix prefix[PLACES];
	struct rad_bound now[PLACES];
	unsigned walked;
};

static void mirror_change(void *arg, const struct rad_key *key, struct rad_bound now)
{
	struct mirror *m = arg;

	for (unsigned i = 0; i < PLACES; i++)
		if (addr_eq(&m->prefix[i].addr, &key->prefix.addr))
			m->now[i] = now;
}

static bool seen_check(void *arg, const struct rad_key *key, struct rad_bound now)
{
	struct mirror *m = arg;

	m->walked++;
	for (unsigned i = 0; i < PLACES; i++)
		if (addr_eq(&m->prefix[i].addr, &key->prefix.addr)) {
			assert_int_equal(m->now[i].endpoint, now.endpoint);
			assert_int_equal(m->now[i].key, now.key);
			assert_int_equal(m->now[i].shared, now.shared);
		}
	return true;
}

static void mirror_check(struct rad_bind *b, struct mirror *m)
{
	bool used[ENDPOINTS] = {0};
	unsigned live = 0, endpoints = 0;
	uint32_t at = 0;

	for (unsigned i = 0; i < PLACES; i++) {
		const struct rad_bound now = rad_bind_find(
			b, &(struct rad_key){.prefix = m->prefix[i], .port_last = UINT16_MAX});

		assert_int_equal(now.endpoint, m->now[i].endpoint);
		assert_int_equal(now.shared, m->now[i].shared);
		if (now.endpoint == RAD_NONE)
			continue;
		live++;
		endpoints += !used[now.endpoint];
		used[now.endpoint] = true;
	}
	assert_int_equal(rad_bind_counts(b).bindings, live);
	assert_int_equal(rad_bind_counts(b).endpoints, endpoints);
	m->walked = 0;
	while (!rad_bind_walk(b, &at, 5, seen_check, m))
		;
	assert_int_equal(m->walked, live);
}

static void what_is_told_adds_up_to_what_is_there(void **)
{
	static const uint32_t status[] = {
		RAD_START, RAD_START, RAD_INTERIM, RAD_INTERIM, RAD_STOP, RAD_STOP, RAD_STOP};
	struct mirror m = {0};
	struct rad_bind *b = bind_make(mirror_change, &m);
	uint32_t now_s = NOW;

	srandom(1);
	for (unsigned i = 0; i < PLACES; i++) {
		(void)snprintf(m.where[i], sizeof(m.where[i]), "10.1.%u.%u", i % 3, i);
		m.prefix[i] = address(m.where[i]);
		m.now[i].endpoint = RAD_NONE;
	}
	for (unsigned step = 0; step < STEPS; step++) {
		const unsigned place = (unsigned)random() % PLACES;
		char id[64];

		(void)snprintf(id, sizeof(id), "%0*ld", (int)(random() % 50) + 1, random() % IDS);
		struct rad_account a = record(status[random() % COUNT(status)],
			(uint64_t)(random() % 60), id, m.where[place]);
		a.nas = (uint64_t)(random() % 3);
		a.delay_s = random() % 8 == 0 ? (uint32_t)(random() % 20) : 0;
		if (random() % 500 == 0)
			a.status = RAD_ON, a.naddress = 0;
		(void)rad_bind_take(b, &a, here, now_s); // full sometimes
		now_s += random() % 4 == 0;
		now_s += random() % 5000 == 0 ? IDLE_S : 0;
		if (a.status == RAD_ON || step % 16 == 0) {
			rad_bind_tick(b, now_s, BINDINGS);
			mirror_check(b, &m);
		}
	}
	const struct rad_bind_counts c = rad_bind_counts(b);
	assert_true(c.begun > 0 && c.moved > 0 && c.kept > 0 && c.ended > 0 && c.idle > 0 &&
		c.cleared > 0 && c.stale > 0 && c.others > 0 && c.shared > 0);
	rad_bind_free(b);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, bind_open, bind_close)
	const struct CMUnitTest tests[] = {
		CASE(a_start_binds_and_a_stop_ends),
		CASE(a_start_for_an_address_in_use_rebinds_it),
		CASE(a_stop_of_an_old_session_leaves_the_newer_binding),
		CASE(an_interim_binds_where_the_start_was_lost),
		CASE(news_of_the_same_session_change_nothing),
		CASE(late_news_of_a_session_that_is_over_do_not_revive_it),
		CASE(what_happened_earlier_does_not_take_an_address_from_who_came_later),
		CASE(an_address_that_two_sessions_go_on_to_have_is_shared),
		CASE(a_shared_address_is_one_sessions_again_when_the_other_ends),
		CASE(port_blocks_of_an_address_are_bindings_of_their_own),
		CASE(contexts_do_not_see_one_another),
		CASE(an_endpoint_with_several_addresses_has_one_number),
		CASE(a_nas_that_restarts_loses_its_bindings_and_no_others),
		CASE(a_session_id_may_come_again_behind_a_restart),
		CASE(a_binding_without_news_ends),
		CASE(without_an_idle_time_none_ends),
		CASE(full_tables_refuse_and_take_again_when_there_is_room),
		CASE(a_nas_too_many_is_refused_and_counted),
		CASE(ids_of_every_length_are_kept_whole),
		CASE(a_walk_goes_on_where_it_stopped),
		CASE(an_id_is_known_by_its_key_also_behind_its_end),
		CASE(who_was_let_go_first_makes_room),
		cmocka_unit_test(what_is_told_adds_up_to_what_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: BSD-3-Clause
// Clients beside a slow model of them: a list of what was said last. Steps are drawn; behind each one clients are
// looked for in both, and the counts compared.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "table_eal.h"
#include "tbl_clients.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum {
	SEEDS = 40,
	STEPS = 3000,
	LOOKS = 8,
	SAID_MAX = 400,
	ENDPOINTS = 40,
	CONTEXTS = 2,
	PORTS = 64, // that steps and looks draw from
};

struct model {
	struct tbl_binding said[SAID_MAX];
	bool again[SAID_MAX]; // said since the walk began
	unsigned n;
	bool known[ENDPOINTS + 1], known_again[ENDPOINTS + 1];
	uint64_t seed;
};

static uint32_t draw(struct model *m, uint32_t below)
{
	m->seed = m->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(m->seed >> 33) % below;
}

static const char *const prefixes[] = {"10.0.0.0/24", "10.0.0.0/30", "10.0.0.4/30", "10.0.0.1/32",
	"10.0.0.2/32", "10.0.0.3/32", "10.0.0.5/32", "10.0.1.0/24", "2001:db8::/64", "2001:db8::1/128",
	"2001:db8::2/128"};
static const char *const addresses[] = {"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5",
	"10.0.0.9", "10.0.1.1", "10.1.1.1", "2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db9::3"};

static bool is_all(const struct tbl_binding *b)
{
	return b->port_first == 0 && b->port_last == UINT16_MAX;
}

static bool is_same_prefix(const struct tbl_binding *a, const struct tbl_binding *b)
{
	return a->prefix.len == b->prefix.len && addr_eq(&a->prefix.addr, &b->prefix.addr) &&
		a->context == b->context && a->vlan == b->vlan;
}

static bool is_same(const struct tbl_binding *a, const struct tbl_binding *b)
{
	return is_same_prefix(a, b) && a->port_first == b->port_first && a->port_last == b->port_last;
}

static bool gives_way(const struct tbl_binding *old, const struct tbl_binding *b)
{
	if (is_same(old, b))
		return true;
	return is_same_prefix(old, b) && !is_all(old) && !is_all(b) &&
		old->port_first <= b->port_last && b->port_first <= old->port_last;
}

static void model_remove(struct model *m, unsigned i)
{
	m->n--;
	m->said[i] = m->said[m->n];
	m->again[i] = m->again[m->n];
}

static void model_clear(struct model *m, const struct tbl_binding *b)
{
	for (unsigned i = 0; i < m->n;)
		if (is_same(&m->said[i], b))
			model_remove(m, i);
		else
			i++;
}

static void model_set(struct model *m, const struct tbl_binding *b)
{
	for (unsigned i = 0; i < m->n;)
		if (gives_way(&m->said[i], b))
			model_remove(m, i);
		else
			i++;
	assert_true(m->n < SAID_MAX);
	m->said[m->n] = *b;
	m->again[m->n++] = true;
}

static void model_find(
	const struct model *m, const struct tbl_client_key *k, uint64_t *endpoint, bool *shared)
{
	int best = -1;

	*endpoint = 0;
	*shared = false;
	for (unsigned i = 0; i < m->n; i++) {
		const struct tbl_binding *b = &m->said[i];
		const int rank = b->prefix.len * 2 + !is_all(b);

		if (!prefix_has(&b->prefix, &k->addr) || b->context != k->context ||
			b->vlan != k->vlan || k->port < b->port_first || k->port > b->port_last ||
			rank <= best)
			continue;
		best = rank;
		*endpoint = b->endpoint;
		*shared = b->shared;
	}
}

static struct tbl_binding binding_draw(struct model *m)
{
	struct tbl_binding b = {.context = 1 + draw(m, CONTEXTS),
		.port_last = UINT16_MAX,
		.shared = draw(m, 4) == 0,
		.endpoint = 1 + draw(m, ENDPOINTS)};

	assert_int_equal(prefix_parse(prefixes[draw(m, COUNT(prefixes))], &b.prefix), 0);
	if (draw(m, 3) > 0) {
		b.port_first = (uint16_t)draw(m, PORTS);
		b.port_last = (uint16_t)(b.port_first + draw(m, PORTS / 8));
	}
	return b;
}

static void again_all(struct model *m, struct tbl_clients *c)
{
	tbl_bindings_begin(c);
	for (unsigned i = 0; i < m->n; i++)
		m->again[i] = false;
	for (unsigned i = 0; i < m->n; i++) {
		const struct tbl_binding b = m->said[i];

		m->again[i] = draw(m, 2) == 0;
		if (m->again[i])
			assert_int_equal(tbl_binding_set(c, &b), 0);
	}
}

static void settle(struct tbl_clients *c)
{
	tbl_clients_retire(c);
	tbl_clients_reclaim(c);
}

static void sweep(struct model *m, struct tbl_clients *c)
{
	while (tbl_bindings_sweep(c, 1 + draw(m, 500)))
		if (draw(m, 2) == 0)
			settle(c);
	for (unsigned i = 0; i < m->n;)
		if (!m->again[i])
			model_remove(m, i);
		else
			i++;
}

static void facts_again(struct model *m, struct tbl_clients *c)
{
	tbl_facts_begin(c);
	for (uint64_t key = 1; key <= ENDPOINTS; key++) {
		if (!m->known[key])
			continue;
		m->known[key] = draw(m, 2) == 0;
		if (m->known[key])
			assert_int_equal(tbl_endpoint_set(c,
						 &(struct tbl_endpoint){.key = key,
							 .flags = TBL_LISTED}),
				0);
	}
	while (tbl_facts_sweep(c, 1 + draw(m, 500)))
		;
}

static void step(struct model *m, struct tbl_clients *c)
{
	const struct tbl_binding b = binding_draw(m);
	const uint64_t key = 1 + draw(m, ENDPOINTS);

	switch (draw(m, 60)) {
	case 0:
		again_all(m, c);
		sweep(m, c);
		break;
	case 1:
		facts_again(m, c);
		break;
	case 2:
	case 3:
		settle(c);
		break;
	case 4:
	case 5:
	case 6:
		m->known[key] = !m->known[key];
		assert_int_equal(tbl_endpoint_set(c,
					 &(struct tbl_endpoint){.key = key,
						 .flags = m->known[key] ? TBL_LISTED : 0}),
			0);
		break;
	default:
		if (draw(m, 5) < 3 || m->n == 0) {
			assert_int_equal(tbl_binding_set(c, &b), 0);
			model_set(m, &b);
		} else {
			const struct tbl_binding old =
				draw(m, 8) == 0 ? b : m->said[draw(m, m->n)];

			assert_int_equal(tbl_binding_clear(c, &old), 0);
			model_clear(m, &old);
		}
	}
}

static unsigned endpoints_of(const struct model *m)
{
	bool used[ENDPOINTS + 1];
	unsigned n = 0;

	memcpy(used, m->known, sizeof(used));
	for (unsigned i = 0; i < m->n; i++)
		used[m->said[i].endpoint] = true;
	for (unsigned i = 1; i <= ENDPOINTS; i++)
		n += used[i];
	return n;
}

static void compare(struct model *m, const struct tbl_clients *c)
{
	struct tbl_client_key keys[LOOKS] = {0};
	struct tbl_client found[LOOKS];
	struct tbl_clients_counts n;

	for (unsigned i = 0; i < LOOKS; i++) {
		keys[i].context = 1 + draw(m, CONTEXTS);
		keys[i].port = (uint16_t)draw(m, 2 * PORTS);
		assert_int_equal(
			addr_parse(addresses[draw(m, COUNT(addresses))], &keys[i].addr), 0);
	}
	tbl_clients_find_bulk(c, keys, LOOKS, found);
	for (unsigned i = 0; i < LOOKS; i++) {
		struct tbl_endpoint e;
		uint64_t endpoint;
		bool shared;

		model_find(m, &keys[i], &endpoint, &shared);
		assert_int_equal(tbl_endpoint_get(c, found[i].endpoint, &e), endpoint != 0);
		assert_int_equal(e.key, endpoint);
		assert_int_equal(found[i].shared, shared);
		assert_int_equal(e.flags, endpoint != 0 && m->known[endpoint] ? TBL_LISTED : 0);
	}
	tbl_clients_counts(c, &n);
	assert_int_equal(n.bindings, m->n);
	assert_int_equal(n.endpoints, endpoints_of(m));
	assert_int_equal(n.full, 0);
}

static void drawn_steps_leave_what_a_list_of_what_was_said_has(void **)
{
	static struct model m;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		const struct tbl_clients_conf conf = {"model", SAID_MAX, ENDPOINTS, 0, 0};
		struct tbl_clients *c = tbl_clients_new(&conf);

		assert_non_null(c);
		m = (struct model){.seed = seed};
		for (unsigned i = 0; i < STEPS; i++) {
			step(&m, c);
			compare(&m, c);
			if (tbl_clients_waiting(c) > 1000)
				settle(c);
		}
		tbl_clients_free(c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drawn_steps_leave_what_a_list_of_what_was_said_has),
	};

	return cmocka_run_group_tests(tests, eal_start, eal_end);
}

// SPDX-License-Identifier: BSD-3-Clause
// The classifier: named cases, and random lists against a matcher written bit by bit from the words
// of the configuration.
#include "policy_sample.h"
#include "policy_shapes.h"

#include <stdlib.h>
#include <string.h>

struct list { // policies being laid out
	struct pol_build *b;
	struct sample s;
	const struct pol_image *img;
};

static struct list list_new(void)
{
	struct list l = {.b = pol_build_new()};

	assert_non_null(l.b);
	for (uint32_t i = 0; i < 4; i++) {
		struct pol_context c = {.ports = UINT32_C(3) << (2 * i)};

		(void)pol_build_add(l.b, POL_SEC_CONTEXTS, &c); // index i
	}
	return l;
}

static void list_seal(struct list *l)
{
	struct err_list err;

	err_init(&err);
	assert_int_equal(pol_build_finish(l->b, 1, 0, &l->s.bytes, &l->s.n), 0);
	assert_int_equal(pol_verify((struct span){l->s.bytes, l->s.n}, &l->img, &err), 0);
}

static void list_free(struct list *l)
{
	pol_build_free(l->b);
	sample_free(&l->s);
}

static struct pol_key a_key(void)
{
	return (struct pol_key){.source = sample_addr("10.77.0.5"),
		.destination = sample_addr("192.0.2.1"),
		.context = 1,
		.ingress = 2,
		.vlan = 30,
		.port = 25};
}

static void the_first_of_two_that_match_wins(void **)
{
	struct list l = list_new();
	struct pol_policy p = any_policy();
	struct pol_key key = a_key();

	p.source = sample_prefix("10.78.0.0/16");
	(void)pol_build_add(l.b, POL_SEC_POLICIES, &p);
	p.source = sample_prefix("10.77.0.0/24");
	(void)pol_build_add(l.b, POL_SEC_POLICIES, &p);
	p.source = sample_prefix("any");
	(void)pol_build_add(l.b, POL_SEC_POLICIES, &p);
	list_seal(&l);
	assert_int_equal(pol_match(l.img, &key), 1);
	key.source = sample_addr("fd77::1");
	assert_int_equal(pol_match(l.img, &key), 2);
	list_free(&l);
}

static void each_field_alone_decides_and_is_named(void **)
{
	enum pol_miss expected = POL_MISS_NONE;

	for (; expected < POL_MISS_COUNT; expected++) {
		struct list l = list_new();
		struct pol_policy p = any_policy();
		struct pol_key key = a_key();

		switch (expected) {
		case POL_MISS_DISABLED:
			p.enabled = 0;
			break;
		case POL_MISS_CONTEXT:
			p.context = 2;
			break;
		case POL_MISS_INGRESS:
			p.ingress = ~UINT32_C(4);
			break;
		case POL_MISS_VLAN:
			p.vlan_lo = 31, p.vlan_hi = 40;
			break;
		case POL_MISS_SOURCE:
			p.source = sample_prefix("10.77.0.4/32");
			break;
		case POL_MISS_DESTINATION:
			p.destination = sample_prefix("::/1");
			p.destination.addr.b[0] = 0x80;
			break;
		case POL_MISS_PORT:
			p.port_lo = 26;
			break;
		default:
			break;
		}
		(void)pol_build_add(l.b, POL_SEC_POLICIES, &p);
		list_seal(&l);
		assert_int_equal(pol_explain(l.img, &key, 0), expected);
		assert_int_equal(pol_match(l.img, &key), expected == POL_MISS_NONE ? 0 : POL_NONE);
		list_free(&l);
	}
}

static void ranges_include_both_ends(void **)
{
	struct list l = list_new();
	struct pol_policy p = any_policy();
	struct pol_key key = a_key();

	p.vlan_lo = 29, p.vlan_hi = 30, p.port_lo = 25, p.port_hi = 26;
	(void)pol_build_add(l.b, POL_SEC_POLICIES, &p);
	list_seal(&l);
	for (uint16_t vlan = 28; vlan <= 31; vlan++) {
		for (uint16_t port = 24; port <= 27; port++) {
			key.vlan = vlan, key.port = port;
			assert_int_equal(pol_match(l.img, &key) == 0,
				vlan >= 29 && vlan <= 30 && port >= 25 && port <= 26);
		}
	}
	list_free(&l);
}

static void vlan_zero_to_zero_is_untagged_only(void **)
{
	struct list l = list_new();
	struct pol_policy p = any_policy();
	struct pol_key key = a_key();

	p.vlan_lo = p.vlan_hi = 0;
	(void)pol_build_add(l.b, POL_SEC_POLICIES, &p);
	list_seal(&l);
	assert_int_equal(pol_match(l.img, &key), POL_NONE);
	key.vlan = 0;
	assert_int_equal(pol_match(l.img, &key), 0);
	list_free(&l);
}

static void picked_up_ports_and_contexts_are_found(void **)
{
	struct sample s = sample_new();
	const struct pol_image *img = NULL;
	struct err_list err;

	err_init(&err);
	assert_int_equal(pol_verify((struct span){s.bytes, s.n}, &img, &err), 0);
	for (uint32_t port = 0; port <= UINT16_MAX; port++)
		assert_int_equal(pol_picks_up(img, (uint16_t)port),
			port == 25 || port == 465 || port == 587);
	assert_int_equal(pol_context_of(img, 0), 0);
	assert_int_equal(pol_context_of(img, 1), 0);
	assert_int_equal(pol_context_of(img, 2), POL_ANY);
	assert_int_equal(pol_context_of(img, 32), POL_ANY);
	assert_int_equal(pol_context_of(img, 0xffff), POL_ANY);
	sample_free(&s);
}

// The slow matcher: one bit of an address at a time.
static bool slow_has(const struct prefix *p, const struct addr *a)
{
	for (unsigned bit = 0; bit < p->len; bit++) {
		unsigned shift = 7 - bit % 8;

		if ((p->addr.b[bit / 8] >> shift & 1) != (a->b[bit / 8] >> shift & 1))
			return false;
	}
	return true;
}

static bool slow_takes(const struct pol_policy *p, const struct pol_key *k)
{
	bool in_ingress = p->ingress == 0;

	for (unsigned i = 0; i < 32; i++)
		in_ingress =
			in_ingress || ((p->ingress & UINT32_C(1) << i) != 0 && k->ingress == i);
	return p->enabled == 1 && in_ingress &&
		(p->context == POL_ANY || p->context == k->context) &&
		(p->vlan_lo == POL_ANY || !(k->vlan < p->vlan_lo || k->vlan > p->vlan_hi)) &&
		!(k->port < p->port_lo || k->port > p->port_hi) &&
		slow_has(&p->source, &k->source) && slow_has(&p->destination, &k->destination);
}

// Few distinct bits, so that prefixes of any length often match.
static struct addr random_addr(uint64_t *seed)
{
	struct addr a = {0};

	for (unsigned i = 0; i < 16; i++)
		a.b[i] = (uint8_t)(draw(seed, 4) == 0 ? 1u << draw(seed, 8) : 0);
	if (draw(seed, 2) == 0) {
		memset(a.b, 0, 10);
		memset(a.b + 10, 0xff, 2);
	}
	return a;
}

static struct prefix random_prefix(uint64_t *seed)
{
	struct prefix p = {.addr = random_addr(seed),
		.len = (uint8_t)(draw(seed, 3) == 0 ? 0 : draw(seed, 129))};

	for (unsigned bit = p.len; bit < 128; bit++)
		p.addr.b[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
	return p;
}

static struct pol_policy random_policy(uint64_t *seed)
{
	struct pol_policy p = any_policy();

	p.source = random_prefix(seed);
	p.destination = random_prefix(seed);
	p.enabled = draw(seed, 8) != 0;
	p.context = draw(seed, 2) == 0 ? POL_ANY : (uint16_t)draw(seed, 4);
	p.ingress = draw(seed, 2) == 0
		? 0
		: UINT32_C(1) << draw(seed, 32) | UINT32_C(1) << draw(seed, 8);
	if (draw(seed, 2) == 0) {
		p.vlan_lo = (uint16_t)draw(seed, 4);
		p.vlan_hi = (uint16_t)(p.vlan_lo + draw(seed, 4));
	}
	if (draw(seed, 2) == 0) {
		p.port_lo = (uint16_t)(23 + draw(seed, 4));
		p.port_hi = (uint16_t)(p.port_lo + draw(seed, 4));
	}
	return p;
}

static void random_lists_match_as_the_slow_matcher_says(void **)
{
	uint64_t seed = 77;
	unsigned hits = 0, tries = 0;

	for (unsigned round = 0; round < 100; round++) {
		struct list l = list_new();
		uint32_t n = draw(&seed, 200);

		for (uint32_t i = 0; i < n; i++) {
			struct pol_policy p = random_policy(&seed);

			(void)pol_build_add(l.b, POL_SEC_POLICIES, &p); // index i
		}
		list_seal(&l);
		for (unsigned k = 0; k < 300; k++, tries++) {
			struct pol_key key = {.source = random_addr(&seed),
				.destination = random_addr(&seed),
				.context = draw(&seed, 6) == 0 ? POL_ANY : (uint16_t)draw(&seed, 4),
				.ingress = (uint16_t)draw(&seed, 34),
				.vlan = (uint16_t)draw(&seed, 8),
				.port = (uint16_t)(22 + draw(&seed, 10))};
			uint32_t slow = 0;

			while (slow < n && !slow_takes(pol_policy_at(l.img, slow), &key)) {
				assert_int_not_equal(pol_explain(l.img, &key, slow), POL_MISS_NONE);
				slow++;
			}
			assert_int_equal(pol_match(l.img, &key), slow == n ? POL_NONE : slow);
			if (slow < n)
				assert_int_equal(pol_explain(l.img, &key, slow), POL_MISS_NONE);
			hits += slow < n;
		}
		list_free(&l);
	}
	assert_in_range(hits, tries / 10, tries * 9 / 10); // both outcomes are really tried
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_of_two_that_match_wins),
		cmocka_unit_test(each_field_alone_decides_and_is_named),
		cmocka_unit_test(ranges_include_both_ends),
		cmocka_unit_test(vlan_zero_to_zero_is_untagged_only),
		cmocka_unit_test(picked_up_ports_and_contexts_are_found),
		cmocka_unit_test(random_lists_match_as_the_slow_matcher_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: BSD-3-Clause
// The index of the policies: on every shape of list it says what a look at each policy in turn says,
// and what the verifier lets through does so, too, whatever was done to it.
#include <errno.h>

#include "policy_sample.h"
#include "policy_shapes.h"

#include <stdlib.h>
#include <string.h>

#include "pol_index.h"

struct list {
	struct sample s;
	const struct pol_image *img;
	struct pol_policy *policies;
	uint32_t n;
};

static struct list list_of(enum shape shape, uint32_t n, uint64_t *seed)
{
	struct list l = {.n = n, .policies = calloc(n, sizeof(*l.policies))};
	struct pol_build *b = pol_build_new();
	struct err_list err;

	assert_true(b != NULL && l.policies != NULL);
	for (uint32_t i = 0; i < 4; i++) {
		struct pol_context c = {.ports = UINT32_C(3) << (2 * i)};

		(void)pol_build_add(b, POL_SEC_CONTEXTS, &c); // index i
	}
	for (uint32_t i = 0; i < n; i++) {
		l.policies[i] = shape_policy(shape, i, n, seed);
		(void)pol_build_add(b, POL_SEC_POLICIES, &l.policies[i]); // index i
	}
	err_init(&err);
	assert_int_equal(pol_build_finish(b, 1, 0, &l.s.bytes, &l.s.n), 0);
	if (pol_verify((struct span){l.s.bytes, l.s.n}, &l.img, &err) != 0)
		fail_msg("%s, %u policies: %s", shape_name(shape), n, err.text[0]);
	pol_build_free(b);
	return l;
}

static void list_free(struct list *l)
{
	free(l->policies);
	sample_free(&l->s);
}

// The judge: each policy in turn.
static uint32_t walk_match(const struct pol_image *img, const struct pol_key *key)
{
	const uint32_t n = pol_list_count(img);

	for (uint32_t i = 0; i < n; i++) {
		if (pol_explain(img, key, i) == POL_MISS_NONE)
			return i;
	}
	return POL_NONE;
}

static void every_shape_and_length_matches_as_the_list_says(void **)
{
	static const uint32_t LENGTHS[] = {
		1, 2, 63, 64, 65, 127, 128, 129, 1000, 4095, 4096, 4097, POL_POLICIES_MAX};
	uint64_t seed = 4;

	for (enum shape shape = 0; shape < SHAPE_COUNT; shape++) {
		unsigned hits = 0, tries = 0;

		for (size_t i = 0; i < COUNT(LENGTHS); i++) {
			struct list l = list_of(shape, LENGTHS[i], &seed);

			for (unsigned k = 0; k < 300; k++, tries++) {
				const struct pol_key key =
					shape_key(&l.policies[draw(&seed, l.n)], &seed);
				const uint32_t right = walk_match(l.img, &key);

				if (pol_match(l.img, &key) != right)
					fail_msg("%s, %u policies: %u, not %u", shape_name(shape),
						l.n, pol_match(l.img, &key), right);
				hits += right != POL_NONE;
			}
			list_free(&l);
		}
		assert_in_range(hits, tries / 20, tries); // it is no test of misses alone
	}
}

static void values_at_both_ends_of_every_axis_are_found(void **)
{
	static const struct {
		const char *prefix, *in, *out;
	} ROWS[] = {
		{"::/1", "::", "8000::"},
		{"8000::/1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "7fff::"},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128",
			"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
			"ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"},
		{"::/128", "::", "::1"},
		{"255.255.255.255/32", "255.255.255.255", "255.255.255.254"},
		{"0.0.0.0/32", "0.0.0.0", "0.0.0.1"},
	};

	for (size_t i = 0; i < COUNT(ROWS); i++) {
		struct pol_build *b = pol_build_new();
		const struct pol_image *img = NULL;
		struct sample s = {0};
		struct err_list err;
		uint64_t seed = 1;
		struct pol_policy p = shape_policy(SHAPE_CLIENTS, 0, 1, &seed);
		struct pol_key key = {.port = 65535, .vlan = POL_VID_MAX, .context = POL_ANY};

		p.source = p.destination = sample_prefix(ROWS[i].prefix);
		p.port_lo = 65535;
		(void)pol_build_add(b, POL_SEC_POLICIES, &p); // the only one
		err_init(&err);
		assert_int_equal(pol_build_finish(b, 1, 0, &s.bytes, &s.n), 0);
		assert_int_equal(pol_verify((struct span){s.bytes, s.n}, &img, &err), 0);
		key.source = key.destination = sample_addr(ROWS[i].in);
		assert_int_equal(pol_match(img, &key), 0);
		key.port = 65534;
		assert_int_equal(pol_match(img, &key), POL_NONE);
		key.port = 65535;
		key.destination = sample_addr(ROWS[i].out);
		assert_int_equal(pol_match(img, &key), POL_NONE);
		pol_build_free(b);
		sample_free(&s);
	}
}

static void a_list_of_disabled_policies_matches_nothing(void **)
{
	struct pol_build *b = pol_build_new();
	const struct pol_image *img = NULL;
	struct sample s = {0};
	struct err_list err;

	for (uint32_t i = 0; i < 70; i++) {
		uint64_t seed = 1;
		struct pol_policy p = shape_policy(SHAPE_WEAVE, i, 70, &seed);

		p.enabled = 0;
		(void)pol_build_add(b, POL_SEC_POLICIES, &p); // index i
	}
	err_init(&err);
	assert_int_equal(pol_build_finish(b, 1, 0, &s.bytes, &s.n), 0);
	assert_int_equal(pol_verify((struct span){s.bytes, s.n}, &img, &err), 0);
	assert_int_equal(pol_match(img, &(struct pol_key){.port = 25}), POL_NONE);
	pol_build_free(b);
	sample_free(&s);
}

// What carriers write needs little; what is made to need most stays inside its bound.
static void the_index_is_as_small_as_is_said(void **)
{
	static const struct {
		enum shape shape;
		size_t most;
	} ROWS[] = {
		{SHAPE_CLIENTS, 2 << 20},
		{SHAPE_CARRIER, 4 << 20},
		{SHAPE_STAIRS, 64 << 20},
	};
	uint64_t seed = 4;

	for (size_t i = 0; i < COUNT(ROWS); i++) {
		struct list l = list_of(ROWS[i].shape, POL_POLICIES_MAX, &seed);

		print_message("%s: %zu bytes\n", shape_name(ROWS[i].shape),
			pol_section(l.img, POL_SEC_INDEX).n);
		assert_true(pol_section(l.img, POL_SEC_INDEX).n <= ROWS[i].most);
		list_free(&l);
	}
}

// Whatever a changed index says, it is refused or says the same.
static void same_answers(const struct list *l, const struct pol_key *keys, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(pol_match(l->img, &keys[i]), walk_match(l->img, &keys[i]));
}

static void every_changed_bit_of_an_index_is_refused_or_harmless(void **)
{
	static const enum shape SHAPES[] = {SHAPE_WEAVE, SHAPE_TANGLE, SHAPE_CARRIER};
	enum { KEYS = 40 };
	uint64_t seed = 9;

	for (size_t i = 0; i < COUNT(SHAPES); i++) {
		struct list l = list_of(SHAPES[i], 5, &seed);
		const struct pol_extent x = pol_head(l.img)->sec[POL_SEC_INDEX];
		struct pol_key keys[KEYS];
		unsigned accepted = 0;

		for (unsigned k = 0; k < KEYS; k++)
			keys[k] = shape_key(&l.policies[draw(&seed, l.n)], &seed);
		for (size_t bit = 0; bit < x.len * 8; bit++) {
			uint8_t *byte = &l.s.bytes[x.off + bit / 8];
			struct err_list err;

			*byte ^= (uint8_t)(1 << bit % 8);
			sample_seal(&l.s);
			err_init(&err);
			if (pol_verify((struct span){l.s.bytes, l.s.n}, &l.img, &err) == 0) {
				same_answers(&l, keys, KEYS);
				accepted++;
			}
			*byte ^= (uint8_t)(1 << bit % 8);
		}
		assert_true(accepted < x.len); // fill between parts, nothing else
		list_free(&l);
	}
}

static void an_index_of_other_policies_is_refused(void **)
{
	uint64_t seed = 3;
	struct list l = list_of(SHAPE_TANGLE, 100, &seed);
	struct pol_policy *p = (struct pol_policy *)(void *)(l.s.bytes +
		pol_head(l.img)->sec[POL_SEC_POLICIES].off);
	unsigned changes = 0;

	for (uint32_t i = 0; i < l.n; i++, changes++) {
		const struct pol_policy was = p[i];
		const struct pol_image *img = NULL;
		struct err_list err;

		switch (i % 5) {
		case 0:
			p[i].enabled = !p[i].enabled;
			break;
		case 1:
			p[i].port_hi =
				(uint16_t)(p[i].port_hi == UINT16_MAX ? p[i].port_lo : UINT16_MAX);
			break;
		case 2:
			p[i].ingress ^= 1;
			break;
		case 3:
			p[i].context = p[i].context == 3 ? 2 : 3;
			break;
		default:
			p[i].source = sample_prefix(p[i].source.len == 0 ? "10.0.0.0/8" : "any");
			break;
		}
		sample_seal(&l.s);
		err_init(&err);
		if (was.enabled || i % 5 == 0) // a disabled one may say anything that is cut alike
			assert_int_not_equal(
				pol_verify((struct span){l.s.bytes, l.s.n}, &img, &err), 0);
		p[i] = was;
	}
	assert_int_equal(changes, 100);
	list_free(&l);
}

static void a_stand_in_is_pickups_and_no_part_of_the_list(void **)
{
	struct pol_build *b = pol_build_new();
	const struct pol_image *img = NULL;
	struct sample s = {0};
	struct err_list err;
	uint64_t seed = 1;
	struct pol_policy p = shape_policy(SHAPE_CARRIER, 0, 1, &seed); // takes everything
	const struct pol_range server = {
		.lo = sample_addr("192.0.2.0"), .hi = sample_addr("192.0.2.255")};
	const struct pol_pick picks[] = {
		{POL_NONE, POL_NONE, 0}, {2, POL_NONE, 0}, {POL_NONE, 1, 1}, {1, 2, 0}};
	static const struct {
		const char *server;
		uint16_t ingress;
		uint32_t found;
	} ROWS[] = {
		{"192.0.2.0", 0, 0},
		{"192.0.2.255", 0, 0},
		{"198.51.100.1", 0, 0},
		{"192.0.2.0", 1, 2},
		{"192.0.2.255", 1, 2},
		{"192.0.3.0", 1, 0},
		{"192.0.1.255", 2, 1},
		{"192.0.2.7", 2, 0},
		{"192.0.2.7", 3, 1},
		{"2001:db8::1", 3, 2},
		{"192.0.2.7", 4, 0},
		{"2001:db8::1", 40, 0},
	};

	(void)pol_build_add(b, POL_SEC_POLICIES, &p);
	p.stand_in = 1;
	p.action = POL_PASS;
	(void)pol_build_add(b, POL_SEC_POLICIES, &p); // 1
	p.action = POL_DROP;
	(void)pol_build_add(b, POL_SEC_POLICIES, &p); // 2
	(void)pol_build_add(b, POL_SEC_SERVERS, &server);
	for (size_t i = 0; i < COUNT(picks); i++)
		(void)pol_build_add(b, POL_SEC_PICKS, &picks[i]);
	err_init(&err);
	assert_int_equal(pol_build_finish(b, 1, 0, &s.bytes, &s.n), 0);
	assert_int_equal(pol_verify((struct span){s.bytes, s.n}, &img, &err), 0);
	assert_int_equal(pol_list_count(img), 1);
	for (size_t i = 0; i < COUNT(ROWS); i++) {
		const struct pol_key key = {.source = sample_addr("10.0.0.1"),
			.destination = sample_addr(ROWS[i].server),
			.ingress = ROWS[i].ingress,
			.port = 25};

		assert_int_equal(pol_match(img, &key), ROWS[i].found);
		assert_int_equal(
			pol_match_pick(img, &key), ROWS[i].found == 0 ? POL_NONE : ROWS[i].found);
		assert_int_not_equal(pol_explain(img, &key, 1), POL_MISS_NONE);
	}
	pol_build_free(b);
	sample_free(&s);
}

static void local_is_yes_or_no(void **)
{
	for (uint32_t local = 0; local <= 2; local++) {
		const struct pol_pick pick = {POL_NONE, POL_NONE, local};
		struct pol_build *b = pol_build_new();
		const struct pol_image *img = NULL;
		struct sample s = {0};
		struct err_list err;

		(void)pol_build_add(b, POL_SEC_PICKS, &pick);
		err_init(&err);
		assert_int_equal(pol_build_finish(b, 1, 0, &s.bytes, &s.n), 0);
		assert_int_equal(pol_verify((struct span){s.bytes, s.n}, &img, &err),
			local <= 1 ? 0 : -EINVAL);
		pol_build_free(b);
		sample_free(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(local_is_yes_or_no),
		cmocka_unit_test(every_shape_and_length_matches_as_the_list_says),
		cmocka_unit_test(values_at_both_ends_of_every_axis_are_found),
		cmocka_unit_test(a_list_of_disabled_policies_matches_nothing),
		cmocka_unit_test(the_index_is_as_small_as_is_said),
		cmocka_unit_test(every_changed_bit_of_an_index_is_refused_or_harmless),
		cmocka_unit_test(an_index_of_other_policies_is_refused),
		cmocka_unit_test(a_stand_in_is_pickups_and_no_part_of_the_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

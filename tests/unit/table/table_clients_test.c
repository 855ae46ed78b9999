// SPDX-License-Identifier: BSD-3-Clause
// Clients: whose an address is, what is known of it, what a reference goes on to stand for, and what everything
// takes. No worker runs here, so what waits may be reclaimed at any time.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include <rte_lcore.h>
#include <rte_malloc.h>

#include "table_eal.h"
#include "tbl_clients.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { MANY = 200, CONTEXT = 77, ALL = UINT16_MAX };

static struct tbl_clients *make(uint32_t bindings, uint32_t endpoints, uint32_t senders)
{
	struct tbl_clients *c =
		tbl_clients_new(&(struct tbl_clients_conf){"test", bindings, endpoints, senders, 0});

	assert_non_null(c);
	return c;
}

static void settle(struct tbl_clients *c)
{
	tbl_clients_retire(c);
	tbl_clients_reclaim(c);
	assert_int_equal(tbl_clients_waiting(c), 0);
}

static struct tbl_clients_counts counts(const struct tbl_clients *c)
{
	struct tbl_clients_counts n;

	tbl_clients_counts(c, &n);
	return n;
}

struct said { // a binding
	const char *prefix;
	uint16_t first, last; // 0, 0 = all ports
	uint64_t endpoint;
	bool shared;
	uint32_t context;
	uint16_t vlan;
};

static struct tbl_binding binding_of(const struct said *s)
{
	struct tbl_binding b = {.context = s->context == 0 ? CONTEXT : s->context,
		.vlan = s->vlan,
		.port_first = s->first,
		.port_last = s->last == 0 ? ALL : s->last,
		.shared = s->shared,
		.endpoint = s->endpoint};

	assert_int_equal(prefix_parse(s->prefix, &b.prefix), 0);
	return b;
}

static int say(struct tbl_clients *c, const struct said *s)
{
	const struct tbl_binding b = binding_of(s);

	return tbl_binding_set(c, &b);
}

static int take_back(struct tbl_clients *c, const struct said *s)
{
	const struct tbl_binding b = binding_of(s);

	return tbl_binding_clear(c, &b);
}

static struct tbl_client_key client_of(const char *text, uint16_t port)
{
	struct tbl_client_key k = {.context = CONTEXT, .port = port};

	assert_int_equal(addr_parse(text, &k.addr), 0);
	return k;
}

static struct tbl_client find(const struct tbl_clients *c, const char *text, uint16_t port)
{
	const struct tbl_client_key k = client_of(text, port);
	struct tbl_client found;

	tbl_clients_find(c, &k, &found);
	return found;
}

static uint64_t key_at(const struct tbl_clients *c, uint32_t reference)
{
	struct tbl_endpoint e;

	(void)tbl_endpoint_get(c, reference, &e); // nobody: 0
	return e.key;
}

static uint64_t whose(const struct tbl_clients *c, const char *text, uint16_t port)
{
	return key_at(c, find(c, text, port).endpoint);
}

static void sweep_bindings(struct tbl_clients *c)
{
	while (tbl_bindings_sweep(c, 100))
		settle(c);
}

static void sweep_facts(struct tbl_clients *c)
{
	while (tbl_facts_sweep(c, 100))
		settle(c);
}

// ---- bindings

struct probe {
	const char *client;
	uint16_t port;
	uint64_t endpoint; // 0: nobody
	bool shared;
};

static void probes_hold(const struct tbl_clients *c, const struct probe *p, size_t n)
{
	struct tbl_client_key keys[TBL_CLIENTS_BULK] = {0};
	struct tbl_client found[TBL_CLIENTS_BULK];

	for (size_t i = 0; i < n; i++) {
		const struct tbl_client f = find(c, p[i].client, p[i].port);

		if (key_at(c, f.endpoint) != p[i].endpoint || f.shared != p[i].shared)
			fail_msg("%s:%u is %llu's%s", p[i].client, p[i].port,
				(unsigned long long)key_at(c, f.endpoint), f.shared ? ", shared" : "");
		keys[i] = client_of(p[i].client, p[i].port);
	}
	tbl_clients_find_bulk(c, keys, (unsigned)n, found);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(key_at(c, found[i].endpoint), p[i].endpoint);
}

static void the_longest_prefix_that_has_the_client_says_whose_it_is(void **)
{
	static const struct said said[] = {{"10.0.0.0/8", .endpoint = 8},
		{"10.1.0.0/16", .endpoint = 16, .shared = true},
		{"10.1.2.0/24", .endpoint = 24}, {"10.1.2.3/32", .endpoint = 32},
		{"2001:db8::/32", .endpoint = 132}, {"2001:db8:0:1::/64", .endpoint = 164},
		{"2001:db8:0:1::5/128", .endpoint = 228, .shared = true}};
	static const struct probe probes[] = {{"10.1.2.3", 1, 32, false}, {"10.1.2.4", 1, 24, false},
		{"10.1.3.4", 1, 16, true}, {"10.2.3.4", 1, 8, false}, {"11.1.2.3", 1, 0, false},
		{"2001:db8:0:1::5", 1, 228, true}, {"2001:db8:0:1::6", 1, 164, false},
		{"2001:db8:1::", 65535, 132, false}, {"2001:db9::", 1, 0, false},
		{"::a01:203", 1, 0, false}};
	struct tbl_clients *c = make(MANY, MANY, 0);

	for (size_t i = 0; i < COUNT(said); i++)
		assert_int_equal(say(c, &said[i]), 0);
	probes_hold(c, probes, COUNT(probes));
	assert_int_equal(counts(c).bindings, COUNT(said));
	assert_int_equal(counts(c).endpoints, COUNT(said));
	tbl_clients_free(c);
}

static void a_block_that_has_the_port_goes_before_all_ports_and_these_before_shorter_prefixes(
	void **)
{
	static const struct said said[] = {{"10.0.0.0/8", .endpoint = 8},
		{"10.0.0.1/32", 1024, 2047, 1}, {"10.0.0.1/32", 4096, 4096, 3, .shared = true},
		{"10.0.0.1/32", 2048, 4095, 2}, {"10.0.0.2/32", 1024, 2047, 5},
		{"10.0.0.2/32", .endpoint = 4}, {"10.0.0.3/32", .endpoint = 6},
		{"10.0.0.3/32", 1, 1, 7}};
	static const struct probe probes[] = {{"10.0.0.1", 1023, 8, false},
		{"10.0.0.1", 1024, 1, false}, {"10.0.0.1", 2047, 1, false},
		{"10.0.0.1", 2048, 2, false}, {"10.0.0.1", 4095, 2, false},
		{"10.0.0.1", 4096, 3, true}, {"10.0.0.1", 4097, 8, false},
		{"10.0.0.2", 1024, 5, false}, {"10.0.0.2", 80, 4, false}, {"10.0.0.3", 1, 7, false},
		{"10.0.0.3", 0, 6, false}};
	struct tbl_clients *c = make(MANY, MANY, 0);

	for (size_t i = 0; i < COUNT(said); i++)
		assert_int_equal(say(c, &said[i]), 0);
	probes_hold(c, probes, COUNT(probes));
	assert_int_equal(counts(c).bindings, COUNT(said));
	tbl_clients_free(c);
}

static void contexts_and_vlans_are_apart(void **)
{
	static const struct said said[] = {{"10.0.0.1/32", .endpoint = 1},
		{"10.0.0.1/32", .endpoint = 2, .vlan = 5},
		{"10.0.0.1/32", .endpoint = 3, .context = 79}};
	struct tbl_clients *c = make(MANY, MANY, 0);
	struct tbl_client_key k = client_of("10.0.0.1", 1);
	struct tbl_client f;

	for (size_t i = 0; i < COUNT(said); i++)
		assert_int_equal(say(c, &said[i]), 0);
	for (size_t i = 0; i < COUNT(said); i++) {
		k.vlan = said[i].vlan;
		k.context = said[i].context == 0 ? CONTEXT : said[i].context;
		tbl_clients_find(c, &k, &f);
		assert_int_equal(key_at(c, f.endpoint), said[i].endpoint);
	}
	k.vlan = 6;
	tbl_clients_find(c, &k, &f);
	assert_int_equal(f.endpoint, TBL_ENDPOINT_NONE);
	tbl_clients_free(c);
}

static void a_binding_takes_the_place_of_the_one_of_its_prefix_and_of_blocks_that_it_overlaps(
	void **)
{
	static const struct said said[] = {{"10.0.0.1/32", .endpoint = 1},
		{"10.0.0.1/32", .endpoint = 2, .shared = true}, {"10.0.0.2/32", 100, 199, 3},
		{"10.0.0.2/32", 200, 299, 4}, {"10.0.0.2/32", 300, 399, 5},
		{"10.0.0.2/32", 150, 250, 6}, {"10.0.0.2/32", 300, 399, 7}};
	static const struct probe probes[] = {{"10.0.0.1", 1, 2, true}, {"10.0.0.2", 149, 0, false},
		{"10.0.0.2", 150, 6, false}, {"10.0.0.2", 251, 0, false}, {"10.0.0.2", 300, 7, false}};
	struct tbl_clients *c = make(MANY, MANY, 0);

	for (size_t i = 0; i < COUNT(said); i++)
		assert_int_equal(say(c, &said[i]), 0);
	probes_hold(c, probes, COUNT(probes));
	assert_int_equal(counts(c).bindings, 3);
	assert_int_equal(counts(c).endpoints, 3);
	tbl_clients_free(c);
}

static void what_is_taken_back_is_of_the_same_prefix_and_ports(void **)
{
	static const struct said said[] = {{"10.0.0.0/24", .endpoint = 1},
		{"10.0.0.1/32", .endpoint = 2}, {"10.0.0.2/32", 100, 199, 3},
		{"10.0.0.2/32", 200, 299, 4}, {"10.0.0.2/32", .endpoint = 5},
		{"10.0.0.3/32", 100, 199, 6}};
	static const struct said nothing[] = {{"10.0.0.9/32"}, {"10.0.0.1/32", 100, 199},
		{"10.0.0.2/32", 100, 200}, {"10.0.0.3/32"}, {"10.0.0.0/16"}};
	static const struct probe then[] = {{"10.0.0.1", 150, 1, false}, {"10.0.0.2", 150, 5, false},
		{"10.0.0.2", 250, 4, false}, {"10.0.0.2", 1, 5, false}, {"10.0.0.3", 150, 1, false}};
	struct tbl_clients *c = make(MANY, MANY, 0);

	for (size_t i = 0; i < COUNT(said); i++)
		assert_int_equal(say(c, &said[i]), 0);
	for (size_t i = 0; i < COUNT(nothing); i++)
		assert_int_equal(take_back(c, &nothing[i]), 0);
	assert_int_equal(counts(c).bindings, COUNT(said));
	assert_int_equal(take_back(c, &said[1]), 0);
	assert_int_equal(take_back(c, &said[2]), 0);
	assert_int_equal(take_back(c, &said[5]), 0);
	probes_hold(c, then, COUNT(then));
	assert_int_equal(counts(c).bindings, 3);
	for (size_t i = 0; i < COUNT(said); i++)
		assert_int_equal(take_back(c, &said[i]), 0);
	assert_int_equal(counts(c).bindings, 0);
	assert_int_equal(counts(c).endpoints, 0);
	settle(c);
	assert_int_equal(counts(c).bytes, tbl_clients_bytes(&(struct tbl_clients_conf){
						  "test", MANY, MANY, 0, 0})); // no record is left
	tbl_clients_free(c);
}

// IPv6 addresses, prefixes of links, delegated ones of several sizes, all at once.
static void a_ninth_length_of_a_family_finds_no_room_until_another_one_goes(void **)
{
	static const struct said said[] = {{"2001:db8::/32", .endpoint = 1},
		{"2001:db8::/40", .endpoint = 2}, {"2001:db8::/44", .endpoint = 3},
		{"2001:db8::/48", .endpoint = 4}, {"2001:db8::/52", .endpoint = 5},
		{"2001:db8::/56", .endpoint = 6}, {"2001:db8::/60", .endpoint = 7},
		{"2001:db8::/64", .endpoint = 8}};
	const struct said ninth = {"2001:db8::1/128", .endpoint = 9},
			  other = {"10.0.0.0/24", .endpoint = 10};
	struct tbl_clients *c = make(MANY, MANY, 0);

	for (size_t i = 0; i < COUNT(said); i++)
		assert_int_equal(say(c, &said[i]), 0);
	assert_int_equal(say(c, &ninth), -ENOSPC);
	assert_int_equal(counts(c).full, 1);
	assert_int_equal(counts(c).endpoints, 8); // and nothing of it is left
	assert_int_equal(say(c, &other), 0);
	assert_int_equal(take_back(c, &said[1]), 0);
	assert_int_equal(say(c, &ninth), 0);
	assert_int_equal(whose(c, "2001:db8::1", 1), 9);
	assert_int_equal(whose(c, "2001:db8::2", 1), 8);
	assert_int_equal(whose(c, "2001:db8:0:1::", 1), 7);
	assert_int_equal(whose(c, "2001:db8:0:10::", 1), 6);
	assert_int_equal(whose(c, "2001:db8:8::", 1), 3);
	assert_int_equal(whose(c, "2001:db8:20::", 1), 1);
	tbl_clients_free(c);
}

static void a_full_table_of_endpoints_lets_an_address_change_hands(void **)
{
	static const struct said before[] = {{"10.0.0.1/32", .endpoint = 1},
		{"10.0.0.2/32", 100, 199, 2}, {"10.0.0.2/32", 200, 299, 3}};
	static const struct said late[] = {
		{"10.0.0.1/32", .endpoint = 4}, {"10.0.0.2/32", 150, 250, 5}};
	static const struct probe then[] = {{"10.0.0.1", 1, 4, false}, {"10.0.0.2", 120, 0, false},
		{"10.0.0.2", 150, 5, false}, {"10.0.0.2", 299, 0, false}};
	struct tbl_clients *c = make(MANY, COUNT(before), 0);

	for (size_t i = 0; i < COUNT(before); i++)
		assert_int_equal(say(c, &before[i]), 0);
	for (size_t i = 0; i < COUNT(late); i++)
		assert_int_equal(say(c, &late[i]), 0);
	probes_hold(c, then, COUNT(then));
	assert_int_equal(counts(c).full, 0);
	assert_int_equal(counts(c).bindings, 2);
	assert_int_equal(counts(c).endpoints, 2);
	tbl_clients_free(c);
}

// Whoever had it before would answer for the mail of whoever has it now.
static void a_binding_that_finds_no_room_leaves_nobody_where_another_one_was(void **)
{
	static const struct said before[] = {{"10.0.0.1/32", .endpoint = 1},
		{"10.0.0.2/32", 100, 199, 2}, {"10.0.0.2/32", 200, 299, 3},
		{"10.0.0.2/32", 300, 399, 4}, {"10.0.0.3/32", .endpoint = 5}};
	static const struct said late[] = {
		{"10.0.0.1/32", .endpoint = 6}, {"10.0.0.2/32", 150, 250, 7}};
	static const struct probe then[] = {{"10.0.0.1", 1, 0, false}, {"10.0.0.2", 100, 0, false},
		{"10.0.0.2", 299, 0, false}, {"10.0.0.2", 300, 4, false},
		{"10.0.0.3", 1, 5, false}};
	struct tbl_clients *c = make(MANY, COUNT(before), 0);

	for (size_t i = 0; i < COUNT(before); i++) {
		assert_int_equal(say(c, &before[i]), 0);
		// Known without a binding, too: their numbers do not become free.
		assert_int_equal(tbl_endpoint_set(c,
					 &(struct tbl_endpoint){
						 .key = before[i].endpoint, .flags = TBL_LISTED}),
			0);
	}
	for (size_t i = 0; i < COUNT(late); i++)
		assert_int_equal(say(c, &late[i]), -ENOSPC);
	assert_int_equal(counts(c).full, COUNT(late));
	probes_hold(c, then, COUNT(then));
	assert_int_equal(counts(c).bindings, 2);
	assert_int_equal(tbl_endpoint_set(c, &(struct tbl_endpoint){.key = 1}), 0);
	assert_int_equal(say(c, &late[0]), 0); // said again
	assert_int_equal(whose(c, "10.0.0.1", 1), 6);
	tbl_clients_free(c);
}

static void bindings_that_make_no_sense_are_refused(void **)
{
	struct tbl_clients *c = make(MANY, MANY, 0);
	const struct said good = {"10.0.0.0/24", 5, 9, 1};
	struct tbl_binding b = binding_of(&good);

	b.prefix.addr.b[15] = 1;
	assert_int_equal(tbl_binding_set(c, &b), -EINVAL);
	b = binding_of(&good);
	b.prefix.len = 129;
	assert_int_equal(tbl_binding_set(c, &b), -EINVAL);
	b = binding_of(&good);
	b.port_last = 4;
	assert_int_equal(tbl_binding_set(c, &b), -EINVAL);
	b = binding_of(&good);
	b.endpoint = 0;
	assert_int_equal(tbl_binding_set(c, &b), -EINVAL);
	assert_int_equal(counts(c).bindings, 0);
	tbl_clients_free(c);
}

static struct said numbered(uint32_t i, char text[PREFIX_TEXT_MAX])
{
	(void)snprintf(text, PREFIX_TEXT_MAX, "10.%u.%u.%u/32", i >> 16, i >> 8 & 255, i & 255);
	return (struct said){text, .endpoint = i + 1};
}

static void as_many_fit_as_were_asked_for_and_no_more(void **)
{
	// With what may wait a power of two, which is where buckets run short.
	enum { N = (1 << 17) - TBL_WAIT_MAX, BLOCKS = 2000 };
	struct tbl_clients *c = make(N, N, N);
	char text[PREFIX_TEXT_MAX];

	for (uint32_t i = 0; i < N - BLOCKS; i++) {
		const struct said s = numbered(i, text);

		assert_int_equal(say(c, &s), 0);
	}
	for (uint32_t i = 0; i < BLOCKS; i++) {
		const struct said s = {"192.0.2.1/32", (uint16_t)(1024 + i * 32),
			(uint16_t)(1024 + i * 32 + 31), N - BLOCKS + i + 1};

		assert_int_equal(say(c, &s), 0);
		if (tbl_clients_waiting(c) > 100)
			settle(c);
	}
	for (uint32_t i = 0; i < N - BLOCKS; i++) {
		const struct said s = numbered(i, text);

		*strchr(text, '/') = '\0';
		assert_int_equal(whose(c, text, 1), s.endpoint);
	}
	assert_int_equal(whose(c, "192.0.2.1", 1024 + 32 * BLOCKS - 1), N);
	const struct said over = {"192.0.2.2/32", .endpoint = 1}, block = {"192.0.2.1/32", 1, 1, 1},
			  again = {"192.0.2.1/32", 1024, 1055, 1};
	assert_int_equal(say(c, &over), -ENOSPC);
	assert_int_equal(say(c, &block), -ENOSPC);
	assert_int_equal(say(c, &again), 0); // one more in another's place
	assert_int_equal(counts(c).full, 2);
	assert_int_equal(counts(c).bindings, N);
	tbl_clients_free(c);
}

static void an_endpoint_too_many_finds_no_room(void **)
{
	struct tbl_clients *c = make(3, 2, 0);
	const struct said said[] = {{"10.0.0.1/32", .endpoint = 1}, {"10.0.0.2/32", .endpoint = 2},
		{"10.0.0.3/32", .endpoint = 3}};

	assert_int_equal(say(c, &said[0]), 0);
	assert_int_equal(say(c, &said[1]), 0);
	assert_int_equal(say(c, &said[2]), -ENOSPC);
	assert_int_equal(tbl_endpoint_set(c, &(struct tbl_endpoint){.key = 4, .flags = TBL_LISTED}),
		-ENOSPC);
	assert_int_equal(counts(c).full, 2);
	assert_int_equal(take_back(c, &said[0]), 0);
	assert_int_equal(say(c, &said[2]), 0);
	tbl_clients_free(c);
}

static void an_address_has_no_more_blocks_than_it_may(void **)
{
	struct tbl_clients *c = make(2 * TBL_BLOCKS_MAX, 2 * TBL_BLOCKS_MAX, 0);

	for (uint32_t i = 0; i <= TBL_BLOCKS_MAX; i++) {
		const struct said s = {"10.0.0.1/32", (uint16_t)(i + 1), (uint16_t)(i + 1), i + 1};

		assert_int_equal(say(c, &s), i < TBL_BLOCKS_MAX ? 0 : -ENOSPC);
		settle(c);
	}
	tbl_clients_free(c);
}

static void without_room_nothing_is_kept_and_nobody_known(void **)
{
	struct tbl_clients *c = make(0, 0, 0);
	const struct said s = {"10.0.0.1/32", .endpoint = 1};

	assert_int_equal(say(c, &s), -ENOSPC);
	assert_int_equal(take_back(c, &s), 0);
	assert_int_equal(tbl_endpoint_set(c, &(struct tbl_endpoint){.key = 1, .flags = TBL_LISTED}),
		-ENOSPC);
	assert_int_equal(tbl_endpoint_set(c, &(struct tbl_endpoint){.key = 1}), 0);
	assert_int_equal(whose(c, "10.0.0.1", 1), 0);
	tbl_bindings_begin(c);
	tbl_facts_begin(c);
	assert_false(tbl_bindings_sweep(c, 1));
	assert_false(tbl_facts_sweep(c, 1));
	tbl_clients_free(c);
}

static void bindings_that_are_not_said_again_go(void **)
{
	static const struct said said[] = {{"10.0.0.1/32", .endpoint = 1},
		{"10.0.0.2/32", .endpoint = 2}, {"10.0.0.3/32", 1, 9, 3}, {"10.0.0.3/32", 10, 19, 4},
		{"10.0.0.4/32", 1, 9, 5}, {"10.0.0.5/32", .endpoint = 6}, {"10.0.0.5/32", 1, 9, 7},
		{"10.0.0.6/32", .endpoint = 8}, {"10.0.0.6/32", 1, 9, 9}};
	static const bool again[COUNT(said)] = {[0] = true, [3] = true, [5] = true, [8] = true};
	static const struct probe then[] = {{"10.0.0.1", 1, 1, false}, {"10.0.0.2", 1, 0, false},
		{"10.0.0.3", 1, 0, false}, {"10.0.0.3", 10, 4, false}, {"10.0.0.4", 1, 0, false},
		{"10.0.0.5", 1, 6, false}, {"10.0.0.6", 1, 9, false}, {"10.0.0.6", 10, 0, false}};
	struct tbl_clients *c = make(MANY, MANY, 0);

	for (size_t i = 0; i < COUNT(said); i++)
		assert_int_equal(say(c, &said[i]), 0);
	tbl_bindings_begin(c);
	for (size_t i = 0; i < COUNT(said); i++)
		if (again[i])
			assert_int_equal(say(c, &said[i]), 0);
	assert_int_equal(counts(c).bindings, COUNT(said)); // nothing goes before the sweep
	sweep_bindings(c);
	probes_hold(c, then, COUNT(then));
	assert_int_equal(counts(c).bindings, 4);
	assert_int_equal(counts(c).endpoints, 4);
	tbl_bindings_begin(c);
	sweep_bindings(c);
	assert_int_equal(counts(c).bindings, 0);
	tbl_clients_free(c);
}

static void a_walk_that_begins_again_confirms_nothing_of_the_one_before(void **)
{
	struct tbl_clients *c = make(MANY, MANY, 0);
	const struct said a = {"10.0.0.1/32", .endpoint = 1}, b = {"10.0.0.2/32", .endpoint = 2};

	assert_int_equal(say(c, &a), 0);
	assert_int_equal(say(c, &b), 0);
	tbl_bindings_begin(c);
	assert_int_equal(say(c, &a), 0);
	(void)tbl_bindings_sweep(c, 3);
	tbl_bindings_begin(c);
	assert_int_equal(say(c, &b), 0);
	sweep_bindings(c);
	assert_int_equal(whose(c, "10.0.0.1", 1), 0);
	assert_int_equal(whose(c, "10.0.0.2", 1), 2);
	tbl_clients_free(c);
}

static void what_waits_for_workers_is_bounded_and_writers_wait_for_it(void **)
{
	enum { N = 20000 };
	struct tbl_clients *c = make(N, N, 0);
	char text[PREFIX_TEXT_MAX];
	uint32_t gone = 0;
	int rc = 0;

	for (uint32_t i = 0; i < N; i++) {
		const struct said s = numbered(i, text);

		assert_int_equal(say(c, &s), 0);
	}
	while (rc == 0) {
		const struct said s = numbered(gone, text);

		rc = take_back(c, &s);
		gone += rc == 0;
	}
	assert_int_equal(rc, -EAGAIN);
	assert_in_range(gone, 1000, N - 1);
	assert_int_equal(counts(c).bindings, N - gone);
	settle(c);
	const struct said s = numbered(gone, text);
	assert_int_equal(take_back(c, &s), 0);
	tbl_clients_free(c);
}

static void what_came_after_the_retirement_is_not_reclaimed_with_it(void **)
{
	struct tbl_clients *c = make(MANY, MANY, 0);
	char text[PREFIX_TEXT_MAX];

	for (uint32_t i = 0; i < 10; i++) {
		const struct said s = numbered(i, text);

		assert_int_equal(say(c, &s), 0);
		assert_int_equal(take_back(c, &s), 0);
		if (i == 6)
			tbl_clients_retire(c);
	}
	assert_int_equal(tbl_clients_waiting(c), 10);
	tbl_clients_reclaim(c);
	assert_int_equal(tbl_clients_waiting(c), 3);
	tbl_clients_reclaim(c); // nothing was retired since
	assert_int_equal(tbl_clients_waiting(c), 3);
	tbl_clients_free(c);
}

// ---- endpoints

static void what_is_known_of_an_endpoint_is_found_by_its_reference(void **)
{
	const struct said s = {"10.0.0.1/32", .endpoint = 9};
	const struct tbl_endpoint known = {9, 100, 200, TBL_LISTED | TBL_EXEMPT};
	struct tbl_clients *c = make(MANY, MANY, 0);
	struct tbl_endpoint e;
	uint32_t reference;

	assert_int_equal(say(c, &s), 0);
	reference = find(c, "10.0.0.1", 1).endpoint;
	assert_int_equal(tbl_endpoint_set(c, &known), 0);
	assert_true(tbl_endpoint_get(c, reference, &e));
	assert_int_equal(e.key, known.key);
	assert_int_equal(e.blocked_until_s, known.blocked_until_s);
	assert_int_equal(e.auth_until_s, known.auth_until_s);
	assert_int_equal(e.flags, known.flags);
	assert_int_equal(tbl_endpoint_set(c, &(struct tbl_endpoint){.key = 9, .blocked_until_s = 7}), 0);
	assert_true(tbl_endpoint_get(c, reference, &e));
	assert_int_equal(e.blocked_until_s, 7);
	assert_int_equal(e.auth_until_s + e.flags, 0);
	assert_int_equal(tbl_endpoint_set(c, &(struct tbl_endpoint){.key = 9}), 0);
	assert_true(tbl_endpoint_get(c, reference, &e));
	assert_int_equal(e.key, 9);
	assert_int_equal(e.blocked_until_s, 0);
	assert_false(tbl_endpoint_get(c, TBL_ENDPOINT_NONE, &e));
	assert_int_equal(e.key, 0);
	assert_false(tbl_endpoint_get(c, 5000, &e)); // never given
	assert_int_equal(tbl_endpoint_set(c, &(struct tbl_endpoint){.flags = 1}), -EINVAL);
	assert_int_equal(tbl_endpoint_set(c, &(struct tbl_endpoint){.key = 1, .flags = 4}), -EINVAL);
	tbl_clients_free(c);
}

static void facts_come_before_a_binding_and_stay_behind_it(void **)
{
	const struct said s = {"10.0.0.1/32", .endpoint = 9};
	struct tbl_clients *c = make(MANY, MANY, 0);
	struct tbl_endpoint e;

	assert_int_equal(tbl_endpoint_set(c, &(struct tbl_endpoint){.key = 9, .blocked_until_s = 50}), 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(say(c, &s), 0);
		assert_true(tbl_endpoint_get(c, find(c, "10.0.0.1", 1).endpoint, &e));
		assert_int_equal(e.blocked_until_s, 50);
		assert_int_equal(take_back(c, &s), 0);
	}
	assert_int_equal(counts(c).endpoints, 1);
	assert_int_equal(tbl_endpoint_set(c, &(struct tbl_endpoint){.key = 9}), 0);
	assert_int_equal(counts(c).endpoints, 0);
	tbl_clients_free(c);
}

static void a_session_that_outlives_its_binding_learns_what_is_found_out_later(void **)
{
	const struct said s = {"10.0.0.1/32", .endpoint = 9}, next = {"10.0.0.1/32", .endpoint = 10};
	struct tbl_clients *c = make(MANY, MANY, 0);
	struct tbl_endpoint e;
	uint32_t reference;

	assert_int_equal(say(c, &s), 0);
	reference = find(c, "10.0.0.1", 1).endpoint;
	assert_int_equal(take_back(c, &s), 0);
	assert_int_equal(say(c, &next), 0);
	assert_true(tbl_endpoint_get(c, reference, &e));
	assert_int_equal(e.key, 9);
	assert_int_equal(tbl_endpoint_set(c, &(struct tbl_endpoint){.key = 9, .flags = TBL_LISTED}), 0);
	assert_true(tbl_endpoint_get(c, reference, &e));
	assert_int_equal(e.flags, TBL_LISTED);
	tbl_clients_free(c);
}

// A number of its own each: what was free the longest is given first, and to another time.
static void a_reference_never_comes_to_stand_for_another_one(void **)
{
	enum { ROUNDS = 300000 };
	struct tbl_clients *c = make(2, 2, 0);
	const struct said first = {"10.0.0.1/32", .endpoint = 1};
	struct tbl_endpoint e;
	uint32_t reference, last = 0;

	assert_int_equal(say(c, &first), 0);
	reference = find(c, "10.0.0.1", 1).endpoint;
	for (uint32_t i = 2; i < ROUNDS; i++) {
		const struct said s = {"10.0.0.1/32", .endpoint = i};

		assert_int_equal(say(c, &s), 0);
		assert_true(last != find(c, "10.0.0.1", 1).endpoint);
		last = find(c, "10.0.0.1", 1).endpoint;
		assert_true(tbl_endpoint_get(c, last, &e) && e.key == i);
		if (tbl_endpoint_get(c, reference, &e))
			assert_int_equal(e.key, 1);
	}
	assert_false(tbl_endpoint_get(c, reference, &e));
	assert_int_equal(counts(c).endpoints, 1);
	tbl_clients_free(c);
}

static void facts_that_are_not_said_again_go_and_bindings_stay(void **)
{
	const struct said s = {"10.0.0.1/32", .endpoint = 1};
	struct tbl_clients *c = make(MANY, MANY, MANY);
	struct tbl_endpoint e;
	struct tbl_sender sender = {.context = CONTEXT, .score = 50};

	assert_int_equal(prefix_parse("10.0.0.0/24", &sender.prefix), 0);
	assert_int_equal(say(c, &s), 0);
	for (uint64_t key = 1; key <= 3; key++)
		assert_int_equal(
			tbl_endpoint_set(c, &(struct tbl_endpoint){.key = key, .flags = TBL_LISTED}), 0);
	assert_int_equal(tbl_sender_set(c, &sender), 0);
	tbl_facts_begin(c);
	assert_int_equal(tbl_endpoint_set(c, &(struct tbl_endpoint){.key = 3, .flags = TBL_EXEMPT}), 0);
	sweep_facts(c);
	assert_true(tbl_endpoint_get(c, find(c, "10.0.0.1", 1).endpoint, &e));
	assert_int_equal(e.flags, 0);
	assert_int_equal(find(c, "10.0.0.1", 1).score, 0);
	assert_int_equal(counts(c).endpoints, 2);
	assert_int_equal(counts(c).senders, 0);
	tbl_clients_free(c);
}

// ---- senders

static void of_a_sender_the_worst_of_its_prefixes_counts(void **)
{
	static const struct {
		const char *prefix;
		uint8_t score, flags;
		uint32_t auth_until_s;
	} said[] = {{"10.0.0.0/8", 10, 0, 500}, {"10.1.0.0/16", 90, TBL_LISTED, 0},
		{"10.1.2.0/24", 20, 0, 400}, {"10.1.2.3/32", 30, TBL_EXEMPT, 0},
		{"2001:db8::/64", 55, 0, 0}};
	static const struct {
		const char *client;
		uint8_t score, flags;
		uint32_t auth_until_s;
	} found[] = {{"10.1.2.3", 90, TBL_LISTED | TBL_EXEMPT, 500}, {"10.1.2.4", 90, TBL_LISTED, 500},
		{"10.2.2.4", 10, 0, 500}, {"11.1.2.3", 0, 0, 0}, {"2001:db8::9", 55, 0, 0},
		{"2001:db8:1::", 0, 0, 0}};
	struct tbl_clients *c = make(0, 0, MANY);

	for (size_t i = 0; i < COUNT(said); i++) {
		struct tbl_sender s = {.context = CONTEXT,
			.score = said[i].score,
			.flags = said[i].flags,
			.auth_until_s = said[i].auth_until_s};

		assert_int_equal(prefix_parse(said[i].prefix, &s.prefix), 0);
		assert_int_equal(tbl_sender_set(c, &s), 0);
	}
	for (size_t i = 0; i < COUNT(found); i++) {
		const struct tbl_client f = find(c, found[i].client, 1);

		assert_int_equal(f.score, found[i].score);
		assert_int_equal(f.flags, found[i].flags);
		assert_int_equal(f.auth_until_s, found[i].auth_until_s);
		assert_int_equal(f.endpoint, TBL_ENDPOINT_NONE);
	}
	assert_int_equal(counts(c).senders, COUNT(said));
	tbl_clients_free(c);
}

static void a_sender_of_whom_nothing_is_known_any_more_takes_no_room(void **)
{
	struct tbl_clients *c = make(0, 0, 1);
	struct tbl_sender s = {.context = CONTEXT}, other = {.context = CONTEXT, .score = 1};

	assert_int_equal(prefix_parse("10.0.0.1/32", &s.prefix), 0);
	assert_int_equal(prefix_parse("10.0.0.2/32", &other.prefix), 0);
	assert_int_equal(tbl_sender_set(c, &s), 0);
	assert_int_equal(counts(c).senders, 0);
	s.score = 100;
	assert_int_equal(tbl_sender_set(c, &s), 0);
	assert_int_equal(tbl_sender_set(c, &other), -ENOSPC);
	s.score = 99;
	assert_int_equal(tbl_sender_set(c, &s), 0);
	assert_int_equal(find(c, "10.0.0.1", 1).score, 99);
	s.score = 101;
	assert_int_equal(tbl_sender_set(c, &s), -EINVAL);
	s.score = 0;
	assert_int_equal(tbl_sender_set(c, &s), 0);
	assert_int_equal(tbl_sender_set(c, &other), 0);
	assert_int_equal(find(c, "10.0.0.1", 1).score, 0);
	assert_int_equal(find(c, "10.0.0.2", 1).score, 1);
	tbl_clients_free(c);
}

// ---- memory

static void a_binding_with_its_endpoint_takes_at_most_200_bytes(void **)
{
	static const uint32_t sizes[] = {1u << 20, (1u << 20) + 1, 5000000, 10000000, 1u << 23,
		(1u << 23) + 1, 16000000};

	for (size_t i = 0; i < COUNT(sizes); i++) {
		const struct tbl_clients_conf conf = {"test", sizes[i], sizes[i], 0, 0};
		const uint64_t each = tbl_clients_bytes(&conf) / sizes[i];

		print_message("%u bindings and endpoints: %u bytes each\n", sizes[i], (unsigned)each);
		assert_in_range(each, 1, 200);
	}
}

static uint64_t heap_used(void)
{
	struct rte_malloc_socket_stats s;

	assert_int_equal(rte_malloc_get_socket_stats((int)rte_socket_id(), &s), 0);
	return s.heap_allocsz_bytes;
}

static void what_is_computed_is_what_is_taken(void **)
{
	static const uint32_t sizes[][3] = {{70000, 70000, 70000}, {300000, 100000, 0},
		{131072, 200000, 100000}, {0, 0, 500000}, {1000, 0, 0}};

	for (size_t i = 0; i < COUNT(sizes); i++) {
		const struct tbl_clients_conf conf = {
			"test", sizes[i][0], sizes[i][1], sizes[i][2], 0};
		const uint64_t before = heap_used();
		struct tbl_clients *c = make(sizes[i][0], sizes[i][1], sizes[i][2]);
		const uint64_t taken = heap_used() - before, told = tbl_clients_bytes(&conf);

		assert_in_range(taken, told - told / 20, told + told / 20);
		tbl_clients_free(c);
		assert_int_equal(heap_used(), before);
	}
}

static void sizes_out_of_range_are_refused(void **)
{
	assert_null(tbl_clients_new(
		&(struct tbl_clients_conf){"test", TBL_BINDINGS_MAX + 1, 1, 1, 0}));
	assert_int_equal(errno, EINVAL);
	assert_null(tbl_clients_new(
		&(struct tbl_clients_conf){"test", 1, TBL_ENDPOINTS_MAX + 1, 1, 0}));
	assert_int_equal(errno, EINVAL);
	assert_null(tbl_clients_new(
		&(struct tbl_clients_conf){"test", TBL_BINDINGS_MAX, 1, 1, 0}));
	assert_int_equal(errno, ENOMEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_prefix_that_has_the_client_says_whose_it_is),
		cmocka_unit_test(
			a_block_that_has_the_port_goes_before_all_ports_and_these_before_shorter_prefixes),
		cmocka_unit_test(contexts_and_vlans_are_apart),
		cmocka_unit_test(
			a_binding_takes_the_place_of_the_one_of_its_prefix_and_of_blocks_that_it_overlaps),
		cmocka_unit_test(what_is_taken_back_is_of_the_same_prefix_and_ports),
		cmocka_unit_test(a_ninth_length_of_a_family_finds_no_room_until_another_one_goes),
		cmocka_unit_test(a_full_table_of_endpoints_lets_an_address_change_hands),
		cmocka_unit_test(a_binding_that_finds_no_room_leaves_nobody_where_another_one_was),
		cmocka_unit_test(bindings_that_make_no_sense_are_refused),
		cmocka_unit_test(as_many_fit_as_were_asked_for_and_no_more),
		cmocka_unit_test(an_endpoint_too_many_finds_no_room),
		cmocka_unit_test(an_address_has_no_more_blocks_than_it_may),
		cmocka_unit_test(without_room_nothing_is_kept_and_nobody_known),
		cmocka_unit_test(bindings_that_are_not_said_again_go),
		cmocka_unit_test(a_walk_that_begins_again_confirms_nothing_of_the_one_before),
		cmocka_unit_test(what_waits_for_workers_is_bounded_and_writers_wait_for_it),
		cmocka_unit_test(what_came_after_the_retirement_is_not_reclaimed_with_it),
		cmocka_unit_test(what_is_known_of_an_endpoint_is_found_by_its_reference),
		cmocka_unit_test(facts_come_before_a_binding_and_stay_behind_it),
		cmocka_unit_test(
			a_session_that_outlives_its_binding_learns_what_is_found_out_later),
		cmocka_unit_test(a_reference_never_comes_to_stand_for_another_one),
		cmocka_unit_test(facts_that_are_not_said_again_go_and_bindings_stay),
		cmocka_unit_test(of_a_sender_the_worst_of_its_prefixes_counts),
		cmocka_unit_test(a_sender_of_whom_nothing_is_known_any_more_takes_no_room),
		cmocka_unit_test(a_binding_with_its_endpoint_takes_at_most_200_bytes),
		cmocka_unit_test(what_is_computed_is_what_is_taken),
		cmocka_unit_test(sizes_out_of_range_are_refused),
	};

	return cmocka_run_group_tests(tests, eal_start, eal_end);
}

// SPDX-License-Identifier: BSD-3-Clause
// Any datagram, under a form that names every kind of attribute: the walk stays inside, an answer is a packet
// with the request's id, what is taken makes sense, and bindings count right. The input: an octet that chooses
// how a NAS says it, then datagrams, each with its length in two octets before it.
#include "fuzz.h"
#include "rad_account.h"
#include "rad_bind.h"

enum { BINDINGS = 32, NOW = 100000 };

static const struct rad_context here;

static void change_check(void *arg, const struct rad_key *key, struct rad_bound now)
{
	(void)arg;
	CHECK(key->prefix.len <= 128 && key->port_first <= key->port_last);
	CHECK(now.endpoint == RAD_NONE || now.endpoint < BINDINGS);
}

static void walk_check(const struct rad_packet *p)
{
	const uint8_t *end = p->whole.p + p->whole.n;
	struct rad_walk w;
	struct rad_attr a;
	size_t n = 0;

	for (rad_walk_begin(&w, p); rad_walk_next(&w, &a); n++) {
		CHECK(a.value.n == 0 || (a.value.p > p->whole.p && a.value.p + a.value.n <= end));
		CHECK(a.value.n <= RAD_VALUE_MAX);
	}
	CHECK(n <= p->attrs.n / 2);
}

static void answer_check(const struct rad_packet *p)
{
	uint8_t buf[RAD_PACKET_MAX];
	struct rad_packet again;

	for (int sealed = 0; sealed < 2; sealed++) {
		size_t n = rad_answer(p, RAD_ACCOUNTING_RESPONSE, sealed, buf);

		CHECK(n <= sizeof(buf));
		CHECK(rad_packet_read((struct span){buf, n}, &again) == RAD_GOOD);
		CHECK(again.whole.n == n && again.id == p->id &&
			again.code == RAD_ACCOUNTING_RESPONSE);
	}
}

static void account_check(const struct rad_account *a)
{
	CHECK(a->naddress <= RAD_ADDRESSES_MAX && a->id.n <= RAD_ID_MAX);
	CHECK(a->port_first <= a->port_last);
	for (unsigned i = 0; i < a->naddress; i++)
		CHECK(a->address[i].len >= 16 && a->address[i].len <= 128);
}

static struct rad_form form_of(uint8_t how)
{
	return (struct rad_form){
		.id = {how & 1 ? 10415 : 0, how & 1 ? 1 : 31, RAD_KIND_TEXT},
		.address = {{0, 8, RAD_KIND_ADDR_V4}, {0, 168, RAD_KIND_ADDR_V6},
			{0, 97, RAD_KIND_PREFIX},
			{0, how & 2 ? 123 : 14, how & 2 ? RAD_KIND_PREFIX : RAD_KIND_ADDR_V4}},
		.port_first = {10415, how & 4 ? 2 : 0, RAD_KIND_NUMBER},
		.port_last = {10415, how & 4 ? 3 : 0, RAD_KIND_NUMBER},
		.host_order = (how & 8) != 0,
	};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct rad_bind_conf conf = {.bindings = BINDINGS,
		.endpoints = BINDINGS,
		.nas = 4,
		.idle_s = 5,
		.keep_s = 2,
		.key = "fuzz"};
	struct span in = {data, size};
	const struct rad_form form = form_of(take8(&in));
	struct rad_bind *b = rad_bind_new(&conf, change_check, NULL);
	uint32_t now = NOW;

	CHECK(b != NULL);
	while (in.n > 0) {
		size_t n = (size_t)take8(&in) << 8;
		n |= take8(&in);
		const struct span datagram = span_sub(in, 0, n);
		struct rad_packet p;
		struct rad_account a;

		in = span_from(in, n);
		if (rad_packet_read(datagram, &p) != RAD_GOOD)
			continue;
		walk_check(&p);
		answer_check(&p);
		if (rad_account_read(&p, &form, conf.key, 1, &a) != RAD_TAKEN)
			continue;
		account_check(&a);
		(void)rad_bind_take(b, &a, here, now++);
		rad_bind_tick(b, now, BINDINGS);
		CHECK(rad_bind_counts(b).bindings <= BINDINGS);
	}
	rad_bind_free(b);
	return 0;
}

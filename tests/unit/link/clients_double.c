// SPDX-License-Identifier: BSD-3-Clause
// The double's side of tbl_clients.h.
#include "clients_double.h"

#include <errno.h>

static int answer(struct tbl_clients *c, unsigned *count)
{
	if (c->busy > 0) {
		c->busy--;
		return -EAGAIN;
	}
	++*count;
	return c->full ? -ENOSPC : 0;
}

int tbl_binding_set(struct tbl_clients *c, const struct tbl_binding *b)
{
	c->binding = *b;
	return answer(c, &c->set);
}

int tbl_binding_clear(struct tbl_clients *c, const struct tbl_binding *b)
{
	c->binding = *b;
	return answer(c, &c->cleared);
}

int tbl_endpoint_set(struct tbl_clients *c, const struct tbl_endpoint *e)
{
	c->endpoint = *e;
	return answer(c, &c->endpoints);
}

int tbl_sender_set(struct tbl_clients *c, const struct tbl_sender *s)
{
	c->sender = *s;
	return answer(c, &c->senders);
}

void tbl_bindings_begin(struct tbl_clients *c)
{
	c->bindings_begun++;
}

void tbl_facts_begin(struct tbl_clients *c)
{
	c->facts_begun++;
}

bool tbl_bindings_sweep(struct tbl_clients *c, uint32_t)
{
	c->bindings_slices++;
	if (c->bindings_left > 0)
		c->bindings_left--;
	return c->bindings_left > 0;
}

bool tbl_facts_sweep(struct tbl_clients *c, uint32_t)
{
	c->facts_slices++;
	if (c->facts_left > 0)
		c->facts_left--;
	return c->facts_left > 0;
}

uint32_t tbl_clients_waiting(const struct tbl_clients *c)
{
	return c->waiting;
}

void tbl_clients_counts(const struct tbl_clients *, struct tbl_clients_counts *out)
{
	*out = (struct tbl_clients_counts){.bindings_max = DOUBLE_BINDINGS,
		.endpoints_max = DOUBLE_ENDPOINTS,
		.senders_max = DOUBLE_SENDERS};
}

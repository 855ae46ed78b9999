// SPDX-License-Identifier: BSD-3-Clause
// Times as they are saved (rep_save.h). Thread: any.
#include "rep_save.h"

#include <errno.h>

uint32_t rep_shifted(uint32_t at_s, int64_t by_s)
{
	const int64_t t = (int64_t)at_s + by_s;

	return at_s == 0 || t < 0 ? 0 : t > UINT32_MAX ? UINT32_MAX : (uint32_t)t;
}

void rep_auth_save(const struct rep_auth *a, int64_t shift_s, struct rep_auth *out)
{
	*out = *a;
	out->until_s = rep_shifted(a->until_s, shift_s);
	out->last_s = rep_shifted(a->last_s, shift_s);
}

void rep_auth_load(const struct rep_auth *a, uint32_t now_s, struct rep_auth *out)
{
	*out = *a;
	out->last_s = a->last_s > now_s ? now_s : a->last_s;
	if (a->until_s > now_s && a->until_s - now_s > a->for_s)
		out->until_s = now_s + a->for_s;
}

// ---- as octets: little end first, a number that says which form this is, zeros at the end left out

enum { FORM = 1 };

static uint8_t *put(uint8_t *p, uint64_t v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		*p++ = (uint8_t)(v >> (8 * i));
	return p;
}

static uint64_t take(struct span *s, unsigned n)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < n && s->n > 0; i++, s->p++, s->n--)
		v |= (uint64_t)*s->p << (8 * i);
	return v;
}

static uint8_t *auth_put(uint8_t *p, const struct rep_auth *a)
{
	p = put(p, a->until_s, 4);
	p = put(p, a->for_s, 4);
	p = put(p, a->last_s, 4);
	p = put(p, a->failed, 2);
	p = put(p, a->blocks, 1);
	for (unsigned i = 0; i < REP_AUTH_CELLS; i++)
		p = put(p, a->cell[i], 2);
	return p;
}

static void auth_take(struct span *s, struct rep_auth *a)
{
	a->until_s = (uint32_t)take(s, 4);
	a->for_s = (uint32_t)take(s, 4);
	a->last_s = (uint32_t)take(s, 4);
	a->failed = (uint16_t)take(s, 2);
	a->blocks = (uint8_t)take(s, 1);
	for (unsigned i = 0; i < REP_AUTH_CELLS; i++)
		a->cell[i] = (uint16_t)take(s, 2);
}

uint32_t rep_endpoint_pack(const struct rep_endpoint_saved *v, uint8_t out[REP_PACK_MAX])
{
	uint8_t *p = put(out, FORM, 1);
	unsigned n = REP_CELLS;

	p = put(p, v->trigger, 2);
	p = put(p, v->until_s, 4);
	p = put(p, v->for_s, 4);
	p = auth_put(p, &v->auth);
	p = put(p, v->window_s, 4);
	p = put(p, v->newest_s, 4);
	while (n > 0 && v->cell[n - 1] == 0)
		n--;
	for (unsigned i = 0; i < n; i++)
		p = put(p, v->cell[i], 2);
	return (uint32_t)(p - out);
}

int rep_endpoint_unpack(struct span in, struct rep_endpoint_saved *out)
{
	if (take(&in, 1) != FORM)
		return -EINVAL;
	out->trigger = (uint16_t)take(&in, 2);
	out->until_s = (uint32_t)take(&in, 4);
	out->for_s = (uint32_t)take(&in, 4);
	auth_take(&in, &out->auth);
	out->window_s = (uint32_t)take(&in, 4);
	out->newest_s = (uint32_t)take(&in, 4);
	for (unsigned i = 0; i < REP_CELLS; i++)
		out->cell[i] = (uint16_t)take(&in, 2);
	return in.n == 0 ? 0 : -EINVAL;
}

uint32_t rep_sender_pack(const struct rep_sender_saved *v, uint8_t out[REP_PACK_MAX])
{
	uint8_t *p = put(out, FORM, 1);
	uint32_t n = v->cells;

	p = auth_put(p, &v->auth);
	p = put(p, v->newest_s, 4);
	while (n > 0 && v->cell[n - 1].good == 0 && v->cell[n - 1].bad == 0)
		n--;
	for (uint32_t i = 0; i < n; i++) {
		p = put(p, v->cell[i].good, 4);
		p = put(p, v->cell[i].bad, 4);
	}
	return (uint32_t)(p - out);
}

int rep_sender_unpack(struct span in, struct rep_sender_saved *out)
{
	if (take(&in, 1) != FORM)
		return -EINVAL;
	auth_take(&in, &out->auth);
	out->newest_s = (uint32_t)take(&in, 4);
	for (out->cells = 0; in.n > 0 && out->cells < REP_SENDER_CELLS_MAX; out->cells++) {
		out->cell[out->cells].good = (uint32_t)take(&in, 4);
		out->cell[out->cells].bad = (uint32_t)take(&in, 4);
	}
	return in.n == 0 ? 0 : -EINVAL;
}

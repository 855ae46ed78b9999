// SPDX-License-Identifier: BSD-3-Clause
// Times as they are saved (rep_save.h). Thread: any.
#include "rep_save.h"

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

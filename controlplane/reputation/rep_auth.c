// SPDX-License-Identifier: BSD-3-Clause
// Failed logins: more of them than are free in a sliding window begin a block, each block twice as long as the one
// before, but no longer than the number of failures earns. One passed login ends the account; so does a day
// without failures. Thread: any.
#include <string.h>

#include "rep_table.h"

enum { DAY_S = 86400, FEW = 30, MANY = 70, BLOCKS_MAX = 30 };

bool rep_auth_is_sound(const struct rep_auth_conf *c)
{
	return c->failures >= 1 && c->failures <= 1000 && c->window_s >= REP_AUTH_CELLS &&
		c->block_s > 0;
}

uint32_t rep_auth_block_s(const struct rep_auth_conf *conf, uint32_t failed, uint32_t blocks)
{
	const uint64_t cap = failed < FEW ? 2 * 3600 : failed <= MANY ? 12 * 3600 : 45 * DAY_S;
	const uint64_t most = cap > conf->block_s ? cap : conf->block_s;
	const uint64_t s = (uint64_t)conf->block_s << (blocks < BLOCKS_MAX ? blocks : BLOCKS_MAX);

	return (uint32_t)(s < most ? s : most);
}

uint32_t rep_auth_left(const struct rep_auth *a, uint32_t now_s)
{
	return a->until_s > now_s ? a->until_s - now_s : 0;
}

bool rep_auth_is_over(const struct rep_auth *a, const struct rep_auth_conf *conf, uint32_t now_s)
{
	const uint64_t last = a->until_s > a->last_s ? a->until_s : a->last_s;
	const uint64_t kept = conf->window_s > DAY_S ? conf->window_s : DAY_S;

	return last + kept <= now_s;
}

// Cells become older by the time since the last failure.
static void age(struct rep_auth *a, const struct rep_auth_conf *conf, uint32_t now_s)
{
	const uint32_t width = conf->window_s / REP_AUTH_CELLS;
	const uint32_t then = a->last_s / width, now = now_s / width;
	const uint32_t by = now <= then       ? 0
		: now - then > REP_AUTH_CELLS ? REP_AUTH_CELLS
					      : now - then;

	memmove(a->cell + by, a->cell, (REP_AUTH_CELLS - by) * sizeof(a->cell[0]));
	memset(a->cell, 0, by * sizeof(a->cell[0]));
	a->last_s = now_s;
}

bool rep_auth_failed(
	struct rep_auth *a, const struct rep_auth_conf *conf, uint32_t count, uint32_t now_s)
{
	uint32_t sum = 0;

	if (rep_auth_is_over(a, conf, now_s))
		*a = (struct rep_auth){0};
	age(a, conf, now_s);
	a->failed = count > (uint32_t)(UINT16_MAX - a->failed) ? UINT16_MAX
							       : (uint16_t)(a->failed + count);
	if (rep_auth_left(a, now_s) > 0)
		return false;
	a->cell[0] = count > (uint32_t)(UINT16_MAX - a->cell[0]) ? UINT16_MAX
								 : (uint16_t)(a->cell[0] + count);
	for (unsigned i = 0; i < REP_AUTH_CELLS; i++)
		sum += a->cell[i];
	if (sum <= conf->failures)
		return false;
	memset(a->cell, 0, sizeof(a->cell));
	a->for_s = rep_auth_block_s(conf, a->failed, a->blocks);
	a->until_s = now_s + a->for_s;
	a->blocks += a->blocks < BLOCKS_MAX;
	return true;
}

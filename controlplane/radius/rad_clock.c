// SPDX-License-Identifier: BSD-3-Clause
// An event is never later than the record that tells of it, so of many records the one that is furthest ahead of
// its arrival shows the NAS's clock best; that of the last ten to twenty minutes follows a clock that goes too
// slow. Where all records of a minute have another clock than that, it was set.
// Thread: the owner's.
#include "rad_clock.h"

static int64_t ahead_of(const struct rad_clock *c)
{
	return c->ahead_s[0] > c->ahead_s[1] ? c->ahead_s[0] : c->ahead_s[1];
}

static void set(struct rad_clock *c, int64_t ahead_s, uint32_t now_s)
{
	*c = (struct rad_clock){.ahead_s = {ahead_s, ahead_s}, .turned_s = now_s};
}

static void good(struct rad_clock *c, int64_t ahead_s, uint32_t now_s)
{
	c->other_since_s = 0;
	if (now_s - c->turned_s >= RAD_CLOCK_TURN_S) {
		c->ahead_s[1] = c->ahead_s[0];
		c->ahead_s[0] = ahead_s;
		c->turned_s = now_s;
	}
	if (ahead_s > c->ahead_s[0])
		c->ahead_s[0] = ahead_s;
}

// Have all records had that clock for long enough?
static bool is_set(struct rad_clock *c, int64_t ahead_s, uint32_t now_s)
{
	const int64_t off_s = ahead_s - c->other_ahead_s;

	if (c->other_since_s == 0 || off_s > RAD_CLOCK_SLACK_S || off_s < -RAD_CLOCK_SLACK_S) {
		c->other_since_s = now_s;
		c->other_ahead_s = ahead_s;
	}
	return now_s - c->other_since_s >= RAD_CLOCK_NEW_S;
}

enum rad_clock_says rad_clock_take(
	struct rad_clock *c, uint32_t event_s, uint32_t delay_s, uint32_t now_s)
{
	const int64_t ahead_s = (int64_t)event_s - now_s, sent_s = ahead_s + delay_s;

	if (c->turned_s == 0)
		set(c, ahead_s, now_s);
	const int64_t known_s = ahead_of(c);
	const bool early = ahead_s > known_s + RAD_CLOCK_LATE_S,
		   late = sent_s < known_s - RAD_CLOCK_LATE_S;
	if (!early && !late) {
		good(c, ahead_s, now_s);
		return RAD_CLOCK_GOOD;
	}
	if (is_set(c, late ? sent_s : ahead_s, now_s)) {
		set(c, ahead_s, now_s);
		return RAD_CLOCK_GOOD;
	}
	return late ? RAD_CLOCK_LATE : RAD_CLOCK_EARLY;
}

bool rad_clock_has(const struct rad_clock *c, uint32_t event_s, uint32_t now_s)
{
	return c->turned_s != 0 && (int64_t)event_s - now_s <= ahead_of(c) + RAD_CLOCK_LATE_S;
}

void rad_clock_restore(struct rad_clock *c, uint32_t event_s, uint32_t arrived_s, uint32_t now_s)
{
	const int64_t ahead_s = (int64_t)event_s - arrived_s;

	if (c->turned_s == 0)
		set(c, ahead_s, now_s);
	else
		good(c, ahead_s, now_s);
}

// SPDX-License-Identifier: BSD-3-Clause
// What a NAS's own clock shows, as far as the Event-Timestamps of its records tell (RFC 2869 5.3), and which
// record is too old by that clock: one that somebody recorded and sends again. The wall's clock has no part in
// it, for those of NAS are wrong. Pure.
// Thread: the owner's.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
	RAD_CLOCK_LATE_S =
		300, // a record may come so late besides its Acct-Delay-Time (RFC 5176 6.3)
	RAD_CLOCK_TURN_S = 600, // what was seen before is forgotten after one to two of these
	RAD_CLOCK_NEW_S =
		60, // a clock that was set is believed when all records have it for so long
	RAD_CLOCK_SLACK_S = 10, // ... by so much
};

struct rad_clock {              // all zero: nothing is known of it
	int64_t ahead_s[2];     // event less arrival: the most of now, the most of before
	uint32_t turned_s;      // when the present one began; 0 = none yet
	uint32_t other_since_s; // when records began to have another clock; 0 = they don't
	int64_t other_ahead_s;
};

enum rad_clock_says {
	RAD_CLOCK_GOOD,
	RAD_CLOCK_EARLY, // ahead of what is known: to be taken, its time not to be believed yet
	RAD_CLOCK_LATE,  // too old: not to be taken
};

// A record with this Event-Timestamp (not 0) and Acct-Delay-Time arrived at `now_s` of a clock that only grows.
enum rad_clock_says rad_clock_take(
	struct rad_clock *c, uint32_t event_s, uint32_t delay_s, uint32_t now_s);
// Is that an event of its past, as it goes now? What comes from before its clock was set is not.
bool rad_clock_has(const struct rad_clock *c, uint32_t event_s, uint32_t now_s);
// What outlived another process: an event and when it arrived.
void rad_clock_restore(struct rad_clock *c, uint32_t event_s, uint32_t arrived_s, uint32_t now_s);

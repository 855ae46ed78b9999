// SPDX-License-Identifier: BSD-3-Clause
// Words that tests of a candidate beside the image in force share.
#pragma once

#include "eng_shadow.h"
#include "session_world.h"

// Profiles and policies of a candidate: those of the image in force that these tests use, by address.
#define PLAIN "mask_unknown: false, max_errors: 0, error_delay_s: 0, error_delay_step_s: 0"

enum { VERSION = 77 }; // of the candidate

// A candidate that does this with everybody.
void shadow_all(const char *profile, const char *policy);
// What parted, once, in the one session so far.
const struct eng_parted *parted_once(void);
void decision_is(const struct eng_decision *d, enum eng_does does, uint16_t code, int reason);
// A connection on a port of its own; behind its handshake.
struct conn *shadow_dials(const char *source);
struct conn *shadow_opens(const char *source);
// Another world for each row but the first.
void shadow_renewed(unsigned row);

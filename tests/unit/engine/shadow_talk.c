// SPDX-License-Identifier: BSD-3-Clause
// Words that tests of candidates share: see shadow_talk.h.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "shadow_talk.h"

static uint16_t next_port = 2000;

void shadow_all(const char *profile, const char *policy)
{
	char text[1024];

	(void)snprintf(text, sizeof(text),
		"session_profiles: {s: {%s}}\ncontent_profiles: {c: {threshold: 5}}\n"
		"policies: [{name: p, %s}]\n",
		profile, policy);
	world_shadow(text, NULL, VERSION);
}

const struct eng_parted *parted_once(void)
{
	assert_int_equal(world.nparted, 1);
	assert_int_equal(counter(SHADOW_PARTED), 1);
	assert_int_equal(world.parted[0].candidate, VERSION);
	return &world.parted[0];
}

void decision_is(const struct eng_decision *d, enum eng_does does, uint16_t code, int reason)
{
	assert_int_equal(d->does, does);
	assert_int_equal(d->code, code);
	assert_int_equal(d->reason, reason);
}

struct conn *shadow_dials(const char *source)
{
	return dial(source, next_port++);
}

struct conn *shadow_opens(const char *source)
{
	struct conn *c = shadow_dials(source);

	handshake(c);
	return c;
}

void shadow_renewed(unsigned row)
{
	if (row == 0)
		return;
	(void)world_end(NULL);
	(void)world_new(NULL);
}

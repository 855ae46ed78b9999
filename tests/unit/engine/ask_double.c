// SPDX-License-Identifier: BSD-3-Clause
#include "ask_double.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct asked asked[ASKED_MAX];
unsigned nasked;
struct eng_finding found[ASKED_MAX];
unsigned nfound, taken;
bool full;

int take_question(void *, const struct eng_question *q)
{
	if (full)
		return -EAGAIN;
	assert_true(nasked < ASKED_MAX);
	asked[nasked].q = *q;
	memcpy(asked[nasked].name, q->name.p, q->name.n);
	asked[nasked++].name[q->name.n] = '\0';
	return 0;
}

int give_finding(void *, struct eng_finding *f)
{
	if (taken == nfound)
		return -EAGAIN;
	*f = found[taken++];
	return 0;
}

void asked_forget(void)
{
	nasked = nfound = taken = 0;
	full = false;
}

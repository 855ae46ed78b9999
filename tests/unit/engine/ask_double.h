// SPDX-License-Identifier: BSD-3-Clause
// The DNS as a double: what workers asked, in order, and the findings that they are given.
#pragma once

#include <stdbool.h>

#include "eng_report.h"

enum { ASKED_MAX = 256 };

extern struct asked { // what a worker asked
	struct eng_question q;
	char name[ENG_DOMAIN_MAX + 1];
} asked[ASKED_MAX];
extern unsigned nasked;
extern struct eng_finding found[ASKED_MAX];
extern unsigned nfound, taken; // given; of them taken
extern bool full;              // no question finds room

// For struct eng_sink.
int take_question(void *arg, const struct eng_question *q);
int give_finding(void *arg, struct eng_finding *f);
// Nothing was asked or given.
void asked_forget(void);

// SPDX-License-Identifier: BSD-3-Clause
// config.shadow: a candidate runs beside the policy in force on real traffic, changes nothing, and what it
// would have decided differently is gathered into a report.
//
//   text -> parse -> compile (child) -> verify -> data plane -> runs --time, stop, a commit, detach--> over
//
// Whatever fails on the way leaves the last report, and everything else, as it was. A candidate is never
// stored: it ends with this process, and the data plane lets go of it as soon as we are gone.
// serve_shadow.c is its life, serve_shadow_report.c the report.
// Thread: the loop's.
#pragma once

#include <jansson.h>

#include "api_link.h"
#include "serve_events.h"

struct serve;
struct serve_call;
struct serve_shadow;

enum { SERVE_SHADOW_MIN = 60, SERVE_SHADOW_MAX_MIN = 7 * 24 * 60 };

// NULL without memory. `s` is borrowed until free, which answers who waits; NULL is fine there.
struct serve_shadow *serve_shadow_new(struct serve *s);
void serve_shadow_free(struct serve_shadow *sh);

void serve_config_shadow(void *arg, struct serve_call *call, json_t *params); // the method

// Another image is in force, or the data plane went: nothing runs any more. No effect where nothing did.
void serve_shadow_over(struct serve_shadow *sh, const char *why);
// Takes a record of kind shadow into the report, if it is the candidate's.
void serve_shadow_note(
	struct serve_shadow *sh, const struct api_record *r, const struct serve_event_names *names);

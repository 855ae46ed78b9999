// SPDX-License-Identifier: BSD-3-Clause
// Refusals by policy and reason, counted from the records of the data plane since the control plane runs.
// By the policy's name, so a session that outlives its revision counts where it belongs; a record that
// was lost (records_lost) counts nowhere. Thread: the loop's.
#pragma once

#include <stdint.h>

#include <jansson.h>

#include "serve_events.h"

struct serve_refused;

// NULL without memory.
struct serve_refused *serve_refused_new(void);
void serve_refused_free(struct serve_refused *t); // NULL is fine
// Counts a record where it tells of a refusal: of a connection, a command, a session, or of a message that was
// rejected, put off or discarded. Without memory, or of too many policies, it counts nothing.
void serve_refused_note(struct serve_refused *t, const struct api_record *r,
	const struct serve_event_names *names);
// {policy: {reason: count}}, borrowed; "-" is a policy that is not known any more.
const json_t *serve_refused_all(const struct serve_refused *t);
// Those of a policy as {reason: count}, a new reference; empty where there were none.
json_t *serve_refused_of(const struct serve_refused *t, const char *policy);

// SPDX-License-Identifier: BSD-3-Clause
// explain.get: a search of the event log's files in a child, or of the last events where there is no
// file. One at a time. Thread: the loop's.
#pragma once

#include <jansson.h>

struct serve;
struct serve_call;

void serve_explain_get(void *arg, struct serve_call *call, json_t *params);
// Ends the search under way; for serve_free.
void serve_explain_stop(struct serve *s);

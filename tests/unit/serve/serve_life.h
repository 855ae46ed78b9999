// SPDX-License-Identifier: BSD-3-Clause
// What the tests of a configuration's life share, in the world of serve_world.h: commits, restarts and what
// the list of revisions says.
// Thread: the test's.
#pragma once

#include <stdbool.h>

#include <jansson.h>

#include "serve_world.h"

enum { NOT_FOUND = -32005, BUSY = -32002, BAD_CONFIG = -32003, PARAMS = -32602 };

const char *text_of(json_t *r, const char *name); // "" where it is none
void commit(struct bench *b, const char *text);
// A configuration that differs from others by its comment alone.
void commit_numbered(struct bench *b, unsigned i);
void start(struct bench *b);
void restart(struct bench *b, const char *state);                // until that state is reached
void path_of(struct bench *b, const char *name, char path[160]); // in the state directory
bool listed(struct bench *b, const char *want);                  // "3 in_force, 2 old, 1 old"
bool policy_is(struct bench *b, const char *name);               // of the first policy in force

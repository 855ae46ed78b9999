// SPDX-License-Identifier: BSD-3-Clause
// Members of a params object, by table. Thread: the loop's.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

struct serve_call;

enum serve_param_type { SERVE_PARAM_TEXT, SERVE_PARAM_INT, SERVE_PARAM_BOOL, SERVE_PARAM_LIST };

struct serve_param {
	const char *name;
	enum serve_param_type type;
	bool required;
	int64_t lo, hi; // of an integer
	// Where the value goes, untouched where the member is missing or null: const char ** (valid
	// as long as params), int64_t *, bool *, json_t ** (borrowed, as long as params).
	void *out;
};

// Takes all members. Where one is missing, wrong or unknown the call is answered with an error that
// names it, and false returned.
bool serve_params_take(struct serve_call *call, json_t *params, const struct serve_param *table,
	unsigned n);

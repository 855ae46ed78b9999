// SPDX-License-Identifier: BSD-3-Clause
// Checking params against a table. Thread: the loop's.
#include "serve_params.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "serve_rpc.h"

static const struct serve_param *param_find(
	const struct serve_param *table, unsigned n, const char *name)
{
	for (unsigned i = 0; i < n; i++) {
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	}
	return NULL;
}

static bool integer_take(const struct serve_param *p, const json_t *v, char why[96])
{
	json_int_t i = json_integer_value(v);

	if (!json_is_integer(v) || i < p->lo || i > p->hi) {
		(void)snprintf(why, 96, "not an integer in %" PRId64 "..%" PRId64, p->lo, p->hi);
		return false;
	}
	*(int64_t *)p->out = i;
	return true;
}

static bool value_take(const struct serve_param *p, json_t *v, char why[96])
{
	switch (p->type) {
	case SERVE_PARAM_INT:
		return integer_take(p, v, why);
	case SERVE_PARAM_TEXT:
		(void)snprintf(why, 96, "not a string");
		if (json_is_string(v))
			*(const char **)p->out = json_string_value(v);
		return json_is_string(v);
	case SERVE_PARAM_BOOL:
		(void)snprintf(why, 96, "neither true nor false");
		if (json_is_boolean(v))
			*(bool *)p->out = json_is_true(v);
		return json_is_boolean(v);
	case SERVE_PARAM_LIST:
		(void)snprintf(why, 96, "not an array");
		if (json_is_array(v))
			*(json_t **)p->out = v;
		return json_is_array(v);
	}
	return false;
}

bool serve_params_take(
	struct serve_call *call, json_t *params, const struct serve_param *table, unsigned n)
{
	const char *name;
	char why[96];
	json_t *v;

	json_object_foreach(params, name, v)
	{
		const struct serve_param *p = param_find(table, n, name);

		if (p == NULL) {
			serve_call_error(
				call, API_RPC_ERR_PARAMS, NULL, "params.%.64s: unknown", name);
			return false;
		}
		if (!json_is_null(v) && !value_take(p, v, why)) {
			serve_call_error(
				call, API_RPC_ERR_PARAMS, NULL, "params.%s: %s", name, why);
			return false;
		}
	}
	for (unsigned i = 0; i < n; i++) {
		v = json_object_get(params, table[i].name);
		if (table[i].required && (v == NULL || json_is_null(v))) {
			serve_call_error(call, API_RPC_ERR_PARAMS, NULL, "params.%s: missing",
				table[i].name);
			return false;
		}
	}
	return true;
}

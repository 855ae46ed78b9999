// SPDX-License-Identifier: BSD-3-Clause
// radius.status: the accounting server's figures as JSON. Thread: the loop's.
#include "serve_int.h"

static json_t *nas_json(const struct serve_radius_nas *nas)
{
	json_t *counts = json_object(), *row;
	uint64_t all = 0;

	for (unsigned i = 0; i < RAD_COUNTS; i++) {
		all += i < RAD_COUNT_DATAGRAMS ? nas->counts.n[i] : 0;
		if (json_object_set_new(
			    counts, rad_count_names[i], serve_json_u64(nas->counts.n[i])) != 0) {
			json_decref(counts);
			return NULL;
		}
	}
	row = json_pack("{s:s,s:f,s:o,s:i,s:i,s:o}", "name", nas->counts.name, "rate", nas->rate,
		"datagrams", serve_json_u64(all), "bindings", (int)nas->counts.bindings, "most",
		(int)nas->counts.most, "counts", counts);
	return row;
}

static json_t *nas_list(struct serve_radius *r)
{
	struct serve_radius_nas nas;
	json_t *list = json_array();

	for (uint32_t i = 0; serve_radius_nas(r, i, &nas); i++)
		(void)json_array_append_new(list, nas_json(&nas)); // else one less
	return list;
}

static json_t *binding_json(const struct rad_bind_counts *b)
{
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "begun",
		serve_json_u64(b->begun), "moved", serve_json_u64(b->moved), "kept",
		serve_json_u64(b->kept), "ended", serve_json_u64(b->ended), "idle",
		serve_json_u64(b->idle), "cleared", serve_json_u64(b->cleared), "stale",
		serve_json_u64(b->stale), "others", serve_json_u64(b->others), "shared",
		serve_json_u64(b->shared), "displaced", serve_json_u64(b->displaced), "full",
		serve_json_u64(b->full), "old", serve_json_u64(b->old), "share",
		serve_json_u64(b->share), "nas_forgotten", serve_json_u64(b->nas_forgotten));
}

void serve_radius_status(void *arg, struct serve_call *call, json_t *params)
{
	const struct serve *s = arg;

	if (serve_params_take(call, params, NULL, 0))
		serve_call_result(call, serve_radius_json(s->radius));
}

json_t *serve_radius_json(struct serve_radius *r)
{
	struct serve_radius_state st;

	if (r == NULL)
		return json_pack("{s:b}", "on", 0);
	serve_radius_state(r, &st);
	return json_pack(
		"{s:b,s:i,s:i,s:i,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:b,s:o,s:o,s:i,s:o,s:o,s:o}",
		"on", 1, "bindings", (int)st.server.bind.bindings, "endpoints",
		(int)st.server.bind.endpoints, "most", (int)st.bindings_max, "memory_bytes",
		serve_json_u64(st.memory_bytes), "strangers", serve_json_u64(st.server.strangers),
		"dropped", serve_json_u64(st.server.dropped), "late_us",
		serve_json_u64(st.server.late_us), "records", binding_json(&st.server.bind), "told",
		serve_json_u64(st.told), "told_later", serve_json_u64(st.later), "told_anew",
		serve_json_u64(st.walks), "telling", st.telling, "unheard",
		serve_json_u64(st.server.unheard), "unstored", serve_json_u64(st.server.unstored),
		"waiting", (int)st.server.waiting, "restored", serve_json_u64(st.server.restored),
		"unrestored", serve_json_u64(st.server.unrestored), "nas", nas_list(r));
}

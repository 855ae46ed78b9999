// SPDX-License-Identifier: BSD-3-Clause
// flows.list: asks the data plane and answers when its last row has come. One at a time; a second
// asker is told to try again. Thread: the loop's.
#include <errno.h>
#include <string.h>

#include "api_names.h"
#include "serve_int.h"

enum { FLOWS_DEFAULT = 1000 };

static void on_row(void *arg, const struct api_flow *f)
{
	struct serve *s = arg;
	const char *policy = serve_names_policy(s->names, f->policy_version, f->policy);
	const char *context = serve_names_context(s->names, f->policy_version, f->context);

	(void)json_array_append_new(s->flows_rows,
		json_pack("{s:o,s:i,s:o,s:i,s:i,s:o,s:s,s:s,s:i,s:o,s:o,s:o,s:o,s:o,s:o,s:o}",
			"client", serve_json_addr(&f->client), "client_port", (int)f->client_port,
			"server", serve_json_addr(&f->server), "server_port", (int)f->server_port,
			"vlan", (int)f->vlan, "context", serve_json_text(context), "lane",
			api_lane_name(f->lane), "state", api_flow_state_name(f->state), "worker",
			(int)f->worker, "policy", serve_json_text(policy), "policy_version",
			serve_json_u64(f->policy_version), "age_ms", serve_json_u64(f->age_ms),
			"idle_ms", serve_json_u64(f->idle_ms), "client_bytes",
			serve_json_u64(f->client_bytes), "server_bytes",
			serve_json_u64(f->server_bytes), "session",
			serve_json_id(f->session))); // without memory: one less
}

static void on_rows_end(void *arg, int status, const char *text)
{
	struct serve *s = arg;
	struct serve_call *call = s->flows_call;
	json_t *rows = s->flows_rows;
	bool more = json_array_size(rows) > s->flows_max;

	s->flows_call = NULL;
	s->flows_rows = NULL;
	if (more)
		(void)json_array_remove(rows, s->flows_max); // the row that told so
	if (status == 0) {
		serve_call_result(call, json_pack("{s:o,s:b}", "flows", rows, "more", more));
		return;
	}
	json_decref(rows);
	if (status == -ENOTCONN)
		serve_call_error(call, API_RPC_ERR_DETACHED, NULL, "the data plane went");
	else if (status == -ETIMEDOUT)
		serve_call_error(
			call, API_RPC_ERR_TIMEOUT, NULL, "the data plane did not answer in time");
	else
		serve_call_error(call, API_RPC_ERR_REFUSED, NULL, "the data plane: %s",
			*text != '\0' ? text : strerror(-status));
}

void serve_flows_list(void *arg, struct serve_call *call, json_t *params)
{
	struct serve *s = arg;
	int64_t max = FLOWS_DEFAULT;
	const struct serve_param table[] = {
		{"max", SERVE_PARAM_INT, .lo = 1, .hi = API_RPC_FLOWS_MAX, .out = &max},
	};
	int rc;

	if (!serve_params_take(call, params, table, 1))
		return;
	if (!core_link_is_attached(s->link)) {
		serve_call_error(call, API_RPC_ERR_DETACHED, NULL, "not attached: %s",
			core_link_why(s->link));
		return;
	}
	if (s->flows_call != NULL) {
		serve_call_error(
			call, API_RPC_ERR_BUSY, NULL, "another list is under way; try again");
		return;
	}
	s->flows_rows = json_array();
	s->flows_max = (uint32_t)max;
	s->flows_call = call;
	// One more than asked for tells whether there are more.
	rc = core_link_flows_ask(s->link, s->flows_max + 1, on_row, on_rows_end, s);
	if (rc != 0)
		on_rows_end(s, rc, "");
}

void serve_flows_stop(struct serve *s)
{
	if (s->flows_call != NULL)
		on_rows_end(s, -ENOTCONN, "");
}

// SPDX-License-Identifier: BSD-3-Clause
// sessions.tail: the last events, then, with `follow`, each new one as a notification until the
// client closes. Thread: the loop's.
#include <errno.h>

#include "serve_int.h"

enum { TAIL_DEFAULT = 20 };

void serve_sessions_tail(void *arg, struct serve_call *call, json_t *params)
{
	struct serve *s = arg;
	int64_t count = TAIL_DEFAULT;
	bool follow = false;
	const struct serve_param table[] = {
		{"count", SERVE_PARAM_INT, .lo = 0, .hi = API_RPC_TAIL_MAX, .out = &count},
		{"follow", SERVE_PARAM_BOOL, .out = &follow},
	};
	int rc;

	if (!serve_params_take(call, params, table, 2))
		return;
	// No event can come between the list and the following: both happen in this turn.
	rc = follow ? serve_events_follow(s->events, call) : 0;
	if (rc == -EBUSY)
		serve_call_error(call, API_RPC_ERR_BUSY, NULL, "this connection follows already");
	else if (rc != 0)
		serve_call_result(call, NULL);
	else
		serve_call_result(call,
			json_pack(
				"{s:o}", "events", serve_events_last(s->events, (uint32_t)count)));
}

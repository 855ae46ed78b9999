// SPDX-License-Identifier: BSD-3-Clause
// system.drain: begins, changes, ends or shows a drain. Its state is the data plane's and stands in the statistics:
// a control plane that comes back finds it there. Thread: the loop's.
#include <errno.h>
#include <string.h>

#include "serve_int.h"

static const char *const phases[] = {[API_DRAIN_OFF] = "off",
	[API_DRAIN_WAITS] = "waiting",
	[API_DRAIN_LETS] = "deadline",
	[API_DRAIN_RESETS] = "deadline",
	[API_DRAIN_OVER] = "drained"};
_Static_assert(sizeof(phases) / sizeof(phases[0]) == API_DRAIN_COUNT, "each has a name");
static const char *const healths[] = {
	[API_HEALTH_NONE] = NULL, [API_HEALTH_DOWN] = "down", [API_HEALTH_UP] = "up"};
_Static_assert(sizeof(healths) / sizeof(healths[0]) == API_HEALTH_COUNT, "likewise");

// Whole seconds between two times of one clock, 0 where the second is not later.
static json_t *seconds(uint64_t from_us, uint64_t to_us)
{
	return serve_json_u64(to_us > from_us ? (to_us - from_us) / 1000000 : 0);
}

json_t *serve_drain_json(const struct api_stats *head, uint64_t now_us)
{
	const bool off = head->drain_phase == API_DRAIN_OFF || head->drain_phase >= API_DRAIN_COUNT;

	return json_pack("{s:s,s:s?,s:o,s:o,s:o}", "state", off ? "off" : phases[head->drain_phase],
		"new",
		off                               ? NULL
			: head->drain_refuse != 0 ? "refuse"
						  : "pass",
		"for_s", off ? json_null() : seconds(head->drain_since_us, now_us), "left_s",
		off || head->drain_until_us == 0 ? json_null()
						 : seconds(now_us, head->drain_until_us),
		"connections",
		off || head->drain_left == UINT64_MAX ? json_null()
						      : serve_json_u64(head->drain_left));
}

const char *serve_health_name(const struct api_stats *head)
{
	return head->health < API_HEALTH_COUNT ? healths[head->health] : NULL;
}

static void answer(struct serve *s, struct serve_call *call)
{
	struct api_stats head;

	core_stats_head(core_link_stats(s->link), &head);
	serve_call_result(call, serve_drain_json(&head, core_now_us()));
}

static void on_done(void *arg, int status, const char *text)
{
	struct serve *s = arg;
	struct serve_call *call = s->drain_call;

	s->drain_call = NULL;
	if (status == 0 && core_link_is_attached(s->link))
		answer(s, call);
	else if (status == 0 || status == -ENOTCONN)
		serve_call_error(call, API_RPC_ERR_DETACHED, NULL, "the data plane went");
	else if (status == -ETIMEDOUT)
		serve_call_error(
			call, API_RPC_ERR_TIMEOUT, NULL, "the data plane did not answer in time");
	else
		serve_call_error(call, API_RPC_ERR_REFUSED, NULL, "the data plane: %s",
			*text != '\0' ? text : strerror(-status));
}

void serve_system_drain(void *arg, struct serve_call *call, json_t *params)
{
	struct serve *s = arg;
	const char *what = "begin", *fresh = NULL;
	int64_t wait_s = s->control->drain_wait_s;
	bool refuse = s->control->drain_new == CFG_DRAIN_REFUSE;
	const struct serve_param table[] = {
		{"action", SERVE_PARAM_TEXT, .out = &what},
		{"new", SERVE_PARAM_TEXT, .out = &fresh},
		{"wait_s", SERVE_PARAM_INT, .lo = 0, .hi = API_DRAIN_WAIT_MAX_S, .out = &wait_s},
	};
	int rc;

	if (!serve_params_take(call, params, table, sizeof(table) / sizeof(table[0])))
		return;
	if (fresh != NULL)
		refuse = strcmp(fresh, "refuse") == 0;
	if ((fresh != NULL && !refuse && strcmp(fresh, "pass") != 0) ||
		(strcmp(what, "begin") != 0 && strcmp(what, "end") != 0 &&
			strcmp(what, "show") != 0)) {
		serve_call_error(call, API_RPC_ERR_PARAMS, NULL,
			"params: action is begin, end or show; new is pass or refuse");
		return;
	}
	if (!core_link_is_attached(s->link)) {
		serve_call_error(call, API_RPC_ERR_DETACHED, NULL, "not attached: %s",
			core_link_why(s->link));
		return;
	}
	if (strcmp(what, "show") == 0) {
		answer(s, call);
		return;
	}
	rc = s->drain_call != NULL ? -EBUSY
				   : core_link_drain_ask(s->link, strcmp(what, "begin") == 0,
					     refuse, (uint32_t)wait_s, on_done, s);
	if (rc == 0)
		s->drain_call = call;
	else
		serve_call_error(call, rc == -ENOTCONN ? API_RPC_ERR_DETACHED : API_RPC_ERR_BUSY,
			NULL, "the data plane is busy or went; try again");
}

void serve_drain_stop(struct serve *s)
{
	if (s->drain_call != NULL)
		on_done(s, -ENOTCONN, "");
}

// SPDX-License-Identifier: BSD-3-Clause
// Tables from the link's enumerations to words. A member without a word does not compile.
// Thread: any; no state.
#include "api_names.h"

#include "api_link.h"
#include "api_stats.h"

static const char *const lanes[] = {
	[API_LANE_PASS] = "pass",
	[API_LANE_INSPECT] = "inspect",
	[API_LANE_ANSWER] = "answer",
	[API_LANE_TRANSLATE] = "translate",
};
static const char *const flow_states[] = {
	[API_FLOW_HALF_OPEN] = "half_open",
	[API_FLOW_OPEN] = "open",
	[API_FLOW_CLOSING] = "closing",
};
static const char *const records[] = {
	[API_REC_NONE] = "none",
	[API_REC_SESSION] = "session",
	[API_REC_MESSAGE] = "message",
	[API_REC_REFUSAL] = "refusal",
	[API_REC_SHADOW] = "shadow",
};
static const char *const stages[] = {
	[API_STAGE_CONNECT] = "connect",
	[API_STAGE_CONNECTIONS] = "connections",
	[API_STAGE_EHLO] = "ehlo",
	[API_STAGE_COMMAND] = "command",
	[API_STAGE_ERRORS] = "errors",
	[API_STAGE_SIZE] = "size",
	[API_STAGE_CONTENT] = "content",
	[API_STAGE_IDLE] = "idle",
};
static const char *const does[] = {
	[API_DOES_GO] = "accept",
	[API_DOES_PASS] = "pass",
	[API_DOES_INSPECT] = "inspect",
	[API_DOES_DROP] = "drop",
	[API_DOES_REFUSE] = "refuse",
	[API_DOES_CUT] = "cut",
	[API_DOES_HIDE] = "hide",
	[API_DOES_LOWER] = "lower",
	[API_DOES_DELAY] = "delay",
	[API_DOES_MONITOR] = "monitor",
	[API_DOES_DISCARD] = "discard",
	[API_DOES_UNSCANNED] = "not_scanned",
};
static const char *const verdicts[] = {
	[API_VERDICT_CLEAN] = "clean",
	[API_VERDICT_MONITORED] = "monitored",
	[API_VERDICT_REJECTED] = "rejected",
	[API_VERDICT_TEMPFAILED] = "tempfailed",
	[API_VERDICT_DISCARDED] = "discarded",
	[API_VERDICT_UNSCANNED] = "unscanned",
	[API_VERDICT_ABORTED] = "aborted",
};
static const char *const stat_kinds[] = {
	[API_STAT_TRAFFIC] = "traffic",
	[API_STAT_PASS] = "pass",
	[API_STAT_DROP] = "drop",
	[API_STAT_ACTION] = "action",
	[API_STAT_GAUGE] = "gauge",
	[API_STAT_PEAK] = "peak",
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
_Static_assert(COUNT(lanes) == API_LANE_COUNT, "a word each");
_Static_assert(COUNT(flow_states) == API_FLOW_STATE_COUNT, "a word each");
_Static_assert(COUNT(records) == API_REC_COUNT, "a word each");
_Static_assert(COUNT(stages) == API_STAGE_COUNT, "a word each");
_Static_assert(COUNT(does) == API_DOES_COUNT, "a word each");
_Static_assert(COUNT(verdicts) == API_VERDICT_COUNT, "a word each");
_Static_assert(COUNT(stat_kinds) == API_STAT_KIND_COUNT, "a word each");

#define NAME(table, i) ((i) < COUNT(table) ? (table)[i] : "unknown")

const char *api_lane_name(uint32_t lane)
{
	return NAME(lanes, lane);
}

const char *api_flow_state_name(uint32_t state)
{
	return NAME(flow_states, state);
}

const char *api_record_name(uint32_t kind)
{
	return NAME(records, kind);
}

const char *api_stage_name(uint32_t stage)
{
	return NAME(stages, stage);
}

const char *api_does_name(uint32_t what)
{
	return NAME(does, what);
}

const char *api_verdict_name(uint32_t verdict)
{
	return NAME(verdicts, verdict);
}

const char *api_stat_kind_name(uint32_t kind)
{
	return NAME(stat_kinds, kind);
}

// SPDX-License-Identifier: BSD-3-Clause
// The words a user reads for the link's enumerations, the same in JSON, in tables and in the event
// log. A number the other side sent that means nothing becomes "unknown". Thread: any; no state.
#pragma once

#include <stdint.h>

const char *api_lane_name(uint32_t lane);               // enum api_lane
const char *api_flow_state_name(uint32_t state);        // enum api_flow_state
const char *api_record_name(uint32_t kind);             // enum api_record_kind
const char *api_stage_name(uint32_t stage);
const char *api_does_name(uint32_t does);
const char *api_verdict_name(uint32_t verdict);         // enum api_verdict
const char *api_stat_kind_name(uint32_t kind);          // enum api_stat_kind

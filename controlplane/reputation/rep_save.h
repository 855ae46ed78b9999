// SPDX-License-Identifier: BSD-3-Clause
// Times as they are saved. Thread: any.
#pragma once

#include "rep.h"

// Moved by what the wall clock is ahead; 0 stays 0, for it is no time.
uint32_t rep_shifted(uint32_t at_s, int64_t by_s);
void rep_auth_save(const struct rep_auth *a, int64_t shift_s, struct rep_auth *out);
// Cut to what they can be at most.
void rep_auth_load(const struct rep_auth *a, uint32_t now_s, struct rep_auth *out);

// SPDX-License-Identifier: BSD-3-Clause
// Every counter of a worker, and every reason for which a packet is not forwarded unchanged, has
// one row in reasons.def; enum, names and help texts come from there.
#pragma once

enum eng_reason {
#define REASON(symbol, kind, unit, name, help) symbol,
#include "reasons.def"
#undef REASON
	ENG_REASON_COUNT
};

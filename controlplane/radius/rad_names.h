// SPDX-License-Identifier: BSD-3-Clause
// Names of attributes to their numbers and kinds, by dictionaries as libradcli reads them: our own, which
// knows the standard attributes of accounting and those of 3GPP, and an operator's file besides.
// Thread: the one that reads the configuration; read-only once made.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "err.h"

enum rad_kind {
	RAD_KIND_TEXT,    // string, and whatever else has no kind of its own
	RAD_KIND_NUMBER,  // four octets
	RAD_KIND_ADDR_V4, // four octets
	RAD_KIND_ADDR_V6, // sixteen
	RAD_KIND_PREFIX,  // RFC 3162 2.3
};

struct rad_ref {         // which attribute
	uint32_t vendor; // 0 = a standard one
	uint8_t type;    // 0 = none at all
	uint8_t kind;    // enum rad_kind
};

struct rad_names;

// `file` "": only our own. NULL with the reason in *err, the file's line where one is to blame.
struct rad_names *rad_names_load(const char *file, struct err_list *err);
void rad_names_free(struct rad_names *n); // NULL is fine
// Case does not count. false: no dictionary has it.
bool rad_names_find(const struct rad_names *n, const char *name, struct rad_ref *out);

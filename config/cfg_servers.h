// SPDX-License-Identifier: BSD-3-Clause
// Files of servers: one address or prefix a line, blanks around it left out, '#' begins a comment line.
// Thread: one at a time.
#pragma once

#include <stdint.h>

#include "addr.h"
#include "err.h"

enum { CFG_SERVERS_MAX = 100000 }; // of one file

struct cfg_servers {
	struct prefix *list;
	uint32_t n;
};

// Reads the text of a file; every error with file, line and column. 0 with *out, to be given back;
// -EINVAL with *err, -ENOMEM likewise.
int cfg_servers_load_text(const char *text, size_t n, const char *name, struct cfg_servers *out,
	struct err_list *err);
void cfg_servers_fini(struct cfg_servers *s);

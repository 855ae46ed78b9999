// SPDX-License-Identifier: BSD-3-Clause
// How rows of the schema say where their member is, and the sections that have a file of their own.
// Thread: any; constants.
#pragma once

#include "cfg_int.h"

enum { CFG_PATTERN_MAX = 254 }; // bytes: a path without its brackets (RFC 5321 4.5.3.1.3)

#define AT(st, m) .off = offsetof(struct st, m), .size = sizeof(((struct st *)NULL)->m)
#define AT2(st, m, n) AT(st, m), .off2 = offsetof(struct st, n)
#define LIST(st, m, n) AT2(st, m, n), .item_size = sizeof(*((struct st *)NULL)->m)
#define SECTION(st, table) \
	.fields = table, .nfields = sizeof(table) / sizeof((table)[0]), .size = sizeof(struct st)

extern const struct cfg_section cfg_session_section; // cfg_schema_session.c
extern const struct cfg_section cfg_store_section, cfg_radius_section; // cfg_schema_radius.c
// cfg_schema_reputation.c: how it comes about, and what a session profile makes of it.
extern const struct cfg_section cfg_reputation_section, cfg_endpoint_choice_section,
	cfg_sender_choice_section, cfg_auth_choice_section;

// SPDX-License-Identifier: BSD-3-Clause
// What the files of endpoints share. Thread: the owner's.
#pragma once

#include "rep_note.h"
#include "rep_table.h"

enum { ID_INLINE = 39 };

struct entry {
	uint64_t key;
	uint32_t until_s, for_s; // of the automatic block
	struct rep_auth auth;
	uint16_t trigger;
	uint8_t id_len;     // 0 = unknown
	char id[ID_INLINE]; // longer ones: the first octets are a pointer
};
_Static_assert(sizeof(struct entry) == 96, "ten million of them");

struct window {
	uint16_t cell[REP_CELLS]; // by the number of its time, modulo
};

struct rep_endpoints {
	struct rep_table t;
	struct entry *entry;
	struct window *window;
	struct rep_auth_conf auth;
	struct rep_ops ops;
	uint32_t cell_s; // a cell's share of the window
	// Those that have another window than now: it had such cells, until then.
	struct rep_bits stale;
	uint32_t before_s, changed_s;
	uint32_t wanted_s;      // as soon as none is stale; 0 = no other
	struct rep_notes notes; // of those on operators' lists
};

struct span rep_endpoint_id(const struct entry *c);
uint32_t rep_endpoint_make(struct rep_endpoints *e, uint64_t key, struct span id);
void rep_endpoint_cells(
	struct rep_endpoints *e, uint32_t n, const struct rep_endpoint_saved *s, uint32_t now_s);
// What is over goes.
void rep_endpoint_settle(struct rep_endpoints *e, uint32_t n, uint32_t now_s);
uint32_t rep_endpoint_score(struct rep_endpoints *e, uint32_t n, uint32_t now_s);

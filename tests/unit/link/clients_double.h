// SPDX-License-Identifier: BSD-3-Clause
// A table of clients that notes what it is told, behind the functions of tbl_clients.h that link/ calls.
#pragma once

#include "tbl_clients.h"

enum { DOUBLE_BINDINGS = 1000, DOUBLE_ENDPOINTS = 500, DOUBLE_SENDERS = 300 };

struct tbl_clients {
	unsigned set, cleared, endpoints, senders; // calls that did something
	struct tbl_binding binding;                // the last of each
	struct tbl_endpoint endpoint;
	struct tbl_sender sender;
	unsigned bindings_begun, facts_begun;      // walks
	unsigned bindings_left, facts_left;        // slices until a sweep is done
	unsigned bindings_slices, facts_slices;    // looked at
	unsigned busy;    // so many calls find too much waiting
	bool full;        // others find no room
	uint32_t waiting;
};

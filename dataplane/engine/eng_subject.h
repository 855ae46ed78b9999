// SPDX-License-Identifier: BSD-3-Clause
// The first Subject of a message's header, for its record: raw octets, cut, lines unfolded. What is in
// them is for whoever shows them to make harmless.
// Thread: the worker that owns the message; no state but the struct.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "span.h"

enum {
	ENG_SUBJECT_MAX = 128,   // octets kept
	ENG_SUBJECT_LOOK = 1024, // octets of it that are looked at: space before them counts
};

struct eng_subject {  // zeroed: before a message's first octet
	uint8_t part; // enum part in eng_subject.c
	uint8_t name; // octets of the field's name that the line has so far
	uint8_t len;
	bool found;
	uint16_t looked;
	char text[ENG_SUBJECT_MAX];
};

// More of the message, from its first octet on, in pieces of any size.
void eng_subject_read(struct eng_subject *s, struct span text);

// What was found, without space around it; p is NULL where there is no Subject. Borrows from `s`.
struct span eng_subject_get(const struct eng_subject *s);

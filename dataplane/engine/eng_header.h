// SPDX-License-Identifier: BSD-3-Clause
// The header of a message as it comes by: where it ends, and its first Subject, for the message's record.
// The Subject is raw octets, cut, lines unfolded; what is in them is for whoever shows them to make
// harmless.
// Thread: the worker that owns the message; no state but the struct.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "span.h"

enum {
	ENG_SUBJECT_MAX = 128,   // octets kept
	ENG_SUBJECT_LOOK = 1024, // octets of it that are looked at: space before them counts
};

struct eng_header {   // all but `subject` zeroed: before a message's first octet
	uint8_t part; // enum part in eng_header.c
	uint8_t name; // octets of the field's name that the line has so far
	uint8_t len;
	bool found; // a Subject
	bool taken; // ... as far as it will be
	bool over;  // the empty line was read
	uint16_t looked;
	char subject[ENG_SUBJECT_MAX];
};

static inline void eng_header_begin(struct eng_header *h)
{
	memset(h, 0, offsetof(struct eng_header, subject));
}

// More of the message, from its first octet on, in pieces of any size, dots unstuffed. Returns how many of
// the octets belong to the header, the empty line that ends it included (RFC 5322 2.1); 0 from then on.
size_t eng_header_read(struct eng_header *h, struct span text);

// The Subject, without space around it; p is NULL where there is none. Borrows from `h`.
struct span eng_header_subject(const struct eng_header *h);

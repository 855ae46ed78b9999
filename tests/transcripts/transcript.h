// SPDX-License-Identifier: BSD-3-Clause
// Reads transcript files (format: README.md). A mistake in a file ends the program with its place.
// Thread: one.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "smtp.h"
#include "span.h"

// Says what is wrong with a file (or the machine) and ends the program.
__attribute__((noreturn)) void die(const char *where, unsigned line_no, const char *what);

struct bytes {
	uint8_t *p;
	size_t n, cap;
};

void bytes_add(struct bytes *b, const void *p, size_t n);
void bytes_cut(struct bytes *b, size_t n); // takes n bytes from the front
void bytes_free(struct bytes *b);
// Adds `in` printable: \r \n \0 \t \\ \xNN, and \{c*N} for 20 and more of one byte.
void bytes_add_escaped(struct bytes *b, struct span in);
// Prints the lines in it, each behind `prefix`.
void bytes_print(const struct bytes *b, const char *prefix);

enum step_kind { STEP_CLIENT, STEP_SERVER, STEP_MASK };

struct step {
	enum step_kind kind;
	struct bytes bytes;  // what is sent
	uint16_t mask;       // SMTP_EXT_*
	size_t source_end;   // its last line in dialogue.source, plus one
};

#define STEP_MARK "--\n" // stands behind the events of each step

struct dialogue {
	char *name;
	struct smtp_limits limits;
	struct step *steps;
	size_t steps_n;
	size_t before_n;       // of them, how many only lead up to it: played whole, not looked at
	struct bytes expected; // event lines with marks, then the line of the end state
	char **source;         // its lines but E: and Z:, as written
	size_t source_n;
};

struct transcript {
	FILE *f;
	const char *path;
	unsigned line_no;
	char *ahead; // the line read last, not yet used
	char **head; // comments before the dialogue that comes
	size_t head_n;
};

void transcript_open(struct transcript *t, const char *path);
bool transcript_next(struct transcript *t, struct dialogue *d);
void transcript_tail(struct transcript *t); // prints what stands behind the last dialogue
void transcript_close(struct transcript *t);
void dialogue_free(struct dialogue *d);

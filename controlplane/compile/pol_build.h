// SPDX-License-Identifier: BSD-3-Clause
// Puts a policy image together: records are collected section by section, strings interned,
// databases copied, the policies indexed, then everything is laid out as pol_image.h says. Proves
// nothing: pol_verify does.
// Running out of memory is remembered and told by pol_build_finish, so callers need not look at each
// step. Thread: one at a time.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "pol_image.h"

struct pol_build;

struct pol_build *pol_build_new(void); // NULL with errno
void pol_build_free(struct pol_build *b); // NULL is allowed

// Offset of the text among the strings; the same text has one offset, NULL and "" have 0.
uint32_t pol_build_string(struct pol_build *b, const char *text);
// Appends one record of pol_record_bytes(sec) to a section of records; returns its index.
uint32_t pol_build_add(struct pol_build *b, enum pol_section sec, const void *record);
// Records of a section so far.
uint32_t pol_build_count(const struct pol_build *b, enum pol_section sec);
// Sets the serialized database of a scope; nothing for n = 0.
void pol_build_database(struct pol_build *b, enum pol_scope scope, const void *bytes, size_t n);

// Adds a list of patterns (pol_word.h) for the image of this version and time. Returns its index;
// POL_NONE where memory is out, or an image can't hold so many keys.
uint32_t pol_build_list(struct pol_build *b, uint64_t version, int64_t made_s,
	const char *const *patterns, uint32_t n);
// The whole image with its checksum, 64-byte aligned, to be free()d. The build can go on afterwards.
// 0 or -ENOMEM.
int pol_build_finish(const struct pol_build *b, uint64_t version, int64_t made_s,
	uint8_t **bytes, size_t *n);

// SPDX-License-Identifier: BSD-3-Clause
// Making bytes printable and ids readable. Thread: any; no state.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "span.h"

// Copies `in` into `out` with everything but printable ASCII written as \xNN (backslash as \\),
// at most cap-1 bytes and a NUL, ending in "..." where it was cut. Returns `out`.
char *text_escape(struct span in, char *out, size_t cap);

// Copies a string with a NUL, cut to cap. Returns its whole length (>= cap means cut).
size_t text_copy(char *out, size_t cap, const char *in);

// Cuts a path to its folder, in place: "/a/b" to "/a", "/b" to "/", "b" to ".". Returns `path`.
char *text_folder(char *path);

// 64 bits as 13 base32 characters (0-9a-v without padding, most significant first) and a NUL.
#define TEXT_ID_LEN 13
char *text_id(uint64_t id, char out[TEXT_ID_LEN + 1]);

// SPDX-License-Identifier: BSD-3-Clause
// Mail addresses and subjects as keyed hashes: who reads the log can tell that two are the same, and
// not what they are, unless he has the key and a guess.
// Thread: the loop's.
#pragma once

#include "err.h"
#include "span.h"

struct serve_hash;

enum {
	SERVE_KEY_MIN = 16, // bytes of a key, a newline at its end not counted
	SERVE_KEY_MAX = 4096,
	SERVE_HASH_MAX = 38, // "hmac:", 32 hexadecimal digits and a NUL
};

// Reads the key from a file that others may not read. NULL with the reason in *err.
struct serve_hash *serve_hash_open(const char *path, struct err_list *err);
void serve_hash_close(struct serve_hash *h); // forgets the key; NULL is fine

// The hash of a text in lower case, "" of "". Returns `out`, "hmac:" alone where it failed.
const char *serve_hash_text(
	const struct serve_hash *h, struct span text, char out[SERVE_HASH_MAX]);

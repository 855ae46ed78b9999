// SPDX-License-Identifier: BSD-3-Clause
// What patterns are compared with: an address of an envelope or a name of HELO, in the one form that
// its spellings share, and lists of patterns to compare it with.
//
// The form: ASCII letters are small; quotes and the backslash of a quoted pair are left out, so are
// blanks around it and dots at the end. An empty path is "<>". Nothing is resolved: `%` and `!` in a
// local part stay what they are. A source route is not here any more (smtp/). What has no form is not
// readable: too long, too many dots, two at-signs, or bytes that are an address's in quotes only.
// A pattern is a glob over the whole of it: `*` any number of bytes, `?` one. Where it has no wildcard,
// or only those of "*@domain" and "*@*.domain", it is a key: the end of every word that it takes. Keys
// lie in a hash, so a list may have many of them; other globs are tried one after the other.
// Time for one list: at most POL_KEYS_MAX times POL_PROBES_MAX slots and, for each glob, a word's
// length times the glob's.
// Thread: any, on a verified image; no allocation.
#pragma once

#include "pol_image.h"

enum {
	POL_WORD_MAX = 320, // bytes: a local part of 64, an '@', a domain of 255 (RFC 5321 4.5.3.1)
	POL_KEYS_MAX = 130, // ends of a word that are looked up: a domain has at most 127 dots
};

struct pol_word {
	bool readable; // false: it has no form, or was not found in its command; no list takes it
	uint16_t n, nkeys;
	uint16_t at[POL_KEYS_MAX];   // where the ends begin
	uint64_t hash[POL_KEYS_MAX]; // of each, in the image's lists
	uint8_t b[POL_WORD_MAX];
};

// Makes the word of an address for the lists of an image. `path` as smtp/ gives it: p NULL = the command
// has none that can be read.
void pol_word_make(const struct pol_image *img, struct span path, struct pol_word *out);
// The same of an address that is compared with no list: form and `readable` alone.
void pol_word_form(struct span path, struct pol_word *out);
// Has the list (an index, or POL_NONE = takes everything) a pattern that takes the word? False for a
// word that is not readable, but of POL_NONE.
bool pol_list_takes(const struct pol_image *img, uint32_t list, const struct pol_word *word);
// The same question of one pattern, without an image: the definition that the lists are held to.
bool pol_pattern_takes(const char *pattern, struct span word);

// For who makes lists. The key of a pattern is its end from here on; -1: it has none, it is a glob.
int pol_pattern_key(const char *pattern);
// Hash of a key in the lists of an image with this version and time.
uint64_t pol_key_hash(uint64_t version, int64_t made_s, const void *key, size_t n);
// NULL, or what is wrong with a list or slot, as records of pol_verify.
const char *pol_list_judge(const struct pol_image *img, uint32_t i);
const char *pol_glob_judge(const struct pol_image *img, uint32_t i);
const char *pol_slot_judge(const struct pol_image *img, uint32_t i);

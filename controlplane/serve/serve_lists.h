// SPDX-License-Identifier: BSD-3-Clause
// Files that a configuration names, other than its rules: their texts belong to a revision, so that it
// is what it was whatever becomes of the files. A text goes by a name that does not depend on where
// the configuration lies: what is below its folder is "lists/PATH", any other "lists-root/PATH" from
// the root (api_rpc.h).
// Thread: the loop's.
#pragma once

#include "compile.h"
#include "err.h"

struct serve_revision;

struct serve_text {
	char *p;
	size_t n;
}; // owned, a NUL behind it; p NULL = none

struct serve_list {
	char *name;
	struct serve_text text; // p NULL: it could not be read
	int rc;                 // then: -errno
};

struct serve_lists { // ascending by name, each once
	struct serve_list *list;
	uint32_t n;
};

// Could it be one? What comes with an import may call itself anything.
bool serve_list_is_name(const char *name);
// Adds a text that is not there yet; 0, -EEXIST or -ENOMEM.
int serve_lists_add(struct serve_lists *l, const char *name, const char *p, size_t n);
// 0 or -ENOMEM, with nothing in *to.
int serve_lists_copy(struct serve_lists *to, const struct serve_lists *from);
void serve_lists_fini(struct serve_lists *l);

// Takes the files that r->cfg names: those that r->lists has already, the others from disk. What cannot be
// read is there without a text. 0, -EINVAL where r->lists has one that is not named, -ENOMEM; in *err.
int serve_lists_take(struct serve_revision *r, struct err_list *err);
// The same as a compilation wants them, with paths and texts of `r`: *files to be free()d. 0 or -ENOMEM.
int serve_lists_files(const struct serve_revision *r, struct compile_file **files, uint32_t *n);
// 64 bits over rules.file and these files as they are on disk; as serve_path_hash, of which it is made.
int serve_lists_hash(const struct cfg *cfg, uint64_t *hash);

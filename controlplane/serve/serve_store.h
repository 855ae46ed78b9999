// SPDX-License-Identifier: BSD-3-Clause
// The state directory: what the control plane must find again after it was killed. Each file is
// written beside its name, synced and renamed, so a reader sees the old one or the new one whole.
// A set of files is prepared first and named last; what lies between is told by the hash in the
// head file, which is named last of all.
// Thread: the loop's. Blocks for as long as the disk takes (a few files, operator actions only).
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "err.h"

struct serve_store;

enum serve_file { // in the order they are renamed
	SERVE_FILE_IMAGE,  // the compiled image
	SERVE_FILE_CONFIG, // text of the last good configuration
	SERVE_FILE_RULES,  // rules added at run time
	SERVE_FILE_HEAD,   // JSON: revision, hashes, author, comment
	SERVE_FILE_COUNT
};

// Opens (makes where missing) the directory and takes its lock: two control planes never share one.
// NULL with the reason in *err.
struct serve_store *serve_store_open(const char *dir, struct err_list *err);
void serve_store_close(struct serve_store *st); // NULL is fine
// The directory and what is in it belong to `uid` from now on. 0 or -errno.
int serve_store_chown(struct serve_store *st, unsigned uid, unsigned gid);

// A whole file, 64-byte aligned, a NUL behind it: 0 with *bytes (free() it) and *n, or -errno.
int serve_store_read(struct serve_store *st, enum serve_file f, char **bytes, size_t *n);
// The same for any path.
int serve_file_read(const char *path, char **bytes, size_t *n);
// Path of a file, for messages.
const char *serve_store_path(const struct serve_store *st, enum serve_file f);

struct serve_blob { const void *p; size_t n; }; // p NULL = leave the file as it is
// Writes and syncs new files beside the old ones. 0 or -errno (nothing left behind).
int serve_store_prepare(struct serve_store *st, const struct serve_blob files[SERVE_FILE_COUNT]);
// Names what was prepared. 0 or -errno.
int serve_store_commit(struct serve_store *st);
// Forgets what was prepared.
void serve_store_abort(struct serve_store *st);

// SPDX-License-Identifier: BSD-3-Clause
// The state directory: what the control plane must find again after it was killed.
//
//   lock                            two control planes never share one
//   revision.json                   the head: which revision is in force
//   revisions/0000000012.revision   one revision whole: texts, author, time, comment
//   revisions/0000000012.image      what was compiled of it; can be made again
//   limits.counts                   what limits have counted; of the last minute, or garbled
//
// Each file is written beside its name, synced and renamed, so a reader sees the old one or the new
// one whole. A change writes its revision and its image first and the head last: that one rename
// decides.
// Thread: the loop's. Blocks for as long as the disk takes (a few files, operator actions only).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

struct serve_store;

enum serve_file { SERVE_FILE_HEAD, SERVE_FILE_COUNTS, SERVE_FILE_REVISION, SERVE_FILE_IMAGE };

// Opens (makes where missing) the directory and takes its lock, and removes what a killed process
// had not finished writing. NULL with the reason in *err.
struct serve_store *serve_store_open(const char *dir, struct err_list *err);
void serve_store_close(struct serve_store *st); // NULL is fine
// The directory and what is in it belong to `uid` from now on. 0 or -errno.
int serve_store_chown(struct serve_store *st, unsigned uid, unsigned gid);

// `revision` is the number of a revision or image, and 0 for the others.
// A whole file, 64-byte aligned, a NUL behind it: 0 with *bytes (free() it) and *n, or -errno.
int serve_store_read(
	struct serve_store *st, enum serve_file f, uint64_t revision, char **bytes, size_t *n);
// The same for any path.
int serve_file_read(const char *path, char **bytes, size_t *n);

struct serve_blob {
	const void *p;
	size_t n;
};
// Writes a file made of `nparts` pieces, durably, over the old one where there is one. 0, or -errno:
// the old one is there as it was, but for a directory that could not be synced (the last step).
int serve_store_write(struct serve_store *st, enum serve_file f, uint64_t revision,
	const struct serve_blob *parts, unsigned nparts);
// The same for what is written often and missed little (SERVE_FILE_COUNTS): nothing is synced, so that the
// disk is not waited for, and who reads it after the host died has to see whether it is whole. Nobody
// but us may read it.
int serve_store_put(struct serve_store *st, enum serve_file f, const struct serve_blob *parts,
	unsigned nparts);
// Removes a file. 0, also where there was none, or -errno.
int serve_store_remove(struct serve_store *st, enum serve_file f, uint64_t revision);

// Numbers of the revisions or images there are, ascending: 0 with *numbers (free() it) and *n, or
// -errno. Names in that folder which are none of ours are told one by one through `odd` (may be
// NULL).
int serve_store_list(struct serve_store *st, enum serve_file f, uint64_t **numbers, size_t *n,
	void (*odd)(void *arg, const char *name), void *arg);

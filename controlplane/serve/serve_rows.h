// SPDX-License-Identifier: BSD-3-Clause
// The store of rows (sto.h) within the service: where it lies, whose it is, when it is read and started, its
// turn in the loop. Parts that want what is in it put their callbacks into serve.restore (arg: the struct
// serve) before serve_rows_start.
// Thread: the loop's.
#pragma once

#include <jansson.h>

#include "err.h"

struct serve;

// Opens serve.sto as store: says. 0 or -errno with the reason in *err; a file that can't be used is no error.
int serve_rows_open(struct serve *s, struct err_list *err);
int serve_rows_chown(struct serve *s, unsigned uid, unsigned gid); // 0 or -errno
// Restores, then starts the thread. 0 or -errno with the reason in *err.
int serve_rows_start(struct serve *s, struct err_list *err);
void serve_rows_close(struct serve *s);     // behind whoever puts rows; also what was never opened
json_t *serve_rows_status(struct serve *s); // for system.status

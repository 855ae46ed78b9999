// SPDX-License-Identifier: BSD-3-Clause
#include "sto_dying.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

enum { KINDS = 4 };

static sqlite3_vfs *real;
static sqlite3_vfs dying;
static struct layer {            // each kind of file has its own
	sqlite3_io_methods mine; // first: a file points to it
	const sqlite3_io_methods *below;
} layer[KINDS];
static atomic_int where = -1;
static atomic_long left;

void dying_arm(enum dying_where w, long calls)
{
	atomic_store(&left, calls);
	atomic_store(&where, (int)w);
}

void dying_at(enum dying_where here)
{
	if ((int)here == atomic_load(&where) && atomic_fetch_sub(&left, 1) == 1)
		(void)kill(getpid(), SIGKILL);
}

static const sqlite3_io_methods *below(sqlite3_file *f)
{
	return ((const struct layer *)f->pMethods)->below;
}

static int dying_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	dying_at(DYING_BEFORE_WRITE);
	const int rc = below(f)->xWrite(f, p, n, at);
	dying_at(DYING_BEHIND_WRITE);
	return rc;
}

static int dying_sync(sqlite3_file *f, int flags)
{
	dying_at(DYING_BEFORE_SYNC);
	const int rc = below(f)->xSync(f, flags);
	dying_at(DYING_BEHIND_SYNC);
	return rc;
}

static int dying_open(sqlite3_vfs *, sqlite3_filename name, sqlite3_file *f, int flags, int *out)
{
	const int rc = real->xOpen(real, name, f, flags, out);
	struct layer *l = layer;

	if (rc != SQLITE_OK)
		return rc;
	while (l->below != NULL && l->below != f->pMethods)
		l++;
	assert_true(l < layer + KINDS);
	*l = (struct layer){.mine = *f->pMethods, .below = f->pMethods};
	l->mine.xWrite = dying_write;
	l->mine.xSync = dying_sync;
	f->pMethods = &l->mine;
	return rc;
}

void dying_put(void)
{
	real = sqlite3_vfs_find(NULL);
	dying = *real;
	dying.zName = "dying";
	dying.xOpen = dying_open;
	assert_int_equal(sqlite3_vfs_register(&dying, 1), SQLITE_OK);
}

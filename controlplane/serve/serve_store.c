// SPDX-License-Identifier: BSD-3-Clause
// Files of the state directory, by descriptor of the directory, so that a renamed parent doesn't
// matter. Thread: the loop's.
#include "serve_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "serve_sock.h"

enum { READ_MAX = 1 << 30, ALIGN = 64, DIR_MODE = 0750, FILE_MODE = 0640 };

static const char *const names[SERVE_FILE_COUNT] = {
	[SERVE_FILE_IMAGE] = "last.image",
	[SERVE_FILE_CONFIG] = "last.yaml",
	[SERVE_FILE_RULES] = "rules.local",
	[SERVE_FILE_HEAD] = "revision.json",
};
static const char *const fresh[SERVE_FILE_COUNT] = {
	[SERVE_FILE_IMAGE] = "last.image.new",
	[SERVE_FILE_CONFIG] = "last.yaml.new",
	[SERVE_FILE_RULES] = "rules.local.new",
	[SERVE_FILE_HEAD] = "revision.json.new",
};

struct serve_store {
	int dir_fd, lock_fd;
	bool prepared[SERVE_FILE_COUNT];
	char *path[SERVE_FILE_COUNT];
	char lock[]; // path of the lock
};

// The directory and its parents, as mkdir -p does.
static int dir_make(const char *dir)
{
	char *path = strdup(dir);
	int rc = 0;

	if (path == NULL)
		return -ENOMEM;
	for (char *p = path + 1; *p != '\0'; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			rc = -errno;
		*p = '/';
	}
	if (mkdir(path, DIR_MODE) < 0 && errno != EEXIST)
		rc = -errno;
	free(path);
	return rc;
}

static int paths_make(struct serve_store *st, const char *dir)
{
	for (int f = 0; f < SERVE_FILE_COUNT; f++) {
		if (asprintf(&st->path[f], "%s/%s", dir, names[f]) < 0) {
			st->path[f] = NULL;
			return -ENOMEM;
		}
	}
	return 0;
}

struct serve_store *serve_store_open(const char *dir, struct err_list *err)
{
	size_t cap = strlen(dir) + sizeof("/lock");
	struct serve_store *st = calloc(1, sizeof(*st) + cap);
	int rc;

	if (st == NULL) {
		err_add(err, "control.state_dir: out of memory");
		return NULL;
	}
	st->dir_fd = st->lock_fd = -1;
	(void)snprintf(st->lock, cap, "%s/lock", dir); // fits by its size
	rc = paths_make(st, dir);
	if (rc == 0)
		rc = dir_make(dir);
	if (rc == 0)
		rc = st->lock_fd = serve_lock(st->lock);
	if (rc >= 0)
		st->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (rc >= 0 && st->dir_fd >= 0) {
		serve_store_abort(st); // what a killed process had prepared
		return st;
	}
	rc = rc < 0 ? rc : -errno;
	err_add(err, "control.state_dir: %s: %s", dir,
		rc == -EBUSY ? "another control plane has it" : strerror(-rc));
	serve_store_close(st);
	return NULL;
}

void serve_store_close(struct serve_store *st)
{
	if (st == NULL)
		return;
	if (st->dir_fd >= 0)
		(void)close(st->dir_fd); // only read
	if (st->lock_fd >= 0)
		(void)close(st->lock_fd); // gives the lock back
	for (int f = 0; f < SERVE_FILE_COUNT; f++)
		free(st->path[f]);
	free(st);
}

int serve_store_chown(struct serve_store *st, unsigned uid, unsigned gid)
{
	int rc = fchown(st->dir_fd, uid, gid) < 0 ? -errno : 0;

	if (fchown(st->lock_fd, uid, gid) < 0)
		rc = -errno;
	for (int f = 0; f < SERVE_FILE_COUNT; f++) {
		if (fchownat(st->dir_fd, names[f], uid, gid, AT_SYMLINK_NOFOLLOW) < 0 &&
			errno != ENOENT)
			rc = -errno;
	}
	return rc;
}

static int fd_read(int fd, char **bytes, size_t *n)
{
	struct stat st;
	size_t have = 0, size;
	char *p;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size > READ_MAX)
		return -EFBIG;
	size = (size_t)st.st_size;
	p = aligned_alloc(ALIGN, (size + ALIGN) / ALIGN * ALIGN);
	if (p == NULL)
		return -ENOMEM;
	while (have < size) {
		ssize_t k = read(fd, p + have, size - have);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0) {
			int rc = -errno;

			free(p);
			return rc;
		}
		if (k == 0)
			break;
		have += (size_t)k;
	}
	p[have] = '\0';
	*bytes = p;
	*n = have;
	return 0;
}

static int read_at(int dir_fd, const char *path, char **bytes, size_t *n)
{
	int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc;

	if (fd < 0)
		return -errno;
	rc = fd_read(fd, bytes, n);
	(void)close(fd); // only read
	return rc;
}

int serve_file_read(const char *path, char **bytes, size_t *n)
{
	return read_at(AT_FDCWD, path, bytes, n);
}

int serve_store_read(struct serve_store *st, enum serve_file f, char **bytes, size_t *n)
{
	return read_at(st->dir_fd, names[f], bytes, n);
}

const char *serve_store_path(const struct serve_store *st, enum serve_file f)
{
	return st->path[f];
}

static int blob_write(int dir_fd, const char *name, const struct serve_blob *b)
{
	const char *p = b->p;
	size_t done = 0;
	int rc = 0, fd;

	fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
	if (fd < 0)
		return -errno;
	while (rc == 0 && done < b->n) {
		ssize_t k = write(fd, p + done, b->n - done);

		if (k < 0 && errno != EINTR)
			rc = -errno;
		else if (k > 0)
			done += (size_t)k;
	}
	if (rc == 0 && fsync(fd) < 0)
		rc = -errno;
	if (close(fd) < 0 && rc == 0)
		rc = -errno;
	return rc;
}

int serve_store_prepare(struct serve_store *st, const struct serve_blob files[SERVE_FILE_COUNT])
{
	serve_store_abort(st);
	for (int f = 0; f < SERVE_FILE_COUNT; f++) {
		if (files[f].p == NULL)
			continue;
		int rc = blob_write(st->dir_fd, fresh[f], &files[f]);
		if (rc != 0) {
			serve_store_abort(st);
			return rc;
		}
		st->prepared[f] = true;
	}
	return 0;
}

int serve_store_commit(struct serve_store *st)
{
	int rc = 0;

	for (int f = 0; f < SERVE_FILE_COUNT && rc == 0; f++) {
		if (st->prepared[f] && renameat(st->dir_fd, fresh[f], st->dir_fd, names[f]) < 0)
			rc = -errno;
		else
			st->prepared[f] = false;
	}
	if (rc == 0 && fsync(st->dir_fd) < 0)
		rc = -errno;
	if (rc != 0)
		serve_store_abort(st);
	return rc;
}

void serve_store_abort(struct serve_store *st)
{
	for (int f = 0; f < SERVE_FILE_COUNT; f++) {
		(void)unlinkat(st->dir_fd, fresh[f], 0); // mostly there is none
		st->prepared[f] = false;
	}
}

// SPDX-License-Identifier: BSD-3-Clause
// Files of the state directory, by descriptor of their folder, so that a renamed parent doesn't
// matter. Thread: the loop's.
#include "serve_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "serve_sock.h"

enum {
	READ_MAX = 1 << 30,
	ALIGN = 64,
	DIR_MODE = 0750,
	FILE_MODE = 0640,
	OWN_MODE = 0600,
	NAME_BYTES = 64
};

#define FOLDER "revisions"
#define FRESH ".new" // behind a name while the file is being written

static const char *const endings[] = {
	[SERVE_FILE_REVISION] = ".revision",
	[SERVE_FILE_IMAGE] = ".image",
};

struct serve_store {
	int dir_fd, folder_fd, lock_fd;
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

static int folder_fd(const struct serve_store *st, enum serve_file f)
{
	return f == SERVE_FILE_REVISION || f == SERVE_FILE_IMAGE ? st->folder_fd : st->dir_fd;
}

// Ten digits, so that a listing is in order; later ones are longer.
static void file_name(enum serve_file f, uint64_t revision, char out[NAME_BYTES])
{
	if (f == SERVE_FILE_HEAD)
		(void)snprintf(out, NAME_BYTES, "revision.json"); // all fit
	else if (f == SERVE_FILE_COUNTS)
		(void)snprintf(out, NAME_BYTES, "limits.counts");
	else
		(void)snprintf(out, NAME_BYTES, "%010" PRIu64 "%s", revision, endings[f]);
}

static bool name_parse(const char *name, enum serve_file f, uint64_t *revision)
{
	char again[NAME_BYTES];

	*revision = strtoull(name, NULL, 10);
	file_name(f, *revision, again);
	return strcmp(again, name) == 0;
}

// Calls `each` with every name in a folder of ours but "." and "..". 0 or -errno.
static int folder_walk(int fd, void (*each)(void *arg, const char *name), void *arg)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *e;

	if (d == NULL) {
		rc = -errno;
		if (copy >= 0)
			(void)close(copy); // only read
		return rc;
	}
	while ((errno = 0, e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			each(arg, e->d_name);
	}
	rc = -errno;
	(void)closedir(d); // only read
	return rc;
}

static void fresh_remove(void *arg, const char *name)
{
	size_t n = strlen(name), e = strlen(FRESH);

	if (n > e && strcmp(name + n - e, FRESH) == 0)
		(void)unlinkat(*(int *)arg, name, 0); // else it is written over one day
}

static int folders_open(struct serve_store *st, const char *dir)
{
	int rc;

	st->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (st->dir_fd < 0)
		return -errno;
	if (mkdirat(st->dir_fd, FOLDER, DIR_MODE) < 0 && errno != EEXIST)
		return -errno;
	st->folder_fd = openat(st->dir_fd, FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (st->folder_fd < 0)
		return -errno;
	rc = folder_walk(st->folder_fd, fresh_remove, &st->folder_fd);
	return rc != 0 ? rc : folder_walk(st->dir_fd, fresh_remove, &st->dir_fd);
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
	st->dir_fd = st->folder_fd = st->lock_fd = -1;
	(void)snprintf(st->lock, cap, "%s/lock", dir); // fits by its size
	rc = dir_make(dir);
	if (rc == 0)
		rc = st->lock_fd = serve_lock(st->lock);
	if (rc >= 0)
		rc = folders_open(st, dir);
	if (rc == 0)
		return st;
	err_add(err, "control.state_dir: %s: %s", dir,
		rc == -EBUSY ? "another control plane has it" : strerror(-rc));
	serve_store_close(st);
	return NULL;
}

void serve_store_close(struct serve_store *st)
{
	if (st == NULL)
		return;
	if (st->folder_fd >= 0)
		(void)close(st->folder_fd); // only read
	if (st->dir_fd >= 0)
		(void)close(st->dir_fd); // only read
	if (st->lock_fd >= 0)
		(void)close(st->lock_fd); // gives the lock back
	free(st);
}

struct owner {
	int fd, rc;
	unsigned uid, gid;
};

static void owner_set(void *arg, const char *name)
{
	struct owner *o = arg;

	if (fchownat(o->fd, name, o->uid, o->gid, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT)
		o->rc = -errno;
}

int serve_store_chown(struct serve_store *st, unsigned uid, unsigned gid)
{
	struct owner o = {.fd = st->folder_fd, .uid = uid, .gid = gid};
	char head[NAME_BYTES];
	int rc = folder_walk(st->folder_fd, owner_set, &o);

	file_name(SERVE_FILE_HEAD, 0, head);
	o.fd = st->dir_fd;
	owner_set(&o, head);
	file_name(SERVE_FILE_COUNTS, 0, head);
	owner_set(&o, head);
	if (fchown(st->dir_fd, uid, gid) < 0 || fchown(st->folder_fd, uid, gid) < 0 ||
		fchown(st->lock_fd, uid, gid) < 0)
		o.rc = -errno;
	return o.rc != 0 ? o.rc : rc;
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

int serve_store_read(
	struct serve_store *st, enum serve_file f, uint64_t revision, char **bytes, size_t *n)
{
	char name[NAME_BYTES];

	file_name(f, revision, name);
	return read_at(folder_fd(st, f), name, bytes, n);
}

static int bytes_write(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t k = write(fd, p, n);

		if (k < 0 && errno != EINTR)
			return -errno;
		if (k > 0) {
			p += k;
			n -= (size_t)k;
		}
	}
	return 0;
}

static int fresh_write(
	int dir_fd, const char *name, const struct serve_blob *parts, unsigned n, bool durable)
{
	int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
		durable ? FILE_MODE : OWN_MODE);
	int rc = 0;

	if (fd < 0)
		return -errno;
	for (unsigned i = 0; rc == 0 && i < n; i++)
		rc = bytes_write(fd, parts[i].p, parts[i].n);
	if (rc == 0 && durable && fsync(fd) < 0)
		rc = -errno;
	if (close(fd) < 0 && rc == 0)
		rc = -errno;
	return rc;
}

static int file_write(struct serve_store *st, enum serve_file f, uint64_t revision,
	const struct serve_blob *parts, unsigned nparts, bool durable)
{
	char name[NAME_BYTES], fresh[NAME_BYTES + sizeof(FRESH)];
	int fd = folder_fd(st, f), rc;

	file_name(f, revision, name);
	(void)snprintf(fresh, sizeof(fresh), "%s" FRESH, name); // fits by its size
	rc = fresh_write(fd, fresh, parts, nparts, durable);
	if (rc == 0 && renameat(fd, fresh, fd, name) < 0)
		rc = -errno;
	if (rc != 0)
		(void)unlinkat(fd, fresh, 0); // else the next open does it
	if (rc == 0 && durable && fsync(fd) < 0)
		rc = -errno;
	return rc;
}

int serve_store_write(struct serve_store *st, enum serve_file f, uint64_t revision,
	const struct serve_blob *parts, unsigned nparts)
{
	return file_write(st, f, revision, parts, nparts, true);
}

int serve_store_put(
	struct serve_store *st, enum serve_file f, const struct serve_blob *parts, unsigned nparts)
{
	return file_write(st, f, 0, parts, nparts, false);
}

int serve_store_remove(struct serve_store *st, enum serve_file f, uint64_t revision)
{
	char name[NAME_BYTES];

	file_name(f, revision, name);
	return unlinkat(folder_fd(st, f), name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

struct listing {
	enum serve_file f;
	uint64_t *numbers;
	size_t n, cap;
	void (*odd)(void *arg, const char *name);
	void *arg;
	int rc;
};

static bool name_is_ours(const char *name, uint64_t *revision)
{
	return name_parse(name, SERVE_FILE_REVISION, revision) ||
		name_parse(name, SERVE_FILE_IMAGE, revision);
}

static void listing_add(void *arg, const char *name)
{
	struct listing *l = arg;
	uint64_t revision, *more;

	if (!name_is_ours(name, &revision) && l->odd != NULL)
		l->odd(l->arg, name);
	if (!name_parse(name, l->f, &revision))
		return;
	if (l->n == l->cap) {
		more = realloc(l->numbers, (l->cap * 2 + 64) * sizeof(*more));
		if (more == NULL) {
			l->rc = -ENOMEM;
			return;
		}
		l->numbers = more;
		l->cap = l->cap * 2 + 64;
	}
	l->numbers[l->n++] = revision;
}

static int number_compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

int serve_store_list(struct serve_store *st, enum serve_file f, uint64_t **numbers, size_t *n,
	void (*odd)(void *arg, const char *name), void *arg)
{
	struct listing l = {.f = f, .odd = odd, .arg = arg};
	int rc = folder_walk(st->folder_fd, listing_add, &l);

	if (rc == 0)
		rc = l.rc;
	if (rc != 0) {
		free(l.numbers);
		return rc;
	}
	if (l.n > 0)
		qsort(l.numbers, l.n, sizeof(*l.numbers), number_compare);
	*numbers = l.numbers;
	*n = l.n;
	return 0;
}

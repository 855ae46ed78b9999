// SPDX-License-Identifier: BSD-3-Clause
// Reads whole files: those that a configuration names, which have to lie there to be read again, and
// what somebody names on a command line, which may be a pipe and never holds him up for ever. Neither
// takes more than a little over the limit. What a file says is not looked at. Thread: any.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cfg_int.h"

enum {
	READ_STEP = 1 << 16, // bytes a read
	NO_WAIT = -1,        // ms: as long as it takes
};

// More of it, waiting `wait_ms` at most for each step; 0 at the end, -errno.
static ssize_t read_step(int fd, char *p, int wait_ms)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	ssize_t got;
	int rc = 1;

	do {
		if (wait_ms != NO_WAIT)
			rc = poll(&ready, 1, wait_ms);
		got = rc > 0 ? read(fd, p, READ_STEP) : -1;
	} while (rc != 0 && got < 0 && (errno == EINTR || errno == EAGAIN));
	return rc == 0 ? -ETIMEDOUT : got < 0 ? -errno : got;
}

// All of it, up to a little over the limit. 0 or -errno.
static int read_all(int fd, int wait_ms, char **text, size_t *n)
{
	size_t cap = 0;
	ssize_t got = 1;

	while (got > 0 && *n <= CFG_FILE_MAX) {
		if (cap - *n < READ_STEP) {
			char *grown;

			cap = cap * 2 + 2 * (size_t)READ_STEP;
			grown = realloc(*text, cap);
			if (grown == NULL)
				return -ENOMEM;
			*text = grown;
		}
		got = read_step(fd, *text + *n, wait_ms);
		*n += got > 0 ? (size_t)got : 0;
	}
	return got < 0 ? (int)got : 0;
}

// The text of `fd`, which it closes.
static char *text_of(int fd, const char *path, int wait_ms, size_t *n, struct err_list *err)
{
	char *text = NULL;
	int rc = read_all(fd, wait_ms, &text, n);

	(void)close(fd); // only read from
	if (rc == 0)
		return text;
	if (rc == -ETIMEDOUT)
		err_at(err, path, 0, 0, "cannot be read; nobody has written to it for %d s",
			wait_ms / 1000);
	else
		err_at(err, path, 0, 0, "cannot be read; %s", strerror(-rc));
	free(text);
	return NULL;
}

// A pipe opens without its other end.
static int path_open(const char *path, struct stat *st, struct err_list *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd >= 0 && fstat(fd, st) == 0)
		return fd;
	err_at(err, path, 0, 0, "cannot be opened; %s", strerror(errno));
	if (fd >= 0)
		(void)close(fd); // nothing was read
	return -1;
}

static char *input_read(const char *path, size_t *n, struct err_list *err)
{
	int fd = dup(STDIN_FILENO);

	if (fd >= 0)
		return text_of(fd, path, NO_WAIT, n, err);
	err_at(err, path, 0, 0, "cannot be opened; %s", strerror(errno));
	return NULL;
}

char *cfg_file_read(const char *path, size_t *n, struct err_list *err)
{
	struct stat st;
	int fd;

	*n = 0;
	if (strcmp(path, "-") == 0)
		return input_read(path, n, err);
	fd = path_open(path, &st, err);
	if (fd < 0)
		return NULL;
	if (S_ISREG(st.st_mode))
		return text_of(fd, path, NO_WAIT, n, err);
	(void)close(fd); // nothing was read
	err_at(err, path, 0, 0, "is %s; only a file can be read again when it is needed",
		S_ISDIR(st.st_mode)            ? "a folder"
			: S_ISFIFO(st.st_mode) ? "a pipe"
					       : "a device or a socket");
	return NULL;
}

bool cfg_input_is_stdin(const char *path)
{
	return strcmp(path, "-") == 0 || strcmp(path, "/dev/stdin") == 0;
}

char *cfg_input_read(const char *path, unsigned wait_ms, size_t *n, struct err_list *err)
{
	struct stat st;
	int fd;

	*n = 0;
	if (cfg_input_is_stdin(path))
		return input_read(path, n, err);
	fd = path_open(path, &st, err);
	if (fd < 0)
		return NULL;
	return text_of(fd, path, S_ISREG(st.st_mode) ? NO_WAIT : (int)wait_ms, n, err);
}

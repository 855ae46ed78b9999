// SPDX-License-Identifier: BSD-3-Clause
// Reads a whole file, or a pipe, up to the limit of one byte more than may be. What it says is not
// looked at. Thread: any.
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cfg_int.h"

enum { READ_STEP = 1 << 16 }; // bytes a read

char *cfg_file_read(const char *path, size_t *n, struct err_list *err)
{
	bool input = strcmp(path, "-") == 0;
	int fd = input ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC), rc = 0;
	size_t cap = 0;
	char *text = NULL, *grown;
	ssize_t got = 1;

	*n = 0;
	if (fd < 0) {
		err_at(err, path, 0, 0, "cannot be opened; %s", strerror(errno));
		return NULL;
	}
	while (got > 0 && *n <= CFG_FILE_MAX) {
		if (cap - *n < READ_STEP) {
			cap = cap * 2 + 2 * READ_STEP;
			grown = realloc(text, cap);
			if (grown == NULL) {
				rc = ENOMEM;
				break;
			}
			text = grown;
		}
		got = read(fd, text + *n, READ_STEP);
		if (got < 0 && errno == EINTR)
			got = 1;
		else if (got < 0)
			rc = errno;
		else
			*n += (size_t)got;
	}
	(void)close(fd); // only read from
	if (rc != 0) {
		err_at(err, path, 0, 0, "cannot be read; %s", strerror(rc));
		free(text);
		return NULL;
	}
	return text;
}

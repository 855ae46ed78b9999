// SPDX-License-Identifier: BSD-3-Clause
// Texts of the files that a configuration names: those that came with it, else those on disk.
// Thread: one at a time.
#include <errno.h>
#include <string.h>

#include "compile_int.h"

const char *compile_file_text(const struct compile_input *in, const char *path, size_t *n,
	char **own, struct err_list *err)
{
	const struct compile_file *f = NULL;
	uint32_t lo = 0, hi = in->nfiles;

	*own = NULL;
	if (in->files == NULL)
		return *own = cfg_file_read(path, n, err);
	while (lo < hi) {
		const uint32_t mid = lo + (hi - lo) / 2;
		const int order = strcmp(in->files[mid].path, path);

		if (order == 0) {
			f = &in->files[mid];
			break;
		}
		if (order < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (f == NULL || f->text == NULL) {
		err_at(err, path, 0, 0, "cannot be opened; %s",
			f == NULL            ? "it did not come with the configuration"
			: f->rc == -EINVAL ? "it is no regular file"
					   : strerror(-f->rc));
		return NULL;
	}
	*n = f->n;
	return f->text;
}

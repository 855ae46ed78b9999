// SPDX-License-Identifier: BSD-3-Clause
// Texts of list files by name: taken with a revision, copied, found again.
// Thread: the loop's.
#include "serve_lists.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "serve_revision.h"

// Archives are unpacked by tools that refuse to climb: a ".." of the path becomes "%2e%2e".
static char *name_make(const char *prefix, const char *path)
{
	char *name = NULL;
	size_t bytes;
	FILE *f = open_memstream(&name, &bytes);

	if (f == NULL)
		return NULL;
	(void)fputs(prefix, f); // the stream remembers an error
	while (*path != '\0') {
		size_t n = strcspn(path, "/");

		if (n == 2 && memcmp(path, "..", 2) == 0)
			(void)fputs("%2e%2e", f); // as above
		else
			(void)fwrite(path, 1, n, f); // as above
		path += n;
		if (*path == '/')
			(void)fputc(*path++, f); // as above
	}
	if (fclose(f) == 0)
		return name;
	free(name);
	return NULL;
}

// The name of a file for a configuration in folder `dir`; free() it. NULL without memory.
static char *name_of(const char *dir, const char *path)
{
	size_t n = dir == NULL ? 0 : strlen(dir);

	if (n > 1 && strncmp(path, dir, n) == 0 && path[n] == '/')
		return name_make(API_EXPORT_LISTS, path + n + 1);
	return name_make(API_EXPORT_ROOT, path);
}

bool serve_list_is_name(const char *name)
{
	return strncmp(name, API_EXPORT_LISTS, sizeof(API_EXPORT_LISTS) - 1) == 0 ||
		strncmp(name, API_EXPORT_ROOT "/", sizeof(API_EXPORT_ROOT)) == 0;
}

// Where it is, or where it belongs.
static uint32_t place_of(const struct serve_lists *l, const char *name, bool *found)
{
	uint32_t lo = 0, hi = l->n;

	*found = false;
	while (lo < hi) {
		const uint32_t mid = lo + (hi - lo) / 2;
		const int order = strcmp(l->list[mid].name, name);

		if (order == 0) {
			*found = true;
			return mid;
		}
		if (order < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

// NULL where there is none.
static const struct serve_list *list_find(const struct serve_lists *l, const char *name)
{
	bool found;
	uint32_t at = place_of(l, name, &found);

	return found ? &l->list[at] : NULL;
}

// Room for one of that name (taken), without a text. NULL without memory, or where there is one.
static struct serve_list *list_new(struct serve_lists *l, char *name)
{
	struct serve_list *list = NULL;
	bool found;
	uint32_t at = name == NULL ? 0 : place_of(l, name, &found);

	if (name != NULL && !found)
		list = realloc(l->list, ((size_t)l->n + 1) * sizeof(*list));
	if (list == NULL) {
		free(name);
		return NULL;
	}
	l->list = list;
	memmove(&list[at + 1], &list[at], (l->n - at) * sizeof(*list));
	l->n++;
	list[at] = (struct serve_list){.name = name};
	return &list[at];
}

int serve_lists_add(struct serve_lists *l, const char *name, const char *p, size_t n)
{
	struct serve_text text = {0};
	struct serve_list *list;

	if (list_find(l, name) != NULL)
		return -EEXIST;
	if (serve_text_set(&text, p, n) != 0)
		return -ENOMEM;
	list = list_new(l, strdup(name));
	if (list == NULL) {
		free(text.p);
		return -ENOMEM;
	}
	list->text = text;
	return 0;
}

int serve_lists_copy(struct serve_lists *to, const struct serve_lists *from)
{
	int rc = 0;

	*to = (struct serve_lists){0};
	for (uint32_t i = 0; rc == 0 && i < from->n; i++) {
		const struct serve_list *list = &from->list[i];

		if (list->text.p != NULL)
			rc = serve_lists_add(to, list->name, list->text.p, list->text.n);
	}
	if (rc != 0)
		serve_lists_fini(to);
	return rc;
}

void serve_lists_fini(struct serve_lists *l)
{
	for (uint32_t i = 0; i < l->n; i++) {
		free(l->list[i].name);
		free(l->list[i].text.p);
	}
	free(l->list);
	*l = (struct serve_lists){0};
}

// One file: what `given` has of it moves, or it is read. 0 or -ENOMEM.
static int list_take(
	struct serve_lists *out, struct serve_lists *given, const char *dir, const char *path)
{
	struct serve_list *list = list_new(out, name_of(dir, path));
	bool found;
	uint32_t at;

	if (list == NULL)
		return -ENOMEM;
	at = place_of(given, list->name, &found);
	if (found && given->list[at].text.p != NULL) {
		list->text = given->list[at].text;
		given->list[at].text = (struct serve_text){0};
		return 0;
	}
	list->rc = serve_file_read(path, &list->text.p, &list->text.n);
	if (list->rc != 0)
		list->text = (struct serve_text){0};
	return list->rc == -ENOMEM ? -ENOMEM : 0;
}

int serve_lists_take(struct serve_revision *r, struct err_list *err)
{
	struct serve_lists out = {0};
	const char **paths;
	uint32_t n;
	int rc = cfg_files(r->cfg, &paths, &n);

	for (uint32_t i = 0; rc == 0 && i < n; i++)
		rc = list_take(&out, &r->lists, r->dir, paths[i]);
	free(paths);
	for (uint32_t i = 0; rc == 0 && i < r->lists.n; i++) {
		if (r->lists.list[i].text.p == NULL)
			continue;
		err_at(err, r->name, 0, 0, "%s: comes along; but no key names it",
			r->lists.list[i].name);
		rc = -EINVAL;
	}
	if (rc == -ENOMEM)
		err_at(err, r->name, 0, 0, "its files cannot be kept; out of memory");
	serve_lists_fini(&r->lists);
	r->lists = out;
	return rc;
}

int serve_lists_files(const struct serve_revision *r, struct compile_file **files, uint32_t *n)
{
	const char **paths;
	int rc = cfg_files(r->cfg, &paths, n);

	*files = rc == 0 ? calloc((size_t)*n + 1, sizeof(**files)) : NULL;
	if (rc == 0 && *files == NULL)
		rc = -ENOMEM;
	for (uint32_t i = 0; rc == 0 && i < *n; i++) {
		char *name = name_of(r->dir, paths[i]);
		const struct serve_list *list = name == NULL ? NULL : list_find(&r->lists, name);

		if (name == NULL)
			rc = -ENOMEM;
		else if (list != NULL)
			(*files)[i] = (struct compile_file){.path = paths[i],
				.text = list->text.p,
				.n = list->text.n,
				.rc = list->rc};
		else
			(*files)[i] = (struct compile_file){.path = paths[i], .rc = -ENOENT};
		free(name);
	}
	free(paths); // the texts of the paths are the configuration's
	if (rc != 0) {
		free(*files);
		*files = NULL;
	}
	return rc;
}

int serve_lists_hash(const struct cfg *cfg, uint64_t *hash)
{
	const char **paths = NULL;
	uint64_t both[2];
	uint32_t n = 0;
	int rc = serve_path_hash(cfg == NULL ? NULL : cfg->rules.file, hash);

	if (rc == 0 && cfg != NULL)
		rc = cfg_files(cfg, &paths, &n);
	for (uint32_t i = 0; rc == 0 && i < n; i++) {
		both[0] = *hash;
		rc = serve_path_hash(paths[i], &both[1]);
		*hash = serve_text_hash((const char *)both, sizeof(both));
	}
	free(paths);
	return rc;
}

// SPDX-License-Identifier: BSD-3-Clause
// Which files a configuration brings with it: the paths that a commit changes. The others are sockets,
// logs, keys and folders of this machine. Thread: any.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cfg_int.h"

struct paths {
	const struct cfg *cfg;
	const char **list;
	size_t n, cap;
	bool failed;
};

static void path_add(struct paths *p, const char *path)
{
	if (p->n == p->cap) {
		size_t cap = p->cap * 2 + 16;
		const char **list = realloc(p->list, cap * sizeof(*list));

		if (list == NULL) {
			p->failed = true;
			return;
		}
		p->list = list;
		p->cap = cap;
	}
	p->list[p->n++] = path;
}

static void section_walk(struct paths *p, const struct cfg_section *sec, const char *base);

static void field_walk(struct paths *p, const struct cfg_field *f, const char *base)
{
	const char *at = base + f->off, *const *text = (const char *const *)(const void *)at;
	uint32_t n;

	if (f->kind == CFG_KIND_MAP) {
		section_walk(p, f->sub, at);
	} else if (f->kind == CFG_KIND_MAPS || f->kind == CFG_KIND_NAMED) {
		memcpy(&n, base + f->off2, sizeof(n));
		for (uint32_t i = 0; i < n; i++)
			section_walk(p, f->sub, *text + i * f->sub->size);
	} else if (f->kind == CFG_KIND_PATH && f->reload && !f->local && text != &p->cfg->rules.file &&
		*text != NULL && **text != '\0') {
		path_add(p, *text);
	}
}

// As deep as the schema is.
static void section_walk(struct paths *p, const struct cfg_section *sec, const char *base)
{
	for (size_t i = 0; i < sec->nfields; i++)
		field_walk(p, &sec->fields[i], base);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int cfg_files(const struct cfg *c, const char ***paths, uint32_t *n)
{
	struct paths p = {.cfg = c};
	size_t kept = 0;

	*paths = NULL;
	*n = 0;
	section_walk(&p, &cfg_root, (const char *)c);
	if (p.failed) {
		free(p.list);
		return -ENOMEM;
	}
	if (p.n > 0)
		qsort(p.list, p.n, sizeof(*p.list), by_text);
	for (size_t i = 0; i < p.n; i++) {
		if (kept == 0 || strcmp(p.list[kept - 1], p.list[i]) != 0)
			p.list[kept++] = p.list[i];
	}
	*paths = p.list;
	*n = (uint32_t)kept;
	return 0;
}

// SPDX-License-Identifier: BSD-3-Clause
// Copies of the name lists of the last few images. Thread: the loop's.
#include "serve_names.h"

#include <stdlib.h>
#include <string.h>

struct list {
	char **names;
	uint32_t n;
};

struct image_names {
	uint64_t version; // 0 = unused
	struct list policies, contexts;
};

struct serve_names {
	struct image_names image[SERVE_NAMES_KEPT];
	unsigned next; // to overwrite
};

static void list_clear(struct list *l)
{
	for (uint32_t i = 0; i < l->n; i++)
		free(l->names[i]);
	free(l->names);
	*l = (struct list){0};
}

static void list_fill(struct list *l, const struct pol_image *img, enum pol_section sec)
{
	uint32_t n = pol_count(img, sec);

	l->names = calloc((size_t)n + 1, sizeof(*l->names));
	if (l->names == NULL)
		return;
	l->n = n;
	for (uint32_t i = 0; i < n; i++) { // one that finds no memory is unknown
		uint32_t name = sec == POL_SEC_POLICIES ? pol_policy_at(img, i)->name
							: pol_context_at(img, i)->name;
		l->names[i] = strndup(pol_string(img, name), 256);
	}
}

struct serve_names *serve_names_new(void)
{
	return calloc(1, sizeof(struct serve_names));
}

static void image_clear(struct image_names *im)
{
	list_clear(&im->policies);
	list_clear(&im->contexts);
	im->version = 0;
}

void serve_names_free(struct serve_names *n)
{
	if (n == NULL)
		return;
	for (unsigned i = 0; i < SERVE_NAMES_KEPT; i++)
		image_clear(&n->image[i]);
	free(n);
}

static const struct image_names *names_find(const struct serve_names *n, uint64_t version)
{
	for (unsigned i = 0; i < SERVE_NAMES_KEPT; i++) {
		if (version != 0 && n->image[i].version == version)
			return &n->image[i];
	}
	return NULL;
}

void serve_names_add(struct serve_names *n, const struct pol_image *img)
{
	struct image_names *im = &n->image[n->next];

	if (names_find(n, pol_head(img)->version) != NULL)
		return;
	image_clear(im);
	list_fill(&im->policies, img, POL_SEC_POLICIES);
	list_fill(&im->contexts, img, POL_SEC_CONTEXTS);
	im->version = pol_head(img)->version;
	n->next = (n->next + 1) % SERVE_NAMES_KEPT;
}

const char *serve_names_policy(const struct serve_names *n, uint64_t version, uint32_t i)
{
	const struct image_names *im = names_find(n, version);

	return im == NULL || i >= im->policies.n ? NULL : im->policies.names[i];
}

const char *serve_names_context(const struct serve_names *n, uint64_t version, uint32_t i)
{
	const struct image_names *im = names_find(n, version);

	return im == NULL || i >= im->contexts.n ? NULL : im->contexts.names[i];
}

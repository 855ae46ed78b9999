// SPDX-License-Identifier: BSD-3-Clause
// Copies of the name lists of the last few images. Thread: the loop's.
#include "serve_names.h"

#include <stdlib.h>
#include <string.h>

struct list {
	char **names;
	uint32_t n;
};

struct profiles { // of a policy: indexes, POL_NONE = none
	uint32_t session, content;
};

struct label { // of a rule that has one
	uint32_t id;
	char *text;
};

struct image_names {
	uint64_t version; // 0 = unused
	struct list policies, contexts, sessions, contents, access;
	struct profiles *profiles; // by policy; NULL where memory was short
	struct label *labels;      // ascending by id
	uint32_t nlabels;
	struct serve_rep_profile *reputation; // by session profile; NULL where memory was short
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

static uint32_t name_at(const struct pol_image *img, enum pol_section sec, uint32_t i)
{
	switch (sec) {
	case POL_SEC_POLICIES:
		return pol_policy_at(img, i)->name;
	case POL_SEC_SESSIONS:
		return pol_session_at(img, i)->name;
	case POL_SEC_CONTENTS:
		return pol_content_at(img, i)->name;
	case POL_SEC_ACCESS:
		return pol_access_at(img, i)->name;
	default:
		return pol_context_at(img, i)->name;
	}
}

static void list_fill(struct list *l, const struct pol_image *img, enum pol_section sec)
{
	uint32_t n = pol_count(img, sec);

	l->names = calloc((size_t)n + 1, sizeof(*l->names));
	if (l->names == NULL)
		return;
	l->n = n;
	for (uint32_t i = 0; i < n; i++) // one that finds no memory is unknown
		l->names[i] = strndup(pol_string(img, name_at(img, sec, i)), 256);
}

static void profiles_fill(struct image_names *im, const struct pol_image *img)
{
	uint32_t n = pol_count(img, POL_SEC_POLICIES);

	im->profiles = calloc((size_t)n + 1, sizeof(*im->profiles));
	for (uint32_t i = 0; im->profiles != NULL && i < n; i++) {
		im->profiles[i].session = pol_policy_at(img, i)->session;
		im->profiles[i].content = pol_policy_at(img, i)->content;
	}
}

static void reputation_fill(struct image_names *im, const struct pol_image *img)
{
	uint32_t n = pol_count(img, POL_SEC_SESSIONS);

	im->reputation = calloc((size_t)n + 1, sizeof(*im->reputation));
	for (uint32_t i = 0; im->reputation != NULL && i < n; i++) {
		const struct pol_session *p = pol_session_at(img, i);

		im->reputation[i] = (struct serve_rep_profile){.endpoint = p->endpoint_reputation,
			.sender = p->sender_reputation,
			.auth = p->auth_reputation,
			.trigger = p->endpoint_trigger,
			.duration_s = p->endpoint_duration_min * 60};
	}
}

static int label_compare(const void *a, const void *b)
{
	const struct label *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

static void labels_fill(struct image_names *im, const struct pol_image *img)
{
	uint32_t n = pol_count(img, POL_SEC_RULES);

	im->labels = calloc((size_t)n + 1, sizeof(*im->labels));
	for (uint32_t i = 0; im->labels != NULL && i < n; i++) {
		const struct pol_rule *r = pol_rule_at(img, i);
		const char *text = pol_string(img, r->name);
		struct label *l = &im->labels[im->nlabels];

		if (*text == '\0')
			continue;
		l->id = r->id;
		l->text = strndup(text, SERVE_LABEL_MAX);
		im->nlabels += l->text != NULL;
	}
	if (im->labels != NULL)
		qsort(im->labels, im->nlabels, sizeof(*im->labels), label_compare);
}

struct serve_names *serve_names_new(void)
{
	return calloc(1, sizeof(struct serve_names));
}

static void image_clear(struct image_names *im)
{
	list_clear(&im->policies);
	list_clear(&im->contexts);
	list_clear(&im->sessions);
	list_clear(&im->contents);
	list_clear(&im->access);
	for (uint32_t i = 0; i < im->nlabels; i++)
		free(im->labels[i].text);
	free(im->labels);
	free(im->profiles);
	free(im->reputation);
	*im = (struct image_names){0};
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
	list_fill(&im->sessions, img, POL_SEC_SESSIONS);
	list_fill(&im->contents, img, POL_SEC_CONTENTS);
	list_fill(&im->access, img, POL_SEC_ACCESS);
	profiles_fill(im, img);
	labels_fill(im, img);
	reputation_fill(im, img);
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

// Profiles of a policy; NULL where unknown.
static const struct profiles *profiles_of(const struct image_names *im, uint32_t policy)
{
	if (im == NULL || im->profiles == NULL || policy >= im->policies.n)
		return NULL;
	return &im->profiles[policy];
}

const char *serve_names_session(const struct serve_names *n, uint64_t version, uint32_t policy)
{
	const struct image_names *im = names_find(n, version);
	const struct profiles *p = profiles_of(im, policy);

	return p == NULL || p->session >= im->sessions.n ? NULL : im->sessions.names[p->session];
}

const char *serve_names_content(const struct serve_names *n, uint64_t version, uint32_t policy)
{
	const struct image_names *im = names_find(n, version);
	const struct profiles *p = profiles_of(im, policy);

	return p == NULL || p->content >= im->contents.n ? NULL : im->contents.names[p->content];
}

const struct serve_rep_profile *serve_names_reputation(
	const struct serve_names *n, uint64_t version, uint32_t i)
{
	const struct image_names *im = names_find(n, version);

	return im == NULL || im->reputation == NULL || i >= im->sessions.n ? NULL
									   : &im->reputation[i];
}

const char *serve_names_context_key(const struct serve_names *n, uint32_t key)
{
	for (unsigned k = 1; k <= SERVE_NAMES_KEPT; k++) {
		const struct list *l =
			&n->image[(n->next + SERVE_NAMES_KEPT - k) % SERVE_NAMES_KEPT].contexts;

		for (uint32_t i = 0; i < l->n; i++)
			if (l->names[i] != NULL &&
				((uint32_t)pol_session_key(l->names[i]) | 1) == key)
				return l->names[i];
	}
	return NULL;
}

const char *serve_names_access(
	const struct serve_names *n, uint64_t version, uint32_t image, uint32_t rule)
{
	const uint64_t lap = UINT64_C(1) << 32;
	uint64_t of = version / lap * lap + image;
	const struct image_names *im = names_find(n, of < version ? of + lap : of);

	return im == NULL || rule == 0 || rule > im->access.n ? NULL : im->access.names[rule - 1];
}

const char *serve_names_rule(const struct serve_names *n, uint64_t version, uint32_t id)
{
	const struct image_names *im = names_find(n, version);
	const struct label key = {.id = id}, *found;

	if (im == NULL || im->nlabels == 0)
		return NULL;
	found = bsearch(&key, im->labels, im->nlabels, sizeof(key), label_compare);
	return found == NULL ? NULL : found->text;
}

// SPDX-License-Identifier: BSD-3-Clause
// Thread: the loop's.
#include "serve_services.h"

#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "serve_head.h"
#include "serve_revision.h"
#include "text.h"

LOG_COMPONENT("config");

static struct cfg *text_load(const struct serve_text *t, const char *name, const char *dir)
{
	struct err_list err;
	struct cfg *c;

	if (t->p == NULL)
		return NULL;
	err_init(&err);
	c = cfg_load_services(t->p, t->n, name, dir, &err);
	for (unsigned i = 0; c == NULL && i < err.kept; i++)
		LOG(WARNING, "start: %s", err.text[i]);
	return c;
}

static struct serve_revision *committed(struct serve_store *st, struct serve_head *head)
{
	const char *why;

	if (serve_head_load(head, st) != 0 || head->revision == 0)
		return NULL;
	return serve_revision_load(head->revision, st, &why); // torn: the file is left
}

struct cfg *serve_services_load(struct serve_store *st, const char *file)
{
	static char none[] = "{}";
	struct serve_head head;
	struct serve_revision *r = committed(st, &head);
	struct serve_text text = {0};
	char *dir = realpath(file, NULL);
	struct cfg *c = NULL;

	if (serve_file_read(file, &text.p, &text.n) != 0)
		text = (struct serve_text){0};
	// A file that is as it was when that was committed is older than what was committed.
	const bool older =
		r != NULL && text.p != NULL && head.file_hash == serve_text_hash(text.p, text.n);
	if (older)
		c = text_load(&r->text, r->name, r->dir);
	if (c == NULL)
		c = text_load(&text, file, dir == NULL ? NULL : text_folder(dir));
	if (c == NULL && r != NULL && !older)
		c = text_load(&r->text, r->name, r->dir);
	if (c == NULL) {
		LOG(ERR, "start: store and accounting server are those of no configuration");
		c = text_load(&(struct serve_text){none, sizeof(none) - 1}, "defaults", NULL);
	}
	serve_revision_free(r);
	free(text.p);
	free(dir);
	return c;
}

// SPDX-License-Identifier: BSD-3-Clause
// What the tests of a configuration's life share: see serve_life.h.
#include "serve_life.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

const char *text_of(json_t *r, const char *name)
{
	const char *s = json_string_value(json_object_get(r, name));

	return s == NULL ? "" : s;
}

void commit(struct bench *b, const char *text)
{
	json_decref(world_call(b, "config.commit", json_pack("{s:s}", "text", text)));
}

// A configuration that differs from others by its comment alone.
void commit_numbered(struct bench *b, unsigned i)
{
	char text[2048];

	(void)snprintf(text, sizeof(text), "# number %u\n%s", i, config_two);
	commit(b, text);
}

void start(struct bench *b)
{
	world_service_open(b);
	world_settle(b, "committed", true);
}

void restart(struct bench *b, const char *state)
{
	world_service_close(b);
	world_service_open(b);
	world_settle(b, state, true);
}

void path_of(struct bench *b, const char *name, char path[160])
{
	(void)snprintf(path, 160, "%s/%s", b->state, name);
}

// "3 in_force, 2 old, 1 old"
bool listed(struct bench *b, const char *want)
{
	json_t *r = world_call(b, "config.revisions", json_object()), *row;
	char *have;
	size_t i, n;
	FILE *f = open_memstream(&have, &n);
	bool same;

	assert_non_null(f);
	json_array_foreach(json_object_get(r, "revisions"), i, row)(void) fprintf(f, "%s%d %s",
		i == 0 ? "" : ", ", (int)json_integer_value(json_object_get(row, "revision")),
		text_of(row, "state"));
	assert_int_equal(fclose(f), 0);
	json_decref(r);
	same = strcmp(have, want) == 0;
	if (!same)
		print_error("listed: %s, not %s\n", have, want);
	free(have);
	return same;
}

// Name of the first policy in force.
bool policy_is(struct bench *b, const char *name)
{
	json_t *r = world_call(b, "config.get", json_object());
	char want[64];
	bool is;

	(void)snprintf(want, sizeof(want), "- name: %s\n", name);
	is = strstr(text_of(r, "text"), want) != NULL;
	json_decref(r);
	return is;
}

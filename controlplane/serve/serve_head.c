// SPDX-License-Identifier: BSD-3-Clause
// The head as JSON. Thread: the loop's.
#include "serve_head.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

// The numbers that were not confirmed.
static json_t *list_make(const struct serve_head *h)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < h->nunconfirmed; i++)
		(void)json_array_append_new(list,
			json_integer((json_int_t)h->unconfirmed[i])); // without memory: one less
	return list;
}

static char *text_make(const struct serve_head *h)
{
	char file[17], rules[17], *text;
	json_t *j;

	// As text: JSON's numbers are signed 64-bit at best.
	(void)snprintf(file, sizeof(file), "%016" PRIx64, h->file_hash);
	(void)snprintf(rules, sizeof(rules), "%016" PRIx64, h->rules_hash);
	j = json_pack("{s:I,s:I,s:I,s:s,s:s,s:I,s:I,s:I,s:o}", "revision", (json_int_t)h->revision,
		"high", (json_int_t)h->high, "boot", (json_int_t)h->boot, "start_file", file,
		"start_rules", rules, "back", (json_int_t)h->back, "confirm_until_s",
		(json_int_t)h->until_s, "confirm_s", (json_int_t)h->confirm_s, "unconfirmed",
		list_make(h));
	text = j == NULL ? NULL : json_dumps(j, JSON_INDENT(2));
	json_decref(j);
	return text;
}

static void list_take(struct serve_head *h, const json_t *list)
{
	const json_t *v;
	size_t i;

	json_array_foreach(list, i, v)
		serve_head_unconfirmed_add(h, (uint64_t)json_integer_value(v));
}

int serve_head_load(struct serve_head *h, struct serve_store *st)
{
	json_int_t revision, high, boot, back, until_s, confirm_s;
	const char *file, *rules;
	json_t *j, *list;
	char *bytes;
	size_t n;
	int rc;

	*h = (struct serve_head){0};
	rc = serve_store_read(st, SERVE_FILE_HEAD, 0, &bytes, &n);
	if (rc != 0)
		return rc;
	j = json_loadb(bytes, n, 0, NULL);
	free(bytes);
	rc = json_unpack(j, "{s:I,s:I,s:I,s:s,s:s,s:I,s:I,s:I,s:o}", "revision", &revision, "high",
		&high, "boot", &boot, "start_file", &file, "start_rules", &rules, "back", &back,
		"confirm_until_s", &until_s, "confirm_s", &confirm_s, "unconfirmed", &list);
	if (rc == 0 && revision > 0 && high >= revision && confirm_s >= 0 &&
		confirm_s <= UINT32_MAX) {
		*h = (struct serve_head){.revision = (uint64_t)revision,
			.high = (uint64_t)high,
			.boot = (uint64_t)boot,
			.file_hash = strtoull(file, NULL, 16),
			.rules_hash = strtoull(rules, NULL, 16),
			.back = (uint64_t)back,
			.until_s = until_s,
			.confirm_s = (uint32_t)confirm_s};
		list_take(h, list);
	} else {
		rc = -EINVAL;
	}
	json_decref(j);
	return rc;
}

int serve_head_save(const struct serve_head *h, struct serve_store *st)
{
	char *text = text_make(h), *old = NULL;
	size_t n;
	int rc = -ENOMEM, was;

	if (text == NULL)
		return rc;
	was = serve_store_read(st, SERVE_FILE_HEAD, 0, &old, &n);
	if (was == 0 || was == -ENOENT)
		rc = serve_store_write(
			st, SERVE_FILE_HEAD, 0, &(struct serve_blob){text, strlen(text)}, 1);
	else
		rc = was;
	// It may have got its name though the folder could not be synced.
	if (rc != 0 && was == 0)
		(void)serve_store_write(st, SERVE_FILE_HEAD, 0, &(struct serve_blob){old, n},
			1); // the first error is the one to tell
	else if (rc != 0 && was == -ENOENT)
		(void)serve_store_remove(st, SERVE_FILE_HEAD, 0);
	free(text);
	free(old);
	return rc;
}

bool serve_head_was_unconfirmed(const struct serve_head *h, uint64_t revision)
{
	for (uint32_t i = 0; i < h->nunconfirmed; i++) {
		if (h->unconfirmed[i] == revision)
			return true;
	}
	return false;
}

void serve_head_unconfirmed_add(struct serve_head *h, uint64_t revision)
{
	if (h->nunconfirmed == SERVE_UNCONFIRMED_MAX)
		memmove(h->unconfirmed, h->unconfirmed + 1,
			--h->nunconfirmed * sizeof(h->unconfirmed[0]));
	h->unconfirmed[h->nunconfirmed++] = revision;
}

// SPDX-License-Identifier: BSD-3-Clause
// A revision in the state directory, one file of three parts:
//
//   mailweir-revision 1 SUM          SUM over all that follows, 16 hexadecimal digits
//   {"revision": 12, ...}            one line of JSON with the sizes of the texts
//   the texts as they are            configuration, rules.file, rules added at run time, lists
//
// A file that was cut, changed or written by somebody else does not add up and counts as not there.
// The image lies beside it and may be missing. Thread: the loop's.
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "serve_revision.h"
#include "text.h"

#define MAGIC "mailweir-revision 1 "

enum {
	TEXTS = 3,
	SUM_HEX = 16,
	MAGIC_BYTES = sizeof(MAGIC) - 1,
	FIRST = MAGIC_BYTES + SUM_HEX + 1
};

static const char *const text_names[TEXTS] = {"config", "rules_file", "rules_local"};

// A path is bytes; JSON's strings are UTF-8.
static json_t *path_make(const char *path)
{
	json_t *j = json_string(path);
	char escaped[4096];

	return j != NULL ? j : json_string(text_escape(span_str(path), escaped, sizeof(escaped)));
}

static json_t *size_make(const struct serve_text *t)
{
	return t->p == NULL ? json_null() : json_integer((json_int_t)t->n);
}

static json_t *lists_make(const struct serve_lists *l)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < l->n; i++) {
		if (json_array_append_new(list,
			    json_pack("{s:o,s:I}", "name", path_make(l->list[i].name), "bytes",
				    (json_int_t)l->list[i].text.n)) == 0)
			continue;
		json_decref(list);
		return NULL;
	}
	return list;
}

// The line of JSON, with its end; free() it.
static char *fields_make(const struct serve_revision *r)
{
	json_t *j = json_pack("{s:I,s:I,s:I,s:I,s:I,s:o,s:o,s:s,s:s,s:o,s:o,s:o,s:o}", "revision",
		(json_int_t)r->version, "from", (json_int_t)r->from, "made_s",
		(json_int_t)r->made_s, "plus", (json_int_t)r->plus, "minus", (json_int_t)r->minus,
		"name", path_make(r->name), "dir", path_make(r->dir), "author", r->author,
		"comment", r->comment, text_names[0], size_make(&r->text), text_names[1],
		size_make(&r->shipped), text_names[2], size_make(&r->local), "lists",
		lists_make(&r->lists));
	char *text = j == NULL ? NULL : json_dumps(j, JSON_COMPACT), *line = NULL;

	json_decref(j);
	if (text != NULL && asprintf(&line, "%s\n", text) < 0)
		line = NULL;
	free(text);
	return line;
}

static int image_store(const struct serve_revision *r, struct serve_store *st)
{
	return serve_store_write(st, SERVE_FILE_IMAGE, r->version,
		&(struct serve_blob){r->image, r->image_bytes}, 1);
}

static void texts_write(const struct serve_revision *r, FILE *f)
{
	const struct serve_text *texts[TEXTS] = {&r->text, &r->shipped, &r->local};

	for (unsigned i = 0; i < TEXTS; i++) {
		if (texts[i]->n > 0)
			(void)fwrite(texts[i]->p, 1, texts[i]->n, f); // the stream remembers an error
	}
	for (uint32_t i = 0; i < r->lists.n; i++) {
		if (r->lists.list[i].text.n > 0)
			(void)fwrite(r->lists.list[i].text.p, 1, r->lists.list[i].text.n, f); // as above
	}
}

int serve_revision_store(const struct serve_revision *r, struct serve_store *st)
{
	char *fields = fields_make(r), *bytes = NULL, first[FIRST + 1];
	size_t n = 0;
	FILE *f = fields == NULL ? NULL : open_memstream(&bytes, &n);
	int rc = -ENOMEM;

	if (f != NULL) {
		(void)fputs(fields, f); // the stream remembers an error
		texts_write(r, f);
		rc = fclose(f) == 0 ? 0 : -ENOMEM;
	}
	if (rc == 0) {
		(void)snprintf(
			first, sizeof(first), MAGIC "%016" PRIx64 "\n", serve_text_hash(bytes, n));
		rc = image_store(r, st);
	}
	if (rc == 0)
		rc = serve_store_write(st, SERVE_FILE_REVISION, r->version,
			(struct serve_blob[]){{first, FIRST}, {bytes, n}}, 2);
	if (rc != 0)
		serve_revision_unstore(r->version, st);
	free(fields);
	free(bytes);
	return rc;
}

void serve_revision_unstore(uint64_t version, struct serve_store *st)
{
	(void)serve_store_remove(st, SERVE_FILE_REVISION, version); // else at the next start
	(void)serve_store_remove(st, SERVE_FILE_IMAGE, version);
}

static bool fields_take(struct serve_revision *r, json_t *j)
{
	json_int_t version, from, made_s, plus, minus;
	const char *name, *dir, *author, *comment;

	if (json_unpack(j, "{s:I,s:I,s:I,s:I,s:I,s:s,s:s,s:s,s:s}", "revision", &version, "from",
		    &from, "made_s", &made_s, "plus", &plus, "minus", &minus, "name", &name, "dir",
		    &dir, "author", &author, "comment", &comment) != 0)
		return false;
	r->version = (uint64_t)version;
	r->from = (uint64_t)from;
	r->made_s = made_s;
	r->plus = (uint32_t)plus;
	r->minus = (uint32_t)minus;
	(void)text_copy(r->author, sizeof(r->author), author); // cut where longer
	(void)text_copy(r->comment, sizeof(r->comment), comment);
	r->name = strdup(name);
	r->dir = strdup(dir);
	return r->name != NULL && r->dir != NULL;
}

// The lists at the end; a revision of before there were any says nothing of them.
static bool lists_take(struct serve_revision *r, const json_t *j, const char *p, size_t n)
{
	const json_t *list = json_object_get(j, "lists"), *one;
	size_t i;

	if (list != NULL && !json_is_array(list))
		return false;
	json_array_foreach(list, i, one)
	{
		const char *name = json_string_value(json_object_get(one, "name"));
		const json_t *size = json_object_get(one, "bytes");
		json_int_t k = json_integer_value(size);

		if (name == NULL || !serve_list_is_name(name) || !json_is_integer(size) || k < 0 ||
			(uint64_t)k > n || serve_lists_add(&r->lists, name, p, (size_t)k) != 0)
			return false;
		p += k;
		n -= (size_t)k;
	}
	return n == 0;
}

// The texts behind the line of JSON: exactly as many bytes as it says.
static bool texts_take(struct serve_revision *r, const json_t *j, const char *p, size_t n)
{
	struct serve_text *texts[TEXTS] = {&r->text, &r->shipped, &r->local};

	for (unsigned i = 0; i < TEXTS; i++) {
		const json_t *size = json_object_get(j, text_names[i]);
		json_int_t k = json_integer_value(size);

		if (json_is_null(size))
			continue;
		if (!json_is_integer(size) || k < 0 || (uint64_t)k > n ||
			serve_text_set(texts[i], p, (size_t)k) != 0)
			return false;
		p += k;
		n -= (size_t)k;
	}
	return lists_take(r, j, p, n) && r->text.p != NULL;
}

// Why the bytes are no revision; NULL where they are one, which *r then has.
static const char *bytes_take(struct serve_revision *r, const char *bytes, size_t n)
{
	const char *line = bytes + FIRST, *end;
	char sum[SUM_HEX + 1];
	bool whole;
	json_t *j;

	if (n < FIRST || memcmp(bytes, MAGIC, MAGIC_BYTES) != 0 || line[-1] != '\n')
		return "is no revision";
	(void)snprintf(sum, sizeof(sum), "%016" PRIx64, serve_text_hash(line, n - FIRST));
	if (memcmp(sum, bytes + MAGIC_BYTES, SUM_HEX) != 0)
		return "is torn or was changed: its sum is another";
	end = memchr(line, '\n', n - FIRST);
	j = end == NULL ? NULL : json_loadb(line, (size_t)(end - line), 0, NULL);
	whole = j != NULL && fields_take(r, j) &&
		texts_take(r, j, end + 1, n - (size_t)(end + 1 - bytes));
	json_decref(j);
	return whole ? NULL : "has other fields than it should";
}

static void image_load(struct serve_revision *r, struct serve_store *st)
{
	struct err_list err;
	char *bytes;
	size_t n;

	err_init(&err);
	if (serve_store_read(st, SERVE_FILE_IMAGE, r->version, &bytes, &n) != 0 ||
		serve_revision_image(r, (uint8_t *)bytes, n, &err) != 0)
		return; // it is made again
	if (pol_head(r->pol)->version != r->version || pol_head(r->pol)->made_s != r->made_s)
		r->pol = NULL; // of another revision
}

struct serve_revision *serve_revision_load(
	uint64_t version, struct serve_store *st, const char **why)
{
	struct serve_revision *r = serve_revision_new();
	char *bytes;
	size_t n;
	int rc;

	*why = "out of memory";
	if (r == NULL)
		return NULL;
	rc = serve_store_read(st, SERVE_FILE_REVISION, version, &bytes, &n);
	if (rc != 0) {
		*why = strerror(-rc);
	} else {
		*why = bytes_take(r, bytes, n);
		free(bytes);
	}
	if (*why == NULL && r->version != version)
		*why = "is another revision than its name says";
	if (*why != NULL) {
		serve_revision_free(r);
		return NULL;
	}
	image_load(r, st);
	return r;
}

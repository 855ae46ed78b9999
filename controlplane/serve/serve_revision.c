// SPDX-License-Identifier: BSD-3-Clause
// Building a revision from texts, and keeping one in the state directory.
// Thread: the loop's.
#include "serve_revision.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "hash.h"
#include "text.h"

enum { RULE_LINE_MAX = 16 << 10 };

// A fixed key: the hash tells change from no change, it guards against nobody.
static const uint8_t hash_key[16] = "mailweir-rev-key";

struct serve_revision *serve_revision_new(void)
{
	return calloc(1, sizeof(struct serve_revision));
}

void serve_revision_free(struct serve_revision *r)
{
	if (r == NULL)
		return;
	if (r->cfg != NULL)
		cfg_free(r->cfg);
	if (r->shipped_rules != NULL)
		cfg_rules_free(r->shipped_rules);
	if (r->local_rules != NULL)
		cfg_rules_free(r->local_rules);
	free(r->text.p);
	free(r->shipped.p);
	free(r->local.p);
	free(r->name);
	free(r->dir);
	free(r->image);
	free(r);
}

int serve_text_set(struct serve_text *t, const char *p, size_t n)
{
	char *copy = malloc(n + 1);

	if (copy == NULL)
		return -ENOMEM;
	memcpy(copy, p, n);
	copy[n] = '\0';
	free(t->p);
	*t = (struct serve_text){copy, n};
	return 0;
}

uint64_t serve_text_hash(const char *p, size_t n)
{
	return hash_siphash(hash_key, p, n);
}

int serve_revision_parse(
	struct serve_revision *r, bool read_shipped, const char *local_path, struct err_list *err)
{
	const char *path;
	int rc;

	r->cfg = cfg_load_text(r->text.p, r->text.n, r->name, r->dir, err);
	if (r->cfg == NULL)
		return -EINVAL;
	path = r->cfg->rules.file;
	if (read_shipped && path != NULL && *path != '\0') {
		free(r->shipped.p);
		r->shipped = (struct serve_text){0};
		rc = serve_file_read(path, &r->shipped.p, &r->shipped.n);
		if (rc != 0) {
			err_at(err, r->cfg->rules.at.file, r->cfg->rules.at.line,
				r->cfg->rules.at.col, "rules.file: %s: cannot be opened; %s", path,
				strerror(-rc));
			return -EINVAL;
		}
	}
	if (r->shipped.p != NULL)
		r->shipped_rules = cfg_rules_load_text(r->shipped.p, r->shipped.n, path, err);
	if (r->local.p != NULL)
		r->local_rules = cfg_rules_load_text(r->local.p, r->local.n, local_path, err);
	if ((r->shipped.p != NULL && r->shipped_rules == NULL) ||
		(r->local.p != NULL && r->local_rules == NULL))
		return -EINVAL;
	return 0;
}

int serve_revision_image(struct serve_revision *r, uint8_t *bytes, size_t n, struct err_list *err)
{
	int rc = pol_verify((struct span){bytes, n}, &r->pol, err);

	if (rc != 0) {
		free(bytes);
		r->pol = NULL;
		return rc;
	}
	r->image = bytes;
	r->image_bytes = n;
	return 0;
}

uint64_t serve_revision_hash(const struct serve_revision *r)
{
	const struct serve_text *texts[] = {&r->text, &r->shipped, &r->local};
	uint64_t sum[6] = {POL_BUILD, POL_FORMAT};

	for (unsigned i = 0; i < 3; i++)
		sum[2 + i] = texts[i]->p == NULL ? 0 : serve_text_hash(texts[i]->p, texts[i]->n);
	sum[5] = r->dir == NULL ? 0 : serve_text_hash(r->dir, strlen(r->dir));
	return hash_siphash(hash_key, sum, sizeof(sum));
}

static int rule_write(FILE *f, const struct cfg_rule *rule)
{
	char line[RULE_LINE_MAX];
	int rc = cfg_rule_format(rule, line, sizeof(line));

	if (rc != 0)
		return rc;
	if (rule->label != NULL && *rule->label != '\0')
		(void)fprintf(f, "#: %s\n", rule->label); // the stream remembers an error
	(void)fprintf(f, "%s\n", line);
	return 0;
}

static int rules_write(const struct cfg_ruleset *local, uint32_t skip, const struct cfg_rule *more,
	struct serve_text *out)
{
	FILE *f = open_memstream(&out->p, &out->n);
	int rc = 0;

	if (f == NULL)
		return -ENOMEM;
	(void)fputs("# Rules added at run time. Written by mailweir-controlplane; the next `rules "
		    "add` or\n# `rules del` writes it anew.\n",
		f); // the stream remembers an error
	for (uint32_t i = 0; rc == 0 && local != NULL && i < local->n; i++) {
		if (local->rules[i].id != skip)
			rc = rule_write(f, &local->rules[i]);
	}
	if (rc == 0 && more != NULL)
		rc = rule_write(f, more);
	if (fclose(f) != 0 && rc == 0)
		rc = -ENOMEM;
	if (rc != 0) {
		free(out->p);
		*out = (struct serve_text){0};
	}
	return rc;
}

// Into the file's form: a literal with its escapes, a blank in front of a regex as its code.
static int text_write(const struct cfg_rule *rule, char *out, size_t cap)
{
	bool blank = rule->text[0] == ' ' || rule->text[0] == '\t';
	int n;

	if (rule->literal)
		return cfg_literal_write(span_str(rule->text), out, cap);
	n = snprintf(out, cap, "%s%s",
		!blank                         ? ""
			: rule->text[0] == ' ' ? "\\x20"
					       : "\\x09",
		rule->text + blank);
	return n < 0 || (size_t)n >= cap ? -ENOSPC : 0;
}

int serve_rules_with(const struct cfg_ruleset *local, const struct cfg_rule *rule,
	struct serve_text *out, struct err_list *err)
{
	struct cfg_rule written = *rule;
	char text[RULE_LINE_MAX];
	int rc = text_write(rule, text, sizeof(text));

	written.text = text;
	if (rule->label != NULL && strpbrk(rule->label, "\r\n") != NULL)
		rc = -EINVAL;
	if (rc == 0)
		rc = rules_write(local, 0, &written, out);
	if (rc == -EINVAL)
		err_add(err, "rule %" PRIu32 ": text or label is empty or holds a line end",
			rule->id);
	if (rc == -ENOSPC)
		err_add(err, "rule %" PRIu32 ": text is too long", rule->id);
	return rc == -ENOSPC ? -EINVAL : rc;
}

int serve_rules_without(const struct cfg_ruleset *local, uint32_t id, struct serve_text *out)
{
	for (uint32_t i = 0; local != NULL && i < local->n; i++) {
		if (local->rules[i].id == id)
			return rules_write(local, id, NULL, out);
	}
	return -ENOENT;
}

uint32_t serve_rules_next_id(const struct serve_revision *r)
{
	const struct cfg_ruleset *sets[] = {r->shipped_rules, r->local_rules};
	uint32_t next = SERVE_RULE_ID_FIRST;

	for (unsigned s = 0; s < 2; s++) {
		for (uint32_t i = 0; sets[s] != NULL && i < sets[s]->n; i++) {
			if (sets[s]->rules[i].id >= next && sets[s]->rules[i].id < UINT32_MAX)
				next = sets[s]->rules[i].id + 1;
		}
	}
	return next;
}

static json_t *head_make(const struct serve_revision *r)
{
	char hash[17], file_hash[17];

	// As text: JSON's numbers are signed 64-bit at best.
	(void)snprintf(hash, sizeof(hash), "%016" PRIx64, r->made_of);
	(void)snprintf(file_hash, sizeof(file_hash), "%016" PRIx64, r->file_hash);
	return json_pack("{s:I,s:I,s:I,s:s,s:s,s:s,s:s,s:s,s:s}", "revision",
		(json_int_t)r->version, "made_s", (json_int_t)r->made_s, "boot",
		(json_int_t)r->boot, "made_of", hash, "start_file", file_hash, "name", r->name,
		"dir", r->dir, "author", r->author, "comment", r->comment);
}

static char *head_text(const struct serve_revision *r)
{
	json_t *head = head_make(r);
	char *text = head == NULL ? NULL : json_dumps(head, JSON_INDENT(2));

	json_decref(head);
	return text;
}

int serve_revision_prepare(const struct serve_revision *r, struct serve_store *st)
{
	char *text = head_text(r);
	int rc;

	if (text == NULL)
		return -ENOMEM;
	rc = serve_store_prepare(st,
		(struct serve_blob[SERVE_FILE_COUNT]){
			[SERVE_FILE_IMAGE] = {r->image, r->image_bytes},
			[SERVE_FILE_CONFIG] = {r->text.p, r->text.n},
			[SERVE_FILE_RULES] = {r->local.p, r->local.n},
			[SERVE_FILE_HEAD] = {text, strlen(text)},
		});
	free(text);
	return rc;
}

int serve_revision_note(const struct serve_revision *r, struct serve_store *st)
{
	char *text = head_text(r);
	int rc;

	if (text == NULL)
		return -ENOMEM;
	rc = serve_store_prepare(st,
		(struct serve_blob[SERVE_FILE_COUNT]){[SERVE_FILE_HEAD] = {text, strlen(text)}});
	free(text);
	return rc == 0 ? serve_store_commit(st) : rc;
}

static int head_take(struct serve_revision *r, struct serve_store *st)
{
	json_int_t version, made_s, boot;
	const char *made_of, *file_hash, *name, *dir, *author, *comment;
	char *bytes;
	size_t n;
	json_t *head;
	int rc = serve_store_read(st, SERVE_FILE_HEAD, &bytes, &n);

	if (rc != 0)
		return rc;
	head = json_loadb(bytes, n, 0, NULL);
	free(bytes);
	rc = json_unpack(head, "{s:I,s:I,s:I,s:s,s:s,s:s,s:s,s:s,s:s}", "revision", &version,
		"made_s", &made_s, "boot", &boot, "made_of", &made_of, "start_file", &file_hash,
		"name", &name, "dir", &dir, "author", &author, "comment", &comment);
	if (rc == 0) {
		r->version = (uint64_t)version;
		r->made_s = made_s;
		r->boot = (uint64_t)boot;
		r->made_of = strtoull(made_of, NULL, 16);
		r->file_hash = strtoull(file_hash, NULL, 16);
		(void)text_copy(r->author, sizeof(r->author), author); // cut where longer
		(void)text_copy(r->comment, sizeof(r->comment), comment);
		r->name = strdup(name);
		r->dir = strdup(dir);
		rc = r->name == NULL || r->dir == NULL ? -ENOMEM : 0;
	} else {
		rc = -EINVAL;
	}
	json_decref(head);
	return rc;
}

struct serve_revision *serve_revision_load(struct serve_store *st)
{
	struct serve_revision *r = serve_revision_new();
	struct err_list err;
	char *bytes;
	size_t n;

	if (r == NULL)
		return NULL;
	if (head_take(r, st) != 0 ||
		serve_store_read(st, SERVE_FILE_CONFIG, &r->text.p, &r->text.n) != 0) {
		serve_revision_free(r);
		return NULL;
	}
	err_init(&err);
	if (serve_store_read(st, SERVE_FILE_IMAGE, &bytes, &n) == 0 &&
		serve_revision_image(r, (uint8_t *)bytes, n, &err) == 0 &&
		pol_head(r->pol)->version != r->version)
		r->pol = NULL; // of another revision: a stop between two renames
	return r;
}

// SPDX-License-Identifier: BSD-3-Clause
// Building a revision from texts: parsing, and the text of rules added at run time.
// Thread: the loop's.
#include "serve_revision.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "text.h"

enum { RULE_LINE_MAX = 16 << 10 };

// A fixed key: the hash tells change from no change, it guards against nobody.
static const uint8_t hash_key[16] = "mailweir-rev-key";

struct serve_revision *serve_revision_new(void)
{
	return calloc(1, sizeof(struct serve_revision));
}

static void parsed_free(struct serve_revision *r)
{
	if (r->cfg != NULL)
		cfg_free(r->cfg);
	if (r->shipped_rules != NULL)
		cfg_rules_free(r->shipped_rules);
	if (r->local_rules != NULL)
		cfg_rules_free(r->local_rules);
	r->cfg = NULL;
	r->shipped_rules = r->local_rules = NULL;
}

void serve_revision_free(struct serve_revision *r)
{
	if (r == NULL)
		return;
	parsed_free(r);
	free(r->text.p);
	free(r->shipped.p);
	free(r->local.p);
	serve_lists_fini(&r->lists);
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

int serve_path_hash(const char *path, uint64_t *hash)
{
	char *bytes;
	size_t n;
	int rc;

	*hash = 0;
	if (path == NULL || *path == '\0')
		return 0;
	rc = serve_file_read(path, &bytes, &n);
	if (rc != 0)
		return rc == -ENOMEM || rc == -EMFILE || rc == -ENFILE || rc == -EIO ? rc : 0;
	*hash = serve_text_hash(bytes, n);
	free(bytes);
	return 0;
}

int serve_revision_parse(struct serve_revision *r, bool read_shipped, struct err_list *err)
{
	const char *path;
	int rc;

	parsed_free(r);
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
				rc == -EINVAL ? "it is no regular file" : strerror(-rc));
			return -EINVAL;
		}
	}
	if (r->shipped.p != NULL && (path == NULL || *path == '\0')) {
		err_at(err, r->name, 0, 0,
			"rules.file: left out; but rules of such a file are given with it");
		return -EINVAL;
	}
	if (r->shipped.p != NULL)
		r->shipped_rules = cfg_rules_load_text(r->shipped.p, r->shipped.n, path, err);
	if (r->local.p != NULL)
		r->local_rules = cfg_rules_load_text(r->local.p, r->local.n, SERVE_RULES_LOCAL, err);
	if ((r->shipped.p != NULL && r->shipped_rules == NULL) ||
		(r->local.p != NULL && r->local_rules == NULL))
		return -EINVAL;
	return serve_lists_take(r, err) == 0 ? 0 : -EINVAL;
}

struct compile_job *serve_revision_compile(const struct serve_revision *r, struct err_list *err)
{
	const struct cfg_ruleset *sets[2];
	struct compile_input in = {
		.cfg = r->cfg, .rulesets = sets, .version = r->version, .made_s = r->made_s};
	struct compile_file *files;
	struct compile_job *job = NULL;
	int why = ENOMEM;

	if (r->shipped_rules != NULL)
		sets[in.nrulesets++] = r->shipped_rules;
	if (r->local_rules != NULL)
		sets[in.nrulesets++] = r->local_rules;
	if (serve_lists_files(r, &files, &in.nfiles) == 0) {
		in.files = files;
		job = compile_start(&in, err);
		why = errno;
		free(files); // as all else, it was copied
	}
	errno = why;
	return job;
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

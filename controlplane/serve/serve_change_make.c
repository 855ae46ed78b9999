// SPDX-License-Identifier: BSD-3-Clause
// From texts to a verified image: a configuration from a file or a client, or the one in force with a
// rule more or less or its policies changed. The compilation runs in a child.
// Thread: the loop's.
#include "serve_change_int.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core_link.h"
#include "core_loop.h"
#include "serve_diff.h"
#include "serve_place.h"
#include "serve_radius.h"
#include "text.h"

// Writes the candidate down before anybody has it: afterwards one rename puts it in force.
static int candidate_store(struct change *ch)
{
	struct serve_changes *c = ch->owner;
	struct serve_revision *r = ch->cand;
	struct serve_diff_lines lines = {0};
	int rc = 0;

	if (r->local.p != NULL)
		rc = serve_text_set(&ch->local, r->local.p, r->local.n);
	if (rc == 0)
		rc = serve_diff_revisions(NULL, c->current, r, &lines);
	r->plus = lines.plus;
	r->minus = lines.minus;
	if (rc == 0)
		rc = serve_revision_store(r, c->store);
	ch->stored = rc == 0;
	ch->store_rc = rc;
	return rc;
}

static void candidate_push(struct change *ch, uint8_t *bytes, size_t n)
{
	int rc;

	if (serve_revision_image(ch->cand, bytes, n, &ch->err) != 0) {
		serve_change_fail(ch, API_RPC_ERR_INTERNAL,
			"the compiled image does not verify: %s",
			ch->err.kept > 0 ? ch->err.text[ch->err.kept - 1] : "");
		return;
	}
	rc = candidate_store(ch);
	if (rc != 0 && ch->kind != KIND_START) {
		serve_change_fail(ch, API_RPC_ERR_INTERNAL, "control.state_dir: cannot store: %s",
			strerror(-rc));
		return;
	}
	serve_change_push(ch, ch->cand);
}

static void on_compiled(void *arg, struct compile_job *job, int rc, struct err_list *err)
{
	struct change *ch = arg;
	uint8_t *bytes;
	size_t n;

	ch->child = NULL; // freed behind this callback
	err_append(&ch->err, err);
	if (rc == 1 && compile_take(job, &bytes, &n) == 0)
		candidate_push(ch, bytes, n);
	else if (rc == -EINVAL)
		serve_change_fail(ch, API_RPC_ERR_CONFIG, "bad rules or configuration");
	else
		serve_change_fail(ch, API_RPC_ERR_INTERNAL, "the compilation failed: %s",
			err->kept > 0 ? err->text[0] : strerror(rc < 0 ? -rc : EIO));
}

static void candidate_compile(struct change *ch)
{
	struct serve_changes *c = ch->owner;
	struct serve_revision *r = ch->cand;
	struct compile_job *job;

	r->version = c->high + 1;
	r->made_s = time(NULL);
	job = serve_revision_compile(r, &ch->err);
	if (job == NULL && errno == EINVAL) {
		serve_change_fail(ch, API_RPC_ERR_CONFIG, "bad configuration or rules");
		return;
	}
	if (job == NULL) {
		serve_change_fail(ch, API_RPC_ERR_INTERNAL, "the compilation cannot start: %s",
			ch->err.kept > 0 ? ch->err.text[0] : "out of memory");
		return;
	}
	ch->child = serve_child_watch(core_loop_base(c->loop), job, on_compiled, ch);
	if (ch->child == NULL)
		serve_change_fail(ch, API_RPC_ERR_INTERNAL, "out of memory");
}

// The configuration of a commit or of a start: given with it, or the file.
static int text_take(struct change *ch)
{
	struct serve_changes *c = ch->owner;
	struct serve_text *text = &ch->cand->text;
	int rc = 0;

	if (!ch->last_good) // else 0: it is tried next time
		rc = serve_path_hash(c->file, &ch->file_hash);
	if (rc != 0)
		return rc;
	if (ch->whole != NULL)
		return serve_text_set(text, ch->whole->text.p, ch->whole->text.n);
	if (ch->text.p != NULL)
		return serve_text_set(text, ch->text.p, ch->text.n);
	rc = serve_file_read(c->file, &text->p, &text->n);
	if (rc == 0)
		ch->file_hash = serve_text_hash(text->p, text->n);
	return rc;
}

// The rules of a candidate before anything is read from disk.
static int rules_take(struct change *ch)
{
	const struct serve_text *local = &ch->owner->local, *shipped = NULL;
	struct serve_revision *r = ch->cand;
	int rc = 0;

	if (ch->whole != NULL) {
		local = &ch->whole->local;
		shipped = &ch->whole->shipped;
	}
	if (local->p != NULL)
		rc = serve_text_set(&r->local, local->p, local->n);
	if (rc == 0 && shipped != NULL && shipped->p != NULL)
		rc = serve_text_set(&r->shipped, shipped->p, shipped->n);
	if (rc == 0 && ch->whole != NULL && !ch->read_rules)
		rc = serve_lists_copy(&r->lists, &ch->whole->lists);
	return rc;
}

static int candidate_new(struct change *ch, const char *name, const char *dir)
{
	struct serve_revision *r = ch->cand = serve_revision_new();

	if (r == NULL)
		return -ENOMEM;
	(void)text_copy(r->author, sizeof(r->author), ch->author); // both fit
	(void)text_copy(r->comment, sizeof(r->comment), ch->comment);
	r->from = ch->whole != NULL ? ch->whole->version : 0;
	r->name = strdup(name);
	r->dir = strdup(dir);
	return r->name == NULL || r->dir == NULL ? -ENOMEM : 0;
}

// A candidate with the texts of a configuration and of the rules added at run time.
static int candidate_texts(struct change *ch)
{
	const struct serve_changes *c = ch->owner;
	const char *name = ch->name != NULL ? ch->name : c->file;
	const char *dir = ch->dir != NULL ? ch->dir : c->dir;
	int rc;

	if (ch->whole != NULL) {
		name = ch->whole->name;
		dir = ch->whole->dir;
	}
	rc = candidate_new(ch, name, dir);
	if (rc == 0)
		rc = text_take(ch);
	return rc == 0 ? rules_take(ch) : rc;
}

int serve_change_judge(const struct cfg *c, struct err_list *err)
{
	const int radius = serve_radius_judge(c, err);
	const int place = serve_place_judge(&c->reputation, err);

	return radius != 0 ? radius : place;
}

void serve_change_config(struct change *ch)
{
	struct serve_changes *c = ch->owner;
	bool read = ch->whole == NULL || ch->whole->shipped.p == NULL || ch->read_rules;
	int rc = candidate_texts(ch);

	if (rc != 0) {
		err_add(&ch->err, "%s: %s", ch->name != NULL ? ch->name : c->file, strerror(-rc));
		serve_change_fail(ch, API_RPC_ERR_CONFIG, "%s", ch->err.text[0]);
		return;
	}
	rc = serve_revision_parse(ch->cand, read, &ch->err);
	if (rc != 0) {
		serve_change_fail(ch, API_RPC_ERR_CONFIG, "bad configuration or rules");
		return;
	}
	rc = serve_lists_hash(ch->cand->cfg, &ch->rules_hash);
	if (rc != 0) {
		serve_change_fail(ch, API_RPC_ERR_INTERNAL, "rules.file and lists: %s", strerror(-rc));
		return;
	}
	// At a start a secret that is gone is no reason to leave mail unread: its NAS is left out. Nor are countries.
	if (ch->kind != KIND_START && serve_change_judge(ch->cand->cfg, &ch->err) != 0) {
		serve_change_fail(ch, API_RPC_ERR_CONFIG, "bad configuration or rules");
		return;
	}
	if (ch->kind != KIND_START)
		serve_changes_warn_restart(c, ch->cand, &ch->err);
	candidate_compile(ch);
}

static bool rule_is_shipped(const struct serve_revision *r, uint32_t id)
{
	for (uint32_t i = 0; r->shipped_rules != NULL && i < r->shipped_rules->n; i++) {
		if (r->shipped_rules->rules[i].id == id)
			return true;
	}
	return false;
}

// New text of the rules added at run time in *out; false where the change has ended.
static bool rules_text(struct change *ch, struct serve_text *out)
{
	struct serve_revision *cur = ch->owner->current;
	int rc;

	if (ch->kind == KIND_RULE_ADD) {
		if (ch->rule.id == 0)
			ch->rule.id = serve_rules_next_id(cur);
		rc = serve_rules_with(cur->local_rules, &ch->rule, out, &ch->err);
	} else {
		rc = serve_rules_without(cur->local_rules, ch->rule.id, out);
	}
	if (rc == 0)
		return true;
	if (rc == -EINVAL)
		serve_change_fail(ch, API_RPC_ERR_CONFIG, "bad rule");
	else if (rc == -ENOENT && rule_is_shipped(cur, ch->rule.id))
		serve_change_fail(ch, API_RPC_ERR_NOT_FOUND,
			"rule %" PRIu32 " was not added at run time: it is in %s", ch->rule.id,
			cur->cfg->rules.file);
	else if (rc == -ENOENT)
		serve_change_fail(ch, API_RPC_ERR_NOT_FOUND, "no rule %" PRIu32, ch->rule.id);
	else
		serve_change_fail(ch, API_RPC_ERR_INTERNAL, "%s", strerror(-rc));
	return false;
}

// Of a candidate that is the one in force but for a change: its files as they were taken, whatever they
// say meanwhile, and nothing said about them.
static int files_as_in_force(struct change *ch, int rc)
{
	const struct serve_changes *c = ch->owner;
	const struct serve_revision *cur = c->current;

	if (rc == 0 && cur->shipped.p != NULL)
		rc = serve_text_set(&ch->cand->shipped, cur->shipped.p, cur->shipped.n);
	if (rc == 0)
		rc = serve_lists_copy(&ch->cand->lists, &cur->lists);
	ch->file_hash = c->head.file_hash;
	ch->rules_hash = c->head.rules_hash;
	return rc;
}

// The one in force with other rules added at run time; `local` is taken.
static int rule_candidate(struct change *ch, struct serve_text local)
{
	const struct serve_revision *cur = ch->owner->current;
	int rc = candidate_new(ch, cur->name, cur->dir);

	if (ch->cand == NULL) {
		free(local.p);
		return rc;
	}
	ch->cand->local = local;
	if (rc == 0)
		rc = serve_text_set(&ch->cand->text, cur->text.p, cur->text.n);
	return files_as_in_force(ch, rc);
}

void serve_change_rule(struct change *ch)
{
	struct serve_revision *cur = ch->owner->current;
	struct serve_text local;
	int rc;

	if (cur == NULL || cur->cfg == NULL) {
		serve_change_fail(ch, API_RPC_ERR_CONFIG, "no usable configuration is in force");
		return;
	}
	if (!rules_text(ch, &local))
		return;
	rc = rule_candidate(ch, local);
	if (rc != 0)
		serve_change_fail(ch, API_RPC_ERR_INTERNAL, "%s", strerror(-rc));
	else if (serve_revision_parse(ch->cand, false, &ch->err) != 0)
		serve_change_fail(ch, API_RPC_ERR_CONFIG, "bad rule");
	else
		candidate_compile(ch);
}

// The text of what is in force with its policies changed, in ch->text; false where the change has
// ended.
static bool policies_text(struct change *ch)
{
	struct serve_revision *cur = ch->owner->current;
	int rc = cfg_edit_policies(cur->cfg, &ch->edit, &ch->text.p, &ch->index, &ch->err);

	if (rc == 0)
		ch->text.n = strlen(ch->text.p);
	else if (rc == -ENOENT)
		serve_change_fail(ch, API_RPC_ERR_NOT_FOUND, "%s", ch->err.text[0]);
	else if (rc == -EINVAL)
		serve_change_fail(ch, API_RPC_ERR_CONFIG, "bad policy");
	else
		serve_change_fail(ch, API_RPC_ERR_INTERNAL, "%s", strerror(-rc));
	return rc == 0;
}

// The one in force with that text.
static int policies_candidate(struct change *ch)
{
	const struct serve_revision *cur = ch->owner->current;
	int rc = candidate_new(ch, cur->name, cur->dir);

	if (rc == 0)
		rc = serve_text_set(&ch->cand->text, ch->text.p, ch->text.n);
	if (rc == 0)
		rc = rules_take(ch);
	return files_as_in_force(ch, rc);
}

void serve_change_policy(struct change *ch)
{
	const struct serve_revision *cur = ch->owner->current;
	int rc;

	if (cur == NULL || cur->cfg == NULL) {
		serve_change_fail(ch, API_RPC_ERR_CONFIG, "no usable configuration is in force");
		return;
	}
	if (!policies_text(ch))
		return;
	rc = policies_candidate(ch);
	if (rc != 0)
		serve_change_fail(ch, API_RPC_ERR_INTERNAL, "%s", strerror(-rc));
	else if (serve_revision_parse(ch->cand, false, &ch->err) != 0)
		serve_change_fail(ch, API_RPC_ERR_CONFIG, "bad policy");
	else
		candidate_compile(ch);
}

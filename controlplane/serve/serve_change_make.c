// SPDX-License-Identifier: BSD-3-Clause
// From texts to a verified image: a configuration from a file or a client, or the one in force with a
// rule more or less. The compilation runs in a child.
// Thread: the loop's.
#include "serve_change_int.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core_link.h"
#include "core_loop.h"
#include "text.h"

static void candidate_push(struct change *ch, uint8_t *bytes, size_t n)
{
	struct serve_changes *c = ch->owner;
	int rc;

	if (serve_revision_image(ch->cand, bytes, n, &ch->err) != 0) {
		serve_change_fail(ch, API_RPC_ERR_INTERNAL,
			"the compiled image does not verify: %s",
			ch->err.kept > 0 ? ch->err.text[ch->err.kept - 1] : "");
		return;
	}
	if (core_link_is_attached(c->link)) // what the head file will say once this is confirmed
		ch->cand->boot = core_link_hello(c->link)->boot;
	ch->cand->made_of = serve_revision_hash(ch->cand);
	rc = serve_revision_prepare(ch->cand, c->store);
	if (rc != 0) {
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
	const struct cfg_ruleset *sets[2];
	struct compile_input in = {.cfg = r->cfg, .rulesets = sets};
	struct compile_job *job;

	if (r->shipped_rules != NULL)
		sets[in.nrulesets++] = r->shipped_rules;
	if (r->local_rules != NULL)
		sets[in.nrulesets++] = r->local_rules;
	in.version = r->version = c->high + 1;
	in.made_s = r->made_s = time(NULL);
	job = compile_start(&in, &ch->err);
	if (job == NULL) {
		serve_change_fail(ch, API_RPC_ERR_INTERNAL, "the compilation cannot start: %s",
			ch->err.kept > 0 ? ch->err.text[0] : "out of memory");
		return;
	}
	ch->child = serve_child_watch(core_loop_base(c->loop), job, on_compiled, ch);
	if (ch->child == NULL)
		serve_change_fail(ch, API_RPC_ERR_INTERNAL, "out of memory");
}

static uint64_t file_hash_now(const struct serve_changes *c)
{
	char *bytes;
	uint64_t hash;
	size_t n;

	if (serve_file_read(c->file, &bytes, &n) != 0)
		return 0;
	hash = serve_text_hash(bytes, n);
	free(bytes);
	return hash;
}

// A candidate with the texts of a configuration and of the rules added at run time.
static int candidate_texts(struct change *ch)
{
	struct serve_changes *c = ch->owner;
	struct serve_revision *r = ch->cand = serve_revision_new();
	int rc = 0;

	if (r == NULL)
		return -ENOMEM;
	r->file_hash = ch->last_good ? 0 : file_hash_now(c); // 0: the file is tried again next time
	(void)text_copy(r->author, sizeof(r->author), ch->author); // both fit
	(void)text_copy(r->comment, sizeof(r->comment), ch->comment);
	if (ch->kind == KIND_RULE_ADD || ch->kind == KIND_RULE_DEL)
		rc = serve_text_set(&r->text, c->current->text.p, c->current->text.n);
	else if (ch->text.p == NULL)
		rc = serve_file_read(c->file, &r->text.p, &r->text.n);
	else
		rc = serve_text_set(&r->text, ch->text.p, ch->text.n);
	if (rc == 0 && c->local.p != NULL)
		rc = serve_text_set(&r->local, c->local.p, c->local.n);
	r->name = strdup(ch->name != NULL ? ch->name : c->file);
	r->dir = strdup(ch->dir != NULL ? ch->dir : c->dir);
	return r->name == NULL || r->dir == NULL ? -ENOMEM : rc;
}

void serve_change_config(struct change *ch)
{
	struct serve_changes *c = ch->owner;
	int rc = candidate_texts(ch);

	if (rc != 0) {
		err_add(&ch->err, "%s: %s", ch->name != NULL ? ch->name : c->file, strerror(-rc));
		serve_change_fail(ch, API_RPC_ERR_CONFIG, "%s", ch->err.text[0]);
		return;
	}
	rc = serve_revision_parse(ch->cand, true, serve_changes_rules_path(c), &ch->err);
	if (rc != 0) {
		serve_change_fail(ch, API_RPC_ERR_CONFIG, "bad configuration or rules");
		return;
	}
	if (ch->kind == KIND_CONFIG)
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

void serve_change_rule(struct change *ch)
{
	struct serve_changes *c = ch->owner;
	struct serve_revision *cur = c->current;
	struct serve_text local;
	int rc;

	if (cur == NULL || cur->cfg == NULL) {
		serve_change_fail(ch, API_RPC_ERR_CONFIG, "no usable configuration is in force");
		return;
	}
	if (!rules_text(ch, &local))
		return;
	ch->name = strdup(cur->name);
	ch->dir = strdup(cur->dir);
	rc = ch->name == NULL || ch->dir == NULL ? -ENOMEM : candidate_texts(ch);
	if (rc == 0 && cur->shipped.p != NULL) // as in force, whatever the file says meanwhile
		rc = serve_text_set(&ch->cand->shipped, cur->shipped.p, cur->shipped.n);
	if (rc != 0) {
		free(local.p);
		serve_change_fail(ch, API_RPC_ERR_INTERNAL, "%s", strerror(-rc));
		return;
	}
	free(ch->cand->local.p);
	ch->cand->local = local;
	ch->cand->file_hash = cur->file_hash; // says nothing about the file
	if (serve_revision_parse(ch->cand, false, serve_changes_rules_path(c), &ch->err) != 0)
		serve_change_fail(ch, API_RPC_ERR_CONFIG, "bad rule");
	else
		candidate_compile(ch);
}

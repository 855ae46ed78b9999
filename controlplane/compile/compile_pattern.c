// SPDX-License-Identifier: BSD-3-Clause
// Rules to patterns to Hyperscan databases. A literal becomes a regex with everything but letters
// and digits escaped: the literal compiler cannot be mixed with regexes in one database, and
// Hyperscan finds the literal in such a regex by itself. One match a rule and stream is forced
// (HS_FLAG_SINGLEMATCH): a score counts once, and a hostile message cannot make us work by matching.
// When a set fails, each of its rules is compiled alone, so that all bad ones are named at once.
// Thread: one at a time.
#include "compile_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct text_out {
	char *p;
	size_t n;
}; // p NULL: only counts

static void put(struct text_out *o, char c)
{
	if (o->p != NULL)
		o->p[o->n] = c;
	o->n++;
}

static void put_text(struct text_out *o, const char *s)
{
	while (*s != '\0')
		put(o, *s++);
	put(o, '\0');
}

static bool is_plain(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static void put_literal(struct text_out *o, struct span s)
{
	static const char HEX[] = "0123456789abcdef";

	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i];

		if (is_plain(c)) {
			put(o, (char)c);
			continue;
		}
		put(o, '\\');
		put(o, 'x');
		put(o, HEX[c >> 4]);
		put(o, HEX[c & 15]);
	}
	put(o, '\0');
}

static void put_expr(struct text_out *o, const struct cfg_rule *r)
{
	if (r->literal)
		put_literal(o, r->bytes);
	else
		put_text(o, r->text);
}

static uint32_t flags_of(const struct cfg_rule *r)
{
	uint32_t f = HS_FLAG_SINGLEMATCH;

	f |= r->caseless ? HS_FLAG_CASELESS : 0;
	if (r->literal) // bytes: in UTF-8 mode \xe9 would mean the character U+00E9
		return f;
	f |= r->dotall ? HS_FLAG_DOTALL : 0;
	f |= r->multiline ? HS_FLAG_MULTILINE : 0;
	f |= r->utf8 ? HS_FLAG_UTF8 : 0;
	return f;
}

static int by_id(const void *a, const void *b)
{
	const struct cfg_rule *x = *(const struct cfg_rule *const *)a;
	const struct cfg_rule *y = *(const struct cfg_rule *const *)b;

	return x->id < y->id ? -1 : x->id > y->id;
}

// Sorts a copy of the list: equal ids are neighbours then.
static int ids_check(const struct cfg_rule *const *rules, uint32_t n, struct err_list *err)
{
	const struct cfg_rule **sorted = malloc((n + 1) * sizeof(*sorted));
	int rc = 0;

	if (sorted == NULL) {
		err_add(err, "rules: out of memory");
		return -ENOMEM;
	}
	if (n > 0)
		memcpy(sorted, rules, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), by_id);
	for (uint32_t i = 1; i < n; i++) {
		const struct cfg_rule *a = sorted[i - 1], *b = sorted[i];

		if (a->id != b->id)
			continue;
		err_at(err, b->file, b->line, 0, "rule %u: id is used twice; also at %s:%u", b->id,
			a->file == NULL ? "" : a->file, a->line);
		rc = -EINVAL;
	}
	free(sorted);
	return rc;
}

// The rules of all sets as one list.
static const struct cfg_rule **rules_merge(
	const struct cfg_ruleset *const *sets, uint32_t nsets, uint32_t *n, struct err_list *err)
{
	const struct cfg_rule **rules;
	size_t total = 0, at = 0;

	for (uint32_t i = 0; i < nsets; i++)
		total += sets[i]->n;
	if (total > POL_RULES_MAX) {
		err_add(err, "rules: %zu are too many; at most %u", total, POL_RULES_MAX);
		return NULL;
	}
	rules = malloc((total + 1) * sizeof(*rules));
	if (rules == NULL) {
		err_add(err, "rules: out of memory");
		return NULL;
	}
	for (uint32_t i = 0; i < nsets; i++) {
		for (uint32_t k = 0; k < sets[i]->n; k++)
			rules[at++] = &sets[i]->rules[k];
	}
	*n = (uint32_t)at;
	return rules;
}

static struct compile_patterns *patterns_lay(const struct cfg_rule *const *rules, uint32_t n)
{
	size_t head = sizeof(struct compile_patterns) + n * sizeof(struct compile_pattern);
	struct text_out o = {.n = head};
	struct compile_patterns *p;

	for (uint32_t i = 0; i < n; i++) {
		put_text(&o, rules[i]->file == NULL ? "" : rules[i]->file);
		put_expr(&o, rules[i]);
	}
	if (o.n > UINT32_MAX)
		return NULL;
	p = calloc(1, o.n);
	if (p == NULL)
		return NULL;
	*p = (struct compile_patterns){.magic = COMPILE_PATTERNS_MAGIC, .bytes = o.n, .n = n};
	o = (struct text_out){.p = (char *)p, .n = head};
	for (uint32_t i = 0; i < n; i++) {
		const struct cfg_rule *r = rules[i];
		struct compile_pattern *pat = &p->pat[i];

		*pat = (struct compile_pattern){.id = r->id,
			.flags = flags_of(r),
			.line = r->line,
			.col = r->col,
			.scope = r->scope};
		pat->file = (uint32_t)o.n;
		put_text(&o, r->file == NULL ? "" : r->file);
		pat->expr = (uint32_t)o.n;
		put_expr(&o, r);
	}
	return p;
}

struct compile_patterns *compile_patterns_new(
	const struct cfg_ruleset *const *sets, uint32_t nsets, struct err_list *err)
{
	struct compile_patterns *p = NULL;
	const struct cfg_rule **rules;
	uint32_t n = 0;

	rules = rules_merge(sets, nsets, &n, err);
	if (rules == NULL)
		return NULL;
	if (ids_check(rules, n, err) == 0) {
		p = patterns_lay(rules, n);
		if (p == NULL)
			err_add(err, "rules: out of memory");
	}
	free(rules);
	return p;
}

bool compile_patterns_check(const struct compile_patterns *p, uint64_t bytes)
{
	const uint64_t head = sizeof(*p);

	if (bytes < head || p->magic != COMPILE_PATTERNS_MAGIC || p->bytes != bytes ||
		p->n > (bytes - head) / sizeof(p->pat[0]))
		return false;
	if (p->n > 0 && ((const char *)p)[bytes - 1] != '\0')
		return false;
	for (uint32_t i = 0; i < p->n; i++) {
		const struct compile_pattern *pat = &p->pat[i];

		if (pat->file >= bytes || pat->expr >= bytes || pat->scope >= POL_SCOPE_COUNT)
			return false;
	}
	return true;
}

uint32_t *compile_scope_of(const struct compile_patterns *p, enum pol_scope scope, uint32_t *n)
{
	uint32_t *which = malloc((p->n + 1) * sizeof(*which));

	*n = 0;
	for (uint32_t i = 0; which != NULL && i < p->n; i++) {
		if (p->pat[i].scope == scope)
			which[(*n)++] = i;
	}
	return which;
}

struct hs_lists {
	const char **expr;
	unsigned *flags, *ids;
};

static void lists_fini(struct hs_lists *l)
{
	free(l->expr);
	free(l->flags);
	free(l->ids);
}

static bool lists_init(
	struct hs_lists *l, const struct compile_patterns *p, const uint32_t *which, uint32_t n)
{
	*l = (struct hs_lists){
		.expr = malloc(n * sizeof(*l->expr)),
		.flags = malloc(n * sizeof(*l->flags)),
		.ids = malloc(n * sizeof(*l->ids)),
	};
	if (l->expr == NULL || l->flags == NULL || l->ids == NULL) {
		lists_fini(l);
		return false;
	}
	for (uint32_t i = 0; i < n; i++) {
		l->expr[i] = compile_text(p, p->pat[which[i]].expr);
		l->flags[i] = p->pat[which[i]].flags;
		l->ids[i] = which[i];
	}
	return true;
}

// Where in its line: Hyperscan says of most faults at which byte of the expression they lie.
static unsigned col_of(const struct compile_pattern *pat, const char *words)
{
	const char *at = strstr(words, "at index ");

	if (pat->col == 0)
		return 0;
	return pat->col + (at == NULL ? 0 : (unsigned)strtoul(at + 9, NULL, 10));
}

// Why a set does not compile: every rule alone, up to the number of errors that are kept.
static void set_explain(const struct compile_patterns *p, const uint32_t *which, uint32_t n,
	const char *words, struct err_list *err)
{
	unsigned before = err->count;

	for (uint32_t i = 0; i < n && err->count < ERR_MAX; i++) {
		const struct compile_pattern *pat = &p->pat[which[i]];
		hs_compile_error_t *why = NULL;
		hs_database_t *db = NULL;

		if (hs_compile(compile_text(p, pat->expr), pat->flags, HS_MODE_STREAM, NULL, &db,
			    &why) == HS_SUCCESS) {
			(void)hs_free_database(db); // it is a database: cannot fail
			continue;
		}
		const char *reason = why == NULL ? "no reason given" : why->message;
		err_at(err, compile_text(p, pat->file), pat->line, col_of(pat, reason),
			"rule %u does not compile; %s", pat->id, reason);
		(void)hs_free_compile_error(why); // likewise
	}
	if (err->count == before) // each is good alone: the set is too much
		err_add(err, "rules of scope %s do not compile together; %s",
			pol_scope_name(p->pat[which[0]].scope), words);
}

int compile_database(const struct compile_patterns *p, const uint32_t *which, uint32_t n,
	hs_database_t **db, struct err_list *err)
{
	hs_compile_error_t *why = NULL;
	hs_platform_info_t platform;
	struct hs_lists l;
	int rc = 0;

	if (!lists_init(&l, p, which, n))
		return -ENOMEM;
	// Both planes run on one host: what this processor can, the data plane's can.
	if (hs_populate_platform(&platform) != HS_SUCCESS) {
		err_add(err, "rules: Hyperscan does not run on this processor");
		rc = -EINVAL;
	} else if (hs_compile_multi(l.expr, l.flags, l.ids, n, HS_MODE_STREAM, &platform, db,
			   &why) != HS_SUCCESS) {
		set_explain(p, which, n, why == NULL ? "no reason given" : why->message, err);
		(void)hs_free_compile_error(why); // nothing to be done about it
		rc = -EINVAL;
	}
	lists_fini(&l);
	return rc;
}

static int scope_make(const struct compile_patterns *p, enum pol_scope scope,
	struct compile_databases *out, struct err_list *err)
{
	hs_database_t *db = NULL;
	uint32_t n, *which = compile_scope_of(p, scope, &n);
	int rc = 0;

	if (which == NULL)
		return -ENOMEM;
	if (n > 0) {
		rc = compile_database(p, which, n, &db, err);
		if (rc == 0 &&
			hs_serialize_database(db, &out->scope[scope].bytes, &out->scope[scope].n) !=
				HS_SUCCESS)
			rc = -ENOMEM;
		(void)hs_free_database(db); // NULL or a database: cannot fail
	}
	free(which);
	return rc;
}

int compile_databases_make(
	const struct compile_patterns *p, struct compile_databases *out, struct err_list *err)
{
	int rc = 0;

	*out = (struct compile_databases){0};
	for (unsigned s = 0; s < POL_SCOPE_COUNT; s++) { // bad rules of all scopes at once
		int one = scope_make(p, s, out, err);

		rc = rc == 0 ? one : rc;
	}
	if (rc == -ENOMEM)
		err_add(err, "rules: out of memory");
	if (rc != 0)
		compile_databases_fini(out);
	return rc;
}

void compile_databases_fini(struct compile_databases *d)
{
	for (unsigned s = 0; s < POL_SCOPE_COUNT; s++)
		free(d->scope[s].bytes);
	*d = (struct compile_databases){0};
}

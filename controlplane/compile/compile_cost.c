// SPDX-License-Identifier: BSD-3-Clause
// What rules cost: the set of each scope as it will run, then each rule alone, over made-up mail. The
// set is what counts (the union costs more than its parts); single figures tell which rule to mend.
// Time is bounded: sets first, then rules by scope and in order until the budget is spent.
// Thread: one at a time. Reads the clock: it measures.
#include "compile_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MS UINT64_C(1000000) // nanoseconds

enum { SET_BYTES = 2 << 20, VALUE_BYTES = 64 << 10, RULE_BYTES = 64 << 10, PASSES_MIN = 3 };
static const uint64_t SET_NS = 400 * MS; // a scope's set is scanned at least once, then up to this
static const uint64_t RULES_NS = 7000 * MS; // all single rules together

static uint64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t); // cannot fail
	return (uint64_t)t.tv_sec * 1000 * MS + (uint64_t)t.tv_nsec;
}

// Nanoseconds a byte of one database over the first `bytes` of a corpus: the best of at least three
// passes, more up to `budget_ns`, so that what else the machine does counts little.
static int pace_measure(const hs_database_t *db, const struct compile_corpus *c, size_t bytes,
	uint64_t budget_ns, double *ns_per_byte)
{
	const uint64_t start = now_ns();
	hs_scratch_t *scratch = NULL;
	double best = 0;
	int rc = 0;

	if (hs_alloc_scratch(db, &scratch) != HS_SUCCESS)
		return -ENOMEM;
	for (unsigned pass = 0; rc == 0 && (pass < PASSES_MIN || now_ns() - start < budget_ns);
		pass++) {
		const uint64_t from = now_ns();
		size_t done = 0;
		double pace;

		for (uint32_t i = 0; rc == 0 && i < c->n && done < bytes; i++) {
			struct span unit = compile_corpus_unit(c, i);

			rc = compile_scan(db, scratch, unit) < 0 ? -EIO : 0;
			done += unit.n;
		}
		pace = (double)(now_ns() - from) / (double)done;
		best = pass == 0 || pace < best ? pace : best;
	}
	(void)hs_free_scratch(scratch); // a scratch of ours: cannot fail
	*ns_per_byte = best;
	return rc;
}

static int set_measure(const struct compile_patterns *p, enum pol_scope scope,
	const struct compile_corpus *c, struct compile_cost_scope *out, struct err_list *err)
{
	uint32_t n, *which = compile_scope_of(p, scope, &n);
	hs_database_t *db = NULL;
	size_t bytes = 0;
	uint64_t from;
	int rc;

	if (which == NULL)
		return -ENOMEM;
	*out = (struct compile_cost_scope){.rules = n};
	if (n == 0) {
		free(which);
		return 0;
	}
	from = now_ns();
	rc = compile_database(p, which, n, &db, err);
	free(which);
	if (rc != 0)
		return rc;
	out->compile_ms = (uint32_t)((now_ns() - from) / MS);
	if (hs_database_size(db, &bytes) == HS_SUCCESS)
		out->database_bytes = bytes;
	if (hs_stream_size(db, &bytes) == HS_SUCCESS)
		out->stream_bytes = bytes;
	rc = pace_measure(db, c, SIZE_MAX, SET_NS, &out->ns_per_byte);
	if (rc == 0)
		out->gbit_s = 8 / out->ns_per_byte;
	(void)hs_free_database(db); // a database of ours: cannot fail
	return rc;
}

static int rule_measure(const struct compile_patterns *p, uint32_t i,
	const struct compile_corpus *c, struct compile_cost_rule *out)
{
	struct err_list none; // the whole set compiled: this rule does
	hs_database_t *db = NULL;
	size_t bytes = 0;
	int rc;

	err_init(&none);
	rc = compile_database(p, &i, 1, &db, &none);
	if (rc != 0)
		return rc;
	if (hs_stream_size(db, &bytes) == HS_SUCCESS)
		out->stream_bytes = bytes;
	rc = pace_measure(db, c, RULE_BYTES, 0, &out->ns_per_byte);
	out->measured = rc == 0;
	(void)hs_free_database(db); // a database of ours: cannot fail
	return rc;
}

// What a rule costs a message of the usual shape. By the byte alone every rule on a short value would
// look dear: there the opening of a stream is most of it.
static double message_ns(const struct compile_cost_rule *r)
{
	static const double BYTES[POL_SCOPE_COUNT] = {
		[POL_SCOPE_HELO] = 20,
		[POL_SCOPE_MAIL] = 30,
		[POL_SCOPE_RCPT] = 30,
		[POL_SCOPE_HEADER] = 800,
		[POL_SCOPE_BODY] = 4000,
	};

	return r->ns_per_byte * BYTES[r->scope];
}

static int dearest_first(const void *a, const void *b)
{
	const struct compile_cost_rule *x = a, *y = b;

	if (x->measured != y->measured)
		return x->measured ? -1 : 1;
	if (message_ns(x) != message_ns(y))
		return message_ns(x) > message_ns(y) ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

static size_t corpus_bytes(enum pol_scope scope)
{
	return scope == POL_SCOPE_HEADER || scope == POL_SCOPE_BODY ? SET_BYTES : VALUE_BYTES;
}

static int corpora_init(struct compile_corpus corpus[POL_SCOPE_COUNT])
{
	int rc = 0;

	for (unsigned s = 0; s < POL_SCOPE_COUNT; s++) {
		int one = compile_corpus_init(&corpus[s], s, corpus_bytes(s));

		rc = rc == 0 ? one : rc;
	}
	return rc;
}

int compile_cost_measure(
	const struct compile_patterns *p, struct compile_cost **out, struct err_list *err)
{
	struct compile_cost *cost = calloc(1, compile_cost_bytes(p->n));
	struct compile_corpus corpus[POL_SCOPE_COUNT];
	uint64_t until;
	int rc = corpora_init(corpus);

	if (cost == NULL)
		rc = -ENOMEM;
	for (unsigned s = 0; s < POL_SCOPE_COUNT && (rc == 0 || rc == -EINVAL); s++) {
		int one = set_measure(p, s, &corpus[s], &cost->scope[s], err);

		rc = rc == 0 ? one : rc; // the bad rules of the other scopes too
	}
	until = now_ns() + RULES_NS;
	for (uint32_t i = 0; rc == 0 && i < p->n; i++) {
		struct compile_cost_rule *r = &cost->rules[i];

		*r = (struct compile_cost_rule){
			.id = p->pat[i].id, .scope = (uint8_t)p->pat[i].scope};
		if (now_ns() < until)
			rc = rule_measure(p, i, &corpus[r->scope], r);
	}
	for (unsigned s = 0; s < POL_SCOPE_COUNT; s++)
		compile_corpus_fini(&corpus[s]);
	if (rc != 0) {
		if (!err_any(err))
			err_add(err, "measurement failed; %s", strerror(-rc));
		free(cost);
		return rc;
	}
	cost->nrules = p->n;
	qsort(cost->rules, cost->nrules, sizeof(cost->rules[0]), dearest_first);
	*out = cost;
	return 0;
}

int compile_cost(const struct cfg_ruleset *const *rulesets, uint32_t nrulesets,
	struct compile_cost **out, struct err_list *err)
{
	struct compile_patterns *p = compile_patterns_new(rulesets, nrulesets, err);
	int rc = p == NULL ? -EINVAL : compile_cost_measure(p, out, err);

	free(p);
	return rc;
}

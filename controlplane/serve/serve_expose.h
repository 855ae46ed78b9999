// SPDX-License-Identifier: BSD-3-Clause
// Writes metrics in the two forms that scrapers ask for: OpenMetrics 1.0 and the text format 0.0.4
// that came before it. They differ in the heads of families, in UNIT lines and in the end.
// Thread: any; no state but the exposition.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct evbuffer;

enum serve_metric_kind { SERVE_COUNTER, SERVE_GAUGE, SERVE_INFO };

struct serve_metric { // a family, all texts borrowed
	enum serve_metric_kind kind;
	const char *name; // without the prefix "mailweir_" and the suffix of its kind
	const char *unit; // "" = none; said where the name ends in it, as OpenMetrics wants it
	const char *help;
};

struct serve_exposition {
	struct evbuffer *out; // borrowed; grows
	bool openmetrics;
	bool failed; // memory was out: what is there is worthless
};

// Begins a family; its samples have to follow at once, each label value once.
void serve_expose_family(struct serve_exposition *x, const struct serve_metric *m);
// One sample; `label` NULL or "" = none, `value` any text: what is not printable ASCII becomes '?'.
void serve_expose_u64(struct serve_exposition *x, const struct serve_metric *m, const char *label,
	const char *value, uint64_t v);
// One with two labels.
void serve_expose_by(struct serve_exposition *x, const struct serve_metric *m,
	const char *const label[2], const char *const value[2], uint64_t v);
void serve_expose_real(struct serve_exposition *x, const struct serve_metric *m, const char *label,
	const char *value, double v); // NaN and infinities are numbers here
// Behind the last family.
void serve_expose_end(struct serve_exposition *x);

// True for a name that both forms take: [a-z][a-z0-9_]*, and no suffix that a form gives a meaning.
bool serve_expose_is_name(const char *name);
// What to call the form in Content-Type.
const char *serve_expose_type(bool openmetrics);

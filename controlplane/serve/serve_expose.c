// SPDX-License-Identifier: BSD-3-Clause
// The line writer of both forms. In OpenMetrics a counter's family has its bare name and its sample
// ends in _total; the older form gives the family the sample's name.
// Thread: any; no state.
#include "serve_expose.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include <event2/buffer.h>

#define PREFIX "mailweir_"

static const char *const suffixes[] = {
	[SERVE_COUNTER] = "_total",
	[SERVE_GAUGE] = "",
	[SERVE_INFO] = "_info",
};

static void put(struct serve_exposition *x, const char *text)
{
	if (evbuffer_add(x->out, text, strlen(text)) < 0)
		x->failed = true;
}

// A label's value or a help text: backslash and quote are escaped, what is not printable is '?'.
static void put_escaped(struct serve_exposition *x, const char *text, bool quotes)
{
	for (; *text != '\0'; text++) {
		char c = *text >= ' ' && *text <= '~' ? *text : '?';

		if ((c == '\\' || (c == '"' && quotes)) && evbuffer_add(x->out, "\\", 1) < 0)
			x->failed = true;
		if (evbuffer_add(x->out, &c, 1) < 0)
			x->failed = true;
	}
}

static const char *type_word(const struct serve_exposition *x, enum serve_metric_kind kind)
{
	if (kind == SERVE_COUNTER)
		return "counter";
	return kind == SERVE_INFO && x->openmetrics ? "info" : "gauge";
}

// "name_unit" of unit "unit"
static bool name_ends_in(const char *name, const char *unit)
{
	size_t n = strlen(name), k = strlen(unit);

	return k > 0 && n > k && name[n - k - 1] == '_' && strcmp(name + n - k, unit) == 0;
}

static void put_head(struct serve_exposition *x, const char *word, const struct serve_metric *m)
{
	put(x, "# ");
	put(x, word);
	put(x, " " PREFIX);
	put(x, m->name);
	if (!x->openmetrics)
		put(x, suffixes[m->kind]);
	put(x, " ");
}

void serve_expose_family(struct serve_exposition *x, const struct serve_metric *m)
{
	put_head(x, "TYPE", m);
	put(x, type_word(x, m->kind));
	put(x, "\n");
	if (x->openmetrics && m->kind != SERVE_INFO && name_ends_in(m->name, m->unit)) {
		put_head(x, "UNIT", m);
		put(x, m->unit);
		put(x, "\n");
	}
	put_head(x, "HELP", m);
	put_escaped(x, m->help, x->openmetrics);
	put(x, "\n");
}

static void put_sample(struct serve_exposition *x, const struct serve_metric *m, const char *label,
	const char *value)
{
	put(x, PREFIX);
	put(x, m->name);
	put(x, suffixes[m->kind]);
	if (label == NULL || *label == '\0')
		return;
	put(x, "{");
	put(x, label);
	put(x, "=\"");
	put_escaped(x, value, true);
	put(x, "\"}");
}

void serve_expose_u64(struct serve_exposition *x, const struct serve_metric *m, const char *label,
	const char *value, uint64_t v)
{
	put_sample(x, m, label, value);
	if (evbuffer_add_printf(x->out, " %" PRIu64 "\n", v) < 0)
		x->failed = true;
}

void serve_expose_by(struct serve_exposition *x, const struct serve_metric *m,
	const char *const label[2], const char *const value[2], uint64_t v)
{
	put(x, PREFIX);
	put(x, m->name);
	put(x, suffixes[m->kind]);
	for (unsigned i = 0; i < 2; i++) {
		put(x, i == 0 ? "{" : ",");
		put(x, label[i]);
		put(x, "=\"");
		put_escaped(x, value[i], true);
		put(x, "\"");
	}
	if (evbuffer_add_printf(x->out, "} %" PRIu64 "\n", v) < 0)
		x->failed = true;
}

void serve_expose_real(struct serve_exposition *x, const struct serve_metric *m, const char *label,
	const char *value, double v)
{
	put_sample(x, m, label, value);
	if (isnan(v))
		put(x, " NaN\n");
	else if (isinf(v))
		put(x, v > 0 ? " +Inf\n" : " -Inf\n");
	else if (evbuffer_add_printf(x->out, " %.9g\n", v) < 0)
		x->failed = true;
}

void serve_expose_end(struct serve_exposition *x)
{
	if (x->openmetrics)
		put(x, "# EOF\n");
}

bool serve_expose_is_name(const char *name)
{
	static const char *const taken[] = {
		"total", "created", "count", "sum", "bucket", "gcount", "gsum", "info"};
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");

	if (n == 0 || name[n] != '\0' || *name < 'a' || *name > 'z')
		return false;
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		if (name_ends_in(name, taken[i]))
			return false;
	}
	return true;
}

const char *serve_expose_type(bool openmetrics)
{
	return openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
			   : "text/plain; version=0.0.4; charset=utf-8";
}

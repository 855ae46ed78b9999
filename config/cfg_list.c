// SPDX-License-Identifier: BSD-3-Clause
// What a pattern of addresses may look like, and files of them. What it means is the data plane's
// (dataplane/policy/pol_word.h). Thread: one at a time.
#include "cfg_list.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cfg_int.h"
#include "text.h"

enum {
	PATTERN_MAX = 254,
	SHOWN_MAX = 60, // bytes of a wrong pattern that an error repeats
};

__attribute__((format(printf, 2, 3))) static bool refuse(
	char why[CFG_WHY_MAX], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, CFG_WHY_MAX, fmt, ap); // a longer text is cut
	va_end(ap);
	return false;
}

static bool bytes_judge(const struct cfg_value *v, char why[CFG_WHY_MAX])
{
	for (size_t i = 0; i < v->n; i++) {
		unsigned char c = (unsigned char)v->text[i];

		if (c <= ' ' || c > '~')
			return refuse(why,
				"byte %zu is 0x%02x; a pattern has printable ASCII without blanks, "
				"? takes any byte",
				i + 1, c);
		if (c == '"' || c == '\\')
			return refuse(why,
				"byte %zu is %c; addresses are compared without quotes and "
				"backslashes",
				i + 1, c);
	}
	return true;
}

bool cfg_pattern_judge(const struct cfg_value *v, int64_t max, char why[CFG_WHY_MAX])
{
	char buf[SHOWN_MAX];
	const char *shown = text_escape(
		(struct span){.p = (const uint8_t *)v->text, .n = v->n}, buf, sizeof(buf));

	if (v->n == 0)
		return refuse(why, "is empty; a pattern is needed, * takes everything");
	if ((int64_t)v->n > max)
		return refuse(why, "has %zu bytes; at most %lld are allowed", v->n, (long long)max);
	if (!bytes_judge(v, why))
		return false;
	if (strcmp(v->text, "any") == 0 || strcmp(v->text, "none") == 0)
		return refuse(why, "\"%s\" is no pattern; it stands alone or not at all", shown);
	if (strcmp(v->text, "<>") != 0 && strpbrk(v->text, "<>") != NULL)
		return refuse(why, "\"%s\" has a bracket; only <>, the null sender, has", shown);
	if (v->text[0] == '@')
		return refuse(why, "\"%s\" begins with @; *@domain takes a whole domain", shown);
	if (v->text[0] == '.' && strchr(v->text, '@') == NULL)
		return refuse(why,
			"\"%s\" begins with a dot; *@*.domain takes the addresses below a domain",
			shown);
	if (v->text[v->n - 1] == '.')
		return refuse(
			why, "\"%s\" ends in a dot; addresses are compared without it", shown);
	return true;
}

struct reader {
	struct err_list *err;
	struct cfg_patterns *out;
	const char *name;
	uint32_t cap;
};

static bool pattern_add(struct reader *r, const char *text, size_t n, unsigned line, size_t col)
{
	char why[CFG_WHY_MAX] = "cannot be kept; out of memory";
	const char *copy = cfg_arena_text(r->out->arena, text, n);
	const struct cfg_value v = {.text = copy, .n = n};

	if (r->out->n == CFG_PATTERNS_MAX) {
		err_at(r->err, r->name, line, 0, "too many patterns; the limit is %d",
			CFG_PATTERNS_MAX);
		return false;
	}
	if (copy == NULL || !cfg_pattern_judge(&v, PATTERN_MAX, why)) {
		err_at(r->err, r->name, line, (unsigned)col, "pattern %s", why);
		return copy != NULL;
	}
	if (r->out->n == r->cap) {
		uint32_t cap = r->cap * 2 + 64;
		const char **list = cfg_arena_take(r->out->arena, cap * sizeof(*list));

		if (list == NULL) {
			err_at(r->err, r->name, line, 0, "cannot be kept; out of memory");
			return false;
		}
		if (r->out->n > 0)
			memcpy(list, r->out->list, r->out->n * sizeof(*list));
		r->out->list = list;
		r->cap = cap;
	}
	r->out->list[r->out->n++] = copy;
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void lines_read(struct reader *r, const char *text, size_t n)
{
	size_t at = 0;

	for (unsigned line = 1; at < n; line++) {
		const char *nl = memchr(text + at, '\n', n - at);
		size_t end = nl != NULL ? (size_t)(nl - text) : n, from = at;

		at = end + 1;
		while (end > from && is_blank(text[end - 1]))
			end--;
		for (size_t begin = from; begin < end; begin++) {
			if (is_blank(text[begin]))
				continue;
			if (text[begin] != '#' &&
				!pattern_add(r, text + begin, end - begin, line, begin - from + 1))
				return;
			break;
		}
	}
}

struct cfg_patterns *cfg_patterns_load_text(
	const char *text, size_t n, const char *name, struct err_list *err)
{
	struct cfg_arena *arena = cfg_arena_new();
	struct reader r = {.err = err, .name = name};
	const unsigned before = err->count;

	if (arena != NULL)
		r.out = cfg_arena_take(arena, sizeof(*r.out));
	if (r.out == NULL) {
		err_at(err, name, 0, 0, "cannot be loaded; out of memory");
		cfg_arena_free(arena);
		return NULL;
	}
	r.out->arena = arena;
	if (n > CFG_FILE_MAX)
		err_at(err, name, 0, 0, "is too large; the limit is %d MB", CFG_FILE_MAX >> 20);
	else
		lines_read(&r, text, n);
	if (err->count == before)
		return r.out;
	cfg_arena_free(arena);
	return NULL;
}

void cfg_patterns_free(struct cfg_patterns *p)
{
	if (p != NULL)
		cfg_arena_free(p->arena); // it lies in it
}

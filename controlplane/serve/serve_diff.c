// SPDX-License-Identifier: BSD-3-Clause
// E. W. Myers, "An O(ND) Difference Algorithm and Its Variations", Algorithmica 1 (1986): the greedy
// one, with what it reached at each number of differences kept to walk back. Equal lines at both
// ends are set aside first, which is nearly all of a configuration. Its memory grows with the square
// of the differences, so there is a bound; beyond it the whole middle counts as replaced.
// Thread: any.
#include "serve_diff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { CONTEXT = 3 };

struct line {
	const char *p;
	size_t n;
	uint64_t hash;
};

struct text {
	struct line *line;
	size_t n;
};

struct edit {
	bool *gone, *come;
}; // the script: which lines of a go, which of b come

static int text_split(const struct serve_text *t, struct text *out)
{
	const char *p = t->p, *end = p + t->n;
	size_t n = 0;

	*out = (struct text){0};
	for (size_t i = 0; i < t->n; i++)
		n += t->p[i] == '\n';
	out->line = calloc(n + 1, sizeof(*out->line));
	if (out->line == NULL)
		return -ENOMEM;
	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t k = nl == NULL ? (size_t)(end - p) : (size_t)(nl + 1 - p);

		out->line[out->n++] = (struct line){p, k, serve_text_hash(p, k)};
		p += k;
	}
	return 0;
}

static bool line_same(const struct line *a, const struct line *b)
{
	return a->hash == b->hash && a->n == b->n && memcmp(a->p, b->p, a->n) == 0;
}

// Row d: the furthest x that d differences reach on diagonal k = x - y, for k = -d, -d + 2 ... d at
// index (k + d) / 2; -1 where they reach none.
struct grid {
	const struct line *a, *b;
	int32_t n, m; // lines of each
	int32_t *row[SERVE_DIFF_MAX + 1];
};

// One difference onto diagonal k of row d > 0: a line of a gone (right) or one of b come (down),
// whichever gets further. The x, or -1.
static int32_t grid_step(const struct grid *g, int d, int k, bool *right)
{
	const int32_t *before = g->row[d - 1];
	int32_t go = -1, come = -1;

	if (k > -d)
		go = before[(k + d - 2) / 2];
	if (k < d)
		come = before[(k + d) / 2];
	go = go >= 0 && go < g->n ? go + 1 : -1;
	come = come >= 0 && come - k <= g->m ? come : -1;
	*right = go > come;
	return *right ? go : come;
}

// Fills rows until the end of both texts is reached. Differences, -ENOMEM, or -E2BIG.
static int grid_fill(struct grid *g)
{
	bool right;

	for (int d = 0; d <= SERVE_DIFF_MAX; d++) {
		g->row[d] = malloc(((size_t)d + 1) * sizeof(int32_t));
		if (g->row[d] == NULL)
			return -ENOMEM;
		for (int k = -d; k <= d; k += 2) {
			int32_t x = d == 0 ? 0 : grid_step(g, d, k, &right);

			while (x >= 0 && x < g->n && x - k < g->m &&
				line_same(&g->a[x], &g->b[x - k]))
				x++;
			g->row[d][(k + d) / 2] = x;
			if (x == g->n && x - k == g->m)
				return d;
		}
	}
	return -E2BIG;
}

// From the end back to the start.
static void grid_walk(const struct grid *g, int d, bool *gone, bool *come)
{
	int32_t x = g->n, k = g->n - g->m;
	bool right;

	for (; d > 0; d--) {
		x = grid_step(g, d, k, &right);
		if (right)
			gone[x - 1] = true;
		else
			come[x - k - 1] = true;
		k += right ? -1 : 1;
	}
}

// Marks the lines that differ, between equal ends. 0 or -ENOMEM.
static int middle_compare(
	const struct text *a, const struct text *b, size_t head, size_t tail, struct edit *e)
{
	size_t n = a->n - head - tail, m = b->n - head - tail;
	struct grid *g = calloc(1, sizeof(*g));
	int d = -ENOMEM;

	if (g != NULL && n < INT32_MAX / 4 && m < INT32_MAX / 4) {
		g->a = a->line + head;
		g->b = b->line + head;
		g->n = (int32_t)n;
		g->m = (int32_t)m;
		d = grid_fill(g);
	}
	if (d >= 0) {
		grid_walk(g, d, e->gone + head, e->come + head);
	} else if (d == -E2BIG) {
		memset(e->gone + head, true, n);
		memset(e->come + head, true, m);
	}
	for (int i = 0; g != NULL && i <= SERVE_DIFF_MAX; i++)
		free(g->row[i]);
	free(g);
	return d == -ENOMEM ? -ENOMEM : 0;
}

static int texts_compare(const struct text *a, const struct text *b, struct edit *e)
{
	size_t head = 0, tail = 0;

	e->gone = calloc(a->n + 1, sizeof(bool));
	e->come = calloc(b->n + 1, sizeof(bool));
	if (e->gone == NULL || e->come == NULL)
		return -ENOMEM;
	while (head < a->n && head < b->n && line_same(&a->line[head], &b->line[head]))
		head++;
	while (tail < a->n - head && tail < b->n - head &&
		line_same(&a->line[a->n - 1 - tail], &b->line[b->n - 1 - tail]))
		tail++;
	return middle_compare(a, b, head, tail, e);
}

static void line_print(FILE *out, char mark, const struct line *l)
{
	(void)fputc(mark, out); // the stream remembers an error
	(void)fwrite(l->p, 1, l->n, out);
	if (l->n == 0 || l->p[l->n - 1] != '\n')
		(void)fputs("\n\\ No newline at end of file\n", out);
}

struct hunk {
	size_t a, an, b, bn; // first line of each side and how many
};

// The next hunk from line h->a + h->an and h->b + h->bn on: its differences with context, joined
// with those behind it whose context meets theirs. False at the end.
static bool hunk_next(
	const struct text *a, const struct text *b, const struct edit *e, struct hunk *h)
{
	size_t x = h->a + h->an, y = h->b + h->bn, same = 0;

	while (x < a->n && y < b->n && !e->gone[x] && !e->come[y]) {
		x++;
		y++;
		same++;
	}
	if (x == a->n && y == b->n)
		return false;
	same = same < CONTEXT ? same : CONTEXT;
	h->a = x - same;
	h->b = y - same;
	same = 0;
	while ((x < a->n || y < b->n) && same <= 2 * CONTEXT) {
		if (x < a->n && e->gone[x]) {
			x++;
			same = 0;
		} else if (y < b->n && e->come[y]) {
			y++;
			same = 0;
		} else {
			x++;
			y++;
			same++;
		}
	}
	same = same > CONTEXT ? same - CONTEXT : 0; // what is too much behind
	h->an = x - same - h->a;
	h->bn = y - same - h->b;
	return true;
}

static void hunk_print(FILE *out, const struct text *a, const struct text *b, const struct edit *e,
	const struct hunk *h)
{
	size_t x = h->a, y = h->b;

	// An empty side is named by the line before it.
	(void)fprintf(out, "@@ -%zu,%zu +%zu,%zu @@\n", h->a + (h->an > 0), h->an,
		h->b + (h->bn > 0), h->bn); // the stream remembers an error
	while (x < h->a + h->an || y < h->b + h->bn) {
		if (x < h->a + h->an && e->gone[x])
			line_print(out, '-', &a->line[x++]);
		else if (y < h->b + h->bn && e->come[y])
			line_print(out, '+', &b->line[y++]);
		else {
			line_print(out, ' ', &a->line[x++]);
			y++;
		}
	}
}

static void edit_print(FILE *out, const char *name, const struct text *a, const struct text *b,
	const struct edit *e)
{
	struct hunk h = {0};

	for (bool first = true; hunk_next(a, b, e, &h); first = false) {
		if (first)
			(void)fprintf(out, "--- a/%s\n+++ b/%s\n", name, name);
		hunk_print(out, a, b, e, &h);
	}
}

int serve_diff(FILE *out, const char *name, const struct serve_text *a, const struct serve_text *b,
	struct serve_diff_lines *lines)
{
	static char empty[1];
	const struct serve_text none = {empty, 0};
	struct text ta = {0}, tb = {0};
	struct edit e = {0};
	int rc = text_split(a->p != NULL ? a : &none, &ta);

	if (rc == 0)
		rc = text_split(b->p != NULL ? b : &none, &tb);
	if (rc == 0)
		rc = texts_compare(&ta, &tb, &e);
	if (rc == 0 && out != NULL)
		edit_print(out, name, &ta, &tb, &e);
	for (size_t i = 0; rc == 0 && lines != NULL && i < ta.n; i++)
		lines->minus += e.gone[i];
	for (size_t i = 0; rc == 0 && lines != NULL && i < tb.n; i++)
		lines->plus += e.come[i];
	free(e.gone);
	free(e.come);
	free(ta.line);
	free(tb.line);
	return rc;
}

// The other files, in the order of their names; most are the same.
static int lists_diff(FILE *out, const struct serve_lists *a, const struct serve_lists *b,
	struct serve_diff_lines *lines)
{
	static const struct serve_list none;
	uint32_t i = 0, k = 0;
	int rc = 0;

	while (rc == 0 && (i < a->n || k < b->n)) {
		const int order = i == a->n ? 1
			: k == b->n         ? -1
					    : strcmp(a->list[i].name, b->list[k].name);
		const struct serve_list *from = order <= 0 ? &a->list[i++] : &none;
		const struct serve_list *to = order >= 0 ? &b->list[k++] : &none;

		if (from->text.n != to->text.n ||
			(to->text.n > 0 && memcmp(from->text.p, to->text.p, to->text.n) != 0))
			rc = serve_diff(out, order > 0 ? to->name : from->name, &from->text, &to->text, lines);
	}
	return rc;
}

int serve_diff_revisions(FILE *out, const struct serve_revision *a, const struct serve_revision *b,
	struct serve_diff_lines *lines)
{
	static const struct serve_text none;
	static const struct serve_lists no_lists;
	int rc = serve_diff(out, "mailweir.yaml", a == NULL ? &none : &a->text, &b->text, lines);

	if (rc == 0)
		rc = serve_diff(
			out, "rules.file", a == NULL ? &none : &a->shipped, &b->shipped, lines);
	if (rc == 0)
		rc = serve_diff(
			out, SERVE_RULES_LOCAL, a == NULL ? &none : &a->local, &b->local, lines);
	if (rc == 0)
		rc = lists_diff(out, a == NULL ? &no_lists : &a->lists, &b->lists, lines);
	return rc;
}

// SPDX-License-Identifier: BSD-3-Clause
// News of bindings and their folding into the tree (struct sto_fold says why). A row of news is a binding
// whole, so folding one twice, or an older one before a newer one, does no harm: a process that ends between
// slices leaves news that the next one folds again.
// Thread: whoever has the file.
#include <stdlib.h>
#include <string.h>

#include "sto_int.h"

enum { FOLD_ROWS = 1 << 18 }; // of news before they are folded: 10 to a page of a million's tree

static struct sto_news *folding(struct sto_fold *f)
{
	return &f->news[1 - f->filling];
}

bool sto_fold_is_due(const struct sto_file *f)
{
	return f->fold.news[1 - f->fold.filling].n > 0;
}

void sto_fold_fini(struct sto_file *f)
{
	free(f->fold.news[0].row);
	free(f->fold.news[1].row);
	f->fold = (struct sto_fold){0};
}

static struct sto_fresh *fresh_add(struct sto_news *news)
{
	if (news->n == news->room) {
		const uint32_t room = news->room == 0 ? 1024 : 2 * news->room;
		struct sto_fresh *row = realloc(news->row, room * sizeof(row[0]));

		if (row == NULL)
			return NULL;
		news->row = row;
		news->room = room;
	}
	return &news->row[news->n++];
}

static int binding_bind(sqlite3_stmt *q, const struct sto_binding *b, const uint8_t key[STO_KEY],
	uint64_t n, uint32_t era)
{
	const int64_t number[] = {b->has, b->shared, (int64_t)b->session, (int64_t)b->nas,
		b->nas_era, b->before, b->at_s, b->seen_s};
	int rc = sqlite3_bind_int64(q, 1, (int64_t)n);

	rc |= sqlite3_bind_blob(q, 2, key, STO_KEY, SQLITE_STATIC);
	for (int i = 0; i < 8; i++)
		rc |= sqlite3_bind_int64(q, 3 + i, number[i]);
	rc |= sqlite3_bind_blob(
		q, 11, b->id.n > 0 ? (const void *)b->id.p : "", (int)b->id.n, SQLITE_STATIC);
	rc |= sqlite3_bind_int64(q, 12, era);
	rc |= sqlite3_bind_int64(q, 13, b->event_s);
	rc |= sqlite3_bind_int64(q, 14, b->before_over);
	return rc == SQLITE_OK ? sto_step(q) : SQLITE_NOMEM;
}

int sto_fold_news(struct sto_file *f, const struct sto_binding *b)
{
	struct sto_fold *d = &f->fold;

	if (d->news[d->filling].n >= FOLD_ROWS && folding(d)->n == 0) {
		d->filling = 1 - d->filling;
		d->sorted = false;
		d->next = 0;
	}
	struct sto_fresh *row = fresh_add(&d->news[d->filling]);
	if (row == NULL)
		return SQLITE_NOMEM;
	sto_key_binding(b, row->key);
	row->has = b->has;
	row->n = ++d->n;
	return binding_bind(f->sql[STO_SQL_NEWS0 + d->filling], b, row->key, row->n, f->era);
}

static int fresh_order(const void *a, const void *b)
{
	const struct sto_fresh *x = a, *y = b;
	const int c = memcmp(x->key, y->key, STO_KEY);

	return c != 0 ? c : x->n < y->n ? -1 : 1;
}

static int row_fold(struct sto_file *f, const struct sto_fresh *row)
{
	sqlite3_stmt *q = f->sql[row->has == STO_HAS_GONE ? STO_SQL_GONE
							  : STO_SQL_FOLD0 + (1 - f->fold.filling)];
	const int rc = row->has == STO_HAS_GONE
		? sqlite3_bind_blob(q, 1, row->key, STO_KEY, SQLITE_STATIC)
		: sqlite3_bind_int64(q, 1, (int64_t)row->n);

	return rc == SQLITE_OK ? sto_step(q) : rc;
}

int sto_fold_some(struct sto_file *f, uint32_t rows)
{
	struct sto_fold *d = &f->fold;
	struct sto_news *news = folding(d);
	int rc = SQLITE_OK;

	if (news->n > 0 && !d->sorted) {
		qsort(news->row, news->n, sizeof(news->row[0]), fresh_order);
		d->sorted = true;
	}
	for (; rc == SQLITE_OK && rows > 0 && d->next < news->n; d->next++) {
		const struct sto_fresh *row = &news->row[d->next];

		if (d->next + 1 < news->n && memcmp(row->key, row[1].key, STO_KEY) == 0)
			continue; // there is newer
		rc = row_fold(f, row);
		rows--;
	}
	if (rc == SQLITE_OK && news->n > 0 && d->next == news->n) {
		rc = sto_step(f->sql[STO_SQL_CLEAR0 + (1 - d->filling)]);
		news->n = 0;
	}
	return rc;
}

int sto_fold_rest(struct sto_file *f)
{
	struct sto_fold *d = &f->fold;
	int rc = sto_fold_some(f, UINT32_MAX);

	d->filling = 1 - d->filling;
	d->sorted = false;
	d->next = 0;
	return rc == SQLITE_OK ? sto_fold_some(f, UINT32_MAX) : rc;
}

int sto_fold_all(struct sto_file *f)
{
	return sto_run(f->db,
		"INSERT OR REPLACE INTO bindings SELECT key, has, shared, session, nas, nas_era,"
		" before, at_s, seen_s, id, era, event_s, before_over"
		" FROM (SELECT * FROM news0 UNION ALL SELECT * FROM news1) ORDER BY key, n;"
		"DELETE FROM bindings WHERE has = 2 AND key IN" // STO_HAS_GONE
		" (SELECT key FROM news0 WHERE has = 2 UNION SELECT key FROM news1 WHERE has = 2);"
		"DELETE FROM news0;"
		"DELETE FROM news1;");
}

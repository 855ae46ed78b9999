// SPDX-License-Identifier: BSD-3-Clause
// Thread: the loop's.
#include "serve_history.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "serve_head.h"
#include "text.h"

LOG_COMPONENT("config");

static void row_fill(struct serve_history_row *row, const struct serve_revision *r)
{
	*row = (struct serve_history_row){.revision = r->version,
		.from = r->from,
		.made_s = r->made_s,
		.plus = r->plus,
		.minus = r->minus};
	(void)text_copy(row->author, sizeof(row->author), r->author); // both fit
	(void)text_copy(row->comment, sizeof(row->comment), r->comment);
}

static void row_drop(struct serve_history *h, unsigned i)
{
	memmove(&h->row[i], &h->row[i + 1], (--h->n - i) * sizeof(h->row[0]));
}

static void on_odd(void *arg, const char *name)
{
	char escaped[256];

	(void)arg;
	LOG(WARNING, "revisions/%s: is none of ours: left alone",
		text_escape(span_str(name), escaped, sizeof(escaped)));
}

static bool head_names(const struct serve_head *head, uint64_t revision)
{
	return revision == head->revision || revision == head->back;
}

// Makes room for one more: the oldest that nothing needs goes.
static void room_make(
	struct serve_history *h, const struct serve_head *head, struct serve_store *st)
{
	unsigned i = 0;

	if (h->n < SERVE_HISTORY_MAX)
		return;
	while (i < h->n && head != NULL && head_names(head, h->row[i].revision))
		i++;
	if (i == h->n)
		return;
	serve_revision_unstore(h->row[i].revision, st);
	row_drop(h, i);
}

static void one_scan(struct serve_history *h, struct serve_store *st, const struct serve_head *head,
	uint64_t number)
{
	struct serve_revision *r;
	const char *why;

	if (head != NULL && number > head->high) {
		LOG(NOTICE, "revision %" PRIu64 ": never took force: removed", number);
		serve_revision_unstore(number, st);
		return;
	}
	r = serve_revision_load(number, st, &why);
	if (r == NULL) {
		LOG(ERR, "revision %" PRIu64 ": skipped: the file %s", number, why);
		return;
	}
	room_make(h, head, st);
	row_fill(&h->row[h->n++], r);
	serve_revision_free(r);
}

int serve_history_scan(
	struct serve_history *h, struct serve_store *st, const struct serve_head *head)
{
	uint64_t *numbers;
	size_t n;
	int rc = serve_store_list(st, SERVE_FILE_REVISION, &numbers, &n, on_odd, NULL);

	if (rc != 0)
		return rc;
	for (size_t i = 0; i < n; i++)
		one_scan(h, st, head, numbers[i]);
	free(numbers);
	return 0;
}

void serve_history_tidy(const struct serve_head *head, struct serve_store *st)
{
	uint64_t *numbers;
	size_t n;

	if (serve_store_list(st, SERVE_FILE_IMAGE, &numbers, &n, NULL, NULL) != 0)
		return; // the next change tries again
	for (size_t i = 0; i < n; i++) {
		if (!head_names(head, numbers[i]))
			(void)serve_store_remove(st, SERVE_FILE_IMAGE, numbers[i]); // as above
	}
	free(numbers);
}

void serve_history_add(struct serve_history *h, const struct serve_revision *r,
	const struct serve_head *head, struct serve_store *st)
{
	room_make(h, head, st);
	row_fill(&h->row[h->n++], r);
	serve_history_tidy(head, st);
}

const struct serve_history_row *serve_history_find(const struct serve_history *h, uint64_t revision)
{
	for (unsigned i = 0; i < h->n; i++) {
		if (h->row[i].revision == revision)
			return &h->row[i];
	}
	return NULL;
}

const struct serve_history_row *serve_history_before(
	const struct serve_history *h, uint64_t revision)
{
	for (unsigned i = h->n; i > 0; i--) {
		if (revision == 0 || h->row[i - 1].revision < revision)
			return &h->row[i - 1];
	}
	return NULL;
}

// SPDX-License-Identifier: BSD-3-Clause
// What goes from the store's thread to the loop: rows of a file that came late, and what operators did. It is
// laid down, the loop is rung, sto_turn takes it.
// Thread: as said at each function.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "sto_int.h"

LOG_COMPONENT("store");

enum { HAND_BYTES = 1 << 20 };

// ---- rows of a file that came late. The store's thread

// Waits until the loop has taken what lies there. false: the store ends.
static bool hand_give(struct sto *s)
{
	(void)pthread_mutex_lock(&s->mutex); // no error: it is not recursive
	s->hand_full = true;
	sto_ring(s->turn_fd);
	while (s->hand_full && !s->stop)
		(void)pthread_cond_wait(&s->taken, &s->mutex);
	const bool go = !s->stop;
	(void)pthread_mutex_unlock(&s->mutex);
	return go;
}

static bool hand_more(void *arg)
{
	struct sto *s = arg;
	const size_t most = sto_queue_most(STO_PUT_ENDPOINT); // the largest

	return s->hand.size - s->hand.used >= most || hand_give(s);
}

static void nas_lay(void *arg, const struct sto_nas *row)
{
	struct sto *s = arg;

	(void)sto_queue_put(&s->hand, STO_PUT_NAS, row); // hand_more left room
}

static void binding_lay(void *arg, const struct sto_binding *row)
{
	struct sto *s = arg;

	(void)sto_queue_put(&s->hand, STO_PUT_BINDING, row); // likewise
}

static void endpoint_lay(void *arg, const struct sto_endpoint *row)
{
	struct sto *s = arg;

	(void)sto_queue_put(&s->hand, STO_PUT_ENDPOINT, row); // likewise
}

static void sender_lay(void *arg, const struct sto_sender *row)
{
	struct sto *s = arg;

	(void)sto_queue_put(&s->hand, STO_PUT_SENDER, row); // likewise
}

void sto_hand_load(struct sto *s)
{
	const struct sto_restore *r = &s->restore;
	const struct sto_restore lay = {.arg = s,
		.nas = r->nas == NULL ? NULL : nas_lay,
		.binding = r->binding == NULL ? NULL : binding_lay,
		.endpoint = r->endpoint == NULL ? NULL : endpoint_lay,
		.sender = r->sender == NULL ? NULL : sender_lay};
	struct sto_read read = {.to = &lay, .more = hand_more, .arg = s};
	int rc = sto_queue_open(&s->hand, HAND_BYTES) == 0 ? SQLITE_OK : SQLITE_NOMEM;

	if (rc == SQLITE_OK)
		rc = sto_rows_read(s->file.db, &read);
	if (rc == SQLITE_INTERRUPT)
		return; // the store ends
	if (s->hand.rows > 0 && !hand_give(s))
		return;
	sto_queue_close(&s->hand);
	LOG(NOTICE, "%s: %llu rows read", s->path, (unsigned long long)read.rows);
	if (rc != SQLITE_OK)
		sto_failed(s, rc);
	s->load_owed = rc != SQLITE_OK && !s->garbled;
}

// ---- what operators did. The store's thread

void sto_hand_reads(struct sto *s)
{
	for (unsigned i = 0; i < STO_READS_MAX; i++) {
		struct sto_audit_ask *a = &s->ask[i];

		(void)pthread_mutex_lock(&s->mutex); // as above
		const bool asked = a->is == STO_READ_ASKED;
		(void)pthread_mutex_unlock(&s->mutex);
		if (!asked)
			continue;
		if (sto_state(s) == STO_WELL) {
			const int rc = sto_rows_audit(s->file.db, a->before, a->max, &a->rows);

			if (rc != SQLITE_OK)
				sto_failed(s, rc);
		}
		(void)pthread_mutex_lock(&s->mutex); // as above
		a->is = STO_READ_DONE;
		(void)pthread_mutex_unlock(&s->mutex);
		sto_ring(s->turn_fd);
	}
}

void sto_hand_fini(struct sto *s)
{
	for (unsigned i = 0; i < STO_READS_MAX; i++)
		sto_queue_close(&s->ask[i].rows);
	sto_queue_close(&s->hand);
}

// ---- the loop's side

static void row_restore(const struct sto_restore *r, const struct sto_item *i)
{
	switch (i->what) {
	case STO_PUT_NAS:
		r->nas(r->arg, &i->nas);
		return;
	case STO_PUT_BINDING:
		r->binding(r->arg, &i->binding);
		return;
	case STO_PUT_ENDPOINT:
		r->endpoint(r->arg, &i->endpoint);
		return;
	case STO_PUT_SENDER:
		r->sender(r->arg, &i->sender);
		return;
	case STO_DEL_ENDPOINT:
	case STO_DEL_SENDER:
	case STO_PUT_AUDIT:
	case STO_PUT_SAID:
		return;
	}
}

static void hand_take(struct sto *s)
{
	struct sto_item *i;

	(void)pthread_mutex_lock(&s->mutex); // as above
	const bool full = s->hand_full;
	(void)pthread_mutex_unlock(&s->mutex);
	if (!full)
		return;
	while ((i = sto_queue_next(&s->hand)) != NULL)
		row_restore(&s->restore, i);
	sto_queue_clear(&s->hand);
	(void)pthread_mutex_lock(&s->mutex); // as above
	s->hand_full = false;
	(void)pthread_cond_signal(&s->taken);
	(void)pthread_mutex_unlock(&s->mutex);
}

static void reads_tell(struct sto *s)
{
	for (unsigned i = 0; i < STO_READS_MAX; i++) {
		struct sto_item *row;

		(void)pthread_mutex_lock(&s->mutex); // as above
		struct sto_audit_ask a = s->ask[i];
		if (a.is == STO_READ_DONE)
			s->ask[i] = (struct sto_audit_ask){0}; // it may ask again from within
		(void)pthread_mutex_unlock(&s->mutex);
		if (a.is != STO_READ_DONE)
			continue;
		while ((row = sto_queue_next(&a.rows)) != NULL)
			a.each(a.arg, &row->audit);
		a.each(a.arg, NULL);
		sto_queue_close(&a.rows);
	}
}

int sto_fd(const struct sto *s)
{
	return s->turn_fd;
}

void sto_turn(struct sto *s)
{
	uint64_t n;

	(void)!read(s->turn_fd, &n, sizeof(n)); // nothing there: nothing is lost
	hand_take(s);
	reads_tell(s);
}

int sto_audit_read(struct sto *s, uint64_t before, uint32_t max, sto_audit_cb each, void *arg)
{
	struct sto_audit_ask ask = {
		.is = STO_READ_ASKED, .before = before, .max = max, .each = each, .arg = arg};
	int rc = -EAGAIN;

	if (sto_state(s) != STO_WELL)
		return -EIO;
	if (sto_queue_open(&ask.rows, max * sto_queue_most(STO_PUT_AUDIT)) != 0)
		return -ENOMEM;
	(void)pthread_mutex_lock(&s->mutex); // as above
	for (unsigned i = 0; rc != 0 && i < STO_READS_MAX; i++) {
		if (s->ask[i].is != STO_READ_FREE)
			continue;
		s->ask[i] = ask;
		rc = 0;
	}
	(void)pthread_cond_signal(&s->woken);
	(void)pthread_mutex_unlock(&s->mutex);
	if (rc != 0)
		sto_queue_close(&ask.rows);
	return rc;
}

// SPDX-License-Identifier: BSD-3-Clause
// The thread: what has come meanwhile goes into one transaction, and all of it is settled when that is
// committed. A file that fails is closed at once and everything queued counts as unstored: its owners have it
// in memory and say it again when the file is back, so nothing is ever written behind something newer.
// Thread: as the header says; functions of the store's own thread say so.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "sto_int.h"

LOG_COMPONENT("store");

enum {
	GATHER_US = 2000, // a group waits so long for more: an fdatasync costs more than its rows
	STEADY_US = 60000000, // a file that was back for less is tried again less often
	RETRY_TIMES_MAX = 16,
	FOLD_LEAST = 1000,
};

uint64_t sto_now_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts); // there is such a clock
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

void sto_ring(int fd)
{
	const uint64_t one = 1;

	(void)!write(fd, &one, sizeof(one)); // full: it is readable
}

static void lock(struct sto *s)
{
	(void)pthread_mutex_lock(&s->mutex); // no error: it is not recursive
}

static void unlock(struct sto *s)
{
	(void)pthread_mutex_unlock(&s->mutex);
}

static void state_set(struct sto *s, enum sto_state state)
{
	lock(s);
	atomic_store_explicit(&s->state, state, memory_order_release);
	s->status.since_s = time(NULL);
	s->status.losses += state == STO_LOST;
	memcpy(s->status.why, state == STO_LOST ? s->why : "", state == STO_LOST ? STO_WHY_MAX : 1);
	unlock(s);
	sto_ring(s->turn_fd);
}

void sto_lose(struct sto *s, const char *why)
{
	const uint64_t now = sto_now_us();
	const uint32_t most = s->conf.retry_ms * RETRY_TIMES_MAX;

	if (why != s->why)
		(void)snprintf(s->why, sizeof(s->why), "%s", why);
	sto_file_close(&s->file);
	s->retry_ms = s->back_us == 0 || now - s->back_us > STEADY_US ? s->conf.retry_ms
		: 2 * s->retry_ms < most                              ? 2 * s->retry_ms
								      : most;
	s->retry_us = now + (uint64_t)s->retry_ms * 1000;
	state_set(s, STO_LOST);
	LOG(ERR,
		"%s: %s: all goes on in memory alone, and is lost with this process, until it can "
		"be written again",
		s->path, s->why);
}

// ---- a group. The store's thread

// What can't be stored now; an operator's doings are kept.
static void group_drop(struct sto *s)
{
	struct sto_item *i;

	s->writing.read = 0;
	while ((i = sto_queue_next(&s->writing)) != NULL) {
		bool kept = false;

		if (i->what == STO_PUT_AUDIT) {
			lock(s);
			kept = sto_queue_put(&s->kept, i->what, &i->audit);
			unlock(s);
		}
		if (!kept && i->what != STO_PUT_SAID)
			(void)atomic_fetch_add_explicit(&s->unstored, 1, memory_order_relaxed);
	}
}

static int group_put(struct sto *s)
{
	struct sto_file *f = &s->file;
	struct sto_item *i;
	int rc = sto_step(f->sql[STO_SQL_BEGIN]);

	while (rc == SQLITE_OK && (i = sto_queue_next(&s->writing)) != NULL)
		if (i->what != STO_PUT_SAID || i->said.era == sto_era(s))
			rc = sto_rows_write(f, i);
	if (rc == SQLITE_OK && sto_fold_is_due(f)) // faster than news come
		rc = sto_fold_some(f, 2 * s->writing.rows + FOLD_LEAST);
	return rc == SQLITE_OK ? sto_step(f->sql[STO_SQL_COMMIT]) : rc;
}

void sto_failed(struct sto *s, int rc)
{
	char why[STO_WHY_MAX];

	s->garbled = (rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB;
	(void)snprintf(why, sizeof(why), "%s (%d)", sqlite3_errstr(rc), rc);
	sto_lose(s, why);
}

static void file_measure(struct sto *s)
{
	static const char *const beside[] = {"", "-wal"};
	const uint32_t now_s = (uint32_t)(sto_now_us() / 1000000);
	uint64_t bytes = 0;
	char name[4200];
	struct stat st;

	if (now_s == s->stat_s)
		return;
	s->stat_s = now_s;
	for (unsigned i = 0; i < 2; i++) {
		(void)snprintf(name, sizeof(name), "%s%s", s->path, beside[i]);
		bytes += stat(name, &st) == 0 ? (uint64_t)st.st_size : 0;
	}
	lock(s);
	s->status.bytes = bytes;
	unlock(s);
}

static void group_write(struct sto *s)
{
	const int rc = sto_state(s) == STO_WELL ? group_put(s) : SQLITE_OK;

	if (rc != SQLITE_OK)
		sto_failed(s, rc);
	if (sto_state(s) == STO_WELL) {
		lock(s);
		s->status.rows += s->writing.rows;
		s->status.commits++;
		unlock(s);
		file_measure(s);
	} else {
		group_drop(s);
	}
}

// A minute of the longest wait ends; locked.
static void wait_turn(struct sto *s)
{
	const uint64_t minute = sto_now_us() / 60000000, past = minute - s->wait_minute;

	if (past == 0)
		return;
	s->wait_ms[1] = past == 1 ? s->wait_ms[0] : 0;
	s->wait_ms[0] = 0;
	s->wait_minute = minute;
}

static void settle(struct sto *s, uint64_t ticket)
{
	const uint64_t waited_ms =
		s->writing.rows == 0 ? 0 : (sto_now_us() - s->writing.since_us) / 1000;

	sto_queue_clear(&s->writing);
	lock(s);
	wait_turn(s);
	if (waited_ms > s->wait_ms[0])
		s->wait_ms[0] = (uint32_t)waited_ms;
	unlock(s);
	// Pairs with sto_settled: whoever sees it may acknowledge.
	atomic_store_explicit(&s->settled, ticket, memory_order_release);
	sto_ring(s->settled_fd);
}

// ---- lost and found

static int kept_write(struct sto *s)
{
	struct sto_item *i;
	int rc = sto_step(s->file.sql[STO_SQL_BEGIN]);

	lock(s);
	s->kept.read = 0;
	while (rc == SQLITE_OK && (i = sto_queue_next(&s->kept)) != NULL)
		rc = sto_rows_write(&s->file, i);
	unlock(s);
	if (rc == SQLITE_OK)
		rc = sto_step(s->file.sql[STO_SQL_COMMIT]);
	lock(s);
	if (rc == SQLITE_OK)
		sto_queue_clear(&s->kept);
	unlock(s);
	return rc;
}

static void try_again(struct sto *s)
{
	int rc = sto_file_open(s);

	s->retry_us = sto_now_us() + (uint64_t)s->retry_ms * 1000;
	if (rc != 0)
		return;
	s->back_us = sto_now_us();
	rc = kept_write(s);
	if (rc != SQLITE_OK) {
		sto_failed(s, rc);
		return;
	}
	state_set(s, STO_WELL);
	LOG(NOTICE, "%s: can be written again: all that is known goes into it", s->path);
	if (s->load_owed)
		sto_hand_load(s);
	if (sto_state(s) == STO_WELL) // pairs with sto_era
		(void)atomic_fetch_add_explicit(&s->era, 1, memory_order_release);
}

// ---- the thread

static bool is_asked(const struct sto *s)
{
	for (unsigned i = 0; i < STO_READS_MAX; i++)
		if (s->ask[i].is == STO_READ_ASKED)
			return true;
	return false;
}

static void wait(struct sto *s) // under the lock
{
	while (!s->stop && s->filling.rows == 0 && !is_asked(s)) {
		struct timespec until = {.tv_sec = (time_t)(s->retry_us / 1000000),
			.tv_nsec = (long)(s->retry_us % 1000000 * 1000)};

		if (sto_state(s) == STO_WELL && sto_fold_is_due(&s->file))
			return;
		if (sto_state(s) != STO_LOST)
			(void)pthread_cond_wait(&s->woken, &s->mutex);
		else if (pthread_cond_timedwait(&s->woken, &s->mutex, &until) == ETIMEDOUT)
			return;
	}
}

static void gather(struct sto *s)
{
	const struct timespec some = {.tv_nsec = GATHER_US * 1000};
	bool alone;

	lock(s);
	alone = !s->stop && s->filling.rows > 0 && s->filling.used < s->filling.size / 4;
	unlock(s);
	if (alone)
		(void)nanosleep(&some, NULL); // shorter is shorter
}

// Takes what is queued. The last ticket in it.
static uint64_t queue_take(struct sto *s, bool *stop)
{
	lock(s);
	const struct sto_queue q = s->filling;
	const uint64_t ticket = s->ticket;
	s->filling = s->writing;
	s->writing = q;
	*stop = s->stop;
	unlock(s);
	return ticket;
}

static void *keep(void *arg)
{
	struct sto *s = arg;
	bool stop = false;

	while (!stop) {
		lock(s);
		wait(s);
		unlock(s);
		gather(s);
		const uint64_t ticket = queue_take(s, &stop);
		group_write(s);
		settle(s, ticket);
		if (!stop && sto_state(s) == STO_LOST && sto_now_us() >= s->retry_us)
			try_again(s);
		sto_hand_reads(s);
	}
	return NULL;
}

// ---- open, start, close

static bool parts_make(struct sto *s, const struct sto_conf *conf)
{
	const uint32_t bytes = conf->queue_bytes == 0 ? STO_QUEUE_BYTES : conf->queue_bytes;
	pthread_condattr_t attr;

	s->conf = *conf;
	s->conf.queue_bytes = bytes;
	s->conf.retry_ms = s->retry_ms = conf->retry_ms == 0 ? STO_RETRY_MS : conf->retry_ms;
	s->path = conf->file == NULL ? NULL : strdup(conf->file);
	s->conf.file = s->path;
	s->settled_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	s->turn_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return (conf->file == NULL || s->path != NULL) && s->settled_fd >= 0 && s->turn_fd >= 0 &&
		sto_queue_open(&s->filling, bytes) == 0 &&
		sto_queue_open(&s->writing, bytes) == 0 &&
		sto_queue_open(&s->kept, STO_AUDIT_KEPT * sto_queue_most(STO_PUT_AUDIT)) == 0 &&
		pthread_condattr_init(&attr) == 0 &&
		pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 &&
		pthread_cond_init(&s->woken, &attr) == 0 &&
		pthread_cond_init(&s->taken, &attr) == 0 && pthread_condattr_destroy(&attr) == 0;
}

struct sto *sto_open(const struct sto_conf *conf)
{
	struct sto *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->lock = s->settled_fd = s->turn_fd = -1;
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); // begun already: it stays as it is
	if (pthread_mutex_init(&s->mutex, NULL) != 0 || !parts_make(s, conf)) {
		sto_close(s);
		errno = ENOMEM;
		return NULL;
	}
	s->load_owed = true;
	s->status.since_s = time(NULL);
	if (s->path == NULL)
		return s; // STO_NONE
	if (sto_file_open(s) == 0)
		state_set(s, STO_WELL);
	else
		sto_lose(s, s->why);
	return s;
}

static bool secret_known(const struct sto *s, const char *name, uint8_t out[STO_SECRET])
{
	for (uint32_t i = 0; i < s->nsecret; i++)
		if (strcmp(s->secret[i].name, name) == 0) {
			memcpy(out, s->secret[i].octets, STO_SECRET);
			return true;
		}
	return false;
}

int sto_secret(struct sto *s, const char *name, uint8_t out[STO_SECRET])
{
	struct sto_secret_row *row = &s->secret[s->nsecret];
	int rc = SQLITE_NOTFOUND;

	if (secret_known(s, name, out))
		return 0;
	if (s->nsecret == STO_SECRETS_MAX || strlen(name) >= STO_SECRET_NAME)
		return -EINVAL;
	if (sto_state(s) == STO_WELL)
		rc = sto_secret_read(s->file.db, name, out);
	if (rc != SQLITE_OK && getrandom(out, STO_SECRET, 0) != STO_SECRET)
		return -errno;
	(void)snprintf(row->name, sizeof(row->name), "%s", name);
	memcpy(row->octets, out, STO_SECRET);
	s->nsecret++; // a file that comes later gets it
	if (rc == SQLITE_NOTFOUND && sto_state(s) == STO_WELL)
		rc = sto_secret_write(s->file.db, row);
	if (rc != SQLITE_OK && sto_state(s) == STO_WELL)
		sto_failed(s, rc);
	return 0;
}

void sto_load(struct sto *s, const struct sto_restore *r)
{
	struct sto_read read = {.to = &s->restore};

	s->restore = *r;
	if (sto_state(s) != STO_WELL)
		return;
	const uint64_t began_us = sto_now_us();
	const int rc = sto_rows_read(s->file.db, &read);
	LOG(NOTICE, "%s: %llu rows read in %llu ms, %llu left out that make no sense", s->path,
		(unsigned long long)read.rows, (unsigned long long)(sto_now_us() - began_us) / 1000,
		(unsigned long long)read.odd);
	if (rc != SQLITE_OK)
		sto_failed(s, rc); // what was read stays, and goes into the next file
	s->load_owed = rc != SQLITE_OK && !s->garbled; // nothing more can be had of a garbled one
}

int sto_start(struct sto *s)
{
	sigset_t all, before;

	if (s->path == NULL)
		return 0;
	(void)sigfillset(&all); // signals are the loop's
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	const int rc = pthread_create(&s->thread, NULL, keep, s);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	s->running = rc == 0;
	return -rc;
}

static void thread_end(struct sto *s)
{
	bool stop;

	lock(s);
	s->stop = true;
	(void)pthread_cond_signal(&s->woken);
	(void)pthread_cond_signal(&s->taken);
	unlock(s);
	if (s->running)
		(void)pthread_join(s->thread, NULL); // ours, not joined before
	if (!s->running && s->filling.rows > 0) {
		const uint64_t ticket = queue_take(s, &stop);

		group_write(s);
		settle(s, ticket);
	}
}

void sto_close(struct sto *s)
{
	if (s == NULL)
		return;
	thread_end(s);
	if (s->file.db != NULL)
		sto_file_close(&s->file);
	sto_hand_fini(s);
	sto_queue_close(&s->filling);
	sto_queue_close(&s->writing);
	sto_queue_close(&s->kept);
	const int fd[] = {s->lock, s->settled_fd, s->turn_fd};
	for (unsigned i = 0; i < 3; i++)
		if (fd[i] >= 0)
			(void)close(fd[i]);     // nothing is lost
	(void)pthread_mutex_destroy(&s->mutex); // nobody has it
	(void)pthread_cond_destroy(&s->woken);
	(void)pthread_cond_destroy(&s->taken);
	free(s->path);
	free(s);
}

// ---- put

static int put(struct sto *s, enum sto_what what, const void *row, uint64_t *ticket)
{
	const bool first = what == STO_PUT_BINDING || what == STO_PUT_NAS;
	bool taken, kept = false;

	if (ticket != NULL)
		*ticket = 0;
	if (s->path == NULL)
		return 0;
	lock(s);
	const bool lost = sto_state(s) == STO_LOST;
	if (lost) {
		taken = false;
		kept = what == STO_PUT_AUDIT && sto_queue_put(&s->kept, what, row);
	} else {
		taken = (first || s->filling.used < s->filling.size / 2) &&
			sto_queue_put(&s->filling, what, row);
	}
	if (taken && ticket != NULL)
		*ticket = s->ticket + 1;
	s->ticket += taken;
	if (taken && s->filling.rows == 1) {
		s->filling.since_us = sto_now_us();
		(void)pthread_cond_signal(&s->woken);
	}
	unlock(s);
	if (lost && !kept && what != STO_PUT_SAID)
		(void)atomic_fetch_add_explicit(&s->unstored, 1, memory_order_relaxed);
	return taken || kept ? 0 : lost ? -EIO : -EAGAIN;
}

int sto_binding_put(struct sto *s, const struct sto_binding *row, uint64_t *ticket)
{
	return put(s, STO_PUT_BINDING, row, ticket);
}

int sto_nas_put(struct sto *s, const struct sto_nas *row, uint64_t *ticket)
{
	return put(s, STO_PUT_NAS, row, ticket);
}

int sto_endpoint_put(struct sto *s, const struct sto_endpoint *row, uint64_t *ticket)
{
	return put(s, STO_PUT_ENDPOINT, row, ticket);
}

int sto_endpoint_del(struct sto *s, uint64_t key, uint64_t *ticket)
{
	return put(s, STO_DEL_ENDPOINT, &(struct sto_endpoint){.key = key}, ticket);
}

int sto_sender_put(struct sto *s, const struct sto_sender *row, uint64_t *ticket)
{
	return put(s, STO_PUT_SENDER, row, ticket);
}

int sto_sender_del(struct sto *s, const struct sto_sender *row, uint64_t *ticket)
{
	return put(s, STO_DEL_SENDER, row, ticket);
}

int sto_audit_put(struct sto *s, const struct sto_audit *row, uint64_t *ticket)
{
	return put(s, STO_PUT_AUDIT, row, ticket);
}

int sto_said(struct sto *s, enum sto_kind kind, uint32_t era)
{
	return put(s, STO_PUT_SAID, &(struct sto_said){.kind = kind, .era = era}, NULL);
}

uint32_t sto_room(struct sto *s)
{
	lock(s);
	const size_t n = s->filling.size - s->filling.used;
	unlock(s);
	return (uint32_t)(n / sto_queue_most(STO_PUT_BINDING));
}

// ---- asked by any thread

uint64_t sto_settled(const struct sto *s)
{
	return atomic_load_explicit(&s->settled, memory_order_acquire); // pairs with settle
}

int sto_settled_fd(const struct sto *s)
{
	return s->settled_fd;
}

enum sto_state sto_state(const struct sto *s)
{
	return atomic_load_explicit(&s->state, memory_order_acquire); // pairs with state_set
}

uint32_t sto_era(const struct sto *s)
{
	return atomic_load_explicit(&s->era, memory_order_acquire); // pairs with try_again
}

void sto_status(struct sto *s, struct sto_status *out)
{
	lock(s);
	*out = s->status;
	out->state = sto_state(s);
	out->queued = s->filling.used;
	wait_turn(s);
	out->wait_ms = s->wait_ms[0] > s->wait_ms[1] ? s->wait_ms[0] : s->wait_ms[1];
	unlock(s);
	out->unstored = atomic_load_explicit(&s->unstored, memory_order_relaxed);
}

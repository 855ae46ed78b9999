// SPDX-License-Identifier: BSD-3-Clause
// Opens the file so that it can be trusted to be written: nobody else's, of a version that is known, made if
// there is none, moved aside if it is garbled. synchronous=FULL: what a ticket says is on disk has been synced,
// so that a loss of power takes nothing acknowledged; with groups that costs one fdatasync a group, not a row.
// Thread: whoever has the file.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "sto_int.h"

LOG_COMPONENT("store");

enum { APPLICATION = 0x4d574652, BUSY_MS = 2000, NAME_MAX_OCTETS = 4200 };

static const char *const beside[] = {"", "-wal", "-shm"};

int sto_run(sqlite3 *db, const char *sql)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

int sto_step(sqlite3_stmt *q)
{
	const int rc = sqlite3_step(q);

	(void)sqlite3_reset(q); // says again what the step said
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

// The first column of the first row.
static int number_read(sqlite3 *db, const char *sql, int64_t *out)
{
	sqlite3_stmt *q = NULL;
	int rc = sqlite3_prepare_v2(db, sql, -1, &q, NULL);

	if (rc == SQLITE_OK && (rc = sqlite3_step(q)) == SQLITE_ROW)
		*out = sqlite3_column_int64(q, 0);
	(void)sqlite3_finalize(q); // as above
	return rc == SQLITE_ROW ? SQLITE_OK : rc == SQLITE_DONE ? SQLITE_NOTFOUND : rc;
}

static bool is_garbled(int rc)
{
	return (rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB;
}

// ---- before it is ours

static int lock_take(struct sto *s)
{
	char name[NAME_MAX_OCTETS];

	if (s->lock >= 0)
		return 0;
	(void)snprintf(name, sizeof(name), "%s.lock", s->path);
	s->lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->lock >= 0 && flock(s->lock, LOCK_EX | LOCK_NB) == 0)
		return 0;
	const int rc = -errno;
	if (s->lock >= 0)
		(void)close(s->lock); // nothing is lost
	s->lock = -1;
	if (rc == -EWOULDBLOCK)
		(void)snprintf(s->why, sizeof(s->why), "another process has it");
	else
		(void)snprintf(s->why, sizeof(s->why), "%.150s: %s", name, strerror(-rc));
	return rc;
}

// As it is on disk, without changing anything of it. 0, or -EPROTO where it is not to be touched.
static int version_check(struct sto *s)
{
	sqlite3 *db = NULL;
	int64_t version = 0, application = 0, tables = 0;
	int rc = sqlite3_open_v2(s->path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);

	if (rc == SQLITE_OK)
		rc = number_read(db, "PRAGMA user_version", &version);
	if (rc == SQLITE_OK)
		rc = number_read(db, "PRAGMA application_id", &application);
	if (rc == SQLITE_OK)
		rc = number_read(db, "SELECT count(*) FROM sqlite_master", &tables);
	s->garbled = s->garbled || is_garbled(rc);
	(void)sqlite3_close(db); // read only
	if (rc != SQLITE_OK)
		return 0; // whoever opens it to write will say why
	if (tables > 0 && application != APPLICATION) {
		(void)snprintf(s->why, sizeof(s->why), "it is another program's");
		return -EPROTO;
	}
	if (version > sto_schema_version) {
		(void)snprintf(s->why, sizeof(s->why),
			"a newer version wrote it: schema %lld, this one knows %d",
			(long long)version, sto_schema_version);
		return -EPROTO;
	}
	return 0;
}

static int aside_move(struct sto *s)
{
	char from[NAME_MAX_OCTETS], to[NAME_MAX_OCTETS];
	const long long now = time(NULL);

	for (unsigned i = 0; i < 3; i++) {
		(void)snprintf(from, sizeof(from), "%s%s", s->path, beside[i]);
		(void)snprintf(to, sizeof(to), "%s.garbled-%lld%s", s->path, now, beside[i]);
		if (rename(from, to) < 0 && errno != ENOENT) {
			const int rc = -errno;

			(void)snprintf(s->why, sizeof(s->why),
				"it is garbled and can't be moved aside: %s", strerror(-rc));
			return rc;
		}
	}
	LOG(ERR, "%s: it is garbled: moved to %s.garbled-%lld, a new one is begun", s->path,
		s->path, now);
	s->garbled = false;
	return 0;
}

// Nobody else may read it; SQLite gives the files beside it the same rights.
static int file_make(struct sto *s)
{
	const int fd = open(s->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int rc = fd < 0 ? -errno : 0;
	struct stat st;

	if (rc == 0 && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode))
		rc = -EINVAL;
	if (rc == 0 && (st.st_mode & 077) != 0 && fchmod(fd, 0600) < 0)
		rc = -errno;
	if (fd >= 0)
		(void)close(fd); // nothing was written
	if (rc != 0)
		(void)snprintf(s->why, sizeof(s->why), "%s", strerror(-rc));
	return rc;
}

// ---- in it

int sto_secret_read(sqlite3 *db, const char *name, uint8_t out[STO_SECRET])
{
	sqlite3_stmt *q = NULL;
	int rc = sqlite3_prepare_v2(
		db, "SELECT value FROM meta WHERE name = 'secret ' || ?1", -1, &q, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(q, 1, name, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(q);
	if (rc == SQLITE_ROW && sqlite3_column_bytes(q, 0) == STO_SECRET) {
		memcpy(out, sqlite3_column_blob(q, 0), STO_SECRET);
		rc = SQLITE_OK;
	} else if (rc == SQLITE_ROW || rc == SQLITE_DONE) {
		rc = SQLITE_NOTFOUND;
	}
	(void)sqlite3_finalize(q); // as above
	return rc;
}

int sto_secret_write(sqlite3 *db, const struct sto_secret_row *row)
{
	sqlite3_stmt *q = NULL;
	int rc = sqlite3_prepare_v2(
		db, "INSERT OR REPLACE INTO meta VALUES ('secret ' || ?1, ?2)", -1, &q, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(q, 1, row->name, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_blob(q, 2, row->octets, STO_SECRET, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sto_step(q);
	(void)sqlite3_finalize(q); // as above
	return rc;
}

static int secrets_write(struct sto *s)
{
	int rc = SQLITE_OK;

	for (uint32_t i = 0; rc == SQLITE_OK && i < s->nsecret; i++)
		rc = sto_secret_write(s->file.db, &s->secret[i]);
	return rc;
}

static int pragmas_run(sqlite3 *db)
{
	// A log of 32 MiB between two checkpoints: a page that is written often is copied seldom.
	int rc = sto_run(db,
		"PRAGMA journal_mode = WAL;"
		"PRAGMA synchronous = FULL;"
		"PRAGMA wal_autocheckpoint = 8192;"
		"PRAGMA journal_size_limit = 67108864;"
		"PRAGMA cache_size = -65536;"
		"PRAGMA temp_store = MEMORY;");

	return rc == SQLITE_OK ? sqlite3_busy_timeout(db, BUSY_MS) : rc;
}

// One transaction: the tables, what the last process left to be folded, a new era. It shows, too, that the
// file can be written.
static int begin(struct sto *s)
{
	struct sto_file *f = &s->file;
	int64_t version = 0, era = 0;
	char text[160];
	int rc = number_read(f->db, "PRAGMA user_version", &version);

	if (rc == SQLITE_OK)
		rc = sto_run(f->db, "BEGIN IMMEDIATE");
	if (rc == SQLITE_OK)
		rc = sto_schema_make(f->db, (int)version);
	(void)sqlite3_snprintf(sizeof(text), text, "PRAGMA application_id = %d", APPLICATION);
	if (rc == SQLITE_OK && version == 0)
		rc = sto_run(f->db, text);
	if (rc == SQLITE_OK)
		rc = sto_fold_all(f);
	if (rc == SQLITE_OK)
		rc = number_read(f->db, "SELECT value FROM meta WHERE name = 'era'", &era);
	f->era = (uint32_t)era + 1;
	(void)sqlite3_snprintf(sizeof(text), text,
		"UPDATE meta SET value = %u WHERE name = 'era';"
		"DELETE FROM audit WHERE number <= (SELECT max(number) FROM audit) - %d;",
		f->era, STO_AUDIT_ROWS);
	if (rc == SQLITE_OK)
		rc = sto_run(f->db, text);
	if (rc == SQLITE_OK)
		rc = secrets_write(s);
	return rc == SQLITE_OK ? sto_run(f->db, "COMMIT") : rc;
}

static int file_open(struct sto *s)
{
	struct sto_file *f = &s->file;
	int rc = sqlite3_open_v2(s->path, &f->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_extended_result_codes(f->db, 1);
	if (rc == SQLITE_OK)
		rc = pragmas_run(f->db);
	if (rc == SQLITE_OK)
		rc = begin(s);
	if (rc == SQLITE_OK)
		rc = sto_schema_prepare(f);
	if (rc == SQLITE_OK)
		return 0;
	(void)snprintf(s->why, sizeof(s->why), "%s",
		f->db == NULL ? sqlite3_errstr(rc) : sqlite3_errmsg(f->db));
	s->garbled = s->garbled || is_garbled(rc);
	sto_file_close(f);
	return -EIO;
}

int sto_file_open(struct sto *s)
{
	int rc = lock_take(s);

	if (rc == 0 && !s->garbled)
		rc = version_check(s);
	if (rc == 0 && s->garbled)
		rc = aside_move(s);
	if (rc == 0)
		rc = file_make(s);
	if (rc == 0)
		rc = file_open(s);
	if (rc == 0 || !s->garbled)
		return rc;
	rc = aside_move(s);
	if (rc == 0)
		rc = file_make(s);
	return rc == 0 ? file_open(s) : rc;
}

void sto_file_close(struct sto_file *f)
{
	for (int i = 0; i < STO_SQL_COUNT; i++) {
		(void)sqlite3_finalize(f->sql[i]); // says again what the last step said
		f->sql[i] = NULL;
	}
	(void)sqlite3_close(f->db); // all statements are gone: it closes
	f->db = NULL;
	sto_fold_fini(f);
}

int sto_chown(struct sto *s, unsigned uid, unsigned gid)
{
	char name[NAME_MAX_OCTETS];

	if (s->path == NULL)
		return 0;
	for (unsigned i = 0; i < 4; i++) {
		(void)snprintf(name, sizeof(name), "%s%s", s->path, i < 3 ? beside[i] : ".lock");
		if (lchown(name, uid, gid) < 0 && errno != ENOENT)
			return -errno;
	}
	return 0;
}

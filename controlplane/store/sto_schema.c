// SPDX-License-Identifier: BSD-3-Clause
// The tables, step by step: a file of version N gets the steps from N on, all in one transaction. A step is
// never changed once it was released; another one follows it. `era` is the opening of the file in which a row
// was written. Keys of bindings: context (4 octets, big-endian), VLAN (2), address (16), length (1), first and
// last port (2 each); of senders the same without ports.
// Thread: whoever has the file.
#include "sto_int.h"

#define BINDING_COLUMNS                                                             \
	" has INTEGER NOT NULL, shared INTEGER NOT NULL, session INTEGER NOT NULL," \
	" nas INTEGER NOT NULL, nas_era INTEGER NOT NULL, before INTEGER NOT NULL," \
	" at_s INTEGER NOT NULL, seen_s INTEGER NOT NULL, id BLOB NOT NULL, era INTEGER NOT NULL"
#define KNOWN_COLUMNS                                                                       \
	" list INTEGER NOT NULL, list_s INTEGER NOT NULL, until_s INTEGER NOT NULL,"        \
	" comment TEXT NOT NULL, block_s INTEGER NOT NULL, block_until_s INTEGER NOT NULL," \
	" profile TEXT NOT NULL, auth_s INTEGER NOT NULL, auth_until_s INTEGER NOT NULL,"   \
	" auth_failures INTEGER NOT NULL, windows BLOB NOT NULL, era INTEGER NOT NULL"

static const char *const steps[] = {
	// 1
	"CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
	"INSERT INTO meta VALUES ('era', 0);"
	"CREATE TABLE bindings (key BLOB PRIMARY KEY," BINDING_COLUMNS ") WITHOUT ROWID;"
	"CREATE TABLE nas (nas INTEGER PRIMARY KEY, nas_era INTEGER NOT NULL, era INTEGER NOT NULL);"
	"CREATE TABLE endpoints (key INTEGER PRIMARY KEY, id BLOB NOT NULL," KNOWN_COLUMNS ");"
	"CREATE TABLE senders (key BLOB PRIMARY KEY," KNOWN_COLUMNS ") WITHOUT ROWID;"
	"CREATE TABLE audit (number INTEGER PRIMARY KEY AUTOINCREMENT, at_s INTEGER NOT NULL,"
	" who TEXT NOT NULL, verb TEXT NOT NULL, object TEXT NOT NULL, comment TEXT NOT NULL);",
	// 2: bindings are appended first
	"CREATE TABLE news0 (n INTEGER PRIMARY KEY, key BLOB NOT NULL," BINDING_COLUMNS ");"
	"CREATE TABLE news1 (n INTEGER PRIMARY KEY, key BLOB NOT NULL," BINDING_COLUMNS ");",
	// 3: the newest event by the clock of its NAS
	"ALTER TABLE bindings ADD COLUMN event_s INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE news0 ADD COLUMN event_s INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE news1 ADD COLUMN event_s INTEGER NOT NULL DEFAULT 0;",
	// 4: whether the session before has ended since
	"ALTER TABLE bindings ADD COLUMN before_over INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE news0 ADD COLUMN before_over INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE news1 ADD COLUMN before_over INTEGER NOT NULL DEFAULT 0;",
};

const int sto_schema_version = sizeof(steps) / sizeof(steps[0]);

int sto_schema_make(sqlite3 *db, int version)
{
	char text[64];
	int rc = SQLITE_OK;

	for (int i = version; rc == SQLITE_OK && i < sto_schema_version; i++)
		rc = sto_run(db, steps[i]);
	(void)sqlite3_snprintf(sizeof(text), text, "PRAGMA user_version = %d", sto_schema_version);
	return rc == SQLITE_OK && version < sto_schema_version ? sto_run(db, text) : rc;
}

#define NEWS " VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14)"
#define KNOWN ",?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14)"

static const char *const texts[] = {
	[STO_SQL_BEGIN] = "BEGIN IMMEDIATE",
	[STO_SQL_COMMIT] = "COMMIT",
	[STO_SQL_NEWS0] = "INSERT INTO news0" NEWS,
	[STO_SQL_NEWS1] = "INSERT INTO news1" NEWS,
	[STO_SQL_FOLD0] =
		"INSERT OR REPLACE INTO bindings SELECT key, has, shared, session, nas,"
		" nas_era, before, at_s, seen_s, id, era, event_s, before_over FROM news0 WHERE n = ?1",
	[STO_SQL_FOLD1] =
		"INSERT OR REPLACE INTO bindings SELECT key, has, shared, session, nas,"
		" nas_era, before, at_s, seen_s, id, era, event_s, before_over FROM news1 WHERE n = ?1",
	[STO_SQL_GONE] = "DELETE FROM bindings WHERE key = ?1",
	[STO_SQL_CLEAR0] = "DELETE FROM news0",
	[STO_SQL_CLEAR1] = "DELETE FROM news1",
	[STO_SQL_NAS] = "INSERT OR REPLACE INTO nas VALUES (?1,?2,?3)",
	[STO_SQL_NAS_DEL] = "DELETE FROM nas WHERE nas = ?1",
	[STO_SQL_ENDPOINT] = "INSERT OR REPLACE INTO endpoints VALUES (?1,?2" KNOWN,
	[STO_SQL_ENDPOINT_DEL] = "DELETE FROM endpoints WHERE key = ?1",
	[STO_SQL_SENDER] = "INSERT OR REPLACE INTO senders VALUES (?1" KNOWN,
	[STO_SQL_SENDER_DEL] = "DELETE FROM senders WHERE key = ?1",
	[STO_SQL_AUDIT] =
		"INSERT INTO audit (at_s, who, verb, object, comment) VALUES (?1,?2,?3,?4,?5)",
};
_Static_assert(sizeof(texts) / sizeof(texts[0]) == STO_SQL_COUNT, "a text each");

int sto_schema_prepare(struct sto_file *f)
{
	int rc = SQLITE_OK;

	for (int i = 0; rc == SQLITE_OK && i < STO_SQL_COUNT; i++)
		rc = sqlite3_prepare_v3(
			f->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &f->sql[i], NULL);
	return rc;
}

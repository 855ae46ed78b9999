// SPDX-License-Identifier: BSD-3-Clause
// Rows to statements and back. What is read is not trusted: a file can be older, edited by hand, garbled in a
// way that SQLite does not see; a row that makes no sense is left out.
// Thread: whoever has the file.
#include <string.h>

#include "sto_int.h"

// ---- keys

static uint8_t *put_be(uint8_t *to, uint64_t v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		to[i] = (uint8_t)(v >> 8 * (n - 1 - i));
	return to + n;
}

static uint64_t get_be(const uint8_t *from, unsigned n)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < n; i++)
		v = v << 8 | from[i];
	return v;
}

static uint8_t *put_place(uint8_t *to, uint32_t context, uint16_t vlan, const struct prefix *prefix)
{
	to = put_be(put_be(to, context, 4), vlan, 2);
	memcpy(to, prefix->addr.b, 16);
	return put_be(to + 16, prefix->len, 1);
}

void sto_key_binding(const struct sto_binding *b, uint8_t key[STO_KEY])
{
	uint8_t *to = put_place(key, b->context, b->vlan, &b->prefix);

	(void)put_be(put_be(to, b->port_first, 2), b->port_last, 2);
}

static bool get_place(const uint8_t *from, uint32_t *context, uint16_t *vlan, struct prefix *prefix)
{
	*context = (uint32_t)get_be(from, 4);
	*vlan = (uint16_t)get_be(from + 4, 2);
	memcpy(prefix->addr.b, from + 6, 16);
	prefix->len = from[22];
	for (unsigned bit = prefix->len; bit < 128; bit++)
		if (prefix->addr.b[bit / 8] & (0x80 >> bit % 8))
			return false; // its key would not be found
	return prefix->len <= 128;
}

// ---- writing

static int blob_bind(sqlite3_stmt *q, int at, struct span s)
{
	return sqlite3_bind_blob(q, at, s.n > 0 ? (const void *)s.p : "", (int)s.n, SQLITE_STATIC);
}

static int text_bind(sqlite3_stmt *q, int at, struct span s)
{
	return sqlite3_bind_text(q, at, s.n > 0 ? (const char *)s.p : "", (int)s.n, SQLITE_STATIC);
}

// Columns from `at` on.
static int known_bind(sqlite3_stmt *q, const struct sto_known *k, uint32_t era)
{
	return sqlite3_bind_int64(q, 3, k->list) | sqlite3_bind_int64(q, 4, k->list_s) |
		sqlite3_bind_int64(q, 5, k->until_s) | text_bind(q, 6, k->comment) |
		sqlite3_bind_int64(q, 7, k->block_s) | sqlite3_bind_int64(q, 8, k->block_until_s) |
		text_bind(q, 9, k->profile) | sqlite3_bind_int64(q, 10, k->auth_s) |
		sqlite3_bind_int64(q, 11, k->auth_until_s) |
		sqlite3_bind_int64(q, 12, k->auth_failures) | blob_bind(q, 13, k->windows) |
		sqlite3_bind_int64(q, 14, era);
}

static int step_bound(sqlite3_stmt *q, int rc)
{
	return rc == SQLITE_OK ? sto_step(q) : SQLITE_NOMEM; // nothing else makes a bind fail
}

static int endpoint_write(struct sto_file *f, const struct sto_endpoint *e)
{
	sqlite3_stmt *q = f->sql[STO_SQL_ENDPOINT];

	return step_bound(q,
		sqlite3_bind_int64(q, 1, (int64_t)e->key) | blob_bind(q, 2, e->id) |
			known_bind(q, &e->known, f->era));
}

static int sender_write(struct sto_file *f, enum sto_sql sql, const struct sto_sender *s)
{
	sqlite3_stmt *q = f->sql[sql];
	uint8_t key[STO_KEY_SENDER];

	(void)put_place(key, s->context, s->vlan, &s->prefix);
	const int rc = blob_bind(q, 1, (struct span){key, sizeof(key)});
	return step_bound(
		q, rc | (sql == STO_SQL_SENDER ? known_bind(q, &s->known, f->era) : SQLITE_OK));
}

static int audit_write(struct sto_file *f, const struct sto_audit *a)
{
	sqlite3_stmt *q = f->sql[STO_SQL_AUDIT];

	return step_bound(q,
		sqlite3_bind_int64(q, 1, a->at_s) | text_bind(q, 2, a->who) |
			text_bind(q, 3, a->verb) | text_bind(q, 4, a->object) |
			text_bind(q, 5, a->comment));
}

int sto_rows_write(struct sto_file *f, const struct sto_item *i)
{
	sqlite3_stmt *q;

	switch (i->what) {
	case STO_PUT_BINDING:
		return sto_fold_news(f, &i->binding);
	case STO_PUT_NAS:
		if (i->nas.era == 0) {
			q = f->sql[STO_SQL_NAS_DEL];
			return step_bound(q, sqlite3_bind_int64(q, 1, (int64_t)i->nas.nas));
		}
		q = f->sql[STO_SQL_NAS];
		return step_bound(q,
			sqlite3_bind_int64(q, 1, (int64_t)i->nas.nas) |
				sqlite3_bind_int64(q, 2, i->nas.era) |
				sqlite3_bind_int64(q, 3, f->era));
	case STO_PUT_ENDPOINT:
		return endpoint_write(f, &i->endpoint);
	case STO_DEL_ENDPOINT:
		q = f->sql[STO_SQL_ENDPOINT_DEL];
		return step_bound(q, sqlite3_bind_int64(q, 1, (int64_t)i->endpoint.key));
	case STO_PUT_SENDER:
		return sender_write(f, STO_SQL_SENDER, &i->sender);
	case STO_DEL_SENDER:
		return sender_write(f, STO_SQL_SENDER_DEL, &i->sender);
	case STO_PUT_AUDIT:
		return audit_write(f, &i->audit);
	case STO_PUT_SAID:
		return sto_rows_sweep(f, i->said.kind);
	}
	return SQLITE_MISUSE;
}

int sto_rows_sweep(struct sto_file *f, enum sto_kind kind)
{
	static const char *const format[STO_KINDS] = {
		[STO_BINDINGS] =
			"DELETE FROM bindings WHERE era < %u; DELETE FROM nas WHERE era < %u",
		[STO_ENDPOINTS] = "DELETE FROM endpoints WHERE era < %u",
		[STO_SENDERS] = "DELETE FROM senders WHERE era < %u",
	};
	char text[128];
	int rc = SQLITE_OK;

	if (kind == STO_BINDINGS)
		rc = sto_fold_rest(f);
	(void)sqlite3_snprintf(sizeof(text), text, format[kind], f->era, f->era);
	return rc == SQLITE_OK ? sto_run(f->db, text) : rc;
}

// ---- reading

static struct span span_column(sqlite3_stmt *q, int at, size_t most)
{
	const void *p = sqlite3_column_blob(q, at);
	const size_t n = (size_t)sqlite3_column_bytes(q, at);

	return (struct span){.p = p, .n = p == NULL ? 0 : n < most ? n : most};
}

static bool nas_read(sqlite3_stmt *q, const struct sto_restore *to)
{
	const struct sto_nas row = {
		.nas = (uint64_t)sqlite3_column_int64(q, 0),
		.era = (uint32_t)sqlite3_column_int64(q, 1),
	};

	to->nas(to->arg, &row);
	return true;
}

static bool binding_read(sqlite3_stmt *q, const struct sto_restore *to)
{
	const struct span key = span_column(q, 0, SIZE_MAX);
	struct sto_binding row = {
		.has = (uint8_t)sqlite3_column_int(q, 1),
		.shared = sqlite3_column_int(q, 2) != 0,
		.session = (uint64_t)sqlite3_column_int64(q, 3),
		.nas = (uint64_t)sqlite3_column_int64(q, 4),
		.nas_era = (uint32_t)sqlite3_column_int64(q, 5),
		.before = (uint32_t)sqlite3_column_int64(q, 6),
		.at_s = sqlite3_column_int64(q, 7),
		.seen_s = sqlite3_column_int64(q, 8),
		.id = span_column(q, 9, SIZE_MAX),
		.event_s = (uint32_t)sqlite3_column_int64(q, 10),
		.before_over = sqlite3_column_int(q, 11) != 0,
	};

	if (key.n != STO_KEY || !get_place(key.p, &row.context, &row.vlan, &row.prefix))
		return false;
	row.port_first = (uint16_t)get_be(key.p + 23, 2);
	row.port_last = (uint16_t)get_be(key.p + 25, 2);
	if (row.port_first > row.port_last || row.has > STO_HAS_ENDED || row.id.n > STO_ID_MAX ||
		(row.has == STO_HAS_LIVE && row.id.n == 0))
		return false;
	to->binding(to->arg, &row);
	return true;
}

static bool known_read(sqlite3_stmt *q, int at, struct sto_known *k)
{
	*k = (struct sto_known){
		.list = (uint8_t)sqlite3_column_int(q, at),
		.list_s = sqlite3_column_int64(q, at + 1),
		.until_s = sqlite3_column_int64(q, at + 2),
		.comment = span_column(q, at + 3, STO_TEXT_MAX),
		.block_s = sqlite3_column_int64(q, at + 4),
		.block_until_s = sqlite3_column_int64(q, at + 5),
		.profile = span_column(q, at + 6, STO_TEXT_MAX),
		.auth_s = sqlite3_column_int64(q, at + 7),
		.auth_until_s = sqlite3_column_int64(q, at + 8),
		.auth_failures = (uint32_t)sqlite3_column_int64(q, at + 9),
		.windows = span_column(q, at + 10, SIZE_MAX),
	};
	return k->list <= STO_LIST_EXEMPT && k->windows.n <= STO_WINDOWS_MAX;
}

static bool endpoint_read(sqlite3_stmt *q, const struct sto_restore *to)
{
	struct sto_endpoint row = {
		.key = (uint64_t)sqlite3_column_int64(q, 0),
		.id = span_column(q, 1, SIZE_MAX),
	};

	if (row.key == 0 || row.id.n > STO_ID_MAX || !known_read(q, 2, &row.known))
		return false;
	to->endpoint(to->arg, &row);
	return true;
}

static bool sender_read(sqlite3_stmt *q, const struct sto_restore *to)
{
	const struct span key = span_column(q, 0, SIZE_MAX);
	struct sto_sender row = {0};

	if (key.n != STO_KEY_SENDER || !get_place(key.p, &row.context, &row.vlan, &row.prefix) ||
		!known_read(q, 1, &row.known))
		return false;
	to->sender(to->arg, &row);
	return true;
}

static int all_read(sqlite3 *db, const char *text,
	bool (*each)(sqlite3_stmt *, const struct sto_restore *), struct sto_read *r)
{
	sqlite3_stmt *q = NULL;
	int rc = sqlite3_prepare_v2(db, text, -1, &q, NULL);

	while (rc == SQLITE_OK && (rc = sqlite3_step(q)) == SQLITE_ROW) {
		if (each(q, r->to))
			r->rows++;
		else
			r->odd++;
		rc = r->more == NULL || r->more(r->arg) ? SQLITE_OK : SQLITE_INTERRUPT;
	}
	(void)sqlite3_finalize(q); // says again what the last step said
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

#define KNOWN                                                                                    \
	"list, list_s, until_s, comment, block_s, block_until_s, profile, auth_s, auth_until_s," \
	" auth_failures, windows"

int sto_rows_read(sqlite3 *db, struct sto_read *r)
{
	int rc = SQLITE_OK;

	if (r->to->nas != NULL)
		rc = all_read(db, "SELECT nas, nas_era FROM nas", nas_read, r);
	if (rc == SQLITE_OK && r->to->binding != NULL)
		rc = all_read(db,
			"SELECT key, has, shared, session, nas, nas_era, before, at_s, seen_s, id,"
			" event_s, before_over FROM bindings",
			binding_read, r);
	if (rc == SQLITE_OK && r->to->endpoint != NULL)
		rc = all_read(db, "SELECT key, id, " KNOWN " FROM endpoints", endpoint_read, r);
	if (rc == SQLITE_OK && r->to->sender != NULL)
		rc = all_read(db, "SELECT key, " KNOWN " FROM senders", sender_read, r);
	return rc;
}

int sto_rows_audit(sqlite3 *db, uint64_t before, uint32_t max, struct sto_queue *out)
{
	sqlite3_stmt *q = NULL;
	int rc = sqlite3_prepare_v2(db,
		"SELECT number, at_s, who, verb, object, comment FROM audit WHERE number < ?1"
		" ORDER BY number DESC LIMIT ?2",
		-1, &q, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(
			q, 1, before == 0 || before > INT64_MAX ? INT64_MAX : (int64_t)before);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(q, 2, max);
	while (rc == SQLITE_OK && (rc = sqlite3_step(q)) == SQLITE_ROW) {
		const struct sto_audit row = {
			.number = (uint64_t)sqlite3_column_int64(q, 0),
			.at_s = sqlite3_column_int64(q, 1),
			.who = span_column(q, 2, STO_TEXT_MAX),
			.verb = span_column(q, 3, STO_TEXT_MAX),
			.object = span_column(q, 4, STO_TEXT_MAX),
			.comment = span_column(q, 5, STO_TEXT_MAX),
		};

		rc = sto_queue_put(out, STO_PUT_AUDIT, &row) ? SQLITE_OK : SQLITE_TOOBIG;
	}
	(void)sqlite3_finalize(q); // as above
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

// SPDX-License-Identifier: BSD-3-Clause
#include "sto_make.h"

#include <dirent.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

enum { WAIT_MS = 60000, NAP_MS = 5 };

char made_dir[MADE_PATH], made_file[MADE_PATH];

int made_open(void **)
{
	const char *tmp = getenv("TMPDIR");

	(void)snprintf(made_dir, sizeof(made_dir), "%.60s/mailweir-store-XXXXXX",
		tmp == NULL ? "/tmp" : tmp);
	if (mkdtemp(made_dir) == NULL)
		return -1;
	(void)snprintf(made_file, sizeof(made_file), "%.100s/mailweir.db", made_dir);
	return 0;
}

int made_close(void **)
{
	char name[MADE_PATH + 260];
	DIR *d = opendir(made_dir);
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL) {
		(void)snprintf(name, sizeof(name), "%s/%s", made_dir, e->d_name);
		(void)unlink(name); // . and .. stay
	}
	if (d != NULL)
		(void)closedir(d);
	return rmdir(made_dir);
}

struct sto *made_store(void)
{
	struct sto *s = sto_open(&(struct sto_conf){.file = made_file, .retry_ms = MADE_RETRY_MS});

	assert_non_null(s);
	return s;
}

struct sto *made_started(void)
{
	struct sto *s = made_store();

	sto_load(s, &(struct sto_restore){0});
	assert_int_equal(sto_start(s), 0);
	return s;
}

void made_settled(struct sto *s, uint64_t ticket)
{
	struct pollfd p = {.fd = sto_settled_fd(s), .events = POLLIN};
	uint64_t n;

	while (sto_settled(s) < ticket) {
		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
		assert_int_equal(read(p.fd, &n, sizeof(n)), sizeof(n));
	}
}

// Nothing but the state tells; it is looked at until it is so.
void made_state(struct sto *s, enum sto_state want)
{
	struct pollfd p = {.fd = sto_fd(s), .events = POLLIN};

	for (int waited = 0; sto_state(s) != want; waited += NAP_MS) {
		assert_true(waited < WAIT_MS);
		(void)poll(&p, 1, NAP_MS);
		sto_turn(s);
	}
}

void made_run(const char *sql)
{
	sqlite3 *db;
	char *why = NULL;

	assert_int_equal(sqlite3_open(made_file, &db), SQLITE_OK);
	(void)sqlite3_busy_timeout(db, WAIT_MS);
	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

int64_t made_query(const char *sql)
{
	sqlite3_stmt *q;
	sqlite3 *db;

	assert_int_equal(sqlite3_open_v2(made_file, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	(void)sqlite3_busy_timeout(db, WAIT_MS);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &q, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	const int64_t n = sqlite3_column_int64(q, 0);
	assert_int_equal(sqlite3_finalize(q), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	return n;
}

static struct prefix place(uint32_t i)
{
	const uint8_t v4[] = {10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};

	return (struct prefix){.addr = addr_from_v4(v4), .len = 128};
}

static uint32_t number(const struct prefix *p)
{
	return (uint32_t)p->addr.b[13] << 16 | (uint32_t)p->addr.b[14] << 8 | p->addr.b[15];
}

struct sto_binding made_binding(uint32_t i)
{
	static char id[16][16];
	char *text = id[i % 16];

	(void)snprintf(text, sizeof(id[0]), "id%u", i);
	return (struct sto_binding){
		.prefix = place(i),
		.port_last = UINT16_MAX,
		.context = 5,
		.vlan = 9,
		.session = i,
		.nas = UINT64_MAX - 1,
		.nas_era = 3,
		.before = 4,
		.at_s = 1000000,
		.seen_s = 1000001,
		.id = span_str(text),
	};
}

struct sto_endpoint made_endpoint(uint32_t i)
{
	return (struct sto_endpoint){
		.key = UINT64_MAX - i,
		.id = span_str("alice"),
		.known = {.list = STO_LIST_BLOCK,
			.list_s = 11,
			.until_s = 12,
			.comment = span_str("spam"),
			.block_s = 13,
			.block_until_s = 14,
			.profile = span_str("internal"),
			.auth_s = 15,
			.auth_until_s = 16,
			.auth_failures = 17,
			.windows = span_str("abc")},
	};
}

struct sto_sender made_sender(uint32_t i)
{
	struct sto_sender s = {.prefix = place(i), .context = 5, .vlan = 9};

	s.known = made_endpoint(i).known;
	return s;
}

static void got_nas(void *arg, const struct sto_nas *row)
{
	struct made_got *g = arg;

	assert_int_equal(g->bindings, 0);
	g->nas++;
	g->nas_last = *row;
}

static void got_binding(void *arg, const struct sto_binding *row)
{
	struct made_got *g = arg;
	const uint32_t i = number(&row->prefix);

	g->bindings++;
	g->last = *row;
	memcpy(g->last_id, row->id.p, row->id.n);
	g->last_id[row->id.n] = '\0';
	if (i < MADE_MAX) {
		g->has[i] = 1 + row->has;
		g->seen_s[i] = row->seen_s;
	}
}

static void known_is_whole(const struct sto_known *k)
{
	const struct sto_known want = made_endpoint(0).known;

	assert_int_equal(k->list, want.list);
	assert_int_equal(k->list_s, want.list_s);
	assert_int_equal(k->until_s, want.until_s);
	assert_int_equal(k->block_s, want.block_s);
	assert_int_equal(k->block_until_s, want.block_until_s);
	assert_int_equal(k->auth_s, want.auth_s);
	assert_int_equal(k->auth_until_s, want.auth_until_s);
	assert_int_equal(k->auth_failures, want.auth_failures);
	assert_true(span_eq(k->comment, want.comment));
	assert_true(span_eq(k->profile, want.profile));
	assert_true(span_eq(k->windows, want.windows));
}

static void got_endpoint(void *arg, const struct sto_endpoint *row)
{
	struct made_got *g = arg;

	g->endpoints++;
	g->endpoint[UINT64_MAX - row->key] = true;
	assert_true(span_eq(row->id, span_str("alice")));
	known_is_whole(&row->known);
}

static void got_sender(void *arg, const struct sto_sender *row)
{
	struct made_got *g = arg;

	g->senders++;
	g->sender[number(&row->prefix)] = true;
	assert_int_equal(row->context, 5);
	assert_int_equal(row->vlan, 9);
	known_is_whole(&row->known);
}

struct sto_restore made_restore(struct made_got *got)
{
	*got = (struct made_got){0};
	return (struct sto_restore){.nas = got_nas,
		.binding = got_binding,
		.endpoint = got_endpoint,
		.sender = got_sender,
		.arg = got};
}

void made_load(struct made_got *got)
{
	struct sto *s = made_store();
	const struct sto_restore r = made_restore(got);

	assert_int_equal(sto_state(s), STO_WELL);
	sto_load(s, &r);
	sto_close(s);
}

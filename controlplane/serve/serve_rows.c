// SPDX-License-Identifier: BSD-3-Clause
// Thread: the loop's.
#include "serve_rows.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "cfg.h"
#include "log.h"
#include "serve_int.h"

LOG_COMPONENT("store");

static const char file_name[] = "mailweir.db"; // in state_dir

static bool pickup_stops(const struct serve *s)
{
	return s->boot->store.on_loss == CFG_LOSS_STOP_PICKUP && sto_state(s->sto) == STO_LOST;
}

// store.on_loss: stop_pickup.
static void pickup_look(struct serve *s)
{
	const bool stops = pickup_stops(s);

	if (s->pickup_stopped == stops)
		return;
	s->pickup_stopped = stops;
	if (stops)
		LOG(ERR,
			"on_loss: stop_pickup: new connections pass UNREAD until it can be written");
	else
		LOG(NOTICE, "on_loss: stop_pickup: new connections are picked up again");
	serve_changes_hold(s->changes, stops);
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct serve *s = arg;

	(void)fd;
	(void)what;
	sto_turn(s->sto);
	pickup_look(s);
}

int serve_rows_open(struct serve *s, struct err_list *err)
{
	const struct cfg_store *conf = &s->boot->store;
	struct sto_conf sc = {.file = conf->file};
	char *path = NULL;

	if (strcmp(conf->file, CFG_STORE_MEMORY) == 0)
		sc.file = NULL;
	else if (*conf->file == '\0' &&
		asprintf(&path, "%s/%s", s->control->state_dir, file_name) > 0)
		sc.file = path;
	if (sc.file == NULL || *sc.file != '\0')
		s->sto = sto_open(&sc);
	free(path); // it has a copy
	if (s->sto != NULL)
		s->sto_turn = event_new(
			core_loop_base(s->loop), sto_fd(s->sto), EV_READ | EV_PERSIST, on_turn, s);
	if (s->sto_turn != NULL && event_add(s->sto_turn, NULL) == 0)
		return 0;
	err_add(err, "store: out of memory");
	return -ENOMEM;
}

int serve_rows_chown(struct serve *s, unsigned uid, unsigned gid)
{
	return sto_chown(s->sto, uid, gid);
}

int serve_rows_start(struct serve *s, struct err_list *err)
{
	s->restore.arg = s;
	sto_load(s->sto, &s->restore);
	pickup_look(s);
	const int rc = sto_start(s->sto);
	if (rc != 0)
		err_add(err, "store: no thread: %s", strerror(-rc));
	return rc;
}

void serve_rows_close(struct serve *s)
{
	if (s->sto_turn != NULL)
		event_free(s->sto_turn);
	sto_close(s->sto);
	s->sto_turn = NULL;
	s->sto = NULL;
}

json_t *serve_rows_status(struct serve *s)
{
	static const char *const states[] = {
		[STO_NONE] = "memory", [STO_WELL] = "well", [STO_LOST] = "lost"};
	struct sto_status st;

	sto_status(s->sto, &st);
	return json_pack("{s:s,s:b,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:i}", "state", states[st.state],
		"pickup_stopped", s->pickup_stopped, "why",
		*st.why == '\0' ? json_null() : serve_json_text(st.why), "since",
		serve_json_time(st.since_s), "rows", serve_json_u64(st.rows), "commits",
		serve_json_u64(st.commits), "unstored", serve_json_u64(st.unstored), "losses",
		serve_json_u64(st.losses), "queued_bytes", serve_json_u64(st.queued), "file_bytes",
		serve_json_u64(st.bytes), "wait_ms", (int)st.wait_ms);
}

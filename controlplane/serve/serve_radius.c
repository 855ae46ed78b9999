// SPDX-License-Identifier: BSD-3-Clause
// Bindings to the data plane, in the order in which they came about. What finds no room waits in a list, by
// its key: when there is room its state of then is told. Where that list is full, too, everything is told
// anew. A walk over all bindings says what is so when it comes by, and changes go on between its steps: they
// all come from the server's thread, so the last word about a key is the right one.
// Thread: the loop's; what is marked R is the server's thread's, under its lock.
#include "serve_radius.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core_loop.h"
#include "log.h"
#include "rad_conf.h"
#include "text.h"

LOG_COMPONENT("radius");

enum {
	LATER_MAX = 4096,
	WALK_SLICE = 2000, // places looked at in a turn: under half a millisecond
	WALK_WAITING =
		2048, // a walk goes no further while more wait: what is new waits behind them, too
	LOOK_MS = 5000,    // at what was counted
	SAY_US = 60000000, // about one reason of one NAS at most so often
	LINES_MAX = 20,    // of the log in a look
	IDS_KNOWN = 1024,
};

struct seen { // of a NAS, at the last look
	char name[RAD_CLIENT_NAME];
	uint64_t n[RAD_COUNTS];
	uint64_t said[RAD_COUNTS];    // what was counted when it was last said
	uint64_t said_us[RAD_COUNTS]; // 0 = never
	double rate;
};

struct known { // an id, so that a busy server is not asked for each record
	uint64_t key;
	uint8_t n;
	char id[RAD_ID_MAX];
};

struct serve_radius {
	struct serve_radius_conf conf;
	struct rad_server *server;
	uint64_t memory_bytes;
	struct core_timer *timer;
	struct seen *seen;
	uint32_t nseen;
	uint64_t looked_us;
	uint32_t late_us;
	struct seen strangers; // of n, said and said_us the first alone
	struct known known[IDS_KNOWN];
	atomic_bool attached;              // w: loop, r: R, who takes it back
	atomic_ulong told, later_n, walks; // w: R, r: loop; relaxed: figures
	atomic_bool telling;               // likewise
	// R
	struct rad_key later[LATER_MAX];
	uint32_t first, nlater;
	bool anew; // a walk is to begin
	uint32_t epoch, at;
};

// ---- to the data plane

static bool put(struct serve_radius *r, const struct api_binding *b)
{
	const int rc = r->conf.put(r->conf.arg, b);

	if (rc == 0)
		atomic_fetch_add_explicit(&r->told, 1, memory_order_relaxed);
	return rc != -EAGAIN; // who is not there is told everything when it comes
}

static bool binding_put(struct serve_radius *r, const struct rad_key *key, struct rad_bound now)
{
	return put(r,
		&(struct api_binding){
			.kind = now.key == 0 ? API_BIND_CLEAR : API_BIND_SET,
			.addr = key->prefix.addr,
			.len = key->prefix.len,
			.context = key->context,
			.vlan = key->vlan,
			.port_first = key->port_first,
			.port_last = key->port_last,
			.shared = now.shared,
			.endpoint = now.key,
		});
}

static void on_change(void *arg, const struct rad_key *key, struct rad_bound now)
{
	struct serve_radius *r = arg;

	if (r->nlater == 0 && binding_put(r, key, now))
		return;
	atomic_fetch_add_explicit(&r->later_n, 1, memory_order_relaxed);
	if (r->nlater < LATER_MAX) {
		r->later[(r->first + r->nlater++) % LATER_MAX] = *key;
		return;
	}
	r->nlater = 0;
	r->anew = true;
}

static bool on_walk(void *arg, const struct rad_key *key, struct rad_bound now)
{
	return binding_put(arg, key, now);
}

// true: the list is empty.
static bool later_put(struct serve_radius *r, struct rad_bind *b)
{
	for (; r->nlater > 0; r->nlater--) {
		const struct rad_key *key = &r->later[r->first];

		if (!binding_put(r, key, rad_bind_find(b, key)))
			return false;
		r->first = (r->first + 1) % LATER_MAX;
	}
	return true;
}

static bool epoch_put(struct serve_radius *r, enum api_binding_kind kind)
{
	return put(r, &(struct api_binding){.kind = kind, .epoch = r->epoch});
}

static bool on_turn(void *arg, struct rad_bind *b)
{
	struct serve_radius *r = arg;
	bool telling = atomic_load_explicit(&r->telling, memory_order_relaxed);

	// Pairs with serve_radius_attached: what is put from here on reaches that data plane.
	if (atomic_exchange_explicit(&r->attached, false, memory_order_acquire)) {
		r->nlater = 0;
		r->anew = true;
	}
	if (!later_put(r, b))
		return true;
	if (r->anew) {
		r->epoch++;
		if (!epoch_put(r, API_BIND_BEGIN))
			return true;
		r->anew = false;
		r->at = 0;
		telling = true;
		atomic_store_explicit(&r->telling, true, memory_order_relaxed);
	}
	if (!telling)
		return false;
	if (r->conf.waiting != NULL && r->conf.waiting(r->conf.arg) > WALK_WAITING)
		return true;
	if (!rad_bind_walk(b, &r->at, WALK_SLICE, on_walk, r) || !epoch_put(r, API_BIND_SWEEP))
		return true;
	atomic_fetch_add_explicit(&r->walks, 1, memory_order_relaxed);
	atomic_store_explicit(&r->telling, false, memory_order_relaxed);
	return false;
}

void serve_radius_attached(struct serve_radius *r)
{
	atomic_store_explicit(&r->attached, true, memory_order_release); // on_turn
}

// ---- what was refused, in the log

static const char *const meanings[RAD_COUNT_DATAGRAMS] = {
	[RAD_COUNT_NO_ID] =
		"without the subscriber's attribute; acknowledged, nothing known from it",
	[RAD_COUNT_NO_ADDRESS] =
		"without an attribute of addresses; acknowledged, nothing known from it",
	[RAD_COUNT_NO_SESSION] = "without Acct-Session-Id; not answered",
	[RAD_COUNT_NO_STATUS] = "without Acct-Status-Type; not answered",
	[RAD_COUNT_ABSURD] = "with an address, id or port block that cannot be; not answered",
	[RAD_COUNT_MALFORMED] = "that are no RADIUS; not answered",
	[RAD_COUNT_CODE] = "that are no accounting; not answered",
	[RAD_COUNT_FORGED] = "that the secret does not prove; not answered",
	[RAD_COUNT_OLD] =
		"of before, by the NAS's own clock; acknowledged, nothing changed by them",
	[RAD_COUNT_SHARE] = "for which max_bindings has no room; not answered",
	[RAD_COUNT_FULL] = "for which dataplane.bindings has no room; not answered",
};

// Says what was counted since it was last said; false where that is too soon, or nothing.
static bool say(
	struct seen *s, unsigned what, const char *who, const char *meaning, uint64_t now_us)
{
	if (s->n[what] == s->said[what] ||
		(s->said_us[what] != 0 && now_us - s->said_us[what] < SAY_US))
		return false;
	LOG(WARNING, "%s: %llu datagrams %s", who, (unsigned long long)(s->n[what] - s->said[what]),
		meaning);
	s->said[what] = s->n[what];
	s->said_us[what] = now_us;
	return true;
}

// What was seen of a NAS, at its place; `n` of them were there at the last look.
static struct seen *seen_at(struct serve_radius *r, uint32_t place, const char *name)
{
	struct seen *s = &r->seen[place], other;

	if (strcmp(s->name, name) == 0)
		return s;
	for (uint32_t i = place + 1; i < r->nseen; i++)
		if (strcmp(r->seen[i].name, name) == 0) { // the list has changed
			other = *s;
			*s = r->seen[i];
			r->seen[i] = other;
			return s;
		}
	*s = (struct seen){0};
	(void)text_copy(s->name, sizeof(s->name), name);
	return s;
}

static bool seen_room(struct serve_radius *r, uint32_t places)
{
	struct seen *more;

	if (places <= r->nseen)
		return true;
	more = realloc(r->seen, places * sizeof(*more));
	if (more == NULL)
		return false;
	memset(more + r->nseen, 0, (places - r->nseen) * sizeof(*more));
	r->seen = more;
	r->nseen = places;
	return true;
}

static void look_at(struct seen *s, const struct rad_client_counts *c, uint64_t us)
{
	uint64_t before = 0, now = 0;

	for (unsigned i = 0; i < RAD_COUNT_DATAGRAMS; i++) {
		before += s->n[i];
		now += c->n[i];
	}
	s->rate = us == 0 ? 0 : (double)(now - before) * 1e6 / (double)us;
	memcpy(s->n, c->n, sizeof(s->n));
}

static void on_look(void *arg)
{
	struct serve_radius *r = arg;
	const uint64_t now_us = core_now_us(), us = now_us - r->looked_us;
	struct rad_server_counts all;
	struct rad_client_counts c;
	unsigned lines = 0;

	for (uint32_t i = 0; rad_server_client(r->server, i, &c) && seen_room(r, i + 1); i++) {
		struct seen *s = seen_at(r, i, c.name);

		look_at(s, &c, us);
		for (unsigned k = 0; k < RAD_COUNT_DATAGRAMS && lines < LINES_MAX; k++)
			lines += meanings[k] != NULL && say(s, k, s->name, meanings[k], now_us);
	}
	rad_server_counts(r->server, &all);
	r->late_us = all.late_us;
	r->strangers.n[0] = all.strangers;
	(void)say(&r->strangers, 0, "nobody",
		"of addresses that radius.nas does not have; not answered", now_us);
	r->looked_us = now_us;
	(void)core_timer_once(r->timer, LOOK_MS); // without memory the figures stand still
}

// ---- life

static bool listen_take(
	const struct cfg_radius *c, struct rad_server_conf *out, struct err_list *err)
{
	for (uint32_t i = 0; i < c->nlisten; i++) {
		if (i < RAD_LISTEN_MAX &&
			cfg_listen_split(c->listen[i], &out->listen[i], &out->port[i]))
			continue;
		err_add(err, "radius.listen: \"%s\" cannot be used", c->listen[i]);
		return false;
	}
	out->nlisten = c->nlisten;
	return true;
}

struct serve_radius *serve_radius_open(const struct serve_radius_conf *conf, struct err_list *err)
{
	struct serve_radius *r = calloc(1, sizeof(*r));
	struct rad_server_conf sc = {
		.bindings = conf->bindings,
		.endpoints = conf->bindings,
		.idle_s = conf->radius->idle_min * 60,
		.changed = on_change,
		.turn = on_turn,
		.arg = r,
		.store = conf->store,
	};
	const struct rad_bind_conf size = {.bindings = conf->bindings, .endpoints = conf->bindings};

	if (r == NULL) {
		err_add(err, "radius: out of memory");
		return NULL;
	}
	r->conf = *conf;
	r->conf.radius = NULL;
	r->memory_bytes = rad_bind_bytes(&size);
	r->looked_us = core_now_us();
	memcpy(sc.id_key, conf->secret, sizeof(sc.id_key));
	r->timer = core_timer_new(conf->loop, on_look, r);
	if (r->timer == NULL)
		err_add(err, "radius: out of memory");
	else if (listen_take(conf->radius, &sc, err))
		r->server = rad_server_new(&sc, err);
	if (r->server != NULL) {
		LOG(NOTICE, "%u bindings and as many subscribers take %llu MB when full",
			conf->bindings, (unsigned long long)(r->memory_bytes >> 20));
		return r;
	}
	serve_radius_free(r);
	return NULL;
}

void serve_radius_nas_restore(void *arg, const struct sto_nas *row)
{
	const struct serve_radius *r = arg;

	(void)rad_server_restore_nas(r->server, row); // no room: counted
}

void serve_radius_restore(void *arg, const struct sto_binding *row)
{
	const struct serve_radius *r = arg;

	(void)rad_server_restore(r->server, row); // likewise
}

int serve_radius_start(struct serve_radius *r)
{
	const int rc = core_timer_once(r->timer, LOOK_MS);

	return rc != 0 ? rc : rad_server_start(r->server);
}

void serve_radius_free(struct serve_radius *r)
{
	if (r == NULL)
		return;
	rad_server_free(r->server);
	core_timer_free(r->timer);
	free(r->seen);
	free(r);
}

int serve_radius_judge(const struct cfg *c, struct err_list *err)
{
	struct rad_client *list;
	uint32_t n;
	const int rc =
		c->radius.nnas == 0 ? rad_conf_check(c, err) : rad_conf_clients(c, &list, &n, err);

	if (c->radius.nnas != 0)
		rad_conf_free(list, n);
	return rc;
}

void serve_radius_change(struct serve_radius *r, const struct cfg *c)
{
	struct rad_client *list;
	struct err_list err;
	uint32_t n;

	err_init(&err);
	if (rad_conf_clients(c, &list, &n, &err) != 0)
		LOG(ERR, "%u of %u NAS cannot be used: their accounting is dropped",
			c->radius.nnas - n, c->radius.nnas);
	for (unsigned i = 0; i < err.kept; i++)
		LOG(ERR, "%s", err.text[i]);
	if (list == NULL || rad_server_clients(r->server, list, n) != 0)
		LOG(ERR, "out of memory: the NAS before stay");
	rad_conf_free(list, n);
}

size_t serve_radius_id(struct serve_radius *r, uint64_t key, char id[RAD_ID_MAX])
{
	struct known *k = &r->known[key % IDS_KNOWN];

	if (key == 0)
		return 0;
	if (k->key != key) {
		const size_t n = rad_server_id(r->server, key, id);

		if (n == 0)
			return 0;
		k->key = key;
		k->n = (uint8_t)n;
		memcpy(k->id, id, n);
	}
	memcpy(id, k->id, k->n);
	return k->n;
}

uint32_t serve_radius_of(struct serve_radius *r, uint64_t key, struct rad_key *out, uint32_t cap)
{
	return rad_server_of(r->server, key, out, cap);
}

void serve_radius_state(struct serve_radius *r, struct serve_radius_state *out)
{
	*out = (struct serve_radius_state){
		.memory_bytes = r->memory_bytes,
		.bindings_max = r->conf.bindings,
		.told = atomic_load_explicit(&r->told, memory_order_relaxed),
		.later = atomic_load_explicit(&r->later_n, memory_order_relaxed),
		.walks = atomic_load_explicit(&r->walks, memory_order_relaxed),
		.telling = atomic_load_explicit(&r->telling, memory_order_relaxed),
	};
	rad_server_counts(r->server, &out->server);
	if (out->server.late_us > r->late_us) // what was not yet looked at is not to be lost
		r->late_us = out->server.late_us;
	out->server.late_us = r->late_us;
}

bool serve_radius_nas(struct serve_radius *r, uint32_t place, struct serve_radius_nas *out)
{
	if (!rad_server_client(r->server, place, &out->counts))
		return false;
	out->rate = 0;
	for (uint32_t i = 0; i < r->nseen; i++)
		if (strcmp(r->seen[i].name, out->counts.name) == 0)
			out->rate = r->seen[i].rate;
	return true;
}

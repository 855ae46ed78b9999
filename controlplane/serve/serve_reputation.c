// SPDX-License-Identifier: BSD-3-Clause
// Reputation at work (serve_reputation.h). Each tenth of a second: blocks that are over, facts that found no
// room; each second: rows for the store. A data plane that has come is told everything, between BEGIN and
// SWEEP, in slices of the loop. Thread: the loop's.
#include "serve_reputation.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api_ring.h"
#include "core_loop.h"
#include "hash.h"
#include "log.h"
#include "serve_line.h"
#include "text.h"

LOG_COMPONENT("reputation");

enum {
	TURN_MS = 100,
	BUSY_MS = 5,                // while there is more to tell
	LOOKS = 20000,              // entries looked at a turn: a hundred nanoseconds each
	FACTS = API_RING_FACTS / 2, // told a turn, and waiting: the other half is for what is new
	ROWS = 4096,                // saved a turn
	LAST_TURNS = 16,            // at the end: as many seconds are never behind
	STEP_S = 30,                // the wall clock was set: rows say when by it
	BEGUN_MAX = 256,            // blocks that one call begins; more are not told to the hook
};

struct begun {
	bool endpoint;
	enum rep_event event;
	uint32_t number;
};

struct serve_reputation {
	struct serve_reputation_conf conf;
	struct rep_endpoints *endpoints;
	struct rep_senders *senders;
	struct rep_senders_conf sender_conf;
	struct core_timer *timer;
	struct serve_hook *hook;
	bool configured;                         // scores are what the configuration means
	bool windowed;                           // the endpoints' window is that of the rows
	enum { AWAY, COME, TELLING, TOLD } peer; // COME: BEGIN is to be said
	uint32_t epoch;
	int64_t base_us;   // wall clock at CLOCK_BOOTTIME 0, as it was at the start
	uint64_t saved_us; // last rows
	int64_t shift_s;   // of the rows that there are, to within STEP_S
	uint64_t said_bytes;
	struct begun begun[BEGUN_MAX];
	unsigned nbegun;
	uint32_t numbers[ROWS];
};

// ---- time

static int64_t clock_us(clockid_t clock)
{
	struct timespec t = {0};

	(void)clock_gettime(clock, &t); // Linux has them
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

uint32_t serve_reputation_now(const struct serve_reputation *r)
{
	return (uint32_t)((r->base_us + clock_us(CLOCK_BOOTTIME)) / 1000000);
}

int64_t serve_reputation_shift(const struct serve_reputation *r)
{
	const int64_t shift_s = (int64_t)time(NULL) - serve_reputation_now(r);

	// Both begin their seconds at nearly the same time: what is told twice is the same twice.
	return shift_s >= -1 && shift_s <= 1 ? 0 : shift_s;
}

// ---- what the tables say

static bool on_tell(void *arg, const struct rep_fact *f)
{
	struct serve_reputation *r = arg;
	const struct api_fact fact = {
		.kind = f->endpoint != 0 ? API_FACT_ENDPOINT : API_FACT_SENDER,
		.endpoint = f->endpoint,
		.addr = f->prefix.addr,
		.context = f->context,
		.vlan = f->vlan,
		.len = f->prefix.len,
		.score = f->score,
		.flags = (f->listed ? API_FACT_LISTED : 0u) | (f->exempt ? API_FACT_EXEMPT : 0u),
		.blocked_s = f->blocked_s,
		.auth_s = f->auth_s,
	};

	if (r->peer == AWAY)
		return true; // who comes is told everything
	return r->peer != COME && r->conf.fact(r->conf.arg, &fact) != -EAGAIN;
}

static void on_begun(struct serve_reputation *r, bool endpoint, enum rep_event event, uint32_t n)
{
	if (r->nbegun < BEGUN_MAX)
		r->begun[r->nbegun++] =
			(struct begun){.endpoint = endpoint, .event = event, .number = n};
}

static void on_endpoint_blocked(void *arg, enum rep_event event, uint32_t number)
{
	on_begun(arg, true, event, number);
}

static void on_sender_blocked(void *arg, enum rep_event event, uint32_t number)
{
	on_begun(arg, false, event, number);
}

// A row that stays in the store for want of room says nothing for long: it is forgotten again when it is
// loaded.
static void on_endpoint_gone(void *arg, uint32_t number)
{
	struct serve_reputation *r = arg;
	struct rep_endpoint_saved row;

	if (r->conf.save_endpoint == NULL)
		return;
	rep_endpoint_save(r->endpoints, number, 0, &row);
	(void)r->conf.save_endpoint(r->conf.save_arg, &row, true);
}

static void on_sender_gone(void *arg, uint32_t number)
{
	struct serve_reputation *r = arg;
	struct rep_sender_saved row;

	if (r->conf.save_sender == NULL)
		return;
	rep_sender_save(r->senders, number, 0, &row);
	(void)r->conf.save_sender(r->conf.save_arg, &row, true);
}

// ---- the hook

static const char *time_text(int64_t at_s, char buf[SERVE_TIME_MAX])
{
	if (at_s <= 0 || serve_time_format(at_s * 1000000, buf) != 0)
		buf[0] = '\0';
	else
		memcpy(buf + 19, "Z", 2); // whole seconds
	return buf;
}

struct env {
	char text[SERVE_HOOK_ENV_MAX][SERVE_HOOK_TEXT_MAX];
	const char *list[SERVE_HOOK_ENV_MAX + 1];
	unsigned n;
};

__attribute__((format(printf, 3, 4))) static void env_add(
	struct env *e, const char *name, const char *fmt, ...)
{
	char *text = e->text[e->n];
	const int n = snprintf(text, SERVE_HOOK_TEXT_MAX, "MAILWEIR_%s=", name);
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text + n, SERVE_HOOK_TEXT_MAX - (size_t)n, fmt, ap); // cut where longer
	va_end(ap);
	e->list[e->n++] = text;
	e->list[e->n] = NULL;
}

static const char *const causes[REP_EVT_COUNT] = {
	[REP_EVT_AUTO] = "auto",
	[REP_EVT_MANUAL] = "manual",
	[REP_EVT_AUTH] = "auth",
};

static void endpoint_env(struct serve_reputation *r, const struct begun *b, struct env *e)
{
	const uint32_t now = serve_reputation_now(r);
	const int64_t shift = serve_reputation_shift(r);
	char id[4 * REP_ID_MAX + 1], until[SERVE_TIME_MAX];
	uint8_t octets[REP_ID_MAX];
	struct rep_endpoint v;
	uint32_t left;

	rep_endpoint_get(r->endpoints, b->number, now, &v);
	left = b->event == REP_EVT_AUTH ? v.auth_s : v.until_s > now ? v.until_s - now : 0;
	env_add(e, "EVENT", "endpoint_%s", causes[b->event]);
	env_add(e, "ENDPOINT", "%s",
		text_escape(serve_reputation_id(r, &v, octets), id, sizeof(id)));
	env_add(e, "KEY", "%016llx", (unsigned long long)v.key);
	env_add(e, "SCORE", "%u", v.score);
	env_add(e, "TRIGGER", "%u", v.trigger);
	env_add(e, "FAILED_LOGINS", "%u", v.auth_failed);
	env_add(e, "SECONDS", "%u", left);
	env_add(e, "UNTIL", "%s", time_text(left == 0 ? 0 : now + shift + left, until));
}

static void sender_env(struct serve_reputation *r, const struct begun *b, struct env *e)
{
	const uint32_t now = serve_reputation_now(r);
	const int64_t shift = serve_reputation_shift(r);
	char prefix[PREFIX_TEXT_MAX], until[SERVE_TIME_MAX];
	const char *context;
	struct rep_sender v;
	uint32_t left;

	rep_sender_get(r->senders, b->number, now, &v);
	left = b->event == REP_EVT_AUTH ? v.auth_s : v.until_s > now ? v.until_s - now : 0;
	context = serve_names_context_key(r->conf.names, v.key.context);
	env_add(e, "EVENT", "sender_%s", causes[b->event]);
	env_add(e, "SENDER", "%s", prefix_format(&v.key.prefix, prefix, sizeof(prefix)));
	env_add(e, "CONTEXT", "%s", context == NULL ? "" : context);
	env_add(e, "VLAN", "%u", v.key.vlan);
	env_add(e, "SCORE", "%u", v.score);
	env_add(e, "FAILED_LOGINS", "%u", v.auth_failed);
	env_add(e, "SECONDS", "%u", left);
	env_add(e, "UNTIL", "%s", time_text(left == 0 ? 0 : now + shift + left, until));
}

void serve_reputation_done(struct serve_reputation *r)
{
	for (unsigned i = 0; i < r->nbegun; i++) {
		struct env env = {0};

		if (r->begun[i].endpoint)
			endpoint_env(r, &r->begun[i], &env);
		else
			sender_env(r, &r->begun[i], &env);
		serve_hook_run(r->hook, env.list, SERVE_HOOK_RUN_MS);
	}
	r->nbegun = 0;
}

const struct serve_hook_counts *serve_reputation_hook(const struct serve_reputation *r)
{
	return serve_hook_counts(r->hook);
}

// ---- telling

void serve_reputation_counts(
	const struct serve_reputation *r, struct rep_counts *endpoints, struct rep_counts *senders)
{
	*endpoints = *senders = (struct rep_counts){0};
	if (r->endpoints != NULL)
		rep_endpoints_counts(r->endpoints, endpoints);
	if (r->senders != NULL)
		rep_senders_counts(r->senders, senders);
}

static uint32_t pending(const struct serve_reputation *r)
{
	struct rep_counts e, s;

	serve_reputation_counts(r, &e, &s);
	return e.pending + s.pending;
}

static void all_tell(struct serve_reputation *r)
{
	if (r->endpoints != NULL)
		rep_endpoints_tell_all(r->endpoints);
	if (r->senders != NULL)
		rep_senders_tell_all(r->senders);
}

static int mark_put(struct serve_reputation *r, enum api_fact_kind kind)
{
	const struct api_fact fact = {.kind = kind, .epoch = r->epoch};

	return r->conf.fact(r->conf.arg, &fact);
}

// Facts that may be told by number now.
static uint32_t facts_room(const struct serve_reputation *r)
{
	const uint32_t waiting = r->conf.waiting == NULL ? 0 : r->conf.waiting(r->conf.arg);

	return waiting < FACTS ? FACTS - waiting : 0;
}

static void facts_turn(struct serve_reputation *r)
{
	const uint32_t now = serve_reputation_now(r);

	if (r->peer == COME && r->configured && mark_put(r, API_FACT_BEGIN) == 0) {
		r->peer = TELLING;
		all_tell(r);
	}
	if (r->peer != TELLING && r->peer != TOLD)
		return;
	if (r->endpoints != NULL) // what is left is asked for below
		(void)rep_endpoints_tell(r->endpoints, facts_room(r), now);
	if (r->senders != NULL)
		(void)rep_senders_tell(r->senders, facts_room(r), now);
	if (r->peer == TELLING && pending(r) == 0 && mark_put(r, API_FACT_SWEEP) == 0)
		r->peer = TOLD;
}

void serve_reputation_attached(struct serve_reputation *r)
{
	if (r->conf.fact == NULL)
		return;
	r->epoch++;
	r->peer = COME;
	facts_turn(r);
}

void serve_reputation_detached(struct serve_reputation *r)
{
	r->peer = AWAY;
}

// ---- saving

// At most a turn's rows of the store. true: none is left.
static bool endpoints_save(struct serve_reputation *r, int64_t shift)
{
	const uint32_t n =
		r->endpoints == NULL ? 0 : rep_endpoints_dirty(r->endpoints, r->numbers, ROWS);
	struct rep_endpoint_saved row;
	int rc = 0;

	for (uint32_t i = 0; i < n; i++) {
		rep_endpoint_save(r->endpoints, r->numbers[i], shift, &row);
		if (rc != -EAGAIN && r->conf.save_endpoint != NULL)
			rc = r->conf.save_endpoint(r->conf.save_arg, &row, false);
		if (rc == -EAGAIN)
			rep_endpoint_dirty(r->endpoints, r->numbers[i]);
	}
	return n < ROWS && rc != -EAGAIN;
}

static bool senders_save(struct serve_reputation *r, int64_t shift)
{
	const uint32_t n = r->senders == NULL ? 0 : rep_senders_dirty(r->senders, r->numbers, ROWS);
	struct rep_sender_saved row;
	int rc = 0;

	for (uint32_t i = 0; i < n; i++) {
		rep_sender_save(r->senders, r->numbers[i], shift, &row);
		if (rc != -EAGAIN && r->conf.save_sender != NULL)
			rc = r->conf.save_sender(r->conf.save_arg, &row, false);
		if (rc == -EAGAIN)
			rep_sender_dirty(r->senders, r->numbers[i]);
	}
	return n < ROWS && rc != -EAGAIN;
}

// What the wall clock has to be set off by now. Where somebody has set it all rows are to be saved again: by
// those that there are a block would be over, or last longer, behind a restart.
static int64_t shift_take(struct serve_reputation *r)
{
	const int64_t shift_s = serve_reputation_shift(r), step_s = shift_s - r->shift_s;

	if (step_s >= STEP_S || step_s <= -STEP_S) {
		r->shift_s = shift_s;
		LOG(NOTICE, "the clock was set by %lld s; rows of the store follow",
			(long long)step_s);
		serve_reputation_save_all(r);
	}
	return shift_s;
}

// A second's changes in as many turns as they need.
static void rows_turn(struct serve_reputation *r)
{
	const uint64_t now = core_now_us();
	bool done;

	if (now - r->saved_us < 1000000)
		return;
	const int64_t shift_s = shift_take(r);
	done = endpoints_save(r, shift_s);
	done = senders_save(r, shift_s) && done;
	if (!done)
		return;
	r->saved_us = now;
	if (r->conf.saved != NULL)
		r->conf.saved(r->conf.save_arg);
}

void serve_reputation_save_all(struct serve_reputation *r)
{
	if (r->endpoints != NULL)
		rep_endpoints_dirty_all(r->endpoints);
	if (r->senders != NULL)
		rep_senders_dirty_all(r->senders);
}

// ---- each turn

static void on_turn(void *arg)
{
	struct serve_reputation *r = arg;
	const uint32_t now = serve_reputation_now(r);

	if (r->endpoints != NULL && r->configured)
		rep_endpoints_tick(r->endpoints, LOOKS, now);
	if (r->senders != NULL && r->configured)
		rep_senders_tick(r->senders, LOOKS, now);
	facts_turn(r);
	rows_turn(r);
	if (core_timer_once(r->timer,
		    r->peer == TELLING || (r->peer == TOLD && pending(r) > 0) ? BUSY_MS : TURN_MS) <
		0)
		LOG(ERR, "timer: out of memory");
}

// ---- outcomes

static struct span id_of(struct serve_reputation *r, uint64_t key, uint8_t buf[REP_ID_MAX])
{
	const uint32_t n = r->conf.id == NULL ? 0 : r->conf.id(r->conf.arg, key, buf);

	return (struct span){.p = buf, .n = n};
}

static void endpoint_outcome(struct serve_reputation *r, const struct api_outcome *o,
	const struct serve_rep_profile *p, uint32_t now)
{
	const struct rep_trigger t = {.trigger = p->trigger, .duration_s = p->duration_s};
	const bool login = o->kind == API_OUT_AUTH_FAILED || o->kind == API_OUT_AUTH_PASSED;
	uint8_t buf[REP_ID_MAX];

	if (o->endpoint == 0 || r->endpoints == NULL)
		return;
	if (o->kind == API_OUT_CONDEMNED && p->endpoint != POL_REPUTATION_OFF)
		rep_endpoint_condemned(
			r->endpoints, o->endpoint, id_of(r, o->endpoint, buf), o->count, &t, now);
	else if (login && p->auth != POL_REPUTATION_OFF)
		rep_endpoint_login(r->endpoints, o->endpoint, id_of(r, o->endpoint, buf),
			o->kind == API_OUT_AUTH_PASSED, o->count, now);
}

static void sender_outcome(struct serve_reputation *r, const struct api_outcome *o,
	const struct serve_rep_profile *p, uint32_t now)
{
	static const enum rep_mail mails[API_OUT_COUNT] = {
		[API_OUT_ACCEPTED] = REP_CLEAN,
		[API_OUT_CONDEMNED] = REP_SPAM,
		[API_OUT_RCPT_REFUSED] = REP_RECIPIENT,
		[API_OUT_AUTH_FAILED] = REP_LOGIN,
	};
	const struct rep_client c = {.addr = o->client, .context = o->context_key, .vlan = o->vlan};
	const bool login = o->kind == API_OUT_AUTH_FAILED || o->kind == API_OUT_AUTH_PASSED;

	if (r->senders == NULL)
		return;
	if (p->sender != POL_REPUTATION_OFF && o->kind != API_OUT_AUTH_PASSED)
		rep_sender_mail(r->senders, &c, mails[o->kind], o->count, now);
	if (login && p->auth != POL_REPUTATION_OFF)
		rep_sender_login(r->senders, &c, o->kind == API_OUT_AUTH_PASSED, o->count, now);
}

void serve_reputation_outcome(struct serve_reputation *r, const struct api_outcome *o)
{
	const struct serve_rep_profile *p =
		serve_names_reputation(r->conf.names, o->image_version, o->session_profile);
	const uint32_t now = serve_reputation_now(r);

	// Of an image that is forgotten nobody knows what its profiles wanted.
	if (p == NULL || o->kind == API_OUT_NONE || o->kind >= API_OUT_COUNT || o->count == 0)
		return;
	endpoint_outcome(r, o, p, now);
	sender_outcome(r, o, p, now);
	serve_reputation_done(r);
}

// ---- configuration

static struct rep_endpoints_conf endpoints_conf(
	struct serve_reputation *r, const struct rep_auth_conf *auth, uint32_t window_min)
{
	return (struct rep_endpoints_conf){.most = r->conf.endpoints,
		.window_min = window_min,
		.auth = *auth,
		.ops = {.tell = on_tell,
			.blocked = on_endpoint_blocked,
			.gone = on_endpoint_gone,
			.arg = r}};
}

// What the tables take when they are full, where it is not what was said last.
static void size_say(struct serve_reputation *r)
{
	struct rep_counts e, s;

	serve_reputation_counts(r, &e, &s);
	if (r->said_bytes == e.bytes + s.bytes)
		return;
	r->said_bytes = e.bytes + s.bytes;
	LOG(NOTICE, "room for %u endpoints (%llu bytes each) and %u senders (%llu bytes each)",
		e.most, (unsigned long long)(e.most == 0 ? 0 : e.bytes / e.most), s.most,
		(unsigned long long)(s.most == 0 ? 0 : s.bytes / s.most));
}

void serve_reputation_change(struct serve_reputation *r, const struct cfg_reputation *conf)
{
	const uint32_t now = serve_reputation_now(r);
	const struct rep_auth_conf auth = {.failures = conf->auth.failures,
		.window_s = conf->auth.window_min * 60u,
		.block_s = conf->auth.block_min * 60u};
	const struct rep_endpoints_conf e = endpoints_conf(r, &auth, conf->endpoint.window_min);
	struct rep_senders_conf *s = &r->sender_conf;
	int rc = r->endpoints == NULL ? 0 : rep_endpoints_change(r->endpoints, &e, now);

	memset(s->lengths4, 0, sizeof(s->lengths4));
	memset(s->lengths6, 0, sizeof(s->lengths6));
	memset(s->windows_min, 0, sizeof(s->windows_min));
	for (uint32_t i = 0; i < conf->sender.nlengths4 && i < REP_LENGTHS_MAX; i++)
		s->lengths4[i] = conf->sender.lengths4[i];
	for (uint32_t i = 0; i < conf->sender.nlengths6 && i < REP_LENGTHS_MAX; i++)
		s->lengths6[i] = conf->sender.lengths6[i];
	for (uint32_t i = 0; i < conf->sender.nwindows && i < REP_WINDOWS_MAX; i++)
		s->windows_min[i] = conf->sender.windows_min[i];
	s->auth = auth;
	s->weights = (struct rep_weights){.percent = {[REP_SPAM] = conf->sender.spam,
						  [REP_RECIPIENT] = conf->sender.recipient,
						  [REP_LOGIN] = conf->sender.auth},
		.k = conf->sender.k};
	if (rc == 0 && r->senders != NULL)
		rc = rep_senders_change(r->senders, s);
	if (rc != 0)
		LOG(ERR, "configuration: %s; reputation counts as before", strerror(-rc));
	serve_hook_conf(r->hook, conf->hook.command, conf->hook.per_min, conf->hook.at_once);
	r->configured = true;
	size_say(r);
	facts_turn(r);
}

void serve_reputation_restore_endpoint(
	struct serve_reputation *r, const struct rep_endpoint_saved *row)
{
	static const struct rep_auth_conf auth = {.failures = 5, .window_s = 1800, .block_s = 600};
	const uint32_t now = serve_reputation_now(r);
	const struct rep_endpoints_conf conf = endpoints_conf(r, &auth, row->window_s / 60);
	int rc;

	// A store that comes late does not replace what is known by now.
	if (r->endpoints == NULL ||
		(r->configured && rep_endpoint_find(r->endpoints, row->key) != REP_NOBODY))
		return;
	// Until a configuration says otherwise the window is the one that the rows come from.
	if (!r->windowed && !r->configured && rep_endpoints_change(r->endpoints, &conf, now) == 0)
		r->windowed = true;
	rc = rep_endpoint_load(r->endpoints, row, now);
	if (rc != 0)
		LOG(DEBUG, "an endpoint of the store: %s", strerror(-rc));
}

void serve_reputation_restore_sender(struct serve_reputation *r, const struct rep_sender_saved *row)
{
	int rc;

	if (r->senders == NULL ||
		(r->configured && rep_sender_find(r->senders, &row->key) != REP_NOBODY))
		return;
	rc = rep_sender_load(r->senders, row, serve_reputation_now(r));
	if (rc != 0)
		LOG(DEBUG, "a sender of the store: %s", strerror(-rc));
}

// ---- making

static bool senders_open(struct serve_reputation *r)
{
	r->sender_conf = (struct rep_senders_conf){.most = r->conf.senders,
		.windows_min = {1440}, // all that a store may have
		.weights = {.k = 1},
		.auth = {.failures = 5, .window_s = 1800, .block_s = 600},
		.ops = {.tell = on_tell,
			.blocked = on_sender_blocked,
			.gone = on_sender_gone,
			.arg = r}};
	memcpy(r->sender_conf.secret, r->conf.secret, sizeof(r->sender_conf.secret));
	r->senders = rep_senders_new(&r->sender_conf);
	return r->senders != NULL;
}

static bool endpoints_open(struct serve_reputation *r)
{
	static const struct rep_auth_conf auth = {.failures = 5, .window_s = 1800, .block_s = 600};
	const struct rep_endpoints_conf conf = endpoints_conf(r, &auth, 15);

	r->endpoints = rep_endpoints_new(&conf);
	return r->endpoints != NULL;
}

struct serve_reputation *serve_reputation_new(const struct serve_reputation_conf *conf)
{
	struct serve_reputation *r = calloc(1, sizeof(*r));
	bool ok;

	if (r == NULL)
		return NULL;
	r->conf = *conf;
	r->base_us = clock_us(CLOCK_REALTIME) - clock_us(CLOCK_BOOTTIME);
	r->hook = serve_hook_new(conf->loop);
	r->timer = core_timer_new(conf->loop, on_turn, r);
	ok = r->hook != NULL && r->timer != NULL && core_timer_once(r->timer, TURN_MS) == 0;
	ok = ok && (conf->endpoints == 0 || endpoints_open(r));
	ok = ok && (conf->senders == 0 || senders_open(r));
	if (!ok) {
		serve_reputation_free(r);
		errno = ENOMEM;
		return NULL;
	}
	return r;
}

void serve_reputation_free(struct serve_reputation *r)
{
	if (r == NULL)
		return;
	// What is still to be saved goes to the store, which writes what it has at its end.
	for (unsigned i = 0; i < LAST_TURNS && r->configured; i++) {
		const int64_t shift_s = shift_take(r);
		const bool done = endpoints_save(r, shift_s);

		if (senders_save(r, shift_s) && done)
			break;
	}
	rep_endpoints_free(r->endpoints);
	rep_senders_free(r->senders);
	core_timer_free(r->timer);
	serve_hook_free(r->hook);
	free(r);
}

// ---- for methods

struct rep_endpoints *serve_reputation_endpoints(struct serve_reputation *r)
{
	return r->endpoints;
}

struct rep_senders *serve_reputation_senders(struct serve_reputation *r)
{
	return r->senders;
}

uint64_t serve_reputation_key(const struct serve_reputation *r, struct span id)
{
	return hash_name(r->conf.secret, id.p, id.n);
}

struct span serve_reputation_id(
	struct serve_reputation *r, const struct rep_endpoint *e, uint8_t buf[REP_ID_MAX])
{
	return e->id.n > 0 ? e->id : id_of(r, e->key, buf);
}

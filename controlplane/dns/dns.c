// SPDX-License-Identifier: BSD-3-Clause
// A question's life: remembered, joined or begun; MX first, then A and AAAA at once; told when the DNS
// has said enough, or at its deadline, whichever is first. What comes behind the deadline is
// remembered for the next one. c-ares keeps sockets, ids, repeats and the change to TCP.
//
// All questions have the same time, so the first begun is the first that is due: they form a line.
// Thread: the loop's.
#include "dns.h"

#include <ares.h>
#include <arpa/nameser.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "dns_int.h"
#include "hash.h"
#include "log.h"

LOG_COMPONENT("dns");

enum {
	TIMEOUT_MS = 1500,
	ENTRIES = 10000,
	ENTRIES_LEAST = 16,
	ASKED_MAX = 4096,
	SHARES = 4096, // askers of one hash have one share: 8 kB instead of a table
	SHARE_MAX = 256,
	WAITERS_MAX = 65536,
	TRIES = 2,          // c-ares waits twice as long the second time: a third, and two thirds
	EDNS_BYTES = 1232,  // of a UDP reply: goes through without fragments
	UNKNOWN_TTL_S = 10, // so long nobody asks again what could not be told
};

struct dns_watch { // a socket of c-ares
	struct dns_watch *next;
	struct dns *dns;
	ares_socket_t fd;
	struct event *event;
};

struct dns {
	struct core_loop *loop;
	struct core_timer *timer;
	ares_channel channel;
	struct dns_watch *watches;
	struct dns_memory memory;
	struct dns_counts counts;
	uint32_t first, last; // the line
	uint32_t timeout_ms, asked_max, share_max;
	uint32_t waiters;
	uint16_t share[SHARES]; // waiters of each asker
	bool closing;
};

static struct dns_entry *entry_at(struct dns *d, uint32_t i)
{
	return i == DNS_NO_ENTRY ? NULL : &d->memory.entry[i];
}

// ---- time

static void timer_set(struct dns *d)
{
	struct timeval tv;
	struct dns_entry *e = entry_at(d, d->first);
	uint64_t now = core_now_us(), wait = UINT64_MAX;

	if (ares_timeout(d->channel, NULL, &tv) != NULL)
		wait = (uint64_t)tv.tv_sec * 1000000 + (uint64_t)tv.tv_usec;
	if (e != NULL) {
		uint64_t left = e->until_us > now ? e->until_us - now : 0;

		wait = left < wait ? left : wait;
	}
	if (wait == UINT64_MAX)
		return;
	if (core_timer_once(d->timer, (uint32_t)(wait / 1000 + 1)) != 0)
		LOG(ERR, "timer: out of memory");
}

// ---- telling

static uint32_t ttl_left(const struct dns_entry *e, uint64_t now)
{
	return e->until_us > now ? (uint32_t)((e->until_us - now) / 1000000) : 0;
}

static void tell(struct dns *d, struct dns_entry *e, enum dns_found found, uint32_t ttl_s)
{
	struct dns_waiter *w = e->waiters;

	e->waiters = NULL;
	while (w != NULL) { // a callback may ask again, and move what is in memory; not this entry
		struct dns_waiter *next = w->next;

		d->waiters--;
		d->share[w->share]--;
		w->done(w->arg, found, ttl_s);
		free(w);
		w = next;
	}
}

// Everything was said.
static void entry_end(struct dns *d, struct dns_entry *e, enum dns_found found, uint32_t ttl_s)
{
	static const char *const words[DNS_FOUND_COUNT] = {
		[DNS_EXISTS] = "exists",
		[DNS_NO_MAIL] = "takes no mail",
		[DNS_ABSENT] = "does not exist",
		[DNS_UNKNOWN] = "cannot be resolved now",
	};

	e->found = (uint8_t)found;
	e->ttl_s = ttl_s;
	d->counts.found[found]++;
	d->counts.asked--;
	if (found == DNS_EXISTS)
		LOG(DEBUG, "%s: %s", e->name, words[found]);
	else
		LOG(INFO, "%s: query failed: %s", e->name, words[found]);
	if (!e->told) { // out of the line
		uint32_t *place = &d->first, before = DNS_NO_ENTRY;

		while (*place != dns_memory_index(&d->memory, e)) {
			before = *place;
			place = &d->memory.entry[*place].later;
		}
		*place = e->later;
		if (d->last == dns_memory_index(&d->memory, e))
			d->last = before;
	}
	e->until_us = core_now_us() + ttl_s * UINT64_C(1000000);
	tell(d, e, found, ttl_s);
}

static void deadlines_look(struct dns *d)
{
	uint64_t now = core_now_us();
	struct dns_entry *e;

	while ((e = entry_at(d, d->first)) != NULL && now >= e->until_us) {
		d->first = e->later;
		if (d->first == DNS_NO_ENTRY)
			d->last = DNS_NO_ENTRY;
		e->told = true;
		d->counts.timeouts++;
		LOG(INFO, "%s: query failed: no answer in time", e->name);
		tell(d, e, DNS_UNKNOWN, UNKNOWN_TTL_S);
	}
}

// ---- asking

static void query(struct dns_entry *e, int type, ares_callback cb)
{
	e->queries++;
	e->dns->counts.queries++;
	ares_query(e->dns->channel, e->name, ns_c_in, type, cb, e); // may call back at once
}

static struct dns_reply reply_of(int type, int status, const unsigned char *bytes, int n)
{
	struct dns_reply r = {.found = DNS_UNKNOWN, .ttl_s = UNKNOWN_TTL_S};

	if (status == ARES_SUCCESS || status == ARES_ENODATA || status == ARES_ENOTFOUND)
		r = dns_reply_read(type, bytes, n);
	if (status == ARES_ENOTFOUND && r.found == DNS_EXISTS) // an alias to what is not there
		r.found = DNS_ABSENT;
	return r;
}

// A and AAAA: one that exists is enough, both have to be absent.
static void address_reply(struct dns_entry *e, struct dns_reply r)
{
	struct dns *d = e->dns;

	if (e->found != 0) // the other one has said it
		return;
	if (r.found == DNS_EXISTS) {
		entry_end(d, e, DNS_EXISTS, r.ttl_s);
		return;
	}
	e->lost |= r.found == DNS_UNKNOWN;
	e->ttl_s = r.ttl_s < e->ttl_s ? r.ttl_s : e->ttl_s;
	if (e->queries == 0)
		entry_end(d, e, e->lost ? DNS_UNKNOWN : DNS_ABSENT,
			e->lost ? UNKNOWN_TTL_S : e->ttl_s);
}

static void address_came(void *arg, int type, int status, const unsigned char *bytes, int n)
{
	struct dns_entry *e = arg;

	e->queries--;
	if (!e->dns->closing)
		address_reply(e, reply_of(type, status, bytes, n));
}

static void on_address(void *arg, int status, int, unsigned char *bytes, int n)
{
	address_came(arg, ns_t_a, status, bytes, n);
}

static void on_address6(void *arg, int status, int, unsigned char *bytes, int n)
{
	address_came(arg, ns_t_aaaa, status, bytes, n);
}

static void on_mx(void *arg, int status, int, unsigned char *bytes, int n)
{
	struct dns_entry *e = arg;
	struct dns *d = e->dns;
	struct dns_reply r;

	e->queries--;
	if (d->closing)
		return;
	r = reply_of(ns_t_mx, status, bytes, n);
	if (r.found == DNS_ABSENT && status != ARES_ENOTFOUND) {
		e->ttl_s = r.ttl_s;
		e->queries++; // neither may end it before both are sent
		query(e, ns_t_a, on_address);
		query(e, ns_t_aaaa, on_address6);
		e->queries--;
		if (e->queries == 0 && e->found == 0)
			address_reply(e, (struct dns_reply){.found = DNS_UNKNOWN});
	} else {
		entry_end(d, e, r.found, r.ttl_s);
	}
}

static void begin(struct dns *d, struct dns_entry *e)
{
	uint32_t i = dns_memory_index(&d->memory, e);

	e->dns = d;
	e->until_us = core_now_us() + d->timeout_ms * UINT64_C(1000);
	if (d->last == DNS_NO_ENTRY)
		d->first = i;
	else
		d->memory.entry[d->last].later = i;
	d->last = i;
	d->counts.asked++;
	query(e, ns_t_mx, on_mx);
}

static bool is_open(const struct dns_entry *e)
{
	return e->found == 0;
}

// `fits`: the question may wait for one that is not there yet.
static struct dns_entry *entry_for(struct dns *d, const char *name, bool fits)
{
	struct dns_entry *e = dns_memory_find(&d->memory, name);
	bool instead;

	if (e != NULL && (is_open(e) || core_now_us() < e->until_us))
		return e;
	if (!fits || d->counts.asked >= d->asked_max)
		return NULL;
	if (e != NULL) { // what was known is too old
		if (e->queries > 0 || e->waiters != NULL)
			return e; // the second of two addresses is still to come
		e->found = 0;
		e->told = e->lost = false;
		e->later = DNS_NO_ENTRY;
		return e;
	}
	e = dns_memory_add(&d->memory, name, &instead);
	if (e != NULL && !instead)
		d->counts.entries++;
	return e;
}

// Who asks for slow names by the thousand shall find nobody else's place.
static bool waiter_fits(const struct dns *d, uint32_t share)
{
	return d->waiters < WAITERS_MAX && d->share[share] < d->share_max;
}

void dns_ask(struct dns *d, struct span raw, uint64_t asker, dns_done_cb done, void *arg)
{
	const uint32_t share =
		(uint32_t)(hash_siphash(d->memory.key, &asker, sizeof(asker)) % SHARES);
	char name[DNS_NAME_MAX + 1];
	struct dns_waiter *w = NULL;
	struct dns_entry *e;

	d->counts.questions++;
	if (!dns_name_make(raw, name)) {
		d->counts.invalid++;
		done(arg, DNS_ABSENT, UNKNOWN_TTL_S);
		return;
	}
	e = d->closing ? NULL : entry_for(d, name, waiter_fits(d, share));
	if (e != NULL && (!is_open(e) || e->told)) {
		d->counts.hits++;
		done(arg, is_open(e) ? DNS_UNKNOWN : (enum dns_found)e->found,
			is_open(e) ? UNKNOWN_TTL_S : ttl_left(e, core_now_us()));
		return;
	}
	if (e != NULL && waiter_fits(d, share))
		w = malloc(sizeof(*w));
	if (w == NULL) {
		d->counts.full++;
		done(arg, DNS_UNKNOWN, 0);
		return;
	}
	*w = (struct dns_waiter){.next = e->waiters, .done = done, .arg = arg, .share = share};
	e->waiters = w;
	d->waiters++;
	d->share[share]++;
	if (e->dns != NULL && e->queries > 0)
		d->counts.joined++;
	else
		begin(d, e);
	timer_set(d);
}

// ---- c-ares on the loop

static void came(evutil_socket_t fd, short what, void *arg)
{
	struct dns_watch *watch = arg;
	struct dns *d = watch->dns;

	ares_process_fd(d->channel, (what & EV_READ) != 0 ? fd : ARES_SOCKET_BAD,
		(what & EV_WRITE) != 0 ? fd : ARES_SOCKET_BAD); // may free `watch`
	timer_set(d);
}

static void rang(void *arg)
{
	struct dns *d = arg;

	ares_process_fd(d->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD); // repeats, gives up
	deadlines_look(d);
	timer_set(d);
}

static void watch_drop(struct dns *d, ares_socket_t fd)
{
	for (struct dns_watch **place = &d->watches; *place != NULL; place = &(*place)->next) {
		struct dns_watch *watch = *place;

		if (watch->fd != fd)
			continue;
		*place = watch->next;
		event_free(watch->event);
		free(watch);
		return;
	}
}

static void socket_state(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct dns *d = arg;
	struct dns_watch *watch;
	short what = (short)((readable ? EV_READ : 0) | (writable ? EV_WRITE : 0));

	watch_drop(d, fd);
	if (what == 0)
		return;
	watch = calloc(1, sizeof(*watch));
	if (watch != NULL)
		*watch = (struct dns_watch){.dns = d, .fd = fd, .next = d->watches};
	if (watch != NULL)
		watch->event =
			event_new(core_loop_base(d->loop), fd, what | EV_PERSIST, came, watch);
	if (watch == NULL || watch->event == NULL || event_add(watch->event, NULL) < 0) {
		LOG(ERR, "socket: out of memory"); // its queries time out
		if (watch != NULL && watch->event != NULL)
			event_free(watch->event);
		free(watch);
		return;
	}
	d->watches = watch;
}

static uint32_t or_default(uint32_t n, uint32_t otherwise)
{
	return n == 0 ? otherwise : n;
}

static int channel_open(struct dns *d, const char *servers, struct err_list *err)
{
	struct ares_options o = {
		.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_EDNS,
		.timeout = (int)d->timeout_ms / 3 + 1,
		.tries = TRIES,
		.ednspsz = EDNS_BYTES,
		.sock_state_cb = socket_state,
		.sock_state_cb_data = d,
	};
	int rc = ares_init_options(&d->channel, &o,
		ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ |
			ARES_OPT_SOCK_STATE_CB);

	if (rc != ARES_SUCCESS) {
		err_add(err, "dns: %s", ares_strerror(rc));
		d->channel = NULL;
		return -EINVAL;
	}
	if (servers == NULL || *servers == '\0')
		return 0;
	rc = ares_set_servers_ports_csv(d->channel, servers);
	if (rc == ARES_SUCCESS)
		return 0;
	err_add(err, "dns.servers: %s: %s", servers, ares_strerror(rc));
	return -EINVAL;
}

struct dns *dns_new(struct core_loop *loop, const struct dns_conf *conf, struct err_list *err)
{
	struct dns *d = calloc(1, sizeof(*d));
	uint32_t entries = or_default(conf->cache_entries, ENTRIES);
	uint32_t asked = or_default(conf->asked_max, ASKED_MAX);

	if (d == NULL) {
		err_add(err, "dns: out of memory");
		return NULL;
	}
	entries = entries < ENTRIES_LEAST ? ENTRIES_LEAST : entries;
	d->loop = loop;
	d->timeout_ms = or_default(conf->timeout_ms, TIMEOUT_MS);
	d->asked_max = asked < entries / 2 ? asked : entries / 2;
	d->share_max = or_default(conf->share_max, SHARE_MAX);
	d->first = d->last = DNS_NO_ENTRY;
	d->timer = core_timer_new(loop, rang, d);
	if (d->timer == NULL || dns_memory_init(&d->memory, entries) != 0)
		err_add(err, "dns: out of memory");
	else if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
		err_add(err, "dns: the resolver's library does not start");
	else if (channel_open(d, conf->servers, err) == 0)
		return d;
	dns_free(d);
	return NULL;
}

void dns_free(struct dns *d)
{
	if (d == NULL)
		return;
	d->closing = true;
	if (d->channel != NULL)
		ares_destroy(d->channel); // every query calls back; nothing is told there
	for (uint32_t i = 0; i < d->memory.count; i++)
		tell(d, &d->memory.entry[i], DNS_UNKNOWN, 0);
	dns_memory_fini(&d->memory);
	core_timer_free(d->timer);
	free(d);
}

const struct dns_counts *dns_counts(const struct dns *d)
{
	return &d->counts;
}

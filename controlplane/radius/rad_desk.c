// SPDX-License-Identifier: BSD-3-Clause
// A datagram that was taken before is told by a hash of its client and its octets (RFC 5080 2.2.2 has sender, port,
// id and authenticator: ports and addresses of a client are anybody's to forge, and where nothing is validated the
// authenticator may be the same in all). Its answer is made again; there is nothing in it that the request does
// not say. What is remembered lies in two halves of bounded size; the older is forgotten whole.
// Thread: one.
#include "rad_desk.h"

#include <stdlib.h>
#include <string.h>

#include "hash.h"

const char *const rad_count_names[RAD_COUNTS] = {
	[RAD_COUNT_START] = "start",
	[RAD_COUNT_STOP] = "stop",
	[RAD_COUNT_INTERIM] = "interim",
	[RAD_COUNT_ON] = "on",
	[RAD_COUNT_OFF] = "off",
	[RAD_COUNT_STATUS_SERVER] = "status_server",
	[RAD_COUNT_DUPLICATE] = "duplicate",
	[RAD_COUNT_IGNORED] = "ignored",
	[RAD_COUNT_NO_ID] = "no_id",
	[RAD_COUNT_NO_ADDRESS] = "no_address",
	[RAD_COUNT_NO_SESSION] = "no_session",
	[RAD_COUNT_NO_STATUS] = "no_status",
	[RAD_COUNT_ABSURD] = "absurd",
	[RAD_COUNT_MALFORMED] = "malformed",
	[RAD_COUNT_CODE] = "code",
	[RAD_COUNT_FORGED] = "forged",
	[RAD_COUNT_FULL] = "full",
	[RAD_COUNT_OLD] = "old",
	[RAD_COUNT_SHARE] = "share",
	[RAD_COUNT_ANSWERS] = "answers",
};

struct seat { // a client at the desk
	struct rad_client c;
	uint64_t tag; // of its name: tells senders apart in hashes of sessions, also over restarts
	uint64_t n[RAD_COUNTS];
};

struct half {           // of what is remembered
	uint64_t *seen; // 0 = empty
	uint32_t n, since_s;
};

struct rad_desk {
	struct rad_desk_conf conf;
	struct rad_digest *digest;
	struct half half[2]; // [0]: the one that grows
	uint32_t mask;       // of places in a half
	struct seat **seats; // in their order; and as many by prefix, the longest first
	uint32_t nseats;
	struct span_of_length { // of those by prefix: all of one length
		uint32_t first, n;
		uint8_t len;
	} lengths[129];
	uint32_t nlengths;
	uint64_t strangers;
};

static bool halves_open(struct rad_desk *d)
{
	uint32_t places = 16;

	while (places < 2 * (uint64_t)d->conf.duplicates && places < UINT32_MAX / 2)
		places *= 2;
	d->mask = places - 1;
	for (int i = 0; i < 2; i++) {
		d->half[i].seen = calloc(places, sizeof(d->half[i].seen[0]));
		if (d->half[i].seen == NULL)
			return false;
	}
	return true;
}

struct rad_desk *rad_desk_new(const struct rad_desk_conf *conf)
{
	struct rad_desk *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->conf = *conf;
	d->digest = rad_digest_new();
	if (d->digest != NULL && halves_open(d))
		return d;
	rad_desk_free(d);
	return NULL;
}

void rad_desk_free(struct rad_desk *d)
{
	if (d == NULL)
		return;
	for (uint32_t i = 0; i < d->nseats; i++)
		free(d->seats[i]);
	free(d->seats);
	free(d->half[0].seen);
	free(d->half[1].seen);
	rad_digest_free(d->digest);
	free(d);
}

// ---- clients

static struct seat *seat_of(const struct rad_desk *d, const char *name)
{
	for (uint32_t i = 0; i < d->nseats; i++)
		if (strcmp(d->seats[i]->c.name, name) == 0)
			return d->seats[i];
	return NULL;
}

static struct seat *seat_make(struct rad_desk *d, const struct rad_client *c)
{
	const struct seat *old = seat_of(d, c->name);
	struct seat *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->c = *c;
	s->tag = hash_siphash(d->conf.key, c->name, strlen(c->name));
	for (int i = 0; old != NULL && i < RAD_COUNTS; i++)
		s->n[i] = old->n[i];
	return s;
}

static void shares_take(struct rad_desk *d)
{
	rad_bind_shares_begin(d->conf.bind);
	for (uint32_t i = 0; i < d->nseats; i++)
		d->seats[i]->c.context.share =
			rad_bind_share(d->conf.bind, d->seats[i]->tag | 1); // 0 = none
}

static int seats_compare(const void *a, const void *b)
{
	const struct prefix *x = &(*(struct seat *const *)a)->c.prefix;
	const struct prefix *y = &(*(struct seat *const *)b)->c.prefix;

	return x->len != y->len ? (int)y->len - (int)x->len
				: memcmp(&x->addr, &y->addr, sizeof(x->addr));
}

static void prefixes_sort(struct rad_desk *d)
{
	struct seat **by_prefix = d->seats + d->nseats;

	if (d->nseats > 0)
		memcpy(by_prefix, d->seats, d->nseats * sizeof(by_prefix[0]));
	qsort(by_prefix, d->nseats, sizeof(by_prefix[0]), seats_compare);
	d->nlengths = 0;
	for (uint32_t i = 0; i < d->nseats; i++) {
		const uint8_t len = by_prefix[i]->c.prefix.len;

		if (d->nlengths == 0 || d->lengths[d->nlengths - 1].len != len)
			d->lengths[d->nlengths++] = (struct span_of_length){.first = i, .len = len};
		d->lengths[d->nlengths - 1].n++;
	}
}

bool rad_desk_clients(struct rad_desk *d, const struct rad_client *clients, uint32_t n)
{
	struct seat **seats = calloc(2 * (size_t)n + 1, sizeof(seats[0])), **old = d->seats;
	const uint32_t nold = d->nseats;
	uint32_t made = 0;

	while (seats != NULL && made < n) {
		seats[made] = seat_make(d, &clients[made]);
		if (seats[made] == NULL)
			break;
		made++;
	}
	const bool all = seats != NULL && made == n;
	if (all) {
		d->seats = seats;
		d->nseats = n;
		shares_take(d);
		prefixes_sort(d);
	}
	struct seat **gone = all ? old : seats;
	for (uint32_t i = 0; i < (all ? nold : made); i++)
		free(gone[i]);
	free(gone);
	return all;
}

// Of each length, the longest first, at most one has the address: the last that does not begin behind it.
static struct seat *client_find(const struct rad_desk *d, const struct addr *a)
{
	for (uint32_t i = 0; i < d->nlengths; i++) {
		struct seat **of = d->seats + d->nseats + d->lengths[i].first;
		uint32_t low = 0, high = d->lengths[i].n;

		while (low < high) {
			const uint32_t mid = (low + high) / 2;

			if (memcmp(&of[mid]->c.prefix.addr, a, sizeof(*a)) <= 0)
				low = mid + 1;
			else
				high = mid;
		}
		if (low > 0 && prefix_has(&of[low - 1]->c.prefix, a))
			return of[low - 1];
	}
	return NULL;
}

static void count(struct seat *s, enum rad_count what)
{
	s->n[what]++;
}

bool rad_desk_counts(const struct rad_desk *d, uint32_t place, struct rad_client_counts *out)
{
	if (place >= d->nseats)
		return false;
	memcpy(out->name, d->seats[place]->c.name, sizeof(out->name));
	memcpy(out->n, d->seats[place]->n, sizeof(out->n));
	out->bindings = rad_bind_share_used(d->conf.bind, d->seats[place]->c.context.share);
	out->most = d->seats[place]->c.context.most;
	return true;
}

uint64_t rad_desk_strangers(const struct rad_desk *d)
{
	return d->strangers;
}

// ---- what was taken before

static uint64_t mark_of(
	const struct rad_desk *d, const struct seat *seat, const struct rad_packet *p)
{
	const uint64_t octets[] = {seat->tag, hash_siphash(d->conf.key, p->whole.p, p->whole.n)};

	return hash_siphash(d->conf.key, octets, sizeof(octets)) | 1; // never 0
}

static bool half_has(const struct rad_desk *d, const struct half *h, uint64_t mark)
{
	for (uint32_t at = (uint32_t)(mark >> 32) & d->mask; h->seen[at] != 0;
		at = (at + 1) & d->mask)
		if (h->seen[at] == mark)
			return true;
	return false;
}

static void mark_add(struct rad_desk *d, uint64_t mark, uint32_t now_s)
{
	if (d->half[0].n >= d->conf.duplicates ||
		now_s - d->half[0].since_s >= d->conf.duplicates_s) {
		const struct half old = d->half[1];

		d->half[1] = d->half[0];
		d->half[0] = (struct half){.seen = old.seen, .since_s = now_s};
		memset(old.seen, 0, (d->mask + 1) * sizeof(old.seen[0]));
	}
	uint32_t at = (uint32_t)(mark >> 32) & d->mask;
	while (d->half[0].seen[at] != 0)
		at = (at + 1) & d->mask;
	d->half[0].seen[at] = mark;
	d->half[0].n++;
}

// ---- a datagram

struct visit { // of one
	struct seat *seat;
	struct rad_packet packet;
	bool sealed;
};

static size_t answer(struct rad_desk *d, const struct visit *v, uint8_t *buf)
{
	if (!v->seat->c.respond)
		return 0;
	const size_t n = rad_answer(&v->packet, RAD_ACCOUNTING_RESPONSE, v->sealed, buf);

	rad_answer_seal(d->digest, buf, n, &v->seat->c.secret);
	count(v->seat, RAD_COUNT_ANSWERS);
	return n;
}

// May it be believed? Counts where not.
static bool is_proved(struct rad_desk *d, struct visit *v)
{
	const enum rad_proof proof =
		rad_request_prove(d->digest, &v->packet, &v->seat->c.secret, &v->sealed);

	// A Status-Server asks for an answer and nothing else: it is always to prove itself (RFC 5997 3).
	if (proof == RAD_PROVED ||
		(!v->seat->c.validate && v->packet.code == RAD_ACCOUNTING_REQUEST))
		return true;
	count(v->seat, RAD_COUNT_FORGED);
	return false;
}

static enum rad_count account(
	struct rad_desk *d, const struct visit *v, uint32_t now_s, bool *answered)
{
	static const enum rad_count lacks[] = {
		[RAD_IGNORED] = RAD_COUNT_IGNORED,
		[RAD_NO_STATUS] = RAD_COUNT_NO_STATUS,
		[RAD_NO_SESSION] = RAD_COUNT_NO_SESSION,
		[RAD_NO_ID] = RAD_COUNT_NO_ID,
		[RAD_NO_ADDRESS] = RAD_COUNT_NO_ADDRESS,
		[RAD_ABSURD] = RAD_COUNT_ABSURD,
	};
	static const enum rad_count statuses[] = {
		[RAD_START] = RAD_COUNT_START,
		[RAD_STOP] = RAD_COUNT_STOP,
		[RAD_INTERIM] = RAD_COUNT_INTERIM,
		[RAD_ON] = RAD_COUNT_ON,
		[RAD_OFF] = RAD_COUNT_OFF,
	};
	struct rad_account a;
	const enum rad_lack lack =
		rad_account_read(&v->packet, &v->seat->c.form, d->conf.key, v->seat->tag, &a);

	*answered = lack == RAD_TAKEN || lack == RAD_IGNORED || lack == RAD_NO_ID ||
		lack == RAD_NO_ADDRESS;
	if (lack != RAD_TAKEN)
		return lacks[lack];
	if (!v->seat->c.event_time)
		a.event_s = 0;
	switch (rad_bind_take(d->conf.bind, &a, v->seat->c.context, now_s)) {
	case RAD_DONE:
		break;
	case RAD_OLD:
		return RAD_COUNT_OLD;
	case RAD_FULL:
		*answered = false; // it was not recorded (RFC 2866 4.1)
		return RAD_COUNT_FULL;
	case RAD_SHARE_FULL:
		*answered = false; // likewise
		return RAD_COUNT_SHARE;
	}
	return statuses[a.status];
}

static size_t request(struct rad_desk *d, const struct visit *v, uint32_t now_s, uint8_t *buf)
{
	const uint64_t mark = mark_of(d, v->seat, &v->packet);
	bool answered;

	if (half_has(d, &d->half[0], mark) || half_has(d, &d->half[1], mark)) {
		count(v->seat, RAD_COUNT_DUPLICATE);
		return answer(d, v, buf);
	}
	count(v->seat, account(d, v, now_s, &answered));
	if (!answered)
		return 0;
	mark_add(d, mark, now_s);
	return answer(d, v, buf);
}

size_t rad_desk_take(struct rad_desk *d, const struct addr *from, struct span datagram,
	uint32_t now_s, uint8_t *buf)
{
	struct visit v = {.seat = client_find(d, from)};

	if (v.seat == NULL) {
		d->strangers++;
		return 0;
	}
	if (rad_packet_read(datagram, &v.packet) != RAD_GOOD) {
		count(v.seat, RAD_COUNT_MALFORMED);
		return 0;
	}
	if (v.packet.code != RAD_ACCOUNTING_REQUEST && v.packet.code != RAD_STATUS_SERVER) {
		count(v.seat, RAD_COUNT_CODE);
		return 0;
	}
	if (!is_proved(d, &v))
		return 0;
	if (v.packet.code == RAD_ACCOUNTING_REQUEST)
		return request(d, &v, now_s, buf);
	count(v.seat, RAD_COUNT_STATUS_SERVER);
	return answer(d, &v, buf);
}

// SPDX-License-Identifier: BSD-3-Clause
// Senders: good and bad mail in half hours, and the score that follows: that of the worst of the windows.
// Each configured prefix length has an entry of its own for a client. Thread: the owner's.
#include "rep_sender_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"

unsigned rep_score(uint64_t good, uint64_t bad_percent, uint32_t k)
{
	const uint64_t all = bad_percent + 100 * good + 100 * (uint64_t)k;

	return all == 0 ? 0 : (unsigned)((100 * bad_percent + all / 2) / all);
}

// ---- making

struct rep_senders *rep_senders_new(const struct rep_senders_conf *conf)
{
	struct rep_senders *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	if (conf->most == 0 || conf->most == REP_NOBODY || !rep_auth_is_sound(&conf->auth) ||
		!rep_shape_take(&s->shape, conf)) {
		free(s);
		errno = EINVAL;
		return NULL;
	}
	s->weights = conf->weights;
	s->auth = conf->auth;
	s->ops = conf->ops;
	memcpy(s->secret, conf->secret, sizeof(s->secret));
	s->entry = calloc(conf->most, sizeof(*s->entry));
	s->cell = calloc(conf->most, s->shape.cells * sizeof(*s->cell));
	if (rep_table_open(&s->t, conf->most) && rep_bits_open(&s->stale, conf->most) &&
		s->entry != NULL && s->cell != NULL)
		return s;
	rep_senders_free(s);
	errno = ENOMEM;
	return NULL;
}

void rep_senders_free(struct rep_senders *s)
{
	if (s == NULL)
		return;
	rep_table_close(&s->t);
	rep_notes_close(&s->notes);
	free(s->stale.word);
	free(s->entry);
	free(s->before);
	free(s->cell);
	free(s);
}

void rep_senders_counts(const struct rep_senders *s, struct rep_counts *out)
{
	rep_table_counts(&s->t, out);
	out->bytes = rep_shape_bytes(&s->shape, s->t.most);
}

// ---- entries

static uint64_t hash_of(const struct rep_senders *s, const struct rep_sender_key *key)
{
	uint8_t text[24] = {0};

	memcpy(text, key->prefix.addr.b, 16);
	text[16] = key->prefix.len;
	memcpy(text + 17, &key->context, 4);
	memcpy(text + 21, &key->vlan, 2);
	return hash_siphash(s->secret, text, sizeof(text));
}

static bool key_eq(const struct rep_sender_key *a, const struct rep_sender_key *b)
{
	return a->prefix.len == b->prefix.len && a->context == b->context && a->vlan == b->vlan &&
		addr_eq(&a->prefix.addr, &b->prefix.addr);
}

static uint32_t find(const struct rep_senders *s, const struct rep_sender_key *key, uint64_t hash)
{
	uint32_t n = rep_table_first(&s->t, hash);

	while (n != REP_NOBODY && !key_eq(&s->entry[n].key, key))
		n = s->t.next[n];
	return n;
}

uint32_t rep_sender_find(const struct rep_senders *s, const struct rep_sender_key *key)
{
	return find(s, key, hash_of(s, key));
}

static void forget(struct rep_senders *s, uint32_t n)
{
	const struct rep_sender_key *key = &s->entry[n].key;

	if (s->ops.gone != NULL)
		s->ops.gone(s->ops.arg, n);
	rep_shape_lengths(&s->shape, &key->prefix)->used[key->prefix.len]--;
	rep_notes_drop(&s->notes, n);
	rep_sender_fresh(s, n);
	rep_table_drop(&s->t, n, hash_of(s, key));
}

// The data plane must not keep the score of what is forgotten. false: it can't be told now.
static bool take_back(struct rep_senders *s, uint32_t n)
{
	const struct rep_sender_key *key = &s->entry[n].key;
	const struct rep_fact fact = {
		.prefix = key->prefix, .context = key->context, .vlan = key->vlan};

	return s->entry[n].told == 0 || s->ops.tell == NULL || s->ops.tell(s->ops.arg, &fact);
}

static bool room_make(struct rep_senders *s)
{
	const uint32_t n = rep_table_victim(&s->t);

	if (n == REP_NOBODY || !take_back(s, n))
		return false;
	forget(s, n);
	s->t.evicted++;
	return true;
}

uint32_t rep_sender_make(struct rep_senders *s, const struct rep_sender_key *key)
{
	const uint64_t hash = hash_of(s, key);
	uint32_t n = find(s, key, hash);

	if (n != REP_NOBODY)
		return n;
	n = rep_table_take(&s->t, hash);
	if (n == REP_NOBODY && room_make(s))
		n = rep_table_take(&s->t, hash);
	if (n == REP_NOBODY) {
		s->t.full++;
		return n;
	}
	rep_shape_lengths(&s->shape, &key->prefix)->used[key->prefix.len]++;
	s->entry[n] = (struct sender){.key = *key};
	memset(s->cell + (size_t)n * s->shape.cells, 0, s->shape.cells * sizeof(*s->cell));
	return n;
}

uint32_t rep_senders_room(const struct rep_senders *s)
{
	return rep_table_room(&s->t);
}

// The client's prefix of a length.
static struct rep_sender_key key_of(const struct rep_client *c, uint8_t len)
{
	struct rep_sender_key key = {
		.prefix = {.addr = c->addr, .len = len}, .context = c->context, .vlan = c->vlan};
	uint8_t *b = key.prefix.addr.b;

	if (len % 8 != 0)
		b[len / 8] &= (uint8_t)(0xff00 >> (len % 8));
	for (unsigned i = (len + 7u) / 8; i < 16; i++)
		b[i] = 0;
	return key;
}

uint32_t rep_sender_of(const struct rep_senders *s, const struct rep_client *c,
	uint32_t numbers[2 * REP_LENGTHS_MAX])
{
	uint32_t found = 0;

	for (unsigned bits = 129; bits-- > 0;) {
		const struct rep_sender_key key = key_of(c, (uint8_t)bits);
		const uint32_t n = !rep_shape_has(&s->shape, &key.prefix)
			? REP_NOBODY
			: rep_sender_find(s, &key);

		if (n != REP_NOBODY && found < 2 * REP_LENGTHS_MAX)
			numbers[found++] = n;
	}
	return found;
}

// ---- scores

uint32_t rep_sender_cells(const struct rep_senders *s, uint32_t n)
{
	return s->before != NULL && rep_bits_has(&s->stale, n) ? s->before_cells : s->shape.cells;
}

struct half_hour *rep_sender_cell(const struct rep_senders *s, uint32_t n, uint32_t at)
{
	if (s->before != NULL && rep_bits_has(&s->stale, n))
		return &s->before[(size_t)n * s->before_cells + at % s->before_cells];
	return &s->cell[(size_t)n * s->shape.cells + at % s->shape.cells];
}

unsigned rep_sender_score_at(const struct rep_senders *s, uint32_t n, uint32_t now)
{
	const uint32_t last = s->t.last[n], past = now > last ? now - last : 0;
	uint64_t good = 0, bad = 0;
	unsigned score = 0, w = 0;

	for (uint32_t i = past; last != 0 && i < s->shape.cells; i++) {
		const struct half_hour *c = rep_sender_cell(s, n, last - (i - past));

		for (; s->shape.windows[w] <= i; w++) {
			const unsigned of = rep_score(good, bad, s->weights.k);

			score = of > score ? of : score;
		}
		good += c->good;
		bad += c->bad;
	}
	if (last != 0 && past < s->shape.cells) {
		const unsigned of = rep_score(good, bad, s->weights.k);

		score = of > score ? of : score;
	}
	return score;
}

unsigned rep_sender_score(struct rep_senders *s, uint32_t n, uint32_t now_s)
{
	rep_sender_freshen(s, n);
	if (s->t.score[n] > 0)
		s->t.score[n] = (uint16_t)rep_sender_score_at(s, n, now_s / REP_SENDER_CELL_S);
	return s->t.score[n];
}

static struct half_hour *cell_now(struct rep_senders *s, uint32_t n, uint32_t now_s)
{
	const uint32_t now = now_s / REP_SENDER_CELL_S;
	uint32_t last;

	rep_sender_freshen(s, n);
	last = s->t.last[n];
	if (now > last && now - last >= s->shape.cells) {
		memset(s->cell + (size_t)n * s->shape.cells, 0, s->shape.cells * sizeof(*s->cell));
		last = now;
	}
	for (; last < now; last++)
		*rep_sender_cell(s, n, last + 1) = (struct half_hour){0};
	s->t.last[n] = last;
	return rep_sender_cell(s, n, last);
}

// ---- what follows

static bool say(struct rep_senders *s, uint32_t n, uint32_t now_s)
{
	struct sender *c = &s->entry[n];
	const enum rep_state state = rep_table_state(&s->t, n);
	const unsigned score = rep_sender_score(s, n, now_s); // first: it may change the rest
	const struct rep_fact fact = {.prefix = c->key.prefix,
		.context = c->key.context,
		.vlan = c->key.vlan,
		.score = (uint8_t)score,
		.listed = state == REP_MANUAL,
		.exempt = state == REP_EXEMPT,
		.auth_s = rep_bits_has(&s->t.auth, n) ? rep_auth_left(&c->auth, now_s) : 0};

	if (s->ops.tell != NULL && !s->ops.tell(s->ops.arg, &fact))
		return false;
	c->told = fact.score;
	return true;
}

static void tell(struct rep_senders *s, uint32_t n, uint32_t now_s)
{
	rep_bits_put(&s->t.pending, n, !say(s, n, now_s));
}

static void dirty(struct rep_senders *s, uint32_t n)
{
	rep_bits_put(&s->t.dirty, n, true);
}

static void began(struct rep_senders *s, enum rep_event event, uint32_t n)
{
	s->t.blocks[event]++;
	if (s->ops.blocked != NULL)
		s->ops.blocked(s->ops.arg, event, n);
}

static bool list_is_over(const struct rep_senders *s, uint32_t n, uint32_t now_s)
{
	return rep_table_state(&s->t, n) != REP_NONE &&
		rep_note_is_over(rep_notes_find(&s->notes, n), now_s);
}

void rep_sender_settle(struct rep_senders *s, uint32_t n, uint32_t now_s)
{
	const bool list = list_is_over(s, n, now_s);
	const bool auth =
		rep_bits_has(&s->t.auth, n) && rep_auth_left(&s->entry[n].auth, now_s) == 0;

	if (list) {
		rep_table_state_set(&s->t, n, REP_NONE);
		rep_notes_drop(&s->notes, n);
	}
	if (auth)
		rep_table_auth_set(&s->t, n, false);
	if (!list && !auth)
		return;
	dirty(s, n);
	tell(s, n, now_s);
}

static void mail(struct rep_senders *s, const struct rep_sender_key *key, enum rep_mail what,
	uint32_t count, uint32_t now_s)
{
	const uint32_t n = rep_sender_make(s, key);
	struct half_hour *c;
	uint64_t bad;

	if (n == REP_NOBODY)
		return;
	c = cell_now(s, n, now_s);
	bad = c->bad + (uint64_t)count * s->weights.percent[what];
	if (what == REP_CLEAN)
		c->good = count > UINT32_MAX - c->good ? UINT32_MAX : c->good + count;
	else
		c->bad = bad > UINT32_MAX ? UINT32_MAX : (uint32_t)bad;
	dirty(s, n);
	s->t.score[n] = 1; // it may not be 0
	(void)rep_sender_score(s, n, now_s);
	if (s->t.score[n] != s->entry[n].told)
		tell(s, n, now_s);
}

void rep_sender_mail(struct rep_senders *s, const struct rep_client *c, enum rep_mail what,
	uint32_t count, uint32_t now_s)
{
	const struct lengths *l = &s->shape.lengths[addr_is_v4(&c->addr) ? 1 : 0];

	for (unsigned i = 0; i < l->n; i++) {
		const struct rep_sender_key key = key_of(c, l->counted[i]);

		mail(s, &key, what, count, now_s);
	}
}

void rep_sender_login(struct rep_senders *s, const struct rep_client *c, bool passed,
	uint32_t count, uint32_t now_s)
{
	const struct lengths *l = &s->shape.lengths[addr_is_v4(&c->addr) ? 1 : 0];
	const struct rep_sender_key key = key_of(c, l->counted[0]);
	uint32_t n;

	n = l->n == 0 ? REP_NOBODY : passed ? rep_sender_find(s, &key) : rep_sender_make(s, &key);
	if (n == REP_NOBODY)
		return;
	rep_sender_settle(s, n, now_s);
	if (passed && s->entry[n].auth.failed > 0) {
		s->entry[n].auth = (struct rep_auth){0};
		dirty(s, n);
		if (rep_bits_has(&s->t.auth, n)) {
			rep_table_auth_set(&s->t, n, false);
			tell(s, n, now_s);
		}
	}
	if (passed || rep_bits_has(&s->t.state[REP_EXEMPT], n))
		return;
	dirty(s, n);
	if (!rep_auth_failed(&s->entry[n].auth, &s->auth, count, now_s))
		return;
	rep_table_auth_set(&s->t, n, true);
	tell(s, n, now_s);
	began(s, REP_EVT_AUTH, n);
}

static bool is_canonical(const struct prefix *p)
{
	const struct rep_client c = {.addr = p->addr};
	const struct rep_sender_key key = key_of(&c, p->len <= 128 ? p->len : 0);

	return p->len <= 128 && addr_eq(&key.prefix.addr, &p->addr);
}

int rep_sender_set(struct rep_senders *s, const struct rep_sender_key *key,
	const struct rep_listing *to, uint32_t now_s)
{
	const enum rep_state state = to->state;
	uint32_t n = rep_sender_find(s, key);
	enum rep_state before;

	if (!is_canonical(&key->prefix) || state == REP_AUTO)
		return -EINVAL;
	if (n == REP_NOBODY && state == REP_NONE)
		return 0;
	if (n == REP_NOBODY && !rep_shape_fits(&s->shape, &key->prefix))
		return -ERANGE;
	n = rep_sender_make(s, key);
	if (n == REP_NOBODY)
		return -ENOSPC;
	rep_sender_settle(s, n, now_s);
	if (state == REP_NONE)
		rep_notes_drop(&s->notes, n);
	else if (!rep_notes_put(&s->notes, n, now_s, to->until_s, to->comment))
		return -ENOMEM;
	before = rep_table_state(&s->t, n);
	if (state != REP_MANUAL) {
		s->entry[n].auth = (struct rep_auth){0};
		rep_table_auth_set(&s->t, n, false);
	}
	rep_table_state_set(&s->t, n, state);
	dirty(s, n);
	tell(s, n, now_s);
	if (state == REP_MANUAL && before != REP_MANUAL)
		began(s, REP_EVT_MANUAL, n);
	return 0;
}

void rep_sender_zero(struct rep_senders *s, uint32_t n)
{
	s->entry[n].auth = (struct rep_auth){0};
	rep_table_auth_set(&s->t, n, false);
	memset(s->cell + (size_t)n * s->shape.cells, 0, s->shape.cells * sizeof(*s->cell));
	s->t.score[n] = 0;
	s->t.last[n] = 0;
	dirty(s, n);
}

int rep_sender_clear(struct rep_senders *s, const struct rep_sender_key *key, uint32_t now_s)
{
	const uint32_t n = rep_sender_find(s, key);

	if (n == REP_NOBODY)
		return -ENOENT;
	rep_sender_fresh(s, n);
	rep_sender_zero(s, n);
	tell(s, n, now_s);
	return 0;
}

// ---- from time to time

uint32_t rep_senders_tell(struct rep_senders *s, uint32_t most, uint32_t now_s)
{
	for (uint32_t n = 0; most > 0; most--, n++) {
		n = rep_bits_next(&s->t.pending, n);
		if (n == REP_NOBODY || !say(s, n, now_s))
			break;
		rep_bits_put(&s->t.pending, n, false);
	}
	return s->t.pending.set;
}

void rep_senders_tell_all(struct rep_senders *s)
{
	rep_table_tell_all(&s->t);
	for (uint32_t n = 0; n < s->t.fresh; n++)
		if (s->t.score[n] > 0 && rep_bits_has(&s->t.used, n))
			rep_bits_put(&s->t.pending, n, true);
}

static bool says_nothing(struct rep_senders *s, uint32_t n, uint32_t now_s)
{
	const uint32_t now = now_s / REP_SENDER_CELL_S;

	return rep_table_state(&s->t, n) == REP_NONE && !rep_bits_has(&s->t.pending, n) &&
		(s->t.last[n] == 0 || s->t.last[n] + s->shape.cells <= now) &&
		rep_auth_is_over(&s->entry[n].auth, &s->auth, now_s);
}

void rep_senders_tick(struct rep_senders *s, uint32_t most, uint32_t now_s)
{
	uint32_t looks = most, over;

	rep_senders_change_on(s);
	while ((over = rep_notes_over(&s->notes, &looks, now_s)) != REP_NOBODY)
		rep_sender_settle(s, over, now_s);
	for (; most > 0; most--) {
		const uint32_t n = rep_bits_next(&s->t.used, s->t.tick);

		if (n == REP_NOBODY) {
			s->t.tick = 0;
			return;
		}
		s->t.tick = n + 1;
		rep_sender_freshen(s, n);
		rep_sender_settle(s, n, now_s);
		if (rep_sender_score(s, n, now_s) != s->entry[n].told)
			tell(s, n, now_s);
		if (says_nothing(s, n, now_s))
			forget(s, n);
	}
}

uint32_t rep_senders_dirty(struct rep_senders *s, uint32_t *numbers, uint32_t cap)
{
	return rep_table_dirty(&s->t, numbers, cap);
}

void rep_sender_dirty(struct rep_senders *s, uint32_t number)
{
	dirty(s, number);
}

void rep_senders_dirty_all(struct rep_senders *s)
{
	rep_table_dirty_all(&s->t);
}

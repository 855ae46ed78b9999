// SPDX-License-Identifier: BSD-3-Clause
// Domains of HELO, sender and recipients that a candidate would have checked. Where both check the same the
// finding of the one in force is the candidate's. Else it asks on its own account: no session waits for that,
// and what it would have decided is compared when the finding comes, or after 2 s without one, as it would
// have been; also where the session has ended by then. What sessions know and ask for by themselves is not
// asked again. A worker has few questions of the candidate's under way and few decisions that wait; who
// finds no place is not followed. What it finds out is for the candidate alone: in force each session waits
// for what it asked itself.
// Where the session parts while a decision waits, it is told by what it parted at.
// Thread: the worker.
#include "eng_shadow.h"
#include "seq.h"

enum {
	WAIT_MS = 2000,     // as eng_ask.c lets a command wait
	QUESTION_MS = 4000, // its answer is no more awaited
	LOOK_MS = 50,       // between looks for what is over
	KNOWN_MOST_MS = 60 * 60 * 1000,
};

static struct eng_shadow_worker *own_of(const struct eng_worker *w)
{
	return w->shadow->own[w->id];
}

// ---- names

static struct eng_known *name_find(struct eng_worker *w, uint64_t key)
{
	struct eng_known *set = own_of(w)->name[key % ENG_SHADOW_NAME_SETS];

	for (unsigned i = 0; i < ENG_KNOWN_WAYS; i++)
		if (set[i].key == key && seq_lt(w->smtp->now_ms, set[i].until_ms))
			return &set[i];
	return NULL;
}

// In the place of the same name, or of what is over first.
static void name_note(struct eng_worker *w, uint64_t key, enum eng_find found, uint32_t ms)
{
	struct eng_known *set = own_of(w)->name[key % ENG_SHADOW_NAME_SETS], *place = &set[0];

	for (unsigned i = 0; i < ENG_KNOWN_WAYS; i++) {
		if (set[i].key == 0 || set[i].key == key) {
			place = &set[i];
			break;
		}
		if (seq_lt(set[i].until_ms, place->until_ms))
			place = &set[i];
	}
	*place = (struct eng_known){
		.key = key, .until_ms = w->smtp->now_ms + (ms == 0 ? 1 : ms), .found = found};
}

void eng_shadow_name_asked(struct eng_worker *w, uint64_t key)
{
	name_note(w, key, ENG_FIND_NONE, WAIT_MS);
}

// A place for a question; ENG_SHADOW_QUESTIONS_MAX: there is none.
static unsigned question_place(const struct eng_worker *w)
{
	const struct eng_shadow_worker *own = own_of(w);
	unsigned i = 0;

	while (i < ENG_SHADOW_QUESTIONS_MAX && own->question[i] != 0 &&
		seq_lt(w->smtp->now_ms, own->question_until_ms[i]))
		i++;
	return i;
}

// What is known of a name; NONE: it is asked for, by whomever; COUNT: it can't be.
static enum eng_find look(struct eng_worker *w, const struct eng_session *s, enum eng_ask_kind kind,
	struct span name, uint64_t *key)
{
	struct eng_shadow_worker *own = own_of(w);
	const enum eng_find found = eng_ask_known(w->smtp, &name, key);

	if (found != ENG_FIND_NONE)
		return found;
	if (s->asking == ENG_ASKING_LATE) // in force nothing came for it
		return ENG_FIND_UNKNOWN;
	const struct eng_known *known = name_find(w, *key);
	if (known != NULL)
		return known->found;
	const unsigned place = question_place(w);
	if (place == ENG_SHADOW_QUESTIONS_MAX || !eng_ask_aside(w, s, kind, *key, name))
		return ENG_FIND_COUNT;
	own->question[place] = *key;
	own->question_until_ms[place] = w->smtp->now_ms + QUESTION_MS;
	name_note(w, *key, ENG_FIND_NONE, WAIT_MS);
	return ENG_FIND_NONE;
}

// ---- what a command needs

// The two profiles check the same of such a command.
static bool is_alike(const struct pol_session *live, const struct pol_session *shadow, bool mail)
{
	if (live->reject_empty_domain != shadow->reject_empty_domain)
		return false;
	return mail ? live->check_sender_domain == shadow->check_sender_domain &&
			live->check_helo_domain == shadow->check_helo_domain
		    : live->check_recipient_domain == shadow->check_recipient_domain;
}

static enum eng_refusal refuses(
	bool mail, uint8_t check, const uint8_t found[2]) // HELO first, as in force
{
	if (found[0] == ENG_FIND_ABSENT)
		return ENG_REFUSE_HELO_DOMAIN;
	return eng_ask_refuses(mail, check, found[1]);
}

enum eng_refusal eng_shadow_domain_ask(struct eng_worker *w, struct eng_session *s,
	const struct eng_shadow_entry *entry, const struct smtp_event *ev,
	struct eng_shadow_asked *a)
{
	const struct pol_session *profile = eng_shadow_profile(w, entry);
	const bool mail = eng_begins_mail(ev->verb);
	struct pol_word word;
	enum eng_refusal why;
	struct span name;

	if (is_alike(eng_profile(w, s), profile, mail))
		return w->smtp->ask_why;
	a->check = mail ? profile->check_sender_domain : profile->check_recipient_domain;
	a->found[0] = mail ? entry->helo : ENG_FIND_EXISTS;
	a->key[0] = entry->helo_key;
	a->found[1] = ENG_FIND_EXISTS;
	if (a->found[0] == ENG_FIND_ABSENT)
		return ENG_REFUSE_HELO_DOMAIN;
	if (eng_ask_name(ev, profile, &word, &name, &why))
		a->found[1] = (uint8_t)look(
			w, s, mail ? ENG_ASK_SENDER : ENG_ASK_RECIPIENT, name, &a->key[1]);
	else if (why != ENG_REFUSAL_COUNT && a->found[0] == ENG_FIND_EXISTS)
		return why;
	a->blind = a->found[0] == ENG_FIND_COUNT || a->found[1] == ENG_FIND_COUNT ||
		why != ENG_REFUSAL_COUNT; // which of the two it would be
	a->waits = !a->blind && (a->found[0] == ENG_FIND_NONE || a->found[1] == ENG_FIND_NONE);
	return a->blind || a->waits ? ENG_REFUSAL_COUNT : refuses(mail, a->check, a->found);
}

// ---- decisions that wait

static struct eng_shadow_wait *wait_new(
	struct eng_worker *w, struct eng_session *s, struct eng_shadow_entry *entry)
{
	struct eng_shadow_worker *own = own_of(w);
	unsigned i = 0;

	while (i < ENG_SHADOW_WAITS_MAX && own->wait[i].used)
		i++;
	if (i == ENG_SHADOW_WAITS_MAX) {
		eng_shadow_unfollowed(w, s);
		return NULL;
	}
	own->wait[i] = (struct eng_shadow_wait){
		.used = true, .until_ms = w->smtp->now_ms + WAIT_MS, .policy = entry->policy};
	eng_who(w, s, &own->wait[i].who);
	own->waits++;
	entry->waits++;
	return &own->wait[i];
}

static void wait_free(struct eng_worker *w, struct eng_shadow_wait *wait)
{
	struct eng_shadow_entry *entry = eng_shadow_entry_of(w, wait->who.session);

	if (entry != NULL)
		entry->waits--;
	wait->used = false;
	own_of(w)->waits--;
}

static void waits_free(struct eng_worker *w, uint64_t session)
{
	struct eng_shadow_worker *own = own_of(w);

	for (unsigned i = 0; i < ENG_SHADOW_WAITS_MAX; i++)
		if (own->wait[i].used && own->wait[i].who.session == session)
			wait_free(w, &own->wait[i]);
}

void eng_shadow_domain_wait(struct eng_worker *w, struct eng_session *s,
	struct eng_shadow_entry *entry, const struct smtp_event *ev,
	const struct eng_shadow_asked *a, const struct eng_decision *live)
{
	struct eng_shadow_wait *wait = wait_new(w, s, entry);

	if (wait == NULL)
		return;
	wait->mail = eng_begins_mail(ev->verb);
	wait->check = a->check;
	wait->live = *live;
	memcpy(wait->key, a->key, sizeof(wait->key));
	memcpy(wait->found, a->found, sizeof(wait->found));
}

void eng_shadow_helo(struct eng_worker *w, struct eng_session *s, struct eng_shadow_entry *entry,
	struct span text)
{
	struct eng_shadow_wait *wait;

	entry->helo = ENG_FIND_EXISTS;
	if (eng_shadow_profile(w, entry)->check_helo_domain == POL_DOMAIN_OFF || s->auth)
		return;
	const struct span name = eng_ask_helo_name(text);
	const enum eng_find found = look(w, s, ENG_ASK_HELO, name, &entry->helo_key);
	entry->helo = (uint8_t)found;
	wait = found == ENG_FIND_NONE ? wait_new(w, s, entry) : NULL;
	if (wait == NULL)
		return;
	wait->kind = ENG_ASK_HELO;
	wait->key[0] = entry->helo_key;
	wait->found[1] = ENG_FIND_EXISTS;
}

void eng_shadow_domain_end(struct eng_worker *w, const struct eng_shadow_entry *entry)
{
	if (entry->waits > 0 && entry->over) // else what waits is told without the session
		waits_free(w, entry->session);
}

// It knows all that it will. The wait is over.
static void conclude(struct eng_worker *w, struct eng_shadow_wait *wait)
{
	const struct eng_shadow_wait is = *wait;
	struct eng_shadow_entry *entry = eng_shadow_entry_of(w, is.who.session);
	struct eng_parted parted = {
		.stage = ENG_STAGE_COMMAND, .policy = is.policy, .live = is.live};
	enum eng_refusal why;

	wait_free(w, wait);
	if (is.kind == ENG_ASK_HELO) {
		if (entry != NULL && entry->helo_key == is.key[0])
			entry->helo = is.found[0];
		return;
	}
	why = refuses(is.mail, is.check, is.found);
	if (why == ENG_REFUSAL_COUNT || (entry != NULL && entry->over))
		return;
	parted.shadow = eng_shadow_refuse(&eng_profile_none, why, POL_NONE);
	if (eng_shadow_alike(&parted.live, &parted.shadow))
		return;
	if (entry != NULL)
		entry->over = true;
	eng_shadow_tell(w, &is.who, &parted);
	waits_free(w, is.who.session);
}

static bool is_known(const struct eng_shadow_wait *wait)
{
	return wait->found[0] != ENG_FIND_NONE && wait->found[1] != ENG_FIND_NONE;
}

void eng_shadow_name_found(struct eng_worker *w, const struct eng_finding *f)
{
	struct eng_shadow_worker *own = own_of(w);

	name_note(w, f->key, f->found, f->ttl_ms < KNOWN_MOST_MS ? f->ttl_ms : KNOWN_MOST_MS);
	for (unsigned i = 0; i < ENG_SHADOW_QUESTIONS_MAX; i++)
		if (own->question[i] == f->key)
			own->question[i] = 0;
	for (unsigned i = 0; i < ENG_SHADOW_WAITS_MAX && own->waits > 0; i++) {
		struct eng_shadow_wait *wait = &own->wait[i];
		if (!wait->used)
			continue;
		for (unsigned k = 0; k < 2; k++)
			if (wait->found[k] == ENG_FIND_NONE && wait->key[k] == f->key)
				wait->found[k] = (uint8_t)f->found;
		if (is_known(wait))
			conclude(w, wait);
	}
}

void eng_shadow_tick(struct eng_worker *w)
{
	struct eng_shadow_worker *own = own_of(w);
	const uint32_t now_ms = w->smtp->now_ms;

	eng_shadow_idle_tick(w);
	if (own->waits == 0 || now_ms - own->waits_looked_ms < LOOK_MS)
		return;
	own->waits_looked_ms = now_ms;
	for (unsigned i = 0; i < ENG_SHADOW_WAITS_MAX; i++) {
		struct eng_shadow_wait *wait = &own->wait[i];
		if (!wait->used || seq_lt(now_ms, wait->until_ms))
			continue;
		for (unsigned k = 0; k < 2; k++)
			if (wait->found[k] == ENG_FIND_NONE)
				wait->found[k] = ENG_FIND_UNKNOWN;
		conclude(w, wait);
	}
}

// SPDX-License-Identifier: BSD-3-Clause
// Domains of HELO, sender and recipients that the session profile has checked, of clients that have not
// proven who they are (RFC 5321 4.1.4, RFC 7505). The control plane is asked and nobody waits for it but
// the session: its MAIL or RCPT is looked at before it is read, so that neither it nor anything behind it
// is consumed, let alone leaves, until the finding is there or 2 s are over. HELO is asked about when it
// comes and told at MAIL, so that greeting and EHLO are never held. What was found is remembered a
// while, by a keyed hash of the name.
// Without anybody to ask, with a full ring, or where the last questions all stayed without an answer,
// nobody waits: what the DNS cannot tell is what counts, at once.
// Thread: the worker.
#include <string.h>

#include "eng_shadow.h"
#include "hash.h"
#include "seq.h"

enum {
	ASK_MS = 2000,     // a command waits at most so long
	POLL_MS = 4000,    // findings are looked for so long behind a question
	SILENT_MAX = 4,    // questions in a row without an answer: nobody is there
	FINDINGS_A_TURN = 64,
	TTL_MOST_MS = 60 * 60 * 1000,
};

static const struct eng_sink *sink_of(struct eng_worker *w)
{
	return atomic_load_explicit(&w->sink, memory_order_acquire); // pairs with eng_sink_set
}

static uint64_t key_of(const struct eng_smtp *p, struct span name)
{
	uint8_t lower[ENG_DOMAIN_MAX];

	for (size_t i = 0; i < name.n; i++)
		lower[i] = name.p[i] >= 'A' && name.p[i] <= 'Z' ? (uint8_t)(name.p[i] | 0x20)
								: name.p[i];
	return hash_siphash(p->secret, lower, name.n);
}

static struct eng_known *set_of(struct eng_smtp *p, uint64_t key)
{
	return p->known[key % ENG_KNOWN_SETS];
}

static enum eng_find known(const struct eng_smtp *p, uint64_t key)
{
	const struct eng_known *set = p->known[key % ENG_KNOWN_SETS];

	for (unsigned i = 0; i < ENG_KNOWN_WAYS; i++)
		if (set[i].key == key && set[i].found != ENG_FIND_NONE &&
			seq_lt(p->now_ms, set[i].until_ms))
			return set[i].found;
	return ENG_FIND_NONE;
}

enum eng_find eng_ask_known(const struct eng_smtp *p, struct span *name, uint64_t *key)
{
	*key = 0;
	if (name->n > 1 && name->p[0] == '[' && name->p[name->n - 1] == ']') // an address (RFC 5321 4.1.3)
		return ENG_FIND_EXISTS;
	if (name->n > 0 && name->p[name->n - 1] == '.')
		name->n--;
	if (name->n == 0 || name->n > ENG_DOMAIN_MAX)
		return ENG_FIND_ABSENT;
	*key = key_of(p, *name);
	return known(p, *key);
}

// In the place of the same name, or of what is over first.
static void remember(struct eng_smtp *p, const struct eng_finding *f)
{
	struct eng_known *set = set_of(p, f->key), *place = &set[0];
	uint32_t ttl_ms = f->ttl_ms < TTL_MOST_MS ? f->ttl_ms : TTL_MOST_MS;

	for (unsigned i = 0; i < ENG_KNOWN_WAYS; i++) {
		if (set[i].found == ENG_FIND_NONE || set[i].key == f->key) {
			place = &set[i];
			break;
		}
		if (seq_lt(set[i].until_ms, place->until_ms))
			place = &set[i];
	}
	// At least as long as the session that waits needs to look at it.
	*place = (struct eng_known){
		.key = f->key,
		.until_ms = p->now_ms + (ttl_ms == 0 ? 1 : ttl_ms),
		.found = (uint8_t)f->found,
	};
}

// false: there is nobody, or no room.
static bool send(struct eng_worker *w, const struct eng_question *q)
{
	struct eng_smtp *p = w->smtp;
	const struct eng_sink *sink = sink_of(w);

	if (sink == NULL || sink->ask == NULL || sink->ask(sink->arg, q) != 0)
		return false;
	p->asked_ms = p->now_ms;
	p->asking = true;
	return true;
}

static uint64_t asker_of(const struct eng_session *s)
{
	const struct addr client = eng_tickets_client(&s->flow.key.client);
	uint64_t half[2];

	memcpy(half, client.b, sizeof(half));
	return half[0] ^ half[1]; // one of them is the same for all clients of a family
}

static struct eng_question question(
	const struct eng_session *s, enum eng_ask_kind kind, uint64_t key, struct span name)
{
	return (struct eng_question){
		.session = s->id,
		.key = key,
		.asker = asker_of(s),
		.flow = FLOW_NONE,
		.deadline_ms = ASK_MS,
		.kind = kind,
		.otherwise = ENG_FIND_UNKNOWN,
		.name = name,
	};
}

static bool ask(struct eng_worker *w, struct eng_session *s, enum eng_ask_kind kind, uint64_t key,
	struct span name)
{
	struct eng_question q = question(s, kind, key, name);

	q.flow = flow_place(w->smtp->flows, &s->flow);
	if (!send(w, &q)) {
		eng_count(w, ACT_ASK_NOBODY);
		return false;
	}
	eng_count(w, ACT_ASKED);
	if (w->shadow != NULL)
		eng_shadow_name_asked(w, key);
	if (w->smtp->asks_silent < SILENT_MAX)
		return true;
	eng_count(w, ACT_ASK_NOBODY); // perhaps its answer brings them back
	return false;
}

bool eng_ask_aside(struct eng_worker *w, const struct eng_session *s, enum eng_ask_kind kind,
	uint64_t key, struct span name)
{
	const struct eng_question q = question(s, kind, key, name);

	if (!send(w, &q))
		return false;
	eng_count(w, SHADOW_ASKED);
	return true;
}

// A finding, or ENG_FIND_NONE where it is asked for and to be waited for.
static enum eng_find look(
	struct eng_worker *w, struct eng_session *s, enum eng_ask_kind kind, struct span name)
{
	uint64_t key;
	const enum eng_find found = eng_ask_known(w->smtp, &name, &key);

	if (found != ENG_FIND_NONE) {
		eng_count_n(w, ACT_ASK_KNOWN, key != 0);
		return found;
	}
	if (s->asking == ENG_ASKING_LATE)
		return ENG_FIND_UNKNOWN;
	if (s->asking == ENG_ASKING_WAITS && kind != ENG_ASK_HELO) // asked when it came
		return ENG_FIND_NONE;
	return ask(w, s, kind, key, name) ? ENG_FIND_NONE : ENG_FIND_UNKNOWN;
}

// ---- HELO

static uint32_t helo_state(enum eng_find found)
{
	return found == ENG_FIND_NONE ? ENG_HELO_ASKED
		: found == ENG_FIND_ABSENT ? ENG_HELO_ABSENT
					   : ENG_HELO_GOOD;
}

// RFC 5321 4.1.1.1: one word.
struct span eng_ask_helo_name(struct span text)
{
	size_t at = 0;

	return eng_word(text, &at);
}

void eng_ask_helo(struct eng_worker *w, struct eng_session *s, struct span name)
{
	s->helo_domain = ENG_HELO_GOOD;
	if (eng_profile(w, s)->check_helo_domain == POL_DOMAIN_OFF || s->auth)
		return;
	s->helo_domain = helo_state(look(w, s, ENG_ASK_HELO, eng_ask_helo_name(name))) & 3;
}

// ---- MAIL and RCPT

struct judged {
	bool waits;
	enum eng_refusal why; // ENG_REFUSAL_COUNT: none
};

// Behind the last at-sign; n = 0 where there is none.
static struct span domain_of(struct span address)
{
	for (size_t i = address.n; i > 0; i--)
		if (address.p[i - 1] == '@')
			return span_from(address, i);
	return (struct span){0};
}

bool eng_ask_name(const struct smtp_event *ev, const struct pol_session *profile,
	struct pol_word *word, struct span *name, enum eng_refusal *why)
{
	const bool mail = eng_begins_mail(ev->verb),
		   off = (mail ? profile->check_sender_domain : profile->check_recipient_domain) ==
		POL_DOMAIN_OFF;

	*why = ENG_REFUSAL_COUNT;
	if ((off && !profile->reject_empty_domain) || (ev->path.p != NULL && ev->path.n == 0))
		return false; // RFC 5321 4.5.5: the null sender
	pol_word_form(ev->path, word);
	if (!word->readable) { // its server may read another domain in it
		*why = ENG_REFUSE_ADDRESS;
		return false;
	}
	const struct span address = {.p = word->b, .n = word->n};
	*name = domain_of(address);
	if (!mail && span_eq(address, span_str("postmaster"))) // RFC 5321 4.5.1
		return false;
	if (name->n == 0) {
		if (profile->reject_empty_domain)
			*why = mail ? ENG_REFUSE_SENDER_EMPTY : ENG_REFUSE_RCPT_EMPTY;
		return false;
	}
	return !off;
}

enum eng_refusal eng_ask_refuses(bool mail, uint8_t check, enum eng_find found)
{
	switch (found) {
	case ENG_FIND_ABSENT:
	case ENG_FIND_NO_MAIL:
		return mail ? ENG_REFUSE_SENDER_DOMAIN : ENG_REFUSE_RCPT_DOMAIN;
	case ENG_FIND_UNKNOWN:
		return check == POL_DOMAIN_RESOLVED ? ENG_REFUSE_SENDER_UNKNOWN
						    : ENG_REFUSAL_COUNT;
	default:
		return ENG_REFUSAL_COUNT;
	}
}

static struct judged domain_judge(struct eng_worker *w, struct eng_session *s,
	const struct pol_session *profile, const struct smtp_event *ev)
{
	const bool mail = eng_begins_mail(ev->verb);
	struct pol_word word;
	struct judged j = {0};
	struct span name;

	if (!eng_ask_name(ev, profile, &word, &name, &j.why))
		return j;
	const enum eng_find found = look(w, s, mail ? ENG_ASK_SENDER : ENG_ASK_RECIPIENT, name);
	j.waits = found == ENG_FIND_NONE;
	j.why = eng_ask_refuses(mail,
		mail ? profile->check_sender_domain : profile->check_recipient_domain, found);
	return j;
}

static struct judged command_judge(struct eng_worker *w, struct eng_session *s,
	const struct pol_session *profile, const struct smtp_event *ev)
{
	struct judged j = {.why = ENG_REFUSAL_COUNT};

	if (s->auth)
		return j;
	if (!eng_begins_mail(ev->verb))
		return ev->verb == SMTP_VERB_RCPT ? domain_judge(w, s, profile, ev) : j;
	if (profile->check_helo_domain != POL_DOMAIN_OFF && s->helo_domain == ENG_HELO_ABSENT) {
		j.why = ENG_REFUSE_HELO_DOMAIN;
		return j;
	}
	j = domain_judge(w, s, profile, ev);
	if (s->helo_domain == ENG_HELO_ASKED && s->asking != ENG_ASKING_LATE)
		j.waits = true; // both were asked, and both are waited for at once
	return j;
}

static bool is_on(const struct pol_session *profile)
{
	return profile->check_helo_domain != POL_DOMAIN_OFF ||
		profile->check_sender_domain != POL_DOMAIN_OFF ||
		profile->check_recipient_domain != POL_DOMAIN_OFF || profile->reject_empty_domain;
}

bool eng_ask_line(struct eng_worker *w, struct eng_session *s, struct span *in)
{
	const bool due = eng_rebind_is_due(w, s);
	struct smtp_event ev;

	w->smtp->ask_why = ENG_REFUSAL_COUNT;
	if (!due && (!is_on(eng_profile(w, s)) || s->auth))
		return true;
	if (!smtp_peek(&s->smtp, *in, &ev))
		return true;
	*in = span_sub(*in, 0, ev.len);
	if (due && eng_begins_mail(ev.verb))
		eng_rebind(w, s);
	const struct pol_session *profile = eng_profile(w, s);
	if (!is_on(profile) || s->auth)
		return true;
	struct judged j = command_judge(w, s, profile, &ev);
	if (!j.waits) {
		w->smtp->ask_why = (uint8_t)j.why;
		return true;
	}
	if (s->asking == ENG_ASKING_NOT) {
		s->asking = ENG_ASKING_WAITS;
		s->hold_on |= 1u << STREAM_CLIENT;
		s->hold_at_ms[STREAM_CLIENT] = w->smtp->now_ms + ASK_MS;
	}
	return false;
}

enum eng_refusal eng_ask_judged(struct eng_worker *w, struct eng_session *s)
{
	enum eng_refusal why = w->smtp->ask_why;

	w->smtp->ask_why = ENG_REFUSAL_COUNT;
	if (s->asking == ENG_ASKING_NOT)
		return why;
	if (s->asking == ENG_ASKING_LATE && s->helo_domain == ENG_HELO_ASKED)
		s->helo_domain = ENG_HELO_GOOD; // its time is over; a later MAIL does not wait again
	s->asking = ENG_ASKING_NOT;
	s->hold_on &= ~(1u << STREAM_CLIENT);
	return why;
}

bool eng_ask_late(struct eng_worker *w, struct eng_session *s)
{
	struct eng_smtp *p = w->smtp;

	if (s->asking != ENG_ASKING_WAITS || seq_lt(p->now_ms, s->hold_at_ms[STREAM_CLIENT]))
		return false;
	eng_count(w, ACT_ASK_LATE);
	p->asks_silent += p->asks_silent < SILENT_MAX;
	s->asking = ENG_ASKING_LATE;
	s->hold_on &= ~(1u << STREAM_CLIENT);
	return true;
}

// ---- findings

// Of a session that may be gone, its place another's by now: then it is nobody's.
static void tell(struct eng_worker *w, const struct eng_finding *f)
{
	struct eng_smtp *p = w->smtp;
	struct flow *flow =
		f->flow < flow_cells(p->flows) ? flow_at(p->flows, f->flow) : NULL;
	struct eng_session *s = flow == NULL ? NULL : eng_session_of(flow);

	if (s == NULL || s->id != f->session || flow->lane != ENG_LANE_INSPECT)
		return;
	if (f->kind == ENG_ASK_HELO && s->helo_domain == ENG_HELO_ASKED)
		s->helo_domain = helo_state(f->found) & 3;
	if (s->asking == ENG_ASKING_WAITS)
		eng_inspect_resume(w, s);
}

void eng_asks_turn(struct eng_worker *w)
{
	struct eng_smtp *p = w->smtp;
	const struct eng_sink *sink = sink_of(w);
	struct eng_finding f;

	if (p->now_ms - p->asked_ms > POLL_MS)
		p->asking = false;
	if (sink == NULL || sink->finding == NULL)
		return;
	for (unsigned i = 0; i < FINDINGS_A_TURN && sink->finding(sink->arg, &f) == 0; i++) {
		if (w->shadow != NULL)
			eng_shadow_name_found(w, &f);
		if (f.flow == FLOW_NONE) // a candidate asked, no session
			continue;
		p->asks_silent = 0;
		remember(p, &f);
		tell(w, &f);
	}
}

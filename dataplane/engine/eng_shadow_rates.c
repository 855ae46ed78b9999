// SPDX-License-Identifier: BSD-3-Clause
// A candidate's own limits of connections, messages and recipients: which of them are counted for it, in
// its cells and its windows, and what becomes of what it counted. A limit that the profile in force has,
// too, under the same name and with the same number and minutes, is not counted twice: what was found for
// the one holds for the other, also for what came before the candidate.
// A message counts as taken by the candidate where its server took it. Where the two part it counts as
// what the candidate decides: not, where it would cut or condemn; as taken, where only the one in force
// does. Behind that its session adds nothing.
// Thread: the worker.
#include "eng_shadow.h"

// ---- limits with settings of its own

void eng_shadow_own_limits(
	const struct pol_session *live, const struct pol_session *shadow, struct pol_session *own)
{
	const bool named = live->key == shadow->key,
		   client = named && live->client_rate_min == shadow->client_rate_min,
		   sender = named && live->sender_rate_min == shadow->sender_rate_min;

	*own = *shadow;
	own->throttle_at = 0; // what it counts by the hour is not compared
	if (named && live->client_connections == own->client_connections)
		own->client_connections = 0;
	if (named && live->total_connections == own->total_connections)
		own->total_connections = 0;
	if (client && live->client_rate == own->client_rate)
		own->client_rate = 0;
	if (client && live->client_messages == own->client_messages)
		own->client_messages = 0;
	if (client && live->client_recipients == own->client_recipients)
		own->client_recipients = 0;
	if (sender && live->sender_messages == own->sender_messages)
		own->sender_messages = 0;
	if (sender && live->sender_recipients == own->sender_recipients)
		own->sender_recipients = 0;
}

bool eng_shadow_is_alike_limited(
	const struct pol_session *live, const struct pol_session *shadow, enum eng_refusal why)
{
	struct pol_session own;

	if (eng_rates_limit(live, why) == 0) // it is about no such limit
		return false;
	eng_shadow_own_limits(live, shadow, &own);
	return eng_rates_limit(shadow, why) != 0 && eng_rates_limit(&own, why) == 0;
}

bool eng_shadow_is_alike_throttled(
	const struct pol_session *live, const struct pol_session *shadow)
{
	return live->key == shadow->key && live->sender_reputation == shadow->sender_reputation &&
		live->throttle_at == shadow->throttle_at &&
		live->throttle_messages == shadow->throttle_messages &&
		live->throttle_percent == shadow->throttle_percent;
}

// ---- messages and recipients

struct asking { // a command's
	struct pol_session own;
	struct eng_rates_by by;
};

// false: nothing is counted for it.
static bool asking_begin(struct eng_worker *w, struct eng_session *s,
	const struct eng_shadow_entry *entry, struct asking *k)
{
	eng_shadow_own_limits(eng_profile(w, s), eng_shadow_profile(w, entry), &k->own);
	k->by = (struct eng_rates_by){.cells = w->shadow->cells,
		.profile = &k->own,
		.now_s = (uint32_t)(w->smtp->now_us / 1000000),
		.context = eng_context_key(w, s->flow.key.context)};
	return k->by.cells != NULL && eng_rates_any(&k->own);
}

// The candidate's states of the transactions that a recipient may be of; each has one.
static unsigned open_ones(
	struct eng_worker *w, const struct eng_session *s, struct eng_rates *open[2])
{
	unsigned n = 0;

	for (struct eng_message *msg = s->message; msg != NULL; msg = msg->following) {
		struct eng_shadow_message *st = msg->left ? NULL : eng_shadow_state(w, msg);
		if (st != NULL)
			open[n++] = &st->rates;
	}
	return n;
}

enum eng_refusal eng_shadow_rates_ask(struct eng_worker *w, struct eng_session *s,
	const struct eng_shadow_entry *entry, const struct smtp_event *ev,
	struct eng_shadow_asked *a)
{
	enum eng_refusal why = ENG_REFUSAL_COUNT;
	struct eng_rates *open[2];
	struct asking k;
	bool passes;

	if (!asking_begin(w, s, entry, &k))
		return ENG_REFUSAL_COUNT;
	if (ev->verb == SMTP_VERB_RCPT)
		passes = eng_rates_rcpt_by(&k.by, s, open, open_ones(w, s, open), &why);
	else
		passes = eng_rates_mail_by(&k.by, s, ev->path, &a->rates, &why);
	a->counted = passes;
	if (k.by.full > 0) { // it would have limited somebody, perhaps this one
		eng_shadow_rates_undo(w, s, ev, a);
		a->blind = true;
	}
	return passes ? ENG_REFUSAL_COUNT : why;
}

void eng_shadow_rates_undo(struct eng_worker *w, const struct eng_session *s,
	const struct smtp_event *ev, struct eng_shadow_asked *a)
{
	struct eng_rates *open[2];

	if (!a->counted)
		return;
	a->counted = false;
	if (ev->verb != SMTP_VERB_RCPT) {
		eng_rates_end_by(w->shadow->cells, &a->rates);
		return;
	}
	if (s->flow.lane == ENG_LANE_ANSWER) // its messages went, and what they held
		return;
	for (unsigned i = 0, n = open_ones(w, s, open); i < n; i++)
		eng_rates_rcpt_back_by(w->shadow->cells, open[i]);
}

void eng_shadow_rcpt_reply(struct eng_worker *w, const struct eng_session *s, uint16_t code)
{
	const struct eng_message *msg = s->message;
	struct eng_shadow_message *st = eng_shadow_state(w, msg);

	if (code >= 400 && st != NULL && msg->accepted)
		eng_rates_rcpt_back_by(w->shadow->cells, &st->rates);
}

void eng_shadow_rates_end(
	struct eng_worker *w, const struct eng_message *msg, struct eng_shadow_message *st)
{
	st->rates.sent = st->rates.sent || msg->rates.sent;
	eng_rates_end_by(w->shadow->cells, &st->rates);
}

// Does the candidate end the session, or keep its message from the server?
static bool ends(enum eng_stage stage, enum eng_does does)
{
	return does == ENG_DOES_CUT ||
		(stage == ENG_STAGE_CONTENT &&
			(does == ENG_DOES_REFUSE || does == ENG_DOES_DISCARD));
}

void eng_shadow_rates_part(struct eng_worker *w, struct eng_session *s, enum eng_stage stage,
	const struct eng_decision *live, const struct eng_decision *shadow)
{
	const bool theirs = ends(stage, shadow->does), ours = ends(stage, live->does);

	if (theirs)
		eng_shadow_give(w, s);
	if (s->flow.lane == ENG_LANE_ANSWER)
		return;
	for (struct eng_message *msg = s->message; msg != NULL; msg = msg->following) {
		struct eng_shadow_message *st = eng_shadow_state(w, msg);
		if (st == NULL)
			continue;
		if (theirs && !msg->rates.sent)
			eng_rates_end_by(w->shadow->cells, &st->rates);
		else if (ours && (stage == ENG_STAGE_CONTENT || stage == ENG_STAGE_SIZE))
			st->rates.sent = true;
	}
}

// SPDX-License-Identifier: BSD-3-Clause
// What becomes of a client for what is known of it (table/tbl_clients.h): its endpoint, which the session keeps
// as it was at its begin, or when it was first known, and its address as a sender. Asked at connect, at MAIL and
// at AUTH, never between: a session that was open when its client fell out of favour learns of it at its next
// MAIL, wherever its profile refuses; of recipients under `refuse_at: rcpt` the MAIL before them decides. A MAIL
// that is sent behind replies still to come does not make good what one before it was refused for: the
// recipients of both may be on their way.
// What several share is only told: nobody could say whose it is.
// Thread: the worker.
#include "eng_reputation.h"

#include "eng_half.h"
#include "eng_session.h"

// ---- facts

static void facts_find(
	const struct eng_worker *w, const struct flow_key *key, struct eng_facts *facts)
{
	const struct tbl_client_key k = {
		.addr = key->client,
		.context = eng_context_key(w, key->context),
		.vlan = eng_context_vlan(key->context),
		.port = key->client_port,
	};

	*facts = (struct eng_facts){.sender = {.endpoint = TBL_ENDPOINT_NONE}};
	tbl_clients_find(w->eng->clients, &k, &facts->sender);
}

// ... of whoever has the client's address now.
static void facts_now(
	const struct eng_worker *w, const struct flow_key *key, struct eng_facts *facts)
{
	facts_find(w, key, facts);
	facts->shared = facts->sender.shared;
	(void)tbl_endpoint_get(w->eng->clients, facts->sender.endpoint, &facts->endpoint);
}

void eng_facts_of(
	const struct eng_worker *w, const struct eng_session *s, struct eng_facts *facts)
{
	const bool knew = s->endpoint != TBL_ENDPOINT_NONE;

	facts_find(w, &s->flow.key, facts);
	facts->shared = knew ? s->shared : facts->sender.shared;
	(void)tbl_endpoint_get(w->eng->clients, knew ? s->endpoint : facts->sender.endpoint,
		&facts->endpoint);
}

// A client that connects ahead of its binding is not to be nobody for as long as its session lasts: whoever has
// the address now has had it since, for who had it before would hear no more of its server.
static void endpoint_learn(const struct eng_worker *w, struct eng_session *s)
{
	struct eng_facts facts;

	if (s->endpoint != TBL_ENDPOINT_NONE)
		return;
	facts_find(w, &s->flow.key, &facts);
	s->endpoint = facts.sender.endpoint;
	s->shared = facts.sender.shared;
}

uint64_t eng_endpoint_key(const struct eng_worker *w, const struct eng_session *s)
{
	struct tbl_endpoint endpoint;

	if (s->endpoint == TBL_ENDPOINT_NONE || w->eng->clients == NULL ||
		!tbl_endpoint_get(w->eng->clients, s->endpoint, &endpoint))
		return 0;
	return endpoint.key;
}

uint64_t eng_endpoint_now(const struct eng_worker *w, const struct flow_key *key)
{
	struct eng_facts facts;

	if (w->eng->clients == NULL)
		return 0;
	facts_now(w, key, &facts);
	return facts.endpoint.key;
}

static uint32_t now_s(const struct eng_worker *w)
{
	return (uint32_t)(w->smtp->now_us / 1000000);
}

// ---- what a profile makes of them

static bool endpoint_is_bad(const struct tbl_endpoint *e, uint32_t at_s)
{
	if (e->flags & TBL_EXEMPT)
		return false;
	return (e->flags & TBL_LISTED) != 0 || e->blocked_until_s > at_s;
}

static bool passes(uint8_t threshold, uint8_t score)
{
	return threshold != 0 && score > threshold;
}

// What a sender's score says, and which threshold that is of.
static enum eng_standing sender_standing(
	const struct pol_session *p, const struct tbl_client *c, uint8_t *limit)
{
	*limit = 0;
	if (c->flags & TBL_EXEMPT)
		return ENG_STANDING_GOOD;
	if (c->flags & TBL_LISTED)
		return ENG_STANDING_SENDER;
	if (passes(p->reject_at, c->score)) {
		*limit = p->reject_at;
		return ENG_STANDING_SENDER;
	}
	if (!passes(p->tempfail_at, c->score))
		return ENG_STANDING_GOOD;
	*limit = p->tempfail_at;
	return ENG_STANDING_LATER;
}

void eng_reputation_rule(const struct pol_session *p, const struct eng_facts *facts, uint32_t at_s,
	struct eng_reputation *out)
{
	const struct tbl_client *c = &facts->sender;

	*out = (struct eng_reputation){.refused = ENG_STANDING_GOOD};
	if (p->endpoint_reputation != POL_REPUTATION_OFF &&
		endpoint_is_bad(&facts->endpoint, at_s)) {
		if (p->endpoint_reputation == POL_REPUTATION_REJECT && !facts->shared)
			out->refused = ENG_STANDING_ENDPOINT;
		else
			out->told |= ENG_TOLD_ENDPOINT;
	}
	if (p->sender_reputation == POL_REPUTATION_OFF)
		return;
	const enum eng_standing standing = sender_standing(p, c, &out->limit);
	if (standing == ENG_STANDING_GOOD) {
		out->throttled = (c->flags & TBL_EXEMPT) == 0 && passes(p->throttle_at, c->score);
		return;
	}
	out->value = out->limit == 0 ? 0 : c->score;
	if (p->sender_reputation == POL_REPUTATION_MONITOR)
		out->told |= ENG_TOLD_SENDER;
	else if (out->refused == ENG_STANDING_GOOD)
		out->refused = standing;
}

bool eng_reputation_rule_auth(const struct pol_session *p, const struct eng_facts *facts,
	uint32_t at_s, bool *told)
{
	const bool sender = (facts->sender.flags & TBL_EXEMPT) == 0 &&
		facts->sender.auth_until_s > at_s,
		   endpoint = (facts->endpoint.flags & TBL_EXEMPT) == 0 &&
		facts->endpoint.auth_until_s > at_s;

	*told = false;
	if (p->auth_reputation == POL_REPUTATION_OFF)
		return false;
	if (p->auth_reputation == POL_REPUTATION_REJECT &&
		(sender || (endpoint && !facts->shared)))
		return true;
	*told = sender || endpoint;
	return false;
}

// ---- what is only told

void eng_reputation_tell(
	struct eng_worker *w, struct eng_session *s, uint8_t bit, uint32_t limit, uint32_t value)
{
	const enum eng_reason why = bit == ENG_TOLD_ENDPOINT ? ACT_ENDPOINT_MONITORED
		: bit == ENG_TOLD_SENDER                     ? ACT_SENDER_MONITORED
							     : ACT_AUTH_MONITORED;

	if ((s->told & bit) != 0)
		return;
	s->told = (uint8_t)((s->told | bit) & (ENG_TOLD_ENDPOINT | ENG_TOLD_SENDER | ENG_TOLD_AUTH));
	eng_count(w, why);
	eng_record_refused(w, s,
		&(struct eng_refused){
			.reason = (uint16_t)why, .limit = limit, .value = value});
}

static void tell(struct eng_worker *w, struct eng_session *s, const struct eng_reputation *rep)
{
	if (rep->told & ENG_TOLD_ENDPOINT)
		eng_reputation_tell(w, s, ENG_TOLD_ENDPOINT, 0, 0);
	if (rep->told & ENG_TOLD_SENDER)
		eng_reputation_tell(w, s, ENG_TOLD_SENDER, rep->limit, rep->value);
}

// ---- connect

static bool is_any(const struct pol_session *p)
{
	return p->endpoint_reputation != POL_REPUTATION_OFF ||
		p->sender_reputation != POL_REPUTATION_OFF;
}

bool eng_reputation_connect(const struct eng_worker *w, const struct eng_image *image,
	const struct flow_key *key, uint32_t policy, struct eng_refused *out)
{
	const struct pol_image *img = eng_image_policy(image);
	const uint32_t session = pol_policy_at(img, policy)->session;
	struct eng_reputation rep;
	struct eng_facts facts;

	if (w->eng->clients == NULL || session == POL_NONE)
		return false;
	const struct pol_session *p = pol_session_at(img, session);
	if (p->refuse_at != POL_REFUSE_CONNECT || !is_any(p))
		return false;
	facts_now(w, key, &facts);
	eng_reputation_rule(p, &facts, now_s(w), &rep);
	if (rep.refused == ENG_STANDING_GOOD)
		return false;
	*out = (struct eng_refused){
		.code = eng_refuse_code(
			rep.refused == ENG_STANDING_LATER ? POL_TEMPFAIL : POL_REJECT),
		.reason = ACT_ENDPOINT_CONNECT,
	};
	if (rep.refused != ENG_STANDING_ENDPOINT) {
		out->reason = ACT_SENDER_CONNECT;
		out->limit = rep.limit;
		out->value = rep.value;
	}
	return true;
}

void eng_reputation_begin(struct eng_worker *w, struct eng_session *s, bool inspected)
{
	struct eng_reputation rep;
	struct eng_facts facts;

	if (w->eng->clients == NULL)
		return;
	facts_find(w, &s->flow.key, &facts);
	s->endpoint = facts.sender.endpoint;
	if (!inspected)
		return;
	s->shared = facts.sender.shared;
	const struct pol_session *p = eng_profile(w, s);
	if (p->endpoint_reputation != POL_REPUTATION_OFF) {
		if (s->endpoint == TBL_ENDPOINT_NONE)
			eng_count(w, ENDPOINT_UNKNOWN);
		else if (s->shared)
			eng_count(w, ENDPOINT_SHARED);
	}
	if (p->refuse_at != POL_REFUSE_CONNECT || !is_any(p))
		return;
	facts.shared = s->shared;
	(void)tbl_endpoint_get(w->eng->clients, s->endpoint, &facts.endpoint);
	eng_reputation_rule(p, &facts, now_s(w), &rep);
	tell(w, s, &rep);
}

// ---- MAIL, RCPT, AUTH

static enum eng_refusal rcpt_refusal(enum eng_standing standing)
{
	return (enum eng_refusal)(ENG_REFUSE_RCPT_ENDPOINT + (standing - ENG_STANDING_ENDPOINT));
}

enum eng_refusal eng_reputation_refusal(
	const struct pol_session *p, enum eng_standing standing, bool rcpt)
{
	if (standing == ENG_STANDING_GOOD || rcpt != (p->refuse_at == POL_REFUSE_RCPT))
		return ENG_REFUSAL_COUNT;
	return rcpt
		? rcpt_refusal(standing)
		: (enum eng_refusal)(ENG_REFUSE_BAD_ENDPOINT + (standing - ENG_STANDING_ENDPOINT));
}

static void standing_note(
	struct eng_session *s, const struct smtp_event *ev, enum eng_standing standing)
{
	if (s->standing == ENG_STANDING_GOOD || (ev->flags & SMTP_LINE_PIPELINED) == 0)
		s->standing = (uint8_t)standing & 3u;
}

enum eng_refusal eng_reputation_mail(struct eng_worker *w, struct eng_session *s,
	const struct smtp_event *ev, struct eng_reputation *out)
{
	const struct pol_session *p = eng_profile(w, s);
	struct eng_facts facts;

	*out = (struct eng_reputation){.refused = ENG_STANDING_GOOD};
	if (w->eng->clients != NULL)
		endpoint_learn(w, s);
	if (w->eng->clients != NULL && is_any(p)) {
		eng_facts_of(w, s, &facts);
		eng_reputation_rule(p, &facts, now_s(w), out);
		tell(w, s, out);
	}
	standing_note(s, ev,
		p->refuse_at == POL_REFUSE_RCPT ? out->refused : ENG_STANDING_GOOD);
	return eng_reputation_refusal(p, out->refused, false);
}

enum eng_refusal eng_reputation_rcpt(const struct eng_session *s)
{
	return s->standing == ENG_STANDING_GOOD ? ENG_REFUSAL_COUNT
						: rcpt_refusal((enum eng_standing)s->standing);
}

enum eng_refusal eng_reputation_auth(struct eng_worker *w, struct eng_session *s)
{
	const struct pol_session *p = eng_profile(w, s);
	struct eng_facts facts;
	bool told;

	if (w->eng->clients == NULL || p->auth_reputation == POL_REPUTATION_OFF)
		return ENG_REFUSAL_COUNT;
	endpoint_learn(w, s);
	eng_facts_of(w, s, &facts);
	if (eng_reputation_rule_auth(p, &facts, now_s(w), &told))
		return ENG_REFUSE_AUTH;
	if (told)
		eng_reputation_tell(w, s, ENG_TOLD_AUTH, 0, 0);
	return ENG_REFUSAL_COUNT;
}

// ---- how long still

static uint32_t left_s(uint32_t until_s, uint32_t at_s)
{
	return until_s > at_s ? until_s - at_s : 0;
}

// An operator's list ends when he says so.
static uint32_t endpoint_left(const struct tbl_endpoint *e, uint32_t at_s)
{
	return e->flags & TBL_LISTED ? 0 : left_s(e->blocked_until_s, at_s);
}

static uint32_t auth_left(const struct eng_facts *facts, uint32_t at_s)
{
	const uint32_t sender =
		facts->sender.flags & TBL_EXEMPT ? 0 : left_s(facts->sender.auth_until_s, at_s);
	const uint32_t endpoint = facts->shared || (facts->endpoint.flags & TBL_EXEMPT) != 0
		? 0
		: left_s(facts->endpoint.auth_until_s, at_s);

	return sender > endpoint ? sender : endpoint;
}

uint32_t eng_reputation_retry(
	const struct eng_worker *w, const struct flow_key *key, enum eng_reason why)
{
	struct eng_facts facts;

	if (why != ACT_ENDPOINT_CONNECT)
		return 0;
	facts_now(w, key, &facts);
	return endpoint_left(&facts.endpoint, now_s(w));
}

void eng_reputation_told(
	struct eng_worker *w, struct eng_session *s, enum eng_refusal why, struct eng_refused *told)
{
	struct eng_reputation rep;
	struct eng_facts facts;

	switch (why) {
	case ENG_REFUSE_BAD_SENDER:
	case ENG_REFUSE_BAD_SENDER_LATER:
	case ENG_REFUSE_RCPT_SENDER:
	case ENG_REFUSE_RCPT_SENDER_LATER:
		eng_facts_of(w, s, &facts);
		eng_reputation_rule(eng_profile(w, s), &facts, now_s(w), &rep);
		told->limit = rep.limit;
		told->value = rep.value;
		break;
	case ENG_REFUSE_BAD_ENDPOINT:
	case ENG_REFUSE_RCPT_ENDPOINT:
		eng_facts_of(w, s, &facts);
		told->retry_s = endpoint_left(&facts.endpoint, now_s(w));
		break;
	case ENG_REFUSE_AUTH:
		eng_facts_of(w, s, &facts);
		told->retry_s = auth_left(&facts, now_s(w));
		break;
	case ENG_REFUSE_THROTTLE:
		told->limit = eng_throttle_limit(w, s, &told->retry_s);
		told->value = told->limit + 1;
		break;
	default:
		break;
	}
}

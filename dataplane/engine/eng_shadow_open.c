// SPDX-License-Identifier: BSD-3-Clause
// What a candidate would do with a connection at its begin: its own policies, its own idea of which ports
// and contexts there are, its own limits of connections, counted in cells of its own from when it came.
// A connection is compared where it becomes one, when its client has acknowledged the server's number, as
// limits are asked (eng_tickets.c): SYNs with foreign addresses fill no report. What the policy in force
// swallows never comes so far: there the SYN is compared, and its repeats are not told again; of SYNs, which
// cost their sender nothing and may have foreign addresses, a worker compares few a second.
// Thread: the worker.
#include "eng_half.h"
#include "eng_reputation.h"
#include "eng_shadow.h"

struct connecting { // a connection, as both match it
	const struct flow_key *key;
	uint16_t in_port, vlan;
};

static struct eng_decision decided(enum eng_does does, uint16_t code, uint16_t reason)
{
	return (struct eng_decision){.does = does, .code = code, .reason = reason};
}

static struct eng_decision refusal(const struct eng_refused *why)
{
	return (struct eng_decision){.does = ENG_DOES_REFUSE,
		.code = why->code,
		.reason = why->reason,
		.limit = why->limit,
		.value = why->value};
}

// The candidate's decision and its policy.
static struct eng_decision candidate(
	const struct eng_worker *w, const struct connecting *c, uint32_t *index)
{
	const struct eng_image *img = w->shadow->image;
	const struct eng_pick *pick = eng_image_pick(img);
	uint16_t context = pick->context[c->in_port];

	*index = POL_NONE;
	if (!eng_pick_has(pick, c->key->server_port))
		return decided(ENG_DOES_PASS, 0, ENG_REASON_NONE);
	if (context == ENG_CONTEXT_NONE)
		context = (uint16_t)POL_ANY;
	const enum pol_action action =
		eng_image_match(img, c->key, context, c->in_port, c->vlan, index);
	const uint16_t why = (uint16_t)eng_image_refused_why(img, *index);
	struct eng_refused refused;
	switch (action) {
	case POL_INSPECT:
		if (eng_reputation_connect(w, img, c->key, *index, &refused))
			return refusal(&refused);
		return decided(ENG_DOES_INSPECT, 0, ENG_REASON_NONE);
	case POL_REJECT:
	case POL_TEMPFAIL:
		return decided(ENG_DOES_REFUSE, eng_refuse_code(action), why);
	case POL_DROP:
		return decided(ENG_DOES_DROP, 0, DROP_POLICY);
	default:
		return decided(ENG_DOES_PASS, 0, *index == POL_NONE ? PASS_NO_POLICY : PASS_POLICY);
	}
}

// What was done by policy; other reasons to pass it unread would be the candidate's, too.
static struct eng_decision done(const struct eng_session *s, const struct eng_refused *why)
{
	if (s->flow.lane == ENG_LANE_ANSWER)
		return refusal(why);
	if (s->flow.lane == ENG_LANE_PASS &&
		(s->reason == PASS_NO_POLICY || s->reason == PASS_POLICY))
		return decided(ENG_DOES_PASS, 0, s->reason);
	return decided(ENG_DOES_INSPECT, 0, ENG_REASON_NONE);
}

// true: alike.
static bool compare(struct eng_worker *w, const struct eng_who *who, const struct connecting *c,
	const struct eng_decision *live, uint32_t *index)
{
	struct eng_parted parted = {.stage = ENG_STAGE_CONNECT, .live = *live};

	parted.shadow = candidate(w, c, index);
	parted.policy = *index;
	eng_count(w, SHADOW_COMPARED);
	if (eng_shadow_alike(live, &parted.shadow))
		return true;
	eng_shadow_tell(w, who, &parted);
	return false;
}

void eng_shadow_opened(
	struct eng_worker *w, struct eng_session *s, const struct eng_refused *why)
{
	const struct connecting c = {&s->flow.key, s->flow.face[STREAM_CLIENT].in_port, s->vlan};
	const struct pol_image *img = eng_image_policy(w->shadow->image);
	const struct eng_decision live = done(s, why);
	struct eng_who who;
	uint32_t index;

	eng_who(w, s, &who);
	if (!compare(w, &who, &c, &live, &index) || s->flow.lane != ENG_LANE_INSPECT)
		return; // all is said
	struct eng_shadow_entry *entry = eng_shadow_add(w, s);
	if (entry == NULL) {
		eng_count(w, SHADOW_BLIND);
		return;
	}
	entry->policy = index;
	entry->session_profile = pol_policy_at(img, index)->session;
	entry->content_profile = pol_policy_at(img, index)->content;
	eng_shadow_idle_begin(w, s, entry);
}

void eng_shadow_refused(struct eng_worker *w, const struct flow_key *key, uint16_t in_port,
	const struct eng_who *who, const struct eng_refused *why)
{
	const struct connecting c = {key, in_port, who->vlan};
	const struct eng_decision live = refusal(why);
	uint32_t index;

	(void)compare(w, who, &c, &live, &index);
}

static bool is_one_too_many(const struct eng_worker *w, struct eng_shadow_worker *own)
{
	const uint32_t now_s = (uint32_t)(w->smtp->now_us / 1000000);

	if (own->dropped_s != now_s)
		own->dropped_now = 0;
	own->dropped_s = now_s;
	return ++own->dropped_now > ENG_SHADOW_DROPPED_A_SECOND;
}

void eng_shadow_dropped(
	struct eng_worker *w, const struct flow_key *key, struct rte_mbuf *m, uint32_t policy)
{
	struct eng_shadow_worker *own = w->shadow->own[w->id];
	const struct eng_meta *meta = eng_meta_of(m);
	const struct connecting c = {key, meta->in_port, eng_vlan_of(&meta->view)};
	const struct eng_decision live = decided(ENG_DOES_DROP, 0, DROP_POLICY);
	const uint64_t mark = (uint64_t)meta->hash << 32 | meta->view.seq;
	uint64_t *place = &own->dropped[meta->hash % ENG_SHADOW_DROPPED];
	struct eng_who who = {
		.vlan = c.vlan,
		.policy = policy,
		.image_version = w->smtp->image_version,
		.endpoint = eng_endpoint_now(w, key)};
	uint32_t index;

	if (*place == mark)
		return;
	*place = mark;
	if (is_one_too_many(w, own)) {
		eng_count(w, SHADOW_COMPARED); // it is one of those
		eng_count(w, SHADOW_BLIND);
		return;
	}
	eng_who_key(w, key, &who);
	(void)compare(w, &who, &c, &live, &index);
}

static struct eng_decision asked(const struct eng_tickets_asked *a)
{
	if (a->limited == NULL)
		return decided(ENG_DOES_GO, 0, ENG_REASON_NONE);
	return (struct eng_decision){.does = ENG_DOES_CUT,
		.code = a->limited->code,
		.reason = (uint16_t)a->limited->reason,
		.limit = a->limit,
		.value = a->value};
}

// Has the candidate the limit that the connection was refused for, with the same settings?
static bool is_alike_limited(const struct pol_session *shadow, const struct pol_session *own,
	const struct eng_limit *limit)
{
	switch (limit == NULL ? ENG_REASON_COUNT : limit->reason) {
	case ACT_CLIENT_CONNECTIONS:
		return shadow->client_connections != own->client_connections;
	case ACT_TOTAL_CONNECTIONS:
		return shadow->total_connections != own->total_connections;
	case ACT_CLIENT_RATE:
		return shadow->client_rate != own->client_rate;
	default:
		return false;
	}
}

void eng_shadow_connections(
	struct eng_worker *w, struct eng_session *s, const struct eng_tickets_asked *live)
{
	struct eng_shadow_entry *entry = eng_shadow_find(w, s);
	struct eng_tickets_asked would;
	struct pol_session own;

	if (entry == NULL)
		return;
	const struct pol_session *profile = eng_shadow_profile(w, entry);
	eng_shadow_own_limits(eng_profile(w, s), profile, &own);
	if (is_alike_limited(profile, &own, live->limited))
		return;
	eng_tickets_ask(w, w->shadow->cells, &own, s, &would);
	entry->ticket = would.ticket;
	if (would.full > 0) { // it would have limited somebody, perhaps this one
		entry->over = true;
		eng_count(w, SHADOW_BLIND);
		return;
	}
	const struct eng_decision live_is = asked(live), shadow_is = asked(&would);
	eng_shadow_compare(w, s, entry, ENG_STAGE_CONNECTIONS, &live_is, &shadow_is);
}

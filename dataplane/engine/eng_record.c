// SPDX-License-Identifier: BSD-3-Clause
// What a worker tells: log records (lost and counted when nobody takes them) and outcomes (never
// lost while there is a place to wait: they add up a client and kind until they are taken).
// Thread: the worker.
#include "eng_reputation.h"
#include "eng_session.h"
#include "hash.h"

// 64 bits that no refusal had before: seconds of an epoch that only grows, worker, counter.
uint64_t eng_id_next(struct eng_worker *w)
{
	enum { COUNT_BITS = 24, WORKER_BITS = 6 };
	struct eng_smtp *p = w->smtp;

	if (++p->id_count >> COUNT_BITS) { // 16 million in one epoch: the next second's numbers
		p->id_count = 0;
		p->id_epoch++;
	}
	return p->id_epoch << (COUNT_BITS + WORKER_BITS) | (uint64_t)w->id << COUNT_BITS |
		p->id_count;
}

uint16_t eng_context_index_of(const struct eng_worker *w, uint64_t version, uint16_t context)
{
	const struct eng_pick *pick = w->pick;

	if (pick == NULL)
		return (uint16_t)POL_ANY;
	if (pick->at.version == version)
		return eng_context_index(w, context);
	for (unsigned i = 0; i < ENG_CONTEXTS_WERE; i++)
		if (pick->were[i].version == version)
			return pick->were[i].index[context & ENG_CONTEXT_NONE];
	return (uint16_t)POL_ANY;
}

void eng_who_key(const struct eng_worker *w, const struct flow_key *k, struct eng_who *who)
{
	who->client = k->client;
	who->server = k->server;
	who->client_port = k->client_port;
	who->server_port = k->server_port;
	who->context = eng_context_index_of(w, who->image_version, k->context);
}

// An image is newer than those that sessions know, by less than four thousand million revisions.
uint64_t eng_image_of(const struct eng_worker *w, const struct eng_session *s)
{
	const uint64_t lap = UINT64_C(1) << 32;
	uint64_t now = w->smtp->image_version, version = now / lap * lap + s->image;

	return version > now && version >= lap ? version - lap : version;
}

void eng_who(const struct eng_worker *w, const struct eng_session *s, struct eng_who *who)
{
	*who = (struct eng_who){
		.vlan = s->vlan,
		.policy = eng_index(s->policy),
		.image_version = eng_image_of(w, s),
		.session = s->id,
		.endpoint = eng_endpoint_key(w, s),
	};
	eng_who_key(w, &s->flow.key, who);
}

static void record_put(struct eng_worker *w, const struct eng_record *r)
{
	const struct eng_sink *sink =
		atomic_load_explicit(&w->sink, memory_order_acquire); // pairs with eng_sink_set

	if (sink == NULL || sink->record(sink->arg, r) != 0)
		eng_count(w, RECORDS_LOST);
}

// Why it was not scanned, or discarded; but what became of it later says more.
static uint16_t reason_of(const struct eng_session *s, const struct eng_message *msg)
{
	bool told = msg->verdict == ENG_VERDICT_UNSCANNED || msg->verdict == ENG_VERDICT_DISCARDED;

	return told && msg->why != ENG_REASON_NONE ? msg->why : eng_why(s);
}

void eng_record_message(struct eng_worker *w, struct eng_session *s, uint16_t code)
{
	const struct eng_message *msg = s->message;
	const struct pol_content *content = eng_content(w, s);
	char helo[ENG_HELO_MAX];
	struct eng_record r = {
		.kind = ENG_REC_MESSAGE,
		.id = msg->id,
		.octets = msg->octets,
		.scan_ns = msg->result.scan_ns,
		.recipients = msg->recipients,
		.score = msg->result.score,
		.threshold = content == NULL ? 0 : content->threshold,
		.rules_total = msg->result.rules_total,
		.code = code,
		.verdict = msg->verdict,
		.bdat = msg->bdat,
		.lane = s->flow.lane,
		.reason = reason_of(s, msg),
		.access = msg->access.rule,
		.access_image = eng_access_version(msg),
		.helo = eng_helo_get(w, s, helo),
		.from = {.p = (const uint8_t *)msg->from, .n = msg->from_len},
		.to = {.p = (const uint8_t *)msg->to, .n = msg->to_len},
		.subject = eng_header_subject(&msg->header),
	};

	memcpy(r.rules, msg->result.rules, sizeof(r.rules));
	eng_who(w, s, &r.who);
	record_put(w, &r);
}

void eng_record_session(struct eng_worker *w, struct eng_session *s)
{
	struct eng_record r = {
		.kind = ENG_REC_SESSION,
		.duration_us = (w->smtp->now_ms - s->flow.born_ms) * UINT64_C(1000),
		.client_bytes = flow_bytes(&s->flow, STREAM_CLIENT),
		.server_bytes = flow_bytes(&s->flow, STREAM_SERVER),
		.messages = s->messages,
		.refused = s->refused,
		.lane = s->flow.lane,
		.tls = s->tls,
		.auth = s->auth,
		.reason = eng_why(s),
	};

	eng_who(w, s, &r.who);
	s->recorded = true;
	record_put(w, &r);
}

void eng_record_refusal(
	struct eng_worker *w, const struct eng_who *who, const struct eng_refused *refused)
{
	struct eng_record r = {
		.kind = ENG_REC_REFUSAL,
		.who = *who,
		.id = refused->id,
		.code = refused->code,
		.reason = refused->reason,
		.limit = refused->limit,
		.value = refused->value,
		.access = refused->access,
		.access_image = refused->access_image,
	};

	record_put(w, &r);
}

void eng_record_refused(
	struct eng_worker *w, struct eng_session *s, const struct eng_refused *refused)
{
	struct eng_who who;

	eng_who(w, s, &who);
	eng_record_refusal(w, &who, refused);
}

void eng_record_parted(
	struct eng_worker *w, const struct eng_who *who, const struct eng_parted *parted)
{
	const struct eng_sink *sink =
		atomic_load_explicit(&w->sink, memory_order_acquire); // pairs with eng_sink_set
	const struct eng_record r = {.kind = ENG_REC_SHADOW, .who = *who, .parted = parted};

	if (sink == NULL || sink->record(sink->arg, &r) != 0)
		eng_count(w, SHADOW_LOST);
}

static bool outcome_give(struct eng_worker *w, const struct eng_outcome *o)
{
	const struct eng_sink *sink =
		atomic_load_explicit(&w->sink, memory_order_acquire); // pairs with eng_sink_set

	return sink != NULL && sink->outcome(sink->arg, o) == 0;
}

static bool same_place(const struct eng_outcome *a, const struct eng_outcome *b)
{
	return a->kind == b->kind && a->context == b->context &&
		a->session_profile == b->session_profile && a->image_version == b->image_version &&
		a->endpoint == b->endpoint && a->context_key == b->context_key &&
		a->vlan == b->vlan && addr_eq(&a->client, &b->client);
}

static void outcome_sum(struct eng_worker *w, const struct eng_outcome *o)
{
	enum { PROBES = 16 };
	struct eng_smtp *p = w->smtp;
	const uint64_t place[2] = {o->endpoint, (uint64_t)o->context_key << 16 | o->vlan};
	uint32_t at = hash_crc32c(hash_crc32c(o->kind, &o->client, sizeof(o->client)), place,
		sizeof(place));

	for (uint32_t i = 0; i < PROBES; i++) {
		struct eng_sum *sum = &p->sum[(at + i) % ENG_SUMS_MAX];
		if (sum->used && same_place(&sum->outcome, o)) {
			sum->outcome.count += o->count;
			return;
		}
		if (!sum->used) {
			*sum = (struct eng_sum){.used = true, .outcome = *o};
			p->sums++;
			return;
		}
	}
	eng_count(w, OUTCOMES_LOST);
}

void eng_outcome(struct eng_worker *w, struct eng_session *s, enum eng_outcome_kind kind)
{
	enum { HALF_FULL = 50 };
	const struct eng_sink *sink =
		atomic_load_explicit(&w->sink, memory_order_acquire); // pairs with eng_sink_set
	struct eng_outcome o = {
		.kind = kind,
		.count = 1,
		.client = s->flow.key.client,
		.context = eng_context_index_of(w, eng_image_of(w, s), s->flow.key.context),
		.session_profile = eng_profile_index(w, s),
		.image_version = eng_image_of(w, s),
		.endpoint = s->shared ? 0 : eng_endpoint_key(w, s), // whose doing is it?
		.context_key = w->pick == NULL ? 0 : eng_context_key(w, s->flow.key.context),
		.vlan = eng_context_vlan(s->flow.key.context),
	};

	if (sink == NULL || sink->fill(sink->arg) >= HALF_FULL || !outcome_give(w, &o))
		outcome_sum(w, &o);
}

void eng_outcomes_flush(struct eng_worker *w)
{
	enum { A_TURN = 32 };
	struct eng_smtp *p = w->smtp;
	const struct eng_sink *sink =
		atomic_load_explicit(&w->sink, memory_order_acquire); // pairs with eng_sink_set

	if (sink == NULL)
		return;
	for (uint32_t i = 0; i < A_TURN && p->sums > 0; i++) {
		struct eng_sum *sum = &p->sum[p->sum_at++ % ENG_SUMS_MAX];
		if (!sum->used)
			continue;
		if (!outcome_give(w, &sum->outcome))
			return;
		sum->used = false;
		p->sums--;
	}
}

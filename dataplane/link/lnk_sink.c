// SPDX-License-Identifier: BSD-3-Clause
// The engine's words turned into the link's. The sinks run on the workers: a copy and a ring, no
// waiting, no memory; a ring that the control plane spoilt is full for the worker and a matter for
// the manager.
// Thread: the worker that the tap belongs to.
#include <errno.h>
#include <string.h>
#include <time.h>

#include "lnk_int.h"
#include "pol_image.h"

LNK_SAME(ENG_FLOW_HALF_OPEN, API_FLOW_HALF_OPEN);
LNK_SAME(ENG_FLOW_OPEN, API_FLOW_OPEN);
LNK_SAME(ENG_FLOW_CLOSING, API_FLOW_CLOSING);
LNK_SAME(ENG_FLOW_STATE_COUNT, API_FLOW_STATE_COUNT);
LNK_SAME(ENG_VERDICT_CLEAN, API_VERDICT_CLEAN);
LNK_SAME(ENG_VERDICT_MONITORED, API_VERDICT_MONITORED);
LNK_SAME(ENG_VERDICT_REJECTED, API_VERDICT_REJECTED);
LNK_SAME(ENG_VERDICT_TEMPFAILED, API_VERDICT_TEMPFAILED);
LNK_SAME(ENG_VERDICT_DISCARDED, API_VERDICT_DISCARDED);
LNK_SAME(ENG_VERDICT_UNSCANNED, API_VERDICT_UNSCANNED);
LNK_SAME(ENG_VERDICT_ABORTED, API_VERDICT_ABORTED);
LNK_SAME(ENG_VERDICT_COUNT, API_VERDICT_COUNT);
LNK_SAME(ENG_RULES_MAX, API_RULES_MAX);
LNK_SAME(ENG_REASON_NONE, 0xffff);
LNK_SAME(ENG_ASK_HELO, API_ASK_HELO);
LNK_SAME(ENG_ASK_SENDER, API_ASK_SENDER);
LNK_SAME(ENG_ASK_RECIPIENT, API_ASK_RECIPIENT);
LNK_SAME(ENG_ASK_COUNT, API_ASK_COUNT);
LNK_SAME(ENG_FIND_EXISTS, API_FIND_EXISTS);
LNK_SAME(ENG_FIND_NO_MAIL, API_FIND_NO_MAIL);
LNK_SAME(ENG_FIND_ABSENT, API_FIND_ABSENT);
LNK_SAME(ENG_FIND_UNKNOWN, API_FIND_UNKNOWN);
LNK_SAME(ENG_FIND_COUNT, API_FIND_COUNT);
LNK_SAME(ENG_DOMAIN_MAX, API_DOMAIN_MAX);
LNK_SAME(ENG_STAGE_CONNECT, API_STAGE_CONNECT);
LNK_SAME(ENG_STAGE_CONNECTIONS, API_STAGE_CONNECTIONS);
LNK_SAME(ENG_STAGE_EHLO, API_STAGE_EHLO);
LNK_SAME(ENG_STAGE_COMMAND, API_STAGE_COMMAND);
LNK_SAME(ENG_STAGE_ERRORS, API_STAGE_ERRORS);
LNK_SAME(ENG_STAGE_SIZE, API_STAGE_SIZE);
LNK_SAME(ENG_STAGE_CONTENT, API_STAGE_CONTENT);
LNK_SAME(ENG_STAGE_IDLE, API_STAGE_IDLE);
LNK_SAME(ENG_STAGE_COUNT, API_STAGE_COUNT);
LNK_SAME(ENG_DOES_GO, API_DOES_GO);
LNK_SAME(ENG_DOES_PASS, API_DOES_PASS);
LNK_SAME(ENG_DOES_INSPECT, API_DOES_INSPECT);
LNK_SAME(ENG_DOES_DROP, API_DOES_DROP);
LNK_SAME(ENG_DOES_REFUSE, API_DOES_REFUSE);
LNK_SAME(ENG_DOES_CUT, API_DOES_CUT);
LNK_SAME(ENG_DOES_HIDE, API_DOES_HIDE);
LNK_SAME(ENG_DOES_LOWER, API_DOES_LOWER);
LNK_SAME(ENG_DOES_DELAY, API_DOES_DELAY);
LNK_SAME(ENG_DOES_MONITOR, API_DOES_MONITOR);
LNK_SAME(ENG_DOES_DISCARD, API_DOES_DISCARD);
LNK_SAME(ENG_DOES_UNSCANNED, API_DOES_UNSCANNED);
LNK_SAME(ENG_DOES_COUNT, API_DOES_COUNT);
_Static_assert(POL_NONE == 0xffffffffu, "no policy, on both sides");

static const uint8_t lanes[ENG_LANE_COUNT] = {
	[ENG_LANE_PASS] = API_LANE_PASS,
	[ENG_LANE_INSPECT] = API_LANE_INSPECT,
	[ENG_LANE_ANSWER] = API_LANE_ANSWER,
	[ENG_LANE_TRANSLATE] = API_LANE_TRANSLATE,
};
static const uint32_t outcome_kinds[ENG_OUTCOME_COUNT] = {
	[ENG_OUTCOME_ACCEPTED] = API_OUT_ACCEPTED,
	[ENG_OUTCOME_CONDEMNED] = API_OUT_CONDEMNED,
	[ENG_OUTCOME_RCPT_REFUSED] = API_OUT_RCPT_REFUSED,
	[ENG_OUTCOME_AUTH_FAILED] = API_OUT_AUTH_FAILED,
	[ENG_OUTCOME_AUTH_PASSED] = API_OUT_AUTH_PASSED,
};
static const uint16_t record_kinds[ENG_REC_COUNT] = {
	[ENG_REC_SESSION] = API_REC_SESSION,
	[ENG_REC_MESSAGE] = API_REC_MESSAGE,
	[ENG_REC_REFUSAL] = API_REC_REFUSAL,
	[ENG_REC_SHADOW] = API_REC_SHADOW,
};
_Static_assert((int)ENG_OUTCOME_COUNT + 1 == (int)API_OUT_COUNT, "one each, and none");
_Static_assert((int)ENG_REC_COUNT + 1 == (int)API_REC_COUNT, "one each, and none");

// -EAGAIN for a full ring as for a broken one: the engine knows no other.
static int put(struct lnk_tap *t, struct api_ring *ring, const void *element)
{
	int rc = api_ring_put(ring, element);

	if (rc == 0)
		return 0;
	if (rc == -EPROTO) // relaxed: the manager only wants to know some turn soon
		atomic_store_explicit(&t->broken, 1, memory_order_relaxed);
	return -EAGAIN;
}

static int outcome_put(void *arg, const struct eng_outcome *o)
{
	struct lnk_tap *t = arg;
	const struct api_outcome out = {
		.kind = outcome_kinds[o->kind],
		.count = o->count,
		.client = o->client,
		.context = o->context,
		.session_profile = o->session_profile,
		.image_version = o->image_version,
		.endpoint = o->endpoint,
		.context_key = o->context_key,
		.vlan = o->vlan,
	};

	return put(t, &t->outcome, &out);
}

// A cut copy with a NUL in a field that is zero already.
static void bytes_copy(char *out, size_t cap, struct span in)
{
	size_t n = in.n < cap - 1 ? in.n : cap - 1;

	if (n > 0)
		memcpy(out, in.p, n);
}

static void session_fill(struct api_record *out, const struct eng_record *r)
{
	out->session_end.duration_us = r->duration_us;
	out->session_end.client_bytes = r->client_bytes;
	out->session_end.server_bytes = r->server_bytes;
	out->session_end.messages = r->messages;
	out->session_end.refused = r->refused;
	out->session_end.lane = lanes[r->lane];
	out->session_end.reason = r->reason;
	out->session_end.tls = r->tls;
	out->session_end.auth = r->auth;
}

static void message_fill(struct api_record *out, const struct eng_record *r)
{
	out->message.id = r->id;
	out->message.octets = r->octets;
	out->message.scan_ns = r->scan_ns;
	out->message.recipients = r->recipients;
	out->message.score = r->score;
	out->message.threshold = r->threshold;
	memcpy(out->message.rules, r->rules, sizeof(out->message.rules));
	out->message.rules_total = r->rules_total;
	out->message.code = r->code;
	out->message.reason = r->reason;
	out->message.access = (uint16_t)r->access;
	out->message.access_image = (uint32_t)r->access_image;
	out->message.verdict = (uint8_t)r->verdict;
	out->message.bdat = r->bdat;
	bytes_copy(out->message.helo, sizeof(out->message.helo), r->helo);
	bytes_copy(out->message.from, sizeof(out->message.from), r->from);
	bytes_copy(out->message.to, sizeof(out->message.to), r->to);
	out->message.has_subject = r->subject.p != NULL;
	out->message.subject_len = (uint8_t)span_sub(r->subject, 0, API_SUBJECT_MAX).n;
	if (out->message.subject_len > 0)
		memcpy(out->message.subject, r->subject.p, out->message.subject_len);
}

static void refusal_fill(struct api_record *out, const struct eng_record *r)
{
	out->refusal.id = r->id;
	out->refusal.code = r->code;
	out->refusal.reason = r->reason;
	out->refusal.limit = r->limit;
	out->refusal.value = r->value;
	out->refusal.access = r->access;
	out->refusal.access_image = (uint32_t)r->access_image;
}

static struct api_decision decision(const struct eng_decision *d)
{
	struct api_decision out = {
		.code = d->code,
		.reason = d->reason,
		.does = (uint8_t)d->does,
		.limit = d->limit,
		.value = d->value,
		.access = d->access,
		.score = d->score,
		.threshold = d->threshold,
	};

	memcpy(out.rules, d->rules, sizeof(out.rules));
	return out;
}

static void shadow_fill(struct api_record *out, const struct eng_record *r)
{
	const struct eng_parted *p = r->parted;

	out->shadow.candidate = p->candidate;
	out->shadow.policy = p->policy;
	out->shadow.stage = (uint8_t)p->stage;
	out->shadow.live = decision(&p->live);
	out->shadow.shadow = decision(&p->shadow);
}

// The engine's clock is monotonic, the log wants the wall's. The vDSO answers: no system call.
static int64_t wall_us(void)
{
	struct timespec ts = {0};

	(void)clock_gettime(CLOCK_REALTIME, &ts); // this clock always is
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int record_put(void *arg, const struct eng_record *r)
{
	static void (*const fill[ENG_REC_COUNT])(struct api_record *, const struct eng_record *) = {
		[ENG_REC_SESSION] = session_fill,
		[ENG_REC_MESSAGE] = message_fill,
		[ENG_REC_REFUSAL] = refusal_fill,
		[ENG_REC_SHADOW] = shadow_fill,
	};
	struct lnk_tap *t = arg;
	struct api_record out = {
		.kind = record_kinds[r->kind],
		.worker = t->worker,
		.policy = r->who.policy,
		.image_version = r->who.image_version,
		.at_us = wall_us(),
		.session = r->who.session,
		.client = r->who.client,
		.server = r->who.server,
		.client_port = r->who.client_port,
		.server_port = r->who.server_port,
		.vlan = r->who.vlan,
		.context = r->who.context,
		.endpoint = r->who.endpoint,
	};

	// What a candidate would do must not cost a line about what was done.
	if (r->kind == ENG_REC_SHADOW && api_ring_used(&t->record) >= API_RING_RECORDS / 2)
		return -EAGAIN;
	fill[r->kind](&out, r);
	return put(t, &t->record, &out);
}

static int ask_put(void *arg, const struct eng_question *q)
{
	struct lnk_tap *t = arg;
	struct api_ask out = {
		.session = q->session,
		.key = q->key,
		.asker = q->asker,
		.flow = q->flow,
		.deadline_ms = q->deadline_ms,
		.kind = (uint8_t)q->kind,
		.otherwise = (uint8_t)q->otherwise,
		.name_len = (uint8_t)q->name.n,
	};

	if (q->name.n == 0 || q->name.n > sizeof(out.name))
		return -EINVAL;
	memcpy(out.name, q->name.p, q->name.n);
	return put(t, &t->ask, &out);
}

// What makes no sense is passed over, at most as many as the ring holds: the worker is not kept.
static int answer_take(void *arg, struct eng_finding *f)
{
	struct lnk_tap *t = arg;
	struct api_answer in;

	for (unsigned i = 0; i < API_RING_ANSWERS; i++) {
		int rc = api_ring_take(&t->answer, &in);

		if (rc == -EPROTO) // relaxed: as above
			atomic_store_explicit(&t->broken, 1, memory_order_relaxed);
		if (rc != 0)
			return -EAGAIN;
		if (in.kind <= API_ASK_NONE || in.kind >= API_ASK_COUNT ||
			in.finding <= API_FIND_NONE || in.finding >= API_FIND_COUNT)
			continue;
		*f = (struct eng_finding){
			.session = in.session,
			.key = in.key,
			.flow = in.flow,
			.ttl_ms = in.ttl_ms,
			.kind = in.kind,
			.found = in.finding,
		};
		return 0;
	}
	return -EAGAIN;
}

static unsigned outcome_fill(void *arg)
{
	struct lnk_tap *t = arg;

	return api_ring_used(&t->outcome) * 100 / API_RING_OUTCOMES;
}

void lnk_tap_init(struct lnk_tap *t, uint16_t worker)
{
	t->worker = worker;
	t->sink = (struct eng_sink){
		.outcome = outcome_put,
		.record = record_put,
		.ask = ask_put,
		.finding = answer_take,
		.fill = outcome_fill,
		.arg = t,
	};
}

void lnk_flow_fill(struct api_flow *out, const struct eng_flow_row *row, uint16_t worker)
{
	*out = (struct api_flow){
		.client = row->who.client,
		.server = row->who.server,
		.client_port = row->who.client_port,
		.server_port = row->who.server_port,
		.vlan = row->who.vlan,
		.context = row->who.context,
		.lane = (uint8_t)row->lane,
		.worker = (uint8_t)worker,
		.state = (uint8_t)row->state,
		.policy = row->who.policy,
		.policy_version = row->who.image_version,
		.age_ms = row->age_ms,
		.idle_ms = row->idle_ms,
		.client_bytes = row->client_bytes,
		.server_bytes = row->server_bytes,
		.session = row->who.session,
	};
}

// SPDX-License-Identifier: BSD-3-Clause
// Connections that are refused at connect, as numbers: our SYN-ACK's is a keyed hash of key, client's
// number and time (RFC 4987 3.6), so the client's acknowledgement proves itself. Usually a half-open
// record stands beside it; in a flood, or with a full flow table, nothing does: then the greeting and
// our FIN are one segment, and what comes later is reset.
// Thread: the worker.
#include "eng_half.h"
#include "eng_reputation.h"
#include "eng_shadow.h"
#include "hash.h"

enum {
	AGE_BITS = 5,
	HASH_BITS = 32 - AGE_BITS,
	AGES = 1 << AGE_BITS,
	TICK_S = 64, // of the age
	ANSWER_WINDOW = 65535,
	MSS_V4_BYTES = 1460, // of Ethernet's 1500
	MSS_V6_BYTES = 1440,
};

static uint32_t age_now(const struct eng_worker *w)
{
	return (uint32_t)(w->smtp->now_us / (TICK_S * UINT64_C(1000000)));
}

static uint32_t number(
	const struct eng_worker *w, const struct flow_key *key, uint32_t client_isn, uint32_t age)
{
	struct {
		struct flow_key key;
		uint32_t isn, age;
	} in = {.key = *key, .isn = client_isn, .age = age};

	_Static_assert(sizeof(in) == sizeof(struct flow_key) + 8, "no padding is hashed");
	uint32_t hash = (uint32_t)hash_siphash(w->smtp->secret, &in, sizeof(in));
	return age << HASH_BITS | hash >> AGE_BITS;
}

uint32_t eng_cookie(const struct eng_worker *w, const struct flow_key *key, uint32_t client_isn)
{
	return number(w, key, client_isn, age_now(w));
}

bool eng_cookies_on(struct eng_worker *w)
{
	struct eng_smtp *p = w->smtp;
	uint32_t cells = flow_half_cells(p->half), count = flow_half_count(p->half);

	if (count > cells / 2)
		p->cookies_on = true;
	else if (count < cells / 8 * 3)
		p->cookies_on = false;
	return p->cookies_on;
}

static struct wire_tcp_out syn_ack(uint32_t isn, uint32_t client_isn, bool v4)
{
	return (struct wire_tcp_out){
		.seq = isn,
		.ack = client_isn + 1,
		.window = ANSWER_WINDOW,
		.flags = TCP_SYN | TCP_ACK,
		.mss = v4 ? MSS_V4_BYTES : MSS_V6_BYTES,
	};
}

void eng_cookie_syn_ack_consume(struct eng_worker *w, struct rte_mbuf *m, uint32_t isn)
{
	const struct wire_view *v = &eng_meta_of(m)->view;
	struct wire_tcp_out o = syn_ack(isn, v->seq, v->family == 4);

	w->smtp->cookies_until_us = w->smtp->now_us + 2 * TICK_S * UINT64_C(1000000);
	eng_send_back(w, m, &o);
	eng_count(w, ACT_ANSWERED);
	rte_pktmbuf_free(m);
}

void eng_cookie_syn_ack_again(struct eng_worker *w, const struct eng_half *h)
{
	const bool v4 = addr_is_v4(&h->half.key.client);
	struct wire_tcp_out o = syn_ack(h->server.isn, h->client.isn, v4);
	struct wire_tmpl forth = {
		.l2_len = h->side.l2_len,
		.family = v4 ? 4 : 6,
		.flow_label = h->side.flow_label,
		.src = h->half.key.client,
		.dst = h->half.key.server,
		.sport = h->half.key.client_port,
		.dport = h->half.key.server_port,
	};

	memcpy(forth.l2, h->side.l2, h->side.l2_len);
	eng_send_turned(w, h->in_port, &forth, &o);
}

void eng_cookie_refuse_consume(struct eng_worker *w, const struct flow_key *key, struct rte_mbuf *m,
	const struct eng_refused *why)
{
	const struct eng_meta *meta = eng_meta_of(m);
	const struct wire_view *v = &meta->view;
	struct eng_who who = {
		.vlan = eng_vlan_of(v),
		.image_version = w->smtp->image_version,
		.session = eng_id_next(w),
		.endpoint = eng_endpoint_now(w, key),
	};
	struct eng_refused told = *why;
	char line[ENG_REPLY_MAX];

	told.id = eng_id_next(w);
	told.retry_s = eng_reputation_retry(w, key, (enum eng_reason)told.reason);
	eng_who_key(w, key, &who);
	(void)eng_policy_match(w, key, meta->in_port, who.vlan, &who.policy);
	struct wire_tcp_out o = {
		.seq = v->ack,
		.ack = v->seq + v->payload_len + (v->tcp_flags & TCP_FIN ? 1 : 0),
		.window = ANSWER_WINDOW,
		.flags = TCP_ACK | TCP_PSH | TCP_FIN,
		.payload = eng_greeting(&told, line),
	};
	eng_send_back(w, m, &o);
	if (w->shadow != NULL)
		eng_shadow_refused(w, key, meta->in_port, &who, &told);
	eng_count(w, (enum eng_reason)told.reason);
	eng_count(w, ACT_REFUSED_STATELESS);
	eng_record_refusal(w, &who, &told);
	eng_bury(w, key, FLOW_GRAVE_REFUSED);
	eng_count(w, ACT_ANSWERED);
	rte_pktmbuf_free(m);
}

bool eng_cookie_take(struct eng_worker *w, const struct flow_key *key, struct rte_mbuf *m)
{
	const struct eng_meta *meta = eng_meta_of(m);
	const struct wire_view *v = &meta->view;
	uint32_t cookie = v->ack - 1, age = age_now(w), index;
	struct eng_refused why;

	if (w->smtp->now_us >= w->smtp->cookies_until_us ||
		(v->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST)) != TCP_ACK)
		return false;
	uint32_t back = (age - (cookie >> HASH_BITS)) % AGES;
	if (back > 1 || cookie != number(w, key, v->seq - 1, age - back))
		return false;
	uint16_t vlan = eng_vlan_of(v);
	enum pol_action action = eng_connect(w, key, meta->in_port, vlan, &index, &why);
	if (action != POL_REJECT && action != POL_TEMPFAIL)
		return false;
	eng_cookie_refuse_consume(w, key, m, &why);
	return true;
}

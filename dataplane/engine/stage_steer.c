// SPDX-License-Identifier: BSD-3-Clause
// Third stage, for the frames that needed a whole look: a TCP segment of a picked-up port goes to
// the worker that owns its flow, and so does an ICMP error that quotes one; an IP fragment of TCP goes
// to the one that owns its set; everything else is forwarded, and counted where it may hide a
// picked-up port.
// Thread: the worker that received the frame.
#include "eng_int.h"

#include <string.h>

#include "wire_field.h"
#include "wire_frag.h"
#include "wire_icmp.h"

struct end {
	struct addr addr;
	uint16_t port;
};

static uint64_t mix(uint64_t h) // the finalizer of MurmurHash3
{
	h ^= h >> 33;
	h *= UINT64_C(0xff51afd7ed558ccd);
	h ^= h >> 33;
	h *= UINT64_C(0xc4ceb9fe1a85ec53);
	return h ^ h >> 33;
}

static uint64_t end_hash(const struct addr *a, uint16_t port)
{
	uint64_t hi, lo;

	memcpy(&hi, a->b, 8);
	memcpy(&lo, a->b + 8, 8);
	return mix(mix(hi + port) ^ lo);
}

// Both directions of a flow have the same owner: the sum of the two ends' hashes. Independent of
// the device's own hash, which virtual ports do not have. Not an answer to somebody who aims all
// flows at one worker; its queue then drops, the wire goes on.
static uint16_t owner_of(const struct eng_worker *w, const struct end *a, const struct end *b)
{
	uint64_t h = mix(end_hash(&a->addr, a->port) + end_hash(&b->addr, b->port));

	return (uint16_t)((h >> 32) * w->workers >> 32);
}

static uint16_t context_of(const struct eng_pick *pick, uint16_t in_port, const struct wire_view *v)
{
	uint16_t i = pick->context[in_port];

	if (v->ntags > 0 && pick->by_vlan[in_port])
		return (uint16_t)(i | (v->tci[0] & 0xfff) << ENG_CONTEXT_BITS);
	return i;
}

static void hand_over_consume(struct eng_worker *w, uint16_t owner, struct rte_mbuf *m)
{
	if (rte_ring_mp_enqueue(w->eng->worker[owner]->inbox, m) != 0)
		eng_drop(w, m, DROP_INBOX_FULL);
	else
		eng_count(w, SMTP_HANDED);
}

static void steer_consume(
	struct eng_worker *w, uint16_t in_port, struct rte_mbuf *m, bool to_client, uint16_t owner)
{
	struct eng_meta *meta = eng_meta_of(m);

	meta->in_port = in_port;
	meta->context = context_of(w->pick, in_port, &meta->view);
	meta->to_client = to_client;
	if (owner == w->id)
		eng_smtpq_push_consume(w, m);
	else
		hand_over_consume(w, owner, m);
}

void eng_steer_segment_consume(struct eng_worker *w, uint16_t in_port, struct rte_mbuf *m)
{
	const struct wire_view *v = &eng_meta_of(m)->view;
	bool from_server = eng_picks_up(w, v->sport);
	bool to_server = eng_picks_up(w, v->dport);

	if (from_server || to_server) {
		struct end ends[2] = {{.port = v->sport}, {.port = v->dport}};
		uint16_t owner = w->id;

		if (w->workers > 1) {
			wire_addrs(eng_frame_of(m), v, &ends[0].addr, &ends[1].addr);
			owner = owner_of(w, &ends[0], &ends[1]);
		}
		eng_count(w, SMTP_PACKETS);
		if (from_server && !to_server)
			w->sight->port[in_port].server_segments++;
		else
			w->sight->port[in_port].client_segments++;
		steer_consume(w, in_port, m, from_server && !to_server, owner);
		return;
	}
	eng_count(w, FWD_PACKETS);
	eng_forward_tx(w, in_port, m);
}

// An ICMP error goes where the segment goes that it quotes, and waits behind it. false: it quotes
// none of a picked-up port.
static bool icmp_steer(struct eng_worker *w, uint16_t in_port, struct rte_mbuf *m)
{
	struct wire_quote q;
	bool from_server, to_server;

	if (!wire_icmp_quote(eng_frame_of(m), &eng_meta_of(m)->view, &q))
		return false;
	from_server = eng_picks_up(w, q.sport);
	to_server = eng_picks_up(w, q.dport);
	if (!from_server && !to_server)
		return false;
	const struct end ends[2] = {{q.src, q.sport}, {q.dst, q.dport}};
	steer_consume(w, in_port, m, from_server && !to_server,
		w->workers == 1 ? w->id : owner_of(w, &ends[0], &ends[1]));
	return true;
}

// All fragments of a datagram have the same owner, by what all of them show.
static void fragment_steer_consume(
	struct eng_worker *w, uint16_t in_port, struct rte_mbuf *m, uint64_t now_us)
{
	struct eng_meta *meta = eng_meta_of(m);
	struct wire_frag place;
	struct addr src, dst;
	uint16_t owner;
	uint64_t h;

	wire_frag_read(eng_frame_of(m), &meta->view, &place);
	wire_addrs(eng_frame_of(m), &meta->view, &src, &dst);
	h = mix(end_hash(&src, 0) + mix(end_hash(&dst, 0) + place.id));
	meta->in_port = in_port;
	meta->context = context_of(w->pick, in_port, &meta->view);
	owner = (uint16_t)((h >> 32) * w->workers >> 32);
	if (owner == w->id)
		eng_fragment_consume(w, m, now_us);
	else
		hand_over_consume(w, owner, m);
}

static void steer_one_consume(
	struct eng_worker *w, uint16_t in_port, struct rte_mbuf *m, uint64_t now_us)
{
	const struct wire_view *v = &eng_meta_of(m)->view;

	if (w->image == NULL) {
		if (v->ip_proto == WIRE_IPPROTO_TCP && v->family != 0)
			eng_count(w, PASS_NO_IMAGE);
	} else if (v->proto == WIRE_TCP) {
		eng_steer_segment_consume(w, in_port, m);
		return;
	} else if (v->proto == WIRE_FRAGMENT && wire_frag_is_tcp(v)) {
		fragment_steer_consume(w, in_port, m, now_us);
		return;
	} else if (v->proto == WIRE_ICMP) {
		if (icmp_steer(w, in_port, m))
			return;
	} else if ((v->flags & WIRE_F_DEEP) != 0) {
		eng_count(w, PASS_ENCAP);
	} else if ((v->flags & WIRE_F_TUNNEL) != 0) {
		eng_count(w, PASS_TUNNEL);
	}
	eng_count(w, FWD_PACKETS);
	eng_forward_tx(w, in_port, m);
}

void eng_steer(struct eng_worker *w, uint16_t in_port, struct rte_mbuf **pkts, uint16_t n,
	uint64_t now_us)
{
	for (uint16_t i = 0; i < n; i++)
		steer_one_consume(w, in_port, pkts[i], now_us);
}

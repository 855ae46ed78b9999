// SPDX-License-Identifier: BSD-3-Clause
// Second stage: frames leave unchanged, in pair mode by the peer of the port they came in by, in
// learn mode by the forwarding table; in routed mode they go on to the last stage (stage_route.c). Group addresses (STP, LACP, LLDP among them) are forwarded
// like any group: the box is no bridge that its neighbours should see.
// Thread: the worker; the table is the manager's, read here.
#include "eng_int.h"

#include <string.h>

#include <rte_mempool.h>

#include "eng_net.h"
#include "wire_field.h"

enum { MAC_LEN = 6, OFF_TYPE = 12, OFF_TCI = WIRE_ETH_LEN };

// The outer VLAN id, 0 = untagged: C-tag and S-tag (IEEE 802.1Q 9.5), as both divide the network.
static uint16_t outer_vid(const struct rte_mbuf *m)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	uint16_t type = wire_get16(p + OFF_TYPE);

	if ((type != WIRE_TYPE_TAG && type != WIRE_TYPE_STAG) || m->data_len < OFF_TCI + 2)
		return 0;
	return wire_get16(p + OFF_TCI) & 0xfff;
}

void eng_learn(struct eng_worker *w, uint16_t in_port, struct rte_mbuf *const *pkts, uint16_t n,
	uint64_t now_us)
{
	const uint32_t now_s = (uint32_t)(now_us / 1000000);

	for (uint16_t i = 0; i < n; i++) {
		const uint8_t *src = rte_pktmbuf_mtod(pkts[i], const uint8_t *) + MAC_LEN;

		// A group address is nobody's source (IEEE 802 8.2).
		if (pkts[i]->data_len >= WIRE_ETH_LEN && (src[0] & 1) == 0)
			tbl_fdb_seen(
				w->eng->fdb, tbl_fdb_key(outer_vid(pkts[i]), src), in_port, now_s);
	}
}

// To every other port: the last one takes the frame itself, the others a copy. Not a reference: the
// af_xdp driver of DPDK 22.11 takes a buffer of its pool by its address and would send an empty
// one.
static void flood_tx(struct eng_worker *w, uint16_t in_port, struct rte_mbuf *m)
{
	const struct eng_conf *conf = &w->eng->conf;
	uint16_t last = ENG_NO_PORT;

	for (uint16_t p = 0; p < conf->ports; p++) {
		struct rte_mbuf *copy;

		if (p == in_port)
			continue;
		if (last != ENG_NO_PORT) {
			copy = rte_pktmbuf_copy(m, conf->pool, 0, UINT32_MAX);
			if (copy != NULL)
				eng_out_tx(w, last, copy);
			else
				eng_count(w, DROP_NO_MBUF);
		}
		last = p;
	}
	if (last == ENG_NO_PORT) {
		eng_drop(w, m, DROP_NO_PEER);
		return;
	}
	eng_count(w, FWD_FLOOD);
	eng_out_tx(w, last, m);
}

static void learnt_tx(struct eng_worker *w, uint16_t in_port, struct rte_mbuf *m)
{
	const uint8_t *dst = rte_pktmbuf_mtod(m, const uint8_t *);
	uint16_t out;

	if (m->data_len < WIRE_ETH_LEN || (dst[0] & 1) != 0) {
		flood_tx(w, in_port, m);
		return;
	}
	out = tbl_fdb_lookup(w->eng->fdb, tbl_fdb_key(outer_vid(m), dst));
	if (out == TBL_FDB_NONE)
		flood_tx(w, in_port, m);
	else if (out == in_port)
		eng_drop(w, m, DROP_SAME_PORT);
	else
		eng_out_tx(w, out, m);
}

void eng_forward_tx(struct eng_worker *w, uint16_t in_port, struct rte_mbuf *m)
{
	uint16_t peer;

	if (w->eng->net != NULL) {
		eng_route_tx(w, in_port, m);
		return;
	}
	if (w->eng->fdb != NULL) {
		learnt_tx(w, in_port, m);
		return;
	}
	peer = w->eng->conf.port[in_port].peer;
	if (peer == ENG_NO_PORT)
		eng_drop(w, m, DROP_NO_PEER);
	else
		eng_out_tx(w, peer, m);
}

void eng_own_tx(struct eng_worker *w, uint16_t port, struct rte_mbuf *m)
{
	if (w->eng->net != NULL)
		eng_route_tx(w, ENG_NO_PORT, m);
	else
		eng_out_tx(w, port, m);
}

void eng_forward(struct eng_worker *w, uint16_t in_port, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t peer = w->eng->conf.port[in_port].peer;
	struct eng_out *out;

	eng_count_n(w, FWD_PACKETS, n);
	if (w->eng->net != NULL) {
		eng_route_burst_tx(w, in_port, pkts, n);
		return;
	}
	// No port has a peer but in pair mode.
	if (peer == ENG_NO_PORT || w->out[peer].n + n > ENG_OUT_MAX) {
		for (uint16_t i = 0; i < n; i++)
			eng_forward_tx(w, in_port, pkts[i]);
		return;
	}
	out = &w->out[peer];
	memcpy(&out->pkts[out->n], pkts, n * sizeof(pkts[0]));
	out->n = (uint16_t)(out->n + n);
}

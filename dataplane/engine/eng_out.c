// SPDX-License-Identifier: BSD-3-Clause
// Where a stage leaves a frame: a worker's list for a port, its segments to be read, or nowhere,
// with a reason.
// Thread: the worker.
#include "eng_int.h"
#include "eng_smtp.h"

struct eng_out *eng_out_of(struct eng_worker *w, uint16_t port)
{
	return &w->out[port];
}

void eng_flush_set(struct eng_worker *w, void (*flush)(void *arg, uint16_t port), void *arg)
{
	w->flush_arg = arg;
	w->flush = flush;
}

void eng_tx_full(struct eng_worker *w, uint32_t n)
{
	eng_count_n(w, DROP_TX_FULL, n);
}

void eng_busy(struct eng_worker *w, uint64_t ns)
{
	eng_count_n(w, ACT_BUSY_NS, ns);
}

void eng_drop(struct eng_worker *w, struct rte_mbuf *m, enum eng_reason r)
{
	eng_count(w, r);
	rte_pktmbuf_free(m);
}

void eng_out_tx(struct eng_worker *w, uint16_t port, struct rte_mbuf *m)
{
	struct eng_out *out = &w->out[port];

	if (out->n == ENG_OUT_MAX && w->flush != NULL)
		w->flush(w->flush_arg, port);
	if (out->n == ENG_OUT_MAX) {
		eng_drop(w, m, DROP_OUT_FULL);
		return;
	}
	out->pkts[out->n++] = m;
}

void eng_smtpq_push_consume(struct eng_worker *w, struct rte_mbuf *m)
{
	if (w->smtpq_tail - w->smtpq_head == ENG_SMTPQ_MAX) {
		eng_drop(w, m, DROP_SMTP_QUEUE);
		return;
	}
	if (eng_meta_of(m)->view.proto == WIRE_TCP)
		eng_smtp_segment_prepare(w, m);
	w->smtpq[w->smtpq_tail++ & (ENG_SMTPQ_MAX - 1)] = m;
}

// SPDX-License-Identifier: BSD-3-Clause
// Routed mode: the TCP port that tells routers and balancers whether we are well (net_health.h has the protocol).
// What we are is the manager's to find out; workers read one word.
// Thread: made, judged and freed by the manager; eng_health_consume by the worker that received the frame.
#pragma once

#include "eng_int.h"
#include "eng_routing.h"
#include "net.h"

struct eng_health;

// NULL with errno and *err; also, with errno 0, where no port is wanted.
struct eng_health *eng_health_new(
	const struct eng_health_conf *conf, uint16_t workers, int socket, struct err_list *err);
void eng_health_free(struct eng_health *h); // NULL is fine
uint64_t eng_health_bytes(uint16_t workers);

// Are we well? Each turn of the manager. What went past us while we were not finds its grace when we are again.
void eng_health_manage(struct eng *e, uint64_t now_us);

// A packet to an address of ours, at `off` of its frame, which came in by interface `i`. false: it is not for the
// port. Else it is answered or dropped, and counted. Never a longer answer than the question to who has not
// shown that he is there, and no more than so many a second.
bool eng_health_consume(
	struct eng_worker *w, const struct net_iface *i, struct rte_mbuf *m, uint16_t off);

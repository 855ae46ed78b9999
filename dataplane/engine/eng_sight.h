// SPDX-License-Identifier: BSD-3-Clause
// What a worker notices of the network around us, for the self-check: which halves of connections come by
// which port, clients that look like several hosts behind one address, SYNs that the control plane marked. A
// few stores a SYN, in fixed memory whose layout is the statistics memory's (api_sight.h).
// Thread: each function says whose it is; any may read what is told.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"

struct eng;
struct eng_worker;
struct flow_key;
struct eng_meta;
struct eng_syn;

enum {
	ENG_SIGHT_PORTS = 32,
	ENG_SIGHT_HOSTS = 16,
	ENG_SIGHT_PROBES = 64,
	ENG_PROBE_MSS_MIN = 600,
	ENG_PROBE_MSS_MAX = 1199,
};

struct eng_sight_port { // w: worker, r: any
	uint64_t client_segments, server_segments, opened, answered, one_way, alone;
};

struct eng_sight_ends { // w: worker, r: any, by its turn
	uint64_t turn;
	struct addr client, server;
	uint16_t client_port, server_port, vlan, in_port;
	uint32_t value, spare;
	uint8_t mac[8];
};

struct eng_sight {
	struct eng_sight_port port[ENG_SIGHT_PORTS];
	struct eng_sight_ends one_way, alone;
	struct eng_sight_ends hosts[ENG_SIGHT_HOSTS];
	struct eng_sight_ends probe[ENG_SIGHT_PROBES];
};

struct eng_sight_net { // w: manager, r: any
	uint64_t hops, known;
	struct eng_sight_ends lost, conflict;
};

struct eng_watch; // clients of late, a worker's own: who may be several hosts

// Before the worker runs. Memory of a worker's own, until eng_sights_bind; false: there is none.
bool eng_sight_new(struct eng_worker *w, int socket);
void eng_sight_free(struct eng_worker *w);
uint64_t eng_sight_bytes(void); // of a worker
// Points a worker's at statistics memory, zeroed, before it runs; and, in routed mode, the manager's.
void eng_sight_bind(struct eng_worker *w, struct eng_sight *mem);
void eng_sight_net_bind(struct eng *e, struct eng_sight_net *mem);

// Anybody who owns `out`: as a whole, the turn apart, which is made.
void eng_sight_tell(struct eng_sight_ends *out, const struct eng_sight_ends *what);

// Worker: a client's SYN, whatever becomes of it; `ttl` as it came.
void eng_sight_syn(struct eng_worker *w, const struct flow_key *key, const struct eng_meta *meta,
	const struct eng_syn *syn, uint8_t ttl);
// Worker: the client, who came in by `in_port`, goes on though no server was heard.
void eng_sight_one_way(
	struct eng_worker *w, const struct flow_key *key, uint16_t in_port, uint16_t vlan);
// Worker: a server's SYN-ACK without its SYN.
void eng_sight_alone(
	struct eng_worker *w, const struct flow_key *key, const struct eng_meta *meta);

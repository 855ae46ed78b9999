// SPDX-License-Identifier: BSD-3-Clause
// Who a client is, and what is known of it. Bindings say which subscriber ("endpoint") has an address, a
// prefix or a block of an address's ports; facts say what was found out about endpoints, and about senders,
// which are addresses and prefixes themselves. All of it is the control plane's word; the workers find it
// without a lock, the manager alone writes. Sized at start; what finds no room is not known, and counted.
// A key of bindings and senders has a context, by the hash of its name, and its VLAN where it has several.
// At most TBL_LENGTHS_MAX prefix lengths a family are kept of each; the longest prefix that has the client
// says whose it is; of senders the worst of all of them counts.
// Thread: each function says whose it is.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"

enum {
	TBL_LENGTHS_MAX = 4,
	TBL_CLIENTS_BULK = 32,
	TBL_ENDPOINT_NONE = UINT32_MAX,
	TBL_ENDPOINTS_MAX = 16000000, // a reference has 24 bits for which, 8 for which time
	TBL_BINDINGS_MAX = 100000000,
	TBL_LISTED = 1, // flags: blocked by an operator
	TBL_EXEMPT = 2, // by an operator, from all of it
};

struct tbl_clients;

struct tbl_clients_conf {
	const char *name; // unique in the process
	uint32_t bindings, endpoints, senders; // at most; 0: none of them
	int socket;
};

// Bytes of DPDK's memory that tbl_clients_new takes, about.
uint64_t tbl_clients_bytes(const struct tbl_clients_conf *conf);
// NULL with errno. Manager, before workers run.
struct tbl_clients *tbl_clients_new(const struct tbl_clients_conf *conf);
void tbl_clients_free(struct tbl_clients *c); // NULL is fine

// ---- workers

struct tbl_client_key {
	struct addr addr;
	uint32_t context;
	uint16_t vlan;
	uint16_t port; // host order: of the client
};

struct tbl_client { // zero and TBL_ENDPOINT_NONE: nothing is known
	uint32_t endpoint;      // reference; TBL_ENDPOINT_NONE
	bool shared;            // others are there, too
	uint8_t score, flags;   // of the sender: 0..100; TBL_LISTED, TBL_EXEMPT
	uint32_t auth_until_s;  // of the sender: AUTH is refused until then; 0 = not
};

struct tbl_endpoint {
	uint64_t key;             // stands for its id; not 0
	uint32_t blocked_until_s; // automatically; 0 = not
	uint32_t auth_until_s;    // AUTH is refused until then; 0 = not
	uint8_t flags;            // TBL_LISTED, TBL_EXEMPT
};

// Seconds are those of the manager's calls. Any worker.
void tbl_clients_find(
	const struct tbl_clients *c, const struct tbl_client_key *key, struct tbl_client *out);
// The same of n keys, up to TBL_CLIENTS_BULK.
void tbl_clients_find_bulk(const struct tbl_clients *c, const struct tbl_client_key *keys,
	unsigned n, struct tbl_client *out);
// What a reference stands for. false: it stands for nobody any more (or is TBL_ENDPOINT_NONE), and *out is
// zero. Any worker.
bool tbl_endpoint_get(const struct tbl_clients *c, uint32_t endpoint, struct tbl_endpoint *out);

// ---- the manager

struct tbl_binding {
	struct prefix prefix;
	uint32_t context;
	uint16_t vlan;
	uint16_t port_first, port_last;
	bool shared;
	uint64_t endpoint; // key of it, not 0
};

struct tbl_sender {
	struct prefix prefix;
	uint32_t context;
	uint16_t vlan;
	uint8_t score, flags;
	uint32_t auth_until_s;
};

// 0, -ENOSPC (no room, or one length too many; counted), -EINVAL (not canonical, ports that end before they
// begin, no endpoint). In place of the one of the same prefix and ports.
int tbl_binding_set(struct tbl_clients *c, const struct tbl_binding *b);
void tbl_binding_clear(struct tbl_clients *c, const struct tbl_binding *b); // its endpoint is not looked at
// What is known of an endpoint, whether it has a binding or not; all zero but its key: nothing.
// 0, -ENOSPC, -EINVAL.
int tbl_endpoint_set(struct tbl_clients *c, const struct tbl_endpoint *e);
int tbl_sender_set(struct tbl_clients *c, const struct tbl_sender *s); // likewise

// Everything is to be said again: what is not, between begin and the end of sweep, goes. Facts are those of
// endpoints and senders.
void tbl_bindings_begin(struct tbl_clients *c);
void tbl_facts_begin(struct tbl_clients *c);
// Looks at no more than `slice` entries. True: there are more to look at.
bool tbl_bindings_sweep(struct tbl_clients *c, uint32_t slice);
bool tbl_facts_sweep(struct tbl_clients *c, uint32_t slice);
// Memory of what was cleared or replaced waits for tbl_clients_reclaim: how much does. (Writers wait for it
// where too much does: they return -EAGAIN, and nothing was done.)
uint32_t tbl_clients_waiting(const struct tbl_clients *c);
// Every worker has passed a burst boundary since tbl_clients_retire, which marks what waits now.
void tbl_clients_retire(struct tbl_clients *c);
void tbl_clients_reclaim(struct tbl_clients *c);

struct tbl_clients_counts {
	uint32_t bindings, endpoints, senders; // now
	uint64_t full;                         // that found no room
	uint64_t bytes;                        // of memory
};
void tbl_clients_counts(const struct tbl_clients *c, struct tbl_clients_counts *out); // any thread

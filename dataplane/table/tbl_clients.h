// SPDX-License-Identifier: BSD-3-Clause
// Who a client is, and what is known of it. Bindings say which subscriber ("endpoint") has an address, a
// prefix or a block of an address's ports; facts say what was found out about endpoints, and about senders,
// which are addresses and prefixes themselves. All of it is the control plane's word; the workers find it
// without a lock, the manager alone writes. Sized at start; what finds no room is not known, and counted.
// A key of bindings and senders has a context, by the hash of its name, and its VLAN where it has several.
// At most TBL_LENGTHS_MAX prefix lengths a family are kept of each, bits of the 16-byte form as everywhere (a
// prefix of less than 96 bits has IPv6 clients alone). The longest prefix that has the client says whose it is,
// of the same prefix a block that has its port before all ports; of senders the worst of all of them counts.
// Thread: each function says whose it is.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"

enum {
	TBL_LENGTHS_MAX = 8, // only those that there are cost a look
	TBL_WAIT_MAX = 8192, // entries that wait for workers; writers wait then, too
	TBL_CLIENTS_BULK = 32,
	TBL_ENDPOINT_NONE = UINT32_MAX,
	TBL_ENDPOINTS_MAX = 16000000, // a reference has 24 bits for which, 8 for which time
	TBL_BLOCKS_MAX = 2048,        // of an address's ports: of 32 each
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

// Bytes of DPDK's memory that tbl_clients_new takes, about. Blocks of ports take 12 bytes each, and 32 an
// address, of the heap on top.
uint64_t tbl_clients_bytes(const struct tbl_clients_conf *conf);
// NULL with errno; EINVAL where a size is out of range. Manager, before workers run.
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
	uint8_t score, flags;   // of the sender: 0..100; TBL_LISTED, TBL_EXEMPT: of any of its prefixes
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
// What a reference stands for. It does as long as its endpoint has a binding or anything is known of it, and on
// until its number is given to another one, those that went first before the others: so a session that goes on
// behind its binding knows whose it is, and what is found out later. false: it stands for nobody any more (or is
// TBL_ENDPOINT_NONE), and *out is zero. Any worker.
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

// All of these: 0; -EAGAIN: too much waits for tbl_clients_reclaim, nothing was done.
//
// Also -ENOSPC (no room, or one length or block of the address too many; counted), -EINVAL (not canonical, ports
// that end before they begin, no endpoint). In place of the one of the same prefix and ports, and of the blocks
// that it overlaps, which go where it finds no room, too; all ports (0..65535) are no block and overlap none.
int tbl_binding_set(struct tbl_clients *c, const struct tbl_binding *b);
// Of the same prefix and ports; nothing where there is none. Its endpoint and `shared` are not looked at.
int tbl_binding_clear(struct tbl_clients *c, const struct tbl_binding *b);
// What is known of an endpoint, whether it has a binding or not; all zero but its key: nothing.
// Also -ENOSPC (counted), -EINVAL (no key, flags that there are not).
int tbl_endpoint_set(struct tbl_clients *c, const struct tbl_endpoint *e);
// Likewise; -EINVAL also for a score out of range.
int tbl_sender_set(struct tbl_clients *c, const struct tbl_sender *s);

// Everything is to be said again: what is not, between begin and the end of sweep, goes. Facts are those of
// endpoints and senders.
void tbl_bindings_begin(struct tbl_clients *c);
void tbl_facts_begin(struct tbl_clients *c);
// Looks at no more than `slice` entries, and the blocks of the last. True: there are more to look at, perhaps
// only when what waits has been reclaimed.
bool tbl_bindings_sweep(struct tbl_clients *c, uint32_t slice);
bool tbl_facts_sweep(struct tbl_clients *c, uint32_t slice);
// Is it in its canonical form: 128 bits at most, and none set behind them? Any thread.
bool tbl_prefix_is_canonical(const struct prefix *p);
// Memory of what was cleared or replaced waits for tbl_clients_reclaim: of how many.
uint32_t tbl_clients_waiting(const struct tbl_clients *c);
// Marks what waits now.
void tbl_clients_retire(struct tbl_clients *c);
// Every worker has passed a burst boundary since tbl_clients_retire: what that marked is used again.
void tbl_clients_reclaim(struct tbl_clients *c);

struct tbl_clients_counts {
	uint32_t bindings, endpoints, senders; // now
	uint32_t bindings_max, endpoints_max, senders_max;
	uint64_t full;                         // that found no room
	uint64_t bytes;                        // of memory, blocks of ports included
};
void tbl_clients_counts(const struct tbl_clients *c, struct tbl_clients_counts *out); // any thread

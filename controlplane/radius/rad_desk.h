// SPDX-License-Identifier: BSD-3-Clause
// One datagram after the other: whose it is, whether it is proved, taken before, what it says; the binding it
// makes and the answer it gets. Knows no socket and no clock.
// Thread: one.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "rad_bind.h"
#include "rad_digest.h"

struct rad_desk;

enum { RAD_CLIENTS_MAX = 1000, RAD_CLIENT_NAME = 64 };

struct rad_client {                 // who may send: one NAS, or a server that copies what it hears
	char name[RAD_CLIENT_NAME]; // for people: its prefix
	struct prefix prefix;       // of its addresses; the longest that has one counts
	struct rad_secret secret;
	struct rad_form form;
	struct rad_context context; // that its addresses belong to; its share is given by the desk
	bool event_time;            // refuse what is old by Event-Timestamp
	bool validate;              // refuse what the secret does not prove
	bool respond;               // acknowledge
};

enum rad_count { // of a client; each datagram is one of those up to RAD_COUNT_DATAGRAMS
	RAD_COUNT_START,
	RAD_COUNT_STOP,
	RAD_COUNT_INTERIM,
	RAD_COUNT_ON,
	RAD_COUNT_OFF,
	RAD_COUNT_STATUS_SERVER,
	RAD_COUNT_DUPLICATE,  // acknowledged again, applied once
	RAD_COUNT_IGNORED,    // other statuses, acknowledged
	RAD_COUNT_NO_ID,      // acknowledged: its NAS has nothing else to say
	RAD_COUNT_NO_ADDRESS, // likewise
	RAD_COUNT_NO_SESSION,
	RAD_COUNT_NO_STATUS,
	RAD_COUNT_ABSURD,
	RAD_COUNT_MALFORMED, // lengths that don't fit
	RAD_COUNT_CODE,      // neither Accounting-Request nor Status-Server
	RAD_COUNT_FORGED,    // not proved by the secret
	RAD_COUNT_FULL,      // no room for its binding
	RAD_COUNT_OLD,       // acknowledged: its time is before what is known
	RAD_COUNT_SHARE,     // no room in its share for its binding
	RAD_COUNT_DATAGRAMS,
	RAD_COUNT_ANSWERS = RAD_COUNT_DATAGRAMS,
	RAD_COUNTS,
};
extern const char *const rad_count_names[RAD_COUNTS]; // "start", "duplicate" ...

struct rad_desk_conf {
	struct rad_bind *bind; // not owned
	uint32_t duplicates;   // datagrams remembered at most, in each of two halves
	uint32_t duplicates_s; // for at least so long, where there is room
	uint8_t key[16];       // secret, of hashes; the same over restarts where bindings are
};

// NULL: out of memory, or no MD5.
struct rad_desk *rad_desk_new(const struct rad_desk_conf *conf);
void rad_desk_free(struct rad_desk *d); // NULL is fine

// Who may send, from now on; copied. What was counted by name stays counted. false: out of memory, and all
// is as it was.
bool rad_desk_clients(struct rad_desk *d, const struct rad_client *clients, uint32_t n);

// Takes a datagram of that sender at `now_s`. Writes the answer into `buf` of RAD_PACKET_MAX octets: how many, 0 = none.
size_t rad_desk_take(struct rad_desk *d, const struct addr *from, struct span datagram,
	uint32_t now_s, uint8_t *buf);

// What happened to one client's datagrams, by its place in the list. false: there is none.
struct rad_client_counts {
	char name[RAD_CLIENT_NAME];
	uint64_t n[RAD_COUNTS];
	uint32_t bindings, most; // that its NAS have; that they may have, 0 = all there is room for
};
bool rad_desk_counts(const struct rad_desk *d, uint32_t place, struct rad_client_counts *out);
uint64_t rad_desk_strangers(const struct rad_desk *d); // datagrams of nobody

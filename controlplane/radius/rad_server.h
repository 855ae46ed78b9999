// SPDX-License-Identifier: BSD-3-Clause
// The accounting server: sockets, its thread, and what other threads may ask of it. The thread owns desk and
// bindings; nothing in it waits for anybody but the sockets.
// Thread: as said at each function; one owner makes, changes and frees it.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "rad_desk.h"
#include "sto.h"

struct rad_server;

enum { RAD_LISTEN_MAX = 16 };

struct rad_server_conf {
	struct addr listen[RAD_LISTEN_MAX]; // :: = all of IPv6, 0.0.0.0 = all of IPv4
	uint16_t port[RAD_LISTEN_MAX];
	uint32_t nlisten;
	uint32_t bindings, endpoints; // at most
	uint32_t idle_s;              // a binding without news for so long ends; 0 = never
	// From the server's thread; must not wait.
	rad_change_cb changed;
	// May be NULL. From the same thread, at each of its turns, and at least ten times a second: what else
	// is to be done with the bindings. In little time, for nobody is answered meanwhile. true: there is
	// more of it, so that the next turn comes within a millisecond.
	bool (*turn)(void *arg, struct rad_bind *b);
	void *arg;
	uint8_t id_key[16]; // rad_bind_conf.id_key
	// Where bindings outlive the process; NULL: nowhere. Opened before, and closed behind this. An answer
	// waits until what it acknowledges is on disk.
	struct sto *store;
};

// Opens the sockets and takes the memory; nothing is read yet, nobody may send. NULL with the reason in *err.
struct rad_server *rad_server_new(const struct rad_server_conf *conf, struct err_list *err);
// Starts the thread: behind the drop of privileges (core_priv.h). 0 or -errno.
int rad_server_start(struct rad_server *s);
// Ends the thread, closes all. NULL is fine.
void rad_server_free(struct rad_server *s);

// Who may send from now on; copied, in force when this returns. 0, -ENOMEM (all is as it was).
int rad_server_clients(struct rad_server *s, const struct rad_client *clients, uint32_t n);

// For sto_load: the server takes what outlived the process before. Before rad_server_start, or later (sto_turn);
// any thread. false: no room for it.
bool rad_server_restore_nas(struct rad_server *s, const struct sto_nas *row);
bool rad_server_restore(struct rad_server *s, const struct sto_binding *row);

struct rad_server_counts {
	struct rad_bind_counts bind;
	uint64_t strangers;
	uint64_t
		unheard; // not looked at, for store or answers had no room: their senders repeat them
	uint64_t unstored;             // answers given while the store was lost
	uint64_t restored, unrestored; // bindings; that found no room
	uint32_t waiting;              // answers that wait for the store
	uint64_t dropped;              // by the kernel, where nobody took them in time
	uint32_t late_us; // the longest that a datagram waited in the kernel, since the last call
};
// Any thread.
void rad_server_counts(struct rad_server *s, struct rad_server_counts *out);
bool rad_server_client(struct rad_server *s, uint32_t place, struct rad_client_counts *out);
// An endpoint's id by its key (rad_bind_id_keyed): its octets; 0 = unknown. Any thread.
size_t rad_server_id(struct rad_server *s, uint64_t key, char id[RAD_ID_MAX]);
// Bindings in force of the endpoint of that key, at most `cap`: how many. Looks at all there are, some at a
// time: a tenth of a second among ten million. Any thread.
uint32_t rad_server_of(struct rad_server *s, uint64_t key, struct rad_key *out, uint32_t cap);
// Who has an address now: the id's octets, at most RAD_ID_MAX; 0 = nobody. Any thread.
size_t rad_server_who(
	struct rad_server *s, const struct rad_key *key, char id[RAD_ID_MAX], bool *shared);

// SPDX-License-Identifier: BSD-3-Clause
// The accounting server at work: NAS of the configuration in force go in; bindings for the data plane, lines
// of the log about what was refused, and figures come out. Sockets, sizes and the time after which a binding
// ends are those of the start.
// Thread: the loop's, but for `put` and `waiting`.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "api_link.h"
#include "cfg.h"
#include "err.h"
#include "rad_server.h"

struct core_loop;
struct serve_radius;

struct serve_radius_conf {
	struct core_loop *loop;
	const struct cfg_radius *radius; // listen, not empty, and idle_min; not kept
	uint32_t bindings;               // and endpoints, at most; not 0
	uint8_t secret[16];              // of endpoints' keys: the same over restarts
	struct sto *store;               // where bindings outlive the process; NULL = nowhere
	// Tells the data plane, from the server's thread; must not wait. 0, -EAGAIN (no room now), -ENOTCONN.
	int (*put)(void *arg, const struct api_binding *b);
	// How many of them it has not taken yet; NULL: none ever. From the same thread.
	uint32_t (*waiting)(void *arg);
	void *arg;
};

// Can all NAS of a configuration be used: attributes, secrets? 0, or -EINVAL with every error in *err, -ENOMEM.
int serve_radius_judge(const struct cfg *c, struct err_list *err);

// Opens the sockets: may need privileges. NULL with the reason in *err.
struct serve_radius *serve_radius_open(const struct serve_radius_conf *conf, struct err_list *err);
// What outlived the process before, in this order; for sto_load, where `arg` is the struct serve_radius.
void serve_radius_nas_restore(void *arg, const struct sto_nas *row);
void serve_radius_restore(void *arg, const struct sto_binding *row);
// Starts the thread: behind the drop of privileges. 0 or -errno.
int serve_radius_start(struct serve_radius *r);
// Ends the thread; nothing is put any more. NULL is fine.
void serve_radius_free(struct serve_radius *r);

// The configuration in force. NAS that can't be used are left out, and said in the log.
void serve_radius_change(struct serve_radius *r, const struct cfg *c);
// A data plane has come, and `put` reaches it: it is told everything, between BEGIN and SWEEP.
void serve_radius_attached(struct serve_radius *r);
// The id that a key stands for (hash_name): its octets, 0 = unknown.
size_t serve_radius_id(struct serve_radius *r, uint64_t key, char id[RAD_ID_MAX]);

// What the endpoint of that key has now: prefixes and blocks of ports, at most `cap`; how many.
uint32_t serve_radius_of(struct serve_radius *r, uint64_t key, struct rad_key *out, uint32_t cap);

struct serve_radius_state {
	struct rad_server_counts server; // late_us: of the last seconds
	uint64_t memory_bytes;           // of bindings and endpoints, when they are full
	uint32_t bindings_max;
	uint64_t told;  // bindings given to the data plane
	uint64_t later; // ... that found no room at first
	uint64_t walks; // times that everything was told
	bool telling;   // everything is being told
};
void serve_radius_state(struct serve_radius *r, struct serve_radius_state *out);
struct serve_radius_nas {
	struct rad_client_counts counts;
	double rate; // datagrams a second, of late
};
// One by its place in the list; false: there is none.
bool serve_radius_nas(struct serve_radius *r, uint32_t place, struct serve_radius_nas *out);
// The result of radius.status; of NULL, where there is no server, too. NULL without memory.
json_t *serve_radius_json(struct serve_radius *r);

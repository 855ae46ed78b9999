// SPDX-License-Identifier: BSD-3-Clause
// What the files of the link share. Thread: manager, but for struct lnk_tap, which a worker owns
// while the engine holds its sink.
#pragma once

#include <stdatomic.h>
#include <sys/types.h>

#include "api_cells.h"
#include "api_link.h"
#include "api_ring.h"
#include "lnk.h"

// The engine and the link use the same number for a word.
#define LNK_SAME(a, b) \
	_Static_assert((int)(a) == (int)(b), "the engine's word and the link's")

struct lnk_tap { // one worker's end of the region
	_Alignas(64) struct api_ring outcome; // w: worker
	struct api_ring record;               // w: worker
	struct api_ring ask;                  // w: worker
	struct api_ring answer;               // r: worker
	_Atomic uint32_t broken;              // w: worker, r: manager: a ring made no sense
	uint16_t worker;
	struct eng_sink sink;
};

struct lnk_region { // the shared memory of one attachment
	uint8_t *mem;
	uint64_t bytes;
	struct api_ring command, event;
	struct api_ring binding, fact;
	struct api_hello hello;
	struct lnk_tap tap[]; // by worker
};

struct lnk_stats { // the statistics memory
	uint8_t *mem;
	uint64_t bytes;
	int fd;        // sealed: receivers can map it to read only
	struct api_stats *head;
};

struct lnk_listener {
	int fd;
	char *path;
	dev_t dev; // of the file we made: what is there at the end may be another's
	ino_t ino;
};

struct lnk_flows { // a flows.list under way
	bool active;
	bool deaf;        // who asked is gone: rows are taken and thrown away
	int status;
	uint32_t seq, left;
	uint16_t worker;  // whose rows are taken now
	uint64_t asked;   // bit set of workers
};

enum { LNK_COUNTS_A_TURN = 4096 };

struct lnk_counts { // what limits counted before us, handed back
	bool open;         // no image was in force yet, nor was it done: nobody counts
	bool active;       // under way; commands wait
	uint32_t seq;
	uint64_t rows, at; // of how many, how far
	uint64_t taken, over, full;
	struct api_count copy[LNK_COUNTS_A_TURN];
};

struct lnk_walk { // everything said again
	uint32_t epoch;
	bool begun;  // of this epoch, in this attachment
	bool sweeps; // its end has been said
};

struct lnk_clients {                // who clients are, as it comes in
	struct lnk_walk bindings, facts;
	bool binding_waits, fact_waits; // for room in the table: these
	struct api_binding binding;
	struct api_fact fact;
};

enum { LNK_REST_MS = 100 }; // between turns with nothing to do: a heartbeat at least this often

enum lnk_state {
	LNK_AWAY,     // nobody attached
	LNK_ATTACHED,
	LNK_LEAVING,  // detached; workers may still write to the region
};

struct lnk {
	struct lnk_conf conf;
	struct lnk_listener listener;
	struct lnk_stats stats;
	int epoll_fd;
	enum lnk_state state;
	int peer_fd;
	uint32_t peer_uid;
	struct lnk_region *region; // attached or leaving
	struct lnk_flows flows;
	struct lnk_counts counts;
	struct lnk_clients clients;
	bool ring_bell;            // events were put this turn
	const char *fault;         // what the control plane did wrong this turn
	uint64_t epoch, boot;
	uint64_t now_us;           // of this turn
	uint64_t ports_due_us, reap_due_us, log_due_us;
	bool heard;                // this turn, of the control plane
	uint32_t log_held;         // refusals not logged since the last line
};

_Static_assert(API_WORKERS_MAX <= 64, "struct lnk_flows has a bit a worker");

// lnk_listen.c
int lnk_listener_open(struct lnk_listener *s, const char *path, uint32_t gid, struct err_list *err);
void lnk_listener_close(struct lnk_listener *s);
// A waiting connection from a permitted user; *uid says whose. Descriptor; -EAGAIN (none waits);
// -EPERM (one was closed because of its user).
int lnk_listener_accept(const struct lnk_listener *s, uint32_t permitted, uint32_t *uid);

// lnk_stats.c
int lnk_stats_open(struct lnk_stats *s, const struct lnk_conf *conf, uint64_t boot,
	struct err_list *err);
void lnk_stats_close(struct lnk_stats *s);
void lnk_stats_ports(struct lnk_stats *s, const struct lnk_conf *conf);
void lnk_stats_set(uint64_t *field, uint64_t value); // a field of the head
void lnk_stats_count(uint64_t *field);               // one more

// lnk_region.c
// Fresh memory, laid out, with every ring open. *fd is sealed and the caller's to close. NULL with
// errno. The rest of the hello is the caller's to fill.
struct lnk_region *lnk_region_new(
	uint16_t workers, uint64_t image_max, uint64_t counts_bytes, int *fd);
void lnk_region_free(struct lnk_region *r); // NULL is fine
// Sends the hello with its descriptors; cells_fd -1: none. 0 or -errno.
int lnk_region_send(
	const struct lnk_region *r, int peer_fd, int region_fd, int stats_fd, int cells_fd);

// lnk_cells.c
// Bytes of room that all counts need which our cells can take.
uint64_t lnk_counts_bytes(const struct lnk *l);
// Tells the time to those who read the cells, and keeps it for those who hand counts back.
void lnk_cells_turn(struct lnk *l, uint64_t now_us);
// API_CMD_COUNTS. 0: under way, or l->fault is set; -EALREADY.
int lnk_counts_begin(struct lnk *l, const struct api_command *c);
// A bounded number of those under way. True when that was the last; false also with l->fault.
bool lnk_counts_turn(struct lnk *l);
// Workers may count from now on: nothing is taken back any more.
void lnk_counts_close(struct lnk *l);

// The workers' clock, at this turn.
uint64_t lnk_clock_us(const struct lnk *l);

// lnk_clients.c
// Takes a bounded number of bindings and facts. Sets l->fault where the control plane made no sense. Returns the
// milliseconds until there is more to do, LNK_REST_MS where nothing is.
int lnk_clients_turn(struct lnk *l);
// Looks at a slice of what is swept, with or without an attachment. Returns likewise.
int lnk_clients_sweep(struct lnk *l);
// Another control plane comes.
void lnk_clients_reset(struct lnk *l);

// lnk_sink.c
// Makes a tap's sink, for the worker of that id.
void lnk_tap_init(struct lnk_tap *t, uint16_t worker);
void lnk_flow_fill(struct api_flow *out, const struct eng_flow_row *row, uint16_t worker);

// lnk_cmd.c
// Takes a bounded number of commands. Sets l->fault where the control plane made no sense.
// True if more may be waiting.
bool lnk_commands(struct lnk *l);
// The drain and the health port, into the statistics.
void lnk_drain_tell(struct lnk *l);
// There is no candidate any more; nothing where there was none.
void lnk_shadow_end(struct lnk *l, const char *why);
// Moves flow rows towards the control plane, a bounded number. True if more can be had at once.
bool lnk_flows_turn(struct lnk *l);

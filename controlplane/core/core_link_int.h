// SPDX-License-Identifier: BSD-3-Clause
// What the files of the link share: the attachment and the commands in flight.
// Thread: the loop's, but for what `put_lock` guards.
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <event2/event.h>

#include "api_ring.h"
#include "core_link.h"
#include "err.h"

enum core_link_state { CORE_LINK_AWAY, CORE_LINK_HELLO, CORE_LINK_ATTACHED };

enum core_link_ask {
	CORE_ASK_IMAGE,
	CORE_ASK_SHADOW,
	CORE_ASK_COUNTS,
	CORE_ASK_FLOWS,
	CORE_ASK_PING,
	CORE_ASK_DRAIN,
	CORE_ASK_COUNT
};

struct core_link_pending { // a command in flight; one of each sort
	bool busy;
	uint32_t seq;
	uint32_t rows_left;        // FLOWS: rows the data plane may still send
	uint64_t until_us;
	core_link_flow_cb row;
	core_link_done_cb done;
	void *arg;
};

struct core_region { // what the data plane handed over, mapped and proved
	struct api_hello hello;
	uint8_t *mem;
	struct core_stats *stats;
	struct core_cells *cells;  // until the owner takes them
	struct api_ring command, event, fact;
	struct api_ring binding;   // a copy of it is in use
	struct api_ring outcome[API_WORKERS_MAX], record[API_WORKERS_MAX];
	struct api_ring ask[API_WORKERS_MAX], answer[API_WORKERS_MAX];
};

struct core_link {
	struct core_loop *loop;
	struct core_link_conf conf;
	char *path;
	enum core_link_state state;
	int fd;
	struct event *readable;
	struct core_timer *timer;  // retry, hello deadline, or drain, as the state says
	struct core_region region; // while attached
	struct core_link_pending pending[CORE_ASK_COUNT];
	uint32_t seq;              // of the last command
	uint32_t slot;             // of the last image
	uint64_t attached_us;
	uint64_t asked_us;         // last question: the next one comes soon
	uint64_t beat_us;          // last bell that only said that we live
	const char *doomed;        // why to detach at the next turn; NULL = no reason
	char why[ERR_TEXT_MAX];
	struct core_link_counts counts;
	// Whoever puts bindings, in a thread of his own.
	pthread_mutex_t put_lock;
	bool put_open;             // under put_lock, as the next two: there is an attachment
	struct api_ring put_ring;  // of bindings
	int put_fd;                // of the bell
	_Atomic bool put_broken;   // the ring makes no sense: for the loop to see
};

// core_region.c
// Receives the hello with its descriptors, proves and maps everything. 0; -EAGAIN (nothing there
// yet); another -errno with the reason in *err. Leaves no descriptor open.
int core_region_open(struct core_region *r, int fd, struct err_list *err);
void core_region_close(struct core_region *r);

// core_link_put.c
// Bindings can be put from here on; not any more, before the memory and the socket go.
void core_link_put_open(struct core_link *l);
void core_link_put_close(struct core_link *l);

// core_link_msg.c
// Takes what waits in the rings, at most `laps` rounds; true if more may be waiting. Sets
// l->doomed where a ring made no sense.
bool core_link_drain(struct core_link *l, unsigned laps);
// Answers commands whose time is over.
void core_link_expire(struct core_link *l, uint64_t now_us);
// Answers every command in flight -ENOTCONN.
void core_link_abandon(struct core_link *l);

// SPDX-License-Identifier: BSD-3-Clause
// The data plane's end of the link: the socket where one control plane attaches, the shared memory
// it is handed, the images it brings, the records the workers give it, and the statistics memory,
// which lives as long as the data plane. A control plane that dies, hangs or writes rubbish is
// detached and counted; nothing of that reaches the workers.
// Thread: everything here on the manager thread. The sinks that it gives the engine run on the
// workers and touch their own rings only.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "api_stats.h"
#include "eng.h"
#include "err.h"

struct lnk;

struct lnk_cells { // memory for the engine's limit cells (eng_conf.cells)
	uint8_t *mem;
	uint64_t bytes;
	int fd; // sealed: receivers can map it to read only
	bool hugepages;
};

// Makes memory for at least `count` cells, TBL_CELLS_MAX at most, of hugepages if asked and there are
// any: behind DPDK, which needs its own, and before the engine is made. 0, or -errno with the reason in
// *err. It outlives the engine and the link.
int lnk_cells_open(struct lnk_cells *c, uint32_t count, bool hugepages, struct err_list *err);
void lnk_cells_close(struct lnk_cells *c); // not opened: zero but fd -1

// What the workers' clock says now, microseconds (eng_rx's now_us).
typedef uint64_t (*lnk_clock_cb)(void *arg);

// Fills the row of port `port`, which comes zeroed. On the manager thread, every 500 ms.
typedef void (*lnk_port_cb)(void *arg, uint16_t port, struct api_port_stats *row);

#define LNK_ID_NONE UINT32_MAX // no user, no group

struct lnk_conf {
	const char *path;      // of the socket (control.link); copied
	struct eng *eng;
	uint16_t workers;      // ids 0..workers-1 of the engine, at most API_WORKERS_MAX
	uint16_t ports;        // at most API_STATS_PORTS_MAX
	uint64_t image_max;    // bytes of one image slot
	bool hugepages;        // what the statistics say of our memory
	uint32_t uid;          // of a control plane beside our own and root; LNK_ID_NONE = none
	uint32_t gid;          // group of the socket file; LNK_ID_NONE = unchanged
	const struct lnk_cells *cells; // the engine counts in; NULL: the control plane sees none
	lnk_port_cb port;      // may be NULL where ports is 0
	lnk_clock_cb clock;    // NULL: as lnk_poll's now_us
	void *arg;             // of the callbacks
};

// Opens the socket (mode 0660), makes the statistics memory and binds every worker's counters to
// it: before the workers run. A socket file that nobody listens on is replaced; a live one is the
// error "already in use". NULL with errno and the reason in *err.
struct lnk *lnk_new(const struct lnk_conf *conf, struct err_list *err);

// One turn: accept, commands, flow rows, bindings and facts of clients, heartbeat, statistics of ports, retired images. Never
// waits, but for the making of an image. now_us: CLOCK_MONOTONIC, for it stands in the statistics
// as the heartbeat. Returns the milliseconds the manager may sleep on lnk_fd before the next turn,
// 0 where there is more to do, at most 100.
int lnk_poll(struct lnk *l, uint64_t now_us);
// Readable when a turn is due earlier (a descriptor of epoll).
int lnk_fd(const struct lnk *l);
bool lnk_is_attached(const struct lnk *l);

// The workers must have stopped: their counters and rings go with it.
void lnk_free(struct lnk *l); // NULL is fine

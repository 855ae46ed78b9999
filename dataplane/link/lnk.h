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
	lnk_port_cb port;      // may be NULL where ports is 0
	void *arg;             // of the callback
};

// Opens the socket (mode 0660), makes the statistics memory and binds every worker's counters to
// it: before the workers run. A socket file that nobody listens on is replaced; a live one is the
// error "already in use". NULL with errno and the reason in *err.
struct lnk *lnk_new(const struct lnk_conf *conf, struct err_list *err);

// One turn: accept, commands, flow rows, heartbeat, statistics of ports, retired images. Never
// waits, but for the making of an image. now_us: CLOCK_MONOTONIC, for it stands in the statistics
// as the heartbeat. Returns the milliseconds the manager may sleep on lnk_fd before the next turn,
// 0 where there is more to do, at most 100.
int lnk_poll(struct lnk *l, uint64_t now_us);
// Readable when a turn is due earlier (a descriptor of epoll).
int lnk_fd(const struct lnk *l);
bool lnk_is_attached(const struct lnk *l);

// The workers must have stopped: their counters and rings go with it.
void lnk_free(struct lnk *l); // NULL is fine

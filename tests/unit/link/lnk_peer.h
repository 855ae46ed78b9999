// SPDX-License-Identifier: BSD-3-Clause
// A control plane made by hand, which can do everything wrong, and what the tests count.
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "api_link.h"
#include "api_ring.h"
#include "eng_double.h"
#include "lnk.h"

enum { BENCH_BEGIN_S = 1 }; // of its clock, which goes 1 ms a turn

struct peer {
	int fd, link_fd, stats_fd, cells_fd; // -1 = none
	struct api_hello hello;
	uint8_t *mem;
	struct api_ring command, event, binding, fact;
	struct api_ring outcome[DOUBLE_WORKERS], record[DOUBLE_WORKERS];
	struct api_ring ask[DOUBLE_WORKERS], answer[DOUBLE_WORKERS];
};

struct bench { // one data plane's end and its double
	char dir[64], path[96];
	struct eng eng;
	struct lnk_cells cells; // where it has some
	struct lnk *lnk;
	uint64_t now_us;
};

void bench_open(struct bench *b, uint64_t image_max);
// The same with limit cells, whose table is made; 0 = none.
void bench_open_cells(struct bench *b, uint64_t image_max, uint32_t cells);
void bench_close(struct bench *b);
int bench_poll(struct bench *b); // one turn, 1 ms later
const struct api_stats *bench_stats(const struct peer *p); // mapped read-only; stats_unmap
void stats_unmap(const struct api_stats *s);

void peer_connect(struct peer *p, const char *path);
int peer_hello(struct peer *p);                 // takes and maps it; 0, or -errno (-ECONNRESET: closed)
void peer_attach(struct bench *b, struct peer *p);
void peer_send(struct peer *p, const struct api_command *c); // and rings
int peer_bind(struct peer *p, const struct api_binding *m); // puts it and rings; of api_ring_put
int peer_tell(struct peer *p, const struct api_fact *f);    // likewise
int peer_event(struct bench *b, struct peer *p, struct api_event *e); // polls for one; 0 or -EAGAIN
bool peer_is_closed(struct peer *p);            // by the data plane
void peer_close(struct peer *p);

unsigned count_fds(void);
unsigned count_maps(void); // of shared memory: memfds

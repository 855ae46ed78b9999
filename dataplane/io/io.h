// SPDX-License-Identifier: BSD-3-Clause
// Devices, cores and memory: the only folder that knows EAL and ethdev. It starts them as the
// configuration says, runs the worker loop that moves bursts between devices and the engine, and
// the manager loop beside it.
// Thread: everything here on the main thread, which becomes the manager.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"
#include "eng.h"
#include "err.h"

enum io_idle { // a worker that finds nothing to do
	IO_IDLE_POLL,  // looks again
	IO_IDLE_PAUSE, // looks again after a pause instruction or a few
	IO_IDLE_SLEEP, // sleeps, 20 us at first, 500 us at most
};
enum io_huge { IO_HUGE_AUTO, IO_HUGE_ON, IO_HUGE_OFF };

enum { IO_EXIT_STALLED = 70 }; // a worker stopped: the supervisor is to start us again

struct io_port_conf {
	const char *name, *dev; // dev: DPDK device arguments
	uint32_t mtu;           // 0 = the device's
	uint16_t peer;          // pair mode: the other port; ENG_NO_PORT
	uint8_t side;           // pair mode: 1 = named second in its pair
};

// All borrowed until io_free.
struct io_conf {
	const char *file_prefix;           // of EAL; tells instances apart
	const char *const *eal_args;       // handed to EAL as they are
	uint32_t neal_args;
	enum io_huge huge;
	enum io_idle idle;
	enum eng_mode mode;
	uint32_t main_cpu;
	const uint32_t *worker_cpus;
	uint16_t nworkers;
	const struct io_port_conf *ports;
	uint16_t nports;
	const char *host_dev;            // kernel's interface where eng_conf.admin is set
	const struct prefix *host_addrs; // its addresses, each with the length of its prefix
	uint8_t nhost_addrs;
	uint32_t memory_mb;                // 0 = computed
	uint64_t engine_bytes;             // what the engine takes of DPDK's memory
};

struct io;

// EAL, devices, packet pool, queues; nothing runs yet. NULL with one line a fault in *err.
struct io *io_new(const struct io_conf *conf, struct err_list *err);
// What the engine has to know of them: workers, ports, pool, mode, socket.
void io_describe(const struct io *io, struct eng_conf *conf);
// Starts the devices. 0, or -errno with the reason in *err. After it, privileges may go.
int io_start(struct io *io, struct eng *eng, struct err_list *err);
// Starts the workers.
void io_run(struct io *io);

// The manager's other work. `turn` returns the milliseconds until it wants to be called again
// though `fd` (-1 = none) is not readable.
struct io_chores {
	int (*turn)(void *arg, uint64_t now_us); // now_us: CLOCK_MONOTONIC
	int fd;
	void *arg;
};
// SIGTERM and SIGINT end io_manage instead of the process: call first, before any thread exists.
int io_signals_open(void); // a signalfd, or -errno
// The manager loop, until a signal. Returns the exit status: 0, or IO_EXIT_STALLED.
int io_manage(struct io *io, int signal_fd, const struct io_chores *chores);

// The workers' clock: their now_us, by the processor's counter, so not exactly CLOCK_MONOTONIC. Any thread.
uint64_t io_clock_us(const struct io *io);

// Stops workers and devices. Their counters may still be read.
void io_stop(struct io *io);
void io_free(struct io *io); // NULL is fine

struct io_port_stats {
	char name[32], device[96], driver[32];
	uint8_t mac[6];
	bool up;
	uint32_t speed_mbps, mtu;
	uint64_t rx_packets, rx_bytes, rx_missed, rx_errors;
	uint64_t tx_packets, tx_bytes, tx_errors;
	uint64_t tx_full; // frames that the device did not take
};
void io_port_stats(struct io *io, uint16_t port, struct io_port_stats *s);

bool io_uses_hugepages(const struct io *io);
uint64_t io_memory_bytes(const struct io *io); // DPDK's, taken now

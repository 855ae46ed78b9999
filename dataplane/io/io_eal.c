// SPDX-License-Identifier: BSD-3-Clause
// EAL's argument vector, made from the configuration. Memory is always anonymous: no hugetlbfs
// mount is needed, nothing stays behind when the process is killed, and the check for free
// hugepages is never wrong because of a dead predecessor's files. Devices are probed one by one
// afterwards, so that a fault names its port; only PCI devices must be known to EAL at its start.
// Thread: the main thread, once.
#include "io_int.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>

#include "log.h"

LOG_COMPONENT("io");

__attribute__((format(printf, 2, 3))) static void arg_add(struct io *io, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (io->argc < (int)RTE_DIM(io->argv_text) - 1 &&
		vasprintf(&io->argv_text[io->argc], fmt, ap) > 0)
		io->argc++;
	va_end(ap);
}

// The manager is lcore 0, worker i lcore i + 1; several lcores may share a CPU.
static void lcores_add(struct io *io)
{
	char text[ENG_WORKERS_MAX * 16 + 16];
	int n = snprintf(text, sizeof(text), "0@%u", io->conf.main_cpu);

	for (uint16_t i = 0; i < io->conf.nworkers; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n, ",%u@%u", i + 1u,
			io->conf.worker_cpus[i]);
	arg_add(io, "--lcores=%s", text);
}

static int cpus_check(const struct io *io, struct err_list *err)
{
	long n = sysconf(_SC_NPROCESSORS_CONF);

	if (io->conf.main_cpu >= n)
		err_add(err, "main_core %u: this machine has CPUs 0 to %ld", io->conf.main_cpu,
			n - 1);
	for (uint16_t i = 0; i < io->conf.nworkers; i++)
		if (io->conf.worker_cpus[i] >= n)
			err_add(err, "workers: CPU %u: this machine has CPUs 0 to %ld",
				io->conf.worker_cpus[i], n - 1);
	return err_any(err) ? -EINVAL : 0;
}

static uint64_t memory_bytes(const struct io *io, bool hugepages)
{
	return io->conf.memory_mb > 0 ? (uint64_t)io->conf.memory_mb << 20
				      : io_memory_needed(io, hugepages);
}

static int memory_add(struct io *io, struct err_list *err)
{
	uint64_t need = memory_bytes(io, true), have;

	if (io->conf.huge != IO_HUGE_OFF)
		io->start_fd = io_memory_turn();
	have = io_hugepages_free();
	io->hugepages = io->conf.huge != IO_HUGE_OFF && have >= need;
	if (io->conf.huge == IO_HUGE_ON && !io->hugepages) {
		err_add(err,
			"hugepages: %llu MB needed, %llu MB free; take more or set hugepages: auto",
			(unsigned long long)(need >> 20), (unsigned long long)(have >> 20));
		return -ENOMEM;
	}
	if (io->conf.huge == IO_HUGE_AUTO && !io->hugepages)
		LOG(WARNING, "memory: ordinary pages: %llu MB of hugepages needed, %llu MB free",
			(unsigned long long)(need >> 20), (unsigned long long)(have >> 20));
	if (io->hugepages) {
		arg_add(io, "--in-memory");
	} else {
		need = memory_bytes(io, false);
		arg_add(io, "--no-huge"); // EAL refuses both at once
		arg_add(io, "--no-shconf");
	}
	if (!io->hugepages || io->conf.memory_mb > 0)
		arg_add(io, "-m%llu", (unsigned long long)((need + (1 << 20) - 1) >> 20));
	return 0;
}

static void devices_add(struct io *io)
{
	bool pci = false, vhost_user = false;

	for (uint16_t i = 0; i < io->conf.nports; i++) {
		const struct io_port *p = &io->port[i];

		if (io_dev_is_pci(p->devargs)) {
			arg_add(io, "--allow=%s", p->devargs);
			pci = true;
		}
		// vhost-user takes at most 8 memory regions.
		vhost_user |= io_dev_is(p->devargs, "net_virtio_user") ||
			io_dev_is(p->devargs, "virtio_user");
	}
	if (!pci)
		arg_add(io, "--no-pci");
	if (vhost_user)
		arg_add(io, "--single-file-segments");
}

int io_eal_start(struct io *io, struct err_list *err)
{
	char *argv[RTE_DIM(io->argv_text)]; // EAL reorders it; argv_text keeps what is to be freed
	int ret = cpus_check(io, err);

	if (ret < 0)
		return ret;
	arg_add(io, "mailweir-dataplane");
	lcores_add(io);
	arg_add(io, "--main-lcore=0");
	arg_add(io, "--file-prefix=%s", io->conf.file_prefix);
	ret = memory_add(io, err);
	if (ret < 0)
		return ret;
	devices_add(io);
	for (uint32_t i = 0; i < io->conf.neal_args; i++)
		arg_add(io, "%s", io->conf.eal_args[i]);

	memcpy(argv, io->argv_text, sizeof(argv));
	io_log_open();
	io_log_hold(true);
	ret = rte_eal_init(io->argc, argv);
	if (ret < 0) {
		err_add(err, "DPDK does not start: %s%s%s", rte_strerror(rte_errno),
			io_log_first()[0] != '\0' ? "; " : "", io_log_first());
		ret = -EIO;
	} else {
		io->eal_up = true;
		ret = 0;
	}
	io_log_hold(false);
	return ret;
}

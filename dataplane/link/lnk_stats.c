// SPDX-License-Identifier: BSD-3-Clause
// The statistics memory: laid out and filled with names once, then written by the workers (their
// counters) and the manager (head and ports). The seals say that whoever gets the descriptor can
// neither write to it nor change its size; our own mapping was made before them.
// Thread: manager; counters: each worker its own.
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "eng_sight.h"
#include "lnk_int.h"
#include "text.h"

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010 // linux/fcntl.h, since Linux 5.1
#endif

LNK_SAME(ENG_STAT_TRAFFIC, API_STAT_TRAFFIC);
LNK_SAME(ENG_STAT_PASS, API_STAT_PASS);
LNK_SAME(ENG_STAT_DROP, API_STAT_DROP);
LNK_SAME(ENG_STAT_ACTION, API_STAT_ACTION);
LNK_SAME(ENG_STAT_GAUGE, API_STAT_GAUGE);
LNK_SAME(ENG_STAT_PEAK, API_STAT_PEAK);
_Static_assert(sizeof(struct api_port_stats) % 8 == 0, "copied in words");
// The engine writes its own structs there.
#define SIGHT_SAME(s, f) \
	_Static_assert(offsetof(struct eng_##s, f) == offsetof(struct api_##s, f), "one layout")
_Static_assert(sizeof(struct eng_sight) == sizeof(struct api_sight), "one layout");
_Static_assert(sizeof(struct eng_sight_ends) == sizeof(struct api_sight_ends), "one layout");
_Static_assert(sizeof(struct eng_sight_net) == sizeof(struct api_sight_net), "one layout");
SIGHT_SAME(sight_port, server_segments);
SIGHT_SAME(sight_port, opened);
SIGHT_SAME(sight_port, answered);
SIGHT_SAME(sight_port, one_way);
SIGHT_SAME(sight_port, alone);
SIGHT_SAME(sight, one_way);
SIGHT_SAME(sight, alone);
SIGHT_SAME(sight, hosts);
SIGHT_SAME(sight, probe);
SIGHT_SAME(sight_ends, client);
SIGHT_SAME(sight_ends, server);
SIGHT_SAME(sight_ends, client_port);
SIGHT_SAME(sight_ends, server_port);
SIGHT_SAME(sight_ends, vlan);
SIGHT_SAME(sight_ends, in_port);
SIGHT_SAME(sight_ends, value);
SIGHT_SAME(sight_ends, mac);
SIGHT_SAME(sight_net, known);
SIGHT_SAME(sight_net, lost);
SIGHT_SAME(sight_net, conflict);
LNK_SAME(ENG_PROBE_MSS_MIN, API_PROBE_MSS_MIN);
LNK_SAME(ENG_PROBE_MSS_MAX, API_PROBE_MSS_MAX);
LNK_SAME(ENG_SIGHT_PORTS, API_STATS_PORTS_MAX);

static uint64_t round_up(uint64_t n)
{
	return (n + 63) & ~UINT64_C(63);
}

_Static_assert(API_STATS_POLICIES_MAX * 8 % 64 == 0, "no line of hits is of two workers");

static struct api_stats layout(const struct lnk_conf *conf, uint64_t boot)
{
	struct api_stats h = {
		.magic = API_STATS_MAGIC,
		.version = API_STATS_VERSION,
		.workers = conf->workers,
		.names = eng_stat_count,
		.ports = conf->ports,
		.boot = boot,
		.hugepages = conf->hugepages,
	};

	h.names_off = round_up(sizeof(h));
	h.ports_off = round_up(h.names_off + h.names * sizeof(struct api_stat_name));
	h.workers_off = round_up(h.ports_off + h.ports * sizeof(struct api_port_stats));
	h.worker_stride = round_up(h.names * UINT64_C(8));
	h.policy_hits_off = h.workers_off + h.workers * h.worker_stride;
	h.sights_off =
		round_up(h.policy_hits_off + h.workers * (API_STATS_POLICIES_MAX * UINT64_C(8)));
	h.sight_stride = round_up(sizeof(struct api_sight));
	h.sight_net_off = h.sights_off + h.workers * h.sight_stride;
	h.bytes = round_up(h.sight_net_off + sizeof(struct api_sight_net));
	return h;
}

static void names_fill(struct api_stat_name *out)
{
	for (unsigned i = 0; i < eng_stat_count; i++) {
		const struct eng_stat_name *n = &eng_stat_names[i];

		(void)text_copy(out[i].name, sizeof(out[i].name), n->name); // cut is fine
		(void)text_copy(out[i].help, sizeof(out[i].help), n->help);
		(void)text_copy(out[i].unit, sizeof(out[i].unit), n->unit);
		out[i].kind = (uint8_t)n->kind;
	}
}

static int memory_make(struct lnk_stats *s)
{
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;
	void *mem;

	s->fd = memfd_create("mailweir-stats", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (s->fd < 0 || ftruncate(s->fd, (off_t)s->bytes) < 0)
		return -errno;
	mem = mmap(NULL, s->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
	if (mem == MAP_FAILED)
		return -errno;
	s->mem = mem;
	// Taken now: a worker that counts must not meet the end of memory.
	if (fallocate(s->fd, 0, 0, (off_t)s->bytes) < 0)
		return -errno;
	return fcntl(s->fd, F_ADD_SEALS, seals) < 0 ? -errno : 0;
}

int lnk_stats_open(
	struct lnk_stats *s, const struct lnk_conf *conf, uint64_t boot, struct err_list *err)
{
	struct api_stats head = layout(conf, boot);
	int rc;

	*s = (struct lnk_stats){.fd = -1, .bytes = head.bytes};
	if (head.names > API_STATS_NAMES_MAX) {
		err_add(err, "statistics: %u counters, room for %u", head.names,
			(unsigned)API_STATS_NAMES_MAX);
		return -E2BIG;
	}
	rc = memory_make(s);
	if (rc < 0) {
		err_add(err, "statistics: shared memory: %s", strerror(-rc));
		lnk_stats_close(s);
		return rc;
	}
	s->head = (struct api_stats *)(void *)s->mem;
	*s->head = head;
	names_fill((struct api_stat_name *)(void *)(s->mem + head.names_off));
	eng_sight_net_bind(
		conf->eng, (struct eng_sight_net *)(void *)(s->mem + head.sight_net_off));
	for (uint64_t w = 0; w < conf->workers; w++) {
		eng_sight_bind(eng_worker_at(conf->eng, (uint16_t)w),
			(struct eng_sight *)(void *)(s->mem + head.sights_off +
				w * head.sight_stride));
		eng_stats_bind(eng_worker_at(conf->eng, (uint16_t)w),
			(uint64_t *)(void *)(s->mem + head.workers_off + w * head.worker_stride),
			(uint64_t *)(void *)(s->mem + head.policy_hits_off +
				w * API_STATS_POLICIES_MAX * 8),
			API_STATS_POLICIES_MAX);
	}
	return 0;
}

void lnk_stats_close(struct lnk_stats *s)
{
	if (s->mem != NULL)
		(void)munmap(s->mem, s->bytes); // fails only for a wrong range
	if (s->fd >= 0)
		(void)close(s->fd); // memory, nothing to flush
	*s = (struct lnk_stats){.fd = -1};
}

// Relaxed: each number stands for itself; atomic only so that none is torn.
void lnk_stats_set(uint64_t *field, uint64_t value)
{
	atomic_store_explicit((_Atomic uint64_t *)field, value, memory_order_relaxed);
}

void lnk_stats_count(uint64_t *field)
{
	lnk_stats_set(field, *field + 1); // we alone write it
}

void lnk_stats_ports(struct lnk_stats *s, const struct lnk_conf *conf)
{
	uint64_t *out = (uint64_t *)(void *)(s->mem + s->head->ports_off);

	for (uint16_t p = 0; p < conf->ports; p++) {
		struct api_port_stats row = {0};
		uint64_t words[sizeof(row) / 8];

		conf->port(conf->arg, p, &row);
		memcpy(words, &row, sizeof(row));
		for (unsigned i = 0; i < sizeof(row) / 8; i++)
			lnk_stats_set(out++, words[i]);
	}
}

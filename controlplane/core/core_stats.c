// SPDX-License-Identifier: BSD-3-Clause
// The statistics memory, mapped read-only. Its head is copied once, the copy proved, and only the
// copy's offsets are used: what the data plane writes there later moves nobody outside.
// The seals make the proof last: memory that cannot shrink cannot fault.
// Thread: the loop's.
#include "core_stats.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "api_link.h"

struct core_stats {
	const uint8_t *mem;
	size_t bytes;
	struct api_stats head; // as proved
	struct api_stat_name names[API_STATS_NAMES_MAX];
};

// True if `n` records of `size` bytes at `off` lie inside, aligned for 64-bit reads.
static bool is_inside(const struct core_stats *s, uint64_t off, uint64_t n, uint64_t size)
{
	uint64_t need;

	return off % 8 == 0 && off >= sizeof(struct api_stats) && off <= s->bytes &&
		!__builtin_mul_overflow(n, size, &need) && need <= s->bytes - off;
}

static const char *head_fault(const struct core_stats *s)
{
	const struct api_stats *h = &s->head;

	if (h->magic != API_STATS_MAGIC)
		return "wrong magic";
	if (h->version != API_STATS_VERSION)
		return "another version";
	if (h->bytes != s->bytes)
		return "its size is not what it says";
	if (h->workers == 0 || h->workers > API_WORKERS_MAX || h->names > API_STATS_NAMES_MAX ||
		h->ports > API_STATS_PORTS_MAX)
		return "counts out of range";
	if (h->worker_stride % 8 != 0 || h->worker_stride / 8 < h->names ||
		h->worker_stride > s->bytes)
		return "a worker's stride is out of range";
	if (h->sight_stride % 8 != 0 || h->sight_stride < sizeof(struct api_sight))
		return "what it notices is of another size";
	if (!is_inside(s, h->names_off, h->names, sizeof(struct api_stat_name)) ||
		!is_inside(s, h->ports_off, h->ports, sizeof(struct api_port_stats)) ||
		!is_inside(s, h->workers_off, h->workers, h->worker_stride) ||
		!is_inside(s, h->policy_hits_off, h->workers, API_STATS_POLICIES_MAX * 8) ||
		!is_inside(s, h->sights_off, h->workers, h->sight_stride) ||
		!is_inside(s, h->sight_net_off, 1, sizeof(struct api_sight_net)))
		return "an offset leads outside";
	return NULL;
}

static const char *names_take(struct core_stats *s)
{
	memcpy(s->names, s->mem + s->head.names_off, s->head.names * sizeof(s->names[0]));
	for (uint32_t i = 0; i < s->head.names; i++) {
		struct api_stat_name *n = &s->names[i];

		n->name[sizeof(n->name) - 1] = '\0';
		n->help[sizeof(n->help) - 1] = '\0';
		n->unit[sizeof(n->unit) - 1] = '\0';
		if (n->name[0] == '\0' || n->kind >= API_STAT_KIND_COUNT)
			return "a counter without a name or kind";
	}
	return NULL;
}

struct core_stats *core_stats_new(int fd, struct err_list *err)
{
	const int needed = F_SEAL_SHRINK | F_SEAL_GROW;
	struct core_stats *s = NULL;
	const char *fault;
	struct stat st;
	void *mem;
	int seals;

	seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0 || (seals & needed) != needed || fstat(fd, &st) < 0) {
		err_add(err, "statistics: not a memory of fixed size");
		return NULL;
	}
	if (st.st_size < (off_t)sizeof(struct api_stats)) {
		err_add(err, "statistics: %lld bytes are too few", (long long)st.st_size);
		return NULL;
	}
	s = calloc(1, sizeof(*s));
	mem = s == NULL ? MAP_FAILED : mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (mem == MAP_FAILED) {
		err_add(err, "statistics: map: %s", strerror(errno));
		free(s);
		return NULL;
	}
	s->mem = mem;
	s->bytes = (size_t)st.st_size;
	memcpy(&s->head, mem, sizeof(s->head));
	fault = head_fault(s);
	if (fault == NULL)
		fault = names_take(s);
	if (fault != NULL) {
		err_add(err, "statistics: %s", fault);
		core_stats_free(s);
		return NULL;
	}
	return s;
}

void core_stats_free(struct core_stats *s)
{
	if (s == NULL)
		return;
	// munmap takes a plain pointer; nobody writes through this one.
	(void)munmap((void *)(uintptr_t)s->mem, s->bytes); // fails only for a wrong range
	free(s);
}

uint32_t core_stats_workers(const struct core_stats *s)
{
	return s->head.workers;
}

uint32_t core_stats_names(const struct core_stats *s)
{
	return s->head.names;
}

uint32_t core_stats_ports(const struct core_stats *s)
{
	return s->head.ports;
}

const struct api_stat_name *core_stats_name(const struct core_stats *s, uint32_t i)
{
	return i < s->head.names ? &s->names[i] : NULL;
}

uint32_t core_stats_find(const struct core_stats *s, const char *name)
{
	uint32_t i;

	for (i = 0; i < s->head.names; i++)
		if (strcmp(s->names[i].name, name) == 0)
			break;
	return i;
}

// Relaxed: each number stands for itself.
static uint64_t number_at(const struct core_stats *s, uint64_t off)
{
	const void *p = s->mem + off;

	return atomic_load_explicit((const _Atomic uint64_t *)p, memory_order_relaxed);
}

uint64_t core_stats_value(const struct core_stats *s, uint32_t worker, uint32_t i)
{
	if (worker >= s->head.workers || i >= s->head.names)
		return 0;
	return number_at(s, s->head.workers_off + worker * s->head.worker_stride + i * UINT64_C(8));
}

uint64_t core_stats_sum(const struct core_stats *s, uint32_t i)
{
	bool peak = i < s->head.names && s->names[i].kind == API_STAT_PEAK;
	uint64_t sum = 0;

	for (uint32_t w = 0; w < s->head.workers; w++) {
		uint64_t one = core_stats_value(s, w, i);

		if (!peak)
			sum += one;
		else if (one > sum)
			sum = one;
	}
	return sum;
}

uint64_t core_stats_policy_hits(const struct core_stats *s, uint32_t i)
{
	uint64_t sum = 0;

	if (i >= API_STATS_POLICIES_MAX)
		return 0;
	for (uint64_t w = 0; w < s->head.workers; w++)
		sum += number_at(s, s->head.policy_hits_off + (w * API_STATS_POLICIES_MAX + i) * 8);
	return sum;
}

int core_stats_port(const struct core_stats *s, uint32_t i, struct api_port_stats *out)
{
	if (i >= s->head.ports)
		return -ENOENT;
	memcpy(out, s->mem + s->head.ports_off + i * sizeof(*out), sizeof(*out));
	out->name[sizeof(out->name) - 1] = '\0';
	out->device[sizeof(out->device) - 1] = '\0';
	out->driver[sizeof(out->driver) - 1] = '\0';
	return 0;
}

void core_stats_head(const struct core_stats *s, struct api_stats *out)
{
	// What moves is read live, one aligned number at a time; what was proved stays the copy.
	*out = s->head;
	out->heartbeat_us = number_at(s, offsetof(struct api_stats, heartbeat_us));
	out->image_version = number_at(s, offsetof(struct api_stats, image_version));
	out->shadow_version = number_at(s, offsetof(struct api_stats, shadow_version));
	out->image_swaps = number_at(s, offsetof(struct api_stats, image_swaps));
	out->image_refused = number_at(s, offsetof(struct api_stats, image_refused));
	out->link_attached = number_at(s, offsetof(struct api_stats, link_attached));
	out->link_refused = number_at(s, offsetof(struct api_stats, link_refused));
	out->drain_phase = number_at(s, offsetof(struct api_stats, drain_phase));
	out->drain_refuse = number_at(s, offsetof(struct api_stats, drain_refuse));
	out->drain_since_us = number_at(s, offsetof(struct api_stats, drain_since_us));
	out->drain_until_us = number_at(s, offsetof(struct api_stats, drain_until_us));
	out->drain_left = number_at(s, offsetof(struct api_stats, drain_left));
	out->health = number_at(s, offsetof(struct api_stats, health));
}

// As a whole where it is not being written all the time, else as never written.
static void ends_at(const struct core_stats *s, uint64_t off, struct api_sight_ends *out)
{
	enum { TRIES = 8 };
	uint64_t words[sizeof(*out) / 8];

	_Static_assert(sizeof(*out) % 8 == 0, "words");
	for (unsigned k = 0; k < TRIES; k++) {
		const void *p = s->mem + off;

		// Pairs with the writer's last store: what it wrote before is seen.
		words[0] = atomic_load_explicit((const _Atomic uint64_t *)p, memory_order_acquire);
		for (unsigned i = 1; i < sizeof(words) / 8; i++)
			words[i] = number_at(s, off + i * UINT64_C(8));
		// Pairs with the writer's fence: who saw a word of a later one sees its turn.
		atomic_thread_fence(memory_order_acquire);
		if (words[0] % 2 == 0 && number_at(s, off) == words[0]) {
			memcpy(out, words, sizeof(*out));
			return;
		}
	}
	*out = (struct api_sight_ends){0};
}

int core_stats_sight_port(
	const struct core_stats *s, uint32_t worker, uint32_t port, struct api_sight_port *out)
{
	uint64_t words[sizeof(*out) / 8], off;

	if (worker >= s->head.workers || port >= API_SIGHT_PORTS)
		return -ENOENT;
	off = s->head.sights_off + worker * s->head.sight_stride +
		offsetof(struct api_sight, port) + port * sizeof(*out);
	for (unsigned i = 0; i < sizeof(words) / 8; i++)
		words[i] = number_at(s, off + i * UINT64_C(8));
	memcpy(out, words, sizeof(*out));
	return 0;
}

int core_stats_sight_ends(const struct core_stats *s, uint32_t worker, enum core_sight what,
	uint32_t i, struct api_sight_ends *out)
{
	static const struct {
		size_t off;
		uint32_t n;
	} at[CORE_SIGHT_COUNT] = {
		[CORE_SIGHT_ONE_WAY] = {offsetof(struct api_sight, one_way), 1},
		[CORE_SIGHT_ALONE] = {offsetof(struct api_sight, alone), 1},
		[CORE_SIGHT_HOSTS] = {offsetof(struct api_sight, hosts), API_SIGHT_HOSTS},
		[CORE_SIGHT_PROBE] = {offsetof(struct api_sight, probe), API_SIGHT_PROBES},
	};

	if (worker >= s->head.workers || i >= at[what].n)
		return -ENOENT;
	ends_at(s,
		s->head.sights_off + worker * s->head.sight_stride + at[what].off +
			i * sizeof(*out),
		out);
	return 0;
}

void core_stats_sight_net(const struct core_stats *s, struct api_sight_net *out)
{
	const uint64_t off = s->head.sight_net_off;

	out->hops = number_at(s, off + offsetof(struct api_sight_net, hops));
	out->known = number_at(s, off + offsetof(struct api_sight_net, known));
	ends_at(s, off + offsetof(struct api_sight_net, lost), &out->lost);
	ends_at(s, off + offsetof(struct api_sight_net, conflict), &out->conflict);
}

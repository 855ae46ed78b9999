// SPDX-License-Identifier: BSD-3-Clause
// The child's side: this program, started anew with a hidden first argument, patterns or databases in
// descriptor 3, its answer into descriptor 4, the exit status says whether it got that far. It has
// no other descriptor, inherits no thread and no event loop, and limits itself.
// Thread: the child has one.
#include "compile_int.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CPU_MAX_S = 120, CLOCK_MAX_S = 180, NOISE_BYTES = 64 << 10, CANARY_BYTES = 256 << 10 };
#define SPACE_MAX (UINT64_C(4) << 30)

#if defined(__SANITIZE_ADDRESS__)
#define HAS_SHADOW 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_SHADOW 1
#endif
#endif
#ifndef HAS_SHADOW
#define HAS_SHADOW 0 // a sanitised build maps terabytes: no limit on its address space
#endif

static void limit(int what, uint64_t max)
{
	struct rlimit r = {.rlim_cur = max, .rlim_max = max};

	(void)setrlimit(what, &r); // a stricter limit may be in force already: fine
}

// Dies with its parent, never outlives its limits, gains nothing by exec.
static void limits_set(pid_t parent)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); // the check below covers what it misses
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); // best effort
	limit(RLIMIT_CPU, CPU_MAX_S);
	limit(RLIMIT_CORE, 0);
	if (!HAS_SHADOW)
		limit(RLIMIT_AS, SPACE_MAX);
	(void)alarm(CLOCK_MAX_S); // its default action ends us
}

static bool write_all(const void *p, size_t n)
{
	const char *at = p;

	while (n > 0) {
		ssize_t w = write(COMPILE_FD_OUT, at, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return false;
		at += w;
		n -= (size_t)w;
	}
	return true;
}

// Head first, then the parts in order without gaps.
static bool answer_write(struct compile_answer *a, const void *const part[COMPILE_PART_COUNT])
{
	uint64_t at = sizeof(*a);

	a->magic = COMPILE_ANSWER_MAGIC;
	for (unsigned i = 0; i < COMPILE_PART_COUNT; i++) {
		a->part[i].off = at;
		at += a->part[i].len;
	}
	if (!write_all(a, sizeof(*a)))
		return false;
	for (unsigned i = 0; i < COMPILE_PART_COUNT; i++) {
		if (!write_all(part[i], a->part[i].len))
			return false;
	}
	return true;
}

static const void *input_map(uint64_t *bytes)
{
	struct stat st;
	void *p;

	if (fstat(COMPILE_FD_IN, &st) != 0 || st.st_size <= 0)
		return NULL;
	*bytes = (uint64_t)st.st_size;
	p = mmap(NULL, *bytes, PROT_READ, MAP_PRIVATE, COMPILE_FD_IN, 0);
	return p == MAP_FAILED ? NULL : p;
}

static bool image_do(const void *in, uint64_t bytes)
{
	static struct compile_answer a;
	const void *part[COMPILE_PART_COUNT] = {0};
	struct compile_databases dbs;

	if (!compile_patterns_check(in, bytes))
		return false;
	err_init(&a.err);
	a.status = compile_databases_make(in, &dbs, &a.err);
	for (unsigned s = 0; a.status == 0 && s < POL_SCOPE_COUNT; s++) {
		part[s] = dbs.scope[s].bytes;
		a.part[s].len = dbs.scope[s].n;
	}
	return answer_write(&a, part);
}

static bool cost_do(const void *in, uint64_t bytes)
{
	static struct compile_answer a;
	const void *part[COMPILE_PART_COUNT] = {0};
	struct compile_cost *cost = NULL;

	if (!compile_patterns_check(in, bytes))
		return false;
	err_init(&a.err);
	a.status = compile_cost_measure(in, &cost, &a.err);
	if (a.status == 0) {
		part[COMPILE_PART_COST] = cost;
		a.part[COMPILE_PART_COST].len = compile_cost_bytes(cost->nrules);
	}
	return answer_write(&a, part);
}

// Bytes that are no mail at all.
static void noise_fill(uint8_t *p, size_t n)
{
	uint32_t x = 0x2545f491;

	for (size_t i = 0; i < n; i++) {
		x = x * 1664525 + 1013904223;
		p[i] = (uint8_t)(x >> 24);
	}
}

static bool database_try(const char *bytes, size_t n, enum pol_scope scope)
{
	static uint8_t noise[NOISE_BYTES];
	struct compile_corpus c;
	hs_database_t *db = NULL;
	hs_scratch_t *scratch = NULL;
	bool good;

	good = hs_deserialize_database(bytes, n, &db) == HS_SUCCESS &&
		hs_alloc_scratch(db, &scratch) == HS_SUCCESS &&
		compile_corpus_init(&c, scope, CANARY_BYTES) == 0;
	if (!good)
		return false; // the process ends: nothing is freed
	for (uint32_t i = 0; i < c.n; i++)
		good = good && compile_scan(db, scratch, compile_corpus_unit(&c, i)) >= 0;
	noise_fill(noise, sizeof(noise));
	return good &&
		compile_scan(db, scratch, (struct span){.p = noise, .n = sizeof(noise)}) >= 0;
}

// Its input is the answer of image_do, which the parent has checked already.
static bool canary_do(const void *in, uint64_t bytes)
{
	const struct compile_answer *a = in;

	if (bytes < sizeof(*a) || a->magic != COMPILE_ANSWER_MAGIC)
		return false;
	for (unsigned s = 0; s < POL_SCOPE_COUNT; s++) {
		const struct pol_extent *x = &a->part[s];

		if (x->off > bytes || x->len > bytes - x->off)
			return false;
		if (x->len > 0 && !database_try((const char *)in + x->off, x->len, s))
			return false;
	}
	return true;
}

int compile_child(int argc, char **argv)
{
	uint64_t bytes = 0;
	const void *in;
	bool done = false;

	if (argc != 4 || strcmp(argv[1], COMPILE_CHILD_ARG) != 0)
		return -1;
	limits_set((pid_t)strtol(argv[3], NULL, 10));
	in = input_map(&bytes);
	if (in == NULL)
		return EXIT_FAILURE;
	if (strcmp(argv[2], COMPILE_DO_IMAGE) == 0)
		done = image_do(in, bytes);
	else if (strcmp(argv[2], COMPILE_DO_COST) == 0)
		done = cost_do(in, bytes);
	else if (strcmp(argv[2], COMPILE_DO_CANARY) == 0)
		done = canary_do(in, bytes);
	// The kernel frees faster than we would.
	_exit(done ? EXIT_SUCCESS : EXIT_FAILURE);
}

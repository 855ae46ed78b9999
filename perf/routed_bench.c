// SPDX-License-Identifier: BSD-3-Clause
// What finding the way of a packet costs in routed mode: its route, and the next hop or, on a link of our own, the
// neighbour; in bursts, as a worker does it. JSON, one object a line, to standard output; perf/routed runs it.
//   routed_bench ROUNDS MEMORY_MB huge|pages
// Thread: one.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_eal.h>

#include "bench_rounds.h"
#include "eng_int.h"
#include "eng_net.h"

enum {
	ROUTES = 4000, // of each family
	GATEWAYS = 16,
	NEIGHBOURS = 2000, // likewise, on our links
	PACKETS = 1 << 16, // other ones each time
	HEADER = 40,
	V4_LINK = 10 << 24 | 1 << 16, // 10.1.0.0/16, on the one interface
	ROUNDS_MAX = BENCH_ROUNDS_MAX,
};

static uint8_t headers[PACKETS][HEADER];
static uint64_t sum; // of what was found, so that it is looked for

static uint32_t draw(uint64_t *state, uint32_t below)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)((*state >> 32) * below >> 32);
}

static struct addr v4(uint32_t a)
{
	const uint8_t b[4] = {(uint8_t)(a >> 24), (uint8_t)(a >> 16), (uint8_t)(a >> 8), (uint8_t)a};

	return addr_from_v4(b);
}

// An address of our IPv6 link fd00::/64, or of the network 2001:0000 and on.
static struct addr v6(bool link, uint32_t a)
{
	struct addr to = {.b = {0xfd}};

	if (!link)
		to = (struct addr){.b = {0x20, 0x01, (uint8_t)(a >> 24), (uint8_t)(a >> 16),
					   (uint8_t)(a >> 8), (uint8_t)a}};
	else
		memcpy(to.b + 12, (const uint8_t[4]){0, 0, (uint8_t)(a >> 8), (uint8_t)a}, 4);
	return to;
}

static struct eng_net *net_make(void)
{
	static struct eng_route routes[2 * ROUTES + 2];
	struct eng_routing routing = {.nifaces = 1, .routes = routes, .nroutes = 2 * ROUTES + 2};
	struct eng_conf conf = {.ports = 1, .socket = SOCKET_ID_ANY, .routing = &routing};
	struct err_list err;
	struct eng_net *n;
	uint64_t seed = 1;

	routing.iface[0] = (struct net_iface){.naddrs = 2,
		.addr = {{.addr = v4(V4_LINK + 65000), .len = 112}, {.addr = v6(true, 65000), .len = 64}}};
	for (uint32_t i = 0; i < ROUTES; i++) {
		// From 11.0.0.0 on, one for each 64th of a /8: /14 to /24.
		const uint8_t len = (uint8_t)(14 + draw(&seed, 11));

		routes[i] = (struct eng_route){.to = {.addr = v4((11u << 24) + i * (1u << 18)), .len = 96 + len},
			.via = v4(V4_LINK + i % GATEWAYS)};
		routes[ROUTES + i] = (struct eng_route){
			.to = {.addr = v6(false, i << 18), .len = (uint8_t)(46 + draw(&seed, 3))},
			.via = v6(true, i % GATEWAYS)};
	}
	routes[2 * ROUTES] = (struct eng_route){.to = {.addr = v4(0), .len = 96}, .via = v4(V4_LINK)};
	routes[2 * ROUTES + 1] = (struct eng_route){.via = v6(true, 0)};
	err_init(&err);
	conf.port[0] = (struct eng_port){.mtu = 1500, .mac = {2, 0, 0, 0, 0, 1}};
	n = eng_net_new(&conf, &err);
	if (n == NULL) {
		err_print(&err, stderr);
		return NULL;
	}
	for (uint32_t i = 0; i < NEIGHBOURS; i++)
		for (unsigned family = 0; family < 2; family++) {
			struct addr a = family == 0 ? v4(V4_LINK + i) : v6(true, i);
			int32_t place = eng_neigh_add(n, 0, &a, false);

			if (place < 0)
				return NULL;
			tbl_hops_set(n->hops, (uint32_t)place, (const uint8_t[6]){2, 1});
		}
	return n;
}

enum kind { V4_ROUTED, V4_ON_LINK, V6_ROUTED, V6_ON_LINK, KINDS };
static const char *const names[] = {"v4_routed", "v4_on_link", "v6_routed", "v6_on_link"};

static void packets_fill(enum kind kind, uint64_t *seed)
{
	const bool link = kind == V4_ON_LINK || kind == V6_ON_LINK;

	for (uint32_t i = 0; i < PACKETS; i++) {
		// All over the Internet: a route's or the default's.
		uint32_t on = draw(seed, NEIGHBOURS), off = draw(seed, UINT32_MAX);
		struct addr to;

		memset(headers[i], 0, HEADER);
		if (kind == V4_ROUTED || kind == V4_ON_LINK) {
			to = link ? v4(V4_LINK + on) : v4((11u << 24) + off % (200u << 24));
			headers[i][0] = 0x45;
			memcpy(headers[i] + 16, to.b + 12, 4);
		} else {
			to = v6(link, link ? on : off);
			headers[i][0] = 0x60;
			memcpy(headers[i] + 24, to.b, 16);
		}
	}
}

// All packets once, in bursts; nanoseconds each. 0: one had no way.
static double round_ns(const struct eng_net *n)
{
	const uint64_t began = rte_rdtsc();

	for (uint32_t i = 0; i < PACKETS; i += ENG_BURST) {
		const uint8_t *ip[ENG_BURST];
		struct eng_way way[ENG_BURST];

		for (unsigned k = 0; k < ENG_BURST; k++)
			ip[k] = headers[i + k];
		eng_ways_find(n, ip, ENG_BURST, way);
		for (unsigned k = 0; k < ENG_BURST; k++) {
			if (way[k].hop == NULL)
				return 0;
			sum += atomic_load_explicit(&way[k].hop->mac, memory_order_relaxed);
		}
	}
	return (double)(rte_rdtsc() - began) * 1e9 / (double)rte_get_tsc_hz() / PACKETS;
}

static bool eal_open(const char *megabytes, bool huge)
{
	char name[] = "routed_bench", l[] = "-l", core[] = "0", m[] = "-m", pci[] = "--no-pci",
	     alone[] = "--no-shconf", telemetry[] = "--no-telemetry", quiet[] = "--log-level=error",
	     kind[16], size[16];
	char *args[] = {name, l, core, m, size, pci, alone, telemetry, quiet, kind};

	(void)snprintf(size, sizeof(size), "%s", megabytes);
	(void)snprintf(kind, sizeof(kind), "%s", huge ? "--huge-unlink" : "--no-huge");
	return rte_eal_init((int)RTE_DIM(args), args) >= 0;
}

int main(int argc, char **argv)
{
	static double rounds[ROUNDS_MAX];
	uint64_t seed = 7;

	if (argc != 4)
		return 2;
	const unsigned n = (unsigned)strtoul(argv[1], NULL, 10);
	if (n == 0 || n > ROUNDS_MAX || !eal_open(argv[2], strcmp(argv[3], "huge") == 0))
		return 1;
	struct eng_net *net = net_make();
	if (net == NULL)
		return 1;
	for (enum kind kind = 0; kind < KINDS; kind++) {
		packets_fill(kind, &seed);
		(void)round_ns(net);
		for (unsigned i = 0; i < n; i++) {
			rounds[i] = round_ns(net);
			if (rounds[i] == 0) {
				fprintf(stderr, "routed: a packet without a way (%s)\n", names[kind]);
				return 1;
			}
		}
		printf("{\"what\": \"%s\"", names[kind]);
		bench_rounds("ns", rounds, n);
		printf("}\n");
	}
	fprintf(stderr, "%llx\n", (unsigned long long)sum); // it was read
	eng_net_free(net);
	return rte_eal_cleanup() == 0 ? 0 : 1;
}

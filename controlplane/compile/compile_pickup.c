// SPDX-License-Identifier: BSD-3-Clause
// What is picked up, and what becomes of it by port and direction before the list of policies is
// asked: stand-ins behind the list for "pass" and "drop", a record a port that names them, the servers
// that make a connection an incoming one.
// Thread: one at a time.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compile_int.h"

struct pickup { // one compilation
	struct pol_build *b;
	const struct cfg *cfg;
	struct err_list *err;
	uint32_t stand_in[CFG_PICK_DROP + 1]; // by word; POL_NONE = not made
	int rc;
};

#define WRONG(n, at, ...)                                                         \
	do {                                                                      \
		err_at((n)->err, (at)->file, (at)->line, (at)->col, __VA_ARGS__); \
		(n)->rc = -EINVAL;                                                \
	} while (0)

// The stand-in for a word of pickup, made where it is first needed.
static uint32_t stand_in_of(struct pickup *n, enum cfg_pick pick)
{
	const struct pol_policy r = {
		.action = pick == CFG_PICK_PASS ? POL_PASS : POL_DROP,
		.enabled = 1,
		.stand_in = 1,
		.context = POL_ANY,
		.vlan_lo = POL_ANY,
		.vlan_hi = POL_ANY,
		.port_hi = UINT16_MAX,
		.session = POL_NONE,
		.content = POL_NONE,
		.name = pol_build_string(
			n->b, pick == CFG_PICK_PASS ? "pickup-pass" : "pickup-drop"),
	};

	if (pick == CFG_PICK_PROXY)
		return POL_NONE;
	if (n->stand_in[pick] == POL_NONE)
		n->stand_in[pick] = pol_build_add(n->b, POL_SEC_POLICIES, &r);
	return n->stand_in[pick];
}

static const struct cfg_pick_by *pick_by(const struct cfg_pickup *p, const char *port)
{
	for (uint32_t i = 0; i < p->nby; i++) {
		if (strcmp(p->by[i].ingress, port) == 0)
			return &p->by[i];
	}
	return NULL;
}

// What pickup says of each port; true where it says the same word for all.
static bool picks_are(const struct cfg *c, enum cfg_pick pick)
{
	const struct cfg_pickup *p = &c->pickup;

	for (uint32_t i = 0; i < c->dataplane.nports; i++) {
		const struct cfg_pick_by *by = pick_by(p, c->dataplane.ports[i].name);

		if ((by != NULL ? by->incoming : p->incoming) != pick ||
			(by != NULL ? by->outgoing : p->outgoing) != pick)
			return false;
	}
	return true;
}

// Does any port take connections to this machine itself?
static bool takes_local(const struct cfg_pickup *p)
{
	bool local = p->local;

	for (uint32_t i = 0; i < p->nby; i++)
		local = local || p->by[i].local;
	return local;
}

static void picks_add(struct pickup *n)
{
	const struct cfg_pickup *p = &n->cfg->pickup;

	if (picks_are(n->cfg, CFG_PICK_PROXY) && !takes_local(p))
		return;
	for (uint32_t i = 0; i < n->cfg->dataplane.nports && i < POL_PORTS_MAX; i++) {
		const struct cfg_pick_by *by = pick_by(p, n->cfg->dataplane.ports[i].name);
		struct pol_pick r = {
			.incoming = stand_in_of(n, by != NULL ? by->incoming : p->incoming),
			.outgoing = stand_in_of(n, by != NULL ? by->outgoing : p->outgoing),
			.local = by != NULL ? by->local : p->local,
		};

		(void)pol_build_add(n->b, POL_SEC_PICKS, &r); // index = port
	}
}

static struct pol_range range_of(const struct prefix *p)
{
	struct pol_range r = {.lo = p->addr, .hi = p->addr};

	for (unsigned bit = p->len; bit < 128; bit++)
		r.hi.b[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	return r;
}

static int by_address(const void *a, const void *b)
{
	const struct pol_range *x = a, *y = b;

	return memcmp(x->lo.b, y->lo.b, sizeof(x->lo.b));
}

// Prefixes nest or lie apart: once sorted, one that begins inside the one before is in it.
int compile_ranges(struct pol_build *b, enum pol_section sec, const struct prefix *prefixes,
	uint32_t n, uint32_t *kept)
{
	struct pol_range *all = calloc((size_t)n + 1, sizeof(*all));

	*kept = 0;
	if (all == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		all[i] = range_of(&prefixes[i]);
	qsort(all, n, sizeof(*all), by_address);
	for (uint32_t i = 0; i < n; i++) {
		struct pol_range *last = *kept > 0 ? &all[*kept - 1] : NULL;

		if (last == NULL || memcmp(all[i].lo.b, last->hi.b, sizeof(last->hi.b)) > 0)
			all[(*kept)++] = all[i];
		else if (memcmp(all[i].hi.b, last->hi.b, sizeof(last->hi.b)) > 0)
			last->hi = all[i].hi; // same begin, shorter prefix
	}
	for (uint32_t i = 0; i < *kept; i++)
		(void)pol_build_add(b, sec, &all[i]); // found by search
	free(all);
	return 0;
}

static void servers_add(struct pickup *n)
{
	struct prefix *all;
	uint32_t count = 0, kept;

	for (uint32_t i = 0; i < n->cfg->ndomains; i++)
		count += n->cfg->domains[i].nservers;
	if (count > POL_SERVERS_MAX) {
		WRONG(n, &n->cfg->domains[0].at,
			"protected domains have %u servers; at most %d, prefixes count as one",
			count, POL_SERVERS_MAX);
		return;
	}
	all = calloc((size_t)count + 1, sizeof(*all));
	if (all == NULL) {
		n->rc = -ENOMEM;
		return;
	}
	count = 0;
	for (uint32_t i = 0; i < n->cfg->ndomains; i++) {
		for (uint32_t k = 0; k < n->cfg->domains[i].nservers; k++)
			all[count++] = n->cfg->domains[i].servers[k];
	}
	if (compile_ranges(n->b, POL_SEC_SERVERS, all, count, &kept) != 0)
		n->rc = -ENOMEM;
	free(all);
}

// Words for incoming connections that can't be meant where none is one. To drop those and read the
// others is what a carrier writes, and comes to the same.
static void pickup_warn(struct pickup *n)
{
	const struct cfg_pickup *p = &n->cfg->pickup;
	bool servers = false;

	for (uint32_t i = 0; i < n->cfg->ndomains; i++)
		servers = servers || n->cfg->domains[i].nservers > 0;
	for (uint32_t i = 0; i <= p->nby && !servers; i++) {
		enum cfg_pick incoming = i < p->nby ? p->by[i].incoming : p->incoming;
		enum cfg_pick outgoing = i < p->nby ? p->by[i].outgoing : p->outgoing;
		const struct cfg_place *at = i < p->nby ? &p->by[i].at : &p->at;

		if (incoming == outgoing ||
			(incoming == CFG_PICK_DROP && outgoing == CFG_PICK_PROXY))
			continue;
		err_warn_at(n->err, at->file, at->line, at->col,
			"%s has no effect; no protected domain names a server, so every "
			"connection is an outgoing one",
			i < p->nby ? "pickup.by_ingress[].incoming" : "pickup.incoming");
	}
	if (takes_local(p) && n->cfg->dataplane.management.naddresses == 0)
		err_warn_at(n->err, p->at.file, p->at.line, p->at.col,
			"pickup.local has no effect; dataplane.management has no address to connect "
			"to");
}

static int by_number(const void *a, const void *b)
{
	return *(const uint16_t *)a - *(const uint16_t *)b;
}

// Where all is passed, nothing is picked up: the data plane need not know those connections.
static void pickup_add(struct pickup *n)
{
	const struct cfg_pickup *p = &n->cfg->pickup;
	uint16_t *sorted;

	if (p->nports == 0 || picks_are(n->cfg, CFG_PICK_PASS))
		return;
	sorted = malloc(p->nports * sizeof(*sorted));
	if (sorted == NULL) {
		n->rc = -ENOMEM;
		return;
	}
	memcpy(sorted, p->ports, p->nports * sizeof(*sorted));
	qsort(sorted, p->nports, sizeof(*sorted), by_number);
	for (uint32_t i = 0; i < p->nports; i++) {
		struct pol_pickup r = {.port = sorted[i]};

		if (sorted[i] == 0)
			WRONG(n, &p->at, "pickup: no TCP port has number 0");
		else if (i == 0 || sorted[i] != sorted[i - 1])
			(void)pol_build_add(n->b, POL_SEC_PICKUP, &r); // found by search
	}
	free(sorted);
}

int compile_pickup(struct pol_build *b, const struct cfg *cfg, struct err_list *err)
{
	struct pickup n = {
		.b = b, .cfg = cfg, .err = err, .stand_in = {POL_NONE, POL_NONE, POL_NONE}};

	picks_add(&n);
	servers_add(&n);
	pickup_add(&n);
	pickup_warn(&n);
	return n.rc;
}

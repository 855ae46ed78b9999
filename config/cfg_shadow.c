// SPDX-License-Identifier: BSD-3-Clause
// Warnings: configurations that load and yet can hardly be meant. A policy behind others that take
// all its connections never decides anything, nor does one whose addresses, port, or ingress in its
// context, no connection can have, or whose connections pickup asks no policy about; one that
// inspects without a content profile reads without judging; one that does not inspect has no use for
// profiles. Thread: one at a time.
#include <stdlib.h>
#include <string.h>

#include "cfg_int.h"
#include "cfg_region.h"

enum {
	VLAN_LAST = 4094,
	// Looks at regions, all policies together: under a second.
	COVER_BUDGET = 30000000,
	NAMES_SHOWN = 4,
};

// ::ffff:0:0/96
static const struct prefix v4_all = {.addr = {{[10] = 0xff, [11] = 0xff}}, .len = 96};

// The data-plane ports that a policy's connections can come in by: a bit each, by their order.
static uint32_t ports_of(const struct cfg *c, const struct cfg_policy *p)
{
	uint32_t bits = 0;

	for (uint32_t k = 0; k < c->dataplane.nports && k < CFG_PORTS_MAX; k++) {
		const char *port = c->dataplane.ports[k].name;
		bool in_ingress = p->ningress == 0, in_context = p->context == NULL;

		for (uint32_t i = 0; i < p->ningress && !in_ingress; i++)
			in_ingress = strcmp(p->ingress[i], port) == 0;
		for (uint32_t i = 0; i < c->ncontexts && !in_context; i++) {
			const struct cfg_context *x = &c->contexts[i];

			for (uint32_t j = 0; j < x->nports && strcmp(x->name, p->context) == 0; j++)
				in_context = in_context || strcmp(x->ports[j], port) == 0;
		}
		if (in_ingress && in_context)
			bits |= UINT32_C(1) << k;
	}
	return bits;
}

static struct cfg_region region_of(const struct cfg *c, const struct cfg_policy *p)
{
	struct cfg_region r = {.source = p->source,
		.destination = p->destination,
		.ingress = p->enabled ? ports_of(c, p) : 0,
		.vlan_hi = VLAN_LAST};

	if (p->vlan_lo != UINT16_MAX) {
		r.vlan_lo = p->vlan_lo;
		r.vlan_hi = p->vlan_hi;
	}
	for (uint32_t i = 0; i < c->pickup.nports && i < 64; i++)
		if (c->pickup.ports[i] >= p->port_lo && c->pickup.ports[i] <= p->port_hi)
			r.ports |= UINT64_C(1) << i;
	return r;
}

static bool families_differ(const struct prefix *a, const struct prefix *b)
{
	const bool a_is_v4 = a->len >= v4_all.len && cfg_prefixes_meet(a, &v4_all);
	const bool b_is_v4 = b->len >= v4_all.len && cfg_prefixes_meet(b, &v4_all);

	return (a_is_v4 && !cfg_prefixes_meet(b, &v4_all)) ||
		(b_is_v4 && !cfg_prefixes_meet(a, &v4_all));
}

// Does pickup ask the policies about any connection of this region? What its server is says which way
// it goes.
static bool is_asked(const struct cfg *c, const struct cfg_region *r)
{
	bool incoming = false, outgoing = true;

	for (uint32_t i = 0; i < c->ndomains; i++)
		for (uint32_t j = 0; j < c->domains[i].nservers; j++) {
			const struct prefix *server = &c->domains[i].servers[j];

			incoming = incoming || cfg_prefixes_meet(server, &r->destination);
			if (server->len <= r->destination.len &&
				prefix_has(server, &r->destination.addr))
				outgoing = false;
		}
	for (uint32_t k = 0; k < c->dataplane.nports && k < CFG_PORTS_MAX; k++) {
		enum cfg_pick in = c->pickup.incoming, out = c->pickup.outgoing;

		for (uint32_t i = 0; i < c->pickup.nby; i++)
			if (strcmp(c->pickup.by[i].ingress, c->dataplane.ports[k].name) == 0) {
				in = c->pickup.by[i].incoming;
				out = c->pickup.by[i].outgoing;
			}
		if ((r->ingress >> k & 1) != 0 &&
			((incoming && in == CFG_PICK_PROXY) || (outgoing && out == CFG_PICK_PROXY)))
			return true;
	}
	return false;
}

// Says why no connection at all is like this policy; false where one may be.
static bool warn_empty(const struct cfg *c, const struct cfg_policy *p, const struct cfg_region *r,
	struct err_list *err)
{
	const char *why = NULL;

	if (r->ingress == 0)
		err_warn_at(err, c->file, p->at.line, p->at.col,
			"policy \"%s\" can never match; no port of its ingress is in context \"%s\"",
			p->name, p->context);
	else if (families_differ(&p->source, &p->destination))
		why = "one of source and destination is IPv4, the other IPv6";
	else if (r->ports == 0)
		why = "pickup.ports has none of its ports";
	else if (!is_asked(c, r))
		why = "pickup passes or drops all its connections";
	if (why != NULL)
		err_warn_at(err, c->file, p->at.line, p->at.col,
			"policy \"%s\" can never match; %s", p->name, why);
	return r->ingress == 0 || why != NULL;
}

// Several policies that take all of p's connections between them.
static void warn_covered(const struct cfg *c, const struct cfg_policy *p, const uint32_t *used,
	unsigned n, struct err_list *err)
{
	char names[NAMES_SHOWN * 96] = "";
	size_t at = 0;

	for (unsigned i = 0; i < n && i < NAMES_SHOWN; i++)
		at += (size_t)snprintf(names + at, sizeof(names) - at, "%s\"%s\" in line %u",
			i == 0                                             ? ""
				: i + 1 == n && n <= (unsigned)NAMES_SHOWN ? " and "
									   : ", ",
			c->policies[used[i]].name, c->policies[used[i]].at.line);
	if (n > NAMES_SHOWN)
		(void)snprintf(names + at, sizeof(names) - at, " and %u more", n - NAMES_SHOWN);
	err_warn_at(err, c->file, p->at.line, p->at.col,
		"policy \"%s\" can never match; policies %s take all its connections between them",
		p->name, names);
}

// One policy that takes all of another's is looked for first: it is the one to name.
static void warn_never(const struct cfg *c, const struct cfg_region *regions, uint32_t index,
	uint64_t *budget, struct err_list *err)
{
	const struct cfg_policy *p = &c->policies[index];
	uint32_t used[CFG_COVER_MAX];
	unsigned n;

	if (warn_empty(c, p, &regions[index], err))
		return;
	for (uint32_t i = 0; i < index; i++) {
		if (!cfg_region_within(&regions[index], &regions[i]))
			continue;
		err_warn_at(err, c->file, p->at.line, p->at.col,
			"policy \"%s\" can never match; policy \"%s\" in line %u takes all its "
			"connections",
			p->name, c->policies[i].name, c->policies[i].at.line);
		return;
	}
	n = cfg_region_covered(regions, index, &regions[index], used, budget);
	if (n > 0)
		warn_covered(c, p, used, n, err);
}

static void warn_profiles(const struct cfg *c, const struct cfg_policy *p, struct err_list *err)
{
	if (p->action == CFG_ACTION_INSPECT && p->content == NULL)
		err_warn_at(err, c->file, p->at.line, p->at.col,
			"policy \"%s\" inspects without a content profile; its mail is not "
			"scanned",
			p->name);
	if (p->action != CFG_ACTION_INSPECT && (p->session != NULL || p->content != NULL))
		err_warn_at(err, c->file, p->at.line, p->at.col,
			"policy \"%s\" does not inspect; its %s no effect", p->name,
			p->session == NULL           ? "content profile has"
				: p->content == NULL ? "session profile has"
						     : "profiles have");
}

void cfg_check_shadows(const struct cfg *c, struct err_list *err)
{
	struct cfg_region *regions = calloc(c->npolicies + 1, sizeof(*regions));
	uint64_t budget = COVER_BUDGET;
	bool judges = false;

	for (uint32_t i = 0; regions != NULL && i < c->npolicies; i++)
		regions[i] = region_of(c, &c->policies[i]);
	for (uint32_t i = 0; i < c->npolicies; i++) {
		const struct cfg_policy *p = &c->policies[i];

		if (!p->enabled)
			continue;
		if (regions != NULL) // else there is memory for no warning either
			warn_never(c, regions, i, &budget, err);
		judges = judges || (p->action == CFG_ACTION_INSPECT && p->content != NULL);
		warn_profiles(c, p, err);
	}
	free(regions);
	if (judges && c->rules.file[0] == '\0')
		err_warn_at(err, c->file, c->rules.at.line, c->rules.at.col,
			"rules.file is not given; no message can be condemned");
	if (c->npolicies == 0)
		err_warn_at(err, c->file, 0, 0, "there is no policy; all mail is forwarded unread");
	for (uint32_t i = 0; i < c->ndomains; i++)
		if (c->domains[i].nservers == 0)
			err_warn_at(err, c->file, c->domains[i].at.line, c->domains[i].at.col,
				"protected domain \"%s\" has no server; no connection is incoming "
				"to it",
				c->domains[i].name);
}

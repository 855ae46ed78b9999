// SPDX-License-Identifier: BSD-3-Clause
// Warnings: configurations that load and yet can hardly be meant. A policy behind one that takes
// all its connections never decides anything, nor does one whose port, or whose ingress in its
// context, no connection can have; one that inspects without a content profile reads
// without judging.
#include <stdlib.h>
#include <string.h>

#include "cfg_int.h"

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

static bool prefix_covers(const struct prefix *outer, const struct prefix *inner)
{
	return outer->len <= inner->len && prefix_has(outer, &inner->addr);
}

// Does `outer` take every connection that `inner` could take?
static bool policy_covers(const struct cfg_policy *outer, const struct cfg_policy *inner)
{
	if (!prefix_covers(&outer->source, &inner->source) ||
		!prefix_covers(&outer->destination, &inner->destination))
		return false;
	if (outer->port_lo > inner->port_lo || outer->port_hi < inner->port_hi)
		return false;
	if (outer->vlan_lo != UINT16_MAX &&
		(inner->vlan_lo == UINT16_MAX || outer->vlan_lo > inner->vlan_lo ||
			outer->vlan_hi < inner->vlan_hi))
		return false;
	return true;
}

static bool is_picked_up(const struct cfg *c, const struct cfg_policy *p)
{
	for (uint32_t i = 0; i < c->pickup.nports; i++)
		if (c->pickup.ports[i] >= p->port_lo && c->pickup.ports[i] <= p->port_hi)
			return true;
	return false;
}

// At most 10,000 policies, so at most 50 million pairs, most of which differ in the source.
// `ports` has each policy's.
static void warn_never(
	const struct cfg *c, const uint32_t *ports, uint32_t index, struct err_list *err)
{
	const struct cfg_policy *p = &c->policies[index];

	if (ports[index] == 0)
		err_warn_at(err, c->file, p->at.line, p->at.col,
			"policy \"%s\" can never match; no port of its ingress is in context \"%s\"",
			p->name, p->context);
	else if (!is_picked_up(c, p))
		err_warn_at(err, c->file, p->at.line, p->at.col,
			"policy \"%s\" can never match; pickup.ports has none of its ports",
			p->name);
	for (uint32_t i = 0; i < index; i++) {
		const struct cfg_policy *earlier = &c->policies[i];

		if (!earlier->enabled || (ports[index] & ~ports[i]) != 0 || ports[index] == 0 ||
			!policy_covers(earlier, p))
			continue;
		err_warn_at(err, c->file, p->at.line, p->at.col,
			"policy \"%s\" can never match; policy \"%s\" in line %u takes all its "
			"connections",
			p->name, earlier->name, earlier->at.line);
		return;
	}
}

void cfg_check_shadows(const struct cfg *c, struct err_list *err)
{
	uint32_t *ports = calloc(c->npolicies + 1, sizeof(*ports));
	bool judges = false;

	for (uint32_t i = 0; ports != NULL && i < c->npolicies; i++)
		ports[i] = ports_of(c, &c->policies[i]);
	for (uint32_t i = 0; i < c->npolicies; i++) {
		const struct cfg_policy *p = &c->policies[i];

		if (!p->enabled)
			continue;
		if (ports != NULL) // else there is memory for no warning either
			warn_never(c, ports, i, err);
		judges = judges || (p->action == CFG_ACTION_INSPECT && p->content != NULL);
		if (p->action == CFG_ACTION_INSPECT && p->content == NULL)
			err_warn_at(err, c->file, p->at.line, p->at.col,
				"policy \"%s\" inspects without a content profile; its mail is not "
				"scanned",
				p->name);
	}
	free(ports);
	if (judges && c->rules.file[0] == '\0')
		err_warn_at(err, c->file, c->rules.at.line, c->rules.at.col,
			"rules.file is not given; no message can be condemned");
	if (c->npolicies == 0)
		err_warn_at(err, c->file, 0, 0, "there is no policy; all mail is forwarded unread");
}

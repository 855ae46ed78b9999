// SPDX-License-Identifier: BSD-3-Clause
// Warnings: configurations that load and yet can hardly be meant. A policy behind one that takes
// all its connections never decides anything; one that inspects without a content profile reads
// without judging.
#include <string.h>

#include "cfg_int.h"

// Does the list `outer` (none = any) hold every port of `inner`?
static bool ports_cover(const struct cfg_policy *outer, const struct cfg_policy *inner)
{
	if (outer->ningress == 0)
		return true;
	for (uint32_t i = 0; i < inner->ningress; i++) {
		uint32_t j = 0;

		while (j < outer->ningress && strcmp(inner->ingress[i], outer->ingress[j]) != 0)
			j++;
		if (j == outer->ningress)
			return false;
	}
	return inner->ningress > 0;
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
	if (outer->context != NULL &&
		(inner->context == NULL || strcmp(outer->context, inner->context) != 0))
		return false;
	return ports_cover(outer, inner);
}

// At most 10,000 policies, so at most 50 million pairs, most of which differ in the source.
static void warn_shadowed(const struct cfg *c, uint32_t index, struct err_list *err)
{
	const struct cfg_policy *p = &c->policies[index];

	for (uint32_t i = 0; i < index; i++) {
		const struct cfg_policy *earlier = &c->policies[i];

		if (!earlier->enabled || !policy_covers(earlier, p))
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
	bool judges = false;

	for (uint32_t i = 0; i < c->npolicies; i++) {
		const struct cfg_policy *p = &c->policies[i];

		if (!p->enabled)
			continue;
		warn_shadowed(c, i, err);
		judges = judges || (p->action == CFG_ACTION_INSPECT && p->content != NULL);
		if (p->action == CFG_ACTION_INSPECT && p->content == NULL)
			err_warn_at(err, c->file, p->at.line, p->at.col,
				"policy \"%s\" inspects without a content profile; its mail is not "
				"scanned",
				p->name);
	}
	if (judges && c->rules.file[0] == '\0')
		err_warn_at(err, c->file, c->rules.at.line, c->rules.at.col,
			"rules.file is not given; no message can be condemned");
	if (c->npolicies == 0)
		err_warn_at(err, c->file, 0, 0, "there is no policy; all mail is forwarded unread");
}

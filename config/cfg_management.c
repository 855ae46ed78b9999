// SPDX-License-Identifier: BSD-3-Clause
// What dataplane.management means together with ports and interfaces: addresses that the host can have and no
// interface has, names that lead somewhere.
// Thread: one at a time.
#include <string.h>

#include "cfg_int.h"

struct check {
	const struct cfg_dataplane *d;
	const struct cfg_management *m;
	const struct cfg_spots *spots;
	struct err_list *err;
};

static bool is_taken(const struct check *k, uint32_t i)
{
	const struct cfg_address *a = &k->m->addresses[i];

	for (uint32_t j = 0; j < i; j++)
		if (addr_eq(&k->m->addresses[j].addr, &a->addr))
			return true;
	for (uint32_t j = 0; k->d->mode == CFG_MODE_ROUTED && j < k->d->ninterfaces; j++)
		for (uint32_t n = 0; n < k->d->interfaces[j].naddresses; n++)
			if (addr_eq(&k->d->interfaces[j].addresses[n].addr, &a->addr))
				return true;
	return false;
}

static void check_address(const struct check *k, uint32_t i)
{
	const struct cfg_address *a = &k->m->addresses[i];
	char text[ADDR_TEXT_MAX];

	if (!cfg_spot_has(k->spots, a))
		return; // it could not be read, which has been said
	addr_format(&a->addr, text, sizeof(text));
	if (cfg_address_is_nobodys(&a->addr) || addr_is_link_local(&a->addr))
		cfg_spot_error(k->spots, k->err, a, k->m->at,
			"%s is no address by which one machine is reached", text);
	else if (a->len < 127 && addr_is_edge(&a->addr, a->len))
		cfg_spot_error(k->spots, k->err, a, k->m->at,
			"%s is the name of its link, or all of it; an address in it is needed",
			text);
	else if (is_taken(k, i))
		cfg_spot_error(k->spots, k->err, a, k->m->at,
			"%s is there already; management needs one of its own", text);
}

static bool has_name(const struct check *k, const char *name)
{
	const struct cfg_dataplane *d = k->d;

	for (uint32_t i = 0; d->mode == CFG_MODE_ROUTED && i < d->ninterfaces; i++)
		if (strcmp(d->interfaces[i].name, name) == 0)
			return true;
	for (uint32_t i = 0; d->mode != CFG_MODE_ROUTED && i < d->nports; i++)
		if (strcmp(d->ports[i].name, name) == 0)
			return true;
	return false;
}

static void check_from(const struct check *k)
{
	const char *kind = k->d->mode == CFG_MODE_ROUTED ? "interface" : "port";

	for (uint32_t i = 0; k->spots->whole && i < k->m->nfrom; i++)
		if (!has_name(k, k->m->from[i]))
			cfg_spot_error(k->spots, k->err, &k->m->from[i], k->m->at,
				"there is no %s \"%s\"", kind, k->m->from[i]);
	if (k->m->nfrom > 0 && k->m->naddresses == 0)
		err_warn_at(k->err, k->spots->file, k->m->at.line, k->m->at.col,
			"dataplane.management has no addresses; nothing is reached by it");
}

// An address on the link of an interface is one more of that interface's.
static void check_room(const struct check *k)
{
	const struct cfg_dataplane *d = k->d;

	for (uint32_t i = 0; d->mode == CFG_MODE_ROUTED && i < d->ninterfaces; i++)
		if (d->interfaces[i].naddresses + k->m->naddresses > CFG_ADDRESSES_MAX)
			cfg_spot_error(k->spots, k->err, &k->m->addresses, k->m->at,
				"interface \"%s\" has %u addresses; with those of management at most "
				"%d are possible",
				d->interfaces[i].name, d->interfaces[i].naddresses,
				CFG_ADDRESSES_MAX);
}

void cfg_check_management(const struct cfg *c, const struct cfg_spots *s, struct err_list *err)
{
	const struct check k = {
		.d = &c->dataplane, .m = &c->dataplane.management, .spots = s, .err = err};

	if (k.m->naddresses > CFG_MANAGEMENT_ADDRESSES_MAX)
		cfg_spot_error(s, err, &k.m->addresses, k.m->at,
			"%u addresses; at most %d are possible", k.m->naddresses,
			CFG_MANAGEMENT_ADDRESSES_MAX);
	for (uint32_t i = 0; i < k.m->naddresses; i++)
		check_address(&k, i);
	check_from(&k);
	if (k.m->naddresses > 0)
		check_room(&k);
}

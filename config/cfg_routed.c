// SPDX-License-Identifier: BSD-3-Clause
// What interfaces and routes of mode routed mean together: each port has an interface, each address
// is one that a router can have, each route leads to somebody on a link.
// Thread: one at a time.
#include <string.h>

#include "cfg_int.h"

enum { V4_BITS = 96 }; // before an IPv4 prefix in 16 bytes

struct check {
	const struct cfg *cfg;
	const struct cfg_spots *spots;
	struct err_list *err;
};

// Is `a` in the prefix of an interface's address?
static bool is_on_link(const struct cfg_address *own, const struct addr *a)
{
	const struct prefix link = {.addr = own->addr, .len = own->len};

	return addr_is_v4(&own->addr) == addr_is_v4(a) && prefix_has(&link, a);
}

const struct cfg_interface *cfg_route_interface(
	const struct cfg_dataplane *d, const struct cfg_route *r)
{
	for (uint32_t i = 0; i < d->ninterfaces; i++) {
		const struct cfg_interface *f = &d->interfaces[i];

		if (r->interface != NULL) {
			if (strcmp(f->name, r->interface) == 0)
				return f;
			continue;
		}
		for (uint32_t k = 0; k < f->naddresses; k++)
			if (is_on_link(&f->addresses[k], &r->via.addr))
				return f;
	}
	return NULL;
}

bool cfg_address_is_nobodys(const struct addr *a)
{
	return addr_is_nobodys(a) || (addr_is_v4(a) ? a->b[12] >= 224 : a->b[0] == 0xff);
}

static void check_address(
	const struct check *k, const struct cfg_interface *f, const struct cfg_address *a)
{
	const struct cfg_dataplane *d = &k->cfg->dataplane;
	char text[ADDR_TEXT_MAX];

	if (!cfg_spot_has(k->spots, a))
		return; // it could not be read, which has been said
	addr_format(&a->addr, text, sizeof(text));
	if (cfg_address_is_nobodys(&a->addr)) {
		cfg_spot_error(k->spots, k->err, a, f->at, "%s is no address of one machine", text);
		return;
	}
	if (a->len < 127 && addr_is_edge(&a->addr, a->len))
		cfg_spot_error(k->spots, k->err, a, f->at,
			"%s is the name of its link, or all of it; an interface needs an address in it",
			text);
	for (const struct cfg_interface *o = d->interfaces; o <= f; o++)
		for (uint32_t i = 0; i < o->naddresses; i++) {
			const struct cfg_address *other = &o->addresses[i];

			if (other == a)
				return;
			if (addr_eq(&other->addr, &a->addr))
				cfg_spot_error(k->spots, k->err, a, f->at,
					"%s is there already, in line %u", text,
					cfg_spot_of(k->spots, other, o->at).line);
			else if (o != f && !addr_is_link_local(&a->addr) &&
				(is_on_link(other, &a->addr) || is_on_link(a, &other->addr)))
				cfg_spot_error(k->spots, k->err, a, f->at,
					"%s is on the link of interface \"%s\"; no route could tell the "
					"two links apart",
					text, o->name);
		}
}

static bool port_is_there(const struct cfg_dataplane *d, const char *name)
{
	for (uint32_t i = 0; i < d->nports; i++)
		if (strcmp(d->ports[i].name, name) == 0)
			return true;
	return false;
}

static void check_interface(const struct check *k, const struct cfg_interface *f)
{
	const struct cfg_dataplane *d = &k->cfg->dataplane;

	if (f->port[0] != '\0' && d->nports > 0 && !port_is_there(d, f->port))
		cfg_spot_error(
			k->spots, k->err, &f->port, f->at, "there is no port \"%s\"", f->port);
	for (const struct cfg_interface *o = d->interfaces; o < f; o++) {
		if (f->name[0] != '\0' && strcmp(o->name, f->name) == 0)
			cfg_spot_error(k->spots, k->err, &f->name, f->at,
				"\"%s\" is there twice; it is already in line %u", f->name,
				o->at.line);
		if (f->port[0] != '\0' && strcmp(o->port, f->port) == 0 && o->vlan == f->vlan)
			cfg_spot_error(k->spots, k->err, &f->port, f->at,
				"\"%s\" with VLAN %u is interface \"%s\" already", f->port, f->vlan,
				o->name);
	}
	if (f->naddresses > CFG_ADDRESSES_MAX)
		cfg_spot_error(k->spots, k->err, &f->addresses, f->at,
			"%u addresses; at most %d are possible", f->naddresses, CFG_ADDRESSES_MAX);
	for (uint32_t i = 0; i < f->naddresses; i++)
		check_address(k, f, &f->addresses[i]);
}

static void check_ports(const struct check *k)
{
	const struct cfg_dataplane *d = &k->cfg->dataplane;

	for (uint32_t i = 0; i < d->nports; i++) {
		bool used = d->ports[i].name[0] == '\0';

		for (uint32_t j = 0; j < d->ninterfaces && !used; j++)
			used = strcmp(d->interfaces[j].port, d->ports[i].name) == 0;
		if (!used)
			cfg_spot_error(k->spots, k->err, &d->ports[i].name, d->ports[i].at,
				"\"%s\" has no interface; in mode routed its frames would be dropped",
				d->ports[i].name);
	}
}

// The prefix as it is meant: any is all of the family of the next hop.
static bool is_same_to(const struct cfg_route *a, const struct cfg_route *b)
{
	bool four = addr_is_v4(&a->via.addr);
	uint8_t alen = a->to.len == 0 && four ? V4_BITS : a->to.len,
		blen = b->to.len == 0 && four ? V4_BITS : b->to.len;

	return four == addr_is_v4(&b->via.addr) && alen == blen &&
		(alen == (four ? V4_BITS : 0) || addr_eq(&a->to.addr, &b->to.addr));
}

static void check_route(const struct check *k, const struct cfg_route *r)
{
	const struct cfg_dataplane *d = &k->cfg->dataplane;
	const struct cfg_interface *f = cfg_route_interface(d, r);
	bool on_link = false;
	char text[ADDR_TEXT_MAX];

	addr_format(&r->via.addr, text, sizeof(text));
	if (r->interface != NULL && f == NULL) {
		cfg_spot_error(k->spots, k->err, &r->interface, r->at,
			"there is no interface \"%s\"", r->interface);
		return;
	}
	for (uint32_t i = 0; f != NULL && i < f->naddresses; i++) {
		on_link = on_link || is_on_link(&f->addresses[i], &r->via.addr) ||
			(addr_is_link_local(&r->via.addr) && !addr_is_v4(&f->addresses[i].addr));
		if (addr_eq(&f->addresses[i].addr, &r->via.addr))
			cfg_spot_error(k->spots, k->err, &r->via, r->at,
				"%s is our own address; a route leads to somebody else", text);
	}
	if (!on_link)
		cfg_spot_error(k->spots, k->err, &r->via, r->at,
			r->interface == NULL && addr_is_link_local(&r->via.addr)
				? "%s is on every link; say by which interface it is meant"
				: "%s is on no link of ours; it must lie in the prefix of an interface",
			text);
	if (r->to.len != 0 &&
		(r->to.len >= V4_BITS && addr_is_v4(&r->to.addr)) != addr_is_v4(&r->via.addr))
		cfg_spot_error(k->spots, k->err, &r->via, r->at,
			"%s is of another family than the destinations", text);
	for (const struct cfg_route *o = d->routes; o < r; o++)
		if (is_same_to(o, r))
			cfg_spot_error(k->spots, k->err, &r->to, r->at,
				"there is a route to the same destinations already, in line %u",
				o->at.line);
}

static void check_health(const struct check *k)
{
	const struct cfg_health *h = &k->cfg->dataplane.health;

	if (h->nfrom > CFG_HEALTH_FROM_MAX)
		cfg_spot_error(k->spots, k->err, &h->from, h->at,
			"%u prefixes; at most %d are possible", h->nfrom, CFG_HEALTH_FROM_MAX);
	if (h->nfrom > 0 && h->port == 0 && k->spots->whole)
		err_warn_at(k->err, k->spots->file, h->at.line, h->at.col,
			"dataplane.health is not used; its port is 0");
}

void cfg_check_health_port(const struct cfg *c, const struct cfg_spots *s, struct err_list *err)
{
	const struct cfg_health *h = &c->dataplane.health;

	for (uint32_t i = 0; h->port != 0 && i < c->pickup.nports; i++)
		if (c->pickup.ports[i] == h->port)
			cfg_spot_error(s, err, &h->port, h->at,
				"port %u is picked up (pickup.ports); the health port must be another",
				h->port);
}

void cfg_check_routed(const struct cfg *c, const struct cfg_spots *s, struct err_list *err)
{
	const struct check k = {.cfg = c, .spots = s, .err = err};
	const struct cfg_dataplane *d = &c->dataplane;

	if (d->mode != CFG_MODE_ROUTED) {
		if (d->ninterfaces > 0)
			err_warn_at(err, s->file, d->interfaces[0].at.line, d->interfaces[0].at.col,
				"dataplane.interfaces is not used; mode is not routed");
		if (d->health.port != 0)
			err_warn_at(err, s->file, d->health.at.line, d->health.at.col,
				"dataplane.health is not used; mode is not routed: we have no address");
		return;
	}
	if (d->ninterfaces == 0 && s->whole)
		cfg_spot_error(s, err, &d->mode, d->at,
			"mode routed needs dataplane.interfaces: who we are on which link");
	for (uint32_t i = 0; i < d->ninterfaces; i++)
		check_interface(&k, &d->interfaces[i]);
	check_health(&k);
	if (!s->whole)
		return; // a route may lead by what could not be read
	check_ports(&k);
	for (uint32_t i = 0; i < d->nroutes; i++)
		check_route(&k, &d->routes[i]);
}

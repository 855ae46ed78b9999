// SPDX-License-Identifier: BSD-3-Clause
// What must fit together in store:, radius: and reputation:, and what of them can hardly be meant:
// reputation that nothing feeds, steps that no score reaches, senders that nothing proves.
// Thread: one at a time.
#include <string.h>

#include "cfg_int.h"

struct check {
	const struct cfg_spots *spots;
	struct err_list *err;
};

// --- each for itself -------------------------------------------------------------------------

void cfg_check_services(const struct cfg *c, const struct cfg_spots *s, struct err_list *err)
{
	const struct check k = {.spots = s, .err = err};
	const struct cfg_radius *r = &c->radius;
	struct addr address;
	uint16_t port;

	if (r->nlisten > CFG_LISTEN_MAX)
		cfg_spot_error(k.spots, k.err, &r->listen, r->at,
			"radius.listen has %u entries; the limit is %d", r->nlisten,
			CFG_LISTEN_MAX);
	for (uint32_t i = 0; i < r->nlisten; i++) {
		if (!cfg_spot_has(s, &r->listen[i])) // could not be read, which has been said
			continue;
		if (!cfg_listen_split(r->listen[i], &address, &port))
			cfg_spot_error(k.spots, k.err, &r->listen[i], r->at,
				"\"%s\" is no socket; IPv4:PORT as 0.0.0.0:1813 and [IPv6]:PORT as "
				"[::]:1813 are",
				r->listen[i]);
		for (uint32_t j = 0; j < i; j++)
			if (strcmp(r->listen[i], r->listen[j]) == 0) {
				cfg_spot_error(k.spots, k.err, &r->listen[i], r->at,
					"\"%s\" is there twice; once will do", r->listen[i]);
				break;
			}
	}
}

static const struct cfg_context *context_find(const struct cfg *c, const char *name)
{
	for (uint32_t i = 0; i < c->ncontexts; i++)
		if (strcmp(c->contexts[i].name, name) == 0)
			return &c->contexts[i];
	return NULL;
}

static bool prefix_eq(const struct prefix *a, const struct prefix *b)
{
	return a->len == b->len && addr_eq(&a->addr, &b->addr);
}

static void check_twin(const struct check *k, const struct cfg_radius *r, uint32_t i)
{
	const struct cfg_nas *n = &r->nas[i];
	char text[PREFIX_TEXT_MAX];

	for (uint32_t j = 0; j < i; j++) {
		const struct cfg_nas *other = &r->nas[j];

		if (cfg_spot_has(k->spots, &n->prefix) && cfg_spot_has(k->spots, &other->prefix) &&
			prefix_eq(&n->prefix, &other->prefix)) {
			cfg_spot_error(k->spots, k->err, &n->prefix, n->at,
				"%s is there twice; it is already in line %u",
				prefix_format(&n->prefix, text, sizeof(text)), other->at.line);
			return;
		}
		if (*n->name != '\0' && strcmp(n->name, other->name) == 0) {
			cfg_spot_error(k->spots, k->err, &n->name, n->at,
				"NAS \"%s\" is there twice; the name is already in line %u",
				n->name, other->at.line);
			return;
		}
	}
}

static void check_nas(const struct check *k, const struct cfg *c, uint32_t i)
{
	const struct cfg_nas *n = &c->radius.nas[i];
	const struct cfg_context *x = context_find(c, n->context);

	check_twin(k, &c->radius, i);
	if (n->vlan != 0 && x != NULL && !x->by_vlan)
		cfg_spot_error(k->spots, k->err, &n->vlan, n->at,
			"context \"%s\" is one network; vlan needs one by_vlan", n->context);
	if (n->naddress > CFG_NAS_ADDRESSES_MAX || (n->naddress == 0 && k->spots->whole))
		cfg_spot_error(k->spots, k->err, &n->address, n->at,
			"radius.nas[].address has %u entries; 1 to %d are needed", n->naddress,
			CFG_NAS_ADDRESSES_MAX);
	if ((*n->port_first == '\0') != (*n->port_last == '\0') && k->spots->whole)
		cfg_spot_error(k->spots, k->err,
			*n->port_first != '\0' ? &n->port_first : &n->port_last, n->at,
			"port_first and port_last belong together; a block has both ends");
}

static void check_lengths(const struct check *k, const char *key, uint8_t *const *list, uint32_t n)
{
	if (n > CFG_LENGTHS_MAX || (n == 0 && k->spots->whole))
		cfg_spot_error(k->spots, k->err, list, (struct cfg_place){0},
			"reputation.sender.%s has %u entries; 1 to %d are needed", key, n,
			CFG_LENGTHS_MAX);
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t j = 0; j < i; j++)
			if ((*list)[i] == (*list)[j] && cfg_spot_has(k->spots, &(*list)[i])) {
				cfg_spot_error(k->spots, k->err, &(*list)[i], (struct cfg_place){0},
					"%u is there twice; once will do", (*list)[i]);
				break;
			}
}

static void check_windows(const struct check *k, const struct cfg_reputation *r)
{
	enum { STEP_MIN = 30 };
	static const uint16_t endpoint[] = {15, 30, 60, 90, 120, 240, 360, 480, 1440};
	const uint16_t *w = r->sender.windows_min;
	const uint32_t n = r->sender.nwindows;
	bool known =
		!cfg_spot_has(k->spots, &r->endpoint.window_min); // the default, or said already

	for (unsigned i = 0; i < sizeof(endpoint) / sizeof(endpoint[0]); i++)
		known = known || r->endpoint.window_min == endpoint[i];
	if (!known)
		cfg_spot_error(k->spots, k->err, &r->endpoint.window_min, (struct cfg_place){0},
			"%u is no window; 15, 30, 60, 90, 120, 240, 360, 480 and 1440 minutes are",
			r->endpoint.window_min);
	if (n > CFG_WINDOWS_MAX || (n == 0 && k->spots->whole))
		cfg_spot_error(k->spots, k->err, &r->sender.windows_min, (struct cfg_place){0},
			"reputation.sender.windows_min has %u entries; 1 to %d are needed", n,
			CFG_WINDOWS_MAX);
	for (uint32_t i = 0; i < n; i++) {
		if (w[i] % STEP_MIN != 0)
			cfg_spot_error(k->spots, k->err, &w[i], (struct cfg_place){0},
				"%u is no multiple of %d; events are counted by the half hour",
				w[i], STEP_MIN);
		for (uint32_t j = 0; j < i; j++)
			if (w[i] == w[j] && cfg_spot_has(k->spots, &w[i])) {
				cfg_spot_error(k->spots, k->err, &w[i], (struct cfg_place){0},
					"%u is there twice; once will do", w[i]);
				break;
			}
	}
}

void cfg_check_reputation(const struct cfg *c, const struct cfg_spots *s, struct err_list *err)
{
	const struct check k = {.spots = s, .err = err};
	const struct cfg_reputation *r = &c->reputation;

	for (uint32_t i = 0; i < c->radius.nnas; i++)
		check_nas(&k, c, i);
	check_lengths(&k, "prefixes4", &r->sender.lengths4, r->sender.nlengths4);
	check_lengths(&k, "prefixes6", &r->sender.lengths6, r->sender.nlengths6);
	check_windows(&k, r);
}

void cfg_radius_places(struct cfg *c, const struct cfg_spots *s)
{
	for (uint32_t i = 0; i < c->radius.nnas; i++) {
		struct cfg_nas *n = &c->radius.nas[i];

		n->id_at = cfg_spot_of(s, &n->id, n->at);
		n->port_first_at = cfg_spot_of(s, &n->port_first, n->at);
		n->port_last_at = cfg_spot_of(s, &n->port_last, n->at);
		for (uint32_t j = 0; j < n->naddress && j < CFG_NAS_ADDRESSES_MAX; j++)
			n->address_at[j] = cfg_spot_of(s, &n->address[j], n->at);
	}
}

// --- with the rest ---------------------------------------------------------------------------

#define WARN(k, value, other, ...)                                                  \
	do {                                                                        \
		const struct cfg_place at_ = cfg_spot_of((k)->spots, value, other); \
                                                                                    \
		err_warn_at((k)->err, at_.file, at_.line, at_.col, __VA_ARGS__);    \
	} while (0)

static void warn_radius(const struct check *k, const struct cfg *c)
{
	const struct cfg_radius *r = &c->radius;

	if (r->nlisten == 0 && r->nnas > 0)
		WARN(k, &r->nas, r->at, "radius.nas is not used; radius.listen has no socket");
	if (r->nlisten > 0 && r->nnas == 0)
		WARN(k, &r->listen, r->at,
			"radius.nas is empty; nobody may send accounting, all of it is dropped");
	if (r->nlisten > 0 && c->dataplane.bindings == 0)
		WARN(k, &r->listen, r->at,
			"dataplane.bindings is 0; there is no accounting server then");
	for (uint32_t i = 0; r->nlisten > 0 && i < r->nnas; i++)
		if (!r->nas[i].validate)
			WARN(k, &r->nas[i].validate, r->nas[i].at,
				"without validate whoever can send from this prefix says who has "
				"which address");
}

static void warn_profile(const struct check *k, const struct cfg *c, const struct cfg_session *p)
{
	const bool endpoints = c->radius.nlisten > 0 && c->dataplane.bindings > 0;
	const struct cfg_sender_choice *f = &p->sender_reputation;
	uint8_t below = 0;

	if (p->endpoint_reputation.action != CFG_REPUTATION_OFF && !endpoints)
		WARN(k, &p->endpoint_reputation.action, p->at,
			"endpoint_reputation has no effect; %s, so no subscriber is known",
			c->radius.nlisten == 0 ? "radius.listen has no socket"
					       : "dataplane.bindings is 0");
	if (f->action != CFG_REPUTATION_OFF && c->dataplane.senders == 0)
		WARN(k, &f->action, p->at,
			"sender_reputation has no effect; dataplane.senders is 0");
	if (p->auth_reputation.action != CFG_REPUTATION_OFF && c->dataplane.senders == 0 &&
		!endpoints)
		WARN(k, &p->auth_reputation.action, p->at,
			"auth_reputation has no effect; dataplane.senders is 0 and no subscriber is "
			"known");
	if (f->action == CFG_REPUTATION_OFF)
		return;
	below = f->reject_at;
	if (below != 0 && f->tempfail_at >= below)
		WARN(k, &f->tempfail_at, p->at, "tempfail_at decides nothing; over %u is rejected",
			below);
	else if (f->tempfail_at != 0)
		below = f->tempfail_at;
	if (below != 0 && f->throttle_at >= below)
		WARN(k, &f->throttle_at, p->at, "throttle_at decides nothing; over %u is refused",
			below);
}

void cfg_warn_reputation(const struct cfg *c, const struct cfg_spots *s, struct err_list *err)
{
	const struct check k = {.spots = s, .err = err};

	warn_radius(&k, c);
	for (uint32_t i = 0; i < c->nsessions; i++)
		warn_profile(&k, c, &c->sessions[i]);
}

// SPDX-License-Identifier: BSD-3-Clause
// What single values can't show: names that must be unique, references that must lead somewhere,
// cores and pairs that must fit together. Every error names the place of the value that is wrong.
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cfg_int.h"

// --- places ----------------------------------------------------------------------------------

int cfg_spot_add(struct cfg_spots *s, const void *value, unsigned line, unsigned col)
{
	if (s->n == s->cap) {
		size_t cap = s->cap * 2 + 64;
		struct cfg_spot *list = realloc(s->list, cap * sizeof(*list));

		if (list == NULL)
			return -ENOMEM;
		s->list = list;
		s->cap = cap;
	}
	s->list[s->n++] = (struct cfg_spot){.value = value, .line = line, .col = col};
	return 0;
}

static int spot_compare(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t)((const struct cfg_spot *)a)->value;
	uintptr_t y = (uintptr_t)((const struct cfg_spot *)b)->value;

	return x < y ? -1 : x > y;
}

void cfg_spot_sort(struct cfg_spots *s)
{
	if (s->n > 0)
		qsort(s->list, s->n, sizeof(s->list[0]), spot_compare);
}

static const struct cfg_spot *spot_find(const struct cfg_spots *s, const void *value)
{
	const struct cfg_spot key = {.value = value};

	return s->n == 0 ? NULL : bsearch(&key, s->list, s->n, sizeof(s->list[0]), spot_compare);
}

bool cfg_spot_has(const struct cfg_spots *s, const void *value)
{
	return spot_find(s, value) != NULL;
}

struct cfg_place cfg_spot_of(const struct cfg_spots *s, const void *value, struct cfg_place other)
{
	const struct cfg_spot *found = spot_find(s, value);

	if (found != NULL)
		return (struct cfg_place){.file = s->file, .line = found->line, .col = found->col};
	return (struct cfg_place){.file = s->file, .line = other.line, .col = other.col};
}

void cfg_spot_error(const struct cfg_spots *s, struct err_list *err, const void *value,
	struct cfg_place other, const char *fmt, ...)
{
	struct cfg_place at = cfg_spot_of(s, value, other);
	char text[ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap); // a longer text is cut
	va_end(ap);
	err_at(err, at.file, at.line, at.col, "%s", text);
}

// --- names -----------------------------------------------------------------------------------

struct check {
	const struct cfg *cfg;
	const struct cfg_spots *spots;
	struct err_list *err;
};

struct names { // n structs, `stride` bytes apart, whose name is a const char * at `first`
	const char *what; // "port"
	const void *first;
	size_t n, stride;
	const void *list; // the member that points at them: it has a place where they were written
};

static const char *const *name_at(const struct names *names, size_t i)
{
	return (const char *const *)((const char *)names->first + i * names->stride);
}

static bool name_is_there(const struct names *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (strcmp(*name_at(names, i), name) == 0)
			return true;
	return false;
}

static bool ref_is_good(const struct check *k, const struct names *names, const char *const *ref,
	struct cfg_place other)
{
	const char *nearest;

	if (**ref == '\0') // could not be read, which has been said
		return false;
	if (name_is_there(names, *ref))
		return true;
	if (name_is_there(names, "") ||
		(!k->spots->whole && names->n == 0 && cfg_spot_has(k->spots, names->list)))
		return false; // what it names may be what could not be read
	nearest = cfg_nearest(*ref, names->first, names->n, names->stride);
	if (nearest != NULL)
		cfg_spot_error(k->spots, k->err, ref, other,
			"there is no %s \"%s\"; the nearest is \"%s\"", names->what, *ref, nearest);
	else
		cfg_spot_error(k->spots, k->err, ref, other,
			"there is no %s \"%s\"; none is configured", names->what, *ref);
	return false;
}

static int name_compare(const void *a, const void *b)
{
	const char *const *x = *(const char *const *const *)a;
	const char *const *y = *(const char *const *const *)b;
	int order = strcmp(*x, *y);

	return order != 0 ? order : (x > y) - (x < y); // equal names in the order of the file
}

static void check_unique(const struct check *k, const struct names *names)
{
	const char *const **sorted = calloc(names->n + 1, sizeof(*sorted));

	if (sorted == NULL) {
		err_at(k->err, k->spots->file, 0, 0, "cannot be checked; out of memory");
		return;
	}
	for (size_t i = 0; i < names->n; i++)
		sorted[i] = name_at(names, i);
	qsort(sorted, names->n, sizeof(*sorted), name_compare);
	for (size_t i = 1; i < names->n; i++) {
		struct cfg_place first =
			cfg_spot_of(k->spots, sorted[i - 1], (struct cfg_place){0});

		if (**sorted[i] != '\0' && strcmp(*sorted[i - 1], *sorted[i]) == 0)
			cfg_spot_error(k->spots, k->err, sorted[i], (struct cfg_place){0},
				"%s \"%s\" is there twice; the name is already in line %u",
				names->what, *sorted[i], first.line);
	}
	free(sorted);
}

static struct names port_names(const struct cfg *c)
{
	return (struct names){.what = "port",
		.n = c->dataplane.nports,
		.stride = sizeof(struct cfg_port),
		.first = c->dataplane.nports > 0 ? &c->dataplane.ports[0].name : NULL,
		.list = &c->dataplane.ports};
}

// --- dataplane -------------------------------------------------------------------------------

static void check_workers(const struct check *k)
{
	const struct cfg_dataplane *d = &k->cfg->dataplane;

	if (d->nworkers == 0 && k->spots->whole)
		cfg_spot_error(k->spots, k->err, &d->workers, d->at,
			"dataplane.workers is empty; at least one CPU must work");
	for (uint32_t i = 0; i < d->nworkers; i++) {
		if (!cfg_spot_has(k->spots, &d->workers[i]))
			continue;
		if (d->workers[i] == d->main_core) {
			struct cfg_place at = cfg_spot_of(k->spots, &d->workers[i], d->at);

			err_warn_at(k->err, at.file, at.line, at.col,
				"CPU %u is main_core too; the manager takes time from that worker",
				d->workers[i]);
		}
		for (uint32_t j = 0; j < i; j++) {
			if (d->workers[i] != d->workers[j] ||
				!cfg_spot_has(k->spots, &d->workers[j]))
				continue;
			cfg_spot_error(k->spots, k->err, &d->workers[i], d->at,
				"CPU %u is there twice; one worker a CPU", d->workers[i]);
			break;
		}
	}
}

// A device string without what may be left out in front.
static const char *dev_core(const char *dev)
{
	static const char *const fronts[] = {"pci:", "vdev:", "0000:"};

	for (unsigned i = 0; i < sizeof(fronts) / sizeof(fronts[0]); i++)
		if (strncmp(dev, fronts[i], strlen(fronts[i])) == 0)
			dev += strlen(fronts[i]);
	return dev;
}

// Two strings that make DPDK open one device twice: the same text, or the same virtual device.
// A device of a bus (its name has a dot) may be given once for each of its representors.
static bool dev_is_same(const char *a, const char *b)
{
	size_t an, bn;

	a = dev_core(a);
	b = dev_core(b);
	an = strcspn(a, ",");
	bn = strcspn(b, ",");
	if (memchr(a, '.', an) != NULL)
		return strcmp(a, b) == 0;
	return an > 0 && an == bn && strncmp(a, b, an) == 0;
}

static void check_devs(const struct check *k)
{
	const struct cfg_dataplane *d = &k->cfg->dataplane;

	for (uint32_t i = 0; i < d->nports; i++)
		for (uint32_t j = 0; j < i; j++)
			if (dev_is_same(d->ports[i].dev, d->ports[j].dev)) {
				cfg_spot_error(k->spots, k->err, &d->ports[i].dev, d->ports[i].at,
					"ports \"%s\" and \"%s\" have one device; each needs its "
					"own",
					d->ports[j].name, d->ports[i].name);
				break;
			}
}

// How often a port is named in the pairs before pair `end`.
static unsigned pair_uses(const struct cfg_dataplane *d, const char *port, uint32_t end)
{
	unsigned uses = 0;

	for (uint32_t i = 0; i < end; i++)
		uses += (strcmp(d->pairs[i].a, port) == 0) + (strcmp(d->pairs[i].b, port) == 0);
	return uses;
}

static void check_pairs(const struct check *k)
{
	const struct cfg_dataplane *d = &k->cfg->dataplane;
	const struct names ports = port_names(k->cfg);
	bool whole = k->spots->whole || d->npairs > 0 || !cfg_spot_has(k->spots, &d->pairs);

	for (uint32_t i = 0; i < d->npairs; i++) {
		const struct cfg_pair *p = &d->pairs[i];
		bool a = ref_is_good(k, &ports, &p->a, p->at),
		     b = ref_is_good(k, &ports, &p->b, p->at);

		whole = whole && p->a[0] != '\0' && p->b[0] != '\0';
		if (p->a[0] != '\0' && strcmp(p->a, p->b) == 0) {
			cfg_spot_error(k->spots, k->err, &p->b, p->at,
				"\"%s\" is paired with itself; a pair is two ports", p->b);
			continue;
		}
		if (a && pair_uses(d, p->a, i) > 0)
			cfg_spot_error(k->spots, k->err, &p->a, p->at,
				"\"%s\" is in another pair already; a port has one peer", p->a);
		if (b && pair_uses(d, p->b, i) > 0)
			cfg_spot_error(k->spots, k->err, &p->b, p->at,
				"\"%s\" is in another pair already; a port has one peer", p->b);
	}
	for (uint32_t i = 0; whole && d->mode == CFG_MODE_PAIR && i < d->nports; i++)
		if (d->ports[i].name[0] != '\0' && pair_uses(d, d->ports[i].name, d->npairs) == 0)
			cfg_spot_error(k->spots, k->err, &d->ports[i].name, d->ports[i].at,
				"\"%s\" is in no pair; in mode pair its frames would have nowhere "
				"to go",
				d->ports[i].name);
}

void cfg_check_dataplane(const struct cfg *c, const struct cfg_spots *s, struct err_list *err)
{
	const struct check k = {.cfg = c, .spots = s, .err = err};
	const struct cfg_dataplane *d = &c->dataplane;
	const struct names ports = port_names(c);

	check_workers(&k);
	if (d->nports < 2 && d->mode != CFG_MODE_ROUTED && (s->whole || d->nports > 0))
		cfg_spot_error(k.spots, k.err, &d->ports, d->at,
			"dataplane.ports has %u; at least two are needed but in mode routed",
			d->nports);
	check_unique(&k, &ports);
	check_devs(&k);
	check_pairs(&k);
	if (d->mode != CFG_MODE_PAIR && d->npairs > 0)
		err_warn_at(err, s->file, d->pairs[0].at.line, d->pairs[0].at.col,
			"dataplane.pairs is not used; mode is %s",
			d->mode == CFG_MODE_LEARN ? "learn" : "routed");
	cfg_check_routed(c, s, err);
	cfg_check_management(c, s, err);
	if (c->control.link[0] != '\0' && strcmp(c->control.link, c->control.rpc) == 0)
		cfg_spot_error(k.spots, k.err, &c->control.rpc, (struct cfg_place){0},
			"control.rpc and control.link are one path; each socket needs its own");
}

// --- contexts, pick-up, policies -------------------------------------------------------------

// The context of a port, among those before context `end`.
static const struct cfg_context *context_of(const struct cfg *c, const char *port, uint32_t end)
{
	for (uint32_t i = 0; i < end; i++)
		for (uint32_t j = 0; j < c->contexts[i].nports; j++)
			if (strcmp(c->contexts[i].ports[j], port) == 0)
				return &c->contexts[i];
	return NULL;
}

static void check_context(const struct check *k, uint32_t index)
{
	const struct cfg_context *ctx = &k->cfg->contexts[index];
	const struct names ports = port_names(k->cfg);

	if (ctx->nports == 0 && k->spots->whole && ctx->at.line != 0)
		cfg_spot_error(k->spots, k->err, &ctx->ports, ctx->at,
			"context \"%s\" has no port; at least one is needed", ctx->name);
	for (uint32_t i = 0; i < ctx->nports; i++) {
		const struct cfg_context *other = context_of(k->cfg, ctx->ports[i], index);

		if (!ref_is_good(k, &ports, &ctx->ports[i], ctx->at))
			continue;
		if (other != NULL)
			cfg_spot_error(k->spots, k->err, &ctx->ports[i], ctx->at,
				"\"%s\" is in context \"%s\" already; a port is in one",
				ctx->ports[i], other->name);
		for (uint32_t j = 0; j < i; j++)
			if (strcmp(ctx->ports[i], ctx->ports[j]) == 0 &&
				cfg_spot_has(k->spots, &ctx->ports[i])) {
				cfg_spot_error(k->spots, k->err, &ctx->ports[i], ctx->at,
					"\"%s\" is there twice; once will do", ctx->ports[i]);
				break;
			}
	}
}

// A router sends the two directions of a connection to whichever interfaces it likes.
static void check_routed_contexts(const struct check *k)
{
	const struct cfg *c = k->cfg;

	if (c->dataplane.mode != CFG_MODE_ROUTED)
		return;
	if (c->ncontexts > 1)
		cfg_spot_error(k->spots, k->err, &c->contexts[1].name, c->contexts[1].at,
			"\"%s\" is a second context; in mode routed there is one, for there is one table "
			"of routes",
			c->contexts[1].name);
	for (uint32_t i = 0; i < c->ncontexts; i++)
		if (c->contexts[i].by_vlan)
			cfg_spot_error(k->spots, k->err, &c->contexts[i].by_vlan, c->contexts[i].at,
				"by_vlan is on; in mode routed the two directions of a connection may come "
				"by two VLANs");
}

static void check_contexts(const struct check *k)
{
	const struct cfg *c = k->cfg;
	const struct cfg_dataplane *d = &c->dataplane;
	const struct names contexts = {.what = "context",
		.n = c->ncontexts,
		.stride = sizeof(struct cfg_context),
		.first = c->ncontexts > 0 ? &c->contexts[0].name : NULL,
		.list = &c->contexts};

	check_unique(k, &contexts);
	for (uint32_t i = 0; i < c->ncontexts; i++)
		check_context(k, i);
	for (uint32_t i = 0; k->spots->whole && i < d->nports; i++)
		if (context_of(c, d->ports[i].name, c->ncontexts) == NULL)
			cfg_spot_error(k->spots, k->err, &d->ports[i].name, d->ports[i].at,
				"\"%s\" is in no context; every port is in one", d->ports[i].name);
	check_routed_contexts(k);
	for (uint32_t i = 0; d->mode == CFG_MODE_PAIR && i < d->npairs; i++) {
		const struct cfg_context *a = context_of(c, d->pairs[i].a, c->ncontexts);
		const struct cfg_context *b = context_of(c, d->pairs[i].b, c->ncontexts);

		if (a != NULL && b != NULL && strcmp(a->name, b->name) != 0)
			cfg_spot_error(k->spots, k->err, &d->pairs[i].a, d->pairs[i].at,
				"\"%s\" and \"%s\" are in contexts \"%s\" and \"%s\"; the two "
				"directions of a "
				"connection must be in one",
				d->pairs[i].a, d->pairs[i].b, a->name, b->name);
	}
}

static void check_pickup(const struct check *k)
{
	const struct cfg_pickup *p = &k->cfg->pickup;

	for (uint32_t i = 0; i < p->nports; i++)
		for (uint32_t j = 0; j < i; j++)
			if (p->ports[i] == p->ports[j] && p->ports[i] != 0) {
				cfg_spot_error(k->spots, k->err, &p->ports[i], p->at,
					"port %u is there twice; once will do", p->ports[i]);
				break;
			}
}

static void check_picks(const struct check *k)
{
	const struct cfg_pickup *p = &k->cfg->pickup;
	const struct names ports = port_names(k->cfg);

	for (uint32_t i = 0; i < p->nby; i++) {
		if (!ref_is_good(k, &ports, &p->by[i].ingress, p->by[i].at))
			continue;
		for (uint32_t j = 0; j < i; j++)
			if (strcmp(p->by[i].ingress, p->by[j].ingress) == 0) {
				cfg_spot_error(k->spots, k->err, &p->by[i].ingress, p->by[i].at,
					"\"%s\" is there twice; it is already in line %u",
					p->by[i].ingress, p->by[j].at.line);
				break;
			}
	}
}

static void check_domains(const struct check *k)
{
	for (uint32_t i = 0; i < k->cfg->ndomains; i++) {
		const struct cfg_domain *d = &k->cfg->domains[i];

		for (uint32_t j = 0; j < d->nservers; j++)
			if (d->servers[j].len == 0 && cfg_spot_has(k->spots, &d->servers[j]))
				cfg_spot_error(k->spots, k->err, &d->servers[j], d->at,
					"\"any\" is no server; every connection would be incoming");
	}
}

static void check_dns(const struct check *k)
{
	const struct cfg_dns *d = &k->cfg->dns;
	struct addr address;
	uint16_t port;

	for (uint32_t i = 0; i < d->nservers; i++)
		if (addr_parse(d->servers[i], &address) != 0 &&
			(!cfg_listen_split(d->servers[i], &address, &port) || port == 0))
			cfg_spot_error(k->spots, k->err, &d->servers[i], d->at,
				"\"%s\" is no server; an address, 192.0.2.1:53 or [2001:db8::1]:53",
				d->servers[i]);
}

static void check_probes(const struct check *k)
{
	const struct cfg_doctor *d = &k->cfg->doctor;

	for (uint32_t i = 0; i < d->nprobes; i++) {
		const struct cfg_probe *p = &d->probes[i];
		struct addr source;

		if (*p->source == '\0')
			continue;
		if (addr_parse(p->source, &source) != 0)
			cfg_spot_error(k->spots, k->err, &p->source, p->at,
				"\"%s\" is no address of this host", p->source);
		else if (addr_is_v4(&source) != addr_is_v4(&p->server.addr))
			cfg_spot_error(k->spots, k->err, &p->source, p->at,
				"%s is of another family than the server", p->source);
	}
}

static void check_blocked(const struct check *k)
{
	for (uint32_t i = 0; i < k->cfg->nsessions; i++) {
		const struct cfg_session *p = &k->cfg->sessions[i];

		for (uint32_t j = 0; j < p->nblocked; j++)
			if (p->blocked[j].len == 0 && cfg_spot_has(k->spots, &p->blocked[j]))
				cfg_spot_error(k->spots, k->err, &p->blocked[j], p->at,
					"\"any\" would block every server; a policy that rejects does that");
	}
}

static void check_policy(const struct check *k, const struct cfg_policy *p)
{
	const struct cfg *c = k->cfg;
	const struct names ports = port_names(c);
	const struct names contexts = {.what = "context",
		.n = c->ncontexts,
		.stride = sizeof(struct cfg_context),
		.first = c->ncontexts > 0 ? &c->contexts[0].name : NULL,
		.list = &c->contexts};
	const struct names sessions = {.what = "session profile",
		.n = c->nsessions,
		.stride = sizeof(struct cfg_session),
		.first = c->nsessions > 0 ? &c->sessions[0].name : NULL,
		.list = &c->sessions};
	const struct names contents = {.what = "content profile",
		.n = c->ncontents,
		.stride = sizeof(struct cfg_content),
		.first = c->ncontents > 0 ? &c->contents[0].name : NULL,
		.list = &c->contents};

	if (p->context != NULL)
		(void)ref_is_good(k, &contexts, &p->context, p->at);
	for (uint32_t i = 0; i < p->ningress; i++)
		(void)ref_is_good(k, &ports, &p->ingress[i], p->at);
	if (p->session != NULL)
		(void)ref_is_good(k, &sessions, &p->session, p->at);
	if (p->content != NULL)
		(void)ref_is_good(k, &contents, &p->content, p->at);
}

static void check_nas_contexts(const struct check *k)
{
	const struct cfg *c = k->cfg;
	const struct names contexts = {.what = "context",
		.n = c->ncontexts,
		.stride = sizeof(struct cfg_context),
		.first = c->ncontexts > 0 ? &c->contexts[0].name : NULL,
		.list = &c->contexts};

	for (uint32_t i = 0; i < c->radius.nnas; i++)
		(void)ref_is_good(k, &contexts, &c->radius.nas[i].context, c->radius.nas[i].at);
}

void cfg_check_rest(const struct cfg *c, const struct cfg_spots *s, struct err_list *err)
{
	const struct check k = {.cfg = c, .spots = s, .err = err};
	const struct names policies = {.what = "policy",
		.n = c->npolicies,
		.stride = sizeof(struct cfg_policy),
		.first = c->npolicies > 0 ? &c->policies[0].name : NULL};
	const struct names access = {.what = "access rule",
		.n = c->naccess,
		.stride = sizeof(struct cfg_access),
		.first = c->naccess > 0 ? &c->access[0].name : NULL};

	check_pickup(&k);
	cfg_check_health_port(c, s, err);
	check_picks(&k);
	check_domains(&k);
	check_dns(&k);
	check_probes(&k);
	check_blocked(&k);
	check_contexts(&k);
	check_unique(&k, &policies);
	check_unique(&k, &access);
	cfg_check_access(c, s, err);
	check_nas_contexts(&k);
	cfg_check_reputation(c, s, err);
	for (uint32_t i = 0; i < c->npolicies; i++)
		check_policy(&k, &c->policies[i]);
}

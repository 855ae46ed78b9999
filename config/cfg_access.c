// SPDX-License-Identifier: BSD-3-Clause
// Access rules and lists that load and yet can hardly be meant: patterns that no address is like,
// rules that never match because an earlier one takes all of theirs, rules that open a way round the
// scans. Thread: one at a time.
#include <ctype.h>
#include <string.h>

#include "cfg_int.h"

// An address has an '@', but for <postmaster> (RFC 5321 4.1.1.3) and what a server knows by a bare name.
static void warn_patterns(const struct cfg_spots *s, const char *const *patterns, uint32_t n,
	struct cfg_place other, struct err_list *err)
{
	for (uint32_t i = 0; i < n; i++) {
		struct cfg_place at = cfg_spot_of(s, &patterns[i], other);

		if (strpbrk(patterns[i], "@*?") != NULL || strchr(patterns[i], '.') == NULL)
			continue;
		err_warn_at(err, at.file, at.line, at.col,
			"\"%s\" has no @, so it takes no address of a domain; *@%s does",
			patterns[i], patterns[i]);
	}
}

void cfg_check_access(const struct cfg *c, const struct cfg_spots *s, struct err_list *err)
{
	for (uint32_t i = 0; i < c->naccess; i++) {
		const struct cfg_access *r = &c->access[i];

		warn_patterns(s, r->senders, r->nsenders, r->at, err);
		warn_patterns(s, r->recipients, r->nrecipients, r->at, err);
	}
	for (uint32_t i = 0; i < c->nsessions; i++) {
		for (unsigned k = 0; k < CFG_LIST_USES; k++)
			warn_patterns(s, c->sessions[i].lists[k].patterns,
				c->sessions[i].lists[k].n, c->sessions[i].at, err);
	}
}

// Does `outer` take whatever `inner` takes? The wildcards of `inner` are read as bytes that only a `*`
// takes, or, a `?`, a `?`: what answers yes is sure, what answers no may be.
static bool pattern_covers(const char *outer, const char *inner)
{
	const char *p = outer, *star = NULL, *i = inner, *from = inner;

	while (*i != '\0') {
		if (*p == '*') {
			star = ++p;
			from = i;
		} else if (*i != '*' && *p != '\0' &&
			(*p == '?' || tolower((unsigned char)*p) == tolower((unsigned char)*i))) {
			p++;
			i++;
		} else if (star != NULL) {
			p = star;
			i = ++from;
		} else {
			return false;
		}
	}
	return *(p + strspn(p, "*")) == '\0';
}

static bool patterns_cover(
	const char *const *outer, uint32_t nouter, const char *const *inner, uint32_t ninner)
{
	for (uint32_t i = 0; i < ninner; i++) {
		uint32_t k = 0;

		while (k < nouter && !pattern_covers(outer[k], inner[i]))
			k++;
		if (k == nouter && nouter > 0)
			return false;
	}
	if (nouter == 0 || ninner > 0)
		return true;
	for (uint32_t k = 0; k < nouter; k++) {
		if (strcmp(outer[k], "*") == 0)
			return true;
	}
	return false;
}

static bool clients_cover(const struct cfg_access *outer, const struct cfg_access *inner)
{
	const struct prefix any = {.len = 0};
	const uint32_t n = inner->nclients == 0 ? 1 : inner->nclients;

	for (uint32_t i = 0; i < n; i++) {
		const struct prefix *p = inner->nclients == 0 ? &any : &inner->clients[i];
		uint32_t k = 0;

		while (k < outer->nclients &&
			(outer->clients[k].len > p->len ||
				!prefix_has(&outer->clients[k], &p->addr)))
			k++;
		if (k == outer->nclients && outer->nclients > 0)
			return false;
	}
	return true;
}

static bool rule_covers(const struct cfg_access *outer, const struct cfg_access *inner)
{
	return (outer->auth == CFG_AUTH_ANY || outer->auth == inner->auth) &&
		(outer->direction == CFG_DIRECTION_ANY || outer->direction == inner->direction) &&
		clients_cover(outer, inner) &&
		patterns_cover(outer->helo, outer->nhelo, inner->helo, inner->nhelo) &&
		patterns_cover(outer->senders, outer->nsenders, inner->senders, inner->nsenders) &&
		patterns_cover(outer->recipients, outer->nrecipients, inner->recipients,
			inner->nrecipients);
}

static void warn_never(const struct cfg *c, uint32_t index, struct err_list *err)
{
	const struct cfg_access *r = &c->access[index];

	for (uint32_t i = 0; i < index; i++) {
		const struct cfg_access *earlier = &c->access[i];

		if (!earlier->enabled || !rule_covers(earlier, r))
			continue;
		err_warn_at(err, c->file, r->at.line, r->at.col,
			"access rule \"%s\" can never match; access rule \"%s\" in line %u takes "
			"all it could take",
			r->name, earlier->name, earlier->at.line);
		return;
	}
}

// At most 1,024 rules of at most 64 values a key.
void cfg_check_access_shadows(const struct cfg *c, struct err_list *err)
{
	bool read = false;

	for (uint32_t i = 0; i < c->npolicies; i++)
		read = read ||
			(c->policies[i].enabled && c->policies[i].action == CFG_ACTION_INSPECT);
	for (uint32_t i = 0; i < c->naccess; i++) {
		const struct cfg_access *r = &c->access[i];

		if (!r->enabled)
			continue;
		warn_never(c, i, err);
		if (r->action == CFG_ACCESS_BYPASS)
			err_warn_at(err, c->file, r->at.line, r->at.col,
				"access rule \"%s\" bypasses the scans; %s", r->name,
				r->nclients + r->nsenders + r->nrecipients == 0
					? "mail of any client, from and to any address, is not scanned"
					: "a message all of whose recipients it takes is not scanned");
	}
	if (c->naccess > 0 && !read)
		err_warn_at(err, c->file, c->access[0].at.line, c->access[0].at.col,
			"access rules have no effect; no policy inspects");
}

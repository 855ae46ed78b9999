// SPDX-License-Identifier: BSD-3-Clause
// Names to indexes: ports become data-plane port numbers (their order in dataplane.ports), contexts
// and profiles the index of their record. config/ has checked the form of each value; what an image
// cannot hold is refused here with its place in the file.
// Thread: one at a time.
#include "compile_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cfg_servers.h"

SAME(CFG_ACTION_PASS, POL_PASS);
SAME(CFG_ACTION_INSPECT, POL_INSPECT);
SAME(CFG_ACTION_REJECT, POL_REJECT);
SAME(CFG_ACTION_TEMPFAIL, POL_TEMPFAIL);
SAME(CFG_ACTION_DROP, POL_DROP);
SAME(CFG_ACTION_COUNT, POL_ACTION_COUNT);
SAME(CFG_RELAYING_OFF, POL_RELAYING_OFF);
SAME(CFG_RELAYING_IF_OFFERED, POL_RELAYING_IF_OFFERED);
SAME(CFG_RELAYING_ALWAYS, POL_RELAYING_ALWAYS);
SAME(CFG_PIPELINING_PASS, POL_PIPELINING_PASS);
SAME(CFG_PIPELINING_LOOSE, POL_PIPELINING_LOOSE);
SAME(CFG_PIPELINING_STRICT, POL_PIPELINING_STRICT);
SAME(CFG_PIPELINING_NO, POL_PIPELINING_NO);
SAME(CFG_VERDICT_REJECT, POL_CONTENT_REJECT);
SAME(CFG_VERDICT_TEMPFAIL, POL_CONTENT_TEMPFAIL);
SAME(CFG_VERDICT_DISCARD, POL_CONTENT_DISCARD);
SAME(CFG_VERDICT_MONITOR, POL_CONTENT_MONITOR);
SAME(CFG_VERDICT_COUNT, POL_CONTENT_COUNT);
SAME(CFG_DOMAIN_OFF, POL_DOMAIN_OFF);
SAME(CFG_DOMAIN_EXISTS, POL_DOMAIN_EXISTS);
SAME(CFG_DOMAIN_RESOLVED, POL_DOMAIN_RESOLVED);
SAME(CFG_REPUTATION_OFF, POL_REPUTATION_OFF);
SAME(CFG_REPUTATION_MONITOR, POL_REPUTATION_MONITOR);
SAME(CFG_REPUTATION_REJECT, POL_REPUTATION_REJECT);
SAME(CFG_REFUSE_CONNECT, POL_REFUSE_CONNECT);
SAME(CFG_REFUSE_MAIL, POL_REFUSE_MAIL);
SAME(CFG_REFUSE_RCPT, POL_REFUSE_RCPT);
SAME(CFG_SCOPE_HELO, POL_SCOPE_HELO);
SAME(CFG_SCOPE_MAIL, POL_SCOPE_MAIL);
SAME(CFG_SCOPE_RCPT, POL_SCOPE_RCPT);
SAME(CFG_SCOPE_HEADER, POL_SCOPE_HEADER);
SAME(CFG_SCOPE_BODY, POL_SCOPE_BODY);
SAME(CFG_SCOPE_COUNT, POL_SCOPE_COUNT);
SAME(CFG_PORTS_MAX, POL_PORTS_MAX);
SAME(CFG_CONTEXTS_MAX, POL_CONTEXTS_MAX);
SAME(CFG_POLICIES_MAX, POL_POLICIES_MAX);
SAME(CFG_RULES_MAX, POL_RULES_MAX);
SAME(CFG_SCORE_MAX, POL_SCORE_MAX);

struct names { // one compilation
	struct pol_build *b;
	const struct compile_input *in;
	const struct cfg *cfg;
	struct err_list *err;
	struct compile_groups groups;
	int rc;
};

#define WRONG(n, at, ...)                                                         \
	do {                                                                      \
		err_at((n)->err, (at)->file, (at)->line, (at)->col, __VA_ARGS__); \
		(n)->rc = -EINVAL;                                                \
	} while (0)

static uint32_t ports_of(
	struct names *n, const struct cfg_place *at, const char *const *ports, uint32_t nports)
{
	const struct cfg_dataplane *d = &n->cfg->dataplane;
	uint32_t bits = 0;

	for (uint32_t i = 0; i < nports; i++) {
		uint32_t k = 0;

		while (k < d->nports && strcmp(d->ports[k].name, ports[i]) != 0)
			k++;
		if (k == d->nports)
			WRONG(n, at, "no port \"%s\"; dataplane.ports has none of that name",
				ports[i]);
		else if (k >= POL_PORTS_MAX)
			WRONG(n, at, "port \"%s\" cannot be used; only the first %d ports can",
				ports[i], POL_PORTS_MAX);
		else
			bits |= UINT32_C(1) << k;
	}
	return bits;
}

static uint16_t context_of(struct names *n, const struct cfg_policy *p)
{
	const struct cfg *c = n->cfg;

	if (p->context == NULL)
		return POL_ANY;
	for (uint32_t i = 0; i < c->ncontexts && i < POL_ANY; i++) {
		if (strcmp(c->contexts[i].name, p->context) == 0)
			return (uint16_t)i;
	}
	WRONG(n, &p->at, "policy \"%s\": no context \"%s\"", p->name, p->context);
	return POL_ANY;
}

static uint32_t session_of(struct names *n, const struct cfg_policy *p)
{
	const struct cfg *c = n->cfg;

	if (p->session == NULL)
		return POL_NONE;
	for (uint32_t i = 0; i < c->nsessions; i++) {
		if (strcmp(c->sessions[i].name, p->session) == 0)
			return i;
	}
	WRONG(n, &p->at, "policy \"%s\": no session profile \"%s\"", p->name, p->session);
	return POL_NONE;
}

static uint32_t content_of(struct names *n, const struct cfg_policy *p)
{
	const struct cfg *c = n->cfg;

	if (p->content == NULL)
		return POL_NONE;
	for (uint32_t i = 0; i < c->ncontents; i++) {
		if (strcmp(c->contents[i].name, p->content) == 0)
			return i;
	}
	WRONG(n, &p->at, "policy \"%s\": no content profile \"%s\"", p->name, p->content);
	return POL_NONE;
}

static void contexts_add(struct names *n)
{
	if (n->cfg->ncontexts > POL_CONTEXTS_MAX) {
		WRONG(n, &n->cfg->contexts[POL_CONTEXTS_MAX].at,
			"%u contexts are too many; at most %d", n->cfg->ncontexts,
			POL_CONTEXTS_MAX);
		return;
	}
	for (uint32_t i = 0; i < n->cfg->ncontexts; i++) {
		const struct cfg_context *c = &n->cfg->contexts[i];
		struct pol_context r = {
			.name = pol_build_string(n->b, c->name),
			.ports = ports_of(n, &c->at, c->ports, c->nports),
			.by_vlan = c->by_vlan,
		};

		(void)pol_build_add(n->b, POL_SEC_CONTEXTS, &r); // index = order
	}
}

static bool blocked_read(struct names *n, const struct cfg_session *s, struct cfg_servers *file)
{
	const char *text;
	size_t bytes;
	char *own;
	bool good;

	if (s->blocked_file == NULL || s->blocked_file[0] == '\0')
		return true;
	text = compile_file_text(n->in, s->blocked_file, &bytes, &own, n->err);
	good = text != NULL &&
		cfg_servers_load_text(text, bytes, s->blocked_file, file, n->err) == 0;
	free(own);
	return good;
}

// The servers that a profile blocks, behind those of the profile before it.
static void blocked_add(struct names *n, const struct cfg_session *s, struct pol_session *r)
{
	struct cfg_servers file = {0};
	struct prefix *all;

	if (!blocked_read(n, s, &file)) {
		WRONG(n, &s->blocked_file_at, "session profile \"%s\": blocked_servers_file cannot be used",
			s->name);
		return;
	}
	if (s->nblocked > POL_BLOCKED_MAX - r->blocked ||
		file.n > POL_BLOCKED_MAX - r->blocked - s->nblocked) {
		WRONG(n, &s->at, "session profiles block too many servers; at most %d together",
			POL_BLOCKED_MAX);
		cfg_servers_fini(&file);
		return;
	}
	all = calloc((size_t)s->nblocked + file.n + 1, sizeof(*all));
	if (all == NULL) {
		n->rc = -ENOMEM;
	} else {
		if (s->nblocked > 0)
			memcpy(all, s->blocked, s->nblocked * sizeof(*all));
		if (file.n > 0)
			memcpy(all + s->nblocked, file.list, file.n * sizeof(*all));
		if (compile_ranges(
			    n->b, POL_SEC_BLOCKED, all, s->nblocked + file.n, &r->nblocked) != 0)
			n->rc = -ENOMEM;
	}
	free(all);
	cfg_servers_fini(&file);
}

static void reputation_fill(const struct cfg_session *s, struct pol_session *r)
{
	const struct cfg_sender_choice *f = &s->sender_reputation;

	r->endpoint_reputation = s->endpoint_reputation.action;
	r->endpoint_trigger = s->endpoint_reputation.trigger;
	r->endpoint_duration_min = s->endpoint_reputation.duration_min;
	r->sender_reputation = f->action;
	r->throttle_at = f->throttle_at;
	r->tempfail_at = f->tempfail_at;
	r->reject_at = f->reject_at;
	r->throttle_messages = f->throttle_messages;
	r->throttle_percent = f->throttle_percent;
	r->auth_reputation = s->auth_reputation.action;
	r->refuse_at = s->refuse_at;
}

static void sessions_add(struct names *n, const struct compile_input *in)
{
	uint32_t blocked = 0;

	for (uint32_t i = 0; i < n->cfg->nsessions; i++) {
		const struct cfg_session *s = &n->cfg->sessions[i];
		struct pol_session r = {
			.name = pol_build_string(n->b, s->name),
			.key = pol_session_key(s->name),
			.prevent_encryption = s->prevent_encryption,
			.mask_chunking = s->mask_chunking,
			.mask_unknown = s->mask_unknown,
			.strict_lines = s->strict_lines,
			.refuse_possible_end = s->refuse_possible_end,
			.syntax_check = s->syntax_check,
			.helo_characters = s->helo_characters,
			.relaying = s->prevent_open_relaying,
			.pipelining = s->pipelining,
			.max_helo = (uint8_t)s->max_helo,
			.max_mail = (uint8_t)s->max_mail,
			.max_noop = (uint8_t)s->max_noop,
			.max_rset = (uint8_t)s->max_rset,
			.max_errors = (uint8_t)s->max_errors,
			.max_recipient_errors = (uint8_t)s->max_recipient_errors,
			.errors_free = (uint8_t)s->errors_free,
			.error_delay_s = (uint8_t)s->error_delay_s,
			.error_delay_step_s = (uint8_t)s->error_delay_step_s,
			.max_recipients = (uint16_t)s->max_recipients,
			.max_message_kb = s->max_message_kb,
			.max_header_kb = s->max_header_kb,
			.check_helo_domain = s->check_helo_domain,
			.check_sender_domain = s->check_sender_domain,
			.check_recipient_domain = s->check_recipient_domain,
			.reject_empty_domain = s->reject_empty_domain,
			.check_three_way = s->check_three_way,
			.blocked = blocked,
			.client_connections = s->client_connections,
			.client_rate = s->client_rate,
			.client_rate_min = s->client_rate_min,
			.client_messages = s->client_messages,
			.client_recipients = s->client_recipients,
			.sender_messages = s->sender_messages,
			.sender_recipients = s->sender_recipients,
			.sender_rate_min = s->sender_rate_min,
			.total_connections = s->total_connections,
		};
		int rc;

		reputation_fill(s, &r);
		blocked_add(n, s, &r);
		blocked += r.nblocked;
		if (s->idle_s > POL_IDLE_MAX_MS / 1000)
			WRONG(n, &s->at, "session profile \"%s\": idle time of %u s; at most a day",
				s->name, s->idle_s);
		else
			r.idle_ms = s->idle_s * 1000;
		rc = compile_profile_lists(n->b, in, s, r.list, n->err);
		n->rc = n->rc == 0 ? rc : n->rc;
		(void)pol_build_add(n->b, POL_SEC_SESSIONS, &r); // index = order
	}
}

static bool is_reply_text(const char *text)
{
	size_t i;

	for (i = 0; text[i] != '\0'; i++) {
		if (text[i] < ' ' || text[i] > '~')
			return false;
	}
	return i <= POL_TEXT_MAX;
}

static void contents_add(struct names *n)
{
	for (uint32_t i = 0; i < n->cfg->ncontents; i++) {
		const struct cfg_content *c = &n->cfg->contents[i];
		struct pol_content r = {
			.name = pol_build_string(n->b, c->name),
			.threshold = c->threshold,
			.action = c->action,
			.text = pol_build_string(n->b, c->text),
		};

		if (compile_groups_of(&n->groups, c, &r.groups, n->err) != 0)
			n->rc = -EINVAL;

		if (c->text != NULL && !is_reply_text(c->text))
			WRONG(n, &c->at,
				"content profile \"%s\": text cannot be a reply; it takes at "
				"most %d printable ASCII characters",
				c->name, POL_TEXT_MAX);
		(void)pol_build_add(n->b, POL_SEC_CONTENTS, &r); // index = order
	}
}

static void policies_add(struct names *n)
{
	const struct cfg *c = n->cfg;

	if (c->npolicies > POL_POLICIES_MAX) {
		WRONG(n, &c->policies[POL_POLICIES_MAX].at, "%u policies are too many; at most %d",
			c->npolicies, POL_POLICIES_MAX);
		return;
	}
	for (uint32_t i = 0; i < c->npolicies; i++) {
		const struct cfg_policy *p = &c->policies[i];
		struct pol_policy r = {
			.source = p->source,
			.destination = p->destination,
			.action = p->action,
			.enabled = p->enabled,
			.context = context_of(n, p),
			.ingress = ports_of(n, &p->at, p->ingress, p->ningress),
			.vlan_lo = p->vlan_lo,
			.vlan_hi = p->vlan_lo == POL_ANY ? POL_ANY : p->vlan_hi,
			.port_lo = p->port_lo,
			.port_hi = p->port_hi,
			.session = session_of(n, p),
			.content = content_of(n, p),
			.name = pol_build_string(n->b, p->name),
			.comment = pol_build_string(n->b, p->comment),
		};

		(void)pol_build_add(n->b, POL_SEC_POLICIES, &r); // index = order
	}
}

// In the order of compile_patterns_new: the pattern's index is the rule's.
static void rules_add(struct names *n, const struct compile_input *in)
{
	for (uint32_t s = 0; s < in->nrulesets; s++) {
		for (uint32_t i = 0; i < in->rulesets[s]->n; i++) {
			const struct cfg_rule *rule = &in->rulesets[s]->rules[i];
			struct pol_rule r = {
				.id = rule->id,
				.score = rule->score,
				.scope = rule->scope,
				.group = compile_group_of(&n->groups, rule),
				.name = pol_build_string(n->b, rule->label),
			};

			(void)pol_build_add(n->b, POL_SEC_RULES, &r); // index = order
		}
	}
}

int compile_names(struct pol_build *b, const struct compile_input *in, struct err_list *err)
{
	struct names n = {.b = b, .in = in, .cfg = in->cfg, .err = err};
	int rc;

	contexts_add(&n);
	sessions_add(&n, in);
	if (compile_groups_add(&n.groups, b, in, err) != 0)
		n.rc = -EINVAL;
	contents_add(&n);
	policies_add(&n);
	rules_add(&n, in);
	rc = compile_access(b, in, err);
	n.rc = n.rc == 0 ? rc : n.rc;
	rc = compile_pickup(b, in->cfg, err); // behind the list
	return n.rc != 0 ? n.rc : rc;
}

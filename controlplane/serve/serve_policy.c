// SPDX-License-Identifier: BSD-3-Clause
// policy.match: the data plane's own classifier over the image in force, for a connection that is
// only thought of: what pickup says of it, which policy takes it, and of each one before that the
// first field that differs, with what the policy wants there and what the connection has.
// Thread: the loop's.
#include <stdio.h>
#include <string.h>

#include "pol_match.h"
#include "serve_int.h"

struct question {
	const char *source, *destination, *context, *ingress;
	int64_t port, vlan;
	struct pol_key key;
	struct serve_recipient recipient;
};

static const char *port_name(const struct serve_revision *r, uint32_t port)
{
	if (r->cfg == NULL || port >= r->cfg->dataplane.nports)
		return NULL;
	return r->cfg->dataplane.ports[port].name;
}

static bool context_find(const struct serve_revision *r, const char *name, uint16_t *out)
{
	for (uint32_t i = 0; i < pol_count(r->pol, POL_SEC_CONTEXTS); i++) {
		if (strcmp(pol_string(r->pol, pol_context_at(r->pol, i)->name), name) == 0) {
			*out = (uint16_t)i;
			return true;
		}
	}
	return false;
}

static bool ingress_find(const struct serve_revision *r, const char *name, uint16_t *out)
{
	for (uint32_t i = 0; r->cfg != NULL && i < r->cfg->dataplane.nports; i++) {
		if (strcmp(r->cfg->dataplane.ports[i].name, name) == 0) {
			*out = (uint16_t)i;
			return true;
		}
	}
	return false;
}

// A port that belongs to the context, for a question that names none: the first.
static uint16_t ingress_guess(const struct serve_revision *r, uint16_t context)
{
	uint32_t ports = context < pol_count(r->pol, POL_SEC_CONTEXTS)
		? pol_context_at(r->pol, context)->ports
		: 0;

	return ports == 0 ? 0 : (uint16_t)__builtin_ctz(ports);
}

// Fills in where the connection comes in. False after the call was answered.
static bool place_take(struct serve_call *call, const struct serve_revision *r, struct question *q)
{
	struct pol_key *k = &q->key;

	if (q->ingress != NULL && !ingress_find(r, q->ingress, &k->ingress)) {
		serve_call_error(call, API_RPC_ERR_NOT_FOUND, NULL, "params.ingress: no port %.64s",
			q->ingress);
		return false;
	}
	if (q->context != NULL && !context_find(r, q->context, &k->context)) {
		serve_call_error(call, API_RPC_ERR_NOT_FOUND, NULL,
			"params.context: no context %.64s", q->context);
		return false;
	}
	if (q->context == NULL)
		k->context = q->ingress != NULL ? pol_context_of(r->pol, k->ingress) : 0;
	if (q->ingress == NULL)
		k->ingress = ingress_guess(r, k->context);
	return true;
}

// What no connection is, and what nobody would look at. False after the call was answered.
static bool question_makes_sense(struct serve_call *call, const struct question *q)
{
	const struct serve_recipient *r = &q->recipient;
	const char *why = NULL;

	if (addr_is_v4(&q->key.source) != addr_is_v4(&q->key.destination))
		why = "params.source, params.destination: one is IPv4, the other IPv6";
	else if (r->recipient == NULL && (r->sender != NULL || r->helo != NULL || r->auth))
		why = "params.recipient: is missing; sender, helo and auth are about it";
	if (why != NULL)
		serve_call_error(call, API_RPC_ERR_PARAMS, NULL, "%s", why);
	return why == NULL;
}

static bool question_take(struct serve_call *call, json_t *params, struct question *q)
{
	const struct serve_param table[] = {
		{"source", SERVE_PARAM_TEXT, true, .out = &q->source},
		{"destination", SERVE_PARAM_TEXT, true, .out = &q->destination},
		{"port", SERVE_PARAM_INT, .lo = 0, .hi = UINT16_MAX, .out = &q->port},
		{"vlan", SERVE_PARAM_INT, .lo = 0, .hi = 4095, .out = &q->vlan},
		{"context", SERVE_PARAM_TEXT, .out = &q->context},
		{"ingress", SERVE_PARAM_TEXT, .out = &q->ingress},
		{"sender", SERVE_PARAM_TEXT, .out = &q->recipient.sender},
		{"recipient", SERVE_PARAM_TEXT, .out = &q->recipient.recipient},
		{"helo", SERVE_PARAM_TEXT, .out = &q->recipient.helo},
		{"auth", SERVE_PARAM_BOOL, .out = &q->recipient.auth},
	};

	if (!serve_params_take(call, params, table, sizeof(table) / sizeof(table[0])))
		return false;
	if (addr_parse(q->source, &q->key.source) != 0 ||
		addr_parse(q->destination, &q->key.destination) != 0) {
		serve_call_error(call, API_RPC_ERR_PARAMS, NULL,
			"params.source, params.destination: not both IP addresses");
		return false;
	}
	q->recipient.client = q->key.source;
	q->recipient.server = q->key.destination;
	q->key.port = (uint16_t)q->port;
	q->key.vlan = (uint16_t)q->vlan;
	return question_makes_sense(call, q);
}

enum { VALUE_MAX = 256 }; // bytes of a value as text

static const char *context_name(const struct serve_revision *r, uint16_t context)
{
	return context < pol_count(r->pol, POL_SEC_CONTEXTS)
		? pol_string(r->pol, pol_context_at(r->pol, context)->name)
		: "none";
}

// The names of a set of ports, with commas; cut where they are too many.
static void ports_format(const struct serve_revision *r, uint32_t ports, char buf[VALUE_MAX])
{
	size_t n = 0;

	buf[0] = '\0';
	for (uint32_t i = 0; i < POL_PORTS_MAX && n < VALUE_MAX; i++) {
		const char *name = port_name(r, i);

		if ((ports >> i & 1) != 0)
			n += (size_t)snprintf(buf + n, VALUE_MAX - n, "%s%s", n > 0 ? ", " : "",
				name != NULL ? name : "?");
	}
}

static void range_format(unsigned lo, unsigned hi, bool vlan, char buf[VALUE_MAX])
{
	if (vlan && hi == 0)
		(void)snprintf(buf, VALUE_MAX, "untagged"); // they all fit
	else if (lo == hi)
		(void)snprintf(buf, VALUE_MAX, "%u", lo);
	else
		(void)snprintf(buf, VALUE_MAX, "%u-%u", lo, hi);
}

// What a policy wants of the field that differs.
static void wants_format(const struct serve_revision *r, const struct pol_policy *p,
	enum pol_miss miss, char buf[VALUE_MAX])
{
	switch (miss) {
	case POL_MISS_CONTEXT:
		(void)snprintf(buf, VALUE_MAX, "%s", context_name(r, p->context));
		break;
	case POL_MISS_INGRESS:
		ports_format(r, p->ingress, buf);
		break;
	case POL_MISS_VLAN:
		range_format(p->vlan_lo, p->vlan_hi, true, buf);
		break;
	case POL_MISS_SOURCE:
		(void)prefix_format(&p->source, buf, VALUE_MAX);
		break;
	case POL_MISS_DESTINATION:
		(void)prefix_format(&p->destination, buf, VALUE_MAX);
		break;
	case POL_MISS_PORT:
		range_format(p->port_lo, p->port_hi, false, buf);
		break;
	default:
		buf[0] = '\0';
		break;
	}
}

// What the connection has there.
static void has_format(const struct serve_revision *r, const struct pol_key *key,
	enum pol_miss miss, char buf[VALUE_MAX])
{
	const char *port = port_name(r, key->ingress);

	switch (miss) {
	case POL_MISS_CONTEXT:
		(void)snprintf(buf, VALUE_MAX, "%s", context_name(r, key->context));
		break;
	case POL_MISS_INGRESS:
		(void)snprintf(buf, VALUE_MAX, "%s", port != NULL ? port : "?");
		break;
	case POL_MISS_VLAN:
		range_format(key->vlan, key->vlan, true, buf);
		break;
	case POL_MISS_SOURCE:
		(void)addr_format(&key->source, buf, VALUE_MAX);
		break;
	case POL_MISS_DESTINATION:
		(void)addr_format(&key->destination, buf, VALUE_MAX);
		break;
	case POL_MISS_PORT:
		range_format(key->port, key->port, false, buf);
		break;
	default:
		buf[0] = '\0';
		break;
	}
}

static json_t *text_or_null(const char *text)
{
	return text[0] == '\0' ? json_null() : serve_json_text(text);
}

// The policies before the one that matches; none where pickup has decided before.
static json_t *tried(const struct serve_revision *r, const struct pol_key *key, uint32_t found)
{
	const uint32_t list = pol_list_count(r->pol);
	const uint32_t n = found < list ? found : found == POL_NONE ? list : 0;
	json_t *rows = json_array();

	for (uint32_t i = 0; i < n; i++) {
		const struct pol_policy *p = pol_policy_at(r->pol, i);
		const enum pol_miss miss = pol_explain(r->pol, key, i);
		char wants[VALUE_MAX], has[VALUE_MAX];

		wants_format(r, p, miss, wants);
		has_format(r, key, miss, has);
		(void)json_array_append_new(rows,
			json_pack("{s:o,s:s,s:o,s:o}", "policy",
				serve_json_text(pol_string(r->pol, p->name)), "miss",
				pol_miss_name(miss), "wants", text_or_null(wants), "has",
				text_or_null(has))); // else one less
	}
	return rows;
}

static json_t *name_or_null(const struct serve_revision *r, bool there, uint32_t name)
{
	return there ? serve_json_text(pol_string(r->pol, name)) : json_null();
}

static json_t *answer(const struct serve_revision *r, const struct question *q)
{
	const struct pol_key *key = &q->key;
	uint32_t i = pol_match(r->pol, key);
	const struct pol_policy *p = i == POL_NONE ? NULL : pol_policy_at(r->pol, i);
	bool pick = p != NULL && p->stand_in != 0;
	bool session = p != NULL && p->session != POL_NONE,
	     content = p != NULL && p->content != POL_NONE;
	bool context = key->context < pol_count(r->pol, POL_SEC_CONTEXTS);
	bool read = p != NULL && p->action == POL_INSPECT && q->recipient.recipient != NULL;

	bool blocked = p != NULL && p->action == POL_INSPECT &&
		pol_is_blocked(r->pol, p->session, &key->destination);

	return json_pack("{s:o,s:o,s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:b,s:o,s:o,s:o,s:b}", "index",
		p == NULL || pick ? json_null() : json_integer(i), "policy",
		name_or_null(r, p != NULL && !pick, p == NULL ? 0 : p->name), "direction",
		pol_is_incoming(r->pol, &key->destination) ? "incoming" : "outgoing", "pickup",
		pick ? pol_action_name(p->action) : "proxy", "action",
		pol_action_name(p == NULL ? POL_PASS : p->action), "session",
		name_or_null(r, session, session ? pol_session_at(r->pol, p->session)->name : 0),
		"content",
		name_or_null(r, content, content ? pol_content_at(r->pol, p->content)->name : 0),
		"context",
		name_or_null(r, context, context ? pol_context_at(r->pol, key->context)->name : 0),
		"ingress", serve_json_text(port_name(r, key->ingress)), "picked_up",
		pol_picks_up(r->pol, key->port), "revision", serve_json_u64(r->version), "tried",
		tried(r, key, i), "access",
		read ? serve_policy_access(r->pol, p->session, &q->recipient) : json_null(),
		"server_blocked", blocked);
}

void serve_policy_match(void *arg, struct serve_call *call, json_t *params)
{
	struct serve *s = arg;
	const struct serve_revision *r = serve_changes_current(s->changes);
	struct question q = {.port = 25};

	if (r == NULL || r->pol == NULL)
		serve_call_error(call, API_RPC_ERR_NOT_FOUND, NULL, "no policy is in force yet");
	else if (question_take(call, params, &q) && place_take(call, r, &q))
		serve_call_result(call, answer(r, &q));
}

// SPDX-License-Identifier: BSD-3-Clause
// A record of the data plane as one line of the event log. The fields are documented in
// docs/events.md and are stable: adding one is compatible, renaming or dropping one is not.
// Thread: any; no state.
#include <string.h>

#include "api_names.h"
#include "serve_classify.h"
#include "serve_events.h"
#include "serve_hash.h"
#include "serve_line.h"
#include "text.h"

enum { NO_REASON = 0xffff };
static const uint32_t NO_POLICY = 0xffffffff;

static void put_id(struct serve_line *l, const char *key, uint64_t id)
{
	char text[TEXT_ID_LEN + 1];

	serve_line_str(l, key, id == 0 ? NULL : text_id(id, text));
}

static void put_addr(struct serve_line *l, const char *key, const struct addr *a)
{
	char text[ADDR_TEXT_MAX];

	serve_line_str(l, key, addr_format(a, text, sizeof(text)));
}

static void put_chars(struct serve_line *l, const char *key, const char *chars, size_t cap)
{
	serve_line_bytes(l, key, (struct span){(const uint8_t *)chars, strnlen(chars, cap)});
}

static void put_private(
	struct serve_line *l, const char *key, struct span bytes, const struct serve_hash *hash)
{
	char text[SERVE_HASH_MAX];

	if (hash == NULL)
		serve_line_bytes(l, key, bytes);
	else
		serve_line_str(l, key, serve_hash_text(hash, bytes, text));
}

static void put_address(struct serve_line *l, const char *key, const char *chars, size_t cap,
	const struct serve_hash *hash)
{
	put_private(l, key, (struct span){(const uint8_t *)chars, strnlen(chars, cap)}, hash);
}

static void put_subject(
	struct serve_line *l, const struct api_record *r, const struct serve_hash *hash)
{
	const struct span all = {(const uint8_t *)r->message.subject, sizeof(r->message.subject)};

	if (r->message.has_subject == 0)
		serve_line_null(l, "subject");
	else
		put_private(l, "subject", span_sub(all, 0, r->message.subject_len), hash);
}

static void put_code(struct serve_line *l, uint16_t code)
{
	if (code == 0)
		serve_line_null(l, "code");
	else
		serve_line_u64(l, "code", code);
}

// A refusal without a reply is none: it would have been one.
static const char *type_of(const struct api_record *r)
{
	return r->kind == API_REC_REFUSAL && r->refusal.code == 0 ? "monitored"
								  : api_record_name(r->kind);
}

static void put_connection(
	struct serve_line *l, const struct api_record *r, const struct serve_event_names *names)
{
	serve_line_time(l, "time", r->at_us);
	serve_line_str(l, "type", type_of(r));
	put_id(l, "session", r->session);
	put_addr(l, "client", &r->client);
	serve_line_u64(l, "client_port", r->client_port);
	put_addr(l, "server", &r->server);
	serve_line_u64(l, "server_port", r->server_port);
	serve_line_u64(l, "vlan", r->vlan);
	serve_line_str(l, "context", names->context);
	serve_line_str(l, "policy", names->policy);
	if (r->policy == NO_POLICY)
		serve_line_null(l, "policy_index");
	else
		serve_line_u64(l, "policy_index", r->policy);
	serve_line_u64(l, "image_version", r->image_version);
	serve_line_u64(l, "worker", r->worker);
	serve_line_str(l, "classifier", serve_class_name(serve_classify(r, names)));
	serve_line_str(l, "session_profile", names->session);
	serve_line_str(l, "content_profile", names->content);
	if (names->endpoint.n == 0)
		serve_line_null(l, "endpoint");
	else
		put_private(l, "endpoint", names->endpoint, names->hash);
}

static void put_session(
	struct serve_line *l, const struct api_record *r, const struct serve_event_names *names)
{
	serve_line_u64(l, "duration_us", r->session_end.duration_us);
	serve_line_u64(l, "client_bytes", r->session_end.client_bytes);
	serve_line_u64(l, "server_bytes", r->session_end.server_bytes);
	serve_line_u64(l, "messages", r->session_end.messages);
	serve_line_u64(l, "refused", r->session_end.refused);
	serve_line_str(l, "lane", api_lane_name(r->session_end.lane));
	serve_line_str(l, "reason", r->session_end.reason == NO_REASON ? NULL : names->reason);
	serve_line_bool(l, "tls", r->session_end.tls != 0);
	serve_line_bool(l, "auth", r->session_end.auth != 0);
}

static void put_message(
	struct serve_line *l, const struct api_record *r, const struct serve_event_names *names)
{
	put_chars(l, "helo", r->message.helo, sizeof(r->message.helo));
	put_address(l, "from", r->message.from, sizeof(r->message.from), names->hash);
	put_address(l, "to", r->message.to, sizeof(r->message.to), names->hash);
	serve_line_u64(l, "recipients", r->message.recipients);
	serve_line_u64(l, "octets", r->message.octets);
	serve_line_i64(l, "score", r->message.score);
	serve_line_i64(l, "threshold", r->message.threshold);
	serve_line_list(l, "rules", r->message.rules, API_RULES_MAX);
	serve_line_texts(l, "rule_labels", names->rules, r->message.rules, API_RULES_MAX);
	serve_line_u64(l, "rules_total", r->message.rules_total);
	serve_line_str(l, "verdict", api_verdict_name(r->message.verdict));
	put_code(l, r->message.code);
	put_id(l, "id", r->message.id);
	serve_line_u64(l, "scan_us", r->message.scan_ns / 1000);
	serve_line_bool(l, "bdat", r->message.bdat != 0);
	serve_line_str(l, "reason", r->message.reason == NO_REASON ? NULL : names->reason);
	serve_line_str(l, "access_rule", names->access);
	put_subject(l, r, names->subject_hash);
}

static void put_refusal(
	struct serve_line *l, const struct api_record *r, const struct serve_event_names *names)
{
	put_code(l, r->refusal.code);
	put_id(l, "id", r->refusal.id);
	serve_line_str(l, "reason", r->refusal.reason == NO_REASON ? NULL : names->reason);
	serve_line_str(l, "access_rule", names->access);
	if (r->refusal.limit == 0 && r->refusal.value == 0)
		serve_line_null(l, "limit");
	else
		serve_line_u64(l, "limit", r->refusal.limit);
	if (r->refusal.value == 0) // nothing passes a limit so: what did is not known
		serve_line_null(l, "value");
	else
		serve_line_u64(l, "value", r->refusal.value);
}

struct decision_keys {
	const char *does, *code, *reason, *access, *limit, *value, *score, *threshold, *rules;
};

static void put_decision(struct serve_line *l, const struct api_decision *d, const char *reason,
	const char *access, const struct decision_keys *keys)
{
	serve_line_str(l, keys->does, api_does_name(d->does));
	if (d->code == 0)
		serve_line_null(l, keys->code);
	else
		serve_line_u64(l, keys->code, d->code);
	serve_line_str(l, keys->reason, d->reason == NO_REASON ? NULL : reason);
	serve_line_str(l, keys->access, d->access == 0 ? NULL : access);
	if (d->limit == 0 && d->value == 0) {
		serve_line_null(l, keys->limit);
		serve_line_null(l, keys->value);
	} else {
		serve_line_u64(l, keys->limit, d->limit);
		serve_line_u64(l, keys->value, d->value);
	}
	serve_line_i64(l, keys->score, d->score);
	serve_line_i64(l, keys->threshold, d->threshold);
	serve_line_list(l, keys->rules, d->rules, API_RULES_MAX);
}

static void put_shadow(
	struct serve_line *l, const struct api_record *r, const struct serve_event_names *names)
{
	static const struct decision_keys did = {"did", "code", "reason", "access_rule", "limit",
		"value", "score", "threshold", "rules"};
	static const struct decision_keys would = {"would", "would_code", "would_reason",
		"would_access_rule", "would_limit", "would_value", "would_score", "would_threshold",
		"would_rules"};

	serve_line_str(l, "stage", api_stage_name(r->shadow.stage));
	put_decision(l, &r->shadow.live, names->reason, names->access, &did);
	serve_line_u64(l, "candidate", r->shadow.candidate);
	serve_line_str(l, "candidate_policy", names->candidate.policy);
	if (r->shadow.policy == NO_POLICY)
		serve_line_null(l, "candidate_policy_index");
	else
		serve_line_u64(l, "candidate_policy_index", r->shadow.policy);
	serve_line_str(l, "candidate_session_profile", names->candidate.session);
	serve_line_str(l, "candidate_content_profile", names->candidate.content);
	put_decision(
		l, &r->shadow.shadow, names->candidate.reason, names->candidate.access, &would);
}

void serve_event_line(
	struct serve_line *l, const struct api_record *r, const struct serve_event_names *names)
{
	serve_line_begin(l);
	put_connection(l, r, names);
	if (r->kind == API_REC_SESSION)
		put_session(l, r, names);
	else if (r->kind == API_REC_MESSAGE)
		put_message(l, r, names);
	else if (r->kind == API_REC_REFUSAL)
		put_refusal(l, r, names);
	else if (r->kind == API_REC_SHADOW)
		put_shadow(l, r, names);
	serve_line_end(l);
}

// SPDX-License-Identifier: BSD-3-Clause
// The table from reasons to classes, and what a message's verdict says before its reason does. A
// reason that a record may carry and that has no row here fails a test.
// Thread: any; no state.
#include "serve_classify.h"

#include <stddef.h>
#include <string.h>

static const struct {
	const char *reason;
	enum serve_class class;
} rows[] = {
	{"access_discarded", SERVE_CLASS_ACCESS},
	{"access_rejected", SERVE_CLASS_ACCESS},
	{"access_split", SERVE_CLASS_ACCESS},
	{"access_tempfailed", SERVE_CLASS_ACCESS},
	{"addresses_refused", SERVE_CLASS_PROTOCOL},
	{"auth_mechanisms_refused", SERVE_CLASS_ENCRYPTION},
	{"auth_reputation_monitored", SERVE_CLASS_REPUTATION},
	{"auth_reputation_refused", SERVE_CLASS_REPUTATION},
	{"blocked_servers", SERVE_CLASS_LIST},
	{"chunks_refused", SERVE_CLASS_PROTOCOL},
	{"client_messages_refused", SERVE_CLASS_SESSION_LIMITS},
	{"client_recipients_refused", SERVE_CLASS_SESSION_LIMITS},
	{"commands_refused", SERVE_CLASS_PROTOCOL},
	{"commands_refused_sequence", SERVE_CLASS_PROTOCOL},
	{"commands_refused_syntax", SERVE_CLASS_PROTOCOL},
	{"cut_ahead", SERVE_CLASS_TRANSPORT},
	{"cut_bypassed", SERVE_CLASS_TRANSPORT},
	{"cut_change_memory", SERVE_CLASS_RESOURCES},
	{"cut_desync", SERVE_CLASS_PROTOCOL},
	{"cut_header_size", SERVE_CLASS_SESSION_LIMITS},
	{"cut_max_errors", SERVE_CLASS_SESSION_LIMITS},
	{"cut_max_helo", SERVE_CLASS_SESSION_LIMITS},
	{"cut_max_mail", SERVE_CLASS_SESSION_LIMITS},
	{"cut_max_noop", SERVE_CLASS_SESSION_LIMITS},
	{"cut_max_recipient_errors", SERVE_CLASS_SESSION_LIMITS},
	{"cut_max_rset", SERVE_CLASS_SESSION_LIMITS},
	{"cut_message_size", SERVE_CLASS_SESSION_LIMITS},
	{"cut_possible_end", SERVE_CLASS_PROTOCOL},
	{"cut_refused_commands", SERVE_CLASS_PROTOCOL},
	{"cut_stalled", SERVE_CLASS_RESOURCES},
	{"cut_strict_lines", SERVE_CLASS_PROTOCOL},
	{"drop_policy", SERVE_CLASS_POLICY},
	{"empty_domain_refused", SERVE_CLASS_DOMAIN},
	{"endpoint_reputation_monitored", SERVE_CLASS_REPUTATION},
	{"endpoint_reputation_refused_connect", SERVE_CLASS_REPUTATION},
	{"endpoint_reputation_refused_mail", SERVE_CLASS_REPUTATION},
	{"endpoint_reputation_refused_rcpt", SERVE_CLASS_REPUTATION},
	{"helo_domain_refused", SERVE_CLASS_DOMAIN},
	{"helo_refused_characters", SERVE_CLASS_PROTOCOL},
	{"mail_deferred", SERVE_CLASS_RESOURCES},
	{"mail_refused_no_auth", SERVE_CLASS_POLICY},
	{"mail_refused_size", SERVE_CLASS_SESSION_LIMITS},
	{"messages_discarded", SERVE_CLASS_CONTENT},
	{"messages_monitored", SERVE_CLASS_CONTENT},
	{"messages_rejected", SERVE_CLASS_CONTENT},
	{"messages_tempfailed", SERVE_CLASS_CONTENT},
	{"not_scanned_access", SERVE_CLASS_ACCESS},
	{"not_scanned_encap_deep", SERVE_CLASS_TRANSPORT},
	{"not_scanned_encap_tunnel", SERVE_CLASS_TRANSPORT},
	{"not_scanned_no_memory", SERVE_CLASS_RESOURCES},
	{"not_scanned_no_profile", SERVE_CLASS_NO_PROFILE},
	{"not_scanned_safe_list", SERVE_CLASS_LIST},
	{"pass_draining", SERVE_CLASS_RESOURCES},
	{"pass_midstream", SERVE_CLASS_TRANSPORT},
	{"pass_no_policy", SERVE_CLASS_NO_POLICY},
	{"pass_no_policy_image", SERVE_CLASS_NO_POLICY},
	{"pass_one_way", SERVE_CLASS_TRANSPORT},
	{"pass_policy", SERVE_CLASS_POLICY},
	{"pass_slabs_short", SERVE_CLASS_RESOURCES},
	{"pass_table_full", SERVE_CLASS_RESOURCES},
	{"pass_tcp_md5", SERVE_CLASS_TRANSPORT},
	{"pass_tls", SERVE_CLASS_ENCRYPTION},
	{"pipelined_refused", SERVE_CLASS_PROTOCOL},
	{"recipient_domain_refused", SERVE_CLASS_DOMAIN},
	{"recipients_blocked", SERVE_CLASS_LIST},
	{"recipients_refused", SERVE_CLASS_SESSION_LIMITS},
	{"refused_at_connect", SERVE_CLASS_POLICY},
	{"refused_client_connections", SERVE_CLASS_SESSION_LIMITS},
	{"refused_client_rate", SERVE_CLASS_SESSION_LIMITS},
	{"refused_draining", SERVE_CLASS_RESOURCES},
	{"refused_stateless", SERVE_CLASS_POLICY},
	{"refused_total_connections", SERVE_CLASS_SESSION_LIMITS},
	{"reset_digest", SERVE_CLASS_RESOURCES},
	{"reset_drain", SERVE_CLASS_RESOURCES},
	{"reset_fin_partial", SERVE_CLASS_PROTOCOL},
	{"reset_idle", SERVE_CLASS_TRANSPORT},
	{"reset_midstream", SERVE_CLASS_TRANSPORT},
	{"reset_no_ack", SERVE_CLASS_TRANSPORT},
	{"reset_one_way", SERVE_CLASS_TRANSPORT},
	{"reset_tombstone", SERVE_CLASS_TRANSPORT},
	{"sender_domain_put_off", SERVE_CLASS_DOMAIN},
	{"sender_domain_refused", SERVE_CLASS_DOMAIN},
	{"sender_messages_refused", SERVE_CLASS_SESSION_LIMITS},
	{"sender_recipients_refused", SERVE_CLASS_SESSION_LIMITS},
	{"sender_reputation_monitored", SERVE_CLASS_REPUTATION},
	{"sender_reputation_refused_connect", SERVE_CLASS_REPUTATION},
	{"sender_reputation_refused_mail", SERVE_CLASS_REPUTATION},
	{"sender_reputation_refused_rcpt", SERVE_CLASS_REPUTATION},
	{"sender_reputation_throttled", SERVE_CLASS_REPUTATION},
	{"senders_blocked", SERVE_CLASS_LIST},
	{"starttls_refused", SERVE_CLASS_ENCRYPTION},
	{"starttls_without_tls", SERVE_CLASS_ENCRYPTION},
	{"three_way_refused", SERVE_CLASS_DOMAIN},
};

enum serve_class serve_class_of(const char *reason)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].reason, reason) == 0)
			return rows[i].class;
	return SERVE_CLASS_UNKNOWN;
}

static enum serve_class of_reason(const char *reason, enum serve_class without)
{
	return reason == NULL ? without : serve_class_of(reason);
}

// A session may have been cut for a later reason than what became of this message.
static enum serve_class message_class(
	const struct api_record *r, const struct serve_event_names *names)
{
	const enum serve_class by_reason = of_reason(names->reason, SERVE_CLASS_UNKNOWN);

	if (by_reason == SERVE_CLASS_ACCESS || by_reason == SERVE_CLASS_LIST)
		return by_reason;
	switch (r->message.verdict) {
	case API_VERDICT_CLEAN:
		return SERVE_CLASS_CLEAN;
	case API_VERDICT_UNSCANNED:
		if (names->policy == NULL) // nobody knows any more what it wanted
			return SERVE_CLASS_UNKNOWN;
		return names->content == NULL ? SERVE_CLASS_NO_PROFILE : SERVE_CLASS_RESOURCES;
	case API_VERDICT_ABORTED:
		return of_reason(names->reason, SERVE_CLASS_ABORTED);
	default:
		if (r->message.score > r->message.threshold)
			return SERVE_CLASS_CONTENT;
		return of_reason(names->reason, SERVE_CLASS_UNKNOWN);
	}
}

enum serve_class serve_classify(const struct api_record *r, const struct serve_event_names *names)
{
	switch (r->kind) {
	case API_REC_MESSAGE:
		return message_class(r, names);
	case API_REC_REFUSAL:
		return of_reason(names->reason, SERVE_CLASS_POLICY);
	case API_REC_SHADOW: // what the candidate would do; where that is nothing, what was done
		return of_reason(names->candidate.reason != NULL ? names->candidate.reason
								 : names->reason,
			SERVE_CLASS_NONE);
	default:
		return of_reason(names->reason, SERVE_CLASS_NONE);
	}
}

const char *serve_class_name(enum serve_class c)
{
	static const char *const names[] = {
		[SERVE_CLASS_NONE] = "none",
		[SERVE_CLASS_CLEAN] = "clean",
		[SERVE_CLASS_CONTENT] = "content",
		[SERVE_CLASS_POLICY] = "policy",
		[SERVE_CLASS_ACCESS] = "access",
		[SERVE_CLASS_LIST] = "list",
		[SERVE_CLASS_DOMAIN] = "domain",
		[SERVE_CLASS_NO_POLICY] = "no_policy",
		[SERVE_CLASS_NO_PROFILE] = "no_profile",
		[SERVE_CLASS_ENCRYPTION] = "encryption",
		[SERVE_CLASS_PROTOCOL] = "protocol",
		[SERVE_CLASS_TRANSPORT] = "transport",
		[SERVE_CLASS_RESOURCES] = "resources",
		[SERVE_CLASS_SESSION_LIMITS] = "session_limits",
		[SERVE_CLASS_REPUTATION] = "reputation",
		[SERVE_CLASS_ABORTED] = "aborted",
		[SERVE_CLASS_UNKNOWN] = "unknown",
	};
	_Static_assert(sizeof(names) / sizeof(names[0]) == SERVE_CLASS_COUNT, "a word each");

	return names[c];
}

// SPDX-License-Identifier: BSD-3-Clause
// `explain ID`: the log's lines about one session in plain words, in the order of the log. What came
// from mail is printed escaped. Thread: the program's only one.
#include <inttypes.h>
#include <string.h>

#include "cli.h"
#include "text.h"

enum { PEER_TEXT_MAX = 400 };

static bool is(const json_t *e, const char *name, const char *word)
{
	const char *text = json_string_value(json_object_get(e, name));

	return text != NULL && strcmp(text, word) == 0;
}

static bool has(const json_t *e, const char *name)
{
	return json_is_string(json_object_get(e, name));
}

// A name in quotes with a word in front of it, where there is one.
static void name_print(const char *word, const json_t *e, const char *name)
{
	if (has(e, name))
		(void)printf("%s\"%s\"", word, cli_text(e, name));
}

static void peer_print(const char *before, const json_t *e, const char *name, const char *behind)
{
	char text[PEER_TEXT_MAX];

	(void)printf("%s%s%s", before, text_escape(span_str(cli_text(e, name)), text, sizeof(text)),
		behind);
}

// Who talked to whom, and which policy that took: the same in all lines of a session.
static void head_print(const json_t *e)
{
	(void)printf("Session %s: %s port %" PRId64, cli_text(e, "session"), cli_text(e, "client"),
		cli_int(e, "client_port"));
	if (has(e, "endpoint"))
		peer_print(" (subscriber ", e, "endpoint", ")");
	(void)printf(" to %s port %" PRId64, cli_text(e, "server"), cli_int(e, "server_port"));
	if (cli_int(e, "vlan") != 0)
		(void)printf(", VLAN %" PRId64, cli_int(e, "vlan"));
	name_print(", context ", e, "context");
	(void)printf(", worker %" PRId64 "\n", cli_int(e, "worker"));
	if (has(e, "policy"))
		(void)printf("Policy \"%s\", number %" PRId64 " of the list", cli_text(e, "policy"),
			cli_int(e, "policy_index") + 1);
	else if (json_is_integer(json_object_get(e, "policy_index")))
		(void)printf("Policy number %" PRId64 " of the list, whose name is forgotten",
			cli_int(e, "policy_index") + 1);
	else
		(void)printf("No policy matched");
	(void)printf(", revision %" PRId64, cli_int(e, "image_version"));
	name_print("; session profile ", e, "session_profile");
	name_print("; content profile ", e, "content_profile");
	(void)putchar('\n');
}

// Why: the counter's name, and what it means where that is known.
static void reason_print(const char *before, const json_t *e, const json_t *reasons)
{
	const char *help = json_string_value(json_object_get(reasons, cli_text(e, "reason")));

	if (!has(e, "reason"))
		return;
	(void)printf("%s%s", before, cli_text(e, "reason"));
	if (help != NULL)
		(void)printf(" (%s)", help);
}

static void rules_print(const json_t *e)
{
	const json_t *rules = json_object_get(e, "rules"), *rule;
	const json_t *labels = json_object_get(e, "rule_labels");
	int64_t more = cli_int(e, "rules_total") - (int64_t)json_array_size(rules);
	size_t i;

	if (json_array_size(rules) == 0)
		return;
	(void)printf("  Rules that matched:");
	json_array_foreach(rules, i, rule)
	{
		const char *label = json_string_value(json_array_get(labels, i));

		(void)printf("%s %" PRId64, i == 0 ? "" : ",", (int64_t)json_integer_value(rule));
		if (label != NULL)
			(void)printf(" \"%s\"", label);
	}
	if (more > 0)
		(void)printf(" and %" PRId64 " more", more);
	(void)printf(".\n");
}

static void score_print(const json_t *e)
{
	bool over = cli_int(e, "score") > cli_int(e, "threshold");

	(void)printf("  Its score is %" PRId64 ", %s the threshold of %" PRId64,
		cli_int(e, "score"), over ? "over" : "not over", cli_int(e, "threshold"));
	name_print(" of content profile ", e, "content_profile");
	(void)printf(".\n");
}

// What became of the message, by verdict.
static void verdict_print(const json_t *e, const json_t *reasons)
{
	static const struct {
		const char *verdict, *text;
	} rows[] = {
		{"clean", "It was released"},
		{"monitored", "It was released, for the profile only monitors"},
		{"rejected", "It was refused"},
		{"tempfailed", "It was put off"},
		{"discarded", "The client was told that it is taken, the server never got it"},
		{"unscanned", "It was released without a scan"},
		{"aborted", "It never came to its end"},
	};
	const char *text = "Its fate is unknown";

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (is(e, "verdict", rows[i].verdict))
			text = rows[i].text;
	(void)printf("  %s", text);
	if (is(e, "classifier", "no_profile"))
		(void)printf(": its policy has no content profile");
	else if (is(e, "verdict", "unscanned") && is(e, "classifier", "resources"))
		(void)printf(": there was no memory for its scan");
	else if (!is(e, "verdict", "clean") && !is(e, "classifier", "content"))
		reason_print(": ", e, reasons);
	if (cli_int(e, "code") != 0)
		(void)printf("; the client was told %" PRId64, cli_int(e, "code"));
	if (has(e, "id"))
		(void)printf(" with id mw-%s", cli_text(e, "id"));
	(void)printf(".\n");
}

static void message_print(const json_t *e, const json_t *reasons)
{
	(void)printf("%s  A message", cli_text(e, "time"));
	peer_print(" from <", e, "from", ">");
	peer_print(" to <", e, "to", ">");
	if (cli_int(e, "recipients") > 1)
		(void)printf(" and %" PRId64 " more", cli_int(e, "recipients") - 1);
	(void)printf(", %" PRId64 " octets by %s", cli_int(e, "octets"),
		cli_bool(e, "bdat") ? "BDAT" : "DATA");
	peer_print("; the client calls itself ", e, "helo", ".\n");
	if (has(e, "subject"))
		peer_print("  Its subject is \"", e, "subject", "\".\n");
	if (is(e, "verdict", "clean") || is(e, "classifier", "content"))
		score_print(e);
	rules_print(e);
	if (has(e, "access_rule"))
		(void)printf("  Access rule \"%s\" took its last recipient.\n",
			cli_text(e, "access_rule"));
	verdict_print(e, reasons);
}

static void session_print(const json_t *e, const json_t *reasons)
{
	static const struct {
		const char *lane, *text;
	} lanes[] = {
		{"pass", "it was forwarded unread"},
		{"inspect", "it was read"},
		{"answer", "we answered in the server's place"},
		{"translate", "it was no longer read, and its numbers still translated"},
	};
	int64_t messages = cli_int(e, "messages");
	char took[32];

	(void)printf("%s  The session ended after %s: %" PRId64 " message%s, %" PRId64
		     " of them refused; %" PRId64 " bytes of the client, %" PRId64
		     " of the server.\n",
		cli_text(e, "time"), cli_duration(cli_int(e, "duration_us") / 1000, took), messages,
		messages == 1 ? "" : "s", cli_int(e, "refused"), cli_int(e, "client_bytes"),
		cli_int(e, "server_bytes"));
	for (size_t i = 0; i < sizeof(lanes) / sizeof(lanes[0]); i++)
		if (is(e, "lane", lanes[i].lane))
			(void)printf("  In the end %s", lanes[i].text);
	reason_print(": ", e, reasons);
	(void)printf("%s%s.\n", cli_bool(e, "tls") ? "; STARTTLS was accepted" : "",
		cli_bool(e, "auth") ? "; AUTH was accepted" : "");
}

static void refusal_print(const json_t *e, const json_t *reasons)
{
	bool at_connect = is(e, "reason", "refused_at_connect") ||
		is(e, "reason", "refused_client_connections") ||
		is(e, "reason", "refused_client_rate") ||
		is(e, "reason", "refused_total_connections") ||
		is(e, "reason", "endpoint_reputation_refused_connect") ||
		is(e, "reason", "sender_reputation_refused_connect");

	if (is(e, "type", "monitored"))
		(void)printf(
			"%s  Would have been refused, but is only monitored", cli_text(e, "time"));
	else
		(void)printf("%s  Refused%s with %" PRId64, cli_text(e, "time"),
			at_connect ? " at connect" : "", cli_int(e, "code"));
	reason_print(": ", e, reasons);
	if (json_is_integer(json_object_get(e, "limit")))
		(void)printf("; the limit is %" PRId64, cli_int(e, "limit"));
	if (json_is_integer(json_object_get(e, "value")))
		(void)printf(", this was %" PRId64, cli_int(e, "value"));
	if (has(e, "access_rule"))
		(void)printf("; access rule \"%s\"", cli_text(e, "access_rule"));
	if (has(e, "id"))
		(void)printf("; id mw-%s", cli_text(e, "id"));
	(void)printf(".\n");
}

static void shadow_print(const json_t *e)
{
	(void)printf("%s  Candidate %" PRId64 " would first have decided otherwise here (%s): %s",
		cli_text(e, "time"), cli_int(e, "candidate"), cli_text(e, "stage"),
		cli_text(e, "would"));
	if (json_is_integer(json_object_get(e, "would_code")))
		(void)printf(" %" PRId64, cli_int(e, "would_code"));
	if (has(e, "would_reason"))
		(void)printf(", %s", cli_text(e, "would_reason"));
	if (has(e, "candidate_policy"))
		(void)printf(", by its policy \"%s\"", cli_text(e, "candidate_policy"));
	if (has(e, "would_access_rule"))
		(void)printf(", access rule \"%s\"", cli_text(e, "would_access_rule"));
	(void)printf(". Nothing was done by that.\n");
}

void cli_explain_show(const json_t *result, const json_t *params)
{
	const json_t *events = json_object_get(result, "events"), *e;
	const json_t *reasons = json_object_get(result, "reasons");
	size_t i;

	(void)params; // asked by the control plane
	json_array_foreach(events, i, e)
	{
		if (i == 0)
			head_print(e);
		if (is(e, "type", "message"))
			message_print(e, reasons);
		else if (is(e, "type", "session"))
			session_print(e, reasons);
		else if (is(e, "type", "refusal") || is(e, "type", "monitored"))
			refusal_print(e, reasons);
		else if (is(e, "type", "shadow"))
			shadow_print(e);
	}
	if (cli_bool(result, "more"))
		(void)printf("There is more in the log.\n");
	if (cli_int(result, "unreadable") > 0)
		(void)fprintf(stderr,
			"mailweirctl: %" PRId64 " of %" PRId64
			" files of the log could not be read whole\n",
			cli_int(result, "unreadable"), cli_int(result, "files"));
}

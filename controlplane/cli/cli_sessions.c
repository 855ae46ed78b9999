// SPDX-License-Identifier: BSD-3-Clause
// `sessions tail`: one line an event, as they come. Addresses and names in it come from mail: they
// are printed escaped. Thread: the program's only one.
#include <inttypes.h>
#include <string.h>

#include "cli.h"
#include "text.h"

enum { PEER_TEXT_MAX = 400 };

static const char *escaped(const json_t *e, const char *name, char buf[PEER_TEXT_MAX])
{
	return text_escape(span_str(cli_text(e, name)), buf, PEER_TEXT_MAX);
}

static void session_print(const json_t *e)
{
	char took[32];

	(void)printf(" %s, %" PRId64 "+%" PRId64 " bytes, %" PRId64 " messages, %" PRId64
		     " refused, lane %s",
		cli_duration(cli_int(e, "duration_us") / 1000, took), cli_int(e, "client_bytes"),
		cli_int(e, "server_bytes"), cli_int(e, "messages"), cli_int(e, "refused"),
		cli_text(e, "lane"));
	if (json_is_string(json_object_get(e, "reason")))
		(void)printf(", %s", cli_text(e, "reason"));
	(void)printf(
		"%s%s", cli_bool(e, "tls") ? ", tls" : "", cli_bool(e, "auth") ? ", auth" : "");
}

static void message_print(const json_t *e)
{
	const json_t *rules = json_object_get(e, "rules"), *rule;
	char from[PEER_TEXT_MAX], to[PEER_TEXT_MAX], helo[PEER_TEXT_MAX];
	size_t i;

	(void)printf(" helo %s from <%s> to <%s>", escaped(e, "helo", helo),
		escaped(e, "from", from), escaped(e, "to", to));
	if (cli_int(e, "recipients") > 1)
		(void)printf(" and %" PRId64 " more", cli_int(e, "recipients") - 1);
	(void)printf(", %" PRId64 " octets, score %" PRId64 " over %" PRId64, cli_int(e, "octets"),
		cli_int(e, "score"), cli_int(e, "threshold"));
	json_array_foreach(rules, i, rule)(void) printf(
		i == 0 ? " by rules %" PRId64 : " %" PRId64, (int64_t)json_integer_value(rule));
	(void)printf(": %s %" PRId64, cli_text(e, "verdict"), cli_int(e, "code"));
	if (json_is_string(json_object_get(e, "id")))
		(void)printf(" (mw-%s)", cli_text(e, "id"));
}

// "refuse 550 access_rejected"
static void decision_print(const json_t *e, const char *does, const char *code, const char *reason)
{
	(void)printf(" %s", cli_text(e, does));
	if (json_is_integer(json_object_get(e, code)))
		(void)printf(" %" PRId64, cli_int(e, code));
	if (json_is_string(json_object_get(e, reason)))
		(void)printf(" %s", cli_text(e, reason));
}

static void shadow_print(const json_t *e)
{
	(void)printf(" %s:", cli_text(e, "stage"));
	decision_print(e, "did", "code", "reason");
	(void)printf("; candidate %" PRId64 ", policy %s:", cli_int(e, "candidate"),
		cli_text(e, "candidate_policy"));
	decision_print(e, "would", "would_code", "would_reason");
}

static void event_print(const json_t *e)
{
	const char *type = cli_text(e, "type");

	(void)printf("%s %s %s %s:%" PRId64 " > %s:%" PRId64 " policy %s:", cli_text(e, "time"),
		type, cli_text(e, "session"), cli_text(e, "client"), cli_int(e, "client_port"),
		cli_text(e, "server"), cli_int(e, "server_port"), cli_text(e, "policy"));
	if (strcmp(type, "session") == 0)
		session_print(e);
	else if (strcmp(type, "message") == 0)
		message_print(e);
	else if (strcmp(type, "shadow") == 0)
		shadow_print(e);
	else
		(void)printf(" %" PRId64 " %s (mw-%s)", cli_int(e, "code"), cli_text(e, "reason"),
			cli_text(e, "id"));
	(void)putchar('\n');
}

static void one_print(const struct cli *c, const json_t *e)
{
	if (c->json)
		cli_print_json(e);
	else
		event_print(e);
	(void)fflush(stdout); // main looks at the stream's error at the end
}

int cli_sessions_tail(struct cli *c, const struct cli_verb *v, json_t *params)
{
	bool follow = !cli_bool(params, "no-follow");
	int64_t limit =
		json_object_get(params, "limit") != NULL ? cli_int(params, "limit") : INT64_MAX;
	json_t *asked = json_pack(
		"{s:b,s:O*}", "follow", follow, "count", json_object_get(params, "count"));
	json_t *result, *e;
	int status;
	size_t i;

	result = cli_call(c, v->method, asked, &status);
	json_decref(asked);
	if (result == NULL)
		return status;
	json_array_foreach(json_object_get(result, "events"), i, e)
	{
		if (limit-- > 0)
			one_print(c, e);
	}
	json_decref(result);
	while (follow && limit-- > 0 && !ferror(stdout)) {
		e = cli_next(c);
		if (e == NULL)
			return CLI_FAILED;
		one_print(c, e);
		json_decref(e);
	}
	return CLI_OK;
}

// SPDX-License-Identifier: BSD-3-Clause
// The command line by tables: which verb, which arguments, and the usage that follows from both.
// Options may stand before or behind bare words; "--name=value" and "--name value" are the same;
// "--" ends options. Thread: any.
#include "cli.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cfg.h"

// `endpoint` and `sender` mean the same as the nouns of several.
static const char *noun_of(const char *noun)
{
	if (strcmp(noun, "endpoint") == 0)
		return "endpoints";
	return strcmp(noun, "sender") == 0 ? "senders" : noun;
}

static const struct cli_verb *verb_of(const char *noun, const char *verb)
{
	noun = noun_of(noun);
	for (unsigned i = 0; i < cli_verb_count; i++) {
		if (strcmp(noun, cli_verbs[i].noun) == 0 && strcmp(verb, cli_verbs[i].verb) == 0)
			return &cli_verbs[i];
	}
	return NULL;
}

const struct cli_verb *cli_verb_find(int argc, char **argv, int *used)
{
	const struct cli_verb *v = argc >= 2 ? verb_of(argv[0], argv[1]) : NULL;

	*used = v != NULL ? 2 : 1;
	if (v != NULL || argc == 0)
		return v;
	if (strcmp(argv[0], "status") == 0)
		return verb_of("system", "status");
	if (strcmp(argv[0], "doctor") == 0)
		return verb_of("system", "doctor");
	if (strcmp(argv[0], "drain") == 0)
		return verb_of("system", "drain");
	for (unsigned i = 0; i < cli_verb_count; i++) {
		v = &cli_verbs[i];
		// A word behind it is an argument only where the verb takes one: no id is called "get".
		if (v->alone && strcmp(noun_of(argv[0]), v->noun) == 0 &&
			(argc == 1 || argv[1][0] == '-' || (v->nargs > 0 && v->args[0].bare)))
			return v;
	}
	return NULL;
}

void cli_verb_unknown(int argc, char **argv, char why[256])
{
	enum { WORDS_MAX = 64, VERBS_MAX = 96 };
	char words[WORDS_MAX], names[VERBS_MAX][WORDS_MAX];
	const char *list[VERBS_MAX];
	unsigned n = 0;

	(void)snprintf(words, sizeof(words), "%s%s%s", argc > 0 ? argv[0] : "", // cut where longer
		argc > 1 ? " " : "", argc > 1 ? argv[1] : "");
	for (; n < cli_verb_count && n < VERBS_MAX; n++) {
		(void)snprintf(names[n], WORDS_MAX, "%s %s", cli_verbs[n].noun, cli_verbs[n].verb);
		list[n] = names[n];
	}
	(void)snprintf(why, 256, "%s: no such verb; the nearest is \"%s\" (--help lists them)",
		words, cfg_nearest(words, list, n, sizeof(list[0])));
}

static bool number_parse(const char *text, json_int_t *out)
{
	char *end;

	errno = 0;
	*out = strtoll(text, &end, 10);
	return errno == 0 && end != text && *end == '\0' && *text != ' ';
}

static bool span_parse(const char *text, json_int_t *out)
{
	static const struct {
		char unit;
		json_int_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	char *end;

	errno = 0;
	*out = strtoll(text, &end, 10);
	if (errno != 0 || *text < '0' || *text > '9' || *out > INT32_MAX || strlen(end) != 1)
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (units[i].unit != *end)
			continue;
		*out *= units[i].seconds;
		return *out > 0;
	}
	return false;
}

static const char *member_of(const struct cli_arg *a)
{
	return a->member != NULL ? a->member : a->name;
}

static int value_set(const struct cli_arg *a, const char *value, json_t *params, char why[256])
{
	json_int_t number = 0;
	json_t *j;

	if (json_object_get(params, member_of(a)) != NULL) {
		(void)snprintf(why, 256, "--%s: given twice", a->name);
		return CLI_BAD_INPUT;
	}
	if (a->type == CLI_NUMBER && !number_parse(value, &number)) {
		(void)snprintf(why, 256, "--%s: %.100s: not a whole number", a->name, value);
		return CLI_BAD_INPUT;
	}
	if (a->type == CLI_SPAN && !span_parse(value, &number)) {
		(void)snprintf(why, 256, "--%s: %.100s: not a time like 90s, 30m, 12h or 7d",
			a->name, value);
		return CLI_BAD_INPUT;
	}
	j = a->type == CLI_FLAG       ? json_true()
		: a->type == CLI_TEXT ? json_string(value)
				      : json_integer(number);
	if (j == NULL || json_object_set_new(params, member_of(a), j) < 0) {
		(void)snprintf(why, 256, "--%s: not UTF-8", a->name);
		return CLI_BAD_INPUT;
	}
	return CLI_OK;
}

static const struct cli_arg *arg_find(const struct cli_verb *v, const char *name, size_t n)
{
	for (unsigned i = 0; i < v->nargs; i++) {
		if (strlen(v->args[i].name) == n && memcmp(v->args[i].name, name, n) == 0)
			return &v->args[i];
	}
	return NULL;
}

// The first argument that may be given bare and has no value yet.
static const struct cli_arg *arg_bare(const struct cli_verb *v, const json_t *params)
{
	for (unsigned i = 0; i < v->nargs; i++) {
		if (v->args[i].bare && json_object_get(params, member_of(&v->args[i])) == NULL)
			return &v->args[i];
	}
	return NULL;
}

struct words {
	int n, at;
	char **w;
};

// The value of the option word `name` of `n` bytes: behind '=' or the next word; NULL where missing.
static const char *option_value(struct words *ws, const char *name, size_t n)
{
	if (name[n] == '=')
		return name + n + 1;
	return ws->at < ws->n ? ws->w[ws->at++] : NULL;
}

static int option_take(struct cli *c, const struct cli_verb *v, struct words *ws, json_t *params,
	bool *help, char why[256])
{
	const char *word = ws->w[ws->at++], *name = word + 2;
	size_t n = strcspn(name, "=");
	bool socket = strcmp(word, "-s") == 0 || (n == 6 && memcmp(word, "--socket", 8) == 0);
	const struct cli_arg *a;
	const char *value;

	if (strcmp(word, "--json") == 0) {
		c->json = true;
		return CLI_OK;
	}
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
		*help = true;
		return CLI_OK;
	}
	a = socket || strncmp(word, "--", 2) != 0 ? NULL : arg_find(v, name, n);
	if (a == NULL && !socket) {
		(void)snprintf(why, 256, "%.100s: no such option", word);
		return CLI_BAD_INPUT;
	}
	if (a != NULL && a->type == CLI_FLAG && name[n] == '=') {
		(void)snprintf(why, 256, "--%s: takes no value", a->name);
		return CLI_BAD_INPUT;
	}
	if (a != NULL && a->type == CLI_FLAG)
		return value_set(a, NULL, params, why);
	value = word[1] == 's' ? option_value(ws, "", 0) : option_value(ws, name, n);
	if (value == NULL) {
		(void)snprintf(why, 256, "%.100s: the value is missing", word);
		return CLI_BAD_INPUT;
	}
	if (!socket)
		return value_set(a, value, params, why);
	c->socket = value;
	return CLI_OK;
}

static int required_check(const struct cli_verb *v, const json_t *params, char why[256])
{
	for (unsigned i = 0; i < v->nargs; i++) {
		if (!v->args[i].required || json_object_get(params, member_of(&v->args[i])) != NULL)
			continue;
		(void)snprintf(why, 256, v->args[i].bare ? "%s is missing" : "--%s is missing",
			v->args[i].bare ? v->args[i].meta : v->args[i].name);
		return CLI_BAD_INPUT;
	}
	return CLI_OK;
}

int cli_args_take(struct cli *c, const struct cli_verb *v, int argc, char **argv, json_t *params,
	bool *help, char why[256])
{
	struct words ws = {.n = argc, .w = argv};
	bool options = true;
	int rc = CLI_OK;

	while (rc == CLI_OK && ws.at < ws.n) {
		const char *word = ws.w[ws.at];
		const struct cli_arg *a;

		if (options && strcmp(word, "--") == 0) {
			options = false;
			ws.at++;
		} else if (options && word[0] == '-' && word[1] != '\0') {
			rc = option_take(c, v, &ws, params, help, why);
		} else if ((a = arg_bare(v, params)) == NULL) {
			(void)snprintf(why, 256, "%.100s: one word too many", word);
			rc = CLI_BAD_INPUT;
		} else {
			ws.at++;
			rc = value_set(a, word, params, why);
		}
	}
	return rc == CLI_OK && !*help ? required_check(v, params, why) : rc;
}

static void usage_line(const struct cli_verb *v, FILE *f)
{
	(void)fprintf(f, "  mailweirctl %s %s", v->noun, v->verb);
	for (unsigned i = 0; i < v->nargs; i++) {
		const struct cli_arg *a = &v->args[i];

		if (a->bare)
			(void)fprintf(f, a->required ? " %s" : " [%s]", a->meta);
		else if (a->type == CLI_FLAG)
			(void)fprintf(f, " [--%s]", a->name);
		else
			(void)fprintf(f, a->required ? " --%s %s" : " [--%s %s]", a->name, a->meta);
	}
	(void)fputc('\n', f);
}

void cli_verb_usage(const struct cli_verb *v, FILE *f)
{
	(void)fprintf(
		f, "%s: %s\n\n", api_rpc_methods[v->method].name, api_rpc_methods[v->method].help);
	usage_line(v, f);
	if (v->nargs > 0)
		(void)fputc('\n', f);
	for (unsigned i = 0; i < v->nargs; i++) {
		const struct cli_arg *a = &v->args[i];
		char left[64];

		if (a->bare)
			(void)snprintf(
				left, sizeof(left), "%s or --%s %s", a->meta, a->name, a->meta);
		else
			(void)snprintf(left, sizeof(left), "--%s %s", a->name,
				a->meta != NULL ? a->meta : "");
		(void)fprintf(f, "  %-28s %s\n", left, a->help);
	}
	(void)fputs("\n  --json                       print the raw result\n"
		    "  -s, --socket PATH            of the control plane\n",
		f);
}

// The verbs of one noun, or all (NULL); how many.
static unsigned verbs_print(FILE *f, const char *noun)
{
	unsigned n = 0;

	for (unsigned i = 0; i < cli_verb_count; i++) {
		const struct cli_verb *v = &cli_verbs[i];

		if (noun != NULL && strcmp(v->noun, noun) != 0)
			continue;
		(void)fprintf(
			f, "  %-8s %-9s %s\n", v->noun, v->verb, api_rpc_methods[v->method].help);
		n++;
	}
	return n;
}

int cli_help(int argc, char **argv, FILE *f, char why[256])
{
	const struct cli_verb *v;
	int used;

	if (argc == 0) {
		cli_usage(f);
		return CLI_OK;
	}
	if (argc == 1 && verbs_print(f, argv[0]) > 0)
		return CLI_OK;
	v = cli_verb_find(argc, argv, &used);
	if (v == NULL) {
		cli_verb_unknown(argc, argv, why);
		return CLI_BAD_INPUT;
	}
	cli_verb_usage(v, f);
	return CLI_OK;
}

void cli_usage(FILE *f)
{
	(void)fputs("usage: mailweirctl [-s SOCKET] [--json] VERB [ARGUMENTS]\n"
		    "       mailweirctl help [VERB] | -h | -V | --bash-completion\n\n",
		f);
	(void)verbs_print(f, NULL);
	(void)fputs(
		"\n`status` and `doctor` are short for `system status` and `system doctor`, `explain ID` for `explain get ID`, "
		"`stats`, `ports`,\n"
		"`flows`, `sessions`, `rules` and `policies` for the verb that lists them. "
		"`mailweirctl help\n"
		"VERB` tells the arguments. The socket is " CLI_SOCKET
		" or what MAILWEIR_RPC says.\n"
		"`config check` and `rules check` need no control plane.\n"
		"Exit status: 0 done, 1 refused or failed, 2 bad usage, configuration or "
		"rules.\n",
		f);
}

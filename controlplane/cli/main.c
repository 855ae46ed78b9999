// SPDX-License-Identifier: BSD-3-Clause
// mailweirctl: finds the verb, takes its arguments, runs it. Exit status: cli.h.
// Thread: this one.
#include <stdlib.h>
#include <string.h>

#include "cli.h"

// Options in front of the verb. Words used, or -1 after the error was printed.
static int front_take(struct cli *c, int argc, char **argv)
{
	int i = 1;

	for (; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "--json") == 0) {
			c->json = true;
		} else if (strncmp(argv[i], "--socket=", 9) == 0) {
			c->socket = argv[i] + 9;
		} else if ((strcmp(argv[i], "-s") == 0 || strcmp(argv[i], "--socket") == 0) &&
			i + 1 < argc) {
			c->socket = argv[++i];
		} else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			cli_usage(stdout);
			return 0;
		} else if (strcmp(argv[i], "--bash-completion") == 0) {
			cli_completion(stdout);
			return 0;
		} else if (strcmp(argv[i], "--version") == 0 || strcmp(argv[i], "-V") == 0) {
			(void)puts("mailweirctl " MAILWEIR_VERSION);
			return 0;
		} else {
			(void)fprintf(stderr, "mailweirctl: %s: no such option\n", argv[i]);
			return -1;
		}
	}
	return i;
}

static int help_run(int argc, char **argv)
{
	char why[256];
	int rc = cli_help(argc, argv, stdout, why);

	if (rc != CLI_OK)
		(void)fprintf(stderr, "mailweirctl: %s\n", why);
	return rc;
}

static int verb_run(struct cli *c, int argc, char **argv)
{
	json_t *params = json_object();
	const struct cli_verb *v;
	bool help = false;
	char why[256];
	int used, rc;

	v = cli_verb_find(argc, argv, &used);
	if (v == NULL && argc == 0)
		cli_usage(stderr);
	if (v == NULL && argc > 0) {
		cli_verb_unknown(argc, argv, why);
		(void)fprintf(stderr, "mailweirctl: %s\n", why);
	}
	if (v == NULL || params == NULL) {
		json_decref(params);
		return v == NULL ? CLI_BAD_INPUT : CLI_FAILED;
	}
	rc = cli_args_take(c, v, argc - used, argv + used, params, &help, why);
	if (rc != CLI_OK)
		(void)fprintf(
			stderr, "mailweirctl: %s %s: %s (--help tells)\n", v->noun, v->verb, why);
	else if (help)
		cli_verb_usage(v, stdout);
	else
		rc = v->run != NULL ? v->run(c, v, params) : cli_run(c, v, params);
	json_decref(params);
	return rc;
}

int main(int argc, char **argv)
{
	const char *env = getenv("MAILWEIR_RPC");
	struct cli c = {.socket = env != NULL && *env != '\0' ? env : CLI_SOCKET,
		.fd = -1,
		.quick_ms = CLI_QUICK_MS,
		.slow_ms = CLI_SLOW_MS};
	int used = front_take(&c, argc, argv), rc;

	if (used <= 0)
		return used == 0 ? CLI_OK : CLI_BAD_INPUT;
	if (argc > used && strcmp(argv[used], "help") == 0)
		rc = help_run(argc - used - 1, argv + used + 1);
	else
		rc = verb_run(&c, argc - used, argv + used);
	cli_close(&c);
	if (fflush(stdout) != 0 || ferror(stdout)) { // a full disk, a closed pipe
		perror("mailweirctl: standard output");
		rc = CLI_FAILED;
	}
	return rc;
}

// SPDX-License-Identifier: BSD-3-Clause
// `drain`: begins one, waits for its end, undoes or shows it. Thread: the program's only one.
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "cli.h"

enum { LOOK_MS = 200 };

void cli_drain_print(const json_t *drain)
{
	char since[32], left[32];

	if (strcmp(cli_text(drain, "state"), "drained") == 0)
		(void)printf("drained: no connection needs us");
	else if (json_is_null(json_object_get(drain, "connections")))
		(void)printf("waiting; connections are being counted");
	else
		(void)printf("waiting for %" PRId64 " connection%s", cli_int(drain, "connections"),
			cli_int(drain, "connections") == 1 ? "" : "s");
	(void)printf("; begun %s ago; new connections %s",
		cli_duration(1000 * cli_int(drain, "for_s"), since),
		strcmp(cli_text(drain, "new"), "refuse") == 0 ? "ARE REFUSED" : "PASS UNREAD");
	if (strcmp(cli_text(drain, "state"), "waiting") == 0 &&
		json_is_integer(json_object_get(drain, "left_s")))
		(void)printf("; what is left is ended in %s",
			cli_duration(1000 * cli_int(drain, "left_s"), left));
	(void)putchar('\n');
}

void cli_drain_show(const json_t *result, const json_t *params)
{
	(void)params; // the answer says it all
	if (json_is_string(json_object_get(result, "new")))
		cli_drain_print(result);
	else
		(void)printf("no drain: new connections are read\n");
}

static bool is_over(const json_t *drain)
{
	return strcmp(cli_text(drain, "state"), "drained") == 0 ||
		strcmp(cli_text(drain, "state"), "off") == 0; // somebody undid it
}

// Looks until it is over; the deadline sees to that. NULL after an error was printed.
static json_t *wait_over(struct cli *c, json_t *drain, int *status)
{
	const struct timespec nap = {.tv_nsec = LOOK_MS * 1000000L};
	json_t *look = json_pack("{s:s}", "action", "show");

	while (drain != NULL && !is_over(drain)) {
		json_decref(drain);
		(void)nanosleep(&nap, NULL); // woken early: one more look
		drain = cli_call(c, API_RPC_SYSTEM_DRAIN, look, status);
	}
	json_decref(look);
	return drain;
}

int cli_system_drain(struct cli *c, const struct cli_verb *v, json_t *params)
{
	const bool undo = cli_bool(params, "undo"), show = cli_bool(params, "show");
	const bool waits = json_object_get(params, "wait_s") != NULL;
	json_t *drain;
	int status;

	if (undo + show + (waits || json_object_get(params, "new") != NULL) > 1) {
		(void)fprintf(stderr, "drain: --undo and --show stand alone\n");
		return CLI_BAD_INPUT;
	}
	(void)json_object_del(params, "undo"); // ours alone; they may not be there
	(void)json_object_del(params, "show");
	(void)json_object_set_new(params, "action",
		json_string(undo       ? "end"
				: show ? "show"
				       : "begin"));
	drain = cli_call(c, v->method, params, &status);
	if (waits)
		drain = wait_over(c, drain, &status);
	if (drain == NULL)
		return status;
	if (c->json)
		cli_print_json(drain);
	else
		v->show(drain, params);
	json_decref(drain);
	return CLI_OK;
}

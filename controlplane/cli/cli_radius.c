// SPDX-License-Identifier: BSD-3-Clause
// `radius status`. Thread: the program's only one.
#include <inttypes.h>
#include <string.h>

#include "cli.h"

static double megabytes(int64_t bytes)
{
	return (double)bytes / (1024 * 1024);
}

static void head_print(const json_t *r)
{
	const json_t *records = json_object_get(r, "records");

	(void)printf("bindings:     %" PRId64 " of %" PRId64 " at most, %" PRId64
		     " subscribers; %.0f MB when full\n",
		cli_int(r, "bindings"), cli_int(r, "most"), cli_int(r, "endpoints"),
		megabytes(cli_int(r, "memory_bytes")));
	(void)printf("so far:       %" PRId64 " begun, %" PRId64 " moved, %" PRId64
		     " went on; ended: %" PRId64 " by Stop, %" PRId64 " by silence, %" PRId64
		     " by a NAS that restarted; %" PRId64 " shared, %" PRId64 " without room\n",
		cli_int(records, "begun"), cli_int(records, "moved"), cli_int(records, "kept"),
		cli_int(records, "ended"), cli_int(records, "idle"), cli_int(records, "cleared"),
		cli_int(records, "shared"), cli_int(records, "full"));
	(void)printf("from before:  %" PRId64 " restored from the store, %" PRId64
		     " without room\n",
		cli_int(r, "restored"), cli_int(r, "unrestored"));
	(void)printf("data plane:   told %" PRId64 ", %" PRId64 " of them late; everything %" PRId64
		     " times%s\n",
		cli_int(r, "told"), cli_int(r, "told_later"), cli_int(r, "told_anew"),
		cli_bool(r, "telling") ? ", and now again" : "");
	(void)printf("answers:      %" PRId64 " wait for the store; %" PRId64
		     " given while it was lost\n",
		cli_int(r, "waiting"), cli_int(r, "unstored"));
	(void)printf("lag:          %.1f ms waited at most of late; %" PRId64
		     " dropped by the kernel, %" PRId64 " left unheard\n",
		(double)cli_int(r, "late_us") / 1000, cli_int(r, "dropped"), cli_int(r, "unheard"));
	(void)printf("strangers:    %" PRId64 " datagrams of nobody that radius.nas has\n\n",
		cli_int(r, "strangers"));
}

void cli_radius_show(const json_t *result, const json_t *params)
{
	static const char *const columns[] = {"NAS", ">A SECOND", ">START", ">STOP", ">INTERIM",
		">ON/OFF", ">BINDINGS", ">DUPLICATE", ">ANSWERS", ">FORGED", "OTHERS REFUSED",
		NULL};
	static const char *const others[] = {"ignored", "no_id", "no_address", "no_session",
		"no_status", "absurd", "malformed", "code", "full", "old", "share"};
	struct cli_table *t;
	const json_t *row;
	size_t i;

	(void)params; // has none
	if (!cli_bool(result, "on")) {
		(void)printf("no accounting server: radius.listen had no socket at the start\n");
		return;
	}
	head_print(result);
	t = cli_table_new(columns);
	json_array_foreach(json_object_get(result, "nas"), i, row)
	{
		const json_t *n = json_object_get(row, "counts");
		char text[200] = "";
		size_t at = 0;

		for (size_t k = 0; k < sizeof(others) / sizeof(others[0]); k++)
			if (cli_int(n, others[k]) != 0 && at < sizeof(text))
				at += (size_t)snprintf(text + at, sizeof(text) - at,
					"%s%s %" PRId64, at == 0 ? "" : ", ", others[k],
					cli_int(n, others[k]));
		cli_table_row(t);
		cli_cell(t, "%s", cli_text(row, "name"));
		cli_cell(t, "%.1f", json_number_value(json_object_get(row, "rate")));
		cli_cell(t, "%" PRId64, cli_int(n, "start"));
		cli_cell(t, "%" PRId64, cli_int(n, "stop"));
		cli_cell(t, "%" PRId64, cli_int(n, "interim"));
		cli_cell(t, "%" PRId64, cli_int(n, "on") + cli_int(n, "off"));
		if (cli_int(row, "most") == 0)
			cli_cell(t, "%" PRId64, cli_int(row, "bindings"));
		else
			cli_cell(t, "%" PRId64 "/%" PRId64, cli_int(row, "bindings"),
				cli_int(row, "most"));
		cli_cell(t, "%" PRId64, cli_int(n, "duplicate"));
		cli_cell(t, "%" PRId64, cli_int(n, "answers"));
		cli_cell(t, "%" PRId64, cli_int(n, "forged"));
		cli_cell(t, "%s", text);
	}
	cli_table_print(t);
}

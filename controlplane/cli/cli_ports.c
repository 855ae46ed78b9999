// SPDX-License-Identifier: BSD-3-Clause
// `ports list`. Thread: the program's only one.
#include <inttypes.h>

#include "cli.h"

void cli_ports_show(const json_t *result, const json_t *params)
{
	static const char *const columns[] = {"PORT", "DEVICE", "LINK", ">MBIT/S", ">MTU", "MAC",
		">RX FRAMES", ">RX BYTES", ">RX MISSED", ">RX ERRORS", ">TX FRAMES", ">TX BYTES",
		">TX ERRORS", ">TX FULL", NULL};
	static const char *const numbers[] = {"rx_packets", "rx_bytes", "rx_missed", "rx_errors",
		"tx_packets", "tx_bytes", "tx_errors", "tx_full"};
	struct cli_table *t = cli_table_new(columns);
	const json_t *row;
	size_t i;

	(void)params; // has none
	json_array_foreach(json_object_get(result, "ports"), i, row)
	{
		cli_table_row(t);
		cli_cell(t, "%s", cli_text(row, "name"));
		cli_cell(t, "%s", cli_text(row, "device"));
		cli_cell(t, "%s", cli_bool(row, "up") ? "up" : "down");
		cli_cell(t, "%" PRId64, cli_int(row, "speed_mbps"));
		cli_cell(t, "%" PRId64, cli_int(row, "mtu"));
		cli_cell(t, "%s", cli_text(row, "mac"));
		for (size_t k = 0; k < sizeof(numbers) / sizeof(numbers[0]); k++)
			cli_cell(t, "%" PRId64, cli_int(row, numbers[k]));
	}
	cli_table_print(t);
}

// SPDX-License-Identifier: BSD-3-Clause
// EAL for those tests of table/ that need it: small, without hugepages, in this process.
#pragma once

#include <rte_eal.h>

static inline int eal_start(void **)
{
	char name[] = "table_test", huge[] = "--no-huge", alone[] = "--no-shconf", m[] = "-m",
	     size[] = "256", pci[] = "--no-pci", telemetry[] = "--no-telemetry",
	     log[] = "--log-level=error", l[] = "-l", core[] = "0";
	char *args[] = {name, huge, alone, m, size, pci, telemetry, log, l, core};

	return rte_eal_init(sizeof(args) / sizeof(args[0]), args) < 0 ? -1 : 0;
}

static inline int eal_end(void **)
{
	return rte_eal_cleanup();
}

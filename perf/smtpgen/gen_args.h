// SPDX-License-Identifier: BSD-3-Clause
// The command line. Thread: start.
#pragma once

#include "gen_conf.h"

struct gen_args {
	struct gen_conf conf;
	double seconds;  // no new sessions after so many; 0 = no such end
	double report_s; // a line of JSON so often; 0 = only at the end
	bool hold;       // begins when a line comes on standard input
	unsigned queue;  // descriptors of a port's queues
};

// Fills `a`; 0 = go on, otherwise the exit code is in *code (help, or an error that was printed).
int gen_args_read(struct gen_args *a, int argc, char **argv, int *code);

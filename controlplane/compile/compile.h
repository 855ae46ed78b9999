// SPDX-License-Identifier: BSD-3-Clause
// Configuration and rules in, policy image out. Names become indexes, port names become data-plane
// port numbers (their order in cfg.dataplane.ports), patterns become serialized Hyperscan databases,
// one a scope, streaming mode, one match a rule. Either here and now (compile_image: command line,
// tests) or in a child process that may take its time or die (compile_start: the daemon).
// What reads files and checks the form of a configuration is config/; what sends the image is core/.
// Thread: one at a time; a job belongs to the thread that started it.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cfg.h"
#include "cfg_rules.h"
#include "err.h"
#include "pol_image.h"

struct compile_file { // one that the configuration names
	const char *path, *text;
	size_t n;
	int rc; // where text is NULL: -errno of reading it
};

struct compile_input {
	const struct cfg *cfg;
	const struct cfg_ruleset *const *rulesets; // shipped file first, rules added at run time behind
	uint32_t nrulesets;                        // an id in two of them is an error; 0 = no rules
	uint64_t version;                          // revision number, becomes pol_head.version
	int64_t made_s;                            // seconds since 1970, becomes pol_head.made_s
	const struct compile_file *files; // as cfg_files has them; NULL = they are read from disk
	uint32_t nfiles;
};

// Makes the image in this process, patterns included (blocks as long as that takes: half a minute
// for 10,000 regexes; no canary). 0 with *bytes (64-byte aligned, free() it) and *n, -EINVAL with
// every error (up to ERR_MAX, a bad rule with its file, line, id and Hyperscan's words), -EIO (the
// image does not verify: our bug, in *err), -ENOMEM.
int compile_image(const struct compile_input *in, uint8_t **bytes, size_t *n, struct err_list *err);

// Could a commit make an image of this configuration? Reads its rules file and makes one. Rules
// added at run time and the ports of the running data plane are not known here. 0, else as
// compile_image, with errors in *err.
int compile_check(const struct cfg *cfg, struct err_list *err);

// The image that picks up nothing and so passes everything: for a start without a usable
// configuration. 0 or -ENOMEM; free() *bytes.
int compile_empty(uint64_t version, int64_t made_s, uint8_t **bytes, size_t *n);

// First thing in main() of every program that uses compile_start or compile_cost_start: the child is
// this very program, started anew by a hidden first argument. -1 where `argv` is not such a call,
// else the exit status: `int rc = compile_child(argc, argv); if (rc >= 0) return rc;`
int compile_child(int argc, char **argv);

// A compilation under way in a child (address space 4 GiB, 120 s of processor, 180 s of clock, dies
// with us). When the patterns are compiled a second child deserialises and runs every database (the
// canary); only then is the job done. SIGCHLD must not be ignored, and nobody else may reap.
struct compile_job;

// Copies what it needs: cfg, rulesets and files may be freed at once. NULL with errors in *err; errno is then
// EINVAL where the configuration, its rules or its files are bad, EAGAIN where something else failed.
struct compile_job *compile_start(const struct compile_input *in, struct err_list *err);
// Becomes readable when compile_step has something to do. The same all the job's life; don't close.
int compile_fd(const struct compile_job *job);
// Never waits. 0 = still running, 1 = done, -EINVAL (bad rules), -ETIME, -ENOMEM, -EIO (the child
// died, or the canary did), each with errors in *err. After anything but 0 the fd is quiet.
int compile_step(struct compile_job *job, struct err_list *err);
// The image of a finished compile_start job; caller free()s. 0, or -EAGAIN where it is not done.
int compile_take(struct compile_job *job, uint8_t **bytes, size_t *n);
// Kills and reaps what still runs, closes everything. NULL is allowed.
void compile_free(struct compile_job *job);

// What rules cost to scan, measured on a built-in corpus.
struct compile_cost_rule { // one rule alone
	uint32_t id;
	uint8_t scope;          // enum pol_scope
	bool measured;          // false: time was up before its turn; the two below are 0
	double ns_per_byte;
	uint64_t stream_bytes;  // state of one open stream
};
struct compile_cost_scope { // all rules of a scope together, as they will run
	uint32_t rules;         // 0: nothing else is filled
	double ns_per_byte, gbit_s; // one core
	uint64_t database_bytes, stream_bytes;
	uint32_t compile_ms;
};
struct compile_cost {
	struct compile_cost_scope scope[POL_SCOPE_COUNT];
	uint32_t nrules;
	struct compile_cost_rule rules[]; // dearest for a usual message first, not measured ones last
};

// Measures in this process: compilation of the set plus at most about 10 s. 0 with *out (free() it),
// -EINVAL (bad rules, in *err), -ENOMEM.
int compile_cost(const struct cfg_ruleset *const *rulesets, uint32_t nrulesets,
	struct compile_cost **out, struct err_list *err);
// The same in a child: compile_fd, compile_step and compile_free as above, then the result.
struct compile_job *compile_cost_start(const struct cfg_ruleset *const *rulesets, uint32_t nrulesets,
	struct err_list *err);
int compile_cost_take(struct compile_job *job, struct compile_cost **out); // free() it; 0 or -EAGAIN

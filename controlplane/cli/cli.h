// SPDX-License-Identifier: BSD-3-Clause
// mailweirctl: one table of verbs, each with a table of its arguments and what to do with the
// answer. A verb is the JSON-RPC method with a blank. Where an argument has the name of a member of
// params, nothing else has to be written for it.
// Thread: the program's only one.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "api_rpc.h"
#include "err.h"

#define CLI_SOCKET "/run/mailweir/rpc.sock"
enum {
	CLI_QUICK_MS = 10000, // docs/mailweirctl.1.scd says so
	CLI_SLOW_MS = 240000, // a commit may compile for 180 s and wait 30 s for the data plane
};

// Bad input: usage, or a configuration or rules that can't be used or read. Failed: anything else.
enum cli_exit { CLI_OK = 0, CLI_FAILED = 1, CLI_BAD_INPUT = 2 };

enum cli_type {
	CLI_TEXT,
	CLI_NUMBER,
	CLI_SPAN, // of time: 90s, 30m, 12h, 7d; seconds in the member
	CLI_FLAG
};

struct cli_arg {
	const char *name;   // of the option, without "--"; also of the member of params
	enum cli_type type;
	bool required;
	bool bare;          // may also be given without its name, in the table's order
	const char *meta;   // what the value is, for the usage line; NULL for a flag
	const char *help;
	const char *member; // of params, where it has another name than the option
};

struct cli {
	const char *socket;
	bool json;          // print the raw result
	int fd;             // connection to the control plane, -1 = none yet
	unsigned quick_ms;  // what an answer may take that needs no compilation; also to be heard at all
	unsigned slow_ms;   // and any other
	char *in;           // bytes read and not used yet
	size_t in_n, in_cap;
};

struct cli_verb {
	const char *noun, *verb;
	enum api_rpc_id method;
	const struct cli_arg *args;
	unsigned nargs;
	// Does it all; NULL = call the method with params and show the result. The exit status.
	int (*run)(struct cli *c, const struct cli_verb *v, json_t *params);
	// Prints a result for people.
	void (*show)(const json_t *result, const json_t *params);
	bool alone; // what the noun by itself means
};

extern const struct cli_verb cli_verbs[];
extern const unsigned cli_verb_count;

// The verb that argv begins with; *used says how many words it took. NULL where there is none. A noun
// by itself, or with options only, is its verb marked `alone`.
const struct cli_verb *cli_verb_find(int argc, char **argv, int *used);
// One line in `why` for words that begin with no verb; it names the nearest one.
void cli_verb_unknown(int argc, char **argv, char why[256]);
// Words behind the verb into params; also -s, --socket, --json, which may stand anywhere. CLI_OK, or
// CLI_BAD_INPUT with one line in *why. *help is set where --help was among them.
int cli_args_take(struct cli *c, const struct cli_verb *v, int argc, char **argv, json_t *params,
	bool *help, char why[256]);
void cli_usage(FILE *f);
// `help [NOUN [VERB]]`, argv behind the first word: all verbs, those of a noun, or the arguments of one.
// CLI_OK, or CLI_BAD_INPUT with one line in `why`.
int cli_help(int argc, char **argv, FILE *f, char why[256]);
// Completion of all verbs and their options, for bash.
void cli_completion(FILE *f);
void cli_verb_usage(const struct cli_verb *v, FILE *f);

// Calls a method. The result (to be decref'd), or NULL after the error was printed; *status is the
// exit status then. params is borrowed.
json_t *cli_call(struct cli *c, enum api_rpc_id method, json_t *params, int *status);
// The next notification's params on the same connection; NULL at its end (with an error printed
// where it was not the server's close).
json_t *cli_next(struct cli *c);
void cli_close(struct cli *c);

// Runs a verb with params: the usual way, for verbs that add something before or behind it.
int cli_run(struct cli *c, const struct cli_verb *v, json_t *params);
void cli_print_json(const json_t *j);

// Verbs with more to do.
int cli_doctor(struct cli *c, const struct cli_verb *v, json_t *params);
int cli_system_drain(struct cli *c, const struct cli_verb *v, json_t *params);
int cli_stats_get(struct cli *c, const struct cli_verb *v, json_t *params);
int cli_sessions_tail(struct cli *c, const struct cli_verb *v, json_t *params);
int cli_config_check(struct cli *c, const struct cli_verb *v, json_t *params);
int cli_config_commit(struct cli *c, const struct cli_verb *v, json_t *params);
int cli_config_get(struct cli *c, const struct cli_verb *v, json_t *params);
int cli_config_diff(struct cli *c, const struct cli_verb *v, json_t *params);
int cli_config_export(struct cli *c, const struct cli_verb *v, json_t *params);
int cli_config_import(struct cli *c, const struct cli_verb *v, json_t *params);
int cli_config_shadow(struct cli *c, const struct cli_verb *v, json_t *params);
// Replaces the name of a file in params by its text and its whole name, as the method wants it. CLI_OK, or
// another status after the error was printed.
int cli_config_text(json_t *params);
// A change that may have to be confirmed: --confirm becomes the member confirm_min.
int cli_config_change(struct cli *c, const struct cli_verb *v, json_t *params);
int cli_rules_check(struct cli *c, const struct cli_verb *v, json_t *params);
int cli_rules_add(struct cli *c, const struct cli_verb *v, json_t *params);

// Verbs of endpoints and senders: lists page by page, files of rows.
int cli_known_list(struct cli *c, const struct cli_verb *v, json_t *params);
int cli_known_export(struct cli *c, const struct cli_verb *v, json_t *params);
int cli_known_import(struct cli *c, const struct cli_verb *v, json_t *params);
void cli_import_rows_show(const json_t *result, const json_t *params);
void cli_endpoints_show(const json_t *result, const json_t *params);
void cli_endpoint_get_show(const json_t *result, const json_t *params);
void cli_endpoint_show(const json_t *result, const json_t *params);
void cli_senders_show(const json_t *result, const json_t *params);
void cli_sender_get_show(const json_t *result, const json_t *params);
void cli_sender_show(const json_t *result, const json_t *params);
void cli_audit_show(const json_t *result, const json_t *params);
enum { CLI_ESCAPED_MAX = 1100 };
// A text that came from a peer, printable.
const char *cli_escaped(const json_t *e, const char *name, char buf[CLI_ESCAPED_MAX]);

void cli_status_show(const json_t *result, const json_t *params);
void cli_doctor_show(const json_t *result, const json_t *params);
void cli_drain_show(const json_t *result, const json_t *params);
void cli_drain_print(const json_t *drain); // one line of it; nothing where none is
void cli_stats_show(const json_t *result, const json_t *params);
void cli_ports_show(const json_t *result, const json_t *params);
void cli_radius_show(const json_t *result, const json_t *params);
void cli_flows_show(const json_t *result, const json_t *params);
void cli_explain_show(const json_t *result, const json_t *params);
void cli_match_show(const json_t *result, const json_t *params);
void cli_policy_show(const json_t *result, const json_t *params);
void cli_policies_show(const json_t *result, const json_t *params);
void cli_commit_show(const json_t *result, const json_t *params);
void cli_confirm_show(const json_t *result, const json_t *params);
void cli_diff_show(const json_t *result, const json_t *params);
void cli_revisions_show(const json_t *result, const json_t *params);
void cli_shadow_show(const json_t *result, const json_t *params);
void cli_import_show(const json_t *result, const json_t *params);
void cli_rule_show(const json_t *result, const json_t *params);
void cli_rules_show(const json_t *result, const json_t *params);
void cli_cost_show(const json_t *result, const json_t *params);

// Reading members that may be missing.
const char *cli_text(const json_t *object, const char *name); // "-" where null or missing
int64_t cli_int(const json_t *object, const char *name);      // 0 where null or missing
double cli_real(const json_t *object, const char *name);      // 0 where null or missing
bool cli_bool(const json_t *object, const char *name);
// Lines of an array to standard error; what would command a terminal as \xNN: a file's words may be in them.
void cli_lines(const json_t *lines);
void cli_line(const char *text); // likewise one line

// A table by libsmartcols. A column whose name begins with '>' is aligned right.
struct cli_table;
struct cli_table *cli_table_new(const char *const
		*columns); // NULL-terminated names, borrowed; ends the program without memory
void cli_table_row(struct cli_table *t);
__attribute__((format(printf, 2, 3))) void cli_cell(
	struct cli_table *t, const char *fmt, ...); // next cell of the row
void cli_table_print(struct cli_table *t); // and frees it; without a row its columns' names alone

// Duration for people: "3 d 4 h", "12 s", "250 ms". Returns buf.
char *cli_duration(int64_t ms, char buf[32]);

// SPDX-License-Identifier: BSD-3-Clause
// The rules file: one rule a line,
//   ID SCOPE SCORE FLAGS TEXT          (blank-separated; TEXT runs to the end of the line)
// ID 1..4294967295, unique; SCOPE helo|mail|rcpt|header|body; SCORE -10000..10000; FLAGS "-" or
// letters: i caseless, l TEXT is a literal (else a Hyperscan regex), s dot matches newline,
// m multi-line, u UTF-8; with l only i. A literal knows the escapes \\ \n \r \t \xNN. TEXT keeps
// the blanks at its end. '#' starts a comment line; "#: label" names the next rule (printable
// ASCII, 100 bytes). "[NAME]" begins a group: the rules behind it are of that group, up to the next
// such line; "[]" ends it. Rules of a group count where a content profile names it, or none.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "err.h"
#include "span.h"

enum { CFG_RULES_MAX = 100000, CFG_SCORE_MAX = 10000 }; // of one file; points either way
enum { CFG_GROUP_MAX = 31 }; // bytes of a group's name

enum cfg_rule_scope {
	CFG_SCOPE_HELO,
	CFG_SCOPE_MAIL,
	CFG_SCOPE_RCPT,
	CFG_SCOPE_HEADER,
	CFG_SCOPE_BODY,
	CFG_SCOPE_COUNT
};

struct cfg;

struct cfg_rule {
	uint32_t id;
	int32_t score;
	uint8_t scope; // enum cfg_rule_scope
	bool caseless, literal, dotall, multiline, utf8;
	unsigned line, col; // of its text, in its file; col 0 = not of a file
	const char *file; // which
	const char *label; // "" where none
	const char *group; // likewise
	const char *text; // as written, NUL-terminated
	struct span bytes; // literal: unescaped bytes; regex: same as text
};

struct cfg_ruleset {
	struct cfg_rule *rules;
	uint32_t n;
	void *arena;
};

// Reads a rules file; on error NULL, every error in *err with its line and column.
struct cfg_ruleset *cfg_rules_load(const char *path, struct err_list *err);
struct cfg_ruleset *cfg_rules_load_text(
	const char *text, size_t n, const char *name, struct err_list *err);
// Reads the rules file that a configuration names. NULL without an error where it names none; where
// the file can't be read the error has the place of the configuration's line.
struct cfg_ruleset *cfg_rules_of(const struct cfg *c, struct err_list *err);
void cfg_rules_free(struct cfg_ruleset *r);
// One line of the file's form, no newline and no label. 0; -ENOSPC where buf is too small; -EINVAL
// where the text can't stand in a line (empty, a line end, a blank at its beginning).
int cfg_rule_format(const struct cfg_rule *r, char *buf, size_t cap);
// Writes any bytes as the TEXT of a literal, escapes and all. 0, -ENOSPC, or -EINVAL (empty).
int cfg_literal_write(struct span bytes, char *buf, size_t cap);
const char *cfg_scope_name(enum cfg_rule_scope scope);
// 0 or -EINVAL.
int cfg_scope_parse(const char *text, enum cfg_rule_scope *out);

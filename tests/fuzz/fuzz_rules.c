// SPDX-License-Identifier: BSD-3-Clause
// Any text as rules file: refused with errors, or read; each rule, written as a line, is read again
// as the same rule. The input is the file.
#include <errno.h>

#include "cfg_rules.h"
#include "fuzz.h"

static struct err_list err;

static void rule_check(const struct cfg_rule *r, size_t file_bytes)
{
	size_t cap = file_bytes + 64;
	struct cfg_ruleset *again;
	const struct cfg_rule *b;
	char *line = malloc(cap);

	if (line == NULL)
		abort();
	CHECK(r->id != 0 && r->scope < CFG_SCOPE_COUNT && r->label != NULL);
	if (strchr(r->text, '\r') != NULL) { // read from a file, but not written to one
		CHECK(cfg_rule_format(r, line, cap) == -EINVAL);
		free(line);
		return;
	}
	CHECK(cfg_rule_format(r, line, cap) == 0);
	CHECK(cfg_rule_format(r, line, strlen(line)) == -ENOSPC); // no room for the NUL
	CHECK(cfg_rule_format(r, line, cap) == 0);
	err_init(&err);
	again = cfg_rules_load_text(line, strlen(line), "line", &err);
	CHECK(again != NULL && again->n == 1);
	b = &again->rules[0];
	CHECK(b->id == r->id && b->score == r->score && b->scope == r->scope);
	CHECK(b->caseless == r->caseless && b->literal == r->literal && b->utf8 == r->utf8);
	CHECK(b->dotall == r->dotall && b->multiline == r->multiline);
	CHECK(strcmp(b->text, r->text) == 0 && span_eq(b->bytes, r->bytes));
	cfg_rules_free(again);
	free(line);
}

static void literal_check(struct span bytes)
{
	size_t cap = bytes.n * 4 + 1;
	char *text = malloc(cap);

	if (text == NULL)
		abort();
	CHECK((cfg_literal_write(bytes, text, cap) == 0) == (bytes.n != 0));
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *in = (char *)copy_of((struct span){data, size}, 0);
	struct cfg_ruleset *set;

	err_init(&err);
	set = cfg_rules_load_text(in, size, "fuzz", &err);
	free(in); // nothing may be borrowed from it
	CHECK((set == NULL) == err_any(&err));
	for (uint32_t i = 0; set != NULL && i < set->n; i++)
		rule_check(&set->rules[i], size);
	if (set != NULL)
		cfg_rules_free(set);
	literal_check((struct span){data, size});
	return 0;
}

// SPDX-License-Identifier: BSD-3-Clause
// What the schema says to people: the reference of every key (docs/configuration.md is its print),
// and which changes a commit does not bring into force. Thread: any, on trees nobody changes.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cfg_int.h"

static const char *kind_name(enum cfg_kind kind)
{
	static const char *const names[] = {
		[CFG_KIND_BOOL] = "true or false",
		[CFG_KIND_NUMBER] = "number",
		[CFG_KIND_WORD] = "word",
		[CFG_KIND_NAME] = "name",
		[CFG_KIND_REF] = "name",
		[CFG_KIND_TEXT] = "text",
		[CFG_KIND_PATH] = "path",
		[CFG_KIND_PATTERN] = "pattern",
		[CFG_KIND_DEV] = "device",
		[CFG_KIND_LISTEN] = "path or loopback address:port",
		[CFG_KIND_PREFIX] = "prefix",
		[CFG_KIND_ADDRESS] = "address",
		[CFG_KIND_VLAN] = "range",
		[CFG_KIND_PORTS] = "range",
		[CFG_KIND_LIST] = "list",
		[CFG_KIND_MAP] = "map",
		[CFG_KIND_MAPS] = "list of maps",
		[CFG_KIND_NAMED] = "map of maps by name",
	};
	_Static_assert(sizeof(names) / sizeof(names[0]) == CFG_KIND_COUNT, "a name a kind");

	return names[kind];
}

void cfg_values_print(const struct cfg_field *f, enum cfg_kind kind, const char *quote, FILE *out)
{
	switch (kind) {
	case CFG_KIND_LIST:
		fputs("list: ", out);
		cfg_values_print(f, f->item, quote, out);
		return;
	case CFG_KIND_WORD:
		for (unsigned i = 0; f->words[i] != NULL; i++)
			fprintf(out, "%s%s%s%s", i == 0 ? "" : ", ", quote, f->words[i], quote);
		if (f->yes != NULL)
			fprintf(out, "; %strue%s is %s%s%s", quote, quote, quote, f->yes, quote);
		return;
	case CFG_KIND_NUMBER:
		fprintf(out, "%s%" PRId64 "..%" PRId64 " %s", f->zero ? "0 or " : "", f->min,
			f->max, f->unit);
		return;
	case CFG_KIND_NAME:
	case CFG_KIND_REF:
	case CFG_KIND_TEXT:
	case CFG_KIND_PATH:
	case CFG_KIND_PATTERN:
	case CFG_KIND_LISTEN:
		fprintf(out, "%s, up to %" PRId64 " bytes", kind_name(kind), f->max);
		return;
	case CFG_KIND_MAPS:
	case CFG_KIND_NAMED:
		fprintf(out, "%s, up to %" PRId64, kind_name(kind), f->max);
		return;
	default:
		fputs(kind_name(kind), out);
		return;
	}
}

void cfg_preset_print(const struct cfg_field *f, const char *quote, FILE *out)
{
	if (f->preset == NULL)
		fputs("must be given", out);
	else if (f->preset[0] == '\0')
		fputs(f->kind == CFG_KIND_MAP ? "its keys' defaults" : "empty", out);
	else
		fprintf(out, "%s%s%s", quote, f->preset, quote);
}

static void section_print(const struct cfg_section *sec, FILE *out)
{
	fprintf(out, "\n## %s\n\n", sec->name[0] != '\0' ? sec->name : "Top level");
	if (sec->tuple)
		fputs("Written as a list of its values in this order.\n\n", out);
	fputs("| key | values | default | in force | what |\n|---|---|---|---|---|\n", out);
	for (size_t i = 0; i < sec->nfields; i++) {
		const struct cfg_field *f = &sec->fields[i];

		fprintf(out, "| `%s` | ", f->key);
		cfg_values_print(f, f->kind, "`", out);
		fputs(" | ", out);
		cfg_preset_print(f, "`", out);
		fprintf(out, " | %s | %s |\n", f->reload ? "commit" : "start", f->help);
	}
	for (size_t i = 0; i < sec->nfields; i++)
		if (sec->fields[i].sub != NULL)
			section_print(sec->fields[i].sub, out);
}

void cfg_reference_print(FILE *f)
{
	fputs("# Configuration: every key\n\n"
	      "Printed from the schema (`config/cfg_schema.c`). The file is YAML; `mailweirctl "
	      "config check FILE`\nchecks it and prints the canonical form. \"In force\" says when "
	      "a change of the key is: with a\n`commit`, or at the next `start` of the processes.\n",
		f);
	section_print(&cfg_root, f);
}

// The canonical print of one key, or NULL where memory is out. free() it.
static char *field_text(const struct cfg_field *f, const void *base)
{
	struct cfg_section one = {.name = "", .fields = f, .nfields = 1};
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	if (out == NULL)
		return NULL;
	cfg_section_print(&one, base, out);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

static void section_compare(const struct cfg_section *sec, const void *old, const void *next,
	const char *file, struct err_list *err)
{
	for (size_t i = 0; i < sec->nfields; i++) {
		const struct cfg_field *f = &sec->fields[i];
		char *a, *b;

		if (f->reload)
			continue;
		if (f->kind == CFG_KIND_MAP) {
			section_compare(f->sub, (const char *)old + f->off,
				(const char *)next + f->off, file, err);
			continue;
		}
		a = field_text(f, old);
		b = field_text(f, next);
		if (a == NULL || b == NULL || strcmp(a, b) != 0)
			err_warn_at(err, file, 0, 0,
				"%s.%s differs from what runs; it takes effect at the next start",
				sec->name, f->key);
		free(a);
		free(b);
	}
}

void cfg_warn_restart(const struct cfg *running, const struct cfg *next, struct err_list *err)
{
	section_compare(&cfg_root, running, next, next->file, err);
}

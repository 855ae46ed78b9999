// SPDX-License-Identifier: BSD-3-Clause
// The canonical form: every key in the schema's order, defaults included. Loading what is printed
// here prints the same again. Thread: any, on a tree nobody changes.
#include "cfg_int.h"

enum { INDENT = 2 };

static void print_section(
	const struct cfg_section *sec, void *base, unsigned indent, bool item, FILE *out);

static void print_list(const struct cfg_field *f, void *base, FILE *out)
{
	void *list = *(void **)((char *)base + f->off);
	uint32_t n = *(const uint32_t *)((const char *)base + f->off2);

	if (n == 0 && f->none_word != NULL) {
		fprintf(out, " %s\n", f->none_word);
		return;
	}
	fputs(" [", out);
	for (uint32_t i = 0; i < n; i++) {
		fputs(i == 0 ? "" : ", ", out);
		cfg_value_print(f, f->item, cfg_slot_item(f, list, i), out);
	}
	fputs("]\n", out);
}

static void print_tuple(const struct cfg_section *sec, void *base, FILE *out)
{
	fputc('[', out);
	for (size_t i = 0; i < sec->nfields; i++) {
		fputs(i == 0 ? "" : ", ", out);
		cfg_value_print(&sec->fields[i], sec->fields[i].kind,
			cfg_slot_of(&sec->fields[i], base), out);
	}
	fputs("]\n", out);
}

static void print_structs(const struct cfg_field *f, void *base, unsigned indent, FILE *out)
{
	char *list = *(char **)((char *)base + f->off);
	uint32_t n = *(const uint32_t *)((const char *)base + f->off2);

	if (n == 0)
		fputs(f->kind == CFG_KIND_NAMED ? " {}" : " []", out);
	fputc('\n', out);
	for (uint32_t i = 0; i < n; i++, list += f->sub->size) {
		fprintf(out, "%*s", (int)indent + INDENT, "");
		if (f->kind == CFG_KIND_NAMED) {
			fprintf(out, "%s:\n", *(const char **)(list + f->sub->name_off));
			print_section(f->sub, list, indent + 2 * INDENT, false, out);
		} else {
			fputs("- ", out);
			if (f->sub->tuple)
				print_tuple(f->sub, list, out);
			else
				print_section(f->sub, list, indent + 2 * INDENT, true, out);
		}
	}
}

// `item`: the first key stands behind the "- " that is already there.
static void print_section(
	const struct cfg_section *sec, void *base, unsigned indent, bool item, FILE *out)
{
	for (size_t i = 0; i < sec->nfields; i++) {
		const struct cfg_field *f = &sec->fields[i];

		fprintf(out, "%*s%s:", item && i == 0 ? 0 : (int)indent, "", f->key);
		switch (f->kind) {
		case CFG_KIND_MAP:
			fputc('\n', out);
			print_section(f->sub, (char *)base + f->off, indent + INDENT, false, out);
			break;
		case CFG_KIND_MAPS:
		case CFG_KIND_NAMED:
			print_structs(f, base, indent, out);
			break;
		case CFG_KIND_LIST:
			print_list(f, base, out);
			break;
		default:
			fputc(' ', out);
			cfg_value_print(f, f->kind, cfg_slot_of(f, base), out);
			fputc('\n', out);
			break;
		}
	}
}

void cfg_section_print(const struct cfg_section *sec, const void *base, FILE *out)
{
	// A slot is for writing too, so the walk takes a base that is not const; it only reads.
	print_section(sec, (void *)(uintptr_t)base, 0, false, out);
}

void cfg_print(const struct cfg *c, FILE *f)
{
	cfg_section_print(&cfg_root, c, f);
}

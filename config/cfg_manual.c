// SPDX-License-Identifier: BSD-3-Clause
// The manual page mailweir.yaml(5) in scdoc's form: what every configuration has in common, then each
// key as the schema knows it. docs/mailweir.yaml.5.scd is its print. Thread: any.
#include <string.h>

#include "cfg_int.h"

static const char head[] =
	"mailweir.yaml(5)\n\n"
	"# NAME\n\n"
	"mailweir.yaml - configuration of Mailweir\n\n"
	"# DESCRIPTION\n\n"
	"One file for both processes, */etc/mailweir/mailweir.yaml* unless *-c* says otherwise. It is YAML, "
	"in UTF-8,\n"
	"one document; unknown keys are errors that name the nearest one, and nothing is guessed. "
	"*mailweirctl config\n"
	"check* _FILE_ checks it without a running Mailweir and prints its canonical form: every key, "
	"defaults\n"
	"included, which is a valid configuration again.\n\n"
	"Relative paths begin at the folder of the file. A prefix is an address, an address and a length "
	"(the bits\n"
	"behind it zero), or *any*. A range is one number or two with a dash between.\n\n"
	"Each key below has what it takes; what stands for it where it is left out; and whether a change is "
	"in\n"
	"force with a _commit_ or with the next _start_ of the processes.\n\n"
	"# KEYS\n";

static const char tail[] =
	"\n# EXAMPLE\n\n"
	"A subscriber's network on port access, the Internet on port core; mail of the first is read:\n\n"
	"```\n"
	"dataplane:\n"
	"  workers: [1]\n"
	"  ports:\n"
	"    - {name: access, dev: \"0000:81:00.0\"}\n"
	"    - {name: core, dev: \"0000:81:00.1\"}\n"
	"  pairs: [[access, core]]\n"
	"rules: {file: rules/shipped.rules}\n"
	"content_profiles: {spam: {threshold: 5, action: reject}}\n"
	"policies:\n"
	"  - {name: subscribers, source: 10.0.0.0/8, action: inspect, content: spam}\n"
	"```\n\n"
	"# SEE ALSO\n\n"
	"*mailweirctl*(1), *mailweir-dataplane*(8), *mailweir-controlplane*(8); config/examples\n";

// Text of which scdoc is to make nothing.
static void text_print(const char *text, FILE *out)
{
	for (; *text != '\0'; text++) {
		if (strchr("\\*_`#[]|<>~", *text) != NULL)
			fputc('\\', out);
		fputc(*text, out);
	}
}

static void section_print(const struct cfg_section *sec, FILE *out)
{
	fputs("\n## ", out);
	if (sec->name[0] == '\0')
		fputs("Top level", out);
	else
		fputs(sec->name, out); // a heading is taken as it is
	fputs("\n\n", out);
	if (sec->tuple)
		fputs("Written as a list of its values in this order.\n\n", out);
	for (size_t i = 0; i < sec->nfields; i++) {
		const struct cfg_field *f = &sec->fields[i];

		fprintf(out, "*%s*\n\t", f->key);
		text_print(f->help, out);
		fputs(".++\n", out);
		cfg_values_print(f, f->kind, "*", out);
		fputs(". Default: ", out);
		cfg_preset_print(f, "*", out);
		fprintf(out, ". In force with a _%s_.\n\n", f->reload ? "commit" : "start");
	}
	for (size_t i = 0; i < sec->nfields; i++)
		if (sec->fields[i].sub != NULL)
			section_print(sec->fields[i].sub, out);
}

void cfg_manual_print(FILE *f)
{
	fputs(head, f);
	section_print(&cfg_root, f);
	fputs(tail, f);
}

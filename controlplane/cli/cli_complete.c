// SPDX-License-Identifier: BSD-3-Clause
// Completion for bash, printed from the table of verbs, so that it knows what this program knows.
// The script asks nobody: it holds the words themselves. Thread: any.
#include <string.h>

#include "cli.h"

static const char head[] =
	"# Completion of mailweirctl for bash; mailweirctl --bash-completion prints it.\n"
	"_mailweirctl() {\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
	"\tlocal noun='' verb='' words='' values='' files='' bare='' i word\n"
	"\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	"\t\tword=${COMP_WORDS[i]}\n"
	"\t\tcase $word in\n"
	"\t\t-s | --socket) i=$((i + 1)) ;;\n"
	"\t\t-*) ;;\n"
	"\t\t*)\n"
	"\t\t\tif [ -z \"$noun\" ]; then\n"
	"\t\t\t\tnoun=$word\n"
	"\t\t\telif [ -z \"$verb\" ]; then\n"
	"\t\t\t\tverb=$word\n"
	"\t\t\tfi\n"
	"\t\t\t;;\n"
	"\t\tesac\n"
	"\tdone\n"
	"\tcase \"$noun $verb\" in\n";

static const char tail[] = "\tesac\n"
			   "\tcase \" -s --socket $files\" in *\" $prev \"*)\n"
			   "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
			   "\t\treturn\n"
			   "\t\t;;\n"
			   "\tesac\n"
			   "\tcase \" $values\" in *\" $prev \"*) return ;; esac\n"
			   "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
			   "\tif [ -n \"$bare\" ] && [ \"${cur#-}\" = \"$cur\" ]; then\n"
			   "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
			   "\tfi\n"
			   "}\n"
			   "complete -o filenames -F _mailweirctl mailweirctl\n";

static const char common[] = "--json --socket --help";

// True where an earlier verb has the noun of verb `i`.
static bool noun_was_there(unsigned i)
{
	for (unsigned k = 0; k < i; k++)
		if (strcmp(cli_verbs[k].noun, cli_verbs[i].noun) == 0)
			return true;
	return false;
}

static void nouns_print(FILE *f)
{
	for (unsigned i = 0; i < cli_verb_count; i++) {
		if (!noun_was_there(i))
			(void)fprintf(f, "%s ", cli_verbs[i].noun);
	}
}

// `status` and the nouns alone are short forms (cli_args.c).
static void first_words_print(FILE *f)
{
	(void)fputs("\t' ') words='", f);
	nouns_print(f);
	(void)fprintf(f, "status help %s --version' ;;\n", common);
	(void)fputs("\t'help ') words='", f);
	nouns_print(f);
	(void)fputs("status' ;;\n", f);
}

// The verbs of the noun of verb `i`, the first that has it; behind `help` without options.
static void second_words_print(unsigned i, bool help, FILE *f)
{
	(void)fprintf(
		f, "\t'%s%s%s') words='", help ? "help " : "", cli_verbs[i].noun, help ? "" : " ");
	for (unsigned k = i; k < cli_verb_count; k++) {
		if (strcmp(cli_verbs[k].noun, cli_verbs[i].noun) == 0)
			(void)fprintf(f, "%s ", cli_verbs[k].verb);
	}
	(void)fprintf(f, "%s' ;;\n", help ? "" : common);
}

static bool is_file(const struct cli_arg *a)
{
	return a->meta != NULL && strcmp(a->meta, "FILE") == 0;
}

static void options_print(const struct cli_verb *v, FILE *f)
{
	bool bare = false;

	(void)fprintf(f, "\t'%s %s')\n\t\twords='", v->noun, v->verb);
	for (unsigned i = 0; i < v->nargs; i++) {
		(void)fprintf(f, "--%s ", v->args[i].name);
		bare = bare || (v->args[i].bare && is_file(&v->args[i]));
	}
	(void)fprintf(f, "%s' values='", common);
	for (unsigned i = 0; i < v->nargs; i++) {
		if (v->args[i].type != CLI_FLAG && !is_file(&v->args[i]))
			(void)fprintf(f, "--%s ", v->args[i].name);
	}
	(void)fputs("' files='", f);
	for (unsigned i = 0; i < v->nargs; i++) {
		if (is_file(&v->args[i]))
			(void)fprintf(f, "--%s ", v->args[i].name);
	}
	(void)fprintf(f, "' bare='%s'\n\t\t;;\n", bare ? "yes" : "");
}

void cli_completion(FILE *f)
{
	(void)fputs(head, f);
	first_words_print(f);
	for (unsigned i = 0; i < cli_verb_count; i++) {
		if (!noun_was_there(i)) {
			second_words_print(i, false, f);
			second_words_print(i, true, f);
		}
		options_print(&cli_verbs[i], f);
	}
	(void)fputs(tail, f);
}

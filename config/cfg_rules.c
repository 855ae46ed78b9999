// SPDX-License-Identifier: BSD-3-Clause
// The rules file, line by line. Whether a regex is one Hyperscan takes is found out where it is
// compiled; here the form is checked, ids are unique, and literals get their bytes.
// Every error has line and column, and the id where the line has one. Thread: one at a time.
#include "cfg_rules.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cfg_int.h"
#include "text.h"

enum {
	TEXT_MAX = 4096,    // bytes of TEXT
	LABEL_MAX = 100,    // bytes of a label
	SHOWN_MAX = 60,     // bytes of a wrong word that an error repeats
	WORD_MAX = 32,      // bytes of ID, SCOPE, SCORE and FLAGS
};

static const char *const scope_names[] = {
	[CFG_SCOPE_HELO] = "helo",
	[CFG_SCOPE_MAIL] = "mail",
	[CFG_SCOPE_RCPT] = "rcpt",
	[CFG_SCOPE_HEADER] = "header",
	[CFG_SCOPE_BODY] = "body",
};
_Static_assert(sizeof(scope_names) / sizeof(scope_names[0]) == CFG_SCOPE_COUNT, "a name a scope");

struct reader {
	struct err_list *err;
	struct cfg_arena *arena;
	const char *name; // of the file
	unsigned line;
	const uint8_t *begin; // of the line
	const uint8_t *at;    // the word that an error is about; NULL = the whole line
	uint32_t id;         // of the line's rule, 0 = not known yet
	struct span label;   // waits for the next rule
	unsigned label_line; // 0 = none waits
	const char *group;   // of the rules that follow, "" = none
};

const char *cfg_scope_name(enum cfg_rule_scope scope)
{
	return scope < CFG_SCOPE_COUNT ? scope_names[scope] : "?";
}

int cfg_scope_parse(const char *text, enum cfg_rule_scope *out)
{
	for (unsigned i = 0; i < CFG_SCOPE_COUNT; i++) {
		if (strcmp(text, scope_names[i]) == 0) {
			*out = i;
			return 0;
		}
	}
	return -EINVAL;
}

// Of the word at hand, from 1, in bytes; 0 where it is the whole line.
static unsigned column(const struct reader *r)
{
	return r->at == NULL ? 0 : (unsigned)(r->at - r->begin) + 1;
}

__attribute__((format(printf, 2, 3))) static bool refuse(struct reader *r, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	unsigned col = column(r);
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap); // a longer text is cut
	va_end(ap);
	if (r->id != 0)
		err_at(r->err, r->name, r->line, col, "rule %u: %s", r->id, text);
	else
		err_at(r->err, r->name, r->line, col, "%s", text);
	return false;
}

static bool refuse_memory(struct reader *r)
{
	return refuse(r, "cannot be kept; out of memory");
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static struct span blanks_skip(struct span s)
{
	while (s.n > 0 && is_blank(*s.p))
		s = span_from(s, 1);
	return s;
}

// The next word of the line, cut to what `word` holds; "" at the line's end.
static struct span word_next(struct reader *r, struct span line, char word[WORD_MAX])
{
	size_t n = 0;

	line = blanks_skip(line);
	r->at = line.p;
	while (n < line.n && !is_blank(line.p[n]))
		n++;
	(void)text_escape(span_sub(line, 0, n), word, WORD_MAX);
	return span_from(line, n);
}

// A decimal number in lo..hi; no sign but '-'.
static bool number_parse(const char *word, int64_t lo, int64_t hi, int64_t *out)
{
	const char *digits = word + (word[0] == '-');
	size_t n = strlen(digits);
	int64_t number = 0;

	if (n == 0 || n > 10 || strspn(digits, "0123456789") != n)
		return false;
	for (; *digits != '\0'; digits++)
		number = number * 10 + (*digits - '0');
	if (word[0] == '-')
		number = -number;
	if (number < lo || number > hi)
		return false;
	*out = number;
	return true;
}

static bool flags_parse(struct reader *r, const char *word, struct cfg_rule *rule)
{
	const struct {
		char letter;
		bool *flag;
	} flags[] = {
		{'i', &rule->caseless},
		{'l', &rule->literal},
		{'s', &rule->dotall},
		{'m', &rule->multiline},
		{'u', &rule->utf8},
	};

	if (strcmp(word, "-") == 0)
		return true;
	for (const char *p = word; *p != '\0'; p++) {
		unsigned i = 0;

		while (i < sizeof(flags) / sizeof(flags[0]) && flags[i].letter != *p)
			i++;
		if (i == sizeof(flags) / sizeof(flags[0]))
			return refuse(
				r, "flags \"%s\"; only - or letters of i l s m u are known", word);
		if (*flags[i].flag)
			return refuse(r, "flags \"%s\"; '%c' is there twice", word, *p);
		*flags[i].flag = true;
	}
	if (rule->literal && (rule->dotall || rule->multiline || rule->utf8))
		return refuse(r, "flags \"%s\"; a literal takes only i", word);
	return true;
}

static int hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -EINVAL;
}

// One escape at in.p (behind the backslash); the bytes it takes, 0 where it is none.
static size_t escape_read(struct span in, uint8_t *out)
{
	static const char letters[] = "\\nrt", bytes[] = "\\\n\r\t";
	const char *found = in.n > 0 && in.p[0] != '\0' ? strchr(letters, in.p[0]) : NULL;

	if (found != NULL) {
		*out = (uint8_t)bytes[found - letters];
		return 1;
	}
	if (in.n < 3 || in.p[0] != 'x' || hex_value(in.p[1]) < 0 || hex_value(in.p[2]) < 0)
		return 0;
	*out = (uint8_t)(hex_value(in.p[1]) * 16 + hex_value(in.p[2]));
	return 3;
}

static bool literal_parse(struct reader *r, struct span text, struct cfg_rule *rule)
{
	uint8_t *bytes = cfg_arena_take(r->arena, text.n); // escapes only make it shorter
	size_t n = 0;

	if (bytes == NULL)
		return refuse_memory(r);
	for (size_t i = 0; i < text.n; n++) {
		size_t took;

		bytes[n] = text.p[i++];
		if (bytes[n] != '\\')
			continue;
		r->at = text.p + i - 1;
		took = escape_read(span_from(text, i), &bytes[n]);
		if (took == 0)
			return refuse(r,
				"byte %zu of the literal begins no escape; \\\\ \\n \\r \\t \\xNN "
				"are "
				"known",
				i);
		i += took;
	}
	rule->bytes = (struct span){.p = bytes, .n = n};
	return true;
}

static bool text_parse(struct reader *r, struct span text, struct cfg_rule *rule)
{
	r->at = text.p;
	rule->col = column(r);
	if (text.n == 0)
		return refuse(r, "the text is missing; a rule is ID SCOPE SCORE FLAGS TEXT");
	if (text.n > TEXT_MAX)
		return refuse(r, "the text has %zu bytes; the limit is %d", text.n, TEXT_MAX);
	rule->text = cfg_arena_text(r->arena, text.p, text.n);
	if (rule->text == NULL)
		return refuse_memory(r);
	rule->bytes = span_str(rule->text);
	return !rule->literal || literal_parse(r, text, rule);
}

static bool label_take(struct reader *r, struct cfg_rule *rule)
{
	rule->label = "";
	if (r->label_line != 0)
		rule->label = cfg_arena_text(r->arena, r->label.p, r->label.n);
	r->label_line = 0;
	return rule->label != NULL || refuse_memory(r);
}

static bool rule_parse(struct reader *r, struct span line, struct cfg_rule *rule)
{
	enum cfg_rule_scope scope;
	char word[WORD_MAX];
	int64_t number;

	rule->line = r->line;
	rule->file = r->name;
	rule->group = r->group;
	if (!label_take(r, rule))
		return false;
	line = word_next(r, line, word);
	if (!number_parse(word, 1, UINT32_MAX, &number))
		return refuse(r, "id \"%s\"; it must be 1..4294967295", word);
	r->id = rule->id = (uint32_t)number;
	line = word_next(r, line, word);
	if (cfg_scope_parse(word, &scope) != 0)
		return refuse(
			r, "scope \"%s\"; it is one of: helo, mail, rcpt, header, body", word);
	rule->scope = (uint8_t)scope;
	line = word_next(r, line, word);
	if (!number_parse(word, -CFG_SCORE_MAX, CFG_SCORE_MAX, &number))
		return refuse(r, "score \"%s\"; it must be %d..%d", word, -CFG_SCORE_MAX,
			CFG_SCORE_MAX);
	rule->score = (int32_t)number;
	line = word_next(r, line, word);
	if (word[0] == '\0')
		return refuse(r, "flags and text are missing; a rule is ID SCOPE SCORE FLAGS TEXT");
	return flags_parse(r, word, rule) && text_parse(r, blanks_skip(line), rule);
}

static bool is_group_char(uint8_t c)
{
	return (c >= '0' && c <= '9') || (uint8_t)((c | 0x20) - 'a') < 26 || c == '_' || c == '-' ||
		c == '.';
}

// "[NAME]" or "[]", blanks at its end passed over.
static void group_keep(struct reader *r, struct span line)
{
	char shown[SHOWN_MAX];
	bool right;

	while (line.n > 0 && is_blank(line.p[line.n - 1]))
		line.n--;
	right = line.n >= 2 && line.n <= CFG_GROUP_MAX + 2 && line.p[line.n - 1] == ']';
	for (size_t i = 1; right && i + 1 < line.n; i++)
		right = is_group_char(line.p[i]);
	if (!right) {
		(void)refuse(r,
			"group \"%s\"; it is [NAME] of 1..%d letters, digits, _ . -, or [] for none",
			text_escape(line, shown, sizeof(shown)), CFG_GROUP_MAX);
		return;
	}
	r->group = cfg_arena_text(r->arena, line.p + 1, line.n - 2);
	if (r->group == NULL) {
		r->group = "";
		(void)refuse_memory(r);
	}
}

static void label_keep(struct reader *r, struct span text)
{
	char shown[SHOWN_MAX];

	text = blanks_skip(text);
	while (text.n > 0 && is_blank(text.p[text.n - 1]))
		text.n--;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] >= 0x20 && text.p[i] <= 0x7e)
			continue;
		(void)refuse(r, "label \"%s\"; only printable ASCII is taken",
			text_escape(text, shown, sizeof(shown)));
		return;
	}
	if (text.n > LABEL_MAX) {
		(void)refuse(r, "the label has %zu bytes; the limit is %d", text.n, LABEL_MAX);
		return;
	}
	if (r->label_line != 0)
		err_warn_at(r->err, r->name, r->label_line, 0,
			"the label names no rule; another one follows");
	r->label = text;
	r->label_line = r->line;
}

// The next line without its end (LF or CR LF).
static struct span line_next(struct span *rest)
{
	const uint8_t *end = memchr(rest->p, '\n', rest->n);
	struct span line = span_sub(*rest, 0, end != NULL ? (size_t)(end - rest->p) : rest->n);

	*rest = span_from(*rest, line.n + 1);
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

static size_t lines_count(struct span text)
{
	size_t n = 1;

	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '\n';
	return n;
}

static int id_compare(const void *a, const void *b)
{
	const struct cfg_rule *x = *(const struct cfg_rule *const *)a;
	const struct cfg_rule *y = *(const struct cfg_rule *const *)b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return (x->line > y->line) - (x->line < y->line);
}

static void check_ids(struct reader *r, const struct cfg_ruleset *set)
{
	const struct cfg_rule **sorted = calloc((size_t)set->n + 1, sizeof(*sorted));

	if (sorted == NULL) {
		err_at(r->err, r->name, 0, 0, "cannot be checked; out of memory");
		return;
	}
	for (uint32_t i = 0; i < set->n; i++)
		sorted[i] = &set->rules[i];
	qsort(sorted, set->n, sizeof(*sorted), id_compare);
	for (uint32_t i = 1; i < set->n; i++)
		if (sorted[i]->id == sorted[i - 1]->id)
			err_at(r->err, r->name, sorted[i]->line, 0,
				"rule %u: the id is there twice; line %u has it already",
				sorted[i]->id, sorted[i - 1]->line);
	free(sorted);
}

static void read_lines(struct reader *r, struct span rest, struct cfg_ruleset *set)
{
	while (rest.n > 0) {
		struct span line = line_next(&rest), words = blanks_skip(line);

		r->line++;
		r->begin = line.p;
		r->at = NULL;
		r->id = 0;
		if (line.n > 0 && memchr(line.p, '\0', line.n) != NULL) {
			(void)refuse(r, "holds a NUL; write \\x00 in a literal");
		} else if (line.n > 0 && memchr(line.p, '\r', line.n) != NULL) {
			(void)refuse(r, "holds a carriage return; write \\r");
		} else if (words.n >= 2 && words.p[0] == '#' && words.p[1] == ':') {
			label_keep(r, span_from(words, 2));
		} else if (words.n > 0 && words.p[0] == '[') {
			group_keep(r, words);
		} else if (words.n > 0 && words.p[0] != '#') {
			if (set->n == CFG_RULES_MAX) {
				(void)refuse(r, "too many rules; the limit is %d", CFG_RULES_MAX);
				return;
			}
			if (rule_parse(r, words, &set->rules[set->n]))
				set->n++;
			else
				set->rules[set->n] = (struct cfg_rule){0};
		}
	}
	if (r->label_line != 0)
		err_warn_at(r->err, r->name, r->label_line, 0,
			"the label names no rule; the file ends");
}

struct cfg_ruleset *cfg_rules_load_text(
	const char *text, size_t n, const char *name, struct err_list *err)
{
	struct reader r = {.err = err, .arena = cfg_arena_new(), .group = ""};
	struct span all = {.p = (const uint8_t *)text, .n = n};
	struct cfg_ruleset *set = NULL;
	unsigned before = err->count;
	size_t lines;

	if (n > CFG_FILE_MAX) {
		err_at(err, name, 0, 0, "is too large; the limit is %d MB", CFG_FILE_MAX >> 20);
		goto free_arena;
	}
	lines = lines_count(all);
	if (r.arena != NULL) {
		r.name = cfg_arena_text(r.arena, name, strlen(name));
		set = cfg_arena_take(r.arena, sizeof(*set));
	}
	if (set != NULL)
		set->rules = cfg_arena_take(r.arena,
			(lines < CFG_RULES_MAX ? lines : CFG_RULES_MAX) * sizeof(set->rules[0]));
	if (r.name == NULL || set == NULL || set->rules == NULL) {
		err_at(err, name, 0, 0, "cannot be loaded; out of memory");
		goto free_arena;
	}
	set->arena = r.arena;
	read_lines(&r, all, set);
	check_ids(&r, set);
	if (err->count == before)
		return set;
free_arena:
	cfg_arena_free(r.arena); // the set lies in it
	return NULL;
}

struct cfg_ruleset *cfg_rules_load(const char *path, struct err_list *err)
{
	size_t n;
	char *text = cfg_file_read(path, &n, err);
	struct cfg_ruleset *set = NULL;

	if (text != NULL)
		set = cfg_rules_load_text(text, n, path, err);
	free(text);
	return set;
}

struct cfg_ruleset *cfg_rules_of(const struct cfg *c, struct err_list *err)
{
	const struct cfg_place *at = &c->rules.at;
	struct cfg_ruleset *set;
	struct err_list why;
	char *text;
	size_t n;

	if (c->rules.file == NULL || c->rules.file[0] == '\0')
		return NULL;
	if (strcmp(c->rules.file, "-") == 0) {
		err_at(err, at->file, at->line, at->col,
			"rules.file: -: standard input cannot be read again; name a file");
		return NULL;
	}
	err_init(&why);
	text = cfg_file_read(c->rules.file, &n, &why);
	if (text == NULL) {
		err_at(err, at->file, at->line, at->col, "rules.file: %s", why.text[0]);
		return NULL;
	}
	set = cfg_rules_load_text(text, n, c->rules.file, err);
	free(text);
	return set;
}

void cfg_rules_free(struct cfg_ruleset *r)
{
	if (r != NULL)
		cfg_arena_free(r->arena);
}

int cfg_rule_format(const struct cfg_rule *r, char *buf, size_t cap)
{
	char flags[8];
	size_t n = 0;
	int wrote;

	if (r->text[0] == '\0' || is_blank((uint8_t)r->text[0]) || strpbrk(r->text, "\r\n") != NULL)
		return -EINVAL;
	if (r->caseless)
		flags[n++] = 'i';
	if (r->literal)
		flags[n++] = 'l';
	if (r->dotall)
		flags[n++] = 's';
	if (r->multiline)
		flags[n++] = 'm';
	if (r->utf8)
		flags[n++] = 'u';
	if (n == 0)
		flags[n++] = '-';
	flags[n] = '\0';
	wrote = snprintf(buf, cap, "%u %s %d %s %s", r->id, cfg_scope_name(r->scope), r->score,
		flags, r->text);
	return wrote >= 0 && (size_t)wrote < cap ? 0 : -ENOSPC;
}

int cfg_literal_write(struct span bytes, char *buf, size_t cap)
{
	size_t n = 0;

	if (bytes.n == 0)
		return -EINVAL;
	for (size_t i = 0; i < bytes.n; i++) {
		uint8_t c = bytes.p[i];
		// A blank at either end would be taken for, or lost like, a separator.
		bool bare = c > 0x20 && c < 0x7f && c != '\\';
		char part[8];
		int wrote;

		bare = bare || (c == ' ' && i > 0 && i + 1 < bytes.n);
		wrote = bare        ? snprintf(part, sizeof(part), "%c", c)
			: c == '\\' ? snprintf(part, sizeof(part), "\\\\")
				    : snprintf(part, sizeof(part), "\\x%02x", c);
		if (wrote < 0 || (size_t)wrote >= cap - n)
			return -ENOSPC;
		memcpy(buf + n, part, (size_t)wrote + 1);
		n += (size_t)wrote;
	}
	return 0;
}

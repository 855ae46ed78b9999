// SPDX-License-Identifier: BSD-3-Clause
// Changes of the list of policies: the tree is copied as far as it changes, values are read by the
// schema as a file's are, and the copy is printed. Thread: one at a time.
#include "cfg_edit.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cfg_int.h"

struct edit {
	const struct cfg *c;
	const struct cfg_edit *e;
	struct cfg_arena *arena;
	struct cfg_policy *list; // a copy with room for one more
	uint32_t n;
	const char *beside; // name of the policy that it goes beside
	struct err_list *err;
	int rc;
};

__attribute__((format(printf, 2, 3))) static void fail(struct edit *d, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap); // a longer text is cut
	va_end(ap);
	err_add(d->err, "%s", text);
	if (d->rc == 0)
		d->rc = -EINVAL;
}

static const struct cfg_section *section_of(const char *key)
{
	for (size_t i = 0; i < cfg_root.nfields; i++)
		if (strcmp(cfg_root.fields[i].key, key) == 0)
			return cfg_root.fields[i].sub;
	return NULL;
}

static const struct cfg_field *field_of(const struct cfg_section *sec, const char *key)
{
	for (size_t i = 0; i < sec->nfields; i++)
		if (strcmp(sec->fields[i].key, key) == 0)
			return &sec->fields[i];
	return NULL;
}

// Index of a policy, or d->n with the error said.
static uint32_t policy_find(struct edit *d, const char *name)
{
	const char *nearest;

	for (uint32_t i = 0; i < d->n; i++)
		if (strcmp(d->list[i].name, name) == 0)
			return i;
	nearest = d->n == 0 ? NULL : cfg_nearest(name, &d->list[0].name, d->n, sizeof(*d->list));
	if (nearest != NULL)
		fail(d, "there is no policy \"%.64s\"; the nearest is \"%s\"", name, nearest);
	else
		fail(d, "there is no policy \"%.64s\"; none is configured", name);
	d->rc = -ENOENT;
	return d->n;
}

// What stands beside the place: a policy's name, or where none is called so, its number in the list
// before the change, from 1.
static void beside_take(struct edit *d)
{
	const char *text = d->e->beside;
	unsigned long number;

	if (d->e->place != CFG_EDIT_BEFORE && d->e->place != CFG_EDIT_AFTER)
		return;
	d->beside = text;
	for (uint32_t i = 0; i < d->n; i++)
		if (strcmp(d->list[i].name, text) == 0)
			return;
	if (*text == '\0' || text[strspn(text, "0123456789")] != '\0')
		return; // who looks for it says so
	number = strtoul(text, NULL, 10);
	if (number >= 1 && number <= d->n) {
		d->beside = d->list[number - 1].name;
		return;
	}
	fail(d, "there is no policy number %.64s; there are %u", text, d->n);
	d->rc = -ENOENT;
}

static void value_take(struct edit *d, const struct cfg_field *f, const char *text,
	struct cfg_slot slot, enum cfg_kind kind)
{
	const struct cfg_value v = {.text = text, .n = strlen(text), .plain = true};
	char why[CFG_WHY_MAX];

	if (v.n == 0 && kind != CFG_KIND_TEXT)
		fail(d, "%s: has no value", f->key);
	else if (cfg_value_parse(d->arena, NULL, f, kind, &v, slot, why) != 0)
		fail(d, "%s: %s", f->key, why);
}

// Entries between commas, blanks around them left out.
static void list_value(struct edit *d, const struct cfg_field *f, const char *text, void *base)
{
	char *copy = cfg_arena_text(d->arena, text, strlen(text)), *rest = copy, *word;
	uint32_t *count = (uint32_t *)((char *)base + f->off2);
	size_t room = 1;
	char *list;

	*count = 0;
	if (f->none_word != NULL && strcmp(text, f->none_word) == 0)
		return;
	for (const char *p = text; *p != '\0'; p++)
		room += *p == ',';
	list = cfg_arena_take(d->arena, room * f->item_size);
	if (copy == NULL || list == NULL) {
		d->rc = -ENOMEM;
		return;
	}
	*(void **)((char *)base + f->off) = list;
	while ((word = strsep(&rest, ",")) != NULL) {
		size_t n;

		word += strspn(word, " ");
		for (n = strlen(word); n > 0 && word[n - 1] == ' '; n--)
			word[n - 1] = '\0';
		value_take(d, f, word, cfg_slot_item(f, list, (*count)++), f->item);
	}
}

static void field_take(struct edit *d, const char *key, const char *text, struct cfg_policy *p)
{
	const struct cfg_section *sec = section_of("policies");
	const struct cfg_field *f = field_of(sec, key);

	if (f == NULL)
		fail(d, "%.64s: is no key of a policy; the nearest is \"%s\"", key,
			cfg_nearest(
				key, &sec->fields[0].key, sec->nfields, sizeof(sec->fields[0])));
	else if (f->kind == CFG_KIND_LIST)
		list_value(d, f, text, p);
	else
		value_take(d, f, text, cfg_slot_of(f, p), f->kind);
}

struct names { // n structs, `stride` bytes apart, whose name is a const char * at `first`
	const char *what;
	const void *first;
	size_t n, stride;
};

static void ref_check(struct edit *d, const char *key, const char *ref, const struct names *names)
{
	const char *nearest;

	if (ref == NULL)
		return;
	for (size_t i = 0; i < names->n; i++) {
		const char *const *name =
			(const char *const *)((const char *)names->first + i * names->stride);

		if (strcmp(*name, ref) == 0)
			return;
	}
	nearest = cfg_nearest(ref, names->first, names->n, names->stride);
	if (nearest != NULL)
		fail(d, "%s: there is no %s \"%s\"; the nearest is \"%s\"", key, names->what, ref,
			nearest);
	else
		fail(d, "%s: there is no %s \"%s\"; none is configured", key, names->what, ref);
}

#define NAMES(word, list, count)                                         \
	&(const struct names)                                            \
	{                                                                \
		.what = (word), .n = (count), .stride = sizeof(*(list)), \
		.first = (count) > 0 ? &(list)[0].name : NULL            \
	}

static void refs_check(struct edit *d, const struct cfg_policy *p)
{
	const struct cfg *c = d->c;

	ref_check(d, "context", p->context, NAMES("context", c->contexts, c->ncontexts));
	for (uint32_t i = 0; i < p->ningress; i++)
		ref_check(d, "ingress", p->ingress[i],
			NAMES("port", c->dataplane.ports, c->dataplane.nports));
	ref_check(d, "session", p->session, NAMES("session profile", c->sessions, c->nsessions));
	ref_check(d, "content", p->content, NAMES("content profile", c->contents, c->ncontents));
}

static void values_take(struct edit *d, struct cfg_policy *p)
{
	for (unsigned i = 0; i < d->e->nvalues; i++)
		field_take(d, d->e->value[i].key, d->e->value[i].text, p);
	if (d->rc == 0)
		refs_check(d, p);
}

// --- the four changes --------------------------------------------------------------------------

// Where a policy that is out of the list goes in; `was` is where it came from.
static uint32_t place_of(struct edit *d, uint32_t was)
{
	uint32_t at = d->n;

	switch (d->e->place) {
	case CFG_EDIT_LAST:
		return d->n;
	case CFG_EDIT_FIRST:
		return 0;
	case CFG_EDIT_UP:
		return was > 0 ? was - 1 : 0;
	case CFG_EDIT_DOWN:
		return was < d->n ? was + 1 : d->n;
	case CFG_EDIT_BEFORE:
	case CFG_EDIT_AFTER:
		at = policy_find(d, d->beside);
		break;
	}
	return at + (d->e->place == CFG_EDIT_AFTER && at < d->n);
}

static void policy_put(struct edit *d, uint32_t at, const struct cfg_policy *p)
{
	memmove(&d->list[at + 1], &d->list[at], (d->n - at) * sizeof(*p));
	d->list[at] = *p;
	d->n++;
}

static struct cfg_policy policy_take(struct edit *d, uint32_t at)
{
	struct cfg_policy p = d->list[at];

	d->n--;
	memmove(&d->list[at], &d->list[at + 1], (d->n - at) * sizeof(p));
	return p;
}

static uint32_t add(struct edit *d)
{
	const struct cfg_section *sec = section_of("policies");
	struct cfg_policy p = {.name = ""};
	uint32_t at = place_of(d, d->n);
	bool action = false;

	for (uint32_t i = 0; i < d->n; i++)
		if (strcmp(d->list[i].name, d->e->name) == 0)
			fail(d, "policy \"%.64s\" is there already; it is number %u", d->e->name,
				i + 1);
	if (d->n >= CFG_POLICIES_MAX)
		fail(d, "there are %u policies; no more fit", d->n);
	for (size_t i = 0; i < sec->nfields; i++)
		if (sec->fields[i].preset != NULL)
			field_take(d, sec->fields[i].key, sec->fields[i].preset, &p);
	for (unsigned i = 0; i < d->e->nvalues; i++)
		action = action || strcmp(d->e->value[i].key, "action") == 0;
	if (!action)
		fail(d, "action: is missing; it has no default");
	field_take(d, "name", d->e->name, &p);
	values_take(d, &p);
	if (d->rc == 0)
		policy_put(d, at, &p);
	return at;
}

static uint32_t move(struct edit *d, uint32_t at)
{
	struct cfg_policy p;
	uint32_t to;

	if ((d->e->place == CFG_EDIT_BEFORE || d->e->place == CFG_EDIT_AFTER) &&
		strcmp(d->beside, d->e->name) == 0) {
		fail(d, "policy \"%s\" cannot stand beside itself", d->e->name);
		return at;
	}
	p = policy_take(d, at);
	to = place_of(d, at);
	policy_put(d, to, &p);
	return to;
}

static uint32_t change(struct edit *d)
{
	uint32_t at;

	if (d->e->kind == CFG_EDIT_ADD || d->e->kind == CFG_EDIT_MOVE)
		beside_take(d);
	if (d->rc != 0)
		return d->n;
	if (d->e->kind == CFG_EDIT_ADD)
		return add(d);
	at = policy_find(d, d->e->name);
	if (d->rc != 0)
		return at;
	if (d->e->kind == CFG_EDIT_SET)
		values_take(d, &d->list[at]);
	else if (d->e->kind == CFG_EDIT_DEL)
		(void)policy_take(d, at); // it goes
	else
		at = move(d, at);
	return at;
}

static int print(const struct edit *d, char **text)
{
	struct cfg next = *d->c;
	size_t n = 0;
	FILE *f;

	next.policies = d->list;
	next.npolicies = d->n;
	*text = NULL;
	f = open_memstream(text, &n);
	if (f == NULL)
		return -ENOMEM;
	cfg_print(&next, f);
	if (fclose(f) != 0) {
		free(*text);
		return -ENOMEM;
	}
	return 0;
}

int cfg_edit_policies(const struct cfg *c, const struct cfg_edit *e, char **text, uint32_t *index,
	struct err_list *err)
{
	struct edit d = {.c = c, .e = e, .n = c->npolicies, .err = err};

	d.arena = cfg_arena_new();
	d.list = d.arena == NULL ? NULL
				 : cfg_arena_take(d.arena, ((size_t)d.n + 1) * sizeof(*d.list));
	if (d.list == NULL) {
		d.rc = -ENOMEM;
	} else {
		if (d.n > 0)
			memcpy(d.list, c->policies, d.n * sizeof(*d.list));
		*index = change(&d);
		if (d.rc == 0)
			d.rc = print(&d, text);
	}
	if (d.arena != NULL)
		cfg_arena_free(d.arena);
	return d.rc;
}

// --- one policy, value by value ----------------------------------------------------------------

static void field_print(const struct cfg_field *f, void *base, FILE *out)
{
	void *list;
	uint32_t n;

	if (f->kind == CFG_KIND_TEXT) { // unquoted
		fputs(*(const char **)((char *)base + f->off), out);
		return;
	}
	if (f->kind != CFG_KIND_LIST) {
		cfg_value_print(f, f->kind, cfg_slot_of(f, base), out);
		return;
	}
	list = *(void **)((char *)base + f->off);
	n = *(const uint32_t *)((const char *)base + f->off2);
	if (n == 0)
		fputs(f->none_word, out);
	for (uint32_t i = 0; i < n; i++) {
		fputs(i == 0 ? "" : ", ", out);
		cfg_value_print(f, f->item, cfg_slot_item(f, list, i), out);
	}
}

bool cfg_policy_print(const struct cfg *c, uint32_t i,
	void (*put)(void *arg, const char *key, const char *text), void *arg)
{
	const struct cfg_section *sec = section_of("policies");

	for (size_t k = 0; k < sec->nfields; k++) {
		char *text = NULL, *first;
		size_t n = 0;
		FILE *f = open_memstream(&text, &n);

		if (f == NULL)
			return false;
		field_print(&sec->fields[k], &c->policies[i], f);
		if (fclose(f) != 0) {
			free(text);
			return false;
		}
		first = text;
		if (sec->fields[k].kind == CFG_KIND_PREFIX && n >= 2 && text[0] == '"') {
			text[n - 1] = '\0'; // the file's quotes
			first++;
		}
		put(arg, sec->fields[k].key, first);
		free(text);
	}
	return true;
}

// SPDX-License-Identifier: BSD-3-Clause
// From YAML to the tree: walks the schema and the document together, fills in defaults, collects
// every error with its place. What values mean together is left to cfg_check.c and cfg_shadow.c.
// The walk follows the schema, so it is as deep as the schema, whatever the document does; aliases
// are counted each time they are met. Thread: one at a time.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "cfg_schema_int.h"
#include "text.h"

enum {
	SHOWN_MAX = 60, // bytes of a wrong key that an error repeats
	LIST_MAX = 64,  // scalars of one list
};

enum load_what {
	LOAD_WHOLE,
	LOAD_BOOT,     // dataplane: and control: only
	LOAD_SERVICES, // store: and radius: only, without radius.nas
};

struct load {
	yaml_document_t doc;
	struct cfg_arena *arena;
	struct err_list *err;
	const char *name, *dir;
	struct cfg_spots spots;
	unsigned visits; // nodes looked at
	unsigned before; // errors that were in *err already
	enum load_what what;
};

static unsigned line_of(const yaml_node_t *node)
{
	return (unsigned)node->start_mark.line + 1;
}

static unsigned col_of(const yaml_node_t *node)
{
	return (unsigned)node->start_mark.column + 1;
}

static const char *kind_of(const yaml_node_t *node)
{
	return node->type == YAML_MAPPING_NODE     ? "a map"
		: node->type == YAML_SEQUENCE_NODE ? "a list"
						   : "a single value";
}

#define FAIL(l, node, ...) err_at((l)->err, (l)->name, line_of(node), col_of(node), __VA_ARGS__)

static void fail_memory(struct load *l)
{
	err_at(l->err, l->name, 0, 0, "cannot be loaded; out of memory");
}

// "section.key", for errors.
static const char *path_of(const struct cfg_section *sec, const struct cfg_field *f, char buf[96])
{
	(void)snprintf(buf, 96, "%s%s%s", sec->name, sec->name[0] != '\0' ? "." : "", f->key);
	return buf;
}

// The node of an index; NULL once the document has been looked at too often (aliases of aliases).
static yaml_node_t *visit(struct load *l, int index)
{
	yaml_node_t *node = yaml_document_get_node(&l->doc, index);

	if (l->visits > CFG_NODES_MAX)
		return NULL;
	if (++l->visits > CFG_NODES_MAX) {
		FAIL(l, node, "too many values with aliases expanded; the limit is %d",
			CFG_NODES_MAX);
		return NULL;
	}
	return node;
}

static struct cfg_value value_of(const yaml_node_t *node)
{
	return (struct cfg_value){
		.text = (const char *)node->data.scalar.value,
		.n = node->data.scalar.length,
		.plain = node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE,
	};
}

static bool value_is_null(const struct cfg_value *v)
{
	return v->plain && (v->n == 0 || strcmp(v->text, "~") == 0 || strcmp(v->text, "null") == 0);
}

static void load_scalar(struct load *l, const struct cfg_section *sec, const struct cfg_field *f,
	enum cfg_kind kind, const yaml_node_t *node, struct cfg_slot slot)
{
	char why[CFG_WHY_MAX], path[96];
	struct cfg_value v;

	if (node->type != YAML_SCALAR_NODE) {
		FAIL(l, node, "%s must be a single value; it is %s", path_of(sec, f, path),
			kind_of(node));
		return;
	}
	v = value_of(node);
	if (value_is_null(&v))
		FAIL(l, node, "%s has no value; give one or leave the key out",
			path_of(sec, f, path));
	else if (cfg_value_parse(l->arena, l->dir, f, kind, &v, slot, why) != 0)
		FAIL(l, node, "%s: %s", path_of(sec, f, path), why);
	else if (cfg_spot_add(&l->spots, slot.at, line_of(node), col_of(node)) != 0)
		fail_memory(l);
}

static bool kind_is_text(enum cfg_kind kind)
{
	return kind == CFG_KIND_NAME || kind == CFG_KIND_REF || kind == CFG_KIND_TEXT ||
		kind == CFG_KIND_PATH || kind == CFG_KIND_PATTERN || kind == CFG_KIND_DEV ||
		kind == CFG_KIND_LISTEN;
}

// Texts begin as "", so that the checks can go over a tree of which parts could not be read.
static void section_clear(const struct cfg_section *sec, void *base)
{
	for (size_t i = 0; i < sec->nfields; i++) {
		const struct cfg_field *f = &sec->fields[i];

		if (kind_is_text(f->kind) && (f->none_word == NULL || f->kind == CFG_KIND_PATH))
			*(const char **)((char *)base + f->off) = "";
		else if (f->kind == CFG_KIND_MAP)
			section_clear(f->sub, (char *)base + f->off);
	}
}

// Room for n entries in the member at f->off, their number at f->off2.
static void *list_take(struct load *l, const struct cfg_field *f, void *base, size_t n, size_t size)
{
	void *list = cfg_arena_take(l->arena, n * size);

	if (list == NULL) {
		fail_memory(l);
		return NULL;
	}
	for (size_t i = 0; i < n; i++) {
		if (f->kind != CFG_KIND_LIST)
			section_clear(f->sub, (char *)list + i * size);
		else if (kind_is_text(f->item))
			((const char **)list)[i] = "";
	}
	*(void **)((char *)base + f->off) = list;
	*(uint32_t *)((char *)base + f->off2) = (uint32_t)n;
	return list;
}

// A list of scalars; a single one stands for a list of one.
static void load_list(struct load *l, const struct cfg_section *sec, const struct cfg_field *f,
	const yaml_node_t *node, void *base)
{
	char path[96];
	struct cfg_value v;
	void *list;
	size_t n;

	if (node->type == YAML_SCALAR_NODE) {
		v = value_of(node);
		if (f->none_word != NULL && strcmp(v.text, f->none_word) == 0)
			return;
		list = list_take(l, f, base, 1, f->item_size);
		if (list != NULL)
			load_scalar(l, sec, f, f->item, node, cfg_slot_item(f, list, 0));
		return;
	}
	if (node->type != YAML_SEQUENCE_NODE) {
		FAIL(l, node, "%s must be a list; it is %s", path_of(sec, f, path), kind_of(node));
		return;
	}
	n = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
	if (n > LIST_MAX) {
		FAIL(l, node, "%s has %zu entries; the limit is %d", path_of(sec, f, path), n,
			LIST_MAX);
		return;
	}
	list = list_take(l, f, base, n, f->item_size);
	for (size_t i = 0; list != NULL && i < n; i++) {
		yaml_node_t *item = visit(l, node->data.sequence.items.start[i]);

		if (item != NULL)
			load_scalar(l, sec, f, f->item, item, cfg_slot_item(f, list, i));
	}
}

static void load_section(
	struct load *l, const struct cfg_section *sec, const yaml_node_t *node, void *base);

static void place_set(
	struct load *l, const struct cfg_section *sec, void *base, unsigned line, unsigned col)
{
	if (sec->at_off != CFG_NO_OFF)
		*(struct cfg_place *)((char *)base + sec->at_off) =
			(struct cfg_place){.file = l->name, .line = line, .col = col};
}

// A struct written as a list of its fields.
static void load_tuple(
	struct load *l, const struct cfg_section *sec, const yaml_node_t *node, void *base)
{
	size_t n;

	place_set(l, sec, base, line_of(node), col_of(node));
	n = node->type == YAML_SEQUENCE_NODE
		? (size_t)(node->data.sequence.items.top - node->data.sequence.items.start)
		: 0;
	if (n != sec->nfields) {
		FAIL(l, node, "%s must be a list of %zu values; it is %s", sec->name, sec->nfields,
			n == 0 ? kind_of(node) : "one of another length");
		return;
	}
	for (size_t i = 0; i < n; i++) {
		yaml_node_t *item = visit(l, node->data.sequence.items.start[i]);

		if (item != NULL)
			load_scalar(l, sec, &sec->fields[i], sec->fields[i].kind, item,
				cfg_slot_of(&sec->fields[i], base));
	}
}

static bool count_is_good(struct load *l, const struct cfg_section *sec, const struct cfg_field *f,
	const yaml_node_t *node, size_t n)
{
	char path[96];

	if ((int64_t)n <= f->max)
		return true;
	FAIL(l, node, "%s has %zu entries; the limit is %lld", path_of(sec, f, path), n,
		(long long)f->max);
	return false;
}

// A list of structs.
static void load_maps(struct load *l, const struct cfg_section *sec, const struct cfg_field *f,
	const yaml_node_t *node, void *base)
{
	char path[96];
	char *list;
	size_t n;

	if (node->type != YAML_SEQUENCE_NODE) {
		FAIL(l, node, "%s must be a list; it is %s", path_of(sec, f, path), kind_of(node));
		return;
	}
	n = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
	if (!count_is_good(l, sec, f, node, n))
		return;
	list = list_take(l, f, base, n, f->sub->size);
	for (size_t i = 0; list != NULL && i < n; i++, list += f->sub->size) {
		yaml_node_t *item = visit(l, node->data.sequence.items.start[i]);

		if (item == NULL)
			return;
		if (f->sub->tuple)
			load_tuple(l, f->sub, item, list);
		else
			load_section(l, f->sub, item, list);
	}
}

// The name that a key of a NAMED map gives to its struct.
static void load_map_name(
	struct load *l, const struct cfg_section *sec, const yaml_node_t *key, char *list, size_t i)
{
	enum { NAME_MAX_BYTES = 63 };
	const char **name = (const char **)(list + i * sec->size + sec->name_off);
	struct cfg_value v;
	char buf[SHOWN_MAX];

	if (key->type != YAML_SCALAR_NODE) {
		FAIL(l, key, "%s: a name must be a single value; it is %s", sec->name,
			kind_of(key));
		return;
	}
	v = value_of(key);
	if (strlen(v.text) != v.n || !cfg_name_is_good(&v, NAME_MAX_BYTES)) {
		FAIL(l, key,
			"%s: \"%s\" is no name; 1..%d letters, digits, _ . - are, but not any and "
			"none",
			sec->name,
			text_escape((struct span){.p = (const uint8_t *)v.text, .n = v.n}, buf,
				sizeof(buf)),
			NAME_MAX_BYTES);
		return;
	}
	for (size_t j = 0; j < i; j++) {
		const char *other = *(const char **)(list + j * sec->size + sec->name_off);

		if (strcmp(other, v.text) == 0) {
			FAIL(l, key, "%s: \"%s\" is there twice; a name stands for one profile",
				sec->name, v.text);
			return;
		}
	}
	*name = cfg_arena_text(l->arena, v.text, v.n);
	if (*name == NULL) {
		*name = "";
		fail_memory(l);
	}
}

// A map whose keys are names.
static void load_named(struct load *l, const struct cfg_section *sec, const struct cfg_field *f,
	const yaml_node_t *node, void *base)
{
	char path[96];
	char *list;
	size_t n;

	if (node->type != YAML_MAPPING_NODE) {
		FAIL(l, node, "%s must be a map; it is %s", path_of(sec, f, path), kind_of(node));
		return;
	}
	n = (size_t)(node->data.mapping.pairs.top - node->data.mapping.pairs.start);
	if (!count_is_good(l, sec, f, node, n))
		return;
	list = list_take(l, f, base, n, f->sub->size);
	if (list == NULL)
		return;
	for (size_t i = 0; i < n; i++)
		*(const char **)(list + i * f->sub->size + f->sub->name_off) = "";
	for (size_t i = 0; i < n; i++) {
		yaml_node_t *key = visit(l, node->data.mapping.pairs.start[i].key);
		yaml_node_t *value = visit(l, node->data.mapping.pairs.start[i].value);

		if (key == NULL || value == NULL)
			return;
		load_map_name(l, f->sub, key, list, i);
		load_section(l, f->sub, value, list + i * f->sub->size);
	}
}

static void load_field(struct load *l, const struct cfg_section *sec, const struct cfg_field *f,
	const yaml_node_t *node, void *base)
{
	bool many =
		f->kind == CFG_KIND_LIST || f->kind == CFG_KIND_MAPS || f->kind == CFG_KIND_NAMED;

	if (many &&
		cfg_spot_add(&l->spots, (char *)base + f->off, line_of(node), col_of(node)) != 0)
		fail_memory(l);
	switch (f->kind) {
	case CFG_KIND_MAP:
		load_section(l, f->sub, node, (char *)base + f->off);
		break;
	case CFG_KIND_MAPS:
		load_maps(l, sec, f, node, base);
		break;
	case CFG_KIND_NAMED:
		load_named(l, sec, f, node, base);
		break;
	case CFG_KIND_LIST:
		load_list(l, sec, f, node, base);
		break;
	case CFG_KIND_PATH:
		if (f->off2 != 0)
			*(struct cfg_place *)((char *)base + f->off2) = (struct cfg_place){
				.file = l->name, .line = line_of(node), .col = col_of(node)};
		load_scalar(l, sec, f, f->kind, node, cfg_slot_of(f, base));
		break;
	default:
		load_scalar(l, sec, f, f->kind, node, cfg_slot_of(f, base));
		break;
	}
}

static void preset_section(struct load *l, const struct cfg_section *sec, void *base);

// The default of one key; the schema's own texts cannot be wrong but where a path gets too long.
static void preset_field(struct load *l, const struct cfg_field *f, void *base)
{
	struct cfg_value v = {.text = f->preset, .n = strlen(f->preset), .plain = true};
	char why[CFG_WHY_MAX] = "";
	int rc = 0;

	if (f->kind == CFG_KIND_MAP) {
		preset_section(l, f->sub, (char *)base + f->off);
	} else if (f->kind == CFG_KIND_LIST) {
		void *list;

		if (v.n == 0 || (f->none_word != NULL && strcmp(f->preset, f->none_word) == 0))
			return;
		list = list_take(l, f, base, 1, f->item_size);
		if (list != NULL)
			rc = cfg_value_parse(
				l->arena, l->dir, f, f->item, &v, cfg_slot_item(f, list, 0), why);
	} else if (f->kind != CFG_KIND_MAPS && f->kind != CFG_KIND_NAMED) {
		rc = cfg_value_parse(l->arena, l->dir, f, f->kind, &v, cfg_slot_of(f, base), why);
	}
	if (rc != 0)
		err_at(l->err, l->name, 0, 0, "the default of %s: %s", f->key, why);
}

static void preset_section(struct load *l, const struct cfg_section *sec, void *base)
{
	place_set(l, sec, base, 0, 0);
	for (size_t i = 0; i < sec->nfields; i++)
		if (sec->fields[i].preset != NULL)
			preset_field(l, &sec->fields[i], base);
}

static const struct cfg_field *field_find(const struct cfg_section *sec, const char *key)
{
	for (size_t i = 0; i < sec->nfields; i++)
		if (strcmp(sec->fields[i].key, key) == 0)
			return &sec->fields[i];
	return NULL;
}

static void fail_unknown(struct load *l, const struct cfg_section *sec, const yaml_node_t *key)
{
	struct cfg_value v = value_of(key);
	char buf[SHOWN_MAX];

	FAIL(l, key, "unknown key \"%s\"%s%s; the nearest known one is \"%s\"",
		text_escape(
			(struct span){.p = (const uint8_t *)v.text, .n = v.n}, buf, sizeof(buf)),
		sec->name[0] != '\0' ? " in " : "", sec->name,
		cfg_nearest(v.text, &sec->fields[0].key, sec->nfields, sizeof(sec->fields[0])));
}

static bool field_is_wanted(const struct load *l, const struct cfg_section *sec, const char *key)
{
	static const char *const wanted[][2] = {
		[LOAD_BOOT] = {"dataplane", "control"},
		[LOAD_SERVICES] = {"store", "radius"},
	};

	if (l->what == LOAD_SERVICES && sec == &cfg_radius_section)
		return strcmp(key, "nas") != 0;
	return l->what == LOAD_WHOLE || sec != &cfg_root || strcmp(key, wanted[l->what][0]) == 0 ||
		strcmp(key, wanted[l->what][1]) == 0;
}

// One "key: value" of a section; `seen` has the line of each field met so far.
static void load_entry(struct load *l, const struct cfg_section *sec, const yaml_node_pair_t *pair,
	void *base, unsigned *seen)
{
	yaml_node_t *key = visit(l, pair->key), *value = visit(l, pair->value);
	const struct cfg_field *f;
	struct cfg_value v;

	if (key == NULL || value == NULL)
		return;
	if (key->type != YAML_SCALAR_NODE) {
		FAIL(l, key, "a key must be a single value; it is %s", kind_of(key));
		return;
	}
	v = value_of(key);
	if (!field_is_wanted(l, sec, v.text))
		return;
	f = strlen(v.text) == v.n ? field_find(sec, v.text) : NULL;
	if (f == NULL) {
		fail_unknown(l, sec, key);
	} else if (seen[f - sec->fields] != 0) {
		FAIL(l, key, "key \"%s\" is there twice; it is already in line %u", f->key,
			seen[f - sec->fields]);
	} else {
		seen[f - sec->fields] = line_of(key);
		load_field(l, sec, f, value, base);
	}
}

static void load_section(
	struct load *l, const struct cfg_section *sec, const yaml_node_t *node, void *base)
{
	enum { FIELDS_MAX = 64, ENTRIES_MAX = 256 };
	unsigned seen[FIELDS_MAX] = {0};
	size_t n;

	place_set(l, sec, base, line_of(node), col_of(node));
	if (node->type != YAML_MAPPING_NODE) {
		FAIL(l, node, "%s must be a map; it is %s",
			sec->name[0] != '\0' ? sec->name : "a configuration", kind_of(node));
		return;
	}
	n = (size_t)(node->data.mapping.pairs.top - node->data.mapping.pairs.start);
	if (n > ENTRIES_MAX) {
		FAIL(l, node, "%zu keys in one map; the limit is %d", n, ENTRIES_MAX);
		return;
	}
	for (size_t i = 0; i < n; i++)
		load_entry(l, sec, &node->data.mapping.pairs.start[i], base, seen);
	for (size_t i = 0; i < sec->nfields; i++) {
		const struct cfg_field *f = &sec->fields[i];

		if (seen[i] != 0 || !field_is_wanted(l, sec, f->key))
			continue;
		if (f->preset != NULL)
			preset_field(l, f, base);
		else
			FAIL(l, node, "key \"%s\" is missing%s%s; it has no default", f->key,
				sec->name[0] != '\0' ? " in " : "", sec->name);
	}
}

// Where no context is written there is one, of every port.
static void default_context(struct load *l, struct cfg *c)
{
	struct cfg_context *ctx;

	if (c->ncontexts > 0)
		return;
	ctx = cfg_arena_take(l->arena, sizeof(*ctx));
	if (ctx != NULL)
		ctx->ports = cfg_arena_take(l->arena, c->dataplane.nports * sizeof(ctx->ports[0]));
	if (ctx == NULL || ctx->ports == NULL) {
		fail_memory(l);
		return;
	}
	ctx->at = (struct cfg_place){.file = l->name};
	ctx->name = "default";
	ctx->nports = c->dataplane.nports;
	for (uint32_t i = 0; i < ctx->nports; i++)
		ctx->ports[i] = c->dataplane.ports[i].name;
	c->contexts = ctx;
	c->ncontexts = 1;
}

// The tree of a document that is loaded already; NULL with errors.
static struct cfg *load_document(struct load *l)
{
	struct cfg *c = cfg_arena_take(l->arena, sizeof(*c));
	const char *name = cfg_arena_text(l->arena, l->name, strlen(l->name));

	if (c == NULL || name == NULL) {
		fail_memory(l);
		return NULL;
	}
	l->name = l->spots.file = c->file = name;
	c->arena = l->arena;
	section_clear(&cfg_root, c);
	load_section(l, &cfg_root, yaml_document_get_root_node(&l->doc), c);
	l->spots.whole = l->err->count == l->before;
	cfg_spot_sort(&l->spots);
	if (l->what != LOAD_SERVICES)
		cfg_check_dataplane(c, &l->spots, l->err);
	if (l->what != LOAD_BOOT)
		cfg_check_services(c, &l->spots, l->err);
	if (l->what == LOAD_WHOLE) {
		cfg_radius_places(c, &l->spots);
		if (l->spots.whole || !cfg_spot_has(&l->spots, &c->contexts))
			default_context(l, c);
		cfg_check_rest(c, &l->spots, l->err);
		if (l->err->count == l->before)
			cfg_check_shadows(c, l->err);
		if (l->err->count == l->before)
			cfg_check_access_shadows(c, l->err);
		if (l->err->count == l->before)
			cfg_warn_reputation(c, &l->spots, l->err);
	}
	return l->err->count > l->before ? NULL : c;
}

static struct cfg *load_text(const char *text, size_t n, const char *name, const char *dir,
	enum load_what what, struct err_list *err)
{
	struct load l = {.err = err, .name = name, .dir = dir, .what = what, .before = err->count};
	struct cfg *c = NULL;
	yaml_parser_t parser;

	if (n > CFG_FILE_MAX) {
		err_at(err, name, 0, 0, "is too large; the limit is %d MB", CFG_FILE_MAX >> 20);
		return NULL;
	}
	if (cfg_yaml_survey(text, n, name, err) != 0)
		return NULL;
	l.arena = cfg_arena_new();
	if (l.arena == NULL || !yaml_parser_initialize(&parser)) {
		cfg_arena_free(l.arena);
		fail_memory(&l);
		return NULL;
	}
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, n);
	if (yaml_parser_load(&parser, &l.doc)) {
		c = load_document(&l);
		yaml_document_delete(&l.doc);
	} else { // the survey let it pass: an alias of nothing
		err_at(err, name, (unsigned)parser.problem_mark.line + 1,
			(unsigned)parser.problem_mark.column + 1, "%s; the file must be YAML",
			parser.problem != NULL ? parser.problem : "cannot be read");
	}
	yaml_parser_delete(&parser);
	free(l.spots.list);
	if (c == NULL)
		cfg_arena_free(l.arena);
	return c;
}

struct cfg *cfg_load_text(
	const char *text, size_t n, const char *name, const char *dir, struct err_list *err)
{
	return load_text(text, n, name, dir, LOAD_WHOLE, err);
}

struct cfg *cfg_load_services(
	const char *text, size_t n, const char *name, const char *dir, struct err_list *err)
{
	return load_text(text, n, name, dir, LOAD_SERVICES, err);
}

static struct cfg *load_path(const char *path, enum load_what what, struct err_list *err)
{
	size_t n;
	char *text = cfg_file_read(path, &n, err), *whole;
	struct cfg *c = NULL;

	if (text == NULL)
		return NULL;
	whole = realpath(path, NULL);
	if (whole == NULL) { // standard input has no folder: relative paths stay as they are
		c = load_text(text, n, path, NULL, what, err);
	} else {
		c = load_text(text, n, path, text_folder(whole), what, err);
	}
	free(whole);
	free(text);
	return c;
}

struct cfg *cfg_load(const char *path, struct err_list *err)
{
	return load_path(path, LOAD_WHOLE, err);
}

struct cfg *cfg_load_boot(const char *path, struct err_list *err)
{
	return load_path(path, LOAD_BOOT, err);
}

void cfg_free(struct cfg *c)
{
	if (c != NULL)
		cfg_arena_free(c->arena); // the tree lies in it
}

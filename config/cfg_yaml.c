// SPDX-License-Identifier: BSD-3-Clause
// A first look at the text, event by event and without storing anything: is it one YAML document,
// and small enough to be loaded? libyaml would take gigabytes for a hostile file before anybody
// could ask how many nodes it has. Aliases pass here; the loader counts one each time it meets it.
#include <errno.h>
#include <string.h>

#include <yaml.h>

#include "cfg_int.h"

struct survey {
	const char *name;
	struct err_list *err;
	unsigned nodes, depth, documents;
};

static void report_problem(const struct survey *s, const yaml_parser_t *p)
{
	unsigned line = (unsigned)p->problem_mark.line + 1,
		 col = (unsigned)p->problem_mark.column + 1;
	const char *what = p->problem != NULL ? p->problem : "not YAML";

	switch (p->error) {
	case YAML_MEMORY_ERROR:
		err_at(s->err, s->name, 0, 0, "cannot be read; out of memory");
		break;
	case YAML_READER_ERROR: // has an offset only
		err_at(s->err, s->name, 0, 0, "%s at byte %zu; the file must be UTF-8 text", what,
			p->problem_offset);
		break;
	default:
		if (p->context != NULL)
			err_at(s->err, s->name, line, col, "%s; %s that begins in line %u", what,
				p->context, (unsigned)p->context_mark.line + 1);
		else
			err_at(s->err, s->name, line, col, "%s; the file must be YAML", what);
		break;
	}
}

// Looks at one event. False where the document is refused, which has been said then.
static bool take_event(struct survey *s, const yaml_event_t *e)
{
	unsigned line = (unsigned)e->start_mark.line + 1, col = (unsigned)e->start_mark.column + 1;
	const yaml_char_t *tag = NULL;

	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (++s->documents > 1) {
			err_at(s->err, s->name, line, col,
				"a second document begins here; a configuration is one document");
			return false;
		}
		return true;
	case YAML_SCALAR_EVENT:
		tag = e->data.scalar.tag;
		break;
	case YAML_SEQUENCE_START_EVENT:
		tag = e->data.sequence_start.tag;
		s->depth++;
		break;
	case YAML_MAPPING_START_EVENT:
		tag = e->data.mapping_start.tag;
		s->depth++;
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		s->depth--;
		return true;
	case YAML_ALIAS_EVENT:
		break;
	default:
		return true;
	}
	if (tag != NULL) {
		err_at(s->err, s->name, line, col,
			"a tag is not taken here; types follow from the key");
		return false;
	}
	if (s->depth > CFG_DEPTH_MAX) {
		err_at(s->err, s->name, line, col, "nested too deep; the limit is %d levels",
			CFG_DEPTH_MAX);
		return false;
	}
	if (++s->nodes > CFG_NODES_MAX) {
		err_at(s->err, s->name, line, col, "too many values; the limit is %d",
			CFG_NODES_MAX);
		return false;
	}
	return true;
}

int cfg_yaml_survey(const char *text, size_t n, const char *name, struct err_list *err)
{
	struct survey s = {.name = name, .err = err};
	// To the parser a blank, behind which nothing else of the file is where it belongs.
	static const char BOM[] = "\xef\xbb\xbf";
	yaml_parser_t parser;
	yaml_event_t event;
	bool good = true, more = true;

	if (n >= sizeof(BOM) - 1 && memcmp(text, BOM, sizeof(BOM) - 1) == 0) {
		err_at(err, name, 1, 1,
			"begins with a byte order mark; save it as UTF-8 without one");
		return -EINVAL;
	}
	if (!yaml_parser_initialize(&parser)) {
		err_at(err, name, 0, 0, "cannot be read; out of memory");
		return -EINVAL;
	}
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, n);
	while (good && more) {
		if (!yaml_parser_parse(&parser, &event)) {
			report_problem(&s, &parser);
			good = false;
			break;
		}
		good = take_event(&s, &event);
		more = event.type != YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	if (good && s.documents == 0) {
		err_at(err, name, 0, 0,
			"there is nothing in it; at least dataplane: must be given");
		good = false;
	}
	return good ? 0 : -EINVAL;
}

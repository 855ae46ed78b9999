// SPDX-License-Identifier: BSD-3-Clause
// A file of servers read: what each line says, and where it is wrong. Thread: one at a time.
#include "cfg_servers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cfg.h"
#include "text.h"

enum { SHOWN_MAX = 60 }; // bytes of a wrong line that an error repeats

struct line {
	const char *name; // of the file
	unsigned number, col;
	struct span text; // without blanks around it
};

static const char *wrong(const struct line *l, struct prefix *out)
{
	char text[PREFIX_TEXT_MAX];

	if (l->text.n >= sizeof(text) || memchr(l->text.p, 0, l->text.n) != NULL)
		return "is no address or prefix";
	memcpy(text, l->text.p, l->text.n);
	text[l->text.n] = '\0';
	switch (prefix_parse(text, out)) {
	case 0:
		return out->len == 0 ? "takes every server; a policy that rejects does that" : NULL;
	case -ERANGE:
		return "has too long a prefix";
	case -EDOM:
		return "has host bits set; behind the prefix all bits must be 0";
	default:
		return "is no address or prefix";
	}
}

static int server_add(struct cfg_servers *out, uint32_t *cap, const struct prefix *p)
{
	if (out->n == *cap) {
		uint32_t more = *cap * 2 + 64;
		struct prefix *list = realloc(out->list, more * sizeof(*list));

		if (list == NULL)
			return -ENOMEM;
		out->list = list;
		*cap = more;
	}
	out->list[out->n++] = *p;
	return 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

// The next line that says something; false at the end.
static bool line_next(struct line *l, const char *text, size_t n, size_t *at)
{
	while (*at < n) {
		const char *nl = memchr(text + *at, '\n', n - *at);
		size_t from = *at, begin = from, end = nl != NULL ? (size_t)(nl - text) : n;

		*at = end + 1;
		l->number++;
		while (end > begin && is_blank(text[end - 1]))
			end--;
		while (begin < end && is_blank(text[begin]))
			begin++;
		if (begin == end || text[begin] == '#')
			continue;
		l->col = (unsigned)(begin - from) + 1;
		l->text = (struct span){.p = (const uint8_t *)text + begin, .n = end - begin};
		return true;
	}
	return false;
}

int cfg_servers_load_text(
	const char *text, size_t n, const char *name, struct cfg_servers *out, struct err_list *err)
{
	struct line l = {.name = name};
	const unsigned before = err->count;
	uint32_t cap = 0;
	size_t at = 0;
	int rc = 0;

	*out = (struct cfg_servers){0};
	if (n > CFG_FILE_MAX) {
		err_at(err, name, 0, 0, "is too large; the limit is %d MB", CFG_FILE_MAX >> 20);
		return -EINVAL;
	}
	while (rc == 0 && line_next(&l, text, n, &at)) {
		struct prefix p;
		char buf[SHOWN_MAX];
		const char *why = wrong(&l, &p);

		if (why != NULL) {
			err_at(err, name, l.number, l.col, "\"%s\" %s",
				text_escape(l.text, buf, sizeof(buf)), why);
		} else if (out->n == CFG_SERVERS_MAX) {
			err_at(err, name, l.number, 0, "too many servers; the limit is %d",
				CFG_SERVERS_MAX);
			break;
		} else {
			rc = server_add(out, &cap, &p);
		}
	}
	if (rc != 0)
		err_at(err, name, l.number, 0, "cannot be kept; out of memory");
	if (rc == 0 && err->count > before)
		rc = -EINVAL;
	if (rc != 0)
		cfg_servers_fini(out);
	return rc;
}

void cfg_servers_fini(struct cfg_servers *s)
{
	free(s->list);
	*s = (struct cfg_servers){0};
}

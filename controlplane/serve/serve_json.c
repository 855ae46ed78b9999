// SPDX-License-Identifier: BSD-3-Clause
// JSON values of our own types, and errors that carry lines. Thread: the loop's.
#include "serve_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "serve_line.h"
#include "text.h"

json_t *serve_json_text(const char *text)
{
	char escaped[1024];
	json_t *j = text == NULL ? json_null() : json_string(text);

	return j != NULL ? j : json_string(text_escape(span_str(text), escaped, sizeof(escaped)));
}

json_t *serve_json_bytes(const char *p, size_t n)
{
	json_t *j = json_stringn(p, n);
	char *out = NULL;
	size_t k = 0;
	FILE *f;

	if (j != NULL)
		return j;
	f = open_memstream(&out, &k);
	for (size_t i = 0; f != NULL && i < n; i++)
		(void)fprintf(f, (unsigned char)p[i] < 0x80 ? "%c" : "\\x%02x",
			(unsigned char)p[i]); // the stream remembers an error
	if (f != NULL && fclose(f) == 0)
		j = json_stringn(out, k);
	free(out);
	return j;
}

json_t *serve_json_addr(const struct addr *a)
{
	char text[ADDR_TEXT_MAX];

	return json_string(addr_format(a, text, sizeof(text)));
}

json_t *serve_json_id(uint64_t id)
{
	char text[TEXT_ID_LEN + 1];

	return id == 0 ? json_null() : json_string(text_id(id, text));
}

json_t *serve_json_time(int64_t at_s)
{
	enum { TO_SECONDS = 19 }; // "2026-01-31T12:34:56"
	char text[SERVE_TIME_MAX];

	if (at_s <= 0 || at_s > INT64_MAX / 1000000 || serve_time_format(at_s * 1000000, text) != 0)
		return json_null();
	text[TO_SECONDS] = 'Z';
	return json_stringn(text, TO_SECONDS + 1);
}

json_t *serve_json_u64(uint64_t v)
{
	return json_integer(v > INT64_MAX ? INT64_MAX : (json_int_t)v);
}

json_t *serve_json_cfg(const struct cfg *cfg)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	json_t *j;

	if (f == NULL)
		return NULL;
	cfg_print(cfg, f);
	if (fclose(f) != 0) {
		free(text);
		return NULL;
	}
	j = json_stringn(text, n);
	free(text);
	return j;
}

json_t *serve_json_lines(const struct err_list *e, bool warnings)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < e->kept; i++) {
		if (warnings != e->is_warning[i])
			continue;
		(void)json_array_append_new(list, serve_json_text(e->text[i])); // else one less
	}
	return list;
}

void serve_call_errors(struct serve_call *call, int code, const struct err_list *e, const char *why)
{
	serve_call_error(call, code,
		e == NULL || e->kept == 0
			? NULL
			: json_pack("{s:o,s:o}", "errors", serve_json_lines(e, false), "warnings",
				  serve_json_lines(e, true)),
		"%s", why);
}

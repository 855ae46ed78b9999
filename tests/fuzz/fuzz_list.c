// SPDX-License-Identifier: BSD-3-Clause
// Files of address patterns: whatever is taken is printable, short enough and without what no address
// has, and written line by line it is read again as the same list. The input is the file.
#include <stdio.h>

#include "cfg_list.h"
#include "fuzz.h"

static void pattern_check(const char *p)
{
	size_t n = strlen(p);

	CHECK(n > 0 && n <= 254);
	for (size_t i = 0; i < n; i++)
		CHECK(p[i] > ' ' && p[i] <= '~' && p[i] != '"' && p[i] != '\\');
	CHECK(p[0] != '@' && p[n - 1] != '.');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = (char *)copy_of((struct span){data, size}, 0), *again = NULL;
	static struct err_list err;
	struct cfg_patterns *p, *q;
	size_t n = 0;
	FILE *out;

	err_init(&err);
	p = cfg_patterns_load_text(text, size, "list", &err);
	CHECK((p != NULL) == !err_any(&err));
	if (p != NULL) {
		out = open_memstream(&again, &n);
		CHECK(out != NULL);
		for (uint32_t i = 0; i < p->n; i++) {
			pattern_check(p->list[i]);
			(void)fprintf(out, "%s\n", p->list[i]);
		}
		CHECK(fclose(out) == 0);
		// '#' may begin a pattern in the configuration, but not a line here.
		q = cfg_patterns_load_text(again, n, "again", &err);
		CHECK(q != NULL && q->n == p->n);
		for (uint32_t i = 0; i < p->n; i++)
			CHECK(strcmp(p->list[i], q->list[i]) == 0);
		cfg_patterns_free(q);
	}
	cfg_patterns_free(p);
	free(again);
	free(text);
	return 0;
}

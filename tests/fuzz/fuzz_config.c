// SPDX-License-Identifier: BSD-3-Clause
// Any text as configuration: refused with errors, or read; what was read prints to a text that is
// read again to the same print. The input is the file.
#include <stdio.h>

#include "cfg.h"
#include "fuzz.h"

static struct err_list err;

static char *print_of(const struct cfg *c, size_t *n)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, n);

	if (f == NULL)
		abort();
	cfg_print(c, f);
	if (fclose(f) != 0)
		abort();
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *in = (char *)copy_of((struct span){data, size}, 0), *once, *twice;
	size_t n, m;
	struct cfg *c, *again;

	err_init(&err);
	c = cfg_load_text(in, size, "fuzz", "/nonexistent", &err);
	free(in); // nothing may be borrowed from it
	CHECK((c == NULL) == err_any(&err));
	if (c == NULL)
		return 0;
	once = print_of(c, &n);
	cfg_free(c);
	err_init(&err);
	again = cfg_load_text(once, n, "print", "/nonexistent", &err);
	if (again == NULL) {
		err_print(&err, stderr);
		PANIC("the print is not read again:\n%s", once);
	}
	twice = print_of(again, &m);
	cfg_free(again);
	CHECK(n == m && memcmp(once, twice, n) == 0);
	free(once);
	free(twice);
	return 0;
}

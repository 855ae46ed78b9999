// SPDX-License-Identifier: BSD-3-Clause
// Archives of configurations: what goes in comes out, and what is none is refused with a reason.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>
#include <cmocka.h>

#include "cli_archive.h"

#define X100 \
	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define LONG_NAME "lists-root/srv/" X100 "/" X100 "/" X100 // longer than a head of tar can tell

enum { STEP = 1 << 16 };

// What an archive in `fd` holds, from where it stands.
static json_t *read_from(int fd, char why[256])
{
	char *bytes = NULL;
	size_t n = 0;
	ssize_t k = 1;
	json_t *files;

	while (k > 0) {
		bytes = realloc(bytes, n + STEP);
		assert_non_null(bytes);
		k = read(fd, bytes + n, STEP);
		assert_true(k >= 0);
		n += (size_t)k;
	}
	files = cli_archive_read(bytes, n, why);
	free(bytes);
	return files;
}

static int memory(void)
{
	int fd = memfd_create("archive", MFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static int exported(void)
{
	json_t *r = json_pack(
		"{s:i,s:s,s:[{s:s,s:s},{s:s,s:s},{s:s,s:s},{s:s,s:s},{s:s,s:s}]}", "revision", 7,
		"author", "ann", "files", "name", "mailweir.yaml", "text", "a: b\n", "name",
		"rules.file", "hex", "63e90a00", "name", "rules.local", "text", "", "name",
		"lists/deep/blocked", "text", "x@example.net\n", "name", LONG_NAME, "text", "y");
	int fd = memory();
	char why[256];

	assert_int_equal(cli_archive_write(fd, r, why), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	json_decref(r);
	return fd;
}

static void what_goes_in_comes_out(void **)
{
	int fd = exported();
	json_t *want = json_pack("[{s:s,s:s},{s:s,s:s},{s:s,s:s},{s:s,s:s},{s:s,s:s}]", "name",
		"mailweir.yaml", "text", "a: b\n", "name", "rules.file", "hex", "63e90a00",
		"name", "rules.local", "text", "", "name", "lists/deep/blocked", "text",
		"x@example.net\n", "name", LONG_NAME, "text", "y");
	char why[256];
	json_t *files = read_from(fd, why);

	assert_non_null(files);
	assert_true(json_equal(files, want));
	json_decref(files);
	json_decref(want);
	(void)close(fd);
}

static void a_cut_archive_is_refused_wherever_it_is_cut_in_a_file(void **)
{
	enum { BLOCK = 512 };
	char why[256];

	// about.json, mailweir.yaml, rules.file: a head and a block each.
	for (off_t at = BLOCK + 1; at < 6 * BLOCK; at += 100) {
		int fd = exported();

		if (at % BLOCK == 0) // between two blocks a file may end
			at++;
		assert_int_equal(ftruncate(fd, at), 0);
		if (read_from(fd, why) != NULL)
			fail_msg("cut at %ld", (long)at);
		(void)close(fd);
	}
}

static int packed(const char *name, unsigned type, size_t n)
{
	static char zeros[65536];
	struct archive *a = archive_write_new();
	struct archive_entry *e = archive_entry_new();
	int fd = memory();

	assert_int_equal(archive_write_set_format_pax_restricted(a), ARCHIVE_OK);
	assert_int_equal(archive_write_add_filter_gzip(a), ARCHIVE_OK);
	assert_int_equal(archive_write_open_fd(a, fd), ARCHIVE_OK);
	archive_entry_set_pathname(e, name);
	archive_entry_set_filetype(e, type);
	archive_entry_set_perm(e, 0600);
	archive_entry_set_size(e, (la_int64_t)n);
	if (type == AE_IFLNK)
		archive_entry_set_symlink(e, "/etc/passwd");
	assert_int_equal(archive_write_header(a, e), ARCHIVE_OK);
	for (; n > 0; n -= n < sizeof(zeros) ? n : sizeof(zeros))
		assert_true(
			archive_write_data(a, zeros, n < sizeof(zeros) ? n : sizeof(zeros)) > 0);
	archive_entry_free(e);
	assert_int_equal(archive_write_free(a), ARCHIVE_OK);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static const struct {
	const char *what, *name;
	unsigned type;
	size_t n;
	const char *why; // NULL = taken
} cases[] = {
	{"a file in a folder", "./site/mailweir.yaml", AE_IFREG, 10, NULL},
	{"a list", "./site/lists/rules.file", AE_IFREG, 10, NULL},
	{"a list of elsewhere", "lists-root/srv/x", AE_IFREG, 10, NULL},
	{"a folder of lists", "lists/x/", AE_IFDIR, 0, "holds no mailweir.yaml"},
	{"compressed by gzip", "rules.file", AE_IFREG, 10, NULL},
	{"another name", "notes.txt", AE_IFREG, 1, "notes.txt: not one of"},
	{"a name with an escape", "x\033[2J", AE_IFREG, 1, "x?[2J: not one of"},
	{"a link", "mailweir.yaml", AE_IFLNK, 0, "mailweir.yaml: not one of"},
	{"a folder alone", "mailweir.yaml/", AE_IFDIR, 0, "holds no mailweir.yaml"},
	{"a bomb", "mailweir.yaml", AE_IFREG, 9 << 20, "larger than 8 MiB"},
};

static void what_is_not_ours_is_refused_with_a_reason(void **)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd = packed(cases[i].name, cases[i].type, cases[i].n);
		char why[256] = "";
		json_t *files = read_from(fd, why);

		if ((files != NULL) != (cases[i].why == NULL) ||
			(files == NULL && strstr(why, cases[i].why) == NULL))
			fail_msg("%s: %s", cases[i].what, why);
		json_decref(files);
		(void)close(fd);
	}
}

static void what_is_no_archive_is_refused(void **)
{
	static const char *const texts[] = {"", "policies: []\n", "\x1f\x8b\x08rubbish"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		int fd = memory();
		char why[256] = "";

		assert_int_equal(write(fd, texts[i], strlen(texts[i])), strlen(texts[i]));
		assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
		assert_null(read_from(fd, why));
		assert_true(strlen(why) > 0);
		(void)close(fd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_goes_in_comes_out),
		cmocka_unit_test(a_cut_archive_is_refused_wherever_it_is_cut_in_a_file),
		cmocka_unit_test(what_is_not_ours_is_refused_with_a_reason),
		cmocka_unit_test(what_is_no_archive_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

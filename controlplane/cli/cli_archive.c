// SPDX-License-Identifier: BSD-3-Clause
// The archive by libarchive: pax out; any tar, compressed or not, in. Thread: the program's only
// one.
#include "cli_archive.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <archive.h>
#include <archive_entry.h>

#include "api_rpc.h"
#include "cli.h"

#define ABOUT "about.json"

enum { FILE_MODE = 0644, HEX = 16 };

static int entry_write(struct archive *a, const char *name, const char *p, size_t n)
{
	struct archive_entry *e = archive_entry_new();
	int rc = ARCHIVE_FATAL;

	if (e == NULL)
		return rc;
	archive_entry_set_pathname(e, name);
	archive_entry_set_size(e, (la_int64_t)n);
	archive_entry_set_filetype(e, AE_IFREG);
	archive_entry_set_perm(e, FILE_MODE);
	archive_entry_set_mtime(e, time(NULL), 0);
	rc = archive_write_header(a, e);
	if (rc == ARCHIVE_OK && n > 0 && archive_write_data(a, p, n) != (la_ssize_t)n)
		rc = ARCHIVE_FATAL;
	archive_entry_free(e);
	return rc;
}

// Digits in pairs, as the server made them, in place. Bytes.
static size_t hex_bytes(char *hex)
{
	size_t n = strlen(hex) / 2;
	char pair[3] = "";

	for (size_t i = 0; i < n; i++) {
		memcpy(pair, hex + 2 * i, 2);
		hex[i] = (char)strtoul(pair, NULL, HEX);
	}
	return n;
}

static int file_write(struct archive *a, const json_t *file)
{
	const json_t *text = json_object_get(file, "text");
	const char *hex = json_string_value(json_object_get(file, "hex"));
	char *bytes;
	int rc;

	if (hex == NULL)
		return entry_write(a, cli_text(file, "name"), json_string_value(text),
			json_string_length(text));
	bytes = strdup(hex);
	if (bytes == NULL)
		return ARCHIVE_FATAL;
	rc = entry_write(a, cli_text(file, "name"), bytes, hex_bytes(bytes));
	free(bytes);
	return rc;
}

static int about_write(struct archive *a, json_t *result)
{
	json_t *about = json_copy(result);
	char *text;
	int rc = ARCHIVE_FATAL;

	if (about == NULL)
		return rc;
	(void)json_object_del(about, "files"); // it was there
	text = json_dumps(about, JSON_INDENT(2));
	json_decref(about);
	if (text != NULL)
		rc = entry_write(a, ABOUT, text, strlen(text));
	free(text);
	return rc;
}

int cli_archive_write(int fd, json_t *result, char why[256])
{
	struct archive *a = archive_write_new();
	const json_t *file;
	int rc = ARCHIVE_FATAL;
	size_t i;

	if (a != NULL) {
		rc = archive_write_set_format_pax_restricted(a); // ustar but for long names
		if (rc == ARCHIVE_OK)
			rc = archive_write_open_fd(a, fd);
		if (rc == ARCHIVE_OK)
			rc = about_write(a, result);
		json_array_foreach(json_object_get(result, "files"), i, file) rc =
			rc == ARCHIVE_OK ? file_write(a, file) : rc;
		if (rc == ARCHIVE_OK)
			rc = archive_write_close(a);
	}
	(void)snprintf(why, 256, "%s",
		a == NULL || archive_error_string(a) == NULL ? "out of memory"
							     : archive_error_string(a));
	(void)archive_write_free(a); // closed, or given up
	return rc == ARCHIVE_OK ? 0 : -1;
}

// What a file is called in front of which folders may stand that an archive was packed with:
// "./x/rules.file" is "rules.file", "./x/lists/a/b" is "lists/a/b". A list that is called as one of the
// others is one.
static const char *name_of(const char *path)
{
	static const char *const folders[] = {API_EXPORT_LISTS, API_EXPORT_ROOT "/"};

	for (const char *p = path; p != NULL && *p != '\0';) {
		const char *slash = strchr(p, '/');

		for (unsigned i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
			if (strncmp(p, folders[i], strlen(folders[i])) == 0)
				return p;
		if (slash == NULL)
			return p;
		p = slash + 1;
	}
	return path;
}

static bool name_is_ours(const char *name)
{
	static const char *const names[] = {API_EXPORT_CONFIG, API_EXPORT_RULES, API_EXPORT_LOCAL};

	if (name == NULL)
		return false;
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return strchr(name, '/') != NULL; // then it is in one of the folders
}

static json_t *file_make(const char *name, const char *p, size_t n)
{
	json_t *text = memchr(p, '\0', n) != NULL ? NULL : json_stringn(p, n), *j;
	char *hex;

	if (text != NULL)
		return json_pack("{s:s,s:o}", "name", name, "text", text);
	hex = malloc(2 * n + 1);
	if (hex == NULL)
		return NULL;
	hex[0] = '\0';
	for (size_t i = 0; i < n; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", (unsigned char)p[i]); // fits by its size
	j = json_pack("{s:s,s:s}", "name", name, "hex", hex);
	free(hex);
	return j;
}

// The bytes of an entry, free() them; NULL with one line in *why.
static char *entry_bytes(struct archive *a, const char *name, size_t *n, char why[256])
{
	char *bytes = malloc(API_RPC_REQUEST_MAX + 1);
	size_t have = 0;
	la_ssize_t k = 1;

	(void)snprintf(why, 256, "out of memory");
	while (bytes != NULL && k > 0 && have <= API_RPC_REQUEST_MAX) {
		k = archive_read_data(a, bytes + have, API_RPC_REQUEST_MAX + 1 - have);
		have += k > 0 ? (size_t)k : 0;
	}
	if (bytes == NULL || k == 0) {
		*n = have;
		return bytes;
	}
	if (k < 0)
		(void)snprintf(why, 256, "%s: %s", name, archive_error_string(a));
	else
		(void)snprintf(
			why, 256, "%s: is larger than %d MiB", name, API_RPC_REQUEST_MAX >> 20);
	free(bytes);
	return NULL;
}

// Adds an entry that is a file to the list. 0, or -1 with one line in *why.
static int entry_take(struct archive *a, struct archive_entry *e, json_t *files, char why[256])
{
	const char *name = name_of(archive_entry_pathname(e));
	char *bytes;
	json_t *file;
	size_t n;

	if (archive_entry_filetype(e) == AE_IFDIR || (name != NULL && strcmp(name, ABOUT) == 0))
		return 0;
	if (!name_is_ours(name) || archive_entry_filetype(e) != AE_IFREG) {
		size_t i = 0;

		(void)snprintf(why, 256,
			"%.100s: not one of " API_EXPORT_CONFIG ", " API_EXPORT_RULES
			", " API_EXPORT_LOCAL ", " API_EXPORT_LISTS "*, " API_EXPORT_ROOT "/*",
			name == NULL ? "a file without a name" : name);
		for (; why[i] != '\0'; i++)
			why[i] = isprint((unsigned char)why[i]) ? why[i] : '?';
		return -1;
	}
	bytes = entry_bytes(a, name, &n, why);
	if (bytes == NULL)
		return -1;
	file = file_make(name, bytes, n);
	free(bytes);
	return json_array_append_new(files, file);
}

json_t *cli_archive_read(const void *bytes, size_t n, char why[256])
{
	struct archive *a = archive_read_new();
	json_t *files = json_array();
	struct archive_entry *e;
	int rc = ARCHIVE_FATAL, taken = 0;

	(void)snprintf(why, 256, "out of memory");
	if (a != NULL && files != NULL) {
		(void)archive_read_support_filter_all(
			a); // what it can't undo it says when it is there
		rc = archive_read_support_format_tar(a);
		if (rc == ARCHIVE_OK)
			rc = archive_read_open_memory(a, bytes, n);
		while (rc == ARCHIVE_OK && taken == 0 &&
			(rc = archive_read_next_header(a, &e)) == ARCHIVE_OK)
			taken = entry_take(a, e, files, why);
		if (rc != ARCHIVE_EOF && taken == 0)
			(void)snprintf(why, 256,
				"is no archive, or a torn one (config commit takes a plain file): %s",
				archive_error_string(a));
		else if (taken == 0 && json_array_size(files) == 0)
			(void)snprintf(why, 256, "holds no " API_EXPORT_CONFIG);
	}
	if (rc != ARCHIVE_EOF || taken != 0 || json_array_size(files) == 0) {
		json_decref(files);
		files = NULL;
	}
	(void)archive_read_free(a); // only read
	return files;
}

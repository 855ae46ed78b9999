// SPDX-License-Identifier: BSD-3-Clause
// `config export`, `config import`. Thread: the program's only one.
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cfg.h"
#include "cli.h"
#include "cli_archive.h"

enum { FILE_MODE = 0640 };

static int failed(const char *path, const char *what)
{
	(void)fprintf(stderr, "mailweirctl: %s: %s\n", path, what);
	return CLI_FAILED;
}

// Into a file that is there whole or not at all.
static int file_write(const char *path, json_t *result)
{
	char why[256], *fresh;
	int fd = -1, rc = CLI_OK;

	if (asprintf(&fresh, "%s.new", path) < 0)
		return failed(path, "out of memory");
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);
	if (fd < 0)
		rc = failed(fresh, strerror(errno));
	else if (cli_archive_write(fd, result, why) != 0)
		rc = failed(fresh, why);
	else if (fsync(fd) < 0 && errno != EINVAL)
		rc = failed(fresh, strerror(errno));
	if (fd >= 0 && close(fd) < 0 && rc == CLI_OK)
		rc = failed(fresh, strerror(errno));
	if (rc == CLI_OK && rename(fresh, path) < 0)
		rc = failed(path, strerror(errno));
	if (rc != CLI_OK && fd >= 0)
		(void)unlink(fresh); // it is of no use to anybody
	free(fresh);
	return rc;
}

int cli_config_export(struct cli *c, const struct cli_verb *v, json_t *params)
{
	json_t *output = json_incref(json_object_get(params, "output")), *result;
	const char *path = json_string_value(output);
	char why[256];
	int rc = CLI_BAD_INPUT;

	if (!c->json && path == NULL && isatty(STDOUT_FILENO)) {
		(void)fprintf(stderr,
			"mailweirctl: config export: an archive is nothing for a "
			"terminal: --output FILE\n");
		return rc;
	}
	(void)json_object_del(params, "output"); // it may not be there
	result = cli_call(c, v->method, params, &rc);
	if (result != NULL && c->json)
		cli_print_json(result);
	else if (result != NULL && path != NULL)
		rc = file_write(path, result);
	else if (result != NULL && cli_archive_write(STDOUT_FILENO, result, why) != 0)
		rc = failed("standard output", why);
	json_decref(result);
	json_decref(output);
	return rc;
}

int cli_config_import(struct cli *c, const struct cli_verb *v, json_t *params)
{
	const char *path = json_string_value(json_object_get(params, "file"));
	struct err_list err;
	json_t *files;
	char why[256], *bytes;
	size_t n;

	err_init(&err);
	bytes = cfg_input_read(path, CFG_INPUT_WAIT_MS, &n, &err);
	if (bytes == NULL) {
		err_print(&err, stderr);
		return CLI_BAD_INPUT;
	}
	files = cli_archive_read(bytes, n, why);
	free(bytes);
	if (files == NULL) {
		(void)failed(path, why);
		return CLI_BAD_INPUT;
	}
	(void)json_object_del(params, "file"); // it was there
	if (json_object_set_new(params, "files", files) < 0)
		return failed(path, "out of memory");
	return cli_config_change(c, v, params);
}

void cli_import_show(const json_t *result, const json_t *params)
{
	if (cli_bool(params, "check"))
		(void)printf("it can be used; nothing was changed\n");
	else
		cli_commit_show(result, params);
}

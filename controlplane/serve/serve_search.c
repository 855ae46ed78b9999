// SPDX-License-Identifier: BSD-3-Clause
// Line by line through files that zlib reads as they are, packed or not. A line is of a session if it
// has the member itself: inside a text of a peer the quotes would be escaped.
// Thread: one; no state.
#include "serve_search.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <zlib.h>

#include "serve_line.h"
#include "text.h"

enum { ZLIB_BUFFER = 256 << 10, NEEDLE_MAX = 64, PATH_BYTES = 1280 };

struct file {
	char *path;
	struct timespec written;
};

struct files {
	struct file list[SERVE_SEARCH_FILES_MAX];
	unsigned n;
};

struct search {
	struct files files;
	char refusal[NEEDLE_MAX], session[NEEDLE_MAX]; // members as they stand in a line
	FILE *out;                                     // NULL = look for the refusal alone
	struct serve_search_result *res;
};

static bool is_older(const struct file *a, const struct file *b)
{
	return a->written.tv_sec != b->written.tv_sec ? a->written.tv_sec < b->written.tv_sec
						      : a->written.tv_nsec < b->written.tv_nsec;
}

static int file_compare(const void *a, const void *b)
{
	const struct file *x = a, *y = b;

	if (is_older(x, y))
		return -1;
	return is_older(y, x) ? 1 : strcmp(y->path, x->path); // .2 is older than .1
}

// The oldest of a full list makes place for a newer one.
static void file_add(struct files *f, const char *path)
{
	struct file new = {0}, *place = &f->list[f->n];
	struct stat st;

	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	new.written = st.st_mtim;
	if (f->n == SERVE_SEARCH_FILES_MAX) {
		place = &f->list[0];
		for (unsigned i = 1; i < f->n; i++)
			if (is_older(&f->list[i], place))
				place = &f->list[i];
		if (!is_older(place, &new))
			return;
	}
	new.path = strdup(path);
	if (new.path == NULL)
		return;
	free(place->path);
	*place = new;
	f->n += place == &f->list[f->n];
}

static int files_find(struct files *f, const char *path)
{
	const char *name = strrchr(path, '/');
	char folder[PATH_BYTES], whole[PATH_BYTES];
	struct dirent *e;
	size_t n;
	DIR *d;

	name = name == NULL ? path : name + 1;
	n = strlen(name);
	if (text_copy(folder, sizeof(folder), path) >= sizeof(folder))
		return -ENAMETOOLONG;
	(void)text_folder(folder);
	d = opendir(folder);
	if (d == NULL)
		return -errno;
	while ((e = readdir(d)) != NULL) {
		if (strncmp(e->d_name, name, n) != 0 ||
			(e->d_name[n] != '\0' && e->d_name[n] != '.' && e->d_name[n] != '-'))
			continue;
		if (snprintf(whole, sizeof(whole), "%s/%s", folder, e->d_name) < (int)sizeof(whole))
			file_add(f, whole);
	}
	(void)closedir(d); // nothing was written
	qsort(f->list, f->n, sizeof(f->list[0]), file_compare);
	return 0;
}

static void session_take(struct search *s, const char *line)
{
	static const char member[] = "\"session\":\"";
	const char *p = strstr(line, member);

	if (p == NULL || strlen(p) < sizeof(member) + SERVE_SEARCH_ID)
		return;
	memcpy(s->res->session, p + sizeof(member) - 1, SERVE_SEARCH_ID);
	s->res->session[SERVE_SEARCH_ID] = '\0';
}

// One line. True where nothing more is looked for.
static bool line_look(struct search *s, const char *line)
{
	if (s->out == NULL) {
		if (strstr(line, s->refusal) == NULL)
			return false;
		session_take(s, line);
		return true;
	}
	if (strstr(line, s->session) == NULL)
		return false;
	if (s->res->events == SERVE_SEARCH_EVENTS_MAX) {
		s->res->more = true;
		return true;
	}
	s->res->events++;
	(void)fputs(line, s->out); // whoever reads it sees its end
	return false;
}

// False where the file could not be read to its end.
static bool file_look(struct search *s, const char *path, bool *done)
{
	char line[SERVE_EVENT_MAX + 2];
	gzFile gz = gzopen(path, "rbe");
	bool whole;
	int rc;

	if (gz == NULL)
		return false;
	(void)gzbuffer(gz, ZLIB_BUFFER); // else it reads in smaller steps
	while (!*done && gzgets(gz, line, sizeof(line)) != NULL)
		*done = line_look(s, line);
	(void)gzerror(gz, &rc);
	whole = *done || rc == Z_OK || rc == Z_STREAM_END;
	(void)gzclose_r(gz); // nothing was written
	return whole;
}

static void files_look(struct search *s)
{
	bool done = false;

	s->res->unreadable = 0;
	for (unsigned i = 0; !done && i < s->files.n; i++)
		s->res->unreadable += !file_look(s, s->files.list[i].path, &done);
	s->res->files = s->files.n;
}

int serve_search(const char *path, const char *id, FILE *out, struct serve_search_result *res)
{
	struct search *s = calloc(1, sizeof(*s));
	int rc;

	*res = (struct serve_search_result){0};
	if (s == NULL)
		return -ENOMEM;
	s->res = res;
	rc = files_find(&s->files, path);
	if (rc == 0) {
		(void)snprintf(s->refusal, sizeof(s->refusal), "\"id\":\"%s\"", id);
		files_look(s);
		if (res->session[0] == '\0')
			(void)text_copy(res->session, sizeof(res->session), id);
		(void)snprintf(s->session, sizeof(s->session), "\"session\":\"%s\"", res->session);
		s->out = out;
		files_look(s);
		if (res->events == 0)
			res->session[0] = '\0';
	}
	for (unsigned i = 0; i < s->files.n; i++)
		free(s->files.list[i].path);
	free(s);
	return rc;
}

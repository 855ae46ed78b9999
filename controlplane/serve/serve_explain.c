// SPDX-License-Identifier: BSD-3-Clause
// The child is a fork: it closes what it got from us, searches, writes lines and a last one with what
// it saw to a pipe, and ends. It may use 30 s of processor and 120 s in all; it dies with us.
// Thread: the loop's.
#include "serve_explain.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/event.h>

#include "serve_int.h"
#include "serve_search.h"

enum { CPU_S = 30, CLOCK_S = 120, NICE = 10, READ_STEP = 64 << 10 };

struct serve_explain {
	struct serve *s;
	struct serve_call *call;
	pid_t pid;
	int fd;
	struct event *readable;
	struct evbuffer *text;
};

// "mw-" in front is as a client reads it. NULL where it is no id.
static const char *id_take(const char *text)
{
	const char *id = strncmp(text, "mw-", 3) == 0 ? text + 3 : text;

	return strspn(id, "0123456789abcdefghijklmnopqrstuv") == SERVE_SEARCH_ID &&
			id[SERVE_SEARCH_ID] == '\0'
		? id
		: NULL;
}

_Noreturn static void child_run(const char *path, const char *id, int fd)
{
	const struct rlimit cpu = {CPU_S, CPU_S};
	struct serve_search_result res;
	FILE *out;
	int rc;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); // else it ends by itself a little later
	for (int signo = 1; signo < NSIG; signo++)
		(void)signal(signo, SIG_DFL); // some can't be, and need not
	(void)setrlimit(RLIMIT_CPU, &cpu);
	(void)alarm(CLOCK_S);
	(void)!nice(NICE);
	// What the parent closes later must not stay open here.
	(void)close_range(STDERR_FILENO + 1, (unsigned)fd - 1, 0);
	(void)close_range((unsigned)fd + 1, UINT_MAX, 0);
	out = fdopen(fd, "w");
	if (out == NULL)
		_exit(1);
	rc = serve_search(path, id, out, &res);
	(void)fprintf(out,
		"{\"result\":%d,\"session\":\"%s\",\"files\":%u,\"unreadable\":%u,\"more\":%s}\n",
		rc, res.session, res.files, res.unreadable, res.more ? "true" : "false");
	_exit(fclose(out) == 0 ? 0 : 1);
}

static void explain_free(struct serve_explain *x)
{
	x->s->explain = NULL;
	if (x->pid > 0) {
		(void)kill(x->pid, SIGKILL); // it may have ended
		while (waitpid(x->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	if (x->readable != NULL)
		event_free(x->readable);
	if (x->fd >= 0)
		(void)close(x->fd); // it was read
	if (x->text != NULL)
		evbuffer_free(x->text);
	free(x);
}

// What the reasons among the events mean: {name: help}, of those that the data plane says.
static json_t *meanings(const struct serve *s, const json_t *events)
{
	const struct core_stats *stats = core_link_stats(s->link);
	json_t *list = json_object();
	const json_t *e;
	size_t i;

	json_array_foreach(events, i, e)
	{
		const char *reason = json_string_value(json_object_get(e, "reason"));
		const struct api_stat_name *name = stats == NULL || reason == NULL
			? NULL
			: core_stats_name(stats, core_stats_find(stats, reason));

		if (name != NULL)
			(void)json_object_set_new(
				list, reason, serve_json_text(name->help)); // else one less
	}
	return list;
}

// `events` is taken.
static void answer(
	const struct serve *s, struct serve_call *call, json_t *events, const json_t *end)
{
	if (json_array_size(events) == 0) {
		serve_call_error(call, API_RPC_ERR_NOT_FOUND, NULL,
			"no session and no refusal of that id in the log; %d files were searched",
			(int)json_integer_value(json_object_get(end, "files")));
		json_decref(events);
		return;
	}
	serve_call_result(call,
		json_pack("{s:O*,s:O*,s:O*,s:O*,s:o,s:o}", "session",
			json_object_get(end, "session"), "files", json_object_get(end, "files"),
			"unreadable", json_object_get(end, "unreadable"), "more",
			json_object_get(end, "more"), "reasons", meanings(s, events), "events",
			events));
}

// The child has said what it had to say.
static void search_end(struct serve_explain *x)
{
	json_t *events = json_array(), *end = NULL;
	size_t n;
	char *line;

	while ((line = evbuffer_readln(x->text, &n, EVBUFFER_EOL_LF)) != NULL) {
		json_t *j = json_loadb(line, n, JSON_ALLOW_NUL, NULL);

		if (json_object_get(j, "result") != NULL)
			end = j;
		else if (j != NULL)
			(void)json_array_append_new(events, j); // without memory: one less
		free(line);
	}
	if (end == NULL) {
		serve_call_error(x->call, API_RPC_ERR_TIMEOUT, NULL,
			"the search did not come to its end; the log is too large");
		json_decref(events);
	} else if (json_integer_value(json_object_get(end, "result")) != 0) {
		serve_call_error(x->call, API_RPC_ERR_INTERNAL, NULL, "the log's folder: %s",
			strerror((int)-json_integer_value(json_object_get(end, "result"))));
		json_decref(events);
	} else {
		answer(x->s, x->call, events, end);
	}
	json_decref(end);
	explain_free(x);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct serve_explain *x = arg;
	int k = evbuffer_read(x->text, fd, READ_STEP);

	(void)what; // readable
	if (k > 0 || (k < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	search_end(x);
}

// 0 or -errno; what is made is freed by explain_free.
static int search_start(struct serve_explain *x, const char *path, const char *id)
{
	int pipe_fd[2];

	x->text = evbuffer_new();
	if (x->text == NULL)
		return -ENOMEM;
	if (pipe2(pipe_fd, O_CLOEXEC) < 0)
		return -errno;
	x->fd = pipe_fd[0];
	x->pid = fork();
	if (x->pid == 0)
		child_run(path, id, pipe_fd[1]);
	(void)close(pipe_fd[1]); // the child has it
	if (x->pid < 0)
		return -errno;
	x->readable =
		event_new(core_loop_base(x->s->loop), x->fd, EV_READ | EV_PERSIST, on_readable, x);
	if (x->readable == NULL || fcntl(x->fd, F_SETFL, O_NONBLOCK) < 0 ||
		event_add(x->readable, NULL) < 0)
		return -ENOMEM;
	return 0;
}

static bool is_of(const json_t *e, const char *member, const char *id)
{
	const char *text = json_string_value(json_object_get(e, member));

	return text != NULL && strcmp(text, id) == 0;
}

// Without a file: the last events are what there is.
static void ring_answer(struct serve *s, struct serve_call *call, const char *id)
{
	json_t *last = serve_events_last(s->events, API_RPC_TAIL_MAX), *events = json_array(), *end;
	const char *session = id;
	json_t *e;
	size_t i;

	json_array_foreach(last, i, e)
	{
		if (is_of(e, "id", id) && json_is_string(json_object_get(e, "session")))
			session = json_string_value(json_object_get(e, "session"));
	}
	json_array_foreach(last, i, e)
	{
		if (is_of(e, "session", session))
			(void)json_array_append(events, e); // without memory: one less
	}
	end = json_pack("{s:s,s:i,s:i,s:b}", "session", session, "files", 0, "unreadable", 0,
		"more", false);
	answer(s, call, events, end);
	json_decref(end);
	json_decref(last);
}

void serve_explain_get(void *arg, struct serve_call *call, json_t *params)
{
	const char *text = NULL, *id, *path;
	const struct serve_param table[] = {{"id", SERVE_PARAM_TEXT, true, .out = &text}};
	struct serve *s = arg;
	struct serve_explain *x;

	if (!serve_params_take(call, params, table, 1))
		return;
	id = id_take(text);
	path = serve_events_file(s->events);
	if (id == NULL) {
		serve_call_error(call, API_RPC_ERR_PARAMS, NULL,
			"id: 13 characters of 0-9 and a-v, as in the log or behind mw- in a reply");
		return;
	}
	if (path == NULL) {
		ring_answer(s, call, id);
		return;
	}
	if (s->explain != NULL) {
		serve_call_error(
			call, API_RPC_ERR_BUSY, NULL, "another search is under way; try again");
		return;
	}
	x = calloc(1, sizeof(*x));
	if (x == NULL) {
		serve_call_result(call, NULL);
		return;
	}
	*x = (struct serve_explain){.s = s, .call = call, .fd = -1};
	s->explain = x;
	if (search_start(x, path, id) != 0) {
		serve_call_result(call, NULL);
		explain_free(x);
	}
}

void serve_explain_stop(struct serve *s)
{
	if (s->explain == NULL)
		return;
	serve_call_error(s->explain->call, API_RPC_ERR_INTERNAL, NULL, "the control plane stops");
	explain_free(s->explain);
}

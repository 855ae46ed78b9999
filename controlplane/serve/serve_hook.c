// SPDX-License-Identifier: BSD-3-Clause
// Runs the operator's program (serve_hook.h): a process group of its own, /dev/null for input, output and
// errors where ours go, nothing else open. Its end is a readable pidfd. Thread: the loop's.
#include "serve_hook.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "core_loop.h"
#include "log.h"

LOG_COMPONENT("hook");

enum { MINUTE_US = 60000000, SAY_US = 10000000 };

struct run {
	struct serve_hook *hook; // NULL = free
	pid_t pid;
	int fd;
	struct event *end;
	bool late; // was killed
};

struct serve_hook {
	struct core_loop *loop;
	char *command; // NULL = none
	uint32_t per_min, at_once;
	uint64_t minute_us; // when it began
	uint32_t in_minute; // runs
	uint64_t said_us;   // that some were left out
	struct serve_hook_counts counts;
	struct run run[64]; // as many as the configuration may allow
};

struct serve_hook *serve_hook_new(struct core_loop *loop)
{
	struct serve_hook *h = calloc(1, sizeof(*h));

	if (h != NULL)
		h->loop = loop;
	return h;
}

static void run_end(struct run *r)
{
	r->hook->counts.running--;
	event_free(r->end);
	(void)close(r->fd);
	*r = (struct run){0};
}

void serve_hook_free(struct serve_hook *h)
{
	if (h == NULL)
		return;
	for (unsigned i = 0; i < sizeof(h->run) / sizeof(h->run[0]); i++)
		if (h->run[i].hook != NULL)
			run_end(&h->run[i]);
	free(h->command);
	free(h);
}

void serve_hook_conf(struct serve_hook *h, const char *command, uint32_t per_min, uint32_t at_once)
{
	free(h->command);
	h->command = *command == '\0' ? NULL : strdup(command);
	h->per_min = per_min;
	h->at_once = at_once;
	if (*command != '\0' && h->command == NULL)
		LOG(ERR, "%s: out of memory; it is not run", command);
}

static void on_end(evutil_socket_t fd, short what, void *arg)
{
	struct run *r = arg;
	struct serve_hook *h = r->hook;
	int status = 0;
	pid_t pid = waitpid(r->pid, &status, WNOHANG);

	(void)fd;
	if (pid == 0 && (what & EV_TIMEOUT) != 0) {
		(void)kill(-r->pid, SIGKILL); // it may have gone just now
		r->late = true;
		(void)event_add(r->end, NULL); // it was pending once: no memory is needed
		return;
	}
	if (pid == 0)
		return;
	if (r->late || pid < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		h->counts.failed++;
		if (r->late)
			LOG(WARNING, "%s: took too long; killed",
				h->command != NULL ? h->command : "-");
		else
			LOG(WARNING, "%s: ended with status %d",
				h->command != NULL ? h->command : "-",
				WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	}
	run_end(r);
}

// Process `*pid` runs; 0 or an errno.
static int spawn(const char *command, char *const *env, pid_t *pid)
{
	char *const argv[] = {(char *)(uintptr_t)command, NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int rc = posix_spawn_file_actions_init(&files);

	if (rc != 0)
		return rc;
	rc = posix_spawnattr_init(&attr);
	if (rc != 0)
		goto destroy_files;
	(void)sigemptyset(&none); // these two cannot fail
	(void)sigfillset(&all);
	rc = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	if (rc == 0)
		rc = posix_spawn_file_actions_addclosefrom_np(&files, 3);
	if (rc == 0)
		rc = posix_spawnattr_setflags(&attr,
			POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	if (rc == 0)
		rc = posix_spawnattr_setsigmask(&attr, &none);
	if (rc == 0)
		rc = posix_spawnattr_setsigdefault(&attr, &all);
	if (rc == 0)
		rc = posix_spawn(pid, command, &files, &attr, argv, env);
	(void)posix_spawnattr_destroy(&attr); // cannot fail
destroy_files:
	(void)posix_spawn_file_actions_destroy(&files); // cannot fail
	return rc;
}

static bool watch(struct serve_hook *h, struct run *r, uint32_t run_ms)
{
	const struct timeval after = {.tv_sec = run_ms / 1000, .tv_usec = run_ms % 1000 * 1000};

	r->fd = pidfd_open(r->pid, 0);
	if (r->fd < 0)
		return false;
	r->end = event_new(core_loop_base(h->loop), r->fd, EV_READ | EV_PERSIST, on_end, r);
	if (r->end != NULL && event_add(r->end, &after) == 0)
		return true;
	if (r->end != NULL)
		event_free(r->end);
	(void)close(r->fd); // nothing is known of it by then
	return false;
}

static bool is_allowed(struct serve_hook *h, struct run **out)
{
	const uint64_t now = core_now_us();

	if (now - h->minute_us >= MINUTE_US) {
		h->minute_us = now;
		h->in_minute = 0;
	}
	*out = NULL;
	for (unsigned i = 0; i < sizeof(h->run) / sizeof(h->run[0]) && *out == NULL; i++)
		if (h->run[i].hook == NULL)
			*out = &h->run[i];
	if (*out != NULL && h->in_minute < h->per_min && h->counts.running < h->at_once)
		return true;
	h->counts.left_out++;
	if (h->said_us == 0 || now - h->said_us > SAY_US) {
		LOG(WARNING, "%s: not run, over reputation.hook's limits; %llu so far", h->command,
			(unsigned long long)h->counts.left_out);
		h->said_us = now;
	}
	return false;
}

void serve_hook_run(struct serve_hook *h, const char *const *env, uint32_t run_ms)
{
	char *all[SERVE_HOOK_ENV_MAX + 2];
	struct run *r;
	unsigned n = 0;
	int rc;

	if (h->command == NULL || !is_allowed(h, &r))
		return;
	for (; n < SERVE_HOOK_ENV_MAX && env[n] != NULL; n++)
		all[n] = (char *)(uintptr_t)env[n]; // posix_spawn changes nothing
	all[n++] =
		(char *)(uintptr_t) "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	all[n] = NULL;
	h->in_minute++;
	h->counts.runs++;
	rc = spawn(h->command, all, &r->pid);
	if (rc == 0 && watch(h, r, run_ms)) {
		r->hook = h;
		h->counts.running++;
		return;
	}
	if (rc == 0) { // it can't be waited for
		(void)kill(-r->pid, SIGKILL);
		(void)waitpid(r->pid, NULL, 0);
	}
	h->counts.failed++;
	LOG(WARNING, "%s: cannot be run: %s", h->command, strerror(rc != 0 ? rc : errno));
	*r = (struct run){0};
}

const struct serve_hook_counts *serve_hook_counts(const struct serve_hook *h)
{
	return &h->counts;
}

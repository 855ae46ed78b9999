// SPDX-License-Identifier: BSD-3-Clause
// The parent's side: starts the child, watches it through an epoll descriptor that stays the same
// while children come and go, reads its answer, then has a second child try the databases.
// posix_spawn and a new start of ourselves, not fork: a daemon with threads and an event loop leaves
// nothing of either behind in the child.
// Thread: that of the job's owner; never waits but for a child it has just killed.
#include "compile_int.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum job_state { JOB_WORKING, JOB_TRYING, JOB_DONE, JOB_FAILED };

struct compile_job {
	enum job_state state;
	const char *what; // COMPILE_DO_*
	int epoll;
	int child;               // pidfd, -1 where none runs
	int answer;              // memory file the child writes
	struct pol_build *build; // all but the databases
	uint64_t version;
	int64_t made_s;
	uint8_t *bytes; // the result, until taken
	size_t n;
	struct compile_cost *cost;
};

// A memory file with a number above those the child finds its own at.
static int memory_open(const char *name)
{
	int low = memfd_create(name, MFD_CLOEXEC), fd;

	if (low < 0)
		return -errno;
	fd = fcntl(low, F_DUPFD_CLOEXEC, COMPILE_FD_OUT + 1);
	if (fd < 0)
		fd = -errno;
	(void)close(low); // memory only: nothing to lose
	return fd;
}

static int memory_fill(int fd, const void *p, size_t n)
{
	const char *at = p;

	while (n > 0) {
		ssize_t w = write(fd, at, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return w < 0 ? -errno : -EIO;
		at += w;
		n -= (size_t)w;
	}
	return 0;
}

// Descriptors: 0 and 1 to nowhere, 2 ours, 3 in, 4 out, no other.
static int actions_set(posix_spawn_file_actions_t *a, int in, int out)
{
	int rc = posix_spawn_file_actions_addopen(a, 0, "/dev/null", O_RDONLY, 0);

	if (rc == 0)
		rc = posix_spawn_file_actions_addopen(a, 1, "/dev/null", O_WRONLY, 0);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(a, in, COMPILE_FD_IN);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(a, out, COMPILE_FD_OUT);
	if (rc == 0)
		rc = posix_spawn_file_actions_addclosefrom_np(a, COMPILE_FD_OUT + 1);
	return -rc;
}

// A daemon blocks and handles signals as it likes; the child starts with the defaults.
static int signals_set(posix_spawnattr_t *attr)
{
	sigset_t none, all;
	int rc;

	(void)sigemptyset(&none); // these two cannot fail
	(void)sigfillset(&all);
	rc = posix_spawnattr_setsigmask(attr, &none);
	if (rc == 0)
		rc = posix_spawnattr_setsigdefault(attr, &all);
	if (rc == 0)
		rc = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	return -rc;
}

static int self_spawn(const char *what, int in, int out, pid_t *pid)
{
	char parent[16], name[] = COMPILE_CHILD_NAME, flag[] = COMPILE_CHILD_ARG, verb[16];
	char *argv[] = {name, flag, verb, parent, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	int rc;

	// A program whose main() does not call compile_child would start itself for ever.
	if (strcmp(program_invocation_short_name, COMPILE_CHILD_NAME) == 0)
		return -ELOOP;
	(void)snprintf(parent, sizeof(parent), "%d", (int)getpid()); // fits
	(void)snprintf(verb, sizeof(verb), "%s", what);              // one of ours: fits
	rc = -posix_spawn_file_actions_init(&actions);
	if (rc != 0)
		return rc;
	rc = -posix_spawnattr_init(&attr);
	if (rc != 0)
		goto destroy_actions;
	rc = actions_set(&actions, in, out);
	if (rc == 0)
		rc = signals_set(&attr);
	if (rc == 0)
		rc = -posix_spawn(pid, "/proc/self/exe", &actions, &attr, argv, environ);
	(void)posix_spawnattr_destroy(&attr); // cannot fail
destroy_actions:
	(void)posix_spawn_file_actions_destroy(&actions); // likewise
	return rc;
}

// Waits until the child is gone, takes its status, forgets it.
static void child_reap(struct compile_job *job, siginfo_t *info)
{
	while (waitid(P_PIDFD, (id_t)job->child, info, WEXITED) != 0 && errno == EINTR)
		;
	(void)epoll_ctl(job->epoll, EPOLL_CTL_DEL, job->child, NULL); // close alone would do
	(void)close(job->child);
	job->child = -1;
}

static int child_start(struct compile_job *job, const char *what, int in, int out)
{
	struct epoll_event ev = {.events = EPOLLIN};
	siginfo_t info;
	pid_t pid;
	int rc = self_spawn(what, in, out, &pid);

	if (rc != 0)
		return rc;
	job->child = pidfd_open(pid, 0);
	if (job->child < 0) {
		rc = -errno;
		(void)kill(pid, SIGKILL); // our child, not reaped yet: the pid is still its
		(void)waitpid(pid, NULL, 0);
		return rc;
	}
	if (epoll_ctl(job->epoll, EPOLL_CTL_ADD, job->child, &ev) != 0) {
		rc = -errno;
		(void)pidfd_send_signal(job->child, SIGKILL, NULL, 0);
		child_reap(job, &info);
	}
	return rc;
}

static struct compile_job *job_new(
	const char *what, const struct compile_patterns *p, struct err_list *err)
{
	struct compile_job *job = calloc(1, sizeof(*job));
	int in, rc;

	if (job == NULL) {
		err_add(err, "compilation: out of memory");
		return NULL;
	}
	*job = (struct compile_job){.what = what, .child = -1, .answer = -1};
	job->epoll = epoll_create1(EPOLL_CLOEXEC);
	rc = job->epoll < 0 ? -errno : 0;
	in = memory_open("mailweir-patterns");
	if (rc == 0)
		rc = in < 0 ? in : memory_fill(in, p, p->bytes);
	if (rc == 0) {
		job->answer = memory_open("mailweir-answer");
		rc = job->answer < 0 ? job->answer : child_start(job, what, in, job->answer);
	}
	if (in >= 0)
		(void)close(in); // the child has its own
	if (rc != 0) {
		err_add(err, "compilation: cannot start; %s", strerror(-rc));
		compile_free(job);
		return NULL;
	}
	return job;
}

struct compile_job *compile_start(const struct compile_input *in, struct err_list *err)
{
	struct compile_patterns *p = compile_patterns_new(in->rulesets, in->nrulesets, err);
	struct pol_build *b = pol_build_new();
	struct compile_job *job = NULL;
	int rc = p == NULL ? -EINVAL : b == NULL ? -ENOMEM : 0;

	if (b == NULL)
		err_add(err, "compilation: out of memory");
	// No child in vain: where names are wrong, bad rules are not looked for.
	if (rc == 0)
		rc = compile_names(b, in, err);
	if (rc == 0)
		job = job_new(COMPILE_DO_IMAGE, p, err);
	if (job != NULL) {
		job->build = b;
		job->version = in->version;
		job->made_s = in->made_s;
		b = NULL;
	}
	pol_build_free(b);
	free(p);
	errno = rc == -EINVAL ? EINVAL : EAGAIN;
	return job;
}

struct compile_job *compile_cost_start(
	const struct cfg_ruleset *const *rulesets, uint32_t nrulesets, struct err_list *err)
{
	struct compile_patterns *p = compile_patterns_new(rulesets, nrulesets, err);
	struct compile_job *job = p == NULL ? NULL : job_new(COMPILE_DO_COST, p, err);

	free(p);
	return job;
}

int compile_fd(const struct compile_job *job)
{
	return job->epoll;
}

// How a child that did not end well ended, in words.
static int ending_tell(const siginfo_t *info, const char *who, struct err_list *err)
{
	if (info->si_code == CLD_EXITED) {
		err_add(err, "%s failed; exit status %d", who, info->si_status);
		return -EIO;
	}
	if (info->si_status == SIGXCPU || info->si_status == SIGALRM ||
		info->si_status == SIGKILL) {
		err_add(err, "%s was stopped; it took longer or more memory than it may", who);
		return -ETIME;
	}
	err_add(err, "%s died; signal %d (%s)", who, info->si_status, strsignal(info->si_status));
	return -EIO;
}

// The answer as the child left it, every extent inside; NULL where it is none.
static const struct compile_answer *answer_map(int fd, size_t *bytes)
{
	const struct compile_answer *a;
	struct stat st;
	void *p;

	if (fstat(fd, &st) != 0 || (size_t)st.st_size < sizeof(*a))
		return NULL;
	*bytes = (size_t)st.st_size;
	p = mmap(NULL, *bytes, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return NULL;
	a = p;
	if (a->magic == COMPILE_ANSWER_MAGIC) {
		unsigned i = 0;

		while (i < COMPILE_PART_COUNT && a->part[i].off <= *bytes &&
			a->part[i].len <= *bytes - a->part[i].off)
			i++;
		if (i == COMPILE_PART_COUNT)
			return a;
	}
	(void)munmap(p, *bytes); // a mapping of ours: cannot fail
	return NULL;
}

static int databases_take(
	struct compile_job *job, const struct compile_answer *a, struct err_list *err)
{
	int rc;

	for (unsigned s = 0; s < POL_SCOPE_COUNT; s++)
		pol_build_database(job->build, s, (const char *)a + a->part[s].off, a->part[s].len);
	rc = compile_finish(job->build, job->version, job->made_s, &job->bytes, &job->n, err);
	pol_build_free(job->build);
	job->build = NULL;
	return rc;
}

static int cost_take(struct compile_job *job, const struct compile_answer *a, struct err_list *err)
{
	const struct pol_extent *x = &a->part[COMPILE_PART_COST];
	const struct compile_cost *cost = (const struct compile_cost *)((const char *)a + x->off);

	if (x->len < sizeof(*cost) || x->len != compile_cost_bytes(cost->nrules)) {
		err_add(err, "measurement failed; its answer makes no sense");
		return -EIO;
	}
	job->cost = malloc(x->len);
	if (job->cost == NULL) {
		err_add(err, "measurement: out of memory");
		return -ENOMEM;
	}
	memcpy(job->cost, cost, x->len);
	return 0;
}

// The first child has ended well: 0 = the canary runs now, 1 = done, -errno.
static int work_ended(struct compile_job *job, struct err_list *err)
{
	size_t bytes = 0;
	const struct compile_answer *a = answer_map(job->answer, &bytes);
	int rc;

	if (a == NULL) {
		err_add(err, "compilation failed; its answer makes no sense");
		return -EIO;
	}
	rc = a->status;
	if (rc != 0) {
		err_append(err, &a->err);
	} else if (strcmp(job->what, COMPILE_DO_COST) == 0) {
		rc = cost_take(job, a, err);
		rc = rc == 0 ? 1 : rc;
	} else {
		rc = databases_take(job, a, err);
		if (rc == 0) {
			rc = child_start(job, COMPILE_DO_CANARY, job->answer, job->answer);
			job->state = JOB_TRYING;
			if (rc != 0)
				err_add(err, "cannot try the databases; %s", strerror(-rc));
		}
	}
	(void)munmap((void *)(uintptr_t)a, bytes); // a mapping of ours: cannot fail
	return rc;
}

int compile_step(struct compile_job *job, struct err_list *err)
{
	const char *who = job->state == JOB_TRYING ? "trying the databases" : "compilation";
	siginfo_t info = {0};
	int rc;

	if (job->state == JOB_DONE)
		return 1;
	if (job->state == JOB_FAILED)
		return -EIO;
	if (waitid(P_PIDFD, (id_t)job->child, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
		info.si_pid == 0)
		return 0;
	info = (siginfo_t){0};
	child_reap(job, &info);
	if (info.si_code != CLD_EXITED || info.si_status != EXIT_SUCCESS)
		rc = ending_tell(&info, who, err);
	else if (job->state == JOB_WORKING)
		rc = work_ended(job, err);
	else
		rc = 1;
	if (rc != 0)
		job->state = rc > 0 ? JOB_DONE : JOB_FAILED;
	return rc;
}

int compile_take(struct compile_job *job, uint8_t **bytes, size_t *n)
{
	if (job->state != JOB_DONE || job->bytes == NULL)
		return -EAGAIN;
	*bytes = job->bytes;
	*n = job->n;
	job->bytes = NULL;
	return 0;
}

int compile_cost_take(struct compile_job *job, struct compile_cost **out)
{
	if (job->state != JOB_DONE || job->cost == NULL)
		return -EAGAIN;
	*out = job->cost;
	job->cost = NULL;
	return 0;
}

void compile_free(struct compile_job *job)
{
	siginfo_t info;

	if (job == NULL)
		return;
	if (job->child >= 0) {
		(void)pidfd_send_signal(job->child, SIGKILL, NULL, 0); // may have ended by itself
		child_reap(job, &info);
	}
	if (job->answer >= 0)
		(void)close(job->answer);
	if (job->epoll >= 0)
		(void)close(job->epoll);
	pol_build_free(job->build);
	free(job->bytes);
	free(job->cost);
	free(job);
}

// SPDX-License-Identifier: BSD-3-Clause
// Compilation in a child: the same image as in this process, bad rules told as there, a child that
// dies is an error, no zombie and no descriptor stays behind.
#include "compile_sample.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compile_int.h"

enum { WAIT_MS = 60000 };

static unsigned open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	(void)closedir(d);
	return n;
}

// Steps a job to its end as an event loop would.
static int run(struct compile_job *job, struct err_list *err)
{
	int rc;

	do {
		struct pollfd p = {.fd = compile_fd(job), .events = POLLIN};

		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
		rc = compile_step(job, err);
	} while (rc == 0);
	return rc;
}

static struct compile_job *start(const char *rules, struct err_list *err)
{
	struct cfg cfg = sample_cfg();
	struct cfg_ruleset *set = sample_rules(rules, "test.rules");
	const struct cfg_ruleset *sets[] = {set};
	struct compile_job *job;

	err_init(err);
	job = compile_start(
		&(struct compile_input){
			.cfg = &cfg, .rulesets = sets, .nrulesets = 1, .version = 5, .made_s = 6},
		err);
	cfg_rules_free(set); // the job has its own copy
	return job;
}

static const char GOOD[] = "1 body 5 il token\n2 header 1 - ^subject: x+y$\n3 rcpt 1 l trap@\n";

static void the_child_makes_what_compile_image_makes(void **)
{
	struct cfg cfg = sample_cfg();
	struct cfg_ruleset *set = sample_rules(GOOD, "test.rules");
	const struct cfg_ruleset *sets[] = {set};
	struct err_list err;
	struct compile_job *job = start(GOOD, &err);
	uint8_t *here, *there = NULL;
	size_t nhere, nthere;

	assert_non_null(job);
	assert_int_equal(compile_take(job, &there, &nthere), -EAGAIN);
	assert_int_equal(run(job, &err), 1);
	assert_int_equal(compile_step(job, &err), 1); // and stays so
	assert_int_equal(compile_take(job, &there, &nthere), 0);
	assert_int_equal(compile_take(job, &there, &nthere), -EAGAIN);
	compile_free(job);
	assert_int_equal(compile_image(&(struct compile_input){.cfg = &cfg,
					       .rulesets = sets,
					       .nrulesets = 1,
					       .version = 5,
					       .made_s = 6},
				 &here, &nhere, &err),
		0);
	assert_int_equal(nhere, nthere);
	assert_memory_equal(here, there, nhere);
	assert_int_equal(
		sample_scan(sample_image(there, nthere), POL_SCOPE_BODY, span_str("a TOKEN")), 1);
	free(here);
	free(there);
	cfg_rules_free(set);
}

static void no_rules_are_a_job_too(void **)
{
	struct err_list err;
	struct compile_job *job = start("", &err);
	uint8_t *bytes;
	size_t n;

	assert_int_equal(run(job, &err), 1);
	assert_int_equal(compile_take(job, &bytes, &n), 0);
	assert_int_equal(pol_count(sample_image(bytes, n), POL_SEC_RULES), 0);
	free(bytes);
	compile_free(job);
}

static void bad_rules_come_back_with_their_places(void **)
{
	struct err_list err;
	struct compile_job *job = start("1 body 1 l good\n2 body 1 - (\n3 helo 1 - [\n", &err);
	uint8_t *bytes;
	size_t n;

	assert_int_equal(run(job, &err), -EINVAL);
	assert_int_equal(err.count, 2);
	assert_true(sample_has(&err, "test.rules:2:12: rule 2 does not compile; "));
	assert_true(sample_has(&err, "test.rules:3:12: rule 3 does not compile; "));
	assert_true(compile_step(job, &err) < 0);
	assert_int_equal(compile_take(job, &bytes, &n), -EAGAIN);
	compile_free(job);
}

static void bad_names_start_no_child(void **)
{
	struct cfg cfg = sample_cfg();
	struct cfg_policy p = cfg.policies[0];
	struct err_list err;

	p.context = "nowhere";
	cfg.policies = &p, cfg.npolicies = 1;
	err_init(&err);
	assert_null(compile_start(&(struct compile_input){.cfg = &cfg}, &err));
	assert_true(sample_has(&err, "no context \"nowhere\""));
}

// The only child of this process; 0 where there is none.
static pid_t child_of_ours(void)
{
	char path[64], line[256] = "";
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	f = fopen(path, "r");
	if (f == NULL)
		return 0;
	if (fgets(line, sizeof(line), f) == NULL)
		line[0] = '\0';
	(void)fclose(f);
	return (pid_t)strtol(line, NULL, 10);
}

// Rules that take Hyperscan a good while.
static char *slow_rules(void)
{
	char *text = malloc(400 * 128), *at = text;

	assert_non_null(text);
	for (unsigned i = 1; i <= 400; i++)
		at += snprintf(at, 128,
			"%u body 1 is foo%u.{1,300}bar[a-z]{3,90}.{5,200}baz%u[0-9]+x\n", i, i, i);
	return text;
}

// A program that forgot to call compile_child in its main() would start itself for ever.
static void a_child_starts_no_child(void **)
{
	char *name = program_invocation_short_name, child[] = COMPILE_CHILD_NAME;
	struct err_list err;

	program_invocation_short_name = child;
	struct compile_job *job = start(GOOD, &err);
	program_invocation_short_name = name;
	assert_null(job);
	assert_true(err_any(&err));
	assert_int_equal(child_of_ours(), 0);
}

static void a_child_that_is_killed_is_an_error(void **)
{
	static const struct {
		int signal, rc;
		const char *words;
	} CASES[] = {
		{SIGABRT, -EIO, "compilation died; signal 6"}, // a sanitizer lets it die of that
		{SIGKILL, -ETIME,
			"compilation was stopped; it took longer or more memory than it may"},
		{SIGXCPU, -ETIME, "compilation was stopped"},
		{SIGALRM, -ETIME, "compilation was stopped"},
	};
	char *rules = slow_rules();

	for (size_t i = 0; i < COUNT(CASES); i++) {
		struct err_list err;
		struct compile_job *job = start(rules, &err);
		pid_t child;

		assert_non_null(job);
		assert_int_equal(compile_step(job, &err), 0); // it is at work
		child = child_of_ours();
		if (child == 0) {
			compile_free(job);
			free(rules);
			skip(); // a kernel without that list
		}
		assert_int_equal(kill(child, CASES[i].signal), 0);
		assert_int_equal(run(job, &err), CASES[i].rc);
		assert_true(sample_has(&err, CASES[i].words));
		compile_free(job);
	}
	free(rules);
}

static void a_job_freed_at_work_leaves_nothing_behind(void **)
{
	unsigned fds = open_fds();
	char *rules = slow_rules();
	struct err_list err;

	for (unsigned i = 0; i < 10; i++) {
		struct compile_job *job = start(rules, &err);

		assert_non_null(job);
		assert_int_equal(compile_step(job, &err), 0);
		compile_free(job);
		assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
		assert_int_equal(errno, ECHILD);
	}
	assert_int_equal(open_fds(), fds);
	free(rules);
}

static void finished_and_failed_jobs_leave_nothing_behind(void **)
{
	static const char *const RULES[] = {GOOD, "1 body 1 - (\n", ""};
	unsigned fds = open_fds();

	for (unsigned i = 0; i < 12; i++) {
		struct err_list err;
		struct compile_job *job = start(RULES[i % COUNT(RULES)], &err);

		(void)run(job, &err); // which way it ends is another test's
		compile_free(job);
	}
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(open_fds(), fds);
	compile_free(NULL);
}

static void the_child_gets_no_descriptor_of_ours(void **)
{
	char path[64], name[80], *rules = slow_rules();
	int ours = memfd_create("descriptor-of-ours", 0); // not close-on-exec
	struct err_list err;
	struct compile_job *job = start(rules, &err);
	pid_t child = child_of_ours();
	unsigned looked = 0;
	DIR *d;

	assert_int_equal(compile_step(job, &err), 0);
	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)child);
	d = child == 0 ? NULL : opendir(path);
	if (d != NULL) {
		for (const struct dirent *e; (e = readdir(d)) != NULL;) {
			ssize_t n = readlinkat(dirfd(d), e->d_name, name, sizeof(name) - 1);

			if (n < 0)
				continue; // . and .., or closed meanwhile
			name[n] = '\0';
			assert_null(strstr(name, "descriptor-of-ours"));
			looked++;
		}
		(void)closedir(d);
		assert_true(looked >= 5); // 0, 1, 2, in, out
	}
	compile_free(job);
	(void)close(ours);
	free(rules);
}

// The canary's own judgement, on answers that no compiler gave.
static int canary_of(const void *answer, size_t n)
{
	static const char *const ARGS = COMPILE_CHILD_ARG;
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		char name[] = "x", flag[32], verb[] = COMPILE_DO_CANARY, parent[16];
		char *argv[] = {name, flag, verb, parent, NULL};
		FILE *f = tmpfile();

		(void)snprintf(flag, sizeof(flag), "%s", ARGS);
		(void)snprintf(parent, sizeof(parent), "%d", (int)getppid());
		if (f == NULL || fwrite(answer, 1, n, f) != n || fflush(f) != 0 ||
			dup2(fileno(f), 3) < 0)
			_exit(99);
		_exit(compile_child(4, argv));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void the_canary_refuses_what_is_no_database(void **)
{
	struct {
		struct compile_answer a;
		char db[256];
	} x = {.a = {.magic = COMPILE_ANSWER_MAGIC}};

	assert_int_equal(canary_of(&x, sizeof(x)), 0); // no database at all
	x.a.part[POL_SCOPE_BODY] = (struct pol_extent){.off = sizeof(x.a), .len = sizeof(x.db)};
	assert_int_equal(canary_of(&x, sizeof(x)), 1);
	x.a.part[POL_SCOPE_BODY].off = UINT64_MAX;
	assert_int_equal(canary_of(&x, sizeof(x)), 1);
	x.a.magic = 0;
	assert_int_equal(canary_of(&x, sizeof(x)), 1);
	assert_int_equal(canary_of(&x, 16), 1);
}

static void patterns_with_an_offset_outside_are_refused(void **)
{
	struct cfg_ruleset *set = sample_rules(GOOD, "test.rules");
	const struct cfg_ruleset *sets[] = {set};
	struct compile_patterns *p;
	struct err_list err;

	err_init(&err);
	p = compile_patterns_new(sets, 1, &err);
	assert_non_null(p);
	assert_true(compile_patterns_check(p, p->bytes));
	assert_false(compile_patterns_check(p, p->bytes - 1));
	assert_false(compile_patterns_check(p, 8));
	p->pat[1].expr = (uint32_t)p->bytes;
	assert_false(compile_patterns_check(p, p->bytes));
	p->pat[1].expr = p->pat[0].expr;
	p->pat[2].scope = POL_SCOPE_COUNT;
	assert_false(compile_patterns_check(p, p->bytes));
	p->pat[2].scope = 0;
	assert_true(compile_patterns_check(p, p->bytes));
	p->n = UINT32_MAX;
	assert_false(compile_patterns_check(p, p->bytes));
	free(p);
	cfg_rules_free(set);
}

static void other_arguments_are_not_for_the_child(void **)
{
	char name[] = "mailweir", flag[] = COMPILE_CHILD_ARG, other[] = "-c", file[] = "x",
	     file2[] = "y";

	assert_int_equal(compile_child(1, (char *[]){name, NULL}), -1);
	assert_int_equal(compile_child(2, (char *[]){name, flag, NULL}), -1);
	assert_int_equal(compile_child(4, (char *[]){name, other, file, file2, NULL}), -1);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_child_makes_what_compile_image_makes),
		cmocka_unit_test(no_rules_are_a_job_too),
		cmocka_unit_test(bad_rules_come_back_with_their_places),
		cmocka_unit_test(bad_names_start_no_child),
		cmocka_unit_test(a_child_starts_no_child),
		cmocka_unit_test(a_child_that_is_killed_is_an_error),
		cmocka_unit_test(a_job_freed_at_work_leaves_nothing_behind),
		cmocka_unit_test(finished_and_failed_jobs_leave_nothing_behind),
		cmocka_unit_test(the_child_gets_no_descriptor_of_ours),
		cmocka_unit_test(the_canary_refuses_what_is_no_database),
		cmocka_unit_test(patterns_with_an_offset_outside_are_refused),
		cmocka_unit_test(other_arguments_are_not_for_the_child),
	};
	int rc = compile_child(argc, argv);

	return rc >= 0 ? rc : cmocka_run_group_tests(tests, NULL, NULL);
}

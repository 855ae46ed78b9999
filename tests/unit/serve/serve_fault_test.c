// SPDX-License-Identifier: BSD-3-Clause
// A change that fails at any step leaves everything as it was, and a process that dies at any step
// leaves the old state or the new one. Every call of the system and of the heap that a change makes
// in our code fails once, each in a run of its own: the linker puts the functions below in front of
// the real ones (--wrap), and a run without faults counts them.
//
// What is compared: what every method says about configuration and rules, what the data plane has,
// every byte in the state directory, and what a restart finds.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "compile.h"
#include "serve_change_int.h"
#include "serve_int.h"
#include "serve_world.h"

enum what { DISK, HEAP, WHAT_COUNT };

static struct {
	enum what what;
	bool armed;    // a change is under way
	bool on;       // and the service runs, not the test
	bool die;      // at the step, instead of failing
	unsigned step; // which call fails, from 1; 0 = none
	unsigned seen;
} fault;

// Is this the call that fails?
static bool fails(enum what what)
{
	if (!fault.on || fault.what != what || ++fault.seen != fault.step)
		return false;
	if (fault.die)
		_exit(77);
	return true;
}

#define WRAP(type, name, params, args, what, bad)       \
	type __real_##name params;                      \
	type __wrap_##name params;                      \
	type __wrap_##name params                       \
	{                                               \
		if (!fails(what))                       \
			return __real_##name args;      \
		errno = what == DISK ? ENOSPC : ENOMEM; \
		return bad;                             \
	}

WRAP(ssize_t, write, (int fd, const void *p, size_t n), (fd, p, n), DISK, -1)
WRAP(int, fsync, (int fd), (fd), DISK, -1)
WRAP(int, renameat, (int a, const char *b, int c, const char *d), (a, b, c, d), DISK, -1)
WRAP(int, unlinkat, (int fd, const char *p, int f), (fd, p, f), DISK, -1)
WRAP(void *, malloc, (size_t n), (n), HEAP, NULL)
WRAP(void *, calloc, (size_t n, size_t k), (n, k), HEAP, NULL)
WRAP(void *, realloc, (void *p, size_t n), (p, n), HEAP, NULL)
WRAP(void *, aligned_alloc, (size_t a, size_t n), (a, n), HEAP, NULL)
WRAP(char *, strdup, (const char *s), (s), HEAP, NULL)
WRAP(FILE *, open_memstream, (char **p, size_t *n), (p, n), HEAP, NULL)

int __real_openat(int fd, const char *path, int flags, ...);
int __wrap_openat(int fd, const char *path, int flags, ...);
int __wrap_openat(int fd, const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	va_start(ap, flags);
	if ((flags & O_CREAT) != 0)
		mode = va_arg(ap, mode_t);
	va_end(ap);
	if (!fails(DISK))
		return __real_openat(fd, path, flags, mode);
	errno = EMFILE;
	return -1;
}

// A close that says that what was written is lost.
int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd)
{
	struct stat st;
	bool file = fault.on && fault.what == DISK && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);

	if (!file || !fails(DISK))
		return __real_close(fd);
	(void)__real_close(fd);
	errno = EIO;
	return -1;
}

int __real_core_loop_turn(struct core_loop *l, uint32_t wait_ms);
int __wrap_core_loop_turn(struct core_loop *l, uint32_t wait_ms);
int __wrap_core_loop_turn(struct core_loop *l, uint32_t wait_ms)
{
	int rc;

	fault.on = fault.armed;
	rc = __real_core_loop_turn(l, wait_ms);
	fault.on = false;
	return rc;
}

// The state of everything, as one text.

static void call_add(struct bench *b, FILE *f, const char *method, json_t *params)
{
	json_t *r = world_call(b, method, params);
	char *text = json_dumps(r, JSON_INDENT(1) | JSON_SORT_KEYS);

	(void)fprintf(f, "%s: %s\n", method, text);
	free(text);
	json_decref(r);
}

static void folder_add(FILE *f, const char *path)
{
	struct dirent **entries;
	char name[512], *text;
	int n = scandir(path, &entries, NULL, alphasort);
	size_t bytes;

	assert_true(n >= 0);
	for (int i = 0; i < n; i++) {
		(void)snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.' && serve_file_read(name, &text, &bytes) == 0) {
			(void)fprintf(f, "%s: %zu bytes, %016llx\n", entries[i]->d_name, bytes,
				(unsigned long long)serve_text_hash(text, bytes));
			free(text);
		} else if (entries[i]->d_name[0] != '.') {
			folder_add(f, name);
		}
		free(entries[i]);
	}
	free(entries);
}

// Whether a candidate runs, and when it came; not its number, which is the clock's.
static void shadow_add(struct bench *b, FILE *f)
{
	json_t *r = world_call(b, "config.shadow", json_object());

	(void)fprintf(f, "shadow: %s, %s\n", json_string_value(json_object_get(r, "state")),
		json_boolean_value(json_object_get(r, "starting")) ? "starting" : "no start");
	json_decref(r);
}

static char *state_of(struct bench *b)
{
	const struct serve_changes *c = b->serve->changes;
	char *text;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	assert_non_null(f);
	call_add(b, f, "config.get", json_object());
	call_add(b, f, "config.revisions", json_object());
	call_add(b, f, "rules.list", json_object());
	(void)fprintf(f, "local: %s\n", c->local.p != NULL ? c->local.p : "none");
	(void)fprintf(f, "data plane: %d, candidate %s\n", (int)b->version,
		b->candidate != 0 ? "runs" : "none");
	shadow_add(b, f);
	folder_add(f, b->state);
	assert_int_equal(fclose(f), 0);
	return text;
}

// Changes.

static json_t *config_params(void)
{
	return json_pack("{s:s,s:s}", "text", config_two, "comment", "why");
}

static json_t *confirm_params(void)
{
	return json_pack("{s:s,s:i}", "text", config_two, "confirm_min", 10);
}

static json_t *rule_params(void)
{
	return world_rule("OTHER", true);
}

static json_t *del_params(void)
{
	return json_pack("{s:i}", "id", 1000000);
}

static json_t *revert_params(void)
{
	return json_pack("{s:i}", "revision", 1);
}

static json_t *import_params(void)
{
	char text[2048];

	(void)snprintf(text, sizeof(text), "%ssession_profiles: {s: {blocked_senders_file: listed}}\n",
		config_ok);
	return json_pack("{s:[{s:s,s:s},{s:s,s:s},{s:s,s:s}]}", "files", "name", "mailweir.yaml",
		"text", text, "name", "rules.file", "text", "2 body 10 l SELLNOW\n", "name",
		"lists/listed", "text", "a@example.com\n");
}

static json_t *policy_params(void)
{
	return json_pack("{s:s,s:s}", "name", "last", "action", "pass");
}

static json_t *shadow_params(void)
{
	return json_pack("{s:s,s:i}", "text", config_two, "minutes", 10);
}

static const struct {
	const char *method;
	json_t *(*params)(void);
	bool alone; // no data plane
	bool heap;  // by memory, too: it takes a thousand runs, and the others go the same ways
	bool passing; // it leaves nothing on disk, and is over with the process
} changes[] = {
	{"config.commit", config_params, false, false},
	{"config.commit", confirm_params, false, true},
	{"config.commit", config_params, true, false},
	{"rules.add", rule_params, false, true},
	{"rules.del", del_params, false, false},
	{"config.revert", revert_params, false, false},
	{"config.import", import_params, false, true},
	{"policies.add", policy_params, false, false},
	{"config.shadow", shadow_params, false, true, .passing = true},
};

enum { CHANGES = sizeof(changes) / sizeof(changes[0]) };

// Revision 1 is the file, 2 has a rule more.
static void begin(struct bench *b, bool alone)
{
	b->attach = !alone;
	b->boot->store.file = CFG_STORE_MEMORY; // its thread writes when it likes
	world_service_open(b);
	world_settle(b, "committed", !alone);
	json_decref(world_call(b, "rules.add", world_rule("TOKEN", true)));
}

static void end(struct bench *b)
{
	world_service_close(b);
	while (dp_accept(&b->dp)) // who connected to no data plane
		dp_drop(&b->dp);
	bench_dir_remove(b->state);
	b->version = 0;
	b->images = 0;
	b->refuse = 0;
}

// Runs the change with call `step` failing; true where it was answered with a result.
static bool run(struct bench *b, size_t i, enum what what, unsigned step)
{
	json_t *params = changes[i].params(), *answer;
	bool done;

	world_ask(b, changes[i].method, params);
	fault.what = what;
	fault.step = step;
	fault.seen = 0;
	fault.armed = true;
	answer = world_take(b);
	fault.armed = false;
	done = json_object_get(answer, "result") != NULL;
	json_decref(answer);
	return done;
}

static void same_after_a_restart(struct bench *b, bool alone, const char *want, const char *what)
{
	char *have;

	world_service_close(b);
	world_service_open(b);
	world_settle(b, "committed", !alone);
	have = state_of(b);
	if (strcmp(have, want) != 0)
		fail_msg("%s: after a restart\n%s\nnot\n%s", what, have, want);
	free(have);
}

// One step. False where the change was done all the same.
static bool step_fails(struct bench *b, size_t i, enum what what, unsigned step, bool restart)
{
	char *before = state_of(b), *after, name[128];
	bool done = run(b, i, what, step);

	(void)snprintf(name, sizeof(name), "%s %zu, %s call %u", changes[i].method, i,
		what == DISK ? "disk" : "heap", step);
	if (!changes[i].alone)
		world_settle(b, "committed", true);
	after = state_of(b);
	if (!done && strcmp(before, after) != 0)
		fail_msg("%s: failed and left\n%s\nnot\n%s", name, after, before);
	if (done && strcmp(before, after) == 0)
		fail_msg("%s: done, and nothing changed", name);
	if ((done || restart) && !changes[i].passing)
		same_after_a_restart(b, changes[i].alone, after, name);
	free(before);
	free(after);
	return !done;
}

// Number of steps of a change.
static unsigned change_fails(struct bench *b, size_t i, enum what what)
{
	unsigned step = 0;

	begin(b, changes[i].alone);
	do {
		if (!step_fails(b, i, what, ++step, what == DISK && i == 0)) {
			end(b);
			begin(b, changes[i].alone);
		}
	} while (fault.seen >= step); // else that step was not reached
	end(b);
	return step - 1;
}

static void a_disk_that_fails_at_any_step_changes_nothing(void **state)
{
	for (size_t i = 0; i < CHANGES; i++)
		assert_true(change_fails(*state, i, DISK) >= (changes[i].passing ? 0 : 10));
}

static void memory_that_ends_at_any_step_changes_nothing(void **state)
{
	for (size_t i = 0; i < CHANGES; i++)
		assert_true(!changes[i].heap || change_fails(*state, i, HEAP) >= 50);
}

// Death.

static void die_in_a_child(struct bench *b, size_t i, unsigned step)
{
	int status, pid = fork();

	if (pid == 0) {
		begin(b, false);
		fault.die = true;
		(void)run(b, i, DISK, step);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	fault.seen = WEXITSTATUS(status) == 77 ? step : 0;
	if (fault.seen == 0)
		assert_int_equal(WEXITSTATUS(status), 0);
}

// What a start says about configuration and rules, without numbers and times.
static char *meaning_of(struct bench *b)
{
	json_t *config = world_call(b, "config.get", json_object());
	json_t *rules = world_call(b, "rules.list", json_object());
	char *list = json_dumps(rules, JSON_SORT_KEYS), *text;

	assert_true(asprintf(&text, "%s%s", json_string_value(json_object_get(config, "text")),
			    list) >= 0);
	free(list);
	json_decref(config);
	json_decref(rules);
	return text;
}

static void the_dead_leave_old_or_new(
	struct bench *b, size_t i, unsigned step, const char *old, const char *new)
{
	char *have;
	json_t *r;

	while (dp_accept(&b->dp)) // the dead one's connection
		dp_drop(&b->dp);
	world_service_open(b);
	world_settle(b, "committed", true);
	have = meaning_of(b);
	if (strcmp(have, old) != 0 && strcmp(have, new) != 0)
		fail_msg("%s, death at call %u:\n%s", changes[i].method, step, have);
	r = world_call(b, "config.revisions", json_object());
	if (json_array_size(json_object_get(r, "revisions")) != (strcmp(have, old) == 0 ? 2 : 3))
		fail_msg("%s, death at call %u: another history", changes[i].method, step);
	json_decref(r);
	json_decref(world_call(b, "rules.add", world_rule("AFTER", true))); // and goes on
	free(have);
	end(b);
}

static void a_death_at_any_step_leaves_the_old_state_or_the_new_one(void **state)
{
	static const size_t which[] = {0, 3}; // config.commit, rules.add
	struct bench *b = *state;

	for (size_t k = 0; k < sizeof(which) / sizeof(which[0]); k++) {
		size_t i = which[k];
		unsigned step = 0;
		char *old, *new;

		begin(b, false);
		old = meaning_of(b);
		assert_true(run(b, i, DISK, 0));
		new = meaning_of(b);
		end(b);
		do {
			die_in_a_child(b, i, ++step);
			the_dead_leave_old_or_new(b, i, step, old, new);
		} while (fault.seen >= step);
		assert_true(step > 10);
		free(old);
		free(new);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
		T(a_disk_that_fails_at_any_step_changes_nothing),
		T(memory_that_ends_at_any_step_changes_nothing),
		T(a_death_at_any_step_leaves_the_old_state_or_the_new_one),
#undef T
	};
	int rc = compile_child(argc, argv);

	return rc >= 0 ? rc : cmocka_run_group_tests(tests, NULL, NULL);
}

// SPDX-License-Identifier: BSD-3-Clause
// Privileges go and do not come back. Each case in a child of its own.
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/capability.h>

#include <cmocka.h>

#include "core_priv.h"

// A mask as /proc/self/status says it; all ones where it is not there.
static unsigned long long status_mask(const char *name)
{
	FILE *f = fopen("/proc/self/status", "re");
	unsigned long long mask = ~0ull;
	char line[256], form[64];

	(void)snprintf(form, sizeof(form), "%s: %%llx", name);
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, form, &mask) == 1)
			break;
	if (f != NULL)
		(void)fclose(f);
	return mask;
}

// Runs in the child; the line of the first thing that is wrong, or 0.
static int dropped_to_nobody(void)
{
	const uint64_t keep = UINT64_C(1) << CAP_NET_BIND_SERVICE;
	const struct passwd *pw = getpwnam("nobody");
	struct err_list err;
	gid_t groups[8];
	uid_t r, e, s;

	err_init(&err);
	if (core_priv_drop("nobody", keep, &err) != 0)
		return __LINE__;
	if (getresuid(&r, &e, &s) != 0 || r != pw->pw_uid || e != r || s != r)
		return __LINE__;
	if (getgid() != pw->pw_gid || getegid() != pw->pw_gid)
		return __LINE__;
	if (getgroups(8, groups) > 1)
		return __LINE__;
	if (setuid(0) == 0 || seteuid(0) == 0)
		return __LINE__;
	if (status_mask("CapEff") != keep || status_mask("CapPrm") != keep)
		return __LINE__;
	if (status_mask("CapInh") != 0 || status_mask("CapAmb") != 0)
		return __LINE__;
	if ((status_mask("CapBnd") & ~keep) != 0)
		return __LINE__;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 || umask(0) != 0027)
		return __LINE__;
	return 0;
}

static int stayed(void)
{
	uid_t before = getuid();
	struct err_list err;

	err_init(&err);
	if (core_priv_drop("", 0, &err) != 0 || getuid() != before)
		return __LINE__;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 || umask(0) != 0027)
		return __LINE__;
	return 0;
}

static int unknown_user(void)
{
	struct err_list err;

	err_init(&err);
	if (core_priv_drop("no-such-user-here", 0, &err) != -ENOENT)
		return __LINE__;
	return strstr(err.text[0], "no-such-user-here") == NULL ? __LINE__ : 0;
}

static void in_child(int (*what)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(what() & 0xff);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) != 0)
		fail_msg("the check that ends at line %d (modulo 256) failed", WEXITSTATUS(status));
}

static void a_dropped_process_has_the_user_and_what_it_may_keep_and_cannot_go_back(void **state)
{
	(void)state;
	if (geteuid() != 0 || getpwnam("nobody") == NULL)
		skip();
	in_child(dropped_to_nobody);
}

static void without_a_user_we_stay_who_we_are_but_gain_nothing(void **state)
{
	(void)state;
	in_child(stayed);
}

static void an_unknown_user_is_an_error_that_names_it(void **state)
{
	(void)state;
	in_child(unknown_user);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_dropped_process_has_the_user_and_what_it_may_keep_and_cannot_go_back),
		cmocka_unit_test(without_a_user_we_stay_who_we_are_but_gain_nothing),
		cmocka_unit_test(an_unknown_user_is_an_error_that_names_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

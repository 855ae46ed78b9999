// SPDX-License-Identifier: BSD-3-Clause
// Dropping privileges by the system calls themselves: user, groups, capabilities, umask. Order
// matters: capabilities are kept over the change of user, then cut to what is wanted.
// Thread: before any other thread (capset(2) and setresuid of the C library differ in reach).
#include "core_priv.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>

static int fail(struct err_list *err, const char *what)
{
	int rc = -errno;

	err_add(err, "privileges: %s: %s", what, strerror(-rc));
	return rc;
}

// Nothing outside `keep` can come back by a program run later. Needs CAP_SETPCAP: before the
// change of user.
static int bounding_cut(uint64_t keep, struct err_list *err)
{
	for (unsigned long c = 0; c <= CAP_LAST_CAP; c++)
		if ((keep >> c & 1) == 0 && prctl(PR_CAPBSET_DROP, c, 0, 0, 0) < 0 &&
			errno != EINVAL) // EINVAL: the kernel knows fewer than its headers
			return fail(err, "drop from the bounding set");
	return 0;
}

// Permitted and effective become `keep`, the inheritable set empty (and the ambient one with it).
static int capabilities_set(uint64_t keep, struct err_list *err)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {
		{.permitted = (uint32_t)keep, .effective = (uint32_t)keep},
		{.permitted = (uint32_t)(keep >> 32), .effective = (uint32_t)(keep >> 32)},
	};

	if (syscall(SYS_capset, &head, data) < 0)
		return fail(err, "set capabilities");
	return 0;
}

static int user_become(const char *user, uint64_t keep, struct err_list *err)
{
	const struct passwd *pw;
	uid_t uid;
	gid_t gid;
	int rc;

	errno = 0;
	pw = getpwnam(user);
	if (pw == NULL) {
		rc = errno == 0 ? -ENOENT : -errno;
		err_add(err, "privileges: user \"%s\": %s", user,
			rc == -ENOENT ? "no such user" : strerror(-rc));
		return rc;
	}
	uid = pw->pw_uid;
	gid = pw->pw_gid;
	if (initgroups(user, gid) < 0)
		return fail(err, "take the user's groups");
	if (setresgid(gid, gid, gid) < 0)
		return fail(err, "take the user's group");
	if (prctl(PR_SET_KEEPCAPS, 1L, 0, 0, 0) < 0)
		return fail(err, "keep capabilities");
	rc = bounding_cut(keep, err);
	if (rc < 0)
		return rc;
	if (setresuid(uid, uid, uid) < 0)
		return fail(err, "take the user");
	return capabilities_set(keep, err);
}

int core_priv_drop(const char *user, uint64_t keep, struct err_list *err)
{
	int rc;

	(void)umask(0027); // cannot fail
	if (user != NULL && user[0] != '\0') {
		rc = user_become(user, keep, err);
		if (rc < 0)
			return rc;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1L, 0, 0, 0) < 0)
		return fail(err, "forbid new privileges");
	return 0;
}

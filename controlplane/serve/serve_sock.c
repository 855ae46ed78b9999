// SPDX-License-Identifier: BSD-3-Clause
// Decides whether a socket file is stale and whether a peer may connect.
// A POSIX record lock says whether the owner lives: it dies with the process, and a forked child
// neither inherits it nor keeps it. Trying to connect would not do, because a child of a killed
// owner may still hold the listening descriptor.
// Thread: the loop's.
#include "serve_sock.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "text.h"

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59 // Linux 4.13
#endif

enum { SOCK_BACKLOG = 64, SOCK_MODE = 0660 };

int serve_lock(const char *path)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return -errno;
	if (fcntl(fd, F_SETLK, &lock) == 0)
		return fd;
	int rc = errno == EACCES || errno == EAGAIN ? -EBUSY : -errno;
	(void)close(fd); // nothing was written
	return rc;
}

static int sock_bind(const char *path, gid_t gid)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd, rc;

	if (text_copy(name.sun_path, sizeof(name.sun_path), path) >= sizeof(name.sun_path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	// Nobody may connect between bind and chmod.
	mode_t old = umask(0777);
	rc = bind(fd, (struct sockaddr *)&name, sizeof(name));
	rc = rc < 0 ? -errno : 0;
	(void)umask(old);
	if (rc == 0 && gid != (gid_t)-1 && chown(path, (uid_t)-1, gid) < 0)
		rc = -errno;
	if (rc == 0 && (chmod(path, SOCK_MODE) < 0 || listen(fd, SOCK_BACKLOG) < 0))
		rc = -errno;
	if (rc == 0)
		return fd;
	(void)close(fd); // never listened
	return rc;
}

static int group_id(const char *group, gid_t *gid)
{
	struct group *g;

	*gid = (gid_t)-1;
	if (group == NULL || *group == '\0')
		return 0;
	g = getgrnam(group);
	if (g == NULL)
		return -ENOENT;
	*gid = g->gr_gid;
	return 0;
}

int serve_sock_listen(
	struct serve_sock *sock, const char *path, const char *group, struct err_list *err)
{
	struct stat st;
	char lock[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 8];
	int rc;

	if (group_id(group, &sock->gid) != 0) {
		err_add(err, "control.group: %s; no such group", group);
		return -ENOENT;
	}
	(void)snprintf(lock, sizeof(lock), "%s.lock", path); // a cut name is refused by bind
	sock->lock_fd = serve_lock(lock);
	if (sock->lock_fd < 0) {
		rc = sock->lock_fd;
		err_add(err, "%s: cannot lock; %s", lock,
			rc == -EBUSY ? "another control plane has this socket" : strerror(-rc));
		return rc;
	}
	// With the lock ours, a socket here belongs to nobody alive. Another kind of file is not ours.
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		(void)unlink(path); // bind says why where this failed
	rc = sock_bind(path, sock->gid);
	if (rc >= 0) {
		sock->fd = rc;
		return 0;
	}
	err_add(err, "%s: cannot listen; %s", path, strerror(-rc));
	(void)close(sock->lock_fd); // gives the lock back
	return rc;
}

void serve_sock_close(struct serve_sock *sock, const char *path)
{
	(void)close(sock->fd); // a listening socket holds nothing
	(void)unlink(path);    // an unprivileged process may not: the next start replaces it
	(void)close(sock->lock_fd);
}

static bool peer_in_group(int fd, const struct ucred *cred, gid_t gid)
{
	gid_t few[64], *groups = few;
	socklen_t len = sizeof(few);
	bool in = cred->gid == gid;
	int rc;

	if (in || gid == (gid_t)-1)
		return in;
	rc = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len);
	if (rc < 0 && errno == ERANGE) { // len now says how much is needed
		groups = malloc(len);
		if (groups == NULL)
			return false;
		rc = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len);
	}
	for (size_t i = 0; rc == 0 && i < len / sizeof(*groups); i++)
		in = in || groups[i] == gid;
	if (groups != few)
		free(groups);
	return in;
}

bool serve_sock_peer(int fd, gid_t gid, uid_t *uid)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return false;
	*uid = cred.uid;
	return cred.uid == 0 || cred.uid == geteuid() || peer_in_group(fd, &cred, gid);
}

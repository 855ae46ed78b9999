// SPDX-License-Identifier: BSD-3-Clause
// The socket file: made with the right mode before anybody can connect, replaced where it is stale,
// never where another instance listens, removed at the end only if it is still ours.
// Thread: manager.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lnk_int.h"

enum { BACKLOG = 8 };

// Is somebody bound there? A stream socket asks: it gets EPROTOTYPE from a living socket of our
// type, so the asker is never taken for a control plane.
static bool is_alive(const struct sockaddr_un *sa)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool refused;

	if (fd < 0)
		return true; // unknown: leave it alone
	refused = connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) < 0 &&
		(errno == ECONNREFUSED || errno == ENOENT);
	(void)close(fd); // nothing was sent
	return !refused;
}

static int fail(struct err_list *err, const char *path, const char *what)
{
	int rc = -errno;

	err_add(err, "%s: %s: %s", path, what, strerror(-rc));
	return rc;
}

// Removes a socket file that nobody listens on. 0 or -errno with the reason in *err.
static int stale_remove(const struct sockaddr_un *sa, struct err_list *err)
{
	struct stat st;

	if (lstat(sa->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : fail(err, sa->sun_path, "look for a stale socket");
	if (!S_ISSOCK(st.st_mode)) {
		err_add(err, "%s: not a socket; another file has this name", sa->sun_path);
		return -EEXIST;
	}
	if (is_alive(sa)) {
		err_add(err, "%s: already in use; another data plane listens there", sa->sun_path);
		return -EADDRINUSE;
	}
	if (unlink(sa->sun_path) < 0 && errno != ENOENT)
		return fail(err, sa->sun_path, "remove the stale socket");
	return 0;
}

static int file_make(
	struct lnk_listener *s, const struct sockaddr_un *sa, uint32_t gid, struct err_list *err)
{
	struct stat st;

	if (bind(s->fd, (const struct sockaddr *)sa, sizeof(*sa)) < 0)
		return fail(err, sa->sun_path, "make the socket");
	if (lstat(sa->sun_path, &st) < 0)
		return fail(err, sa->sun_path, "look at the socket");
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	// Nobody can connect before listen(2), so the mode is right from the first moment on.
	if (chmod(sa->sun_path, 0660) < 0)
		return fail(err, sa->sun_path, "set the mode");
	if (gid != LNK_ID_NONE && chown(sa->sun_path, (uid_t)-1, gid) < 0)
		return fail(err, sa->sun_path, "set the group");
	if (listen(s->fd, BACKLOG) < 0)
		return fail(err, sa->sun_path, "listen");
	return 0;
}

int lnk_listener_open(struct lnk_listener *s, const char *path, uint32_t gid, struct err_list *err)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int rc;

	*s = (struct lnk_listener){.fd = -1};
	if (strlen(path) >= sizeof(sa.sun_path)) {
		err_add(err, "%s: the name is too long for a socket", path);
		return -ENAMETOOLONG;
	}
	memcpy(sa.sun_path, path, strlen(path) + 1);
	rc = stale_remove(&sa, err);
	if (rc < 0)
		return rc;
	s->path = strdup(path);
	s->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->path == NULL || s->fd < 0)
		rc = fail(err, path, "socket");
	else
		rc = file_make(s, &sa, gid, err);
	if (rc < 0)
		lnk_listener_close(s);
	return rc;
}

void lnk_listener_close(struct lnk_listener *s)
{
	struct stat st;

	if (s->ino != 0 && lstat(s->path, &st) == 0 && st.st_dev == s->dev && st.st_ino == s->ino)
		(void)unlink(s->path); // without the right to, the next start replaces it
	if (s->fd >= 0)
		(void)close(s->fd); // no data in a listener
	free(s->path);
	*s = (struct lnk_listener){.fd = -1};
}

int lnk_listener_accept(const struct lnk_listener *s, uint32_t permitted, uint32_t *uid)
{
	struct ucred who = {.uid = LNK_ID_NONE};
	socklen_t n = sizeof(who);
	int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return -EAGAIN; // gone again, or out of descriptors: later
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) < 0)
		who.uid = LNK_ID_NONE;
	*uid = who.uid;
	if (who.uid != LNK_ID_NONE &&
		(who.uid == geteuid() || who.uid == 0 || who.uid == permitted))
		return fd;
	(void)close(fd); // refused
	return -EPERM;
}

// SPDX-License-Identifier: BSD-3-Clause
// Where event lines go. They gather in a buffer while the link's rings are drained and are written
// once the loop comes round; what the file does not take stays for a second try, and a line that
// finds no room is counted as lost. The ring and the followers get every line in any case.
// Thread: the loop's.
#include "serve_events.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "core_loop.h"
#include "log.h"
#include "serve_line.h"
#include "serve_rpc.h"
#include "serve_syslog.h"

LOG_COMPONENT("events");

enum { PENDING_MAX = 1 << 20, RETRY_S = 1, LOG_MODE = 0640 };

static const char note_head[] =
	"{\"jsonrpc\":\"2.0\",\"method\":\"" API_RPC_NOTIFY_EVENT "\",\"params\":";

struct follower {
	TAILQ_ENTRY(follower) link;
	struct serve_events *ev;
	struct serve_client *client;
};

struct serve_events {
	char *path; // NULL = no log
	int fd;
	bool regular, torn;  // torn: the first pending byte continues a line half written
	bool reopen_failed;  // said already
	uint64_t looked_us;  // when the name was last compared with the file
	struct serve_syslog *syslog; // NULL = none
	struct event *flush; // write what is pending
	size_t pending;
	uint64_t written, lost;
	int error;
	unsigned followers;
	TAILQ_HEAD(, follower) follow;
	char *last[API_RPC_TAIL_MAX]; // ring of lines
	uint32_t head, count;         // next to fill; filled
	char buf[PENDING_MAX];
};

// A file whose last line was cut by a crash gets its newline, so that the next line is whole.
static bool log_ends_torn(int fd)
{
	off_t end = lseek(fd, 0, SEEK_END);
	char last;

	return end > 0 && pread(fd, &last, 1, end - 1) == 1 && last != '\n';
}

static int log_open(const char *path)
{
	if (strcmp(path, "-") == 0)
		return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	return open(
		path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, LOG_MODE);
}

static void log_take(struct serve_events *ev, int fd)
{
	struct stat st;

	ev->fd = fd;
	ev->regular = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	if (ev->regular && strcmp(ev->path, "-") != 0 && log_ends_torn(fd))
		(void)!write(fd, "\n", 1); // a full disk: the line stays torn
}

// Some bytes, never waiting: >= 0, or -errno.
static ssize_t log_put(const struct serve_events *ev, const char *p, size_t n)
{
	struct pollfd ready = {.fd = ev->fd, .events = POLLOUT};
	ssize_t k = ev->regular ? -1 : send(ev->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (!ev->regular && k < 0 && errno != ENOTSOCK)
		return -errno;
	if (k >= 0)
		return k;
	if (!ev->regular) {
		// Standard output is shared with others and so not ours to make non-blocking; a pipe
		// that polls writable takes PIPE_BUF bytes without waiting (pipe(7)).
		if (poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0)
			return -EAGAIN;
		n = n < PIPE_BUF ? n : PIPE_BUF;
	}
	k = write(ev->fd, p, n);
	return k < 0 ? -errno : k;
}

static uint64_t count_lines(const char *p, size_t n)
{
	uint64_t lines = 0;

	for (size_t i = 0; i < n; i++)
		lines += p[i] == '\n';
	return lines;
}

static void error_set(struct serve_events *ev, int error)
{
	if (error == ev->error)
		return;
	if (error != 0 && ev->error == 0)
		LOG(WARNING, "%s: cannot write: %s", ev->path, strerror(error));
	else if (error == 0)
		LOG(NOTICE, "%s: written again, %llu lines lost so far", ev->path,
			(unsigned long long)ev->lost);
	ev->error = error;
}

static bool has_name(const struct serve_events *ev)
{
	return ev->path != NULL && ev->fd >= 0 && ev->regular && strcmp(ev->path, "-") != 0;
}

// True where the name no longer leads to the file that is open: it was moved away or deleted.
static bool is_moved(const struct serve_events *ev)
{
	struct stat file, name;

	if (fstat(ev->fd, &file) < 0)
		return false;
	return stat(ev->path, &name) < 0 ? errno == ENOENT
					 : name.st_dev != file.st_dev || name.st_ino != file.st_ino;
}

static void pending_write(struct serve_events *ev)
{
	struct timeval later = {.tv_sec = RETRY_S};
	size_t done = 0;
	ssize_t k = 0;

	while (done < ev->pending) {
		k = log_put(ev, ev->buf + done, ev->pending - done);
		if (k == -EINTR)
			continue;
		if (k <= 0)
			break;
		done += (size_t)k;
	}
	if (done > 0) {
		ev->written += count_lines(ev->buf, done);
		ev->torn = ev->buf[done - 1] != '\n';
		ev->pending -= done;
		memmove(ev->buf, ev->buf + done, ev->pending);
	}
	if (k != -EAGAIN) // a slow reader of a pipe is no fault of the log
		error_set(ev, ev->pending == 0 ? 0 : k < 0 ? (int)-k : EIO);
	if (ev->pending > 0)
		(void)event_add(ev->flush, &later); // a timer
}

static void on_flush(evutil_socket_t fd, short what, void *arg)
{
	const uint64_t second_us = 1000000;
	struct serve_events *ev = arg;
	uint64_t now = core_now_us();

	(void)fd, (void)what; // a timer has neither
	if (has_name(ev) && now - ev->looked_us >= second_us) {
		ev->looked_us = now;
		if (is_moved(ev) && serve_events_reopen(ev) == 0)
			return; // that has written
	}
	pending_write(ev);
}

struct serve_events *serve_events_open(
	struct event_base *base, const char *path, struct err_list *err)
{
	struct serve_events *ev = calloc(1, sizeof(*ev));
	int fd;

	if (ev == NULL) {
		err_add(err, "control.event_log: out of memory");
		return NULL;
	}
	ev->fd = -1;
	TAILQ_INIT(&ev->follow);
	ev->flush = evtimer_new(base, on_flush, ev);
	if (*path != '\0')
		ev->path = strdup(path);
	if (ev->flush == NULL || (*path != '\0' && ev->path == NULL)) {
		err_add(err, "control.event_log: out of memory");
		goto fail;
	}
	if (ev->path == NULL)
		return ev;
	fd = log_open(path);
	if (fd < 0) {
		err_add(err, "control.event_log: %s: %s", path, strerror(errno));
		goto fail;
	}
	log_take(ev, fd);
	return ev;

fail:
	serve_events_close(ev);
	return NULL;
}

static void follower_end(struct follower *f)
{
	TAILQ_REMOVE(&f->ev->follow, f, link);
	f->ev->followers--;
	free(f);
}

void serve_events_close(struct serve_events *ev)
{
	struct follower *f;

	if (ev == NULL)
		return;
	if (ev->fd >= 0) {
		pending_write(ev);
		(void)close(ev->fd); // nothing is left to say about it
	}
	while ((f = TAILQ_FIRST(&ev->follow)) != NULL) {
		serve_client_unfollow(f->client);
		follower_end(f);
	}
	for (uint32_t i = 0; i < API_RPC_TAIL_MAX; i++)
		free(ev->last[i]);
	if (ev->flush != NULL)
		event_free(ev->flush);
	serve_syslog_free(ev->syslog);
	free(ev->path);
	free(ev);
}

int serve_events_syslog(struct serve_events *ev, const char *path)
{
	ev->syslog = serve_syslog_new(path);
	return ev->syslog == NULL ? -ENOMEM : 0;
}

int serve_events_reopen(struct serve_events *ev)
{
	const char *next;
	int fd;

	if (ev->path == NULL || strcmp(ev->path, "-") == 0)
		return 0;
	fd = log_open(ev->path);
	if (fd < 0) {
		fd = -errno;
		if (!ev->reopen_failed)
			LOG(ERR, "%s: cannot open again: %s; the old file stays", ev->path,
				strerror(-fd));
		ev->reopen_failed = true;
		return fd;
	}
	ev->reopen_failed = false;
	pending_write(ev);
	(void)close(ev->fd); // what it did not take is pending
	next = ev->torn ? memchr(ev->buf, '\n', ev->pending) : NULL;
	if (next != NULL) { // the rest of a line whose beginning is in the old file
		size_t n = (size_t)(next + 1 - ev->buf);

		ev->lost++;
		ev->pending -= n;
		memmove(ev->buf, ev->buf + n, ev->pending);
	}
	ev->torn = false;
	log_take(ev, fd);
	pending_write(ev);
	return 0;
}

int serve_events_chown(struct serve_events *ev, unsigned uid, unsigned gid)
{
	if (!ev->regular || strcmp(ev->path, "-") == 0)
		return 0;
	return fchown(ev->fd, uid, gid) < 0 ? -errno : 0;
}

static void pending_add(struct serve_events *ev, const char *line, size_t n)
{
	struct timeval now = {0};

	if (n + 1 > sizeof(ev->buf) - ev->pending) {
		ev->lost++;
		return;
	}
	memcpy(ev->buf + ev->pending, line, n);
	ev->buf[ev->pending + n] = '\n';
	ev->pending += n + 1;
	if (!event_pending(ev->flush, EV_TIMEOUT, NULL))
		(void)event_add(ev->flush, &now); // a timer
}

static void last_add(struct serve_events *ev, const char *line, size_t n)
{
	char *copy = strndup(line, n);

	if (copy == NULL) // the log has it
		return;
	free(ev->last[ev->head]);
	ev->last[ev->head] = copy;
	ev->head = (ev->head + 1) % API_RPC_TAIL_MAX;
	if (ev->count < API_RPC_TAIL_MAX)
		ev->count++;
}

static void followers_tell(struct serve_events *ev, const char *line, size_t n)
{
	char note[sizeof(note_head) + SERVE_EVENT_MAX + 1];
	struct follower *f, *next;
	size_t k = sizeof(note_head) - 1;

	memcpy(note, note_head, k);
	memcpy(note + k, line, n);
	note[k + n] = '}';
	for (f = TAILQ_FIRST(&ev->follow); f != NULL; f = next) {
		next = TAILQ_NEXT(f, link);
		serve_client_line(f->client, note, k + n + 1);
	}
}

static void line_add(struct serve_events *ev, const struct serve_line *l)
{
	if (l->cut) {
		ev->lost++;
		return;
	}
	if (ev->fd >= 0)
		pending_add(ev, l->text, l->n);
	if (ev->syslog != NULL)
		serve_syslog_send(ev->syslog, l->text, l->n);
	last_add(ev, l->text, l->n);
	if (ev->followers > 0)
		followers_tell(ev, l->text, l->n);
}

void serve_events_add(
	struct serve_events *ev, const struct api_record *r, const struct serve_event_names *names)
{
	struct serve_line l;

	serve_event_line(&l, r, names);
	line_add(ev, &l);
}

void serve_events_check(struct serve_events *ev, const struct serve_event_check *c)
{
	struct timespec now = {0};
	struct serve_line l;

	(void)clock_gettime(CLOCK_REALTIME, &now); // this clock always is
	serve_line_begin(&l);
	serve_line_time(&l, "time", (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	serve_line_str(&l, "type", "check");
	serve_line_str(&l, "check", c->check);
	serve_line_str(&l, "state", c->state);
	serve_line_str(&l, "was", c->was);
	serve_line_str(&l, "seen", c->seen);
	serve_line_str(&l, "todo", *c->todo == '\0' ? NULL : c->todo);
	serve_line_end(&l);
	line_add(ev, &l);
}

const char *serve_events_file(struct serve_events *ev)
{
	if (!has_name(ev))
		return NULL;
	pending_write(ev);
	return ev->path;
}

json_t *serve_events_last(const struct serve_events *ev, uint32_t max)
{
	json_t *list = json_array();
	uint32_t n = max < ev->count ? max : ev->count;

	for (uint32_t i = n; i > 0; i--) {
		const char *line = ev->last[(ev->head + API_RPC_TAIL_MAX - i) % API_RPC_TAIL_MAX];

		(void)json_array_append_new(
			list, json_loads(line, 0, NULL)); // without memory: one less
	}
	return list;
}

static void on_gone(void *arg)
{
	follower_end(arg);
}

int serve_events_follow(struct serve_events *ev, struct serve_call *call)
{
	struct follower *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return -ENOMEM;
	f->ev = ev;
	f->client = serve_client_follow(call, on_gone, f);
	if (f->client == NULL) {
		free(f);
		return -EBUSY;
	}
	TAILQ_INSERT_TAIL(&ev->follow, f, link);
	ev->followers++;
	return 0;
}

void serve_events_state(const struct serve_events *ev, struct serve_events_state *out)
{
	*out = (struct serve_events_state){
		.path = ev->path,
		.written = ev->written,
		.lost = ev->lost,
		.error = ev->error,
		.followers = ev->followers,
		.syslog = ev->syslog != NULL,
		.syslog_sent = ev->syslog == NULL ? 0 : serve_syslog_sent(ev->syslog),
		.syslog_lost = ev->syslog == NULL ? 0 : serve_syslog_lost(ev->syslog),
	};
}

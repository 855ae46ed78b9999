// SPDX-License-Identifier: BSD-3-Clause
// Control planes that scribble, lie, crowd or die: each is refused, counted and detached, and the
// next honest one attaches as if nothing had been.
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lnk_peer.h"
#include "log.h"

enum { SLOT = 65536, KILLS = 100 };

static const struct eng_outcome an_outcome = {.kind = ENG_OUTCOME_ACCEPTED, .count = 1};

// An honest newcomer attaches, pings, and sees `refused` refusals and `attached` attachments.
static void newcomer_is_served(struct bench *b, uint64_t attached, uint64_t refused)
{
	const struct api_command ping = {.kind = API_CMD_PING, .seq = 5};
	const struct api_stats *s;
	struct api_event e;
	struct peer p;

	peer_attach(b, &p);
	peer_send(&p, &ping);
	assert_int_equal(peer_event(b, &p, &e), 0);
	assert_int_equal(e.seq, 5);
	s = bench_stats(&p);
	assert_int_equal(s->link_attached, attached);
	assert_int_equal(s->link_refused, refused);
	stats_unmap(s);
	peer_close(&p);
	(void)bench_poll(b);
	assert_false(lnk_is_attached(b->lnk));
}

static void scribble(struct peer *p, uint64_t ring_off, bool head, uint32_t value)
{
	struct api_ring_mem *m = (void *)(p->mem + ring_off);

	atomic_store(head ? &m->head : &m->tail, value);
}

static void a_scribbled_ring_is_refused_counted_and_detached(void **state)
{
	static const struct {
		enum {
			COMMAND_HEAD,
			EVENT_TAIL,
			OUTCOME_TAIL,
			RECORD_TAIL,
			ASK_TAIL,
			ANSWER_HEAD
		} where;
		uint32_t value;
	} cases[] = {
		{COMMAND_HEAD, UINT32_MAX},
		{COMMAND_HEAD, API_RING_COMMANDS + 1},
		{COMMAND_HEAD, 0x80000000},
		{EVENT_TAIL, UINT32_MAX - 5000},
		{EVENT_TAIL, 1},
		{EVENT_TAIL, 0xdeadbeef},
		{OUTCOME_TAIL, 1},
		{OUTCOME_TAIL, 0x7fffffff},
		{RECORD_TAIL, 1},
		{RECORD_TAIL, 0xffff0000},
		{ASK_TAIL, 1},
		{ASK_TAIL, 0x80000000},
		{ANSWER_HEAD, API_RING_ANSWERS + 1},
		{ANSWER_HEAD, UINT32_MAX},
	};
	const struct eng_record record = {.kind = ENG_REC_REFUSAL};
	const struct eng_question question = {.kind = ENG_ASK_HELO, .name = span_str("a.b")};
	struct eng_finding finding;
	const struct api_command ping = {.kind = API_CMD_PING};
	struct bench b;

	(void)state;
	bench_open(&b, SLOT);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct eng_sink *sink;
		struct peer p;

		peer_attach(&b, &p);
		sink = b.eng.sink[2];
		switch (cases[i].where) {
		case COMMAND_HEAD:
			scribble(&p, p.hello.command_off, true, cases[i].value);
			break;
		case EVENT_TAIL:
			peer_send(&p, &ping);
			scribble(&p, p.hello.event_off, false, cases[i].value);
			break;
		case OUTCOME_TAIL:
			scribble(&p, p.hello.outcome_off[2], false, cases[i].value);
			assert_int_equal(sink->outcome(sink->arg, &an_outcome), -EAGAIN);
			break;
		case RECORD_TAIL:
			scribble(&p, p.hello.record_off[2], false, cases[i].value);
			assert_int_equal(sink->record(sink->arg, &record), -EAGAIN);
			break;
		case ASK_TAIL:
			scribble(&p, p.hello.ask_off[2], false, cases[i].value);
			assert_int_equal(sink->ask(sink->arg, &question), -EAGAIN);
			break;
		case ANSWER_HEAD:
			scribble(&p, p.hello.answer_off[2], true, cases[i].value);
			assert_int_equal(sink->finding(sink->arg, &finding), -EAGAIN);
			break;
		}
		(void)bench_poll(&b);
		assert_false(lnk_is_attached(b.lnk));
		assert_null(b.eng.sink[2]);
		assert_true(peer_is_closed(&p));
		peer_close(&p);
		newcomer_is_served(&b, 2 * i + 2, i + 1);
	}
	bench_close(&b);
}

static void a_command_no_honest_control_plane_sends_ends_the_attachment(void **state)
{
	static const struct api_command cases[] = {
		{.kind = API_CMD_NONE},
		{.kind = API_CMD_COUNT},
		{.kind = UINT32_MAX},
		{.kind = API_CMD_IMAGE, .image = {.slot = API_SLOTS, .bytes = 100}},
		{.kind = API_CMD_IMAGE, .image = {.slot = UINT32_MAX, .bytes = 100}},
		{.kind = API_CMD_IMAGE, .image = {.bytes = 0}},
		{.kind = API_CMD_IMAGE, .image = {.bytes = SLOT + 1}},
		{.kind = API_CMD_IMAGE, .image = {.bytes = UINT64_MAX}},
		{.kind = API_CMD_IMAGE, .image = {.bytes = 100, .spare = 1}},
		{.kind = API_CMD_FLOWS, .flows = {.max = 1, .spare = 1}},
		{.kind = API_CMD_DRAIN, .drain = {.on = 2}},
		{.kind = API_CMD_DRAIN, .drain = {.on = 1, .refuse = 2}},
		{.kind = API_CMD_DRAIN, .drain = {.on = 1, .wait_ms = UINT64_MAX}},
		{.kind = API_CMD_DRAIN, .drain = {.wait_ms = 1}},
		{.kind = API_CMD_SHADOW, .image = {.slot = API_SLOTS, .bytes = 100}},
		{.kind = API_CMD_SHADOW, .image = {.bytes = SLOT + 1}},
		{.kind = API_CMD_SHADOW, .image = {.bytes = 100, .spare = 1}},
	};
	struct bench b;

	(void)state;
	bench_open(&b, SLOT);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct peer p;

		peer_attach(&b, &p);
		peer_send(&p, &cases[i]);
		(void)bench_poll(&b);
		assert_false(lnk_is_attached(b.lnk));
		assert_true(peer_is_closed(&p));
		assert_int_equal(b.eng.swaps, 0);
		peer_close(&p);
		newcomer_is_served(&b, 2 * i + 2, i + 1);
	}
	bench_close(&b);
}

static void an_image_too_short_to_be_one_is_an_error_and_no_fault(void **state)
{
	struct api_command c = {.kind = API_CMD_IMAGE, .seq = 3, .image = {.bytes = 1}};
	struct api_event e;
	struct bench b;
	struct peer p;

	(void)state;
	bench_open(&b, SLOT);
	peer_attach(&b, &p);
	peer_send(&p, &c);
	assert_int_equal(peer_event(&b, &p, &e), 0);
	assert_int_equal(e.status, -EINVAL);
	assert_true(lnk_is_attached(b.lnk));
	peer_close(&p);
	bench_close(&b);
}

static void send_with_descriptor(int fd)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec iov = {.iov_base = control, .iov_len = 1};
	struct msghdr m = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	assert_int_equal(sendmsg(fd, &m, 0), 1);
}

static void foreign_datagrams_are_refused_and_leave_no_descriptor(void **state)
{
	static const size_t sizes[] = {2, 3, 100, sizeof(struct api_hello), 20000};
	static const char bytes[20000];
	struct bench b;
	struct peer p;
	unsigned fds, i;

	(void)state;
	bench_open(&b, SLOT);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		peer_attach(&b, &p);
		assert_int_equal(send(p.fd, bytes, sizes[i], 0), sizes[i]);
		(void)bench_poll(&b);
		assert_false(lnk_is_attached(b.lnk));
		peer_close(&p);
		newcomer_is_served(&b, 2 * i + 2, i + 1);
	}
	peer_attach(&b, &p);
	fds = count_fds();
	send_with_descriptor(p.fd); // a bell with a gift: the gift is not taken
	(void)bench_poll(&b);
	assert_int_equal(count_fds(), fds);
	assert_true(lnk_is_attached(b.lnk));
	peer_close(&p);
	bench_close(&b);
}

static void more_bells_than_a_turn_reads_do_no_harm(void **state)
{
	struct bench b;
	struct peer p;

	(void)state;
	bench_open(&b, SLOT);
	peer_attach(&b, &p);
	while (send(p.fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1)
		;
	for (unsigned i = 0; i < 100; i++)
		(void)bench_poll(&b);
	assert_true(lnk_is_attached(b.lnk));
	assert_int_equal(send(p.fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL), 1);
	peer_close(&p);
	bench_close(&b);
}

static void one_that_takes_no_answers_gets_no_work_done(void **state)
{
	const struct api_command ping = {.kind = API_CMD_PING};
	struct bench b;
	struct peer p;
	unsigned sent = 0;

	(void)state;
	bench_open(&b, SLOT);
	peer_attach(&b, &p);
	for (unsigned i = 0; i < 3000; i++) {
		sent += api_ring_put(&p.command, &ping) == 0;
		(void)bench_poll(&b);
	}
	assert_int_equal(sent, API_RING_EVENTS + API_RING_COMMANDS);
	assert_true(lnk_is_attached(b.lnk));
	peer_close(&p);
	bench_close(&b);
}

static void a_second_control_plane_is_refused_while_the_first_lives(void **state)
{
	const struct api_stats *s;
	struct peer first, second;
	struct bench b;

	(void)state;
	bench_open(&b, SLOT);
	peer_attach(&b, &first);
	s = bench_stats(&first);
	peer_connect(&second, b.path);
	(void)bench_poll(&b);
	assert_int_equal(peer_hello(&second), -ECONNRESET);
	peer_close(&second);
	assert_int_equal(s->link_refused, 1);
	assert_true(lnk_is_attached(b.lnk));
	assert_false(peer_is_closed(&first));
	// The first one dies and the next comes in the same turn: served once the workers let go.
	peer_connect(&second, b.path);
	(void)shutdown(first.fd, SHUT_RDWR);
	b.eng.busy = true;
	assert_int_equal(bench_poll(&b), 1);
	assert_int_equal(peer_hello(&second), -EAGAIN);
	b.eng.busy = false;
	(void)bench_poll(&b);
	assert_int_equal(peer_hello(&second), 0);
	assert_int_equal(second.hello.epoch, 2);
	assert_int_equal(s->link_refused, 1);
	stats_unmap(s);
	peer_close(&first);
	peer_close(&second);
	bench_close(&b);
}

static void the_region_stays_until_every_worker_has_let_go(void **state)
{
	const struct eng_sink *sink;
	struct epoll_event ev;
	unsigned maps;
	struct bench b;
	struct peer p;

	(void)state;
	bench_open(&b, SLOT);
	maps = count_maps();
	peer_attach(&b, &p);
	sink = b.eng.sink[0];
	peer_close(&p);
	b.eng.busy = true;
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(bench_poll(&b), 1);
		assert_null(b.eng.sink[0]);
		assert_int_equal(count_maps(), maps + 1);
		assert_int_equal(sink->outcome(sink->arg, &an_outcome), 0); // a worker in its burst
	}
	// A newcomer waits without keeping the manager awake.
	peer_connect(&p, b.path);
	assert_int_equal(epoll_wait(lnk_fd(b.lnk), &ev, 1, 0), 0);
	b.eng.busy = false;
	(void)bench_poll(&b);
	assert_int_equal(peer_hello(&p), 0);
	peer_close(&p);
	(void)bench_poll(&b);
	assert_int_equal(count_maps(), maps);
	bench_close(&b);
}

static void what_the_last_one_still_has_mapped_does_not_touch_the_next(void **state)
{
	struct api_outcome o;
	const struct eng_sink *sink;
	struct peer old, next;
	struct bench b;

	(void)state;
	bench_open(&b, SLOT);
	peer_attach(&b, &old);
	(void)close(old.fd);
	old.fd = -1;
	(void)bench_poll(&b);
	peer_attach(&b, &next);
	memset(old.mem, 0xff, old.hello.link_bytes);
	sink = b.eng.sink[0];
	assert_int_equal(sink->outcome(sink->arg, &an_outcome), 0);
	assert_int_equal(api_ring_take(&next.outcome[0], &o), 0);
	(void)bench_poll(&b);
	assert_true(lnk_is_attached(b.lnk));
	peer_close(&old);
	peer_close(&next);
	bench_close(&b);
}

static struct lnk *another_at(struct bench *b, const char *path, struct err_list *err)
{
	const struct lnk_conf conf = {.path = path,
		.eng = &b->eng,
		.workers = 1,
		.image_max = SLOT,
		.uid = LNK_ID_NONE,
		.gid = LNK_ID_NONE};

	err_init(err);
	return lnk_new(&conf, err);
}

static void a_second_instance_on_the_same_path_is_refused_and_leaves_the_first_alone(void **state)
{
	struct err_list err;
	struct bench b;
	unsigned fds;

	(void)state;
	bench_open(&b, SLOT);
	fds = count_fds();
	assert_null(another_at(&b, b.path, &err));
	assert_int_equal(errno, EADDRINUSE);
	assert_non_null(strstr(err.text[0], "already in use"));
	assert_int_equal(count_fds(), fds);
	newcomer_is_served(&b, 1, 0);
	bench_close(&b);
}

static void a_stale_socket_is_replaced_and_another_file_is_not(void **state)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	char dir[] = "/tmp/lnk-test-XXXXXX";
	struct err_list err;
	struct bench b;
	struct lnk *l;
	struct stat st;
	int fd;

	(void)state;
	bench_open(&b, SLOT);
	assert_non_null(mkdtemp(dir));
	(void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/x", dir);
	fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&sa, sizeof(sa)), 0);
	(void)close(fd);
	l = another_at(&b, sa.sun_path, &err);
	assert_non_null(l);
	lnk_free(l);
	fd = open(sa.sun_path, O_CREAT | O_WRONLY | O_EXCL, 0600);
	assert_true(fd >= 0);
	(void)close(fd);
	assert_null(another_at(&b, sa.sun_path, &err));
	assert_non_null(strstr(err.text[0], "not a socket"));
	assert_int_equal(stat(sa.sun_path, &st), 0);
	assert_int_equal(unlink(sa.sun_path), 0);
	assert_int_equal(rmdir(dir), 0);
	(void)snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/none/x", dir);
	assert_null(another_at(&b, sa.sun_path, &err));
	assert_int_equal(errno, ENOENT);
	bench_close(&b);
}

static void a_user_that_is_not_permitted_is_refused_and_counted(void **state)
{
	const struct api_stats *s;
	struct bench b;
	struct peer p;
	int status, ready[2];
	pid_t pid;
	char c;

	(void)state;
	if (geteuid() != 0) // only root can become another user
		skip();
	bench_open(&b, SLOT);
	assert_int_equal(chmod(b.dir, 0755), 0);
	assert_int_equal(chmod(b.path, 0666), 0); // so that the credentials decide, not the mode
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		if (setuid(65534) != 0)
			_exit(3);
		peer_connect(&p, b.path);
		if (write(ready[1], "", 1) != 1)
			_exit(4);
		(void)fcntl(p.fd, F_SETFL, 0);
		_exit(peer_hello(&p) == -ECONNRESET ? 0 : 1);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	(void)bench_poll(&b);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_false(lnk_is_attached(b.lnk));
	(void)close(ready[0]);
	(void)close(ready[1]);
	peer_attach(&b, &p);
	s = bench_stats(&p);
	assert_int_equal(s->link_refused, 1);
	stats_unmap(s);
	peer_close(&p);
	bench_close(&b);
}

// The life of a control plane in steps; the child kills itself before step `death`.
static void live_until(const char *path, unsigned death)
{
	struct api_command ping = {.kind = API_CMD_PING, .seq = 1};
	struct api_command flows = {.kind = API_CMD_FLOWS, .seq = 2, .flows = {.max = 5000}};
	struct api_command image = {.kind = API_CMD_IMAGE, .seq = 3, .image = {.bytes = 4096}};
	struct api_event e;
	struct peer p;

#define STEP(n)           \
	if (death == (n)) \
	(void)raise(SIGKILL)
	STEP(0);
	peer_connect(&p, path);
	STEP(1);
	(void)fcntl(p.fd, F_SETFL, 0); // wait for what comes
	if (peer_hello(&p) != 0)
		_exit(1);
	STEP(2);
	memset(p.mem + p.hello.slot_off[0], 0x5a, 2048); // half an image
	STEP(3);
	(void)api_ring_put(&p.command, &ping); // no bell
	STEP(4);
	(void)send(p.fd, "", 1, MSG_NOSIGNAL);
	STEP(5);
	(void)api_ring_put(&p.command, &flows);
	(void)api_ring_put(&p.command, &image);
	(void)send(p.fd, "", 1, MSG_NOSIGNAL);
	STEP(6);
	while (api_ring_take(&p.event, &e) != 0) // blocks on the bell, not on the clock
		(void)recv(p.fd, &e, 1, 0);
	STEP(7);
	scribble(&p, p.hello.event_off, false, 0x1234567);
	STEP(8);
	scribble(&p, p.hello.command_off, true, 0x1234567);
	STEP(9);
#undef STEP
	_exit(0);
}

static void killed_at_any_point_100_times_it_leaves_nothing_behind(void **state)
{
	unsigned fds, maps;
	struct bench b;

	(void)state;
	bench_open(&b, SLOT);
	b.eng.rows[0] = 4000;
	fds = count_fds();
	maps = count_maps();
	for (unsigned i = 0; i < KILLS; i++) {
		int status;
		pid_t pid = fork();

		if (pid == 0)
			live_until(b.path, i % 10);
		assert_true(pid > 0);
		while (waitpid(pid, &status, WNOHANG) == 0) {
			const struct eng_sink *sink = b.eng.sink[1];

			(void)bench_poll(&b);
			if (sink != NULL)
				(void)(b.eng.sink[1] == sink &&
					sink->outcome(sink->arg, &an_outcome));
		}
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		for (unsigned turn = 0; turn < 30; turn++)
			(void)bench_poll(&b);
		assert_false(lnk_is_attached(b.lnk));
		assert_int_equal(count_fds(), fds);
		assert_int_equal(count_maps(), maps);
		for (unsigned w = 0; w < DOUBLE_WORKERS; w++)
			assert_null(b.eng.sink[w]);
	}
	bench_close(&b);
}

static unsigned lines_logged;

static void count_line(enum log_level, const char *, void *)
{
	lines_logged++;
}

static void a_crowd_of_refused_peers_is_counted_one_by_one_and_logged_once_a_second(void **state)
{
	const struct api_stats *s;
	struct bench b;
	struct peer p;

	(void)state;
	bench_open(&b, SLOT);
	peer_attach(&b, &p);
	s = bench_stats(&p);
	lines_logged = 0;
	for (unsigned i = 0; i < 500; i++) { // half a second of turns
		struct peer q;

		peer_connect(&q, b.path);
		(void)bench_poll(&b);
		peer_close(&q);
	}
	assert_int_equal(s->link_refused, 500);
	assert_int_equal(lines_logged, 1);
	stats_unmap(s);
	peer_close(&p);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_scribbled_ring_is_refused_counted_and_detached),
		cmocka_unit_test(a_command_no_honest_control_plane_sends_ends_the_attachment),
		cmocka_unit_test(an_image_too_short_to_be_one_is_an_error_and_no_fault),
		cmocka_unit_test(foreign_datagrams_are_refused_and_leave_no_descriptor),
		cmocka_unit_test(more_bells_than_a_turn_reads_do_no_harm),
		cmocka_unit_test(one_that_takes_no_answers_gets_no_work_done),
		cmocka_unit_test(a_second_control_plane_is_refused_while_the_first_lives),
		cmocka_unit_test(the_region_stays_until_every_worker_has_let_go),
		cmocka_unit_test(what_the_last_one_still_has_mapped_does_not_touch_the_next),
		cmocka_unit_test(
			a_second_instance_on_the_same_path_is_refused_and_leaves_the_first_alone),
		cmocka_unit_test(a_stale_socket_is_replaced_and_another_file_is_not),
		cmocka_unit_test(a_user_that_is_not_permitted_is_refused_and_counted),
		cmocka_unit_test(killed_at_any_point_100_times_it_leaves_nothing_behind),
		cmocka_unit_test(
			a_crowd_of_refused_peers_is_counted_one_by_one_and_logged_once_a_second),
	};

	log_sink_set(count_line, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

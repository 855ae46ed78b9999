// SPDX-License-Identifier: BSD-3-Clause
// A faulty wire: stands between two interfaces and carries every frame from one to the other as it
// is, but late, and some of them never, twice, behind later ones or with a wrong octet. Decides
// when a frame leaves; which ones suffer is fault_plan.c's. Reads and writes packet sockets; sleeps
// until a frame comes or is due. The interfaces belong to the caller, who switches their offloads
// off. Thread: one.
#include <errno.h>
#include <getopt.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "fault_plan.h"

enum {
	FRAMES = 32768,    // that may be under way: 80 ms of 1 Gbit/s are 6,700 in one direction
	FRAME_ROOM = 2048, // octets, unless --frame says more
	BATCH = 64,        // frames a system call
	TAG_LEN = 4,
	SLACK_NS = 20000, // what is due this soon leaves with what is due now
	SOCKET_BYTES = 16 << 20,
};

struct frame {
	uint8_t *data;
	uint32_t n;
	unsigned to; // port
};

struct due { // an entry of the heap
	uint64_t at_ns;
	uint64_t number; // keeps the order of frames due at one time
	uint32_t frame;
};

struct counts {
	uint64_t received, sent, data, dropped, held, duplicated, corrupted;
	uint64_t no_room, cut_short, send_failed, unread;
};

struct direction { // 0: from the first interface to the second
	struct fault_plan plan;
	uint64_t delay_ns, hold_ns;
	struct counts counts;
};

struct wire {
	int fd[2];
	struct direction dir[2];
	uint32_t room;
	struct frame frames[FRAMES];
	uint32_t spare[FRAMES], spares;
	struct due heap[FRAMES];
	uint32_t heap_n;
	uint64_t numbers;
	uint64_t timer_ns; // what the timer is set to, 0: nothing
	int timer;
	uint32_t out[2][BATCH], out_n[2]; // frames about to leave by each port
};

static struct wire W;

static void fail(const char *what)
{
	fprintf(stderr, "netfault: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

// --- frames under way: a binary heap, the earliest on top ----------------------------------------

static bool earlier(const struct due *a, const struct due *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->number < b->number;
}

static void heap_put(struct due d)
{
	uint32_t i = W.heap_n++;

	for (; i && earlier(&d, &W.heap[(i - 1) / 2]); i = (i - 1) / 2)
		W.heap[i] = W.heap[(i - 1) / 2];
	W.heap[i] = d;
}

static uint32_t heap_take(void)
{
	uint32_t frame = W.heap[0].frame, i = 0;
	struct due last = W.heap[--W.heap_n];

	for (uint32_t c; (c = 2 * i + 1) < W.heap_n; i = c) {
		if (c + 1 < W.heap_n && earlier(&W.heap[c + 1], &W.heap[c]))
			c++;
		if (!earlier(&W.heap[c], &last))
			break;
		W.heap[i] = W.heap[c];
	}
	W.heap[i] = last;
	return frame;
}

static bool frame_new(uint32_t *f)
{
	if (!W.spares)
		return false;
	*f = W.spare[--W.spares];
	if (!W.frames[*f].data && !(W.frames[*f].data = malloc(W.room)))
		fail("memory");
	return true;
}

// --- ports ---------------------------------------------------------------------------------------

static int port_open(const char *name)
{
	int on = 1, bytes = SOCKET_BYTES, fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET, .sll_protocol = __builtin_bswap16(ETH_P_ALL)};
	struct packet_mreq all = {.mr_type = PACKET_MR_PROMISC};

	at.sll_ifindex = all.mr_ifindex = (int)if_nametoindex(name);
	if (fd < 0 || !at.sll_ifindex)
		fail(name);
	// Best effort: an older kernel lacks some of these and is only slower.
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes));
	(void)setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on));
	if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) ||
		setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)) ||
		setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)) ||
		bind(fd, (struct sockaddr *)&at, sizeof(at)))
		fail(name);
	return fd;
}

static void port_flush(unsigned to)
{
	struct mmsghdr m[BATCH];
	struct iovec v[BATCH];
	uint32_t n = W.out_n[to], done = 0;

	for (uint32_t i = 0; i < n; i++) {
		const struct frame *f = &W.frames[W.out[to][i]];

		v[i] = (struct iovec){f->data, f->n};
		m[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &v[i], .msg_iovlen = 1}};
	}
	while (done < n) {
		int sent = sendmmsg(W.fd[to], m + done, n - done, 0);

		if (sent > 0) {
			W.dir[!to].counts.sent += (unsigned)sent;
			done += (unsigned)sent;
		} else if (errno == EAGAIN || errno == ENOBUFS) {
			(void)poll(&(struct pollfd){.fd = W.fd[to], .events = POLLOUT}, 1, 1);
		} else if (errno != EINTR) {
			W.dir[!to]
				.counts
				.send_failed++; // too large for that interface, or it is down
			done++;
		}
	}
	for (uint32_t i = 0; i < n; i++)
		W.spare[W.spares++] = W.out[to][i];
	W.out_n[to] = 0;
}

static void port_send(uint32_t f)
{
	unsigned to = W.frames[f].to;

	W.out[to][W.out_n[to]++] = f;
	if (W.out_n[to] == BATCH)
		port_flush(to);
}

// --- the wire ------------------------------------------------------------------------------------

static void frame_later(uint32_t f, uint64_t at_ns)
{
	heap_put((struct due){at_ns, W.numbers++, f});
}

static void frame_leave(uint32_t f, uint64_t at_ns, uint64_t now)
{
	if (at_ns <= now)
		port_send(f);
	else
		frame_later(f, at_ns);
}

static void frame_took(struct direction *d, uint32_t f, uint64_t now)
{
	struct frame *frame = &W.frames[f];
	struct fault_fate fate = fault_next(&d->plan, frame->data, frame->n);
	uint64_t at_ns = now + d->delay_ns;
	uint32_t twin;

	d->counts.received++;
	d->counts.data += fate.kind == FAULT_DATA;
	if (fate.drop) {
		d->counts.dropped++;
		W.spare[W.spares++] = f;
		return;
	}
	if (fate.corrupt && frame->n > ETH_HLEN) {
		d->counts.corrupted++;
		frame->data[ETH_HLEN + fate.dice % (frame->n - ETH_HLEN)] ^=
			(uint8_t)(1 << (fate.dice >> 61));
	}
	if (fate.duplicate && frame_new(&twin)) {
		d->counts.duplicated++;
		memcpy(W.frames[twin].data, frame->data, frame->n);
		W.frames[twin].n = frame->n;
		W.frames[twin].to = frame->to;
		frame_leave(twin, at_ns, now);
	}
	if (fate.hold) {
		d->counts.held++;
		at_ns += d->hold_ns;
	}
	frame_leave(f, at_ns, now);
}

// The kernel takes the outer tag off a frame and tells it beside: it is put back.
static void tag_put_back(struct msghdr *h, struct frame *f)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		struct tpacket_auxdata aux;
		uint16_t tag[2];

		if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
			continue;
		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
		if (!(aux.tp_status & TP_STATUS_VLAN_VALID) || f->n < 2 * ETH_ALEN)
			continue;
		tag[0] = __builtin_bswap16(
			aux.tp_status & TP_STATUS_VLAN_TPID_VALID ? aux.tp_vlan_tpid : ETH_P_8021Q);
		tag[1] = __builtin_bswap16(aux.tp_vlan_tci);
		memmove(f->data + 2 * ETH_ALEN + TAG_LEN, f->data + 2 * ETH_ALEN,
			f->n - 2 * ETH_ALEN);
		memcpy(f->data + 2 * ETH_ALEN, tag, TAG_LEN);
		f->n += TAG_LEN;
	}
}

static bool port_read(unsigned from)
{
	struct direction *d = &W.dir[from];
	struct mmsghdr m[BATCH];
	struct iovec v[BATCH];
	uint32_t f[BATCH], n = 0;
	_Alignas(struct cmsghdr) uint8_t aux[BATCH][CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	uint64_t now;
	int got;

	for (; n < BATCH && frame_new(&f[n]); n++) {
		v[n] = (struct iovec){W.frames[f[n]].data, W.room - TAG_LEN};
		m[n] = (struct mmsghdr){.msg_hdr = {.msg_iov = &v[n],
						.msg_iovlen = 1,
						.msg_control = aux[n],
						.msg_controllen = sizeof(aux[n])}};
	}
	if (!n) { // the queue is full: what comes is lost, as on a real link
		uint8_t octet;

		d->counts.no_room += recv(W.fd[from], &octet, 1, MSG_TRUNC) > 0;
		return false;
	}
	got = recvmmsg(W.fd[from], m, n, MSG_TRUNC, NULL);
	now = now_ns();
	for (int i = (int)n - 1; i >= (got > 0 ? got : 0); i--)
		W.spare[W.spares++] = f[i];
	for (int i = 0; i < got; i++) {
		struct frame *frame = &W.frames[f[i]];

		frame->n = m[i].msg_len;
		frame->to = !from;
		if (m[i].msg_len > W.room - TAG_LEN) {
			d->counts.cut_short++;
			W.spare[W.spares++] = f[i];
			continue;
		}
		tag_put_back(&m[i].msg_hdr, frame);
		frame_took(d, f[i], now);
	}
	return got == (int)n;
}

static void send_due(void)
{
	uint64_t now = now_ns();

	while (W.heap_n && W.heap[0].at_ns <= now + SLACK_NS)
		port_send(heap_take());
	port_flush(0);
	port_flush(1);
	if (W.heap_n && W.heap[0].at_ns != W.timer_ns) {
		struct itimerspec at = {.it_value = {(time_t)(W.heap[0].at_ns / 1000000000),
						(long)(W.heap[0].at_ns % 1000000000)}};

		W.timer_ns = W.heap[0].at_ns;
		if (timerfd_settime(W.timer, TFD_TIMER_ABSTIME, &at, NULL))
			fail("timer");
	}
}

static void print_counts(void)
{
	const char *name[2] = {"forth", "back"};

	for (unsigned i = 0; i < 2; i++) {
		struct counts *c = &W.dir[i].counts;
		struct tpacket_stats kernel = {0};
		socklen_t size = sizeof(kernel);

		(void)getsockopt(W.fd[i], SOL_PACKET, PACKET_STATISTICS, &kernel, &size);
		c->unread += kernel.tp_drops; // since the last look
		printf("%s\"%s\":{\"received\":%lu,\"sent\":%lu,\"data\":%lu,\"dropped\":%lu,\"held\":%lu,"
		       "\"duplicated\":%lu,\"corrupted\":%lu,\"no_room\":%lu,\"cut_short\":%lu,"
		       "\"send_failed\":%lu,\"unread\":%lu}",
			i ? "," : "{", name[i], c->received, c->sent, c->data, c->dropped, c->held,
			c->duplicated, c->corrupted, c->no_room, c->cut_short, c->send_failed,
			c->unread);
	}
	printf(",\"under_way\":%u}\n", W.heap_n);
	fflush(stdout);
}

// SIGUSR1 asks for the counts, any other signal for the end.
static bool goes_on(int signals)
{
	struct signalfd_siginfo got;

	if (read(signals, &got, sizeof(got)) != sizeof(got) || got.ssi_signo != SIGUSR1)
		return false;
	print_counts();
	return true;
}

static void run(int signals)
{
	int fds[4] = {W.fd[0], W.fd[1], W.timer, signals};
	int ep = epoll_create1(EPOLL_CLOEXEC);

	for (unsigned i = 0; i < 4; i++) {
		struct epoll_event e = {.events = EPOLLIN, .data.u32 = i};

		if (epoll_ctl(ep, EPOLL_CTL_ADD, fds[i], &e))
			fail("epoll");
	}
	for (;;) {
		struct epoll_event e[4];
		int n = epoll_wait(ep, e, 4, -1);

		if (n < 0 && errno != EINTR)
			fail("epoll");
		for (int i = 0; i < n; i++) {
			uint64_t expired;

			if (e[i].data.u32 == 3) {
				if (!goes_on(signals))
					return;
			} else if (e[i].data.u32 == 2) {
				W.timer_ns = 0;
				(void)read(W.timer, &expired, sizeof(expired)); // only to clear it
			} else {
				(void)port_read(
					e[i].data.u32); // what is left is there at the next turn
			}
		}
		send_due();
	}
}

// --- command line --------------------------------------------------------------------------------

static const char *const USAGE =
	"usage: netfault [OPTIONS] INTERFACE INTERFACE\n"
	"Carries every frame between the two interfaces, both ways, and does harm to some.\n"
	"A value is for both ways, or two with a comma: from the first interface, back to it.\n"
	"  --seed N           of the pattern (default 1); the same seed harms the same frames\n"
	"  --delay TIME       every frame's time on the way: 20ms, 200us (default 0)\n"
	"  --loss PERCENT     frames that never arrive\n"
	"  --reorder PERCENT  frames that are held while later ones pass\n"
	"  --hold TIME        how long (default 5ms)\n"
	"  --duplicate PERCENT, --corrupt PERCENT\n"
	"  --on all|tcp|data  which frames suffer: any (default), TCP, TCP with payload;\n"
	"                     each kind is counted, and thrown the dice for, by itself\n"
	"  --port N           only TCP from or to this port suffers\n"
	"  --frame OCTETS     the longest frame, tags included (default 2044)\n"
	"Says `netfault: up` when it carries. SIGTERM ends it; it prints its counts as JSON.\n";

static void refuse(const char *option, const char *value)
{
	fprintf(stderr, "netfault: --%s: %s is no value for it\n%s", option, value, USAGE);
	exit(2);
}

// One value or two with a comma, each a number with a unit of `units`, in `out`.
static void values(const char *option, const char *text, const char *const *units,
	const double *factors, double out[2])
{
	const char *p = text;

	for (int i = 0; i < 2; i++) {
		char *end;
		double number = strtod(p, &end);
		size_t length = strcspn(end, ","), u = 0;

		while (units[u] &&
			(strlen(units[u]) != length || strncmp(units[u], end, length) != 0))
			u++;
		if (end == p || number < 0 || !units[u])
			refuse(option, text);
		out[i] = number * factors[u];
		if (!end[length]) {
			if (i == 0)
				out[1] = out[0];
			return;
		}
		p = end + length + 1;
	}
	refuse(option, text);
}

static void percents(const char *option, const char *text, uint32_t *first, uint32_t *second)
{
	double v[2];

	values(option, text, (const char *const[]){"", "%", NULL}, (const double[]){1, 1}, v);
	if (v[0] > 100 || v[1] > 100)
		refuse(option, text);
	*first = (uint32_t)(v[0] * 10000 + 0.5);
	*second = (uint32_t)(v[1] * 10000 + 0.5);
}

static void times(const char *option, const char *text, uint64_t *first, uint64_t *second)
{
	double v[2];

	values(option, text, (const char *const[]){"us", "ms", "s", NULL},
		(const double[]){1e3, 1e6, 1e9}, v);
	*first = (uint64_t)v[0];
	*second = (uint64_t)v[1];
}

static uint64_t number(const char *option, const char *text, uint64_t most)
{
	char *end;
	uint64_t v = strtoull(text, &end, 10);

	if (end == text || *end || v > most)
		refuse(option, text);
	return v;
}

static enum fault_on on_what(const char *text)
{
	static const char *const NAMES[] = {
		[FAULT_ON_ALL] = "all", [FAULT_ON_TCP] = "tcp", [FAULT_ON_DATA] = "data"};

	for (unsigned i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
		if (strcmp(text, NAMES[i]) == 0)
			return (enum fault_on)i;
	refuse("on", text);
	return FAULT_ON_ALL;
}

static void option_set(int option, const char *name, const char *text)
{
	struct direction *a = &W.dir[0], *b = &W.dir[1];
	struct fault_rates *x = &a->plan.rates, *y = &b->plan.rates;

	switch (option) {
	case 's':
		a->plan.seed = b->plan.seed = number(name, text, UINT64_MAX);
		break;
	case 'd':
		times(name, text, &a->delay_ns, &b->delay_ns);
		break;
	case 'h':
		times(name, text, &a->hold_ns, &b->hold_ns);
		break;
	case 'l':
		percents(name, text, &x->drop, &y->drop);
		break;
	case 'r':
		percents(name, text, &x->hold, &y->hold);
		break;
	case 'u':
		percents(name, text, &x->duplicate, &y->duplicate);
		break;
	case 'c':
		percents(name, text, &x->corrupt, &y->corrupt);
		break;
	case 'o':
		a->plan.on = b->plan.on = on_what(text);
		break;
	case 'p':
		a->plan.port = b->plan.port = (uint16_t)number(name, text, UINT16_MAX);
		break;
	case 'f':
		W.room = (uint32_t)number(name, text, 65536) + TAG_LEN;
		break;
	default:
		break;
	}
}

static void options(int argc, char **argv)
{
	static const struct option OPTIONS[] = {{"seed", 1, NULL, 's'}, {"delay", 1, NULL, 'd'},
		{"hold", 1, NULL, 'h'}, {"loss", 1, NULL, 'l'}, {"reorder", 1, NULL, 'r'},
		{"duplicate", 1, NULL, 'u'}, {"corrupt", 1, NULL, 'c'}, {"on", 1, NULL, 'o'},
		{"port", 1, NULL, 'p'}, {"frame", 1, NULL, 'f'}, {"help", 0, NULL, '?'}, {0}};
	int c, index = 0;

	for (unsigned i = 0; i < 2; i++) {
		W.dir[i].plan.seed = 1;
		W.dir[i].plan.direction = i;
		W.dir[i].hold_ns = 5000000;
	}
	W.room = FRAME_ROOM;
	while ((c = getopt_long(argc, argv, "", OPTIONS, &index)) >= 0) {
		if (c == '?') {
			bool asked = strcmp(argv[optind - 1], "--help") == 0;

			fputs(USAGE, asked ? stdout : stderr);
			exit(asked ? 0 : 2);
		}
		option_set(c, OPTIONS[index].name, optarg);
	}
	if (argc - optind != 2) {
		fputs(USAGE, stderr);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	sigset_t stop;
	int signals;

	options(argc, argv);
	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	sigaddset(&stop, SIGUSR1);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	signals = signalfd(-1, &stop, SFD_CLOEXEC);
	W.timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (signals < 0 || W.timer < 0)
		fail("signals and timer");
	for (uint32_t i = 0; i < FRAMES; i++)
		W.spare[W.spares++] = FRAMES - 1 - i;
	W.fd[0] = port_open(argv[optind]);
	W.fd[1] = port_open(argv[optind + 1]);
	fprintf(stderr, "netfault: up\n");
	run(signals);
	print_counts();
	return 0;
}

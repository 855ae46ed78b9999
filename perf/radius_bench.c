// SPDX-License-Identifier: BSD-3-Clause
// Accounting-Requests over loopback: the server in a process of its own, a load process that keeps a window of
// records under way and counts answers. One JSON object a phase on stdout; times of the server's threads are
// the kernel's (schedstat), so neither the generator nor the idle part of a CPU counts.
// usage: radius_bench RECORDS SUBSCRIBERS WINDOW ROW [STORE | server PORT PID]; ROW: records in a row by one port;
// with `server` the load alone, to another server that listens there and has one thread
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>

#include "rad_server.h"

enum {
	SOCKETS = 64, // each with its ids
	BURST = 32,
	PACKET = 256,
	FRAMED_IP = 8,
	CALLING = 31,
	AGAIN_US = 500000,    // a record that was not answered
	LIMIT_US = 120000000, // a phase takes at most
};

static const char secret[] = "a shared secret of a NAS";

static uint64_t now_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts); // there is such a clock
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

__attribute__((noreturn)) static void die(const char *what)
{
	perror(what);
	exit(1);
}

// ---- the server

static struct rad_server *server;

static void change_none(void *arg, const struct rad_key *key, struct rad_bound now)
{
	(void)arg;
	(void)key;
	(void)now;
}

static void nas_restore(void *arg, const struct sto_nas *row)
{
	(void)arg;
	(void)rad_server_restore_nas(server, row); // there is room
}

static void binding_restore(void *arg, const struct sto_binding *row)
{
	(void)arg;
	(void)rad_server_restore(server, row); // likewise
}

// Threads begin in this order: this one, the store's, the server's.
__attribute__((noreturn)) static void serve(
	uint16_t port, uint32_t subscribers, const char *store, int ready)
{
	struct rad_server_conf conf = {.nlisten = 1,
		.port = {port},
		.bindings = subscribers + subscribers / 4 + 1000,
		.endpoints = subscribers + subscribers / 4 + 1000,
		.idle_s = 86400,
		.changed = change_none};
	struct rad_client c = {.name = "nas",
		.form = {.id = {0, CALLING, RAD_KIND_TEXT},
			.address = {{0, FRAMED_IP, RAD_KIND_ADDR_V4}}},
		.secret = {.n = sizeof(secret) - 1},
		.validate = true,
		.event_time = true,
		.respond = true};
	const uint64_t began_us = now_us();
	struct err_list err;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); // not to stay behind
	err_init(&err);
	memcpy(c.secret.octets, secret, c.secret.n);
	(void)addr_parse("127.0.0.1", &conf.listen[0]);
	(void)prefix_parse("127.0.0.0/8", &c.prefix);
	if (store != NULL && (conf.store = sto_open(&(struct sto_conf){.file = store})) == NULL)
		die("store");
	server = rad_server_new(&conf, &err);
	if (server == NULL || rad_server_clients(server, &c, 1) != 0) {
		err_print(&err, stderr);
		exit(1);
	}
	if (store != NULL) {
		sto_load(conf.store,
			&(struct sto_restore){.nas = nas_restore, .binding = binding_restore});
		if (sto_start(conf.store) != 0)
			die("store");
	}
	const uint64_t took_us = now_us() - began_us;
	if (rad_server_start(server) != 0 ||
		write(ready, &took_us, sizeof(took_us)) != sizeof(took_us))
		die("server");
	for (;;)
		(void)pause();
}

// CPU time of the process's threads but its first, in microseconds, the last one's apart.
static void cpu_read(pid_t pid, uint64_t *last_us, uint64_t *others_us)
{
	uint64_t us[8] = {0};
	unsigned n = 0;

	for (pid_t tid = pid; tid < pid + 32 && n < 8; tid++) {
		unsigned long long ns;
		char name[64];

		(void)snprintf(name, sizeof(name), "/proc/%d/task/%d/schedstat", pid, tid);
		FILE *f = fopen(name, "re");
		if (f == NULL)
			continue;
		if (fscanf(f, "%llu", &ns) == 1)
			us[n++] = ns / 1000;
		(void)fclose(f);
	}
	*last_us = n > 0 ? us[n - 1] : 0;
	*others_us = 0;
	for (unsigned i = 1; i + 1 < n; i++)
		*others_us += us[i];
}

// ---- records

static EVP_MD *md5;
static EVP_MD_CTX *sum;

static uint8_t *attr(uint8_t *p, uint8_t type, const void *value, size_t n)
{
	p[0] = type;
	p[1] = (uint8_t)(2 + n);
	memcpy(p + 2, value, n);
	return p + 2 + n;
}

static uint8_t *number(uint8_t *p, uint8_t type, uint32_t v)
{
	v = htonl(v);
	return attr(p, type, &v, 4);
}

static uint8_t *text(uint8_t *p, uint8_t type, const char *s)
{
	return attr(p, type, s, strlen(s));
}

// As a gateway of a carrier says it: 17 attributes.
static size_t record_make(
	uint8_t *b, uint8_t id, uint32_t status, uint32_t subscriber, uint32_t session)
{
	static const uint8_t gpp[] = {0, 0, 0x28, 0xaf, 1, 17, '2', '6', '2', '0', '1', '0', '0',
		'0', '0', '0', '0', '0', '0', '0', '1'};
	const uint8_t auth[16] = {0};
	char session_id[32], msisdn[32];
	uint8_t *p = b + 20;

	(void)snprintf(session_id, sizeof(session_id), "%08x%08x", subscriber, session);
	(void)snprintf(msisdn, sizeof(msisdn), "49171%08u", subscriber);
	p = number(p, RAD_ACCT_STATUS_TYPE, status);
	p = text(p, 1, "user@internet.example");
	p = number(p, 4, 0xc0000201);
	p = text(p, 32, "ggsn1");
	p = number(p, 5, subscriber);
	p = number(p, 61, 18);
	p = number(p, 6, 2);
	p = number(p, 7, 7);
	p = number(p, FRAMED_IP, 0x0a000000 + subscriber);
	p = text(p, 30, "internet.example");
	p = text(p, CALLING, msisdn);
	p = text(p, RAD_ACCT_SESSION_ID, session_id);
	p = number(p, 45, 1);
	p = number(p, 42, 1234567);
	p = number(p, 43, 7654321);
	p = number(p, 55, (uint32_t)time(NULL));
	p = attr(p, RAD_VENDOR_SPECIFIC, gpp, sizeof(gpp));
	const size_t n = (size_t)(p - b);
	b[0] = RAD_ACCOUNTING_REQUEST;
	b[1] = id;
	b[2] = (uint8_t)(n >> 8);
	b[3] = (uint8_t)n;
	memcpy(b + 4, auth, 16);
	(void)EVP_DigestInit_ex2(sum, md5, NULL);
	(void)EVP_DigestUpdate(sum, b, n);
	(void)EVP_DigestUpdate(sum, secret, sizeof(secret) - 1);
	(void)EVP_DigestFinal_ex(sum, b + 4, NULL);
	return n;
}

// ---- the load

enum phase { FILL, CHURN, INTERIM, PHASES };

static const char *const phase_names[] = {"start", "stop_start", "interim"};

struct slot { // a record under way
	uint64_t since_us;
	uint32_t n; // octets; 0 = none
	uint8_t b[PACKET];
};

struct line { // a socket
	int fd;
	unsigned under_way;
	struct slot slot[256];
	uint8_t next; // id
};

static struct line line[SOCKETS];
static uint32_t *order;   // subscribers in no order
static uint32_t *session; // of each, counts its Starts and Stops
static uint32_t subscribers, window, row;
static uint32_t latency[1 << 16]; // by 16 us
static uint64_t sent, answered, again, sum_us;

static size_t next_make(enum phase phase, uint8_t *b, uint8_t id)
{
	const uint32_t who = order[sent % subscribers];

	switch (phase) {
	case FILL:
		return record_make(b, id, RAD_START, who, session[who]);
	case CHURN: // the address goes to a new session each second time
		session[who]++;
		return record_make(
			b, id, session[who] % 2 == 1 ? RAD_STOP : RAD_START, who, session[who] / 2);
	default:
		return record_make(b, id, RAD_INTERIM, who, session[who] / 2);
	}
}

static void line_fill(struct line *l, enum phase phase, uint64_t records)
{
	struct mmsghdr out[BURST];
	struct iovec iov[BURST];
	const uint64_t now = now_us();
	unsigned n = 0;

	while (n < row && l->under_way < window / SOCKETS && sent < records) {
		struct slot *s = &l->slot[l->next];

		if (s->n > 0)
			break; // it waits for its answer
		s->n = (uint32_t)next_make(phase, s->b, l->next++);
		s->since_us = now;
		iov[n] = (struct iovec){s->b, s->n};
		out[n].msg_hdr = (struct msghdr){.msg_iov = &iov[n], .msg_iovlen = 1};
		n++;
		l->under_way++;
		sent++;
	}
	for (unsigned k = 0; k < n;) {
		const int done = sendmmsg(l->fd, out + k, n - k, 0);

		if (done <= 0)
			die("send");
		k += (unsigned)done;
	}
}

static void answer_take(struct line *l, const uint8_t *b, ssize_t n, uint64_t now)
{
	struct slot *s = &l->slot[b[1]];

	if (n < 20 || b[0] != RAD_ACCOUNTING_RESPONSE || s->n == 0)
		return; // the second answer to a repeated one
	const uint64_t us = now - s->since_us, at = us / 16;
	latency[at < (1 << 16) - 1 ? at : (1 << 16) - 1]++;
	sum_us += us;
	s->n = 0;
	l->under_way--;
	answered++;
}

static unsigned line_drain(struct line *l)
{
	static uint8_t b[BURST][64];
	struct mmsghdr in[BURST];
	struct iovec iov[BURST];

	for (unsigned i = 0; i < BURST; i++) {
		iov[i] = (struct iovec){b[i], sizeof(b[i])};
		in[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
	}
	const int n = recvmmsg(l->fd, in, BURST, MSG_DONTWAIT, NULL);
	const uint64_t now = now_us();
	for (int i = 0; i < n; i++)
		answer_take(l, b[i], in[i].msg_len, now);
	return n > 0 ? (unsigned)n : 0;
}

static void line_repeat(struct line *l)
{
	const uint64_t now = now_us();

	for (unsigned i = 0; i < 256; i++) {
		struct slot *s = &l->slot[i];

		if (s->n == 0 || now - s->since_us < AGAIN_US)
			continue;
		again++;
		s->since_us = now;
		if (send(l->fd, s->b, s->n, 0) < 0)
			die("send");
	}
}

static uint32_t percentile_us(double p)
{
	uint64_t seen = 0;

	for (uint32_t i = 0; i < 1 << 16; i++) {
		seen += latency[i];
		if ((double)seen >= p * (double)answered)
			return 16 * (i + 1);
	}
	return 0;
}

static void phase_run(enum phase phase, uint64_t records, pid_t pid, bool stored)
{
	uint64_t cpu[2], cpu_now[2], repeat_us;
	struct pollfd p[SOCKETS];

	memset(latency, 0, sizeof(latency));
	sent = answered = again = sum_us = 0;
	for (unsigned i = 0; i < SOCKETS; i++)
		p[i] = (struct pollfd){.fd = line[i].fd, .events = POLLIN};
	cpu_read(pid, &cpu[0], &cpu[1]);
	const uint64_t began = repeat_us = now_us();
	while (answered < records && now_us() - began < LIMIT_US) {
		unsigned got = 0;

		for (unsigned i = 0; i < SOCKETS; i++) {
			got += line_drain(&line[i]);
			line_fill(&line[i], phase, records);
		}
		if (now_us() - repeat_us > AGAIN_US) {
			repeat_us = now_us();
			for (unsigned i = 0; i < SOCKETS; i++)
				line_repeat(&line[i]);
		}
		if (got == 0)
			(void)poll(p, SOCKETS, 1); // interrupted: looked at again
	}
	const double us = (double)(now_us() - began);
	cpu_read(pid, &cpu_now[0], &cpu_now[1]);
	const double busy = (double)(cpu_now[0] - cpu[0]), store = (double)(cpu_now[1] - cpu[1]);
	(void)printf(
		"{\"phase\": \"%s\", \"stored\": %s, \"row\": %u, \"records\": %llu, \"repeated\": %llu, "
		"\"per_second\": %.0f, \"server_ns\": %.0f, \"per_server_second\": %.0f, "
		"\"store_ns\": %.0f, \"mean_us\": %.0f, \"p50_us\": %u, \"p99_us\": %u}\n",
		phase_names[phase], stored ? "true" : "false", row, (unsigned long long)answered,
		(unsigned long long)again, (double)answered / us * 1e6,
		busy * 1000 / (double)answered, (double)answered / busy * 1e6,
		store * 1000 / (double)answered, (double)sum_us / (double)answered,
		percentile_us(0.5), percentile_us(0.99));
	(void)fflush(stdout); // the pipe's reader is a script
}

static void lines_open(uint16_t port)
{
	const struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr = {htonl(INADDR_LOOPBACK)}};

	for (unsigned i = 0; i < SOCKETS; i++) {
		line[i] = (struct line){.fd = socket(AF_INET, SOCK_DGRAM, 0)};
		if (line[i].fd < 0 ||
			connect(line[i].fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
			die("socket");
	}
}

static uint16_t port_free(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	const int s = socket(AF_INET, SOCK_DGRAM, 0);
	socklen_t n = sizeof(a);

	if (s < 0 || bind(s, (struct sockaddr *)&a, n) < 0 ||
		getsockname(s, (struct sockaddr *)&a, &n) < 0 || close(s) < 0)
		die("port");
	return ntohs(a.sin_port);
}

static pid_t server_begin(uint16_t port, const char *store, uint64_t *took_us)
{
	int ready[2];

	if (pipe2(ready, O_CLOEXEC) < 0)
		die("pipe");
	const pid_t pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0)
		serve(port, subscribers, store, ready[1]);
	(void)close(ready[1]); // read alone
	if (read(ready[0], took_us, sizeof(*took_us)) != sizeof(*took_us))
		die("server");
	(void)close(ready[0]); // as above
	return pid;
}

static void server_end(pid_t pid)
{
	(void)kill(pid, SIGKILL); // ours, and not waited for yet
	(void)waitpid(pid, NULL, 0);
}

static void order_make(void)
{
	order = calloc(subscribers, sizeof(order[0]));
	session = calloc(subscribers, sizeof(session[0]));
	if (order == NULL || session == NULL)
		die("memory");
	srandom(1);
	for (uint32_t i = 0; i < subscribers; i++) {
		const uint32_t k = (uint32_t)random() % (i + 1);

		order[i] = order[k];
		order[k] = i;
	}
}

static void phases_run(uint64_t records, uint16_t port, pid_t pid, bool stored)
{
	lines_open(port);
	phase_run(FILL, subscribers, pid, stored);
	for (enum phase phase = CHURN; phase < PHASES; phase++)
		phase_run(phase, records, pid, stored);
}

static void ours_run(uint64_t records, const char *store)
{
	const uint16_t port = port_free();
	uint64_t took_us;
	pid_t pid = server_begin(port, store, &took_us);

	phases_run(records, port, pid, store != NULL);
	server_end(pid);
	if (store == NULL)
		return;
	pid = server_begin(port, store, &took_us);
	(void)printf("{\"phase\": \"restart\", \"stored\": true, \"bindings\": %u, \"ms\": %.0f}\n",
		subscribers, (double)took_us / 1000);
	server_end(pid);
}

int main(int argc, char **argv)
{
	const bool theirs = argc == 8 && strcmp(argv[5], "server") == 0;

	if (argc < 5 || (argc > 6 && !theirs)) {
		(void)fprintf(stderr,
			"usage: radius_bench RECORDS SUBSCRIBERS WINDOW ROW [STORE | server PORT PID]\n");
		return 2;
	}
	const uint64_t records = strtoull(argv[1], NULL, 10);
	subscribers = (uint32_t)strtoul(argv[2], NULL, 10);
	window = (uint32_t)strtoul(argv[3], NULL, 10);
	row = (uint32_t)strtoul(argv[4], NULL, 10);
	const unsigned long port = theirs ? strtoul(argv[6], NULL, 10) : 1;
	const long pid = theirs ? strtol(argv[7], NULL, 10) : 1;
	if (records == 0 || subscribers == 0 || subscribers > 1 << 24 || row == 0 || row > BURST ||
		window < SOCKETS || window > 250 * SOCKETS || port == 0 || port > UINT16_MAX ||
		pid <= 0) {
		(void)fprintf(stderr, "radius_bench: a number is out of range\n");
		return 2;
	}
	md5 = EVP_MD_fetch(NULL, "MD5", "fips=no");
	sum = EVP_MD_CTX_new();
	order_make();
	if (theirs)
		phases_run(records, (uint16_t)port, (pid_t)pid, false);
	else
		ours_run(records, argc > 5 ? argv[5] : NULL);
	return 0;
}

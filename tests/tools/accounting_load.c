// SPDX-License-Identifier: BSD-3-Clause
// Offers Accounting-Requests to 127.0.0.1 at a rate: of each address a Start and a Stop in turn, each session
// another subscriber. It remembers in a file what it has sent of each address and what was acknowledged, so that
// what is bound can be held against it; what was not acknowledged is repeated, after half a second and by the
// next run. It ends when nobody hears any more, or when its time is up and all is acknowledged.
// It leaves it to others to judge. Thread: one.
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>

enum {
	SOCKETS = 32,    // each with 256 ids under way
	SUBSCRIBERS = 4, // of an address, one behind the other
	AGAIN_US = 500000,
	QUIET_MS = 100,       // behind the last answer of a server that is gone
	ENDING_US = 10000000, // what is under way when the time is up may take
	HEAD = 20,
	PACKET = 256,
	ACCOUNTING_REQUEST = 4,
	ACCOUNTING_RESPONSE = 5,
	START = 1,
	STOP = 2,
};

struct place {          // an address
	uint32_t sent;  // its last record, by number; odd: a Start, even: a Stop
	uint32_t known; // the last one acknowledged
	bool under_way;
};

struct slot { // a record under way
	uint64_t since_us;
	uint32_t place, n; // octets; 0 = none
	uint8_t b[PACKET];
};

struct line { // a socket
	int fd;
	uint8_t next; // id
	struct slot slot[256];
};

static struct line line[SOCKETS];
static struct place *place;
static uint32_t places,
	left_over; // places whose last record an earlier run did not see acknowledged
static uint32_t next_place, next_line;
static const char *secret;
static bool gone;
static uint64_t offered, acknowledged, repeated, stale;
static EVP_MD_CTX *sum;

static uint64_t now_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts); // there is such a clock
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

__attribute__((noreturn)) static void die(const char *what)
{
	(void)fprintf(stderr, "accounting_load: %s: %s\n", what, strerror(errno));
	exit(1);
}

// ---- the file: a line a place, its last record sent and its last record acknowledged

static void state_read(const char *file)
{
	FILE *f = fopen(file, "re");
	uint32_t i, sent, known;

	if (f == NULL && errno == ENOENT)
		return;
	if (f == NULL)
		die(file);
	while (fscanf(f, "%u %u %u", &i, &sent, &known) == 3) {
		if (i >= places || known > sent || sent > known + 1) {
			errno = EINVAL;
			die(file);
		}
		place[i] = (struct place){.sent = sent, .known = known};
		left_over += sent != known;
	}
	(void)fclose(f); // read alone
}

static void state_write(const char *file)
{
	FILE *f = fopen(file, "we");

	if (f == NULL)
		die(file);
	for (uint32_t i = 0; i < places; i++)
		(void)fprintf(f, "%u %u %u\n", i, place[i].sent, place[i].known); // fclose tells
	if (fclose(f) != 0)
		die(file);
}

// ---- records

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
	return attr(p, type, &v, sizeof(v));
}

// MD5 of a packet under `authenticator` and the secret (RFC 2866 3).
static void digest(const uint8_t *b, size_t n, const uint8_t authenticator[16], uint8_t out[16])
{
	if (EVP_DigestInit_ex(sum, EVP_md5(), NULL) != 1 || EVP_DigestUpdate(sum, b, 4) != 1 ||
		EVP_DigestUpdate(sum, authenticator, 16) != 1 ||
		EVP_DigestUpdate(sum, b + HEAD, n - HEAD) != 1 ||
		EVP_DigestUpdate(sum, secret, strlen(secret)) != 1 ||
		EVP_DigestFinal_ex(sum, out, NULL) != 1) {
		errno = ENOTSUP;
		die("MD5");
	}
}

// The last record of place `i`. Address 10.0.0.0 + i, subscriber "I-K", K by its session.
static void record_make(struct slot *s, uint8_t id, uint32_t i)
{
	static const uint8_t zero[16];
	const uint32_t n = place[i].sent, session = (n + 1) / 2;
	uint8_t *p = s->b + HEAD;
	char text[32];

	p = number(p, 40, n % 2 == 1 ? START : STOP);
	p = number(p, 4, 0xc0000201); // NAS-IP-Address
	p = number(p, 8, 0x0a000000 + i);
	p = attr(p, 31, text,
		(size_t)snprintf(text, sizeof(text), "%u-%u", i, session % SUBSCRIBERS));
	p = attr(p, 44, text, (size_t)snprintf(text, sizeof(text), "%08x%08x", i, session));
	s->place = i;
	s->n = (uint32_t)(p - s->b);
	s->b[0] = ACCOUNTING_REQUEST;
	s->b[1] = id;
	s->b[2] = (uint8_t)(s->n >> 8);
	s->b[3] = (uint8_t)s->n;
	digest(s->b, s->n, zero, s->b + 4);
}

// ---- sending and hearing

static void slot_send(struct line *l, struct slot *s)
{
	s->since_us = now_us();
	if (send(l->fd, s->b, s->n, MSG_DONTWAIT) >= 0)
		return;
	if (errno == ECONNREFUSED)
		gone = true;
	else if (errno != EAGAIN && errno != ENOBUFS && errno != EINTR)
		die("send");
}

// A place with nothing under way; what is left over comes first. -1: there is none now.
static int64_t place_take(void)
{
	for (uint32_t i = 0; i < places; i++) {
		struct place *at = &place[next_place];
		const uint32_t here = next_place;

		next_place = (next_place + 1) % places;
		if (at->under_way || (left_over > 0 && at->sent == at->known))
			continue;
		if (at->sent != at->known)
			left_over--;
		else
			at->sent++;
		at->under_way = true;
		return here;
	}
	return -1;
}

static bool offer(void)
{
	for (unsigned i = 0; i < SOCKETS; i++) {
		struct line *l = &line[next_line];
		struct slot *s = &l->slot[l->next];

		next_line = (next_line + 1) % SOCKETS;
		if (s->n > 0)
			continue; // it waits for its answer
		const int64_t at = place_take();
		if (at < 0)
			return false;
		record_make(s, l->next++, (uint32_t)at);
		slot_send(l, s);
		offered++;
		return true;
	}
	return false;
}

static void answer_take(struct line *l, const uint8_t *b, size_t n)
{
	struct slot *s = &l->slot[b[1]];
	uint8_t proof[16];

	if (b[0] != ACCOUNTING_RESPONSE || s->n == 0) {
		stale++;
		return;
	}
	digest(b, n, s->b + 4, proof);
	if (memcmp(proof, b + 4, sizeof(proof)) != 0) {
		stale++; // of a record that was repeated, and had this id before
		return;
	}
	struct place *at = &place[s->place];
	at->known = at->sent;
	at->under_way = false;
	s->n = 0;
	acknowledged++;
}

static unsigned line_drain(struct line *l)
{
	uint8_t b[PACKET];
	unsigned took = 0;

	for (;;) {
		const ssize_t n = recv(l->fd, b, sizeof(b), MSG_DONTWAIT);

		if (n < 0 && errno == ECONNREFUSED)
			gone = true; // told once; what came before it is behind it
		else if (n < 0 && errno == EAGAIN)
			return took;
		else if (n < 0 && errno != EINTR)
			die("recv");
		if (n >= HEAD) {
			answer_take(l, b, (size_t)n);
			took++;
		}
	}
}

static unsigned drain(void)
{
	unsigned took = 0;

	for (unsigned i = 0; i < SOCKETS; i++)
		took += line_drain(&line[i]);
	return took;
}

static void repeat(void)
{
	const uint64_t now = now_us();

	for (unsigned i = 0; i < SOCKETS; i++)
		for (unsigned k = 0; k < 256; k++) {
			struct slot *s = &line[i].slot[k];

			if (s->n == 0 || now - s->since_us < AGAIN_US)
				continue;
			slot_send(&line[i], s);
			repeated++;
		}
}

static void lines_open(uint16_t port, struct pollfd *p)
{
	const struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr = {htonl(INADDR_LOOPBACK)}};

	for (unsigned i = 0; i < SOCKETS; i++) {
		line[i].fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (line[i].fd < 0 ||
			connect(line[i].fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
			die("socket");
		p[i] = (struct pollfd){.fd = line[i].fd, .events = POLLIN};
	}
}

// In microseconds, how long it offered.
static uint64_t run(struct pollfd *p, uint64_t rate, uint64_t limit_us)
{
	const uint64_t began = now_us();
	uint64_t at, repeat_us = began, ended = 0;

	do {
		at = now_us();
		(void)drain();
		if (at - began < limit_us)
			while (!gone && offered < (at - began) * rate / 1000000 && offer())
				;
		else if (ended == 0)
			ended = at;
		if (at - repeat_us > AGAIN_US / 8) {
			repeat_us = at;
			repeat();
		}
		(void)poll(p, SOCKETS, 1); // interrupted: looked at again
	} while (!gone && (ended == 0 || (acknowledged < offered && at - ended < ENDING_US)));
	while (drain() > 0 || poll(p, SOCKETS, QUIET_MS) > 0)
		;
	return (ended == 0 ? at : ended) - began;
}

int main(int argc, char **argv)
{
	struct pollfd p[SOCKETS];

	if (argc != 7) {
		(void)fprintf(stderr,
			"usage: accounting_load PORT RATE ADDRESSES SECONDS SECRET STATE\n");
		return 2;
	}
	const unsigned long port = strtoul(argv[1], NULL, 10), rate = strtoul(argv[2], NULL, 10),
			    n = strtoul(argv[3], NULL, 10), seconds = strtoul(argv[4], NULL, 10);
	if (port == 0 || port > UINT16_MAX || rate == 0 || rate > 10000000 || n == 0 ||
		n > 1 << 24 || seconds == 0 || seconds > 3600) {
		(void)fprintf(stderr, "accounting_load: a number is out of range\n");
		return 2;
	}
	secret = argv[5];
	places = (uint32_t)n;
	place = calloc(places, sizeof(place[0]));
	sum = EVP_MD_CTX_new();
	if (place == NULL || sum == NULL)
		die("memory");
	state_read(argv[6]);
	const uint32_t left = left_over;
	lines_open((uint16_t)port, p);
	const uint64_t us = run(p, rate, seconds * 1000000);
	state_write(argv[6]);
	(void)printf("{\"offered\": %llu, \"acknowledged\": %llu, \"left_over\": %u, "
		     "\"repeated\": %llu, \"stale\": %llu, \"ms\": %llu, \"per_second\": %llu, "
		     "\"gone\": %s}\n",
		(unsigned long long)offered, (unsigned long long)acknowledged, left,
		(unsigned long long)repeated, (unsigned long long)stale,
		(unsigned long long)us / 1000, (unsigned long long)(offered * 1000000 / (us + 1)),
		gone ? "true" : "false");
	return 0;
}

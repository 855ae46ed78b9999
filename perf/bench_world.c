// SPDX-License-Identifier: BSD-3-Clause
// The benches' world: see bench_world.h.
#include "bench_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_malloc.h>

#include "compile.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum {
	MBUFS = 8191,
	FRAME_ROOM = 2048,
	NET = 10 << 24, // the first of enum bench_net; the others are behind it
	SERVER = (192 << 24) | (2 << 8) | 25,
	PORT_SMTP = 25,
	PORT_OTHER = 8080,
	WINDOW = 65535,
	TEXT_LINE = 76,
	BURST_US = 20, // the clock moves on by this with each burst
};

static const char CONFIG[] =
	"dataplane: {mode: pair, main_core: 1, workers: [0], ports: [{name: access, dev: net_null0}, "
	"{name: core, dev: net_null1}], pairs: [[access, core]]}\n"
	"pickup: {ports: [25]}\n"
	"session_profiles: {plain: {}, free: {max_message_kb: 0, max_errors: 0, error_delay_s: 0, "
	"error_delay_step_s: 0}, limited: {max_message_kb: 102400, max_header_kb: 64, max_errors: "
	"5, max_recipient_errors: 5, max_helo: 5, max_mail: 5, max_noop: 5, max_rset: 5, "
	"max_recipients: 100, client_connections: 50000, client_rate: 50000, client_rate_min: 1440, total_connections: "
	"1000000, client_messages: 50000, client_recipients: 50000, sender_messages: 50000, "
	"sender_recipients: 50000, sender_rate_min: 1440}}\n"
	"rules: {file: given}\n"
	"content_profiles: {spam: {threshold: 5, action: reject}}\n"
	"policies:\n"
	"- {name: inspected, source: 10.0.0.0/8, action: inspect, session: plain}\n"
	"- {name: scanned, source: 11.0.0.0/8, action: inspect, session: plain, content: spam}\n"
	"- {name: free, source: 12.0.0.0/8, action: inspect, session: free}\n"
	"- {name: limited, source: 13.0.0.0/8, action: inspect, session: limited}\n"
	"- {name: refused, source: 14.0.0.0/8, action: reject}\n";

static const char RULES[] = "1 body 100 l buy-now-cheap\n"
			    "2 header 100 il x-spam: very\n"
			    "3 body 100 il unbelievable offer\n"
			    "4 body 100 il wire the money\n"
			    "5 rcpt 100 l trap@\n"
			    "6 body 100 l http://bad.example/\n";

static struct rte_mempool *pool;
static uint8_t *image_bytes;
static size_t image_n;

// An image of both, which are freed.
static bool image_make(struct cfg *cfg, struct cfg_ruleset *set, uint64_t version, uint8_t **bytes,
	size_t *n, struct err_list *err)
{
	const struct cfg_ruleset *sets[] = {set};
	bool made = cfg != NULL && set != NULL &&
		compile_image(
			&(struct compile_input){
				.cfg = cfg, .rulesets = sets, .nrulesets = 1, .version = version},
			bytes, n, err) == 0;
	if (!made)
		err_print(err, stderr);
	cfg_rules_free(set);
	cfg_free(cfg);
	return made;
}

static bool own_image_make(void)
{
	struct err_list err;

	err_init(&err);
	struct cfg *cfg = cfg_load_text(CONFIG, strlen(CONFIG), "bench", "/", &err);
	struct cfg_ruleset *set = cfg_rules_load_text(RULES, strlen(RULES), "bench.rules", &err);
	return image_make(cfg, set, 1, &image_bytes, &image_n, &err);
}

// Other numbers in their places: none of a limit is reached by them either.
static void numbers_change(char *text)
{
	for (char *p = text; (p = strstr(p, "0000,")) != NULL; p++)
		p[0] = '1';
}

bool bench_shadow(struct bench *b, enum bench_shadow which)
{
	struct err_list err;
	uint8_t *bytes;
	char *text;
	size_t n;

	eng_shadow_end(b->eng);
	(void)eng_turn(b->w, b->now_us);
	(void)eng_image_reap(b->eng);
	if (which == BENCH_SHADOW_NONE)
		return true;
	err_init(&err);
	text = strdup(CONFIG);
	if (text == NULL)
		return false;
	if (which == BENCH_SHADOW_OTHER)
		numbers_change(text);
	struct cfg *cfg = cfg_load_text(text, strlen(text), "bench", "/", &err);
	struct cfg_ruleset *set = cfg_rules_load_text(RULES, strlen(RULES), "bench.rules", &err);
	free(text);
	bool made = image_make(cfg, set, 2, &bytes, &n, &err);
	if (!made)
		return false;
	made = eng_shadow_begin(b->eng, bytes, n, &err) == 0;
	if (!made)
		err_print(&err, stderr);
	free(bytes);
	(void)eng_turn(b->w, b->now_us);
	return made;
}

bool bench_image(
	const char *config, const char *rules, uint64_t version, uint8_t **bytes, size_t *n)
{
	struct err_list err;

	err_init(&err);
	struct cfg *cfg = cfg_load(config, &err);
	struct cfg_ruleset *set = cfg_rules_load(rules, &err);
	return image_make(cfg, set, version, bytes, n, &err);
}

bool bench_start(uint32_t mem_mb, bool huge)
{
	char name[] = "bench", m[] = "-m", size[16], pci[] = "--no-pci",
	     telemetry[] = "--no-telemetry", log[] = "--log-level=error", l[] = "-l", core[] = "0",
	     alone[] = "--no-shconf", pages[] = "--no-huge", memory[] = "--in-memory";
	char *args[] = {name, m, size, pci, telemetry, log, l, core, huge ? memory : alone, pages};

	snprintf(size, sizeof(size), "%u", mem_mb);
	if (rte_eal_init((int)COUNT(args) - (huge ? 1 : 0), args) < 0) {
		fprintf(stderr, "bench: EAL does not start with %u MB\n", mem_mb);
		return false;
	}
	pool = rte_pktmbuf_pool_create("frames", MBUFS, 256, ENG_META_ROOM,
		RTE_PKTMBUF_HEADROOM + FRAME_ROOM, SOCKET_ID_ANY);
	if (pool == NULL) {
		fprintf(stderr, "bench: no memory for frames\n");
		return false;
	}
	return own_image_make();
}

void bench_stop(void)
{
	free(image_bytes);
	rte_mempool_free(pool);
	(void)rte_eal_cleanup();
}

// Ordinary pages come when they are touched first: not while something is timed.
static void heap_touch(void)
{
	struct rte_malloc_socket_stats s;

	if (rte_eal_has_hugepages() || rte_malloc_get_socket_stats(0, &s) != 0)
		return;
	void *all = rte_malloc(NULL, s.greatest_free_size - RTE_CACHE_LINE_SIZE * 4, 0);
	rte_free(all); // fills it with zeros
}

bool bench_open(struct bench *b, const struct bench_conf *conf)
{
	struct eng_conf c = {.mode = ENG_MODE_PAIR,
		.workers = conf->workers > 0 ? conf->workers : 1,
		.ports = 2,
		.port = {{.peer = 1}, {.peer = 0, .side = 1}},
		.flows = conf->flows,
		.messages = conf->messages,
		.slabs = conf->slabs,
		.limit_cells = conf->cells,
		.pool = pool,
		.socket = SOCKET_ID_ANY};
	struct err_list err;

	*b = (struct bench){.now_us = 5000000};
	if (conf->touch)
		heap_touch();
	err_init(&err);
	b->eng = eng_new(&c, &err);
	struct eng_image *img =
		b->eng == NULL ? NULL : eng_image_new(b->eng, image_bytes, image_n, &err);
	if (img == NULL) {
		err_print(&err, stderr);
		eng_free(b->eng);
		return false;
	}
	b->w = eng_worker_at(b->eng, 0);
	eng_image_swap(b->eng, img);
	for (uint16_t i = 0; i < c.workers; i++)
		(void)eng_turn(eng_worker_at(b->eng, i), b->now_us);
	return true;
}

void bench_worker(const struct bench *of, uint16_t id, struct bench *b)
{
	*b = (struct bench){.now_us = of->now_us, .eng = of->eng, .w = eng_worker_at(of->eng, id)};
}

void bench_close(struct bench *b)
{
	eng_free(b->eng);
	b->eng = NULL;
}

static void addr_of(uint32_t v4, struct addr *a)
{
	const uint8_t bytes[4] = {
		(uint8_t)(v4 >> 24), (uint8_t)(v4 >> 16), (uint8_t)(v4 >> 8), (uint8_t)v4};

	memset(a, 0, sizeof(*a));
	a->b[10] = a->b[11] = 0xff;
	memcpy(a->b + 12, bytes, sizeof(bytes));
}

static uint16_t client_port(const struct bench_conn *c)
{
	return (uint16_t)(1024 + c->index * 7919u % 60000u);
}

void bench_conn_init(struct bench_conn *c, uint32_t index, enum bench_net net)
{
	*c = (struct bench_conn){.index = index, .net = net};
	c->nxt[BENCH_CLIENT] = index * 2654435761u;
	c->nxt[BENCH_SERVER] = ~c->nxt[BENCH_CLIENT];
}

void bench_key(const struct bench_conn *c, struct flow_key *key)
{
	*key = (struct flow_key){.client_port = client_port(c), .server_port = PORT_SMTP};
	addr_of(NET + ((uint32_t)c->net << 24) + c->index, &key->client);
	addr_of((uint32_t)SERVER, &key->server);
}

static struct rte_mbuf *frame(struct bench *b, const struct bench_conn *c, enum bench_side side,
	uint16_t server_port, const struct wire_tcp_out *o)
{
	static const uint8_t l2[14] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00};
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	struct wire_tmpl t = {.l2_len = sizeof(l2), .family = 4, .ttl = 60};
	struct flow_key key;

	if (m == NULL)
		abort();
	bench_key(c, &key);
	memcpy(t.l2, l2, sizeof(l2));
	t.src = side == BENCH_CLIENT ? key.client : key.server;
	t.dst = side == BENCH_CLIENT ? key.server : key.client;
	t.sport = side == BENCH_CLIENT ? key.client_port : server_port;
	t.dport = side == BENCH_CLIENT ? server_port : key.client_port;
	m->data_len = (uint16_t)wire_tcp_build(
		rte_pktmbuf_mtod(m, uint8_t *), rte_pktmbuf_tailroom(m), &t, o);
	m->pkt_len = m->data_len;
	if (b->csum_good)
		m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	return m;
}

struct rte_mbuf *bench_segment(struct bench *b, struct bench_conn *c, enum bench_side side,
	uint8_t flags, const void *payload, uint16_t n)
{
	struct wire_tcp_out o = {.seq = c->nxt[side],
		.ack = (flags & TCP_ACK) != 0 ? c->nxt[!side] : 0,
		.flags = flags,
		.window = WINDOW,
		.mss = (flags & TCP_SYN) != 0 ? 1460 : 0,
		.payload = {.p = payload, .n = n}};

	c->nxt[side] += n + ((flags & TCP_SYN) != 0 ? 1 : 0);
	return frame(b, c, side, PORT_SMTP, &o);
}

struct rte_mbuf *bench_other(struct bench *b, const struct bench_conn *c, uint16_t n)
{
	static const uint8_t payload[FRAME_ROOM];
	struct wire_tcp_out o = {
		.flags = TCP_ACK, .window = WINDOW, .payload = {.p = payload, .n = n}};

	return frame(b, c, BENCH_CLIENT, PORT_OTHER, &o);
}

__attribute__((noinline)) void bench_timed(
	struct bench *b, enum bench_side side, struct rte_mbuf **pkts, uint16_t n)
{
	eng_rx(b->w, (uint16_t)side, pkts, n, b->now_us);
	do // a turn is bounded in time, too
		(void)eng_turn(b->w, b->now_us);
	while (b->w->smtpq_head != b->w->smtpq_tail);
}

void bench_out_drop(struct bench *b)
{
	for (uint16_t port = 0; port < BENCH_SIDES; port++) {
		struct eng_out *out = eng_out_of(b->w, port);
		for (uint16_t i = 0; b->seen != NULL && i < out->n; i++)
			b->seen(b->seen_arg, out->pkts[i]);
		rte_pktmbuf_free_bulk(out->pkts, out->n);
		out->n = 0;
	}
}

void bench_burst(struct bench *b, enum bench_side side, struct rte_mbuf **pkts, uint16_t n)
{
	b->now_us += BURST_US;
	uint64_t from = rte_rdtsc_precise();
	bench_timed(b, side, pkts, n);
	const uint64_t cycles = rte_rdtsc_precise() - from;
	b->cycles += cycles;
	b->frames += n;
	if (b->each != NULL)
		b->each[b->neach++] = cycles;
	bench_out_drop(b);
	if (b->behind != NULL)
		b->behind(b->behind_arg);
}

void bench_say(struct bench *b, struct bench_conn *c, uint16_t n, enum bench_side side,
	uint8_t flags, const void *text, uint16_t bytes)
{
	struct rte_mbuf *pkts[ENG_BURST];

	for (uint16_t i = 0; i < n; i++)
		pkts[i] = bench_segment(b, &c[i], side, flags, text, bytes);
	bench_burst(b, side, pkts, n);
}

static void all_say(struct bench *b, struct bench_conn *c, uint16_t n, enum bench_side side,
	uint8_t flags, const char *text)
{
	bench_say(b, c, n, side, flags, text, (uint16_t)strlen(text));
}

static const char banner[] = "220 mx.example.net ESMTP\r\n";
static const char ehlo[] = "EHLO mx-out17.isp.example.org\r\n";
static const char offer[] =
	"250-mx.example.net\r\n250-PIPELINING\r\n250-SIZE 20480000\r\n250 8BITMIME\r\n";

void bench_greet(struct bench *b, struct bench_conn *c, uint16_t n, uint64_t *handshake)
{
	uint64_t before = b->cycles;

	all_say(b, c, n, BENCH_CLIENT, TCP_SYN, "");
	all_say(b, c, n, BENCH_SERVER, TCP_SYN | TCP_ACK, "");
	all_say(b, c, n, BENCH_CLIENT, TCP_ACK, "");
	*handshake += b->cycles - before;
	all_say(b, c, n, BENCH_SERVER, TCP_ACK | TCP_PSH, banner);
	all_say(b, c, n, BENCH_CLIENT, TCP_ACK | TCP_PSH, ehlo);
	all_say(b, c, n, BENCH_SERVER, TCP_ACK | TCP_PSH, offer);
	all_say(b, c, n, BENCH_CLIENT, TCP_ACK, "");
}

void bench_conn_greeted(struct bench_conn *c)
{
	c->nxt[BENCH_CLIENT] += 1 + (uint32_t)strlen(ehlo);
	c->nxt[BENCH_SERVER] += 1 + (uint32_t)(strlen(banner) + strlen(offer));
}

void bench_mail(struct bench *b, struct bench_conn *c, uint16_t n)
{
	all_say(b, c, n, BENCH_CLIENT, TCP_ACK | TCP_PSH,
		"MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n");
	all_say(b, c, n, BENCH_SERVER, TCP_ACK | TCP_PSH,
		"250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 Go on\r\n");
	all_say(b, c, n, BENCH_CLIENT, TCP_ACK, "");
}

void bench_header(struct bench *b, struct bench_conn *c, uint16_t n)
{
	all_say(b, c, n, BENCH_CLIENT, TCP_ACK,
		"From: A <a@example.org>\r\nTo: B <b@example.net>\r\nSubject: figures\r\n"
		"Date: Sun, 22 Nov 2026 12:00:00 +0000\r\n\r\n");
	all_say(b, c, n, BENCH_SERVER, TCP_ACK, "");
}

bool bench_clones(struct bench *b, const struct bench_conn *of, uint32_t from, uint32_t n)
{
	struct eng_smtp *p = b->w->smtp;
	struct bench_conn c;
	struct flow_key key;

	bench_key(of, &key);
	struct flow *model = flow_lookup(p->flows, &key);
	if (model == NULL)
		return false;
	for (uint32_t i = from; i < from + n; i++) {
		bench_conn_init(&c, i, of->net);
		bench_key(&c, &key);
		struct flow *f = flow_add(p->flows, &key);
		if (f == NULL)
			return false;
		const uint32_t next = f->timer_next, prev = f->timer_prev;

		*eng_session_of(f) = *eng_session_of(model);
		f->key = key;
		f->timer_next = next;
		f->timer_prev = prev;
		f->timed = false;
		eng_session_of(f)->helo_len = 0; // its place is the other's
		flow_timer_set(p->flows, f, f->seen_ms + eng_quiet_max_ms(eng_session_of(f)));
	}
	return true;
}

void bench_text(char *text, size_t n, bool base64, uint64_t *seed)
{
	static const char *const words[] = {"the ", "quick ", "brown ", "fox ", "price ", "report ",
		"meeting ", "from ", "http://www.example.net/a?id=7 ", "please ", "offer. ", "we ",
		"of ", "and ", "to ", "12,000 ", "attached ", "Subject: ", "regards, "};
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t at = 0; at < n;) {
		*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		const char *word =
			base64 ? &digits[(*seed >> 33) % 64] : words[(*seed >> 33) % COUNT(words)];
		const size_t all = base64 ? 1 : strlen(word), some = all < n - at ? all : n - at;

		memcpy(text + at, word, some);
		at += some;
	}
	for (size_t at = TEXT_LINE; at < n; at += TEXT_LINE)
		memcpy(text + at - 2, "\r\n", 2);
}

uint64_t bench_counter(const struct bench *b, enum eng_reason r)
{
	return b->w->counters[r];
}

double bench_ns(uint64_t cycles, uint64_t things)
{
	return (double)cycles * 1e9 / (double)rte_get_tsc_hz() / (double)things;
}

uint64_t bench_heap(void)
{
	struct rte_malloc_socket_stats s;

	return rte_malloc_get_socket_stats(0, &s) == 0 ? s.heap_allocsz_bytes : 0;
}

uint64_t bench_resident(void)
{
	unsigned long long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f == NULL)
		return 0;
	if (fscanf(f, "%*u %llu", &pages) != 1)
		pages = 0;
	(void)fclose(f);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

double bench_median(double *values, unsigned n)
{
	qsort(values, n, sizeof(values[0]), by_size);
	return values[n / 2];
}

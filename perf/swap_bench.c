// SPDX-License-Identifier: BSD-3-Clause
// What a swap of the policy image costs a worker under load: frames that are lost, time inside the code
// that takes another image into use, the longest turn. One worker, two ports; sessions of mail whose
// messages are scanned, and frames of another port among them. A manager's thread on another CPU prepares
// images and swaps them, as the data plane's does, from bytes compiled beforehand.
//
// Frames arrive by a clock that counts the engine's own cycles and stands still while the bench makes
// them: how fast the bench is does not matter. A frame that finds its port's ring full is lost (and comes
// again, as its sender would have it). No device. Writes one JSON object a line; perf/swap runs it.
//   swap_bench CONFIG RULES CONFIG RULES SECONDS ROUNDS SWAP_MS
// Or, without a manager and swaps in a run, what scanning does to the length of a worker's turns; the first
// image scans, the second does not; perf/turns runs that.
//   swap_bench turns CONFIG RULES CONFIG RULES SECONDS ROUNDS
// Thread: worker and manager.
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "bench_world.h"

enum {
	MEMORY_MB = 1400,
	RING = 1024,    // frames that wait, of both ports together
	NEAR_MS = 10,   // what happens so soon behind a swap may be its doing
	STOP_US = 50,   // ten times what a turn takes (32 frames): something stopped the worker
	SESSIONS = 256, // open at a time, each with a frame in turn
	OTHERS = 3,     // frames of another port to one of a session
	OTHER_BYTES = 512,
	SEGMENT = 1400,
	SEGMENTS = 3,         // of a message
	HELD_FLOWS = 1 << 20, // each stays for 30 s behind its end
	OPEN_MESSAGES = 2 * SESSIONS,
	HELD_SLABS = 1 << 15,
	WORK_US = 900, // real time between two rests, so that a CPU of our own is not needed
	REST_US = 100,
	LONG_STOP_US =
		500, // the same where scanning makes turns longer: three times the longest of these
	CEILING_STEPS = 7,
	TURN_NS = 250, // what turns' lengths are told by
	TURNS_MAX = 1 << 15,
	IMAGES = 2,
};

struct step { // of a session
	enum bench_side side;
	uint8_t flags;
	const char *text; // NULL: the next segment of the message
};

static const struct step steps[] = {
	{BENCH_CLIENT, TCP_SYN, ""},
	{BENCH_SERVER, TCP_SYN | TCP_ACK, ""},
	{BENCH_CLIENT, TCP_ACK, ""},
	{BENCH_SERVER, TCP_ACK | TCP_PSH, "220 mx.example.net ESMTP\r\n"},
	{BENCH_CLIENT, TCP_ACK | TCP_PSH, "EHLO mx-out17.isp.example.org\r\n"},
	{BENCH_SERVER, TCP_ACK | TCP_PSH,
		"250-mx.example.net\r\n250-PIPELINING\r\n250 8BITMIME\r\n"},
	{BENCH_CLIENT, TCP_ACK | TCP_PSH, "MAIL FROM:<a@example.org>\r\n"},
	{BENCH_SERVER, TCP_ACK | TCP_PSH, "250 2.1.0 Ok\r\n"},
	{BENCH_CLIENT, TCP_ACK | TCP_PSH, "RCPT TO:<b@example.net>\r\n"},
	{BENCH_SERVER, TCP_ACK | TCP_PSH, "250 2.1.5 Ok\r\n"},
	{BENCH_CLIENT, TCP_ACK | TCP_PSH, "DATA\r\n"},
	{BENCH_SERVER, TCP_ACK | TCP_PSH, "354 Go on\r\n"},
	{BENCH_CLIENT, TCP_ACK, NULL},
	{BENCH_CLIENT, TCP_ACK, NULL},
	{BENCH_SERVER, TCP_ACK, ""},
	{BENCH_CLIENT, TCP_ACK, NULL},
	{BENCH_CLIENT, TCP_ACK | TCP_PSH, ".\r\n"},
	{BENCH_SERVER, TCP_ACK | TCP_PSH, "250 2.0.0 Ok: queued\r\n"},
	{BENCH_CLIENT, TCP_ACK | TCP_PSH, "QUIT\r\n"},
	{BENCH_SERVER, TCP_ACK | TCP_PSH, "221 2.0.0 Bye\r\n"},
	{BENCH_SERVER, TCP_ACK | TCP_FIN, ""},
	{BENCH_CLIENT, TCP_ACK | TCP_FIN, ""},
	{BENCH_SERVER, TCP_ACK, ""},
};
enum { STEPS = sizeof(steps) / sizeof(steps[0]) };

struct session {
	struct bench_conn conn;
	unsigned step, segment;
	unsigned wait; // turns of its own left to others: sessions are not all at the same step
};

struct swaps { // between the two threads
	pthread_t thread;
	struct eng *eng;
	uint8_t *bytes[IMAGES];
	size_t n[IMAGES];
	_Atomic uint32_t wanted; // w: worker, r: manager
	_Atomic uint32_t done;   // w: manager, r: worker
	_Atomic bool stop;       // w: worker, r: manager
	_Atomic bool prepares;   // an image; w: manager, r: worker
	double prepare_ms;       // w: manager, r: worker when it has ended
	bool failed;             // likewise
};

struct swap_bench {
	struct bench b;
	struct swaps swaps;
	struct session session[SESSIONS];
	char text[SEGMENTS][SEGMENT];
	uint32_t at, turn_of, begun, ended;
	uint64_t left; // frames that the engine handed out
	double stop_us;
	bool slow_text;            // to scan: the literals' beginnings are often met
	uint32_t turns[TURNS_MAX]; // that had work, by their length
};

struct seen { // of a run
	uint64_t frames, lost, lost_near, dropped, sessions, swaps;
	uint64_t stops, stops_near, lost_stopped;
	double longest_turn_us, longest_swap_turn_us, busy;
	uint64_t taken, taken_ns, longest_ns;
	double p50_us, p999_us; // of turns that had work
	uint64_t stops_off_cpu; // in which the scheduler let others run
	double longest_at_ms;   // of the run, by the clock of the frames
	double steal_ms;        // of all CPUs, by the host, as far as it tells
	struct {
		uint64_t frames, lost;
		double us;
	} beside[2]; // [1] while the manager prepared an image, [0] else; without the stops
};

// ---- traffic

static void text_fill(struct swap_bench *s)
{
	static const char head[] =
		"From: a@example.org\r\nTo: b@example.net\r\nSubject: hello\r\n\r\n";
	static const char line[] =
		"The quick brown fox jumps over the lazy dog, and the dog sleeps on.\r\n";
	uint64_t seed = 1;

	for (unsigned i = 0; i < SEGMENTS; i++) {
		for (size_t at = 0; at < SEGMENT; at += sizeof(line) - 1)
			memcpy(s->text[i] + at, line, RTE_MIN(SEGMENT - at, sizeof(line) - 1));
		if (s->slow_text)
			bench_text(s->text[i], SEGMENT, false, &seed);
		memcpy(s->text[i] + SEGMENT - 2, "\r\n", 2);
	}
	memcpy(s->text[0], head, sizeof(head) - 1);
}

static void session_begin(struct swap_bench *s, struct session *one)
{
	*one = (struct session){0};
	// An odd factor: each of 2^21 once, so that connections meet all policies in no order.
	bench_conn_init(&one->conn, s->begun++ * 40503u & 0x1fffff, BENCH_SCANNED);
}

static struct rte_mbuf *session_frame(
	struct swap_bench *s, struct session *one, enum bench_side *side)
{
	const struct step *step = &steps[one->step++];
	struct rte_mbuf *m;

	*side = step->side;
	if (step->text != NULL)
		m = bench_segment(&s->b, &one->conn, step->side, step->flags, step->text,
			(uint16_t)strlen(step->text));
	else
		m = bench_segment(&s->b, &one->conn, step->side, step->flags,
			s->text[one->segment++], SEGMENT);
	if ((step->flags & TCP_FIN) != 0)
		one->conn.nxt[step->side]++;
	if (one->step == STEPS) {
		s->ended++;
		session_begin(s, one);
	}
	return m;
}

// Two frames of one session are so far from one another that a burst never has both.
static struct rte_mbuf *next_frame(struct swap_bench *s, enum bench_side *side)
{
	if (s->turn_of++ % (OTHERS + 1) == 0) {
		struct session *one = &s->session[s->at++ % SESSIONS];

		if (one->wait == 0)
			return session_frame(s, one, side);
		one->wait--;
	}
	*side = s->turn_of % 2;
	return bench_other(&s->b, &s->session[s->turn_of % SESSIONS].conn, OTHER_BYTES);
}

// ---- the worker

static void out_take(void *arg, uint16_t port)
{
	struct swap_bench *s = arg;
	struct eng_out *out = eng_out_of(s->b.w, port);

	s->left += out->n;
	rte_pktmbuf_free_bulk(out->pkts, out->n);
	out->n = 0;
}

// `n` frames in, a turn, frames out: its cycles.
static uint64_t turn(struct swap_bench *s, unsigned n)
{
	struct rte_mbuf *in[BENCH_SIDES][ENG_BURST];
	uint16_t k[BENCH_SIDES] = {0};

	for (unsigned i = 0; i < n; i++) {
		enum bench_side side;
		struct rte_mbuf *m = next_frame(s, &side);

		in[side][k[side]++] = m;
	}
	uint64_t from = rte_rdtsc_precise();
	for (uint16_t side = 0; side < BENCH_SIDES; side++)
		if (k[side] > 0)
			eng_rx(s->b.w, side, in[side], k[side], s->b.now_us);
	(void)eng_turn(s->b.w, s->b.now_us);
	for (uint16_t port = 0; port < BENCH_SIDES; port++)
		out_take(s, port);
	return rte_rdtsc_precise() - from;
}

static uint64_t dropped(const struct bench *b)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < eng_stat_count; i++)
		if (eng_stat_names[i].kind == ENG_STAT_DROP)
			n += b->w->counters[i];
	return n;
}

struct load {       // the clock of the frames, in cycles
	double gap; // from one to the next; 0 = as fast as they are taken
	uint64_t clock;
	uint64_t taken;   // frames, the lost ones too
	uint64_t near_to; // until then the last swap is near
	bool stopped;     // and the frames that came meanwhile still wait
	long taken_off;   // of this thread, when it was last asked
	uint64_t rested;  // since then by the TSC
};

// How often the scheduler took the CPU from this thread.
static long taken_off(void)
{
	struct rusage usage;

	return getrusage(RUSAGE_THREAD, &usage) == 0 ? usage.ru_nivcsw : 0;
}

// The eighth number of /proc/stat's first line, proc(5); 0 where the host does not tell.
static double steal_ms(void)
{
	unsigned long long ticks = 0;
	FILE *f = fopen("/proc/stat", "re");

	if (f == NULL)
		return 0;
	if (fscanf(f, "cpu %*u %*u %*u %*u %*u %*u %*u %llu", &ticks) != 1)
		ticks = 0;
	(void)fclose(f); // only read
	return (double)ticks * 1000 / (double)sysconf(_SC_CLK_TCK);
}

// Others get a share of this CPU while no clock runs.
static void rest(struct load *l)
{
	const struct timespec ts = {.tv_nsec = REST_US * 1000};

	if (rte_rdtsc() - l->rested < rte_get_tsc_hz() / 1000000 * WORK_US)
		return;
	(void)nanosleep(&ts, NULL); // shorter is fine
	l->rested = rte_rdtsc();
	l->taken_off = taken_off();
}

static double us_of(uint64_t cycles)
{
	return (double)cycles * 1e6 / (double)rte_get_tsc_hz();
}

// How many frames the next turn finds; those are lost that the ring had no room for.
static unsigned frames_due(struct load *l, bool prepares, struct seen *out)
{
	uint64_t came = l->gap > 0 ? (uint64_t)((double)l->clock / l->gap) : l->taken + ENG_BURST;
	uint64_t wait = came - l->taken, over = wait > RING ? wait - RING : 0;

	l->stopped = l->stopped && wait > RING / 2;
	out->lost += over;
	out->lost_stopped += l->stopped ? over : 0;
	out->beside[prepares].lost += l->stopped ? 0 : over;
	out->lost_near += l->clock < l->near_to ? over : 0;
	l->taken += over;
	return (unsigned)RTE_MIN(wait - over, (uint64_t)ENG_BURST);
}

static void turn_seen(struct swap_bench *s, struct load *l, struct seen *out)
{
	const bool prepares =
		atomic_load_explicit(&s->swaps.prepares, memory_order_relaxed); // about then
	const unsigned n = frames_due(l, prepares, out);
	const uint64_t *c = s->b.w->counters, images = c[ACT_IMAGE_TAKEN];
	const bool work = n > 0 || s->b.w->smtpq_head != s->b.w->smtpq_tail;
	uint64_t spent = turn(s, n);
	double us = us_of(spent);

	if (work)
		s->turns[RTE_MIN((uint32_t)(us * 1000 / TURN_NS), (uint32_t)TURNS_MAX - 1)]++;

	l->taken += n;
	l->clock += spent;
	out->frames += n;
	out->busy += n > 0 ? us : 0;
	if (us > out->longest_turn_us) {
		out->longest_turn_us = us;
		out->longest_at_ms = us_of(l->clock - spent) / 1000;
	}
	if (c[ACT_IMAGE_TAKEN] != images) {
		out->longest_swap_turn_us = RTE_MAX(out->longest_swap_turn_us, us);
		l->near_to = l->clock + rte_get_tsc_hz() / 1000 * NEAR_MS;
	}
	if (us < s->stop_us) {
		out->beside[prepares].frames += n;
		out->beside[prepares].us += n > 0 ? us : 0;
		return;
	}
	l->stopped = true;
	const long taken = taken_off();

	out->stops++;
	out->stops_off_cpu += taken != l->taken_off;
	l->taken_off = taken;
	out->stops_near += l->clock - spent < l->near_to;
}

// So long is that share of the turns at most.
static double turns_us(const struct swap_bench *s, double share)
{
	uint64_t all = 0, upto = 0;

	for (unsigned i = 0; i < TURNS_MAX; i++)
		all += s->turns[i];
	for (unsigned i = 0; i < TURNS_MAX; i++) {
		upto += s->turns[i];
		if ((double)upto >= share * (double)all)
			return (double)(i + 1) * TURN_NS / 1000;
	}
	return 0;
}

// Frames at `pps` for so long; a swap is asked for every `swap_ms`, 0 = never. pps 0: as fast as it goes.
static void run(
	struct swap_bench *s, double pps, double seconds, unsigned swap_ms, struct seen *out)
{
	struct load l = {.gap = pps > 0 ? (double)rte_get_tsc_hz() / pps : 0};
	const uint64_t end = (uint64_t)(seconds * (double)rte_get_tsc_hz());
	const uint64_t every = rte_get_tsc_hz() / 1000 * swap_ms, begun_us = s->b.now_us;
	const uint64_t drops = dropped(&s->b), sessions = s->ended;
	uint64_t *c = s->b.w->counters;
	const double steal = steal_ms();
	const uint64_t images = c[ACT_IMAGE_TAKEN], images_ns = c[ACT_IMAGE_TAKEN_NS];

	*out = (struct seen){0};
	memset(s->turns, 0, sizeof(s->turns));
	c[PEAK_IMAGE_TAKEN_NS] = 0;
	l.rested = rte_rdtsc();
	l.taken_off = taken_off();
	while (l.clock < end) {
		turn_seen(s, &l, out);
		s->b.now_us = begun_us + (uint64_t)us_of(l.clock);
		if (every > 0 && l.clock / every > out->swaps) {
			out->swaps++;
			atomic_fetch_add_explicit(&s->swaps.wanted, 1, memory_order_relaxed);
		}
		rest(&l);
	}
	out->busy /= us_of(l.clock);
	out->dropped = dropped(&s->b) - drops;
	out->sessions = s->ended - sessions;
	out->taken = c[ACT_IMAGE_TAKEN] - images;
	out->taken_ns = c[ACT_IMAGE_TAKEN_NS] - images_ns;
	out->longest_ns = c[PEAK_IMAGE_TAKEN_NS];
	out->steal_ms = steal_ms() - steal;
	out->p50_us = turns_us(s, 0.5);
	out->p999_us = turns_us(s, 0.999);
}

// ---- the manager

static void nap(unsigned us)
{
	const struct timespec ts = {.tv_nsec = (long)us * 1000};

	(void)nanosleep(&ts, NULL); // shorter is fine
}

// As the link does it: a copy of what came, then the engine's own.
static struct eng_image *image_of(struct swaps *m, unsigned which)
{
	size_t n = (m->n[which] + 63) & ~(size_t)63;
	void *copy = aligned_alloc(64, n);
	struct eng_image *img = NULL;
	struct err_list err;

	err_init(&err);
	if (copy != NULL) {
		memcpy(copy, m->bytes[which], m->n[which]);
		img = eng_image_new(m->eng, copy, m->n[which], &err);
	}
	if (img == NULL)
		err_print(&err, stderr);
	free(copy);
	return img;
}

static void *manage(void *arg)
{
	struct swaps *m = arg;
	uint64_t cycles = 0;

	for (uint32_t done = 0; !atomic_load_explicit(&m->stop, memory_order_relaxed);) {
		uint64_t from = rte_rdtsc();
		atomic_store_explicit(&m->prepares, true, memory_order_relaxed);
		struct eng_image *img = image_of(m, done % IMAGES);
		atomic_store_explicit(&m->prepares, false, memory_order_relaxed);

		cycles += rte_rdtsc() - from;
		if (img == NULL) {
			m->failed = true;
			break;
		}
		while (atomic_load_explicit(&m->wanted, memory_order_relaxed) == done &&
			!atomic_load_explicit(&m->stop, memory_order_relaxed))
			nap(100);
		eng_image_swap(m->eng, img);
		done++;
		atomic_store_explicit(&m->done, done, memory_order_relaxed);
		m->prepare_ms = us_of(cycles) / 1000 / done;
		while (eng_image_reap(m->eng) > 0 &&
			!atomic_load_explicit(&m->stop, memory_order_relaxed))
			nap(1000);
	}
	return NULL;
}

// The worker goes before everybody on its CPU, but while it rests.
static void worker_first(void)
{
	struct sched_param first = {.sched_priority = 1};

	(void)pthread_setschedparam(pthread_self(), SCHED_FIFO, &first); // not root: as it is
}

// ... the manager has the others.
static bool threads_place(struct swaps *m)
{
	pthread_attr_t attr;
	cpu_set_t others;

	CPU_ZERO(&others);
	for (int i = 0; i < (int)sysconf(_SC_NPROCESSORS_ONLN) && i < CPU_SETSIZE; i++)
		if (i != sched_getcpu())
			CPU_SET(i, &others);
	if (pthread_attr_init(&attr) != 0 ||
		pthread_attr_setaffinity_np(&attr, sizeof(others), &others) != 0 ||
		pthread_create(&m->thread, &attr, manage, m) != 0)
		return false;
	(void)pthread_attr_destroy(&attr);
	worker_first();
	return true;
}

// ---- what is measured

static double ceiling(struct swap_bench *s, double seconds)
{
	struct seen seen;

	run(s, 0, 0.5, 0, &seen);
	double most = (double)seen.frames / 0.5, low = 0, high = most;

	for (unsigned i = 0; i < CEILING_STEPS; i++) {
		double pps = low + (high - low) / 2;

		run(s, pps, seconds, 0, &seen);
		if (seen.lost + seen.dropped > 0) // once more: the machine has moments of its own
			run(s, pps, seconds, 0, &seen);
		if (seen.lost + seen.dropped > 0)
			high = pps;
		else
			low = pps;
	}
	printf("{\"what\": \"ceiling\", \"pps\": %.0f, \"saturated_pps\": %.0f}\n", low, most);
	return low;
}

// What a frame took in turns that had some, 0 where there were none.
static double frame_ns(const struct seen *r, bool prepares)
{
	if (r->beside[prepares].frames == 0)
		return 0;
	return r->beside[prepares].us * 1000 / (double)r->beside[prepares].frames;
}

static void say(const struct seen *r, const char *what, double pps)
{
	printf("{\"what\": \"%s\", \"pps\": %.0f, \"frames\": %" PRIu64 ", \"lost\": %" PRIu64
	       ", \"lost_near\": %" PRIu64 ", \"lost_stopped\": %" PRIu64 ", \"stops\": %" PRIu64
	       ", \"stops_near\": %" PRIu64
	       ", \"near_ms\": %u, \"seconds\": %.1f, \"dropped\": %" PRIu64
	       ", \"sessions\": %" PRIu64 ", \"busy\": %.2f"
	       ", \"taken\": %" PRIu64 ", \"taken_ns\": %" PRIu64 ", \"longest_ns\": %" PRIu64
	       ", \"longest_turn_us\": %.1f, \"longest_swap_turn_us\": %.1f, \"turn_p50_us\": %.2f, "
	       "\"turn_p999_us\": %.2f, \"stops_off_cpu\": %" PRIu64
	       ", \"longest_at_ms\": %.1f, \"steal_ms\": %.0f"
	       ", \"frame_ns\": [%.1f, %.1f], \"lost_unstopped\": [%" PRIu64 ", %" PRIu64 "]}\n",
		what, pps, r->frames, r->lost, r->lost_near, r->lost_stopped, r->stops,
		r->stops_near, NEAR_MS, (double)(r->frames + r->lost) / pps, r->dropped,
		r->sessions, r->busy, r->taken, r->taken_ns, r->longest_ns, r->longest_turn_us,
		r->longest_swap_turn_us, r->p50_us, r->p999_us, r->stops_off_cpu, r->longest_at_ms,
		r->steal_ms, frame_ns(r, false), frame_ns(r, true), r->beside[0].lost,
		r->beside[1].lost);
	(void)fflush(stdout);
}

static bool images_make(struct swaps *m, char **files)
{
	for (unsigned i = 0; i < IMAGES; i++)
		if (!bench_image(files[2 * i], files[2 * i + 1], 2 + i, &m->bytes[i], &m->n[i]))
			return false;
	printf("{\"what\": \"images\", \"bytes\": [%zu, %zu]}\n", m->n[0], m->n[1]);
	return true;
}

static void traffic_begin(struct swap_bench *s)
{
	text_fill(s);
	for (unsigned i = 0; i < SESSIONS; i++) {
		session_begin(s, &s->session[i]);
		s->session[i].wait = i % STEPS;
	}
	eng_flush_set(s->b.w, out_take, s);
	s->swaps.eng = s->b.eng;
}

// An image in force, and sessions that began with it.
static bool image_use(struct swap_bench *s, unsigned which, double pps)
{
	enum { SETTLE_FRAMES = 2 * SESSIONS * STEPS * (OTHERS + 1) };
	struct eng_image *img = image_of(&s->swaps, which);
	struct seen seen;

	if (img == NULL)
		return false;
	eng_image_swap(s->b.eng, img);
	run(s, pps, pps > 0 ? SETTLE_FRAMES / pps : 0.5, 0, &seen);
	(void)eng_image_reap(s->b.eng);
	return true;
}

// By turns with scanning and without, at 0.8 of what is reached with it.
static int measure_turns(struct swap_bench *s, double seconds, unsigned rounds)
{
	struct seen seen;

	traffic_begin(s);
	worker_first();
	if (!image_use(s, 0, 0))
		return 1;
	const double pps = 0.8 * ceiling(s, seconds);
	for (unsigned i = 0; i < rounds; i++) {
		for (unsigned which = 0; which < IMAGES; which++) {
			if (!image_use(s, which, pps))
				return 1;
			run(s, pps, seconds, 0, &seen);
			say(&seen, which == 0 ? "scanned" : "unscanned", pps);
		}
	}
	return 0;
}

static int measure(struct swap_bench *s, double seconds, unsigned rounds, unsigned swap_ms)
{
	struct seen seen;

	traffic_begin(s);
	struct eng_image *first = image_of(&s->swaps, 1);
	if (first == NULL)
		return 1;
	eng_image_swap(s->b.eng, first);
	if (!threads_place(&s->swaps))
		return 1;
	double pps = 0.8 * ceiling(s, seconds / 3);
	for (unsigned i = 0; i < rounds; i++) {
		run(s, pps, seconds, 0, &seen);
		say(&seen, "without", pps);
		run(s, pps, seconds, swap_ms, &seen);
		say(&seen, "with", pps);
	}
	atomic_store_explicit(&s->swaps.stop, true, memory_order_relaxed);
	(void)pthread_join(s->swaps.thread, NULL); // ours, not joined before
	printf("{\"what\": \"manager\", \"swaps\": %u, \"prepare_ms\": %.1f}\n",
		atomic_load_explicit(&s->swaps.done, memory_order_relaxed), s->swaps.prepare_ms);
	return s->swaps.failed ? 1 : 0;
}

int main(int argc, char **argv)
{
	static struct swap_bench s;
	const struct bench_conf conf = {
		.flows = HELD_FLOWS, .messages = OPEN_MESSAGES, .slabs = HELD_SLABS};
	int rc = 1;

	if (argc != 8) {
		fprintf(stderr,
			"usage: %s CONFIG RULES CONFIG RULES SECONDS ROUNDS SWAP_MS\n"
			"       %s turns CONFIG RULES CONFIG RULES SECONDS ROUNDS\n",
			argv[0], argv[0]);
		return 2;
	}
	const bool turns = strcmp(argv[1], "turns") == 0;
	char **arg = argv + (turns ? 2 : 1);

	s.stop_us = turns ? LONG_STOP_US : STOP_US;
	s.slow_text = turns;
	if (!bench_start(MEMORY_MB, false) || !images_make(&s.swaps, arg))
		return 1;
	if (bench_open(&s.b, &conf)) {
		const double seconds = strtod(arg[4], NULL);
		const unsigned rounds = (unsigned)strtoul(arg[5], NULL, 10);

		s.b.csum_good = true;
		rc = turns ? measure_turns(&s, seconds, rounds)
			   : measure(&s, seconds, rounds, (unsigned)strtoul(arg[6], NULL, 10));
		bench_close(&s.b);
	}
	for (unsigned i = 0; i < IMAGES; i++)
		free(s.swaps.bytes[i]);
	bench_stop();
	return rc;
}

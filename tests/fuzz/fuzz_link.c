// SPDX-License-Identifier: BSD-3-Clause
// The data plane's end of the link under a control plane that may do anything: commands of any kind
// and value, images, indexes and memory scribbled over, datagrams that are no bells, a newcomer in
// between, answers not taken, bindings and facts of any value, while the workers go on telling. An honest one is never detached and
// gets each answer once, in words that make sense; one that broke the rules is detached and counted;
// behind either the next one is served, and nothing is left open or mapped. The input is operations; each finds a
// data plane that is new, so that nothing hangs on the inputs before it.
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "api_cells.h"
#include "fuzz.h"
#include "lnk_peer.h"
#include "log.h"
#include "pol_image.h"

enum {
	SLOT = 4096,
	CELLS = 64,
	OPS_MAX = 200,
	ROWS = 40,
	RESTS_MS = 100,   // what a turn says with nothing to do
	IDLE_TURNS = 200, // more than all commands and rows need
	FDS_MAX = 256,
};
// Who adds a kind of message teaches command_put, binding_put, fact_put and the is_rude beside them.
_Static_assert((int)API_CMD_COUNT == 7 && (int)API_EVT_COUNT == 4, "each is known here");
_Static_assert((int)API_BIND_COUNT == 5 && (int)API_FACT_COUNT == 5, "likewise");
_Static_assert((int)ENG_REC_COUNT == 4 && (int)ENG_OUTCOME_COUNT == 5, "likewise");

static struct bench b;
static struct peer p;
static bool scribbled; // what is in the shared memory means nothing any more
static unsigned crowded; // newcomers of this input
static bool rude;      // sent what no honest control plane sends
static bool ended;     // sent what reads like the end
static unsigned owed;  // answers
static uint64_t swaps_max;

static void quiet(enum log_level, const char *, void *) {}

static void event_check(const struct api_event *e)
{
	switch (e->kind) {
	case API_EVT_ACK:
		CHECK(memchr(e->text, 0, sizeof(e->text)) != NULL);
		CHECK(e->status <= 0 && (e->status == 0 || e->text[0] != 0));
		owed--;
		break;
	case API_EVT_FLOWS_END:
		CHECK(e->status <= 0);
		owed--;
		break;
	case API_EVT_FLOW:
		CHECK(e->flow.worker < DOUBLE_WORKERS && e->flow.lane < API_LANE_COUNT &&
			e->flow.state < API_FLOW_STATE_COUNT);
		break;
	default:
		CHECK(!"an event of no kind");
	}
}

static void events_take(void)
{
	struct api_event e;

	for (unsigned i = 0; i < API_RING_EVENTS && api_ring_take(&p.event, &e) == 0; i++)
		if (!scribbled) {
			CHECK(owed > 0);
			event_check(&e);
		}
}

// Whatever came, the table was told nothing that it must not be told.
static void table_check(void)
{
	const struct tbl_clients *c = &b.eng.clients;

	CHECK(tbl_prefix_is_canonical(&c->binding.prefix));
	CHECK(c->binding.port_first <= c->binding.port_last);
	CHECK(c->set == 0 || c->cleared > 0 || c->binding.endpoint != 0);
	CHECK(tbl_prefix_is_canonical(&c->sender.prefix) && c->sender.score <= API_SCORE_MAX);
	CHECK((c->sender.flags & ~(TBL_LISTED | TBL_EXEMPT)) == 0);
	CHECK((c->endpoint.flags & ~(TBL_LISTED | TBL_EXEMPT)) == 0);
	CHECK(c->endpoints == 0 || c->endpoint.key != 0);
}

static void poll_turn(void)
{
	int rest_ms = bench_poll(&b);

	CHECK(rest_ms >= 0 && rest_ms <= 100);
	if (!scribbled && !rude)
		CHECK(lnk_is_attached(b.lnk));
	for (unsigned w = 0; w < DOUBLE_WORKERS; w++)
		CHECK((b.eng.sink[w] != NULL) == lnk_is_attached(b.lnk));
	CHECK(b.eng.swaps <= swaps_max);
	table_check();
}

// ---- what the control plane does

static bool is_rude_drain(const struct api_command *c)
{
	if (c->drain.on > 1 || c->drain.refuse > 1 ||
		c->drain.wait_ms > API_DRAIN_WAIT_MAX_S * UINT64_C(1000))
		return true;
	return c->drain.on == 0 && (c->drain.refuse != 0 || c->drain.wait_ms != 0);
}

static bool is_rude(const struct api_command *c)
{
	switch (c->kind) {
	case API_CMD_PING:
		return false;
	case API_CMD_FLOWS:
		return c->flows.spare != 0;
	case API_CMD_IMAGE:
		if (c->image.bytes == 0)
			return true;
		// fall through
	case API_CMD_SHADOW: // without bytes it ends a candidate
		return c->image.slot >= API_SLOTS || c->image.spare != 0 || c->image.bytes > SLOT;
	case API_CMD_COUNTS:
		return c->counts.rows > p.hello.counts_bytes / sizeof(struct api_count);
	case API_CMD_DRAIN:
		return is_rude_drain(c);
	default:
		return true;
	}
}

static void image_place(struct span *in, const struct api_command *c)
{
	struct pol_head head = {.version = take8(in) & 3};

	if (c->image.slot < API_SLOTS)
		memcpy(p.mem + p.hello.slot_off[c->image.slot], &head, sizeof(head));
}

// What limits counted, in rows that make sense; one that does not breaks the rules where it is read.
static void counts_place(struct span *in, uint64_t rows)
{
	struct api_count *row = (void *)(p.mem + p.hello.counts_off);
	uint8_t odd = take8(in);

	for (uint64_t i = 0; i < rows && i < p.hello.counts_bytes / sizeof(*row); i++)
		row[i] = (struct api_count){.tag = i + 1, .window_s = 1 + odd % 128u, .now = odd};
	if ((odd & 0x80) != 0 && rows > 0) {
		row[0].window_s = 0;
		scribbled = true;
	}
}

static void command_put(struct span *in)
{
	struct api_command c = {.kind = take8(in) & 7, .seq = take32(in)};
	uint8_t odd = take8(in);

	switch (c.kind) {
	case API_CMD_IMAGE:
	case API_CMD_SHADOW:
		c.image.slot = odd & 3;
		c.image.bytes = (odd & 4) != 0 ? take32(in) : take32(in) % (SLOT + 1);
		c.image.version = odd >> 6;
		c.image.spare = odd == 0xff;
		image_place(in, &c);
		break;
	case API_CMD_FLOWS:
		c.flows.max = (odd & 1) != 0 ? take32(in) : odd;
		c.flows.spare = odd == 0xff;
		break;
	case API_CMD_COUNTS:
		c.counts.rows = (odd & 1) != 0 ? take32(in) : odd;
		counts_place(in, c.counts.rows);
		break;
	case API_CMD_DRAIN:
		c.drain.on = odd & 3;
		c.drain.refuse = odd >> 2 & 3;
		c.drain.wait_ms = (odd & 0x10) != 0 ? take32(in) : 0;
		break;
	default:
		c.kind = odd == 0xff ? take32(in) : c.kind;
	}
	if (api_ring_put(&p.command, &c) != 0)
		return;
	owed++;
	swaps_max += c.kind == API_CMD_IMAGE;
	rude |= is_rude(&c);
}

static bool is_spoilt_prefix(const struct addr *a, unsigned len)
{
	const struct prefix of = {*a, (uint8_t)len};

	for (unsigned bit = len; bit < 128; bit++)
		if ((of.addr.b[bit / 8] >> (7 - bit % 8) & 1) != 0)
			return true;
	return len > 128;
}

// Of bits that hosts have none or some.
static struct addr address(struct span *in)
{
	struct addr a = {.b = {[10] = 0xff, [11] = 0xff, [12] = take8(in)}};

	a.b[15] = take8(in) & 3;
	return a;
}

static void binding_put(struct span *in)
{
	const uint8_t odd = take8(in);
	struct api_binding m = {.kind = odd & 7,
		.epoch = take8(in) & 3,
		.addr = address(in),
		.len = take8(in),
		.port_first = take8(in),
		.port_last = take8(in),
		.shared = odd >> 3 & 1,
		.endpoint = take8(in)};
	const bool is_walk = m.kind == API_BIND_BEGIN || m.kind == API_BIND_SWEEP;

	m.spare = odd == 0xff;
	if ((odd & 0x80) == 0) { // most make sense
		m.len = 128;
		m.port_last = UINT16_MAX;
		m.endpoint |= 1;
	}
	if (peer_bind(&p, &m) != 0)
		return;
	rude |= m.kind == API_BIND_NONE || m.kind >= API_BIND_COUNT || m.spare != 0 ||
		(!is_walk &&
			(is_spoilt_prefix(&m.addr, m.len) || m.port_first > m.port_last ||
				(m.kind == API_BIND_SET && m.endpoint == 0)));
}

static void fact_put(struct span *in)
{
	const uint8_t odd = take8(in);
	struct api_fact f = {.kind = odd & 7,
		.epoch = take8(in) & 3,
		.endpoint = take8(in),
		.addr = address(in),
		.len = take8(in),
		.score = take8(in),
		.flags = take8(in),
		.blocked_s = take8(in),
		.auth_s = take32(in)};

	if ((odd & 0x80) == 0) {
		f.len = 128;
		f.score %= API_SCORE_MAX + 1;
		f.flags &= API_FACT_LISTED | API_FACT_EXEMPT;
		f.endpoint |= 1;
		f.blocked_s = f.kind == API_FACT_SENDER ? 0 : f.blocked_s;
	}
	f.spare = odd == 0xff;
	if (peer_tell(&p, &f) != 0)
		return;
	rude |= f.kind == API_FACT_NONE || f.kind >= API_FACT_COUNT || f.spare != 0 ||
		(f.flags & ~(uint32_t)(API_FACT_LISTED | API_FACT_EXEMPT)) != 0 ||
		(f.kind == API_FACT_ENDPOINT && f.endpoint == 0) ||
		(f.kind == API_FACT_SENDER &&
			(is_spoilt_prefix(&f.addr, f.len) || f.score > API_SCORE_MAX ||
				f.blocked_s != 0));
}

static void scribble(struct span *in)
{
	uint64_t at = take32(in) % (p.hello.link_bytes - sizeof(uint32_t));
	uint32_t value = take32(in);

	scribbled = true;
	memcpy(p.mem + at, &value, sizeof(value));
}

static void index_scribble(struct span *in)
{
	uint8_t which = take8(in);
	unsigned w = (which >> 4) % DOUBLE_WORKERS;
	const uint64_t rings[] = {p.hello.command_off, p.hello.event_off, p.hello.outcome_off[w],
		p.hello.record_off[w], p.hello.ask_off[w], p.hello.answer_off[w],
		p.hello.binding_off, p.hello.fact_off};
	struct api_ring_mem *m =
		(void *)(p.mem + rings[(which & 0xc0) == 0xc0 ? 6 + (which & 1) : (which & 3) + (w & 2)]);
	_Atomic uint32_t *index = (which & 4) != 0 ? &m->head : &m->tail;
	uint32_t value = (which & 8) != 0 ? take32(in) : atomic_load(index) + take8(in) - 128u;

	scribbled = true;
	atomic_store(index, value);
}

static void datagram_send(struct span *in)
{
	static const char bytes[64];
	size_t n = take8(in) % sizeof(bytes);
	ssize_t sent = send(p.fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT);

	rude |= sent >= 0 && n != 1;
	ended |= sent == 0;
}

// ---- what the engine does meanwhile

static void outcome_tell(struct span *in)
{
	uint8_t w = take8(in) % DOUBLE_WORKERS;
	const struct eng_outcome o = {.kind = take8(in) % ENG_OUTCOME_COUNT, .count = take32(in)};
	const struct eng_sink *sink = b.eng.sink[w];

	if (sink == NULL)
		return;
	(void)sink->outcome(sink->arg, &o); // full or spoilt is the same to a worker
	CHECK(sink->fill(sink->arg) <= 100);
}

static void record_tell(struct span *in)
{
	uint8_t w = take8(in) % DOUBLE_WORKERS;
	struct eng_record r = {.kind = take8(in) % ENG_REC_COUNT, .helo = take(in, take8(in))};
	const struct eng_sink *sink = b.eng.sink[w];

	r.from = take(in, take8(in));
	r.to = take(in, take8(in));
	r.subject = take(in, take8(in));
	r.reason = (uint16_t)take8(in);
	const struct eng_parted parted = {.stage = take8(in) % ENG_STAGE_COUNT,
		.live = {.code = r.reason},
		.shadow = {.does = take8(in) % ENG_DOES_COUNT}};
	r.parted = r.kind == ENG_REC_SHADOW ? &parted : NULL; // as the engine has it
	if (sink != NULL)
		(void)sink->record(sink->arg, &r);
}

static void question_tell(struct span *in)
{
	uint8_t w = take8(in) % DOUBLE_WORKERS;
	struct eng_question q = {.kind = ENG_ASK_SENDER, .otherwise = ENG_FIND_UNKNOWN};
	const struct eng_sink *sink = b.eng.sink[w];
	struct eng_finding f;

	q.name = take(in, take8(in));
	if (sink == NULL)
		return;
	(void)sink->ask(sink->arg, &q); // as above
	if (sink->finding(sink->arg, &f) == 0) {
		CHECK(f.kind > ENG_ASK_NONE && f.kind < ENG_ASK_COUNT);
		CHECK(f.found > ENG_FIND_NONE && f.found < ENG_FIND_COUNT);
	}
}

static void answer_put(struct span *in)
{
	uint8_t w = take8(in) % DOUBLE_WORKERS;
	const struct api_answer a = {.session = take8(in),
		.kind = take8(in),
		.finding = take8(in),
		.ttl_ms = take32(in)};

	(void)api_ring_put(&p.answer[w], &a); // full is as good
}

static void engine_change(struct span *in)
{
	uint8_t what = take8(in), w = take8(in) % DOUBLE_WORKERS;

	if ((what & 0x80) != 0) { // the table's part
		b.eng.clients.busy = what & 7;
		b.eng.clients.full = (what & 8) != 0;
		b.eng.clients.bindings_left = w;
		b.eng.clients.facts_left = what >> 4 & 3;
		b.eng.unknowing = (what & 0x40) != 0;
		b.eng.health = (what & 1) != 0 ? ENG_HEALTH_UP : ENG_HEALTH_DOWN;
		b.eng.drain_unknown = (what & 2) != 0;
		return;
	}
	switch (what & 3) {
	case 0:
		if (!b.eng.asked[w]) // a list under way keeps its length
			b.eng.rows[w] = (what >> 2) % ROWS;
		break;
	case 1:
		b.eng.asleep[w] = (what & 4) != 0;
		break;
	case 2:
		b.eng.refuse = (what & 4) != 0 ? "double: told to refuse" : NULL;
		b.eng.retired = (what & 8) != 0 ? 64 : 0;
		break;
	default:
		b.eng.busy = (what & 4) != 0;
	}
}

static void crowd(void)
{
	enum { BACKLOG = 8 }; // of the listener, who takes nobody while the engine is busy
	struct peer other;

	if (crowded == BACKLOG)
		return;
	crowded++;
	peer_connect(&other, b.path);
	poll_turn();
	if (!scribbled && !rude) // the first one stays the only one
		CHECK(peer_hello(&other) < 0);
	peer_close(&other);
}

static void step(struct span *in)
{
	uint8_t op = take8(in);

	if (op >= 0xf0) {
		(op & 1) != 0 ? binding_put(in) : fact_put(in);
		return;
	}
	switch (op % 12) {
	case 0:
	case 1:
	case 2:
		command_put(in);
		break;
	case 3:
		(void)send(p.fd, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		break;
	case 4:
		poll_turn();
		break;
	case 5:
		events_take();
		break;
	case 6:
		outcome_tell(in);
		break;
	case 7:
		record_tell(in);
		break;
	case 8:
		engine_change(in);
		break;
	case 9:
		index_scribble(in);
		break;
	case 10:
		op < 128 ? scribble(in) : datagram_send(in);
		break;
	default:
		if (op < 64)
			crowd();
		else if (op < 160)
			question_tell(in);
		else
			answer_put(in);
	}
}

// ---- before and behind

static void engine_rest(void)
{
	b.eng.busy = false;
	b.eng.refuse = NULL;
	b.eng.retired = 0;
	b.eng.clients = (struct tbl_clients){0};
	b.eng.unknowing = false;
	for (unsigned w = 0; w < DOUBLE_WORKERS; w++)
		b.eng.asleep[w] = false;
}

static void rules_check(void)
{
	const struct api_stats *s = bench_stats(&p);

	for (unsigned i = 0; i < IDLE_TURNS && lnk_is_attached(b.lnk); i++) {
		events_take();
		poll_turn();
		if (owed == 0 && !rude && !scribbled)
			break;
	}
	if (!scribbled && !rude) {
		events_take();
		CHECK(owed == 0);
		CHECK(lnk_is_attached(b.lnk));
	} else if (!scribbled) {
		CHECK(!lnk_is_attached(b.lnk));
		CHECK(ended || s->link_refused > 0);
	}
	stats_unmap(s);
}

// The end of its socket lies behind its bells, of which a turn reads some.
static void peer_end(struct peer *peer)
{
	peer_close(peer);
	(void)bench_poll(&b);
	for (unsigned i = 0; i < IDLE_TURNS && lnk_is_attached(b.lnk); i++)
		(void)bench_poll(&b);
	CHECK(!lnk_is_attached(b.lnk));
}

static void newcomer_is_served(void)
{
	const struct api_command ping = {.kind = API_CMD_PING, .seq = 0x5eed};
	struct api_event e;
	struct peer next;

	for (unsigned i = 0; i < IDLE_TURNS && bench_poll(&b) != RESTS_MS; i++)
		;
	CHECK(!lnk_is_attached(b.lnk));
	peer_attach(&b, &next);
	peer_send(&next, &ping);
	CHECK(peer_event(&b, &next, &e) == 0);
	CHECK(e.kind == API_EVT_ACK && e.seq == 0x5eed && e.status == 0);
	peer_end(&next);
}

// Of sockets and memory: pipes are libFuzzer's own.
static unsigned fds_count(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < FDS_MAX; fd++) {
		char path[64], what[64] = "";

		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (fcntl(fd, F_GETFD) < 0)
			continue;
		n += readlink(path, what, sizeof(what) - 1) > 0 &&
			(strncmp(what, "socket:", 7) == 0 || strstr(what, "memfd:") != NULL);
	}
	return n;
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *, char ***)
{
	CHECK(setenv("CMOCKA_TEST_ABORT", "1", 1) == 0); // a failed assertion ends the run here
	log_sink_set(quiet, NULL);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const unsigned fds = fds_count(), maps = count_maps();
	struct span in = {data, size};

	scribbled = rude = ended = false;
	crowded = 0;
	owed = 0;
	swaps_max = 0;
	bench_open_cells(&b, SLOT, CELLS);
	peer_attach(&b, &p);
	for (unsigned i = 0; i < OPS_MAX && in.n > 0; i++)
		step(&in);
	engine_rest();
	rules_check();
	peer_end(&p);
	newcomer_is_served();
	bench_close(&b);
	CHECK(fds_count() == fds && count_maps() == maps);
	return 0;
}

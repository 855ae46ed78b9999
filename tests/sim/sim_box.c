// SPDX-License-Identifier: BSD-3-Clause
// The real engine in simulated time: see sim_box.h.
#include "sim_box.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>

#include "cfg.h"
#include "cfg_rules.h"
#include "compile.h"
#include "eng.h"
#include "eng_meta.h"
#include "eng_reason.h"
#include "sim.h"
#include "sim_noeal.h"

enum { OUT_A_TURN_MAX = 220, IMAGES = 2, TICK_US = 250 };

// Errors cost nothing and end nothing.
#define NO_DELAY "max_errors: 0, error_delay_s: 0, error_delay_step_s: 0"

static const char CONFIG[] =
	"dataplane: {mode: pair, main_core: 1, workers: [0], ports: [{name: access, dev: "
	"net_null0}, "
	"{name: core, dev: net_null1}], pairs: [[access, core]]}\n"
	"pickup: {ports: [25]}\n"
	"session_profiles: {plain: {mask_unknown: false, " NO_DELAY
	"}, closed: {prevent_encryption: true, " NO_DELAY "}, "
	"strict: {strict_lines: refuse, " NO_DELAY "}, chunks: {mask_chunking: true, " NO_DELAY
	"}, few: {mask_unknown: false, max_recipients: 2, pipelining: loose, " NO_DELAY
	"}, slow: {mask_unknown: false, max_recipients: 2, max_errors: 6, max_recipient_errors: "
	"12, errors_free: 1, error_delay_s: 1, error_delay_step_s: 1}, "
	"single: {mask_unknown: false, pipelining: no, max_errors: 2, max_rset: 2, "
	"error_delay_s: 0, error_delay_step_s: 0}}\n"
	"content_profiles: {spam: {threshold: 5, action: reject}, later: {threshold: 5, action: "
	"tempfail}, "
	"quiet: {threshold: 5, action: discard}, look: {threshold: 5, action: monitor}}\n"
	"policies:\n"
	"- {name: plain4, source: 10.0.1.0/24, action: inspect, session: plain, content: spam}\n"
	"- {name: plain6, source: \"fd00:1::/32\", action: inspect, session: plain, content: spam}\n"
	"- {name: closed4, source: 10.0.2.0/24, action: inspect, session: closed, content: spam}\n"
	"- {name: closed6, source: \"fd00:2::/32\", action: inspect, session: closed, content: spam}\n"
	"- {name: later4, source: 10.0.3.0/24, action: inspect, session: plain, content: later}\n"
	"- {name: later6, source: \"fd00:3::/32\", action: inspect, session: plain, content: later}\n"
	"- {name: quiet4, source: 10.0.4.0/24, action: inspect, session: plain, content: quiet}\n"
	"- {name: quiet6, source: \"fd00:4::/32\", action: inspect, session: plain, content: quiet}\n"
	"- {name: look4, source: 10.0.5.0/24, action: inspect, session: plain, content: look}\n"
	"- {name: look6, source: \"fd00:5::/32\", action: inspect, session: plain, content: look}\n"
	"- {name: strict4, source: 10.0.6.0/24, action: inspect, session: strict, content: spam}\n"
	"- {name: strict6, source: \"fd00:6::/32\", action: inspect, session: strict, content: spam}\n"
	"- {name: reject4, source: 10.0.7.0/24, action: reject}\n"
	"- {name: reject6, source: \"fd00:7::/32\", action: reject}\n"
	"- {name: chunks4, source: 10.0.8.0/24, action: inspect, session: chunks, content: spam}\n"
	"- {name: chunks6, source: \"fd00:8::/32\", action: inspect, session: chunks, content: spam}\n"
	"- {name: few4, source: 10.0.10.0/24, action: inspect, session: few, content: spam}\n"
	"- {name: few6, source: \"fd00:a::/32\", action: inspect, session: few, content: spam}\n"
	"- {name: slow4, source: 10.0.11.0/24, action: inspect, session: slow, content: spam}\n"
	"- {name: slow6, source: \"fd00:b::/32\", action: inspect, session: slow, content: spam}\n"
	"- {name: single4, source: 10.0.12.0/24, action: inspect, session: single, content: spam}\n"
	"- {name: single6, source: \"fd00:c::/32\", action: inspect, session: single, content: spam}\n"
	"- {name: bare4, source: 10.0.9.0/24, action: inspect, content: spam}\n"
	"- {name: bare6, source: \"fd00:9::/32\", action: inspect, content: spam}\n";

static const char RULES[] = "1 body 100 l buy-now-cheap\n"
			    "2 header 100 l buy-now-cheap\n";

static uint8_t *image[IMAGES];
static size_t image_n[IMAGES];

bool box_images_make(void)
{
	const struct cfg_ruleset *set;
	struct err_list err;
	struct cfg *cfg;
	bool ok = true;

	err_init(&err);
	cfg = cfg_load_text(CONFIG, strlen(CONFIG), "sim", "/", &err);
	set = cfg_rules_load_text(RULES, strlen(RULES), "sim.rules", &err);
	for (unsigned i = 0; cfg != NULL && set != NULL && i < IMAGES && ok; i++)
		ok = compile_image(&(struct compile_input){.cfg = cfg,
					   .rulesets = &set,
					   .nrulesets = 1,
					   .version = i + 1},
			     &image[i], &image_n[i], &err) == 0;
	if (cfg == NULL || set == NULL || !ok) {
		err_print(&err, stderr);
		return false;
	}
	cfg_rules_free((struct cfg_ruleset *)(uintptr_t)set);
	cfg_free(cfg);
	return true;
}

void box_images_free(void)
{
	for (unsigned i = 0; i < IMAGES; i++)
		free(image[i]);
}

static struct sim *running; // whose engine calls back

static struct conn *conn_of(struct sim *s, uint16_t client_port)
{
	for (unsigned i = 0; i < s->nconns; i++)
		if (s->conn[i].path.client_port == client_port)
			return &s->conn[i];
	return NULL;
}

static int take_record(void *, const struct eng_record *r)
{
	struct conn *c = conn_of(running, r->who.client_port);

	if (c == NULL)
		return 0;
	if (r->kind == ENG_REC_MESSAGE) {
		sim_note(running, "%u record: message, verdict %d, code %u", c->index, r->verdict,
			r->code);
		c->verdicts[r->verdict % 8]++;
	} else if (r->kind == ENG_REC_REFUSAL) {
		c->refusals++;
	} else {
		sim_note(running, "%u record: session over, %s", c->index,
			r->reason == ENG_REASON_NONE ? "no reason"
						     : eng_stat_names[r->reason].name);
	}
	return 0;
}

static int take_outcome(void *, const struct eng_outcome *)
{
	return 0;
}

static unsigned never_full(void *)
{
	return 0;
}

static const struct eng_sink sink = {
	.outcome = take_outcome, .record = take_record, .fill = never_full};

static bool image_load(struct sim *s, unsigned which)
{
	struct err_list err;
	struct eng_image *img;

	err_init(&err);
	img = eng_image_new(s->box.eng, image[which], image_n[which], &err);
	if (img == NULL) {
		err_print(&err, stderr);
		sim_fail(s, "no image");
		return false;
	}
	eng_image_swap(s->box.eng, img);
	s->box.version = which + 1;
	return true;
}

bool box_start(struct sim *s)
{
	struct eng_conf conf = {.mode = ENG_MODE_PAIR,
		.workers = 1,
		.ports = 2,
		.port = {{.peer = 1}, {.peer = 0, .side = 1}},
		.flows = s->plan.flows,
		.messages = s->plan.messages,
		.slabs = s->plan.slabs,
		.socket = 0};
	struct box *b = &s->box;
	struct err_list err;

	running = s;
	if (b->pool == NULL)
		b->pool = sim_pool_new((sizeof(struct eng_meta) + 7) & ~7u,
			RTE_PKTMBUF_HEADROOM + FRAME_MAX + 256);
	if (b->total == NULL)
		b->total = calloc(eng_stat_count, sizeof(*b->total));
	b->counters = calloc(eng_stat_count, sizeof(*b->counters));
	conf.pool = b->pool;
	err_init(&err);
	b->eng = eng_new(&conf, &err);
	if (b->eng == NULL || b->counters == NULL || b->total == NULL) {
		err_print(&err, stderr);
		sim_fail(s, "no engine");
		return false;
	}
	b->w = eng_worker_at(b->eng, 0);
	eng_stats_bind(b->w, b->counters, NULL, 0);
	b->alive = true;
	if (!image_load(s, 0))
		return false;
	eng_sink_set(b->eng, 0, &sink);
	(void)eng_turn(b->w, s->now);
	b->wake_at = s->now;
	return true;
}

static void out_free(struct box *b)
{
	for (uint16_t port = 0; port < 2; port++) {
		struct eng_out *out = eng_out_of(b->w, port);

		for (unsigned i = 0; i < out->n; i++)
			rte_pktmbuf_free(out->pkts[i]);
		out->n = 0;
	}
}

void box_stop(struct sim *s)
{
	struct box *b = &s->box;

	if (!b->alive)
		return;
	out_free(b);
	for (unsigned i = 0; i < eng_stat_count; i++)
		if (eng_stat_names[i].kind < ENG_STAT_GAUGE)
			b->total[i] += b->counters[i];
	for (unsigned i = 0; i < 100; i++) // what waits to be read is freed by being read
		if (eng_wait_us(b->w, s->now) != 0 || eng_turn(b->w, s->now) == 0)
			break;
	out_free(b);
	eng_free(b->eng);
	free(b->counters);
	b->counters = NULL;
	b->alive = false;
}

void box_restart(struct sim *s)
{
	sim_note(s, "--- the worker is killed and started anew");
	box_stop(s);
	(void)box_start(s);
	sim_row(s, ROW_WORKER_RESTART);
}

void box_swap(struct sim *s)
{
	sim_note(s, "--- another policy image");
	(void)image_load(s, s->box.version % IMAGES);
}

void box_fini(struct sim *s)
{
	box_stop(s);
	free(s->box.total);
	sim_pool_free(s->box.pool);
	s->box.pool = NULL;
	s->box.total = NULL;
}

uint64_t box_count(const struct sim *s, unsigned reason)
{
	return s->box.total[reason] + (s->box.alive ? s->box.counters[reason] : 0);
}

static void deliver(struct sim *s, uint16_t port)
{
	struct eng_out *out = eng_out_of(s->box.w, port);
	unsigned n = out->n;

	if (n > OUT_A_TURN_MAX)
		sim_fail(s, "%u frames to port %u in one turn", n, port);
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = out->pkts[i];
		struct sim_frame f = {.n = m->data_len};
		struct conn *c;
		enum sim_side from;
		uint16_t client_port;
		struct sim_seg seg;

		if (m->pkt_len != m->data_len || m->nb_segs != 1 || f.n > sizeof(f.b)) {
			sim_fail(s, "a chained or overlong frame left");
			f.n = 0;
		}
		memcpy(f.b, rte_pktmbuf_mtod(m, uint8_t *), f.n);
		rte_pktmbuf_free(m);
		s->box.out++;
		if (f.n == 0)
			continue;
		if (!sim_frame_read(f.b, f.n, &from, &client_port, &seg)) {
			sim_fail(s, "a frame left that is no TCP of ours");
			continue;
		}
		c = conn_of(s, client_port);
		if (c == NULL || from == port) {
			sim_fail(s, "a frame left by the wrong port, or of nobody");
			continue;
		}
		oracle_out(c, from, &seg);
		net_from_box(c, port, &f);
	}
	out->n = 0;
}

static void delivered(struct sim *s)
{
	struct box *b = &s->box;
	uint32_t wait;

	if (s->box.fed == NULL)
		s->box.fed = &s->conn[0];
	sim_cuts_note(s->box.fed);
	deliver(s, 0);
	deliver(s, 1);
	wait = eng_wait_us(b->w, s->now);
	b->wake_at = s->now + (wait < TICK_US ? TICK_US : wait);
}

void box_turn(struct sim *s)
{
	s->box.turns++;
	(void)eng_turn(s->box.w, s->now);
	(void)eng_image_reap(s->box.eng);
	delivered(s);
}

void box_rx(struct sim *s, struct conn *c, enum sim_side port, const struct sim_frame *f)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(s->box.pool);

	s->box.in++;
	s->box.fed = c;
	memcpy(rte_pktmbuf_mtod(m, uint8_t *), f->b, f->n);
	m->data_len = f->n;
	m->pkt_len = f->n;
	eng_rx(s->box.w, (uint16_t)port, &m, 1, s->now);
	if (!s->plan.lazy || dice_is(&s->dice, 500))
		box_turn(s);
	else
		delivered(s);
}

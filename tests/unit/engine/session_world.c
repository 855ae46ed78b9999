// SPDX-License-Identifier: BSD-3-Clause
// The world of session tests: see session_world.h.
#include "session_world.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_eal.h>
#include <rte_mbuf.h>

#include "addr.h"
#include "compile.h"
#include "seq.h"
#include "suite_counters.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { MBUFS = 4095 };

#define PORTS                                                                              \
	"dataplane: {mode: pair, main_core: 1, workers: [0], ports: [{name: access, dev: " \
	"net_null0}, {name: core, dev: net_null1}], pairs: [[access, core]]}\n"
// For those that speak of the port "other": two more, which nothing comes in by.
#define MORE_PORTS                                                                         \
	"dataplane: {mode: pair, main_core: 1, workers: [0], ports: [{name: access, dev: " \
	"net_null0}, {name: core, dev: net_null1}, {name: other, dev: net_null2}, "        \
	"{name: more, dev: net_null3}], pairs: [[access, core], [other, more]]}\n"
#define PICKUP "pickup: {ports: [25]}\n"

// Errors cost nothing and end nothing.
#define NO_DELAY "max_errors: 0, error_delay_s: 0, error_delay_step_s: 0"

static const char CONFIG[] = PORTS PICKUP
	"session_profiles: {plain: {mask_unknown: false, " NO_DELAY
	"}, closed: {prevent_encryption: true, " NO_DELAY "}, "
	"strict: {strict_lines: refuse, " NO_DELAY "}, brief: {idle_s: 60, " NO_DELAY "}, "
	"counted: {max_helo: 2, max_mail: 2, max_noop: 2, max_rset: 2, max_errors: 3, "
	"max_recipient_errors: 8, error_delay_s: 0, error_delay_step_s: 0}, "
	"sized: {max_message_kb: 2, max_header_kb: 1, max_recipients: 2, " NO_DELAY "}, "
	"slow: {max_errors: 3, errors_free: 1, error_delay_s: 4, error_delay_step_s: 3}, "
	"checked: {syntax_check: true, helo_characters: true, prevent_encryption: true, "
	"prevent_open_relaying: always, " NO_DELAY "}, "
	"group: {prevent_open_relaying: if_offered, pipelining: strict, " NO_DELAY "}, "
	"single: {pipelining: no, " NO_DELAY "}, loose: {pipelining: loose, " NO_DELAY "}, "
	"asks: {mask_unknown: false, check_helo_domain: true, check_sender_domain: exists, "
	"check_recipient_domain: true, reject_empty_domain: true, " NO_DELAY "}, "
	"resolved: {mask_unknown: false, check_sender_domain: resolved, " NO_DELAY "}, "
	"blocks: {blocked_servers: [192.0.2.0/28, 192.0.2.25, \"2001:db8::/32\"]}, "
	"two: {client_connections: 2}, rate: {client_rate: 3, client_rate_min: 10}, total: "
	"{total_connections: 3}, both: {client_connections: 2, client_rate: 4, total_connections: "
	"3}, "
	"tight: {max_recipients: 1, max_errors: 2, errors_free: 7, error_delay_s: 30, "
	"error_delay_step_s: 0, idle_s: 10}}\n"
	"content_profiles: {spam: {threshold: 5, action: reject}, later: {threshold: 5, action: "
	"tempfail}, "
	"quiet: {threshold: 5, action: discard}, look: {threshold: 5, action: monitor}}\n"
	"policies:\n"
	"- {name: plain, source: 10.0.1.0/24, action: inspect, session: plain, content: spam}\n"
	"- {name: closed, source: 10.0.2.0/24, action: inspect, session: closed, content: spam}\n"
	"- {name: reject, source: 10.0.3.0/24, action: reject}\n"
	"- {name: later, source: 10.0.4.0/24, action: tempfail}\n"
	"- {name: pass, source: 10.0.5.0/24, action: pass}\n"
	"- {name: drop, source: 10.0.6.0/24, action: drop}\n"
	"- {name: tempfail, source: 10.0.7.0/24, action: inspect, session: plain, content: later}\n"
	"- {name: discard, source: 10.0.8.0/24, action: inspect, session: plain, content: quiet}\n"
	"- {name: monitor, source: 10.0.9.0/24, action: inspect, session: plain, content: look}\n"
	"- {name: strict, source: 10.0.10.0/24, action: inspect, session: strict, content: spam}\n"
	"- {name: unscanned, source: 10.0.11.0/24, action: inspect, session: plain}\n"
	"- {name: counted, source: 10.0.12.0/24, action: inspect, session: counted, content: spam}\n"
	"- {name: sized, source: 10.0.13.0/24, action: inspect, session: sized, content: spam}\n"
	"- {name: slow, source: 10.0.14.0/24, action: inspect, session: slow, content: spam}\n"
	"- {name: checked, source: 10.0.15.0/24, action: inspect, session: checked, content: spam}\n"
	"- {name: group, source: 10.0.16.0/24, action: inspect, session: group, content: spam}\n"
	"- {name: single, source: 10.0.17.0/24, action: inspect, session: single, content: spam}\n"
	"- {name: loose, source: 10.0.18.0/24, action: inspect, session: loose, content: spam}\n"
	"- {name: tight, source: 10.0.19.0/24, action: inspect, session: tight, content: spam}\n"
	"- {name: asks, source: 10.0.22.0/24, action: inspect, session: asks, content: spam}\n"
	"- {name: resolved, source: 10.0.23.0/24, action: inspect, session: resolved}\n"
	"- {name: blocks, source: 10.0.24.0/24, action: inspect, session: blocks}\n"
	"- {name: two, source: 10.0.40.0/24, action: inspect, session: two}\n"
	"- {name: rate, source: 10.0.41.0/24, action: inspect, session: rate}\n"
	"- {name: total, source: 10.0.42.0/24, action: inspect, session: total}\n"
	"- {name: both, source: 10.0.43.0/24, action: inspect, session: both}\n"
	"- {name: two-six, source: \"fd78::/16\", action: inspect, session: two}\n"
	"- {name: six, source: \"fd77::/16\", action: inspect, session: plain, content: spam}\n";

static const char RULES[] = "1 body 100 l buy-now-cheap\n"
			    "2 header 100 il x-spam: very\n"
			    "3 rcpt 100 l trap@\n"
			    "4 helo 100 l bad.example\n";

struct world world;
struct rte_mempool *world_pool;

static uint8_t *image_bytes;
static size_t image_n;

static void fail_errors(const struct err_list *err)
{
	err_print(err, stderr);
	fail_msg("%s", "see above");
}

int world_start(void **)
{
	char name[] = "session_test", huge[] = "--no-huge", alone[] = "--no-shconf", m[] = "-m",
	     size[] = "256", pci[] = "--no-pci", telemetry[] = "--no-telemetry",
	     log[] = "--log-level=error", l[] = "-l", core[] = "0";
	char *args[] = {name, huge, alone, m, size, pci, telemetry, log, l, core};
	const struct cfg_ruleset *set;
	struct err_list err;
	struct cfg *cfg;

	if (rte_eal_init(COUNT(args), args) < 0)
		return -1;
	world_pool =
		rte_pktmbuf_pool_create("frames", MBUFS, 0, (sizeof(struct eng_meta) + 7) & ~7u,
			RTE_PKTMBUF_HEADROOM + FRAME_ROOM, SOCKET_ID_ANY);
	if (world_pool == NULL)
		return -1;
	err_init(&err);
	cfg = cfg_load_text(CONFIG, strlen(CONFIG), "session_test", "/", &err);
	set = cfg_rules_load_text(RULES, strlen(RULES), "session_test.rules", &err);
	if (cfg == NULL || set == NULL ||
		compile_image(
			&(struct compile_input){
				.cfg = cfg, .rulesets = &set, .nrulesets = 1, .version = 1},
			&image_bytes, &image_n, &err) != 0) {
		err_print(&err, stderr);
		return -1;
	}
	cfg_rules_free((struct cfg_ruleset *)(uintptr_t)set);
	cfg_free(cfg);
	return 0;
}

static struct eng_image *image_of(const void *bytes, size_t n)
{
	struct err_list err;
	struct eng_image *img;

	err_init(&err);
	img = eng_image_new(world.eng, bytes, n, &err);
	if (img == NULL)
		fail_errors(&err);
	return img;
}

struct made { // an image's bytes
	uint8_t *bytes;
	size_t n;
};

static struct made make(const char *rest, const char *rules, uint64_t version)
{
	static char text[8192];
	const struct cfg_ruleset *set;
	struct err_list err;
	struct made made = {0};
	struct cfg *cfg;

	err_init(&err);
	(void)snprintf(text, sizeof(text), "%s%s%s",
		strstr(rest, "[other") == NULL ? PORTS : MORE_PORTS,
		strstr(rest, "pickup:") == NULL ? PICKUP : "", rest);
	cfg = cfg_load_text(text, strlen(text), "session_test", "/", &err);
	set = cfg_rules_load_text(rules, strlen(rules), "session_test.rules", &err);
	if (cfg == NULL || set == NULL ||
		compile_image(
			&(struct compile_input){
				.cfg = cfg, .rulesets = &set, .nrulesets = 1, .version = version},
			&made.bytes, &made.n, &err) != 0)
		fail_errors(&err);
	cfg_rules_free((struct cfg_ruleset *)(uintptr_t)set);
	cfg_free(cfg);
	return made;
}

void world_use_rules(const char *rest, const char *rules, uint64_t version)
{
	struct made made = make(rest, rules, version);

	eng_image_swap(world.eng, image_of(made.bytes, made.n));
	(void)eng_turn(world.w, world.now_us);
	free(made.bytes);
}

void world_shadow(const char *rest, const char *rules, uint64_t version)
{
	struct made made = make(rest, rules == NULL ? RULES : rules, version);
	struct err_list err;

	err_init(&err);
	if (eng_shadow_begin(world.eng, made.bytes, made.n, &err) != 0)
		fail_errors(&err);
	(void)eng_turn(world.w, world.now_us);
	free(made.bytes);
}

void world_use(const char *rest, uint64_t version)
{
	world_use_rules(rest, RULES, version);
}

int world_stop(void **)
{
	free(image_bytes);
	rte_mempool_free(world_pool);
	return rte_eal_cleanup();
}

static int take_record(void *, const struct eng_record *r)
{
	if (world.deaf)
		return -EAGAIN;
	if (r->kind == ENG_REC_SHADOW) {
		assert_true(world.nparted < RECORDS_MAX);
		world.parted[world.nparted] = *r->parted;
		world.parted_who[world.nparted++] = r->who;
		return 0;
	}
	world.helo_n = r->helo.n < sizeof(world.helo) ? r->helo.n : sizeof(world.helo);
	if (world.helo_n > 0)
		memcpy(world.helo, r->helo.p, world.helo_n);
	world.has_subject = r->subject.p != NULL;
	world.subject_n = span_sub(r->subject, 0, sizeof(world.subject)).n;
	if (world.subject_n > 0)
		memcpy(world.subject, r->subject.p, world.subject_n);
	if (world.nrecords < RECORDS_MAX)
		world.records[world.nrecords++] = *r;
	return 0;
}

static int take_outcome(void *, const struct eng_outcome *o)
{
	world.outcomes[o->kind % COUNT(world.outcomes)] += o->count;
	world.outcome = *o;
	return 0;
}

static unsigned never_full(void *)
{
	return 0;
}

static const struct eng_sink sink = {
	.outcome = take_outcome, .record = take_record, .fill = never_full};

static int world_make(uint32_t flows, uint32_t messages, uint32_t slabs, uint32_t clients)
{
	struct eng_conf conf = {.mode = ENG_MODE_PAIR,
		.workers = 1,
		.ports = 2,
		.port = {{.peer = 1}, {.peer = 0, .side = 1}},
		.flows = flows,
		.messages = messages,
		.slabs = slabs,
		.limit_cells = 1, // a bucket of 31
		.bindings = clients,
		.endpoints = clients,
		.senders = clients,
		.pool = world_pool,
		.socket = SOCKET_ID_ANY};
	struct err_list err;

	memset(&world, 0, sizeof(world));
	world.now_us = 5000000;
	err_init(&err);
	world.eng = eng_new(&conf, &err);
	if (world.eng == NULL)
		fail_errors(&err);
	world.w = eng_worker_at(world.eng, 0);
	eng_image_swap(world.eng, image_of(image_bytes, image_n));
	eng_sink_set(world.eng, 0, &sink);
	(void)eng_turn(world.w, world.now_us);
	return 0;
}

int world_new_sized(uint32_t flows, uint32_t messages, uint32_t slabs)
{
	return world_make(flows, messages, slabs, 0);
}

int world_new_knowing(uint32_t clients)
{
	return world_make(63, 15, 2047, clients);
}

int world_new(void **)
{
	return world_new_sized(63, 15, 2047);
}

void pass_ms(uint64_t ms)
{
	uint64_t until = world.now_us + ms * 1000;

	while (world.now_us < until) {
		uint64_t step = eng_wait_us(world.w, world.now_us);

		step = step < 1000 ? 1000 : step;
		world.now_us = world.now_us + step < until ? world.now_us + step : until;
		world.done += eng_turn(world.w, world.now_us);
		settle();
	}
}

void world_look(void)
{
	suite_counters_look(world.w);
}

int world_end(void **)
{
	world_look();
	ends_mute();              // whoever is still there falls silent
	pass_ms(4 * 3600 * 1000); // longer than what passes may stay
	(void)eng_turn(world.w, world.now_us + 1000);
	uint64_t flows = counter(GAUGE_FLOWS) + counter(GAUGE_HALF_OPEN),
		 slabs = counter(GAUGE_SLABS), messages = counter(GAUGE_MESSAGES);

	suite_counters_add(world.w);
	eng_free(world.eng); // first: the next case needs its memory
	ends_forget();
	assert_int_equal(flows, 0);
	assert_int_equal(slabs, 0);
	assert_int_equal(messages, 0);
	assert_int_equal(rte_mempool_in_use_count(world_pool), 0);
	return 0;
}

uint64_t counter(enum eng_reason r)
{
	return world.w->counters[r];
}

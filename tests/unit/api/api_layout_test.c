// SPDX-License-Identifier: BSD-3-Clause
// The layout of everything that lies in the link's memory. Both planes are built from one tree but
// may be restarted one by one: whoever changes a line here raises API_LINK_VERSION (or
// API_STATS_VERSION) and this test with it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api_cells.h"
#include "api_link.h"
#include "api_ring.h"
#include "api_stats.h"

#define SIZE(s, bytes)                                  \
	{                                               \
#s, NULL, 0, bytes, 0, sizeof(struct s) \
	}
#define FIELD(s, f, off, bytes)                                                       \
	{                                                                             \
#s, #f, off, bytes, offsetof(struct s, f), sizeof(((struct s *)0)->f) \
	}

// clang-format off
static const struct {
	const char *type, *field;
	size_t want_off, want_bytes, off, bytes;
} layout[] = {
	SIZE(api_hello, 2216),
	FIELD(api_hello, magic, 0, 8),
	FIELD(api_hello, version, 8, 4),
	FIELD(api_hello, workers, 12, 4),
	FIELD(api_hello, boot, 16, 8),
	FIELD(api_hello, epoch, 24, 8),
	FIELD(api_hello, link_bytes, 32, 8),
	FIELD(api_hello, stats_bytes, 40, 8),
	FIELD(api_hello, image_version, 48, 8),
	FIELD(api_hello, command_off, 56, 8),
	FIELD(api_hello, event_off, 64, 8),
	FIELD(api_hello, outcome_off, 72, 512),
	FIELD(api_hello, record_off, 584, 512),
	FIELD(api_hello, ask_off, 1096, 512),
	FIELD(api_hello, answer_off, 1608, 512),
	FIELD(api_hello, slot_off, 2120, 24),
	FIELD(api_hello, slot_bytes, 2144, 8),
	FIELD(api_hello, pid, 2152, 4),
	FIELD(api_hello, counts_open, 2156, 4),
	FIELD(api_hello, cells_bytes, 2160, 8),
	FIELD(api_hello, counts_off, 2168, 8),
	FIELD(api_hello, counts_bytes, 2176, 8),
	FIELD(api_hello, binding_off, 2184, 8),
	FIELD(api_hello, fact_off, 2192, 8),
	FIELD(api_hello, bindings, 2200, 4),
	FIELD(api_hello, endpoints, 2204, 4),
	FIELD(api_hello, senders, 2208, 4),
	FIELD(api_hello, spare, 2212, 4),
	SIZE(api_command, 56),
	FIELD(api_command, kind, 0, 4),
	FIELD(api_command, seq, 4, 4),
	FIELD(api_command, image.slot, 8, 4),
	FIELD(api_command, image.spare, 12, 4),
	FIELD(api_command, image.bytes, 16, 8),
	FIELD(api_command, image.version, 24, 8),
	FIELD(api_command, flows.max, 8, 4),
	FIELD(api_command, flows.spare, 12, 4),
	FIELD(api_command, drain.on, 8, 4),
	FIELD(api_command, drain.refuse, 12, 4),
	FIELD(api_command, drain.wait_ms, 16, 8),
	FIELD(api_command, counts.rows, 8, 8),
	FIELD(api_command, counts.secret, 16, 16),
	FIELD(api_command, pad, 8, 48),
	SIZE(api_flow, 96),
	FIELD(api_flow, client, 0, 16),
	FIELD(api_flow, server, 16, 16),
	FIELD(api_flow, client_port, 32, 2),
	FIELD(api_flow, server_port, 34, 2),
	FIELD(api_flow, vlan, 36, 2),
	FIELD(api_flow, context, 38, 2),
	FIELD(api_flow, lane, 40, 1),
	FIELD(api_flow, worker, 41, 1),
	FIELD(api_flow, state, 42, 1),
	FIELD(api_flow, spare8, 43, 1),
	FIELD(api_flow, policy, 44, 4),
	FIELD(api_flow, policy_version, 48, 8),
	FIELD(api_flow, age_ms, 56, 8),
	FIELD(api_flow, idle_ms, 64, 8),
	FIELD(api_flow, client_bytes, 72, 8),
	FIELD(api_flow, server_bytes, 80, 8),
	FIELD(api_flow, session, 88, 8),
	SIZE(api_event, 144),
	FIELD(api_event, kind, 0, 4),
	FIELD(api_event, seq, 4, 4),
	FIELD(api_event, status, 8, 4),
	FIELD(api_event, spare, 12, 4),
	FIELD(api_event, text, 16, 128),
	FIELD(api_event, flow, 16, 96),
	SIZE(api_outcome, 56),
	FIELD(api_outcome, kind, 0, 4),
	FIELD(api_outcome, count, 4, 4),
	FIELD(api_outcome, client, 8, 16),
	FIELD(api_outcome, context, 24, 2),
	FIELD(api_outcome, spare16, 26, 2),
	FIELD(api_outcome, session_profile, 28, 4),
	FIELD(api_outcome, image_version, 32, 8),
	FIELD(api_outcome, endpoint, 40, 8),
	FIELD(api_outcome, context_key, 48, 4),
	FIELD(api_outcome, vlan, 52, 2),
	FIELD(api_outcome, spare, 54, 2),
	SIZE(api_record, 552),
	FIELD(api_record, kind, 0, 2),
	FIELD(api_record, worker, 2, 2),
	FIELD(api_record, policy, 4, 4),
	FIELD(api_record, image_version, 8, 8),
	FIELD(api_record, at_us, 16, 8),
	FIELD(api_record, session, 24, 8),
	FIELD(api_record, client, 32, 16),
	FIELD(api_record, server, 48, 16),
	FIELD(api_record, client_port, 64, 2),
	FIELD(api_record, server_port, 66, 2),
	FIELD(api_record, vlan, 68, 2),
	FIELD(api_record, context, 70, 2),
	FIELD(api_record, endpoint, 72, 8),
	FIELD(api_record, session_end.duration_us, 80, 8),
	FIELD(api_record, session_end.client_bytes, 88, 8),
	FIELD(api_record, session_end.server_bytes, 96, 8),
	FIELD(api_record, session_end.messages, 104, 4),
	FIELD(api_record, session_end.refused, 108, 4),
	FIELD(api_record, session_end.lane, 112, 4),
	FIELD(api_record, session_end.reason, 116, 2),
	FIELD(api_record, session_end.tls, 118, 1),
	FIELD(api_record, session_end.auth, 119, 1),
	FIELD(api_record, message.id, 80, 8),
	FIELD(api_record, message.octets, 88, 8),
	FIELD(api_record, message.scan_ns, 96, 4),
	FIELD(api_record, message.recipients, 100, 4),
	FIELD(api_record, message.score, 104, 4),
	FIELD(api_record, message.threshold, 108, 4),
	FIELD(api_record, message.rules, 112, 32),
	FIELD(api_record, message.rules_total, 144, 4),
	FIELD(api_record, message.code, 148, 2),
	FIELD(api_record, message.verdict, 150, 1),
	FIELD(api_record, message.bdat, 151, 1),
	FIELD(api_record, message.reason, 152, 2),
	FIELD(api_record, message.access, 154, 2),
	FIELD(api_record, message.access_image, 156, 4),
	FIELD(api_record, message.helo, 160, 64),
	FIELD(api_record, message.from, 224, 96),
	FIELD(api_record, message.to, 320, 96),
	FIELD(api_record, message.has_subject, 416, 1),
	FIELD(api_record, message.subject_len, 417, 1),
	FIELD(api_record, message.subject, 418, 128),
	FIELD(api_record, refusal.id, 80, 8),
	FIELD(api_record, refusal.code, 88, 2),
	FIELD(api_record, refusal.reason, 90, 2),
	FIELD(api_record, refusal.limit, 92, 4),
	FIELD(api_record, refusal.value, 96, 4),
	FIELD(api_record, refusal.access, 100, 4),
	FIELD(api_record, refusal.access_image, 104, 4),
	FIELD(api_record, shadow.candidate, 80, 8),
	FIELD(api_record, shadow.policy, 88, 4),
	FIELD(api_record, shadow.stage, 92, 1),
	FIELD(api_record, shadow.spare, 93, 3),
	FIELD(api_record, shadow.live, 96, 60),
	FIELD(api_record, shadow.shadow, 156, 60),
	SIZE(api_decision, 60),
	FIELD(api_decision, code, 0, 2),
	FIELD(api_decision, reason, 2, 2),
	FIELD(api_decision, does, 4, 1),
	FIELD(api_decision, spare, 5, 3),
	FIELD(api_decision, limit, 8, 4),
	FIELD(api_decision, value, 12, 4),
	FIELD(api_decision, access, 16, 4),
	FIELD(api_decision, score, 20, 4),
	FIELD(api_decision, threshold, 24, 4),
	FIELD(api_decision, rules, 28, 32),
	SIZE(api_ask, 288),
	FIELD(api_ask, session, 0, 8),
	FIELD(api_ask, key, 8, 8),
	FIELD(api_ask, asker, 16, 8),
	FIELD(api_ask, flow, 24, 4),
	FIELD(api_ask, deadline_ms, 28, 4),
	FIELD(api_ask, kind, 32, 1),
	FIELD(api_ask, otherwise, 33, 1),
	FIELD(api_ask, name_len, 34, 1),
	FIELD(api_ask, name, 35, 253),
	SIZE(api_answer, 32),
	FIELD(api_answer, session, 0, 8),
	FIELD(api_answer, key, 8, 8),
	FIELD(api_answer, flow, 16, 4),
	FIELD(api_answer, ttl_ms, 20, 4),
	FIELD(api_answer, kind, 24, 1),
	FIELD(api_answer, finding, 25, 1),
	FIELD(api_answer, spare, 26, 6),
	SIZE(api_stat_name, 192),
	FIELD(api_stat_name, name, 0, 48),
	FIELD(api_stat_name, help, 48, 127),
	FIELD(api_stat_name, unit, 175, 16),
	FIELD(api_stat_name, kind, 191, 1),
	SIZE(api_port_stats, 240),
	FIELD(api_port_stats, name, 0, 32),
	FIELD(api_port_stats, device, 32, 96),
	FIELD(api_port_stats, driver, 128, 32),
	FIELD(api_port_stats, mac, 160, 6),
	FIELD(api_port_stats, up, 166, 1),
	FIELD(api_port_stats, spare8, 167, 1),
	FIELD(api_port_stats, speed_mbps, 168, 4),
	FIELD(api_port_stats, mtu, 172, 4),
	FIELD(api_port_stats, rx_packets, 176, 8),
	FIELD(api_port_stats, rx_bytes, 184, 8),
	FIELD(api_port_stats, rx_missed, 192, 8),
	FIELD(api_port_stats, rx_errors, 200, 8),
	FIELD(api_port_stats, tx_packets, 208, 8),
	FIELD(api_port_stats, tx_bytes, 216, 8),
	FIELD(api_port_stats, tx_errors, 224, 8),
	FIELD(api_port_stats, tx_full, 232, 8),
	SIZE(api_stats, 240),
	FIELD(api_stats, magic, 0, 8),
	FIELD(api_stats, version, 8, 4),
	FIELD(api_stats, workers, 12, 4),
	FIELD(api_stats, names, 16, 4),
	FIELD(api_stats, ports, 20, 4),
	FIELD(api_stats, boot, 24, 8),
	FIELD(api_stats, heartbeat_us, 32, 8),
	FIELD(api_stats, image_version, 40, 8),
	FIELD(api_stats, image_swaps, 48, 8),
	FIELD(api_stats, image_refused, 56, 8),
	FIELD(api_stats, link_attached, 64, 8),
	FIELD(api_stats, link_refused, 72, 8),
	FIELD(api_stats, names_off, 80, 8),
	FIELD(api_stats, ports_off, 88, 8),
	FIELD(api_stats, workers_off, 96, 8),
	FIELD(api_stats, worker_stride, 104, 8),
	FIELD(api_stats, policy_hits_off, 112, 8),
	FIELD(api_stats, bytes, 120, 8),
	FIELD(api_stats, hugepages, 128, 8),
	FIELD(api_stats, shadow_version, 136, 8),
	FIELD(api_stats, counts_taken, 144, 8),
	FIELD(api_stats, counts_over, 152, 8),
	FIELD(api_stats, counts_full, 160, 8),
	FIELD(api_stats, sights_off, 168, 8),
	FIELD(api_stats, sight_stride, 176, 8),
	FIELD(api_stats, sight_net_off, 184, 8),
	FIELD(api_stats, drain_phase, 192, 8),
	FIELD(api_stats, drain_refuse, 200, 8),
	FIELD(api_stats, drain_since_us, 208, 8),
	FIELD(api_stats, drain_until_us, 216, 8),
	FIELD(api_stats, drain_left, 224, 8),
	FIELD(api_stats, health, 232, 8),
	SIZE(api_sight_port, 48),
	FIELD(api_sight_port, client_segments, 0, 8),
	FIELD(api_sight_port, server_segments, 8, 8),
	FIELD(api_sight_port, opened, 16, 8),
	FIELD(api_sight_port, answered, 24, 8),
	FIELD(api_sight_port, one_way, 32, 8),
	FIELD(api_sight_port, alone, 40, 8),
	SIZE(api_sight_ends, 64),
	FIELD(api_sight_ends, turn, 0, 8),
	FIELD(api_sight_ends, client, 8, 16),
	FIELD(api_sight_ends, server, 24, 16),
	FIELD(api_sight_ends, client_port, 40, 2),
	FIELD(api_sight_ends, server_port, 42, 2),
	FIELD(api_sight_ends, vlan, 44, 2),
	FIELD(api_sight_ends, in_port, 46, 2),
	FIELD(api_sight_ends, value, 48, 4),
	FIELD(api_sight_ends, spare, 52, 4),
	FIELD(api_sight_ends, mac, 56, 8),
	SIZE(api_sight, 6784),
	FIELD(api_sight, port, 0, 1536),
	FIELD(api_sight, one_way, 1536, 64),
	FIELD(api_sight, alone, 1600, 64),
	FIELD(api_sight, hosts, 1664, 1024),
	FIELD(api_sight, probe, 2688, 4096),
	SIZE(api_sight_net, 144),
	FIELD(api_sight_net, hops, 0, 8),
	FIELD(api_sight_net, known, 8, 8),
	FIELD(api_sight_net, lost, 16, 64),
	FIELD(api_sight_net, conflict, 80, 64),
	SIZE(api_cells, 64),
	FIELD(api_cells, secret, 0, 16),
	FIELD(api_cells, buckets, 16, 4),
	FIELD(api_cells, spare, 20, 4),
	FIELD(api_cells, clock_us, 24, 8),
	FIELD(api_cells, at_us, 32, 8),
	SIZE(api_cell_bucket, 1024),
	FIELD(api_cell_bucket, turn, 0, 8),
	FIELD(api_cell_bucket, tag, 8, 248),
	FIELD(api_cell_bucket, cell, 256, 744),
	SIZE(api_cell, 24),
	FIELD(api_cell, word, 0, 8),
	FIELD(api_cell, window, 8, 8),
	FIELD(api_cell, window_s, 16, 4),
	FIELD(api_cell, second, 20, 4),
	SIZE(api_count, 24),
	FIELD(api_count, tag, 0, 8),
	FIELD(api_count, start_s, 8, 8),
	FIELD(api_count, window_s, 16, 4),
	FIELD(api_count, before, 20, 2),
	FIELD(api_count, now, 22, 2),
	SIZE(api_binding, 48),
	FIELD(api_binding, kind, 0, 4),
	FIELD(api_binding, epoch, 4, 4),
	FIELD(api_binding, addr, 8, 16),
	FIELD(api_binding, context, 24, 4),
	FIELD(api_binding, vlan, 28, 2),
	FIELD(api_binding, port_first, 30, 2),
	FIELD(api_binding, port_last, 32, 2),
	FIELD(api_binding, len, 34, 1),
	FIELD(api_binding, shared, 35, 1),
	FIELD(api_binding, spare, 36, 4),
	FIELD(api_binding, endpoint, 40, 8),
	SIZE(api_fact, 56),
	FIELD(api_fact, kind, 0, 4),
	FIELD(api_fact, epoch, 4, 4),
	FIELD(api_fact, endpoint, 8, 8),
	FIELD(api_fact, addr, 16, 16),
	FIELD(api_fact, context, 32, 4),
	FIELD(api_fact, vlan, 36, 2),
	FIELD(api_fact, len, 38, 1),
	FIELD(api_fact, score, 39, 1),
	FIELD(api_fact, flags, 40, 4),
	FIELD(api_fact, blocked_s, 44, 4),
	FIELD(api_fact, auth_s, 48, 4),
	FIELD(api_fact, spare, 52, 4),
	SIZE(api_ring_mem, 128),
	FIELD(api_ring_mem, head, 0, 4),
	FIELD(api_ring_mem, tail, 64, 4),
};
// clang-format on

static void every_field_lies_where_its_version_put_it(void **state)
{
	(void)state;
	assert_int_equal(API_LINK_VERSION, 11);
	assert_int_equal(API_STATS_VERSION, 7);
	for (size_t i = 0; i < sizeof(layout) / sizeof(layout[0]); i++) {
		const char *field = layout[i].field == NULL ? "whole" : layout[i].field;

		if (layout[i].off != layout[i].want_off || layout[i].bytes != layout[i].want_bytes)
			fail_msg("struct %s, %s: at %zu, %zu bytes; was at %zu, %zu bytes",
				layout[i].type, field, layout[i].off, layout[i].bytes,
				layout[i].want_off, layout[i].want_bytes);
	}
}

static void no_message_has_padding_between_its_fields(void **state)
{
	size_t end = 0, overlay = 0;

	(void)state;
	// A field starts where one before it ended, or at the start of its union.
	for (size_t i = 0; i < sizeof(layout) / sizeof(layout[0]); i++) {
		if (strcmp(layout[i].type, "api_ring_mem") == 0)
			break;
		if (layout[i].field == NULL) {
			end = overlay = 0;
			continue;
		}
		if (layout[i].off != end)
			assert_true(overlay != 0 && layout[i].off == overlay);
		if (strchr(layout[i].field, '.') != NULL && overlay == 0)
			overlay = layout[i].off;
		if (strcmp(layout[i].type, "api_event") == 0 && overlay == 0 && layout[i].off == 16)
			overlay = layout[i].off;
		end = layout[i].off + layout[i].bytes;
	}
}

static void the_bytes_of_a_message_are_the_golden_ones(void **state)
{
	// clang-format off
	static const uint8_t outcome[40] = {
		0x02, 0, 0, 0, 0x07, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 0xff, 0xff, 10, 77, 0, 1,
		0x34, 0x12, 0, 0, 0x78, 0x56, 0x34, 0x12,
		0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x01,
	};
	static const uint8_t command[56] = {
		0x01, 0, 0, 0, 0x11, 0x22, 0x33, 0x44,
		0x01, 0, 0, 0, 0, 0, 0, 0,
		0x00, 0x10, 0, 0, 0, 0, 0, 0,
		0x2a, 0, 0, 0, 0, 0, 0, 0,
	};
	// clang-format on
	struct api_outcome o = {
		.kind = API_OUT_CONDEMNED,
		.count = 7,
		.client = {.b = {[10] = 0xff, [11] = 0xff, [12] = 10, [13] = 77, [15] = 1}},
		.context = 0x1234,
		.session_profile = 0x12345678,
		.image_version = UINT64_C(0x0123456789abcdef),
	};
	struct api_command c = {.kind = API_CMD_IMAGE, .seq = 0x44332211};

	(void)state;
	c.image.slot = 1;
	c.image.bytes = 4096;
	c.image.version = 42;
	assert_memory_equal(&o, outcome, sizeof(outcome));
	assert_memory_equal(&c, command, sizeof(command));
	assert_true(API_LINK_MAGIC == UINT64_C(0x314b4e494c57494d));
	assert_true(API_STATS_MAGIC == UINT64_C(0x5354415453574d01));
}

static void the_numbers_of_the_enumerations_stand(void **state)
{
	(void)state;
	assert_int_equal(API_CMD_IMAGE, 1);
	assert_int_equal(API_CMD_FLOWS, 2);
	assert_int_equal(API_CMD_PING, 3);
	assert_int_equal(API_CMD_SHADOW, 4);
	assert_int_equal(API_CMD_COUNTS, 5);
	assert_int_equal(API_CMD_DRAIN, 6);
	assert_int_equal(API_DRAIN_OVER, 4);
	assert_int_equal(API_HEALTH_UP, 2);
	assert_int_equal(API_EVT_ACK, 1);
	assert_int_equal(API_EVT_FLOW, 2);
	assert_int_equal(API_EVT_FLOWS_END, 3);
	assert_int_equal(API_LANE_ANSWER, 2);
	assert_int_equal(API_FLOW_CLOSING, 2);
	assert_int_equal(API_OUT_ACCEPTED, 1);
	assert_int_equal(API_OUT_AUTH_FAILED, 4);
	assert_int_equal(API_REC_SESSION, 1);
	assert_int_equal(API_REC_REFUSAL, 3);
	assert_int_equal(API_VERDICT_REJECTED, 2);
	assert_int_equal(API_VERDICT_ABORTED, 6);
	assert_int_equal(API_STAT_GAUGE, 4);
	assert_int_equal(API_STAT_PEAK, 5);
	assert_int_equal(API_RING_COMMANDS, 64);
	assert_int_equal(API_RING_EVENTS, 1024);
	assert_int_equal(API_RING_OUTCOMES, 4096);
	assert_int_equal(API_RING_RECORDS, 4096);
	assert_int_equal(API_RING_ASKS, 512);
	assert_int_equal(API_RING_ANSWERS, 1024);
	assert_int_equal(API_ASK_HELO, 1);
	assert_int_equal(API_ASK_RECIPIENT, 3);
	assert_int_equal(API_FIND_EXISTS, 1);
	assert_int_equal(API_FIND_UNKNOWN, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_lies_where_its_version_put_it),
		cmocka_unit_test(no_message_has_padding_between_its_fields),
		cmocka_unit_test(the_bytes_of_a_message_are_the_golden_ones),
		cmocka_unit_test(the_numbers_of_the_enumerations_stand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

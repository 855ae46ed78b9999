// SPDX-License-Identifier: BSD-3-Clause
// A world for tests: the whole service, its client, and a data plane made by hand, in one thread.
// Where anything takes longer than 20 s the test fails.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "core_dp.h"
#include "core_loop.h"
#include "serve.h"
#include "serve_bench.h"

struct bench {
	struct core_loop *loop;
	struct serve *serve;
	struct dp dp;
	struct bench_client client;
	bool attach;      // take whoever connects
	bool mute;        // leave image commands unanswered
	int refuse;       // status for images
	unsigned refuse_from; // refuse the images from this one on; 0 = by `refuse` alone
	unsigned images;  // commands seen
	uint64_t version; // last image taken
	uint64_t candidate; // that runs, 0 = none
	int refuse_candidate; // status for candidates
	struct api_command drain; // the last one seen
	unsigned drains;          // seen
	bool mute_drain;          // leave them unanswered
	int refuse_drain;         // status for them
	char dir[64], file[96], rules[96], state[96], rpc[96], events[96];
	struct cfg *boot;
};

extern const char config_ok[]; // names t.rules; one policy, "one"
extern const char config_two[]; // no rules; one policy, "two"
extern const char config_bad[];
extern const char config_ports[]; // other ports than the data plane has

// For cmocka: *state is the bench.
int world_setup(void **state);
int world_teardown(void **state);
void world_service_open(struct bench *b); // and connects the client
void world_service_close(struct bench *b);
void world_turn(struct bench *b); // of the loop and of the data plane

// Sets a counter of the first worker, in this order; puts a record into its ring.
enum { COUNTER_COMPARED, COUNTER_DIFFERENT, COUNTER_NOT_FOLLOWED, COUNTER_REJECTED };
void world_count(struct bench *b, unsigned counter, uint64_t value);
void world_record(struct bench *b, const struct api_record *r);

void world_file_write(const char *path, const char *text);
char *world_file_text(const char *path); // free() it; NULL where it can't be read

// Calls; params are taken. ask: it is on its way when this returns, and take is the next line.
void world_ask(struct bench *b, const char *method, json_t *params);
bool world_line_came(struct bench *b);
json_t *world_take(struct bench *b);
// The result; fails the test where it is an error.
json_t *world_call(struct bench *b, const char *method, json_t *params);
// The code of a call that must fail; "message | first error line" into text (may be NULL).
int world_call_error(struct bench *b, const char *method, json_t *params, char text[512]);

json_t *world_rule(const char *text, bool literal); // params of rules.add
size_t world_rules_count(struct bench *b);
int64_t world_revision(struct bench *b); // in force
// Turns until status says that the policy in force is of that state, compiled, and attached or not.
void world_settle(struct bench *b, const char *want, bool attached);
// Are there files of exactly these revisions, and nothing half written? "1.image 1.revision"
bool world_kept(struct bench *b, const char *want);

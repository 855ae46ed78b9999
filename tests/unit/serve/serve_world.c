// SPDX-License-Identifier: BSD-3-Clause
// The service between a client and a data plane made by hand. Thread: one.
#include "serve_world.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "log.h"
#include "pol_image.h"
#include "serve_store.h"

enum { SEALS = F_SEAL_SHRINK | F_SEAL_GROW, WAIT_S = 60 };

const char config_ok[] =
	"dataplane: {workers: [1], ports: [{name: access, dev: net_null0}, {name: core, dev: net_null1}],\n"
	" pairs: [[access, core]]}\n"
	"pickup: {ports: [25]}\n"
	"contexts: [{name: default, ports: [access, core]}]\n"
	"rules: {file: t.rules}\n"
	"content_profiles: {spam: {threshold: 5, action: reject}}\n"
	"policies: [{name: one, source: 10.77.0.0/24, action: inspect, content: spam}]\n";
const char config_two[] =
	"dataplane: {workers: [1], ports: [{name: access, dev: net_null0}, {name: core, dev: net_null1}],\n"
	" pairs: [[access, core]]}\n"
	"contexts: [{name: default, ports: [access, core]}]\n"
	"policies: [{name: two, action: pass}]\n";
const char config_bad[] =
	"dataplane: {workers: [1], ports: [{name: access, dev: net_null0}, {name: core, dev: net_null1}],\n"
	" pairs: [[access, core]]}\n"
	"contexts: [{name: default, ports: [access, core]}]\n"
	"policies: [{name: bad, source: 10.0.0.1/8, action: fly}]\n";
const char config_ports[] =
	"dataplane: {workers: [1], ports: [{name: other, dev: net_null0}, {name: core, dev: net_null1}],\n"
	" pairs: [[other, core]]}\n"
	"contexts: [{name: default, ports: [other, core]}]\n";

void world_file_write(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

char *world_file_text(const char *path)
{
	char *text;
	size_t n;

	return serve_file_read(path, &text, &n) == 0 ? text : NULL;
}

static void quiet(enum log_level level, const char *line, void *arg)
{
	(void)level, (void)line, (void)arg;
	if (getenv("SERVE_TEST_LOG") != NULL)
		(void)fprintf(stderr, "%s\n", line);
}

// The data plane's side of a turn.

static void dp_image(struct bench *b, const struct api_command *cmd)
{
	struct api_event e = {.kind = API_EVT_ACK, .seq = cmd->seq, .status = b->refuse};
	const struct pol_image *img;
	struct err_list err;
	uint8_t *bytes = aligned_alloc(64, (cmd->image.bytes + 63) / 64 * 64);

	b->images++;
	if (b->refuse_from != 0 && b->images >= b->refuse_from)
		e.status = -ENOMEM;
	err_init(&err);
	memcpy(bytes, b->dp.link + b->dp.hello.slot_off[cmd->image.slot], cmd->image.bytes);
	assert_int_equal(pol_verify((struct span){bytes, cmd->image.bytes}, &img, &err), 0);
	assert_true(pol_head(img)->version == cmd->image.version);
	free(bytes);
	if (b->mute)
		return;
	if (e.status == 0)
		b->version = b->dp.head->image_version = cmd->image.version;
	else
		(void)snprintf(e.text, sizeof(e.text), "no room");
	if (e.status == 0)
		b->candidate = b->dp.head->shadow_version = 0;
	assert_int_equal(api_ring_put(&b->dp.event, &e), 0);
}

static void dp_shadow(struct bench *b, const struct api_command *cmd)
{
	struct api_event e = {.kind = API_EVT_ACK, .seq = cmd->seq};
	const struct pol_head *head =
		(const void *)(b->dp.link + b->dp.hello.slot_off[cmd->image.slot]);

	if (b->mute)
		return;
	if (cmd->image.bytes > 0) {
		assert_int_equal(cmd->image.slot, API_SLOT_SHADOW);
		assert_true(head->version == cmd->image.version);
		e.status = b->refuse_candidate;
	}
	if (e.status == 0)
		b->candidate = b->dp.head->shadow_version = cmd->image.version;
	else
		(void)snprintf(e.text, sizeof(e.text), "no room");
	assert_int_equal(api_ring_put(&b->dp.event, &e), 0);
}

void world_count(struct bench *b, unsigned counter, uint64_t value)
{
	uint64_t *of = (uint64_t *)(void *)(b->dp.stats + b->dp.head->workers_off);

	of[counter] = value;
}

void world_record(struct bench *b, const struct api_record *r)
{
	assert_int_equal(api_ring_put(&b->dp.record[0], r), 0);
}

static void names_set(struct bench *b)
{
	static const char *const names[DP_NAMES] = {"shadow_compared", "shadow_different",
		"shadow_not_followed", "access_rejected"};
	struct api_stat_name *name = (void *)(b->dp.stats + b->dp.head->names_off);

	for (unsigned i = 0; i < DP_NAMES; i++)
		(void)snprintf(name[i].name, sizeof(name[i].name), "%s", names[i]);
}

static void dp_flows(struct bench *b, const struct api_command *cmd)
{
	struct api_event e = {.kind = API_EVT_FLOW, .seq = cmd->seq};

	e.flow.client_port = 40000;
	e.flow.server_port = 25;
	e.flow.lane = API_LANE_INSPECT;
	e.flow.state = API_FLOW_OPEN;
	e.flow.policy = 0;
	e.flow.policy_version = b->version;
	(void)addr_parse("10.77.0.1", &e.flow.client);
	(void)addr_parse("10.77.0.2", &e.flow.server);
	for (uint32_t i = 0; i < cmd->flows.max && i < 3; i++)
		assert_int_equal(api_ring_put(&b->dp.event, &e), 0);
	e = (struct api_event){.kind = API_EVT_FLOWS_END, .seq = cmd->seq};
	assert_int_equal(api_ring_put(&b->dp.event, &e), 0);
}

// Its state stands in the statistics before it is answered.
static void dp_drain(struct bench *b, const struct api_command *cmd)
{
	struct api_event e = {.kind = API_EVT_ACK, .seq = cmd->seq, .status = b->refuse_drain};
	struct api_stats *head = b->dp.head;
	const bool on = cmd->drain.on != 0;

	b->drain = *cmd;
	b->drains++;
	if (b->mute_drain)
		return;
	if (e.status == 0) {
		head->drain_phase = on ? API_DRAIN_WAITS : API_DRAIN_OFF;
		head->drain_refuse = cmd->drain.refuse;
		head->drain_since_us = on ? core_now_us() : 0;
		head->drain_until_us =
			cmd->drain.wait_ms == 0 ? 0 : core_now_us() + 1000 * cmd->drain.wait_ms;
		head->drain_left = on ? UINT64_MAX : 0;
	} else {
		(void)snprintf(e.text, sizeof(e.text), "not now");
	}
	assert_int_equal(api_ring_put(&b->dp.event, &e), 0);
}

static void dp_turn(struct bench *b)
{
	struct api_port_stats *port;
	struct api_command cmd;

	if (b->attach && b->dp.peer < 0 && dp_accept(&b->dp)) {
		dp_make(&b->dp);
		b->dp.hello.image_version = b->version;
		b->dp.head->image_version = b->version;
		// Two ports instead of one: they lie where the hits of policies nobody has would be.
		b->dp.head->ports = 2;
		b->dp.head->ports_off = b->dp.head->policy_hits_off + 4096;
		port = (void *)(b->dp.stats + b->dp.head->ports_off);
		(void)snprintf(port[0].name, sizeof(port[0].name), "access");
		(void)snprintf(port[1].name, sizeof(port[1].name), "core");
		names_set(b);
		b->candidate = 0;
		dp_seal(&b->dp, SEALS, SEALS);
		dp_send(&b->dp, sizeof(b->dp.hello), 2);
	}
	while (b->dp.peer >= 0 && api_ring_take(&b->dp.command, &cmd) == 0) {
		if (cmd.kind == API_CMD_IMAGE)
			dp_image(b, &cmd);
		else if (cmd.kind == API_CMD_SHADOW)
			dp_shadow(b, &cmd);
		else if (cmd.kind == API_CMD_FLOWS)
			dp_flows(b, &cmd);
		else if (cmd.kind == API_CMD_DRAIN)
			dp_drain(b, &cmd);
	}
}

void world_turn(struct bench *b)
{
	assert_int_equal(core_loop_turn(b->loop, 1), 0);
	dp_turn(b);
}

// Life of the service, of its client and of the data plane.

void world_service_open(struct bench *b)
{
	struct err_list err;

	err_init(&err);
	b->serve = serve_open(
		&(struct serve_conf){
			.loop = b->loop, .boot = b->boot, .file = b->file, .version = "test"},
		&err);
	if (b->serve == NULL || serve_start(b->serve, &err) != 0)
		fail_msg("%s", err.text[0]);
	bench_connect(&b->client, b->rpc);
}

void world_service_close(struct bench *b)
{
	bench_disconnect(&b->client);
	serve_free(b->serve);
	b->serve = NULL;
	if (b->dp.peer >= 0) // the data plane sees it go
		dp_drop(&b->dp);
}

// What the processes were started with: the first configuration, and the test's own places.
static struct cfg *boot_make(struct bench *b)
{
	struct err_list err;
	struct cfg *boot;

	err_init(&err);
	boot = cfg_load_text(config_ok, strlen(config_ok), "t.yaml", b->dir, &err);
	assert_non_null(boot);
	boot->control.link = b->dp.path;
	boot->control.rpc = b->rpc;
	boot->control.state_dir = b->state;
	boot->control.event_log = b->events;
	return boot;
}

int world_setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	log_sink_set(quiet, NULL);
	bench_dir_make(b->dir);
	(void)snprintf(b->file, sizeof(b->file), "%s/t.yaml", b->dir);
	(void)snprintf(b->rules, sizeof(b->rules), "%s/t.rules", b->dir);
	(void)snprintf(b->state, sizeof(b->state), "%s/state", b->dir);
	(void)snprintf(b->rpc, sizeof(b->rpc), "%s/rpc.sock", b->dir);
	(void)snprintf(b->events, sizeof(b->events), "%s/events.log", b->dir);
	world_file_write(b->file, config_ok);
	world_file_write(b->rules, "#: shipped one\n1 body 10 l BUYNOW\n");
	dp_listen(&b->dp);
	b->boot = boot_make(b);
	b->loop = core_loop_new();
	b->attach = true;
	*state = b;
	return 0;
}

int world_teardown(void **state)
{
	struct bench *b = *state;

	if (b->serve != NULL)
		world_service_close(b);
	core_loop_free(b->loop);
	dp_close(&b->dp);
	cfg_free(b->boot);
	bench_dir_remove(b->dir);
	free(b);
	return 0;
}

// Asks; the request is on its way when this returns.
void world_ask(struct bench *b, const char *method, json_t *params)
{
	json_t *req = json_pack(
		"{s:s,s:i,s:s,s:o}", "jsonrpc", "2.0", "id", 1, "method", method, "params", params);
	char *text = json_dumps(req, JSON_COMPACT);

	b->client.in_n = 0;
	assert_true(bench_send(core_loop_base(b->loop), &b->client, text, strlen(text)));
	assert_true(bench_send(core_loop_base(b->loop), &b->client, "\n", 1));
	free(text);
	json_decref(req);
}

bool world_line_came(struct bench *b)
{
	ssize_t k = recv(
		b->client.fd, b->client.in + b->client.in_n, b->client.in_cap - b->client.in_n, 0);

	if (k > 0)
		b->client.in_n += (size_t)k;
	return memchr(b->client.in, '\n', b->client.in_n) != NULL;
}

// The next line as JSON.
json_t *world_take(struct bench *b)
{
	time_t end = time(NULL) + WAIT_S;
	json_t *j;
	char *nl;

	while (!world_line_came(b)) {
		world_turn(b);
		assert_true(time(NULL) <= end);
	}
	nl = memchr(b->client.in, '\n', b->client.in_n);
	j = json_loadb(b->client.in, (size_t)(nl - b->client.in), 0, NULL);
	assert_non_null(j);
	b->client.in_n -= (size_t)(nl + 1 - b->client.in);
	memmove(b->client.in, nl + 1, b->client.in_n);
	return j;
}

// Result of a call; fails the test where it is an error.
json_t *world_call(struct bench *b, const char *method, json_t *params)
{
	json_t *answer, *result;

	world_ask(b, method, params);
	answer = world_take(b);
	result = json_incref(json_object_get(answer, "result"));
	if (result == NULL)
		fail_msg("%s: %s", method, json_dumps(answer, 0));
	json_decref(answer);
	return result;
}

// Code of a call that must fail; its message and first error line where wanted.
int world_call_error(struct bench *b, const char *method, json_t *params, char text[512])
{
	json_t *answer, *error;
	const char *line;
	int code;

	world_ask(b, method, params);
	answer = world_take(b);
	error = json_object_get(answer, "error");
	if (error == NULL)
		fail_msg("%s: %s", method, json_dumps(answer, 0));
	code = (int)json_integer_value(json_object_get(error, "code"));
	line = json_string_value(
		json_array_get(json_object_get(json_object_get(error, "data"), "errors"), 0));
	if (text != NULL)
		(void)snprintf(text, 512, "%s | %s",
			json_string_value(json_object_get(error, "message")),
			line != NULL ? line : "");
	json_decref(answer);
	return code;
}

json_t *world_rule(const char *text, bool literal)
{
	return json_pack("{s:s,s:i,s:s,s:b}", "scope", "body", "score", 100, "text", text,
		"literal", literal);
}

size_t world_rules_count(struct bench *b)
{
	json_t *r = world_call(b, "rules.list", json_object());
	size_t n = json_array_size(json_object_get(r, "rules"));

	json_decref(r);
	return n;
}

// Turns until status says that the policy in force is of that state, compiled, and attached or not.
void world_settle(struct bench *b, const char *want, bool attached)
{
	time_t end = time(NULL) + WAIT_S;
	bool there = false;

	while (!there) {
		json_t *r = world_call(b, "system.status", json_object());
		json_t *config = json_object_get(r, "config");
		int64_t ours = json_integer_value(json_object_get(config, "revision"));
		int64_t theirs = json_integer_value(
			json_object_get(json_object_get(r, "dataplane"), "image_version"));

		there = strcmp(json_string_value(json_object_get(config, "state")), want) == 0 &&
			!json_is_true(json_object_get(config, "busy")) &&
			json_is_true(json_object_get(r, "attached")) == attached &&
			(!attached || ours == theirs);
		json_decref(r);
		world_turn(b);
		assert_true(time(NULL) <= end);
	}
}

int64_t world_revision(struct bench *b)
{
	json_t *r = world_call(b, "config.get", json_object());
	int64_t n = json_integer_value(json_object_get(r, "revision"));

	json_decref(r);
	return n;
}

// Are there files of exactly these revisions, and nothing half written?
bool world_kept(struct bench *b, const char *want)
{
	char path[160], *names;
	struct dirent **entries;
	size_t bytes;
	FILE *f = open_memstream(&names, &bytes);
	bool same;
	int n;

	assert_non_null(f);
	(void)snprintf(path, sizeof(path), "%s/revisions", b->state);
	n = scandir(path, &entries, NULL, alphasort);
	assert_true(n >= 0);
	for (int i = 0; i < n; i++) {
		const char *dot = strchr(entries[i]->d_name, '.');

		if (dot != entries[i]->d_name)
			(void)fprintf(f, "%s%ld%s", ftell(f) == 0 ? "" : " ",
				strtol(entries[i]->d_name, NULL, 10), dot != NULL ? dot : "");
		free(entries[i]);
	}
	free(entries);
	assert_int_equal(fclose(f), 0);
	same = strcmp(names, want) == 0;
	if (!same)
		print_error("kept: %s, not %s\n", names, want);
	free(names);
	return same;
}

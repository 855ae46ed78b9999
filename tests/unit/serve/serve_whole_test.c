// SPDX-License-Identifier: BSD-3-Clause
// The whole service between a client and a data plane made by hand: what a change answers and when,
// what stays after each way it can fail, what a start finds again, and what records become.
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>
#include <jansson.h>

#include "compile.h"
#include "core_dp.h"
#include "core_loop.h"
#include "log.h"
#include "pol_image.h"
#include "serve.h"
#include "serve_bench.h"
#include "serve_store.h"
#include "text.h"

enum { SEALS = F_SEAL_SHRINK | F_SEAL_GROW, WAIT_S = 20 };

struct bench {
	struct core_loop *loop;
	struct serve *serve;
	struct dp dp;
	struct bench_client client;
	bool attach;      // take whoever connects
	bool mute;        // leave image commands unanswered
	int refuse;       // status for images
	unsigned images;  // commands seen
	uint64_t version; // last image taken
	char dir[64], file[96], rules[96], state[96], rpc[96], events[96];
	struct cfg *boot;
};

static const char config_ok[] =
	"dataplane: {workers: [1], ports: [{name: access, dev: net_null0}, {name: core, dev: net_null1}],\n"
	" pairs: [[access, core]]}\n"
	"pickup: {ports: [25]}\n"
	"contexts: [{name: default, ports: [access, core]}]\n"
	"rules: {file: t.rules}\n"
	"content_profiles: {spam: {threshold: 5, action: reject}}\n"
	"policies: [{name: one, source: 10.77.0.0/24, action: inspect, content: spam}]\n";
static const char config_two[] =
	"dataplane: {workers: [1], ports: [{name: access, dev: net_null0}, {name: core, dev: net_null1}],\n"
	" pairs: [[access, core]]}\n"
	"contexts: [{name: default, ports: [access, core]}]\n"
	"policies: [{name: two, action: pass}]\n";
static const char config_bad[] =
	"dataplane: {workers: [1], ports: [{name: access, dev: net_null0}, {name: core, dev: net_null1}],\n"
	" pairs: [[access, core]]}\n"
	"contexts: [{name: default, ports: [access, core]}]\n"
	"policies: [{name: bad, source: 10.0.0.1/8, action: fly}]\n";
static const char config_ports[] =
	"dataplane: {workers: [1], ports: [{name: other, dev: net_null0}, {name: core, dev: net_null1}],\n"
	" pairs: [[other, core]]}\n"
	"contexts: [{name: default, ports: [other, core]}]\n";

static void file_write(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static char *file_text(const char *path)
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
	err_init(&err);
	memcpy(bytes, b->dp.link + b->dp.hello.slot_off[cmd->image.slot], cmd->image.bytes);
	assert_int_equal(pol_verify((struct span){bytes, cmd->image.bytes}, &img, &err), 0);
	assert_true(pol_head(img)->version == cmd->image.version);
	free(bytes);
	if (b->mute)
		return;
	if (b->refuse == 0)
		b->version = b->dp.head->image_version = cmd->image.version;
	else
		(void)snprintf(e.text, sizeof(e.text), "no room");
	assert_int_equal(api_ring_put(&b->dp.event, &e), 0);
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
		dp_seal(&b->dp, SEALS, SEALS);
		dp_send(&b->dp, sizeof(b->dp.hello), 2);
	}
	while (b->dp.peer >= 0 && api_ring_take(&b->dp.command, &cmd) == 0) {
		if (cmd.kind == API_CMD_IMAGE)
			dp_image(b, &cmd);
		else if (cmd.kind == API_CMD_FLOWS)
			dp_flows(b, &cmd);
	}
}

static void turn(struct bench *b)
{
	assert_int_equal(core_loop_turn(b->loop, 1), 0);
	dp_turn(b);
}

// Life of the service, of its client and of the data plane.

static void service_open(struct bench *b)
{
	struct err_list err;

	err_init(&err);
	b->serve = serve_open(&(struct serve_conf){.loop = b->loop,
				      .boot = b->boot,
				      .file = b->file,
				      .version = "test"},
		&err);
	if (b->serve == NULL || serve_start(b->serve, &err) != 0)
		fail_msg("%s", err.text[0]);
	bench_connect(&b->client, b->rpc);
}

static void service_close(struct bench *b)
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

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	log_sink_set(quiet, NULL);
	bench_dir_make(b->dir);
	(void)snprintf(b->file, sizeof(b->file), "%s/t.yaml", b->dir);
	(void)snprintf(b->rules, sizeof(b->rules), "%s/t.rules", b->dir);
	(void)snprintf(b->state, sizeof(b->state), "%s/state", b->dir);
	(void)snprintf(b->rpc, sizeof(b->rpc), "%s/rpc.sock", b->dir);
	(void)snprintf(b->events, sizeof(b->events), "%s/events.log", b->dir);
	file_write(b->file, config_ok);
	file_write(b->rules, "#: shipped one\n1 body 10 l BUYNOW\n");
	dp_listen(&b->dp);
	b->boot = boot_make(b);
	b->loop = core_loop_new();
	b->attach = true;
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	if (b->serve != NULL)
		service_close(b);
	core_loop_free(b->loop);
	dp_close(&b->dp);
	cfg_free(b->boot);
	bench_dir_remove(b->dir);
	free(b);
	return 0;
}

// Asks; the request is on its way when this returns.
static void ask(struct bench *b, const char *method, json_t *params)
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

static bool line_came(struct bench *b)
{
	ssize_t k = recv(
		b->client.fd, b->client.in + b->client.in_n, b->client.in_cap - b->client.in_n, 0);

	if (k > 0)
		b->client.in_n += (size_t)k;
	return memchr(b->client.in, '\n', b->client.in_n) != NULL;
}

// The next line as JSON.
static json_t *take(struct bench *b)
{
	time_t end = time(NULL) + WAIT_S;
	json_t *j;
	char *nl;

	while (!line_came(b)) {
		turn(b);
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
static json_t *call(struct bench *b, const char *method, json_t *params)
{
	json_t *answer, *result;

	ask(b, method, params);
	answer = take(b);
	result = json_incref(json_object_get(answer, "result"));
	if (result == NULL)
		fail_msg("%s: %s", method, json_dumps(answer, 0));
	json_decref(answer);
	return result;
}

// Code of a call that must fail; its message and first error line where wanted.
static int call_error(struct bench *b, const char *method, json_t *params, char text[512])
{
	json_t *answer, *error;
	const char *line;
	int code;

	ask(b, method, params);
	answer = take(b);
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

static json_t *rule(const char *text, bool literal)
{
	return json_pack("{s:s,s:i,s:s,s:b}", "scope", "body", "score", 100, "text", text,
		"literal", literal);
}

static size_t rules_count(struct bench *b)
{
	json_t *r = call(b, "rules.list", json_object());
	size_t n = json_array_size(json_object_get(r, "rules"));

	json_decref(r);
	return n;
}

// Turns until status says that the policy in force is of that state, compiled, and attached or not.
static void settle(struct bench *b, const char *want, bool attached)
{
	time_t end = time(NULL) + WAIT_S;
	bool there = false;

	while (!there) {
		json_t *r = call(b, "system.status", json_object());
		json_t *config = json_object_get(r, "config");
		int64_t ours = json_integer_value(json_object_get(config, "revision"));
		int64_t theirs = json_integer_value(
			json_object_get(json_object_get(r, "dataplane"), "image_version"));

		there = strcmp(json_string_value(json_object_get(config, "state")), want) == 0 &&
			!json_is_true(json_object_get(config, "busy")) &&
			json_is_true(json_object_get(r, "attached")) == attached &&
			(!attached || ours == theirs);
		json_decref(r);
		turn(b);
		assert_true(time(NULL) <= end);
	}
}

static int64_t revision(struct bench *b)
{
	json_t *r = call(b, "config.get", json_object());
	int64_t n = json_integer_value(json_object_get(r, "revision"));

	json_decref(r);
	return n;
}

static bool nothing_prepared(struct bench *b)
{
	static const char *const names[] = {
		"last.image.new", "last.yaml.new", "rules.local.new", "revision.json.new"};
	char path[160];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", b->state, names[i]);
		if (access(path, F_OK) == 0)
			return false;
	}
	return true;
}

// Tests.

static void the_file_takes_force_at_the_first_start(void **state)
{
	struct bench *b = *state;

	service_open(b);
	settle(b, "committed", true);
	assert_int_equal(b->version, 1);
	assert_int_equal(b->images, 1);
	assert_true(nothing_prepared(b));
}

static void a_rule_is_answered_only_after_the_data_plane_confirmed(void **state)
{
	struct bench *b = *state;
	unsigned before;
	json_t *answer;

	service_open(b);
	settle(b, "committed", true);
	before = b->images;
	b->mute = true;
	ask(b, "rules.add", rule("TOKEN", true));
	while (b->images == before)
		turn(b);
	for (unsigned i = 0; i < 50; i++)
		turn(b);
	assert_false(line_came(b));
	// Now it confirms.
	struct api_event e = {.kind = API_EVT_ACK, .seq = 0};
	b->mute = false;
	for (e.seq = 0; e.seq < 64; e.seq++) // whichever it was: others are no answer to anything
		(void)api_ring_put(&b->dp.event, &e);
	answer = take(b);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(answer, "result"), "id")),
		1000000);
	assert_true(json_is_false(json_object_get(json_object_get(answer, "result"), "pending")));
	json_decref(answer);
	assert_int_equal(rules_count(b), 2);
}

static void a_refused_image_changes_nothing(void **state)
{
	struct bench *b = *state;
	char text[512], path[160];

	service_open(b);
	settle(b, "committed", true);
	b->refuse = -ENOMEM;
	assert_int_equal(call_error(b, "rules.add", rule("TOKEN", true), text), -32004);
	assert_non_null(strstr(text, "no room"));
	assert_int_equal(rules_count(b), 1);
	assert_int_equal(revision(b), 1);
	(void)snprintf(path, sizeof(path), "%s/rules.local", b->state);
	assert_int_not_equal(access(path, F_OK), 0);
	assert_true(nothing_prepared(b));
	b->refuse = 0;
	json_decref(call(b, "rules.add", rule("TOKEN", true)));
	assert_int_equal(rules_count(b), 2);
}

static void a_data_plane_that_goes_amid_a_change_gets_the_old_revision_again(void **state)
{
	struct bench *b = *state;
	unsigned before;
	json_t *answer;

	service_open(b);
	settle(b, "committed", true);
	before = b->images;
	b->mute = true;
	ask(b, "rules.add", rule("TOKEN", true));
	while (b->images == before)
		turn(b);
	b->attach = false;
	dp_drop(&b->dp);
	answer = take(b);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(answer, "error"), "code")),
		-32001);
	json_decref(answer);
	assert_int_equal(rules_count(b), 1);
	b->version = 0; // a new data plane
	b->attach = true;
	b->mute = false;
	settle(b, "committed", true);
	assert_int_equal(b->version, 1);
}

static void without_a_data_plane_changes_are_pending(void **state)
{
	struct bench *b = *state;
	json_t *r;

	b->attach = false;
	service_open(b);
	settle(b, "committed", false);
	r = call(b, "rules.add", rule("TOKEN", true));
	assert_true(json_is_true(json_object_get(r, "pending")));
	json_decref(r);
	assert_int_equal(b->images, 0);
	b->attach = true;
	settle(b, "committed", true);
	assert_int_equal(b->version, 2);
	assert_int_equal(call_error(b, "ports.list", json_pack("{s:i}", "x", 1), NULL), -32602);
}

static void a_bad_rule_says_line_id_and_the_compilers_words(void **state)
{
	struct bench *b = *state;
	char text[512];

	service_open(b);
	settle(b, "committed", true);
	assert_int_equal(call_error(b, "rules.add", rule("(open", false), text), -32003);
	assert_non_null(strstr(text, "rules.local:"));
	assert_non_null(strstr(text, "1000000"));
	assert_non_null(strstr(text, "parenthesis"));
	assert_int_equal(rules_count(b), 1);
	assert_int_equal(b->images, 1);
}

static const struct {
	const char *name, *text;
	bool literal;
	const char *shown;
} texts[] = {
	{"a plain token", "TOKEN", true, "TOKEN"},
	{"a literal keeps its backslash", "C:\\new", true, "C:\\\\new"},
	{"a literal keeps its blanks", " a b ", true, "\\x20a b\\x20"},
	{"a literal keeps its line end", "a\nb", true, "a\\x0ab"},
	{"a literal that looks like a comment", "# no", true, "# no"},
	{"a literal of two bytes a character", "\xc3\xa4", true, "\\xc3\\xa4"},
	{"a regex keeps its first blank", " x+", false, "\\x20x+"},
};

static void rules_come_back_as_they_were_given(void **state)
{
	struct bench *b = *state;

	service_open(b);
	settle(b, "committed", true);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		json_t *r, *row;

		json_decref(call(b, "rules.add", rule(texts[i].text, texts[i].literal)));
		r = call(b, "rules.list", json_pack("{s:b}", "added", 1));
		assert_int_equal(json_array_size(json_object_get(r, "rules")), i + 1);
		row = json_array_get(json_object_get(r, "rules"), i);
		if (strcmp(json_string_value(json_object_get(row, "text")), texts[i].shown) != 0)
			fail_msg("%s: %s", texts[i].name, json_dumps(row, 0));
		json_decref(r);
	}
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		json_decref(call(b, "rules.del", json_pack("{s:i}", "id", (int)(1000000 + i))));
	assert_int_equal(rules_count(b), 1);
	assert_int_equal(call_error(b, "rules.del", json_pack("{s:i}", "id", 1), NULL), -32005);
	assert_int_equal(call_error(b, "rules.add", rule("", true), NULL), -32003);
}

static void a_bad_configuration_changes_nothing_and_names_every_place(void **state)
{
	struct bench *b = *state;
	char text[512];
	json_t *r;

	service_open(b);
	settle(b, "committed", true);
	assert_int_equal(
		call_error(b, "config.commit",
			json_pack("{s:s,s:s}", "text", config_bad, "file", "new.yaml"), text),
		-32003);
	assert_non_null(strstr(text, "new.yaml:4:"));
	assert_int_equal(
		call_error(b, "config.check", json_pack("{s:s}", "text", config_bad), text),
		-32003);
	assert_int_equal(revision(b), 1);
	assert_int_equal(b->images, 1);
	r = call(b, "config.check", json_pack("{s:s}", "text", config_two));
	assert_non_null(strstr(json_string_value(json_object_get(r, "canonical")), "name: two"));
	json_decref(r);
	assert_int_equal(b->images, 1);
}

static void a_commit_keeps_rules_added_at_run_time(void **state)
{
	struct bench *b = *state;
	json_t *r;

	service_open(b);
	settle(b, "committed", true);
	json_decref(call(b, "rules.add", rule("TOKEN", true)));
	r = call(b, "config.commit",
		json_pack("{s:s,s:s,s:s}", "text", config_two, "author", "ann", "comment", "why"));
	assert_int_equal(json_integer_value(json_object_get(r, "revision")), 3);
	json_decref(r);
	assert_int_equal(rules_count(b), 1); // the shipped file is no longer named
	assert_int_equal(b->version, 3);
	r = call(b, "config.get", json_object());
	assert_string_equal(json_string_value(json_object_get(r, "author")), "ann");
	assert_string_equal(json_string_value(json_object_get(r, "comment")), "why");
	json_decref(r);
}

static void other_ports_than_the_running_ones_are_refused(void **state)
{
	struct bench *b = *state;
	char text[512];

	service_open(b);
	settle(b, "committed", true);
	assert_int_equal(
		call_error(b, "config.commit", json_pack("{s:s}", "text", config_ports), text),
		-32003);
	assert_non_null(strstr(text, "restart it first"));
	assert_int_equal(b->images, 1);
}

// Is there a line in a result's list that begins so?
static bool has_line(json_t *r, const char *list, const char *start)
{
	json_t *line;
	size_t i;

	json_array_foreach(json_object_get(r, list), i, line) {
		if (strncmp(json_string_value(line), start, strlen(start)) == 0)
			return true;
	}
	return false;
}

static void what_a_commit_cannot_change_is_warned_of(void **state)
{
	static const char same[] = "text: warning: dataplane.messages";
	static const char other[] = "text: warning: dataplane.flows differs from what runs";
	struct bench *b = *state;
	char config[sizeof(config_ok) + 64];
	json_t *r;

	(void)snprintf(config, sizeof(config), "dataplane: {flows: 5000,%s",
		config_ok + strlen("dataplane: {"));
	service_open(b);
	settle(b, "committed", true);
	r = call(b, "config.check", json_pack("{s:s,s:s}", "text", config, "file", "text"));
	assert_true(has_line(r, "warnings", other));
	assert_false(has_line(r, "warnings", same));
	json_decref(r);
	r = call(b, "config.commit", json_pack("{s:s,s:s}", "text", config, "file", "text"));
	assert_int_equal(json_integer_value(json_object_get(r, "revision")), 2);
	assert_true(has_line(r, "warnings", other));
	assert_false(has_line(r, "warnings", same));
	json_decref(r);
}

static void an_error_that_quotes_a_warning_is_an_error(void **state)
{
	struct bench *b = *state;
	char config[sizeof(config_ok) + 64], text[512];

	(void)snprintf(config, sizeof(config), "\"warning: x\": 1\n%s", config_ok);
	service_open(b);
	settle(b, "committed", true);
	assert_int_equal(
		call_error(b, "config.commit", json_pack("{s:s}", "text", config), text), -32003);
	assert_non_null(strstr(text, "| "));
	assert_non_null(strstr(strstr(text, "| "), "warning: x"));
}

static void a_check_that_cannot_run_is_not_a_bad_configuration(void **state)
{
	struct bench *b = *state;
	struct rlimit old, none;
	int rules, config;

	service_open(b);
	settle(b, "committed", true);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = (struct rlimit){.rlim_cur = (rlim_t)b->client.fd + 1, .rlim_max = old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0); // no descriptor for the child
	rules = call_error(
		b, "rules.check", json_pack("{s:s}", "text", "1 body 5 l abc\n"), NULL);
	config = call_error(b, "config.check", json_pack("{s:s}", "text", config_two), NULL);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(rules, -32603);
	assert_int_equal(config, -32603);
}

static void a_restart_finds_everything_again_and_pushes_nothing(void **state)
{
	struct bench *b = *state;

	service_open(b);
	settle(b, "committed", true);
	json_decref(call(b, "rules.add", rule("TOKEN", true)));
	for (unsigned i = 0; i < 3; i++) {
		service_close(b);
		service_open(b);
		settle(b, "committed", true);
		assert_int_equal(revision(b), 2);
		assert_int_equal(rules_count(b), 2);
		assert_int_equal(b->images, 2); // the same data plane has it still
	}
}

static void a_revision_confirmed_after_it_was_stored_is_not_pushed_again(void **state)
{
	struct bench *b = *state;

	b->attach = false;
	service_open(b);
	settle(b, "committed", false);
	b->attach = true;
	settle(b, "committed", true);
	assert_int_equal(b->images, 1);
	service_close(b);
	service_open(b);
	settle(b, "committed", true);
	assert_int_equal(b->images, 1);
	service_close(b);
	b->version = 0;
	service_open(b);
	settle(b, "committed", true);
	assert_int_equal(b->images, 2); // a new data plane lacks it
}

static void a_restart_keeps_what_was_committed_unless_the_file_changed(void **state)
{
	struct bench *b = *state;
	json_t *r;

	service_open(b);
	settle(b, "committed", true);
	json_decref(call(b, "config.commit", json_pack("{s:s}", "text", config_two)));
	service_close(b);
	service_open(b);
	settle(b, "committed", true);
	r = call(b, "config.get", json_object());
	assert_non_null(strstr(json_string_value(json_object_get(r, "text")), "name: two"));
	json_decref(r);
	service_close(b);
	file_write(b->file, config_ok);
	file_write(b->rules, "1 body 10 l OTHER\n"); // a rules file that changed counts, too
	service_open(b);
	settle(b, "committed", true);
	r = call(b, "config.get", json_object());
	assert_non_null(strstr(json_string_value(json_object_get(r, "text")), "name: two"));
	json_decref(r);
	service_close(b);
	file_write(b->file, "# newer\n");
	FILE *f = fopen(b->file, "a");
	assert_true(fputs(config_ok, f) >= 0);
	assert_int_equal(fclose(f), 0);
	service_open(b);
	settle(b, "committed", true);
	r = call(b, "config.get", json_object());
	assert_non_null(strstr(json_string_value(json_object_get(r, "text")), "name: one"));
	json_decref(r);
	assert_int_equal(revision(b), 3);
}

static void an_unusable_file_leaves_the_last_good_revision(void **state)
{
	struct bench *b = *state;
	char path[160];
	json_t *r;

	service_open(b);
	settle(b, "committed", true);
	service_close(b);
	file_write(b->file, config_bad);
	b->version = 0; // and a data plane that lacks it
	service_open(b);
	settle(b, "last_good", true);
	assert_int_equal(b->version, 1);
	r = call(b, "system.status", json_object());
	assert_true(json_array_size(json_object_get(json_object_get(r, "config"), "errors")) > 0);
	json_decref(r);
	service_close(b);
	// The same without the compiled image: it is made again from the text.
	(void)snprintf(path, sizeof(path), "%s/last.image", b->state);
	file_write(path, "rubbish");
	service_open(b);
	settle(b, "last_good", true);
	service_close(b);
	service_open(b); // and the file is still tried first
	settle(b, "last_good", true);
	// A good commit ends it.
	json_decref(call(b, "config.commit", json_pack("{s:s}", "text", config_two)));
	settle(b, "committed", true);
}

static void no_usable_configuration_at_all_passes_everything(void **state)
{
	struct bench *b = *state;
	json_t *r;

	file_write(b->file, config_bad);
	service_open(b);
	settle(b, "pass_everything", true);
	r = call(b, "policy.match",
		json_pack("{s:s,s:s}", "source", "10.77.0.1", "destination", "1.2.3.4"));
	assert_true(json_is_null(json_object_get(r, "policy")));
	assert_true(json_is_false(json_object_get(r, "picked_up")));
	json_decref(r);
	assert_int_equal(call_error(b, "rules.add", rule("TOKEN", true), NULL), -32003);
	assert_int_equal(b->images, 1);
}

static void a_data_plane_with_a_policy_keeps_it_when_nothing_is_usable(void **state)
{
	struct bench *b = *state;
	json_t *r;

	file_write(b->file, config_bad);
	b->version = 77;
	service_open(b);
	do {
		turn(b);
		r = call(b, "system.status", json_object());
		json_decref(r);
	} while (b->dp.peer < 0);
	for (unsigned i = 0; i < 50; i++)
		turn(b);
	assert_int_equal(b->images, 0);
	assert_int_equal(b->version, 77);
}

static void a_reload_commits_the_file_and_a_bad_one_changes_nothing(void **state)
{
	struct bench *b = *state;
	char *text;

	service_open(b);
	settle(b, "committed", true);
	file_write(b->file, config_two);
	serve_reload(b->serve);
	settle(b, "committed", true);
	assert_int_equal(revision(b), 2);
	file_write(b->file, config_bad);
	serve_reload(b->serve);
	settle(b, "committed", true);
	assert_int_equal(revision(b), 2);
	text = file_text(b->events);
	assert_non_null(text);
	free(text);
}

static void records_reach_the_log_the_ring_and_who_follows(void **state)
{
	struct bench *b = *state;
	struct api_record rec = {.kind = API_REC_MESSAGE,
		.policy = 0,
		.image_version = 1,
		.at_us = 1767225599000000,
		.session = 5,
		.client_port = 40000,
		.server_port = 25};
	json_t *r, *note;
	char *text;

	service_open(b);
	settle(b, "committed", true);
	(void)snprintf(rec.message.from, sizeof(rec.message.from), "x\xff\"@b");
	rec.message.verdict = API_VERDICT_REJECTED;
	assert_int_equal(api_ring_put(&b->dp.record[0], &rec), 0);
	do {
		for (unsigned i = 0; i < 30; i++)
			turn(b);
		r = call(b, "sessions.tail", json_pack("{s:i}", "count", 5));
	} while (json_array_size(json_object_get(r, "events")) == 0 && (json_decref(r), true));
	note = json_array_get(json_object_get(r, "events"), 0);
	assert_string_equal(json_string_value(json_object_get(note, "policy")), "one");
	assert_string_equal(json_string_value(json_object_get(note, "context")), "default");
	assert_string_equal(json_string_value(json_object_get(note, "from")), "x\xef\xbf\xbd\"@b");
	json_decref(r);
	json_decref(call(b, "sessions.tail", json_pack("{s:b,s:i}", "follow", 1, "count", 0)));
	b->client.in_n = 0;
	rec.session = 6;
	rec.worker = 1;
	assert_int_equal(api_ring_put(&b->dp.record[1], &rec), 0);
	note = take(b);
	assert_string_equal(json_string_value(json_object_get(note, "method")), "sessions.event");
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(note, "params"), "session")),
		"0000000000006");
	json_decref(note);
	service_close(b);
	text = file_text(b->events);
	assert_non_null(strstr(text, "\"session\":\"0000000000005\""));
	assert_non_null(strstr(text, "\"session\":\"0000000000006\""));
	free(text);
}

static void flows_are_asked_for_and_cut_to_what_was_wanted(void **state)
{
	struct bench *b = *state;
	json_t *r;

	service_open(b);
	settle(b, "committed", true);
	r = call(b, "flows.list", json_object());
	assert_int_equal(json_array_size(json_object_get(r, "flows")), 3);
	assert_true(json_is_false(json_object_get(r, "more")));
	assert_string_equal(json_string_value(json_object_get(
				    json_array_get(json_object_get(r, "flows"), 0), "policy")),
		"one");
	json_decref(r);
	r = call(b, "flows.list", json_pack("{s:i}", "max", 2));
	assert_int_equal(json_array_size(json_object_get(r, "flows")), 2);
	assert_true(json_is_true(json_object_get(r, "more")));
	json_decref(r);
	assert_int_equal(call_error(b, "flows.list", json_pack("{s:i}", "max", 0), NULL), -32602);
}

static void a_match_says_why_the_policies_before_did_not(void **state)
{
	struct bench *b = *state;
	json_t *r;

	service_open(b);
	settle(b, "committed", true);
	r = call(b, "policy.match",
		json_pack("{s:s,s:s}", "source", "10.77.0.9", "destination", "::1"));
	assert_string_equal(json_string_value(json_object_get(r, "policy")), "one");
	assert_string_equal(json_string_value(json_object_get(r, "content")), "spam");
	assert_true(json_is_true(json_object_get(r, "picked_up")));
	json_decref(r);
	r = call(b, "policy.match",
		json_pack("{s:s,s:s,s:i}", "source", "10.78.0.9", "destination", "1.1.1.1", "port",
			26));
	assert_true(json_is_null(json_object_get(r, "policy")));
	assert_true(json_is_false(json_object_get(r, "picked_up")));
	assert_string_equal(json_string_value(json_object_get(
				    json_array_get(json_object_get(r, "tried"), 0), "miss")),
		"source");
	json_decref(r);
	assert_int_equal(
		call_error(b, "policy.match",
			json_pack("{s:s,s:s}", "source", "x", "destination", "1.1.1.1"), NULL),
		-32602);
	assert_int_equal(call_error(b, "policy.match",
				 json_pack("{s:s,s:s,s:s}", "source", "1.1.1.1", "destination",
					 "1.1.1.1", "ingress", "nowhere"),
				 NULL),
		-32005);
}

static void rules_are_checked_and_priced_without_a_change(void **state)
{
	struct bench *b = *state;
	char text[512];
	json_t *r;

	service_open(b);
	settle(b, "committed", true);
	r = call(b, "rules.check", json_pack("{s:s}", "text", "1 body 5 l abc\n2 helo 5 - ^x\n"));
	assert_int_equal(json_integer_value(json_object_get(r, "rules")), 2);
	assert_int_equal(json_array_size(json_object_get(r, "scopes")), 2);
	json_decref(r);
	assert_int_equal(call_error(b, "rules.check",
				 json_pack("{s:s}", "text", "1 body 5 l abc\nx\n"), text),
		-32003);
	assert_non_null(strstr(text, "text:2"));
	assert_int_equal(b->images, 1);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(the_file_takes_force_at_the_first_start),
		T(a_rule_is_answered_only_after_the_data_plane_confirmed),
		T(a_refused_image_changes_nothing),
		T(a_data_plane_that_goes_amid_a_change_gets_the_old_revision_again),
		T(without_a_data_plane_changes_are_pending),
		T(a_bad_rule_says_line_id_and_the_compilers_words),
		T(rules_come_back_as_they_were_given),
		T(a_bad_configuration_changes_nothing_and_names_every_place),
		T(a_commit_keeps_rules_added_at_run_time),
		T(other_ports_than_the_running_ones_are_refused),
		T(what_a_commit_cannot_change_is_warned_of),
		T(an_error_that_quotes_a_warning_is_an_error),
		T(a_check_that_cannot_run_is_not_a_bad_configuration),
		T(a_restart_finds_everything_again_and_pushes_nothing),
		T(a_revision_confirmed_after_it_was_stored_is_not_pushed_again),
		T(a_restart_keeps_what_was_committed_unless_the_file_changed),
		T(an_unusable_file_leaves_the_last_good_revision),
		T(no_usable_configuration_at_all_passes_everything),
		T(a_data_plane_with_a_policy_keeps_it_when_nothing_is_usable),
		T(a_reload_commits_the_file_and_a_bad_one_changes_nothing),
		T(records_reach_the_log_the_ring_and_who_follows),
		T(flows_are_asked_for_and_cut_to_what_was_wanted),
		T(a_match_says_why_the_policies_before_did_not),
		T(rules_are_checked_and_priced_without_a_change),
#undef T
	};
	int rc = compile_child(argc, argv);

	return rc >= 0 ? rc : cmocka_run_group_tests(tests, NULL, NULL);
}

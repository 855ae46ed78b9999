// SPDX-License-Identifier: BSD-3-Clause
// The whole service between a client and a data plane made by hand: what a change answers and when,
// what stays after each way it can fail, what a start finds again, and what records become.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "api_rpc.h"
#include "compile.h"
#include "serve_world.h"
#include "text.h"

static void the_file_takes_force_at_the_first_start(void **state)
{
	struct bench *b = *state;

	world_service_open(b);
	world_settle(b, "committed", true);
	assert_int_equal(b->version, 1);
	assert_int_equal(b->images, 1);
	assert_true(world_kept(b, "1.image 1.revision"));
}

static void a_rule_is_answered_only_after_the_data_plane_confirmed(void **state)
{
	struct bench *b = *state;
	unsigned before;
	json_t *answer;

	world_service_open(b);
	world_settle(b, "committed", true);
	before = b->images;
	b->mute = true;
	world_ask(b, "rules.add", world_rule("TOKEN", true));
	while (b->images == before)
		world_turn(b);
	for (unsigned i = 0; i < 50; i++)
		world_turn(b);
	assert_false(world_line_came(b));
	// Now it confirms.
	struct api_event e = {.kind = API_EVT_ACK, .seq = 0};
	b->mute = false;
	for (e.seq = 0; e.seq < 64; e.seq++) // whichever it was: others are no answer to anything
		(void)api_ring_put(&b->dp.event, &e);
	answer = world_take(b);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(answer, "result"), "id")),
		1000000);
	assert_true(json_is_false(json_object_get(json_object_get(answer, "result"), "pending")));
	json_decref(answer);
	assert_int_equal(world_rules_count(b), 2);
}

static void a_refused_image_changes_nothing(void **state)
{
	struct bench *b = *state;
	char text[512];

	world_service_open(b);
	world_settle(b, "committed", true);
	b->refuse = -ENOMEM;
	assert_int_equal(world_call_error(b, "rules.add", world_rule("TOKEN", true), text), -32004);
	assert_non_null(strstr(text, "no room"));
	assert_int_equal(world_rules_count(b), 1);
	assert_int_equal(world_revision(b), 1);
	assert_true(world_kept(b, "1.image 1.revision"));
	b->refuse = 0;
	json_decref(world_call(b, "rules.add", world_rule("TOKEN", true)));
	assert_int_equal(world_rules_count(b), 2);
	assert_true(world_kept(b, "1.revision 3.image 3.revision"));
}

static void a_data_plane_that_goes_amid_a_change_gets_the_old_revision_again(void **state)
{
	struct bench *b = *state;
	unsigned before;
	json_t *answer;

	world_service_open(b);
	world_settle(b, "committed", true);
	before = b->images;
	b->mute = true;
	world_ask(b, "rules.add", world_rule("TOKEN", true));
	while (b->images == before)
		world_turn(b);
	b->attach = false;
	dp_drop(&b->dp);
	answer = world_take(b);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(answer, "error"), "code")),
		-32001);
	json_decref(answer);
	assert_int_equal(world_rules_count(b), 1);
	b->version = 0; // a new data plane
	b->attach = true;
	b->mute = false;
	world_settle(b, "committed", true);
	assert_int_equal(b->version, 1);
}

static void without_a_data_plane_changes_are_pending(void **state)
{
	struct bench *b = *state;
	json_t *r;

	b->attach = false;
	world_service_open(b);
	world_settle(b, "committed", false);
	r = world_call(b, "rules.add", world_rule("TOKEN", true));
	assert_true(json_is_true(json_object_get(r, "pending")));
	json_decref(r);
	assert_int_equal(b->images, 0);
	b->attach = true;
	world_settle(b, "committed", true);
	assert_int_equal(b->version, 2);
	assert_int_equal(world_call_error(b, "ports.list", json_pack("{s:i}", "x", 1), NULL), -32602);
}

static void a_bad_rule_says_line_id_and_the_compilers_words(void **state)
{
	struct bench *b = *state;
	char text[512];

	world_service_open(b);
	world_settle(b, "committed", true);
	assert_int_equal(world_call_error(b, "rules.add", world_rule("(open", false), text), -32003);
	assert_non_null(strstr(text, "rules.local:"));
	assert_non_null(strstr(text, "1000000"));
	assert_non_null(strstr(text, "parenthesis"));
	assert_int_equal(world_rules_count(b), 1);
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

	world_service_open(b);
	world_settle(b, "committed", true);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		json_t *r, *row;

		json_decref(world_call(b, "rules.add", world_rule(texts[i].text, texts[i].literal)));
		r = world_call(b, "rules.list", json_pack("{s:b}", "added", 1));
		assert_int_equal(json_array_size(json_object_get(r, "rules")), i + 1);
		row = json_array_get(json_object_get(r, "rules"), i);
		if (strcmp(json_string_value(json_object_get(row, "text")), texts[i].shown) != 0)
			fail_msg("%s: %s", texts[i].name, json_dumps(row, 0));
		json_decref(r);
	}
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		json_decref(world_call(b, "rules.del", json_pack("{s:i}", "id", (int)(1000000 + i))));
	assert_int_equal(world_rules_count(b), 1);
	assert_int_equal(world_call_error(b, "rules.del", json_pack("{s:i}", "id", 1), NULL), -32005);
	assert_int_equal(world_call_error(b, "rules.add", world_rule("", true), NULL), -32003);
	assert_int_equal(world_call_error(b, "rules.list", json_pack("{s:s}", "scope", "bdy"), NULL), -32602);
}

static void a_bad_configuration_changes_nothing_and_names_every_place(void **state)
{
	struct bench *b = *state;
	char text[512];
	json_t *r;

	world_service_open(b);
	world_settle(b, "committed", true);
	assert_int_equal(
		world_call_error(b, "config.commit",
			json_pack("{s:s,s:s}", "text", config_bad, "file", "new.yaml"), text),
		-32003);
	assert_non_null(strstr(text, "new.yaml:4:"));
	assert_int_equal(
		world_call_error(b, "config.check", json_pack("{s:s}", "text", config_bad), text),
		-32003);
	assert_int_equal(world_revision(b), 1);
	assert_int_equal(b->images, 1);
	r = world_call(b, "config.check", json_pack("{s:s}", "text", config_two));
	assert_non_null(strstr(json_string_value(json_object_get(r, "canonical")), "name: two"));
	json_decref(r);
	assert_int_equal(b->images, 1);
}

static void a_commit_keeps_rules_added_at_run_time(void **state)
{
	struct bench *b = *state;
	json_t *r;

	world_service_open(b);
	world_settle(b, "committed", true);
	json_decref(world_call(b, "rules.add", world_rule("TOKEN", true)));
	r = world_call(b, "config.commit",
		json_pack("{s:s,s:s,s:s}", "text", config_two, "author", "ann", "comment", "why"));
	assert_int_equal(json_integer_value(json_object_get(r, "revision")), 3);
	json_decref(r);
	assert_int_equal(world_rules_count(b), 1); // the shipped file is no longer named
	assert_int_equal(b->version, 3);
	r = world_call(b, "config.get", json_object());
	assert_string_equal(json_string_value(json_object_get(r, "author")), "ann");
	assert_string_equal(json_string_value(json_object_get(r, "comment")), "why");
	json_decref(r);
}

static void other_ports_than_the_running_ones_are_refused(void **state)
{
	struct bench *b = *state;
	char text[512];

	world_service_open(b);
	world_settle(b, "committed", true);
	assert_int_equal(
		world_call_error(b, "config.commit", json_pack("{s:s}", "text", config_ports), text),
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
	char config[2048];
	json_t *r;

	(void)snprintf(config, sizeof(config), "dataplane: {flows: 5000,%s",
		config_ok + strlen("dataplane: {"));
	world_service_open(b);
	world_settle(b, "committed", true);
	r = world_call(b, "config.check", json_pack("{s:s,s:s}", "text", config, "file", "text"));
	assert_true(has_line(r, "warnings", other));
	assert_false(has_line(r, "warnings", same));
	json_decref(r);
	r = world_call(b, "config.commit", json_pack("{s:s,s:s}", "text", config, "file", "text"));
	assert_int_equal(json_integer_value(json_object_get(r, "revision")), 2);
	assert_true(has_line(r, "warnings", other));
	assert_false(has_line(r, "warnings", same));
	json_decref(r);
}

static void an_error_that_quotes_a_warning_is_an_error(void **state)
{
	struct bench *b = *state;
	char config[2048], text[512];

	(void)snprintf(config, sizeof(config), "\"warning: x\": 1\n%s", config_ok);
	world_service_open(b);
	world_settle(b, "committed", true);
	assert_int_equal(
		world_call_error(b, "config.commit", json_pack("{s:s}", "text", config), text), -32003);
	assert_non_null(strstr(text, "| "));
	assert_non_null(strstr(strstr(text, "| "), "warning: x"));
}

static void a_check_that_cannot_run_is_not_a_bad_configuration(void **state)
{
	struct bench *b = *state;
	struct rlimit old, none;
	int rules, config;

	world_service_open(b);
	world_settle(b, "committed", true);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = (struct rlimit){.rlim_cur = (rlim_t)b->client.fd + 1, .rlim_max = old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0); // no descriptor for the child
	rules = world_call_error(
		b, "rules.check", json_pack("{s:s}", "text", "1 body 5 l abc\n"), NULL);
	config = world_call_error(b, "config.check", json_pack("{s:s}", "text", config_two), NULL);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(rules, -32603);
	assert_int_equal(config, -32603);
}

static void a_restart_finds_everything_again_and_pushes_nothing(void **state)
{
	struct bench *b = *state;

	world_service_open(b);
	world_settle(b, "committed", true);
	json_decref(world_call(b, "rules.add", world_rule("TOKEN", true)));
	for (unsigned i = 0; i < 3; i++) {
		world_service_close(b);
		world_service_open(b);
		world_settle(b, "committed", true);
		assert_int_equal(world_revision(b), 2);
		assert_int_equal(world_rules_count(b), 2);
		assert_int_equal(b->images, 2); // the same data plane has it still
	}
}

static void a_revision_confirmed_after_it_was_stored_is_not_pushed_again(void **state)
{
	struct bench *b = *state;

	b->attach = false;
	world_service_open(b);
	world_settle(b, "committed", false);
	b->attach = true;
	world_settle(b, "committed", true);
	assert_int_equal(b->images, 1);
	world_service_close(b);
	world_service_open(b);
	world_settle(b, "committed", true);
	assert_int_equal(b->images, 1);
	world_service_close(b);
	b->version = 0;
	world_service_open(b);
	world_settle(b, "committed", true);
	assert_int_equal(b->images, 2); // a new data plane lacks it
}

static void a_restart_keeps_what_was_committed_unless_the_file_changed(void **state)
{
	struct bench *b = *state;
	json_t *r;

	world_service_open(b);
	world_settle(b, "committed", true);
	json_decref(world_call(b, "config.commit", json_pack("{s:s}", "text", config_two)));
	world_service_close(b);
	world_service_open(b);
	world_settle(b, "committed", true);
	r = world_call(b, "config.get", json_object());
	assert_non_null(strstr(json_string_value(json_object_get(r, "text")), "name: two"));
	json_decref(r);
	world_service_close(b);
	world_file_write(b->file, config_ok);
	world_file_write(b->rules, "1 body 10 l OTHER\n"); // a rules file that changed counts, too
	world_service_open(b);
	world_settle(b, "committed", true);
	r = world_call(b, "config.get", json_object());
	assert_non_null(strstr(json_string_value(json_object_get(r, "text")), "name: two"));
	json_decref(r);
	world_service_close(b);
	world_file_write(b->file, "# newer\n");
	FILE *f = fopen(b->file, "a");
	assert_true(fputs(config_ok, f) >= 0);
	assert_int_equal(fclose(f), 0);
	world_service_open(b);
	world_settle(b, "committed", true);
	r = world_call(b, "config.get", json_object());
	assert_non_null(strstr(json_string_value(json_object_get(r, "text")), "name: one"));
	json_decref(r);
	assert_int_equal(world_revision(b), 3);
}

static void an_unusable_file_leaves_the_last_good_revision(void **state)
{
	struct bench *b = *state;
	char path[160];
	json_t *r;

	world_service_open(b);
	world_settle(b, "committed", true);
	world_service_close(b);
	world_file_write(b->file, config_bad);
	b->version = 0; // and a data plane that lacks it
	world_service_open(b);
	world_settle(b, "last_good", true);
	assert_int_equal(b->version, 1);
	r = world_call(b, "system.status", json_object());
	assert_true(json_array_size(json_object_get(json_object_get(r, "config"), "errors")) > 0);
	json_decref(r);
	world_service_close(b);
	// The same without the compiled image: it is made again from the text.
	(void)snprintf(path, sizeof(path), "%s/revisions/0000000001.image", b->state);
	world_file_write(path, "rubbish");
	world_service_open(b);
	world_settle(b, "last_good", true);
	world_service_close(b);
	world_service_open(b); // and the file is still tried first
	world_settle(b, "last_good", true);
	// A good commit ends it.
	json_decref(world_call(b, "config.commit", json_pack("{s:s}", "text", config_two)));
	world_settle(b, "committed", true);
}

static void no_usable_configuration_at_all_passes_everything(void **state)
{
	struct bench *b = *state;
	json_t *r;

	world_file_write(b->file, config_bad);
	world_service_open(b);
	world_settle(b, "pass_everything", true);
	r = world_call(b, "policy.match",
		json_pack("{s:s,s:s}", "source", "10.77.0.1", "destination", "1.2.3.4"));
	assert_true(json_is_null(json_object_get(r, "policy")));
	assert_true(json_is_false(json_object_get(r, "picked_up")));
	json_decref(r);
	assert_int_equal(world_call_error(b, "rules.add", world_rule("TOKEN", true), NULL), -32003);
	assert_int_equal(b->images, 1);
}

static void a_data_plane_with_a_policy_keeps_it_when_nothing_is_usable(void **state)
{
	struct bench *b = *state;
	json_t *r;

	world_file_write(b->file, config_bad);
	b->version = 77;
	world_service_open(b);
	do {
		world_turn(b);
		r = world_call(b, "system.status", json_object());
		json_decref(r);
	} while (b->dp.peer < 0);
	for (unsigned i = 0; i < 50; i++)
		world_turn(b);
	assert_int_equal(b->images, 0);
	assert_int_equal(b->version, 77);
}

static void a_reload_commits_the_file_and_a_bad_one_changes_nothing(void **state)
{
	struct bench *b = *state;
	char *text;

	world_service_open(b);
	world_settle(b, "committed", true);
	world_file_write(b->file, config_two);
	serve_reload(b->serve);
	world_settle(b, "committed", true);
	assert_int_equal(world_revision(b), 2);
	world_file_write(b->file, config_bad);
	serve_reload(b->serve);
	world_settle(b, "committed", true);
	assert_int_equal(world_revision(b), 2);
	text = world_file_text(b->events);
	assert_non_null(text);
	free(text);
}

static json_int_t hits_of_first(struct bench *b, const char *policy)
{
	json_t *r = world_call(b, "stats.get", json_object()), *row;
	json_int_t hits;

	row = json_array_get(json_object_get(r, "policies"), 0);
	assert_string_equal(json_string_value(json_object_get(row, "policy")), policy);
	hits = json_integer_value(json_object_get(row, "hits"));
	json_decref(r);
	return hits;
}

// The data plane counts by place in the list and never begins anew.
static void hits_are_those_of_the_list_in_force(void **state)
{
	struct bench *b = *state;
	uint64_t *first;

	world_service_open(b);
	world_settle(b, "committed", true);
	first = (void *)(b->dp.stats + b->dp.head->policy_hits_off);
	*first = 5;
	assert_int_equal(hits_of_first(b, "one"), 5);
	json_decref(world_call(b, "config.commit", json_pack("{s:s}", "text", config_two)));
	assert_int_equal(hits_of_first(b, "two"), 0);
	*first = 7;
	assert_int_equal(hits_of_first(b, "two"), 2);
	world_service_close(b);
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

	world_service_open(b);
	world_settle(b, "committed", true);
	(void)snprintf(rec.message.from, sizeof(rec.message.from), "x\xff\"@b");
	rec.message.verdict = API_VERDICT_REJECTED;
	assert_int_equal(api_ring_put(&b->dp.record[0], &rec), 0);
	do {
		for (unsigned i = 0; i < 30; i++)
			world_turn(b);
		r = world_call(b, "sessions.tail", json_pack("{s:i}", "count", 5));
	} while (json_array_size(json_object_get(r, "events")) == 0 && (json_decref(r), true));
	note = json_array_get(json_object_get(r, "events"), 0);
	assert_string_equal(json_string_value(json_object_get(note, "policy")), "one");
	assert_string_equal(json_string_value(json_object_get(note, "context")), "default");
	assert_string_equal(json_string_value(json_object_get(note, "from")), "x\xef\xbf\xbd\"@b");
	json_decref(r);
	r = world_call(b, "explain.get", json_pack("{s:s}", "id", "mw-0000000000005"));
	assert_string_equal(json_string_value(json_object_get(r, "session")), "0000000000005");
	assert_int_equal(json_integer_value(json_object_get(r, "files")), 1);
	note = json_array_get(json_object_get(r, "events"), 0);
	assert_string_equal(json_string_value(json_object_get(note, "from")), "x\xef\xbf\xbd\"@b");
	json_decref(r);
	assert_int_equal(world_call_error(b, "explain.get",
				 json_pack("{s:s}", "id", "mw-0000000000007"), NULL),
		API_RPC_ERR_NOT_FOUND);
	assert_int_equal(world_call_error(b, "explain.get", json_pack("{s:s}", "id", "x"), NULL),
		API_RPC_ERR_PARAMS);
	json_decref(world_call(b, "sessions.tail", json_pack("{s:b,s:i}", "follow", 1, "count", 0)));
	b->client.in_n = 0;
	rec.session = 6;
	rec.worker = 1;
	assert_int_equal(api_ring_put(&b->dp.record[1], &rec), 0);
	note = world_take(b);
	assert_string_equal(json_string_value(json_object_get(note, "method")), "sessions.event");
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(note, "params"), "session")),
		"0000000000006");
	json_decref(note);
	world_service_close(b);
	text = world_file_text(b->events);
	assert_non_null(strstr(text, "\"session\":\"0000000000005\""));
	assert_non_null(strstr(text, "\"session\":\"0000000000006\""));
	free(text);
}

static void flows_are_asked_for_and_cut_to_what_was_wanted(void **state)
{
	struct bench *b = *state;
	json_t *r;

	world_service_open(b);
	world_settle(b, "committed", true);
	r = world_call(b, "flows.list", json_object());
	assert_int_equal(json_array_size(json_object_get(r, "flows")), 3);
	assert_true(json_is_false(json_object_get(r, "more")));
	assert_string_equal(json_string_value(json_object_get(
				    json_array_get(json_object_get(r, "flows"), 0), "policy")),
		"one");
	json_decref(r);
	r = world_call(b, "flows.list", json_pack("{s:i}", "max", 2));
	assert_int_equal(json_array_size(json_object_get(r, "flows")), 2);
	assert_true(json_is_true(json_object_get(r, "more")));
	json_decref(r);
	assert_int_equal(world_call_error(b, "flows.list", json_pack("{s:i}", "max", 0), NULL), -32602);
}

static void a_match_says_why_the_policies_before_did_not(void **state)
{
	struct bench *b = *state;
	json_t *r;

	world_service_open(b);
	world_settle(b, "committed", true);
	r = world_call(b, "policy.match",
		json_pack("{s:s,s:s}", "source", "10.77.0.9", "destination", "10.9.9.9"));
	assert_string_equal(json_string_value(json_object_get(r, "policy")), "one");
	assert_string_equal(json_string_value(json_object_get(r, "content")), "spam");
	assert_true(json_is_true(json_object_get(r, "picked_up")));
	assert_true(json_is_false(json_object_get(r, "server_blocked")));
	json_decref(r);
	r = world_call(b, "policy.match",
		json_pack("{s:s,s:s,s:i}", "source", "10.78.0.9", "destination", "1.1.1.1", "port",
			26));
	assert_true(json_is_null(json_object_get(r, "policy")));
	assert_true(json_is_false(json_object_get(r, "picked_up")));
	assert_string_equal(json_string_value(json_object_get(
				    json_array_get(json_object_get(r, "tried"), 0), "miss")),
		"source");
	assert_string_equal(json_string_value(json_object_get(
				    json_array_get(json_object_get(r, "tried"), 0), "wants")),
		"10.77.0.0/24");
	assert_string_equal(json_string_value(json_object_get(
				    json_array_get(json_object_get(r, "tried"), 0), "has")),
		"10.78.0.9");
	assert_string_equal(json_string_value(json_object_get(r, "direction")), "outgoing");
	assert_string_equal(json_string_value(json_object_get(r, "pickup")), "proxy");
	json_decref(r);
	assert_int_equal(
		world_call_error(b, "policy.match",
			json_pack("{s:s,s:s}", "source", "x", "destination", "1.1.1.1"), NULL),
		-32602);
	assert_int_equal(world_call_error(b, "policy.match",
				 json_pack("{s:s,s:s,s:s}", "source", "1.1.1.1", "destination",
					 "1.1.1.1", "ingress", "nowhere"),
				 NULL),
		-32005);
	assert_int_equal(world_call_error(b, "policy.match",
				 json_pack("{s:s,s:s}", "source", "1.1.1.1", "destination", "::1"),
				 NULL),
		-32602);
	assert_int_equal(world_call_error(b, "policy.match",
				 json_pack("{s:s,s:s,s:s}", "source", "1.1.1.1", "destination",
					 "1.1.1.2", "sender", "a@b.example"),
				 NULL),
		-32602);
}

static void a_match_says_which_access_rule_takes_a_recipient(void **state)
{
	static const char text[] =
		"dataplane: {workers: [1], ports: [{name: access, dev: net_null0}, {name: core, dev: net_null1}],\n"
		" pairs: [[access, core]]}\n"
		"contexts: [{name: default, ports: [access, core]}]\n"
		"policies: [{name: all, action: inspect, session: s}]\n"
		"session_profiles: {s: {safe_recipients: \"*@open.example\", blocked_servers: 10.9.9.8}}\n"
		"access:\n"
		"  - {name: members, auth: no, recipient: \"*@members.example\", action: reject}\n"
		"  - {name: bad, sender: bad@example.org, action: tempfail}\n";
	struct bench *b = *state;
	const json_t *a;
	json_t *r;

	world_service_open(b);
	world_settle(b, "committed", true);
	json_decref(world_call(b, "config.commit", json_pack("{s:s}", "text", text)));
	r = world_call(b, "policy.match",
		json_pack("{s:s,s:s,s:s,s:s,s:b}", "source", "10.77.0.9", "destination", "10.9.9.9",
			"recipient", "x@Members.example", "sender", "bad@example.org", "auth", 1));
	a = json_object_get(r, "access");
	assert_string_equal(json_string_value(json_object_get(a, "rule")), "bad");
	assert_string_equal(json_string_value(json_object_get(a, "action")), "tempfail");
	assert_true(json_is_null(json_object_get(a, "sender_list")));
	a = json_array_get(json_object_get(a, "tried"), 0);
	assert_string_equal(json_string_value(json_object_get(a, "rule")), "members");
	assert_string_equal(json_string_value(json_object_get(a, "miss")), "auth");
	json_decref(r);
	r = world_call(b, "policy.match",
		json_pack("{s:s,s:s,s:s}", "source", "10.77.0.9", "destination", "10.9.9.9", "recipient",
			"x@open.example"));
	a = json_object_get(r, "access");
	assert_true(json_is_null(json_object_get(a, "rule")));
	assert_string_equal(json_string_value(json_object_get(a, "action")), "relay");
	assert_int_equal(json_array_size(json_object_get(a, "tried")), 2);
	assert_string_equal(json_string_value(json_object_get(a, "recipient_list")), "safe");
	json_decref(r);
	r = world_call(b, "policy.match",
		json_pack("{s:s,s:s}", "source", "10.77.0.9", "destination", "10.9.9.9"));
	assert_true(json_is_null(json_object_get(r, "access"))); // nobody asked
	json_decref(r);
	r = world_call(b, "policy.match",
		json_pack("{s:s,s:s}", "source", "10.77.0.9", "destination", "10.9.9.8"));
	assert_true(json_is_true(json_object_get(r, "server_blocked")));
	json_decref(r);
}

static void rules_are_checked_and_priced_without_a_change(void **state)
{
	struct bench *b = *state;
	char text[512];
	json_t *r;

	world_service_open(b);
	world_settle(b, "committed", true);
	r = world_call(b, "rules.check", json_pack("{s:s}", "text", "1 body 5 l abc\n2 helo 5 - ^x\n"));
	assert_int_equal(json_integer_value(json_object_get(r, "rules")), 2);
	assert_int_equal(json_array_size(json_object_get(r, "scopes")), 2);
	json_decref(r);
	assert_int_equal(world_call_error(b, "rules.check",
				 json_pack("{s:s}", "text", "1 body 5 l abc\nx\n"), text),
		-32003);
	assert_non_null(strstr(text, "text:2"));
	assert_int_equal(b->images, 1);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
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
		T(hits_are_those_of_the_list_in_force),
		T(records_reach_the_log_the_ring_and_who_follows),
		T(flows_are_asked_for_and_cut_to_what_was_wanted),
		T(a_match_says_why_the_policies_before_did_not),
		T(a_match_says_which_access_rule_takes_a_recipient),
		T(rules_are_checked_and_priced_without_a_change),
#undef T
	};
	int rc = compile_child(argc, argv);

	return rc >= 0 ? rc : cmocka_run_group_tests(tests, NULL, NULL);
}

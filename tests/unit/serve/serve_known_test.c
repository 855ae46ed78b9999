// SPDX-License-Identifier: BSD-3-Clause
// endpoints.*, senders.* and audit.list as an operator calls them: lists, moves, pages, files of rows, what a
// restart keeps.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api_rpc.h"
#include "compile.h"
#include "serve_int.h"
#include "serve_reputation.h"
#include "serve_world.h"

static void start(struct bench *b)
{
	world_service_open(b);
	world_settle(b, "committed", true);
}

static json_t *endpoint(struct bench *b, const char *method, const char *id)
{
	return world_call(b, method, json_pack("{s:s}", "id", id));
}

static void state_is(struct bench *b, const char *id, const char *want)
{
	json_t *r = endpoint(b, "endpoints.get", id);

	assert_string_equal(json_string_value(json_object_get(r, "state")), want);
	assert_int_equal(json_is_true(json_object_get(r, "blocked")),
		strcmp(want, "manual") == 0 || strcmp(want, "auto") == 0);
	json_decref(r);
}

static void an_endpoint_moves_between_the_lists(void **state)
{
	struct bench *b = *state;
	static const struct {
		const char *method, *want;
	} rows[] = {
		{"endpoints.block", "manual"},
		{"endpoints.exempt", "exempt"},
		{"endpoints.block", "manual"},
		{"endpoints.clear", "manual"},
		{"endpoints.unblock", "none"},
	};
	char text[512];
	json_t *r;

	start(b);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		r = endpoint(b, rows[i].method, "4915112345");
		assert_string_equal(json_string_value(json_object_get(r, "state")), rows[i].want);
		assert_string_equal(json_string_value(json_object_get(r, "id")), "4915112345");
		json_decref(r);
		state_is(b, "4915112345", rows[i].want);
	}
	assert_int_equal(world_call_error(b, "endpoints.unblock",
				 json_pack("{s:s}", "id", "4915112345"), text),
		API_RPC_ERR_NOT_FOUND);
	assert_non_null(strstr(text, "it is not blocked"));
	json_decref(world_call(b, "endpoints.exempt", json_pack("{s:s}", "id", "5")));
	assert_int_equal(
		world_call_error(b, "endpoints.unblock", json_pack("{s:s}", "id", "5"), text),
		API_RPC_ERR_NOT_FOUND);
	json_decref(world_call(b, "endpoints.exempt", json_pack("{s:s,s:b}", "id", "5", "off", 1)));
	state_is(b, "5", "none");
}

static void scores_that_nothing_is_between_are_an_error(void **state)
{
	static const char *const methods[] = {"endpoints.list", "senders.list"};
	struct bench *b = *state;
	char text[512];

	start(b);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(world_call_error(b, methods[i],
					 json_pack("{s:i,s:i}", "min", 5, "max", 2), text),
			API_RPC_ERR_PARAMS);
		assert_non_null(strstr(text, "params.min: 5 is more than max, 2"));
		json_decref(world_call(b, methods[i], json_pack("{s:i,s:i}", "min", 5, "max", 5)));
		json_decref(world_call(b, methods[i], json_pack("{s:i}", "min", 5)));
	}
}

static void who_is_meant_has_to_be_said(void **state)
{
	struct bench *b = *state;
	json_t *r;
	char key[32];

	start(b);
	assert_int_equal(
		world_call_error(b, "endpoints.get", json_object(), NULL), API_RPC_ERR_PARAMS);
	assert_int_equal(
		world_call_error(b, "endpoints.get",
			json_pack("{s:s,s:s}", "id", "1", "key", "0000000000000001"), NULL),
		API_RPC_ERR_PARAMS);
	assert_int_equal(
		world_call_error(b, "endpoints.get", json_pack("{s:s}", "key", "xyz"), NULL),
		API_RPC_ERR_PARAMS);
	assert_int_equal(world_call_error(b, "endpoints.get", json_pack("{s:s}", "id", ""), NULL),
		API_RPC_ERR_PARAMS);
	r = endpoint(b, "endpoints.block", "77");
	(void)snprintf(key, sizeof(key), "%s", json_string_value(json_object_get(r, "key")));
	json_decref(r);
	r = world_call(b, "endpoints.get", json_pack("{s:s}", "key", key));
	assert_string_equal(json_string_value(json_object_get(r, "id")), "77");
	assert_true(json_is_true(json_object_get(r, "known")));
	json_decref(r);
	r = endpoint(b, "endpoints.get", "nobody");
	assert_true(json_is_false(json_object_get(r, "known")));
	json_decref(r);
}

static void a_list_comes_in_pages(void **state)
{
	struct bench *b = *state;
	const char *cursor = NULL;
	char at[32], id[16];
	size_t n = 0;
	json_t *r;

	start(b);
	for (unsigned i = 0; i < 25; i++) {
		(void)snprintf(id, sizeof(id), "%u", 100 + i);
		json_decref(endpoint(b, i % 5 == 0 ? "endpoints.exempt" : "endpoints.block", id));
	}
	do {
		r = world_call(b, "endpoints.list",
			json_pack(
				"{s:s,s:i,s:s*}", "state", "manual", "count", 7, "cursor", cursor));
		n += json_array_size(json_object_get(r, "endpoints"));
		cursor = json_string_value(json_object_get(r, "cursor"));
		(void)snprintf(at, sizeof(at), "%s", cursor == NULL ? "" : cursor);
		cursor = cursor == NULL ? NULL : at;
		json_decref(r);
	} while (cursor != NULL);
	assert_int_equal(n, 20);
	r = world_call(b, "endpoints.list", json_pack("{s:s}", "id", "11"));
	assert_int_equal(json_array_size(json_object_get(r, "endpoints")), 10);
	json_decref(r);
	assert_int_equal(
		world_call_error(b, "endpoints.list", json_pack("{s:s}", "state", "odd"), NULL),
		API_RPC_ERR_PARAMS);
	assert_int_equal(
		world_call_error(b, "endpoints.list", json_pack("{s:s}", "cursor", "x"), NULL),
		API_RPC_ERR_PARAMS);
	r = world_call(b, "endpoints.top", json_object());
	assert_int_equal(json_array_size(json_object_get(r, "endpoints")), 0); // none has a score
	json_decref(r);
}

static void a_file_is_taken_whole_or_not_at_all(void **state)
{
	struct bench *b = *state;
	static const struct {
		const char *csv, *want; // part of the first error, NULL = taken
	} rows[] = {
		{"id,list\n1,manual\n2,exempt\n\"3,4\",manual\n", NULL},
		{"list,id,score,until\nauto,9,3,2099-01-01T00:00:00Z\nauto,10,3,2001-01-01T00:00:00Z\n",
			NULL},
		{"", "f.csv:1: empty"},
		{"id,what\n1,manual\n", "f.csv:1: what: no such column"},
		{"id\n1\n", "f.csv:1: the first line names the columns"},
		{"id,list\n100,manual\n101,odd\n", "f.csv:3: odd: no such list"},
		{"id,list\n100,manual\n101\n", "f.csv:3: 1 fields; the first line has 2"},
		{"id,list\n100,manual\n,manual\n", "f.csv:3: an id has 1 to 253 octets"},
		{"id,list,until\n100,auto,soon\n", "f.csv:2: until is \"soon\""},
		{"id,list,until\n100,auto,\n", "f.csv:2: until is \"\"; a block of auto ends"},
		{"id,list,until\n100,manual,soon\n", "f.csv:2: until is \"soon\"; it is empty or"},
		{"id,list,until\n100,manual,2001-01-01T00:00:00Z\n", NULL}, // over by then
		{"id,list,key\n,manual,12\n", "f.csv:2: 12: not the 16 hexadecimal digits"},
		{"id,list\n100,manual\n\"101,manual\n", "f.csv:3: a quote that does not end"},
	};
	char text[512];
	json_t *r;

	start(b);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *params = json_pack("{s:s,s:s}", "text", rows[i].csv, "file", "f.csv");

		if (rows[i].want == NULL) {
			json_decref(world_call(b, "endpoints.import", params));
			continue;
		}
		assert_int_equal(
			world_call_error(b, "endpoints.import", params, text), API_RPC_ERR_CONFIG);
		if (strstr(text, rows[i].want) == NULL)
			fail_msg("\"%s\" is not in \"%s\"", rows[i].want, text);
		state_is(b, "100", "none");
	}
	state_is(b, "1", "manual");
	state_is(b, "2", "exempt");
	state_is(b, "3,4", "manual");
	state_is(b, "9", "auto");
	state_is(b, "10", "none"); // over by then
	r = world_call(b, "endpoints.export", json_object());
	assert_string_equal(json_string_value(json_object_get(r, "csv")),
		"id,list,until,score,comment,key\n9,auto,2099-01-01T00:00:00Z,0,,\n1,manual,,0,,\n"
		"\"3,4\",manual,,0,,\n2,exempt,,0,,\n");
	assert_true(json_is_null(json_object_get(r, "cursor")));
	json_decref(world_call(
		b, "endpoints.import", json_pack("{s:O}", "text", json_object_get(r, "csv"))));
	json_decref(r);
}

// A data plane that takes no more facts is owed those of who is on no list any more: they can't make room, though
// it looked as if they could before the first row was taken.
static void rows_that_find_no_room_are_told_and_counted(void **state)
{
	enum { MOST = 16, CHURN = 70000 };
	static const char row[] = "1,none\n";
	struct bench *b = *state;
	char *csv = NULL, text[512];
	size_t n = 0;
	FILE *f = open_memstream(&csv, &n);
	json_t *r;

	assert_non_null(f);
	b->boot->dataplane.bindings = MOST;
	start(b);
	for (int i = 1; i <= MOST;
		i++) { // a login that failed: known for a while, and may make room
		const struct span id = {
			(const uint8_t *)text, (size_t)snprintf(text, sizeof(text), "%d", i)};
		struct serve_reputation *rep = b->serve->reputation;

		rep_endpoint_login(serve_reputation_endpoints(rep), serve_reputation_key(rep, id),
			id, false, 1, serve_reputation_now(rep));
	}
	assert_true(fputs("id,list\n", f) >= 0);
	for (int i = 0; i < CHURN; i++) // more than the link takes at a time
		assert_true(fputs(row, f) >= 0);
	for (int i = 1; i <= MOST; i++)
		assert_true(fprintf(f, "%d,none\n", i) > 0);
	assert_true(fputs("100,manual\n101,manual\n1,exempt\n", f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(world_call_error(b, "endpoints.import",
				 json_pack("{s:s,s:s}", "text", csv, "file", "f.csv"), text),
		API_RPC_ERR_CONFIG);
	assert_non_null(strstr(text, "2 of 70019 rows were not taken"));
	assert_non_null(strstr(text, "f.csv:70018: 100: no room"));
	assert_non_null(strstr(text, "dataplane.bindings"));
	state_is(b, "1", "exempt");
	state_is(b, "100", "none");
	r = world_call(b, "audit.list", json_object());
	assert_string_equal(json_string_value(json_object_get(
				    json_array_get(json_object_get(r, "audit"), 0), "object")),
		"70017 of 70019 rows");
	json_decref(r);
	// What is owed can't make room: said before anything is taken.
	assert_int_equal(world_call_error(b, "endpoints.import",
				 json_pack("{s:s}", "text", "id,list\n100,manual\n"), text),
		API_RPC_ERR_CONFIG);
	assert_non_null(strstr(text, "1 entries; there is room for 0"));
	free(csv);
}

// Whatever an id or a comment is made of, what is exported is what an import puts back.
static void what_was_exported_is_taken_back_exactly(void **state)
{
	static const char *const ids[] = {"+4915112345", "=HYPERLINK(1)", "'=1", "-1", "@x", "a,b",
		"a\"b", "a\nb", "\tx", "\x01\x1b[2J", "\xc3\xa4", "'"};
	struct bench *b = *state;
	json_t *first, *again;

	start(b);
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		json_decref(world_call(b, "endpoints.block",
			json_pack(
				"{s:s,s:s,s:i}", "id", ids[i], "comment", ids[i], "for_s", 86400)));
	// One that nobody can name.
	json_decref(
		world_call(b, "endpoints.exempt", json_pack("{s:s}", "key", "00000000000000aa")));
	first = world_call(b, "endpoints.export", json_object());
	assert_null(strstr(json_string_value(json_object_get(first, "csv")), "\n="));
	assert_null(strstr(json_string_value(json_object_get(first, "csv")), "\n+"));
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		json_decref(endpoint(b, "endpoints.unblock", ids[i]));
	json_decref(world_call(
		b, "endpoints.import", json_pack("{s:O}", "text", json_object_get(first, "csv"))));
	again = world_call(b, "endpoints.export", json_object());
	assert_string_equal(json_string_value(json_object_get(first, "csv")),
		json_string_value(json_object_get(again, "csv")));
	json_decref(first);
	json_decref(again);
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		state_is(b, ids[i], "manual");
}

static void an_export_goes_on_where_it_ended(void **state)
{
	struct bench *b = *state;
	char all[512] = "", at[32] = "";
	json_t *r;

	start(b);
	json_decref(world_call(b, "endpoints.import",
		json_pack("{s:s}", "text", "id,list\n1,manual\n2,exempt\n3,manual\n4,exempt\n")));
	do {
		r = world_call(
			b, "endpoints.export", json_pack("{s:i,s:s}", "count", 1, "cursor", at));
		(void)snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s",
			json_string_value(json_object_get(r, "csv")));
		(void)snprintf(at, sizeof(at), "%s",
			json_is_null(json_object_get(r, "cursor"))
				? ""
				: json_string_value(json_object_get(r, "cursor")));
		json_decref(r);
	} while (*at != '\0');
	assert_string_equal(all,
		"id,list,until,score,comment,key\n1,manual,,0,,\n3,manual,,0,,\n2,exempt,,0,,\n"
		"4,exempt,,0,,\n");
}

static void senders_have_lists_too(void **state)
{
	struct bench *b = *state;
	char text[512];
	json_t *r;

	start(b);
	r = world_call(b, "senders.block", json_pack("{s:s}", "sender", "10.0.0.0/8"));
	assert_string_equal(json_string_value(json_object_get(r, "state")), "manual");
	assert_string_equal(json_string_value(json_object_get(r, "context")), "default");
	json_decref(r);
	json_decref(world_call(b, "senders.exempt", json_pack("{s:s}", "sender", "10.1.2.3")));
	r = world_call(b, "senders.get", json_pack("{s:s}", "sender", "10.1.2.3"));
	assert_int_equal(json_array_size(json_object_get(r, "entries")), 2);
	assert_int_equal(json_integer_value(json_object_get(r, "score")), 0); // the worst of them
	json_decref(r);
	r = world_call(b, "senders.list", json_pack("{s:s}", "within", "10.1.0.0/16"));
	assert_int_equal(json_array_size(json_object_get(r, "senders")), 1);
	json_decref(r);
	assert_int_equal(world_call_error(b, "senders.block",
				 json_pack("{s:s}", "sender", "10.0.0.1/8"), text),
		API_RPC_ERR_PARAMS);
	assert_int_equal(
		world_call_error(b, "senders.block", json_pack("{s:s}", "sender", "any"), text),
		API_RPC_ERR_PARAMS);
	assert_int_equal(
		world_call_error(b, "senders.block",
			json_pack("{s:s,s:s}", "sender", "10.0.0.1", "context", "odd"), text),
		API_RPC_ERR_NOT_FOUND);
	assert_int_equal(world_call_error(b, "senders.clear",
				 json_pack("{s:s}", "sender", "10.9.9.0/24"), text),
		API_RPC_ERR_NOT_FOUND);
	r = world_call(b, "senders.export", json_object());
	assert_string_equal(json_string_value(json_object_get(r, "csv")),
		"sender,context,vlan,list,until,score,comment,location\n10.0.0.0/8,default,0,manual,,0,,\n"
		"10.1.2.3/32,default,0,exempt,,0,,\n");
	json_decref(r);
	assert_int_equal(
		world_call_error(b, "senders.import",
			json_pack("{s:s}", "text",
				"sender,list\n11.0.0.0/9,manual\n11.0.0.0/10,manual\n11.0.0.0/11,manual\n"),
			text),
		API_RPC_ERR_CONFIG); // one length too many: none of them
	assert_non_null(strstr(text, "stdin:4: 11.0.0.0/11: at most 4 prefix lengths"));
	r = world_call(b, "senders.list", json_pack("{s:s}", "within", "11.0.0.0/8"));
	assert_int_equal(json_array_size(json_object_get(r, "senders")), 0);
	json_decref(r);
	json_decref(world_call(b, "senders.import",
		json_pack(
			"{s:s}", "text", "sender,context,vlan,list\n10.0.0.0/8,default,0,none\n")));
	r = world_call(b, "senders.list", json_pack("{s:s}", "state", "manual"));
	assert_int_equal(json_array_size(json_object_get(r, "senders")), 0);
	json_decref(r);
}

static void everybody_is_no_sender(void **state)
{
	static const char *const all[] = {"any", "0.0.0.0/0", "::/0", "::ffff:0:0/96"};
	struct bench *b = *state;
	char text[512], csv[128];
	json_t *r;

	start(b);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		assert_int_equal(world_call_error(b, "senders.block",
					 json_pack("{s:s}", "sender", all[i]), text),
			API_RPC_ERR_PARAMS);
		assert_non_null(strstr(text, "everybody is no sender"));
		assert_int_equal(world_call_error(b, "senders.exempt",
					 json_pack("{s:s}", "sender", all[i]), NULL),
			API_RPC_ERR_PARAMS);
		(void)snprintf(
			csv, sizeof(csv), "sender,list\n10.0.0.1,manual\n%s,manual\n", all[i]);
		assert_int_equal(world_call_error(b, "senders.import",
					 json_pack("{s:s}", "text", csv), text),
			API_RPC_ERR_CONFIG);
		assert_non_null(strstr(text, "stdin:3: "));
	}
	r = world_call(b, "senders.list", json_pack("{s:s}", "within", "0.0.0.0/0"));
	assert_int_equal(json_array_size(json_object_get(r, "senders")), 0);
	json_decref(r);
}

static void text_is(const json_t *row, const char *name, const char *want)
{
	const json_t *v = json_object_get(row, name);

	assert_non_null(v);
	if (want == NULL)
		assert_true(json_is_null(v));
	else
		assert_string_equal(json_string_value(v), want);
}

static void ends_within(const json_t *row, int64_t at_least_s, int64_t at_most_s)
{
	const int64_t left_s = json_integer_value(json_object_get(row, "left_s"));

	assert_in_range(left_s, at_least_s, at_most_s);
	assert_true(json_is_string(json_object_get(row, "until")));
}

// What an operator said with a list stays with it, over a restart too, until it ends or is taken back.
static void a_list_keeps_why_since_when_and_until_when(void **state)
{
	struct bench *b = *state;
	char text[512], longest[514];
	json_t *r;

	start(b);
	r = world_call(b, "endpoints.block",
		json_pack("{s:s,s:s,s:i}", "id", "7", "comment", "ticket 7", "for_s", 43200));
	text_is(r, "comment", "ticket 7");
	ends_within(r, 43190, 43200);
	assert_true(json_is_string(json_object_get(r, "since")));
	json_decref(r);
	json_decref(world_call(b, "senders.exempt",
		json_pack("{s:s,s:s,s:i}", "sender", "10.1.2.3", "comment", "a friend", "for_s",
			600)));
	json_decref(world_call(b, "senders.block", json_pack("{s:s}", "sender", "10.1.2.4")));
	world_service_close(b);
	start(b);
	r = endpoint(b, "endpoints.get", "7");
	text_is(r, "state", "manual");
	text_is(r, "comment", "ticket 7");
	ends_within(r, 43100, 43200);
	json_decref(r);
	r = world_call(b, "senders.list", json_pack("{s:s}", "state", "exempt"));
	text_is(json_array_get(json_object_get(r, "senders"), 0), "comment", "a friend");
	ends_within(json_array_get(json_object_get(r, "senders"), 0), 500, 600);
	json_decref(r);
	r = world_call(b, "senders.list", json_pack("{s:s}", "state", "manual"));
	text_is(json_array_get(json_object_get(r, "senders"), 0), "comment", NULL);
	text_is(json_array_get(json_object_get(r, "senders"), 0), "until", NULL);
	json_decref(r);
	r = endpoint(b, "endpoints.unblock", "7");
	text_is(r, "comment", NULL);
	text_is(r, "since", NULL);
	text_is(r, "until", NULL);
	json_decref(r);
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(world_call_error(b, "endpoints.block",
				 json_pack("{s:s,s:s}", "id", "8", "comment", longest), text),
		API_RPC_ERR_PARAMS);
	assert_non_null(strstr(text, "params.comment: 513 octets; 512 are the most"));
	assert_int_equal(world_call_error(b, "endpoints.block",
				 json_pack("{s:s,s:i}", "id", "8", "for_s", 0), text),
		API_RPC_ERR_PARAMS);
	assert_int_equal(world_call_error(b, "endpoints.unblock",
				 json_pack("{s:s,s:i}", "id", "8", "for_s", 60), text),
		API_RPC_ERR_PARAMS);
}

static void lists_and_audit_outlive_the_process(void **state)
{
	struct bench *b = *state;
	json_t *r, *row;

	start(b);
	json_decref(world_call(b, "endpoints.block",
		json_pack("{s:s,s:s}", "id", "4915112345", "comment", "a complaint")));
	json_decref(world_call(b, "senders.exempt", json_pack("{s:s}", "sender", "2001:db8::/32")));
	world_service_close(b);
	start(b);
	state_is(b, "4915112345", "manual");
	r = world_call(b, "senders.list", json_pack("{s:s}", "state", "exempt"));
	row = json_array_get(json_object_get(r, "senders"), 0);
	assert_string_equal(json_string_value(json_object_get(row, "sender")), "2001:db8::/32");
	json_decref(r);
	r = world_call(b, "audit.list", json_object());
	assert_int_equal(json_array_size(json_object_get(r, "audit")), 2);
	row = json_array_get(json_object_get(r, "audit"), 1); // newest first
	assert_string_equal(json_string_value(json_object_get(row, "verb")), "endpoints.block");
	assert_string_equal(json_string_value(json_object_get(row, "object")), "4915112345");
	assert_string_equal(json_string_value(json_object_get(row, "comment")), "a complaint");
	json_decref(r);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			an_endpoint_moves_between_the_lists, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			who_is_meant_has_to_be_said, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			scores_that_nothing_is_between_are_an_error, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_list_comes_in_pages, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			a_file_is_taken_whole_or_not_at_all, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			rows_that_find_no_room_are_told_and_counted, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			what_was_exported_is_taken_back_exactly, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			a_list_keeps_why_since_when_and_until_when, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			an_export_goes_on_where_it_ended, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			senders_have_lists_too, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			everybody_is_no_sender, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			lists_and_audit_outlive_the_process, world_setup, world_teardown),
	};

	int rc = compile_child(argc, argv);

	if (rc >= 0)
		return rc;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

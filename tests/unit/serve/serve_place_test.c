// SPDX-License-Identifier: BSD-3-Clause
// Countries of senders: what a file says of addresses, what becomes of one that is none, and lists by country.
// The argument is a file made by tests/tools/mmdb_write.py.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "api_rpc.h"
#include "compile.h"
#include "serve_place.h"
#include "serve_world.h"

static char *whole; // the file's octets
static size_t whole_n;

// The first n octets of it, at `path`.
static void file_make(const char *path, size_t n)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(whole, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static struct cfg_reputation conf_of(const char *path)
{
	return (struct cfg_reputation){
		.geoip_database = path, .geoip_at = {.file = "t.yaml", .line = 4, .col = 7}};
}

// ---- a file

static void the_longest_prefix_says_the_country(void **state)
{
	static const struct {
		const char *address, *want; // NULL = none
	} rows[] = {
		{"10.0.0.1", "DE"},
		{"10.6.255.255", "DE"},
		{"10.7.0.0", "FR"},
		{"10.7.255.255", "FR"},
		{"10.8.0.0", "DE"},
		{"11.0.0.0", NULL},
		{"192.0.2.1", NULL}, // "us" is no code
		{"fd77::1", "CH"},
		{"2001:db8:1::", "DE"},
		{"2001:db9::", NULL},
		{"::", NULL},
	};
	struct bench *b = *state;
	char path[128], code[SERVE_PLACE_MAX];
	struct err_list err;
	struct serve_place *p;

	(void)snprintf(path, sizeof(path), "%s/g.mmdb", b->dir);
	file_make(path, whole_n);
	const struct cfg_reputation conf = conf_of(path);
	err_init(&err);
	assert_int_equal(serve_place_open(&conf, &p, &err), 0);
	assert_int_equal(truncate(path, 0), 0); // what becomes of the file changes nothing
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct addr a;

		assert_int_equal(addr_parse(rows[i].address, &a), 0);
		if (serve_place_of(p, &a, code) != (rows[i].want != NULL))
			fail_msg("%s", rows[i].address);
		if (rows[i].want != NULL)
			assert_string_equal(code, rows[i].want);
		assert_false(serve_place_of(NULL, &a, code));
	}
	serve_place_close(p);
}

static void a_file_that_cannot_be_used_is_an_error_with_its_place(void **state)
{
	static const struct {
		const char *name;
		int kind; // of octets: so many less than there are, -1 = a folder, -2 = a pipe, -3 = none
		const char *want;
	} rows[] = {
		{"folder", -1, "is no regular file"},
		{"pipe", -2, "is no regular file"},
		{"none", -3, "cannot be read; No such file or directory"},
		{"cut", 1, "is no MaxMind DB"},
		{"half", 200, "is no MaxMind DB"},
	};
	struct bench *b = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct serve_place *p = NULL;
		struct err_list err;
		char path[128], want[300];

		(void)snprintf(path, sizeof(path), "%s/%s", b->dir, rows[i].name);
		if (rows[i].kind == -1)
			assert_int_equal(mkdir(path, 0700), 0);
		else if (rows[i].kind == -2)
			assert_int_equal(mkfifo(path, 0600), 0);
		else if (rows[i].kind > 0)
			file_make(path, whole_n - (size_t)rows[i].kind);
		const struct cfg_reputation conf = conf_of(path);
		err_init(&err);
		assert_int_not_equal(serve_place_open(&conf, &p, &err), 0);
		assert_null(p);
		assert_int_equal(err.kept, 1);
		(void)snprintf(want, sizeof(want), "t.yaml:4:7: reputation.geoip_database: %s: %s",
			path, rows[i].want);
		if (strncmp(err.text[0], want, strlen(want)) != 0)
			fail_msg("%s: %s", rows[i].name, err.text[0]);
		if (rows[i].kind == -1)
			assert_int_equal(rmdir(path), 0);
	}
}

// Each octet of the file once with other bits: it opens or does not, and looking up ends.
static void whatever_the_octets_are_nothing_is_read_beyond_them(void **state)
{
	struct bench *b = *state;
	char path[128], code[SERVE_PLACE_MAX];
	struct addr a;

	(void)snprintf(path, sizeof(path), "%s/g.mmdb", b->dir);
	assert_int_equal(addr_parse("10.7.1.2", &a), 0);
	for (size_t i = 0; i < whole_n; i++) {
		const struct cfg_reputation conf = conf_of(path);
		struct serve_place *p = NULL;
		struct err_list err;

		whole[i] ^= 0x5a;
		file_make(path, whole_n);
		whole[i] ^= 0x5a;
		err_init(&err);
		if (serve_place_open(&conf, &p, &err) != 0)
			assert_true(err_any(&err));
		(void)serve_place_of(p, &a, code);
		serve_place_close(p);
	}
}

// ---- at work

// The policy in force, with that file.
static void commit(struct bench *b, const char *path, const char *wrong)
{
	char text[2048], said[512];
	json_t *params;

	(void)snprintf(text, sizeof(text), "%sreputation: {geoip_database: \"%s\"}\n", config_two, path);
	params = json_pack("{s:s,s:s}", "text", text, "file", "new.yaml");
	if (wrong == NULL) {
		json_decref(world_call(b, "config.commit", params));
		return;
	}
	assert_int_equal(world_call_error(b, "config.check", json_pack("{s:s,s:s}", "text", text, "file", "new.yaml"), said), API_RPC_ERR_CONFIG);
	assert_non_null(strstr(said, wrong));
	assert_int_equal(world_call_error(b, "config.commit", params, said), API_RPC_ERR_CONFIG);
	assert_non_null(strstr(said, wrong));
}

// Senders in that country, by spaces.
static void listed(struct bench *b, const char *location, const char *want)
{
	json_t *r = world_call(b, "senders.list", json_pack("{s:s*}", "location", location)), *row;
	char have[256] = "";
	size_t i;

	json_array_foreach(json_object_get(r, "senders"), i, row)
	{
		const char *code = json_string_value(json_object_get(row, "location"));

		(void)snprintf(have + strlen(have), sizeof(have) - strlen(have), "%s%s=%s", i > 0 ? " " : "",
			json_string_value(json_object_get(row, "sender")), code == NULL ? "-" : code);
	}
	assert_string_equal(have, want);
	json_decref(r);
}

static void senders_are_listed_by_country(void **state)
{
	struct bench *b = *state;
	char path[128], text[512];
	json_t *r;

	(void)snprintf(path, sizeof(path), "%s/g.mmdb", b->dir);
	file_make(path, whole_n);
	world_service_open(b);
	world_settle(b, "committed", true);
	json_decref(world_call(b, "senders.import",
		json_pack("{s:s}", "text", "sender,list\n10.7.1.0/24,manual\n10.1.2.3,manual\n11.0.0.1,exempt\n")));
	listed(b, NULL, "10.7.1.0/24=- 10.1.2.3/32=- 11.0.0.1/32=-");
	assert_int_equal(world_call_error(b, "senders.list", json_pack("{s:s}", "location", "DE"), text),
		API_RPC_ERR_NOT_FOUND);
	assert_non_null(strstr(text, "reputation.geoip_database"));
	commit(b, path, NULL);
	listed(b, NULL, "10.7.1.0/24=FR 10.1.2.3/32=DE 11.0.0.1/32=-");
	listed(b, "DE", "10.1.2.3/32=DE");
	listed(b, "fr", "10.7.1.0/24=FR");
	listed(b, "IT", "");
	assert_int_equal(world_call_error(b, "senders.list", json_pack("{s:s}", "location", "Germany"), text),
		API_RPC_ERR_PARAMS);
	r = world_call(b, "senders.get", json_pack("{s:s}", "sender", "10.1.2.3"));
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(json_object_get(r, "entries"), 0), "location")), "DE");
	json_decref(r);
	r = world_call(b, "senders.export", json_object());
	assert_string_equal(json_string_value(json_object_get(r, "csv")),
		"sender,context,vlan,list,until,score,comment,location\n10.7.1.0/24,default,0,manual,,0,,FR\n"
		"10.1.2.3/32,default,0,manual,,0,,DE\n11.0.0.1/32,default,0,exempt,,0,,\n");
	json_decref(world_call(b, "senders.import", json_pack("{s:O}", "text", json_object_get(r, "csv"))));
	json_decref(r);
}

static void a_broken_file_is_refused_and_the_one_before_stays(void **state)
{
	struct bench *b = *state;
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/g.mmdb", b->dir);
	file_make(path, whole_n);
	world_service_open(b);
	world_settle(b, "committed", true);
	json_decref(world_call(b, "senders.block", json_pack("{s:s}", "sender", "10.1.2.3")));
	commit(b, path, NULL);
	file_make(path, whole_n / 2);
	commit(b, path, "new.yaml:5:");
	listed(b, "DE", "10.1.2.3/32=DE");
	// Another revision, which brings it along: what is there by now cannot be used, which is no reason.
	json_decref(world_call(b, "policies.add", json_pack("{s:s,s:s}", "name", "new", "action", "pass")));
	listed(b, "DE", "10.1.2.3/32=DE");
	file_make(path, whole_n);
	commit(b, path, NULL);
	commit(b, "", NULL);
	listed(b, NULL, "10.1.2.3/32=-");
}

static void the_control_plane_starts_without_its_file(void **state)
{
	struct bench *b = *state;
	char text[2048], path[128];

	(void)snprintf(path, sizeof(path), "%s/g.mmdb", b->dir);
	(void)snprintf(text, sizeof(text), "%sreputation: {geoip_database: \"%s\"}\n", config_two, path);
	world_file_write(b->file, text);
	world_service_open(b);
	world_settle(b, "committed", true);
	json_decref(world_call(b, "senders.block", json_pack("{s:s}", "sender", "10.1.2.3")));
	listed(b, NULL, "10.1.2.3/32=-");
	file_make(path, whole_n);
	commit(b, path, NULL);
	listed(b, NULL, "10.1.2.3/32=DE");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
		CASE(the_longest_prefix_says_the_country),
		CASE(a_file_that_cannot_be_used_is_an_error_with_its_place),
		CASE(whatever_the_octets_are_nothing_is_read_beyond_them),
		CASE(senders_are_listed_by_country),
		CASE(a_broken_file_is_refused_and_the_one_before_stays),
		CASE(the_control_plane_starts_without_its_file),
	};
	const int rc = compile_child(argc, argv);

	if (rc >= 0)
		return rc;
	FILE *f = argc > 1 ? fopen(argv[1], "r") : NULL;
	char buf[65536];

	if (f == NULL)
		return 2;
	whole_n = fread(buf, 1, sizeof(buf), f);
	(void)fclose(f); // it was read
	whole = buf;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

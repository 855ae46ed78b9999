// SPDX-License-Identifier: BSD-3-Clause
// Which configuration says where the store and the accounting server are, before anything is compiled: the one
// that was committed last, the file where that is newer, the other one where one cannot be read, the defaults.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "compile.h"
#include "serve_services.h"
#include "serve_world.h"

#define STOPS "store: {on_loss: stop_pickup}\n"

static const char broken[] = "store: {on_loss: [\n";

// A text of the world's with or without the line above.
static char *text_of(const char *base, bool stops)
{
	char *text = NULL;

	assert_true(asprintf(&text, "%s%s", base, stops ? STOPS : "") > 0);
	return text;
}

static void file_is(struct bench *b, const char *base, bool stops)
{
	char *text = text_of(base, stops);

	world_file_write(b->file, text);
	free(text);
}

static void committed(struct bench *b, const char *base, bool stops)
{
	char *text = text_of(base, stops);

	world_service_open(b);
	world_settle(b, "committed", true);
	json_decref(world_call(b, "config.commit", json_pack("{s:s}", "text", text)));
	world_service_close(b);
	free(text);
}

static void says(struct bench *b, enum cfg_store_loss want)
{
	struct serve_store *st;
	struct err_list err;
	struct cfg *c;

	err_init(&err);
	st = serve_store_open(b->state, &err);
	assert_non_null(st);
	c = serve_services_load(st, b->file);
	assert_non_null(c);
	assert_int_equal(c->store.on_loss, want);
	cfg_free(c);
	serve_store_close(st);
}

static void at_the_first_start_it_is_the_file(void **state)
{
	struct bench *b = *state;

	file_is(b, config_ok, true);
	says(b, CFG_LOSS_STOP_PICKUP);
	// An error elsewhere in it takes neither away.
	file_is(b, config_bad, true);
	says(b, CFG_LOSS_STOP_PICKUP);
}

static void without_any_it_is_the_defaults(void **state)
{
	struct bench *b = *state;

	world_file_write(b->file, broken);
	says(b, CFG_LOSS_CONTINUE);
	assert_int_equal(unlink(b->file), 0);
	says(b, CFG_LOSS_CONTINUE);
}

static void what_was_committed_is_newer_than_a_file_that_is_as_it_was(void **state)
{
	struct bench *b = *state;

	committed(b, config_two, true);
	says(b, CFG_LOSS_STOP_PICKUP);
	file_is(b, config_two, false); // and somebody changes it
	says(b, CFG_LOSS_CONTINUE);
}

static void a_file_that_cannot_be_read_leaves_what_was_committed(void **state)
{
	struct bench *b = *state;

	committed(b, config_two, true);
	world_file_write(b->file, broken);
	says(b, CFG_LOSS_STOP_PICKUP);
	assert_int_equal(unlink(b->file), 0);
	says(b, CFG_LOSS_STOP_PICKUP);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		CASE(at_the_first_start_it_is_the_file),
		CASE(without_any_it_is_the_defaults),
		CASE(what_was_committed_is_newer_than_a_file_that_is_as_it_was),
		CASE(a_file_that_cannot_be_read_leaves_what_was_committed),
	};
	const int rc = compile_child(argc, argv);

	return rc >= 0 ? rc : cmocka_run_group_tests(tests, NULL, NULL);
}

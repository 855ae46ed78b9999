// SPDX-License-Identifier: BSD-3-Clause
// Names of images that are not in force any more: a session keeps its policy while the data plane keeps
// the image's profiles, so its records must be told in words so long at least.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compile.h"
#include "serve_names.h"

enum { HELD_IMAGES = 8 }; // by the data plane, beside the one in force

static void image_add(struct serve_names *n, unsigned version)
{
	const struct pol_image *img;
	struct err_list err;
	uint8_t *bytes = NULL;
	char text[512];
	size_t size = 0;

	(void)snprintf(text, sizeof(text),
		"dataplane: {workers: [0], ports: [{name: a, dev: net_null0}, {name: b, dev: net_null1}], pairs: [[a, b]]}\n"
		"session_profiles: {s%u: {}}\n"
		"policies: [{name: p%u, action: inspect, session: s%u}]\n",
		version, version, version);
	err_init(&err);
	struct cfg *cfg = cfg_load_text(text, strlen(text), "names", "/", &err);
	const struct compile_input in = {.cfg = cfg, .version = version};
	if (cfg == NULL || compile_image(&in, &bytes, &size, &err) != 0 ||
		pol_verify((struct span){.p = bytes, .n = size}, &img, &err) != 0)
		fail_msg("%s", err.text[0]);
	serve_names_add(n, img);
	free(bytes);
	cfg_free(cfg);
}

static void names_are_known_as_long_as_the_data_plane_keeps_an_image(void **)
{
	struct serve_names *n = serve_names_new();
	char name[16];

	assert_non_null(n);
	for (unsigned version = 1; version < 40; version++) {
		image_add(n, version);
		image_add(n, version); // once more: nothing new
		unsigned oldest = version > HELD_IMAGES ? version - HELD_IMAGES : 1;
		for (unsigned v = oldest; v <= version; v++) {
			(void)snprintf(name, sizeof(name), "p%u", v);
			assert_string_equal(serve_names_policy(n, v, 0), name);
			(void)snprintf(name, sizeof(name), "s%u", v);
			assert_string_equal(serve_names_session(n, v, 0), name);
			assert_null(serve_names_policy(n, v, 1));
		}
	}
	assert_null(serve_names_policy(n, 40, 0));
	assert_null(serve_names_policy(n, 1, 0)); // not for ever
	serve_names_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_known_as_long_as_the_data_plane_keeps_an_image),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

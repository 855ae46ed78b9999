// SPDX-License-Identifier: BSD-3-Clause
// The seeds of fuzz_image are images of today's layout: one that is not is refused at its head, and the fuzzer
// begins from nothing. A seed is a byte of options, a key of 40 bytes and an image; there are no rules in
// it, so no database of this machine's processor. REWRITE=1 in the environment makes them anew.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cfg.h"
#include "compile.h"

#define SEEDS SOURCE_ROOT "/tests/fuzz/corpus/image/"
#define PORTS                                                                                     \
	"dataplane: {mode: pair, main_core: 0, workers: [1], ports: [{name: a, dev: net_null0}, " \
	"{name: b, dev: net_null1}], pairs: [[a, b]]}\n"

enum { KEY_BYTES = 40, SEED_MAX = 1 << 16, MEND_HEAD = 1 };

static const char BY_PORT[] = PORTS
	"pickup: {ports: [25, 587], by_ingress: [{ingress: a, incoming: drop, outgoing: pass}]}\n"
	"protected_domains: {example.com: {servers: [198.51.100.10, 198.51.100.11]}}\n"
	"policies: [{name: all, action: inspect}]\n";

static const char ALL[] = PORTS
	"contexts: [{name: net, ports: [a, b], by_vlan: true}]\n"
	"session_profiles:\n"
	"  plain: {client_connections: 5, blocked_servers: [198.51.100.0/24, '2001:db8::/32']}\n"
	"  friends: {safe_senders: [a@example.org, '*@example.net'], blocked_recipients: ['news-*@example.org']}\n"
	"content_profiles:\n"
	"  spam: {threshold: 5, action: reject, text: No spam}\n"
	"policies:\n"
	"- {name: internal, source: 10.0.0.0/8, vlan: 5-9, ingress: [a], action: pass}\n"
	"- {name: partners, source: 'fd00::/8', context: net, action: inspect, session: friends, content: spam}\n"
	"- {name: others, action: inspect, session: plain, comment: all of them}\n"
	"access:\n"
	"- {name: own, sender: ['*@example.org'], recipient: ['*@example.net', '*.example.com'], action: relay}\n"
	"- {name: known, client: [10.0.0.0/8, '2001:db8::/32'], helo: ['*.example'], auth: 'yes', action: reject}\n";

// As fuzz_image reads it: two addresses, context, ingress, VLAN, port.
#define POLICY_KEY \
	"\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\x4d\0\5\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1\0\1\0\0\0\x19\0"
// ... and as words: a client, a HELO name of 8, a sender of 14 at the same place, a recipient of 16.
#define ACCESS_KEY "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\x4d\0\5a@example.orgxx@a.net  "

static const struct {
	const char *name, *config, *key;
} SEED_TABLE[] = {
	{"three-policies", ALL, POLICY_KEY},
	{"access-rules", ALL, ACCESS_KEY},
	{"pick-up-by-port", BY_PORT, POLICY_KEY},
};

static size_t seed_make(const char *config, const char *key, uint8_t *seed)
{
	struct compile_input in = {.version = 1, .made_s = 1};
	struct err_list err;
	struct cfg *c;
	uint8_t *image;
	size_t n;

	err_init(&err);
	c = cfg_load_text(config, strlen(config), "seed", "/etc/mailweir", &err);
	if (c == NULL)
		fail_msg("%s", err.text[0]);
	in.cfg = c;
	if (compile_image(&in, &image, &n, &err) != 0)
		fail_msg("%s", err.text[0]);
	assert_true(1 + KEY_BYTES + n <= SEED_MAX);
	seed[0] = MEND_HEAD;
	memcpy(seed + 1, key, KEY_BYTES);
	memcpy(seed + 1 + KEY_BYTES, image, n);
	free(image);
	cfg_free(c);
	return 1 + KEY_BYTES + n;
}

static void seeds_of_the_fuzzer_are_images_of_this_layout(void **)
{
	static uint8_t made[SEED_MAX], kept[SEED_MAX];

	for (size_t i = 0; i < sizeof(SEED_TABLE) / sizeof(SEED_TABLE[0]); i++) {
		const size_t n = seed_make(SEED_TABLE[i].config, SEED_TABLE[i].key, made);
		const bool write = getenv("REWRITE") != NULL;
		char path[512];
		FILE *f;

		(void)snprintf(path, sizeof(path), "%s%s", SEEDS, SEED_TABLE[i].name);
		f = fopen(path, write ? "wb" : "rb");
		assert_non_null(f);
		if (write)
			assert_int_equal(fwrite(made, 1, n, f), n);
		else if (fread(kept, 1, sizeof(kept), f) != n || memcmp(made, kept, n) != 0)
			fail_msg("%s is another image: REWRITE=1 makes it anew", path);
		assert_int_equal(fclose(f), 0);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seeds_of_the_fuzzer_are_images_of_this_layout),
	};
	int rc = compile_child(argc, argv);

	return rc >= 0 ? rc : cmocka_run_group_tests_name("golden image", tests, NULL, NULL);
}

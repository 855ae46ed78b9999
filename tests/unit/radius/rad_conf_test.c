// SPDX-License-Identifier: BSD-3-Clause
// A configuration's NAS as the server takes them: attributes, secrets, contexts; what is wrong, word for word.
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

#include "pol_image.h"
#include "rad_conf.h"

#define HEAD                                                                                     \
	"dataplane: {workers: [1], ports: [{name: a, dev: net_tap0}, {name: b, dev: net_tap1}, " \
	"{name: c, dev: net_tap2}, {name: d, dev: net_tap3}], pairs: [[a, b], [c, d]]}\n"        \
	"policies: [{name: p, action: pass}]\n"                                                  \
	"radius: {listen: \"127.0.0.1:1813\", "
#define NAS HEAD "nas: [{prefix: 10.0.0.0/8, secret_file: k"

static char dir[] = "/tmp/mw-rad-conf-XXXXXX";

static int dir_make(void **)
{
	return mkdtemp(dir) == NULL;
}

static int dir_remove(void **)
{
	static const char *const names[] = {"k", "d"};
	char path[64];

	for (unsigned i = 0; i < 2; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		(void)unlink(path);
	}
	return rmdir(dir);
}

static void file_write(const char *name, const char *text, size_t n, mode_t mode)
{
	char path[64];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static struct cfg *load(const char *text)
{
	struct err_list err;
	struct cfg *c;

	err_init(&err);
	c = cfg_load_text(text, strlen(text), "f", dir, &err);
	if (c == NULL)
		err_print(&err, stderr);
	assert_non_null(c);
	return c;
}

// Lines of what is wrong, the test's folder as D.
static void wrong_is(const struct err_list *err, const char *want)
{
	char all[2000] = "";
	size_t at = 0;

	for (unsigned i = 0; i < err->kept; i++) {
		const char *line = err->text[i], *d;

		for (; (d = strstr(line, dir)) != NULL; line = d + strlen(dir))
			at += (size_t)snprintf(
				all + at, sizeof(all) - at, "%.*sD", (int)(d - line), line);
		at += (size_t)snprintf(all + at, sizeof(all) - at, "%s\n", line);
	}
	assert_string_equal(all, want);
}

static void a_nas_is_taken_as_it_is_written(void **)
{
	struct cfg *c = load(
		"contexts: [{name: default, ports: [a, b], by_vlan: yes}, {name: other, ports: [c, d]}]\n" NAS
		", validate: no, event_time: no, max_bindings: 5000, byte_order: host, vlan: 7, id: 3GPP-IMSI, "
		"address: [Framed-IP-Address, Delegated-IPv6-Prefix], port_first: NAS-Port, "
		"port_last: nas-port}, {name: b, prefix: 11.0.0.1, secret_file: k, "
		"context: other}]}\n");
	struct rad_client *list;
	struct err_list err;
	uint32_t n;

	file_write("k", "secret\n", 7, 0640);
	err_init(&err);
	assert_int_equal(rad_conf_check(c, &err), 0);
	assert_int_equal(rad_conf_clients(c, &list, &n, &err), 0);
	assert_int_equal(n, 2);
	assert_string_equal(list[0].name, "10.0.0.0/8");
	assert_int_equal(list[0].prefix.len, 104);
	assert_int_equal(list[0].secret.n, 6);
	assert_memory_equal(list[0].secret.octets, "secret", 6);
	assert_int_equal(list[0].context.key, (uint32_t)pol_session_key("default") | 1);
	assert_int_equal(list[0].context.vlan, 7);
	assert_false(list[0].validate);
	assert_false(list[0].event_time);
	assert_int_equal(list[0].context.most, 5000);
	assert_true(list[0].respond && list[0].form.host_order);
	assert_int_equal(list[0].form.id.vendor, 10415);
	assert_int_equal(list[0].form.address[0].type, 8);
	assert_int_equal(list[0].form.address[1].kind, RAD_KIND_PREFIX);
	assert_int_equal(list[0].form.address[2].type, 0);
	assert_int_equal(list[0].form.port_first.type, 5);
	assert_int_equal(list[0].form.port_last.type, 5);
	assert_string_equal(list[1].name, "b");
	assert_true(list[1].validate && !list[1].form.host_order);
	assert_int_equal(list[1].form.id.type, 31);
	assert_int_equal(list[1].context.key, (uint32_t)pol_session_key("other") | 1);
	assert_int_equal(list[1].context.vlan, 0);
	assert_true(list[1].event_time);
	assert_int_equal(list[1].context.most, 0);
	assert_int_equal(list[1].form.port_first.type, 0);
	assert_int_equal(list[1].form.port_last.type, 0);
	rad_conf_free(list, n);
	cfg_free(c);
}

static void attributes_are_judged_where_they_are_written(void **)
{
	struct cfg *c = load(NAS ", id: Calling-Station-ID-,\n  address: [User-Name, Framed-IP],\n"
				 "  port_first: Class, port_last: Nobody}]}\n");
	struct err_list err;

	err_init(&err);
	assert_int_equal(rad_conf_check(c, &err), -22);
	wrong_is(&err,
		"f:3:83: \"Calling-Station-ID-\" is no attribute that a dictionary knows; "
		"radius.dictionary can name more\n"
		"f:4:13: attribute \"User-Name\" is no address; ipaddr, ipv6addr and ipv6prefix are\n"
		"f:4:24: \"Framed-IP\" is no attribute that a dictionary knows; radius.dictionary can "
		"name more\n"
		"f:5:15: attribute \"Class\" is no number; a port is\n"
		"f:5:33: \"Nobody\" is no attribute that a dictionary knows; radius.dictionary can name "
		"more\n");
	cfg_free(c);
}

static void a_dictionary_names_more(void **)
{
	static const char text[] = "VENDOR X 9999\nATTRIBUTE X-First 1 integer X\n";
	struct cfg *c =
		load(HEAD "dictionary: d, nas: [{prefix: 10.0.0.0/8, secret_file: k, port_first: "
			  "X-First, port_last: X-First}]}\n");
	struct err_list err;

	file_write("d", text, sizeof(text) - 1, 0644);
	err_init(&err);
	assert_int_equal(rad_conf_check(c, &err), 0);
	file_write("d", "nonsense\n", 9, 0644);
	assert_int_equal(rad_conf_check(c, &err), -22);
	assert_int_equal(err.kept, 2);
	assert_string_equal(err.text[0], "f:3:48: radius.dictionary cannot be used");
	assert_non_null(strstr(err.text[1], "/d:1:1: no line of a dictionary"));
	cfg_free(c);
}

struct secret {
	const char *text;
	size_t n;
	mode_t mode;
	const char *want; // "" = a secret of want_n
	size_t want_n;
};

static char long_text[300];

static const struct secret secrets[] = {
	{"x", 1, 0600, "", 1},
	{"x\n", 2, 0600, "", 1},
	{"x\r\n", 3, 0440, "", 1},
	{"x\n\n", 3, 0600, "", 2}, // a line end is cut, no more
	{" x ", 3, 0600, "", 3},
	{long_text, 255, 0600, "", 255},
	{long_text, 256, 0600,
		"f:3:76: secret_file: D/k: is too long; a secret has 1 to 255 bytes\n", 0},
	{long_text, 300, 0600,
		"f:3:76: secret_file: D/k: is too long; a secret has 1 to 255 bytes\n", 0},
	{"", 0, 0600, "f:3:76: secret_file: D/k: is empty; a secret has 1 to 255 bytes\n", 0},
	{"\n", 1, 0600, "f:3:76: secret_file: D/k: is empty; a secret has 1 to 255 bytes\n", 0},
	{"x", 1, 0604, "f:3:76: secret_file: D/k: others may read it; chmod o= it\n", 0},
};

static void a_secret_is_the_bytes_of_its_file(void **)
{
	struct cfg *c = load(NAS "}]}\n");

	memset(long_text, 'x', sizeof(long_text));
	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
		const struct secret *s = &secrets[i];
		struct rad_client *list;
		struct err_list err;
		uint32_t n;

		file_write("k", s->text, s->n, s->mode);
		err_init(&err);
		assert_int_equal(rad_conf_clients(c, &list, &n, &err), *s->want == '\0' ? 0 : -22);
		wrong_is(&err, s->want);
		assert_int_equal(n, *s->want == '\0');
		if (n > 0) {
			assert_int_equal(list[0].secret.n, s->want_n);
			assert_memory_equal(list[0].secret.octets, s->text, s->want_n);
		}
		rad_conf_free(list, n);
	}
	cfg_free(c);
}

static void a_nas_that_is_wrong_takes_no_other_with_it(void **)
{
	struct cfg *c =
		load(HEAD "nas: [{name: a, prefix: 10.0.0.1, secret_file: /nonexistent/k}, "
			  "{name: b, prefix: 10.0.0.2, secret_file: /tmp},\n"
			  "  {name: c, prefix: 10.0.0.3, secret_file: k, id: X}, {name: d, prefix: "
			  "10.0.0.4, secret_file: k}]}\n");
	struct rad_client *list;
	struct err_list err;
	uint32_t n;

	file_write("k", "secret", 6, 0600);
	err_init(&err);
	assert_int_equal(rad_conf_clients(c, &list, &n, &err), -22);
	wrong_is(&err,
		"f:3:83: secret_file: /nonexistent/k: cannot be read; No such file or directory\n"
		"f:3:141: secret_file: /tmp: is no regular file\n"
		"f:4:51: \"X\" is no attribute that a dictionary knows; radius.dictionary can name "
		"more\n");
	assert_int_equal(n, 1);
	assert_string_equal(list[0].name, "d");
	rad_conf_free(list, n);
	cfg_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_nas_is_taken_as_it_is_written),
		cmocka_unit_test(attributes_are_judged_where_they_are_written),
		cmocka_unit_test(a_dictionary_names_more),
		cmocka_unit_test(a_secret_is_the_bytes_of_its_file),
		cmocka_unit_test(a_nas_that_is_wrong_takes_no_other_with_it),
	};

	return cmocka_run_group_tests(tests, dir_make, dir_remove);
}

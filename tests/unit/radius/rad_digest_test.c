// SPDX-License-Identifier: BSD-3-Clause
// Digests of accounting against values that another implementation of MD5 and HMAC gave, and against each
// octet changed.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rad_digest.h"
#include "rad_make.h"

static const struct rad_secret secret = {.n = 6, .octets = "s3cret"};
static struct rad_digest *digest;

static void hex_take(uint8_t *to, const char *hex)
{
	for (size_t i = 0; i < RAD_AUTH; i++) {
		unsigned octet;

		assert_int_equal(sscanf(hex + 2 * i, "%2x", &octet), 1);
		to[i] = (uint8_t)octet;
	}
}

static void request_make(struct made *m, const char *auth, const char *seal)
{
	uint8_t value[RAD_AUTH];

	made_begin(m, RAD_ACCOUNTING_REQUEST, 7);
	if (seal != NULL) {
		hex_take(value, seal);
		made_add(m, RAD_MESSAGE_AUTHENTICATOR, value, sizeof(value));
	}
	made_number(m, RAD_ACCT_STATUS_TYPE, 1);
	made_text(m, RAD_ACCT_SESSION_ID, "0001");
	made_text(m, 31, "491701234567");
	made_v4(m, 8, "10.77.0.1");
	made_text(m, RAD_PROXY_STATE, "proxy");
	made_vendor(m, 10415, 1, "262011234567890", 15);
	hex_take(m->b + 4, auth);
}

static void plain_make(struct made *m)
{
	request_make(m, "156d17ee8778f7bc2671debac0d87186", NULL);
}

static void sealed_make(struct made *m)
{
	request_make(m, "d6ce8a44f4d7600ae06ceeb9b717c400", "442307e9225e014709c651287337911b");
}

static enum rad_proof prove(const struct made *m, const struct rad_secret *by, bool *sealed)
{
	struct rad_packet p;

	made_read(m, &p);
	return rad_request_prove(digest, &p, by, sealed);
}

static void a_request_is_proved_by_its_secret_alone(void **)
{
	static const struct rad_secret others[] = {{.n = 6, .octets = "S3cret"},
		{.n = 5, .octets = "s3cre"}, {.n = 7, .octets = "s3cret\n"}};
	struct made m;
	bool sealed;

	plain_make(&m);
	assert_int_equal(prove(&m, &secret, &sealed), RAD_PROVED);
	assert_false(sealed);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(prove(&m, &others[i], &sealed), RAD_FORGED);
	sealed_make(&m);
	assert_int_equal(prove(&m, &secret, &sealed), RAD_PROVED);
	assert_true(sealed);
}

// But those of a length: with another one it is no packet, or another.
static void any_octet_that_is_changed_is_found(void **)
{
	void (*const make[])(struct made *) = {plain_make, sealed_make};
	unsigned tried = 0;
	bool sealed;

	for (size_t i = 0; i < 2; i++) {
		struct made m;

		make[i](&m);
		for (size_t at = 1; at < m.n; at++) {
			struct rad_packet p;

			m.b[at] ^= 0x20;
			if (rad_packet_read(made_span(&m), &p) == RAD_GOOD) {
				assert_int_equal(rad_request_prove(digest, &p, &secret, &sealed),
					RAD_FORGED);
				tried++;
			}
			m.b[at] ^= 0x20;
		}
	}
	assert_true(tried > 150);
}

static void a_seal_of_another_length_is_forged(void **)
{
	struct made m;
	bool sealed;

	made_begin(&m, RAD_STATUS_SERVER, 9);
	made_add(&m, RAD_MESSAGE_AUTHENTICATOR, "0123456789abcde", 15);
	assert_int_equal(prove(&m, &secret, &sealed), RAD_FORGED);
	made_begin(&m, RAD_STATUS_SERVER, 9);
	made_add(&m, RAD_MESSAGE_AUTHENTICATOR, "0123456789abcdefg", 17);
	assert_int_equal(prove(&m, &secret, &sealed), RAD_FORGED);
}

static void a_status_server_is_proved_by_its_seal(void **)
{
	uint8_t seal[RAD_AUTH];
	struct made m;
	bool sealed;

	made_begin(&m, RAD_STATUS_SERVER, 9);
	assert_int_equal(prove(&m, &secret, &sealed), RAD_NO_SEAL);
	hex_take(seal, "83eec554f11d4d63a2099e5149792745");
	made_add(&m, RAD_MESSAGE_AUTHENTICATOR, seal, sizeof(seal));
	for (uint8_t i = 0; i < RAD_AUTH; i++)
		m.b[4 + i] = i;
	assert_int_equal(prove(&m, &secret, &sealed), RAD_PROVED);
	m.b[4] ^= 1;
	assert_int_equal(prove(&m, &secret, &sealed), RAD_FORGED);
}

static void an_answer_is_sealed_as_the_request_was(void **)
{
	static const struct {
		void (*make)(struct made *);
		const char *auth, *seal;
	} rows[] = {
		{plain_make, "aff9169430e501e34faacc68b49d8928", NULL},
		{sealed_make, "abaa1fe75b14c261cde24ff454d04317",
			"ccba4c9fc504007f1990fa0e45a15cda"},
	};

	for (size_t i = 0; i < 2; i++) {
		uint8_t buf[RAD_PACKET_MAX], right[RAD_AUTH];
		struct rad_packet p;
		struct made m;

		rows[i].make(&m);
		made_read(&m, &p);
		size_t n = rad_answer(&p, RAD_ACCOUNTING_RESPONSE, rows[i].seal != NULL, buf);
		rad_answer_seal(digest, buf, n, &secret);
		hex_take(right, rows[i].auth);
		assert_memory_equal(buf + 4, right, RAD_AUTH);
		if (rows[i].seal == NULL)
			continue;
		hex_take(right, rows[i].seal);
		assert_memory_equal(buf + RAD_HEAD + 2, right, RAD_AUTH);
	}
}

static int digest_open(void **)
{
	digest = rad_digest_new();
	return digest == NULL;
}

static int digest_close(void **)
{
	rad_digest_free(digest);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_proved_by_its_secret_alone),
		cmocka_unit_test(any_octet_that_is_changed_is_found),
		cmocka_unit_test(a_seal_of_another_length_is_forged),
		cmocka_unit_test(a_status_server_is_proved_by_its_seal),
		cmocka_unit_test(an_answer_is_sealed_as_the_request_was),
	};

	return cmocka_run_group_tests(tests, digest_open, digest_close);
}

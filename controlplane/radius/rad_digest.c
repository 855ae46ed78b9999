// SPDX-License-Identifier: BSD-3-Clause
// Contexts are made once and used again: fetching an algorithm costs more than the digest.
// Thread: one a struct.
#include "rad_digest.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

enum { DIGEST = 16, SEAL = 2 + DIGEST, AUTH_AT = RAD_HEAD - RAD_AUTH };

struct rad_digest {
	EVP_MD *md5;
	EVP_MD_CTX *sum;
	EVP_MAC *hmac;
	EVP_MAC_CTX *mac;
};

struct rad_digest *rad_digest_new(void)
{
	struct rad_digest *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->md5 = EVP_MD_fetch(NULL, "MD5", "fips=no");
	d->hmac = EVP_MAC_fetch(NULL, "HMAC", "fips=no");
	d->sum = EVP_MD_CTX_new();
	d->mac = d->hmac == NULL ? NULL : EVP_MAC_CTX_new(d->hmac);
	if (d->md5 != NULL && d->sum != NULL && d->mac != NULL)
		return d;
	rad_digest_free(d);
	return NULL;
}

void rad_digest_free(struct rad_digest *d)
{
	if (d == NULL)
		return;
	EVP_MAC_CTX_free(d->mac);
	EVP_MAC_free(d->hmac);
	EVP_MD_CTX_free(d->sum);
	EVP_MD_free(d->md5);
	free(d);
}

// MD5 over the head's four octets, an authenticator, the attributes, the secret. false: OpenSSL failed.
static bool sum_make(struct rad_digest *d, struct span packet, const uint8_t auth[RAD_AUTH],
	const struct rad_secret *secret, uint8_t out[DIGEST])
{
	return EVP_DigestInit_ex2(d->sum, d->md5, NULL) == 1 &&
		EVP_DigestUpdate(d->sum, packet.p, AUTH_AT) == 1 &&
		EVP_DigestUpdate(d->sum, auth, RAD_AUTH) == 1 &&
		EVP_DigestUpdate(d->sum, packet.p + RAD_HEAD, packet.n - RAD_HEAD) == 1 &&
		EVP_DigestUpdate(d->sum, secret->octets, secret->n) == 1 &&
		EVP_DigestFinal_ex(d->sum, out, NULL) == 1;
}

// HMAC-MD5 over the packet with an authenticator in its place and the seal's value, at `at`, zero.
static bool seal_make(struct rad_digest *d, struct span packet, const uint8_t auth[RAD_AUTH],
	size_t at, const struct rad_secret *secret, uint8_t out[DIGEST])
{
	static const uint8_t zeros[DIGEST];
	char name[] = "MD5", properties[] = "fips=no";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_PROPERTIES, properties, 0),
		OSSL_PARAM_construct_end(),
	};
	const struct span before = span_sub(packet, RAD_HEAD, at - RAD_HEAD),
			  behind = span_from(packet, at + DIGEST);
	size_t n;

	return EVP_MAC_init(d->mac, secret->octets, secret->n, params) == 1 &&
		EVP_MAC_update(d->mac, packet.p, AUTH_AT) == 1 &&
		EVP_MAC_update(d->mac, auth, RAD_AUTH) == 1 &&
		EVP_MAC_update(d->mac, before.p, before.n) == 1 &&
		EVP_MAC_update(d->mac, zeros, DIGEST) == 1 &&
		EVP_MAC_update(d->mac, behind.p, behind.n) == 1 &&
		EVP_MAC_final(d->mac, out, &n, DIGEST) == 1;
}

static bool seal_is_right(struct rad_digest *d, const struct rad_packet *p, struct span seal,
	const struct rad_secret *secret)
{
	static const uint8_t zeros[RAD_AUTH];
	// Of a Status-Server the authenticator is random and part of it (RFC 5997 3).
	const uint8_t *auth = p->code == RAD_ACCOUNTING_REQUEST ? zeros : rad_packet_auth(p).p;
	uint8_t right[DIGEST];

	return seal.n == DIGEST &&
		seal_make(d, p->whole, auth, (size_t)(seal.p - p->whole.p), secret, right) &&
		CRYPTO_memcmp(seal.p, right, DIGEST) == 0;
}

enum rad_proof rad_request_prove(struct rad_digest *d, const struct rad_packet *p,
	const struct rad_secret *secret, bool *sealed)
{
	static const uint8_t zeros[RAD_AUTH];
	const struct span seal = rad_packet_find(p, RAD_MESSAGE_AUTHENTICATOR);
	uint8_t right[DIGEST];

	*sealed = seal.p != NULL;
	if (p->code == RAD_ACCOUNTING_REQUEST) {
		if (!sum_make(d, p->whole, zeros, secret, right) ||
			CRYPTO_memcmp(rad_packet_auth(p).p, right, DIGEST) != 0)
			return RAD_FORGED;
	} else if (!*sealed) {
		return RAD_NO_SEAL;
	}
	return !*sealed || seal_is_right(d, p, seal, secret) ? RAD_PROVED : RAD_FORGED;
}

void rad_answer_seal(
	struct rad_digest *d, uint8_t *answer, size_t n, const struct rad_secret *secret)
{
	const struct span whole = {answer, n};
	uint8_t auth[RAD_AUTH], made[DIGEST];

	memcpy(auth, answer + AUTH_AT, RAD_AUTH);
	if (n >= RAD_HEAD + SEAL && answer[RAD_HEAD] == RAD_MESSAGE_AUTHENTICATOR &&
		seal_make(d, whole, auth, RAD_HEAD + 2, secret, made))
		memcpy(answer + RAD_HEAD + 2, made, DIGEST);
	if (sum_make(d, whole, auth, secret, made))
		memcpy(answer + AUTH_AT, made, DIGEST);
}

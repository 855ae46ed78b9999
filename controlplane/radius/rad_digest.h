// SPDX-License-Identifier: BSD-3-Clause
// The digests of RADIUS accounting: Request and Response Authenticator (RFC 2866 3), Message-Authenticator
// (RFC 2869 5.14, for accounting by RFC 5080 2.2.2). MD5 and HMAC-MD5 of OpenSSL, also on a host that is
// set up for FIPS: the protocol has nothing else.
// Thread: one a struct.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "rad_packet.h"

struct rad_digest;

struct rad_secret { // shared with a NAS; 1 to 255 octets
	uint8_t n;
	uint8_t octets[255];
};

// NULL: out of memory, or this OpenSSL has no MD5.
struct rad_digest *rad_digest_new(void);
void rad_digest_free(struct rad_digest *d); // NULL is fine

enum rad_proof {
	RAD_PROVED,  // by its authenticator, and by its Message-Authenticator where it has one
	RAD_FORGED,  // one of them is wrong
	RAD_NO_SEAL, // Status-Server without Message-Authenticator (RFC 5997 3)
};

// Was the request made by who knows the secret? *sealed: it has a Message-Authenticator.
enum rad_proof rad_request_prove(struct rad_digest *d, const struct rad_packet *p,
	const struct rad_secret *secret, bool *sealed);

// Seals what rad_answer wrote, `n` octets: Message-Authenticator, if it has one first, and authenticator.
void rad_answer_seal(
	struct rad_digest *d, uint8_t *answer, size_t n, const struct rad_secret *secret);

// SPDX-License-Identifier: BSD-3-Clause
// What a run is made of. Filled once, read by all. Shares are in millionths (GEN_WHOLE).
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
	GEN_AT_ONCE_MAX = 1 << 17,
	GEN_CLIENTS_MAX = 1 << 16, // addresses; each has GEN_PORTS ports, used in turn
	GEN_PORTS = 1 << 15,
	GEN_RCPT_MAX = 8,
	GEN_MAILS_MAX = 8,
	GEN_SIZE_MAX = 1 << 20,
	GEN_MARKER_MAX = 200,
};

enum gen_side { GEN_CLIENT, GEN_SERVER, GEN_SIDES }; // also: the port that side's frames use

struct gen_conf {
	uint64_t seed;
	uint64_t sessions; // in all; 0 = until told to stop
	uint32_t at_once;  // sessions open at a time
	uint32_t rate;     // sessions begun a second; 0 = as fast as at_once allows
	uint32_t size;     // octets of a message, median
	uint32_t spread;   // sigma of their logarithm in thousandths; 0 = all the same
	uint32_t size_max;
	uint32_t rcpt_max;  // recipients of a message, 1..rcpt_max
	uint32_t mails_max; // messages of a session, 1..mails_max
	uint32_t spam, attach, pipelining, refused, unknown, aborted, v6; // shares
	uint32_t loss_sent, loss_got; // shares of frames lost before they left, after they came
	uint32_t reorder;             // share of frames that change places with the one before
	uint32_t rto_min_ms, patience_ms;
	uint16_t mss, window;
	bool verify;                         // checksums of what comes
	const char *marker;                  // a line that condemns a message, without its line end
	uint32_t clients;                    // addresses, a power of two
	uint32_t client4, refused4, server4; // host order: first client, first refused one
	uint8_t client6[16], refused6[16], server6[16]; // clients count up in the last 32 bits
	uint16_t port;                                  // of the servers
	uint8_t own_mac[GEN_SIDES][6], far_mac[GEN_SIDES][6];
};

// The defaults: a mix as mail has it, without loss.
void gen_conf_default(struct gen_conf *c);
// NULL, or what is wrong with it.
const char *gen_conf_check(const struct gen_conf *c);

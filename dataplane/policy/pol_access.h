// SPDX-License-Identifier: BSD-3-Clause
// The access rules: an ordered list over all policies, asked for each recipient. First the rules that a
// transaction could take are found (client, direction, name in HELO, sender), as bits that hold until its end;
// for each recipient then the first of them that takes it (AUTH, recipient). None = permitted.
// Thread: any, on a verified image; no allocation.
#pragma once

#include "pol_word.h"

struct pol_access_bits { // a bit a rule
	uint64_t w[POL_ACCESS_MAX / 64];
};

enum pol_access_miss { // why a rule does not take a recipient: the first field that differs
	POL_ACCESS_TAKES,
	POL_ACCESS_DISABLED,
	POL_ACCESS_CLIENT,
	POL_ACCESS_DIRECTION,
	POL_ACCESS_AUTH,
	POL_ACCESS_HELO,
	POL_ACCESS_SENDER,
	POL_ACCESS_RECIPIENT,
	POL_ACCESS_MISS_COUNT
};

// The enabled rules that take this client, a connection to this server, name and sender.
void pol_access_mail(const struct pol_image *img, const struct addr *client,
	const struct addr *server, const struct pol_word *helo, const struct pol_word *sender,
	struct pol_access_bits *out);
// The first of `bits` that takes a recipient of a client that has authenticated or not; POL_NONE. The
// image must be the one that the bits are of.
uint32_t pol_access_rcpt(const struct pol_image *img, const struct pol_access_bits *bits, bool auth,
	const struct pol_word *recipient);

struct pol_access_key { // a recipient in question, for pol_access_explain
	struct addr client, server;
	bool auth;
	struct pol_word helo, sender, recipient;
};
// Why rule `i` does not take it; POL_ACCESS_TAKES where it does.
enum pol_access_miss pol_access_explain(
	const struct pol_image *img, const struct pol_access_key *key, uint32_t i);
const char *pol_access_miss_name(enum pol_access_miss m);
const char *pol_access_action_name(enum pol_access_action a);

// NULL, or what is wrong with a rule or with a prefix of clients, as records of pol_verify.
const char *pol_access_judge(const struct pol_image *img, uint32_t i);

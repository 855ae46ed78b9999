// SPDX-License-Identifier: BSD-3-Clause
// What the files of senders share. Thread: the owner's.
#pragma once

#include "rep_table.h"

struct sender {
	struct rep_sender_key key;
	struct rep_auth auth;
	uint8_t told; // score in the last fact
};

struct half_hour {
	uint32_t good, bad; // messages; percent of one
};

struct length { // of prefixes, of the 16 octets
	uint8_t len;
	bool counted;  // configured; else an operator's
	uint32_t used; // entries
};

struct rep_senders {
	struct rep_table t;
	struct sender *entry;
	struct half_hour *cell; // `cells` of each entry, by the number of their time, modulo
	uint32_t cells;
	uint32_t windows[REP_WINDOWS_MAX], nwindows; // in cells, ascending
	struct length length[2][REP_LENGTHS_MAX];    // IPv6, IPv4
	struct rep_weights weights;
	struct rep_auth_conf auth;
	struct rep_ops ops;
	uint8_t secret[16];
};

unsigned rep_sender_score(struct rep_senders *s, uint32_t n, uint32_t now_s);
// The score of entry `n` when the cell `now` has begun, nothing more having come.
unsigned rep_sender_score_at(const struct rep_senders *s, uint32_t n, uint32_t now);
uint32_t rep_sender_make(struct rep_senders *s, const struct rep_sender_key *key);
struct half_hour *rep_sender_cell(const struct rep_senders *s, uint32_t n, uint32_t at);
// Takes note of an operator's length, too; NULL: there are too many.
struct length *rep_sender_length(struct rep_senders *s, const struct prefix *p);

// SPDX-License-Identifier: BSD-3-Clause
// What a run counted, and every reply that was not the expected one: by kind, the first ones with
// their session and words. Thread: one.
#pragma once

#include <stdint.h>
#include <stdio.h>

enum gen_wrong {
	GEN_W_REPLY,         // another reply than the one expected
	GEN_W_EXTRA,         // octets to a client that expects none
	GEN_W_RESET,         // reset before QUIT was answered
	GEN_W_CLOSED,        // closed before QUIT was answered
	GEN_W_NO_ANSWER,     // the handshake or a segment repeated in vain, or patience at an end
	GEN_W_OCTETS,        // the server read other octets than the client sent
	GEN_W_SPAM_ACCEPTED, // a marked message's end of data reached the server
	GEN_W_LOST,          // the client was told 250, its server has not the message
	GEN_W_TWICE,         // the server took a message a second time
	GEN_W_CHECKSUM,      // a frame whose checksum is wrong
	GEN_W_BROKEN,        // a frame whose lengths lie
	GEN_WRONG_KINDS
};

enum { GEN_NOTES = 32, GEN_NOTE_TEXT = 72, GEN_BUCKETS = 64 * 16 };

struct gen_note {
	uint64_t n; // session
	uint8_t kind, m, stage;
	char text[GEN_NOTE_TEXT];
};

struct gen_report {
	uint64_t begun, ended, well, refused, aborted; // sessions; well: all as expected
	uint64_t accepted, condemned;                  // messages
	uint64_t sent[2], got[2], sent_octets[2],
		got_octets[2]; // frames, by the client's and server's side
	uint64_t retransmitted, by_timer, fast, out_of_order, not_held, probes;
	uint64_t lost_sent, lost_got, strays, resets_sent, no_room, other_frames, servers_full;
	uint64_t late_resets;  // connections reset behind the answer to QUIT: nothing was lost
	uint64_t servers_left; // servers whose client went without QUIT, or that heard nothing more
	uint64_t wrong[GEN_WRONG_KINDS], wrong_all;
	uint32_t notes;
	struct gen_note note[GEN_NOTES];
	uint64_t latency[GEN_BUCKETS]; // of sessions that went well, by log-linear buckets of us
};

void gen_report_wrong(struct gen_report *r, enum gen_wrong kind, uint64_t n, unsigned m,
	unsigned stage, const uint8_t *text, size_t len);
void gen_report_latency(struct gen_report *r, uint64_t us);
// The latency that `share` (0..1) of the sessions did not pass, in microseconds.
uint64_t gen_report_quantile(const struct gen_report *r, double share);

struct gen_run { // what the counters don't know
	double seconds, load;
	uint64_t seed;
};
// One line of JSON; the notes, one line each.
void gen_report_print(const struct gen_report *r, const struct gen_run *run, FILE *to);
void gen_report_notes(const struct gen_report *r, uint64_t seed, FILE *to);

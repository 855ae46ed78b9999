// SPDX-License-Identifier: BSD-3-Clause
// The simulated world: thousands of clients and their servers, both ends in one process. Frames go in
// by gen_world_input, come out by `out`; time is a parameter. No allocation after gen_world_new.
// Thread: one.
#pragma once

#include "gen_conf.h"
#include "gen_corpus.h"
#include "gen_index.h"
#include "gen_plan.h"
#include "gen_rand.h"
#include "gen_report.h"
#include "gen_tcp.h"
#include "gen_wheel.h"

struct gen_talk {   // of SMTP, either end's place in it
	uint64_t n; // the session's number
	uint64_t start_us;
	struct gen_plan plan;
	struct gen_mail mail;
	uint32_t pos;     // octets of the current line or piece that are there
	uint8_t stage;    // enum of the end's own file
	uint8_t at;       // line of the mail, or piece of the body
	uint8_t m;        // message of the session
	uint8_t replies;  // that came
	uint8_t accepted; // client: messages that its server really took
	bool known;       // server: EHLO came, n is right
	bool over;        // client: 221 came; server: QUIT came
};

struct gen_end {
	struct gen_tcp tcp;
	struct gen_head head;
	struct gen_rand fault;
	uint64_t key;
	uint32_t id, room; // index among all ends; its room in the corpus
	uint32_t next_free;
	uint8_t side;
	struct gen_talk talk;
};

struct gen_out { // where frames go
	// Room for one frame of GEN_FRAME_MAX octets, or NULL: none now. The same again until `send`.
	uint8_t *(*take)(void *arg, unsigned side);
	void (*send)(void *arg, unsigned side, uint32_t len);
	void *arg;
};

struct gen_world {
	const struct gen_conf *conf;
	struct gen_out out;
	uint64_t now_us;
	uint32_t now_ms;
	const struct gen_app *app[GEN_SIDES];
	struct gen_index index[GEN_SIDES];
	struct gen_end *ends; // clients, then servers
	uint32_t nends[GEN_SIDES], free_end[GEN_SIDES], in_use[GEN_SIDES];
	struct gen_held *held;
	uint32_t free_held;
	uint64_t next_n, begin_us;
	bool stop; // no new sessions
	struct gen_corpus corpus;
	struct gen_wheel wheel;
	uint32_t sizes[GEN_SIZES];
	struct gen_report report;
};

// 0 or -ENOMEM. `conf` is borrowed and has been checked.
int gen_world_new(struct gen_world *w, const struct gen_conf *conf, const struct gen_out *out);
void gen_world_free(struct gen_world *w);

// The clock, before anything else of a turn; starts at any value, never goes back.
void gen_world_time(struct gen_world *w, uint64_t now_us);
// Frames that came in on a side's port. The ones of a burst are read first, so that what each needs is
// asked of the memory before it is used. `trusted`: checksums need no look.
enum { GEN_BURST = 64 };
struct gen_in {
	const uint8_t *frame;
	uint32_t len;
	bool trusted;
};
void gen_world_input(struct gen_world *w, unsigned side, const struct gen_in *in, unsigned n);
// Timers and new sessions. Returns the number of things done.
unsigned gen_world_turn(struct gen_world *w);
bool gen_world_is_done(const struct gen_world *w); // all that was asked for has begun and ended

// The client whose session is n, NULL where it is gone.
struct gen_end *gen_world_client(struct gen_world *w, uint64_t n);
// A session's end is over: back to the free ones.
void gen_world_give_back(struct gen_world *w, struct gen_end *e);

extern const struct gen_app gen_client_app, gen_server_app;
void gen_client_begin(struct gen_world *w, struct gen_end *e, uint64_t n);
void gen_server_begin(struct gen_world *w, struct gen_end *e);

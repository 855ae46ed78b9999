// SPDX-License-Identifier: BSD-3-Clause
// Inside the engine: how a connection begins (eng_half.c), what is left when it is over or was never
// known (eng_stray.c), and refusals without state (eng_cookie.c).
// Thread: the worker that owns the flow.
#pragma once

#include "eng_session.h"
#include "flow_grave.h"
#include "flow_half.h"

struct eng_syn { // what a SYN or SYN-ACK said
	uint32_t isn, ts_val;
	struct stream_syn options;
	uint16_t window;
};

struct eng_half {
	struct flow_half half;         // first: the half-open table hands out this object
	struct eng_syn client, server; // server: with syn_acked; our own where we answer
	struct flow_side side; // the server's once it is heard; where we answer the client's
	uint32_t policy;    // index, of image_version
	uint32_t challenge; // what a server that has an older connection acknowledges of that one
	uint64_t image_version;
	uint16_t in_port; // of the client
	uint16_t vlan;
	uint16_t reason;    // why it passes, or is refused
	uint16_t code;      // answer lane: of the greeting
	uint8_t limit, value; // likewise: of a score (eng_reputation.h)
	uint8_t lane;       // enum eng_lane
	uint8_t client_ttl; // the largest
	uint8_t one_way;    // client segments with nothing from the server
	bool syn_acked : 1, server_seen : 1, challenged : 1, md5 : 1;
	bool again : 1; // on a live connection, which goes on unless the server accepts this one
	bool was_heard : 1; // the server spoke to an earlier SYN of this key
};

_Static_assert(sizeof(struct eng_half) <= 192, "a SYN costs little");

// How many half-open connections a worker with so many flows has room for.
static inline uint32_t eng_half_max(uint32_t flows)
{
	enum { SHARE = 24, LEAST = 1024, MOST = 1 << 20 };
	uint32_t n = rte_align32prevpow2(flows / SHARE + 1); // as the table would, but up

	return n < LEAST ? LEAST : n > MOST ? MOST : n;
}

// ... and graves.
static inline uint32_t eng_graves_max(uint32_t flows)
{
	enum { SHARE = 8, LEAST = 4096, MOST = 1 << 22 };
	uint32_t n = flows / SHARE;

	return n < LEAST ? LEAST : n > MOST ? MOST : n;
}

static inline struct eng_half *eng_half_of(struct flow_half *h)
{
	return (struct eng_half *)(void *)h;
}

// eng_smtp.c: the mark of a key (flow_mark); that of the segment being read is known already.
uint64_t eng_mark(const struct eng_worker *w, const struct flow_key *key);
// The one of a key, or NULL; one that has been silent for too long goes.
struct eng_half *eng_half_find(struct eng_worker *w, const struct flow_key *key);
// A client's SYN: decides the lane. `old`: what is half-open of its key, or NULL. Consumes `m`.
void eng_half_syn_consume(
	struct eng_worker *w, const struct flow_key *key, struct eng_half *old, struct rte_mbuf *m);
// The same SYN once more; another one on a live connection.
void eng_half_repeat_consume(struct eng_worker *w, struct eng_half *h, struct rte_mbuf *m);
void eng_half_again_consume(struct eng_worker *w, const struct flow_key *key, struct rte_mbuf *m);
// Does this SYN-ACK accept such a one?
struct eng_half *eng_half_accepted(
	struct eng_worker *w, const struct flow_key *key, const struct wire_view *v);
// Any other segment of a half-open connection, which may open it. Consumes `m`.
void eng_half_consume(
	struct eng_worker *w, struct eng_half *h, struct rte_mbuf *m, struct stream_seg *seg);
// A connection that passed as one-way is half-open again: its server is heard. Ends the session.
struct eng_half *eng_half_back(struct eng_worker *w, struct eng_session *s);
// A bounded slice of ageing.
void eng_half_tick(struct eng_worker *w);

// eng_bound.c: what the first matching policy says, or that its session profile blocks the server; binds a session to it.
enum pol_action eng_policy_match(struct eng_worker *w, const struct flow_key *k, uint16_t ingress,
	uint16_t vlan, uint32_t *index);
// The same of any image; `context` as its policies know it.
enum pol_action eng_image_match(const struct eng_image *image, const struct flow_key *k,
	uint16_t context, uint16_t ingress, uint16_t vlan, uint32_t *index);
void eng_policy_bind(struct eng_worker *w, struct eng_session *s, uint32_t index);
// eng_half.c: what becomes of a connection, by its policy and for its client. REJECT, TEMPFAIL: *out says how.
enum pol_action eng_connect(struct eng_worker *w, const struct flow_key *k, uint16_t ingress,
	uint16_t vlan, uint32_t *index, struct eng_refused *out);
// eng_open.c: options that would let the two ends talk past us become NOP; a SYN's payload goes.
void eng_syn_clean(struct eng_worker *w, struct rte_mbuf *m, struct wire_view *v);
// What a SYN says. true: it is signed (MD5, AO).
bool eng_syn_read(struct rte_mbuf *m, const struct wire_view *v, struct eng_syn *syn);

// eng_stray.c: remembers what its end leaves behind.
void eng_bury(struct eng_worker *w, const struct flow_key *key, enum flow_grave kind);
// One that may pass as begun before us must not, if it was under inspection.
void eng_bury_in_grace(struct eng_worker *w, const struct flow_key *key);
bool eng_has_grave(const struct eng_worker *w, const struct flow_key *key);
// A segment of a picked-up port that no connection claims and that is no SYN. Consumes `m`.
void eng_stray_consume(struct eng_worker *w, const struct flow_key *key, enum stream_side side,
	struct rte_mbuf *m);

// eng_cookie.c: the number of our SYN-ACK, from which the client's acknowledgement proves itself.
uint32_t eng_cookie(const struct eng_worker *w, const struct flow_key *key, uint32_t client_isn);
// Is the half-open table so full that refusals keep no state?
bool eng_cookies_on(struct eng_worker *w);
// Answers a SYN that is to be refused; with our number.
void eng_cookie_syn_ack_consume(struct eng_worker *w, struct rte_mbuf *m, uint32_t isn);
// The same once more, to the client of a half-open connection that is to be refused.
void eng_cookie_syn_ack_again(struct eng_worker *w, const struct eng_half *h);
// A client's segment that brings back such a number, if it does: told and forgotten. true: consumed.
bool eng_cookie_take(struct eng_worker *w, const struct flow_key *key, struct rte_mbuf *m);
// Greeting and FIN in one segment; later ones are reset. Consumes `m`, the client's first ACK.
void eng_cookie_refuse_consume(struct eng_worker *w, const struct flow_key *key, struct rte_mbuf *m,
	const struct eng_refused *why);

// eng_unheard.c: repeats of those, until the client's acknowledgement comes. `flows` of a worker.
struct eng_unheard *eng_unheard_new(uint32_t flows, int socket); // NULL: no memory; rte_free takes it
uint64_t eng_unheard_bytes(uint32_t flows);
void eng_unheard_add(struct eng_worker *w, const struct eng_half *h);
void eng_unheard_tick(struct eng_worker *w);

// SPDX-License-Identifier: BSD-3-Clause
// Inside the engine: frames that leave for one end or both, of what came or of our own.
// Thread: the worker that owns the session.
#pragma once

#include "eng_int.h"
#include "flow.h"
#include "stream.h"
#include "wire_tcp.h"

struct eng_session;
struct eng_worker;

// eng_emit.c: does what the stream said. `m` is the segment that came, consumed; NULL where `act` is
// of none.
void eng_emit_consume(struct eng_worker *w, struct eng_session *s, const struct stream_act *act,
	struct rte_mbuf *m);
// Resets for the end `towards`, in the other's name. Counts nothing.
void eng_reset_side(struct eng_worker *w, struct eng_session *s, enum stream_side towards);
// ... for both, for a reason, which is counted and becomes the session's.
void eng_reset_both(struct eng_worker *w, struct eng_session *s, enum eng_reason r);
// Bytes of payload that a segment of ours may have, by its MSS and by what came from the other end.
uint16_t eng_segment_max(const struct eng_session *s, enum stream_side towards);
// Resets both ends of a connection that nothing is known of, by its segment. Consumes `m`.
void eng_reset_stray_consume(struct eng_worker *w, struct rte_mbuf *m, enum eng_reason r);
// A segment of ours back to where this one came from. Borrows `m`.
void eng_send_back(struct eng_worker *w, struct rte_mbuf *m, const struct wire_tcp_out *o);
// The same to whoever's segments look like `forth` and come in by `port`.
void eng_send_turned(struct eng_worker *w, uint16_t port, const struct wire_tmpl *forth,
	const struct wire_tcp_out *o);
// A segment of ours built from numbers, in the name of `side`.
void eng_send(struct eng_worker *w, struct eng_session *s, enum stream_side side,
	const struct wire_tcp_out *o, bool for_reset);

// A FIN or RST that came from `side` leaves with the largest TTL of that side: one that dies on its way
// would leave the two ends, and us, of different minds. Borrows `m`.
void eng_ttl_raise(const struct eng_session *s, enum stream_side side, struct rte_mbuf *m);
// Shortens a frame's payload to `len` bytes: IP lengths, view and checksums follow.
void eng_trim_payload(struct rte_mbuf *m, struct wire_view *v, uint16_t len);

// eng_open.c
// A repeat of the client's SYN; of the server's SYN-ACK under inspection.
void eng_open_repeat_consume(struct eng_worker *w, struct eng_session *s, struct rte_mbuf *m);
void eng_open_syn_ack_consume(struct eng_worker *w, struct eng_session *s, struct rte_mbuf *m);
// The server's half of a one-way connection turned up too late. Ends the session.
void eng_open_one_way_end_consume(struct eng_worker *w, struct eng_session *s, struct rte_mbuf *m);
// A segment of a connection that passes unread.
void eng_open_pass_consume(struct eng_worker *w, struct eng_session *s, struct rte_mbuf *m,
	const struct stream_seg *seg);

// eng_icmp.c: an ICMP error that quotes a segment of a picked-up port. Consumes `m`.
void eng_icmp_consume(struct eng_worker *w, struct rte_mbuf *m);

// eng_stray.c: an end doesn't know yet that it is over: a reset at the number it expects.
void eng_reset_again_consume(struct eng_worker *w, struct rte_mbuf *m);

// SPDX-License-Identifier: BSD-3-Clause
// Inside the engine: what we say to a client in its server's place, and how a connection is cut.
// Thread: the worker that owns the session.
#pragma once

#include "eng_int.h"
#include "pol_image.h"
#include "stream.h"

enum { ENG_REPLY_MAX = 400 }; // bytes of a reply of ours

struct eng_refused; // eng_command.h
struct eng_session;
struct eng_worker;

enum eng_dialog { // what the client has to be told
	ENG_DIALOG_NONE,
	ENG_DIALOG_BODY,    // condemned early: the reply waits for the message's end
	ENG_DIALOG_CUT,     // after a verdict: the next command is answered, then FIN
	ENG_DIALOG_REFUSED, // after a 554 greeting: 503 to all but QUIT
	ENG_DIALOG_OVER,    // everything is said
};

enum eng_text { // behind the code of a reply of ours (eng_answer.c)
	ENG_TEXT_NONE,
	ENG_TEXT_SPAM,
	ENG_TEXT_LATER,
	ENG_TEXT_END,
	ENG_TEXT_DESYNC,
	ENG_TEXT_STALLED,
	ENG_TEXT_LIMIT,
	ENG_TEXT_MEMORY,
	ENG_TEXT_LINE_END,
	ENG_TEXT_DISCARDED,
	ENG_TEXT_REFUSED,
	ENG_TEXT_UNAVAILABLE,
	ENG_TEXT_DRAINING,
	ENG_TEXT_ENDPOINT,
	ENG_TEXT_SENDER,
	ENG_TEXT_SENDER_LATER,
	ENG_TEXT_ERRORS,
	ENG_TEXT_HELOS,
	ENG_TEXT_MAILS,
	ENG_TEXT_NOOPS,
	ENG_TEXT_RSETS,
	ENG_TEXT_SIZE,
	ENG_TEXT_HEADER,
	ENG_TEXT_CLIENT_CONNECTIONS,
	ENG_TEXT_CLIENT_RATE,
	ENG_TEXT_TOTAL_CONNECTIONS,
	ENG_TEXT_COUNT
};

// The code of a greeting by which a policy refuses: POL_REJECT or POL_TEMPFAIL.
static inline uint16_t eng_refuse_code(enum pol_action action)
{
	return action == POL_REJECT ? 554 : 421;
}

// eng_answer.c
// The client of a connection that is to be refused acknowledged our SYN-ACK, numbered `isn`; *why: what it is
// told, the id is made.
void eng_answer_refuse_consume(struct eng_worker *w, struct eng_session *s, struct rte_mbuf *m,
	struct stream_seg *seg, uint32_t isn, const struct eng_refused *why);
// A reply's line, written to `line` (ENG_REPLY_MAX bytes): `text` may begin with an enhanced code; id 0:
// none is shown; retry_s: "try again in N minutes" (rounded up) in place of "try again later", 0: as it is.
struct span eng_reply_line(
	uint16_t code, const char *text, uint32_t retry_s, uint64_t id, char *line);
// A greeting that refuses, likewise.
struct span eng_greeting(const struct eng_refused *why, char *line);
// A segment of that lane; `m` and `seg` NULL: the session has just been cut, by what was read. Consumes
// `m`; the session may be gone behind it.
void eng_answer_consume(struct eng_worker *w, struct eng_session *s, struct rte_mbuf *m,
	struct stream_seg *seg);
void eng_answer_timer(struct eng_worker *w, struct eng_session *s);
// Cuts the server off: it gets resets, the client a dialogue. `text` is the reply behind the code,
// sent at once, or (in_body) at the end of the message that is still coming; id 0: none is shown. 421
// and 500 hang up behind the text, code 0 without any.
void eng_cut(struct eng_worker *w, struct eng_session *s, uint16_t code, enum eng_text text,
	uint64_t id, bool in_body, enum eng_reason r);

// The connection is over for us, perhaps not for its ends, which may have missed the
// reset: for a while whatever comes is answered with one, and nothing passes. The session is gone, or
// it goes once the server's reset has been repeated.
void eng_session_remnant(struct eng_worker *w, struct eng_session *s);

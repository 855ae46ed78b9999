// SPDX-License-Identifier: BSD-3-Clause
// SMTP in flight: bytes of both directions in, events out (RFC 5321, 2920, 3030, 3207, 4954,
// 6152, 6531). Three machines: line (smtp_line), command and reply (smtp_command, smtp_reply),
// transaction (smtp_session). Pure: no allocation, no clock, no callback; bounded everything.
// It never repairs. Where it can't be sure that the server and we agree it says SMTP_EV_DESYNC.
// AUTH payloads never appear in an event.
//
// How bytes are handed over: the caller keeps every unread byte (stream/ does) and passes the
// contiguous run from the first unread one. In line modes only whole lines are consumed; the rest
// is passed again, longer, when more has come. In data modes bytes are consumed as they come.
// A CR that may belong to an end of data is left until the byte behind it has come, and behind a
// possible end only whole lines are consumed, so data modes may leave a rest too.
// smtp_feed stops at a gate: bytes behind DATA, AUTH, STARTTLS, EHLO, ... are not consumed before
// the reply has been fed from the other side; smtp_is_gated says so. It also returns right behind
// SMTP_EV_POSSIBLE_END, so nothing later is consumed before that event was judged.
//
// Release rule for the caller: a client byte may leave for the server once it is consumed and the
// events of that call have been judged; a server byte likewise towards the client.
// Thread: the owner of the session.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "span.h"

enum smtp_side { SMTP_CLIENT, SMTP_SERVER }; // who sent the bytes

enum smtp_verb {
	SMTP_VERB_NONE, // no command: the greeting, an unsolicited reply
	SMTP_VERB_HELO,
	SMTP_VERB_EHLO,
	SMTP_VERB_MAIL,
	SMTP_VERB_RCPT,
	SMTP_VERB_DATA,
	SMTP_VERB_BDAT,
	SMTP_VERB_RSET,
	SMTP_VERB_NOOP,
	SMTP_VERB_QUIT,
	SMTP_VERB_VRFY,
	SMTP_VERB_EXPN,
	SMTP_VERB_HELP,
	SMTP_VERB_ETRN,
	SMTP_VERB_AUTH,
	SMTP_VERB_STARTTLS,
	SMTP_VERB_BURL,
	SMTP_VERB_XCLIENT,
	SMTP_VERB_XFORWARD,
	SMTP_VERB_XEXCH50,
	SMTP_VERB_TURN,
	SMTP_VERB_ATRN,
	SMTP_VERB_SEND,
	SMTP_VERB_SOML,
	SMTP_VERB_SAML,
	SMTP_VERB_MESSAGE, // not a command: the end of data that awaits its final reply
	SMTP_VERB_UNKNOWN,
	SMTP_VERB_OURS, // to SMTP_VERB_OURS_LAST, not commands: of smtp_substitute and smtp_withdraw, whose
	SMTP_VERB_OURS_LAST =
		SMTP_VERB_OURS + 31, // reply is the caller's; which of them is up to him
	SMTP_VERB_COUNT
};

enum smtp_ev {
	SMTP_EV_COMMAND,       // client: a whole command line; verb, text = argument (AUTH: the mechanism,
	                       // UNKNOWN: nothing, it may be a stray AUTH payload), path for MAIL and RCPT
	SMTP_EV_AUTH_LINE,     // client: a line inside an AUTH exchange (no text)
	SMTP_EV_DATA_BEGIN,    // server: final line of a 354 that answers DATA; or client: first BDAT of
	                       // a message. The only sure sign of a message: refused RSET, MAIL and EHLO
	                       // leave the transaction as it was, and SEND, SOML, SAML begin one too
	SMTP_EV_DATA,          // client: message bytes in `text`, dots unstuffed, pieces in order
	SMTP_EV_DATA_LINE,     // client: like DATA, but behind a possible end: one whole line; verb = what it
	                       // would be as a command (UNKNOWN where none)
	SMTP_EV_POSSIBLE_END,  // client: some server may end the message here; `count` = how many so far
	SMTP_EV_DATA_END,      // client: strict end of data, or last octet of the LAST chunk; octets = size
	                       // of the message, dots unstuffed
	SMTP_EV_CHUNK,         // client: a BDAT line; octets = size, flag LAST; COMMAND came before it, and
	                       // DATA_BEGIN where it opens a message. A refused chunk does not end the
	                       // message for the reader: RSET, MAIL, EHLO or the LAST one's reply does
	SMTP_EV_SKIP,          // client: octets of a chunk whose BDAT was substituted: not for the server
	SMTP_EV_REPLY_LINE,    // server: one line of a reply, not the last; code, verb, text behind the code
	SMTP_EV_REPLY,         // server: last line of a reply; code, verb it answers, text behind the code
	                       // (none for 334: an AUTH challenge).
	                       // Verb MESSAGE = the message is over, also where no DATA_END came before
	                       // (the server ended it at the possible end, or refused the LAST chunk early)
	SMTP_EV_KEYWORD,       // server: an EHLO keyword line; text = keyword and parameters. Comes with
	                       // and before its REPLY_LINE or REPLY
	SMTP_EV_TLS,           // server: 220 to STARTTLS: from here both directions are opaque
	SMTP_EV_AUTH,          // server: final reply of AUTH; code 235 = accepted
	SMTP_EV_DESYNC,        // either: see `why`; nothing is consumed any more. A client line that is to
	                       // blame is not consumed, a server line that has a REPLY event is
	SMTP_EV_COUNT
};

enum smtp_desync { // why
	SMTP_DESYNC_NONE,
	SMTP_DESYNC_LINE_TOO_LONG,    // a line over its limit
	SMTP_DESYNC_REPLY_SYNTAX,     // not 200..599 and SP, HT, '-' or end of line; codes differ in one
	                              // reply; more lines than allowed
	SMTP_DESYNC_REPLY_UNEXPECTED, // a final reply with no command owing one (but 421, the greeting)
	SMTP_DESYNC_DATA_REPLY,       // 2xx to DATA, or 354 (or another 3xx) to something else
	SMTP_DESYNC_REPLY_IN_DATA,    // a final reply while message bytes flow
	SMTP_DESYNC_BDAT_SYNTAX,      // a size that is no number or read in several ways (2 GiB and more,
	                              // leading zeros); a word that is not LAST; an odd line (bare LF,
	                              // bare CR, NUL, odd blanks)
	SMTP_DESYNC_BDAT_UNOFFERED,   // BDAT without CHUNKING in the last EHLO reply (or masked)
	SMTP_DESYNC_BDAT_SEQUENCE,    // BDAT inside DATA's transaction or the reverse (RFC 3030 3)
	SMTP_DESYNC_BDAT_FAILED,      // BDAT behind one, or another command between chunks, that was refused:
	                              // a server that waits for RSET may take the octets for commands
	SMTP_DESYNC_COUNT
};

enum { // smtp_event.flags: what is odd about the line (never repaired, never refused here)
	SMTP_LINE_BARE_LF = 1 << 0,   // ended by LF without CR
	SMTP_LINE_BARE_CR = 1 << 1,   // a CR not before the LF
	SMTP_LINE_NUL = 1 << 2,
	SMTP_LINE_BLANKS = 1 << 3,    // leading blanks; a control that some server takes for one
	SMTP_LINE_8BIT = 1 << 4,      // 8-bit bytes in a command without SMTPUTF8 in force
	SMTP_LINE_SYNTAX = 1 << 5,    // argument of a known verb does not parse (MAIL without <>, ...)
	SMTP_LINE_STATE = 1 << 6,     // verb not allowed in this state (RCPT before MAIL, ...)
	SMTP_LINE_PIPELINED = 1 << 7, // sent before the greeting or the reply to an earlier command was
	                              // seen (behind a gate: as far as smtp_feed was shown the bytes)
	SMTP_LINE_UNOFFERED = 1 << 8, // uses an extension the server did not offer (pipelining aside)
	SMTP_EV_F_LAST = 1 << 9,      // CHUNK: LAST given
};

struct smtp_event {
	uint8_t kind;     // enum smtp_ev
	uint8_t side;     // enum smtp_side
	uint8_t verb;     // enum smtp_verb
	uint8_t why;      // enum smtp_desync
	uint16_t code;    // reply code
	uint16_t flags;   // SMTP_LINE_*, SMTP_EV_F_*
	uint32_t off;     // first byte of the line or run, as an offset into this call's input
	uint32_t len;     // bytes of the line (its end included) or run
	uint32_t count;   // POSSIBLE_END: how many so far; COMMAND: its slot, for smtp_substitute
	uint64_t octets;
	struct span text; // borrowed from the input of this call
	struct span path; // the address between < and >, without them and without a source route;
	                  // p is NULL where none was found, or some server finds another one, and not
	                  // for the null sender
};

// Limits; 0 chooses the default in brackets. Lines include their end. 16 bits: every session has them.
struct smtp_limits {
	uint16_t command_max; // [4096] bytes of a command line
	uint16_t auth_max;    // [12288] bytes of an AUTH line (RFC 4954 4)
	uint16_t reply_max;   // [2048] bytes of a reply line
	uint16_t reply_lines; // [256] lines of one reply
};

enum { SMTP_PAIR_MAX = 32 }; // commands that may await a reply; a full ring closes the gate

enum { // smtp.offered: EHLO keywords that matter for reading
	SMTP_EXT_PIPELINING = 1 << 0, SMTP_EXT_CHUNKING = 1 << 1, SMTP_EXT_STARTTLS = 1 << 2,
	SMTP_EXT_AUTH = 1 << 3, SMTP_EXT_8BITMIME = 1 << 4, SMTP_EXT_SMTPUTF8 = 1 << 5,
	SMTP_EXT_SIZE = 1 << 6, SMTP_EXT_BINARYMIME = 1 << 7,
	SMTP_EXT_ALL = (1 << 8) - 1,
};

// State of one session. Fixed size, one for every idle flow. The fields are the library's own, the
// comments for a debugger.
struct smtp {
	// read for every piece of a message
	uint64_t chunk_left;    // octets of the open BDAT chunk still to come
	uint64_t octets;        // message bytes so far
	uint16_t scanned[2];    // unread bytes of each side already searched for a line end
	uint32_t early;         // unread client bytes that came while the gate was closed
	uint8_t mode;           // what the client's next byte is: command, auth, data, chunk, ...
	uint8_t line_state;     // of the dot and line-end recogniser in data
	uint8_t possible_ends;  // in this message
	uint8_t guessed;        // lines behind it; their verbs lie in pending[], should the server answer
	uint8_t trans;          // the transaction as the server's replies tell it: MAIL, RCPT, ...
	uint8_t sent;           // the same with the pending commands taken for accepted
	uint8_t offered;        // SMTP_EXT_* of the last EHLO reply, masked ones taken out
	uint8_t masked;         // SMTP_EXT_* that the caller hides
	uint32_t pending_head : 6, pending_count : 6;
	uint32_t gate : 1;      // the client side waits until nothing is pending
	uint32_t greeted : 1;   // the greeting's last line was seen
	uint32_t suspect : 2;   // behind a possible end: lines one by one
	uint32_t guess_lost : 1; // ... which can't be told any more
	uint32_t reply_open : 1; // inside a multi-line reply
	uint32_t reply_in_data : 1; // it began while DATA's bytes were flowing
	uint32_t utf8 : 1;      // SMTPUTF8 in force for this transaction
	uint32_t chunk_last : 1;
	uint32_t one_at_a_time : 1;
	uint32_t chunk_skip : 2; // the rest of the chunk belongs to no message: enum smtp_skip
	uint32_t reply_verb : 6; // what the open reply answers
	uint16_t reply_code;
	uint16_t reply_count;   // lines of the open reply
	struct smtp_limits limits;
	uint8_t pending
		[SMTP_PAIR_MAX]; // verbs that await their final reply, oldest at pending[head]; those
				 // withdrawn have the highest bit
};
enum { SMTP_BYTES = 80 };
_Static_assert(sizeof(struct smtp) == SMTP_BYTES, "an idle flow pays for it");
_Static_assert(SMTP_VERB_COUNT <= 1 << 6 && SMTP_PAIR_MAX < 1 << 6, "they fit their bits");
_Static_assert(SMTP_EXT_ALL <= UINT8_MAX, "they fit their bytes");

// What the oldest command that has no final reply yet is; SMTP_VERB_NONE: all have one.
static inline enum smtp_verb smtp_owes(const struct smtp *s)
{
	return s->pending_count == 0 ? SMTP_VERB_NONE
				     : (enum smtp_verb)s->pending[s->pending_head % SMTP_PAIR_MAX];
}

void smtp_init(struct smtp *s, const struct smtp_limits *limits);

// Reads as far as it can from `in` (see the head of this file) and stores events. Returns the bytes
// consumed. Call again while it consumes or *count reached `max`. `max` must be at least 4.
size_t smtp_feed(struct smtp *s, enum smtp_side side, struct span in, struct smtp_event *ev,
	size_t max, size_t *count);

// The COMMAND event that smtp_feed would say first of these client's bytes, for one who must know before
// they are consumed: kind, verb, off, len, text and path; nothing changes. false where no command is whole
// there, or none is to be read.
bool smtp_peek(const struct smtp *s, struct span in, struct smtp_event *ev);

// True while client bytes must wait for the server's reply.
bool smtp_is_gated(const struct smtp *s);
// True from SMTP_EV_TLS on: bytes are not read any more.
bool smtp_is_opaque(const struct smtp *s);
// True while no reply of the server's is awaited but the greeting, or is open.
bool smtp_is_settled(const struct smtp *s);
// True while client bytes are message content (DATA or an open chunk).
bool smtp_in_message(const struct smtp *s);
// True in an open chunk; *rest is then how many of its octets are still to come that are the server's.
bool smtp_in_chunk(const struct smtp *s, uint64_t *rest);
// Tells the session that extensions are hidden from the client (SMTP_EXT_*), from now on.
void smtp_mask(struct smtp *s, uint16_t ext);
// Tells it that the caller sent another command (in practice NOOP) in the place of the one this
// COMMAND event of the last call told of. The reply is then `as`'s, with no other effect; the gate
// closes until it came. The octets of a BDAT replaced so come as SMTP_EV_SKIP.
void smtp_substitute(struct smtp *s, const struct smtp_event *command, enum smtp_verb as);
// Tells it that the command of this event, of the last call (none that carries octets), never
// reaches the server: the caller takes its line out, and says the reply himself when smtp_ours_due
// says that it is its turn. What the client sent behind it goes on.
void smtp_withdraw(struct smtp *s, const struct smtp_event *command, enum smtp_verb as);
// A reply of the caller's is due at this place of the server's bytes, right behind what was
// consumed: *as is which; it counts as told. To be called until it is false after every smtp_feed,
// which stops there.
bool smtp_ours_due(struct smtp *s, enum smtp_verb *as);

// From now on (or not any more) every command closes the gate.
void smtp_one_at_a_time(struct smtp *s, bool on);

// Behind a DESYNC of SMTP_DESYNC_BDAT_UNOFFERED or _FAILED, whose line begins `in`: the caller puts
// another command in the line's place and takes the chunk's octets (SMTP_EV_SKIP) out. The session goes on as
// behind smtp_substitute. Returns the length of the line, or 0 where the size of the chunk is not
// sure, or over 1 GiB: then it stays stopped.
size_t smtp_refuse_chunk(struct smtp *s, struct span in, enum smtp_verb as);

// Names for logs and tests: "MAIL", "DATA_END", "LINE_TOO_LONG"; never NULL.
const char *smtp_verb_name(enum smtp_verb v);
const char *smtp_ev_name(enum smtp_ev e);
const char *smtp_desync_name(enum smtp_desync d);

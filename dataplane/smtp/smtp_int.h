// SPDX-License-Identifier: BSD-3-Clause
// What the files of smtp/ share: lines, parsed commands and replies, the end-of-data recogniser,
// and the writing of events. Nothing here is for other folders.
// Thread: the owner of the session.
#pragma once

#include <assert.h>

#include "smtp.h"

enum smtp_mode { // smtp.mode
	SMTP_MODE_COMMAND,
	SMTP_MODE_AUTH,    // lines of an AUTH exchange
	SMTP_MODE_DATA,    // message bytes up to the strict end
	SMTP_MODE_CHUNK,   // octets of a BDAT chunk
	SMTP_MODE_OPAQUE,
	SMTP_MODE_STOPPED, // after a DESYNC
};

enum smtp_skip { // smtp.chunk_skip
	SMTP_SKIP_NO,
	SMTP_SKIP_SILENT, // the server reads it away
	SMTP_SKIP_TOLD,   // the server never heard of it
};

enum smtp_suspect { // smtp.suspect
	SMTP_SUSPECT_NO,
	SMTP_SUSPECT_LINE, // behind a possible end, at the start of a line
	SMTP_SUSPECT_REST, // in a line too long to be a command
};

enum { // smtp.trans, smtp.sent
	SMTP_T_HELO = 1 << 0,
	SMTP_T_AUTH = 1 << 1, // authenticated
	SMTP_T_MAIL = 1 << 2,
	SMTP_T_RCPT = 1 << 3,
	SMTP_T_DATA = 1 << 4,
	SMTP_T_BDAT = 1 << 5,   // a message by chunks is open
	SMTP_T_FAILED = 1 << 6, // ... and one of them was refused
	SMTP_T_SESSION = SMTP_T_HELO | SMTP_T_AUTH, // outlives a transaction
};

// The lines that close the gate whatever their verb (docs/architecture.md, Gates).
enum { SMTP_LINE_ODD = SMTP_LINE_BARE_LF | SMTP_LINE_BARE_CR | SMTP_LINE_NUL | SMTP_LINE_BLANKS };

// ---- writing events

enum { SMTP_STEP_EVENTS = 4 }; // the most one step writes: COMMAND, DATA_BEGIN, CHUNK, DATA_END

struct smtp_out {
	struct smtp_event *ev;
	size_t max, count;
	size_t base; // offset of the step's first byte in the call's input
};

// Adds an event about `len` bytes at `off` of the step's input. The caller has seen to the room.
struct smtp_event *smtp_out_add(struct smtp_out *o, enum smtp_ev kind, enum smtp_side side,
	size_t off, size_t len);
// Adds DESYNC and stops the session.
void smtp_out_desync(struct smtp_out *o, struct smtp *s, enum smtp_side side,
	enum smtp_desync why, size_t len);

// ---- lines

struct smtp_line {
	size_t len;       // its end included
	struct span body; // without CR LF, or the bare LF
	uint16_t flags;   // SMTP_LINE_* that the bytes alone show
	bool has_8bit;
};

enum smtp_found { SMTP_FOUND_LINE, SMTP_FOUND_PART, SMTP_FOUND_TOO_LONG };

// The first line of `in`: up to the first LF, at most `max` bytes. *scanned remembers the search
// between calls that show the same bytes again.
enum smtp_found smtp_line_find(struct span in, size_t max, uint16_t *scanned,
	struct smtp_line *line);
// Reads the anomalies of a line of in.n bytes that is known to be whole.
struct smtp_line smtp_line_of(struct span in);
// Index of the first CR or LF from `from` on, or in.n.
size_t smtp_line_break(struct span in, size_t from);

// ---- end of data (docs/architecture.md, Gates)

enum { SMTP_EOD_RUN_MAX = 64 }; // CRs taken as one line end; bounds what is held back

enum smtp_end { SMTP_END_NONE, SMTP_END_POSSIBLE, SMTP_END_STRICT };

struct smtp_eod_piece {
	size_t used;       // bytes read; the rest has to be shown again
	struct span text;  // message bytes among them, one run
	enum smtp_end end; // what lies right behind `used`
};

extern const uint8_t smtp_eod_start; // state at the start of data

// Reads up to an end, a stuffed dot, or as far as it can tell.
struct smtp_eod_piece smtp_eod_read(uint8_t *state, struct span in);
// Reads a piece whose line end, if it has one, is complete.
enum smtp_end smtp_eod_line(uint8_t *state, struct span line);
// True where a dot that comes now is a stuffed one.
bool smtp_eod_is_line_start(uint8_t state);

// ---- commands and replies

struct smtp_command {
	enum smtp_verb verb;
	uint16_t flags;   // SMTP_LINE_SYNTAX
	uint16_t uses;    // SMTP_EXT_* that it needs
	struct span text, path;
	bool utf8;        // carries SMTPUTF8
	bool last;        // BDAT LAST
	bool chunk_known; // BDAT whose size is certain
	uint64_t octets;
};

void smtp_command_parse(struct span body, struct smtp_command *c);
// The verb a line would have as a command, leading blanks and controls passed over.
enum smtp_verb smtp_command_guess(struct span line);
bool smtp_verb_gates(enum smtp_verb v);
// False where the verb is out of place in this state (SMTP_T_*).
bool smtp_verb_fits(enum smtp_verb v, uint8_t state);
// Line limit for what begins so: an AUTH command may carry a whole response (RFC 4954 4).
size_t smtp_command_max(const struct smtp_limits *limits, struct span in);

struct smtp_reply {
	uint16_t code;
	bool last;
	struct span text;
};

// False where it is no reply line (RFC 5321 4.2).
bool smtp_reply_parse(struct span body, struct smtp_reply *r);
// SMTP_EXT_* of an EHLO keyword line, 0 for others.
uint16_t smtp_reply_extension(struct span text);
// Reads one reply line; returns the bytes consumed.
size_t smtp_reply_step(struct smtp *s, struct span in, struct smtp_out *o);

// ---- session and data

size_t smtp_data_step(struct smtp *s, struct span in, struct smtp_out *o);
size_t smtp_chunk_step(struct smtp *s, struct span in, struct smtp_out *o);
void smtp_data_begin(struct smtp *s);
// Opens a chunk; writes CHUNK and, for an empty LAST one, DATA_END.
void smtp_chunk_begin(struct smtp *s, const struct smtp_command *c, size_t len,
	struct smtp_out *o);

enum { SMTP_PENDING_WITHDRAWN = 1 << 7 }; // smtp.pending: the server owes no reply to it
_Static_assert((int)SMTP_VERB_COUNT <= (int)SMTP_PENDING_WITHDRAWN, "a bit is free");

void smtp_pending_push(struct smtp *s, enum smtp_verb v);
// The oldest is over; with none left the client's view is the server's.
void smtp_pending_drop(struct smtp *s);
// The oldest was withdrawn: the server owes nothing before the next.
bool smtp_pending_is_withdrawn(const struct smtp *s);
// ... and its reply's turn has come.
bool smtp_is_ours_due(const struct smtp *s);
// The server ended DATA at the possible end: the lines behind it were commands. False where it
// can't be told which.
bool smtp_data_resume(struct smtp *s);

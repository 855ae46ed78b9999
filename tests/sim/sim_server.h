// SPDX-License-Identifier: BSD-3-Clause
// An SMTP server with a reading model of its own: which line ends it takes, which places end a
// message for it, and how it answers.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct conn;

enum { SERVER_LINE = 4096, SERVER_STORED = 24, SERVER_EHLOS = 8, SERVER_TLS_BYTES = 700, SERVER_SAID = 400 };

struct server_conf {
	uint32_t ends;         // of the forms of sim_server.c, by bit; bit 0 is CRLF . CRLF
	bool lf_ends, cr_ends; // command lines end at a bare LF, a bare CR
	bool skips_blanks;     // blanks before a verb are nothing
	bool drops_nul;        // NULs in a command line are nothing
	uint32_t delay_us, greet_us, gap_us, chunk;
	uint16_t refuse;   // of 1000 commands that get a 4xx or 5xx
	uint16_t leave;    // of 1000 commands at which it leaves
	uint16_t wild;     // of 1000 replies that come twice or as another one
	uint16_t greeting; // code
	uint64_t keywords; // of sim_server.c, by bit
	uint16_t stop;     // of 1000 polls that pause reading
	uint32_t stop_us;
	uint8_t banner_lines;
	bool junk_ok; // unknown commands get a 250
};

struct stored {
	uint8_t *text;
	uint32_t n;
	bool bdat;
	int form; // that ended it
};

struct said { // a reply and what it answers
	char line[40];
	int code;
	uint64_t at;
};

struct server {
	struct server_conf conf;
	char asked[40]; // what the next reply answers
	struct said said[SERVER_SAID];
	unsigned nsaid;
	enum { AT_GREETING, AT_COMMAND, AT_DATA, AT_CHUNK, AT_AUTH, AT_TLS } at;
	char line[SERVER_LINE];
	uint32_t nline;
	bool cr_last, after_cr, mail, last_chunk, chunk_bad, chunked;
	unsigned rcpts;
	uint64_t chunk_left;
	uint8_t *data;
	uint32_t ndata, data_max;
	struct stored stored[SERVER_STORED];
	unsigned nstored, nrefused;
	uint8_t *say; // replies that are not yet written
	uint32_t nsay, say_at, say_max;
	uint64_t busy_until, write_at, stop_until, heard_at;
	struct {
		uint32_t from, to; // in its stream
	} ehlo[SERVER_EHLOS];
	unsigned nehlos;
	bool closing, left;
	uint32_t tls_got;
	unsigned commands;
};

void server_begin(struct conn *c);
void server_poll(struct conn *c);
uint64_t server_deadline(const struct conn *c);
void server_fini(struct server *sv);

enum { SERVER_FORMS = 14, SERVER_KEYWORDS = 36 };
extern const char *const server_keywords[SERVER_KEYWORDS];

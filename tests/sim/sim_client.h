// SPDX-License-Identifier: BSD-3-Clause
// An SMTP client: a script of items, each sent once what it waits for is known. Honest scripts are
// made by sim_script.c, once the EHLO reply is known; hostile ones by sim_attack.c.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sim_rand.h"

struct conn;

enum { ITEMS_MAX = 160, CLIENT_MESSAGES = 8, REPLY_LINE = 1024 };

enum item_kind {
	ITEM_GREETING, // nothing sent: the reply that comes first
	ITEM_EHLO,
	ITEM_COMMAND,
	ITEM_DATA,
	ITEM_BODY,
	ITEM_CHUNK,
	ITEM_TLS, // what follows the 220 to STARTTLS
	ITEM_QUIT,
};

struct item {
	enum item_kind kind;
	uint8_t *text;
	uint32_t n;
	int wait_for;  // item whose reply must have come; -1: none
	int need;      // item whose reply must be of this class, else this one is left out; -1
	int need_code; // 3: 3xx, 354: that one
	int message;   // index, -1
	int code;      // the reply; 0: not yet
	bool silent;   // no reply is expected
	bool sent, skipped;
	bool own; // the reply was the box's
	uint64_t heard_at;
};

struct sent_message {
	uint8_t *text; // as a server stores it: dots stuffed, without the last one's line
	uint32_t n;
	int last; // item whose reply tells its fate
	bool spam;
	uint32_t end_at; // place of its end of data in the stream: of the CR LF before the dot
	bool end_known;
};

struct client_conf {
	uint32_t gap_us, chunk; // between writes; bytes a write at most, 0: as much as there is
	uint32_t patience_us;   // without a byte from the server
	uint16_t stop;          // of 1000 polls that pause reading
	uint32_t stop_us;
	uint16_t leave; // of 1000 writes behind which it leaves
	bool pipelines, quits, tls, auth, resets, leaves_silently, wants_chunks,
		many_recipients;
	uint8_t messages;
};

struct client {
	struct client_conf conf;
	struct item item[ITEMS_MAX];
	int nitems, next;
	uint32_t off; // of the item being written
	int expect[ITEMS_MAX], nexpect;
	struct sent_message message[CLIENT_MESSAGES];
	unsigned nmessages;
	char line[REPLY_LINE];
	unsigned nline, replies, unsolicited;
	bool offers_chunking, offers_tls, offers_auth, offers_pipelining;
	bool built, done, closing, gave_up, left, tls_on, got_421, own_reply;
	char own_text[120]; // the last reply that no server of ours would give
	uint64_t write_at, heard_at, stop_until;
	uint32_t tls_got;
};

enum client_phase { PHASE_GREETING, PHASE_COMMAND, PHASE_DATA, PHASE_BODY, PHASE_END };

void client_begin(struct conn *c);
void client_poll(struct conn *c);
uint64_t client_deadline(const struct conn *c);
void client_fini(struct client *cl);
enum client_phase client_phase(const struct client *cl);

// Adds an item; its text is copied. Returns its index, -1 where there is no room.
int client_add(struct client *cl, enum item_kind kind, const void *text, uint32_t n);
int client_addf(struct client *cl, enum item_kind kind, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

// sim_script.c, sim_text.c
void script_build(struct conn *c);
// sim_attack.c
void attack_build(struct conn *c);

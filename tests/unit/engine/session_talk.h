// SPDX-License-Identifier: BSD-3-Clause
// Words and moves that the stories of several files share, on top of session_world.h.
#pragma once

#include "session_world.h"
#include "tcp_flags.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define SPAM "Subject: x\r\n\r\nbuy-now-cheap\r\n.\r\n"
#define HAM "Subject: x\r\n\r\nhello\r\n.\r\n"

enum { DATA = TCP_ACK | TCP_PSH };

// A segment `ahead` bytes behind what the client sent last; its number does not move.
void client_sends(struct conn *c, uint32_t ahead, const char *text);
// Moves it.
void client_went(struct conn *c, const char *text);

// What was said so far is of no interest.
void forget_words(struct conn *c);
// Banner and EHLO with this reply; nobody has looked at them.
void greets_with(struct conn *c, const char *ehlo_reply);
// The same on a port of its own, looked at by both.
struct conn *opened_with(const char *source, const char *ehlo_reply);
// A command that the server gets and a reply that the client gets, as they are, line ends and all.
void passes(struct conn *c, const char *command, const char *reply);
void ends_like_friends(struct conn *c);

// Among all that the server has received.
bool server_has(const struct conn *c, const char *text);
void nobody_was_reset(const struct conn *c);

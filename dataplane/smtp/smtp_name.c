// SPDX-License-Identifier: BSD-3-Clause
// Names of verbs, events and reasons, for logs and tests. Decides nothing.
// Thread: any; no state.

#include "smtp_int.h"

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

static const char *const verb_names[] = {
	[SMTP_VERB_NONE] = "NONE",
	[SMTP_VERB_HELO] = "HELO",
	[SMTP_VERB_EHLO] = "EHLO",
	[SMTP_VERB_MAIL] = "MAIL",
	[SMTP_VERB_RCPT] = "RCPT",
	[SMTP_VERB_DATA] = "DATA",
	[SMTP_VERB_BDAT] = "BDAT",
	[SMTP_VERB_RSET] = "RSET",
	[SMTP_VERB_NOOP] = "NOOP",
	[SMTP_VERB_QUIT] = "QUIT",
	[SMTP_VERB_VRFY] = "VRFY",
	[SMTP_VERB_EXPN] = "EXPN",
	[SMTP_VERB_HELP] = "HELP",
	[SMTP_VERB_ETRN] = "ETRN",
	[SMTP_VERB_AUTH] = "AUTH",
	[SMTP_VERB_STARTTLS] = "STARTTLS",
	[SMTP_VERB_BURL] = "BURL",
	[SMTP_VERB_XCLIENT] = "XCLIENT",
	[SMTP_VERB_XFORWARD] = "XFORWARD",
	[SMTP_VERB_XEXCH50] = "XEXCH50",
	[SMTP_VERB_TURN] = "TURN",
	[SMTP_VERB_ATRN] = "ATRN",
	[SMTP_VERB_SEND] = "SEND",
	[SMTP_VERB_SOML] = "SOML",
	[SMTP_VERB_SAML] = "SAML",
	[SMTP_VERB_MESSAGE] = "MESSAGE",
	[SMTP_VERB_UNKNOWN] = "UNKNOWN",
	[SMTP_VERB_OURS... SMTP_VERB_OURS_LAST] = "OURS",
};
_Static_assert(COUNT_OF(verb_names) == SMTP_VERB_COUNT, "a verb has no name");

static const char *const ev_names[] = {
	[SMTP_EV_COMMAND] = "COMMAND",
	[SMTP_EV_AUTH_LINE] = "AUTH_LINE",
	[SMTP_EV_DATA_BEGIN] = "DATA_BEGIN",
	[SMTP_EV_DATA] = "DATA",
	[SMTP_EV_DATA_LINE] = "DATA_LINE",
	[SMTP_EV_POSSIBLE_END] = "POSSIBLE_END",
	[SMTP_EV_DATA_END] = "DATA_END",
	[SMTP_EV_CHUNK] = "CHUNK",
	[SMTP_EV_SKIP] = "SKIP",
	[SMTP_EV_REPLY_LINE] = "REPLY_LINE",
	[SMTP_EV_REPLY] = "REPLY",
	[SMTP_EV_KEYWORD] = "KEYWORD",
	[SMTP_EV_TLS] = "TLS",
	[SMTP_EV_AUTH] = "AUTH",
	[SMTP_EV_DESYNC] = "DESYNC",
};
_Static_assert(COUNT_OF(ev_names) == SMTP_EV_COUNT, "an event has no name");

static const char *const desync_names[] = {
	[SMTP_DESYNC_NONE] = "NONE",
	[SMTP_DESYNC_LINE_TOO_LONG] = "LINE_TOO_LONG",
	[SMTP_DESYNC_REPLY_SYNTAX] = "REPLY_SYNTAX",
	[SMTP_DESYNC_REPLY_UNEXPECTED] = "REPLY_UNEXPECTED",
	[SMTP_DESYNC_DATA_REPLY] = "DATA_REPLY",
	[SMTP_DESYNC_REPLY_IN_DATA] = "REPLY_IN_DATA",
	[SMTP_DESYNC_BDAT_SYNTAX] = "BDAT_SYNTAX",
	[SMTP_DESYNC_BDAT_UNOFFERED] = "BDAT_UNOFFERED",
	[SMTP_DESYNC_BDAT_SEQUENCE] = "BDAT_SEQUENCE",
	[SMTP_DESYNC_BDAT_FAILED] = "BDAT_FAILED",
};
_Static_assert(COUNT_OF(desync_names) == SMTP_DESYNC_COUNT, "a reason has no name");

static const char *name_of(const char *const *names, size_t n, size_t i)
{
	return i < n && names[i] != NULL ? names[i] : "?";
}

const char *smtp_verb_name(enum smtp_verb v)
{
	return name_of(verb_names, COUNT_OF(verb_names), (size_t)v);
}

const char *smtp_ev_name(enum smtp_ev e)
{
	return name_of(ev_names, COUNT_OF(ev_names), (size_t)e);
}

const char *smtp_desync_name(enum smtp_desync d)
{
	return name_of(desync_names, COUNT_OF(desync_names), (size_t)d);
}

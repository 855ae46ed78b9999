// SPDX-License-Identifier: BSD-3-Clause
// What the server's EHLO reply offers, as its client may hear it: keywords that would blind us, or that
// the session profile forbids, are hidden; a size larger than the profile's is lowered (RFC 1870 3).
// Thread: the worker.
#include "eng_shadow.h"

enum hidden {
	HIDDEN_NEVER,
	HIDDEN_ALWAYS,
	HIDDEN_NO_TLS,
	HIDDEN_NO_CHUNKING,
	HIDDEN_NO_GROUPS
}; // by which setting

// EHLO keywords that a reader of content must know or hide.
struct keyword {
	char name[20];
	uint8_t len;
	uint8_t hidden; // enum hidden
	uint16_t ext;   // SMTP_EXT_* to hide from smtp/, too
};
// clang-format off: a table
#define KEYWORD(name, ext, hidden)                  \
	{                                           \
		name, sizeof(name) - 1, hidden, ext \
	}
static const struct keyword keywords[] = {
	KEYWORD("8BITMIME", 0, HIDDEN_NEVER),
	KEYWORD("AUTH", 0, HIDDEN_NEVER),
	KEYWORD("CHUNKING", SMTP_EXT_CHUNKING, HIDDEN_NO_CHUNKING),
	KEYWORD("CONNEG", 0, HIDDEN_NEVER),
	KEYWORD("CONPERM", 0, HIDDEN_NEVER),
	KEYWORD("DELIVERBY", 0, HIDDEN_NEVER),
	KEYWORD("DSN", 0, HIDDEN_NEVER),
	KEYWORD("ENHANCEDSTATUSCODES", 0, HIDDEN_NEVER),
	KEYWORD("ETRN", 0, HIDDEN_NEVER),
	KEYWORD("EXPN", 0, HIDDEN_NEVER),
	KEYWORD("FUTURERELEASE", 0, HIDDEN_NEVER),
	KEYWORD("HELP", 0, HIDDEN_NEVER),
	KEYWORD("LIMITS", 0, HIDDEN_NEVER),
	KEYWORD("MT-PRIORITY", 0, HIDDEN_NEVER),
	KEYWORD("MTRK", 0, HIDDEN_NEVER),
	KEYWORD("NO-SOLICITING", 0, HIDDEN_NEVER),
	KEYWORD("PIPELINING", SMTP_EXT_PIPELINING, HIDDEN_NO_GROUPS),
	KEYWORD("REQUIRETLS", 0, HIDDEN_NEVER),
	KEYWORD("RRVS", 0, HIDDEN_NEVER),
	KEYWORD("SIZE", 0, HIDDEN_NEVER),
	KEYWORD("SMTPUTF8", 0, HIDDEN_NEVER),
	KEYWORD("STARTTLS", SMTP_EXT_STARTTLS, HIDDEN_NO_TLS),
	KEYWORD("SUBMITTER", 0, HIDDEN_NEVER),
	KEYWORD("VRFY", 0, HIDDEN_NEVER),
	KEYWORD("BINARYMIME", SMTP_EXT_BINARYMIME, HIDDEN_ALWAYS),
	KEYWORD("BURL", 0, HIDDEN_ALWAYS),
	KEYWORD("XEXCH50", 0, HIDDEN_ALWAYS),
	KEYWORD("X-ANONYMOUSTLS", 0, HIDDEN_ALWAYS),
	KEYWORD("X-EXPS", 0, HIDDEN_ALWAYS),
	KEYWORD("PIPECONNECT", 0, HIDDEN_ALWAYS),
	KEYWORD("X_PIPE_CONNECT", 0, HIDDEN_ALWAYS),
	KEYWORD("ATRN", 0, HIDDEN_ALWAYS),
	KEYWORD("TURN", 0, HIDDEN_ALWAYS),
	KEYWORD("XCLIENT", 0, HIDDEN_ALWAYS),
	KEYWORD("XFORWARD", 0, HIDDEN_ALWAYS),
	KEYWORD("CHECKPOINT", 0, HIDDEN_ALWAYS),
};
// clang-format on

static const struct keyword *keyword_find(struct span word)
{
	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
		if (word.n == keywords[i].len && eng_word_is(word, keywords[i].name))
			return &keywords[i];
	}
	return NULL;
}

static bool is_hidden(const struct pol_session *profile, const struct keyword *k)
{
	if (k == NULL)
		return profile->mask_unknown != 0;
	switch ((enum hidden)k->hidden) {
	case HIDDEN_NO_TLS:
		return profile->prevent_encryption != 0;
	case HIDDEN_NO_CHUNKING:
		return profile->mask_chunking != 0;
	case HIDDEN_NO_GROUPS:
		return profile->pipelining == POL_PIPELINING_NO;
	default:
		return k->hidden == HIDDEN_ALWAYS;
	}
}

// Hides a word by its last letter: the length stays, the client does not know it. `in` begins at `base`.
static void word_hide(struct eng_worker *w, struct eng_session *s, struct span word, uint32_t base,
	struct span in)
{
	size_t last = (size_t)(word.p - in.p) + word.n - 1;
	uint8_t letter = in.p[last] == 'X' || in.p[last] == 'x' ? 'Z' : 'X';

	stream_edit(
		&s->flow.stream, &w->smtp->pool, STREAM_SERVER, base + (uint32_t)last, &letter, 1);
}

static void mechanisms_hide(struct eng_worker *w, struct eng_session *s, struct span list,
	uint32_t base, struct span in)
{
	struct span word;
	size_t at = 0;

	while ((word = eng_word(list, &at)).n > 0) {
		if (!eng_mechanism_encrypts(word))
			continue;
		word_hide(w, s, word, base, in);
		eng_count(w, ACT_MECHANISM_MASKED);
	}
}

struct line { // of an EHLO reply
	struct span word, value;
	const struct keyword *k; // NULL: not known
	struct span size;        // digits of SIZE
};

static bool line_take(const struct smtp_event *ev, struct line *l)
{
	size_t n = 0, at = 0;

	while (n < ev->text.n && ev->text.p[n] != ' ' && ev->text.p[n] != '\t' &&
		ev->text.p[n] != '=')
		n++;
	*l = (struct line){.word = span_sub(ev->text, 0, n), .value = span_from(ev->text, n)};
	l->k = keyword_find(l->word);
	if (eng_word_is(l->word, "SIZE"))
		l->size = eng_word(l->value, &at);
	return n > 0;
}

static bool line_is_hidden(const struct pol_session *profile, const struct line *l)
{
	const bool old_auth = l->value.n > 0 && l->value.p[0] == '=';

	return is_hidden(profile, l->k) || old_auth;
}

static bool has_encrypting(struct span list)
{
	struct span word;
	size_t at = 0;

	while ((word = eng_word(list, &at)).n > 0) {
		if (eng_mechanism_encrypts(word))
			return true;
	}
	return false;
}

void eng_keyword_rule(const struct smtp_event *ev, const struct pol_session *profile,
	struct eng_decision *out)
{
	struct line l;

	*out = (struct eng_decision){.does = ENG_DOES_GO, .reason = ENG_REASON_NONE};
	if (!line_take(ev, &l))
		return;
	if (line_is_hidden(profile, &l)) {
		out->does = ENG_DOES_HIDE;
		out->reason = l.k != NULL && l.k->hidden == HIDDEN_NO_TLS ? ACT_TLS_MASKED
									: ACT_MASKED;
	} else if (eng_word_is(l.word, "AUTH") && profile->prevent_encryption &&
		has_encrypting(l.value)) {
		out->does = ENG_DOES_HIDE;
		out->reason = ACT_MECHANISM_MASKED;
	} else if (l.size.n > 0 && eng_size_rule_offer(profile, l.size) != 0) {
		out->does = ENG_DOES_LOWER;
		out->reason = ACT_SIZE_LOWERED;
		out->limit = (uint32_t)eng_size_rule_offer(profile, l.size);
	}
}

void eng_keyword(struct eng_worker *w, struct eng_session *s, const struct smtp_event *ev,
	uint32_t base, struct span in)
{
	const struct pol_session *profile = eng_profile(w, s);
	struct line l;

	if (w->shadow != NULL)
		eng_shadow_keyword(w, s, ev);
	if (!line_take(ev, &l))
		return;
	if (line_is_hidden(profile, &l)) {
		if (l.k != NULL && l.k->ext != 0)
			smtp_mask(&s->smtp, l.k->ext);
		word_hide(w, s, l.word, base, in);
		eng_count(w, ACT_MASKED);
		if (l.k != NULL && l.k->hidden == HIDDEN_NO_TLS)
			eng_count(w, ACT_TLS_MASKED);
		return;
	}
	if (eng_word_is(l.word, "AUTH") && profile->prevent_encryption)
		mechanisms_hide(w, s, l.value, base, in);
	if (l.size.n > 0)
		eng_size_lower(w, s, l.size, base + (uint32_t)(l.size.p - in.p));
}

void eng_grouping(struct eng_worker *w, struct eng_session *s)
{
	uint8_t how = eng_profile(w, s)->pipelining;

	smtp_one_at_a_time(&s->smtp,
		how == POL_PIPELINING_NO || eng_message_is_stale(s) ||
			(how == POL_PIPELINING_LOOSE &&
				(s->smtp.offered & SMTP_EXT_PIPELINING) == 0));
}

// SPDX-License-Identifier: BSD-3-Clause
// What SMTP events mean: who is asked about a command before it goes, and what a reply changes. What a
// command is refused for stands in eng_command.c and its neighbours; content is eng_message.c's and
// eng_verdict.c's, capabilities are eng_keyword.c's.
// Thread: the worker.
#include "eng_reputation.h"
#include "eng_shadow.h"

// A server that ends a line at a bare CR takes what stands behind it for a command of its own, and answers it:
// one line would have several replies, and the gate would open too early. One that takes CR for a blank reads
// a word of the command before it (EHLO<CR>[192.0.2.1]), which has no verb to us. Blanks alone are a line end.
static bool hides_command(struct span line)
{
	size_t i = 0;

	while (i < line.n && line.p[i] != '\r')
		i++;
	while (i < line.n && line.p[i] <= ' ') // some server's blanks, as in smtp/
		i++;
	return i < line.n;
}

// What limits count of a MAIL is its message's, once that is open.
static bool mail_ok(struct eng_worker *w, struct eng_session *s, const struct smtp_event *ev,
	enum eng_refusal *why)
{
	const bool behind = s->message != NULL;
	struct eng_reputation rep;
	struct eng_rates rates;

	*why = eng_reputation_mail(w, s, ev, &rep);
	if (*why != ENG_REFUSAL_COUNT || !eng_rates_mail(w, s, ev->path, &rates, why))
		return false;
	if (!eng_throttle_mail(w, s, &rep, &rates, why) || !eng_access_mail(w, s, ev, why)) {
		eng_rates_end(w, &rates);
		return false;
	}
	struct eng_message *msg = behind ? s->message->following : s->message;
	if (msg == NULL) // no memory: nobody will say what became of it, so it stays counted
		return true;
	msg->rates = rates;
	eng_three_way_mail(w, s, msg, ev->path);
	return true;
}

static bool rcpt_ok(struct eng_worker *w, struct eng_session *s, const struct smtp_event *ev,
	enum eng_refusal *why, uint32_t *rule)
{
	*why = eng_reputation_rcpt(s);
	if (*why == ENG_REFUSAL_COUNT)
		*why = eng_three_way_rcpt(w, s, ev->path);
	if (*why != ENG_REFUSAL_COUNT || !eng_rates_rcpt(w, s, why))
		return false;
	if (eng_access_rcpt(s, ev, why, rule))
		return true;
	eng_rates_rcpt_back(w, s);
	return false;
}

// What a server has taken chunks of, and behind a command that is none of them may end: Exim 4.96 takes a
// message that is all header for whole at QUIT, and at the error that is one too many. Nobody has judged that
// end, so none of the kind reaches it; behind a refusal each further command is an error.
static bool may_end_chunks(const struct eng_session *s, const struct smtp_event *ev)
{
	const struct eng_message *msg = s->message;

	if (msg == NULL || !msg->chunks_taken || msg->ended)
		return false;
	if (ev->verb == SMTP_VERB_RSET)
		return (ev->flags & ~SMTP_LINE_PIPELINED) != 0;
	return msg->chunks_refused || (ev->verb != SMTP_VERB_BDAT && ev->verb != SMTP_VERB_NOOP);
}

static void chunks_note(struct eng_session *s, const struct smtp_event *ev)
{
	struct eng_message *msg = s->message;

	if (msg == NULL || !msg->bdat || msg->ended)
		return;
	// Replies come in order: before that to its first chunk they are to what was sent in front of it.
	if (ev->verb != SMTP_VERB_BDAT && !msg->chunks_taken)
		return;
	if (ev->code >= 300)
		msg->chunks_refused = true;
	else if (ev->verb == SMTP_VERB_BDAT)
		msg->chunks_taken = true;
}

bool eng_line_is_refused(
	const struct smtp_event *ev, struct span in, const struct pol_session *profile)
{
	enum { ODD = SMTP_LINE_BARE_LF | SMTP_LINE_BARE_CR | SMTP_LINE_NUL | SMTP_LINE_BLANKS };

	if ((ev->flags & ODD) == 0)
		return false;
	return profile->strict_lines ||
		((ev->flags & SMTP_LINE_BARE_CR) && hides_command(span_sub(in, ev->off, ev->len)));
}

// What access rules and lists say of it, and what it then means. ENG_REFUSAL_COUNT: it goes.
static enum eng_refusal command_take(
	struct eng_worker *w, struct eng_session *s, const struct smtp_event *ev, uint32_t *rule)
{
	enum eng_refusal why;

	if (eng_begins_mail(ev->verb))
		return mail_ok(w, s, ev, &why) ? ENG_REFUSAL_COUNT : why;
	switch (ev->verb) {
	case SMTP_VERB_HELO:
	case SMTP_VERB_EHLO:
		eng_helo_keep(w, s, ev->text);
		eng_ask_helo(w, s, ev->text);
		break;
	case SMTP_VERB_RCPT:
		if (!rcpt_ok(w, s, ev, &why, rule))
			return why;
		eng_message_rcpt(s, ev->path);
		break;
	case SMTP_VERB_AUTH:
		return eng_reputation_auth(w, s);
	case SMTP_VERB_RSET:
		if (ev->flags == 0)
			eng_access_reset(s, true);
		break;
	default:
		break;
	}
	return ENG_REFUSAL_COUNT;
}

// *r: what was decided.
static bool command_judge(struct eng_worker *w, struct eng_session *s, const struct smtp_event *ev,
	uint32_t base, struct span in, struct eng_ruling *r)
{
	static const struct eng_limit odd = {500, ENG_TEXT_LINE_END, ACT_LINE_REFUSED},
				      desync = {421, ENG_TEXT_DESYNC, ACT_DESYNC};
	const struct pol_session *profile = eng_profile(w, s);

	if (ev->flags & (SMTP_LINE_BARE_LF | SMTP_LINE_BARE_CR | SMTP_LINE_NUL | SMTP_LINE_BLANKS))
		eng_count(w, ACT_LINE_ODD);
	if (eng_line_is_refused(ev, in, profile)) {
		*r = (struct eng_ruling){.does = ENG_JUDGED_CUT, .limit = &odd};
		eng_limit_cut(w, s, &odd, 0, 0, false);
		return false;
	}
	if (may_end_chunks(s, ev)) {
		*r = (struct eng_ruling){.does = ENG_JUDGED_CUT, .limit = &desync};
		eng_cut(w, s, desync.code, desync.text, 0, false, desync.reason);
		return false;
	}
	const enum eng_refusal domain = eng_ask_judged(w, s);
	*r = eng_command_rule(s, ev, profile);
	eng_command_count(s, ev);
	if (r->does == ENG_JUDGED_CUT) {
		eng_limit_cut(w, s, r->limit, r->max, r->max + 1, false);
		return false;
	}
	if (r->why == ENG_REFUSAL_COUNT)
		r->why = domain;
	if (r->why == ENG_REFUSAL_COUNT)
		r->why = command_take(w, s, ev, &r->rule);
	if (r->why == ENG_REFUSAL_COUNT)
		return true;
	r->does = ENG_JUDGED_REFUSED;
	return eng_refuse_command(w, s, ev, base, in, r->why);
}

static bool on_command(struct eng_worker *w, struct eng_session *s, const struct smtp_event *ev,
	uint32_t base, struct span in)
{
	struct eng_shadow_entry *entry = w->shadow == NULL ? NULL : eng_shadow_find(w, s);
	struct eng_shadow_asked asked;
	struct eng_ruling r;

	if ((ev->flags & SMTP_LINE_PIPELINED) == 0)
		s->refused_as = 0; // all is told
	if (entry != NULL)
		eng_shadow_ask(w, s, entry, ev, in, &asked); // before it changes anything
	bool goes = command_judge(w, s, ev, base, in, &r);
	if (entry != NULL)
		eng_shadow_command(w, s, entry, ev, &asked, &r);
	return goes;
}

// Does a server's reply, or ours, refuse? That of a message is no error of the session.
static bool is_error(const struct smtp_event *ev, bool ours)
{
	return ours
		? ev->code != 421
		: ev->code >= 500 && ev->verb != SMTP_VERB_NONE && ev->verb != SMTP_VERB_MESSAGE;
}

// Is a recipient refused for what it is? Others speak of the command: not known, badly said (500..504), or
// that somebody has to log in first (530).
static bool speaks_of_recipient(uint16_t code)
{
	return code >= 505 && code != 530;
}

// false: the session was cut.
static bool on_reply(
	struct eng_worker *w, struct eng_session *s, const struct smtp_event *ev, uint32_t base)
{
	bool recipient, ours = eng_is_ours(ev->verb, &recipient);

	chunks_note(s, ev);
	if (is_error(ev, ours) && !eng_error_note(w, s, recipient || ev->verb == SMTP_VERB_RCPT))
		return false;
	if (eng_reply_ours(w, s, ev, base))
		return true;

	switch (ev->verb) {
	case SMTP_VERB_MAIL:
	case SMTP_VERB_SEND:
	case SMTP_VERB_SOML:
	case SMTP_VERB_SAML:
		eng_message_mail_reply(w, s, ev->code);
		if (s->smtp.one_at_a_time)
			eng_grouping(w, s); // where that was for a stale message's sake
		break;
	case SMTP_VERB_RSET:
	case SMTP_VERB_HELO:
	case SMTP_VERB_EHLO:
	case SMTP_VERB_XCLIENT:
		if (ev->code < 300)
			eng_message_reset_reply(w, s);
		else if (ev->verb == SMTP_VERB_RSET)
			eng_access_reset(s, false);
		eng_grouping(w, s);
		break;
	case SMTP_VERB_RCPT:
		if (speaks_of_recipient(ev->code))
			eng_outcome(w, s, ENG_OUTCOME_RCPT_REFUSED);
		eng_message_rcpt_reply(s, ev->code);
		eng_rates_rcpt_reply(w, s, ev->code);
		if (w->shadow != NULL)
			eng_shadow_rcpt_reply(w, s, ev->code);
		break;
	case SMTP_VERB_MESSAGE:
		eng_verdict_reply(w, s, ev->code);
		break;
	default:
		break;
	}
	return true;
}

static bool on_desync(struct eng_worker *w, struct eng_session *s, const struct smtp_event *ev,
	uint32_t base, struct span in)
{
	if ((ev->why == SMTP_DESYNC_BDAT_UNOFFERED || ev->why == SMTP_DESYNC_BDAT_FAILED) &&
		eng_refuse_chunk(w, s, ev, base, in))
		return true;
	if (s->flow.lane == ENG_LANE_ANSWER) // cut there
		return false;

	// A server that ended the message by a reply of its own has told the client already.
	if (ev->why == SMTP_DESYNC_REPLY_IN_DATA) {
		if (w->smtp->nchanges > 0 && !eng_changes_make(w, s, STREAM_SERVER))
			return false;
		stream_release(&s->flow.stream, STREAM_SERVER);
		eng_pump(w, s);
		eng_cut(w, s, 0, ENG_TEXT_NONE, 0, false, ACT_DESYNC);
		return false;
	}
	eng_cut(w, s, 421, ENG_TEXT_DESYNC, 0, false, ACT_DESYNC);
	return false;
}

// Was a login tried and found wrong? 4yz: the server could not tell. Others of 5yz say that none was tried: not
// known, badly said or called off (500..504), not without TLS or with this mechanism (530, 534, 538).
static bool is_failed_login(uint16_t code)
{
	return code >= 505 && code != 530 && code != 534 && code != 538;
}

// The last reply of an exchange.
static void on_auth(struct eng_worker *w, struct eng_session *s, uint16_t code)
{
	if (code == 235) {
		s->auth = true;
		eng_outcome(w, s, ENG_OUTCOME_AUTH_PASSED);
	} else if (is_failed_login(code)) {
		eng_outcome(w, s, ENG_OUTCOME_AUTH_FAILED);
	}
}

bool eng_event(struct eng_worker *w, struct eng_session *s, const struct smtp_event *ev,
	uint32_t base, struct span in)
{
	if (w->smtp->chunk_refused) { // nothing else is read in this call
		if (ev->kind == SMTP_EV_DATA)
			eng_skip(w, ev, base);
		return true;
	}
	switch (ev->kind) {
	case SMTP_EV_COMMAND:
		return on_command(w, s, ev, base, in);
	case SMTP_EV_DATA_BEGIN:
		s->last_in_group = false;
		if (eng_message_begin(w, s, ev->side == SMTP_CLIENT))
			return true;
		eng_cut(w, s, 421, ENG_TEXT_DESYNC, 0, false, ACT_DESYNC);
		return false;
	case SMTP_EV_DATA:
		return eng_message_data(w, s, ev->text);
	case SMTP_EV_DATA_LINE:
		return eng_verdict_line(w, s, ev);
	case SMTP_EV_POSSIBLE_END:
		return eng_verdict_possible_end(w, s, ev);
	case SMTP_EV_DATA_END:
		return eng_verdict_end(w, s, ev);
	case SMTP_EV_KEYWORD:
		eng_keyword(w, s, ev, base, in);
		return true;
	case SMTP_EV_REPLY:
		return on_reply(w, s, ev, base);
	case SMTP_EV_REPLY_LINE:
		(void)eng_reply_ours(w, s, ev, base);
		return true;
	case SMTP_EV_SKIP:
		eng_skip(w, ev, base);
		return true;
	case SMTP_EV_TLS:
		s->tls = true;
		s->reason = PASS_TLS;
		eng_message_abort(w, s);
		eng_count(w, PASS_TLS);
		return true;
	case SMTP_EV_AUTH:
		on_auth(w, s, ev->code);
		return true;
	case SMTP_EV_DESYNC:
		return on_desync(w, s, ev, base, in);
	default:
		return true;
	}
}

// SPDX-License-Identifier: BSD-3-Clause
// What SMTP events mean: a message opens and is scanned, the end of data is judged. The only place that
// decides a verdict. Commands are judged by eng_command.c, capabilities by eng_keyword.c.
// Thread: the worker.
#include "eng_shadow.h"

// A server that ends a line at a bare CR takes what begins with a letter behind it for a command of its
// own, and answers it: one line would have several replies, and the gate would open too early.
static bool hides_command(struct span line)
{
	for (size_t i = 0; i < line.n; i++) {
		if (line.p[i] != '\r')
			continue;
		while (i < line.n && (line.p[i] == '\r' || line.p[i] == ' ' || line.p[i] == '\t' ||
					     line.p[i] == 0))
			i++;
		if (i < line.n && (line.p[i] | 0x20) >= 'a' && (line.p[i] | 0x20) <= 'z')
			return true;
	}
	return false;
}

// What limits count of a MAIL is its message's, once that is open.
static bool mail_ok(struct eng_worker *w, struct eng_session *s, const struct smtp_event *ev,
	enum eng_refusal *why)
{
	const bool behind = s->message != NULL;
	struct eng_rates rates;

	if (!eng_rates_mail(w, s, ev->path, &rates, why))
		return false;
	if (!eng_access_mail(w, s, ev, why)) {
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
	*why = ENG_REFUSE_THREE_WAY;
	if (!eng_three_way_rcpt(w, s, ev->path) || !eng_rates_rcpt(w, s, why))
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
		((ev->flags & SMTP_LINE_BARE_CR) &&
			hides_command(span_sub(in, ev->off, ev->len)));
}

// What access rules and lists say of it, and what it then means. ENG_REFUSAL_COUNT: it goes.
static enum eng_refusal command_take(struct eng_worker *w, struct eng_session *s,
	const struct smtp_event *ev, uint32_t *rule)
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
		eng_cut(w, s, odd.code, odd.text, 0, false, odd.reason);
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

	if (entry != NULL)
		eng_shadow_ask(w, s, entry, ev, in, &asked); // before it changes anything
	bool goes = command_judge(w, s, ev, base, in, &r);
	if (entry != NULL)
		eng_shadow_command(w, s, entry, ev, &asked, &r);
	return goes;
}

// The message is spam: what its client is told. `in_body`: its end has not come yet.
static bool condemn(struct eng_worker *w, struct eng_session *s, const struct pol_content *content,
	bool in_body)
{
	struct eng_message *msg = s->message;

	s->refused += s->refused < UINT8_MAX;
	msg->judged = true;
	msg->id = eng_id_next(w);
	s->own_text = content->action != POL_CONTENT_DISCARD;
	eng_outcome(w, s, ENG_OUTCOME_CONDEMNED);
	switch (content->action) {
	case POL_CONTENT_TEMPFAIL:
		msg->verdict = ENG_VERDICT_TEMPFAILED;
		eng_cut(w, s, 451, ENG_TEXT_LATER, msg->id, in_body, ACT_TEMPFAILED);
		return false;
	case POL_CONTENT_DISCARD:
		msg->verdict = ENG_VERDICT_DISCARDED;
		eng_cut(w, s, 250, ENG_TEXT_DISCARDED, 0, in_body, ACT_DISCARDED);
		return false;
	default:
		msg->verdict = ENG_VERDICT_REJECTED;
		eng_cut(w, s, 550, ENG_TEXT_SPAM, msg->id, in_body, ACT_REJECTED);
		return false;
	}
}

// Bytes behind the end left before we knew that it ends here: the server would read them as
// commands that nobody judged, so it never gets the end.
static bool left_ahead(const struct eng_worker *w, const struct eng_session *s)
{
	const struct stream *st = &s->flow.stream;

	return stream_is_ahead(st, &w->smtp->pool, STREAM_CLIENT, st->half[STREAM_CLIENT].read);
}

static void judged(struct eng_worker *w, struct eng_session *s, enum eng_verdict verdict)
{
	s->message->verdict = (uint8_t)verdict;
	s->message->judged = true;
	if (verdict == ENG_VERDICT_MONITORED) {
		eng_count(w, ACT_MONITORED);
		eng_outcome(w, s, ENG_OUTCOME_CONDEMNED);
	} else {
		eng_count(w, MESSAGES_CLEAN);
	}
}

void eng_verdict(const struct eng_access *access, const struct pol_content *content,
	const struct eng_scan_result *result, struct eng_decision *out)
{
	*out = (struct eng_decision){.does = ENG_DOES_GO, .reason = ENG_REASON_NONE};
	if (access->to_discard) {
		*out = (struct eng_decision){.does = ENG_DOES_DISCARD,
			.code = 250,
			.reason = ACT_ACCESS_DISCARDED,
			.access = access->rule};
		return;
	}
	if (result == NULL) {
		out->does = ENG_DOES_UNSCANNED;
		return;
	}
	out->score = result->score;
	out->threshold = content == NULL ? 0 : content->threshold;
	memcpy(out->rules, result->rules, sizeof(out->rules));
	if (content == NULL || result->score <= content->threshold)
		return;
	switch (content->action) {
	case POL_CONTENT_MONITOR:
		out->does = ENG_DOES_MONITOR;
		out->reason = ACT_MONITORED;
		return;
	case POL_CONTENT_TEMPFAIL:
		out->does = ENG_DOES_REFUSE;
		out->code = 451;
		out->reason = ACT_TEMPFAILED;
		return;
	case POL_CONTENT_DISCARD:
		out->does = ENG_DOES_DISCARD;
		out->code = 250;
		out->reason = ACT_DISCARDED;
		return;
	default:
		out->does = ENG_DOES_REFUSE;
		out->code = 550;
		out->reason = ACT_REJECTED;
	}
}

// The verdict of the image in force, compared with the candidate's before anything is done by it.
static void verdict_of(struct eng_worker *w, struct eng_session *s,
	const struct pol_content *content, struct eng_decision *out)
{
	struct eng_message *msg = s->message;
	struct eng_shadow_entry *entry = NULL;
	struct eng_decision would;

	if (w->shadow != NULL)
		entry = eng_shadow_judge(w, s, &would);
	const bool scanned = msg->scan != NULL && !msg->access.to_discard;
	if (scanned)
		eng_message_scan_close(w, msg);
	eng_verdict(&msg->access, content, scanned ? &msg->result : NULL, out);
	if (entry == NULL)
		return;
	// Not scanned for want of memory: that says nothing of either.
	if (out->does == ENG_DOES_UNSCANNED && content != NULL && !msg->access.scan_dropped)
		eng_shadow_unfollowed(w, s);
	else
		eng_shadow_compare(w, s, entry, ENG_STAGE_CONTENT, out, &would);
}

static bool on_data_end(struct eng_worker *w, struct eng_session *s, const struct smtp_event *ev)
{
	const struct pol_content *content = eng_content(w, s);
	struct eng_message *msg = s->message;
	struct eng_decision d;

	s->messages += s->messages < UINT16_MAX;
	eng_count(w, MESSAGES);
	if (left_ahead(w, s)) {
		eng_cut(w, s, 451, ENG_TEXT_LATER, 0, false, ACT_AHEAD_CUT);
		return false;
	}
	if (msg == NULL)
		return true;
	msg->ended = true;
	msg->octets = ev->octets;
	verdict_of(w, s, content, &d);
	if (!eng_access_end(w, s, false))
		return false;
	switch (d.does) {
	case ENG_DOES_UNSCANNED:
		msg->judged = true;
		return true;
	case ENG_DOES_GO:
		judged(w, s, ENG_VERDICT_CLEAN);
		return true;
	case ENG_DOES_MONITOR:
		judged(w, s, ENG_VERDICT_MONITORED);
		return true;
	default:
		return condemn(w, s, content, false);
	}
}

// Where the message ends can't be told for every server, and what follows would matter to one.
static bool refuse_end(struct eng_worker *w, struct eng_session *s)
{
	struct eng_message *msg = s->message;

	if (msg != NULL) {
		msg->verdict = ENG_VERDICT_REJECTED;
		msg->judged = true;
		msg->id = eng_id_next(w);
	}
	s->refused += s->refused < UINT8_MAX;
	eng_shadow_unfollowed(w, s);
	eng_cut(w, s, 550, ENG_TEXT_END, msg == NULL ? 0 : msg->id, true, ACT_POSSIBLE_END_CUT);
	return false;
}

// From now on the server may take the message, whether or not we hear of it.
static bool end_goes(struct eng_session *s)
{
	if (s->message != NULL)
		s->message->rates.sent = true;
	return true;
}

// Some servers end the message here: it is judged as if they all did.
static bool on_possible_end(
	struct eng_worker *w, struct eng_session *s, const struct smtp_event *ev)
{
	enum {
		POSSIBLE_ENDS_MAX = 4
	}; // each costs a copy of the scan's streams: an honest text has few
	struct eng_message *msg = s->message;

	eng_count(w, ACT_POSSIBLE_END);
	if (left_ahead(w, s)) {
		eng_cut(w, s, 451, ENG_TEXT_LATER, 0, true, ACT_AHEAD_CUT);
		return false;
	}
	if (ev->count > POSSIBLE_ENDS_MAX || eng_profile(w, s)->refuse_possible_end)
		return refuse_end(w, s);
	if (!eng_access_end(w, s, true))
		return false;
	if (msg == NULL || msg->scan == NULL)
		return true;
	struct eng_scan_result r;
	const struct pol_content *content = eng_content(w, s);
	bool released = content == NULL || content->action == POL_CONTENT_MONITOR;
	if (!eng_scan_peek(msg->scan, &r)) {
		if (released)
			return true;
		msg->verdict = ENG_VERDICT_TEMPFAILED; // what can't be judged must not be ended
		msg->judged = true;
		eng_cut(w, s, 451, ENG_TEXT_LATER, 0, true, ACT_TEMPFAILED);
		return false;
	}
	bool condemned = content != NULL && r.score > content->threshold;
	msg->at_end = condemned ? ENG_VERDICT_MONITORED : ENG_VERDICT_CLEAN;
	if (released || !condemned)
		return true;
	msg->result = r;
	return condemn(w, s, content, true);
}

// The server took a message whose strict end it did not wait for: the verdict is that of the
// possible end which it took for one.
static void ended_by_server(struct eng_worker *w, struct eng_session *s)
{
	if (s->message->at_end == ENG_VERDICT_UNSCANNED)
		return;
	s->messages += s->messages < UINT16_MAX;
	eng_count(w, MESSAGES);
	judged(w, s, s->message->at_end);
}

static bool on_data_line(struct eng_worker *w, struct eng_session *s, const struct smtp_event *ev)
{
	switch (ev->verb) {
	case SMTP_VERB_MAIL:
	case SMTP_VERB_EHLO:
	case SMTP_VERB_HELO:
	case SMTP_VERB_DATA:
	case SMTP_VERB_BDAT:
	case SMTP_VERB_RSET:
	case SMTP_VERB_AUTH:
	case SMTP_VERB_STARTTLS:
	case SMTP_VERB_XCLIENT:
	case SMTP_VERB_BURL: // bring content by a way that is not read
	case SMTP_VERB_XEXCH50:
		return refuse_end(w, s);
	default:
		break;
	}
	return eng_message_data(w, s, ev->text);
}

// Does a server's reply, or ours, refuse? That of a message is no error of the session.
static bool is_error(const struct smtp_event *ev, bool ours)
{
	return ours
		? ev->code != 421
		: ev->code >= 500 && ev->verb != SMTP_VERB_NONE && ev->verb != SMTP_VERB_MESSAGE;
}

static void on_message_reply(struct eng_worker *w, struct eng_session *s, uint16_t code)
{
	struct eng_message *msg = s->message;
	const bool taken = code < 300;

	if (msg == NULL)
		return;
	if (!msg->ended && taken)
		ended_by_server(w, s);
	if (!msg->judged && msg->verdict == ENG_VERDICT_UNSCANNED && msg->scan != NULL)
		msg->verdict = ENG_VERDICT_ABORTED; // the server ended it before its end
	if (taken)
		eng_outcome(w, s, ENG_OUTCOME_ACCEPTED);
	eng_record_message(w, s, code);
	msg->rates.sent = taken;
	eng_message_done(w, s, code);
	if (eng_message_is_stale(s))
		eng_grouping(w, s);
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
		if (ev->code >= 500)
			eng_outcome(w, s, ENG_OUTCOME_RCPT_REFUSED);
		eng_message_rcpt_reply(s, ev->code);
		eng_rates_rcpt_reply(w, s, ev->code);
		if (w->shadow != NULL)
			eng_shadow_rcpt_reply(w, s, ev->code);
		break;
	case SMTP_VERB_MESSAGE:
		on_message_reply(w, s, ev->code);
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
		return on_data_line(w, s, ev);
	case SMTP_EV_POSSIBLE_END:
		if (on_possible_end(w, s, ev))
			return end_goes(s);
		eng_shadow_unfollowed(w, s);
		return false;
	case SMTP_EV_DATA_END:
		return on_data_end(w, s, ev) && end_goes(s);
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
		if (ev->code == 235)
			s->auth = true;
		else if (ev->code >= 500)
			eng_outcome(w, s, ENG_OUTCOME_AUTH_FAILED);
		return true;
	case SMTP_EV_DESYNC:
		return on_desync(w, s, ev, base, in);
	default:
		return true;
	}
}

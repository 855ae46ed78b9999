// SPDX-License-Identifier: BSD-3-Clause
// What becomes of a message: at its end, at what some servers take for its end, and at a reply by which its
// server ended it. The only place that decides a verdict; access rules (eng_access.c) have a say before
// the scan's result (eng_scan.c), and a candidate's verdict is compared here (eng_shadow.h).
// Thread: the worker.
#include <string.h>

#include "eng_shadow.h"

// What becomes of a message over its threshold, by the action of its content profile.
static const struct condemned {
	enum eng_does does;
	enum eng_verdict verdict;
	uint16_t code;
	enum eng_text text;
	enum eng_reason reason;
	bool told; // the client hears why: the profile's own text, the message's id
} CONDEMNED[POL_CONTENT_COUNT] = {
	[POL_CONTENT_REJECT] = {ENG_DOES_REFUSE, ENG_VERDICT_REJECTED, 550, ENG_TEXT_SPAM,
		ACT_REJECTED, true},
	[POL_CONTENT_TEMPFAIL] = {ENG_DOES_REFUSE, ENG_VERDICT_TEMPFAILED, 451, ENG_TEXT_LATER,
		ACT_TEMPFAILED, true},
	[POL_CONTENT_DISCARD] = {ENG_DOES_DISCARD, ENG_VERDICT_DISCARDED, 250, ENG_TEXT_DISCARDED,
		ACT_DISCARDED, false},
	[POL_CONTENT_MONITOR] = {ENG_DOES_MONITOR, ENG_VERDICT_MONITORED, 0, ENG_TEXT_NONE,
		ACT_MONITORED, false},
};

// The message is spam: what its client is told. `in_body`: its end has not come yet.
static bool condemn(struct eng_worker *w, struct eng_session *s, const struct pol_content *content,
	bool in_body)
{
	const struct condemned *c = &CONDEMNED[content->action];
	struct eng_message *msg = s->message;

	s->refused += s->refused < UINT8_MAX;
	msg->judged = true;
	msg->id = eng_id_next(w);
	msg->verdict = (uint8_t)c->verdict;
	s->own_text = c->told;
	eng_outcome(w, s, ENG_OUTCOME_CONDEMNED);
	eng_cut(w, s, c->code, c->text, c->told ? msg->id : 0, in_body, c->reason);
	return false;
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
	const struct condemned *c = &CONDEMNED[content->action];

	out->does = c->does;
	out->code = c->code;
	out->reason = c->reason;
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

static bool data_end(struct eng_worker *w, struct eng_session *s, const struct smtp_event *ev)
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
static bool possible_end(struct eng_worker *w, struct eng_session *s, const struct smtp_event *ev)
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

bool eng_verdict_end(struct eng_worker *w, struct eng_session *s, const struct smtp_event *ev)
{
	return data_end(w, s, ev) && end_goes(s);
}

bool eng_verdict_possible_end(
	struct eng_worker *w, struct eng_session *s, const struct smtp_event *ev)
{
	if (possible_end(w, s, ev))
		return end_goes(s);
	eng_shadow_unfollowed(w, s);
	return false;
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

bool eng_verdict_line(struct eng_worker *w, struct eng_session *s, const struct smtp_event *ev)
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

void eng_verdict_reply(struct eng_worker *w, struct eng_session *s, uint16_t code)
{
	struct eng_message *msg = s->message;
	const bool taken = code < 300;

	if (msg == NULL)
		return;
	if (!msg->ended && taken)
		ended_by_server(w, s);
	if (!msg->judged && msg->verdict == ENG_VERDICT_UNSCANNED && msg->scan != NULL)
		msg->verdict = ENG_VERDICT_ABORTED; // the server ended it before its end
	if (taken && msg->verdict != ENG_VERDICT_MONITORED) // that one was told as condemned
		eng_outcome(w, s, ENG_OUTCOME_ACCEPTED);
	eng_record_message(w, s, code);
	msg->rates.sent = taken;
	eng_message_done(w, s, code);
	if (eng_message_is_stale(s))
		eng_grouping(w, s);
}

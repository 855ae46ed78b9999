// SPDX-License-Identifier: BSD-3-Clause
// The open message of a session and its scan. What the server does with a command is known only
// from its reply, so no command ends a message: a MAIL that is sent while one is open opens a
// second one beside it, and the replies say which of the two lives. Content always finds a message:
// where none is open at its begin, one is opened then.
// Messages and memory for their scans are limited; where there are none one that has stalled gives its own.
// Thread: the worker.
#include "eng_shadow.h"

static void copy_cut(char *to, uint8_t *to_len, size_t cap, struct span from)
{
	size_t n = from.n < cap ? from.n : cap;

	if (n > 0)
		memcpy(to, from.p, n);
	*to_len = (uint8_t)n;
}

enum { SEEN_STEP_MS = 1000 };

// Every message is in one of two queues, in the order of the last byte that each saw, or of the one a second before
// that: to move one to the end is to write to its two neighbours, which are cold.
static struct eng_queue *queue_of(struct eng_smtp *p, const struct eng_message *msg)
{
	return msg->scan != NULL ? &p->scanned : &p->unscanned;
}

static void queue_out(struct eng_smtp *p, struct eng_message *msg)
{
	struct eng_queue *queue = queue_of(p, msg);

	if (msg->older == NULL)
		queue->oldest = msg->newer;
	else
		msg->older->newer = msg->newer;
	if (msg->newer == NULL)
		queue->newest = msg->older;
	else
		msg->newer->older = msg->older;
	msg->older = msg->newer = NULL;
}

static void queue_in(struct eng_smtp *p, struct eng_message *msg)
{
	struct eng_queue *queue = queue_of(p, msg);

	msg->seen_ms = p->now_ms;
	msg->older = queue->newest;
	msg->newer = NULL;
	if (queue->newest == NULL)
		queue->oldest = msg;
	else
		queue->newest->newer = msg;
	queue->newest = msg;
}

static bool has_stalled(
	const struct eng_smtp *p, const struct eng_session *asking, const struct eng_message *msg)
{
	return msg != NULL && msg->session != asking &&
		p->now_ms - msg->seen_ms >= ENG_STALLED_MS + SEEN_STEP_MS;
}

// A message that has stalled gives up what it has. Its session is cut; but where its server has all of it and
// takes its time, nobody has to hear of that, if it is not to be remembered (eng_message_done).
static void reclaim(struct eng_worker *w, struct eng_message *msg)
{
	struct eng_session *s = msg->session;

	if (msg->ended && (!msg->bdat || msg->recipients > 0)) {
		eng_message_abort(w, s);
		return;
	}
	eng_cut(w, s, 451, ENG_TEXT_STALLED, 0, true, ACT_SCAN_TAKEN);
	s->more = true; // its reply leaves by its timer: another session is being read now
	eng_timer_update(w, s);
}

// The scan that has stalled longest; true where that gave memory back.
static bool scan_reclaim(struct eng_worker *w, const struct eng_session *asking)
{
	struct eng_message *msg = w->smtp->scanned.oldest;

	if (!has_stalled(w->smtp, asking, msg))
		return false;
	reclaim(w, msg);
	return true;
}

// A message of either kind.
static bool message_reclaim(struct eng_worker *w, const struct eng_session *asking)
{
	struct eng_message *msg = w->smtp->unscanned.oldest;

	if (!has_stalled(w->smtp, asking, msg))
		return scan_reclaim(w, asking);
	reclaim(w, msg);
	return true;
}

static void scan_open(struct eng_worker *w, struct eng_session *s, struct eng_message *msg)
{
	if (eng_content(w, s) == NULL) {
		eng_count(w, PASS_NO_PROFILE);
		return;
	}
	struct eng_scan *scan = eng_scan_open(w, w->image, eng_groups(w, s));
	if (scan == NULL && scan_reclaim(w, s))
		scan = eng_scan_open(w, w->image, eng_groups(w, s));
	if (scan == NULL) {
		eng_count(w, PASS_NO_SCAN_MEMORY);
		return;
	}
	queue_out(w->smtp, msg);
	msg->scan = scan;
	queue_in(w->smtp, msg);
	char buf[ENG_HELO_MAX];
	struct span helo = eng_helo_get(w, s, buf);
	if (helo.n > 0)
		eng_scan_value(msg->scan, POL_SCOPE_HELO, helo);
}

// Most of a message is long texts, which are cold and need no zeroing.
static void message_zero(struct eng_message *msg)
{
	const size_t from = offsetof(struct eng_message, session);

	memset(msg, 0, offsetof(struct eng_message, header.subject));
	memset((uint8_t *)msg + from, 0, offsetof(struct eng_message, refused) - from);
}

// Asks for what message_zero writes.
static void message_prefetch(const struct eng_message *msg)
{
	const uint8_t *p = (const uint8_t *)msg;

	if (msg == NULL)
		return;
	__builtin_prefetch(p, 1);
	for (size_t at = offsetof(struct eng_message, session);
		at < offsetof(struct eng_message, refused); at += RTE_CACHE_LINE_SIZE)
		__builtin_prefetch(p + at, 1);
}

static struct eng_message *message_new(struct eng_worker *w, struct eng_session *s)
{
	struct eng_smtp *p = w->smtp;

	if (p->free_message == NULL && !message_reclaim(w, s)) {
		eng_count(w, PASS_NO_SCAN_MEMORY);
		return NULL;
	}
	struct eng_message *msg = p->free_message;
	p->free_message = msg->next;
	message_prefetch(p->free_message);
	message_zero(msg);
	msg->session = s;
	msg->why = ENG_REASON_NONE;
	msg->verdict = msg->at_end = ENG_VERDICT_UNSCANNED;
	w->counters[GAUGE_MESSAGES]++;
	queue_in(p, msg);
	scan_open(w, s, msg);
	return msg;
}

void eng_message_scan_drop(struct eng_worker *w, struct eng_message *msg)
{
	queue_out(w->smtp, msg);
	eng_scan_abort(msg->scan);
	msg->scan = NULL;
	queue_in(w->smtp, msg);
}

static void message_free(struct eng_worker *w, struct eng_message *msg)
{
	struct eng_smtp *p = w->smtp;

	if (msg == NULL)
		return;
	if (msg->scan != NULL)
		eng_message_scan_drop(w, msg);
	eng_access_release(w, msg);
	if (msg->shadow_run != 0)
		eng_shadow_message_end(w, msg);
	eng_rates_end(w, &msg->rates);
	queue_out(p, msg);
	msg->next = p->free_message;
	p->free_message = msg;
	w->counters[GAUGE_MESSAGES]--;
}

void eng_message_scan_close(struct eng_worker *w, struct eng_message *msg)
{
	queue_out(w->smtp, msg);
	eng_scan_close(msg->scan, &msg->result);
	msg->scan = NULL;
	queue_in(w->smtp, msg);
}

struct eng_message *eng_message_mail(
	struct eng_worker *w, struct eng_session *s, const struct smtp_event *ev)
{
	// Out of place, or behind a reset that the server may refuse, it leaves the recipients where they are.
	const uint32_t asked =
		s->message != NULL && s->message->left ? 0 : eng_message_asked(s);
	struct eng_message **place = s->message == NULL ? &s->message : &s->message->following;

	const bool another = *place == NULL;
	if (another)
		*place = message_new(w, s);
	struct eng_message *msg = *place;
	if (msg == NULL)
		return NULL;
	if (another)
		msg->asked = asked;
	msg->mails++;
	copy_cut(msg->from, &msg->from_len, sizeof(msg->from), ev->path);
	if (msg->scan != NULL)
		eng_scan_value(msg->scan, POL_SCOPE_MAIL, ev->path);
	return msg;
}

void eng_message_rcpt(struct eng_session *s, struct span path)
{
	struct eng_message *both[2] = {
		s->message, s->message == NULL ? NULL : s->message->following};

	for (int i = 0; i < 2; i++) {
		struct eng_message *msg = both[i];
		if (msg == NULL)
			continue;
		msg->asked++;
		if (msg->to_len == 0)
			copy_cut(msg->to, &msg->to_len, sizeof(msg->to), path);
		if (msg->scan != NULL)
			eng_scan_value(msg->scan, POL_SCOPE_RCPT, path);
	}
}

// The reply may be about either: the one that it is not about has a recipient less to its limit, of many.
// Before that to its MAIL it is to a recipient of none.
void eng_message_rcpt_reply(struct eng_session *s, uint16_t code)
{
	struct eng_message *msg = s->message;

	if (msg == NULL)
		return;
	if (code < 300)
		msg->recipients++;
	if (code < 400 || !msg->accepted)
		return;
	msg->asked -= msg->asked > 0;
	if (msg->following != NULL)
		msg->following->asked -= msg->following->asked > 0;
}

uint32_t eng_message_asked(const struct eng_session *s)
{
	if (s->message == NULL)
		return 0;
	const struct eng_message *next = s->message->following;
	return next == NULL ? s->message->asked : next->asked;
}

// The first message is over; the one behind it takes its place.
static void message_shift(struct eng_worker *w, struct eng_session *s)
{
	struct eng_message *msg = s->message;

	s->message = msg == NULL ? NULL : msg->following;
	message_free(w, msg);
}

void eng_message_mail_reply(struct eng_worker *w, struct eng_session *s, uint16_t code)
{
	struct eng_message *msg = s->message;
	bool ok = code < 400;

	if (msg == NULL)
		return;
	if (!msg->accepted ||
		msg->mails > 0) { // replies come in order: this one is the first message's
		if (msg->mails > 0)
			msg->mails--;
		msg->accepted |= ok;
		// Chunks that flow already may belong to an older transaction of the server's:
		// they are read to their end.
		if (!msg->accepted && msg->mails == 0 && !msg->data)
			message_shift(w, s);
		return;
	}
	struct eng_message *next = msg->following;
	if (next == NULL)
		return;
	next->mails--;
	next->accepted |= ok;
	if (ok) {
		message_shift(w, s);
	} else if (next->mails == 0) {
		message_free(w, next);
		msg->following = NULL;
	}
}

void eng_message_reset_reply(struct eng_worker *w, struct eng_session *s)
{
	struct eng_message *msg = s->message;

	if (msg == NULL || (!msg->accepted && msg->mails > 0)) // its MAIL was sent behind the reset
		return;
	if (msg->data && !msg->judged) {
		msg->verdict = ENG_VERDICT_ABORTED;
		eng_record_message(w, s, 0);
	}
	message_shift(w, s);
}

bool eng_message_begin(struct eng_worker *w, struct eng_session *s, bool bdat)
{
	if (s->message != NULL &&
		s->message->following !=
			NULL) // content while two transactions are open: nobody honest does that
		return false;
	if (s->message == NULL)
		s->message = message_new(w, s);
	else if (s->message->stale && s->message->scan == NULL)
		scan_open(w, s, s->message);
	if (s->message != NULL) {
		if (!s->message->data)
			eng_header_begin(&s->message->header);
		s->message->data = true;
		s->message->bdat = bdat;
		eng_limits_message(w, s, s->message);
	}
	eng_access_begin(w, s);
	return true;
}

static void message_scan(struct eng_message *msg, struct span text, size_t head)
{
	eng_scan_header(msg->scan, span_sub(text, 0, head));
	eng_scan_body(msg->scan, span_from(text, head));
}

bool eng_message_data(struct eng_worker *w, struct eng_session *s, struct span text)
{
	struct eng_message *msg = s->message;

	if (msg == NULL)
		return true;
	const size_t head = eng_header_read(&msg->header, text);
	if (msg->scan != NULL)
		message_scan(msg, text, head);
	if (w->smtp->now_ms - msg->seen_ms >= SEEN_STEP_MS) {
		queue_out(w->smtp, msg);
		queue_in(w->smtp, msg);
	}
	return msg->plain || eng_limits_data(w, s, text, head);
}

// Behind a last chunk without recipients Exim is in the transaction still, where its MAIL holds and another
// is refused.
void eng_message_done(struct eng_worker *w, struct eng_session *s, uint16_t code)
{
	struct eng_message *msg = s->message;

	if (code < 400 || !msg->bdat || !msg->accepted || msg->recipients > 0) {
		message_shift(w, s);
		return;
	}
	if (msg->scan != NULL)
		eng_message_scan_drop(w, msg);
	msg->data = msg->bdat = msg->ended = msg->judged = false;
	msg->chunks_taken = msg->chunks_refused = false;
	msg->verdict = msg->at_end = ENG_VERDICT_UNSCANNED;
	msg->stale = true;
}

bool eng_message_is_stale(const struct eng_session *s)
{
	return s->message != NULL && s->message->stale;
}

void eng_message_abort(struct eng_worker *w, struct eng_session *s)
{
	if (s->flow.lane == ENG_LANE_ANSWER) // its messages went when that began
		return;
	struct eng_message *msg = s->message;

	if (msg != NULL && msg->data) { // its bytes went by, and no reply came
		if (!msg->judged)
			msg->verdict = ENG_VERDICT_ABORTED;
		eng_record_message(w, s, 0);
	}
	while (s->message != NULL)
		message_shift(w, s);
}

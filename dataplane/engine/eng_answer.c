// SPDX-License-Identifier: BSD-3-Clause
// We speak SMTP in the server's place: refused at connect, or after a cut. The bytes go through the
// stream's small sender; the dialogue is the shortest that an honest client understands (RFC 5321
// 3.1, 3.8): 554 greeting, then 503 to all but QUIT; after a verdict the next command is answered,
// then FIN. What a cut-off server still sends is answered with a reset.
// Thread: the worker.
#include <stdio.h>
#include <string.h>

#include "eng_reputation.h"
#include "eng_session.h"
#include "seq.h"
#include "text.h"

enum {
	COMMANDS_MAX = 10,
	CUT_REPEATS = 3,
	LINE_MAX_UNREAD = 4096, // bytes
	TEXT_MAX = 300,         // octets of a reply's text
	MSS_V4_BYTES = 1460,    // of Ethernet's 1500
	MSS_V6_BYTES = 1440,
};

static void say(struct eng_worker *w, struct eng_session *s, const char *line)
{
	(void)stream_say(&s->flow.stream, &w->smtp->pool,
		span_str(line)); // no slab: the dialogue's deadline ends it
}

// `text` but for a "try again later" that `when` says better.
static int text_len(const char *text, bool timed)
{
	static const char later[] = ", try again later";
	const size_t n = strnlen(text, TEXT_MAX), tail = sizeof(later) - 1;

	return (int)(timed && n >= tail && memcmp(text + n - tail, later, tail) == 0 ? n - tail
										     : n);
}

struct span eng_reply_line(
	uint16_t code, const char *text, uint32_t retry_s, uint64_t id, char *line)
{
	const uint32_t minutes = retry_s / 60 + (retry_s % 60 != 0);
	const int n = text_len(text, minutes > 0);
	char shown[TEXT_ID_LEN + 1], when[48] = "";
	const char *enhanced = code == 550 || code == 554 ? "5.7.1 "
		: code == 451 || code == 421              ? "4.7.1 "
							  : "";

	if (text[0] >= '0' && text[0] <= '9') // carries its own enhanced code
		enhanced = "";
	if (minutes > 0)
		snprintf(when, sizeof(when), ", try again in %u minute%s", minutes,
			minutes == 1 ? "" : "s");
	if (id != 0)
		snprintf(line, ENG_REPLY_MAX, "%u %s%.*s%s (mw-%s)\r\n", code, enhanced, n, text,
			when, text_id(id, shown));
	else
		snprintf(line, ENG_REPLY_MAX, "%u %s%.*s%s\r\n", code, enhanced, n, text, when);
	return span_str(line);
}

static const char *const texts[ENG_TEXT_COUNT] = {
	[ENG_TEXT_NONE] = "",
	[ENG_TEXT_SPAM] = "Message refused as spam",
	[ENG_TEXT_LATER] = "Message deferred, try again later",
	[ENG_TEXT_END] = "Message refused: commands behind an unclear end of data",
	[ENG_TEXT_DESYNC] = "Closing connection: protocol error",
	[ENG_TEXT_STALLED] = "Message timed out, try again later",
	[ENG_TEXT_LIMIT] = "4.7.0 Too many refused commands",
	[ENG_TEXT_MEMORY] = "4.3.0 Try again later",
	[ENG_TEXT_LINE_END] = "5.5.2 Line end refused",
	[ENG_TEXT_DISCARDED] = "2.0.0 Ok",
	[ENG_TEXT_REFUSED] = "Connection refused by policy",
	[ENG_TEXT_UNAVAILABLE] = "Service not available, try again later",
	[ENG_TEXT_DRAINING] = "4.3.2 Service not available, try again later",
	[ENG_TEXT_ENDPOINT] = "Rejected by endpoint reputation",
	[ENG_TEXT_SENDER] = "Rejected by sender reputation",
	[ENG_TEXT_SENDER_LATER] = "Deferred by sender reputation, try again later",
	[ENG_TEXT_ERRORS] = "4.7.0 Too many errors",
	[ENG_TEXT_HELOS] = "4.7.0 Too many HELO commands",
	[ENG_TEXT_MAILS] = "4.7.0 Too many messages in a session",
	[ENG_TEXT_NOOPS] = "4.7.0 Too many NOOP commands",
	[ENG_TEXT_RSETS] = "4.7.0 Too many RSET commands",
	[ENG_TEXT_SIZE] = "5.3.4 Message size exceeds limit",
	[ENG_TEXT_HEADER] = "5.3.4 Message header size exceeds limit",
	[ENG_TEXT_CLIENT_CONNECTIONS] = "4.7.0 Too many connections at a time, try again later",
	[ENG_TEXT_CLIENT_RATE] = "4.7.0 Too many connections of late, try again later",
	[ENG_TEXT_TOTAL_CONNECTIONS] = "4.3.2 Too many connections here, try again later",
};

static enum eng_text refusal_text(const struct eng_refused *why)
{
	const bool forever = why->code == eng_refuse_code(POL_REJECT);

	if (why->reason == ACT_ENDPOINT_CONNECT)
		return ENG_TEXT_ENDPOINT;
	if (why->reason == ACT_REFUSED_DRAINING)
		return ENG_TEXT_DRAINING;
	if (why->reason == ACT_SENDER_CONNECT)
		return forever ? ENG_TEXT_SENDER : ENG_TEXT_SENDER_LATER;
	return forever ? ENG_TEXT_REFUSED : ENG_TEXT_UNAVAILABLE;
}

struct span eng_greeting(const struct eng_refused *why, char *line)
{
	return eng_reply_line(why->code, texts[refusal_text(why)], why->retry_s, why->id, line);
}

// The content profile's own text, as long as its image is in force; NULL where it has none.
static const char *own_text(const struct eng_worker *w, const struct eng_session *s)
{
	const struct pol_image *img = w->image == NULL ? NULL : eng_image_policy(w->image);

	if (!s->own_text || img == NULL || pol_head(img)->version != eng_image_of(w, s) ||
		s->policy == ENG_INDEX_NONE)
		return NULL;
	const uint32_t content = pol_policy_at(img, s->policy)->content;
	if (content == POL_NONE)
		return NULL;
	const char *text = pol_string(img, pol_content_at(img, content)->text);
	return text[0] == '\0' ? NULL : text;
}

static void say_verdict(struct eng_worker *w, struct eng_session *s)
{
	const char *own = own_text(w, s);
	char line[ENG_REPLY_MAX];

	(void)eng_reply_line(
		s->reply_code, own != NULL ? own : texts[s->reply_text], 0, s->reply_id, line);
	say(w, s, line);
}

static void hang_up(struct eng_session *s)
{
	stream_hang_up(&s->flow.stream);
	s->dialog = ENG_DIALOG_OVER;
}

// A server that waits for the rest of a message says nothing that would bring it another reset: ours
// may have been lost, so it is repeated a few times at the numbers of the cut.
static void cut_note(struct eng_session *s, uint32_t now_ms)
{
	const struct stream_half *client = &s->flow.stream.half[STREAM_CLIENT];

	s->cut_seq[0] = client->sent + (client->fin_sent ? 1 : 0);
	s->cut_seq[1] = client->una;
	s->cut_left = CUT_REPEATS;
	s->cut_at_ms = now_ms + ENG_CUT_REPEAT_MS;
}

static void cut_repeat(struct eng_worker *w, struct eng_session *s)
{
	uint32_t now_ms = w->smtp->now_ms;

	if (s->cut_left == 0 || seq_lt(now_ms, s->cut_at_ms))
		return;
	for (int i = 0; i < (s->cut_seq[0] == s->cut_seq[1] ? 1 : 2); i++) {
		struct wire_tcp_out o = {.seq = s->cut_seq[i], .flags = TCP_RST};

		eng_count(w, ACT_REPEATED);
		eng_send(w, s, STREAM_CLIENT, &o, true);
	}
	s->cut_left--;
	s->cut_at_ms = now_ms + ((uint32_t)ENG_CUT_REPEAT_MS << 2 * (CUT_REPEATS - s->cut_left));
}

// Is nothing left to do for the server? Its reset is repeated as often as there is; where others need the
// place, once: a grave answers what it sends after that.
static bool is_told(const struct eng_worker *w, const struct eng_session *s)
{
	return s->cut_left == 0 || (s->cut_left < CUT_REPEATS && eng_is_crowded(w->smtp));
}

// Behind a possible end the client may be waiting for its reply, or have more to send.
static void body_deadline(struct eng_session *s, uint32_t now_ms)
{
	s->dialog_at_ms = now_ms + (s->smtp.possible_ends > 0 ? ENG_END_QUIET_MS : ENG_BODY_MS);
}

// The lane's begin: what reading had is given back, its place taken. No effect where it has begun.
static void lane_begin(struct eng_worker *w, struct eng_session *s)
{
	if (s->flow.lane == ENG_LANE_ANSWER)
		return;
	eng_message_abort(w, s);
	eng_holds_end(w, s);
	eng_helo_drop(w, s);
	eng_tickets_give(w, s);
	s->flow.lane = ENG_LANE_ANSWER;
	s->reply_id = 0;
	s->reply_code = 0;
	s->reply_text = ENG_TEXT_NONE;
	s->dialog_commands = s->cut_left = 0;
}

void eng_cut(struct eng_worker *w, struct eng_session *s, uint16_t code, enum eng_text text,
	uint64_t id, bool in_body, enum eng_reason r)
{
	struct eng_smtp *p = w->smtp;

	eng_count(w, r);
	s->reason = (uint8_t)r;
	if (s->tarpit) {
		eng_settle(w, s);
		if (s->flow.lane == ENG_LANE_ANSWER) // cut there
			return;
	}
	if (s->message != NULL) {
		if (!s->message->judged)
			s->message->verdict = ENG_VERDICT_ABORTED;
		eng_record_message(w, s, code);
		s->message->data = false; // told
	}
	eng_reset_side(w, s, STREAM_SERVER);
	lane_begin(w, s);
	cut_note(s, p->now_ms);
	stream_cut(&s->flow.stream, &p->pool);
	s->dialog_at_ms = p->now_ms + ENG_DIALOG_MS;
	s->reply_code = code;
	s->reply_text = (uint8_t)text;
	s->reply_id = id;
	if (in_body && smtp_in_message(&s->smtp)) {
		s->dialog = ENG_DIALOG_BODY;
		body_deadline(s, p->now_ms);
		return;
	}
	if (code != 0)
		say_verdict(w, s);
	s->dialog = ENG_DIALOG_CUT;
	if (code == 421 || code == 500 || code == 0)
		hang_up(s);
}

static bool is_quit(struct span line)
{
	static const char quit[] = "QUIT";
	size_t at = 0;

	while (at < line.n && (line.p[at] == ' ' || line.p[at] == '\t'))
		at++;
	for (size_t i = 0; i < 4; i++) {
		if (at + i >= line.n || (line.p[at + i] & ~0x20) != quit[i])
			return false;
	}
	return at + 4 == line.n || line.p[at + 4] <= ' ';
}

static void on_line(struct eng_worker *w, struct eng_session *s, struct span line)
{
	if (is_quit(line)) {
		say(w, s, "221 2.0.0 Bye\r\n");
		hang_up(s);
		return;
	}
	if (s->dialog == ENG_DIALOG_CUT) {
		say(w, s, "421 4.7.0 Closing connection after a refused message\r\n");
		hang_up(s);
		return;
	}
	if (++s->dialog_commands >= COMMANDS_MAX) {
		say(w, s, "421 4.7.0 Too many commands\r\n");
		hang_up(s);
		return;
	}
	say(w, s, "503 5.5.1 Connection refused, only QUIT is allowed\r\n");
}

// The rest of a message that was condemned early: swallowed until its end, then the reply.
static size_t body_swallow(struct eng_worker *w, struct eng_session *s, struct span in)
{
	struct smtp_event ev[ENG_EVENTS];
	size_t count = 0, n = smtp_feed(&s->smtp, SMTP_CLIENT, in, ev, ENG_EVENTS, &count);

	for (size_t i = 0; i < count; i++) {
		if (ev[i].kind != SMTP_EV_DATA_END && ev[i].kind != SMTP_EV_DESYNC)
			continue;
		say_verdict(w, s);
		s->dialog = ENG_DIALOG_CUT;
		s->dialog_at_ms = w->smtp->now_ms + ENG_DIALOG_MS;
		if (ev[i].kind == SMTP_EV_DESYNC)
			hang_up(s);
	}
	return n;
}

static void dialog_read(struct eng_worker *w, struct eng_session *s)
{
	struct eng_smtp *p = w->smtp;
	struct stream *st = &s->flow.stream;

	for (;;) {
		struct span in =
			stream_unread(st, &p->pool, STREAM_CLIENT, true, p->line, sizeof(p->line));
		size_t n = in.n;
		if (n == 0)
			return;
		if (s->dialog == ENG_DIALOG_BODY) {
			n = body_swallow(w, s, in);
			if (n == 0 && s->dialog == ENG_DIALOG_BODY)
				return;
			if (s->dialog == ENG_DIALOG_BODY && s->smtp.possible_ends > 0)
				body_deadline(s, p->now_ms);
		} else if (s->dialog == ENG_DIALOG_CUT || s->dialog == ENG_DIALOG_REFUSED) {
			const uint8_t *lf = memchr(in.p, '\n', in.n);
			if (lf == NULL && in.n < LINE_MAX_UNREAD)
				return;
			n = lf == NULL ? in.n : (size_t)(lf - in.p) + 1;
			if (lf != NULL)
				on_line(w, s, span_sub(in, 0, n));
		} else if (s->dialog == ENG_DIALOG_NONE) {
			return; // bytes before our greeting wait for it
		}
		stream_consume(st, STREAM_CLIENT, (uint32_t)n);
	}
}

void eng_answer_refuse_consume(struct eng_worker *w, struct eng_session *s, struct rte_mbuf *m,
	struct stream_seg *seg, uint32_t isn, const struct eng_refused *why)
{
	struct eng_refused refused = *why;
	char line[ENG_REPLY_MAX];

	stream_answer(&s->flow.stream, isn,
		addr_is_v4(&s->flow.key.client) ? MSS_V4_BYTES : MSS_V6_BYTES);
	s->reply_id = refused.id = eng_id_next(w);
	s->reply_code = why->code;
	s->reply_text = (uint8_t)refusal_text(why);
	s->reason = (uint8_t)refused.reason;
	s->dialog = ENG_DIALOG_REFUSED;
	s->dialog_at_ms = w->smtp->now_ms + ENG_DIALOG_MS;
	eng_count(w, (enum eng_reason)refused.reason);
	eng_record_refused(w, s, &refused);
	refused.retry_s = eng_reputation_retry(w, &s->flow.key, (enum eng_reason)refused.reason);
	(void)eng_greeting(&refused, line);
	say(w, s, line);
	if (why->code == 421)
		hang_up(s);
	eng_pump(w, s); // now: there may be no room for what the client's segment holds
	eng_timer_update(w, s);
	eng_answer_consume(w, s, m, seg);
}

void eng_session_remnant(struct eng_worker *w, struct eng_session *s)
{
	struct eng_smtp *p = w->smtp;

	eng_message_abort(w, s);
	if (!s->recorded)
		eng_record_session(w, s);
	lane_begin(w, s);
	if (is_told(w, s)) {
		eng_session_end(w, s);
		return;
	}
	s->flow.state = FLOW_CLOSING;
	s->dialog = ENG_DIALOG_OVER;
	s->dialog_at_ms = p->now_ms + ENG_CLOSING_MS;
	eng_holds_end(w, s);
	s->more = false;
	stream_close(&s->flow.stream, &p->pool);
	eng_timer_update(w, s);
}

static bool input_ok(
	struct eng_worker *w, struct eng_session *s, struct rte_mbuf *m, struct stream_seg *seg)
{
	switch (stream_input(&s->flow.stream, &w->smtp->pool, seg)) {
	case STREAM_IN_RST:
		rte_pktmbuf_free(m);
		eng_session_remnant(w, s);
		return false;
	case STREAM_IN_RST_ODD:
	case STREAM_IN_DROP_WINDOW:
		eng_drop(w, m, DROP_WINDOW);
		return false;
	case STREAM_IN_BYPASSED:
	case STREAM_IN_DROP_ACK:
		eng_drop(w, m, DROP_ACK);
		return false;
	case STREAM_IN_DROP_PAWS:
		eng_drop(w, m, DROP_PAWS);
		return false;
	case STREAM_IN_DROP_FLAGS:
		eng_drop(w, m, DROP_TCP_FLAGS);
		return false;
	case STREAM_IN_DROP_SLABS:
		eng_drop(w, m, DROP_NO_SLAB);
		return false;
	default:
		return true;
	}
}

// The client's segment. false: nothing more is to be done with it.
static bool take_segment_consume(
	struct eng_worker *w, struct eng_session *s, struct rte_mbuf *m, struct stream_seg *seg)
{
	if (s->flow.state == FLOW_CLOSING) {
		eng_reset_again_consume(w, m);
		return false;
	}
	if (!input_ok(w, s, m, seg))
		return false;
	(void)flow_note(w->smtp->flows, &s->flow, STREAM_CLIENT, // else it looks as before
		eng_frame_of(m), &eng_meta_of(m)->view, eng_meta_of(m)->in_port);
	eng_count(w, ACT_ANSWERED);
	rte_pktmbuf_free(m);
	return true;
}

void eng_answer_consume(
	struct eng_worker *w, struct eng_session *s, struct rte_mbuf *m, struct stream_seg *seg)
{
	struct stream *st = &s->flow.stream;
	struct stream_act act;

	if (seg != NULL && seg->side == STREAM_SERVER) {
		eng_reset_again_consume(w, m);
		return;
	}
	bool wants_ack = seg != NULL && (seg->payload.n > 0 || (seg->flags & TCP_FIN) != 0);
	if (seg != NULL && !take_segment_consume(w, s, m, seg))
		return;
	dialog_read(w, s);
	const struct stream_half *client = &st->half[STREAM_CLIENT];
	if (client->has_fin && client->read == client->fin)
		hang_up(s);
	bool news = stream_take(st, &w->smtp->pool, STREAM_CLIENT, &act);
	stream_discard(st, &w->smtp->pool);
	uint64_t built = w->counters[SMTP_BUILT];
	eng_pump(w, s);
	if ((news || wants_ack) && w->counters[SMTP_BUILT] == built)
		eng_emit_consume(w, s, &act, NULL);
	if (s->dialog == ENG_DIALOG_OVER && stream_is_drained(st) && client->has_fin &&
		client->read == client->fin) {
		eng_session_remnant(w, s);
		return;
	}
	eng_timer_update(w, s);
}

void eng_answer_timer(struct eng_worker *w, struct eng_session *s)
{
	struct eng_smtp *p = w->smtp;
	bool due = seq_le(s->dialog_at_ms, p->now_ms), dead = false;

	s->more = false;
	cut_repeat(w, s);
	if (s->flow.state == FLOW_CLOSING) {
		if (due || is_told(w, s))
			eng_session_end(w, s);
		else
			eng_timer_update(w, s);
		return;
	}
	(void)stream_timer(&s->flow.stream, STREAM_SERVER, p->now_ms, &dead);
	if (dead || (due && s->dialog == ENG_DIALOG_OVER)) {
		eng_reset_side(w, s, STREAM_CLIENT);
		eng_session_remnant(w, s);
		return;
	}
	if (due) {
		if (s->dialog == ENG_DIALOG_BODY) // told now, though its end never came
			say_verdict(w, s);
		hang_up(s);
		s->dialog_at_ms = p->now_ms + ENG_CLOSING_MS;
	}
	eng_pump(w, s);
	eng_timer_update(w, s);
}

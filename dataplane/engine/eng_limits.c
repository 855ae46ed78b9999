// SPDX-License-Identifier: BSD-3-Clause
// Limits of a session profile that show only as a session goes on: refused commands and recipients, which
// make replies wait and in the end cut the session; sizes of a message and its header.
// Thread: the worker.
#include "eng_shadow.h"
#include "seq.h"

void eng_limit_cut(struct eng_worker *w, struct eng_session *s, const struct eng_limit *limit,
	uint32_t max, uint32_t value, bool in_body)
{
	const struct eng_refused told = {
		.id = eng_id_next(w),
		.code = limit->code,
		.reason = (uint16_t)limit->reason,
		.limit = max,
		.value = value,
	};

	eng_record_refused(w, s, &told);
	if (in_body && s->message != NULL) {
		s->refused += s->refused < UINT8_MAX;
		s->message->judged = true;
		s->message->verdict = ENG_VERDICT_REJECTED;
		s->message->id = told.id;
	}
	eng_cut(w, s, limit->code, limit->text, told.id, in_body, limit->reason);
}

// ---- errors

// The reply waits; what its server said is ours meanwhile, so that it need not be said again.
static void tarpit(struct eng_worker *w, struct eng_session *s, uint32_t delay_ms)
{
	eng_count(w, ACT_TARPIT);
	s->tarpit = true;
	s->hold_on |= 1u << STREAM_SERVER;
	s->hold_at_ms[STREAM_SERVER] = w->smtp->now_ms + delay_ms;
	eng_custody_take(w, s, STREAM_SERVER);
}

static uint32_t delay_ms(const struct pol_session *profile, uint32_t errors)
{
	if (errors <= profile->errors_free)
		return 0;
	uint32_t further = errors - profile->errors_free - 1;
	uint32_t s = profile->error_delay_s + further * profile->error_delay_step_s;
	return (s < POL_DELAY_MAX_S ? s : POL_DELAY_MAX_S) * 1000;
}

struct eng_error eng_error_rule(
	const struct eng_session *s, const struct pol_session *p, bool recipient)
{
	static const struct eng_limit limits[] = {
		{421, ENG_TEXT_ERRORS, ACT_LIMIT_ERRORS},
		{421, ENG_TEXT_ERRORS, ACT_LIMIT_RECIPIENT_ERRORS},
	};
	const uint8_t n = recipient ? s->recipient_errors : s->errors;
	const uint8_t max = recipient ? p->max_recipient_errors : p->max_errors;

	// The server has all of a message, sent in one group with what is refused here: were its client not
	// told what became of it, it would send it again.
	const bool owes = s->message != NULL && s->message->ended;

	if (max != 0 && n > max && !owes)
		return (struct eng_error){.limit = &limits[recipient], .max = max, .value = n};
	return (struct eng_error){
		.delay_ms = delay_ms(p, (uint32_t)s->errors + s->recipient_errors)};
}

bool eng_error_note(struct eng_worker *w, struct eng_session *s, bool recipient)
{
	uint8_t *n = recipient ? &s->recipient_errors : &s->errors;

	*n += *n < UINT8_MAX;
	const struct eng_error e = eng_error_rule(s, eng_profile(w, s), recipient);
	if (w->shadow != NULL)
		eng_shadow_error(w, s, recipient, &e);
	if (e.limit != NULL) {
		eng_settle(w, s);
		if (s->flow.lane == ENG_LANE_ANSWER) // cut there
			return false;
		eng_limit_cut(w, s, e.limit, e.max, e.value, false);
		return false;
	}
	if (e.delay_ms > 0)
		tarpit(w, s, e.delay_ms);
	return true;
}

bool eng_tarpit_due(struct eng_worker *w, struct eng_session *s)
{
	if (!s->tarpit || seq_lt(w->smtp->now_ms, s->hold_at_ms[STREAM_SERVER]))
		return false;
	s->tarpit = false;
	s->hold_on &= ~(1u << STREAM_SERVER);
	s->flow.seen_ms = w->smtp->now_ms; // its client could not go on before
	stream_release(&s->flow.stream, STREAM_SERVER);
	return true;
}

// ---- sizes

void eng_limits_message(struct eng_worker *w, struct eng_session *s, struct eng_message *msg)
{
	const struct pol_session *p = eng_profile(w, s);

	msg->size_max = p->max_message_kb * 1024u;
	msg->header_max = p->max_header_kb * 1024u;
	msg->size_now = msg->header_now = 0;
	msg->plain = msg->size_max == 0 && msg->header_max == 0;
	if (w->shadow != NULL)
		eng_shadow_content(w, s, msg);
}

const struct eng_limit *eng_size_rule(
	const struct eng_message *msg, uint32_t size_max, uint32_t header_max)
{
	static const struct eng_limit too_large = {552, ENG_TEXT_SIZE, ACT_LIMIT_SIZE},
				      header_too_large = {552, ENG_TEXT_HEADER, ACT_LIMIT_HEADER};

	if (size_max != 0 && msg->size_now > size_max)
		return &too_large;
	return header_max != 0 && msg->header_now > header_max ? &header_too_large : NULL;
}

bool eng_limits_data(struct eng_worker *w, struct eng_session *s, struct span text, size_t head)
{
	struct eng_message *msg = s->message;

	msg->size_now += text.n;
	msg->header_now +=
		(uint32_t)(head < UINT32_MAX - msg->header_now ? head
							       : UINT32_MAX - msg->header_now);
	const struct eng_limit *limit = eng_size_rule(msg, msg->size_max, msg->header_max);
	if (w->shadow != NULL)
		eng_shadow_data(w, s, msg, text, head, limit);
	if (limit == NULL) {
		msg->plain = msg->size_max == 0 && msg->header.over && msg->shadow_run == 0;
		return true;
	}
	if (limit->reason == ACT_LIMIT_SIZE)
		eng_limit_cut(w, s, limit, msg->size_max, (uint32_t)msg->size_now, true);
	else
		eng_limit_cut(w, s, limit, msg->header_max, msg->header_now, true);
	return false;
}

uint64_t eng_size_rule_offer(
	const struct pol_session *profile, struct span digits)
{
	enum { DIGITS_MAX = 20 };
	const uint64_t max = (uint64_t)profile->max_message_kb * 1024;
	uint64_t offered;

	if (max == 0 || digits.n > DIGITS_MAX || !eng_number(digits, &offered) || offered <= max)
		return 0; // 0 is "no limit", but its one digit says no other
	return max;
}

void eng_size_lower(struct eng_worker *w, struct eng_session *s, struct span digits, uint32_t seq)
{
	enum { DIGITS_MAX = 20 };
	uint64_t max = eng_size_rule_offer(eng_profile(w, s), digits);
	uint8_t text[DIGITS_MAX];

	if (max == 0)
		return;
	for (size_t i = digits.n; i > 0; i--, max /= 10)
		text[i - 1] = (uint8_t)('0' + max % 10);
	stream_edit(&s->flow.stream, &w->smtp->pool, STREAM_SERVER, seq, text, (uint32_t)digits.n);
	eng_count(w, ACT_SIZE_LOWERED);
}

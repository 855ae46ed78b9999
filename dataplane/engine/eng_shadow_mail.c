// SPDX-License-Identifier: BSD-3-Clause
// What a candidate would say of keywords, commands and errors: its own profiles, access rules and lists.
// Each is asked before the session's state changes, by the functions that decide for real and in their order.
// Thread: the worker.
#include "eng_reputation.h"
#include "eng_shadow.h"

static struct eng_decision goes(void)
{
	return (struct eng_decision){.does = ENG_DOES_GO, .reason = ENG_REASON_NONE};
}

struct eng_decision eng_shadow_cut(const struct eng_limit *limit, uint32_t max, uint32_t value)
{
	return (struct eng_decision){.does = ENG_DOES_CUT,
		.code = limit->code,
		.reason = (uint16_t)limit->reason,
		.limit = max,
		.value = value};
}

struct eng_decision eng_shadow_refuse(
	const struct pol_session *profile, enum eng_refusal why, uint32_t rule)
{
	struct eng_decision d = {.does = ENG_DOES_REFUSE,
		.code = eng_refusal_code(why),
		.reason = (uint16_t)eng_refusal_reason(why),
		.access = rule == POL_NONE ? 0 : rule + 1};

	if (why == ENG_REFUSE_RECIPIENTS) {
		d.limit = profile->max_recipients;
		d.value = d.limit + 1;
	} else if (why == ENG_REFUSE_SIZE) {
		d.limit = profile->max_message_kb * 1024u;
	} else if (eng_rates_limit(profile, why) != 0) {
		d.limit = eng_rates_limit(profile, why);
		d.value = d.limit + 1;
	}
	return d;
}

void eng_shadow_unfollowed(struct eng_worker *w, const struct eng_session *s)
{
	struct eng_shadow_entry *entry = w->shadow == NULL ? NULL : eng_shadow_find(w, s);

	if (entry == NULL)
		return;
	entry->over = true;
	eng_count(w, SHADOW_BLIND);
}

void eng_shadow_keyword(struct eng_worker *w, struct eng_session *s, const struct smtp_event *ev)
{
	struct eng_shadow_entry *entry = eng_shadow_find(w, s);
	struct eng_decision live, shadow;

	if (entry == NULL)
		return;
	eng_keyword_rule(ev, eng_profile(w, s), &live);
	eng_keyword_rule(ev, eng_shadow_profile(w, entry), &shadow);
	eng_shadow_compare(w, s, entry, ENG_STAGE_EHLO, &live, &shadow);
}

static struct eng_decision error_is(const struct eng_error *e)
{
	if (e->limit != NULL)
		return eng_shadow_cut(e->limit, e->max, e->value);
	if (e->delay_ms == 0)
		return goes();
	return (struct eng_decision){
		.does = ENG_DOES_DELAY, .reason = ACT_TARPIT, .value = e->delay_ms};
}

void eng_shadow_error(
	struct eng_worker *w, struct eng_session *s, bool recipient, const struct eng_error *e)
{
	struct eng_shadow_entry *entry = eng_shadow_find(w, s);

	if (entry == NULL)
		return;
	const struct eng_error would = eng_error_rule(s, eng_shadow_profile(w, entry), recipient);
	const struct eng_decision live = error_is(e), shadow = error_is(&would);
	eng_shadow_compare(w, s, entry, ENG_STAGE_ERRORS, &live, &shadow);
}

// ---- commands

// The domains of senders that a recipient sent now may be of.
static enum eng_refusal three_way_ask(struct eng_worker *w, const struct eng_session *s,
	const struct pol_session *profile, struct span path)
{
	uint64_t from[2];
	unsigned n = 0;

	for (struct eng_message *msg = s->message; msg != NULL; msg = msg->following) {
		const struct eng_shadow_message *st = msg->left ? NULL : eng_shadow_state(w, msg);
		if (st != NULL)
			from[n++] = st->from_domain;
	}
	return eng_three_way_may(w, s, profile, path, from, n);
}

static enum eng_refusal access_ask(struct eng_worker *w, const struct eng_session *s,
	struct span path, struct eng_shadow_asked *a, uint32_t *rule)
{
	struct eng_access_judged worst = {.why = ENG_REFUSAL_COUNT, .rule = POL_NONE};
	const struct eng_message *msg = s->message;

	for (unsigned i = 0; i < 2 && msg != NULL; i++, msg = msg->following) {
		if (msg->left)
			continue;
		const struct eng_shadow_message *st = eng_shadow_state(w, msg);
		eng_access_judge(&st->access, s->auth, path, &a->recipient[i]);
		if (eng_access_weight(a->recipient[i].why) > eng_access_weight(worst.why))
			worst = a->recipient[i];
	}
	*rule = worst.rule;
	return worst.why;
}

static bool has_states(struct eng_worker *w, const struct eng_session *s)
{
	for (const struct eng_message *msg = s->message; msg != NULL; msg = msg->following)
		if (!msg->left && eng_shadow_state(w, msg) == NULL)
			return false;
	return true;
}

// What its MAIL was found to say of recipients.
static enum eng_refusal standing_ask(struct eng_worker *w, const struct eng_session *s)
{
	for (const struct eng_message *msg = s->message; msg != NULL; msg = msg->following) {
		const struct eng_shadow_message *st = msg->left ? NULL : eng_shadow_state(w, msg);
		if (st != NULL && st->standing != ENG_STANDING_GOOD)
			return (enum eng_refusal)(ENG_REFUSE_RCPT_ENDPOINT + st->standing -
				ENG_STANDING_ENDPOINT);
	}
	return ENG_REFUSAL_COUNT;
}

// ENG_REFUSAL_COUNT: it goes, or a->blind.
static enum eng_refusal rcpt_ask(struct eng_worker *w, struct eng_session *s,
	const struct eng_shadow_entry *entry, const struct smtp_event *ev,
	struct eng_shadow_asked *a, uint32_t *rule)
{
	enum eng_refusal why;

	if (!has_states(w, s)) {
		a->blind = true;
		return ENG_REFUSAL_COUNT;
	}
	why = standing_ask(w, s);
	if (why == ENG_REFUSAL_COUNT)
		why = three_way_ask(w, s, eng_shadow_profile(w, entry), ev->path);
	if (why != ENG_REFUSAL_COUNT)
		return why;
	why = eng_shadow_rates_ask(w, s, entry, ev, a);
	if (why != ENG_REFUSAL_COUNT || a->blind)
		return why;
	why = access_ask(w, s, ev->path, a, rule);
	if (why != ENG_REFUSAL_COUNT)
		eng_shadow_rates_undo(w, s, ev, a);
	return why;
}

static enum eng_refusal reputation_ask(struct eng_worker *w, const struct eng_session *s,
	const struct pol_session *profile, struct eng_shadow_asked *a)
{
	struct eng_reputation rep;
	struct eng_facts facts;

	if (w->eng->clients == NULL)
		return ENG_REFUSAL_COUNT;
	eng_facts_of(w, s, &facts);
	eng_reputation_rule(profile, &facts, (uint32_t)(w->smtp->now_us / 1000000), &rep);
	if (profile->refuse_at == POL_REFUSE_RCPT)
		a->standing = (uint8_t)rep.refused;
	return eng_reputation_refusal(profile, rep.refused, false);
}

static enum eng_refusal auth_ask(
	struct eng_worker *w, const struct eng_session *s, const struct pol_session *profile)
{
	struct eng_facts facts;
	bool told;

	if (w->eng->clients == NULL)
		return ENG_REFUSAL_COUNT;
	eng_facts_of(w, s, &facts);
	return eng_reputation_rule_auth(
		       profile, &facts, (uint32_t)(w->smtp->now_us / 1000000), &told)
		? ENG_REFUSE_AUTH
		: ENG_REFUSAL_COUNT;
}

// Likewise.
static enum eng_refusal mail_ask(struct eng_worker *w, struct eng_session *s,
	const struct eng_shadow_entry *entry, const struct smtp_event *ev,
	struct eng_shadow_asked *a)
{
	enum eng_refusal why;

	a->behind = s->message != NULL;
	if (s->message != NULL && s->message->following != NULL) { // whose will they be?
		a->blind = true;
		return ENG_REFUSAL_COUNT;
	}
	why = reputation_ask(w, s, eng_shadow_profile(w, entry), a);
	if (why == ENG_REFUSAL_COUNT)
		why = eng_shadow_rates_ask(w, s, entry, ev, a);
	if (why != ENG_REFUSAL_COUNT || a->blind)
		return why;
	why = eng_access_sender(
		eng_image_policy(w->shadow->image), entry->session_profile, ev->path);
	if (why != ENG_REFUSAL_COUNT)
		eng_shadow_rates_undo(w, s, ev, a);
	a->from_domain = eng_three_way_of(w, s, eng_shadow_profile(w, entry), ev->path);
	return why;
}

static void taking_ask(struct eng_worker *w, struct eng_session *s,
	const struct eng_shadow_entry *entry, const struct smtp_event *ev,
	struct eng_shadow_asked *a)
{
	enum eng_refusal why = ENG_REFUSAL_COUNT;
	uint32_t rule = POL_NONE;

	if (ev->verb == SMTP_VERB_RCPT)
		why = rcpt_ask(w, s, entry, ev, a, &rule);
	else if (eng_begins_mail(ev->verb))
		why = mail_ask(w, s, entry, ev, a);
	else if (ev->verb == SMTP_VERB_AUTH)
		why = auth_ask(w, s, eng_shadow_profile(w, entry));
	if (why != ENG_REFUSAL_COUNT)
		a->would = eng_shadow_refuse(eng_shadow_profile(w, entry), why, rule);
}

static void domain_ask(struct eng_worker *w, struct eng_session *s,
	const struct eng_shadow_entry *entry, const struct smtp_event *ev,
	struct eng_shadow_asked *a)
{
	enum eng_refusal why;

	if (s->auth || (ev->verb != SMTP_VERB_RCPT && !eng_begins_mail(ev->verb)))
		return;
	why = eng_shadow_domain_ask(w, s, entry, ev, a);
	if (why != ENG_REFUSAL_COUNT)
		a->would = eng_shadow_refuse(eng_shadow_profile(w, entry), why, POL_NONE);
}

void eng_shadow_ask(struct eng_worker *w, struct eng_session *s,
	const struct eng_shadow_entry *entry, const struct smtp_event *ev, struct span in,
	struct eng_shadow_asked *a)
{
	const struct pol_session *profile = eng_shadow_profile(w, entry);

	*a = (struct eng_shadow_asked){.would = goes()};
	if (eng_line_is_refused(ev, in, profile)) {
		a->would = (struct eng_decision){
			.does = ENG_DOES_CUT, .code = 500, .reason = ACT_LINE_REFUSED};
		return;
	}
	const struct eng_ruling r = eng_command_rule(s, ev, profile);
	if (r.does == ENG_JUDGED_CUT)
		a->would = eng_shadow_cut(r.limit, r.max, r.max + 1);
	else if (r.does == ENG_JUDGED_REFUSED)
		a->would = eng_shadow_refuse(profile, r.why, POL_NONE);
	else
		domain_ask(w, s, entry, ev, a);
	if (a->would.does == ENG_DOES_GO && !a->blind)
		taking_ask(w, s, entry, ev, a);
}

void eng_shadow_command(struct eng_worker *w, struct eng_session *s, struct eng_shadow_entry *entry,
	const struct smtp_event *ev, struct eng_shadow_asked *a, const struct eng_ruling *r)
{
	struct eng_decision live = goes();

	// Cut for what the protocol has come to: so it would be under any profile.
	if (r->does == ENG_JUDGED_CUT && r->limit->reason == ACT_DESYNC &&
		a->would.reason != ACT_LINE_REFUSED) {
		eng_shadow_rates_undo(w, s, ev, a);
		return;
	}
	if (a->blind) {
		eng_shadow_unfollowed(w, s);
		return;
	}
	if (r->does == ENG_JUDGED_CUT)
		live = eng_shadow_cut(r->limit, r->max, r->max == 0 ? 0 : r->max + 1);
	else if (r->does == ENG_JUDGED_REFUSED)
		live = eng_shadow_refuse(eng_profile(w, s), r->why, r->rule);
	if (r->does == ENG_JUDGED_REFUSED && r->why == ENG_REFUSE_THROTTLE &&
		a->would.does == ENG_DOES_GO) {
		eng_shadow_rates_undo(w, s, ev, a);
		if (!eng_shadow_is_alike_throttled(
			    eng_profile(w, s), eng_shadow_profile(w, entry))) {
			eng_shadow_unfollowed(w, s);
			return;
		}
		a->would = live;
	}
	if (r->does == ENG_JUDGED_REFUSED && a->would.does == ENG_DOES_GO &&
		eng_shadow_is_alike_limited(
			eng_profile(w, s), eng_shadow_profile(w, entry), r->why)) {
		eng_shadow_rates_undo(w, s, ev, a);
		a->would = live;
	}
	eng_shadow_compare(w, s, entry, ENG_STAGE_COMMAND, &live, &a->would);
	if (a->waits && !entry->over)
		eng_shadow_domain_wait(w, s, entry, ev, a, &live);
	if (entry->over || live.does != ENG_DOES_GO)
		return;
	if (ev->verb == SMTP_VERB_HELO || ev->verb == SMTP_VERB_EHLO) {
		eng_shadow_helo(w, s, entry, ev->text);
	} else if (ev->verb == SMTP_VERB_RCPT) {
		eng_shadow_rcpt(w, s, ev->path, a);
	} else if (eng_begins_mail(ev->verb) && !eng_shadow_mail(w, s, entry, ev->path, a)) {
		eng_shadow_rates_undo(w, s, ev, a);
		eng_shadow_unfollowed(w, s);
	}
}

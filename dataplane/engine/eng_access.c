// SPDX-License-Identifier: BSD-3-Clause
// Access rules, and the safe and blocked lists of session profiles, applied to MAIL and RCPT. Both are
// taken at MAIL from the image that is in force then: what a recipient needs of its sender is noted as
// bits in the message, so no address is too long to be judged. While two transactions may be the one that
// the server is in (a MAIL was sent behind another), a recipient must be permitted in both.
// A message goes to nobody, where a rule discards it, or to all: a recipient of the other kind is asked
// to come in a message of its own. It is not scanned only if no recipient, or its sender, wants it to be.
// Which rule refused is remembered until the reply, in the order of the commands.
// Thread: the worker.
#include "eng_half.h"
#include "eng_session.h"
#include "pol_access.h"

// The session profile whose lists count: that of the image in force, also for a session that is still
// bound to one before it; what its policy says now, then.
static uint32_t profile_of(struct eng_worker *w, const struct eng_session *s)
{
	const struct pol_image *img = eng_image_policy(w->image);
	uint32_t index;

	if ((uint32_t)pol_head(img)->version == s->image)
		return eng_profile_index(w, s);
	(void)eng_policy_match(
		w, &s->flow.key, s->flow.face[STREAM_CLIENT].in_port, s->vlan, &index);
	return index == POL_NONE ? POL_NONE : pol_policy_at(img, index)->session;
}

static bool in_list(const struct pol_image *img, uint32_t profile, enum pol_list_use use,
	const struct pol_word *word)
{
	uint32_t list = profile == POL_NONE ? 0 : pol_session_at(img, profile)->list[use];

	return list != 0 && pol_list_takes(img, list - 1, word);
}

static bool has_access(const struct pol_image *img)
{
	return pol_count(img, POL_SEC_ACCESS) > 0 || pol_count(img, POL_SEC_LISTS) > 0;
}

void eng_access_note(struct eng_worker *w, const struct eng_session *s, const struct pol_image *img,
	uint32_t profile, struct span sender, struct eng_access *out)
{
	char buf[ENG_HELO_MAX];
	struct pol_word helo, from;

	*out = (struct eng_access){.profile = profile};
	if (!has_access(img))
		return;
	out->img = img;
	pol_word_make(img, sender, &from);
	pol_word_make(img, eng_helo_get(w, s, buf), &helo);
	out->safe_sender = in_list(img, profile, POL_LIST_SAFE_SENDERS, &from);
	pol_access_mail(img, &s->flow.key.client, &s->flow.key.server, &helo, &from, &out->bits);
}

enum eng_refusal eng_access_sender(
	const struct pol_image *img, uint32_t profile, struct span path)
{
	struct pol_word sender;

	if (!has_access(img))
		return ENG_REFUSAL_COUNT;
	pol_word_make(img, path, &sender);
	if (!sender.readable && pol_count(img, POL_SEC_LISTS) > 0)
		return ENG_REFUSE_ADDRESS;
	if (in_list(img, profile, POL_LIST_BLOCKED_SENDERS, &sender) &&
		!in_list(img, profile, POL_LIST_SAFE_SENDERS, &sender))
		return ENG_REFUSE_SENDER;
	return ENG_REFUSAL_COUNT;
}

bool eng_access_mail(struct eng_worker *w, struct eng_session *s, const struct smtp_event *ev,
	enum eng_refusal *why)
{
	const struct pol_image *img;
	struct eng_message *msg;
	uint32_t profile;

	if (w->image == NULL || !has_access(eng_image_policy(w->image))) {
		(void)eng_message_mail(w, s, ev);
		return true;
	}
	img = eng_image_policy(w->image);
	profile = profile_of(w, s);
	*why = eng_access_sender(img, profile, ev->path);
	if (*why != ENG_REFUSAL_COUNT)
		return false;
	// What comes behind must not be judged by another sender than its own.
	*why = ENG_REFUSE_MAIL;
	if (s->message != NULL && s->message->following != NULL)
		return false;
	msg = eng_message_mail(w, s, ev);
	if (msg == NULL)
		return false;
	msg->image = w->image; // held from now on
	eng_image_use(w->image, w->id);
	eng_access_note(w, s, img, profile, ev->path, &msg->access);
	return true;
}

static bool fits(const struct eng_access *a, const struct eng_access_judged *j)
{
	if (j->discard ? a->to_deliver : a->to_discard)
		return false;
	return j->unscanned || a->safe_sender || !a->scan_dropped;
}

static enum eng_refusal refusal_of(
	const struct eng_access *a, const struct pol_word *word, struct eng_access_judged *j)
{
	const bool safe = in_list(a->img, a->profile, POL_LIST_SAFE_RECIPIENTS, word);
	enum pol_access_action action = j->rule == POL_NONE
		? POL_ACCESS_RELAY
		: pol_access_at(a->img, j->rule)->action;

	j->discard = action == POL_ACCESS_DISCARD;
	j->unscanned = safe || j->discard || action == POL_ACCESS_BYPASS;
	if (action == POL_ACCESS_REJECT)
		return ENG_REFUSE_ACCESS;
	if (action == POL_ACCESS_TEMPFAIL)
		return ENG_REFUSE_ACCESS_LATER;
	if (!safe && in_list(a->img, a->profile, POL_LIST_BLOCKED_RECIPIENTS, word)) {
		j->rule = POL_NONE; // the list it was
		return ENG_REFUSE_RECIPIENT;
	}
	return fits(a, j) ? ENG_REFUSAL_COUNT : ENG_REFUSE_ACCESS_SPLIT;
}

void eng_access_judge(const struct eng_access *a, bool auth, struct span path,
	struct eng_access_judged *j)
{
	struct pol_word word;

	*j = (struct eng_access_judged){.why = ENG_REFUSAL_COUNT, .rule = POL_NONE};
	if (a->img == NULL)
		return;
	j->why = ENG_REFUSE_ADDRESS;
	pol_word_make(a->img, path, &word);
	if (!word.readable && pol_count(a->img, POL_SEC_LISTS) > 0)
		return;
	j->rule = pol_access_rcpt(a->img, &a->bits, auth, &word);
	j->why = refusal_of(a, &word, j);
}

// Which of two refusals is told: the one that says most.
int eng_access_weight(enum eng_refusal why)
{
	switch (why) {
	case ENG_REFUSE_ACCESS:
		return 5;
	case ENG_REFUSE_RECIPIENT:
		return 4;
	case ENG_REFUSE_ADDRESS:
		return 3;
	case ENG_REFUSE_ACCESS_LATER:
		return 2;
	default:
		return why == ENG_REFUSAL_COUNT ? 0 : 1;
	}
}

void eng_access_permit(struct eng_access *a, const struct eng_access_judged *j)
{
	a->to_discard |= j->discard;
	a->to_deliver |= !j->discard;
	a->to_scan |= !j->unscanned;
	if (j->rule != POL_NONE)
		a->rule = (uint16_t)(j->rule + 1);
}

// Refusals of recipients that a rule, or a list, decided.
static bool has_rule(enum eng_refusal why)
{
	return why == ENG_REFUSE_ACCESS || why == ENG_REFUSE_ACCESS_LATER ||
		why == ENG_REFUSE_ACCESS_SPLIT || why == ENG_REFUSE_RECIPIENT;
}

// Behind one that found no place none is kept until all are told, so that the order stays right.
static void refused_note(struct eng_session *s, uint32_t rule)
{
	struct eng_message *msg = s->message;

	if (msg->nrefused < ENG_REFUSED_MAX && msg->lost == 0)
		msg->refused[(msg->refused_at + msg->nrefused++) % ENG_REFUSED_MAX] =
			rule == POL_NONE ? 0 : (uint16_t)(rule + 1);
	else
		msg->lost++;
}

bool eng_access_rcpt(struct eng_session *s, const struct smtp_event *ev, enum eng_refusal *why,
	uint32_t *rule)
{
	struct eng_message *both[] = {
		s->message, s->message == NULL ? NULL : s->message->following};
	struct eng_access_judged worst = {.why = ENG_REFUSAL_COUNT}, j[2];

	for (int i = 0; i < 2; i++) {
		if (both[i] != NULL && (both[i]->image == NULL || both[i]->left))
			both[i] = NULL;
		if (both[i] == NULL)
			continue;
		eng_access_judge(&both[i]->access, s->auth, ev->path, &j[i]);
		if (eng_access_weight(j[i].why) > eng_access_weight(worst.why))
			worst = j[i];
	}
	if (worst.why != ENG_REFUSAL_COUNT) {
		if (has_rule(worst.why))
			refused_note(s, worst.rule);
		*why = worst.why;
		*rule = worst.rule;
		return false;
	}
	for (int i = 0; i < 2; i++) {
		if (both[i] != NULL)
			eng_access_permit(&both[i]->access, &j[i]);
	}
	return true;
}

uint64_t eng_access_version(const struct eng_message *msg)
{
	return msg->image == NULL ? 0 : pol_head(eng_image_policy(msg->image))->version;
}

void eng_access_told(struct eng_session *s, enum eng_refusal why, struct eng_refused *told)
{
	struct eng_message *msg = s->flow.lane == ENG_LANE_INSPECT ? s->message : NULL;

	if (msg == NULL || !has_rule(why))
		return;
	told->access_image = eng_access_version(msg);
	if (msg->nrefused > 0) {
		told->access = msg->refused[msg->refused_at];
		msg->refused_at = (uint8_t)((msg->refused_at + 1) % ENG_REFUSED_MAX);
		msg->nrefused--;
	} else if (msg->lost > 0) {
		msg->lost--;
	}
}

void eng_access_reset(struct eng_session *s, bool sent)
{
	for (struct eng_message *msg = s->message; msg != NULL; msg = msg->following)
		msg->left = sent;
}

// Nothing wants it to be scanned.
enum eng_reason eng_access_unscanned(const struct eng_access *a)
{
	const bool any = a->to_deliver || a->to_discard;

	if (!any || a->to_discard || (a->to_scan && !a->safe_sender))
		return ENG_REASON_COUNT;
	if (!a->safe_sender && a->rule != 0 &&
		pol_access_at(a->img, a->rule - 1u)->action == POL_ACCESS_BYPASS)
		return PASS_ACCESS_BYPASS;
	return PASS_SAFE_LIST;
}

void eng_access_begin(struct eng_worker *w, struct eng_session *s)
{
	struct eng_message *msg = s->message;

	if (msg == NULL || msg->scan == NULL || msg->access.scan_dropped)
		return;
	const enum eng_reason why = eng_access_unscanned(&msg->access);
	if (why == ENG_REASON_COUNT)
		return;
	msg->access.scan_dropped = true;
	msg->why = (uint16_t)why;
	eng_count(w, why);
	eng_message_scan_drop(w, msg);
}

bool eng_access_end(struct eng_worker *w, struct eng_session *s, bool in_body)
{
	struct eng_message *msg = s->message;

	if (msg == NULL || !msg->access.to_discard)
		return true;
	s->refused += s->refused < UINT8_MAX;
	msg->judged = true;
	msg->verdict = ENG_VERDICT_DISCARDED;
	msg->why = ACT_ACCESS_DISCARDED;
	eng_cut(w, s, 250, ENG_TEXT_DISCARDED, 0, in_body, ACT_ACCESS_DISCARDED);
	return false;
}

void eng_access_release(struct eng_worker *w, struct eng_message *msg)
{
	if (msg->image != NULL)
		eng_image_unuse(msg->image, w->id);
	msg->image = NULL;
}

// SPDX-License-Identifier: BSD-3-Clause
// A candidate's state of an open message, beside the message's own: what its access rules and lists note, its
// own limits of sizes, and a scan with its own rules, which sees each byte that the one in force sees. Where no
// memory is left for that the session is not followed.
// Thread: the worker.
#include "eng_shadow.h"

struct eng_shadow_message *eng_shadow_state(struct eng_worker *w, const struct eng_message *msg)
{
	if (msg == NULL || msg->shadow_run != w->shadow->run)
		return NULL;
	return &w->shadow->own[w->id]->message[msg->shadow];
}

static const struct pol_content *content_of(
	const struct eng_worker *w, const struct eng_shadow_entry *entry)
{
	return entry->content_profile == POL_NONE
		? NULL
		: pol_content_at(eng_image_policy(w->shadow->image), entry->content_profile);
}

void eng_shadow_message_end(struct eng_worker *w, struct eng_message *msg)
{
	struct eng_shadow_message *st = w->shadow == NULL ? NULL : eng_shadow_state(w, msg);
	struct eng_shadow_worker *own;

	if (st == NULL) // of a candidate before this one, whose memory goes as a whole
		return;
	if (st->scan != NULL)
		eng_scan_abort(st->scan);
	eng_shadow_rates_end(w, msg, st);
	own = w->shadow->own[w->id];
	st->next = own->free_message;
	own->free_message = msg->shadow;
	msg->shadow_run = 0;
}

// false: no room.
static bool state_begin(struct eng_worker *w, struct eng_session *s,
	const struct eng_shadow_entry *entry, struct eng_message *msg)
{
	struct eng_shadow_worker *own = w->shadow->own[w->id];
	const struct pol_content *content = content_of(w, entry);
	char buf[ENG_HELO_MAX];

	if (own->free_message == FLOW_NONE)
		return false;
	struct eng_shadow_message *st = &own->message[own->free_message];
	msg->shadow = own->free_message;
	msg->shadow_run = w->shadow->run;
	own->free_message = st->next;
	*st = (struct eng_shadow_message){0};
	if (content == NULL)
		return true;
	st->scan = eng_scan_open(w, w->shadow->image, content->groups);
	if (st->scan == NULL)
		return false;
	struct span helo = eng_helo_get(w, s, buf);
	if (helo.n > 0)
		eng_scan_value(st->scan, POL_SCOPE_HELO, helo);
	return true;
}

bool eng_shadow_mail(struct eng_worker *w, struct eng_session *s,
	const struct eng_shadow_entry *entry, struct span path, const struct eng_shadow_asked *a)
{
	struct eng_message *msg = a->behind ? s->message->following : s->message;

	if (msg == NULL || eng_shadow_state(w, msg) != NULL || !state_begin(w, s, entry, msg))
		return false;
	struct eng_shadow_message *st = eng_shadow_state(w, msg);
	st->rates = a->rates;
	st->from_domain = a->from_domain;
	st->standing = a->standing;
	eng_access_note(w, s, eng_image_policy(w->shadow->image), entry->session_profile, path,
		&st->access);
	if (st->scan != NULL)
		eng_scan_value(st->scan, POL_SCOPE_MAIL, path);
	return true;
}

void eng_shadow_rcpt(struct eng_worker *w, const struct eng_session *s, struct span path,
	const struct eng_shadow_asked *a)
{
	struct eng_message *msg = s->message;

	for (unsigned i = 0; i < 2 && msg != NULL; i++, msg = msg->following) {
		struct eng_shadow_message *st = eng_shadow_state(w, msg);
		if (st == NULL)
			continue;
		if (st->access.img != NULL && !msg->left)
			eng_access_permit(&st->access, &a->recipient[i]);
		if (st->scan != NULL)
			eng_scan_value(st->scan, POL_SCOPE_RCPT, path);
	}
}

void eng_shadow_content(struct eng_worker *w, struct eng_session *s, struct eng_message *msg)
{
	struct eng_shadow_entry *entry = eng_shadow_find(w, s);
	struct eng_shadow_message *st = entry == NULL ? NULL : eng_shadow_state(w, msg);

	if (entry == NULL)
		return;
	if (st == NULL || msg->stale) {
		eng_shadow_unfollowed(w, s);
		return;
	}
	const struct pol_session *profile = eng_shadow_profile(w, entry);
	st->size_max = profile->max_message_kb * 1024u;
	st->header_max = profile->max_header_kb * 1024u;
	msg->plain = false;
	if (st->scan == NULL || eng_access_unscanned(&st->access) == ENG_REASON_COUNT)
		return;
	st->access.scan_dropped = true;
	eng_scan_abort(st->scan);
	st->scan = NULL;
}

static struct eng_decision size_is(const struct eng_message *msg, const struct eng_limit *limit,
	uint32_t size_max, uint32_t header_max)
{
	if (limit == NULL)
		return (struct eng_decision){.does = ENG_DOES_GO, .reason = ENG_REASON_NONE};
	return limit->reason == ACT_LIMIT_SIZE
		? eng_shadow_cut(limit, size_max, (uint32_t)msg->size_now)
		: eng_shadow_cut(limit, header_max, msg->header_now);
}

void eng_shadow_data(struct eng_worker *w, struct eng_session *s, struct eng_message *msg,
	struct span text, size_t head, const struct eng_limit *limit)
{
	struct eng_shadow_message *st = eng_shadow_state(w, msg);
	struct eng_shadow_entry *entry = st == NULL ? NULL : eng_shadow_find(w, s);

	if (entry == NULL)
		return;
	if (st->scan != NULL) {
		eng_scan_header(st->scan, span_sub(text, 0, head));
		eng_scan_body(st->scan, span_from(text, head));
	}
	const struct eng_decision live = size_is(msg, limit, msg->size_max, msg->header_max),
				  shadow = size_is(msg,
					  eng_size_rule(msg, st->size_max, st->header_max),
					  st->size_max, st->header_max);
	eng_shadow_compare(w, s, entry, ENG_STAGE_SIZE, &live, &shadow);
}

struct eng_shadow_entry *eng_shadow_judge(
	struct eng_worker *w, struct eng_session *s, struct eng_decision *would)
{
	struct eng_shadow_entry *entry = eng_shadow_find(w, s);
	struct eng_shadow_message *st = eng_shadow_state(w, s->message);
	struct eng_scan_result result = {0};

	if (entry == NULL || st == NULL)
		return NULL;
	const bool scanned = st->scan != NULL;
	if (scanned)
		eng_scan_close(st->scan, &result);
	st->scan = NULL;
	eng_verdict(&st->access, content_of(w, entry), scanned ? &result : NULL, would);
	return entry;
}

// SPDX-License-Identifier: BSD-3-Clause
// policy.match, the part about a recipient that is only thought of: which access rule takes it, why those
// before it do not, and the lists of the session profile that have it or its sender. By the data plane's
// own code.
// Thread: the loop's.
#include "pol_access.h"
#include "serve_int.h"

static json_t *tried(const struct pol_image *img, const struct pol_access_key *key, uint32_t found)
{
	const uint32_t n = found == POL_NONE ? pol_count(img, POL_SEC_ACCESS) : found;
	json_t *rows = json_array();

	for (uint32_t i = 0; i < n; i++)
		(void)json_array_append_new(rows,
			json_pack("{s:o,s:s}", "rule",
				serve_json_text(pol_string(img, pol_access_at(img, i)->name)),
				"miss",
				pol_access_miss_name(pol_access_explain(img, key, i)))); // else one less
	return rows;
}

static bool in_list(const struct pol_image *img, uint32_t profile, enum pol_list_use use,
	const struct pol_word *word)
{
	uint32_t list = profile == POL_NONE ? 0 : pol_session_at(img, profile)->list[use];

	return list != 0 && pol_list_takes(img, list - 1, word);
}

static json_t *list_name(bool safe, bool blocked)
{
	return safe || blocked ? serve_json_text(safe ? "safe" : "blocked") : json_null();
}

json_t *serve_policy_access(
	const struct pol_image *img, uint32_t profile, const struct serve_recipient *q)
{
	static struct pol_access_key key; // too large for a stack
	struct pol_access_bits bits;
	const struct pol_access *r;
	uint32_t i;

	key.client = q->client;
	key.server = q->server;
	key.auth = q->auth;
	pol_word_make(img, span_str(q->helo == NULL ? "" : q->helo), &key.helo);
	pol_word_make(img, span_str(q->sender == NULL ? "" : q->sender), &key.sender);
	pol_word_make(img, span_str(q->recipient), &key.recipient);
	pol_access_mail(img, &key.client, &key.server, &key.helo, &key.sender, &bits);
	i = pol_access_rcpt(img, &bits, key.auth, &key.recipient);
	r = i == POL_NONE ? NULL : pol_access_at(img, i);
	return json_pack("{s:o,s:s,s:o,s:o,s:o}", "rule",
		r == NULL ? json_null() : serve_json_text(pol_string(img, r->name)), "action",
		pol_access_action_name(r == NULL ? POL_ACCESS_RELAY : r->action), "sender_list",
		list_name(in_list(img, profile, POL_LIST_SAFE_SENDERS, &key.sender),
			in_list(img, profile, POL_LIST_BLOCKED_SENDERS, &key.sender)),
		"recipient_list",
		list_name(in_list(img, profile, POL_LIST_SAFE_RECIPIENTS, &key.recipient),
			in_list(img, profile, POL_LIST_BLOCKED_RECIPIENTS, &key.recipient)),
		"tried", tried(img, &key, i));
}

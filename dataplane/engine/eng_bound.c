// SPDX-License-Identifier: BSD-3-Clause
// What a session is bound to: the policy that its SYN matched, and through it two profiles, which it keeps
// for 10 minutes when another image comes into force, and until its next MAIL. A session holds its policy's index
// and the image's version; the profiles of images that are not in force any more, which are few and small,
// are kept as copies. Should so many images have come that a session's are not kept, it takes the policy
// in force at once. It holds no profiles: its policy's are those of the same image.
// Thread: copies are made and freed by the manager, read by workers until they pass a burst boundary.
#include <stdlib.h>

#include "eng_half.h"

struct kept_policy { // indexes of its profiles, ENG_INDEX_NONE
	uint16_t session, content;
};

struct eng_kept {
	struct eng_kept *next; // of those that nobody finds any more
	uint64_t version;
	uint32_t policies, groups;
	uint32_t group[POL_GROUPS_MAX]; // keys
	const struct pol_content *content; // behind the sessions, in the same memory
	const struct kept_policy *policy;  // behind those
	struct pol_session session[];
};

// ---- the manager's

static struct eng_kept *kept_new(const struct pol_image *img)
{
	const uint32_t sessions = pol_count(img, POL_SEC_SESSIONS);
	const uint32_t contents = pol_count(img, POL_SEC_CONTENTS);
	const uint32_t policies = pol_count(img, POL_SEC_POLICIES);
	const size_t behind = sizeof(struct eng_kept) + sessions * sizeof(struct pol_session);
	const size_t last = behind + contents * sizeof(struct pol_content);
	struct eng_kept *k = calloc(1, last + policies * sizeof(struct kept_policy));

	if (k == NULL)
		return NULL;
	struct pol_content *content = (struct pol_content *)(void *)((uint8_t *)k + behind);
	struct kept_policy *policy = (struct kept_policy *)(void *)((uint8_t *)k + last);
	k->version = pol_head(img)->version;
	k->policies = policies;
	k->content = content;
	k->policy = policy;
	k->groups = pol_count(img, POL_SEC_GROUPS);
	for (uint32_t i = 0; i < k->groups; i++)
		k->group[i] = pol_group_at(img, i)->key;
	for (uint32_t i = 0; i < sessions; i++)
		k->session[i] = *pol_session_at(img, i);
	for (uint32_t i = 0; i < contents; i++)
		content[i] = *pol_content_at(img, i);
	for (uint32_t i = 0; i < policies; i++)
		policy[i] = (struct kept_policy){// POL_NONE becomes ENG_INDEX_NONE
			.session = (uint16_t)pol_policy_at(img, i)->session,
			.content = (uint16_t)pol_policy_at(img, i)->content};
	return k;
}

void eng_kept_add(struct eng *e, const struct eng_image *old)
{
	struct eng_kept *k = kept_new(eng_image_policy(old));

	if (k == NULL) // its sessions take the policy in force
		return;
	_Atomic(struct eng_kept *) *place = &e->kept[e->kept_next++ % ENG_KEPT_MAX];
	struct eng_kept *out = atomic_load_explicit(place, memory_order_relaxed);

	// Release: the copy before its pointer (pairs with kept_find).
	atomic_store_explicit(place, k, memory_order_release);
	if (out == NULL)
		return;
	out->next = e->kept_out;
	e->kept_out = out;
}

static void list_free(struct eng_kept *k)
{
	while (k != NULL) {
		struct eng_kept *next = k->next;
		free(k);
		k = next;
	}
}

void eng_kept_reap(struct eng *e)
{
	list_free(e->kept_out);
	e->kept_out = NULL;
}

void eng_kept_free(struct eng *e)
{
	eng_kept_reap(e);
	for (unsigned i = 0; i < ENG_KEPT_MAX; i++)
		free(atomic_load_explicit(&e->kept[i], memory_order_relaxed));
}

// ---- the workers'

static const struct eng_kept *kept_find(struct eng *e, uint32_t version)
{
	for (unsigned i = 0; i < ENG_KEPT_MAX; i++) {
		// Acquire: pairs with eng_kept_add.
		const struct eng_kept *k = atomic_load_explicit(&e->kept[i], memory_order_acquire);
		if (k != NULL && (uint32_t)k->version == version)
			return k;
	}
	return NULL;
}

// Is it of the policy that was looked up last? An image in the place of one that is gone has another version.
static inline bool is_found(const struct eng_worker *w, const struct eng_session *s)
{
	const struct eng_bound *b = &w->smtp->bound;

	return b->image == w->image && b->version == s->image && b->policy == s->policy;
}

// What its policy says, in its own image. false: nobody knows any more.
static bool bound_find(struct eng_worker *w, const struct eng_session *s, struct eng_bound *b)
{
	const struct pol_image *img = eng_image_policy(w->image);

	*b = (struct eng_bound){.version = s->image, .policy = s->policy};
	if ((uint32_t)pol_head(img)->version == s->image) {
		b->image = w->image;
		const struct pol_policy *policy = pol_policy_at(img, s->policy);
		if (policy->session != POL_NONE)
			b->session = pol_session_at(img, policy->session);
		if (policy->content != POL_NONE)
			b->content = pol_content_at(img, policy->content);
		return true;
	}
	const struct eng_kept *k = kept_find(w->eng, s->image);
	if (k == NULL)
		return false;
	if (s->policy >= k->policies)
		return true;
	const struct kept_policy *policy = &k->policy[s->policy];
	if (policy->session != ENG_INDEX_NONE)
		b->session = &k->session[policy->session];
	if (policy->content != ENG_INDEX_NONE)
		b->content = &k->content[policy->content];
	return true;
}

// Nearly always those of the session before. Valid until the next call.
static const struct eng_bound *bound_of(struct eng_worker *w, struct eng_session *s)
{
	static const struct eng_bound none;
	struct eng_bound *b = &w->smtp->bound;
	uint32_t index;

	if (w->image == NULL || s->policy == ENG_INDEX_NONE)
		return &none;
	if (is_found(w, s) || bound_find(w, s, b))
		return b;
	(void)eng_policy_match(
		w, &s->flow.key, s->flow.face[STREAM_CLIENT].in_port, s->vlan, &index);
	eng_policy_bind(w, s, index);
	if (index == POL_NONE)
		return &none;
	(void)bound_find(w, s, b); // it is of the image in force
	return b;
}

uint32_t eng_profile_index(struct eng_worker *w, const struct eng_session *s)
{
	const struct pol_image *img = w->image == NULL ? NULL : eng_image_policy(w->image);

	if (s->policy == ENG_INDEX_NONE)
		return POL_NONE;
	if (img != NULL && (uint32_t)pol_head(img)->version == s->image)
		return pol_policy_at(img, s->policy)->session;
	const struct eng_kept *k = kept_find(w->eng, s->image);
	return k == NULL || s->policy >= k->policies ? POL_NONE
						     : eng_index(k->policy[s->policy].session);
}

// What is read must not be led past us by a keyword that we don't know.
const struct pol_session eng_profile_none = {.mask_unknown = 1};

const struct pol_session *eng_profile(struct eng_worker *w, struct eng_session *s)
{
	const struct eng_bound *b = bound_of(w, s);

	return b->session == NULL ? &eng_profile_none : b->session;
}

const struct pol_content *eng_content(struct eng_worker *w, struct eng_session *s)
{
	return bound_of(w, s)->content;
}

// Names that the image in force does not know count for nothing.
static uint32_t groups_now(
	const struct pol_image *img, const struct eng_kept *k, uint32_t groups_then)
{
	uint32_t groups = 0;

	for (uint32_t i = 0; i < pol_count(img, POL_SEC_GROUPS); i++) {
		for (uint32_t then = 0; then < k->groups; then++) {
			if (k->group[then] == pol_group_at(img, i)->key &&
				(groups_then >> then & 1) != 0)
				groups |= UINT32_C(1) << i;
		}
	}
	return groups;
}

uint32_t eng_groups(struct eng_worker *w, struct eng_session *s)
{
	const struct pol_content *content = eng_content(w, s);
	const struct pol_image *img = eng_image_policy(w->image);

	if (content == NULL || content->groups == UINT32_MAX)
		return UINT32_MAX;
	if ((uint32_t)pol_head(img)->version == s->image)
		return content->groups;
	const struct eng_kept *k = kept_find(w->eng, s->image);
	return k == NULL ? UINT32_MAX : groups_now(img, k, content->groups);
}

void eng_policy_bind(struct eng_worker *w, struct eng_session *s, uint32_t index)
{
	const struct pol_image *img = eng_image_policy(w->image);

	s->policy = (uint16_t)index; // POL_NONE becomes ENG_INDEX_NONE
	s->image = (uint32_t)pol_head(img)->version;
	eng_idle_set(s, ENG_IDLE_MS);
	if (index == POL_NONE)
		return;
	const struct pol_policy *policy = pol_policy_at(img, index);
	if (policy->session != POL_NONE && pol_session_at(img, policy->session)->idle_ms != 0)
		eng_idle_set(s, pol_session_at(img, policy->session)->idle_ms);
}

enum pol_action eng_policy_match(struct eng_worker *w, const struct flow_key *k, uint16_t ingress,
	uint16_t vlan, uint32_t *index)
{
	return eng_image_match(w->image, k, eng_context_index(w, k->context), ingress, vlan, index);
}

enum pol_action eng_image_match(const struct eng_image *image, const struct flow_key *k,
	uint16_t context, uint16_t ingress, uint16_t vlan, uint32_t *index)
{
	const struct pol_image *img = eng_image_policy(image);
	struct pol_key key = {
		.source = k->client,
		.destination = k->server,
		.context = context,
		.ingress = ingress,
		.vlan = vlan,
		.port = k->server_port,
	};

	*index = pol_match(img, &key);
	if (*index == POL_NONE)
		return POL_PASS;
	const struct pol_policy *policy = pol_policy_at(img, *index);
	if (policy->action == POL_INSPECT && pol_is_blocked(img, policy->session, &k->server))
		return POL_REJECT;
	return policy->action;
}

enum eng_reason eng_refused_why(struct eng_worker *w, uint32_t index, uint64_t version)
{
	if (w->image == NULL || eng_image_pick(w->image)->version != version)
		return ACT_REFUSED_CONNECT;
	return eng_image_refused_why(w->image, index);
}

enum eng_reason eng_image_refused_why(const struct eng_image *image, uint32_t index)
{
	const struct pol_image *img = eng_image_policy(image);
	bool reads = index != POL_NONE && pol_policy_at(img, index)->action == POL_INSPECT;

	return reads ? ACT_BLOCKED_SERVER : ACT_REFUSED_CONNECT;
}

bool eng_rebind_is_due(struct eng_worker *w, const struct eng_session *s)
{
	const struct eng_smtp *p = w->smtp;

	return w->image != NULL && eng_image_of(w, s) != p->image_version &&
		p->now_us >= p->image_since_us + ENG_REBIND_MS * UINT64_C(1000);
}

void eng_rebind(struct eng_worker *w, struct eng_session *s)
{
	uint32_t index;
	uint16_t in_port = s->flow.face[STREAM_CLIENT].in_port;
	if (eng_policy_match(w, &s->flow.key, in_port, s->vlan, &index) == POL_INSPECT)
		eng_policy_bind(w, s, index);
}

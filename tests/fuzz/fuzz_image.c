// SPDX-License-Identifier: BSD-3-Clause
// Policy images: whatever the verifier lets through can be walked and matched without leaving it,
// and the classifier agrees with a scan of the list. The input is one byte of options, a key to
// match, and the image; with option 1 its head is mended, so that changes get behind the checksum.
#include "fuzz.h"
#include "pol_access.h"
#include "pol_image.h"
#include "pol_match.h"

enum { KEY_BYTES = 40, ALIGN = 64 };

static void head_mend(uint8_t *p, size_t n)
{
	struct pol_head h;

	memcpy(&h, p, sizeof(h));
	h.magic = POL_MAGIC;
	h.format = POL_FORMAT;
	h.build = POL_BUILD;
	h.size = n;
	memcpy(p, &h, sizeof(h));
	h.crc = pol_checksum((struct span){p, n});
	memcpy(p, &h, sizeof(h));
}

static void image_walk(const struct pol_image *img, struct span bytes)
{
	const char *text;

	for (int sec = 0; sec < POL_SEC_COUNT; sec++)
		CHECK(span_is_inside(pol_section(img, (enum pol_section)sec), bytes));
	for (uint32_t i = 0; i < pol_count(img, POL_SEC_POLICIES); i++) {
		const struct pol_policy *p = pol_policy_at(img, i);

		CHECK(pol_action_name(p->action)[0] != 0);
		text = pol_string(img, p->name);
		CHECK(span_is_inside(span_str(text), bytes));
		CHECK(span_is_inside(span_str(pol_string(img, p->comment)), bytes));
		if (p->session != POL_NONE)
			CHECK(pol_session_at(img, p->session)->idle_ms <= POL_IDLE_MAX_MS);
		if (p->content != POL_NONE) {
			const struct pol_content *c = pol_content_at(img, p->content);

			CHECK(strlen(pol_string(img, c->text)) <= POL_TEXT_MAX);
			CHECK(c->action < POL_CONTENT_COUNT);
		}
		if (p->context != POL_ANY)
			CHECK(strlen(pol_string(img, pol_context_at(img, p->context)->name)) <
				bytes.n);
	}
	for (uint32_t i = 0; i < pol_count(img, POL_SEC_RULES); i++) {
		const struct pol_rule *r = pol_rule_at(img, i);

		CHECK(r->id != 0 && r->scope < POL_SCOPE_COUNT);
		CHECK(pol_section(img, POL_SEC_DB_HELO + r->scope).n != 0);
		CHECK(strlen(pol_string(img, r->name)) < bytes.n);
	}
	for (uint32_t i = 0; i < pol_count(img, POL_SEC_PICKUP); i++)
		CHECK(pol_picks_up(img, pol_pickup_at(img, i)->port));
}

static bool is_within(const struct pol_image *img,
	const struct pol_range *(*at)(const struct pol_image *, uint32_t), uint32_t first,
	uint32_t n, const struct addr *a)
{
	for (uint32_t i = first; i < first + n; i++)
		if (memcmp(at(img, i)->lo.b, a->b, sizeof(a->b)) <= 0 &&
			memcmp(a->b, at(img, i)->hi.b, sizeof(a->b)) <= 0)
			return true;
	return false;
}

static bool is_incoming(const struct pol_image *img, const struct addr *server)
{
	return is_within(img, pol_server_at, 0, pol_count(img, POL_SEC_SERVERS), server);
}

// A server of a protected domain never is.
static bool is_blocked(const struct pol_image *img, uint32_t session, const struct addr *server)
{
	const struct pol_session *s = pol_session_at(img, session);

	return is_within(img, pol_blocked_at, s->blocked, s->nblocked, server) &&
		!is_incoming(img, server);
}

static void match_check(const struct pol_image *img, struct span in)
{
	struct pol_key key;
	uint32_t found, pick, i;

	memcpy(key.source.b, take(&in, 16).p, 16);
	memcpy(key.destination.b, take(&in, 16).p, 16);
	key.context = take8(&in);
	key.ingress = take8(&in) % 32;
	key.vlan = (uint16_t)(take8(&in) << 8 | take8(&in)) % (POL_VID_MAX + 1);
	key.port = (uint16_t)(take8(&in) << 8 | take8(&in));
	found = pol_match(img, &key);
	pick = pol_match_pick(img, &key);
	if (pick != POL_NONE) { // the list is not asked
		CHECK(found == pick && pol_policy_at(img, pick)->stand_in != 0);
		return;
	}
	for (i = 0; i < pol_count(img, POL_SEC_POLICIES); i++) {
		enum pol_miss miss = pol_explain(img, &key, i);

		CHECK(miss < POL_MISS_COUNT && pol_miss_name(miss)[0] != 0);
		if (miss == POL_MISS_NONE)
			break;
	}
	CHECK(found == (i < pol_count(img, POL_SEC_POLICIES) ? i : POL_NONE));
	for (i = 0; i < pol_count(img, POL_SEC_SESSIONS); i++)
		CHECK(pol_is_blocked(img, i, &key.destination) ==
			is_blocked(img, i, &key.destination));
	CHECK(pol_is_incoming(img, &key.destination) == is_incoming(img, &key.destination));
	(void)pol_context_of(img, key.ingress);
	(void)pol_picks_up(img, key.port);
}

// Words out of the key's bytes, so that the input chooses them.
static void access_check(const struct pol_image *img, struct span key)
{
	static struct pol_access_key k;
	struct pol_access_bits bits;
	uint32_t found, i = 0;
	const uint32_t n = pol_count(img, POL_SEC_ACCESS);

	memcpy(k.client.b, key.p, 16);
	memcpy(k.server.b, key.p + 16, 16);
	k.auth = (key.p[KEY_BYTES - 1] & 1) != 0;
	pol_word_make(img, span_sub(key, 16, 8), &k.helo);
	pol_word_make(img, span_sub(key, 16, 14), &k.sender);
	pol_word_make(img, span_sub(key, 24, 16), &k.recipient);
	pol_access_mail(img, &k.client, &k.server, &k.helo, &k.sender, &bits);
	found = pol_access_rcpt(img, &bits, k.auth, &k.recipient);
	while (i < n && pol_access_explain(img, &k, i) != POL_ACCESS_TAKES) {
		CHECK(pol_string(img, pol_access_at(img, i)->name) != NULL);
		i++;
	}
	CHECK(found == (i < n ? i : POL_NONE));
	for (i = 0; i < pol_count(img, POL_SEC_LISTS); i++)
		(void)pol_list_takes(img, i, &k.recipient);
	for (i = 0; i < pol_count(img, POL_SEC_SESSIONS); i++) {
		for (unsigned use = 0; use < POL_LIST_USES; use++)
			CHECK(pol_session_at(img, i)->list[use] <= pol_count(img, POL_SEC_LISTS));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = {data, size}, key, bytes;
	uint8_t options = take8(&in), *p;
	const struct pol_image *img = NULL;
	static struct err_list err;

	key = take(&in, KEY_BYTES);
	if (key.n < KEY_BYTES)
		return 0;
	p = copy_of(in, ALIGN);
	if ((options & 1) != 0 && in.n >= sizeof(struct pol_head))
		head_mend(p, in.n);
	bytes = (struct span){p, in.n};
	err_init(&err);
	if (pol_verify(bytes, &img, &err) == 0) {
		CHECK((const uint8_t *)img == p && !err_any(&err));
		image_walk(img, bytes);
		match_check(img, key);
		access_check(img, key);
	} else {
		CHECK(err_any(&err));
	}
	free(p);
	return 0;
}

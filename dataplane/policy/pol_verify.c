// SPDX-License-Identifier: BSD-3-Clause
// The verifier: bytes become an image only when every number in them is proven in range, so that no
// reader checks anything again. It trusts no field before it has proven the ones it rests on: size,
// then checksum, then extents, then strings, then records, then the index of the policies. Sums are
// 64-bit and never taken before the operands are known to be below the size.
// Thread: any; no state.
#include "pol_image.h"

#include <errno.h>
#include <string.h>

#include "pol_access.h"
#include "pol_index.h"

// One section's records are judged by a function that returns NULL or what is wrong.
typedef const char *(*record_cb)(const struct pol_image *img, uint32_t i);

static uint64_t align_up(uint64_t n)
{
	return (n + (POL_ALIGN - 1)) & ~(uint64_t)(POL_ALIGN - 1);
}

static bool is_zero(const void *p, size_t n)
{
	const uint8_t *b = p;
	uint8_t any = 0;

	for (size_t i = 0; i < n; i++)
		any |= b[i];
	return any == 0;
}

static const char *head_judge(struct span bytes)
{
	const struct pol_head *h = (const struct pol_head *)bytes.p;

	if ((uintptr_t)bytes.p % POL_ALIGN != 0)
		return "memory is not aligned";
	if (bytes.n < sizeof(*h))
		return "shorter than its head";
	if (h->magic != POL_MAGIC)
		return "not a policy image";
	if (h->format != POL_FORMAT)
		return "format of another version";
	if (h->build != POL_BUILD)
		return "layout of another build";
	if (h->size != bytes.n)
		return "size differs from what came";
	if (h->flags != 0)
		return "unknown flags";
	if (h->crc != pol_checksum(bytes))
		return "checksum is wrong";
	return NULL;
}

static const char *extents_judge(struct span bytes)
{
	const struct pol_head *h = (const struct pol_head *)bytes.p;
	uint64_t at = align_up(sizeof(*h));

	if (at > bytes.n || !is_zero(bytes.p + sizeof(*h), at - sizeof(*h)))
		return "bytes between head and first section";
	for (unsigned i = 0; i < POL_SEC_COUNT; i++) {
		const struct pol_extent *x = &h->sec[i];
		uint64_t end;

		if (x->off != at)
			return "section is not where it belongs";
		if (x->len > bytes.n - at)
			return "section reaches past the end";
		if (x->len % pol_record_bytes(i) != 0)
			return "section ends inside a record";
		if (x->len / pol_record_bytes(i) >= POL_NONE)
			return "section has too many records";
		end = align_up(at + x->len); // both below bytes.n: no overflow
		if (end > bytes.n || !is_zero(bytes.p + at + x->len, end - at - x->len))
			return "bytes between sections";
		at = end;
	}
	return at == bytes.n ? NULL : "bytes behind the last section";
}

static const char *strings_judge(const struct pol_image *img)
{
	struct span s = pol_section(img, POL_SEC_STRINGS);

	if (s.n == 0 || s.p[0] != '\0' || s.p[s.n - 1] != '\0')
		return "strings do not begin and end with NUL";
	return NULL;
}

static bool is_string(const struct pol_image *img, uint32_t off)
{
	// A string may begin inside another (shared tails): the section's last NUL ends each.
	return off < pol_count(img, POL_SEC_STRINGS);
}

static bool is_flag(uint8_t v)
{
	return v <= 1;
}

static bool is_index(const struct pol_image *img, enum pol_section sec, uint32_t i)
{
	return i == POL_NONE || i < pol_count(img, sec);
}

static bool is_prefix(const struct prefix *p)
{
	unsigned byte = p->len / 8;

	if (p->len > 128)
		return false;
	if (p->len % 8 != 0 && (p->addr.b[byte++] & (0xff >> p->len % 8)) != 0)
		return false;
	return is_zero(p->addr.b + byte, sizeof(p->addr.b) - byte);
}

static const char *policy_judge(const struct pol_image *img, uint32_t i)
{
	const struct pol_policy *p = pol_policy_at(img, i);

	if (!is_prefix(&p->source) || !is_prefix(&p->destination))
		return "prefix with host bits or a wrong length";
	if (p->action >= POL_ACTION_COUNT)
		return "unknown action";
	if (!is_flag(p->enabled))
		return "enabled is neither 0 nor 1";
	if (p->context != POL_ANY && p->context >= pol_count(img, POL_SEC_CONTEXTS))
		return "no such context";
	if (p->vlan_lo == POL_ANY ? p->vlan_hi != POL_ANY
				  : p->vlan_lo > p->vlan_hi || p->vlan_hi > POL_VID_MAX)
		return "VLAN range is wrong";
	if (p->port_lo > p->port_hi)
		return "port range is upside down";
	if (!is_index(img, POL_SEC_SESSIONS, p->session))
		return "no such session profile";
	if (!is_index(img, POL_SEC_CONTENTS, p->content))
		return "no such content profile";
	if (!is_string(img, p->name) || !is_string(img, p->comment))
		return "no such string";
	if (p->stand_in > 1 || (i > 0 && pol_policy_at(img, i - 1)->stand_in > p->stand_in))
		return "a stand-in is not behind the list";
	return p->spare == 0 ? NULL : "spare field in use";
}

// A range behind the one before it, if there is one that counts.
static bool ranges_ascend(const struct pol_range *r, bool behind)
{
	return memcmp(r->lo.b, r->hi.b, sizeof(r->lo.b)) <= 0 &&
		(!behind || memcmp(r[-1].hi.b, r->lo.b, sizeof(r->lo.b)) < 0);
}

static bool minutes_fit(uint16_t minutes, unsigned any_rate)
{
	return minutes <= POL_RATE_MAX_MIN && (minutes > 0 || any_rate == 0);
}

static const char *limits_judge(const struct pol_session *s)
{
	if (s->total_connections > POL_TOTAL_CONNECTIONS_MAX ||
		s->client_connections > POL_CLIENT_CONNECTIONS_MAX ||
		s->client_rate > POL_RATE_MAX)
		return "too many connections";
	if (s->client_messages > POL_RATE_MAX || s->client_recipients > POL_RATE_MAX ||
		s->sender_messages > POL_RATE_MAX || s->sender_recipients > POL_RATE_MAX)
		return "too many messages or recipients";
	if (!minutes_fit(s->client_rate_min,
		    s->client_rate | s->client_messages | s->client_recipients) ||
		!minutes_fit(s->sender_rate_min, s->sender_messages | s->sender_recipients))
		return "minutes of a rate are wrong";
	return NULL;
}

static const char *reputation_judge(const struct pol_session *s)
{
	if (s->endpoint_reputation >= POL_REPUTATION_COUNT ||
		s->sender_reputation >= POL_REPUTATION_COUNT ||
		s->auth_reputation >= POL_REPUTATION_COUNT || s->refuse_at >= POL_REFUSE_COUNT)
		return "unknown choice of reputation";
	if (s->throttle_at > POL_SENDER_SCORE_MAX || s->tempfail_at > POL_SENDER_SCORE_MAX ||
		s->reject_at > POL_SENDER_SCORE_MAX)
		return "score is too high";
	if (s->throttle_messages > POL_RATE_MAX || s->throttle_percent > POL_THROTTLE_PERCENT_MAX)
		return "throttle is out of range";
	if (s->endpoint_trigger > POL_TRIGGER_MAX ||
		s->endpoint_duration_min > POL_DURATION_MAX_MIN ||
		(s->endpoint_duration_min == 0 && s->endpoint_reputation != POL_REPUTATION_OFF))
		return "trigger or duration is out of range";
	return s->spare16 == 0 ? NULL : "spare field in use";
}

static const char *session_judge(const struct pol_image *img, uint32_t i)
{
	const struct pol_session *s = pol_session_at(img, i);

	if (!is_string(img, s->name))
		return "no such string";
	if (!is_flag(s->prevent_encryption) || !is_flag(s->mask_chunking) ||
		!is_flag(s->mask_unknown) || !is_flag(s->strict_lines) ||
		!is_flag(s->refuse_possible_end) || !is_flag(s->syntax_check) ||
		!is_flag(s->helo_characters))
		return "a switch is neither 0 nor 1";
	if (s->check_helo_domain > POL_DOMAIN_EXISTS ||
		s->check_recipient_domain > POL_DOMAIN_EXISTS ||
		s->check_sender_domain >= POL_DOMAIN_COUNT || !is_flag(s->reject_empty_domain) ||
		!is_flag(s->check_three_way))
		return "unknown check of a domain";
	const struct pol_session *last = i == 0 ? NULL : pol_session_at(img, i - 1);
	// Each run behind the last: so no image makes us look at one server twice.
	if (s->blocked != (last == NULL ? 0 : last->blocked + last->nblocked) ||
		s->nblocked > pol_count(img, POL_SEC_BLOCKED) - s->blocked)
		return "no such blocked servers";
	for (uint32_t k = 0; k < s->nblocked; k++)
		if (!ranges_ascend(pol_blocked_at(img, s->blocked + k), k > 0))
			return "blocked servers do not ascend";
	if (s->idle_ms > POL_IDLE_MAX_MS)
		return "idle time is too long";
	if (s->relaying >= POL_RELAYING_COUNT || s->pipelining >= POL_PIPELINING_COUNT)
		return "unknown choice";
	const uint8_t limits[] = {s->max_helo, s->max_mail, s->max_noop, s->max_rset, s->max_errors,
		s->max_recipient_errors, s->errors_free};
	for (size_t k = 0; k < sizeof(limits); k++) {
		if (limits[k] > POL_SESSION_LIMIT_MAX)
			return "limit is too high";
	}
	if (s->error_delay_s > POL_DELAY_MAX_S || s->error_delay_step_s > POL_DELAY_MAX_S)
		return "delay is too long";
	if (s->max_message_kb > POL_KB_MAX || s->max_header_kb > POL_KB_MAX)
		return "size is too large";
	for (unsigned k = 0; k < POL_LIST_USES; k++) {
		if (s->list[k] > pol_count(img, POL_SEC_LISTS))
			return "no such list";
	}
	if (s->key != pol_session_key(pol_string(img, s->name)))
		return "key is not that of its name";
	const char *fault = limits_judge(s);
	return fault != NULL ? fault : reputation_judge(s);
}

static const char *content_judge(const struct pol_image *img, uint32_t i)
{
	const struct pol_content *c = pol_content_at(img, i);
	const char *text;

	if (!is_string(img, c->name) || !is_string(img, c->text))
		return "no such string";
	if (c->action >= POL_CONTENT_COUNT)
		return "unknown action";
	// The text goes into a reply as it is: a CR or LF there would be a reply of its own.
	text = pol_string(img, c->text);
	for (size_t n = 0; text[n] != '\0'; n++) {
		if (text[n] < ' ' || text[n] > '~' || n >= POL_TEXT_MAX)
			return "reply text is too long or not printable";
	}
	if (!is_zero(c->spare8, sizeof(c->spare8)) || !is_zero(c->spare, sizeof(c->spare)))
		return "spare field in use";
	return NULL;
}

static const char *context_judge(const struct pol_image *img, uint32_t i)
{
	const struct pol_context *c = pol_context_at(img, i);

	if (!is_string(img, c->name))
		return "no such string";
	if (!is_flag(c->by_vlan))
		return "by_vlan is neither 0 nor 1";
	if (!is_zero(c->spare8, sizeof(c->spare8)) || c->spare != 0)
		return "spare field in use";
	return NULL;
}

static const char *pickup_judge(const struct pol_image *img, uint32_t i)
{
	const struct pol_pickup *p = pol_pickup_at(img, i);

	if (p->port == 0 || (i > 0 && pol_pickup_at(img, i - 1)->port >= p->port))
		return "ports do not ascend";
	return is_zero(p->spare, sizeof(p->spare)) ? NULL : "spare field in use";
}

static bool is_stand_in(const struct pol_image *img, uint32_t i)
{
	return i == POL_NONE ||
		(i < pol_count(img, POL_SEC_POLICIES) && pol_policy_at(img, i)->stand_in != 0);
}

static const char *pick_judge(const struct pol_image *img, uint32_t i)
{
	const struct pol_pick *p = pol_pick_at(img, i);

	if (p->local > 1)
		return "local is neither yes nor no";
	return is_stand_in(img, p->incoming) && is_stand_in(img, p->outgoing) ? NULL
									      : "no such stand-in";
}

static const char *server_judge(const struct pol_image *img, uint32_t i)
{
	return ranges_ascend(pol_server_at(img, i), i > 0) ? NULL : "ranges do not ascend";
}

static const char *blocked_judge(const struct pol_image *img, uint32_t i)
{
	const struct pol_range *r = pol_blocked_at(img, i); // their order is session_judge's

	return memcmp(r->lo.b, r->hi.b, sizeof(r->lo.b)) <= 0 ? NULL : "range is upside down";
}

static const char *group_judge(const struct pol_image *img, uint32_t i)
{
	const struct pol_group *g = pol_group_at(img, i);

	if (!is_string(img, g->name))
		return "no such string";
	if (g->key != pol_group_key(pol_string(img, g->name)))
		return "key is not its name's";
	for (uint32_t k = 0; k < i; k++) {
		if (pol_group_at(img, k)->key == g->key)
			return "key is there twice";
	}
	return NULL;
}

static const char *rule_judge(const struct pol_image *img, uint32_t i)
{
	const struct pol_rule *r = pol_rule_at(img, i);

	if (r->id == 0)
		return "rule without an id";
	if (r->scope >= POL_SCOPE_COUNT)
		return "unknown scope";
	if (r->score < -POL_SCORE_MAX || r->score > POL_SCORE_MAX)
		return "score out of range";
	if (!is_string(img, r->name))
		return "no such string";
	if (r->group > pol_count(img, POL_SEC_GROUPS))
		return "no such group";
	if (pol_section(img, POL_SEC_DB_HELO + r->scope).n == 0)
		return "no database for the scope";
	if (!is_zero(r->spare8, sizeof(r->spare8)) || !is_zero(r->spare, sizeof(r->spare)))
		return "spare field in use";
	return NULL;
}

// Every scope's database has rules; the other direction is rule_judge's.
static const char *databases_judge(const struct pol_image *img)
{
	uint32_t rules[POL_SCOPE_COUNT] = {0};

	for (uint32_t i = 0; i < pol_count(img, POL_SEC_RULES); i++)
		rules[pol_rule_at(img, i)->scope]++;
	for (unsigned s = 0; s < POL_SCOPE_COUNT; s++) {
		if (rules[s] == 0 && pol_section(img, POL_SEC_DB_HELO + s).n != 0)
			return "database without rules";
	}
	return NULL;
}

static const char *client_judge(const struct pol_image *img, uint32_t i)
{
	return is_prefix(pol_client_at(img, i)) ? NULL : "prefix with host bits or a wrong length";
}

static const struct {
	enum pol_section sec;
	const char *what;
	uint32_t max;
	record_cb judge;
} RECORDS[] = {
	{POL_SEC_SESSIONS, "session profile", POL_PROFILES_MAX, session_judge},
	{POL_SEC_CONTENTS, "content profile", POL_PROFILES_MAX, content_judge},
	{POL_SEC_CONTEXTS, "context", POL_CONTEXTS_MAX, context_judge},
	{POL_SEC_POLICIES, "policy", POL_POLICIES_MAX + POL_STAND_INS_MAX, policy_judge},
	{POL_SEC_PICKUP, "picked-up port", UINT16_MAX, pickup_judge},
	{POL_SEC_PICKS, "pick-up by port", POL_PORTS_MAX, pick_judge},
	{POL_SEC_SERVERS, "protected server", POL_SERVERS_MAX, server_judge},
	{POL_SEC_CLIENTS, "client of an access rule", POL_CLIENTS_MAX, client_judge},
	{POL_SEC_SLOTS, "slot of a list", POL_SLOTS_MAX, pol_slot_judge},
	{POL_SEC_GLOBS, "glob of a list", POL_GLOBS_MAX, pol_glob_judge},
	{POL_SEC_LISTS, "list", POL_LISTS_MAX, pol_list_judge},
	{POL_SEC_ACCESS, "access rule", POL_ACCESS_MAX, pol_access_judge},
	{POL_SEC_BLOCKED, "blocked server", POL_BLOCKED_MAX, blocked_judge},
	{POL_SEC_GROUPS, "group of rules", POL_GROUPS_MAX, group_judge},
	{POL_SEC_RULES, "rule", POL_RULES_MAX, rule_judge},
};

static int records_verify(const struct pol_image *img, struct err_list *err)
{
	for (size_t k = 0; k < sizeof(RECORDS) / sizeof(RECORDS[0]); k++) {
		uint32_t n = pol_count(img, RECORDS[k].sec);

		if (n > RECORDS[k].max) {
			err_add(err, "policy image: more than %u records of kind %s",
				RECORDS[k].max, RECORDS[k].what);
			return -EINVAL;
		}
		for (uint32_t i = 0; i < n; i++) {
			const char *why = RECORDS[k].judge(img, i);

			if (why != NULL) {
				err_add(err, "policy image: %s %u: %s", RECORDS[k].what, i, why);
				return -EINVAL;
			}
		}
	}
	return 0;
}

int pol_verify(struct span bytes, const struct pol_image **out, struct err_list *err)
{
	const struct pol_image *img = (const struct pol_image *)bytes.p;
	const char *why = head_judge(bytes);

	if (why == NULL)
		why = extents_judge(bytes);
	if (why == NULL)
		why = strings_judge(img);
	if (why == NULL && records_verify(img, err) != 0)
		return -EINVAL;
	if (why == NULL)
		why = pol_index_judge(img);
	if (why == NULL)
		why = databases_judge(img);
	if (why != NULL) {
		err_add(err, "policy image: %s", why);
		return -EINVAL;
	}
	*out = img;
	return 0;
}

// SPDX-License-Identifier: BSD-3-Clause
// Access to a verified image. The image is its own bytes: struct pol_image is never defined, a
// pointer to it is a pointer to the head. Nothing here checks; pol_verify has done so.
// Thread: any, on a verified image.
#include "pol_image.h"

#include <stddef.h>
#include <string.h>

#include "hash.h"

static const uint32_t RECORD_BYTES[POL_SEC_COUNT] = {
	[POL_SEC_STRINGS] = 1,
	[POL_SEC_POLICIES] = sizeof(struct pol_policy),
	[POL_SEC_SESSIONS] = sizeof(struct pol_session),
	[POL_SEC_CONTENTS] = sizeof(struct pol_content),
	[POL_SEC_CONTEXTS] = sizeof(struct pol_context),
	[POL_SEC_INDEX] = 1,
	[POL_SEC_PICKUP] = sizeof(struct pol_pickup),
	[POL_SEC_PICKS] = sizeof(struct pol_pick),
	[POL_SEC_SERVERS] = sizeof(struct pol_range),
	[POL_SEC_ACCESS] = sizeof(struct pol_access),
	[POL_SEC_CLIENTS] = sizeof(struct prefix),
	[POL_SEC_LISTS] = sizeof(struct pol_list),
	[POL_SEC_SLOTS] = sizeof(struct pol_slot),
	[POL_SEC_GLOBS] = sizeof(struct pol_glob),
	[POL_SEC_BLOCKED] = sizeof(struct pol_range),
	[POL_SEC_GROUPS] = sizeof(struct pol_group),
	[POL_SEC_RULES] = sizeof(struct pol_rule),
	[POL_SEC_DB_HELO] = 1,
	[POL_SEC_DB_MAIL] = 1,
	[POL_SEC_DB_RCPT] = 1,
	[POL_SEC_DB_HEADER] = 1,
	[POL_SEC_DB_BODY] = 1,
};
_Static_assert(POL_SEC_COUNT - POL_SEC_DB_HELO == (int)POL_SCOPE_COUNT, "one database a scope");
_Static_assert(sizeof(struct pol_policy) == 72, "layout of the image");
_Static_assert(offsetof(struct pol_policy, ingress) == 40, "layout of the image");
_Static_assert(sizeof(struct pol_session) == 112, "layout of the image: no padding");
_Static_assert(offsetof(struct pol_session, key) == 104, "layout of the image");

uint32_t pol_record_bytes(enum pol_section sec)
{
	return RECORD_BYTES[sec];
}

uint32_t pol_checksum(struct span bytes)
{
	static const uint8_t none[sizeof(uint32_t)];
	const size_t at = offsetof(struct pol_head, crc), behind = at + sizeof(none);
	uint32_t crc = hash_crc32c(0, bytes.p, at);

	crc = hash_crc32c(crc, none, sizeof(none));
	return hash_crc32c(crc, bytes.p + behind, bytes.n - behind);
}

const struct pol_head *pol_head(const struct pol_image *img)
{
	return (const struct pol_head *)img;
}

struct span pol_section(const struct pol_image *img, enum pol_section sec)
{
	const struct pol_extent *x = &pol_head(img)->sec[sec];

	return (struct span){.p = (const uint8_t *)img + x->off, .n = x->len};
}

static const void *record_at(const struct pol_image *img, enum pol_section sec, uint32_t i)
{
	return pol_section(img, sec).p + (size_t)i * RECORD_BYTES[sec];
}

const char *pol_string(const struct pol_image *img, uint32_t off)
{
	return record_at(img, POL_SEC_STRINGS, off);
}

uint32_t pol_count(const struct pol_image *img, enum pol_section sec)
{
	return (uint32_t)(pol_head(img)->sec[sec].len / RECORD_BYTES[sec]);
}

const struct pol_policy *pol_policy_at(const struct pol_image *img, uint32_t i)
{
	return record_at(img, POL_SEC_POLICIES, i);
}

const struct pol_session *pol_session_at(const struct pol_image *img, uint32_t i)
{
	return record_at(img, POL_SEC_SESSIONS, i);
}

const struct pol_content *pol_content_at(const struct pol_image *img, uint32_t i)
{
	return record_at(img, POL_SEC_CONTENTS, i);
}

const struct pol_context *pol_context_at(const struct pol_image *img, uint32_t i)
{
	return record_at(img, POL_SEC_CONTEXTS, i);
}

const struct pol_pickup *pol_pickup_at(const struct pol_image *img, uint32_t i)
{
	return record_at(img, POL_SEC_PICKUP, i);
}

const struct pol_pick *pol_pick_at(const struct pol_image *img, uint32_t i)
{
	return record_at(img, POL_SEC_PICKS, i);
}

const struct pol_range *pol_server_at(const struct pol_image *img, uint32_t i)
{
	return record_at(img, POL_SEC_SERVERS, i);
}

uint32_t pol_list_count(const struct pol_image *img)
{
	uint32_t n = pol_count(img, POL_SEC_POLICIES);

	while (n > 0 && pol_policy_at(img, n - 1)->stand_in != 0)
		n--;
	return n;
}

const struct pol_range *pol_blocked_at(const struct pol_image *img, uint32_t i)
{
	return record_at(img, POL_SEC_BLOCKED, i);
}

const struct pol_group *pol_group_at(const struct pol_image *img, uint32_t i)
{
	return record_at(img, POL_SEC_GROUPS, i);
}

uint32_t pol_group_key(const char *name)
{
	return hash_crc32c(0, name, strlen(name));
}

uint64_t pol_session_key(const char *name)
{
	static const uint8_t none[16]; // who uses the key has a secret, or needs none

	return hash_siphash(none, name, strlen(name));
}

const struct pol_rule *pol_rule_at(const struct pol_image *img, uint32_t i)
{
	return record_at(img, POL_SEC_RULES, i);
}

const struct pol_access *pol_access_at(const struct pol_image *img, uint32_t i)
{
	return record_at(img, POL_SEC_ACCESS, i);
}

const struct prefix *pol_client_at(const struct pol_image *img, uint32_t i)
{
	return record_at(img, POL_SEC_CLIENTS, i);
}

const struct pol_list *pol_list_at(const struct pol_image *img, uint32_t i)
{
	return record_at(img, POL_SEC_LISTS, i);
}

const struct pol_glob *pol_glob_at(const struct pol_image *img, uint32_t i)
{
	return record_at(img, POL_SEC_GLOBS, i);
}

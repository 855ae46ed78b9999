// SPDX-License-Identifier: BSD-3-Clause
// Which access rule takes a recipient. Thread: any; no state.
#include "pol_access.h"

#include <string.h>

#include "pol_match.h"

static bool client_takes(
	const struct pol_image *img, const struct pol_access *r, const struct addr *client)
{
	for (uint32_t i = 0; i < r->nclients; i++) {
		if (prefix_has(pol_client_at(img, r->clients + i), client))
			return true;
	}
	return r->nclients == 0;
}

static bool direction_takes(
	const struct pol_image *img, const struct pol_access *r, const struct addr *server)
{
	return r->direction == POL_DIRECTION_ANY ||
		(r->direction == POL_DIRECTION_IN) == pol_is_incoming(img, server);
}

static bool auth_takes(const struct pol_access *r, bool auth)
{
	return r->auth == POL_AUTH_ANY || (r->auth == POL_AUTH_YES) == auth;
}

void pol_access_mail(const struct pol_image *img, const struct addr *client,
	const struct addr *server, const struct pol_word *helo, const struct pol_word *sender,
	struct pol_access_bits *out)
{
	const uint32_t n = pol_count(img, POL_SEC_ACCESS);

	*out = (struct pol_access_bits){0};
	for (uint32_t i = 0; i < n; i++) {
		const struct pol_access *r = pol_access_at(img, i);

		if (r->enabled && client_takes(img, r, client) && direction_takes(img, r, server) &&
			pol_list_takes(img, r->helo, helo) &&
			pol_list_takes(img, r->sender, sender))
			out->w[i / 64] |= UINT64_C(1) << i % 64;
	}
}

uint32_t pol_access_rcpt(const struct pol_image *img, const struct pol_access_bits *bits, bool auth,
	const struct pol_word *recipient)
{
	const uint32_t words = (pol_count(img, POL_SEC_ACCESS) + 63) / 64;

	for (uint32_t k = 0; k < words; k++) {
		for (uint64_t left = bits->w[k]; left != 0; left &= left - 1) {
			const uint32_t i = k * 64 + (uint32_t)__builtin_ctzll(left);
			const struct pol_access *r = pol_access_at(img, i);

			if (auth_takes(r, auth) && pol_list_takes(img, r->recipient, recipient))
				return i;
		}
	}
	return POL_NONE;
}

enum pol_access_miss pol_access_explain(
	const struct pol_image *img, const struct pol_access_key *key, uint32_t i)
{
	const struct pol_access *r = pol_access_at(img, i);

	if (!r->enabled)
		return POL_ACCESS_DISABLED;
	if (!client_takes(img, r, &key->client))
		return POL_ACCESS_CLIENT;
	if (!direction_takes(img, r, &key->server))
		return POL_ACCESS_DIRECTION;
	if (!auth_takes(r, key->auth))
		return POL_ACCESS_AUTH;
	if (!pol_list_takes(img, r->helo, &key->helo))
		return POL_ACCESS_HELO;
	if (!pol_list_takes(img, r->sender, &key->sender))
		return POL_ACCESS_SENDER;
	return pol_list_takes(img, r->recipient, &key->recipient) ? POL_ACCESS_TAKES
								  : POL_ACCESS_RECIPIENT;
}

static bool is_list(const struct pol_image *img, uint32_t i)
{
	return i == POL_NONE || i < pol_count(img, POL_SEC_LISTS);
}

const char *pol_access_judge(const struct pol_image *img, uint32_t i)
{
	const struct pol_access *r = pol_access_at(img, i);
	const uint32_t clients = pol_count(img, POL_SEC_CLIENTS);

	if (r->name >= pol_count(img, POL_SEC_STRINGS))
		return "no such string";
	if (r->clients > clients || r->nclients > clients - r->clients)
		return "no such client";
	if (!is_list(img, r->helo) || !is_list(img, r->sender) || !is_list(img, r->recipient))
		return "no such list";
	if (r->auth >= POL_AUTH_COUNT)
		return "unknown state of AUTH";
	if (r->action >= POL_ACCESS_COUNT)
		return "unknown action";
	if (r->enabled > 1)
		return "enabled is neither 0 nor 1";
	return r->direction < POL_DIRECTION_COUNT ? NULL : "unknown direction";
}

// SPDX-License-Identifier: BSD-3-Clause
// Words for the numbers in records: a record names its policy and context by index in an image that
// may have been replaced meanwhile, and its rules by id; the profiles follow from the policy. The names of
// the last few images are kept: of more than the data plane keeps for its sessions.
// Thread: the loop's.
#pragma once

#include <stdint.h>

#include "pol_image.h"

struct serve_names;

enum {
	SERVE_NAMES_KEPT = 16, // images; the data plane keeps 8 beside the one in force
	SERVE_LABEL_MAX = 100, // bytes of a rule's label
};

struct serve_rep_profile { // enum pol_reputation
	uint8_t endpoint, sender, auth;
	uint32_t trigger, duration_s; // of an endpoint
};

struct serve_names *serve_names_new(void);    // NULL without memory
void serve_names_free(struct serve_names *n); // NULL is fine
// Remembers an image's names; does nothing where that version is known or memory short.
void serve_names_add(struct serve_names *n, const struct pol_image *img);
// NULL where unknown.
const char *serve_names_policy(const struct serve_names *n, uint64_t version, uint32_t i);
const char *serve_names_context(const struct serve_names *n, uint64_t version, uint32_t i);
// Of the profiles that a policy names; NULL also where it names none.
const char *serve_names_session(const struct serve_names *n, uint64_t version, uint32_t policy);
const char *serve_names_content(const struct serve_names *n, uint64_t version, uint32_t policy);
// What a session profile (by index) makes of reputation; NULL where unknown.
const struct serve_rep_profile *serve_names_reputation(
	const struct serve_names *n, uint64_t version, uint32_t i);
// Name of a context by its key in the newest image that has it (api_binding.context); NULL where unknown.
const char *serve_names_context_key(const struct serve_names *n, uint32_t key);
// An access rule by 1 + its index in an image newer than `version` or the same, of whose version `image`
// is the lower half; NULL also for 0.
const char *serve_names_access(
	const struct serve_names *n, uint64_t version, uint32_t image, uint32_t rule);
// Label of a rule by its id; NULL also where it has none.
const char *serve_names_rule(const struct serve_names *n, uint64_t version, uint32_t id);

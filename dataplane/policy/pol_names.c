// SPDX-License-Identifier: BSD-3-Clause
// The words of the configuration for the image's enumerations. Thread: any; constant tables.
#include "pol_access.h"
#include "pol_image.h"
#include "pol_match.h"

static const char *const ACTIONS[] = {
	[POL_PASS] = "pass",
	[POL_INSPECT] = "inspect",
	[POL_REJECT] = "reject",
	[POL_TEMPFAIL] = "tempfail",
	[POL_DROP] = "drop",
};
_Static_assert(sizeof(ACTIONS) / sizeof(ACTIONS[0]) == POL_ACTION_COUNT, "a word each");

static const char *const SCOPES[] = {
	[POL_SCOPE_HELO] = "helo",
	[POL_SCOPE_MAIL] = "mail",
	[POL_SCOPE_RCPT] = "rcpt",
	[POL_SCOPE_HEADER] = "header",
	[POL_SCOPE_BODY] = "body",
};
_Static_assert(sizeof(SCOPES) / sizeof(SCOPES[0]) == POL_SCOPE_COUNT, "a word each");

static const char *const MISSES[] = {
	[POL_MISS_NONE] = "matches",
	[POL_MISS_DISABLED] = "disabled",
	[POL_MISS_CONTEXT] = "context",
	[POL_MISS_INGRESS] = "ingress",
	[POL_MISS_VLAN] = "vlan",
	[POL_MISS_SOURCE] = "source",
	[POL_MISS_DESTINATION] = "destination",
	[POL_MISS_PORT] = "port",
};
_Static_assert(sizeof(MISSES) / sizeof(MISSES[0]) == POL_MISS_COUNT, "a word each");

static const char *const ACCESS_ACTIONS[] = {
	[POL_ACCESS_RELAY] = "relay",
	[POL_ACCESS_REJECT] = "reject",
	[POL_ACCESS_TEMPFAIL] = "tempfail",
	[POL_ACCESS_DISCARD] = "discard",
	[POL_ACCESS_BYPASS] = "bypass",
};
_Static_assert(sizeof(ACCESS_ACTIONS) / sizeof(ACCESS_ACTIONS[0]) == POL_ACCESS_COUNT, "a word each");

static const char *const ACCESS_MISSES[] = {
	[POL_ACCESS_TAKES] = "matches",
	[POL_ACCESS_DISABLED] = "disabled",
	[POL_ACCESS_CLIENT] = "client",
	[POL_ACCESS_DIRECTION] = "direction",
	[POL_ACCESS_AUTH] = "auth",
	[POL_ACCESS_HELO] = "helo",
	[POL_ACCESS_SENDER] = "sender",
	[POL_ACCESS_RECIPIENT] = "recipient",
};
_Static_assert(
	sizeof(ACCESS_MISSES) / sizeof(ACCESS_MISSES[0]) == POL_ACCESS_MISS_COUNT, "a word each");

const char *pol_action_name(enum pol_action a)
{
	return (unsigned)a < POL_ACTION_COUNT ? ACTIONS[a] : "unknown";
}

const char *pol_scope_name(enum pol_scope s)
{
	return (unsigned)s < POL_SCOPE_COUNT ? SCOPES[s] : "unknown";
}

const char *pol_miss_name(enum pol_miss m)
{
	return (unsigned)m < POL_MISS_COUNT ? MISSES[m] : "unknown";
}

const char *pol_access_action_name(enum pol_access_action a)
{
	return (unsigned)a < POL_ACCESS_COUNT ? ACCESS_ACTIONS[a] : "unknown";
}

const char *pol_access_miss_name(enum pol_access_miss m)
{
	return (unsigned)m < POL_ACCESS_MISS_COUNT ? ACCESS_MISSES[m] : "unknown";
}

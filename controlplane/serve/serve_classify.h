// SPDX-License-Identifier: BSD-3-Clause
// One word for each record: what kind of thing decided. It is a small, stable list for people and
// their tools, where reasons are many and grow. docs/events.md says what each means.
// Thread: any; no state.
#pragma once

#include "serve_events.h"

enum serve_class {
	SERVE_CLASS_NONE,           // nothing was decided about the session
	SERVE_CLASS_CLEAN,          // scanned, nothing found
	SERVE_CLASS_CONTENT,        // score over the threshold
	SERVE_CLASS_POLICY,         // the policy says so
	SERVE_CLASS_ACCESS,         // an access rule
	SERVE_CLASS_LIST,           // a safe or a blocked list
	SERVE_CLASS_DOMAIN,         // of HELO, sender or recipient, as the DNS has it
	SERVE_CLASS_NO_POLICY,      // none matched, or there is none
	SERVE_CLASS_NO_PROFILE,     // the policy has no content profile
	SERVE_CLASS_ENCRYPTION,     // TLS
	SERVE_CLASS_PROTOCOL,       // SMTP that could be read in two ways, or not at all
	SERVE_CLASS_TRANSPORT,      // TCP and what is below
	SERVE_CLASS_RESOURCES,      // tables or memory were short
	SERVE_CLASS_SESSION_LIMITS, // of the session profile
	SERVE_CLASS_REPUTATION,     // of the client's endpoint, or of its address
	SERVE_CLASS_ABORTED,        // an end gave up before the message was whole
	SERVE_CLASS_UNKNOWN,        // a reason of another version
	SERVE_CLASS_COUNT
};

// `names` as they go with the record.
enum serve_class serve_classify(const struct api_record *r, const struct serve_event_names *names);
// By the reason alone; SERVE_CLASS_UNKNOWN where the table does not have it.
enum serve_class serve_class_of(const char *reason);
const char *serve_class_name(enum serve_class c);

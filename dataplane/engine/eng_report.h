// SPDX-License-Identifier: BSD-3-Clause
// What a worker tells the outside: facts for reputation, lines for the event log, flow rows.
// link/ turns them into the link's messages (api_link.h); the engine knows no ring.
// Thread: filled and handed over by the worker that owns the session.
#pragma once

#include <stdint.h>

#include "addr.h"
#include "span.h"

enum eng_lane {
	ENG_LANE_PASS,
	ENG_LANE_INSPECT,
	ENG_LANE_ANSWER,
	ENG_LANE_TRANSLATE,
	ENG_LANE_COUNT
};
enum eng_flow_state { ENG_FLOW_HALF_OPEN, ENG_FLOW_OPEN, ENG_FLOW_CLOSING, ENG_FLOW_STATE_COUNT };
enum eng_outcome_kind {
	ENG_OUTCOME_ACCEPTED,
	ENG_OUTCOME_CONDEMNED,
	ENG_OUTCOME_RCPT_REFUSED,
	ENG_OUTCOME_AUTH_FAILED,
	ENG_OUTCOME_AUTH_PASSED,
	ENG_OUTCOME_COUNT
};
enum eng_verdict {
	ENG_VERDICT_CLEAN,
	ENG_VERDICT_MONITORED,
	ENG_VERDICT_REJECTED,
	ENG_VERDICT_TEMPFAILED,
	ENG_VERDICT_DISCARDED,
	ENG_VERDICT_UNSCANNED,
	ENG_VERDICT_ABORTED,
	ENG_VERDICT_COUNT
};
enum eng_record_kind {
	ENG_REC_SESSION,
	ENG_REC_MESSAGE,
	ENG_REC_REFUSAL,
	ENG_REC_SHADOW,
	ENG_REC_COUNT
};
enum { ENG_RULES_MAX = 8, ENG_REASON_NONE = 0xffff };

struct eng_who { // the connection
	struct addr client, server;
	uint16_t client_port, server_port; // host order
	uint16_t vlan;    // outer VLAN id, 0 = untagged
	uint16_t context; // index in the image, POL_ANY = none
	uint32_t policy;  // index, POL_NONE
	uint64_t image_version;
	uint64_t session; // id
	uint64_t endpoint; // key of the client's (tbl_clients.h), 0 = unknown
};

struct eng_outcome {
	enum eng_outcome_kind kind;
	uint32_t count;
	struct addr client;
	uint16_t context;
	uint32_t session_profile;
	uint64_t image_version;
	uint64_t endpoint;    // as in eng_who; 0 also where others share its address
	uint32_t context_key; // the context's name
	uint16_t vlan;        // of it, where it has several
};

// Where a candidate's decisions first part from those of the image in force, and what one of them does.
enum eng_stage {
	ENG_STAGE_CONNECT,     // by policy
	ENG_STAGE_CONNECTIONS, // limits of connections
	ENG_STAGE_EHLO,        // what the server offers
	ENG_STAGE_COMMAND,     // session profile, access rules, lists
	ENG_STAGE_ERRORS,      // refused commands
	ENG_STAGE_SIZE,        // of a message
	ENG_STAGE_CONTENT,     // at its end
	ENG_STAGE_IDLE,        // silence
	ENG_STAGE_COUNT
};
enum eng_does {
	ENG_DOES_GO,
	ENG_DOES_PASS, // unread
	ENG_DOES_INSPECT,
	ENG_DOES_DROP,
	ENG_DOES_REFUSE,
	ENG_DOES_CUT,
	ENG_DOES_HIDE,
	ENG_DOES_LOWER, // to `limit`
	ENG_DOES_DELAY, // by `value` ms
	ENG_DOES_MONITOR,
	ENG_DOES_DISCARD,
	ENG_DOES_UNSCANNED,
	ENG_DOES_COUNT
};

struct eng_decision {
	enum eng_does does;
	uint16_t code;         // of the reply; 0: none
	uint16_t reason;       // enum eng_reason, ENG_REASON_NONE
	uint32_t limit, value; // that decided; both 0: none
	uint32_t access;       // 1 + index of the access rule that decided, 0 = none
	int32_t score, threshold;
	uint32_t rules[ENG_RULES_MAX]; // ids of rules that matched, 0 = end
};

struct eng_parted {
	enum eng_stage stage;
	uint64_t candidate; // version of its image
	uint32_t policy;    // index in that image, POL_NONE
	struct eng_decision live, shadow;
};

struct eng_record {
	enum eng_record_kind kind;
	struct eng_who who;
	// session
	uint64_t duration_us, client_bytes, server_bytes;
	uint32_t messages, refused;
	enum eng_lane lane;
	bool tls, auth;
	uint16_t reason; // index into eng_stat_names, ENG_REASON_NONE; also of a refusal
	// message
	uint64_t id;     // also of a refusal
	uint32_t limit, value; // of a refusal: what was passed, and by what; both 0: no limit
	uint32_t access; // 1 + index of the access rule that decided, 0 = none; also of a refusal
	uint64_t access_image; // version of the image that has it
	uint64_t octets; // of content, as RFC 5321 4.5.3.1.7 counts them: dots unstuffed
	uint32_t scan_ns, recipients;
	int32_t score, threshold;
	uint32_t rules[ENG_RULES_MAX]; // operator's rule ids, 0 = end
	uint32_t rules_total;
	uint16_t code; // also of a refusal
	enum eng_verdict verdict;
	bool bdat;
	struct span helo, from, to, subject; // borrowed for the call; p of the last NULL: there is none
	const struct eng_parted *parted; // of a shadow's record; borrowed for the call
};

// Questions that only the control plane can answer, and its findings.
enum eng_ask_kind { ENG_ASK_NONE, ENG_ASK_HELO, ENG_ASK_SENDER, ENG_ASK_RECIPIENT, ENG_ASK_COUNT };
enum eng_find { // what is known of a domain
	ENG_FIND_NONE,
	ENG_FIND_EXISTS,  // it has an MX, A or AAAA record
	ENG_FIND_NO_MAIL, // it exists and says that it takes no mail
	ENG_FIND_ABSENT,
	ENG_FIND_UNKNOWN, // the DNS could not tell
	ENG_FIND_COUNT
};
enum { ENG_DOMAIN_MAX = 253 };

struct eng_question {
	uint64_t session; // id of who waits
	uint64_t key;     // the worker's mark of the name; comes back, as do session and flow
	uint64_t asker;   // the client (an IPv6 one's network), the same for all its sessions
	uint32_t flow;    // place in the worker's flow table
	uint32_t deadline_ms;
	enum eng_ask_kind kind;
	enum eng_find otherwise; // what counts without an answer
	struct span name;        // 1..ENG_DOMAIN_MAX raw bytes, borrowed for the call
};

struct eng_finding {
	uint64_t session, key;
	uint32_t flow;
	uint32_t ttl_ms;
	enum eng_ask_kind kind; // not NONE
	enum eng_find found;    // not NONE
};

struct eng_flow_row {
	struct eng_who who;
	enum eng_lane lane;
	enum eng_flow_state state;
	uint64_t age_ms, idle_ms, client_bytes, server_bytes;
};

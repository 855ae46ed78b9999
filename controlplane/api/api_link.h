// SPDX-License-Identifier: BSD-3-Clause
// The link between data plane and control plane: what lies in the shared memory and what the
// messages look like. Fixed-size messages by value, no pointer, no lock. The data plane creates
// the memory; each side copies what it takes, then verifies, then uses it.
// Byte order and alignment: native (both ends run on one host). A change of any layout here raises
// API_LINK_VERSION; tests/unit/api holds the sizes.
#pragma once

#include <stdint.h>

#include "addr.h"

#define API_LINK_MAGIC UINT64_C(0x314b4e494c57494d) // "MIWLINK1"
#define API_LINK_VERSION 11

enum { API_WORKERS_MAX = 64, API_SLOTS = 3, API_TEXT_MAX = 128, API_RULES_MAX = 8 };
enum { API_DRAIN_WAIT_MAX_S = 7 * 24 * 3600 };
enum { API_SLOT_SHADOW = 2 }; // where a candidate's image lies; those before it are for images in force

// First datagram of the data plane on link.sock (SOCK_SEQPACKET), with three descriptors by
// SCM_RIGHTS: the link memory (read-write, sealed SHRINK|GROW|SEAL), the statistics and the limit cells
// (api_cells.h; both read-only). Without limit cells two.
struct api_hello {
	uint64_t magic;
	uint32_t version;
	uint32_t workers;
	uint64_t boot;        // of the data plane: seconds since 1970 at its start
	uint64_t epoch;       // of this attachment, counts up
	uint64_t link_bytes, stats_bytes;
	uint64_t image_version; // in force now, 0 = none
	uint64_t command_off;                     // ring: control plane -> manager
	uint64_t event_off;                       // ring: manager -> control plane
	uint64_t outcome_off[API_WORKERS_MAX];    // rings: worker -> control plane, never dropped
	uint64_t record_off[API_WORKERS_MAX];     // the same, may be lost (counted)
	uint64_t ask_off[API_WORKERS_MAX];        // rings: worker -> control plane
	uint64_t answer_off[API_WORKERS_MAX];     // rings: control plane -> worker
	uint64_t slot_off[API_SLOTS];             // image slots
	uint64_t slot_bytes;                      // of one slot
	int32_t pid;                              // of the data plane
	uint32_t counts_open;      // 1: what limits counted before may be handed back (API_CMD_COUNTS)
	uint64_t cells_bytes;      // of the limit cells, 0 = none
	uint64_t counts_off, counts_bytes; // where struct api_count lie that are handed back
	uint64_t binding_off;              // ring: control plane -> manager: struct api_binding
	uint64_t fact_off;                 // the same: struct api_fact
	uint32_t bindings, endpoints, senders; // that the data plane has room for
	uint32_t spare;
};

// After the hello either side may send one-byte datagrams on the socket: "look at the rings".
// Closing the socket detaches. The control plane sends one each half second at least: so it is known to live.

enum api_command_kind {
	API_CMD_NONE,
	API_CMD_IMAGE,
	API_CMD_FLOWS,
	API_CMD_PING,
	API_CMD_SHADOW, // a candidate beside the image in force: `image`, 0 bytes = none any more. It ends
			// by itself with the attachment, and where another image comes into force
	API_CMD_COUNTS, // what the limits of a data plane before this one counted: `counts`. Before the first
			// image; -EALREADY behind it. What comes after it waits until it is done
	API_CMD_DRAIN, // `drain`: begins, is begun anew with other values, or ends
	API_CMD_COUNT
};

struct api_command { // control plane -> manager
	uint32_t kind;       // enum api_command_kind
	uint32_t seq;        // chosen by the sender, comes back in the answer
	union {
		struct { uint32_t slot; uint32_t spare; uint64_t bytes, version; } image;
		struct { uint32_t max; uint32_t spare; } flows; // at most `max` rows
		// on 1: new connections are not read; refuse 1: they get 421; wait_ms 0: without a deadline.
		// on 0: it ends, the others are 0
		struct {
			uint32_t on, refuse;
			uint64_t wait_ms;
		} drain;
		struct { uint64_t rows; uint8_t secret[16]; } counts; // struct api_count; of their cells
		uint64_t pad[6];
	};
};

enum api_event_kind { API_EVT_NONE, API_EVT_ACK, API_EVT_FLOW, API_EVT_FLOWS_END, API_EVT_COUNT };

enum api_lane { API_LANE_PASS, API_LANE_INSPECT, API_LANE_ANSWER, API_LANE_TRANSLATE, API_LANE_COUNT };

struct api_flow {
	struct addr client, server;
	uint16_t client_port, server_port, vlan, context;
	uint8_t lane, worker, state, spare8; // state: enum api_flow_state
	uint32_t policy;       // index in the image it was bound under, 0xffffffff = none
	uint64_t policy_version;
	uint64_t age_ms, idle_ms;
	uint64_t client_bytes, server_bytes; // forwarded TCP payload
	uint64_t session;      // id
};

enum api_flow_state { API_FLOW_HALF_OPEN, API_FLOW_OPEN, API_FLOW_CLOSING, API_FLOW_STATE_COUNT };

struct api_event { // manager -> control plane
	uint32_t kind;
	uint32_t seq;          // of the command this answers
	int32_t status;        // ACK: 0 or -errno
	uint32_t spare;
	union {
		char text[API_TEXT_MAX]; // ACK: why it failed, NUL-terminated
		struct api_flow flow;
	};
};

enum api_outcome_kind {
	API_OUT_NONE,
	API_OUT_ACCEPTED,
	API_OUT_CONDEMNED,
	API_OUT_RCPT_REFUSED,
	API_OUT_AUTH_FAILED,
	API_OUT_AUTH_PASSED,
	API_OUT_COUNT
};

struct api_outcome { // worker -> control plane: what reputation counts
	uint32_t kind;
	uint32_t count;       // how many such since the last
	struct addr client;
	uint16_t context, spare16;
	uint32_t session_profile; // index, 0xffffffff = none
	uint64_t image_version;
	uint64_t endpoint;    // of the session, 0 = unknown (api_binding)
	uint32_t context_key; // api_binding.context
	uint16_t vlan, spare; // api_binding.vlan
};

enum api_record_kind {
	API_REC_NONE, API_REC_SESSION, API_REC_MESSAGE, API_REC_REFUSAL, API_REC_SHADOW,
	API_REC_COUNT
};

enum api_stage { // where a candidate's decisions first part from those of the image in force
	API_STAGE_CONNECT,     // by policy
	API_STAGE_CONNECTIONS, // limits of connections
	API_STAGE_EHLO,        // what the server offers
	API_STAGE_COMMAND,     // session profile, access rules, lists
	API_STAGE_ERRORS,      // refused commands
	API_STAGE_SIZE,        // of a message
	API_STAGE_CONTENT,     // at its end
	API_STAGE_IDLE,        // silence
	API_STAGE_COUNT
};

enum api_does { // what a decision does
	API_DOES_GO, API_DOES_PASS, API_DOES_INSPECT, API_DOES_DROP, API_DOES_REFUSE, API_DOES_CUT,
	API_DOES_HIDE, API_DOES_LOWER, API_DOES_DELAY, API_DOES_MONITOR, API_DOES_DISCARD,
	API_DOES_UNSCANNED, API_DOES_COUNT
};

struct api_decision {
	uint16_t code;         // of the reply, 0 = none
	uint16_t reason;       // a counter's index (api_stats.h), 0xffff = none
	uint8_t does;          // enum api_does
	uint8_t spare[3];
	uint32_t limit, value; // that decided; 0, 0 = none. LOWER: to limit; DELAY: by value ms
	uint32_t access;       // 1 + index of the access rule in its image, 0 = none
	int32_t score, threshold;
	uint32_t rules[API_RULES_MAX]; // ids of rules that matched, 0 = end
};

enum api_verdict { // what became of a message
	API_VERDICT_CLEAN, API_VERDICT_MONITORED, API_VERDICT_REJECTED, API_VERDICT_TEMPFAILED,
	API_VERDICT_DISCARDED, API_VERDICT_UNSCANNED, API_VERDICT_ABORTED, API_VERDICT_COUNT
};

enum { API_HELO_MAX = 64, API_PATH_MAX = 96, API_SUBJECT_MAX = 128 };

struct api_record { // worker -> control plane: one line of the event log
	uint16_t kind;        // enum api_record_kind
	uint16_t worker;
	uint32_t policy;      // index, 0xffffffff = none
	uint64_t image_version;
	int64_t at_us;        // wall clock, microseconds since 1970: the end of what is told
	uint64_t session;     // id
	struct addr client, server;
	uint16_t client_port, server_port, vlan, context;
	uint64_t endpoint; // of the client, 0 = unknown (api_binding)
	union {
		struct {
			uint64_t duration_us, client_bytes, server_bytes;
			uint32_t messages, refused, lane;
			uint16_t reason;  // why it ended or is not read: a counter's
					  // index (api_stats.h), 0xffff = none
			uint8_t tls, auth; // 1 = STARTTLS accepted; AUTH accepted
		} session_end;
		struct {
			uint64_t id;          // of the refusal, 0 = none
			uint64_t octets;
			uint32_t scan_ns, recipients;
			int32_t score, threshold;
			uint32_t rules[API_RULES_MAX]; // ids of rules that matched, 0 = end
			uint32_t rules_total;
			uint16_t code;        // final reply the client got, 0 = none
			uint8_t verdict;      // enum api_verdict
			uint8_t bdat;         // 1 = came by BDAT
			uint16_t reason;      // why its session was cut, or it is not read; as above
			uint16_t access;      // 1 + index of the access rule, 0 = none
			uint32_t access_image; // lower half of the version that has it
			char helo[API_HELO_MAX]; // texts: cut, NUL-terminated, raw bytes
			char from[API_PATH_MAX], to[API_PATH_MAX];
			uint8_t has_subject, subject_len;
			char subject[API_SUBJECT_MAX]; // cut; raw bytes, NUL may be among them
		} message;
		struct {
			uint64_t id;
			uint16_t code;    // that the client got
			uint16_t reason;  // index of the named reason
			uint32_t limit, value; // what was passed, and by what; 0, 0 = no limit
			uint32_t access;       // 1 + index of the access rule, 0 = none
			uint32_t access_image; // lower half of the version that has it
		} refusal; // at connect, of a command or of the session
		struct {
			uint64_t candidate; // version of its image
			uint32_t policy;    // index in that image, 0xffffffff = none
			uint8_t stage;      // enum api_stage
			uint8_t spare[3];
			struct api_decision live, shadow; // what was done, what would have been
		} shadow; // of a session: where a candidate would first have decided otherwise
	};
};

// Questions: a session of a worker waits, at most until the deadline, for what only the control plane
// can find out. Nobody owes an answer: without one the worker goes by what the question says.
enum api_ask_kind { API_ASK_NONE, API_ASK_HELO, API_ASK_SENDER, API_ASK_RECIPIENT, API_ASK_COUNT };

enum api_finding { // of a domain (RFC 5321 5.1, RFC 7505)
	API_FIND_NONE,
	API_FIND_EXISTS,  // it has an MX, A or AAAA record
	API_FIND_NO_MAIL, // a null MX: it exists and takes no mail
	API_FIND_ABSENT,  // there is no such domain, or it has none of these records
	API_FIND_UNKNOWN, // the DNS said nothing that can be believed
	API_FIND_COUNT
};

enum { API_DOMAIN_MAX = 253 }; // bytes; RFC 1035 3.1 in its written form

struct api_ask {                   // worker -> control plane
	uint64_t session;          // id; comes back
	uint64_t key;              // the worker's own mark of the name; comes back
	uint64_t asker;            // the client: each has a share of what may be asked at once
	uint32_t flow;             // the session's place in the worker's table; comes back
	uint32_t deadline_ms;      // from now; what comes later is remembered for others at most
	uint8_t kind;              // enum api_ask_kind
	uint8_t otherwise;         // enum api_finding: what counts where no answer comes
	uint8_t name_len;          // 1..API_DOMAIN_MAX
	char name[API_DOMAIN_MAX]; // the domain as the client wrote it: raw bytes, no end
};

struct api_answer { // control plane -> worker
	uint64_t session, key;
	uint32_t flow;
	uint32_t ttl_ms; // how long the finding may be remembered
	uint8_t kind;    // enum api_ask_kind
	uint8_t finding; // enum api_finding, not NONE
	uint8_t spare[6];
};

// Who is where, and what is known of whom. Both rings are the control plane's word: what it says comes into
// force in the order of each ring; it says everything again to a data plane that it attaches to, between
// BEGIN and SWEEP of a number that this attachment had not before, and what was not said again goes then.
// An endpoint is known by a keyed hash of its id, not 0, which is the same over restarts.
enum api_binding_kind {
	API_BIND_NONE,
	API_BIND_SET,   // this prefix (and block of ports) is this endpoint's now
	API_BIND_CLEAR, // it is nobody's
	API_BIND_BEGIN,
	API_BIND_SWEEP, // epoch alone
	API_BIND_COUNT
};

struct api_binding {      // control plane -> manager; any one thread at a time writes the ring
	uint32_t kind;    // enum api_binding_kind
	uint32_t epoch;   // of BEGIN and SWEEP
	struct addr addr; // of a prefix in its canonical form: host bits are zero
	uint32_t context; // a hash of its name (pol_session_key, lower half, | 1)
	uint16_t vlan;    // of it, where that has several, else 0
	uint16_t port_first,
		port_last; // of its ports; 0..65535: all. Blocks of one address lie apart
	uint8_t len;       // of the prefix, 0..128; at most 4 different ones a family are kept
	uint8_t shared; // 1 = several are there: nothing that is done to an endpoint is done here
	uint32_t spare;
	uint64_t endpoint; // of SET, not 0
};

enum api_fact_kind {
	API_FACT_NONE,
	API_FACT_ENDPOINT, // of an endpoint; with flags, seconds all 0: nothing is known of it
	API_FACT_SENDER,   // of an address or prefix; likewise, and score 0
	API_FACT_BEGIN,
	API_FACT_SWEEP, // epoch alone
	API_FACT_COUNT
};

enum { API_FACT_LISTED = 1, API_FACT_EXEMPT = 2 }; // by an operator: blocked; never refused
enum { API_SCORE_MAX = 100 };                      // of a sender

struct api_fact {           // control plane -> manager
	uint32_t kind;      // enum api_fact_kind
	uint32_t epoch;     // of BEGIN and SWEEP
	uint64_t endpoint;  // of ENDPOINT
	struct addr addr;   // of SENDER: of a prefix, as in api_binding
	uint32_t context;   // of SENDER, as in api_binding
	uint16_t vlan;      // likewise
	uint8_t len;        // of the prefix, likewise
	uint8_t score;      // of SENDER
	uint32_t flags;     // API_FACT_LISTED, API_FACT_EXEMPT
	uint32_t blocked_s; // automatically, for so many seconds from now; 0 = not. ENDPOINT alone
	uint32_t auth_s;    // AUTH is refused for so many seconds from now; 0 = not
	uint32_t spare;
};

// SPDX-License-Identifier: BSD-3-Clause
// The compiled policy: one flat, immutable run of bytes made by controlplane/compile, carried over
// the link in a slot, verified here, and read in place by the workers. Offsets, never pointers.
// Native byte order and alignment, for it never leaves the host; the head's `build` refuses another
// layout.
// Thread: read-only after pol_verify.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"
#include "err.h"
#include "span.h"

#define POL_MAGIC UINT64_C(0x31474d495257494d) // "MIWRIMG1"
#define POL_FORMAT 7

enum pol_section {
	POL_SEC_STRINGS,    // NUL-terminated texts, first byte is NUL ("" = offset 0)
	POL_SEC_POLICIES,   // struct pol_policy, in match order
	POL_SEC_SESSIONS,   // struct pol_session
	POL_SEC_CONTENTS,   // struct pol_content
	POL_SEC_CONTEXTS,   // struct pol_context
	POL_SEC_INDEX,      // of the policies, pol_index.h; empty where there is none of them
	POL_SEC_PICKUP,     // struct pol_pickup
	POL_SEC_PICKS,      // struct pol_pick, by data-plane port number; empty = the list decides
	POL_SEC_SERVERS,    // struct pol_range: servers of protected domains; ascending, apart
	POL_SEC_ACCESS,     // struct pol_access, in match order
	POL_SEC_CLIENTS,    // struct prefix, of access rules
	POL_SEC_LISTS,      // struct pol_list: patterns of addresses
	POL_SEC_SLOTS,      // struct pol_slot: the lists' hashes, one behind the other
	POL_SEC_GLOBS,      // struct pol_glob: the lists' other patterns, likewise
	POL_SEC_BLOCKED,    // struct pol_range: servers that profiles block, each its own run
	POL_SEC_GROUPS,     // struct pol_group: of rules
	POL_SEC_RULES,      // struct pol_rule; the Hyperscan id of a pattern is its index here
	POL_SEC_DB_HELO,    // serialized Hyperscan databases, one a scope; empty where no rule
	POL_SEC_DB_MAIL,
	POL_SEC_DB_RCPT,
	POL_SEC_DB_HEADER,
	POL_SEC_DB_BODY,
	POL_SEC_COUNT
};

enum pol_scope {
	POL_SCOPE_HELO,
	POL_SCOPE_MAIL,
	POL_SCOPE_RCPT,
	POL_SCOPE_HEADER,
	POL_SCOPE_BODY,
	POL_SCOPE_COUNT
};

enum pol_action { // of a policy
	POL_PASS,     // forward unread
	POL_INSPECT,  // read and judge
	POL_REJECT,   // answer at connect: 554
	POL_TEMPFAIL, // answer at connect: 421
	POL_DROP,     // swallow
	POL_ACTION_COUNT
};

enum pol_relaying { // MAIL before AUTH
	POL_RELAYING_OFF,
	POL_RELAYING_IF_OFFERED, // is refused where the server offers AUTH
	POL_RELAYING_ALWAYS,     // is refused
	POL_RELAYING_COUNT
};

enum pol_pipelining { // commands sent before the last one's reply
	POL_PIPELINING_PASS,
	POL_PIPELINING_LOOSE,  // one at a time where RFC 2920 3.1 has it otherwise
	POL_PIPELINING_STRICT, // refused there
	POL_PIPELINING_NO,     // one at a time, the keyword hidden
	POL_PIPELINING_COUNT
};

enum pol_verdict { // of a content profile, on a condemned message
	POL_CONTENT_REJECT,   // 550 5.7.1
	POL_CONTENT_TEMPFAIL, // 451 4.7.1
	POL_CONTENT_DISCARD,  // 250 to the client, server cut
	POL_CONTENT_MONITOR,  // log only
	POL_CONTENT_COUNT
};

enum pol_access_action { // of an access rule, on a recipient
	POL_ACCESS_RELAY,    // permitted
	POL_ACCESS_REJECT,   // 550 5.7.1 Relay access denied
	POL_ACCESS_TEMPFAIL, // 451 4.7.1
	POL_ACCESS_DISCARD,  // 250 at the message's end, server cut
	POL_ACCESS_BYPASS,   // permitted, content not scanned
	POL_ACCESS_COUNT
};

enum pol_auth { POL_AUTH_ANY, POL_AUTH_YES, POL_AUTH_NO, POL_AUTH_COUNT };
// Of a connection: incoming is to a server of a protected domain, outgoing any other.
enum pol_direction { POL_DIRECTION_ANY, POL_DIRECTION_IN, POL_DIRECTION_OUT, POL_DIRECTION_COUNT };

enum pol_list_use { // of a session profile's lists
	POL_LIST_SAFE_SENDERS,
	POL_LIST_BLOCKED_SENDERS,
	POL_LIST_SAFE_RECIPIENTS,
	POL_LIST_BLOCKED_RECIPIENTS,
	POL_LIST_USES
};

// Sections lie behind the head in the order of enum pol_section, each at the next multiple of 64;
// what lies between them is zero, and the image ends at a multiple of 64. An empty section has an
// offset too.
struct pol_extent {
	uint64_t off; // bytes from the image's start, 64-byte aligned
	uint64_t len; // bytes
};

struct pol_head {
	uint64_t magic, size;     // size of the whole image in bytes
	uint32_t format, build;   // build = POL_BUILD of the writer
	uint32_t crc;             // CRC-32C of the whole image with this field 0
	uint32_t flags;           // none defined: 0
	uint64_t version;         // revision number of the configuration
	int64_t made_s;           // seconds since 1970
	struct pol_extent sec[POL_SEC_COUNT];
};

enum { POL_ANY = 0xffff, POL_NONE = 0xffffffff, POL_PORTS_MAX = 32 };

enum { // bounds the verifier holds an image to
	POL_ALIGN = 64,
	POL_POLICIES_MAX = 10000, // of the list; behind them at most one stand-in for each of
	POL_STAND_INS_MAX = 2,    // pass and drop
	POL_SERVERS_MAX = 10000,
	POL_BLOCKED_MAX = 100000, // of all profiles together
	POL_PROFILES_MAX = 10000, // of either kind
	POL_CONTEXTS_MAX = 15,    // a flow key has 4 bits for it
	POL_GROUPS_MAX = 32,      // a bit each
	POL_RULES_MAX = 100000,   // times POL_SCORE_MAX stays inside 31 bits
	POL_SCORE_MAX = 10000,    // of a rule, either sign
	POL_VID_MAX = 4095,
	POL_ACCESS_MAX = 1024, // a multiple of 64
	POL_CLIENTS_MAX = POL_ACCESS_MAX * 64,
	POL_LISTS_MAX = POL_ACCESS_MAX * 3 + POL_PROFILES_MAX * POL_LIST_USES,
	POL_SLOTS_MAX = 1 << 23,
	POL_GLOBS_MAX = 10000, // of all lists
	POL_PROBES_MAX = 64,   // slots from where a key's hash says to where it lies
	POL_TEXT_MAX = 200,    // bytes of a reply text; printable ASCII
	POL_IDLE_MAX_MS = 86400000,
	POL_SESSION_LIMIT_MAX = 250, // of what a session counts in 8 bits
	POL_DELAY_MAX_S = 60,
	POL_KB_MAX = 4194303, // octets stay inside 32 bits
	POL_CLIENT_CONNECTIONS_MAX = 60000,
	POL_RATE_MAX = 60000, // of anything in a rate's minutes
	POL_RATE_MAX_MIN = 1440,
	POL_TOTAL_CONNECTIONS_MAX = 10000000,
	POL_SENDER_SCORE_MAX = 100,
	POL_THROTTLE_PERCENT_MAX = 1000,
	POL_TRIGGER_MAX = 10000,
	POL_DURATION_MAX_MIN = 525600, // a year
};

struct pol_policy {
	struct prefix source, destination; // len 0 = any, both families
	uint8_t action;        // enum pol_action
	uint8_t enabled;
	uint16_t context;      // index, POL_ANY
	uint16_t stand_in;     // 1 = for a word of pickup; last in the list, never matched by it
	uint32_t ingress;      // bit set of data-plane port numbers, 0 = any
	uint16_t vlan_lo, vlan_hi; // outer VID range; both POL_ANY = any, 0..0 = untagged
	uint16_t port_lo, port_hi; // server's TCP port
	uint32_t session;      // index of the session profile, POL_NONE
	uint32_t content;      // index of the content profile, POL_NONE
	uint32_t name, comment; // string offsets
	uint32_t spare;
};

enum pol_domain { // what is asked of a domain
	POL_DOMAIN_OFF,
	POL_DOMAIN_EXISTS,   // refused where the DNS says that it takes no mail
	POL_DOMAIN_RESOLVED, // ... and put off where the DNS can't tell
	POL_DOMAIN_COUNT
};

enum pol_reputation { // what becomes of who has a bad one
	POL_REPUTATION_OFF,
	POL_REPUTATION_MONITOR, // is told in the log
	POL_REPUTATION_REJECT,  // is refused
	POL_REPUTATION_COUNT
};

enum pol_refuse_at { POL_REFUSE_CONNECT, POL_REFUSE_MAIL, POL_REFUSE_RCPT, POL_REFUSE_COUNT };

struct pol_session {
	uint32_t name;
	uint8_t prevent_encryption; // mask STARTTLS
	uint8_t mask_chunking;
	uint8_t mask_unknown;       // EHLO keywords nobody here knows: 1 = mask
	uint8_t strict_lines;       // 1 = refuse odd line ends with 500
	uint8_t refuse_possible_end;// 1 = a possible end of data that is not the strict one condemns
	uint8_t syntax_check, helo_characters;
	uint8_t relaying;           // enum pol_relaying
	uint32_t idle_ms;           // 0 = default 15 min
	uint32_t total_connections; // under this profile at a time; 0 = any number, as below
	uint16_t client_connections;// of a client at a time
	uint16_t client_rate, client_rate_min; // of a client in so many minutes, which are not 0
	uint16_t client_messages, client_recipients; // in the same minutes
	uint16_t sender_messages, sender_recipients; // of a sender's address
	uint16_t sender_rate_min;                    // in so many minutes, not 0
	uint8_t pipelining;         // enum pol_pipelining
	// Limits of a session, commands of a kind or errors; 0 = none.
	uint8_t max_helo, max_mail, max_noop, max_rset, max_errors, max_recipient_errors;
	uint8_t errors_free;                       // are answered without delay
	uint8_t error_delay_s, error_delay_step_s; // of the reply to the next, and to each further
	uint16_t max_recipients;                   // of a message; 0 = any number
	uint32_t max_message_kb, max_header_kb;    // 0 = any
	uint32_t list[POL_LIST_USES]; // 1 + index of a list, 0 = none
	uint32_t blocked, nblocked; // its run in POL_SEC_BLOCKED: ascending, apart
	uint8_t check_helo_domain;  // enum pol_domain, of clients that have not proven who they are
	uint8_t check_sender_domain, check_recipient_domain;
	uint8_t reject_empty_domain;
	uint8_t check_three_way; // recipient of the domain of HELO, sender of another
	uint8_t endpoint_reputation, sender_reputation, auth_reputation; // enum pol_reputation
	uint8_t refuse_at; // enum pol_refuse_at, of the first two
	uint8_t throttle_at, tempfail_at,
		reject_at; // scores of a sender that must be passed; 0 = never
	uint16_t throttle_messages, throttle_percent; // an hour; of those in the hour before it
	uint16_t endpoint_trigger;                    // messages in the window that must be passed
	uint16_t spare16;
	uint32_t
		endpoint_duration_min; // that an endpoint is then blocked for, not 0 where it matters
	uint64_t key; // stands for the name in every image: pol_session_key
};

struct pol_access {
	uint32_t name;              // string offset
	uint32_t clients, nclients; // records of POL_SEC_CLIENTS; none = any
	uint32_t helo, sender, recipient; // index of a list, POL_NONE = any
	uint8_t auth;               // enum pol_auth
	uint8_t action;             // enum pol_access_action
	uint8_t enabled;
	uint8_t direction; // enum pol_direction
};

struct pol_list { // of patterns, pol_word.h
	uint32_t slots, nslots; // of POL_SEC_SLOTS; a power of two, or 0
	uint32_t globs, nglobs; // of POL_SEC_GLOBS
};

struct pol_slot {
	uint32_t tag;  // upper half of the key's hash
	uint32_t text; // string offset of the key; 0 = free
};

struct pol_glob {
	uint32_t text; // string offset
};

struct pol_content {
	uint32_t name;
	int32_t threshold;  // score over which a message is condemned (strictly over)
	uint8_t action;     // enum pol_verdict
	uint8_t spare8[3];
	uint32_t text;      // reply text behind the code, "" = default
	uint32_t groups;    // of rules that count, a bit an index; all bits: any group
	uint32_t spare[3];
};

struct pol_context {
	uint32_t name;
	uint32_t ports;     // bit set of data-plane port numbers
	uint8_t by_vlan;
	uint8_t spare8[3];
	uint32_t spare;
};

struct pol_pickup {
	uint16_t port;      // TCP port, not 0; records ascend
	uint16_t spare[3];
};

struct pol_pick { // what becomes of connections that come in by a port, before the list is asked
	uint32_t incoming, outgoing; // index of a stand-in; POL_NONE = the list decides
	uint32_t local;              // 1: those to this machine itself are taken
};

struct pol_range {
	struct addr lo, hi; // both inside
};

struct pol_group { // of rules
	uint32_t name;      // string offset
	uint32_t key;       // stands for the name in every image: pol_group_key; unique
};

struct pol_rule {
	uint32_t id;        // the operator's number, unique, not 0
	int32_t score;
	uint8_t scope;      // enum pol_scope
	uint8_t group;      // index + 1, 0 = none
	uint8_t spare8[2];
	uint32_t name;      // string offset: the rule's label
	uint32_t spare[2];
};

#define POL_BUILD ((uint32_t)(sizeof(struct pol_head) * 31 + sizeof(struct pol_policy) * 7 +     \
			      sizeof(struct pol_session) * 5 + sizeof(struct pol_content) * 3 +  \
			      sizeof(struct pol_context) + sizeof(struct pol_rule) +             \
			      sizeof(struct pol_pick) * 11 + sizeof(struct pol_range) * 13 +     \
			      sizeof(struct pol_access) * 17 + sizeof(struct pol_list) * 19 +  \
			      sizeof(struct pol_group) * 23))

struct pol_image; // a verified image: the bytes themselves

// Proves that `bytes` (64-byte aligned) are a whole, right image: magic, layout, checksum, every
// section inside, whole records, every index and string offset in range, every string ended, every
// enum known, prefixes canonical, spare fields zero, a database for each scope that has rules and for
// no other, and an index that says of every connection what the list says. What is inside a database
// it cannot prove. On success *out points at the same bytes. Takes 1 to 20 ms for 10,000 policies.
// 0, or -EINVAL with the reason in *err.
int pol_verify(struct span bytes, const struct pol_image **out, struct err_list *err);

const struct pol_head *pol_head(const struct pol_image *img);
struct span pol_section(const struct pol_image *img, enum pol_section sec);
const char *pol_string(const struct pol_image *img, uint32_t off);

// Record access by index; index must be below the count.
uint32_t pol_count(const struct pol_image *img, enum pol_section sec); // records of a section
const struct pol_policy *pol_policy_at(const struct pol_image *img, uint32_t i);
const struct pol_session *pol_session_at(const struct pol_image *img, uint32_t i);
const struct pol_content *pol_content_at(const struct pol_image *img, uint32_t i);
const struct pol_context *pol_context_at(const struct pol_image *img, uint32_t i);
const struct pol_pickup *pol_pickup_at(const struct pol_image *img, uint32_t i);
const struct pol_pick *pol_pick_at(const struct pol_image *img, uint32_t i);
const struct pol_range *pol_server_at(const struct pol_image *img, uint32_t i);
const struct pol_range *pol_blocked_at(const struct pol_image *img, uint32_t i);
const struct pol_group *pol_group_at(const struct pol_image *img, uint32_t i);
const struct pol_rule *pol_rule_at(const struct pol_image *img, uint32_t i);
const struct pol_access *pol_access_at(const struct pol_image *img, uint32_t i);
const struct prefix *pol_client_at(const struct pol_image *img, uint32_t i);
const struct pol_list *pol_list_at(const struct pol_image *img, uint32_t i);
const struct pol_glob *pol_glob_at(const struct pol_image *img, uint32_t i);
// Policies of the list: those before the stand-ins.
uint32_t pol_list_count(const struct pol_image *img);

// Bytes of one record of a section; 1 where it has none (strings, index, databases).
uint32_t pol_record_bytes(enum pol_section sec);
// The checksum that belongs into pol_head.crc; `bytes` at least a head long.
uint32_t pol_checksum(struct span bytes);

// What a group's name becomes, so that images can be compared without their texts.
uint32_t pol_group_key(const char *name);
// What a session profile's name becomes, so that limits count it on in another image.
uint64_t pol_session_key(const char *name);
// Names for people; "unknown" for a number that means nothing.
const char *pol_action_name(enum pol_action a);
const char *pol_scope_name(enum pol_scope s);

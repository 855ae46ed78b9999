// SPDX-License-Identifier: BSD-3-Clause
// The configuration as read: a plain tree in one arena. One schema table (cfg_schema.c) drives
// loader, checker and printer. Thread: one at a time; read-only after cfg_load.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "addr.h"
#include "err.h"

struct cfg_place { // where in the file: for errors found later
	const char *file;
	unsigned line, col;
};

enum { // what a policy image can hold: compile/ asserts that both say the same
	CFG_PORTS_MAX = 32, // they fit a bit set
	CFG_CONTEXTS_MAX = 15,
	CFG_POLICIES_MAX = 10000,
	CFG_ACCESS_MAX = 1024,
};

enum { // what the data plane holds: main asserts that both say the same
	CFG_INTERFACES_MAX = 64,
	CFG_ADDRESSES_MAX = 7, // of an interface, beside its link-local one
	CFG_ROUTES_MAX = 1024,
	CFG_MANAGEMENT_ADDRESSES_MAX = 4,
	CFG_HEALTH_FROM_MAX = 32,
};

enum cfg_mode { CFG_MODE_PAIR, CFG_MODE_LEARN, CFG_MODE_ROUTED };
enum cfg_ttl { CFG_TTL_LOWER, CFG_TTL_KEEP };
enum cfg_health_drain { CFG_HEALTH_AT_ONCE, CFG_HEALTH_WHEN_DONE };
enum cfg_drain_new { CFG_DRAIN_PASS, CFG_DRAIN_REFUSE };
enum cfg_idle { CFG_IDLE_POLL, CFG_IDLE_PAUSE, CFG_IDLE_SLEEP };
enum cfg_pick { CFG_PICK_PROXY, CFG_PICK_PASS, CFG_PICK_DROP };
enum cfg_action { // of a policy
	CFG_ACTION_PASS,
	CFG_ACTION_INSPECT,
	CFG_ACTION_REJECT,
	CFG_ACTION_TEMPFAIL,
	CFG_ACTION_DROP,
	CFG_ACTION_COUNT
};
enum cfg_relaying { CFG_RELAYING_OFF, CFG_RELAYING_IF_OFFERED, CFG_RELAYING_ALWAYS };
enum cfg_pipelining {
	CFG_PIPELINING_PASS,
	CFG_PIPELINING_LOOSE,
	CFG_PIPELINING_STRICT,
	CFG_PIPELINING_NO
};
enum cfg_verdict { // on a condemned message
	CFG_VERDICT_REJECT,
	CFG_VERDICT_TEMPFAIL,
	CFG_VERDICT_DISCARD,
	CFG_VERDICT_MONITOR,
	CFG_VERDICT_COUNT
};
enum cfg_access_action { // of an access rule
	CFG_ACCESS_RELAY,
	CFG_ACCESS_REJECT,
	CFG_ACCESS_TEMPFAIL,
	CFG_ACCESS_DISCARD,
	CFG_ACCESS_BYPASS,
	CFG_ACCESS_COUNT
};
enum cfg_direction { // of a connection
	CFG_DIRECTION_ANY,
	CFG_DIRECTION_IN, // to a server of a protected domain
	CFG_DIRECTION_OUT,
	CFG_DIRECTION_COUNT
};
enum cfg_auth { CFG_AUTH_ANY, CFG_AUTH_YES, CFG_AUTH_NO, CFG_AUTH_COUNT };
enum cfg_list_use { // of a session profile's lists
	CFG_LIST_SAFE_SENDERS,
	CFG_LIST_BLOCKED_SENDERS,
	CFG_LIST_SAFE_RECIPIENTS,
	CFG_LIST_BLOCKED_RECIPIENTS,
	CFG_LIST_USES
};
// auto: --no-huge with one warning where none are free
enum cfg_hash { CFG_HASH_ALL, CFG_HASH_ADDRESSES, CFG_HASH_SUBJECTS };
enum cfg_huge { CFG_HUGE_AUTO, CFG_HUGE_ON, CFG_HUGE_OFF };

struct cfg_port {
	struct cfg_place at;
	const char *name, *dev;
	uint32_t mtu; // 0 = the device's
};

struct cfg_pair {
	struct cfg_place at;
	const char *a, *b;
};

struct cfg_address { // of an interface: its own, and how much of it is the link's
	struct addr addr;
	uint8_t len; // of the 16 bytes, as in struct prefix
};

struct cfg_interface {
	struct cfg_place at;
	const char *name, *port;
	uint16_t vlan; // VID, 0 = untagged
	struct cfg_address *addresses;
	uint32_t naddresses;
};

struct cfg_route {
	struct cfg_place at;
	struct prefix to;
	struct cfg_address via; // a whole address
	const char *interface;  // NULL: that in whose prefix `via` lies
};

struct cfg_management { // of this machine, through the ports
	struct cfg_place at;
	const char *device;            // name of the kernel's interface
	struct cfg_address *addresses; // none: it is not reached through the ports
	uint32_t naddresses;
	const char **from; // names of interfaces in mode routed, else of ports
	uint32_t nfrom;
};

struct cfg_health { // the TCP port that says whether we are well
	struct cfg_place at;
	uint16_t port;       // 0 = none
	struct prefix *from; // who may ask; none: anybody
	uint32_t nfrom;
	bool needs_policy, needs_control_plane, needs_ports;
	enum cfg_health_drain drain;
};

struct cfg_dataplane {
	struct cfg_place at;
	enum cfg_mode mode;
	enum cfg_idle idle;
	enum cfg_huge hugepages;
	uint32_t main_core; // CPU of the manager thread
	uint32_t *workers;  // CPU numbers
	uint32_t nworkers;
	struct cfg_port *ports;
	uint32_t nports;
	struct cfg_pair *pairs;
	uint32_t npairs;
	enum cfg_ttl ttl; // mode routed, as the next two
	struct cfg_interface *interfaces;
	uint32_t ninterfaces;
	struct cfg_route *routes;
	uint32_t nroutes;
	struct cfg_management management;
	struct cfg_health health;
	uint32_t flows;          // picked-up connections at most, read or not, all workers together
	uint32_t messages;       // messages open at once, all workers together
	uint32_t slabs;          // 2 kB retention slabs, all workers together
	uint32_t limit_cells;    // likewise
	uint32_t bindings;       // of addresses to subscribers, and subscribers; 0 = none
	uint32_t senders;        // addresses and prefixes whose reputation is known; 0 = none
	uint32_t memory_mb;      // for DPDK; 0 = computed
	uint32_t image_max_mb;   // of one image slot
	const char *file_prefix; // DPDK's; two instances differ here
	const char **eal_args;   // handed to EAL as they are
	uint32_t neal_args;
};

// The interface of a route: that which it names, else the first in one of whose prefixes `via` lies; NULL: none.
const struct cfg_interface *cfg_route_interface(
	const struct cfg_dataplane *d, const struct cfg_route *r);

struct cfg_control {                                    // names that tell instances apart
	const char *link, *rpc;                         // UNIX sockets
	const char *state_dir;                          // rules added at run time, revisions
	const char *event_log;                          // JSON lines; "-" = standard output
	const char *event_syslog;                       // socket of the daemon, "" = none
	const char *event_hash_key;                     // file, "" = texts of mail as they are
	enum cfg_hash event_hash;                       // what is hashed with it
	const char *metrics;                            // path or ADDRESS:PORT, "" = none
	enum cfg_drain_new drain_new;                   // what becomes of new connections meanwhile
	uint32_t drain_wait_s;                          // deadline of a drain, 0 = none
	const char *group;                              // group of rpc.sock; "" = unchanged
	const char *user_dataplane, *user_controlplane; // to drop to; "" = stay
};

struct cfg_pick_by { // of connections that come in by one port
	struct cfg_place at;
	const char *ingress; // a port's name
	enum cfg_pick incoming, outgoing;
	bool local;
};

struct cfg_pickup {
	struct cfg_place at;
	uint16_t *ports; // TCP
	uint32_t nports;
	enum cfg_pick incoming, outgoing; // of ports that `by` does not name
	bool local;
	struct cfg_pick_by *by;
	uint32_t nby;
};

struct cfg_domain { // protected: connections to its servers are incoming, all others outgoing
	struct cfg_place at;
	const char *name;
	struct prefix *servers;
	uint32_t nservers;
};

struct cfg_context {
	struct cfg_place at; // line 0: the default one
	const char *name;
	const char **ports;
	uint32_t nports;
	bool by_vlan;
};

struct cfg_dns {
	struct cfg_place at;
	const char **servers; // ADDRESS or ADDRESS:PORT; none = those of the system
	uint32_t nservers;
	uint32_t timeout_ms, cache_entries;
};

struct cfg_probe { // of the self-check: a server to which mail should go out by us
	struct cfg_place at;
	struct cfg_address server; // a whole address
	uint16_t port;
	const char *source; // address of this host to ask from, "" = as the host would
};

enum { CFG_PROBES_MAX = 16 };

struct cfg_doctor {
	struct cfg_place at;
	struct cfg_probe *probes;
	uint32_t nprobes;
	uint32_t every_s;
};

struct cfg_rules {
	struct cfg_place at;
	const char *file; // whole path (relative ones start at the file's folder), "" = none
};

enum cfg_store_loss { CFG_LOSS_CONTINUE, CFG_LOSS_STOP_PICKUP };

struct cfg_store {
	struct cfg_place at;
	const char *file; // "" = mailweir.db in control.state_dir, CFG_STORE_MEMORY = none
	uint8_t on_loss;  // enum cfg_store_loss
};
#define CFG_STORE_MEMORY "memory"

enum { CFG_NAS_MAX = 1000, CFG_NAS_ADDRESSES_MAX = 4, CFG_LISTEN_MAX = 16 };

struct cfg_nas { // who may send accounting
	struct cfg_place at;
	const char *name; // "" = its prefix
	struct prefix prefix;
	const char *secret_file;
	struct cfg_place secret_at;
	const char *context;
	uint16_t vlan; // of the context's networks; 0 = untagged, or it has one
	bool validate, respond, host_order, event_time;
	uint32_t max_bindings; // 0 = all there is room for
	// Names of attributes, and where they are written; of ports "" = none.
	const char *id, *port_first, *port_last;
	struct cfg_place id_at, port_first_at, port_last_at;
	const char **address;
	uint32_t naddress;
	struct cfg_place address_at[CFG_NAS_ADDRESSES_MAX];
};

struct cfg_radius {
	struct cfg_place at;
	const char **listen; // ADDRESS:PORT (cfg_listen_split); none = no server
	uint32_t nlisten;
	const char *dictionary; // "" = none
	struct cfg_place dictionary_at;
	uint32_t idle_min; // 0 = never
	struct cfg_nas *nas;
	uint32_t nnas;
};

enum { CFG_WINDOWS_MAX = 4, CFG_LENGTHS_MAX = 4 };

struct cfg_reputation { // how it comes about; what follows from it is a session profile's
	const char *geoip_database; // whole path, "" = none
	struct cfg_place geoip_at;
	struct {
		uint16_t window_min;
	} endpoint;
	struct {
		uint8_t *lengths4, *lengths6; // of prefixes, bits; at most CFG_LENGTHS_MAX
		uint32_t nlengths4, nlengths6;
		uint16_t *windows_min; // at most CFG_WINDOWS_MAX
		uint32_t nwindows;
		uint16_t spam, recipient, auth; // weights, percent
		uint16_t k;
	} sender;
	struct {
		uint16_t failures, window_min, block_min;
	} auth;
	struct {
		const char *command; // whole path, "" = none
		struct cfg_place command_at;
		uint16_t per_min, at_once;
	} hook;
};

enum cfg_reputation_action { CFG_REPUTATION_OFF, CFG_REPUTATION_MONITOR, CFG_REPUTATION_REJECT };
enum cfg_refuse_at { CFG_REFUSE_CONNECT, CFG_REFUSE_MAIL, CFG_REFUSE_RCPT };

struct cfg_endpoint_choice { // of a session profile
	uint8_t action; // enum cfg_reputation_action
	uint16_t trigger;
	uint32_t duration_min;
};

struct cfg_sender_choice {
	uint8_t action;                             // likewise
	uint8_t throttle_at, tempfail_at, reject_at; // scores; 0 = never
	uint16_t throttle_messages, throttle_percent;
};

struct cfg_auth_choice {
	uint8_t action; // likewise
};

enum cfg_domain_check { CFG_DOMAIN_OFF, CFG_DOMAIN_EXISTS, CFG_DOMAIN_RESOLVED };

struct cfg_list { // of address patterns: those written here, and those of a file
	const char **patterns;
	uint32_t n;
	const char *file; // "" = none
	struct cfg_place file_at; // line 0: not given
};

struct cfg_session {
	struct cfg_place at;
	const char *name;
	bool prevent_encryption, mask_chunking, mask_unknown, strict_lines, refuse_possible_end;
	uint32_t idle_s; // 0 = default
	// Connections at most, 0 = any number: of a client at a time and in so many minutes, of all.
	uint16_t client_connections, client_rate, client_rate_min;
	// The same of messages and their recipients: of a client, of a sender's address.
	uint16_t client_messages, client_recipients;
	uint16_t sender_messages, sender_recipients, sender_rate_min;
	uint32_t total_connections;
	bool syntax_check, helo_characters;
	uint8_t prevent_open_relaying; // enum cfg_relaying
	uint8_t pipelining;            // enum cfg_pipelining
	// Limits of a session and its messages; 0 = none.
	uint32_t max_helo, max_mail, max_noop, max_rset, max_recipients, max_errors,
		max_recipient_errors;
	uint32_t max_message_kb, max_header_kb;
	uint32_t errors_free, error_delay_s, error_delay_step_s;
	bool check_helo_domain, check_recipient_domain, reject_empty_domain, check_three_way;
	uint8_t check_sender_domain; // enum cfg_domain_check
	struct prefix *blocked;      // servers
	uint32_t nblocked;
	const char *blocked_file; // more of them, "" = none
	struct cfg_place blocked_file_at;
	struct cfg_list lists[CFG_LIST_USES];
	struct cfg_endpoint_choice endpoint_reputation;
	struct cfg_sender_choice sender_reputation;
	struct cfg_auth_choice auth_reputation;
	uint8_t refuse_at; // enum cfg_refuse_at, of the first two
};

struct cfg_access { // a rule about recipients
	struct cfg_place at;
	const char *name, *comment;
	bool enabled;
	struct prefix *clients; // none = any
	uint32_t nclients;
	uint8_t direction; // enum cfg_direction
	uint8_t auth;   // enum cfg_auth
	uint8_t action; // enum cfg_access_action
	const char **helo, **senders, **recipients; // patterns; none = any
	uint32_t nhelo, nsenders, nrecipients;
};

struct cfg_content {
	struct cfg_place at;
	const char *name;
	int32_t threshold;
	uint8_t action; // enum cfg_verdict
	const char *text; // "" = default
	const char **groups; // of rules that count; none = all
	uint32_t ngroups;
};

struct cfg_policy {
	struct cfg_place at;
	const char *name, *comment;
	bool enabled;
	struct prefix source, destination;
	const char *context;  // NULL = any
	const char **ingress; // port names; none = any
	uint32_t ningress;
	uint16_t vlan_lo, vlan_hi;     // lo 0xffff = any
	uint16_t port_lo, port_hi;     // 0..65535 = any
	uint8_t action;                // enum cfg_action
	const char *session, *content; // profile names, NULL = none
};

struct cfg {
	const char *file;
	struct cfg_dataplane dataplane;
	struct cfg_control control;
	struct cfg_pickup pickup;
	struct cfg_domain *domains;
	uint32_t ndomains;
	struct cfg_context *contexts;
	uint32_t ncontexts;
	struct cfg_dns dns;
	struct cfg_doctor doctor;
	struct cfg_store store;
	struct cfg_radius radius;
	struct cfg_reputation reputation;
	struct cfg_rules rules;
	struct cfg_session *sessions;
	uint32_t nsessions;
	struct cfg_content *contents;
	uint32_t ncontents;
	struct cfg_policy *policies;
	uint32_t npolicies;
	struct cfg_access *access;
	uint32_t naccess;
	void *arena;
};

// Reads and checks a file. On success the tree, to be freed by cfg_free; else NULL with every error
// (up to ERR_MAX) in *err. Warnings may be there in either case.
struct cfg *cfg_load(const char *path, struct err_list *err);
// The same from memory; `name` stands in errors, `dir` resolves relative paths.
struct cfg *cfg_load_text(
	const char *text, size_t n, const char *name, const char *dir, struct err_list *err);
// The same for a start: looks at the sections dataplane: and control: alone, whatever the rest of
// the file says, and leaves the rest of the tree empty.
struct cfg *cfg_load_boot(const char *path, struct err_list *err);
// The same of store: and radius: but for its list of NAS: what the control plane takes at its start
// alone. `name` and `dir` as of cfg_load_text.
struct cfg *cfg_load_services(
	const char *text, size_t n, const char *name, const char *dir, struct err_list *err);
void cfg_free(struct cfg *c);
// Prints the canonical form: every key, defaults included. Loading it gives the same print.
void cfg_print(const struct cfg *c, FILE *f);
// Prints the reference of every key as Markdown, from the schema.
void cfg_reference_print(FILE *f);
// The same as the source of the manual page mailweir.yaml(5), in scdoc's form.
void cfg_manual_print(FILE *f);
// Takes "ADDRESS:PORT" or "[ADDRESS]:PORT" apart; false where `text` is no such thing, but a path.
bool cfg_listen_split(const char *text, struct addr *address, uint16_t *port);
// The nearest to `text` by edit distance, of equals one that begins alike, among n names, the first at
// `list`, `stride` bytes apart; NULL where there is none.
const char *cfg_nearest(const char *text, const void *list, size_t n, size_t stride);
// The bytes of a file, or of standard input for "-", from the heap, *n of them; cut a little behind
// CFG_FILE_MAX, which who parses them refuses. NULL with the error in *err: also of a pipe, a device, a
// folder, at once.
enum { CFG_FILE_MAX = 64 << 20 }; // bytes
char *cfg_file_read(const char *path, size_t *n, struct err_list *err);
// The same of what somebody names on a command line, once: pipes and devices are read, too, and a pipe
// that has nothing for `wait_ms` is an error. "-" and /dev/stdin are standard input, however long it takes.
enum { CFG_INPUT_WAIT_MS = 30000 };
char *cfg_input_read(const char *path, unsigned wait_ms, size_t *n, struct err_list *err);
bool cfg_input_is_stdin(const char *path);
// The files whose content belongs to a configuration, rules.file apart: paths in the tree, each once, in
// the order of strcmp(). 0 with *paths (free() the list) and *n, or -ENOMEM.
int cfg_files(const struct cfg *c, const char ***paths, uint32_t *n);
// Adds a warning for each key in which `next` differs from what runs and which no commit changes.
void cfg_warn_restart(const struct cfg *running, const struct cfg *next, struct err_list *err);

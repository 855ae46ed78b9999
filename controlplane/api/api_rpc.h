// SPDX-License-Identifier: BSD-3-Clause
// The JSON-RPC contract between serve/ and cli/: JSON-RPC 2.0, one JSON text a line in UTF-8, on a
// UNIX stream socket (mode 0660, peer credentials checked). Method names are noun.verb; the command
// line's verb is the method with a blank. Addresses are text (RFC 5952), ids 13 base32 characters,
// durations and sizes integers with their unit in the name, times RFC 3339 in UTC. A field that has
// no value is null. Fields may be added; none is renamed.
// Thread: any; constant tables.
#pragma once

#include <stdint.h>

enum {
	API_RPC_REQUEST_MAX = 8 << 20, // bytes of one request, newline included
	API_RPC_ANSWER_MAX = 16 << 20, // bytes of one answer, and of all a client leaves unread
	API_RPC_FLOWS_MAX = 10000,   // rows of flows.list at most
	API_RPC_TAIL_MAX = 1000,     // events sessions.tail goes back at most
};

enum api_rpc_id {
	API_RPC_SYSTEM_STATUS,
	API_RPC_SYSTEM_DOCTOR,
	API_RPC_STATS_GET,
	API_RPC_PORTS_LIST,
	API_RPC_FLOWS_LIST,
	API_RPC_SESSIONS_TAIL,
	API_RPC_POLICY_MATCH,
	API_RPC_CONFIG_CHECK,
	API_RPC_CONFIG_COMMIT,
	API_RPC_CONFIG_GET,
	API_RPC_RULES_CHECK,
	API_RPC_RULES_ADD,
	API_RPC_RULES_DEL,
	API_RPC_RULES_LIST,
	API_RPC_CONFIG_REVISIONS,
	API_RPC_CONFIG_DIFF,
	API_RPC_CONFIG_CONFIRM,
	API_RPC_CONFIG_REVERT,
	API_RPC_CONFIG_EXPORT,
	API_RPC_CONFIG_IMPORT,
	API_RPC_POLICIES_LIST,
	API_RPC_POLICIES_ADD,
	API_RPC_POLICIES_INSERT,
	API_RPC_POLICIES_SET,
	API_RPC_POLICIES_DEL,
	API_RPC_POLICIES_ENABLE,
	API_RPC_POLICIES_DISABLE,
	API_RPC_POLICIES_MOVE,
	API_RPC_EXPLAIN_GET,
	API_RPC_CONFIG_SHADOW,
	API_RPC_RADIUS_STATUS,
	API_RPC_ENDPOINTS_LIST,
	API_RPC_ENDPOINTS_GET,
	API_RPC_ENDPOINTS_BLOCK,
	API_RPC_ENDPOINTS_UNBLOCK,
	API_RPC_ENDPOINTS_EXEMPT,
	API_RPC_ENDPOINTS_CLEAR,
	API_RPC_ENDPOINTS_TOP,
	API_RPC_ENDPOINTS_IMPORT,
	API_RPC_ENDPOINTS_EXPORT,
	API_RPC_SENDERS_LIST,
	API_RPC_SENDERS_GET,
	API_RPC_SENDERS_BLOCK,
	API_RPC_SENDERS_UNBLOCK,
	API_RPC_SENDERS_EXEMPT,
	API_RPC_SENDERS_CLEAR,
	API_RPC_SENDERS_TOP,
	API_RPC_SENDERS_IMPORT,
	API_RPC_SENDERS_EXPORT,
	API_RPC_AUDIT_LIST,
	API_RPC_SYSTEM_DRAIN,
	API_RPC_COUNT
};

struct api_rpc_method {
	const char *name;   // "noun.verb"
	const char *help;   // one line
};
extern const struct api_rpc_method api_rpc_methods[API_RPC_COUNT]; // by enum api_rpc_id

// Index of a method, or API_RPC_COUNT where there is none of that name.
enum api_rpc_id api_rpc_find(const char *name);

// Sent by the server without being asked, after sessions.tail with follow: a notification, whose
// params is one event as in the log.
#define API_RPC_NOTIFY_EVENT "sessions.event"

// The files of config.export and config.import, and what mailweirctl's archives call them.
#define API_EXPORT_CONFIG "mailweir.yaml" // the configuration as written
#define API_EXPORT_RULES "rules.file"     // what its key rules.file names
#define API_EXPORT_LOCAL "rules.local"    // rules added at run time
#define API_EXPORT_LISTS "lists/"         // what other keys name: below the configuration's folder
#define API_EXPORT_ROOT "lists-root"      // ... elsewhere: the whole path behind it

enum { // error codes; the first five are JSON-RPC's own
	API_RPC_ERR_PARSE = -32700,    // not JSON, or a line over API_RPC_REQUEST_MAX
	API_RPC_ERR_REQUEST = -32600,  // JSON, but no request
	API_RPC_ERR_METHOD = -32601,   // no such method
	API_RPC_ERR_PARAMS = -32602,   // a missing, unknown or wrong member
	API_RPC_ERR_INTERNAL = -32603, // out of memory and the like
	API_RPC_ERR_DETACHED = -32001, // the data plane is not there; nothing changed
	API_RPC_ERR_BUSY = -32002,     // another commit or list is under way; try again
	API_RPC_ERR_CONFIG = -32003,   // bad configuration or rules: data.errors is an array of
				       // "file:line:col: what; because" lines; nothing changed
	API_RPC_ERR_REFUSED = -32004,  // the data plane refused the image; message says why
	API_RPC_ERR_NOT_FOUND = -32005,// what the request names is not there
	API_RPC_ERR_TIMEOUT = -32006,  // the data plane did not answer in time
};

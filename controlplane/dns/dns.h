// SPDX-License-Identifier: BSD-3-Clause
// Does a domain take mail? Asks the DNS for MX, and where there is none for A and AAAA (RFC 5321
// 5.1; RFC 7505 for a null MX), without ever waiting: c-ares sends and receives, libevent tells it
// when. What was found is remembered, positive and negative, as long as the DNS says (RFC 2308),
// within bounds; the same question twice is one question. Memory and the number of questions under
// way are bounded, in all and of each asker; beyond that the answer is that nobody knows.
// A name is checked before anything is asked: no byte that a client sent reaches a packet or a log
// otherwise.
// Thread: the loop's.
#pragma once

#include <stdint.h>

#include "core_loop.h"
#include "err.h"
#include "span.h"

struct dns;

enum dns_found {
	DNS_EXISTS = 1, // MX, A or AAAA
	DNS_NO_MAIL,    // a null MX
	DNS_ABSENT,     // NXDOMAIN, none of these records, or no name at all
	DNS_UNKNOWN,    // SERVFAIL, nobody answers, or too many questions
	DNS_FOUND_COUNT
};

enum { DNS_NAME_MAX = 253 }; // bytes of a name as written

struct dns_conf {
	const char *servers;    // "192.0.2.1,192.0.2.2:5353,[2001:db8::1]:53"; copied; NULL or "":
				// those of /etc/resolv.conf
	uint32_t timeout_ms;    // a question is told by then; 0 = 1500
	uint32_t cache_entries; // names known or asked for at once; 0 = 10000; at least 16
	uint32_t asked_max;     // names asked for at once; 0 = 4096; at most half of cache_entries
	uint32_t share_max;     // questions of one asker that wait; 0 = 256
};

struct dns_counts {         // since dns_new
	uint64_t questions; // dns_ask
	uint64_t hits;      // answered from memory
	uint64_t joined;    // waited behind the same question
	uint64_t invalid;   // no name that the DNS could know
	uint64_t full;      // too many under way, in all or of an asker: unknown at once
	uint64_t queries;   // sent to the DNS
	uint64_t timeouts;  // names that nobody told about in time
	uint64_t found[DNS_FOUND_COUNT]; // names by what the DNS said of them
	uint32_t entries, asked;         // now
};

// What was found, and how many seconds it may be believed (0: no longer). May call dns_ask, not
// dns_free.
typedef void (*dns_done_cb)(void *arg, enum dns_found found, uint32_t ttl_s);

// NULL with the reason in *err: no server, one that is no address, out of memory.
struct dns *dns_new(struct core_loop *loop, const struct dns_conf *conf, struct err_list *err);
// Who still waits is told DNS_UNKNOWN. NULL is fine.
void dns_free(struct dns *d);

// Asks about a domain, given in raw bytes: UTF-8 is turned into its A-labels, one dot at the end is
// none. `asker`: for whom, in any 64 bits; askers are told apart by a keyed hash, of few bits. `done` is
// called exactly once, perhaps before this returns.
void dns_ask(struct dns *d, struct span name, uint64_t asker, dns_done_cb done, void *arg);

const struct dns_counts *dns_counts(const struct dns *d);

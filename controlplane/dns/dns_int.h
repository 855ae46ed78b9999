// SPDX-License-Identifier: BSD-3-Clause
// What the files of this folder share. Thread: the loop's.
#pragma once

#include <stdbool.h>

#include "dns.h"

// dns_name.c
// The name as the DNS has it: lower case, A-labels, no dot at the end. false: it is none.
bool dns_name_make(struct span raw, char out[DNS_NAME_MAX + 1]);

// dns_reply.c
struct dns_reply { // to one query
	enum dns_found found; // ABSENT: no such records; UNKNOWN: it can't be read
	uint32_t ttl_s;
};
// Reads a reply that has the records of `type` (ns_t_mx, ns_t_a, ns_t_aaaa), or that says that there
// are none. `n` bytes; NULL where there was none.
struct dns_reply dns_reply_read(int type, const uint8_t *bytes, int n);

// dns_memory.c: names that are known or asked for, found by name, at most as many as it was made for.
enum { DNS_NO_ENTRY = UINT32_MAX };

struct dns_waiter {
	struct dns_waiter *next;
	dns_done_cb done;
	void *arg;
	uint32_t share; // of whom it is
};

struct dns_entry {
	struct dns *dns;
	uint64_t until_us;          // what is known holds; while it is asked for: the deadline
	struct dns_waiter *waiters; // who is to be told
	uint32_t next;              // in its chain
	uint32_t later;             // the one whose deadline comes after this one's
	uint8_t found;              // enum dns_found; 0 = not known
	uint8_t queries;            // under way: it stays where it is
	bool used, told;            // told: its deadline has passed
	bool lost;                  // a query failed
	uint32_t ttl_s;
	char name[DNS_NAME_MAX + 1];
};

struct dns_memory {
	struct dns_entry *entry;
	uint32_t *chain;
	uint32_t count, chains; // chains: a power of two
	uint32_t hand;          // where the search for a place goes on
	uint8_t key[16];
};

int dns_memory_init(struct dns_memory *m, uint32_t count); // 0 or -errno
void dns_memory_fini(struct dns_memory *m);
// The entry of that name; NULL where there is none.
struct dns_entry *dns_memory_find(struct dns_memory *m, const char *name);
// A fresh one for a name that has none, in the place of one that nothing waits for. NULL: none.
struct dns_entry *dns_memory_add(struct dns_memory *m, const char *name, bool *instead);
static inline uint32_t dns_memory_index(const struct dns_memory *m, const struct dns_entry *e)
{
	return (uint32_t)(e - m->entry);
}

// SPDX-License-Identifier: BSD-3-Clause
// The names that are known or asked for. Their number is fixed, so that nobody can fill our memory by
// asking; a fresh name takes the place of the one that has been there longest and that nobody waits
// for. Chains are keyed, so that nobody can make them long either.
// Thread: the loop's.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "dns_int.h"
#include "hash.h"

int dns_memory_init(struct dns_memory *m, uint32_t count)
{
	*m = (struct dns_memory){.count = count, .chains = 1};
	while (m->chains < count)
		m->chains *= 2;
	m->entry = calloc(count, sizeof(*m->entry));
	m->chain = malloc(m->chains * sizeof(*m->chain));
	if (m->entry == NULL || m->chain == NULL ||
		getrandom(m->key, sizeof(m->key), 0) != (ssize_t)sizeof(m->key)) {
		dns_memory_fini(m);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < m->chains; i++)
		m->chain[i] = DNS_NO_ENTRY;
	return 0;
}

void dns_memory_fini(struct dns_memory *m)
{
	free(m->entry);
	free(m->chain);
	*m = (struct dns_memory){0};
}

static uint32_t *chain_of(struct dns_memory *m, const char *name)
{
	return &m->chain[hash_siphash(m->key, name, strlen(name)) & (m->chains - 1)];
}

struct dns_entry *dns_memory_find(struct dns_memory *m, const char *name)
{
	for (uint32_t i = *chain_of(m, name); i != DNS_NO_ENTRY; i = m->entry[i].next)
		if (strcmp(m->entry[i].name, name) == 0)
			return &m->entry[i];
	return NULL;
}

static void unlink_entry(struct dns_memory *m, const struct dns_entry *e)
{
	uint32_t *place = chain_of(m, e->name);

	while (*place != dns_memory_index(m, e))
		place = &m->entry[*place].next;
	*place = e->next;
}

struct dns_entry *dns_memory_add(struct dns_memory *m, const char *name, bool *instead)
{
	for (uint32_t i = 0; i < m->count; i++) {
		struct dns_entry *e = &m->entry[m->hand];

		m->hand = (m->hand + 1) % m->count;
		if (e->queries > 0 || e->waiters != NULL)
			continue;
		*instead = e->used;
		if (e->used)
			unlink_entry(m, e);
		*e = (struct dns_entry){.used = true, .later = DNS_NO_ENTRY};
		memcpy(e->name, name, strlen(name) + 1); // dns_name_make has bounded it
		uint32_t *chain = chain_of(m, name);
		e->next = *chain;
		*chain = dns_memory_index(m, e);
		return e;
	}
	return NULL;
}

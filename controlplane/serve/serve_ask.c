// SPDX-License-Identifier: BSD-3-Clause
// A session's question waits here while the DNS is asked; its answer goes to the worker that asked, if
// that data plane is still attached. The resolver is made when the first question comes, so a
// configuration that checks no domain opens nothing.
// Thread: the loop's.
#include "serve_ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

LOG_COMPONENT("ask");

enum { SERVERS_TEXT = 4096 };

struct serve_asks {
	struct core_loop *loop;
	struct core_link *link;
	struct dns *dns;
	bool tried; // to make it, with this configuration
	uint32_t timeout_ms, cache_entries;
	char servers[SERVERS_TEXT];
};

struct asked { // one that waits
	struct serve_asks *asks;
	uint64_t attached_us; // the attachment that asked
	uint32_t worker;
	struct api_answer answer;
};

static const uint8_t findings[DNS_FOUND_COUNT] = {
	[DNS_EXISTS] = API_FIND_EXISTS,
	[DNS_NO_MAIL] = API_FIND_NO_MAIL,
	[DNS_ABSENT] = API_FIND_ABSENT,
	[DNS_UNKNOWN] = API_FIND_UNKNOWN,
};

struct serve_asks *serve_asks_new(struct core_loop *loop)
{
	struct serve_asks *a = calloc(1, sizeof(*a));

	if (a != NULL)
		a->loop = loop;
	return a;
}

void serve_asks_free(struct serve_asks *a)
{
	if (a == NULL)
		return;
	dns_free(a->dns); // tells who waits
	free(a);
}

void serve_asks_link(struct serve_asks *a, struct core_link *link)
{
	a->link = link;
}

static void servers_write(const struct cfg_dns *conf, char out[SERVERS_TEXT])
{
	size_t at = 0;

	out[0] = '\0';
	for (uint32_t i = 0; i < conf->nservers; i++) {
		int n = snprintf(out + at, SERVERS_TEXT - at, "%s%s", i > 0 ? "," : "",
			conf->servers[i]);

		if (n < 0 || (size_t)n >= SERVERS_TEXT - at) {
			out[at] = '\0';
			LOG(WARNING, "dns.servers: only the first %u are asked", i);
			return;
		}
		at += (size_t)n;
	}
}

void serve_asks_conf(struct serve_asks *a, const struct cfg_dns *conf)
{
	char servers[SERVERS_TEXT];

	servers_write(conf, servers);
	a->tried = false;
	if (strcmp(servers, a->servers) == 0 && conf->timeout_ms == a->timeout_ms &&
		conf->cache_entries == a->cache_entries && servers[0] != '\0')
		return;
	dns_free(a->dns);
	a->dns = NULL;
	memcpy(a->servers, servers, sizeof(servers));
	a->timeout_ms = conf->timeout_ms;
	a->cache_entries = conf->cache_entries;
}

static struct dns *resolver_of(struct serve_asks *a)
{
	const struct dns_conf conf = {.servers = a->servers,
		.timeout_ms = a->timeout_ms,
		.cache_entries = a->cache_entries};
	struct err_list err;

	if (a->dns != NULL || a->tried)
		return a->dns;
	a->tried = true;
	err_init(&err);
	a->dns = dns_new(a->loop, &conf, &err);
	if (a->dns == NULL)
		LOG(ERR, "domains cannot be checked: %s", err.text[0]);
	return a->dns;
}

static void on_found(void *arg, enum dns_found found, uint32_t ttl_s)
{
	enum { TTL_MOST_S = 3600 };
	struct asked *w = arg;
	struct core_link *link = w->asks->link;

	w->answer.finding = findings[found];
	w->answer.ttl_ms = (ttl_s < TTL_MOST_S ? ttl_s : TTL_MOST_S) * 1000;
	if (link != NULL && core_link_attached_us(link) == w->attached_us)
		(void)core_link_answer(link, w->worker, &w->answer); // counted there
	free(w);
}

void serve_asks_take(struct serve_asks *a, uint32_t worker, const struct api_ask *q)
{
	struct dns *dns = resolver_of(a);
	struct asked *w = malloc(sizeof(*w));

	if (w == NULL)
		return; // its deadline answers
	*w = (struct asked){.asks = a,
		.attached_us = a->link == NULL ? 0 : core_link_attached_us(a->link),
		.worker = worker,
		.answer = {.session = q->session, .key = q->key, .flow = q->flow, .kind = q->kind}};
	if (dns == NULL)
		on_found(w, DNS_UNKNOWN, 0);
	else
		dns_ask(dns, (struct span){.p = (const uint8_t *)q->name, .n = q->name_len},
			q->asker, on_found, w);
}

const struct dns_counts *serve_asks_counts(const struct serve_asks *a)
{
	return a->dns == NULL ? NULL : dns_counts(a->dns);
}

// SPDX-License-Identifier: BSD-3-Clause
// Questions of sessions about domains: from the link to the DNS and back. Thread: the loop's.
#pragma once

#include "api_link.h"
#include "cfg.h"
#include "core_link.h"
#include "dns.h"

struct serve_asks;

// `link` is where answers go; NULL until there is one. NULL without memory.
struct serve_asks *serve_asks_new(struct core_loop *loop);
void serve_asks_free(struct serve_asks *a); // NULL is fine
void serve_asks_link(struct serve_asks *a, struct core_link *link);
// The configuration's section has taken force, or has been read again: who waits is told that nobody
// knows, and what was remembered is forgotten, where it says something else. A resolver that cannot be made is
// logged, and nobody knows anything.
void serve_asks_conf(struct serve_asks *a, const struct cfg_dns *conf);
// A worker's question.
void serve_asks_take(struct serve_asks *a, uint32_t worker, const struct api_ask *q);
// NULL while there is no resolver.
const struct dns_counts *serve_asks_counts(const struct serve_asks *a);

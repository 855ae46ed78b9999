// SPDX-License-Identifier: BSD-3-Clause
// Probes: connections of this host to servers that the operator named, to see whether they come by the data
// plane. A probe is marked by the MSS of its SYN, which a NAT leaves alone, and which policies have no part in;
// it says nothing and is closed as soon as it is answered. One at a time.
// Thread: the loop's.
#pragma once

#include "cfg.h"
#include "core_link.h"
#include "core_loop.h"
#include "serve_judge.h"

struct serve_probes;

struct serve_probes *serve_probes_new(struct core_loop *loop); // NULL without memory
void serve_probes_free(struct serve_probes *p);                // NULL is fine
// From now on these. Before the link goes: NULL.
void serve_probes_link(struct serve_probes *p, struct core_link *link);
void serve_probes_change(struct serve_probes *p, const struct cfg_doctor *conf);
// All of them once, from now on and again each every_s; nothing while they are under way, or while there is no
// data plane with a policy.
void serve_probes_go(struct serve_probes *p);
// What came of them, SERVE_PROBES_MAX at most; how many.
uint32_t serve_probes_told(const struct serve_probes *p, struct serve_probe_figures *out);

// SPDX-License-Identifier: BSD-3-Clause
// One function a check. A check says "unknown" where it has no figures: that is no fault. Thread: any; no state.
#include "serve_judge.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
	BEAT_LATE_MS = 2000,
	ONE_WAY_PERCENT = 5,  // design section 3
	UNANSWERED_MIN = 10,  // connections, before none answered says something
	ALONE_MIN = 3,        // a single one is a server's that we forgot
	SHARE_PER_MILLE = 10, // of frames, or segments
	FULL_PERCENT = 90,
	CLOCK_MOVED_S = 30,
};
static const int64_t CLOCK_LEAST_S = 1704067200; // 2024: before it this program was not there

const char *const serve_state_names[] = {"ok", "unknown", "warning", "error"};
const char *const serve_check_names[SERVE_CHECKS] = {
	[SERVE_CHECK_DATA_PLANE] = "data_plane",
	[SERVE_CHECK_POLICY] = "policy",
	[SERVE_CHECK_DIRECTIONS] = "directions",
	[SERVE_CHECK_NAT] = "nat",
	[SERVE_CHECK_PROBES] = "probes",
	[SERVE_CHECK_NEXT_HOPS] = "next_hops",
	[SERVE_CHECK_CONFLICTS] = "address_conflicts",
	[SERVE_CHECK_LOOPS] = "loops",
	[SERVE_CHECK_LINKS] = "links",
	[SERVE_CHECK_MTU] = "mtu",
	[SERVE_CHECK_RADIUS] = "radius",
	[SERVE_CHECK_ENCAPSULATION] = "encapsulation",
	[SERVE_CHECK_CHECKSUMS] = "checksums",
	[SERVE_CHECK_FLOW_TABLE] = "flow_table",
	[SERVE_CHECK_CLOCK] = "clock",
};

__attribute__((format(printf, 3, 4))) static void say(
	struct serve_check_row *r, enum serve_state state, const char *fmt, ...)
{
	va_list ap;

	r->there = true;
	r->state = state;
	va_start(ap, fmt);
	(void)vsnprintf(r->seen, sizeof(r->seen), fmt, ap); // cut is fine
	va_end(ap);
}

__attribute__((format(printf, 2, 3))) static void advise(
	struct serve_check_row *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(r->todo, sizeof(r->todo), fmt, ap);
	va_end(ap);
}

// More of a list; cut where it is full.
__attribute__((format(printf, 2, 3))) static void add(
	struct serve_check_row *r, const char *fmt, ...)
{
	size_t n = strlen(r->seen);
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(r->seen + n, sizeof(r->seen) - n, fmt, ap);
	va_end(ap);
}

static const char *text(const struct addr *a, char buf[ADDR_TEXT_MAX])
{
	return addr_format(a, buf, ADDR_TEXT_MAX);
}

static const char *port_name(const struct serve_figures *f, uint32_t i)
{
	return i < f->nports ? f->port[i].name : "?";
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole == 0 ? 0 : 100.0 * (double)part / (double)whole;
}

static void judge_data_plane(const struct serve_figures *f, struct serve_check_row *r)
{
	if (!f->attached) {
		say(r, SERVE_STATE_ERROR, "no data plane is attached: %s", f->why);
		advise(r, "start mailweir-dataplane, or see its log; control.link must be the same");
	} else if (f->heartbeat_ms > BEAT_LATE_MS) {
		say(r, SERVE_STATE_ERROR, "its manager turned %" PRIu64 " ms ago", f->heartbeat_ms);
		advise(r, "it hangs or gets no CPU: see its log, give dataplane.main_core more");
	} else {
		say(r, SERVE_STATE_OK, "attached, its manager turned %" PRIu64 " ms ago",
			f->heartbeat_ms);
	}
}

static void judge_policy(const struct serve_figures *f, struct serve_check_row *r)
{
	if (f->fallback) {
		say(r, SERVE_STATE_ERROR,
			"the configuration can't be used: an earlier one, or passing everything, is "
			"in force");
		advise(r, "mailweirctl config check FILE, then config commit FILE");
	} else if (!f->attached || f->revision == 0) {
		say(r, SERVE_STATE_UNKNOWN, "%s", f->attached ? "no revision is in force yet"
							      : "no data plane is attached");
	} else if (f->image_version == 0) {
		say(r, SERVE_STATE_ERROR, "the data plane has no policy: all mail passes unread");
		advise(r, "the log says why revision %" PRIu64 " was not taken", f->revision);
	} else if (f->image_version != f->revision) {
		say(r, SERVE_STATE_WARNING,
			"the data plane goes by revision %" PRIu64 ", we by %" PRIu64,
			f->image_version, f->revision);
		advise(r, "the log says why; a change may be under way");
	} else {
		say(r, SERVE_STATE_OK, "revision %" PRIu64 " is in force", f->revision);
	}
}

// ---- both halves of connections

struct halves {
	uint64_t opened, answered, one_way, alone, client, server;
	uint32_t one_way_port, alone_port; // where the most came in
};

static struct halves halves_of(const struct serve_figures *f)
{
	struct halves h = {0};

	for (uint32_t i = 0; i < f->nports; i++) {
		const struct api_sight_port *d = &f->port[i].d;

		h.opened += d->opened;
		h.answered += d->answered;
		h.one_way += d->one_way;
		h.alone += d->alone;
		h.client += d->client_segments;
		h.server += d->server_segments;
		if (d->one_way > f->port[h.one_way_port].d.one_way)
			h.one_way_port = i;
		if (d->alone > f->port[h.alone_port].d.alone)
			h.alone_port = i;
	}
	return h;
}

double serve_one_way_share(const struct serve_figures *f)
{
	const struct halves h = halves_of(f);

	return h.one_way + h.answered == 0
		? NAN
		: (double)h.one_way / (double)(h.one_way + h.answered);
}

// Which of the router's two rules, and for whom. `half` is what is missing.
static void advise_route(const struct serve_figures *f, struct serve_check_row *r,
	const char *half, const char *key, const char *from, const struct api_sight_ends *e)
{
	char client[ADDR_TEXT_MAX], server[ADDR_TEXT_MAX];

	if (f->routed)
		advise(r,
			"on the router, send us the %s's half, too: the policy route for TCP %s "
			"port %u that comes from the side of %s",
			half, key, e->turn == 0 ? 25 : e->server_port,
			e->turn == 0                    ? "the other end"
				: strcmp(from, "client") == 0 ? text(&e->client, client)
							      : text(&e->server, server));
	else
		advise(r,
			"the %s's half goes by another line: put that line through us, too, or "
			"route both the same way",
			half);
}

static void add_ends(
	const struct serve_figures *f, struct serve_check_row *r, const struct api_sight_ends *e)
{
	char client[ADDR_TEXT_MAX], server[ADDR_TEXT_MAX];

	if (e->turn == 0)
		return;
	add(r, "; the last one %s to %s port %u, seen at port %s", text(&e->client, client),
		text(&e->server, server), e->server_port, port_name(f, e->in_port));
	if (e->vlan != 0)
		add(r, ", VLAN %u", e->vlan);
}

static void judge_directions(const struct serve_figures *f, struct serve_check_row *r)
{
	const struct halves h = halves_of(f);
	const uint64_t went = h.one_way + h.answered;

	if (h.one_way * 100 > went * ONE_WAY_PERCENT) {
		say(r, SERVE_STATE_ERROR,
			"of %" PRIu64 " connections that went on in %u s only the client's half came "
			"by in %" PRIu64 " (%.0f %%), most by port %s; those pass unread",
			went, f->window_s, h.one_way, percent(h.one_way, went),
			port_name(f, h.one_way_port));
		add_ends(f, r, &f->one_way);
		advise_route(f, r, "server", "source", "server", &f->one_way);
	} else if (h.alone >= ALONE_MIN && h.alone * 100 > (h.alone + h.answered) * ONE_WAY_PERCENT) {
		say(r, SERVE_STATE_ERROR,
			"%" PRIu64 " first segments of servers came by in %u s without their "
			"clients' half, most by port %s; those connections do not come about",
			h.alone, f->window_s, port_name(f, h.alone_port));
		add_ends(f, r, &f->alone);
		advise_route(f, r, "client", "destination", "client", &f->alone);
	} else if (h.opened >= UNANSWERED_MIN && h.answered == 0) {
		say(r, SERVE_STATE_WARNING,
			"none of %" PRIu64 " connections of %u s got an answer by us", h.opened,
			f->window_s);
		advise(r, "either the servers are away, or what they answer (TCP source port 25) "
			  "does not come by us");
	} else if (h.opened + h.answered + h.alone + h.client + h.server == 0) {
		say(r, SERVE_STATE_UNKNOWN, "no mail came by in %u s", f->window_s);
	} else {
		say(r, SERVE_STATE_OK,
			"in %u s: %" PRIu64 " segments of clients, %" PRIu64 " of servers; %" PRIu64
			" connections begun, %" PRIu64 " answered",
			f->window_s, h.client, h.server, h.opened, h.answered);
		for (uint32_t i = 0; i < f->nports; i++)
			if (f->port[i].d.client_segments + f->port[i].d.server_segments > 0)
				add(r, "; by port %s %" PRIu64 " and %" PRIu64, f->port[i].name,
					f->port[i].d.client_segments,
					f->port[i].d.server_segments);
	}
}

static void judge_nat(const struct serve_figures *f, struct serve_check_row *r)
{
	static const char todo[] = "no NAT between subscribers and us: reputation, limits and rates go by the "
				   "client's own address. A subscriber's own router is none of it: "
				   "if these are such, it is as it should be";
	char a[ADDR_TEXT_MAX], b[ADDR_TEXT_MAX];

	for (uint32_t i = 0; i < f->nprobes; i++) {
		const struct serve_probe_figures *p = &f->probe[i];

		if ((p->end != SERVE_PROBE_SEEN && p->end != SERVE_PROBE_SILENT) ||
			addr_eq(&p->own, &p->client))
			continue;
		say(r, SERVE_STATE_WARNING, "a probe left as %s and came by us as %s",
			text(&p->own, a), text(&p->client, b));
		advise(r, "%s", todo);
		return;
	}
	if (f->nhosts > 0) {
		say(r, SERVE_STATE_WARNING, "%u address%s in %u s: %s %u or more", f->nhosts,
			f->nhosts == 1 ? " was several hosts" : "es were several hosts each",
			f->window_s, text(&f->hosts[0].client, a), f->hosts[0].value);
		for (uint32_t i = 1; i < f->nhosts; i++)
			add(r, ", %s %u", text(&f->hosts[i].client, a), f->hosts[i].value);
		add(r, " (by TTLs and clocks of timestamps that take turns)");
		advise(r, "%s", todo);
		return;
	}
	say(r, SERVE_STATE_OK, "no address in %u s was several hosts, by TTLs and timestamps",
		f->window_s);
}

static void judge_probes(const struct serve_figures *f, struct serve_check_row *r)
{
	enum serve_state state = SERVE_STATE_OK;
	char a[ADDR_TEXT_MAX];

	if (f->nprobes == 0)
		return;
	say(r, state, "%s", "");
	for (uint32_t i = 0; i < f->nprobes; i++) {
		const struct serve_probe_figures *p = &f->probe[i];

		add(r, "%s%s port %u: ", i == 0 ? "" : "; ", text(&p->server, a), p->port);
		if (p->end == SERVE_PROBE_FAILED) {
			add(r, "can't be sent (%s)", strerror(p->error));
		} else {
			static const char *const words[] = {
				[SERVE_PROBE_NONE] = "not asked yet",
				[SERVE_PROBE_SEEN] = "came by us",
				[SERVE_PROBE_PAST] = "answered, and did NOT come by us",
				[SERVE_PROBE_SILENT] = "came by us, nobody answered",
				[SERVE_PROBE_LOST] = "nobody answered",
			};
			add(r, "%s", words[p->end]);
		}
		if (p->end == SERVE_PROBE_PAST)
			state = SERVE_STATE_WARNING;
		else if (p->end != SERVE_PROBE_SEEN && state == SERVE_STATE_OK)
			state = SERVE_STATE_UNKNOWN;
	}
	r->state = state;
	if (state == SERVE_STATE_WARNING)
		advise(r, "mail of where the probe comes from flows past us: send TCP port %u of there "
			  "through us (doctor.probes[].source says from where)",
			f->probe[0].port);
}

// ---- routed mode

static void judge_next_hops(const struct serve_figures *f, struct serve_check_row *r)
{
	char a[ADDR_TEXT_MAX];

	if (!f->routed || !f->attached)
		return;
	if (f->net.hops == f->net.known) {
		say(r, SERVE_STATE_OK, "all %" PRIu64 " are known", f->net.hops);
		return;
	}
	say(r, SERVE_STATE_ERROR, "%" PRIu64 " of %" PRIu64 " do not answer: %s by port %s",
		f->net.hops - f->net.known, f->net.hops, text(&f->net.lost.client, a),
		port_name(f, f->net.lost.in_port));
	advise(r, "is the router there, on that VLAN and with that address? the log says when it was found or lost");
}

static void judge_conflicts(const struct serve_figures *f, struct serve_check_row *r)
{
	const uint8_t *m = f->net.conflict.mac;
	char a[ADDR_TEXT_MAX];

	if (!f->routed || !f->attached)
		return;
	if (f->conflicts == 0) {
		say(r, SERVE_STATE_OK, "nobody else had an address of ours in %u s", f->window_s);
		return;
	}
	say(r, SERVE_STATE_ERROR,
		"somebody else has %s: %02x:%02x:%02x:%02x:%02x:%02x at port %s, VLAN %u, said so (%" PRIu64
		" times in %u s)",
		text(&f->net.conflict.client, a), m[0], m[1], m[2], m[3], m[4], m[5],
		port_name(f, f->net.conflict.in_port), f->net.conflict.vlan, f->conflicts,
		f->window_s);
	advise(r, "give one of the two another address (dataplane.interfaces)");
}

static void judge_loops(const struct serve_figures *f, struct serve_check_row *r)
{
	if (!f->routed || !f->attached)
		return;
	if (f->loops + f->came_back == 0) {
		say(r, SERVE_STATE_OK, "nothing came back in %u s", f->window_s);
		return;
	}
	say(r, SERVE_STATE_ERROR,
		"in %u s %" PRIu64 " connections' first segments were routed back to us, %" PRIu64
		" frames of ours came back",
		f->window_s, f->loops, f->came_back);
	advise(r, "on the router, no policy route may send us what comes in from our arms; in "
		  "the switch, look for a loop");
}

// ---- the rest

static void judge_links(const struct serve_figures *f, struct serve_check_row *r)
{
	unsigned down = 0;

	if (!f->attached)
		return;
	say(r, SERVE_STATE_OK, "%u port%s: all up", f->nports, f->nports == 1 ? "" : "s");
	for (uint32_t i = 0; i < f->nports; i++) {
		if (f->port[i].up)
			continue;
		if (down++ == 0)
			say(r, SERVE_STATE_ERROR, "down: %s", f->port[i].name);
		else
			add(r, ", %s", f->port[i].name);
	}
	if (down > 0)
		advise(r, "cable, the other end's port, or its speed");
}

static void judge_mtu(const struct serve_figures *f, struct serve_check_row *r)
{
	bool same = true;

	if (!f->attached || f->nports == 0)
		return;
	for (uint32_t i = 1; i < f->nports; i++)
		same = same && f->port[i].mtu == f->port[0].mtu;
	if (same) {
		say(r, SERVE_STATE_OK, "%u at each port", f->port[0].mtu);
		return;
	}
	say(r, SERVE_STATE_WARNING, "not the same everywhere:");
	for (uint32_t i = 0; i < f->nports; i++)
		add(r, "%s %s %u", i == 0 ? "" : ",", f->port[i].name, f->port[i].mtu);
	advise(r, "make them equal (dataplane.ports[].mtu): what is longer than its way out is "
		  "lost, or told to its sender in routed mode");
}

static void judge_radius(const struct serve_figures *f, struct serve_check_row *r)
{
	if (!f->radius)
		return;
	if (f->radius_heard > 0) {
		say(r, SERVE_STATE_OK, "%" PRIu64 " datagrams of its NAS in %u s", f->radius_heard,
			f->window_s);
	} else if (f->radius_ever) {
		say(r, SERVE_STATE_UNKNOWN, "nothing of its NAS in %u s, but before", f->window_s);
	} else {
		say(r, SERVE_STATE_WARNING, "no NAS was ever heard");
		advise(r, "do they send accounting to radius.listen, and is there a firewall? "
			  "mailweirctl radius status counts strangers, too");
	}
}

static void judge_encap(const struct serve_figures *f, struct serve_check_row *r)
{
	if (!f->attached)
		return;
	say(r, SERVE_STATE_OK,
		"%" PRIu64 " of %" PRIu64 " frames of %u s are in what is not looked into (%.2f %%)",
		f->encap, f->rx_frames, f->window_s, percent(f->encap, f->rx_frames));
	if (f->encap * 1000 <= f->rx_frames * SHARE_PER_MILLE)
		return;
	r->state = SERVE_STATE_WARNING;
	advise(r, "mail may be among it: take it out of its tunnel before us "
		  "(not_scanned_encap_deep, not_scanned_encap_tunnel)");
}

static void judge_checksums(const struct serve_figures *f, struct serve_check_row *r)
{
	if (!f->attached)
		return;
	say(r, SERVE_STATE_OK,
		"%" PRIu64 " of %" PRIu64 " segments of %u s had a wrong one (%.2f %%)",
		f->bad_sums, f->smtp_segments, f->window_s, percent(f->bad_sums, f->smtp_segments));
	if (f->bad_sums * 1000 <= f->smtp_segments * SHARE_PER_MILLE)
		return;
	r->state = SERVE_STATE_WARNING;
	advise(r, "on virtual wires the other end leaves them to hardware that is not there: "
		  "ethtool -K IF tx off; on real ones a bad cable or card");
}

static void judge_flow_table(const struct serve_figures *f, struct serve_check_row *r)
{
	if (!f->attached || f->flows_max == 0)
		return;
	say(r, SERVE_STATE_OK, "%" PRIu64 " of %" PRIu64 " flows (%.0f %%)", f->flows, f->flows_max,
		percent(f->flows, f->flows_max));
	if (f->flows * 100 <= f->flows_max * FULL_PERCENT)
		return;
	r->state = SERVE_STATE_WARNING;
	advise(r, "a full one lets new connections pass unread: raise dataplane.flows, and restart");
}

static void judge_clock(const struct serve_figures *f, struct serve_check_row *r)
{
	const int64_t moved = f->clock_moved_s < 0 ? -f->clock_moved_s : f->clock_moved_s;

	if (f->clock_s < CLOCK_LEAST_S) {
		say(r, SERVE_STATE_ERROR, "it was never set");
		advise(r, "blocks and bindings end by it: set it, and run chrony or ntpd");
	} else if (moved > CLOCK_MOVED_S) {
		say(r, SERVE_STATE_WARNING, "it was set by %" PRId64 " s in the last %u s",
			f->clock_moved_s, f->window_s);
		advise(r, "who sets it? run chrony or ntpd");
	} else if (!f->clock_synced) {
		say(r, SERVE_STATE_UNKNOWN, "runs evenly; the kernel knows of nobody who keeps it");
	} else {
		say(r, SERVE_STATE_OK, "runs evenly, and is kept");
	}
}

enum serve_state serve_judge(const struct serve_figures *f, struct serve_check_row rows[SERVE_CHECKS])
{
	static void (*const judges[SERVE_CHECKS])(
		const struct serve_figures *f, struct serve_check_row *r) = {
		[SERVE_CHECK_DATA_PLANE] = judge_data_plane,
		[SERVE_CHECK_POLICY] = judge_policy,
		[SERVE_CHECK_DIRECTIONS] = judge_directions,
		[SERVE_CHECK_NAT] = judge_nat,
		[SERVE_CHECK_PROBES] = judge_probes,
		[SERVE_CHECK_NEXT_HOPS] = judge_next_hops,
		[SERVE_CHECK_CONFLICTS] = judge_conflicts,
		[SERVE_CHECK_LOOPS] = judge_loops,
		[SERVE_CHECK_LINKS] = judge_links,
		[SERVE_CHECK_MTU] = judge_mtu,
		[SERVE_CHECK_RADIUS] = judge_radius,
		[SERVE_CHECK_ENCAPSULATION] = judge_encap,
		[SERVE_CHECK_CHECKSUMS] = judge_checksums,
		[SERVE_CHECK_FLOW_TABLE] = judge_flow_table,
		[SERVE_CHECK_CLOCK] = judge_clock,
	};
	enum serve_state worst = SERVE_STATE_OK;

	for (unsigned i = 0; i < SERVE_CHECKS; i++) {
		rows[i] = (struct serve_check_row){0};
		judges[i](f, &rows[i]);
		if (rows[i].state > worst)
			worst = rows[i].state;
	}
	return worst;
}

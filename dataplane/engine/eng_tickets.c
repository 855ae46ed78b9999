// SPDX-License-Identifier: BSD-3-Clause
// How many connections a session profile allows: of a client at a time, of a client in some minutes, of the
// profile at a time; counted by all workers together in cells (table/tbl_cells.h). A connection is asked
// for once, when the client's acknowledgement of the server's number opens it: that number is not to be
// guessed, so SYNs with foreign addresses, however many, take no ticket of anybody, and a half-open
// connection holds none that would have to be given back. The server then knows nothing of the client but a
// handshake not yet finished: it gets a reset, the client 421 in the greeting. What a session holds it
// keeps under a later policy, too, until it ends or we speak in the server's place.
// An IPv6 client is its /64: more than that is in one hand, and would fill the table.
// Thread: the worker.
#include "eng_shadow.h"

enum { CELLS_CLIENT = 1, CELLS_TOTAL }; // tbl_cell_key.kind; eng_rates.c has those from 16 on

_Static_assert(
	(int)POL_CLIENT_CONNECTIONS_MAX <= (int)TBL_CELLS_TICKETS_MAX, "a cell counts so far");
_Static_assert(
	(int)POL_TOTAL_CONNECTIONS_MAX <= (int)TBL_CELLS_TICKETS_MAX, "a cell counts so far");
_Static_assert((int)POL_RATE_MAX <= (int)TBL_CELLS_EVENTS_MAX, "a cell counts so far");
_Static_assert((int)POL_RATE_MAX_MIN * 60 <= (int)TBL_CELLS_WINDOW_MAX_S, "likewise");

struct ask { // of one connection
	struct tbl_cells *cells;
	const struct pol_session *profile;
	struct tbl_cell_key client, total;
	uint32_t now_s;
	struct eng_tickets_asked *out;
};

struct addr eng_tickets_client(const struct addr *a)
{
	enum { NETWORK_BYTES = 8 };
	struct addr client = {0};

	memcpy(client.b, a->b, addr_is_v4(a) ? sizeof(a->b) : NETWORK_BYTES);
	return client;
}

// true: over. A full table limits nobody.
static bool over(struct ask *a, enum tbl_cells_answer answer, uint32_t limit)
{
	a->out->full += answer == TBL_CELLS_FULL;
	a->out->limit = limit;
	return answer == TBL_CELLS_OVER;
}

static bool client_over(struct ask *a)
{
	const uint32_t limit = a->profile->client_connections;

	return limit != 0 &&
		over(a,
			tbl_cells_take(a->cells, &a->client, limit, a->now_s, &a->out->ticket,
				&a->out->value),
			limit);
}

static bool total_over(struct ask *a)
{
	const uint32_t limit = a->profile->total_connections;

	return limit != 0 &&
		over(a,
			tbl_cells_take_also(a->cells, &a->total, limit, a->now_s, &a->out->ticket,
				&a->out->value),
			limit);
}

// Last: who is refused for another limit does not count here.
static bool rate_over(struct ask *a)
{
	const uint32_t limit = a->profile->client_rate;

	return limit != 0 &&
		over(a,
			tbl_cells_count(a->cells, &a->client, limit,
				a->profile->client_rate_min * 60u, a->now_s, &a->out->value),
			limit);
}

void eng_tickets_ask(const struct eng_worker *w, struct tbl_cells *cells,
	const struct pol_session *profile, const struct eng_session *s,
	struct eng_tickets_asked *out)
{
	static const struct eng_limit client = {421, ENG_TEXT_CLIENT_CONNECTIONS,
					      ACT_CLIENT_CONNECTIONS},
				      total = {421, ENG_TEXT_TOTAL_CONNECTIONS,
					      ACT_TOTAL_CONNECTIONS},
				      rate = {421, ENG_TEXT_CLIENT_RATE, ACT_CLIENT_RATE};

	*out = (struct eng_tickets_asked){.ticket = TBL_CELL_NONE};
	if ((profile->client_connections | profile->client_rate | profile->total_connections) ==
			0 ||
		cells == NULL)
		return;
	struct ask a = {
		.cells = cells,
		.profile = profile,
		.client = {.client = eng_tickets_client(&s->flow.key.client),
			.profile = profile->key,
			.context = eng_context_key(w, s->flow.key.context),
			.vlan = eng_context_vlan(s->flow.key.context),
			.kind = CELLS_CLIENT},
		.total = {.profile = profile->key, .kind = CELLS_TOTAL},
		.now_s = (uint32_t)(w->smtp->now_us / 1000000),
		.out = out,
	};
	out->limited = client_over(&a) ? &client
		: total_over(&a)       ? &total
		: rate_over(&a)        ? &rate
				       : NULL;
	out->value += out->limited != NULL; // this one included
}

bool eng_tickets_take(struct eng_worker *w, struct eng_session *s)
{
	struct eng_tickets_asked a;

	eng_tickets_ask(w, w->eng->cells, eng_profile(w, s), s, &a);
	eng_count_n(w, ACT_CELLS_FULL, a.full);
	s->ticket = a.ticket; // eng_limit_cut gives it back
	if (w->shadow != NULL)
		eng_shadow_connections(w, s, &a);
	if (a.limited == NULL)
		return true;
	eng_limit_cut(w, s, a.limited, a.limit, a.value, false);
	return false;
}

void eng_tickets_give(struct eng_worker *w, struct eng_session *s)
{
	if (s->shadow && w->shadow != NULL)
		eng_shadow_give(w, s);
	if (s->ticket == TBL_CELL_NONE)
		return;
	tbl_cells_give(w->eng->cells, s->ticket);
	s->ticket = TBL_CELL_NONE;
}

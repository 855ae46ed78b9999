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
#include "eng_session.h"

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
	uint32_t ticket;
	uint32_t limit, value; // that was reached, and how many there were
};

struct addr eng_tickets_client(const struct addr *a)
{
	enum { NETWORK_BYTES = 8 };
	struct addr client = {0};

	memcpy(client.b, a->b, addr_is_v4(a) ? sizeof(a->b) : NETWORK_BYTES);
	return client;
}

// true: over. A full table limits nobody.
static bool over(struct eng_worker *w, struct ask *a, enum tbl_cells_answer answer, uint32_t limit)
{
	if (answer == TBL_CELLS_FULL)
		eng_count(w, ACT_CELLS_FULL);
	a->limit = limit;
	return answer == TBL_CELLS_OVER;
}

static bool client_over(struct eng_worker *w, struct ask *a)
{
	const uint32_t limit = a->profile->client_connections;

	return limit != 0 &&
		over(w, a,
			tbl_cells_take(
				a->cells, &a->client, limit, a->now_s, &a->ticket, &a->value),
			limit);
}

static bool total_over(struct eng_worker *w, struct ask *a)
{
	const uint32_t limit = a->profile->total_connections;

	return limit != 0 &&
		over(w, a,
			tbl_cells_take_also(
				a->cells, &a->total, limit, a->now_s, &a->ticket, &a->value),
			limit);
}

// Last: who is refused for another limit does not count here.
static bool rate_over(struct eng_worker *w, struct ask *a)
{
	const uint32_t limit = a->profile->client_rate;

	return limit != 0 &&
		over(w, a,
			tbl_cells_count(a->cells, &a->client, limit,
				a->profile->client_rate_min * 60u, a->now_s, &a->value),
			limit);
}

bool eng_tickets_take(struct eng_worker *w, struct eng_session *s)
{
	const struct pol_session *profile = eng_profile(w, s);

	if ((profile->client_connections | profile->client_rate | profile->total_connections) ==
			0 ||
		w->eng->cells == NULL)
		return true;
	struct ask a = {
		.cells = w->eng->cells,
		.profile = profile,
		.client = {.client = eng_tickets_client(&s->flow.key.client),
			.profile = profile->key,
			.context = s->flow.key.context,
			.kind = CELLS_CLIENT},
		.total = {.profile = profile->key, .kind = CELLS_TOTAL},
		.now_s = (uint32_t)(w->smtp->now_us / 1000000),
		.ticket = TBL_CELL_NONE,
	};
	enum { CLIENT, TOTAL, RATE, NONE };
	static const struct eng_limit limits[] = {
		[CLIENT] = {421, ENG_TEXT_CLIENT_CONNECTIONS, ACT_CLIENT_CONNECTIONS},
		[TOTAL] = {421, ENG_TEXT_TOTAL_CONNECTIONS, ACT_TOTAL_CONNECTIONS},
		[RATE] = {421, ENG_TEXT_CLIENT_RATE, ACT_CLIENT_RATE},
	};
	const unsigned which = client_over(w, &a) ? CLIENT
		: total_over(w, &a)               ? TOTAL
		: rate_over(w, &a)                ? RATE
						  : NONE;

	s->ticket = a.ticket; // eng_limit_cut gives it back
	if (which == NONE)
		return true;
	eng_limit_cut(w, s, &limits[which], a.limit, a.value + 1, false);
	return false;
}

void eng_tickets_give(struct eng_worker *w, struct eng_session *s)
{
	if (s->ticket == TBL_CELL_NONE)
		return;
	tbl_cells_give(w->eng->cells, s->ticket);
	s->ticket = TBL_CELL_NONE;
}

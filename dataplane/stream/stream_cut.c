// SPDX-License-Identifier: BSD-3-Clause
// The server is cut off, or was never there: we speak in its name, in its sequence space, with the
// same retention and the same small sender that custody uses. Nothing here ends a connection by
// itself; the session says when.
// Thread: the owner of the flow.
#include <errno.h>

#include "stream_int.h"

void stream_cut(struct stream *st, struct stream_pool *p)
{
	struct stream_half *server = &st->half[STREAM_SERVER];

	// What was released and has not left yet is what the client waits for before our words.
	slab_cut_from(server, p, server->rel);
	server->read = server->nxt = server->rel;
	server->owned = server->rel; // what the client has not acknowledged is ours to repeat
	if (!server->fin_sent) {
		server->has_fin = false;
		server->fin_rel = false;
	}
	st->answered = true;
}

int stream_say(struct stream *st, struct stream_pool *p, struct span text)
{
	struct stream_half *server = &st->half[STREAM_SERVER];

	if (server->has_fin)
		return -ENOBUFS;
	if (slab_insert(server, p, server->nxt, text.p, (uint32_t)text.n) != 0) {
		slab_cut_from(server, p, server->nxt);
		return -ENOBUFS;
	}
	server->nxt += (uint32_t)text.n;
	server->read = server->rel = server->owned = server->nxt;
	return 0;
}

void stream_discard(struct stream *st, struct stream_pool *p)
{
	struct stream_half *client = &st->half[STREAM_CLIENT];

	client->una = client->sent = client->rel = client->read;
	client->rto_on = client->repeat = false; // nobody waits for its bytes any more
	slab_free_before(client, p, client->read);
	edits_forget(client, p);
}

void stream_hang_up(struct stream *st)
{
	struct stream_half *server = &st->half[STREAM_SERVER];

	if (server->has_fin)
		return;
	server->has_fin = true;
	server->fin = server->nxt;
	server->fin_rel = true;
}

bool stream_is_drained(const struct stream *st)
{
	const struct stream_half *server = &st->half[STREAM_SERVER];

	if (server->fin_rel)
		return server->fin_acked;
	return server->una == server->rel;
}

// SPDX-License-Identifier: BSD-3-Clause
// What is asked when a run is over: nothing was stored that was not judged; honest sessions ended, and
// each of their messages arrived intact or was refused whole. Shares no code with the product.
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "eng.h"
#include "eng_reason.h"
#include "sim.h"
#include "sim_text.h"

static const char *policy_name(const struct conn *c)
{
	static const char *const names[] = {"?", "plain", "closed", "later", "quiet", "look",
		"strict", "reject", "chunks", "bare", "few", "slow", "single"};

	return names[c->path.client_net % (sizeof(names) / sizeof(names[0]))];
}

// ---- safety

static bool excused(const struct conn *c)
{
	const struct sim *s = c->sim;

	if (s->plan.excused || c->server.at == AT_TLS)
		return true;
	if (c->path.client_net == 5) // monitored
		return true;
	return s->plan.messages <= 2 && box_count(s, PASS_NO_SCAN_MEMORY) > 0;
}

static void nothing_unread_stored(struct conn *c)
{
	struct sim *s = c->sim;

	for (unsigned i = 0; i < c->server.nstored; i++) {
		const struct stored *st = &c->server.stored[i];

		if (text_has_token(st->text, st->n) && !excused(c))
			sim_fail(s, "%u: stored and not judged: %u bytes, end form %d, policy %s",
				c->index, st->n, st->form, policy_name(c));
		if (st->form > 0)
			sim_row(s, ROW_LAX_END);
	}
	for (unsigned i = 0; i < eng_stat_count && !s->plan.excused; i++)
		if (eng_stat_names[i].kind == ENG_STAT_PASS && i != PASS_TLS &&
			i != PASS_NO_SCAN_MEMORY && box_count(s, i) > 0)
			sim_fail(s, "passed unread: %s", eng_stat_names[i].name);
}

// ---- what the client must see of an EHLO reply

static bool in_list(const char *word, size_t n, const char *const *list)
{
	for (; *list != NULL; list++)
		if (strlen(*list) == n && strncasecmp(word, *list, n) == 0)
			return true;
	return false;
}

static bool is_masked(const char *word, size_t n, char behind, unsigned policy)
{
	static const char *const always[] = {"BINARYMIME", "XCLIENT", "BURL", "CHECKPOINT",
		"XEXCH50", "X-EXPS", "X-ANONYMOUSTLS", "ATRN", "XFORWARD", NULL};
	static const char *const known[] = {"PIPELINING", "SIZE", "8BITMIME", "ENHANCEDSTATUSCODES",
		"DSN", "SMTPUTF8", "HELP", "AUTH", "STARTTLS", "CHUNKING", "VRFY", "ETRN",
		"NO-SOLICITING", NULL};
	static const char *const tls[] = {"STARTTLS", NULL}, *const chunking[] = {"CHUNKING", NULL},
			 *const groups[] = {"PIPELINING", NULL};

	if (behind == '=' || in_list(word, n, always))
		return true;
	if (in_list(word, n, known))
		return (policy == 2 && in_list(word, n, tls)) ||
			(policy == 8 && in_list(word, n, chunking)) ||
			(policy == POLICY_SINGLE && in_list(word, n, groups));
	return policy == 2 || policy == 6 || policy == 8 || policy == 9;
}

static void mask(uint8_t *text, uint32_t n, unsigned policy)
{
	uint32_t at = 0;

	for (bool first = true; at < n; first = false) {
		uint8_t *nl = memchr(text + at, '\n', n - at);
		uint32_t end = nl == NULL ? n : (uint32_t)(nl - text) + 1, k = at + 4;

		while (k < end && text[k] != ' ' && text[k] != '=' && text[k] != '\r')
			k++;
		if (!first && k > at + 4 && k < end &&
			is_masked((char *)text + at + 4, k - at - 4, (char)text[k], policy))
			text[k - 1] = text[k - 1] == 'X' || text[k - 1] == 'x' ? 'Z' : 'X';
		at = end;
	}
}

// ---- honest sessions

static void streams_are_equal(struct conn *c)
{
	const struct tcp_end *client = &c->end[CLIENT], *server = &c->end[SERVER];
	uint32_t got = server->rnxt == 0 ? 0 : server->rnxt - 1 - (server->fin_got ? 1 : 0);
	struct sim *s = c->sim;

	if (box_count(s, ACT_SUBSTITUTED) > 0) // chunks behind a refused one never get there
		return;
	if (got > client->out_n || (got > 0 && memcmp(server->in, client->out, got) != 0))
		sim_fail(s, "%u: the server did not get what the client sent", c->index);
	got = client->rnxt == 0 ? 0 : client->rnxt - 1 - (client->fin_got ? 1 : 0);
	if (got == 0 || c->client.tls_on)
		return;
	uint8_t *want = malloc(server->out_n + 1);
	if (server->out_n > 0)
		memcpy(want, server->out, server->out_n);
	for (unsigned i = 0; i < c->server.nehlos; i++)
		if (c->server.ehlo[i].to <= server->out_n)
			mask(want + c->server.ehlo[i].from,
				c->server.ehlo[i].to - c->server.ehlo[i].from, c->path.client_net);
	for (uint32_t i = 0; i < got; i++) {
		if (i < server->out_n && client->in[i] == want[i])
			continue;
		if (!c->client.own_reply && !c->box_cut)
			sim_fail(s, "%u: byte %u of the server's is another one for the client",
				c->index, i);
		break;
	}
	free(want);
}

static unsigned count_stored(const struct conn *c, const struct sent_message *m)
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->server.nstored; i++) {
		const struct stored *st = &c->server.stored[i];

		n += st->n == m->n && memcmp(st->text, m->text, m->n) == 0;
	}
	return n;
}

static unsigned count_sent(const struct conn *c, const struct sent_message *m, bool *told)
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->client.nmessages; i++) {
		const struct sent_message *o = &c->client.message[i];

		if (o->n != m->n || memcmp(o->text, m->text, m->n) != 0)
			continue;
		n += c->client.item[o->last].code / 100 == 2;
		*told &= c->client.item[o->last].code != 0;
	}
	return n;
}

static void messages_are_whole(struct conn *c)
{
	struct sim *s = c->sim;
	bool left = c->client.left || c->server.left || c->client.gave_up;

	for (unsigned i = 0; i < c->client.nmessages; i++) {
		const struct sent_message *m = &c->client.message[i];
		bool told = true;
		unsigned stored = count_stored(c, m), sent = count_sent(c, m, &told);
		int code = c->client.item[m->last].code;
		bool discarded = m->spam && c->path.client_net == 4;

		if (m->spam && stored > 0 && !excused(c))
			sim_fail(s, "%u: message %u is spam, and stored", c->index, i);
		if (m->spam && code / 100 == 2 && !excused(c) && !discarded && stored == 0)
			sim_fail(s, "%u: message %u is spam, and accepted", c->index, i);
		if (!discarded && !left && stored != sent)
			sim_fail(s, "%u: message %u: stored %u times, accepted %u times", c->index,
				i, stored, sent);
		if (!discarded && left && sent > stored)
			sim_fail(s, "%u: message %u: accepted, not stored", c->index, i);
		if (stored > 0 && stored == sent)
			sim_row(s, ROW_HONEST_MESSAGE);
		if (!m->spam && c->box_cut && told && code / 100 != 2 && c->client.item[m->last].own &&
			box_count(s, ACT_AHEAD_CUT) + box_count(s, ACT_SCAN_TAKEN) +
					box_count(s, ACT_SUBSTITUTE_LIMIT) +
					box_count(s, ACT_CHUNK_REFUSED) +
					box_count(s, ACT_LIMIT_ERRORS) +
					box_count(s, ACT_LIMIT_RECIPIENT_ERRORS) +
					box_count(s, ACT_LIMIT_RSET) +
					box_count(s, ACT_REJECTED) + box_count(s, ACT_TEMPFAILED) +
					box_count(s, ACT_DISCARDED) +
					box_count(s, ACT_REFUSED_CONNECT) ==
				0)
			sim_fail(s, "%u: message %u is honest, and refused: %.60s", c->index, i,
				c->client.own_text);
	}
	for (unsigned i = 0; i < c->server.nstored; i++) {
		bool mine = false;

		for (unsigned k = 0; k < c->client.nmessages; k++)
			mine |= c->server.stored[i].n == c->client.message[k].n &&
				memcmp(c->server.stored[i].text, c->client.message[k].text,
					c->server.stored[i].n) == 0;
		if (!mine)
			sim_fail(s, "%u: a message stored that nobody sent so", c->index);
	}
}

static void session_ended(struct conn *c)
{
	const struct tcp_end *client = &c->end[CLIENT], *server = &c->end[SERVER];
	struct sim *s = c->sim;

	if (!c->over)
		sim_fail(s, "%u: hangs (client %d/%d, server %d/%d, phase %d)", c->index,
			client->state, client->gone, server->state, server->gone,
			client_phase(&c->client));
	// Nobody repeats the box's own SYN-ACK: a client whose answer to it was lost waits in vain.
	// Nor has the box a half-open one left where its answers were lost for so long that the server's
	// SYN-ACKs come half a minute apart.
	if (c->client.gave_up && c->path.client_net != 7 && !c->server.left && c->accepted)
		sim_fail(s, "%u: the client waits in vain (phase %d)", c->index,
			client_phase(&c->client));
	if (c->client.left || c->server.left || c->client.gave_up || (c->client.done && c->box_cut))
		return; // a reset may come before the last acknowledgement
	if (client->gone == GONE_TIMEOUT || client->gone == GONE_RESET)
		sim_fail(s, "%u: the client's connection broke (%d)", c->index, client->gone);
	if (server->gone == GONE_TIMEOUT || (server->gone == GONE_RESET && !c->box_cut))
		sim_fail(s, "%u: the server's connection broke (%d)", c->index, server->gone);
}

static const struct {
	enum eng_reason reason;
	enum sim_row row;
} told[] = {
	{ACT_POSSIBLE_END, ROW_POSSIBLE_END},
	{ACT_CUSTODY, ROW_CUSTODY},
	{ACT_MASKED, ROW_EDIT},
	{DROP_NO_SLAB, ROW_SLAB_SHORTAGE},
	{PASS_NO_SCAN_MEMORY, ROW_SCAN_SHORTAGE},
	{ACT_REJECTED, ROW_CONDEMNED},
	{ACT_TEMPFAILED, ROW_CONDEMNED},
	{ACT_DISCARDED, ROW_CONDEMNED},
	{ACT_MONITORED, ROW_CONDEMNED},
	{PASS_TLS, ROW_TLS},
	{ACT_SUBSTITUTED, ROW_SUBSTITUTED},
	{ACT_REPLY_REPLACED, ROW_REPLACED},
	{ACT_WITHDRAWN, ROW_TAKEN_OUT},
	{ACT_TARPIT, ROW_DELAYED},
	{ACT_LIMIT_ERRORS, ROW_LIMIT_CUT},
	{ACT_LIMIT_RECIPIENT_ERRORS, ROW_LIMIT_CUT},
	{ACT_LIMIT_RSET, ROW_LIMIT_CUT},
};

void oracle_end(struct sim *s)
{
	for (unsigned i = 0; i < sizeof(told) / sizeof(told[0]); i++)
		s->rows[told[i].row] += box_count(s, told[i].reason);
	if (box_count(s, DROP_OUT_FULL) + box_count(s, DROP_NO_MBUF) > 0)
		sim_fail(s, "frames that found no place");
	for (unsigned i = 0; i < s->nconns && !s->failed; i++) {
		struct conn *c = &s->conn[i];

		s->rows[ROW_RECUT] += c->end[CLIENT].recuts + c->end[SERVER].recuts;
		for (int k = 0; k < c->client.nitems; k++)
			sim_note(s, "%u item %d: %.20s%s code %d, message %d", c->index, k,
				c->client.item[k].n > 0 ? (char *)c->client.item[k].text : "",
				c->client.item[k].skipped ? " (left out)" : "",
				c->client.item[k].code, c->client.item[k].message);
		nothing_unread_stored(c);
		if (c->kind == KIND_BARE_LF)
			sim_row(s, ROW_BARE_LF);
		if (s->nconns == 1 && c->server.nehlos == 1 && box_count(s, ACT_MASKED) >= 20)
			sim_row(s, ROW_EDITS_20);
		for (int k = 0; k < c->client.nitems; k++)
			if (c->client.item[k].kind == ITEM_CHUNK && c->client.item[k].sent) {
				sim_row(s, ROW_CHUNKED);
				break;
			}
		if (c->kind > KIND_BARE_LF || s->plan.excused)
			continue;
		streams_are_equal(c);
		messages_are_whole(c);
		limits_look(c);
		session_ended(c);
	}
}

// SPDX-License-Identifier: BSD-3-Clause
// What the two ends must have heard of each other where a session profile limits them: the client each
// reply of the server's, in its order, but for those that the box gives; the server each command, but
// for those that the box takes: the first five come as NOOP, recipients behind them not at all. Shares no
// code with the product.
#include <string.h>
#include <strings.h>

#include "eng_reason.h"
#include "sim.h"

enum { NOOPS_MAX = 5, RECIPIENTS_MAX = 2 };

static const struct limits {
	unsigned errors, recipient_errors, free, delay_s, step_s; // 0: any number, no delay
} limits[] = {
	[POLICY_FEW] = {0},
	[POLICY_SLOW] = {.errors = 6, .recipient_errors = 12, .free = 1, .delay_s = 1, .step_s = 1},
	[POLICY_SINGLE] = {.errors = 2},
};

struct look {
	struct conn *c;
	const struct limits *limits;
	unsigned at;                // in what the server said
	unsigned ours;              // replies of the box's
	unsigned accepted, refused; // recipients of the open transaction, by the server
	unsigned errors, recipient_errors;
};

static bool begins(const struct item *it, const char *verb)
{
	return it->n >= strlen(verb) && strncasecmp((char *)it->text, verb, strlen(verb)) == 0;
}

// Is that what the server was asked?
static bool is_asked(const struct item *it, const char *line)
{
	size_t n = strlen(line);

	if (it->kind == ITEM_BODY)
		return strcmp(line, ".") == 0;
	return it->n >= n && memcmp(it->text, line, n) == 0;
}

// An error's number gives the time that its reply waits at least.
static void wait_look(struct look *l, const struct item *it, uint64_t said_at)
{
	unsigned n = l->errors + l->recipient_errors;

	if (n <= l->limits->free || l->limits->delay_s == 0 || l->c->box_cut)
		return;
	uint64_t wait_us = (l->limits->delay_s + (n - l->limits->free - 1) * l->limits->step_s) *
		UINT64_C(1000000);
	if (it->heard_at + 1000 < said_at + wait_us) // the box counts milliseconds
		sim_fail(l->c->sim, "%u: error %u was told after %lu us, not %lu", l->c->index, n,
			it->heard_at - said_at, wait_us);
}

static void error_note(struct look *l, const struct item *it)
{
	const struct client *cl = &l->c->client;
	bool recipient = begins(it, "RCPT");

	for (unsigned i = 0; i < cl->nmessages; i++)
		if (it == &cl->item[cl->message[i].last]) // the message's fate
			return;
	l->errors += !recipient;
	l->recipient_errors += recipient;
	// One more where its reply had begun; behind a message by chunks that waits for its reply, any.
	if (cl->conf.wants_chunks)
		return;
	if ((l->limits->errors > 0 && l->errors > l->limits->errors + 1) ||
		(l->limits->recipient_errors > 0 &&
			l->recipient_errors > l->limits->recipient_errors + 1))
		sim_fail(l->c->sim, "%u: %u errors, %u of recipients, and it goes on", l->c->index,
			l->errors, l->recipient_errors);
}

// false: what follows was said to nobody.
static bool ours_look(struct look *l, const struct item *it)
{
	const struct server *sv = &l->c->server;

	if (!begins(it, "RCPT") || it->code != 452)
		return false;
	if (l->accepted + l->refused < RECIPIENTS_MAX)
		sim_fail(l->c->sim, "%u: too many recipients, after %u", l->c->index, l->accepted);
	l->recipient_errors++;
	if (l->ours++ >= NOOPS_MAX)
		return true;
	if (l->at == sv->nsaid || strncmp(sv->said[l->at].line, "NOOP", 4) != 0)
		sim_fail(l->c->sim, "%u: no NOOP came for a refused recipient", l->c->index);
	l->at++;
	return true;
}

static bool item_look(struct look *l, const struct item *it)
{
	const struct server *sv = &l->c->server;

	if (it->own)
		return ours_look(l, it);
	if (l->at == sv->nsaid || it->code == 421)
		return false;
	const struct said *said = &sv->said[l->at++];
	if (!is_asked(it, said->line) || it->code != said->code) {
		sim_fail(l->c->sim, "%u: \"%.30s\" got %d; the server said %d to \"%s\"",
			l->c->index, (char *)it->text, it->code, said->code, said->line);
		return false;
	}
	if (begins(it, "MAIL") && it->code == 250)
		l->accepted = l->refused = 0;
	if (begins(it, "RCPT")) {
		l->accepted += it->code == 250;
		l->refused += it->code != 250;
	}
	if (l->accepted > RECIPIENTS_MAX && box_count(l->c->sim, PASS_NO_SCAN_MEMORY) == 0 &&
		l->c->path.client_net < POLICY_SINGLE)
		sim_fail(l->c->sim, "%u: %u recipients", l->c->index, l->accepted);
	if (it->code >= 500) {
		error_note(l, it);
		if (it->kind == ITEM_COMMAND || it->kind == ITEM_DATA)
			wait_look(l, it, said->at);
	}
	return true;
}

void limits_look(struct conn *c)
{
	const struct client *cl = &c->client;
	struct look l = {.c = c};

	if (c->path.client_net < POLICY_FEW)
		return;
	l.limits = &limits[c->path.client_net];
	for (int i = 0; i < cl->nitems && !c->sim->failed; i++) {
		const struct item *it = &cl->item[i];

		if (it->kind == ITEM_GREETING || it->skipped)
			continue;
		if (it->silent || it->code == 0 || !item_look(&l, it))
			return;
	}
}

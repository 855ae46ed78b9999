// SPDX-License-Identifier: BSD-3-Clause
// How many messages, and recipients of them, a session profile allows in some minutes: of a client, and of
// a sender's address; counted by all workers together in cells (table/tbl_cells.h). A message counts from
// its MAIL on, a recipient from its RCPT, so that N pass however many are on their way at once. Both are
// given back if the server does not take the message: it refuses a command or the message, its client
// resets or leaves, we refuse or discard it, TLS begins. Once an end of it has gone to its server, a
// message without a reply counts. One message with many recipients is one message.
// While a client has two transactions open it may not begin a third: nobody could tell whose it is.
//
// Who a sender is: its address, in the form that access rules know it by (policy/pol_word.h), so
// spellings of one do not add up; the null sender is nobody. An address is easily forged: of clients that
// have authenticated it counts over all of them, together with the server that says so (which may be a
// forger's own), of any other one together with that client. So nobody from outside can use up what another
// one's address may send. Addresses that cannot be read are together one of their client's.
// A key has the address by a keyed hash of 64 bits; two that share it, one of a million in thirty million
// times, share their limits. Where no cell is left there is no limit, and that is counted. Cells of
// messages that are not taken are free again at once: filling the table takes mail that is.
// A candidate's limits (eng_shadow_mail.c) are counted by the same functions, in its cells.
// Thread: the worker.
#include "eng_reputation.h"
#include "eng_session.h"

enum { CELLS_RATE = 16 }; // tbl_cell_key.kind, behind those of eng_tickets.c: + enum eng_rate

_Static_assert((int)POL_RATE_MAX <= (int)TBL_CELLS_EVENTS_MAX, "a cell counts so far");
_Static_assert((int)POL_RATE_MAX_MIN * 60 <= (int)TBL_CELLS_WINDOW_MAX_S, "likewise");

static uint32_t limit_of(const struct pol_session *p, enum eng_rate rate)
{
	switch (rate) {
	case ENG_RATE_CLIENT_MESSAGES:
		return p->client_messages;
	case ENG_RATE_CLIENT_RECIPIENTS:
		return p->client_recipients;
	case ENG_RATE_SENDER_MESSAGES:
		return p->sender_messages;
	case ENG_RATE_SENDER_RECIPIENTS:
		return p->sender_recipients;
	default:
		return 0;
	}
}

static bool is_senders(enum eng_rate rate)
{
	return rate == ENG_RATE_SENDER_MESSAGES || rate == ENG_RATE_SENDER_RECIPIENTS;
}

bool eng_rates_any(const struct pol_session *p)
{
	return (p->client_messages | p->client_recipients | p->sender_messages |
		       p->sender_recipients) != 0 ||
		eng_throttle_counts(p);
}

uint32_t eng_rates_limit(const struct pol_session *profile, enum eng_refusal why)
{
	if (why < ENG_REFUSE_RATE || why > ENG_REFUSE_RATE_LAST)
		return 0;
	return limit_of(profile, (enum eng_rate)(why - ENG_REFUSE_RATE));
}

static uint64_t sender_of(
	const struct eng_rates_by *by, const struct eng_session *s, struct span path)
{
	struct {
		struct addr client, server; // one of them; zero: any
		uint8_t word[POL_WORD_MAX];
	} name = {0};
	struct pol_word word;

	if (path.p != NULL && path.n == 0)
		return 0;
	pol_word_form(path, &word);
	if (!word.readable || !s->auth)
		name.client = eng_tickets_client(&s->flow.key.client);
	else
		name.server = s->flow.key.server;
	const size_t n = word.readable ? word.n : 0;
	memcpy(name.word, word.b, n);
	const uint64_t sender =
		tbl_cells_name(by->cells, &name, offsetof(typeof(name), word) + n);
	return sender == 0 ? 1 : sender;
}

static struct tbl_cell_key key_of(const struct eng_rates_by *by, const struct eng_session *s,
	const struct eng_rates *r, enum eng_rate rate)
{
	struct tbl_cell_key key = {
		.profile = r->profile,
		.context = by->context,
		.vlan = eng_context_vlan(s->flow.key.context),
		.kind = (uint16_t)(CELLS_RATE + rate),
	};

	if (is_senders(rate))
		memcpy(key.client.b, &r->sender, sizeof(r->sender));
	else
		key.client = eng_tickets_client(&s->flow.key.client);
	return key;
}

// One more. FULL: nothing was taken, and there is no limit.
static enum tbl_cells_answer hold(struct eng_rates_by *by, const struct eng_session *s,
	struct eng_rates *r, enum eng_rate rate)
{
	const struct pol_session *p = by->profile;
	const uint32_t limit = limit_of(p, rate);
	const uint32_t minutes = is_senders(rate) ? p->sender_rate_min : p->client_rate_min;
	uint32_t value;

	if (limit == 0 || (is_senders(rate) && r->sender == 0))
		return TBL_CELLS_FULL;
	const struct tbl_cell_key key = key_of(by, s, r, rate);
	const enum tbl_cells_answer answer = tbl_cells_hold(
		by->cells, &key, limit, minutes * 60, by->now_s, &r->held[rate], &value);
	by->full += answer == TBL_CELLS_FULL;
	return answer;
}

// One more of a client's and of a sender's, or of neither.
static bool hold_both(struct eng_rates_by *by, const struct eng_session *s, struct eng_rates *r,
	const enum eng_rate rate[2], enum eng_refusal *why)
{
	const enum tbl_cells_answer client = hold(by, s, r, rate[0]);

	*why = (enum eng_refusal)(ENG_REFUSE_RATE + rate[0]);
	if (client == TBL_CELLS_OVER)
		return false;
	*why = (enum eng_refusal)(ENG_REFUSE_RATE + rate[1]);
	if (hold(by, s, r, rate[1]) != TBL_CELLS_OVER)
		return true;
	if (client == TBL_CELLS_PASS)
		tbl_cells_release(by->cells, &r->held[rate[0]], 1);
	return false;
}

bool eng_rates_mail_by(struct eng_rates_by *by, const struct eng_session *s, struct span path,
	struct eng_rates *rates, enum eng_refusal *why)
{
	static const enum eng_rate MESSAGES_OF[] = {
		ENG_RATE_CLIENT_MESSAGES, ENG_RATE_SENDER_MESSAGES};
	const struct pol_session *p = by->profile;

	*rates = (struct eng_rates){0};
	if (by->cells == NULL || !eng_rates_any(p))
		return true;
	*why = ENG_REFUSE_MAIL;
	if (s->message != NULL && s->message->following != NULL)
		return false;
	rates->profile = p->key;
	if ((p->sender_messages | p->sender_recipients) != 0)
		rates->sender = sender_of(by, s, path);
	return hold_both(by, s, rates, MESSAGES_OF, why);
}

void eng_rates_rcpt_back_by(struct tbl_cells *cells, struct eng_rates *r)
{
	tbl_cells_release(cells, &r->held[ENG_RATE_CLIENT_RECIPIENTS], 1);
	tbl_cells_release(cells, &r->held[ENG_RATE_SENDER_RECIPIENTS], 1);
}

bool eng_rates_rcpt_by(struct eng_rates_by *by, const struct eng_session *s,
	struct eng_rates *open[], unsigned n, enum eng_refusal *why)
{
	static const enum eng_rate RECIPIENTS_OF[] = {
		ENG_RATE_CLIENT_RECIPIENTS, ENG_RATE_SENDER_RECIPIENTS};

	for (unsigned i = 0; i < n; i++) {
		// Begun before its profile had limits: it is the session's now.
		if (open[i]->profile == 0)
			open[i]->profile = by->profile->key;
		if (hold_both(by, s, open[i], RECIPIENTS_OF, why))
			continue;
		while (i > 0)
			eng_rates_rcpt_back_by(by->cells, open[--i]);
		return false;
	}
	return true;
}

void eng_rates_end_by(struct tbl_cells *cells, struct eng_rates *rates)
{
	for (unsigned i = 0; i < ENG_RATE_COUNT && !rates->sent; i++)
		tbl_cells_release(cells, &rates->held[i], UINT32_MAX); // may have none
	if (!rates->sent)
		tbl_cells_release(cells, &rates->hour, 1); // likewise
	*rates = (struct eng_rates){0};
}

// ---- of the image in force

static struct eng_rates_by in_force(struct eng_worker *w, struct eng_session *s)
{
	return (struct eng_rates_by){.cells = w->eng->cells,
		.profile = eng_profile(w, s),
		.now_s = (uint32_t)(w->smtp->now_us / 1000000),
		.context = eng_context_key(w, s->flow.key.context)};
}

bool eng_rates_mail(struct eng_worker *w, struct eng_session *s, struct span path,
	struct eng_rates *rates, enum eng_refusal *why)
{
	struct eng_rates_by by = in_force(w, s);

	*rates = (struct eng_rates){0};
	if (by.cells == NULL || !eng_rates_any(by.profile))
		return true;
	const bool passes = eng_rates_mail_by(&by, s, path, rates, why);
	eng_count_n(w, ACT_CELLS_FULL, by.full);
	return passes;
}

// The transactions that a recipient sent now may be of: none that was reset. (Behind an end of data nothing
// is read before its reply.)
static unsigned open_ones(struct eng_session *s, struct eng_rates *open[2])
{
	unsigned n = 0;

	for (struct eng_message *msg = s->message; msg != NULL; msg = msg->following)
		if (!msg->left)
			open[n++] = &msg->rates;
	return n;
}

bool eng_rates_rcpt(struct eng_worker *w, struct eng_session *s, enum eng_refusal *why)
{
	struct eng_rates_by by = in_force(w, s);
	struct eng_rates *open[2];

	if (by.cells == NULL || !eng_rates_any(by.profile))
		return true;
	const bool passes = eng_rates_rcpt_by(&by, s, open, open_ones(s, open), why);
	eng_count_n(w, ACT_CELLS_FULL, by.full);
	return passes;
}

void eng_rates_rcpt_back(struct eng_worker *w, struct eng_session *s)
{
	struct eng_rates *open[2];
	const unsigned n = open_ones(s, open);

	for (unsigned i = 0; i < n; i++)
		eng_rates_rcpt_back_by(w->eng->cells, open[i]);
}

// Replies come in order: behind that to its MAIL they are the first message's, and those before it were to
// recipients of none.
void eng_rates_rcpt_reply(struct eng_worker *w, struct eng_session *s, uint16_t code)
{
	if (code >= 400 && s->message != NULL && s->message->accepted)
		eng_rates_rcpt_back_by(w->eng->cells, &s->message->rates);
}

void eng_rates_end(struct eng_worker *w, struct eng_rates *rates)
{
	eng_rates_end_by(w->eng->cells, rates);
}

// SPDX-License-Identifier: BSD-3-Clause
// Three domains that a client names before it has authenticated: in HELO, of its sender, of a recipient. Who
// calls itself by the recipient's domain is of it, or says so to be let in; then its sender is of it, too.
// The null sender has no domain and is let through (RFC 5321 4.5.5); one without a domain, or that cannot
// be read, is of another; a recipient that cannot be read is refused. Domains are compared whole, in the form of policy/pol_word.h; those of more than
// ENG_HELO_MAX bytes by so many, for no more is kept of a name in HELO.
// Thread: the worker.
#include "eng_session.h"
#include "hash.h"

static bool is_on(const struct eng_session *s, const struct pol_session *profile)
{
	return profile->check_three_way && !s->auth;
}

// Behind the last at-sign; empty where there is none.
static struct span domain_of(const struct pol_word *word)
{
	const struct span all = {.p = word->b, .n = word->readable ? word->n : 0};

	for (size_t i = all.n; i > 0; i--)
		if (all.p[i - 1] == '@')
			return span_from(all, i);
	return (struct span){0};
}

// Never 0.
static uint64_t hash_of(const struct eng_worker *w, struct span domain)
{
	return hash_siphash(w->smtp->secret, domain.p, domain.n) | 1;
}

uint64_t eng_three_way_of(const struct eng_worker *w, const struct eng_session *s,
	const struct pol_session *profile, struct span path)
{
	struct pol_word word;

	if (!is_on(s, profile) || (path.p != NULL && path.n == 0))
		return 0;
	pol_word_form(path, &word);
	return hash_of(w, domain_of(&word));
}

void eng_three_way_mail(
	struct eng_worker *w, struct eng_session *s, struct eng_message *msg, struct span path)
{
	const uint64_t domain = eng_three_way_of(w, s, eng_profile(w, s), path);

	if (domain != 0)
		msg->from_domain = domain;
}

// Did the client call itself by this domain?
static bool is_helo(const struct eng_worker *w, const struct eng_session *s, struct span domain)
{
	char buf[ENG_HELO_MAX];
	const struct span all = eng_helo_get(w, s, buf);
	struct pol_word word;
	size_t at = 0;

	pol_word_form(eng_word(all, &at), &word); // RFC 5321 4.1.1.1: one word
	if (!word.readable || domain.n == 0)
		return false;
	if (all.n == ENG_HELO_MAX && word.n == all.n && domain.n > all.n)
		domain = span_sub(domain, 0, all.n);
	return span_eq(domain, (struct span){.p = word.b, .n = word.n});
}

enum eng_refusal eng_three_way_may(const struct eng_worker *w, const struct eng_session *s,
	const struct pol_session *profile, struct span path, const uint64_t from[], unsigned n)
{
	struct pol_word word;

	if (n == 0 || !is_on(s, profile))
		return ENG_REFUSAL_COUNT;
	pol_word_form(path, &word);
	if (!word.readable)
		return ENG_REFUSE_ADDRESS;
	const struct span domain = domain_of(&word);
	if (!is_helo(w, s, domain))
		return ENG_REFUSAL_COUNT;
	const uint64_t hash = hash_of(w, domain);
	for (unsigned i = 0; i < n; i++)
		if (from[i] != 0 && from[i] != hash)
			return ENG_REFUSE_THREE_WAY;
	return ENG_REFUSAL_COUNT;
}

enum eng_refusal eng_three_way_rcpt(struct eng_worker *w, struct eng_session *s, struct span path)
{
	uint64_t from[2];
	unsigned n = 0;

	if (s->message == NULL || !is_on(s, eng_profile(w, s)))
		return ENG_REFUSAL_COUNT;
	for (const struct eng_message *msg = s->message; msg != NULL; msg = msg->following)
		if (!msg->left)
			from[n++] = msg->from_domain;
	return eng_three_way_may(w, s, eng_profile(w, s), path, from, n);
}

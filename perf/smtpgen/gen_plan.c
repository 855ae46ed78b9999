// SPDX-License-Identifier: BSD-3-Clause
// Draws sessions and messages. Sizes follow a log-normal distribution, cut at the largest: few
// octets more than the median for most, a long tail. Thread: any; pure.
#include "gen_plan.h"

#include <math.h>
#include <string.h>

#include "gen_rand.h"

enum {
	MAIL_STREAM = 1,            // of the random numbers of a session: each message has its own
	WORDS_SIZE_MAX = 192 << 10, // what is longer has an attachment
	HEADER_SIZE = 420,          // about
	TEXT_OF_ATTACHED = 700,     // octets of text beside an attachment
};

// Inverse of the normal distribution, by bisection: only at start.
static double normal_at(double p)
{
	double low = -8, high = 8;

	for (int i = 0; i < 60; i++) {
		double mid = (low + high) / 2;

		if (0.5 * erfc(-mid / sqrt(2)) < p)
			low = mid;
		else
			high = mid;
	}
	return low;
}

void gen_plan_sizes(const struct gen_conf *conf, uint32_t sizes[GEN_SIZES])
{
	for (unsigned i = 0; i < GEN_SIZES; i++) {
		double z = normal_at((i + 0.5) / GEN_SIZES);
		double size = conf->size * exp(z * conf->spread / 1000.0);

		sizes[i] = size > conf->size_max ? conf->size_max
			: size < 256             ? 256
						 : (uint32_t)size;
	}
}

void gen_plan_session(const struct gen_conf *conf, uint64_t n, struct gen_plan *p)
{
	struct gen_rand r = gen_rand_of(conf->seed, n, 0);

	p->pipelining = gen_rand_hit(&r, conf->pipelining);
	p->v6 = gen_rand_hit(&r, conf->v6);
	p->refused = gen_rand_hit(&r, conf->refused);
	p->mails = (uint8_t)(1 + gen_rand_below(&r, conf->mails_max));
	p->abort_at = gen_rand_hit(&r, conf->aborted) ? (uint8_t)(1 + gen_rand_below(&r, 6)) : 0;
}

static uint8_t *text_put(uint8_t *p, const char *text)
{
	size_t n = strlen(text);

	memcpy(p, text, n);
	return p + n;
}

static uint8_t *hex_put(uint8_t *p, uint64_t v, unsigned digits)
{
	for (unsigned i = digits; i-- > 0; v >>= 4)
		p[i] = (uint8_t) "0123456789abcdef"[v & 15];
	return p + digits;
}

struct gen_piece gen_plan_ehlo(const struct gen_corpus *c, uint32_t room, uint64_t n)
{
	uint8_t *p = text_put(c->octets + room, "EHLO c");

	p = hex_put(p, n, GEN_EHLO_DIGITS);
	p = text_put(p, ".example.com\r\n");
	return (struct gen_piece){.off = room, .len = (uint32_t)(p - (c->octets + room))};
}

struct gen_piece gen_plan_queued(const struct gen_corpus *c, uint32_t room, uint64_t n, unsigned m)
{
	uint32_t off = room + GEN_HELO_MAX;
	uint8_t *p = text_put(c->octets + off, "250 2.0.0 Ok: queued as ");

	p = hex_put(p, n, GEN_EHLO_DIGITS);
	*p++ = '.';
	p = hex_put(p, m, 1);
	p = text_put(p, "\r\n");
	return (struct gen_piece){.off = off, .len = (uint32_t)(p - (c->octets + off))};
}

// MAIL, RCPT..., DATA: one behind the other, so that a client may send them in one go.
static uint8_t *lines_put(const struct gen_corpus *c, uint8_t *p, uint64_t n, unsigned m,
	unsigned rcpts, struct gen_mail *mail)
{
	uint8_t *from = p;

	p = text_put(p, "MAIL FROM:<s");
	p = hex_put(p, n, GEN_EHLO_DIGITS);
	p = text_put(p, "@example.com>\r\n");
	mail->line[0] = (struct gen_piece){
		.off = (uint32_t)(from - c->octets), .len = (uint32_t)(p - from)};
	for (unsigned i = 1; i <= rcpts; i++) {
		from = p;
		p = text_put(p, i == mail->unknown ? "RCPT TO:<nobody" : "RCPT TO:<inbox");
		p = hex_put(p, (m << 4) + i, 2);
		p = text_put(p, "@example.net>\r\n");
		mail->line[i] = (struct gen_piece){
			.off = (uint32_t)(from - c->octets), .len = (uint32_t)(p - from)};
	}
	mail->line[rcpts + 1] = (struct gen_piece){.off = (uint32_t)(p - c->octets), .len = 6};
	mail->nlines = (uint8_t)(rcpts + 2);
	return text_put(p, "DATA\r\n");
}

static uint8_t *header_put(uint8_t *p, uint64_t n, unsigned m, bool attached)
{
	p = text_put(p, "From: Sender <s");
	p = hex_put(p, n, GEN_EHLO_DIGITS);
	p = text_put(p, "@example.com>\r\nTo: <inbox@example.net>\r\nSubject: Notes of number ");
	p = hex_put(p, n, GEN_EHLO_DIGITS);
	p = text_put(p, "\r\nDate: Mon, 2 Nov 2026 09:30:00 +0000\r\nMessage-ID: <");
	p = hex_put(p, n, GEN_EHLO_DIGITS);
	*p++ = '.';
	p = hex_put(p, m, 1);
	p = text_put(p, "@c.example.com>\r\nMIME-Version: 1.0\r\n");
	return text_put(p,
		attached ? "Content-Type: multipart/mixed; boundary=\"=_part_7f3a\"\r\n\r\n"
			 : "Content-Type: text/plain; charset=utf-8\r\n"
			   "Content-Transfer-Encoding: 8bit\r\n\r\n");
}

static void body_add(struct gen_mail *mail, struct gen_piece p)
{
	mail->body[mail->nbody++] = p;
}

static void body_make(const struct gen_corpus *c, struct gen_mail *mail, struct gen_piece header,
	uint32_t size, bool attached, struct gen_rand *r)
{
	uint32_t words = attached ? TEXT_OF_ATTACHED : size;

	mail->nbody = 0;
	body_add(mail, header);
	if (attached)
		body_add(mail, c->text[GEN_T_PART_TEXT]);
	if (mail->spam) {
		body_add(mail, gen_corpus_words(c, words / 2, gen_rand_next(r)));
		body_add(mail, c->text[GEN_T_MARKER]);
		words /= 2;
	}
	if (!attached || !mail->spam)
		body_add(mail, gen_corpus_words(c, words, gen_rand_next(r)));
	if (attached) {
		body_add(mail, c->text[GEN_T_PART_FILE]);
		body_add(mail, gen_corpus_base64(c, size, gen_rand_next(r)));
		body_add(mail, c->text[GEN_T_PARTS_END]);
	}
	body_add(mail, c->text[GEN_T_END]);
}

void gen_plan_mail(const struct gen_conf *conf, const struct gen_corpus *c, const uint32_t *sizes,
	uint32_t room, uint64_t n, unsigned m, const struct gen_plan *p, struct gen_mail *mail)
{
	struct gen_rand r = gen_rand_of(conf->seed, n, MAIL_STREAM + m);
	uint32_t size = sizes[gen_rand_below(&r, GEN_SIZES)];
	unsigned rcpts = 1 + gen_rand_below(&r, conf->rcpt_max);
	bool attached = gen_rand_hit(&r, conf->attach) || size > WORDS_SIZE_MAX;
	uint8_t *at = c->octets + room + GEN_TALK_AT;

	// A refused message ends its session: what follows it is not the server's to answer.
	mail->spam = gen_rand_hit(&r, conf->spam) && m + 1 == p->mails;
	mail->unknown = gen_rand_hit(&r, conf->unknown) && rcpts > 1
		? (uint8_t)(2 + gen_rand_below(&r, rcpts - 1))
		: 0;
	uint8_t *header = lines_put(c, at, n, m, rcpts, mail);
	uint8_t *end = header_put(header, n, m, attached);
	struct gen_piece head = {
		.off = (uint32_t)(header - c->octets), .len = (uint32_t)(end - header)};
	uint32_t spent =
		head.len + c->text[GEN_T_END].len + (attached ? HEADER_SIZE + TEXT_OF_ATTACHED : 0);
	body_make(c, mail, head, size > spent ? size - spent : 1, attached, &r);
}

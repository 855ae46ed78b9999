// SPDX-License-Identifier: BSD-3-Clause
// The pure libraries at their usual work, for callgrind: what is counted stands between two toggles, and a
// dump with the case's name is asked for behind each case. perf/instructions builds it, with flags of its
// own, runs it and compares; alone it does the same and counts nothing. One line a case goes to standard
// output: its name and how often it did its work.
// Thread: one.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <valgrind/callgrind.h>

#include "pol_build.h"
#include "policy_shapes.h"
#include "smtp.h"
#include "stream.h"
#include "tcp_flags.h"
#include "wire_tcp.h"

enum {
	TIMES = 64, // each case's work is done so often
	SLABS = 64,
	FRAME_MAX = 2048,
	SEGMENT = 1460,
	LINE = 78,
	POLICIES = 1000,
	EVENTS = 16,
	CLIENT_ISN = 1000,
	SERVER_ISN = 9000,
	WINDOW = 65535,
};

#define COUNTED(what)                     \
	do {                              \
		CALLGRIND_TOGGLE_COLLECT; \
		what;                     \
		CALLGRIND_TOGGLE_COLLECT; \
	} while (0)

static uint64_t sum; // of what came out, so that nothing is left out
static uint8_t text[SEGMENT];

// Lines as a mail has them: words, here and there a full stop.
static void text_fill(void)
{
	static const char words[] =
		"the quick brown fox jumps over a lazy dog. And so on, it says; ";

	for (size_t i = 0; i < SEGMENT; i++)
		text[i] = (uint8_t)(i % LINE == LINE - 2 ? '\r'
				: i % LINE == LINE - 1   ? '\n'
							 : words[i % (sizeof(words) - 1)]);
}

static void finished(const char *name)
{
	CALLGRIND_DUMP_STATS_AT(name);
	printf("%s %d\n", name, TIMES);
}

// ---- wire

static struct wire_tmpl tmpl(uint8_t family, unsigned tags)
{
	struct wire_tmpl t = {.l2_len = (uint8_t)(14 + 4 * tags),
		.family = family,
		.ttl = 60,
		.sport = 40000,
		.dport = 25};

	for (unsigned i = 0; i < tags; i++)
		memcpy(t.l2 + 12 + 4 * i, i == 0 && tags > 1 ? "\x88\xa8\0\x07" : "\x81\0\0\x09",
			4);
	memcpy(t.l2 + 12 + 4 * tags, family == 4 ? "\x08\0" : "\x86\xdd", 2);
	memset(t.src.b, 0x20, sizeof(t.src.b));
	memset(t.dst.b, 0x21, sizeof(t.dst.b));
	if (family == 4) {
		memcpy(t.src.b, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\1", 16);
		memcpy(t.dst.b, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\x19", 16);
	}
	return t;
}

static struct span frame_of(const struct wire_tmpl *t, size_t payload)
{
	static uint8_t frame[FRAME_MAX];
	const struct wire_tcp_out o = {.seq = 7,
		.ack = 9,
		.window = WINDOW,
		.flags = TCP_ACK | TCP_PSH,
		.has_ts = true,
		.ts_val = 1,
		.ts_ecr = 2,
		.payload = {.p = text, .n = payload}};

	return (struct span){.p = frame, .n = wire_tcp_build(frame, sizeof(frame), t, &o)};
}

static void parse(const char *name, uint8_t family, unsigned tags)
{
	const struct wire_tmpl t = tmpl(family, tags);
	const struct span frame = frame_of(&t, 100);
	struct wire_view v;

	for (unsigned i = 0; i < TIMES; i++) {
		COUNTED(wire_parse(frame, &v));
		sum += v.payload_off;
	}
	finished(name);
}

static void tcp_header(void)
{
	const struct wire_tmpl t = tmpl(4, 0);
	const struct span frame = frame_of(&t, SEGMENT - 12);
	struct wire_tcp_opts opts;
	uint8_t built[FRAME_MAX];
	struct wire_view v;
	uint32_t val, ecr;

	wire_parse(frame, &v);
	for (unsigned i = 0; i < TIMES; i++) {
		COUNTED(sum += wire_tcp_timestamps(frame, &v, &val, &ecr));
		COUNTED(wire_tcp_options(frame, &v, &opts));
	}
	finished("wire_options");
	for (unsigned i = 0; i < TIMES; i++)
		COUNTED(sum += wire_tcp_csum_ok(frame, &v));
	finished("wire_checksum_1448");
	const struct wire_tcp_out o = {
		.flags = TCP_ACK, .window = WINDOW, .payload = {.p = text, .n = 512}};
	for (unsigned i = 0; i < TIMES; i++)
		COUNTED(sum += wire_tcp_build(built, sizeof(built), &t, &o));
	finished("wire_build_512");
}

// ---- stream

struct conn {
	struct stream st;
	struct stream_pool pool;
	struct stream_slab *slabs;
	uint32_t stack[SLABS];
};

static void conn_open(struct conn *c)
{
	const struct stream_syn syn = {.mss = SEGMENT, .has_wscale = true, .wscale = 7};

	if (c->slabs == NULL)
		c->slabs = calloc(SLABS, sizeof(*c->slabs));
	if (c->slabs == NULL)
		abort();
	stream_pool_init(&c->pool, c->slabs, c->stack, SLABS, (const uint8_t *)"the bench's key.");
	stream_open(&c->st, CLIENT_ISN, WINDOW, &syn);
	if (!stream_accept(&c->st, SERVER_ISN, CLIENT_ISN + 1, WINDOW, &syn))
		abort();
}

static struct stream_seg seg(const struct conn *c, enum stream_side side, uint32_t seq, size_t n)
{
	return (struct stream_seg){.side = (uint8_t)side,
		.flags = TCP_ACK,
		.window = WINDOW,
		.seq = seq,
		.ack = c->st.half[!side].sent,
		.payload = {.p = text, .n = n}};
}

static void straight(struct conn *c, struct stream_seg *s)
{
	if (!stream_straight(&c->st, &c->pool, s))
		abort();
	if (s->payload.n > 0)
		stream_consume(&c->st, s->side, (uint32_t)s->payload.n);
	if (!stream_straight_on(&c->st, s))
		abort();
}

static enum stream_act_kind long_way(struct conn *c, struct stream_seg *s)
{
	struct stream_half *h = &c->st.half[s->side];
	const enum stream_in in = stream_input(&c->st, &c->pool, s);
	struct stream_act act;

	stream_consume(&c->st, s->side, h->nxt - h->read);
	stream_release(&c->st, s->side);
	stream_dispose(&c->st, &c->pool, s, in, &act);
	return act.kind;
}

static void segments(void)
{
	static struct conn c;
	struct stream_seg s;

	conn_open(&c);
	for (unsigned i = 0; i < TIMES; i++) {
		s = seg(&c, STREAM_CLIENT, c.st.half[STREAM_CLIENT].nxt, SEGMENT);
		COUNTED(straight(&c, &s));
		s = seg(&c, STREAM_SERVER, c.st.half[STREAM_SERVER].nxt, 0);
		COUNTED(straight(&c, &s));
	}
	finished("stream_segment_and_ack");
	conn_open(&c);
	for (unsigned i = 0; i < TIMES; i++) {
		s = seg(&c, STREAM_CLIENT, c.st.half[STREAM_CLIENT].nxt, SEGMENT);
		COUNTED(sum += long_way(&c, &s));
		s = seg(&c, STREAM_SERVER, c.st.half[STREAM_SERVER].nxt, 0);
		COUNTED(sum += long_way(&c, &s));
	}
	finished("stream_long_way_and_ack");
	conn_open(&c);
	for (unsigned i = 0; i < TIMES; i++) {
		const uint32_t next = c.st.half[STREAM_CLIENT].nxt;

		s = seg(&c, STREAM_CLIENT, next + SEGMENT, SEGMENT);
		COUNTED(sum += long_way(&c, &s));
		s = seg(&c, STREAM_CLIENT, next, SEGMENT);
		COUNTED(sum += long_way(&c, &s));
		struct stream_act act;
		while (stream_next(&c.st, &c.pool, STREAM_CLIENT, false, 0, SEGMENT, 0, &act))
			sum += act.len;
		s = seg(&c, STREAM_SERVER, c.st.half[STREAM_SERVER].nxt, 0);
		COUNTED(sum += long_way(&c, &s));
	}
	finished("stream_hole_filled");
	free(c.slabs);
}

// ---- smtp

static void feed(struct smtp *s, enum smtp_side side, struct span in)
{
	struct smtp_event ev[EVENTS];
	size_t at = 0, n, count;

	do {
		n = smtp_feed(s, side, span_sub(in, at, in.n), ev, EVENTS, &count);
		at += n;
		sum += count;
	} while (at < in.n && n > 0);
	if (at != in.n)
		abort();
}

static void say(struct smtp *s, enum smtp_side side, const char *what)
{
	feed(s, side, span_str(what));
}

static const char EHLO_REPLY[] = "250-mx.example.net\r\n250-PIPELINING\r\n250-SIZE 20480000\r\n"
				 "250-ETRN\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n"
				 "250-DSN\r\n250 CHUNKING\r\n";
static const char MAIL[] = "MAIL FROM:<newsletter@example.org> SIZE=4096 BODY=8BITMIME\r\n";
static const char RCPT[] = "RCPT TO:<somebody@example.net>\r\n";

static void greeted(struct smtp *s)
{
	smtp_init(s, &(struct smtp_limits){0});
	say(s, SMTP_SERVER, "220 mx.example.net ESMTP\r\n");
	say(s, SMTP_CLIENT, "EHLO mx-out17.isp.example.org\r\n");
	say(s, SMTP_SERVER, EHLO_REPLY);
}

static void in_data(struct smtp *s)
{
	greeted(s);
	say(s, SMTP_CLIENT, MAIL);
	say(s, SMTP_CLIENT, RCPT);
	say(s, SMTP_CLIENT, "DATA\r\n");
	say(s, SMTP_SERVER, "250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 Go on\r\n");
	if (!smtp_in_message(s))
		abort();
}

static void commands(void)
{
	struct smtp s;

	for (unsigned i = 0; i < TIMES; i++) {
		greeted(&s);
		COUNTED(say(&s, SMTP_CLIENT, MAIL));
		COUNTED(say(&s, SMTP_CLIENT, RCPT));
	}
	finished("smtp_mail_and_rcpt");
	for (unsigned i = 0; i < TIMES; i++) {
		greeted(&s);
		say(&s, SMTP_CLIENT, MAIL);
		say(&s, SMTP_CLIENT, RCPT);
		COUNTED(say(&s, SMTP_SERVER, "250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n"));
	}
	finished("smtp_two_replies");
	for (unsigned i = 0; i < TIMES; i++) {
		smtp_init(&s, &(struct smtp_limits){0});
		say(&s, SMTP_SERVER, "220 mx.example.net ESMTP\r\n");
		say(&s, SMTP_CLIENT, "EHLO mx-out17.isp.example.org\r\n");
		COUNTED(say(&s, SMTP_SERVER, EHLO_REPLY));
	}
	finished("smtp_ehlo_reply");
}

static void data(void)
{
	const struct span in = {.p = text, .n = SEGMENT};
	struct smtp s;

	in_data(&s);
	for (unsigned i = 0; i < TIMES; i++)
		COUNTED(feed(&s, SMTP_CLIENT, in));
	finished("smtp_data_1460");
	for (unsigned i = 0; i < TIMES; i++) {
		in_data(&s);
		COUNTED(say(&s, SMTP_CLIENT, "The end.\r\n.\r\n"));
	}
	finished("smtp_end_of_data");
	in_data(&s);
	for (unsigned i = 0; i < TIMES; i++)
		COUNTED(say(&s, SMTP_CLIENT,
			"..a line that begins with dots\r\n...\r\n.. and more.\r\n"));
	finished("smtp_data_dots");
	for (unsigned i = 0; i < TIMES; i++) {
		greeted(&s);
		say(&s, SMTP_CLIENT, MAIL);
		say(&s, SMTP_SERVER, "250 2.1.0 Ok\r\n");
		COUNTED(say(&s, SMTP_CLIENT, "BDAT 1460 LAST\r\n"));
		COUNTED(feed(&s, SMTP_CLIENT, in));
	}
	finished("smtp_chunk_1460");
}

// ---- policy

static void match(const char *name, enum shape shape)
{
	struct pol_build *build = pol_build_new();
	const struct pol_image *img = NULL;
	uint64_t seed = 1, keys = 1;
	struct err_list err;
	uint8_t *bytes;
	size_t n;

	err_init(&err);
	for (uint32_t i = 0; build != NULL && i < 4; i++)
		(void)pol_build_add(
			build, POL_SEC_CONTEXTS, &(struct pol_context){.ports = 1u << i});
	for (uint32_t i = 0; build != NULL && i < POLICIES; i++) {
		struct pol_policy p = shape_policy(shape, i, POLICIES, &seed);

		(void)pol_build_add(build, POL_SEC_POLICIES, &p); // index i
	}
	if (build == NULL || pol_build_finish(build, 1, 0, &bytes, &n) != 0 ||
		pol_verify((struct span){.p = bytes, .n = n}, &img, &err) != 0)
		abort();
	for (uint32_t i = 0; i < TIMES; i++) {
		const struct pol_key key = shape_key(pol_policy_at(img, i * 15), &keys);

		COUNTED(sum += pol_match(img, &key));
	}
	finished(name);
	pol_build_free(build);
	free(bytes);
}

int main(void)
{
	text_fill();
	parse("wire_parse_ipv4", 4, 0);
	parse("wire_parse_ipv6_two_tags", 6, 2);
	tcp_header();
	segments();
	commands();
	data();
	match("policy_match_clients", SHAPE_CLIENTS);
	match("policy_match_carrier", SHAPE_CARRIER);
	return sum == 0;
}

// SPDX-License-Identifier: BSD-3-Clause
// An attacker at one end, or at both: beside the segments of his TCP he sends others over the same
// numbers, with other bytes, a wrong checksum, a TTL that ends behind the box, an old timestamp, out
// of the window; resets, SYNs and FINs that mean nothing; acknowledgements of what nobody sent.
#include <string.h>

#include "sim.h"
#include "sim_text.h"

static const char *const tiles[] = {TOKEN " ", "\r\n.\r\n", "x\n.\nDATA\n", "A",
	"x\r\nMAIL FROM:<e@v>\r\n", "\r\n.\r\nQUIT\r\n", ".\r\n", TOKEN "\r\n.\r\n",
	"RCPT TO:<z@z>\r\nDATA\r\n"};

enum { TILES = sizeof(tiles) / sizeof(tiles[0]), OTHER_MAX = 1400 };

// Other bytes for a place in the stream: the same whenever they are asked for.
static uint32_t other_text(
	const struct conn *c, enum sim_side from, uint32_t seq, uint32_t n, uint8_t *to)
{
	const char *tile = tiles[c->evil_tile % TILES];
	size_t len = strlen(tile);

	n = n < OTHER_MAX ? n : OTHER_MAX;
	for (uint32_t i = 0; i < n; i++)
		to[i] = (uint8_t)tile[(seq - c->end[from].conf.isn + i) % len];
	return n;
}

static void send(struct conn *c, enum sim_side from, const struct sim_seg *s, bool other)
{
	struct sim_seg seg = *s;
	uint8_t text[OTHER_MAX];

	if (seg.n > OTHER_MAX)
		seg.n = OTHER_MAX;
	if (other && seg.n > 0) {
		(void)other_text(c, from, seg.seq, seg.n, text);
		seg.text = text;
	}
	if (seg.flags & SEG_URG)
		sim_row(c->sim, ROW_URGENT);
	if (seg.bad_sum)
		sim_row(c->sim, ROW_BAD_SUM);
	if (from == CLIENT && seg.ttl < c->ttl_hops)
		sim_row(c->sim, ROW_LOW_TTL);
	net_to_box(c, from, &seg);
}

static void reset(struct conn *c, enum sim_side from, const struct sim_seg *s)
{
	struct dice *d = &c->sim->dice;
	const struct tcp_end *peer = &c->end[!from];
	struct sim_seg r = {.flags = SEG_RST, .seq = s->seq, .ttl = s->ttl, .wscale = -1};

	switch (dice_below(d, 5)) {
	case 0: // exact, but it ends behind the box
		r.ttl = 2;
		break;
	case 1:
		r.seq += dice_in(d, 1, 1000);
		break;
	case 2:
		r.seq += peer->conf.rcvbuf + dice_in(d, 1, 1u << 24);
		break;
	case 3:
		r.seq -= dice_in(d, 1, 100000);
		break;
	default:
		r.flags |= SEG_ACK;
		r.ack = s->ack + dice_below(d, 3);
		r.seq += dice_in(d, 1, 40);
		break;
	}
	send(c, from, &r, false);
}

static void syn(struct conn *c, enum sim_side from, const struct sim_seg *s)
{
	struct dice *d = &c->sim->dice;
	struct sim_seg r = *s;

	r.flags = from == CLIENT || dice_is(d, 200) ? SEG_SYN : SEG_SYN | SEG_ACK;
	r.seq = dice_is(d, 400) ? c->end[from].conf.isn : (uint32_t)dice_next(d);
	r.n = dice_is(d, 300) ? r.n : 0;
	r.nsack = 0;
	r.mss = 1460;
	r.ttl = dice_is(d, 500) ? 2 : s->ttl;
	send(c, from, &r, true);
}

static void odd_flags(struct conn *c, enum sim_side from, const struct sim_seg *s)
{
	static const uint8_t flags[] = {0, SEG_PSH, SEG_FIN, SEG_SYN | SEG_FIN, 0x3f,
		SEG_URG | SEG_ACK, SEG_URG, SEG_ACK | SEG_FIN, 0xd0, SEG_ACK | SEG_RST | SEG_SYN};
	struct sim_seg r = *s;
	uint8_t text[64];

	r.flags = flags[dice_below(&c->sim->dice, sizeof(flags))];
	if (r.flags & SEG_FIN) // its own FIN comes later: this one never gets there
		r.ttl = 2;
	r.urgent = 1;
	if (r.n == 0) {
		r.n = other_text(c, from, r.seq, dice_below(&c->sim->dice, 40), text);
		r.text = text;
	}
	send(c, from, &r, true);
}

static void odd_ack(struct conn *c, enum sim_side from, const struct sim_seg *s)
{
	struct dice *d = &c->sim->dice;
	struct sim_seg r = *s;

	r.n = 0;
	r.flags = SEG_ACK;
	if (dice_is(d, 300))
		r.ack += dice_in(d, 1, 3000);
	else if (dice_is(d, 500))
		r.ack -= dice_in(d, 1, 200000);
	else
		r.window = (uint16_t)dice_below(d, 40);
	if (dice_is(d, 300))
		r.ttl = 2;
	send(c, from, &r, false);
}

static void company(struct conn *c, enum sim_side from, const struct sim_seg *s)
{
	struct dice *d = &c->sim->dice;
	struct sim_seg r = *s;
	uint8_t text[OTHER_MAX];
	uint32_t back = dice_below(d, 60), on = dice_below(d, 200);

	switch (dice_below(d, 13)) {
	case 0: // the same numbers, other bytes
		break;
	case 1:
		r.bad_sum = true;
		break;
	case 2:
		r.ttl = 2;
		break;
	case 3: // reaches back to what was acknowledged and on to what is not yet sent
	case 4:
		r.seq -= back;
		r.n = other_text(c, from, r.seq, back + s->n + on, text);
		r.text = text;
		break;
	case 5: // nothing but what is not yet sent
		r.seq += s->n + dice_below(d, 100);
		r.n = other_text(c, from, r.seq, 1 + on, text);
		r.text = text;
		break;
	case 6:
		if (r.ts)
			r.ts_val -= 100000;
		break;
	case 7:
		r.seq += c->end[!from].conf.rcvbuf + dice_below(d, 1u << 20);
		break;
	case 8:
		reset(c, from, s);
		return;
	case 9:
		syn(c, from, s);
		return;
	case 10:
		odd_flags(c, from, s);
		return;
	case 11:
		odd_ack(c, from, s);
		return;
	default: // a part of it
		if (r.n < 2)
			return;
		on = dice_below(d, r.n);
		r.seq += on;
		r.n = dice_in(d, 1, r.n - on);
		break;
	}
	if (r.n > 0)
		send(c, from, &r, true);
}

void evil_send(struct conn *c, enum sim_side from, const struct sim_seg *seg)
{
	struct dice *d = &c->sim->dice;
	bool handshake = (seg->flags & SEG_SYN) != 0;

	if (!handshake && dice_is(d, c->evil[from]))
		company(c, from, seg);
	net_to_box(c, from, seg);
	if (!handshake && dice_is(d, c->evil[from]))
		company(c, from, seg);
}

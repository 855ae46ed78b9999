// SPDX-License-Identifier: BSD-3-Clause
// Builds and reads frames: see sim_frame.h.
#include "sim_frame.h"

#include <string.h>

enum { ETHER = 14, SMTP_PORT = 25 };

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static uint32_t sum_of(const uint8_t *p, size_t n, uint32_t sum)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		sum += get16(p + i);
	if (n % 2 != 0)
		sum += (uint32_t)p[n - 1] << 8;
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static uint16_t tcp_sum(const uint8_t *ip, bool v6, const uint8_t *tcp, size_t n)
{
	uint32_t sum = v6 ? sum_of(ip + 8, 32, 0) : sum_of(ip + 12, 8, 0);

	return fold(sum_of(tcp, n, sum + 6 + (uint32_t)n));
}

static size_t put_options(uint8_t *p, const struct sim_seg *s)
{
	size_t n = 0;

	if (s->mss != 0) {
		memcpy(p + n, "\2\4", 2);
		put16(p + n + 2, s->mss);
		n += 4;
	}
	if (s->wscale >= 0) {
		memcpy(p + n, "\1\3\3", 3);
		p[n + 3] = (uint8_t)s->wscale;
		n += 4;
	}
	if (s->sack_ok) {
		memcpy(p + n, "\1\1\4\2", 4);
		n += 4;
	}
	if (s->ts) {
		memcpy(p + n, "\1\1\10\12", 4);
		put32(p + n + 4, s->ts_val);
		put32(p + n + 8, s->ts_ecr);
		n += 12;
	}
	if (s->odd_options && n <= 24) { // MPTCP, Fast Open, an experiment
		memcpy(p + n, "\36\4\0\0\42\2\375\4ab\1\1", 12);
		n += 12;
	}
	unsigned blocks = s->nsack;
	while (blocks > 0 && n + 4 + blocks * 8 > 40)
		blocks--;
	if (blocks > 0) {
		p[n] = p[n + 1] = 1;
		p[n + 2] = 5;
		p[n + 3] = (uint8_t)(2 + blocks * 8);
		n += 4;
		for (unsigned i = 0; i < blocks; i++, n += 8) {
			put32(p + n, s->sack[i][0]);
			put32(p + n + 4, s->sack[i][1]);
		}
	}
	return n;
}

static void put_addr(uint8_t *at, const struct sim_path *p, enum sim_side side)
{
	if (p->v6) {
		memset(at, 0, 16);
		at[0] = 0xfd;
		at[3] = side == CLIENT ? p->client_net : 0xff;
		at[15] = 7;
	} else {
		at[0] = 10;
		at[1] = side == CLIENT ? 0 : 99;
		at[2] = side == CLIENT ? p->client_net : 0;
		at[3] = 7;
	}
}

void sim_frame_build(
	struct sim_frame *f, const struct sim_path *p, enum sim_side from, const struct sim_seg *s)
{
	const size_t ip_len = p->v6 ? 40 : 20;
	uint8_t *ip = f->b + ETHER, *tcp = ip + ip_len;
	size_t head, n;

	memset(f->b, 0, ETHER + ip_len + 20);
	f->b[0] = f->b[6] = 2;
	f->b[5] = from == CLIENT ? 2 : 1;
	f->b[11] = from == CLIENT ? 1 : 2;
	put16(f->b + 12, p->v6 ? 0x86dd : 0x0800);
	head = 20 + put_options(tcp + 20, s);
	n = head + s->n;
	put16(tcp, from == CLIENT ? p->client_port : SMTP_PORT);
	put16(tcp + 2, from == CLIENT ? SMTP_PORT : p->client_port);
	put32(tcp + 4, s->seq);
	put32(tcp + 8, s->ack);
	tcp[12] = (uint8_t)(head / 4 << 4);
	tcp[13] = s->flags;
	put16(tcp + 14, s->window);
	put16(tcp + 18, s->urgent);
	if (s->n > 0)
		memcpy(tcp + head, s->text, s->n);
	if (p->v6) {
		ip[0] = 0x60;
		put16(ip + 4, (unsigned)n);
		ip[6] = 6;
		ip[7] = s->ttl;
		put_addr(ip + 8, p, from);
		put_addr(ip + 24, p, !from);
	} else {
		ip[0] = 0x45;
		put16(ip + 2, (unsigned)(20 + n));
		ip[6] = 0x40;
		ip[8] = s->ttl;
		ip[9] = 6;
		put_addr(ip + 12, p, from);
		put_addr(ip + 16, p, !from);
		put16(ip + 10, fold(sum_of(ip, 20, 0)));
	}
	put16(tcp + 16, tcp_sum(ip, p->v6, tcp, n) ^ (s->bad_sum ? 0x55aa : 0));
	f->n = (uint16_t)(ETHER + ip_len + n);
}

static void read_options(const uint8_t *p, size_t n, struct sim_seg *s)
{
	for (size_t i = 0; i < n;) {
		size_t len = p[i] <= 1 ? 1 : i + 1 < n ? p[i + 1] : 0;

		if (p[i] == 0 || len == 0 || i + len > n || (p[i] > 1 && len < 2))
			return;
		if (p[i] == 2 && len == 4)
			s->mss = (uint16_t)get16(p + i + 2);
		else if (p[i] == 3 && len == 3)
			s->wscale = (int8_t)p[i + 2];
		else if (p[i] == 4 && len == 2)
			s->sack_ok = true;
		else if (p[i] == 8 && len == 10) {
			s->ts = true;
			s->ts_val = get32(p + i + 2);
			s->ts_ecr = get32(p + i + 6);
		} else if (p[i] == 5) {
			for (size_t k = 2; k + 8 <= len && s->nsack < SACK_MAX;
				k += 8, s->nsack++) {
				s->sack[s->nsack][0] = get32(p + i + k);
				s->sack[s->nsack][1] = get32(p + i + k + 4);
			}
		} else if (p[i] > 1) {
			s->odd_options = true;
		}
		i += len;
	}
}

bool sim_frame_read(
	const uint8_t *b, size_t n, enum sim_side *from, uint16_t *client_port, struct sim_seg *s)
{
	const uint8_t *ip = b + ETHER, *tcp;
	size_t ip_len, tcp_len, head;
	bool v6;

	if (n < ETHER + 40)
		return false;
	v6 = get16(b + 12) == 0x86dd;
	ip_len = v6 ? 40 : 20;
	tcp_len = v6 ? get16(ip + 4) : get16(ip + 2) - ip_len;
	tcp = ip + ip_len;
	if (ETHER + ip_len + tcp_len > n || tcp_len < 20 || (v6 ? ip[6] : ip[9]) != 6 ||
		(!v6 && fold(sum_of(ip, 20, 0)) != 0))
		return false;
	head = (size_t)(tcp[12] >> 4) * 4;
	if (head < 20 || head > tcp_len)
		return false;
	*from = get16(tcp) == SMTP_PORT ? SERVER : CLIENT;
	*client_port = (uint16_t)get16(tcp + (*from == SERVER ? 2 : 0));
	*s = (struct sim_seg){.seq = get32(tcp + 4),
		.ack = get32(tcp + 8),
		.window = (uint16_t)get16(tcp + 14),
		.urgent = (uint16_t)get16(tcp + 18),
		.flags = tcp[13],
		.ttl = v6 ? ip[7] : ip[8],
		.wscale = -1,
		.bad_sum = tcp_sum(ip, v6, tcp, tcp_len) != 0,
		.text = tcp + head,
		.n = (uint32_t)(tcp_len - head)};
	read_options(tcp + 20, head - 20, s);
	return true;
}

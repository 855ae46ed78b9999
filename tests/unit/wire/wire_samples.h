// SPDX-License-Identifier: BSD-3-Clause
// Frames for the tests, put together header by header, with right lengths and checksums.
// Each call appends behind what is there; lengths of outer layers are filled by sample_close.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "span.h"
#include "wire_parse.h"

struct sample {
	uint8_t b[2048];
	size_t n;
	size_t pppoe, ip, l4; // offsets of those headers; 0 where there is none
	int family;
	uint8_t last;       // protocol of the upper layer
};

void sample_eth(struct sample *s, uint16_t ethertype);
void sample_tag(struct sample *s, uint16_t tci, uint16_t ethertype);
void sample_label(struct sample *s, uint32_t label, bool bottom);
void sample_pppoe(struct sample *s, uint16_t ppp);
void sample_ip4(struct sample *s, uint8_t proto, unsigned option_bytes, uint16_t frag);
void sample_ip6(struct sample *s, uint8_t next);
void sample_ext(struct sample *s, uint8_t next, unsigned bytes);
void sample_frag6(struct sample *s, uint8_t next, uint16_t offset_flags);
void sample_tcp(struct sample *s, uint8_t flags, const void *options, unsigned option_bytes);
void sample_udp(struct sample *s, uint16_t dport, unsigned payload_bytes);
void sample_bytes(struct sample *s, const void *p, size_t n);
// Fills the lengths of PPPoE and IP and the checksums of IPv4 and TCP.
void sample_close(struct sample *s);

// An exact-size heap copy of the first `n` bytes, so that a sanitizer sees a read past it.
uint8_t *sample_copy(const struct sample *s, size_t n);

// The checksum as RFC 1071 describes it, byte by byte: what the fast code is compared with.
uint16_t slow_sum(uint32_t sum, const uint8_t *p, size_t n);
// Checksum of the TCP segment as it should be (field taken as zero), host order.
uint16_t slow_tcp_csum(const uint8_t *frame, const struct wire_view *v);

// The frames all tests go through.
struct sample_case {
	const char *name;
	void (*make)(struct sample *s);
	uint8_t proto, flags, family, ip_proto, ntags;
};
extern const struct sample_case SAMPLES[];
extern const size_t SAMPLES_COUNT;

void sample_make(const struct sample_case *c, struct sample *s);

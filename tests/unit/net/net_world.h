// SPDX-License-Identifier: BSD-3-Clause
// Two interfaces on one link, ours and a neighbour's: what one writes the other reads.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net.h"

struct addr at(const char *text);
extern const struct net_iface own_iface; // 02:..:01, 192.0.2.1/24, fd00::1/64, untagged
extern const struct net_iface far_iface; // 02:..:02, 192.0.2.2/24, fd00::2/64, untagged
extern const struct net_iface tag_iface; // as ours, VLAN 7

static inline struct span frame_of(const uint8_t *p, size_t n)
{
	return (struct span){.p = p, .n = n};
}
size_t off_of(const uint8_t *p, size_t n); // behind the link header, which is good

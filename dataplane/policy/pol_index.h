// SPDX-License-Identifier: BSD-3-Clause
// The index of the list of policies: aggregated bit vectors (Baboescu, Varghese 2001). Each field of a
// connection is an axis, cut into stretches wherever a policy begins or ceases to take its values. A
// stretch has a row: one bit a policy that takes it. The policies that match are the rows of all axes
// and-ed; the first bit is the answer. A row begins with a bit for each of its words that is not
// zero, so that whole rows of zeros are skipped, and where few are not zero, those alone are stored.
// A stretch is found by halving between two edges that a table of equal steps names: one table for
// values below 2^64 (all of IPv4, and what has 16 bits), one for those above, by their upper half.
//
// Section POL_SEC_INDEX: struct pol_index, then of each axis in turn its edges, the offsets of its
// rows, its two tables, its policies by their first and by their last value (they are what makes it
// quick to prove); then the rows. Two neighbouring stretches, or two axes, may share a row.
// Written by controlplane/compile, proven by pol_verify, read by pol_match; nobody else includes this.
// Thread: any; no state.
#pragma once

#include <endian.h>
#include <string.h>

#include "pol_image.h"

enum pol_axis_id {
	POL_AXIS_SOURCE,
	POL_AXIS_DESTINATION,
	POL_AXIS_CONTEXT,
	POL_AXIS_VLAN,
	POL_AXIS_PORT,
	POL_AXIS_INGRESS, // no range but a set of ports: a stretch for each and one for the rest
	POL_AXIS_COUNT,
	POL_AXIS_RANGES = POL_AXIS_INGRESS, // axes before it are ranges
};

enum {
	POL_ROW_AGGS = 3, // words of bits of words
	POL_ROW_HEAD = POL_ROW_AGGS + 1, // words before a row's first
	POL_ROW_WORDS = (POL_POLICIES_MAX + POL_STAND_INS_MAX + 63) / 64,
	POL_INGRESS_REST = POL_PORTS_MAX,
	POL_TABLE_MAX = 1 << 14, // steps
};
enum { POL_TABLE_LOW, POL_TABLE_HIGH, POL_TABLES }; // values below 2^64, the others
_Static_assert(POL_ROW_WORDS <= POL_ROW_AGGS * 64, "a bit a word");

struct pol_edge { // first value of a stretch, which ends before the next one's
	uint64_t hi, lo;
};

struct pol_table { // step i begins at min + (i << shift), the first one at the lowest value
	uint64_t min;      // of the low or the upper half of a value
	uint32_t n, shift; // steps; the last one goes on to the highest value
	uint32_t at;       // byte offset of uint16_t[n + 1]: the stretch a step begins in, and the last
	uint32_t spare;
};

struct pol_axis {
	uint32_t n;            // stretches; 1 = every policy takes every value
	uint32_t edges;        // byte offset from the section's start: struct pol_edge[n], ascending
	uint32_t rows;         // of uint32_t[n]: offsets of rows, in words from the first row
	uint32_t first, last;  // of uint16_t[policies] each: policies by their range's ends, ascending
	uint32_t spare;
	struct pol_table table[POL_TABLES];
};

struct pol_index {
	uint32_t policies;  // of the image, stand-ins included; these have no bit
	uint32_t words;     // 64-bit words of all rows
	uint32_t rows;      // byte offset of the first row, a multiple of 8
	uint32_t spare;
	struct pol_axis axis[POL_AXIS_COUNT];
};

struct pol_row {
	uint64_t agg[POL_ROW_AGGS];   // bit w: word w is not zero
	uint16_t before[POL_ROW_AGGS]; // stored words before those of agg[i]
	uint16_t whole;               // 1 = every word is stored, zero or not
	uint64_t word[];
};
_Static_assert(sizeof(struct pol_row) == POL_ROW_HEAD * sizeof(uint64_t), "layout of the image");

struct pol_values { // of an axis that a policy takes, both included
	unsigned __int128 lo, hi;
};

#define POL_VALUE_MAX (~(unsigned __int128)0)

static inline unsigned __int128 pol_value(uint64_t hi, uint64_t lo)
{
	return (unsigned __int128)hi << 64 | lo;
}

static inline unsigned __int128 pol_value_of(const struct addr *a)
{
	uint64_t w[2];

	memcpy(w, a->b, sizeof(w));
	return pol_value(be64toh(w[0]), be64toh(w[1]));
}

// Bits of a word: written out, for the usual x86-64 has no instruction for it.
static inline unsigned pol_bits(uint64_t w)
{
	w -= w >> 1 & UINT64_C(0x5555555555555555);
	w = (w & UINT64_C(0x3333333333333333)) + (w >> 2 & UINT64_C(0x3333333333333333));
	w = (w + (w >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	return (unsigned)(w * UINT64_C(0x0101010101010101) >> 56);
}

// Word `w` of a row, whose bit in agg is set.
static inline uint64_t pol_row_word(const struct pol_row *r, unsigned w)
{
	const uint64_t below = (UINT64_C(1) << w % 64) - 1;

	if (r->whole)
		return r->word[w];
	return r->word[r->before[w / 64] + pol_bits(r->agg[w / 64] & below)];
}

static inline const struct pol_row *pol_row_at(const struct pol_index *x, uint32_t word)
{
	return (const struct pol_row *)((const uint8_t *)x + x->rows + (size_t)word * 8);
}

static inline const struct pol_edge *pol_edges(const struct pol_index *x, unsigned axis)
{
	return (const struct pol_edge *)((const uint8_t *)x + x->axis[axis].edges);
}

static inline const uint32_t *pol_rows(const struct pol_index *x, unsigned axis)
{
	return (const uint32_t *)((const uint8_t *)x + x->axis[axis].rows);
}

// The table that a value is looked up in, and the half of the value that counts there.
static inline unsigned pol_table_of(unsigned __int128 v, uint64_t *half)
{
	const uint64_t hi = (uint64_t)(v >> 64);

	*half = hi == 0 ? (uint64_t)v : hi;
	return hi == 0 ? POL_TABLE_LOW : POL_TABLE_HIGH;
}

// 16-bit numbers at a byte offset: an order of policies, a table's steps.
static inline const uint16_t *pol_shorts(const struct pol_index *x, uint32_t off)
{
	return (const uint16_t *)((const uint8_t *)x + off);
}

// Fills every offset of `x` from policies, words and each axis' n. Returns the bytes of the section.
uint64_t pol_index_lay_out(struct pol_index *x);
// What a policy takes of an axis that is a range. A 16-bit value's last is without end.
struct pol_values pol_values_of(const struct pol_policy *p, enum pol_axis_id axis);
// Does a policy of the list take ingress stretch `i` of n?
bool pol_ingress_has(const struct pol_policy *p, uint32_t i, uint32_t n);
// Has it a bit in the rows?
bool pol_is_listed(const struct pol_policy *p);
// NULL, or what is wrong: the index must say what the policies say, which have been proven before.
const char *pol_index_judge(const struct pol_image *img);

// SPDX-License-Identifier: BSD-3-Clause
// What the benches print of their rounds: raw, in the order in which they came, so that a script can
// compute its values again from them.
// Thread: one at a time.
#pragma once

enum { BENCH_ROUNDS_MAX = 101 };

// , "NAME_rounds": [...] on standard output, inside an object that has begun.
void bench_rounds(const char *name, const double *values, unsigned n);
// Many small values as `rounds` rounds (BENCH_ROUNDS_MAX at most): each is the middle one of as many that
// came one behind the other; those left at the end are the last round's. Where there are fewer values than
// rounds, each is one. Returns how many are in `out`.
unsigned bench_rounds_of(const double *values, unsigned n, double *out, unsigned rounds);

// SPDX-License-Identifier: BSD-3-Clause
// The seam between pol_build.c and the file that makes the index of the policies.
// Thread: one at a time.
#pragma once

#include "pol_build.h"

// The bytes of section POL_SEC_INDEX for `n` records of a list, whose numbers have to be right as the
// verifier wants them; none for n = 0. 0 with *bytes to be free()d, or -ENOMEM.
int pol_build_index(const struct pol_policy *list, uint32_t n, uint8_t **bytes, size_t *len);

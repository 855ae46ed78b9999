// SPDX-License-Identifier: BSD-3-Clause
// What the tests of compile/ share: rules from text, a small configuration, a database run on text.
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compile.h"
#include "pol_match.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct cfg_ruleset *sample_rules(const char *text, const char *name);
// Ports access and core, one context, one profile each, two policies.
struct cfg sample_cfg(void);
// The image of `bytes`; it must verify.
const struct pol_image *sample_image(const uint8_t *bytes, size_t n);
// Indexes of the rules of a scope that match `text` in an image, as a bit set; each at most once.
uint64_t sample_scan(const struct pol_image *img, enum pol_scope scope, struct span text);
void sample_print(const struct err_list *err);
bool sample_has(const struct err_list *err, const char *words);

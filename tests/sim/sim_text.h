// SPDX-License-Identifier: BSD-3-Clause
// Texts of messages. TOKEN is what the box's rules condemn, in a header or a body.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sim_client.h"

#define TOKEN "buy-now-cheap"

// An honest text, stuffed, ended by a line end.
void text_make(struct sent_message *m, struct dice *d, bool lf);
bool text_has_token(const uint8_t *p, uint32_t n);

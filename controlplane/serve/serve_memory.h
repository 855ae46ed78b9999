// SPDX-License-Identifier: BSD-3-Clause
// Reputation in the store: rows in its form and back, and all of them again to a file that has come back.
// `arg` is the struct serve everywhere. Thread: the loop's.
#pragma once

#include <stdbool.h>

#include "rep.h"
#include "sto.h"

// For serve_reputation_conf.
int serve_memory_endpoint(void *arg, const struct rep_endpoint_saved *row, bool gone);
int serve_memory_sender(void *arg, const struct rep_sender_saved *row, bool gone);
void serve_memory_saved(void *arg);
// For sto_load; rows that make no sense are left out.
void serve_memory_endpoint_load(void *arg, const struct sto_endpoint *row);
void serve_memory_sender_load(void *arg, const struct sto_sender *row);

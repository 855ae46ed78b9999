// SPDX-License-Identifier: BSD-3-Clause
// What tests of the store share: a folder of their own, rows made by number, what was restored.
#pragma once

#include "sto.h"

enum { MADE_PATH = 128, MADE_MAX = 4096, MADE_RETRY_MS = 20 };

extern char made_dir[MADE_PATH], made_file[MADE_PATH];

int made_open(void **);  // a fresh folder
int made_close(void **); // and all in it goes

struct sto *made_store(void); // of made_file, not started
struct sto *made_started(void);
void made_settled(struct sto *s, uint64_t ticket);   // waits
void made_state(struct sto *s, enum sto_state want); // likewise
void made_run(const char *sql);                      // in made_file by hand
int64_t made_query(const char *sql);

struct sto_binding made_binding(uint32_t i); // 10.x.y.z of i, id "id<i>", session i
struct sto_endpoint made_endpoint(uint32_t i);
struct sto_sender made_sender(uint32_t i);

struct made_got {              // rows of made_binding and so on by their number
	uint8_t has[MADE_MAX]; // 0 = not told, else 1 + sto_has
	int64_t seen_s[MADE_MAX];
	struct sto_binding last;
	char last_id[STO_ID_MAX + 1];
	uint32_t bindings, nas, endpoints, senders;
	struct sto_nas nas_last;
	bool endpoint[MADE_MAX], sender[MADE_MAX];
};
struct sto_restore made_restore(struct made_got *got);
void made_load(struct made_got *got); // of made_file, by a store opened and closed

// SPDX-License-Identifier: BSD-3-Clause
// The self-check: looks every ten seconds, says in log and event log what changed, answers system.doctor. What it
// thinks is serve_judge.c's.
// Thread: the loop's.
#pragma once

#include <jansson.h>

#include "api_link.h"
#include "cfg.h"
#include "serve_judge.h"

struct serve;
struct serve_doctor;

struct serve_doctor *serve_doctor_new(struct serve *s); // NULL without memory; s->loop is there
void serve_doctor_free(struct serve_doctor *d);         // before the link; NULL is fine
void serve_doctor_start(struct serve_doctor *d);        // the link is there
void serve_doctor_attached(struct serve_doctor *d, const struct api_hello *hello);
void serve_doctor_change(struct serve_doctor *d, const struct cfg *c);

// As of the last look; what is not there is ok.
enum serve_state serve_doctor_state(const struct serve_doctor *d, enum serve_check_id check);
bool serve_doctor_has(const struct serve_doctor *d, enum serve_check_id check);
double serve_doctor_one_way(const struct serve_doctor *d); // share, NaN where nothing went on
// Warnings and errors of the last look, as an array of rows.
json_t *serve_doctor_alarms(const struct serve_doctor *d);

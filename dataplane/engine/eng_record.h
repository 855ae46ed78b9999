// SPDX-License-Identifier: BSD-3-Clause
// Inside the engine: what is told outside of a message, a session, a refusal, a client.
// Thread: the worker that owns the session.
#pragma once

#include "eng_command.h"
#include "eng_report.h"
#include "flow.h"

struct eng_session;
struct eng_worker;

// eng_record.c: a number for a session or message, never used before.
uint64_t eng_id_next(struct eng_worker *w);
// What became of the open message (`code`: the reply that its client got), of a session, of a
// connection that was refused without one, of a refusal within a session.
void eng_record_message(struct eng_worker *w, struct eng_session *s, uint16_t code);
void eng_record_session(struct eng_worker *w, struct eng_session *s);
void eng_record_refusal(
	struct eng_worker *w, const struct eng_who *who, const struct eng_refused *refused);
void eng_record_refused(
	struct eng_worker *w, struct eng_session *s, const struct eng_refused *refused);
// Where a candidate would have decided otherwise.
void eng_record_parted(
	struct eng_worker *w, const struct eng_who *who, const struct eng_parted *parted);
// Tells what an address did, at once or added up until somebody takes it; takes up to a turn's share of
// those that wait.
void eng_outcome(struct eng_worker *w, struct eng_session *s, enum eng_outcome_kind kind);
void eng_outcomes_flush(struct eng_worker *w);
// Who it is about.
void eng_who(const struct eng_worker *w, const struct eng_session *s, struct eng_who *who);
// Its addresses, ports and context, by the image that *who has.
void eng_who_key(const struct eng_worker *w, const struct flow_key *k, struct eng_who *who);

// The version of the image that a session's indexes are of.
uint64_t eng_image_of(const struct eng_worker *w, const struct eng_session *s);

// SPDX-License-Identifier: BSD-3-Clause
// What an operator said with an entry that he put on a list: since when, until when, why. Few among millions
// have one: they stand apart, by the entry's number, in memory that grows with them.
// Thread: the owner's.
#pragma once

#include "rep.h"

struct rep_note {
	uint32_t number;         // of the entry
	uint32_t since_s;        // 0 = unknown
	uint32_t until_s;        // 0 = for good
	uint32_t next;           // of those with the same place
	char *comment;           // `n` octets; NULL where there are none
	uint16_t n;
};

struct rep_notes { // begin: all zero
	struct rep_note *note;
	uint32_t used, cap;
	uint32_t *head; // cap of them, a power of two
	uint32_t hand;  // rep_notes_over
};

void rep_notes_close(struct rep_notes *t);
// NULL where it has none; until the notes change.
const struct rep_note *rep_notes_find(const struct rep_notes *t, uint32_t number);
// In place of what there was; the comment is copied, cut at REP_COMMENT_MAX. false: no memory, as it was.
bool rep_notes_put(
	struct rep_notes *t, uint32_t number, uint32_t since_s, uint32_t until_s, struct span comment);
void rep_notes_drop(struct rep_notes *t, uint32_t number); // nothing where it has none
// One that is over by now, looking at `*looks` at most, which it takes them from; REP_NOBODY: none of these.
uint32_t rep_notes_over(struct rep_notes *t, uint32_t *looks, uint32_t now_s);
// Seconds left of what it says, 0 = for good, or no note.
uint32_t rep_note_left(const struct rep_note *note, uint32_t now_s);
struct span rep_note_comment(const struct rep_note *note);
bool rep_note_is_over(const struct rep_note *note, uint32_t now_s); // NULL: it is not
// As a store has it: none is all zero. rep_note_load: what lies ahead by more than it was made for is cut; a list
// that is over makes *state REP_NONE; none where *state is no operator's list. false: no memory.
void rep_note_save(const struct rep_note *note, int64_t shift_s, struct rep_saved_note *out);
bool rep_note_load(struct rep_notes *t, uint32_t number, const struct rep_saved_note *saved,
	uint32_t now_s, enum rep_state *state);

// SPDX-License-Identifier: BSD-3-Clause
// One change of the list of policies, as text: what is in force in its canonical form with a policy
// more, less, elsewhere or otherwise. The text is then loaded as any other, so nothing gets round the
// checks; what the change itself gets wrong is said in its own words. Thread: one at a time.
#pragma once

#include "cfg.h"

enum cfg_edit_kind { CFG_EDIT_ADD, CFG_EDIT_SET, CFG_EDIT_DEL, CFG_EDIT_MOVE };

enum cfg_edit_place { // of ADD and MOVE
	CFG_EDIT_LAST,
	CFG_EDIT_FIRST,
	CFG_EDIT_BEFORE, // another policy
	CFG_EDIT_AFTER,
	CFG_EDIT_UP,     // one place; MOVE only; the first stays where it is
	CFG_EDIT_DOWN,
};

enum { CFG_EDIT_VALUES_MAX = 16 };

struct cfg_edit_value { // of ADD and SET
	const char *key;  // of policies[], but name
	const char *text; // as it would stand in the file; a list's entries with commas between
};

struct cfg_edit { // everything borrowed
	enum cfg_edit_kind kind;
	enum cfg_edit_place place;
	const char *name;   // of the policy
	const char *beside; // name of the other one, or its number from 1 where none is called so
	struct cfg_edit_value value[CFG_EDIT_VALUES_MAX];
	unsigned nvalues;
};

// The canonical text of `c` with the change, to be free()d, and the policy's index in it (of DEL: the
// one it had). 0, -ENOENT (no policy of that name: in *err with the nearest), -EINVAL (each wrong
// value in *err, a name that is there already, a list that is full), -ENOMEM.
int cfg_edit_policies(const struct cfg *c, const struct cfg_edit *e, char **text, uint32_t *index,
	struct err_list *err);
// Prints policies[] number `i` value by value: `put` gets each key with its text in canonical form,
// unquoted; of a list the entries with ", " between. False where memory is out.
bool cfg_policy_print(const struct cfg *c, uint32_t i,
	void (*put)(void *arg, const char *key, const char *text), void *arg);

// SPDX-License-Identifier: BSD-3-Clause
// A process that kills itself with SIGKILL at its n-th system call of a kind, for that is where it can be between
// two states. Those on files go by SQLite's own way to them, so nothing in the store knows of this.
// Thread: any, once armed.
#pragma once

enum dying_where {
	DYING_BEFORE_WRITE, // of a file
	DYING_BEHIND_WRITE,
	DYING_BEFORE_SYNC,
	DYING_BEHIND_SYNC,
	DYING_FILE_COUNT,
	DYING_BEHIND_RECEIVE = DYING_FILE_COUNT, // who receives and sends says so himself
	DYING_BEFORE_SEND,
	DYING_BEHIND_SEND,
	DYING_COUNT,
};

void dying_put(void); // files are opened this way from now on
void dying_arm(enum dying_where where, long calls);
void dying_at(enum dying_where here); // is it now?

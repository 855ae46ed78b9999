// SPDX-License-Identifier: BSD-3-Clause
// Finds what the event log and its rotated files say about a session. It reads gigabytes where there
// are some: for a child process.
// Thread: one; no state.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum {
	SERVE_SEARCH_EVENTS_MAX = 200, // lines given
	SERVE_SEARCH_FILES_MAX = 1000, // searched, the newest ones
	SERVE_SEARCH_ID = 13,          // characters of an id
};

struct serve_search_result {
	char session[SERVE_SEARCH_ID + 1]; // whose lines were given, "" = none found
	unsigned events, files, unreadable;
	bool more; // there are more lines than were given
};

// Writes every line of the session `id`, or of the session of which `id` is a refusal, to `out`, as
// it is in the log. Searched are `path` and beside it all files whose name begins with its name and a
// dot or a dash (events.json.1, events.json-20260101.gz), oldest first; gzip is undone. `id` is of
// the form of ids. 0, or -errno where not even the folder can be read.
int serve_search(const char *path, const char *id, FILE *out, struct serve_search_result *res);

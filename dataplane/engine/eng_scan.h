// SPDX-License-Identifier: BSD-3-Clause
// Pattern scanning of one message by Hyperscan in streaming mode, one stream a scope in use.
// A message begun on an image ends on it: the scan holds a use count on the image.
// Memory comes from pools made with the image (hs_set_stream_allocator); none left = NULL.
// Judged only after eng_scan_close: `$` and `\b` decide there.
// Thread: the worker that opened it.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "eng_report.h"
#include "pol_image.h"
#include "span.h"

struct eng_worker;
struct eng_image;
struct eng_scan;

struct eng_scan_result {
	int32_t score;                 // sum of the scores of the rules that matched, each once
	uint32_t rules[ENG_RULES_MAX]; // operator's ids, 0 = end
	uint32_t rules_total;
	uint32_t scan_ns; // spent inside Hyperscan, from the TSC
};

// Opens a scan on the image; takes a use of it. NULL where no stream memory is left.
// `groups`: of rules that count, a bit an index in this image (pol_content.groups).
struct eng_scan *eng_scan_open(struct eng_worker *w, struct eng_image *img, uint32_t groups);
// Scans an envelope value as a whole (HELO, MAIL, RCPT scopes): block of one stream, opened and
// closed here.
void eng_scan_value(struct eng_scan *s, enum pol_scope scope, struct span value);
// Feed message bytes in order, dots unstuffed, first those of the header, its empty line included, then
// those of the body, in pieces of any size.
void eng_scan_header(struct eng_scan *s, struct span bytes);
void eng_scan_body(struct eng_scan *s, struct span bytes);
// What the verdict would be if the message ended here; the scan goes on (works on copied streams).
// false where no stream memory was left for the copies.
bool eng_scan_peek(struct eng_scan *s, struct eng_scan_result *out);
// Ends all streams and tells. The scan is freed and the use of the image given back.
void eng_scan_close(struct eng_scan *s, struct eng_scan_result *out);
// The same without a result, for a message that was aborted.
void eng_scan_abort(struct eng_scan *s);

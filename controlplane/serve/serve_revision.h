// SPDX-License-Identifier: BSD-3-Clause
// A revision: one configuration with its rules and the image made of them, whole. It is built from
// text, or found again in the state directory; it never changes afterwards.
// Thread: the loop's.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cfg.h"
#include "cfg_rules.h"
#include "err.h"
#include "pol_image.h"
#include "serve_store.h"

enum { SERVE_AUTHOR_MAX = 64, SERVE_COMMENT_MAX = 256, SERVE_RULE_ID_FIRST = 1000000 };

struct serve_text { char *p; size_t n; }; // owned, a NUL behind it; p NULL = none

struct serve_revision {
	uint64_t version;             // number of the revision and of its image
	int64_t made_s;               // seconds since 1970
	char author[SERVE_AUTHOR_MAX], comment[SERVE_COMMENT_MAX];
	char *name, *dir;             // of the configuration's text: for errors, for relative paths
	struct serve_text text;       // the configuration as written; none = passes everything
	struct serve_text shipped;    // text of rules.file
	struct serve_text local;      // rules added at run time
	struct cfg *cfg;              // NULL where there is no text or it is no longer valid
	struct cfg_ruleset *shipped_rules,
		*local_rules; // NULL where cfg is, or where there are none
	uint8_t *image;
	size_t image_bytes;
	const struct pol_image *pol;  // the same bytes, verified; NULL = not compiled yet
	uint64_t file_hash; // of the file given at start, as it was when this was committed
	uint64_t boot;                // of the data plane that confirmed it, 0 = none yet
	uint64_t made_of;             // fingerprint of what the image was made of, 0 = no image yet
};

struct serve_revision *serve_revision_new(void); // NULL without memory
void serve_revision_free(struct serve_revision *r); // NULL is fine

// Copies text (with a NUL behind it). 0 or -ENOMEM.
int serve_text_set(struct serve_text *t, const char *p, size_t n);
// 64 bits over a text.
uint64_t serve_text_hash(const char *p, size_t n);

// Fills cfg and rulesets from name, dir, text, shipped and local. `read_shipped` reads rules.file
// first. 0 or -EINVAL with every error in *err.
int serve_revision_parse(struct serve_revision *r, bool read_shipped, const char *local_path,
	struct err_list *err);
// Takes the bytes of an image (owned from here on, also on failure) and proves them. 0 or -EINVAL.
int serve_revision_image(struct serve_revision *r, uint8_t *bytes, size_t n, struct err_list *err);
// A fingerprint of everything the image is made of.
uint64_t serve_revision_hash(const struct serve_revision *r);

// Rules added at run time: new text of the file with a rule more or less. rule->text is raw here,
// without a file's escapes. 0, -EINVAL (in *err), -ENOENT (no rule of that id), -ENOMEM.
int serve_rules_with(const struct cfg_ruleset *local, const struct cfg_rule *rule,
	struct serve_text *out, struct err_list *err);
int serve_rules_without(const struct cfg_ruleset *local, uint32_t id, struct serve_text *out);
// The first id from SERVE_RULE_ID_FIRST on that follows every id in use there.
uint32_t serve_rules_next_id(const struct serve_revision *r);

// Prepares the revision's files in the state directory. 0 or -errno.
int serve_revision_prepare(const struct serve_revision *r, struct serve_store *st);
// Writes its head alone: a data plane confirmed it after it was stored. 0 or -errno.
int serve_revision_note(const struct serve_revision *r, struct serve_store *st);
// The last revision that was in force: `text` and the head's fields, and its image where that is
// whole. NULL where there is none.
struct serve_revision *serve_revision_load(struct serve_store *st);

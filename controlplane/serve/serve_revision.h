// SPDX-License-Identifier: BSD-3-Clause
// A revision: one configuration with its rules and the image made of them, whole. It is built from
// text, or found again in the state directory; it never changes afterwards. serve_revision.c makes
// and parses it, serve_revision_file.c keeps it.
// Thread: the loop's.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api_rpc.h"
#include "cfg.h"
#include "cfg_rules.h"
#include "err.h"
#include "pol_image.h"
#include "serve_lists.h"
#include "serve_store.h"

#define SERVE_RULES_LOCAL API_EXPORT_LOCAL // what errors call the rules added at run time

enum { SERVE_AUTHOR_MAX = 64, SERVE_COMMENT_MAX = 256, SERVE_RULE_ID_FIRST = 1000000 };

struct serve_revision {
	uint64_t version;             // number of the revision and of its image
	uint64_t from;                // taken from this one: by a revert, or as the last good; 0 = none
	int64_t made_s;               // seconds since 1970
	uint32_t plus, minus;         // lines it has more and less than the one it followed
	char author[SERVE_AUTHOR_MAX], comment[SERVE_COMMENT_MAX];
	char *name, *dir;             // of the configuration's text: for errors, for relative paths
	struct serve_text text;       // the configuration as written; none = passes everything
	struct serve_text shipped;    // text of rules.file
	struct serve_text local;      // rules added at run time
	struct serve_lists lists;     // the other files that it names
	struct cfg *cfg;              // NULL where there is no text or it is no longer valid
	struct cfg_ruleset *shipped_rules,
		*local_rules; // NULL where cfg is, or where there are none
	uint8_t *image;
	size_t image_bytes;
	const struct pol_image *pol;  // the same bytes, verified; NULL = not compiled yet
};

struct serve_revision *serve_revision_new(void); // NULL without memory
void serve_revision_free(struct serve_revision *r); // NULL is fine

// Copies text (with a NUL behind it). 0 or -ENOMEM.
int serve_text_set(struct serve_text *t, const char *p, size_t n);
// 64 bits over a text. Not for guarding against anybody.
uint64_t serve_text_hash(const char *p, size_t n);
// The same of a file: 0 in *hash where there is none, it may not be read, or `path` is empty. 0, or
// -errno where that can't be told now (memory, descriptors, the disk).
int serve_path_hash(const char *path, uint64_t *hash);

// Fills cfg and rulesets from name, dir, text, shipped and local, and what lists lack; what an
// earlier call filled goes. `read_shipped` reads rules.file first. 0 or -EINVAL with every error in *err.
int serve_revision_parse(struct serve_revision *r, bool read_shipped, struct err_list *err);
// Sets out to compile a parsed revision as it stands. NULL with the reason in *err; errno is EINVAL where its
// texts are bad.
struct compile_job *serve_revision_compile(const struct serve_revision *r, struct err_list *err);
// Takes the bytes of an image (owned from here on, also on failure) and proves them. 0 or -EINVAL.
int serve_revision_image(struct serve_revision *r, uint8_t *bytes, size_t n, struct err_list *err);
// Rules added at run time: new text of the file with a rule more or less. rule->text is raw here,
// without a file's escapes. 0, -EINVAL (in *err), -ENOENT (no rule of that id), -ENOMEM.
int serve_rules_with(const struct cfg_ruleset *local, const struct cfg_rule *rule,
	struct serve_text *out, struct err_list *err);
int serve_rules_without(const struct cfg_ruleset *local, uint32_t id, struct serve_text *out);
// The first id from SERVE_RULE_ID_FIRST on that follows every id in use there.
uint32_t serve_rules_next_id(const struct serve_revision *r);

// Writes the revision and its image into the state directory. 0, or -errno with neither left there.
int serve_revision_store(const struct serve_revision *r, struct serve_store *st);
// Removes both again; what can't be removed is removed at the next start.
void serve_revision_unstore(uint64_t version, struct serve_store *st);
// A stored revision: texts and fields, and its image where that is whole; nothing parsed yet. NULL
// with the reason in *why (constant) where there is none or the file is torn or not ours.
struct serve_revision *serve_revision_load(uint64_t version, struct serve_store *st,
	const char **why);

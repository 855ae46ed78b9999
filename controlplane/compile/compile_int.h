// SPDX-License-Identifier: BSD-3-Clause
// What the files of this folder share: the patterns as one flat run of bytes (a child gets them in a
// memory file and uses them in place), the databases made of them, and the answer of a child.
// Both ends of the memory files are this very program, so layouts need no version.
#pragma once

#include <hs/hs.h>

#include "compile.h"
#include "pol_build.h"

#define COMPILE_PATTERNS_MAGIC UINT64_C(0x315441505257494d)
#define COMPILE_ANSWER_MAGIC UINT64_C(0x31534e415257494d)

// What config/ stores by its own numbers goes into an image as it is, and what it lets pass fits.
#define SAME(a, b) _Static_assert((int)(a) == (int)(b), #a " is " #b)

struct compile_pattern {
	uint32_t id;        // the operator's number
	uint32_t flags;     // HS_FLAG_*
	uint32_t line, col; // of its text, in its file
	uint32_t file, expr; // offsets of NUL-terminated texts from the head
	uint32_t scope;     // enum pol_scope
};

struct compile_patterns {
	uint64_t magic, bytes; // of the whole run
	uint32_t n, spare;
	struct compile_pattern pat[]; // index = index of the rule in the image; then the texts
};

struct compile_databases {
	struct { char *bytes; size_t n; } scope[POL_SCOPE_COUNT]; // serialized; n = 0 where no rule
};

struct compile_answer { // head of the file a child leaves
	uint64_t magic;
	int32_t status;     // 0 or -errno
	uint32_t spare;
	struct pol_extent part[POL_SCOPE_COUNT + 1]; // databases by scope, then a struct compile_cost
	struct err_list err;
};

enum { COMPILE_PART_COST = POL_SCOPE_COUNT, COMPILE_PART_COUNT };
enum { COMPILE_FD_IN = 3, COMPILE_FD_OUT = 4 }; // what a child finds open

#define COMPILE_CHILD_NAME "mailweir-compile" // its argv[0]
#define COMPILE_CHILD_ARG "--compile-child" // argv[1]; then what to do and the parent's pid
#define COMPILE_DO_IMAGE "image"
#define COMPILE_DO_CANARY "canary"
#define COMPILE_DO_COST "cost"

// compile_pattern.c
// All rules as patterns, in the order given; an id used twice is an error. NULL with *err.
struct compile_patterns *compile_patterns_new(const struct cfg_ruleset *const *sets, uint32_t nsets,
	struct err_list *err);
static inline const char *compile_text(const struct compile_patterns *p, uint32_t off)
{
	return (const char *)p + off;
}
// True where these bytes, from a memory file, are patterns with every offset inside.
bool compile_patterns_check(const struct compile_patterns *p, uint64_t bytes);
// One database of the `n` patterns whose indexes are in `which`. 0, -EINVAL with each bad rule in
// *err, -ENOMEM.
int compile_database(const struct compile_patterns *p, const uint32_t *which, uint32_t n,
	hs_database_t **db, struct err_list *err);
// Indexes of the patterns of a scope, to be free()d; *n of them. NULL on no memory.
uint32_t *compile_scope_of(const struct compile_patterns *p, enum pol_scope scope, uint32_t *n);
// All scopes, serialized. On error nothing is left to free.
int compile_databases_make(const struct compile_patterns *p, struct compile_databases *out,
	struct err_list *err);
void compile_databases_fini(struct compile_databases *d);

// compile_names.c
// Everything of an image but the databases. 0, -EINVAL with *err, -ENOMEM.
int compile_names(struct pol_build *b, const struct compile_input *in, struct err_list *err);
// compile_groups.c
struct compile_groups { // of rules; index = bit
	const char *name[POL_GROUPS_MAX]; // the rules' own
	uint32_t n;
};
// Takes the groups of all rules, in order. -EINVAL with errors that have their places.
int compile_groups_add(struct compile_groups *g, struct pol_build *b,
	const struct compile_input *in, struct err_list *err);
// A rule's group as pol_rule has it; those that a content profile names, as pol_content has them (-EINVAL
// where one is none).
uint8_t compile_group_of(const struct compile_groups *g, const struct cfg_rule *rule);
int compile_groups_of(const struct compile_groups *g, const struct cfg_content *c, uint32_t *mask,
	struct err_list *err);

// compile_pickup.c
// What belongs to pickup and to protected domains; the last thing that adds policies. As above.
int compile_pickup(struct pol_build *b, const struct cfg *cfg, struct err_list *err);

// compile_files.c
// The text of a file that the configuration names, *n bytes: given with the input, or read and then also in
// *own, to be free()d. NULL with the error in *err.
const char *compile_file_text(const struct compile_input *in, const char *path, size_t *n,
	char **own, struct err_list *err);

// compile_access.c
// The access rules; the lists of a session profile, as struct pol_session has them. As above.
int compile_access(struct pol_build *b, const struct compile_input *in, struct err_list *err);
int compile_profile_lists(struct pol_build *b, const struct compile_input *in,
	const struct cfg_session *s, uint32_t list[POL_LIST_USES], struct err_list *err);
// The prefixes as ranges that ascend and lie apart, appended to a section of ranges; *kept of them.
// 0 or -ENOMEM.
int compile_ranges(struct pol_build *b, enum pol_section sec, const struct prefix *prefixes,
	uint32_t n, uint32_t *kept);

// compile_image.c
// Lays the image out and holds it against the verifier. 0, -ENOMEM, -EIO with *err.
int compile_finish(const struct pol_build *b, uint64_t version, int64_t made_s, uint8_t **bytes,
	size_t *n, struct err_list *err);

// compile_corpus.c: made-up mail to run databases over; the same bytes each time.
struct compile_corpus {
	uint8_t *bytes;
	uint32_t *ends;  // of unit i: a message, a header block or an envelope value
	uint32_t n;
};
int compile_corpus_init(struct compile_corpus *c, enum pol_scope scope, size_t bytes); // 0 or -ENOMEM
void compile_corpus_fini(struct compile_corpus *c);
struct span compile_corpus_unit(const struct compile_corpus *c, uint32_t i);
// Scans one unit as the data plane does: a stream of its own, in segments. Number of matches, or -EIO.
int compile_scan(const hs_database_t *db, hs_scratch_t *scratch, struct span unit);

// compile_cost.c
int compile_cost_measure(
	const struct compile_patterns *p, struct compile_cost **out, struct err_list *err);
static inline size_t compile_cost_bytes(uint32_t nrules)
{
	return sizeof(struct compile_cost) + (size_t)nrules * sizeof(struct compile_cost_rule);
}

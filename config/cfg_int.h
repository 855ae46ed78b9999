// SPDX-License-Identifier: BSD-3-Clause
// What the files of config/ share: the schema's shape, the arena, and the places of values.
// Nothing outside this folder includes it.
#pragma once

#include <limits.h>
#include <stddef.h>

#include "cfg.h"
#include "span.h"

// --- arena: memory that is freed at once -----------------------------------------------------

struct cfg_arena;

struct cfg_arena *cfg_arena_new(void);
// Zeroed, aligned for any type; NULL where memory is out. n = 0 gives a valid pointer.
void *cfg_arena_take(struct cfg_arena *a, size_t n);
// A copy of n bytes and a NUL.
char *cfg_arena_text(struct cfg_arena *a, const void *p, size_t n);
void cfg_arena_free(struct cfg_arena *a);

// --- schema ----------------------------------------------------------------------------------

enum cfg_kind {
	CFG_KIND_BOOL,    // true | false | yes | no | on | off
	CFG_KIND_NUMBER,  // whole number, min..max, stored in 2 or 4 bytes
	CFG_KIND_WORD,    // one of `words`, stored as its index in 1 or 4 bytes
	CFG_KIND_NAME,    // what other keys refer to: letters, digits, _ . -
	CFG_KIND_REF,     // a name of something else, or `none_word`, stored as NULL
	CFG_KIND_TEXT,    // printable text, min..max bytes
	CFG_KIND_PATH,    // a file; relative ones are taken from the configuration's folder
	CFG_KIND_PATTERN, // of addresses or names: * and ? are wildcards
	CFG_KIND_DEV,     // a DPDK device string
	CFG_KIND_LISTEN,  // a path as above, or ADDRESS:PORT of this machine alone
	CFG_KIND_PREFIX,  // struct prefix
	CFG_KIND_ADDRESS, // struct cfg_address: with the length of its prefix, or (max 0) alone
	CFG_KIND_VLAN,    // two uint16_t: off and off2
	CFG_KIND_PORTS,   // the same, TCP ports
	CFG_KIND_LIST,    // scalars of kind `item`: pointer at off, uint32_t count at off2
	CFG_KIND_MAP,     // a struct in place
	CFG_KIND_MAPS,    // a list of structs: pointer at off, uint32_t count at off2
	CFG_KIND_NAMED,   // the same from a map: its keys are the names
	CFG_KIND_COUNT
};

struct cfg_section;

struct cfg_field {
	const char *key;
	enum cfg_kind kind, item;
	size_t off, off2; // in the section's struct; of a PATH off2 is that of its struct cfg_place, or 0
	size_t size; // of the member at off
	size_t item_size; // of a list's entry
	int64_t min, max; // numbers: value; texts: bytes; lists: entries
	bool zero; // 0 is allowed beside min..max
	bool reload; // takes effect by a commit; else at the next start
	bool local; // a PATH of this machine: what is in the file is no part of a configuration
	const char *preset; // default as it would be written; NULL: must be given
	const char *none_word; // what stands for "nothing" (REF, LIST), or for no file (PATH)
	const char *unit;
	const char *const *words; // ends in NULL
	const char *yes; // the word that true (yes, on) stands for; false then is the first one
	const struct cfg_section *sub;
	const char *help;
};

#define CFG_NO_OFF SIZE_MAX

struct cfg_section {
	const char *name; // as errors show it: "dataplane.ports[]"
	const struct cfg_field *fields;
	size_t nfields;
	size_t size; // of the struct
	size_t at_off; // of its struct cfg_place, or CFG_NO_OFF
	size_t name_off; // NAMED: of its const char *name
	bool tuple; // written as a list of its fields in order
};

extern const struct cfg_section cfg_root; // of struct cfg

// What a key takes, and what stands for it where it is left out, with `quote` around values.
void cfg_values_print(const struct cfg_field *f, enum cfg_kind kind, const char *quote, FILE *out);
void cfg_preset_print(const struct cfg_field *f, const char *quote, FILE *out);

// --- values: text <-> memory -----------------------------------------------------------------

struct cfg_value { // a scalar as YAML gives it
	const char *text; // NUL-terminated
	size_t n;
	bool plain; // unquoted
};

enum { CFG_WHY_MAX = 200 };

// Where a scalar lies: the member (or list entry), its bytes, and for ranges the upper end.
struct cfg_slot {
	void *at, *at2;
	size_t size;
};
struct cfg_slot cfg_slot_of(const struct cfg_field *f, void *base);
struct cfg_slot cfg_slot_item(const struct cfg_field *f, void *list, size_t i);

// Parses `v` as kind `kind` of field `f`. 0, or -EINVAL with "what; because" in `why`.
int cfg_value_parse(struct cfg_arena *a, const char *dir, const struct cfg_field *f,
	enum cfg_kind kind, const struct cfg_value *v, struct cfg_slot slot, char why[CFG_WHY_MAX]);
// Writes the canonical form of a scalar.
void cfg_value_print(
	const struct cfg_field *f, enum cfg_kind kind, struct cfg_slot slot, FILE *out);
bool cfg_name_is_good(const struct cfg_value *v, int64_t max);
// Is it a pattern (cfg_list.h)? Else "what; because" in `why`.
bool cfg_pattern_judge(const struct cfg_value *v, int64_t max, char why[CFG_WHY_MAX]);

// Prints a section's fields, which lie at `base`, in canonical form.
void cfg_section_print(const struct cfg_section *sec, const void *base, FILE *out);

// --- places of values: for the checks that follow the loading --------------------------------

struct cfg_spot {
	const void *value;
	unsigned line, col;
};

struct cfg_spots {
	struct cfg_spot *list;
	size_t n, cap;
	const char *file;
	bool whole; // every value could be read; else checks don't conclude from what is missing
};

int cfg_spot_add(struct cfg_spots *s, const void *value, unsigned line, unsigned col);
void cfg_spot_sort(struct cfg_spots *s);
// Was `value` written, and good? A default and what could not be read have no place.
bool cfg_spot_has(const struct cfg_spots *s, const void *value);
// Where `value` was written; `other` where it is a default.
struct cfg_place cfg_spot_of(const struct cfg_spots *s, const void *value, struct cfg_place other);
// An error of `value` where it was written, of `other` where it is a default; a longer text is cut.
__attribute__((format(printf, 5, 6))) void cfg_spot_error(const struct cfg_spots *s,
	struct err_list *err, const void *value, struct cfg_place other, const char *fmt, ...);

// --- checks ----------------------------------------------------------------------------------

void cfg_check_dataplane(const struct cfg *c, const struct cfg_spots *s, struct err_list *err);
// Interfaces and routes of mode routed.
void cfg_check_routed(const struct cfg *c, const struct cfg_spots *s, struct err_list *err);
bool cfg_address_is_nobodys(const struct addr *a); // nor a group
// How this machine itself is reached through its ports.
void cfg_check_management(const struct cfg *c, const struct cfg_spots *s, struct err_list *err);
// The health port and what is picked up.
void cfg_check_health_port(const struct cfg *c, const struct cfg_spots *s, struct err_list *err);
void cfg_check_rest(const struct cfg *c, const struct cfg_spots *s, struct err_list *err);
// store:, radius: and reputation:, each for itself; and what they mean together with the rest.
void cfg_check_services(const struct cfg *c, const struct cfg_spots *s, struct err_list *err);
void cfg_check_reputation(const struct cfg *c, const struct cfg_spots *s, struct err_list *err);
// Keeps where names of attributes are written: who knows attributes judges them later.
void cfg_radius_places(struct cfg *c, const struct cfg_spots *s);
void cfg_warn_reputation(const struct cfg *c, const struct cfg_spots *s, struct err_list *err);
void cfg_check_shadows(const struct cfg *c, struct err_list *err);
// Access rules and lists: names, patterns that can hardly be meant, rules that never match.
void cfg_check_access(const struct cfg *c, const struct cfg_spots *s, struct err_list *err);
void cfg_check_access_shadows(const struct cfg *c, struct err_list *err);

// --- YAML ------------------------------------------------------------------------------------

enum {
	CFG_NODES_MAX = 1000000, // of a document, aliases expanded
	CFG_DEPTH_MAX = 16,
};

// Proves that the text is one YAML document within the limits, without storing it. 0 or -EINVAL.
int cfg_yaml_survey(const char *text, size_t n, const char *name, struct err_list *err);

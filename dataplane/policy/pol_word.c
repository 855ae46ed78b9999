// SPDX-License-Identifier: BSD-3-Clause
// Words, lists of patterns, and the proof that a list's hash finds what lies in it.
// Thread: any; no state.
#include "pol_word.h"

#include <string.h>

#include "hash.h"

static uint8_t small(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

struct reader { // of a path
	struct pol_word *out;
	bool quoted, literal, escaped; // inside "...", inside [...], behind a backslash
	bool at;                       // behind an at-sign
	bool blank;                    // blanks behind what was written
};

// Bytes that an address has in quotes only (RFC 5321 4.1.2). A server that takes them nevertheless reads
// comments, phrases, lists and groups (RFC 5322 3.4), so the address it goes on with is another one.
static bool is_special(const struct reader *r, uint8_t c)
{
	return strchr("()<>,;", c) != NULL || (c == ':' && !r->literal);
}

static bool byte_write(struct reader *r, uint8_t c)
{
	if (r->out->n == POL_WORD_MAX || r->blank)
		return false;
	r->out->b[r->out->n++] = small(c);
	return true;
}

static bool byte_read(struct reader *r, uint8_t c)
{
	if (r->escaped) {
		r->escaped = false;
		return byte_write(r, c);
	}
	if (c == '\\' || c == '"') {
		r->escaped = c == '\\';
		r->quoted ^= c == '"';
		return true;
	}
	if (r->quoted)
		return byte_write(r, c);
	if (c <= ' ' || c == 0x7f) {
		r->blank = r->out->n > 0;
		return true;
	}
	// Of two at-signs outside quotes Postfix leaves out one that ends the address, or all up to a colon.
	if (is_special(r, c) || (c == '@' && r->at))
		return false;
	r->at |= c == '@';
	r->literal = (r->literal || c == '[') && c != ']';
	return byte_write(r, c);
}

// The one form of a path's bytes; false where it has none.
static bool word_write(struct span path, struct pol_word *out)
{
	struct reader r = {.out = out};

	for (size_t i = 0; i < path.n; i++) {
		if (!byte_read(&r, path.p[i]))
			return false;
	}
	while (out->n > 0 && out->b[out->n - 1] == '.')
		out->n--;
	if (out->n == 0) {
		out->n = 2;
		memcpy(out->b, "<>", 2);
	}
	return !r.quoted && !r.escaped;
}

uint64_t pol_key_hash(uint64_t version, int64_t made_s, const void *key, size_t n)
{
	uint8_t seed[16];

	memcpy(seed, &version, sizeof(version));
	memcpy(seed + sizeof(version), &made_s, sizeof(made_s));
	return hash_siphash(seed, key, n);
}

static bool key_add(const struct pol_image *img, struct pol_word *w, size_t at)
{
	const struct pol_head *h = pol_head(img);

	if (w->nkeys == POL_KEYS_MAX)
		return false;
	w->at[w->nkeys] = (uint16_t)at;
	w->hash[w->nkeys++] = pol_key_hash(h->version, h->made_s, w->b + at, w->n - at);
	return true;
}

// The whole; "@domain"; of each dot of the domain what begins there. A word without an '@' has no
// domain, and one that begins with a dot would look like one's end.
static bool keys_make(const struct pol_image *img, struct pol_word *w)
{
	size_t at = w->n;

	while (at > 0 && w->b[at - 1] != '@')
		at--;
	if ((at > 0 || w->b[0] != '.') && !key_add(img, w, 0))
		return false;
	if (at == 0)
		return true;
	for (size_t i = at - 1; i < w->n; i++) {
		if ((i == at - 1 || w->b[i] == '.') && !key_add(img, w, i))
			return false;
	}
	return true;
}

void pol_word_form(struct span path, struct pol_word *out)
{
	out->n = 0;
	out->nkeys = 0;
	out->readable = path.p != NULL && word_write(path, out);
}

void pol_word_make(const struct pol_image *img, struct span path, struct pol_word *out)
{
	pol_word_form(path, out);
	// Whoever has no list needs no hash.
	if (out->readable && pol_count(img, POL_SEC_LISTS) > 0)
		out->readable = keys_make(img, out);
}

// Where what stands behind a `*` can begin, not before *from; false: nowhere.
static bool star_next(const char *behind, struct span word, size_t *from)
{
	if (*behind == '*' || *behind == '?' || *behind == '\0')
		return true;
	const uint8_t *at = memchr(word.p + *from, *behind, word.n - *from);

	*from = at == NULL ? word.n : (size_t)(at - word.p);
	return at != NULL;
}

// Greedy from the left; on a mismatch back to the last `*` only, which is enough for a glob.
bool pol_pattern_takes(const char *pattern, struct span word)
{
	const char *p = pattern, *star = NULL;
	size_t i = 0, from = 0;

	while (i < word.n) {
		if (*p != '*' && *p != '\0' && (*p == '?' || (uint8_t)*p == word.p[i])) {
			p++;
			i++;
			continue;
		}
		if (*p == '*') {
			star = ++p;
			from = i;
		} else if (star != NULL) {
			p = star;
			from++;
		} else {
			return false;
		}
		if (!star_next(p, word, &from))
			return false;
		i = from;
	}
	while (*p == '*')
		p++;
	return *p == '\0';
}

int pol_pattern_key(const char *pattern)
{
	int at = 0;

	if (strncmp(pattern, "*@*.", 4) == 0)
		at = 3;
	else if (strncmp(pattern, "*@", 2) == 0)
		at = 1;
	if (strpbrk(pattern + at, "*?") != NULL || (at > 0 && pattern[at + 1] == '\0') ||
		(at > 0 && strchr(pattern + at + 1, '@') != NULL))
		return -1;
	return at;
}

static const struct pol_slot *slots_of(const struct pol_image *img, const struct pol_list *l)
{
	return (const struct pol_slot *)(const void *)pol_section(img, POL_SEC_SLOTS).p + l->slots;
}

static bool key_is_there(
	const struct pol_image *img, const struct pol_list *l, uint64_t hash, struct span key)
{
	const struct pol_slot *slots = slots_of(img, l);
	uint32_t at = (uint32_t)hash & (l->nslots - 1);

	for (unsigned i = 0; i < POL_PROBES_MAX; i++, at = (at + 1) & (l->nslots - 1)) {
		const struct pol_slot *s = &slots[at];

		if (s->text == 0)
			return false;
		if (s->tag == hash >> 32 && span_eq(span_str(pol_string(img, s->text)), key))
			return true;
	}
	return false;
}

bool pol_list_takes(const struct pol_image *img, uint32_t list, const struct pol_word *word)
{
	const struct span whole = {word->b, word->n};
	const struct pol_list *l;

	if (list == POL_NONE)
		return true;
	if (!word->readable)
		return false;
	l = pol_list_at(img, list);
	for (unsigned i = 0; i < word->nkeys && l->nslots > 0; i++) {
		if (key_is_there(img, l, word->hash[i], span_from(whole, word->at[i])))
			return true;
	}
	for (uint32_t i = 0; i < l->nglobs; i++) {
		if (pol_pattern_takes(pol_string(img, pol_glob_at(img, l->globs + i)->text), whole))
			return true;
	}
	return false;
}

// ---- proof

// A pattern's bytes: nothing that a word never has, for it would take none.
static bool is_pattern(const struct pol_image *img, uint32_t text)
{
	const char *p;
	size_t n = 0;

	if (text == 0 || text >= pol_count(img, POL_SEC_STRINGS))
		return false;
	for (p = pol_string(img, text); p[n] != '\0'; n++) {
		uint8_t c = (uint8_t)p[n];

		if (n == POL_WORD_MAX || c <= ' ' || c > '~' || c == '"' || c == '\\' ||
			small(c) != c)
			return false;
	}
	return n > 0;
}

// A used slot is found from where its hash says, without a free one on the way.
static const char *slot_find(const struct pol_image *img, const struct pol_list *l, uint32_t at)
{
	const struct pol_slot *slots = slots_of(img, l), *s = &slots[at];
	const struct pol_head *h = pol_head(img);
	const char *text;
	uint64_t hash;
	uint32_t way;

	if (s->text == 0)
		return s->tag == 0 ? NULL : "a free slot is not empty";
	if (!is_pattern(img, s->text))
		return "a key is no pattern";
	text = pol_string(img, s->text);
	if (strpbrk(text, "*?") != NULL)
		return "a key has a wildcard";
	hash = pol_key_hash(h->version, h->made_s, text, strlen(text));
	way = (at - (uint32_t)hash) & (l->nslots - 1);
	if (s->tag != hash >> 32 || way >= POL_PROBES_MAX)
		return "a key is not where its hash says";
	for (uint32_t i = 0; i < way; i++) {
		if (slots[((uint32_t)hash + i) & (l->nslots - 1)].text == 0)
			return "a key is not found";
	}
	return NULL;
}

const char *pol_list_judge(const struct pol_image *img, uint32_t i)
{
	const struct pol_list *l = pol_list_at(img, i);
	const struct pol_list *before = i == 0 ? NULL : pol_list_at(img, i - 1);
	const uint32_t slots = pol_count(img, POL_SEC_SLOTS);
	const uint32_t globs = pol_count(img, POL_SEC_GLOBS);

	if (l->slots != (before == NULL ? 0 : before->slots + before->nslots) ||
		l->globs != (before == NULL ? 0 : before->globs + before->nglobs))
		return "it does not begin behind the one before";
	if (l->nslots > slots - l->slots || (l->nslots & (l->nslots - 1)) != 0)
		return "slots outside or not a power of two";
	if (l->nglobs > globs - l->globs)
		return "globs outside";
	if (i + 1 == pol_count(img, POL_SEC_LISTS) &&
		(l->slots + l->nslots != slots || l->globs + l->nglobs != globs))
		return "slots or globs of no list";
	for (uint32_t k = 0; k < l->nslots; k++) {
		const char *why = slot_find(img, l, k);

		if (why != NULL)
			return why;
	}
	return NULL;
}

const char *pol_slot_judge(const struct pol_image *img, uint32_t)
{
	return pol_count(img, POL_SEC_LISTS) > 0 ? NULL : "it is of no list";
}

const char *pol_glob_judge(const struct pol_image *img, uint32_t i)
{
	const struct pol_glob *g = pol_glob_at(img, i);

	if (pol_count(img, POL_SEC_LISTS) == 0)
		return "it is of no list";
	if (!is_pattern(img, g->text))
		return "it is no pattern";
	return strpbrk(pol_string(img, g->text), "*?") != NULL ? NULL : "it has no wildcard";
}

// SPDX-License-Identifier: BSD-3-Clause
// Where a line ends, and where a message ends. A command or reply line ends at the first LF; what
// is odd about it becomes flags. A message ends at the strict end only; every other place where
// some server may end it is a possible end (RFC 5321 2.3.8 and 4.1.1.4, and the readings of
// servers that take bare CR, bare LF or NUL for more than they are):
//
//   strict    (start of data | CRLF) '.' CRLF
//   possible  (start of data | CR | LF) NUL* '.' (NUL any*)? (CR+ LF? | LF)
//
// `any*` ends with the first CRLF, which ends a line for everybody. Decides nothing else.
// Thread: any; no state but the caller's.

#include "smtp_int.h"

#include <string.h>
#ifdef __SSE2__
#include <immintrin.h>
#endif

// Eight bytes at once: non-zero where one of them is `c`.
static uint64_t word_has(uint64_t word, uint8_t c)
{
	uint64_t x = word ^ (0x0101010101010101u * c);

	return (x - 0x0101010101010101u) & ~x & 0x8080808080808080u;
}

static uint64_t word_at(const uint8_t *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return word;
}

size_t smtp_line_break(struct span in, size_t from)
{
	size_t i = from;

	while (in.n - i >= sizeof(uint64_t)) {
		const uint64_t word = word_at(in.p + i);

		if ((word_has(word, '\n') | word_has(word, '\r')) != 0)
			break;
		i += sizeof(word);
	}
	while (i < in.n && in.p[i] != '\n' && in.p[i] != '\r')
		i++;
	return i;
}

// No control and nothing of 8 bits among eight bytes.
static bool word_is_plain(uint64_t word)
{
	return (((word - UINT64_C(0x2020202020202020)) | word) & UINT64_C(0x8080808080808080)) == 0;
}

static void anomalies_note(struct smtp_line *line, struct span some)
{
	for (size_t i = 0; i < some.n; i++) {
		uint8_t c = some.p[i];

		if (c == '\r')
			line->flags |= SMTP_LINE_BARE_CR;
		else if (c == '\0')
			line->flags |= SMTP_LINE_NUL;
		else if (c < ' ' && c != '\t')
			line->flags |= SMTP_LINE_BLANKS;
		else if (c >= 0x80)
			line->has_8bit = true;
	}
}

struct smtp_line smtp_line_of(struct span in)
{
	struct smtp_line line = {.len = in.n, .body = in};
	size_t n = in.n;

	if (n > 0 && in.p[n - 1] == '\n') {
		n--;
		if (n > 0 && in.p[n - 1] == '\r')
			n--;
		else
			line.flags |= SMTP_LINE_BARE_LF;
	}
	line.body.n = n;
	size_t i = 0;
	for (; n - i >= sizeof(uint64_t); i += sizeof(uint64_t)) {
		if (!word_is_plain(word_at(in.p + i)))
			anomalies_note(&line, span_sub(in, i, sizeof(uint64_t)));
	}
	// The last eight, some of them once more.
	if (i < n && (n < sizeof(uint64_t) || !word_is_plain(word_at(in.p + n - sizeof(uint64_t)))))
		anomalies_note(&line, span_sub(in, i, n - i));
	if (n > 0 && (in.p[0] == ' ' || in.p[0] == '\t'))
		line.flags |= SMTP_LINE_BLANKS;
	return line;
}

enum smtp_found smtp_line_find(
	struct span in, size_t max, uint16_t *scanned, struct smtp_line *line)
{
	size_t n = in.n < max ? in.n : max;
	size_t from = *scanned <= n ? *scanned : 0;
	const uint8_t *lf = n > from ? memchr(in.p + from, '\n', n - from) : NULL;

	if (lf == NULL) {
		*scanned = (uint16_t)n;
		return in.n < max ? SMTP_FOUND_PART : SMTP_FOUND_TOO_LONG;
	}
	*scanned = 0;
	*line = smtp_line_of(span_sub(in, 0, (size_t)(lf - in.p) + 1));
	return SMTP_FOUND_LINE;
}

// ---- the end-of-data recogniser
//
//   read last                       state
//   CRLF, or nothing yet            STRICT ---- '.' (stuffed) --> DOT
//   CR                              CR -------- '.' ------------> DOT_LAX
//   bare LF, or NULs behind these   LAX ------- '.' ------------> DOT_LAX
//   anything else                   TEXT        up to the next CR or LF
//
//   DOT ------ CR ---> DOT_CR --+-- LF -----> the strict end
//    |                   |      +-- other --> possible end before it, CR
//    | else as           CR
//    v                   v
//   DOT_LAX -- CR ---> RUN_CR --+-- LF -----> possible end, STRICT
//    |  |  |                    +-- other --> possible end before it, CR
//    |  |  +-- LF --------------------------> possible end, LAX
//    |  +----- NUL --> NUL_LINE: every line end in it (its CRs: NUL_CR) is a possible end;
//    |                           CRLF leads to STRICT, the others stay
//    +-------- other -> TEXT
//
// In DOT_CR, RUN_CR and NUL_CR it is not yet certain what the CRs mean: they are held back (not
// consumed) until the byte behind them is there. Nothing that could end the message for any
// reader has left by then.
enum eod_state {
	EOD_TEXT,     // inside a line
	EOD_CR,       // behind a CR
	EOD_STRICT,   // behind CRLF, or at the start of data
	EOD_LAX,      // behind a bare LF, or NULs at the start of a line of some sort
	EOD_DOT,      // '.' behind EOD_STRICT
	EOD_DOT_LAX,  // '.' behind the others
	EOD_NUL_LINE, // '.' NUL ...: a line "." for who reads C strings
	EOD_DOT_CR,   // the three that hold back
	EOD_RUN_CR,
	EOD_NUL_CR,
	EOD_STATE_COUNT
};
#define EOD_HOLDS(state) ((state) >= EOD_DOT_CR)

enum eod_class { EOD_C_CR, EOD_C_LF, EOD_C_DOT, EOD_C_NUL, EOD_C_OTHER, EOD_CLASS_COUNT };

enum eod_act { // the high bits of a cell
	EOD_GO = 0 << 4,
	EOD_STUFFED = 1 << 4, // this dot is not part of the message (RFC 5321 4.5.2)
	EOD_AFTER = 2 << 4,   // a possible end behind this byte
	EOD_BEFORE = 3 << 4, // a possible end before this byte, which is then read in the new state
	EOD_END = 4 << 4,    // the strict end behind this byte
};
#define EOD_STATE_MASK 0x0f
_Static_assert(EOD_STATE_COUNT <= EOD_STATE_MASK + 1, "a state fits its bits");

// One row a state: X(state, at CR, at LF, at '.', at NUL, at another byte).
// clang-format off: a table
#define EOD_TABLE(X)                                                                              \
	X(EOD_TEXT, EOD_CR, EOD_LAX, EOD_TEXT, EOD_TEXT, EOD_TEXT)                                \
	X(EOD_CR, EOD_CR, EOD_STRICT, EOD_DOT_LAX, EOD_LAX, EOD_TEXT)                             \
	X(EOD_STRICT, EOD_CR, EOD_LAX, EOD_DOT | EOD_STUFFED, EOD_LAX, EOD_TEXT)                  \
	X(EOD_LAX, EOD_CR, EOD_LAX, EOD_DOT_LAX, EOD_LAX, EOD_TEXT)                               \
	X(EOD_DOT, EOD_DOT_CR, EOD_LAX | EOD_AFTER, EOD_TEXT, EOD_NUL_LINE, EOD_TEXT)             \
	X(EOD_DOT_LAX, EOD_RUN_CR, EOD_LAX | EOD_AFTER, EOD_TEXT, EOD_NUL_LINE, EOD_TEXT)         \
	X(EOD_NUL_LINE, EOD_NUL_CR, EOD_NUL_LINE | EOD_AFTER, EOD_NUL_LINE, EOD_NUL_LINE,         \
		EOD_NUL_LINE)                                                                     \
	X(EOD_DOT_CR, EOD_RUN_CR, EOD_STRICT | EOD_END, EOD_CR | EOD_BEFORE, EOD_CR | EOD_BEFORE, \
		EOD_CR | EOD_BEFORE)                                                              \
	X(EOD_RUN_CR, EOD_RUN_CR, EOD_STRICT | EOD_AFTER, EOD_CR | EOD_BEFORE,                    \
		EOD_CR | EOD_BEFORE, EOD_CR | EOD_BEFORE)                                         \
	X(EOD_NUL_CR, EOD_NUL_CR, EOD_STRICT | EOD_AFTER, EOD_NUL_LINE | EOD_BEFORE,              \
		EOD_NUL_LINE | EOD_BEFORE, EOD_NUL_LINE | EOD_BEFORE)
// clang-format on

#define EOD_ROW(state, cr, lf, dot, nul, other) [state] = {cr, lf, dot, nul, other},
static const uint8_t eod_table[EOD_STATE_COUNT][EOD_CLASS_COUNT] = {EOD_TABLE(EOD_ROW)};

// No cell is missing: a row has five cells by the macro's arity, each state has a row, none two.
#define EOD_BIT(state, cr, lf, dot, nul, other) | 1u << (state)
#define EOD_ONE(state, cr, lf, dot, nul, other) +1
_Static_assert((0 EOD_TABLE(EOD_BIT)) == (1u << EOD_STATE_COUNT) - 1, "a state has no row");
_Static_assert((0 EOD_TABLE(EOD_ONE)) == EOD_STATE_COUNT, "a state has two rows");

const uint8_t smtp_eod_start = EOD_STRICT;

static enum eod_class eod_class(uint8_t c)
{
	switch (c) {
	case '\r':
		return EOD_C_CR;
	case '\n':
		return EOD_C_LF;
	case '.':
		return EOD_C_DOT;
	case '\0':
		return EOD_C_NUL;
	default:
		return EOD_C_OTHER;
	}
}

bool smtp_eod_is_line_start(uint8_t state)
{
	return state == EOD_STRICT;
}

// States in which only a dot behind a CR, LF or NUL matters.
static bool eod_is_plain(uint8_t state)
{
	return state == EOD_TEXT || state == EOD_CR || state == EOD_STRICT || state == EOD_LAX;
}

static bool eod_is_break(uint8_t c)
{
	return c == '\r' || c == '\n' || c == '\0';
}

#ifdef __SSE2__
// The dots of 16 bytes that stand behind a CR, LF or NUL, a bit each.
static inline unsigned eod_dots16(const uint8_t *p)
{
	const __m128i here = _mm_loadu_si128((const void *)p);
	const __m128i before = _mm_loadu_si128((const void *)(p - 1));
	const __m128i ends = _mm_or_si128(_mm_cmpeq_epi8(before, _mm_set1_epi8('\r')),
		_mm_cmpeq_epi8(before, _mm_set1_epi8('\n')));
	const __m128i breaks = _mm_or_si128(ends, _mm_cmpeq_epi8(before, _mm_setzero_si128()));

	return (unsigned)_mm_movemask_epi8(
		_mm_and_si128(_mm_cmpeq_epi8(here, _mm_set1_epi8('.')), breaks));
}
#endif

#if defined(__SSE2__) && defined(__x86_64__)
#define HAS_WIDE 1
// The same 64 at a time, for who has AVX2, up to a block that has one, or the last whole block. Before
// a dot stands what is below 0x0e there: few others are, and the blocks are looked at again.
__attribute__((target("avx2"))) static size_t eod_skip_wide(struct span in, size_t at)
{
	const __m256i dot = _mm256_set1_epi8('.'), most = _mm256_set1_epi8('\r');

	for (; in.n - at >= 64; at += 64) {
		const uint8_t *p = in.p + at;
		__m256i b0 = _mm256_loadu_si256((const void *)(p - 1));
		__m256i b1 = _mm256_loadu_si256((const void *)(p + 31));
		__m256i d0 = _mm256_cmpeq_epi8(_mm256_loadu_si256((const void *)p), dot);
		__m256i d1 = _mm256_cmpeq_epi8(_mm256_loadu_si256((const void *)(p + 32)), dot);
		__m256i low0 = _mm256_cmpeq_epi8(_mm256_min_epu8(b0, most), b0);
		__m256i low1 = _mm256_cmpeq_epi8(_mm256_min_epu8(b1, most), b1);
		__m256i hit =
			_mm256_or_si256(_mm256_and_si256(d0, low0), _mm256_and_si256(d1, low1));

		if (!_mm256_testz_si256(hit, hit))
			break;
	}
	return at;
}
#endif

// The first dot from `at` (not 0) on that stands behind a CR, LF or NUL; in.n where none does.
static size_t eod_dot(struct span in, size_t at)
{
#ifdef __SSE2__
	const size_t begin = at;

	while (in.n - at >= 16) {
		unsigned hits = eod_dots16(in.p + at);

		if (hits != 0)
			return at + (size_t)__builtin_ctz(hits);
		at += 16;
#ifdef HAS_WIDE
		if (in.n - at >= 64 && __builtin_cpu_supports("avx2"))
			at = eod_skip_wide(in, at);
#endif
	}
	if (at < in.n && in.n - begin >= 16) { // the last 16, some of them once more
		unsigned hits = eod_dots16(in.p + in.n - 16);

		return hits != 0 ? in.n - 16 + (size_t)__builtin_ctz(hits) : in.n;
	}
#endif
	while (at < in.n && (in.p[at] != '.' || !eod_is_break(in.p[at - 1])))
		at++;
	return at;
}

// From a plain state and a byte that is none of the four: up to the line breaks before the next dot
// that may matter, or before the end. The state there is EOD_TEXT. Nearly all of a message goes here,
// by one search for such dots instead of a look at each line.
static size_t eod_skip(struct span in, size_t i)
{
	size_t d = eod_dot(in, i + 1);

	while (eod_is_break(in.p[d - 1])) // ends at i, which is no break
		d--;
	return d;
}

struct smtp_eod_piece smtp_eod_read(uint8_t *state, struct span in)
{
	size_t i = 0, from = 0, held = 0; // held: first byte held back
	uint8_t st = *state, before_held = st;

	for (;;) {
		if (i < in.n && eod_is_plain(st) && !eod_is_break(in.p[i]) && in.p[i] != '.') {
			i = eod_skip(in, i);
			st = EOD_TEXT;
		} else if (st == EOD_NUL_LINE) {
			i = smtp_line_break(in, i);
		}
		if (i >= in.n)
			break;
		uint8_t cell = eod_table[st][eod_class(in.p[i])];
		if (EOD_HOLDS(st) && i - held >= SMTP_EOD_RUN_MAX)
			cell = eod_table[st][EOD_C_OTHER]; // a run of CRs has to end somewhere
		uint8_t next = cell & EOD_STATE_MASK;
		if (EOD_HOLDS(next) && !EOD_HOLDS(st)) {
			held = i;
			before_held = st;
		}
		st = next;
		switch (cell & ~EOD_STATE_MASK) {
		case EOD_STUFFED:
			if (i == from) {
				from = ++i;
				continue;
			}
			*state = st;
			return (struct smtp_eod_piece){
				i + 1, span_sub(in, from, i - from), SMTP_END_NONE};
		case EOD_BEFORE:
			*state = st;
			return (struct smtp_eod_piece){
				i, span_sub(in, from, i - from), SMTP_END_POSSIBLE};
		case EOD_AFTER:
			*state = st;
			return (struct smtp_eod_piece){
				i + 1, span_sub(in, from, i + 1 - from), SMTP_END_POSSIBLE};
		case EOD_END:
			*state = st;
			return (struct smtp_eod_piece){
				i + 1, span_sub(in, from, held - from), SMTP_END_STRICT};
		default:
			i++;
		}
	}
	if (EOD_HOLDS(st)) {
		i = held;
		st = before_held;
	}
	*state = st;
	return (struct smtp_eod_piece){i, span_sub(in, from, i - from), SMTP_END_NONE};
}

enum smtp_end smtp_eod_line(uint8_t *state, struct span line)
{
	enum smtp_end end = SMTP_END_NONE;
	uint8_t st = *state;

	for (size_t i = 0; i < line.n; i++) {
		uint8_t cell = eod_table[st][eod_class(line.p[i])];

		st = cell & EOD_STATE_MASK;
		if ((cell & ~EOD_STATE_MASK) == EOD_AFTER)
			end = SMTP_END_POSSIBLE;
		else if ((cell & ~EOD_STATE_MASK) == EOD_END)
			end = SMTP_END_STRICT;
	}
	if (EOD_HOLDS(st)) { // neither CR nor LF follows, or the run is too long, says the caller
		st = eod_table[st][EOD_C_OTHER] & EOD_STATE_MASK;
		end = SMTP_END_POSSIBLE;
	}
	*state = st;
	return end;
}

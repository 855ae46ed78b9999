// SPDX-License-Identifier: BSD-3-Clause
// Limit cells (tbl_cells.h says what they mean). They lie in buckets of 31; a key's hash chooses
// its bucket, where it may have any cell. A cell's word says how many tickets are out, how many
// workers look at its window (pins), its phase, and a number that goes up whenever one of them is
// taken or the cell claimed. The rules:
//   1. A free or idle cell is CLAIMED by compare-and-swap of its word. Who did that, alone, writes
//      its tag and empties its window; nobody else sees it.
//   2. The claim takes force by compare-and-swap of the bucket's `turn`, from what it was before
//      the claimer looked for the key; it names the cell. If that fails the cell is freed and all
//      begins again.
//   3. Then the cell becomes OPEN: by its claimer, or by whoever reads that turn and wants to
//      claim.
//   4. Tickets and pins are taken by compare-and-swap of an OPEN word whose tag was right.
//
// No cell goes while it is needed: claiming it takes a word without tickets and pins, still the
// same as when its window was found empty; one taken since, though given back, has moved the number
// (4). No ticket goes to a foreign cell: a tag changes only behind a claim, which has moved the
// number (1, 4). No key has two cells: of two claims of a key the later in turn looked at the
// bucket behind the earlier's turn, else its swap fails (2); so it saw the earlier's cell, OPEN,
// for each turn opens the one before it (3), or claimed again since, for which it had to be idle.
// So N pass and N + 1 does not: one word says how many there are. Nobody waits for anybody: a swap
// fails only because another's succeeded, and who is stopped amid a claim keeps but that cell. The
// number has 30 bits, the turn 29: to take one word for another a worker would have to be stopped
// between two instructions for exactly so many changes.
// Thread: any worker.
#include "tbl_cells.h"

#include <stdatomic.h>
#include <string.h>

#include "hash.h"
#include "panic.h"
#include "tbl_cells_layout.h"

enum {
	SLOTS = TBL_CELLS_SLOTS,
	TRIES = 64, // claims that another one may be ahead of
	NO_SLOT = SLOTS,
};

enum phase { PHASE_FREE, PHASE_CLAIMED, PHASE_OPEN = TBL_CELLS_OPEN };

// A cell's word: tickets 24 bits, pins 8, phase 2, number 30.
#define TICKET UINT64_C(1)
#define PIN (UINT64_C(1) << 24)
#define PHASE(p) ((uint64_t)(p) << TBL_CELLS_PHASE_SHIFT)
#define NUMBER (UINT64_C(1) << TBL_CELLS_NUMBER_SHIFT)
#define TICKETS_MASK (PIN - 1)
#define HELD_MASK (PHASE(1) - 1) // tickets and pins
#define PHASE_MASK PHASE(3)
#define NUMBER_MASK (~(NUMBER - 1))

// A bucket's turn: claims in force 29 bits, the cell of the last 5, its number 30 as in the word.
#define TURN_SLOT (UINT64_C(1) << 29)
#define TURN_COUNT_MASK (TURN_SLOT - 1)

struct window { // as it lies in a cell's word of 64 bits: tbl_cells_layout.h
	uint32_t start_s, before, now;
};

_Static_assert(TBL_CELLS_TICKETS_MAX < TICKETS_MASK, "tickets fit");
_Static_assert(TBL_CELLS_EVENTS_MAX <= UINT16_MAX, "events fit");
_Static_assert(SLOTS < 1 << 5, "a slot fits into a turn");

static uint32_t buckets_of(uint32_t count)
{
	return count / SLOTS + 1;
}

uint64_t tbl_cells_bytes(uint32_t count)
{
	return sizeof(struct tbl_cells) + (uint64_t)buckets_of(count) * sizeof(struct tbl_bucket);
}

struct tbl_cells *tbl_cells_init(void *memory, uint32_t count, const uint8_t secret[16])
{
	struct tbl_cells *c = memory;

	ASSERT(count > 0 && count <= TBL_CELLS_MAX);
	memset(c, 0, tbl_cells_bytes(count)); // all cells free, no turn
	c->buckets = buckets_of(count);
	memcpy(c->secret, secret, sizeof(c->secret));
	return c;
}

// ---- words

static enum phase phase_of(uint64_t word)
{
	return (enum phase)((word & PHASE_MASK) / PHASE(1));
}

static uint32_t tickets_of(uint64_t word)
{
	return (uint32_t)(word & TICKETS_MASK);
}

static uint64_t phase_set(uint64_t word, enum phase p)
{
	return (word & ~PHASE_MASK) | PHASE(p);
}

static unsigned turn_slot(uint64_t turn)
{
	return (unsigned)(turn / TURN_SLOT % (1 << 5));
}

static uint64_t turn_next(uint64_t turn, unsigned slot, uint64_t word)
{
	return ((turn + 1) & TURN_COUNT_MASK) | slot * TURN_SLOT | (word & NUMBER_MASK);
}

// ---- windows

static struct window window_read(uint64_t bits)
{
	return (struct window){
		.start_s = (uint32_t)(bits >> 32),
		.before = bits >> 16 & UINT16_MAX,
		.now = bits & UINT16_MAX,
	};
}

static uint64_t window_bits(const struct window *w)
{
	return (uint64_t)w->start_s << 32 | w->before << 16 | w->now;
}

// Seconds since the window's begin; none where another worker, a little ahead, has just begun it.
static uint32_t window_age_s(const struct window *w, uint32_t now_s)
{
	const uint32_t age_s = now_s - w->start_s;

	return age_s > INT32_MAX ? 0 : age_s;
}

static struct window window_at(uint64_t bits, uint32_t window_s, uint32_t now_s)
{
	struct window w = window_read(bits);
	const uint32_t age_s = window_age_s(&w, now_s);

	if ((w.before == 0 && w.now == 0) || age_s >= 2 * window_s)
		return (struct window){.start_s = now_s};
	if (age_s >= window_s)
		w = (struct window){.start_s = w.start_s + window_s, .before = w.now};
	return w;
}

// What counts of it.
static uint32_t window_events(const struct window *w, uint32_t window_s, uint32_t now_s)
{
	const uint64_t rest_s = window_s - window_age_s(w, now_s);

	return w->now + (uint32_t)((w->before * rest_s + window_s - 1) / window_s);
}

static bool window_is_empty(const struct tbl_cell *cell, uint32_t now_s)
{
	const uint64_t bits = atomic_load_explicit(&cell->window, memory_order_relaxed);
	const uint32_t window_s = atomic_load_explicit(&cell->window_s, memory_order_relaxed);
	const struct window w = window_at(bits, window_s, now_s);

	return w.before == 0 && w.now == 0;
}

// ---- a key's cell

static uint64_t tag_of(const struct tbl_cells *c, const struct tbl_cell_key *key)
{
	return hash_siphash(c->secret, key, sizeof(*key));
}

static uint32_t bucket_of(const struct tbl_cells *c, uint64_t tag)
{
	return (uint32_t)((tag >> 32) * c->buckets >> 32);
}

// What is asked of a cell: TICKET, of at most `limit`, or PIN.
struct want {
	uint64_t tag, unit;
	uint32_t limit, now_s, value; // value: tickets out, this one included
};

enum held { HELD, HELD_OVER, HELD_NOT };

// Takes it from a cell, if that is the key's (rule 4).
static enum held slot_hold(struct tbl_bucket *b, unsigned slot, struct want *want)
{
	struct tbl_cell *cell = &b->cell[slot];
	// Pairs with rule 3's release: behind an OPEN word stand its tag and its window.
	uint64_t word = atomic_load_explicit(&cell->word, memory_order_acquire);

	for (;;) {
		if (phase_of(word) != PHASE_OPEN)
			return HELD_NOT;
		// Pairs with the release in slot_claim: behind a newer tag the word is a newer one,
		// too.
		if (atomic_load_explicit(&b->tag[slot], memory_order_acquire) != want->tag)
			return HELD_NOT;
		want->value = tickets_of(word);
		if (want->unit == TICKET && want->value >= want->limit) {
			const uint64_t before = word;

			word = atomic_load_explicit(&cell->word, memory_order_acquire);
			if (word == before) // word and tag belong together
				return HELD_OVER;
			continue;
		}
		want->value++;
		if (atomic_compare_exchange_weak_explicit(&cell->word, &word,
			    word + want->unit + NUMBER, memory_order_acq_rel, memory_order_acquire))
			return HELD;
	}
}

// The key's cell among those of the bucket; *held says whether it was taken from.
static unsigned slot_find(struct tbl_bucket *b, struct want *want, enum held *held)
{
	for (unsigned slot = 0; slot < SLOTS; slot++) {
		// A hint: slot_hold looks again.
		if (atomic_load_explicit(&b->tag[slot], memory_order_relaxed) != want->tag)
			continue;
		*held = slot_hold(b, slot, want);
		if (*held != HELD_NOT)
			return slot;
	}
	*held = HELD_NOT;
	return NO_SLOT;
}

// Opens the cell of the last claim in force, if its claimer has not come to it yet (rule 3).
static void turn_help(struct tbl_bucket *b, uint64_t turn)
{
	_Atomic uint64_t *at = &b->cell[turn_slot(turn)].word;
	uint64_t word = atomic_load_explicit(at, memory_order_relaxed);

	if (phase_of(word) == PHASE_CLAIMED && (word & NUMBER_MASK) == (turn & NUMBER_MASK))
		(void)atomic_compare_exchange_strong_explicit(at, &word, // or another one did
			phase_set(word, PHASE_OPEN), memory_order_acq_rel, memory_order_relaxed);
}

static bool slot_is_free(const struct tbl_cell *cell, uint64_t word, uint32_t now_s)
{
	return phase_of(word) == PHASE_FREE ||
		(phase_of(word) == PHASE_OPEN && (word & HELD_MASK) == 0 &&
			window_is_empty(cell, now_s));
}

// A cell for a key that had none in the bucket at `turn`; the claimer holds what it wanted. NO_SLOT
// with *again: the bucket has changed since; else all are in use.
static unsigned slot_claim(
	struct tbl_bucket *b, uint64_t turn, const struct want *want, bool *again)
{
	for (unsigned slot = 0; slot < SLOTS; slot++) {
		struct tbl_cell *cell = &b->cell[slot];
		// Pairs with the release of a ticket or pin: what its holder wrote is there.
		uint64_t word = atomic_load_explicit(&cell->word, memory_order_acquire);

		if (!slot_is_free(cell, word, want->now_s))
			continue;
		const uint64_t mine =
			(word & NUMBER_MASK) + NUMBER + PHASE(PHASE_CLAIMED) + want->unit;
		if (!atomic_compare_exchange_strong_explicit(
			    &cell->word, &word, mine, memory_order_acq_rel, memory_order_relaxed))
			continue; // another one has use for it
		atomic_store_explicit(&b->tag[slot], want->tag, memory_order_release);
		atomic_store_explicit(&cell->window, 0, memory_order_relaxed);
		if (atomic_compare_exchange_strong_explicit(&b->turn, &turn,
			    turn_next(turn, slot, mine), memory_order_acq_rel,
			    memory_order_relaxed)) {
			turn_help(b, turn_next(turn, slot, mine));
			return slot;
		}
		atomic_store_explicit(&cell->word, (mine & NUMBER_MASK) | PHASE(PHASE_FREE),
			memory_order_release);
		*again = true;
		return NO_SLOT;
	}
	*again = atomic_load_explicit(&b->turn, memory_order_relaxed) != turn;
	return NO_SLOT;
}

// Takes it from the key's cell, which it gets if it has none.
static unsigned slot_get(struct tbl_bucket *b, struct want *want, enum tbl_cells_answer *answer)
{
	enum held held;
	unsigned slot = slot_find(b, want, &held); // most have one: no turn is looked at
	bool again = true;

	for (unsigned i = 0; held == HELD_NOT && again && i < TRIES; i++) {
		// Pairs with the swap in slot_claim: all claims up to this turn are seen.
		const uint64_t turn = atomic_load_explicit(&b->turn, memory_order_acquire);

		turn_help(b, turn);
		slot = slot_find(b, want, &held);
		if (held != HELD_NOT)
			break;
		slot = slot_claim(b, turn, want, &again);
		if (slot != NO_SLOT) {
			want->value = 1;
			held = HELD;
		}
	}
	*answer = held == HELD      ? TBL_CELLS_PASS
		: held == HELD_OVER ? TBL_CELLS_OVER
				    : TBL_CELLS_FULL;
	return slot;
}

// ---- tickets

enum { ALSO = 1u << 31 }; // of a ticket: the cell's second one, too
_Static_assert(TBL_CELLS_MAX + 2 * SLOTS < INT32_MAX, "a bit of a ticket is free");

enum tbl_cells_answer tbl_cells_take(struct tbl_cells *c, const struct tbl_cell_key *key,
	uint32_t limit, uint32_t now_s, uint32_t *ticket, uint32_t *value)
{
	struct want want = {.tag = tag_of(c, key), .unit = TICKET, .limit = limit, .now_s = now_s};
	const uint32_t at = bucket_of(c, want.tag);
	enum tbl_cells_answer answer;

	HOT_ASSERT(limit > 0 && limit <= TBL_CELLS_TICKETS_MAX);
	const unsigned slot = slot_get(&c->bucket[at], &want, &answer);
	*ticket = answer == TBL_CELLS_PASS ? at * SLOTS + slot : TBL_CELL_NONE;
	*value = answer == TBL_CELLS_FULL ? 0 : want.value;
	return answer;
}

static struct tbl_cell *cell_at(struct tbl_cells *c, uint32_t cell)
{
	return &c->bucket[cell / SLOTS].cell[cell % SLOTS];
}

enum tbl_cells_answer tbl_cells_take_also(struct tbl_cells *c, const struct tbl_cell_key *key,
	uint32_t limit, uint32_t now_s, uint32_t *ticket, uint32_t *value)
{
	uint32_t second;
	const enum tbl_cells_answer answer = tbl_cells_take(c, key, limit, now_s, &second, value);

	if (answer != TBL_CELLS_PASS)
		return answer;
	if (*ticket == TBL_CELL_NONE) {
		*ticket = second;
		return answer;
	}
	// Relaxed: whoever holds such a pair wrote the same, for the second cell is one key's as long
	// as one of them holds it; who takes the first cell for another key writes his own.
	atomic_store_explicit(&cell_at(c, *ticket)->second, second, memory_order_relaxed);
	*ticket |= ALSO;
	return answer;
}

static void cell_give(struct tbl_cell *cell)
{
	// Pairs with the acquire in slot_claim.
	const uint64_t word = atomic_fetch_sub_explicit(&cell->word, TICKET, memory_order_release);

	HOT_ASSERT(phase_of(word) == PHASE_OPEN && tickets_of(word) > 0);
	(void)word;
}

void tbl_cells_give(struct tbl_cells *c, uint32_t ticket)
{
	if (ticket == TBL_CELL_NONE)
		return;
	struct tbl_cell *cell = cell_at(c, ticket & ~(uint32_t)ALSO);

	if (ticket & ALSO) // before the first, which keeps the number of this
		cell_give(cell_at(c, atomic_load_explicit(&cell->second, memory_order_relaxed)));
	cell_give(cell);
}

// ---- events

// Counts in the window of a cell that is pinned. *start_s: where that window begins.
static enum tbl_cells_answer cell_count(struct tbl_cell *cell, uint32_t limit, uint32_t window_s,
	uint32_t now_s, uint32_t *value, uint32_t *start_s)
{
	// Relaxed: each event stands in this word alone; who frees the cell has seen the pin go.
	uint64_t bits = atomic_load_explicit(&cell->window, memory_order_relaxed);
	struct window w;

	do {
		w = window_at(bits, window_s, now_s);
		*value = window_events(&w, window_s, now_s);
		if (*value >= limit)
			return TBL_CELLS_OVER;
		w.now++;
	} while (!atomic_compare_exchange_weak_explicit(
		&cell->window, &bits, window_bits(&w), memory_order_relaxed, memory_order_relaxed));
	++*value;
	*start_s = w.start_s;
	atomic_store_explicit(&cell->window_s, window_s, memory_order_relaxed);
	return TBL_CELLS_PASS;
}

static void held_add(
	struct tbl_cells_held *held, uint32_t cell, uint32_t start_s, uint32_t window_s)
{
	const bool same = held->cell == cell && held->window_s == window_s;
	const struct tbl_cells_held was = *held;

	*held = (struct tbl_cells_held){
		.cell = cell, .start_s = start_s, .window_s = window_s, .now = 1};
	if (same && start_s == was.start_s) {
		held->now = (uint16_t)(was.now + 1);
		held->before = was.before;
	} else if (same && start_s == was.start_s + window_s) {
		held->before = was.now;
	}
}

enum tbl_cells_answer tbl_cells_hold(struct tbl_cells *c, const struct tbl_cell_key *key,
	uint32_t limit, uint32_t window_s, uint32_t now_s, struct tbl_cells_held *held,
	uint32_t *value)
{
	struct want want = {.tag = tag_of(c, key), .unit = PIN, .now_s = now_s};
	const uint32_t at = bucket_of(c, want.tag);
	struct tbl_bucket *b = &c->bucket[at];
	enum tbl_cells_answer answer;
	uint32_t start_s = 0;

	HOT_ASSERT(limit > 0 && limit <= TBL_CELLS_EVENTS_MAX);
	HOT_ASSERT(window_s > 0 && window_s <= TBL_CELLS_WINDOW_MAX_S);
	*value = 0;
	const unsigned slot = slot_get(b, &want, &answer);
	if (answer != TBL_CELLS_PASS)
		return answer;
	answer = cell_count(&b->cell[slot], limit, window_s, now_s, value, &start_s);
	// Pairs with the acquire in slot_claim.
	(void)atomic_fetch_sub_explicit(&b->cell[slot].word, PIN, memory_order_release);
	if (answer == TBL_CELLS_PASS)
		held_add(held, at * SLOTS + slot, start_s, window_s);
	return answer;
}

enum tbl_cells_answer tbl_cells_count(struct tbl_cells *c, const struct tbl_cell_key *key,
	uint32_t limit, uint32_t window_s, uint32_t now_s, uint32_t *value)
{
	struct tbl_cells_held forgotten = {0};

	return tbl_cells_hold(c, key, limit, window_s, now_s, &forgotten, value);
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

// Takes so many of the window that begins at `start_s`, and of the one before it, out of the cell's
// window; what is over by then has gone. No pin: while any of them counts the cell is not idle, so it
// is that key's; once none does, whoever has it began a window later than the one behind theirs.
static void cell_release(
	struct tbl_cell *cell, uint32_t start_s, uint32_t window_s, uint32_t now, uint32_t before)
{
	uint64_t bits = atomic_load_explicit(&cell->window, memory_order_relaxed);
	struct window w;

	do {
		w = window_read(bits);
		if (w.start_s == start_s) {
			w.now -= least(now, w.now);
			w.before -= least(before, w.before);
		} else if (w.start_s == start_s + window_s) {
			w.before -= least(now, w.before);
		} else {
			return;
		}
	} while (!atomic_compare_exchange_weak_explicit(
		&cell->window, &bits, window_bits(&w), memory_order_relaxed, memory_order_relaxed));
}

void tbl_cells_release(struct tbl_cells *c, struct tbl_cells_held *held, uint32_t n)
{
	const uint32_t now = least(n, held->now), before = least(n - now, held->before);

	if (now + before == 0)
		return;
	cell_release(cell_at(c, held->cell), held->start_s, held->window_s, now, before);
	held->now = (uint16_t)(held->now - now);
	held->before = (uint16_t)(held->before - before);
}

// ---- counts of a table before this one

bool tbl_cells_row_is_sound(const struct tbl_cells_row *row)
{
	return row->window_s > 0 && row->window_s <= TBL_CELLS_WINDOW_MAX_S &&
		row->before <= TBL_CELLS_EVENTS_MAX && row->now <= TBL_CELLS_EVENTS_MAX;
}

void tbl_cells_secret(struct tbl_cells *c, const uint8_t secret[16])
{
	memcpy(c->secret, secret, sizeof(c->secret));
}

enum tbl_cells_answer tbl_cells_put(
	struct tbl_cells *c, const struct tbl_cells_row *row, uint32_t now_s)
{
	// One that begins later than now would not end.
	const struct window w = {.start_s = now_s - row->start_s > INT32_MAX ? now_s : row->start_s,
		.before = row->before,
		.now = row->now};
	const struct window left = window_at(window_bits(&w), row->window_s, now_s);
	struct want want = {.tag = row->tag, .unit = PIN, .now_s = now_s};
	struct tbl_bucket *b = &c->bucket[bucket_of(c, row->tag)];
	enum tbl_cells_answer answer;

	ASSERT(tbl_cells_row_is_sound(row));
	if (left.before == 0 && left.now == 0)
		return TBL_CELLS_OVER;
	const unsigned slot = slot_get(b, &want, &answer);
	if (answer != TBL_CELLS_PASS)
		return answer;
	// Relaxed: no worker counts yet.
	atomic_store_explicit(&b->cell[slot].window_s, row->window_s, memory_order_relaxed);
	atomic_store_explicit(&b->cell[slot].window, window_bits(&left), memory_order_relaxed);
	// Pairs with the acquire in slot_claim.
	(void)atomic_fetch_sub_explicit(&b->cell[slot].word, PIN, memory_order_release);
	return answer;
}

void tbl_cells_clock(struct tbl_cells *c, uint64_t now_us, uint64_t at_us)
{
	// Relaxed: who reads one of them anew and the other old is wrong by the time between two calls.
	atomic_store_explicit(&c->clock_us, now_us, memory_order_relaxed);
	atomic_store_explicit(&c->at_us, at_us, memory_order_relaxed);
}

uint64_t tbl_cells_name(const struct tbl_cells *c, const void *name, size_t n)
{
	return hash_siphash(c->secret, name, n);
}

struct tbl_cell_state tbl_cells_read(
	const struct tbl_cells *c, const struct tbl_cell_key *key, uint32_t now_s)
{
	const uint64_t tag = tag_of(c, key);
	const struct tbl_bucket *b = &c->bucket[bucket_of(c, tag)];

	for (unsigned slot = 0; slot < SLOTS; slot++) {
		const struct tbl_cell *cell = &b->cell[slot];
		const uint64_t word = atomic_load_explicit(&cell->word, memory_order_acquire);

		if (phase_of(word) != PHASE_OPEN ||
			atomic_load_explicit(&b->tag[slot], memory_order_relaxed) != tag)
			continue;
		const uint32_t window_s =
			atomic_load_explicit(&cell->window_s, memory_order_relaxed);
		const struct window w = window_at(
			atomic_load_explicit(&cell->window, memory_order_relaxed), window_s, now_s);
		return (struct tbl_cell_state){
			.tickets = tickets_of(word),
			.events = window_s == 0 ? 0 : window_events(&w, window_s, now_s),
		};
	}
	return (struct tbl_cell_state){0};
}

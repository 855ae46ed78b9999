// SPDX-License-Identifier: BSD-3-Clause
// Which counts are the newest, and when they go where:
//
//   file --start--> OWED --attached, handed back--> none --attached: its cells, a look a minute--> file
//                    ^                                          |
//                    +------- a last look at its cells <--went--+
//
// What is owed stays until a data plane has taken it; what such a one has counted until then is less, so
// its cells are not looked at. One that counts already, with an image in force, owes us nothing and we it
// nothing: what we had is older than its own.
// Thread: the loop's.
#include "serve_counts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core_cells.h"
#include "log.h"
#include "serve_counts_file.h"

LOG_COMPONENT("limits");

enum {
	LOOK_MS = 60000,
	BUCKETS_A_TURN = 512, // 16,000 cells, about half a millisecond where all count
};

struct serve_counts {
	struct serve_store *store;
	struct core_link *link;
	struct core_timer *timer;
	struct core_cells *cells; // of the data plane that is attached, or was the last
	bool gone;                // it was
	bool looking;
	uint32_t bucket;               // so far
	struct serve_counts_rows look; // what was seen of them
	struct serve_counts_rows owed; // to the next data plane
	bool pushed;                   // it has them and has not answered
	bool empty;                    // the file has none that still counts, or is not there
	struct serve_counts_state state;
};

static void look_turn(void *arg);

static void rows_drop(struct serve_counts_rows *r)
{
	free(r->row);
	*r = (struct serve_counts_rows){0};
}

static void cells_drop(struct serve_counts *c)
{
	core_cells_free(c->cells);
	c->cells = NULL;
	c->gone = c->looking = false;
	rows_drop(&c->look);
}

static void timer_set(struct serve_counts *c, uint32_t ms)
{
	if (core_timer_once(c->timer, ms) < 0)
		LOG(ERR, "timer: out of memory");
}

static void row_add(void *arg, const struct api_count *row)
{
	struct serve_counts *c = arg;
	struct serve_counts_rows *r = &c->look;

	if (r->n == r->cap) {
		const size_t cap = r->cap == 0 ? 1024 : 2 * r->cap;
		struct api_count *more =
			cap > SERVE_COUNTS_MAX ? NULL : realloc(r->row, cap * sizeof(*more));

		if (more == NULL) {
			c->state.lost++;
			return;
		}
		r->row = more;
		r->cap = cap;
	}
	r->row[r->n++] = *row;
}

static void look_save(struct serve_counts *c)
{
	const struct serve_counts_time now = serve_counts_now();
	int rc = 0;

	c->state.kept = c->look.n;
	c->state.at_s = now.wall_s;
	if (c->look.n > 0 || !c->empty)
		rc = serve_counts_save(c->store, &c->look, &now);
	if (rc == 0)
		c->empty = c->look.n == 0;
	else if (c->state.error == 0)
		LOG(WARNING, "control.state_dir: counts cannot be kept: %s", strerror(-rc));
	c->state.error = -rc;
}

static void look_end(struct serve_counts *c)
{
	look_save(c);
	if (c->gone) {
		rows_drop(&c->owed);
		c->owed = c->look;
		c->look = (struct serve_counts_rows){0};
		cells_drop(c);
		return;
	}
	rows_drop(&c->look);
	c->looking = false;
	timer_set(c, LOOK_MS);
}

// True while there is more to see.
static bool look_some(struct serve_counts *c, uint32_t buckets)
{
	const int64_t now_s = (int64_t)(core_now_us() / 1000000);

	return core_cells_walk(c->cells, &c->bucket, buckets, now_s, row_add, c);
}

static void look_begin(struct serve_counts *c)
{
	rows_drop(&c->look);
	core_cells_secret(c->cells, c->look.secret);
	c->bucket = 0;
	c->looking = true;
	timer_set(c, 0);
}

static void look_turn(void *arg)
{
	struct serve_counts *c = arg;

	if (c->cells == NULL || c->pushed)
		return;
	if (!c->looking)
		look_begin(c);
	else if (look_some(c, BUCKETS_A_TURN))
		timer_set(c, 0);
	else
		look_end(c);
}

// What is left of a look, now.
static void look_finish(struct serve_counts *c)
{
	while (look_some(c, BUCKETS_A_TURN))
		;
	look_end(c);
}

struct serve_counts *serve_counts_new(struct core_loop *loop, struct serve_store *store)
{
	struct serve_counts *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->store = store;
	c->timer = core_timer_new(loop, look_turn, c);
	if (c->timer != NULL)
		return c;
	free(c);
	return NULL;
}

void serve_counts_start(struct serve_counts *c, struct core_link *link)
{
	const struct serve_counts_time now = serve_counts_now();
	int rc = serve_counts_load(c->store, &c->owed, &now);

	c->link = link;
	c->empty = rc == 0 && c->owed.n == 0;
	if (rc != 0)
		LOG(WARNING, "control.state_dir: counts are not taken: %s",
			rc == -EINVAL ? "they are not whole" : strerror(-rc));
}

static void on_pushed(void *arg, int status, const char *text)
{
	struct serve_counts *c = arg;

	c->pushed = false;
	if (status == -ENOTCONN || status == -ETIMEDOUT)
		return; // the next one gets them
	if (status == 0) {
		c->state.returned += c->owed.n;
	} else {
		c->state.lost += c->owed.n;
		LOG(WARNING, "counts of the data plane before this one are lost: %s",
			*text != '\0' ? text : strerror(-status));
	}
	rows_drop(&c->owed);
	if (c->cells != NULL)
		look_begin(c);
}

static void hand_back(struct serve_counts *c)
{
	const uint64_t room = core_link_counts_room(c->link);
	int rc;

	if (c->owed.n > room) {
		c->state.lost += c->owed.n - room;
		c->owed.n = room;
	}
	rc = core_link_counts_push(c->link, c->owed.secret, c->owed.row, c->owed.n, on_pushed, c);
	if (rc == 0)
		c->pushed = true;
	else
		on_pushed(c, rc, strerror(-rc));
}

void serve_counts_attached(struct serve_counts *c, const struct api_hello *hello)
{
	if (c->gone)
		look_finish(c);
	cells_drop(c); // none is left
	c->cells = core_link_cells_take(c->link);
	if (!hello->counts_open)
		rows_drop(&c->owed);
	if (c->owed.n > 0)
		hand_back(c);
	else if (c->cells != NULL)
		look_begin(c);
}

void serve_counts_detached(struct serve_counts *c)
{
	if (c->cells == NULL)
		return;
	if (c->owed.n > 0) {
		cells_drop(c);
		return;
	}
	c->gone = true;
	look_begin(c); // anew: it may have counted since
}

void serve_counts_free(struct serve_counts *c)
{
	if (c == NULL)
		return;
	if (c->cells != NULL && c->owed.n == 0) {
		if (!c->gone || !c->looking)
			look_begin(c);
		look_finish(c);
	}
	cells_drop(c);
	rows_drop(&c->owed);
	core_timer_free(c->timer);
	free(c);
}

struct serve_counts_state serve_counts_state(const struct serve_counts *c)
{
	return c->state;
}

// SPDX-License-Identifier: BSD-3-Clause
// A candidate's memory and life, the sessions that are compared with it, and how a difference is told.
// Thread: made and freed by the manager; entries belong to their worker.
#include "eng_shadow.h"

#include <unistd.h>

#include <rte_malloc.h>

#include "eng_image.h"

// ---- the manager's

static void worker_free(struct eng_shadow_worker *own)
{
	if (own == NULL)
		return;
	rte_free(own->entry);
	rte_free(own->message);
	rte_free(own->bucket);
	rte_free(own);
}

static void shadow_free(struct eng_shadow *sh)
{
	if (sh == NULL)
		return;
	for (unsigned i = 0; i < ENG_WORKERS_MAX; i++)
		worker_free(sh->own[i]);
	rte_free(sh->cells);
	eng_image_free(sh->image);
	rte_free(sh);
}

static struct eng_shadow_worker *worker_new(const struct eng_conf *conf)
{
	const uint32_t flows = conf->flows / conf->workers + 1;
	const uint32_t messages = conf->messages / conf->workers + 1;
	struct eng_shadow_worker *own =
		rte_zmalloc_socket("shadow worker", sizeof(*own), 64, conf->socket);

	if (own == NULL)
		return NULL;
	own->count = flows < ENG_SHADOW_SESSIONS_MAX ? flows : ENG_SHADOW_SESSIONS_MAX;
	own->mask = rte_align32pow2(own->count) - 1;
	own->free = FLOW_NONE;
	own->entry = rte_zmalloc_socket(
		"shadow sessions", own->count * sizeof(*own->entry), 64, conf->socket);
	own->bucket = rte_malloc_socket(
		"shadow buckets", (own->mask + 1) * sizeof(*own->bucket), 64, conf->socket);
	own->message = rte_zmalloc_socket(
		"shadow messages", messages * sizeof(*own->message), 64, conf->socket);
	if (own->entry == NULL || own->bucket == NULL || own->message == NULL) {
		worker_free(own);
		return NULL;
	}
	own->free_message = FLOW_NONE;
	for (uint32_t i = 0; i < messages; i++) {
		own->message[i].next = own->free_message;
		own->free_message = i;
	}
	for (uint32_t i = 0; i <= own->mask; i++)
		own->bucket[i] = FLOW_NONE;
	return own;
}

static struct tbl_cells *cells_new(const struct eng_conf *conf)
{
	const uint32_t n =
		conf->limit_cells < ENG_SHADOW_CELLS_MAX ? conf->limit_cells : ENG_SHADOW_CELLS_MAX;
	void *memory = rte_malloc_socket("shadow cells", tbl_cells_bytes(n), 64, conf->socket);
	uint8_t secret[16];

	if (memory == NULL || getentropy(secret, sizeof(secret)) != 0) {
		rte_free(memory);
		return NULL;
	}
	return tbl_cells_init(memory, n, secret);
}

// The image's memory for scans is an eighth of what one in force has: where that is short the messages
// are not compared.
static struct eng_image *image_new(
	const struct eng *e, const void *bytes, uint64_t n, struct err_list *err)
{
	enum { SHARE = 8, LEAST = 16 };
	struct eng_conf conf = e->conf;
	const uint32_t least = conf.workers * LEAST;

	if (conf.messages / SHARE >= least)
		conf.messages /= SHARE;
	else if (conf.messages > least)
		conf.messages = least;
	return eng_image_make(&conf, bytes, n, err);
}

static struct eng_shadow *shadow_new(
	struct eng *e, const void *bytes, uint64_t n, struct err_list *err)
{
	const struct eng_conf *conf = &e->conf;
	struct eng_shadow *sh = rte_zmalloc_socket("shadow", sizeof(*sh), 64, conf->socket);
	bool whole = true;

	if (sh == NULL)
		goto no_memory;
	sh->run = ++e->shadow_runs == 0 ? ++e->shadow_runs : e->shadow_runs;
	sh->image = image_new(e, bytes, n, err);
	if (sh->image == NULL) {
		shadow_free(sh);
		return NULL;
	}
	for (uint16_t w = 0; w < conf->workers && whole; w++) {
		sh->own[w] = worker_new(conf);
		whole = sh->own[w] != NULL;
	}
	if (conf->limit_cells > 0)
		sh->cells = cells_new(conf);
	if (whole && (conf->limit_cells == 0 || sh->cells != NULL))
		return sh;
no_memory:
	shadow_free(sh);
	err_add(err, "candidate: no memory for its sessions and limits");
	return NULL;
}

int eng_shadow_begin(struct eng *e, const void *bytes, uint64_t n, struct err_list *err)
{
	struct eng_shadow *sh = shadow_new(e, bytes, n, err);

	if (sh == NULL)
		return -EINVAL;
	eng_shadow_swap(e, sh);
	return 0;
}

void eng_shadow_end(struct eng *e)
{
	if (atomic_load_explicit(&e->shadow, memory_order_relaxed) != NULL)
		eng_shadow_swap(e, NULL);
}

uint64_t eng_shadow_version(const struct eng *e)
{
	const struct eng_shadow *sh = atomic_load_explicit(&e->shadow, memory_order_relaxed);

	return sh == NULL ? 0 : eng_image_pick(sh->image)->version;
}

void eng_shadow_reap(struct eng *e)
{
	while (e->shadow_out != NULL) {
		struct eng_shadow *next = e->shadow_out->next;
		shadow_free(e->shadow_out);
		e->shadow_out = next;
	}
}

void eng_shadow_free_all(struct eng *e)
{
	eng_shadow_reap(e);
	shadow_free(atomic_load_explicit(&e->shadow, memory_order_relaxed));
}

// ---- sessions

static uint32_t *bucket_of(struct eng_shadow_worker *own, uint64_t session)
{
	// Ids count up in their lower bits (eng_id_next).
	return &own->bucket[session & own->mask];
}

struct eng_shadow_entry *eng_shadow_entry_of(struct eng_worker *w, uint64_t session)
{
	struct eng_shadow_worker *own = w->shadow->own[w->id];
	uint32_t i = *bucket_of(own, session);

	while (i != FLOW_NONE && own->entry[i].session != session)
		i = own->entry[i].next;
	return i == FLOW_NONE ? NULL : &own->entry[i];
}

static struct eng_shadow_entry *entry_of(struct eng_worker *w, const struct eng_session *s)
{
	return s->shadow ? eng_shadow_entry_of(w, s->id) : NULL;
}

struct eng_shadow_entry *eng_shadow_find(struct eng_worker *w, const struct eng_session *s)
{
	struct eng_shadow_entry *entry = entry_of(w, s);

	return entry == NULL || entry->over ? NULL : entry;
}

struct eng_shadow_entry *eng_shadow_add(struct eng_worker *w, struct eng_session *s)
{
	struct eng_shadow_worker *own = w->shadow->own[w->id];
	uint32_t *bucket = bucket_of(own, s->id), i = own->free;

	if (i != FLOW_NONE)
		own->free = own->entry[i].next;
	else if (own->fresh < own->count)
		i = own->fresh++;
	else
		return NULL;
	own->entry[i] = (struct eng_shadow_entry){.session = s->id,
		.next = *bucket,
		.ticket = TBL_CELL_NONE,
		.helo = ENG_FIND_EXISTS};
	*bucket = i;
	s->shadow = true;
	return &own->entry[i];
}

void eng_shadow_give(struct eng_worker *w, struct eng_session *s)
{
	struct eng_shadow_entry *entry = entry_of(w, s);

	if (entry == NULL || entry->ticket == TBL_CELL_NONE)
		return;
	tbl_cells_give(w->shadow->cells, entry->ticket);
	entry->ticket = TBL_CELL_NONE;
}

void eng_shadow_ended(struct eng_worker *w, struct eng_session *s)
{
	struct eng_shadow_worker *own = w->shadow->own[w->id];
	uint32_t *place = bucket_of(own, s->id);

	eng_shadow_give(w, s);
	while (*place != FLOW_NONE && own->entry[*place].session != s->id)
		place = &own->entry[*place].next;
	s->shadow = false;
	if (*place == FLOW_NONE) // of a candidate before this one
		return;
	const uint32_t i = *place;
	eng_shadow_domain_end(w, &own->entry[i]);
	own->entry[i].over = true;
	*place = own->entry[i].next;
	own->entry[i].next = own->free;
	own->free = i;
}

const struct pol_session *eng_shadow_profile(
	const struct eng_worker *w, const struct eng_shadow_entry *entry)
{
	if (entry->session_profile == POL_NONE)
		return &eng_profile_none;
	return pol_session_at(eng_image_policy(w->shadow->image), entry->session_profile);
}

// ---- differences

bool eng_shadow_alike(const struct eng_decision *a, const struct eng_decision *b)
{
	return a->does == b->does && a->code == b->code &&
		(a->does != ENG_DOES_LOWER || a->limit == b->limit) &&
		(a->does != ENG_DOES_DELAY || a->value == b->value);
}

void eng_shadow_tell(struct eng_worker *w, const struct eng_who *who, struct eng_parted *parted)
{
	parted->candidate = eng_image_pick(w->shadow->image)->version;
	eng_count(w, SHADOW_PARTED);
	eng_record_parted(w, who, parted);
}

void eng_shadow_compare(struct eng_worker *w, struct eng_session *s, struct eng_shadow_entry *entry,
	enum eng_stage stage, const struct eng_decision *live, const struct eng_decision *shadow)
{
	struct eng_parted parted = {
		.stage = stage, .policy = entry->policy, .live = *live, .shadow = *shadow};
	struct eng_who who;

	if (eng_shadow_alike(live, shadow))
		return;
	entry->over = true;
	eng_shadow_rates_part(w, s, stage, live, shadow);
	eng_who(w, s, &who);
	eng_shadow_tell(w, &who, &parted);
}

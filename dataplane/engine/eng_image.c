// SPDX-License-Identifier: BSD-3-Clause
// Bytes from the link become an image that workers can use: copied first, then verified, then the
// databases deserialised, then memory for every worker's scans taken. Whatever fails leaves nothing
// behind and the image in force untouched. A use count a worker says when the image may go: a
// worker raises its own only while the image is in force or it holds a use already, so once it is
// zero after a quiescent period it stays zero.
// Thread: made, asked and freed by the manager; counted by workers.
#include "eng_image_int.h"

#include <inttypes.h>

#include <rte_cycles.h>
#include <rte_malloc.h>

#include "eng_int.h"

enum { ALIGN = 64 };

static uint64_t align_up(uint64_t n)
{
	return (n + (ALIGN - 1)) & ~(uint64_t)(ALIGN - 1);
}

static void *hs_get(size_t n)
{
	return rte_malloc("hyperscan", n, ALIGN);
}

// Global to the process and always the same: setting them again for each image changes nothing.
static bool allocators_set(void)
{
	return hs_set_database_allocator(hs_get, rte_free) == HS_SUCCESS &&
		hs_set_scratch_allocator(hs_get, rte_free) == HS_SUCCESS &&
		hs_set_stream_allocator(eng_scan_block_get, eng_scan_block_put) == HS_SUCCESS;
}

static const char *hs_words(hs_error_t rc)
{
	switch (rc) {
	case HS_NOMEM:
		return "out of memory";
	case HS_DB_VERSION_ERROR:
		return "made by another version of Hyperscan";
	case HS_DB_PLATFORM_ERROR:
		return "made for another processor";
	case HS_DB_MODE_ERROR:
		return "not made for streaming";
	case HS_ARCH_ERROR:
		return "this processor lacks what Hyperscan needs";
	default:
		return "damaged";
	}
}

static int databases_open(struct eng_image *img, uint64_t *stream_bytes, struct err_list *err)
{
	*stream_bytes = 0;
	for (unsigned s = 0; s < POL_SCOPE_COUNT; s++) {
		struct span b = pol_section(img->policy, POL_SEC_DB_HELO + s);
		hs_error_t rc = HS_SUCCESS;
		size_t n = 0;

		if (b.n == 0)
			continue;
		rc = hs_deserialize_database((const char *)b.p, b.n, &img->db[s]);
		if (rc == HS_SUCCESS)
			rc = hs_stream_size(img->db[s], &n);
		if (rc != HS_SUCCESS) {
			err_add(err, "policy image: database of scope %s: %s", pol_scope_name(s),
				hs_words(rc));
			return rc == HS_NOMEM ? -ENOMEM : -EINVAL;
		}
		*stream_bytes = n > *stream_bytes ? n : *stream_bytes;
	}
	return 0;
}

static void blocks_link(struct eng_image_worker *own, uint32_t n)
{
	uint8_t *p = own->block_memory;

	for (uint32_t i = 0; i < n; i++, p += own->block_bytes) {
		struct eng_block *b = (struct eng_block *)p;

		b->next = own->blocks;
		own->blocks = b;
	}
}

static void scans_link(struct eng_image *img, uint16_t worker, uint32_t n, uint64_t bytes)
{
	struct eng_image_worker *own = img->own[worker];
	uint8_t *p = own->scan_memory;

	for (uint32_t i = 0; i < n; i++, p += bytes) {
		struct eng_scan *s = (struct eng_scan *)p;

		s->image = img;
		s->own = own;
		s->worker = worker;
		s->next = own->scans;
		own->scans = s;
	}
}

// Scratch, blocks and scans of one worker: `messages` at once.
static bool worker_make(struct eng_image *img, uint16_t worker, uint32_t messages,
	uint64_t stream_bytes, int socket)
{
	const uint64_t scan_bytes =
		align_up(sizeof(struct eng_scan) + img->seen_words * sizeof(uint64_t));
	struct eng_image_worker *own =
		rte_zmalloc_socket("image worker", sizeof(*own), ALIGN, socket);

	img->own[worker] = own;
	if (own == NULL)
		return false;
	for (unsigned s = 0; s < POL_SCOPE_COUNT; s++) { // grows to what the largest needs
		if (img->db[s] != NULL && hs_alloc_scratch(img->db[s], &own->scratch) != HS_SUCCESS)
			return false;
	}
	own->scan_memory = rte_malloc_socket("image scans", messages * scan_bytes, ALIGN, socket);
	if (own->scan_memory == NULL)
		return false;
	scans_link(img, worker, messages, scan_bytes);
	if (stream_bytes == 0)
		return true;
	own->block_bytes = align_up(stream_bytes);
	own->block_memory = rte_malloc_socket(
		"image streams", (messages + 1) * own->block_bytes, ALIGN, socket);
	if (own->block_memory == NULL)
		return false;
	blocks_link(own, messages + 1);
	return true;
}

static uint32_t context_key(const struct pol_image *policy, uint32_t i)
{
	return (uint32_t)pol_session_key(pol_string(policy, pol_context_at(policy, i)->name)) | 1;
}

static void pick_set(struct eng_pick *pick, const struct pol_image *policy)
{
	pick->version = pol_head(policy)->version;
	for (uint32_t i = 0; i < pol_count(policy, POL_SEC_PICKUP); i++) {
		uint16_t port = pol_pickup_at(policy, i)->port;

		pick->ports[port / 64] |= UINT64_C(1) << port % 64;
	}
	for (uint32_t i = 0; i < pol_count(policy, POL_SEC_CONTEXTS) && i < ENG_CONTEXT_NONE; i++)
		pick->context_key[i] = context_key(policy, i);
	pick->at.version = pick->version;
	for (uint16_t i = 0; i <= ENG_CONTEXT_NONE; i++)
		pick->at.index[i] = pick->context_key[i] != 0 ? i : (uint16_t)POL_ANY;
	for (uint16_t port = 0; port < ENG_PORTS_MAX; port++) {
		uint16_t i = pol_context_of(policy, port);

		pick->context[port] = i < ENG_CONTEXT_NONE ? i : ENG_CONTEXT_NONE;
		pick->by_vlan[port] =
			i < ENG_CONTEXT_NONE && pol_context_at(policy, i)->by_vlan != 0;
		pick->local[port] = port < pol_count(policy, POL_SEC_PICKS) &&
			pol_pick_at(policy, port)->local != 0;
	}
}

struct eng_image *eng_image_make(
	const struct eng_conf *conf, const void *bytes, uint64_t n, struct err_list *err)
{
	const uint32_t messages = conf->messages / conf->workers + (conf->messages < conf->workers);
	struct eng_image *img;
	uint64_t stream_bytes;

	if (hs_valid_platform() != HS_SUCCESS || !allocators_set()) {
		err_add(err, "policy image: %s", hs_words(HS_ARCH_ERROR));
		return NULL;
	}
	img = rte_zmalloc_socket("image", sizeof(*img), ALIGN, conf->socket);
	if (img == NULL)
		goto no_memory;
	img->bytes = rte_malloc_socket("image bytes", n, ALIGN, conf->socket);
	if (img->bytes == NULL)
		goto no_memory;
	memcpy(img->bytes, bytes, n);
	if (pol_verify((struct span){.p = img->bytes, .n = n}, &img->policy, err) != 0)
		goto free_image;
	if (databases_open(img, &stream_bytes, err) != 0)
		goto free_image;
	img->workers = conf->workers;
	img->rules = pol_count(img->policy, POL_SEC_RULES);
	img->seen_words = (img->rules + 63) / 64;
	img->ns_per_cycle = 1e9 / (double)rte_get_tsc_hz();
	pick_set(&img->pick, img->policy);
	for (uint16_t w = 0; w < img->workers; w++) {
		if (!worker_make(img, w, messages, stream_bytes, conf->socket)) {
			err_add(err,
				"policy image: no memory for %u messages of %" PRIu64 " bytes on "
				"each of %u workers; fewer dataplane.messages or more memory_mb",
				messages, stream_bytes, img->workers);
			goto free_image;
		}
	}
	return img;
no_memory:
	err_add(err, "policy image: no memory for %" PRIu64 " bytes", n);
free_image:
	eng_image_free(img);
	return NULL;
}

static bool is_named(const struct eng_pick *pick, uint32_t key)
{
	for (unsigned i = 0; key != 0 && i < ENG_CONTEXT_NONE; i++)
		if (pick->context_key[i] == key)
			return true;
	return false;
}

// The number of context i: that of its name; else that of who had its ports and is gone: it has another name now;
// else one never used, or not for longest.
static unsigned number_of(const struct eng_contexts *c, const struct eng_pick *pick, unsigned i,
	const struct eng_pick *old)
{
	unsigned best = ENG_CONTEXT_NONE;

	for (unsigned n = 0; n < ENG_CONTEXT_NONE; n++)
		if (c->key[n] == pick->context_key[i])
			return n;
	for (unsigned port = 0; old != NULL && port < ENG_PORTS_MAX; port++) {
		const unsigned n = old->context[port];

		if (pick->context[port] == i && n < ENG_CONTEXT_NONE && !is_named(pick, c->key[n]))
			return n;
	}
	for (unsigned n = 0; n < ENG_CONTEXT_NONE; n++)
		if (!is_named(pick, c->key[n]) &&
			(best == ENG_CONTEXT_NONE || c->used[n] < c->used[best]))
			best = n;
	return best; // an image has at most as many names
}

// From as they stand in the image to as flows know them.
static void contexts_number(struct eng *e, struct eng_pick *pick)
{
	const struct eng_image *old = atomic_load_explicit(&e->image, memory_order_relaxed); // ours
	struct eng_contexts *c = &e->contexts;
	uint16_t number[ENG_CONTEXT_NONE + 1];

	if (old != NULL) {
		pick->were[0] = old->pick.at;
		memcpy(&pick->were[1], old->pick.were, sizeof(pick->were) - sizeof(pick->were[0]));
	}
	for (unsigned i = 0; i <= ENG_CONTEXT_NONE; i++) {
		pick->at.index[i] = (uint16_t)POL_ANY;
		number[i] = ENG_CONTEXT_NONE;
	}
	c->images++;
	for (unsigned i = 0; i < ENG_CONTEXT_NONE; i++) {
		if (pick->context_key[i] == 0)
			continue;
		const unsigned n = number_of(c, pick, i, old == NULL ? NULL : &old->pick);

		c->key[n] = pick->context_key[i];
		c->used[n] = c->images;
		number[i] = (uint16_t)n;
		pick->at.index[n] = (uint16_t)i;
	}
	for (unsigned port = 0; port < ENG_PORTS_MAX; port++)
		pick->context[port] = number[pick->context[port]];
	// Of those that are in this image no more, too: what their sessions end is booked under their names.
	memcpy(pick->context_key, c->key, sizeof(c->key));
}

struct eng_image *eng_image_new(struct eng *e, const void *bytes, uint64_t n, struct err_list *err)
{
	struct eng_image *img = eng_image_make(&e->conf, bytes, n, err);

	if (img != NULL)
		contexts_number(e, &img->pick);
	return img;
}

void eng_image_free(struct eng_image *img)
{
	if (img == NULL)
		return;
	for (uint16_t w = 0; w < ENG_WORKERS_MAX; w++) {
		struct eng_image_worker *own = img->own[w];

		if (own == NULL)
			continue;
		(void)hs_free_scratch(own->scratch); // NULL or ours, in use by nobody: cannot fail
		rte_free(own->block_memory);
		rte_free(own->scan_memory);
		rte_free(own);
	}
	for (unsigned s = 0; s < POL_SCOPE_COUNT; s++)
		(void)hs_free_database(img->db[s]); // likewise
	rte_free(img->bytes);
	rte_free(img);
}

bool eng_image_is_used(const struct eng_image *img)
{
	for (uint16_t w = 0; w < img->workers; w++) {
		// Acquire pairs with the release of eng_image_unuse: what the worker did is done.
		if (atomic_load_explicit(&img->own[w]->uses, memory_order_acquire) != 0)
			return true;
	}
	return false;
}

const struct pol_image *eng_image_policy(const struct eng_image *img)
{
	return img->policy;
}

// One writer: load and store, no locked instruction.
void eng_image_use(struct eng_image *img, uint16_t worker)
{
	_Atomic uint32_t *uses = &img->own[worker]->uses;
	uint32_t n = atomic_load_explicit(uses, memory_order_relaxed);

	atomic_store_explicit(uses, n + 1, memory_order_relaxed);
}

void eng_image_unuse(struct eng_image *img, uint16_t worker)
{
	_Atomic uint32_t *uses = &img->own[worker]->uses;
	uint32_t n = atomic_load_explicit(uses, memory_order_relaxed);

	atomic_store_explicit(uses, n - 1, memory_order_release); // pairs with eng_image_is_used
}

const struct eng_pick *eng_image_pick(const struct eng_image *img)
{
	return &img->pick;
}

// SPDX-License-Identifier: BSD-3-Clause
// Rows of all kinds one after the other in one piece of memory; texts lie behind their row, in the order of
// its spans. Bounded: what does not fit is not taken.
// Thread: the owner's.
#include "sto_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SPANS_MAX = 4, ALIGN = 8 };

struct kind {
	size_t bytes; // of the struct
	uint8_t spans;
	uint16_t span[SPANS_MAX]; // where in the struct
	uint16_t most[SPANS_MAX]; // octets; longer ones are cut
};

#define ENDPOINT(member) offsetof(struct sto_endpoint, member)
#define SENDER(member) offsetof(struct sto_sender, member)
#define AUDIT(member) offsetof(struct sto_audit, member)

static const struct kind kinds[] = {
	[STO_PUT_BINDING] = {sizeof(struct sto_binding), 1, {offsetof(struct sto_binding, id)},
		{STO_ID_MAX}},
	[STO_PUT_NAS] = {sizeof(struct sto_nas), 0, {0}, {0}},
	[STO_PUT_ENDPOINT] = {sizeof(struct sto_endpoint), 4,
		{ENDPOINT(id), ENDPOINT(known.comment), ENDPOINT(known.profile),
			ENDPOINT(known.windows)},
		{STO_ID_MAX, STO_TEXT_MAX, STO_TEXT_MAX, STO_WINDOWS_MAX}},
	[STO_DEL_ENDPOINT] = {sizeof(struct sto_endpoint), 0, {0}, {0}},
	[STO_PUT_SENDER] = {sizeof(struct sto_sender), 3,
		{SENDER(known.comment), SENDER(known.profile), SENDER(known.windows)},
		{STO_TEXT_MAX, STO_TEXT_MAX, STO_WINDOWS_MAX}},
	[STO_DEL_SENDER] = {sizeof(struct sto_sender), 0, {0}, {0}},
	[STO_PUT_AUDIT] = {sizeof(struct sto_audit), 4,
		{AUDIT(who), AUDIT(verb), AUDIT(object), AUDIT(comment)},
		{STO_TEXT_MAX, STO_TEXT_MAX, STO_TEXT_MAX, STO_TEXT_MAX}},
	[STO_PUT_SAID] = {sizeof(struct sto_said), 0, {0}, {0}},
};

static size_t aligned(size_t n)
{
	return (n + ALIGN - 1) / ALIGN * ALIGN;
}

int sto_queue_open(struct sto_queue *q, size_t size)
{
	*q = (struct sto_queue){.octets = malloc(size), .size = size};
	return q->octets == NULL ? -ENOMEM : 0;
}

void sto_queue_close(struct sto_queue *q)
{
	free(q->octets);
	*q = (struct sto_queue){0};
}

void sto_queue_clear(struct sto_queue *q)
{
	q->used = q->read = 0;
	q->rows = 0;
}

size_t sto_queue_most(enum sto_what what)
{
	size_t n = offsetof(struct sto_item, binding) + kinds[what].bytes;

	for (unsigned i = 0; i < kinds[what].spans; i++)
		n += kinds[what].most[i];
	return aligned(n);
}

static struct span span_at(const void *row, size_t at)
{
	struct span s;

	memcpy(&s, (const uint8_t *)row + at, sizeof(s));
	return s;
}

bool sto_queue_put(struct sto_queue *q, enum sto_what what, const void *row)
{
	const struct kind *k = &kinds[what];
	const size_t head = offsetof(struct sto_item, binding) + k->bytes;
	struct span text[SPANS_MAX];
	size_t n = head;

	for (unsigned i = 0; i < k->spans; i++) {
		text[i] = span_sub(span_at(row, k->span[i]), 0, k->most[i]);
		n += text[i].n;
	}
	n = aligned(n);
	if (n > q->size - q->used)
		return false;
	uint8_t *to = q->octets + q->used;
	struct sto_item *item = (struct sto_item *)to; // NOLINT: aligned

	item->bytes = (uint32_t)n;
	item->what = what;
	memcpy(&item->binding, row, k->bytes); // of whatever kind: the union begins there
	to += head;
	for (unsigned i = 0; i < k->spans; i++) {
		struct span put = {to, text[i].n};

		if (put.n > 0)
			memcpy(to, text[i].p, put.n);
		memcpy((uint8_t *)&item->binding + k->span[i], &put, sizeof(put));
		to += put.n;
	}
	q->used += n;
	q->rows++;
	return true;
}

struct sto_item *sto_queue_next(struct sto_queue *q)
{
	struct sto_item *item = (struct sto_item *)(q->octets + q->read); // NOLINT: aligned

	if (q->read == q->used)
		return NULL;
	q->read += item->bytes;
	return item;
}

// SPDX-License-Identifier: BSD-3-Clause
// An image prepared for this data plane: verified bytes, deserialised databases, scratch and
// stream memory a worker. Immutable but for the pools, each of which one worker owns.
// Thread: made and freed by the manager, read by workers.
#pragma once

#include "eng.h"
#include "pol_match.h"

// A flow key's context: its low 4 bits are the number of a context, 15 = none (so an image has at most
// 15 contexts); where that context goes by VLAN the outer VID stands above them, else 0. A context keeps its
// number from image to image, wherever it stands in them.
enum { ENG_CONTEXT_BITS = 4, ENG_CONTEXT_NONE = 15, ENG_CONTEXTS_WERE = 8 };

// Where the contexts stand in an image, by their numbers; POL_ANY = it has none of that number.
struct eng_contexts_at {
	uint64_t version;
	uint16_t index[ENG_CONTEXT_NONE + 1];
};

// What every packet asks an image, prepared.
struct eng_pick {
	uint64_t version;
	uint16_t context[ENG_PORTS_MAX];       // of a data-plane port: number, or ENG_CONTEXT_NONE
	bool by_vlan[ENG_PORTS_MAX];           // the outer VID counts, too
	bool local[ENG_PORTS_MAX];             // connections to this machine itself are taken
	uint32_t context_key[ENG_CONTEXT_NONE + 1]; // of a number: stands for the name; 0: none
	struct eng_contexts_at at;                  // in this image
	struct eng_contexts_at
		were[ENG_CONTEXTS_WERE];       // in those in force before, the last one first
	uint64_t ports[(UINT16_MAX + 1) / 64]; // a bit a TCP port that is picked up
};

static inline bool eng_pick_has(const struct eng_pick *pick, uint16_t port)
{
	return (pick->ports[port / 64] >> port % 64 & 1) != 0;
}

// As long as the image.
const struct eng_pick *eng_image_pick(const struct eng_image *img);
const struct pol_image *eng_image_policy(const struct eng_image *img);
// A worker begins or ends to use the image beyond a burst (a flow's binding or an open message).
void eng_image_use(struct eng_image *img, uint16_t worker);
void eng_image_unuse(struct eng_image *img, uint16_t worker);

// What eng_image_new does, given only what it takes from the engine: workers, messages, socket. Contexts are
// numbered as they stand in the image.
struct eng_image *eng_image_make(
	const struct eng_conf *conf, const void *bytes, uint64_t n, struct err_list *err);

// SPDX-License-Identifier: BSD-3-Clause
// An image prepared for this data plane: verified bytes, deserialised databases, scratch and
// stream memory a worker. Immutable but for the pools, each of which one worker owns.
// Thread: made and freed by the manager, read by workers.
#pragma once

#include "eng.h"
#include "pol_match.h"

const struct pol_image *eng_image_policy(const struct eng_image *img);
// A worker begins or ends to use the image beyond a burst (a flow's binding or an open message).
void eng_image_use(struct eng_image *img, uint16_t worker);
void eng_image_unuse(struct eng_image *img, uint16_t worker);
// Is this TCP port picked up: one bit test, for every TCP packet.
bool eng_image_picks_up(const struct eng_image *img, uint16_t port);

// What eng_image_new does, given only what it takes from the engine: workers, messages, socket.
struct eng_image *eng_image_make(
	const struct eng_conf *conf, const void *bytes, uint64_t n, struct err_list *err);

// SPDX-License-Identifier: BSD-3-Clause
// The section radius: of a configuration as the server takes it: names of attributes become numbers by the
// dictionaries, secrets are read from their files, contexts become what bindings carry.
// Thread: one at a time.
#pragma once

#include "cfg.h"
#include "err.h"
#include "rad_desk.h"

// Does a dictionary know each attribute that radius.nas names, and is it of a kind that can say that?
// 0, or -EINVAL with every error and its place in *err, or -ENOMEM. Reads radius.dictionary.
int rad_conf_check(const struct cfg *c, struct err_list *err);
// The same, and reads the secrets. *out (free it by rad_conf_free) has those NAS with which nothing is wrong,
// *n of them, also where -EINVAL is returned.
int rad_conf_clients(
	const struct cfg *c, struct rad_client **out, uint32_t *n, struct err_list *err);
void rad_conf_free(struct rad_client *clients, uint32_t n); // wipes the secrets

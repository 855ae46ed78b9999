// SPDX-License-Identifier: BSD-3-Clause
// What the control plane opens at its start alone: store: and radius: of the configuration that will be in
// force, as far as that can be told before anything is compiled (serve_change.h): the revision that was
// committed last where the file is as it was then, else the file, else that revision, else the defaults. So an
// error elsewhere in the file takes neither store nor accounting away.
// Thread: the loop's.
#pragma once

#include "cfg.h"
#include "serve_store.h"

// cfg_free() it. NULL without memory. What is wrong with a text that is passed over stands in the log.
struct cfg *serve_services_load(struct serve_store *st, const char *file);

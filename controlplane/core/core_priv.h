// SPDX-License-Identifier: BSD-3-Clause
// Giving up what a process no longer needs, once its sockets are open.
// Thread: before any other thread is started.
#pragma once

#include <stdint.h>

#include "err.h"

// Becomes `user` (its groups included) with the capabilities in `keep` (bits 1 << CAP_*) and no way
// to gain others, sets the umask to 0027 and forbids set-user-id gains for good. "" or NULL as user
// stays who we are and keeps the rest of it. 0 or -errno with the reason in *err; on an error the
// process is half way and has to exit.
int core_priv_drop(const char *user, uint64_t keep, struct err_list *err);

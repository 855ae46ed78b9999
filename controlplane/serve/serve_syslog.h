// SPDX-License-Identifier: BSD-3-Clause
// Event lines to the host's syslog. syslog(3) would wait where the daemon is slow; this drops and
// counts, as everything in the event log does.
// Thread: the loop's.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct serve_syslog;

// `path` is the daemon's datagram socket, usually /dev/log; it need not be there yet. NULL without
// memory.
struct serve_syslog *serve_syslog_new(const char *path);
void serve_syslog_free(struct serve_syslog *s); // NULL is fine
// One line, facility mail, severity info. Lost where the daemon is away or slow.
void serve_syslog_send(struct serve_syslog *s, const char *line, size_t n);
uint64_t serve_syslog_sent(const struct serve_syslog *s);
uint64_t serve_syslog_lost(const struct serve_syslog *s);

// SPDX-License-Identifier: BSD-3-Clause
// All metrics of both planes, at this moment. docs/metrics.md lists them.
// Thread: the loop's.
#pragma once

#include <stdbool.h>

struct evbuffer;
struct serve;

// Adds the whole exposition to `out`. What the data plane counts is left out while it is away. 0, or
// -ENOMEM with rubbish in `out`.
int serve_metrics_write(struct serve *s, bool openmetrics, struct evbuffer *out);

// SPDX-License-Identifier: BSD-3-Clause
// The one log front end. LOG_COMPONENT("flow") once a file, then LOG(NOTICE, "port %s: ...").
// Levels: ERR someone must act; WARNING degraded, heals itself; NOTICE start, stop, reload;
// INFO one line an operator action; DEBUG off in production. Workers never log (they count).
// Shape: "component: object: what happened: why", no newline. errno is preserved.
// Thread: any; one write(2) a line.
#pragma once

#include <stdarg.h>
#include <stdbool.h>

enum log_level {
	LOG_LEVEL_ERR, LOG_LEVEL_WARNING, LOG_LEVEL_NOTICE, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG
};

typedef void (*log_sink_cb)(enum log_level level, const char *line, void *arg);

// Where lines go; the default is stderr ("mailweir-x: level: component: text"). Main sets it once.
void log_sink_set(log_sink_cb sink, void *arg);
void log_level_set(enum log_level max);
void log_ident_set(const char *ident); // borrowed for the process's life
bool log_level_parse(const char *text, enum log_level *out);

__attribute__((format(printf, 3, 4))) void log_write(enum log_level level, const char *component,
	const char *fmt, ...);

#define LOG_COMPONENT(name) static const char log_component_[] = name
#define LOG(level, ...) log_write(LOG_LEVEL_##level, log_component_, __VA_ARGS__)

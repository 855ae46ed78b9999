// SPDX-License-Identifier: BSD-3-Clause
// A configuration with its rules and lists as an archive: a tar file that ordinary tools unpack and pack again.
// Thread: the program's only one.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

// Writes the result of config.export to `fd`: its files, and "about.json" with what else it says.
// 0, or -1 with one line in *why.
int cli_archive_write(int fd, json_t *result, char why[256]);
// The files of an archive, plain or compressed, as config.import wants them; "about.json" is left
// out. NULL with one line in *why.
json_t *cli_archive_read(const void *bytes, size_t n, char why[256]);

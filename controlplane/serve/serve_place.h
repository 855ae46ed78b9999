// SPDX-License-Identifier: BSD-3-Clause
// Countries of addresses, by the file of reputation.geoip_database. Thread: the loop's.
#pragma once

#include "addr.h"
#include "cfg.h"
#include "err.h"

enum { SERVE_PLACE_MAX = 3 }; // bytes of a country's code, NUL included

struct serve_place;

// Reads the file into memory: what becomes of it afterwards changes nothing. 0, *out NULL where none is
// configured; -EINVAL with what is wrong, and where it is configured, in *err; -ENOMEM likewise.
int serve_place_open(const struct cfg_reputation *conf, struct serve_place **out, struct err_list *err);
void serve_place_close(struct serve_place *p); // NULL is fine
// Can it be used? As serve_place_open.
int serve_place_judge(const struct cfg_reputation *conf, struct err_list *err);
// Takes the file in the place of *p. Where it cannot be used that is logged, and *p stays.
void serve_place_change(struct serve_place **p, const struct cfg_reputation *conf);

// ISO 3166-1 code of the country, two capital letters, into `code`; false where the file (p NULL: there is none)
// has none of the address.
bool serve_place_of(const struct serve_place *p, const struct addr *a, char code[SERVE_PLACE_MAX]);

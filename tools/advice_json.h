/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes and comparisons as JSON. */
#ifndef TOOLS_ADVICE_JSON_H
#define TOOLS_ADVICE_JSON_H

#include <cjson/cJSON.h>

#include "moves.h"
#include "whatif.h"

/* "change", "line" and what makes it up: control and value, or vector and physical CPU. */
void json_change(cJSON *to, const struct sim_override *change);
/* The same, with "reason", "why", "price", "careful". */
void json_move(cJSON *to, const struct move *move);
/* { "exits", "time_ns", "by_reason": [...], "by_physical_cpu": [...] } */
cJSON *json_tally(const struct whatif_tally *tally);
/* Prints the object on standard output and frees it. */
void json_print(cJSON *root);

#endif

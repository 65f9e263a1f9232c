/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The names under which scripts expect parts of an exit, and their values from a record: one table for loader and judge. */
#ifndef SIM_MATCH_NAMES_H
#define SIM_MATCH_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "../handlers/bench/packed.h"
#include "../handlers/bench/trace.h"

struct match_value {
    const char *name;
    uint64_t value;
};

struct match_row {
    const char *name;
    uint32_t item;                    /* enum trace_item or enum packed_derived */
    const struct match_value *values; /* names of values, ended by a NULL name; NULL: numbers and labels */
    bool address;                     /* shown with the label it falls on */
};
extern const struct match_row match_rows[];
extern const unsigned match_row_count;

/* The row of a name for an exit of this basic reason ("direction" has other values for MOV DR than for I/O); NULL for none. */
const struct match_row *match_row_of_name(const char *name, uint32_t basic_reason);
const struct match_row *match_row_of_item(uint32_t item, uint32_t basic_reason);

/* Whether an exit of this basic reason has the item at all: `port` is of I/O instructions alone. */
bool match_item_exists(uint32_t item, uint32_t basic_reason);

/* The value of an item in an exit record. SDM 3C, "Exit Qualification for ..."; 0 where the exit has no such part. */
uint64_t match_item(const struct trace_record *exit, uint32_t item);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes of a command line over what a script says. */
#ifndef TOOLS_OVERRIDE_H
#define TOOLS_OVERRIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "../sim/scenario.h"

enum { OVERRIDES_MAX = 96, OVERRIDE_NAME = 128 };

/* Changes in the order of the command line. */
struct override_list {
    struct sim_override change[OVERRIDES_MAX + 1]; /* behind them room for the profile */
    size_t count;
};

/* "primary.hlt_exiting=1"; the word may be left out where one alone has a control of that name. False: `why` says what would be right. */
bool override_parse(const char *text, struct sim_override *out, char *why, size_t why_size);
/* --set; lists of --affinity, "0x40=1,0x41=2", vector and physical CPU, and of --pin, "1=0", virtual and physical CPU. The same. */
bool override_add(struct override_list *list, const char *text, char *why, size_t why_size);
bool override_add_affinity(struct override_list *list, const char *text, char *why, size_t why_size);
bool override_add_pin(struct override_list *list, const char *text, char *why, size_t why_size);

/* They change the same thing. */
bool override_same(const struct sim_override *a, const struct sim_override *b);
/* As a command line has it: "primary.hlt_exiting=1", "affinity 0x40=1", "pin 1=0". */
void override_name(const struct sim_override *change, char text[OVERRIDE_NAME]);
/* As a script has it: "controls = { primary = { hlt_exiting = true } }", "affinity = { [0x40] = 1 }",
   "pin = { [1] = 0 }". */
void override_line(const struct sim_override *change, char text[OVERRIDE_NAME]);
/* All changes of a list as lines of a script, each key once, each line behind `indent`. */
void override_print(FILE *to, const struct override_list *list, const char *indent);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A script with changes, as a script of its own. */
#ifndef TOOLS_APPLIED_H
#define TOOLS_APPLIED_H

#include <stdbool.h>
#include <stddef.h>

#include "../sim/scenario.h"

/* Writes a script to `to` that gives the scenarios of `from` with these changes; its line numbers are those of `from`. Files that the script
   names are looked for beside `to`. False: errno says why. */
bool applied_write(const char *from, const char *to, const struct sim_override *changes, size_t count);

#endif

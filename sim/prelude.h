/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words of scenario scripts. */
#ifndef SIM_PRELUDE_H
#define SIM_PRELUDE_H

/* Lua source; it is called with: a function that gives the script's current line, one that fails with a message at that line, the
   host-physical address of guest RAM, and one that finds the key of a table nearest to a name. */
extern const char script_prelude[];

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words of scenario scripts. */
#ifndef SIM_PRELUDE_H
#define SIM_PRELUDE_H

/* Lua source; it is called with: a function that gives the script's current line, one that fails with a message at that line, and the
   host-physical address of guest RAM. */
extern const char script_prelude[];

#endif

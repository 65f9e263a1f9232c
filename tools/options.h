/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Command-line options, with complaints that say what would be right. */
#ifndef TOOLS_OPTIONS_H
#define TOOLS_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>

#include "../sim/scenario.h"

enum { OPTION_END = -1, OPTION_BAD = '?', OPTION_HELP = 'h' };

/* The next option as getopt_long() gives it; OPTION_BAD after a complaint of one line on standard error. Set optind = 1 before the first call. */
int option_next(const char *command, int argc, char **argv, const char *letters, const struct option *options);

/* An error of a file as one line on standard error, "FILE:LINE: MESSAGE". */
void complain_of(const struct sim_error *error);
/* Complains about a bad value, "vmxbench COMMAND: WHAT 'VALUE': RIGHT", and returns 2. */
int option_complain(const char *command, const char *what, const char *value, const char *right);
/* Can this file be written, as far as its folder tells? For commands whose work takes long before they write; NULL is no file. False after a complaint. */
bool option_can_write(const char *command, const char *path);
/* A CPU profile by its name or by a file that the hardware image wrote: its name; NULL after a complaint. */
const char *option_profile(const char *command, const char *given);

#endif

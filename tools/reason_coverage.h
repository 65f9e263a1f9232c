/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A table of the users' exit reasons: which scenario triggers each, which handler answers it, how it is resolved. */
#ifndef TOOLS_REASON_COVERAGE_H
#define TOOLS_REASON_COVERAGE_H

#include <stdbool.h>
#include <stdio.h>

/* Replays every script below a folder and prints a line for each of the 53 reasons: "REASON | scripts | handler | resolution".
   A script triggers the reasons that its scenarios expect, provided that they all pass. Exit status: 0 no cell is empty, 1 some cell is empty or a
   script failed, 2 a script is unusable; complaints go to standard error. */
int reason_coverage(FILE *to, const char *folder, bool chinese);

#endif

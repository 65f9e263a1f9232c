/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Verdicts as people and CI read them: lines, TAP 13, JUnit XML. */
#ifndef TOOLS_VERDICTS_H
#define TOOLS_VERDICTS_H

#include <stdio.h>

#include "replay.h"

struct verdict_counts {
    size_t passed, failed, skipped, broken; /* broken: scripts or machines that were unusable */
};

void verdicts_line(FILE *to, const struct replay_verdict *verdict);
void verdicts_summary(FILE *to, const struct verdict_counts *counts);
/* TAP: the plan comes last, since the number of scenarios is known then. */
void verdicts_tap_begin(FILE *to);
void verdicts_tap(FILE *to, size_t number, const struct replay_verdict *verdict);
void verdicts_tap_end(FILE *to, size_t count);
/* JUnit: `cases` is what verdicts_junit_case() wrote. */
void verdicts_junit_case(FILE *cases, const struct replay_verdict *verdict);
void verdicts_junit(FILE *to, const char *cases, const struct verdict_counts *counts);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Forms of the statistics by physical CPU. */
#ifndef TOOLS_STATS_CPUS_TEXT_H
#define TOOLS_STATS_CPUS_TEXT_H

#include "stats_cpus.h"

void stats_cpus_table(const struct stats_cpus *stats);
void stats_cpus_csv(const struct stats_cpus *stats);
void stats_cpus_json(const struct stats_cpus *stats);

#endif

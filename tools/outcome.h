/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Did the guests come to the same, whichever exits they took on the way? */
#ifndef TOOLS_OUTCOME_H
#define TOOLS_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>

#include "replay.h"

/* Compares two replays of replay_results(), of the same scenarios before and after a change. They have to end in the same way, with no failed VM entry more,
   the same console output, and of the sources' interrupts at most one in a hundred more that falls together with one which was not taken yet. Then the conditions of `final` decide, but those on numbers of exits and instructions, where a scenario has some and they held
   before the change; elsewhere the final state of every vCPU has to be the same. False: `why` says what differs first. */
bool outcome_kept(const struct replay *before, const struct replay *after, char *why, size_t size);
/* Every scenario ended in the same way in both: how long the runs took can be compared. */
bool outcome_same_end(const struct replay *before, const struct replay *after);
/* A run of these ended at its limit: how far it came depends on what exits cost. */
bool outcome_at_limit(const struct replay *replay);

#endif

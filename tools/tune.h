/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Searches the set of changes that makes the exits of a scenario cost the least, and leaves what the guest comes to as it is. */
#ifndef TOOLS_TUNE_H
#define TOOLS_TUNE_H

#include "moves.h"
#include "whatif.h"

struct tune_options {
    unsigned runs;  /* of the changed script at most */
    unsigned kinds; /* of changes: MOVE_CONTROLS and so on */
    bool careful;   /* changes that want care are tried too */
};

/* A change that was tried over those taken before it. */
enum tune_verdict {
    TUNE_SAVES,      /* and may be taken */
    TUNE_NOTHING,    /* it saves no time */
    TUNE_OTHERWISE,  /* the guest comes to something else: why */
    TUNE_IMPOSSIBLE, /* the script cannot run with it: why */
};
struct tune_trial {
    struct move move;
    unsigned round; /* from 1 */
    enum tune_verdict verdict;
    int64_t exits, ticks; /* saved */
    int64_t run;          /* by which the run is shorter, in ticks */
    bool taken;
    char why[256];
};

struct tune {
    struct tune_trial *trial; /* in the order in which they ran */
    size_t trials;
    unsigned rounds;
    bool out_of_runs; /* the search ended for want of runs */
    struct override_list best;
    struct whatif whatif; /* without any change, and with the best ones */
};

/* Greedy: in each round every change is tried over those that stand, the one that saves the most is taken, until none saves time. `before` is a
   run of replay_results() without changes. Free with tune_free(). */
void tune_search(const char *path, const struct replay *before, const struct tune_options *options, struct tune *out);
void tune_free(struct tune *tune);

#endif

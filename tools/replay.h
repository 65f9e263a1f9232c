/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Replaying scenario files on the simulator: one after the other or by several worker processes, with the same result. */
#ifndef TOOLS_REPLAY_H
#define TOOLS_REPLAY_H

#include "../sim/judge.h"
#include "../sim/run.h"
#include "paths.h"

/* One scenario's outcome. */
struct replay_verdict {
    char *name, *file;
    char *text; /* of a failure, an error or a skip; NULL when it passed */
    bool passed;
    bool skipped;             /* this machine cannot show it; passed is false */
    struct sim_result result; /* of replay_results() alone */
    bool broken;              /* the script or the machine is unusable; passed is false */
    uint64_t exits;
};

/* All outcomes of one script file. */
struct replay {
    int status; /* 0 all passed, 1 an expectation failed, 2 the script or the machine is unusable (one verdict with its error) */
    struct replay_verdict *verdicts;
    size_t count;
    struct sim_trace trace; /* of all its scenarios, in order */
};

/* Loads, runs and judges every scenario of a script, or the one of a snapshot from there on. Each runs `repeat` times, at least once, from a snapshot of
   its beginning; replays that are not all equal make it unusable. */
void replay_file(const char *path, const struct sim_override *overrides, size_t override_count, unsigned repeat, struct replay *out);

/* The same, once; besides, what each guest came to. */
void replay_results(const char *path, const struct sim_override *overrides, size_t override_count, struct replay *out);

/* Replays all files with `jobs` worker processes (1: in this process) and hands each result to `done` in the order of the list. A worker that
   dies costs only the file that it was at. */
void replay_all(const struct path_list *files, const struct sim_override *overrides, size_t override_count, unsigned repeat, unsigned jobs,
                void (*done)(void *context, const char *path, const struct replay *replay), void *context);

struct run_request;
/* The same by the hardware image on the machine that the request names, in as few boots as possible. Scenarios that are not portable are skipped, on
   Bochs those too that it is known to get wrong. The trace of all stands with the first file. With a place to pack them to, the portable ones go there
   and are skipped as well. False: the machine cannot run at all, *error says why, and `done` was not called. */
bool replay_on_image(const struct run_request *request, const struct path_list *files, const struct sim_override *overrides, size_t override_count,
                     void (*done)(void *context, const char *path, const struct replay *replay), void *context, struct sim_error *error);

/* What the two share: adds an outcome (its texts are taken over), and an error of a script or machine. */
void replay_add(struct replay *out, const struct replay_verdict *verdict);
void replay_add_error(struct replay *out, const char *path, const char *name, const struct sim_error *error);

void replay_free(struct replay *replay);

#endif

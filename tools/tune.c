/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The search for the best changes. */
#include "tune.h"

#include <stdlib.h>
#include <string.h>

#include "advice.h"
#include "outcome.h"

struct search {
    const struct replay *before; /* what is compared with: the script as it is */
    const struct tune_options *options;
    struct move_base base; /* with the changes that were taken so far */
    struct tune *out;
};

/* Runs that end by themselves do the same work whatever it takes; those that end at a limit are compared over what both did. */
static void compare(const struct replay *a, const struct replay *b, struct whatif *whatif)
{
    whatif_compare(whatif, a->trace.bytes, a->trace.size, b->trace.bytes, b->trace.size, outcome_at_limit(a) || outcome_at_limit(b));
}

static struct tune_trial *new_trial(struct tune *tune, const struct move *move)
{
    struct tune_trial *grown = realloc(tune->trial, (tune->trials + 1) * sizeof *grown);
    if (grown == NULL)
        abort();
    tune->trial = grown;
    tune->trial[tune->trials] = (struct tune_trial){.move = *move, .round = tune->rounds};
    return &tune->trial[tune->trials++];
}

/* What counts is the time that exits take, and that all of it takes: processors that wait for each other have few exits. */
static int64_t saved(const struct tune_trial *trial)
{
    return trial->ticks + trial->run;
}

static void judge(struct search *search, const struct replay *after, struct tune_trial *trial)
{
    struct whatif whatif;
    if (after->status == 2) {
        trial->verdict = TUNE_IMPOSSIBLE;
        advice_copy_why(trial->why, after->count != 0 && after->verdicts[0].text != NULL ? after->verdicts[0].text : "it does not run");
        return;
    }
    compare(&search->base.replay, after, &whatif);
    trial->exits = (int64_t)(whatif.before.all_exits - whatif.after.all_exits);
    trial->ticks = (int64_t)(whatif.before.all_ticks - whatif.after.all_ticks);
    trial->run = (int64_t)(whatif.before.end_ticks - whatif.after.end_ticks);
    if (!outcome_kept(search->before, after, trial->why, sizeof trial->why))
        trial->verdict = TUNE_OTHERWISE;
    else
        trial->verdict = saved(trial) > 0 ? TUNE_SAVES : TUNE_NOTHING;
}

/* A change that made the guest come to something else is not tried again. */
static bool is_out(const struct tune *tune, const struct move *move)
{
    for (size_t i = 0; i < tune->trials; i++) {
        const struct sim_override *tried = &tune->trial[i].move.change;
        if (tune->trial[i].verdict == TUNE_OTHERWISE && override_same(tried, &move->change) && tried->number == move->change.number &&
            tune->trial[i].move.also == move->also)
            return true;
    }
    return false;
}

static void try_moves(struct search *search, const struct move_list *moves)
{
    struct tune *tune = search->out;
    for (size_t i = 0; i < moves->count; i++) {
        const struct move *move = &moves->move[i];
        struct override_list changes;
        struct replay after = {0};
        if ((move->careful && !search->options->careful) || is_out(tune, move) || !move_add(&search->base, move, &changes))
            continue;
        tune->out_of_runs = tune->trials >= search->options->runs;
        if (tune->out_of_runs)
            return;
        replay_results(search->base.path, changes.change, changes.count, &after);
        judge(search, &after, new_trial(tune, move));
        replay_free(&after);
    }
}

/* Of this round; the first one of those that save the same. NULL: none saves. */
static struct tune_trial *best_of_round(struct tune *tune)
{
    struct tune_trial *best = NULL;
    for (size_t i = 0; i < tune->trials; i++) {
        struct tune_trial *trial = &tune->trial[i];
        if (trial->round == tune->rounds && trial->verdict == TUNE_SAVES && (best == NULL || saved(trial) > saved(best)))
            best = trial;
    }
    return best;
}

/* False: the search is over. */
static bool search_round(struct search *search)
{
    struct tune *tune = search->out;
    struct move_list moves;
    struct override_list changes;
    tune->rounds++;
    moves_find(&search->base, search->options->kinds, true, &moves);
    try_moves(search, &moves);
    moves_free(&moves);
    struct tune_trial *best = best_of_round(tune);
    if (best == NULL || !move_add(&search->base, &best->move, &changes))
        return false;
    best->taken = true;
    search->base.changes = changes;
    replay_free(&search->base.replay);
    replay_results(search->base.path, changes.change, changes.count, &search->base.replay);
    return !tune->out_of_runs;
}

void tune_search(const char *path, const struct replay *before, const struct tune_options *options, struct tune *out)
{
    struct search search = {.before = before, .options = options, .base = {.path = path}, .out = out};
    *out = (struct tune){0};
    replay_results(path, NULL, 0, &search.base.replay);
    while (search_round(&search))
        continue;
    out->best = search.base.changes;
    compare(before, &search.base.replay, &out->whatif);
    replay_free(&search.base.replay);
}

void tune_free(struct tune *tune)
{
    free(tune->trial);
    *tune = (struct tune){0};
}

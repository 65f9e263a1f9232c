/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tries changes on a scenario and ranks what they save. */
#include "advice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "outcome.h"

void advice_copy_why(char why[256], const char *text)
{
    const char *space = strstr(text, ": ");
    text = space != NULL ? space + 2 : text;
    snprintf(why, 256, "%.*s", (int)strcspn(text, "\n"), text);
}

static void judge(struct advice *advice, const struct replay *before, const struct replay *after)
{
    for (size_t i = 0; i < before->count && i < after->count; i++) {
        advice->passed += before->verdicts[i].passed;
        advice->lost += before->verdicts[i].passed && !after->verdicts[i].passed;
    }
    whatif_compare(&advice->whatif, before->trace.bytes, before->trace.size, after->trace.bytes, after->trace.size, true);
    advice->exits = (int64_t)(advice->whatif.before.all_exits - advice->whatif.after.all_exits);
    advice->ticks = (int64_t)(advice->whatif.before.all_ticks - advice->whatif.after.all_ticks);
    if (outcome_same_end(before, after))
        advice->run = (int64_t)(advice->whatif.before.end_ticks - advice->whatif.after.end_ticks);
    advice->ends_early = advice->whatif.work_after + advice->whatif.work_before / 100 < advice->whatif.work_before;
}

static void try_move(const struct move_base *base, const struct move *move, struct advice *advice)
{
    struct override_list changes;
    struct replay after = {0};
    *advice = (struct advice){.move = *move};
    if (!move_add(base, move, &changes))
        return;
    replay_file(base->path, changes.change, changes.count, 1, &after);
    if (after.status == 2 && after.count != 0 && after.verdicts[0].text != NULL)
        advice_copy_why(advice->impossible, after.verdicts[0].text);
    else
        judge(advice, &base->replay, &after);
    replay_free(&after);
}

static bool is_pin(const struct advice *advice)
{
    return strcmp(advice->move.change.word, SIM_OVERRIDE_PIN) == 0;
}

/* Virtual CPUs that wait for each other lose time without exits. */
static int64_t saved(const struct advice *advice)
{
    return advice->ticks + (is_pin(advice) ? advice->run : 0);
}

static bool is_worth_telling(const struct advice *advice)
{
    return advice->impossible[0] != '\0' || (saved(advice) > 0 && (advice->exits > 0 || is_pin(advice)));
}

static bool comes_before(const struct advice *a, const struct advice *b)
{
    const bool a_fails = a->impossible[0] != '\0', b_fails = b->impossible[0] != '\0';
    if (a_fails != b_fails)
        return b_fails;
    return saved(a) > saved(b);
}

static void insert(struct advice_list *list, const struct advice *advice)
{
    size_t place = list->count++;
    for (; place > 0 && comes_before(advice, &list->advice[place - 1]); place--)
        list->advice[place] = list->advice[place - 1];
    list->advice[place] = *advice;
}

void advice_try(const struct move_base *base, struct advice_list *list)
{
    struct move_list moves;
    moves_find(base, MOVE_ALL, false, &moves);
    *list = (struct advice_list){.advice = calloc(moves.count + 1, sizeof *list->advice)};
    if (list->advice == NULL)
        abort();
    for (size_t i = 0; i < moves.count; i++) {
        struct advice advice;
        try_move(base, &moves.move[i], &advice);
        if (is_worth_telling(&advice))
            insert(list, &advice);
    }
    moves_free(&moves);
}

void advice_free(struct advice_list *list)
{
    free(list->advice);
    *list = (struct advice_list){0};
}

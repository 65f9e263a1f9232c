/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tries control bits on a scenario and ranks what they save. */
#include "advice.h"

#include <stdio.h>
#include <string.h>

const struct advice_row advice_rows[] = {
#define ADVICE(reason_, word_, control_, value_, price_) {VMX_EXIT_##reason_, {.word = (word_), .control = (control_), .value = (value_)}, (price_)},
#include "advice.def"
#undef ADVICE
};
enum { ROWS = sizeof advice_rows / sizeof advice_rows[0] };
_Static_assert((int)ROWS <= (int)ADVICE_ROWS_MAX, "room for every row");

unsigned advice_row_count(void)
{
    return ROWS;
}

bool advice_is_careful(const struct advice_row *row)
{
    return strncmp(row->price, "careful", sizeof "careful" - 1) == 0;
}

static bool same_change(const struct sim_override *a, const struct sim_override *b)
{
    return strcmp(a->word, b->word) == 0 && strcmp(a->control, b->control) == 0;
}

static bool was_tried(const struct advice *advices, unsigned count, const struct sim_override *change)
{
    for (unsigned i = 0; i < count; i++)
        if (same_change(&advices[i].row->change, change))
            return true;
    return false;
}

static bool stands(const struct advice_run *base, const struct sim_override *change)
{
    for (size_t i = 0; i < base->count; i++)
        if (same_change(&base->changes[i], change))
            return true;
    return false;
}

/* The first line, without the file that it begins with. */
static void copy_why(char why[256], const char *text)
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
    advice->ends_early = advice->whatif.work_after + advice->whatif.work_before / 100 < advice->whatif.work_before;
}

static void try_row(const char *path, const struct advice_run *base, const struct advice_row *row, struct advice *advice)
{
    struct sim_override changes[ADVICE_ROWS_MAX + 1];
    struct replay after = {0};
    *advice = (struct advice){.row = row};
    memcpy(changes, base->changes, sizeof base->changes);
    changes[base->count] = row->change;
    replay_file(path, changes, base->count + 1, 1, &after);
    if (after.status == 2 && after.count != 0 && after.verdicts[0].text != NULL)
        copy_why(advice->impossible, after.verdicts[0].text);
    else
        judge(advice, &base->replay, &after);
    replay_free(&after);
}

static bool comes_before(const struct advice *a, const struct advice *b)
{
    const bool a_fails = a->impossible[0] != '\0', b_fails = b->impossible[0] != '\0';
    if (a_fails != b_fails)
        return b_fails;
    return a->ticks > b->ticks;
}

unsigned advice_try(const char *path, const struct advice_run *base, struct advice advices[ADVICE_ROWS_MAX])
{
    struct whatif all;
    unsigned count = 0;
    whatif_compare(&all, base->replay.trace.bytes, base->replay.trace.size, base->replay.trace.bytes, base->replay.trace.size, false);
    for (unsigned r = 0; r < ROWS; r++) {
        struct advice advice;
        const struct advice_row *row = &advice_rows[r];
        if (all.before.exits[row->reason] == 0 || stands(base, &row->change) || was_tried(advices, count, &row->change))
            continue;
        try_row(path, base, row, &advice);
        if (advice.impossible[0] == '\0' && (advice.exits <= 0 || advice.ticks <= 0))
            continue;
        unsigned place = count++;
        for (; place > 0 && comes_before(&advice, &advices[place - 1]); place--)
            advices[place] = advices[place - 1];
        advices[place] = advice;
    }
    return count;
}

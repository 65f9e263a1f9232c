/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Takes away from a case what its disagreement does not need: first halves of the parts, then smaller shares, in the end one part at a time. */
#include "minimise.h"

#include <stdlib.h>
#include <string.h>

enum { CANDIDATES_MAX = 48 };

/* The case without the parts [from, to), and without groups cut in two: those go as a whole. */
static void without(const struct dif_case *c, unsigned from, unsigned to, struct dif_case *out)
{
    bool dropped[256] = {false};
    for (unsigned i = from; i < to; i++)
        dropped[c->part[i].group] |= c->part[i].group != 0;
    *out = *c;
    out->parts = 0;
    for (unsigned i = 0; i < c->parts; i++)
        if ((i < from || i >= to) && !dropped[c->part[i].group])
            out->part[out->parts++] = c->part[i];
}

static bool same_kind(const struct result *a, const struct result *b)
{
    return b->verdict == VERDICT_DISAGREE && strcmp(a->signature, b->signature) == 0;
}

/* One round with pieces of that size. True: *c became smaller. */
static bool round_of(struct dif_case *c, struct result *result, unsigned piece, bool *broken, struct sim_error *error)
{
    static struct dif_case candidates[CANDIDATES_MAX];
    static struct result results[CANDIDATES_MAX];
    bool smaller = false;
    for (unsigned from = 0; from < c->parts && !smaller && !*broken;) {
        unsigned count = 0;
        for (; count < CANDIDATES_MAX && from < c->parts; count++, from += piece)
            without(c, from, from + piece < c->parts ? from + piece : c->parts, &candidates[count]);
        *broken = !both_run(candidates, count, results, error);
        for (unsigned i = 0; i < count && !*broken; i++) {
            if (!smaller && same_kind(result, &results[i])) {
                smaller = true;
                *c = candidates[i];
                result_free(result);
                *result = results[i];
                results[i].text = NULL;
            }
            result_free(&results[i]);
        }
    }
    return smaller;
}

bool minimise(struct dif_case *c, struct result *result, struct sim_error *error)
{
    bool broken = false;
    for (unsigned piece = c->parts / 2; piece >= 1 && !broken; piece /= 2)
        while (c->parts > 1 && !broken && round_of(c, result, piece, &broken, error)) {
        }
    return !broken;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "Did you mean": the known names nearest to one that is unknown. */
#define _GNU_SOURCE
#include "nearest.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "../vmx-model/names.h"

static unsigned smaller(size_t a, size_t b)
{
    return (unsigned)(a < b ? a : b);
}

/* Without the dashes of an option, which say nothing. */
static const char *letters(const char *name)
{
    return name + strspn(name, "-");
}

/* Edit distance; a name that holds the other one whole is near however long it is. */
static unsigned score_of(const char *wanted, const char *name)
{
    const size_t wanted_length = strlen(wanted), name_length = strlen(name);
    const unsigned distance = vmx_name_distance(wanted, name);
    const bool inside = smaller(wanted_length, name_length) >= 3 && (strcasestr(name, wanted) != NULL || strcasestr(wanted, name) != NULL);
    return inside && distance > 2 ? 2 : distance;
}

void nearest_offer(struct nearest *nearest, const char *name)
{
    const unsigned score = score_of(letters(nearest->wanted), letters(name));
    unsigned place = nearest->count;
    if (!vmx_name_is_near(score, letters(nearest->wanted), letters(name)))
        return;
    for (unsigned i = 0; i < nearest->count; i++)
        if (strcmp(nearest->name[i], name) == 0)
            return;
    while (place > 0 && score < nearest->score[place - 1])
        place--;
    if (place == NEAREST_MAX)
        return;
    if (nearest->count < NEAREST_MAX)
        nearest->count++;
    for (unsigned i = nearest->count - 1; i > place; i--) {
        nearest->name[i] = nearest->name[i - 1];
        nearest->score[i] = nearest->score[i - 1];
    }
    nearest->name[place] = name;
    nearest->score[place] = score;
}

void nearest_text(const struct nearest *nearest, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (unsigned i = 0; i < nearest->count && used < size; i++) {
        const char *const join = i == 0 ? "" : i + 1 == nearest->count ? " or " : ", ";
        const int length = snprintf(text + used, size - used, "%s%s", join, nearest->name[i]);
        used += length > 0 ? (size_t)length : 0;
    }
}

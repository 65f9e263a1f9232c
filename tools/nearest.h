/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "Did you mean": the known names nearest to one that is unknown. */
#ifndef TOOLS_NEAREST_H
#define TOOLS_NEAREST_H

#include <stddef.h>

enum { NEAREST_MAX = 3 };

/* Feed every known name to nearest_offer(), then read the best, nearest first. Names must outlive it. */
struct nearest {
    const char *wanted;
    const char *name[NEAREST_MAX];
    unsigned score[NEAREST_MAX];
    unsigned count;
};

/* Keeps the name if it is near enough to be meant; dashes before a name do not count. */
void nearest_offer(struct nearest *nearest, const char *name);
/* Writes "A, B or C"; "" when no name was near. */
void nearest_text(const struct nearest *nearest, char *text, size_t size);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scenario files that a command line names: files as they are, folders with every .lua below them in name order. */
#ifndef TOOLS_PATHS_H
#define TOOLS_PATHS_H

#include <stdbool.h>
#include <stddef.h>

struct path_list {
    char **path;
    size_t count, capacity;
};

/* Adds what `name` stands for. False: it does not exist or holds no scenario; *why says so (a static text). */
bool paths_add(struct path_list *list, const char *name, const char **why);
void paths_free(struct path_list *list);

#endif

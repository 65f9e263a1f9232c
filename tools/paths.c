/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finding scenario files. */
#define _DEFAULT_SOURCE
#include "paths.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool append(struct path_list *list, const char *path)
{
    if (list->count == list->capacity) {
        const size_t capacity = list->capacity == 0 ? 64 : list->capacity * 2;
        char **grown = realloc(list->path, capacity * sizeof *grown);
        if (grown == NULL)
            return false;
        list->path = grown;
        list->capacity = capacity;
    }
    list->path[list->count] = strdup(path);
    return list->path[list->count++] != NULL;
}

static int wanted(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static bool ends_in_lua(const char *name)
{
    const size_t length = strlen(name);
    return length > 4 && strcmp(name + length - 4, ".lua") == 0;
}

static bool add_folder(struct path_list *list, const char *folder)
{
    struct dirent **entries = NULL;
    const int count = scandir(folder, &entries, wanted, by_name);
    bool good = count >= 0;
    for (int i = 0; i < count; i++) {
        char path[4096];
        struct stat status;
        const int length = snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        if (good && length > 0 && (size_t)length < sizeof path && stat(path, &status) == 0) {
            if (S_ISDIR(status.st_mode))
                good = add_folder(list, path);
            else if (ends_in_lua(path))
                good = append(list, path);
        }
        free(entries[i]);
    }
    free(entries);
    return good;
}

bool paths_add(struct path_list *list, const char *name, const char **why)
{
    struct stat status;
    if (stat(name, &status) != 0) {
        *why = "no such file or folder";
        return false;
    }
    if (!S_ISDIR(status.st_mode)) {
        *why = "out of memory";
        return append(list, name);
    }
    char folder[4096];
    if (strlen(name) >= sizeof folder) {
        *why = "the path is too long";
        return false;
    }
    memcpy(folder, name, strlen(name) + 1);
    for (size_t end = strlen(folder); end > 1 && folder[end - 1] == '/'; end--)
        folder[end - 1] = '\0';
    const size_t before = list->count;
    if (!add_folder(list, folder)) {
        *why = "the folder cannot be read";
        return false;
    }
    *why = "the folder holds no .lua file";
    return list->count > before;
}

void paths_free(struct path_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->path[i]);
    free(list->path);
    *list = (struct path_list){0};
}

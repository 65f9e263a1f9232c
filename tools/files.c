/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading and writing whole files. */
#define _DEFAULT_SOURCE
#include "files.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool file_read(const char *path, uint8_t **bytes, size_t *size)
{
    *bytes = NULL;
    *size = 0;
    FILE *from = fopen(path, "rb");
    if (from == NULL)
        return false;
    size_t capacity = 0;
    bool good = true;
    for (;;) {
        if (*size + 1 >= capacity) {
            capacity = capacity == 0 ? 65536 : capacity * 2;
            uint8_t *grown = realloc(*bytes, capacity);
            if (grown == NULL) {
                good = false;
                break;
            }
            *bytes = grown;
        }
        const size_t got = fread(*bytes + *size, 1, capacity - *size - 1, from);
        *size += got;
        if (got == 0) {
            good = ferror(from) == 0;
            break;
        }
    }
    const int why = errno;
    fclose(from);
    if (!good) {
        free(*bytes);
        *bytes = NULL;
        errno = why;
        return false;
    }
    (*bytes)[*size] = 0;
    return true;
}

/* Devices, pipes and the like: a file beside them would take their place. */
static bool write_through(const char *path, const void *bytes, size_t size)
{
    FILE *to = fopen(path, "wb");
    const bool good = to != NULL && fwrite(bytes, 1, size, to) == size;
    return to != NULL && fclose(to) == 0 && good;
}

/* A link keeps its place: what it leads to is replaced. */
static const char *led_to(const char *path, char *resolved)
{
    return realpath(path, resolved) != NULL ? resolved : path;
}

bool file_write(const char *path, const void *bytes, size_t size)
{
    struct stat status;
    char beside[PATH_MAX + 8], resolved[PATH_MAX];
    if (strcmp(path, "-") == 0)
        return fwrite(bytes, 1, size, stdout) == size && fflush(stdout) == 0;
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
        return write_through(path, bytes, size);
    path = led_to(path, resolved);
    const int length = snprintf(beside, sizeof beside, "%s.XXXXXX", path);
    if (length < 0 || (size_t)length >= sizeof beside) {
        errno = ENAMETOOLONG;
        return false;
    }
    const int descriptor = mkstemp(beside);
    if (descriptor < 0)
        return false;
    FILE *to = fdopen(descriptor, "wb");
    bool good = to != NULL && fwrite(bytes, 1, size, to) == size;
    const mode_t mask = umask(0);
    umask(mask);
    good = good && fchmod(descriptor, 0666 & ~mask) == 0;
    good = (to != NULL ? fclose(to) : close(descriptor)) == 0 && good;
    if (good && rename(beside, path) == 0)
        return true;
    const int why = errno;
    unlink(beside);
    errno = why;
    return false;
}

bool file_can_be_written(const char *path)
{
    char folder[PATH_MAX], *slash;
    if (strcmp(path, "-") == 0 || access(path, W_OK) == 0)
        return true;
    if (errno != ENOENT)
        return false;
    if ((size_t)snprintf(folder, sizeof folder, "%s", path) >= sizeof folder) {
        errno = ENAMETOOLONG;
        return false;
    }
    slash = strrchr(folder, '/');
    if (slash != NULL)
        slash[slash == folder] = '\0';
    return access(slash != NULL ? folder : ".", W_OK | X_OK) == 0;
}

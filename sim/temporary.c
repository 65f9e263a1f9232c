/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Temporary files and folders, where TMPDIR says, else in /tmp. */
#define _DEFAULT_SOURCE
#include "temporary.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *chosen(void)
{
    const char *folder = getenv("TMPDIR");
    return folder != NULL && folder[0] != '\0' ? folder : NULL;
}

static bool name_it(char path[TEMPORARY_BYTES], char *why, size_t why_size)
{
    const char *folder = chosen();
    const int length = snprintf(path, TEMPORARY_BYTES, "%s/vmxbench-XXXXXX", folder != NULL ? folder : "/tmp");
    if (length > 0 && length < TEMPORARY_BYTES)
        return true;
    snprintf(why, why_size, "TMPDIR is longer than %d bytes", TEMPORARY_BYTES);
    return false;
}

static void say_why(const char *what, char *why, size_t why_size)
{
    const int number = errno;
    const char *folder = chosen();
    if (folder != NULL)
        snprintf(why, why_size, "no temporary %s can be made in %.256s, which TMPDIR names: %s", what, folder, strerror(number));
    else
        snprintf(why, why_size, "no temporary %s can be made in /tmp: %s; TMPDIR may name another place", what, strerror(number));
}

bool temporary_folder(char path[TEMPORARY_BYTES], char *why, size_t why_size)
{
    if (!name_it(path, why, why_size))
        return false;
    if (mkdtemp(path) != NULL)
        return true;
    say_why("folder", why, why_size);
    return false;
}

int temporary_file(char path[TEMPORARY_BYTES], char *why, size_t why_size)
{
    if (!name_it(path, why, why_size))
        return -1;
    const int file = mkstemp(path);
    if (file < 0)
        say_why("file", why, why_size);
    return file;
}

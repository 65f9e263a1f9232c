/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Graphviz's program `dot`, run as a child. */
#define _GNU_SOURCE
#include "dot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../sim/temporary.h"

enum { NOT_FOUND = 127 };

/* In the child: from `input` to `output`. */
static void become_dot(int input, int output, const char *format)
{
    char option[16];
    snprintf(option, sizeof option, "-T%s", format);
    if (dup2(input, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0)
        execlp("dot", "dot", option, (char *)NULL);
    _exit(NOT_FOUND);
}

static bool read_all(int from, uint8_t **bytes, size_t *size)
{
    size_t capacity = 0;
    *bytes = NULL;
    *size = 0;
    for (;;) {
        if (*size == capacity) {
            capacity = capacity == 0 ? 65536 : capacity * 2;
            uint8_t *const grown = realloc(*bytes, capacity);
            if (grown == NULL)
                return false;
            *bytes = grown;
        }
        const ssize_t got = read(from, *bytes + *size, capacity - *size);
        if (got == 0)
            return true;
        if (got < 0 && errno != EINTR)
            return false;
        *size += got > 0 ? (size_t)got : 0;
    }
}

/* A file without a name that holds the graph, to be read from its begin; -1: `why` says what is wrong. */
static int graph_file(const char *graph, size_t size, char *why, size_t why_size)
{
    char path[TEMPORARY_BYTES];
    const int file = temporary_file(path, why, why_size);
    if (file < 0)
        return -1;
    (void)unlink(path);
    FILE *const to = fdopen(dup(file), "wb");
    bool written = to != NULL && fwrite(graph, 1, size, to) == size;
    written = to != NULL && fclose(to) == 0 && written;
    if (written && lseek(file, 0, SEEK_SET) == 0)
        return file;
    snprintf(why, why_size, "the graph cannot be written to a temporary file: %s", strerror(errno));
    close(file);
    return -1;
}

bool dot_render(const char *graph, size_t graph_size, const char *format, uint8_t **picture, size_t *picture_size, char *why, size_t why_size)
{
    int ends[2], status = -1;
    *picture = NULL;
    const int input = graph_file(graph, graph_size, why, why_size);
    if (input < 0)
        return false;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        snprintf(why, why_size, "no pipe: %s", strerror(errno));
        close(input);
        return false;
    }
    const pid_t child = fork();
    if (child == 0)
        become_dot(input, ends[1], format);
    close(ends[1]);
    const bool whole = child > 0 && read_all(ends[0], picture, picture_size);
    close(ends[0]);
    close(input);
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (whole && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_FOUND)
        snprintf(why, why_size, "Graphviz's program `dot` is not installed (Debian: graphviz); a .dot file can be written without it");
    else
        snprintf(why, why_size, "Graphviz's program `dot` failed");
    free(*picture);
    *picture = NULL;
    return false;
}

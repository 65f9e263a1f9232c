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

bool dot_render(const char *graph, size_t graph_size, const char *format, uint8_t **picture, size_t *picture_size, char *why, size_t why_size)
{
    int ends[2], status = -1;
    FILE *const input = tmpfile();
    *picture = NULL;
    if (input == NULL || fwrite(graph, 1, graph_size, input) != graph_size || fflush(input) != 0 || fseek(input, 0, SEEK_SET) != 0 ||
        pipe2(ends, O_CLOEXEC) != 0) {
        snprintf(why, why_size, "no temporary file: %s", strerror(errno));
        if (input != NULL)
            fclose(input);
        return false;
    }
    const pid_t child = fork();
    if (child == 0)
        become_dot(fileno(input), ends[1], format);
    close(ends[1]);
    const bool whole = child > 0 && read_all(ends[0], picture, picture_size);
    close(ends[0]);
    fclose(input);
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

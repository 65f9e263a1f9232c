/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guest code: runs nasm as a program, without a shell, in a folder of its own. */
#define _GNU_SOURCE
#include "assemble.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "pack.h"
#include "temporary.h"

enum { TIMEOUT_MS = 60000, CPU_SECONDS = 20, OUTPUT_MAX = 64 << 20, MEMORY_MAX = 1 << 30 };

struct folder {
    char path[TEMPORARY_BYTES];
    char source[TEMPORARY_INSIDE_BYTES], binary[TEMPORARY_INSIDE_BYTES], map[TEMPORARY_INSIDE_BYTES], messages[TEMPORARY_INSIDE_BYTES];
};

static bool fail(struct sim_error *error, const char *path, unsigned line, const char *message)
{
    snprintf(error->file, sizeof error->file, "%s", path);
    error->line = line;
    snprintf(error->message, sizeof error->message, "%s", message);
    return false;
}

static bool make_folder(struct folder *folder, const char *path, unsigned line, struct sim_error *error)
{
    char why[sizeof error->message];
    if (!temporary_folder(folder->path, why, sizeof why))
        return fail(error, path, line, why);
    snprintf(folder->source, sizeof folder->source, "%s/guest.asm", folder->path);
    snprintf(folder->binary, sizeof folder->binary, "%s/guest.bin", folder->path);
    snprintf(folder->map, sizeof folder->map, "%s/guest.map", folder->path);
    snprintf(folder->messages, sizeof folder->messages, "%s/messages", folder->path);
    return true;
}

static void remove_folder(const struct folder *folder)
{
    (void)unlink(folder->source);
    (void)unlink(folder->binary);
    (void)unlink(folder->map);
    (void)unlink(folder->messages);
    (void)rmdir(folder->path);
}

/* %line makes NASM count in the script's lines. The map goes to standard output, since NASM's syntax has no place for every path. */
static bool write_source(const struct folder *folder, unsigned line, const char *source, unsigned bits, uint64_t address)
{
    FILE *file = fopen(folder->source, "w");
    if (file == NULL)
        return false;
    fprintf(file, "[map symbols]\nbits %u\norg 0x%" PRIx64 "\n%%line %u+1 script\n%s\n", bits, address, line - 1, source);
    return fclose(file) == 0;
}

/* A source may make nasm write or remember without end. It inherits the bound on files; those on memory and on time of the
   processor come as soon as it runs. */
static bool spawn_bounded(pid_t *child, const posix_spawn_file_actions_t *actions, char *const *arguments)
{
    struct rlimit ours;
    const struct rlimit memory = {MEMORY_MAX, MEMORY_MAX}, time = {CPU_SECONDS, CPU_SECONDS};
    const bool known = getrlimit(RLIMIT_FSIZE, &ours) == 0;
    const struct rlimit file = {OUTPUT_MAX, ours.rlim_max};
    if (known && ours.rlim_cur > OUTPUT_MAX)
        (void)setrlimit(RLIMIT_FSIZE, &file);
    errno = posix_spawnp(child, "nasm", actions, NULL, arguments, environ);
    const int why = errno;
    if (known)
        (void)setrlimit(RLIMIT_FSIZE, &ours);
    if (why == 0) {
        (void)prlimit(*child, RLIMIT_AS, &memory, NULL);
        (void)prlimit(*child, RLIMIT_CPU, &time, NULL);
    }
    errno = why;
    return why == 0;
}

static bool spawn_nasm(const struct folder *folder, pid_t *child)
{
    char *const arguments[] = {(char *)"nasm",     (char *)"-f", (char *)"bin",          (char *)"-X",           (char *)"gnu",
                               (char *)"-w-other", (char *)"-o", (char *)folder->binary, (char *)folder->source, NULL};
    posix_spawn_file_actions_t actions;
    if (posix_spawn_file_actions_init(&actions) != 0)
        return false;
    bool good = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0) == 0 &&
                posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, folder->map, O_WRONLY | O_CREAT | O_TRUNC, 0600) == 0 &&
                posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, folder->messages, O_WRONLY | O_CREAT | O_TRUNC, 0600) == 0;
    good = good && spawn_bounded(child, &actions, arguments);
    posix_spawn_file_actions_destroy(&actions);
    return good;
}

/* True: nasm ended by itself in time, *status as of waitpid(). */
static bool wait_for(pid_t child, int *status)
{
    for (unsigned waited = 0; waited < TIMEOUT_MS; waited++) {
        const pid_t done = waitpid(child, status, WNOHANG);
        if (done == child)
            return true;
        if (done < 0 && errno != EINTR)
            return false;
        const struct timespec pause = {.tv_nsec = 1000000};
        (void)nanosleep(&pause, NULL);
    }
    (void)kill(child, SIGKILL);
    (void)waitpid(child, status, 0);
    return false;
}

/* A whole file, terminated; NULL when it cannot be read. */
static char *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    char *bytes = NULL;
    size_t capacity = 0;
    *size = 0;
    do {
        capacity = capacity * 2 + 4096;
        bytes = pack_allocate(bytes, capacity + 1);
        *size += fread(bytes + *size, 1, capacity - *size, file);
    } while (*size == capacity && capacity < OUTPUT_MAX);
    fclose(file);
    bytes[*size] = '\0';
    return bytes;
}

/* NASM's messages are "script:LINE: error: ...". The first error counts; warnings are passed over. */
static bool report(const struct folder *folder, const char *path, unsigned line, struct sim_error *error)
{
    size_t size;
    char *messages = read_file(folder->messages, &size), *rest = messages, *at;
    (void)fail(error, path, line, "nasm failed without a message");
    while (messages != NULL && (at = strsep(&rest, "\n")) != NULL) {
        unsigned where = line;
        int skip = 0;
        if (strstr(at, "error:") == NULL && strstr(at, "fatal:") == NULL)
            continue;
        if (sscanf(at, "script:%u: %n", &where, &skip) < 1)
            skip = 0;
        snprintf(error->message, sizeof error->message, "nasm: %s", at + skip);
        error->line = where;
        break;
    }
    free(messages);
    return false;
}

static void add_symbol(struct assembled *out, const char *name, uint64_t address)
{
    out->symbols = pack_allocate(out->symbols, (out->symbol_count + 1) * sizeof *out->symbols);
    char *copy = pack_allocate(NULL, strlen(name) + 1);
    memcpy(copy, name, strlen(name) + 1);
    out->symbols[out->symbol_count++] = (struct sim_symbol){.name = copy, .address = address};
}

/* Lines "real virtual name" of the sections, and "value name" of the constants. */
static void read_map(const struct folder *folder, struct assembled *out)
{
    size_t size;
    char *map = read_file(folder->map, &size), *rest = map, *at;
    while (map != NULL && (at = strsep(&rest, "\n")) != NULL) {
        uint64_t real, virtual;
        char name[256];
        if (sscanf(at, "%" SCNx64 " %" SCNx64 " %255s", &real, &virtual, name) == 3)
            add_symbol(out, name, virtual);
        else if (sscanf(at, "%" SCNx64 " %255s", &real, name) == 2 && at[0] != '-')
            add_symbol(out, name, real);
    }
    free(map);
}

static bool run(const struct folder *folder, const char *path, unsigned line, const char *source, unsigned bits, uint64_t address,
                struct assembled *out, struct sim_error *error)
{
    pid_t child;
    int status;
    if (!write_source(folder, line, source, bits, address))
        return fail(error, path, line, "the source for nasm cannot be written to the folder for temporary files");
    if (!spawn_nasm(folder, &child))
        return fail(error, path, line, errno == ENOENT ? "nasm is not installed: it assembles the guest's code" : strerror(errno));
    if (!wait_for(child, &status))
        return fail(error, path, line, "nasm did not come to an end");
    if (WIFSIGNALED(status))
        return fail(error, path, line, WTERMSIG(status) == SIGXFSZ ? "nasm: the code has more than 64 MiB" : "nasm did not come to an end");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return report(folder, path, line, error);
    out->bytes = (uint8_t *)read_file(folder->binary, &out->size);
    if (out->bytes == NULL)
        return fail(error, path, line, "nasm wrote no code");
    read_map(folder, out);
    return true;
}

bool assemble(const char *path, unsigned line, const char *source, unsigned bits, uint64_t address, struct assembled *out, struct sim_error *error)
{
    struct folder folder;
    *out = (struct assembled){0};
    if (!make_folder(&folder, path, line, error))
        return false;
    const bool good = run(&folder, path, line, source, bits, address, out, error);
    remove_folder(&folder);
    if (!good)
        assembled_free(out);
    return good;
}

void assembled_free(struct assembled *assembled)
{
    for (size_t i = 0; i < assembled->symbol_count; i++)
        free(assembled->symbols[i].name);
    free(assembled->symbols);
    free(assembled->bytes);
    *assembled = (struct assembled){0};
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sharing script files out to worker processes and collecting their results in order. */
#define _DEFAULT_SOURCE
#include "replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { JOBS_MAX = 64 };

/* A worker takes every jobs-th file and writes its results, one after the other, to its pipe. */
struct worker {
    pid_t pid;
    FILE *results;
};

static void put_bytes(FILE *to, const void *bytes, uint64_t size)
{
    if (fwrite(&size, sizeof size, 1, to) != 1 || (size != 0 && fwrite(bytes, 1, size, to) != size))
        _exit(3);
}

static void put_text(FILE *to, const char *text)
{
    put_bytes(to, text, text == NULL ? 0 : strlen(text) + 1);
}

static void put_replay(FILE *to, const struct replay *replay)
{
    const uint64_t head[2] = {(uint64_t)replay->status, replay->count};
    put_bytes(to, head, sizeof head);
    for (size_t i = 0; i < replay->count; i++) {
        const struct replay_verdict *v = &replay->verdicts[i];
        const uint64_t numbers[2] = {(uint64_t)v->passed | (uint64_t)v->skipped << 1 | (uint64_t)v->broken << 2, v->exits};
        put_bytes(to, numbers, sizeof numbers);
        put_text(to, v->name);
        put_text(to, v->file);
        put_text(to, v->text);
    }
    put_bytes(to, replay->trace.bytes, replay->trace.size);
    if (fflush(to) != 0)
        _exit(3);
}

/* NULL with *size 0: nothing, or the worker is gone (then *lost is set). */
static void *get_bytes(FILE *from, uint64_t *size, bool *lost)
{
    *lost |= fread(size, sizeof *size, 1, from) != 1;
    if (*lost || *size == 0) {
        *size = 0;
        return NULL;
    }
    void *bytes = malloc(*size);
    if (bytes == NULL)
        abort();
    *lost |= fread(bytes, 1, *size, from) != *size;
    return bytes;
}

static bool get_numbers(FILE *from, uint64_t numbers[2])
{
    bool lost = false;
    uint64_t size;
    void *bytes = get_bytes(from, &size, &lost);
    const bool good = !lost && size == 2 * sizeof numbers[0];
    if (good)
        memcpy(numbers, bytes, size);
    free(bytes);
    return good;
}

static bool get_replay(FILE *from, struct replay *out)
{
    uint64_t head[2];
    uint64_t size;
    bool lost = false;
    *out = (struct replay){0};
    if (!get_numbers(from, head))
        return false;
    out->status = (int)head[0];
    out->verdicts = calloc(head[1] + 1, sizeof *out->verdicts);
    if (out->verdicts == NULL)
        abort();
    for (; out->count < head[1] && !lost; out->count++) {
        struct replay_verdict *v = &out->verdicts[out->count];
        uint64_t numbers[2];
        if (!get_numbers(from, numbers))
            return false;
        v->passed = (numbers[0] & 1) != 0;
        v->skipped = (numbers[0] & 2) != 0;
        v->broken = (numbers[0] & 4) != 0;
        v->exits = numbers[1];
        v->name = get_bytes(from, &size, &lost);
        v->file = get_bytes(from, &size, &lost);
        v->text = get_bytes(from, &size, &lost);
    }
    if (!lost)
        out->trace.bytes = get_bytes(from, &size, &lost);
    out->trace.size = out->trace.capacity = lost ? 0 : size;
    return !lost;
}

static void work(FILE *to, const struct path_list *files, size_t first, unsigned jobs, const struct sim_override *overrides, size_t override_count,
                 unsigned repeat)
{
    for (size_t i = first; i < files->count; i += jobs) {
        struct replay replay;
        replay_file(files->path[i], overrides, override_count, repeat, &replay);
        put_replay(to, &replay);
        replay_free(&replay);
    }
    fclose(to);
    _exit(0);
}

/* False: no process or pipe could be had. */
static bool hire(struct worker *worker, const struct path_list *files, size_t first, unsigned jobs, const struct sim_override *overrides,
                 size_t override_count, unsigned repeat)
{
    int ends[2];
    if (pipe(ends) != 0)
        return false;
    fflush(NULL);
    worker->pid = fork();
    if (worker->pid == 0) {
        close(ends[0]);
        FILE *to = fdopen(ends[1], "wb");
        if (to != NULL)
            work(to, files, first, jobs, overrides, override_count, repeat);
        _exit(3);
    }
    close(ends[1]);
    worker->results = worker->pid > 0 ? fdopen(ends[0], "rb") : NULL;
    if (worker->results == NULL)
        close(ends[0]);
    return worker->results != NULL;
}

static void dismiss(struct worker *worker)
{
    if (worker->results != NULL)
        fclose(worker->results);
    if (worker->pid > 0)
        waitpid(worker->pid, NULL, 0);
    *worker = (struct worker){0};
}

static void lost_file(const char *path, struct replay *out)
{
    replay_free(out);
    char text[4200];
    snprintf(text, sizeof text, "%s: the simulator process that ran this file died", path);
    out->status = 2;
    out->verdicts = calloc(1, sizeof *out->verdicts);
    if (out->verdicts == NULL)
        abort();
    out->count = 1;
    *out->verdicts = (struct replay_verdict){.name = strdup(path), .file = strdup(path), .text = strdup(text), .broken = true};
}

void replay_all(const struct path_list *files, const struct sim_override *overrides, size_t override_count, unsigned repeat, unsigned jobs,
                void (*done)(void *context, const char *path, const struct replay *replay), void *context)
{
    struct worker workers[JOBS_MAX] = {{0}};
    struct replay replay;
    jobs = jobs > JOBS_MAX ? JOBS_MAX : jobs;
    if (jobs > files->count)
        jobs = (unsigned)files->count;
    for (unsigned w = 0; jobs > 1 && w < jobs; w++)
        if (!hire(&workers[w], files, w, jobs, overrides, override_count, repeat))
            dismiss(&workers[w]);
    for (size_t i = 0; i < files->count; i++) {
        struct worker *worker = jobs > 1 ? &workers[i % jobs] : NULL;
        if (worker == NULL || worker->results == NULL) {
            replay_file(files->path[i], overrides, override_count, repeat, &replay);
        } else if (!get_replay(worker->results, &replay)) {
            lost_file(files->path[i], &replay);
            dismiss(worker);
            /* A new worker takes the rest of this one's share. */
            if (i + jobs < files->count && !hire(worker, files, i + jobs, jobs, overrides, override_count, repeat))
                dismiss(worker);
        }
        done(context, files->path[i], &replay);
        replay_free(&replay);
    }
    for (unsigned w = 0; w < JOBS_MAX; w++)
        dismiss(&workers[w]);
}

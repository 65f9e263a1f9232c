/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the benchmark share. */
#define _DEFAULT_SOURCE
#include "bench_figures.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

void bench_add(struct bench_figures *figures, const char *key, const char *text, const char *unit, double value, double wanted)
{
    if (figures->count < BENCH_FIGURES_MAX)
        figures->figure[figures->count++] = (struct bench_figure){key, text, unit, value, wanted};
}

double bench_ratio(double a, double b)
{
    return b > 0 ? a / b : 0;
}

static double seconds_of(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

double bench_now(void)
{
    return seconds_of(CLOCK_MONOTONIC);
}

double bench_used(void)
{
    return seconds_of(CLOCK_PROCESS_CPUTIME_ID);
}

double bench_resident(void)
{
    unsigned long total = 0, pages = 0;
    FILE *from = fopen("/proc/self/statm", "r");
    if (from == NULL || fscanf(from, "%lu %lu", &total, &pages) != 2)
        pages = 0;
    if (from != NULL)
        fclose(from);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / (1 << 20);
}

struct sim_scenario *bench_load(const char *name)
{
    char path[4096];
    struct sim_error error = {0};
    struct sim_scenario *scenarios;
    size_t count;
    snprintf(path, sizeof path, "%s/%s.lua", VMXBENCH_BENCH_FOLDER, name);
    if (sim_scenario_load(path, NULL, 0, &scenarios, &count, &error) && count == 1)
        return scenarios;
    fprintf(stderr, "%s:%u: %s\n", error.file, error.line, error.message);
    return NULL;
}

void bench_program(char *path, size_t size, const char *name)
{
    const ssize_t length = readlink("/proc/self/exe", path, size - 1);
    path[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(path, '/');
    char *const base = slash != NULL ? slash + 1 : path;
    snprintf(base, size - (size_t)(base - path), "%s", name);
}

static pid_t start_process(const char *program, char *const arguments[])
{
    const pid_t child = fork();
    if (child == 0) {
        const int nowhere = open("/dev/null", O_WRONLY);
        if (nowhere >= 0 && dup2(nowhere, STDOUT_FILENO) >= 0)
            execv(program, arguments);
        _exit(127);
    }
    return child;
}

double bench_processes_at_once(const char *program, char *const *const arguments[], size_t count)
{
    pid_t children[BENCH_PROCESSES_MAX];
    const double start = bench_now();
    bool good = count <= BENCH_PROCESSES_MAX;
    for (size_t i = 0; good && i < count; i++)
        children[i] = start_process(program, arguments[i]);
    for (size_t i = 0; i < count && i < BENCH_PROCESSES_MAX; i++) {
        int status = 0;
        good = good && children[i] > 0 && waitpid(children[i], &status, 0) == children[i] && status == 0;
    }
    return good ? bench_now() - start : 0;
}

double bench_process(const char *program, char *const arguments[])
{
    char *const *const one[] = {arguments};
    return bench_processes_at_once(program, one, 1);
}

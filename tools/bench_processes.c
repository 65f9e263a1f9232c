/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whole processes: start to verdict, sharing out to workers, firmware, resident memory. */
#define _DEFAULT_SOURCE
#include "bench_figures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../sim/session.h"

enum { COLD_RUNS = 15, SCRIPTS = 1000, JOBS_MAX = 64 };

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Seconds of `vmxbench run -q -j JOBS NAME`; 0 when it fails. */
static double run_seconds(const char *jobs, const char *name)
{
    char program[4096];
    const char *const arguments[] = {"vmxbench", "run", "-q", "-j", jobs, name, NULL};
    bench_program(program, sizeof program, "vmxbench");
    return bench_process(program, (char *const *)(uintptr_t)arguments);
}

/* Median, in milliseconds. */
static double cold_milliseconds(void)
{
    double times[COLD_RUNS];
    for (int i = 0; i < COLD_RUNS; i++)
        times[i] = run_seconds("1", VMXBENCH_BENCH_FOLDER "/ten_exits.lua") * 1e3;
    qsort(times, COLD_RUNS, sizeof times[0], by_value);
    return times[COLD_RUNS / 2];
}

/* So many links to one script. */
static bool make_scripts(char *folder)
{
    char path[160];
    if (mkdtemp(folder) == NULL)
        return false;
    for (int i = 0; i < SCRIPTS; i++) {
        snprintf(path, sizeof path, "%s/%04d.lua", folder, i);
        if (symlink(VMXBENCH_BENCH_FOLDER "/ten_exits.lua", path) != 0)
            return false;
    }
    return true;
}

static void remove_scripts(const char *folder)
{
    char path[160];
    for (int i = 0; i < SCRIPTS; i++) {
        snprintf(path, sizeof path, "%s/%04d.lua", folder, i);
        (void)unlink(path);
    }
    (void)rmdir(folder);
}

/* Speed-up by as many workers as there are processors, as a share of their number; 0: there is one processor. */
static double share_of_jobs(long processors)
{
    char folder[] = "/tmp/vmxbench-bench.XXXXXX", jobs[24];
    double one = 0, all = 0;
    snprintf(jobs, sizeof jobs, "%ld", processors);
    if (processors > 1 && make_scripts(folder)) {
        for (int i = 0; i < 2; i++) {
            const double a = run_seconds("1", folder), b = run_seconds(jobs, folder);
            one = one == 0 || a < one ? a : one;
            all = all == 0 || b < all ? b : all;
        }
        remove_scripts(folder);
    }
    return bench_ratio(one, all * (double)processors);
}

/* Resident set in MBytes. */
static double resident(void)
{
    unsigned long total = 0, pages = 0;
    FILE *from = fopen("/proc/self/statm", "r");
    if (from == NULL || fscanf(from, "%lu %lu", &total, &pages) != 2)
        pages = 0;
    if (from != NULL)
        fclose(from);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / (1 << 20);
}

/* A guest that writes all of its 16 MBytes, then makes ten million exits: resident memory behind the first million, and at the end. The trace is
   dropped on the way. In a process of its own, which has nothing of the other parts. */
static bool measure_memory(double megabytes[2])
{
    enum { PIECE = 100000, PIECES = 100, EARLY = 10 };
    struct sim_error error = {0};
    struct sim_scenario *scenario = bench_load("memory");
    struct sim_session *session = scenario != NULL ? sim_session_new(scenario, &error) : NULL;
    for (int i = 1; session != NULL && i <= PIECES; i++) {
        if (sim_session_run(session, PIECE, UINT64_MAX))
            return false;
        sim_session_drop_trace(session);
        if (i == EARLY)
            megabytes[0] = resident();
    }
    megabytes[1] = resident();
    return session != NULL;
}

static bool memory_of_child(double megabytes[2])
{
    int ends[2];
    if (pipe(ends) != 0)
        return false;
    const pid_t child = fork();
    if (child == 0) {
        double measured[2] = {0};
        const bool good = measure_memory(measured) && write(ends[1], measured, sizeof measured) == (ssize_t)sizeof measured;
        _exit(good ? 0 : 1);
    }
    close(ends[1]);
    const bool read_all = child > 0 && read(ends[0], megabytes, 2 * sizeof *megabytes) == (ssize_t)(2 * sizeof *megabytes);
    close(ends[0]);
    int status = 1;
    return child > 0 && waitpid(child, &status, 0) == child && status == 0 && read_all;
}

bool bench_memory(struct bench_figures *figures)
{
    double megabytes[2] = {0};
    if (!memory_of_child(megabytes))
        return false;
    bench_add(figures, "memory_mb", "resident memory, 16 MByte guest all written, 1,000,000 exits", "MB", megabytes[0], -64);
    bench_add(figures, "memory_later_mb", "the same after 10,000,000 exits", "MB", megabytes[1], -64);
    return true;
}

bool bench_processes(struct bench_figures *figures)
{
    const long processors = sysconf(_SC_NPROCESSORS_ONLN) < JOBS_MAX ? sysconf(_SC_NPROCESSORS_ONLN) : JOBS_MAX;
    bench_add(figures, "scenario_cold_ms", "ten-exit scenario, process start to verdict (median)", "ms", cold_milliseconds(), 0);
    bench_add(figures, "jobs_share", "1,000 scenarios, -j PROCESSORS: speed-up by processor", "x", share_of_jobs(processors), 0.9);
    bench_add(figures, "seabios_s", "SeaBIOS from reset to its verdict", "s",
              run_seconds("1", VMXBENCH_BENCH_FOLDER "/../../scenarios/workloads/seabios.lua"), -2);
    return true;
}

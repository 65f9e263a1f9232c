/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whole processes: start to verdict, sharing out to workers, firmware, resident memory. */
#define _DEFAULT_SOURCE
#include "bench_figures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../sim/session.h"
#include "../sim/temporary.h"

enum { COLD_RUNS = 15, SCRIPTS = 1000, REPEATS = 2, JOBS_MAX = BENCH_PROCESSES_MAX };

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

/* SCRIPTS links to one script, dealt out to as many folders FOLDER/0, FOLDER/1 and so on. */
static bool make_scripts(const char *folder, long folders)
{
    char path[TEMPORARY_INSIDE_BYTES];
    for (long i = 0; i < folders; i++) {
        snprintf(path, sizeof path, "%s/%ld", folder, i);
        if (mkdir(path, 0700) != 0)
            return false;
    }
    for (int i = 0; i < SCRIPTS; i++) {
        snprintf(path, sizeof path, "%s/%ld/%04d.lua", folder, i % folders, i);
        if (symlink(VMXBENCH_BENCH_FOLDER "/ten_exits.lua", path) != 0)
            return false;
    }
    return true;
}

static void remove_scripts(const char *folder, long folders)
{
    char path[TEMPORARY_INSIDE_BYTES];
    for (int i = 0; i < SCRIPTS; i++) {
        snprintf(path, sizeof path, "%s/%ld/%04d.lua", folder, i % folders, i);
        (void)unlink(path);
    }
    for (long i = 0; i < folders; i++) {
        snprintf(path, sizeof path, "%s/%ld", folder, i);
        (void)rmdir(path);
    }
    (void)rmdir(folder);
}

/* Seconds of one `vmxbench run -q -j 1` for each folder, all at once: processes that share nothing but the machine. */
static double apart_seconds(const char *folder, long folders)
{
    static char names[JOBS_MAX][TEMPORARY_INSIDE_BYTES], program[4096];
    static const char *arguments[JOBS_MAX][7];
    char *const *all[JOBS_MAX];
    bench_program(program, sizeof program, "vmxbench");
    for (long i = 0; i < folders; i++) {
        snprintf(names[i], sizeof names[i], "%s/%ld", folder, i);
        const char *const line[7] = {"vmxbench", "run", "-q", "-j", "1", names[i], NULL};
        memcpy(arguments[i], line, sizeof line);
        all[i] = (char *const *)(uintptr_t)arguments[i];
    }
    return bench_processes_at_once(program, (char *const *const *)all, (size_t)folders);
}

/* Speed-up by as many workers as there are processors, as a share of their number; the same of processes that share nothing, which is what the machine
   allows at most: what one worker leaves idle while the assembler's process begins and ends, its kernel uses already. 0: there is one processor. */
static void shares_of_jobs(long processors, double *jobs_share, double *apart_share)
{
    char folder[TEMPORARY_BYTES], why[512], jobs[24];
    double one = 0, all = 0, apart = 0;
    snprintf(jobs, sizeof jobs, "%ld", processors);
    if (processors > 1 && !temporary_folder(folder, why, sizeof why)) {
        fprintf(stderr, "vmxbench bench: %s\n", why);
    } else if (processors > 1) {
        const bool made = make_scripts(folder, processors);
        for (int i = 0; made && i < REPEATS; i++) {
            const double a = run_seconds("1", folder), b = run_seconds(jobs, folder), c = apart_seconds(folder, processors);
            one = one == 0 || a < one ? a : one;
            all = all == 0 || b < all ? b : all;
            apart = apart == 0 || c < apart ? c : apart;
        }
        remove_scripts(folder, processors);
    }
    *jobs_share = bench_ratio(one, all * (double)processors);
    *apart_share = bench_ratio(one, apart * (double)processors);
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
            megabytes[0] = bench_resident();
    }
    megabytes[1] = bench_resident();
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
    double jobs_share, apart_share;
    shares_of_jobs(processors, &jobs_share, &apart_share);
    bench_add(figures, "jobs_share", "1,000 scenarios, -j PROCESSORS: speed-up by processor", "x", jobs_share, 0.9);
    bench_add(figures, "apart_share", "the same by processes that share nothing: the machine's limit", "x", apart_share, 0);
    bench_add(figures, "jobs_of_limit", "-j PROCESSORS against that limit", "x", bench_ratio(jobs_share, apart_share), 0.9);
    bench_add(figures, "seabios_s", "SeaBIOS from reset to its verdict", "s",
              run_seconds("1", VMXBENCH_BENCH_FOLDER "/../../scenarios/workloads/seabios.lua"), -2);
    return true;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VM exits a second by kind, each with engine, model, handler, trace record and entry; the same handlers on Bochs; replays from a snapshot. */
#define _DEFAULT_SOURCE
#include "bench_figures.h"

#include <stdio.h>

#include "../sim/snapshot.h"
#include "bochs/bochs_run.h"

enum { RUNS = 7, REPLAYS = 3000 };

static bool complain(const struct sim_error *error)
{
    fprintf(stderr, "%s:%u: %s\n", error->file, error->line, error->message);
    return false;
}

/* Exits a second of the best of several runs from a snapshot behind the set-up; 0 after a complaint. */
static double exits_a_second(const char *name)
{
    struct sim_error error = {0};
    struct sim_scenario *scenario = bench_load(name);
    struct sim_session *session = scenario != NULL ? sim_session_new(scenario, &error) : NULL;
    struct sim_snapshot *start = session != NULL ? sim_snapshot_take(session) : NULL;
    double best = 0;
    for (int i = 0; start != NULL && i < RUNS && sim_snapshot_restore(start, session, &error); i++) {
        const double begin = bench_used();
        (void)sim_session_run(session, UINT64_MAX, UINT64_MAX);
        const double rate = (double)sim_session_exits(session) / (bench_used() - begin);
        best = rate > best ? rate : best;
    }
    if (error.message[0] != '\0')
        (void)complain(&error);
    sim_snapshot_free(start);
    sim_session_free(session);
    if (scenario != NULL)
        sim_scenario_free(scenario, 1);
    return best;
}

/* Replays a second of a ten-exit scenario: back to the snapshot, ten exits, the trace. */
static double replays_a_second(void)
{
    struct sim_error error = {0};
    struct sim_scenario *scenario = bench_load("ten_exits");
    struct sim_session *session = scenario != NULL ? sim_session_new(scenario, &error) : NULL;
    struct sim_snapshot *start = session != NULL ? sim_snapshot_take(session) : NULL;
    double best = 0;
    for (int run = 0; start != NULL && run < RUNS; run++) {
        const double begin = bench_used();
        for (int i = 0; i < REPLAYS; i++)
            if (!sim_snapshot_restore(start, session, &error) || !sim_session_run(session, UINT64_MAX, UINT64_MAX))
                return 0;
        const double rate = REPLAYS / (bench_used() - begin);
        best = rate > best ? rate : best;
    }
    sim_snapshot_free(start);
    sim_session_free(session);
    if (scenario != NULL)
        sim_scenario_free(scenario, 1);
    return best;
}

/* Microseconds to take a guest of 16 MBytes back that has written one page in a hundred. */
static double restore_microseconds(void)
{
    struct sim_error error = {0};
    struct sim_scenario *scenario = bench_load("touch");
    struct sim_session *session = scenario != NULL ? sim_session_new(scenario, &error) : NULL;
    struct sim_snapshot *start = NULL;
    double best = 0;
    /* The first exit comes when all of RAM has been written once. */
    if (session != NULL && !sim_session_run(session, 1, UINT64_MAX))
        start = sim_snapshot_take(session);
    for (int i = 0; start != NULL && i < RUNS * 3; i++) {
        if (sim_session_run(session, 1, UINT64_MAX))
            break;
        const double begin = bench_used();
        if (!sim_snapshot_restore(start, session, &error))
            break;
        const double microseconds = (bench_used() - begin) * 1e6;
        best = best == 0 || microseconds < best ? microseconds : best;
    }
    sim_snapshot_free(start);
    sim_session_free(session);
    if (scenario != NULL)
        sim_scenario_free(scenario, 1);
    return best;
}

/* CPUID exits a second on Bochs: the difference of two runs, so that the boot does not count. 0: Bochs is not here. */
static double bochs_exits_a_second(void)
{
    static const char *const names[2] = {"bochs_few", "bochs_many"};
    double seconds[2] = {0}, exits[2] = {20000, 220000};
    for (int i = 0; i < 2; i++) {
        struct sim_scenario *scenario = bench_load(names[i]);
        struct sim_trace trace = {0};
        struct bochs_outcome outcome = {0};
        struct sim_error error = {0};
        const double begin = bench_now();
        const bool ran = scenario != NULL && bochs_run(scenario, 1, &trace, &outcome, &error) && outcome.ran;
        seconds[i] = ran ? bench_now() - begin : 0;
        sim_trace_free(&trace);
        if (scenario != NULL)
            sim_scenario_free(scenario, 1);
        if (!ran)
            return 0;
    }
    return seconds[1] > seconds[0] ? (exits[1] - exits[0]) / (seconds[1] - seconds[0]) : 0;
}

bool bench_exits(struct bench_figures *figures)
{
    static const struct {
        const char *name, *key, *text;
    } kinds[] = {{"wrmsr", "exits_per_s_msr_write", "MSR_WRITE exits"},
                 {"out", "exits_per_s_io", "IO_INSTRUCTION exits"},
                 {"ept_map", "exits_per_s_ept_violation", "EPT_VIOLATION exits, the page mapped on demand"},
                 {"ept_change", "exits_per_s_ept_change", "exits with an EPT change and INVEPT"},
                 {"interrupt", "exits_per_s_interrupt", "EXTERNAL_INTERRUPT exits, the interrupt injected"}};
    const double cpuid = exits_a_second("cpuid"), bochs = bochs_exits_a_second();
    double slowest = cpuid;
    if (cpuid == 0)
        return false;
    bench_add(figures, "exits_per_s_cpuid", "CPUID exits: engine, model, handler, trace, entry", "exits/s", cpuid, 2000000);
    bench_add(figures, "exits_per_s_cpuid_bochs", "CPUID exits of the same handlers on Bochs", "exits/s", bochs, 0);
    bench_add(figures, "cpuid_ratio_bochs", "CPUID exits against Bochs", "x", bench_ratio(cpuid, bochs), 10);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const double rate = exits_a_second(kinds[i].name);
        if (rate == 0)
            return false;
        bench_add(figures, kinds[i].key, kinds[i].text, "exits/s", rate, 0);
        slowest = rate < slowest ? rate : slowest;
    }
    bench_add(figures, "cpuid_ratio_slowest", "CPUID exits against the slowest of these", "x", bench_ratio(cpuid, slowest), -3);
    bench_add(figures, "replays_per_s", "ten-exit scenario, replayed from a snapshot", "replays/s", replays_a_second(), 10000);
    bench_add(figures, "restore_us", "16 MByte guest, 1 % of its pages written: back to a snapshot", "us", restore_microseconds(), -200);
    return true;
}

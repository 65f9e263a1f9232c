/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guest instructions a second, exact counting included, beside Debian's Unicorn as its users run it and at its best. */
#define _DEFAULT_SOURCE
#include "bench_figures.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../handlers/bench/packed.h"
#include "../handlers/bench/trace.h"
#include "../sim/run.h"
#include "../sim/temporary.h"

/* Both sides are measured in turn, so that a busy moment of the machine meets both; of each the best counts. */
enum { TURNS = 5, MODES = 3 };

/* Guest instructions of the run, from the last record of its trace. */
static uint64_t instructions_of(const struct sim_trace *trace)
{
    struct trace_reader reader;
    struct trace_record record;
    uint64_t instructions = 0;
    if (trace_open(&reader, trace->bytes, trace->size) != NULL)
        return 0;
    while (trace_next(&reader, &record) == 1)
        if (record.kind == TRACE_END)
            instructions = record.number[1];
    return instructions;
}

/* Mega-instructions a second; 0 after a complaint. */
static double run_here(const struct sim_scenario *scenario, uint64_t *instructions)
{
    struct sim_trace trace = {0};
    struct sim_error error = {0};
    const double start = bench_used();
    if (!sim_run_scenario(scenario, &trace, &error)) {
        fprintf(stderr, "%s:%u: %s\n", error.file, error.line, error.message);
        return 0;
    }
    const double seconds = bench_used() - start;
    *instructions = instructions_of(&trace);
    sim_trace_free(&trace);
    return (double)*instructions / seconds * 1e-6;
}

/* Code of a scenario in a temporary file for the stock program. */
static bool write_code(const struct sim_scenario *scenario, char path[TEMPORARY_BYTES])
{
    struct packed_reader reader;
    struct packed_record record;
    char why[512];
    const int descriptor = temporary_file(path, why, sizeof why);
    if (descriptor < 0) {
        fprintf(stderr, "vmxbench bench: %s\n", why);
        return false;
    }
    bool written = false;
    const bool readable = packed_open(&reader, scenario->packed, scenario->packed_size) == NULL;
    while (readable && packed_next(&reader, &record))
        if (record.kind == PACKED_MEMORY && packed_u64(&record, 0) == scenario->code_address)
            written = write(descriptor, record.payload + 8, record.size - 8) == (ssize_t)(record.size - 8);
    close(descriptor);
    return written;
}

/* Seconds of stock Unicorn for so many rounds; 0 when it cannot be run. */
static double run_stock(const char *code, uint64_t address, unsigned rounds, const char *mode)
{
    char program[4096], command[TEMPORARY_BYTES + 4200];
    bench_program(program, sizeof program, "vmxbench-stock");
    snprintf(command, sizeof command, "'%s' '%s' %llu %u %s", program, code, (unsigned long long)address, rounds, mode);
    FILE *from = popen(command, "r");
    unsigned long long nanoseconds = 0;
    const bool good = from != NULL && fscanf(from, "%llu", &nanoseconds) == 1;
    return from != NULL && pclose(from) == 0 && good ? (double)nanoseconds * 1e-9 : 0;
}

struct sides {
    double here, stock[MODES]; /* mega-instructions a second: plain, with an empty block hook, at its limit */
};

static void keep_best(double *best, double value)
{
    if (value > *best)
        *best = value;
}

/* `rounds` of the scenario here; the slow ways of the stock library take a part of them. */
static bool compare(const char *name, unsigned rounds, unsigned slow_rounds, struct sides *out)
{
    static const char *const modes[MODES] = {"plain", "block", "limit"};
    struct sim_scenario *scenario = bench_load(name);
    char code[TEMPORARY_BYTES];
    if (scenario == NULL || !write_code(scenario, code))
        return false;
    bool good = true;
    for (int turn = 0; turn < TURNS && good; turn++) {
        uint64_t instructions = 0;
        const double here = run_here(scenario, &instructions);
        good = here > 0;
        keep_best(&out->here, here);
        for (int i = 0; i < MODES; i++) {
            const unsigned r = i == 2 ? rounds : slow_rounds;
            const double seconds = run_stock(code, scenario->code_address, r, modes[i]);
            keep_best(&out->stock[i], bench_ratio((double)instructions * r / rounds * 1e-6, seconds));
        }
    }
    unlink(code);
    sim_scenario_free(scenario, 1);
    return good;
}

bool bench_guests(struct bench_figures *figures)
{
    struct sides tight = {0}, mix = {0};
    if (!compare("tight", 60000000, 20000000, &tight) || !compare("mix", 1000, 100, &mix))
        return false;
    bench_add(figures, "mips_tight", "tight loop, exact counting", "MIPS", tight.here, 0);
    bench_add(figures, "mips_tight_stock", "tight loop, stock Unicorn, no hook", "MIPS", tight.stock[0], 0);
    bench_add(figures, "mips_tight_stock_block", "tight loop, stock Unicorn, empty block hook", "MIPS", tight.stock[1], 0);
    bench_add(figures, "mips_mix", "memory mix, exact counting", "MIPS", mix.here, 0);
    bench_add(figures, "mips_mix_stock", "memory mix, stock Unicorn, no hook", "MIPS", mix.stock[0], 0);
    bench_add(figures, "mips_mix_stock_block", "memory mix, stock Unicorn, empty block hook", "MIPS", mix.stock[1], 0);
    bench_add(figures, "mips_mix_limit", "memory mix, Unicorn with fast stores and no counting", "MIPS", mix.stock[2], 0);
    bench_add(figures, "mix_ratio_stock", "memory mix against stock Unicorn, no hook", "x", bench_ratio(mix.here, mix.stock[0]), 8);
    bench_add(figures, "mix_ratio_limit", "memory mix against Unicorn's limit", "x", bench_ratio(mix.here, mix.stock[2]), 0.6);
    return true;
}

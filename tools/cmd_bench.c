/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vmxbench bench: how fast guests run and exits are served, against stock Unicorn in the same run. */
#define _DEFAULT_SOURCE
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../handlers/bench/packed.h"
#include "../handlers/bench/trace.h"
#include "../sim/judge.h"
#include "../sim/run.h"
#include "commands.h"
#include "files.h"

static const char usage[] = "usage: vmxbench bench [--json]\n"
                            "Measures guest MIPS on a tight loop and on a memory mix beside stock Unicorn, VM exits per second, and the time of a\n"
                            "ten-exit scenario from process start to verdict. Figures are of this machine and this run; compare ratios.\n";

enum { REPEATS = 3, COLD_RUNS = 15 };

struct measured {
    uint64_t instructions, exits;
    double seconds; /* best of the repeats */
};

struct figure {
    const char *key, *text, *unit;
    double value; /* 0: could not be measured */
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static bool load(const char *name, struct sim_scenario **scenarios, size_t *count)
{
    char path[4096];
    struct sim_error error = {0};
    snprintf(path, sizeof path, "%s/%s.lua", VMXBENCH_BENCH_FOLDER, name);
    if (sim_scenario_load(path, NULL, 0, scenarios, count, &error) && *count == 1)
        return true;
    fprintf(stderr, "%s:%u: %s\n", error.file, error.line, error.message);
    return false;
}

/* Instructions and exits of the run, from the last record of its trace. */
static void read_totals(const struct sim_trace *trace, struct measured *out)
{
    struct trace_reader reader;
    struct trace_record record;
    if (trace_open(&reader, trace->bytes, trace->size) != NULL)
        return;
    while (trace_next(&reader, &record) == 1) {
        if (record.kind == TRACE_END) {
            out->exits = record.number[0];
            out->instructions = record.number[1];
        }
    }
}

static bool measure(const struct sim_scenario *scenario, struct measured *out)
{
    *out = (struct measured){0};
    for (int i = 0; i < REPEATS; i++) {
        struct sim_trace trace = {0};
        struct sim_error error = {0};
        const double start = now();
        if (!sim_run_scenario(scenario, &trace, &error)) {
            fprintf(stderr, "%s:%u: %s\n", error.file, error.line, error.message);
            return false;
        }
        const double seconds = now() - start;
        if (i == 0 || seconds < out->seconds)
            out->seconds = seconds;
        read_totals(&trace, out);
        sim_trace_free(&trace);
    }
    return true;
}

/* The program beside this one. */
static void beside(char *path, size_t size, const char *name)
{
    const ssize_t length = readlink("/proc/self/exe", path, size - 1);
    path[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(path, '/');
    snprintf(slash != NULL ? slash + 1 : path, size - (size_t)(slash != NULL ? slash + 1 - path : 0), "%s", name);
}

/* Code of a scenario in a temporary file for the stock program. */
static bool write_code(const struct sim_scenario *scenario, char *path, size_t size)
{
    struct packed_reader reader;
    struct packed_record record;
    snprintf(path, size, "/tmp/vmxbench-code.XXXXXX");
    const int descriptor = mkstemp(path);
    if (descriptor < 0 || packed_open(&reader, scenario->packed, scenario->packed_size) != NULL)
        return false;
    bool written = false;
    while (packed_next(&reader, &record))
        if (record.kind == PACKED_MEMORY && packed_u64(&record, 0) == scenario->code_address)
            written = write(descriptor, record.payload + 8, record.size - 8) == (ssize_t)(record.size - 8);
    close(descriptor);
    return written;
}

/* Seconds that stock Unicorn takes for `rounds` rounds; 0 when it cannot be run. */
static double stock(const char *code, uint64_t address, unsigned rounds, const char *mode)
{
    char program[4096], command[8400];
    beside(program, sizeof program, "vmxbench-stock");
    snprintf(command, sizeof command, "'%s' '%s' %llu %u %s", program, code, (unsigned long long)address, rounds, mode);
    double best = 0;
    for (int i = 0; i < 2; i++) {
        FILE *from = popen(command, "r");
        unsigned long long nanoseconds = 0;
        const bool good = from != NULL && fscanf(from, "%llu", &nanoseconds) == 1;
        if (from != NULL && pclose(from) != 0)
            return 0;
        if (good && (best == 0 || (double)nanoseconds * 1e-9 < best))
            best = (double)nanoseconds * 1e-9;
    }
    return best;
}

/* Mega-instructions a second of the simulator and of stock Unicorn in its three ways, on one guest. */
static bool mips(const char *name, unsigned rounds, unsigned stock_rounds, double *sim, double stock_mips[3])
{
    static const char *const modes[3] = {"plain", "block", "limit"};
    struct sim_scenario *scenarios;
    struct measured m;
    size_t count;
    char code[64];
    if (!load(name, &scenarios, &count))
        return false;
    const bool good = measure(scenarios, &m) && write_code(scenarios, code, sizeof code);
    if (good) {
        *sim = (double)m.instructions / m.seconds * 1e-6;
        for (int i = 0; i < 3; i++) {
            const unsigned r = i == 2 ? rounds : stock_rounds;
            const double seconds = stock(code, scenarios->code_address, r, modes[i]);
            stock_mips[i] = seconds > 0 ? (double)m.instructions * r / rounds / seconds * 1e-6 : 0;
        }
        unlink(code);
    }
    sim_scenario_free(scenarios, count);
    return good;
}

static bool exits_per_second(const char *name, double *out)
{
    struct sim_scenario *scenarios;
    struct measured m;
    size_t count;
    if (!load(name, &scenarios, &count))
        return false;
    const bool good = measure(scenarios, &m);
    if (good)
        *out = (double)m.exits / m.seconds;
    sim_scenario_free(scenarios, count);
    return good;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Median time of whole `vmxbench run` processes, in milliseconds. */
static double cold_milliseconds(void)
{
    char program[4096];
    double times[COLD_RUNS];
    beside(program, sizeof program, "vmxbench");
    for (int i = 0; i < COLD_RUNS; i++) {
        const double start = now();
        const pid_t child = fork();
        if (child == 0) {
            if (freopen("/dev/null", "w", stdout) != NULL)
                execl(program, "vmxbench", "run", VMXBENCH_BENCH_FOLDER "/ten_exits.lua", (char *)NULL);
            _exit(127);
        }
        int status = 0;
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
            return 0;
        times[i] = (now() - start) * 1e3;
    }
    qsort(times, COLD_RUNS, sizeof times[0], by_value);
    return times[COLD_RUNS / 2];
}

static void print_json(const struct figure *figures, size_t count)
{
    cJSON *root = cJSON_CreateObject();
    for (size_t i = 0; i < count; i++)
        cJSON_AddNumberToObject(root, figures[i].key, figures[i].value);
    char *text = cJSON_Print(root);
    puts(text);
    free(text);
    cJSON_Delete(root);
}

static void print_table(const struct figure *figures, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (figures[i].value == 0)
            printf("%-62s %12s\n", figures[i].text, "not measured");
        else
            printf("%-62s %12.*f %s\n", figures[i].text, figures[i].value < 100 ? 2 : 0, figures[i].value, figures[i].unit);
    }
}

static double ratio(double a, double b)
{
    return b > 0 ? a / b : 0;
}

int cmd_bench(int argc, char **argv)
{
    const bool json = argc == 2 && strcmp(argv[1], "--json") == 0;
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(usage, stdout);
        return 0;
    }
    if (argc > 1 && !json) {
        fprintf(stderr, "vmxbench bench: '%s' is not an option; there is --json\n", argv[1]);
        return 2;
    }
    double tight = 0, mix = 0, cpuid = 0, tight_stock[3] = {0}, mix_stock[3] = {0};
    if (!mips("tight", 60000000, 60000000, &tight, tight_stock) || !mips("mix", 1000, 200, &mix, mix_stock) || !exits_per_second("cpuid", &cpuid))
        return 2;
    const struct figure figures[] = {
        {"mips_tight", "tight loop, exact counting", "MIPS", tight},
        {"mips_tight_stock", "tight loop, stock Unicorn, no hook", "MIPS", tight_stock[0]},
        {"mips_tight_stock_block", "tight loop, stock Unicorn, empty block hook", "MIPS", tight_stock[1]},
        {"mips_mix", "memory mix, exact counting", "MIPS", mix},
        {"mips_mix_stock", "memory mix, stock Unicorn, no hook", "MIPS", mix_stock[0]},
        {"mips_mix_stock_block", "memory mix, stock Unicorn, empty block hook", "MIPS", mix_stock[1]},
        {"mips_mix_limit", "memory mix, Unicorn with fast stores and no counting", "MIPS", mix_stock[2]},
        {"mix_ratio_stock", "memory mix against stock Unicorn", "x", ratio(mix, mix_stock[0])},
        {"mix_ratio_limit", "memory mix against Unicorn's limit", "x", ratio(mix, mix_stock[2])},
        {"exits_per_s_cpuid", "CPUID exits: engine, model, handler, trace, entry", "exits/s", cpuid},
        {"scenario_cold_ms", "ten-exit scenario, process start to verdict (median)", "ms", cold_milliseconds()},
    };
    if (json)
        print_json(figures, sizeof figures / sizeof figures[0]);
    else
        print_table(figures, sizeof figures / sizeof figures[0]);
    return 0;
}

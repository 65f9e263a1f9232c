/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sources of interrupts: when they are due, where they arrive, what a run of them leaves behind. */
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "handlers/bench/packed.h"
#include "sim/machine_internal.h"
#include "sim/scenario.h"
#include "tests/support/exact.h"
#include "tests/support/pack.h"
#include "tests/support/random.h"
#include "tests/support/suite.h"

enum { NUMBER = 1000 };
static struct bk_machine *machine;

static void begin(const struct bk_source *sources, unsigned count)
{
    const char *message;
    const struct sim_machine_options options = {.guest_bytes = 0x100000, .vcpus = 2};
    machine = sim_machine_new(&options, &message);
    CU_ASSERT_PTR_NOT_NULL_FATAL(machine);
    CU_ASSERT_TRUE_FATAL(bk_set_sources(machine, sources, count));
}

/* The instants of all interrupts of one source at physical CPU 0, one by one. */
static unsigned instants(const struct bk_source *source, uint64_t out[NUMBER])
{
    uint64_t requested[4], now = 0;
    unsigned count = 0;
    begin(source, 1);
    for (uint64_t left; count < NUMBER && (left = sim_sources_distance(machine, 0, now)) != UINT64_MAX; count++) {
        now += left;
        memset(requested, 0, sizeof requested);
        if (left != 0)
            (void)sim_sources_arrive(machine, 0, now - 1, requested);
        CU_ASSERT_EQUAL(requested[source->vector / 64], 0);
        (void)sim_sources_arrive(machine, 0, now, requested);
        CU_ASSERT_EQUAL(requested[source->vector / 64], UINT64_C(1) << source->vector % 64);
        out[count] = now;
    }
    sim_machine_free(machine);
    return count;
}

static void without_jitter_a_source_is_a_clock(void)
{
    uint64_t at[NUMBER];
    CU_ASSERT_EQUAL_FATAL(instants(&(struct bk_source){.vector = 0x40, .period = 700, .first = 50, .count = 20, .seed = 9}, at), 20);
    for (unsigned i = 0; i < 20; i++)
        CU_ASSERT_EQUAL(at[i], 50 + 700u * i);
}

static void jitter_stays_around_the_clock_and_fills_its_range(void)
{
    uint64_t at[NUMBER];
    bool earliest = false, latest = false;
    int64_t sum = 0;
    CU_ASSERT_EQUAL_FATAL(instants(&(struct bk_source){.vector = 0xff, .period = 100, .jitter = 5, .first = 100, .seed = 1}, at), NUMBER);
    for (unsigned i = 0; i < NUMBER; i++) {
        const int64_t shift = (int64_t)at[i] - 100 * ((int64_t)i + 1);
        CU_ASSERT(shift >= -5 && shift <= 5);
        earliest |= shift == -5;
        latest |= shift == 5;
        sum += shift;
    }
    CU_ASSERT(earliest && latest);
    CU_ASSERT(sum > -NUMBER && sum < NUMBER);
}

static void a_seed_gives_the_same_instants_again_and_another_seed_others(void)
{
    uint64_t a[NUMBER], b[NUMBER], c[NUMBER];
    struct bk_source source = {.vector = 0x40, .period = 1000, .jitter = 500, .first = 1000, .seed = 7};
    (void)instants(&source, a);
    (void)instants(&source, b);
    source.seed = 8;
    (void)instants(&source, c);
    CU_ASSERT_EQUAL(memcmp(a, b, sizeof a), 0);
    CU_ASSERT_NOT_EQUAL(memcmp(a, c, sizeof a), 0);
    for (unsigned i = 1; i < NUMBER; i++)
        CU_ASSERT(a[i] >= a[i - 1]);
}

/* The documented function, by hand: SplitMix64 of seed 0 begins with e220a8397b1dcdaf. */
static void the_generator_is_the_documented_one(void)
{
    uint64_t at[NUMBER];
    (void)instants(&(struct bk_source){.vector = 0x40, .period = 2000, .jitter = 1000, .first = 2000, .seed = 0}, at);
    CU_ASSERT_EQUAL(at[0], 2000 - 1000 + (UINT64_C(0xe220a839) * 2001 >> 32));
}

static void a_source_arrives_at_its_physical_cpu_alone(void)
{
    const struct bk_source sources[] = {{.vector = 0x40, .physical_cpu = 1, .period = 10, .first = 10}, {.vector = 0x50, .period = 15, .first = 15}};
    uint64_t requested[4] = {0};
    begin(sources, 2);
    CU_ASSERT_EQUAL(sim_sources_distance(machine, 0, 0), 15);
    CU_ASSERT_EQUAL(sim_sources_distance(machine, 1, 0), 10);
    (void)sim_sources_arrive(machine, 0, 100, requested);
    CU_ASSERT_EQUAL(requested[1], UINT64_C(1) << 0x10);
    (void)sim_sources_arrive(machine, 1, 100, requested);
    CU_ASSERT_EQUAL(requested[1], UINT64_C(1) << 0x10 | 1);
    CU_ASSERT_EQUAL(sim_sources_distance(machine, 0, 100), 5);
    CU_ASSERT_EQUAL(sim_sources_distance(machine, 2, 100), UINT64_MAX);
    sim_machine_free(machine);
}

static void requests_that_were_not_taken_are_counted(void)
{
    const struct bk_source source = {.vector = 0x40, .period = 10, .first = 10, .count = 5};
    uint64_t requested[4] = {0}, raised, merged;
    begin(&source, 1);
    sim_sources_arrive(machine, 0, 30, requested);
    requested[1] = 0;
    sim_sources_arrive(machine, 0, 1000, requested);
    bk_source_counts(machine, 0, &raised, &merged);
    CU_ASSERT_EQUAL(raised, 5);
    CU_ASSERT_EQUAL(merged, 3);
    bk_source_counts(machine, 1, &raised, &merged);
    CU_ASSERT_EQUAL(raised, 0);
    sim_machine_free(machine);
}

static void sources_are_replaced_as_a_whole(void)
{
    const struct bk_source source = {.vector = 0x40, .period = 10, .first = 10};
    struct bk_source many[BK_SOURCES_MAX + 1] = {0};
    begin(&source, 1);
    CU_ASSERT_FALSE(bk_set_sources(machine, many, BK_SOURCES_MAX + 1));
    CU_ASSERT_EQUAL(sim_sources_distance(machine, 0, 0), 10);
    CU_ASSERT_TRUE(bk_set_sources(machine, NULL, 0));
    CU_ASSERT_EQUAL(sim_sources_distance(machine, 0, 0), UINT64_MAX);
    sim_machine_free(machine);
}

/* ---- whole runs ---- */
/* A guest of two virtual CPUs that spends its time in every way in which time passes: loops, REP, HLT with and without an exit, CPUID. */
static const char guest[] = "return scenario { name = 'x', vcpus = 2, physical_cpus = %u, start = { [1] = 'other' },\n"
                            "  controls = { primary = { hlt_exiting = %s } }, sources = { %s },\n"
                            "  affinity = { [0x40] = %u, [0x41] = %u },\n"
                            "  idt = { [0x40] = 'irq', [0x41] = 'irq', [0x42] = 'irq' }, rest = 'any', limit = 60000,\n"
                            "  guest = asm [[\n"
                            "          sti\n mov esi, 3\n"
                            "   again: mov edi, 0x9000\n mov ecx, 3000\n rep stosb\n cpuid\n mov ecx, 500\n spin: loop spin\n dec esi\n jnz again\n"
                            "   sleep: hlt\n jmp sleep\n"
                            "   other: sti\n mov ecx, 2000\n turn: loop turn\n rest: hlt\n jmp rest\n"
                            "   irq:   inc r8\n iretq ]] }\n";

static void write_sources(char *text, size_t size, struct random *random)
{
    int at = 0;
    for (unsigned vector = 0x40; vector <= 0x42; vector++) {
        const unsigned period = 200 + (unsigned)(random_next(random) % 3000);
        at += snprintf(text + at, size - (size_t)at, "{ vector = %u, period = %u, jitter = %u, seed = %u, vcpu = %u, count = 12 }, ", vector, period,
                       (unsigned)(random_next(random) % (period / 2)), (unsigned)(random_next(random) % 1000), (unsigned)(random_next(random) % 2));
    }
}

static bool load(const char *text, struct sim_scenario **scenarios)
{
    char path[] = "/tmp/vmxbench-sources-XXXXXX";
    struct sim_error error;
    size_t count;
    const int fd = mkstemp(path);
    CU_ASSERT_FATAL(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    const bool good = sim_scenario_load(path, NULL, 0, scenarios, &count, &error);
    if (!good)
        printf("%s\n", error.message);
    unlink(path);
    return good;
}

/* In the middle of REP and HLT too: a run that looks at every instruction is the same run. */
static void instants_are_exact_wherever_they_fall(void)
{
    struct random random = {.state = 20};
    for (unsigned i = 0; i < 24; i++) {
        char sources[512], text[2048], why[256];
        struct sim_scenario *scenario;
        struct exact_run fast, slow;
        const unsigned cpus = 1 + i % 3;
        write_sources(sources, sizeof sources, &random);
        snprintf(text, sizeof text, guest, cpus, i % 2 != 0 ? "true" : "false", sources, (unsigned)(random_next(&random) % cpus),
                 (unsigned)(random_next(&random) % cpus));
        CU_ASSERT_TRUE_FATAL(load(text, &scenario));
        const struct exact_input input = {.packed = scenario->packed,
                                          .packed_size = scenario->packed_size,
                                          .caps = &scenario->caps,
                                          .guest_bytes = scenario->guest_bytes,
                                          .vcpus = scenario->vcpus};
        exact_run(&input, 0, &fast);
        exact_run(&input, 1, &slow);
        CU_ASSERT_TRUE(fast.good && slow.good);
        CU_ASSERT(fast.exits > 20);
        const bool equal = exact_equal(&fast, &slow, why, sizeof why);
        if (!equal)
            printf("%s\n%s\n", text, why);
        CU_ASSERT_TRUE(equal);
        exact_free(&fast);
        exact_free(&slow);
        sim_scenario_free(scenario, 1);
    }
}

/* What no loader writes, a machine may be handed all the same. */
static void bad_records_are_refused(void)
{
    static const struct {
        uint32_t vector, vcpu, cpu;
        uint64_t period, jitter, first;
    } rows[] = {{15, 0, 0, 10, 0, 10},         {256, 0, 0, 10, 0, 10},        {64, 0, 0, 0, 0, 0},   {64, 0, 0, 10, 6, 10}, {64, 0, 0, 10, 5, 4},
                {64, 0, 0, UINT64_MAX, 0, 10}, {64, 0, 0, 10, 0, UINT64_MAX}, {64, 1, 0, 10, 0, 10}, {64, 0, 1, 10, 0, 10}};
    for (size_t i = 0; i <= sizeof rows / sizeof rows[0]; i++) {
        static struct pack p;
        struct exact_run run;
        const size_t row = i < sizeof rows / sizeof rows[0] ? i : 0;
        const uint32_t head[] = {i == row ? rows[row].vector : 64, rows[row].vcpu, rows[row].cpu, 0};
        const uint64_t rest[] = {rows[row].period, rows[row].jitter, rows[row].first, 1, 0};
        uint8_t payload[sizeof head + sizeof rest];
        memcpy(payload, head, sizeof head);
        memcpy(payload + sizeof head, rest, sizeof rest);
        pack_begin(&p, "sources", "skylake-sp", PACKED_MODE_LONG, 0x100000);
        pack_record(&p, PACKED_SOURCE, payload, sizeof payload);
        pack_code(&p, 0x8000, "\xf4", 1);
        pack_end(&p);
        exact_run(&(struct exact_input){.packed = p.bytes, .packed_size = p.size, .guest_bytes = 0x100000, .vcpus = 1}, 0, &run);
        CU_ASSERT_EQUAL(run.good, i != row);
        exact_free(&run);
    }
}

SUITE("sim/sources", {"without_jitter_a_source_is_a_clock", without_jitter_a_source_is_a_clock},
      {"jitter_stays_around_the_clock_and_fills_its_range", jitter_stays_around_the_clock_and_fills_its_range},
      {"a_seed_gives_the_same_instants_again_and_another_seed_others", a_seed_gives_the_same_instants_again_and_another_seed_others},
      {"the_generator_is_the_documented_one", the_generator_is_the_documented_one},
      {"a_source_arrives_at_its_physical_cpu_alone", a_source_arrives_at_its_physical_cpu_alone},
      {"requests_that_were_not_taken_are_counted", requests_that_were_not_taken_are_counted},
      {"instants_are_exact_wherever_they_fall", instants_are_exact_wherever_they_fall}, {"bad_records_are_refused", bad_records_are_refused},
      {"sources_are_replaced_as_a_whole", sources_are_replaced_as_a_whole})

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sources of interrupts: when they are due, where they arrive, what a run of them leaves behind. */
#include "sim/machine_internal.h"
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

SUITE("sim/sources", {"without_jitter_a_source_is_a_clock", without_jitter_a_source_is_a_clock},
      {"jitter_stays_around_the_clock_and_fills_its_range", jitter_stays_around_the_clock_and_fills_its_range},
      {"a_seed_gives_the_same_instants_again_and_another_seed_others", a_seed_gives_the_same_instants_again_and_another_seed_others},
      {"the_generator_is_the_documented_one", the_generator_is_the_documented_one},
      {"a_source_arrives_at_its_physical_cpu_alone", a_source_arrives_at_its_physical_cpu_alone},
      {"requests_that_were_not_taken_are_counted", requests_that_were_not_taken_are_counted},
      {"sources_are_replaced_as_a_whole", sources_are_replaced_as_a_whole})

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* exact_scenarios [--limit N] LONGEST SCRIPT...: every scenario of the scripts runs as usual, instruction by instruction, and with runs of at most
   LONGEST ticks (0: not that), at most N instructions of it: each time with the same trace, the same final state and the same memory. Exit status 1:
   something differs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "handlers/bench/packed.h"
#include "sim/scenario.h"
#include "tests/support/exact.h"

static bool compare(const struct sim_scenario *scenario, const struct exact_input *input, const struct exact_run *usual, uint64_t longest_run)
{
    struct exact_run other;
    char text[256];
    exact_run(input, longest_run, &other);
    const bool equal = exact_equal(usual, &other, text, sizeof text);
    if (!equal)
        printf("%s:%u: %s: runs of at most %llu ticks differ from the usual one: %s\n", scenario->file, scenario->line, scenario->name,
               (unsigned long long)longest_run, text);
    exact_free(&other);
    return equal;
}

/* Answers how many runs differ. */
static unsigned compare_all(const struct sim_scenario *scenario, uint64_t longest_run)
{
    const struct exact_input input = {.packed = scenario->packed,
                                      .packed_size = scenario->packed_size,
                                      .caps = &scenario->caps,
                                      .guest_bytes = scenario->guest_bytes,
                                      .vcpus = scenario->vcpus};
    struct exact_run usual;
    exact_run(&input, 0, &usual);
    unsigned differences = !compare(scenario, &input, &usual, 1);
    if (longest_run != 0)
        differences += !compare(scenario, &input, &usual, longest_run);
    exact_free(&usual);
    return differences;
}

/* Its limit of instructions becomes `limit`, if it is above that. */
static void shorten(struct sim_scenario *scenario, uint64_t limit)
{
    uint8_t *bytes = scenario->packed;
    for (uint64_t at = PACKED_HEADER_BYTES; at + PACKED_RECORD_BYTES + sizeof limit <= scenario->packed_size;) {
        uint16_t kind;
        uint32_t size;
        uint64_t value;
        memcpy(&kind, bytes + at, sizeof kind);
        memcpy(&size, bytes + at + 4, sizeof size);
        memcpy(&value, bytes + at + PACKED_RECORD_BYTES, sizeof value);
        if (kind == PACKED_LIMIT && value > limit)
            memcpy(bytes + at + PACKED_RECORD_BYTES, &limit, sizeof limit);
        at += PACKED_RECORD_BYTES + (size + UINT64_C(3)) / 4 * 4;
    }
    const uint32_t crc = bench_crc32(0, bytes + PACKED_HEADER_BYTES, scenario->packed_size - PACKED_HEADER_BYTES);
    memcpy(bytes + 12, &crc, sizeof crc);
}

static bool number_of(const char *text, uint64_t *value)
{
    char *end;
    *value = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0';
}

int main(int argc, char **argv)
{
    unsigned scenarios_run = 0, differences = 0;
    uint64_t longest_run = 0, limit = UINT64_MAX;
    const bool limited = argc > 2 && strcmp(argv[1], "--limit") == 0;
    const int first = limited ? 3 : 1;
    if (argc < first + 2 || (limited && !number_of(argv[2], &limit)) || !number_of(argv[first], &longest_run)) {
        fprintf(stderr, "usage: exact_scenarios [--limit N] LONGEST SCRIPT...\n");
        return 2;
    }
    for (int i = first + 1; i < argc; i++) {
        struct sim_scenario *scenarios;
        struct sim_error error;
        size_t count;
        if (!sim_scenario_load(argv[i], NULL, 0, &scenarios, &count, &error)) {
            fprintf(stderr, "%s:%u: %s\n", error.file, error.line, error.message);
            return 2;
        }
        for (size_t s = 0; s < count; s++, scenarios_run++) {
            shorten(&scenarios[s], limit);
            differences += compare_all(&scenarios[s], longest_run);
        }
        sim_scenario_free(scenarios, count);
    }
    printf("%u scenarios, %u differences\n", scenarios_run, differences);
    return differences != 0 || scenarios_run == 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* exact_scenarios LONGEST SCRIPT...: every scenario of the scripts runs as usual, instruction by instruction, and with runs of at most LONGEST
   ticks (0: not that): each time with the same trace, the same final state and the same memory. Exit status 1: something differs. */
#include <stdio.h>
#include <stdlib.h>

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

int main(int argc, char **argv)
{
    unsigned scenarios_run = 0, differences = 0;
    char *end;
    const uint64_t longest_run = argc > 2 ? strtoull(argv[1], &end, 10) : 0;
    if (argc < 3 || *end != '\0') {
        fprintf(stderr, "usage: exact_scenarios LONGEST SCRIPT...\n");
        return 2;
    }
    for (int i = 2; i < argc; i++) {
        struct sim_scenario *scenarios;
        struct sim_error error;
        size_t count;
        if (!sim_scenario_load(argv[i], NULL, 0, &scenarios, &count, &error)) {
            fprintf(stderr, "%s:%u: %s\n", error.file, error.line, error.message);
            return 2;
        }
        for (size_t s = 0; s < count; s++, scenarios_run++)
            differences += compare_all(&scenarios[s], longest_run);
        sim_scenario_free(scenarios, count);
    }
    printf("%u scenarios, %u differences\n", scenarios_run, differences);
    return differences != 0 || scenarios_run == 0;
}

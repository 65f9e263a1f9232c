/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Placement of virtual CPUs and interrupts, out of packed scenarios. */
#include "placement.h"

#include "../handlers/bench/packed.h"

static void add_source(struct placement *placement, const struct packed_record *record)
{
    const unsigned vector = packed_u32(record, 0), vcpu = packed_u32(record, 4);
    for (unsigned i = 0; i < placement->sources; i++)
        if (placement->source[i].vector == vector)
            return;
    if (placement->sources == PLACEMENT_SOURCES)
        return;
    placement->source[placement->sources++] =
        (struct placement_source){.vector = vector, .vcpu = vcpu, .physical_cpu = packed_u32(record, 8), .owner_cpu = vcpu};
}

static void add_scenario(struct placement *placement, const struct sim_scenario *scenario)
{
    struct packed_reader reader;
    struct packed_record record;
    if (packed_open(&reader, scenario->packed, scenario->packed_size) != NULL)
        return;
    while (packed_next(&reader, &record))
        if (record.kind == PACKED_SOURCE)
            add_source(placement, &record);
    if (scenario->vcpus > placement->physical_cpus)
        placement->physical_cpus = scenario->vcpus;
}

bool placement_read(struct placement *placement, const char *path, const struct sim_override *changes, size_t count)
{
    struct sim_scenario *scenarios;
    struct sim_error error = {0};
    size_t scenario_count;
    *placement = (struct placement){0};
    if (!sim_scenario_load(path, changes, count, &scenarios, &scenario_count, &error))
        return false;
    for (size_t i = 0; i < scenario_count; i++)
        add_scenario(placement, &scenarios[i]);
    sim_scenario_free(scenarios, scenario_count);
    return true;
}

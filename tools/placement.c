/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Placement of virtual CPUs and interrupts, out of packed scenarios. */
#include "placement.h"

#include "../handlers/bench/packed.h"

/* Where the virtual CPUs of one scenario run: in turn, unless it binds them. */
static unsigned read_pins(const struct sim_scenario *scenario, struct packed_reader reader, unsigned pin[8])
{
    const struct packed_reader first = reader;
    struct packed_record record;
    unsigned physical_cpus = scenario->vcpus;
    while (packed_next(&reader, &record))
        if (record.kind == PACKED_PHYSICAL_CPUS)
            physical_cpus = packed_u32(&record, 0);
    for (unsigned i = 0; i < 8; i++)
        pin[i] = physical_cpus != 0 ? i % physical_cpus : 0;
    reader = first;
    while (packed_next(&reader, &record))
        if (record.kind == PACKED_PIN)
            pin[packed_u32(&record, 0) % 8] = packed_u32(&record, 4);
    return physical_cpus;
}

static void add_source(struct placement *placement, const struct packed_record *record, const unsigned pin[8])
{
    const unsigned vector = packed_u32(record, 0), vcpu = packed_u32(record, 4);
    for (unsigned i = 0; i < placement->sources; i++)
        if (placement->source[i].vector == vector)
            return;
    if (placement->sources == PLACEMENT_SOURCES)
        return;
    placement->source[placement->sources++] =
        (struct placement_source){.vector = vector, .vcpu = vcpu, .physical_cpu = packed_u32(record, 8), .owner_cpu = pin[vcpu % 8]};
}

static void add_scenario(struct placement *placement, const struct sim_scenario *scenario)
{
    struct packed_reader reader;
    struct packed_record record;
    unsigned pin[8];
    if (packed_open(&reader, scenario->packed, scenario->packed_size) != NULL)
        return;
    const unsigned physical_cpus = read_pins(scenario, reader, pin);
    for (unsigned i = placement->vcpus; i < scenario->vcpus && i < 8; i++)
        placement->pin[i] = pin[i];
    while (packed_next(&reader, &record))
        if (record.kind == PACKED_SOURCE)
            add_source(placement, &record, pin);
    if (scenario->vcpus > placement->vcpus)
        placement->vcpus = scenario->vcpus;
    if (physical_cpus > placement->physical_cpus)
        placement->physical_cpus = physical_cpus;
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

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices of the host that interrupt by themselves: when, and at which physical CPU. An instant depends on its source and its number alone. */
#include "machine_internal.h"

/* 64 bits that look random, the same for the same seed and number: the output function of SplitMix64. */
static uint64_t scrambled(uint64_t seed, uint64_t number)
{
    uint64_t z = seed + (number + 1) * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Uniform from 0 to twice the jitter. */
static uint64_t shift(const struct bk_source *source, uint64_t number)
{
    return (scrambled(source->seed, number) >> 32) * (2 * source->jitter + 1) >> 32;
}

static void set_due(struct sim_source *s)
{
    const struct bk_source *source = &s->source;
    const bool over = source->count != 0 && s->raised >= source->count;
    s->due = over ? UINT64_MAX : s->origin + source->first + s->raised * source->period + shift(source, s->raised) - source->jitter;
}

bool bk_set_sources(struct bk_machine *machine, const struct bk_source *sources, unsigned count)
{
    if (count > BK_SOURCES_MAX)
        return false;
    machine->source_count = count;
    for (unsigned i = 0; i < count; i++) {
        machine->sources[i] = (struct sim_source){.source = sources[i], .origin = sim_now(&machine->vcpu[0])};
        set_due(&machine->sources[i]);
    }
    return true;
}

void bk_source_counts(const struct bk_machine *machine, unsigned source, uint64_t *raised, uint64_t *merged)
{
    *raised = source < machine->source_count ? machine->sources[source].raised : 0;
    *merged = source < machine->source_count ? machine->sources[source].merged : 0;
}

/* Each arrival counts as a step: a source without an end does not let a guest sleep without an end. */
bool sim_sources_arrive(struct bk_machine *machine, unsigned physical_cpu, uint64_t now, uint64_t requested[4])
{
    bool any = false;
    for (unsigned i = 0; i < machine->source_count; i++) {
        struct sim_source *s = &machine->sources[i];
        if (s->source.physical_cpu != physical_cpu)
            continue;
        while (s->due <= now) {
            const uint64_t bit = UINT64_C(1) << s->source.vector % 64;
            s->merged += (requested[s->source.vector / 64] & bit) != 0;
            requested[s->source.vector / 64] |= bit;
            s->raised++;
            machine->steps++;
            set_due(s);
            any = true;
        }
    }
    return any;
}

uint64_t sim_sources_distance(const struct bk_machine *machine, unsigned physical_cpu, uint64_t now)
{
    uint64_t distance = UINT64_MAX;
    for (unsigned i = 0; i < machine->source_count; i++) {
        const struct sim_source *s = &machine->sources[i];
        if (s->source.physical_cpu != physical_cpu || s->due == UINT64_MAX)
            continue;
        const uint64_t left = s->due > now ? s->due - now : 0;
        distance = left < distance ? left : distance;
    }
    return distance;
}

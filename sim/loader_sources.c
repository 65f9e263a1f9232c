/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices of the host that interrupt by themselves, whose interrupts they are, and the physical CPUs where these arrive. */
#include <string.h>

#include "loader.h"

enum { VECTOR_MIN = PACKED_SOURCE_VECTOR_MIN, VECTOR_MAX = 255 };

/* A source on its way; the numbers in the order of `numbers`. */
enum { VECTOR, VCPU, PERIOD, JITTER, FIRST, COUNT, SEED, NUMBERS };
static const char *const numbers[NUMBERS + 1] = {"vector", "vcpu", "period", "jitter", "first", "count", "seed", NULL};

static bool load_vector(const struct loader *loader, const struct script_value *key)
{
    if (key->type != SCRIPT_INTEGER || key->integer < VECTOR_MIN || key->integer > VECTOR_MAX)
        return load_fail(loader, loader->table->line, "affinity", "affinity wants physical CPUs by vector, 16 to 255: affinity = { [0x40] = 1 }");
    return true;
}

/* As the script says, then as the command line does. */
static bool find_affinity(const struct loader *loader, unsigned vector, uint64_t *physical_cpu)
{
    const struct script_value *affinity = script_get(loader->table, "affinity");
    const struct script_value *given = affinity != NULL && affinity->type == SCRIPT_TABLE ? script_at(affinity->table, vector) : NULL;
    *physical_cpu = 0;
    if (given != NULL && !load_number(loader, loader->table->line, given, "affinity", physical_cpu))
        return false;
    for (size_t i = 0; i < loader->override_count; i++)
        if (strcmp(loader->overrides[i].word, SIM_OVERRIDE_AFFINITY) == 0 && loader->overrides[i].key == vector) {
            *physical_cpu = loader->overrides[i].number;
            loader->overrides_used[i] = true;
        }
    if (*physical_cpu < loader->physical_cpus)
        return true;
    return load_fail(loader, loader->table->line, "affinity", "vector 0x%x goes to physical CPU %llu: the scenario has %u (0 to %u)", vector,
                     (unsigned long long)*physical_cpu, loader->physical_cpus, loader->physical_cpus - 1);
}

/* In the words of the key that is wrong. */
static bool check(const struct loader *loader, unsigned line, const uint64_t number[NUMBERS])
{
    if (number[VECTOR] < VECTOR_MIN || number[VECTOR] > VECTOR_MAX)
        return load_fail(loader, line, "vector", "sources: a vector is 16 to 255");
    if (number[VCPU] >= loader->out->vcpus)
        return load_fail(loader, line, "vcpu", "sources: there is no vCPU %llu: the scenario has %u (vcpus = ...)", (unsigned long long)number[VCPU],
                         loader->out->vcpus);
    if (number[PERIOD] == 0 || number[PERIOD] > PACKED_SOURCE_TICKS_MAX)
        return load_fail(loader, line, "period", "sources: a period is 1 to 2^40 ticks");
    if (number[JITTER] > number[PERIOD] / 2 || number[JITTER] > PACKED_SOURCE_JITTER_MAX)
        return load_fail(loader, line, "jitter", "sources: jitter is at most half the period, and below 2^31 ticks");
    if (number[FIRST] > PACKED_SOURCE_TICKS_MAX || number[FIRST] < number[JITTER])
        return load_fail(loader, line, "first", "sources: first is the jitter to 2^40 ticks");
    return true;
}

static void pack_source(struct loader *loader, const uint64_t number[NUMBERS], uint64_t physical_cpu)
{
    pack_record(&loader->pack, PACKED_SOURCE);
    pack_u32(&loader->pack, (uint32_t)number[VECTOR]);
    pack_u32(&loader->pack, (uint32_t)number[VCPU]);
    pack_u32(&loader->pack, (uint32_t)physical_cpu);
    pack_u32(&loader->pack, 0);
    for (unsigned i = PERIOD; i < NUMBERS; i++)
        pack_u64(&loader->pack, number[i]);
}

/* { vector = 0x40, period = 5000, jitter = 500, seed = 7, vcpu = 1, first = 5000, count = 100 } */
static bool load_source(struct loader *loader, const struct script_value *value, uint8_t taken[VECTOR_MAX + 1])
{
    const unsigned line = script_line_of(loader->script, loader->table->line, "sources");
    uint64_t number[NUMBERS] = {0}, physical_cpu;
    if (!load_is_plain(loader, line, value, "sources") || !load_only_keys(loader, line, value->table, "sources", numbers))
        return false;
    for (unsigned i = 0; i < NUMBERS; i++) {
        const struct script_value *given = script_get(value->table, numbers[i]);
        if (given == NULL && (i == VECTOR || i == PERIOD))
            return load_fail(loader, line, NULL, "sources: a source wants at least vector and period: { vector = 0x40, period = 5000, vcpu = 1 }");
        if (given != NULL && !load_number(loader, line, given, numbers[i], &number[i]))
            return false;
    }
    if (script_get(value->table, numbers[FIRST]) == NULL)
        number[FIRST] = number[PERIOD];
    if (!check(loader, line, number) || !find_affinity(loader, (unsigned)number[VECTOR], &physical_cpu))
        return false;
    if (taken[number[VECTOR]]++ != 0)
        return load_fail(loader, line, NULL, "sources: two sources have the vector 0x%llx", (unsigned long long)number[VECTOR]);
    pack_source(loader, number, physical_cpu);
    return true;
}

bool load_sources(struct loader *loader, const struct script_value *value)
{
    const unsigned line = loader->table->line;
    uint8_t taken[VECTOR_MAX + 1] = {0};
    if (!load_is_plain(loader, line, value, "sources"))
        return false;
    if (value->table->count > BK_SOURCES_MAX)
        return load_fail(loader, line, "sources", "sources: at most %d of them", BK_SOURCES_MAX);
    for (size_t i = 0; i < value->table->count; i++) {
        if (value->table->entries[i].key.type != SCRIPT_INTEGER)
            return load_fail(loader, line, "sources", "sources wants a list: sources = { { vector = 0x40, period = 5000, vcpu = 1 } }");
        if (!load_source(loader, &value->table->entries[i].value, taken))
            return false;
    }
    if (value->table->count != 0)
        load_only_simulator(loader, "its interrupt sources count the machine's own time");
    return true;
}

static bool has_source(const struct loader *loader, int64_t vector)
{
    const struct script_value *sources = script_get(loader->table, "sources");
    for (size_t i = 0; sources != NULL && i < sources->table->count; i++) {
        const struct script_value *given = script_get(sources->table->entries[i].value.table, numbers[VECTOR]);
        if (given->type == SCRIPT_INTEGER && given->integer == vector)
            return true;
    }
    return false;
}

/* Sources have taken what concerns them: here it is seen that nothing is left over. */
bool load_affinity(struct loader *loader, const struct script_value *value)
{
    const unsigned line = loader->table->line;
    if (!load_is_plain(loader, line, value, "affinity"))
        return false;
    for (size_t i = 0; i < value->table->count; i++) {
        const struct script_entry *entry = &value->table->entries[i];
        if (!load_vector(loader, &entry->key))
            return false;
        if (!has_source(loader, entry->key.integer))
            return load_fail(loader, line, "affinity", "affinity: no source has the vector 0x%llx", (unsigned long long)entry->key.integer);
    }
    return true;
}

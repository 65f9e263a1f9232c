/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Virtual and physical CPUs of a scenario: how many, where each begins, which physical CPU it is bound to, how long its turns are. */
#include <string.h>

#include "loader.h"

bool load_vcpus(struct loader *loader, const struct script_value *value)
{
    uint64_t count;
    if (!load_number_to(loader, loader->table->line, value, "vcpus", 8, &count))
        return false;
    if (count == 0)
        return load_fail(loader, loader->table->line, "vcpus", "vcpus is 1 to 8");
    loader->out->vcpus = (unsigned)count;
    loader->physical_cpus = (unsigned)count;
    loader->out->timed = count != 1;
    pack_record(&loader->pack, PACKED_VCPUS);
    pack_u32(&loader->pack, (uint32_t)count);
    return true;
}

bool load_vcpu(const struct loader *loader, unsigned line, const struct script_table *table, uint32_t *vcpu)
{
    const struct script_value *given = script_get(table, "vcpu");
    uint64_t number = 0;
    if (given != NULL && !load_number(loader, line, given, "vcpu", &number))
        return false;
    if (number >= loader->out->vcpus)
        return load_fail(loader, line, "vcpu", "there is no vCPU %llu: the scenario has %u (vcpus = ...)", (unsigned long long)number,
                         loader->out->vcpus);
    *vcpu = (uint32_t)number;
    return true;
}

bool load_start(struct loader *loader, const struct script_value *value)
{
    const unsigned line = loader->table->line;
    if (!load_is_plain(loader, line, value, "start"))
        return false;
    for (size_t i = 0; i < value->table->count; i++) {
        const struct script_entry *entry = &value->table->entries[i];
        const bool real = loader->mode == PACKED_MODE_REAL || loader->mode == PACKED_MODE_RESET;
        uint64_t address;
        if (entry->key.type != SCRIPT_INTEGER || entry->key.integer < 0 || entry->key.integer >= (int64_t)loader->out->vcpus)
            return load_fail(loader, line, "start", "start wants vCPUs that are there: start = { [1] = \"label\" } with vcpus = 2");
        if (!load_number(loader, line, &entry->value, "start", &address))
            return false;
        if (real && address >= 0x10000)
            return load_fail(loader, line, "start", "start: in real mode the first instruction stands below 64 KBytes");
        pack_record(&loader->pack, PACKED_START);
        pack_u32(&loader->pack, (uint32_t)entry->key.integer);
        pack_u32(&loader->pack, 0);
        pack_u64(&loader->pack, address);
    }
    return true;
}

bool load_physical_cpus(struct loader *loader, const struct script_value *value)
{
    const unsigned line = loader->table->line;
    uint64_t count;
    if (!load_number_to(loader, line, value, "physical_cpus", HV_PHYSICAL_CPUS, &count))
        return false;
    if (count == 0)
        return load_fail(loader, line, "physical_cpus", "physical_cpus is 1 to 8");
    if (count != loader->out->vcpus)
        load_only_simulator(loader, "it has other physical CPUs than one for each virtual CPU");
    loader->physical_cpus = (unsigned)count;
    pack_record(&loader->pack, PACKED_PHYSICAL_CPUS);
    pack_u32(&loader->pack, (uint32_t)count);
    return true;
}

static bool load_physical_cpu(const struct loader *loader, unsigned line, const struct script_value *value, const char *what, uint64_t *number)
{
    if (!load_number(loader, line, value, what, number))
        return false;
    return *number < loader->physical_cpus ||
           load_fail(loader, line, what, "there is no physical CPU %llu: the scenario has %u (physical_cpus = ...)", (unsigned long long)*number,
                     loader->physical_cpus);
}

static void pack_pin(struct loader *loader, uint64_t vcpu, uint64_t physical_cpu)
{
    if (physical_cpu != vcpu)
        load_only_simulator(loader, "it binds a virtual CPU to another physical CPU than its own");
    pack_record(&loader->pack, PACKED_PIN);
    pack_u32(&loader->pack, (uint32_t)vcpu);
    pack_u32(&loader->pack, (uint32_t)physical_cpu);
}

/* What the command line binds comes after what the script does. */
static bool load_changed_pins(struct loader *loader)
{
    for (size_t i = 0; i < loader->override_count; i++) {
        const struct sim_override *change = &loader->overrides[i];
        if (strcmp(change->word, SIM_OVERRIDE_PIN) != 0 || change->key >= loader->out->vcpus)
            continue;
        if (change->number >= loader->physical_cpus)
            return load_fail(loader, loader->table->line, "pin", "vCPU %u goes to physical CPU %u: the scenario has %u (0 to %u)", change->key,
                             change->number, loader->physical_cpus, loader->physical_cpus - 1);
        loader->overrides_used[i] = true;
        pack_pin(loader, change->key, change->number);
    }
    return true;
}

bool load_pin(struct loader *loader, const struct script_value *value)
{
    const unsigned line = loader->table->line;
    if (value == NULL)
        return load_changed_pins(loader);
    if (!load_is_plain(loader, line, value, "pin"))
        return false;
    for (size_t i = 0; i < value->table->count; i++) {
        const struct script_entry *entry = &value->table->entries[i];
        uint64_t number;
        if (entry->key.type != SCRIPT_INTEGER || entry->key.integer < 0 || entry->key.integer >= (int64_t)loader->out->vcpus)
            return load_fail(loader, line, "pin", "pin wants vCPUs that are there: pin = { [1] = 0 } with vcpus = 2");
        if (!load_physical_cpu(loader, line, &entry->value, "pin", &number))
            return false;
        pack_pin(loader, (uint64_t)entry->key.integer, number);
    }
    return load_changed_pins(loader);
}

bool load_quantum(struct loader *loader, const struct script_value *value)
{
    const unsigned line = loader->table->line;
    uint64_t quantum;
    if (!load_number_to(loader, line, value, "quantum", PACKED_QUANTUM_MAX, &quantum))
        return false;
    if (quantum == 0)
        return load_fail(loader, line, "quantum", "quantum is 1 to 1000000000 instructions");
    if (quantum != PACKED_QUANTUM_DEFAULT)
        load_only_simulator(loader, "it sets the length of turns in instructions (quantum)");
    pack_record(&loader->pack, PACKED_QUANTUM);
    pack_u64(&loader->pack, quantum);
    return true;
}

bool load_move(struct loader *loader, const struct script_table *table)
{
    const struct script_value *after = script_get(table, "after");
    uint64_t vcpu, physical_cpu, count = 0;
    if (!load_number(loader, table->line, script_get(table, "moved"), "move", &vcpu))
        return false;
    if (vcpu >= loader->out->vcpus)
        return load_fail(loader, table->line, "move", "there is no vCPU %llu to move: the scenario has %u (vcpus = ...)", (unsigned long long)vcpu,
                         loader->out->vcpus);
    if (!load_physical_cpu(loader, table->line, script_get(table, "to"), "move", &physical_cpu) ||
        (after != NULL && !load_number(loader, table->line, after, "after", &count)))
        return false;
    if (count != 0 && vcpu != loader->step_vcpu)
        return load_fail(loader, table->line, "after", "after counts instructions of the vCPU that moves: it goes without on()");
    load_only_simulator(loader, "it moves a virtual CPU to another physical CPU");
    const struct packed_step step = {.kind = STEP_MOVE, .line = table->line, .a = (uint32_t)physical_cpu, .b = count, .c = vcpu};
    load_pack_step(loader, &step, NULL, 0);
    return true;
}

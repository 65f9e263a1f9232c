/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a script to packed scenarios. */
#define _DEFAULT_SOURCE
#include <stdlib.h>
#include <string.h>

#include "loader.h"

/* The keys of scenario { }, in the order in which they are looked at: what later ones need comes first. */
static const struct {
    const char *key;
    bool (*load)(struct loader *, const struct script_value *);
    bool always; /* called with NULL when the key is absent */
} keys[] = {
    {"name", load_name_of, false},
    {"profile", load_profile, true},
    {"lacks", load_lacks, false},
    {"mode", load_mode, true},
    {"guest_ram", load_guest_ram, true},
    {"vcpus", load_vcpus, false},
    {"physical_cpus", load_physical_cpus, false},
    {"pin", load_pin, true},
    {"quantum", load_quantum, false},
    {"sources", load_sources, false},
    {"affinity", load_affinity, false},
    {"limit", load_limit, true},
    {"controls", load_controls, true},
    {"io_bitmap", load_io_bitmap, false},
    {"msr_bitmap", load_msr_bitmap, false},
    {"exception_bitmap", load_exception_bitmap, false},
    {"policy", load_policy, false},
    {"msrs", load_msrs, false},
    {"guest", load_guest, false},
    {"memory", load_memory, false},
    {"start", load_start, false},
    {"vmcs", load_fields, false},
    {"registers", load_registers, false},
    {"idt", load_idt, false},
    {"pages", load_pages, false},
    {"ept", load_ept, false},
    {"msr_load", load_msr_load, false},
    {"rest", load_rest, false},
    {"steps", load_steps, false},
    {"final", load_final, false},
};
enum { KEYS = sizeof keys / sizeof keys[0] };

static int by_address(const void *left, const void *right)
{
    const struct sim_symbol *a = left, *b = right;
    if (a->address != b->address)
        return a->address < b->address ? -1 : 1;
    return strcmp(a->name, b->name);
}

static bool check_keys(const struct loader *loader)
{
    const char *names[KEYS + 1] = {0};
    for (size_t i = 0; i < KEYS; i++)
        names[i] = keys[i].key;
    if (!load_only_keys(loader, loader->table->line, loader->table, "scenario", names))
        return false;
    if (script_get(loader->table, "name") == NULL)
        return load_fail(loader, loader->table->line, NULL, "the scenario has no name");
    if (script_get(loader->table, "guest") == NULL && script_get(loader->table, "memory") == NULL)
        return load_fail(loader, loader->table->line, NULL, "the scenario has no code: guest = asm [[ ... ]]");
    return true;
}

static void finish(struct loader *loader)
{
    struct sim_scenario *out = loader->out;
    if (out->symbol_count != 0)
        qsort(out->symbols, out->symbol_count, sizeof *out->symbols, by_address);
    load_portable_timer(loader);
    out->timed = out->timed && out->portable;
    if (out->timed)
        load_only_simulator(loader, "it has several virtual CPUs, and the order of their exits depends on time");
    if (out->portable) {
        pack_record(&loader->pack, PACKED_PORTABLE);
        pack_u32(&loader->pack, 1);
    }
    pack_end(&loader->pack);
    out->packed = loader->pack.bytes;
    out->packed_size = loader->pack.size;
}

static void free_content(struct sim_scenario *scenario)
{
    for (size_t i = 0; i < scenario->symbol_count; i++)
        free(scenario->symbols[i].name);
    for (size_t i = 0; i < scenario->final_count; i++)
        free(scenario->finals[i].bytes);
    free(scenario->symbols);
    free(scenario->finals);
    free(scenario->name);
    free(scenario->file);
    free(scenario->packed);
}

static bool load_keys(struct loader *loader)
{
    struct sim_scenario *out = loader->out;
    loader->caps = vmx_default_profile();
    loader->profile_is_assumed = loader->timer_counts = false;
    loader->physical_cpus = 1;
    *out = (struct sim_scenario){.file = strdup(loader->path), .line = loader->table->line, .vcpus = 1, .portable = true};
    if (loader->profile_lacks_control)
        load_only_simulator(loader, "it uses a control that Bochs does not have");
    pack_begin(&loader->pack);
    bool good = check_keys(loader);
    for (size_t i = 0; good && i < KEYS; i++) {
        const struct script_value *given = script_get(loader->table, keys[i].key);
        if (given != NULL || keys[i].always)
            good = keys[i].load(loader, given);
    }
    if (!good)
        free(loader->pack.bytes);
    return good;
}

static bool load_one(struct loader *loader, const struct script_value *value)
{
    if (value->type == SCRIPT_NIL)
        return load_fail(loader, 0, NULL, "the script returns nothing; it ends with: return scenario { name = \"...\", ... }");
    if (!script_is_kind(value, "scenario"))
        return load_fail(loader, 0, NULL, "the script returns something that is not a scenario: return scenario { name = \"...\", ... }");
    loader->table = value->table;
    loader->expects_entry_failure = load_expects_entry_failure(script_get(value->table, "steps"));
    loader->profile_lacks_control = false;
    bool good = load_keys(loader);
    if (!good && loader->profile_lacks_control) {
        free_content(loader->out);
        good = load_keys(loader);
    }
    if (good)
        finish(loader);
    return good;
}

/* One scenario, or a list of lists of them. */
static bool load_all(struct loader *loader, const struct script_value *value, struct sim_scenario **scenarios, size_t *count)
{
    if (value->type != SCRIPT_TABLE || value->table->kind != NULL) {
        *scenarios = pack_allocate(*scenarios, (*count + 1) * sizeof **scenarios);
        loader->out = &(*scenarios)[*count];
        *loader->out = (struct sim_scenario){0};
        (*count)++;
        return load_one(loader, value);
    }
    for (size_t i = 0; i < value->table->count; i++)
        if (!load_all(loader, &value->table->entries[i].value, scenarios, count))
            return false;
    return true;
}

static bool names_differ(struct loader *loader, const struct sim_scenario *scenarios, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(scenarios[i].name, scenarios[k].name) == 0)
                return load_fail(loader, scenarios[i].line, NULL, "two scenarios have the name '%s'", scenarios[i].name);
    return true;
}

/* What a command line names has to be there in one scenario of the script at least. */
static bool overrides_used(const struct loader *loader)
{
    for (size_t i = 0; i < loader->override_count; i++) {
        const struct sim_override *change = &loader->overrides[i];
        if (strcmp(change->word, SIM_OVERRIDE_AFFINITY) == 0 && !loader->overrides_used[i])
            return load_fail(loader, 0, NULL, "no source has the vector 0x%x, which the changed affinity names", change->key);
        if (strcmp(change->word, SIM_OVERRIDE_PIN) == 0 && !loader->overrides_used[i])
            return load_fail(loader, 0, NULL, "there is no vCPU %u, which the changed binding names", change->key);
    }
    return true;
}

bool sim_scenario_load(const char *path, const struct sim_override *overrides, size_t override_count, struct sim_scenario **scenarios, size_t *count,
                       struct sim_error *error)
{
    struct script script;
    *scenarios = NULL;
    *count = 0;
    if (!script_run(path, &script, error))
        return false;
    struct loader loader = {
        .path = path, .script = &script, .overrides = overrides, .override_count = override_count, .error = error, .cache = load_cache_new()};
    loader.overrides_used = pack_allocate(NULL, override_count * sizeof *loader.overrides_used);
    memset(loader.overrides_used, 0, override_count * sizeof *loader.overrides_used);
    bool good = load_all(&loader, &script.result, scenarios, count) && names_differ(&loader, *scenarios, *count) && overrides_used(&loader);
    if (good && *count == 0)
        good = load_fail(&loader, 0, NULL, "the script returns no scenario");
    load_cache_free(loader.cache);
    free(loader.overrides_used);
    script_free(&script);
    if (!good) {
        sim_scenario_free(*scenarios, *count);
        *scenarios = NULL;
        *count = 0;
    }
    return good;
}

void sim_scenario_free(struct sim_scenario *scenarios, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free_content(&scenarios[i]);
    free(scenarios);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a scenario expects at its end: registers, memory, exits, instructions, how it stopped, what the guest wrote. */
#include <stdlib.h>
#include <string.h>

#include "loader.h"
#include "screen.h"

static const struct load_name final_registers[] = {{"rax", 0},  {"rcx", 1},  {"rdx", 2},  {"rbx", 3},   {"rsp", 4},  {"rbp", 5},
                                                   {"rsi", 6},  {"rdi", 7},  {"r8", 8},   {"r9", 9},    {"r10", 10}, {"r11", 11},
                                                   {"r12", 12}, {"r13", 13}, {"r14", 14}, {"r15", 15},  {"rip", 16}, {"rflags", 17},
                                                   {"cr0", 18}, {"cr3", 19}, {"cr4", 20}, {"efer", 21}, {0}};
static const struct load_name stops[] = {{"steps", TRACE_STOP_STEPS},
                                         {"halted", TRACE_STOP_HALTED},
                                         {"power_off", TRACE_STOP_POWER_OFF},
                                         {"handler", TRACE_STOP_HANDLER},
                                         {"limit", TRACE_STOP_LIMIT},
                                         {"entry_fail", TRACE_STOP_ENTRY_FAIL},
                                         {0}};

static struct sim_final *add_final(struct loader *loader, const char *word)
{
    struct sim_scenario *out = loader->out;
    out->finals = pack_allocate(out->finals, (out->final_count + 1) * sizeof *out->finals);
    struct sim_final *final = &out->finals[out->final_count++];
    *final = (struct sim_final){.line = script_line_of(loader->script, script_line_of(loader->script, loader->table->line, "final"), word)};
    return final;
}

static bool load_memory_of(struct loader *loader, const struct script_value *value)
{
    const unsigned line = loader->table->line;
    if (!load_is_plain(loader, line, value, "final: memory"))
        return false;
    for (size_t i = 0; i < value->table->count; i++) {
        const struct script_entry *entry = &value->table->entries[i];
        uint8_t *bytes;
        size_t size;
        uint64_t address;
        if (!load_number(loader, line, &entry->key, "final: memory", &address) ||
            !load_bytes(loader, line, &entry->value, "final: memory", &bytes, &size))
            return false;
        struct sim_final *final = add_final(loader, "memory");
        final->kind = SIM_FINAL_MEMORY;
        final->value = address;
        final->bytes = bytes;
        final->size = size;
        pack_record(&loader->pack, PACKED_DUMP);
        pack_u64(&loader->pack, address);
        pack_u64(&loader->pack, size);
    }
    return true;
}

static void add_text(struct loader *loader, const char *word, int kind, const struct script_value *text)
{
    struct sim_final *final = add_final(loader, word);
    final->kind = kind;
    final->bytes = pack_allocate(NULL, text->size);
    memcpy(final->bytes, text->string, text->size);
    final->size = text->size;
}

static bool load_output(struct loader *loader, const struct script_value *value)
{
    if (value->type != SCRIPT_STRING)
        return load_fail(loader, loader->table->line, "output", "final: output wants a text that the guest's console shows");
    add_text(loader, "output", SIM_FINAL_OUTPUT, value);
    return true;
}

/* One text, or several that stand on the screen at once. */
static bool load_screen(struct loader *loader, const struct script_value *value)
{
    const unsigned line = loader->table->line;
    const bool several = value->type == SCRIPT_TABLE && value->table->kind == NULL;
    const size_t count = several ? value->table->count : 1;
    if (loader->out->guest_bytes < SIM_SCREEN_ADDRESS + SIM_SCREEN_BYTES)
        return load_fail(loader, line, "screen", "final: screen stands in memory at 0xb8000: guest_ram = \"1M\" or more");
    for (size_t i = 0; i < count; i++) {
        const struct script_value *text = several ? &value->table->entries[i].value : value;
        if (text->type != SCRIPT_STRING)
            return load_fail(loader, line, "screen", "final: screen wants a text that stands on the text screen, or a list of them");
        add_text(loader, "screen", SIM_FINAL_SCREEN, text);
    }
    pack_record(&loader->pack, PACKED_DUMP);
    pack_u64(&loader->pack, SIM_SCREEN_ADDRESS);
    pack_u64(&loader->pack, SIM_SCREEN_BYTES);
    return true;
}

static bool load_number_of(struct loader *loader, const char *key, const struct script_value *value)
{
    const unsigned line = loader->table->line;
    uint64_t number;
    const bool stop = strcmp(key, "stop") == 0;
    if (stop ? !load_name(loader, line, value, "final: stop", stops, &number) : !load_number(loader, line, value, key, &number))
        return false;
    struct sim_final *final = add_final(loader, key);
    final->value = number;
    if (strcmp(key, "instructions") == 0)
        load_only_simulator(loader, "it expects a number of instructions");
    final->kind = stop ? SIM_FINAL_STOP : strcmp(key, "exits") == 0 ? SIM_FINAL_EXITS : SIM_FINAL_INSTRUCTIONS;
    return true;
}

static bool load_register_of(struct loader *loader, const char *key, const struct script_value *value)
{
    for (size_t i = 0; final_registers[i].name != NULL; i++) {
        uint64_t number;
        if (strcmp(final_registers[i].name, key) != 0)
            continue;
        if (!load_number(loader, loader->table->line, value, key, &number))
            return false;
        struct sim_final *final = add_final(loader, key);
        final->kind = SIM_FINAL_REGISTER;
        final->index = (unsigned)final_registers[i].value;
        final->value = number;
        return true;
    }
    return true;
}

bool load_final(struct loader *loader, const struct script_value *value)
{
    static const char *const keys[] = {"memory", "exits", "instructions", "stop",   "output", "screen", "rax", "rcx",  "rdx", "rbx",
                                       "rsp",    "rbp",   "rsi",          "rdi",    "r8",     "r9",     "r10", "r11",  "r12", "r13",
                                       "r14",    "r15",   "rip",          "rflags", "cr0",    "cr3",    "cr4", "efer", NULL};
    const unsigned line = loader->table->line;
    if (!load_is_plain(loader, line, value, "final") || !load_only_keys(loader, line, value->table, "final", keys))
        return false;
    for (size_t i = 0; i < value->table->count; i++) {
        const char *key = value->table->entries[i].key.string;
        const struct script_value *given = &value->table->entries[i].value;
        bool good;
        if (strcmp(key, "memory") == 0)
            good = load_memory_of(loader, given);
        else if (strcmp(key, "output") == 0)
            good = load_output(loader, given);
        else if (strcmp(key, "screen") == 0)
            good = load_screen(loader, given);
        else if (strcmp(key, "exits") == 0 || strcmp(key, "instructions") == 0 || strcmp(key, "stop") == 0)
            good = load_number_of(loader, key, given);
        else
            good = load_register_of(loader, key, given);
        if (!good)
            return false;
    }
    return true;
}

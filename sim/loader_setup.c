/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Machine, mode and state of a scenario: what stands in the packed form before the steps. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../vmx-model/names.h"
#include "loader.h"
#include "profile.h"

enum { RAM_MAX_MIB = 2048, LIMIT_DEFAULT = 10000000 };

bool load_name_of(struct loader *loader, const struct script_value *value)
{
    if (value->type != SCRIPT_STRING || value->size == 0)
        return load_fail(loader, loader->table->line, "name", "name wants a text");
    for (size_t i = 0; i < value->size; i++)
        if ((unsigned char)value->string[i] < 0x20)
            return load_fail(loader, loader->table->line, "name", "name wants one line of text");
    loader->out->name = pack_allocate(NULL, value->size + 1);
    memcpy(loader->out->name, value->string, value->size + 1);
    pack_record(&loader->pack, PACKED_NAME);
    pack_bytes(&loader->pack, value->string, value->size);
    return true;
}

static const char *profile_name_at(size_t index, const void *context)
{
    (void)context;
    return vmx_profiles[index].name;
}

/* The profile of scenarios that name none, unless the scenario has shown that it wants more. */
static const char *assumed_profile(struct loader *loader)
{
    const char *name = NULL;
    for (size_t i = 0; i < loader->override_count; i++)
        if (strcmp(loader->overrides[i].word, SIM_OVERRIDE_PROFILE) == 0)
            name = loader->overrides[i].control;
    loader->profile_is_assumed = name != NULL && !loader->profile_lacks_control;
    return loader->profile_is_assumed ? name : NULL;
}

bool load_profile(struct loader *loader, const struct script_value *value)
{
    if (value != NULL && value->type != SCRIPT_STRING)
        return load_fail(loader, loader->table->line, "profile", "profile wants the name of a processor");
    loader->profile_is_named = value != NULL;
    const char *name = value != NULL ? value->string : assumed_profile(loader);
    if (name != NULL)
        loader->caps = sim_profile(name);
    if (loader->caps == NULL) {
        const char *near = load_nearest(name, profile_name_at, vmx_profile_count, NULL);
        return load_fail(loader, loader->table->line, name, "no such profile '%s'%s%s%s", name, near != NULL ? ", did you mean '" : "",
                         near != NULL ? near : "", near != NULL ? "'?" : "");
    }
    loader->out->caps = *loader->caps;
    snprintf(loader->out->profile, sizeof loader->out->profile, "%s", loader->caps->name);
    pack_record(&loader->pack, PACKED_PROFILE);
    pack_bytes(&loader->pack, loader->caps->name, strlen(loader->caps->name));
    return true;
}

bool load_mode(struct loader *loader, const struct script_value *value)
{
    static const struct load_name modes[] = {
        {"long", PACKED_MODE_LONG}, {"protected", PACKED_MODE_PROTECTED}, {"real", PACKED_MODE_REAL}, {"reset", PACKED_MODE_RESET}, {0}};
    static const unsigned bits[] = {[PACKED_MODE_REAL] = 16, [PACKED_MODE_PROTECTED] = 32, [PACKED_MODE_LONG] = 64, [PACKED_MODE_RESET] = 16};
    const struct script_value *guest = script_get(loader->table, "guest");
    uint64_t mode = guest != NULL && script_is_kind(guest, "linux") ? PACKED_MODE_PROTECTED : PACKED_MODE_LONG;
    if (value != NULL && value->type != SCRIPT_STRING)
        return load_fail(loader, loader->table->line, "mode", "mode is \"long\", \"protected\", \"real\" or \"reset\"");
    if (value != NULL && !load_name(loader, loader->table->line, value, "mode", modes, &mode))
        return false;
    loader->mode = (enum packed_mode)mode;
    loader->out->code_bits = bits[mode];
    loader->out->code_address = BENCH_CODE;
    pack_record(&loader->pack, PACKED_MODE);
    pack_u32(&loader->pack, (uint32_t)mode);
    return true;
}

/* A number of bytes, or "64M". */
static bool load_size(const struct loader *loader, const struct script_value *value, uint64_t *out)
{
    static const char units[] = "KMG";
    char *end;
    if (value->type != SCRIPT_STRING)
        return load_number(loader, loader->table->line, value, "guest_ram", out);
    *out = strtoull(value->string, &end, 0);
    const char *unit = *end != '\0' ? strchr(units, *end) : NULL;
    if (end == value->string || (*end != '\0' && (unit == NULL || end[1] != '\0')) || *out > UINT64_C(1) << 40)
        return load_fail(loader, loader->table->line, "guest_ram", "guest_ram: '%s' is not a size: 0x100000, \"512K\", \"64M\" or \"1G\"",
                         value->string);
    if (unit != NULL)
        *out <<= 10 * (unsigned)(unit - units + 1);
    return true;
}

bool load_guest_ram(struct loader *loader, const struct script_value *value)
{
    uint64_t bytes = BENCH_MIN_RAM;
    if (value != NULL && !load_size(loader, value, &bytes))
        return false;
    if (bytes < BENCH_MIN_RAM || bytes > (uint64_t)RAM_MAX_MIB << 20 || bytes % 4096 != 0)
        return load_fail(loader, loader->table->line, "guest_ram", "guest_ram is from 512K to 2G, a multiple of 4 KBytes");
    loader->out->guest_bytes = bytes;
    pack_record(&loader->pack, PACKED_GUEST_RAM);
    pack_u64(&loader->pack, bytes);
    return true;
}

void load_pack_field(struct loader *loader, enum vmcs_field field, uint64_t value)
{
    pack_record(&loader->pack, PACKED_FIELD);
    pack_u32(&loader->pack, vmcs_fields[field].encoding);
    pack_u32(&loader->pack, 0);
    pack_u64(&loader->pack, value);
}

bool load_fields(struct loader *loader, const struct script_value *value)
{
    const unsigned line = loader->table->line;
    if (!load_is_plain(loader, line, value, "vmcs"))
        return false;
    for (size_t i = 0; i < value->table->count; i++) {
        const struct script_entry *entry = &value->table->entries[i];
        enum vmcs_field field;
        uint64_t number;
        if (entry->key.type != SCRIPT_STRING)
            return load_fail(loader, line, "vmcs", "vmcs wants fields by name: vmcs = { GUEST_RIP = 0x8000 }");
        if (!load_field(loader, line, entry->key.string, &field) || !load_number(loader, line, &entry->value, entry->key.string, &number))
            return false;
        loader->timer_counts |= field == VMCS_VMX_PREEMPTION_TIMER_VALUE && number != 0;
        load_pack_field(loader, field, number);
    }
    return true;
}

void load_pack_register(struct loader *loader, unsigned gpr, uint64_t value)
{
    pack_record(&loader->pack, PACKED_REGISTER);
    pack_u32(&loader->pack, gpr);
    pack_u32(&loader->pack, 0);
    pack_u64(&loader->pack, value);
}

bool load_registers(struct loader *loader, const struct script_value *value)
{
    const unsigned line = loader->table->line;
    if (!load_is_plain(loader, line, value, "registers"))
        return false;
    for (size_t i = 0; i < value->table->count; i++) {
        const struct script_entry *entry = &value->table->entries[i];
        unsigned gpr;
        uint64_t number;
        if (entry->key.type != SCRIPT_STRING)
            return load_fail(loader, line, "registers", "registers are given by name: registers = { rax = 1 }");
        if (!load_register(loader, line, entry->key.string, &gpr) || !load_number(loader, line, &entry->value, entry->key.string, &number))
            return false;
        load_pack_register(loader, gpr, number);
    }
    return true;
}

/* "handler", or { "handler", dpl = 3 } */
static bool load_gate(struct loader *loader, int64_t vector, const struct script_value *value)
{
    const unsigned line = loader->table->line;
    uint64_t handler, dpl = 0;
    if (vector < 0 || vector > 255)
        return load_fail(loader, line, "idt", "idt: vectors are 0 to 255");
    const struct script_value *target = value;
    if (value->type == SCRIPT_TABLE) {
        const struct script_value *level = script_get(value->table, "dpl");
        target = script_at(value->table, 1);
        if (target == NULL || value->table->count != 1u + (level != NULL))
            return load_fail(loader, line, "idt", "idt: a gate is \"label\" or { \"label\", dpl = 3 }");
        if (level != NULL && !load_number_to(loader, line, level, "idt: dpl", 3, &dpl))
            return false;
    }
    if (!load_number(loader, line, target, "idt", &handler))
        return false;
    if ((loader->mode == PACKED_MODE_REAL || loader->mode == PACKED_MODE_RESET) && target->type == SCRIPT_STRING && handler > 0xffff)
        return load_fail(loader, line, target->string, "idt: '%s' is beyond 64 KBytes; in real mode give segment << 16 | offset", target->string);
    pack_record(&loader->pack, PACKED_IDT_GATE);
    pack_u32(&loader->pack, (uint32_t)vector);
    pack_u32(&loader->pack, (uint32_t)dpl);
    pack_u64(&loader->pack, handler);
    return true;
}

bool load_idt(struct loader *loader, const struct script_value *value)
{
    if (!load_is_plain(loader, loader->table->line, value, "idt"))
        return false;
    for (size_t i = 0; i < value->table->count; i++) {
        const struct script_entry *entry = &value->table->entries[i];
        if (entry->key.type != SCRIPT_INTEGER)
            return load_fail(loader, loader->table->line, "idt", "idt wants gates by vector: idt = { [0x20] = \"handler\" }");
        if (!load_gate(loader, entry->key.integer, &entry->value))
            return false;
    }
    return true;
}

/* { linear = 0x400000, guest = 0x9000, bytes = 0x1000, write = false, user = true, execute = false, present = false } */
static bool load_page(struct loader *loader, const struct script_value *value)
{
    static const char *const keys[] = {"linear", "guest", "bytes", "present", "write", "user", "execute", NULL};
    static const struct {
        const char *key;
        uint64_t bit;
        bool inverted, normally;
    } flags[] = {
        {"present", 1 << 0, false, true}, {"write", 1 << 1, false, true}, {"user", 1 << 2, false, true}, {"execute", UINT64_C(1) << 63, true, true}};
    const unsigned line = loader->table->line;
    uint64_t number[3] = {0, 0, 4096}, bits = 0;
    if (!load_is_plain(loader, line, value, "pages") || !load_only_keys(loader, line, value->table, "pages", keys))
        return false;
    for (unsigned i = 0; i < 3; i++) {
        const struct script_value *given = script_get(value->table, keys[i]);
        if (given == NULL && i == 0)
            return load_fail(loader, line, "pages", "pages: a page wants its linear address");
        if (given == NULL && i == 1)
            number[i] = number[0];
        else if (given != NULL && !load_number(loader, line, given, keys[i], &number[i]))
            return false;
        if (number[i] % 4096 != 0)
            return load_fail(loader, line, "pages", "pages: %s is not a multiple of 4 KBytes", keys[i]);
    }
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        const struct script_value *given = script_get(value->table, flags[i].key);
        bool on = flags[i].normally;
        if (given != NULL && !load_boolean(loader, line, given, flags[i].key, &on))
            return false;
        bits |= on != flags[i].inverted ? flags[i].bit : 0;
    }
    if (loader->mode != PACKED_MODE_LONG)
        return load_fail(loader, line, "pages", "pages: only mode \"long\" has page tables to change");
    pack_record(&loader->pack, PACKED_PAGE);
    for (unsigned i = 0; i < 3; i++)
        pack_u64(&loader->pack, number[i]);
    pack_u64(&loader->pack, bits);
    return true;
}

bool load_pages(struct loader *loader, const struct script_value *value)
{
    if (!load_is_plain(loader, loader->table->line, value, "pages"))
        return false;
    for (size_t i = 0; i < value->table->count; i++)
        if (!load_page(loader, &value->table->entries[i].value))
            return false;
    return true;
}

bool load_msr_load(struct loader *loader, const struct script_value *value)
{
    static const char *const keys[] = {"index", "value", "reserved", NULL};
    const unsigned line = loader->table->line;
    if (!load_is_plain(loader, line, value, "msr_load"))
        return false;
    for (size_t i = 0; i < value->table->count; i++) {
        const struct script_value *entry = &value->table->entries[i].value;
        uint64_t number[3] = {0};
        if (!load_is_plain(loader, line, entry, "msr_load") || !load_only_keys(loader, line, entry->table, "msr_load", keys))
            return false;
        for (unsigned k = 0; k < 3; k++) {
            const struct script_value *given = script_get(entry->table, keys[k]);
            if (given != NULL && !load_number_to(loader, line, given, keys[k], k == 1 ? UINT64_MAX : UINT32_MAX, &number[k]))
                return false;
        }
        pack_record(&loader->pack, PACKED_MSR_LOAD);
        pack_u32(&loader->pack, (uint32_t)number[0]);
        pack_u32(&loader->pack, (uint32_t)number[2]);
        pack_u64(&loader->pack, number[1]);
    }
    return true;
}

bool load_limit(struct loader *loader, const struct script_value *value)
{
    uint64_t limit = LIMIT_DEFAULT;
    if (value != NULL && !load_number(loader, loader->table->line, value, "limit", &limit))
        return false;
    pack_record(&loader->pack, PACKED_LIMIT);
    pack_u64(&loader->pack, limit);
    return true;
}

bool load_rest(struct loader *loader, const struct script_value *value)
{
    if (value->type != SCRIPT_STRING || strcmp(value->string, "any") != 0)
        return load_fail(loader, loader->table->line, "rest", "rest is \"any\", or it is left out");
    pack_record(&loader->pack, PACKED_REST_ANY);
    return true;
}

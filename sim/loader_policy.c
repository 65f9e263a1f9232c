/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the hypervisor of a scenario does: policy, MSR rules, extended page tables. */
#include <string.h>

#include "../vmx-model/names.h"
#include "loader.h"

static void pack_policy(struct loader *loader, enum packed_policy policy, uint64_t value)
{
    pack_record(&loader->pack, PACKED_POLICY);
    pack_u32(&loader->pack, policy);
    pack_u32(&loader->pack, 0);
    pack_u64(&loader->pack, value);
}

bool load_policy(struct loader *loader, const struct script_value *value)
{
    static const struct load_name exceptions[] = {{"reflect", 0}, {"stop", 1}, {0}}, ept[] = {{"map", 0}, {"stop", 1}, {0}};
    static const struct {
        const char *key;
        enum packed_policy policy;
        const struct load_name *names; /* NULL: true or false */
        bool number;
    } rows[] = {
        {"exceptions", PACKED_POLICY_EXCEPTIONS, exceptions, false},
        {"ept", PACKED_POLICY_EPT, ept, false},
        {"ept_premapped", PACKED_POLICY_EPT_PREMAPPED, NULL, false},
        {"devices", PACKED_POLICY_DEVICES, NULL, false},
        {"vmcall_stops", PACKED_POLICY_VMCALL_STOPS, NULL, false},
        {"hide_cpuid_1_ecx", PACKED_POLICY_HIDE_CPUID_ECX, NULL, true},
        {"hide_cpuid_1_edx", PACKED_POLICY_HIDE_CPUID_EDX, NULL, true},
        {"fw_cfg", PACKED_POLICY_FW_CFG, NULL, false},
        {"pasids", PACKED_POLICY_PASIDS, NULL, true},
        {"first_pasid", PACKED_POLICY_FIRST_PASID, NULL, true},
    };
    static const char *const keys[] = {"exceptions", "ept",    "ept_premapped", "devices", "vmcall_stops", "hide_cpuid_1_ecx", "hide_cpuid_1_edx",
                                       "fw_cfg",     "pasids", "first_pasid",   NULL};
    const unsigned line = loader->table->line;
    if (!load_is_plain(loader, line, value, "policy") || !load_only_keys(loader, line, value->table, "policy", keys))
        return false;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct script_value *given = script_get(value->table, rows[i].key);
        uint64_t number = 0;
        bool on = false;
        if (given == NULL)
            continue;
        if (rows[i].names != NULL ? !load_name(loader, line, given, rows[i].key, rows[i].names, &number)
            : rows[i].number      ? !load_number_to(loader, line, given, rows[i].key, UINT32_MAX, &number)
                                  : !load_boolean(loader, line, given, rows[i].key, &on))
            return false;
        pack_policy(loader, rows[i].policy, number | on);
        if (rows[i].policy == PACKED_POLICY_DEVICES && on)
            load_only_simulator(loader, "its devices run on the simulated clock");
    }
    return true;
}

/* msrs = { [0x1b] = { value = 0xfee00900, writable = true } } */
bool load_msrs(struct loader *loader, const struct script_value *value)
{
    static const char *const keys[] = {"value", "writable", NULL};
    const unsigned line = loader->table->line;
    if (!load_is_plain(loader, line, value, "msrs"))
        return false;
    if (value->table->count > HV_MSR_RULES)
        return load_fail(loader, line, "msrs", "msrs: at most %d rules", HV_MSR_RULES);
    for (size_t i = 0; i < value->table->count; i++) {
        const struct script_entry *entry = &value->table->entries[i];
        uint64_t number = 0;
        bool writable = false;
        if (entry->key.type != SCRIPT_INTEGER || entry->key.integer < 0 || entry->key.integer > UINT32_MAX)
            return load_fail(loader, line, "msrs", "msrs wants rules by index: msrs = { [0x1b] = { value = 0xfee00900, writable = true } }");
        if (!load_is_plain(loader, line, &entry->value, "msrs") || !load_only_keys(loader, line, entry->value.table, "msrs", keys))
            return false;
        const struct script_value *given = script_get(entry->value.table, "value"), *flag = script_get(entry->value.table, "writable");
        if ((given != NULL && !load_number(loader, line, given, "msrs: value", &number)) ||
            (flag != NULL && !load_boolean(loader, line, flag, "msrs: writable", &writable)))
            return false;
        pack_record(&loader->pack, PACKED_MSR_RULE);
        pack_u32(&loader->pack, (uint32_t)entry->key.integer);
        pack_u32(&loader->pack, writable);
        pack_u64(&loader->pack, number);
    }
    return true;
}

/* "r", "rw", "rwx", ..., "" for none; or the three bits as a number. */
static bool load_rights(const struct loader *loader, unsigned line, const struct script_value *value, uint32_t *rights)
{
    uint64_t number;
    *rights = 0;
    if (value->type == SCRIPT_INTEGER) {
        const bool good = load_number_to(loader, line, value, "ept: rights", 7, &number);
        *rights = (uint32_t)number;
        return good;
    }
    if (value->type != SCRIPT_STRING)
        return load_fail(loader, line, "rights", "ept: rights are letters out of r, w and x; none takes the page away");
    for (const char *at = value->string; *at != '\0'; at++) {
        static const char letters[] = "rwx";
        const char *letter = strchr(letters, *at);
        if (letter == NULL)
            return load_fail(loader, line, "rights", "ept: rights are letters out of r, w and x; none takes the page away");
        *rights |= 1u << (letter - letters);
    }
    return true;
}

bool load_ept_range(const struct loader *loader, unsigned line, const struct script_value *value, struct load_ept_range *range)
{
    static const char *const keys[] = {"guest", "bytes", "rights", "page", "invept", NULL};
    static const struct load_name pages[] = {{"4K", 0}, {"2M", 1}, {"1G", 2}, {0}};
    uint64_t page = 0;
    if (value->type != SCRIPT_TABLE || !load_only_keys(loader, line, value->table, "ept", keys))
        return value->type == SCRIPT_TABLE ? false
                                           : load_fail(loader, line, "ept", "ept wants tables: { guest = 0x9000, bytes = 0x1000, rights = \"r\" }");
    const struct script_value *guest = script_get(value->table, "guest"), *bytes = script_get(value->table, "bytes"),
                              *rights = script_get(value->table, "rights"), *size = script_get(value->table, "page"),
                              *invept = script_get(value->table, "invept");
    *range = (struct load_ept_range){.bytes = 4096, .invept = true};
    if (guest == NULL || rights == NULL)
        return load_fail(loader, line, "ept", "ept wants at least guest and rights: { guest = 0x9000, bytes = 0x1000, rights = \"r\" }");
    if (!load_number(loader, line, guest, "ept: guest", &range->guest) || !load_rights(loader, line, rights, &range->rights) ||
        (bytes != NULL && !load_number(loader, line, bytes, "ept: bytes", &range->bytes)) ||
        (size != NULL && !load_name(loader, line, size, "ept: page", pages, &page)) ||
        (invept != NULL && !load_boolean(loader, line, invept, "ept: invept", &range->invept)))
        return false;
    range->page_size = (uint32_t)page;
    const uint64_t unit = UINT64_C(4096) << (9 * page);
    if (page > 2 || range->guest % unit != 0 || range->bytes % unit != 0 || range->bytes == 0)
        return load_fail(loader, line, "ept", "ept: guest and bytes are multiples of the page size");
    return true;
}

bool load_ept(struct loader *loader, const struct script_value *value)
{
    const unsigned line = loader->table->line;
    if (!load_is_plain(loader, line, value, "ept"))
        return false;
    for (size_t i = 0; i < value->table->count; i++) {
        struct load_ept_range range = {0};
        if (!load_ept_range(loader, line, &value->table->entries[i].value, &range))
            return false;
        if (!range.invept)
            return load_fail(loader, line, "ept", "ept: invept is for changes between steps; nothing is cached before the first VM entry");
        pack_record(&loader->pack, PACKED_EPT);
        pack_u64(&loader->pack, range.guest);
        pack_u64(&loader->pack, range.bytes);
        pack_u32(&loader->pack, range.rights);
        pack_u32(&loader->pack, range.page_size);
    }
    return true;
}

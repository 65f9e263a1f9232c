/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a scenario selects to exit: ports, MSRs, exceptions. */
#include <string.h>

#include "loader.h"

enum { MSR_LOW_LIMIT = 0x1fff };

/* 0x80, or { 0x3f8, 0x3ff } for first and last. */
static bool load_range(const struct loader *loader, const struct script_value *value, const char *what, uint64_t most, uint64_t *first,
                       uint64_t *last)
{
    const unsigned line = loader->table->line;
    if (value->type != SCRIPT_TABLE) {
        const bool good = load_number_to(loader, line, value, what, most, first);
        *last = *first;
        return good;
    }
    const struct script_value *from = script_at(value->table, 1), *to = script_at(value->table, 2);
    if (value->table->count != 2 || from == NULL || to == NULL)
        return load_fail(loader, line, what, "%s: a range is { first, last }", what);
    if (!load_number_to(loader, line, from, what, most, first) || !load_number_to(loader, line, to, what, most, last))
        return false;
    return *first <= *last || load_fail(loader, line, what, "%s: a range is { first, last }, first not above last", what);
}

bool load_io_bitmap(struct loader *loader, const struct script_value *value)
{
    if (!load_is_plain(loader, loader->table->line, value, "io_bitmap"))
        return false;
    for (size_t i = 0; i < value->table->count; i++) {
        uint64_t first, last;
        if (!load_range(loader, &value->table->entries[i].value, "io_bitmap", 0xffff, &first, &last))
            return false;
        pack_record(&loader->pack, PACKED_IO_EXITS);
        pack_u16(&loader->pack, (uint16_t)first);
        pack_u16(&loader->pack, (uint16_t)last);
    }
    if ((loader->word[VMX_WORD_PRIMARY] & VMX_PRI_USE_IO_BITMAPS) == 0 && loader->override_count == 0)
        return load_fail(loader, loader->table->line, "io_bitmap",
                         "contradictory controls: io_bitmap has no effect without controls = { primary = { \"use_io_bitmaps\" } }");
    return true;
}

static bool load_msr_list(struct loader *loader, const struct script_value *value, uint32_t access)
{
    const uint32_t high = UINT32_C(0xc0000000);
    if (!load_is_plain(loader, loader->table->line, value, "msr_bitmap"))
        return false;
    for (size_t i = 0; i < value->table->count; i++) {
        uint64_t first = 0, last = 0;
        if (value->table->entries[i].key.type != SCRIPT_INTEGER)
            continue;
        if (!load_range(loader, &value->table->entries[i].value, "msr_bitmap", UINT32_MAX, &first, &last))
            return false;
        const bool low_range = last <= MSR_LOW_LIMIT, high_range = first >= high && last <= high + MSR_LOW_LIMIT;
        if (!low_range && !high_range)
            return load_fail(loader, loader->table->line, "msr_bitmap",
                             "msr_bitmap: it has bits for MSRs 0 to 0x1fff and 0xc0000000 to 0xc0001fff; others always exit");
        pack_record(&loader->pack, PACKED_MSR_EXITS);
        pack_u32(&loader->pack, (uint32_t)first);
        pack_u32(&loader->pack, (uint32_t)last);
        pack_u32(&loader->pack, access);
    }
    return true;
}

bool load_msr_bitmap(struct loader *loader, const struct script_value *value)
{
    enum { READ = 1, WRITE = 2 };
    static const char *const keys[] = {"read", "write", NULL};
    const unsigned line = loader->table->line;
    if (!load_is_plain(loader, line, value, "msr_bitmap"))
        return false;
    for (size_t i = 0; i < value->table->count; i++) {
        const struct script_entry *entry = &value->table->entries[i];
        if (entry->key.type == SCRIPT_STRING && strcmp(entry->key.string, keys[0]) != 0 && strcmp(entry->key.string, keys[1]) != 0)
            return load_fail(loader, line, entry->key.string, "msr_bitmap: unknown key '%s': there are read and write, or a plain list for both",
                             entry->key.string);
    }
    const struct script_value *read = script_get(value->table, keys[0]), *write = script_get(value->table, keys[1]);
    if (!load_msr_list(loader, value, READ | WRITE) || (read != NULL && !load_msr_list(loader, read, READ)) ||
        (write != NULL && !load_msr_list(loader, write, WRITE)))
        return false;
    if ((loader->word[VMX_WORD_PRIMARY] & VMX_PRI_USE_MSR_BITMAPS) == 0 && loader->override_count == 0)
        return load_fail(loader, line, "msr_bitmap",
                         "contradictory controls: msr_bitmap has no effect without controls = { primary = { \"use_msr_bitmaps\" } }");
    return true;
}

static const struct load_name vector_names[] = {{"#DE", 0},  {"#DB", 1},  {"NMI", 2},  {"#BP", 3},  {"#OF", 4},  {"#BR", 5},  {"#UD", 6},
                                                {"#NM", 7},  {"#DF", 8},  {"#TS", 10}, {"#NP", 11}, {"#SS", 12}, {"#GP", 13}, {"#PF", 14},
                                                {"#MF", 16}, {"#AC", 17}, {"#MC", 18}, {"#XM", 19}, {"#VE", 20}, {"#CP", 21}, {0}};

bool load_exception_bitmap(struct loader *loader, const struct script_value *value)
{
    uint64_t bitmap = 0;
    if (!load_is_plain(loader, loader->table->line, value, "exception_bitmap"))
        return false;
    for (size_t i = 0; i < value->table->count; i++) {
        uint64_t vector;
        if (!load_name(loader, loader->table->line, &value->table->entries[i].value, "exception_bitmap", vector_names, &vector))
            return false;
        if (vector > 31)
            return load_fail(loader, loader->table->line, "exception_bitmap", "exception_bitmap: vectors are 0 to 31");
        bitmap |= UINT64_C(1) << vector;
    }
    pack_record(&loader->pack, PACKED_FIELD);
    pack_u32(&loader->pack, vmcs_fields[VMCS_EXCEPTION_BITMAP].encoding);
    pack_u32(&loader->pack, 0);
    pack_u64(&loader->pack, bitmap);
    return true;
}

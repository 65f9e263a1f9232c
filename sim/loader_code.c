/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guest code and memory of a scenario: assembled text, files, bytes; and the labels of the code. */
#define _DEFAULT_SOURCE
#include <stdlib.h>
#include <string.h>

#include "assemble.h"
#include "loader.h"

struct code_cache {
    size_t count;
    struct {
        char *source;
        unsigned bits;
        uint64_t address;
        struct assembled code;
    } entries[LOADER_CODE_CACHE];
};

void load_cache_free(struct code_cache *cache)
{
    for (size_t i = 0; cache != NULL && i < cache->count; i++) {
        free(cache->entries[i].source);
        assembled_free(&cache->entries[i].code);
    }
    free(cache);
}

bool load_address_of(const struct loader *loader, const char *label, uint64_t *address)
{
    for (size_t i = 0; i < loader->out->symbol_count; i++)
        if (strcmp(loader->out->symbols[i].name, label) == 0) {
            *address = loader->out->symbols[i].address;
            return true;
        }
    return false;
}

static bool add_symbol(struct loader *loader, unsigned line, const struct sim_symbol *symbol)
{
    struct sim_scenario *out = loader->out;
    uint64_t address;
    if (load_address_of(loader, symbol->name, &address) && address == symbol->address)
        return true;
    if (load_address_of(loader, symbol->name, &address))
        return load_fail(loader, line, symbol->name, "the label '%s' stands twice in the guest's code", symbol->name);
    out->symbols = pack_allocate(out->symbols, (out->symbol_count + 1) * sizeof *out->symbols);
    out->symbols[out->symbol_count++] = (struct sim_symbol){.name = strdup(symbol->name), .address = symbol->address};
    return true;
}

/* Code from the cache, or assembled into it; `scratch` takes it when the cache is full. NULL: it does not assemble. */
static const struct assembled *code_of(struct loader *loader, unsigned line, const char *source, unsigned bits, uint64_t address,
                                       struct assembled *scratch)
{
    struct code_cache *cache = loader->cache;
    for (size_t i = 0; i < cache->count; i++)
        if (cache->entries[i].bits == bits && cache->entries[i].address == address && strcmp(cache->entries[i].source, source) == 0)
            return &cache->entries[i].code;
    const unsigned first = script_line_of_text(loader->script, line, source);
    if (!assemble(loader->path, first, source, bits, address, scratch, loader->error))
        return NULL;
    if (cache->count == LOADER_CODE_CACHE)
        return scratch;
    const size_t at = cache->count++;
    cache->entries[at].source = strdup(source);
    cache->entries[at].bits = bits;
    cache->entries[at].address = address;
    cache->entries[at].code = *scratch;
    *scratch = (struct assembled){0};
    return &cache->entries[at].code;
}

void load_pack_memory(struct loader *loader, uint64_t address, const void *bytes, size_t size)
{
    if (size == 0)
        return;
    pack_record(&loader->pack, PACKED_MEMORY);
    pack_u64(&loader->pack, address);
    pack_bytes(&loader->pack, bytes, size);
}

/* RAM ends before devices; a ROM may stand below 4 GiB. */
static bool fits(const struct loader *loader, unsigned line, uint64_t address, uint64_t size)
{
    const uint64_t ram = loader->out->guest_bytes;
    if (address < ram ? size > ram - address : (address + size < address || address + size > UINT64_C(1) << 32))
        return load_fail(loader, line, NULL, "0x%llx bytes at 0x%llx do not fit: guest RAM ends at 0x%llx (guest_ram = ...)",
                         (unsigned long long)size, (unsigned long long)address, (unsigned long long)ram);
    return true;
}

static bool load_asm(struct loader *loader, const struct script_table *table, uint64_t address)
{
    struct assembled scratch = {0};
    uint64_t bits = loader->out->code_bits;
    const struct script_value *given = script_get(table, "bits"), *source = script_get(table, "source");
    if (given != NULL && !load_number_to(loader, table->line, given, "asm: bits", 64, &bits))
        return false;
    if (bits != 16 && bits != 32 && bits != 64)
        return load_fail(loader, table->line, NULL, "asm: bits are 16, 32 or 64");
    const struct assembled *code = code_of(loader, table->line, source->string, (unsigned)bits, address, &scratch);
    bool good = code != NULL && fits(loader, table->line, address, code->size);
    for (size_t i = 0; good && i < code->symbol_count; i++)
        good = add_symbol(loader, table->line, &code->symbols[i]);
    if (good) {
        load_portable_code(loader, code->bytes, code->size, (unsigned)bits);
        load_pack_memory(loader, address, code->bytes, code->size);
    }
    assembled_free(&scratch);
    return good;
}

/* Code, a file or bytes at an address; an address of its own in asm or file goes before. */
static bool load_image(struct loader *loader, unsigned line, const struct script_value *value, uint64_t address, const char *what)
{
    uint8_t *bytes;
    size_t size;
    if (value->type == SCRIPT_TABLE && value->table->kind != NULL) {
        const struct script_value *given = script_get(value->table, "address");
        line = value->table->line;
        if (given != NULL && !load_number(loader, line, given, "address", &address))
            return false;
    }
    if (script_is_kind(value, "asm"))
        return load_asm(loader, value->table, address);
    if (!load_bytes(loader, line, value, what, &bytes, &size))
        return false;
    const bool good = fits(loader, line, address, size);
    if (good)
        load_pack_memory(loader, address, bytes, size);
    free(bytes);
    return good;
}

bool load_guest(struct loader *loader, const struct script_value *value)
{
    const unsigned line = loader->table->line;
    loader->out->code_address = BENCH_CODE;
    if (value->type != SCRIPT_TABLE)
        return load_fail(loader, line, "guest", "guest wants asm [[ ... ]], file \"path\", a list of them, or linux { kernel = ... }");
    if (script_is_kind(value, "linux"))
        return load_linux(loader, value);
    if (value->table->kind != NULL)
        return load_image(loader, line, value, BENCH_CODE, "guest");
    for (size_t i = 0; i < value->table->count; i++) {
        const struct script_value *part = &value->table->entries[i].value;
        if (!script_is_kind(part, "asm") && !script_is_kind(part, "file"))
            return load_fail(loader, line, "guest", "guest wants asm [[ ... ]], file \"path\", or a list of them");
        if (!load_image(loader, line, part, BENCH_CODE, "guest"))
            return false;
    }
    return true;
}

bool load_memory(struct loader *loader, const struct script_value *value)
{
    const unsigned line = loader->table->line;
    if (!load_is_plain(loader, line, value, "memory"))
        return false;
    for (size_t i = 0; i < value->table->count; i++) {
        const struct script_entry *entry = &value->table->entries[i];
        if (entry->key.type != SCRIPT_INTEGER)
            return load_fail(loader, line, entry->key.string, "memory wants addresses: memory = { [0x9000] = \"bytes\" }");
        if (!load_image(loader, line, &entry->value, (uint64_t)entry->key.integer, "memory"))
            return false;
    }
    return true;
}

struct code_cache *load_cache_new(void)
{
    struct code_cache *cache = pack_allocate(NULL, sizeof *cache);
    cache->count = 0;
    return cache;
}

/* SPDX-License-Identifier: MIT */
/* Guest paging: 32-bit, PAE, 4-level and 5-level, with permissions, protection keys, accessed and dirty flags. SDM 3A, "Paging". */
#include "access.h"

#include "cpuid_bits.h"
#include "ept_plain.h"
#include "registers.h"

enum {
    PAGE_PRESENT = 1u << 0,
    PAGE_WRITABLE = 1u << 1,
    PAGE_USER = 1u << 2,
    PAGE_ACCESSED = 1u << 5,
    PAGE_DIRTY = 1u << 6,
    PAGE_SIZE = 1u << 7,
    PAGE_GLOBAL = 1u << 8
};
#define PAGE_EXECUTE_DISABLE VMX_BIT(63)

enum {
    FAULT_PROTECTION = 1u << 0,
    FAULT_WRITE = 1u << 1,
    FAULT_USER = 1u << 2,
    FAULT_RESERVED = 1u << 3,
    FAULT_FETCH = 1u << 4,
    FAULT_KEY = 1u << 5
};

enum { MAX_LEVELS = 5 };

struct guest_walk {
    enum vmx_paging mode;
    unsigned entry_size; /* bytes */
    unsigned level;      /* of the entry at hand: 1 page table to 5 */
    unsigned used;
    hpa_t host[MAX_LEVELS];  /* of the entries used: host-physical, */
    gpa_t guest[MAX_LEVELS]; /* guest-physical */
    uint64_t entries[MAX_LEVELS];
    uint64_t permissions; /* AND of the entries used */
    bool execute_disabled;
};

static bool no_execute_enabled(const struct vmx_state *s)
{
    return (s->efer & VMX_EFER_NXE) != 0;
}

/* Error-code bits that only the access decides. */
static uint32_t access_error_bits(const struct vmx_access *a)
{
    const struct vmx_state *s = &a->cpu->state;
    uint32_t code = (vmx_access_writes(a->kind) ? (uint32_t)FAULT_WRITE : 0) | (a->user ? (uint32_t)FAULT_USER : 0);
    const bool reports_fetch = (s->cr4 & VMX_CR4_SMEP) != 0 || ((s->cr4 & VMX_CR4_PAE) != 0 && no_execute_enabled(s));
    if (a->kind == VMX_ACCESS_FETCH && reports_fetch)
        code |= FAULT_FETCH;
    return code;
}

static bool page_fault(const struct vmx_access *a, uint32_t bits, struct vmx_translation *out)
{
    out->kind = VMX_TRANSLATION_FAULT;
    out->event = (struct vmx_event){.vector = VMX_PF,
                                    .type = VMX_EVENT_HARDWARE_EXCEPTION,
                                    .has_error_code = true,
                                    .error_code = access_error_bits(a) | bits,
                                    .payload = a->linear};
    return false;
}

/* CPUID.80000001H:EDX, of every walk that ends at such a page: the leaf is among the last of the table. */
static bool has_1g_pages(const struct vmx_caps *caps)
{
    for (unsigned i = caps->cpuid_count; i > 0; i--)
        if (caps->cpuid[i - 1].leaf == 0x80000001)
            return (caps->cpuid[i - 1].edx & VMX_CPUID_PAGE1GB) != 0;
    return false;
}

static unsigned level_shift(const struct guest_walk *w, unsigned level)
{
    return w->mode == VMX_PAGING_32BIT ? 12 + 10 * (level - 1) : 12 + 9 * (level - 1);
}

static bool is_leaf(const struct vmx_access *a, const struct guest_walk *w, uint64_t entry)
{
    if (w->level == 1)
        return true;
    if ((entry & PAGE_SIZE) == 0 || w->level > 3 || (w->mode == VMX_PAGING_32BIT && (a->cpu->state.cr4 & VMX_CR4_PSE) == 0))
        return false;
    return w->level == 2 || w->mode >= VMX_PAGING_4LEVEL;
}

/* SDM 3A, "Formats of CR3 and Paging-Structure Entries": bits that must be 0. */
static uint64_t reserved_bits(const struct vmx_access *a, const struct guest_walk *w, uint64_t entry)
{
    const struct vmx_state *s = &a->cpu->state;
    const unsigned width = a->cpu->caps->physical_bits;
    const bool leaf = is_leaf(a, w, entry);
    if (w->mode == VMX_PAGING_32BIT) /* PSE-36: bits 20:13 are address bits 39:32 */
        return leaf && w->level == 2 ? vmx_bits(21, 21) | (width < 40 ? vmx_bits(20, width - 19) : 0) : 0;
    uint64_t reserved = no_execute_enabled(s) ? 0 : PAGE_EXECUTE_DISABLE;
    reserved |= w->mode == VMX_PAGING_PAE ? vmx_bits(62, width) : vmx_bits(51, width);
    if (w->level >= 4 || (w->level == 3 && leaf && !has_1g_pages(a->cpu->caps)))
        reserved |= PAGE_SIZE;
    if (leaf && w->level > 1)
        reserved |= vmx_bits(level_shift(w, w->level) - 1, 13);
    return reserved;
}

/* What the entries used say of the page, with `leaf` for the last of them. */
static uint16_t rights_of(const struct vmx_access *a, const struct guest_walk *w, uint64_t leaf)
{
    const bool global = (leaf & PAGE_GLOBAL) != 0 && (a->cpu->state.cr4 & VMX_CR4_PGE) != 0;
    const unsigned rights = ((w->permissions & PAGE_WRITABLE) != 0 ? VMX_PAGE_WRITABLE : 0u) |
                            ((w->permissions & PAGE_USER) != 0 ? VMX_PAGE_USER : 0u) | (w->execute_disabled ? VMX_PAGE_EXECUTE_DISABLED : 0u) |
                            ((leaf & PAGE_DIRTY) != 0 ? VMX_PAGE_DIRTY : 0u) | (global ? VMX_PAGE_GLOBAL : 0u);
    return (uint16_t)rights;
}

static uint8_t key_of(const struct guest_walk *w, uint64_t leaf)
{
    return w->mode >= VMX_PAGING_4LEVEL ? (uint8_t)(leaf >> 59 & 15u) : 0;
}

static bool check_permissions(struct vmx_access *a, const struct guest_walk *w, struct vmx_translation *out)
{
    const uint64_t leaf = w->entries[w->used - 1];
    const uint8_t key = key_of(w, leaf);
    a->page_rights = rights_of(a, w, leaf);
    if (vmx_paging_permits(a, a->page_rights, key, a->kind))
        return true;
    const bool keyed = a->kind != VMX_ACCESS_FETCH && ((a->page_rights & VMX_PAGE_USER) != 0 || !a->user);
    const bool by_key = keyed && vmx_key_forbids(a, a->page_rights, key, vmx_access_writes(a->kind));
    return page_fault(a, FAULT_PROTECTION | (by_key ? (uint32_t)FAULT_KEY : 0), out);
}

/* Where the walk begins: the table and the level of its entries. False: a PDPTE is not present. */
static bool begin(const struct vmx_access *a, struct guest_walk *w, gpa_t *table, struct vmx_translation *out)
{
    const struct vmx_state *s = &a->cpu->state;
    const uint64_t address = vmx_bits(a->cpu->caps->physical_bits - 1, 12);
    w->mode = vmx_paging_mode(s);
    w->entry_size = w->mode == VMX_PAGING_32BIT ? 4 : 8;
    w->permissions = UINT64_MAX;
    switch (w->mode) {
    case VMX_PAGING_OFF:
        break;
    case VMX_PAGING_32BIT:
        w->level = 2;
        *table = s->cr3 & vmx_bits(31, 12);
        break;
    case VMX_PAGING_PAE: {
        const uint64_t pdpte = s->pdpte[a->linear >> 30 & 3];
        if ((pdpte & PAGE_PRESENT) == 0)
            return page_fault(a, 0, out);
        w->level = 2;
        *table = pdpte & address;
        break;
    }
    case VMX_PAGING_4LEVEL:
    case VMX_PAGING_5LEVEL:
        w->level = w->mode == VMX_PAGING_4LEVEL ? 4 : 5;
        *table = s->cr3 & address;
        break;
    }
    return true;
}

static bool find_leaf(struct vmx_access *a, const struct vmx_ept_plain *plain, struct guest_walk *w, gpa_t table, struct vmx_translation *out)
{
    const bool wide = w->mode != VMX_PAGING_32BIT;
    const unsigned index_bits = wide ? 9 : 10;
    const uint64_t index_mask = VMX_BIT(index_bits) - 1, next = wide ? vmx_bits(51, 12) : vmx_bits(31, 12);
    /* Where none of these is 1 no reserved bit is, at any level. */
    const uint64_t executable = no_execute_enabled(&a->cpu->state) ? 0 : PAGE_EXECUTE_DISABLE;
    const uint64_t suspect = wide ? executable | vmx_bits(w->mode == VMX_PAGING_PAE ? 62 : 51, a->cpu->caps->physical_bits) : 0;
    for (unsigned shift = level_shift(w, w->level);; w->level--, shift -= index_bits) {
        struct vmx_ept_page structure;
        const gpa_t address = table + (a->linear >> shift & index_mask) * w->entry_size;
        if (!vmx_ept_plain_structure(plain, address, &structure) && !vmx_ept_translate(a, address, VMX_EPT_STRUCTURE, &structure, out))
            return false;
        const uint64_t entry = vmx_read_entry(a->cpu, structure.host, w->entry_size);
        vmx_trail_note(a->trail, a->cpu, structure.host, entry, w->entry_size);
        if ((entry & PAGE_PRESENT) == 0)
            return page_fault(a, 0, out);
        const bool large = w->level > 1 && (entry & PAGE_SIZE) != 0;
        if (((entry & suspect) != 0 || large) && (entry & reserved_bits(a, w, entry)) != 0)
            return page_fault(a, FAULT_PROTECTION | FAULT_RESERVED, out);
        w->host[w->used] = structure.host;
        w->guest[w->used] = address;
        w->entries[w->used++] = entry;
        w->permissions &= entry;
        w->execute_disabled = w->execute_disabled || (wide && (entry & PAGE_EXECUTE_DISABLE) != 0);
        if (w->level == 1 || (large && is_leaf(a, w, entry)))
            return true;
        table = entry & next;
    }
}

/* Flags change once the access is permitted, root first, as one read-modify-write of each entry. */
static bool set_flags(struct vmx_access *a, struct guest_walk *w, struct vmx_translation *out)
{
    if ((w->permissions & PAGE_ACCESSED) != 0 && (!vmx_access_writes(a->kind) || (w->entries[w->used - 1] & PAGE_DIRTY) != 0))
        return true;
    for (unsigned i = 0; i < w->used; i++) {
        const bool dirties = i == w->used - 1 && vmx_access_writes(a->kind);
        const uint64_t flags = PAGE_ACCESSED | (dirties ? (unsigned)PAGE_DIRTY : 0u);
        if ((w->entries[i] & flags) == flags)
            continue;
        struct vmx_ept_page structure;
        if (!vmx_ept_translate(a, w->guest[i], VMX_EPT_UPDATE, &structure, out))
            return false;
        w->entries[i] |= flags;
        vmx_trail_break(a->trail);
        vmx_write_entry(a->cpu, w->host[i], w->entries[i], w->entry_size);
    }
    return true;
}

static gpa_t leaf_address(const struct vmx_access *a, const struct guest_walk *w, unsigned shift)
{
    const uint64_t leaf = w->entries[w->used - 1];
    const uint64_t offset = a->linear & vmx_bits(shift - 1, 0);
    if (w->mode == VMX_PAGING_32BIT && w->level == 2)
        return (leaf & vmx_bits(31, 22)) | (leaf >> 13 & 255u) << 32 | offset;
    return (leaf & vmx_bits(51, shift)) | offset;
}

bool vmx_guest_translate(struct vmx_access *a, const struct vmx_ept_plain *plain, struct vmx_guest_page *page, struct vmx_translation *out)
{
    struct guest_walk w = {.mode = VMX_PAGING_OFF};
    gpa_t table = 0;
    if (!begin(a, &w, &table, out))
        return false;
    if (w.mode == VMX_PAGING_OFF) {
        *page = (struct vmx_guest_page){.guest = a->linear, .shift = 30, .rights = VMX_PAGE_WRITABLE | VMX_PAGE_USER | VMX_PAGE_DIRTY};
        return true;
    }
    if (!find_leaf(a, plain, &w, table, out) || !check_permissions(a, &w, out) || !set_flags(a, &w, out))
        return false;
    const uint64_t leaf = w.entries[w.used - 1];
    page->shift = level_shift(&w, w.level);
    page->guest = leaf_address(a, &w, page->shift);
    page->key = key_of(&w, leaf);
    page->rights = rights_of(a, &w, leaf);
    return true;
}

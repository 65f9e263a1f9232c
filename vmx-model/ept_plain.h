/* SPDX-License-Identifier: MIT */
/* The walk through EPT that most are, in place: four levels of entries with all permissions, down to a page with those that the access needs, no flag to
   be set. Whatever else is met leaves it to vmx_ept_translate(), which begins anew. Internal to the walks. */
#ifndef VMX_EPT_PLAIN_H
#define VMX_EPT_PLAIN_H

#include "apic_page.h"
#include "controls.h"
#include "registers.h"

/* Bits of an EPT paging-structure entry. */
enum {
    VMX_EPT_ENTRY_READ = 1u << 0,
    VMX_EPT_ENTRY_WRITE = 1u << 1,
    VMX_EPT_ENTRY_EXECUTE = 1u << 2, /* for supervisor-mode addresses with mode-based execute control */
    VMX_EPT_ENTRY_LEAF = 1u << 7,
    VMX_EPT_ENTRY_ACCESSED = 1u << 8,
    VMX_EPT_ENTRY_DIRTY = 1u << 9,
    VMX_EPT_ENTRY_USER_EXECUTE = 1u << 10
};

/* `permissions` of all entries and the dirty flag of the leaf, in the form that is cached. */
static inline uint16_t vmx_ept_rights(uint64_t permissions, uint64_t leaf)
{
    const unsigned rights = ((permissions & VMX_EPT_ENTRY_READ) != 0 ? VMX_PAGE_EPT_READ : 0u) |
                            ((permissions & VMX_EPT_ENTRY_WRITE) != 0 ? VMX_PAGE_EPT_WRITE : 0u) |
                            ((permissions & VMX_EPT_ENTRY_EXECUTE) != 0 ? VMX_PAGE_EPT_EXECUTE : 0u) |
                            ((permissions & VMX_EPT_ENTRY_USER_EXECUTE) != 0 ? VMX_PAGE_EPT_USER_EXECUTE : 0u) |
                            ((leaf & VMX_EPT_ENTRY_DIRTY) != 0 ? VMX_PAGE_EPT_DIRTY : 0u);
    return (uint16_t)rights;
}

/* What the walks of one access have in common. */
struct vmx_ept_plain {
    const struct vmx_access *access;
    const uint8_t *bytes;
    uint64_t limit; /* entries below this address can be read; 0: no walk is plain */
    uint64_t reserved;
    hpa_t table;
};

static inline struct vmx_ept_plain vmx_ept_plain_begin(const struct vmx_access *a)
{
    enum { LAST_BYTE = 7, FIVE_LEVELS = 4 };
    const struct vmx_memory *memory = &a->cpu->memory;
    const unsigned width = a->cpu->caps->physical_bits;
    struct vmx_ept_plain plain = {.access = a, .bytes = memory->bytes};
    if (!a->ept || a->mode_based_execute || (a->eptp >> 3 & 7u) == FIVE_LEVELS || memory->byte_count <= LAST_BYTE)
        return plain;
    plain.limit = memory->byte_count - LAST_BYTE;
    plain.reserved = vmx_bits(51, width);
    plain.table = a->eptp & vmx_bits(width - 1, 12);
    return plain;
}

/* A well-formed entry that maps a page of this size, which can be read. */
static inline bool vmx_ept_plain_leaf(const struct vmx_ept_plain *plain, uint64_t entry, unsigned shift)
{
    enum { MEMORY_TYPES = 1u << 0 | 1u << 1 | 1u << 4 | 1u << 5 | 1u << 6, SHIFT_4K = 12, SHIFT_2M = 21, SHIFT_1G = 30 };
    if ((entry & (plain->reserved | VMX_EPT_ENTRY_READ)) != VMX_EPT_ENTRY_READ || ((unsigned)MEMORY_TYPES >> (entry >> 3 & 7u) & 1) == 0)
        return false;
    if (shift == SHIFT_4K)
        return true;
    const uint64_t capability = shift == SHIFT_2M ? VMX_EPTCAP_2MB : shift == SHIFT_1G ? VMX_EPTCAP_1GB : 0;
    return (entry & VMX_EPT_ENTRY_LEAF) != 0 && (plain->access->cpu->caps->ept_vpid & capability) != 0 && (entry & vmx_bits(shift - 1, 12)) == 0;
}

/* `needed`: bits that the last entry must have. False: nothing has happened. */
static inline bool vmx_ept_plain_walk(const struct vmx_ept_plain *plain, gpa_t guest, uint64_t needed, struct vmx_ept_page *page)
{
    enum { ROOT_SHIFT = 39, LAST_SHIFT = 12, ADDRESS_BITS = 48 };
    const uint64_t all = VMX_EPT_ENTRY_READ | VMX_EPT_ENTRY_WRITE | VMX_EPT_ENTRY_EXECUTE, wrong = plain->reserved | 0xff;
    const uint64_t accessed = plain->access->ept_flags ? VMX_EPT_ENTRY_ACCESSED : 0;
    uint64_t together = UINT64_MAX, entry;
    hpa_t table = plain->table;
    unsigned shift = ROOT_SHIFT;
    if (guest >> ADDRESS_BITS != 0)
        return false;
    for (;; shift -= 9) {
        const hpa_t address = table + (guest >> shift & 511u) * 8;
        if (address >= plain->limit)
            return false;
        entry = vmx_load64(plain->bytes + address);
        together &= entry;
        if ((entry & wrong) != all || shift == LAST_SHIFT)
            break;
        table = entry & vmx_bits(51, 12);
    }
    if (!vmx_ept_plain_leaf(plain, entry, shift) || (needed & ~entry) != 0 || (accessed & ~together) != 0)
        return false;
    page->shift = shift;
    page->host = (entry & vmx_bits(51, shift)) | (guest & (VMX_BIT(shift) - 1));
    page->rights = vmx_ept_rights(together, entry);
    return true;
}

/* Where a guest paging-structure entry is read. page->rights and page->shift need not be right. */
static inline bool vmx_ept_plain_structure(const struct vmx_ept_plain *plain, gpa_t guest, struct vmx_ept_page *page)
{
    const uint64_t writes = plain->access->ept_flags ? VMX_EPT_ENTRY_WRITE | VMX_EPT_ENTRY_DIRTY : 0;
    return vmx_ept_plain_walk(plain, guest, VMX_EPT_ENTRY_READ | writes, page) && !vmx_apic_page_within(plain->access, page->host, 12);
}

/* Where the access itself goes. */
static inline bool vmx_ept_plain_linear(const struct vmx_ept_plain *plain, gpa_t guest, struct vmx_ept_page *page)
{
    static const uint8_t needed[] = {[VMX_ACCESS_READ] = VMX_EPT_ENTRY_READ,
                                     [VMX_ACCESS_WRITE] = VMX_EPT_ENTRY_WRITE,
                                     [VMX_ACCESS_FETCH] = VMX_EPT_ENTRY_EXECUTE,
                                     [VMX_ACCESS_READ_WRITE] = VMX_EPT_ENTRY_READ | VMX_EPT_ENTRY_WRITE};
    const struct vmx_access *a = plain->access;
    return vmx_ept_plain_walk(plain, guest, needed[a->kind] | (a->ept_flags && vmx_access_writes(a->kind) ? VMX_EPT_ENTRY_DIRTY : 0u), page);
}

#endif

/* SPDX-License-Identifier: MIT */
/* The walk through EPT: violations, misconfigurations, accessed and dirty flags. SDM 3C, "The Extended Page Table Mechanism (EPT)". */
#include "access.h"

#include "apic_page.h"
#include "controls.h"
#include "ept_events.h"
#include "ept_plain.h"
#include "reasons.h"
#include "registers.h"

enum { MAX_LEVELS = 5 };

struct ept_walk {
    unsigned level; /* of `entry`: 1 PTE to 5 PML5E */
    unsigned used;
    hpa_t address[MAX_LEVELS]; /* of the entries used, root first */
    uint64_t entries[MAX_LEVELS];
    uint64_t permissions; /* AND of all entries used */
};

static unsigned level_shift(unsigned level)
{
    return 12 + 9 * (level - 1);
}

static bool is_leaf(uint64_t entry, unsigned level)
{
    return level == 1 || (level <= 3 && (entry & VMX_EPT_ENTRY_LEAF) != 0);
}

/* Bits of an entry that must be 0. */
static uint64_t reserved_bits(const struct vmx_access *a, uint64_t entry, unsigned level)
{
    const uint64_t capabilities = a->cpu->caps->ept_vpid;
    const uint64_t address = vmx_bits(51, a->cpu->caps->physical_bits);
    if (level >= 4)
        return address | vmx_bits(7, 3);
    if (level == 1)
        return address;
    const bool large_exists = (capabilities & (level == 3 ? VMX_EPTCAP_1GB : VMX_EPTCAP_2MB)) != 0;
    if ((entry & VMX_EPT_ENTRY_LEAF) == 0 || !large_exists)
        return address | vmx_bits(6, 3) | VMX_EPT_ENTRY_LEAF;
    return address | vmx_bits(level_shift(level) - 1, 12);
}

/* SDM 3C, "EPT Misconfigurations". */
static bool misconfigured(const struct vmx_access *a, uint64_t entry, unsigned level)
{
    const uint64_t executes = VMX_EPT_ENTRY_EXECUTE | (a->mode_based_execute ? VMX_EPT_ENTRY_USER_EXECUTE : 0u);
    if ((entry & VMX_EPT_ENTRY_READ) == 0) {
        const bool execute_only = (a->cpu->caps->ept_vpid & VMX_EPTCAP_EXECUTE_ONLY) != 0;
        if ((entry & VMX_EPT_ENTRY_WRITE) != 0 || ((entry & executes) != 0 && !execute_only))
            return true;
    }
    if ((entry & reserved_bits(a, entry, level)) != 0)
        return true;
    const unsigned memory_type = entry >> 3 & 7u;
    return is_leaf(entry, level) && (memory_type == 2 || memory_type == 3 || memory_type == 7);
}

static uint64_t bits_of(enum vmx_access_kind kind)
{
    switch (kind) {
    case VMX_ACCESS_READ:
        return VMX_EPT_ENTRY_READ;
    case VMX_ACCESS_WRITE:
        return VMX_EPT_ENTRY_WRITE;
    case VMX_ACCESS_FETCH:
        return VMX_EPT_ENTRY_EXECUTE;
    case VMX_ACCESS_READ_WRITE: /* SDM 3C, "Exit Qualification for EPT Violations": both bits, or that of the write */
        return VMX_EPT_ENTRY_READ | VMX_EPT_ENTRY_WRITE;
    }
    return 0;
}

/* Bits 2:0 of the qualification, which are also the permissions that the access needs. */
static uint64_t access_bits(const struct vmx_access *a, enum vmx_ept_use use)
{
    switch (use) {
    case VMX_EPT_LINEAR:
    case VMX_EPT_PHYSICAL:
        return bits_of(a->kind);
    case VMX_EPT_STRUCTURE: /* counts as a write where EPT has dirty flags */
        return a->ept_flags ? VMX_EPT_ENTRY_READ | VMX_EPT_ENTRY_WRITE : VMX_EPT_ENTRY_READ;
    case VMX_EPT_UPDATE:
        return VMX_EPT_ENTRY_READ | VMX_EPT_ENTRY_WRITE;
    }
    return 0;
}

/* SDM 3C, "Exit Qualification for EPT Violations". */
static uint64_t violation_qualification(const struct vmx_access *a, enum vmx_ept_use use, uint64_t permissions)
{
    uint64_t q = access_bits(a, use) | (permissions & 7u) << 3;
    if (a->mode_based_execute && (permissions & VMX_EPT_ENTRY_USER_EXECUTE) != 0)
        q |= VMX_BIT(6);
    if (use != VMX_EPT_PHYSICAL)
        q |= VMX_BIT(7);
    if (use == VMX_EPT_LINEAR) {
        q |= VMX_BIT(8);
        if ((a->cpu->caps->ept_vpid & VMX_EPTCAP_ADV_EPT_INFO) != 0)
            q |= ((a->page_rights & VMX_PAGE_USER) != 0 ? VMX_BIT(9) : 0) | ((a->page_rights & VMX_PAGE_WRITABLE) != 0 ? VMX_BIT(10) : 0) |
                 ((a->page_rights & VMX_PAGE_EXECUTE_DISABLED) != 0 ? VMX_BIT(11) : 0);
    }
    return q | vmx_nmi_unblocking(a->cpu);
}

static bool violation(const struct vmx_access *a, gpa_t guest, enum vmx_ept_use use, uint64_t permissions, bool convertible,
                      struct vmx_translation *out)
{
    vmx_ept_violation(a, guest, violation_qualification(a, use, permissions), convertible, out);
    return false;
}

static bool misconfiguration(const struct vmx_access *a, gpa_t guest, struct vmx_translation *out)
{
    vmx_access_exit(a, VMX_EXIT_EPT_MISCONFIG, 0, out);
    out->exit.guest_physical = guest;
    out->exit.valid |= VMX_VALID_GUEST_PHYSICAL;
    return false;
}

static bool allows(const struct vmx_access *a, uint64_t needed, uint64_t permissions)
{
    if ((needed & VMX_EPT_ENTRY_EXECUTE) != 0)
        return vmx_ept_permits(a, (uint16_t)(vmx_ept_rights(permissions, 0) | (a->page_rights & VMX_PAGE_USER)), VMX_ACCESS_FETCH);
    return (needed & ~permissions) == 0;
}

/* Follows the entries to the leaf; every entry used is present and well formed when it answers true. */
static bool find_leaf(const struct vmx_access *a, gpa_t guest, enum vmx_ept_use use, struct ept_walk *w, struct vmx_translation *out)
{
    const uint64_t present = 7u | (a->mode_based_execute ? (unsigned)VMX_EPT_ENTRY_USER_EXECUTE : 0u);
    w->level = (a->eptp >> 3 & 7u) == 4 ? 5 : 4; /* VM entry allows no other page-walk length */
    w->permissions = UINT64_MAX;
    w->used = 0;
    if ((guest >> level_shift(w->level + 1)) != 0) /* wider than these tables translate: no entry, so nothing to convert */
        return violation(a, guest, use, 0, false, out);
    /* An entry with all permissions, which has no other bit that could be wrong, is well formed at every level. */
    const uint64_t can_be_wrong = vmx_bits(51, a->cpu->caps->physical_bits) | vmx_bits(7, 0);
    hpa_t table = a->eptp & vmx_bits(a->cpu->caps->physical_bits - 1, 12);
    for (;; w->level--) {
        const hpa_t address = table + (guest >> level_shift(w->level) & 511u) * 8;
        const uint64_t entry = vmx_read_entry(a->cpu, address, 8);
        if ((entry & present) == 0)
            return violation(a, guest, use, 0, (entry >> 63) == 0, out);
        if ((entry & can_be_wrong) != (VMX_EPT_ENTRY_READ | VMX_EPT_ENTRY_WRITE | VMX_EPT_ENTRY_EXECUTE) && misconfigured(a, entry, w->level))
            return misconfiguration(a, guest, out);
        w->address[w->used] = address;
        w->entries[w->used++] = entry;
        w->permissions &= entry;
        if (is_leaf(entry, w->level))
            return true;
        table = entry & vmx_bits(51, 12);
    }
}

/* Sets accessed flags, and the dirty flag of the leaf for a write. */
static bool set_flags(const struct vmx_access *a, gpa_t guest, bool write, struct ept_walk *w, struct vmx_translation *out)
{
    const unsigned leaf = w->used - 1;
    const bool dirties = write && (w->entries[leaf] & VMX_EPT_ENTRY_DIRTY) == 0;
    if (!dirties && (w->permissions & VMX_EPT_ENTRY_ACCESSED) != 0) /* of all of them */
        return true;
    if (a->log && !vmx_log_modification(a, guest, dirties, out))
        return false;
    for (unsigned i = 0; i < w->used; i++) {
        const uint64_t flags = VMX_EPT_ENTRY_ACCESSED | (i == leaf && dirties ? (unsigned)VMX_EPT_ENTRY_DIRTY : 0u);
        if ((w->entries[i] & flags) != flags)
            vmx_write_entry(a->cpu, w->address[i], w->entries[i] | flags, 8);
        w->entries[i] |= flags;
    }
    return true;
}

/* Guest-physical accesses to the APIC-access page always exit; linear ones are judged by their caller, who knows more. */
static bool reaches_apic_page(const struct vmx_access *a, enum vmx_ept_use use, hpa_t host, struct vmx_translation *out)
{
    if (use == VMX_EPT_LINEAR || !vmx_apic_page_within(a, host, 12))
        return false;
    vmx_apic_page_physical(a, out);
    return true;
}

/* Permission of the entries, or of the sub-page permission table in their place. */
static bool permitted(const struct vmx_access *a, gpa_t guest, enum vmx_ept_use use, const struct ept_walk *w, struct vmx_translation *out)
{
    const uint64_t leaf = w->entries[w->used - 1], needed = access_bits(a, use);
    if (allows(a, needed, w->permissions))
        return true;
    if (vmx_sub_page_applies(a, leaf, w->level, needed, w->permissions)) {
        if (vmx_sub_page_allows(a, guest, out))
            return true;
        if (out->kind == VMX_TRANSLATION_EXIT)
            return false;
    }
    return violation(a, guest, use, w->permissions, (leaf >> 63) == 0, out);
}

bool vmx_ept_translate(struct vmx_access *a, gpa_t guest, enum vmx_ept_use use, struct vmx_ept_page *page, struct vmx_translation *out)
{
    struct ept_walk w; /* only what `used` counts is set */
    if (!a->ept) {
        *page = (struct vmx_ept_page){.host = guest, .shift = 30, .rights = VMX_PAGE_EPT_ANY};
        return !reaches_apic_page(a, use, guest, out);
    }
    if (!find_leaf(a, guest, use, &w, out) || !permitted(a, guest, use, &w, out))
        return false;
    if (a->ept_flags && !set_flags(a, guest, (access_bits(a, use) & VMX_EPT_ENTRY_WRITE) != 0, &w, out))
        return false;
    const uint64_t leaf = w.entries[w.used - 1];
    page->shift = level_shift(w.level);
    page->host = (leaf & vmx_bits(51, page->shift)) | (guest & vmx_bits(page->shift - 1, 0));
    page->rights = vmx_ept_rights(w.permissions, leaf);
    return !reaches_apic_page(a, use, page->host, out);
}

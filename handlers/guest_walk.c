/* SPDX-License-Identifier: MIT */
/* Guest-linear addresses as the guest's own segments and paging translate them, for instructions that handlers emulate.
   SDM 3A, "Paging" and "Protection". */
#include "../vmx-model/registers.h"
#include "device_access.h"
#include "handlers.h"

enum {
    PTE_P = 1u << 0,
    PTE_W = 1u << 1,
    PTE_U = 1u << 2,
    PTE_A = 1u << 5,
    PTE_D = 1u << 6,
    PTE_PS = 1u << 7,
    PF_P = 1u << 0,
    PF_W = 1u << 1,
    PF_U = 1u << 2,
    PF_RSVD = 1u << 3,
    PF_I = 1u << 4,
    PAGE = 4096
};
#define PTE_XD (UINT64_C(1) << 63)

/* One walk: modes on top, then what the entries met so far allow. */
struct walk {
    struct hv_vcpu *vcpu;
    uint64_t cr0, cr3, cr4, efer, address_bits; /* address_bits: of a physical address in an entry */
    enum hv_access access;
    bool user;
    bool writable, user_page, executable;
};

static bool page_fault(const struct walk *w, gva_t linear, unsigned cause, struct hv_fault *fault)
{
    const bool tells_fetch = (w->cr4 & VMX_CR4_SMEP) != 0 || ((w->cr4 & VMX_CR4_PAE) != 0 && (w->efer & VMX_EFER_NXE) != 0);
    *fault = (struct hv_fault){VMX_PF, true, cause, linear};
    if (w->access == HV_ACCESS_WRITE)
        fault->error_code |= PF_W;
    if (w->user)
        fault->error_code |= PF_U;
    if (w->access == HV_ACCESS_FETCH && tells_fetch)
        fault->error_code |= PF_I;
    return false;
}

static bool rights_ok(const struct walk *w)
{
    const bool write = w->access == HV_ACCESS_WRITE, fetch = w->access == HV_ACCESS_FETCH;
    if (fetch && !w->executable)
        return false;
    if (w->user)
        return w->user_page && (!write || w->writable);
    if (w->user_page && fetch && (w->cr4 & VMX_CR4_SMEP) != 0)
        return false;
    if (w->user_page && !fetch && (w->cr4 & VMX_CR4_SMAP) != 0 && (hv_read(w->vcpu, VMCS_GUEST_RFLAGS) & VMX_RFLAGS_AC) == 0)
        return false;
    return !write || w->writable || (w->cr0 & VMX_CR0_WP) == 0;
}

static uint64_t reserved_bits(const struct walk *w, unsigned level, bool leaf, bool legacy)
{
    if (legacy)
        return leaf && level == 1 ? UINT64_C(1) << 21 : 0;
    uint64_t reserved = ~w->address_bits & UINT64_C(0x000ffffffffff000);
    if ((w->efer & VMX_EFER_NXE) == 0)
        reserved |= PTE_XD;
    if ((w->efer & VMX_EFER_LMA) == 0)
        reserved |= UINT64_C(0x7ff0000000000000);
    if (leaf && level > 0)
        reserved |= ((UINT64_C(1) << 9 * level) - 1) << 12 & ~(UINT64_C(1) << 12);
    else if (!leaf && level >= 3)
        reserved |= PTE_PS;
    return reserved;
}

static void set_flags(const struct walk *w, gpa_t slot, uint64_t entry, bool leaf, unsigned bytes)
{
    const uint64_t flags = PTE_A | (leaf && w->access == HV_ACCESS_WRITE ? PTE_D : 0u);
    const uint64_t marked = entry | flags;
    if (marked != entry)
        (void)hv_guest_write(w->vcpu->vm, slot, &marked, bytes);
}

static gpa_t frame_of(const struct walk *w, uint64_t entry, gva_t linear, unsigned level, bool legacy)
{
    const unsigned shift = 12 + (legacy ? 10 : 9) * level;
    const uint64_t offset = linear & ((UINT64_C(1) << shift) - 1);
    if (legacy && level == 1) /* PSE-36 */
        return (entry & 0xffc00000u) | (entry >> 13 & 0xff) << 32 | offset;
    return (entry & w->address_bits & ~((UINT64_C(1) << shift) - 1)) | offset;
}

/* From the table at `table`, `level` + 1 levels remain. */
static bool walk_tables(struct walk *w, gva_t linear, gpa_t table, unsigned level, bool legacy, gpa_t *physical, struct hv_fault *fault)
{
    const unsigned bytes = legacy ? 4 : 8, index_bits = legacy ? 10 : 9;
    for (;; level--) {
        const uint64_t index = linear >> (12 + index_bits * level) & ((1u << index_bits) - 1);
        const gpa_t slot = table + index * bytes;
        uint64_t entry = 0;
        if (!hv_guest_read(w->vcpu->vm, slot, &entry, bytes))
            entry = legacy ? UINT32_MAX : UINT64_MAX; /* no memory there reads all ones */
        if ((entry & PTE_P) == 0)
            return page_fault(w, linear, 0, fault);
        const bool large = (entry & PTE_PS) != 0 && (legacy ? level == 1 && (w->cr4 & VMX_CR4_PSE) != 0 : level == 1 || level == 2);
        const bool leaf = level == 0 || large;
        if ((entry & reserved_bits(w, level, leaf, legacy)) != 0)
            return page_fault(w, linear, PF_P | PF_RSVD, fault);
        w->writable = w->writable && (entry & PTE_W) != 0;
        w->user_page = w->user_page && (entry & PTE_U) != 0;
        w->executable = w->executable && (legacy || (entry & PTE_XD) == 0);
        if (leaf && !rights_ok(w))
            return page_fault(w, linear, PF_P, fault);
        set_flags(w, slot, entry, leaf, bytes);
        if (leaf) {
            *physical = frame_of(w, entry, linear, level, legacy);
            return true;
        }
        table = entry & (legacy ? UINT64_C(0xfffff000) : w->address_bits);
    }
}

static uint64_t pdpte_of(struct hv_vcpu *vcpu, uint64_t cr3, unsigned index)
{
    static const enum vmcs_field fields[4] = {VMCS_GUEST_PDPTR0, VMCS_GUEST_PDPTR1, VMCS_GUEST_PDPTR2, VMCS_GUEST_PDPTR3};
    if (hv_secondary_control(vcpu, VMX_SEC_ENABLE_EPT))
        return hv_read(vcpu, fields[index]);
    uint64_t entry = 0;
    (void)hv_guest_read(vcpu->vm, (cr3 & 0xffffffe0u) + 8u * index, &entry, sizeof(entry));
    return entry;
}

bool hv_translate(struct hv_vcpu *vcpu, gva_t linear, enum hv_access access, bool user, gpa_t *physical, struct hv_fault *fault)
{
    struct walk w = {.vcpu = vcpu, .access = access, .user = user, .writable = true, .user_page = true, .executable = true};
    w.cr0 = hv_read(vcpu, VMCS_GUEST_CR0);
    if ((w.cr0 & VMX_CR0_PG) == 0) {
        *physical = (uint32_t)linear;
        return true;
    }
    w.cr3 = hv_read(vcpu, VMCS_GUEST_CR3);
    w.cr4 = hv_read(vcpu, VMCS_GUEST_CR4);
    w.efer = hv_efer(vcpu);
    w.address_bits = ((UINT64_C(1) << hv_physical_bits(vcpu)) - 1) & ~UINT64_C(0xfff);
    if ((w.efer & VMX_EFER_LMA) != 0)
        return walk_tables(&w, linear, w.cr3 & w.address_bits, (w.cr4 & VMX_CR4_LA57) != 0 ? 4 : 3, false, physical, fault);
    linear = (uint32_t)linear;
    if ((w.cr4 & VMX_CR4_PAE) == 0)
        return walk_tables(&w, linear, w.cr3 & 0xfffff000u, 1, true, physical, fault);
    const uint64_t pdpte = pdpte_of(vcpu, w.cr3, (unsigned)(linear >> 30));
    if ((pdpte & PTE_P) == 0)
        return page_fault(&w, linear, 0, fault);
    return walk_tables(&w, linear, pdpte & w.address_bits, 1, false, physical, fault);
}

/* ---- moving data ---- */
static void physical_read(struct hv_vcpu *vcpu, gpa_t physical, uint8_t *bytes, uint32_t size)
{
    if (hv_guest_read(vcpu->vm, physical, bytes, size))
        return;
    for (uint32_t done = 0, piece; done < size; done += piece) {
        piece = size - done < 8 ? size - done : 8;
        const uint64_t value = hv_mmio_read(vcpu, physical + done, piece);
        for (uint32_t i = 0; i < piece; i++)
            bytes[done + i] = (uint8_t)(value >> 8 * i);
    }
}

static void physical_write(struct hv_vcpu *vcpu, gpa_t physical, const uint8_t *bytes, uint32_t size)
{
    if (hv_guest_write(vcpu->vm, physical, bytes, size))
        return;
    for (uint32_t done = 0, piece; done < size; done += piece) {
        piece = size - done < 8 ? size - done : 8;
        uint64_t value = 0;
        for (uint32_t i = 0; i < piece; i++)
            value |= (uint64_t)bytes[done + i] << 8 * i;
        hv_mmio_write(vcpu, physical + done, piece, value);
    }
}

static uint32_t piece_at(gva_t linear, uint32_t size)
{
    const uint32_t rest = PAGE - (uint32_t)(linear % PAGE);
    return size < rest ? size : rest;
}

bool hv_linear_read(struct hv_vcpu *vcpu, gva_t linear, void *buffer, uint32_t size, enum hv_access access, bool user, struct hv_fault *fault)
{
    for (uint32_t done = 0, piece; done < size; done += piece) {
        gpa_t physical;
        piece = piece_at(linear + done, size - done);
        if (!hv_translate(vcpu, linear + done, access, user, &physical, fault))
            return false;
        physical_read(vcpu, physical, (uint8_t *)buffer + done, piece);
    }
    return true;
}

/* All pages are checked before the first byte is written. */
bool hv_linear_write(struct hv_vcpu *vcpu, gva_t linear, const void *buffer, uint32_t size, bool user, struct hv_fault *fault)
{
    gpa_t physical;
    for (uint32_t done = 0; done < size; done += piece_at(linear + done, size - done))
        if (!hv_translate(vcpu, linear + done, HV_ACCESS_WRITE, user, &physical, fault))
            return false;
    for (uint32_t done = 0, piece; done < size; done += piece) {
        piece = piece_at(linear + done, size - done);
        if (!hv_translate(vcpu, linear + done, HV_ACCESS_WRITE, user, &physical, fault))
            return false;
        physical_write(vcpu, physical, (const uint8_t *)buffer + done, piece);
    }
    return true;
}

unsigned hv_fetch(struct hv_vcpu *vcpu, uint64_t rip, uint8_t bytes[15])
{
    enum { MAX = 15 };
    const bool wide = hv_in_64bit_mode(vcpu);
    const gva_t first = wide ? rip : (uint32_t)(hv_read(vcpu, VMCS_GUEST_CS_BASE) + rip);
    const bool user = hv_cpl(vcpu) == 3;
    struct hv_fault fault;
    unsigned got = 0;
    while (got < MAX) {
        const unsigned piece = piece_at(first + got, MAX - got);
        if (!hv_linear_read(vcpu, first + got, bytes + got, piece, HV_ACCESS_FETCH, user, &fault))
            break;
        got += piece;
    }
    return got;
}

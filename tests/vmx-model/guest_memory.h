/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A small flat memory with guest page tables and EPT tables, and a processor over it, for the tests of walks and delivery.
   Host-physical: 0 to 2 MBytes is the guest's (EPT maps it page by page, identity); tables of EPT lie above. */
#ifndef TESTS_GUEST_MEMORY_H
#define TESTS_GUEST_MEMORY_H

#include <string.h>

#include "vmx-model/access.h"
#include "vmx-model/controls.h"
#include "vmx-model/cpuid_bits.h"
#include "vmx-model/reasons.h"
#include "vmx-model/registers.h"
#include "vmx-model/walk.h"

enum {
    RAM_BYTES = 4 << 20,
    GUEST_BYTES = 2 << 20,
    GUEST_CR3 = 0x100000, /* tables of guest paging grow from here */
    EPT_ROOT = 0x200000,  /* tables of EPT grow from here */
    PML_PAGE = 0x300000,
    VE_PAGE = 0x301000,
    VIRTUAL_APIC_PAGE = 0x302000,
    APIC_PAGE = 0x303000,
    SPP_ROOT = 0x304000
};

enum { EPT_RWX = 7, EPT_WB = 6 << 3, PTE_P = 1, PTE_W = 2, PTE_U = 4, PTE_PS = 1 << 7, PTE_A = 1 << 5, PTE_D = 1 << 6, PTE_G = 1 << 8 };

struct guest_memory {
    uint8_t ram[RAM_BYTES];
    hpa_t next_ept_table;
    gpa_t next_guest_table;
    struct vmcs vmcs;
    struct vmx_caps caps;
    struct vmx_cpu cpu;
};

static struct guest_memory g;

static const struct vmx_cpuid_entry guest_cpuid[] = {{0, 0, 1, 0, 0, 0}, {0x80000000, 0, 0x80000001, 0, 0, 0}, {0x80000001, 0, 0, 0, 0, 1u << 26}};

static inline bool ram_read(void *context, hpa_t address, void *buffer, uint32_t size)
{
    (void)context;
    if (address >= RAM_BYTES || size > RAM_BYTES - address)
        return false;
    memcpy(buffer, g.ram + address, size);
    return true;
}

static inline bool ram_write(void *context, hpa_t address, const void *buffer, uint32_t size)
{
    (void)context;
    if (address >= RAM_BYTES || size > RAM_BYTES - address)
        return false;
    memcpy(g.ram + address, buffer, size);
    return true;
}

static inline uint64_t ram64(hpa_t address)
{
    uint64_t value = 0;
    memcpy(&value, g.ram + address, sizeof value);
    return value;
}

static inline void set_ram64(hpa_t address, uint64_t value)
{
    memcpy(g.ram + address, &value, sizeof value);
}

static inline void set_ram32(hpa_t address, uint32_t value)
{
    memcpy(g.ram + address, &value, sizeof value);
}

/* Host address of the EPT entry of a level (1 PTE) for a guest-physical address; builds what is missing above it. */
static inline hpa_t ept_entry(gpa_t guest, unsigned level)
{
    hpa_t table = EPT_ROOT;
    for (unsigned at = (g.vmcs.field[VMCS_EPT_POINTER] >> 3 & 7) == 4 ? 5 : 4;; at--) {
        const hpa_t entry = table + (guest >> (12 + 9 * (at - 1)) & 511) * 8;
        if (at == level)
            return entry;
        if (ram64(entry) == 0) {
            set_ram64(entry, g.next_ept_table | EPT_RWX | 1u << 10);
            g.next_ept_table += 4096;
        }
        table = ram64(entry) & UINT64_C(0xffffffffff000);
    }
}

static inline void ept_map_guest(void)
{
    for (gpa_t page = 0; page < GUEST_BYTES; page += 4096)
        set_ram64(ept_entry(page, 1), page | EPT_RWX | EPT_WB | 1u << 10);
}

/* Guest-physical (= host-physical) address of the paging-structure entry of a level for a linear address. */
static inline gpa_t guest_entry(gva_t linear, unsigned level)
{
    gpa_t table = GUEST_CR3;
    for (unsigned at = (g.cpu.state.cr4 & VMX_CR4_LA57) != 0 ? 5 : 4;; at--) {
        const gpa_t entry = table + (linear >> (12 + 9 * (at - 1)) & 511) * 8;
        if (at == level)
            return entry;
        if (ram64(entry) == 0) {
            set_ram64(entry, g.next_guest_table | PTE_P | PTE_W | PTE_U);
            g.next_guest_table += 4096;
        }
        table = ram64(entry) & UINT64_C(0xffffffffff000);
    }
}

static inline void guest_map(gva_t linear, gpa_t guest, uint64_t flags)
{
    set_ram64(guest_entry(linear, 1), guest | flags);
}

static inline void set_segment(enum vmx_segment_name name, uint16_t selector, uint64_t base, uint32_t limit, uint32_t access_rights)
{
    g.cpu.state.seg[name] = (struct vmx_segment){.selector = selector, .base = base, .limit = limit, .access_rights = access_rights};
}

static inline void set_cpl(unsigned cpl)
{
    g.cpu.state.seg[VMX_SS].access_rights = (g.cpu.state.seg[VMX_SS].access_rights & ~VMX_AR_DPL) | cpl << 5;
    g.cpu.state.seg[VMX_CS].access_rights = (g.cpu.state.seg[VMX_CS].access_rights & ~VMX_AR_DPL) | cpl << 5;
}

static inline void set_control(enum vmcs_field field, uint64_t bits, bool on)
{
    g.vmcs.field[field] = on ? g.vmcs.field[field] | bits : g.vmcs.field[field] & ~bits;
}

static inline void secondary(uint64_t bits, bool on)
{
    set_control(VMCS_SECONDARY_VM_EXEC_CONTROL, bits, on);
}

/* Non-root operation, 64-bit mode at CPL 0, 4-level paging (nothing mapped), no EPT. */
static inline void reset_64bit(void)
{
    static const struct vmcs no_vmcs;
    static const struct vmx_cpu no_cpu;
    memset(g.ram, 0, sizeof g.ram);
    g.next_ept_table = EPT_ROOT + 4096;
    g.next_guest_table = GUEST_CR3 + 4096;
    g.vmcs = no_vmcs;
    g.cpu = no_cpu;
    g.caps = (struct vmx_caps){.name = "test", .physical_bits = 46, .linear_bits = 57, .cpuid = guest_cpuid, .cpuid_count = 3};
    g.caps.ept_vpid = VMX_EPTCAP_EXECUTE_ONLY | VMX_EPTCAP_PWL4 | VMX_EPTCAP_PWL5 | VMX_EPTCAP_2MB | VMX_EPTCAP_1GB | VMX_EPTCAP_AD;
    g.cpu.caps = &g.caps;
    g.cpu.memory = (struct vmx_memory){.read = ram_read, .write = ram_write};
    g.cpu.operation = VMX_OPERATION_NON_ROOT;
    g.cpu.vmcs = &g.vmcs;
    g.vmcs.field[VMCS_CPU_BASED_VM_EXEC_CONTROL] = VMX_PRI_ACTIVATE_SECONDARY;
    g.vmcs.field[VMCS_EPT_POINTER] = EPT_ROOT | 6 | 3 << 3;
    g.vmcs.field[VMCS_PML_ADDRESS] = PML_PAGE;
    g.vmcs.field[VMCS_GUEST_PML_INDEX] = 511;
    g.vmcs.field[VMCS_VE_INFORMATION_ADDRESS] = VE_PAGE;
    g.vmcs.field[VMCS_VIRTUAL_APIC_PAGE_ADDR] = VIRTUAL_APIC_PAGE;
    g.vmcs.field[VMCS_APIC_ACCESS_ADDR] = APIC_PAGE;
    g.vmcs.field[VMCS_SPP_TABLE_POINTER] = SPP_ROOT;
    struct vmx_state *s = &g.cpu.state;
    s->cr0 = VMX_CR0_PE | VMX_CR0_PG | VMX_CR0_WP;
    s->cr4 = VMX_CR4_PAE | VMX_CR4_PGE;
    s->efer = VMX_EFER_LME | VMX_EFER_LMA | VMX_EFER_NXE;
    s->cr3 = GUEST_CR3;
    s->rflags = 2;
    set_segment(VMX_CS, 8, 0, UINT32_MAX, 0xa09b);
    set_segment(VMX_SS, 16, 0, UINT32_MAX, 0xc093);
}

/* The same with EPT, the guest's memory mapped one to one. */
static inline void reset_ept(void)
{
    reset_64bit();
    secondary(VMX_SEC_ENABLE_EPT, true);
    ept_map_guest();
}

static inline struct vmx_translation translate(gva_t linear, enum vmx_access_kind kind, bool user)
{
    struct vmx_translation t;
    vmx_translate(&g.cpu, linear, kind, user, &t);
    return t;
}

#endif

/* SPDX-License-Identifier: MIT */
/* One memory access on its way through guest paging and EPT: what both walks share. Internal to the walks and to event delivery. */
#ifndef VMX_ACCESS_H
#define VMX_ACCESS_H

#include "walk.h"
#include "walk_memo.h"

struct vmx_access {
    struct vmx_cpu *cpu;
    gva_t linear;
    enum vmx_access_kind kind;
    bool user;     /* user-mode access */
    bool implicit; /* supervisor access that the instruction does not make itself: descriptor tables, TSS, stacks of delivery */
    /* Of non-root operation; all clear elsewhere. */
    bool ept, ept_flags /* EPTP[6] */, mode_based_execute, log /* page-modification log */;
    bool apic_accesses; /* "virtualize APIC accesses" */
    uint64_t eptp;
    /* What guest paging said of the linear address, VMX_PAGE_EPT_ANY aside; with paging off a user-mode, writable, executable page. */
    uint16_t page_rights;    /* enum vmx_page_rights */
    struct vmx_trail *trail; /* NULL: nobody asks what the walk reads */
};

struct vmx_access vmx_access_begin(struct vmx_cpu *cpu, gva_t linear, enum vmx_access_kind kind, bool user, bool implicit);

/* True: a walk that would go the same way is remembered; *mapping, but for the tag, and *serves, as vmx_page_serves() answers, are what it came to. False:
   *memo is room for the walk that follows, which is recorded then; it is to be remembered or forgotten. NULL: nothing is remembered. */
bool vmx_walk_recall(struct vmx_access *a, struct vmx_walk_memo **memo, struct vmx_mapping *mapping, unsigned *serves);
void vmx_walk_remember(struct vmx_walk_memo *memo, const struct vmx_mapping *mapping, unsigned serves);
void vmx_walk_forget(struct vmx_walk_memo *memo);

/* As vmx_translate(), for an access that is implicit or not. */
void vmx_translate_access(struct vmx_access *a, struct vmx_translation *out);

/* As vmx_read_linear() and vmx_write_linear(), for implicit supervisor accesses. */
bool vmx_read_system(struct vmx_cpu *cpu, gva_t linear, void *buffer, uint32_t size, struct vmx_translation *out);
bool vmx_write_system(struct vmx_cpu *cpu, gva_t linear, const void *buffer, uint32_t size, struct vmx_translation *out);
/* Writes with a privilege of its own. */
bool vmx_write_as(struct vmx_cpu *cpu, gva_t linear, const void *buffer, uint32_t size, bool user, bool implicit, struct vmx_translation *out);

/* A guest-physical address is used for ... */
enum vmx_ept_use {
    VMX_EPT_LINEAR,    /* the translation of the linear address */
    VMX_EPT_STRUCTURE, /* reading a guest paging-structure entry */
    VMX_EPT_UPDATE,    /* setting a flag in one */
    VMX_EPT_PHYSICAL   /* an access without linear address: PDPTEs at MOV to CR */
};

struct vmx_ept_page {
    hpa_t host;
    unsigned shift;  /* log2 of the page size */
    uint16_t rights; /* of enum vmx_page_rights, those within VMX_PAGE_EPT_ANY */
};

/* Translates through EPT (identity without) and sets its accessed and dirty flags; false: `out` holds the exit or the #VE. */
bool vmx_ept_translate(struct vmx_access *a, gpa_t guest, enum vmx_ept_use use, struct vmx_ept_page *page, struct vmx_translation *out);

/* Fills out->exit for a memory-access exit, IDT-vectoring information included. */
void vmx_access_exit(const struct vmx_access *a, uint32_t reason, uint64_t qualification, struct vmx_translation *out);
/* Bit 12 of a qualification, where NMI unblocking due to IRET is reported. */
uint64_t vmx_nmi_unblocking(const struct vmx_cpu *cpu);

/* Guest paging: linear address to guest-physical address with all permission checks and flag updates. `page` gives what guest paging
   says; false: `out` holds the fault or the exit. */
struct vmx_guest_page {
    gpa_t guest;
    unsigned shift;
    uint8_t key;
    uint16_t rights; /* enum vmx_page_rights without VMX_PAGE_EPT_ANY */
};
struct vmx_ept_plain;
bool vmx_guest_translate(struct vmx_access *a, const struct vmx_ept_plain *plain, struct vmx_guest_page *page, struct vmx_translation *out);

/* page_rights.c: what a page allows this access's privilege, as the processor stands now. */
/* By guest paging, the dirty flag aside. */
bool vmx_paging_permits(const struct vmx_access *a, uint16_t rights, uint8_t key, enum vmx_access_kind kind);
/* True when it is the protection key that forbids a data access. */
bool vmx_key_forbids(const struct vmx_access *a, uint16_t rights, uint8_t key, bool write);
/* By EPT, dirty flag included; VMX_PAGE_USER says whose execute right counts. */
bool vmx_ept_permits(const struct vmx_access *a, uint16_t rights, enum vmx_access_kind kind);
/* Without a new walk: a bit for each enum vmx_access_kind. */
unsigned vmx_page_serves(const struct vmx_access *a, uint16_t rights, uint8_t key);

/* An entry of 4 or 8 bytes of a structure in memory; all ones where there is no memory. */
uint64_t vmx_read_entry_by_call(const struct vmx_cpu *cpu, hpa_t address, unsigned size_bytes);

static inline uint32_t vmx_load32(const uint8_t *b)
{
    return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

/* In one expression, which compilers know as one load. */
static inline uint64_t vmx_load64(const uint8_t *b)
{
    return b[0] | (uint64_t)b[1] << 8 | (uint64_t)b[2] << 16 | (uint64_t)b[3] << 24 | (uint64_t)b[4] << 32 | (uint64_t)b[5] << 40 |
           (uint64_t)b[6] << 48 | (uint64_t)b[7] << 56;
}

/* Its counterpart. */
static inline void vmx_store64(uint8_t *b, uint64_t value)
{
    b[0] = (uint8_t)value;
    b[1] = (uint8_t)(value >> 8);
    b[2] = (uint8_t)(value >> 16);
    b[3] = (uint8_t)(value >> 24);
    b[4] = (uint8_t)(value >> 32);
    b[5] = (uint8_t)(value >> 40);
    b[6] = (uint8_t)(value >> 48);
    b[7] = (uint8_t)(value >> 56);
}

static inline uint64_t vmx_entry_of(const uint8_t *bytes, unsigned size_bytes)
{
    return size_bytes == 8 ? vmx_load64(bytes) : vmx_load32(bytes);
}

static inline uint64_t vmx_read_entry(const struct vmx_cpu *cpu, hpa_t address, unsigned size_bytes)
{
    address = vmx_bus_address(cpu, address);
    if (address < cpu->memory.byte_count && size_bytes <= cpu->memory.byte_count - address)
        return vmx_entry_of(cpu->memory.bytes + address, size_bytes);
    return vmx_read_entry_by_call(cpu, address, size_bytes);
}

void vmx_write_entry(const struct vmx_cpu *cpu, hpa_t address, uint64_t entry, unsigned size_bytes);

/* Mask of bits high:low. */
static inline uint64_t vmx_bits(unsigned high, unsigned low)
{
    return high < low ? 0 : (UINT64_MAX >> (63 - high)) & (UINT64_MAX << low);
}

#endif

/* SPDX-License-Identifier: MIT */
/* Address translation: guest paging (32-bit, PAE, 4- and 5-level) nested in EPT, over memory callbacks.
   SDM 3A, "Paging"; SDM 3C, "The Extended Page Table Mechanism (EPT)". */
#ifndef VMX_WALK_H
#define VMX_WALK_H

#include "cpu.h"

enum vmx_access_kind { VMX_ACCESS_READ, VMX_ACCESS_WRITE, VMX_ACCESS_FETCH };

enum vmx_translation_kind {
    VMX_TRANSLATED,
    VMX_TRANSLATION_FAULT, /* `event`: #PF (or #GP/#SS of a non-canonical address) */
    VMX_TRANSLATION_EXIT,  /* `exit`: EPT violation, EPT misconfiguration, PML full, APIC access */
    VMX_TRANSLATION_VE     /* `event`: #VE; the information area is written */
};

struct vmx_translation {
    enum vmx_translation_kind kind;
    hpa_t host;              /* of the byte asked for */
    gpa_t guest;             /* of the byte asked for */
    uint64_t page_size;      /* of the smaller of guest page and EPT page, in bytes */
    bool read, write, fetch; /* further accesses of this privilege that need no new walk (write: dirty flags are set) */
    bool global;             /* guest page is global */
    bool no_memory;          /* translated, but the caller's memory has nothing there */
    struct vmx_event event;
    struct vmx_exit_info exit;
};

/* Translates one byte at a linear address for an access of the given kind; `user` says user-mode access (CPL 3 and not
   implicit supervisor). Sets accessed and dirty flags of guest paging and EPT, logs to the page-modification log. EPT
   and its exits apply in VMX non-root operation with "enable EPT" = 1. */
void vmx_translate(struct vmx_cpu *cpu, gva_t linear, enum vmx_access_kind kind, bool user, struct vmx_translation *out);

/* Translates a guest-physical address through EPT alone (identity where EPT is off). */
void vmx_translate_physical(struct vmx_cpu *cpu, gpa_t guest, enum vmx_access_kind kind, struct vmx_translation *out);

/* Moves size bytes (1 to 4096) at a linear address as the processor would, page by page; stops at the first translation that is
   not VMX_TRANSLATED and returns it in `out`. Bytes of earlier pages are already moved (writes check all pages first). */
bool vmx_read_linear(struct vmx_cpu *cpu, gva_t linear, void *buffer, uint32_t size, enum vmx_access_kind kind, bool user,
                     struct vmx_translation *out);
bool vmx_write_linear(struct vmx_cpu *cpu, gva_t linear, const void *buffer, uint32_t size, bool user, struct vmx_translation *out);

/* Loads the four PDPTEs from CR3 for PAE paging; false (and nothing written) when a present one has reserved bits set. An
   EPT exit of the load stands in `out`. SDM 3A, "PAE Paging". */
bool vmx_load_pdptes(struct vmx_cpu *cpu, uint64_t cr3, uint64_t pdpte[4], struct vmx_translation *out);

/* True iff the address is canonical for the linear-address width in bits (48 or 57). */
bool vmx_is_canonical(uint64_t address, unsigned width_bits);

#endif

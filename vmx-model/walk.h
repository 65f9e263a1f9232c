/* SPDX-License-Identifier: MIT */
/* Address translation: guest paging (32-bit, PAE, 4- and 5-level) nested in EPT, over memory callbacks.
   SDM 3A, "Paging"; SDM 3C, "The Extended Page Table Mechanism (EPT)". */
#ifndef VMX_WALK_H
#define VMX_WALK_H

#include "cpu.h"

enum vmx_access_kind {
    VMX_ACCESS_READ,
    VMX_ACCESS_WRITE,
    VMX_ACCESS_FETCH,
    VMX_ACCESS_READ_WRITE /* the read of an instruction that writes its operand back: it needs what a write needs, and faults as one */
};

static inline bool vmx_access_writes(enum vmx_access_kind kind)
{
    return kind == VMX_ACCESS_WRITE || kind == VMX_ACCESS_READ_WRITE;
}

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
    bool no_memory;          /* translated, but the caller's memory has nothing there (vmx_read_linear and vmx_write_linear) */
    /* The byte is on the APIC-access page and "use TPR shadow" = 1: `host` names its place on the virtual-APIC page, and
       vmx_apic_access_virtualized() says whether an access of the size at hand may go there. Never to be cached. */
    bool apic_page;
    struct vmx_event event;
    struct vmx_exit_info exit;
};

/* Translates one byte at a linear address for an access of the given kind; `user` says user-mode access (CPL 3 and not
   implicit supervisor). Sets accessed and dirty flags of guest paging and EPT, logs to the page-modification log. EPT
   and its exits apply in VMX non-root operation with "enable EPT" = 1. */
void vmx_translate(struct vmx_cpu *cpu, gva_t linear, enum vmx_access_kind kind, bool user, struct vmx_translation *out);

/* Translates a guest-physical address through EPT alone (identity where EPT is off). */
void vmx_translate_physical(struct vmx_cpu *cpu, gpa_t guest, enum vmx_access_kind kind, struct vmx_translation *out);

/* The exit APIC access of a linear access to the APIC-access page, for an access that is not virtualized. */
void vmx_apic_access_exit(struct vmx_cpu *cpu, gva_t linear, enum vmx_access_kind kind, struct vmx_translation *out);

/* Whether an access of size bytes at an offset of the APIC-access page is virtualized, "use TPR shadow" being 1: it then acts on
   the virtual-APIC page; a write is to be followed by APIC-write emulation. SDM 3C, "Virtualizing Memory-Mapped APIC Accesses". */
bool vmx_apic_access_virtualized(const struct vmx_cpu *cpu, unsigned offset, unsigned size, bool write);

/* Moves size bytes (1 to 4096) at a linear address as the processor would, page by page; stops at the first translation that is
   not VMX_TRANSLATED and returns it in `out`. Bytes of earlier pages are already moved (writes check all pages first). Where the
   caller's memory has nothing, reads give all ones and writes vanish. A virtualized write to the APIC-access page leaves
   out->apic_page set: APIC-write emulation is the caller's. */
bool vmx_read_linear(struct vmx_cpu *cpu, gva_t linear, void *buffer, uint32_t size, enum vmx_access_kind kind, bool user,
                     struct vmx_translation *out);
bool vmx_write_linear(struct vmx_cpu *cpu, gva_t linear, const void *buffer, uint32_t size, bool user, struct vmx_translation *out);

/* Loads the four PDPTEs from CR3 for PAE paging; false (and nothing written) when a present one has reserved bits set
   (out->kind is VMX_TRANSLATED: #GP(0) is the caller's) or when the load exits (`out`). SDM 3A, "PAE Paging". */
bool vmx_load_pdptes(struct vmx_cpu *cpu, uint64_t cr3, uint64_t pdpte[4], struct vmx_translation *out);

/* True iff the address is canonical for the linear-address width in bits (48 or 57). */
bool vmx_is_canonical(uint64_t address, unsigned width_bits);

#endif

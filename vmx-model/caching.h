/* SPDX-License-Identifier: MIT */
/* Cached translations: what one holds, what it is tagged with, and which of them each operation invalidates.
   SDM 3A and SDM 3C, "Caching Translation Information".

   One kind of entry stands for the manual's linear mappings (EPT not in use) and combined mappings (EPT in use). Not modelled: guest-physical
   mappings and paging-structure caches, which a processor need not have; what invalidates only those has no effect. */
#ifndef VMX_CACHING_H
#define VMX_CACHING_H

#include "state.h"

struct vmx_cpu;

enum vmx_paging { VMX_PAGING_OFF, VMX_PAGING_32BIT, VMX_PAGING_PAE, VMX_PAGING_4LEVEL, VMX_PAGING_5LEVEL };

/* The paging mode of CR0, CR4 and EFER. */
enum vmx_paging vmx_paging_mode(const struct vmx_state *s);

#define VMX_NO_EPT UINT64_MAX /* in the place of an EP4TA: EPT is not in use */

/* Whom a translation belongs to. */
struct vmx_tag {
    uint64_t ep4ta; /* EPTP[51:12] in place, or VMX_NO_EPT */
    uint16_t vpid;  /* 0 outside non-root operation and without "enable VPID" */
    uint16_t pcid;  /* 0 while CR4.PCIDE = 0 */
    uint8_t paging; /* enum vmx_paging: software that turns paging on need not invalidate, so no entry serves another mode */
};

/* The tag of the translations that the processor uses now. */
struct vmx_tag vmx_current_tag(const struct vmx_cpu *cpu);

/* What guest paging and EPT say of a page; a mode without one of them says yes for it. */
enum vmx_page_rights {
    VMX_PAGE_WRITABLE = 1u << 0,
    VMX_PAGE_USER = 1u << 1,
    VMX_PAGE_EXECUTE_DISABLED = 1u << 2,
    VMX_PAGE_DIRTY = 1u << 3, /* the dirty flag is set: a write needs no walk */
    VMX_PAGE_GLOBAL = 1u << 4,
    VMX_PAGE_EPT_READ = 1u << 5,
    VMX_PAGE_EPT_WRITE = 1u << 6,
    VMX_PAGE_EPT_EXECUTE = 1u << 7, /* of supervisor-mode addresses with "mode-based execute control for EPT" */
    VMX_PAGE_EPT_USER_EXECUTE = 1u << 8,
    VMX_PAGE_EPT_DIRTY = 1u << 9,
    VMX_PAGE_EPT_ANY = VMX_PAGE_EPT_READ | VMX_PAGE_EPT_WRITE | VMX_PAGE_EPT_EXECUTE | VMX_PAGE_EPT_USER_EXECUTE | VMX_PAGE_EPT_DIRTY
};

struct vmx_mapping {
    struct vmx_tag tag;
    uint8_t shift;       /* log2 of the page's bytes: of the smaller of guest page and EPT page */
    uint8_t guest_shift; /* of the guest's page, which INVLPG and INVVPID name */
    uint8_t key;         /* protection key; 0 where there is none */
    uint16_t rights;     /* enum vmx_page_rights */
    gva_t linear;        /* of the first byte, as are */
    gpa_t guest;
    hpa_t host;
};

/* True when a processor that uses `tag` may translate the address by the mapping. Global pages serve every PCID. */
static inline bool vmx_mapping_serves(const struct vmx_mapping *m, const struct vmx_tag *tag, gva_t linear)
{
    return ((m->linear ^ linear) >> m->shift) == 0 && m->tag.vpid == tag->vpid && m->tag.ep4ta == tag->ep4ta && m->tag.paging == tag->paging &&
           (m->tag.pcid == tag->pcid || (m->rights & VMX_PAGE_GLOBAL) != 0);
}

/* Which translations are invalidated: those for which every condition holds. No condition at all, with VMX_FLUSH_ANY: all of them. */
enum vmx_flush_conditions {
    VMX_FLUSH_ANY = 1u << 0,        /* stands in every scope that is not empty */
    VMX_FLUSH_VPID = 1u << 1,       /* of `vpid` */
    VMX_FLUSH_NOT_VPID_0 = 1u << 2, /* of any VPID but 0 */
    VMX_FLUSH_PCID = 1u << 3,       /* of `pcid` */
    VMX_FLUSH_OR_GLOBAL = 1u << 4,  /* VMX_FLUSH_PCID counts global pages as belonging to every PCID */
    VMX_FLUSH_EPT = 1u << 5,        /* made with EPT in use */
    VMX_FLUSH_EP4TA = 1u << 6,      /* of `ep4ta` */
    VMX_FLUSH_LINEAR = 1u << 7,     /* of the guest's page at `linear` */
    VMX_FLUSH_NOT_GLOBAL = 1u << 8
};

struct vmx_flush {
    uint16_t conditions; /* 0: nothing */
    uint16_t vpid, pcid;
    uint64_t ep4ta;
    gva_t linear;
};

bool vmx_flush_names(const struct vmx_flush *flush, const struct vmx_mapping *mapping);

/* What operations invalidate. Of the processor's state they read what stands there when they are called. */

/* INVLPG; the address is canonical. */
struct vmx_flush vmx_flush_invlpg(const struct vmx_cpu *cpu, gva_t linear);
/* INVPCID that does not fault. */
struct vmx_flush vmx_flush_invpcid(const struct vmx_cpu *cpu, uint64_t type, const uint64_t descriptor[2]);
/* MOV to CR3 of `value` as it is written, bit 63 included. */
struct vmx_flush vmx_flush_mov_cr3(const struct vmx_cpu *cpu, uint64_t value);
struct vmx_flush vmx_flush_mov_cr0(const struct vmx_cpu *cpu, uint64_t before, uint64_t after);
struct vmx_flush vmx_flush_mov_cr4(const struct vmx_cpu *cpu, uint64_t before, uint64_t after);
/* INVVPID and INVEPT that succeed. */
struct vmx_flush vmx_flush_invvpid(uint64_t type, uint16_t vpid, gva_t linear);
struct vmx_flush vmx_flush_invept(uint64_t type, uint64_t eptp);
/* VM entry or VM exit by the current VMCS. */
struct vmx_flush vmx_flush_transition(const struct vmx_cpu *cpu);
/* A page fault, and an EPT violation, at an address that was to be translated for `tag`. */
struct vmx_flush vmx_flush_page_fault(const struct vmx_tag *tag, gva_t linear);
struct vmx_flush vmx_flush_ept_violation(const struct vmx_tag *tag, gva_t linear);

/* Tells the caller's cache, where there is one. */
void vmx_invalidate(const struct vmx_cpu *cpu, struct vmx_flush flush);
void vmx_invalidate_at_transition(const struct vmx_cpu *cpu);

/* Where the caller keeps translations. find NULL: nowhere, every access walks. The calls come from the walk: `find` answers a mapping that
   vmx_mapping_serves(), valid until the next call, or NULL; `insert` adds one, which came of a walk for the address `linear`, in place of all that
   served it; `invalidate` drops at least what `flush` names. */
struct vmx_translation_cache {
    void *context;
    const struct vmx_mapping *(*find)(void *context, const struct vmx_tag *tag, gva_t linear);
    void (*insert)(void *context, const struct vmx_mapping *mapping, gva_t linear);
    void (*invalidate)(void *context, const struct vmx_flush *flush);
};

#endif

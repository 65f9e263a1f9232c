/* SPDX-License-Identifier: MIT */
/* The architectural state of one logical processor, in the groups that are loaded, saved and fetched together. */
#ifndef VMX_STATE_H
#define VMX_STATE_H

#include <stdbool.h>
#include <stdint.h>

typedef uint64_t gva_t; /* linear address */
typedef uint64_t gpa_t; /* guest-physical address */
typedef uint64_t hpa_t; /* host-physical address */

/* General-purpose registers in the order of instruction encodings and exit qualifications. */
enum vmx_gpr {
    VMX_RAX,
    VMX_RCX,
    VMX_RDX,
    VMX_RBX,
    VMX_RSP,
    VMX_RBP,
    VMX_RSI,
    VMX_RDI,
    VMX_R8,
    VMX_R9,
    VMX_R10,
    VMX_R11,
    VMX_R12,
    VMX_R13,
    VMX_R14,
    VMX_R15,
    VMX_GPR_COUNT
};

/* Segment registers in the order of instruction encodings and VMCS field encodings. */
enum vmx_segment_name { VMX_ES, VMX_CS, VMX_SS, VMX_DS, VMX_FS, VMX_GS, VMX_LDTR, VMX_TR, VMX_SEGMENT_COUNT };

/* Access rights in the form of the VMCS (SDM 3C, "Guest Register State"): type 3:0, S 4, DPL 6:5, P 7, AVL 12, L 13,
   D/B 14, G 15, unusable 16. */
struct vmx_segment {
    uint64_t base;
    uint32_t limit; /* in bytes, granularity already applied */
    uint32_t access_rights;
    uint16_t selector;
};

struct vmx_descriptor_table {
    uint64_t base;
    uint32_t limit;
};

/* Groups of state that move together between engine, model and VMCS. */
enum vmx_group {
    VMX_GROUP_GPR = 1u << 0,      /* gpr[] but RSP */
    VMX_GROUP_IP = 1u << 1,       /* rip, gpr[RSP], rflags */
    VMX_GROUP_CONTROL = 1u << 2,  /* cr0, cr3, cr4, efer, pdpte[] */
    VMX_GROUP_SEGMENTS = 1u << 3, /* seg[] */
    VMX_GROUP_TABLES = 1u << 4,   /* gdtr, idtr */
    VMX_GROUP_DEBUG = 1u << 5,    /* dr[], debugctl */
    VMX_GROUP_MSR = 1u << 6,      /* sysenter_*, pat and the MSRs that no VMCS field holds; cr2, cr8, xcr0 */
    VMX_GROUP_EVENT = 1u << 7,    /* interruptibility, activity, pending_debug */
    VMX_GROUP_ALL = (1u << 8) - 1
};

enum vmx_activity { VMX_ACTIVE, VMX_HLT, VMX_SHUTDOWN, VMX_WAIT_FOR_SIPI };

/* Interruptibility state (SDM 3C, "Guest Non-Register State"). */
enum { VMX_BLOCKING_BY_STI = 1u << 0, VMX_BLOCKING_BY_MOV_SS = 1u << 1, VMX_BLOCKING_BY_SMI = 1u << 2, VMX_BLOCKING_BY_NMI = 1u << 3 };

struct vmx_state {
    uint64_t gpr[VMX_GPR_COUNT];
    uint64_t rip, rflags;
    uint64_t cr0, cr2, cr3, cr4, cr8, efer, xcr0;
    uint64_t pdpte[4];
    struct vmx_segment seg[VMX_SEGMENT_COUNT];
    struct vmx_descriptor_table gdtr, idtr;
    uint64_t dr[8]; /* dr[4] and dr[5] are unused */
    uint64_t debugctl;
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
    uint64_t pat, perf_global_ctrl, bndcfgs, rtit_ctl, lbr_ctl, pkrs, spec_ctrl, xss;
    uint64_t s_cet, ssp, interrupt_ssp_table;
    uint64_t star, lstar, cstar, fmask, kernel_gs_base, tsc_aux, apic_base, misc_enable;
    uint32_t pkru;
    uint32_t interruptibility; /* VMX_BLOCKING_BY_*; bit 3 is virtual-NMI blocking with "virtual NMIs" */
    uint32_t activity;         /* enum vmx_activity */
    uint64_t pending_debug;    /* layout of the VMCS field "pending debug exceptions" */
};

/* Physical memory as the caller offers it. Both calls move size bytes (1 to 4096) that may cross a page; false: no memory there. */
struct vmx_memory {
    void *context;
    bool (*read)(void *context, hpa_t address, void *buffer, uint32_t size);
    bool (*write)(void *context, hpa_t address, const void *buffer, uint32_t size);
    /* Memory from address 0 on whose bytes may be read here instead of by `read`: walks of paging structures read so much. NULL and 0: none. */
    const uint8_t *bytes;
    uint64_t byte_count;
};

#endif

/* SPDX-License-Identifier: MIT */
/* One logical processor as the model sees it: architectural state, VMX operation and what an entry has armed. */
#ifndef VMX_CPU_H
#define VMX_CPU_H

#include "caps.h"
#include "exit_info.h"
#include "state.h"
#include "vmcs.h"

enum vmx_operation { VMX_OPERATION_OFF, VMX_OPERATION_ROOT, VMX_OPERATION_NON_ROOT };

struct vmx_walk_memo;

#define VMX_NO_VMCS UINT64_MAX /* current-VMCS pointer when there is none */

/* Stimuli that wait for the next instruction boundary. */
struct vmx_pending {
    bool nmi, init, sipi, smi, machine_check, interrupt;
    uint8_t sipi_vector;
    uint8_t interrupt_vector; /* highest-priority external interrupt that the local APIC offers */
    bool mtf;                 /* an MTF VM exit is pending */
    bool preemption_timer;    /* the VMX-preemption timer has reached 0 */
    bool tpr_below_threshold; /* VM entry found the TPR below the threshold */
    bool virtual_interrupt;   /* virtual-interrupt delivery has recognized one */
};

struct vmx_cpu {
    struct vmx_state state;
    const struct vmx_caps *caps;
    struct vmx_memory memory;
    /* What CPUID leaves 1 and 0BH say of the place among several processors; 0 and 0 for one that is alone. */
    uint32_t apic_id, processors;
    struct vmx_translation_cache cache;
    struct vmx_walk_memo *memo; /* VMX_WALK_MEMOS, the caller's room, zeros at first; NULL: walks are not remembered */
    enum vmx_operation operation;
    struct vmcs *vmcs; /* the current VMCS; NULL when current_vmcs is VMX_NO_VMCS */
    hpa_t current_vmcs, vmxon_region;
    /* Where the processor keeps the data of its current VMCS: VMPTRLD reads the region into it, VMCLEAR and VMPTRLD of another write it back. The
       caller's room; `vmcs` points to it while there is a current VMCS. NULL: VMX instructions outside non-root operation are left to the caller. */
    struct vmcs *vmcs_cache;
    uint64_t feature_control; /* IA32_FEATURE_CONTROL */
    uint64_t mtrr_def_type;   /* IA32_MTRR_DEF_TYPE */
    uint64_t tsc;             /* time-stamp counter at this boundary; the caller keeps it */
    struct vmx_pending pending;
    bool smm, mce_at_entry; /* mce_at_entry: the next VM entry meets a machine check */
    bool a20_masked;        /* the caller's chipset asserts A20M#, which VMX operation blocks */
    /* Root software is native code: in root operation `state` keeps the guest's registers, and the processor that VM entry finds is taken as
       64-bit code at CPL 0 without blocking. False: in root operation `state` is that of the root software. */
    bool native_root;
    bool nmi_blocked; /* blocking by NMI outside of what interruptibility bit 3 shows (virtual NMIs) */
    /* The event whose delivery through the IDT is under way, as IDT-vectoring information; bit 31: one is. */
    uint32_t vectoring_info, vectoring_error_code, vectoring_length;
    bool repeats;               /* the boundary is one between iterations of a string instruction: events find RFLAGS.RF set */
    unsigned breakpoints_hit;   /* of DR0 to DR3, on data and ports that the instruction or the delivery under way has reached */
    bool nmi_unblocked_by_iret; /* the current IRET removed (virtual-)NMI blocking */
    bool timer_active;          /* VMX-preemption timer counts */
    uint64_t timer_start_tsc, timer_start_value;
    uint32_t ple_first, ple_last; /* PAUSE-loop exiting, in TSC ticks */
    bool ple_seen;
    bool monitor_armed;    /* MONITOR has armed address-range monitoring */
    uint64_t tsc_adjust;   /* IA32_TSC_ADJUST: what software has added to `tsc` */
    uint64_t random_state; /* RDRAND and RDSEED draw from this sequence */
    /* Kept by VM entry and VM exit: the VMCS whose guest `state` holds and the entry controls it was loaded by; groups of `state` that the model
       wrote behind the engine's back, so that the next entry names them as changed; groups that the next exit saves whatever its caller says. */
    const struct vmcs *loaded;
    uint32_t loaded_entry_controls;
    uint32_t stale, unsaved;
    /* Groups whose fields in the VMCS are exactly what an exit would save of a guest that was loaded from them: it need not. */
    const struct vmcs *settled_of;
    uint32_t settled;
    uint32_t violated; /* enum vmx_check: the rule that the last VMLAUNCH or VMRESUME executed by the model violated, VMX_CHECK_NONE for none */
};

/* Reads a VMX control of the current VMCS; secondary and tertiary words count as 0 when not activated. */
uint32_t vmx_pin_controls(const struct vmx_cpu *cpu);
uint32_t vmx_primary_controls(const struct vmx_cpu *cpu);
uint32_t vmx_secondary_controls(const struct vmx_cpu *cpu);
uint64_t vmx_tertiary_controls(const struct vmx_cpu *cpu);

static inline bool vmx_in_64bit_mode(const struct vmx_state *s)
{
    return (s->efer & (1u << 10)) != 0 && (s->seg[VMX_CS].access_rights & (1u << 13)) != 0;
}

/* A20M mode: bit 20 of the addresses of all memory that the processor accesses is 0. It ends at nothing but the signal, and VMXON is #GP(0) in it; a
   signal that comes in VMX operation waits for VMXOFF. SDM 3A, "External Signal Compatibility"; SDM 3C, "Restrictions on VMX Operation". */
static inline bool vmx_a20m_mode(const struct vmx_cpu *cpu)
{
    return cpu->a20_masked && cpu->operation == VMX_OPERATION_OFF;
}

static inline hpa_t vmx_bus_address(const struct vmx_cpu *cpu, hpa_t address)
{
    return vmx_a20m_mode(cpu) ? address & ~(UINT64_C(1) << 20) : address;
}

/* Current privilege level: SS.DPL, 0 in real mode, 3 in virtual-8086 mode. */
unsigned vmx_cpl(const struct vmx_state *s);

/* CPUID as it stands now: vmx_cpuid() with the bits that follow the state: OSXSAVE and OSPKE (CR4), APIC (IA32_APIC_BASE), XSAVE size (XCR0), and
   with the processor's APIC identifier; `processors` of them stand in one package as cores of one thread each. */
void vmx_cpu_cpuid(const struct vmx_cpu *cpu, uint32_t leaf, uint32_t subleaf, uint32_t out[4]);

#endif

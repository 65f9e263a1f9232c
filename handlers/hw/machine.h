/* SPDX-License-Identifier: MIT */
/* The real machine: one processor in VMX operation, and what hw keeps of each virtual CPU.
   Not modelled: a second processor. Every vCPU runs on the processor that booted. */
#ifndef HW_MACHINE_H
#define HW_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "../backend.h"

/* Host-physical memory, the same as on the simulated machine: image, pages for VMX structures, guest RAM; scenarios end RAM. */
enum { HW_PAGES_FIRST = 0x400000, HW_GUEST_BASE = 0x1000000, HW_PAGE = 4096, HW_VCPUS = 8, HW_GUEST_MSRS = 7 };

struct bk_vcpu {
    uint64_t gpr[VMX_GPR_COUNT]; /* first: hw_enter() finds it there */
    struct bk_machine *machine;
    hpa_t vmcs; /* 0: bk_vmclear() was not called */
    bool launched;
    /* guest state outside the VMCS while another vCPU's is in the processor */
    uint64_t dr[4], dr6, cr2, xcr0, pat, efer, msr[HW_GUEST_MSRS];
    uint8_t *extended; /* XSAVE or FXSAVE area, one page */
    uint64_t entry_tsc, exit_tsc;
};

struct bk_machine {
    struct bk_vcpu vcpu[HW_VCPUS];
    struct bk_vcpu *current; /* whose VMCS is current and whose state is in the processor; NULL: nobody's */
    uint64_t ram_end, guest_size;
    hpa_t next_page;
    uint64_t xcr0_all; /* states that XSAVE exchanges between vCPUs; 0: no XSAVE */
    bool timer;        /* the processor has the VMX-preemption timer */
    uint64_t host_cr0, host_cr4, host_efer, host_pat;
    uint64_t budget; /* TSC ticks that guests may still run; UINT64_MAX: unbounded */
    const char *error;
};

/* Enters VMX operation. NULL, or why this processor cannot. `ram_end` bounds guest RAM. */
const char *hw_vmx_on(struct bk_machine *machine, uint64_t ram_end);
/* As new for the next scenario: no pages, no VMCS, no event pending. Guest RAM is the bench's to clear. */
void hw_machine_reset(struct bk_machine *machine);
/* Makes the VMCS and the guest-switched state of this vCPU those of the processor. */
void hw_make_current(struct bk_vcpu *vcpu);
/* Power-up values of the guest-switched state, in the processor. */
void hw_reset_guest_state(struct bk_vcpu *vcpu);

/* Prints the controls that are 1 in vCPU 0's VMCS though this processor does not take them: why a VM entry failed. */
void hw_name_unsupported(struct bk_machine *machine);

/* Prints the VMCS of every vCPU that has one, in the words of KVM's dump_vmcs. */
void hw_dump(struct bk_machine *machine);

/* entry.S */
enum { HW_ENTER_EXITED, HW_ENTER_FAIL_INVALID, HW_ENTER_FAIL_VALID };
unsigned hw_enter(uint64_t *registers, bool launched);
void hw_exit(void);

/* ---- traps.c and apic.c: events of the processor ---- */
/* Fills the IDT; unexpected traps print and end the run. */
void hw_traps_init(void);
uint64_t hw_idt_base(void);
/* Enables the local APIC and masks every source of interrupts but messages. False: there is none. */
bool hw_apic_init(void);
/* Sends itself an interrupt, which waits while interrupts are masked. False: the vector cannot be sent. */
bool hw_apic_send_interrupt(uint8_t vector);
void hw_apic_send_nmi(void);
void hw_apic_send_init(void);
bool hw_apic_pending(void);
/* Ends the interrupts that a VM exit or the guest took from the APIC. */
void hw_apic_end_interrupts(void);
/* Takes one pending interrupt: its vector, or -1. */
int hw_take_interrupt(void);
/* An NMI waits, NMIs blocked, for the next VM entry. */
void hw_pend_nmi(void);
/* Runs the NMI handler to its IRET: NMIs are unblocked, and one that waited is taken. */
void hw_take_nmi(void);

#endif

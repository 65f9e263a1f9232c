/* SPDX-License-Identifier: MIT */
/* The real machine: processors in VMX operation, and what hw keeps of each virtual CPU. vCPU n runs on processor n where there are so many, one at a time:
   the host is a single thread that hops from processor to processor. */
#ifndef HW_MACHINE_H
#define HW_MACHINE_H

#include "../bench/modules.h"

/* Host-physical memory, the same as on the simulated machine: image, pages for VMX structures, guest RAM; scenarios end RAM. */
enum { HW_PAGES_FIRST = 0x400000, HW_GUEST_BASE = BENCH_GUEST_BASE, HW_PAGE = 4096, HW_VCPUS = 8, HW_CPUS = 8, HW_STACK_BYTES = 16384 };
enum { HW_GUEST_REGISTERS = 6 };

struct bk_vcpu {
    uint64_t gpr[VMX_GPR_COUNT]; /* first: hw_enter() finds it there */
    struct bk_machine *machine;
    unsigned cpu; /* its processor */
    hpa_t vmcs;   /* 0: bk_vmclear() was not called */
    bool launched;
    /* guest state outside the VMCS while another vCPU's is in the processor; guest_state.c lists it */
    uint64_t reg[HW_GUEST_REGISTERS], msr[BK_GUEST_MSR_COUNT], xcr0;
    uint8_t *extended; /* XSAVE or FXSAVE area, one page */
    uint64_t entry_tsc, exit_tsc;
    uint64_t turn; /* TSC ticks that it may still run in this turn; UINT64_MAX: no turns */
    unsigned sipi; /* 1 + vector: a SIPI arrives at the next VM entry; 0: none */
    bool tried;    /* it slept on since something was last sent to it */
};

/* A processor. */
struct hw_cpu {
    volatile uint64_t rsp; /* first: the stack of the host that hops here, 0 before; hw_hop() knows both */
    uint64_t stack;        /* second: where it waits for that */
    unsigned number;
    uint32_t apic_id;
    uint64_t apic_base; /* IA32_APIC_BASE as the firmware left it */
    volatile bool ready, usable;
    bool waited_for_sipi;    /* since it was started */
    struct bk_vcpu *current; /* whose VMCS is current and whose state is in the processor; NULL: nobody's */
};

/* SIPIs that processor `sender` sends while it waits. */
struct hw_sipi {
    volatile uint32_t target; /* 1 + APIC ID; 0: none to send */
    unsigned sender;
    uint8_t vector;
};

struct bk_machine {
    struct bk_vcpu vcpu[HW_VCPUS];
    struct hw_cpu cpu[HW_CPUS];
    struct hw_cpu *here;        /* where the host runs */
    unsigned cpus, taking_part; /* processors; those that a scenario wants */
    unsigned turn_of;           /* the vCPU that was chosen last */
    struct hw_sipi sipi;
    uint64_t ram_end, guest_size;
    hpa_t next_page;
    uint64_t xcr0_all; /* states that XSAVE exchanges between vCPUs; 0: no XSAVE */
    bool timer;        /* the processor has the VMX-preemption timer */
    uint64_t host_cr0, host_cr4, host_efer, host_pat;
    uint64_t budget;               /* TSC ticks that guests may still run; UINT64_MAX: unbounded */
    uint64_t charge_from, charged; /* TSC ticks of the handlers since the last VM exit: since when, and before */
    struct bench_transitions cost; /* in TSC ticks, measured when the image started */
    const char *error;
};

/* ---- vmx_on.c ---- */
/* Makes its local APIC ready and enters VMX operation on this processor. NULL, or why it cannot. */
const char *hw_cpu_vmx_on(struct hw_cpu *cpu);
/* The same on the first one, and fills in the machine. NULL, or why this processor cannot. `ram_end` bounds guest RAM. */
const char *hw_vmx_on(struct bk_machine *machine, uint64_t ram_end);

/* ---- backend_hw.c ---- */
/* TSC ticks that stand for so many instructions; UINT64_MAX for 0. */
uint64_t hw_ticks_for(uint64_t instructions);

/* ---- cpus.c and boot.S ---- */
/* Starts the others. They stay in VMX operation and wait. */
void hw_start_cpus(struct bk_machine *machine);
/* Starts those again that have waited for a SIPI in VMX non-root operation: what such a wait blocks (SMIs and NMIs on Bochs' processors) is not all theirs to
   unblock. One that does not come back ends the list. The host is on the first one, before and after. */
void hw_restart_cpus(struct bk_machine *machine);
/* The host goes on on this processor. */
void hw_go_to(struct bk_machine *machine, unsigned number);
/* An INIT signal that waits for the next VM entry there. The host is elsewhere then. */
void hw_send_init_to(struct bk_machine *machine, unsigned number);
void hw_hop(struct hw_cpu *from, struct hw_cpu *to);
_Noreturn void hw_parked(struct hw_cpu *cpu);
extern const uint8_t hw_gdt[], hw_tss[];
enum { HW_CODE_SELECTOR = 0x08, HW_DATA_SELECTOR = 0x10, HW_TSS_SELECTOR = 0x18 };

/* ---- guest_state.c ---- */
/* Makes the VMCS and the guest-switched state of this vCPU those of the processor. */
void hw_make_current(struct bk_vcpu *vcpu);
/* x87 and SSE state and MSRs as after power-up, in the processor. Other guest-switched state is the bench's to set. */
void hw_reset_guest_state(struct bk_vcpu *vcpu);

/* ---- entry.S ---- */
enum { HW_ENTER_EXITED, HW_ENTER_FAIL_INVALID, HW_ENTER_FAIL_VALID };
unsigned hw_enter(uint64_t *registers, bool launched);
void hw_exit(void);

/* ---- traps.c: events of the processor ---- */
extern uint64_t hw_idt[][2];
/* Fills the IDT; unexpected traps print and end the run. */
void hw_traps_init(void);
/* The same IDT for another processor. */
void hw_traps_load(void);
/* Takes one pending interrupt: its vector, or -1. */
int hw_take_interrupt(void);
/* An NMI waits, NMIs blocked, for the next VM entry. */
void hw_pend_nmi(void);
/* Runs the NMI handler to its IRET: NMIs are unblocked, and one that waited is taken. */
void hw_take_nmi(void);

/* ---- apic.c ---- */
/* Enables the local APIC and masks every source of interrupts but messages. False: there is none. */
bool hw_apic_init(void);
/* Puts IA32_APIC_BASE back, where a guest that may write it moved or disabled the APIC, and lets all interrupts through. */
void hw_apic_restore(uint64_t base);
uint32_t hw_apic_id(void);
/* Sends a message, a vector or one of these, to the processor of that APIC ID, or to all but this one. */
enum { HW_APIC_NMI = 4 << 8, HW_APIC_INIT = 5 << 8, HW_APIC_STARTUP = 6 << 8, HW_APIC_TO_OTHERS = 3 << 18 };
void hw_apic_send(uint32_t id, uint32_t message);
/* Sends itself an interrupt, which waits while interrupts are masked. False: the vector cannot be sent. */
bool hw_apic_send_interrupt(uint8_t vector);
bool hw_apic_pending(void);
/* Ends the interrupts that a VM exit or the guest took from the APIC. */
void hw_apic_end_interrupts(void);

#endif

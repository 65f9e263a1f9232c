/* SPDX-License-Identifier: MIT */
/* The handlers' only door to a machine. Two implementers: sim (the model on Unicorn) and hw (VT-x). Chosen at link time.
   Every call that costs time on a real machine charges ticks to the vCPU that it names. */
#ifndef BACKEND_H
#define BACKEND_H

#include <stdbool.h>
#include <stdint.h>

#include "../vmx-model/registers.h"
#include "../vmx-model/state.h"
#include "../vmx-model/vmcs.h"

struct bk_machine; /* the whole machine */
struct bk_vcpu;    /* one virtual CPU with its VMCS, bound to a physical CPU */

/* ---- the machine ---- */
/* Value of a VMX capability MSR of the processor (480H to 493H), 0 where it has none. */
uint64_t bk_capability(const struct bk_machine *machine, uint32_t msr);
/* CPUID as the processor answers outside VMX. */
void bk_cpuid(const struct bk_machine *machine, uint32_t leaf, uint32_t subleaf, uint32_t out[4]);
/* Guest RAM: guest-physical address 0 stands at this host-physical address, page-aligned, `size` bytes. */
hpa_t bk_guest_base(const struct bk_machine *machine);
uint64_t bk_guest_size(const struct bk_machine *machine);
/* Guest RAM ends here from now on, so that a guest meets the same size on every machine; false when the machine has less. */
bool bk_set_guest_size(struct bk_machine *machine, uint64_t size);
/* A zeroed 4-KByte page of host memory for VMX structures; 0 when none is left. Freed all together by bk_free_pages(). */
hpa_t bk_page(struct bk_machine *machine);
void bk_free_pages(struct bk_machine *machine);
/* Host-physical memory, size 1 to any; false when some of it does not exist (then nothing is written). */
bool bk_read(struct bk_machine *machine, hpa_t address, void *buffer, uint64_t size);
bool bk_write(struct bk_machine *machine, hpa_t address, const void *buffer, uint64_t size);
/* Whole pages of host-physical memory become 0. A simulated machine provides no memory for those that are 0 already. */
bool bk_zero_pages(struct bk_machine *machine, hpa_t address, uint64_t size);

/* ---- one virtual CPU ---- */
struct bk_vcpu *bk_vcpu(struct bk_machine *machine, unsigned vcpu);
/* Starts a new VMCS: cleared and made current. The machine fills in the host-state fields, its own business (a later bk_vmwrite() to one stands);
   every other field is 0. */
void bk_vmclear(struct bk_vcpu *vcpu);
/* VMREAD and VMWRITE. A field that the processor lacks reads 0; writing it returns false. */
uint64_t bk_vmread(struct bk_vcpu *vcpu, enum vmcs_field field);
bool bk_vmwrite(struct bk_vcpu *vcpu, enum vmcs_field field, uint64_t value);
/* General registers but RSP (that is the field GUEST_RSP); `gpr` is never VMX_RSP. */
uint64_t bk_register(struct bk_vcpu *vcpu, enum vmx_gpr gpr);
void bk_set_register(struct bk_vcpu *vcpu, enum vmx_gpr gpr, uint64_t value);
/* Guest state that no VMCS field holds: DR0 to DR3 and DR6 by number; CR2; XCR0; the MSRs below where the processor has them, PAT and EFER where VMCS controls
   do not switch them. False: not a guest-switched MSR, nothing done. */
#define BK_GUEST_MSRS                                                                                                                                \
    {                                                                                                                                                \
        VMX_MSR_PAT, VMX_MSR_EFER, VMX_MSR_STAR, VMX_MSR_LSTAR, VMX_MSR_CSTAR, VMX_MSR_FMASK, VMX_MSR_KERNEL_GS_BASE, VMX_MSR_TSC_AUX, VMX_MSR_XSS,  \
            VMX_MSR_PASID                                                                                                                            \
    }
enum { BK_GUEST_MSR_COUNT = 10 };
uint64_t bk_debug_register(struct bk_vcpu *vcpu, unsigned number);
void bk_set_debug_register(struct bk_vcpu *vcpu, unsigned number, uint64_t value);
uint64_t bk_cr2(struct bk_vcpu *vcpu);
void bk_set_cr2(struct bk_vcpu *vcpu, uint64_t value);
uint64_t bk_xcr0(struct bk_vcpu *vcpu);
void bk_set_xcr0(struct bk_vcpu *vcpu, uint64_t value);
bool bk_guest_msr(struct bk_vcpu *vcpu, uint32_t index, uint64_t *value);
bool bk_set_guest_msr(struct bk_vcpu *vcpu, uint32_t index, uint64_t value);

/* ---- physical CPUs ---- */
/* So many physical CPUs take part from now on, 1 to 8, their time-stamp counters alike; vCPU n is bound to CPU n modulo their number, and nothing waits at
   any. False: the machine cannot do that. A real one that has fewer takes all that it has. */
bool bk_set_physical_cpus(struct bk_machine *machine, unsigned count);
unsigned bk_physical_cpus(const struct bk_machine *machine);
/* The physical CPU that this vCPU is bound to. */
unsigned bk_physical_cpu(const struct bk_vcpu *vcpu);
/* Is its VMCS the one that is loaded there? When several vCPUs share a physical CPU, the others are out of their guests, whatever state they stopped in. */
bool bk_is_current(const struct bk_vcpu *vcpu);
/* Binds a vCPU that is not in its guest to another physical CPU: VMCLEAR here, VMPTRLD there and VMLAUNCH at its next entry. Translations that were made for
   it there earlier are the caller's to invalidate. It goes on when that CPU's clock has reached the time at which it left this one. False: the machine has
   no such CPU for it, or it is in its guest. */
bool bk_move(struct bk_vcpu *vcpu, unsigned physical_cpu);
/* An external interrupt arrives at a physical CPU when its time-stamp counter gets to `tsc`, at once when it has. False: the machine cannot do that: there is
   no such CPU, or too much is on its way already (a simulated machine takes 64 for each), or a real one cannot wait. */
bool bk_interrupt_at(struct bk_machine *machine, unsigned physical_cpu, uint8_t vector, uint64_t tsc);
/* Takes a pending external interrupt of a physical CPU where no guest runs, as bk_take_interrupt() does. */
int bk_take_interrupt_at(struct bk_machine *machine, unsigned physical_cpu);

/* ---- caches and time ---- */
void bk_invept(struct bk_vcpu *vcpu, unsigned type, uint64_t eptp);
void bk_invvpid(struct bk_vcpu *vcpu, unsigned type, uint16_t vpid, uint64_t linear);
/* Time-stamp counter of the physical CPU, in ticks. */
uint64_t bk_tsc(struct bk_vcpu *vcpu);
/* Of any physical CPU, free of charge. */
uint64_t bk_tsc_at(const struct bk_machine *machine, unsigned physical_cpu);

/* ---- VM entry ---- */
enum bk_entered {
    BK_EXITED,       /* a VM exit: the exit-information fields tell (a failed VM entry with reason bit 31 too) */
    BK_FAIL_VALID,   /* VMfailValid: the VM-instruction error field tells */
    BK_FAIL_INVALID, /* VMfailInvalid */
    BK_FAULT,        /* #UD or #GP of VMLAUNCH/VMRESUME */
    BK_LIMIT,        /* the limit of bk_set_limit() was reached: guest state is saved in the VMCS, no exit information */
    BK_ASLEEP,       /* the guest is in HLT, shutdown or wait-for-SIPI state and nothing will wake it: as BK_LIMIT; in a turn: and nothing wakes it
                        now: as BK_PREEMPTED */
    BK_PREEMPTED,    /* the turn of bk_set_turn() is over: the guest stays in VMX non-root operation, where the next bk_enter() finds it */
    BK_PAUSED,       /* whoever drives the machine wants to look at it: as BK_PREEMPTED, but the turn goes on */
    BK_HOST_ERROR    /* the machine cannot go on: bk_error() says why */
};
/* Enters the guest (VMLAUNCH, or VMRESUME once launched) and returns at the next VM exit. */
enum bk_entered bk_enter(struct bk_vcpu *vcpu);
const char *bk_error(const struct bk_machine *machine);
/* The rule of VM entry that the last entry of this vCPU violated, "GUEST.CR0.FIXED0"; NULL when it violated none, or the machine does not tell. */
const char *bk_violated_rule(const struct bk_vcpu *vcpu);
/* Bounds what the guest may run: instructions, VM exits and event deliveries in all from now (0: no bound). Hardware bounds it by the preemption timer or not at all. */
void bk_set_limit(struct bk_machine *machine, uint64_t instructions);
/* Several vCPUs share a machine that runs one at a time. Of those in the mask, not 0, which goes on: on a simulated machine the one whose physical CPU is
   behind the others, the lowest number of equals; of several on one physical CPU each has a turn of at most `quantum` instructions (each iteration of REP
   counts), VM exits and event deliveries until it is preempted, in the order of their numbers. From its first turn on a vCPU does not let time pass while
   it sleeps. Hardware takes them in the order of their numbers, and bounds a turn by the preemption timer, or not at all. */
unsigned bk_next(struct bk_machine *machine, uint32_t ready, uint64_t quantum);
/* The turn of this vCPU is over: where others share its physical CPU its next bk_enter() is preempted at once. Without turns nothing happens. */
void bk_yield(struct bk_vcpu *vcpu);
/* After BK_ASLEEP: has something happened that may end its sleep? */
bool bk_stirs(struct bk_vcpu *vcpu);
/* Takes a guest that was preempted out of VMX non-root operation without a VM exit: its state is saved in the VMCS. */
void bk_leave(struct bk_vcpu *vcpu);
/* `ready` can go on, `sleepers` sleep: at each physical CPU without one that is ready, time passes up to its first event or the first of its sleepers'
   deadlines (time-stamp counter; by vCPU, UINT64_MAX: none), at most to where the others are. False: none is ready and nothing will wake one, or the limit
   is reached. */
bool bk_wait(struct bk_machine *machine, uint32_t ready, uint32_t sleepers, const uint64_t *deadlines);
/* Guest instructions retired by this vCPU since bk_vmclear(); 0 where the machine cannot count. */
uint64_t bk_retired(struct bk_vcpu *vcpu);
/* Ticks that the last exit, the handling so far and the last entry cost, from the cost table; measured by TSC on hardware. */
void bk_costs(struct bk_vcpu *vcpu, uint64_t *exit, uint64_t *handler, uint64_t *entry);
/* While `on` is false, what the bench does in order to observe and to set up costs no ticks on a simulated machine, and is left out of what the handling
   cost elsewhere. */
void bk_charge(struct bk_machine *machine, bool on);

/* ---- the physical CPU's events ---- */
/* Stimuli from the bench: an external interrupt, NMI, INIT, SIPI or machine check arrives at the physical CPU of this vCPU at the next VM entry, or
   `after` retired guest instructions from it (after > 0: sim only; false where the machine cannot do it). On a physical CPU that several vCPUs share, an
   interrupt or NMI meets whoever runs then; INIT, SIPI and machine checks wait for this vCPU. */
enum bk_stimulus { BK_INTERRUPT, BK_NMI, BK_INIT, BK_SIPI, BK_MACHINE_CHECK_AT_ENTRY };
bool bk_stimulate(struct bk_vcpu *vcpu, enum bk_stimulus stimulus, uint8_t vector, uint64_t after);
/* The same for an event that another physical CPU sends: it arrives when the time-stamp counter of this vCPU's CPU gets to `tsc`, at once when it has. */
bool bk_signal_at(struct bk_vcpu *vcpu, enum bk_stimulus stimulus, uint8_t vector, uint64_t tsc);
/* Devices of the host that interrupt by themselves. Interrupt n of a source, counted from 0, arrives at a physical CPU `first + n * period` ticks after
   bk_set_sources(), moved by at most `jitter` ticks either way: the same offset for the same seed and n, on every machine. */
struct bk_source {
    uint8_t vector;        /* 16 to 255 */
    uint8_t physical_cpu;  /* where it arrives */
    uint64_t period;       /* at least 1 */
    uint64_t jitter;       /* at most half the period and `first`, and below 2^31 */
    uint64_t first, count; /* count 0: without an end */
    uint64_t seed;
};
enum { BK_SOURCES_MAX = 32 };
/* These are all the sources that the machine has. False: it cannot have so many, hardware has none (count 0 is always possible). */
bool bk_set_sources(struct bk_machine *machine, const struct bk_source *sources, unsigned count);
/* How often source n has interrupted so far, and how often its request was not taken yet when the next one came: these are one interrupt then. */
void bk_source_counts(const struct bk_machine *machine, unsigned source, uint64_t *raised, uint64_t *merged);
/* Takes the pending external interrupt as the host (acknowledge and EOI): its vector, or -1 when none is pending. */
int bk_take_interrupt(struct bk_vcpu *vcpu);
/* Runs the host's NMI handler, after which NMIs are no longer blocked. */
void bk_take_nmi(struct bk_vcpu *vcpu);
/* Waits as a halted host would until the next event of this vCPU's physical CPU is due, at most until `tsc_deadline`; false when there is none. */
bool bk_idle(struct bk_vcpu *vcpu, uint64_t tsc_deadline);

#endif

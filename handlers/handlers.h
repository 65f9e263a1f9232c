/* SPDX-License-Identifier: MIT */
/* What the handlers share among themselves: one function for each exit reason, and the helpers that several families use. */
#ifndef HANDLERS_H
#define HANDLERS_H

#include <stddef.h>

#include "../vmx-model/controls.h"
#include "../vmx-model/decode.h"
#include "../vmx-model/exit_info.h"
#include "../vmx-model/reasons.h"
#include "hypervisor.h"
#include "text.h"

/* ---- one handler for each exit reason or family ---- */
enum hv_action hv_handle_exception_nmi(struct hv_vcpu *vcpu, const struct hv_exit *exit);
enum hv_action hv_handle_external_interrupt(struct hv_vcpu *vcpu, const struct hv_exit *exit);
enum hv_action hv_handle_interrupt_window(struct hv_vcpu *vcpu, const struct hv_exit *exit);
enum hv_action hv_handle_nmi_window(struct hv_vcpu *vcpu, const struct hv_exit *exit);
enum hv_action hv_handle_triple_fault(struct hv_vcpu *vcpu, const struct hv_exit *exit);
enum hv_action hv_handle_init_signal(struct hv_vcpu *vcpu, const struct hv_exit *exit);
enum hv_action hv_handle_sipi(struct hv_vcpu *vcpu, const struct hv_exit *exit);
enum hv_action hv_handle_task_switch(struct hv_vcpu *vcpu, const struct hv_exit *exit);
enum hv_action hv_handle_cpuid(struct hv_vcpu *vcpu, const struct hv_exit *exit);
enum hv_action hv_handle_hlt(struct hv_vcpu *vcpu, const struct hv_exit *exit);
enum hv_action hv_handle_invlpg(struct hv_vcpu *vcpu, const struct hv_exit *exit);
enum hv_action hv_handle_invpcid(struct hv_vcpu *vcpu, const struct hv_exit *exit);
enum hv_action hv_handle_vmcall(struct hv_vcpu *vcpu, const struct hv_exit *exit);
enum hv_action hv_handle_skip(struct hv_vcpu *vcpu, const struct hv_exit *exit);       /* the instruction has no effect */
enum hv_action hv_handle_pause(struct hv_vcpu *vcpu, const struct hv_exit *exit);      /* and others go first */
enum hv_action hv_handle_undefined(struct hv_vcpu *vcpu, const struct hv_exit *exit);  /* #UD */
enum hv_action hv_handle_protection(struct hv_vcpu *vcpu, const struct hv_exit *exit); /* #GP(0) */
enum hv_action hv_handle_resume(struct hv_vcpu *vcpu, const struct hv_exit *exit);     /* nothing to do, RIP stands where it should */
enum hv_action hv_handle_monitor_trap_flag(struct hv_vcpu *vcpu, const struct hv_exit *exit);
enum hv_action hv_handle_xsetbv(struct hv_vcpu *vcpu, const struct hv_exit *exit);
enum hv_action hv_handle_random(struct hv_vcpu *vcpu, const struct hv_exit *exit);
enum hv_action hv_handle_user_wait(struct hv_vcpu *vcpu, const struct hv_exit *exit);
enum hv_action hv_handle_enqcmd(struct hv_vcpu *vcpu, const struct hv_exit *exit);
enum hv_action hv_handle_enqcmds(struct hv_vcpu *vcpu, const struct hv_exit *exit);
enum hv_action hv_handle_notify(struct hv_vcpu *vcpu, const struct hv_exit *exit);
enum hv_action hv_handle_rdtsc(struct hv_vcpu *vcpu, const struct hv_exit *exit);
enum hv_action hv_handle_rdtscp(struct hv_vcpu *vcpu, const struct hv_exit *exit);
enum hv_action hv_handle_preemption_timer(struct hv_vcpu *vcpu, const struct hv_exit *exit);
enum hv_action hv_handle_cr_access(struct hv_vcpu *vcpu, const struct hv_exit *exit);
enum hv_action hv_handle_dr_access(struct hv_vcpu *vcpu, const struct hv_exit *exit);
enum hv_action hv_handle_io(struct hv_vcpu *vcpu, const struct hv_exit *exit);
enum hv_action hv_handle_rdmsr(struct hv_vcpu *vcpu, const struct hv_exit *exit);
enum hv_action hv_handle_wrmsr(struct hv_vcpu *vcpu, const struct hv_exit *exit);
enum hv_action hv_handle_rdmsr_immediate(struct hv_vcpu *vcpu, const struct hv_exit *exit);
enum hv_action hv_handle_wrmsr_immediate(struct hv_vcpu *vcpu, const struct hv_exit *exit);
enum hv_action hv_handle_entry_failure(struct hv_vcpu *vcpu, const struct hv_exit *exit);
enum hv_action hv_handle_gdtr_idtr(struct hv_vcpu *vcpu, const struct hv_exit *exit);
enum hv_action hv_handle_ldtr_tr(struct hv_vcpu *vcpu, const struct hv_exit *exit);
enum hv_action hv_handle_ept_violation(struct hv_vcpu *vcpu, const struct hv_exit *exit);
enum hv_action hv_handle_ept_misconfig(struct hv_vcpu *vcpu, const struct hv_exit *exit);
enum hv_action hv_handle_pml_full(struct hv_vcpu *vcpu, const struct hv_exit *exit);
enum hv_action hv_handle_spp(struct hv_vcpu *vcpu, const struct hv_exit *exit);
enum hv_action hv_handle_apic_access(struct hv_vcpu *vcpu, const struct hv_exit *exit);
enum hv_action hv_handle_apic_write(struct hv_vcpu *vcpu, const struct hv_exit *exit);
enum hv_action hv_handle_eoi_induced(struct hv_vcpu *vcpu, const struct hv_exit *exit);
enum hv_action hv_handle_tpr_below_threshold(struct hv_vcpu *vcpu, const struct hv_exit *exit);

/* ---- text.c ---- */
/* Ends the guest: fills vcpu->stop_reason and returns HV_STOP. Formats as printf does: %s, %u, %x, %lu, %lx. */
__attribute__((format(printf, 2, 3))) enum hv_action hv_stop(struct hv_vcpu *vcpu, const char *format, ...);
/* A line for whoever watches the run; the guest goes on. */
__attribute__((format(printf, 2, 3))) void hv_report(struct hv_vcpu *vcpu, const char *format, ...);

/* ---- registers.c ---- */
static inline uint64_t hv_read(struct hv_vcpu *vcpu, enum vmcs_field field)
{
    return bk_vmread(vcpu->bk, field);
}
static inline void hv_write(struct hv_vcpu *vcpu, enum vmcs_field field, uint64_t value)
{
    (void)bk_vmwrite(vcpu->bk, field, value);
}
/* Any general register, RSP too. */
uint64_t hv_gpr(struct hv_vcpu *vcpu, unsigned gpr);
void hv_set_gpr(struct hv_vcpu *vcpu, unsigned gpr, uint64_t value);
/* Writes size bytes as the processor does: 1 and 2 keep the rest of the register, 4 clears its upper half. `high8`: AH to BH. */
void hv_set_gpr_part(struct hv_vcpu *vcpu, unsigned gpr, unsigned size, bool high8, uint64_t value);
/* EDX:EAX, with the upper halves of RAX and RDX cleared on writing. */
uint64_t hv_edx_eax(struct hv_vcpu *vcpu);
void hv_set_edx_eax(struct hv_vcpu *vcpu, uint64_t value);
/* VM-execution controls that are in effect; secondary controls count as 0 unless activated. */
bool hv_pin_control(struct hv_vcpu *vcpu, uint32_t mask);
bool hv_primary_control(struct hv_vcpu *vcpu, uint32_t mask);
bool hv_secondary_control(struct hv_vcpu *vcpu, uint32_t mask);
/* Sets or clears bits of a control field; the field is written only when it changes. */
void hv_change_control(struct hv_vcpu *vcpu, enum vmcs_field field, uint64_t mask, bool on);
uint64_t hv_efer(struct hv_vcpu *vcpu);
void hv_set_efer(struct hv_vcpu *vcpu, uint64_t value);
bool hv_in_64bit_mode(struct hv_vcpu *vcpu);
unsigned hv_cpl(struct hv_vcpu *vcpu);
uint64_t hv_visible_cr0(struct hv_vcpu *vcpu);
uint64_t hv_visible_cr4(struct hv_vcpu *vcpu);
unsigned hv_physical_bits(struct hv_vcpu *vcpu);
bool hv_is_canonical(struct hv_vcpu *vcpu, uint64_t address);
/* Forgets cached translations of the vCPU: all, or those of one linear address. No work where entries and exits flush anyway. */
void hv_flush_linear(struct hv_vcpu *vcpu, bool keep_globals);
void hv_flush_address(struct hv_vcpu *vcpu, gva_t linear);

/* ---- events.c ---- */
/* Puts an event into the next VM entry, combined with one that waits there already (double-fault rules). */
void hv_inject_event(struct hv_vcpu *vcpu, uint32_t info, uint32_t error_code, uint32_t length);
/* Re-injects what the exit's IDT-vectoring information says. */
void hv_reinject(struct hv_vcpu *vcpu, const struct hv_exit *exit);
/* NMI blocking that an IRET removed before it faulted is set again. */
void hv_restore_nmi_blocking(struct hv_vcpu *vcpu, const struct hv_exit *exit);

/* ---- entry.c ---- */
/* An interrupt, NMI or device interrupt waits and the guest would take it now. */
bool hv_wakes(struct hv_vcpu *vcpu);

/* ---- kick.c ---- */
/* Makes a virtual CPU leave its guest, if it is in there, and prepare an entry anew; `from` is who wants that. */
void hv_kick(struct hv_vcpu *from, struct hv_vcpu *vcpu);
/* The same, sent at that time. */
void hv_kick_at(struct hv_vcpu *vcpu, uint64_t tsc);
/* The host has taken an external interrupt, -1 for none: a kick is over; any other goes on to the guest that it is for. */
void hv_host_interrupt(struct hv_vcpu *vcpu, int vector);
/* After this virtual CPU has touched devices: the others are kicked when an interrupt has come up for them. */
void hv_tell_others(struct hv_vcpu *vcpu);
/* What a local APIC sends beside interrupts. */
void hv_signal(struct hv_vcpu *from, struct hv_vcpu *to, enum bus_signal signal, uint8_t vector);

/* ---- posted.c ---- */
/* A virtual interrupt that comes from elsewhere at that time: posted, or queued with a kick. */
void hv_request(struct hv_vcpu *to, uint8_t vector, uint64_t tsc);
/* Is this interrupt, which the host has taken, a notification of what was posted? */
bool hv_takes_notification(struct hv_vcpu *here, uint8_t vector);
/* What was posted while it was on its way out is queued; or, in its guest, notified once more. */
void hv_take_posted(struct hv_vcpu *vcpu);
void hv_notify_again(struct hv_vcpu *vcpu);

/* ---- routing.c ---- */
/* The host has taken this interrupt of a device where the virtual CPU runs: it goes to the one that it belongs to. */
void hv_device_interrupts(struct hv_vcpu *here, uint8_t vector);
/* The same where no virtual CPU runs. */
void hv_device_interrupts_at(struct hv_vm *vm, unsigned physical_cpu, uint8_t vector);
/* Tells whoever watches the run of an interrupt that the host has taken. */
void hv_note_interrupt(const struct hv_vcpu *here, uint8_t vector, const struct hv_vcpu *target, bool merged);

/* ---- migrate.c ---- */
/* Is the vector that this one has taken that of a move, of this virtual CPU or another? */
bool hv_takes_move(struct hv_vcpu *taker, uint8_t vector);
/* Before its first entry on another physical CPU. */
void hv_arrive(struct hv_vcpu *vcpu);

/* ---- cr.c ---- */
/* Loads the PDPTEs of PAE paging from CR3 into the VMCS; false: a reserved bit is set, nothing is changed. */
bool hv_load_pdptes(struct hv_vcpu *vcpu, uint64_t cr3);

/* ---- msr.c ---- */
/* A guest's RDMSR and WRMSR; false: #GP(0) is due. */
bool hv_read_msr(struct hv_vcpu *vcpu, uint32_t index, uint64_t *value);
bool hv_write_msr(struct hv_vcpu *vcpu, uint32_t index, uint64_t value);

/* ---- time.c ---- */
/* The time-stamp counter as the guest sees it: offset and scaling of the VMCS applied. */
uint64_t hv_guest_tsc(struct hv_vcpu *vcpu);

/* ---- inject.c ---- */
void hv_inject_debug_trap(struct hv_vcpu *vcpu);
void hv_inject_ud(struct hv_vcpu *vcpu);
void hv_inject_gp(struct hv_vcpu *vcpu, uint32_t error_code);

/* ---- guest_walk.c ---- */
enum hv_access { HV_ACCESS_READ, HV_ACCESS_WRITE, HV_ACCESS_FETCH };
/* An exception that an access by an emulated instruction met. */
struct hv_fault {
    uint8_t vector;
    bool has_error_code;
    uint32_t error_code;
    gva_t address; /* #PF: goes to CR2 */
};
void hv_inject_fault(struct hv_vcpu *vcpu, const struct hv_fault *fault);
/* Offset in a segment to linear address, with limit, type and canonical checks. `segment`: enum vmx_segment_name. */
bool hv_segment_linear(struct hv_vcpu *vcpu, unsigned segment, uint64_t offset, uint32_t size, enum hv_access access, gva_t *linear,
                       struct hv_fault *fault);
/* Linear to guest-physical through the guest's own paging; sets accessed and dirty flags. */
bool hv_translate(struct hv_vcpu *vcpu, gva_t linear, enum hv_access access, bool user, gpa_t *physical, struct hv_fault *fault);
/* Moves size bytes at a linear address, page by page; device registers are reached too. `user`: with the rights of CPL 3. */
bool hv_linear_read(struct hv_vcpu *vcpu, gva_t linear, void *buffer, uint32_t size, enum hv_access access, bool user, struct hv_fault *fault);
bool hv_linear_write(struct hv_vcpu *vcpu, gva_t linear, const void *buffer, uint32_t size, bool user, struct hv_fault *fault);
/* Up to 15 bytes of the instruction at CS:RIP; how many could be read without a fault. */
unsigned hv_fetch(struct hv_vcpu *vcpu, uint64_t rip, uint8_t bytes[15]);

/* ---- calculate.c ---- */
/* ADD, ADC, SUB, SBB, CMP, AND, OR, XOR, TEST, INC and DEC (b is 1), NOT, NEG (b is not used), XADD, BT and its kin (b is the bit's number, modulo the
   operand's width) on operands of 1, 2, 4 or 8 bytes, which are cut to that size. The result; the status flags in *rflags. */
uint64_t hv_calculate(enum vmx_op op, uint64_t a, uint64_t b, unsigned size, uint64_t *rflags);
bool hv_can_calculate(enum vmx_op op);
/* The result goes nowhere. */
bool hv_only_compares(enum vmx_op op);

/* ---- operand.c ---- */
/* Memory operand of the VM-exit instruction information: its offset and segment. */
uint64_t hv_operand_offset(struct hv_vcpu *vcpu, const struct hv_exit *exit, unsigned *segment);

/* ---- ept.c ---- */
bool hv_ept_init(struct hv_vm *vm);
/* Finds the leaf that maps an address: its entry and page size; false: not mapped. */
bool hv_ept_find(struct hv_vm *vm, gpa_t guest, uint64_t *entry, uint64_t *size);

/* ---- vm.c ---- */
/* Host-physical address of guest memory; false outside of it. */
bool hv_host_address(struct hv_vm *vm, gpa_t guest, hpa_t *host);

/* ---- mmio.c ---- */
/* Decodes the instruction at CS:RIP in the guest's current mode. */
bool hv_decode(struct hv_vcpu *vcpu, uint64_t rip, struct vmx_instruction *instruction);
/* Offset of the memory operand of a decoded instruction. */
uint64_t hv_memory_offset(struct hv_vcpu *vcpu, const struct vmx_instruction *instruction, uint64_t next_rip);
/* Does the instruction at RIP in the guest's place, memory by guest-physical address: RAM or device. Stops the guest when it cannot. */
enum hv_action hv_emulate_instruction(struct hv_vcpu *vcpu, const struct hv_exit *exit);
/* The same for an EPT exit at an address without memory. */
enum hv_action hv_emulate_mmio(struct hv_vcpu *vcpu, const struct hv_exit *exit);

#endif

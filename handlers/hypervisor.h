/* SPDX-License-Identifier: MIT */
/* The hypervisor: one VM, its vCPUs, and the handler of each exit reason. */
#ifndef HYPERVISOR_H
#define HYPERVISOR_H

#include <stdbool.h>
#include <stdint.h>

#include "backend.h"
#include "devices/devices.h"

/* What the run loop does after an exit was handled. */
enum hv_action {
    HV_RESUME,    /* enter again */
    HV_HALTED,    /* the guest waits for an event and none is due */
    HV_POWER_OFF, /* the guest asked for power-off or reset */
    HV_STOP       /* the exit has no answer: vcpu->stop_reason says why */
};

/* Policy: what this VM's owner chose. Plain data, filled by hv_default_policy() and changed by scenarios. */
enum hv_exception_policy { HV_EXCEPTION_REFLECT, HV_EXCEPTION_STOP };
enum hv_ept_policy { HV_EPT_MAP_ON_DEMAND, HV_EPT_STOP };
struct hv_msr_rule {
    uint32_t index;
    uint64_t value;
    bool writable;
};
enum { HV_MSR_RULES = 32 };
struct hv_policy {
    enum hv_exception_policy exceptions;
    enum hv_ept_policy ept;
    bool ept_premapped;                          /* map all of guest RAM before the first entry */
    bool devices;                                /* the device set answers ports and MMIO; else ports read all ones, writes vanish */
    bool fw_cfg;                                 /* the device set has the firmware configuration ports */
    bool vmcall_stops;                           /* VMCALL with EAX = 0 ends the run */
    uint32_t hide_cpuid_1_ecx, hide_cpuid_1_edx; /* CPUID.1 bits taken away */
    uint32_t pasids, first_pasid;                /* the guest has PASIDs 0 to pasids - 1; PASID n is first_pasid + n of the host */
    unsigned msr_rules;
    struct hv_msr_rule msr[HV_MSR_RULES];
};

/* Vectors of the host's own interrupts: a kick, and a move to a physical CPU, whose number is added. */
enum { HV_QUEUE = 16, HV_PHYSICAL_CPUS = 8, HV_KICK_VECTOR = 0xf3, HV_MOVE_VECTOR = 0xe8 };

struct hv_vm;
struct hv_vcpu {
    struct hv_vm *vm;
    struct bk_vcpu *bk;
    unsigned index;
    /* virtual interrupts that wait for the guest to be ready, in vector order; NMI apart */
    uint64_t pending_vectors[4];
    bool pending_nmi;
    /* an event that is injected by the next entry */
    bool inject_valid;
    uint32_t inject_info, inject_error_code, inject_length;
    bool halted;
    uint64_t mtf_steps;              /* exits left before single-stepping is turned off; 0: not stepping */
    bool triple_fault;               /* an injected exception met #DF in delivery */
    bool entered;                    /* the first VM entry was prepared */
    bool owns_timer;                 /* the VM's owner uses the VMX-preemption timer */
    bool alarm;                      /* it counts to the next device interrupt */
    bool kicked;                     /* to be taken out of its guest by an interrupt of the host's own, */
    bool kick_sent;                  /* which is on its way */
    bool outside;                    /* of its guest: what waits for it is seen before it goes back in */
    bool posted;                     /* somebody has used its posted-interrupt descriptor */
    bool moved;                      /* since its last entry, to another physical CPU */
    uint8_t move_to;                 /* physical CPU that it is to move to, and 1; 0: none */
    uint8_t moves[HV_PHYSICAL_CPUS]; /* moves to each that wait for an interrupt of the host's own */
    int32_t offered;                 /* vector that its local APIC was seen to offer last; -1: none */
    uint64_t eoi_exits[4];           /* vectors that the EOI-exit bitmap names since an I/O APIC may wait for their end */
    uint8_t tpr;                     /* task priority where CR8 accesses exit and there is no TPR shadow, bits 7:4 the class */
    uint32_t timer_reload;           /* VMX-preemption timer value of the first VM entry */
    uint64_t random;                 /* state of the fixed sequence that RDRAND and RDSEED exits answer */
    char stop_reason[96];
};

/* Guest-physical memory beside guest RAM: a ROM below 4 GiB, say. */
struct hv_memory {
    gpa_t guest;
    uint64_t size;
    hpa_t table; /* host page with the host addresses of the first 511 pages; the last entry names the next such table */
};
enum { HV_MEMORIES = 4 };

/* Device time: this many ticks of the time-stamp counter are a second. */
enum { HV_TICKS_PER_SECOND = 1000000000 };

struct hv_vm {
    struct bk_machine *machine;
    struct hv_policy policy;
    unsigned vcpus;
    struct hv_vcpu vcpu[8];
    hpa_t ept_root; /* 0: EPT is not used */
    unsigned memories;
    struct hv_memory memory[HV_MEMORIES];
    uint64_t dirty_pages;          /* entries drained from page-modification logs */
    uint64_t mtrr_def_type;        /* IA32_MTRR_DEF_TYPE as the guest sees it */
    uint32_t kicks;                /* mask of physical CPUs at which a kick is on its way */
    struct hv_device_set *devices; /* &device_set, or NULL without devices */
    struct hv_device_set device_set;
    uint8_t route[256]; /* by vector: 1 + the virtual CPU that a device's interrupt belongs to; 0: whoever runs where it arrives */
    /* What the guest wrote to a debug or serial port, byte by byte, and what handlers report; may be NULL. */
    void (*output)(void *context, unsigned port, uint8_t byte);
    void (*report)(void *context, unsigned vcpu, const char *text);
    /* The host took an interrupt that has a route, or a kick: at which physical CPU, out of whose guest, for whom, and whether the same one
       waited for that one already. May be NULL. */
    void (*interrupt)(void *context, unsigned vcpu, unsigned physical_cpu, uint8_t vector, unsigned target, bool merged);
    void *context;
};

/* A VM exit, decoded. Handlers see this and never raw qualification bits. */
struct hv_cr_access {
    unsigned cr;
    enum { HV_CR_MOV_TO, HV_CR_MOV_FROM, HV_CR_CLTS, HV_CR_LMSW } type;
    enum vmx_gpr gpr;
    bool lmsw_memory;
    uint16_t lmsw_source;
};
struct hv_dr_access {
    unsigned dr;
    bool from;
    enum vmx_gpr gpr;
};
struct hv_io {
    uint16_t port;
    uint8_t size;
    bool in, string, rep, immediate;
};
struct hv_ept_violation {
    bool read, write, fetch, readable, writable, executable, linear_valid, translation, nmi_unblocking;
    gpa_t guest_physical;
    gva_t guest_linear;
};
struct hv_event_info {
    bool valid, has_error_code, nmi_unblocking;
    uint8_t vector, type;
    uint32_t error_code;
};

struct hv_exit {
    uint32_t reason;   /* basic reason */
    bool entry_failed; /* bit 31 of the exit reason */
    uint64_t qualification;
    uint32_t length; /* of the instruction, where valid */
    uint32_t instruction_info;
    uint64_t rip;
    gpa_t guest_physical; /* EPT violation, EPT misconfiguration */
    struct hv_event_info event, vectoring;
    union {
        struct hv_cr_access cr;
        struct hv_dr_access dr;
        struct hv_io io;
        struct hv_ept_violation ept;
    };
};

void hv_default_policy(struct hv_policy *policy);
/* The VM may not be moved afterwards.
   Prepares a VM over a machine: policy first, then EPT and devices as it says. Every field of `vm` is set; output, report, interrupt and context are NULL after it.
   False: out of pages. */
bool hv_vm_init(struct hv_vm *vm, struct bk_machine *machine, const struct hv_policy *policy, unsigned vcpus);
/* Reads the exit-information fields of the last exit and decodes them. */
void hv_decode_exit(struct hv_vcpu *vcpu, struct hv_exit *exit);
/* The dispatch table: handles one exit. */
enum hv_action hv_handle(struct hv_vcpu *vcpu, const struct hv_exit *exit);
/* What the dispatch table says of a basic reason, or of bit 31 (failed VM entry): the handler's function, NULL without one; whether it may answer
   with HV_STOP. Apart from that list, a guest stops only by a triple fault that an injected exception would cause. */
const char *hv_handler_name(uint32_t reason);
bool hv_may_stop(uint32_t reason);
/* A virtual CPU whose HLT was answered with HV_HALTED looks again for what wakes it: HV_RESUME or HV_HALTED. Its devices may do so when the time-stamp
   counter reaches hv_wait_deadline(), UINT64_MAX for never. */
enum hv_action hv_wait(struct hv_vcpu *vcpu);
uint64_t hv_wait_deadline(struct hv_vcpu *vcpu);
/* It has left its guest by a VM exit. */
void hv_left_guest(struct hv_vcpu *vcpu);
/* A guest that was preempted goes on: what has come up for it meanwhile makes it exit. */
void hv_resume(struct hv_vcpu *vcpu);
/* The vCPU is to run on another physical CPU: it moves by the next hv_moves(). One that is in its guest is taken out by an EXTERNAL_INTERRUPT exit, with
   external-interrupt exiting, else it moves after its next exit. `from` is who decides that; it may be the same. False: there is no such physical CPU. */
bool hv_move(struct hv_vcpu *from, struct hv_vcpu *vcpu, unsigned physical_cpu);
/* The same in so many guest instructions of this vCPU; false also where the machine cannot count them. */
bool hv_move_after(struct hv_vcpu *vcpu, unsigned physical_cpu, uint64_t instructions);
/* Between an exit and the next entry: moves it where it is to run. True: it is on another physical CPU now. */
bool hv_moves(struct hv_vcpu *vcpu);
/* The host takes what waits at a physical CPU that runs no guest. */
void hv_host_takes(struct hv_vm *vm, unsigned physical_cpu);
/* Before each entry: turns queued events into an injection or opens an interrupt or NMI window. */
void hv_prepare_entry(struct hv_vcpu *vcpu);
/* Queues a virtual interrupt or NMI for the guest. */
void hv_queue_interrupt(struct hv_vcpu *vcpu, uint8_t vector);
void hv_queue_nmi(struct hv_vcpu *vcpu);
/* Interrupts of a device under this vector belong to a virtual CPU, wherever they arrive: the owner of the VM assigns the device. */
void hv_route_interrupt(struct hv_vm *vm, uint8_t vector, unsigned vcpu);
/* Injects an exception at the next entry (fault of the current instruction: RIP is not advanced). */
void hv_inject_exception(struct hv_vcpu *vcpu, uint8_t vector, bool has_error_code, uint32_t error_code);
/* RIP += length, with the side effects of a retired instruction. */
void hv_advance(struct hv_vcpu *vcpu, const struct hv_exit *exit);
/* Guest-physical memory; false (and nothing moved) outside of guest RAM and added memory. */
bool hv_guest_read(struct hv_vm *vm, gpa_t address, void *buffer, uint32_t size);
bool hv_guest_write(struct hv_vm *vm, gpa_t address, const void *buffer, uint32_t size);
/* EPT: maps, or changes the rights of, pages; rights: 1 read, 2 write, 4 execute; size 4 KiB, 2 MiB or 1 GiB. False: out of pages or misaligned. */
bool hv_ept_map(struct hv_vm *vm, gpa_t guest, hpa_t host, unsigned rights, uint64_t size);
/* Value for the EPT-pointer field: write-back where the processor can, 4-level walk, no accessed and dirty flags; 0 where EPT is not used. */
uint64_t hv_eptp(const struct hv_vm *vm);
/* Adds zeroed memory at guest-physical addresses outside of guest RAM, page-aligned, and maps it with EPT (all rights). hv_guest_read() and
   hv_guest_write() reach it. False: overlap, no EPT, out of pages or more than HV_MEMORIES ranges. */
bool hv_add_memory(struct hv_vm *vm, gpa_t guest, uint64_t size);

#endif

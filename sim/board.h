/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The board of a bare machine: devices, memory map, reset and interrupt lines around processors whose root software is code in their memory. */
#ifndef SIM_BOARD_H
#define SIM_BOARD_H

#include "../handlers/devices/devices.h"
#include "../vmx-model/decode.h"
#include "../vmx-model/outcome.h"
#include "machine_internal.h"

enum sim_board_end {
    SIM_BOARD_RUNS,
    SIM_BOARD_OFF,          /* power-off, or the word of the shutdown port */
    SIM_BOARD_STATUS,       /* the exit port: devices.bus tells the status */
    SIM_BOARD_RESET,        /* the keyboard controller, port 92H or CF9H asked for a reset */
    SIM_BOARD_TRIPLE_FAULT, /* a processor shut down, VMX aborts included */
    SIM_BOARD_DEAD,         /* every processor sleeps and nothing will wake one */
    SIM_BOARD_LIMIT,        /* the limit of instructions was reached */
    SIM_BOARD_PAUSED,       /* at machine->pause: it can go on */
    SIM_BOARD_FAILED        /* the machine cannot go on: machine->error */
};

struct sim_board {
    struct bk_machine *machine;
    struct hv_device_set devices;
    uint64_t ram_bytes; /* RAM from address 0 on */
    uint64_t rom_bytes; /* a ROM that ends at 4 GiB; its bytes stand behind the RAM in machine->ram */
    uint64_t window;    /* every processor runs until its time reaches this; then all go on to the next */
    uint64_t sequence;  /* of the windows' lengths */
    uint64_t deadline;  /* time at which a device wants to act next */
    unsigned turn;      /* whose turn of the window it is; the number of processors: the window is over */
    unsigned culprit;   /* who faulted three times */
    bool triple_fault;
    void *context;
    void (*exited)(void *context, struct bk_vcpu *vcpu);       /* a VM exit, or a VM entry that failed as one: exit information is in the VMCS */
    void (*entry_failed)(void *context, struct bk_vcpu *vcpu); /* VMfail or a fault of VMLAUNCH or VMRESUME */
    void (*entered)(void *context, struct bk_vcpu *vcpu);      /* a guest begins to run */
    void (*injects)(void *context, struct bk_vcpu *vcpu);      /* before VMLAUNCH or VMRESUME, where the VMCS says that an event is injected */
};

/* ---- memory map ---- */
bool sim_board_memory(const struct bk_machine *machine, hpa_t address, uint64_t size, uint64_t *offset);
/* A translation for the engine: memory is named by its place in machine->ram; a device register makes the instruction run alone. */
void sim_board_translated(struct bk_vcpu *vcpu, enum vmx_access_kind kind, struct vmx_translation *out);
uint64_t sim_board_mmio_read(void *vcpu, hpa_t address, unsigned size);
void sim_board_mmio_write(void *vcpu, hpa_t address, unsigned size, uint64_t value);
/* The devices, told the time and who asks. Their clock never goes back: a processor may be behind another by a part of a window. */
struct hv_device_set *sim_board_devices_now(struct bk_vcpu *vcpu);
/* A device was told something: when it wants to act next may have changed; or the run ends, and so the window of all. */
void sim_board_touched(struct bk_vcpu *vcpu);
uint32_t sim_board_port_read(struct bk_vcpu *vcpu, uint16_t port, unsigned size);
void sim_board_port_write(struct bk_vcpu *vcpu, uint16_t port, unsigned size, uint32_t value);

/* ---- instructions ---- */
/* An instruction that the board has a share in, before the model executes it: MSRs of the local APIC, CR8, VM entry. RUN: the model goes on. SHUTDOWN
   with machine->error: a VM entry asks for what is not modelled. */
struct vmx_outcome sim_board_instruction(struct bk_vcpu *vcpu, const struct vmx_instruction *i);
/* The same behind the instruction, which had this outcome. */
void sim_board_executed(struct bk_vcpu *vcpu, const struct vmx_instruction *i, const struct vmx_outcome *outcome);
/* The processor is in root operation again after a VM exit. */
void sim_board_exited(struct bk_vcpu *vcpu);

/* The engine's callback for instructions that it does not know: VMREAD and VMWRITE of registers in root operation. */
unsigned sim_board_undefined(void *vcpu, uint64_t rip, uint64_t *flags);
bool sim_board_field(void *vcpu, bool write, unsigned encoding, unsigned value, uint64_t *flags);

/* ---- events ---- */
/* Timers catch up; what the interrupt controllers offer this processor becomes pending. INIT outside of VMX operation acts at once. */
void sim_board_arrive(struct bk_vcpu *vcpu);
/* After a boundary: takes what the processor acknowledged out of the controller; dismissed: it gives the EOI too. */
void sim_board_settle(struct bk_vcpu *vcpu, bool offered, bool still_waits, bool dismissed);
/* Ticks until a device or the end of the window wants this processor to look up. */
uint64_t sim_board_distance(const struct bk_vcpu *vcpu);
/* The processor is inactive: its time goes on to the next event, at most to the end of the window. False: it is alone, and nothing is due. */
bool sim_board_sleep(struct bk_vcpu *vcpu, uint64_t timer);
/* Something waits that ends its inactive state. */
bool sim_board_would_wake(struct bk_vcpu *vcpu);

/* ---- interrupt controllers ---- */
/* The bus's signals: what reaches a processor beside interrupts with a vector. */
void sim_board_signal(void *machine, unsigned cpu, enum bus_signal signal, uint8_t vector);
/* The vector that they offer this processor; false: none. Acknowledging takes that very one. */
bool sim_board_interrupt(struct bk_vcpu *vcpu, uint8_t *vector);
void sim_board_acknowledge(struct bk_vcpu *vcpu);
void sim_board_end_of_interrupt(struct bk_vcpu *vcpu);
/* MSRs of the local APIC, IA32_APIC_BASE included; false: #GP(0). */
bool sim_board_apic_msr_read(struct bk_vcpu *vcpu, uint32_t index, uint64_t *value);
bool sim_board_apic_msr_write(struct bk_vcpu *vcpu, uint32_t index, uint64_t value);
/* The processor's time-stamp counter was written. */
void sim_board_tsc_written(struct bk_vcpu *vcpu);
/* CR8 and the TPR are one register. */
uint8_t sim_board_task_priority(struct bk_vcpu *vcpu);
void sim_board_set_task_priority(struct bk_vcpu *vcpu);

static inline bool sim_board_window_is_over(const struct bk_vcpu *vcpu)
{
    return sim_now(vcpu) >= vcpu->machine->board->window;
}

#endif

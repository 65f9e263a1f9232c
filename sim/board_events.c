/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events of a bare machine: interrupts from its controllers, INIT, timers, sleep. */
#include "../vmx-model/controls.h"
#include "../vmx-model/registers.h"
#include "../vmx-model/reset.h"
#include "board.h"

static void advance(struct bk_vcpu *vcpu)
{
    struct sim_board *board = vcpu->machine->board;
    struct bus *bus = &board->devices.bus;
    const uint64_t now = sim_now(vcpu);
    if (now < board->deadline)
        return;
    if (now > bus->now)
        bus->now = now;
    bus->cpu = vcpu->index;
    devices_advance(&board->devices);
    board->deadline = devices_deadline(&board->devices);
}

/* INIT outside of VMX operation resets; in root operation it stays pending, in non-root operation it exits. */
static void init_signal(struct bk_vcpu *vcpu)
{
    struct vmx_cpu *cpu = &vcpu->cpu;
    if (!cpu->pending.init || cpu->operation != VMX_OPERATION_OFF)
        return;
    vmx_init(cpu, vcpu->index == 0);
    lapic_init_signal(&vcpu->machine->board->devices.lapics, vcpu->index);
    vcpu->machine->board->deadline = 0;
    sim_engine_set(vcpu->engine, VMX_GROUP_ALL, &cpu->state);
    sim_vcpu_retag(vcpu);
}

void sim_board_signal(void *context, unsigned cpu, enum bus_signal signal, uint8_t vector)
{
    struct bk_machine *machine = context;
    struct vmx_pending *pending = &machine->vcpu[cpu].cpu.pending;
    switch (signal) {
    case BUS_SIGNAL_NMI:
        pending->nmi = true;
        return;
    case BUS_SIGNAL_INIT:
        pending->init = true;
        pending->sipi = false; /* what came before finds no processor that waits for it */
        return;
    case BUS_SIGNAL_SIPI:
        pending->sipi = true;
        pending->sipi_vector = vector;
        return;
    case BUS_SIGNAL_SMI:
        pending->smi = true;
        return;
    }
}

void sim_board_arrive(struct bk_vcpu *vcpu)
{
    struct vmx_pending *pending = &vcpu->cpu.pending;
    advance(vcpu);
    init_signal(vcpu);
    pending->interrupt = sim_board_interrupt(vcpu, &pending->interrupt_vector);
}

void sim_board_settle(struct bk_vcpu *vcpu, bool offered, bool still_waits, bool dismissed)
{
    if (offered && !vcpu->cpu.pending.interrupt && !still_waits)
        sim_board_acknowledge(vcpu);
    if (dismissed)
        sim_board_end_of_interrupt(vcpu);
}

uint64_t sim_board_distance(const struct bk_vcpu *vcpu)
{
    const struct sim_board *board = vcpu->machine->board;
    const uint64_t now = sim_now(vcpu), until = board->deadline < board->window ? board->deadline : board->window;
    return until > now ? until - now : 0;
}

bool sim_board_sleep(struct bk_vcpu *vcpu, uint64_t timer)
{
    struct bk_machine *machine = vcpu->machine;
    const struct sim_board *board = machine->board;
    if (machine->vcpu_count == 1 && board->deadline == UINT64_MAX && timer == UINT64_MAX)
        return false;
    const uint64_t distance = sim_board_distance(vcpu);
    machine->steps += machine->vcpu_count == 1; /* a timer that never wakes it does not let it sleep without an end; several: next_window() */
    sim_spend(vcpu, timer < distance ? timer : distance);
    return true;
}

static bool nmi_is_blocked(const struct vmx_cpu *cpu)
{
    if (vmx_non_root(cpu) && (vmx_pin_controls(cpu) & VMX_PIN_VIRTUAL_NMIS) != 0)
        return false;
    return cpu->nmi_blocked || (cpu->state.interruptibility & VMX_BLOCKING_BY_NMI) != 0;
}

bool sim_board_would_wake(struct bk_vcpu *vcpu)
{
    const struct vmx_cpu *cpu = &vcpu->cpu;
    const struct vmx_pending *pending = &cpu->pending;
    uint8_t vector;
    if (cpu->state.activity == VMX_WAIT_FOR_SIPI)
        return pending->sipi || (pending->init && cpu->operation == VMX_OPERATION_OFF);
    if ((pending->nmi && !nmi_is_blocked(cpu)) || (pending->init && cpu->operation != VMX_OPERATION_ROOT))
        return true; /* an INIT that root operation blocks wakes nobody */
    const bool exits = vmx_non_root(cpu) && (vmx_pin_controls(cpu) & VMX_PIN_EXT_INTR_EXITING) != 0;
    return (exits || (cpu->state.rflags & VMX_RFLAGS_IF) != 0) && sim_board_interrupt(vcpu, &vector);
}

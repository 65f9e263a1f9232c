/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A bare machine's interrupt controllers as its processors meet them: interrupts, MSRs of the local APIC, CR8. */
#include "board.h"

static struct hv_device_set *devices_of(struct bk_vcpu *vcpu)
{
    return &vcpu->machine->board->devices;
}

bool sim_board_interrupt(struct bk_vcpu *vcpu, uint8_t *vector)
{
    return devices_interrupt_of(devices_of(vcpu), vcpu->index, vector);
}

void sim_board_acknowledge(struct bk_vcpu *vcpu)
{
    (void)devices_acknowledge_of(devices_of(vcpu), vcpu->index);
    vcpu->machine->board->deadline = 0;
}

void sim_board_end_of_interrupt(struct bk_vcpu *vcpu)
{
    devices_end_of_interrupt(sim_board_devices_now(vcpu), vcpu->index);
    sim_board_touched(vcpu);
}

bool sim_board_apic_msr_read(struct bk_vcpu *vcpu, uint32_t index, uint64_t *value)
{
    return devices_read_msr(sim_board_devices_now(vcpu), vcpu->index, index, value);
}

bool sim_board_apic_msr_write(struct bk_vcpu *vcpu, uint32_t index, uint64_t value)
{
    if (!devices_write_msr(sim_board_devices_now(vcpu), vcpu->index, index, value))
        return false;
    sim_board_touched(vcpu);
    if (index == LAPIC_MSR_BASE)
        vcpu->cpu.state.apic_base = value;
    return true;
}

void sim_board_tsc_written(struct bk_vcpu *vcpu)
{
    devices_set_tsc_offset(sim_board_devices_now(vcpu), vcpu->index, vcpu->cpu.tsc_adjust);
    sim_board_touched(vcpu);
}

uint8_t sim_board_task_priority(struct bk_vcpu *vcpu)
{
    return lapic_tpr(&devices_of(vcpu)->lapics, vcpu->index) >> 4;
}

void sim_board_set_task_priority(struct bk_vcpu *vcpu)
{
    lapic_set_tpr(&devices_of(vcpu)->lapics, vcpu->index, (uint8_t)(vcpu->cpu.state.cr8 << 4));
}

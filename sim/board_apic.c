/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A bare machine's interrupt controllers as its processors meet them. */
#include "board.h"

bool sim_board_interrupt(struct bk_vcpu *vcpu, uint8_t *vector)
{
    (void)vcpu;
    (void)vector;
    return false;
}
void sim_board_acknowledge(struct bk_vcpu *vcpu)
{
    (void)vcpu;
}
bool sim_board_apic_msr_read(struct bk_vcpu *vcpu, uint32_t index, uint64_t *value)
{
    (void)vcpu;
    (void)index;
    (void)value;
    return false;
}
bool sim_board_apic_msr_write(struct bk_vcpu *vcpu, uint32_t index, uint64_t value)
{
    (void)vcpu;
    (void)index;
    (void)value;
    return false;
}
void sim_board_set_apic_base(struct bk_vcpu *vcpu)
{
    (void)vcpu;
}
uint8_t sim_board_task_priority(struct bk_vcpu *vcpu)
{
    return (uint8_t)vcpu->cpu.state.cr8;
}
void sim_board_set_task_priority(struct bk_vcpu *vcpu)
{
    (void)vcpu;
}

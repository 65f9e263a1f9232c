/* SPDX-License-Identifier: MIT */
/* Decisions for control and debug registers. SDM 3C, "Guest/Host Masks and Read Shadows for CR0 and CR4", "CR3-Target Controls". */
#include "decide_ops.h"
#include "operand.h"

/* Exit qualification: control register 3:0, access type 5:4, LMSW operand type 6, general register 11:8, LMSW source 31:16. */
enum { CR_TO = 0, CR_FROM = 1, CR_CLTS = 2, CR_LMSW = 3 };

static uint64_t cr_qualification(unsigned cr, unsigned type, unsigned gpr)
{
    return cr | (uint64_t)type << 4 | (uint64_t)gpr << 8;
}

static uint64_t visible(const struct vmx_cpu *cpu, uint64_t value, enum vmcs_field mask_field, enum vmcs_field shadow_field)
{
    if (!vmx_non_root(cpu))
        return value;
    const uint64_t mask = vmcs_get(cpu->vmcs, mask_field);
    return (value & ~mask) | (vmcs_get(cpu->vmcs, shadow_field) & mask);
}

uint64_t vmx_visible_cr0(const struct vmx_cpu *cpu)
{
    return visible(cpu, cpu->state.cr0, VMCS_CR0_GUEST_HOST_MASK, VMCS_CR0_READ_SHADOW);
}

uint64_t vmx_visible_cr4(const struct vmx_cpu *cpu)
{
    return visible(cpu, cpu->state.cr4, VMCS_CR4_GUEST_HOST_MASK, VMCS_CR4_READ_SHADOW);
}

static bool masked_write_exits(const struct vmx_cpu *cpu, uint64_t source, enum vmcs_field mask, enum vmcs_field shadow)
{
    return ((source ^ vmcs_get(cpu->vmcs, shadow)) & vmcs_get(cpu->vmcs, mask)) != 0;
}

static bool cr3_load_exits(const struct vmx_cpu *cpu, uint64_t source)
{
    static const enum vmcs_field targets[] = {VMCS_CR3_TARGET_VALUE0, VMCS_CR3_TARGET_VALUE1, VMCS_CR3_TARGET_VALUE2, VMCS_CR3_TARGET_VALUE3};
    const uint64_t count = vmcs_get(cpu->vmcs, VMCS_CR3_TARGET_COUNT);
    if (!vmx_primary(cpu, VMX_PRI_CR3_LOAD_EXITING))
        return false;
    for (unsigned k = 0; k < 4 && k < count; k++)
        if (vmcs_get(cpu->vmcs, targets[k]) == source)
            return false;
    return true;
}

static bool cr_exists(unsigned cr)
{
    return cr == 0 || (cr >= 2 && cr <= 4) || cr == 8;
}

struct vmx_outcome vmx_decide_mov_to_cr(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    const uint64_t source = vmx_register(&cpu->state, i->rm_register, vmx_in_64bit_mode(&cpu->state) ? 8 : 4);
    bool exits = false;
    if (!cr_exists(i->reg))
        return vmx_outcome_ud();
    if (vmx_user(cpu))
        return vmx_outcome_gp();
    if (!vmx_non_root(cpu))
        return vmx_outcome_run();
    if (i->reg == 0)
        exits = masked_write_exits(cpu, source, VMCS_CR0_GUEST_HOST_MASK, VMCS_CR0_READ_SHADOW);
    else if (i->reg == 3)
        exits = cr3_load_exits(cpu, source);
    else if (i->reg == 4)
        exits = masked_write_exits(cpu, source, VMCS_CR4_GUEST_HOST_MASK, VMCS_CR4_READ_SHADOW);
    else if (i->reg == 8)
        exits = vmx_primary(cpu, VMX_PRI_CR8_LOAD_EXITING);
    return exits ? vmx_outcome_instruction_exit(VMX_EXIT_CR_ACCESS, i, cr_qualification(i->reg, CR_TO, i->rm_register)) : vmx_outcome_run();
}

struct vmx_outcome vmx_decide_mov_from_cr(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    if (!cr_exists(i->reg))
        return vmx_outcome_ud();
    if (vmx_user(cpu))
        return vmx_outcome_gp();
    const bool exits = (i->reg == 3 && vmx_primary(cpu, VMX_PRI_CR3_STORE_EXITING)) || (i->reg == 8 && vmx_primary(cpu, VMX_PRI_CR8_STORE_EXITING));
    return exits ? vmx_outcome_instruction_exit(VMX_EXIT_CR_ACCESS, i, cr_qualification(i->reg, CR_FROM, i->rm_register)) : vmx_outcome_run();
}

struct vmx_outcome vmx_decide_clts(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    if (vmx_user(cpu))
        return vmx_outcome_gp();
    if (!vmx_non_root(cpu))
        return vmx_outcome_run();
    const uint64_t owned_and_set = vmcs_get(cpu->vmcs, VMCS_CR0_GUEST_HOST_MASK) & vmcs_get(cpu->vmcs, VMCS_CR0_READ_SHADOW);
    if ((owned_and_set & VMX_CR0_TS) == 0)
        return vmx_outcome_run();
    return vmx_outcome_instruction_exit(VMX_EXIT_CR_ACCESS, i, cr_qualification(0, CR_CLTS, 0));
}

/* LMSW never clears CR0.PE, so a source bit 0 of 0 does not count. */
static bool lmsw_exits(const struct vmx_cpu *cpu, uint16_t source)
{
    const uint64_t mask = vmcs_get(cpu->vmcs, VMCS_CR0_GUEST_HOST_MASK), shadow = vmcs_get(cpu->vmcs, VMCS_CR0_READ_SHADOW);
    const bool sets_pe = (source & ~shadow & mask & VMX_CR0_PE) != 0;
    return sets_pe || ((source ^ shadow) & mask & (VMX_CR0_LMSW & ~VMX_CR0_PE)) != 0;
}

struct vmx_outcome vmx_decide_lmsw(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    const bool memory = i->rm == VMX_OPERAND_MEMORY;
    uint16_t source = (uint16_t)cpu->state.gpr[i->rm_register & 15];
    struct vmx_outcome outcome;
    if (vmx_user(cpu))
        return vmx_outcome_gp();
    if (!vmx_non_root(cpu))
        return vmx_outcome_run();
    if (memory && !vmx_read_operand(cpu, i, &source, sizeof source, &outcome))
        return outcome;
    if (!lmsw_exits(cpu, source))
        return vmx_outcome_run();
    outcome = vmx_outcome_instruction_exit(VMX_EXIT_CR_ACCESS, i, cr_qualification(0, CR_LMSW, 0) | (uint64_t)memory << 6 | (uint64_t)source << 16);
    if (memory) {
        outcome.exit.valid |= VMX_VALID_GUEST_LINEAR;
        outcome.exit.guest_linear = vmx_operand_linear(&cpu->state, i);
    }
    return outcome;
}

struct vmx_outcome vmx_decide_smsw(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    (void)i;
    return vmx_user(cpu) && (cpu->state.cr4 & VMX_CR4_UMIP) != 0 ? vmx_outcome_gp() : vmx_outcome_run();
}

/* The exit of MOV DR stands before every other check but that of the register's number. */
struct vmx_outcome vmx_decide_mov_dr(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    const struct vmx_state *s = &cpu->state;
    const bool from = i->op == VMX_OP_MOV_FROM_DR;
    if (i->reg > 7)
        return vmx_outcome_ud();
    if (vmx_primary(cpu, VMX_PRI_MOV_DR_EXITING))
        return vmx_outcome_instruction_exit(VMX_EXIT_DR_ACCESS, i, i->reg | (uint64_t)from << 4 | (uint64_t)i->rm_register << 8);
    if ((i->reg == 4 || i->reg == 5) && (s->cr4 & VMX_CR4_DE) != 0)
        return vmx_outcome_ud();
    if (vmx_user(cpu))
        return vmx_outcome_gp();
    if ((s->dr[7] & VMX_DR7_GD) != 0) {
        struct vmx_outcome outcome = vmx_outcome_exception(VMX_DB);
        outcome.event.payload = VMX_DB_BD;
        return outcome;
    }
    return vmx_outcome_run();
}

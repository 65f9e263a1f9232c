/* SPDX-License-Identifier: MIT */
/* Execution of system instructions: identification, caches, translations, extended state. SDM 2, their own pages. */
#include "execute_ops.h"

struct vmx_outcome vmx_execute_cpuid(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    uint32_t out[4];
    struct vmx_state *const s = &cpu->state;
    vmx_cpu_cpuid(cpu, (uint32_t)s->gpr[VMX_RAX], (uint32_t)s->gpr[VMX_RCX], out);
    s->gpr[VMX_RAX] = out[0];
    s->gpr[VMX_RBX] = out[1];
    s->gpr[VMX_RCX] = out[2];
    s->gpr[VMX_RDX] = out[3];
    return vmx_retire(cpu, i, VMX_GROUP_GPR);
}

struct vmx_outcome vmx_execute_hlt(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    cpu->state.activity = VMX_HLT;
    return vmx_retire(cpu, i, VMX_GROUP_EVENT);
}

/* INVD, WBINVD, WBNOINVD: memory is coherent and caches have no contents. */
struct vmx_outcome vmx_execute_nothing(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    return vmx_retire(cpu, i, 0);
}

struct vmx_outcome vmx_execute_invlpg(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    const gva_t linear = vmx_operand_linear(&cpu->state, i);
    struct vmx_outcome outcome = vmx_retire(cpu, i, 0);
    if (vmx_is_canonical(linear, cpu->caps->linear_bits))
        outcome.flush = vmx_flush_invlpg(cpu, linear);
    return outcome;
}

enum { INVPCID_ADDRESS = 0, INVPCID_SINGLE = 1, INVPCID_ALL_NOT_GLOBAL = 3 };

static bool invpcid_faults(const struct vmx_cpu *cpu, uint64_t type, const uint64_t descriptor[2])
{
    const uint64_t pcid = descriptor[0];
    if (type > INVPCID_ALL_NOT_GLOBAL || pcid > 0xfff) /* types that name no PCID want the reserved bits to be 0 as well */
        return true;
    if (type > INVPCID_SINGLE)
        return false;
    if (pcid != 0 && (cpu->state.cr4 & VMX_CR4_PCIDE) == 0)
        return true;
    return type == INVPCID_ADDRESS && !vmx_is_canonical(descriptor[1], cpu->caps->linear_bits);
}

struct vmx_outcome vmx_execute_invpcid(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    const uint64_t type = vmx_register(&cpu->state, i->reg, vmx_in_64bit_mode(&cpu->state) ? 8 : 4);
    uint64_t descriptor[2];
    struct vmx_outcome outcome;
    if (!vmx_read_operand(cpu, i, descriptor, sizeof descriptor, &outcome))
        return outcome;
    if (invpcid_faults(cpu, type, descriptor))
        return vmx_outcome_gp();
    outcome = vmx_retire(cpu, i, 0);
    outcome.flush = vmx_flush_invpcid(cpu, type, descriptor);
    return outcome;
}

/* Components of XCR0 that depend on one another. SDM 1, "Enabling the XSAVE Feature Set and XSAVE-Enabled Features". */
static bool xcr0_faults(const struct vmx_caps *caps, uint64_t value)
{
    const uint64_t x87 = VMX_BIT(0), sse = VMX_BIT(1), avx = VMX_BIT(2), bounds = VMX_BIT(3) | VMX_BIT(4), avx512 = UINT64_C(0xe0);
    uint32_t out[4];
    vmx_cpuid(caps, 0xd, 0, out);
    if ((value & ~((uint64_t)out[3] << 32 | out[0])) != 0 || (value & x87) == 0)
        return true;
    if ((value & avx) != 0 && (value & sse) == 0)
        return true;
    if ((value & bounds) != 0 && (value & bounds) != bounds)
        return true;
    return (value & avx512) != 0 && (value & (avx512 | avx)) != (avx512 | avx);
}

struct vmx_outcome vmx_execute_xsetbv(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    struct vmx_state *const s = &cpu->state;
    const uint64_t value = s->gpr[VMX_RDX] << 32 | (uint32_t)s->gpr[VMX_RAX];
    if ((uint32_t)s->gpr[VMX_RCX] != 0 || xcr0_faults(cpu->caps, value))
        return vmx_outcome_gp();
    s->xcr0 = value;
    return vmx_retire(cpu, i, VMX_GROUP_MSR);
}

/* LGDT, LIDT: a limit of 16 bits, then a base of 64 bits in 64-bit mode, of 24 bits with 16-bit operands, else of 32. */
struct vmx_outcome vmx_execute_load_table(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    struct vmx_state *const s = &cpu->state;
    struct vmx_descriptor_table *const table = i->op == VMX_OP_LGDT ? &s->gdtr : &s->idtr;
    const bool wide = vmx_in_64bit_mode(s);
    struct vmx_outcome failure;
    uint8_t bytes[10] = {0};
    uint64_t base = 0;
    if (!vmx_read_operand(cpu, i, bytes, wide ? 10 : 6, &failure))
        return failure;
    for (unsigned b = wide ? 10 : 6; b-- > 2;)
        base = base << 8 | bytes[b];
    if (!wide && i->operand_size == 2)
        base &= 0xffffff;
    if (wide && !vmx_is_canonical(base, cpu->caps->linear_bits)) /* whatever CR4.LA57 says */
        return vmx_outcome_gp();
    table->base = base;
    table->limit = bytes[0] | (uint32_t)bytes[1] << 8;
    return vmx_retire(cpu, i, VMX_GROUP_TABLES);
}

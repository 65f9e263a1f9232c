/* SPDX-License-Identifier: MIT */
/* Execution of accesses to control and debug registers. SDM 2, "MOV - Move to/from Control Registers"; SDM 3C, "Changes to Instruction Behavior
   in VMX Non-Root Operation". */
#include "execute_ops.h"
#include "transition_ops.h"
#include "virtual_apic.h"

static unsigned natural_size(const struct vmx_state *s)
{
    return vmx_in_64bit_mode(s) ? 8 : 4;
}

/* Bits that the host owns keep their value. */
static uint64_t with_owned_bits(const struct vmx_cpu *cpu, uint64_t source, uint64_t current, enum vmcs_field mask_field)
{
    if (!vmx_non_root(cpu))
        return source;
    const uint64_t mask = vmcs_get(cpu->vmcs, mask_field);
    return (source & ~mask) | (current & mask);
}

static bool fixed_bits_ok(const struct vmx_cpu *cpu, uint64_t value, uint64_t fixed0, uint64_t fixed1)
{
    return cpu->operation == VMX_OPERATION_OFF || ((value & fixed0) == fixed0 && (value & ~fixed1) == 0);
}

/* PAE paging loads its PDPTEs at once. False: *failure is #GP(0) or the EPT exit of the load. */
static bool load_pdptes(struct vmx_cpu *cpu, uint64_t cr3, struct vmx_outcome *failure)
{
    struct vmx_translation translation = {.kind = VMX_TRANSLATED};
    if (vmx_load_pdptes(cpu, cr3, cpu->state.pdpte, &translation))
        return true;
    *failure = translation.kind == VMX_TRANSLATION_EXIT ? vmx_outcome_of_translation(&translation) : vmx_outcome_gp();
    return false;
}

/* ---- CR0 ---- */

static bool cr0_faults(const struct vmx_cpu *cpu, uint64_t value)
{
    const struct vmx_state *const s = &cpu->state;
    const bool paging = (value & VMX_CR0_PG) != 0, enables_paging = paging && (s->cr0 & VMX_CR0_PG) == 0;
    const bool code_64 = (s->seg[VMX_CS].access_rights & VMX_AR_L) != 0;
    uint64_t fixed0 = cpu->caps->cr0_fixed0;
    if (vmx_secondary(cpu, VMX_SEC_UNRESTRICTED_GUEST))
        fixed0 &= ~(VMX_CR0_PE | VMX_CR0_PG);
    if (!fixed_bits_ok(cpu, value, fixed0, cpu->caps->cr0_fixed1))
        return true;
    if ((paging && (value & VMX_CR0_PE) == 0) || ((value & VMX_CR0_NW) != 0 && (value & VMX_CR0_CD) == 0))
        return true;
    if ((value & VMX_CR0_WP) == 0 && (s->cr4 & VMX_CR4_CET) != 0)
        return true;
    if (!paging)
        return (s->cr4 & VMX_CR4_PCIDE) != 0 || ((s->efer & VMX_EFER_LMA) != 0 && code_64);
    /* Activating IA-32e mode: PAE, not yet 64-bit code, and no 16-bit TSS (types 1 and 3). */
    return enables_paging && (s->efer & VMX_EFER_LME) != 0 &&
           ((s->cr4 & VMX_CR4_PAE) == 0 || code_64 || (s->seg[VMX_TR].access_rights & VMX_AR_TYPE) <= 3);
}

static struct vmx_outcome write_cr0(struct vmx_cpu *cpu, const struct vmx_instruction *i, uint64_t value)
{
    struct vmx_state *const s = &cpu->state;
    struct vmx_outcome outcome;
    value = (value & (VMX_CR0_DEFINED | ~UINT64_C(0xffffffff))) | VMX_CR0_ET;
    const uint64_t switched = value ^ s->cr0;
    if ((value >> 32) != 0 || cr0_faults(cpu, value))
        return vmx_outcome_gp();
    const bool long_mode = (value & VMX_CR0_PG) != 0 && (s->efer & VMX_EFER_LME) != 0;
    const bool pae = (value & VMX_CR0_PG) != 0 && (s->cr4 & VMX_CR4_PAE) != 0 && !long_mode;
    if (pae && (switched & (VMX_CR0_PG | VMX_CR0_CD | VMX_CR0_NW)) != 0 && !load_pdptes(cpu, s->cr3, &outcome))
        return outcome;
    const struct vmx_flush flush = vmx_flush_mov_cr0(cpu, s->cr0, value);
    s->cr0 = value;
    s->efer = long_mode ? s->efer | VMX_EFER_LMA : s->efer & ~VMX_EFER_LMA;
    outcome = vmx_retire(cpu, i, VMX_GROUP_CONTROL);
    outcome.flush = flush;
    return outcome;
}

/* ---- CR3 ---- */

static struct vmx_outcome write_cr3(struct vmx_cpu *cpu, const struct vmx_instruction *i, uint64_t value)
{
    struct vmx_state *const s = &cpu->state;
    const struct vmx_flush flush = vmx_flush_mov_cr3(cpu, value);
    struct vmx_outcome outcome;
    if ((s->cr4 & VMX_CR4_PCIDE) != 0)
        value &= ~VMX_BIT(63); /* it has no other meaning than that translations stay */
    if ((value & ~(VMX_BIT(cpu->caps->physical_bits) - 1)) != 0)
        return vmx_outcome_gp();
    if (vmx_pae_paging(s) && !load_pdptes(cpu, value, &outcome))
        return outcome;
    s->cr3 = value;
    outcome = vmx_retire(cpu, i, VMX_GROUP_CONTROL);
    outcome.flush = flush;
    return outcome;
}

/* ---- CR4 ---- */

static bool cr4_faults(const struct vmx_cpu *cpu, uint64_t value)
{
    const struct vmx_state *const s = &cpu->state;
    const uint64_t switched = value ^ s->cr4;
    const bool long_mode = (s->efer & VMX_EFER_LMA) != 0;
    if ((value & ~cpu->caps->cr4_fixed1) != 0 || !fixed_bits_ok(cpu, value, cpu->caps->cr4_fixed0, cpu->caps->cr4_fixed1))
        return true;
    if (long_mode && ((value & VMX_CR4_PAE) == 0 || (switched & VMX_CR4_LA57) != 0))
        return true;
    if ((switched & value & VMX_CR4_PCIDE) != 0 && (!long_mode || (s->cr3 & 0xfff) != 0))
        return true;
    return (value & VMX_CR4_CET) != 0 && (s->cr0 & VMX_CR0_WP) == 0;
}

#define CR4_PDPTE (VMX_CR4_PAE | VMX_CR4_PGE | VMX_CR4_PSE | VMX_CR4_SMEP)

static struct vmx_outcome write_cr4(struct vmx_cpu *cpu, const struct vmx_instruction *i, uint64_t value)
{
    struct vmx_state *const s = &cpu->state;
    const uint64_t switched = value ^ s->cr4;
    const bool pae = (s->cr0 & VMX_CR0_PG) != 0 && (value & VMX_CR4_PAE) != 0 && (s->efer & VMX_EFER_LMA) == 0;
    struct vmx_outcome outcome;
    if (cr4_faults(cpu, value))
        return vmx_outcome_gp();
    if (pae && (switched & CR4_PDPTE) != 0 && !load_pdptes(cpu, s->cr3, &outcome))
        return outcome;
    const struct vmx_flush flush = vmx_flush_mov_cr4(cpu, s->cr4, value);
    s->cr4 = value;
    outcome = vmx_retire(cpu, i, VMX_GROUP_CONTROL);
    outcome.flush = flush;
    return outcome;
}

/* ---- CR8 ---- */

static struct vmx_outcome write_cr8(struct vmx_cpu *cpu, const struct vmx_instruction *i, uint64_t value)
{
    if (value > 0xf)
        return vmx_outcome_gp();
    if (!vmx_primary(cpu, VMX_PRI_USE_TPR_SHADOW)) {
        cpu->state.cr8 = value;
        return vmx_retire(cpu, i, VMX_GROUP_MSR);
    }
    const struct vmx_outcome trap = vmx_write_virtual_cr8(cpu, value);
    return vmx_retire_into(cpu, i, 0, &trap);
}

struct vmx_outcome vmx_execute_mov_to_cr(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    struct vmx_state *const s = &cpu->state;
    const uint64_t source = vmx_register(s, i->rm_register, natural_size(s));
    switch (i->reg) {
    case 0:
        return write_cr0(cpu, i, with_owned_bits(cpu, source, s->cr0, VMCS_CR0_GUEST_HOST_MASK));
    case 2:
        s->cr2 = source;
        return vmx_retire(cpu, i, VMX_GROUP_MSR);
    case 3:
        return write_cr3(cpu, i, source);
    case 4:
        return write_cr4(cpu, i, with_owned_bits(cpu, source, s->cr4, VMCS_CR4_GUEST_HOST_MASK));
    case 8:
        return write_cr8(cpu, i, source);
    }
    return vmx_outcome_ud();
}

/* Stores to a general register; RSP stands in the IP group. */
static struct vmx_outcome store_register(struct vmx_cpu *cpu, const struct vmx_instruction *i, unsigned size, uint64_t value)
{
    vmx_set_register(&cpu->state, i->rm_register, size, value);
    return vmx_retire(cpu, i, i->rm_register == VMX_RSP ? VMX_GROUP_IP : VMX_GROUP_GPR);
}

struct vmx_outcome vmx_execute_mov_from_cr(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    const struct vmx_state *const s = &cpu->state;
    uint64_t value = 0;
    switch (i->reg) {
    case 0:
        value = vmx_visible_cr0(cpu);
        break;
    case 2:
        value = s->cr2;
        break;
    case 3:
        value = s->cr3;
        break;
    case 4:
        value = vmx_visible_cr4(cpu);
        break;
    case 8:
        value = vmx_primary(cpu, VMX_PRI_USE_TPR_SHADOW) ? vmx_virtual_cr8(cpu) : s->cr8;
        break;
    }
    return store_register(cpu, i, natural_size(s), value);
}

/* A TS bit that the host owns, and that the guest sees as 0, stays. */
struct vmx_outcome vmx_execute_clts(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    const uint64_t cleared = with_owned_bits(cpu, cpu->state.cr0 & ~VMX_CR0_TS, cpu->state.cr0, VMCS_CR0_GUEST_HOST_MASK);
    if (!fixed_bits_ok(cpu, cleared, cpu->caps->cr0_fixed0 & VMX_CR0_TS, UINT64_MAX))
        return vmx_outcome_gp();
    cpu->state.cr0 = cleared;
    return vmx_retire(cpu, i, VMX_GROUP_CONTROL);
}

/* Loads PE, MP, EM and TS; PE can only be set. */
struct vmx_outcome vmx_execute_lmsw(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    const uint64_t cr0 = cpu->state.cr0;
    uint16_t source = (uint16_t)cpu->state.gpr[i->rm_register & 15];
    struct vmx_outcome failure;
    if (i->rm == VMX_OPERAND_MEMORY && !vmx_read_operand(cpu, i, &source, sizeof source, &failure))
        return failure;
    const uint64_t loaded = (cr0 & ~VMX_CR0_LMSW) | (source & VMX_CR0_LMSW) | (cr0 & VMX_CR0_PE);
    return write_cr0(cpu, i, with_owned_bits(cpu, loaded, cr0, VMCS_CR0_GUEST_HOST_MASK));
}

struct vmx_outcome vmx_execute_smsw(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    const uint64_t value = vmx_visible_cr0(cpu);
    const uint16_t word = (uint16_t)value;
    struct vmx_outcome after;
    if (i->rm == VMX_OPERAND_REGISTER)
        return store_register(cpu, i, i->operand_size, value);
    return vmx_write_operand(cpu, i, &word, sizeof word, &after) ? vmx_retire_into(cpu, i, 0, &after) : after;
}

/* ---- debug registers ---- */

/* DR4 and DR5 are names of DR6 and DR7 while CR4.DE = 0. */
static unsigned real_dr(unsigned number)
{
    return number == 4 || number == 5 ? number + 2 : number;
}

static uint64_t dr6_with_fixed_bits(const struct vmx_caps *caps, uint64_t value)
{
    const uint64_t bld = VMX_BIT(11), rtm = VMX_BIT(16);
    uint64_t ones = UINT64_C(0xffff0ff0), writable = UINT64_C(0xe00f);
    if (caps->bus_lock_db)
        ones &= ~bld, writable |= bld;
    if (caps->rtm)
        ones &= ~rtm, writable |= rtm;
    return (value & writable) | ones;
}

static uint64_t dr7_with_fixed_bits(const struct vmx_caps *caps, uint64_t value)
{
    const uint64_t rtm = VMX_BIT(11);
    const uint64_t writable = UINT64_C(0xffff23ff) | (caps->rtm ? rtm : 0);
    return (value & writable) | VMX_DR7_FIXED_1;
}

struct vmx_outcome vmx_execute_mov_to_dr(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    const unsigned number = real_dr(i->reg);
    uint64_t value = vmx_register(&cpu->state, i->rm_register, natural_size(&cpu->state));
    if (number >= 6 && (value >> 32) != 0)
        return vmx_outcome_gp();
    if (number == 6)
        value = dr6_with_fixed_bits(cpu->caps, value);
    if (number == 7)
        value = dr7_with_fixed_bits(cpu->caps, value);
    cpu->state.dr[number] = value;
    return vmx_retire(cpu, i, VMX_GROUP_DEBUG);
}

struct vmx_outcome vmx_execute_mov_from_dr(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    return store_register(cpu, i, natural_size(&cpu->state), cpu->state.dr[real_dr(i->reg)]);
}

/* SPDX-License-Identifier: MIT */
/* Execution of instructions about time, waiting and randomness. SDM 2, their own pages. */
#include "execute_ops.h"

/* RDTSC and RDTSCP. */
struct vmx_outcome vmx_execute_rdtsc(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    struct vmx_state *const s = &cpu->state;
    vmx_set_edx_eax(s, vmx_guest_tsc(cpu));
    if (i->op == VMX_OP_RDTSCP)
        s->gpr[VMX_RCX] = (uint32_t)s->tsc_aux;
    return vmx_retire(cpu, i, VMX_GROUP_GPR);
}

/* Not modelled: events of performance counters; those that exist read 0. Bit 30 of ECX selects the fixed ones. */
struct vmx_outcome vmx_execute_rdpmc(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    const uint32_t fixed = 1u << 30, selector = (uint32_t)cpu->state.gpr[VMX_RCX], number = selector & ~fixed;
    if (number >= 32 || (cpu->caps->perf_global_valid >> (number + ((selector & fixed) != 0 ? 32 : 0)) & 1) == 0)
        return vmx_outcome_gp();
    vmx_set_edx_eax(&cpu->state, 0);
    return vmx_retire(cpu, i, VMX_GROUP_GPR);
}

struct vmx_outcome vmx_execute_rdpid(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    vmx_set_register(&cpu->state, i->rm_register, vmx_in_64bit_mode(&cpu->state) ? 8 : 4, cpu->state.tsc_aux);
    return vmx_retire(cpu, i, i->rm_register == VMX_RSP ? VMX_GROUP_IP : VMX_GROUP_GPR);
}

struct vmx_outcome vmx_execute_monitor(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    const struct vmx_state *const s = &cpu->state;
    const uint64_t offset = vmx_register(s, VMX_RAX, i->address_size);
    struct vmx_translation translation;
    struct vmx_outcome outcome;
    gva_t linear;
    if ((uint32_t)s->gpr[VMX_RCX] != 0)
        return vmx_outcome_gp();
    if (!vmx_segment_linear(cpu, i->segment, offset, 1, false, &linear, &outcome))
        return outcome;
    vmx_translate(cpu, linear, VMX_ACCESS_READ, vmx_cpl(s) == 3, &translation);
    if (translation.kind != VMX_TRANSLATED)
        return vmx_outcome_of_translation(&translation);
    cpu->monitor_armed = true;
    return vmx_retire(cpu, i, 0);
}

/* A processor may leave the state that MWAIT enters for reasons of its own; the model's leaves it at once. */
struct vmx_outcome vmx_execute_mwait(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    if ((uint32_t)cpu->state.gpr[VMX_RCX] > 1)
        return vmx_outcome_gp();
    cpu->monitor_armed = false;
    return vmx_retire(cpu, i, 0);
}

struct vmx_outcome vmx_execute_pause(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    const uint32_t now = (uint32_t)cpu->tsc;
    if (vmx_secondary(cpu, VMX_SEC_PAUSE_LOOP_EXITING) && !vmx_user(cpu)) {
        if (!cpu->ple_seen || now - cpu->ple_last > vmcs_get(cpu->vmcs, VMCS_PLE_GAP))
            cpu->ple_first = now;
        cpu->ple_last = now;
        cpu->ple_seen = true;
    }
    return vmx_retire(cpu, i, 0);
}

/* UMWAIT and TPAUSE: as MWAIT, left at once. CF = 0: not by the operating system's time limit. */
struct vmx_outcome vmx_execute_umwait(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    if ((vmx_register(&cpu->state, i->rm_register, 4) & ~UINT64_C(1)) != 0)
        return vmx_outcome_gp();
    cpu->state.rflags &= ~VMX_RFLAGS_ARITHMETIC;
    return vmx_retire(cpu, i, VMX_GROUP_IP);
}

/* RDRAND and RDSEED: a fixed sequence, so that every run is the same; always ready (CF = 1). */
struct vmx_outcome vmx_execute_rdrand(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    struct vmx_state *const s = &cpu->state;
    cpu->random_state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t value = cpu->random_state;
    value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
    vmx_set_register(s, i->rm_register, i->operand_size, value ^ value >> 31);
    s->rflags = (s->rflags & ~VMX_RFLAGS_ARITHMETIC) | VMX_RFLAGS_CF;
    return vmx_retire(cpu, i, VMX_GROUP_GPR | VMX_GROUP_IP);
}

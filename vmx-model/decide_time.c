/* SPDX-License-Identifier: MIT */
/* Decisions for instructions about time, waiting and randomness. SDM 3C, "Instructions That Cause VM Exits Conditionally". */
#include "decide_ops.h"
#include "features.h"

struct vmx_outcome vmx_decide_rdpmc(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    if (vmx_user(cpu) && (cpu->state.cr4 & VMX_CR4_PCE) == 0)
        return vmx_outcome_gp();
    return vmx_primary(cpu, VMX_PRI_RDPMC_EXITING) ? vmx_outcome_instruction_exit(VMX_EXIT_RDPMC, i, 0) : vmx_outcome_run();
}

static bool time_stamp_disabled(const struct vmx_cpu *cpu)
{
    return vmx_user(cpu) && (cpu->state.cr4 & VMX_CR4_TSD) != 0;
}

struct vmx_outcome vmx_decide_rdtsc(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    if (time_stamp_disabled(cpu))
        return vmx_outcome_gp();
    return vmx_primary(cpu, VMX_PRI_RDTSC_EXITING) ? vmx_outcome_instruction_exit(VMX_EXIT_RDTSC, i, 0) : vmx_outcome_run();
}

struct vmx_outcome vmx_decide_rdtscp(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    if (!vmx_enabled(cpu, VMX_SEC_ENABLE_RDTSCP) || !vmx_has(cpu->caps, VMX_FEATURE_RDTSCP))
        return vmx_outcome_ud();
    if (time_stamp_disabled(cpu))
        return vmx_outcome_gp();
    return vmx_primary(cpu, VMX_PRI_RDTSC_EXITING) ? vmx_outcome_instruction_exit(VMX_EXIT_RDTSCP, i, 0) : vmx_outcome_run();
}

struct vmx_outcome vmx_decide_rdpid(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    const bool enabled = vmx_enabled(cpu, VMX_SEC_ENABLE_RDTSCP) && vmx_has(cpu->caps, VMX_FEATURE_RDPID);
    return !enabled || i->rm != VMX_OPERAND_REGISTER ? vmx_outcome_ud() : vmx_outcome_run();
}

static bool monitor_undefined(const struct vmx_cpu *cpu)
{
    return !vmx_has(cpu->caps, VMX_FEATURE_MONITOR) || vmx_user(cpu);
}

struct vmx_outcome vmx_decide_mwait(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    if (monitor_undefined(cpu))
        return vmx_outcome_ud();
    if (!vmx_primary(cpu, VMX_PRI_MWAIT_EXITING))
        return vmx_outcome_run();
    return vmx_outcome_instruction_exit(VMX_EXIT_MWAIT_INSTRUCTION, i, cpu->monitor_armed);
}

struct vmx_outcome vmx_decide_monitor(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    if (monitor_undefined(cpu))
        return vmx_outcome_ud();
    if (!vmx_primary(cpu, VMX_PRI_MONITOR_EXITING))
        return vmx_outcome_run();
    return vmx_outcome_instruction_exit(VMX_EXIT_MONITOR_INSTRUCTION, i, 0);
}

bool vmx_pause_loop_exits(const struct vmx_cpu *cpu)
{
    const uint32_t now = (uint32_t)cpu->tsc;
    if (!vmx_secondary(cpu, VMX_SEC_PAUSE_LOOP_EXITING) || vmx_user(cpu) || !cpu->ple_seen)
        return false;
    return now - cpu->ple_last <= vmcs_get(cpu->vmcs, VMCS_PLE_GAP) && now - cpu->ple_first > vmcs_get(cpu->vmcs, VMCS_PLE_WINDOW);
}

struct vmx_outcome vmx_decide_pause(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    if (vmx_primary(cpu, VMX_PRI_PAUSE_EXITING) || vmx_pause_loop_exits(cpu))
        return vmx_outcome_instruction_exit(VMX_EXIT_PAUSE_INSTRUCTION, i, 0);
    return vmx_outcome_run();
}

/* UMWAIT and TPAUSE. */
struct vmx_outcome vmx_decide_umwait(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    const bool enabled = vmx_enabled(cpu, VMX_SEC_ENABLE_USR_WAIT_PAUSE) && vmx_has(cpu->caps, VMX_FEATURE_WAITPKG);
    if (!enabled || i->rm != VMX_OPERAND_REGISTER)
        return vmx_outcome_ud();
    if (time_stamp_disabled(cpu))
        return vmx_outcome_gp();
    if (!vmx_primary(cpu, VMX_PRI_RDTSC_EXITING))
        return vmx_outcome_run();
    return vmx_operand_exit(cpu, i, i->op == VMX_OP_UMWAIT ? VMX_EXIT_UMWAIT : VMX_EXIT_TPAUSE);
}

/* RDRAND and RDSEED. */
struct vmx_outcome vmx_decide_rdrand(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    const bool seed = i->op == VMX_OP_RDSEED;
    if (!vmx_has(cpu->caps, seed ? VMX_FEATURE_RDSEED : VMX_FEATURE_RDRAND) || i->rm != VMX_OPERAND_REGISTER)
        return vmx_outcome_ud();
    if (!vmx_secondary(cpu, seed ? VMX_SEC_RDSEED_EXITING : VMX_SEC_RDRAND_EXITING))
        return vmx_outcome_run();
    return vmx_operand_exit(cpu, i, seed ? VMX_EXIT_RDSEED : VMX_EXIT_RDRAND);
}

/* floor(value * multiplier / 2^48), modulo 2^64. */
static uint64_t scaled(uint64_t value, uint64_t multiplier)
{
    __extension__ typedef unsigned __int128 wide;
    return (uint64_t)((wide)value * multiplier >> 48);
}

uint64_t vmx_guest_tsc(const struct vmx_cpu *cpu)
{
    uint64_t tsc = cpu->tsc + cpu->tsc_adjust;
    if (!vmx_primary(cpu, VMX_PRI_USE_TSC_OFFSETTING))
        return tsc;
    if (vmx_secondary(cpu, VMX_SEC_TSC_SCALING))
        tsc = scaled(tsc, vmcs_get(cpu->vmcs, VMCS_TSC_MULTIPLIER));
    return tsc + vmcs_get(cpu->vmcs, VMCS_TSC_OFFSET);
}

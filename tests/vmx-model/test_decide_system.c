/* SPDX-License-Identifier: GPL-2.0-or-later */
/* System instructions that few processors have: enclaves, PCONFIG, LOADIWKEY, RSM; and operands that an instruction cannot have. */
#include "tests/support/running_guest.h"
#include "tests/support/suite.h"
#include "vmx-model/controls.h"
#include "vmx-model/reasons.h"
#include "vmx-model/registers.h"

static struct valid_machine m;

#define ENCLV "\x0f\x01\xc0"
#define PCONFIG "\x0f\x01\xc5"
#define LOADIWKEY "\xf3\x0f\x38\xdc\xd1" /* XMM2, XMM1 */
#define RSM "\x0f\xaa"
#define RDPID_RAX "\xf3\x0f\xc7\xf8"
#define UMWAIT_EAX "\xf2\x0f\xae\xf0"
#define MWAIT "\x0f\x01\xc9"
#define MONITOR "\x0f\x01\xc8"

static const struct vmx_cpuid_entry everything[] = {
    {0, 0, 0x12, 0, 0, 0},          {1, 0, 0, 0, UINT32_MAX, UINT32_MAX}, {7, 0, 0, UINT32_MAX, UINT32_MAX, UINT32_MAX},
    {0x12, 0, UINT32_MAX, 0, 0, 0}, {0x80000000, 0, 0x80000001, 0, 0, 0}, {0x80000001, 0, 0, 0, UINT32_MAX, UINT32_MAX}};

static void start(uint32_t secondary)
{
    running_guest(&m, VALID_LONG, 0, 0, secondary);
    m.caps.cpuid = everything;
    m.caps.cpuid_count = sizeof everything / sizeof everything[0];
}

/* Leaves 0 to 62 have a bit each, bit 63 stands for all others. */
static void enclv_and_pconfig_exit_by_leaf(void)
{
    static const uint64_t leaves[] = {0, 5, 62, 63, 64, 0xffffffff};
    start(VMX_SEC_ENCLV_EXITING | VMX_SEC_ENABLE_PCONFIG);
    for (unsigned bit = 0; bit < 64; bit++)
        for (unsigned k = 0; k < sizeof leaves / sizeof leaves[0]; k++) {
            m.vmcs.field[VMCS_ENCLV_EXITING_BITMAP] = m.vmcs.field[VMCS_PCONFIG_EXITING_BITMAP] = UINT64_C(1) << bit;
            m.cpu.state.gpr[VMX_RAX] = leaves[k];
            const bool exits = bit == (leaves[k] < 63 ? leaves[k] : 63);
            const struct vmx_outcome enclv = DECIDE(&m, ENCLV), pconfig = DECIDE(&m, PCONFIG);
            CU_ASSERT(exits ? is_exit(&enclv, VMX_EXIT_ENCLV) : is_run(&enclv));
            CU_ASSERT(exits ? is_exit(&pconfig, VMX_EXIT_PCONFIG) : is_run(&pconfig));
        }
}

static void without_feature_control_or_privilege_they_are_undefined(void)
{
    start(0);
    struct vmx_outcome o = DECIDE(&m, PCONFIG); /* "enable PCONFIG" is 0 */
    CU_ASSERT(is_fault(&o, VMX_UD));
    start(VMX_SEC_ENCLV_EXITING | VMX_SEC_ENABLE_PCONFIG);
    set_cpl(&m, 3);
    o = DECIDE(&m, ENCLV);
    CU_ASSERT(is_fault(&o, VMX_UD));
    o = DECIDE(&m, PCONFIG);
    CU_ASSERT(is_fault(&o, VMX_UD));
    running_guest(&m, VALID_LONG, 0, 0, VMX_SEC_ENCLV_EXITING | VMX_SEC_ENABLE_PCONFIG);
    o = DECIDE(&m, ENCLV);
    CU_ASSERT(is_fault(&o, VMX_UD));
    o = DECIDE(&m, PCONFIG);
    CU_ASSERT(is_fault(&o, VMX_UD));
}

static void loadiwkey_exits_by_its_tertiary_control(void)
{
    start(0);
    struct vmx_outcome o = DECIDE(&m, LOADIWKEY); /* CR4.KL is 0 */
    CU_ASSERT(is_fault(&o, VMX_UD));
    m.cpu.state.cr4 |= VMX_CR4_KL;
    o = DECIDE(&m, LOADIWKEY);
    CU_ASSERT(is_run(&o));
    m.vmcs.field[VMCS_CPU_BASED_VM_EXEC_CONTROL] |= VMX_PRI_ACTIVATE_TERTIARY;
    m.vmcs.field[VMCS_TERTIARY_VM_EXEC_CONTROL] = VMX_TER_LOADIWKEY_EXITING;
    o = DECIDE(&m, LOADIWKEY);
    CU_ASSERT(is_exit(&o, VMX_EXIT_LOADIWKEY));
    CU_ASSERT((o.exit.valid & VMX_VALID_INSTRUCTION_INFO) != 0);
    set_cpl(&m, 3);
    o = DECIDE(&m, LOADIWKEY);
    CU_ASSERT(is_fault(&o, VMX_GP));
}

static void rsm_exits_in_smm_only(void)
{
    start(0);
    struct vmx_outcome o = DECIDE(&m, RSM);
    CU_ASSERT(is_fault(&o, VMX_UD));
    m.cpu.smm = true;
    o = DECIDE(&m, RSM);
    CU_ASSERT(is_exit(&o, VMX_EXIT_RSM));
}

/* The decoder knows these as undefined in register form; whoever calls with such an operand is told the same. */
static void memory_operands_cannot_be_registers(void)
{
    static const enum vmx_op ops[] = {VMX_OP_INVLPG, VMX_OP_SGDT, VMX_OP_LIDT, VMX_OP_INVPCID, VMX_OP_XSAVES};
    start(VMX_SEC_ENABLE_INVPCID | VMX_SEC_ENABLE_XSAVES);
    m.cpu.state.cr4 |= VMX_CR4_OSXSAVE;
    for (unsigned k = 0; k < sizeof ops / sizeof ops[0]; k++) {
        const struct vmx_instruction i = {.op = ops[k], .rm = VMX_OPERAND_REGISTER, .length = 3};
        const struct vmx_outcome o = vmx_decide(&m.cpu, &i);
        CU_ASSERT(is_fault(&o, VMX_UD));
    }
}

static void outside_non_root_operation_xsaves_does_not_exit(void)
{
    start(VMX_SEC_ENABLE_XSAVES);
    static const struct vmx_cpuid_entry xsaves[] = {{0, 0, 0xd, 0, 0, 0}, {0xd, 1, UINT32_MAX, 0, 0, 0}};
    m.caps.cpuid = xsaves;
    m.caps.cpuid_count = 2;
    m.cpu.state.cr4 |= VMX_CR4_OSXSAVE;
    m.cpu.operation = VMX_OPERATION_ROOT;
    const struct vmx_outcome o = DECIDE(&m, "\x0f\xc7\x28");
    CU_ASSERT(is_run(&o));
}

static void rdpid_reads_tsc_aux(void)
{
    start(VMX_SEC_ENABLE_RDTSCP);
    m.cpu.state.tsc_aux = 0x12345678;
    const struct vmx_outcome o = STEP(&m, RDPID_RAX);
    CU_ASSERT(is_done(&o));
    CU_ASSERT_EQUAL(m.cpu.state.gpr[VMX_RAX], 0x12345678);
}

static void waits_refuse_reserved_requests(void)
{
    start(VMX_SEC_ENABLE_USR_WAIT_PAUSE);
    m.cpu.state.rflags |= VMX_RFLAGS_CF;
    struct vmx_outcome o = STEP(&m, UMWAIT_EAX);
    CU_ASSERT(is_done(&o));
    CU_ASSERT_EQUAL(m.cpu.state.rflags & VMX_RFLAGS_CF, 0);
    m.cpu.state.gpr[VMX_RAX] = 2;
    o = STEP(&m, UMWAIT_EAX);
    CU_ASSERT(is_fault(&o, VMX_GP));
    m.cpu.state.gpr[VMX_RCX] = 2;
    o = STEP(&m, MWAIT);
    CU_ASSERT(is_fault(&o, VMX_GP));
    o = STEP(&m, MONITOR);
    CU_ASSERT(is_fault(&o, VMX_GP));
    m.cpu.state.gpr[VMX_RCX] = 0;
    m.cpu.state.gpr[VMX_RAX] = UINT64_C(1) << 63; /* not canonical */
    o = STEP(&m, MONITOR);
    CU_ASSERT(is_fault(&o, VMX_GP));
}

SUITE("vmx-model/decide_system", {"enclv_and_pconfig_exit_by_leaf", enclv_and_pconfig_exit_by_leaf},
      {"without_feature_control_or_privilege_they_are_undefined", without_feature_control_or_privilege_they_are_undefined},
      {"loadiwkey_exits_by_its_tertiary_control", loadiwkey_exits_by_its_tertiary_control}, {"rsm_exits_in_smm_only", rsm_exits_in_smm_only},
      {"memory_operands_cannot_be_registers", memory_operands_cannot_be_registers},
      {"outside_non_root_operation_xsaves_does_not_exit", outside_non_root_operation_xsaves_does_not_exit},
      {"rdpid_reads_tsc_aux", rdpid_reads_tsc_aux}, {"waits_refuse_reserved_requests", waits_refuse_reserved_requests})

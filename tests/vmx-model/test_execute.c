/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sensitive instructions that neither fault nor exit: what they do in non-root operation. */
#include "tests/support/running_guest.h"
#include "tests/support/suite.h"

#include <string.h>

#include "vmx-model/controls.h"
#include "vmx-model/reasons.h"
#include "vmx-model/registers.h"

#define CPUID "\x0f\xa2"
#define HLT "\xf4"
#define WBINVD "\x0f\x09"
#define INVLPG_RAX "\x0f\x01\x38"
#define INVPCID_RCX_RAX "\x66\x0f\x38\x82\x08"
#define RDTSC "\x0f\x31"
#define RDTSCP "\x0f\x01\xf9"
#define RDPMC "\x0f\x33"
#define MONITOR "\x0f\x01\xc8"
#define MWAIT "\x0f\x01\xc9"
#define RDRAND_CX "\x66\x0f\xc7\xf1"
#define RDRAND_ECX "\x0f\xc7\xf1"
#define XSETBV "\x0f\x01\xd1"
#define RDMSR "\x0f\x32"
#define WRMSR "\x0f\x30"
#define VMFUNC "\x0f\x01\xd4"
#define VMREAD_RBX_RAX "\x0f\x78\xc3"
#define VMWRITE_RAX_RBX "\x0f\x79\xc3"
#define SGDT_RAX "\x0f\x01\x00"

static struct valid_machine m;

static void start(uint32_t primary, uint32_t secondary)
{
    running_guest(&m, VALID_LONG, 0, primary, secondary);
}

static void an_instruction_retires(void)
{
    start(0, 0);
    m.cpu.state.rflags |= VMX_RFLAGS_RF;
    m.cpu.state.interruptibility = VMX_BLOCKING_BY_STI | VMX_BLOCKING_BY_NMI;
    struct vmx_outcome o = STEP(&m, WBINVD);
    CU_ASSERT(is_done(&o));
    CU_ASSERT_EQUAL(o.changed, VMX_GROUP_IP | VMX_GROUP_EVENT);
    CU_ASSERT_EQUAL(m.cpu.state.rip, 0x1002);
    CU_ASSERT_EQUAL(m.cpu.state.rflags & VMX_RFLAGS_RF, 0);
    CU_ASSERT_EQUAL(m.cpu.state.interruptibility, VMX_BLOCKING_BY_NMI);
    o = STEP(&m, WBINVD);
    CU_ASSERT_EQUAL(o.changed, VMX_GROUP_IP);
    CU_ASSERT_FALSE(m.cpu.pending.mtf);
}

static void rip_wraps_outside_64_bit_mode(void)
{
    running_guest(&m, VALID_PAE, 0, 0, 0);
    m.cpu.state.rip = 0xffffffff;
    struct vmx_outcome o = STEP(&m, WBINVD);
    CU_ASSERT(is_done(&o));
    CU_ASSERT_EQUAL(m.cpu.state.rip, 1);
    start(0, 0);
    m.cpu.state.rip = 0xffffffff;
    o = STEP(&m, WBINVD);
    CU_ASSERT_EQUAL(m.cpu.state.rip, 0x100000001);
}

static void single_steps_and_mtf_exits_become_pending(void)
{
    start(VMX_PRI_MONITOR_TRAP_FLAG, 0);
    m.cpu.state.rflags |= VMX_RFLAGS_TF;
    struct vmx_outcome o = STEP(&m, WBINVD);
    CU_ASSERT_TRUE(m.cpu.pending.mtf);
    CU_ASSERT_EQUAL(m.cpu.state.pending_debug, VMX_PENDING_BS);
    CU_ASSERT((o.changed & VMX_GROUP_EVENT) != 0);
    m.cpu.state.pending_debug = 0;
    m.cpu.state.debugctl = VMX_DEBUGCTL_BTF;
    o = STEP(&m, WBINVD);
    CU_ASSERT_EQUAL(o.kind, VMX_OUTCOME_DONE);
    CU_ASSERT_EQUAL(m.cpu.state.pending_debug, 0);
}

static void hlt_ends_in_its_activity_state_behind_the_instruction(void)
{
    start(0, 0);
    const struct vmx_outcome o = STEP(&m, HLT);
    CU_ASSERT(is_done(&o) && (o.changed & VMX_GROUP_EVENT) != 0);
    CU_ASSERT_EQUAL(m.cpu.state.activity, VMX_HLT);
    CU_ASSERT_EQUAL(m.cpu.state.rip, 0x1001);
}

static void cpuid_answers_by_the_profile_outside_non_root_operation(void)
{
    start(0, 0);
    m.cpu.operation = VMX_OPERATION_OFF;
    m.cpu.state.gpr[VMX_RAX] = UINT64_MAX << 32;
    m.cpu.state.gpr[VMX_RBX] = UINT64_MAX;
    const struct vmx_outcome o = STEP(&m, CPUID);
    CU_ASSERT(is_done(&o));
    CU_ASSERT_EQUAL(m.cpu.state.gpr[VMX_RBX], 0x756e6547);
}

static void translations_are_flushed_by_what_the_instruction_names(void)
{
    enum { VPID = VMX_FLUSH_ANY | VMX_FLUSH_VPID, INVLPG_SCOPE = VPID | VMX_FLUSH_PCID | VMX_FLUSH_OR_GLOBAL | VMX_FLUSH_LINEAR };
    start(0, VMX_SEC_ENABLE_INVPCID);
    m.cpu.state.gpr[VMX_RAX] = 0x1234;
    struct vmx_outcome o = STEP(&m, INVLPG_RAX);
    CU_ASSERT(is_done(&o) && o.flush.conditions == INVLPG_SCOPE && o.flush.linear == 0x1234);
    m.cpu.state.gpr[VMX_RAX] = UINT64_C(1) << 60;
    o = STEP(&m, INVLPG_RAX);
    CU_ASSERT(is_done(&o) && o.flush.conditions == 0);

    static const struct {
        uint64_t type, pcid, address;
        int scope; /* -1: #GP(0) */
    } rows[] = {{0, 0, 0x5000, VPID | VMX_FLUSH_PCID | VMX_FLUSH_NOT_GLOBAL | VMX_FLUSH_LINEAR},
                {0, 1, 0x5000, -1},
                {0, 0, UINT64_C(1) << 60, -1},
                {1, 0, 0, VPID | VMX_FLUSH_PCID | VMX_FLUSH_NOT_GLOBAL},
                {1, 0x1000, 0, -1},
                {2, 0xfff, 0, VPID},
                {2, 0x1000, 0, -1},
                {3, 0, UINT64_C(1) << 60, VPID | VMX_FLUSH_NOT_GLOBAL},
                {3, UINT64_C(1) << 63, 0, -1},
                {4, 0, 0, -1}};
    for (unsigned k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        memcpy(m.memory + RUNNING_FREE, &rows[k].pcid, 8);
        memcpy(m.memory + RUNNING_FREE + 8, &rows[k].address, 8);
        m.cpu.state.gpr[VMX_RAX] = RUNNING_FREE;
        m.cpu.state.gpr[VMX_RCX] = rows[k].type;
        o = STEP(&m, INVPCID_RCX_RAX);
        CU_ASSERT(rows[k].scope < 0 ? is_fault(&o, VMX_GP) : is_done(&o) && o.flush.conditions == rows[k].scope);
    }
}

static void the_tsc_comes_in_two_halves(void)
{
    start(VMX_PRI_USE_TSC_OFFSETTING, VMX_SEC_ENABLE_RDTSCP);
    m.vmcs.field[VMCS_TSC_OFFSET] = UINT64_C(7) << 32;
    m.cpu.tsc = 0x500000009;
    m.cpu.state.tsc_aux = 0x42;
    struct vmx_outcome o = STEP(&m, RDTSC);
    CU_ASSERT(is_done(&o));
    CU_ASSERT_EQUAL(m.cpu.state.gpr[VMX_RDX], 12);
    CU_ASSERT_EQUAL(m.cpu.state.gpr[VMX_RAX], 9);
    CU_ASSERT_NOT_EQUAL(m.cpu.state.gpr[VMX_RCX], 0x42);
    o = STEP(&m, RDTSCP);
    CU_ASSERT_EQUAL(m.cpu.state.gpr[VMX_RCX], 0x42);
    m.cpu.state.gpr[VMX_RCX] = 0;
    o = STEP(&m, RDPMC);
    CU_ASSERT(is_done(&o));
    m.cpu.state.gpr[VMX_RCX] = 31;
    o = STEP(&m, RDPMC);
    CU_ASSERT(is_fault(&o, VMX_GP));
}

static void monitor_arms_and_mwait_reports_and_disarms(void)
{
    start(0, 0);
    m.cpu.state.gpr[VMX_RAX] = RUNNING_FREE;
    m.cpu.state.gpr[VMX_RCX] = 1;
    struct vmx_outcome o = STEP(&m, MONITOR);
    CU_ASSERT(is_fault(&o, VMX_GP));
    m.cpu.state.gpr[VMX_RCX] = 0;
    m.cpu.state.gpr[VMX_RAX] = 0x40000000; /* no page there */
    o = STEP(&m, MONITOR);
    CU_ASSERT(is_fault(&o, VMX_PF));
    m.cpu.state.gpr[VMX_RAX] = RUNNING_FREE;
    o = STEP(&m, MONITOR);
    CU_ASSERT(is_done(&o));
    m.vmcs.field[VMCS_CPU_BASED_VM_EXEC_CONTROL] |= VMX_PRI_MWAIT_EXITING;
    o = STEP(&m, MWAIT);
    CU_ASSERT(is_exit(&o, VMX_EXIT_MWAIT_INSTRUCTION) && o.exit.qualification == 1);
    m.vmcs.field[VMCS_CPU_BASED_VM_EXEC_CONTROL] &= ~(uint64_t)VMX_PRI_MWAIT_EXITING;
    o = STEP(&m, MWAIT);
    CU_ASSERT(is_done(&o));
    CU_ASSERT_FALSE(m.cpu.monitor_armed);
}

static void random_numbers_are_a_fixed_sequence(void)
{
    uint64_t first[4];
    for (unsigned run = 0; run < 2; run++) {
        start(0, 0);
        for (unsigned k = 0; k < 4; k++) {
            m.cpu.state.gpr[VMX_RCX] = UINT64_MAX;
            m.cpu.state.rflags |= VMX_RFLAGS_ZF;
            const struct vmx_outcome o = STEP(&m, RDRAND_ECX);
            CU_ASSERT(is_done(&o));
            CU_ASSERT_EQUAL(m.cpu.state.rflags & VMX_RFLAGS_ARITHMETIC, VMX_RFLAGS_CF);
            CU_ASSERT_EQUAL(m.cpu.state.gpr[VMX_RCX] >> 32, 0);
            if (run == 0)
                first[k] = m.cpu.state.gpr[VMX_RCX];
            else
                CU_ASSERT_EQUAL(m.cpu.state.gpr[VMX_RCX], first[k]);
        }
    }
    CU_ASSERT_NOT_EQUAL(first[0], first[1]);
    m.cpu.state.gpr[VMX_RCX] = UINT64_MAX;
    (void)STEP(&m, RDRAND_CX);
    CU_ASSERT_EQUAL(m.cpu.state.gpr[VMX_RCX] >> 16, UINT64_MAX >> 16);
}

/* In non-root operation XSETBV always exits: run it outside. */
static void xsetbv_takes_what_cpuid_offers(void)
{
    static const struct {
        uint64_t ecx, eax;
        bool ok;
    } rows[] = {{0, 1, true}, {0, 3, true}, {0, 0, false}, {0, 2, false}, {1, 1, false}, {0, UINT32_MAX, false}};
    start(0, 0);
    m.cpu.operation = VMX_OPERATION_OFF;
    m.cpu.state.cr4 |= VMX_CR4_OSXSAVE;
    for (unsigned k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        m.cpu.state.gpr[VMX_RCX] = rows[k].ecx;
        m.cpu.state.gpr[VMX_RAX] = rows[k].eax;
        m.cpu.state.gpr[VMX_RDX] = 0;
        const struct vmx_outcome o = STEP(&m, XSETBV);
        CU_ASSERT(rows[k].ok ? is_done(&o) && m.cpu.state.xcr0 == rows[k].eax : is_fault(&o, VMX_GP));
    }
}

static void msrs_are_read_and_written_with_their_checks(void)
{
    enum { BITMAP = 0xb000 };
    static const struct {
        uint32_t index;
        uint64_t good, bad; /* bad 0: every value will do */
        uint32_t group;
    } rows[] = {
        {VMX_MSR_SYSENTER_CS, 0x10, 0, VMX_GROUP_MSR},
        {VMX_MSR_SYSENTER_ESP, 0xffff800000000000, 0x800000000000000, VMX_GROUP_MSR},
        {VMX_MSR_DEBUGCTL, 1, UINT64_C(1) << 40, VMX_GROUP_DEBUG},
        {VMX_MSR_PAT, 0x0007040600070406, 0x0207040600070406, VMX_GROUP_MSR},
        {VMX_MSR_EFER, VMX_EFER_LME | VMX_EFER_LMA | VMX_EFER_SCE, 0, VMX_GROUP_CONTROL},
        {VMX_MSR_EFER, VMX_EFER_LME | VMX_EFER_LMA | VMX_EFER_NXE, UINT64_C(2), VMX_GROUP_CONTROL},
        {VMX_MSR_STAR, UINT64_MAX, 0, VMX_GROUP_MSR},
        {VMX_MSR_LSTAR, 0xffff800000001000, UINT64_C(1) << 62, VMX_GROUP_MSR},
        {VMX_MSR_FMASK, UINT32_MAX, UINT64_C(1) << 32, VMX_GROUP_MSR},
        {VMX_MSR_FS_BASE, 0x7000, UINT64_C(1) << 62, VMX_GROUP_SEGMENTS},
        {VMX_MSR_KERNEL_GS_BASE, 0x8000, UINT64_C(1) << 62, VMX_GROUP_MSR},
        {VMX_MSR_TSC_AUX, 3, UINT64_C(1) << 32, VMX_GROUP_MSR},
        {VMX_MSR_APIC_BASE, 0xfee00900, 0xfee00400, VMX_GROUP_MSR},
        {VMX_MSR_MTRR_DEF_TYPE, 0x806, 0x802, 0},
        {VMX_MSR_TSC_ADJUST, 5, 0, 0},
    };
    start(VMX_PRI_USE_MSR_BITMAPS, 0);
    m.vmcs.field[VMCS_MSR_BITMAP] = BITMAP;
    for (unsigned k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        m.cpu.state.gpr[VMX_RCX] = rows[k].index;
        m.cpu.state.gpr[VMX_RDX] = rows[k].good >> 32;
        m.cpu.state.gpr[VMX_RAX] = (uint32_t)rows[k].good;
        struct vmx_outcome o = STEP(&m, WRMSR);
        CU_ASSERT(is_done(&o));
        CU_ASSERT_EQUAL(o.changed, VMX_GROUP_IP | rows[k].group);
        if (rows[k].bad != 0) {
            m.cpu.state.gpr[VMX_RDX] = rows[k].bad >> 32;
            m.cpu.state.gpr[VMX_RAX] = (uint32_t)rows[k].bad;
            o = STEP(&m, WRMSR);
            CU_ASSERT(is_fault(&o, VMX_GP));
        }
        o = STEP(&m, RDMSR);
        CU_ASSERT(is_done(&o));
        CU_ASSERT_EQUAL(m.cpu.state.gpr[VMX_RDX] << 32 | m.cpu.state.gpr[VMX_RAX], rows[k].good);
    }
    static const uint32_t unknown[] = {0x11, 0x200, 0x483, 0x800, 0xc0000104, 0x1000};
    for (unsigned k = 0; k < sizeof unknown / sizeof unknown[0]; k++) {
        m.cpu.state.gpr[VMX_RCX] = unknown[k];
        m.cpu.state.gpr[VMX_RAX] = m.cpu.state.gpr[VMX_RDX] = 0;
        const struct vmx_outcome o = STEP(&m, WRMSR);
        CU_ASSERT(is_fault(&o, VMX_GP));
    }
    m.cpu.state.gpr[VMX_RCX] = 0x480;
    const struct vmx_outcome o = STEP(&m, RDMSR);
    CU_ASSERT(is_done(&o));
    CU_ASSERT_EQUAL((uint32_t)m.caps.basic, m.cpu.state.gpr[VMX_RAX]);
}

static void the_written_tsc_is_read_back_with_the_offset(void)
{
    enum { BITMAP = 0xb000 };
    start(VMX_PRI_USE_MSR_BITMAPS | VMX_PRI_USE_TSC_OFFSETTING, 0);
    m.vmcs.field[VMCS_MSR_BITMAP] = BITMAP;
    m.vmcs.field[VMCS_TSC_OFFSET] = 100;
    m.cpu.tsc = 5000;
    m.cpu.state.gpr[VMX_RCX] = VMX_MSR_TSC;
    m.cpu.state.gpr[VMX_RAX] = 70;
    m.cpu.state.gpr[VMX_RDX] = 0;
    (void)STEP(&m, WRMSR);
    m.cpu.tsc += 3;
    (void)STEP(&m, RDMSR);
    CU_ASSERT_EQUAL(m.cpu.state.gpr[VMX_RAX], 173);
}

static void vmfunc_switches_the_eptp(void)
{
    enum { LIST = 0xb000 };
    const uint64_t eptp = 0xc000 | 3 << 3 | 6;
    running_guest(&m, VALID_LONG, 0, 0, VMX_SEC_ENABLE_EPT | VMX_SEC_ENABLE_VMFUNC);
    m.vmcs.field[VMCS_VM_FUNCTION_CONTROL] = 1;
    m.vmcs.field[VMCS_EPTP_LIST_ADDRESS] = LIST;
    memcpy(m.memory + LIST + 8 * 3, &eptp, 8);
    m.cpu.state.gpr[VMX_RAX] = 0;
    m.cpu.state.gpr[VMX_RCX] = 3;
    const struct vmx_outcome o = STEP(&m, VMFUNC);
    CU_ASSERT(is_done(&o) && o.flush.conditions == 0);
    CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, VMCS_EPT_POINTER), eptp);
    CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, VMCS_EPTP_INDEX), 3);
}

static uint64_t flags(void)
{
    return m.cpu.state.rflags & VMX_RFLAGS_ARITHMETIC;
}

static void the_shadow_vmcs_is_read_and_written(void)
{
    enum { READ_BITMAP = 0xb000, WRITE_BITMAP = 0xc000 };
    start(0, VMX_SEC_VMCS_SHADOWING);
    m.vmcs.field[VMCS_VMREAD_BITMAP] = READ_BITMAP;
    m.vmcs.field[VMCS_VMWRITE_BITMAP] = WRITE_BITMAP;
    m.cpu.state.gpr[VMX_RAX] = 0x681e; /* guest RIP */
    m.cpu.state.gpr[VMX_RBX] = 0x123456789abc;
    struct vmx_outcome o = STEP(&m, VMWRITE_RAX_RBX);
    CU_ASSERT(is_done(&o));
    CU_ASSERT_EQUAL(flags(), VMX_RFLAGS_CF); /* no shadow VMCS: VMfailInvalid */
    m.vmcs.field[VMCS_VMCS_LINK_POINTER] = VALID_LINK;
    o = STEP(&m, VMWRITE_RAX_RBX);
    CU_ASSERT_EQUAL(flags(), 0);
    CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, VMCS_GUEST_RIP), 0x1000);
    m.cpu.state.gpr[VMX_RBX] = 0;
    o = STEP(&m, VMREAD_RBX_RAX);
    CU_ASSERT_EQUAL(flags(), 0);
    CU_ASSERT_EQUAL(m.cpu.state.gpr[VMX_RBX], 0x123456789abc);
    m.cpu.state.gpr[VMX_RAX] = 0x7ffe; /* no such field */
    o = STEP(&m, VMREAD_RBX_RAX);
    CU_ASSERT_EQUAL(flags(), VMX_RFLAGS_ZF);
    CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, VMCS_VM_INSTRUCTION_ERROR), 12);
}

static void the_engine_keeps_what_is_left_to_it(void)
{
    start(0, 0);
    struct vmx_outcome o = STEP(&m, SGDT_RAX);
    CU_ASSERT(is_run(&o));
    o = STEP(&m, "\xec"); /* IN AL, DX */
    CU_ASSERT(is_run(&o));
    CU_ASSERT_EQUAL(m.cpu.state.rip, 0x1000);
}

SUITE("vmx-model/execute", {"an_instruction_retires", an_instruction_retires}, {"rip_wraps_outside_64_bit_mode", rip_wraps_outside_64_bit_mode},
      {"single_steps_and_mtf_exits_become_pending", single_steps_and_mtf_exits_become_pending},
      {"hlt_ends_in_its_activity_state_behind_the_instruction", hlt_ends_in_its_activity_state_behind_the_instruction},
      {"cpuid_answers_by_the_profile_outside_non_root_operation", cpuid_answers_by_the_profile_outside_non_root_operation},
      {"translations_are_flushed_by_what_the_instruction_names", translations_are_flushed_by_what_the_instruction_names},
      {"the_tsc_comes_in_two_halves", the_tsc_comes_in_two_halves},
      {"monitor_arms_and_mwait_reports_and_disarms", monitor_arms_and_mwait_reports_and_disarms},
      {"random_numbers_are_a_fixed_sequence", random_numbers_are_a_fixed_sequence},
      {"xsetbv_takes_what_cpuid_offers", xsetbv_takes_what_cpuid_offers},
      {"msrs_are_read_and_written_with_their_checks", msrs_are_read_and_written_with_their_checks},
      {"the_written_tsc_is_read_back_with_the_offset", the_written_tsc_is_read_back_with_the_offset},
      {"vmfunc_switches_the_eptp", vmfunc_switches_the_eptp}, {"the_shadow_vmcs_is_read_and_written", the_shadow_vmcs_is_read_and_written},
      {"the_engine_keeps_what_is_left_to_it", the_engine_keeps_what_is_left_to_it})

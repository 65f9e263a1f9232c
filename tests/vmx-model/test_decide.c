/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sensitive instructions: which fault, which exit, or neither. */
#include "tests/support/running_guest.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <string.h>

#include "vmx-model/controls.h"
#include "vmx-model/decide_ops.h"
#include "vmx-model/reasons.h"
#include "vmx-model/registers.h"

static struct valid_machine m;

enum expected { RUN, FAULT, EXIT };

/* What an instruction does at a privilege level, with controls, and CR4 bits on top of those of the guest. */
struct row {
    const char *what, *bytes;
    unsigned size;
    enum valid_guest guest;
    unsigned cpl;
    uint32_t primary, secondary;
    uint64_t cr4;
    enum expected expected;
    unsigned number; /* vector or reason */
    uint64_t qualification;
};
#define ROW(what, bytes, ...)                                                                                                                        \
    {                                                                                                                                                \
        what, bytes, sizeof(bytes) - 1, __VA_ARGS__                                                                                                  \
    }

static void judge(const struct row *rows, unsigned count)
{
    for (unsigned k = 0; k < count; k++) {
        const struct row *r = &rows[k];
        running_guest(&m, r->guest, 0, r->primary, r->secondary);
        if (r->guest != VALID_V86)
            set_cpl(&m, r->cpl);
        m.cpu.state.cr4 |= r->cr4;
        const struct vmx_outcome o = decide_bytes(&m, r->bytes, r->size);
        const bool as_expected = r->expected == RUN     ? is_run(&o)
                                 : r->expected == FAULT ? is_fault(&o, r->number)
                                                        : is_exit(&o, r->number) && o.exit.qualification == r->qualification;
        if (!as_expected)
            printf("\n%s: kind %d, reason %u, vector %u, qualification %llx\n", r->what, (int)o.kind, o.exit.reason, o.event.vector,
                   (unsigned long long)o.exit.qualification);
        CU_ASSERT(as_expected);
        if (o.kind == VMX_OUTCOME_EXIT) {
            CU_ASSERT((o.exit.valid & VMX_VALID_INSTRUCTION_LENGTH) != 0);
            CU_ASSERT_EQUAL(o.exit.instruction_length, r->size);
        }
        CU_ASSERT_EQUAL(m.cpu.state.rip, vmcs_get(&m.vmcs, VMCS_GUEST_RIP));
    }
}
#define JUDGE(rows) judge((rows), sizeof(rows) / sizeof((rows)[0]))

/* Bytes by name. Memory operands are [rax] or [rip + 10H]. */
#define CPUID "\x0f\xa2"
#define GETSEC "\x0f\x37"
#define HLT "\xf4"
#define INVD "\x0f\x08"
#define WBINVD "\x0f\x09"
#define WBNOINVD "\xf3\x0f\x09"
#define INVLPG_RAX "\x0f\x01\x38"
#define INVPCID_RAX "\x66\x0f\x38\x82\x08"
#define RDPMC "\x0f\x33"
#define RDTSC "\x0f\x31"
#define RDTSCP "\x0f\x01\xf9"
#define RDPID_RAX "\xf3\x0f\xc7\xf8"
#define RSM "\x0f\xaa"
#define VMCALL "\x0f\x01\xc1"
#define VMLAUNCH "\x0f\x01\xc2"
#define VMRESUME "\x0f\x01\xc3"
#define VMXOFF "\x0f\x01\xc4"
#define VMFUNC "\x0f\x01\xd4"
#define VMCLEAR_RAX "\x66\x0f\xc7\x30"
#define VMPTRLD_RAX "\x0f\xc7\x30"
#define VMPTRLD_RIP10 "\x0f\xc7\x35\x10\x00\x00\x00"
#define VMPTRLD_RAX_MINUS8 "\x0f\xc7\x70\xf8"
#define VMPTRST_RAX "\x0f\xc7\x38"
#define VMXON_RAX "\xf3\x0f\xc7\x30"
#define VMREAD_RBX_RAX "\x0f\x78\xc3"
#define VMWRITE_RAX_RBX "\x0f\x79\xc3"
#define INVEPT_RAX "\x66\x0f\x38\x80\x08"
#define INVVPID_RAX "\x66\x0f\x38\x81\x08"
#define MWAIT "\x0f\x01\xc9"
#define MONITOR "\x0f\x01\xc8"
#define PAUSE "\xf3\x90"
#define SGDT_RAX "\x0f\x01\x00"
#define SIDT_RAX "\x0f\x01\x08"
#define LGDT_RAX "\x0f\x01\x10"
#define LIDT_RIP10 "\x0f\x01\x1d\x10\x00\x00\x00"
#define SLDT_AX "\x66\x0f\x00\xc0"
#define STR_RAX_MEMORY "\x0f\x00\x08"
#define LLDT_AX "\x0f\x00\xd0"
#define LTR_AX "\x0f\x00\xd8"
#define RDRAND_EAX "\x0f\xc7\xf0"
#define RDSEED_EAX "\x0f\xc7\xf8"
#define XSETBV "\x0f\x01\xd1"
#define XSAVES_RAX "\x0f\xc7\x28"
#define XRSTORS_RAX "\x0f\xc7\x18"
#define UMWAIT_EAX "\xf2\x0f\xae\xf0"
#define TPAUSE_EAX "\x66\x0f\xae\xf0"
#define ENCLS "\x0f\x01\xcf"

static void unconditional_exits_take_place_at_the_privilege_that_the_manual_names(void)
{
    static const struct row rows[] = {
        ROW("CPUID", CPUID, VALID_LONG, 0, 0, 0, 0, EXIT, VMX_EXIT_CPUID, 0),
        ROW("CPUID, CPL 3", CPUID, VALID_LONG, 3, 0, 0, 0, EXIT, VMX_EXIT_CPUID, 0),
        ROW("CPUID, real mode", CPUID, VALID_REAL, 0, 0, 0, 0, EXIT, VMX_EXIT_CPUID, 0),
        ROW("INVD", INVD, VALID_LONG, 0, 0, 0, 0, EXIT, VMX_EXIT_INVD, 0),
        ROW("INVD, CPL 3", INVD, VALID_LONG, 3, 0, 0, 0, FAULT, VMX_GP, 0),
        ROW("GETSEC without SMXE", GETSEC, VALID_LONG, 0, 0, 0, 0, FAULT, VMX_UD, 0),
        ROW("GETSEC, CPL 3", GETSEC, VALID_LONG, 3, 0, 0, VMX_CR4_SMXE, EXIT, VMX_EXIT_GETSEC, 0),
        ROW("XSETBV without OSXSAVE", XSETBV, VALID_LONG, 3, 0, 0, 0, FAULT, VMX_UD, 0),
        ROW("XSETBV, CPL 3", XSETBV, VALID_LONG, 3, 0, 0, VMX_CR4_OSXSAVE, FAULT, VMX_GP, 0),
        ROW("XSETBV", XSETBV, VALID_LONG, 0, 0, 0, VMX_CR4_OSXSAVE, EXIT, VMX_EXIT_XSETBV, 0),
        ROW("RSM outside SMM", RSM, VALID_LONG, 0, 0, 0, 0, FAULT, VMX_UD, 0),
        ROW("VMCALL", VMCALL, VALID_LONG, 3, 0, 0, 0, EXIT, VMX_EXIT_VMCALL, 0),
        ROW("VMCALL, real mode", VMCALL, VALID_REAL, 0, 0, 0, 0, EXIT, VMX_EXIT_VMCALL, 0),
        ROW("VMCALL, virtual-8086 mode", VMCALL, VALID_V86, 3, 0, 0, 0, EXIT, VMX_EXIT_VMCALL, 0),
    };
    JUDGE(rows);
}

static void vmx_instructions_exit_at_any_privilege_but_not_in_any_mode(void)
{
    static const struct {
        const char *bytes;
        unsigned size, reason;
    } all[] = {
        {VMCLEAR_RAX, 4, VMX_EXIT_VMCLEAR}, {VMLAUNCH, 3, VMX_EXIT_VMLAUNCH},     {VMRESUME, 3, VMX_EXIT_VMRESUME},
        {VMXOFF, 3, VMX_EXIT_VMOFF},        {VMPTRLD_RAX, 3, VMX_EXIT_VMPTRLD},   {VMPTRST_RAX, 3, VMX_EXIT_VMPTRST},
        {VMXON_RAX, 4, VMX_EXIT_VMON},      {VMREAD_RBX_RAX, 3, VMX_EXIT_VMREAD}, {VMWRITE_RAX_RBX, 3, VMX_EXIT_VMWRITE},
        {INVEPT_RAX, 5, VMX_EXIT_INVEPT},   {INVVPID_RAX, 5, VMX_EXIT_INVVPID},
    };
    for (unsigned k = 0; k < sizeof all / sizeof all[0]; k++) {
        const struct row rows[] = {
            {"CPL 0", all[k].bytes, all[k].size, VALID_LONG, 0, 0, 0, 0, EXIT, all[k].reason, 0},
            {"CPL 3", all[k].bytes, all[k].size, VALID_LONG, 3, 0, 0, 0, EXIT, all[k].reason, 0},
            {"protected mode", all[k].bytes, all[k].size, VALID_PAE, 3, 0, 0, 0, EXIT, all[k].reason, 0},
            {"real mode", all[k].bytes, all[k].size, VALID_REAL, 0, 0, 0, 0, FAULT, VMX_UD, 0},
            {"virtual-8086 mode", all[k].bytes, all[k].size, VALID_V86, 3, 0, 0, 0, FAULT, VMX_UD, 0},
        };
        JUDGE(rows);
        running_guest(&m, VALID_LONG, 0, 0, 0);
        m.cpu.state.seg[VMX_CS].access_rights = 0xc09b; /* compatibility mode */
        const struct vmx_outcome o = decide_bytes(&m, all[k].bytes, all[k].size);
        CU_ASSERT(is_fault(&o, VMX_UD));
    }
}

static void outside_non_root_operation_only_plain_faults_remain(void)
{
    running_guest(&m, VALID_LONG, 0, UINT32_C(0x7fffffff) & VMX_PRI_HLT_EXITING, VMX_SEC_WBINVD_EXITING);
    m.cpu.operation = VMX_OPERATION_ROOT;
    struct vmx_outcome o = DECIDE(&m, HLT);
    CU_ASSERT(is_run(&o));
    o = DECIDE(&m, CPUID);
    CU_ASSERT(is_run(&o));
    o = DECIDE(&m, VMLAUNCH);
    CU_ASSERT(is_run(&o));
    o = DECIDE(&m, WBINVD);
    CU_ASSERT(is_run(&o));
    set_cpl(&m, 3);
    o = DECIDE(&m, HLT);
    CU_ASSERT(is_fault(&o, VMX_GP));
    o = DECIDE(&m, VMLAUNCH);
    CU_ASSERT(is_fault(&o, VMX_GP));
    m.cpu.operation = VMX_OPERATION_OFF;
    o = DECIDE(&m, VMLAUNCH);
    CU_ASSERT(is_fault(&o, VMX_UD));
    o = DECIDE(&m, VMCALL);
    CU_ASSERT(is_fault(&o, VMX_UD));
    o = DECIDE(&m, VMFUNC);
    CU_ASSERT(is_fault(&o, VMX_UD));
}

static void a_control_selects_its_exit_and_faults_come_first(void)
{
    const struct row rows[] = {
        ROW("HLT", HLT, VALID_LONG, 0, 0, 0, 0, RUN, 0, 0),
        ROW("HLT", HLT, VALID_LONG, 0, VMX_PRI_HLT_EXITING, 0, 0, EXIT, VMX_EXIT_HLT, 0),
        ROW("HLT, CPL 3", HLT, VALID_LONG, 3, VMX_PRI_HLT_EXITING, 0, 0, FAULT, VMX_GP, 0),
        ROW("HLT, virtual-8086 mode", HLT, VALID_V86, 3, VMX_PRI_HLT_EXITING, 0, 0, FAULT, VMX_GP, 0),
        ROW("WBINVD", WBINVD, VALID_LONG, 0, 0, 0, 0, RUN, 0, 0),
        ROW("WBINVD", WBINVD, VALID_LONG, 0, 0, VMX_SEC_WBINVD_EXITING, 0, EXIT, VMX_EXIT_WBINVD, 0),
        ROW("WBNOINVD of a processor without it", WBNOINVD, VALID_LONG, 0, 0, VMX_SEC_WBINVD_EXITING, 0, EXIT, VMX_EXIT_WBINVD, 0),
        ROW("WBINVD, CPL 3", WBINVD, VALID_LONG, 3, 0, VMX_SEC_WBINVD_EXITING, 0, FAULT, VMX_GP, 0),
        ROW("INVLPG", INVLPG_RAX, VALID_LONG, 0, VMX_PRI_INVLPG_EXITING, 0, 0, EXIT, VMX_EXIT_INVLPG, 0),
        ROW("INVLPG, CPL 3", INVLPG_RAX, VALID_LONG, 3, VMX_PRI_INVLPG_EXITING, 0, 0, FAULT, VMX_GP, 0),
        ROW("INVPCID disabled", INVPCID_RAX, VALID_LONG, 3, VMX_PRI_INVLPG_EXITING, 0, 0, FAULT, VMX_UD, 0),
        ROW("INVPCID, CPL 3", INVPCID_RAX, VALID_LONG, 3, VMX_PRI_INVLPG_EXITING, VMX_SEC_ENABLE_INVPCID, 0, FAULT, VMX_GP, 0),
        ROW("INVPCID", INVPCID_RAX, VALID_LONG, 0, VMX_PRI_INVLPG_EXITING, VMX_SEC_ENABLE_INVPCID, 0, EXIT, VMX_EXIT_INVPCID, 0),
        ROW("INVPCID", INVPCID_RAX, VALID_LONG, 0, 0, VMX_SEC_ENABLE_INVPCID, 0, RUN, 0, 0),
        ROW("RDPMC", RDPMC, VALID_LONG, 0, VMX_PRI_RDPMC_EXITING, 0, 0, EXIT, VMX_EXIT_RDPMC, 0),
        ROW("RDPMC, CPL 3", RDPMC, VALID_LONG, 3, VMX_PRI_RDPMC_EXITING, 0, 0, FAULT, VMX_GP, 0),
        ROW("RDPMC, CPL 3, PCE", RDPMC, VALID_LONG, 3, VMX_PRI_RDPMC_EXITING, 0, VMX_CR4_PCE, EXIT, VMX_EXIT_RDPMC, 0),
        ROW("RDTSC", RDTSC, VALID_LONG, 3, 0, 0, 0, RUN, 0, 0),
        ROW("RDTSC", RDTSC, VALID_LONG, 3, VMX_PRI_RDTSC_EXITING, 0, 0, EXIT, VMX_EXIT_RDTSC, 0),
        ROW("RDTSC, CPL 3, TSD", RDTSC, VALID_LONG, 3, VMX_PRI_RDTSC_EXITING, 0, VMX_CR4_TSD, FAULT, VMX_GP, 0),
        ROW("RDTSC, CPL 0, TSD", RDTSC, VALID_LONG, 0, VMX_PRI_RDTSC_EXITING, 0, VMX_CR4_TSD, EXIT, VMX_EXIT_RDTSC, 0),
        ROW("RDTSCP disabled", RDTSCP, VALID_LONG, 3, VMX_PRI_RDTSC_EXITING, 0, VMX_CR4_TSD, FAULT, VMX_UD, 0),
        ROW("RDTSCP, CPL 3, TSD", RDTSCP, VALID_LONG, 3, VMX_PRI_RDTSC_EXITING, VMX_SEC_ENABLE_RDTSCP, VMX_CR4_TSD, FAULT, VMX_GP, 0),
        ROW("RDTSCP", RDTSCP, VALID_LONG, 3, VMX_PRI_RDTSC_EXITING, VMX_SEC_ENABLE_RDTSCP, 0, EXIT, VMX_EXIT_RDTSCP, 0),
        ROW("RDTSCP", RDTSCP, VALID_LONG, 3, 0, VMX_SEC_ENABLE_RDTSCP, 0, RUN, 0, 0),
        ROW("MWAIT", MWAIT, VALID_LONG, 0, VMX_PRI_MWAIT_EXITING, 0, 0, EXIT, VMX_EXIT_MWAIT_INSTRUCTION, 0),
        ROW("MWAIT, CPL 3", MWAIT, VALID_LONG, 3, VMX_PRI_MWAIT_EXITING, 0, 0, FAULT, VMX_UD, 0),
        ROW("MONITOR", MONITOR, VALID_LONG, 0, VMX_PRI_MONITOR_EXITING, 0, 0, EXIT, VMX_EXIT_MONITOR_INSTRUCTION, 0),
        ROW("MONITOR", MONITOR, VALID_LONG, 0, VMX_PRI_MWAIT_EXITING, 0, 0, RUN, 0, 0),
        ROW("PAUSE", PAUSE, VALID_LONG, 3, VMX_PRI_PAUSE_EXITING, 0, 0, EXIT, VMX_EXIT_PAUSE_INSTRUCTION, 0),
        ROW("PAUSE", PAUSE, VALID_LONG, 0, 0, VMX_SEC_PAUSE_LOOP_EXITING, 0, RUN, 0, 0),
        ROW("SGDT", SGDT_RAX, VALID_LONG, 3, 0, VMX_SEC_DESC_TABLE_EXITING, 0, EXIT, VMX_EXIT_GDTR_IDTR, 0),
        ROW("SIDT, CPL 3, UMIP", SIDT_RAX, VALID_LONG, 3, 0, VMX_SEC_DESC_TABLE_EXITING, VMX_CR4_UMIP, FAULT, VMX_GP, 0),
        ROW("LGDT, CPL 3", LGDT_RAX, VALID_LONG, 3, 0, VMX_SEC_DESC_TABLE_EXITING, 0, FAULT, VMX_GP, 0),
        ROW("LGDT", LGDT_RAX, VALID_LONG, 0, 0, 0, 0, RUN, 0, 0),
        ROW("LIDT [rip + 10H]", LIDT_RIP10, VALID_LONG, 0, 0, VMX_SEC_DESC_TABLE_EXITING, 0, EXIT, VMX_EXIT_GDTR_IDTR, 0x1000 + 7 + 0x10),
        ROW("SLDT", SLDT_AX, VALID_LONG, 3, 0, VMX_SEC_DESC_TABLE_EXITING, 0, EXIT, VMX_EXIT_LDTR_TR, 0),
        ROW("SLDT, real mode", SLDT_AX, VALID_REAL, 0, 0, VMX_SEC_DESC_TABLE_EXITING, 0, FAULT, VMX_UD, 0),
        ROW("STR, CPL 3, UMIP", STR_RAX_MEMORY, VALID_LONG, 3, 0, VMX_SEC_DESC_TABLE_EXITING, VMX_CR4_UMIP, FAULT, VMX_GP, 0),
        ROW("LLDT, CPL 3", LLDT_AX, VALID_LONG, 3, 0, VMX_SEC_DESC_TABLE_EXITING, 0, FAULT, VMX_GP, 0),
        ROW("LTR", LTR_AX, VALID_LONG, 0, 0, VMX_SEC_DESC_TABLE_EXITING, 0, EXIT, VMX_EXIT_LDTR_TR, 0),
        ROW("LTR, virtual-8086 mode", LTR_AX, VALID_V86, 3, 0, VMX_SEC_DESC_TABLE_EXITING, 0, FAULT, VMX_UD, 0),
        ROW("RDRAND", RDRAND_EAX, VALID_LONG, 3, 0, VMX_SEC_RDRAND_EXITING, 0, EXIT, VMX_EXIT_RDRAND, 0),
        ROW("RDRAND", RDRAND_EAX, VALID_LONG, 3, 0, VMX_SEC_RDSEED_EXITING, 0, RUN, 0, 0),
        ROW("RDSEED", RDSEED_EAX, VALID_LONG, 3, 0, VMX_SEC_RDSEED_EXITING, 0, EXIT, VMX_EXIT_RDSEED, 0),
        ROW("XSAVES disabled", XSAVES_RAX, VALID_LONG, 0, 0, 0, VMX_CR4_OSXSAVE, FAULT, VMX_UD, 0),
        ROW("XSAVES without OSXSAVE", XSAVES_RAX, VALID_LONG, 0, 0, VMX_SEC_ENABLE_XSAVES, 0, FAULT, VMX_UD, 0),
        ROW("XSAVES, CPL 3", XSAVES_RAX, VALID_LONG, 3, 0, VMX_SEC_ENABLE_XSAVES, VMX_CR4_OSXSAVE, FAULT, VMX_GP, 0),
        ROW("XRSTORS", XRSTORS_RAX, VALID_LONG, 0, 0, VMX_SEC_ENABLE_XSAVES, VMX_CR4_OSXSAVE, RUN, 0, 0),
        ROW("UMWAIT without the feature", UMWAIT_EAX, VALID_LONG, 0, VMX_PRI_RDTSC_EXITING, VMX_SEC_ENABLE_USR_WAIT_PAUSE, 0, FAULT, VMX_UD, 0),
        ROW("ENCLS, CPL 3", ENCLS, VALID_LONG, 3, 0, VMX_SEC_ENCLS_EXITING, 0, FAULT, VMX_UD, 0),
        ROW("ENCLS, real mode", ENCLS, VALID_REAL, 0, 0, VMX_SEC_ENCLS_EXITING, 0, FAULT, VMX_UD, 0),
        ROW("VMPTRLD [rip + 10H]", VMPTRLD_RIP10, VALID_LONG, 0, 0, 0, 0, EXIT, VMX_EXIT_VMPTRLD, 0x1000 + 7 + 0x10),
        ROW("VMPTRLD [rax - 8]", VMPTRLD_RAX_MINUS8, VALID_LONG, 0, 0, 0, 0, EXIT, VMX_EXIT_VMPTRLD, UINT64_MAX - 7),
    };
    JUDGE(rows);
}

/* A processor of the newest generation. */
static void user_waits_exit_with_rdtsc(void)
{
    running_guest(&m, VALID_LONG, 0, VMX_PRI_RDTSC_EXITING, VMX_SEC_ENABLE_USR_WAIT_PAUSE);
    const struct vmx_caps *const newest = vmx_profile("sapphire-rapids");
    CU_ASSERT_PTR_NOT_NULL_FATAL(newest);
    m.caps.cpuid = newest->cpuid;
    m.caps.cpuid_count = newest->cpuid_count;
    struct vmx_outcome o = DECIDE(&m, UMWAIT_EAX);
    CU_ASSERT(is_exit(&o, VMX_EXIT_UMWAIT));
    CU_ASSERT((o.exit.valid & VMX_VALID_INSTRUCTION_INFO) != 0);
    o = DECIDE(&m, TPAUSE_EAX);
    CU_ASSERT(is_exit(&o, VMX_EXIT_TPAUSE));
    set_cpl(&m, 3);
    m.cpu.state.cr4 |= VMX_CR4_TSD;
    o = DECIDE(&m, TPAUSE_EAX);
    CU_ASSERT(is_fault(&o, VMX_GP));
    m.vmcs.field[VMCS_SECONDARY_VM_EXEC_CONTROL] &= ~(uint64_t)VMX_SEC_ENABLE_USR_WAIT_PAUSE;
    o = DECIDE(&m, TPAUSE_EAX);
    CU_ASSERT(is_fault(&o, VMX_UD));
}

static void enabling_controls_make_instructions_undefined_at_0(void)
{
    running_guest(&m, VALID_LONG, 0, 0, 0);
    static const struct vmx_cpuid_entry everything[] = {{0, 0, 7, 0, 0, 0},
                                                        {7, 0, 0, UINT32_MAX, UINT32_MAX, UINT32_MAX},
                                                        {0x80000000, 0, 0x80000001, 0, 0, 0},
                                                        {0x80000001, 0, 0, 0, UINT32_MAX, UINT32_MAX}};
    m.caps.cpuid = everything;
    m.caps.cpuid_count = 4;
    struct vmx_outcome o = DECIDE(&m, RDPID_RAX);
    CU_ASSERT(is_fault(&o, VMX_UD));
    m.cpu.operation = VMX_OPERATION_OFF;
    o = DECIDE(&m, RDPID_RAX);
    CU_ASSERT(is_run(&o));
    o = DECIDE(&m, RDTSCP);
    CU_ASSERT(is_run(&o));
    o = DECIDE(&m, INVPCID_RAX);
    CU_ASSERT(is_run(&o));
}

static void a_lock_prefix_is_undefined(void)
{
    running_guest(&m, VALID_LONG, 0, VMX_PRI_HLT_EXITING, 0);
    struct vmx_instruction i = DECODE(&m, CPUID);
    i.lock = true;
    const struct vmx_outcome o = vmx_decide(&m.cpu, &i);
    CU_ASSERT(is_fault(&o, VMX_UD));
}

static void encls_exits_by_leaf(void)
{
    running_guest(&m, VALID_LONG, 0, 0, VMX_SEC_ENCLS_EXITING);
    static const uint64_t leaves[] = {0, 5, 62, 63, 64, 0xffffffff};
    for (unsigned bit = 0; bit < 64; bit++)
        for (unsigned k = 0; k < sizeof leaves / sizeof leaves[0]; k++) {
            m.vmcs.field[VMCS_ENCLS_EXITING_BITMAP] = UINT64_C(1) << bit;
            m.cpu.state.gpr[VMX_RAX] = leaves[k];
            const struct vmx_outcome o = DECIDE(&m, ENCLS);
            CU_ASSERT(bit == (leaves[k] < 63 ? leaves[k] : 63) ? is_exit(&o, VMX_EXIT_ENCLS) : is_run(&o));
        }
    m.caps.sgx = false;
    const struct vmx_outcome o = DECIDE(&m, ENCLS);
    CU_ASSERT(is_fault(&o, VMX_UD));
}

static void xsaves_exits_when_mask_xss_and_bitmap_meet(void)
{
    running_guest(&m, VALID_LONG, 0, 0, VMX_SEC_ENABLE_XSAVES);
    m.cpu.state.cr4 |= VMX_CR4_OSXSAVE;
    for (unsigned without = 0; without < 4; without++) {
        const uint64_t bit = UINT64_C(1) << 40;
        m.cpu.state.gpr[VMX_RAX] = 0;
        m.cpu.state.gpr[VMX_RDX] = without == 1 ? 0 : bit >> 32;
        m.cpu.state.xss = without == 2 ? 0 : bit;
        m.vmcs.field[VMCS_XSS_EXIT_BITMAP] = without == 3 ? 0 : bit;
        const struct vmx_outcome save = DECIDE(&m, XSAVES_RAX), restore = DECIDE(&m, XRSTORS_RAX);
        CU_ASSERT(without == 0 ? is_exit(&save, VMX_EXIT_XSAVES) : is_run(&save));
        CU_ASSERT(without == 0 ? is_exit(&restore, VMX_EXIT_XRSTORS) : is_run(&restore));
    }
}

static void vmread_and_vmwrite_of_the_shadow_vmcs_follow_the_bitmaps(void)
{
    enum { READ_BITMAP = 0xb000, WRITE_BITMAP = 0xc000 };
    running_guest(&m, VALID_LONG, 0, 0, VMX_SEC_VMCS_SHADOWING);
    m.vmcs.field[VMCS_VMREAD_BITMAP] = READ_BITMAP;
    m.vmcs.field[VMCS_VMWRITE_BITMAP] = WRITE_BITMAP;
    static const struct {
        uint64_t encoding;
        bool bit, read_exits;
    } rows[] = {{0x6820, false, false}, {0x6820, true, true},       {0x7fff, false, false}, {0x7fff, true, true},
                {0x8000, false, true},  {0x100006820, false, true}, {0, true, true},        {0, false, false}};
    for (unsigned k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        memset(m.memory + READ_BITMAP, 0, 0x2000);
        const uint64_t at = rows[k].encoding & 0x7fff;
        if (rows[k].bit)
            m.memory[READ_BITMAP + at / 8] = (uint8_t)(1u << at % 8);
        m.cpu.state.gpr[VMX_RAX] = rows[k].encoding;
        struct vmx_outcome o = DECIDE(&m, VMREAD_RBX_RAX);
        CU_ASSERT(rows[k].read_exits ? is_exit(&o, VMX_EXIT_VMREAD) : is_run(&o));
        m.cpu.state.gpr[VMX_RBX] = 0;
        m.cpu.state.gpr[VMX_RAX] = rows[k].encoding;
        o = DECIDE(&m, "\x0f\x79\xc3"); /* VMWRITE RAX, RBX */
        CU_ASSERT(rows[k].encoding >= 0x8000 ? is_exit(&o, VMX_EXIT_VMWRITE) : is_run(&o));
    }
    set_cpl(&m, 3);
    m.cpu.state.gpr[VMX_RAX] = 0x6820;
    const struct vmx_outcome o = DECIDE(&m, VMREAD_RBX_RAX);
    CU_ASSERT(is_fault(&o, VMX_GP));
}

static void vmfunc_exits_unless_the_eptp_list_names_a_good_eptp(void)
{
    enum { LIST = 0xb000 };
    const uint64_t good = VALID_EPT | 3 << 3 | 6, bad = good | 0x100;
    running_guest(&m, VALID_LONG, 0, 0, VMX_SEC_ENABLE_EPT | VMX_SEC_ENABLE_VMFUNC);
    m.vmcs.field[VMCS_EPTP_LIST_ADDRESS] = LIST;
    memcpy(m.memory + LIST + 8 * 511, &good, 8);
    memcpy(m.memory + LIST + 8 * 510, &bad, 8);
    static const struct {
        uint64_t control, eax, ecx;
        enum expected expected;
    } rows[] = {{1, 0, 511, RUN}, {1, 0, 510, EXIT}, {1, 0, 512, EXIT}, {0, 0, 511, EXIT}, {1, 1, 511, EXIT}, {1, 63, 0, EXIT}, {1, 64, 0, FAULT}};
    set_cpl(&m, 3);
    for (unsigned k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        m.vmcs.field[VMCS_VM_FUNCTION_CONTROL] = rows[k].control;
        m.cpu.state.gpr[VMX_RAX] = rows[k].eax;
        m.cpu.state.gpr[VMX_RCX] = rows[k].ecx;
        const struct vmx_outcome o = DECIDE(&m, VMFUNC);
        CU_ASSERT(rows[k].expected == RUN ? is_run(&o) : rows[k].expected == EXIT ? is_exit(&o, VMX_EXIT_VMFUNC) : is_fault(&o, VMX_UD));
    }
}

static void an_eptp_is_good_as_far_as_the_processor_offers_it(void)
{
    enum { UC = 0, WB = 6, LEVELS_4 = 3 << 3, LEVELS_5 = 4 << 3, FLAGS = 1 << 6, SHADOW_STACK = 1 << 7 };
    static const struct {
        uint64_t eptp, wants;
    } rows[] = {{WB | LEVELS_4, VMX_EPTCAP_MT_WB | VMX_EPTCAP_PWL4},
                {UC | LEVELS_4, VMX_EPTCAP_MT_UC | VMX_EPTCAP_PWL4},
                {WB | LEVELS_5, VMX_EPTCAP_MT_WB | VMX_EPTCAP_PWL5},
                {WB | LEVELS_4 | FLAGS, VMX_EPTCAP_MT_WB | VMX_EPTCAP_PWL4 | VMX_EPTCAP_AD},
                {WB | LEVELS_4 | SHADOW_STACK, VMX_EPTCAP_MT_WB | VMX_EPTCAP_PWL4 | VMX_EPTCAP_SSS}};
    const uint64_t all = VMX_EPTCAP_MT_WB | VMX_EPTCAP_MT_UC | VMX_EPTCAP_PWL4 | VMX_EPTCAP_PWL5 | VMX_EPTCAP_AD | VMX_EPTCAP_SSS;
    struct vmx_caps caps = {.physical_bits = 39};
    for (unsigned k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        caps.ept_vpid = rows[k].wants;
        CU_ASSERT(vmx_eptp_valid(&caps, VALID_EPT | rows[k].eptp));
        for (uint64_t bits = rows[k].wants; bits != 0; bits &= bits - 1) {
            caps.ept_vpid = all & ~(bits & -bits);
            CU_ASSERT_FALSE(vmx_eptp_valid(&caps, VALID_EPT | rows[k].eptp));
        }
    }
    caps.ept_vpid = all;
    CU_ASSERT_FALSE(vmx_eptp_valid(&caps, VALID_EPT | 5 | LEVELS_4));
    CU_ASSERT_FALSE(vmx_eptp_valid(&caps, VALID_EPT | WB | 2 << 3));
    CU_ASSERT_FALSE(vmx_eptp_valid(&caps, VALID_EPT | WB | LEVELS_4 | UINT64_C(1) << 39));
    CU_ASSERT(vmx_eptp_valid(&caps, VALID_EPT | WB | LEVELS_4 | UINT64_C(1) << 38));
}

static void invlpg_reports_the_linear_address(void)
{
    running_guest(&m, VALID_LONG, 0, VMX_PRI_INVLPG_EXITING, 0);
    m.cpu.state.gpr[VMX_RAX] = 0x8000000000001234; /* not canonical: no matter */
    struct vmx_outcome o = DECIDE(&m, INVLPG_RAX);
    CU_ASSERT_EQUAL(o.exit.qualification, 0x8000000000001234);
    running_guest(&m, VALID_PAE, 0, VMX_PRI_INVLPG_EXITING, 0);
    m.cpu.state.gpr[VMX_RAX] = 0xfffffff0;
    m.cpu.state.seg[VMX_DS].base = 0x20;
    o = DECIDE(&m, INVLPG_RAX);
    CU_ASSERT_EQUAL(o.exit.qualification, 0x10);
}

static void pause_loops_exit_after_the_window(void)
{
    running_guest(&m, VALID_LONG, 0, 0, VMX_SEC_PAUSE_LOOP_EXITING);
    m.vmcs.field[VMCS_PLE_GAP] = 100;
    m.vmcs.field[VMCS_PLE_WINDOW] = 1000;
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned k = 0; k <= 10; k++) {
            const struct vmx_outcome o = STEP(&m, PAUSE);
            CU_ASSERT(is_done(&o));
            m.cpu.tsc += 100;
        }
        /* 1100 ticks after the first of the loop: beyond the window */
        struct vmx_outcome o = DECIDE(&m, PAUSE);
        CU_ASSERT(is_exit(&o, VMX_EXIT_PAUSE_INSTRUCTION));
        set_cpl(&m, 3);
        o = DECIDE(&m, PAUSE);
        CU_ASSERT(is_run(&o));
        set_cpl(&m, 0);
        m.cpu.tsc += 1; /* the gap is too long: a new loop */
        o = DECIDE(&m, PAUSE);
        CU_ASSERT(is_run(&o));
    }
}

static void the_guest_tsc_is_scaled_then_offset(void)
{
    running_guest(&m, VALID_LONG, 0, VMX_PRI_USE_TSC_OFFSETTING, VMX_SEC_TSC_SCALING);
    m.cpu.tsc = UINT64_C(1) << 60;
    m.vmcs.field[VMCS_TSC_OFFSET] = (uint64_t)-5;
    m.vmcs.field[VMCS_TSC_MULTIPLIER] = UINT64_C(3) << 47; /* 1.5 */
    CU_ASSERT_EQUAL(vmx_guest_tsc(&m.cpu), (UINT64_C(3) << 59) - 5);
    m.vmcs.field[VMCS_CPU_BASED_VM_EXEC_CONTROL] &= ~(uint64_t)VMX_PRI_USE_TSC_OFFSETTING;
    CU_ASSERT_EQUAL(vmx_guest_tsc(&m.cpu), UINT64_C(1) << 60);
}

SUITE("vmx-model/decide",
      {"unconditional_exits_take_place_at_the_privilege_that_the_manual_names",
       unconditional_exits_take_place_at_the_privilege_that_the_manual_names},
      {"vmx_instructions_exit_at_any_privilege_but_not_in_any_mode", vmx_instructions_exit_at_any_privilege_but_not_in_any_mode},
      {"outside_non_root_operation_only_plain_faults_remain", outside_non_root_operation_only_plain_faults_remain},
      {"a_control_selects_its_exit_and_faults_come_first", a_control_selects_its_exit_and_faults_come_first},
      {"user_waits_exit_with_rdtsc", user_waits_exit_with_rdtsc},
      {"enabling_controls_make_instructions_undefined_at_0", enabling_controls_make_instructions_undefined_at_0},
      {"a_lock_prefix_is_undefined", a_lock_prefix_is_undefined}, {"encls_exits_by_leaf", encls_exits_by_leaf},
      {"xsaves_exits_when_mask_xss_and_bitmap_meet", xsaves_exits_when_mask_xss_and_bitmap_meet},
      {"vmread_and_vmwrite_of_the_shadow_vmcs_follow_the_bitmaps", vmread_and_vmwrite_of_the_shadow_vmcs_follow_the_bitmaps},
      {"an_eptp_is_good_as_far_as_the_processor_offers_it", an_eptp_is_good_as_far_as_the_processor_offers_it},
      {"vmfunc_exits_unless_the_eptp_list_names_a_good_eptp", vmfunc_exits_unless_the_eptp_list_names_a_good_eptp},
      {"invlpg_reports_the_linear_address", invlpg_reports_the_linear_address},
      {"pause_loops_exit_after_the_window", pause_loops_exit_after_the_window},
      {"the_guest_tsc_is_scaled_then_offset", the_guest_tsc_is_scaled_then_offset})

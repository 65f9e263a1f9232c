/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The checks of VMX instructions, row by row of the table: what makes each come true, and that it ends as the row says. */
#include <stdio.h>

#include "root_software.h"
#include "tests/support/suite.h"
#include "vmx-model/checks.h"
#include "vmx-model/errors.h"

static void operand(uint64_t value)
{
    put64(OPERAND, value);
}

/* ---- each instruction with operands with which it succeeds ---- */

static void good(void) {}
static void good_vmxon(void)
{
    m.cpu.operation = VMX_OPERATION_OFF;
    m.cpu.vmcs = NULL;
    m.cpu.current_vmcs = m.cpu.vmxon_region = VMX_NO_VMCS;
    operand(OTHER_VMXON);
}
static void good_vmclear(void)
{
    operand(VALID_VMCS);
}
static void good_vmptrld(void)
{
    operand(OTHER_VMCS);
}
static void good_vmresume(void)
{
    m.vmcs.launched = 1;
}
static void good_field(void)
{
    m.cpu.state.gpr[VMX_RAX] = vmcs_fields[VMCS_GUEST_RIP].encoding;
}
static void good_invept(void)
{
    m.cpu.state.gpr[VMX_RCX] = VMX_INVEPT_SINGLE;
    operand(GOOD_EPTP);
}
static void good_invvpid(void)
{
    m.cpu.state.gpr[VMX_RCX] = VMX_INVVPID_ADDRESS;
    operand(1);
    put64(OPERAND + 8, 0x5000);
}
static void good_vmfunc(void)
{
    vmcs_set(&m.vmcs, VMCS_VM_FUNCTION_CONTROL, 1);
    vmcs_set(&m.vmcs, VMCS_EPTP_LIST_ADDRESS, EPTP_LIST);
    enter_guest(VMX_SEC_ENABLE_EPT | VMX_SEC_ENABLE_VMFUNC);
    m.cpu.state.gpr[VMX_RAX] = 0;
    m.cpu.state.gpr[VMX_RCX] = 1;
    put64(EPTP_LIST + 8, GOOD_EPTP);
}

#define BYTES(text) text, sizeof(text) - 1
static const struct instruction {
    const char *name, *bytes;
    unsigned size;
    void (*arrange)(void);
} instructions[] = {
    {"VMXON", BYTES(VMXON), good_vmxon},       {"VMXOFF", BYTES(VMXOFF), good},
    {"VMCLEAR", BYTES(VMCLEAR), good_vmclear}, {"VMPTRLD", BYTES(VMPTRLD), good_vmptrld},
    {"VMPTRST", BYTES(VMPTRST), good},         {"VMLAUNCH", BYTES(VMLAUNCH), good},
    {"VMREAD", BYTES(VMREAD), good_field},     {"VMRESUME", BYTES(VMRESUME), good_vmresume},
    {"VMWRITE", BYTES(VMWRITE), good_field},   {"INVEPT", BYTES(INVEPT), good_invept},
    {"INVVPID", BYTES(INVVPID), good_invvpid}, {"VMCALL", BYTES(VMCALL), good},
    {"VMFUNC", BYTES(VMFUNC), good_vmfunc},
};

/* ---- departures from it ---- */

static void off(void)
{
    m.cpu.operation = VMX_OPERATION_OFF;
}
static void real_mode(void)
{
    m.cpu.state.cr0 &= ~VMX_CR0_PE;
}
static void virtual_8086(void)
{
    m.cpu.state.rflags |= VMX_RFLAGS_VM;
}
static void compatibility(void)
{
    m.cpu.state.seg[VMX_CS].access_rights &= ~VMX_AR_L;
}
static void user(void)
{
    set_cpl(&m, 3);
}
static void guest(void)
{
    const uint64_t rax = m.cpu.state.gpr[VMX_RAX];
    m.vmcs.launched = 0;
    m.cpu.operation = VMX_OPERATION_ROOT;
    m.cpu.vmcs = &m.vmcs;
    m.cpu.current_vmcs = VALID_VMCS;
    enter_guest(0);
    m.cpu.state.gpr[VMX_RAX] = rax;
}
static void root_user(void)
{
    m.cpu.operation = VMX_OPERATION_ROOT;
    user();
}
static void no_vmcs(void)
{
    m.cpu.vmcs = NULL;
    m.cpu.current_vmcs = VMX_NO_VMCS;
}
static void vmxe_clear(void)
{
    m.cpu.state.cr4 &= ~VMX_CR4_VMXE;
}
static void root(void)
{
    m.cpu.operation = VMX_OPERATION_ROOT;
    m.cpu.vmcs = &m.vmcs;
    m.cpu.current_vmcs = VALID_VMCS;
    m.cpu.state.gpr[VMX_RAX] = NOT_MAPPED; /* the operand is not read */
}
static void a20(void)
{
    m.cpu.a20_masked = true;
}
static void ne_clear(void)
{
    m.cpu.state.cr0 &= ~VMX_CR0_NE;
}
static void cr4_reserved(void)
{
    m.cpu.state.cr4 |= VMX_BIT(15);
}
static void unlocked(void)
{
    m.cpu.feature_control = 4;
}
static void locked_off(void)
{
    m.cpu.feature_control = 3;
}
static void not_mapped(void)
{
    m.cpu.state.gpr[VMX_RAX] = NOT_MAPPED;
}
static void not_canonical(void)
{
    m.cpu.state.gpr[VMX_RAX] = NOT_CANONICAL;
}
static void rbx_not_mapped(void)
{
    m.cpu.state.gpr[VMX_RBX] = NOT_MAPPED;
}
static void rbx_not_mapped_no_field(void)
{
    m.cpu.state.gpr[VMX_RBX] = NOT_MAPPED;
    m.cpu.state.gpr[VMX_RAX] = 0x7ffe;
}
static void misaligned(void)
{
    operand(OTHER_VMCS + 8);
}
static void too_wide(void)
{
    operand(VMX_BIT(m.caps.physical_bits) | OTHER_VMCS);
}
static void beyond_32_bits(void)
{
    m.caps.basic |= VMX_BASIC_32BIT_PA;
    operand(VMX_BIT(32) | OTHER_VMCS);
}
static void wrong_revision(void)
{
    put32(OTHER_VMXON, revision() ^ 1);
    put32(OTHER_VMCS, revision() ^ 1);
}
static void shadow_revision(void)
{
    put32(OTHER_VMXON, revision() | UINT32_C(1) << 31);
    put32(OTHER_VMCS, revision() | UINT32_C(1) << 31);
    m.caps.secondary.may_be_1 &= ~VMX_SEC_VMCS_SHADOWING;
}
static void vmxon_pointer(void)
{
    operand(VALID_VMXON);
}
static void shadow_vmcs(void)
{
    m.vmcs.revision |= UINT32_C(1) << 31;
}
static void mov_ss(void)
{
    m.cpu.state.interruptibility = VMX_BLOCKING_BY_MOV_SS;
}
static void other_launch_state(void)
{
    m.vmcs.launched ^= 1;
}
static void bad_controls(void)
{
    vmcs_set(&m.vmcs, VMCS_CR3_TARGET_COUNT, 5);
    vmcs_set(&m.vmcs, VMCS_HOST_CR0, 0);
}
static void bad_executive_vmcs(void)
{
    m.cpu.smm = true;
    vmcs_set(&m.vmcs, VMCS_EXECUTIVE_VMCS_POINTER, 0x123);
    vmcs_set(&m.vmcs, VMCS_HOST_CR0, 0);
}
static void bad_host(void)
{
    vmcs_set(&m.vmcs, VMCS_HOST_CR0, 0);
    vmcs_set(&m.vmcs, VMCS_GUEST_RFLAGS, 0);
}
static void bad_guest(void)
{
    vmcs_set(&m.vmcs, VMCS_GUEST_RFLAGS, 0);
}
static void bad_msr(void)
{
    vmcs_set(&m.vmcs, VMCS_VM_ENTRY_MSR_LOAD_COUNT, 1);
    vmcs_set(&m.vmcs, VMCS_VM_ENTRY_MSR_LOAD_ADDR, MSR_LIST);
    put64(MSR_LIST, VMX_MSR_FS_BASE);
}
static void shadowing_guest(void)
{
    vmcs_set(&m.vmcs, VMCS_VMREAD_BITMAP, READ_BITMAP);
    vmcs_set(&m.vmcs, VMCS_VMWRITE_BITMAP, WRITE_BITMAP);
    vmcs_set(&m.vmcs, VMCS_VMCS_LINK_POINTER, VALID_LINK);
    enter_guest(VMX_SEC_VMCS_SHADOWING);
}
static void shadowing_guest_selected(void)
{
    shadowing_guest();
    memset(m.memory + READ_BITMAP, 0xff, 4096);
    memset(m.memory + WRITE_BITMAP, 0xff, 4096);
}
static void shadowing_guest_high_bit(void)
{
    shadowing_guest();
    m.cpu.state.gpr[VMX_RAX] |= VMX_BIT(32);
}
static void shadowing_guest_user(void)
{
    shadowing_guest();
    user();
}
static void shadowing_guest_no_link(void)
{
    vmcs_set(&m.vmcs, VMCS_VMREAD_BITMAP, READ_BITMAP);
    vmcs_set(&m.vmcs, VMCS_VMWRITE_BITMAP, WRITE_BITMAP);
    enter_guest(VMX_SEC_VMCS_SHADOWING);
    m.cpu.state.gpr[VMX_RBX] = NOT_MAPPED; /* not reached */
}
static void shadowing_guest_not_mapped(void)
{
    shadowing_guest();
    rbx_not_mapped();
}
static void shadowing_guest_no_field(void)
{
    shadowing_guest();
    m.cpu.state.gpr[VMX_RAX] = 0x7ffe;
}
static void no_vmcs_not_mapped(void)
{
    no_vmcs();
    rbx_not_mapped();
}
static void no_field(void)
{
    m.cpu.state.gpr[VMX_RAX] = 0x7ffe;
}
static void field_beyond_32_bits(void)
{
    m.cpu.state.gpr[VMX_RAX] |= VMX_BIT(32);
}
static void read_only(void)
{
    m.caps.misc &= ~VMX_MISC_VMWRITE_ANY;
    m.cpu.state.gpr[VMX_RAX] = vmcs_fields[VMCS_VM_EXIT_REASON].encoding;
}
static void not_supported(void)
{
    m.caps.ept_vpid &= ~(VMX_EPTCAP_INVEPT | VMX_VPIDCAP_INVVPID);
}
static void type_not_offered(void)
{
    m.caps.ept_vpid &= ~(VMX_EPTCAP_INVEPT_SINGLE | VMX_VPIDCAP_INVVPID_ADDR);
    not_mapped();
}
static void no_such_type(void)
{
    m.cpu.state.gpr[VMX_RCX] = 4;
    not_mapped();
}
static void bad_eptp(void)
{
    operand(GOOD_EPTP | 0x100);
}
static void vpid_wide(void)
{
    operand(0x10001);
}
static void vpid_0(void)
{
    operand(0);
}
static void vpid_0_single(void)
{
    m.cpu.state.gpr[VMX_RCX] = VMX_INVVPID_SINGLE;
    operand(0);
}
static void vpid_0_keep_global(void)
{
    m.cpu.state.gpr[VMX_RCX] = VMX_INVVPID_SINGLE_KEEP_GLOBAL;
    operand(0);
}
static void vpid_address_not_canonical(void)
{
    put64(OPERAND + 8, NOT_CANONICAL);
}
static void in_smm(void)
{
    m.cpu.smm = true;
}
static void vmfunc_disabled(void)
{
    m.vmcs.field[VMCS_SECONDARY_VM_EXEC_CONTROL] = VMX_SEC_ENABLE_EPT;
}
static void vmfunc_64(void)
{
    m.cpu.state.gpr[VMX_RAX] = 64;
}
static void vmfunc_1(void)
{
    m.cpu.state.gpr[VMX_RAX] = 1;
}
static void leave_guest(void)
{
    m.cpu.operation = VMX_OPERATION_ROOT;
}
static void eptp_512(void)
{
    m.cpu.state.gpr[VMX_RCX] = 512;
}
static void eptp_list_bad(void)
{
    put64(EPTP_LIST + 8, GOOD_EPTP | 0x100);
}

static const struct check_case {
    const char *instruction;
    unsigned step;
    void (*arrange)(void);
    unsigned vector; /* of an operand fault */
} cases[] = {
    {"VMXON", 1, real_mode, 0},
    {"VMXON", 1, vmxe_clear, 0},
    {"VMXON", 1, virtual_8086, 0},
    {"VMXON", 1, compatibility, 0},
    {"VMXON", 2, guest, 0},
    {"VMXON", 3, root_user, 0},
    {"VMXON", 4, root, 0},
    {"VMXON", 5, user, 0},
    {"VMXON", 6, a20, 0},
    {"VMXON", 7, ne_clear, 0},
    {"VMXON", 7, cr4_reserved, 0},
    {"VMXON", 8, unlocked, 0},
    {"VMXON", 9, locked_off, 0},
    {"VMXON", 10, not_mapped, VMX_PF},
    {"VMXON", 10, not_canonical, VMX_GP},
    {"VMXON", 11, misaligned, 0},
    {"VMXON", 11, too_wide, 0},
    {"VMXON", 11, beyond_32_bits, 0},
    {"VMXON", 12, wrong_revision, 0},
    {"VMXON", 12, shadow_revision, 0},
    {"VMXON", 13, good, 0},
    {"VMXOFF", 1, off, 0},
    {"VMXOFF", 1, real_mode, 0},
    {"VMXOFF", 1, virtual_8086, 0},
    {"VMXOFF", 1, compatibility, 0},
    {"VMXOFF", 2, guest, 0},
    {"VMXOFF", 3, user, 0},
    {"VMXOFF", 5, good, 0},
    {"VMCLEAR", 1, off, 0},
    {"VMCLEAR", 1, compatibility, 0},
    {"VMCLEAR", 2, guest, 0},
    {"VMCLEAR", 3, user, 0},
    {"VMCLEAR", 4, not_mapped, VMX_PF},
    {"VMCLEAR", 4, not_canonical, VMX_GP},
    {"VMCLEAR", 5, misaligned, 0},
    {"VMCLEAR", 5, too_wide, 0},
    {"VMCLEAR", 5, beyond_32_bits, 0},
    {"VMCLEAR", 6, vmxon_pointer, 0},
    {"VMCLEAR", 7, good, 0},
    {"VMPTRLD", 1, off, 0},
    {"VMPTRLD", 1, real_mode, 0},
    {"VMPTRLD", 2, guest, 0},
    {"VMPTRLD", 3, user, 0},
    {"VMPTRLD", 4, not_mapped, VMX_PF},
    {"VMPTRLD", 4, not_canonical, VMX_GP},
    {"VMPTRLD", 5, misaligned, 0},
    {"VMPTRLD", 5, too_wide, 0},
    {"VMPTRLD", 5, beyond_32_bits, 0},
    {"VMPTRLD", 6, vmxon_pointer, 0},
    {"VMPTRLD", 7, wrong_revision, 0},
    {"VMPTRLD", 7, shadow_revision, 0},
    {"VMPTRLD", 8, good, 0},
    {"VMPTRST", 1, off, 0},
    {"VMPTRST", 1, virtual_8086, 0},
    {"VMPTRST", 2, guest, 0},
    {"VMPTRST", 3, user, 0},
    {"VMPTRST", 4, not_mapped, VMX_PF},
    {"VMPTRST", 4, not_canonical, VMX_GP},
    {"VMPTRST", 5, good, 0},
    {"VMPTRST", 5, no_vmcs, 0},
    {"VMLAUNCH", 1, off, 0},
    {"VMLAUNCH", 1, real_mode, 0},
    {"VMLAUNCH", 2, guest, 0},
    {"VMLAUNCH", 3, user, 0},
    {"VMLAUNCH", 4, no_vmcs, 0},
    {"VMLAUNCH", 5, shadow_vmcs, 0},
    {"VMLAUNCH", 6, mov_ss, 0},
    {"VMLAUNCH", 7, other_launch_state, 0},
    {"VMLAUNCH", 8, bad_controls, 0},
    {"VMLAUNCH", 9, bad_executive_vmcs, 0},
    {"VMLAUNCH", 10, bad_host, 0},
    {"VMLAUNCH", 11, bad_guest, 0},
    {"VMLAUNCH", 12, bad_msr, 0},
    {"VMLAUNCH", 13, good, 0},
    {"VMRESUME", 1, off, 0},
    {"VMRESUME", 1, compatibility, 0},
    {"VMRESUME", 2, guest, 0},
    {"VMRESUME", 3, user, 0},
    {"VMRESUME", 4, no_vmcs, 0},
    {"VMRESUME", 5, shadow_vmcs, 0},
    {"VMRESUME", 6, mov_ss, 0},
    {"VMRESUME", 7, other_launch_state, 0},
    {"VMRESUME", 8, bad_controls, 0},
    {"VMRESUME", 9, bad_executive_vmcs, 0},
    {"VMRESUME", 10, bad_host, 0},
    {"VMRESUME", 11, bad_guest, 0},
    {"VMRESUME", 12, bad_msr, 0},
    {"VMRESUME", 13, good, 0},
    {"VMREAD", 1, off, 0},
    {"VMREAD", 1, virtual_8086, 0},
    {"VMREAD", 2, guest, 0},
    {"VMREAD", 2, shadowing_guest_selected, 0},
    {"VMREAD", 2, shadowing_guest_high_bit, 0},
    {"VMREAD", 3, user, 0},
    {"VMREAD", 3, shadowing_guest_user, 0},
    {"VMREAD", 4, no_vmcs_not_mapped, 0},
    {"VMREAD", 4, shadowing_guest_no_link, 0},
    {"VMREAD", 5, no_field, 0},
    {"VMREAD", 5, field_beyond_32_bits, 0},
    {"VMREAD", 5, rbx_not_mapped_no_field, 0},
    {"VMREAD", 5, shadowing_guest_no_field, 0},
    {"VMREAD", 6, rbx_not_mapped, VMX_PF},
    {"VMREAD", 6, shadowing_guest_not_mapped, VMX_PF},
    {"VMREAD", 7, good, 0},
    {"VMREAD", 7, shadowing_guest, 0},
    {"VMWRITE", 1, off, 0},
    {"VMWRITE", 1, compatibility, 0},
    {"VMWRITE", 2, guest, 0},
    {"VMWRITE", 2, shadowing_guest_selected, 0},
    {"VMWRITE", 2, shadowing_guest_high_bit, 0},
    {"VMWRITE", 3, user, 0},
    {"VMWRITE", 3, shadowing_guest_user, 0},
    {"VMWRITE", 4, no_vmcs_not_mapped, 0},
    {"VMWRITE", 4, shadowing_guest_no_link, 0},
    {"VMWRITE", 5, rbx_not_mapped, VMX_PF},
    {"VMWRITE", 5, rbx_not_mapped_no_field, VMX_PF},
    {"VMWRITE", 5, shadowing_guest_not_mapped, VMX_PF},
    {"VMWRITE", 6, no_field, 0},
    {"VMWRITE", 6, field_beyond_32_bits, 0},
    {"VMWRITE", 6, shadowing_guest_no_field, 0},
    {"VMWRITE", 7, read_only, 0},
    {"VMWRITE", 8, good, 0},
    {"VMWRITE", 8, shadowing_guest, 0},
    {"INVEPT", 1, not_supported, 0},
    {"INVEPT", 1, off, 0},
    {"INVEPT", 1, real_mode, 0},
    {"INVEPT", 2, guest, 0},
    {"INVEPT", 3, user, 0},
    {"INVEPT", 4, type_not_offered, 0},
    {"INVEPT", 4, no_such_type, 0},
    {"INVEPT", 5, not_mapped, VMX_PF},
    {"INVEPT", 5, not_canonical, VMX_GP},
    {"INVEPT", 6, bad_eptp, 0},
    {"INVEPT", 7, good, 0},
    {"INVVPID", 1, not_supported, 0},
    {"INVVPID", 1, off, 0},
    {"INVVPID", 1, virtual_8086, 0},
    {"INVVPID", 2, guest, 0},
    {"INVVPID", 3, user, 0},
    {"INVVPID", 4, type_not_offered, 0},
    {"INVVPID", 4, no_such_type, 0},
    {"INVVPID", 5, not_mapped, VMX_PF},
    {"INVVPID", 5, not_canonical, VMX_GP},
    {"INVVPID", 6, vpid_wide, 0},
    {"INVVPID", 7, vpid_0, 0},
    {"INVVPID", 7, vpid_0_single, 0},
    {"INVVPID", 7, vpid_0_keep_global, 0},
    {"INVVPID", 8, vpid_address_not_canonical, 0},
    {"INVVPID", 9, good, 0},
    {"VMCALL", 1, off, 0},
    {"VMCALL", 2, guest, 0},
    {"VMCALL", 3, virtual_8086, 0},
    {"VMCALL", 3, compatibility, 0},
    {"VMCALL", 4, user, 0},
    {"VMCALL", 5, good, 0},
    {"VMCALL", 5, in_smm, 0},
    {"VMFUNC", 1, leave_guest, 0},
    {"VMFUNC", 1, vmfunc_disabled, 0},
    {"VMFUNC", 1, vmfunc_64, 0},
    {"VMFUNC", 2, vmfunc_1, 0},
    {"VMFUNC", 3, eptp_512, 0},
    {"VMFUNC", 4, eptp_list_bad, 0},
    {"VMFUNC", 5, good, 0},
    {"VMFUNC", 5, user, 0},
};
enum { CASES = sizeof cases / sizeof cases[0], INSTRUCTIONS = sizeof instructions / sizeof instructions[0] };

static const struct vmx_instruction_check_row *row_of(const struct check_case *c)
{
    for (unsigned i = 0; i < vmx_instruction_check_count; i++)
        if (strcmp(vmx_instruction_checks[i].instruction, c->instruction) == 0 && vmx_instruction_checks[i].step == c->step)
            return &vmx_instruction_checks[i];
    return NULL;
}

static const struct instruction *instruction_of(const struct check_case *c)
{
    for (unsigned i = 0; i < INSTRUCTIONS; i++)
        if (strcmp(instructions[i].name, c->instruction) == 0)
            return &instructions[i];
    return NULL;
}

static bool unchanged(const struct vmx_state *before)
{
    return m.cpu.state.rip == before->rip && m.cpu.state.rflags == before->rflags;
}

static bool ends_as(const struct vmx_instruction_check_row *row, const struct vmx_outcome *o, const struct check_case *c,
                    const struct vmx_state *before, unsigned length)
{
    const bool retired = m.cpu.state.rip == before->rip + length;
    switch (row->outcome) {
    case VMX_STEP_UD:
        return is_fault(o, VMX_UD) && unchanged(before);
    case VMX_STEP_GP:
        return is_fault(o, VMX_GP) && o->event.has_error_code && o->event.error_code == 0 && unchanged(before);
    case VMX_STEP_OPERAND_FAULT:
        return is_fault(o, c->vector) && unchanged(before);
    case VMX_STEP_EXIT:
        return is_exit(o, row->number) && unchanged(before);
    case VMX_STEP_FAIL:
    case VMX_STEP_FAIL_VALID:
        return m.cpu.current_vmcs == VMX_NO_VMCS ? fails_invalid(o) && retired : fails_valid(o, row->number) && retired;
    case VMX_STEP_FAIL_INVALID:
        return fails_invalid(o) && retired;
    case VMX_STEP_ENTRY_FAILURE:
        return is_done(o) && m.cpu.operation == VMX_OPERATION_ROOT && m.cpu.state.rip == vmcs_get(&m.vmcs, VMCS_HOST_RIP) &&
               vmcs_get(&m.vmcs, VMCS_VM_EXIT_REASON) == (row->number | VMX_REASON_FAILED_VMENTRY);
    case VMX_STEP_SUCCEED:
        return succeeds(o) && retired;
    case VMX_STEP_ENTER:
        return is_done(o) && m.cpu.operation == VMX_OPERATION_NON_ROOT && m.cpu.state.rip == vmcs_get(&m.vmcs, VMCS_GUEST_RIP) &&
               m.vmcs.launched == 1 && o->changed == VMX_GROUP_ALL;
    case VMX_STEP_RETIRE:
        return is_done(o) && retired && m.cpu.state.rflags == before->rflags;
    }
    return false;
}

static void run_case(const struct check_case *c, bool without_vmcs)
{
    const struct vmx_instruction_check_row *const row = row_of(c);
    const struct instruction *const instruction = instruction_of(c);
    CU_ASSERT_PTR_NOT_NULL_FATAL(row);
    CU_ASSERT_PTR_NOT_NULL_FATAL(instruction);
    CU_ASSERT_PTR_NULL(row->not_modelled);
    root_software();
    instruction->arrange();
    c->arrange();
    if (without_vmcs)
        no_vmcs();
    const struct vmx_state before = m.cpu.state;
    const struct vmx_outcome o = step_bytes(&m, instruction->bytes, instruction->size);
    const bool ok = ends_as(row, &o, c, &before, instruction->size);
    if (!ok)
        printf("\n%s step %u (case %u): kind %d, reason %u, vector %u, flags %llx, error %llu\n", c->instruction, c->step, (unsigned)(c - cases),
               (int)o.kind, o.exit.reason, o.event.vector, (unsigned long long)(m.cpu.state.rflags & VMX_RFLAGS_ARITHMETIC),
               (unsigned long long)vmcs_get(&m.vmcs, VMCS_VM_INSTRUCTION_ERROR));
    CU_ASSERT(ok);
}

static void each_condition_ends_as_its_row_says(void)
{
    for (unsigned k = 0; k < CASES; k++)
        run_case(&cases[k], false);
}

static void vmfail_is_vmfailinvalid_without_a_current_vmcs(void)
{
    for (unsigned k = 0; k < CASES; k++)
        if (row_of(&cases[k])->outcome == VMX_STEP_FAIL)
            run_case(&cases[k], true);
}

static void every_row_has_a_case_or_is_not_modelled(void)
{
    for (unsigned i = 0; i < vmx_instruction_check_count; i++) {
        const struct vmx_instruction_check_row *const row = &vmx_instruction_checks[i];
        unsigned found = 0;
        for (unsigned k = 0; k < CASES; k++)
            found += row_of(&cases[k]) == row;
        if (row->not_modelled == NULL && found == 0)
            printf("\nno case for %s step %u: %s\n", row->instruction, row->step, row->condition);
        CU_ASSERT(row->not_modelled != NULL ? found == 0 && row->not_modelled[0] != '\0' : found != 0);
    }
    CU_ASSERT_EQUAL(vmx_instruction_check_count, 112);
}

static void steps_of_an_instruction_count_from_1(void)
{
    for (unsigned i = 0; i < vmx_instruction_check_count; i++) {
        const struct vmx_instruction_check_row *const row = &vmx_instruction_checks[i];
        const bool first = i == 0 || strcmp(row->instruction, row[-1].instruction) != 0;
        CU_ASSERT_EQUAL(row->step, first ? 1 : row[-1].step + 1);
        CU_ASSERT(row->condition[0] != '\0');
    }
}

/* An error number comes from a step of an instruction or from a rule of VM entry. */
static void every_error_number_has_an_origin(void)
{
    for (unsigned e = 0; e < vmx_instruction_error_count; e++) {
        const unsigned number = vmx_instruction_errors[e].number;
        bool found = false;
        for (unsigned i = 0; i < vmx_instruction_check_count; i++) {
            const struct vmx_instruction_check_row *const row = &vmx_instruction_checks[i];
            found |= (row->outcome == VMX_STEP_FAIL || row->outcome == VMX_STEP_FAIL_VALID) && row->number == number;
        }
        for (unsigned k = 1; k < VMX_CHECK_COUNT; k++)
            found |= vmx_check_rows[k].outcome == VMX_CHECK_FAIL_VALID && vmx_check_rows[k].number == number;
        if (!found)
            printf("\nerror %u comes from nowhere\n", number);
        CU_ASSERT(found);
    }
}

SUITE("vmx-model/vmx_instruction_checks", {"each_condition_ends_as_its_row_says", each_condition_ends_as_its_row_says},
      {"vmfail_is_vmfailinvalid_without_a_current_vmcs", vmfail_is_vmfailinvalid_without_a_current_vmcs},
      {"every_row_has_a_case_or_is_not_modelled", every_row_has_a_case_or_is_not_modelled},
      {"steps_of_an_instruction_count_from_1", steps_of_an_instruction_count_from_1},
      {"every_error_number_has_an_origin", every_error_number_has_an_origin})

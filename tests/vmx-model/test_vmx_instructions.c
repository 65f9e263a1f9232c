/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What VMX instructions do: VMCS data and its region, fields and their widths, shadow VMCSs, entries by code, translations that are to be forgotten. */
#include "root_software.h"
#include "tests/support/suite.h"

static uint64_t encoding(enum vmcs_field field)
{
    return vmcs_fields[field].encoding;
}

/* VMPTRLD, VMCLEAR or VMXON of a region; true: VMsucceed. */
#define ON_REGION(text, region) on_region(text, sizeof(text) - 1, region)
static bool on_region(const char *bytes, unsigned size, hpa_t region)
{
    m.cpu.state.gpr[VMX_RAX] = OPERAND;
    put64(OPERAND, region);
    const struct vmx_outcome o = step_bytes(&m, bytes, size);
    return succeeds(&o);
}

static bool writes(uint64_t field, uint64_t value)
{
    m.cpu.state.gpr[VMX_RAX] = field;
    m.cpu.state.gpr[VMX_RBX] = value;
    const struct vmx_outcome o = STEP(&m, VMWRITE_RBX);
    return succeeds(&o);
}

/* VMREAD of a field that exists; all ones when it fails. */
static uint64_t reads(uint64_t field)
{
    m.cpu.state.gpr[VMX_RAX] = field;
    m.cpu.state.gpr[VMX_RBX] = 0x5555555555555555;
    const struct vmx_outcome o = STEP(&m, VMREAD_RBX);
    return succeeds(&o) ? m.cpu.state.gpr[VMX_RBX] : UINT64_MAX;
}

static void vmx_operation_begins_and_ends(void)
{
    root_software();
    m.cpu.operation = VMX_OPERATION_OFF;
    m.cpu.vmcs = NULL;
    m.cpu.current_vmcs = m.cpu.vmxon_region = VMX_NO_VMCS;
    m.cpu.monitor_armed = true;
    CU_ASSERT(ON_REGION(VMXON, OTHER_VMXON));
    CU_ASSERT_EQUAL(m.cpu.operation, VMX_OPERATION_ROOT);
    CU_ASSERT_EQUAL(m.cpu.vmxon_region, OTHER_VMXON);
    CU_ASSERT_EQUAL(m.cpu.current_vmcs, VMX_NO_VMCS);
    CU_ASSERT(!m.cpu.monitor_armed);
    m.cpu.pending.init = true;
    struct vmx_outcome o = vmx_boundary(&m.cpu);
    CU_ASSERT(is_run(&o) && m.cpu.pending.init);

    CU_ASSERT(ON_REGION(VMPTRLD, OTHER_VMCS));
    CU_ASSERT(writes(encoding(VMCS_GUEST_RIP), 0x4321));
    m.cpu.monitor_armed = true;
    o = STEP(&m, VMXOFF);
    CU_ASSERT(succeeds(&o));
    CU_ASSERT_EQUAL(m.cpu.operation, VMX_OPERATION_OFF);
    CU_ASSERT_EQUAL(m.cpu.vmxon_region, VMX_NO_VMCS);
    CU_ASSERT_EQUAL(m.cpu.current_vmcs, VMX_NO_VMCS);
    CU_ASSERT_PTR_NULL(m.cpu.vmcs);
    CU_ASSERT(!m.cpu.monitor_armed);
    CU_ASSERT(ON_REGION(VMXON, OTHER_VMXON));
    CU_ASSERT(ON_REGION(VMPTRLD, OTHER_VMCS));
    CU_ASSERT_EQUAL(reads(encoding(VMCS_GUEST_RIP)), 0x4321);
}

static void vmcs_data_lives_in_its_region(void)
{
    root_software();
    CU_ASSERT(ON_REGION(VMPTRLD, OTHER_VMCS));
    CU_ASSERT_EQUAL(m.cpu.current_vmcs, OTHER_VMCS);
    CU_ASSERT(writes(encoding(VMCS_GUEST_RIP), 0x1111222233334444));
    CU_ASSERT(writes(encoding(VMCS_GUEST_ES_SELECTOR), 0xabcd0010));
    CU_ASSERT(ON_REGION(VMCLEAR, OTHER_VMCS));
    CU_ASSERT_EQUAL(m.cpu.current_vmcs, VMX_NO_VMCS);
    CU_ASSERT_PTR_NULL(m.cpu.vmcs);

    CU_ASSERT(ON_REGION(VMPTRLD, VALID_VMCS));
    CU_ASSERT_EQUAL(reads(encoding(VMCS_GUEST_RIP)), 0x1000);
    CU_ASSERT(writes(encoding(VMCS_GUEST_RIP), 0x77));
    CU_ASSERT(ON_REGION(VMPTRLD, OTHER_VMCS)); /* without VMCLEAR: the data of the other is kept too */
    CU_ASSERT_EQUAL(reads(encoding(VMCS_GUEST_RIP)), 0x1111222233334444);
    CU_ASSERT_EQUAL(reads(encoding(VMCS_GUEST_ES_SELECTOR)), 0x10);
    CU_ASSERT(ON_REGION(VMPTRLD, VALID_VMCS));
    CU_ASSERT_EQUAL(reads(encoding(VMCS_GUEST_RIP)), 0x77);
}

static void the_data_of_the_current_vmcs_is_the_processors(void)
{
    root_software();
    CU_ASSERT(ON_REGION(VMPTRLD, OTHER_VMCS));
    CU_ASSERT(writes(encoding(VMCS_GUEST_RIP), 0x1234));
    memset(m.memory + OTHER_VMCS + 8, 0xee, 4088);
    CU_ASSERT(ON_REGION(VMPTRLD, OTHER_VMCS));
    CU_ASSERT_EQUAL(reads(encoding(VMCS_GUEST_RIP)), 0x1234);
    CU_ASSERT(ON_REGION(VMCLEAR, OTHER_VMCS));
    CU_ASSERT(ON_REGION(VMPTRLD, OTHER_VMCS));
    CU_ASSERT_EQUAL(reads(encoding(VMCS_GUEST_RIP)), 0x1234);
}

static void a_region_of_any_bytes_gives_fields_of_their_widths(void)
{
    root_software();
    memset(m.memory + OTHER_VMCS + 8, 0xff, 4088);
    CU_ASSERT(ON_REGION(VMPTRLD, OTHER_VMCS));
    CU_ASSERT_EQUAL(reads(encoding(VMCS_GUEST_ES_SELECTOR)), 0xffff);
    CU_ASSERT_EQUAL(reads(encoding(VMCS_GUEST_ES_LIMIT)), 0xffffffff);
    CU_ASSERT_EQUAL(m.vmcs.launched, 1);
    CU_ASSERT_EQUAL(m.vmcs.unchecked, VMCS_GROUP_ALL);
    CU_ASSERT_EQUAL(m.vmcs.checked_for, 0);
}

static void the_first_word_of_a_region_is_softwares(void)
{
    root_software();
    CU_ASSERT(ON_REGION(VMPTRLD, OTHER_VMCS));
    put32(OTHER_VMCS, revision() | UINT32_C(1) << 31);
    CU_ASSERT(ON_REGION(VMCLEAR, OTHER_VMCS));
    CU_ASSERT_EQUAL(get32(OTHER_VMCS), revision() | UINT32_C(1) << 31);
}

static void vmclear_sets_the_launch_state_wherever_the_vmcs_is(void)
{
    root_software();
    struct vmx_outcome o = STEP(&m, VMLAUNCH);
    CU_ASSERT_EQUAL(m.cpu.operation, VMX_OPERATION_NON_ROOT);
    o = STEP(&m, VMCALL);
    CU_ASSERT(is_exit(&o, VMX_EXIT_VMCALL));
    CU_ASSERT_EQUAL(vmx_exit(&m.cpu, &o.exit, VMX_GROUP_ALL), 0);
    CU_ASSERT(ON_REGION(VMPTRLD, OTHER_VMCS)); /* "launched" goes with the data */
    CU_ASSERT(ON_REGION(VMPTRLD, VALID_VMCS));
    o = STEP(&m, VMLAUNCH);
    CU_ASSERT(fails_valid(&o, 4));
    CU_ASSERT(ON_REGION(VMCLEAR, VALID_VMCS));
    CU_ASSERT(ON_REGION(VMPTRLD, VALID_VMCS));
    o = STEP(&m, VMRESUME);
    CU_ASSERT(fails_valid(&o, 5));
    m.vmcs.launched = 1;
    CU_ASSERT(ON_REGION(VMPTRLD, OTHER_VMCS));
    CU_ASSERT(ON_REGION(VMCLEAR, VALID_VMCS));
    CU_ASSERT_EQUAL(m.cpu.current_vmcs, OTHER_VMCS);
    CU_ASSERT(ON_REGION(VMPTRLD, VALID_VMCS));
    o = STEP(&m, VMLAUNCH);
    CU_ASSERT(is_done(&o) && m.cpu.operation == VMX_OPERATION_NON_ROOT);
}

static void vmptrst_stores_the_pointer(void)
{
    root_software();
    struct vmx_outcome o = STEP(&m, VMPTRST);
    CU_ASSERT(succeeds(&o));
    CU_ASSERT_EQUAL(get64(OPERAND), VALID_VMCS);
    CU_ASSERT(ON_REGION(VMCLEAR, VALID_VMCS));
    o = STEP(&m, VMPTRST);
    CU_ASSERT(succeeds(&o));
    CU_ASSERT_EQUAL(get64(OPERAND), UINT64_MAX);
}

static void fields_move_through_memory_operands(void)
{
    root_software();
    m.cpu.state.gpr[VMX_RAX] = encoding(VMCS_GUEST_RIP);
    put64(OPERAND, 0x8877665544332211);
    struct vmx_outcome o = STEP(&m, VMWRITE);
    CU_ASSERT(succeeds(&o));
    CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, VMCS_GUEST_RIP), 0x8877665544332211);
    m.cpu.state.gpr[VMX_RAX] = encoding(VMCS_GUEST_RIP);
    put64(OPERAND, 0);
    o = STEP(&m, VMREAD);
    CU_ASSERT(succeeds(&o));
    CU_ASSERT_EQUAL(get64(OPERAND), 0x8877665544332211);
}

static void the_high_half_of_a_64_bit_field_has_its_own_encoding(void)
{
    root_software();
    CU_ASSERT(writes(encoding(VMCS_TSC_OFFSET), 0x1122334455667788));
    CU_ASSERT_EQUAL(reads(encoding(VMCS_TSC_OFFSET) + 1), 0x11223344);
    CU_ASSERT(writes(encoding(VMCS_TSC_OFFSET) + 1, 0xddccbbaa99));
    CU_ASSERT_EQUAL(reads(encoding(VMCS_TSC_OFFSET)), 0xccbbaa9955667788);
}

/* Root software in 32-bit protected mode without paging. */
static void root_software_32(void)
{
    root_software();
    struct vmx_state *const s = &m.cpu.state;
    s->efer = 0;
    s->cr0 &= ~VMX_CR0_PG;
    s->seg[VMX_CS].access_rights = 0xc09b;
    s->seg[VMX_DS] = (struct vmx_segment){.selector = 0x10, .limit = UINT32_MAX, .access_rights = 0xc093};
}

static void operands_are_32_bits_outside_64_bit_mode(void)
{
    root_software_32();
    struct vmx_state *const s = &m.cpu.state;
    vmcs_set(&m.vmcs, VMCS_GUEST_RIP, 0x1111111122222222);
    CU_ASSERT_EQUAL(reads(encoding(VMCS_GUEST_RIP)), 0x22222222);
    CU_ASSERT_EQUAL(reads(VMX_BIT(32) | encoding(VMCS_GUEST_RIP)), 0x22222222);
    CU_ASSERT(writes(encoding(VMCS_GUEST_RIP), 0x9999999912345678));
    CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, VMCS_GUEST_RIP), 0x12345678);
    vmcs_set(&m.vmcs, VMCS_TSC_OFFSET, UINT64_MAX);
    CU_ASSERT(writes(encoding(VMCS_TSC_OFFSET), 5));
    CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, VMCS_TSC_OFFSET), 5);
    CU_ASSERT(writes(encoding(VMCS_TSC_OFFSET) + 1, 7));
    CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, VMCS_TSC_OFFSET), UINT64_C(7) << 32 | 5);

    s->gpr[VMX_RAX] = encoding(VMCS_GUEST_RIP);
    s->gpr[VMX_RBX] = OPERAND;
    put64(OPERAND, UINT64_MAX);
    struct vmx_outcome o = STEP(&m, VMREAD);
    CU_ASSERT(succeeds(&o));
    CU_ASSERT_EQUAL(get64(OPERAND), 0xffffffff12345678);
    CU_ASSERT(ON_REGION(VMPTRLD, OTHER_VMCS)); /* addresses have 64 bits all the same */
    put64(OPERAND, VMX_BIT(m.caps.physical_bits) | VALID_VMCS);
    o = STEP(&m, VMPTRLD);
    CU_ASSERT(fails_valid(&o, 9));
}

static void segments_guard_operands_outside_64_bit_mode(void)
{
    root_software_32();
    m.cpu.state.seg[VMX_DS].limit = OPERAND + 6;
    put64(OPERAND, OTHER_VMCS);
    struct vmx_outcome o = STEP(&m, VMPTRLD);
    CU_ASSERT(is_fault(&o, VMX_GP));
    m.cpu.state.seg[VMX_DS].limit++;
    o = STEP(&m, VMPTRLD);
    CU_ASSERT(succeeds(&o));
    m.cpu.state.seg[VMX_DS].access_rights = 0xc091; /* read-only data */
    o = STEP(&m, VMPTRST);
    CU_ASSERT(is_fault(&o, VMX_GP));
    m.cpu.state.seg[VMX_SS].limit = 0xfff;
    o = STEP(&m, "\x36\x0f\xc7\x30"); /* VMPTRLD ss:[eax] */
    CU_ASSERT(is_fault(&o, VMX_SS_FAULT));
}

static void a_shadow_vmcs_is_read_and_written_in_non_root_operation(void)
{
    root_software();
    CU_ASSERT(ON_REGION(VMPTRLD, VALID_LINK)); /* its revision identifier says that it is a shadow VMCS */
    CU_ASSERT(writes(encoding(VMCS_GUEST_RIP), 0xaaaa));
    CU_ASSERT_EQUAL(reads(encoding(VMCS_GUEST_RIP)), 0xaaaa);
    struct vmx_outcome o = STEP(&m, VMLAUNCH);
    CU_ASSERT(fails_invalid(&o));
    CU_ASSERT(ON_REGION(VMCLEAR, VALID_LINK));

    CU_ASSERT(ON_REGION(VMPTRLD, VALID_VMCS));
    vmcs_set(&m.vmcs, VMCS_VMREAD_BITMAP, READ_BITMAP);
    vmcs_set(&m.vmcs, VMCS_VMWRITE_BITMAP, WRITE_BITMAP);
    vmcs_set(&m.vmcs, VMCS_VMCS_LINK_POINTER, VALID_LINK);
    enter_guest(VMX_SEC_VMCS_SHADOWING);
    CU_ASSERT_EQUAL(m.cpu.operation, VMX_OPERATION_NON_ROOT);
    CU_ASSERT_EQUAL(reads(encoding(VMCS_GUEST_RIP)), 0xaaaa);
    CU_ASSERT(writes(encoding(VMCS_GUEST_RIP), 0xbbbb));
    CU_ASSERT_EQUAL(reads(encoding(VMCS_GUEST_RIP)), 0xbbbb);
    CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, VMCS_GUEST_RIP), 0x1000);
    m.cpu.state.gpr[VMX_RAX] = 0x7ffe;
    o = STEP(&m, VMREAD_RBX);
    CU_ASSERT(fails_valid(&o, 12));                                 /* in the current VMCS ... */
    CU_ASSERT_EQUAL(reads(encoding(VMCS_VM_INSTRUCTION_ERROR)), 0); /* ... not in the shadow VMCS */

    o = STEP(&m, VMCALL);
    CU_ASSERT_EQUAL(vmx_exit(&m.cpu, &o.exit, VMX_GROUP_ALL), 0);
    CU_ASSERT(ON_REGION(VMPTRLD, VALID_LINK));
    CU_ASSERT_EQUAL(reads(encoding(VMCS_GUEST_RIP)), 0xbbbb);
}

static void vmwrite_of_exit_information_needs_a_capability(void)
{
    root_software();
    m.caps.misc |= VMX_MISC_VMWRITE_ANY;
    CU_ASSERT(writes(encoding(VMCS_VM_EXIT_REASON), 30));
    CU_ASSERT_EQUAL(reads(encoding(VMCS_VM_EXIT_REASON)), 30);
    m.caps.misc &= ~VMX_MISC_VMWRITE_ANY;
    CU_ASSERT(!writes(encoding(VMCS_VM_EXIT_REASON), 31));
    CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, VMCS_VM_INSTRUCTION_ERROR), 13);
    CU_ASSERT_EQUAL(reads(encoding(VMCS_VM_EXIT_REASON)), 30);
}

static void eptp_switching_writes_the_eptp_and_its_index(void)
{
    const uint64_t other = OTHER_VMCS | 3 << 3 | 6;
    root_software();
    vmcs_set(&m.vmcs, VMCS_VM_FUNCTION_CONTROL, 1);
    vmcs_set(&m.vmcs, VMCS_EPTP_LIST_ADDRESS, EPTP_LIST);
    put64(EPTP_LIST + 8 * 511, other);
    enter_guest(VMX_SEC_ENABLE_EPT | VMX_SEC_ENABLE_VMFUNC);
    set_cpl(&m, 3);
    m.cpu.state.gpr[VMX_RAX] = UINT64_C(0xffffffff00000000); /* EAX alone counts, and ECX */
    m.cpu.state.gpr[VMX_RCX] = UINT64_C(0xffffffff00000000) | 511;
    m.cpu.state.rflags |= VMX_RFLAGS_ARITHMETIC;
    const struct vmx_outcome o = STEP(&m, VMFUNC);
    CU_ASSERT(is_done(&o) && flags_are(VMX_RFLAGS_ARITHMETIC));
    CU_ASSERT_EQUAL(o.flush.conditions, 0); /* the tags tell the two EPTPs apart */
    CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, VMCS_EPT_POINTER), other);
    CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, VMCS_EPTP_INDEX), 511);
}

static void invalidations_name_what_is_to_be_forgotten(void)
{
    static const struct {
        const char *bytes;
        uint64_t type, descriptor[2];
        struct vmx_flush flush;
    } rows[] = {
        {INVEPT, 1, {GOOD_EPTP, 0}, {.conditions = VMX_FLUSH_ANY | VMX_FLUSH_EPT | VMX_FLUSH_EP4TA, .ep4ta = VALID_EPT}},
        {INVEPT, 2, {UINT64_MAX, 0}, {.conditions = VMX_FLUSH_ANY | VMX_FLUSH_EPT}},
        {INVVPID, 0, {1, 0x7000}, {.conditions = VMX_FLUSH_ANY | VMX_FLUSH_VPID | VMX_FLUSH_LINEAR, .vpid = 1, .linear = 0x7000}},
        {INVVPID, 1, {1, NOT_CANONICAL}, {.conditions = VMX_FLUSH_ANY | VMX_FLUSH_VPID, .vpid = 1}},
        {INVVPID, 2, {0, NOT_CANONICAL}, {.conditions = VMX_FLUSH_ANY | VMX_FLUSH_NOT_VPID_0}},
        {INVVPID, 3, {0xffff, 0}, {.conditions = VMX_FLUSH_ANY | VMX_FLUSH_VPID | VMX_FLUSH_NOT_GLOBAL, .vpid = 0xffff}},
        {INVEPT, 1, {GOOD_EPTP | 1, 0}, {0}},
        {INVEPT, 0, {GOOD_EPTP, 0}, {0}},
        {INVVPID, 2, {0x10000, 0}, {0}},
        {INVVPID, 4, {1, 0}, {0}},
    };
    for (unsigned k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        root_software();
        m.cpu.state.gpr[VMX_RCX] = rows[k].type;
        memcpy(m.memory + OPERAND, rows[k].descriptor, sizeof rows[k].descriptor);
        const struct vmx_outcome o = step_bytes(&m, rows[k].bytes, sizeof(INVEPT) - 1);
        const struct vmx_flush *wanted = &rows[k].flush;
        CU_ASSERT(wanted->conditions == 0 ? fails_valid(&o, 28) : succeeds(&o));
        CU_ASSERT(o.flush.conditions == wanted->conditions && o.flush.vpid == wanted->vpid && o.flush.pcid == 0 && o.flush.ep4ta == wanted->ep4ta &&
                  o.flush.linear == wanted->linear);
    }
}

static void an_injected_event_is_delivered_by_the_entry(void)
{
    enum { VECTOR = 0x30, HANDLER = 0x2222, STACK = 0xa000 };
    root_software();
    put64(8, UINT64_C(0x00209b0000000000));                         /* selector 8 of the table at 0: 64-bit code */
    put64(16 * VECTOR, UINT64_C(0x8e00) << 32 | 8 << 16 | HANDLER); /* interrupt gate */
    vmcs_set(&m.vmcs, VMCS_GUEST_RSP, STACK);
    vmcs_set(&m.vmcs, VMCS_GUEST_RFLAGS, VMX_RFLAGS_FIXED_1 | VMX_RFLAGS_IF);
    vmcs_set(&m.vmcs, VMCS_VM_ENTRY_INTR_INFO_FIELD, UINT32_C(1) << 31 | VECTOR);
    struct vmx_outcome o = STEP(&m, VMLAUNCH);
    CU_ASSERT(is_done(&o));
    CU_ASSERT_EQUAL(o.changed, VMX_GROUP_ALL);
    CU_ASSERT_EQUAL(m.cpu.operation, VMX_OPERATION_NON_ROOT);
    CU_ASSERT_EQUAL(m.cpu.state.rip, HANDLER);
    CU_ASSERT_EQUAL(get64(m.cpu.state.gpr[VMX_RSP]), 0x1000); /* the guest's RIP */

    root_software(); /* without a descriptor table the delivery ends in a triple fault, an exit */
    vmcs_set(&m.vmcs, VMCS_GUEST_RFLAGS, VMX_RFLAGS_FIXED_1 | VMX_RFLAGS_IF);
    vmcs_set(&m.vmcs, VMCS_VM_ENTRY_INTR_INFO_FIELD, UINT32_C(1) << 31 | VECTOR);
    o = STEP(&m, VMLAUNCH);
    CU_ASSERT(is_exit(&o, VMX_EXIT_TRIPLE_FAULT));
    CU_ASSERT_EQUAL(m.cpu.operation, VMX_OPERATION_NON_ROOT);
}

static void a_vmx_abort_is_noted_in_the_region(void)
{
    root_software();
    vmcs_set(&m.vmcs, VMCS_GUEST_RFLAGS, 0);
    vmcs_set(&m.vmcs, VMCS_VM_EXIT_MSR_LOAD_COUNT, 1);
    vmcs_set(&m.vmcs, VMCS_VM_EXIT_MSR_LOAD_ADDR, MSR_LIST);
    put64(MSR_LIST, VMX_MSR_FS_BASE);
    const struct vmx_outcome o = STEP(&m, VMLAUNCH);
    CU_ASSERT_EQUAL(o.kind, VMX_OUTCOME_SHUTDOWN);
    CU_ASSERT_EQUAL(o.abort, 4);
    CU_ASSERT_EQUAL(get32(VALID_VMCS + 4), 4);
}

static void without_room_for_the_vmcs_they_are_left_to_the_caller(void)
{
    static const struct {
        const char *bytes;
        unsigned size;
    } rows[] = {{VMXOFF, 3}, {VMCLEAR, 4}, {VMPTRLD, 3}, {VMPTRST, 3}, {VMLAUNCH, 3}, {VMRESUME, 3},
                {VMREAD, 3}, {VMWRITE, 3}, {INVEPT, 5},  {INVVPID, 5}, {VMCALL, 3},   {VMXON, 4}};
    for (unsigned k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        root_software();
        m.cpu.vmcs_cache = NULL;
        const struct vmx_outcome o = step_bytes(&m, rows[k].bytes, rows[k].size);
        CU_ASSERT(is_run(&o));
        CU_ASSERT_EQUAL(m.cpu.state.rip, 0x1234);
    }
}

SUITE("vmx-model/vmx_instructions", {"vmx_operation_begins_and_ends", vmx_operation_begins_and_ends},
      {"vmcs_data_lives_in_its_region", vmcs_data_lives_in_its_region},
      {"the_data_of_the_current_vmcs_is_the_processors", the_data_of_the_current_vmcs_is_the_processors},
      {"a_region_of_any_bytes_gives_fields_of_their_widths", a_region_of_any_bytes_gives_fields_of_their_widths},
      {"the_first_word_of_a_region_is_softwares", the_first_word_of_a_region_is_softwares},
      {"vmclear_sets_the_launch_state_wherever_the_vmcs_is", vmclear_sets_the_launch_state_wherever_the_vmcs_is},
      {"vmptrst_stores_the_pointer", vmptrst_stores_the_pointer}, {"fields_move_through_memory_operands", fields_move_through_memory_operands},
      {"the_high_half_of_a_64_bit_field_has_its_own_encoding", the_high_half_of_a_64_bit_field_has_its_own_encoding},
      {"operands_are_32_bits_outside_64_bit_mode", operands_are_32_bits_outside_64_bit_mode},
      {"segments_guard_operands_outside_64_bit_mode", segments_guard_operands_outside_64_bit_mode},
      {"a_shadow_vmcs_is_read_and_written_in_non_root_operation", a_shadow_vmcs_is_read_and_written_in_non_root_operation},
      {"vmwrite_of_exit_information_needs_a_capability", vmwrite_of_exit_information_needs_a_capability},
      {"eptp_switching_writes_the_eptp_and_its_index", eptp_switching_writes_the_eptp_and_its_index},
      {"invalidations_name_what_is_to_be_forgotten", invalidations_name_what_is_to_be_forgotten},
      {"an_injected_event_is_delivered_by_the_entry", an_injected_event_is_delivered_by_the_entry},
      {"a_vmx_abort_is_noted_in_the_region", a_vmx_abort_is_noted_in_the_region},
      {"without_room_for_the_vmcs_they_are_left_to_the_caller", without_room_for_the_vmcs_they_are_left_to_the_caller})

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IO_INSTRUCTION: register and string forms, REP, faults in the middle. */
#include "tests/support/guest.h"

enum { IN = 1u << 3, STRING = 1u << 4, REP = 1u << 5 };
static char printed[64];
static unsigned printed_count;

static void on_output(void *context, unsigned port, uint8_t byte)
{
    (void)context;
    if (port == 0xe9 && printed_count < sizeof(printed))
        printed[printed_count++] = (char)byte;
}

static void start(enum guest_mode mode, bool devices)
{
    struct hv_policy policy;
    hv_default_policy(&policy);
    policy.devices = devices;
    guest_start(mode, &policy);
    vm.output = on_output;
    printed_count = 0;
}

static enum hv_action io(uint16_t port, unsigned size, unsigned flags)
{
    return guest_exit(VMX_EXIT_IO_INSTRUCTION, (uint64_t)port << 16 | flags | (size - 1), 2);
}

static void without_devices_ports_read_all_ones(void)
{
    start(GUEST_LONG, false);
    bk->gpr[VMX_RAX] = 0x1122334455667788;
    (void)io(0x60, 1, IN);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RAX], 0x11223344556677ff);
    (void)io(0x60, 2, IN);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RAX], 0x112233445566ffff);
    (void)io(0x60, 4, IN);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RAX], 0xffffffff);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RIP], 0x1006);
}

static void out_reaches_the_console(void)
{
    start(GUEST_LONG, true);
    bk->gpr[VMX_RAX] = 0xffffff00 | 'A';
    (void)io(0xe9, 1, 0);
    CU_ASSERT_EQUAL(printed_count, 1);
    CU_ASSERT_EQUAL(printed[0], 'A');
}

static void rep_outs_writes_every_element(void)
{
    start(GUEST_PROTECTED, true);
    bk->field[VMCS_GUEST_DS_BASE] = 0x2000;
    bk->field[VMCS_VMX_INSTRUCTION_INFO] = 1u << 7 | (uint32_t)VMX_DS << 15;
    guest_put(0x3000, "hello", 5);
    bk->gpr[VMX_RSI] = 0x1000;
    bk->gpr[VMX_RCX] = 5;
    (void)io(0xe9, 1, STRING | REP);
    CU_ASSERT_EQUAL(printed_count, 5);
    CU_ASSERT_EQUAL(printed[4], 'o');
    CU_ASSERT_EQUAL(bk->gpr[VMX_RSI], 0x1005);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RCX], 0);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RIP], 0x1002);
}

static void ins_goes_down_with_the_direction_flag(void)
{
    start(GUEST_REAL, false);
    bk->field[VMCS_GUEST_RFLAGS] |= 1u << 10;
    bk->field[VMCS_GUEST_ES_BASE] = 0x4000;
    bk->field[VMCS_VMX_INSTRUCTION_INFO] = 0;
    bk->gpr[VMX_RDI] = 0xaaaa0010;
    bk->gpr[VMX_RCX] = 0x10002; /* CX is 2 */
    (void)io(0x100, 2, STRING | REP | IN);
    CU_ASSERT_EQUAL(guest_get(0x400e, 4), 0xffffffff);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RDI], 0xaaaa000c);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RCX], 0x10000);
}

static void a_fault_leaves_what_was_done(void)
{
    start(GUEST_PROTECTED, true);
    bk->field[VMCS_VMX_INSTRUCTION_INFO] = 1u << 7 | (uint32_t)VMX_DS << 15;
    bk->field[VMCS_GUEST_DS_LIMIT] = 0x1001;
    bk->gpr[VMX_RSI] = 0x1000;
    bk->gpr[VMX_RCX] = 4;
    (void)io(0xe9, 1, STRING | REP);
    CU_ASSERT_EQUAL(printed_count, 2);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RCX], 2);
    CU_ASSERT_EQUAL(guest_enter(), INJECT_GP);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RIP], 0x1000);
}

static void a_rep_of_nothing_is_complete(void)
{
    start(GUEST_PROTECTED, true);
    bk->field[VMCS_VMX_INSTRUCTION_INFO] = 1u << 7 | (uint32_t)VMX_DS << 15;
    bk->gpr[VMX_RCX] = 0;
    (void)io(0xe9, 1, STRING | REP);
    CU_ASSERT_EQUAL(printed_count, 0);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RIP], 0x1002);
}

static void a_long_rep_goes_on_at_the_next_exit(void)
{
    start(GUEST_PROTECTED, false);
    bk->field[VMCS_VMX_INSTRUCTION_INFO] = 1u << 7;
    bk->gpr[VMX_RDI] = 0x10000;
    bk->gpr[VMX_RCX] = 5000;
    (void)io(0x100, 1, STRING | REP | IN);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RCX], 904);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RIP], 0x1000);
    (void)io(0x100, 1, STRING | REP | IN);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RCX], 0);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RIP], 0x1002);
}

static void without_instruction_information_the_instruction_is_decoded(void)
{
    static const uint8_t outsb_fs[] = {0x64, 0x6e};
    start(GUEST_PROTECTED, true);
    machine.capability[0] = 0;
    guest_put(0x1000, outsb_fs, sizeof(outsb_fs));
    bk->field[VMCS_GUEST_FS_BASE] = 0x5000;
    guest_put(0x5000, "z", 1);
    (void)io(0xe9, 1, STRING);
    CU_ASSERT_EQUAL(printed[0], 'z');
}

static void power_off_ends_the_run(void)
{
    start(GUEST_LONG, true);
    bk->gpr[VMX_RAX] = 0xfe;
    CU_ASSERT_EQUAL(io(0x64, 1, 0), HV_POWER_OFF);
}

SUITE("handlers/io", {"without_devices_ports_read_all_ones", without_devices_ports_read_all_ones},
      {"out_reaches_the_console", out_reaches_the_console}, {"rep_outs_writes_every_element", rep_outs_writes_every_element},
      {"ins_goes_down_with_the_direction_flag", ins_goes_down_with_the_direction_flag},
      {"a_fault_leaves_what_was_done", a_fault_leaves_what_was_done}, {"a_rep_of_nothing_is_complete", a_rep_of_nothing_is_complete},
      {"a_long_rep_goes_on_at_the_next_exit", a_long_rep_goes_on_at_the_next_exit},
      {"without_instruction_information_the_instruction_is_decoded", without_instruction_information_the_instruction_is_decoded},
      {"power_off_ends_the_run", power_off_ends_the_run})

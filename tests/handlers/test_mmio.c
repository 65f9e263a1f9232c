/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instructions on device memory: decoded, done, advanced by their own length. */
#include <string.h>

#include "tests/support/guest.h"

#define LAPIC 0xfee00000u

static void start(const void *code, uint32_t size)
{
    struct hv_policy policy;
    hv_default_policy(&policy);
    policy.devices = true;
    guest_start(GUEST_PROTECTED, &policy);
    guest_put(0x1000, code, size);
    bk->field[VMCS_GUEST_PHYSICAL_ADDRESS] = LAPIC;
}

static enum hv_action run(void)
{
    bk->field[VMCS_GUEST_RFLAGS] |= 0x10000;
    return guest_exit(VMX_EXIT_EPT_VIOLATION, 0x181, 0);
}

static void moves_reach_device_registers(void)
{
    static const uint8_t store[] = {0xa3, 0x80, 0x00, 0xe0, 0xfe};           /* mov [FEE00080H], eax */
    static const uint8_t load[] = {0x8b, 0x0e};                              /* mov ecx, [esi] */
    static const uint8_t immediate[] = {0xc7, 0x06, 0x30, 0x00, 0x00, 0x00}; /* mov dword [esi], 30H */
    static const uint8_t extend[] = {0x0f, 0xb6, 0x16};                      /* movzx edx, byte [esi] */
    start(store, sizeof(store));
    bk->gpr[VMX_RAX] = 0x50;
    CU_ASSERT_EQUAL(run(), HV_RESUME);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RIP], 0x1005);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RFLAGS] & 0x10000, 0);
    bk->field[VMCS_GUEST_RIP] = 0x1000;
    bk->gpr[VMX_RSI] = LAPIC + 0x80;
    guest_put(0x1000, load, sizeof(load));
    CU_ASSERT_EQUAL(run(), HV_RESUME);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RCX], 0x50);
    guest_put(0x1002, immediate, sizeof(immediate));
    CU_ASSERT_EQUAL(run(), HV_RESUME);
    guest_put(0x1008, extend, sizeof(extend));
    bk->gpr[VMX_RDX] = UINT64_MAX;
    CU_ASSERT_EQUAL(run(), HV_RESUME);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RDX], 0x30);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RIP], 0x100b);
}

static void addresses_without_a_device_read_all_ones(void)
{
    static const uint8_t load[] = {0xa1, 0x00, 0x00, 0x00, 0xe0}; /* mov eax, [E0000000H] */
    start(load, sizeof(load));
    CU_ASSERT_EQUAL(run(), HV_RESUME);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RAX], 0xffffffff);
}

static void arithmetic_sets_flags(void)
{
    static const uint8_t code[] = {0x81, 0x0e, 0x00, 0x01, 0x00, 0x00, /* or dword [esi], 100H */
                                   0x85, 0x06,                         /* test [esi], eax */
                                   0x83, 0x3e, 0x7f,                   /* cmp dword [esi], 7FH */
                                   0x03, 0x06,                         /* add eax, [esi] */
                                   0x87, 0x06};                        /* xchg [esi], eax */
    start(code, sizeof(code));
    bk->gpr[VMX_RSI] = LAPIC + 0x380;
    CU_ASSERT_EQUAL(run(), HV_RESUME);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RFLAGS] & 0x8d5, 0x4); /* PF */
    bk->gpr[VMX_RAX] = 0x80000000;
    CU_ASSERT_EQUAL(run(), HV_RESUME);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RFLAGS] & 0x8d5, 0x44); /* ZF, PF */
    CU_ASSERT_EQUAL(run(), HV_RESUME);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RFLAGS] & 0x8d5, 0x14); /* 100H - 7FH: AF, PF */
    bk->gpr[VMX_RAX] = 0xffffff00;
    CU_ASSERT_EQUAL(run(), HV_RESUME);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RAX], 0);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RFLAGS] & 0x8d5, 0x45); /* CF, PF, ZF */
    bk->gpr[VMX_RAX] = 0x33;
    CU_ASSERT_EQUAL(run(), HV_RESUME);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RAX], 0x100);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RIP], 0x1000 + sizeof(code));
}

static void string_moves_repeat(void)
{
    static const uint8_t movs[] = {0xf3, 0xa5}; /* rep movsd */
    start(movs, sizeof(movs));
    bk->gpr[VMX_RSI] = 0xe0000000;
    bk->gpr[VMX_RDI] = 0x4000;
    bk->gpr[VMX_RCX] = 3;
    CU_ASSERT_EQUAL(run(), HV_RESUME);
    CU_ASSERT_EQUAL(guest_get(0x4008, 8), 0xffffffff);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RCX], 0);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RDI], 0x400c);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RIP], 0x1002);
}

static void a_segment_fault_is_injected(void)
{
    static const uint8_t store[] = {0x89, 0x06}; /* mov [esi], eax */
    start(store, sizeof(store));
    bk->gpr[VMX_RSI] = LAPIC;
    bk->field[VMCS_GUEST_DS_LIMIT] = 0xffff;
    CU_ASSERT_EQUAL(run(), HV_RESUME);
    CU_ASSERT_EQUAL(guest_enter(), INJECT_GP);
}

static void what_cannot_be_emulated_stops(void)
{
    static const uint8_t push[] = {0xff, 0x36}; /* push dword [esi] */
    static const uint8_t nonsense[] = {0x0f, 0xff, 0xff};
    start(push, sizeof(push));
    bk->gpr[VMX_RSI] = LAPIC;
    CU_ASSERT_EQUAL(run(), HV_STOP);
    CU_ASSERT_PTR_NOT_NULL(strstr(vcpu->stop_reason, "no emulation"));
    start(nonsense, sizeof(nonsense));
    CU_ASSERT_EQUAL(run(), HV_STOP);
}

SUITE("handlers/mmio", {"moves_reach_device_registers", moves_reach_device_registers},
      {"addresses_without_a_device_read_all_ones", addresses_without_a_device_read_all_ones}, {"arithmetic_sets_flags", arithmetic_sets_flags},
      {"string_moves_repeat", string_moves_repeat}, {"a_segment_fault_is_injected", a_segment_fault_is_injected},
      {"what_cannot_be_emulated_stops", what_cannot_be_emulated_stops})

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instructions on device memory: decoded, done, advanced by their own length. */
#include <string.h>

#include "handlers/device_access.h"
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

/* The initial count of a masked timer, 100H, through every read-modify-write. */
static void instructions_that_read_and_write_do_both(void)
{
    static const struct {
        uint8_t code[7], size;
        uint64_t eax, ecx; /* before */
        uint32_t memory, eax_after, ecx_after;
    } rows[] = {{{0xff, 0x06}, 2, 0, 0, 0x101, 0, 0},                 /* inc dword [esi] */
                {{0xff, 0x0e}, 2, 0, 0, 0xff, 0, 0},                  /* dec dword [esi] */
                {{0xf7, 0x16}, 2, 0, 0, 0xfffffeff, 0, 0},            /* not dword [esi] */
                {{0xf7, 0x1e}, 2, 0, 0, 0xffffff00, 0, 0},            /* neg dword [esi] */
                {{0x11, 0x06}, 2, 5, 0, 0x105, 5, 0},                 /* adc [esi], eax */
                {{0x81, 0x1e, 1, 0, 0, 0}, 6, 0, 0, 0xff, 0, 0},      /* sbb dword [esi], 1 */
                {{0x0f, 0xba, 0x2e, 3}, 4, 0, 0, 0x108, 0, 0},        /* bts dword [esi], 3 */
                {{0x0f, 0xb3, 0x06}, 3, 8, 0, 0, 8, 0},               /* btr [esi], eax */
                {{0x0f, 0xba, 0x3e, 8}, 4, 0, 0, 0, 0, 0},            /* btc dword [esi], 8 */
                {{0xf0, 0x0f, 0xc1, 0x06}, 4, 2, 0, 0x102, 0x100, 0}, /* lock xadd [esi], eax */
                {{0xf0, 0x0f, 0xb1, 0x0e}, 4, 0x100, 7, 7, 0x100, 7}, /* lock cmpxchg [esi], ecx: equal */
                {{0x0f, 0xb1, 0x0e}, 3, 1, 7, 0x100, 0x100, 7},       /* cmpxchg [esi], ecx: different */
                {{0x0f, 0xc3, 0x06}, 3, 9, 0, 9, 9, 0}};              /* movnti [esi], eax */
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start(rows[i].code, rows[i].size);
        hv_mmio_write(vcpu, LAPIC + 0x380, 4, 0x100);
        bk->gpr[VMX_RSI] = LAPIC + 0x380;
        bk->gpr[VMX_RAX] = rows[i].eax;
        bk->gpr[VMX_RCX] = rows[i].ecx;
        CU_ASSERT_EQUAL(run(), HV_RESUME);
        CU_ASSERT_EQUAL(hv_mmio_read(vcpu, LAPIC + 0x380, 4), rows[i].memory);
        CU_ASSERT_EQUAL(bk->gpr[VMX_RAX], rows[i].eax_after);
        CU_ASSERT_EQUAL(bk->gpr[VMX_RCX], rows[i].ecx_after);
        CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RIP], 0x1000u + rows[i].size);
    }
}

static void a_bit_number_in_a_register_reaches_beyond_the_operand(void)
{
    static const uint8_t test[] = {0x0f, 0xa3, 0x06}; /* bt [esi], eax */
    start(test, sizeof(test));
    hv_mmio_write(vcpu, LAPIC + 0x380, 4, 1u << 5);
    bk->gpr[VMX_RSI] = LAPIC + 0x380 + 0x40;
    bk->gpr[VMX_RAX] = (uint32_t)(-0x40 * 8 + 5);
    CU_ASSERT_EQUAL(run(), HV_RESUME);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RFLAGS] & 1, 1);
    bk->field[VMCS_GUEST_RIP] = 0x1000;
    bk->gpr[VMX_RSI] = LAPIC + 0x380 - 0x10;
    bk->gpr[VMX_RAX] = 0x10 * 8 + 6;
    CU_ASSERT_EQUAL(run(), HV_RESUME);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RFLAGS] & 1, 0);
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
      {"instructions_that_read_and_write_do_both", instructions_that_read_and_write_do_both},
      {"a_bit_number_in_a_register_reaches_beyond_the_operand", a_bit_number_in_a_register_reaches_beyond_the_operand},
      {"string_moves_repeat", string_moves_repeat}, {"a_segment_fault_is_injected", a_segment_fault_is_injected},
      {"what_cannot_be_emulated_stops", what_cannot_be_emulated_stops})

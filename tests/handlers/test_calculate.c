/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arithmetic of handlers against the processor that runs the tests: results and status flags. */
#include "handlers/handlers.h"
#include "tests/support/suite.h"

enum { STATUS = 0x8d5, CF = 1 };

static const uint64_t values[] = {0,          1,
                                  2,          0x7f,
                                  0x80,       0x81,
                                  0xff,       0x7fff,
                                  0x8000,     0xffff,
                                  0x7fffffff, 0x80000000,
                                  0xffffffff, UINT64_C(0x7fffffffffffffff),
                                  UINT64_MAX, 0x12345678,
                                  0xdeadbeef, UINT64_C(1) << 63};
enum { VALUES = sizeof values / sizeof values[0] };

static uint64_t cut(uint64_t value, unsigned size)
{
    return size == 8 ? value : value & ((UINT64_C(1) << 8 * size) - 1);
}

/* One instruction of the processor, with flags in and out. `defined`: the status flags that the manual defines for it. */
#define HOST(text, type)                                                                                                                             \
    do {                                                                                                                                             \
        type x = (type)a, y = (type)b;                                                                                                               \
        uint64_t f = rflags;                                                                                                                         \
        __asm__ volatile("push %[f]\n popf\n " text "\n pushf\n pop %[f]" : [f] "+r"(f), [x] "+r"(x) : [y] "r"(y) : "cc", "memory");                 \
        host_flags = f;                                                                                                                              \
        host = (uint64_t)x;                                                                                                                          \
    } while (0)
#define HOST_SIZES(text)                                                                                                                             \
    switch (size) {                                                                                                                                  \
    case 2:                                                                                                                                          \
        HOST(text, uint16_t);                                                                                                                        \
        break;                                                                                                                                       \
    case 4:                                                                                                                                          \
        HOST(text, uint32_t);                                                                                                                        \
        break;                                                                                                                                       \
    default:                                                                                                                                         \
        HOST(text, uint64_t);                                                                                                                        \
        break;                                                                                                                                       \
    }

#define TEST_OF(function, op, text, defined)                                                                                                         \
    static void function(void)                                                                                                                       \
    {                                                                                                                                                \
        static const unsigned sizes[] = {2, 4, 8};                                                                                                   \
        for (unsigned s = 0; s < 3; s++)                                                                                                             \
            for (unsigned i = 0; i < VALUES; i++)                                                                                                    \
                for (unsigned k = 0; k < VALUES * 2; k++) {                                                                                          \
                    const unsigned size = sizes[s];                                                                                                  \
                    const uint64_t rflags = k >= VALUES ? 0x203 : 0x202, a = cut(values[i], size);                                                   \
                    const uint64_t b = (op) == VMX_OP_INC || (op) == VMX_OP_DEC ? 1 : cut(values[k % VALUES], size);                                 \
                    uint64_t host, host_flags, flags = rflags;                                                                                       \
                    HOST_SIZES(text)                                                                                                                 \
                    const uint64_t r = hv_calculate(op, a, b, size, &flags);                                                                         \
                    CU_ASSERT_TRUE(hv_can_calculate(op));                                                                                            \
                    CU_ASSERT_TRUE(hv_only_compares(op) || r == host);                                                                               \
                    CU_ASSERT_EQUAL(flags &(defined), host_flags &(defined));                                                                        \
                    CU_ASSERT_EQUAL(flags & ~(uint64_t)STATUS, rflags & ~(uint64_t)STATUS);                                                          \
                }                                                                                                                                    \
    }

/* AF is undefined after logic; BT and its kin define CF alone. */
TEST_OF(add_as_the_processor, VMX_OP_ADD, "add %[y], %[x]", STATUS)
TEST_OF(adc_as_the_processor, VMX_OP_ADC, "adc %[y], %[x]", STATUS)
TEST_OF(sub_as_the_processor, VMX_OP_SUB, "sub %[y], %[x]", STATUS)
TEST_OF(sbb_as_the_processor, VMX_OP_SBB, "sbb %[y], %[x]", STATUS)
TEST_OF(cmp_as_the_processor, VMX_OP_CMP, "cmp %[y], %[x]", STATUS)
TEST_OF(and_as_the_processor, VMX_OP_AND, "and %[y], %[x]", STATUS & ~0x10)
TEST_OF(or_as_the_processor, VMX_OP_OR, "or %[y], %[x]", STATUS & ~0x10)
TEST_OF(xor_as_the_processor, VMX_OP_XOR, "xor %[y], %[x]", STATUS & ~0x10)
TEST_OF(test_as_the_processor, VMX_OP_TEST, "test %[y], %[x]", STATUS & ~0x10)
TEST_OF(inc_as_the_processor, VMX_OP_INC, "inc %[x]", STATUS)
TEST_OF(dec_as_the_processor, VMX_OP_DEC, "dec %[x]", STATUS)
TEST_OF(not_as_the_processor, VMX_OP_NOT, "not %[x]", STATUS)
TEST_OF(neg_as_the_processor, VMX_OP_NEG, "neg %[x]", STATUS)
TEST_OF(bt_as_the_processor, VMX_OP_BT, "bt %[y], %[x]", CF)
TEST_OF(bts_as_the_processor, VMX_OP_BTS, "bts %[y], %[x]", CF)
TEST_OF(btr_as_the_processor, VMX_OP_BTR, "btr %[y], %[x]", CF)
TEST_OF(btc_as_the_processor, VMX_OP_BTC, "btc %[y], %[x]", CF)

static void bytes_are_cut(void)
{
    uint64_t flags = 2;
    CU_ASSERT_EQUAL(hv_calculate(VMX_OP_ADD, 0xff, 1, 1, &flags), 0);
    CU_ASSERT_EQUAL(flags, 2 | 0x55); /* ZF, AF, PF, CF */
    CU_ASSERT_EQUAL(hv_calculate(VMX_OP_ADC, 0x7f, 0, 1, &flags), 0x80);
    CU_ASSERT_EQUAL(flags, 2 | 0x890); /* OF, SF, AF */
    CU_ASSERT_EQUAL(hv_calculate(VMX_OP_NOT, 0x0f, 0, 1, &flags), 0xf0);
    CU_ASSERT_EQUAL(hv_calculate(VMX_OP_BTS, 0, 9, 1, &flags), 2);
}

static void other_instructions_are_no_arithmetic(void)
{
    CU_ASSERT_FALSE(hv_can_calculate(VMX_OP_MOV));
    CU_ASSERT_FALSE(hv_can_calculate(VMX_OP_CMPXCHG));
}

SUITE("handlers/calculate", {"add_as_the_processor", add_as_the_processor}, {"adc_as_the_processor", adc_as_the_processor},
      {"sub_as_the_processor", sub_as_the_processor}, {"sbb_as_the_processor", sbb_as_the_processor}, {"cmp_as_the_processor", cmp_as_the_processor},
      {"and_as_the_processor", and_as_the_processor}, {"or_as_the_processor", or_as_the_processor}, {"xor_as_the_processor", xor_as_the_processor},
      {"test_as_the_processor", test_as_the_processor}, {"inc_as_the_processor", inc_as_the_processor},
      {"dec_as_the_processor", dec_as_the_processor}, {"not_as_the_processor", not_as_the_processor}, {"neg_as_the_processor", neg_as_the_processor},
      {"bt_as_the_processor", bt_as_the_processor}, {"bts_as_the_processor", bts_as_the_processor}, {"btr_as_the_processor", btr_as_the_processor},
      {"btc_as_the_processor", btc_as_the_processor}, {"bytes_are_cut", bytes_are_cut},
      {"other_instructions_are_no_arithmetic", other_instructions_are_no_arithmetic})

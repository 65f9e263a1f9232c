/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Horizontal additions and subtractions of integers, of two registers and of one with itself. */
#include "tests/support/suite.h"

#include "engine_guest.h"

enum { AT_FIRST = GUEST_DATA, AT_SECOND = GUEST_DATA + 16, AT_RESULT = GUEST_DATA + 32, RESULT_BYTES = 16, OPERATIONS = 6 };

static int32_t saturated(int32_t value)
{
    return value > INT16_MAX ? INT16_MAX : value < INT16_MIN ? INT16_MIN : value;
}

/* Neighbours of the destination go to its lower half, those of the source to the upper one. */
static void expected(unsigned operation, const uint8_t *d, const uint8_t *s, unsigned bytes, uint8_t *result)
{
    const bool subtracts = operation >= 3, of_doublewords = operation % 3 == 1, saturates = operation % 3 == 2;
    const unsigned element = of_doublewords ? 4 : 2;
    for (unsigned i = 0; i < bytes; i += element) {
        const uint8_t *from = i < bytes / 2 ? d : s;
        const unsigned at = 2 * i % bytes;
        int32_t a = 0, b = 0;
        memcpy(&a, from + at, element);
        memcpy(&b, from + at + element, element);
        if (!of_doublewords) {
            a = (int16_t)a;
            b = (int16_t)b;
        }
        int32_t value = (int32_t)(subtracts ? (uint32_t)a - (uint32_t)b : (uint32_t)a + (uint32_t)b);
        value = saturates ? saturated(value) : value;
        memcpy(result + i, &value, element);
    }
}

static void run_one(unsigned operation, bool mmx, bool same)
{
    static const uint8_t opcodes[OPERATIONS] = {0x01, 0x02, 0x03, 0x05, 0x06, 0x07};
    static const uint8_t values[32] = {1, 0, 0xff, 0x7f, 0, 0x80, 0xf0, 0x7f, 0x34, 0x12, 0xfe, 0xff, 0xcd, 0xab, 0x78, 0x56,
                                       9, 0, 0xf1, 0x7f, 3, 0x80, 0xf2, 0x8f, 0x35, 0x62, 0xfc, 0xff, 0x1d, 0xab, 0x79, 0xd6};
    const unsigned bytes = mmx ? 8 : 16;
    /* loads of registers 0 and 1 from RDI and RDI + 16, the instruction, a store to RDI + 32 */
    const uint8_t move = mmx ? 0x6f : 0x10, back = mmx ? 0x7f : 0x11;
    const uint8_t code[] = {0x0f, move, 0x07, 0x0f, move, 0x4f, 16, mmx ? 0x3e : 0x66, 0x0f, 0x38, opcodes[operation], same ? 0xc0 : 0xc1,
                            0x0f, back, 0x47, 32,   0xf4};
    uint8_t result[RESULT_BYTES];
    struct guest *g = guest_new();
    guest_code(g, GUEST_CODE, code, sizeof code);
    memcpy(g->ram + AT_FIRST, values, sizeof values);
    g->state.gpr[VMX_RDI] = GUEST_DATA;
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_INSTRUCTION);
    expected(operation, values, same ? values : values + 16, bytes, result);
    CU_ASSERT_EQUAL(memcmp(g->ram + AT_RESULT, result, bytes), 0);
    guest_free(g);
}

static void a_register_may_be_both_operands(void)
{
    for (unsigned operation = 0; operation < OPERATIONS; operation++)
        for (unsigned form = 0; form < 4; form++)
            run_one(operation, (form & 1) != 0, (form & 2) != 0);
}

SUITE("sim/engine_horizontal", {"a_register_may_be_both_operands", a_register_may_be_both_operands})

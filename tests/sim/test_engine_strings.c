/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Comparisons of strings in vectors. SDM 1, "String and Text Processing Instructions". */
#include "tests/support/suite.h"

#include "engine_guest.h"

enum { CF = 1 << 0, ZF = 1 << 6, SF = 1 << 7, OF = 1 << 11, FLAGS = 0x8d5 };
enum { INDEX_OF_EXPLICIT = 0x61, MASK_OF_IMPLICIT = 0x62, INDEX_OF_IMPLICIT = 0x63, REX_W = 0x48, NO_REX = 0x40 };

struct row {
    const char *set, *text; /* 16 bytes */
    uint8_t opcode, control, rex;
    uint64_t set_length, text_length; /* of the explicit ones */
    uint64_t index;                   /* or the low half of the mask */
    uint32_t flags;
};

static const struct row rows[] = {
    /* equal ordered: a match that the end of the vector cuts off counts, one that the end of the text cuts off does not */
    {"abc\0............", "xxabcabxxxxxxxab", INDEX_OF_IMPLICIT, 0x0c, NO_REX, 0, 0, 2, CF | SF},
    {"abc\0............", "xxabcabxxxxxxxab", MASK_OF_IMPLICIT, 0x0c, NO_REX, 0, 0, 1 << 2 | 1 << 14, CF | SF},
    {"abc\0............", "xxxxxxxxxxxxxxab", INDEX_OF_IMPLICIT, 0x0c, NO_REX, 0, 0, 14, CF | SF},
    {"abc\0............", "xxxxxxxxxxxxab\0c", INDEX_OF_IMPLICIT, 0x0c, NO_REX, 0, 0, 16, ZF | SF},
    {"\0...............", "xxxxxxxxxxxxab\0c", INDEX_OF_IMPLICIT, 0x0c, NO_REX, 0, 0, 0, CF | ZF | SF | OF},
    {"ababababababababa", "xabababababababa", INDEX_OF_IMPLICIT, 0x0c, NO_REX, 0, 0, 1, CF},
    {"a\0b\0\0\0..........", "x\0a\0b\0x\0x\0x\0x\0a", MASK_OF_IMPLICIT, 0x0d, NO_REX, 0, 0, 1 << 1 | 1 << 7, CF | SF},
    /* equal any, ranges, equal each; inverted, the last */
    {"aeiou\0..........", "xyzaxe\0a........", INDEX_OF_IMPLICIT, 0x00, NO_REX, 0, 0, 3, CF | ZF | SF},
    {"aeiou\0..........", "aeiaxe\0a........", INDEX_OF_IMPLICIT, 0x30, NO_REX, 0, 0, 4, CF | ZF | SF},
    {"aeiou\0..........", "aeiaae\0a........", INDEX_OF_IMPLICIT, 0x10, NO_REX, 0, 0, 6, CF | ZF | SF},
    {"azAZ\0...........", "12aZ3\0..........", INDEX_OF_IMPLICIT, 0x44, NO_REX, 0, 0, 3, CF | ZF | SF},
    {"azA\0............", "12A3\0...........", INDEX_OF_IMPLICIT, 0x04, NO_REX, 0, 0, 16, ZF | SF},
    {"abcd\0...........", "abxd\0...........", INDEX_OF_IMPLICIT, 0x18, NO_REX, 0, 0, 2, CF | ZF | SF},
    /* explicit lengths: their absolute value, of 32 bits or 64 */
    {"aaaaaaaaaaaaaaaa", "xxxaaaaaaaaaaaaa", INDEX_OF_EXPLICIT, 0x00, NO_REX, 0xfffffffe, 4, 3, CF | ZF | SF},
    {"aaaaaaaaaaaaaaaa", "xxxaaaaaaaaaaaaa", INDEX_OF_EXPLICIT, 0x00, REX_W, UINT64_C(1) << 32, UINT64_C(1) << 63, 3, CF},
    {"aaaaaaaaaaaaaaaa", "xxxaaaaaaaaaaaaa", INDEX_OF_EXPLICIT, 0x00, NO_REX, UINT64_C(1) << 32, UINT64_C(1) << 63, 16, ZF | SF},
};

static void each_control_byte_finds_what_the_manual_says(void)
{
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *r = &rows[i];
        /* loads XMM1 and XMM2, compares, stores XMM0, pushes the flags */
        const uint8_t code[] = {0x0f, 0x10,      0x0f, 0x0f,       0x10, 0x57, 16,   0x66, r->rex, 0x0f,
                                0x3a, r->opcode, 0xca, r->control, 0x0f, 0x11, 0x47, 32,   0x9c,   0xf4};
        uint64_t mask;
        struct guest *g = guest_new();
        guest_code(g, GUEST_CODE, code, sizeof code);
        memcpy(g->ram + GUEST_DATA, r->set, 16);
        memcpy(g->ram + GUEST_DATA + 16, r->text, 16);
        g->state.gpr[VMX_RDI] = GUEST_DATA;
        g->state.gpr[VMX_RAX] = r->set_length;
        g->state.gpr[VMX_RDX] = r->text_length;
        CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_INSTRUCTION);
        memcpy(&mask, g->ram + GUEST_DATA + 32, sizeof mask);
        const uint64_t found = r->opcode == MASK_OF_IMPLICIT ? mask : g->state.gpr[VMX_RCX];
        if (found != r->index || ((g->state.rflags ^ r->flags) & FLAGS) != 0)
            fprintf(stderr, "row %u: %llu, flags %x\n", i, (unsigned long long)found, (unsigned)g->state.rflags & FLAGS);
        CU_ASSERT_EQUAL(found, r->index);
        CU_ASSERT_EQUAL(g->state.rflags & FLAGS, r->flags);
        guest_free(g);
    }
}

static void a_mask_may_be_expanded(void)
{
    BLOB(expanded, "movups (%rdi), %xmm1\n movups 16(%rdi), %xmm2\n pcmpistrm $0x41, %xmm2, %xmm1\n movups %xmm0, 32(%rdi)\n hlt");
    static const uint16_t set[8] = {5, 7}, text[8] = {1, 5, 6, 7, 9, 5, 0, 5}, result[8] = {0, 0xffff, 0, 0xffff, 0, 0xffff, 0, 0};
    struct guest *g = guest_new();
    PUT(g, GUEST_CODE, expanded);
    g->state.gpr[VMX_RDI] = GUEST_DATA;
    memcpy(g->ram + GUEST_DATA, set, sizeof set);
    memcpy(g->ram + GUEST_DATA + 16, text, sizeof text);
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_INSTRUCTION);
    CU_ASSERT_EQUAL(memcmp(g->ram + GUEST_DATA + 32, result, sizeof result), 0);
    guest_free(g);
}

SUITE("sim/engine_strings", {"each_control_byte_finds_what_the_manual_says", each_control_byte_finds_what_the_manual_says},
      {"a_mask_may_be_expanded", a_mask_may_be_expanded})

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Images of x87 and SSE in memory. SDM 1, "Saving the x87 FPU's State With FSTENV/FNSTENV and FSAVE/FNSAVE"; SDM 2, "FXSAVE", "FXRSTOR". */
#include "tests/support/suite.h"

#include "engine_guest.h"

enum { PAGE = 4096, END = GUEST_DATA + PAGE, ENVIRONMENT = 28, IMAGE = 108 };

static void start(struct guest *g, const uint8_t *code, const uint8_t *end)
{
    guest_code(g, GUEST_CODE, code, (size_t)(end - code));
    g->state.rip = GUEST_CODE;
    g->state.gpr[VMX_RDI] = GUEST_DATA;
}

static void fxsave_holds_pointers_and_opcode(void)
{
    BLOB(save_image,
         "fninit\n fld1\n fadds 8(%rdi)\n fxsave64 512(%rdi)\n fninit\n fxrstor64 512(%rdi)\n fxsave64 1024(%rdi)\n fnstenv 2048(%rdi)\n hlt");
    struct guest *g = guest_new();
    start(g, save_image, save_image_end);
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_INSTRUCTION);
    const uint8_t *image = g->ram + GUEST_DATA + 512;
    const uint64_t *words = (const uint64_t *)(const void *)image;
    CU_ASSERT_EQUAL(words[1], GUEST_CODE + 4);
    CU_ASSERT_EQUAL(words[2], GUEST_DATA + 8);
    CU_ASSERT_EQUAL(image[6] | image[7] << 8, 0x047); /* D8 47 08 */
    CU_ASSERT_EQUAL(image[4], 0x80);
    CU_ASSERT_EQUAL(memcmp(image, image + 512, 24), 0);
    const uint32_t *environment = (const uint32_t *)(const void *)(g->ram + GUEST_DATA + 2048);
    CU_ASSERT_EQUAL(environment[0], 0xffff037f);
    CU_ASSERT_EQUAL(environment[2], 0xffff3fff);
    CU_ASSERT_EQUAL(environment[3], GUEST_CODE + 4);
    CU_ASSERT_EQUAL(environment[4] >> 16, 0x047);
    CU_ASSERT_EQUAL(environment[5], GUEST_DATA + 8);
    guest_free(g);
}

static void fxrstor_refuses_reserved_bits_of_mxcsr(void)
{
    BLOB(restore_image, "fld1\n fxsave 512(%rdi)\n movl $0x11f80, 536(%rdi)\n fninit\n fxrstor 512(%rdi)\n hlt");
    struct guest *g = guest_new();
    struct sim_engine_float f;
    start(g, restore_image, restore_image_end);
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_EXCEPTION);
    CU_ASSERT_EQUAL(g->result.event.vector, VMX_GP);
    sim_engine_get_float(g->engine, &f);
    CU_ASSERT_EQUAL(f.tags, 0xffff);
    CU_ASSERT_EQUAL(f.mxcsr, 0x1f80);
    guest_free(g);
}

/* Whether an instruction in the middle of a block, whose operand at RDI ends on a page that may not be accessed, faults there with nothing done. */
static void faults_on_the_second_page(const uint8_t *code, const uint8_t *end, unsigned before, unsigned size, bool writes)
{
    static const uint64_t deadlines[] = {100, 1};
    for (unsigned bytes = 16; bytes < size; bytes += 16)
        for (unsigned d = 0; d < 2; d++) {
            struct guest *g = guest_new();
            start(g, code, end);
            g->rights[END >> 12] = writes ? RIGHT_READ : 0;
            g->state.gpr[VMX_RDI] = END - bytes;
            memset(g->ram + END - bytes, 0x77, size);
            while (guest_run(g, deadlines[d]) == SIM_STOP_DEADLINE)
                continue;
            CU_ASSERT_EQUAL(g->result.stop, SIM_STOP_TRANSLATION);
            CU_ASSERT_EQUAL(g->result.linear, END);
            CU_ASSERT_EQUAL(g->result.access, writes ? VMX_ACCESS_WRITE : VMX_ACCESS_READ);
            CU_ASSERT_EQUAL(g->state.rip, GUEST_CODE + 2 * (uint64_t)before);
            CU_ASSERT_EQUAL(sim_engine_retired(g->engine), before);
            for (unsigned i = 0; i < size; i++)
                CU_ASSERT_EQUAL(g->ram[END - bytes + i], 0x77);
            struct sim_engine_float f;
            sim_engine_get_float(g->engine, &f);
            CU_ASSERT_EQUAL(f.tags, 0x3fff);
            guest_free(g);
        }
}

static void nothing_is_done_where_the_operand_ends_on_a_page_that_faults(void)
{
    BLOB(fault_save, "fninit\n fld1\n fnsave (%rdi)\n fldz\n hlt");
    BLOB(fault_environment, "fninit\n fld1\n fnstenv (%rdi)\n fldz\n hlt");
    BLOB(fault_restore, "fninit\n fld1\n frstor (%rdi)\n fldz\n hlt");
    BLOB(fault_load, "fninit\n fld1\n fldenv (%rdi)\n fldz\n hlt");
    BLOB(fault_fxsave, "fninit\n fld1\n fxsave (%rdi)\n fldz\n hlt");
    BLOB(fault_fxrstor, "fninit\n fld1\n fxrstor (%rdi)\n fldz\n hlt");
    faults_on_the_second_page(fault_save, fault_save_end, 2, IMAGE, true);
    faults_on_the_second_page(fault_environment, fault_environment_end, 2, ENVIRONMENT, true);
    faults_on_the_second_page(fault_restore, fault_restore_end, 2, IMAGE, false);
    faults_on_the_second_page(fault_load, fault_load_end, 2, ENVIRONMENT, false);
    faults_on_the_second_page(fault_fxsave, fault_fxsave_end, 2, 512, true);
}

/* A store that hits translated code makes the library run the instruction once more. */
static void an_image_may_overwrite_code_that_has_run(void)
{
    BLOB(over_code, "jmp 1f\n .balign 16\n 0: .fill 27, 4, 0x90909090\n jmp 2f\n 1: fninit\n fld1\n lea 0b(%rip), %rdi\n jmp 0b\n"
                    "2: fnsave (%rdi)\n fnstsw %ax\n hlt");
    struct guest *g = guest_new();
    start(g, over_code, over_code_end);
    CU_ASSERT_EQUAL(guest_run(g, 1000), SIM_STOP_INSTRUCTION);
    const uint8_t *image = g->ram + g->state.gpr[VMX_RDI];
    CU_ASSERT_EQUAL(image[4] | image[5] << 8, 7 << 11);
    CU_ASSERT_EQUAL(image[8] | image[9] << 8, 0x3fff);
    CU_ASSERT_EQUAL(image[ENVIRONMENT + 7], 0x80);
    CU_ASSERT_EQUAL(image[ENVIRONMENT + 8] | image[ENVIRONMENT + 9] << 8, 0x3fff);
    CU_ASSERT_EQUAL(g->state.gpr[VMX_RAX] & 0xffff, 0);
    guest_free(g);
}

/* Each with the whole of its operand, which the operand size decides. */
static void segment_limits_count_to_the_last_byte(void)
{
    BLOB(limit_save, ".code32\n fnsave 0x100\n hlt\n .code64");
    BLOB(limit_save_16, ".code32\n data16 fnsave 0x100\n hlt\n .code64");
    BLOB(limit_restore, ".code32\n frstor 0x100\n hlt\n .code64");
    BLOB(limit_environment, ".code32\n fnstenv 0x100\n hlt\n .code64");
    BLOB(limit_load, ".code32\n fldenv 0x100\n hlt\n .code64");
    BLOB(limit_load_16, ".code32\n data16 fldenv 0x100\n hlt\n .code64");
    static const struct {
        const uint8_t *code, *end;
        uint32_t bytes;
    } rows[] = {{limit_save, limit_save_end, 108}, {limit_save_16, limit_save_16_end, 94}, {limit_restore, limit_restore_end, 108},
                {limit_load, limit_load_end, 28},  {limit_load_16, limit_load_16_end, 14}, {limit_environment, limit_environment_end, 28}};
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
        for (unsigned shorter = 0; shorter < 2; shorter++) {
            struct guest *g = guest_new();
            guest_mode_protected(&g->state, true);
            start(g, rows[i].code, rows[i].end);
            g->state.seg[VMX_DS] = guest_segment(0x10, GUEST_DATA, 0x100 + rows[i].bytes - 1 - shorter, 0x4093);
            CU_ASSERT_EQUAL(guest_run(g, 100), shorter != 0 ? SIM_STOP_EXCEPTION : SIM_STOP_INSTRUCTION);
            if (shorter != 0)
                CU_ASSERT_EQUAL(g->result.event.vector, VMX_GP);
            guest_free(g);
        }
}

SUITE("sim/engine_fpu_image", {"fxsave_holds_pointers_and_opcode", fxsave_holds_pointers_and_opcode},
      {"fxrstor_refuses_reserved_bits_of_mxcsr", fxrstor_refuses_reserved_bits_of_mxcsr},
      {"nothing_is_done_where_the_operand_ends_on_a_page_that_faults", nothing_is_done_where_the_operand_ends_on_a_page_that_faults},
      {"an_image_may_overwrite_code_that_has_run", an_image_may_overwrite_code_that_has_run},
      {"segment_limits_count_to_the_last_byte", segment_limits_count_to_the_last_byte})

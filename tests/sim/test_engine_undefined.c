/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instructions of which processor and translator think differently. */
#include "tests/support/suite.h"

#include "engine_guest.h"

static void expect_undefined_at(struct guest *g, uint64_t rip, uint64_t retired)
{
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_EXCEPTION);
    CU_ASSERT_EQUAL(g->result.event.vector, VMX_UD);
    CU_ASSERT_EQUAL(g->state.rip, rip);
    CU_ASSERT_EQUAL(sim_engine_retired(g->engine), retired);
}

static void an_absent_form_ends_the_block_before_it(void)
{
    BLOB(avx, "mov $1, %eax\n inc %eax\n .byte 0xc5, 0xf8, 0x58, 0xc1\n inc %eax\n hlt");
    BLOB(pop, "mov $1, %eax\n inc %eax\n .byte 0x8f, 0xc8\n inc %eax\n hlt");
    BLOB(sse4a, "mov $1, %eax\n inc %eax\n .byte 0x66, 0x0f, 0x78, 0xc1, 1, 1\n inc %eax\n hlt");
    BLOB(xbegin, "mov $1, %eax\n inc %eax\n .byte 0xc7, 0xf8, 0, 0, 0, 0\n inc %eax\n hlt");
    struct guest *g = guest_new();
    PUT(g, GUEST_CODE, avx);
    PUT(g, GUEST_CODE + 0x100, pop);
    PUT(g, GUEST_CODE + 0x200, sse4a);
    PUT(g, GUEST_CODE + 0x300, xbegin);
    for (unsigned i = 0; i < 4; i++) {
        g->state.rip = GUEST_CODE + 0x100 * i;
        expect_undefined_at(g, GUEST_CODE + 0x100 * i + 7, 2 * (i + 1));
        CU_ASSERT_EQUAL(g->state.gpr[VMX_RAX], 2);
    }
    guest_free(g);
}

static void prefetches_of_a_register_do_nothing(void)
{
    BLOB(hints, "mov $1, %eax\n .byte 0x0f, 0x18, 0xc9\n inc %eax\n .byte 0x66, 0x41, 0x0f, 0x0d, 0xc1\n inc %eax\n hlt");
    struct guest *g = guest_new();
    PUT(g, GUEST_CODE, hints);
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_INSTRUCTION);
    CU_ASSERT_EQUAL(g->state.gpr[VMX_RAX], 3);
    CU_ASSERT_EQUAL(sim_engine_retired(g->engine), 5);
    guest_free(g);
}

static void other_names_compute_wherever_they_stand(void)
{
    BLOB(tests, "mov $0x80, %eax\n .byte 0xf6, 0xc8, 0x80\n sets %bl\n .byte 0xf7, 0x0c, 0x25\n .long 0x100000, 6\n setnz %cl\n hlt");
    for (uint64_t cut = 4; cut <= 24; cut++) { /* a page boundary within each */
        struct guest *g = guest_new();
        const uint32_t four = 4;
        g->state.rip = 0x11000 - cut;
        g->state.gpr[VMX_RBX] = g->state.gpr[VMX_RCX] = 0;
        PUT(g, 0x11000 - cut, tests);
        memcpy(g->ram + 0x100000, &four, sizeof four);
        CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_INSTRUCTION);
        CU_ASSERT(g->state.gpr[VMX_RBX] == 1 && g->state.gpr[VMX_RCX] == 1);
        CU_ASSERT_EQUAL(sim_engine_retired(g->engine), 5);
        guest_free(g);
    }
}

static void what_is_not_promised_is_undefined(void)
{
    BLOB(code, "popcnt %ecx, %eax\n movbe 0x100000, %eax\n hlt");
    static const uint64_t retired[] = {1, 2};
    static const char *const names[] = {"nehalem", "haswell"};
    for (unsigned i = 0; i < 2; i++) {
        struct guest *g = guest_new();
        PUT(g, GUEST_CODE, code);
        sim_engine_promise(g->engine, vmx_profile(names[i]));
        CU_ASSERT_EQUAL(guest_run(g, 100), i == 0 ? SIM_STOP_EXCEPTION : SIM_STOP_INSTRUCTION);
        CU_ASSERT_EQUAL(sim_engine_retired(g->engine), retired[i]);
        guest_free(g);
    }
}

SUITE("sim/engine_undefined", {"an_absent_form_ends_the_block_before_it", an_absent_form_ends_the_block_before_it},
      {"prefetches_of_a_register_do_nothing", prefetches_of_a_register_do_nothing},
      {"other_names_compute_wherever_they_stand", other_names_compute_wherever_they_stand},
      {"what_is_not_promised_is_undefined", what_is_not_promised_is_undefined})

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loads of helpers: from pages that the TLB holds, across pages, from pages that serve one access, from none. IRET makes them. */
#include "tests/support/suite.h"

#include "engine_guest.h"

enum { TARGET = GUEST_CODE + 0x100, PAGE = GUEST_STACK >> 12, SPLIT = 0x2000 - 20 }; /* SPLIT: RFLAGS lies on both pages */

static void put(struct guest *g, uint64_t linear, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        g->ram[((uint64_t)g->frame[(linear + i) >> 12] << 12) + ((linear + i) & 0xfff)] = (uint8_t)(value >> (8 * i));
}

/* An IRET frame of 64-bit mode at an offset from GUEST_STACK - 1000H, and RSP at it. */
static void frame(struct guest *g, uint64_t offset, uint64_t rip, uint64_t rflags)
{
    const uint64_t at = GUEST_STACK - 0x1000 + offset, values[] = {rip, 8, rflags, GUEST_STACK + 0x800, 0x10};
    for (unsigned i = 0; i < 5; i++)
        put(g, at + 8 * i, values[i]);
    g->state.gpr[VMX_RSP] = at;
    g->state.rip = GUEST_CODE;
}

static struct guest *iret_guest(void)
{
    BLOB(iret, "iretq");
    BLOB(stop, "hlt");
    struct guest *g = guest_new();
    PUT(g, GUEST_CODE, iret);
    PUT(g, TARGET, stop);
    PUT(g, TARGET + 0x10, stop);
    /* Neighbours in linear memory that are none in RAM. */
    g->frame[PAGE] = 0x190;
    g->frame[PAGE + 1] = 0x150;
    return g;
}

static void expect_return(struct guest *g, uint64_t rip, uint64_t rflags)
{
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_INSTRUCTION);
    CU_ASSERT_EQUAL(g->state.rip, rip);
    CU_ASSERT_EQUAL(g->state.rflags, rflags);
    CU_ASSERT_EQUAL(g->state.gpr[VMX_RSP], GUEST_STACK + 0x800);
}

static void a_frame_is_read_anew_each_time(void)
{
    struct guest *g = iret_guest();
    frame(g, 0x1100, TARGET, 0x2);
    expect_return(g, TARGET, 0x2);
    const unsigned translations = g->translations;
    frame(g, 0x1100, TARGET + 0x10, 0xed7);
    expect_return(g, TARGET + 0x10, 0xed7);
    CU_ASSERT_EQUAL(g->translations, translations); /* all of it was in the TLB */
    guest_free(g);
}

static void a_value_may_lie_on_two_pages(void)
{
    struct guest *g = iret_guest();
    for (unsigned i = 0; i < 2; i++) {
        frame(g, SPLIT, TARGET + 0x10 * i, 0x246);
        expect_return(g, TARGET + 0x10 * i, 0x246);
    }
    guest_free(g);
}

static void the_missing_page_is_reported(void)
{
    struct guest *g = iret_guest();
    frame(g, SPLIT, TARGET, 0x246);
    expect_return(g, TARGET, 0x246);
    frame(g, SPLIT, TARGET, 0x246);
    g->rights[PAGE + 1] = 0;
    sim_engine_flush(g->engine);
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_TRANSLATION);
    CU_ASSERT_EQUAL(g->result.linear, (PAGE + 1) << 12);
    CU_ASSERT_EQUAL(g->state.rip, GUEST_CODE);
    CU_ASSERT_EQUAL(g->state.gpr[VMX_RSP], GUEST_STACK - 0x1000 + SPLIT);
    guest_free(g);
}

static void a_page_that_serves_one_access_is_asked_for_each(void)
{
    struct guest *g = iret_guest();
    g->once = PAGE;
    for (unsigned i = 0; i < 2; i++) {
        const unsigned before = g->translations;
        frame(g, 0x1100, TARGET, 0x2);
        expect_return(g, TARGET, 0x2);
        CU_ASSERT(g->translations - before >= 5);
    }
    guest_free(g);
}

SUITE("sim/engine_load", {"a_frame_is_read_anew_each_time", a_frame_is_read_anew_each_time},
      {"a_value_may_lie_on_two_pages", a_value_may_lie_on_two_pages}, {"the_missing_page_is_reported", the_missing_page_is_reported},
      {"a_page_that_serves_one_access_is_asked_for_each", a_page_that_serves_one_access_is_asked_for_each})

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The engine's two sets of translations, what flushes them, and what becomes of code whose translation was forgotten. */
#include "tests/support/suite.h"

#include "engine_guest.h"

enum { FIRST, SECOND, PAGE_BYTES = 4096, CODE_PAGE = GUEST_CODE >> 12, OTHER_CODE = 0x30000 };

/* AL gets the number of the page's copy; the data page is read. */
BLOB(copy_1, "mov $1, %al\n mov 0x100000, %ebx\n hlt");
BLOB(copy_2, "mov $2, %al\n mov 0x100000, %ebx\n hlt");

static struct guest *two_copies(void)
{
    struct guest *g = guest_new();
    PUT(g, GUEST_CODE, copy_1);
    PUT(g, OTHER_CODE, copy_2);
    return g;
}

/* Runs the page from its start and answers AL; *asked: the translations that it took. */
static unsigned run_copy(struct guest *g, unsigned *asked)
{
    const unsigned before = g->translations;
    g->state.rip = GUEST_CODE;
    g->state.gpr[VMX_RAX] = 0;
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_INSTRUCTION);
    CU_ASSERT_EQUAL(g->state.rip, GUEST_CODE + 9);
    *asked = g->translations - before;
    return (unsigned)g->state.gpr[VMX_RAX];
}

static void a_set_keeps_its_translations_while_the_other_is_in_use(void)
{
    struct guest *g = two_copies();
    unsigned asked;
    CU_ASSERT(run_copy(g, &asked) == 1 && asked == 2);
    sim_engine_select(g->engine, SECOND);
    g->frame[CODE_PAGE] = OTHER_CODE >> 12;
    CU_ASSERT(run_copy(g, &asked) == 2 && asked == 2);
    for (unsigned turn = 0; turn < 3; turn++) {
        sim_engine_select(g->engine, FIRST);
        CU_ASSERT(run_copy(g, &asked) == 1 && asked == 0);
        sim_engine_select(g->engine, SECOND);
        CU_ASSERT(run_copy(g, &asked) == 2 && asked == 0);
    }
    guest_free(g);
}

static void a_flush_of_one_set_leaves_the_other(void)
{
    struct guest *g = two_copies();
    unsigned asked;
    (void)run_copy(g, &asked);
    sim_engine_select(g->engine, SECOND);
    (void)run_copy(g, &asked);
    sim_engine_flush_set(g->engine, FIRST);
    CU_ASSERT(run_copy(g, &asked) == 1 && asked == 0);
    sim_engine_select(g->engine, FIRST);
    g->frame[CODE_PAGE] = OTHER_CODE >> 12;
    CU_ASSERT(run_copy(g, &asked) == 2 && asked == 2);
    sim_engine_select(g->engine, SECOND);
    CU_ASSERT(run_copy(g, &asked) == 1 && asked == 0);
    sim_engine_flush(g->engine);
    CU_ASSERT(run_copy(g, &asked) == 2 && asked == 2);
    guest_free(g);
}

static void a_page_is_flushed_alone(void)
{
    struct guest *g = two_copies();
    unsigned asked;
    for (unsigned set = FIRST; set <= SECOND; set++) {
        sim_engine_select(g->engine, set);
        (void)run_copy(g, &asked);
    }
    for (unsigned set = FIRST; set <= SECOND; set++) {
        sim_engine_flush_page(g->engine, set, GUEST_DATA, PAGE_BYTES);
        sim_engine_select(g->engine, set);
        CU_ASSERT(run_copy(g, &asked) == 1 && asked == 1);
        sim_engine_flush_page(g->engine, set, GUEST_CODE + PAGE_BYTES, PAGE_BYTES);
        CU_ASSERT(run_copy(g, &asked) == 1 && asked == 0);
        sim_engine_flush_page(g->engine, set, 0, 2 << 20); /* a large page, of which both are parts */
        CU_ASSERT(run_copy(g, &asked) == 1 && asked == 2);
    }
    guest_free(g);
}

static void a_selected_set_is_empty_when_its_paging_has_changed(void)
{
    struct guest *g = two_copies();
    unsigned asked;
    (void)run_copy(g, &asked);
    struct {
        uint64_t *value, other;
    } changes[] = {
        {&g->state.cr3, 0x5000}, {&g->state.pkrs, 4}, {&g->state.cr0, 0x80000033 | 1 << 16}, {&g->state.pdpte[2], 0x1001}, {&g->state.efer, 0xd00}};
    for (unsigned i = 0; i < sizeof changes / sizeof *changes; i++) {
        const uint64_t before = *changes[i].value;
        sim_engine_select(g->engine, SECOND);
        (void)run_copy(g, &asked);
        *changes[i].value = changes[i].other;
        (void)run_copy(g, &asked);
        CU_ASSERT_EQUAL(asked, 2); /* flushed at once */
        sim_engine_select(g->engine, FIRST);
        (void)run_copy(g, &asked);
        CU_ASSERT_EQUAL(asked, 2); /* of another basis */
        sim_engine_select(g->engine, SECOND);
        sim_engine_select(g->engine, FIRST); /* nothing ran there */
        *changes[i].value = before;
        (void)run_copy(g, &asked);
        CU_ASSERT_EQUAL(asked, 2);
        (void)run_copy(g, &asked);
        CU_ASSERT_EQUAL(asked, 0);
    }
    sim_engine_select(g->engine, SECOND);
    (void)run_copy(g, &asked);
    sim_engine_select(g->engine, FIRST);
    g->state.pkru = 4;
    (void)run_copy(g, &asked);
    CU_ASSERT_EQUAL(asked, 2);
    guest_free(g);
}

/* The page was forgotten between two runs: it is asked for once, and what stands there now runs. */
static void forgotten_code_is_asked_for_again(void)
{
    struct guest *g = two_copies();
    unsigned asked;
    for (unsigned turn = 0; turn < 6; turn++) {
        const bool second = turn % 3 == 2;
        g->frame[CODE_PAGE] = (second ? OTHER_CODE : GUEST_CODE) >> 12;
        sim_engine_flush(g->engine);
        CU_ASSERT(run_copy(g, &asked) == (second ? 2 : 1) && asked == 2);
    }
    guest_free(g);
}

static void forgotten_code_may_fault(void)
{
    struct guest *g = two_copies();
    unsigned asked;
    (void)run_copy(g, &asked);
    g->rights[CODE_PAGE] = RIGHT_READ;
    sim_engine_flush(g->engine);
    g->state.rip = GUEST_CODE + 2;
    g->translations = 0;
    const uint64_t ticks = sim_engine_ticks(g->engine);
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_TRANSLATION);
    CU_ASSERT_EQUAL(g->translations, 1);
    CU_ASSERT_EQUAL(g->result.linear, GUEST_CODE + 2);
    CU_ASSERT_EQUAL(g->result.access, VMX_ACCESS_FETCH);
    CU_ASSERT_EQUAL(g->result.translation.event.vector, VMX_PF);
    CU_ASSERT_EQUAL(g->state.rip, GUEST_CODE + 2);
    CU_ASSERT_EQUAL(sim_engine_ticks(g->engine), ticks);
    g->rights[CODE_PAGE] = RIGHT_ALL;
    g->frame[CODE_PAGE] = OTHER_CODE >> 12;
    CU_ASSERT(run_copy(g, &asked) == 2 && asked == 2);
    guest_free(g);
}

/* The next run begins elsewhere and comes to the page by a jump. */
static void forgotten_code_is_not_found_by_a_jump(void)
{
    BLOB(jump, "mov $0x10000, %ecx\n jmp *%rcx");
    struct guest *g = two_copies();
    unsigned asked;
    PUT(g, 0x20000, jump);
    (void)run_copy(g, &asked);
    for (unsigned turn = 0; turn < 4; turn++) {
        const bool second = turn % 2 != 0;
        g->frame[CODE_PAGE] = (second ? OTHER_CODE : GUEST_CODE) >> 12;
        sim_engine_flush_page(g->engine, FIRST, GUEST_CODE, PAGE_BYTES);
        g->state.rip = 0x20000;
        CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_INSTRUCTION);
        CU_ASSERT_EQUAL(g->state.gpr[VMX_RAX], second ? 2 : 1);
    }
    guest_free(g);
}

/* More pages than are noted one by one. */
static void sets_of_many_pages_are_flushed_too(void)
{
    enum { PAGES = 40 };
    BLOB(reads, "mov $0x100000, %esi\n mov $40, %ecx\n 1: mov (%rsi), %eax\n add $4096, %rsi\n dec %ecx\n jnz 1b\n hlt");
    struct guest *g = guest_new();
    PUT(g, 0x20000, reads);
    for (unsigned turn = 0; turn < 6; turn++) {
        const unsigned set = turn & 1;
        sim_engine_select(g->engine, set);
        for (unsigned again = 0; again < 2; again++) {
            g->state.rip = 0x20000;
            g->translations = 0;
            CU_ASSERT_EQUAL(guest_run(g, 1000), SIM_STOP_INSTRUCTION);
            CU_ASSERT_EQUAL(g->translations, again == 0 ? PAGES + 1 : 0);
        }
        if (turn >= 1)
            sim_engine_flush_page(g->engine, set ^ 1, GUEST_DATA, 2 << 20); /* more than a page: all goes */
        sim_engine_flush_page(g->engine, set, GUEST_DATA + PAGE_BYTES, PAGE_BYTES);
        g->state.rip = 0x20000;
        g->translations = 0;
        CU_ASSERT_EQUAL(guest_run(g, 1000), SIM_STOP_INSTRUCTION);
        CU_ASSERT_EQUAL(g->translations, 1);
    }
    guest_free(g);
}

/* Stores through translations of the set that was away when the code was translated. */
static void stores_reach_code_that_the_other_set_translated(void)
{
    BLOB(writer, "movb $77, 0x10001\n hlt");
    struct guest *g = two_copies();
    unsigned asked;
    PUT(g, 0x20000, writer);
    g->state.rip = 0x20000;
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_INSTRUCTION); /* a fast store: no code there yet */
    sim_engine_select(g->engine, SECOND);
    CU_ASSERT_EQUAL(run_copy(g, &asked), 77);
    for (unsigned turn = 1; turn < 4; turn++) {
        sim_engine_select(g->engine, FIRST);
        g->ram[0x20007] = (uint8_t)(77 + turn);
        sim_engine_ram_written(g->engine, 0x20007, 1);
        g->state.rip = 0x20000;
        CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_INSTRUCTION);
        sim_engine_select(g->engine, SECOND);
        CU_ASSERT_EQUAL(run_copy(g, &asked), 77 + turn);
    }
    guest_free(g);
}

SUITE("sim/engine_tlb", {"a_set_keeps_its_translations_while_the_other_is_in_use", a_set_keeps_its_translations_while_the_other_is_in_use},
      {"a_flush_of_one_set_leaves_the_other", a_flush_of_one_set_leaves_the_other}, {"a_page_is_flushed_alone", a_page_is_flushed_alone},
      {"a_selected_set_is_empty_when_its_paging_has_changed", a_selected_set_is_empty_when_its_paging_has_changed},
      {"forgotten_code_is_asked_for_again", forgotten_code_is_asked_for_again}, {"forgotten_code_may_fault", forgotten_code_may_fault},
      {"forgotten_code_is_not_found_by_a_jump", forgotten_code_is_not_found_by_a_jump},
      {"sets_of_many_pages_are_flushed_too", sets_of_many_pages_are_flushed_too},
      {"stores_reach_code_that_the_other_set_translated", stores_reach_code_that_the_other_set_translated})

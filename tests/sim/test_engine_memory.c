/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory: rights of the callback, fetches across pages, fast stores and code that is written. */
#include "tests/support/suite.h"

#include "engine_guest.h"

static void a_fault_leaves_registers_as_before(void)
{
    BLOB(pushes, "mov $7, %eax\n stc\n push %rax\n hlt");
    struct guest *g = guest_new();
    PUT(g, GUEST_CODE, pushes);
    g->rights[(GUEST_STACK - 8) >> 12] = RIGHT_READ;
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_TRANSLATION);
    CU_ASSERT_EQUAL(g->result.linear, GUEST_STACK - 8);
    CU_ASSERT_EQUAL(g->result.access, VMX_ACCESS_WRITE);
    CU_ASSERT_EQUAL(g->result.translation.event.vector, VMX_PF);
    CU_ASSERT_EQUAL(g->state.rip, GUEST_CODE + 6);
    CU_ASSERT_EQUAL(g->state.gpr[VMX_RSP], GUEST_STACK);
    CU_ASSERT_EQUAL(g->state.rflags, 3);
    CU_ASSERT_EQUAL(sim_engine_retired(g->engine), 2);
    guest_free(g);
}

static void write_waits_until_it_is_granted(void)
{
    BLOB(load_store, "mov 0x100000, %eax\n mov 0x100004, %eax\n mov %eax, 0x100000\n mov %eax, 0x100004\n mov 0x100000, %eax\n hlt");
    struct guest *g = guest_new();
    PUT(g, GUEST_CODE, load_store);
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_INSTRUCTION);
    CU_ASSERT_EQUAL(g->translations, 3); /* code, read, write */
    guest_free(g);
}

static void an_answer_without_the_right_serves_one_access(void)
{
    enum { PAGE = 0x100 };
    BLOB(accesses, "mov 0x100000, %al\n mov 0x100002, %ax\n mov %eax, 0x100001\n orl $1, 0x100000\n push 0x100000\n hlt");
    struct guest *g = guest_new();
    PUT(g, GUEST_CODE, accesses);
    g->once = PAGE;
    g->state.gpr[VMX_RAX] = 0;
    CU_ASSERT_EQUAL(guest_run(g, 1), SIM_STOP_DEADLINE);
    CU_ASSERT(g->translations == 2 && g->size == 1); /* code and byte */
    CU_ASSERT_EQUAL(guest_run(g, 1), SIM_STOP_DEADLINE);
    CU_ASSERT(g->translations == 3 && g->size == 2);
    g->state.gpr[VMX_RAX] = 0x11223344;
    CU_ASSERT_EQUAL(guest_run(g, 1), SIM_STOP_DEADLINE);
    CU_ASSERT(g->translations == 4 && g->size == 4); /* not aligned, yet one */
    CU_ASSERT_EQUAL(guest_run(g, 1), SIM_STOP_DEADLINE);
    CU_ASSERT_EQUAL(g->translations, 6); /* read, write */
    CU_ASSERT_EQUAL(guest_run(g, 1), SIM_STOP_DEADLINE);
    CU_ASSERT_EQUAL(g->translations, 8); /* this page, the stack */
    uint64_t value;
    memcpy(&value, g->ram + ((uint64_t)g->frame[PAGE] << 12), sizeof value);
    CU_ASSERT_EQUAL(value, UINT64_C(0x1122334401));
    guest_free(g);
}

static void what_is_written_back_asks_for_both_rights(void)
{
    BLOB(modifies, "nop\n stc\n adcl $1, 0x100000\n hlt");
    BLOB(compares, "nop\n stc\n cmpl $1, 0x100000\n hlt");
    struct guest *g = guest_new();
    PUT(g, GUEST_CODE, modifies);
    PUT(g, GUEST_CODE + 0x1000, compares);
    g->rights[0x100] = 0;
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_TRANSLATION);
    CU_ASSERT_EQUAL(g->result.access, VMX_ACCESS_READ_WRITE);
    CU_ASSERT_EQUAL(g->result.linear, 0x100000);
    CU_ASSERT_EQUAL(g->state.rip, GUEST_CODE + 2);
    CU_ASSERT_EQUAL(g->state.rflags & 1, 1);
    g->state.rip = GUEST_CODE + 0x1000;
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_TRANSLATION);
    CU_ASSERT_EQUAL(g->result.access, VMX_ACCESS_READ);
    guest_free(g);
}

static void rewritten_code_is_asked_for_what_it_is_now(void)
{
    BLOB(adds, "nop\n addl $1, 0x100000\n hlt");
    BLOB(looks, "nop\n cmpl $1, 0x100000\n hlt");
    struct guest *g = guest_new();
    g->rights[0x100] = 0;
    for (unsigned i = 0; i < 4; i++) {
        if (i % 2 == 0)
            PUT(g, GUEST_CODE, adds);
        else
            PUT(g, GUEST_CODE, looks);
        for (unsigned again = 0; again < 2; again++) {
            g->state.rip = GUEST_CODE;
            CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_TRANSLATION);
            CU_ASSERT_EQUAL(g->result.access, i % 2 == 0 ? VMX_ACCESS_READ_WRITE : VMX_ACCESS_READ);
            CU_ASSERT_EQUAL(g->state.rip, GUEST_CODE + 1);
        }
    }
    guest_free(g);
}

static void fetch_of_the_next_page_faults_at_its_instruction(void)
{
    BLOB(run_over, "mov $1, %eax\n mov $2, %ebx\n mov $0x11223344, %ecx\n hlt");
    for (uint64_t cut = 11; cut <= 15; cut++) {
        struct guest *g = guest_new();
        g->state.rip = 0x11000 - cut;
        PUT(g, 0x11000 - cut, run_over);
        g->rights[0x11] = 0;
        CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_TRANSLATION);
        CU_ASSERT_EQUAL(g->result.linear, 0x11000);
        CU_ASSERT_EQUAL(g->result.access, VMX_ACCESS_FETCH);
        CU_ASSERT_EQUAL(g->state.rip, 0x11000 - cut + (cut == 15 ? 15 : 10));
        CU_ASSERT_EQUAL(g->state.gpr[VMX_RBX], 2);
        CU_ASSERT_EQUAL(sim_engine_retired(g->engine), cut == 15 ? 3 : 2);
        g->rights[0x11] = RIGHT_ALL;
        CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_INSTRUCTION);
        CU_ASSERT_EQUAL(g->state.gpr[VMX_RCX], 0x11223344);
        /* The same blocks, now cached, with the page gone again */
        g->rights[0x11] = 0;
        sim_engine_flush(g->engine);
        g->state.rip = 0x11000 - cut;
        g->state.gpr[VMX_RBX] = 0;
        CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_TRANSLATION);
        CU_ASSERT_EQUAL(g->state.rip, 0x11000 - cut + (cut == 15 ? 15 : 10));
        CU_ASSERT_EQUAL(g->state.gpr[VMX_RBX], 2);
        guest_free(g);
    }
}

static void deadline_comes_before_a_fetch_fault(void)
{
    BLOB(edge, "mov $1, %eax");
    struct guest *g = guest_new();
    g->state.rip = 0x11000 - 5;
    PUT(g, 0x11000 - 5, edge);
    g->rights[0x11] = 0;
    CU_ASSERT_EQUAL(guest_run(g, 1), SIM_STOP_DEADLINE);
    CU_ASSERT_EQUAL(g->state.rip, 0x11000);
    CU_ASSERT_EQUAL(guest_run(g, 1), SIM_STOP_TRANSLATION);
    guest_free(g);
}

static void nothing_is_read_and_written_where_there_is_no_memory(void)
{
    BLOB(hole, "mov $0x500000, %esi\n mov (%rsi), %rax\n mov 1(%rsi), %ebx\n mov %rsi, (%rsi)\n movzbl (%rsi), %ecx\n lock incl (%rsi)\n"
               "movdqu 3(%rsi), %xmm0\n movd %xmm0, %edx\n hlt");
    struct guest *g = guest_new();
    PUT(g, GUEST_CODE, hole);
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_INSTRUCTION);
    CU_ASSERT_EQUAL(g->state.gpr[VMX_RAX], UINT64_MAX);
    CU_ASSERT_EQUAL(g->state.gpr[VMX_RBX], UINT32_MAX);
    CU_ASSERT_EQUAL(g->state.gpr[VMX_RCX], 0xff);
    CU_ASSERT_EQUAL(g->state.gpr[VMX_RDX], UINT32_MAX);
    g->state.rip = 0x600000;
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_EXCEPTION); /* FF FF */
    CU_ASSERT_EQUAL(g->result.event.vector, VMX_UD);
    CU_ASSERT_EQUAL(g->state.rip, 0x600000);
    guest_free(g);
}

/* Writes of the guest into its code through another linear address, again and again. */
static void written_code_is_translated_anew(void)
{
    BLOB(patcher, "0: mov $0x21001, %edi\n mov $10, %ecx\n 1: incb (%rdi)\n call 0x11000+0b\n dec %ecx\n jnz 1b\n hlt");
    BLOB(patched, "mov $1, %al\n movzbl %al, %eax\n add %rax, %rbx\n ret");
    struct guest *g = guest_new();
    PUT(g, GUEST_CODE, patcher);
    /* call rel32 to 0x21000 */
    for (unsigned i = 0; i < 64; i++)
        if (g->ram[GUEST_CODE + i] == 0xe8) {
            const int32_t distance = 0x21000 - (GUEST_CODE + (int32_t)i + 5);
            memcpy(g->ram + GUEST_CODE + i + 1, &distance, 4);
        }
    PUT(g, 0x31000, patched);
    g->frame[0x21] = 0x31;
    sim_engine_flush(g->engine);
    CU_ASSERT_EQUAL(guest_run(g, 1000), SIM_STOP_INSTRUCTION);
    CU_ASSERT_EQUAL(g->state.gpr[VMX_RBX], 2 + 3 + 4 + 5 + 6 + 7 + 8 + 9 + 10 + 11);
    /* from outside */
    g->ram[0x31001] = 100;
    sim_engine_ram_written(g->engine, 0x31001, 1);
    g->state.rip = 0x21000;
    g->state.gpr[VMX_RBX] = 0;
    CU_ASSERT_EQUAL(guest_run(g, 3), SIM_STOP_DEADLINE);
    CU_ASSERT_EQUAL(g->state.gpr[VMX_RBX], 100);
    guest_free(g);
}

static void stores_of_a_joined_engine_reach_translated_code(void)
{
    BLOB(victim, "mov $1, %eax\n hlt");
    BLOB(writer, "movb $77, 0x20001\n hlt");
    struct guest *g = guest_new();
    struct guest other = *g;
    const char *message;
    const struct sim_engine_callbacks callbacks = {.context = &other, .translate = guest_translate};
    PUT(g, 0x20000, victim);
    PUT(g, GUEST_CODE, writer);
    other.engine = sim_engine_new(g->ram, GUEST_RAM, &callbacks, &message);
    CU_ASSERT_PTR_NOT_NULL_FATAL(other.engine);
    sim_engine_join(g->engine, other.engine);
    for (unsigned turn = 0; turn < 3; turn++) {
        g->state.rip = 0x20000;
        CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_INSTRUCTION);
        CU_ASSERT_EQUAL(g->state.gpr[VMX_RAX], turn == 0 ? 1 : 77 + (turn - 1));
        other.state.rip = GUEST_CODE;
        g->ram[GUEST_CODE + 7] = (uint8_t)(77 + turn); /* the immediate */
        sim_engine_ram_written(g->engine, GUEST_CODE + 7, 1);
        CU_ASSERT_EQUAL(guest_run(&other, 100), SIM_STOP_INSTRUCTION);
    }
    sim_engine_free(other.engine);
    guest_free(g);
}

/* Each is joined with each. */
static void stores_of_one_of_four_engines_reach_all(void)
{
    enum { ENGINES = 4 };
    BLOB(victim_of_four, "mov $1, %eax\n hlt");
    BLOB(writer_of_four, "mov %bl, 0x20001\n hlt");
    struct guest *g = guest_new();
    struct guest all[ENGINES];
    const char *message;
    PUT(g, 0x20000, victim_of_four);
    PUT(g, GUEST_CODE, writer_of_four);
    for (unsigned i = 0; i < ENGINES; i++) {
        const struct sim_engine_callbacks callbacks = {.context = &all[i], .translate = guest_translate};
        all[i] = *g;
        all[i].engine = i == 0 ? g->engine : sim_engine_new(g->ram, GUEST_RAM, &callbacks, &message);
        CU_ASSERT_PTR_NOT_NULL_FATAL(all[i].engine);
        for (unsigned j = 0; j < i; j++)
            sim_engine_join(all[i].engine, all[j].engine);
    }
    for (unsigned writer = 0; writer < ENGINES; writer++) {
        for (unsigned i = 0; i < ENGINES; i++) {
            all[i].state.rip = 0x20000;
            CU_ASSERT_EQUAL(guest_run(&all[i], 100), SIM_STOP_INSTRUCTION);
            CU_ASSERT_EQUAL(all[i].state.gpr[VMX_RAX], writer + 1);
        }
        all[writer].state.rip = GUEST_CODE;
        all[writer].state.gpr[VMX_RBX] = writer + 2;
        CU_ASSERT_EQUAL(guest_run(&all[writer], 100), SIM_STOP_INSTRUCTION);
    }
    for (unsigned i = 1; i < ENGINES; i++)
        sim_engine_free(all[i].engine);
    guest_free(g);
}

/* Many more blocks than the code buffer holds. */
static void translated_code_may_overflow(void)
{
    enum { FIRST = 0x40000, LAST = 0x80000, LENGTH = 6 };
    struct guest *g = guest_new();
    static const uint8_t block[LENGTH] = {0x48, 0xff, 0xc0, 0xeb, 0x01, 0xcc}; /* inc rax; jmp +1; int3 */
    for (uint64_t at = FIRST; at + LENGTH < LAST; at += LENGTH)
        memcpy(g->ram + at, block, LENGTH);
    const uint64_t blocks = (LAST - FIRST - 1) / LENGTH;
    memcpy(g->ram + FIRST + blocks * LENGTH, "\xf4", 1);
    g->state.gpr[VMX_RSP] = GUEST_DATA;
    for (unsigned turn = 0; turn < 3; turn++) {
        sim_engine_ram_written(g->engine, FIRST, LAST - FIRST);
        g->state.rip = FIRST;
        g->state.gpr[VMX_RAX] = 0;
        CU_ASSERT_EQUAL(guest_run(g, UINT64_MAX), SIM_STOP_INSTRUCTION);
        CU_ASSERT_EQUAL(g->state.gpr[VMX_RAX], blocks);
        CU_ASSERT_EQUAL(sim_engine_retired(g->engine), (turn + 1) * blocks * 2);
    }
    guest_free(g);
}

SUITE("sim/engine_memory", {"a_fault_leaves_registers_as_before", a_fault_leaves_registers_as_before},
      {"write_waits_until_it_is_granted", write_waits_until_it_is_granted},
      {"an_answer_without_the_right_serves_one_access", an_answer_without_the_right_serves_one_access},
      {"what_is_written_back_asks_for_both_rights", what_is_written_back_asks_for_both_rights},
      {"rewritten_code_is_asked_for_what_it_is_now", rewritten_code_is_asked_for_what_it_is_now},
      {"fetch_of_the_next_page_faults_at_its_instruction", fetch_of_the_next_page_faults_at_its_instruction},
      {"deadline_comes_before_a_fetch_fault", deadline_comes_before_a_fetch_fault},
      {"nothing_is_read_and_written_where_there_is_no_memory", nothing_is_read_and_written_where_there_is_no_memory},
      {"written_code_is_translated_anew", written_code_is_translated_anew},
      {"stores_of_a_joined_engine_reach_translated_code", stores_of_a_joined_engine_reach_translated_code},
      {"stores_of_one_of_four_engines_reach_all", stores_of_one_of_four_engines_reach_all},
      {"translated_code_may_overflow", translated_code_may_overflow})

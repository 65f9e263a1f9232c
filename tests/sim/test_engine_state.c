/* SPDX-License-Identifier: GPL-2.0-or-later */
/* State in and out, modes, events that guest code raises. */
#include "tests/support/suite.h"

#include "engine_guest.h"

/* Structures that were assigned whole have anything in their padding. */
static void clear_padding(struct vmx_state *s)
{
    struct vmx_segment seg[VMX_SEGMENT_COUNT];
    struct vmx_descriptor_table tables[2];
    memset(seg, 0, sizeof seg);
    memset(tables, 0, sizeof tables);
    for (unsigned i = 0; i < VMX_SEGMENT_COUNT; i++) {
        seg[i].base = s->seg[i].base;
        seg[i].limit = s->seg[i].limit;
        seg[i].access_rights = s->seg[i].access_rights;
        seg[i].selector = s->seg[i].selector;
    }
    tables[0].base = s->gdtr.base;
    tables[0].limit = s->gdtr.limit;
    tables[1].base = s->idtr.base;
    tables[1].limit = s->idtr.limit;
    memcpy(s->seg, seg, sizeof seg);
    memcpy(&s->gdtr, &tables[0], sizeof s->gdtr);
    memcpy(&s->idtr, &tables[1], sizeof s->idtr);
}

static void state_goes_round_unchanged(void)
{
    struct guest *g = guest_new();
    struct vmx_state in = g->state, out;
    for (unsigned i = 0; i < VMX_GPR_COUNT; i++)
        in.gpr[i] = 0x1111111111111111u * i;
    in.rip = 0xffff800012345678;
    in.rflags = 0x3cd7;
    in.cr2 = 0x123456789abc;
    in.cr3 = 0x5000;
    in.cr8 = 9;
    in.xcr0 = 3;
    in.pdpte[2] = 0x77001;
    for (unsigned i = 0; i < VMX_SEGMENT_COUNT; i++) {
        in.seg[i].base = i * 0x10010;
        in.seg[i].limit = 0xfffff000 + i;
        in.seg[i].selector = (uint16_t)(i * 8 + 3);
    }
    in.seg[VMX_ES].access_rights = 0x10000;
    in.gdtr = (struct vmx_descriptor_table){0xffff888000001000, 0x7f};
    in.idtr = (struct vmx_descriptor_table){0xffff888000002000, 0xfff};
    in.dr[0] = 1;
    in.dr[3] = 0xffffffff81000000;
    in.debugctl = 1;
    in.sysenter_cs = 0x10;
    in.sysenter_esp = 0xffff888000003000;
    in.sysenter_eip = 0xffffffff81000001;
    in.star = 0x0023001000000000;
    in.lstar = 0xffffffff81000002;
    in.cstar = 3;
    in.fmask = 0x47700;
    in.kernel_gs_base = 0xffff888000004000;
    in.tsc_aux = 5;
    in.pat = 0x0007040600070406;
    in.perf_global_ctrl = 6;
    in.misc_enable = 1;
    in.apic_base = 0xfee00900;
    in.spec_ctrl = in.xss = in.s_cet = in.ssp = in.interrupt_ssp_table = in.pkrs = in.bndcfgs = in.rtit_ctl = in.lbr_ctl = 8;
    in.pkru = 0x55555554;
    in.activity = VMX_HLT;
    in.pending_debug = 0x4000;
    clear_padding(&in);
    for (unsigned blocking = 0; blocking < 16; blocking++) {
        if ((blocking & 3) == 3)
            continue;
        in.interruptibility = blocking;
        memset(&out, 0, sizeof out);
        sim_engine_set(g->engine, VMX_GROUP_ALL, &in);
        CU_ASSERT_EQUAL(sim_engine_changed(g->engine), 0);
        sim_engine_get(g->engine, VMX_GROUP_ALL, &out);
        CU_ASSERT_EQUAL(memcmp(&in, &out, sizeof in), 0);
    }
    guest_free(g);
}

static void groups_move_alone(void)
{
    struct guest *g = guest_new();
    struct vmx_state in = g->state, out;
    sim_engine_set(g->engine, VMX_GROUP_ALL, &in);
    memset(&in, 0x5a, sizeof in);
    sim_engine_set(g->engine, VMX_GROUP_GPR, &in);
    sim_engine_get(g->engine, VMX_GROUP_ALL, &out);
    CU_ASSERT_EQUAL(out.gpr[VMX_RAX], 0x5a5a5a5a5a5a5a5a);
    CU_ASSERT_EQUAL(out.gpr[VMX_RSP], GUEST_STACK);
    CU_ASSERT_EQUAL(out.rip, GUEST_CODE);
    CU_ASSERT_EQUAL(sim_engine_gpr(g->engine)[VMX_RBP], 0x5a5a5a5a5a5a5a5a);
    guest_free(g);
}

static void changes_are_found_by_group(void)
{
    BLOB(change_none, "nop\n hlt");
    BLOB(change_gpr, "mov $1, %eax\n hlt");
    BLOB(change_flags, "stc\n hlt");
    BLOB(change_segment, "wrfsbase %rsp\n hlt");
    BLOB(change_msr, "swapgs\n hlt");
    BLOB(change_event, "mov %ss, %ecx\n mov %ecx, %ss\n hlt");
    static const struct {
        const uint8_t *code;
        uint32_t changed;
    } cases[] = {{change_none, VMX_GROUP_IP},
                 {change_gpr, VMX_GROUP_IP | VMX_GROUP_GPR},
                 {change_flags, VMX_GROUP_IP},
                 {change_segment, VMX_GROUP_IP | VMX_GROUP_SEGMENTS},
                 {change_msr, VMX_GROUP_IP | VMX_GROUP_MSR | VMX_GROUP_SEGMENTS},
                 {change_event, VMX_GROUP_IP | VMX_GROUP_GPR | VMX_GROUP_EVENT}};
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct guest *g = guest_new();
        g->state.kernel_gs_base = 77;
        g->state.seg[VMX_SS] = guest_segment(0x10, 0, 0xffffffff, 0xc093);
        guest_code(g, GUEST_CODE, cases[i].code, 16);
        sim_engine_set(g->engine, VMX_GROUP_ALL, &g->state);
        sim_engine_run(g->engine, 100, &g->result);
        const uint32_t changed = sim_engine_changed(g->engine);
        CU_ASSERT_EQUAL(changed & ~(uint32_t)VMX_GROUP_SEGMENTS, cases[i].changed & ~(uint32_t)VMX_GROUP_SEGMENTS);
        CU_ASSERT_EQUAL(changed & cases[i].changed, cases[i].changed);
        guest_free(g);
    }
}

static void blocking_says_who_blocks(void)
{
    BLOB(shadows, "sti\n nop\n sti\n nop\n mov %ss, %ecx\n mov %ecx, %ss\n nop\n nop");
    static const uint32_t expected[] = {VMX_BLOCKING_BY_STI, 0, 0, 0, 0, VMX_BLOCKING_BY_MOV_SS, 0, 0};
    struct guest *g = guest_new();
    PUT(g, GUEST_CODE, shadows);
    for (unsigned i = 0; i < sizeof expected / sizeof *expected; i++) {
        CU_ASSERT_EQUAL(guest_run(g, 1), SIM_STOP_DEADLINE);
        CU_ASSERT_EQUAL(g->state.interruptibility, expected[i]);
    }
    guest_free(g);
}

static void a_watched_run_ends_where_blocking_ends(void)
{
    BLOB(window, "nop\n cli\n nop\n sti\n mov $5, %ecx\n nop\n jmp .");
    struct guest *g = guest_new();
    PUT(g, GUEST_CODE, window);
    sim_engine_watch_once(g->engine);
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_DEADLINE);
    CU_ASSERT_EQUAL(g->state.rip, GUEST_CODE + 4);
    CU_ASSERT_EQUAL(g->state.interruptibility, VMX_BLOCKING_BY_STI);
    sim_engine_watch_once(g->engine);
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_DEADLINE);
    CU_ASSERT_EQUAL(g->state.rip, GUEST_CODE + 9);
    sim_engine_watch_once(g->engine);
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_DEADLINE);
    CU_ASSERT_EQUAL(sim_engine_retired(g->engine), 105);
    guest_free(g);
}

static void real_mode_has_any_base(void)
{
    BLOB(real, ".code16\n mov $0x1111, %ax\n mov %ax, 0x10\n push %cs\n mov $0x2000, %bx\n mov %bx, %es\n mov %al, %es:(0)\n hlt\n .code64");
    struct guest *g = guest_new();
    guest_mode_real(&g->state);
    g->state.seg[VMX_CS] = guest_segment(0xf000, 0x2f0000, 0xffff, 0x9b);
    g->state.seg[VMX_DS] = guest_segment(0x1234, 0x12340, 0xffff, 0x93);
    g->state.seg[VMX_SS] = guest_segment(0x3000, 0x30000, 0xffff, 0x93);
    g->state.rip = 0xfff0;
    PUT(g, 0x2ffff0, real);
    g->state.gpr[VMX_RSP] = 0x100;
    CU_ASSERT_EQUAL(guest_run(g, 2), SIM_STOP_DEADLINE);
    CU_ASSERT_EQUAL(g->ram[0x12350], 0x11);
    CU_ASSERT_EQUAL(g->state.rip, 0xfff6);
    g->state.seg[VMX_CS].base = 0x2e0000; /* the rest would leave the segment */
    g->state.rip = 6;
    PUT(g, 0x2e0000, real);
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_INSTRUCTION);
    CU_ASSERT_EQUAL(g->ram[0x300fe] | g->ram[0x300ff] << 8, 0xf000);
    CU_ASSERT_EQUAL(g->ram[0x20000], 0x11);
    CU_ASSERT_EQUAL(g->state.seg[VMX_ES].base, 0x20000);
    CU_ASSERT_FALSE(g->user);
    guest_free(g);
}

static void protected_mode_adds_bases(void)
{
    BLOB(wide, ".code32\n mov $0x22222222, %eax\n mov %eax, 0x20\n push %eax\n hlt\n .code64");
    struct guest *g = guest_new();
    guest_mode_protected(&g->state, true);
    g->state.seg[VMX_CS].base = 0x10000;
    g->state.seg[VMX_DS].base = 0x50000;
    g->state.seg[VMX_SS].base = 0x60000;
    g->state.rip = 0x100;
    g->state.gpr[VMX_RSP] = 0x1000;
    PUT(g, 0x10100, wide);
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_INSTRUCTION);
    CU_ASSERT_EQUAL(g->ram[0x50020], 0x22);
    CU_ASSERT_EQUAL(g->ram[0x60ffc], 0x22);
    CU_ASSERT_EQUAL(g->state.rip, 0x10b);
    /* bases wrap at 4 GiB */
    g->state.seg[VMX_DS].base = 0xfffff000;
    g->state.rip = 0x100;
    g->ram[0x10100 + 6] = 0x10; /* [0x1020] */
    sim_engine_ram_written(g->engine, 0x10106, 2);
    g->ram[0x10107] = 0x10;
    g->ram[0x10106] = 0x20;
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_INSTRUCTION);
    CU_ASSERT_EQUAL(g->ram[0x20], 0x22);
    guest_free(g);
}

static void sixteen_bit_code_in_protected_mode(void)
{
    BLOB(narrow, ".code16\n mov $0x3333, %ax\n push %ax\n hlt\n .code64");
    struct guest *g = guest_new();
    guest_mode_protected(&g->state, false);
    g->state.seg[VMX_SS].base = 0x60000;
    g->state.gpr[VMX_RSP] = 0xaaaa0010;
    g->state.seg[VMX_CS].base = GUEST_CODE;
    g->state.rip = 0;
    PUT(g, GUEST_CODE, narrow);
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_INSTRUCTION);
    CU_ASSERT_EQUAL(g->state.gpr[VMX_RSP], 0xaaaa000e);
    CU_ASSERT_EQUAL(g->ram[0x6000e], 0x33);
    guest_free(g);
}

static void virtual_8086_mode_is_user_code(void)
{
    BLOB(v86, ".code16\n mov $0x4444, %ax\n mov %ax, 0x10\n mov %ax, %es\n int $0x21\n .code64");
    struct guest *g = guest_new();
    guest_mode_protected(&g->state, false);
    g->state.rflags = 0x23002; /* VM, IOPL 3 */
    for (unsigned i = VMX_ES; i <= VMX_GS; i++)
        g->state.seg[i] = guest_segment((uint16_t)(0x1000 * i), 0x10000 * i, 0xffff, 0xf3);
    g->state.rip = 0;
    PUT(g, 0x10000, v86);
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_SOFT_INTERRUPT);
    CU_ASSERT_EQUAL(g->result.event.vector, 0x21);
    CU_ASSERT_EQUAL(g->ram[0x30010], 0x44);
    CU_ASSERT_EQUAL(g->state.seg[VMX_ES].base, 0x44440);
    CU_ASSERT_TRUE(g->user);
    g->state.rflags = 0x20002; /* IOPL 0: INT n is #GP */
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_EXCEPTION);
    CU_ASSERT_EQUAL(g->result.event.vector, VMX_GP);
    guest_free(g);
}

static void compatibility_mode_and_back(void)
{
    BLOB(compat, ".code32\n mov $0x55, %eax\n inc %eax\n ljmp $0x08, $0x20000\n .code64");
    BLOB(long64, "mov $0x1122334455667788, %rbx\n hlt");
    struct guest *g = guest_new();
    g->state.seg[VMX_CS] = guest_segment(0x20, 0, 0xffffffff, 0xc09b);
    PUT(g, GUEST_CODE, compat);
    PUT(g, 0x20000, long64);
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_INSTRUCTION);
    CU_ASSERT_EQUAL(g->state.gpr[VMX_RAX], 0x56);
    CU_ASSERT_EQUAL(g->state.gpr[VMX_RBX], 0x1122334455667788);
    CU_ASSERT_EQUAL(g->state.seg[VMX_CS].access_rights, 0xa09b);
    guest_free(g);
}

static void system_calls_switch_rings(void)
{
    BLOB(caller, "stc\n syscall\n nop\n int3");
    BLOB(kernel, "sysretq");
    struct guest *g = guest_new();
    guest_mode_long(&g->state, 3);
    g->state.seg[VMX_CS].selector = 0x33;
    g->state.seg[VMX_SS].selector = 0x2b;
    g->state.star = 0x0023000800000000;
    g->state.lstar = 0x20000;
    g->state.fmask = 0x201;
    g->state.rflags = 0x202;
    PUT(g, GUEST_CODE, caller);
    PUT(g, 0x20000, kernel);
    CU_ASSERT_EQUAL(guest_run(g, 2), SIM_STOP_DEADLINE);
    CU_ASSERT_EQUAL(g->state.rip, 0x20000);
    CU_ASSERT_EQUAL(g->state.rflags, 2);
    CU_ASSERT_EQUAL(g->state.gpr[VMX_R11], 0x203);
    CU_ASSERT_EQUAL(g->state.gpr[VMX_RCX], GUEST_CODE + 3);
    CU_ASSERT_EQUAL(g->state.seg[VMX_CS].selector, 8);
    CU_ASSERT_EQUAL(g->state.seg[VMX_SS].access_rights, 0xc093);
    CU_ASSERT_EQUAL(guest_run(g, 2), SIM_STOP_DEADLINE);
    CU_ASSERT_EQUAL(g->state.seg[VMX_CS].selector, 0x33);
    CU_ASSERT_EQUAL(g->state.rflags, 0x203);
    CU_ASSERT_EQUAL(guest_run(g, 2), SIM_STOP_SOFT_INTERRUPT);
    g->state.efer &= ~1ull;
    g->state.rip = GUEST_CODE;
    CU_ASSERT_EQUAL(guest_run(g, 2), SIM_STOP_EXCEPTION);
    CU_ASSERT_EQUAL(g->result.event.vector, VMX_UD);
    CU_ASSERT_EQUAL(g->state.rip, GUEST_CODE + 1);
    guest_free(g);
}

static void exceptions_carry_vector_and_error_code(void)
{
    BLOB(divides, "nop\n xor %ecx, %ecx\n div %ecx");
    BLOB(loads, "nop\n mov $0x1238, %ecx\n mov %ecx, %ds");
    BLOB(privileged, "nop\n cli");
    BLOB(fpu, "nop\n fninit");
    static const struct {
        const uint8_t *code;
        unsigned cpl, before, retired;
        uint8_t vector;
        bool has_error_code;
        uint32_t error_code;
    } cases[] = {{divides, 0, 3, 2, VMX_DE, false, 0},
                 {loads, 0, 6, 2, VMX_GP, true, 0x1238},
                 {privileged, 3, 1, 1, VMX_GP, true, 0},
                 {fpu, 0, 1, 1, VMX_NM, false, 0}};
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct guest *g = guest_new();
        guest_mode_long(&g->state, cases[i].cpl);
        if (cases[i].vector == VMX_NM)
            g->state.cr0 |= 8;
        guest_code(g, GUEST_CODE, cases[i].code, 16);
        CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_EXCEPTION);
        CU_ASSERT_EQUAL(g->result.event.vector, cases[i].vector);
        CU_ASSERT_EQUAL(g->result.event.has_error_code, cases[i].has_error_code);
        CU_ASSERT_EQUAL(g->result.event.error_code, cases[i].error_code);
        CU_ASSERT_EQUAL(g->state.rip, GUEST_CODE + cases[i].before);
        CU_ASSERT_EQUAL(sim_engine_retired(g->engine), cases[i].retired);
        guest_free(g);
    }
}

static void trap_flag_traps_behind_the_instruction(void)
{
    BLOB(traced, "nop\n jmp .");
    struct guest *g = guest_new();
    PUT(g, GUEST_CODE, traced);
    g->state.rflags = 0x102;
    for (unsigned i = 1; i < 4; i++) {
        CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_EXCEPTION);
        CU_ASSERT_EQUAL(g->result.event.vector, VMX_DB);
        CU_ASSERT_EQUAL(g->result.event.payload, 0x4000);
        CU_ASSERT_EQUAL(g->state.rip, GUEST_CODE + 1);
        CU_ASSERT_EQUAL(sim_engine_retired(g->engine), i);
    }
    guest_free(g);
}

static void trap_flag_traps_after_each_iteration(void)
{
    BLOB(traced_rep, "rep lodsb\n nop");
    struct guest *g = guest_new();
    PUT(g, GUEST_CODE, traced_rep);
    g->state.rflags = 0x102;
    g->state.gpr[VMX_RCX] = 3;
    g->state.gpr[VMX_RSI] = GUEST_DATA;
    for (unsigned i = 1; i <= 3; i++) {
        CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_EXCEPTION);
        CU_ASSERT_EQUAL(g->state.rip, GUEST_CODE + (i == 3 ? 2 : 0));
        CU_ASSERT_EQUAL(sim_engine_ticks(g->engine), i);
        CU_ASSERT_EQUAL(sim_engine_retired(g->engine), i == 3 ? 1 : 0);
    }
    guest_free(g);
}

static void resume_flag_ends_with_its_instruction(void)
{
    BLOB(resumed, "nop\n jmp 1f\n nop\n 1: nop\n cpuid");
    for (unsigned count = 1; count < 4; count++) {
        struct guest *g = guest_new();
        PUT(g, GUEST_CODE, resumed);
        g->state.rflags = 0x10002;
        CU_ASSERT_EQUAL(guest_run(g, count), SIM_STOP_DEADLINE);
        CU_ASSERT_EQUAL(g->state.rflags, 2);
        g->state.rip = GUEST_CODE;
        g->state.rflags = 0x10002;
        CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_INSTRUCTION);
        CU_ASSERT_EQUAL(g->state.rflags, 2);
        g->state.rflags = 0x10002;
        CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_INSTRUCTION);
        CU_ASSERT_EQUAL(g->state.rflags, 0x10002);
        guest_free(g);
    }
}

static void allowed_instructions_act(void)
{
    BLOB(sgdt, "sgdt 0x100000\n nop\n cpuid");
    BLOB(ltr, "mov $0x38, %eax\n ltr %ax\n smsw %ebx\n mov %cr0, %rcx\n mov %rsp, %dr1\n cpuid");
    struct guest *g = guest_new();
    PUT(g, GUEST_CODE, sgdt);
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_INSTRUCTION);
    CU_ASSERT_EQUAL(g->ram[GUEST_DATA], 0);
    sim_engine_allow_once(g->engine);
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_INSTRUCTION);
    CU_ASSERT_EQUAL(g->ram[GUEST_DATA], g->state.gdtr.limit);
    CU_ASSERT_EQUAL(g->state.rip, GUEST_CODE + 9);
    CU_ASSERT_EQUAL(sim_engine_retired(g->engine), 2);
    sim_engine_allow_once(g->engine);
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_INSTRUCTION); /* CPUID is never let pass */
    g->state.rip = GUEST_CODE;
    PUT(g, GUEST_CODE, ltr);
    for (unsigned i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_INSTRUCTION);
        sim_engine_allow_once(g->engine);
    }
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_INSTRUCTION);
    CU_ASSERT_EQUAL(g->state.seg[VMX_TR].access_rights & 0x1ffff, 0x8b);
    CU_ASSERT_EQUAL(g->state.gpr[VMX_RBX], g->state.cr0);
    CU_ASSERT_EQUAL(g->state.gpr[VMX_RCX], g->state.cr0);
    CU_ASSERT_EQUAL(g->state.dr[1], GUEST_STACK);
    CU_ASSERT_EQUAL(sim_engine_retired(g->engine), 2 + 5);
    guest_free(g);
}

static void string_io_stops_before_memory_is_touched(void)
{
    BLOB(ins, "mov $3, %ecx\n rep insb\n xor %ecx, %ecx\n rep outsb\n mov $1, %eax\n outsl\n hlt");
    struct guest *g = guest_new();
    PUT(g, GUEST_CODE, ins);
    g->state.gpr[VMX_RDI] = GUEST_DATA;
    g->ram[GUEST_DATA] = 0x99;
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_INSTRUCTION);
    CU_ASSERT_EQUAL(g->state.rip, GUEST_CODE + 5);
    CU_ASSERT_EQUAL(g->ram[GUEST_DATA], 0x99);
    CU_ASSERT_EQUAL(sim_engine_retired(g->engine), 1);
    g->state.rip = GUEST_CODE + 7;
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_INSTRUCTION);
    CU_ASSERT_EQUAL(g->state.rip, GUEST_CODE + 16);
    CU_ASSERT_EQUAL(sim_engine_retired(g->engine), 4);
    guest_free(g);
}

static void task_switches_stop(void)
{
    BLOB(task, ".code32\n nop\n ljmp $0x18, $0\n .code64");
    BLOB(back, ".code32\n nop\n iret\n .code64");
    struct guest *g = guest_new();
    guest_mode_protected(&g->state, true);
    PUT(g, GUEST_CODE, task);
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_INSTRUCTION);
    CU_ASSERT_EQUAL(g->state.rip, GUEST_CODE + 1);
    g->state.rip = GUEST_CODE;
    g->state.rflags = 0x4002;
    PUT(g, GUEST_CODE, back);
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_INSTRUCTION);
    CU_ASSERT_EQUAL(g->state.rip, GUEST_CODE + 1);
    CU_ASSERT_EQUAL(sim_engine_retired(g->engine), 2);
    guest_free(g);
}

SUITE("sim/engine_state", {"state_goes_round_unchanged", state_goes_round_unchanged}, {"groups_move_alone", groups_move_alone},
      {"changes_are_found_by_group", changes_are_found_by_group}, {"blocking_says_who_blocks", blocking_says_who_blocks},
      {"a_watched_run_ends_where_blocking_ends", a_watched_run_ends_where_blocking_ends}, {"real_mode_has_any_base", real_mode_has_any_base},
      {"protected_mode_adds_bases", protected_mode_adds_bases}, {"sixteen_bit_code_in_protected_mode", sixteen_bit_code_in_protected_mode},
      {"virtual_8086_mode_is_user_code", virtual_8086_mode_is_user_code}, {"compatibility_mode_and_back", compatibility_mode_and_back},
      {"system_calls_switch_rings", system_calls_switch_rings}, {"exceptions_carry_vector_and_error_code", exceptions_carry_vector_and_error_code},
      {"trap_flag_traps_behind_the_instruction", trap_flag_traps_behind_the_instruction},
      {"trap_flag_traps_after_each_iteration", trap_flag_traps_after_each_iteration},
      {"resume_flag_ends_with_its_instruction", resume_flag_ends_with_its_instruction}, {"allowed_instructions_act", allowed_instructions_act},
      {"string_io_stops_before_memory_is_touched", string_io_stops_before_memory_is_touched}, {"task_switches_stop", task_switches_stop})

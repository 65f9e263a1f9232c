/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every sensitive instruction stops before it acts. */
#include "tests/support/suite.h"

#include "engine_guest.h"

#define PROLOGUE "\xb8\x05\x00\x00\x00\x83\xf8\x05\xf9" /* mov eax, 5; cmp eax, 5; stc */
enum { PROLOGUE_SIZE = 9, PROLOGUE_COUNT = 3 };

struct stop_case {
    const char *name;
    const char *code;
    unsigned size;
    enum sim_stop stop;
    uint8_t vector, type;
};

#define STOPS(name, code)                                                                                                                            \
    {                                                                                                                                                \
        name, code, sizeof(code) - 1, SIM_STOP_INSTRUCTION, 0, 0                                                                                     \
    }
#define RAISES(name, code, vector)                                                                                                                   \
    {                                                                                                                                                \
        name, code, sizeof(code) - 1, SIM_STOP_EXCEPTION, vector, VMX_EVENT_HARDWARE_EXCEPTION                                                       \
    }
#define SOFT(name, code, vector, type)                                                                                                               \
    {                                                                                                                                                \
        name, code, sizeof(code) - 1, SIM_STOP_SOFT_INTERRUPT, vector, type                                                                          \
    }

static const struct stop_case cases[] = {
    STOPS("cpuid", "\x0f\xa2"),
    STOPS("hlt", "\xf4"),
    STOPS("rdtsc", "\x0f\x31"),
    STOPS("rdtscp", "\x0f\x01\xf9"),
    STOPS("rdpmc", "\x0f\x33"),
    STOPS("rdmsr", "\x0f\x32"),
    STOPS("wrmsr", "\x0f\x30"),
    STOPS("mov cr0, rax", "\x0f\x22\xc0"),
    STOPS("mov cr3, rax", "\x0f\x22\xd8"),
    STOPS("mov cr4, rax", "\x0f\x22\xe0"),
    STOPS("mov cr8, rax", "\x44\x0f\x22\xc0"),
    STOPS("mov rax, cr0", "\x0f\x20\xc0"),
    STOPS("mov rax, cr3", "\x0f\x20\xd8"),
    STOPS("mov rax, cr8", "\x44\x0f\x20\xc0"),
    STOPS("clts", "\x0f\x06"),
    STOPS("lmsw ax", "\x0f\x01\xf0"),
    STOPS("smsw ax", "\x66\x0f\x01\xe0"),
    STOPS("mov dr7, rax", "\x0f\x23\xf8"),
    STOPS("mov rax, dr6", "\x0f\x21\xf0"),
    STOPS("invlpg [rax]", "\x0f\x01\x38"),
    STOPS("pause", "\xf3\x90"),
    STOPS("monitor", "\x0f\x01\xc8"),
    STOPS("mwait", "\x0f\x01\xc9"),
    STOPS("in al, 0x60", "\xe4\x60"),
    STOPS("in eax, dx", "\xed"),
    STOPS("in ax, dx", "\x66\xed"),
    STOPS("out 0x60, al", "\xe6\x60"),
    STOPS("out dx, eax", "\xef"),
    STOPS("insb", "\x6c"),
    STOPS("outsd", "\x6f"),
    STOPS("lgdt", "\x0f\x01\x14\x25\x00\x00\x10\x00"),
    STOPS("lidt", "\x0f\x01\x1c\x25\x00\x00\x10\x00"),
    STOPS("sgdt", "\x0f\x01\x04\x25\x00\x00\x10\x00"),
    STOPS("sidt", "\x0f\x01\x0c\x25\x00\x00\x10\x00"),
    STOPS("lldt ax", "\x0f\x00\xd0"),
    STOPS("ltr ax", "\x0f\x00\xd8"),
    STOPS("sldt ax", "\x0f\x00\xc0"),
    STOPS("str ax", "\x0f\x00\xc8"),
    STOPS("invd", "\x0f\x08"),
    STOPS("wbinvd", "\x0f\x09"),
    STOPS("rsm", "\x0f\xaa"),
    STOPS("xsetbv", "\x0f\x01\xd1"),
    STOPS("rdrand eax", "\x0f\xc7\xf0"),
    RAISES("vmcall", "\x0f\x01\xc1", VMX_UD),
    RAISES("vmlaunch", "\x0f\x01\xc2", VMX_UD),
    RAISES("vmread rax, rax", "\x0f\x78\xc0", VMX_UD),
    RAISES("vmwrite rax, rax", "\x0f\x79\xc0", VMX_UD),
    RAISES("vmptrld [rax]", "\x0f\xc7\x30", VMX_UD),
    RAISES("vmxon [rax]", "\xf3\x0f\xc7\x30", VMX_UD),
    RAISES("vmxoff", "\x0f\x01\xc4", VMX_UD),
    RAISES("invept", "\x66\x0f\x38\x80\x00", VMX_UD),
    RAISES("vmfunc", "\x0f\x01\xd4", VMX_UD),
    RAISES("getsec", "\x0f\x37", VMX_UD),
    RAISES("ud2", "\x0f\x0b", VMX_UD),
    RAISES("xsaves [rax]", "\x0f\xc7\x28", VMX_UD),
    SOFT("int 0x80", "\xcd\x80", 0x80, VMX_EVENT_SOFTWARE_INTERRUPT),
    SOFT("int 3", "\xcd\x03", 3, VMX_EVENT_SOFTWARE_INTERRUPT),
    SOFT("int3", "\xcc", 3, VMX_EVENT_SOFTWARE_EXCEPTION),
    SOFT("int1", "\xf1", 1, VMX_EVENT_PRIVILEGED_SOFTWARE_EXCEPTION),
};

static void check_case(struct guest *g, const struct stop_case *c)
{
    uint8_t code[64] = PROLOGUE;
    memset(&g->state.gpr, 0, sizeof g->state.gpr);
    g->state.gpr[VMX_RSP] = GUEST_STACK;
    g->state.rip = GUEST_CODE;
    g->state.rflags = 2;
    memcpy(code + PROLOGUE_SIZE, c->code, c->size);
    memset(code + PROLOGUE_SIZE + c->size, 0x90, 8);
    guest_code(g, GUEST_CODE, code, sizeof code);
    const uint64_t retired = sim_engine_retired(g->engine);
    struct vmx_state expected = g->state;
    const enum sim_stop stop = guest_run(g, 100);
    CU_ASSERT_EQUAL(sim_engine_retired(g->engine) - retired, PROLOGUE_COUNT);
    expected.rip = GUEST_CODE + PROLOGUE_SIZE;
    expected.gpr[VMX_RAX] = 5;
    expected.rflags = 0x47; /* ZF PF CF */
    if (stop != c->stop || memcmp(&expected, &g->state, sizeof expected) != 0 ||
        (c->stop != SIM_STOP_INSTRUCTION && (g->result.event.vector != c->vector || g->result.event.type != c->type))) {
        fprintf(stderr, "%s: stop %d, rip %lx, flags %lx, vector %d\n", c->name, (int)stop, (long)g->state.rip, (long)g->state.rflags,
                g->result.event.vector);
        CU_FAIL("stop");
    }
    if (c->stop == SIM_STOP_SOFT_INTERRUPT)
        CU_ASSERT_EQUAL(g->result.event.instruction_length, c->size);
}

static void sensitive_instructions_stop_before_acting(void)
{
    struct guest *g = guest_new();
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
        check_case(g, &cases[i]);
    guest_free(g);
}

/* VMREAD and VMWRITE of registers: one field, which is RDX. */
enum { FIELD_ABSENT = 99, ZF = 1 << 6 };

static unsigned known_instruction(void *context, uint64_t rip, uint64_t *flags)
{
    struct guest *g = context;
    (void)flags;
    return g->ram[rip] == 0x0f && g->ram[rip + 1] == 0x01 ? SIM_ENGINE_STOPS : 0;
}

static bool field_access(void *context, bool write, unsigned encoding, unsigned value, uint64_t *flags)
{
    struct guest *g = context;
    uint64_t *gpr = sim_engine_gpr(g->engine);
    const bool absent = gpr[encoding] == FIELD_ABSENT;
    *flags = absent ? ZF : 0;
    if (!absent)
        gpr[write ? VMX_RDX : value] = gpr[write ? value : VMX_RDX];
    return true;
}

static struct guest *guest_with_fields(void)
{
    struct guest *g = guest_new();
    const char *message;
    const struct sim_engine_callbacks callbacks = {.context = g, .translate = guest_translate, .undefined = known_instruction, .field = field_access};
    sim_engine_free(g->engine);
    g->engine = sim_engine_new(g->ram, GUEST_RAM, &callbacks, &message);
    CU_ASSERT_PTR_NOT_NULL_FATAL(g->engine);
    return g;
}

BLOB(fields, "mov $7, %ecx\n vmwrite %rcx, %rax\n mov $0, %ebx\n vmread %rax, %rbx\n jz 1f\n add $1, %rbx\n 1: mov $99, %eax\n stc\n"
             "vmread %rax, %rsi\n jz 2f\n ud2\n 2: adc $0, %rbx\n vmcall\n ud2");

static void fields_are_accessed_without_a_stop(void)
{
    struct guest *g = guest_with_fields();
    PUT(g, GUEST_CODE, fields);
    for (unsigned turn = 0; turn < 3; turn++) {
        const uint64_t before = sim_engine_retired(g->engine);
        g->state.rip = GUEST_CODE;
        g->state.gpr[VMX_RAX] = 1;
        CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_EXCEPTION); /* VMCALL, which the driver knows */
        CU_ASSERT(g->result.event.vector == VMX_UD && g->ram[g->state.rip + 1] == 0x01);
        CU_ASSERT_EQUAL(g->state.gpr[VMX_RBX], 8);
        CU_ASSERT_EQUAL(sim_engine_retired(g->engine) - before, 11);
    }
    guest_free(g);
}

static void accesses_of_fields_count_as_instructions(void)
{
    enum { INSTRUCTIONS = 11 };
    for (unsigned length = 1; length <= INSTRUCTIONS; length++) {
        struct guest *g = guest_with_fields();
        uint64_t ticks = 0;
        PUT(g, GUEST_CODE, fields);
        g->state.gpr[VMX_RAX] = 1;
        for (;;) {
            const enum sim_stop stop = guest_run(g, length);
            if (stop != SIM_STOP_DEADLINE)
                break;
            ticks += length;
            CU_ASSERT_EQUAL_FATAL(sim_engine_ticks(g->engine), ticks);
        }
        CU_ASSERT_EQUAL(sim_engine_ticks(g->engine), INSTRUCTIONS);
        CU_ASSERT_EQUAL(g->state.gpr[VMX_RBX], 8);
        guest_free(g);
    }
}

/* With traps, and without privilege, they are for the driver after the stop. */
static void accesses_of_fields_may_stop(void)
{
    struct guest *g = guest_with_fields();
    PUT(g, GUEST_CODE, fields);
    g->state.rip = GUEST_CODE + 5;
    g->state.rflags = 0x102;
    CU_ASSERT(guest_run(g, 100) == SIM_STOP_EXCEPTION && g->result.event.vector == VMX_UD);
    CU_ASSERT_EQUAL(g->state.rip, GUEST_CODE + 5);
    g->state.rflags = 2;
    guest_mode_long(&g->state, 3);
    CU_ASSERT(guest_run(g, 100) == SIM_STOP_EXCEPTION && g->result.event.vector == VMX_UD);
    CU_ASSERT_EQUAL(g->state.rip, GUEST_CODE + 5);
    CU_ASSERT_EQUAL(sim_engine_ticks(g->engine), 0);
    guest_free(g);
}

/* VMCALL, VMLAUNCH and VMRESUME: RDX says what becomes of them. The run that goes on begins at `target` with other flags and few ticks. */
enum { GOES_ON, ENDS, REFUSES, ON_FOR = 3 };
static unsigned judged;

static uint64_t judge(void *context)
{
    struct guest *g = context;
    struct vmx_state s;
    sim_engine_get(g->engine, VMX_GROUP_ALL, &s);
    judged++;
    if (s.gpr[VMX_RDX] == REFUSES)
        return SIM_ENGINE_REFUSES;
    CU_ASSERT(g->ram[s.rip] == 0x0f && g->ram[s.rip + 1] == 0x01);
    CU_ASSERT_EQUAL(s.rflags, 0x403); /* CF and DF, which the guest has set */
    s.rip = GUEST_CODE + 0x100;
    s.rflags = 0x442;
    s.gpr[VMX_RDX] += 0x10;
    sim_engine_set(g->engine, VMX_GROUP_GPR | VMX_GROUP_IP, &s);
    sim_engine_flush(g->engine);
    sim_engine_count_one(g->engine);
    return s.gpr[VMX_RDX] == 0x10 + ENDS ? 0 : ON_FOR;
}

BLOB(transition, "mov $0x10, %eax\n add $0xfffffff8, %eax\n std\n vmresume\n ud2");
BLOB(target, "pushf\n pop %rbx\n inc %rcx\n inc %rcx");

static void transitions_are_judged_within_the_run(void)
{
    struct guest *g = guest_new();
    const char *message;
    const struct sim_engine_callbacks callbacks = {.context = g, .translate = guest_translate, .judge = judge};
    sim_engine_free(g->engine);
    g->engine = sim_engine_new(g->ram, GUEST_RAM, &callbacks, &message);
    PUT(g, GUEST_CODE, transition);
    PUT(g, GUEST_CODE + 0x100, target);
    for (unsigned turn = 0; turn < 9; turn++) {
        const unsigned how = turn % 3;
        const uint64_t before = sim_engine_ticks(g->engine);
        g->state.rip = GUEST_CODE;
        g->state.rflags = 2;
        g->state.gpr[VMX_RCX] = 0;
        g->state.gpr[VMX_RDX] = how;
        judged = 0;
        const enum sim_stop stop = guest_run(g, 100);
        CU_ASSERT_EQUAL(judged, 1);
        CU_ASSERT_EQUAL(stop, how == GOES_ON ? SIM_STOP_DEADLINE : how == ENDS ? SIM_STOP_JUDGED : SIM_STOP_EXCEPTION);
        CU_ASSERT_EQUAL(sim_engine_ticks(g->engine) - before, how == GOES_ON ? 4 + ON_FOR : how == ENDS ? 4 : 3);
        CU_ASSERT_EQUAL(g->state.gpr[VMX_RCX], how == GOES_ON);
        CU_ASSERT_EQUAL(g->state.gpr[VMX_RDX], how == REFUSES ? REFUSES : how + 0x10);
        if (how == GOES_ON)
            CU_ASSERT_EQUAL(g->state.gpr[VMX_RBX], 0x442);
        if (how == ENDS)
            CU_ASSERT(g->state.rip == GUEST_CODE + 0x100 && g->state.rflags == 0x442);
        if (how == REFUSES)
            CU_ASSERT(g->result.event.vector == VMX_UD && g->state.rflags == 0x403 && g->ram[g->state.rip + 2] == 0xc3);
    }
    guest_free(g);
}

/* A trap, a breakpoint, a watched run: they stop. */
static void transitions_may_stop(void)
{
    struct guest *g = guest_new();
    const char *message;
    const struct sim_engine_callbacks callbacks = {.context = g, .translate = guest_translate, .judge = judge};
    sim_engine_free(g->engine);
    g->engine = sim_engine_new(g->ram, GUEST_RAM, &callbacks, &message);
    PUT(g, GUEST_CODE, transition);
    judged = 0;
    g->state.rip = GUEST_CODE + 9;
    g->state.rflags = 0x102;
    CU_ASSERT(guest_run(g, 1) == SIM_STOP_EXCEPTION && g->result.event.vector == VMX_UD);
    g->state.rflags = 2;
    sim_engine_watch_once(g->engine);
    CU_ASSERT(guest_run(g, 100) == SIM_STOP_EXCEPTION && g->result.event.vector == VMX_UD);
    g->state.dr[7] = 0x401;
    CU_ASSERT(guest_run(g, 100) == SIM_STOP_EXCEPTION && g->result.event.vector == VMX_UD);
    CU_ASSERT(judged == 0 && sim_engine_ticks(g->engine) == 0);
    guest_free(g);
}

SUITE("sim/engine", {"sensitive_instructions_stop_before_acting", sensitive_instructions_stop_before_acting},
      {"fields_are_accessed_without_a_stop", fields_are_accessed_without_a_stop},
      {"accesses_of_fields_count_as_instructions", accesses_of_fields_count_as_instructions},
      {"accesses_of_fields_may_stop", accesses_of_fields_may_stop}, {"transitions_are_judged_within_the_run", transitions_are_judged_within_the_run},
      {"transitions_may_stop", transitions_may_stop})

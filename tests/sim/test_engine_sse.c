/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arithmetic of SSE: each instruction over the edges of its operands and over settings of MXCSR gives what this computer's processor gives, value, flags
   and #XM; and the same on every host. */
#define _GNU_SOURCE
#include "tests/support/suite.h"

#include <setjmp.h>
#include <signal.h>
#include <ucontext.h>

#include "engine_guest.h"

enum { OE = 1 << 3, UE = 1 << 4, PE = 1 << 5, FLAGS = 0x3f, MASKS_SHIFT = 7, ALL_MASKED = 0x1f80, ARITHMETIC_FLAGS = 0x8d5 };
enum { CODE_MAX = 64, INSTRUCTION_MAX = 8, CR4_OSXMMEXCPT = 1 << 10 };

/* XMM0 is the destination, XMM1 the source; RAX and EAX are general registers. */
struct operation {
    uint8_t bytes[INSTRUCTION_MAX];
    uint8_t length;
    bool doubles, flags;
};

struct values {
    uint8_t d[16], s[16];
    uint64_t mxcsr, integer, rflags;
};

static const uint32_t floats[] = {0,          0x80000000, 0x00000001, 0x807fffff, 0x00800000, 0x3f800000, 0xbfc00000,
                                  0x3eaaaaab, 0x7f7fffff, 0xff800000, 0x7fc00001, 0x7f800001, 0x4f000000, 0x40200000};
static const uint64_t doubles[] = {0,
                                   0x8000000000000000,
                                   1,
                                   0x800fffffffffffff,
                                   0x0010000000000000,
                                   0x3ff0000000000000,
                                   0xbff8000000000000,
                                   0x3fd5555555555555,
                                   0x7fefffffffffffff,
                                   0xfff0000000000000,
                                   0x7ff8000000000001,
                                   0x7ff0000000000001,
                                   0x41e0000000000000,
                                   0x3690000000000000};
enum { OPERANDS = sizeof floats / sizeof *floats };
_Static_assert(OPERANDS == sizeof doubles / sizeof *doubles, "tables of one length");

static const uint16_t settings[] = {ALL_MASKED, 0x9f80, 0x1fc0, 0x9fc0, 0x3fbf, 0x5f80, 0x7f80, 0x0000,
                                    0x8000,     0x1f00, 0x1e80, 0x1d80, 0x1b80, 0x1780, 0x0f80, 0x9785};

static bool is_masked(uint64_t mxcsr)
{
    return (mxcsr & ALL_MASKED) == ALL_MASKED;
}

/* ---- the operations ---- */
static struct operation operations[256];
static unsigned operation_count;

static void add(uint8_t prefix, bool wide, const uint8_t *opcode, unsigned length, bool is_double, bool flags)
{
    struct operation *o = &operations[operation_count++];
    *o = (struct operation){.doubles = is_double, .flags = flags};
    if (prefix != 0)
        o->bytes[o->length++] = prefix;
    if (wide)
        o->bytes[o->length++] = 0x48;
    o->bytes[o->length++] = 0x0f;
    for (unsigned i = 0; i < length; i++)
        o->bytes[o->length++] = opcode[i];
}
#define ADD(prefix, is_double, ...) add(prefix, false, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}), is_double, false)

static void list_operations(void)
{
    static const uint8_t four_forms[] = {0x51, 0x58, 0x59, 0x5c, 0x5d, 0x5e, 0x5f}, prefixes[] = {0, 0x66, 0xf3, 0xf2};
    enum { MODRM = 0xc1 };
    operation_count = 0;
    for (unsigned p = 0; p < 4; p++) {
        for (unsigned i = 0; i < sizeof four_forms; i++)
            ADD(prefixes[p], (p & 1) != 0, four_forms[i], MODRM);
        for (uint8_t predicate = 0; predicate < 8; predicate++)
            ADD(prefixes[p], (p & 1) != 0, 0xc2, MODRM, predicate);
        ADD(prefixes[p], (p & 1) != 0, 0x5a, MODRM);
    }
    for (unsigned p = 0; p < 2; p++)
        for (uint8_t byte = 0x2e; byte <= 0x2f; byte++)
            add(prefixes[p], false, (const uint8_t[]){byte, MODRM}, 2, p != 0, true);
    for (unsigned p = 2; p < 4; p++)
        for (uint8_t byte = 0x2a; byte <= 0x2d; byte++)
            if (byte != 0x2b)
                for (unsigned wide = 0; wide < 2; wide++)
                    add(prefixes[p], wide != 0, (const uint8_t[]){byte, byte == 0x2a ? 0xc0 : MODRM}, 2, p == 3, false);
    ADD(0, false, 0x5b, MODRM);
    ADD(0x66, false, 0x5b, MODRM);
    ADD(0xf3, false, 0x5b, MODRM);
    ADD(0xf2, true, 0xe6, MODRM);
    ADD(0x66, true, 0xe6, MODRM);
    ADD(0xf3, true, 0xe6, MODRM);
    for (uint8_t byte = 0x7c; byte <= 0x7d; byte++) {
        ADD(0x66, true, byte, MODRM);
        ADD(0xf2, false, byte, MODRM);
    }
    ADD(0x66, true, 0xd0, MODRM);
    ADD(0xf2, false, 0xd0, MODRM);
    if (!__builtin_cpu_supports("sse4.1"))
        return;
    for (uint8_t byte = 0x08; byte <= 0x0b; byte++)
        for (uint8_t control = 0; control < 13; control++)
            ADD(0x66, (byte & 1) != 0, 0x3a, byte, MODRM, control);
    ADD(0x66, false, 0x3a, 0x40, MODRM, 0xff);
    ADD(0x66, false, 0x3a, 0x40, MODRM, 0x75);
    ADD(0x66, true, 0x3a, 0x41, MODRM, 0x31);
    ADD(0x66, true, 0x3a, 0x41, MODRM, 0x12);
}

static void put_values(const struct operation *o, unsigned i, unsigned j, uint16_t mxcsr, struct values *v)
{
    *v = (struct values){.mxcsr = mxcsr};
    for (unsigned lane = 0; lane < (o->doubles ? 2u : 4u); lane++) {
        const unsigned d = (i + lane * 5) % OPERANDS, s = (j + lane * 3) % OPERANDS;
        memcpy(v->d + lane * (o->doubles ? 8 : 4), o->doubles ? (const void *)&doubles[d] : &floats[d], o->doubles ? 8 : 4);
        memcpy(v->s + lane * (o->doubles ? 8 : 4), o->doubles ? (const void *)&doubles[s] : &floats[s], o->doubles ? 8 : 4);
    }
    v->integer = doubles[i] ^ floats[j];
}

/* RDI points to the values. */
static void put_code(const struct operation *o, uint8_t end, uint8_t code[CODE_MAX])
{
    static const uint8_t before[] = {0x0f, 0x10, 0x07, 0x0f, 0x10, 0x4f, 0x10, 0x48, 0x8b, 0x47, 0x28, 0x0f, 0xae, 0x57, 0x20};
    static const uint8_t after[] = {0x9c, 0x59, 0x0f, 0xae, 0x5f, 0x20, 0x0f, 0x11, 0x07, 0x48, 0x89, 0x47, 0x28, 0x48, 0x89, 0x4f, 0x30};
    memcpy(code, before, sizeof before);
    memcpy(code + sizeof before, o->bytes, o->length);
    memcpy(code + sizeof before + o->length, after, sizeof after);
    code[sizeof before + o->length + sizeof after] = end;
}

/* ---- this computer ---- */
static sigjmp_buf escape;
static uint32_t mxcsr_at_fault;

static void on_exception(int signal, siginfo_t *information, void *context)
{
    const ucontext_t *c = context;
    (void)signal, (void)information;
    mxcsr_at_fault = c->uc_mcontext.fpregs->mxcsr;
    siglongjmp(escape, 1);
}

/* False: #XM. */
static bool run_here(const void *code, struct values *v)
{
    const uint32_t usual = ALL_MASKED;
    if (sigsetjmp(escape, 0) != 0) {
        __asm__ volatile("ldmxcsr %0" : : "m"(usual));
        v->mxcsr = mxcsr_at_fault;
        return false;
    }
    __asm__ volatile("sub $256, %%rsp\n\tcall *%[code]\n\tadd $256, %%rsp"
                     :
                     : [code] "a"(code), "D"(v)
                     : "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "xmm0", "xmm1", "memory", "cc");
    __asm__ volatile("ldmxcsr %0" : : "m"(usual));
    return true;
}

/* ---- the guest ---- */
static bool run_guest(struct guest *g, struct values *v)
{
    struct sim_engine_float f;
    memcpy(g->ram + GUEST_DATA, v, sizeof *v);
    g->state.rip = GUEST_CODE;
    g->state.rflags = 2;
    g->state.gpr[VMX_RDI] = GUEST_DATA;
    const bool done = guest_run(g, 100) == SIM_STOP_INSTRUCTION;
    memcpy(v, g->ram + GUEST_DATA, sizeof *v);
    if (done)
        return true;
    CU_ASSERT_EQUAL(g->result.stop, SIM_STOP_EXCEPTION);
    CU_ASSERT_EQUAL(g->result.event.vector, VMX_XM);
    sim_engine_get_float(g->engine, &f);
    v->mxcsr = f.mxcsr;
    CU_ASSERT_EQUAL(memcmp(f.sse[0], v->d, sizeof v->d), 0);
    return false;
}

/* Beside an unmasked overflow or underflow PE is not modelled. */
static uint64_t compared_flags(bool done, uint16_t setting, uint64_t mxcsr)
{
    const uint64_t unmasked = ~(uint64_t)setting >> MASKS_SHIFT & FLAGS;
    return !done && (mxcsr & unmasked & (OE | UE)) != 0 ? mxcsr & ~(uint64_t)PE : mxcsr;
}

static bool are_equal(const struct operation *o, uint16_t setting, bool done, const struct values *a, const struct values *b)
{
    if (memcmp(a->d, b->d, sizeof a->d) != 0 || a->integer != b->integer)
        return false;
    if (o->flags && done && ((a->rflags ^ b->rflags) & ARITHMETIC_FLAGS) != 0)
        return false;
    return compared_flags(done, setting, a->mxcsr) == compared_flags(done, setting, b->mxcsr);
}

static void tell(const struct operation *o, uint16_t setting, unsigned i, unsigned j, bool here, bool there, const struct values *a,
                 const struct values *b)
{
    for (unsigned k = 0; k < o->length; k++)
        fprintf(stderr, "%02x ", o->bytes[k]);
    fprintf(stderr, "MXCSR %04x, operands %u and %u: processor %s %04x %016lx %016lx %lx, guest %s %04x %016lx %016lx %lx\n", setting, i, j,
            here ? "done" : "#XM", (unsigned)a->mxcsr, (unsigned long)*(const uint64_t *)(const void *)(a->d + 8),
            (unsigned long)*(const uint64_t *)(const void *)a->d, (unsigned long)a->integer, there ? "done" : "#XM", (unsigned)b->mxcsr,
            (unsigned long)*(const uint64_t *)(const void *)(b->d + 8), (unsigned long)*(const uint64_t *)(const void *)b->d,
            (unsigned long)b->integer);
}

static uint64_t mix(uint64_t hash, const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i += 8) {
        uint64_t word;
        memcpy(&word, (const uint8_t *)bytes + i, 8);
        hash = (hash ^ word) * 0x9e3779b97f4a7c15;
        hash ^= hash >> 29;
    }
    return hash;
}

/* What masked exceptions leave, over all operations, operands and settings: it stands here for ever. */
#define EXPECTED_HASH 0xa002d7c0494f3b66ull

static void every_operation_gives_what_the_processor_gives(void)
{
    struct guest *g = guest_new();
    uint8_t *here = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct sigaction action = {.sa_sigaction = on_exception, .sa_flags = SA_SIGINFO | SA_NODEFER}, old;
    uint64_t hash = 0;
    unsigned differ = 0;
    CU_ASSERT_NOT_EQUAL_FATAL((void *)here, MAP_FAILED);
    sigaction(SIGFPE, &action, &old);
    list_operations();
    for (unsigned n = 0; n < operation_count; n++) {
        const struct operation *o = &operations[n];
        uint8_t code[CODE_MAX] = {0};
        put_code(o, 0xc3, here);
        put_code(o, 0xf4, code);
        guest_code(g, GUEST_CODE, code, sizeof code);
        for (unsigned run = 0; run < OPERANDS * OPERANDS * (sizeof settings / sizeof *settings); run++) {
            const unsigned i = run % OPERANDS, j = run / OPERANDS % OPERANDS;
            const uint16_t setting = settings[run / (OPERANDS * OPERANDS)];
            struct values a, b;
            put_values(o, i, j, setting, &a);
            b = a;
            const bool done_here = run_here(here, &a), done = run_guest(g, &b);
            if ((done_here != done || !are_equal(o, setting, done, &a, &b)) && differ++ < 20)
                tell(o, setting, i, j, done_here, done, &a, &b);
            b.rflags = o->flags ? b.rflags & ARITHMETIC_FLAGS : 0;
            if (is_masked(setting))
                hash = mix(hash, &b, sizeof b);
        }
    }
    sigaction(SIGFPE, &old, NULL);
    CU_ASSERT_EQUAL(differ, 0);
    if (__builtin_cpu_supports("sse4.1")) {
        CU_ASSERT_EQUAL(hash, EXPECTED_HASH);
        if (hash != EXPECTED_HASH)
            fprintf(stderr, "hash %#lx\n", (unsigned long)hash);
    }
    munmap(here, 4096);
    guest_free(g);
}

static void without_osxmmexcpt_it_is_undefined(void)
{
    BLOB(divide, "xorps %xmm1, %xmm1\n divss %xmm1, %xmm0\n hlt");
    struct guest *g = guest_new();
    struct sim_engine_float f;
    PUT(g, GUEST_CODE, divide);
    sim_engine_get_float(g->engine, &f);
    f.mxcsr = 0;
    f.sse[0][0] = 0x3f800000;
    sim_engine_set_float(g->engine, &f);
    g->state.cr4 &= ~(uint64_t)CR4_OSXMMEXCPT;
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_EXCEPTION);
    CU_ASSERT_EQUAL(g->result.event.vector, VMX_UD);
    CU_ASSERT_EQUAL(g->state.rip, GUEST_CODE + 3);
    sim_engine_get_float(g->engine, &f);
    CU_ASSERT_EQUAL(f.mxcsr, 4); /* ZE */
    guest_free(g);
}

static void ldmxcsr_refuses_reserved_bits(void)
{
    BLOB(load, "ldmxcsr (%rdi)\n hlt");
    struct guest *g = guest_new();
    for (unsigned bit = 0; bit < 32; bit++) {
        const uint32_t value = 1u << bit;
        PUT(g, GUEST_CODE, load);
        memcpy(g->ram + GUEST_DATA, &value, sizeof value);
        g->state.rip = GUEST_CODE;
        g->state.gpr[VMX_RDI] = GUEST_DATA;
        CU_ASSERT_EQUAL(guest_run(g, 100), bit < 16 ? SIM_STOP_INSTRUCTION : SIM_STOP_EXCEPTION);
        if (bit >= 16)
            CU_ASSERT_EQUAL(g->result.event.vector, VMX_GP);
    }
    guest_free(g);
}

SUITE("sim/engine_sse", {"every_operation_gives_what_the_processor_gives", every_operation_gives_what_the_processor_gives},
      {"without_osxmmexcpt_it_is_undefined", without_osxmmexcpt_it_is_undefined}, {"ldmxcsr_refuses_reserved_bits", ldmxcsr_refuses_reserved_bits})

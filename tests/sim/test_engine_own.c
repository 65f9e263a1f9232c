/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instructions that move, count and select bits, over many values, against what the manual says of each in C. SDM 2, each instruction's "Operation". */
#include "tests/support/suite.h"

#include "engine_guest.h"
#include "tests/support/random.h"

enum { CF = 1 << 0, PF = 1 << 2, AF = 1 << 4, ZF = 1 << 6, SF = 1 << 7, OF = 1 << 11, ALL = CF | PF | AF | ZF | SF | OF };
enum { VALUES = 60 };

/* Before: destination RAX, first source RBX, second source RCX. After: RAX, RDX and the flags of `defined`. */
struct bits {
    uint64_t a, b, c, d;
    uint32_t flags, defined;
    unsigned width; /* of operands */
};

static uint64_t cut(const struct bits *x, uint64_t value)
{
    return x->width == 64 ? value : value & UINT32_MAX;
}

static void result(struct bits *x, uint64_t value, uint32_t flags, uint32_t defined)
{
    x->a = cut(x, value);
    x->flags = flags;
    x->defined = defined;
}

static uint32_t zero_and_sign(const struct bits *x, uint64_t value)
{
    return (cut(x, value) == 0 ? (uint32_t)ZF : 0) | ((value >> (x->width - 1) & 1) != 0 ? (uint32_t)SF : 0);
}

static void pdep(struct bits *x)
{
    uint64_t value = 0;
    unsigned from = 0;
    for (unsigned i = 0; i < x->width; i++)
        if ((x->c >> i & 1) != 0)
            value |= (x->b >> from++ & 1) << i;
    result(x, value, x->flags, ALL);
}

static void pext(struct bits *x)
{
    uint64_t value = 0;
    unsigned to = 0;
    for (unsigned i = 0; i < x->width; i++)
        if ((x->c >> i & 1) != 0)
            value |= (x->b >> i & 1) << to++;
    result(x, value, x->flags, ALL);
}

static void andn(struct bits *x)
{
    const uint64_t value = ~x->b & x->c;
    result(x, value, zero_and_sign(x, value), CF | ZF | SF | OF);
}

static void blsi(struct bits *x)
{
    const uint64_t value = (0 - x->c) & x->c;
    result(x, value, zero_and_sign(x, value) | (cut(x, x->c) != 0 ? (uint32_t)CF : 0), CF | ZF | SF | OF);
}

static void blsr(struct bits *x)
{
    const uint64_t value = (x->c - 1) & x->c;
    result(x, value, zero_and_sign(x, value) | (cut(x, x->c) == 0 ? (uint32_t)CF : 0), CF | ZF | SF | OF);
}

static void blsmsk(struct bits *x)
{
    const uint64_t value = (x->c - 1) ^ x->c;
    result(x, value, zero_and_sign(x, value) | (cut(x, x->c) == 0 ? (uint32_t)CF : 0), CF | SF | OF | ZF);
}

/* Bits 7:0 of the control are the start, bits 15:8 the number. */
static void bextr(struct bits *x)
{
    const unsigned start = x->b & 0xff, number = x->b >> 8 & 0xff;
    const uint64_t value = start >= x->width ? 0 : cut(x, x->c) >> start;
    const uint64_t kept = number >= 64 ? value : value & ((UINT64_C(1) << number) - 1);
    result(x, kept, cut(x, kept) == 0 ? ZF : 0, CF | ZF | OF);
}

static void bzhi(struct bits *x)
{
    const unsigned number = x->b & 0xff;
    const uint64_t value = number >= x->width ? x->c : x->c & ((UINT64_C(1) << number) - 1);
    result(x, value, zero_and_sign(x, value) | (number >= x->width ? (uint32_t)CF : 0), CF | ZF | SF | OF);
}

static void mulx(struct bits *x)
{
    const __uint128_t product = (__uint128_t)cut(x, x->d) * cut(x, x->c);
    x->a = cut(x, (uint64_t)(product >> x->width));
    x->b = cut(x, (uint64_t)product);
    x->defined = ALL;
}

static void sarx(struct bits *x)
{
    const unsigned count = (unsigned)x->b & (x->width - 1);
    result(x, x->width == 64 ? (uint64_t)((int64_t)x->c >> count) : (uint32_t)((int32_t)(uint32_t)x->c >> count), x->flags, ALL);
}

static void shlx(struct bits *x)
{
    result(x, x->c << (x->b & (x->width - 1)), x->flags, ALL);
}

static void shrx(struct bits *x)
{
    result(x, cut(x, x->c) >> (x->b & (x->width - 1)), x->flags, ALL);
}

static void rorx(struct bits *x)
{
    enum { COUNT = 13 };
    result(x, cut(x, x->c) >> COUNT | x->c << (x->width - COUNT), x->flags, ALL);
}

static unsigned trailing(const struct bits *x)
{
    unsigned n = 0;
    while (n < x->width && (x->c >> n & 1) == 0)
        n++;
    return n;
}

static void tzcnt(struct bits *x)
{
    const unsigned n = trailing(x);
    result(x, n, (n == x->width ? (uint32_t)CF : 0) | (n == 0 ? (uint32_t)ZF : 0), CF | ZF);
}

static void lzcnt(struct bits *x)
{
    unsigned n = 0;
    while (n < x->width && (x->c >> (x->width - 1 - n) & 1) == 0)
        n++;
    result(x, n, (n == x->width ? (uint32_t)CF : 0) | (n == 0 ? (uint32_t)ZF : 0), CF | ZF);
}

static void popcnt(struct bits *x)
{
    unsigned n = 0;
    for (unsigned i = 0; i < x->width; i++)
        n += x->c >> i & 1;
    result(x, n, n == 0 ? ZF : 0, ALL);
}

static void crc(struct bits *x)
{
    uint32_t value = (uint32_t)x->a;
    for (unsigned i = 0; i < x->width; i++)
        value = value >> 1 ^ (((value ^ (uint32_t)(x->c >> i)) & 1) != 0 ? 0x82f63b78 : 0);
    result(x, value, x->flags, ALL);
}

static void adcx(struct bits *x)
{
    const __uint128_t sum = (__uint128_t)cut(x, x->a) + cut(x, x->c) + (x->flags & CF);
    result(x, (uint64_t)sum, (x->flags & ~(uint32_t)CF) | (uint32_t)(sum >> x->width & 1), ALL);
}

static void adox(struct bits *x)
{
    const __uint128_t sum = (__uint128_t)cut(x, x->a) + cut(x, x->c) + ((x->flags & OF) != 0);
    result(x, (uint64_t)sum, (x->flags & ~(uint32_t)OF) | ((sum >> x->width & 1) != 0 ? (uint32_t)OF : 0), ALL);
}

static void swap(struct bits *x)
{
    const uint64_t value = __builtin_bswap64(x->c);
    result(x, x->width == 64 ? value : value >> 32, x->flags, ALL);
}

/* ---- the forms: the second source is a register or in memory at RSI ---- */
BLOB(forms, "pdep %ecx,%ebx,%eax\n pdep (%rsi),%ebx,%eax\n pdep %rcx,%rbx,%rax\n pdep (%rsi),%rbx,%rax\n"
            "pext %ecx,%ebx,%eax\n pext (%rsi),%ebx,%eax\n pext %rcx,%rbx,%rax\n pext (%rsi),%rbx,%rax\n"
            "andn %ecx,%ebx,%eax\n andn (%rsi),%ebx,%eax\n andn %rcx,%rbx,%rax\n andn (%rsi),%rbx,%rax\n"
            "blsi %ecx,%eax\n blsi (%rsi),%eax\n blsi %rcx,%rax\n blsi (%rsi),%rax\n"
            "blsr %ecx,%eax\n blsr (%rsi),%eax\n blsr %rcx,%rax\n blsr (%rsi),%rax\n"
            "blsmsk %ecx,%eax\n blsmsk (%rsi),%eax\n blsmsk %rcx,%rax\n blsmsk (%rsi),%rax\n"
            "bextr %ebx,%ecx,%eax\n bextr %ebx,(%rsi),%eax\n bextr %rbx,%rcx,%rax\n bextr %rbx,(%rsi),%rax\n"
            "bzhi %ebx,%ecx,%eax\n bzhi %ebx,(%rsi),%eax\n bzhi %rbx,%rcx,%rax\n bzhi %rbx,(%rsi),%rax\n"
            "mulx %ecx,%ebx,%eax\n mulx (%rsi),%ebx,%eax\n mulx %rcx,%rbx,%rax\n mulx (%rsi),%rbx,%rax\n"
            "sarx %ebx,%ecx,%eax\n sarx %ebx,(%rsi),%eax\n sarx %rbx,%rcx,%rax\n sarx %rbx,(%rsi),%rax\n"
            "shlx %ebx,%ecx,%eax\n shlx %ebx,(%rsi),%eax\n shlx %rbx,%rcx,%rax\n shlx %rbx,(%rsi),%rax\n"
            "shrx %ebx,%ecx,%eax\n shrx %ebx,(%rsi),%eax\n shrx %rbx,%rcx,%rax\n shrx %rbx,(%rsi),%rax\n"
            "rorx $13,%ecx,%eax\n rorx $13,(%rsi),%eax\n rorx $13,%rcx,%rax\n rorx $13,(%rsi),%rax\n"
            "tzcnt %ecx,%eax\n tzcnt (%rsi),%eax\n tzcnt %rcx,%rax\n tzcnt (%rsi),%rax\n"
            "lzcnt %ecx,%eax\n lzcnt (%rsi),%eax\n lzcnt %rcx,%rax\n lzcnt (%rsi),%rax\n"
            "popcnt %ecx,%eax\n popcnt (%rsi),%eax\n popcnt %rcx,%rax\n popcnt (%rsi),%rax\n"
            "crc32l %ecx,%eax\n crc32l (%rsi),%eax\n crc32q %rcx,%rax\n crc32q (%rsi),%rax\n"
            "adcx %ecx,%eax\n adcx (%rsi),%eax\n adcx %rcx,%rax\n adcx (%rsi),%rax\n"
            "adox %ecx,%eax\n adox (%rsi),%eax\n adox %rcx,%rax\n adox (%rsi),%rax\n"
            "movbe (%rsi),%eax\n nop\n movbe (%rsi),%rax\n nop\n");
enum { FORMS = 4 };
static void (*const operations[])(struct bits *) = {pdep, pext, andn, blsi,  blsr,  blsmsk, bextr, bzhi, mulx, sarx,
                                                    shlx, shrx, rorx, tzcnt, lzcnt, popcnt, crc,   adcx, adox, swap};
enum { OPERATIONS = sizeof operations / sizeof *operations };

/* Runs one instruction, with HLT behind it. */
static bool agrees(struct guest *g, struct random *random, const uint8_t *code, unsigned size, unsigned operation, unsigned width)
{
    struct bits x = {.a = random_edge(random), .b = random_edge(random), .c = random_edge(random), .d = random_edge(random), .width = width};
    x.flags = (uint32_t)random_next(random) & ALL;
    uint8_t all[16];
    memcpy(all, code, size);
    all[size] = 0xf4;
    guest_code(g, GUEST_CODE, all, size + 1);
    memcpy(g->ram + GUEST_DATA, &x.c, sizeof x.c);
    g->state.rip = GUEST_CODE;
    g->state.rflags = 2 | x.flags;
    g->state.gpr[VMX_RAX] = x.a;
    g->state.gpr[VMX_RBX] = x.b;
    g->state.gpr[VMX_RCX] = x.c;
    g->state.gpr[VMX_RDX] = x.d;
    g->state.gpr[VMX_RSI] = GUEST_DATA;
    const bool stopped = guest_run(g, 100) == SIM_STOP_INSTRUCTION;
    operations[operation](&x);
    return stopped && g->state.gpr[VMX_RAX] == x.a && g->state.gpr[VMX_RBX] == x.b && g->state.gpr[VMX_RDX] == x.d &&
           ((g->state.rflags ^ x.flags) & x.defined) == 0;
}

static unsigned length_at(const uint8_t *at)
{
    const bool vex = *at == 0xc4;
    const uint8_t *p = at;
    while (*p == 0x66 || *p == 0xf2 || *p == 0xf3 || (*p & 0xf0) == 0x40)
        p++;
    if (vex)
        return (at[1] & 31) == 3 ? 6 : 5;
    return (unsigned)(p - at) + (p[1] == 0x38 ? 4 : 3);
}

static void each_gives_what_the_manual_says(void)
{
    struct guest *g = guest_new();
    struct random random = {.state = 1};
    const uint8_t *at = forms;
    for (unsigned i = 0; i < OPERATIONS * FORMS; i++) {
        if (*at == 0x90) { /* a form that there is not */
            at++;
            continue;
        }
        const unsigned size = length_at(at), width = i % FORMS < 2 ? 32 : 64;
        unsigned wrong = 0;
        for (unsigned n = 0; n < VALUES; n++)
            wrong += !agrees(g, &random, at, size, i / FORMS, width);
        if (wrong != 0)
            fprintf(stderr, "operation %u, form %u: %u of %u values are wrong\n", i / FORMS, i % FORMS, wrong, (unsigned)VALUES);
        CU_ASSERT_EQUAL(wrong, 0);
        at += size;
    }
    CU_ASSERT_PTR_EQUAL(at, forms_end);
    guest_free(g);
}

/* ---- 16-bit code ---- */
static struct guest *guest_of_16_bits(const uint8_t *code, const uint8_t *end)
{
    enum { PLACE = 0x100 };
    struct guest *g = guest_new();
    guest_mode_protected(&g->state, false);
    g->state.seg[VMX_CS] = guest_segment(0x08, 0, 0xffff, 0x009b);
    g->state.seg[VMX_DS] = g->state.seg[VMX_SS] = guest_segment(0x10, GUEST_DATA, 0xffff, 0x0093);
    g->state.rip = PLACE;
    g->state.gpr[VMX_RSP] = 0x12348000;
    guest_code(g, PLACE, code, (size_t)(end - code));
    return g;
}

static void the_operand_size_of_16bit_code_is_16_bits(void)
{
    BLOB(sizes_16, ".code16\n"
                   "mov $0x1234, %bx\n mov $0xa1b2c3d4, %eax\n mov %eax, (%bx)\n"
                   "mov $-1, %ecx\n movbew (%bx), %cx\n mov $-1, %edx\n movbel (%bx), %edx\n"
                   "movbew %ax, 4(%bx)\n movbel %eax, 8(%bx)\n"
                   "mov $-1, %esi\n popcntw %ax, %si\n popcntl %eax, %edi\n"
                   "xor %ebp, %ebp\n crc32b %ah, %ebp\n crc32w %ax, %ebp\n crc32l (%bx), %ebp\n hlt\n .code64");
    static const uint64_t deadlines[] = {1000, 1};
    for (unsigned d = 0; d < 2; d++) {
        struct guest *g = guest_of_16_bits(sizes_16, sizes_16_end);
        while (guest_run(g, deadlines[d]) == SIM_STOP_DEADLINE)
            continue;
        CU_ASSERT_EQUAL(g->result.stop, SIM_STOP_INSTRUCTION);
        CU_ASSERT_EQUAL(sim_engine_retired(g->engine), 16);
        CU_ASSERT_EQUAL(g->state.gpr[VMX_RCX], 0xffffd4c3);
        CU_ASSERT_EQUAL(g->state.gpr[VMX_RDX], 0xd4c3b2a1);
        CU_ASSERT_EQUAL(memcmp(g->ram + GUEST_DATA + 0x1234, "\xd4\xc3\xb2\xa1\xc3\xd4\0\0\xa1\xb2\xc3\xd4", 12), 0);
        CU_ASSERT_EQUAL(g->state.gpr[VMX_RSI], 0xffff0008);
        CU_ASSERT_EQUAL(g->state.gpr[VMX_RDI], 15);
        struct bits x = {.a = 0, .c = 0xc3, .width = 8};
        crc(&x);
        x.c = 0xc3d4;
        x.width = 16;
        crc(&x);
        x.c = 0xa1b2c3d4;
        x.width = 32;
        crc(&x);
        CU_ASSERT_EQUAL(g->state.gpr[VMX_RBP], x.a & UINT32_MAX);
        guest_free(g);
    }
}

/* ---- ENTER ---- */
static uint64_t word_at(const struct guest *g, uint64_t at, unsigned bytes)
{
    uint64_t word = 0;
    memcpy(&word, g->ram + at, bytes);
    return word;
}

static void enter_pushes_by_operand_size_and_moves_by_stack_size(void)
{
    BLOB(enter_16_32, ".code16\n mov $0xaaaa4000, %ebp\n enterl $0x10, $3\n hlt\n .code64");
    BLOB(enter_16_16, ".code16\n mov $0xaaaa4000, %ebp\n enterw $0x10, $3\n hlt\n .code64");
    struct guest *g = guest_of_16_bits(enter_16_32, enter_16_32_end);
    memcpy(g->ram + GUEST_DATA + 0x3ff8, "\x11\x22\x33\x44\x55\x66\x77\x88", 8);
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_INSTRUCTION);
    CU_ASSERT_EQUAL(g->state.gpr[VMX_RBP], 0x12347ffc);
    CU_ASSERT_EQUAL(g->state.gpr[VMX_RSP], 0x12347fe0);
    CU_ASSERT_EQUAL(word_at(g, GUEST_DATA + 0x7ffc, 4), 0xaaaa4000);
    CU_ASSERT_EQUAL(word_at(g, GUEST_DATA + 0x7ff8, 4), 0x88776655);
    CU_ASSERT_EQUAL(word_at(g, GUEST_DATA + 0x7ff4, 4), 0x44332211);
    CU_ASSERT_EQUAL(word_at(g, GUEST_DATA + 0x7ff0, 4), 0x12347ffc);
    guest_free(g);
    g = guest_of_16_bits(enter_16_16, enter_16_16_end);
    memcpy(g->ram + GUEST_DATA + 0x3ffc, "\x11\x22\x33\x44", 4);
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_INSTRUCTION);
    CU_ASSERT_EQUAL(g->state.gpr[VMX_RBP], 0xaaaa7ffe);
    CU_ASSERT_EQUAL(g->state.gpr[VMX_RSP], 0x12347fe8);
    CU_ASSERT_EQUAL(word_at(g, GUEST_DATA + 0x7ff8, 8), UINT64_C(0x4000443322117ffe)); /* BP, two of the outer frames, the new one */
    guest_free(g);
}

static void enter_faults_where_the_final_stack_pointer_could_not_be_written(void)
{
    BLOB(enter_64, "mov $0x7000, %ebp\n enter $0x2000, $0\n hlt");
    BLOB(enter_limit, ".code32\n mov $0x7000, %ebp\n enter $0x2000, $1\n hlt\n .code64");
    static const uint64_t deadlines[] = {100, 1};
    for (unsigned d = 0; d < 2; d++) {
        struct guest *g = guest_new();
        PUT(g, GUEST_CODE, enter_64);
        g->rights[(GUEST_STACK - 0x2008) >> 12] = RIGHT_READ;
        while (guest_run(g, deadlines[d]) == SIM_STOP_DEADLINE)
            continue;
        CU_ASSERT_EQUAL(g->result.stop, SIM_STOP_TRANSLATION);
        CU_ASSERT_EQUAL(g->result.linear, GUEST_STACK - 0x2008);
        CU_ASSERT_EQUAL(g->state.rip, GUEST_CODE + 5);
        CU_ASSERT_EQUAL(g->state.gpr[VMX_RBP], 0x7000);
        CU_ASSERT_EQUAL(g->state.gpr[VMX_RSP], GUEST_STACK);
        CU_ASSERT_EQUAL(sim_engine_retired(g->engine), 1);
        g->rights[(GUEST_STACK - 0x2008) >> 12] = RIGHT_ALL;
        while (guest_run(g, deadlines[d]) == SIM_STOP_DEADLINE)
            continue;
        CU_ASSERT_EQUAL(g->result.stop, SIM_STOP_INSTRUCTION);
        CU_ASSERT_EQUAL(g->state.gpr[VMX_RBP], GUEST_STACK - 8);
        CU_ASSERT_EQUAL(g->state.gpr[VMX_RSP], GUEST_STACK - 0x2008);
        guest_free(g);
        g = guest_new();
        guest_mode_protected(&g->state, true);
        PUT(g, GUEST_CODE, enter_limit);
        g->state.seg[VMX_SS] = guest_segment(0x10, 0, GUEST_STACK - 0x2005, 0x4097); /* grows down: the last word is half below it */
        while (guest_run(g, deadlines[d]) == SIM_STOP_DEADLINE)
            continue;
        CU_ASSERT_EQUAL(g->result.stop, SIM_STOP_EXCEPTION);
        CU_ASSERT_EQUAL(g->result.event.vector, VMX_SS_FAULT);
        CU_ASSERT_EQUAL(g->state.gpr[VMX_RSP], GUEST_STACK);
        guest_free(g);
    }
}

/* The engine's own end their block and the interrupt shadow, and trap under TF. */
static void each_is_an_instruction_like_any_other(void)
{
    BLOB(trapped, "pushfq\n orl $0x100, (%rsp)\n popfq\n blsi %rcx, %rax\n hlt");
    BLOB(shadowed, "sti\n bzhi %rdx, %rcx, %rax\n hlt");
    struct guest *g = guest_new();
    PUT(g, GUEST_CODE, trapped);
    g->state.gpr[VMX_RCX] = 0x50;
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_EXCEPTION);
    CU_ASSERT_EQUAL(g->result.event.vector, VMX_DB);
    CU_ASSERT_EQUAL(g->state.gpr[VMX_RAX], 0x10);
    CU_ASSERT_EQUAL(g->state.rip, GUEST_CODE + (uint64_t)(trapped_end - trapped) - 1);
    CU_ASSERT_EQUAL(sim_engine_retired(g->engine), 4);
    guest_free(g);
    g = guest_new();
    PUT(g, GUEST_CODE, shadowed);
    g->state.gpr[VMX_RCX] = 0x55;
    g->state.gpr[VMX_RDX] = 4;
    CU_ASSERT_EQUAL(guest_run(g, 1), SIM_STOP_DEADLINE);
    CU_ASSERT_EQUAL(g->state.interruptibility, VMX_BLOCKING_BY_STI);
    CU_ASSERT_EQUAL(guest_run(g, 1), SIM_STOP_DEADLINE);
    CU_ASSERT_EQUAL(g->state.interruptibility, 0);
    CU_ASSERT_EQUAL(g->state.gpr[VMX_RAX], 5);
    guest_free(g);
}

/* What the comparison does not write keeps its bits 63:32. */
static void cmpxchg_of_32_bits_writes_the_result_alone(void)
{
    BLOB(exchanges, "mov $0x1111111100000005, %rax\n mov $0x2222222200000005, %rcx\n mov $0x3333333300000007, %rdx\n"
                    "cmpxchg %edx, %ecx\n setz %r8b\n mov %rax, %r9\n mov %rcx, %r10\n"                                   /* equal: ECX is written */
                    "mov $0x2222222200000006, %rcx\n cmpxchg %edx, %ecx\n setc %r11b\n mov %rax, %r12\n mov %rcx, %r13\n" /* not: EAX */
                    "mov $0x1111111100000005, %rax\n movl $5, (%rsi)\n lock cmpxchg %edx, (%rsi)\n mov %rax, %r14\n"
                    "mov $0x1111111100000007, %rax\n cmpxchg %ecx, (%rsi)\n mov %rax, %r15\n cmpxchg %edx, (%rsi)\n hlt");
    static const uint64_t deadlines[] = {100, 1};
    for (unsigned d = 0; d < 2; d++) {
        struct guest *g = guest_new();
        PUT(g, GUEST_CODE, exchanges);
        g->state.gpr[VMX_RSI] = GUEST_DATA;
        while (guest_run(g, deadlines[d]) == SIM_STOP_DEADLINE)
            continue;
        CU_ASSERT_EQUAL(g->state.gpr[VMX_R8], 1);
        CU_ASSERT_EQUAL(g->state.gpr[VMX_R9], 0x1111111100000005);
        CU_ASSERT_EQUAL(g->state.gpr[VMX_R10], 7);
        CU_ASSERT_EQUAL(g->state.gpr[VMX_R11], 1);
        CU_ASSERT_EQUAL(g->state.gpr[VMX_R12], 6);
        CU_ASSERT_EQUAL(g->state.gpr[VMX_R13], 0x2222222200000006);
        CU_ASSERT_EQUAL(g->state.gpr[VMX_R14], 0x1111111100000005);
        CU_ASSERT_EQUAL(g->state.gpr[VMX_R15], 0x1111111100000007);
        CU_ASSERT_EQUAL(g->state.gpr[VMX_RAX], 6);
        CU_ASSERT_EQUAL(g->ram[GUEST_DATA], 6);
        guest_free(g);
    }
}

static void a_scan_of_0_leaves_all_of_its_destination(void)
{
    BLOB(scans, "mov $0x1111111122222222, %rax\n mov %rax, %rdx\n mov %rax, %r8\n mov %rax, %r9\n xor %ecx, %ecx\n"
                "bsf %ecx, %eax\n bsr %ecx, %edx\n mov $0x22222222, %ecx\n shl $32, %rcx\n bsf %ecx, %r8d\n mov $0x80, %ecx\n bsr %ecx, %r9d\n hlt");
    struct guest *g = guest_new();
    PUT(g, GUEST_CODE, scans);
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_INSTRUCTION);
    CU_ASSERT_EQUAL(g->state.gpr[VMX_RAX], 0x1111111122222222);
    CU_ASSERT_EQUAL(g->state.gpr[VMX_RDX], 0x1111111122222222);
    CU_ASSERT_EQUAL(g->state.gpr[VMX_R8], 0x1111111122222222);
    CU_ASSERT_EQUAL(g->state.gpr[VMX_R9], 7);
    guest_free(g);
}

static void rex_does_not_make_ah_another_register(void)
{
    BLOB(ah, "mov $0xd5, %ah\n .byte 0x48\n sahf\n .byte 0x40\n sbb %cl, %cl\n xor %eax, %eax\n stc\n .byte 0x48\n lahf\n hlt");
    struct guest *g = guest_new();
    PUT(g, GUEST_CODE, ah);
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_INSTRUCTION);
    CU_ASSERT_EQUAL(g->state.gpr[VMX_RCX] & 0xff, 0xff);
    CU_ASSERT_EQUAL(g->state.gpr[VMX_RAX], 0x4700);
    CU_ASSERT_EQUAL(g->state.gpr[VMX_RSP], GUEST_STACK);
    guest_free(g);
}

SUITE("sim/engine_own", {"each_gives_what_the_manual_says", each_gives_what_the_manual_says},
      {"the_operand_size_of_16bit_code_is_16_bits", the_operand_size_of_16bit_code_is_16_bits},
      {"enter_pushes_by_operand_size_and_moves_by_stack_size", enter_pushes_by_operand_size_and_moves_by_stack_size},
      {"enter_faults_where_the_final_stack_pointer_could_not_be_written", enter_faults_where_the_final_stack_pointer_could_not_be_written},
      {"cmpxchg_of_32_bits_writes_the_result_alone", cmpxchg_of_32_bits_writes_the_result_alone},
      {"a_scan_of_0_leaves_all_of_its_destination", a_scan_of_0_leaves_all_of_its_destination},
      {"rex_does_not_make_ah_another_register", rex_does_not_make_ah_another_register},
      {"each_is_an_instruction_like_any_other", each_is_an_instruction_like_any_other})

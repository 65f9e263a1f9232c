/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a processor checks of a data access before paging, and Unicorn does not: segment limits and rights, alignment. Calls and alignment
   bits are put among the operations of a translated block. The segment of an access is the one whose base was added to its address.
   SDM 3A, "Limit Checking", "Type Checking"; "Interrupt 17-Alignment Check Exception (#AC)".
   What far transfers push and pop: see engine_far.c. */
#include "engine_access.h"

#include <string.h>

#include "engine_opcode.h"

enum {
    TEMP_BYTES = 56,
    TEMP_OFFSET = 24,
    TEMPS = 0x388,
    FIRST_REGISTER = 6,
    REGISTERS = 16,
    FIRST_BASE = FIRST_REGISTER + REGISTERS,
    BASES = 6,
    TEMP_I64 = 1
};
enum {
    OP_CALL = 2,
    OP_MOV = 63,
    OP_MOVI = 64,
    OP_MOVCOND = 66,
    OP_ADD = 78,
    OP_EXT32U = 109,
    OP_MARKER = 129,
    OP_LD_32 = 133,
    OP_ST_32,
    OP_LD_64,
    OP_ST_64
};
enum { CALL_WRITES_NO_REGISTERS = 2, MEMOP_SHIFT = 4, MEMOP_SIZE = 3, MEMOP_ALIGNED = 7 << 4, MEMOP_ALIGNED_16 = 4 << 4 };
enum { NO_SEGMENT = 0xff, KNOWN_MAX = 8, HELPERS_ARGUMENTS_MAX = 6 };
enum { RFLAGS_AC = 1 << 18, RFLAGS_VM = 1 << 17 };
enum { RIGHTS_WRITE_OR_READ = 1 << 9, RIGHTS_DOWN = 1 << 10, RIGHTS_CODE = 1 << 11, RIGHTS_PRESENT = 1 << 15, RIGHTS_BIG = 1 << 22 };

/* One access, as the calls get it: bits 2:0 segment, 3 write, 15:8 alignment mask, 31:16 bytes. */
enum { WORD_WRITE = 1 << 3, WORD_ALIGNMENT_SHIFT = 8, WORD_BYTES_SHIFT = 16, WORD_SEGMENT = 7, WORD_NO_SEGMENT = 7 };

void helper_fldt_ST0_x86_64(void);
void helper_fstt_ST0_x86_64(void);
void helper_fbld_ST0_x86_64(void);
void helper_fbst_ST0_x86_64(void);
void helper_fstenv_x86_64(void);
void helper_fldenv_x86_64(void);
void helper_fsave_x86_64(void);
void helper_frstor_x86_64(void);
void helper_fxsave_x86_64(void);
void helper_boundw_x86_64(void);
void helper_boundl_x86_64(void);
void __wrap_helper_fxrstor_x86_64(struct unicorn_env *env, uint64_t address);
void __wrap_helper_cmpxchg8b_x86_64(struct unicorn_env *env, uint64_t address);
void __wrap_helper_cmpxchg8b_unlocked_x86_64(struct unicorn_env *env, uint64_t address);

/* Helpers that are handed an address. `wide`: bytes with an operand of 32 bits, where they differ; the alignment is that of 16 bits then. */
static const struct helper {
    void (*function)(void);
    uint16_t bytes;
    uint8_t alignment;
    bool write;
    uint8_t wide;
} helpers[] = {{helper_fldt_ST0_x86_64, 10, 7, false, 0},
               {helper_fstt_ST0_x86_64, 10, 7, true, 0},
               {helper_fbld_ST0_x86_64, 10, 7, false, 0},
               {helper_fbst_ST0_x86_64, 10, 7, true, 0},
               {helper_fstenv_x86_64, 14, 1, true, 28},
               {helper_fldenv_x86_64, 14, 1, false, 28},
               {helper_fsave_x86_64, 94, 1, true, 108},
               {helper_frstor_x86_64, 94, 1, false, 108},
               {helper_fxsave_x86_64, 512, 0, true, 0},
               {(void (*)(void))__wrap_helper_fxrstor_x86_64, 512, 0, false, 0},
               {helper_boundw_x86_64, 4, 1, false, 0},
               {helper_boundl_x86_64, 8, 3, false, 0},
               {(void (*)(void))__wrap_helper_cmpxchg8b_x86_64, 8, 7, true, 0},
               {(void (*)(void))__wrap_helper_cmpxchg8b_unlocked_x86_64, 8, 7, true, 0}};

bool engine_is_flat(const struct unicorn_env *env)
{
    static const enum vmx_segment_name names[] = {VMX_DS, VMX_ES, VMX_SS};
    const uint32_t wanted = RIGHTS_PRESENT | RIGHTS_WRITE_OR_READ, looked_at = wanted | RIGHTS_CODE | RIGHTS_DOWN;
    for (unsigned i = 0; i < 3; i++) {
        const struct unicorn_segment *s = &env->segs[names[i]];
        if (s->base != 0 || s->limit != UINT32_MAX || (s->flags & looked_at) != wanted)
            return false;
    }
    return true;
}

bool engine_is_within_limit(const struct unicorn_segment *s, uint32_t offset, uint32_t bytes)
{
    const uint64_t last = (uint64_t)offset + bytes - 1;
    if ((s->flags & (RIGHTS_CODE | RIGHTS_DOWN)) == RIGHTS_DOWN)
        return offset > s->limit && last <= (s->flags & RIGHTS_BIG ? UINT32_MAX : 0xffff);
    return last <= s->limit;
}

/* In real and virtual-8086 mode only the limit counts. */
static bool has_right(const struct unicorn_env *env, const struct unicorn_segment *s, bool write)
{
    if ((env->hflags & UNICORN_HF_PE) == 0 || (env->eflags & RFLAGS_VM) != 0)
        return true;
    if ((s->flags & RIGHTS_PRESENT) == 0)
        return false;
    if (s->flags & RIGHTS_CODE)
        return !write && (s->flags & RIGHTS_WRITE_OR_READ) != 0;
    return !write || (s->flags & RIGHTS_WRITE_OR_READ) != 0;
}

static void check(struct sim_engine *engine, uint64_t linear, uint64_t word, uintptr_t return_address)
{
    const struct unicorn_env *env = engine->env;
    const unsigned name = word & WORD_SEGMENT;
    const uint32_t bytes = (uint32_t)(word >> WORD_BYTES_SHIFT);
    if (name != WORD_NO_SEGMENT) {
        const struct unicorn_segment *s = &env->segs[name];
        if (!engine_is_within_limit(s, (uint32_t)(linear - s->base), bytes) || !has_right(env, s, (word & WORD_WRITE) != 0))
            engine_raise(engine, name == VMX_SS ? VMX_SS_FAULT : VMX_GP, 0, return_address);
    }
    if ((linear & (word >> WORD_ALIGNMENT_SHIFT & 0xff)) != 0)
        engine_raise(engine, VMX_AC, 0, return_address);
}

/* Called by translated code before the access. */
static void check_access(struct sim_engine *engine, uint64_t linear, uint64_t word)
{
    check(engine, linear, word, RETURN_ADDRESS);
}

void engine_check_operand(struct sim_engine *engine, unsigned segment, uint64_t linear, unsigned bytes, bool write)
{
    const struct unicorn_env *env = engine->env;
    const bool aligned =
        (env->hflags & ENGINE_HF_ALIGNMENT) != 0 && (env->eflags & RFLAGS_AC) != 0 && (env->hflags & UNICORN_HF_CPL) == UNICORN_HF_CPL;
    const uint64_t name = env->hflags & UNICORN_HF_CS64 ? (unsigned)WORD_NO_SEGMENT : segment;
    check(engine, linear,
          name | (write ? WORD_WRITE : 0u) | (aligned ? UINT64_C(1) * (bytes - 1) << WORD_ALIGNMENT_SHIFT : 0) | (uint64_t)bytes << WORD_BYTES_SHIFT,
          0);
}

uint64_t engine_place(const struct unicorn_env *env, uint64_t linear, unsigned offset)
{
    return env->hflags & UNICORN_HF_CS64 ? linear + offset : (uint32_t)(linear + offset);
}

void engine_ask_to_write(struct unicorn_env *env, uint64_t linear, unsigned bytes, uintptr_t return_address)
{
    const bool exempt = (env->hflags & UNICORN_HF_SMAP) == 0 || (env->eflags & RFLAGS_AC) != 0;
    const int mode = (env->hflags & UNICORN_HF_CPL) == UNICORN_HF_CPL ? UNICORN_MMU_USER : exempt ? UNICORN_MMU_NO_SMAP : UNICORN_MMU_SMAP;
    const unsigned first = UNICORN_PAGE_SIZE - (unsigned)(linear % UNICORN_PAGE_SIZE);
    (void)probe_access_x86_64(env, linear, (int)(bytes < first ? bytes : first), UNICORN_STORE, mode, return_address);
    if (bytes > first)
        (void)probe_access_x86_64(env, engine_place(env, linear, first), (int)(bytes - first), UNICORN_STORE, mode, return_address);
}

/* Unicorn's slow path found an address that is not aligned as the operation asks: of a vector, or under alignment checking. */
static _Noreturn void unaligned(void *cpu, uint64_t address, int access, int mode, uintptr_t return_address)
{
    struct sim_engine *engine = engine_running;
    (void)cpu, (void)address, (void)access, (void)mode;
    engine_unwind(engine, return_address);
    const struct engine_opcode opcode = engine_opcode_at(engine->env, engine->env->segs[VMX_CS].base + engine->env->eip);
    engine_raise(engine, engine_is_aligned_vector(opcode) ? VMX_GP : VMX_AC, 0, 0);
}

static void *temp_of(const struct sim_engine *engine, unsigned number)
{
    return (char *)engine->tcg + TEMPS + number * TEMP_BYTES;
}

bool engine_access_init(struct sim_engine *engine)
{
    bool __wrap_x86_cpu_tlb_fill_x86_64(void *cpu, uint64_t address, int size, int access, int mode, bool probe, uintptr_t return_address);
    void *class = UNICORN_FIELD(engine->cpu, UNICORN_CPU_CLASS, void *);
    if (UNICORN_FIELD(class, UNICORN_CLASS_TLB_FILL, uintptr_t) != (uintptr_t)__wrap_x86_cpu_tlb_fill_x86_64)
        return false;
    UNICORN_FIELD(class, UNICORN_CLASS_UNALIGNED, uintptr_t) = (uintptr_t)unaligned;
    for (unsigned i = 0; i < BASES; i++)
        if (UNICORN_FIELD(temp_of(engine, FIRST_BASE + i), TEMP_OFFSET, uint64_t) !=
            offsetof(struct unicorn_env, segs) + i * sizeof(struct unicorn_segment) + offsetof(struct unicorn_segment, base))
            return false;
    for (unsigned i = 0; i < REGISTERS; i++)
        if (UNICORN_FIELD(temp_of(engine, FIRST_REGISTER + i), TEMP_OFFSET, uint64_t) != offsetof(struct unicorn_env, regs) + i * sizeof(uint64_t))
            return false;
    return true;
}

/* ---- the walk over a block's operations ---- */
struct walk {
    struct sim_engine *engine;
    const struct unicorn_block *block;
    bool all_segments;       /* not only FS, GS and CS */
    bool alignment;          /* #AC is possible */
    bool modifies;           /* this instruction writes back what it reads */
    bool compares;           /* it is CMPXCHG of 32 bits in 64-bit mode */
    bool scans;              /* it is BSF or BSR of 32 bits in 64-bit mode, */
    unsigned scan_register;  /* into this register */
    bool wide;               /* its operand size is not 16 bits */
    bool vectors;            /* this instruction wants vectors of 16 bytes aligned */
    struct unicorn_op *half; /* the first access of 8 bytes of such an instruction */
    struct {
        uint64_t temp;
        uint8_t segment;
    } known[KNOWN_MAX]; /* temporaries that hold addresses */
    unsigned known_count;
};

static unsigned segment_of(const struct walk *w, uint64_t temp)
{
    const uint64_t first = (uint64_t)(uintptr_t)temp_of(w->engine, FIRST_BASE);
    if (temp >= first && temp < first + (uint64_t)BASES * TEMP_BYTES)
        return (unsigned)((temp - first) / TEMP_BYTES);
    for (unsigned i = w->known_count; i > 0; i--)
        if (w->known[i - 1].temp == temp)
            return w->known[i - 1].segment;
    return NO_SEGMENT;
}

static void remember(struct walk *w, uint64_t temp, unsigned segment)
{
    for (unsigned i = 0; i < w->known_count; i++)
        if (w->known[i].temp == temp) {
            w->known[i].segment = (uint8_t)segment;
            return;
        }
    if (segment != NO_SEGMENT && w->known_count < KNOWN_MAX) {
        w->known[w->known_count].temp = temp;
        w->known[w->known_count++].segment = (uint8_t)segment;
    }
}

static struct unicorn_op *insert_constant(struct walk *w, struct unicorn_op *before, unsigned which, uint64_t value)
{
    struct unicorn_op *op = tcg_op_insert_before_x86_64(w->engine->tcg, before, OP_MOVI);
    op->args[0] = (uint64_t)(uintptr_t)w->engine->constant[which];
    op->args[1] = value;
    return op;
}

static void insert_call(struct walk *w, struct unicorn_op *before, void (*function)(void), const uint64_t *arguments, unsigned count)
{
    enum { CALL_INPUTS_SHIFT = 8 };
    struct unicorn_op *call = tcg_op_insert_before_x86_64(w->engine->tcg, before, OP_CALL);
    call->opcode |= count << CALL_INPUTS_SHIFT;
    for (unsigned i = 0; i < count; i++)
        call->args[i] = arguments[i];
    call->args[count] = (uint64_t)(uintptr_t)function;
    call->args[count + 1] = CALL_WRITES_NO_REGISTERS;
}

static void insert_check(struct walk *w, struct unicorn_op *before, uint64_t address, uint64_t word)
{
    const uint64_t engine = insert_constant(w, before, 0, (uint64_t)(uintptr_t)w->engine)->args[0];
    const uint64_t arguments[] = {engine, address, insert_constant(w, before, 1, word)->args[0]};
    insert_call(w, before, (void (*)(void))check_access, arguments, 3);
}

/* Calls function(engine, word) before what the instruction does. */
static void insert_before(struct walk *w, struct unicorn_op *marker, void (*function)(struct sim_engine *engine, uint64_t word), uint64_t word)
{
    struct unicorn_op *first = marker->next;
    const uint64_t engine = insert_constant(w, first, 0, (uint64_t)(uintptr_t)w->engine)->args[0];
    const uint64_t arguments[] = {engine, insert_constant(w, first, 1, word)->args[0]};
    insert_call(w, first, (void (*)(void))function, arguments, 2);
}

static bool is_checked(const struct walk *w, unsigned segment)
{
    if (segment == NO_SEGMENT || (w->block->flags & UNICORN_HF_CS64) != 0)
        return false;
    return w->all_segments || segment == VMX_FS || segment == VMX_GS || segment == VMX_CS;
}

/* A load or store: args are value, address, memory operation with MMU mode. */
static void access(struct walk *w, struct unicorn_op *op, bool write)
{
    const unsigned size_log2 = op->args[2] >> MEMOP_SHIFT & MEMOP_SIZE;
    const unsigned segment = segment_of(w, op->args[1]);
    if (w->vectors && size_log2 == 3) {
        if (w->half != NULL && (uint8_t)w->half->opcode == (uint8_t)op->opcode)
            w->half->args[2] |= MEMOP_ALIGNED_16 << MEMOP_SHIFT;
        w->half = op;
    }
    if (w->alignment && size_log2 > 0)
        op->args[2] |= MEMOP_ALIGNED << MEMOP_SHIFT;
    if (is_checked(w, segment))
        insert_check(w, op, op->args[1], segment | (write ? WORD_WRITE : 0u) | UINT64_C(1) << size_log2 << WORD_BYTES_SHIFT);
}

static void call(struct walk *w, struct unicorn_op *op)
{
    enum { WIDE_ALIGNMENT = 3 };
    const unsigned inputs = op->opcode >> 8 & 0xf, outputs = op->opcode >> 12 & 0xf;
    const uint64_t function = op->args[inputs + outputs];
    for (unsigned h = 0; h < sizeof helpers / sizeof *helpers; h++)
        if ((uintptr_t)helpers[h].function == function) {
            const bool wide = w->wide && helpers[h].wide != 0;
            const uint64_t bytes = wide ? helpers[h].wide : helpers[h].bytes, mask = wide ? WIDE_ALIGNMENT : helpers[h].alignment;
            const unsigned segment = segment_of(w, op->args[outputs + 1]);
            const uint64_t alignment = w->alignment ? mask << WORD_ALIGNMENT_SHIFT : 0;
            const uint64_t name = is_checked(w, segment) ? segment : (unsigned)WORD_NO_SEGMENT;
            const uint64_t write = helpers[h].write ? WORD_WRITE : 0;
            if (name != WORD_NO_SEGMENT || alignment != 0)
                insert_check(w, op, op->args[outputs + 1], name | write | alignment | bytes << WORD_BYTES_SHIFT);
        }
}

/* TZCNT and LZCNT, where there are. */
static bool counts_zeros(const struct unicorn_env *env, struct engine_opcode o)
{
    enum { LZCNT = 1 << 5, BMI1 = 1 << 3, LEADING = 0xbd };
    return o.rep &&
           (o.byte == LEADING ? (env->features[UNICORN_FEATURE_80000001_ECX] & LZCNT) != 0 : (env->features[UNICORN_FEATURE_7_EBX] & BMI1) != 0);
}

static void begin_instruction(struct walk *w, struct unicorn_op *marker)
{
    enum { REX_W = 8, REX_R = 4 };
    const struct engine_opcode opcode = engine_opcode_at(w->engine->env, marker->args[0]);
    w->known_count = 0;
    w->half = NULL;
    w->vectors = engine_is_aligned_vector(opcode);
    w->wide = (opcode.rex & REX_W) != 0 || ((w->block->flags & UNICORN_HF_CS32) != 0) != opcode.operand_prefix;
    w->modifies = engine_modifies_memory(opcode);
    const bool of_32_bits = opcode.code64 && opcode.map == ENGINE_MAP_0F && !opcode.operand_prefix && (opcode.rex & REX_W) == 0;
    w->compares = of_32_bits && opcode.byte == 0xb1;
    w->scans = of_32_bits && (opcode.byte == 0xbc || opcode.byte == 0xbd) && !counts_zeros(w->engine->env, opcode);
    w->scan_register = (opcode.modrm >> 3 & 7) | (opcode.rex & REX_R ? 8 : 0);
    const uint32_t fpu = engine_fpu_word(opcode);
    if (fpu != 0)
        insert_before(w, marker, engine_fpu_begin, fpu);
}

/* CMPXCHG of 32 bits, whose destination is in memory: where it is equal the accumulator is not written and keeps its bits 63:32; Unicorn always writes what it
   has read there, zero-extended. Where the low halves are equal nothing is written now. */
static void keep_accumulator(struct walk *w, struct unicorn_op *op)
{
    enum { EQUAL = 8 };
    const uint64_t rax = op->args[0], low = (uint64_t)(uintptr_t)w->engine->constant[0], read = (uint64_t)(uintptr_t)w->engine->constant[1];
    struct unicorn_op *extend = tcg_op_insert_before_x86_64(w->engine->tcg, op, OP_EXT32U);
    extend->args[0] = low;
    extend->args[1] = rax;
    extend = tcg_op_insert_before_x86_64(w->engine->tcg, op, OP_EXT32U);
    extend->args[0] = read;
    extend->args[1] = op->args[1];
    op->opcode = (op->opcode & ~0xffu) | OP_MOVCOND;
    const uint64_t arguments[] = {rax, low, read, rax, read, EQUAL};
    memcpy(op->args, arguments, sizeof arguments);
}

/* BSF and BSR of 32 bits whose source, which is in cc_dst, is 0: the destination stays as it is, bits 63:32 too. */
static void keep_destination(struct walk *w, struct unicorn_op *op)
{
    enum { CC_DST = 3, EQUAL = 8 };
    const uint64_t reg = op->args[0], found = (uint64_t)(uintptr_t)w->engine->constant[0];
    struct unicorn_op *extend = tcg_op_insert_before_x86_64(w->engine->tcg, op, OP_EXT32U);
    extend->args[0] = found;
    extend->args[1] = op->args[1];
    const uint64_t zero = insert_constant(w, op, 1, 0)->args[0], source = (uint64_t)(uintptr_t)temp_of(w->engine, CC_DST);
    op->opcode = (op->opcode & ~0xffu) | OP_MOVCOND;
    const uint64_t arguments[] = {reg, source, zero, reg, found, EQUAL};
    memcpy(op->args, arguments, sizeof arguments);
}

static bool writes_scan(const struct walk *w, const struct unicorn_op *op)
{
    return w->scans && op->args[0] == (uint64_t)(uintptr_t)temp_of(w->engine, FIRST_REGISTER + w->scan_register);
}

static bool writes_accumulator(const struct walk *w, const struct unicorn_op *op)
{
    return w->compares && op->args[0] == (uint64_t)(uintptr_t)temp_of(w->engine, FIRST_REGISTER + VMX_RAX);
}

/* Its first argument is its result. */
static bool computes(uint8_t opcode)
{
    enum { FIRST = 5, LAST = 128, ST8_32 = 14, BRANCH_32 = 38, ST8_64 = 74, ST_64_BITS = 77, BRANCH_64 = 103 };
    const bool stores = (opcode >= ST8_32 && opcode < ST8_32 + 3) || (opcode >= ST8_64 && opcode <= ST_64_BITS);
    return opcode >= FIRST && opcode <= LAST && !stores && opcode != BRANCH_32 && opcode != BRANCH_64;
}

/* In 64-bit mode a prefix of CS, DS, ES or SS means nothing; Unicorn adds the base that the register still has. */
static bool leave_base_out(const struct walk *w, struct unicorn_op *op)
{
    const uint64_t first = (uint64_t)(uintptr_t)temp_of(w->engine, FIRST_BASE);
    if ((w->block->flags & UNICORN_HF_CS64) == 0)
        return false;
    for (unsigned i = 1; i <= 2; i++)
        if (op->args[i] >= first && op->args[i] < first + (uint64_t)VMX_FS * TEMP_BYTES) {
            op->opcode = (op->opcode & ~0xffu) | OP_MOV;
            op->args[1] = op->args[3 - i];
            return true;
        }
    return false;
}

static void operation(struct walk *w, struct unicorn_op *op)
{
    switch ((uint8_t)op->opcode) {
    case OP_MARKER:
        begin_instruction(w, op);
        break;
    case OP_EXT32U:
        if (writes_accumulator(w, op) || writes_scan(w, op)) {
            (w->scans ? keep_destination : keep_accumulator)(w, op);
            break;
        }
        remember(w, op->args[0], segment_of(w, op->args[1]));
        break;
    case OP_MOV:
        remember(w, op->args[0], segment_of(w, op->args[1]));
        break;
    case OP_ADD: {
        if (leave_base_out(w, op))
            break;
        const unsigned a = segment_of(w, op->args[1]), b = segment_of(w, op->args[2]);
        remember(w, op->args[0], a != NO_SEGMENT ? a : b);
        break;
    }
    case OP_LD_32:
    case OP_LD_64:
        access(w, op, w->modifies);
        remember(w, op->args[0], NO_SEGMENT);
        break;
    case OP_ST_32:
    case OP_ST_64:
        access(w, op, true);
        break;
    case OP_CALL:
        call(w, op);
        break;
    default:
        if (computes((uint8_t)op->opcode))
            remember(w, op->args[0], NO_SEGMENT);
    }
}

/* Before translation, so that no other temporary takes the same place. */
void engine_reserve_for_checks(struct sim_engine *engine)
{
    for (unsigned i = 0; i < 2; i++)
        engine->constant[i] = tcg_temp_new_internal_x86_64(engine->tcg, TEMP_I64, false);
}

void engine_add_checks(struct sim_engine *engine, const struct unicorn_block *block)
{
    struct walk w = {.engine = engine,
                     .block = block,
                     .all_segments = (block->flags & ENGINE_HF_SEGMENTS) != 0,
                     .alignment = (block->flags & (ENGINE_HF_ALIGNMENT | RFLAGS_AC)) == (ENGINE_HF_ALIGNMENT | RFLAGS_AC) &&
                                  (block->flags & UNICORN_HF_CPL) == UNICORN_HF_CPL};
    for (struct unicorn_op *op = UNICORN_FIELD(engine->tcg, UNICORN_TCG_OPS, struct unicorn_op *); op != NULL; op = op->next)
        operation(&w, op);
}

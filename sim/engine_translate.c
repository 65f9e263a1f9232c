/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Translation of blocks: finds what engine_block() must know of each, ends blocks before INS and OUTS, keeps the code buffer small. */
#include "engine_access.h"
#include "engine_break.h"
#include "engine_own.h"
#include "engine_undefined.h"

enum { CODE_BUFFER_BYTES = 16 << 20, CODE_BUFFER_RESERVE = 1 << 20 };
enum { HELPER_ARGUMENTS = 2, INSTRUCTIONS_MAX = 512, FLAGS_TF = 1 << 8, FLAGS_RF = 1 << 16, FPU_STATE = UNICORN_HF_EM | UNICORN_HF_TS };

void __wrap_helper_raise_exception_x86_64(struct unicorn_env *env, int vector);
void __wrap_tcg_exec_init_x86_64(void *uc, unsigned long size);
void __real_tcg_exec_init_x86_64(void *uc, unsigned long size);
void __wrap_gen_intermediate_code_x86_64(void *cpu, struct unicorn_block *block, int limit);
void __real_gen_intermediate_code_x86_64(void *cpu, struct unicorn_block *block, int limit);

static _Thread_local bool translation_present;

bool engine_translation_present(void)
{
    return translation_present;
}

/* The default of 1 GiB makes each flush of translated code cost a second. */
void __wrap_tcg_exec_init_x86_64(void *uc, unsigned long size)
{
    translation_present = true;
    __real_tcg_exec_init_x86_64(uc, size != 0 ? size : CODE_BUFFER_BYTES);
}

/* ---- blocks that stops for translations cut short ---- */
/* Code whose every store meets a device, or a page that is not there, begins a block at each of its instructions; blocks of full length would be
   translated over and over for one instruction that runs. */
enum { CLOSE_TICKS = 64, MISSES_THAT_COUNT = 4, SHORT_BLOCK = 4 };

static bool is_close(const struct sim_engine *engine)
{
    return sim_engine_ticks(engine) - engine->missed_at < CLOSE_TICKS;
}

void engine_note_miss(struct sim_engine *engine)
{
    engine->misses = is_close(engine) ? engine->misses + 1 : 0;
    engine->missed_at = sim_engine_ticks(engine);
}

static int longest_block(const struct sim_engine *engine, int limit)
{
    return engine->misses >= MISSES_THAT_COUNT && is_close(engine) && limit > SHORT_BLOCK ? SHORT_BLOCK : limit;
}

uint32_t __wrap_cpu_ldub_code_x86_64(struct unicorn_env *env, uint64_t address);
uint32_t __real_cpu_ldub_code_x86_64(struct unicorn_env *env, uint64_t address);

/* The translator reads code here. */
uint32_t __wrap_cpu_ldub_code_x86_64(struct unicorn_env *env, uint64_t address)
{
    const struct sim_engine *engine = engine_running;
    const uint32_t byte = __real_cpu_ldub_code_x86_64(env, address);
    if (engine == NULL || !engine->translating || engine->rewriting.changed == 0)
        return byte;
    const uint64_t i = address - engine->rewriting.pc;
    return i < ENGINE_LONGEST && (engine->rewriting.changed >> i & 1) != 0 ? engine->rewriting.bytes[i] : byte;
}

static uint32_t counter_width(const struct unicorn_block *block, struct engine_opcode opcode)
{
    if (block->flags & UNICORN_HF_CS64)
        return opcode.address_prefix ? BLOCK_COUNTER_32 : 0;
    const bool wide = ((block->flags & UNICORN_HF_CS32) != 0) != opcode.address_prefix;
    return wide ? BLOCK_COUNTER_32 : BLOCK_COUNTER_16;
}

/* Collects the addresses of the block's instructions from the markers among its operations; the first marker is the first operation whose
   first argument is the block's address (other operations have pointers to temporaries there). */
static unsigned instruction_starts(const struct sim_engine *engine, uint64_t first, uint64_t starts[INSTRUCTIONS_MAX])
{
    unsigned count = 0;
    uint8_t marker = 0;
    for (const struct unicorn_op *op = UNICORN_FIELD(engine->tcg, UNICORN_TCG_OPS, struct unicorn_op *); op != NULL; op = op->next) {
        const uint8_t opcode = (uint8_t)op->opcode;
        if (count == 0 ? op->args[0] != first : opcode != marker)
            continue;
        marker = opcode;
        if (count < INSTRUCTIONS_MAX)
            starts[count++] = op->args[0];
    }
    return count;
}

unsigned engine_translated(const struct sim_engine *engine)
{
    uint64_t starts[INSTRUCTIONS_MAX];
    const unsigned count = instruction_starts(engine, engine->translated_pc, starts);
    return count > 0 ? count - 1 : 0;
}

static struct engine_at instruction_at(struct sim_engine *engine, const struct unicorn_block *block, const uint64_t *starts, unsigned count,
                                       unsigned i)
{
    return (struct engine_at){
        .pc = starts[i], .end = i + 1 < count ? starts[i + 1] : block->pc + block->size, .opcode = engine_opcode_at(engine->env, starts[i])};
}

/* INS and OUTS, which stop there, those of which Unicorn thinks otherwise than the processor, those that are the engine's own. */
static bool stands_alone(struct sim_engine *engine, const struct engine_at *at)
{
    struct engine_rewriting rewriting;
    return engine_is_string_io(at->opcode) || engine_is_undefined(engine, at) || engine_is_own(engine, at) ||
           engine_is_rewritten(engine, at, &rewriting);
}

/* Unicorn settles the form that the arithmetic flags have before it in too few of the ways through it, or loses it: at the start of a block it is settled. */
static bool needs_settled_flags(struct engine_opcode opcode)
{
    return engine_is_bit_test(opcode) || engine_spoils_flags(opcode) || engine_loops_on_flags(opcode);
}

/* The length that the block must not exceed: instructions that must be the first of theirs end it before them. */
static unsigned find_end(struct sim_engine *engine, const struct unicorn_block *block, const uint64_t *starts, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const struct engine_at at = instruction_at(engine, block, starts, count, i);
        const bool alone = stands_alone(engine, &at);
        if (i == 0 && alone)
            return 1;
        if (i != 0 && (block->flags & FPU_STATE) != 0 && engine_has_general_registers(at.opcode))
            return i;
        if (i != 0 && (alone || needs_settled_flags(at.opcode)))
            return i;
    }
    return count;
}

static uint32_t properties(struct sim_engine *engine, const struct unicorn_block *block, const uint64_t *starts, unsigned count)
{
    uint32_t word = (block->flags & FLAGS_RF ? BLOCK_RF : 0u) | (block->flags & ENGINE_HF_CODE_LIMIT ? BLOCK_CODE_LIMIT : 0u);
    if (count == 0)
        return word;
    const struct engine_opcode first = engine_opcode_at(engine->env, starts[0]);
    if (engine_is_string_io(first))
        word |= BLOCK_STRING_IO;
    if (engine_is_rep_string(first))
        word |= BLOCK_REP_FIRST | counter_width(block, first);
    if (engine_spoils_flags(first))
        word |= BLOCK_SETTLE_FLAGS;
    const struct engine_at at = {.pc = starts[0], .end = block->pc + block->size, .opcode = first};
    if (count == 1 && engine_is_own(engine, &at))
        word |= BLOCK_OWN;
    const struct engine_opcode last = engine_opcode_at(engine->env, starts[count - 1]);
    if (engine_is_rep_string(last))
        word |= BLOCK_REP_LAST;
    if ((block->flags & FLAGS_TF) != 0)
        word |= (engine_is_branch(last) ? BLOCK_BRANCH : 0u) | (engine_is_jump(last) ? BLOCK_JUMP : 0u);
    if (engine_loads_ss(last))
        word |= BLOCK_LOADS_SS;
    return word;
}

/* Nothing translated is running here: only the main loop translates. */
static void make_room(struct sim_engine *engine, const struct unicorn_block *block)
{
    const char *next = UNICORN_FIELD(engine->tcg, UNICORN_TCG_CODE_POINTER, char *);
    const char *end = UNICORN_FIELD(engine->tcg, UNICORN_TCG_CODE_HIGHWATER, char *);
    if (end - next >= CODE_BUFFER_RESERVE)
        return;
    if (engine->block != NULL) {
        engine->last_block_end = engine_last_instruction(engine);
        engine->last_block = *engine->block;
        if (engine->looked_at == engine->block)
            engine->looked_at = &engine->last_block;
        engine->block = &engine->last_block;
    }
    tb_flush_x86_64(engine->cpu);
    UNICORN_FIELD(engine->uc, UNICORN_UC_LAST_BLOCK, void *) = NULL;
    engine_code_forgotten(engine);
    engine_retry(engine, block->cflags & UNICORN_CF_COUNT);
}

/* How many instructions end within the 64 KiB of a code segment. */
static unsigned within_64k(const struct unicorn_block *block, const uint64_t *starts, unsigned count)
{
    enum { LIMIT = 0x10000 };
    for (unsigned i = 0; i < count; i++) {
        const uint64_t end = i + 1 < count ? starts[i + 1] : block->pc + block->size;
        if (end - block->cs_base > LIMIT)
            return i;
    }
    return count;
}

/* The length that the block is to have. An instruction that Unicorn would run, or die of, and the processor does not: nothing of it is
   translated, it faults here. */
static unsigned wanted_length(struct sim_engine *engine, const struct unicorn_block *block, const uint64_t *starts, unsigned count)
{
    unsigned end = block->flags & ENGINE_HF_BREAK ? 1 : find_end(engine, block, starts, count);
    if (block->flags & ENGINE_HF_CODE_64K) {
        const unsigned within = within_64k(block, starts, count);
        if (within == 0) {
            engine_check_target(engine);
            engine_raise_at_boundary(engine, VMX_GP);
        }
        end = within < end ? within : end;
    }
    const struct engine_at first = instruction_at(engine, block, starts, count, 0);
    if (engine_is_undefined(engine, &first))
        engine_raise_at_boundary(engine, VMX_UD);
    struct engine_rewriting rewriting;
    if (!engine_is_rewritten(engine, &first, &rewriting))
        return end;
    engine->rewriting = rewriting; /* only now: from here on the code is read with the change */
    return 1;
}

/* ---- exceptions that return ---- */
/* The call of the exception's helper, which ends a block; NULL: another end. */
static struct unicorn_op *exception_of(const struct sim_engine *engine)
{
    enum { INPUTS_SHIFT = 8, INPUTS = 0xf };
    for (struct unicorn_op *op = UNICORN_FIELD(engine->tcg, UNICORN_TCG_OPS, struct unicorn_op *); op != NULL; op = op->next)
        if ((uint8_t)op->opcode == UNICORN_OP_CALL && (op->opcode >> INPUTS_SHIFT & INPUTS) == HELPER_ARGUMENTS &&
            op->args[HELPER_ARGUMENTS] == (uintptr_t)__wrap_helper_raise_exception_x86_64 && op->next != NULL)
            return op;
    return NULL;
}

/* It calls another function instead, and the block goes on behind it. */
static void call_instead(struct sim_engine *engine, struct unicorn_op *op, uintptr_t function, const struct unicorn_block *chained)
{
    op->args[HELPER_ARGUMENTS] = function;
    op->args[HELPER_ARGUMENTS + 1] = 0; /* it returns, and may use and change all registers */
    struct unicorn_op *after = op->next;
    if (chained != NULL)
        tcg_op_insert_before_x86_64(engine->tcg, after, UNICORN_OP_GOTO_BLOCK)->args[0] = 0;
    tcg_op_insert_before_x86_64(engine->tcg, after, UNICORN_OP_EXIT_BLOCK)->args[0] = (uintptr_t)chained;
}

static uint64_t field_word(struct engine_opcode o, uint64_t length)
{
    enum { VMWRITE = 0x79, REX_B = 1, REX_R = 4, REGISTER = 7 };
    const uint64_t encoding = (o.modrm >> 3 & REGISTER) | (o.rex & REX_R ? 8u : 0u), value = (o.modrm & REGISTER) | (o.rex & REX_B ? 8u : 0u);
    return (o.byte == VMWRITE ? (uint64_t)ENGINE_FIELD_WRITE : 0) | encoding << ENGINE_FIELD_ENCODING_SHIFT | value << ENGINE_FIELD_VALUE_SHIFT |
           length << ENGINE_FIELD_LENGTH_SHIFT;
}

/* The library has not read the ModR/M byte, which counts as one of the block's from now on. The block behind is jumped to as from any other block: it has
   the same flags, and is found by the same page. */
static void let_field_access_return(struct sim_engine *engine, struct unicorn_block *block, uint64_t last, struct engine_opcode opcode)
{
    const uint64_t end = block->pc + block->size + 1;
    const bool chained = (block->flags & (FLAGS_RF | ENGINE_HF_BREAK)) == 0 && (block->pc ^ end) >> UNICORN_PAGE_BITS == 0;
    struct unicorn_op *const call = exception_of(engine);
    if (call == NULL || (block->pc ^ (end - 1)) >> UNICORN_PAGE_BITS != 0)
        return;
    block->size++;
    struct unicorn_op *const word = tcg_op_insert_before_x86_64(engine->tcg, call, UNICORN_OP_MOVI_I64);
    word->args[0] = call->args[1] = (uintptr_t)engine->constant[0];
    word->args[1] = field_word(opcode, end - last);
    call_instead(engine, call, (uintptr_t)engine_field_access, chained ? block : NULL);
}

/* VMREAD and VMWRITE of registers, VMCALL, VMLAUNCH and VMRESUME are undefined for Unicorn, whose exception ends the block. Whoever drives the engine may
   execute them, so that the call may return: then the block ends as any other. They are what a hypervisor executes most. */
static void let_exception_return(struct sim_engine *engine, struct unicorn_block *block, uint64_t last)
{
    const uint32_t traps = UNICORN_HF_INHIBIT_IRQ | FLAGS_TF, wanted = UNICORN_HF_CS64, looked_at = wanted | UNICORN_HF_CPL | traps;
    const struct engine_opcode opcode = engine_opcode_at(engine->env, last);
    if (engine_is_field_access(opcode)) {
        if (engine->callbacks.field != NULL && (block->flags & looked_at) == wanted)
            let_field_access_return(engine, block, last, opcode);
    } else if (engine_is_transition(opcode) && engine->callbacks.judge != NULL && (block->flags & (traps | FLAGS_RF | ENGINE_HF_BREAK)) == 0) {
        struct unicorn_op *const call = exception_of(engine);
        if (call != NULL)
            call_instead(engine, call, (uintptr_t)engine_judge, NULL);
    }
}

void __wrap_gen_intermediate_code_x86_64(void *cpu, struct unicorn_block *block, int limit)
{
    struct sim_engine *engine = engine_running;
    uint64_t starts[INSTRUCTIONS_MAX];
    make_room(engine, block);
    limit = longest_block(engine, limit);
    /* Unicorn takes instructions on general registers for SSE where they stand among its opcodes. */
    const uint32_t hidden =
        block->flags & FPU_STATE && engine_has_general_registers(engine_opcode_at(engine->env, block->pc)) ? block->flags & FPU_STATE : 0;
    limit = hidden != 0 ? 1 : limit;
    block->flags &= ~hidden;
    engine->translating = true;
    engine->missing.block = NULL;
    engine->translated_pc = block->pc;
    engine->rewriting.changed = 0;
    engine_reserve_for_checks(engine);
    __real_gen_intermediate_code_x86_64(cpu, block, limit);
    starts[0] = block->pc;
    unsigned count = instruction_starts(engine, block->pc, starts);
    const unsigned end = wanted_length(engine, block, starts, count);
    if (end < count || engine->rewriting.changed != 0) {
        tcg_func_start_x86_64(engine->tcg);
        engine_reserve_for_checks(engine);
        __real_gen_intermediate_code_x86_64(cpu, block, (int)end);
        count = instruction_starts(engine, block->pc, starts);
    }
    if (count > 0)
        engine_add_target_check(engine, block, starts[count - 1]);
    engine_add_checks(engine, block);
    if (count > 0)
        let_exception_return(engine, block, starts[count - 1]);
    block->flags |= hidden;
    engine->translating = false;
    if (count != block->icount || !engine_account_for(engine, block, block->icount | properties(engine, block, starts, count))) {
        engine->result->message = "Unicorn's translator does not work as that of version 2.0.1";
        engine_stop(engine, SIM_STOP_HOST_ERROR);
    }
}

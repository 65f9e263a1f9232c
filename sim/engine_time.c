/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exact time: counting at the start of every block, taking back when a block is left in its middle, stopping at a deadline. */
#include "engine_break.h"
#include "engine_own.h"

enum { RFLAGS_IF = 1 << 9, RFLAGS_RF = 1 << 16 };
enum { CALL_OUTSIDE_BLOCK = -1 };

_Noreturn void engine_stop(struct sim_engine *engine, enum sim_stop stop)
{
    engine->result->stop = stop;
    engine->stopped = true;
    engine->translating = false;
    UNICORN_FIELD(engine->cpu, UNICORN_CPU_EXCEPTION_INDEX, int32_t) = UNICORN_EXCEPTION_HALT;
    cpu_loop_exit_x86_64(engine->cpu);
}

_Noreturn void engine_retry(struct sim_engine *engine, uint32_t count)
{
    engine->translating = false;
    UNICORN_FIELD(engine->cpu, UNICORN_CPU_CFLAGS_NEXT, int32_t) = count != 0 ? (int32_t)count : UNICORN_CF_NEXT_NONE;
    UNICORN_FIELD(engine->cpu, UNICORN_CPU_EXCEPTION_INDEX, int32_t) = -1;
    cpu_loop_exit_x86_64(engine->cpu);
}

static int64_t signed_leb128(const uint8_t **table)
{
    uint64_t value = 0;
    unsigned shift = 0;
    uint8_t byte;
    do {
        byte = *(*table)++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while (byte & 0x80);
    if (shift < 64 && (byte & 0x40) != 0)
        value |= ~(uint64_t)0 << shift;
    return (int64_t)value;
}

/* Finds an instruction of the current block by the host address of a call it made, or, with CALL_OUTSIDE_BLOCK, by its guest address. Sets
   RIP and condition codes; answers its index, the block's number of instructions when there is none. */
static unsigned locate(struct sim_engine *engine, int64_t host_offset, uint64_t pc)
{
    const struct unicorn_block *block = engine->block;
    const uint8_t *table = block->tc_ptr + block->tc_size;
    uint64_t row_pc = block->pc;
    int64_t row_cc = 0, row_end = 0;
    for (unsigned i = 0; i < block->icount; i++) {
        row_pc += (uint64_t)signed_leb128(&table);
        row_cc += signed_leb128(&table);
        row_end += signed_leb128(&table);
        if (host_offset == CALL_OUTSIDE_BLOCK ? row_pc != pc : row_end <= host_offset)
            continue;
        if (host_offset != CALL_OUTSIDE_BLOCK) {
            engine->env->eip = row_pc - block->cs_base;
            if (row_cc != 0)
                engine->env->cc_op = (uint32_t)row_cc;
        }
        return i;
    }
    return block->icount;
}

static unsigned locate_call(struct sim_engine *engine, uintptr_t return_address)
{
    const struct unicorn_block *block = engine->block;
    const uint64_t offset = (uint64_t)return_address - UNICORN_RETURN_ADJUST - (uint64_t)(uintptr_t)block->tc_ptr;
    if (return_address != 0 && offset < block->tc_size)
        return locate(engine, (int64_t)offset, 0);
    return locate(engine, CALL_OUTSIDE_BLOCK, engine->env->eip + block->cs_base);
}

uint64_t engine_instruction_of(const struct sim_engine *engine, uintptr_t return_address)
{
    const struct unicorn_block *block = engine->block;
    if (block == NULL)
        return engine->env->segs[VMX_CS].base + engine->env->eip;
    const uint64_t offset = (uint64_t)return_address - UNICORN_RETURN_ADJUST - (uint64_t)(uintptr_t)block->tc_ptr;
    if (return_address == 0 || offset >= block->tc_size)
        return engine->env->eip + block->cs_base;
    const uint8_t *table = block->tc_ptr + block->tc_size;
    uint64_t pc = block->pc;
    int64_t end = 0;
    for (unsigned i = 0; i < block->icount && end <= (int64_t)offset; i++) {
        pc += (uint64_t)signed_leb128(&table);
        (void)signed_leb128(&table);
        end += signed_leb128(&table);
    }
    return pc;
}

uint64_t engine_last_instruction(const struct sim_engine *engine)
{
    const struct unicorn_block *block = engine->block;
    if (block == &engine->last_block)
        return engine->last_block_end;
    const uint8_t *table = block->tc_ptr + block->tc_size;
    uint64_t pc = block->pc;
    for (unsigned i = 0; i < block->icount; i++) {
        pc += (uint64_t)signed_leb128(&table);
        (void)signed_leb128(&table);
        (void)signed_leb128(&table);
    }
    return pc;
}

void engine_restore(struct sim_engine *engine, uintptr_t return_address)
{
    if (engine->block != NULL)
        (void)locate_call(engine, return_address);
}

/* What is known of the block that ran last; 0 for one that was not looked at. */
static uint32_t block_word(const struct sim_engine *engine)
{
    return engine->block == engine->looked_at ? engine->looked_at_word : 0;
}

/* What ran before says nothing about what runs now. */
static void forget_blocks(struct sim_engine *engine)
{
    engine->block = engine->looked_at = NULL;
    engine->looked_at_word = 0;
}

void engine_look_at_all(struct sim_engine *engine)
{
    if (engine->bias != 0)
        return;
    engine->bias = LOOK_AT_ALL;
    engine->count.left -= engine->bias;
    engine->looked_at_left = (int64_t)((uint64_t)engine->looked_at_left - (uint64_t)engine->bias); /* where nothing was looked at it may wrap */
    engine->count.limit -= (uint64_t)engine->bias;
}

bool engine_has_branched(const struct sim_engine *engine)
{
    const struct unicorn_block *block = engine->block;
    const uint32_t word = block_word(engine);
    if (block == NULL || (word & BLOCK_BRANCH) == 0)
        return false;
    return (word & BLOCK_JUMP) != 0 || engine->env->eip + block->cs_base != block->pc + block->size;
}

static int64_t ticks_left(const struct sim_engine *engine)
{
    return engine->count.left + engine->bias;
}

static void unwind_to(struct sim_engine *engine, unsigned index)
{
    engine->count.left += engine->block->icount - index;
    /* Hardware clears RF with each completed instruction, QEMU only where a block ends. */
    if (index != 0 && (block_word(engine) & BLOCK_RF) != 0)
        engine->env->eflags &= ~(uint64_t)RFLAGS_RF;
    engine->hits = 0;
    forget_blocks(engine);
}

void engine_unwind(struct sim_engine *engine, uintptr_t return_address)
{
    if (engine->block != NULL)
        unwind_to(engine, locate_call(engine, return_address));
}

void engine_unwind_last(struct sim_engine *engine)
{
    if (engine->block != NULL)
        unwind_to(engine, engine->block->icount - 1u);
}

/* QEMU runs each iteration of REP as a block of its own. */
static bool rep_goes_on(const struct sim_engine *engine)
{
    const struct unicorn_block *block = engine->block;
    return block != NULL && (block_word(engine) & BLOCK_REP_LAST) != 0 && engine->env->eip + block->cs_base != block->pc + block->size;
}

/* What keeps events from being delivered; each only ever ends where a block ends. */
static uint32_t blocked_by(const struct unicorn_env *env)
{
    enum { BLOCKED_BY_FLAG = 1, BLOCKED_BY_SHADOW = 2, BLOCKED_BY_NMI = 4 };
    return (env->eflags & RFLAGS_IF ? 0u : BLOCKED_BY_FLAG) | (env->hflags & UNICORN_HF_INHIBIT_IRQ ? BLOCKED_BY_SHADOW : 0u) |
           (env->hflags2 & UNICORN_HF2_NMI ? BLOCKED_BY_NMI : 0u);
}

bool engine_boundary_is_due(const struct sim_engine *engine)
{
    if ((engine->blocked & ~blocked_by(engine->env)) != 0)
        return true;
    return ticks_left(engine) <= 0 && !engine->allowing && !rep_goes_on(engine);
}

_Noreturn void engine_stop_at_boundary(struct sim_engine *engine, enum sim_stop stop)
{
    if (rep_goes_on(engine)) {
        engine->count.unretired++;
        engine->result->repeats = true;
    }
    if ((block_word(engine) & BLOCK_RF) != 0)
        engine->env->eflags &= ~(uint64_t)RFLAGS_RF;
    engine_stop(engine, stop);
}

static bool counter_is_zero(const struct sim_engine *engine, uint32_t word)
{
    const uint64_t rcx = engine->env->regs[VMX_RCX];
    if (word & BLOCK_COUNTER_16)
        return (uint16_t)rcx == 0;
    return word & BLOCK_COUNTER_32 ? (uint32_t)rcx == 0 : rcx == 0;
}

/* The block starts with the very REP instruction that ended the previous block; after the last iteration it comes once more to find
   the counter 0. */
static bool is_same_rep(const struct sim_engine *engine, const struct unicorn_block *block, uint32_t word)
{
    return (word & BLOCK_REP_FIRST) != 0 && (block_word(engine) & BLOCK_REP_LAST) != 0 && engine->block != NULL &&
           engine->block->pc + engine->block->size == block->pc + block->size;
}

/* Nothing of the block has run: RIP is its start. */
static _Noreturn void does_not_fit(struct sim_engine *engine)
{
    if (engine->allowing) {
        engine->allowing = false;
        engine->count.left += engine->set_aside;
        engine->looked_at_left += engine->set_aside;
        engine->count.limit += (uint64_t)engine->set_aside;
        engine_retry(engine, 0);
    }
    const int64_t left = ticks_left(engine);
    if (left <= 0) {
        engine->result->repeats = rep_goes_on(engine);
        engine_stop(engine, SIM_STOP_DEADLINE);
    }
    engine_retry(engine, left < UNICORN_CF_COUNT ? (uint32_t)left : UNICORN_CF_COUNT);
}

/* Ends a watched run. A REP goes on to its end when its counter is 0, else it is interrupted. */
static void check_window(struct sim_engine *engine, const struct unicorn_block *block, uint32_t word)
{
    if ((engine->blocked & ~blocked_by(engine->env)) == 0)
        return;
    if (is_same_rep(engine, block, word)) {
        if (counter_is_zero(engine, word))
            return;
        engine->count.unretired++;
        engine->result->repeats = true;
    }
    engine_stop(engine, SIM_STOP_DEADLINE);
}

/* A block that leaves the code segment is left instruction by instruction. */
static void check_code_limit(struct sim_engine *engine, const struct unicorn_block *block)
{
    if (block->pc - block->cs_base + block->size - 1 <= engine->env->segs[VMX_CS].limit)
        return;
    if (ticks_left(engine) <= 0)
        does_not_fit(engine);
    if (block->icount > 1)
        engine_retry(engine, 1);
    engine_raise_at_boundary(engine, VMX_GP);
}

/* A block with properties, or any in a watched run. Answers what it costs. */
static int64_t account_special(struct sim_engine *engine, const struct unicorn_block *block, uint32_t word)
{
    int64_t cost = word & BLOCK_COUNT;
    if ((word & BLOCK_CODE_LIMIT) != 0)
        engine_check_target(engine);
    engine_report_hits(engine);
    if (engine->allowing && ticks_left(engine) <= 0)
        does_not_fit(engine);
    if (engine->blocked != 0)
        check_window(engine, block, word);
    if ((word & BLOCK_RF) != 0 && (block_word(engine) & BLOCK_RF) != 0) {
        /* A direct jump led here: the instruction before has completed, RF ends. */
        engine->env->eflags &= ~(uint64_t)RFLAGS_RF;
        engine->looked_at_word &= ~(uint32_t)BLOCK_RF;
        engine_retry(engine, 0);
    }
    if (engine->code_breaks != 0 && !is_same_rep(engine, block, word)) {
        if (ticks_left(engine) <= 0)
            does_not_fit(engine);
        engine_break_on_instruction(engine);
    }
    if ((word & BLOCK_CODE_LIMIT) != 0 && !is_same_rep(engine, block, word))
        check_code_limit(engine, block);
    if ((word & BLOCK_STRING_IO) != 0 && !((word & BLOCK_REP_FIRST) != 0 && counter_is_zero(engine, word))) {
        if (ticks_left(engine) <= 0)
            does_not_fit(engine);
        engine_stop(engine, SIM_STOP_INSTRUCTION);
    }
    if ((word & BLOCK_OWN) != 0) {
        if (ticks_left(engine) <= 0)
            does_not_fit(engine);
        forget_blocks(engine);
        engine_execute_own(engine, block);
    }
    if (is_same_rep(engine, block, word)) {
        engine->count.unretired++;
        if (counter_is_zero(engine, word)) {
            cost = 0;
            engine->count.unretired--;
        }
    }
    if ((word & BLOCK_SETTLE_FLAGS) != 0)
        engine_settle_flags(engine->env);
    if ((word & BLOCK_LOADS_SS) != 0 && (block->flags & UNICORN_HF_INHIBIT_IRQ) == 0)
        engine->shadow = VMX_BLOCKING_BY_MOV_SS;
    return cost;
}

/* The block's accounting has found too little left, in truth or because the block is to be looked at. That is taken back first; what ran before
   is known when nothing has been counted since the block that was looked at last. */
static void begin_look(struct sim_engine *engine, const struct unicorn_block *block, uint32_t word)
{
    engine->count.left += (word & BLOCK_COUNT) + (word > BLOCK_COUNT ? BLOCK_LOOK : 0);
    if (engine->count.left != engine->looked_at_left)
        forget_blocks(engine);
    engine->block = engine->looked_at;
    engine->env->eip = block->pc - block->cs_base;
}

void engine_block(const struct unicorn_block *block, uint64_t unused, uint32_t word, void *data)
{
    struct sim_engine *engine = data;
    (void)unused;
    begin_look(engine, block, word);
    const int64_t cost = word > BLOCK_COUNT || engine->bias != 0 ? account_special(engine, block, word) : word;
    if (ticks_left(engine) < cost)
        does_not_fit(engine);
    engine->count.left -= cost;
    engine->block = engine->looked_at = block;
    engine->looked_at_word = word;
    engine->looked_at_left = engine->count.left;
}

/* Self-modifying code: Unicorn goes back to the storing instruction and runs it alone; RIP points to it. */
_Noreturn void __wrap_cpu_loop_exit_noexc_x86_64(void *cpu);
_Noreturn void __real_cpu_loop_exit_noexc_x86_64(void *cpu);
_Noreturn void __wrap_cpu_loop_exit_noexc_x86_64(void *cpu)
{
    if (engine_running != NULL)
        engine_unwind(engine_running, 0);
    __real_cpu_loop_exit_noexc_x86_64(cpu);
}

/* RF ends with the first instruction that completes, and until then has an effect on breakpoints alone. Blocks translated for RF = 1 would be looked
   up beside the usual ones, and each left for them: without breakpoints the flag is put aside for the run. */
static void put_resume_flag_aside(struct sim_engine *engine)
{
    engine->resume_flag = RFLAGS_RF;
    engine->env->eflags &= ~(uint64_t)RFLAGS_RF;
    engine->ticks_at_start = sim_engine_ticks(engine);
}

static void put_resume_flag_back(struct sim_engine *engine)
{
    if (sim_engine_ticks(engine) == engine->ticks_at_start)
        engine->env->eflags |= engine->resume_flag;
    engine->resume_flag = 0;
}

void engine_time_start(struct sim_engine *engine, uint64_t deadline)
{
    const uint64_t most = UINT64_C(1) << 60;
    const uint64_t ticks = engine->count.limit - (uint64_t)engine->count.left;
    const int64_t wanted = (int64_t)(deadline < most ? deadline : most);
    engine->allowing = engine->allow && wanted > 0;
    engine->allow = false;
    engine->iret_unblocked = engine->looking_back = false;
    engine->count.left = engine->allowing ? 1 : wanted;
    engine->set_aside = wanted - engine->count.left;
    engine->count.limit = ticks + (uint64_t)engine->count.left;
    engine->blocked = engine->watch ? blocked_by(engine->env) : 0;
    engine->bias = engine->blocked != 0 || engine->code_breaks != 0 ? LOOK_AT_ALL : 0;
    engine->count.left -= engine->bias;
    engine->count.limit -= (uint64_t)engine->bias;
    engine->watch = false;
    engine->hits = 0;
    engine->user_stack.bytes = engine->narrow.size = 0;
    if (RARELY((engine->env->eflags & RFLAGS_RF) != 0 && engine->code_breaks == 0))
        put_resume_flag_aside(engine);
    forget_blocks(engine);
    engine->fetch_retry = UINT64_MAX;
    UNICORN_FIELD(engine->cpu, UNICORN_CPU_CFLAGS_NEXT, int32_t) = engine->allowing ? 1 : UNICORN_CF_NEXT_NONE;
}

void engine_time_end(struct sim_engine *engine)
{
    engine->allowing = false;
    engine->count.left += engine->bias;
    engine->count.limit += (uint64_t)engine->bias;
    engine->bias = 0;
    if (RARELY(engine->resume_flag != 0))
        put_resume_flag_back(engine);
    forget_blocks(engine);
}

void sim_engine_count_one(struct sim_engine *engine)
{
    engine->count.limit++;
}

void sim_engine_count_iteration(struct sim_engine *engine)
{
    engine->count.limit++;
    engine->count.unretired++;
}

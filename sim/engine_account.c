/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The accounting at the start of every block, as operations of its own translation. In the place of a call at every block, which costs a memory mix a third
   of its speed, stands: left -= cost; note the block; call engine_block() if left is below 0. A block that has to be looked at costs so much that
   it always calls. What is known of a block only once it is translated is put in then. */
#include "engine_internal.h"

struct unicorn_label;
typedef struct unicorn_value *unicorn_value; /* a temporary as operations name it: its offset in the context */

struct unicorn_label *gen_new_label_x86_64(void *tcg);
void tcg_temp_free_internal_x86_64(void *tcg, struct unicorn_temp *temp);
unicorn_value tcg_const_i64_x86_64(void *tcg, int64_t value);
void tcg_gen_addi_i64_x86_64(void *tcg, unicorn_value result, unicorn_value a, int64_t b);
void tcg_gen_brcondi_i64_x86_64(void *tcg, int condition, unicorn_value a, int64_t b, struct unicorn_label *label);
void tcg_gen_op1_x86_64(void *tcg, int opcode, uint64_t a);
void tcg_gen_op3_x86_64(void *tcg, int opcode, uint64_t a, uint64_t b, uint64_t c);
void tcg_gen_callN_x86_64(void *tcg, void *function, struct unicorn_temp *result, int count, struct unicorn_temp **arguments);
void __wrap_uc_add_inline_hook_x86_64(void *uc, void *hook, void **arguments, int count);
void __real_uc_add_inline_hook_x86_64(void *uc, void *hook, void **arguments, int count);

/* Stand for what comes later; no operation has such constants otherwise. */
#define LATER_COST (INT64_C(0x5afe0001) << 32)
#define LATER_BLOCK (INT64_C(0x5afe0002) << 32)
#define LATER_WORD (INT64_C(0x5afe0003) << 32)
enum { LATER_PLACES = 4, ARGUMENTS = 4 };

static struct unicorn_temp *temp_of(void *tcg, unicorn_value value)
{
    return (struct unicorn_temp *)(void *)((char *)tcg + (uintptr_t)value);
}

static unicorn_value value_of(void *tcg, struct unicorn_temp *temp)
{
    return (unicorn_value)((uintptr_t)temp - (uintptr_t)tcg);
}

static uint64_t argument(void *tcg, unicorn_value value)
{
    return (uint64_t)(uintptr_t)temp_of(tcg, value);
}

/* left -= cost; the block is noted. */
static void take(struct sim_engine *engine, void *tcg, struct unicorn_label *enough)
{
    const unicorn_value base = tcg_const_i64_x86_64(tcg, (int64_t)(uintptr_t)engine), block = tcg_const_i64_x86_64(tcg, LATER_BLOCK);
    struct unicorn_temp *temp = tcg_temp_new_internal_x86_64(tcg, UNICORN_TCG_I64, false);
    const unicorn_value left = value_of(tcg, temp);
    tcg_gen_op3_x86_64(tcg, UNICORN_OP_LD_I64, argument(tcg, left), argument(tcg, base), offsetof(struct sim_engine, count.left));
    tcg_gen_addi_i64_x86_64(tcg, left, left, LATER_COST);
    tcg_gen_op3_x86_64(tcg, UNICORN_OP_ST_I64, argument(tcg, block), argument(tcg, base), offsetof(struct sim_engine, block));
    tcg_gen_op3_x86_64(tcg, UNICORN_OP_ST_I64, argument(tcg, left), argument(tcg, base), offsetof(struct sim_engine, count.left));
    tcg_gen_brcondi_i64_x86_64(tcg, UNICORN_TCG_GE, left, 0, enough);
    tcg_temp_free_internal_x86_64(tcg, temp);
    tcg_temp_free_internal_x86_64(tcg, temp_of(tcg, base));
    tcg_temp_free_internal_x86_64(tcg, temp_of(tcg, block));
}

/* The library registers its helper once an engine; each time again it would lose memory. */
static void call(struct sim_engine *engine, void *uc, void *hook, void *tcg)
{
    const int64_t constants[ARGUMENTS] = {LATER_BLOCK, 0, LATER_WORD, (int64_t)(uintptr_t)engine};
    struct unicorn_temp *arguments[ARGUMENTS];
    for (unsigned i = 0; i < ARGUMENTS; i++)
        arguments[i] = temp_of(tcg, tcg_const_i64_x86_64(tcg, constants[i]));
    if (engine->hook_known)
        tcg_gen_callN_x86_64(tcg, (void *)(uintptr_t)engine_block, NULL, ARGUMENTS, arguments);
    else
        __real_uc_add_inline_hook_x86_64(uc, hook, (void **)arguments, ARGUMENTS);
    engine->hook_known = true;
    for (unsigned i = 0; i < ARGUMENTS; i++)
        tcg_temp_free_internal_x86_64(tcg, arguments[i]);
}

/* The library adds the call of a hook here; there is but one. */
void __wrap_uc_add_inline_hook_x86_64(void *uc, void *hook, void **arguments, int count)
{
    struct sim_engine *engine = engine_running;
    void *tcg = engine->tcg;
    (void)arguments;
    (void)count;
    struct unicorn_label *enough = gen_new_label_x86_64(tcg);
    take(engine, tcg, enough);
    call(engine, uc, hook, tcg);
    *(uint32_t *)(void *)enough |= UNICORN_LABEL_PRESENT;
    tcg_gen_op1_x86_64(tcg, UNICORN_OP_SET_LABEL, (uint64_t)(uintptr_t)enough);
}

bool engine_account_for(const struct sim_engine *engine, const struct unicorn_block *block, uint32_t word)
{
    const int64_t cost = (word & BLOCK_COUNT) + (word > BLOCK_COUNT ? BLOCK_LOOK : 0);
    unsigned places = 0;
    bool checked = false;
    for (struct unicorn_op *op = UNICORN_FIELD(engine->tcg, UNICORN_TCG_OPS, struct unicorn_op *); op != NULL && !checked; op = op->next) {
        const uint8_t opcode = (uint8_t)op->opcode;
        const bool constant = opcode == UNICORN_OP_MOVI_I64;
        const int64_t value = (int64_t)op->args[1];
        if (constant && (value == LATER_COST || value == LATER_BLOCK || value == LATER_WORD)) {
            op->args[1] = value == LATER_COST ? (uint64_t)-cost : value == LATER_BLOCK ? (uint64_t)(uintptr_t)block : word;
            places++;
        }
        /* The library's own check of an exit request stands behind; by its number the others are right too. */
        checked = opcode == UNICORN_OP_LD_I32;
    }
    return places == LATER_PLACES && checked;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All that an engine holds between two runs, moved out and in by field. Translated code is not part of it: it comes again. */
#include "engine_internal.h"
#include "unicorn_api.h"

enum { FLOAT_REGISTERS = 8, SSE_REGISTERS = 16, FLOAT_NUMBERS = 6 + FLOAT_REGISTERS + SSE_REGISTERS + 1 };

/* Where Unicorn's interface reads and writes each register of x87 and SSE. */
struct float_map {
    int number[FLOAT_NUMBERS];
    void *place[FLOAT_NUMBERS];
    int count;
};

static void add(struct float_map *map, int number, void *place)
{
    map->number[map->count] = number;
    map->place[map->count++] = place;
}

/* The tag word is read from the registers' values, and the control words set the way of rounding: the order of writing does not matter to either. */
static void map_float(struct float_map *map, struct sim_engine_float *f)
{
    map->count = 0;
    add(map, UC_X86_REG_FPCW, &f->control);
    add(map, UC_X86_REG_FPSW, &f->status);
    add(map, UC_X86_REG_FPTAG, &f->tags);
    add(map, UC_X86_REG_FOP, &f->opcode);
    add(map, UC_X86_REG_FIP, &f->instruction);
    add(map, UC_X86_REG_FDP, &f->data);
    for (int i = 0; i < FLOAT_REGISTERS; i++)
        add(map, UC_X86_REG_FP0 + i, &f->x87[i]);
    for (int i = 0; i < SSE_REGISTERS; i++)
        add(map, UC_X86_REG_XMM0 + i, f->sse[i]);
    add(map, UC_X86_REG_MXCSR, &f->mxcsr);
}

void sim_engine_get_float(struct sim_engine *engine, struct sim_engine_float *floating)
{
    struct float_map map;
    map_float(&map, floating);
    (void)uc_reg_read_batch(engine->uc, map.number, map.place, map.count);
}

void sim_engine_set_float(struct sim_engine *engine, struct sim_engine_float *floating)
{
    struct float_map map;
    map_float(&map, floating);
    (void)uc_reg_write_batch(engine->uc, map.number, map.place, map.count);
    engine_settle_mxcsr(engine->env);
    engine_fpu_summarize(engine->env);
}

void sim_engine_save(struct sim_engine *engine, struct sim_engine_image *image)
{
    *image = (struct sim_engine_image){
        .ticks = sim_engine_ticks(engine), .unretired = engine->count.unretired, .allow = engine->allow, .watch = engine->watch};
    sim_engine_get(engine, VMX_GROUP_ALL, &image->state);
    sim_engine_get_float(engine, &image->floating);
}

void sim_engine_restore(struct sim_engine *engine, struct sim_engine_image *image)
{
    sim_engine_set_float(engine, &image->floating);
    engine->count.left = 0;
    engine->count.limit = image->ticks;
    engine->count.unretired = image->unretired;
    engine->allow = image->allow;
    engine->watch = image->watch;
    sim_engine_set(engine, VMX_GROUP_ALL, &image->state);
    sim_engine_flush(engine);
}

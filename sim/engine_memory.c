/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory: misses of Unicorn's TLB go to the translate callback; stores are fast unless the page holds translated code, of this engine or of
   another on the same RAM. What the TLB holds is the business of engine_tlb.c. */
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "engine_break.h"
#include "engine_opcode.h"
#include "engine_tlb.h"

bool __wrap_x86_cpu_tlb_fill_x86_64(void *cpu, uint64_t address, int size, int access, int mode, bool probe, uintptr_t return_address);
void __wrap_tlb_protect_code_x86_64(void *uc, uint64_t address);
void __wrap_tlb_unprotect_code_x86_64(void *uc, uint64_t address);
void __wrap_tb_invalidate_phys_page_fast_x86_64(void *uc, void *pages, uint64_t start, int length, uintptr_t return_address);
void __real_tb_invalidate_phys_page_fast_x86_64(void *uc, void *pages, uint64_t start, int length, uintptr_t return_address);
void *__wrap_memory_mapping(void *uc, uint64_t address);
void *__real_memory_mapping(void *uc, uint64_t address);
int __wrap_gettimeofday(struct timeval *now, void *zone);
int __real_gettimeofday(struct timeval *now, void *zone);

bool engine_memory_init(struct sim_engine *engine)
{
    engine->code_pages = calloc(engine->size >> UNICORN_PAGE_BITS, 1);
    engine->peer = engine;
    return engine->code_pages != NULL;
}

void engine_memory_free(struct sim_engine *engine)
{
    struct sim_engine *before = engine;
    while (before->peer != engine)
        before = before->peer;
    before->peer = engine->peer;
    free(engine->code_pages);
}

/* Once more in one ring, the same exchange would cut it in two. */
static bool is_joined(const struct sim_engine *engine, const struct sim_engine *other)
{
    const struct sim_engine *e = engine;
    do {
        if (e == other)
            return true;
        e = e->peer;
    } while (e != engine);
    return false;
}

void sim_engine_join(struct sim_engine *engine, struct sim_engine *other)
{
    if (is_joined(engine, other))
        return;
    struct sim_engine *next = engine->peer;
    engine->peer = other->peer;
    other->peer = next;
    sim_engine_flush(engine);
    sim_engine_flush(other);
}

bool engine_page_has_code(const struct sim_engine *engine, uint64_t page)
{
    const struct sim_engine *e = engine;
    do {
        if (e->code_pages[page])
            return true;
        e = e->peer;
    } while (e != engine);
    return false;
}

static uint64_t linear_of(const struct unicorn_env *env, uint64_t address, int access)
{
    const bool wide = (env->hflags & (access == UNICORN_FETCH ? UNICORN_HF_CS64 : UNICORN_HF_LMA)) != 0;
    return wide ? address : (uint32_t)address;
}

/* A fetch from another page than that of RIP, ahead of execution: the page must not be looked at before it is needed. The instructions
   that are translated already run as a block of their own; where Unicorn looks at blocks that it has, the instruction at RIP runs alone.
   Returns when that very instruction needs the page. */
static void fetch_no_further(struct sim_engine *engine, uint64_t address)
{
    const struct unicorn_env *env = engine->env;
    const uint64_t pc = env->segs[VMX_CS].base + env->eip;
    if ((address ^ linear_of(env, pc, UNICORN_FETCH)) >> UNICORN_PAGE_BITS == 0)
        return;
    if (engine->translating) {
        const unsigned translated = engine_translated(engine);
        if (translated > 0)
            engine_retry(engine, translated);
        return;
    }
    if (engine->fetch_retry == pc && engine->fetch_retry_left == engine->count.left)
        return;
    engine->fetch_retry = pc;
    engine->fetch_retry_left = engine->count.left;
    engine_retry(engine, 1);
}

static bool beyond_code_segment(const struct unicorn_env *env, uint64_t linear)
{
    const struct unicorn_segment *cs = &env->segs[VMX_CS];
    return (env->hflags & UNICORN_HF_CS64) == 0 && (uint32_t)(linear - cs->base) > cs->limit;
}

/* An address that is not canonical: #SS through the stack segment. */
static void name_fault(struct sim_engine *engine, uint64_t linear, struct vmx_translation *t)
{
    const struct unicorn_env *env = engine->env;
    if (t->kind != VMX_TRANSLATION_FAULT || t->event.vector != VMX_GP || (env->hflags & UNICORN_HF_CS64) == 0)
        return;
    const struct vmx_translation fault = *t; /* a look at the code may translate */
    const bool stack = engine_reaches_stack(env, engine_opcode_at(engine->env, env->segs[VMX_CS].base + env->eip), linear);
    *t = fault;
    if (stack)
        t->event.vector = VMX_SS_FAULT;
}

static bool is_on_user_stack(const struct engine_user_stack *stack, uint64_t linear)
{
    if (stack->bytes == 0)
        return false;
    const uint64_t offset = stack->mask == UINT64_MAX ? linear : (uint32_t)(linear - stack->base);
    return offset <= stack->mask && ((offset - stack->offset) & stack->mask) < stack->bytes;
}

bool engine_translate(struct sim_engine *engine, uint64_t address, uint64_t linear, unsigned size, enum vmx_access_kind kind, int mode,
                      uintptr_t return_address)
{
    static const int accesses[] = {[VMX_ACCESS_READ] = UNICORN_LOAD,
                                   [VMX_ACCESS_WRITE] = UNICORN_STORE,
                                   [VMX_ACCESS_FETCH] = UNICORN_FETCH,
                                   [VMX_ACCESS_READ_WRITE] = UNICORN_LOAD};
    struct vmx_translation *t = &engine->result->translation;
    memset(t, 0, sizeof *t);
    engine->smap_exempt = mode != UNICORN_MMU_SMAP;
    engine->access_size = size;
    const bool user_stack = mode != UNICORN_MMU_USER && is_on_user_stack(&engine->user_stack, linear);
    engine->callbacks.translate(engine->callbacks.context, linear, kind, mode == UNICORN_MMU_USER || user_stack, t);
    if (t->kind != VMX_TRANSLATED)
        return false;
    engine_break_on_access(engine, linear, size, accesses[kind], t, return_address);
    engine_enter_translation(engine, address, mode, kind, t, user_stack);
    return true;
}

/* Unicorn reads, then writes; a processor asks for both at once. */
static bool is_written_back(struct sim_engine *engine, uintptr_t return_address)
{
    if (engine->missing.block != NULL && engine->missing.block == engine->block && engine->missing.return_address == return_address)
        return engine->missing.writes_back;
    const bool looking_back = engine->looking_back;
    engine->looking_back = true;
    const struct engine_opcode opcode = engine_opcode_at(engine->env, engine_instruction_of(engine, return_address));
    engine->looking_back = looking_back;
    engine->missing.block = return_address != 0 ? engine->block : NULL;
    engine->missing.return_address = return_address;
    engine->missing.writes_back = engine_modifies_memory(opcode);
    return engine->missing.writes_back;
}

bool __wrap_x86_cpu_tlb_fill_x86_64(void *cpu, uint64_t address, int size, int access, int mode, bool probe, uintptr_t return_address)
{
    static const enum vmx_access_kind kinds[] = {VMX_ACCESS_READ, VMX_ACCESS_WRITE, VMX_ACCESS_FETCH};
    struct sim_engine *engine = engine_running;
    const uint64_t linear = linear_of(engine->env, address, access);
    (void)cpu;
    if (access == UNICORN_FETCH && !engine->looking_back) {
        engine_check_target(engine);
        engine_report_hits(engine);
        if (engine_boundary_is_due(engine))
            engine_stop_at_boundary(engine, SIM_STOP_DEADLINE);
        fetch_no_further(engine, linear);
        if (beyond_code_segment(engine->env, linear))
            engine_raise_at_boundary(engine, VMX_GP);
    }
    const unsigned bytes = probe || access == UNICORN_FETCH ? 0 : (unsigned)size;
    const bool modifies = access == UNICORN_LOAD && !engine->looking_back && is_written_back(engine, return_address);
    const enum vmx_access_kind kind = modifies ? VMX_ACCESS_READ_WRITE : kinds[access];
    if (engine_translate(engine, address, linear, bytes, kind, mode, return_address))
        return true;
    if (probe)
        return false;
    engine->result->linear = linear;
    engine->result->access = kind;
    if (access == UNICORN_FETCH)
        engine_stop_at_boundary(engine, SIM_STOP_TRANSLATION);
    engine_unwind(engine, return_address);
    engine_note_miss(engine);
    name_fault(engine, linear, &engine->result->translation);
    engine_stop(engine, SIM_STOP_TRANSLATION);
}

void __wrap_tlb_protect_code_x86_64(void *uc, uint64_t address)
{
    struct sim_engine *engine = engine_running;
    (void)uc;
    engine->code_pages[address >> UNICORN_PAGE_BITS] = 1;
    struct sim_engine *e = engine;
    do {
        engine_change_stores(e, address >> UNICORN_PAGE_BITS, false);
        e = e->peer;
    } while (e != engine);
}

static struct sim_engine *engine_of(struct sim_engine *member, const void *uc)
{
    while (member->uc != uc)
        member = member->peer;
    return member;
}

static void page_lost_code(struct sim_engine *engine, uint64_t page)
{
    engine->code_pages[page] = 0;
    if (engine_page_has_code(engine, page))
        return;
    struct sim_engine *e = engine;
    do {
        engine_change_stores(e, page, true);
        e = e->peer;
    } while (e != engine);
}

static _Thread_local struct sim_engine *invalidating; /* whose ring a call of the library belongs to */

void __wrap_tlb_unprotect_code_x86_64(void *uc, uint64_t address)
{
    struct sim_engine *member = invalidating != NULL ? invalidating : engine_running;
    page_lost_code(engine_of(member, uc), address >> UNICORN_PAGE_BITS);
}

static void forget_code(struct sim_engine *engine, uint64_t start, uint64_t end)
{
    for (uint64_t page = start >> UNICORN_PAGE_BITS; page <= (end - 1) >> UNICORN_PAGE_BITS; page++)
        if (engine->code_pages[page]) {
            struct sim_engine *outer = invalidating;
            invalidating = engine;
            tb_invalidate_phys_range_x86_64(engine->uc, start, end);
            invalidating = outer;
            return;
        }
}

/* A store hits a page with translated code. */
void __wrap_tb_invalidate_phys_page_fast_x86_64(void *uc, void *pages, uint64_t start, int length, uintptr_t return_address)
{
    struct sim_engine *engine = engine_running;
    for (struct sim_engine *e = engine->peer; e != engine; e = e->peer)
        forget_code(e, start, start + (uint64_t)length);
    __real_tb_invalidate_phys_page_fast_x86_64(uc, pages, start, length, return_address);
}

void sim_engine_ram_written(struct sim_engine *engine, hpa_t address, uint64_t size)
{
    if (address >= engine->size || size == 0)
        return;
    const uint64_t end = size < engine->size - address ? address + size : engine->size;
    struct sim_engine *e = engine;
    do {
        forget_code(e, address, end);
        e = e->peer;
    } while (e != engine);
}

void sim_engine_log_stores(struct sim_engine *engine, struct sim_ram_log *log)
{
    engine->log = log;
    sim_engine_flush(engine);
}

void engine_code_forgotten(struct sim_engine *engine)
{
    memset(engine->code_pages, 0, engine->size >> UNICORN_PAGE_BITS);
    tlb_flush_x86_64(engine->cpu);
}

bool sim_engine_smap_exempt(const struct sim_engine *engine)
{
    return engine->smap_exempt;
}

uint32_t sim_engine_pkru(const struct sim_engine *engine)
{
    return engine->env->pkru;
}

bool sim_engine_iret_unblocked(const struct sim_engine *engine)
{
    return engine->iret_unblocked;
}

unsigned sim_engine_access_size(const struct sim_engine *engine)
{
    return engine->access_size;
}

/* The library looks here for its regions by guest-virtual address; what may be accessed has been judged by the translate callback. */
void *__wrap_memory_mapping(void *uc, uint64_t address)
{
    return __real_memory_mapping(uc, engine_running != NULL ? 0 : address);
}

/* The library sizes its TLB by the host's clock. */
int __wrap_gettimeofday(struct timeval *now, void *zone)
{
    if (engine_running == NULL)
        return __real_gettimeofday(now, zone);
    now->tv_sec = 0;
    now->tv_usec = 0;
    return 0;
}

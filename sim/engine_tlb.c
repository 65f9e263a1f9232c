/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What Unicorn's TLB holds: entering and forgetting translations, in two sets of which one is in use.

   Blocks are found by linear address too, in the library's jump cache, which asks no translation. A page of code whose translation is forgotten
   between two runs is noted as lapsed. When the next run begins there and the translation turns out to be what it was, its blocks are found as before;
   in all other cases they are forgotten then. */
#include "engine_tlb.h"

#include <stdlib.h>
#include <string.h>

#include "ram_log.h"

enum { IN_PAGE = UNICORN_PAGE_SIZE - 1 };
enum { RFLAGS_AC = 1 << 18 };
#define NO_PAGE UINT64_MAX /* entries without the right, and empty ones, have all bits 1 */

static uint64_t page_of(uint64_t address)
{
    return address & ~(uint64_t)IN_PAGE;
}

/* ---- the two sets ---- */
static struct engine_translations *in_use(struct sim_engine *engine)
{
    return &engine->set[engine->set_in_use];
}

static struct unicorn_tlb *tlb_of(struct sim_engine *engine, const struct engine_translations *set, int mode)
{
    if (set == in_use(engine))
        return &UNICORN_FIELD(engine->env, UNICORN_ENV_TLB_FAST + mode * (int)sizeof(struct unicorn_tlb), struct unicorn_tlb);
    return &engine->away.tlb[mode];
}

static struct unicorn_tlb_description *description_of(struct sim_engine *engine, const struct engine_translations *set, int mode)
{
    if (set == in_use(engine))
        return &UNICORN_FIELD(engine->env, UNICORN_ENV_TLB_DESCRIPTION + mode * (int)sizeof(struct unicorn_tlb_description),
                              struct unicorn_tlb_description);
    return &engine->away.description[mode];
}

static void note_basis(const struct sim_engine *engine, struct engine_basis *basis)
{
    const struct unicorn_env *env = engine->env;
    *basis = (struct engine_basis){
        .cr0 = env->cr[0], .cr3 = env->cr[3], .cr4 = env->cr[4], .efer = env->efer, .pkru = env->pkru, .pkrs = engine->held.pkrs};
    for (unsigned i = 0; i < 4; i++)
        basis->pdpte[i] = engine->held.pdpte[i];
}

static bool basis_stands(const struct sim_engine *engine, const struct engine_basis *basis)
{
    const struct unicorn_env *env = engine->env;
    const uint64_t *const pdpte = engine->held.pdpte;
    return ((env->cr[0] ^ basis->cr0) | (env->cr[3] ^ basis->cr3) | (env->cr[4] ^ basis->cr4) | (env->efer ^ basis->efer) |
            (env->pkru ^ basis->pkru) | (engine->held.pkrs ^ basis->pkrs) | (pdpte[0] ^ basis->pdpte[0]) | (pdpte[1] ^ basis->pdpte[1]) |
            (pdpte[2] ^ basis->pdpte[2]) | (pdpte[3] ^ basis->pdpte[3])) == 0;
}

static size_t entries_of(const struct unicorn_tlb *tlb)
{
    return tlb->mask / sizeof(struct unicorn_tlb_entry) + 1;
}

static void clear_table(struct unicorn_tlb *tlb, struct unicorn_tlb_description *description)
{
    memset(tlb->table, 0xff, entries_of(tlb) * sizeof *tlb->table);
    memset(description->victims, 0xff, sizeof description->victims);
    description->used = 0;
    description->victim = 0;
}

/* The second set gets tables of its own, of the size that the library begins with. */
static bool make_away(struct sim_engine *engine)
{
    for (int mode = 0; mode < UNICORN_MMU_MODES; mode++) {
        struct unicorn_tlb *tlb = &engine->away.tlb[mode];
        struct unicorn_tlb_description *description = &engine->away.description[mode];
        *description = *description_of(engine, in_use(engine), mode);
        tlb->mask = (UNICORN_TLB_ENTRIES_MIN - 1) * sizeof *tlb->table;
        tlb->table = malloc(UNICORN_TLB_ENTRIES_MIN * sizeof *tlb->table);
        description->io = calloc(UNICORN_TLB_ENTRIES_MIN, sizeof *description->io);
        if (tlb->table == NULL || description->io == NULL)
            return false;
        clear_table(tlb, description);
    }
    return true;
}

bool engine_tlb_matches(struct sim_engine *engine)
{
    const uint64_t *const jumps = &UNICORN_FIELD(engine->cpu, UNICORN_CPU_JUMP_CACHE, uint64_t);
    uint64_t any = 0;
    for (size_t i = 0; i < UNICORN_JUMP_CACHE_BYTES / sizeof *jumps; i++)
        any |= jumps[i];
    for (int mode = 0; mode < UNICORN_MMU_MODES; mode++) {
        const struct unicorn_tlb_description *description = description_of(engine, in_use(engine), mode);
        if (entries_of(tlb_of(engine, in_use(engine), mode)) != UNICORN_TLB_ENTRIES_MIN || description->io == NULL ||
            description->victims[0].read != NO_PAGE || description->victims[UNICORN_VICTIMS - 1].addend != NO_PAGE)
            return false;
    }
    return any == 0;
}

bool engine_tlb_init(struct sim_engine *engine)
{
    in_use(engine)->count = ENGINE_PAGES_MAX + 1;
    return make_away(engine);
}

void engine_tlb_free(struct sim_engine *engine)
{
    for (int mode = 0; mode < UNICORN_MMU_MODES; mode++) {
        free(engine->away.tlb[mode].table);
        free(engine->away.description[mode].io);
    }
}

typedef uint64_t pair __attribute__((vector_size(16), aligned(8), may_alias));

static inline void exchange(void *a, void *b, size_t size)
{
    pair *const x = a, *const y = b;
#pragma GCC unroll 32
    for (size_t i = 0; i < size / sizeof *x; i++) {
        const pair kept = x[i];
        x[i] = y[i];
        y[i] = kept;
    }
}

/* Victims are empty while none was put there, which is so as long as no entry had to make room for another. */
static void exchange_mode(struct sim_engine *engine, int mode)
{
    struct unicorn_tlb_description *a = description_of(engine, in_use(engine), mode), *b = &engine->away.description[mode];
    struct unicorn_tlb_io *const io = a->io;
    if ((a->victim | b->victim) != 0) {
        exchange(a->victims, b->victims, sizeof a->victims);
        exchange(a->victims_io, b->victims_io, sizeof a->victims_io);
    }
    exchange(a, b, offsetof(struct unicorn_tlb_description, victims));
    a->io = b->io;
    b->io = io;
    exchange(tlb_of(engine, in_use(engine), mode), &engine->away.tlb[mode], sizeof engine->away.tlb[mode]);
}

void sim_engine_select(struct sim_engine *engine, unsigned set)
{
    uint16_t *const filled = &UNICORN_FIELD(engine->env, UNICORN_ENV_TLB_FILLED, uint16_t);
    const uint16_t filled_here = *filled;
    if (engine->set_in_use == set)
        return;
    if (!engine->selected)
        note_basis(engine, &in_use(engine)->basis);
    for (int mode = 0; mode < UNICORN_MMU_MODES; mode++)
        if (((filled_here | engine->away.filled) >> mode & 1) != 0)
            exchange_mode(engine, mode);
    *filled = engine->away.filled;
    engine->away.filled = filled_here;
    engine->env->hflags ^= ENGINE_HF_SECOND_SET;
    engine->set_in_use = (uint8_t)set;
    engine->selected = true;
}

/* ---- stores ---- */
/* Lets stores to a page of RAM go without a look at translated code. An entry for one access alone is marked invalid besides. */
static void make_fast(struct unicorn_tlb_entry *entry, uint64_t host_page)
{
    const uint64_t flags = entry->write & IN_PAGE, page = entry->write - flags;
    if (entry->write != NO_PAGE && (flags & ~(uint64_t)UNICORN_TLB_INVALID) == UNICORN_TLB_NOTDIRTY && page + entry->addend == host_page)
        entry->write -= UNICORN_TLB_NOTDIRTY;
}

/* And no longer. */
static void make_slow(struct unicorn_tlb_entry *entry, uint64_t host_page)
{
    const uint64_t flags = entry->write & IN_PAGE, page = entry->write - flags;
    if (entry->write != NO_PAGE && (flags & ~(uint64_t)UNICORN_TLB_INVALID) == 0 && page + entry->addend == host_page)
        entry->write |= UNICORN_TLB_NOTDIRTY;
}

void engine_change_stores(struct sim_engine *engine, uint64_t page, bool fast)
{
    void (*const change)(struct unicorn_tlb_entry *, uint64_t) = fast ? make_fast : make_slow;
    const uint64_t host = (uint64_t)(uintptr_t)engine->ram + (page << UNICORN_PAGE_BITS);
    for (unsigned set = 0; set < ENGINE_SETS; set++)
        for (int mode = 0; mode < UNICORN_MMU_MODES; mode++) {
            struct unicorn_tlb *tlb = tlb_of(engine, &engine->set[set], mode);
            for (size_t i = 0; i < entries_of(tlb); i++)
                change(&tlb->table[i], host);
            for (unsigned i = 0; i < UNICORN_VICTIMS; i++)
                change(&description_of(engine, &engine->set[set], mode)->victims[i], host);
        }
}

static int fetch_mode(const struct unicorn_env *env)
{
    if ((env->hflags & UNICORN_HF_CPL) == UNICORN_HF_CPL)
        return UNICORN_MMU_USER;
    return (env->hflags & UNICORN_HF_SMAP) != 0 && (env->eflags & RFLAGS_AC) == 0 ? UNICORN_MMU_SMAP : UNICORN_MMU_NO_SMAP;
}

/* ---- entering ---- */
static bool is_of_page(const struct unicorn_tlb_entry *entry, uint64_t page)
{
    return page_of(entry->read) == page || page_of(entry->write) == page || page_of(entry->code) == page;
}

static bool serves_once(const struct vmx_translation *t, enum vmx_access_kind kind)
{
    return ((kind == VMX_ACCESS_READ || kind == VMX_ACCESS_READ_WRITE) && !t->read) || (kind == VMX_ACCESS_WRITE && !t->write);
}

static int rights_of(const struct vmx_translation *t, enum vmx_access_kind kind)
{
    int rights = (t->read ? UNICORN_PROT_READ : 0) | (t->write ? UNICORN_PROT_WRITE : 0) | (t->fetch ? UNICORN_PROT_EXEC : 0);
    switch (kind) {
    case VMX_ACCESS_READ:
    case VMX_ACCESS_READ_WRITE:
        return rights | UNICORN_PROT_READ;
    case VMX_ACCESS_WRITE:
        return rights | UNICORN_PROT_WRITE;
    case VMX_ACCESS_FETCH:
        return rights | UNICORN_PROT_EXEC;
    }
    return rights;
}

static void note_entered(struct engine_translations *set, uint64_t page, int mode, bool code, uint64_t physical)
{
    const uint8_t modes = (uint8_t)(1u << mode);
    for (unsigned i = 0; i < set->count && i < ENGINE_PAGES_MAX; i++)
        if (set->page[i].linear == page) {
            set->page[i].modes |= modes;
            set->page[i].code |= code;
            set->page[i].physical = physical;
            return;
        }
    if (set->count < ENGINE_PAGES_MAX)
        set->page[set->count] = (struct engine_page){.linear = page, .physical = physical, .modes = modes, .code = code};
    if (set->count <= ENGINE_PAGES_MAX)
        set->count++;
}

static void wipe_victims(struct unicorn_tlb_description *description, uint64_t page)
{
    for (unsigned i = 0; i < UNICORN_VICTIMS; i++)
        if (is_of_page(&description->victims[i], page)) {
            memset(&description->victims[i], 0xff, sizeof description->victims[i]);
            description->used--;
        }
}

/* What the library does for a page of RAM, at a fraction of the price. False: it is for the library. */
static bool enter_memory(struct sim_engine *engine, uint64_t address, uint64_t physical, int rights, int mode)
{
    struct unicorn_tlb *tlb = tlb_of(engine, in_use(engine), mode);
    struct unicorn_tlb_description *description = description_of(engine, in_use(engine), mode);
    const size_t index = (address >> UNICORN_PAGE_BITS) & (entries_of(tlb) - 1);
    struct unicorn_tlb_entry *entry = &tlb->table[index];
    const bool is_free = (entry->read & entry->write & entry->code) == NO_PAGE;
    if (!engine->ram_base_known)
        return false;
    if (description->victim != 0)
        wipe_victims(description, address);
    if (!is_free && !is_of_page(entry, address)) {
        const uint64_t place = description->victim++ % UNICORN_VICTIMS;
        description->victims[place] = *entry;
        description->victims_io[place] = description->io[index];
        description->used--;
    }
    const bool slow = (rights & UNICORN_PROT_WRITE) != 0 && engine_page_has_code(engine, physical >> UNICORN_PAGE_BITS);
    entry->read = (rights & UNICORN_PROT_READ) != 0 ? address : NO_PAGE;
    entry->write = (rights & UNICORN_PROT_WRITE) != 0 ? address | (slow ? UNICORN_TLB_NOTDIRTY : 0) : NO_PAGE;
    entry->code = (rights & UNICORN_PROT_EXEC) != 0 ? address : NO_PAGE;
    entry->addend = (uint64_t)(uintptr_t)engine->ram + physical - address;
    description->io[index] = (struct unicorn_tlb_io){.address = engine->ram_base + physical - address};
    description->used++;
    UNICORN_FIELD(engine->env, UNICORN_ENV_TLB_FILLED, uint16_t) |= (uint16_t)(1u << mode);
    return true;
}

/* What the library has for a page of RAM tells where RAM stands in its own count of it. */
static void enter_by_library(struct sim_engine *engine, uint64_t address, uint64_t physical, int rights, int mode, bool memory, bool once)
{
    enum { ONE_ACCESS = 1 }; /* the library repeats the translation of what is smaller than a page */
    /* It is not told of larger pages: it would forget all when one of them goes. */
    tlb_set_page_with_attrs_x86_64(engine->cpu, address, physical, 0, rights, mode, once ? (uint64_t)ONE_ACCESS : UNICORN_PAGE_SIZE);
    if (!memory)
        return;
    struct unicorn_tlb *tlb = tlb_of(engine, in_use(engine), mode);
    const size_t index = (address >> UNICORN_PAGE_BITS) & (entries_of(tlb) - 1);
    engine->ram_base = description_of(engine, in_use(engine), mode)->io[index].address + address - physical;
    engine->ram_base_known = true;
    if ((rights & UNICORN_PROT_WRITE) != 0 && !engine_page_has_code(engine, physical >> UNICORN_PAGE_BITS))
        make_fast(&tlb->table[index], (uint64_t)(uintptr_t)engine->ram + physical);
}

void engine_enter_translation(struct sim_engine *engine, uint64_t address, int mode, enum vmx_access_kind kind, const struct vmx_translation *t,
                              bool once)
{
    const int rights = rights_of(t, kind);
    const bool memory = !t->no_memory && t->host < engine->size;
    const uint64_t physical = page_of(memory || t->host >= engine->size ? t->host : engine->size);
    once |= serves_once(t, kind);
    address = page_of(address);
    note_entered(in_use(engine), address, mode, (rights & UNICORN_PROT_EXEC) != 0, memory ? physical : NO_PAGE);
    if (memory && (rights & UNICORN_PROT_WRITE) != 0 && engine->log != NULL)
        sim_ram_log_page(engine->log, physical >> UNICORN_PAGE_BITS);
    if (!memory || once || !enter_memory(engine, address, physical, rights, mode))
        enter_by_library(engine, address, physical, rights, mode, memory, once);
}

/* ---- reading code ---- */
uint8_t engine_code_byte(struct unicorn_env *env, uint64_t address)
{
    struct sim_engine *engine = engine_running;
    const struct unicorn_tlb *tlb = tlb_of(engine, in_use(engine), fetch_mode(env));
    const struct unicorn_tlb_entry *entry = &tlb->table[(address >> UNICORN_PAGE_BITS) & (entries_of(tlb) - 1)];
    if (entry->code == page_of(address)) /* no flags: it is RAM */
        return *(const uint8_t *)(uintptr_t)(address + entry->addend);
    return (uint8_t)cpu_ldub_code_x86_64(env, address);
}

/* ---- forgetting ---- */
static void wipe(struct sim_engine *engine, const struct engine_translations *set, const struct engine_page *page)
{
    for (int mode = 0; mode < UNICORN_MMU_MODES; mode++) {
        if ((page->modes >> mode & 1) == 0)
            continue;
        struct unicorn_tlb *tlb = tlb_of(engine, set, mode);
        struct unicorn_tlb_description *description = description_of(engine, set, mode);
        struct unicorn_tlb_entry *entry = &tlb->table[(page->linear >> UNICORN_PAGE_BITS) & (entries_of(tlb) - 1)];
        if (is_of_page(entry, page->linear)) {
            memset(entry, 0xff, sizeof *entry);
            description->used--;
        }
        if (description->victim != 0)
            wipe_victims(description, page->linear);
    }
}

/* Blocks of the page must not be found by linear address from now on, or from the next run on. */
static void lapse(struct sim_engine *engine, struct engine_translations *set, const struct engine_page *page)
{
    if (!page->code)
        return;
    if (engine_running == NULL && set->lapsed_count < ENGINE_PAGES_MAX)
        set->lapsed[set->lapsed_count++] = *page;
    else
        tb_flush_jmp_cache_x86_64(engine->cpu, page->linear);
}

static void flush_all(struct sim_engine *engine, struct engine_translations *set)
{
    struct sim_engine *outer = engine_running;
    engine_running = engine;
    if (set == in_use(engine)) {
        tlb_flush_x86_64(engine->cpu);
    } else {
        for (int mode = 0; mode < UNICORN_MMU_MODES; mode++)
            clear_table(&engine->away.tlb[mode], &engine->away.description[mode]);
        engine->away.filled = 0;
        memset(&UNICORN_FIELD(engine->cpu, UNICORN_CPU_JUMP_CACHE, char), 0, UNICORN_JUMP_CACHE_BYTES);
    }
    engine_running = outer;
}

/* The set holds no page. Victims are empty then, and count from the first again, so that nobody has to look at them. */
static void note_empty(struct sim_engine *engine, struct engine_translations *set)
{
    set->count = 0;
    for (int mode = 0; mode < UNICORN_MMU_MODES; mode++)
        description_of(engine, set, mode)->victim = 0;
}

/* The library's flush clears some 60 KBytes, which is dearer than a whole VM exit. */
static void flush(struct sim_engine *engine, struct engine_translations *set)
{
    if (set->count == 0)
        return;
    if (set->count > ENGINE_PAGES_MAX) {
        flush_all(engine, set);
        set->lapsed_count = 0;
    } else {
        for (unsigned i = 0; i < set->count; i++) {
            wipe(engine, set, &set->page[i]);
            lapse(engine, set, &set->page[i]);
        }
    }
    note_empty(engine, set);
}

void sim_engine_flush_set(struct sim_engine *engine, unsigned set)
{
    flush(engine, &engine->set[set]);
}

void sim_engine_flush(struct sim_engine *engine)
{
    for (unsigned set = 0; set < ENGINE_SETS; set++)
        flush(engine, &engine->set[set]);
}

void sim_engine_flush_page(struct sim_engine *engine, unsigned set_number, gva_t linear, uint64_t size)
{
    struct engine_translations *set = &engine->set[set_number];
    if (set->count == 0)
        return;
    if (set->count > ENGINE_PAGES_MAX) {
        const struct engine_page page = {.linear = page_of(linear), .physical = NO_PAGE, .modes = (1 << UNICORN_MMU_MODES) - 1, .code = true};
        if (size > UNICORN_PAGE_SIZE) {
            flush(engine, set);
            return;
        }
        wipe(engine, set, &page);
        lapse(engine, set, &page);
        return;
    }
    for (unsigned i = set->count; i > 0; i--)
        if (set->page[i - 1].linear - page_of(linear) < size) {
            const struct engine_page page = set->page[i - 1];
            wipe(engine, set, &page);
            lapse(engine, set, &page);
            set->page[i - 1] = set->page[--set->count];
        }
    if (set->count == 0)
        note_empty(engine, set);
}

/* ---- the start of a run ---- */
/* The first thing that a run does is to fetch at RIP. Where that page has lapsed it is asked for at once. False: the answer ends the run. */
static bool ask_again(struct sim_engine *engine, const struct engine_page *lapsed, uint64_t linear)
{
    struct sim_engine_result *result = engine->result;
    const struct engine_translations *set = in_use(engine);
    if (!engine_translate(engine, linear, linear, 0, VMX_ACCESS_FETCH, fetch_mode(engine->env), 0)) {
        tb_flush_jmp_cache_x86_64(engine->cpu, lapsed->linear);
        result->linear = linear;
        result->access = VMX_ACCESS_FETCH;
        result->stop = SIM_STOP_TRANSLATION;
        engine->stopped = true;
        return false;
    }
    bool same = false;
    for (unsigned i = 0; i < set->count && i < ENGINE_PAGES_MAX; i++)
        same |= set->page[i].linear == lapsed->linear && set->page[i].physical == lapsed->physical && lapsed->physical != NO_PAGE;
    if (!same)
        tb_flush_jmp_cache_x86_64(engine->cpu, lapsed->linear);
    return true;
}

bool engine_tlb_begin(struct sim_engine *engine)
{
    struct engine_translations *set = in_use(engine);
    const uint64_t linear = engine->env->eip;
    const bool wide = (engine->env->hflags & UNICORN_HF_CS64) != 0;
    const struct engine_page *first = NULL;
    if (engine->selected) {
        engine->selected = false;
        if (!basis_stands(engine, &set->basis))
            flush(engine, set);
    }
    const unsigned count = set->lapsed_count;
    set->lapsed_count = 0;
    for (unsigned i = 0; i < count; i++)
        if (wide && first == NULL && set->lapsed[i].linear == page_of(linear))
            first = &set->lapsed[i];
        else
            tb_flush_jmp_cache_x86_64(engine->cpu, set->lapsed[i].linear);
    return first == NULL || ask_again(engine, first, linear);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A small guest for the engine's tests: RAM, an identity translation with a table of exceptions, states of each mode. */
#ifndef TESTS_ENGINE_GUEST_H
#define TESTS_ENGINE_GUEST_H

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "sim/engine.h"

/* Machine code of the assembler: name up to name_end. */
#define BLOB(name, text)                                                                                                                             \
    extern const uint8_t name[] __attribute__((unused)), name##_end[] __attribute__((unused));                                                       \
    __asm__(".pushsection .rodata\n" #name ":\n" text "\n" #name "_end:\n.popsection\n")
#define PUT(g, at, name) guest_code(g, at, name, (size_t)(name##_end - name))

enum { GUEST_RAM = 4 << 20, GUEST_CODE = 0x10000, GUEST_STACK = 0x80000, GUEST_DATA = 0x100000, GUEST_GDT = 0x200000, GUEST_PAGES = GUEST_RAM >> 12 };
enum { RIGHT_READ = 1, RIGHT_WRITE = 2, RIGHT_FETCH = 4, RIGHT_ALL = 7 };

struct guest {
    uint8_t *ram;
    struct sim_engine *engine;
    uint8_t rights[GUEST_PAGES];  /* of each linear page below GUEST_RAM; 0: #PF */
    uint32_t frame[GUEST_PAGES];  /* its physical page */
    uint8_t reached[GUEST_PAGES]; /* translated with the rights of the supervisor (1), of ring 3 (2) */
    unsigned translations;
    uint32_t once; /* a linear page whose translations serve one access each; 0: none */
    unsigned size; /* of the last access */
    bool user;     /* of the last translation */
    struct vmx_state state;
    struct sim_engine_result result;
};

static inline void guest_translate(void *context, gva_t linear, enum vmx_access_kind access, bool user, struct vmx_translation *out)
{
    struct guest *g = context;
    static const uint8_t needed[] = {RIGHT_READ, RIGHT_WRITE, RIGHT_FETCH, RIGHT_WRITE};
    g->translations++;
    g->size = sim_engine_access_size(g->engine);
    g->user = user;
    *out = (struct vmx_translation){.kind = VMX_TRANSLATED, .guest = linear, .page_size = 4096};
    if (linear >= GUEST_RAM) {
        out->host = linear;
        out->no_memory = true;
        out->read = out->write = out->fetch = true;
        return;
    }
    const uint8_t rights = g->rights[linear >> 12];
    g->reached[linear >> 12] |= user ? 2 : 1;
    if ((rights & needed[access]) == 0) {
        out->kind = VMX_TRANSLATION_FAULT;
        out->event = (struct vmx_event){.vector = VMX_PF, .type = VMX_EVENT_HARDWARE_EXCEPTION, .has_error_code = true, .payload = linear};
        return;
    }
    out->host = (uint64_t)g->frame[linear >> 12] << 12 | (linear & 0xfff);
    out->read = (rights & RIGHT_READ) != 0;
    out->write = (rights & RIGHT_WRITE) != 0 && access == VMX_ACCESS_WRITE;
    out->fetch = (rights & RIGHT_FETCH) != 0;
    if (g->once != 0 && linear >> 12 == g->once)
        out->read = out->write = out->fetch = false;
}

static inline struct vmx_segment guest_segment(uint16_t selector, uint64_t base, uint32_t limit, uint32_t rights)
{
    return (struct vmx_segment){.base = base, .limit = limit, .access_rights = rights, .selector = selector};
}

static inline void guest_segments(struct vmx_state *s, uint32_t code, uint32_t data, uint32_t limit)
{
    for (unsigned i = VMX_ES; i <= VMX_GS; i++)
        s->seg[i] = guest_segment(i == VMX_CS ? 0x08 : 0x10, 0, limit, i == VMX_CS ? code : data);
    s->seg[VMX_LDTR] = guest_segment(0, 0, 0, 0x10000);
    s->seg[VMX_TR] = guest_segment(0x18, GUEST_DATA, 0x67, 0x8b);
}

static inline void guest_mode_long(struct vmx_state *s, unsigned cpl)
{
    s->cr0 = 0x80000033;
    s->cr4 = 0x50620; /* PAE MCE OSFXSR OSXMMEXCPT FSGSBASE OSXSAVE */
    s->efer = 0xd01;
    guest_segments(s, 0xa09b | cpl << 5, 0xc093 | cpl << 5, 0xffffffff);
}

static inline void guest_mode_protected(struct vmx_state *s, bool wide)
{
    s->cr0 = 0x33;
    s->cr4 = 0x600;
    s->efer = 0;
    guest_segments(s, wide ? 0xc09b : 0x009b, wide ? 0xc093 : 0x0093, wide ? 0xffffffff : 0xffff);
}

static inline void guest_mode_real(struct vmx_state *s)
{
    s->cr0 = 0x30;
    s->cr4 = 0;
    s->efer = 0;
    guest_segments(s, 0x9b, 0x93, 0xffff);
}

static inline struct guest *guest_new(void)
{
    struct guest *g = calloc(1, sizeof *g);
    const char *message;
    g->ram = mmap(NULL, GUEST_RAM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (unsigned i = 0; i < GUEST_PAGES; i++) {
        g->rights[i] = RIGHT_ALL;
        g->frame[i] = i;
    }
    const struct sim_engine_callbacks callbacks = {.context = g, .translate = guest_translate};
    g->engine = sim_engine_new(g->ram, GUEST_RAM, &callbacks, &message);
    CU_ASSERT_PTR_NOT_NULL_FATAL(g->engine);
    guest_mode_long(&g->state, 0);
    g->state.rip = GUEST_CODE;
    g->state.rflags = 2;
    g->state.gpr[VMX_RSP] = GUEST_STACK;
    g->state.dr[6] = 0xffff0ff0;
    g->state.dr[7] = 0x400;
    g->state.xcr0 = 1;
    static const uint64_t gdt[] = {
        0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x0000891000000067, 0x00cffb000000ffff, 0x00cff3000000ffff, 0x00affb000000ffff, 0x0000891000000067,
        0};
    memcpy(g->ram + GUEST_GDT, gdt, sizeof gdt);
    g->state.gdtr = (struct vmx_descriptor_table){GUEST_GDT, sizeof gdt - 1};
    return g;
}

static inline void guest_free(struct guest *g)
{
    sim_engine_free(g->engine);
    munmap(g->ram, GUEST_RAM);
    free(g);
}

static inline void guest_code(struct guest *g, uint64_t at, const void *code, size_t size)
{
    memcpy(g->ram + at, code, size);
    sim_engine_ram_written(g->engine, at, size);
}

/* Pushes the state, runs, fetches the state. */
static inline enum sim_stop guest_run(struct guest *g, uint64_t deadline)
{
    sim_engine_set(g->engine, VMX_GROUP_ALL, &g->state);
    sim_engine_run(g->engine, deadline, &g->result);
    sim_engine_get(g->engine, VMX_GROUP_ALL, &g->state);
    return g->result.stop;
}

#endif

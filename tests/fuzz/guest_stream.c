/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random guests: memory, tables, registers and stimuli around random code. */
#include "guest_stream.h"

#include <string.h>

#include "guest_code.h"
#include "guest_handlers.h"
#include "guest_maker.h"
#include "guest_shared.h"
#include "guest_wild.h"
#include "handlers/bench/bench.h"
#include "tests/support/random.h"
#include "vmx-model/controls.h"
#include "vmx-model/vmcs.h"

enum {
    CODE = MAKER_CODE,
    HANDLERS = 0x9000,
    CODE_SELECTOR = 0x9ff0,
    GDT = 0x9c00,
    TSS = 0x9d00,
    IDT = 0xa000,
    DATA = MAKER_DATA,
    DATA_BYTES = 0x4000,
    STACK_TOP = 0xff00,
    RING_0_STACK_TOP = 0x28000,
    PAGES = MAKER_PAGES
};

/* Selectors of the own GDT. */
enum {
    CODE_32 = 0x08,
    DATA_32 = 0x10,
    TASK = 0x18,
    USER_CODE_32 = 0x28,
    USER_DATA = 0x30,
    CODE_64 = 0x38,
    USER_CODE_64 = 0x40,
    CODE_16 = 0x48,
    DATA_16 = 0x50,
    GDT_ENTRIES = 24
};

const unsigned stream_mode_bits[STREAM_MODES] = {16, 16, 32, 32, 16, 32, 64, 64};
const char *const stream_mode_names[STREAM_MODES] = {"real",         "16-bit protected", "32-bit protected", "32-bit user",
                                                     "virtual-8086", "compatibility",    "64-bit",           "64-bit user"};

static const uint16_t selectors[] = {0x08, 0x10, 0x10, 0x10, 0x2b, 0x33, 0x33, 0x38, 0x43, 0x48, 0x50, 0x5b,
                                     0x63, 0x6b, 0x73, 0x7b, 0x83, 0x93, 0x9b, 0xa3, 0xab, 0,    3};

/* ---- memory ---- */
static void code(struct maker *m)
{
    uint8_t bytes[STREAM_BLOCKS * STREAM_BLOCK_BYTES];
    memset(bytes, 0x90, sizeof bytes);
    for (unsigned block = 0; block < STREAM_BLOCKS; block++) {
        uint8_t *start = bytes + block * STREAM_BLOCK_BYTES;
        uint8_t room[STREAM_BLOCK_BYTES + 64];
        struct guest_code c = {.random = &m->random,
                               .bits = stream_mode_bits[m->stream->mode],
                               .at = room,
                               .offset = CODE + block * STREAM_BLOCK_BYTES,
                               .selectors = selectors,
                               .selector_count = sizeof selectors / sizeof selectors[0],
                               .cpus = m->shared ? m->stream->vcpus : 0};
        if (m->wild)
            wild_code(m, &c);
        memset(room, 0x90, sizeof room);
        while (c.at - room < STREAM_BLOCK_BYTES - 24)
            guest_code_append(&c);
        if (c.at - room < STREAM_BLOCK_BYTES - 2)
            guest_code_leave(&c, room);
        memcpy(start, room, STREAM_BLOCK_BYTES);
        if (m->hostile)
            for (unsigned i = 0; i < STREAM_BLOCK_BYTES; i++)
                if (maker_chance(m, 4))
                    start[i] = (uint8_t)random_next(&m->random);
    }
    maker_memory(m, CODE, bytes, sizeof bytes);
}

static void handlers(struct maker *m)
{
    if (m->stream->mode == STREAM_REAL)
        maker_memory(m, HANDLERS, handlers_16(), handlers_16_size());
    else if (maker_long_mode(m))
        maker_memory(m, HANDLERS, handlers_64(), handlers_64_size());
    else
        maker_memory(m, HANDLERS, handlers_32(), handlers_32_size());
}

static uint64_t descriptor(uint64_t base, uint64_t limit, uint64_t rights)
{
    return (limit & 0xffff) | (base & 0xffffff) << 16 | (rights & 0xf0ff) << 40 | (limit >> 16 & 0xf) << 48 | (base >> 24) << 56;
}

static void descriptors(struct maker *m)
{
    uint64_t gdt[GDT_ENTRIES] = {
        0,
        descriptor(0, 0xfffff, 0xc09b),
        descriptor(0, 0xfffff, 0xc093),
        descriptor(TSS, 0xff, 0x008b),
        0,
        descriptor(0, 0xfffff, 0xc0fb),
        descriptor(0, 0xfffff, 0xc0f3),
        descriptor(0, 0xfffff, 0xa09b),
        descriptor(0, 0xfffff, 0xa0fb),
        descriptor(0, 0xffff, 0x009b),
        descriptor(0, 0xffff, 0x0093),
        descriptor(0, 0xffff, 0x00fb),
        descriptor(0, 0xffff, 0x00f3),
        descriptor(0, 0xcfff, 0x40f3),  /* ends among the data */
        descriptor(0, 0xcfff, 0x40f7),  /* grows down to there */
        descriptor(0, 0xfffff, 0xc0f1), /* read-only */
        descriptor(0, 0xfffff, 0xc0f9), /* execute-only */
        descriptor(0, 0xff, 0x0082),    /* LDT */
        0,
        0x0000ec0000088000, /* call gate of 32 bits to the first block; in long mode of 64 bits, which finds a code segment without L */
        0,
        descriptor(0, 0xfffff, 0xc073), /* not present */
        descriptor(0, 0xfffff, 0xc09f), /* conforming */
        descriptor(0x1000, 0xfffff, 0xc0f3),
    };
    uint8_t tss[0x100] = {0};
    const uint32_t stack = RING_0_STACK_TOP, ss = DATA_32;
    memcpy(tss + 4, &stack, 4);
    if (!maker_long_mode(m))
        memcpy(tss + 8, &ss, 4);
    tss[0x66] = 0x68;
    for (unsigned i = 0x68; i < 0xff; i++)
        tss[i] = maker_chance(m, 3) ? (uint8_t)random_next(&m->random) : 0;
    tss[0xff] = 0xff;
    for (unsigned i = 0; m->hostile && i < 6; i++)
        gdt[maker_below(m, GDT_ENTRIES)] ^= UINT64_C(1) << maker_below(m, 64);
    maker_memory(m, GDT, gdt, sizeof gdt);
    maker_memory(m, TSS, tss, sizeof tss);
}

static void interrupt_table(struct maker *m)
{
    uint8_t idt[0x1000] = {0};
    const unsigned entry_bytes = m->stream->mode == STREAM_REAL ? 4 : maker_long_mode(m) ? 16 : 8;
    for (unsigned v = 0; v < 256; v++) {
        const uint32_t offset = HANDLERS + HANDLER_BYTES * (v < 32 ? v : (unsigned)HANDLER_OF_INTERRUPTS);
        const uint64_t selector = maker_long_mode(m) ? CODE_64 : CODE_32;
        const uint64_t gate = (offset & 0xffff) | selector << 16 | UINT64_C(0xee00) << 32 | (uint64_t)(offset >> 16) << 48;
        uint64_t entry = m->stream->mode == STREAM_REAL ? offset : gate;
        if (m->hostile && maker_chance(m, 64))
            entry ^= UINT64_C(1) << maker_below(m, 64);
        memcpy(idt + v * entry_bytes, &entry, entry_bytes < 8 ? entry_bytes : 8);
    }
    maker_memory(m, IDT, idt, 256 * entry_bytes);
}

/* Identity, for users; a page among the data read-only, one absent. */
static void page_tables(struct maker *m)
{
    uint64_t table[3 + 512] = {PAGES + 0x1007, PAGES + 0x2007, PAGES + 0x3007};
    for (uint64_t i = 0; i < 512; i++)
        table[3 + i] = i << 12 | 7;
    table[3 + (DATA >> 12) + 1 + maker_below(m, 3)] &= ~UINT64_C(2);
    table[3 + 0x30 + maker_below(m, 16)] = 0;
    for (unsigned i = 0; m->hostile && i < 6; i++)
        table[maker_below(m, 3 + 64)] ^= UINT64_C(1) << maker_below(m, 64);
    if (m->wild)
        wild_tables(m, table, 3);
    for (unsigned level = 0; level < 3; level++)
        maker_memory(m, PAGES + level * 0x1000u, &table[level], 8);
    maker_memory(m, PAGES + 0x3000, table + 3, 512 * 8);
    if (!maker_long_mode(m)) { /* 32-bit paging has entries of 4 bytes */
        uint32_t directory = PAGES + 0x1007, entries[512];
        for (unsigned i = 0; i < 512; i++)
            entries[i] = (uint32_t)table[3 + i];
        maker_memory(m, PAGES, &directory, 4);
        maker_memory(m, PAGES + 0x1000, entries, sizeof entries);
    }
}

static void data(struct maker *m)
{
    uint8_t bytes[0x1000];
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)random_next(&m->random);
    maker_memory(m, DATA, bytes, sizeof bytes);
}

/* ---- registers ---- */
static void segment(struct maker *m, unsigned name, uint16_t selector, uint64_t base, uint32_t limit, uint32_t rights)
{
    maker_field(m, (enum vmcs_field)((unsigned)VMCS_GUEST_ES_SELECTOR + name), selector);
    maker_field(m, (enum vmcs_field)((unsigned)VMCS_GUEST_ES_BASE + name), base);
    maker_field(m, (enum vmcs_field)((unsigned)VMCS_GUEST_ES_LIMIT + name), limit);
    maker_field(m, (enum vmcs_field)((unsigned)VMCS_GUEST_ES_AR_BYTES + name), rights);
}

static void segments(struct maker *m)
{
    static const struct {
        uint16_t code, data;
        uint32_t limit, code_rights, data_rights;
    } modes[STREAM_MODES] = {{0, 0, 0xffff, 0x9b, 0x93},
                             {CODE_16, DATA_16, 0xffff, 0x9b, 0x93},
                             {CODE_32, DATA_32, UINT32_MAX, 0xc09b, 0xc093},
                             {USER_CODE_32 | 3, USER_DATA | 3, UINT32_MAX, 0xc0fb, 0xc0f3},
                             {0, 0, 0xffff, 0xf3, 0xf3},
                             {CODE_32, DATA_32, UINT32_MAX, 0xc09b, 0xc093},
                             {CODE_64, DATA_32, UINT32_MAX, 0xa09b, 0xc093},
                             {USER_CODE_64 | 3, USER_DATA | 3, UINT32_MAX, 0xa0fb, 0xc0f3}};
    const enum stream_mode mode = m->stream->mode;
    for (unsigned name = VMX_ES; name <= VMX_GS; name++) {
        const bool is_code = name == VMX_CS;
        segment(m, name, is_code ? modes[mode].code : modes[mode].data, 0, modes[mode].limit,
                is_code ? modes[mode].code_rights : modes[mode].data_rights);
    }
    if (mode != STREAM_REAL) {
        segment(m, VMX_TR, TASK, TSS, 0xff, 0x8b);
        maker_field(m, VMCS_GUEST_GDTR_BASE, GDT);
        maker_field(m, VMCS_GUEST_GDTR_LIMIT, GDT_ENTRIES * 8 - 1);
    }
    maker_field(m, VMCS_GUEST_IDTR_BASE, IDT);
    maker_field(m, VMCS_GUEST_IDTR_LIMIT, mode == STREAM_REAL ? 0x3ff : maker_long_mode(m) ? 0xfff : 0x7ff);
    const uint32_t code_selector = modes[mode].code;
    maker_memory(m, CODE_SELECTOR, &code_selector, sizeof code_selector);
}

static void registers(struct maker *m)
{
    for (uint32_t gpr = 0; gpr < VMX_GPR_COUNT; gpr++) {
        const uint64_t payload[2] = {gpr, DATA + maker_below(m, DATA_BYTES)};
        if (gpr != VMX_RSP && (gpr != VMX_RDI || !m->shared)) /* there RDI is the number of the virtual CPU */
            maker_record(m, PACKED_REGISTER, payload, sizeof payload);
    }
    const bool virtual_8086 = m->stream->mode == STREAM_VIRTUAL_8086;
    const uint64_t alignment = maker_chance(m, 4) ? UINT64_C(1) << 18 : 0;
    const uint64_t iopl = maker_chance(m, 2) || virtual_8086 ? UINT64_C(3) << 12 : 0;
    maker_field(m, VMCS_GUEST_RFLAGS, 2 | 1 << 9 | iopl | (virtual_8086 ? 1 << 17 : 0) | alignment);
    if (!m->shared) { /* there each has its own */
        maker_field(m, VMCS_GUEST_RSP, STACK_TOP);
        maker_field(m, VMCS_GUEST_RIP, CODE);
    }
    if (m->stream->mode == STREAM_REAL)
        return;
    const uint64_t flags = (maker_chance(m, 2) ? UINT64_C(1) << 18 : 0) | (maker_chance(m, 4) ? 0 : UINT64_C(1) << 16); /* AM, WP */
    const bool paging = maker_long_mode(m) || maker_chance(m, 2);
    maker_field(m, VMCS_GUEST_CR0, 0x33 | flags | (paging ? UINT64_C(1) << 31 : 0));
    maker_field(m, VMCS_GUEST_CR3, PAGES);
    maker_field(m, VMCS_GUEST_CR4, 0x2600 | (maker_long_mode(m) ? 0x20 : 0) | (maker_chance(m, 2) ? 1 << 3 : 0) | (maker_chance(m, 4) ? 1 << 2 : 0));
}

/* ---- what else happens ---- */
static void controls(struct maker *m)
{
    const uint64_t primary = VMX_PRI_HLT_EXITING | VMX_PRI_INVLPG_EXITING | VMX_PRI_MWAIT_EXITING | VMX_PRI_RDPMC_EXITING | VMX_PRI_RDTSC_EXITING |
                             VMX_PRI_CR3_LOAD_EXITING | VMX_PRI_CR3_STORE_EXITING | VMX_PRI_MOV_DR_EXITING | VMX_PRI_UNCOND_IO_EXITING |
                             VMX_PRI_MONITOR_EXITING | VMX_PRI_PAUSE_EXITING;
    maker_control(m, VMX_WORD_PRIMARY, primary & random_next(&m->random) & random_next(&m->random));
    if (maker_chance(m, 2))
        maker_control(m, VMX_WORD_PIN, VMX_PIN_EXT_INTR_EXITING);
    if (maker_chance(m, 3)) {
        maker_control(m, VMX_WORD_PIN, VMX_PIN_VMX_PREEMPTION_TIMER);
        maker_field(m, VMCS_VMX_PREEMPTION_TIMER_VALUE, 1 + maker_below(m, 40));
    }
    if (maker_chance(m, 3)) {
        const uint64_t one = random_next(&m->random);
        maker_field(m, VMCS_EXCEPTION_BITMAP, one & random_next(&m->random) & UINT32_MAX);
    }
}

static void stimuli(struct maker *m)
{
    for (unsigned i = maker_below(m, 12); i > 0; i--) {
        const uint32_t vcpu = m->shared ? maker_below(m, m->stream->vcpus) : 0;
        const struct packed_step interrupt = {.kind = STEP_INTERRUPT, .vcpu = vcpu, .a = 0x20 + maker_below(m, 0xe0), .b = maker_below(m, 1500)};
        const struct packed_step nmi = {.kind = STEP_NMI, .vcpu = vcpu, .b = maker_below(m, 1500)};
        maker_record(m, PACKED_STEP, maker_chance(m, 8) ? &nmi : &interrupt, sizeof interrupt);
    }
}

static void finish(struct stream *s)
{
    const uint16_t version[2] = {PACKED_VERSION, 0};
    memcpy(s->packed, "VMXS", 4);
    memcpy(s->packed + 4, version, sizeof version);
    memcpy(s->packed + 8, &s->size, sizeof s->size);
    const uint32_t crc = bench_crc32(0, s->packed + PACKED_HEADER_BYTES, s->size - PACKED_HEADER_BYTES);
    memcpy(s->packed + 12, &crc, sizeof crc);
}

void stream_make(struct stream *stream, uint64_t number, enum stream_kind kind, uint64_t limit)
{
    struct maker maker = {.random = {.state = number * UINT64_C(0xd1342543de82ef95) ^ UINT64_C(0x5851f42d4c957f2d)},
                          .stream = stream,
                          .hostile = kind == STREAM_HOSTILE || kind == STREAM_WILD,
                          .wild = kind == STREAM_WILD,
                          .shared = kind == STREAM_SHARED},
                 *m = &maker;
    const uint64_t guest_bytes = STREAM_GUEST_BYTES;
    stream->mode = (enum stream_mode)(number % STREAM_MODES);
    stream->size = PACKED_HEADER_BYTES;
    stream->caps = vmx_default_profile();
    stream->vcpus = m->shared ? 2 + maker_below(m, 2) : 1;
    if (m->wild)
        wild_machine(m);
    memset(stream->packed, 0, PACKED_HEADER_BYTES);
    const uint32_t mode = stream->mode == STREAM_REAL ? PACKED_MODE_REAL : maker_long_mode(m) ? PACKED_MODE_LONG : PACKED_MODE_PROTECTED;
    maker_record(m, PACKED_NAME, "stream", 6);
    maker_record(m, PACKED_PROFILE, stream->caps->name, (uint32_t)strlen(stream->caps->name));
    maker_record(m, PACKED_MODE, &mode, sizeof mode);
    maker_record(m, PACKED_GUEST_RAM, &guest_bytes, sizeof guest_bytes);
    maker_record(m, PACKED_LIMIT, &limit, sizeof limit);
    maker_record(m, PACKED_REST_ANY, NULL, 0);
    if (m->shared)
        shared_machine(m);
    code(m);
    handlers(m);
    descriptors(m);
    interrupt_table(m);
    page_tables(m);
    data(m);
    segments(m);
    registers(m);
    controls(m);
    stimuli(m);
    if (m->wild)
        wild_rest(m);
    maker_record(m, PACKED_END, NULL, 0);
    finish(stream);
}

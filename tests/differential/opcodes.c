/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every opcode on the simulator and on Bochs: the one-byte map, the maps behind 0F, 0F 38 and 0F 3A, their groups and VEX, with each mandatory prefix and
   with LOCK, with an operand in a register and in memory, in 64-bit, 32-bit and 16-bit code. One instruction a case: exists or is #UD, faults, registers,
   flags that the manual defines, XMM and MMX registers, memory. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "both.h"
#include "generate.h"
#include "opcodes.h"
#include "vmx-model/registers.h"

enum { CHUNK = 1024, MODES = 3 };

static struct opcode_case *all;
static size_t all_count;

static void keep(const struct opcode_case *c)
{
    static size_t room;
    if (all_count == room) {
        room = room == 0 ? 4096 : 2 * room;
        all = realloc(all, room * sizeof *all);
        if (all == NULL)
            abort();
    }
    all[all_count++] = *c;
}

/* ---- the program of a case ---- */
struct code {
    uint8_t bytes[PART_BYTES];
    unsigned size;
};

static void put(struct code *code, const void *bytes, unsigned size)
{
    if (size > PART_BYTES - code->size)
        abort();
    memcpy(code->bytes + code->size, bytes, size);
    code->size += size;
}

/* An SSE or MMX move between register 0 or 1 and the data page: MOVUPS, MOVQ. */
static void move(struct code *code, unsigned bits, uint8_t opcode, unsigned reg, uint32_t address)
{
    const uint8_t rm = bits == 64 ? 4 : bits == 32 ? 5 : 6;
    const uint8_t head[] = {0x0f, opcode, (uint8_t)(reg << 3 | rm), 0x25};
    put(code, head, bits == 64 ? 4 : 3);
    put(code, &address, bits == 16 ? 2 : 4);
}

enum { MOVUPS_LOAD = 0x10, MOVUPS_STORE = 0x11, MOVQ_LOAD = 0x6f, MOVQ_STORE = 0x7f };
enum { FROM = DIF_DATA + 0x20, TO = DIF_DATA + 0x140, OPERAND = DIF_DATA + 0x80 };

static void load(struct dif_case *c, bool mmx)
{
    struct code code = {.size = 0};
    for (unsigned reg = 0; reg < 2; reg++) {
        move(&code, c->code_bits, MOVUPS_LOAD, reg, FROM + 16 * reg);
        if (mmx)
            move(&code, c->code_bits, MOVQ_LOAD, reg, FROM + 16 * reg);
    }
    (void)case_code(c, GROUP_BASE, code.bytes, code.size);
}

static void store(struct dif_case *c, bool mmx, uint32_t undefined)
{
    struct code code = {.size = 0};
    for (unsigned reg = 0; reg < 2; reg++) {
        move(&code, c->code_bits, MOVUPS_STORE, reg, TO + 16 * reg);
        if (mmx)
            move(&code, c->code_bits, MOVQ_STORE, reg, TO + 0x20 + 16 * reg);
    }
    (void)case_code(c, GROUP_BASE, code.bytes, code.size);
    code.size = 0;
    if (undefined != 0) { /* PUSHF; AND; POPF */
        static const uint8_t and_64[] = {0x9c, 0x81, 0x24, 0x24}, and_16[] = {0x9c, 0x5b, 0x81, 0xe3};
        const uint32_t mask = ~undefined;
        if (c->code_bits == 16) {
            put(&code, and_16, sizeof and_16);
            put(&code, &mask, 2);
            put(&code, "\x53", 1); /* BX, which shows them too */
        } else {
            put(&code, and_64, sizeof and_64);
            put(&code, &mask, 4);
        }
        put(&code, "\x9d", 1);
    }
    put(&code, "\x0f\x01\xc1", 3);
    (void)case_code(c, GROUP_BASE, code.bytes, code.size);
}

/* ---- values ---- */
static uint64_t value_seed; /* 0: the same values for every instruction */

/* A counter of REP, a bit offset, and what SHLD and SHRD shift 16 bits by must not be just anything. */
static bool takes_any_register(const struct opcode_case *o, unsigned reg)
{
    if (o->map == OPCODE_ONE_BYTE)
        return !(o->byte >= 0xa4 && o->byte <= 0xaf) || reg != VMX_RCX;
    const bool tests_bits = o->byte == 0xa3 || o->byte == 0xab || o->byte == 0xb3 || o->byte == 0xbb;
    const bool shifts = o->byte == 0xa5 || o->byte == 0xad;
    return o->map != OPCODE_0F || (!(tests_bits && reg == VMX_RAX) && !(shifts && reg == VMX_RCX));
}

/* Numbers of both precisions among the vectors. */
static void some_vector(struct random *random, uint8_t bytes[48])
{
    static const uint32_t singles[] = {0,          0x80000000, 1,          0x00800000, 0x3f800000, 0xbfc00000,
                                       0x7f7fffff, 0xff800000, 0x7fc00001, 0x7f800001, 0x4f000000};
    static const uint64_t doubles[] = {0,
                                       UINT64_C(1) << 63,
                                       1,
                                       0x3ff0000000000000,
                                       0xbff8000000000000,
                                       0x7fefffffffffffff,
                                       0xfff0000000000000,
                                       0x7ff8000000000001,
                                       0x7ff0000000000001,
                                       0x41dfffffffc00000};
    for (unsigned i = 0; i < 6; i++) {
        uint64_t value = random_edge(random);
        if (random_below(random, 3) == 0)
            value = doubles[random_below(random, sizeof doubles / sizeof *doubles)];
        else if (random_below(random, 2) == 0)
            value = singles[random_below(random, sizeof singles / sizeof *singles)] |
                    (uint64_t)singles[random_below(random, sizeof singles / sizeof *singles)] << 32;
        memcpy(bytes + (size_t)i * 8, &value, sizeof value);
    }
}

static void build(struct dif_case *c, const struct opcode_case *o, uint64_t number)
{
    static const enum base bases[MODES] = {BASE_LONG, BASE_PROTECTED, BASE_REAL};
    static const uint64_t cr4[MODES] = {0x2620, 0x2600, 0x2600};
    uint64_t registers[] = {5, 3, 2, OPERAND, 0, 0x6ff00, DIF_DATA + 0x40, OPERAND};
    uint8_t data[48] = {1, 2, 0x7f, 0x80, 0x81, 0xff, 0,    3,    0x00, 0x00, 0x30, 0x40, 0xc0, 0x12, 0x34, 0x56, 9, 0, 0xf0, 0x3f, 0, 0, 0x80, 0x40,
                        5, 6, 7,    8,    0x80, 0x80, 0x7f, 0x7f, 0,    0,    0x80, 0x3f, 0,    0,    0,    0,    0, 0, 0,    0x40, 2, 0, 0,    0};
    static const uint8_t nops[10] = {0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90};
    const bool mmx = o->map != OPCODE_ONE_BYTE;
    if (value_seed != 0) {
        static const uint8_t any[] = {VMX_RAX, VMX_RCX, VMX_RDX, VMX_RBP};
        struct random random = {.state = value_seed * UINT64_C(0xd1342543de82ef95) + number};
        for (unsigned i = 0; i < sizeof any; i++)
            if (takes_any_register(o, any[i]))
                registers[any[i]] = o->mode == 0 ? random_edge(&random) : random_edge(&random) & UINT32_MAX;
        some_vector(&random, data);
    }
    *c = (struct dif_case){.kind = CASE_PROGRAM, .seed = o->mode, .number = number, .caps = vmx_profile("bochs-skylake-x"), .exits = 1, .groups = 1};
    base_build(c, bases[o->mode]);
    (void)case_field(c, GROUP_BASE, VMCS_GUEST_CR4, cr4[o->mode]);
    (void)case_field(c, GROUP_BASE, VMCS_CR4_READ_SHADOW, cr4[o->mode]);
    (void)case_field(c, GROUP_BASE, VMCS_EXCEPTION_BITMAP, UINT32_MAX);
    for (unsigned i = 0; i < sizeof registers / sizeof *registers; i++)
        if (i != VMX_RSP)
            (void)case_register(c, GROUP_BASE, i, registers[i]);
    (void)case_memory(c, GROUP_BASE, FROM, data, sizeof data);
    (void)case_memory(c, GROUP_BASE, OPERAND, data, sizeof data);
    load(c, mmx);
    (void)case_code(c, GROUP_BASE, o->bytes, o->size);
    (void)case_code(c, GROUP_BASE, nops, sizeof nops);
    store(c, mmx, opcode_undefined_flags(o));
}

/* ---- all cases ---- */
static const uint8_t prefixes[] = {0, 0x66, 0xf3, 0xf2, 0xf0};

static void add(unsigned mode, enum opcode_map map, uint8_t prefix, uint8_t byte, int modrm)
{
    struct opcode_case c = {.mode = (uint8_t)mode, .map = map, .prefix = prefix, .byte = byte, .modrm = (uint8_t)(modrm < 0 ? 0xc1 : modrm)};
    if (prefix != 0)
        c.bytes[c.size++] = prefix;
    if (map != OPCODE_ONE_BYTE)
        c.bytes[c.size++] = 0x0f;
    if (map == OPCODE_0F38 || map == OPCODE_0F3A)
        c.bytes[c.size++] = map == OPCODE_0F38 ? 0x38 : 0x3a;
    c.bytes[c.size++] = byte;
    const bool has_modrm = opcode_has_modrm(&c);
    if (has_modrm)
        c.bytes[c.size++] = c.modrm;
    if ((has_modrm || c.modrm == 0xc1) && !opcode_is_left_out(&c))
        keep(&c);
}

static void add_vex(unsigned mode, unsigned map, unsigned pp, bool l, uint8_t byte, uint8_t modrm)
{
    struct opcode_case c = {.mode = (uint8_t)mode, .map = OPCODE_VEX, .byte = byte, .modrm = modrm, .prefix = (uint8_t)pp, .size = 5};
    const uint8_t bytes[] = {0xc4, (uint8_t)(0xe0 | map), (uint8_t)(0x78 | (l ? 4 : 0) | pp), byte, modrm};
    memcpy(c.bytes, bytes, sizeof bytes);
    c.vex_map = (uint8_t)map;
    if (!opcode_is_left_out(&c))
        keep(&c);
}

/* The operand in memory is at RBX, in 16-bit code at BX. */
static uint8_t memory_form(unsigned mode)
{
    return mode == 2 ? 7 : 3;
}

static bool is_group(enum opcode_map map, unsigned byte)
{
    if (map == OPCODE_ONE_BYTE)
        return (byte >= 0x80 && byte <= 0x83) || byte == 0x8c || byte == 0x8e || byte == 0x8f || byte == 0xc0 || byte == 0xc1 || byte == 0xc6 ||
               byte == 0xc7 || (byte >= 0xd0 && byte <= 0xd3) || (byte >= 0xd8 && byte <= 0xdf) || byte == 0xf6 || byte == 0xf7 || byte >= 0xfe;
    return map == OPCODE_0F && (byte <= 0x01 || byte == 0x0d || byte == 0x18 || byte == 0x1e || byte == 0x71 || byte == 0x72 || byte == 0x73 ||
                                byte == 0xae || byte == 0xba || byte == 0xc7);
}

static void add_map(unsigned mode, enum opcode_map map)
{
    for (unsigned byte = 0; byte < 256; byte++)
        for (unsigned p = 0; p < sizeof prefixes; p++)
            for (unsigned reg = 0; reg < (is_group(map, byte) ? 8u : 1u); reg++) {
                add(mode, map, prefixes[p], (uint8_t)byte, (int)(memory_form(mode) | reg << 3));
                add(mode, map, prefixes[p], (uint8_t)byte, (int)(0xc1 | reg << 3));
            }
    if (map != OPCODE_0F)
        return;
    for (unsigned modrm = 0xc0; modrm < 0x100; modrm++) /* groups 7 and 15: an instruction for each */
        for (unsigned p = 0; p < sizeof prefixes; p++) {
            add(mode, map, prefixes[p], 0x01, (int)modrm);
            if ((modrm & 7) == 0)
                add(mode, map, prefixes[p], 0xae, (int)modrm);
        }
}

static void add_all(void)
{
    for (unsigned mode = 0; mode < MODES; mode++) {
        for (unsigned map = OPCODE_ONE_BYTE; map <= OPCODE_0F3A; map++)
            add_map(mode, (enum opcode_map)map);
        for (unsigned map = 1; map <= 3; map++)
            for (unsigned byte = 0; byte < 256; byte++)
                for (unsigned pp = 0; pp < 4; pp++) {
                    add_vex(mode, map, pp, false, (uint8_t)byte, 0xc1);
                    add_vex(mode, map, pp, (byte & 1) != 0, (uint8_t)byte, (uint8_t)(memory_form(mode) | 1 << 3));
                    for (unsigned reg = 1; map == 2 && byte == 0xf3 && reg < 8; reg++) /* group 17 */
                        add_vex(mode, map, pp, false, (uint8_t)byte, (uint8_t)(0xc1 | reg << 3));
                }
    }
}

/* ---- runs ---- */
struct tally {
    size_t run, agree, deviate, only_sim, disagree;
};

static void say(const struct opcode_case *o, const char *what)
{
    static const char *const modes[MODES] = {"64-bit", "32-bit", "16-bit"};
    printf("%s:", modes[o->mode]);
    for (unsigned i = 0; i < o->size; i++)
        printf(" %02X", o->bytes[i]);
    printf(": %s\n", what);
}

static bool run(const size_t *index, size_t count, struct tally *tally)
{
    static struct dif_case cases[CHUNK];
    static struct result results[CHUNK];
    struct sim_error error;
    for (size_t i = 0; i < count; i++)
        build(&cases[i], &all[index[i]], index[i]);
    const bool good = both_run(cases, count, results, &error);
    if (!good)
        fprintf(stderr, "%s: %s\n", error.file, error.message);
    for (size_t i = 0; i < count; i++) {
        const struct opcode_case *o = &all[index[i]];
        const struct result *r = &results[i];
        const bool differs = good && r->verdict == VERDICT_DISAGREE, deviates = differs && opcode_deviates(o, r->text);
        tally->run++;
        tally->agree += !differs && r->verdict != VERDICT_ONLY_SIM;
        tally->deviate += deviates;
        tally->only_sim += r->verdict == VERDICT_ONLY_SIM;
        tally->disagree += differs && !deviates;
        if (differs && !deviates)
            say(o, r->text);
        if (r->verdict == VERDICT_ONLY_SIM)
            say(o, r->text);
        fflush(stdout);
        result_free(&results[i]);
    }
    return good;
}

static bool number(const char *text, size_t *value)
{
    char *end;
    errno = 0;
    *value = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && *value > 0;
}

int main(int argc, char **argv)
{
    static size_t index[CHUNK];
    struct tally tally = {0};
    size_t step = 1, first = 1, seed = 0;
    if (argc > 4 || (argc > 1 && !number(argv[1], &step)) || (argc > 2 && !number(argv[2], &first)) || (argc > 3 && !number(argv[3], &seed))) {
        fputs(
            "usage: opcodes [N [FIRST [SEED]]]\nRuns every opcode, or every N-th from FIRST on, on the simulator and on Bochs, with fixed values or "
            "random ones. Exit status 1: some disagree.\n",
            stderr);
        return 2;
    }
    value_seed = seed;
    add_all();
    bool good = true;
    size_t count = 0;
    for (size_t i = first - 1; i < all_count && good; i += step) {
        index[count++] = i;
        if (count == CHUNK) {
            good = run(index, count, &tally);
            count = 0;
        }
    }
    if (good && count > 0)
        good = run(index, count, &tally);
    printf("%zu of %zu opcodes: %zu agree, %zu deviate as listed, %zu not for Bochs, %zu disagree\n", tally.run, all_count, tally.agree,
           tally.deviate, tally.only_sim, tally.disagree);
    const bool rules = step != 1 || first != 1 || seed != 0 || opcode_deviations_met();
    free(all);
    return !good ? 2 : tally.disagree != 0 || tally.only_sim != 0 || !rules;
}

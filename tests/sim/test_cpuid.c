/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What CPUID of a profile promises, guest code can execute; what it does not promise is #UD. */
#include "handlers/bench/bench.h"
#include "sim/machine.h"
#include "tests/support/pack.h"
#include "tests/support/suite.h"
#include "vmx-model/controls.h"
#include "vmx-model/reasons.h"
#include "vmx-model/vmcs.h"

#define GUEST_BYTES 0x200000u

enum { EAX, EBX, ECX, EDX };

/* An instruction of each feature that has any; `secondary` is the VMX control that it needs in a guest. Memory operands are at RBX, 64-byte aligned. */
static const struct row {
    const char *name;
    uint32_t leaf, subleaf;
    uint8_t reg, bit;
    uint32_t secondary;
    uint8_t size;
    uint8_t code[10];
} rows[] = {
    {"SSE3: haddps", 1, 0, ECX, 0, 0, 4, {0xf2, 0x0f, 0x7c, 0xc1}},
    {"PCLMULQDQ", 1, 0, ECX, 1, 0, 6, {0x66, 0x0f, 0x3a, 0x44, 0xc1, 0}},
    {"MONITOR", 1, 0, ECX, 3, 0, 3, {0x0f, 0x01, 0xc8}},
    {"SSSE3: pshufb", 1, 0, ECX, 9, 0, 5, {0x66, 0x0f, 0x38, 0x00, 0xc1}},
    {"CMPXCHG16B", 1, 0, ECX, 13, 0, 4, {0x48, 0x0f, 0xc7, 0x0b}},
    {"SSE4.1: pblendw", 1, 0, ECX, 19, 0, 6, {0x66, 0x0f, 0x3a, 0x0e, 0xc1, 0}},
    {"SSE4.2: crc32", 1, 0, ECX, 20, 0, 5, {0xf2, 0x0f, 0x38, 0xf1, 0xc1}},
    {"MOVBE", 1, 0, ECX, 22, 0, 4, {0x0f, 0x38, 0xf0, 0x03}},
    {"POPCNT", 1, 0, ECX, 23, 0, 4, {0xf3, 0x0f, 0xb8, 0xc1}},
    {"AES: aesenc", 1, 0, ECX, 25, 0, 5, {0x66, 0x0f, 0x38, 0xdc, 0xc1}},
    {"XSAVE", 1, 0, ECX, 26, 0, 3, {0x0f, 0xae, 0x23}},
    {"XGETBV", 1, 0, ECX, 26, 0, 3, {0x0f, 0x01, 0xd0}},
    {"RDRAND", 1, 0, ECX, 30, 0, 3, {0x0f, 0xc7, 0xf0}},
    {"x87: fld1", 1, 0, EDX, 0, 0, 2, {0xd9, 0xe8}},
    {"CMPXCHG8B", 1, 0, EDX, 8, 0, 3, {0x0f, 0xc7, 0x0b}},
    {"CMOV", 1, 0, EDX, 15, 0, 3, {0x0f, 0x44, 0xc1}},
    {"CLFLUSH", 1, 0, EDX, 19, 0, 3, {0x0f, 0xae, 0x3b}},
    {"MMX: paddd", 1, 0, EDX, 23, 0, 3, {0x0f, 0xfe, 0xc1}},
    {"FXSAVE", 1, 0, EDX, 24, 0, 3, {0x0f, 0xae, 0x03}},
    {"SSE: addps", 1, 0, EDX, 25, 0, 3, {0x0f, 0x58, 0xc1}},
    {"SSE2: addpd", 1, 0, EDX, 26, 0, 4, {0x66, 0x0f, 0x58, 0xc1}},
    {"RDFSBASE", 7, 0, EBX, 0, 0, 5, {0xf3, 0x48, 0x0f, 0xae, 0xc0}},
    {"BMI1: andn", 7, 0, EBX, 3, 0, 5, {0xc4, 0xe2, 0x78, 0xf2, 0xc1}},
    {"BMI1: tzcnt", 7, 0, EBX, 3, 0, 4, {0xf3, 0x0f, 0xbc, 0xc1}},
    {"BMI2: shlx", 7, 0, EBX, 8, 0, 5, {0xc4, 0xe2, 0x79, 0xf7, 0xc1}},
    {"BMI2: pdep", 7, 0, EBX, 8, 0, 5, {0xc4, 0xe2, 0x7b, 0xf5, 0xc1}},
    {"INVPCID", 7, 0, EBX, 10, VMX_SEC_ENABLE_INVPCID, 5, {0x66, 0x0f, 0x38, 0x82, 0x03}},
    {"RDSEED", 7, 0, EBX, 18, 0, 3, {0x0f, 0xc7, 0xf8}},
    {"ADX: adcx", 7, 0, EBX, 19, 0, 5, {0x66, 0x0f, 0x38, 0xf6, 0xc1}},
    {"SMAP: stac", 7, 0, EBX, 20, 0, 3, {0x0f, 0x01, 0xcb}},
    {"CLFLUSHOPT", 7, 0, EBX, 23, 0, 4, {0x66, 0x0f, 0xae, 0x3b}},
    {"CLWB", 7, 0, EBX, 24, 0, 4, {0x66, 0x0f, 0xae, 0x33}},
    {"PKU: rdpkru", 7, 0, ECX, 3, 0, 3, {0x0f, 0x01, 0xee}},
    {"RDPID", 7, 0, ECX, 22, VMX_SEC_ENABLE_RDTSCP, 4, {0xf3, 0x0f, 0xc7, 0xf8}},
    {"WAITPKG: tpause", 7, 0, ECX, 5, VMX_SEC_ENABLE_USR_WAIT_PAUSE, 4, {0x66, 0x0f, 0xae, 0xf0}},
    {"XSAVEOPT", 0xd, 1, EAX, 0, 0, 3, {0x0f, 0xae, 0x33}},
    {"XSAVEC", 0xd, 1, EAX, 1, 0, 3, {0x0f, 0xc7, 0x23}},
    {"LAHF", 0x80000001, 0, ECX, 0, 0, 1, {0x9f}},
    {"LZCNT", 0x80000001, 0, ECX, 5, 0, 4, {0xf3, 0x0f, 0xbd, 0xc1}},
    {"PREFETCHW", 0x80000001, 0, ECX, 8, 0, 3, {0x0f, 0x0d, 0x0b}},
    {"RDTSCP", 0x80000001, 0, EDX, 27, VMX_SEC_ENABLE_RDTSCP, 3, {0x0f, 0x01, 0xf9}},
    {"WBNOINVD", 0x80000008, 0, EBX, 9, 0, 3, {0xf3, 0x0f, 0x09}},
};

/* The first exit: its reason, and for #UD the vector. */
struct seen {
    uint64_t reason, vector;
};

static bool keep(void *context, const void *bytes, uint32_t size)
{
    struct pack *trace = context;
    if (size > sizeof trace->bytes - trace->size)
        return false;
    memcpy(trace->bytes + trace->size, bytes, size);
    trace->size += size;
    return true;
}

static struct seen first_exit(const struct vmx_caps *caps, const struct row *row)
{
    static struct pack p, trace;
    static struct trace_writer writer;
    struct bench_result result;
    struct trace_reader reader;
    struct trace_record record;
    const char *message;
    const struct sim_machine_options options = {.caps = caps, .guest_bytes = GUEST_BYTES, .vcpus = 1};
    const uint64_t ud[2] = {vmcs_fields[VMCS_EXCEPTION_BITMAP].encoding, 1 << 6}, base = 0x9000, control[3] = {VMX_WORD_SECONDARY, row->secondary, 0};
    const uint64_t cr4[2] = {vmcs_fields[VMCS_GUEST_CR4].encoding, UINT64_C(0x452620) & caps->cr4_fixed1};
    uint8_t code[32] = {0};
    memcpy(code, row->code, row->size);
    memcpy(code + row->size, "\x0f\x01\xc1", 3); /* VMCALL */
    pack_begin(&p, "cpuid", caps->name, PACKED_MODE_LONG, GUEST_BYTES);
    pack_code(&p, BENCH_CODE, code, row->size + 3u);
    pack_record(&p, PACKED_FIELD, ud, sizeof ud);
    pack_record(&p, PACKED_FIELD, cr4, sizeof cr4);
    pack_record(&p, PACKED_CONTROL, control, sizeof control);
    pack_record(&p, PACKED_REGISTER, (const uint64_t[]){VMX_RBX, base}, 16);
    pack_expect(&p, VMX_EXIT_VMCALL);
    pack_end(&p);
    struct bk_machine *machine = sim_machine_new(&options, &message);
    CU_ASSERT_PTR_NOT_NULL_FATAL(machine);
    trace.size = 0;
    writer = (struct trace_writer){.sink = keep, .context = &trace};
    trace_begin(&writer);
    const bool good = bench_run(machine, p.bytes, p.size, "sim", &writer, &result);
    sim_machine_free(machine);
    CU_ASSERT(good);
    if (!good)
        printf("%s: %s\n", row->name, result.text);
    CU_ASSERT_PTR_NULL_FATAL(trace_open(&reader, trace.bytes, trace.size));
    while (trace_next(&reader, &record) == 1)
        if (record.kind == TRACE_EXIT)
            return (struct seen){record.item[TRACE_REASON], record.item[TRACE_INTERRUPTION_INFO] & 0xff};
    return (struct seen){UINT64_MAX, 0};
}

static bool promises(const struct vmx_caps *caps, const struct row *row)
{
    uint32_t out[4];
    vmx_cpuid(caps, row->leaf, row->subleaf, out);
    return (out[row->reg] >> row->bit & 1) != 0;
}

/* The profiles of Bochs tell what Bochs can, for comparisons: they are left out, as their table says. */
static void every_promised_instruction_executes(void)
{
    unsigned run = 0;
    for (unsigned p = 0; p < vmx_profile_count; p++) {
        const struct vmx_caps *caps = &vmx_profiles[p];
        if (strncmp(caps->name, "bochs", 5) == 0)
            continue;
        for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
            if (!promises(caps, &rows[i]))
                continue;
            const struct seen seen = first_exit(caps, &rows[i]);
            CU_ASSERT_EQUAL(seen.reason, VMX_EXIT_VMCALL);
            if (seen.reason != VMX_EXIT_VMCALL)
                printf("%s: %s leads to exit %llu, vector %llu\n", caps->name, rows[i].name, (unsigned long long)seen.reason,
                       (unsigned long long)seen.vector);
            run++;
        }
    }
    CU_ASSERT_TRUE(run > 100);
}

/* Encodings of before the feature: BSF, BSR, a hint, WBINVD. */
static bool was_another_instruction(const struct row *row)
{
    static const char *const names[] = {"BMI1: tzcnt", "LZCNT", "PREFETCHW", "WBNOINVD"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(row->name, names[i]) == 0)
            return true;
    return false;
}

static void what_is_not_promised_is_undefined(void)
{
    enum { INVALID_OPCODE = 6 };
    unsigned run = 0;
    for (unsigned p = 0; p < vmx_profile_count; p++)
        for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
            const struct vmx_caps *caps = &vmx_profiles[p];
            if (promises(caps, &rows[i]) || was_another_instruction(&rows[i]))
                continue;
            struct row row = rows[i];
            row.secondary &= caps->secondary.may_be_1;
            const struct seen seen = first_exit(caps, &row);
            CU_ASSERT(seen.reason == VMX_EXIT_EXCEPTION_NMI && seen.vector == INVALID_OPCODE);
            if (seen.reason != VMX_EXIT_EXCEPTION_NMI || seen.vector != INVALID_OPCODE)
                printf("%s: %s leads to exit %llu, vector %llu\n", caps->name, rows[i].name, (unsigned long long)seen.reason,
                       (unsigned long long)seen.vector);
            run++;
        }
    CU_ASSERT_TRUE(run > 20);
}

SUITE("sim/cpuid", {"what_is_not_promised_is_undefined", what_is_not_promised_is_undefined},
      {"every_promised_instruction_executes", every_promised_instruction_executes})

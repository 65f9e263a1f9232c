/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hardware image on Bochs' VT-x: scenarios run, and what cannot run says why. */
#define _GNU_SOURCE
#include "../../tools/bochs/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../handlers/bench/trace.h"
#include "../../vmx-model/controls.h"
#include "../../vmx-model/reasons.h"
#include "../../vmx-model/state.h"
#include "../support/packed.h"
#include "../support/suite.h"

static const char profile[] = "bochs-skylake-x";

/* xor eax, eax; cpuid; vmcall */
static const uint8_t cpuid_code[] = {0x31, 0xc0, 0x0f, 0xa2, 0x0f, 0x01, 0xc1};
/* mov edx, 80h; out dx, al; in al, dx; vmcall */
static const uint8_t io_code[] = {0xba, 0x80, 0, 0, 0, 0xee, 0xec, 0x0f, 0x01, 0xc1};
/* mov ebx, 200000h, beyond guest RAM; mov al, [rbx] */
static const uint8_t ept_code[] = {0xbb, 0, 0, 0x20, 0, 0x8a, 0x03};
/* jmp to itself */
static const uint8_t loop_code[] = {0xeb, 0xfe};

static struct sim_scenario cpuid_scenario(void)
{
    struct packed p;
    packed_begin(&p, "cpuid", profile, cpuid_code, sizeof cpuid_code);
    packed_step(&p, STEP_EXPECT, VMX_EXIT_CPUID, 0);
    packed_step(&p, STEP_EXPECT, VMX_EXIT_VMCALL, 0);
    return packed_end(&p, profile);
}

static struct sim_scenario io_scenario(void)
{
    const uint16_t ports[] = {0x80, 0x80};
    struct packed p;
    packed_begin(&p, "io", profile, io_code, sizeof io_code);
    packed_control(&p, VMX_WORD_PRIMARY, VMX_PRI_USE_IO_BITMAPS);
    packed_add(&p, PACKED_IO_EXITS, ports, sizeof ports);
    packed_step(&p, STEP_EXPECT, VMX_EXIT_IO_INSTRUCTION, 0);
    packed_step(&p, STEP_EXPECT, VMX_EXIT_IO_INSTRUCTION, 0);
    packed_step(&p, STEP_EXPECT, VMX_EXIT_VMCALL, 0);
    return packed_end(&p, profile);
}

static struct sim_scenario ept_scenario(void)
{
    struct packed p;
    packed_begin(&p, "ept", profile, ept_code, sizeof ept_code);
    packed_step(&p, STEP_EXPECT, VMX_EXIT_EPT_VIOLATION, 0);
    return packed_end(&p, profile);
}

static struct sim_scenario interrupt_scenario(void)
{
    struct packed p;
    /* sti; nop; hlt; the handler: vmcall */
    static const uint8_t code[] = {0xfb, 0x90, 0xf4, 0x0f, 0x01, 0xc1};
    packed_begin(&p, "interrupt", profile, code, sizeof code);
    packed_numbers(&p, PACKED_IDT_GATE, 0x55, 0, (const uint64_t[]){0x8003}, 1);
    packed_control(&p, VMX_WORD_EXIT, VMX_EXITCTL_ACK_INTR_ON_EXIT);
    packed_step(&p, STEP_INTERRUPT, 0x55, 0);
    packed_step(&p, STEP_EXPECT, VMX_EXIT_EXTERNAL_INTERRUPT, 0);
    packed_step(&p, STEP_EXPECT, VMX_EXIT_VMCALL, 0);
    return packed_end(&p, profile);
}

static struct sim_scenario loop_scenario(void)
{
    const uint64_t limit = 1000;
    struct packed p;
    packed_begin(&p, "loop", profile, loop_code, sizeof loop_code);
    packed_add(&p, PACKED_LIMIT, &limit, sizeof limit);
    packed_step(&p, STEP_EXPECT, VMX_EXIT_VMCALL, 0);
    return packed_end(&p, profile);
}

/* Bochs' Skylake-X has no monitor trap flag. */
static struct sim_scenario unsupported_scenario(void)
{
    struct packed p;
    packed_begin(&p, "mtf", profile, cpuid_code, sizeof cpuid_code);
    packed_control(&p, VMX_WORD_PRIMARY, VMX_PRI_MONITOR_TRAP_FLAG);
    packed_step(&p, STEP_EXPECT, VMX_EXIT_CPUID, 0);
    return packed_end(&p, profile);
}

static struct sim_scenario damaged_scenario(void)
{
    struct sim_scenario scenario = cpuid_scenario();
    scenario.packed[PACKED_HEADER_BYTES + PACKED_RECORD_BYTES] ^= 1;
    return scenario;
}

/* A VM exit that does not lead back: the machine is lost. */
static struct sim_scenario fatal_scenario(void)
{
    struct packed p;
    const uint64_t host_rip = 0x10; /* nothing is there */
    packed_begin(&p, "fatal", profile, cpuid_code, sizeof cpuid_code);
    packed_numbers(&p, PACKED_FIELD, 0x6c16, 0, &host_rip, 1);
    packed_step(&p, STEP_EXPECT, VMX_EXIT_CPUID, 0);
    return packed_end(&p, profile);
}

static bool run(struct sim_scenario *scenarios, size_t count, struct sim_trace *trace, struct bochs_outcome *outcomes)
{
    struct sim_error error;
    const bool done = bochs_run(scenarios, count, trace, outcomes, &error);
    if (!done)
        printf("%s: %s\n", error.file, error.message);
    for (size_t i = 0; i < count; i++)
        free(scenarios[i].packed);
    return done;
}

/* The exits of the next scenario in a trace, by basic reason; its stop. */
static unsigned exits_of(struct trace_reader *reader, uint64_t *reasons, unsigned room, struct trace_record *end)
{
    unsigned count = 0;
    while (trace_next(reader, end) == 1 && end->kind != TRACE_END)
        if (end->kind == TRACE_EXIT && count < room)
            reasons[count++] = vmx_basic_reason((uint32_t)end->item[TRACE_REASON]);
    return count;
}

static void scenarios_run_on_vtx(void)
{
    struct sim_scenario scenarios[] = {cpuid_scenario(), io_scenario(), ept_scenario(), interrupt_scenario()};
    static const struct {
        unsigned count;
        uint64_t reasons[3];
    } expected[] = {{2, {VMX_EXIT_CPUID, VMX_EXIT_VMCALL}},
                    {3, {VMX_EXIT_IO_INSTRUCTION, VMX_EXIT_IO_INSTRUCTION, VMX_EXIT_VMCALL}},
                    {1, {VMX_EXIT_EPT_VIOLATION}},
                    {2, {VMX_EXIT_EXTERNAL_INTERRUPT, VMX_EXIT_VMCALL}}};
    struct bochs_outcome outcomes[4];
    struct sim_trace trace = {NULL, 0, 0};
    struct trace_reader reader;
    struct trace_record end;
    CU_ASSERT_FATAL(run(scenarios, 4, &trace, outcomes));
    CU_ASSERT_PTR_NULL_FATAL(trace_open(&reader, trace.bytes, trace.size));
    for (unsigned i = 0; i < 4; i++) {
        uint64_t reasons[3] = {0};
        CU_ASSERT(outcomes[i].ran);
        CU_ASSERT_STRING_EQUAL(outcomes[i].text, "");
        CU_ASSERT_EQUAL(exits_of(&reader, reasons, 3, &end), expected[i].count);
        CU_ASSERT_EQUAL(memcmp(reasons, expected[i].reasons, expected[i].count * sizeof *reasons), 0);
        CU_ASSERT_EQUAL(end.number[3], TRACE_STOP_STEPS);
    }
    free(trace.bytes);
}

/* A guest that may write every MSR moves the local APIC away from under the host. The next scenario finds it where it was. */
static void the_host_survives_a_guest_that_moves_its_apic(void)
{
    /* mov ecx, 1bh; mov eax, 0fed00900h; xor edx, edx; wrmsr; vmcall */
    static const uint8_t moves[] = {0xb9, 0x1b, 0, 0, 0, 0xb8, 0, 0x09, 0xd0, 0xfe, 0x31, 0xd2, 0x0f, 0x30, 0x0f, 0x01, 0xc1};
    /* mov ecx, 1bh; rdmsr; vmcall */
    static const uint8_t looks[] = {0xb9, 0x1b, 0, 0, 0, 0x0f, 0x32, 0x0f, 0x01, 0xc1};
    struct sim_scenario scenarios[3] = {{0}, {0}, interrupt_scenario()};
    struct bochs_outcome outcomes[3];
    struct sim_trace trace = {NULL, 0, 0};
    struct trace_reader reader;
    struct trace_record record;
    uint64_t seen[2] = {0};
    unsigned count = 0;
    for (unsigned i = 0; i < 2; i++) {
        struct packed p;
        packed_begin(&p, i == 0 ? "moves" : "looks", profile, i == 0 ? moves : looks, i == 0 ? sizeof moves : sizeof looks);
        packed_control(&p, VMX_WORD_PRIMARY, VMX_PRI_USE_MSR_BITMAPS);
        packed_step(&p, STEP_EXPECT, VMX_EXIT_VMCALL, 0);
        scenarios[i] = packed_end(&p, profile);
    }
    CU_ASSERT_FATAL(run(scenarios, 3, &trace, outcomes));
    CU_ASSERT_PTR_NULL_FATAL(trace_open(&reader, trace.bytes, trace.size));
    while (trace_next(&reader, &record) == 1)
        if (record.kind == TRACE_EXIT && count < 2)
            seen[count++] = record.gpr[VMX_RAX];
    CU_ASSERT_EQUAL(seen[0], 0xfed00900);
    CU_ASSERT_EQUAL(seen[1], 0xfee00900);
    for (unsigned i = 0; i < 3; i++)
        CU_ASSERT_STRING_EQUAL(outcomes[i].text, "");
    free(trace.bytes);
}

static void two_runs_give_the_same_bytes(void)
{
    struct bochs_outcome outcomes[2];
    struct sim_trace first = {NULL, 0, 0}, second = {NULL, 0, 0};
    CU_ASSERT_FATAL(run((struct sim_scenario[]){cpuid_scenario(), io_scenario()}, 2, &first, outcomes));
    CU_ASSERT_FATAL(run((struct sim_scenario[]){cpuid_scenario(), io_scenario()}, 2, &second, outcomes));
    CU_ASSERT_EQUAL_FATAL(first.size, second.size);
    CU_ASSERT_EQUAL(memcmp(first.bytes, second.bytes, first.size), 0);
    free(first.bytes);
    free(second.bytes);
}

static void what_cannot_run_says_why_and_costs_no_other(void)
{
    struct sim_scenario scenarios[] = {loop_scenario(), unsupported_scenario(), damaged_scenario(), fatal_scenario(), cpuid_scenario()};
    struct bochs_outcome outcomes[5];
    struct sim_trace trace = {NULL, 0, 0};
    struct trace_reader reader;
    struct trace_record end;
    uint64_t reasons[2];
    static const uint64_t stops[] = {TRACE_STOP_LIMIT, TRACE_STOP_ENTRY_FAIL, TRACE_STOP_HOST_ERROR, TRACE_STOP_STEPS};
    CU_ASSERT_FATAL(run(scenarios, 5, &trace, outcomes));
    CU_ASSERT(outcomes[0].ran);
    CU_ASSERT_PTR_NOT_NULL(strstr(outcomes[0].text, "limit"));
    CU_ASSERT(outcomes[1].ran);
    CU_ASSERT_PTR_NOT_NULL(strstr(outcomes[1].text, "unsupported control: monitor trap flag"));
    CU_ASSERT_PTR_NOT_NULL(strstr(outcomes[1].dump, "*** Control State ***"));
    CU_ASSERT_PTR_NOT_NULL(strstr(outcomes[1].dump, "CPUBased=0x8c006172")); /* with bit 27 */
    CU_ASSERT_PTR_NOT_NULL(strstr(outcomes[1].dump, "RIP = 0x0000000000008000\n"));
    CU_ASSERT_STRING_EQUAL(outcomes[0].dump, "");
    CU_ASSERT_STRING_EQUAL(outcomes[4].dump, "");
    CU_ASSERT(!outcomes[2].ran);
    CU_ASSERT_PTR_NOT_NULL(strstr(outcomes[2].text, "CRC-32"));
    CU_ASSERT(!outcomes[3].ran);
    CU_ASSERT_PTR_NOT_NULL(strstr(outcomes[3].text, "the machine"));
    CU_ASSERT(outcomes[4].ran);
    CU_ASSERT_PTR_NULL_FATAL(trace_open(&reader, trace.bytes, trace.size));
    for (unsigned i = 0; i < sizeof stops / sizeof *stops; i++) {
        (void)exits_of(&reader, reasons, 2, &end);
        CU_ASSERT_EQUAL(end.number[3], stops[i]);
    }
    CU_ASSERT_EQUAL(trace_next(&reader, &end), 0);
    free(trace.bytes);
}

/* What the image says on a machine with this processor, memory and module. */
static void expect_words_of(const void *module, size_t size, const char *model, unsigned memory_mbytes, const char *words)
{
    struct bytes rom = {NULL, 0, 0}, serial = {NULL, 0, 0};
    struct sim_error error = {.line = 0};
    bool stuck;
    CU_ASSERT(bochs_make_rom(&rom, module, size, memory_mbytes));
    CU_ASSERT_FATAL(bochs_boot(&rom, model, memory_mbytes, 1, &serial, &stuck, &error));
    CU_ASSERT(!stuck);
    CU_ASSERT(serial.data != NULL && memmem(serial.data, serial.size, words, strlen(words)) != NULL);
    free(rom.data);
    free(serial.data);
}

static void the_image_stops_with_a_reason(void)
{
    static const uint8_t module[64] = "no scenario";
    expect_words_of(module, sizeof module, "athlon64_clawhammer", 32, "stopped: the processor has no VT-x");
    expect_words_of(module, sizeof module, "corei7_skylake_x", 8, "stopped: too little memory");
    expect_words_of(module, sizeof module, "corei7_skylake_x", 32, "refused 0: a corrupted module");
    expect_words_of(module, 0, "corei7_skylake_x", 32, "stopped: no boot module");
}

/* A module that ends within a scenario, and a scenario whose guest wants more memory than there is. */
static void what_does_not_fit_is_refused(void)
{
    static const uint64_t too_much = UINT64_C(64) << 20;
    struct sim_scenario whole = cpuid_scenario();
    expect_words_of(whole.packed, whole.packed_size - 8, "corei7_skylake_x", 32, "refused 0: a corrupted module");
    free(whole.packed);
    struct packed p;
    packed_begin(&p, "large", profile, cpuid_code, sizeof cpuid_code);
    packed_add(&p, PACKED_GUEST_RAM, &too_much, sizeof too_much);
    struct sim_scenario large = packed_end(&p, profile);
    expect_words_of(large.packed, large.packed_size, "corei7_skylake_x", 32, "refused 0: ");
    free(large.packed);
}

static void a_missing_bochs_is_named(void)
{
    struct sim_scenario scenario = cpuid_scenario();
    struct bochs_outcome outcome;
    struct sim_trace trace = {NULL, 0, 0};
    struct sim_error error;
    const char *set = getenv("PATH");
    char *path = strdup(set != NULL ? set : "");
    setenv("PATH", "/nonexistent", 1);
    CU_ASSERT(!bochs_run(&scenario, 1, &trace, &outcome, &error));
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "Bochs is not installed"));
    setenv("PATH", path, 1);
    free(path);
    free(scenario.packed);
}

SUITE("tools/bochs", {"scenarios_run_on_vtx", scenarios_run_on_vtx}, {"two_runs_give_the_same_bytes", two_runs_give_the_same_bytes},
      {"the_host_survives_a_guest_that_moves_its_apic", the_host_survives_a_guest_that_moves_its_apic},
      {"what_cannot_run_says_why_and_costs_no_other", what_cannot_run_says_why_and_costs_no_other},
      {"the_image_stops_with_a_reason", the_image_stops_with_a_reason}, {"what_does_not_fit_is_refused", what_does_not_fit_is_refused},
      {"a_missing_bochs_is_named", a_missing_bochs_is_named})

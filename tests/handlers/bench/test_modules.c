/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Modules of packed scenarios, and what is told of them: the bench of the hardware image on a simulated machine. */
#include "../../../handlers/bench/modules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../../sim/machine.h"
#include "../../../sim/profile.h"
#include "../../../sim/screen.h"
#include "../../../sim/trace_memory.h"
#include "../../../tools/vmcs_dump.h"
#include "../../../vmx-model/controls.h"
#include "../../../vmx-model/registers.h"
#include "../../support/packed.h"
#include "../../support/suite.h"

static const char profile[] = "bochs-skylake-x";
static const uint8_t cpuid_code[] = {0x31, 0xc0, 0x0f, 0xa2, 0x0f, 0x01, 0xc1}; /* xor eax, eax; cpuid; vmcall */

static char printed[1 << 16], said[SIM_SCREEN_TEXT_BYTES + 1];
static uint16_t screen[CONSOLE_ROWS * CONSOLE_COLUMNS];

static void collect(void *context, uint8_t byte)
{
    size_t *size = context;
    CU_ASSERT_FATAL(*size + 1 < sizeof printed);
    printed[(*size)++] = (char)byte;
    printed[*size] = '\0';
}

static struct bk_machine *new_machine(uint64_t guest_bytes)
{
    const char *message;
    const struct sim_machine_options options = {.caps = vmx_profile(profile), .guest_bytes = guest_bytes, .vcpus = 1};
    struct bk_machine *machine = sim_machine_new(&options, &message);
    CU_ASSERT_PTR_NOT_NULL_FATAL(machine);
    return machine;
}

static struct sim_trace trace;

/* Runs a module; all that is told stands in `printed` and, as the screen shows it, in `said` then. */
static struct bench_batch run(const void *module, uint64_t size)
{
    size_t printed_bytes = 0;
    struct console console = {.send = collect, .context = &printed_bytes, .screen = screen};
    struct trace_writer writer = {.sink = sim_trace_append, .context = &trace};
    struct bk_machine *machine = new_machine(0x100000);
    struct bench_batch batch = {.machine = machine, .console = &console, .trace = &writer};
    printed[0] = '\0';
    console_clear_screen(&console);
    sim_trace_free(&trace);
    trace = (struct sim_trace){NULL, 0, 0};
    trace_begin(&writer);
    bench_run_module(&batch, module, size);
    said[sim_screen_text((const uint8_t *)screen, said)] = '\0';
    sim_machine_free(machine);
    return batch;
}

static struct sim_scenario cpuid_scenario(uint64_t control)
{
    struct packed p;
    packed_begin(&p, "cpuid", profile, cpuid_code, sizeof cpuid_code);
    if (control != 0)
        packed_control(&p, VMX_WORD_PRIMARY, control);
    packed_step(&p, STEP_EXPECT, 10, 0);
    packed_step(&p, STEP_EXPECT, 18, 0);
    return packed_end(&p, profile);
}

static uint32_t add(uint8_t *module, uint32_t at, struct sim_scenario scenario)
{
    memcpy(module + at, scenario.packed, scenario.packed_size);
    free(scenario.packed);
    return at + (uint32_t)scenario.packed_size;
}

static void scenarios_run_one_after_the_other(void)
{
    uint8_t module[4096];
    const uint32_t size = add(module, add(module, 0, cpuid_scenario(0)), cpuid_scenario(0));
    const struct bench_batch batch = run(module, size);
    CU_ASSERT_EQUAL(batch.number, 2);
    CU_ASSERT_EQUAL(batch.refused, 0);
    CU_ASSERT_STRING_EQUAL(printed, "begin 0\nran 0\nbegin 1\nran 1\n");
    CU_ASSERT_STRING_EQUAL(said, "");
    struct trace_reader reader;
    struct trace_record record;
    unsigned ends = 0;
    CU_ASSERT_PTR_NULL(trace_open(&reader, trace.bytes, trace.size));
    while (trace_next(&reader, &record) == 1)
        ends += record.kind == TRACE_END;
    CU_ASSERT_EQUAL(ends, 2);
}

/* What every byte of a header and of the records is for: none may be another, and the scenario behind still runs when the size is what it was. */
static void damage_is_told_and_the_next_one_runs(void)
{
    static const struct {
        unsigned at;
        const char *what;
    } rows[] = {{0, "not a packed scenario"},
                {3, "not a packed scenario"},
                {4, "packed scenario of another version"},
                {5, "packed scenario of another version"},
                {12, "packed scenario is damaged (CRC-32)"},
                {15, "packed scenario is damaged (CRC-32)"},
                {PACKED_HEADER_BYTES, "packed scenario is damaged (CRC-32)"},
                {PACKED_HEADER_BYTES + 4, "packed scenario is damaged (CRC-32)"},
                {PACKED_HEADER_BYTES + 9, "packed scenario is damaged (CRC-32)"}};
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t module[4096];
        char wanted[256];
        const uint32_t size = add(module, add(module, 0, cpuid_scenario(0)), cpuid_scenario(0));
        module[rows[i].at] ^= 0x40;
        const struct bench_batch batch = run(module, size);
        CU_ASSERT_EQUAL(batch.number, 2);
        CU_ASSERT_EQUAL(batch.refused, 1);
        snprintf(wanted, sizeof wanted, "refused 0: %s\n", rows[i].what);
        CU_ASSERT_STRING_EQUAL(said, wanted);
        CU_ASSERT_PTR_NOT_NULL(strstr(printed, "begin 1\nran 1\n"));
    }
}

/* Where the next scenario would begin cannot be told any more. */
static void a_wrong_size_ends_the_module(void)
{
    static const char corrupted[] = "refused 0: a corrupted module: no packed scenario where one should begin\n";
    for (unsigned byte = 0; byte < 4; byte++) {
        uint8_t module[4096] = {0};
        const uint32_t one = add(module, 0, cpuid_scenario(0));
        module[8 + byte] ^= 0x80;
        const struct bench_batch batch = run(module, one);
        CU_ASSERT(batch.refused >= 1);
        CU_ASSERT_EQUAL(batch.number, batch.refused);
        if (byte != 0)
            CU_ASSERT_STRING_EQUAL(said, corrupted);
    }
    const uint8_t nothing[PACKED_HEADER_BYTES] = {0};
    for (unsigned size = 1; size <= sizeof nothing; size++) {
        (void)run(nothing, size);
        CU_ASSERT_STRING_EQUAL(said, corrupted);
    }
    CU_ASSERT_EQUAL(run(nothing, 0).refused, 1);
    CU_ASSERT_STRING_EQUAL(said, "refused 0: an empty module\n");
}

static void every_cut_is_told(void)
{
    uint8_t module[4096];
    const uint32_t size = add(module, 0, cpuid_scenario(0));
    for (uint32_t cut = 1; cut < size; cut++) {
        const struct bench_batch batch = run(module, cut);
        CU_ASSERT_EQUAL(batch.refused, 1);
        CU_ASSERT_STRING_EQUAL(said, "refused 0: a corrupted module: no packed scenario where one should begin\n");
    }
}

/* The monitor trap flag is what this processor lacks. */
static void an_unsupported_control_is_named_and_the_vmcs_dumped(void)
{
    uint8_t module[4096];
    const uint32_t size = add(module, 0, cpuid_scenario(VMX_PRI_MONITOR_TRAP_FLAG));
    const struct bench_batch batch = run(module, size);
    CU_ASSERT_EQUAL(batch.refused, 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "note: unsupported control: monitor trap flag\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "ran 0: "));
    const char *dump = strstr(printed, "VMCS 0x0000000000000000, last attempted VM-entry on CPU 0\n*** Guest State ***\n");
    CU_ASSERT_PTR_NOT_NULL_FATAL(dump);
    size_t count = 0;
    struct vmcs_dump *read = vmcs_dump_read(dump, strlen(dump), &count);
    CU_ASSERT_EQUAL(count, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(dump, "*** Host State ***"));
    CU_ASSERT_PTR_NOT_NULL(strstr(dump, "*** Control State ***"));
    free(read);
}

static void what_the_processor_offers_reads_as_a_profile(void)
{
    char path[] = "/tmp/vmxbench-offers-XXXXXX";
    struct sim_error error;
    struct bk_machine *machine = new_machine(0x100000);
    const struct vmx_caps *caps = vmx_profile(profile);
    const int file = mkstemp(path);
    CU_ASSERT_FATAL(file >= 0);
    size_t printed_bytes = 0;
    struct console console = {.send = collect, .context = &printed_bytes};
    bench_print_offers(machine, &console);
    CU_ASSERT_EQUAL(write(file, printed, strlen(printed)), (ssize_t)strlen(printed));
    close(file);
    CU_ASSERT_FATAL(sim_profile_read(path, &error));
    const struct vmx_caps *read = sim_profile(path);
    CU_ASSERT_PTR_NOT_NULL_FATAL(read);
    for (uint32_t msr = VMX_MSR_CAPABILITY_FIRST; msr <= VMX_MSR_CAPABILITY_LAST; msr++) {
        uint64_t wanted = 0, got = 0;
        (void)vmx_capability_msr(caps, msr, &wanted);
        (void)vmx_capability_msr(read, msr, &got);
        CU_ASSERT_EQUAL(got, wanted);
    }
    CU_ASSERT(read->cpuid_count >= caps->cpuid_count);
    for (unsigned i = 0; i < caps->cpuid_count; i++) {
        bool found = caps->cpuid[i].eax == 0 && caps->cpuid[i].ebx == 0; /* a level of leaf 0BH that is not there */
        for (unsigned k = 0; k < read->cpuid_count; k++)
            found |= read->cpuid[k].leaf == caps->cpuid[i].leaf && read->cpuid[k].subleaf == caps->cpuid[i].subleaf &&
                     read->cpuid[k].eax == caps->cpuid[i].eax;
        CU_ASSERT(found);
    }
    sim_machine_free(machine);
    (void)unlink(path);
}

/* The clocks that the machine would keep stand still here: the entry costs what the counter shows first, the exit what is left when it shows the most. */
static void transitions_are_measured_from_inside_the_guest(void)
{
    const uint64_t before_entry = 0, behind_exit = 1000000;
    struct bk_machine *machine = new_machine(BENCH_MIN_RAM);
    const struct bench_transitions cost = bench_measure_transitions(machine, &before_entry, &behind_exit);
    CU_ASSERT(cost.entry > 0);
    CU_ASSERT(cost.exit > 0);
    CU_ASSERT(cost.entry + cost.exit < behind_exit);
    sim_machine_free(machine);
    machine = new_machine(BENCH_MIN_RAM / 2);
    const struct bench_transitions none = bench_measure_transitions(machine, &before_entry, &behind_exit);
    CU_ASSERT_EQUAL(none.entry, 0);
    CU_ASSERT_EQUAL(none.exit, 0);
    sim_machine_free(machine);
    sim_trace_free(&trace);
}

SUITE("handlers/bench/modules", {"scenarios_run_one_after_the_other", scenarios_run_one_after_the_other},
      {"damage_is_told_and_the_next_one_runs", damage_is_told_and_the_next_one_runs}, {"a_wrong_size_ends_the_module", a_wrong_size_ends_the_module},
      {"every_cut_is_told", every_cut_is_told},
      {"an_unsupported_control_is_named_and_the_vmcs_dumped", an_unsupported_control_is_named_and_the_vmcs_dumped},
      {"what_the_processor_offers_reads_as_a_profile", what_the_processor_offers_reads_as_a_profile},
      {"transitions_are_measured_from_inside_the_guest", transitions_are_measured_from_inside_the_guest})

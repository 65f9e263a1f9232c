/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The judge: verdicts of traces written by hand, and the words of each failure. */
#define _GNU_SOURCE
#include "sim/judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "handlers/bench/packed.h"
#include "handlers/bench/trace.h"
#include "tests/support/suite.h"
#include "vmx-model/reasons.h"

struct trial {
    struct sim_scenario *scenarios;
    size_t count;
    uint8_t trace[4096];
    size_t size;
    struct trace_writer writer;
    struct sim_verdict verdict;
};

static bool into_trace(void *context, const void *bytes, uint32_t size)
{
    struct trial *trial = context;
    memcpy(trial->trace + trial->size, bytes, size);
    trial->size += size;
    return true;
}

/* A scenario with the given steps and final, and a trace that has begun. */
static void begin(struct trial *trial, const char *body)
{
    char path[] = "/tmp/vmxbench-test-XXXXXX", text[1024];
    const int fd = mkstemp(path);
    struct sim_error error;
    *trial = (struct trial){0};
    snprintf(text, sizeof text, "return scenario { name = 'x', guest = asm [[\n here: cpuid\n port: out dx, al\n ]],\n%s }", body);
    CU_ASSERT_FATAL(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    const bool good = sim_scenario_load(path, NULL, 0, &trial->scenarios, &trial->count, &error);
    unlink(path);
    if (!good)
        printf("%u: %s\n", error.line, error.message);
    CU_ASSERT_TRUE_FATAL(good);
    const struct packed_record header = {.size = PACKED_HEADER_BYTES, .payload = trial->scenarios[0].packed};
    trial->writer = (struct trace_writer){.sink = into_trace, .context = trial};
    trace_begin(&trial->writer);
    trace_scenario(&trial->writer, packed_u32(&header, 12), "x", "p", "test");
}

static void add_exit(struct trial *trial, uint64_t reason, uint64_t qualification, uint64_t rip)
{
    const uint64_t item[TRACE_ITEM_COUNT] = {[TRACE_REASON] = reason, [TRACE_QUALIFICATION] = qualification, [TRACE_RIP] = rip};
    const uint64_t gpr[16] = {[0] = 0xabc};
    trace_exit(&trial->writer, 0, item, gpr);
}

static void add_end(struct trial *trial, enum trace_stop stop, const char *text)
{
    const uint64_t final[23] = {0x8000, 0x70000, 2, 0x80010031, 0x4000, 0x20, 0xd01, 7, 8};
    const uint64_t end[] = {trial->writer.exits, 12, 99, stop};
    trace_numbers(&trial->writer, TRACE_FINAL, 0, final, 23, NULL, 0);
    trace_numbers(&trial->writer, TRACE_MEMORY, 0, (const uint64_t[]){0x9000}, 1, "ab", 2);
    trace_numbers(&trial->writer, TRACE_MEMORY, 0, (const uint64_t[]){0x9002}, 1, "cd", 2);
    trace_numbers(&trial->writer, TRACE_END, 0, end, 4, text, (uint32_t)strlen(text));
}

/* Judges; the failure's text holds `words`, or the verdict is good when `words` is NULL. */
static void judge(struct trial *trial, const char *words)
{
    sim_judge(&trial->scenarios[0], trial->trace, trial->size, &trial->verdict);
    const bool as_it_should = words == NULL ? trial->verdict.passed && trial->verdict.text == NULL
                                            : !trial->verdict.passed && trial->verdict.text != NULL && strstr(trial->verdict.text, words) != NULL;
    if (!as_it_should)
        printf("\nwanted: %s\ngot: %s\n", words != NULL ? words : "passed", trial->verdict.text != NULL ? trial->verdict.text : "passed");
    CU_ASSERT_TRUE(as_it_should);
    free(trial->verdict.text);
    sim_scenario_free(trial->scenarios, trial->count);
}

#define OUT_0x80 0x800000u

static void met_expectations_pass(void)
{
    struct trial trial;
    begin(&trial, "steps = { expect 'CPUID' { rip = 'here' }, expect 'IO_INSTRUCTION' { port = 0x80, size = 1, direction = 'out', rax = 0xabc } }");
    add_exit(&trial, VMX_EXIT_CPUID, 0, 0x8000);
    add_exit(&trial, VMX_EXIT_IO_INSTRUCTION, OUT_0x80, 0x8002);
    add_end(&trial, TRACE_STOP_STEPS, "");
    judge(&trial, NULL);
    CU_ASSERT_EQUAL(trial.verdict.exits, 2);
}

static void another_reason_fails_with_its_line(void)
{
    struct trial trial;
    begin(&trial, "steps = {\n expect 'CPUID' {} }");
    add_exit(&trial, VMX_EXIT_IO_INSTRUCTION, OUT_0x80, 0x8002);
    add_end(&trial, TRACE_STOP_STEPS, "");
    judge(&trial, ":6: expected CPUID, got IO_INSTRUCTION\n  exit 1: IO_INSTRUCTION at rip 0x8002 (port): out dx, al\n  registers: rax=abc");
}

static void another_value_fails_by_name(void)
{
    struct trial trial;
    begin(&trial, "steps = { expect 'IO_INSTRUCTION' { port = 0x81, direction = 'in', rip = 'here' } }");
    add_exit(&trial, VMX_EXIT_IO_INSTRUCTION, OUT_0x80, 0x8002);
    add_end(&trial, TRACE_STOP_STEPS, "");
    judge(&trial, "IO_INSTRUCTION: direction: expected in, got out; port: expected 0x81, got 0x80; rip: expected 0x8000 (here), got 0x8002 (port)\n");
}

static void mask_hides_bits(void)
{
    struct trial trial;
    begin(&trial, "steps = { expect 'CPUID' { rax = { value = 0xb0, mask = 0xf0 } } }");
    add_exit(&trial, VMX_EXIT_CPUID, 0, 0x8000);
    add_end(&trial, TRACE_STOP_STEPS, "");
    judge(&trial, NULL);
    begin(&trial, "steps = { expect 'CPUID' { rax = { value = 0xb0, mask = 0xff0 } } }");
    add_exit(&trial, VMX_EXIT_CPUID, 0, 0x8000);
    add_end(&trial, TRACE_STOP_STEPS, "");
    judge(&trial, "rax: expected 0xb0 under mask 0xff0, got 0xabc");
}

static void early_end_fails_with_its_reason(void)
{
    struct trial trial;
    begin(&trial, "steps = { expect 'CPUID' {} }");
    add_end(&trial, TRACE_STOP_HANDLER, "no handler");
    judge(&trial, ":5: expected CPUID, but the run ended: a handler stopped the guest: no handler\n  after 0 exits and 12 guest instructions, at rip "
                  "0x8000 (here): cpuid");
}

static void further_exit_fails_unless_the_rest_is_free(void)
{
    struct trial trial;
    begin(&trial, "steps = {}");
    add_exit(&trial, VMX_EXIT_CPUID, 0, 0x8000);
    add_end(&trial, TRACE_STOP_STEPS, "");
    judge(&trial, ":1: no exit was expected any more, got CPUID");
    begin(&trial, "steps = {}, rest = 'any'");
    add_exit(&trial, VMX_EXIT_CPUID, 0, 0x8000);
    add_end(&trial, TRACE_STOP_HALTED, "");
    judge(&trial, NULL);
}

static void failed_entries_are_told_apart(void)
{
    static const struct {
        const char *expected;
        uint64_t kind, number; /* of the record; kind 9: an exit with bit 31 */
        const char *words;
    } rows[] = {
        {"{ error = 7 }", 1, 7, NULL},
        {"{ error = 7 }", 1, 8, "expected VMfailValid(7), got VMfailValid(8)"},
        {"{ error = 7 }", 0, 0, "expected VMfailValid(7), got VMfailInvalid"},
        {"{ invalid = true }", 0, 0, NULL},
        {"{}", 1, 8, NULL},
        {"{}", 9, 33, NULL},
        {"{ reason = 'INVALID_STATE' }", 9, 33, NULL},
        {"{ reason = 'INVALID_STATE', qualification = 4 }", 9, 33, "INVALID_STATE (VM entry failed): qualification: expected 0x4, got 0x0"},
        {"{ reason = 'MSR_LOAD_FAIL' }", 9, 33, "expected MSR_LOAD_FAIL (VM entry failed), got INVALID_STATE (VM entry failed)"},
        {"{ check = 'GUEST.CR0.FIXED0' }", 9, 33, NULL},
        {"{ check = 'CTL.PIN.ALLOWED0' }", 1, 7, NULL},
        {"{ check = 'CTL.PIN.ALLOWED0' }", 9, 33, "expected VMfailValid(7) (violates CTL.PIN.ALLOWED0), got INVALID_STATE (VM entry failed)"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct trial trial;
        char body[256];
        snprintf(body, sizeof body, "steps = { expect_entry_failure %s }", rows[i].expected);
        begin(&trial, body);
        if (rows[i].kind == 9)
            add_exit(&trial, rows[i].number | VMX_REASON_FAILED_VMENTRY, 0, 0x8000);
        else
            trace_numbers(&trial.writer, TRACE_ENTRY_FAIL, 0, (const uint64_t[]){rows[i].kind, rows[i].number, 0}, 3, NULL, 0);
        add_end(&trial, TRACE_STOP_STEPS, "");
        judge(&trial, rows[i].words);
    }
}

static void the_named_rule_is_the_one_that_is_violated(void)
{
    static const struct {
        const char *rule, *words;
    } rows[] = {
        {"CTL.PIN.ALLOWED0", NULL},
        {"CTL.PIN.ALLOWED1", "expected VMfailValid(7) (violates CTL.PIN.ALLOWED0), got VMfailValid(7) (violates CTL.PIN.ALLOWED1)"},
        {"CTL.PIN", "got VMfailValid(7) (violates CTL.PIN)"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct trial trial;
        begin(&trial, "steps = { expect_entry_failure { check = 'CTL.PIN.ALLOWED0' } }");
        trace_numbers(&trial.writer, TRACE_RULE, 0, NULL, 0, rows[i].rule, (uint32_t)strlen(rows[i].rule));
        trace_numbers(&trial.writer, TRACE_ENTRY_FAIL, 0, (const uint64_t[]){1, 7, 0}, 3, NULL, 0);
        add_end(&trial, TRACE_STOP_STEPS, "");
        judge(&trial, rows[i].words);
    }
}

static void failed_entry_is_no_exit(void)
{
    struct trial trial;
    begin(&trial, "steps = { expect 'INVALID_STATE' {} }");
    add_exit(&trial, VMX_EXIT_INVALID_STATE | VMX_REASON_FAILED_VMENTRY, 0, 0x8000);
    add_end(&trial, TRACE_STOP_STEPS, "");
    judge(&trial, "expected INVALID_STATE, got INVALID_STATE (VM entry failed)");
}

static void finals_are_compared(void)
{
    static const struct {
        const char *final, *words;
    } rows[] = {
        {"rax = 7, rcx = 8, rip = 'here', cr3 = 0x4000, efer = 0xd01, rflags = 2", NULL},
        {"rax = 6", ":6: at the end: rax: expected 0x6, got 0x7"},
        {"cr4 = 0x2020", "cr4: expected 0x2020, got 0x20"},
        {"exits = 1, instructions = 12", NULL},
        {"exits = 2", "exits: expected 2, got 1"},
        {"instructions = 13", "guest instructions: expected 13, got 12"},
        {"stop = 'halted'", NULL},
        {"stop = 'limit'", "how it ended: expected \"the instruction limit\", got \"the guest halted\""},
        {"memory = { [0x9000] = 'abcd' }", NULL},
        {"memory = { [0x9001] = { 0x62, 0x63, 0x65 } }", "memory at 0x9003: expected 65, got 64"},
        {"memory = { [0x9002] = 'cde' }", "memory at 0x9004: expected 65, got no memory there"},
        {"memory = { [0x20000] = 'ab' }", "memory at 0x20000: expected 61 62, got no memory there"},
        {"memory = { [0x20000] = '\\0\\0' }", "memory at 0x20000: expected 00 00, got no memory there"},
        {"memory = { [0x8ffe] = '\\0\\0ab' }", "memory at 0x8ffe: expected 00 00 61 62, got no memory there"},
        {"memory = { [0x9000] = 'abcd', [0x20000] = '\\0' }", "memory at 0x20000: expected 00, got no memory there"},
        {"output = 'ell'", NULL},
        {"output = 'help'", "output: expected \"help\", got \"hello.\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct trial trial;
        char body[256];
        snprintf(body, sizeof body, "steps = { expect 'CPUID' {} }, rest = 'any',\nfinal = { %s }", rows[i].final);
        begin(&trial, body);
        add_exit(&trial, VMX_EXIT_CPUID, 0, 0x8000);
        for (const char *at = "hello\n"; *at != '\0'; at++)
            trace_numbers(&trial.writer, TRACE_OUTPUT, 0, (const uint64_t[]){0x3f8, (uint8_t)*at}, 2, NULL, 0);
        add_end(&trial, TRACE_STOP_HALTED, "");
        judge(&trial, rows[i].words);
    }
}

static void result_with_memory_that_no_record_shows_does_not_hold(void)
{
    static const struct {
        const char *final;
        bool holds;
    } rows[] = {{"[0x9000] = 'abcd'", true}, {"[0x9000] = 'abce'", false}, {"[0x20000] = '\\0'", false}, {"[0x9003] = 'd\\0'", false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct trial trial;
        struct sim_result result;
        char body[256];
        snprintf(body, sizeof body, "steps = {}, final = { memory = { %s } }", rows[i].final);
        begin(&trial, body);
        add_end(&trial, TRACE_STOP_HALTED, "");
        sim_judge_result(&trial.scenarios[0], trial.trace, trial.size, &result);
        CU_ASSERT_TRUE(result.complete && result.conditions == 1);
        CU_ASSERT_EQUAL(result.holds, rows[i].holds);
        sim_scenario_free(trial.scenarios, trial.count);
    }
}

static void unusable_traces_are_said_to_be_so(void)
{
    struct trial trial;
    begin(&trial, "steps = {}");
    trial.size = 7;
    judge(&trial, "too short for a trace");
    begin(&trial, "steps = {}");
    judge(&trial, "the trace is cut off or damaged");
    begin(&trial, "steps = {}");
    trial.trace[TRACE_HEADER_BYTES + 2] ^= 1; /* the CRC-32 */
    add_end(&trial, TRACE_STOP_STEPS, "");
    judge(&trial, "the trace does not hold this scenario");
}

static void last_exits_are_listed(void)
{
    struct trial trial;
    begin(&trial, "steps = { expect 'CPUID' {}, expect 'CPUID' {}, expect 'CPUID' {}, expect 'HLT' {} }");
    for (unsigned i = 0; i < 4; i++)
        add_exit(&trial, VMX_EXIT_CPUID, i, 0x8000);
    add_end(&trial, TRACE_STOP_STEPS, "");
    judge(&trial, "  last exits:\n    1 CPUID rip=0x8000 (here) qualification=0x0\n    2 CPUID rip=0x8000 (here) qualification=0x1\n");
}

SUITE("sim/judge", {"met_expectations_pass", met_expectations_pass}, {"another_reason_fails_with_its_line", another_reason_fails_with_its_line},
      {"another_value_fails_by_name", another_value_fails_by_name}, {"mask_hides_bits", mask_hides_bits},
      {"early_end_fails_with_its_reason", early_end_fails_with_its_reason},
      {"further_exit_fails_unless_the_rest_is_free", further_exit_fails_unless_the_rest_is_free},
      {"failed_entries_are_told_apart", failed_entries_are_told_apart}, {"failed_entry_is_no_exit", failed_entry_is_no_exit},
      {"the_named_rule_is_the_one_that_is_violated", the_named_rule_is_the_one_that_is_violated}, {"finals_are_compared", finals_are_compared},
      {"result_with_memory_that_no_record_shows_does_not_hold", result_with_memory_that_no_record_shows_does_not_hold},
      {"unusable_traces_are_said_to_be_so", unusable_traces_are_said_to_be_so}, {"last_exits_are_listed", last_exits_are_listed})

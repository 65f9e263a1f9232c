/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Comparing traces: what counts as a difference, and how it is told. */
#include "../../sim/compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../handlers/bench/trace.h"
#include "../../vmx-model/reasons.h"
#include "../support/suite.h"

struct trace {
    uint8_t bytes[4096];
    uint32_t size;
    struct trace_writer writer;
};

static bool sink(void *context, const void *bytes, uint32_t size)
{
    struct trace *trace = context;
    if (size > sizeof trace->bytes - trace->size)
        return false;
    memcpy(trace->bytes + trace->size, bytes, size);
    trace->size += size;
    return true;
}

static void begin(struct trace *trace)
{
    *trace = (struct trace){.writer = {.sink = sink, .context = trace}};
    trace_begin(&trace->writer);
}

static void exit_of(struct trace *trace, uint64_t reason, uint64_t rip, uint64_t qualification, uint64_t ticks, uint64_t rax)
{
    const uint64_t item[TRACE_ITEM_COUNT] = {
        [TRACE_REASON] = reason, [TRACE_RIP] = rip, [TRACE_QUALIFICATION] = qualification, [TRACE_TICKS] = ticks};
    const uint64_t gpr[16] = {rax};
    trace_exit(&trace->writer, 0, item, gpr);
}

static void end(struct trace *trace, enum trace_stop stop, uint64_t rip, uint64_t ticks)
{
    const uint64_t final[TRACE_NUMBERS_MAX] = {rip}, number[] = {2, 10, ticks, stop};
    trace_numbers(&trace->writer, TRACE_FINAL, 0, final, TRACE_NUMBERS_MAX, NULL, 0);
    trace_numbers(&trace->writer, TRACE_END, 0, number, 4, "", 0);
}

/* Two exits, the second of which the tests vary. */
static void scenario(struct trace *trace, uint32_t crc, const char *machine, uint64_t qualification, uint64_t ticks, uint64_t rax)
{
    trace_scenario(&trace->writer, crc, "name", "profile", machine);
    exit_of(trace, VMX_EXIT_CPUID, 0x8000, 0, ticks, 0);
    exit_of(trace, VMX_EXIT_IO_INSTRUCTION, 0x8002, qualification, 2 * ticks, rax);
    end(trace, TRACE_STOP_STEPS, 0x8003, 3 * ticks);
}

static enum sim_comparison compare(const struct trace *a, const struct trace *b, bool time, struct sim_compared *out)
{
    const struct sim_compare_options options = {.time = time};
    return sim_compare(a->bytes, a->size, b->bytes, b->size, &options, out);
}

static void machines_may_differ_in_time_and_name(void)
{
    struct trace a, b;
    struct sim_compared compared;
    begin(&a);
    begin(&b);
    scenario(&a, 1, "sim", 0x30000, 5, 0);
    scenario(&b, 1, "hw", 0x30000, 7, 0);
    CU_ASSERT_EQUAL(compare(&a, &b, false, &compared), SIM_SAME);
    CU_ASSERT_EQUAL(compared.scenarios, 1);
    CU_ASSERT_EQUAL(compared.exits, 2);
    CU_ASSERT_STRING_EQUAL(compared.text, "");
    free(compared.text);
    CU_ASSERT_EQUAL(compare(&a, &b, true, &compared), SIM_DIFFERENT);
    CU_ASSERT_PTR_NOT_NULL(strstr(compared.text, "ticks"));
    free(compared.text);
}

static void first_divergence_is_told_field_by_field(void)
{
    struct trace a, b;
    struct sim_compared compared;
    begin(&a);
    begin(&b);
    scenario(&a, 1, "sim", 0x30000, 5, 1);
    scenario(&b, 1, "hw", 0x30008, 5, 3);
    CU_ASSERT_EQUAL(compare(&a, &b, false, &compared), SIM_DIFFERENT);
    CU_ASSERT_EQUAL(compared.different, 1);
    CU_ASSERT_EQUAL(compared.exits, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(compared.text, "name: after 1 VM exits that agree: a VM exit IO_INSTRUCTION at 0x8002"));
    CU_ASSERT_PTR_NOT_NULL(strstr(compared.text, "qualification        A 0x30000  B 0x30008  (differing bits 0x8)"));
    CU_ASSERT_PTR_NOT_NULL(strstr(compared.text, "rax                  A 0x1  B 0x3"));
    free(compared.text);
}

static void known_bits_are_no_difference(void)
{
    const struct sim_known_difference known = {VMX_EXIT_IO_INSTRUCTION, TRACE_QUALIFICATION, 0x8, "B has the direction wrong"};
    const struct sim_compare_options options = {.known = &known, .known_count = 1};
    struct trace a, b;
    struct sim_compared compared;
    begin(&a);
    begin(&b);
    scenario(&a, 1, "sim", 0x30000, 5, 0);
    scenario(&b, 1, "hw", 0x30008, 5, 0);
    CU_ASSERT_EQUAL(sim_compare(a.bytes, a.size, b.bytes, b.size, &options, &compared), SIM_SAME);
    CU_ASSERT_EQUAL(compared.known, 1);
    free(compared.text);
    begin(&b);
    scenario(&b, 1, "hw", 0x30018, 5, 0);
    CU_ASSERT_EQUAL(sim_compare(a.bytes, a.size, b.bytes, b.size, &options, &compared), SIM_DIFFERENT);
    free(compared.text);
}

static void records_of_other_kinds_are_named(void)
{
    struct trace a, b;
    struct sim_compared compared;
    begin(&a);
    begin(&b);
    scenario(&a, 1, "sim", 0, 5, 0);
    trace_scenario(&b.writer, 1, "name", "profile", "hw");
    end(&b, TRACE_STOP_HALTED, 0, 0);
    CU_ASSERT_EQUAL(compare(&a, &b, false, &compared), SIM_DIFFERENT);
    CU_ASSERT_PTR_NOT_NULL(strstr(compared.text, "A has a VM exit CPUID at 0x8000 of vCPU 0, B has the final state of vCPU 0"));
    free(compared.text);
}

static void scenarios_are_found_by_their_crc(void)
{
    struct trace a, b;
    struct sim_compared compared;
    begin(&a);
    begin(&b);
    scenario(&a, 1, "sim", 0x1, 5, 0);
    scenario(&a, 2, "sim", 0x2, 5, 0);
    scenario(&b, 2, "hw", 0x2, 5, 0);
    scenario(&b, 1, "hw", 0x1, 5, 0);
    CU_ASSERT_EQUAL(compare(&a, &b, false, &compared), SIM_SAME);
    CU_ASSERT_EQUAL(compared.scenarios, 2);
    free(compared.text);
    scenario(&a, 3, "sim", 0x3, 5, 0);
    CU_ASSERT_EQUAL(compare(&a, &b, false, &compared), SIM_DIFFERENT);
    CU_ASSERT_PTR_NOT_NULL(strstr(compared.text, "B has no run of it"));
    free(compared.text);
}

static void other_content_is_found_by_name_when_asked(void)
{
    struct trace a, b;
    struct sim_compared compared;
    const struct sim_compare_options options = {.by_name = true};
    begin(&a);
    begin(&b);
    scenario(&a, 1, "sim", 0x1, 5, 0);
    scenario(&b, 2, "sim", 0x1, 5, 0);
    CU_ASSERT_EQUAL(compare(&a, &b, false, &compared), SIM_DIFFERENT);
    free(compared.text);
    CU_ASSERT_EQUAL(sim_compare(a.bytes, a.size, b.bytes, b.size, &options, &compared), SIM_SAME);
    CU_ASSERT_EQUAL(compared.exits, 2);
    free(compared.text);
}

static void a_scenario_of_b_alone_counts_both_ways(void)
{
    struct trace a, b;
    struct sim_compared compared;
    const struct sim_compare_options options = {.both_ways = true};
    begin(&a);
    begin(&b);
    scenario(&a, 1, "sim", 0x1, 5, 0);
    scenario(&b, 2, "sim", 0x2, 5, 0);
    scenario(&b, 1, "sim", 0x1, 5, 0);
    CU_ASSERT_EQUAL(compare(&a, &b, false, &compared), SIM_SAME);
    free(compared.text);
    CU_ASSERT_EQUAL(sim_compare(a.bytes, a.size, b.bytes, b.size, &options, &compared), SIM_DIFFERENT);
    CU_ASSERT_STRING_EQUAL(compared.text, "name: A has no run of it\n");
    CU_ASSERT_EQUAL(compared.scenarios, 2);
    CU_ASSERT_EQUAL(compared.different, 1);
    free(compared.text);
}

static void where_the_limit_stops_is_no_difference(void)
{
    struct trace a, b;
    struct sim_compared compared;
    begin(&a);
    begin(&b);
    trace_scenario(&a.writer, 1, "name", "profile", "sim");
    end(&a, TRACE_STOP_LIMIT, 0x8000, 5);
    trace_scenario(&b.writer, 1, "name", "profile", "hw");
    exit_of(&b, VMX_EXIT_CPUID, 0x8000, 0, 1, 0);
    end(&b, TRACE_STOP_LIMIT, 0x8004, 9);
    CU_ASSERT_EQUAL(compare(&a, &b, false, &compared), SIM_SAME);
    free(compared.text);
    CU_ASSERT_EQUAL(compare(&a, &b, true, &compared), SIM_DIFFERENT);
    free(compared.text);
}

static void a_truncated_trace_is_unreadable(void)
{
    struct trace a, b;
    struct sim_compared compared;
    begin(&a);
    begin(&b);
    scenario(&a, 1, "sim", 0, 5, 0);
    scenario(&b, 1, "hw", 0, 5, 0);
    for (uint32_t size = 0; size < b.size; size++) {
        const enum sim_comparison result = sim_compare(a.bytes, a.size, b.bytes, size, NULL, &compared);
        CU_ASSERT_EQUAL(result, size == TRACE_HEADER_BYTES ? SIM_DIFFERENT : SIM_UNREADABLE);
        CU_ASSERT_NOT_EQUAL(compared.text[0], '\0');
        free(compared.text);
    }
}

/* ---- records, field by field ---- */
static void numbers_of(struct trace *trace, enum trace_kind kind, const uint64_t *number, unsigned count, const char *text)
{
    trace_numbers(&trace->writer, kind, 0, number, count, text, (uint32_t)strlen(text));
}

/* A scenario with one record of a kind, one of whose numbers is another one on side B. */
static enum sim_comparison with_number(enum trace_kind kind, unsigned count, unsigned varied, const char *text, bool time, struct sim_compared *out)
{
    struct trace side[2];
    for (unsigned i = 0; i < 2; i++) {
        uint64_t number[TRACE_NUMBERS_MAX] = {1, 2, 3, TRACE_STOP_STEPS, 5, 6, 7};
        begin(&side[i]);
        trace_scenario(&side[i].writer, 1, "name", "profile", "sim");
        if (kind == TRACE_FINAL)
            exit_of(&side[i], VMX_EXIT_CPUID, 0, 0, 0, 0);
        number[varied] += i * 0x100;
        numbers_of(&side[i], kind, number, count, text);
        if (kind != TRACE_END)
            end(&side[i], TRACE_STOP_STEPS, 0, 0);
    }
    return compare(&side[0], &side[1], time, out);
}

static void each_number_of_a_record_is_compared(void)
{
    static const struct {
        enum trace_kind kind;
        unsigned count;
        const char *text, *names[7];
    } rows[] = {
        {TRACE_ENTRY_FAIL, 3, "", {"kind", "number", "ticks"}},
        {TRACE_INJECT, 3, "", {"interruption info", "error code", "instruction length"}},
        {TRACE_STIMULUS, 3, "", {"step", "a", "b"}},
        {TRACE_INTERRUPT, 4, "", {"vector", "physical CPU", "vCPU that it is for", "waited there already"}},
        {TRACE_SOURCE, 3, "", {"vector", "interrupts", "requested already"}},
        {TRACE_OUTPUT, 2, "", {"port", "byte"}},
        {TRACE_MEMORY, 1, "bytes", {"address"}},
        {TRACE_FINAL, 7, "", {"rip", "rsp", "rflags", "cr0", "cr3", "cr4", "efer"}},
        {TRACE_END, 4, "", {"exits", "guest instructions", "ticks", "stop"}},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (unsigned n = 0; n < rows[i].count; n++)
            for (unsigned time = 0; time < 2; time++) {
                struct sim_compared compared;
                char line[80];
                const bool of_time = strcmp(rows[i].names[n], "ticks") == 0 || strcmp(rows[i].names[n], "guest instructions") == 0;
                const enum sim_comparison expected = of_time && time == 0 ? SIM_SAME : SIM_DIFFERENT;
                const unsigned count = rows[i].kind == TRACE_FINAL ? TRACE_NUMBERS_MAX : rows[i].count;
                CU_ASSERT_EQUAL(with_number(rows[i].kind, count, n, rows[i].text, time != 0, &compared), expected);
                snprintf(line, sizeof line, "    %-20s A ", rows[i].names[n]);
                CU_ASSERT_EQUAL(strstr(compared.text, line) != NULL, expected == SIM_DIFFERENT);
                CU_ASSERT_EQUAL(compared.different, expected == SIM_DIFFERENT);
                free(compared.text);
            }
}

/* Registers of exits and of the final state: from the first to the last. */
static void each_register_is_compared(void)
{
    static const char *const names[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"};
    for (unsigned n = 0; n < 16; n++)
        for (unsigned final = 0; final < 2; final++) {
            struct trace side[2];
            struct sim_compared compared;
            char line[80];
            for (unsigned i = 0; i < 2; i++) {
                const uint64_t item[TRACE_ITEM_COUNT] = {[TRACE_REASON] = VMX_EXIT_CPUID};
                uint64_t gpr[16] = {0}, number[TRACE_NUMBERS_MAX] = {0};
                (final != 0 ? number + 7 : gpr)[n] = i;
                begin(&side[i]);
                trace_scenario(&side[i].writer, 1, "name", "profile", "sim");
                trace_exit(&side[i].writer, 0, item, gpr);
                trace_numbers(&side[i].writer, TRACE_FINAL, 0, number, TRACE_NUMBERS_MAX, NULL, 0);
                numbers_of(&side[i], TRACE_END, (const uint64_t[]){1, 1, 1, TRACE_STOP_STEPS}, 4, "");
            }
            CU_ASSERT_EQUAL(compare(&side[0], &side[1], false, &compared), SIM_DIFFERENT);
            CU_ASSERT_EQUAL(compared.exits, final);
            snprintf(line, sizeof line, "    %-20s A 0x0  B 0x1  (differing bits 0x1)\n", names[n]);
            CU_ASSERT_PTR_NOT_NULL(strstr(compared.text, line));
            free(compared.text);
        }
}

static void texts_and_memory_are_compared_byte_by_byte(void)
{
    static const struct {
        enum trace_kind kind;
        const char *a, *b, *told;
    } rows[] = {
        {TRACE_REPORT, "words", "words", NULL},
        {TRACE_REPORT, "words", "wordy", "    text                 A \"words\"  B \"wordy\"\n"},
        {TRACE_REPORT, "words", "word", "    text                 A \"words\"  B \"word\"\n"},
        {TRACE_REPORT, "", "", NULL},
        {TRACE_REPORT, "", "word", "    text                 A \"\"  B \"word\"\n"},
        {TRACE_MEMORY, "abc", "abc", NULL},
        {TRACE_MEMORY, "abc", "abd", "    byte at 0x1003       A 0x63  B 0x64  (differing bits 0x7)\n"},
        {TRACE_MEMORY, "abc", "xbd", "    byte at 0x1001       A 0x61  B 0x78  (differing bits 0x19)\n"},
        {TRACE_MEMORY, "abc", "ab", "    bytes                A 0x3  B 0x2  (differing bits 0x1)\n"},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct trace side[2];
        struct sim_compared compared;
        for (unsigned s = 0; s < 2; s++) {
            begin(&side[s]);
            trace_scenario(&side[s].writer, 1, "name", "profile", "sim");
            numbers_of(&side[s], rows[i].kind, (const uint64_t[]){0x1001}, rows[i].kind == TRACE_MEMORY, s == 0 ? rows[i].a : rows[i].b);
            end(&side[s], TRACE_STOP_STEPS, 0, 0);
        }
        CU_ASSERT_EQUAL(compare(&side[0], &side[1], false, &compared), rows[i].told == NULL ? SIM_SAME : SIM_DIFFERENT);
        if (rows[i].told != NULL) {
            const char *details = strchr(compared.text, '\n');
            CU_ASSERT_PTR_NOT_NULL_FATAL(details);
            CU_ASSERT_STRING_EQUAL(details + 1, rows[i].told);
        }
        free(compared.text);
    }
}

static void ends_tell_their_reasons(void)
{
    static const char *const names[] = {"all steps done",    "halted",          "power-off",  "a handler stopped the guest",
                                        "instruction limit", "VM entry failed", "host error", "unknown"};
    for (unsigned stop = 1; stop < 8; stop++) {
        struct trace side[2];
        struct sim_compared compared;
        char line[120];
        for (unsigned s = 0; s < 2; s++) {
            begin(&side[s]);
            trace_scenario(&side[s].writer, 1, "name", "profile", "sim");
            numbers_of(&side[s], TRACE_END, (const uint64_t[]){0, 0, 0, s == 0 ? 0 : stop}, 4, s == 0 ? "" : "why");
        }
        CU_ASSERT_EQUAL(compare(&side[0], &side[1], true, &compared), SIM_DIFFERENT);
        snprintf(line, sizeof line, "    stop                 A all steps done:   B %s: why\n", names[stop]);
        CU_ASSERT_PTR_NOT_NULL(strstr(compared.text, line));
        free(compared.text);
    }
}

/* ---- what is known ---- */
static void known_bits_are_of_their_reason_item_and_mask(void)
{
    static const struct {
        struct sim_known_difference known;
        bool covers;
    } rows[] = {
        {{VMX_EXIT_IO_INSTRUCTION, TRACE_QUALIFICATION, 0x8, ""}, true},   {{VMX_EXIT_IO_INSTRUCTION, TRACE_QUALIFICATION, UINT64_MAX, ""}, true},
        {{VMX_EXIT_CPUID, TRACE_QUALIFICATION, 0x8, ""}, false},           {{VMX_EXIT_IO_INSTRUCTION, TRACE_RIP, 0x8, ""}, false},
        {{VMX_EXIT_IO_INSTRUCTION, TRACE_QUALIFICATION, 0x10, ""}, false},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct trace a, b;
        struct sim_compared compared;
        uint64_t seen[3] = {5, 6, 7};
        const struct sim_known_difference known[] = {{VMX_EXIT_CPUID, TRACE_RIP, 1, ""}, rows[i].known, rows[i].known};
        const struct sim_compare_options options = {.known = known, .known_count = 3, .known_seen = seen};
        begin(&a);
        begin(&b);
        scenario(&a, 1, "sim", 0x0, 5, 0);
        scenario(&b, 1, "hw", 0x8, 5, 0);
        CU_ASSERT_EQUAL(sim_compare(a.bytes, a.size, b.bytes, b.size, &options, &compared), rows[i].covers ? SIM_SAME : SIM_DIFFERENT);
        CU_ASSERT_EQUAL(compared.known, rows[i].covers);
        CU_ASSERT(seen[0] == 5 && seen[1] == 6u + rows[i].covers && seen[2] == 7);
        free(compared.text);
    }
}

/* Two rows may share an item, each its own bits. */
static void known_bits_add_up(void)
{
    static const struct sim_known_difference known[] = {{VMX_EXIT_IO_INSTRUCTION, TRACE_QUALIFICATION, 0x1, ""},
                                                        {VMX_EXIT_IO_INSTRUCTION, TRACE_QUALIFICATION, 0x8, ""}};
    const struct sim_compare_options options = {.known = known, .known_count = 2};
    struct trace a, b;
    struct sim_compared compared;
    begin(&a);
    begin(&b);
    for (uint32_t crc = 1; crc < 3; crc++) {
        scenario(&a, crc, "sim", 0x0, 5, 0);
        scenario(&b, crc, "hw", 0x9, 5, 0);
    }
    CU_ASSERT_EQUAL(sim_compare(a.bytes, a.size, b.bytes, b.size, &options, &compared), SIM_SAME);
    CU_ASSERT_EQUAL(compared.known, 4);
    CU_ASSERT_EQUAL(compared.exits, 4);
    free(compared.text);
}

/* RFLAGS of the final state go with the last exit; nothing else of it does. */
static void known_flags_cover_the_final_state(void)
{
    enum { RSP = 1, RFLAGS = 2 };
    const struct sim_known_difference known = {VMX_EXIT_CPUID, TRACE_RFLAGS, 0x10, ""};
    const struct sim_compare_options options = {.known = &known, .known_count = 1};
    for (unsigned i = 0; i < 4; i++) { /* after CPUID: RFLAGS, RSP; after another exit: RFLAGS; without an exit: RFLAGS */
        struct trace side[2];
        struct sim_compared compared;
        for (unsigned s = 0; s < 2; s++) {
            uint64_t number[TRACE_NUMBERS_MAX] = {0};
            number[i == 1 ? RSP : RFLAGS] = s * 0x10;
            begin(&side[s]);
            scenario(&side[s], 7, "sim", 0, 0, 0);
            trace_scenario(&side[s].writer, 1, "name", "profile", "sim");
            if (i != 3)
                exit_of(&side[s], i == 2 ? VMX_EXIT_HLT : VMX_EXIT_CPUID, 0, 0, 0, 0);
            trace_numbers(&side[s].writer, TRACE_FINAL, 0, number, TRACE_NUMBERS_MAX, NULL, 0);
            numbers_of(&side[s], TRACE_END, (const uint64_t[]){1, 1, 1, TRACE_STOP_STEPS}, 4, "");
        }
        CU_ASSERT_EQUAL(sim_compare(side[0].bytes, side[0].size, side[1].bytes, side[1].size, &options, &compared),
                        i == 0 ? SIM_SAME : SIM_DIFFERENT);
        free(compared.text);
    }
}

/* ---- which belongs to which ---- */
static void the_same_record_of_another_vcpu_is_another_one(void)
{
    struct trace a, b;
    struct sim_compared compared;
    const uint64_t item[TRACE_ITEM_COUNT] = {[TRACE_REASON] = VMX_EXIT_INVALID_STATE | VMX_REASON_FAILED_VMENTRY, [TRACE_RIP] = 0x40};
    const uint64_t gpr[16] = {0};
    begin(&a);
    begin(&b);
    trace_scenario(&a.writer, 1, "name", "profile", "sim");
    trace_scenario(&b.writer, 1, "name", "profile", "sim");
    trace_exit(&a.writer, 0, item, gpr);
    trace_exit(&b.writer, 1, item, gpr);
    end(&a, TRACE_STOP_STEPS, 0, 0);
    end(&b, TRACE_STOP_STEPS, 0, 0);
    CU_ASSERT_EQUAL(compare(&a, &b, false, &compared), SIM_DIFFERENT);
    CU_ASSERT_PTR_NOT_NULL(strstr(compared.text, " (failed VM entry) at 0x40 of vCPU 0, B has a VM exit "));
    CU_ASSERT_PTR_NOT_NULL(strstr(compared.text, " of vCPU 1\n"));
    free(compared.text);
}

/* At the limit of either side the final states are left out, but what came before counts. */
static void the_limit_of_either_side_ends_the_comparison(void)
{
    for (unsigned i = 0; i < 3; i++) {
        struct trace a, b;
        struct sim_compared compared;
        begin(&a);
        begin(&b);
        trace_scenario(&a.writer, 1, "name", "profile", "sim");
        trace_scenario(&b.writer, 1, "name", "profile", "hw");
        exit_of(&a, VMX_EXIT_CPUID, 0x8000, 0, 1, 0);
        exit_of(&b, VMX_EXIT_CPUID, i == 2 ? 0x9000 : 0x8000, 0, 1, 0);
        end(&a, i == 0 ? TRACE_STOP_STEPS : TRACE_STOP_LIMIT, 0x8000, 5);
        end(&b, TRACE_STOP_LIMIT, 0x8004, 9);
        CU_ASSERT_EQUAL(compare(&a, &b, false, &compared), i == 2 ? SIM_DIFFERENT : SIM_SAME);
        free(compared.text);
    }
}

static void named(struct trace *trace, uint32_t crc, const char *name, uint64_t qualification)
{
    trace_scenario(&trace->writer, crc, name, "profile", "sim");
    exit_of(trace, VMX_EXIT_CPUID, 0, qualification, 0, 0);
    end(trace, TRACE_STOP_STEPS, 0, 0);
}

/* By CRC-32 first, then by name, then the only one of each; of none of these nothing is compared. */
static void partners_are_found_by_crc_name_or_alone(void)
{
    const struct sim_compare_options options = {.by_name = true};
    struct trace a, b;
    struct sim_compared compared;
    begin(&a);
    begin(&b);
    named(&a, 1, "one", 1);
    named(&a, 2, "two", 2);
    named(&b, 4, "two", 2);
    named(&b, 3, "one", 1);
    CU_ASSERT_EQUAL(sim_compare(a.bytes, a.size, b.bytes, b.size, &options, &compared), SIM_SAME);
    CU_ASSERT_EQUAL(compared.exits, 2);
    free(compared.text);
    named(&b, 1, "other", 7); /* the CRC-32 goes before the name */
    CU_ASSERT_EQUAL(sim_compare(a.bytes, a.size, b.bytes, b.size, &options, &compared), SIM_DIFFERENT);
    CU_ASSERT_PTR_NOT_NULL(strstr(compared.text, "qualification        A 0x1  B 0x7"));
    free(compared.text);
    begin(&a);
    begin(&b);
    named(&a, 1, "one", 1);
    named(&b, 2, "onf", 1);
    CU_ASSERT_EQUAL(sim_compare(a.bytes, a.size, b.bytes, b.size, &options, &compared), SIM_SAME); /* the only ones */
    free(compared.text);
    named(&b, 3, "more", 1);
    CU_ASSERT_EQUAL(sim_compare(a.bytes, a.size, b.bytes, b.size, &options, &compared), SIM_DIFFERENT);
    CU_ASSERT_STRING_EQUAL(compared.text, "one: B has no run of it\n");
    free(compared.text);
    CU_ASSERT_EQUAL(sim_compare(b.bytes, b.size, a.bytes, a.size, &options, &compared), SIM_DIFFERENT);
    CU_ASSERT_EQUAL(compared.different, 2);
    free(compared.text);
}

static void complaints_call_the_traces_by_their_names(void)
{
    const struct sim_compare_options options = {.name = {"left.trace", NULL}};
    struct trace a, b;
    struct sim_compared compared;
    begin(&a);
    begin(&b);
    scenario(&a, 1, "sim", 0, 5, 0);
    scenario(&b, 1, "hw", 0, 5, 0);
    CU_ASSERT_EQUAL(sim_compare(a.bytes, a.size - 1, b.bytes, b.size, &options, &compared), SIM_UNREADABLE);
    CU_ASSERT_PTR_NOT_NULL(strstr(compared.text, "left.trace: the trace is cut off or damaged at byte "));
    CU_ASSERT_EQUAL(compared.scenarios, 0);
    free(compared.text);
    CU_ASSERT_EQUAL(sim_compare(a.bytes, a.size, (const uint8_t *)"no trace at all, but long", 25, &options, &compared), SIM_UNREADABLE);
    CU_ASSERT_PTR_NOT_NULL(strstr(compared.text, "trace B: the trace is cut off or damaged at byte 0 of 25: "));
    free(compared.text);
}

SUITE("sim/compare", {"machines_may_differ_in_time_and_name", machines_may_differ_in_time_and_name},
      {"first_divergence_is_told_field_by_field", first_divergence_is_told_field_by_field},
      {"known_bits_are_no_difference", known_bits_are_no_difference}, {"records_of_other_kinds_are_named", records_of_other_kinds_are_named},
      {"scenarios_are_found_by_their_crc", scenarios_are_found_by_their_crc},
      {"other_content_is_found_by_name_when_asked", other_content_is_found_by_name_when_asked},
      {"a_scenario_of_b_alone_counts_both_ways", a_scenario_of_b_alone_counts_both_ways},
      {"where_the_limit_stops_is_no_difference", where_the_limit_stops_is_no_difference},
      {"a_truncated_trace_is_unreadable", a_truncated_trace_is_unreadable},
      {"each_number_of_a_record_is_compared", each_number_of_a_record_is_compared}, {"each_register_is_compared", each_register_is_compared},
      {"texts_and_memory_are_compared_byte_by_byte", texts_and_memory_are_compared_byte_by_byte},
      {"ends_tell_their_reasons", ends_tell_their_reasons},
      {"known_bits_are_of_their_reason_item_and_mask", known_bits_are_of_their_reason_item_and_mask}, {"known_bits_add_up", known_bits_add_up},
      {"known_flags_cover_the_final_state", known_flags_cover_the_final_state},
      {"the_same_record_of_another_vcpu_is_another_one", the_same_record_of_another_vcpu_is_another_one},
      {"the_limit_of_either_side_ends_the_comparison", the_limit_of_either_side_ends_the_comparison},
      {"partners_are_found_by_crc_name_or_alone", partners_are_found_by_crc_name_or_alone},
      {"complaints_call_the_traces_by_their_names", complaints_call_the_traces_by_their_names})

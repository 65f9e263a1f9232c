/* SPDX-License-Identifier: MIT */
/* The run loop: enters, records, steps through expectations and stimuli, lets the handlers answer. */
#include "../../vmx-model/reasons.h"
#include "internal.h"

enum { MSR_EPT_VPID_CAP = 0x48c, MSR_EFER = 0xc0000080 };

struct bench {
    struct bk_machine *machine;
    struct hv_vm vm;
    struct hv_vcpu *vcpu;
    struct bench_setup setup;
    struct trace_writer *trace;
    struct bench_result *result;
    struct packed_reader steps; /* behind the current step */
    struct packed_step step;    /* the current one, when there is one */
    const uint8_t *extra;
    bool have_step, extended_ept_information, finished;
    uint64_t tsc_start, retired_start, retired;
};

static bool is_expectation(const struct packed_step *step)
{
    return step->kind == STEP_EXPECT || step->kind == STEP_EXPECT_ENTRY_FAILURE;
}

static void next_step(struct bench *bench)
{
    struct packed_record record;
    bench->have_step = bench_next_of(&bench->steps, PACKED_STEP, &record) && packed_step_of(&record, &bench->step, &bench->extra);
}

static void stop(struct bench *bench, enum trace_stop why, const char *text)
{
    bench->finished = true;
    bench->result->stop = why;
    if (text != NULL)
        bench_say(bench->result, text);
}

/* ---- what handlers say ---- */
static void on_output(void *context, unsigned port, uint8_t byte)
{
    struct bench *bench = context;
    trace_numbers(bench->trace, TRACE_OUTPUT, 0, (const uint64_t[]){port, byte}, 2, NULL, 0);
}

static void on_report(void *context, unsigned vcpu, const char *text)
{
    struct bench *bench = context;
    uint32_t length = 0;
    while (text[length] != '\0')
        length++;
    trace_numbers(bench->trace, TRACE_REPORT, (uint8_t)vcpu, NULL, 0, text, length);
}

/* ---- stimuli ---- */
/* Those that stand before the next expectation. */
static void apply_stimuli(struct bench *bench)
{
    for (; bench->have_step && !is_expectation(&bench->step) && !bench->finished; next_step(bench)) {
        trace_numbers(bench->trace, TRACE_STIMULUS, 0, (const uint64_t[]){bench->step.kind, bench->step.a, bench->step.b}, 3, NULL, 0);
        if (!bench_stimulate(&bench->vm, &bench->step, bench->extra, bench->result))
            stop(bench, TRACE_STOP_HOST_ERROR, NULL);
    }
}

/* An exit or an entry failure uses up one expectation, be it met or not: the judge decides. True: it was one of the given kind. */
static bool consume(struct bench *bench, enum packed_step_kind kind)
{
    const bool expected = bench->have_step && bench->step.kind == (uint32_t)kind;
    if (bench->have_step)
        next_step(bench);
    return expected;
}

static bool steps_done(const struct bench *bench)
{
    return !bench->have_step && !bench->setup.plan.rest_any;
}

/* ---- records ---- */
/* Before the record of an entry that fails. */
static void record_rule(struct bench *bench)
{
    const char *rule = bk_violated_rule(bench->vcpu->bk);
    uint32_t length = 0;
    while (rule != NULL && rule[length] != '\0')
        length++;
    if (length != 0)
        trace_numbers(bench->trace, TRACE_RULE, 0, NULL, 0, rule, length);
}

static void record_exit(struct bench *bench)
{
    uint64_t item[TRACE_ITEM_COUNT], gpr[16], handler, entry;
    struct bk_vcpu *bk = bench->vcpu->bk;
    bench_exit_items(bk, bench->extended_ept_information, item);
    bench_registers(bk, gpr);
    const uint64_t retired = bk_retired(bk);
    item[TRACE_TICKS] = bk_tsc(bk) - bench->tsc_start;
    item[TRACE_GUEST_INSTRUCTIONS] = retired - bench->retired;
    bk_costs(bk, &item[TRACE_COST_EXIT], &handler, &entry);
    bench->retired = retired;
    trace_exit(bench->trace, 0, item, gpr);
}

/* Of the last exit when no entry follows it. */
static void record_costs(struct bench *bench)
{
    uint64_t exit, handler, entry;
    bk_costs(bench->vcpu->bk, &exit, &handler, &entry);
    trace_numbers(bench->trace, TRACE_COST, 0, (const uint64_t[]){handler, 0}, 2, NULL, 0);
}

static void record_injection(struct bench *bench)
{
    struct bk_vcpu *bk = bench->vcpu->bk;
    const uint64_t info = bk_vmread(bk, VMCS_VM_ENTRY_INTR_INFO_FIELD);
    if ((info >> 31 & 1) == 0)
        return;
    const uint64_t number[] = {info, bk_vmread(bk, VMCS_VM_ENTRY_EXCEPTION_ERROR_CODE), bk_vmread(bk, VMCS_VM_ENTRY_INSTRUCTION_LEN)};
    trace_numbers(bench->trace, TRACE_INJECT, 0, number, 3, NULL, 0);
}

static void record_entry_failure(struct bench *bench, uint64_t kind, uint64_t number)
{
    record_rule(bench);
    const uint64_t numbers[] = {kind, number, bk_tsc(bench->vcpu->bk) - bench->tsc_start};
    trace_numbers(bench->trace, TRACE_ENTRY_FAIL, 0, numbers, 3, NULL, 0);
}

static uint64_t guest_efer(struct bk_vcpu *bk)
{
    uint64_t efer;
    if ((bk_vmread(bk, VMCS_VM_EXIT_CONTROLS) & VMX_EXITCTL_SAVE_EFER) != 0 || !bk_guest_msr(bk, MSR_EFER, &efer))
        return bk_vmread(bk, VMCS_GUEST_IA32_EFER);
    return efer;
}

static void record_final(struct bench *bench)
{
    struct bk_vcpu *bk = bench->vcpu->bk;
    uint64_t number[TRACE_NUMBERS_MAX] = {bk_vmread(bk, VMCS_GUEST_RIP),
                                          bk_vmread(bk, VMCS_GUEST_RSP),
                                          bk_vmread(bk, VMCS_GUEST_RFLAGS),
                                          bk_vmread(bk, VMCS_GUEST_CR0),
                                          bk_vmread(bk, VMCS_GUEST_CR3),
                                          bk_vmread(bk, VMCS_GUEST_CR4),
                                          guest_efer(bk)};
    bench_registers(bk, number + 7);
    trace_numbers(bench->trace, TRACE_FINAL, 0, number, TRACE_NUMBERS_MAX, NULL, 0);
}

static void record_memory(struct bench *bench)
{
    uint8_t bytes[1024];
    struct packed_reader reader = bench->setup.plan.records;
    struct packed_record record;
    while (bench_next_of(&reader, PACKED_DUMP, &record)) {
        const uint64_t first = packed_u64(&record, 0), size = packed_u64(&record, 8);
        for (uint64_t at = 0; at < size; at += sizeof bytes) {
            const uint32_t part = (uint32_t)(size - at < sizeof bytes ? size - at : sizeof bytes);
            if (hv_guest_read(&bench->vm, first + at, bytes, part))
                trace_numbers(bench->trace, TRACE_MEMORY, 0, (const uint64_t[]){first + at}, 1, bytes, part);
        }
    }
}

static void record_end(struct bench *bench)
{
    const struct bench_result *result = bench->result;
    struct bk_vcpu *bk = bench->vcpu->bk;
    uint32_t length = 0;
    while (result->text[length] != '\0')
        length++;
    const uint64_t number[] = {result->exits, bk_retired(bk) - bench->retired_start, bk_tsc(bk) - bench->tsc_start, result->stop};
    trace_numbers(bench->trace, TRACE_END, 0, number, 4, result->text, length);
}

/* ---- one round ---- */
static void act(struct bench *bench, enum hv_action action)
{
    switch (action) {
    case HV_RESUME:
        return;
    case HV_HALTED:
        if (!bench->have_step || is_expectation(&bench->step))
            stop(bench, TRACE_STOP_HALTED, "the guest halted and nothing will wake it");
        return;
    case HV_POWER_OFF:
        stop(bench, TRACE_STOP_POWER_OFF, NULL);
        return;
    case HV_STOP:
        stop(bench, TRACE_STOP_HANDLER, bench->vcpu->stop_reason);
        return;
    }
}

static void after_exit(struct bench *bench)
{
    struct hv_exit exit;
    record_rule(bench);
    record_exit(bench);
    bench->result->exits++;
    bk_charge(bench->machine, true);
    hv_decode_exit(bench->vcpu, &exit);
    const bool failure_expected = consume(bench, exit.entry_failed ? STEP_EXPECT_ENTRY_FAILURE : STEP_EXPECT);
    const enum hv_action action = exit.entry_failed && failure_expected ? HV_RESUME : hv_handle(bench->vcpu, &exit);
    bk_charge(bench->machine, false);
    if (steps_done(bench))
        stop(bench, TRACE_STOP_STEPS, NULL);
    else if (exit.entry_failed && !failure_expected)
        stop(bench, TRACE_STOP_ENTRY_FAIL, bench->vcpu->stop_reason);
    else
        act(bench, action);
    if (bench->finished)
        record_costs(bench);
}

/* VMfail, or a fault of VMLAUNCH or VMRESUME. */
static void after_entry_failure(struct bench *bench, uint64_t kind, uint64_t number, const char *text)
{
    record_entry_failure(bench, kind, number);
    if (!consume(bench, STEP_EXPECT_ENTRY_FAILURE)) {
        stop(bench, TRACE_STOP_ENTRY_FAIL, text);
        if (number != 0) {
            bench_say_more(bench->result, ", VM-instruction error ");
            bench_say_number(bench->result, number);
        }
    } else if (steps_done(bench)) {
        stop(bench, TRACE_STOP_STEPS, NULL);
    }
}

static void round_trip(struct bench *bench)
{
    struct bk_vcpu *bk = bench->vcpu->bk;
    uint64_t exit_cost, handler_cost, entry_cost;
    bk_charge(bench->machine, true);
    hv_prepare_entry(bench->vcpu);
    bk_charge(bench->machine, false);
    record_injection(bench);
    bk_costs(bk, &exit_cost, &handler_cost, &entry_cost);
    bk_charge(bench->machine, true);
    const enum bk_entered entered = bk_enter(bk);
    bk_charge(bench->machine, false);
    if (bench->result->exits != 0) {
        uint64_t ignored;
        bk_costs(bk, &exit_cost, &ignored, &entry_cost);
        trace_numbers(bench->trace, TRACE_COST, 0, (const uint64_t[]){handler_cost, entry_cost}, 2, NULL, 0);
    }
    switch (entered) {
    case BK_EXITED:
        after_exit(bench);
        return;
    case BK_FAIL_VALID:
        after_entry_failure(bench, 1, bk_vmread(bk, VMCS_VM_INSTRUCTION_ERROR), "VM entry failed: VMfailValid");
        return;
    case BK_FAIL_INVALID:
        after_entry_failure(bench, 0, 0, "VM entry failed: VMfailInvalid");
        return;
    case BK_FAULT:
        after_entry_failure(bench, 2, 0, "VM entry failed: the instruction faults");
        return;
    case BK_ASLEEP:
        stop(bench, TRACE_STOP_HALTED, "the guest halted without a VM exit and nothing will wake it");
        return;
    case BK_LIMIT:
        stop(bench, TRACE_STOP_LIMIT, "the limit of guest instructions was reached");
        return;
    case BK_HOST_ERROR:
        stop(bench, TRACE_STOP_HOST_ERROR, bk_error(bench->machine));
        return;
    }
}

static void run(struct bench *bench)
{
    struct bk_vcpu *bk = bench->vcpu->bk;
    bk_charge(bench->machine, false);
    bk_set_limit(bench->machine, bench->setup.plan.limit);
    bench->tsc_start = bk_tsc(bk);
    bench->retired_start = bench->retired = bk_retired(bk);
    next_step(bench);
    apply_stimuli(bench);
    while (!bench->finished) {
        round_trip(bench);
        apply_stimuli(bench);
    }
    record_final(bench);
    record_memory(bench);
    record_end(bench);
    bk_charge(bench->machine, true);
}

bool bench_run(struct bk_machine *machine, const void *packed, uint64_t size, const char *machine_name, struct trace_writer *trace,
               struct bench_result *result)
{
    struct bench bench = {.machine = machine, .trace = trace, .result = result};
    *result = (struct bench_result){.stop = TRACE_STOP_HOST_ERROR};
    bench.setup = (struct bench_setup){.machine = machine, .vm = &bench.vm, .result = result};
    if (!bench_read_plan(&bench.setup.plan, packed, size, result) || !bench_prepare_plan(&bench.setup))
        return false;
    bench.vcpu = &bench.vm.vcpu[0];
    bench.steps = bench.setup.plan.records;
    bench.extended_ept_information = (bk_capability(machine, MSR_EPT_VPID_CAP) & VMX_EPTCAP_ADV_EPT_INFO) != 0;
    bench.vm.output = on_output;
    bench.vm.report = on_report;
    bench.vm.context = &bench;
    trace_scenario(trace, bench.setup.plan.crc, bench.setup.plan.name, bench.setup.plan.profile, machine_name);
    run(&bench);
    return true;
}

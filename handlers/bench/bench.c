/* SPDX-License-Identifier: MIT */
/* The run loop: enters, records, steps through expectations and stimuli, lets the handlers answer. Several vCPUs take turns in the order of their numbers. */
#include "run.h"

enum { MSR_EPT_VPID_CAP = 0x48c, TURN = 1000 /* instructions, exits and event deliveries */ };

static bool is_expectation(const struct packed_step *step)
{
    return step->kind == STEP_EXPECT || step->kind == STEP_EXPECT_ENTRY_FAILURE;
}

/* The next of this vCPU. */
static void next_step(struct bench_cpu *cpu)
{
    struct packed_record record;
    do
        cpu->have_step = bench_next_of(&cpu->steps, PACKED_STEP, &record) && packed_step_of(&record, &cpu->step, &cpu->extra);
    while (cpu->have_step && cpu->step.vcpu != cpu->vcpu->index);
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

static void on_interrupt(void *context, unsigned vcpu, unsigned physical_cpu, uint8_t vector, unsigned target, bool merged)
{
    struct bench *bench = context;
    trace_numbers(bench->trace, TRACE_INTERRUPT, (uint8_t)vcpu, (const uint64_t[]){vector, physical_cpu, target, merged}, 4, NULL, 0);
}

/* ---- steps ---- */
/* Those stimuli that stand before the next expectation of this vCPU. */
static void apply_stimuli(struct bench *bench, struct bench_cpu *cpu)
{
    for (; cpu->have_step && !is_expectation(&cpu->step) && !bench->finished; next_step(cpu)) {
        const uint64_t number[] = {cpu->step.kind, cpu->step.a, cpu->step.b};
        trace_numbers(bench->trace, TRACE_STIMULUS, bench_cpu_number(cpu), number, 3, NULL, 0);
        if (!bench_stimulate(&bench->vm, &cpu->step, cpu->extra, bench->result))
            stop(bench, TRACE_STOP_HOST_ERROR, NULL);
    }
}

/* An exit or an entry failure uses up one expectation, be it met or not: the judge decides. True: it was one of the given kind. */
static bool consume(struct bench_cpu *cpu, enum packed_step_kind kind)
{
    const bool expected = cpu->have_step && cpu->step.kind == (uint32_t)kind;
    if (cpu->have_step)
        next_step(cpu);
    return expected;
}

static bool steps_done(const struct bench *bench)
{
    for (unsigned i = 0; i < bench->cpus; i++)
        if (bench->cpu[i].have_step)
            return false;
    return !bench->setup.plan.rest_any;
}

/* ---- one round trip ---- */
static void act(struct bench *bench, struct bench_cpu *cpu, enum hv_action action)
{
    switch (action) {
    case HV_RESUME:
        return;
    case HV_HALTED:
        if (bench->cpus != 1)
            cpu->halted = true;
        else if (!cpu->have_step || is_expectation(&cpu->step))
            stop(bench, TRACE_STOP_HALTED, "the guest halted and nothing will wake it");
        return;
    case HV_POWER_OFF:
        stop(bench, TRACE_STOP_POWER_OFF, NULL);
        return;
    case HV_STOP:
        stop(bench, TRACE_STOP_HANDLER, cpu->vcpu->stop_reason);
        return;
    }
}

static void after_exit(struct bench *bench, struct bench_cpu *cpu)
{
    struct hv_exit exit;
    bench_log_exit(bench, cpu);
    bench->result->exits++;
    bk_charge(bench->machine, true);
    hv_decode_exit(cpu->vcpu, &exit);
    const bool failure_expected = consume(cpu, exit.entry_failed ? STEP_EXPECT_ENTRY_FAILURE : STEP_EXPECT);
    const enum hv_action action = exit.entry_failed && failure_expected ? HV_RESUME : hv_handle(cpu->vcpu, &exit);
    bk_charge(bench->machine, false);
    if (exit.entry_failed && !failure_expected)
        stop(bench, TRACE_STOP_ENTRY_FAIL, cpu->vcpu->stop_reason);
    else if (steps_done(bench))
        stop(bench, TRACE_STOP_STEPS, NULL);
    else
        act(bench, cpu, action);
}

/* VMfail, or a fault of VMLAUNCH or VMRESUME. */
static void after_entry_failure(struct bench *bench, struct bench_cpu *cpu, uint64_t kind, uint64_t number, const char *text)
{
    bench_log_entry_failure(bench, cpu, kind, number);
    if (!consume(cpu, STEP_EXPECT_ENTRY_FAILURE)) {
        stop(bench, TRACE_STOP_ENTRY_FAIL, text);
        if (number != 0) {
            bench_say_more(bench->result, ", VM-instruction error ");
            bench_say_number(bench->result, number);
        }
    } else if (steps_done(bench)) {
        stop(bench, TRACE_STOP_STEPS, NULL);
    }
}

/* A preempted guest goes on where it is; any other is entered. */
static enum bk_entered enter(struct bench *bench, struct bench_cpu *cpu)
{
    struct bk_vcpu *bk = cpu->vcpu->bk;
    uint64_t exit_cost, handler_cost, entry_cost;
    if (!cpu->preempted) {
        bk_charge(bench->machine, true);
        hv_prepare_entry(cpu->vcpu);
        bk_charge(bench->machine, false);
        bench_log_injection(bench, cpu);
    }
    bk_costs(bk, &exit_cost, &handler_cost, &entry_cost);
    bk_charge(bench->machine, true);
    const enum bk_entered entered = bk_enter(bk);
    bk_charge(bench->machine, false);
    bench_log_costs(bench, cpu, true, handler_cost);
    return entered;
}

/* True: the vCPU goes on; false: its turn is over. */
static bool round_trip(struct bench *bench, struct bench_cpu *cpu)
{
    struct bk_vcpu *bk = cpu->vcpu->bk;
    const enum bk_entered entered = enter(bench, cpu);
    cpu->preempted = false;
    switch (entered) {
    case BK_EXITED:
        after_exit(bench, cpu);
        break;
    case BK_FAIL_VALID:
        after_entry_failure(bench, cpu, 1, bk_vmread(bk, VMCS_VM_INSTRUCTION_ERROR), "VM entry failed: VMfailValid");
        break;
    case BK_FAIL_INVALID:
        after_entry_failure(bench, cpu, 0, 0, "VM entry failed: VMfailInvalid");
        break;
    case BK_FAULT:
        after_entry_failure(bench, cpu, 2, 0, "VM entry failed: the instruction faults");
        break;
    case BK_PREEMPTED:
        cpu->preempted = true;
        return false;
    case BK_PAUSED:
        cpu->preempted = true;
        bench->paused = true;
        return true;
    case BK_ASLEEP:
        cpu->preempted = cpu->asleep = true;
        if (bench->cpus == 1)
            stop(bench, TRACE_STOP_HALTED, "the guest halted without a VM exit and nothing will wake it");
        return false;
    case BK_LIMIT:
        stop(bench, TRACE_STOP_LIMIT, "the limit of guest instructions was reached");
        break;
    case BK_HOST_ERROR:
        stop(bench, TRACE_STOP_HOST_ERROR, bk_error(bench->machine));
        break;
    }
    apply_stimuli(bench, cpu);
    return !bench->finished && !cpu->halted;
}

/* ---- turns ---- */
static bool pause_is_due(struct bench *bench)
{
    bench->paused |= bench->result->exits >= bench->pause_after_exits;
    return bench->paused;
}

/* False: the vCPU sleeps. */
static bool begin_turn(struct bench *bench, struct bench_cpu *cpu)
{
    if (cpu->halted && hv_wait(cpu->vcpu) == HV_HALTED)
        return false;
    cpu->halted = cpu->asleep = false;
    if (bench->cpus != 1)
        bk_set_turn(cpu->vcpu->bk, TURN);
    bench->in_turn = true;
    bench->exits_before_turn = bench->result->exits;
    return true;
}

static void end_turn(struct bench *bench, struct bench_cpu *cpu)
{
    if (cpu->cost_due && (cpu->halted || bench->finished)) {
        uint64_t exit, handler, entry;
        bk_costs(cpu->vcpu->bk, &exit, &handler, &entry);
        bench_log_costs(bench, cpu, false, handler);
    }
    bench->in_turn = false;
    bench->any_acted |= !cpu->asleep || bench->result->exits != bench->exits_before_turn;
    bench->turn++;
}

/* A turn that a pause interrupts goes on later. */
static void take_turn(struct bench *bench, struct bench_cpu *cpu)
{
    if (!bench->in_turn && !begin_turn(bench, cpu)) {
        bench->turn++;
        return;
    }
    while (round_trip(bench, cpu))
        if (pause_is_due(bench))
            return;
    end_turn(bench, cpu);
}

/* All sleep: time passes until something wakes one of them. */
static void pass_time(struct bench *bench)
{
    uint64_t deadline = UINT64_MAX;
    uint32_t sleepers = 0;
    for (unsigned i = 0; i < bench->cpus; i++) {
        const struct bench_cpu *cpu = &bench->cpu[i];
        sleepers |= 1u << i;
        const uint64_t due = cpu->halted ? hv_wait_deadline(cpu->vcpu) : UINT64_MAX;
        deadline = due < deadline ? due : deadline;
    }
    if (!bk_wait(bench->machine, sleepers, deadline))
        stop(bench, TRACE_STOP_HALTED, "every virtual CPU sleeps and nothing will wake one");
}

static void start(struct bench *bench)
{
    bk_charge(bench->machine, false);
    bk_set_limit(bench->machine, bench->setup.plan.limit);
    bench->tsc_start = bk_tsc(bench->cpu[0].vcpu->bk);
    for (unsigned i = 0; i < bench->cpus; i++) {
        struct bench_cpu *cpu = &bench->cpu[i];
        cpu->retired_start = cpu->retired = bk_retired(cpu->vcpu->bk);
        next_step(cpu);
        apply_stimuli(bench, cpu);
    }
}

bool bench_continue(struct bench *bench)
{
    bk_charge(bench->machine, false);
    bench->paused = false;
    while (!bench->finished && !pause_is_due(bench)) {
        if (bench->turn < bench->cpus) {
            take_turn(bench, &bench->cpu[bench->turn]);
            continue;
        }
        if (!bench->any_acted)
            pass_time(bench);
        bench->turn = 0;
        bench->any_acted = false;
    }
    if (bench->finished)
        bench_log_end(bench);
    bk_charge(bench->machine, true);
    return bench->finished;
}

void bench_attach(struct bench *bench)
{
    bench->setup.machine = bench->machine;
    bench->setup.vm = &bench->vm;
    bench->setup.result = bench->result;
    bench->vm.output = on_output;
    bench->vm.report = on_report;
    bench->vm.interrupt = on_interrupt;
    bench->vm.context = bench;
}

bool bench_begin(struct bench *bench, struct bk_machine *machine, const void *packed, uint64_t size, const char *machine_name,
                 struct trace_writer *trace, struct bench_result *result)
{
    *bench = (struct bench){.machine = machine, .trace = trace, .result = result, .pause_after_exits = UINT64_MAX};
    *result = (struct bench_result){.stop = TRACE_STOP_HOST_ERROR};
    bench_attach(bench);
    if (!bench_read_plan(&bench->setup.plan, packed, size, result) || !bench_prepare_plan(&bench->setup))
        return false;
    bench->cpus = bench->setup.plan.vcpus;
    for (unsigned i = 0; i < bench->cpus; i++)
        bench->cpu[i] = (struct bench_cpu){.vcpu = &bench->vm.vcpu[i], .steps = bench->setup.plan.records};
    bench->extended_ept_information = (bk_capability(machine, MSR_EPT_VPID_CAP) & VMX_EPTCAP_ADV_EPT_INFO) != 0;
    bench_attach(bench);
    trace_scenario(trace, bench->setup.plan.crc, bench->setup.plan.name, bench->setup.plan.profile, machine_name);
    start(bench);
    return true;
}

bool bench_run(struct bk_machine *machine, const void *packed, uint64_t size, const char *machine_name, struct trace_writer *trace,
               struct bench_result *result)
{
    struct bench bench;
    if (!bench_begin(&bench, machine, packed, size, machine_name, trace, result))
        return false;
    while (!bench_continue(&bench))
        continue;
    return true;
}

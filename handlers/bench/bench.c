/* SPDX-License-Identifier: MIT */
/* The run loop: enters, records, steps through expectations and stimuli, lets the handlers answer. With several vCPUs the machine says whose turn it is, and
   every VM exit is handled when its time has come, so that what it does to others is in nobody's past. */
#include "../../vmx-model/registers.h"
#include "run.h"

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
        const uint8_t whom = cpu->step.kind == STEP_MOVE ? (uint8_t)cpu->step.c : bench_cpu_number(cpu);
        trace_numbers(bench->trace, TRACE_STIMULUS, whom, number, 3, NULL, 0);
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
        if (!bench->alone)
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
    cpu->exited = false;
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
    } else {
        hv_resume(cpu->vcpu);
    }
    bk_costs(bk, &exit_cost, &handler_cost, &entry_cost);
    bk_charge(bench->machine, true);
    const enum bk_entered entered = bk_enter(bk);
    bk_charge(bench->machine, false);
    bench_log_costs(bench, cpu, true, handler_cost);
    return entered;
}

/* The vCPU goes into its guest, up to its next exit. */
static void run_guest(struct bench *bench, struct bench_cpu *cpu)
{
    struct bk_vcpu *bk = cpu->vcpu->bk;
    const enum bk_entered entered = enter(bench, cpu);
    cpu->preempted = entered == BK_PREEMPTED || entered == BK_PAUSED || entered == BK_ASLEEP;
    if (!cpu->preempted)
        hv_left_guest(cpu->vcpu);
    switch (entered) {
    case BK_EXITED:
        cpu->exited = true;
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
        break;
    case BK_PAUSED:
        bench->paused = true;
        break;
    case BK_ASLEEP:
        cpu->asleep = true;
        if (bench->alone)
            stop(bench, TRACE_STOP_HALTED, "the guest halted without a VM exit and nothing will wake it");
        break;
    case BK_LIMIT:
        stop(bench, TRACE_STOP_LIMIT, "the limit of guest instructions was reached");
        break;
    case BK_HOST_ERROR:
        stop(bench, TRACE_STOP_HOST_ERROR, bk_error(bench->machine));
        break;
    }
    if (!cpu->exited && !cpu->preempted)
        apply_stimuli(bench, cpu);
}

/* ---- turns ---- */
static bool pause_is_due(struct bench *bench)
{
    bench->paused |= bench->result->exits >= bench->pause_after_exits;
    return bench->paused;
}

static bool can_go_on(const struct bench_cpu *cpu)
{
    return !cpu->halted && !cpu->asleep;
}

/* One that is halted in root operation is looked after by its hypervisor. */
static void look_at_sleeper(struct bench *bench, struct bench_cpu *cpu)
{
    if (can_go_on(cpu))
        return;
    if (cpu->asleep) {
        cpu->asleep = !bk_stirs(cpu->vcpu->bk);
        return;
    }
    bk_charge(bench->machine, true);
    (void)hv_moves(cpu->vcpu);
    bk_charge(bench->machine, false);
    cpu->halted = hv_wait(cpu->vcpu) == HV_HALTED;
}

static uint32_t those_that_can_go_on(const struct bench *bench)
{
    uint32_t ready = 0;
    for (unsigned i = 0; i < bench->cpus; i++)
        ready |= can_go_on(&bench->cpu[i]) ? 1u << i : 0;
    return ready;
}

/* The host itself takes what arrives at physical CPUs that no vCPU is bound to. */
static void look_at_empty_cpus(struct bench *bench)
{
    uint32_t bound = 0;
    for (unsigned i = 0; i < bench->cpus; i++)
        bound |= 1u << bk_physical_cpu(bench->cpu[i].vcpu->bk);
    for (unsigned i = 0; i < bk_physical_cpus(bench->machine); i++)
        if ((bound >> i & 1) == 0)
            hv_host_takes(&bench->vm, i);
}

/* Time passes where all sleep, and wakes them. False: none will ever wake. */
static bool let_sleepers_wake(struct bench *bench)
{
    uint64_t deadline[BENCH_VCPUS];
    const uint32_t ready = those_that_can_go_on(bench), sleepers = ((1u << bench->cpus) - 1) & ~ready;
    for (unsigned i = 0; i < bench->cpus; i++)
        deadline[i] = bench->cpu[i].halted ? hv_wait_deadline(bench->cpu[i].vcpu) : UINT64_MAX;
    if (!bk_wait(bench->machine, ready, sleepers, deadline))
        return false;
    look_at_empty_cpus(bench);
    for (unsigned i = 0; i < bench->cpus; i++)
        look_at_sleeper(bench, &bench->cpu[i]);
    return true;
}

/* Whose turn is next. False: all sleep for good. */
static bool begin_turn(struct bench *bench)
{
    bench->in_turn = true;
    bench->turn = 0;
    if (bench->alone)
        return true;
    for (uint32_t ready = 0; ready == 0;) {
        if (!let_sleepers_wake(bench))
            return false;
        ready = those_that_can_go_on(bench);
        if (ready != 0)
            bench->turn = bk_next(bench->machine, ready, bench->setup.plan.quantum);
    }
    return true;
}

/* The costs of an exit that no entry follows. */
static void end_turn(struct bench *bench, struct bench_cpu *cpu)
{
    if (cpu->cost_due && (cpu->halted || bench->finished)) {
        uint64_t exit, handler, entry;
        bk_costs(cpu->vcpu->bk, &exit, &handler, &entry);
        bench_log_costs(bench, cpu, false, handler);
    }
    bench->in_turn = false;
}

/* False: it sleeps, or it has moved and the clock of another physical CPU counts. */
static bool may_enter(struct bench *bench, struct bench_cpu *cpu)
{
    if (cpu->preempted)
        return true;
    bk_charge(bench->machine, true);
    const bool moved = hv_moves(cpu->vcpu);
    bk_charge(bench->machine, false);
    return !moved && can_go_on(cpu);
}

/* The exit that is due is handled, and the guest goes on up to its next one. A turn that a pause interrupts goes on later. */
static void take_turn(struct bench *bench, struct bench_cpu *cpu)
{
    if (cpu->exited) {
        after_exit(bench, cpu);
        apply_stimuli(bench, cpu);
        if (!bench->alone && !bench->finished && can_go_on(cpu))
            (void)let_sleepers_wake(bench);
        if (!bench->finished && pause_is_due(bench))
            return;
    }
    if (!bench->finished && may_enter(bench, cpu))
        run_guest(bench, cpu);
    if (!bench->paused)
        end_turn(bench, cpu);
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
        if (bench->in_turn || begin_turn(bench))
            take_turn(bench, &bench->cpu[bench->turn]);
        else
            stop(bench, TRACE_STOP_HALTED, "every virtual CPU sleeps and nothing will wake one");
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
    bench->alone = bench->cpus == 1 && bench->setup.plan.physical_cpus == 1;
    for (unsigned i = 0; i < bench->cpus; i++)
        bench->cpu[i] = (struct bench_cpu){.vcpu = &bench->vm.vcpu[i], .steps = bench->setup.plan.records};
    bench->extended_ept_information = (bk_capability(machine, VMX_MSR_VMX_EPT_VPID) & VMX_EPTCAP_ADV_EPT_INFO) != 0;
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

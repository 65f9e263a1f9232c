/* SPDX-License-Identifier: MIT */
/* A run of the bench while it is under way. */
#ifndef BENCH_RUN_H
#define BENCH_RUN_H

#include "internal.h"

/* One vCPU of it, with its own place among the steps. */
struct bench_cpu {
    struct hv_vcpu *vcpu;
    struct packed_reader steps; /* behind the current step */
    struct packed_step step;    /* the current one, when there is one */
    const uint8_t *extra;
    bool have_step;
    bool preempted; /* in VMX non-root operation */
    bool asleep;    /* there, in a state that nothing ends now */
    bool halted;    /* in root operation, where the handler of HLT left it */
    bool exited;    /* its VM exit is not handled yet */
    bool cost_due;  /* the costs of its last exit are not recorded yet */
    uint64_t retired_start, retired;
};

struct bench {
    struct bk_machine *machine;
    struct hv_vm vm;
    struct bench_setup setup;
    struct bench_cpu cpu[BENCH_VCPUS];
    unsigned cpus;
    struct trace_writer *trace;
    struct bench_result *result;
    bool extended_ept_information, finished;
    uint64_t tsc_start;
    bool alone;    /* one vCPU and one physical CPU: no turns */
    unsigned turn; /* whose it is, */
    bool in_turn;  /* when one is under way */
    bool paused;
    uint64_t pause_after_exits; /* bench_continue() returns when the run has had so many VM exits */
};

/* bench_run() in parts, for who looks at a run on its way. Sets everything up to the first VM entry; trace_begin() was called by the caller; all that is
   pointed to outlives `bench`, which may not be moved. False: as bench_run(). */
bool bench_begin(struct bench *bench, struct bk_machine *machine, const void *packed, uint64_t size, const char *machine_name,
                 struct trace_writer *trace, struct bench_result *result);
/* Runs on. True: the run is over and its last record is written. False: it is paused, between two VM exits or where the machine answered BK_PAUSED. */
bool bench_continue(struct bench *bench);
/* Points `bench` to its own parts again, after all else of it was written from outside. */
void bench_attach(struct bench *bench);

/* ---- log.c: what the run writes to the trace ---- */
void bench_log_exit(struct bench *bench, struct bench_cpu *cpu);
/* Costs of the last exit; `entered`: an entry followed it. `handler` is what the handler had spent before that. */
void bench_log_costs(struct bench *bench, struct bench_cpu *cpu, bool entered, uint64_t handler);
void bench_log_injection(struct bench *bench, const struct bench_cpu *cpu);
void bench_log_entry_failure(struct bench *bench, const struct bench_cpu *cpu, uint64_t kind, uint64_t number);
/* Final state of every vCPU, dumped memory, the end. */
void bench_log_end(struct bench *bench);

static inline uint8_t bench_cpu_number(const struct bench_cpu *cpu)
{
    return (uint8_t)cpu->vcpu->index;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The trace of the exits of a booted hypervisor's guests, in the format of every other trace. */
#ifndef SIM_BOARD_TRACE_H
#define SIM_BOARD_TRACE_H

#include "../handlers/bench/trace.h"
#include "bare.h"

struct sim_board_trace {
    struct trace_writer writer; /* sink and context are the caller's; trace_begin() was called */
    struct bk_machine *machine;
    bool extended_ept_information;
    struct {
        uint64_t retired;    /* at the last VM entry */
        bool exited;         /* the costs of the last exit are not recorded yet */
        uint64_t entry_cost; /* of the entry under way */
    } cpu[SIM_BARE_CPUS_MAX];
    /* A VM entry that fails is told here too, where wanted. */
    void *context;
    void (*explain)(void *context, const struct bk_vcpu *vcpu);
};

/* Records what the machine's processors do in VMX operation from now on; the trace outlives the run. `name` stands for the scenario's. */
void sim_board_trace_start(struct sim_board_trace *trace, struct bk_machine *machine, const char *name);
/* The same for a trace that goes on: its beginning has been written. */
void sim_board_trace_resume(struct sim_board_trace *trace, struct bk_machine *machine);
/* Writes the end. `text`: why the run ended, "" for a clean end. */
void sim_board_trace_end(struct sim_board_trace *trace, enum sim_board_end end, const char *text);

#endif

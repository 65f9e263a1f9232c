/* SPDX-License-Identifier: MIT */
/* The bench on a machine of its own: packed scenarios come in modules, and lines of text tell what becomes of them. */
#ifndef BENCH_MODULES_H
#define BENCH_MODULES_H

#include "bench.h"
#include "console.h"

struct bench_batch {
    struct bk_machine *machine;
    struct console *console;
    struct trace_writer *trace;
    unsigned number, refused; /* scenarios so far; those that did not run */
};
/* Runs the packed scenarios of a module, which stand one after the other. Each is told of by lines:
   "begin N", "note: ...", the dump of bench_dump(), and at last "ran N: why it stopped" or "refused N: why it did not run". */
void bench_run_module(struct bench_batch *batch, const void *module, uint64_t size);

/* ---- dump.c ---- */
/* The VMCS of so many vCPUs in the words of KVM's dump_vmcs; the address of each is its vCPU's number. */
void bench_dump(struct bk_machine *machine, unsigned vcpus, struct console *console);

/* ---- offers.c ---- */
/* What the processor offers, as lines that `vmxbench run --profile` reads: every VMX capability MSR and CPUID leaf. */
void bench_print_offers(const struct bk_machine *machine, struct console *console);

/* ---- measure.c ---- */
/* The least of many measured, in ticks of the time-stamp counter; 0 where the guest cannot run. */
struct bench_transitions {
    uint64_t exit, entry;
};
/* What a VM exit and a VM entry cost. The machine keeps the counter's value right before the last VM entry of vCPU 0 and right behind its last VM exit where
   the pointers say. It is used as a scenario uses it. */
struct bench_transitions bench_measure_transitions(struct bk_machine *machine, const uint64_t *before_entry, const uint64_t *behind_exit);

#endif

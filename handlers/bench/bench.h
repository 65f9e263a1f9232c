/* SPDX-License-Identifier: MIT */
/* The bench: sets a machine up as a packed scenario says, runs it, applies stimuli, writes the trace. The same source on every machine. */
#ifndef BENCH_H
#define BENCH_H

#include "../hypervisor.h"
#include "packed.h"
#include "trace.h"

/* Where the presets put things in guest-physical memory; linear addresses are the same. */
enum {
    BENCH_GDT = 0x1000,
    BENCH_IDT = 0x2000,
    BENCH_TSS = 0x3000,
    BENCH_PAGE_TABLES = 0x4000, /* up to 0x8000 */
    BENCH_CODE = 0x8000,
    BENCH_RING0_STACK_TOP = 0x60000, /* what the TSS holds for a change to CPL 0 */
    BENCH_IST_STACK_TOP = 0x64000,   /* interrupt stack table entry 1 */
    BENCH_STACK_TOP = 0x70000,
    BENCH_MORE_PAGE_TABLES = 0x70000, /* up to 0x80000 */
    BENCH_CODE_SELECTOR = 0x08,
    BENCH_DATA_SELECTOR = 0x10,
    BENCH_TSS_SELECTOR = 0x18,  /* 16 bytes in long mode */
    BENCH_TASK_SELECTOR = 0x20, /* protected mode: a second, available TSS */
    BENCH_USER_CODE_SELECTOR = 0x28,
    BENCH_USER_DATA_SELECTOR = 0x30,
    BENCH_MIN_RAM = 0x80000
};

struct bench_result {
    enum trace_stop stop;
    uint64_t exits;
    char text[96]; /* why, for people; "" when all went as planned */
};

/* Runs one packed scenario to its end; trace_begin() was called by the caller. False: the scenario is malformed or the machine is too small
   (result->text says so, nothing ran). */
bool bench_run(struct bk_machine *machine, const void *packed, uint64_t size, const char *machine_name, struct trace_writer *trace,
               struct bench_result *result);

/* The first half of bench_run(), for tools that look at a VMCS without running it: prepares vCPU 0 of `vm` up to the first VM entry. */
bool bench_prepare(struct bk_machine *machine, const void *packed, uint64_t size, struct hv_vm *vm, struct bench_result *result);

#endif

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
    BENCH_MIN_RAM = 0x80000,
    BENCH_GUEST_BASE = 0x1000000, /* host-physical, on a machine of the bench's own */
    /* vCPU n has a GDT, a TSS and stacks of its own, n strides beyond or below those of vCPU 0 */
    BENCH_GDT_STRIDE = 0x100,
    BENCH_TSS_STRIDE = 0x200,
    BENCH_STACK_STRIDE = 0x1000, /* also of ring-0 stacks */
    BENCH_IST_STRIDE = 0x800
};

/* The first eight bytes of an interrupt gate, all that it has outside 64-bit mode; behind them stand bits 63:32 of the handler. SDM 3A, "IDT Descriptors". */
static inline uint64_t bench_interrupt_gate(uint16_t selector, uint64_t handler, unsigned dpl, unsigned stack_table_entry)
{
    enum { PRESENT_INTERRUPT_GATE = 0x8e };
    const uint64_t attributes = PRESENT_INTERRUPT_GATE | dpl << 5;
    return (handler & 0xffff) | (uint64_t)selector << 16 | (uint64_t)stack_table_entry << 32 | attributes << 40 | (handler >> 16 & 0xffff) << 48;
}

struct bench_result {
    enum trace_stop stop;
    uint64_t exits;
    char text[96]; /* why, for people; "" when all went as planned */
};

/* Runs one packed scenario to its end; trace_begin() was called by the caller. False: the scenario is malformed or the machine is too small
   (result->text says so, nothing ran). */
bool bench_run(struct bk_machine *machine, const void *packed, uint64_t size, const char *machine_name, struct trace_writer *trace,
               struct bench_result *result);

/* The controls that scenarios start from: the least set that the mode needs and the processor takes, by word. `capability` gives the VMX
   capability MSRs, 0 for one that is not there. SDM 3D, "VMX Capability Reporting Facility". */
typedef uint64_t bench_capability(const void *context, uint32_t msr);
void bench_least_controls(bench_capability *capability, const void *context, enum packed_mode mode, uint64_t word[]);
/* Which bits of a word the processor forces to 1 and allows to be 1. */
void bench_allowed_controls(bench_capability *capability, const void *context, unsigned word, uint64_t *must_be_1, uint64_t *may_be_1);

/* The first half of bench_run(), for tools that look at a VMCS without running it: prepares vCPU 0 of `vm` up to the first VM entry. */
bool bench_prepare(struct bk_machine *machine, const void *packed, uint64_t size, struct hv_vm *vm, struct bench_result *result);

#endif

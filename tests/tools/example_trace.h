/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A small trace for the tests of what reads traces. */
#ifndef TESTS_TOOLS_EXAMPLE_TRACE_H
#define TESTS_TOOLS_EXAMPLE_TRACE_H

#include <stdint.h>
#include <string.h>

#include "handlers/bench/packed.h"
#include "handlers/bench/trace.h"
#include "vmx-model/reasons.h"

struct example {
    uint8_t bytes[1 << 16];
    uint32_t size;
    struct trace_writer writer;
    uint64_t ticks;
};

static inline bool example_sink(void *context, const void *bytes, uint32_t size)
{
    struct example *example = context;
    if (size > sizeof example->bytes - example->size)
        return false;
    memcpy(example->bytes + example->size, bytes, size);
    example->size += size;
    return true;
}

static inline void example_begin(struct example *example)
{
    *example = (struct example){.size = 0};
    example->writer = (struct trace_writer){.sink = example_sink, .context = example};
    trace_begin(&example->writer);
}

static inline void example_scenario(struct example *example, const char *name)
{
    example->ticks = 0;
    trace_scenario(&example->writer, 0x12345678, name, "skylake-sp", "sim");
}

struct example_exit {
    uint64_t reason, qualification, guest_instructions, handler;
    uint64_t rax, rcx, rdx;
    uint64_t guest_linear, guest_physical, interruption_info, interruption_error, idt_info;
    uint8_t vcpu, physical_cpu;
    bool no_length; /* no instruction exits */
};

/* The costs of exit and entry are 600 and 500 ticks, as the simulator's; `handler` UINT64_MAX: no entry follows. */
static inline void example_exit(struct example *example, const struct example_exit *e)
{
    uint64_t item[TRACE_ITEM_COUNT] = {0};
    uint64_t gpr[16] = {e->rax, e->rcx, e->rdx};
    const bool entered = e->handler != UINT64_MAX;
    example->ticks += e->guest_instructions;
    item[TRACE_REASON] = e->reason;
    item[TRACE_QUALIFICATION] = e->qualification;
    item[TRACE_RIP] = 0x8000 + example->ticks % 0x1000;
    item[TRACE_RFLAGS] = 2;
    item[TRACE_INSTRUCTION_LENGTH] = e->no_length ? 0 : 2;
    item[TRACE_GUEST_LINEAR] = e->guest_linear;
    item[TRACE_GUEST_PHYSICAL] = e->guest_physical;
    item[TRACE_INTERRUPTION_INFO] = e->interruption_info;
    item[TRACE_INTERRUPTION_ERROR] = e->interruption_error;
    item[TRACE_IDT_INFO] = e->idt_info;
    item[TRACE_PHYSICAL_CPU] = e->physical_cpu;
    item[TRACE_TICKS] = example->ticks;
    item[TRACE_GUEST_INSTRUCTIONS] = e->guest_instructions;
    item[TRACE_COST_EXIT] = 600;
    trace_exit(&example->writer, e->vcpu, item, gpr);
    if (entered)
        trace_numbers(&example->writer, TRACE_COST, e->vcpu, (const uint64_t[]){e->handler, 500}, 2, NULL, 0);
    example->ticks += 600 + (entered ? e->handler + 500 : 0);
}

static inline void example_end(struct example *example, uint64_t exits)
{
    const uint64_t number[] = {exits, 1000, example->ticks, TRACE_STOP_STEPS};
    trace_numbers(&example->writer, TRACE_END, 0, number, 4, "", 0);
}

/* Six exits: CPUID twice, a port write, an EPT violation, an interrupt window with an injection, VMCALL at the end. */
static inline void example_usual(struct example *example)
{
    example_begin(example);
    example_scenario(example, "usual <exits>");
    example_exit(example, &(struct example_exit){.reason = VMX_EXIT_CPUID, .guest_instructions = 10, .handler = 400, .rax = 1});
    example_exit(example, &(struct example_exit){.reason = VMX_EXIT_CPUID, .guest_instructions = 4, .handler = 900, .rax = 7});
    example_exit(example,
                 &(struct example_exit){
                     .reason = VMX_EXIT_IO_INSTRUCTION, .qualification = 0x03f80000, .guest_instructions = 250, .handler = 300, .rax = 0x141});
    trace_numbers(&example->writer, TRACE_OUTPUT, 0, (const uint64_t[]){0x3f8, 0x41}, 2, NULL, 0);
    example_exit(example, &(struct example_exit){.reason = VMX_EXIT_EPT_VIOLATION,
                                                 .qualification = 0x182,
                                                 .guest_instructions = 90000,
                                                 .handler = 5000,
                                                 .guest_linear = 0x7000,
                                                 .guest_physical = 0x10007000});
    trace_numbers(&example->writer, TRACE_STIMULUS, 0, (const uint64_t[]){STEP_QUEUE_INTERRUPT, 0x20, 0}, 3, NULL, 0);
    example_exit(example, &(struct example_exit){.reason = VMX_EXIT_INTERRUPT_WINDOW, .guest_instructions = 1, .handler = 350});
    trace_numbers(&example->writer, TRACE_INJECT, 0, (const uint64_t[]){0x80000020, 0, 0}, 3, NULL, 0);
    example_exit(example, &(struct example_exit){.reason = VMX_EXIT_VMCALL, .guest_instructions = 33, .handler = UINT64_MAX});
    example_end(example, 6);
}

#endif

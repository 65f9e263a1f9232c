/* SPDX-License-Identifier: MIT */
/* Runs every packed scenario of the boot modules, one after the other, and sends traces and verdict lines over COM1. */
#include "console.h"
#include "machine.h"

#include "../bench/modules.h"
#include "../bench/multiboot.h"

#include <stddef.h>

void hw_main(uint32_t magic, uint32_t information);

static struct bk_machine machine;
static struct bench_modules modules;

static void measure(void)
{
    const struct bk_vcpu *vcpu = &machine.vcpu[0];
    machine.cost = bench_measure_transitions(&machine, &vcpu->entry_tsc, &vcpu->exit_tsc);
    console_print(&hw_console, "cpus %u, a VM exit takes %lu ticks, a VM entry %lu\n", machine.cpus, machine.cost.exit, machine.cost.entry);
}

void hw_main(uint32_t magic, uint32_t information)
{
    hw_console_init();
    console_say(&hw_console, "vmxbench-hw 1\n");
    hw_traps_init();
    bench_print_offers(&machine, &hw_console);
    const char *why = bench_take_modules(&modules, 0, magic, information);
    if (why == NULL)
        why = hw_vmx_on(&machine, modules.ram_end);
    if (why != NULL)
        hw_end(why);
    measure();
    struct trace_writer trace = {.sink = console_trace, .context = &hw_console};
    struct bench_batch batch = {.machine = &machine, .console = &hw_console, .trace = &trace};
    trace_begin(&trace);
    for (unsigned i = 0; i < modules.count; i++)
        bench_run_module(&batch, (const void *)(uintptr_t)modules.module[i].address, modules.module[i].size);
    console_say(&hw_console, "end %u scenarios, %u refused\n", batch.number, batch.refused);
    hw_end(NULL);
}

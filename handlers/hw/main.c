/* SPDX-License-Identifier: MIT */
/* Runs every packed scenario of the boot modules, one after the other, and sends traces and verdict lines over COM1. */
#include "console.h"
#include "machine.h"

#include "../bench/modules.h"

#include <string.h>

enum { MULTIBOOT_MAGIC = 0x2badb002, MULTIBOOT_MEMORY = 1 << 0, MULTIBOOT_MODULES = 1 << 3, MODULES_MAX = 64, FIRST_MEGABYTE = 0x100000 };

struct multiboot_info {
    uint32_t flags, lower_kbytes, upper_kbytes, boot_device, command_line, module_count, modules;
};
struct multiboot_module {
    uint32_t start, end, text, reserved;
};
struct module {
    uint8_t *data;
    uint64_t size;
};

void hw_main(uint32_t magic, uint32_t info_address);

static struct bk_machine machine;
static struct module modules[MODULES_MAX];

/* Copies of the loader's words, ordered from the highest address down. */
static unsigned list_modules(const struct multiboot_info *info)
{
    if ((info->flags & MULTIBOOT_MODULES) == 0 || info->module_count == 0)
        console_end("no boot module: give packed scenarios as modules");
    if (info->module_count > MODULES_MAX)
        console_end("more than 64 boot modules: a module may hold many scenarios, one after the other");
    const struct multiboot_module *list = (const void *)(uintptr_t)info->modules;
    for (unsigned i = 0; i < info->module_count; i++) {
        unsigned at = i;
        for (; at > 0 && (uintptr_t)modules[at - 1].data < list[i].start; at--)
            modules[at] = modules[at - 1];
        modules[at] = (struct module){(uint8_t *)(uintptr_t)list[i].start, list[i].end - list[i].start};
    }
    return info->module_count;
}

/* Loaders put modules where pages and guest RAM are to be: moves them to the end of RAM, the highest first. Returns where RAM for guests ends. */
static uint64_t move_modules(unsigned count, uint64_t ram_end)
{
    uint64_t end = ram_end;
    for (unsigned i = 0; i < count; i++) {
        const uint64_t start = (end - modules[i].size) & ~(uint64_t)(HW_PAGE - 1);
        if (modules[i].size > end || start < HW_GUEST_BASE || start < (uintptr_t)modules[i].data)
            console_end("too little memory: scenarios and guest RAM need more than 16 MBytes");
        uint8_t *to = (uint8_t *)(uintptr_t)start;
        memmove(to, modules[i].data, modules[i].size);
        modules[i].data = to;
        end = start;
    }
    return end;
}

static void measure(void)
{
    const struct bk_vcpu *vcpu = &machine.vcpu[0];
    const struct bench_transitions cost = bench_measure_transitions(&machine, &vcpu->entry_tsc, &vcpu->exit_tsc);
    machine.exit_cost = cost.exit;
    machine.entry_cost = cost.entry;
    console_print("cpus %u, a VM exit takes %lu ticks, a VM entry %lu\n", machine.cpus, cost.exit, cost.entry);
}

void hw_main(uint32_t magic, uint32_t info_address)
{
    console_init();
    console_say("vmxbench-hw 1\n");
    hw_traps_init();
    const struct multiboot_info *info = (const void *)(uintptr_t)info_address;
    if (magic != MULTIBOOT_MAGIC || (info->flags & MULTIBOOT_MEMORY) == 0)
        console_end("not started by a multiboot loader that tells the size of memory");
    const uint64_t ram_end = FIRST_MEGABYTE + ((uint64_t)info->upper_kbytes << 10);
    if (ram_end < HW_GUEST_BASE + BENCH_MIN_RAM)
        console_end("too little memory: guest RAM begins at 16 MBytes");
    bench_print_offers(&machine, console_print);
    const unsigned count = list_modules(info);
    const uint64_t guest_end = move_modules(count, ram_end);
    if (!hw_apic_init())
        console_end("the processor has no enabled local APIC");
    const char *why = hw_vmx_on(&machine, guest_end);
    if (why != NULL)
        console_end(why);
    measure();
    static const struct bench_voice voice = {console_print, console_say};
    struct trace_writer trace = {.sink = console_trace};
    struct bench_batch batch = {.machine = &machine, .voice = &voice, .trace = &trace};
    trace_begin(&trace);
    for (unsigned i = count; i-- > 0;)
        bench_run_module(&batch, modules[i].data, modules[i].size);
    console_say("end %u scenarios, %u refused\n", batch.number, batch.refused);
    console_end(NULL);
}

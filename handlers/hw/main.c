/* SPDX-License-Identifier: MIT */
/* Runs every packed scenario of the boot modules, one after the other, and sends traces and verdict lines over COM1. */
#include "console.h"
#include "machine.h"
#include "x86.h"

#include "../bench/bench.h"

#include <stddef.h>
#include <string.h>

enum {
    MULTIBOOT_MAGIC = 0x2badb002,
    MULTIBOOT_MEMORY = 1 << 0,
    MULTIBOOT_MODULES = 1 << 3,
    MODULES_MAX = 64,
    FIRST_MEGABYTE = 0x100000,
    PACKED_TOTAL_AT = 8 /* of the packed header: bytes in all */
};

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

static void report(const char *verdict, unsigned number, const char *text)
{
    if (text[0] != '\0')
        console_say("%s %u: %s\n", verdict, number, text);
    else
        console_print("%s %u\n", verdict, number);
}

/* One scenario: "ran N: why it stopped", or "refused N: why it did not run". */
static bool run(const uint8_t *data, uint64_t size, unsigned number, struct trace_writer *trace)
{
    struct bench_result result;
    memset(&result, 0, sizeof result);
    report("begin", number, "");
    hw_machine_reset(&machine);
    const bool ran = bench_run(&machine, data, size, "hw", trace, &result);
    if (ran && result.stop == TRACE_STOP_ENTRY_FAIL)
        hw_name_unsupported(&machine);
    if (ran && (result.stop == TRACE_STOP_ENTRY_FAIL || result.stop == TRACE_STOP_HANDLER || result.stop == TRACE_STOP_HOST_ERROR))
        hw_dump(&machine);
    report(ran ? "ran" : "refused", number, result.text);
    return ran;
}

/* A module holds packed scenarios one after the other; each says its size. */
static void run_module(const struct module *module, struct trace_writer *trace, unsigned *number, unsigned *refused)
{
    uint64_t at = 0;
    while (at < module->size) {
        uint64_t size = module->size - at;
        uint32_t total = 0;
        if (size >= PACKED_HEADER_BYTES)
            memcpy(&total, module->data + at + PACKED_TOTAL_AT, sizeof total);
        if (total < PACKED_HEADER_BYTES || total > size) {
            report("refused", (*number)++, "a corrupted module: no packed scenario where one should begin");
            (*refused)++;
            return;
        }
        if (!run(module->data + at, total, (*number)++, trace))
            (*refused)++;
        at += total;
    }
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
    hw_print_capabilities();
    const unsigned count = list_modules(info);
    const uint64_t guest_end = move_modules(count, ram_end);
    if (!hw_apic_init())
        console_end("the processor has no enabled local APIC");
    const char *why = hw_vmx_on(&machine, guest_end);
    if (why != NULL)
        console_end(why);
    hw_measure_transitions(&machine);
    console_print("cpus %u, a VM exit takes %lu ticks, a VM entry %lu\n", machine.cpus, machine.exit_cost, machine.entry_cost);
    struct trace_writer trace = {.sink = console_trace};
    trace_begin(&trace);
    unsigned number = 0, refused = 0;
    for (unsigned i = count; i-- > 0;)
        run_module(&modules[i], &trace, &number, &refused);
    console_say("end %u scenarios, %u refused\n", number, refused);
    console_end(NULL);
}

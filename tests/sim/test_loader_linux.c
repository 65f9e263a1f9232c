/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guest = linux { }: what the kernel finds in memory and registers, and what is refused. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "handlers/bench/packed.h"
#include "sim/scenario.h"
#include "tests/support/suite.h"
#include "vmx-model/state.h"
#include "vmx-model/vmcs.h"

enum { SETUP_BYTES = 5 * 512, KERNEL_BYTES = SETUP_BYTES + 0x3000, RAM = 4 << 20 };

static struct sim_scenario *scenarios;
static size_t count;
static struct sim_error error;
static uint8_t kernel[KERNEL_BYTES], ram[RAM];
static char kernel_path[] = "/tmp/vmxbench-kernel-XXXXXX", initrd_path[] = "/tmp/vmxbench-initrd-XXXXXX";

static void put32(unsigned at, uint32_t value)
{
    memcpy(kernel + at, &value, 4);
}

/* Boot protocol 2.12, loaded at 1 MByte. */
static void make_kernel(void)
{
    memset(kernel, 0, sizeof kernel);
    memset(kernel + SETUP_BYTES, 0x90, sizeof kernel - SETUP_BYTES);
    kernel[0x1f1] = 4;
    kernel[0x1fe] = 0x55;
    kernel[0x1ff] = 0xaa;
    kernel[0x200] = 0xeb;
    kernel[0x201] = 0x66;
    memcpy(kernel + 0x202, "HdrS\x0c\x02", 6);
    kernel[0x211] = 1;
    put32(0x214, 0x100000);
    put32(0x22c, 0x37ffffff);
    put32(0x238, 20);
    put32(0x260, 0x10000);
}

static void write_to(char *path, const void *bytes, size_t size)
{
    const int fd = strchr(path, 'X') != NULL ? mkstemp(path) : -1;
    FILE *file = fd >= 0 ? fdopen(fd, "wb") : fopen(path, "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static bool load(const char *linux_keys, const char *other_keys, size_t kernel_bytes)
{
    char path[] = "/tmp/vmxbench-test-XXXXXX", text[1024];
    write_to(kernel_path, kernel, kernel_bytes);
    write_to(initrd_path, "initial files", 13);
    snprintf(text, sizeof text,
             "local kernel, initrd = file '%s', file '%s'\nreturn scenario { name = 'x', guest_ram = '4M',\n guest = linux { %s }, %s }", kernel_path,
             initrd_path, linux_keys, other_keys);
    write_to(path, text, strlen(text));
    const bool good = sim_scenario_load(path, NULL, 0, &scenarios, &count, &error);
    unlink(path);
    return good;
}

static void fill_ram(void)
{
    struct packed_reader reader;
    struct packed_record record;
    CU_ASSERT_PTR_NULL_FATAL(packed_open(&reader, scenarios[0].packed, scenarios[0].packed_size));
    memset(ram, 0, sizeof ram);
    while (packed_next(&reader, &record))
        if (record.kind == PACKED_MEMORY)
            memcpy(ram + packed_u64(&record, 0), record.payload + 8, record.size - 8);
}

static uint64_t field(enum vmcs_field wanted)
{
    struct packed_reader reader;
    struct packed_record record;
    uint64_t value = UINT64_MAX;
    CU_ASSERT_PTR_NULL_FATAL(packed_open(&reader, scenarios[0].packed, scenarios[0].packed_size));
    while (packed_next(&reader, &record))
        if (record.kind == PACKED_FIELD && packed_u32(&record, 0) == vmcs_fields[wanted].encoding)
            value = packed_u64(&record, 8);
    return value;
}

static uint64_t register_rsi(void)
{
    struct packed_reader reader;
    struct packed_record record;
    CU_ASSERT_PTR_NULL_FATAL(packed_open(&reader, scenarios[0].packed, scenarios[0].packed_size));
    while (packed_next(&reader, &record))
        if (record.kind == PACKED_REGISTER && packed_u32(&record, 0) == VMX_RSI)
            return packed_u64(&record, 8);
    return 0;
}

static uint64_t number(uint64_t at, unsigned size)
{
    uint64_t value = 0;
    memcpy(&value, ram + at, size);
    return value;
}

static void the_kernel_stands_at_its_address(void)
{
    make_kernel();
    CU_ASSERT_TRUE_FATAL(load("kernel = kernel", "", sizeof kernel));
    fill_ram();
    CU_ASSERT_EQUAL(memcmp(ram + 0x100000, kernel + SETUP_BYTES, sizeof kernel - SETUP_BYTES), 0);
    CU_ASSERT_EQUAL(field(VMCS_GUEST_RIP), 0x100000);
    CU_ASSERT_EQUAL(field(VMCS_GUEST_CS_SELECTOR), 0x10);
    CU_ASSERT_EQUAL(field(VMCS_GUEST_SS_SELECTOR), 0x18);
    CU_ASSERT_EQUAL(field(VMCS_GUEST_DS_LIMIT), UINT32_MAX);
    CU_ASSERT_EQUAL(number(field(VMCS_GUEST_GDTR_BASE) + 0x10, 8), UINT64_C(0x00cf9b000000ffff));
    CU_ASSERT_EQUAL(number(field(VMCS_GUEST_GDTR_BASE) + 0x18, 8), UINT64_C(0x00cf93000000ffff));
    CU_ASSERT_EQUAL(scenarios[0].code_bits, 32);
    sim_scenario_free(scenarios, count);
}

static void the_zero_page_tells_of_the_machine(void)
{
    make_kernel();
    CU_ASSERT_TRUE_FATAL(load("kernel = kernel, append = 'quiet one=1'", "vcpus = 2", sizeof kernel));
    fill_ram();
    const uint64_t page = register_rsi();
    CU_ASSERT_EQUAL(memcmp(ram + page + 0x202, "HdrS", 4), 0);
    CU_ASSERT_EQUAL(ram[page + 0x210], 0xff);
    CU_ASSERT_EQUAL(number(page + 0x002, 2), 3 * 1024);
    CU_ASSERT_STRING_EQUAL((const char *)ram + number(page + 0x228, 4), "quiet one=1");
    CU_ASSERT_EQUAL(ram[page + 0x1e8], 5);
    CU_ASSERT_EQUAL(number(page + 0x2d0 + 3 * 20, 8), 0x100000);
    CU_ASSERT_EQUAL(number(page + 0x2d0 + 3 * 20 + 8, 8), 0x300000);
    CU_ASSERT_EQUAL(number(page + 0x2d0 + 3 * 20 + 16, 4), 1);
    CU_ASSERT_EQUAL(memcmp(ram + number(page + 0x70, 8), "RSD PTR ", 8), 0);
    CU_ASSERT_EQUAL(number(page + 0x218, 8), 0); /* no initrd */
    sim_scenario_free(scenarios, count);
}

static void an_initrd_stands_at_the_end_of_memory(void)
{
    make_kernel();
    CU_ASSERT_TRUE_FATAL(load("kernel = kernel, initrd = initrd", "", sizeof kernel));
    fill_ram();
    const uint64_t page = register_rsi();
    CU_ASSERT_EQUAL(number(page + 0x218, 4), RAM - 4096);
    CU_ASSERT_EQUAL(number(page + 0x21c, 4), 13);
    CU_ASSERT_EQUAL(memcmp(ram + RAM - 4096, "initial files", 13), 0);
    sim_scenario_free(scenarios, count);
    put32(0x22c, 0x1fffff); /* as high as the kernel can reach */
    CU_ASSERT_TRUE_FATAL(load("kernel = kernel, initrd = initrd", "", sizeof kernel));
    fill_ram();
    CU_ASSERT_EQUAL(number(register_rsi() + 0x218, 4), 0x1ff000);
    sim_scenario_free(scenarios, count);
}

static void refuses(const char *linux_keys, const char *other_keys, size_t kernel_bytes, const char *message)
{
    const bool good = load(linux_keys, other_keys, kernel_bytes);
    const bool as_it_should = !good && strstr(error.message, message) != NULL;
    if (!as_it_should)
        printf("\n%s\n  wanted: %s\n  got: %s\n", linux_keys, message, error.message);
    CU_ASSERT_TRUE(as_it_should);
    if (good)
        sim_scenario_free(scenarios, count);
}

static void what_is_no_kernel_is_refused(void)
{
    make_kernel();
    refuses("", "", sizeof kernel, "linux wants a kernel: linux { kernel = file \"vmlinuz\" }");
    refuses("kernel = kernel, apend = 'x'", "", sizeof kernel, "linux: unknown key 'apend', did you mean 'append'?");
    refuses("kernel = kernel, append = 1", "", sizeof kernel, "linux: append wants a text");
    refuses("kernel = kernel, append = '123456789012345678901'", "", sizeof kernel,
            "linux: the command line has 21 characters, this kernel takes 20");
    refuses("kernel = initrd", "", sizeof kernel, "linux: the kernel is no bzImage");
    refuses("kernel = kernel", "", SETUP_BYTES, "linux: the kernel ends within its setup code");
    kernel[0x202] = 'h';
    refuses("kernel = kernel", "", sizeof kernel, "linux: the kernel is no bzImage: \"HdrS\" is not at 0x202");
    make_kernel();
    kernel[0x206] = 2;
    refuses("kernel = kernel", "", sizeof kernel, "linux: boot protocol 2.02 of the kernel is too old");
    make_kernel();
    kernel[0x211] = 0;
    refuses("kernel = kernel", "", sizeof kernel, "is too old");
}

static void what_does_not_fit_is_refused(void)
{
    make_kernel();
    put32(0x260, 0x400000);
    refuses("kernel = kernel", "", sizeof kernel, "linux: the kernel needs memory up to 0x500000, guest RAM ends at 0x400000 (guest_ram = ...)");
    make_kernel();
    put32(0x22c, 0x10ffff);
    refuses("kernel = kernel, initrd = initrd", "", sizeof kernel,
            "linux: an initrd of 0xd bytes does not fit between the kernel's end, 0x110000, and 0x110000");
    make_kernel();
    refuses("kernel = kernel", "mode = 'long'", sizeof kernel, "linux { } enters its kernel in protected mode");
    unlink(kernel_path);
    unlink(initrd_path);
}

SUITE("sim/loader_linux", {"the_kernel_stands_at_its_address", the_kernel_stands_at_its_address},
      {"the_zero_page_tells_of_the_machine", the_zero_page_tells_of_the_machine},
      {"an_initrd_stands_at_the_end_of_memory", an_initrd_stands_at_the_end_of_memory},
      {"what_is_no_kernel_is_refused", what_is_no_kernel_is_refused}, {"what_does_not_fit_is_refused", what_does_not_fit_is_refused})

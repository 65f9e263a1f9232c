/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vmxbench-stock: runs a flat 64-bit guest on Debian's shared Unicorn as its users would, for `vmxbench bench` to compare with.
   usage: vmxbench-stock CODE ADDRESS ROUNDS plain|block|limit; prints nanoseconds of processor time and RAX.
   plain: no hook. block: an empty block hook. limit: no hook, and stores that skip the slow path: the best that the library can do. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "../sim/unicorn_api.h"
#include "../sim/unicorn_layout.h"

enum { RAM_BYTES = 0x400000, STACK_TOP = 0x70000 };

static bool fast_stores;
static uint8_t code_page[RAM_BYTES >> 12];

static void on_block(uc_engine *engine, uint64_t address, uint32_t size, void *context)
{
    (void)engine;
    (void)address;
    (void)size;
    (void)context;
}

static uint64_t nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

#define AT(base, offset, type) (*(type *)((char *)(base) + (offset)))

/* The library's own functions of these names, which call each other through the symbol table, reach these ones. */
void tlb_set_page_with_attrs_x86_64(void *cpu, uint64_t linear, uint64_t physical, uint32_t attributes, int rights, int mmu, uint64_t size);
void tlb_protect_code_x86_64(void *uc, uint64_t address);

void tlb_set_page_with_attrs_x86_64(void *cpu, uint64_t linear, uint64_t physical, uint32_t attributes, int rights, int mmu, uint64_t size)
{
    static void (*original)(void *, uint64_t, uint64_t, uint32_t, int, int, uint64_t);
    if (original == NULL)
        *(void **)&original = dlsym(RTLD_NEXT, "tlb_set_page_with_attrs_x86_64");
    original(cpu, linear, physical, attributes, rights, mmu, size);
    if (!fast_stores || (physical >> 12) >= sizeof code_page || code_page[physical >> 12] != 0)
        return;
    char *env = (char *)cpu + UNICORN_CPU_ENV;
    const uint64_t mask = AT(env, UNICORN_ENV_TLB_FAST + 16 * mmu, uint64_t);
    char *table = AT(env, UNICORN_ENV_TLB_FAST + 16 * mmu + 8, char *);
    uint64_t *write = &AT(table, 32 * ((linear >> 12) & (mask >> 5)) + 8, uint64_t);
    if (*write != UINT64_MAX)
        *write &= ~(uint64_t)UNICORN_TLB_NOTDIRTY;
}

void tlb_protect_code_x86_64(void *uc, uint64_t address)
{
    static void (*original)(void *, uint64_t), (*flush)(void *);
    if (original == NULL) {
        *(void **)&original = dlsym(RTLD_NEXT, "tlb_protect_code_x86_64");
        *(void **)&flush = dlsym(RTLD_NEXT, "tlb_flush_x86_64");
    }
    if ((address >> 12) < sizeof code_page)
        code_page[address >> 12] = 1;
    original(uc, address);
    if (fast_stores)
        flush(AT(uc, UNICORN_UC_CPU, void *));
}

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "vmxbench-stock: %s: %s\n", what, why);
    return 2;
}

int main(int argc, char **argv)
{
    static uint8_t code[65536];
    if (argc != 5)
        return fail("usage", "vmxbench-stock CODE ADDRESS ROUNDS plain|block|limit");
    FILE *from = fopen(argv[1], "rb");
    const size_t size = from != NULL ? fread(code, 1, sizeof code, from) : 0;
    if (from != NULL)
        fclose(from);
    if (size == 0)
        return fail(argv[1], "no code");
    const uint64_t address = strtoull(argv[2], NULL, 0);
    uint64_t rounds = strtoull(argv[3], NULL, 0), stack = STACK_TOP, rax = 0;
    fast_stores = strcmp(argv[4], "limit") == 0;
    uc_engine *engine = NULL;
    void *ram = mmap(NULL, RAM_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (ram == MAP_FAILED || uc_open(UC_ARCH_X86, UC_MODE_64, &engine) != UC_ERR_OK ||
        uc_mem_map_ptr(engine, 0, RAM_BYTES, UC_PROT_ALL, ram) != UC_ERR_OK || address + size > RAM_BYTES)
        return fail("set-up", "Unicorn cannot be started");
    memcpy((uint8_t *)ram + address, code, size);
    uc_reg_write(engine, UC_X86_REG_R14, &rounds);
    uc_reg_write(engine, UC_X86_REG_RSP, &stack);
    uc_hook hook;
    if (strcmp(argv[4], "block") == 0)
        uc_hook_add(engine, &hook, UC_HOOK_BLOCK, (void *)(uintptr_t)on_block, NULL, 1, 0);
    const uint64_t start = nanoseconds();
    const uc_err error = uc_emu_start(engine, address, 0, 0, 0);
    const uint64_t end = nanoseconds();
    if (error != UC_ERR_OK)
        return fail("run", uc_strerror(error));
    uc_reg_read(engine, UC_X86_REG_RAX, &rax);
    printf("%llu %llx\n", (unsigned long long)(end - start), (unsigned long long)rax);
    return 0;
}

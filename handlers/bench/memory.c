/* SPDX-License-Identifier: MIT */
/* Guest memory of the presets: descriptor tables, task-state segment, gates, and the scenario's own bytes.
   SDM 3A, "Protected-Mode Memory Management" and "Interrupt and Exception Handling". */
#include "internal.h"

enum { GATES = 256, TASK_LIMIT = 0x67, SECOND_TSS = 0x100 /* behind the first */ };

static bool no_memory(struct bench_setup *setup)
{
    return bench_fail(setup->result, "guest memory is too small for the scenario");
}

bool bench_put(struct bench_setup *setup, gpa_t address, uint64_t value, unsigned bytes)
{
    return bench_put_bytes(setup, address, &value, bytes);
}

bool bench_put_bytes(struct bench_setup *setup, gpa_t address, const void *bytes, uint32_t size)
{
    return hv_guest_write(setup->vm, address, bytes, size) || no_memory(setup);
}

bool bench_clear_memory(struct bench_setup *setup)
{
    return bk_zero_pages(setup->machine, bk_guest_base(setup->machine), setup->plan.guest_bytes) || no_memory(setup);
}

/* Base and limit of a system-segment descriptor around its type byte. */
static uint64_t system_descriptor(uint32_t base, uint32_t limit, uint64_t type)
{
    return (limit & 0xffff) | (uint64_t)(base & 0xffffff) << 16 | type << 40 | (uint64_t)(limit >> 16 & 0xf) << 48 | (uint64_t)(base >> 24) << 56;
}

static bool write_gdt(struct bench_setup *setup, unsigned vcpu, bool long_mode)
{
    enum { BUSY_TSS = 0x8b, AVAILABLE_TSS = 0x89 };
    const struct {
        uint32_t selector;
        uint64_t descriptor;
    } rows[] = {
        {BENCH_CODE_SELECTOR, long_mode ? UINT64_C(0x00af9b000000ffff) : UINT64_C(0x00cf9b000000ffff)},
        {BENCH_DATA_SELECTOR, UINT64_C(0x00cf93000000ffff)},
        {BENCH_TSS_SELECTOR, system_descriptor(BENCH_TSS + vcpu * BENCH_TSS_STRIDE, TASK_LIMIT, BUSY_TSS)},
        {BENCH_TASK_SELECTOR, long_mode ? 0 : system_descriptor(BENCH_TSS + vcpu * BENCH_TSS_STRIDE + SECOND_TSS, TASK_LIMIT, AVAILABLE_TSS)},
        {BENCH_USER_CODE_SELECTOR, long_mode ? UINT64_C(0x00affb000000ffff) : UINT64_C(0x00cffb000000ffff)},
        {BENCH_USER_DATA_SELECTOR, UINT64_C(0x00cff3000000ffff)},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (!bench_put(setup, BENCH_GDT + vcpu * BENCH_GDT_STRIDE + rows[i].selector, rows[i].descriptor, 8))
            return false;
    return true;
}

static bool write_tss(struct bench_setup *setup, unsigned vcpu, bool long_mode)
{
    enum { RSP0 = 4, IST1 = 0x24, IO_MAP_BASE = 0x66, ESP0 = 4, SS0 = 8 };
    const gpa_t tss = BENCH_TSS + vcpu * BENCH_TSS_STRIDE;
    const uint64_t ring0 = BENCH_RING0_STACK_TOP - vcpu * BENCH_STACK_STRIDE, ist = BENCH_IST_STACK_TOP - vcpu * BENCH_IST_STRIDE;
    if (!bench_put(setup, tss + IO_MAP_BASE, TASK_LIMIT + 1, 2))
        return false;
    if (long_mode)
        return bench_put(setup, tss + RSP0, ring0, 8) && bench_put(setup, tss + IST1, ist, 8);
    return bench_put(setup, tss + ESP0, ring0, 4) && bench_put(setup, tss + SS0, BENCH_DATA_SELECTOR, 2) &&
           bench_put(setup, tss + SECOND_TSS + IO_MAP_BASE, TASK_LIMIT + 1, 2);
}

/* An interrupt gate, or in real mode a far pointer. */
static bool write_gate(struct bench_setup *setup, uint32_t vector, uint32_t dpl, uint64_t handler)
{
    const bool long_mode = setup->plan.mode == PACKED_MODE_LONG;
    if (vector >= GATES || dpl > 3)
        return bench_fail(setup->result, "packed scenario: a bad interrupt gate");
    if (setup->plan.mode == PACKED_MODE_REAL || setup->plan.mode == PACKED_MODE_RESET)
        return bench_put(setup, vector * 4, handler & UINT32_MAX, 4);
    const uint64_t low = bench_interrupt_gate(BENCH_CODE_SELECTOR, handler, dpl, 0);
    if (!long_mode)
        return bench_put(setup, BENCH_IDT + vector * 8, low, 8);
    return bench_put(setup, BENCH_IDT + vector * 16, low, 8) && bench_put(setup, BENCH_IDT + vector * 16 + 8, handler >> 32, 8);
}

static bool write_gates(struct bench_setup *setup)
{
    struct packed_reader reader = bench_records_of(&setup->plan, PACKED_IDT_GATE);
    struct packed_record record;
    while (bench_next_of(&reader, PACKED_IDT_GATE, &record))
        if (!write_gate(setup, packed_u32(&record, 0), packed_u32(&record, 4), packed_u64(&record, 8)))
            return false;
    return true;
}

/* Bytes of the scenario. Outside of guest RAM they need memory of their own, whole pages of it: a ROM below 4 GiB. */
static bool write_bytes(struct bench_setup *setup)
{
    struct packed_reader reader = bench_records_of(&setup->plan, PACKED_MEMORY);
    struct packed_record record;
    while (bench_next_of(&reader, PACKED_MEMORY, &record)) {
        const gpa_t address = packed_u64(&record, 0);
        if (record.size < 8)
            return bench_fail(setup->result, "packed scenario: memory without an address");
        const uint32_t size = record.size - 8;
        if (address >= setup->plan.guest_bytes) {
            const gpa_t first = address - address % BENCH_PAGE;
            const uint64_t bytes = (address - first + size + BENCH_PAGE - 1) / BENCH_PAGE * BENCH_PAGE;
            if (!hv_add_memory(setup->vm, first, bytes))
                return bench_fail(setup->result, "memory outside of guest RAM cannot be had: overlap, no EPT, or out of pages");
        }
        if (!hv_guest_write(setup->vm, address, record.payload + 8, size))
            return no_memory(setup);
    }
    return true;
}

bool bench_write_memory(struct bench_setup *setup)
{
    const enum packed_mode mode = setup->plan.mode;
    const bool long_mode = mode == PACKED_MODE_LONG;
    for (unsigned vcpu = 0; vcpu < setup->plan.vcpus; vcpu++) {
        if (bench_waits_for_sipi(&setup->plan, vcpu))
            continue;
        if (mode != PACKED_MODE_RESET && !write_gdt(setup, vcpu, long_mode))
            return false;
        if ((mode == PACKED_MODE_LONG || mode == PACKED_MODE_PROTECTED) && !write_tss(setup, vcpu, long_mode))
            return false;
    }
    return bench_write_page_tables(setup) && write_gates(setup) && write_bytes(setup);
}

bool bench_change_ept(struct hv_vm *vm, gpa_t guest, uint64_t bytes, unsigned rights, unsigned page_size)
{
    static const uint64_t sizes[] = {UINT64_C(1) << 12, UINT64_C(1) << 21, UINT64_C(1) << 30};
    if (page_size > 2 || bytes == 0 || bytes % sizes[page_size] != 0)
        return false;
    const hpa_t base = bk_guest_base(vm->machine);
    for (uint64_t at = 0; at < bytes; at += sizes[page_size])
        if (!hv_ept_map(vm, guest + at, base + guest + at, rights, sizes[page_size]))
            return false;
    return true;
}

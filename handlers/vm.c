/* SPDX-License-Identifier: MIT */
/* One VM: its virtual CPUs and its guest-physical memory. */
#include "device_access.h"
#include "handlers.h"

enum { PAGE = 4096, TABLE_PAGES = 511, ALL_RIGHTS = 7 };

bool hv_vm_init(struct hv_vm *vm, struct bk_machine *machine, const struct hv_policy *policy, unsigned vcpus)
{
    enum { MAX = sizeof(vm->vcpu) / sizeof(vm->vcpu[0]) };
    *vm = (struct hv_vm){.machine = machine, .policy = *policy, .vcpus = vcpus < MAX ? vcpus : MAX, .mtrr_def_type = 0xc06};
    for (unsigned i = 0; i < vm->vcpus; i++) {
        vm->vcpu[i].vm = vm;
        vm->vcpu[i].bk = bk_vcpu(machine, i);
        vm->vcpu[i].index = i;
        vm->vcpu[i].offered = -1;
        vm->vcpu[i].random = UINT64_C(0x9e3779b97f4a7c15) + i;
    }
    hv_devices_init(vm);
    return hv_ept_init(vm);
}

/* ---- added memory: a chain of tables with the host address of each page ---- */
static hpa_t table_entry(struct hv_vm *vm, hpa_t table, unsigned index)
{
    hpa_t entry = 0;
    (void)bk_read(vm->machine, table + 8u * index, &entry, sizeof(entry));
    return entry;
}

static bool in_added(struct hv_vm *vm, const struct hv_memory *memory, gpa_t guest, hpa_t *host)
{
    if (guest - memory->guest >= memory->size)
        return false;
    uint64_t page = (guest - memory->guest) / PAGE;
    hpa_t table = memory->table;
    for (; page >= TABLE_PAGES; page -= TABLE_PAGES)
        table = table_entry(vm, table, TABLE_PAGES);
    *host = table_entry(vm, table, (unsigned)page) + guest % PAGE;
    return true;
}

bool hv_host_address(struct hv_vm *vm, gpa_t guest, hpa_t *host)
{
    if (guest < bk_guest_size(vm->machine)) {
        *host = bk_guest_base(vm->machine) + guest;
        return true;
    }
    for (unsigned i = 0; i < vm->memories; i++)
        if (in_added(vm, &vm->memory[i], guest, host))
            return true;
    return false;
}

static bool overlaps(struct hv_vm *vm, gpa_t guest, uint64_t size)
{
    if (guest < bk_guest_size(vm->machine))
        return true;
    for (unsigned i = 0; i < vm->memories; i++)
        if (guest < vm->memory[i].guest + vm->memory[i].size && vm->memory[i].guest < guest + size)
            return true;
    return false;
}

static bool add_page(struct hv_vm *vm, hpa_t *table, uint64_t index, gpa_t guest)
{
    const unsigned slot = (unsigned)(index % TABLE_PAGES);
    if (slot == 0 && index != 0) {
        const hpa_t next = bk_page(vm->machine);
        if (next == 0 || !bk_write(vm->machine, *table + 8u * TABLE_PAGES, &next, sizeof(next)))
            return false;
        *table = next;
    }
    const hpa_t page = bk_page(vm->machine);
    return page != 0 && bk_write(vm->machine, *table + 8u * slot, &page, sizeof(page)) && hv_ept_map(vm, guest, page, ALL_RIGHTS, PAGE);
}

bool hv_add_memory(struct hv_vm *vm, gpa_t guest, uint64_t size)
{
    if (vm->ept_root == 0 || vm->memories == HV_MEMORIES || guest % PAGE != 0 || size % PAGE != 0 || size == 0 || guest + size < guest ||
        overlaps(vm, guest, size))
        return false;
    hpa_t table = bk_page(vm->machine);
    if (table == 0)
        return false;
    vm->memory[vm->memories] = (struct hv_memory){guest, size, table};
    for (uint64_t i = 0; i < size / PAGE; i++)
        if (!add_page(vm, &table, i, guest + i * PAGE))
            return false;
    vm->memories++;
    return true;
}

/* ---- access ---- */
static uint32_t piece_at(gpa_t address, uint32_t size)
{
    const uint32_t rest = PAGE - (uint32_t)(address % PAGE);
    return size < rest ? size : rest;
}

static bool all_there(struct hv_vm *vm, gpa_t address, uint32_t size)
{
    const uint64_t ram = bk_guest_size(vm->machine);
    if (address < ram && size <= ram - address)
        return true;
    hpa_t host;
    for (uint32_t done = 0, piece; done < size; done += piece) {
        piece = piece_at(address + done, size - done);
        if (!hv_host_address(vm, address + done, &host))
            return false;
    }
    return true;
}

bool hv_guest_read(struct hv_vm *vm, gpa_t address, void *buffer, uint32_t size)
{
    if (!all_there(vm, address, size))
        return false;
    for (uint32_t done = 0, piece; done < size; done += piece) {
        hpa_t host;
        piece = piece_at(address + done, size - done);
        if (!hv_host_address(vm, address + done, &host) || !bk_read(vm->machine, host, (uint8_t *)buffer + done, piece))
            return false;
    }
    return true;
}

bool hv_guest_write(struct hv_vm *vm, gpa_t address, const void *buffer, uint32_t size)
{
    if (!all_there(vm, address, size))
        return false;
    for (uint32_t done = 0, piece; done < size; done += piece) {
        hpa_t host;
        piece = piece_at(address + done, size - done);
        if (!hv_host_address(vm, address + done, &host) || !bk_write(vm->machine, host, (const uint8_t *)buffer + done, piece))
            return false;
    }
    return true;
}

/* SPDX-License-Identifier: MIT */
/* The extended page tables: building them, and the exits that they cause. SDM 3C, "The Extended Page Table Mechanism (EPT)". */
#include "../vmx-model/registers.h"
#include "handlers.h"

enum { PAGE = 4096, ENTRIES = 512, RIGHTS = 7, LEAF = 1u << 7, TYPE_WRITE_BACK = 6, TOP_LEVEL = 3 };
#define ADDRESS_BITS UINT64_C(0x000ffffffffff000)
#define SIZE_4K UINT64_C(0x1000)
#define SIZE_2M UINT64_C(0x200000)
#define SIZE_1G UINT64_C(0x40000000)

static uint64_t size_of_level(unsigned level)
{
    return SIZE_4K << 9 * level;
}

static hpa_t slot_of(hpa_t table, gpa_t guest, unsigned level)
{
    return table + 8 * ((guest >> (12 + 9 * level)) % ENTRIES);
}

static uint64_t load(struct hv_vm *vm, hpa_t slot)
{
    uint64_t entry = 0;
    (void)bk_read(vm->machine, slot, &entry, sizeof(entry));
    return entry;
}

static void store(struct hv_vm *vm, hpa_t slot, uint64_t entry)
{
    (void)bk_write(vm->machine, slot, &entry, sizeof(entry));
}

/* A leaf may lack all rights and still hold an address: present is what is not 0. */
static bool is_leaf(uint64_t entry, unsigned level)
{
    return level == 0 || (entry & LEAF) != 0;
}

/* A table in place of a large leaf, with the same mapping. */
static hpa_t split(struct hv_vm *vm, hpa_t slot, uint64_t leaf, unsigned level)
{
    const hpa_t table = bk_page(vm->machine);
    if (table == 0)
        return 0;
    const uint64_t step = size_of_level(level - 1);
    const uint64_t first = level - 1 == 0 ? leaf & ~(uint64_t)LEAF : leaf;
    for (unsigned i = 0; i < ENTRIES; i++)
        store(vm, table + 8u * i, first + i * step);
    store(vm, slot, table | RIGHTS);
    return table;
}

static hpa_t next_table(struct hv_vm *vm, hpa_t slot, unsigned level)
{
    const uint64_t entry = load(vm, slot);
    if (entry == 0) {
        const hpa_t table = bk_page(vm->machine);
        if (table != 0)
            store(vm, slot, table | RIGHTS);
        return table;
    }
    return is_leaf(entry, level) ? split(vm, slot, entry, level) : entry & ADDRESS_BITS;
}

static uint64_t memory_type(struct hv_vm *vm)
{
    return (bk_capability(vm->machine, VMX_MSR_VMX_EPT_VPID) & VMX_EPTCAP_MT_WB) != 0 ? TYPE_WRITE_BACK : 0;
}

bool hv_ept_map(struct hv_vm *vm, gpa_t guest, hpa_t host, unsigned rights, uint64_t size)
{
    const unsigned last = size == SIZE_1G ? 2 : size == SIZE_2M ? 1 : 0;
    if (vm->ept_root == 0 || size != size_of_level(last) || guest % size != 0 || host % size != 0)
        return false;
    hpa_t table = vm->ept_root;
    for (unsigned level = TOP_LEVEL; level > last; level--) {
        table = next_table(vm, slot_of(table, guest, level), level);
        if (table == 0)
            return false;
    }
    const uint64_t leaf = rights == 0 ? 0 : host | memory_type(vm) << 3 | (last != 0 ? LEAF : 0u) | (rights & RIGHTS);
    store(vm, slot_of(table, guest, last), leaf);
    return true;
}

static bool find_slot(struct hv_vm *vm, gpa_t guest, hpa_t *slot, unsigned *level)
{
    if (vm->ept_root == 0)
        return false;
    hpa_t table = vm->ept_root;
    for (*level = TOP_LEVEL;; --*level) {
        *slot = slot_of(table, guest, *level);
        const uint64_t entry = load(vm, *slot);
        if (entry == 0)
            return false;
        if (is_leaf(entry, *level))
            return true;
        table = entry & ADDRESS_BITS;
    }
}

bool hv_ept_find(struct hv_vm *vm, gpa_t guest, uint64_t *entry, uint64_t *size)
{
    hpa_t slot;
    unsigned level;
    if (!find_slot(vm, guest, &slot, &level))
        return false;
    *entry = load(vm, slot);
    *size = size_of_level(level);
    return true;
}

static bool processor_has_ept(struct hv_vm *vm)
{
    return (bk_capability(vm->machine, VMX_MSR_VMX_PROCBASED) >> 32 & VMX_PRI_ACTIVATE_SECONDARY) != 0 &&
           (bk_capability(vm->machine, VMX_MSR_VMX_PROCBASED2) >> 32 & VMX_SEC_ENABLE_EPT) != 0;
}

static bool map_all_ram(struct hv_vm *vm)
{
    const bool large = (bk_capability(vm->machine, VMX_MSR_VMX_EPT_VPID) & VMX_EPTCAP_2MB) != 0;
    const hpa_t base = bk_guest_base(vm->machine);
    const uint64_t ram = bk_guest_size(vm->machine);
    for (gpa_t guest = 0; guest < ram;) {
        const bool fits = large && guest % SIZE_2M == 0 && (base + guest) % SIZE_2M == 0 && ram - guest >= SIZE_2M;
        const uint64_t size = fits ? SIZE_2M : SIZE_4K;
        if (!hv_ept_map(vm, guest, base + guest, RIGHTS, size))
            return false;
        guest += size;
    }
    return true;
}

bool hv_ept_init(struct hv_vm *vm)
{
    if (!processor_has_ept(vm))
        return true;
    vm->ept_root = bk_page(vm->machine);
    if (vm->ept_root == 0)
        return false;
    return !vm->policy.ept_premapped || map_all_ram(vm);
}

uint64_t hv_eptp(const struct hv_vm *vm)
{
    enum { WALK_LENGTH_MINUS_1 = TOP_LEVEL };
    if (vm->ept_root == 0)
        return 0;
    const bool write_back = (bk_capability(vm->machine, VMX_MSR_VMX_EPT_VPID) & VMX_EPTCAP_MT_WB) != 0;
    return vm->ept_root | (uint64_t)WALK_LENGTH_MINUS_1 << 3 | (write_back ? TYPE_WRITE_BACK : 0u);
}

/* ---- exits ---- */
/* Guest memory that is not mapped yet gets a 4-KByte page; mapped memory gets the rights it lacks. */
static bool map_on_demand(struct hv_vm *vm, gpa_t guest, hpa_t host)
{
    hpa_t slot;
    unsigned level;
    if (!find_slot(vm, guest, &slot, &level))
        return hv_ept_map(vm, guest - guest % PAGE, host - host % PAGE, RIGHTS, SIZE_4K);
    store(vm, slot, load(vm, slot) | RIGHTS);
    return true;
}

static const char *access_of(const struct hv_ept_violation *v)
{
    return v->fetch ? "fetch" : v->write ? "write" : "read";
}

enum hv_action hv_handle_ept_violation(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    const struct hv_ept_violation *v = &exit->ept;
    if (v->nmi_unblocking)
        hv_restore_nmi_blocking(vcpu, exit);
    hpa_t host;
    const bool memory = hv_host_address(vcpu->vm, v->guest_physical, &host);
    if (vcpu->vm->policy.ept == HV_EPT_STOP)
        return hv_stop(vcpu, "EPT violation: %s at %lx, RIP %lx", access_of(v), v->guest_physical, exit->rip);
    if (!memory)
        return hv_emulate_mmio(vcpu, exit);
    if (!map_on_demand(vcpu->vm, v->guest_physical, host))
        return hv_stop(vcpu, "no host page left for EPT at %lx", v->guest_physical);
    return HV_RESUME;
}

enum hv_action hv_handle_ept_misconfig(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    hpa_t host;
    if (!hv_host_address(vcpu->vm, exit->guest_physical, &host))
        return hv_emulate_mmio(vcpu, exit);
    uint64_t entry = 0, size = 0;
    (void)hv_ept_find(vcpu->vm, exit->guest_physical, &entry, &size);
    return hv_stop(vcpu, "EPT misconfiguration at %lx: entry %lx, RIP %lx", exit->guest_physical, entry, exit->rip);
}

/* SDM 3C, "Page-Modification Logging": the index counts down from 511; the entries above it are filled. */
enum hv_action hv_handle_pml_full(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    enum { NMI_UNBLOCKING = 1u << 12 };
    if ((exit->qualification & NMI_UNBLOCKING) != 0)
        hv_restore_nmi_blocking(vcpu, exit);
    const unsigned index = (unsigned)hv_read(vcpu, VMCS_GUEST_PML_INDEX) & 0xffffu;
    const unsigned first = index < ENTRIES ? index + 1 : 0;
    hpa_t host;
    for (unsigned i = first; i < ENTRIES; i++) {
        const gpa_t dirty = load(vcpu->vm, hv_read(vcpu, VMCS_PML_ADDRESS) + 8u * i);
        if (hv_host_address(vcpu->vm, dirty, &host))
            vcpu->vm->dirty_pages++;
    }
    hv_write(vcpu, VMCS_GUEST_PML_INDEX, ENTRIES - 1);
    return HV_RESUME;
}

/* The vector of a page without one: all of its 32 sub-pages may be written. SDM 3C, "Sub-Page Permissions". */
static bool fill_sub_page_table(struct hv_vcpu *vcpu, gpa_t guest)
{
    const uint64_t all_writable = UINT64_C(0x5555555555555555);
    struct hv_vm *vm = vcpu->vm;
    hpa_t table = hv_read(vcpu, VMCS_SPP_TABLE_POINTER) & ADDRESS_BITS;
    for (unsigned level = TOP_LEVEL; level > 0; level--) {
        const hpa_t slot = slot_of(table, guest, level);
        uint64_t entry;
        if (!bk_read(vm->machine, slot, &entry, sizeof(entry)))
            return false;
        table = entry & ADDRESS_BITS;
        if ((entry & 1) != 0)
            continue;
        table = bk_page(vm->machine);
        if (table == 0)
            return false;
        for (unsigned i = 0; level == 1 && i < ENTRIES; i++)
            store(vm, table + 8u * i, all_writable);
        store(vm, slot, table | 1);
    }
    return true;
}

enum hv_action hv_handle_spp(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    enum { MISS = 1u << 11, NMI_UNBLOCKING = 1u << 12 };
    const bool miss = (exit->qualification & MISS) != 0;
    if ((exit->qualification & NMI_UNBLOCKING) != 0)
        hv_restore_nmi_blocking(vcpu, exit);
    if (miss && vcpu->vm->policy.ept != HV_EPT_STOP && fill_sub_page_table(vcpu, exit->guest_physical))
        return HV_RESUME;
    return hv_stop(vcpu, "sub-page permissions: %s at %lx, RIP %lx", miss ? "no entry" : "a reserved bit", exit->guest_physical, exit->rip);
}

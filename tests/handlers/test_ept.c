/* SPDX-License-Identifier: GPL-2.0-or-later */
/* EPT: building, page sizes, mapping on demand, misconfiguration, the modification log, added memory. */
#include <string.h>

#include "tests/support/guest.h"

enum { READ = 0x181, WRITE = 0x182 };

static void start(bool premapped, enum hv_ept_policy policy_ept)
{
    struct hv_policy policy;
    hv_default_policy(&policy);
    policy.ept_premapped = premapped;
    policy.ept = policy_ept;
    guest_start(GUEST_PROTECTED, &policy);
}

static enum hv_action violation(gpa_t address, uint64_t qualification)
{
    bk->field[VMCS_GUEST_PHYSICAL_ADDRESS] = address;
    return guest_exit(VMX_EXIT_EPT_VIOLATION, qualification, 0);
}

enum { SPP_ROOT = FAKE_GUEST_BASE + 0x8000, SPP_MISS = 1 << 11 };

static enum hv_action sub_page_event(gpa_t address, uint64_t qualification)
{
    bk->field[VMCS_GUEST_PHYSICAL_ADDRESS] = address;
    return guest_exit(VMX_EXIT_SPP_RELATED_EVENT, qualification, 0);
}

static uint64_t sub_page_vector(gpa_t address)
{
    uint64_t entry = SPP_ROOT;
    for (unsigned level = 4; level-- > 0;)
        (void)bk_read(vm.machine, (entry & ~UINT64_C(0xfff)) + 8 * (address >> (12 + 9 * level) & 511), &entry, sizeof entry);
    return entry;
}

static void missing_sub_page_entries_are_filled_in(void)
{
    const uint64_t refused = 1;
    start(true, HV_EPT_MAP_ON_DEMAND);
    bk->field[VMCS_SPP_TABLE_POINTER] = SPP_ROOT;
    CU_ASSERT_EQUAL(sub_page_event(0x5123, SPP_MISS), HV_RESUME);
    CU_ASSERT_EQUAL(sub_page_vector(0x5000), UINT64_C(0x5555555555555555));
    /* What is there stays. */
    uint64_t entry = SPP_ROOT;
    for (unsigned level = 4; level-- > 1;)
        (void)bk_read(vm.machine, (entry & ~UINT64_C(0xfff)), &entry, sizeof entry);
    (void)bk_write(vm.machine, (entry & ~UINT64_C(0xfff)) + 8 * 5, &refused, sizeof refused);
    CU_ASSERT_EQUAL(sub_page_event(0x200000000, SPP_MISS), HV_RESUME);
    CU_ASSERT_EQUAL(sub_page_vector(0x200000000), UINT64_C(0x5555555555555555));
    CU_ASSERT_EQUAL(sub_page_vector(0x5000), refused);
}

static void sub_page_misconfigurations_stop(void)
{
    start(true, HV_EPT_MAP_ON_DEMAND);
    bk->field[VMCS_SPP_TABLE_POINTER] = SPP_ROOT;
    CU_ASSERT_EQUAL(sub_page_event(0x5123, 0), HV_STOP);
    CU_ASSERT_PTR_NOT_NULL(strstr(vcpu->stop_reason, "a reserved bit at 5123"));
    bk->field[VMCS_SPP_TABLE_POINTER] = UINT64_C(0xfffffffff000);
    CU_ASSERT_EQUAL(sub_page_event(0x5123, SPP_MISS), HV_STOP);
    start(true, HV_EPT_STOP);
    bk->field[VMCS_SPP_TABLE_POINTER] = SPP_ROOT;
    CU_ASSERT_EQUAL(sub_page_event(0x5123, SPP_MISS), HV_STOP);
    CU_ASSERT_PTR_NOT_NULL(strstr(vcpu->stop_reason, "no entry at 5123"));
}

static void ram_is_mapped_with_large_pages(void)
{
    uint64_t entry, size;
    start(true, HV_EPT_STOP);
    CU_ASSERT_TRUE(hv_ept_find(&vm, 0x201234, &entry, &size));
    CU_ASSERT_EQUAL(size, 0x200000);
    CU_ASSERT_EQUAL(entry, (FAKE_GUEST_BASE + 0x200000) | 6u << 3 | 1u << 7 | 7u);
    CU_ASSERT_FALSE(hv_ept_find(&vm, FAKE_RAM - FAKE_GUEST_BASE, &entry, &size));
    CU_ASSERT_EQUAL(hv_eptp(&vm), vm.ept_root | 3u << 3 | 6u);
}

static void a_small_page_splits_a_large_one(void)
{
    uint64_t entry, size;
    start(true, HV_EPT_STOP);
    CU_ASSERT_TRUE(hv_ept_map(&vm, 0x5000, FAKE_GUEST_BASE + 0x5000, 1, 0x1000));
    CU_ASSERT_TRUE(hv_ept_find(&vm, 0x5000, &entry, &size));
    CU_ASSERT_EQUAL(size, 0x1000);
    CU_ASSERT_EQUAL(entry & 7, 1);
    CU_ASSERT_TRUE(hv_ept_find(&vm, 0x6000, &entry, &size));
    CU_ASSERT_EQUAL(entry, (FAKE_GUEST_BASE + 0x6000) | 6u << 3 | 7u);
}

static void misaligned_and_odd_sizes_are_refused(void)
{
    start(true, HV_EPT_STOP);
    CU_ASSERT_FALSE(hv_ept_map(&vm, 0x1000, 0x200000, 7, 0x200000));
    CU_ASSERT_FALSE(hv_ept_map(&vm, 0x200000, 0x1000, 7, 0x200000));
    CU_ASSERT_FALSE(hv_ept_map(&vm, 0x2000, 0x2000, 7, 0x2000));
    CU_ASSERT_TRUE(hv_ept_map(&vm, 0x40000000, 0x40000000, 7, 0x40000000));
}

static void unmapping_is_rights_0(void)
{
    uint64_t entry, size;
    start(true, HV_EPT_STOP);
    CU_ASSERT_TRUE(hv_ept_map(&vm, 0x5000, FAKE_GUEST_BASE + 0x5000, 0, 0x1000));
    CU_ASSERT_FALSE(hv_ept_find(&vm, 0x5000, &entry, &size));
}

static void ram_is_mapped_on_demand(void)
{
    uint64_t entry, size;
    start(false, HV_EPT_MAP_ON_DEMAND);
    CU_ASSERT_FALSE(hv_ept_find(&vm, 0x7123, &entry, &size));
    CU_ASSERT_EQUAL(violation(0x7123, READ), HV_RESUME);
    CU_ASSERT_TRUE(hv_ept_find(&vm, 0x7123, &entry, &size));
    CU_ASSERT_EQUAL(entry, (FAKE_GUEST_BASE + 0x7000) | 6u << 3 | 7u);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RIP], 0x1000);
}

static void missing_rights_are_given(void)
{
    uint64_t entry, size;
    start(true, HV_EPT_MAP_ON_DEMAND);
    CU_ASSERT_TRUE(hv_ept_map(&vm, 0x5000, FAKE_GUEST_BASE + 0x5000, 1, 0x1000));
    CU_ASSERT_EQUAL(violation(0x5008, WRITE | 8), HV_RESUME);
    CU_ASSERT_TRUE(hv_ept_find(&vm, 0x5000, &entry, &size));
    CU_ASSERT_EQUAL(entry & 7, 7);
}

static void the_owner_may_want_violations_to_stop(void)
{
    start(false, HV_EPT_STOP);
    CU_ASSERT_EQUAL(violation(0x7000, READ), HV_STOP);
}

static void a_fetch_outside_memory_stops(void)
{
    start(true, HV_EPT_MAP_ON_DEMAND);
    CU_ASSERT_EQUAL(violation(0xd0000000, 0x184), HV_STOP);
}

static void misconfiguration_of_ram_stops(void)
{
    start(true, HV_EPT_MAP_ON_DEMAND);
    bk->field[VMCS_GUEST_PHYSICAL_ADDRESS] = 0x5000;
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_EPT_MISCONFIG, 0, 0), HV_STOP);
}

static void the_modification_log_is_drained(void)
{
    start(true, HV_EPT_MAP_ON_DEMAND);
    const hpa_t log = bk_page(&machine);
    const uint64_t inside = 0x9000;
    for (unsigned i = 0; i < 512; i++)
        (void)bk_write(&machine, log + 8 * i, &inside, sizeof(inside));
    bk->field[VMCS_PML_ADDRESS] = log;
    bk->field[VMCS_GUEST_PML_INDEX] = 0xffff;
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_PML_FULL, 0, 0), HV_RESUME);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_PML_INDEX], 511);
    CU_ASSERT_EQUAL(vm.dirty_pages, 512);
    vm.dirty_pages = 0; /* entries 501 to 511 were written: the index is that of the next one */
    bk->field[VMCS_GUEST_PML_INDEX] = 500;
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_PML_FULL, 0, 0), HV_RESUME);
    CU_ASSERT_EQUAL(vm.dirty_pages, 11);
}

static void added_memory_is_guest_memory(void)
{
    uint64_t entry, size;
    uint8_t bytes[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, back[16] = {0};
    start(true, HV_EPT_STOP);
    CU_ASSERT_TRUE(hv_add_memory(&vm, 0xfffc0000, 0x40000));
    CU_ASSERT_TRUE(hv_guest_write(&vm, 0xfffc0ff8, bytes, sizeof(bytes)));
    CU_ASSERT_TRUE(hv_guest_read(&vm, 0xfffc0ff8, back, sizeof(back)));
    CU_ASSERT_EQUAL(back[8], 9);
    CU_ASSERT_TRUE(hv_ept_find(&vm, 0xffffffff, &entry, &size));
    CU_ASSERT_EQUAL(entry & 7, 7);
    CU_ASSERT_FALSE(hv_guest_read(&vm, 0xfffffff8, back, sizeof(back)));
    CU_ASSERT_FALSE(hv_add_memory(&vm, 0xfffff000, 0x1000)); /* overlap */
    CU_ASSERT_FALSE(hv_add_memory(&vm, 0x1000, 0x1000));
    CU_ASSERT_FALSE(hv_add_memory(&vm, 0xe0000800, 0x1000));
}

static void much_added_memory_chains_its_tables(void)
{
    uint32_t value = 0x12345678;
    start(true, HV_EPT_STOP);
    CU_ASSERT_TRUE(hv_add_memory(&vm, 0x80000000, 0x400000));
    CU_ASSERT_TRUE(hv_guest_write(&vm, 0x803ffffc, &value, sizeof(value)));
    CU_ASSERT_EQUAL(guest_get(0x803ffffc, 4), 0x12345678);
    CU_ASSERT_EQUAL(guest_get(0x80200ffc, 4), 0);
}

static void memory_beyond_the_pages_there_are_is_refused(void)
{
    uint8_t byte;
    start(true, HV_EPT_STOP);
    CU_ASSERT_FALSE(hv_add_memory(&vm, 0x80000000, 0x1000000));
    CU_ASSERT_FALSE(hv_guest_read(&vm, 0x80000000, &byte, 1));
}

static void without_ept_nothing_is_built(void)
{
    struct hv_policy policy;
    hv_default_policy(&policy);
    fake_reset(&machine);
    machine.capability[0x8b - 0x80] = 0;
    CU_ASSERT_TRUE(hv_vm_init(&vm, &machine, &policy, 1));
    CU_ASSERT_EQUAL(vm.ept_root, 0);
    CU_ASSERT_EQUAL(hv_eptp(&vm), 0);
    CU_ASSERT_FALSE(hv_ept_map(&vm, 0, 0, 7, 0x1000));
}

SUITE("handlers/ept", {"ram_is_mapped_with_large_pages", ram_is_mapped_with_large_pages},
      {"missing_sub_page_entries_are_filled_in", missing_sub_page_entries_are_filled_in},
      {"sub_page_misconfigurations_stop", sub_page_misconfigurations_stop}, {"a_small_page_splits_a_large_one", a_small_page_splits_a_large_one},
      {"misaligned_and_odd_sizes_are_refused", misaligned_and_odd_sizes_are_refused}, {"unmapping_is_rights_0", unmapping_is_rights_0},
      {"ram_is_mapped_on_demand", ram_is_mapped_on_demand}, {"missing_rights_are_given", missing_rights_are_given},
      {"the_owner_may_want_violations_to_stop", the_owner_may_want_violations_to_stop},
      {"a_fetch_outside_memory_stops", a_fetch_outside_memory_stops}, {"misconfiguration_of_ram_stops", misconfiguration_of_ram_stops},
      {"the_modification_log_is_drained", the_modification_log_is_drained}, {"added_memory_is_guest_memory", added_memory_is_guest_memory},
      {"much_added_memory_chains_its_tables", much_added_memory_chains_its_tables},
      {"memory_beyond_the_pages_there_are_is_refused", memory_beyond_the_pages_there_are_is_refused},
      {"without_ept_nothing_is_built", without_ept_nothing_is_built})

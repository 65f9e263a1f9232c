/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The walk in place answers as the general one does, which alone is there where no memory may be read without a call. */
#include <stdio.h>

#include "guest_memory.h"
#include "tests/support/suite.h"

enum { LINEAR = 0x400000, PAGE = 0x5000, LARGE = 0x600000, LARGE_PAGE = 0x20000, ENTRIES_MAX = 64, ROUNDS = 40000 };

static uint64_t random_state;

static uint64_t random_below(uint64_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % limit;
}

/* Every entry that a walk for the address may use, and set flags in. */
static hpa_t entry[ENTRIES_MAX];
static uint64_t before[ENTRIES_MAX];
static unsigned entries;

static void add_entry(hpa_t address)
{
    for (unsigned i = 0; i < entries; i++)
        if (entry[i] == address)
            return;
    before[entries] = ram64(address);
    entry[entries++] = address;
}

static void add_ept_entries(gpa_t guest)
{
    for (unsigned level = 4; level > 0; level--)
        if (level == 1 || (ram64(ept_entry(guest, level)) & 1u << 7) == 0)
            add_entry(ept_entry(guest, level));
}

static void collect(gva_t linear, gpa_t page, bool large)
{
    entries = 0;
    for (unsigned level = 4; level > (large ? 1 : 0); level--) {
        add_ept_entries(guest_entry(linear, level));
        add_entry(guest_entry(linear, level));
    }
    add_ept_entries(page);
}

static void put_back(void)
{
    for (unsigned i = 0; i < entries; i++)
        set_ram64(entry[i], before[i]);
}

static bool same(const struct vmx_translation *a, const struct vmx_translation *b)
{
    return a->kind == b->kind && a->host == b->host && a->guest == b->guest && a->page_size == b->page_size && a->read == b->read &&
           a->write == b->write && a->fetch == b->fetch && a->global == b->global && a->apic_page == b->apic_page &&
           a->event.vector == b->event.vector && a->event.error_code == b->event.error_code && a->event.payload == b->event.payload &&
           a->exit.reason == b->exit.reason && a->exit.qualification == b->exit.qualification && a->exit.guest_physical == b->exit.guest_physical &&
           a->exit.guest_linear == b->exit.guest_linear && a->exit.valid == b->exit.valid;
}

static void directly(bool allowed)
{
    g.cpu.memory.bytes = allowed ? g.ram : NULL;
    g.cpu.memory.byte_count = allowed ? sizeof g.ram : 0;
}

/* Tables of which up to three entries have a bit that is usually not there, or lack one that is. */
static void spoil(void)
{
    for (uint64_t n = random_below(4); n > 0; n--) {
        const hpa_t at = entry[random_below(entries)];
        const uint64_t bit = random_below(4) == 0 ? random_below(64) : random_below(13);
        set_ram64(at, ram64(at) ^ VMX_BIT(bit));
    }
    for (unsigned i = 0; i < entries; i++)
        before[i] = ram64(entry[i]);
}

static void choose_processor(void)
{
    static const unsigned widths[] = {36, 46, 52};
    g.caps.physical_bits = widths[random_below(3)];
    g.caps.ept_vpid = (random_below(2) != 0 ? VMX_EPTCAP_EXECUTE_ONLY : 0) | VMX_EPTCAP_PWL4 | VMX_EPTCAP_AD |
                      (random_below(4) != 0 ? VMX_EPTCAP_2MB : 0) | VMX_EPTCAP_1GB | VMX_EPTCAP_ADV_EPT_INFO;
    g.vmcs.field[VMCS_EPT_POINTER] = EPT_ROOT | 6 | 3 << 3 | (random_below(2) != 0 ? 1u << 6 : 0);
    secondary(VMX_SEC_MODE_BASED_EPT_EXEC, random_below(8) == 0);
    secondary(VMX_SEC_VIRTUALIZE_APIC_ACCESSES, random_below(2) != 0);
    g.vmcs.field[VMCS_APIC_ACCESS_ADDR] = random_below(4) == 0 ? GUEST_CR3 : (uint64_t)PAGE;
}

/* LINEAR is mapped by pages of 4 KBytes, LARGE by a guest page of 2 MBytes and an EPT page of 2 MBytes. */
static void begin(void)
{
    const uint64_t used = PTE_P | PTE_W | PTE_U | PTE_A | PTE_D, large_page = VMX_BIT(30) | LARGE_PAGE;
    reset_ept();
    guest_map(LINEAR, PAGE, used);
    set_ram64(guest_entry(LARGE, 2), VMX_BIT(30) | used | PTE_PS);
    set_ram64(ept_entry(large_page, 2), EPT_RWX | EPT_WB | VMX_BIT(7) | VMX_BIT(8) | VMX_BIT(9) | VMX_BIT(10));
    for (unsigned level = 2; level <= 4; level++)
        set_ram64(guest_entry(LINEAR, level), ram64(guest_entry(LINEAR, level)) | PTE_A);
    collect(LINEAR, PAGE, false);
    for (unsigned i = 0; i < entries; i++)
        if (entry[i] >= EPT_ROOT)
            set_ram64(entry[i], ram64(entry[i]) | VMX_BIT(8) | VMX_BIT(9));
}

static void walks_in_place_answer_as_the_general_walk(void)
{
    static const enum vmx_access_kind kinds[] = {VMX_ACCESS_READ, VMX_ACCESS_WRITE, VMX_ACCESS_FETCH, VMX_ACCESS_READ_WRITE};
    unsigned different = 0, translated = 0;
    random_state = 1;
    begin();
    for (unsigned round = 0; round < ROUNDS; round++) {
        const bool large = random_below(4) == 0, user = random_below(2) != 0;
        const gva_t linear = large ? LARGE + LARGE_PAGE : LINEAR;
        const enum vmx_access_kind kind = kinds[random_below(4)];
        uint64_t untouched[ENTRIES_MAX], after[ENTRIES_MAX];
        choose_processor();
        collect(linear, large ? VMX_BIT(30) | LARGE_PAGE : (uint64_t)PAGE, large);
        const unsigned count = entries;
        memcpy(untouched, before, sizeof untouched);
        spoil();
        directly(false);
        const struct vmx_translation general = translate(linear, kind, user);
        for (unsigned i = 0; i < count; i++)
            after[i] = ram64(entry[i]);
        put_back();
        directly(true);
        const struct vmx_translation in_place = translate(linear, kind, user);
        bool equal = same(&general, &in_place);
        for (unsigned i = 0; i < count; i++)
            equal = equal && ram64(entry[i]) == after[i];
        different += !equal;
        translated += general.kind == VMX_TRANSLATED;
        memcpy(before, untouched, sizeof before);
        put_back();
    }
    CU_ASSERT_EQUAL(different, 0);
    CU_ASSERT(translated > ROUNDS / 4 && translated < ROUNDS * 3 / 4);
    if (different != 0)
        printf("\n%u of %u translations differ", different, (unsigned)ROUNDS);
}

SUITE("vmx-model/ept_plain", {"walks_in_place_answer_as_the_general_walk", walks_in_place_answer_as_the_general_walk})

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A walk that is remembered ends as the walk itself: random accesses through tables and controls that change, with and without memory of walks. */
#include "guest_memory.h"
#include "tests/support/suite.h"

enum { PAGES = 6, ROUNDS = 160, STEPS = 64, TABLES = 3, TABLE_BYTES = 0x10000 };
static const gva_t linear_pages[PAGES] = {0x400000, 0x401000, 0x600000, 0x40000000, 0x8000000000, 0x700000};
static const hpa_t tables[TABLES] = {GUEST_CR3, EPT_ROOT, PML_PAGE};
static struct vmx_walk_memo memos[VMX_WALK_MEMOS];
static uint8_t before[TABLES][TABLE_BYTES], after[TABLES][TABLE_BYTES];
static uint64_t random_state;
static unsigned known;

static unsigned choose(unsigned count)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(random_state >> 33) % count;
}

static void copy_tables(uint8_t to[TABLES][TABLE_BYTES])
{
    for (unsigned i = 0; i < TABLES; i++)
        memcpy(to[i], g.ram + tables[i], TABLE_BYTES);
}

static void put_tables_back(void)
{
    for (unsigned i = 0; i < TABLES; i++)
        memcpy(g.ram + tables[i], before[i], TABLE_BYTES);
}

static void begin(bool ept)
{
    reset_64bit();
    g.caps.ept_vpid |= VMX_EPTCAP_ADV_EPT_INFO;
    if (ept)
        reset_ept();
    for (unsigned i = 0; i < PAGES; i++)
        guest_map(linear_pages[i], 0x5000 + 0x1000 * i, PTE_P | PTE_W | (choose(2) != 0 ? PTE_U : 0u));
    g.cpu.memory.bytes = g.ram;
    g.cpu.memory.byte_count = RAM_BYTES;
}

/* A bit of an entry that the walks use, of a control register or of a control. */
static void change(void)
{
    const gva_t linear = linear_pages[choose(PAGES)];
    const gpa_t entry = guest_entry(linear, 1 + choose(4));
    struct vmx_state *s = &g.cpu.state;
    const unsigned bits[] = {0, 1, 2, 3, 5, 6, 7, 8, 12, 59, 63};
    const uint64_t bit = UINT64_C(1) << bits[choose(sizeof bits / sizeof *bits)];
    switch (choose(9)) {
    case 0:
        s->cr4 ^= choose(2) != 0 ? VMX_CR4_SMAP : VMX_CR4_PGE;
        break;
    case 1:
        s->cr4 ^= choose(2) != 0 ? VMX_CR4_PKE : VMX_CR4_SMEP;
        break;
    case 2:
        s->rflags ^= VMX_RFLAGS_AC;
        break;
    case 3:
        s->pkru ^= 1u << choose(4);
        break;
    case 4:
        s->cr0 ^= VMX_CR0_WP;
        break;
    case 5:
        s->efer ^= VMX_EFER_NXE;
        break;
    case 6:
        set_control(VMCS_EPT_POINTER, 1u << 6, choose(2) != 0);
        secondary(VMX_SEC_ENABLE_PML, choose(2) != 0);
        secondary(VMX_SEC_MODE_BASED_EPT_EXEC, choose(2) != 0);
        break;
    case 7:
        if (ram64(EPT_ROOT) != 0) {
            const hpa_t of_ept = ept_entry(choose(2) != 0 ? entry : 0x5000 + 0x1000 * choose(PAGES), 1 + choose(4));
            set_ram64(of_ept, ram64(of_ept) ^ bit);
        }
        break;
    default:
        set_ram64(entry, ram64(entry) ^ bit);
    }
}

static bool same(const struct vmx_translation *a, const struct vmx_translation *b)
{
    return a->kind == b->kind && a->host == b->host && a->guest == b->guest && a->page_size == b->page_size && a->read == b->read &&
           a->write == b->write && a->fetch == b->fetch && a->global == b->global && a->apic_page == b->apic_page &&
           a->event.vector == b->event.vector && a->event.error_code == b->event.error_code && a->event.payload == b->event.payload &&
           a->exit.reason == b->exit.reason && a->exit.qualification == b->exit.qualification && a->exit.guest_physical == b->exit.guest_physical;
}

static bool would_be_known(gva_t linear, enum vmx_access_kind kind, bool user)
{
    struct vmx_walk_memo kept[VMX_WALK_MEMOS], *memo;
    struct vmx_mapping mapping;
    unsigned serves;
    memcpy(kept, memos, sizeof kept);
    struct vmx_access a = vmx_access_begin(&g.cpu, linear, kind, user, false);
    const bool is_known = vmx_walk_recall(&a, &memo, &mapping, &serves);
    memcpy(memos, kept, sizeof kept);
    return is_known;
}

/* The access by a walk, then from the same beginning with what is remembered. */
static void access_both_ways(void)
{
    static gva_t page = 0x400000;
    static enum vmx_access_kind kind;
    static bool user;
    if (choose(4) == 0) { /* most accesses are to where the one before was */
        page = linear_pages[choose(PAGES)];
        kind = (enum vmx_access_kind)choose(4);
        user = choose(4) == 0;
    }
    const gva_t linear = page + choose(4096);
    const struct vmcs vmcs = g.vmcs;
    copy_tables(before);
    g.cpu.memo = NULL;
    const struct vmx_translation walked = translate(linear, kind, user);
    const struct vmcs walked_vmcs = g.vmcs;
    copy_tables(after);
    put_tables_back();
    g.vmcs = vmcs;
    g.cpu.memo = memos;
    known += would_be_known(linear, kind, user);
    const struct vmx_translation recalled = translate(linear, kind, user);
    copy_tables(before);
    CU_ASSERT_FATAL(same(&walked, &recalled));
    CU_ASSERT_FATAL(memcmp(before, after, sizeof before) == 0);
    CU_ASSERT_FATAL(memcmp(walked_vmcs.field, g.vmcs.field, sizeof g.vmcs.field) == 0);
}

static void run(bool ept)
{
    random_state = ept;
    known = 0;
    memset(memos, 0, sizeof memos);
    for (unsigned round = 0; round < ROUNDS; round++) {
        begin(ept);
        for (unsigned step = 0; step < STEPS; step++) {
            if (choose(4) == 0)
                change();
            access_both_ways();
        }
    }
    CU_ASSERT(known >= (ept ? 0 : ROUNDS * STEPS / 20));
    CU_ASSERT(known <= (ept ? 0 : ROUNDS * STEPS / 2));
}

static void walks_are_remembered_exactly(void)
{
    run(false);
}

static void walks_through_ept_are_not_remembered(void)
{
    run(true);
}

/* Entries of 4 bytes, and PDPTEs, which are registers. */
static void other_modes_are_remembered_exactly(void)
{
    begin(false);
    g.cpu.memo = memos;
    g.cpu.state.efer = VMX_EFER_NXE;
    g.cpu.state.cr4 = VMX_CR4_PSE;
    set_ram32(GUEST_CR3 + 4, 0x101000 | PTE_P | PTE_W | PTE_A);
    set_ram32(0x101000, 0x5000 | PTE_P | PTE_W | PTE_A);
    CU_ASSERT_EQUAL(translate(0x400000, VMX_ACCESS_READ, false).host, 0x5000);
    CU_ASSERT(would_be_known(0x400000, VMX_ACCESS_READ, false));
    set_ram32(0x101004, UINT32_MAX); /* the entry behind it */
    CU_ASSERT_EQUAL(translate(0x400008, VMX_ACCESS_READ, false).host, 0x5008);
    set_ram32(0x101000, 0x6000 | PTE_P | PTE_W | PTE_A);
    CU_ASSERT_EQUAL(translate(0x400008, VMX_ACCESS_READ, false).host, 0x6008);
    g.cpu.state.cr4 = VMX_CR4_PAE;
    g.cpu.state.pdpte[0] = 0x102000 | PTE_P;
    set_ram64(0x102000 + 2 * 8, 0x103000 | PTE_P | PTE_A);
    set_ram64(0x103000, 0x7000 | PTE_P | PTE_A);
    CU_ASSERT_EQUAL(translate(0x400000, VMX_ACCESS_READ, false).host, 0x7000);
    CU_ASSERT(would_be_known(0x400000, VMX_ACCESS_READ, false));
    g.cpu.state.pdpte[0] = 0;
    CU_ASSERT_EQUAL(translate(0x400000, VMX_ACCESS_READ, false).kind, VMX_TRANSLATION_FAULT);
}

/* Tables that the model reads by a call alone may be anything. */
static void nothing_is_remembered_of_other_memory(void)
{
    begin(false);
    memset(memos, 0, sizeof memos);
    g.cpu.memo = memos;
    g.cpu.memory.byte_count = 0;
    for (unsigned i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(translate(0x400000, VMX_ACCESS_READ, false).host, 0x5000);
    CU_ASSERT(!would_be_known(0x400000, VMX_ACCESS_READ, false));
}

SUITE("vmx-model/walk_memo", {"walks_are_remembered_exactly", walks_are_remembered_exactly},
      {"walks_through_ept_are_not_remembered", walks_through_ept_are_not_remembered},
      {"other_modes_are_remembered_exactly", other_modes_are_remembered_exactly},
      {"nothing_is_remembered_of_other_memory", nothing_is_remembered_of_other_memory})

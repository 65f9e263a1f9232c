/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cached translations: their tags, the scope of each operation that invalidates, and walks that a cache serves. */
#include "vmx-model/caching.h"

#include "guest_memory.h"
#include "tests/support/suite.h"
#include "vmx-model/transition.h"
#include "vmx-model/vmx_instructions.h"

enum { LINEAR = 0x400000, PAGE = 0x5000, OTHER_PAGE = 0x6000, ROOM = 16 };
enum { VPID = VMX_FLUSH_ANY | VMX_FLUSH_VPID };
#define READ VMX_ACCESS_READ
#define WRITE VMX_ACCESS_WRITE
#define FETCH VMX_ACCESS_FETCH

/* ---- a cache as small as one can be ---- */

static struct vmx_mapping held[ROOM];
static unsigned held_count, inserted;

static const struct vmx_mapping *find(void *context, const struct vmx_tag *tag, gva_t linear)
{
    (void)context;
    for (unsigned i = 0; i < held_count; i++)
        if (vmx_mapping_serves(&held[i], tag, linear))
            return &held[i];
    return NULL;
}

static void invalidate(void *context, const struct vmx_flush *flush)
{
    unsigned kept = 0;
    (void)context;
    for (unsigned i = 0; i < held_count; i++)
        if (!vmx_flush_names(flush, &held[i]))
            held[kept++] = held[i];
    held_count = kept;
}

static void insert(void *context, const struct vmx_mapping *mapping, gva_t linear)
{
    const struct vmx_flush old = {.conditions = VMX_FLUSH_ANY | VMX_FLUSH_LINEAR, .linear = linear};
    invalidate(context, &old);
    inserted++;
    if (held_count < ROOM)
        held[held_count++] = *mapping;
}

static void with_cache(void)
{
    held_count = inserted = 0;
    g.cpu.cache = (struct vmx_translation_cache){.find = find, .insert = insert, .invalidate = invalidate};
}

static void begin(void)
{
    reset_64bit();
    with_cache();
    guest_map(LINEAR, PAGE, PTE_P | PTE_W | PTE_U);
}

static void begin_ept(void)
{
    reset_ept();
    with_cache();
    guest_map(LINEAR, PAGE, PTE_P | PTE_W | PTE_U | PTE_A | PTE_D);
}

static bool goes_to(enum vmx_access_kind kind, gpa_t page)
{
    const struct vmx_translation t = translate(LINEAR + 8, kind, true);
    return t.kind == VMX_TRANSLATED && t.host == page + 8;
}

/* ---- tags ---- */

static void the_tag_names_vpid_pcid_and_ep4ta(void)
{
    reset_64bit();
    struct vmx_tag tag = vmx_current_tag(&g.cpu);
    CU_ASSERT(tag.vpid == 0 && tag.pcid == 0 && tag.ep4ta == VMX_NO_EPT && tag.paging == VMX_PAGING_4LEVEL);
    g.cpu.state.cr3 = GUEST_CR3 | 0x123;
    g.vmcs.field[VMCS_VIRTUAL_PROCESSOR_ID] = 77;
    tag = vmx_current_tag(&g.cpu); /* neither PCIDs nor VPIDs are in use */
    CU_ASSERT(tag.vpid == 0 && tag.pcid == 0);
    g.cpu.state.cr4 |= VMX_CR4_PCIDE;
    secondary(VMX_SEC_ENABLE_VPID | VMX_SEC_ENABLE_EPT, true);
    tag = vmx_current_tag(&g.cpu);
    CU_ASSERT(tag.vpid == 77 && tag.pcid == 0x123 && tag.ep4ta == EPT_ROOT);
    g.cpu.operation = VMX_OPERATION_ROOT; /* the controls are the guest's */
    tag = vmx_current_tag(&g.cpu);
    CU_ASSERT(tag.vpid == 0 && tag.pcid == 0x123 && tag.ep4ta == VMX_NO_EPT);
}

static void paging_modes_have_tags_of_their_own(void)
{
    reset_64bit();
    struct vmx_state *const s = &g.cpu.state;
    s->cr4 |= VMX_CR4_LA57;
    CU_ASSERT_EQUAL(vmx_paging_mode(s), VMX_PAGING_5LEVEL);
    s->efer = 0;
    CU_ASSERT_EQUAL(vmx_paging_mode(s), VMX_PAGING_PAE);
    s->cr4 = 0;
    CU_ASSERT_EQUAL(vmx_paging_mode(s), VMX_PAGING_32BIT);
    s->cr0 = VMX_CR0_PE;
    CU_ASSERT_EQUAL(vmx_paging_mode(s), VMX_PAGING_OFF);
    CU_ASSERT_EQUAL(vmx_current_tag(&g.cpu).paging, VMX_PAGING_OFF);
}

static void a_mapping_serves_its_tag_and_its_page(void)
{
    const struct vmx_tag tag = {.ep4ta = EPT_ROOT, .vpid = 1, .pcid = 2, .paging = VMX_PAGING_4LEVEL};
    struct vmx_mapping m = {.tag = tag, .shift = 21, .guest_shift = 21, .linear = LINEAR};
    CU_ASSERT(vmx_mapping_serves(&m, &tag, LINEAR) && vmx_mapping_serves(&m, &tag, LINEAR + 0x1fffff));
    CU_ASSERT(!vmx_mapping_serves(&m, &tag, LINEAR - 1) && !vmx_mapping_serves(&m, &tag, LINEAR + 0x200000));
    struct vmx_tag other[4] = {tag, tag, tag, tag};
    other[0].ep4ta = VMX_NO_EPT;
    other[1].vpid = 2;
    other[2].paging = VMX_PAGING_OFF;
    other[3].pcid = 3;
    for (unsigned i = 0; i < 4; i++)
        CU_ASSERT_FALSE(vmx_mapping_serves(&m, &other[i], LINEAR));
    m.rights = VMX_PAGE_GLOBAL;
    for (unsigned i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(vmx_mapping_serves(&m, &other[i], LINEAR), i == 3);
}

/* ---- scopes ---- */

/* A mapping for every combination of what a scope may look at. */
static struct vmx_mapping of(unsigned vpid, unsigned pcid, hpa_t ep4ta, gva_t linear, bool global)
{
    return (struct vmx_mapping){.tag = {.vpid = (uint16_t)vpid, .pcid = (uint16_t)pcid, .ep4ta = ep4ta, .paging = VMX_PAGING_4LEVEL},
                                .linear = linear,
                                .shift = 12,
                                .guest_shift = 12,
                                .rights = global ? VMX_PAGE_GLOBAL : 0};
}

/* Names, of the mappings of VPIDs 0 to 2, PCIDs 0 to 2, EP4TAs none, EPT_ROOT and 0, addresses LINEAR and PAGE, global and not, those that a
   plain reading of the manual says. */
static void scope_is(struct vmx_flush flush, bool (*wanted)(const struct vmx_mapping *m), const char *what)
{
    static const hpa_t roots[] = {VMX_NO_EPT, EPT_ROOT, 0};
    unsigned wrong = 0;
    for (unsigned i = 0; i < 3 * 3 * 3 * 2 * 2; i++) {
        const struct vmx_mapping m = of(i % 3, i / 3 % 3, roots[i / 9 % 3], i / 27 % 2 != 0 ? LINEAR : PAGE, i / 54 != 0);
        wrong += vmx_flush_names(&flush, &m) != wanted(&m);
    }
    if (wrong != 0)
        printf("\n%s: %u mappings\n", what, wrong);
    CU_ASSERT_EQUAL(wrong, 0);
}

static bool global(const struct vmx_mapping *m)
{
    return (m->rights & VMX_PAGE_GLOBAL) != 0;
}

static bool by_invlpg(const struct vmx_mapping *m)
{
    return m->tag.vpid == 1 && (m->tag.pcid == 2 || global(m)) && m->linear == LINEAR;
}
static bool by_invpcid_0(const struct vmx_mapping *m)
{
    return m->tag.vpid == 1 && m->tag.pcid == 1 && !global(m) && m->linear == LINEAR;
}
static bool by_invpcid_1(const struct vmx_mapping *m)
{
    return m->tag.vpid == 1 && m->tag.pcid == 1 && !global(m);
}
static bool by_invpcid_2(const struct vmx_mapping *m)
{
    return m->tag.vpid == 1;
}
static bool by_invpcid_3(const struct vmx_mapping *m)
{
    return m->tag.vpid == 1 && !global(m);
}
static bool by_smep(const struct vmx_mapping *m)
{
    return m->tag.vpid == 1 && (m->tag.pcid == 2 || global(m));
}
static bool by_invvpid_0(const struct vmx_mapping *m)
{
    return m->tag.vpid == 2 && m->linear == PAGE;
}
static bool by_invvpid_1(const struct vmx_mapping *m)
{
    return m->tag.vpid == 2;
}
static bool by_invvpid_2(const struct vmx_mapping *m)
{
    return m->tag.vpid != 0;
}
static bool by_invvpid_3(const struct vmx_mapping *m)
{
    return m->tag.vpid == 2 && !global(m);
}
static bool by_invept_1(const struct vmx_mapping *m)
{
    return m->tag.ep4ta == EPT_ROOT;
}
static bool by_invept_2(const struct vmx_mapping *m)
{
    return m->tag.ep4ta != VMX_NO_EPT;
}
static bool by_transition(const struct vmx_mapping *m)
{
    return m->tag.vpid == 0;
}
static bool by_page_fault(const struct vmx_mapping *m)
{
    return m->tag.vpid == 2 && (m->tag.pcid == 1 || global(m)) && m->linear == LINEAR;
}
static bool by_ept_violation(const struct vmx_mapping *m)
{
    return by_page_fault(m) && m->tag.ep4ta == EPT_ROOT;
}
static bool by_nothing(const struct vmx_mapping *m)
{
    (void)m;
    return false;
}

/* VPID 1, PCID 2. */
static void begin_tagged(void)
{
    reset_ept();
    secondary(VMX_SEC_ENABLE_VPID, true);
    g.vmcs.field[VMCS_VIRTUAL_PROCESSOR_ID] = 1;
    g.cpu.state.cr4 |= VMX_CR4_PCIDE;
    g.cpu.state.cr3 = GUEST_CR3 | 2;
}

static void guest_operations_act_on_the_current_vpid(void)
{
    const uint64_t pcid_1[2] = {1, LINEAR};
    begin_tagged();
    scope_is(vmx_flush_invlpg(&g.cpu, LINEAR), by_invlpg, "INVLPG");
    scope_is(vmx_flush_invpcid(&g.cpu, 0, pcid_1), by_invpcid_0, "INVPCID 0");
    scope_is(vmx_flush_invpcid(&g.cpu, 1, pcid_1), by_invpcid_1, "INVPCID 1");
    scope_is(vmx_flush_invpcid(&g.cpu, 2, pcid_1), by_invpcid_2, "INVPCID 2");
    scope_is(vmx_flush_invpcid(&g.cpu, 3, pcid_1), by_invpcid_3, "INVPCID 3");
    scope_is(vmx_flush_mov_cr3(&g.cpu, GUEST_CR3 | 1), by_invpcid_1, "MOV to CR3");
    scope_is(vmx_flush_mov_cr3(&g.cpu, VMX_BIT(63) | GUEST_CR3 | 1), by_nothing, "MOV to CR3 with bit 63");
}

static void without_pcids_cr3_names_pcid_0(void)
{
    begin_tagged();
    g.cpu.state.cr4 &= ~VMX_CR4_PCIDE;
    const struct vmx_flush flush = vmx_flush_mov_cr3(&g.cpu, GUEST_CR3 | 0x18);
    CU_ASSERT(flush.pcid == 0 && flush.conditions == (VPID | VMX_FLUSH_PCID | VMX_FLUSH_NOT_GLOBAL));
}

static void bits_of_cr0_and_cr4_that_matter(void)
{
    static const uint64_t none[] = {VMX_CR4_PSE, VMX_CR4_SMAP, VMX_CR4_PKE, VMX_CR4_MCE, VMX_CR4_OSXSAVE};
    begin_tagged();
    const uint64_t pg = VMX_CR0_PG | VMX_CR0_PE, on = g.cpu.state.cr4;
    scope_is(vmx_flush_mov_cr0(&g.cpu, pg, VMX_CR0_PE), by_invpcid_2, "CR0.PG to 0");
    scope_is(vmx_flush_mov_cr0(&g.cpu, VMX_CR0_PE, pg), by_nothing, "CR0.PG to 1");
    scope_is(vmx_flush_mov_cr0(&g.cpu, pg, pg | VMX_CR0_WP), by_nothing, "CR0.WP");
    scope_is(vmx_flush_mov_cr4(&g.cpu, on, on ^ VMX_CR4_PGE), by_invpcid_2, "CR4.PGE to 0");
    scope_is(vmx_flush_mov_cr4(&g.cpu, on ^ VMX_CR4_PGE, on), by_invpcid_2, "CR4.PGE to 1");
    scope_is(vmx_flush_mov_cr4(&g.cpu, on, on ^ VMX_CR4_PCIDE), by_invpcid_2, "CR4.PCIDE to 0");
    scope_is(vmx_flush_mov_cr4(&g.cpu, on ^ VMX_CR4_PCIDE, on), by_nothing, "CR4.PCIDE to 1");
    scope_is(vmx_flush_mov_cr4(&g.cpu, on, on | VMX_CR4_SMEP), by_smep, "CR4.SMEP to 1");
    scope_is(vmx_flush_mov_cr4(&g.cpu, on | VMX_CR4_SMEP, on), by_nothing, "CR4.SMEP to 0");
    scope_is(vmx_flush_mov_cr4(&g.cpu, on, on ^ VMX_CR4_PAE), by_smep, "CR4.PAE");
    for (unsigned i = 0; i < sizeof none / sizeof *none; i++)
        scope_is(vmx_flush_mov_cr4(&g.cpu, on, on ^ none[i]), by_nothing, "other bits of CR4");
}

static void invvpid_and_invept_name_what_their_type_says(void)
{
    scope_is(vmx_flush_invvpid(VMX_INVVPID_ADDRESS, 2, PAGE), by_invvpid_0, "INVVPID 0");
    scope_is(vmx_flush_invvpid(VMX_INVVPID_SINGLE, 2, PAGE), by_invvpid_1, "INVVPID 1");
    scope_is(vmx_flush_invvpid(VMX_INVVPID_ALL, 2, PAGE), by_invvpid_2, "INVVPID 2");
    scope_is(vmx_flush_invvpid(VMX_INVVPID_SINGLE_KEEP_GLOBAL, 2, PAGE), by_invvpid_3, "INVVPID 3");
    scope_is(vmx_flush_invept(VMX_INVEPT_SINGLE, EPT_ROOT | 3 << 3 | 6), by_invept_1, "INVEPT 1");
    scope_is(vmx_flush_invept(VMX_INVEPT_ALL, EPT_ROOT), by_invept_2, "INVEPT 2");
}

static void transitions_invalidate_vpid_0_unless_vpids_are_enabled(void)
{
    begin_tagged();
    scope_is(vmx_flush_transition(&g.cpu), by_nothing, "transition with VPID");
    secondary(VMX_SEC_ENABLE_VPID, false);
    scope_is(vmx_flush_transition(&g.cpu), by_transition, "transition without VPID");
}

static void faults_and_violations_name_their_address(void)
{
    const struct vmx_tag tag = {.vpid = 2, .pcid = 1, .ep4ta = EPT_ROOT, .paging = VMX_PAGING_4LEVEL};
    scope_is(vmx_flush_page_fault(&tag, LINEAR), by_page_fault, "#PF");
    scope_is(vmx_flush_ept_violation(&tag, LINEAR), by_ept_violation, "EPT violation");
}

static void an_address_names_all_parts_of_a_large_guest_page(void)
{
    const struct vmx_flush flush = vmx_flush_invvpid(VMX_INVVPID_ADDRESS, 1, LINEAR + 0x12345);
    struct vmx_mapping part = of(1, 0, EPT_ROOT, LINEAR + 0x1ff000, false);
    CU_ASSERT_FALSE(vmx_flush_names(&flush, &part));
    part.guest_shift = 21;
    CU_ASSERT_TRUE(vmx_flush_names(&flush, &part));
}

/* ---- walks ---- */

static void a_cached_translation_outlives_its_page_table(void)
{
    begin();
    CU_ASSERT(goes_to(READ, PAGE));
    guest_map(LINEAR, OTHER_PAGE, PTE_P | PTE_W | PTE_U);
    CU_ASSERT(goes_to(READ, PAGE));
    guest_map(LINEAR, 0, 0);
    CU_ASSERT(goes_to(READ, PAGE) && goes_to(FETCH, PAGE));
    vmx_invalidate(&g.cpu, vmx_flush_invlpg(&g.cpu, LINEAR + 0x777));
    CU_ASSERT(!goes_to(READ, PAGE));
    CU_ASSERT_EQUAL(held_count, 0);
}

static void a_first_store_walks_and_sets_the_dirty_flag(void)
{
    begin();
    CU_ASSERT(goes_to(READ, PAGE));
    CU_ASSERT_EQUAL(ram64(guest_entry(LINEAR, 1)) & (PTE_A | PTE_D), PTE_A);
    CU_ASSERT(goes_to(WRITE, PAGE));
    CU_ASSERT_EQUAL(ram64(guest_entry(LINEAR, 1)) & (PTE_A | PTE_D), PTE_A | PTE_D);
    set_ram64(guest_entry(LINEAR, 1), PAGE | PTE_P | PTE_W | PTE_U);
    CU_ASSERT(goes_to(WRITE, PAGE)); /* from the cache: the flags in memory stay */
    CU_ASSERT_EQUAL(ram64(guest_entry(LINEAR, 1)) & (PTE_A | PTE_D), 0);
    CU_ASSERT_EQUAL(inserted, 2);
}

static void a_right_that_is_missing_is_looked_up_in_memory(void)
{
    begin();
    guest_map(LINEAR, PAGE, PTE_P | PTE_U);
    CU_ASSERT(goes_to(READ, PAGE) && !goes_to(WRITE, PAGE));
    CU_ASSERT_EQUAL(held_count, 0); /* the page fault invalidated it */
    CU_ASSERT(goes_to(READ, PAGE));
    guest_map(LINEAR, OTHER_PAGE, PTE_P | PTE_W | PTE_U);
    CU_ASSERT(goes_to(READ, PAGE) && goes_to(WRITE, OTHER_PAGE) && goes_to(READ, OTHER_PAGE));
}

/* CR0.WP, SMAP, SMEP and protection keys bear on cached rights as they stand. */
static void rights_are_judged_by_the_state_of_the_moment(void)
{
    begin();
    guest_map(LINEAR, PAGE, PTE_P | PTE_U | PTE_D | UINT64_C(5) << 59);
    g.cpu.state.cr0 &= ~VMX_CR0_WP;
    CU_ASSERT_EQUAL(translate(LINEAR, WRITE, false).kind, VMX_TRANSLATED);
    CU_ASSERT_EQUAL(translate(LINEAR, FETCH, false).kind, VMX_TRANSLATED);
    g.cpu.state.cr0 |= VMX_CR0_WP;
    CU_ASSERT_EQUAL(translate(LINEAR, READ, false).write, false);
    g.cpu.state.cr4 |= VMX_CR4_SMEP;
    CU_ASSERT_EQUAL(translate(LINEAR, READ, false).fetch, false);
    CU_ASSERT_EQUAL(inserted, 1);
    g.cpu.state.cr4 |= VMX_CR4_PKE;
    g.cpu.state.pkru = 1u << 10;
    CU_ASSERT_EQUAL(translate(LINEAR, READ, true).kind, VMX_TRANSLATION_FAULT);
    g.cpu.state.pkru = 0;
    CU_ASSERT_EQUAL(translate(LINEAR, READ, true).kind, VMX_TRANSLATED);
    g.cpu.state.cr4 |= VMX_CR4_SMAP;
    CU_ASSERT_EQUAL(translate(LINEAR, READ, false).kind, VMX_TRANSLATION_FAULT);
}

static void ept_changes_show_after_an_invalidation(void)
{
    begin_ept();
    CU_ASSERT(goes_to(READ, PAGE));
    set_ram64(ept_entry(PAGE, 1), OTHER_PAGE | EPT_RWX | EPT_WB);
    CU_ASSERT(goes_to(READ, PAGE));
    vmx_invalidate(&g.cpu, vmx_flush_invept(VMX_INVEPT_SINGLE, EPT_ROOT + 0x1000));
    CU_ASSERT(goes_to(READ, PAGE)); /* another EP4TA */
    vmx_invalidate(&g.cpu, vmx_flush_invept(VMX_INVEPT_SINGLE, EPT_ROOT));
    CU_ASSERT(goes_to(READ, OTHER_PAGE));
}

static void an_ept_violation_invalidates_its_page(void)
{
    begin_ept();
    set_ram64(ept_entry(PAGE, 1), PAGE | 1 | EPT_WB); /* read only */
    CU_ASSERT(goes_to(READ, PAGE));
    CU_ASSERT_EQUAL(held_count, 1);
    CU_ASSERT_EQUAL(translate(LINEAR, WRITE, true).kind, VMX_TRANSLATION_EXIT);
    CU_ASSERT_EQUAL(held_count, 0);
    set_ram64(ept_entry(PAGE, 1), PAGE | EPT_RWX | EPT_WB); /* the handler adds a right: no INVEPT is needed */
    CU_ASSERT(goes_to(WRITE, PAGE));
}

static void a_first_store_sets_the_dirty_flag_of_ept_and_logs(void)
{
    begin_ept();
    g.vmcs.field[VMCS_EPT_POINTER] |= 1 << 6;
    secondary(VMX_SEC_ENABLE_PML, true);
    CU_ASSERT(goes_to(READ, PAGE));
    const uint64_t logged = g.vmcs.field[VMCS_GUEST_PML_INDEX];
    CU_ASSERT_EQUAL(ram64(ept_entry(PAGE, 1)) & 0x300, 0x100);
    CU_ASSERT(goes_to(WRITE, PAGE) && goes_to(WRITE, PAGE));
    CU_ASSERT_EQUAL(ram64(ept_entry(PAGE, 1)) & 0x300, 0x300);
    CU_ASSERT_EQUAL(g.vmcs.field[VMCS_GUEST_PML_INDEX], logged - 1);
    set_ram64(ept_entry(PAGE, 1), PAGE | EPT_RWX | EPT_WB); /* harvested without INVEPT: the next store is not seen */
    CU_ASSERT(goes_to(WRITE, PAGE));
    CU_ASSERT_EQUAL(ram64(ept_entry(PAGE, 1)) & 0x300, 0);
}

static void mode_based_execute_rights_are_cached_both(void)
{
    begin_ept();
    secondary(VMX_SEC_MODE_BASED_EPT_EXEC, true);
    set_ram64(ept_entry(PAGE, 1), PAGE | 1 | EPT_WB | 1 << 10); /* user-mode addresses alone may be fetched from */
    CU_ASSERT(goes_to(READ, PAGE) && goes_to(FETCH, PAGE));
    CU_ASSERT_EQUAL(inserted, 1);
    secondary(VMX_SEC_MODE_BASED_EPT_EXEC, false);
    CU_ASSERT_EQUAL(translate(LINEAR, READ, true).fetch, false);
}

static void the_apic_access_page_is_never_cached(void)
{
    begin_ept();
    secondary(VMX_SEC_VIRTUALIZE_APIC_ACCESSES, true);
    g.vmcs.field[VMCS_APIC_ACCESS_ADDR] = PAGE;
    CU_ASSERT_EQUAL(translate(LINEAR, READ, true).kind, VMX_TRANSLATION_EXIT);
    set_control(VMCS_CPU_BASED_VM_EXEC_CONTROL, VMX_PRI_USE_TPR_SHADOW, true);
    CU_ASSERT_TRUE(translate(LINEAR, READ, true).apic_page);
    CU_ASSERT_EQUAL(inserted, 0);
}

static void operands_and_delivery_use_the_cache_too(void)
{
    struct vmx_translation t;
    uint64_t value = 0;
    begin();
    set_ram64(PAGE, 0x1111);
    set_ram64(OTHER_PAGE, 0x2222);
    CU_ASSERT(vmx_read_linear(&g.cpu, LINEAR, &value, 8, READ, true, &t) && value == 0x1111);
    guest_map(LINEAR, OTHER_PAGE, PTE_P | PTE_W | PTE_U);
    CU_ASSERT(vmx_read_linear(&g.cpu, LINEAR, &value, 8, READ, true, &t) && value == 0x1111);
    CU_ASSERT(vmx_read_system(&g.cpu, LINEAR, &value, 8, &t) && value == 0x1111);
}

static void pages_split_by_ept_remember_the_guests_page(void)
{
    begin_ept();
    set_ram64(guest_entry(LINEAR, 2), 0 | PTE_P | PTE_W | PTE_U | PTE_PS);
    CU_ASSERT_EQUAL(translate(LINEAR + 0x5123, READ, false).host, 0x5123);
    CU_ASSERT(held_count == 1 && held[0].shift == 12 && held[0].guest_shift == 21 && held[0].linear == LINEAR + 0x5000);
}

SUITE("vmx-model/caching", {"the_tag_names_vpid_pcid_and_ep4ta", the_tag_names_vpid_pcid_and_ep4ta},
      {"paging_modes_have_tags_of_their_own", paging_modes_have_tags_of_their_own},
      {"a_mapping_serves_its_tag_and_its_page", a_mapping_serves_its_tag_and_its_page},
      {"guest_operations_act_on_the_current_vpid", guest_operations_act_on_the_current_vpid},
      {"without_pcids_cr3_names_pcid_0", without_pcids_cr3_names_pcid_0}, {"bits_of_cr0_and_cr4_that_matter", bits_of_cr0_and_cr4_that_matter},
      {"invvpid_and_invept_name_what_their_type_says", invvpid_and_invept_name_what_their_type_says},
      {"transitions_invalidate_vpid_0_unless_vpids_are_enabled", transitions_invalidate_vpid_0_unless_vpids_are_enabled},
      {"faults_and_violations_name_their_address", faults_and_violations_name_their_address},
      {"an_address_names_all_parts_of_a_large_guest_page", an_address_names_all_parts_of_a_large_guest_page},
      {"a_cached_translation_outlives_its_page_table", a_cached_translation_outlives_its_page_table},
      {"a_first_store_walks_and_sets_the_dirty_flag", a_first_store_walks_and_sets_the_dirty_flag},
      {"a_right_that_is_missing_is_looked_up_in_memory", a_right_that_is_missing_is_looked_up_in_memory},
      {"rights_are_judged_by_the_state_of_the_moment", rights_are_judged_by_the_state_of_the_moment},
      {"ept_changes_show_after_an_invalidation", ept_changes_show_after_an_invalidation},
      {"an_ept_violation_invalidates_its_page", an_ept_violation_invalidates_its_page},
      {"a_first_store_sets_the_dirty_flag_of_ept_and_logs", a_first_store_sets_the_dirty_flag_of_ept_and_logs},
      {"mode_based_execute_rights_are_cached_both", mode_based_execute_rights_are_cached_both},
      {"the_apic_access_page_is_never_cached", the_apic_access_page_is_never_cached},
      {"operands_and_delivery_use_the_cache_too", operands_and_delivery_use_the_cache_too},
      {"pages_split_by_ept_remember_the_guests_page", pages_split_by_ept_remember_the_guests_page})

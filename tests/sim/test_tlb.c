/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tagged cache of translations: what changes it, in which order it evicts, and that it agrees with a plain list under random operations. */
#include "sim/tlb.h"

#include <string.h>

#include "tests/support/random.h"
#include "tests/support/suite.h"

enum { HOST = 0x100000, FLAGS_OF_PAGE = VMX_PAGE_WRITABLE | VMX_PAGE_EPT_ANY };

static struct sim_tlb tlb;

static struct vmx_mapping page(gva_t linear, unsigned vpid, unsigned pcid)
{
    return (struct vmx_mapping){.tag = {.vpid = (uint16_t)vpid, .pcid = (uint16_t)pcid, .ep4ta = VMX_NO_EPT, .paging = VMX_PAGING_4LEVEL},
                                .shift = 12,
                                .guest_shift = 12,
                                .rights = FLAGS_OF_PAGE,
                                .linear = linear,
                                .guest = linear + HOST,
                                .host = linear + HOST};
}

static struct vmx_mapping large(gva_t linear, unsigned shift)
{
    struct vmx_mapping m = page(linear, 1, 0);
    m.shift = m.guest_shift = (uint8_t)shift;
    return m;
}

static void begin(void)
{
    sim_tlb_clear(&tlb);
}

static unsigned add(struct vmx_mapping m)
{
    return sim_tlb_insert(&tlb, &m, m.linear).count;
}

static bool has(gva_t linear, unsigned vpid, unsigned pcid)
{
    const struct vmx_mapping like = page(linear, vpid, pcid);
    return sim_tlb_find(&tlb, &like.tag, linear) != NULL;
}

static unsigned live(void)
{
    unsigned count = 0, position = 0;
    while (sim_tlb_next(&tlb, &position) != NULL)
        count++;
    return count;
}

static unsigned forget(struct vmx_flush flush)
{
    return sim_tlb_invalidate(&tlb, &flush).count;
}

static void an_entry_serves_its_tag_alone(void)
{
    begin();
    CU_ASSERT_EQUAL(add(page(0x5000, 1, 2)), 0);
    CU_ASSERT(has(0x5fff, 1, 2) && !has(0x6000, 1, 2) && !has(0x4fff, 1, 2) && !has(0x5000, 2, 2) && !has(0x5000, 1, 3));
    struct vmx_mapping global = page(0x7000, 1, 2);
    global.rights |= VMX_PAGE_GLOBAL;
    (void)add(global);
    CU_ASSERT(has(0x7000, 1, 3) && !has(0x7000, 2, 2));
}

static void pages_of_all_sizes_are_found(void)
{
    static const uint8_t shifts[] = {12, 21, 22, 30};
    begin();
    for (unsigned i = 0; i < sizeof shifts; i++)
        (void)add(large((gva_t)(i + 1) << 40, shifts[i]));
    for (unsigned i = 0; i < sizeof shifts; i++) {
        const gva_t first = (gva_t)(i + 1) << 40, end = first + (UINT64_C(1) << shifts[i]);
        CU_ASSERT(has(first, 1, 0) && has(end - 1, 1, 0) && !has(end, 1, 0) && !has(first - 1, 1, 0));
    }
}

static void the_oldest_entry_is_evicted(void)
{
    begin();
    for (unsigned i = 0; i < SIM_TLB_ENTRIES; i++)
        CU_ASSERT_EQUAL(add(page((gva_t)i << 12, 1, 0)), 0);
    CU_ASSERT(has(0, 1, 0)); /* a look does not make it younger */
    CU_ASSERT_EQUAL(add(page((gva_t)SIM_TLB_ENTRIES << 12, 1, 0)), 1);
    CU_ASSERT(!has(0, 1, 0) && has(0x1000, 1, 0));
    (void)forget(vmx_flush_invvpid(0, 1, 0x5000)); /* room: nothing needs to go */
    CU_ASSERT_EQUAL(add(page((gva_t)(SIM_TLB_ENTRIES + 1) << 12, 1, 0)), 0);
    CU_ASSERT_EQUAL(add(page((gva_t)(SIM_TLB_ENTRIES + 2) << 12, 1, 0)), 1);
    CU_ASSERT(!has(0x1000, 1, 0) && has(0x2000, 1, 0));
    CU_ASSERT_EQUAL(live(), SIM_TLB_ENTRIES);
}

static void a_dirtier_mapping_keeps_its_place(void)
{
    unsigned position = 0;
    begin();
    (void)add(page(0x1000, 1, 0));
    (void)add(page(0x2000, 1, 0));
    struct vmx_mapping dirty = page(0x1000, 1, 0);
    dirty.rights |= VMX_PAGE_DIRTY;
    CU_ASSERT_EQUAL(add(dirty), 0);
    const struct vmx_mapping *first = sim_tlb_next(&tlb, &position);
    CU_ASSERT(first != NULL && first->linear == 0x1000 && (first->rights & VMX_PAGE_DIRTY) != 0);
    CU_ASSERT_EQUAL(live(), 2);
}

static void another_mapping_of_the_address_takes_its_place(void)
{
    begin();
    (void)add(large(0x200000, 21));
    struct vmx_mapping small = page(0x205000, 1, 0);
    CU_ASSERT_EQUAL(add(small), 1);
    CU_ASSERT(has(0x205000, 1, 0) && !has(0x206000, 1, 0));
    small.host += 0x1000;
    CU_ASSERT_EQUAL(add(small), 1);
    CU_ASSERT_EQUAL(live(), 1);
    const struct vmx_mapping again = large(0x200000, 21);
    const struct sim_tlb_dropped dropped = sim_tlb_insert(&tlb, &again, 0x205123);
    CU_ASSERT(dropped.count == 1 && dropped.last.linear == 0x205000 && dropped.last.shift == 12);
}

static void parts_of_a_guest_page_go_together(void)
{
    begin();
    for (gva_t linear = 0x200000; linear < 0x205000; linear += 0x1000) {
        struct vmx_mapping part = page(linear, 1, 0);
        part.guest_shift = 21;
        (void)add(part);
    }
    (void)add(page(0x400000, 1, 0));
    CU_ASSERT_EQUAL(forget(vmx_flush_invvpid(0, 1, 0x3fffff)), 5);
    CU_ASSERT_EQUAL(live(), 1);
}

/* ---- against a list ---- */

enum { LIST = 1 << 16 };
static struct vmx_mapping list[LIST];
static unsigned listed;

static unsigned list_forget(const struct vmx_flush *flush)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < listed; i++)
        if (!vmx_flush_names(flush, &list[i]))
            list[kept++] = list[i];
    const unsigned dropped = listed - kept;
    listed = kept;
    return dropped;
}

static void list_add(const struct vmx_mapping *m, gva_t linear)
{
    unsigned kept = 0;
    bool there = false;
    for (unsigned i = 0; i < listed; i++) {
        const bool same = list[i].linear == m->linear && list[i].shift == m->shift && list[i].guest_shift == m->guest_shift &&
                          list[i].tag.pcid == m->tag.pcid && list[i].rights == m->rights && list[i].host == m->host;
        if (!vmx_mapping_serves(&list[i], &m->tag, linear) || same)
            list[kept++] = list[i];
        there |= same && vmx_mapping_serves(&list[i], &m->tag, linear);
    }
    listed = kept;
    if (there)
        return;
    if (listed == SIM_TLB_ENTRIES) {
        memmove(list, list + 1, (listed - 1) * sizeof *list);
        listed--;
    }
    list[listed++] = *m;
}

static struct vmx_mapping random_mapping(struct random *random)
{
    static const uint8_t shifts[] = {12, 12, 12, 21, 30};
    const unsigned shift = shifts[random_below(random, 5)];
    struct vmx_mapping m = page(((gva_t)random_below(random, 3000) << 18) & ~((UINT64_C(1) << shift) - 1), (unsigned)random_below(random, 3),
                                (unsigned)random_below(random, 3));
    m.shift = (uint8_t)shift;
    m.guest_shift = random_below(random, 3) == 0 ? 30 : (uint8_t)shift;
    m.rights = (uint16_t)(FLAGS_OF_PAGE | (random_below(random, 4) == 0 ? VMX_PAGE_GLOBAL : 0));
    m.tag.ep4ta = random_below(random, 2) != 0 ? VMX_NO_EPT : 0x4000;
    return m;
}

static struct vmx_flush random_flush(struct random *random)
{
    const gva_t linear = (gva_t)random_below(random, 3000) << 18;
    const uint16_t vpid = (uint16_t)random_below(random, 3);
    const struct vmx_tag tag = {.vpid = vpid, .pcid = (uint16_t)random_below(random, 3), .ep4ta = 0x4000};
    switch (random_below(random, 60)) {
    case 0:
        return vmx_flush_invept(1 + random_below(random, 2), 0x4000);
    case 1:
        return vmx_flush_invvpid(1 + random_below(random, 3), vpid, linear);
    case 2:
        return (struct vmx_flush){
            .conditions = VMX_FLUSH_ANY | VMX_FLUSH_VPID | VMX_FLUSH_PCID | VMX_FLUSH_NOT_GLOBAL, .vpid = vpid, .pcid = tag.pcid};
    default:
        break;
    }
    const unsigned kind = random_below(random, 3);
    return kind == 0 ? vmx_flush_invvpid(0, vpid, linear) : kind == 1 ? vmx_flush_page_fault(&tag, linear) : vmx_flush_ept_violation(&tag, linear);
}

static bool equals_list(void)
{
    unsigned position = 0, at = 0;
    for (const struct vmx_mapping *m; (m = sim_tlb_next(&tlb, &position)) != NULL; at++)
        if (at >= listed || m->linear != list[at].linear || m->shift != list[at].shift || m->tag.vpid != list[at].tag.vpid ||
            m->tag.pcid != list[at].tag.pcid || m->tag.ep4ta != list[at].tag.ep4ta || m->rights != list[at].rights)
            return false;
    return at == listed;
}

static void random_operations_agree_with_a_list(void)
{
    struct random random = {.state = 5};
    begin();
    listed = 0;
    unsigned wrong = 0;
    for (unsigned i = 0; i < 30000; i++) {
        if (random_below(&random, 8) != 0) {
            const struct vmx_mapping m = random_mapping(&random);
            (void)sim_tlb_insert(&tlb, &m, m.linear);
            list_add(&m, m.linear);
        } else {
            const struct vmx_flush flush = random_flush(&random);
            wrong += forget(flush) != list_forget(&flush);
        }
        if (i % 64 == 0)
            wrong += !equals_list();
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT(listed > 100);
}

SUITE("sim/tlb", {"an_entry_serves_its_tag_alone", an_entry_serves_its_tag_alone}, {"pages_of_all_sizes_are_found", pages_of_all_sizes_are_found},
      {"the_oldest_entry_is_evicted", the_oldest_entry_is_evicted}, {"a_dirtier_mapping_keeps_its_place", a_dirtier_mapping_keeps_its_place},
      {"another_mapping_of_the_address_takes_its_place", another_mapping_of_the_address_takes_its_place},
      {"parts_of_a_guest_page_go_together", parts_of_a_guest_page_go_together},
      {"random_operations_agree_with_a_list", random_operations_agree_with_a_list})

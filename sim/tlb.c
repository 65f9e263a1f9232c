/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tagged cache of translations. */
#include "tlb.h"

#include <string.h>

_Static_assert(SIM_TLB_ENTRIES < UINT16_MAX, "links are 16 bits");

/* Of the tag only the VPID: operations on one address name it, but neither PCID nor EP4TA. */
static unsigned bucket_of(gva_t linear, unsigned shift, uint16_t vpid)
{
    const uint64_t key = (linear >> shift) ^ (uint64_t)vpid << 52;
    return (unsigned)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 32) % SIM_TLB_BUCKETS;
}

const struct vmx_mapping *sim_tlb_find(const struct sim_tlb *tlb, const struct vmx_tag *tag, gva_t linear)
{
    for (uint64_t sizes = tlb->sizes; sizes != 0; sizes &= sizes - 1) {
        const unsigned shift = (unsigned)__builtin_ctzll(sizes);
        for (unsigned link = tlb->bucket[bucket_of(linear, shift, tag->vpid)]; link != 0; link = tlb->slot[link - 1].next) {
            const struct vmx_mapping *m = &tlb->slot[link - 1].mapping;
            if (m->shift == shift && vmx_mapping_serves(m, tag, linear))
                return m;
        }
    }
    return NULL;
}

/* ---- slots ---- */

static uint16_t *link_to(struct sim_tlb *tlb, unsigned link)
{
    const struct vmx_mapping *m = &tlb->slot[link - 1].mapping;
    uint16_t *at = &tlb->bucket[bucket_of(m->linear, m->shift, m->tag.vpid)];
    while (*at != link)
        at = &tlb->slot[*at - 1].next;
    return at;
}

static void leave_order(struct sim_tlb *tlb, const struct sim_tlb_slot *slot)
{
    *(slot->older != 0 ? &tlb->slot[slot->older - 1].newer : &tlb->oldest) = slot->newer;
    *(slot->newer != 0 ? &tlb->slot[slot->newer - 1].older : &tlb->newest) = slot->older;
}

/* One more or one less of a size; `sizes` has a bit for each size that there is. */
static void count(uint16_t of_size[64], uint64_t *sizes, unsigned shift, bool added)
{
    const uint64_t bit = UINT64_C(1) << shift;
    of_size[shift] = (uint16_t)(of_size[shift] + (added ? 1 : UINT16_MAX));
    *sizes = of_size[shift] != 0 ? *sizes | bit : *sizes & ~bit;
}

/* ---- parts of guest pages that EPT splits: an operation on one address finds them by the guest's page ---- */

static uint16_t *part_bucket(struct sim_tlb *tlb, gva_t linear, unsigned guest_shift, uint16_t vpid)
{
    return &tlb->part_bucket[bucket_of(linear, guest_shift, vpid) % SIM_TLB_PART_BUCKETS];
}

static bool is_part(const struct vmx_mapping *m)
{
    return m->guest_shift > m->shift;
}

static void add_part(struct sim_tlb *tlb, unsigned link)
{
    struct sim_tlb_slot *slot = &tlb->slot[link - 1];
    const struct vmx_mapping *m = &slot->mapping;
    uint16_t *bucket = part_bucket(tlb, m->linear, m->guest_shift, m->tag.vpid);
    slot->part_next = *bucket;
    if (*bucket != 0)
        tlb->slot[*bucket - 1].part_before = (uint16_t)link;
    *bucket = (uint16_t)link;
    count(tlb->parts, &tlb->part_sizes, m->guest_shift, true);
}

static void remove_part(struct sim_tlb *tlb, const struct sim_tlb_slot *slot)
{
    const struct vmx_mapping *m = &slot->mapping;
    uint16_t *bucket = part_bucket(tlb, m->linear, m->guest_shift, m->tag.vpid);
    *(slot->part_before != 0 ? &tlb->slot[slot->part_before - 1].part_next : bucket) = slot->part_next;
    if (slot->part_next != 0)
        tlb->slot[slot->part_next - 1].part_before = slot->part_before;
    count(tlb->parts, &tlb->part_sizes, m->guest_shift, false);
}

static void drop(struct sim_tlb *tlb, unsigned link, struct sim_tlb_dropped *dropped)
{
    struct sim_tlb_slot *slot = &tlb->slot[link - 1];
    dropped->count++;
    *(slot->mapping.tag.ep4ta != VMX_NO_EPT ? &dropped->through_ept : &dropped->without_ept) = true;
    dropped->last = slot->mapping;
    *link_to(tlb, link) = slot->next;
    leave_order(tlb, slot);
    if (is_part(&slot->mapping))
        remove_part(tlb, slot);
    count(tlb->of_size, &tlb->sizes, slot->mapping.shift, false);
    tlb->live--;
    slot->mapping.shift = 0;
    slot->next = tlb->free;
    tlb->free = (uint16_t)link;
    if (tlb->live == 0)
        tlb->used = tlb->free = 0;
}

static unsigned take_slot(struct sim_tlb *tlb, struct sim_tlb_dropped *dropped)
{
    if (tlb->live == SIM_TLB_ENTRIES)
        drop(tlb, tlb->oldest, dropped);
    if (tlb->free == 0)
        return ++tlb->used;
    const unsigned link = tlb->free;
    tlb->free = tlb->slot[link - 1].next;
    return link;
}

/* ---- changes ---- */

static bool same_but_dirtier(const struct vmx_mapping *old, const struct vmx_mapping *m)
{
    const unsigned gained = VMX_PAGE_DIRTY | VMX_PAGE_EPT_DIRTY;
    return old->linear == m->linear && old->shift == m->shift && old->guest_shift == m->guest_shift && old->host == m->host &&
           old->guest == m->guest && old->key == m->key && old->tag.pcid == m->tag.pcid && (old->rights & ~gained) == (m->rights & ~gained) &&
           (old->rights & ~m->rights) == 0;
}

/* Drops all that serve the address, but for a mapping of the same page, which is brought up to date: true. */
static bool replace(struct sim_tlb *tlb, const struct vmx_mapping *mapping, gva_t linear, struct sim_tlb_dropped *dropped)
{
    bool replaced = false;
    for (uint64_t sizes = tlb->sizes; sizes != 0; sizes &= sizes - 1) {
        const unsigned shift = (unsigned)__builtin_ctzll(sizes);
        unsigned link = tlb->bucket[bucket_of(linear, shift, mapping->tag.vpid)];
        while (link != 0) {
            struct sim_tlb_slot *slot = &tlb->slot[link - 1];
            const unsigned next = slot->next;
            if (slot->mapping.shift == shift && vmx_mapping_serves(&slot->mapping, &mapping->tag, linear)) {
                if (same_but_dirtier(&slot->mapping, mapping)) {
                    slot->mapping.rights = mapping->rights;
                    replaced = true;
                } else {
                    drop(tlb, link, dropped);
                }
            }
            link = next;
        }
    }
    return replaced;
}

static void append(struct sim_tlb *tlb, const struct vmx_mapping *mapping, struct sim_tlb_dropped *dropped)
{
    const unsigned link = take_slot(tlb, dropped);
    uint16_t *bucket = &tlb->bucket[bucket_of(mapping->linear, mapping->shift, mapping->tag.vpid)];
    struct sim_tlb_slot *slot = &tlb->slot[link - 1];
    *slot = (struct sim_tlb_slot){.mapping = *mapping, .next = *bucket, .older = tlb->newest};
    *bucket = (uint16_t)link;
    *(tlb->newest != 0 ? &tlb->slot[tlb->newest - 1].newer : &tlb->oldest) = (uint16_t)link;
    tlb->newest = (uint16_t)link;
    count(tlb->of_size, &tlb->sizes, mapping->shift, true);
    tlb->live++;
    if (is_part(mapping))
        add_part(tlb, link);
}

struct sim_tlb_dropped sim_tlb_append(struct sim_tlb *tlb, const struct vmx_mapping *mapping)
{
    struct sim_tlb_dropped dropped = {0};
    append(tlb, mapping, &dropped);
    return dropped;
}

struct sim_tlb_dropped sim_tlb_insert(struct sim_tlb *tlb, const struct vmx_mapping *mapping, gva_t linear)
{
    struct sim_tlb_dropped dropped = {0};
    if (!replace(tlb, mapping, linear, &dropped))
        append(tlb, mapping, &dropped);
    return dropped;
}

static void invalidate_parts(struct sim_tlb *tlb, const struct vmx_flush *flush, struct sim_tlb_dropped *dropped)
{
    for (uint64_t sizes = tlb->part_sizes; sizes != 0; sizes &= sizes - 1) {
        unsigned link = *part_bucket(tlb, flush->linear, (unsigned)__builtin_ctzll(sizes), flush->vpid);
        while (link != 0) {
            const unsigned next = tlb->slot[link - 1].part_next;
            if (vmx_flush_names(flush, &tlb->slot[link - 1].mapping))
                drop(tlb, link, dropped);
            link = next;
        }
    }
}

/* Entries of one address stand in a bucket for each page size, and parts of a larger guest page in one for each size of that. */
static void invalidate_address(struct sim_tlb *tlb, const struct vmx_flush *flush, struct sim_tlb_dropped *dropped)
{
    invalidate_parts(tlb, flush, dropped);
    for (uint64_t sizes = tlb->sizes; sizes != 0; sizes &= sizes - 1) {
        const unsigned shift = (unsigned)__builtin_ctzll(sizes);
        unsigned link = tlb->bucket[bucket_of(flush->linear, shift, flush->vpid)];
        while (link != 0) {
            const unsigned next = tlb->slot[link - 1].next;
            const struct vmx_mapping *m = &tlb->slot[link - 1].mapping;
            if (m->shift == shift && vmx_flush_names(flush, m))
                drop(tlb, link, dropped);
            link = next;
        }
    }
}

struct sim_tlb_dropped sim_tlb_invalidate(struct sim_tlb *tlb, const struct vmx_flush *flush)
{
    const unsigned at_address = VMX_FLUSH_LINEAR | VMX_FLUSH_VPID;
    struct sim_tlb_dropped dropped = {0};
    if ((flush->conditions & at_address) == at_address) {
        invalidate_address(tlb, flush, &dropped);
        return dropped;
    }
    for (unsigned link = 1; link <= tlb->used; link++) {
        const struct vmx_mapping *m = &tlb->slot[link - 1].mapping;
        if (m->shift != 0 && vmx_flush_names(flush, m))
            drop(tlb, link, &dropped);
    }
    return dropped;
}

void sim_tlb_clear(struct sim_tlb *tlb)
{
    const struct vmx_flush all = {.conditions = VMX_FLUSH_ANY};
    (void)sim_tlb_invalidate(tlb, &all);
}

const struct vmx_mapping *sim_tlb_next(const struct sim_tlb *tlb, unsigned *position)
{
    /* Position p > 0 is behind the slot p - 1. */
    const unsigned link = *position == 0 ? tlb->oldest : tlb->slot[*position - 1].newer;
    if (link == 0)
        return NULL;
    *position = link;
    return &tlb->slot[link - 1].mapping;
}

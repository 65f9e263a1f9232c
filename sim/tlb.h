/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The translations that one physical CPU has cached, tagged by VPID, PCID and EP4TA. They change by insertion, by eviction of the one that was
   inserted longest ago when all room is used, and by invalidation; by nothing else. Plain data: no pointers. */
#ifndef SIM_TLB_H
#define SIM_TLB_H

#include "../vmx-model/caching.h"

enum { SIM_TLB_ENTRIES = 8192, SIM_TLB_BUCKETS = 8192, SIM_TLB_PART_BUCKETS = 1024 };

/* Entries by slot; links are slot numbers plus 1, 0 ends. Which slot an entry stands in has no effect. */
struct sim_tlb_slot {
    struct vmx_mapping mapping;      /* shift 0: the slot is free */
    uint16_t next;                   /* in the bucket, or among free slots */
    uint16_t older, newer;           /* in the order of insertion */
    uint16_t part_before, part_next; /* of a part of a larger guest page: in the bucket of that page */
};

struct sim_tlb {
    struct sim_tlb_slot slot[SIM_TLB_ENTRIES];
    uint16_t bucket[SIM_TLB_BUCKETS];
    uint16_t part_bucket[SIM_TLB_PART_BUCKETS];
    uint16_t oldest, newest, free;
    uint16_t used;        /* slots from 0 that have been taken since the cache was last empty */
    uint16_t live;        /* entries */
    uint16_t of_size[64]; /* entries by log2 of their page's bytes, */
    uint64_t sizes;       /* and a bit for each size that there is; */
    uint16_t parts[64];   /* the same for parts of larger guest pages, by the size of that page */
    uint64_t part_sizes;
};

/* The entry that serves the address, of the smallest page when there are several; NULL: none. Valid until the cache changes. */
const struct vmx_mapping *sim_tlb_find(const struct sim_tlb *tlb, const struct vmx_tag *tag, gva_t linear);

/* What a change of the cache took away, so that who holds a subset of it can follow. */
struct sim_tlb_dropped {
    unsigned count;
    bool through_ept, without_ept; /* some of them were made so */
    struct vmx_mapping last;       /* when count is not 0 */
};

/* Adds a mapping in place of all that serve `linear`, one of its bytes. A mapping of the same page that is only a dirty flag ahead of the old one
   takes its place in the order of insertion, and the old one does not count as dropped. */
struct sim_tlb_dropped sim_tlb_insert(struct sim_tlb *tlb, const struct vmx_mapping *mapping, gva_t linear);
/* The same for a mapping that stood in such a cache, in the order in which it stood there: what else serves its addresses stays. */
struct sim_tlb_dropped sim_tlb_append(struct sim_tlb *tlb, const struct vmx_mapping *mapping);
struct sim_tlb_dropped sim_tlb_invalidate(struct sim_tlb *tlb, const struct vmx_flush *flush);
void sim_tlb_clear(struct sim_tlb *tlb);

/* The entries in the order of insertion: `position` 0 asks for the first and is advanced; NULL: no more. */
const struct vmx_mapping *sim_tlb_next(const struct sim_tlb *tlb, unsigned *position);

#endif

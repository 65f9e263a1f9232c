/* SPDX-License-Identifier: MIT */
/* Walks that are remembered by what they read. A walk whose inputs are the same, every entry in memory among them, ends as it did: it is not done again.
   That is no cache of translations in the manual's sense, since every entry is read each time. Of walks through EPT nothing is remembered: reading their
   24 entries is most of what they cost. Internal to the walks. */
#ifndef VMX_WALK_MEMO_H
#define VMX_WALK_MEMO_H

#include "walk.h"

enum { VMX_TRAIL_MAX = 5, VMX_WALK_MEMOS = 8 };

/* The entries that a walk has read, in the memory that the model reads without a call. */
struct vmx_trail {
    unsigned count;
    bool broken; /* it has read something else, or written */
    struct {
        hpa_t address; /* bit 0: the entry has 4 bytes, not 8 */
        uint64_t entry;
    } read[VMX_TRAIL_MAX];
};

/* All that a walk depends on beside memory and the processor's capabilities. */
struct vmx_walk_key {
    uint64_t page; /* linear address over 4096 */
    uint64_t cr0, cr3, cr4, efer, pdpte;
    uint64_t keys; /* PKRU and the lower half of IA32_PKRS */
    uint64_t how;  /* kind of access, privilege, what applies; 0: nothing is remembered */
};

struct vmx_walk_memo {
    struct vmx_walk_key key;
    struct vmx_mapping mapping;
    unsigned serves; /* a bit for each enum vmx_access_kind */
    struct vmx_trail trail;
};

static inline void vmx_trail_break(struct vmx_trail *trail)
{
    if (trail != NULL)
        trail->broken = true;
}

static inline void vmx_trail_note(struct vmx_trail *trail, const struct vmx_cpu *cpu, hpa_t address, uint64_t entry, unsigned size_bytes)
{
    if (trail == NULL)
        return;
    if (address >= cpu->memory.byte_count || size_bytes > cpu->memory.byte_count - address) {
        trail->broken = true;
        return;
    }
    trail->read[trail->count].address = address | (size_bytes == 4);
    trail->read[trail->count++].entry = entry;
}

#endif

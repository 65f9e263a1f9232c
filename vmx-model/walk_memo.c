/* SPDX-License-Identifier: MIT */
/* Remembering walks, and seeing whether one would still go the same way. */
#include "access.h"
#include "registers.h"

enum { HOW_REMEMBERED = 1 << 0, HOW_USER = 1 << 1, HOW_IMPLICIT = 1 << 2, HOW_AC = 1 << 3, HOW_KIND = 4 };

static struct vmx_walk_key key_of(const struct vmx_access *a)
{
    const struct vmx_state *s = &a->cpu->state;
    const bool pae = (s->efer & VMX_EFER_LMA) == 0 && (s->cr4 & VMX_CR4_PAE) != 0;
    return (struct vmx_walk_key){.page = a->linear >> 12,
                                 .cr0 = s->cr0,
                                 .cr3 = s->cr3,
                                 .cr4 = s->cr4,
                                 .efer = s->efer,
                                 .pdpte = pae ? s->pdpte[a->linear >> 30 & 3] : 0,
                                 .keys = (uint64_t)(uint32_t)s->pkrs << 32 | s->pkru,
                                 .how = HOW_REMEMBERED | (a->user ? HOW_USER : 0u) | (a->implicit ? HOW_IMPLICIT : 0u) |
                                        ((s->rflags & VMX_RFLAGS_AC) != 0 ? HOW_AC : 0u) | (uint64_t)a->kind << HOW_KIND};
}

static bool same_key(const struct vmx_walk_key *a, const struct vmx_walk_key *b)
{
    return ((a->page ^ b->page) | (a->how ^ b->how) | (a->cr0 ^ b->cr0) | (a->cr3 ^ b->cr3) | (a->cr4 ^ b->cr4) | (a->efer ^ b->efer) |
            (a->pdpte ^ b->pdpte) | (a->keys ^ b->keys)) == 0;
}

static bool same_entries(const struct vmx_cpu *cpu, const struct vmx_trail *trail)
{
    for (unsigned i = 0; i < trail->count; i++) {
        const hpa_t address = trail->read[i].address;
        if (vmx_entry_of(cpu->memory.bytes + (address & ~UINT64_C(1)), (address & 1) != 0 ? 4 : 8) != trail->read[i].entry)
            return false;
    }
    return true;
}

bool vmx_walk_recall(struct vmx_access *a, struct vmx_walk_memo **memo, struct vmx_mapping *mapping, unsigned *serves)
{
    struct vmx_cpu *const cpu = a->cpu;
    *memo = NULL;
    if (cpu->memo == NULL || a->ept || a->apic_accesses || vmx_a20m_mode(cpu))
        return false;
    const struct vmx_walk_key key = key_of(a);
    const unsigned half = VMX_WALK_MEMOS / 2;
    struct vmx_walk_memo *const found = &cpu->memo[(cpu->operation == VMX_OPERATION_NON_ROOT ? half : 0) + (key.page ^ key.page >> 8) % half];
    if (same_key(&found->key, &key) && same_entries(cpu, &found->trail)) {
        const struct vmx_tag tag = mapping->tag;
        *mapping = found->mapping;
        mapping->tag = tag;
        *serves = found->serves;
        return true;
    }
    found->key = key;
    found->trail.count = 0;
    found->trail.broken = false;
    a->trail = &found->trail;
    *memo = found;
    return false;
}

void vmx_walk_remember(struct vmx_walk_memo *memo, const struct vmx_mapping *mapping, unsigned serves)
{
    if (memo == NULL)
        return;
    if (memo->trail.broken)
        memo->key.how = 0;
    memo->mapping = *mapping;
    memo->serves = serves;
}

void vmx_walk_forget(struct vmx_walk_memo *memo)
{
    if (memo != NULL)
        memo->key.how = 0;
}

/* SPDX-License-Identifier: MIT */
/* What each operation invalidates. SDM 3A, "Operations that Invalidate TLBs and Paging-Structure Caches"; SDM 3C, "Operations that Invalidate
   Cached Mappings". */
#include "caching.h"

#include "controls.h"
#include "cpu.h"
#include "registers.h"
#include "vmx_instructions.h"

#define EP4TA_BITS UINT64_C(0x000ffffffffff000)
#define PCID_BITS UINT64_C(0xfff)

enum vmx_paging vmx_paging_mode(const struct vmx_state *s)
{
    if ((s->cr0 & VMX_CR0_PG) == 0)
        return VMX_PAGING_OFF;
    if ((s->efer & VMX_EFER_LMA) != 0)
        return (s->cr4 & VMX_CR4_LA57) != 0 ? VMX_PAGING_5LEVEL : VMX_PAGING_4LEVEL;
    return (s->cr4 & VMX_CR4_PAE) != 0 ? VMX_PAGING_PAE : VMX_PAGING_32BIT;
}

static uint32_t secondary_in_force(const struct vmx_cpu *cpu)
{
    return cpu->operation == VMX_OPERATION_NON_ROOT ? vmx_secondary_controls(cpu) : 0;
}

static uint16_t current_vpid(const struct vmx_cpu *cpu, uint32_t secondary)
{
    return (secondary & VMX_SEC_ENABLE_VPID) != 0 ? (uint16_t)vmcs_get(cpu->vmcs, VMCS_VIRTUAL_PROCESSOR_ID) : 0;
}

static uint16_t current_pcid(const struct vmx_state *s)
{
    return (s->cr4 & VMX_CR4_PCIDE) != 0 ? (uint16_t)(s->cr3 & PCID_BITS) : 0;
}

struct vmx_tag vmx_current_tag(const struct vmx_cpu *cpu)
{
    const uint32_t secondary = secondary_in_force(cpu);
    const bool ept = (secondary & VMX_SEC_ENABLE_EPT) != 0;
    return (struct vmx_tag){.ep4ta = ept ? vmcs_get(cpu->vmcs, VMCS_EPT_POINTER) & EP4TA_BITS : VMX_NO_EPT,
                            .vpid = current_vpid(cpu, secondary),
                            .pcid = current_pcid(&cpu->state),
                            .paging = (uint8_t)vmx_paging_mode(&cpu->state)};
}

static bool pcid_named(const struct vmx_flush *f, const struct vmx_mapping *m)
{
    return m->tag.pcid == f->pcid || ((f->conditions & VMX_FLUSH_OR_GLOBAL) != 0 && (m->rights & VMX_PAGE_GLOBAL) != 0);
}

bool vmx_flush_names(const struct vmx_flush *f, const struct vmx_mapping *m)
{
    const unsigned c = f->conditions;
    return c != 0 && ((c & VMX_FLUSH_VPID) == 0 || m->tag.vpid == f->vpid) && ((c & VMX_FLUSH_NOT_VPID_0) == 0 || m->tag.vpid != 0) &&
           ((c & VMX_FLUSH_PCID) == 0 || pcid_named(f, m)) && ((c & VMX_FLUSH_EPT) == 0 || m->tag.ep4ta != VMX_NO_EPT) &&
           ((c & VMX_FLUSH_EP4TA) == 0 || m->tag.ep4ta == f->ep4ta) &&
           ((c & VMX_FLUSH_LINEAR) == 0 || ((m->linear ^ f->linear) >> m->guest_shift) == 0) &&
           ((c & VMX_FLUSH_NOT_GLOBAL) == 0 || (m->rights & VMX_PAGE_GLOBAL) == 0);
}

void vmx_invalidate(const struct vmx_cpu *cpu, struct vmx_flush flush)
{
    if (flush.conditions != 0 && cpu->cache.invalidate != NULL)
        cpu->cache.invalidate(cpu->cache.context, &flush);
}

/* Operations that know nothing of VMX act on the current VPID, whatever the EP4TA. */
static struct vmx_flush of_current_vpid(const struct vmx_cpu *cpu, unsigned conditions)
{
    return (struct vmx_flush){.conditions = (uint16_t)(VMX_FLUSH_ANY | VMX_FLUSH_VPID | conditions),
                              .vpid = current_vpid(cpu, secondary_in_force(cpu)),
                              .pcid = (conditions & VMX_FLUSH_PCID) != 0 ? current_pcid(&cpu->state) : 0};
}

struct vmx_flush vmx_flush_invlpg(const struct vmx_cpu *cpu, gva_t linear)
{
    struct vmx_flush flush = of_current_vpid(cpu, VMX_FLUSH_PCID | VMX_FLUSH_OR_GLOBAL | VMX_FLUSH_LINEAR);
    flush.linear = linear;
    return flush;
}

struct vmx_flush vmx_flush_invpcid(const struct vmx_cpu *cpu, uint64_t type, const uint64_t descriptor[2])
{
    static const uint16_t conditions[] = {VMX_FLUSH_PCID | VMX_FLUSH_NOT_GLOBAL | VMX_FLUSH_LINEAR, VMX_FLUSH_PCID | VMX_FLUSH_NOT_GLOBAL, 0,
                                          VMX_FLUSH_NOT_GLOBAL};
    struct vmx_flush flush = of_current_vpid(cpu, conditions[type & 3]);
    if ((flush.conditions & VMX_FLUSH_PCID) != 0)
        flush.pcid = (uint16_t)(descriptor[0] & PCID_BITS);
    if ((flush.conditions & VMX_FLUSH_LINEAR) != 0)
        flush.linear = descriptor[1];
    return flush;
}

struct vmx_flush vmx_flush_mov_cr3(const struct vmx_cpu *cpu, uint64_t value)
{
    const bool pcids = (cpu->state.cr4 & VMX_CR4_PCIDE) != 0;
    if (pcids && (value & VMX_BIT(63)) != 0)
        return (struct vmx_flush){0};
    struct vmx_flush flush = of_current_vpid(cpu, VMX_FLUSH_PCID | VMX_FLUSH_NOT_GLOBAL);
    flush.pcid = pcids ? (uint16_t)(value & PCID_BITS) : 0;
    return flush;
}

struct vmx_flush vmx_flush_mov_cr0(const struct vmx_cpu *cpu, uint64_t before, uint64_t after)
{
    return (before & ~after & VMX_CR0_PG) != 0 ? of_current_vpid(cpu, 0) : (struct vmx_flush){0};
}

struct vmx_flush vmx_flush_mov_cr4(const struct vmx_cpu *cpu, uint64_t before, uint64_t after)
{
    const uint64_t switched = before ^ after;
    if ((switched & VMX_CR4_PGE) != 0 || (switched & before & VMX_CR4_PCIDE) != 0)
        return of_current_vpid(cpu, 0);
    if ((switched & VMX_CR4_PAE) != 0 || (switched & after & VMX_CR4_SMEP) != 0)
        return of_current_vpid(cpu, VMX_FLUSH_PCID | VMX_FLUSH_OR_GLOBAL);
    return (struct vmx_flush){0};
}

struct vmx_flush vmx_flush_invvpid(uint64_t type, uint16_t vpid, gva_t linear)
{
    struct vmx_flush flush = {.conditions = VMX_FLUSH_ANY | VMX_FLUSH_VPID, .vpid = vpid};
    if (type == VMX_INVVPID_ALL)
        return (struct vmx_flush){.conditions = VMX_FLUSH_ANY | VMX_FLUSH_NOT_VPID_0};
    if (type == VMX_INVVPID_SINGLE_KEEP_GLOBAL)
        flush.conditions |= VMX_FLUSH_NOT_GLOBAL;
    if (type == VMX_INVVPID_ADDRESS) {
        flush.conditions |= VMX_FLUSH_LINEAR;
        flush.linear = linear;
    }
    return flush;
}

struct vmx_flush vmx_flush_invept(uint64_t type, uint64_t eptp)
{
    if (type == VMX_INVEPT_SINGLE)
        return (struct vmx_flush){.conditions = VMX_FLUSH_ANY | VMX_FLUSH_EPT | VMX_FLUSH_EP4TA, .ep4ta = eptp & EP4TA_BITS};
    return (struct vmx_flush){.conditions = VMX_FLUSH_ANY | VMX_FLUSH_EPT};
}

struct vmx_flush vmx_flush_transition(const struct vmx_cpu *cpu)
{
    if ((vmx_secondary_controls(cpu) & VMX_SEC_ENABLE_VPID) != 0)
        return (struct vmx_flush){0};
    return (struct vmx_flush){.conditions = VMX_FLUSH_ANY | VMX_FLUSH_VPID};
}

void vmx_invalidate_at_transition(const struct vmx_cpu *cpu)
{
    vmx_invalidate(cpu, vmx_flush_transition(cpu));
}

struct vmx_flush vmx_flush_page_fault(const struct vmx_tag *tag, gva_t linear)
{
    return (struct vmx_flush){.conditions = VMX_FLUSH_ANY | VMX_FLUSH_VPID | VMX_FLUSH_PCID | VMX_FLUSH_OR_GLOBAL | VMX_FLUSH_LINEAR,
                              .vpid = tag->vpid,
                              .pcid = tag->pcid,
                              .linear = linear};
}

struct vmx_flush vmx_flush_ept_violation(const struct vmx_tag *tag, gva_t linear)
{
    struct vmx_flush flush = vmx_flush_page_fault(tag, linear);
    flush.conditions |= VMX_FLUSH_EPT | VMX_FLUSH_EP4TA;
    flush.ep4ta = tag->ep4ta;
    return flush;
}

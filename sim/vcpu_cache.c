/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The cached translations of the physical CPU that a virtual CPU is bound to: the model asks and changes the tagged cache, and the engine holds those of
   them that serve the processor as it stands: one set in VMX root operation and outside of VMX operation, another in non-root operation, so that a
   transition that drops nothing from the cache costs neither. What the engine forgets costs a look into the cache, and nothing else. */
#include "vcpu_internal.h"

#include <string.h>

#include "../vmx-model/controls.h"

static void forget(struct bk_vcpu *vcpu, unsigned set)
{
    struct sim_translations *t = &vcpu->set[set];
    if (t->fetched)
        memset(t->code, 0, sizeof t->code);
    t->fetched = false;
    sim_engine_flush_set(vcpu->engine, set);
}

void sim_vcpu_forget(struct bk_vcpu *vcpu)
{
    for (unsigned set = 0; set < SIM_SETS; set++)
        forget(vcpu, set);
}

static void forget_page(struct bk_vcpu *vcpu, unsigned set, const struct vmx_mapping *m)
{
    struct sim_translations *t = &vcpu->set[set];
    if (!vmx_mapping_serves(m, &t->tag, m->linear))
        return;
    for (unsigned i = 0; t->fetched && i < SIM_CODE_PAGES; i++)
        if ((t->code[i].page * SIM_PAGE ^ m->linear) >> m->shift == 0)
            t->code[i].bytes = NULL;
    sim_engine_flush_page(vcpu->engine, set, m->linear, UINT64_C(1) << m->shift);
}

/* The engine of a vCPU that is not current forgets all when it is again. */
static void follow(struct bk_vcpu *vcpu, const struct sim_tlb_dropped *dropped)
{
    struct bk_vcpu *current = vcpu->pcpu->current;
    if (dropped->count == 0)
        return;
    if (current != NULL && current != vcpu)
        sim_vcpu_forget(current);
    for (unsigned set = 0; set < SIM_SETS; set++)
        if (dropped->count == 1)
            forget_page(vcpu, set, &dropped->last);
        else if (vcpu->set[set].tag.ep4ta != VMX_NO_EPT ? dropped->through_ept : dropped->without_ept)
            forget(vcpu, set);
}

const uint8_t *sim_vcpu_code(const struct bk_vcpu *vcpu, gva_t linear, bool user)
{
    const gva_t page = linear / SIM_PAGE;
    const struct sim_code_page *code = &vcpu->set[vcpu->set_in_use].code[page % SIM_CODE_PAGES];
    return code->page == page && code->user == user ? code->bytes : NULL;
}

void sim_vcpu_fetched(struct bk_vcpu *vcpu, gva_t linear, bool user, const uint8_t *bytes)
{
    const gva_t page = linear / SIM_PAGE;
    struct sim_translations *t = &vcpu->set[vcpu->set_in_use];
    t->fetched = true;
    t->code[page % SIM_CODE_PAGES] = (struct sim_code_page){.bytes = bytes, .page = page, .user = user};
}

static const struct vmx_mapping *find(void *context, const struct vmx_tag *tag, gva_t linear)
{
    const struct bk_vcpu *vcpu = context;
    return sim_tlb_find(&vcpu->pcpu->tlb, tag, linear);
}

static void insert(void *context, const struct vmx_mapping *mapping, gva_t linear)
{
    struct bk_vcpu *vcpu = context;
    const struct sim_tlb_dropped dropped = sim_tlb_insert(&vcpu->pcpu->tlb, mapping, linear);
    follow(vcpu, &dropped);
}

static void invalidate(void *context, const struct vmx_flush *flush)
{
    struct bk_vcpu *vcpu = context;
    const struct sim_tlb_dropped dropped = sim_tlb_invalidate(&vcpu->pcpu->tlb, flush);
    follow(vcpu, &dropped);
}

struct vmx_translation_cache sim_vcpu_cache(struct bk_vcpu *vcpu)
{
    return (struct vmx_translation_cache){.context = vcpu, .find = find, .insert = insert, .invalidate = invalidate};
}

/* The VMCS whose controls bear on translations; NULL outside of VMX non-root operation. */
static const struct vmcs *controlling_vmcs(const struct vmx_cpu *cpu)
{
    return cpu->operation == VMX_OPERATION_NON_ROOT ? cpu->vmcs : NULL;
}

static bool still_holds(const struct sim_translations *t, const struct vmx_cpu *cpu, const struct vmcs *v)
{
    const struct vmx_state *s = &cpu->state;
    if (v == NULL && t->a20m != vmx_a20m_mode(cpu))
        return false;
    if (((t->cr0 ^ s->cr0) | (t->cr3 ^ s->cr3) | (t->cr4 ^ s->cr4) | (t->efer ^ s->efer)) != 0)
        return false;
    return v == NULL || (((t->primary ^ v->field[VMCS_CPU_BASED_VM_EXEC_CONTROL]) & VMX_PRI_ACTIVATE_SECONDARY) |
                         (t->secondary ^ v->field[VMCS_SECONDARY_VM_EXEC_CONTROL]) | (t->vpid ^ v->field[VMCS_VIRTUAL_PROCESSOR_ID]) |
                         (t->eptp ^ v->field[VMCS_EPT_POINTER])) == 0;
}

void sim_vcpu_retag(struct bk_vcpu *vcpu)
{
    const struct vmx_cpu *cpu = &vcpu->cpu;
    const struct vmx_state *s = &cpu->state;
    const struct vmcs *v = controlling_vmcs(cpu);
    const unsigned set = v != NULL ? SIM_SET_NON_ROOT : SIM_SET_ROOT;
    struct sim_translations *t = &vcpu->set[set];
    vcpu->set_in_use = set;
    sim_engine_select(vcpu->engine, set);
    if (still_holds(t, cpu, v))
        return;
    *t = (struct sim_translations){
        .tag = vmx_current_tag(cpu), .cr0 = s->cr0, .cr3 = s->cr3, .cr4 = s->cr4, .efer = s->efer, .a20m = vmx_a20m_mode(cpu)};
    if (v != NULL) {
        t->primary = vmcs_get(v, VMCS_CPU_BASED_VM_EXEC_CONTROL);
        t->secondary = vmcs_get(v, VMCS_SECONDARY_VM_EXEC_CONTROL);
        t->vpid = vmcs_get(v, VMCS_VIRTUAL_PROCESSOR_ID);
        t->eptp = vmcs_get(v, VMCS_EPT_POINTER);
    }
    forget(vcpu, set);
}

void sim_vcpu_flush(struct bk_vcpu *vcpu)
{
    sim_tlb_clear(&vcpu->pcpu->tlb);
    sim_vcpu_retag(vcpu);
    sim_vcpu_forget(vcpu);
}

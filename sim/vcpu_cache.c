/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The cached translations of the physical CPU that a virtual CPU is bound to: the model asks and changes the tagged cache, and the engine holds those of
   them that serve the processor as it stands. What the engine forgets costs a look into the cache, and nothing else. */
#include "vcpu_internal.h"

#include "../vmx-model/controls.h"

void sim_vcpu_forget(struct bk_vcpu *vcpu)
{
    vcpu->code_cached = false;
    sim_engine_flush(vcpu->engine);
}

static bool engine_may_hold(const struct bk_vcpu *vcpu, const struct vmx_mapping *m)
{
    return vmx_mapping_serves(m, &vcpu->context.tag, m->linear);
}

/* The engine of a vCPU that is not current forgets all when it is again. */
static void follow(struct bk_vcpu *vcpu, const struct sim_tlb_dropped *dropped)
{
    struct bk_vcpu *current = vcpu->pcpu->current;
    if (current != NULL && current != vcpu && dropped->count != 0)
        sim_vcpu_forget(current);
    if (dropped->count > 1) {
        sim_vcpu_forget(vcpu);
    } else if (dropped->count == 1 && engine_may_hold(vcpu, &dropped->last)) {
        vcpu->code_cached = false;
        sim_engine_flush_page(vcpu->engine, dropped->last.linear);
    }
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

static bool context_holds(const struct sim_context *c, const struct vmx_cpu *cpu)
{
    const struct vmx_state *s = &cpu->state;
    const struct vmcs *v = controlling_vmcs(cpu);
    if (c->non_root != (v != NULL) || ((c->cr0 ^ s->cr0) | (c->cr3 ^ s->cr3) | (c->cr4 ^ s->cr4) | (c->efer ^ s->efer)) != 0)
        return false;
    return v == NULL || (((c->primary ^ v->field[VMCS_CPU_BASED_VM_EXEC_CONTROL]) & VMX_PRI_ACTIVATE_SECONDARY) |
                         (c->secondary ^ v->field[VMCS_SECONDARY_VM_EXEC_CONTROL]) | (c->vpid ^ v->field[VMCS_VIRTUAL_PROCESSOR_ID]) |
                         (c->eptp ^ v->field[VMCS_EPT_POINTER])) == 0;
}

void sim_vcpu_retag(struct bk_vcpu *vcpu)
{
    const struct vmx_cpu *cpu = &vcpu->cpu;
    const struct vmx_state *s = &cpu->state;
    const struct vmcs *v = controlling_vmcs(cpu);
    struct sim_context *c = &vcpu->context;
    if (context_holds(c, cpu))
        return;
    *c = (struct sim_context){.tag = vmx_current_tag(cpu), .cr0 = s->cr0, .cr3 = s->cr3, .cr4 = s->cr4, .efer = s->efer, .non_root = v != NULL};
    if (v != NULL) {
        c->primary = vmcs_get(v, VMCS_CPU_BASED_VM_EXEC_CONTROL);
        c->secondary = vmcs_get(v, VMCS_SECONDARY_VM_EXEC_CONTROL);
        c->vpid = vmcs_get(v, VMCS_VIRTUAL_PROCESSOR_ID);
        c->eptp = vmcs_get(v, VMCS_EPT_POINTER);
    }
    sim_vcpu_forget(vcpu);
}

void sim_vcpu_flush(struct bk_vcpu *vcpu)
{
    sim_tlb_clear(&vcpu->pcpu->tlb);
    sim_vcpu_retag(vcpu);
    sim_vcpu_forget(vcpu);
}

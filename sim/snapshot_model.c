/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The model's processor, field by field. */
#include "snapshot_internal.h"

SNAPSHOT_COVERS(struct vmx_segment, 24);
SNAPSHOT_COVERS(struct vmx_descriptor_table, 16);
SNAPSHOT_COVERS(struct vmx_state, 728);
SNAPSHOT_COVERS(struct vmx_pending, 12);
SNAPSHOT_COVERS(struct vmx_cpu, 1024);
SNAPSHOT_COVERS(struct vmcs, 72 + 8 * VMCS_FIELD_COUNT);

static void segment(struct archive *a, struct vmx_segment *s)
{
    ARCHIVE(a, s->base);
    ARCHIVE(a, s->limit);
    ARCHIVE(a, s->access_rights);
    ARCHIVE(a, s->selector);
}

static void table(struct archive *a, struct vmx_descriptor_table *t)
{
    ARCHIVE(a, t->base);
    ARCHIVE(a, t->limit);
}

static void msrs(struct archive *a, struct vmx_state *s)
{
    uint64_t *const msr[] = {&s->debugctl,
                             &s->sysenter_cs,
                             &s->sysenter_esp,
                             &s->sysenter_eip,
                             &s->pat,
                             &s->perf_global_ctrl,
                             &s->bndcfgs,
                             &s->rtit_ctl,
                             &s->lbr_ctl,
                             &s->pkrs,
                             &s->spec_ctrl,
                             &s->xss,
                             &s->s_cet,
                             &s->ssp,
                             &s->interrupt_ssp_table,
                             &s->star,
                             &s->lstar,
                             &s->cstar,
                             &s->fmask,
                             &s->kernel_gs_base,
                             &s->tsc_aux,
                             &s->apic_base,
                             &s->misc_enable};
    for (unsigned i = 0; i < sizeof msr / sizeof *msr; i++)
        archive_u64(a, msr[i]);
    ARCHIVE(a, s->pkru);
}

void snapshot_state(struct archive *a, struct vmx_state *s)
{
    ARCHIVE_ARRAY(a, s->gpr);
    ARCHIVE(a, s->rip);
    ARCHIVE(a, s->rflags);
    ARCHIVE(a, s->cr0);
    ARCHIVE(a, s->cr2);
    ARCHIVE(a, s->cr3);
    ARCHIVE(a, s->cr4);
    ARCHIVE(a, s->cr8);
    ARCHIVE(a, s->efer);
    ARCHIVE(a, s->xcr0);
    ARCHIVE_ARRAY(a, s->pdpte);
    for (unsigned i = 0; i < VMX_SEGMENT_COUNT; i++)
        segment(a, &s->seg[i]);
    table(a, &s->gdtr);
    table(a, &s->idtr);
    ARCHIVE_ARRAY(a, s->dr);
    msrs(a, s);
    ARCHIVE(a, s->interruptibility);
    ARCHIVE(a, s->activity);
    ARCHIVE(a, s->pending_debug);
}

static void pending(struct archive *a, struct vmx_pending *p)
{
    ARCHIVE(a, p->nmi);
    ARCHIVE(a, p->init);
    ARCHIVE(a, p->sipi);
    ARCHIVE(a, p->smi);
    ARCHIVE(a, p->machine_check);
    ARCHIVE(a, p->interrupt);
    ARCHIVE(a, p->sipi_vector);
    ARCHIVE(a, p->interrupt_vector);
    ARCHIVE(a, p->mtf);
    ARCHIVE(a, p->preemption_timer);
    ARCHIVE(a, p->tpr_below_threshold);
    ARCHIVE(a, p->virtual_interrupt);
}

static void vmcs(struct archive *a, struct vmcs *v)
{
    ARCHIVE(a, v->revision);
    ARCHIVE(a, v->abort_indicator);
    ARCHIVE(a, v->launched);
    ARCHIVE(a, v->unchecked);
    ARCHIVE(a, v->unloaded);
    ARCHIVE(a, v->checked_for);
    ARCHIVE(a, v->checked_rip);
    ARCHIVE(a, v->checked_rflags);
    for (unsigned i = 0; i < sizeof v->injection / sizeof *v->injection; i++) {
        ARCHIVE(a, v->injection[i].info);
        ARCHIVE(a, v->injection[i].error_code);
        ARCHIVE(a, v->injection[i].instruction_length);
        ARCHIVE(a, v->injection[i].held);
    }
    ARCHIVE_ARRAY(a, v->field);
}

/* The current VMCS is a region of RAM, or what VMPTRLD read from one. */
static void current_vmcs(struct archive *a, struct vmx_cpu *cpu, uint8_t *ram, uint64_t ram_size)
{
    enum { NONE, REGION, CACHE, WAYS };
    uint8_t way = cpu->vmcs == NULL ? NONE : cpu->vmcs == cpu->vmcs_cache ? CACHE : REGION;
    bool loaded = cpu->loaded != NULL && cpu->loaded == cpu->vmcs, cached = cpu->vmcs_cache != NULL;
    ARCHIVE_BELOW(a, way, WAYS);
    ARCHIVE(a, cpu->current_vmcs);
    ARCHIVE(a, loaded);
    ARCHIVE(a, cached);
    if (cached != (cpu->vmcs_cache != NULL) || (way == CACHE && !cached)) {
        archive_fail(a, "the processors differ in where they keep their current VMCS");
        return;
    }
    if (cached)
        vmcs(a, cpu->vmcs_cache);
    if (!a->reading)
        return;
    if (way == REGION && (cpu->current_vmcs % SIM_PAGE != 0 || cpu->current_vmcs > ram_size - SIM_PAGE)) {
        archive_fail(a, "a VMCS stands outside of RAM");
        return;
    }
    cpu->vmcs = way == NONE ? NULL : way == CACHE ? cpu->vmcs_cache : (struct vmcs *)(void *)(ram + cpu->current_vmcs);
    cpu->loaded = loaded ? cpu->vmcs : NULL;
    cpu->settled_of = NULL; /* found again */
}

void snapshot_cpu(struct archive *a, struct vmx_cpu *cpu, uint8_t *ram, uint64_t ram_size)
{
    archive_mark(a, "cpu ");
    snapshot_state(a, &cpu->state);
    ARCHIVE(a, cpu->apic_id);
    ARCHIVE(a, cpu->processors);
    ARCHIVE(a, cpu->operation);
    current_vmcs(a, cpu, ram, ram_size);
    ARCHIVE(a, cpu->vmxon_region);
    ARCHIVE(a, cpu->feature_control);
    ARCHIVE(a, cpu->mtrr_def_type);
    ARCHIVE(a, cpu->tsc);
    pending(a, &cpu->pending);
    ARCHIVE(a, cpu->smm);
    ARCHIVE(a, cpu->mce_at_entry);
    ARCHIVE(a, cpu->a20_masked);
    ARCHIVE(a, cpu->native_root);
    ARCHIVE(a, cpu->nmi_blocked);
    ARCHIVE(a, cpu->vectoring_info);
    ARCHIVE(a, cpu->vectoring_error_code);
    ARCHIVE(a, cpu->vectoring_length);
    ARCHIVE(a, cpu->repeats);
    ARCHIVE(a, cpu->breakpoints_hit);
    ARCHIVE(a, cpu->nmi_unblocked_by_iret);
    ARCHIVE(a, cpu->timer_active);
    ARCHIVE(a, cpu->timer_start_tsc);
    ARCHIVE(a, cpu->timer_start_value);
    ARCHIVE(a, cpu->ple_first);
    ARCHIVE(a, cpu->ple_last);
    ARCHIVE(a, cpu->ple_seen);
    ARCHIVE(a, cpu->monitor_armed);
    ARCHIVE(a, cpu->tsc_adjust);
    ARCHIVE(a, cpu->random_state);
    ARCHIVE(a, cpu->loaded_entry_controls);
    ARCHIVE(a, cpu->stale);
    ARCHIVE(a, cpu->unsaved);
    ARCHIVE(a, cpu->violated);
}

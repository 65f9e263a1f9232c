/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The simulated machine, field by field: physical CPUs, virtual CPUs, engines. */
#include "snapshot_internal.h"

SNAPSHOT_COVERS(struct sim_stimulus, 16);
SNAPSHOT_COVERS(struct sim_source, 80);
SNAPSHOT_COVERS(struct vmx_mapping, 48);
SNAPSHOT_COVERS(struct vmx_apic_operation, 6);
SNAPSHOT_COVERS(struct sim_arrival, 16);
SNAPSHOT_COVERS(struct sim_pcpu, 80 + SIM_ARRIVALS_MAX * sizeof(struct sim_arrival) + sizeof(struct sim_tlb));
SNAPSHOT_COVERS(struct bk_vcpu,
                1576 + SIM_DECODED * sizeof(struct sim_decoded) + sizeof(((struct bk_vcpu *)0)->memo) + sizeof(struct vmx_cpu) + sizeof(struct vmcs));
SNAPSHOT_COVERS(struct bk_machine, 496 + BK_SOURCES_MAX * sizeof(struct sim_source) + sizeof(struct vmx_caps) +
                                       SIM_VCPUS_MAX * sizeof(struct bk_vcpu) + SIM_PCPUS_MAX * sizeof(struct sim_pcpu) + sizeof(struct sim_ram_log));
SNAPSHOT_COVERS(struct sim_engine_image, 1168);

static void floating_point(struct archive *a, struct sim_engine_float *f)
{
    ARCHIVE(a, f->control);
    ARCHIVE(a, f->status);
    ARCHIVE(a, f->tags);
    ARCHIVE(a, f->opcode);
    ARCHIVE(a, f->instruction);
    ARCHIVE(a, f->data);
    for (unsigned i = 0; i < 8; i++) {
        ARCHIVE(a, f->x87[i].significand);
        ARCHIVE(a, f->x87[i].exponent);
    }
    for (unsigned i = 0; i < 16; i++)
        ARCHIVE_ARRAY(a, f->sse[i]);
    ARCHIVE(a, f->mxcsr);
}

static void engine(struct archive *a, struct sim_engine *engine)
{
    struct sim_engine_image image = {0};
    if (!a->reading)
        sim_engine_save(engine, &image);
    archive_mark(a, "eng ");
    snapshot_state(a, &image.state);
    floating_point(a, &image.floating);
    ARCHIVE(a, image.ticks);
    ARCHIVE(a, image.unretired);
    ARCHIVE(a, image.allow);
    ARCHIVE(a, image.watch);
    if (a->reading && a->wrong == NULL)
        sim_engine_restore(engine, &image);
}

static void stimuli(struct archive *a, struct bk_vcpu *vcpu)
{
    ARCHIVE_BELOW(a, vcpu->stimulus_count, SIM_STIMULI_MAX + 1);
    for (unsigned i = 0; i < vcpu->stimulus_count; i++) {
        ARCHIVE_BELOW(a, vcpu->stimuli[i].kind, BK_MACHINE_CHECK_AT_ENTRY + 1);
        ARCHIVE(a, vcpu->stimuli[i].vector);
        ARCHIVE(a, vcpu->stimuli[i].due);
    }
}

static void mapping(struct archive *a, struct vmx_mapping *m)
{
    ARCHIVE(a, m->tag.ep4ta);
    ARCHIVE(a, m->tag.vpid);
    ARCHIVE(a, m->tag.pcid);
    ARCHIVE_BELOW(a, m->tag.paging, VMX_PAGING_5LEVEL + 1);
    ARCHIVE_BELOW(a, m->shift, 64);
    ARCHIVE_BELOW(a, m->guest_shift, 64);
    ARCHIVE(a, m->key);
    ARCHIVE(a, m->rights);
    ARCHIVE(a, m->linear);
    ARCHIVE(a, m->guest);
    ARCHIVE(a, m->host);
}

/* In the order of insertion, by which they are evicted. */
static void translations(struct archive *a, struct sim_tlb *tlb)
{
    uint32_t count = tlb->live;
    unsigned position = 0;
    ARCHIVE_BELOW(a, count, SIM_TLB_ENTRIES + 1);
    if (a->reading)
        sim_tlb_clear(tlb);
    for (uint32_t i = 0; i < count; i++) {
        struct vmx_mapping m = {0};
        if (!a->reading)
            m = *sim_tlb_next(tlb, &position);
        mapping(a, &m);
        if (!a->reading)
            continue;
        if (m.shift == 0)
            archive_fail(a, "a translation has no size");
        else
            (void)sim_tlb_append(tlb, &m);
    }
}

/* Which vCPU is current is a number and 1; 0: none. */
static void physical_cpu(struct archive *a, struct bk_machine *machine, struct sim_pcpu *pcpu)
{
    uint32_t current = pcpu->current != NULL ? pcpu->current->index + 1 : 0;
    ARCHIVE(a, pcpu->clock);
    ARCHIVE_ARRAY(a, pcpu->interrupts);
    ARCHIVE(a, pcpu->nmi);
    ARCHIVE_BELOW(a, current, machine->vcpu_count + 1);
    ARCHIVE_BELOW(a, pcpu->arrival_count, SIM_ARRIVALS_MAX + 1);
    ARCHIVE(a, pcpu->next_arrival);
    for (unsigned i = 0; i < pcpu->arrival_count; i++) {
        ARCHIVE_BELOW(a, pcpu->arrivals[i].kind, BK_MACHINE_CHECK_AT_ENTRY + 1);
        ARCHIVE(a, pcpu->arrivals[i].vector);
        ARCHIVE_BELOW(a, pcpu->arrivals[i].vcpu, machine->vcpu_count);
        ARCHIVE(a, pcpu->arrivals[i].at);
    }
    translations(a, &pcpu->tlb);
    if (a->reading)
        pcpu->current = current != 0 ? &machine->vcpu[current - 1] : NULL;
}

static void physical_cpus(struct archive *a, struct bk_machine *machine)
{
    uint32_t count = machine->pcpu_count;
    archive_mark(a, "pcpu");
    ARCHIVE_BELOW(a, count, SIM_PCPUS_MAX + 1);
    if (a->reading)
        sim_pcpus_reset(machine, count != 0 ? count : 1);
    for (unsigned i = 0; i < machine->pcpu_count; i++)
        physical_cpu(a, machine, &machine->pcpu[i]);
}

static void bound_to(struct archive *a, struct bk_vcpu *vcpu)
{
    uint32_t pcpu = vcpu->pcpu->index;
    ARCHIVE_BELOW(a, pcpu, vcpu->machine->pcpu_count);
    vcpu->pcpu = &vcpu->machine->pcpu[pcpu];
}

static void virtual_cpu(struct archive *a, struct bk_vcpu *vcpu)
{
    snapshot_cpu(a, &vcpu->cpu, vcpu->machine->ram, vcpu->machine->ram_size);
    ARCHIVE_BELOW(a, vcpu->violated, VMX_CHECK_COUNT);
    ARCHIVE(a, vcpu->stale);
    ARCHIVE(a, vcpu->touched);
    ARCHIVE(a, vcpu->retired_at_clear);
    ARCHIVE(a, vcpu->cost_exit);
    ARCHIVE(a, vcpu->cost_handler);
    ARCHIVE(a, vcpu->cost_entry);
    bound_to(a, vcpu);
    ARCHIVE(a, vcpu->counted);
    ARCHIVE(a, vcpu->turn_end);
    ARCHIVE(a, vcpu->turn_left);
    ARCHIVE(a, vcpu->not_before);
    ARCHIVE(a, vcpu->slept_at);
    ARCHIVE(a, vcpu->entered);
    ARCHIVE(a, vcpu->away);
    ARCHIVE(a, vcpu->stirred);
    stimuli(a, vcpu);
    ARCHIVE(a, vcpu->apic_alone);
    ARCHIVE(a, vcpu->apic.written);
    ARCHIVE(a, vcpu->apic.offset);
    ARCHIVE(a, vcpu->apic.size);
    ARCHIVE(a, vcpu->device_wanted);
    ARCHIVE(a, vcpu->device_alone);
    ARCHIVE(a, vcpu->exit_at);
    engine(a, vcpu->engine);
    if (a->reading) {
        vcpu->allowed_at = UINT64_MAX;
        sim_vcpu_forget(vcpu);
    }
}

static void source(struct archive *a, struct sim_source *s)
{
    ARCHIVE(a, s->source.vector);
    ARCHIVE(a, s->source.physical_cpu);
    ARCHIVE(a, s->source.period);
    ARCHIVE(a, s->source.jitter);
    ARCHIVE(a, s->source.first);
    ARCHIVE(a, s->source.count);
    ARCHIVE(a, s->source.seed);
    ARCHIVE(a, s->origin);
    ARCHIVE(a, s->raised);
    ARCHIVE(a, s->merged);
    ARCHIVE(a, s->due);
    if (a->reading && s->source.period == 0)
        archive_fail(a, "an interrupt source has no period");
}

/* A bare machine has no other memory than what its software sees. */
static void hypervisors_memory(struct archive *a, struct bk_machine *machine)
{
    ARCHIVE_BELOW(a, machine->guest_size, machine->ram_size - SIM_GUEST_BASE + 1);
    ARCHIVE_BELOW(a, machine->next_page, SIM_GUEST_BASE + 1);
    if (machine->next_page < SIM_HOST_PAGES_FIRST || machine->next_page % SIM_PAGE != 0)
        archive_fail(a, "the next page for the hypervisor is none of its own");
}

void snapshot_machine(struct archive *a, struct bk_machine *machine)
{
    archive_mark(a, "mach");
    archive_same(a, machine->ram_size, "the machines differ in RAM");
    archive_same(a, machine->vcpu_count, "the machines differ in virtual CPUs");
    if (machine->board == NULL)
        hypervisors_memory(a, machine);
    ARCHIVE(a, machine->limit);
    ARCHIVE(a, machine->retired_at_limit);
    ARCHIVE(a, machine->ticks_at_limit);
    ARCHIVE(a, machine->tsc_read);
    ARCHIVE(a, machine->steps);
    ARCHIVE_BELOW(a, machine->source_count, BK_SOURCES_MAX + 1);
    for (unsigned i = 0; i < machine->source_count; i++)
        source(a, &machine->sources[i]);
    ARCHIVE(a, machine->free_of_charge);
    archive_bytes(a, machine->error, sizeof machine->error);
    machine->error[sizeof machine->error - 1] = '\0';
    physical_cpus(a, machine);
    for (unsigned i = 0; i < machine->vcpu_count; i++)
        virtual_cpu(a, &machine->vcpu[i]);
}

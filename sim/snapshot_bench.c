/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hypervisor and the bench that drives it, field by field. */
#include "snapshot_internal.h"

SNAPSHOT_COVERS(struct hv_vcpu, 256);
SNAPSHOT_COVERS(struct hv_memory, 24);
SNAPSHOT_COVERS(struct hv_vm, 96 + sizeof(((struct hv_vm *)0)->route) + sizeof(struct hv_policy) + 8 * sizeof(struct hv_vcpu) +
                                  HV_MEMORIES * sizeof(struct hv_memory) + sizeof(struct hv_device_set));
SNAPSHOT_COVERS(struct bench_cpu, 96);
SNAPSHOT_COVERS(struct bench, 72 + sizeof(struct hv_vm) + sizeof(struct bench_setup) + BENCH_VCPUS * sizeof(struct bench_cpu));
SNAPSHOT_COVERS(struct packed_step, 40);
SNAPSHOT_COVERS(struct bench_result, 112);

static void virtual_cpu(struct archive *a, struct hv_vcpu *v)
{
    ARCHIVE_ARRAY(a, v->pending_vectors);
    ARCHIVE(a, v->pending_nmi);
    ARCHIVE(a, v->inject_valid);
    ARCHIVE(a, v->inject_info);
    ARCHIVE(a, v->inject_error_code);
    ARCHIVE(a, v->inject_length);
    ARCHIVE(a, v->halted);
    ARCHIVE(a, v->mtf_steps);
    ARCHIVE(a, v->triple_fault);
    ARCHIVE(a, v->entered);
    ARCHIVE(a, v->owns_timer);
    ARCHIVE(a, v->alarm);
    ARCHIVE(a, v->kicked);
    ARCHIVE(a, v->kick_sent);
    ARCHIVE(a, v->outside);
    ARCHIVE(a, v->posted);
    ARCHIVE(a, v->moved);
    ARCHIVE_BELOW(a, v->move_to, HV_PHYSICAL_CPUS + 1);
    ARCHIVE_ARRAY(a, v->moves);
    ARCHIVE(a, v->offered);
    ARCHIVE_ARRAY(a, v->eoi_exits);
    ARCHIVE(a, v->tpr);
    ARCHIVE(a, v->timer_reload);
    ARCHIVE(a, v->random);
    archive_bytes(a, v->stop_reason, sizeof v->stop_reason);
    v->stop_reason[sizeof v->stop_reason - 1] = '\0';
}

/* Its policy and routes are the scenario's. */
static void vm(struct archive *a, struct hv_vm *vm)
{
    bool devices = vm->devices != NULL;
    archive_mark(a, "vm  ");
    archive_same(a, vm->vcpus, "the hypervisors differ in virtual CPUs");
    for (unsigned i = 0; i < vm->vcpus; i++)
        virtual_cpu(a, &vm->vcpu[i]);
    ARCHIVE(a, vm->ept_root);
    ARCHIVE_BELOW(a, vm->memories, HV_MEMORIES + 1);
    for (unsigned i = 0; i < vm->memories; i++) {
        ARCHIVE(a, vm->memory[i].guest);
        ARCHIVE(a, vm->memory[i].size);
        ARCHIVE(a, vm->memory[i].table);
    }
    ARCHIVE(a, vm->dirty_pages);
    ARCHIVE(a, vm->mtrr_def_type);
    ARCHIVE(a, vm->kicks);
    archive_same(a, devices, "the hypervisors differ in whether they have devices");
    if (devices)
        snapshot_devices(a, &vm->device_set);
}

static void step(struct archive *a, struct packed_step *s)
{
    ARCHIVE_BELOW(a, s->kind, STEP_MOVE + 1);
    ARCHIVE(a, s->line);
    ARCHIVE(a, s->vcpu);
    ARCHIVE(a, s->a);
    ARCHIVE(a, s->b);
    ARCHIVE(a, s->c);
    ARCHIVE(a, s->extra);
}

/* Places in the packed scenario are offsets. */
static void bench_cpu(struct archive *a, struct bench_cpu *c, const struct sim_scenario *scenario)
{
    uint64_t extra = c->have_step ? (uint64_t)(c->extra - scenario->packed) : 0;
    ARCHIVE(a, c->steps.at);
    ARCHIVE(a, c->have_step);
    if (c->have_step) {
        step(a, &c->step);
        ARCHIVE_BELOW(a, extra, scenario->packed_size + 1);
        if (c->step.extra > scenario->packed_size - extra)
            archive_fail(a, "a step stands outside of its scenario");
        c->extra = scenario->packed + extra;
    }
    ARCHIVE(a, c->preempted);
    ARCHIVE(a, c->asleep);
    ARCHIVE(a, c->halted);
    ARCHIVE(a, c->exited);
    ARCHIVE(a, c->cost_due);
    ARCHIVE(a, c->retired_start);
    ARCHIVE(a, c->retired);
}

static void run(struct archive *a, struct bench *bench, const struct sim_scenario *scenario)
{
    archive_mark(a, "run ");
    archive_same(a, bench->setup.plan.crc, "the scenario is another one");
    for (unsigned i = 0; i < bench->cpus; i++)
        bench_cpu(a, &bench->cpu[i], scenario);
    ARCHIVE(a, bench->finished);
    ARCHIVE(a, bench->tsc_start);
    ARCHIVE_BELOW(a, bench->turn, BENCH_VCPUS);
    ARCHIVE(a, bench->in_turn);
}

static void result(struct archive *a, struct bench_result *r)
{
    ARCHIVE_BELOW(a, r->stop, TRACE_STOP_HOST_ERROR + 1);
    ARCHIVE(a, r->exits);
    archive_bytes(a, r->text, sizeof r->text);
    r->text[sizeof r->text - 1] = '\0';
}

void snapshot_bench(struct archive *a, struct sim_session *session)
{
    vm(a, &session->bench.vm);
    run(a, &session->bench, session->scenario);
    result(a, &session->result);
    for (unsigned i = 0; i < TRACE_VCPUS; i++)
        ARCHIVE_ARRAY(a, session->writer.gpr[i]);
    ARCHIVE(a, session->writer.exits);
    ARCHIVE(a, session->writer.failed);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs a packed scenario and keeps all that a run leaves behind. */
#define _DEFAULT_SOURCE
#include "exact.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "handlers/bench/bench.h"

static bool record(void *context, const void *bytes, uint32_t size)
{
    struct exact_run *r = context;
    if (size > r->trace_room - r->trace_size) {
        r->trace_room = (r->trace_size + size) * 2;
        uint8_t *grown = realloc(r->trace, r->trace_room);
        if (grown == NULL)
            return false;
        r->trace = grown;
    }
    memcpy(r->trace + r->trace_size, bytes, size);
    r->trace_size += size;
    return true;
}

/* RAM as a private copy where it is not zero: guests of many MiB are mostly empty. */
static void keep_memory(struct exact_run *out, const uint8_t *ram, uint64_t size)
{
    enum { PAGE = 4096 };
    static const uint8_t zeros[PAGE];
    void *copy = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (copy == MAP_FAILED)
        abort();
    out->ram = copy;
    out->ram_size = size;
    for (uint64_t at = 0; at < size; at += PAGE)
        if (memcmp(ram + at, zeros, PAGE) != 0)
            memcpy(out->ram + at, ram + at, PAGE);
}

void exact_run(const struct exact_input *input, uint64_t longest_run, struct exact_run *out)
{
    const struct sim_machine_options options = {
        .caps = input->caps, .guest_bytes = input->guest_bytes, .vcpus = input->vcpus, .longest_run = longest_run};
    const char *message = NULL;
    memset(out, 0, sizeof *out);
    struct bk_machine *machine = sim_machine_new(&options, &message);
    if (machine == NULL) {
        snprintf(out->text, sizeof out->text, "%s", message);
        return;
    }
    struct trace_writer *writer = calloc(1, sizeof *writer);
    struct bench_result result;
    if (writer == NULL)
        abort();
    writer->sink = record;
    writer->context = out;
    trace_begin(writer);
    out->good = bench_run(machine, input->packed, input->packed_size, "sim", writer, &result);
    snprintf(out->text, sizeof out->text, "%s", result.text);
    out->stop = result.stop;
    out->exits = result.exits;
    free(writer);
    out->vcpus = input->vcpus;
    for (unsigned i = 0; i < input->vcpus; i++) {
        struct bk_vcpu *vcpu = bk_vcpu(machine, i);
        out->state[i] = sim_machine_cpu(vcpu)->state;
        out->instructions += bk_retired(vcpu);
    }
    uint64_t ram_size;
    const uint8_t *ram = sim_machine_ram(machine, &ram_size);
    keep_memory(out, ram + SIM_GUEST_BASE, input->guest_bytes);
    sim_machine_free(machine);
}

void exact_free(struct exact_run *run)
{
    free(run->trace);
    if (run->ram != NULL)
        munmap(run->ram, run->ram_size);
    memset(run, 0, sizeof *run);
}

static bool differ(char *text, unsigned size, const char *what, uint64_t where, uint64_t a, uint64_t b)
{
    snprintf(text, size, "%s %#llx: %#llx and %#llx", what, (unsigned long long)where, (unsigned long long)a, (unsigned long long)b);
    return false;
}

static bool equal_segments(const struct vmx_state *a, const struct vmx_state *b, char *text, unsigned size)
{
    for (unsigned i = 0; i < VMX_SEGMENT_COUNT; i++) {
        const struct vmx_segment *x = &a->seg[i], *y = &b->seg[i];
        if (x->base != y->base)
            return differ(text, size, "base of segment", i, x->base, y->base);
        if (x->limit != y->limit)
            return differ(text, size, "limit of segment", i, x->limit, y->limit);
        if (x->access_rights != y->access_rights)
            return differ(text, size, "rights of segment", i, x->access_rights, y->access_rights);
        if (x->selector != y->selector)
            return differ(text, size, "selector of segment", i, x->selector, y->selector);
    }
    return true;
}

static bool equal_states(const struct vmx_state *a, const struct vmx_state *b, char *text, unsigned size)
{
    const uint64_t one[] = {a->rip,          a->rflags,       a->cr0,
                            a->cr2,          a->cr3,          a->cr4,
                            a->cr8,          a->efer,         a->xcr0,
                            a->debugctl,     a->gdtr.base,    a->gdtr.limit,
                            a->idtr.base,    a->idtr.limit,   a->sysenter_cs,
                            a->sysenter_esp, a->sysenter_eip, a->star,
                            a->lstar,        a->fmask,        a->kernel_gs_base,
                            a->tsc_aux,      a->pkru,         a->interruptibility,
                            a->activity,     a->pending_debug};
    const uint64_t other[] = {b->rip,          b->rflags,       b->cr0,
                              b->cr2,          b->cr3,          b->cr4,
                              b->cr8,          b->efer,         b->xcr0,
                              b->debugctl,     b->gdtr.base,    b->gdtr.limit,
                              b->idtr.base,    b->idtr.limit,   b->sysenter_cs,
                              b->sysenter_esp, b->sysenter_eip, b->star,
                              b->lstar,        b->fmask,        b->kernel_gs_base,
                              b->tsc_aux,      b->pkru,         b->interruptibility,
                              b->activity,     b->pending_debug};
    for (unsigned i = 0; i < VMX_GPR_COUNT; i++)
        if (a->gpr[i] != b->gpr[i])
            return differ(text, size, "general register", i, a->gpr[i], b->gpr[i]);
    for (unsigned i = 0; i < sizeof one / sizeof *one; i++)
        if (one[i] != other[i])
            return differ(text, size, "state word", i, one[i], other[i]);
    for (unsigned i = 0; i < 8; i++)
        if (a->dr[i] != b->dr[i])
            return differ(text, size, "debug register", i, a->dr[i], b->dr[i]);
    return equal_segments(a, b, text, size);
}

static bool equal_traces(const struct exact_run *a, const struct exact_run *b, char *text, unsigned size)
{
    struct trace_reader reader[2];
    struct trace_record record_[2];
    if (a->trace_size == b->trace_size && memcmp(a->trace, b->trace, a->trace_size) == 0)
        return true;
    snprintf(text, size, "traces differ");
    if (trace_open(&reader[0], a->trace, a->trace_size) != NULL || trace_open(&reader[1], b->trace, b->trace_size) != NULL)
        return false;
    for (unsigned number = 0; trace_next(&reader[0], &record_[0]) == 1; number++) {
        if (trace_next(&reader[1], &record_[1]) != 1 || record_[0].kind != record_[1].kind)
            return differ(text, size, "kind of record", number, (uint64_t)record_[0].kind, (uint64_t)record_[1].kind);
        for (unsigned i = 0; i < 10; i++)
            if (record_[0].kind != TRACE_EXIT && record_[0].number[i] != record_[1].number[i]) {
                snprintf(text, size, "record %u of kind %u, number %u: %#llx and %#llx", number, (unsigned)record_[0].kind, i,
                         (unsigned long long)record_[0].number[i], (unsigned long long)record_[1].number[i]);
                return false;
            }
        for (unsigned i = 0; i < VMX_GPR_COUNT; i++)
            if (record_[0].gpr[i] != record_[1].gpr[i]) {
                snprintf(text, size, "record %u, register %u: %#llx and %#llx", number, i, (unsigned long long)record_[0].gpr[i],
                         (unsigned long long)record_[1].gpr[i]);
                return false;
            }
        if (record_[0].kind != TRACE_EXIT)
            continue;
        for (unsigned i = 0; i < TRACE_ITEM_COUNT; i++)
            if (record_[0].item[i] != record_[1].item[i]) {
                snprintf(text, size, "exit record %u, item %u: %#llx and %#llx (reasons %u and %u, RIP %#llx and %#llx)", number, i,
                         (unsigned long long)record_[0].item[i], (unsigned long long)record_[1].item[i], (unsigned)record_[0].item[TRACE_REASON],
                         (unsigned)record_[1].item[TRACE_REASON], (unsigned long long)record_[0].item[TRACE_RIP],
                         (unsigned long long)record_[1].item[TRACE_RIP]);
                return false;
            }
    }
    return false;
}

bool exact_equal(const struct exact_run *a, const struct exact_run *b, char *text, unsigned size)
{
    if (a->good != b->good || strcmp(a->text, b->text) != 0) {
        snprintf(text, size, "one ends with \"%s\", the other with \"%s\"", a->text, b->text);
        return false;
    }
    if (!equal_traces(a, b, text, size))
        return false;
    if (a->instructions != b->instructions)
        return differ(text, size, "instructions of vCPUs", a->vcpus, a->instructions, b->instructions);
    for (unsigned i = 0; i < a->vcpus; i++)
        if (!equal_states(&a->state[i], &b->state[i], text, size))
            return false;
    if (memcmp(a->ram, b->ram, a->ram_size) == 0)
        return true;
    uint64_t at = 0;
    while (a->ram[at] == b->ram[at])
        at++;
    return differ(text, size, "memory at", at, a->ram[at], b->ram[at]);
}

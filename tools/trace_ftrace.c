/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A trace as the lines of ftrace's KVM events, which trace-cmd and scripts for it read. One tick is 1 ns. */
#include <inttypes.h>

#include "../handlers/hypervisor.h"
#include "../vmx-model/reasons.h"
#include "../vmx-model/state.h"
#include "trace_writers.h"
#include "traces.h"

enum { FIRST_THREAD = 1000 }; /* the thread of vCPU 0 */

static void begin(struct trace_progress *progress)
{
    fputs("# tracer: nop\n#\n", progress->to);
}

/* "vmxbench-1000    [000] d....     0.000123: " */
static void prefix(struct trace_progress *progress, unsigned vcpu, uint64_t physical_cpu, uint64_t ticks)
{
    const uint64_t microseconds = (progress->base_ticks + ticks) / 1000;
    fprintf(progress->to, "vmxbench-%u    [%03" PRIu64 "] d.... %5" PRIu64 ".%06" PRIu64 ": ", FIRST_THREAD + vcpu, physical_cpu,
            microseconds / 1000000, microseconds % 1000000);
}

static void entry(struct trace_progress *progress, unsigned vcpu, uint64_t physical_cpu, uint64_t ticks)
{
    prefix(progress, vcpu, physical_cpu, ticks);
    fprintf(progress->to, "kvm_entry: vcpu %u\n", vcpu);
}

/* The event that KVM logs beside an exit, where the exit alone says enough for it: writes, not the values that reads will give. */
static void companion(struct trace_progress *progress, const struct trace_record *r)
{
    const uint64_t q = r->item[TRACE_QUALIFICATION];
    const uint32_t reason = vmx_basic_reason((uint32_t)r->item[TRACE_REASON]);
    const bool out = reason == VMX_EXIT_IO_INSTRUCTION && (q & 0x18) == 0, mov_to_cr = reason == VMX_EXIT_CR_ACCESS && (q & 0x30) == 0;
    if (!out && !mov_to_cr && reason != VMX_EXIT_MSR_WRITE)
        return;
    prefix(progress, r->vcpu, r->item[TRACE_PHYSICAL_CPU], r->item[TRACE_TICKS]);
    if (out) {
        const unsigned size = (unsigned)(q & 7) + 1;
        fprintf(progress->to, "kvm_pio: pio_write at 0x%" PRIx64 " size %u count 1 val 0x%" PRIx64 " \n", q >> 16 & 0xffff, size,
                r->gpr[VMX_RAX] & (UINT64_MAX >> (64 - 8 * size)));
    } else if (mov_to_cr) {
        const unsigned gpr = (unsigned)(q >> 8 & 15);
        fprintf(progress->to, "kvm_cr: cr_write %" PRIu64 " = 0x%" PRIx64 "\n", q & 15, gpr == VMX_RSP ? r->item[TRACE_RSP] : r->gpr[gpr]);
    } else {
        fprintf(progress->to, "kvm_msr: msr_write %" PRIx64 " = 0x%" PRIx64 "\n", r->gpr[VMX_RCX] & UINT32_MAX,
                (r->gpr[VMX_RDX] & UINT32_MAX) << 32 | (r->gpr[VMX_RAX] & UINT32_MAX));
    }
}

static void exit_line(struct trace_progress *progress, const struct trace_record *r)
{
    char reason[24];
    const unsigned vcpu = r->vcpu;
    const uint64_t cpu = r->item[TRACE_PHYSICAL_CPU], ticks = r->item[TRACE_TICKS];
    if (!progress->vcpu[vcpu].seen)
        entry(progress, vcpu, cpu, ticks - (r->item[TRACE_GUEST_INSTRUCTIONS] < ticks ? r->item[TRACE_GUEST_INSTRUCTIONS] : ticks));
    else
        entry(progress, vcpu, cpu, progress->vcpu[vcpu].entered_ticks);
    progress->vcpu[vcpu].seen = true;
    progress->vcpu[vcpu].physical_cpu = cpu;
    progress->vcpu[vcpu].entered = r->item[TRACE_COST_ENTRY] != 0;
    progress->vcpu[vcpu].entered_ticks = ticks + trace_handled_ticks(r);
    prefix(progress, vcpu, cpu, ticks);
    fprintf(progress->to,
            "kvm_exit: vcpu %u reason %s%s rip 0x%" PRIx64 " info1 0x%016" PRIx64 " info2 0x%016" PRIx64 " intr_info 0x%08" PRIx64
            " error_code 0x%08" PRIx64 "\n",
            vcpu, trace_reason_name(r->item[TRACE_REASON], reason), (r->item[TRACE_REASON] & VMX_REASON_FAILED_VMENTRY) != 0 ? " FAILED_VMENTRY" : "",
            r->item[TRACE_RIP], r->item[TRACE_QUALIFICATION], r->item[TRACE_IDT_INFO], r->item[TRACE_INTERRUPTION_INFO],
            r->item[TRACE_INTERRUPTION_ERROR]);
    companion(progress, r);
}

/* The host has taken a device's interrupt on this physical CPU: the local APIC of the virtual CPU that it is for accepts it. Kicks are the host's own. */
static void accept_line(struct trace_progress *progress, const struct trace_record *r)
{
    if (r->number[0] == HV_KICK_VECTOR)
        return;
    prefix(progress, r->vcpu, r->number[1], progress->vcpu[r->vcpu].entered_ticks);
    fprintf(progress->to, "kvm_apic_accept_irq: apicid %" PRIx64 " vec %" PRIu64 " (Fixed|edge)%s\n", r->number[2], r->number[0],
            r->number[3] != 0 ? " (coalesced)" : "");
}

static void record(struct trace_progress *progress, const struct trace_record *r)
{
    const bool external = r->kind == TRACE_INJECT && (r->number[0] >> 8 & 7) == 0 && r->number[0] >> 31 != 0;
    if (r->kind == TRACE_EXIT)
        exit_line(progress, r);
    if (external) {
        prefix(progress, r->vcpu, progress->vcpu[r->vcpu].physical_cpu, progress->vcpu[r->vcpu].entered_ticks);
        fprintf(progress->to, "kvm_inj_virq: IRQ 0x%" PRIx64 "\n", r->number[0] & 0xff);
    }
    if (r->kind == TRACE_INTERRUPT)
        accept_line(progress, r);
    if (r->kind == TRACE_END)
        for (unsigned vcpu = 0; vcpu < TRACE_VCPUS; vcpu++)
            if (progress->vcpu[vcpu].entered)
                entry(progress, vcpu, progress->vcpu[vcpu].physical_cpu, progress->vcpu[vcpu].entered_ticks);
}

static void end(struct trace_progress *progress)
{
    (void)progress;
}

const struct trace_form trace_form_ftrace = {begin, record, end};

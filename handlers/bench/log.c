/* SPDX-License-Identifier: MIT */
/* What a run writes to the trace. */
#include "../../vmx-model/registers.h"
#include "run.h"

/* Before the record of an entry that fails. */
static void log_rule(struct bench *bench, const struct bench_cpu *cpu)
{
    const char *rule = bk_violated_rule(cpu->vcpu->bk);
    uint32_t length = 0;
    while (rule != NULL && rule[length] != '\0')
        length++;
    if (length != 0)
        trace_numbers(bench->trace, TRACE_RULE, bench_cpu_number(cpu), NULL, 0, rule, length);
}

void bench_log_exit(struct bench *bench, struct bench_cpu *cpu)
{
    uint64_t item[TRACE_ITEM_COUNT], gpr[16], handler, entry;
    struct bk_vcpu *bk = cpu->vcpu->bk;
    log_rule(bench, cpu);
    bench_exit_items(bk, bench->extended_ept_information, item);
    bench_registers(bk, gpr);
    const uint64_t retired = bk_retired(bk);
    item[TRACE_TICKS] = bk_tsc(bk) - bench->tsc_start;
    item[TRACE_GUEST_INSTRUCTIONS] = retired - cpu->retired;
    bk_costs(bk, &item[TRACE_COST_EXIT], &handler, &entry);
    cpu->retired = retired;
    cpu->cost_due = true;
    trace_exit(bench->trace, bench_cpu_number(cpu), item, gpr);
}

void bench_log_costs(struct bench *bench, struct bench_cpu *cpu, bool entered, uint64_t handler)
{
    uint64_t exit, ignored, entry;
    if (!cpu->cost_due)
        return;
    cpu->cost_due = false;
    bk_costs(cpu->vcpu->bk, &exit, &ignored, &entry);
    trace_numbers(bench->trace, TRACE_COST, bench_cpu_number(cpu), (const uint64_t[]){handler, entered ? entry : 0}, 2, NULL, 0);
}

void bench_log_injection(struct bench *bench, const struct bench_cpu *cpu)
{
    struct bk_vcpu *bk = cpu->vcpu->bk;
    const uint64_t info = bk_vmread(bk, VMCS_VM_ENTRY_INTR_INFO_FIELD);
    if ((info >> 31 & 1) == 0)
        return;
    const uint64_t number[] = {info, bk_vmread(bk, VMCS_VM_ENTRY_EXCEPTION_ERROR_CODE), bk_vmread(bk, VMCS_VM_ENTRY_INSTRUCTION_LEN)};
    trace_numbers(bench->trace, TRACE_INJECT, bench_cpu_number(cpu), number, 3, NULL, 0);
}

void bench_log_entry_failure(struct bench *bench, const struct bench_cpu *cpu, uint64_t kind, uint64_t number)
{
    log_rule(bench, cpu);
    const uint64_t numbers[] = {kind, number, bk_tsc(cpu->vcpu->bk) - bench->tsc_start};
    trace_numbers(bench->trace, TRACE_ENTRY_FAIL, bench_cpu_number(cpu), numbers, 3, NULL, 0);
}

static uint64_t guest_efer(struct bk_vcpu *bk)
{
    uint64_t efer;
    if ((bk_vmread(bk, VMCS_VM_EXIT_CONTROLS) & VMX_EXITCTL_SAVE_EFER) != 0 || !bk_guest_msr(bk, VMX_MSR_EFER, &efer))
        return bk_vmread(bk, VMCS_GUEST_IA32_EFER);
    return efer;
}

static void log_final(struct bench *bench, const struct bench_cpu *cpu)
{
    struct bk_vcpu *bk = cpu->vcpu->bk;
    uint64_t number[TRACE_NUMBERS_MAX] = {bk_vmread(bk, VMCS_GUEST_RIP),
                                          bk_vmread(bk, VMCS_GUEST_RSP),
                                          bk_vmread(bk, VMCS_GUEST_RFLAGS),
                                          bk_vmread(bk, VMCS_GUEST_CR0),
                                          bk_vmread(bk, VMCS_GUEST_CR3),
                                          bk_vmread(bk, VMCS_GUEST_CR4),
                                          guest_efer(bk)};
    bench_registers(bk, number + 7);
    trace_numbers(bench->trace, TRACE_FINAL, bench_cpu_number(cpu), number, TRACE_NUMBERS_MAX, NULL, 0);
}

static void log_memory(struct bench *bench)
{
    uint8_t bytes[1024];
    struct packed_reader reader = bench_records_of(&bench->setup.plan, PACKED_DUMP);
    struct packed_record record;
    while (bench_next_of(&reader, PACKED_DUMP, &record)) {
        const uint64_t first = packed_u64(&record, 0), size = packed_u64(&record, 8);
        for (uint64_t at = 0; at < size; at += sizeof bytes) {
            const uint32_t part = (uint32_t)(size - at < sizeof bytes ? size - at : sizeof bytes);
            if (hv_guest_read(&bench->vm, first + at, bytes, part))
                trace_numbers(bench->trace, TRACE_MEMORY, 0, (const uint64_t[]){first + at}, 1, bytes, part);
        }
    }
}

static void log_sources(struct bench *bench)
{
    struct packed_reader reader = bench_records_of(&bench->setup.plan, PACKED_SOURCE);
    struct packed_record record;
    for (unsigned i = 0; bench_next_of(&reader, PACKED_SOURCE, &record); i++) {
        uint64_t number[3] = {packed_u32(&record, 0)};
        bk_source_counts(bench->machine, i, &number[1], &number[2]);
        trace_numbers(bench->trace, TRACE_SOURCE, 0, number, 3, NULL, 0);
    }
}

void bench_log_end(struct bench *bench)
{
    const struct bench_result *result = bench->result;
    uint64_t retired = 0, end = 0;
    uint32_t length = 0;
    for (unsigned i = 0; i < bench->cpus; i++) {
        struct bench_cpu *cpu = &bench->cpu[i];
        bk_leave(cpu->vcpu->bk);
        log_final(bench, cpu);
        retired += bk_retired(cpu->vcpu->bk) - cpu->retired_start;
        const uint64_t tsc = bk_tsc(cpu->vcpu->bk);
        end = tsc > end ? tsc : end;
    }
    log_memory(bench);
    log_sources(bench);
    while (result->text[length] != '\0')
        length++;
    const uint64_t number[] = {result->exits, retired, end - bench->tsc_start, result->stop};
    trace_numbers(bench->trace, TRACE_END, 0, number, 4, result->text, length);
}

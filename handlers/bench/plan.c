/* SPDX-License-Identifier: MIT */
/* Gathers what a packed scenario says once, and refuses what cannot be run. */
#include "internal.h"

enum { NOT_PINNED = 0xff };

struct packed_reader bench_records_of(const struct bench_plan *plan, enum packed_kind kind)
{
    struct packed_reader reader = plan->records;
    reader.at = plan->first[kind];
    return reader;
}

bool bench_next_of(struct packed_reader *reader, enum packed_kind kind, struct packed_record *record)
{
    while (packed_next(reader, record))
        if (record->kind == (uint32_t)kind)
            return true;
    return false;
}

static void copy_text(char out[BENCH_NAME_BYTES], const struct packed_record *record)
{
    uint32_t i = 0;
    for (; i < record->size && i + 1 < BENCH_NAME_BYTES; i++)
        out[i] = (char)record->payload[i];
    out[i] = '\0';
}

static bool add_control(struct bench_plan *plan, const struct packed_record *record)
{
    const uint32_t word = packed_u32(record, 0);
    if (word >= BENCH_WORDS)
        return false;
    plan->set[word] = (plan->set[word] | packed_u64(record, 8)) & ~packed_u64(record, 16);
    plan->clear[word] = (plan->clear[word] | packed_u64(record, 16)) & ~packed_u64(record, 8);
    return true;
}

static bool add_policy(struct hv_policy *policy, const struct packed_record *record)
{
    const uint64_t value = packed_u64(record, 8);
    const uint32_t kind = packed_u32(record, 0);
    if (kind >= PACKED_POLICIES)
        return false;
    switch ((enum packed_policy)kind) {
    case PACKED_POLICY_EXCEPTIONS:
        policy->exceptions = value != 0 ? HV_EXCEPTION_STOP : HV_EXCEPTION_REFLECT;
        break;
    case PACKED_POLICY_EPT:
        policy->ept = value != 0 ? HV_EPT_STOP : HV_EPT_MAP_ON_DEMAND;
        break;
    case PACKED_POLICY_EPT_PREMAPPED:
        policy->ept_premapped = value != 0;
        break;
    case PACKED_POLICY_DEVICES:
        policy->devices = value != 0;
        break;
    case PACKED_POLICY_VMCALL_STOPS:
        policy->vmcall_stops = value != 0;
        break;
    case PACKED_POLICY_HIDE_CPUID_ECX:
        policy->hide_cpuid_1_ecx = (uint32_t)value;
        break;
    case PACKED_POLICY_HIDE_CPUID_EDX:
        policy->hide_cpuid_1_edx = (uint32_t)value;
        break;
    case PACKED_POLICY_FW_CFG:
        policy->fw_cfg = value != 0;
        break;
    case PACKED_POLICY_PASIDS:
        policy->pasids = (uint32_t)value;
        break;
    case PACKED_POLICY_FIRST_PASID:
        policy->first_pasid = (uint32_t)value;
        break;
    case PACKED_POLICIES:
        break;
    }
    return true;
}

static bool add_msr_rule(struct hv_policy *policy, const struct packed_record *record)
{
    if (policy->msr_rules >= HV_MSR_RULES)
        return false;
    policy->msr[policy->msr_rules++] =
        (struct hv_msr_rule){.index = packed_u32(record, 0), .writable = packed_u32(record, 4) != 0, .value = packed_u64(record, 8)};
    return true;
}

static bool add_start(struct bench_plan *plan, const struct packed_record *record)
{
    const uint32_t vcpu = packed_u32(record, 0);
    if (vcpu >= BENCH_VCPUS)
        return false;
    plan->starts |= 1u << vcpu;
    plan->start[vcpu] = packed_u64(record, 8);
    return true;
}

static bool add_pin(struct bench_plan *plan, const struct packed_record *record)
{
    const uint32_t vcpu = packed_u32(record, 0), physical_cpu = packed_u32(record, 4);
    if (vcpu >= BENCH_VCPUS || physical_cpu >= BENCH_PHYSICAL_CPUS)
        return false;
    plan->pin[vcpu] = (uint8_t)physical_cpu;
    return true;
}

/* It interrupts by and by: no instant is before the run, or before the one that comes before it. */
static bool is_source(const struct packed_record *record)
{
    const uint64_t period = packed_u64(record, 16), jitter = packed_u64(record, 24), first = packed_u64(record, 32);
    const uint32_t vector = packed_u32(record, 0);
    return record->size >= PACKED_SOURCE_BYTES && vector >= PACKED_SOURCE_VECTOR_MIN && vector <= UINT8_MAX && period >= 1 &&
           period <= PACKED_SOURCE_TICKS_MAX && jitter <= period / 2 && jitter <= PACKED_SOURCE_JITTER_MAX && first >= jitter &&
           first <= PACKED_SOURCE_TICKS_MAX;
}

/* What the records leave out. False: a vCPU is bound to a physical CPU that is not there. */
static bool complete_pins(struct bench_plan *plan)
{
    if (plan->physical_cpus == 0)
        plan->physical_cpus = plan->vcpus;
    for (unsigned i = 0; i < plan->vcpus; i++) {
        if (plan->pin[i] == NOT_PINNED)
            plan->pin[i] = (uint8_t)(i % plan->physical_cpus);
        if (plan->pin[i] >= plan->physical_cpus)
            return false;
    }
    return true;
}

/* Starts, steps and sources name vCPUs that are there. */
static bool names_its_vcpus(const struct bench_plan *plan)
{
    struct packed_reader reader = bench_records_of(plan, PACKED_STEP);
    struct packed_record record;
    struct packed_step step;
    const uint8_t *extra;
    while (bench_next_of(&reader, PACKED_STEP, &record))
        if (packed_step_of(&record, &step, &extra) &&
            (step.vcpu >= plan->vcpus || (step.kind == STEP_MOVE && (step.c >= plan->vcpus || step.a >= plan->physical_cpus))))
            return false;
    reader = bench_records_of(plan, PACKED_SOURCE);
    while (bench_next_of(&reader, PACKED_SOURCE, &record))
        if (packed_u32(&record, 4) >= plan->vcpus || packed_u32(&record, 8) >= plan->physical_cpus)
            return false;
    return plan->starts >> plan->vcpus == 0;
}

/* Takes what one record adds to the plan; kinds that are applied later pass. */
static bool add_record(struct bench_plan *plan, const struct packed_record *record)
{
    switch (record->kind) {
    case PACKED_NAME:
        copy_text(plan->name, record);
        return true;
    case PACKED_PROFILE:
        copy_text(plan->profile, record);
        return true;
    case PACKED_MODE:
        plan->mode = (enum packed_mode)packed_u32(record, 0);
        return packed_u32(record, 0) <= PACKED_MODE_RESET;
    case PACKED_GUEST_RAM:
        plan->guest_bytes = packed_u64(record, 0);
        return plan->guest_bytes % BENCH_PAGE == 0 && plan->guest_bytes >= BENCH_MIN_RAM;
    case PACKED_CONTROL:
        return add_control(plan, record);
    case PACKED_POLICY:
        return add_policy(&plan->policy, record);
    case PACKED_MSR_RULE:
        return add_msr_rule(&plan->policy, record);
    case PACKED_REST_ANY:
        plan->rest_any = true;
        return true;
    case PACKED_LIMIT:
        plan->limit = packed_u64(record, 0);
        return true;
    case PACKED_VCPUS:
        plan->vcpus = packed_u32(record, 0);
        return plan->vcpus >= 1 && plan->vcpus <= BENCH_VCPUS;
    case PACKED_START:
        return add_start(plan, record);
    case PACKED_PHYSICAL_CPUS:
        plan->physical_cpus = packed_u32(record, 0);
        return plan->physical_cpus >= 1 && plan->physical_cpus <= BENCH_PHYSICAL_CPUS;
    case PACKED_PIN:
        return add_pin(plan, record);
    case PACKED_SOURCE:
        return is_source(record);
    case PACKED_QUANTUM:
        plan->quantum = packed_u64(record, 0);
        return plan->quantum >= 1 && plan->quantum <= PACKED_QUANTUM_MAX;
    default:
        return record->kind < PACKED_KINDS;
    }
}

bool bench_read_plan(struct bench_plan *plan, const void *packed, uint64_t size, struct bench_result *result)
{
    struct packed_record record;
    *plan = (struct bench_plan){.mode = PACKED_MODE_LONG, .guest_bytes = BENCH_MIN_RAM, .vcpus = 1, .quantum = PACKED_QUANTUM_DEFAULT};
    for (unsigned i = 0; i < BENCH_VCPUS; i++)
        plan->pin[i] = NOT_PINNED;
    hv_default_policy(&plan->policy);
    const char *wrong = packed_open(&plan->records, packed, size);
    if (wrong != NULL)
        return bench_fail(result, wrong);
    const struct packed_record header = {.size = PACKED_HEADER_BYTES, .payload = packed};
    plan->crc = packed_u32(&header, 12);
    for (unsigned kind = 0; kind < PACKED_KINDS; kind++)
        plan->first[kind] = UINT32_MAX;
    struct packed_reader reader = plan->records;
    for (uint32_t at = reader.at; packed_next(&reader, &record); at = reader.at) {
        if (!add_record(plan, &record)) {
            bench_say(result, "packed scenario: a bad record of kind ");
            bench_say_number(result, record.kind);
            return false;
        }
        if (plan->first[record.kind] == UINT32_MAX)
            plan->first[record.kind] = at;
    }
    if (reader.at == UINT32_MAX)
        return bench_fail(result, "packed scenario: a record does not fit");
    if (!complete_pins(plan))
        return bench_fail(result, "packed scenario: a vCPU is bound to a physical CPU that it does not have");
    return names_its_vcpus(plan) || bench_fail(result, "packed scenario: a record names a vCPU or physical CPU that it does not have");
}

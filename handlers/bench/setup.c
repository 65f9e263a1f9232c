/* SPDX-License-Identifier: MIT */
/* Sets a machine up as a packed scenario says, through the backend alone. */
#include "../../vmx-model/registers.h"
#include "internal.h"

static uint64_t machine_capability(const void *context, uint32_t msr)
{
    return bk_capability(context, msr);
}

/* The least valid set, then the scenario's own bits. */
static bool write_controls(struct bench_setup *setup)
{
    struct bench_plan *plan = &setup->plan;
    bench_least_controls(machine_capability, setup->machine, plan->mode, plan->word);
    for (unsigned w = 0; w < BENCH_WORDS; w++) {
        plan->word[w] = (plan->word[w] | plan->set[w]) & ~plan->clear[w];
        const enum vmcs_field field = vmx_control_field((enum vmx_control_word)w);
        if (!bk_vmwrite(setup->vcpu, field, plan->word[w]) && plan->word[w] != 0) {
            bench_say(setup->result, "this processor has no field ");
            bench_say_more(setup->result, vmcs_fields[field].name);
            return false;
        }
    }
    return true;
}

/* Bits 11:10 of an encoding are the field's type. SDM 3C, "VMREAD, VMWRITE, and Encodings of VMCS Fields". */
static bool is_guest_state(uint32_t encoding)
{
    return (encoding >> 10 & 3u) == 2;
}

static bool write_fields(struct bench_setup *setup)
{
    struct packed_reader reader = bench_records_of(&setup->plan, PACKED_FIELD);
    struct packed_record record;
    const bool waits = bench_waits_for_sipi(&setup->plan, setup->index);
    while (bench_next_of(&reader, PACKED_FIELD, &record)) {
        const enum vmcs_field field = vmcs_field_of_encoding(packed_u32(&record, 0));
        if (field == VMCS_NO_FIELD)
            return bench_fail(setup->result, "packed scenario: a record names no VMCS field");
        if (waits && is_guest_state(packed_u32(&record, 0)))
            continue;
        if (!bk_vmwrite(setup->vcpu, field, packed_u64(&record, 8))) {
            bench_say(setup->result, "this processor has no field ");
            bench_say_more(setup->result, vmcs_fields[field].name);
            return false;
        }
    }
    return true;
}

static void write_registers(struct bench_setup *setup)
{
    struct packed_reader reader = bench_records_of(&setup->plan, PACKED_REGISTER);
    struct packed_record record;
    while (bench_next_of(&reader, PACKED_REGISTER, &record)) {
        const enum vmx_gpr gpr = (enum vmx_gpr)(packed_u32(&record, 0) % VMX_GPR_COUNT);
        if (gpr == VMX_RSP)
            (void)bk_vmwrite(setup->vcpu, VMCS_GUEST_RSP, packed_u64(&record, 8));
        else
            bk_set_register(setup->vcpu, gpr, packed_u64(&record, 8));
    }
}

static bool write_ept(struct bench_setup *setup)
{
    struct packed_reader reader = bench_records_of(&setup->plan, PACKED_EPT);
    struct packed_record record;
    while (bench_next_of(&reader, PACKED_EPT, &record))
        if (!bench_change_ept(setup->vm, packed_u64(&record, 0), packed_u64(&record, 8), packed_u32(&record, 16), packed_u32(&record, 20)))
            return bench_fail(setup->result, "EPT cannot be set up as the scenario says");
    return true;
}

/* Interrupt sources, and whom their interrupts are for. */
static bool set_sources(struct bench_setup *setup)
{
    struct bk_source sources[BK_SOURCES_MAX];
    unsigned count = 0;
    struct packed_reader reader = bench_records_of(&setup->plan, PACKED_SOURCE);
    struct packed_record record;
    for (; bench_next_of(&reader, PACKED_SOURCE, &record); count++) {
        if (count == BK_SOURCES_MAX)
            return bench_fail(setup->result, "packed scenario: too many interrupt sources");
        sources[count] = (struct bk_source){.vector = (uint8_t)packed_u32(&record, 0),
                                            .physical_cpu = (uint8_t)packed_u32(&record, 8),
                                            .period = packed_u64(&record, 16),
                                            .jitter = packed_u64(&record, 24),
                                            .first = packed_u64(&record, 32),
                                            .count = packed_u64(&record, 40),
                                            .seed = packed_u64(&record, 48)};
        hv_route_interrupt(setup->vm, sources[count].vector, packed_u32(&record, 4));
    }
    return bk_set_sources(setup->machine, sources, count) ||
           bench_fail(setup->result, "this machine has no interrupt sources of the scenario's kind");
}

/* Features that the scenario takes away are gone. */
static bool check_processor(struct bench_setup *setup)
{
    struct packed_reader reader = bench_records_of(&setup->plan, PACKED_LACKS);
    struct packed_record record;
    while (bench_next_of(&reader, PACKED_LACKS, &record))
        if ((bk_capability(setup->machine, packed_u32(&record, 0)) >> (packed_u32(&record, 4) & 63) & 1) != 0)
            return bench_fail(setup->result, "the processor has a feature that the scenario takes away");
    return true;
}

/* A vCPU that waits for its SIPI is as INIT leaves a processor, whatever the preset. */
static bool prepare_vcpu(struct bench_setup *setup, unsigned vcpu)
{
    struct bench_plan *plan = &setup->plan;
    const bool waits = bench_waits_for_sipi(plan, vcpu);
    setup->index = vcpu;
    setup->vcpu = bk_vcpu(setup->machine, vcpu);
    if (vcpu != 0)
        bk_vmclear(setup->vcpu);
    if (plan->pin[vcpu] != vcpu % plan->physical_cpus && !bk_move(setup->vcpu, plan->pin[vcpu]))
        return bench_fail(setup->result, "the machine cannot bind the vCPU to the physical CPU that the scenario names");
    if (waits && (bk_capability(setup->machine, VMX_MSR_VMX_MISC) & VMX_MISC_ACTIVITY_WAIT_SIPI) == 0)
        return bench_fail(setup->result, "this processor has no wait-for-SIPI activity state: every vCPU needs a start address");
    if (waits)
        plan->mode = PACKED_MODE_RESET;
    if ((vcpu != 0 && !write_controls(setup)) || !bench_write_structures(setup))
        return false;
    if (waits && !bench_unrestricted(plan))
        return bench_fail(setup->result, "a vCPU that waits for a SIPI needs \"unrestricted guest\", which this processor does not offer");
    bench_write_state(setup);
    if (!waits)
        write_registers(setup);
    return write_fields(setup);
}

/* The hypervisor's own set-up comes first, for it decides about EPT; what the scenario says overrides it. */
static bool prepare(struct bench_setup *setup)
{
    struct bench_plan *plan = &setup->plan;
    struct bk_machine *machine = setup->machine;
    const enum packed_mode mode = plan->mode;
    bool any_waits = false;
    bk_free_pages(machine);
    if (!bk_set_guest_size(machine, plan->guest_bytes))
        return bench_fail(setup->result, "the machine has less guest RAM than the scenario wants");
    if (!check_processor(setup))
        return false;
    if (bk_vcpu(machine, plan->vcpus - 1) == NULL)
        return bench_fail(setup->result, "the machine has fewer processors than the scenario has vCPUs");
    if (!bk_set_physical_cpus(machine, plan->physical_cpus))
        return bench_fail(setup->result, "the machine has fewer physical CPUs than the scenario wants");
    setup->vcpu = bk_vcpu(machine, 0);
    bk_vmclear(setup->vcpu);
    if (!write_controls(setup) || !bench_clear_memory(setup))
        return false;
    if (!hv_vm_init(setup->vm, machine, &plan->policy, plan->vcpus))
        return bench_fail(setup->result, "the machine has no page left for the hypervisor");
    for (unsigned i = 0; i < plan->vcpus; i++)
        any_waits |= bench_waits_for_sipi(plan, i);
    if (!bench_ept_on(plan) && !any_waits)
        setup->vm->ept_root = 0;
    if (!bench_write_memory(setup))
        return false;
    for (unsigned i = 0; i < plan->vcpus; i++) {
        const bool prepared = prepare_vcpu(setup, i);
        plan->mode = mode;
        if (!prepared || (i == 0 && !write_ept(setup)))
            return false;
    }
    return set_sources(setup);
}

bool bench_prepare_plan(struct bench_setup *setup)
{
    bk_charge(setup->machine, false);
    const bool prepared = prepare(setup);
    bk_charge(setup->machine, true);
    return prepared;
}

bool bench_prepare(struct bk_machine *machine, const void *packed, uint64_t size, struct hv_vm *vm, struct bench_result *result)
{
    struct bench_setup setup = {.machine = machine, .vm = vm, .result = result};
    *result = (struct bench_result){.stop = TRACE_STOP_HOST_ERROR};
    return bench_read_plan(&setup.plan, packed, size, result) && bench_prepare_plan(&setup);
}

/* SPDX-License-Identifier: MIT */
/* Runs packed scenarios out of modules and tells what became of each. */
#include "modules.h"
#include "run.h"

static void report(const struct bench_batch *batch, const char *verdict, const char *text)
{
    if (text[0] != '\0')
        console_say(batch->console, "%s %u: %s\n", verdict, batch->number, text);
    else
        console_print(batch->console, "%s %u\n", verdict, batch->number);
}

static void refuse(struct bench_batch *batch, const char *why)
{
    report(batch, "refused", why);
    batch->refused++;
}

/* Controls that are 1 in vCPU 0's VMCS though this processor does not take them: why a VM entry failed. SDM 3D, "VMX Capability Reporting Facility". */
static void name_unsupported(struct bk_machine *machine, struct console *console)
{
    struct bk_vcpu *vcpu = bk_vcpu(machine, 0);
    for (unsigned i = 0; i < vmx_control_count; i++) {
        const struct vmx_control_row *row = &vmx_controls[i];
        if (row->word >= VMX_WORD_CONTROLS || row->high != row->low)
            continue;
        uint32_t msr;
        unsigned bit;
        vmx_control_capability(row->word, row->low, &msr, &bit);
        if ((bk_vmread(vcpu, vmx_control_field(row->word)) >> row->low & 1) != 0 && (bk_capability(machine, msr) >> bit & 1) == 0)
            console_say(console, "note: unsupported control: %s\n", row->sdm_name);
    }
}

static void run_scenario(struct bench_batch *batch, const uint8_t *packed, uint32_t size)
{
    struct bench bench;
    struct bench_result result;
    report(batch, "begin", "");
    if (!bench_begin(&bench, batch->machine, packed, size, "hw", batch->trace, &result)) {
        refuse(batch, result.text);
        return;
    }
    while (!bench_continue(&bench))
        continue;
    if (result.stop == TRACE_STOP_ENTRY_FAIL)
        name_unsupported(batch->machine, batch->console);
    if (result.stop == TRACE_STOP_ENTRY_FAIL || result.stop == TRACE_STOP_HANDLER || result.stop == TRACE_STOP_HOST_ERROR)
        bench_dump(batch->machine, bench.cpus, batch->console);
    report(batch, "ran", result.text);
}

void bench_run_module(struct bench_batch *batch, const void *module, uint64_t size)
{
    const uint8_t *at = module;
    if (size == 0) {
        refuse(batch, "an empty module");
        batch->number++;
    }
    while (size != 0) {
        const uint32_t whole = packed_size(at, size);
        if (whole == 0)
            refuse(batch, "a corrupted module: no packed scenario where one should begin");
        else
            run_scenario(batch, at, whole);
        batch->number++;
        if (whole == 0)
            return;
        at += whole;
        size -= whole;
    }
}

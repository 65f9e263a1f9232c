/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An example of use: a program that links vmx_model and nothing else checks a VMCS and asks whether a CPUID instruction exits. */
#include <stdio.h>
#include <string.h>

#include "vmx-model/checks.h"
#include "vmx-model/decide.h"
#include "vmx-model/reasons.h"

static uint8_t ram[0x10000];

static bool read_ram(void *context, hpa_t address, void *buffer, uint32_t size)
{
    (void)context;
    return address < sizeof ram && size <= sizeof ram - address && memcpy(buffer, ram + address, size) != NULL;
}

static bool write_ram(void *context, hpa_t address, const void *buffer, uint32_t size)
{
    (void)context;
    return address < sizeof ram && size <= sizeof ram - address && memcpy(ram + address, buffer, size) != NULL;
}

int main(void)
{
    static struct vmcs vmcs; /* no field is set: VM entry would refuse it */
    static struct vmx_cpu cpu = {.memory = {.read = read_ram, .write = write_ram}, .operation = VMX_OPERATION_ROOT, .native_root = true};
    cpu.caps = vmx_profile("skylake-sp");
    cpu.vmcs = &vmcs;
    cpu.current_vmcs = 0x5000;

    enum vmx_check violated[8];
    const unsigned count = vmx_check_all(&cpu, false, violated, 8);
    printf("%u rules are violated, first of all %s: %s\n", count, vmx_check_rows[violated[0]].id, vmx_check_rows[violated[0]].rule);

    static const uint8_t code[15] = {0x0f, 0xa2};
    struct vmx_instruction instruction;
    cpu.operation = VMX_OPERATION_NON_ROOT;
    if (count == 0 || vmx_decode(code, sizeof code, vmx_code_bits(&cpu.state), &instruction) != VMX_DECODED)
        return 1;
    const struct vmx_outcome outcome = vmx_decide(&cpu, &instruction);
    printf("CPUID of %u bytes: %s\n", instruction.length, outcome.kind == VMX_OUTCOME_EXIT ? "VM exit" : "no VM exit");
    return outcome.kind == VMX_OUTCOME_EXIT && outcome.exit.reason == VMX_EXIT_CPUID ? 0 : 1;
}

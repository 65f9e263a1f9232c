/* SPDX-License-Identifier: MIT */
/* Posted-interrupt processing. SDM 3C, "Posted-Interrupt Processing". */
#include "virtual_apic.h"
#include "virtual_apic_ops.h"

/* The posted-interrupt descriptor: requests in bits 255:0, outstanding notification in bit 256; the rest belongs to software. */
enum { WORDS = 8, REQUESTS_BYTES = 4 * WORDS };

/* Bits 263:257 are software's. The processor clears the notification before it takes the requests, so that none is missed. */
static void clear_outstanding_notification(const struct vmx_cpu *cpu, hpa_t descriptor)
{
    uint8_t byte;
    if (!cpu->memory.read(cpu->memory.context, descriptor + REQUESTS_BYTES, &byte, 1))
        return;
    byte &= 0xfe;
    (void)cpu->memory.write(cpu->memory.context, descriptor + REQUESTS_BYTES, &byte, 1);
}

void vmx_process_posted_interrupts(struct vmx_cpu *cpu)
{
    const hpa_t descriptor = vmcs_get(cpu->vmcs, VMCS_POSTED_INTR_DESC_ADDR);
    const uint32_t none[WORDS] = {0};
    uint32_t requests[WORDS];
    uint8_t highest = vmx_rvi(cpu);
    clear_outstanding_notification(cpu, descriptor);
    if (!cpu->memory.read(cpu->memory.context, descriptor, requests, REQUESTS_BYTES))
        return;
    (void)cpu->memory.write(cpu->memory.context, descriptor, none, REQUESTS_BYTES);
    for (unsigned group = 0; group < WORDS; group++) {
        const unsigned offset = VMX_APIC_IRR + 16 * group;
        if (requests[group] == 0)
            continue;
        vmx_vapic_set(cpu, offset, vmx_vapic_get(cpu, offset) | requests[group]);
        const uint8_t top = (uint8_t)(32 * group + 31 - (unsigned)__builtin_clz(requests[group]));
        highest = top > highest ? top : highest;
    }
    vmx_set_interrupt_status(cpu, highest, vmx_svi(cpu));
    vmx_evaluate_virtual_interrupts(cpu);
}

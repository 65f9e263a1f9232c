/* SPDX-License-Identifier: MIT */
/* Virtual interrupts: TPR, PPR, EOI and self-IPI virtualization, evaluation and delivery.
   SDM 3C, "Evaluation and Delivery of Virtual Interrupts". */
#include "controls.h"
#include "outcome.h"
#include "virtual_apic.h"
#include "virtual_apic_ops.h"

bool vmx_delivers_virtual_interrupts(const struct vmx_cpu *cpu)
{
    return vmx_non_root(cpu) && (vmx_secondary_controls(cpu) & VMX_SEC_VIRTUAL_INTR_DELIVERY) != 0;
}

static unsigned vector_offset(unsigned base, uint8_t vector)
{
    return base | (vector & 0xe0u) >> 1;
}
static void set_vector(const struct vmx_cpu *cpu, unsigned base, uint8_t vector, bool on)
{
    const unsigned offset = vector_offset(base, vector);
    const uint32_t bit = 1u << (vector & 31), word = vmx_vapic_get(cpu, offset);
    vmx_vapic_set(cpu, offset, on ? word | bit : word & ~bit);
}
static uint8_t highest_vector(const struct vmx_cpu *cpu, unsigned base)
{
    for (unsigned group = 8; group-- > 0;) {
        const uint32_t word = vmx_vapic_get(cpu, base + 16 * group);
        if (word != 0)
            return (uint8_t)(32 * group + 31 - (unsigned)__builtin_clz(word));
    }
    return 0;
}

/* ---- guest interrupt status: RVI 7:0, SVI 15:8 ---- */

uint8_t vmx_rvi(const struct vmx_cpu *cpu)
{
    return (uint8_t)vmcs_get(cpu->vmcs, VMCS_GUEST_INTR_STATUS);
}
uint8_t vmx_svi(const struct vmx_cpu *cpu)
{
    return (uint8_t)(vmcs_get(cpu->vmcs, VMCS_GUEST_INTR_STATUS) >> 8);
}
void vmx_set_interrupt_status(const struct vmx_cpu *cpu, uint8_t requesting, uint8_t servicing)
{
    cpu->vmcs->field[VMCS_GUEST_INTR_STATUS] = requesting | (uint64_t)servicing << 8;
}

/* ---- the operations ---- */

static void virtualize_ppr(const struct vmx_cpu *cpu)
{
    const uint32_t vtpr = vmx_vapic_tpr(cpu), service = vmx_svi(cpu);
    vmx_vapic_set(cpu, VMX_APIC_PPR, vtpr >> 4 >= service >> 4 ? vtpr : service & 0xf0);
}

void vmx_evaluate_virtual_interrupts(struct vmx_cpu *cpu)
{
    const bool window = (vmx_primary_controls(cpu) & VMX_PRI_INTR_WINDOW_EXITING) != 0;
    cpu->pending.virtual_interrupt = !window && vmx_rvi(cpu) >> 4 > (vmx_vapic_get(cpu, VMX_APIC_PPR) & 0xff) >> 4;
}

struct vmx_outcome vmx_virtualize_tpr(struct vmx_cpu *cpu)
{
    if (vmx_delivers_virtual_interrupts(cpu)) {
        virtualize_ppr(cpu);
        vmx_evaluate_virtual_interrupts(cpu);
        return vmx_outcome_done(0);
    }
    const bool below = vmx_vapic_tpr(cpu) >> 4 < (vmcs_get(cpu->vmcs, VMCS_TPR_THRESHOLD) & 0xf);
    return below ? vmx_outcome_exit(VMX_EXIT_TPR_BELOW_THRESHOLD, 0) : vmx_outcome_done(0);
}

struct vmx_outcome vmx_virtualize_eoi(struct vmx_cpu *cpu)
{
    const uint8_t vector = vmx_svi(cpu);
    set_vector(cpu, VMX_APIC_ISR, vector, false);
    vmx_set_interrupt_status(cpu, vmx_rvi(cpu), highest_vector(cpu, VMX_APIC_ISR));
    virtualize_ppr(cpu);
    const uint64_t bitmap = vmcs_get(cpu->vmcs, (enum vmcs_field)(VMCS_EOI_EXIT_BITMAP0 + vector / 64));
    if ((bitmap >> vector % 64 & 1) != 0)
        return vmx_outcome_exit(VMX_EXIT_EOI_INDUCED, vector);
    vmx_evaluate_virtual_interrupts(cpu);
    return vmx_outcome_done(0);
}

struct vmx_outcome vmx_virtualize_self_ipi(struct vmx_cpu *cpu, uint8_t vector)
{
    set_vector(cpu, VMX_APIC_IRR, vector, true);
    if (vector > vmx_rvi(cpu))
        vmx_set_interrupt_status(cpu, vector, vmx_svi(cpu));
    vmx_evaluate_virtual_interrupts(cpu);
    return vmx_outcome_done(0);
}

void vmx_virtual_interrupts_at_entry(struct vmx_cpu *cpu)
{
    virtualize_ppr(cpu);
    vmx_evaluate_virtual_interrupts(cpu);
}

uint8_t vmx_take_virtual_interrupt(struct vmx_cpu *cpu)
{
    const uint8_t vector = vmx_rvi(cpu);
    set_vector(cpu, VMX_APIC_ISR, vector, true);
    vmx_vapic_set(cpu, VMX_APIC_PPR, vector & 0xf0u);
    set_vector(cpu, VMX_APIC_IRR, vector, false);
    vmx_set_interrupt_status(cpu, highest_vector(cpu, VMX_APIC_IRR), vector);
    cpu->pending.virtual_interrupt = false;
    return vector;
}

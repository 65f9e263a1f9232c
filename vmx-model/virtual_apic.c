/* SPDX-License-Identifier: MIT */
/* TPR, PPR, EOI and self-IPI virtualization, virtual-interrupt delivery. SDM 3C, "APIC Virtualization and Virtual Interrupts". */
#include "virtual_apic.h"

#include "controls.h"
#include "outcome.h"
#include "registers.h"

/* Offsets in the virtual-APIC page. */
enum { VTPR = 0x80, VPPR = 0xa0, VEOI = 0xb0, VISR = 0x100, VIRR = 0x200, VICR_LOW = 0x300, VICR_HIGH = 0x310, SELF_IPI = 0x3f0 };

static bool secondary(const struct vmx_cpu *cpu, uint32_t control)
{
    return vmx_non_root(cpu) && (vmx_secondary_controls(cpu) & control) != 0;
}
static bool delivery(const struct vmx_cpu *cpu)
{
    return secondary(cpu, VMX_SEC_VIRTUAL_INTR_DELIVERY);
}

/* ---- the page ---- */

static void read_page(const struct vmx_cpu *cpu, unsigned offset, void *buffer, uint32_t size)
{
    uint8_t *const bytes = buffer;
    if (!cpu->memory.read(cpu->memory.context, vmcs_get(cpu->vmcs, VMCS_VIRTUAL_APIC_PAGE_ADDR) + offset, buffer, size))
        for (uint32_t k = 0; k < size; k++)
            bytes[k] = 0xff;
}
static void write_page(const struct vmx_cpu *cpu, unsigned offset, const void *buffer, uint32_t size)
{
    (void)cpu->memory.write(cpu->memory.context, vmcs_get(cpu->vmcs, VMCS_VIRTUAL_APIC_PAGE_ADDR) + offset, buffer, size);
}
static uint32_t get32(const struct vmx_cpu *cpu, unsigned offset)
{
    uint32_t value;
    read_page(cpu, offset, &value, sizeof value);
    return value;
}
static void set32(const struct vmx_cpu *cpu, unsigned offset, uint32_t value)
{
    write_page(cpu, offset, &value, sizeof value);
}

/* VISR and VIRR: 32 vectors in the low 4 bytes of each 16. */
static unsigned vector_offset(unsigned base, uint8_t vector)
{
    return base | (vector & 0xe0u) >> 1;
}
static void set_vector(const struct vmx_cpu *cpu, unsigned base, uint8_t vector, bool on)
{
    const unsigned offset = vector_offset(base, vector);
    const uint32_t bit = 1u << (vector & 31), word = get32(cpu, offset);
    set32(cpu, offset, on ? word | bit : word & ~bit);
}
static uint8_t highest_vector(const struct vmx_cpu *cpu, unsigned base)
{
    for (unsigned group = 8; group-- > 0;) {
        const uint32_t word = get32(cpu, base + 16 * group);
        if (word != 0)
            return (uint8_t)(32 * group + 31 - (unsigned)__builtin_clz(word));
    }
    return 0;
}

/* ---- guest interrupt status: RVI 7:0, SVI 15:8 ---- */

static uint8_t rvi(const struct vmx_cpu *cpu)
{
    return (uint8_t)vmcs_get(cpu->vmcs, VMCS_GUEST_INTR_STATUS);
}
static uint8_t svi(const struct vmx_cpu *cpu)
{
    return (uint8_t)(vmcs_get(cpu->vmcs, VMCS_GUEST_INTR_STATUS) >> 8);
}
static void set_status(const struct vmx_cpu *cpu, uint8_t requesting, uint8_t servicing)
{
    cpu->vmcs->field[VMCS_GUEST_INTR_STATUS] = requesting | (uint64_t)servicing << 8;
}

/* ---- the operations ---- */

static void virtualize_ppr(const struct vmx_cpu *cpu)
{
    const uint32_t vtpr = get32(cpu, VTPR) & 0xff, service = svi(cpu);
    set32(cpu, VPPR, vtpr >> 4 >= service >> 4 ? vtpr : service & 0xf0);
}

void vmx_evaluate_virtual_interrupts(struct vmx_cpu *cpu)
{
    const bool window = (vmx_primary_controls(cpu) & VMX_PRI_INTR_WINDOW_EXITING) != 0;
    cpu->pending.virtual_interrupt = !window && rvi(cpu) >> 4 > (get32(cpu, VPPR) & 0xff) >> 4;
}

static struct vmx_outcome virtualize_tpr(struct vmx_cpu *cpu)
{
    if (delivery(cpu)) {
        virtualize_ppr(cpu);
        vmx_evaluate_virtual_interrupts(cpu);
        return vmx_outcome_done(0);
    }
    const bool below = (get32(cpu, VTPR) & 0xff) >> 4 < (vmcs_get(cpu->vmcs, VMCS_TPR_THRESHOLD) & 0xf);
    return below ? vmx_outcome_exit(VMX_EXIT_TPR_BELOW_THRESHOLD, 0) : vmx_outcome_done(0);
}

static struct vmx_outcome virtualize_eoi(struct vmx_cpu *cpu)
{
    const uint8_t vector = svi(cpu);
    set_vector(cpu, VISR, vector, false);
    set_status(cpu, rvi(cpu), highest_vector(cpu, VISR));
    virtualize_ppr(cpu);
    const uint64_t bitmap = vmcs_get(cpu->vmcs, (enum vmcs_field)(VMCS_EOI_EXIT_BITMAP0 + vector / 64));
    if ((bitmap >> vector % 64 & 1) != 0)
        return vmx_outcome_exit(VMX_EXIT_EOI_INDUCED, vector);
    vmx_evaluate_virtual_interrupts(cpu);
    return vmx_outcome_done(0);
}

static struct vmx_outcome virtualize_self_ipi(struct vmx_cpu *cpu, uint8_t vector)
{
    set_vector(cpu, VIRR, vector, true);
    if (vector > rvi(cpu))
        set_status(cpu, vector, svi(cpu));
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
    const uint8_t vector = rvi(cpu);
    set_vector(cpu, VISR, vector, true);
    set32(cpu, VPPR, vector & 0xf0u);
    set_vector(cpu, VIRR, vector, false);
    set_status(cpu, highest_vector(cpu, VIRR), vector);
    cpu->pending.virtual_interrupt = false;
    return vector;
}

/* ---- CR8 ---- */

uint64_t vmx_virtual_cr8(const struct vmx_cpu *cpu)
{
    return (get32(cpu, VTPR) & 0xff) >> 4;
}

struct vmx_outcome vmx_write_virtual_cr8(struct vmx_cpu *cpu, uint64_t value)
{
    set32(cpu, VTPR, (uint32_t)(value & 0xf) << 4);
    return virtualize_tpr(cpu);
}

/* ---- writes to the page ---- */

static struct vmx_outcome apic_write_exit(unsigned offset)
{
    return vmx_outcome_exit(VMX_EXIT_APIC_WRITE, offset);
}

/* A self-IPI: fixed delivery, edge-triggered, shorthand "self", vector 16 or higher, reserved bits 0. Not modelled: IPI virtualization. */
static bool is_self_ipi(uint32_t icr)
{
    const uint32_t reserved = 0xfff00000u | 3u << 16 | 1u << 13 | 1u << 12, shorthand = 3u << 18, self = 1u << 18, level = 1u << 15, mode = 7u << 8;
    return (icr & (reserved | level | mode)) == 0 && (icr & shorthand) == self && (icr & 0xf0) != 0;
}

struct vmx_outcome vmx_apic_write_emulation(struct vmx_cpu *cpu, unsigned offset)
{
    switch (offset & ~3u) {
    case VTPR:
        set32(cpu, VTPR, get32(cpu, VTPR) & 0xff);
        return virtualize_tpr(cpu);
    case VEOI:
        if (!delivery(cpu))
            break;
        set32(cpu, VEOI, 0);
        return virtualize_eoi(cpu);
    case VICR_LOW:
        if (!delivery(cpu) || !is_self_ipi(get32(cpu, VICR_LOW)))
            break;
        return virtualize_self_ipi(cpu, (uint8_t)get32(cpu, VICR_LOW));
    case VICR_HIGH:
        set32(cpu, VICR_HIGH, get32(cpu, VICR_HIGH) & 0xff000000u);
        return vmx_outcome_done(0);
    }
    return apic_write_exit(offset);
}

/* ---- MSRs 800H to 8FFH ---- */

static bool in_x2apic_range(const struct vmx_cpu *cpu, uint32_t index)
{
    return index >= VMX_MSR_X2APIC_FIRST && index <= VMX_MSR_X2APIC_LAST && secondary(cpu, VMX_SEC_VIRTUALIZE_X2APIC);
}

bool vmx_x2apic_read(const struct vmx_cpu *cpu, uint32_t index, uint64_t *value)
{
    if (!in_x2apic_range(cpu, index) || (index != VMX_MSR_X2APIC_TPR && !secondary(cpu, VMX_SEC_APIC_REGISTER_VIRT)))
        return false;
    read_page(cpu, (index & 0xff) << 4, value, sizeof *value);
    return true;
}

enum vmx_x2apic_write vmx_x2apic_write(struct vmx_cpu *cpu, uint32_t index, uint64_t value, struct vmx_outcome *trap)
{
    const bool only_with_delivery = index == VMX_MSR_X2APIC_EOI || index == VMX_MSR_X2APIC_SELF_IPI;
    if (!in_x2apic_range(cpu, index) || (index != VMX_MSR_X2APIC_TPR && !(only_with_delivery && delivery(cpu))))
        return VMX_X2APIC_ORDINARY;
    if (value > (index == VMX_MSR_X2APIC_EOI ? 0 : 0xff))
        return VMX_X2APIC_FAULT;
    write_page(cpu, (index & 0xff) << 4, &value, sizeof value);
    if (index == VMX_MSR_X2APIC_TPR)
        *trap = virtualize_tpr(cpu);
    else if (index == VMX_MSR_X2APIC_EOI)
        *trap = virtualize_eoi(cpu);
    else
        *trap = value >> 4 != 0 ? virtualize_self_ipi(cpu, (uint8_t)value) : apic_write_exit(SELF_IPI);
    return VMX_X2APIC_DONE;
}

/* ---- posted interrupts: requests 255:0, outstanding notification 256 ---- */

void vmx_process_posted_interrupts(struct vmx_cpu *cpu)
{
    enum { WORDS = 8, BYTES = 4 * WORDS };
    const hpa_t descriptor = vmcs_get(cpu->vmcs, VMCS_POSTED_INTR_DESC_ADDR);
    const uint32_t none[WORDS] = {0};
    uint32_t requests[WORDS];
    uint8_t outstanding;
    uint8_t highest = rvi(cpu);
    if (cpu->memory.read(cpu->memory.context, descriptor + BYTES, &outstanding, 1)) {
        outstanding &= 0xfe;
        (void)cpu->memory.write(cpu->memory.context, descriptor + BYTES, &outstanding, 1);
    }
    if (!cpu->memory.read(cpu->memory.context, descriptor, requests, BYTES))
        return;
    (void)cpu->memory.write(cpu->memory.context, descriptor, none, BYTES);
    for (unsigned group = 0; group < WORDS; group++) {
        if (requests[group] == 0)
            continue;
        set32(cpu, VIRR + 16 * group, get32(cpu, VIRR + 16 * group) | requests[group]);
        const uint8_t top = (uint8_t)(32 * group + 31 - (unsigned)__builtin_clz(requests[group]));
        highest = top > highest ? top : highest;
    }
    set_status(cpu, highest, svi(cpu));
    vmx_evaluate_virtual_interrupts(cpu);
}

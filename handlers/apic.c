/* SPDX-License-Identifier: MIT */
/* APIC_ACCESS, APIC_WRITE, EOI_INDUCED, TPR_BELOW_THRESHOLD, and the virtual-APIC page behind them.
   SDM 3C, "APIC Virtualization and Virtual Interrupts"; SDM 3A, "Advanced Programmable Interrupt Controller (APIC)". */
#include "apic.h"
#include "device_access.h"
#include "handlers.h"

enum { REGISTER_MASK = 0xff0 };

/* ---- the page ---- */
static bool page_register(struct hv_vcpu *vcpu, unsigned offset, hpa_t *address)
{
    if (!hv_primary_control(vcpu, VMX_PRI_USE_TPR_SHADOW))
        return false;
    *address = hv_read(vcpu, VMCS_VIRTUAL_APIC_PAGE_ADDR) + (offset & REGISTER_MASK);
    return true;
}

static uint32_t load(struct hv_vcpu *vcpu, hpa_t address)
{
    uint32_t value = 0;
    (void)bk_read(vcpu->vm->machine, address, &value, sizeof(value));
    return value;
}

static void store(struct hv_vcpu *vcpu, hpa_t address, uint32_t value)
{
    (void)bk_write(vcpu->vm->machine, address, &value, sizeof(value));
}

uint8_t hv_tpr(struct hv_vcpu *vcpu)
{
    hpa_t address;
    return page_register(vcpu, VMX_APIC_TPR, &address) ? (uint8_t)load(vcpu, address) : hv_apic_tpr(vcpu);
}

void hv_set_tpr(struct hv_vcpu *vcpu, uint8_t value)
{
    hpa_t address;
    if (page_register(vcpu, VMX_APIC_TPR, &address))
        store(vcpu, address, value);
    else
        hv_set_apic_tpr(vcpu, value);
}

/* Virtual-interrupt delivery keeps VPPR; without it what is in service is the guest's own affair. */
uint8_t hv_processor_priority(struct hv_vcpu *vcpu)
{
    hpa_t address;
    return hv_virtual_interrupt_delivery(vcpu) && page_register(vcpu, VMX_APIC_PPR, &address) ? (uint8_t)load(vcpu, address) : hv_tpr(vcpu);
}

/* Bits 27:0 of the destination-format register are 1, so that 0 says that the guest has not written it: then it is as after reset, all ones. */
enum { DFR_ONES = 0x0fffffff, DFR_RESET = 0xf };
bool hv_logical_id(struct hv_vcpu *vcpu, uint8_t *id, bool *cluster_model)
{
    hpa_t logical, format;
    if (!page_register(vcpu, VMX_APIC_LDR, &logical) || !page_register(vcpu, VMX_APIC_DFR, &format))
        return false;
    const uint32_t written = load(vcpu, format);
    *id = (uint8_t)(load(vcpu, logical) >> 24);
    *cluster_model = (written != 0 ? written >> 28 : (uint32_t)DFR_RESET) == 0;
    return true;
}

void hv_raise_tpr_threshold(struct hv_vcpu *vcpu, unsigned priority_class)
{
    if (!hv_primary_control(vcpu, VMX_PRI_USE_TPR_SHADOW))
        return;
    if (hv_read(vcpu, VMCS_TPR_THRESHOLD) != priority_class)
        hv_write(vcpu, VMCS_TPR_THRESHOLD, priority_class);
}

bool hv_virtual_interrupt_delivery(struct hv_vcpu *vcpu)
{
    return hv_secondary_control(vcpu, VMX_SEC_VIRTUAL_INTR_DELIVERY);
}

bool hv_virtual_interrupt_waits(struct hv_vcpu *vcpu)
{
    if (!hv_virtual_interrupt_delivery(vcpu))
        return false;
    return (hv_read(vcpu, VMCS_GUEST_INTR_STATUS) >> 4 & 0xfu) > hv_processor_priority(vcpu) >> 4;
}

/* RVI, the low byte of the guest interrupt status, is the highest vector of VIRR. */
void hv_post_virtual_interrupt(struct hv_vcpu *vcpu, uint8_t vector)
{
    hpa_t address;
    if (!page_register(vcpu, VMX_APIC_IRR + vector / 32u * 0x10u, &address))
        return;
    store(vcpu, address, load(vcpu, address) | 1u << vector % 32);
    const uint64_t status = hv_read(vcpu, VMCS_GUEST_INTR_STATUS);
    if ((status & 0xffu) < vector)
        hv_write(vcpu, VMCS_GUEST_INTR_STATUS, (status & ~UINT64_C(0xff)) | vector);
}

/* ---- register writes ---- */
static void end_of_interrupt(struct hv_vcpu *vcpu)
{
    for (int word = 7; word >= 0; word--) {
        hpa_t address;
        if (!page_register(vcpu, VMX_APIC_ISR + (unsigned)word * 0x10u, &address))
            return;
        const uint32_t bits = load(vcpu, address);
        if (bits != 0) {
            store(vcpu, address, bits & ~(UINT32_C(0x80000000) >> __builtin_clz(bits)));
            return;
        }
    }
}

/* What a write does besides standing in the page. */
static void side_effect(struct hv_vcpu *vcpu, unsigned offset, uint32_t value)
{
    hpa_t address;
    switch (offset & REGISTER_MASK) {
    case VMX_APIC_DFR:
        if (page_register(vcpu, VMX_APIC_DFR, &address))
            store(vcpu, address, value | DFR_ONES);
        return;
    case VMX_APIC_EOI:
        end_of_interrupt(vcpu);
        return;
    case VMX_APIC_ICR_LOW:
        if (page_register(vcpu, VMX_APIC_ICR_HIGH, &address))
            hv_send_ipi(vcpu, &(struct hv_ipi){.destination = load(vcpu, address) >> 24, .command = value});
        return;
    case VMX_APIC_SELF_IPI:
        hv_queue_interrupt(vcpu, (uint8_t)value);
        return;
    case VMX_APIC_TIMER_INITIAL:
        if (value != 0)
            hv_report(vcpu, "the timer of the local APIC is not modelled: initial count %x", value);
        return;
    default:
        return;
    }
}

bool hv_virtual_apic_read(struct hv_vcpu *vcpu, unsigned offset, uint32_t *value)
{
    hpa_t address;
    if (!page_register(vcpu, offset, &address))
        return false;
    *value = load(vcpu, address) >> 8 * (offset & 3u);
    return true;
}

bool hv_virtual_apic_write(struct hv_vcpu *vcpu, unsigned offset, uint32_t value)
{
    hpa_t address;
    if (!page_register(vcpu, offset, &address))
        return false;
    store(vcpu, address, value);
    side_effect(vcpu, offset, value);
    return true;
}

/* ---- the same registers as MSRs ---- */
enum { MSR_FIRST = 0x800, MSR_LAST = 0x83f, MSR_ICR = 0x830 };

/* A bit for each MSR from 800H on. SDM 3A, "Local APIC Register Address Map Supported by x2APIC". */
#define MSRS(first, last) ((UINT64_MAX >> (63 - ((last) - (first)))) << (first))
static const uint64_t readable = MSRS(0x02, 0x03) | MSRS(0x08, 0x08) | MSRS(0x0a, 0x0a) | MSRS(0x0d, 0x0d) | MSRS(0x0f, 0x28) | MSRS(0x2f, 0x30) |
                                 MSRS(0x32, 0x39) | MSRS(0x3e, 0x3e);
static const uint64_t writable =
    MSRS(0x08, 0x08) | MSRS(0x0b, 0x0b) | MSRS(0x0f, 0x0f) | MSRS(0x28, 0x28) | MSRS(0x2f, 0x30) | MSRS(0x32, 0x38) | MSRS(0x3e, 0x3f);
#undef MSRS

static bool x2apic_register(struct hv_vcpu *vcpu, uint32_t index, uint64_t allowed, hpa_t *address)
{
    return index >= MSR_FIRST && index <= MSR_LAST && (allowed >> (index - MSR_FIRST) & 1) != 0 && vcpu->vm->devices == NULL &&
           hv_secondary_control(vcpu, VMX_SEC_VIRTUALIZE_X2APIC) && page_register(vcpu, (index - MSR_FIRST) << 4, address);
}

/* The interrupt command register is 64 bits wide there. */
bool hv_virtual_x2apic_read(struct hv_vcpu *vcpu, uint32_t index, uint64_t *value)
{
    hpa_t address;
    if (!x2apic_register(vcpu, index, readable, &address))
        return false;
    *value = load(vcpu, address);
    if (index == MSR_ICR)
        *value |= (uint64_t)load(vcpu, address + 4) << 32;
    return true;
}

bool hv_virtual_x2apic_write(struct hv_vcpu *vcpu, uint32_t index, uint64_t value)
{
    hpa_t address;
    const uint32_t low = (uint32_t)value, high = (uint32_t)(value >> 32);
    if ((index != MSR_ICR && high != 0) || !x2apic_register(vcpu, index, writable, &address))
        return false;
    store(vcpu, address, low);
    if (index != MSR_ICR) {
        side_effect(vcpu, (index - MSR_FIRST) << 4, low);
        return true;
    }
    store(vcpu, address + 4, high);
    hv_send_ipi(vcpu, &(struct hv_ipi){.destination = high, .command = low, .x2apic = true});
    return true;
}

/* ---- exits ---- */
enum hv_action hv_handle_apic_access(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    enum { READ, WRITE };
    const unsigned type = (unsigned)(exit->qualification >> 12) & 0xfu;
    if (type != READ && type != WRITE)
        return hv_stop(vcpu, "APIC access of type %u, RIP %lx", type, exit->rip);
    return hv_emulate_instruction(vcpu, exit);
}

/* Trap-like: the value stands in the page and RIP is past the instruction. */
enum hv_action hv_handle_apic_write(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    const unsigned offset = (unsigned)exit->qualification & 0xfffu;
    hpa_t address;
    if (vcpu->vm->devices != NULL)
        hv_device_apic_written(vcpu, offset);
    else if (page_register(vcpu, offset, &address))
        side_effect(vcpu, offset, load(vcpu, address));
    return HV_RESUME;
}

/* Trap-like too. Without level-triggered interrupts of the device set it is the VM's owner who wants to hear of this. */
enum hv_action hv_handle_eoi_induced(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    const uint8_t vector = (uint8_t)exit->qualification;
    if (vcpu->vm->devices == NULL || !hv_device_service_ended(vcpu, vector))
        hv_report(vcpu, "EOI of vector %u: no I/O APIC waits for it", vector);
    return HV_RESUME;
}

/* The interrupt that waited for this is injected by the next entry, which sets a threshold again if another one waits. */
enum hv_action hv_handle_tpr_below_threshold(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    (void)exit;
    hv_write(vcpu, VMCS_TPR_THRESHOLD, 0);
    return HV_RESUME;
}

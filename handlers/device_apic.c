/* SPDX-License-Identifier: MIT */
/* A virtual CPU that has a virtual-APIC page beside the local APIC of the device set. With APIC-register virtualization the page shows the local APIC's
   registers; with virtual-interrupt delivery the processor also delivers, by VIRR and RVI, what is requested there, and the EOI-exit bitmap makes it tell
   of the end of those interrupts that an I/O APIC waits for. SDM 3C, "APIC Virtualization and Virtual Interrupts". */
#include "apic.h"
#include "device_access.h"
#include "handlers.h"

enum { VECTOR_WORDS = 8, BITMAPS = 4, TMR_WORD = 0x180 / 4, IRR_WORD = 0x200 / 4, ISR_WORD = 0x100 / 4, REGISTER_WORDS = 4, REGISTER_MASK = 0xff0 };

struct page {
    hpa_t at;
    uint32_t word[LAPIC_PAGE_WORDS];
};

static bool read_page(struct hv_vcpu *vcpu, struct page *page)
{
    page->at = hv_read(vcpu, VMCS_VIRTUAL_APIC_PAGE_ADDR);
    return bk_read(vcpu->vm->machine, page->at, page->word, sizeof(page->word));
}

static bool differ(const struct page *a, const struct page *b)
{
    bool differ = false;
    for (unsigned i = 0; i < LAPIC_PAGE_WORDS; i++)
        differ = differ || a->word[i] != b->word[i];
    return differ;
}

static uint8_t highest(const uint32_t *word)
{
    for (unsigned i = VECTOR_WORDS; i-- > 0;)
        if (word[i * REGISTER_WORDS] != 0)
            return (uint8_t)(i * 32 + 31 - (unsigned)__builtin_clz(word[i * REGISTER_WORDS]));
    return 0;
}

/* RVI and SVI, the highest vectors of VIRR and VISR. */
static void write_status(struct hv_vcpu *vcpu, const struct page *page)
{
    const uint64_t status = highest(&page->word[IRR_WORD]) | (uint64_t)highest(&page->word[ISR_WORD]) << 8;
    if (hv_read(vcpu, VMCS_GUEST_INTR_STATUS) != status)
        hv_write(vcpu, VMCS_GUEST_INTR_STATUS, status);
}

/* Bits of level-triggered vectors; others are the VM owner's. */
static void write_exit_bitmap(struct hv_vcpu *vcpu, const struct page *page)
{
    for (unsigned i = 0; i < BITMAPS; i++) {
        const uint32_t *word = &page->word[TMR_WORD + 2 * i * REGISTER_WORDS];
        const uint64_t level = word[0] | (uint64_t)word[REGISTER_WORDS] << 32;
        if (level == vcpu->eoi_exits[i])
            continue;
        const enum vmcs_field field = (enum vmcs_field)(VMCS_EOI_EXIT_BITMAP0 + i);
        hv_write(vcpu, field, (hv_read(vcpu, field) & ~vcpu->eoi_exits[i]) | level);
        vcpu->eoi_exits[i] = level;
    }
}

static void show(struct hv_vcpu *vcpu, bool lend)
{
    struct hv_device_set *devices = hv_devices_now(vcpu);
    struct page page, before;
    if (!read_page(vcpu, &before))
        return;
    page = before;
    lapic_show(&devices->lapics, &devices->bus, lend, page.word);
    if (differ(&page, &before))
        (void)bk_write(vcpu->vm->machine, page.at, page.word, sizeof(page.word));
    if (!lend)
        return;
    write_status(vcpu, &page);
    write_exit_bitmap(vcpu, &page);
}

bool hv_lend_device_apic(struct hv_vcpu *vcpu)
{
    if (vcpu->vm->devices == NULL || !hv_primary_control(vcpu, VMX_PRI_USE_TPR_SHADOW) || !hv_virtual_interrupt_delivery(vcpu))
        return false;
    show(vcpu, true);
    return true;
}

void hv_show_device_apic(struct hv_vcpu *vcpu)
{
    if (vcpu->vm->devices != NULL && hv_primary_control(vcpu, VMX_PRI_USE_TPR_SHADOW) && hv_secondary_control(vcpu, VMX_SEC_APIC_REGISTER_VIRT))
        show(vcpu, false);
}

void hv_take_device_apic(struct hv_vcpu *vcpu)
{
    struct lapics *lapics = &vcpu->vm->devices->lapics;
    struct page page;
    if (lapics->cpu[vcpu->index].page != LAPIC_PAGE_UNUSED && read_page(vcpu, &page))
        lapic_take_back(lapics, vcpu->index, page.word);
}

void hv_device_apic_written(struct hv_vcpu *vcpu, unsigned offset)
{
    struct hv_device_set *devices = hv_devices_now(vcpu);
    struct page page;
    if (!read_page(vcpu, &page))
        return;
    lapic_page_written(&devices->lapics, &devices->bus, offset & REGISTER_MASK, page.word[(offset & REGISTER_MASK) / 4]);
    hv_tell_others(vcpu);
}

bool hv_device_service_ended(struct hv_vcpu *vcpu, uint8_t vector)
{
    struct hv_device_set *devices = hv_devices_now(vcpu);
    const bool level = lapic_service_ended(&devices->lapics, &devices->bus, vcpu->index, vector);
    if (level)
        hv_tell_others(vcpu);
    return level;
}

/* SPDX-License-Identifier: MIT */
/* The local APIC as the source of events: the processor sends them to itself. SDM 3A, "Advanced Programmable Interrupt Controller (APIC)". */
#include "machine.h"
#include "x86.h"

#include "../../vmx-model/cpuid_bits.h"

enum {
    SOFTWARE_ENABLE = 0x1ff, /* with spurious vector FFH */
    LVT_MASKED = 1 << 16,
    ICR_PENDING = 1 << 12,
    ICR_ASSERT = 1 << 14,
    XAPIC_ID_SHIFT = 24,
    FIRST_VECTOR = 32,
    PIC_MASTER_MASK = 0x21,
    PIC_SLAVE_MASK = 0xa1
};

static uint64_t apic_base(void)
{
    return msr_or_0(VMX_MSR_APIC_BASE);
}

static bool x2apic(void)
{
    return (apic_base() & VMX_APIC_BASE_X2APIC) != 0;
}

static volatile uint32_t *apic_memory(uint32_t number)
{
    return (volatile uint32_t *)(uintptr_t)((apic_base() & UINT64_C(0xffffff000)) + number);
}

static uint32_t apic_read(uint32_t number)
{
    return x2apic() ? (uint32_t)msr_or_0(VMX_MSR_X2APIC_FIRST + (number >> 4)) : *apic_memory(number);
}

static void apic_write(uint32_t number, uint32_t value)
{
    if (x2apic())
        (void)wrmsr(VMX_MSR_X2APIC_FIRST + (number >> 4), value);
    else
        *apic_memory(number) = value;
}

uint32_t hw_apic_id(void)
{
    return x2apic() ? apic_read(VMX_APIC_ID) : apic_read(VMX_APIC_ID) >> XAPIC_ID_SHIFT;
}

void hw_apic_send(uint32_t id, uint32_t message)
{
    if (x2apic()) {
        (void)wrmsr(VMX_MSR_X2APIC_FIRST + (VMX_APIC_ICR_LOW >> 4), message | ICR_ASSERT | (uint64_t)id << 32);
        return;
    }
    apic_write(VMX_APIC_ICR_HIGH, id << XAPIC_ID_SHIFT);
    apic_write(VMX_APIC_ICR_LOW, message | ICR_ASSERT);
    while ((apic_read(VMX_APIC_ICR_LOW) & ICR_PENDING) != 0)
        ;
}

bool hw_apic_init(void)
{
    uint32_t leaf[4];
    cpuid(1, 0, leaf);
    if ((leaf[3] & VMX_CPUID_APIC) == 0 || (apic_base() & VMX_APIC_BASE_ENABLE) == 0)
        return false;
    outb(PIC_MASTER_MASK, 0xff);
    outb(PIC_SLAVE_MASK, 0xff);
    apic_write(VMX_APIC_SPURIOUS, SOFTWARE_ENABLE);
    apic_write(VMX_APIC_TPR, 0);
    apic_write(VMX_APIC_LVT_TIMER, LVT_MASKED);
    apic_write(VMX_APIC_LVT_LINT0, LVT_MASKED);
    apic_write(VMX_APIC_LVT_LINT1, LVT_MASKED);
    return true;
}

void hw_apic_restore(uint64_t base)
{
    if (apic_base() != base) {
        (void)wrmsr(VMX_MSR_APIC_BASE, base);
        (void)hw_apic_init();
    }
    apic_write(VMX_APIC_TPR, 0); /* MOV to CR8 of a guest without a TPR shadow reaches it */
}

/* Is a bit of this 256-bit register 1? */
static bool any(uint32_t number)
{
    uint32_t bits = 0;
    for (uint32_t word = 0; word < 8; word++)
        bits |= apic_read(number + 0x10 * word);
    return bits != 0;
}

bool hw_apic_send_interrupt(uint8_t vector)
{
    if (vector < FIRST_VECTOR)
        return false;
    hw_apic_end_interrupts();
    hw_apic_send(hw_apic_id(), vector);
    while ((apic_read(VMX_APIC_IRR + 0x10u * (vector / 32u)) & 1u << vector % 32u) == 0)
        ;
    return true;
}

bool hw_apic_pending(void)
{
    hw_apic_end_interrupts();
    return any(VMX_APIC_IRR);
}

void hw_apic_end_interrupts(void)
{
    while (any(VMX_APIC_ISR))
        apic_write(VMX_APIC_EOI, 0);
}

/* SPDX-License-Identifier: MIT */
/* The host's IDT: interrupts and NMIs that the bench sent, instructions that may fault, and a clean end for anything else. */
#include "console.h"
#include "machine.h"
#include "x86.h"

#include <stddef.h>

enum { VECTORS = 256, ENTRY_BYTES = 16, STACK_OF_DOUBLE_FAULTS = 1, NMI = 2, DOUBLE_FAULT = 8, FIRST_INTERRUPT = 32 };

struct trap_frame {
    uint64_t r11, r10, r9, r8, rdi, rsi, rdx, rcx, rax, vector, error_code, rip, cs, rflags, rsp, ss;
};

struct fixup {
    uint64_t fault, resume;
};

extern const uint8_t hw_trap_entries[];
extern const struct fixup hw_fixups[], hw_fixups_end[];
bool hw_trap(struct trap_frame *frame);

uint64_t hw_idt[VECTORS][2];
static struct {
    volatile int interrupt; /* the last one taken; -1: none */
    volatile bool nmi;      /* one was taken */
    bool keep_nmis_blocked;
} taken;

void hw_traps_init(void)
{
    for (unsigned vector = 0; vector < VECTORS; vector++)
        hw_idt[vector][0] = bench_interrupt_gate(HW_CODE_SELECTOR, (uintptr_t)hw_trap_entries + ENTRY_BYTES * vector, 0,
                                                 vector == DOUBLE_FAULT ? STACK_OF_DOUBLE_FAULTS : 0);
    hw_traps_load();
}

void hw_traps_load(void)
{
    const struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } pointer = {sizeof hw_idt - 1, (uintptr_t)hw_idt};
    __asm__ volatile("lidt %0" : : "m"(pointer));
}

/* True: go back without IRET, so that NMIs stay blocked. */
bool hw_trap(struct trap_frame *frame)
{
    if (frame->vector == NMI) {
        taken.nmi = true;
        return taken.keep_nmis_blocked;
    }
    if (frame->vector >= FIRST_INTERRUPT) {
        taken.interrupt = (int)frame->vector;
        return false;
    }
    for (const struct fixup *fixup = hw_fixups; fixup < hw_fixups_end; fixup++)
        if (fixup->fault == frame->rip) {
            frame->rip = fixup->resume;
            frame->rflags |= VMX_RFLAGS_CF;
            return false;
        }
    console_say(&hw_console, "vmxbench-hw: exception %lu error code %lx rip %lx cr2 %lx\n", frame->vector, frame->error_code, frame->rip, read_cr2());
    hw_end("an exception in the host");
}

int hw_take_interrupt(void)
{
    if (!hw_apic_pending())
        return -1;
    taken.interrupt = -1;
    __asm__ volatile("sti; nop; nop; cli" : : : "memory");
    if (taken.interrupt >= 0)
        hw_apic_end_interrupts();
    return taken.interrupt;
}

void hw_take_nmi(void)
{
    taken.keep_nmis_blocked = false;
    __asm__ volatile("int $2" : : : "memory");
}

/* The first NMI blocks the next: its handler goes back without IRET. Where NMIs were blocked already the first one waits, and no second is needed. */
void hw_pend_nmi(void)
{
    enum { ARRIVED = 1000 };
    taken.nmi = false;
    taken.keep_nmis_blocked = true;
    hw_apic_send(hw_apic_id(), HW_APIC_NMI);
    for (unsigned i = 0; i < ARRIVED && !taken.nmi; i++)
        __asm__ volatile("pause" : : : "memory");
    if (taken.nmi)
        hw_apic_send(hw_apic_id(), HW_APIC_NMI);
    taken.keep_nmis_blocked = false;
}

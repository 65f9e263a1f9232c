/* SPDX-License-Identifier: MIT */
/* Breakpoints on data and ports that the model itself reaches: operands of the instructions that it executes, INS and OUTS, event delivery.
   SDM 3B, "Debug Registers", "Data Memory and I/O Breakpoint Exception Conditions". */
#include "breakpoints.h"

#include "registers.h"

enum { BREAKPOINTS = 4 };

static unsigned kind_of(uint64_t dr7, unsigned number)
{
    return dr7 >> (16 + 4 * number) & 3;
}

static uint64_t length_of(uint64_t dr7, unsigned number)
{
    static const uint8_t lengths[] = {1, 2, 8, 4};
    return lengths[dr7 >> (18 + 4 * number) & 3];
}

unsigned vmx_breakpoints_of(const uint64_t dr[8], unsigned kinds)
{
    unsigned found = 0;
    for (unsigned i = 0; i < BREAKPOINTS; i++)
        if ((dr[7] >> (2 * i) & 3) != 0 && (kinds >> kind_of(dr[7], i) & 1) != 0)
            found |= 1u << i;
    return found;
}

unsigned vmx_breakpoints_hit(const uint64_t dr[8], unsigned kinds, uint64_t address, unsigned size)
{
    unsigned hit = vmx_breakpoints_of(dr, kinds);
    for (unsigned i = 0; i < BREAKPOINTS; i++) {
        const uint64_t length = length_of(dr[7], i), first = dr[i] & ~(length - 1);
        if (address >= first + length || first >= address + size)
            hit &= ~(1u << i);
    }
    return hit;
}

void vmx_note_data(struct vmx_cpu *cpu, gva_t linear, unsigned size, bool write)
{
    const uint64_t *const dr = cpu->state.dr;
    if (vmx_breakpoints_enabled(dr))
        cpu->breakpoints_hit |= vmx_breakpoints_hit(dr, write ? VMX_BREAKS_ON_WRITE : VMX_BREAKS_ON_READ, linear, size);
}

/* Without CR4.DE there are none. */
void vmx_note_port(struct vmx_cpu *cpu, uint16_t port, unsigned size)
{
    const uint64_t *const dr = cpu->state.dr;
    if (vmx_breakpoints_enabled(dr) && (cpu->state.cr4 & VMX_CR4_DE) != 0)
        cpu->breakpoints_hit |= vmx_breakpoints_hit(dr, 1u << VMX_BREAK_ON_PORT, port, size);
}

bool vmx_pend_breakpoints(struct vmx_cpu *cpu)
{
    if (cpu->breakpoints_hit == 0)
        return false;
    cpu->state.pending_debug |= cpu->breakpoints_hit | VMX_PENDING_ENABLED;
    cpu->breakpoints_hit = 0;
    return true;
}

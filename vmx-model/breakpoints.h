/* SPDX-License-Identifier: MIT */
/* Breakpoints of DR0 to DR3. SDM 3B, "Debug Registers". */
#ifndef VMX_BREAKPOINTS_H
#define VMX_BREAKPOINTS_H

#include "cpu.h"

/* What a breakpoint waits for, as DR7 has it; sets of them have a bit for each. */
enum vmx_breakpoint { VMX_BREAK_ON_FETCH, VMX_BREAK_ON_WRITE, VMX_BREAK_ON_PORT, VMX_BREAK_ON_ACCESS };
enum { VMX_BREAKS_ON_READ = 1 << VMX_BREAK_ON_ACCESS, VMX_BREAKS_ON_WRITE = 1 << VMX_BREAK_ON_WRITE | 1 << VMX_BREAK_ON_ACCESS };

static inline bool vmx_breakpoints_enabled(const uint64_t dr[8])
{
    return (dr[7] & 0xff) != 0;
}

/* Which of the four (bits 3:0) are enabled and of one of the kinds. */
unsigned vmx_breakpoints_of(const uint64_t dr[8], unsigned kinds);
/* Which of these lie within size bytes, or ports, from an address on. */
unsigned vmx_breakpoints_hit(const uint64_t dr[8], unsigned kinds, uint64_t address, unsigned size);

/* The instruction under way, or the delivery, has reached data or a port: cpu->breakpoints_hit takes what it hit. */
void vmx_note_data(struct vmx_cpu *cpu, gva_t linear, unsigned size, bool write);
void vmx_note_port(struct vmx_cpu *cpu, uint16_t port, unsigned size);
/* What was hit becomes pending, a trap at the next boundary; true: there was something. */
bool vmx_pend_breakpoints(struct vmx_cpu *cpu);

#endif

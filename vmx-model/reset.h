/* SPDX-License-Identifier: MIT */
/* A logical processor after RESET and INIT. SDM 3A, "IA-32 and Intel 64 Processor States Following Power-up, Reset, or INIT". */
#ifndef VMX_RESET_H
#define VMX_RESET_H

#include "cpu.h"

/* Power-up: everything is as the manual's table says, VMX is off. What the caller supplies stays: capabilities, memory, the place of
   the VMCS, APIC identifier. The bootstrap
   processor starts at F000:FFF0; an application processor waits for a SIPI. */
void vmx_reset(struct vmx_cpu *cpu, bool bootstrap);

/* INIT outside VMX operation: what INIT leaves alone (MSRs, XCR0, time-stamp counter, cache control in CR0) stays, and so does a
   SIPI that is pending: it came later. */
void vmx_init(struct vmx_cpu *cpu, bool bootstrap);

#endif

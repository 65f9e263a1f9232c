/* SPDX-License-Identifier: MIT */
/* Pieces of event recognition that transitions share; internal to the model. */
#ifndef VMX_BOUNDARY_OPS_H
#define VMX_BOUNDARY_OPS_H

#include "decide.h"

/* The VMX-preemption timer as it stands now; 0 when it has expired. */
uint64_t vmx_timer_value(const struct vmx_cpu *cpu);

/* True iff the TPR-below-threshold exit right after VM entry is due. */
bool vmx_entry_finds_tpr_below_threshold(const struct vmx_cpu *cpu);

#endif

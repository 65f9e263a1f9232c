/* SPDX-License-Identifier: MIT */
/* Event delivery through IVT and IDT, nested events and their promotion to double and triple fault.
   SDM 3A, "Interrupt and Exception Handling"; SDM 3C, "Information for VM Exits That Occur During Event Delivery". */
#ifndef VMX_DELIVER_H
#define VMX_DELIVER_H

#include "cpu.h"

/* Raises an event in the current mode: decides first whether it exits directly (exception bitmap, #PF mask and match, NMI exiting,
   external-interrupt exiting), then delivers it through IVT or IDT; faults of the delivery are judged in turn (bitmap, double
   fault, triple fault). `injected` marks an event of VM-entry injection, which never exits directly.
   Returns VMX_OUTCOME_DONE (delivered; `changed` names the groups), VMX_OUTCOME_EXIT (IDT-vectoring information filled where the
   manual says so) or VMX_OUTCOME_SHUTDOWN (triple fault outside non-root operation). In non-root operation a triple
   fault is the exit TRIPLE_FAULT. CR2, DR6, NMI blocking are updated exactly where delivery reaches the point that updates them. */
struct vmx_outcome vmx_raise(struct vmx_cpu *cpu, const struct vmx_event *event, bool injected);

/* The direct-exit decision alone: true and `exit` filled when the event exits instead of being delivered. */
bool vmx_event_exits(const struct vmx_cpu *cpu, const struct vmx_event *event, struct vmx_exit_info *exit);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of one virtual CPU share. Where a function answers bool, true says that the run is over and *entered how. */
#ifndef SIM_VCPU_INTERNAL_H
#define SIM_VCPU_INTERNAL_H

#include "../vmx-model/outcome.h"
#include "../vmx-model/transition.h"
#include "machine_internal.h"

/* vcpu_outcome.c */
/* Hands the engine the groups that the model changed. */
void sim_vcpu_push(struct bk_vcpu *vcpu, uint32_t groups);
enum bk_entered sim_vcpu_host_error(struct bk_vcpu *vcpu, const char *what);
/* A VM exit. The run is over where root software is native; root software that is code goes on at the host's RIP. */
bool sim_vcpu_exit(struct bk_vcpu *vcpu, const struct vmx_exit_info *exit, enum bk_entered *entered);
/* Raises an event and whatever its delivery leads to. */
bool sim_vcpu_raise(struct bk_vcpu *vcpu, const struct vmx_event *event, bool injected, enum bk_entered *entered);
/* Applies an outcome; RUN does nothing. */
bool sim_vcpu_apply(struct bk_vcpu *vcpu, const struct vmx_outcome *outcome, enum bk_entered *entered);

/* vcpu_instruction.c */
/* Decodes as vmx_decode() does, in the processor's mode. What is found stands in *room or elsewhere, until the next call. */
enum vmx_decode_status sim_vcpu_decode(struct bk_vcpu *vcpu, uint64_t rip, unsigned bits, const uint8_t bytes[15], unsigned have,
                                       struct vmx_instruction *room, const struct vmx_instruction **found);
/* A sensitive instruction, or one that the engine does not know (`otherwise`: the exception it raised; NULL for none). */
bool sim_vcpu_judge_instruction(struct bk_vcpu *vcpu, const struct vmx_event *otherwise, enum bk_entered *entered);
/* The engine raised #GP, for the privilege level perhaps: a VM exit that comes before that (MOV DR) or an invalid opcode (XSETBV) takes its place.
   SDM 3C, "Relative Priority of Faults and VM Exits". */
bool sim_vcpu_judge_protection(struct bk_vcpu *vcpu, const struct vmx_event *otherwise, enum bk_entered *entered);

/* vcpu_ports.c */
/* IN, OUT, and one iteration of INS and OUTS at the machine's own ports; RUN for any other instruction. */
struct vmx_outcome sim_port_access(struct bk_vcpu *vcpu, const struct vmx_instruction *i);

/* vcpu_extended.c */
/* XGETBV and the instructions that move state components; RUN for any other instruction. */
struct vmx_outcome sim_extended_state(struct bk_vcpu *vcpu, const struct vmx_instruction *i);

/* vcpu_apic.c: the APIC-access page. The instruction that touches it is stopped, then runs alone, each of its accesses asked for. */
/* A translation of the engine that reached the page: tells the access where to go, or stops it. */
void sim_apic_access(struct bk_vcpu *vcpu, gva_t linear, enum vmx_access_kind kind, struct vmx_translation *out);
/* The next run of the engine is one operation that may touch the page. */
void sim_apic_begin(struct bk_vcpu *vcpu);
/* The operation is complete, or its fault has been delivered: APIC-write emulation. */
bool sim_apic_end(struct bk_vcpu *vcpu, enum bk_entered *entered);

#endif

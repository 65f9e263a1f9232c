/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The simulated machine: physical CPUs, RAM, clock; the simulator's implementation of handlers/backend.h stands on it. */
#ifndef SIM_MACHINE_H
#define SIM_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "../handlers/backend.h"
#include "../vmx-model/caps.h"
#include "../vmx-model/checks.h"
#include "../vmx-model/transition.h"

/* Guest RAM stands here on every machine, so that host-physical addresses agree too; host pages come from below it. */
enum { SIM_HOST_PAGES_FIRST = 0x400000, SIM_GUEST_BASE = 0x1000000 };

struct sim_machine_options {
    const struct vmx_caps *caps; /* NULL: the default profile */
    uint64_t guest_bytes;        /* of guest RAM, a multiple of 4 KiB */
    unsigned vcpus;              /* 1 to 8 */
    /* Ticks after which guest code is interrupted at the latest, unseen by anybody; 0: when something is due. With 1 it runs instruction by
       instruction, which is the reference: a run with any other number gives the same trace and the same state. */
    uint64_t longest_run;
};

/* NULL: *message says why. */
struct bk_machine *sim_machine_new(const struct sim_machine_options *options, const char **message);
void sim_machine_free(struct bk_machine *machine);

/* bk_enter() answers BK_PAUSED once the guests have used so many more instructions, VM exits and event deliveries together; UINT64_MAX: never. */
void sim_machine_pause(struct bk_machine *machine, uint64_t after);

/* The rule that the last VM entry of this vCPU violated; VMX_CHECK_NONE when it entered. */
enum vmx_check sim_machine_violated(const struct bk_vcpu *vcpu);
/* Before each VM entry of this machine that violates rules, and after one whose MSR-load list does (`msr_load`, else VMX_CHECK_NONE), for who explains. */
typedef void sim_entry_watcher(void *context, unsigned vcpu, const struct vmx_cpu *cpu, bool resume, enum vmx_check msr_load);
void sim_machine_watch_entries(struct bk_machine *machine, sim_entry_watcher *watcher, void *context);

/* The model's processor under a vCPU, for tools that explain; RAM, for tests. */
struct vmx_cpu *sim_machine_cpu(struct bk_vcpu *vcpu);
uint8_t *sim_machine_ram(struct bk_machine *machine, uint64_t *size);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A backend over plain arrays: what handlers read is what a test wrote, and the other way round. */
#ifndef TESTS_FAKE_BACKEND_H
#define TESTS_FAKE_BACKEND_H

#include "handlers/backend.h"

enum {
    FAKE_VCPUS = 2,
    FAKE_MSRS = 16,
    FAKE_RAM = 0x1000000,
    FAKE_PAGES = 0x100000,
    FAKE_GUEST_BASE = 0x800000,
    FAKE_CPUID = 16,
    FAKE_PHYSICAL_CPUS = 4
};

struct bk_vcpu {
    struct bk_machine *machine;
    unsigned index;
    uint64_t field[VMCS_FIELD_COUNT];
    uint64_t gpr[VMX_GPR_COUNT], dr[8], cr2, xcr0;
    uint32_t msr_index[FAKE_MSRS];
    uint64_t msr_value[FAKE_MSRS];
    unsigned msrs;
    uint64_t tsc;
    int interrupt; /* pending at the host: vector, or -1 */
    int stimulus;  /* the last one, enum bk_stimulus; -1: none. Interrupts become pending at the host */
    uint8_t stimulus_vector;
    unsigned nmis_taken;
    unsigned yields;
    uint64_t next_event; /* of bk_idle(): ticks; 0: none */
    int next_vector;     /* interrupt that this event is; -1: something else */
    unsigned idles;
    unsigned flushes, flush_type; /* INVVPID */
    uint64_t flush_linear;
    unsigned invepts;
    unsigned physical_cpu; /* its number at the start */
    bool away;             /* another vCPU is current there */
    uint64_t sent_at;      /* time of the last event from another physical CPU */
};

struct bk_machine {
    uint8_t memory[FAKE_RAM]; /* pages from FAKE_PAGES, guest RAM from FAKE_GUEST_BASE */
    uint64_t capability[0x494 - 0x480];
    uint32_t cpuid[FAKE_CPUID][6]; /* leaf, subleaf, EAX to EDX */
    unsigned cpuids;
    hpa_t next_page;
    struct bk_vcpu vcpu[FAKE_VCPUS];
    unsigned physical_cpus;  /* FAKE_PHYSICAL_CPUS at the start */
    int empty_cpu_interrupt; /* pending where no vCPU is: vector, or -1 */
};

/* Everything 0 but: capabilities that allow all controls, CPUID with long mode and 40 address bits, no interrupt pending. */
void fake_reset(struct bk_machine *machine);
void fake_cpuid(struct bk_machine *machine, uint32_t leaf, uint32_t subleaf, uint32_t a, uint32_t b, uint32_t c, uint32_t d);
void fake_msr(struct bk_vcpu *vcpu, uint32_t index, uint64_t value);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A backend over plain arrays, for suites of the handlers. */
#include "fake_backend.h"

#include <string.h>

enum { MSR_BASE = 0x480 };

void fake_reset(struct bk_machine *machine)
{
    memset(machine, 0, sizeof(*machine));
    for (unsigned i = 0; i < sizeof(machine->capability) / sizeof(machine->capability[0]); i++)
        machine->capability[i] = UINT64_C(0xffffffff00000000);
    machine->capability[0x480 - MSR_BASE] = UINT64_C(1) << 54; /* INS and OUTS information */
    machine->capability[0x485 - MSR_BASE] = 0x1e5;             /* activity states */
    machine->capability[0x486 - MSR_BASE] = 0x80000021;
    machine->capability[0x487 - MSR_BASE] = 0xffffffff;
    machine->capability[0x488 - MSR_BASE] = 0x2000;
    machine->capability[0x489 - MSR_BASE] = 0x3767ff;
    machine->capability[0x48c - MSR_BASE] = UINT64_C(0xf0106734141);
    machine->next_page = FAKE_PAGES;
    machine->physical_cpus = FAKE_PHYSICAL_CPUS;
    machine->empty_cpu_interrupt = -1;
    for (unsigned i = 0; i < FAKE_VCPUS; i++) {
        machine->vcpu[i].machine = machine;
        machine->vcpu[i].index = machine->vcpu[i].physical_cpu = i;
        machine->vcpu[i].interrupt = machine->vcpu[i].stimulus = -1;
        machine->vcpu[i].next_vector = -1;
        machine->vcpu[i].xcr0 = 1;
    }
    fake_cpuid(machine, 0x80000000u, 0, 0x80000008u, 0, 0, 0);
    fake_cpuid(machine, 0x80000001u, 0, 0, 0, 0, 1u << 11 | 1u << 20 | 1u << 27 | 1u << 29);
    fake_cpuid(machine, 0x80000008u, 0, 0x3028, 0, 0, 0);
}

void fake_cpuid(struct bk_machine *machine, uint32_t leaf, uint32_t subleaf, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    const uint32_t row[6] = {leaf, subleaf, a, b, c, d};
    memcpy(machine->cpuid[machine->cpuids++], row, sizeof(row));
}

void fake_msr(struct bk_vcpu *vcpu, uint32_t index, uint64_t value)
{
    vcpu->msr_index[vcpu->msrs] = index;
    vcpu->msr_value[vcpu->msrs++] = value;
}

uint64_t bk_capability(const struct bk_machine *machine, uint32_t msr)
{
    return msr >= MSR_BASE && msr < 0x494 ? machine->capability[msr - MSR_BASE] : 0;
}

void bk_cpuid(const struct bk_machine *machine, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    memset(out, 0, 4 * sizeof(out[0]));
    for (unsigned i = 0; i < machine->cpuids; i++)
        if (machine->cpuid[i][0] == leaf && machine->cpuid[i][1] == subleaf)
            memcpy(out, &machine->cpuid[i][2], 4 * sizeof(out[0]));
}

hpa_t bk_guest_base(const struct bk_machine *machine)
{
    (void)machine;
    return FAKE_GUEST_BASE;
}

uint64_t bk_guest_size(const struct bk_machine *machine)
{
    (void)machine;
    return FAKE_RAM - FAKE_GUEST_BASE;
}

hpa_t bk_page(struct bk_machine *machine)
{
    if (machine->next_page >= FAKE_GUEST_BASE)
        return 0;
    const hpa_t page = machine->next_page;
    memset(machine->memory + page, 0, 4096);
    machine->next_page += 4096;
    return page;
}

bool bk_read(struct bk_machine *machine, hpa_t address, void *buffer, uint64_t size)
{
    if (address > FAKE_RAM || size > FAKE_RAM - address)
        return false;
    memcpy(buffer, machine->memory + address, size);
    return true;
}

bool bk_zero_pages(struct bk_machine *machine, hpa_t address, uint64_t size)
{
    static const uint8_t zeros[4096];
    for (uint64_t at = 0; at < size; at += sizeof zeros)
        if (!bk_write(machine, address + at, zeros, sizeof zeros))
            return false;
    return true;
}

bool bk_write(struct bk_machine *machine, hpa_t address, const void *buffer, uint64_t size)
{
    if (address > FAKE_RAM || size > FAKE_RAM - address)
        return false;
    memcpy(machine->memory + address, buffer, size);
    return true;
}

struct bk_vcpu *bk_vcpu(struct bk_machine *machine, unsigned vcpu)
{
    return &machine->vcpu[vcpu];
}

uint64_t bk_vmread(struct bk_vcpu *vcpu, enum vmcs_field field)
{
    return vcpu->field[field];
}

bool bk_vmwrite(struct bk_vcpu *vcpu, enum vmcs_field field, uint64_t value)
{
    vcpu->field[field] = value;
    return true;
}

uint64_t bk_register(struct bk_vcpu *vcpu, enum vmx_gpr gpr)
{
    return vcpu->gpr[gpr];
}

void bk_set_register(struct bk_vcpu *vcpu, enum vmx_gpr gpr, uint64_t value)
{
    vcpu->gpr[gpr] = value;
}

uint64_t bk_debug_register(struct bk_vcpu *vcpu, unsigned number)
{
    return vcpu->dr[number];
}

void bk_set_debug_register(struct bk_vcpu *vcpu, unsigned number, uint64_t value)
{
    vcpu->dr[number] = value;
}

uint64_t bk_cr2(struct bk_vcpu *vcpu)
{
    return vcpu->cr2;
}

void bk_set_cr2(struct bk_vcpu *vcpu, uint64_t value)
{
    vcpu->cr2 = value;
}

uint64_t bk_xcr0(struct bk_vcpu *vcpu)
{
    return vcpu->xcr0;
}

void bk_set_xcr0(struct bk_vcpu *vcpu, uint64_t value)
{
    vcpu->xcr0 = value;
}

bool bk_guest_msr(struct bk_vcpu *vcpu, uint32_t index, uint64_t *value)
{
    for (unsigned i = 0; i < vcpu->msrs; i++)
        if (vcpu->msr_index[i] == index) {
            *value = vcpu->msr_value[i];
            return true;
        }
    return false;
}

bool bk_set_guest_msr(struct bk_vcpu *vcpu, uint32_t index, uint64_t value)
{
    for (unsigned i = 0; i < vcpu->msrs; i++)
        if (vcpu->msr_index[i] == index) {
            vcpu->msr_value[i] = value;
            return true;
        }
    return false;
}

void bk_invept(struct bk_vcpu *vcpu, unsigned type, uint64_t eptp)
{
    (void)type;
    (void)eptp;
    vcpu->invepts++;
}

void bk_invvpid(struct bk_vcpu *vcpu, unsigned type, uint16_t vpid, uint64_t linear)
{
    (void)vpid;
    vcpu->flushes++;
    vcpu->flush_type = type;
    vcpu->flush_linear = linear;
}

uint64_t bk_tsc(struct bk_vcpu *vcpu)
{
    return vcpu->tsc;
}

int bk_take_interrupt(struct bk_vcpu *vcpu)
{
    const int vector = vcpu->interrupt;
    vcpu->interrupt = -1;
    return vector;
}

bool bk_stimulate(struct bk_vcpu *vcpu, enum bk_stimulus stimulus, uint8_t vector, uint64_t after)
{
    vcpu->stimulus = (int)stimulus;
    vcpu->stimulus_vector = vector;
    if (stimulus == BK_INTERRUPT)
        vcpu->interrupt = vector;
    return after == 0;
}

bool bk_signal_at(struct bk_vcpu *vcpu, enum bk_stimulus stimulus, uint8_t vector, uint64_t tsc)
{
    vcpu->sent_at = tsc;
    return bk_stimulate(vcpu, stimulus, vector, 0);
}

/* ---- physical CPUs ---- */
unsigned bk_physical_cpus(const struct bk_machine *machine)
{
    return machine->physical_cpus;
}

unsigned bk_physical_cpu(const struct bk_vcpu *vcpu)
{
    return vcpu->physical_cpu;
}

bool bk_is_current(const struct bk_vcpu *vcpu)
{
    return !vcpu->away;
}

bool bk_move(struct bk_vcpu *vcpu, unsigned physical_cpu)
{
    vcpu->physical_cpu = physical_cpu;
    return true;
}

uint64_t bk_tsc_at(const struct bk_machine *machine, unsigned physical_cpu)
{
    return machine->vcpu[physical_cpu % FAKE_VCPUS].tsc;
}

bool bk_interrupt_at(struct bk_machine *machine, unsigned physical_cpu, uint8_t vector, uint64_t tsc)
{
    for (unsigned i = 0; i < FAKE_VCPUS; i++)
        if (machine->vcpu[i].physical_cpu == physical_cpu)
            return bk_signal_at(&machine->vcpu[i], BK_INTERRUPT, vector, tsc);
    machine->empty_cpu_interrupt = vector;
    return true;
}

int bk_take_interrupt_at(struct bk_machine *machine, unsigned physical_cpu)
{
    (void)physical_cpu;
    const int vector = machine->empty_cpu_interrupt;
    machine->empty_cpu_interrupt = -1;
    return vector;
}

void bk_take_nmi(struct bk_vcpu *vcpu)
{
    vcpu->nmis_taken++;
}

void bk_yield(struct bk_vcpu *vcpu)
{
    vcpu->yields++;
}

bool bk_idle(struct bk_vcpu *vcpu, uint64_t tsc_deadline)
{
    vcpu->idles++;
    const uint64_t event = vcpu->next_event;
    if (event == 0 && tsc_deadline == UINT64_MAX)
        return false;
    if (event == 0 || tsc_deadline < event) {
        vcpu->tsc = tsc_deadline > vcpu->tsc ? tsc_deadline : vcpu->tsc;
        return true;
    }
    vcpu->tsc = event;
    vcpu->next_event = 0;
    vcpu->interrupt = vcpu->next_vector;
    return true;
}

const char *bk_violated_rule(const struct bk_vcpu *vcpu)
{
    (void)vcpu;
    return NULL;
}

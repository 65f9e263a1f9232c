/* SPDX-License-Identifier: MIT */
/* The processor's VT-x as the handlers' backend. */
#include "machine.h"
#include "x86.h"

#include "../../vmx-model/controls.h"
#include "../../vmx-model/reasons.h"
#include "../../vmx-model/vmx_instructions.h"

#include <stddef.h>
#include <string.h>

/* A guest instruction takes fewer TSC ticks than this on any processor, all in all: what turns a limit in instructions into a time. */
enum { TICKS_PER_INSTRUCTION = 8 };

/* ---- the machine ---- */
uint64_t bk_capability(const struct bk_machine *machine, uint32_t msr)
{
    (void)machine;
    return msr >= VMX_MSR_VMX_BASIC && msr <= VMX_MSR_VMX_EXIT2 ? msr_or_0(msr) : 0;
}

void bk_cpuid(const struct bk_machine *machine, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    (void)machine;
    cpuid(leaf, subleaf, out);
}

hpa_t bk_guest_base(const struct bk_machine *machine)
{
    (void)machine;
    return HW_GUEST_BASE;
}

uint64_t bk_guest_size(const struct bk_machine *machine)
{
    return machine->guest_size;
}

bool bk_set_guest_size(struct bk_machine *machine, uint64_t size)
{
    if (size % HW_PAGE != 0 || size > machine->ram_end - HW_GUEST_BASE)
        return false;
    machine->guest_size = size;
    return true;
}

hpa_t bk_page(struct bk_machine *machine)
{
    if (machine->next_page >= HW_GUEST_BASE)
        return 0;
    const hpa_t page = machine->next_page;
    machine->next_page += HW_PAGE;
    memset((void *)(uintptr_t)page, 0, HW_PAGE);
    return page;
}

/* The processors as new for the next scenario, too: what guests and a scenario's own host-state fields left is undone, and no event is pending. */
void bk_free_pages(struct bk_machine *machine)
{
    for (unsigned i = 0; i < HW_VCPUS; i++) {
        struct bk_vcpu *vcpu = &machine->vcpu[i];
        hw_go_to(machine, vcpu->cpu);
        if (vcpu->vmcs != 0)
            (void)vmclear(vcpu->vmcs);
        vcpu->vmcs = 0;
        vcpu->turn = UINT64_MAX;
        vcpu->sipi = 0;
    }
    for (unsigned cpu = machine->cpus; cpu-- > 0;) {
        hw_go_to(machine, cpu);
        machine->here->current = NULL;
        hw_apic_restore(machine->here->apic_base);
        write_cr4(machine->host_cr4);
        write_cr0(machine->host_cr0); /* transitions leave CD and NW as the last guest had them */
        while (hw_take_interrupt() >= 0)
            ;
        hw_take_nmi();
    }
    hw_restart_cpus(machine);
    for (unsigned i = 0; i < HW_VCPUS; i++)
        machine->vcpu[i].cpu = i % machine->cpus;
    machine->next_page = HW_PAGES_FIRST;
    machine->guest_size = (machine->ram_end - HW_GUEST_BASE) & ~(uint64_t)(HW_PAGE - 1);
    machine->budget = UINT64_MAX;
    machine->error = "";
}

/* Host-physical memory that is there; NULL otherwise. The image itself, below HW_PAGES_FIRST, is nobody's to read or write. */
static void *memory(const struct bk_machine *machine, hpa_t address, uint64_t size)
{
    const uint64_t end = HW_GUEST_BASE + machine->guest_size;
    return address >= HW_PAGES_FIRST && address <= end && size <= end - address ? (void *)(uintptr_t)address : NULL;
}

bool bk_read(struct bk_machine *machine, hpa_t address, void *buffer, uint64_t size)
{
    const void *from = memory(machine, address, size);
    return from != NULL && memcpy(buffer, from, size) != NULL;
}

bool bk_write(struct bk_machine *machine, hpa_t address, const void *buffer, uint64_t size)
{
    void *to = memory(machine, address, size);
    return to != NULL && memcpy(to, buffer, size) != NULL;
}

bool bk_zero_pages(struct bk_machine *machine, hpa_t address, uint64_t size)
{
    void *to = memory(machine, address, size);
    return to != NULL && memset(to, 0, size) != NULL;
}

const char *bk_error(const struct bk_machine *machine)
{
    return machine->error;
}

void bk_charge(struct bk_machine *machine, bool on)
{
    const uint64_t now = rdtsc();
    if (!on)
        machine->charged += now - machine->charge_from;
    machine->charge_from = now;
}

/* ---- one virtual CPU ---- */
struct bk_vcpu *bk_vcpu(struct bk_machine *machine, unsigned vcpu)
{
    return vcpu < sizeof machine->vcpu / sizeof machine->vcpu[0] ? &machine->vcpu[vcpu] : NULL;
}

static void write_host_state(struct bk_vcpu *vcpu)
{
    const struct bk_machine *machine = vcpu->machine;
    const struct {
        enum vmcs_field field;
        uint64_t value;
    } state[] = {{VMCS_HOST_CR0, machine->host_cr0},        {VMCS_HOST_CR3, read_cr3()},
                 {VMCS_HOST_CR4, machine->host_cr4},        {VMCS_HOST_CS_SELECTOR, HW_CODE_SELECTOR},
                 {VMCS_HOST_SS_SELECTOR, HW_DATA_SELECTOR}, {VMCS_HOST_DS_SELECTOR, HW_DATA_SELECTOR},
                 {VMCS_HOST_ES_SELECTOR, HW_DATA_SELECTOR}, {VMCS_HOST_FS_SELECTOR, HW_DATA_SELECTOR},
                 {VMCS_HOST_GS_SELECTOR, HW_DATA_SELECTOR}, {VMCS_HOST_TR_SELECTOR, HW_TSS_SELECTOR},
                 {VMCS_HOST_TR_BASE, (uintptr_t)hw_tss},    {VMCS_HOST_GDTR_BASE, (uintptr_t)hw_gdt},
                 {VMCS_HOST_IDTR_BASE, (uintptr_t)hw_idt},  {VMCS_HOST_IA32_PAT, machine->host_pat},
                 {VMCS_HOST_IA32_EFER, machine->host_efer}, {VMCS_HOST_RIP, (uintptr_t)hw_exit}};
    for (unsigned i = 0; i < sizeof state / sizeof *state; i++)
        (void)bk_vmwrite(vcpu, state[i].field, state[i].value);
}

/* EPTPs and VPIDs of an earlier guest come again, over other tables. */
static void forget_translations(void)
{
    const uint64_t capabilities = msr_or_0(VMX_MSR_VMX_EPT_VPID);
    if ((capabilities & VMX_EPTCAP_INVEPT_ALL) != 0)
        (void)invept(VMX_INVEPT_ALL, (struct invalidation){0, 0});
    if ((capabilities & VMX_VPIDCAP_INVVPID_ALL) != 0)
        (void)invvpid(VMX_INVVPID_ALL, (struct invalidation){0, 0});
}

/* VMCLEAR leaves the data of a region as it was, so every field is written. */
void bk_vmclear(struct bk_vcpu *vcpu)
{
    struct bk_machine *machine = vcpu->machine;
    hw_reset_guest_state(vcpu);
    if (vcpu->vmcs != 0)
        (void)vmclear(vcpu->vmcs);
    vcpu->vmcs = bk_page(machine);
    vcpu->launched = false;
    if (vcpu->vmcs == 0) {
        machine->error = "no page is left for a VMCS";
        return;
    }
    const uint32_t revision = (uint32_t)msr_or_0(VMX_MSR_VMX_BASIC) & 0x7fffffffu;
    memcpy((void *)(uintptr_t)vcpu->vmcs, &revision, sizeof revision);
    if (!vmclear(vcpu->vmcs) || !vmptrld(vcpu->vmcs)) {
        machine->error = "VMCLEAR or VMPTRLD failed";
        vcpu->vmcs = 0;
        return;
    }
    for (enum vmcs_field field = 0; field < VMCS_FIELD_COUNT; field++)
        (void)bk_vmwrite(vcpu, field, 0);
    write_host_state(vcpu);
    forget_translations();
}

uint64_t bk_vmread(struct bk_vcpu *vcpu, enum vmcs_field field)
{
    uint64_t value;
    hw_make_current(vcpu);
    return vcpu->vmcs != 0 && vmread(vmcs_fields[field].encoding, &value) ? value : 0;
}

bool bk_vmwrite(struct bk_vcpu *vcpu, enum vmcs_field field, uint64_t value)
{
    hw_make_current(vcpu);
    return vcpu->vmcs != 0 && vmwrite(vmcs_fields[field].encoding, value);
}

uint64_t bk_register(struct bk_vcpu *vcpu, enum vmx_gpr gpr)
{
    return vcpu->gpr[gpr];
}

void bk_set_register(struct bk_vcpu *vcpu, enum vmx_gpr gpr, uint64_t value)
{
    vcpu->gpr[gpr] = value;
}

/* ---- caches and time ---- */
void bk_invept(struct bk_vcpu *vcpu, unsigned type, uint64_t eptp)
{
    hw_make_current(vcpu);
    if (!invept(type, (struct invalidation){eptp, 0}) && !invept(VMX_INVEPT_ALL, (struct invalidation){0, 0}))
        vcpu->machine->error = "INVEPT failed";
}

void bk_invvpid(struct bk_vcpu *vcpu, unsigned type, uint16_t vpid, uint64_t linear)
{
    hw_make_current(vcpu);
    if (!invvpid(type, (struct invalidation){vpid, linear}) && !invvpid(VMX_INVVPID_ALL, (struct invalidation){0, 0}))
        vcpu->machine->error = "INVVPID failed";
}

uint64_t bk_tsc(struct bk_vcpu *vcpu)
{
    hw_make_current(vcpu);
    return rdtsc();
}

/* Not modelled: counting retired instructions. */
uint64_t bk_retired(struct bk_vcpu *vcpu)
{
    (void)vcpu;
    return 0;
}

/* The processor does not tell a transition apart from the guest's own time: its cost is the one that was measured once. */
void bk_costs(struct bk_vcpu *vcpu, uint64_t *exit, uint64_t *handler, uint64_t *entry)
{
    *exit = vcpu->machine->cost.exit;
    *handler = vcpu->machine->charged;
    *entry = vcpu->machine->cost.entry;
}

/* ---- VM entry ---- */
/* A processor says only of which kind a failure is. */
const char *bk_violated_rule(const struct bk_vcpu *vcpu)
{
    (void)vcpu;
    return NULL;
}

uint64_t hw_ticks_for(uint64_t instructions)
{
    return instructions == 0 || instructions > UINT64_MAX / TICKS_PER_INSTRUCTION ? UINT64_MAX : instructions * TICKS_PER_INSTRUCTION;
}

void bk_set_limit(struct bk_machine *machine, uint64_t instructions)
{
    machine->budget = hw_ticks_for(instructions);
}

void bk_leave(struct bk_vcpu *vcpu)
{
    (void)vcpu;
}

/* The preemption timer bounds the guest unless the VMCS uses it, or would violate an entry check without it. */
static bool arm_timer(struct bk_vcpu *vcpu, uint64_t pin)
{
    const struct bk_machine *machine = vcpu->machine;
    const uint64_t bound = machine->budget < vcpu->turn ? machine->budget : vcpu->turn;
    if (bound == UINT64_MAX || !machine->timer || (pin & VMX_PIN_VMX_PREEMPTION_TIMER) != 0 ||
        (bk_vmread(vcpu, VMCS_VM_EXIT_CONTROLS) & VMX_EXITCTL_SAVE_PREEMPTION_TIMER) != 0)
        return false;
    const uint64_t ticks = bound >> (msr_or_0(VMX_MSR_VMX_MISC) & 0x1f);
    (void)bk_vmwrite(vcpu, VMCS_VMX_PREEMPTION_TIMER_VALUE, ticks < UINT32_MAX ? ticks : UINT32_MAX);
    return bk_vmwrite(vcpu, VMCS_PIN_BASED_VM_EXEC_CONTROL, pin | VMX_PIN_VMX_PREEMPTION_TIMER);
}

static void spend(struct bk_vcpu *vcpu)
{
    uint64_t *const bounds[] = {&vcpu->machine->budget, &vcpu->turn};
    const uint64_t spent = vcpu->exit_tsc - vcpu->entry_tsc;
    for (unsigned i = 0; i < 2; i++)
        if (*bounds[i] != UINT64_MAX)
            *bounds[i] = spent < *bounds[i] ? *bounds[i] - spent : 0;
}

/* A processor in the wait-for-SIPI state leaves it by a SIPI alone: another one sends it, once this one is there. */
static unsigned enter_for_sipi(struct bk_vcpu *vcpu)
{
    struct bk_machine *machine = vcpu->machine;
    machine->sipi.sender = vcpu->cpu == 0 ? 1 : 0;
    machine->sipi.vector = (uint8_t)(vcpu->sipi - 1);
    machine->sipi.target = machine->here->apic_id + 1;
    const unsigned entered = hw_enter(vcpu->gpr, vcpu->launched);
    machine->sipi.target = 0;
    machine->here->waited_for_sipi = true;
    vcpu->sipi = 0;
    return entered;
}

/* The guest cannot go on: it sleeps, its turn is over, or the whole run. */
static bool is_bounded(struct bk_vcpu *vcpu, bool waits_for_sipi, enum bk_entered *why)
{
    if (vcpu->machine->budget != 0 && vcpu->turn != 0 && (!waits_for_sipi || vcpu->sipi != 0))
        return false;
    const bool active = bk_vmread(vcpu, VMCS_GUEST_ACTIVITY_STATE) == VMX_ACTIVE;
    vcpu->tried = true;
    *why = !active ? BK_ASLEEP : vcpu->machine->budget == 0 ? BK_LIMIT : BK_PREEMPTED;
    return true;
}

enum bk_entered bk_enter(struct bk_vcpu *vcpu)
{
    hw_make_current(vcpu);
    if (vcpu->vmcs == 0 && vcpu->machine->error[0] == '\0')
        vcpu->machine->error = "the vCPU has no VMCS";
    if (vcpu->machine->error[0] != '\0')
        return BK_HOST_ERROR;
    const uint64_t pin = bk_vmread(vcpu, VMCS_PIN_BASED_VM_EXEC_CONTROL);
    const bool waits_for_sipi = bk_vmread(vcpu, VMCS_GUEST_ACTIVITY_STATE) == VMX_WAIT_FOR_SIPI;
    for (;;) {
        enum bk_entered why;
        if (is_bounded(vcpu, waits_for_sipi, &why))
            return why;
        const bool armed = arm_timer(vcpu, pin);
        vcpu->entry_tsc = rdtsc();
        const unsigned entered = waits_for_sipi ? enter_for_sipi(vcpu) : hw_enter(vcpu->gpr, vcpu->launched);
        vcpu->exit_tsc = rdtsc();
        vcpu->machine->charge_from = vcpu->exit_tsc;
        vcpu->machine->charged = 0;
        if (armed)
            (void)bk_vmwrite(vcpu, VMCS_PIN_BASED_VM_EXEC_CONTROL, pin);
        if (entered != HW_ENTER_EXITED)
            return entered == HW_ENTER_FAIL_VALID ? BK_FAIL_VALID : BK_FAIL_INVALID;
        spend(vcpu);
        const uint32_t reason = (uint32_t)bk_vmread(vcpu, VMCS_VM_EXIT_REASON);
        vcpu->launched |= (reason & VMX_REASON_FAILED_VMENTRY) == 0;
        if (reason == VMX_EXIT_EXTERNAL_INTERRUPT)
            hw_apic_end_interrupts(); /* as a host's handler would, when the exit acknowledged it */
        if (!armed || reason != VMX_EXIT_PREEMPTION_TIMER)
            return BK_EXITED;
    }
}

/* ---- the physical CPU's events ---- */
/* Not modelled: machine checks; INIT and SIPI where there is no second processor to send them. */
/* Devices of this computer are not the scenario's. */
bool bk_set_sources(struct bk_machine *machine, const struct bk_source *sources, unsigned count)
{
    (void)machine;
    (void)sources;
    return count == 0;
}

void bk_source_counts(const struct bk_machine *machine, unsigned source, uint64_t *raised, uint64_t *merged)
{
    (void)machine;
    (void)source;
    *raised = *merged = 0;
}

bool bk_stimulate(struct bk_vcpu *vcpu, enum bk_stimulus stimulus, uint8_t vector, uint64_t after)
{
    const bool alone = vcpu->machine->cpus == 1;
    hw_make_current(vcpu);
    if (after != 0)
        return false;
    vcpu->tried = false;
    switch (stimulus) {
    case BK_INTERRUPT:
        return hw_apic_send_interrupt(vector);
    case BK_NMI:
        hw_pend_nmi();
        return true;
    case BK_INIT:
        if (!alone)
            hw_send_init_to(vcpu->machine, vcpu->cpu);
        return !alone;
    case BK_SIPI:
        vcpu->sipi = alone ? 0 : vector + 1u;
        return !alone;
    case BK_MACHINE_CHECK_AT_ENTRY:
        return false;
    }
    return false;
}

int bk_take_interrupt(struct bk_vcpu *vcpu)
{
    hw_make_current(vcpu);
    return hw_take_interrupt();
}

void bk_take_nmi(struct bk_vcpu *vcpu)
{
    hw_make_current(vcpu);
    hw_take_nmi();
}

/* Nothing but interrupts that wait already, and the deadline, can wake this host. */
bool bk_idle(struct bk_vcpu *vcpu, uint64_t tsc_deadline)
{
    hw_make_current(vcpu);
    if (hw_apic_pending())
        return true;
    if (tsc_deadline == UINT64_MAX)
        return false;
    while (rdtsc() < tsc_deadline)
        __asm__ volatile("pause");
    return true;
}

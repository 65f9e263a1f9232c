/* SPDX-License-Identifier: MIT */
/* Several processors: started by INIT and SIPI, each in VMX operation of its own. The host is one thread that hops to the processor whose vCPU it deals with;
   the others wait for it. SDM 3A, "Multiple-Processor Initialization"; SDM 3C, "Enabling and Entering VMX Operation". */
#include "machine.h"
#include "x86.h"

#include <string.h>

enum {
    TRAMPOLINE = 0x8000,
    TRAMPOLINE_VECTOR = TRAMPOLINE >> 12,
    DELAY_PORT = 0x80, /* a write takes about a microsecond */
    AFTER_INIT = 1000,
    AFTER_SIPI = 200,
    ARRIVAL = 2000,
    SIPI_AGAIN = 1000
};

extern const uint8_t hw_trampoline[], hw_trampoline_end[];
extern uint8_t hw_stacks[];
extern volatile uint32_t hw_started; /* processors that left the trampoline */
_Noreturn void hw_cpu_main(uint32_t number);
uint64_t hw_wait_turn(struct hw_cpu *cpu);

static struct bk_machine *the_machine;

static void delay(unsigned microseconds)
{
    while (microseconds-- > 0)
        outb(DELAY_PORT, 0);
}

static void set_up_cpu(struct hw_cpu *cpu, unsigned number)
{
    cpu->number = number;
    cpu->stack = (uintptr_t)hw_stacks + (uintptr_t)HW_STACK_BYTES * (number + 1);
    cpu->apic_id = hw_apic_id();
    cpu->apic_base = msr_or_0(VMX_MSR_APIC_BASE);
}

/* Another processor, from the trampoline on. Its task register comes with its first VM exit: no interrupt before changes stacks. */
_Noreturn void hw_cpu_main(uint32_t number)
{
    struct hw_cpu *cpu = &the_machine->cpu[number];
    hw_traps_load();
    set_up_cpu(cpu, number);
    cpu->usable = hw_cpu_vmx_on(cpu) == NULL;
    cpu->ready = true;
    hw_parked(cpu);
}

/* Numbers are given in the order of arrival; one that cannot be used ends the list. */
void hw_start_cpus(struct bk_machine *machine)
{
    the_machine = machine;
    set_up_cpu(&machine->cpu[0], 0);
    machine->here = &machine->cpu[0];
    machine->cpus = 1;
    memcpy((void *)(uintptr_t)TRAMPOLINE, hw_trampoline, (size_t)(hw_trampoline_end - hw_trampoline));
    hw_apic_send(0, HW_APIC_INIT | HW_APIC_TO_OTHERS);
    delay(AFTER_INIT);
    for (unsigned i = 0; i < 2; i++) {
        hw_apic_send(0, HW_APIC_STARTUP | HW_APIC_TO_OTHERS | TRAMPOLINE_VECTOR);
        delay(AFTER_SIPI);
    }
    for (unsigned waited = 0; waited < ARRIVAL; waited++) {
        delay(1);
        for (; machine->cpus < HW_CPUS && machine->cpu[machine->cpus].ready && machine->cpu[machine->cpus].usable; machine->cpus++)
            waited = 0;
    }
}

/* Out of VMX operation, where INIT is blocked, and from the trampoline on under the same number. */
static bool restart(struct bk_machine *machine, struct hw_cpu *cpu)
{
    hw_go_to(machine, cpu->number);
    vmxoff();
    hw_go_to(machine, 0);
    cpu->ready = cpu->waited_for_sipi = false;
    hw_started = cpu->number - 1;
    hw_apic_send(cpu->apic_id, HW_APIC_INIT);
    delay(AFTER_INIT);
    for (unsigned tries = 0; tries < 2 && !cpu->ready; tries++) {
        hw_apic_send(cpu->apic_id, HW_APIC_STARTUP | TRAMPOLINE_VECTOR);
        for (unsigned waited = 0; waited < ARRIVAL && !cpu->ready; waited++)
            delay(1);
    }
    return cpu->ready && cpu->usable;
}

void hw_restart_cpus(struct bk_machine *machine)
{
    for (unsigned i = 1; i < machine->cpus; i++)
        if (machine->cpu[i].waited_for_sipi && !restart(machine, &machine->cpu[i]))
            machine->cpus = i;
}

void hw_go_to(struct bk_machine *machine, unsigned number)
{
    struct hw_cpu *from = machine->here, *to = &machine->cpu[number];
    if (from == to)
        return;
    machine->here = to;
    hw_hop(from, to);
}

/* A SIPI arrives only while the target waits for it in VMX non-root operation, so it is sent until it has left that. */
static void send_sipis(const struct hw_sipi *sipi)
{
    while (sipi->target != 0) {
        hw_apic_send(sipi->target - 1, HW_APIC_STARTUP | sipi->vector);
        for (unsigned i = 0; i < SIPI_AGAIN && sipi->target != 0; i++)
            __asm__ volatile("pause" : : : "memory");
    }
}

/* Until the host hops here: the stack that it brings along. */
uint64_t hw_wait_turn(struct hw_cpu *cpu)
{
    const struct hw_sipi *sipi = &the_machine->sipi;
    while (cpu->rsp == 0) {
        if (sipi->target != 0 && sipi->sender == cpu->number)
            send_sipis(sipi);
        __asm__ volatile("pause" : : : "memory");
    }
    const uint64_t rsp = cpu->rsp;
    cpu->rsp = 0;
    return rsp;
}

void hw_send_init_to(struct bk_machine *machine, unsigned number)
{
    hw_go_to(machine, number == 0 ? 1 : 0);
    hw_apic_send(machine->cpu[number].apic_id, HW_APIC_INIT);
}

/* SPDX-License-Identifier: MIT */
/* The way from handlers to the VM's device set, where it has one. */
#include "device_access.h"
#include "../vmx-model/registers.h"
#include "apic.h"
#include "devices/devices.h"
#include "handlers.h"

static void output(void *context, unsigned port, uint8_t byte)
{
    const struct hv_vm *vm = context;
    if (vm->output != NULL)
        vm->output(vm->context, port, byte);
}

static void report(void *context, const char *text)
{
    const struct hv_vm *vm = context;
    if (vm->report != NULL)
        vm->report(vm->context, vm->device_set.bus.cpu, text);
}

static void on_signal(void *context, unsigned cpu, enum bus_signal signal, uint8_t vector)
{
    struct hv_vm *vm = context;
    if (cpu < vm->vcpus)
        hv_signal(&vm->vcpu[vm->device_set.bus.cpu], &vm->vcpu[cpu], signal, vector);
}

void hv_devices_init(struct hv_vm *vm)
{
    enum { ECX_X2APIC = 1u << 21, ECX_TSC_DEADLINE = 1u << 24 };
    if (!vm->policy.devices)
        return;
    uint32_t r[4];
    bk_cpuid(vm->machine, 1, 0, r);
    const uint32_t features = r[2] & ~vm->policy.hide_cpuid_1_ecx;
    const struct devices_config config = {.ram_bytes = bk_guest_size(vm->machine),
                                          .ticks_per_second = HV_TICKS_PER_SECOND,
                                          .cpus = vm->vcpus,
                                          .fw_cfg = vm->policy.fw_cfg,
                                          .address_bits = hv_physical_bits(&vm->vcpu[0]),
                                          .x2apic = (features & ECX_X2APIC) != 0,
                                          .tsc_deadline = (features & ECX_TSC_DEADLINE) != 0,
                                          .context = vm,
                                          .output = output,
                                          .report = report,
                                          .signal = on_signal};
    devices_init(&vm->device_set, &config);
    vm->devices = &vm->device_set;
}

static uint64_t ones(unsigned size)
{
    return size >= 8 ? UINT64_MAX : (UINT64_C(1) << 8 * size) - 1;
}

struct hv_device_set *hv_devices_now(struct hv_vcpu *vcpu)
{
    struct hv_device_set *devices = vcpu->vm->devices;
    if (devices != NULL) {
        devices->bus.now = bk_tsc(vcpu->bk);
        devices->bus.cpu = vcpu->index;
        hv_take_device_apic(vcpu);
    }
    return devices;
}

uint32_t hv_port_read(struct hv_vcpu *vcpu, uint16_t port, unsigned size)
{
    struct hv_device_set *devices = hv_devices_now(vcpu);
    return devices == NULL ? (uint32_t)ones(size) : devices_port_read(devices, port, size);
}

void hv_port_write(struct hv_vcpu *vcpu, uint16_t port, unsigned size, uint32_t value)
{
    struct hv_device_set *devices = hv_devices_now(vcpu);
    if (devices == NULL)
        return;
    devices_port_write(devices, port, size, value);
    hv_tell_others(vcpu);
}

/* With "use TPR shadow" the task priority stands in the virtual-APIC page; without a device set that page is all there is of a local APIC. */
static bool in_virtual_page(const struct hv_vcpu *vcpu, gpa_t address)
{
    enum { TPR = 0x80, REGISTER_MASK = 0xff0 };
    if (vcpu->vm->devices == NULL)
        return address - HV_APIC_BASE < HV_APIC_PAGE_BYTES;
    return lapic_answers(&vcpu->vm->devices->lapics, vcpu->index, address) && (address & REGISTER_MASK) == TPR;
}

/* A task priority that the guest changed in the virtual-APIC page holds for the device too. */
static void know_priority(struct hv_vcpu *vcpu)
{
    hv_set_apic_tpr(vcpu, hv_tpr(vcpu));
}

uint64_t hv_mmio_read(struct hv_vcpu *vcpu, gpa_t address, unsigned size)
{
    uint32_t value;
    if (in_virtual_page(vcpu, address) && hv_virtual_apic_read(vcpu, (unsigned)(address % HV_APIC_PAGE_BYTES), &value))
        return value & ones(size);
    struct hv_device_set *devices = hv_devices_now(vcpu);
    if (devices == NULL)
        return ones(size);
    if (lapic_answers(&devices->lapics, vcpu->index, address))
        know_priority(vcpu);
    return devices_memory_read(devices, address, size);
}

void hv_mmio_write(struct hv_vcpu *vcpu, gpa_t address, unsigned size, uint64_t value)
{
    if (in_virtual_page(vcpu, address) && hv_virtual_apic_write(vcpu, (unsigned)(address % HV_APIC_PAGE_BYTES), (uint32_t)value))
        return;
    struct hv_device_set *devices = hv_devices_now(vcpu);
    if (devices == NULL)
        return;
    devices_memory_write(devices, address, size, value);
    hv_tell_others(vcpu);
}

/* ---- the local APIC's MSRs ---- */
static bool is_tsc_deadline(uint32_t index)
{
    return index == LAPIC_MSR_TSC_DEADLINE;
}

bool hv_has_apic_msr(const struct hv_vcpu *vcpu, uint32_t index)
{
    return vcpu->vm->devices != NULL && lapic_has_msr(index);
}

bool hv_read_apic_msr(struct hv_vcpu *vcpu, uint32_t index, uint64_t *value)
{
    struct hv_device_set *devices = hv_devices_now(vcpu);
    know_priority(vcpu);
    return devices_read_msr(devices, vcpu->index, index, value);
}

/* Not modelled: a guest whose time-stamp counter is scaled arms the deadline in host ticks; a base address over RAM. */
bool hv_write_apic_msr(struct hv_vcpu *vcpu, uint32_t index, uint64_t value)
{
    struct hv_device_set *devices = hv_devices_now(vcpu);
    if (is_tsc_deadline(index))
        devices_set_tsc_offset(devices, vcpu->index, hv_guest_tsc(vcpu) - devices->bus.now);
    if (!devices_write_msr(devices, vcpu->index, index, value))
        return false;
    if (index == LAPIC_MSR_X2APIC_TPR)
        hv_set_tpr(vcpu, (uint8_t)value);
    hv_tell_others(vcpu);
    if (index == LAPIC_MSR_BASE && value >> 12 << 12 < bk_guest_size(vcpu->vm->machine))
        hv_report(vcpu, "IA32_APIC_BASE = %lx: the registers are not seen over RAM", value);
    return true;
}

uint8_t hv_apic_tpr(const struct hv_vcpu *vcpu)
{
    return vcpu->vm->devices != NULL ? lapic_tpr(&vcpu->vm->devices->lapics, vcpu->index) : vcpu->tpr;
}

void hv_set_apic_tpr(struct hv_vcpu *vcpu, uint8_t value)
{
    if (vcpu->vm->devices != NULL)
        lapic_set_tpr(&vcpu->vm->devices->lapics, vcpu->index, value);
    else
        vcpu->tpr = value;
}

bool hv_apic_enabled(const struct hv_vcpu *vcpu)
{
    return vcpu->vm->devices == NULL || lapic_enabled(&vcpu->vm->devices->lapics, vcpu->index);
}

/* ---- power, time, interrupts ---- */
enum hv_action hv_power(struct hv_vcpu *vcpu)
{
    const struct hv_device_set *devices = vcpu->vm->devices;
    return devices != NULL && devices->bus.power != BUS_RUNNING ? HV_POWER_OFF : HV_RESUME;
}

void hv_run_devices(struct hv_vcpu *vcpu)
{
    struct hv_device_set *devices = hv_devices_now(vcpu);
    if (devices == NULL)
        return;
    know_priority(vcpu);
    devices_advance(devices);
    hv_tell_others(vcpu);
}

void hv_devices_init_signal(struct hv_vcpu *vcpu)
{
    if (vcpu->vm->devices != NULL)
        lapic_init_signal(&vcpu->vm->devices->lapics, vcpu->index);
}

int hv_device_offer(struct hv_vcpu *vcpu)
{
    uint8_t vector;
    return vcpu->vm->devices != NULL && devices_interrupt_of(vcpu->vm->devices, vcpu->index, &vector) ? vector : -1;
}

bool hv_device_interrupt(struct hv_vcpu *vcpu)
{
    return hv_device_offer(vcpu) >= 0;
}

int hv_device_acknowledge(struct hv_vcpu *vcpu)
{
    return devices_acknowledge_of(vcpu->vm->devices, vcpu->index);
}

uint64_t hv_next_device_event(struct hv_vcpu *vcpu)
{
    return vcpu->vm->devices == NULL ? UINT64_MAX : devices_deadline_of(vcpu->vm->devices, vcpu->index);
}

int hv_device_held_back(struct hv_vcpu *vcpu)
{
    uint8_t vector;
    return vcpu->vm->devices != NULL && lapic_held_back(&vcpu->vm->devices->lapics, vcpu->index, &vector) ? vector : -1;
}

/* ---- the alarm clock ---- */
/* The owner of the VM uses the timer, or the processor has none: device interrupts wait for some other exit. */
static bool alarm_possible(struct hv_vcpu *vcpu)
{
    return !vcpu->owns_timer && (bk_capability(vcpu->vm->machine, VMX_MSR_VMX_PINBASED) >> 32 & VMX_PIN_VMX_PREEMPTION_TIMER) != 0;
}

static void set_alarm(struct hv_vcpu *vcpu, bool on)
{
    if (vcpu->alarm == on)
        return;
    vcpu->alarm = on;
    hv_change_control(vcpu, VMCS_PIN_BASED_VM_EXEC_CONTROL, VMX_PIN_VMX_PREEMPTION_TIMER, on);
}

/* The timer counts changes of bit n of the time-stamp counter, the first of which may come at once. */
void hv_arm_alarm(struct hv_vcpu *vcpu)
{
    enum { RATE = 31 };
    if (vcpu->vm->devices == NULL || !alarm_possible(vcpu))
        return;
    const uint64_t deadline = hv_next_device_event(vcpu);
    set_alarm(vcpu, deadline != UINT64_MAX);
    if (!vcpu->alarm)
        return;
    const uint64_t now = bk_tsc(vcpu->bk), left = deadline > now ? deadline - now : 0;
    const uint64_t count = (left >> (bk_capability(vcpu->vm->machine, VMX_MSR_VMX_MISC) & RATE)) + 1;
    hv_write(vcpu, VMCS_VMX_PREEMPTION_TIMER_VALUE, count < UINT32_MAX ? count : UINT32_MAX);
}

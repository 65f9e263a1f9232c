/* SPDX-License-Identifier: MIT */
/* The way from handlers to the VM's device set, where it has one. */
#include "device_access.h"
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

static void ipi(void *context, uint32_t high, uint32_t low)
{
    struct hv_vm *vm = context;
    hv_send_ipi(&vm->vcpu[vm->device_set.bus.cpu], high, low);
}

void hv_devices_init(struct hv_vm *vm)
{
    if (!vm->policy.devices)
        return;
    const struct devices_config config = {.ram_bytes = bk_guest_size(vm->machine),
                                          .ticks_per_second = HV_TICKS_PER_SECOND,
                                          .cpus = vm->vcpus,
                                          .fw_cfg = !vm->policy.no_fw_cfg,
                                          .context = vm,
                                          .output = output,
                                          .report = report,
                                          .ipi = ipi};
    devices_init(&vm->device_set, &config);
    vm->devices = &vm->device_set;
}

static uint64_t ones(unsigned size)
{
    return size >= 8 ? UINT64_MAX : (UINT64_C(1) << 8 * size) - 1;
}

static struct hv_device_set *devices_now(struct hv_vcpu *vcpu)
{
    struct hv_device_set *devices = vcpu->vm->devices;
    if (devices != NULL) {
        devices->bus.now = bk_tsc(vcpu->bk);
        devices->bus.cpu = vcpu->index;
    }
    return devices;
}

uint32_t hv_port_read(struct hv_vcpu *vcpu, uint16_t port, unsigned size)
{
    struct hv_device_set *devices = devices_now(vcpu);
    return devices == NULL ? (uint32_t)ones(size) : devices_port_read(devices, port, size);
}

void hv_port_write(struct hv_vcpu *vcpu, uint16_t port, unsigned size, uint32_t value)
{
    struct hv_device_set *devices = devices_now(vcpu);
    if (devices != NULL)
        devices_port_write(devices, port, size, value);
}

uint64_t hv_mmio_read(struct hv_vcpu *vcpu, gpa_t address, unsigned size)
{
    uint32_t value;
    if (address - HV_APIC_BASE < HV_APIC_PAGE_BYTES && hv_virtual_apic_read(vcpu, (unsigned)(address - HV_APIC_BASE), &value))
        return value & ones(size);
    struct hv_device_set *devices = devices_now(vcpu);
    return devices == NULL ? ones(size) : devices_memory_read(devices, address, size);
}

void hv_mmio_write(struct hv_vcpu *vcpu, gpa_t address, unsigned size, uint64_t value)
{
    if (address - HV_APIC_BASE < HV_APIC_PAGE_BYTES && hv_virtual_apic_write(vcpu, (unsigned)(address - HV_APIC_BASE), (uint32_t)value))
        return;
    struct hv_device_set *devices = devices_now(vcpu);
    if (devices != NULL)
        devices_memory_write(devices, address, size, value);
}

enum hv_action hv_power(struct hv_vcpu *vcpu)
{
    const struct hv_device_set *devices = vcpu->vm->devices;
    return devices != NULL && devices->bus.power != BUS_RUNNING ? HV_POWER_OFF : HV_RESUME;
}

void hv_run_devices(struct hv_vcpu *vcpu)
{
    struct hv_device_set *devices = devices_now(vcpu);
    if (devices != NULL)
        devices_advance(devices);
}

bool hv_device_interrupt(struct hv_vcpu *vcpu)
{
    return vcpu->vm->devices != NULL && vcpu->index == 0 && devices_interrupt(vcpu->vm->devices);
}

int hv_device_acknowledge(struct hv_vcpu *vcpu)
{
    return devices_acknowledge(vcpu->vm->devices);
}

uint64_t hv_next_device_event(struct hv_vcpu *vcpu)
{
    return vcpu->vm->devices == NULL || vcpu->index != 0 ? UINT64_MAX : devices_deadline(vcpu->vm->devices);
}

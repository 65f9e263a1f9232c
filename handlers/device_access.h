/* SPDX-License-Identifier: MIT */
/* The way from handlers to the VM's device set, where it has one. */
#ifndef HANDLERS_DEVICE_ACCESS_H
#define HANDLERS_DEVICE_ACCESS_H

#include "hypervisor.h"

/* Puts the device set into the VM if its policy wants one. */
void hv_devices_init(struct hv_vm *vm);
/* 1, 2 or 4 bytes at a port; all ones where no device answers. */
uint32_t hv_port_read(struct hv_vcpu *vcpu, uint16_t port, unsigned size);
void hv_port_write(struct hv_vcpu *vcpu, uint16_t port, unsigned size, uint32_t value);
/* 1 to 8 bytes of device registers at a guest-physical address; all ones where no device answers. */
uint64_t hv_mmio_read(struct hv_vcpu *vcpu, gpa_t address, unsigned size);
void hv_mmio_write(struct hv_vcpu *vcpu, gpa_t address, unsigned size, uint64_t value);
/* HV_POWER_OFF once the guest has asked a device for power-off or reset, else HV_RESUME. */
enum hv_action hv_power(struct hv_vcpu *vcpu);
/* INIT: its local APIC is reset. */
void hv_devices_init_signal(struct hv_vcpu *vcpu);
/* Lets device time catch up with the time-stamp counter. */
void hv_run_devices(struct hv_vcpu *vcpu);
/* MSRs of the local APIC, where the device set has it. False: #GP(0). */
bool hv_has_apic_msr(const struct hv_vcpu *vcpu, uint32_t index);
bool hv_read_apic_msr(struct hv_vcpu *vcpu, uint32_t index, uint64_t *value);
bool hv_write_apic_msr(struct hv_vcpu *vcpu, uint32_t index, uint64_t value);
/* Task priority where no virtual-APIC page holds it; the enable bit of IA32_APIC_BASE. */
uint8_t hv_apic_tpr(const struct hv_vcpu *vcpu);
void hv_set_apic_tpr(struct hv_vcpu *vcpu, uint8_t value);
bool hv_apic_enabled(const struct hv_vcpu *vcpu);
/* What the interrupt controllers have for this virtual CPU: the vector, -1 for none; is there one; the acknowledge cycle. */
int hv_device_offer(struct hv_vcpu *vcpu);
bool hv_device_interrupt(struct hv_vcpu *vcpu);
int hv_device_acknowledge(struct hv_vcpu *vcpu);
/* Highest vector that waits at the local APIC for a lower task priority; -1: none. */
int hv_device_held_back(struct hv_vcpu *vcpu);
/* ---- device_apic.c ---- */
/* Before an entry, with virtual-interrupt delivery: what the device set's local APIC has requested and in service goes to the virtual-APIC page, from where
   the processor delivers it. False: the virtual CPU has no such control. */
bool hv_lend_device_apic(struct hv_vcpu *vcpu);
/* Before an entry, with APIC-register virtualization alone: the page shows the local APIC. */
void hv_show_device_apic(struct hv_vcpu *vcpu);
/* What the processor has changed in the page comes back; nothing happens when it has come back already. */
void hv_take_device_apic(struct hv_vcpu *vcpu);
/* An APIC-write exit: the local APIC takes the register at this offset of the page. */
void hv_device_apic_written(struct hv_vcpu *vcpu, unsigned offset);
/* The processor has ended the service of this vector: whoever holds its level is told. False: it was edge-triggered. */
bool hv_device_service_ended(struct hv_vcpu *vcpu, uint8_t vector);

/* ---- device_access.c ---- */
/* The device set, ready to be used by this virtual CPU now; NULL when there is none. */
struct hv_device_set *hv_devices_now(struct hv_vcpu *vcpu);
/* Before an entry: the VMX-preemption timer takes a guest that runs without exits back when a device will want to interrupt it. */
void hv_arm_alarm(struct hv_vcpu *vcpu);
/* Time-stamp counter at the next device interrupt of this virtual CPU; UINT64_MAX: none is due. */
uint64_t hv_next_device_event(struct hv_vcpu *vcpu);

#endif

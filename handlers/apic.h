/* SPDX-License-Identifier: MIT */
/* The local APIC as a virtual CPU has it without a device: task priority, and the virtual-APIC page of "use TPR shadow". */
#ifndef HANDLERS_APIC_H
#define HANDLERS_APIC_H

#include "hypervisor.h"

enum { HV_APIC_PAGE_BYTES = 4096 };
#define HV_APIC_BASE UINT64_C(0xfee00000)

/* Task priority in force: VTPR with "use TPR shadow", else what CR8 exits have set. */
uint8_t hv_tpr(struct hv_vcpu *vcpu);
void hv_set_tpr(struct hv_vcpu *vcpu, uint8_t value);
/* Processor priority as arbitration for lowest-priority delivery finds it. */
uint8_t hv_processor_priority(struct hv_vcpu *vcpu);
/* What xAPIC mode's logical destinations are compared with: bits 31:24 of the logical-destination register, and the model that the
   destination-format register chooses. False: the virtual CPU has no virtual-APIC page. */
bool hv_logical_id(struct hv_vcpu *vcpu, uint8_t *id, bool *cluster_model);
/* With "use TPR shadow": an exit is due when VTPR falls below this priority class; 0: never. */
void hv_raise_tpr_threshold(struct hv_vcpu *vcpu, unsigned priority_class);
bool hv_virtual_interrupt_delivery(struct hv_vcpu *vcpu);
/* One that the processor would deliver by itself: RVI is above VPPR. */
bool hv_virtual_interrupt_waits(struct hv_vcpu *vcpu);
/* Requests an interrupt through VIRR and RVI: the processor delivers it without an exit. */
void hv_post_virtual_interrupt(struct hv_vcpu *vcpu, uint8_t vector);
/* Registers in the virtual-APIC page; false where there is no such page. */
bool hv_virtual_apic_read(struct hv_vcpu *vcpu, unsigned offset, uint32_t *value);
bool hv_virtual_apic_write(struct hv_vcpu *vcpu, unsigned offset, uint32_t value);
/* The same by the MSRs of x2APIC mode, 800H to 83FH, with "virtualize x2APIC mode" and without a device set; writing false: #GP too. */
bool hv_virtual_x2apic_read(struct hv_vcpu *vcpu, uint32_t index, uint64_t *value);
bool hv_virtual_x2apic_write(struct hv_vcpu *vcpu, uint32_t index, uint64_t value);
/* An interprocessor interrupt as the interrupt command register describes it. */
struct hv_ipi {
    uint32_t destination; /* 8 bits in xAPIC mode */
    uint32_t command;     /* bits 31:0 of the register */
    bool x2apic;
};
void hv_send_ipi(struct hv_vcpu *vcpu, const struct hv_ipi *ipi);

#endif

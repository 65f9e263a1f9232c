/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Accesses of guest code to the APIC-access page. SDM 3C, "Virtualizing Memory-Mapped APIC Accesses". */
#include "vcpu_internal.h"

void sim_apic_access(struct bk_vcpu *vcpu, gva_t linear, enum vmx_access_kind kind, struct vmx_translation *out)
{
    if (!vcpu->apic_alone) {
        out->kind = VMX_TRANSLATION_EXIT; /* with apic_page: no exit yet, judge_translation() tells the two apart */
        return;
    }
    const unsigned offset = linear % SIM_PAGE, size = sim_engine_access_size(vcpu->engine);
    const bool virtualized =
        kind == VMX_ACCESS_READ_WRITE
            ? vmx_apic_access_virtualized(&vcpu->cpu, offset, size, false) && vmx_apic_access_virtualized(&vcpu->cpu, offset, size, true)
            : vmx_apic_operation_access(&vcpu->cpu, &vcpu->apic, offset, size, kind == VMX_ACCESS_WRITE);
    if (virtualized)
        return;
    out->apic_page = false;
    vmx_apic_access_exit(&vcpu->cpu, linear, kind, out);
}

void sim_apic_begin(struct bk_vcpu *vcpu)
{
    vcpu->apic_alone = true;
    vcpu->apic = (struct vmx_apic_operation){0};
}

bool sim_apic_end(struct bk_vcpu *vcpu, enum bk_entered *entered)
{
    const struct vmx_outcome outcome = vmx_apic_operation_end(&vcpu->cpu, &vcpu->apic);
    vcpu->apic_alone = false;
    vcpu->apic = (struct vmx_apic_operation){0};
    return sim_vcpu_apply(vcpu, &outcome, entered);
}

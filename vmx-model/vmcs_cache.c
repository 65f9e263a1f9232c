/* SPDX-License-Identifier: MIT */
/* Moves VMCS data between region and processor. A region holds a struct vmcs as it stands; the first word is software's, the processor only reads it.
   SDM 3C, "Software Use of Virtual-Machine Control Structures", "VMCS Data". */
#include "vmcs_cache.h"

#include "access.h"
#include "transition.h"

enum { DATA = offsetof(struct vmcs, launched), ABORT_INDICATOR = offsetof(struct vmcs, abort_indicator) };

static void fill_with_ones(struct vmcs *v)
{
    unsigned char *const bytes = (unsigned char *)v;
    for (unsigned i = 0; i < sizeof *v; i++)
        bytes[i] = 0xff;
}

void vmx_vmcs_load(struct vmx_cpu *cpu, hpa_t region)
{
    struct vmcs *const v = cpu->vmcs_cache;
    if (!cpu->memory.read(cpu->memory.context, region, v, sizeof *v))
        fill_with_ones(v);
    v->launched = v->launched != 0;
    for (unsigned f = 0; f < VMCS_FIELD_COUNT; f++)
        vmcs_set(v, (enum vmcs_field)f, v->field[f]);
    v->unchecked = VMCS_GROUP_ALL;
    v->unloaded = VMCS_GROUP_ALL;
    v->checked_for = 0;
    cpu->vmcs = v;
    cpu->current_vmcs = region;
    vmx_forget_guest(cpu);
}

void vmx_vmcs_release(struct vmx_cpu *cpu)
{
    const struct vmcs *const v = cpu->vmcs;
    if (cpu->current_vmcs == VMX_NO_VMCS || v == NULL)
        return;
    (void)cpu->memory.write(cpu->memory.context, cpu->current_vmcs + DATA, (const unsigned char *)v + DATA, sizeof *v - DATA);
    cpu->vmcs = NULL;
    cpu->current_vmcs = VMX_NO_VMCS;
    vmx_forget_guest(cpu);
}

void vmx_vmcs_clear_region(struct vmx_cpu *cpu, hpa_t region)
{
    vmx_write_entry(cpu, region + DATA, 0, sizeof cpu->vmcs->launched);
}

void vmx_record_abort(struct vmx_cpu *cpu, uint32_t indicator)
{
    cpu->vmcs->abort_indicator = indicator;
    if (cpu->vmcs == cpu->vmcs_cache)
        vmx_write_entry(cpu, cpu->current_vmcs + ABORT_INDICATOR, indicator, sizeof indicator);
}

uint32_t vmx_region_revision(const struct vmx_cpu *cpu, hpa_t region)
{
    return (uint32_t)vmx_read_entry(cpu, region, sizeof(uint32_t));
}

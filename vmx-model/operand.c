/* SPDX-License-Identifier: MIT */
/* Memory and register operands: segmentation, alignment, then the linear access. SDM 3A, "Segment-Level Protection". */
#include "operand.h"

#include "registers.h"
#include "virtual_apic.h"

static bool segmentation_faults(const struct vmx_segment *segment, uint64_t offset, uint32_t size, bool write)
{
    const uint32_t rights = segment->access_rights;
    const uint64_t last = offset + size - 1;
    if ((rights & VMX_AR_UNUSABLE) != 0)
        return true;
    if ((rights & VMX_AR_CODE) != 0)
        return write || (rights & VMX_AR_WRITABLE) == 0 || last > segment->limit;
    if (write && (rights & VMX_AR_WRITABLE) == 0)
        return true;
    if ((rights & VMX_AR_EXPAND_DOWN) == 0)
        return last > segment->limit;
    return offset <= segment->limit || last > ((rights & VMX_AR_DB) != 0 ? UINT32_MAX : UINT16_MAX);
}

static bool misaligned(const struct vmx_cpu *cpu, gva_t linear, uint32_t size)
{
    const struct vmx_state *s = &cpu->state;
    const bool checked = (s->cr0 & VMX_CR0_AM) != 0 && (s->rflags & VMX_RFLAGS_AC) != 0 && vmx_cpl(s) == 3;
    return checked && size <= 8 && (linear & (size - 1)) != 0;
}

bool vmx_segment_linear(const struct vmx_cpu *cpu, unsigned segment, uint64_t offset, uint32_t size, bool write, gva_t *linear,
                        struct vmx_outcome *failure)
{
    const struct vmx_state *s = &cpu->state;
    const struct vmx_segment *seg = &s->seg[segment];
    bool faults;
    if (vmx_in_64bit_mode(s)) {
        const unsigned width = (s->cr4 & VMX_CR4_LA57) != 0 ? 57 : 48;
        *linear = offset + (segment >= VMX_FS ? seg->base : 0);
        faults = !vmx_is_canonical(*linear, width) || !vmx_is_canonical(*linear + size - 1, width);
    } else {
        *linear = (uint32_t)(seg->base + offset);
        faults = segmentation_faults(seg, offset, size, write);
    }
    if (faults) {
        *failure = vmx_outcome_fault(segment == VMX_SS ? VMX_SS_FAULT : VMX_GP, 0);
        return false;
    }
    if (misaligned(cpu, *linear, size)) {
        *failure = vmx_outcome_fault(VMX_AC, 0);
        return false;
    }
    return true;
}

bool vmx_read_operand(struct vmx_cpu *cpu, const struct vmx_instruction *i, void *buffer, uint32_t size, struct vmx_outcome *failure)
{
    gva_t linear;
    struct vmx_translation translation;
    if (!vmx_segment_linear(cpu, i->segment, vmx_effective_address(&cpu->state, i), size, false, &linear, failure))
        return false;
    if (vmx_read_linear(cpu, linear, buffer, size, VMX_ACCESS_READ, vmx_cpl(&cpu->state) == 3, &translation))
        return true;
    *failure = vmx_outcome_of_translation(&translation);
    return false;
}

bool vmx_write_operand(struct vmx_cpu *cpu, const struct vmx_instruction *i, const void *buffer, uint32_t size, struct vmx_outcome *after)
{
    gva_t linear;
    struct vmx_translation translation;
    if (!vmx_segment_linear(cpu, i->segment, vmx_effective_address(&cpu->state, i), size, true, &linear, after))
        return false;
    if (!vmx_write_linear(cpu, linear, buffer, size, vmx_cpl(&cpu->state) == 3, &translation)) {
        *after = vmx_outcome_of_translation(&translation);
        return false;
    }
    *after = translation.apic_page ? vmx_apic_write_emulation(cpu, linear & 0xfff) : vmx_outcome_done(0);
    return true;
}

static uint64_t size_mask(unsigned size)
{
    return size == 8 ? UINT64_MAX : VMX_BIT(8 * size) - 1;
}

uint64_t vmx_register(const struct vmx_state *s, unsigned number, unsigned size)
{
    return s->gpr[number & 15] & size_mask(size);
}

void vmx_set_register(struct vmx_state *s, unsigned number, unsigned size, uint64_t value)
{
    uint64_t *const word = &s->gpr[number & 15];
    const uint64_t kept = size >= 4 ? 0 : ~size_mask(size);
    *word = (*word & kept) | (value & size_mask(size));
}

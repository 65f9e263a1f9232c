/* SPDX-License-Identifier: MIT */
/* The memory operand of an instruction from the VM-exit instruction information.
   SDM 3C, "Information for VM Exits Due to Instruction Execution". */
#include "handlers.h"

uint64_t hv_operand_offset(struct hv_vcpu *vcpu, const struct hv_exit *exit, unsigned *segment)
{
    const uint32_t info = exit->instruction_info;
    enum { INDEX_INVALID = 1u << 22, BASE_INVALID = 1u << 27 };
    uint64_t offset = exit->qualification; /* the displacement; RIP-relative forms have RIP in it */
    if ((info & BASE_INVALID) == 0)
        offset += hv_gpr(vcpu, info >> 23 & 15u);
    if ((info & INDEX_INVALID) == 0)
        offset += hv_gpr(vcpu, info >> 18 & 15u) << (info & 3u);
    *segment = info >> 15 & 7u;
    if (*segment > VMX_GS)
        *segment = VMX_DS;
    switch (info >> 7 & 7u) {
    case 0:
        return (uint16_t)offset;
    case 1:
        return (uint32_t)offset;
    default:
        return offset;
    }
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VMREAD and VMWRITE of registers in VMX root operation, the instructions that hypervisors execute most: without a stop of the engine.
   SDM 3C, "VMREAD", "VMWRITE". Every other form, and every fault, goes the common way. */
#include "../vmx-model/registers.h"
#include "../vmx-model/vmx_instructions.h"
#include "board.h"

/* The instruction at RIP, when its page is the one that was fetched from last. */
static bool decode(const struct bk_vcpu *vcpu, uint64_t rip, struct vmx_instruction *out)
{
    enum { BYTES = 15, LONG_MODE = 64 };
    const uint8_t *code = sim_vcpu_code(vcpu, rip, false);
    return code != NULL && rip % SIM_PAGE + BYTES <= SIM_PAGE && vmx_decode(code + rip % SIM_PAGE, BYTES, LONG_MODE, out) == VMX_DECODED;
}

unsigned sim_board_undefined(void *context, uint64_t rip, uint64_t *flags)
{
    struct bk_vcpu *vcpu = context;
    struct vmx_cpu *cpu = &vcpu->cpu;
    struct vmx_instruction i;
    struct vmx_result result;
    if (vcpu->machine->board == NULL || cpu->operation != VMX_OPERATION_ROOT || vcpu->apic_alone || vcpu->device_alone || !decode(vcpu, rip, &i) ||
        (i.op != VMX_OP_VMREAD && i.op != VMX_OP_VMWRITE) || i.rm != VMX_OPERAND_REGISTER || i.lock || i.rep || i.repne)
        return 0;
    uint64_t *gpr = sim_engine_gpr(vcpu->engine), value = 0;
    if (i.op == VMX_OP_VMREAD) {
        result = vmx_vmread(cpu, gpr[i.reg], true, &value);
        if (result.kind == VMX_RESULT_SUCCEED)
            gpr[i.rm_register] = value;
    } else {
        result = vmx_vmwrite(cpu, gpr[i.reg], true, gpr[i.rm_register]);
    }
    *flags = vmx_result_rflags(&result, 0);
    return i.length;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VMREAD and VMWRITE of registers in VMX root operation, the instructions that hypervisors execute most: without a stop of the engine.
   SDM 3C, "VMREAD", "VMWRITE". Every other form, and every fault, goes the common way. */
#include "../vmx-model/registers.h"
#include "../vmx-model/vmx_instructions.h"
#include "board.h"
#include "vcpu_internal.h"

/* The VMX instruction at RIP, when its page is one that was fetched from; NULL: another one, or it is not known here. */
static const struct vmx_instruction *decode(struct bk_vcpu *vcpu, uint64_t rip, struct vmx_instruction *room)
{
    enum { BYTES = 15, LONG_MODE = 64 };
    const struct vmx_instruction *found;
    const uint8_t *code = sim_vcpu_code(vcpu, rip, false);
    if (code == NULL || rip % SIM_PAGE + BYTES > SIM_PAGE ||
        sim_vcpu_decode(vcpu, rip, LONG_MODE, code + rip % SIM_PAGE, BYTES, room, &found) != VMX_DECODED)
        return NULL;
    return found->op >= VMX_OP_VMCALL && found->op <= VMX_OP_INVVPID ? found : NULL;
}

unsigned sim_board_undefined(void *context, uint64_t rip, uint64_t *flags)
{
    struct vmx_instruction room;
    (void)flags;
    return decode(context, rip, &room) != NULL ? SIM_ENGINE_STOPS : 0;
}

bool sim_board_field(void *context, bool write, unsigned encoding, unsigned value, uint64_t *flags)
{
    struct bk_vcpu *vcpu = context;
    struct vmx_cpu *cpu = &vcpu->cpu;
    if (vcpu->machine->board == NULL || cpu->operation != VMX_OPERATION_ROOT || vcpu->apic_alone || vcpu->device_alone)
        return false;
    uint64_t *gpr = sim_engine_gpr(vcpu->engine), read = 0;
    const struct vmx_result result = write ? vmx_vmwrite(cpu, gpr[encoding], true, gpr[value]) : vmx_vmread(cpu, gpr[encoding], true, &read);
    if (!write && result.kind == VMX_RESULT_SUCCEED)
        gpr[value] = read;
    *flags = vmx_result_rflags(&result, 0);
    return true;
}
